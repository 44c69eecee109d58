//! Twenty weeks of an invented history for pages to show: two clients, some fifty groups that come, grow, split,
//! merge, are settled and come back. All of it is arithmetic, so it is the same on every day.

use std::collections::{BTreeMap, BTreeSet};

use disputebot::{
    cluster::{Attribute, Item},
    dispute::{Program, Text},
    group::{Group, GroupId, Pattern, Pending, Status},
    plan::{Asked, Closed, Command, Issue, Life, Link, Orders, Reason, Ruling, RulingKind, Ticket, Written},
    state::{
        ByCode, Change, Done, Due, Fit, GroupRecord, History, Holds, Rows, RuleFit, RunRecord, Snapshot,
        SourceRecord, Spread, Sum, Untried, Waiting,
    },
    ticket::facts::Figures,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

/// Sunday of the last week, 2026-W47.
pub(crate) const LAST: Date = jiff::civil::date(2026, 11, 22);
const WEEKS: i64 = 20;
const GROUPS: i64 = 52;
pub(crate) const CLIENTS: [&str; 2] = ["Example Pharma A", "Example Pharma B"];
const PROGRAMS: [Program; 4] = [Program::Mdrp, Program::P340b, Program::PartDMdp, Program::Mfp];
const CAUSES: [(&str, &str, &str); 6] = [
    ("FFS carve-in NPI not excluded by state", "state", "covered entity DSH990579, reason code X"),
    ("HCPCS billing units invoiced as NDC units", "state", "NDC 98001-1037-01, ratio 10"),
    ("Duplicate claim in the file", "state or PBM", "NM, 2026Q2"),
    ("Contract pharmacy dispense, not confirmed", "covered entity", "pharmacy NPI 1234567893"),
    ("Terminated NDC past shelf life", "pharmacy", "product family Exampladin, reason code N"),
    ("Units exceed sales", "state or labeler", "NDC 98001-1155-01, MI"),
];
const STATES: [&str; 16] =
    ["CA", "TX", "NY", "FL", "OH", "PA", "IL", "NC", "GA", "WA", "AZ", "LA", "AL", "IA", "NM", "VT"];

/// The instant of the run of a week, counted from the first.
pub(crate) fn at(week: i64) -> Timestamp {
    let day = LAST.saturating_sub(((WEEKS - 1 - week) * 7).days());
    day.at(6, 0, 0, 0).to_zoned_datetime(TimeZone::UTC).unwrap().timestamp()
}

/// The whole history up to the last week.
pub(crate) fn history(text: &dyn Fn(&str) -> String) -> History {
    let week: disputebot::report::Week = "2026-W47".parse().unwrap();
    let mut history = History::of(week.bounds_of(disputebot::report::WEEKS, &TimeZone::UTC));
    for (at, change) in changes(text) {
        history.take(at, change);
    }
    history
}

/// Everything that was recorded, in order. `text` makes each foreign text of an innocent one.
pub(crate) fn changes(text: &dyn Fn(&str) -> String) -> Vec<(Timestamp, Change)> {
    let mut changes = Vec::new();
    let mut known: BTreeMap<i64, GroupRecord> = BTreeMap::new();
    let mut tickets: BTreeMap<i64, Ticket> = BTreeMap::new();
    for week in 0..WEEKS {
        let mut done = Vec::new();
        for one in 0..GROUPS {
            let Some(record) = record(one, week, text) else { continue };
            let before = known.get(&one);
            if before.is_none() {
                tickets.insert(one, ticket(one, text));
                changes.push((at(week), Change::Ticket(tickets[&one].clone())));
                done.push(write(one, "create", false, Reason::NewGroup));
            } else if before != Some(&record) {
                let was_active = before.is_some_and(|before| before.group.status == Status::Active);
                let (kind, closed, reason) = match &record.group.status {
                    Status::Active if was_active => ("update", false, Reason::Changed { joined: 3, left: 1 }),
                    Status::Active => ("transition", false, Reason::Returned),
                    Status::Resolved { .. } => ("transition", true, Reason::AllResolved),
                    Status::Merged { into, .. } => {
                        ("transition", true, Reason::MergedInto { group: into.clone() })
                    }
                };
                let ticket = tickets.get_mut(&one).unwrap();
                changes
                    .extend(steps(ticket, kind, closed, week).map(|step| (at(week), Change::Ticket(step))));
                done.push(write(one, kind, closed, reason));
            }
            if before != Some(&record) {
                changes.push((at(week), Change::Group(record.clone())));
                known.insert(one, record);
            }
        }
        changes.extend(people(week, &tickets, text).into_iter().map(|change| (at(week), change)));
        changes.push((at(week), Change::Run(Box::new(run(week, &known, done, text)))));
    }
    changes
}

fn id(one: i64) -> GroupId {
    GroupId::from_bits((0x1357_9bdf_u128 << 96).wrapping_mul(u128::try_from(one * 2 + 1).unwrap()))
}

fn start(one: i64) -> i64 {
    if one < 14 { one % 3 } else { (one * 7) % WEEKS }
}

fn record(one: i64, week: i64, text: &dyn Fn(&str) -> String) -> Option<GroupRecord> {
    let (start, life) = (start(one), 5 + (one * 5) % 19);
    let age = week - start;
    if age < 0 {
        return None;
    }
    let status = if one % 13 == 7 && age >= 6 {
        Status::Merged { at: at(start + 6), into: id(one - 1) }
    } else if age >= life && !(one % 17 == 4 && age >= life + 2) {
        Status::Resolved { at: at(start + life) }
    } else {
        Status::Active
    };
    let size = (14 + (one * 37) % 150 + age * ((one % 5) - 1) * 4 + (age * one) % 7).max(4);
    let size = if status == Status::Active { size } else { 0 };
    let program = PROGRAMS[usize::try_from(one % 4).unwrap()];
    let (cause, who, title) = CAUSES[usize::try_from(one % 6).unwrap()];
    let group = Group {
        id: id(one),
        program,
        client: text(CLIENTS[usize::try_from(one % 2).unwrap()]).as_str().into(),
        patterns: (one % 3 == 0).then(|| pattern(state_of(one), text)).into_iter().collect(),
        members: (0..size).map(|n| member(one, n, text)).collect(),
        since: at(start),
        split_from: (one % 11 == 5).then(|| id(one - 1)),
        status,
        pending: match one % 7 {
            3 => vec![Pending::Split { members: vec![member(one, 1, text)], seen: 1 }],
            5 => vec![Pending::Merge { into: id(one - 1), seen: 2 }],
            _ => Vec::new(),
        },
    };
    let count = u32::try_from(size).unwrap();
    let spread = Spread {
        states: vec![(state_of(one).into(), count)],
        entities: vec![(entity_of(one, text).into(), count)],
        opened: vec![(at(start).to_zoned_datetime(TimeZone::UTC).date(), count)],
        fit: Some(Fit {
            matching: count + count / 10,
            found: count - count / 20,
            varying: text("3 products, 41 claims").into(),
            nearest: (one % 4 == 3).then(|| id(one - 1)),
        }),
    };
    let figures = figures(one, size, week);
    Some(GroupRecord {
        due: if size > 0 { figures.due.into_iter().collect() } else { Vec::new() },
        figures,
        spread: (size > 0).then(|| Box::new(spread)),
        group,
        title: text(title),
        cause: text(cause).as_str().into(),
        who: text(who).as_str().into(),
        coarse: false,
    })
}

fn pattern(state: &str, text: &dyn Fn(&str) -> String) -> Pattern {
    let item = |attribute, value: String| Item { attribute, value: value.as_str().into() };
    Pattern::from_items(&[
        item(Attribute::State, state.to_owned()),
        item(Attribute::Payer, text("Example Plan")),
    ])
}

/// The first dispute of some groups has what a stranger may have called it.
fn member(one: i64, n: i64, text: &dyn Fn(&str) -> String) -> Text {
    let name = format!("D-{one:02}-{n:03}");
    if n == 0 && one % 5 == 0 { text(&name).as_str().into() } else { name.as_str().into() }
}

/// What people decided and ordered: on Sunday of the last week, and a month before.
fn people(week: i64, tickets: &BTreeMap<i64, Ticket>, text: &dyn Fn(&str) -> String) -> Vec<Change> {
    let ruling = |name: &str, of: i64, kind| {
        let ruling = Ruling {
            id: name.to_owned(),
            at: at(week),
            group: id(of),
            key: issue(of).key,
            members: (0..4).map(|n| member(of, n, text)).collect(),
            kind,
            lifted: false,
        };
        Change::Ruling { ruling }
    };
    let order = |of: i64, asked: &[(&str, Asked)]| {
        let asked = asked.iter().map(|(comment, asked)| ((*comment).to_owned(), asked.clone())).collect();
        let orders = Orders { heard: 5_003, asked, ..Orders::default() };
        Change::Ticket(Ticket { orders: Some(Box::new(orders)), ..tickets[&of].clone() })
    };
    match week {
        15 => vec![ruling("comment-4001", 11, RulingKind::Apart { attribute: text("covered_entity") })],
        19 => vec![
            ruling("comment-5001", 3, RulingKind::NotAGroup),
            ruling("duplicate-10015", 15, RulingKind::Together { with: id(31) }),
            order(
                3,
                &[
                    ("5001", Asked::Done(Command::NotAGroup)),
                    ("5002", Asked::Failed { order: text("slep"), why: text("there is no order `slep`") }),
                ],
            ),
            order(3, &[]),
        ],
        _ => Vec::new(),
    }
}

/// The state that all disputes of a group are of.
fn state_of(one: i64) -> &'static str {
    let place = usize::try_from(one * one + one).unwrap() % 16;
    STATES[place.min(place * 7 % 16)]
}

