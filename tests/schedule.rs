//! Schedules across clock changes, against cases worked out by hand and against a walk over every minute.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../benches/prove/schedule/history.rs"]
#[expect(dead_code, reason = "the bench draws from more zones and counts more")]
mod history;
#[path = "../benches/prove/schedule/oracle.rs"]
#[expect(dead_code, reason = "the bench walks whole years and says where offsets come from")]
mod oracle;
#[path = "../benches/prove/schedule/walk.rs"]
#[expect(dead_code, reason = "the bench adds tallies up")]
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use disputebot::schedule::{Last, Schedule, ScheduleError};
use jiff::civil::{DateTime, Weekday, date};
use jiff::tz::{self, TimeZone};
use jiff::{SignedDuration, Timestamp};

const NEW_YORK: &str = "America/New_York";

fn schedule(expression: &str, zone: &str) -> Schedule {
    Schedule::parse(expression, zone).unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The next `count` occurrences as "nominal -> what the clock shows".
fn shown(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let zone = TimeZone::get(schedule.zone()).unwrap();
    let mut after = instant(after);
    let mut lines = Vec::new();
    for _ in 0..count {
        let Some(next) = schedule.next_after(after) else { break };
        let clock = next.at.to_zoned_datetime(zone.clone()).strftime("%m-%d %H:%M %Z").to_string();
        lines.push(format!("{} -> {clock}", next.nominal.strftime("%m-%d %H:%M")));
        after = next.at;
    }
    lines
}

#[test]
fn a_time_in_the_spring_gap_is_shifted_not_skipped() {
    let nightly = schedule("30 2 * * *", NEW_YORK);
    assert_eq!(
        shown(&nightly, "2027-03-13T00:00:00Z", 3),
        [
            "03-13 02:30 -> 03-13 02:30 EST",
            "03-14 02:30 -> 03-14 03:30 EDT",
            "03-15 02:30 -> 03-15 02:30 EDT"
        ]
    );
    let weekly = schedule("30 2 * * SUN", NEW_YORK);
    assert_eq!(
        shown(&weekly, "2027-03-08T00:00:00Z", 2),
        ["03-14 02:30 -> 03-14 03:30 EDT", "03-21 02:30 -> 03-21 02:30 EDT"]
    );
}

#[test]
fn a_time_that_comes_twice_in_autumn_fires_once_the_first_time() {
    let nightly = schedule("30 1 * * *", NEW_YORK);
    assert_eq!(
        shown(&nightly, "2027-11-06T00:00:00Z", 3),
        [
            "11-06 01:30 -> 11-06 01:30 EDT",
            "11-07 01:30 -> 11-07 01:30 EDT",
            "11-08 01:30 -> 11-08 01:30 EST"
        ]
    );
}

#[test]
fn many_times_an_hour_pauses_while_the_hour_is_repeated() {
    let half_hourly = schedule("*/30 * * * *", NEW_YORK);
    assert_eq!(
        shown(&half_hourly, "2027-11-07T04:45:00Z", 4),
        [
            "11-07 01:00 -> 11-07 01:00 EDT",
            "11-07 01:30 -> 11-07 01:30 EDT",
            "11-07 02:00 -> 11-07 02:00 EST",
            "11-07 02:30 -> 11-07 02:30 EST"
        ]
    );
    let in_the_second_pass = half_hourly.next_after(instant("2027-11-07T06:15:00Z")).unwrap();
    assert_eq!(in_the_second_pass.at, instant("2027-11-07T07:00:00Z"));
}

#[test]
fn times_that_meet_after_the_gap_are_one_occurrence_named_by_the_clock() {
    let half_hourly = schedule("*/30 * * * *", NEW_YORK);
    assert_eq!(
        shown(&half_hourly, "2027-03-14T06:15:00Z", 4),
        [
            "03-14 01:30 -> 03-14 01:30 EST",
            "03-14 03:00 -> 03-14 03:00 EDT",
            "03-14 03:30 -> 03-14 03:30 EDT",
            "03-14 04:00 -> 03-14 04:00 EDT"
        ]
    );
}

#[test]
fn a_half_hour_gap_neither_skips_nor_swaps() {
    let lord_howe = schedule("10,35 2 * * *", "Australia/Lord_Howe");
    assert_eq!(
        shown(&lord_howe, "2027-10-02T12:00:00Z", 3),
        [
            "10-03 02:35 -> 10-03 02:35 +11",
            "10-03 02:10 -> 10-03 02:40 +11",
            "10-04 02:10 -> 10-04 02:10 +11"
        ]
    );
}

#[test]
fn a_day_that_a_zone_left_out_runs_on_the_next() {
    let fridays = schedule("0 12 * * FRI", "Pacific/Apia");
    assert_eq!(
        shown(&fridays, "2011-12-25T00:00:00Z", 2),
        ["12-30 12:00 -> 12-31 12:00 +14", "01-06 12:00 -> 01-06 12:00 +14"]
    );
    let daily = schedule("0 12 * * *", "Pacific/Apia");
    assert_eq!(
        shown(&daily, "2011-12-29T00:00:00Z", 3),
        [
            "12-29 12:00 -> 12-29 12:00 -10",
            "12-31 12:00 -> 12-31 12:00 +14",
            "01-01 12:00 -> 01-01 12:00 +14"
        ]
    );
}

#[test]
fn what_can_never_occur_is_refused() {
    for expression in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 29 2 * 2027"] {
        assert_eq!(
            Schedule::parse(expression, "UTC").unwrap_err(),
            ScheduleError::NeverOccurs { expression: expression.to_owned() }
        );
    }
    let leap = schedule("0 0 29 2 *", "UTC");
    assert_eq!(leap.next_after(instant("2027-01-01T00:00:00Z")).unwrap().at, instant("2028-02-29T00:00:00Z"));
}

