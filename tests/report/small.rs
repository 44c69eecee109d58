//! Small histories made by hand, of one rule each.

use std::collections::BTreeMap;

use disputebot::{
    dispute::{Program, Text},
    group::{Group, GroupId, Status},
    plan::{Issue, Link, Ruling, RulingKind, Ticket},
    report::{self, TicketKey, Weekly},
    state::{Change, Due, GroupRecord, History, Rows, RunRecord, Snapshot, Sum, Untried, Waiting},
    ticket::facts::Figures,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

use crate::{later, links, week};

const CLIENT: &str = "Example Pharma A";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(one: u128) -> GroupId {
    GroupId::from_bits(one << 96)
}

fn group(one: u128, members: &[&str], status: Status) -> GroupRecord {
    let members: Vec<Text> = members.iter().map(|member| (*member).into()).collect();
    GroupRecord {
        coarse: false,
        due: Vec::new(),
        spread: None,
        figures: Figures {
            disputes: members.len(),
            exposed: Decimal::from(100 * members.len()),
            ..Figures::default()
        },
        group: Group {
            id: id(one),
            program: Program::Mdrp,
            client: CLIENT.into(),
            patterns: Vec::new(),
            members,
            since: at("2026-10-01T06:00:00Z"),
            split_from: None,
            status,
            pending: Vec::new(),
        },
        title: format!("rule {one}"),
        cause: "Units exceed sales".into(),
        who: "state".into(),
    }
}

fn ticket(one: u128) -> Ticket {
    let issue = Issue { id: (10_000 + one).to_string(), key: format!("DISP-{one}") };
    Ticket { link: Link::Bound { issue }, ..Ticket::none(id(one)) }
}

/// A group with a ticket to be.
pub(crate) fn found() -> Change {
    Change::Group(group(1, &["a", "b"], Status::Active))
}

pub(crate) fn run(name: &str, when: &str, due: &[(&str, usize)]) -> RunRecord {
    let day = |text: &str| text.parse::<Date>().unwrap();
    let snapshot = Snapshot {
        due: due
            .iter()
            .map(|(on, disputes)| Due {
                day: day(on),
                program: Program::Mdrp.as_str().to_owned(),
                sum: Sum { disputes: *disputes, exposed: Decimal::from(1_000), recoverable: Decimal::ZERO },
                alone: 0,
            })
            .collect(),
        ..Snapshot::default()
    };
    RunRecord {
        id: name.to_owned(),
        at: at(when),
        fingerprint: name.to_owned(),
        incomplete: Vec::new(),
        rows: Rows::default(),
        programs: BTreeMap::new(),
        ageing: BTreeMap::new(),
        groups: 1,
        events: BTreeMap::new(),
        moved: (0, 0),
        done: Vec::new(),
        failed: Vec::new(),
        untried: Untried::default(),
        held: BTreeMap::new(),
        waiting: Vec::new(),
        holds: Vec::new(),
        clients: BTreeMap::from([(CLIENT.to_owned(), snapshot)]),
        rejects: Vec::new(),
        files: None,
        sources: Vec::new(),
        shared: (0, 0),
    }
}

fn history(changes: Vec<(&str, Change)>) -> History {
    let mut history = History::of(week().bounds_of(report::WEEKS, &TimeZone::UTC));
    for (when, change) in changes {
        history.take(at(when), change);
    }
    history
}

fn weekly(history: &History) -> Weekly {
    report::weekly(history, week(), &TimeZone::UTC, None, later())
}

const BEFORE: &str = "2026-11-10T06:00:00Z";
const WITHIN: &str = "2026-11-18T06:00:00Z";

#[test]
fn what_is_due_later_in_a_running_week_is_ahead_and_not_overdue() {
    let due =
        [("2026-11-16", 1), ("2026-11-17", 2), ("2026-11-20", 4), ("2026-11-30", 8), ("2026-12-01", 16)];
    let tuesday = "2026-11-17T06:00:00Z";
    let history = history(vec![
        (BEFORE, Change::Group(group(1, &["a"], Status::Active))),
        (tuesday, Change::Run(Box::new(run("1", tuesday, &due)))),
    ]);
    let as_of = |now: &str| report::weekly(&history, week(), &TimeZone::UTC, None, at(now));
    let days = |weekly: &Weekly| -> Vec<(String, usize)> {
        let of = |one: &report::Deadline| (one.day.to_string(), one.stake.sum.disputes);
        weekly.deadlines.iter().map(of).collect()
    };
    let running = as_of("2026-11-17T12:00:00Z");
    let ahead = ("2026-11-17".parse().unwrap(), "2026-11-30".parse().unwrap());
    assert_eq!(running.ahead, ahead, "fourteen days from the day of the run on");
    assert_eq!(
        days(&running),
        [("2026-11-17".to_owned(), 2), ("2026-11-20".to_owned(), 4), ("2026-11-30".to_owned(), 8)]
    );
    assert_eq!(running.overdue.sum.disputes, 1);
    assert!(
        running.story[2].starts_with("From 17 November to 30 November 14 disputes fall due"),
        "{:?}",
        running.story
    );
    assert!(running.story[2].ends_with("; 1 dispute is overdue already."), "{:?}", running.story);
    assert_eq!(as_of("2026-11-22T23:59:59Z"), running, "until the week is over");
    let page = report::html(&running, &history.head, &links()).unwrap();
    assert!(
        page.contains("class=\"plot days\" height=\"250\""),
        "two weeks that begin on a Tuesday lie in three rows"
    );
    let over = as_of("2026-11-23T00:00:00Z");
    assert_eq!(days(&over), [("2026-11-30".to_owned(), 8), ("2026-12-01".to_owned(), 16)]);
    assert_eq!(over.overdue.sum.disputes, 7);
}

fn ruling(name: &str, of: u128, when: &str, kind: RulingKind) -> Change {
    let ruling = Ruling {
        id: name.to_owned(),
        at: at(when),
        group: id(of),
        key: format!("DISP-{of}"),
        members: vec!["a".into(), "b".into()],
        kind,
        lifted: false,
    };
    Change::Ruling { ruling }
}

/// Seven open groups with tickets, and what people decided about five of them.
fn decided() -> History {
    let mut changes = Vec::new();
    for one in 1..=7 {
        changes.push((BEFORE, Change::Group(group(one, &[&format!("d{one}")], Status::Active))));
        changes.push((BEFORE, Change::Ticket(ticket(one))));
    }
    changes.push((WITHIN, ruling("c-1", 1, WITHIN, RulingKind::NotAGroup)));
    let apart = RulingKind::Apart { attribute: "covered_entity".to_owned() };
    changes.push((BEFORE, ruling("c-2", 2, BEFORE, apart)));
    changes.push((WITHIN, ruling("c-3", 3, WITHIN, RulingKind::Together { with: id(4) })));
    changes.push((BEFORE, ruling("closed", 5, BEFORE, RulingKind::Closed)));
    let Change::Ruling { ruling: back } = ruling("c-6", 6, BEFORE, RulingKind::NotAGroup) else {
        return history(changes);
    };
    changes.push((WITHIN, Change::Ruling { ruling: Ruling { lifted: true, ..back } }));
    let held = |of, kind: &str| Waiting {
        group: id(of),
        kind: kind.to_owned(),
        words: kind.to_owned(),
        overruled: true,
    };
    let run = RunRecord {
        waiting: vec![held(5, "closed by a person"), held(7, "changed by a person")],
        ..run("1", WITHIN, &[])
    };
    changes.push((WITHIN, Change::Run(Box::new(run))));
    history(changes)
}

#[test]
fn all_that_people_decided_about_groups_counts_as_disagreement_until_they_take_it_back() {
    let report = weekly(&decided());
    let quality = &report.quality;
    let count = |what: &str, count| (what.to_owned(), count);
    assert_eq!(
        quality.disagreed,
        BTreeMap::from([
            count("called no group by a person", 1),
            count("closed by a person", 1),
            count("put together with another by a person", 2),
            count("split by a person", 1),
        ])
    );
    assert_eq!(
        quality.disagreed_keys,
        ["DISP-1", "DISP-2", "DISP-3", "DISP-4", "DISP-5"].map(TicketKey::from)
    );
    assert_eq!((quality.agreed.part, quality.agreed.whole), (2, 7));
    assert_eq!(
        quality.decided,
        BTreeMap::from([
            count("called no group by a person", 1),
            count("put together with another by a person", 1)
        ])
    );
}

#[test]
fn what_people_decided_is_told_where_they_overrode_the_machine_once_and_what_is_new_first() {
    let report = weekly(&decided());
    let told: Vec<(&str, &str, bool)> =
        report.overruled.iter().map(|one| (one.key.as_str(), one.words.as_str(), one.new)).collect();
    assert_eq!(
        told,
        [
            ("DISP-5", "closed by a person", true),
            ("DISP-7", "changed by a person", true),
            ("DISP-1", "a person said that its 2 disputes are no group", true),
            ("DISP-3", "a person said that DISP-3 has the cause of DISP-4", true),
            ("DISP-2", "a person split it by covered entity", false),
        ]
    );
}

#[test]
fn a_group_whose_disputes_go_on_under_another_name_has_lost_its_id() {
    let resolved = Status::Resolved { at: at(WITHIN) };
    let history = history(vec![
        (BEFORE, Change::Group(group(1, &["a", "b", "c"], Status::Active))),
        (BEFORE, Change::Group(group(2, &["d", "e", "f"], Status::Active))),
        (BEFORE, Change::Group(group(3, &["g", "h", "i"], Status::Active))),
        (BEFORE, Change::Group(group(4, &["j"], Status::Active))),
        (BEFORE, Change::Ticket(ticket(1))),
        (WITHIN, Change::Group(group(1, &[], resolved.clone()))),
        (WITHIN, Change::Group(group(2, &[], resolved))),
        (WITHIN, Change::Group(group(3, &["g"], Status::Active))),
        // Takes over the first and the larger part of the third; the second is settled.
        (WITHIN, Change::Group(group(9, &["a", "b", "h", "i", "z"], Status::Active))),
    ]);
    let quality = weekly(&history).quality;
    assert_eq!((quality.ids_kept.part, quality.ids_kept.whole), (2, 4));
    assert_eq!(quality.ids_lost, [id(3).short(), "DISP-1"].map(TicketKey::from));
}

#[test]
fn what_the_source_changed_of_the_same_disputes_is_noted_with_its_tickets() {
    let with = |one, members: &[&str], change: fn(&mut Figures)| {
        let mut record = group(one, members, Status::Active);
        change(&mut record.figures);
        Change::Group(record)
    };
    let mut changes = Vec::new();
    for one in 1..=5 {
        changes.push((BEFORE, Change::Group(group(one, &["a", "b"], Status::Active))));
        changes.push((BEFORE, Change::Ticket(ticket(one))));
    }
    changes.push((WITHIN, with(1, &["a", "b"], |figures| figures.exposed += Decimal::ONE)));
    let paid: fn(&mut Figures) = |figures| std::mem::swap(&mut figures.exposed, &mut figures.recoverable);
    changes.push((WITHIN, with(2, &["a", "b"], paid)));
    changes.push((WITHIN, with(3, &["a", "b"], |figures| figures.due = Some(Date::MIN))));
    changes.push((
        WITHIN,
        with(4, &["a", "b"], |figures| {
            figures.units.insert("ML".to_owned(), Decimal::ONE);
        }),
    ));
    // One dispute came and one went: its figures may differ for that.
    changes.push((WITHIN, with(5, &["a", "c"], |figures| figures.exposed += Decimal::TEN)));
    let of = |what: &str, key: &str| {
        format!(
            "The {what} of 1 root cause were changed at the source this week while their disputes stayed the same: {key}."
        )
    };
    assert_eq!(
        weekly(&history(changes)).corrections,
        [
            of("amounts", "DISP-1"),
            of("statuses of the money (exposed or recoverable)", "DISP-2"),
            of("units", "DISP-4"),
            of("deadlines", "DISP-3"),
        ]
    );
}

#[test]
fn what_a_report_cannot_show_at_once_it_counts_and_the_json_form_has_all_of_it() {
    let failed = (0..45).map(|one| (id(1), "update".to_owned(), format!("refusal {one}"))).collect();
    let run = RunRecord { failed, ..run("1", WITHIN, &[]) };
    let history = history(vec![
        (BEFORE, Change::Group(group(1, &["a"], Status::Active))),
        (WITHIN, Change::Run(Box::new(run))),
    ]);
    let report = weekly(&history);
    assert_eq!(report.failed.len(), 45);
    let page = report::html(&report, &history.head, &report::Links::default()).unwrap();
    assert!(page.contains("refusal 39") && !page.contains("refusal 40"));
    assert!(page.contains(r#"<data value=".failed | length - 40">5</data> more in the JSON form"#), "{page}");
}

#[test]
fn a_week_with_input_that_was_not_whole_or_was_replaced_says_so() {
    let rows = Rows { read: 10, superseded: 7, ..Rows::default() };
    let run = RunRecord {
        incomplete: vec!["a file is missing".to_owned()],
        rows,
        shared: (2, 1),
        ..run("1", WITHIN, &[])
    };
    let report = weekly(&history(vec![(WITHIN, Change::Run(Box::new(run)))]));
    let last = report.story.last().unwrap();
    assert!(
        last.contains("in 1 of 1 run the input was incomplete, so that nothing was closed there"),
        "{last}"
    );
    let told = report.corrections.join(" ");
    assert!(told.contains("4 rows are replaced by a later file."), "{told}");
    assert!(told.contains("3 disputes are in more than one source, 1 of them with other contents"), "{told}");
}