fn entity_of(one: i64, text: &dyn Fn(&str) -> String) -> String {
    let place = usize::try_from(one * one + one).unwrap() % 16;
    match ["disproportionate share hospital", "critical access hospital", "unknown"][place % 3] {
        "unknown" => "unknown".to_owned(),
        known => text(known),
    }
}

fn figures(one: i64, size: i64, week: i64) -> Figures {
    if size == 0 {
        return Figures::default();
    }
    let money = Decimal::from(size * (60 + (one * 131) % 900));
    let recoverable = matches!(one % 4, 1 | 2);
    let today = LAST.saturating_sub(((WEEKS - 1 - week) * 7).days());
    Figures {
        disputes: usize::try_from(size).unwrap(),
        units: BTreeMap::from([(
            ["ML", "TAB", "EA", "CAP"][usize::try_from(one % 4).unwrap()].to_owned(),
            Decimal::from(size * 30),
        )]),
        exposed: if recoverable { Decimal::ZERO } else { money },
        recoverable: if recoverable { money } else { Decimal::ZERO },
        without_amount: usize::from(one % 9 == 0),
        due: Some(today.saturating_add(((one * 3) % 24 - 2).days())),
        due_then: 1,
        undated: 0,
    }
}

fn ticket(one: i64, text: &dyn Fn(&str) -> String) -> Ticket {
    let names = [Some("Example Analyst"), None, Some("Example Lead")];
    let assignee = names[usize::try_from(one % 3).unwrap()].map(|name| text(name).into_boxed_str());
    let told = BTreeSet::from([text("changed:summary")]);
    let written = Some(Written::default());
    Ticket { link: Link::Bound { issue: issue(one) }, written, assignee, told, ..Ticket::none(id(one)) }
}