#[test]
fn an_unknown_zone_is_refused() {
    for zone in ["Europe/Atlantis", "", "EST6", "Etc/Unknown"] {
        assert_eq!(
            Schedule::parse("@daily", zone).unwrap_err(),
            ScheduleError::UnknownZone { zone: zone.to_owned() }
        );
    }
}

#[test]
fn a_schedule_with_years_ends() {
    let once = schedule("0 0 6 1 1 ? 2027", "UTC");
    let only = once.next_after(instant("2026-11-01T00:00:00Z")).unwrap();
    assert_eq!(only.at, instant("2027-01-01T06:00:00Z"));
    assert_eq!(once.next_after(only.at), None);
}

#[test]
fn an_id_names_expression_nominal_time_and_zone() {
    let spaced = schedule("  30  2 * *   * ", "america/new_york");
    let shifted = spaced.next_after(instant("2027-03-14T06:00:00Z")).unwrap();
    assert_eq!(shifted.id(), "30 2 * * *|2027-03-14T02:30:00|America/New_York");
    assert_eq!(spaced.to_string(), "30 2 * * * (America/New_York)");
}

#[test]
fn what_was_missed_is_caught_up_by_the_latest_only() {
    let weekly = schedule("0 6 * * MON", NEW_YORK);
    let last = weekly.next_after(instant("2027-01-01T00:00:00Z")).unwrap();
    assert_eq!(last.at, instant("2027-01-04T11:00:00Z"));
    let id = last.id();
    let ran = Last::Ran { id: &id, at: last.at };

    assert_eq!(weekly.due(ran, instant("2027-01-11T10:59:59Z")), None, "not yet");
    let on_time = weekly.due(ran, instant("2027-01-11T11:00:00Z")).unwrap();
    assert_eq!(on_time.nominal, date(2027, 1, 11).at(6, 0, 0, 0));
    let late = weekly.due(ran, instant("2027-03-28T12:00:00Z")).unwrap();
    assert_eq!(late.nominal, date(2027, 3, 22).at(6, 0, 0, 0), "the latest of eleven");
    assert_eq!(weekly.due(ran, instant("2026-12-01T00:00:00Z")), None, "the clock was set back");
}

#[test]
fn nothing_before_the_schedule_came_into_force_is_due() {
    let daily = schedule("@daily", "UTC");
    let never = Last::Never { since: instant("2027-01-04T08:00:00Z") };
    assert_eq!(daily.due(never, instant("2027-01-04T23:59:59Z")), None);
    assert_eq!(
        daily.due(never, instant("2027-01-05T00:00:00Z")).unwrap().at,
        instant("2027-01-05T00:00:00Z")
    );
}

#[test]
fn an_occurrence_that_a_new_zone_rule_moved_is_not_run_again() {
    let daily = schedule("0 6 * * *", NEW_YORK);
    let now = instant("2027-01-04T12:00:00Z");
    let today = daily.due(Last::Never { since: instant("2027-01-04T00:00:00Z") }, now).unwrap();
    let under_old_rules = today.at - SignedDuration::from_hours(1);
    assert_eq!(daily.due(Last::Ran { id: &today.id(), at: under_old_rules }, now), None);
}

