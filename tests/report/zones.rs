//! A week begins and ends where the team is.

use disputebot::{
    report::{self, Week, Weekly},
    state::{Change, History, State},
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{later, links, small, state};

fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn week(text: &str) -> Week {
    text.parse().unwrap()
}

/// A report of one run, and of one group that was found in it.
fn of_run(when: &str, of: &str, zone: &TimeZone) -> Weekly {
    let at: Timestamp = when.parse().unwrap();
    let mut history = History::of(week(of).bounds_of(report::WEEKS, zone));
    if at < *history.bounds.last().unwrap() {
        history.take(at, small::found());
        history.take(at, Change::Run(Box::new(small::run("1", when, &[]))));
    }
    report::weekly(&history, week(of), zone, None, later())
}

fn found(weekly: &Weekly) -> usize {
    weekly.flow.steps.iter().find(|step| step.name == "new").unwrap().count
}

#[test]
fn a_run_late_on_sunday_is_of_the_week_of_the_zone() {
    // Half past eleven in New York, and Monday in UTC.
    let night = "2026-11-23T04:30:00Z";
    for (of, zone, runs) in [
        ("2026-W47", new_york(), 1),
        ("2026-W48", new_york(), 0),
        ("2026-W47", TimeZone::UTC, 0),
        ("2026-W48", TimeZone::UTC, 1),
    ] {
        let weekly = of_run(night, of, &zone);
        assert_eq!((weekly.runs, found(&weekly)), (runs, runs), "{of} in {}", weekly.zone);
    }
}

#[test]
fn weeks_with_a_change_of_clocks_are_an_hour_longer_or_shorter_and_leave_no_gap() {
    for (of, hours) in [("2026-W10", 167), ("2026-W44", 169), ("2026-W47", 168)] {
        let (from, to) = week(of).bounds(&new_york());
        assert_eq!(to.duration_since(from).as_hours(), hours, "{of}");
        let bounds = week(of).bounds_of(3, &new_york());
        assert_eq!(bounds[2..], [from, to]);
        // The last second is of the week, and the next one is not.
        let second = jiff::SignedDuration::from_secs(1);
        assert_eq!(Week::of(to - second, &new_york()), week(of));
        assert_ne!(Week::of(to, &new_york()), week(of));
        assert_eq!(of_run(&(to - second).to_string(), of, &new_york()).runs, 1);
        assert_eq!(of_run(&to.to_string(), of, &new_york()).runs, 0);
    }
}

#[test]
fn the_week_before_the_first_of_a_year_may_be_the_fifty_third() {
    let evening = "2027-01-03T23:00:00Z";
    assert_eq!(Week::of(evening.parse().unwrap(), &TimeZone::UTC), week("2026-W53"));
    assert_eq!(Week::before("2027-01-04T07:00:00Z".parse().unwrap(), &TimeZone::UTC), week("2026-W53"));
    let (last, first) =
        (of_run(evening, "2026-W53", &TimeZone::UTC), of_run(evening, "2027-W01", &TimeZone::UTC));
    assert_eq!((last.runs, first.runs), (1, 0));
    let names: Vec<String> = first.weeks.iter().map(|line| line.week.to_string()).collect();
    assert_eq!(names[names.len() - 3..], ["2026-W52", "2026-W53", "2027-W01"]);
    assert_eq!((first.flow.before, first.flow.after), (1, 1), "what was found in it is open after it");
}

#[test]
fn a_week_reads_the_same_in_its_zone_whatever_was_recorded_after_it() {
    let folder = state();
    let early = week("2026-W40");
    let read = |zone: &TimeZone| {
        let history = History::read(folder.path(), early.bounds_of(report::WEEKS, zone)).unwrap();
        let weekly = report::weekly(&history, early, zone, None, later());
        report::html(&weekly, &history.head, &links()).unwrap()
    };
    let first = read(&new_york());
    assert_eq!(first, read(&new_york()));
    let mut state = State::open(folder.path()).unwrap();
    // The first second of the next week there, and of none in UTC.
    let (_, end) = early.bounds(&new_york());
    state.record(end, &[small::found()]).unwrap();
    assert_eq!(first, read(&new_york()));
    assert_ne!(first, read(&TimeZone::UTC), "each zone has a week of its own");
}