/// What is recorded of a ticket before and after a write.
fn steps(ticket: &mut Ticket, kind: &str, closes: bool, week: i64) -> [Ticket; 2] {
    let mut before = ticket.clone();
    match kind {
        "update" => {
            let written = Written { summary: format!("written in week {week}"), ..Written::default() };
            before.writing = Some(Box::new(written.clone()));
            ticket.written = Some(written);
        }
        _ if closes => {
            before.closed = Closed::Intended;
            (ticket.closed, ticket.closings) = (Closed::ByUs, ticket.closings + 1);
        }
        _ => {
            ticket.closed = Closed::No;
            ticket.life = Some(Box::new(Life { reopened: vec![at(week)], said: Vec::new() }));
        }
    }
    [before, ticket.clone()]
}

fn issue(one: i64) -> Issue {
    Issue { id: (10_001 + one).to_string(), key: format!("DISP-{}", one + 1) }
}

fn write(one: i64, kind: &str, closed: bool, reason: Reason) -> Done {
    Done { group: id(one), issue: issue(one), kind: kind.to_owned(), closed, reason: Some(reason) }
}

fn run(
    week: i64,
    known: &BTreeMap<i64, GroupRecord>,
    done: Vec<Done>,
    text: &dyn Fn(&str) -> String,
) -> RunRecord {
    let mut clients: BTreeMap<String, Snapshot> = BTreeMap::new();
    let mut programs: BTreeMap<String, Figures> = BTreeMap::new();
    let mut ageing: BTreeMap<String, usize> = BTreeMap::new();
    let (mut grouped, mut ungrouped, mut active) = (0, 0, 0);
    for (one, record) in known.iter().filter(|(_, record)| record.group.status == Status::Active) {
        active += 1;
        let size = record.group.members.len();
        let snapshot = clients.entry(record.group.client.to_string()).or_default();
        add(snapshot, *one, week, record, text);
        grouped += size;
        ungrouped += size / 4;
    }
    for snapshot in clients.values_mut() {
        for (program, figures) in &snapshot.programs {
            programs.entry(program.clone()).or_default().join(figures);
        }
        for (band, count) in &snapshot.ageing {
            *ageing.entry(band.clone()).or_default() += count;
        }
        snapshot.due.sort_by_key(|due| (due.day, due.program.clone()));
    }
    let [grouped, ungrouped] = [grouped, ungrouped].map(|count: usize| u64::try_from(count).unwrap());
    RunRecord {
        id: format!("{week:04}"),
        at: at(week),
        fingerprint: week.to_string(),
        incomplete: if week == 9 { vec![text("a file is missing")] } else { Vec::new() },
        rows: Rows {
            read: grouped + ungrouped + 40 + 3,
            grouped,
            ungrouped,
            not_open: 40,
            rejected: if week + 1 == WEEKS { 1 } else { 3 },
            repeated: if week + 1 == WEEKS { 2 } else { 0 },
            superseded: 0,
            netted: 0,
        },
        programs,
        ageing,
        groups: active,
        events: BTreeMap::new(),
        moved: (30, 12),
        done,
        failed: if week == 19 {
            vec![(id(2), "update".to_owned(), text("502 Bad Gateway"))]
        } else {
            Vec::new()
        },
        untried: Untried {
            count: if week == 19 { 502 } else { 0 },
            first: if week == 19 {
                vec![(id(6), "comment".to_owned(), Reason::PersonChanged { field: text("summary") })]
            } else {
                Vec::new()
            },
        },
        held: BTreeMap::from([("closed by a person".to_owned(), 1), ("too small".to_owned(), 4)]),
        waiting: vec![
            waiting(0, "closed by a person", "a person closed it; it stays closed", true, text),
            waiting(4, "changed by a person", "a person changed the summary; it is theirs", true, text),
            waiting(8, "waits for a person", "nobody can tell whether a create was done", false, text),
        ],
        holds: vec![Holds {
            kind: "too small".to_owned(),
            words: text("3 disputes are too few, or their money too little, for a ticket"),
            groups: [45, 47, 49, 51].map(id).into(),
        }],
        clients,
        rejects: vec![text(
            "disputes.csv, line 792, column `manufacturer`: expected the name of a manufacturer, found nothing",
        )],
        files: Some((1, 0)),
        sources: vec![SourceRecord {
            name: text("claims"),
            rows: grouped + ungrouped + 43,
            rejected: 1,
            is_complete: week != 9,
        }],
        shared: (0, 0),
    }
}