/// Every minute of civil time with its instant, in order. Built without the crate `cron` and without
/// jiff's rules for gaps and folds: each local minute is bound to the first instant that shows it, and a
/// minute no instant shows is counted on from the last one that was shown.
fn every_minute(zone: &TimeZone, from: DateTime, days: i64) -> Vec<(DateTime, Timestamp)> {
    let minute = SignedDuration::from_mins(1);
    let utc = TimeZone::UTC.to_timestamp(from).unwrap();
    let mut first_shown: HashMap<DateTime, Timestamp> = HashMap::new();
    let mut walked = utc - SignedDuration::from_hours(48);
    while walked < utc + SignedDuration::from_hours(24 * days + 48) {
        first_shown.entry(zone.to_datetime(walked)).or_insert(walked);
        walked += minute;
    }
    let mut minutes = Vec::new();
    let mut local = from;
    let mut at = first_shown[&(from - minute)];
    for _ in 0..days * 24 * 60 {
        at = first_shown.get(&local).copied().unwrap_or(at + minute);
        minutes.push((local, at));
        local += minute;
    }
    minutes
}

fn matching(minutes: &[(DateTime, Timestamp)], matches: fn(DateTime) -> bool) -> BTreeSet<Timestamp> {
    minutes.iter().filter(|(local, _)| matches(*local)).map(|(_, at)| *at).collect()
}

type Case = (&'static str, fn(DateTime) -> bool);

const CASES: [Case; 7] = [
    ("*/15 * * * *", |local| local.minute() % 15 == 0),
    ("10,35 2 * * *", |local| local.hour() == 2 && [10, 35].contains(&local.minute())),
    ("5 0-4 * * *", |local| local.hour() <= 4 && local.minute() == 5),
    ("30 1-3/2 * * 1-5", |local| {
        [1, 3].contains(&local.hour())
            && local.minute() == 30
            && !matches!(local.weekday(), Weekday::Saturday | Weekday::Sunday)
    }),
    ("0 2 * * 7", |local| local.hour() == 2 && local.minute() == 0 && local.weekday() == Weekday::Sunday),
    ("59 23 31 * *", |local| local.day() == 31 && local.hour() == 23 && local.minute() == 59),
    ("0 0 1 jan,jul ?", |local| {
        [1, 7].contains(&local.month()) && local.day() == 1 && local.hour() == 0 && local.minute() == 0
    }),
];

#[test]
fn agrees_with_a_walk_over_every_minute_of_a_year() {
    for (zone_name, year) in [("Australia/Lord_Howe", 2027), ("Pacific/Apia", 2011)] {
        let zone = TimeZone::get(zone_name).unwrap();
        let from = date(year, 1, 1).at(0, 0, 0, 0);
        let minutes = every_minute(&zone, from, 365);
        let end = zone.to_timestamp(from + SignedDuration::from_hours(365 * 24)).unwrap();
        for (expression, matches) in CASES {
            let expected = matching(&minutes, matches);
            let schedule = schedule(expression, zone_name);
            let mut found = BTreeSet::new();
            let mut after = zone.to_timestamp(from).unwrap() - SignedDuration::from_secs(1);
            while let Some(next) = schedule.next_after(after).filter(|next| next.at < end) {
                assert!(next.at > after, "{expression} in {zone_name} went back at {after}");
                after = next.at;
                found.insert(next.at);
            }
            let skipped: Vec<_> = expected.difference(&found).collect();
            let invented: Vec<_> = found.difference(&expected).collect();
            assert!(
                skipped.is_empty() && invented.is_empty(),
                "{expression} in {zone_name}: skipped {skipped:?}, invented {invented:?}"
            );
        }
    }
}

#[test]
fn from_any_instant_next_and_due_agree_with_the_walk() {
    const SEED: u64 = 0x5EED_2027;
    println!("seed {SEED:#x}");
    let mut state = SEED;
    let mut random = move |below: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33).cast_signed() % below
    };
    for (zone_name, from, days) in [
        (NEW_YORK, date(2027, 3, 8), 14),
        (NEW_YORK, date(2027, 11, 1), 14),
        ("Australia/Lord_Howe", date(2027, 9, 28), 14),
        ("Pacific/Apia", date(2011, 12, 22), 20),
    ] {
        let zone = TimeZone::get(zone_name).unwrap();
        let from = from.at(0, 0, 0, 0);
        let begin = zone.to_timestamp(from).unwrap();
        let minutes = every_minute(&zone, from, days);
        for (expression, matches) in &CASES[..5] {
            let expected = matching(&minutes, *matches);
            let schedule = schedule(expression, zone_name);
            for _ in 0..200 {
                let since = begin + SignedDuration::from_millis(random(6 * 86_400_000));
                let now = since + SignedDuration::from_millis(random(5 * 86_400_000));
                let next = expected.range(since..).find(|at| **at > since);
                assert_eq!(
                    schedule.next_after(since).map(|next| next.at),
                    next.copied(),
                    "{expression} {since}"
                );
                let latest = expected.range(since..=now).next_back().filter(|at| **at > since);
                let due = schedule.due(Last::Never { since }, now).map(|due| due.at);
                assert_eq!(due, latest.copied(), "{expression} in {zone_name} since {since} at {now}");
            }
        }
    }
}