fn waiting(one: i64, kind: &str, words: &str, overruled: bool, text: &dyn Fn(&str) -> String) -> Waiting {
    Waiting { group: id(one), kind: kind.to_owned(), words: text(words), overruled }
}

/// Takes in the disputes of one group, and a quarter as many that stand alone.
fn add(snapshot: &mut Snapshot, one: i64, week: i64, record: &GroupRecord, text: &dyn Fn(&str) -> String) {
    let size = record.group.members.len();
    let alone = size / 4;
    let today = LAST.saturating_sub(((WEEKS - 1 - week) * 7).days());
    let mut figures = record.figures.clone();
    figures.disputes += alone;
    let sum = Sum { disputes: figures.disputes, exposed: figures.exposed, recoverable: figures.recoverable };
    snapshot.programs.entry(record.group.program.as_str().to_owned()).or_default().join(&figures);
    let place = usize::try_from(one * one + one).unwrap() % 16;
    *snapshot.states.entry(state_of(one).to_owned()).or_default() += sum;
    *snapshot.entities.entry(entity_of(one, text)).or_default() += sum;
    let days = (week - start(one)) * 7;
    let old = [(0, "0 to 30 days"), (31, "31 to 60 days"), (61, "61 to 90 days"), (91, "over 90 days")];
    for (from, band) in old {
        let next = old.iter().map(|(from, _)| *from).find(|next| *next > from).unwrap_or(i64::MAX);
        let here = if from <= days && days < next { figures.disputes } else { 0 };
        *snapshot.ageing.entry(band.to_owned()).or_default() += here;
    }
    let monday = today.saturating_sub(6.days());
    for back in 0..9 {
        let count = (figures.disputes * usize::try_from(9 - back).unwrap()) / 60
            + 20 * usize::from(week == 19 && back == 3);
        *snapshot.opened.entry(monday.saturating_sub((back * 7).days())).or_default() += count;
    }
    if let Some(day) = record.figures.due {
        snapshot.due.push(Due { day, program: record.group.program.as_str().to_owned(), sum, alone });
    }
    snapshot.grouped += size;
    snapshot.ungrouped += alone;
    snapshot.rules += RuleFit { matching: size + size / 30, found: size - size / 50, members: size };
    let best = RuleFit { matching: 2 * size, found: size * 2 / 5, members: size };
    snapshot.by_code += ByCode { heaps: 1, with_largest: size * 2 / 5, disputes: size, best };
    *snapshot.codes.entry(["A", "D", "N", "X"][place % 4].to_owned()).or_default() += figures.disputes;
    *snapshot.causes.entry(record.cause.to_string()).or_default() += size;
}