#[test]
fn years_of_missed_minutes_are_caught_up_quickly() {
    let minutely = schedule("* * * 1 *", NEW_YORK);
    let never = Last::Never { since: instant("1990-01-01T00:00:00Z") };
    let due = minutely.due(never, instant("2027-06-01T00:00:00Z")).unwrap();
    assert_eq!(due.nominal, date(2027, 1, 31).at(23, 59, 0, 0));
}

#[test]
fn a_clock_set_back_by_an_hour_repeats_nothing() {
    let hourly = schedule("@hourly", NEW_YORK);
    let handled = [("…", instant("2027-06-01T12:00:00Z"))];
    let set_back = instant("2027-06-01T11:05:00Z");
    assert_eq!(hourly.due(Last::of(handled, set_back, set_back), instant("2027-06-01T12:59:00Z")), None);
    let next = instant("2027-06-01T13:00:00Z");
    assert_eq!(hourly.due(Last::of(handled, set_back, next), next).unwrap().at, next);
}

#[test]
fn a_clock_that_was_years_ahead_silences_nothing_when_it_is_right_again() {
    let daily = schedule("@daily", "UTC");
    let handled = [("…", instant("2027-06-01T00:00:00Z")), ("…", instant("2037-06-01T00:00:00Z"))];
    let since = instant("2027-06-01T12:00:00Z");
    let due = |now| daily.due(Last::of(handled, since, now), now).map(|due| due.at);
    assert_eq!(due(instant("2027-06-01T23:59:59Z")), None);
    assert_eq!(due(instant("2027-06-04T09:00:00Z")), Some(instant("2027-06-04T00:00:00Z")));
}

#[test]
fn a_clock_that_was_years_behind_repeats_nothing_when_it_is_right_again() {
    let daily = schedule("@daily", "UTC");
    let today = daily.next_after(instant("2027-05-31T12:00:00Z")).unwrap();
    let id = today.id();
    let handled = [("…", instant("2017-06-01T00:00:00Z")), (id.as_str(), today.at)];
    let since = instant("2017-05-31T12:00:00Z");
    let due = |now| daily.due(Last::of(handled, since, now), now).map(|due| due.at);
    assert_eq!(due(instant("2027-06-01T12:00:00Z")), None);
    assert_eq!(due(instant("2017-06-02T12:00:00Z")), Some(instant("2017-06-02T00:00:00Z")));
}

#[test]
fn a_clock_set_to_any_day_that_was_lived_repeats_nothing() {
    let half_daily = schedule("0 0,20 * * *", NEW_YORK);
    let since = instant("2027-01-01T00:00:00Z");
    let first = half_daily.next_after(since).unwrap();
    let mut ledger = BTreeMap::new();
    let mut next = first.clone();
    for _ in 0..200 {
        ledger.insert(next.day(), (next.id(), next.at));
        next = half_daily.next_after(next.at).unwrap();
    }
    assert!(ledger.len() < 150, "one of each day: {}", ledger.len());
    let mut now = first.at;
    while now < next.at {
        let recorded = ledger.values().map(|(id, at)| (id.as_str(), *at));
        assert_eq!(half_daily.due(Last::of(recorded, since, now), now), None, "{now}");
        now += SignedDuration::from_mins(50);
    }
}

#[test]
fn every_zone_agrees_with_the_oracle_around_every_change_of_its_clock() {
    let calendar = oracle::Calendar::new();
    let fields = oracle::Fields::read("30 0-3 * * *");
    let (mut zones, mut occurrences) = (0, 0);
    for name in tz::db().available() {
        let zone = oracle::Zone::read(name.as_str());
        zones += 1;
        let Ok(schedule) = Schedule::parse(fields.text, &zone.name) else { continue };
        for change in zone.changes() {
            let span = (change - 50_000, change + 50_000);
            let tally = walk::compare(&schedule, &calendar, &fields, &zone, span);
            assert_eq!(tally.differences, 0, "{schedule}: {:?}", tally.first);
            occurrences += tally.occurrences;
        }
    }
    assert!(zones > 400 && occurrences > 10_000, "{zones} zones, {occurrences} occurrences");
}

#[test]
fn no_life_of_a_daemon_misses_repeats_or_disorders_an_occurrence() {
    let cases = history::cases(
        &[NEW_YORK, "Australia/Lord_Howe", "Africa/Casablanca"],
        &["30 2 * * *", "0 6 * * MON", "59 1 28-31 * *"],
    );
    for seed in 1..=100 {
        let life = history::live(seed, &cases);
        assert!(life.is_ok(), "seed {seed}: {}", life.unwrap_err());
    }
}
