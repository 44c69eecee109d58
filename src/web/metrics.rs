//! Metrics for Prometheus: counts by closed sets of labels, nothing of a dispute.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{
    view::{TICKET_WORDS, View},
    webhook::Heard,
};
use crate::{
    daemon::SCHEDULES,
    deliver,
    dispute::Program,
    plan::{Link, StrayKind},
};

/// Kinds of holds: each has a series of its own, also where nothing is held.
const HOLDS: [&str; 25] = [
    "over the limit of new tickets",
    "too small",
    "input incomplete",
    "unconfirmed",
    "changed by a person",
    "touched by a person",
    "closed by a person",
    "decided by a person",
    "quiet",
    "ignored",
    "worked on by a person",
    "not visible",
    "not read",
    "outcome unknown",
    "waits for a person",
    "in doubt",
    "merged by a person",
    "copied by a person",
    "refused by Jira",
    "private",
    "comes and goes",
    "said enough",
    "closing is off",
    "a value that Jira does not take",
    "no transition leads there",
];
/// The series of what a record of another build calls by a name that is none of these.
const OTHER: &str = "other";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByProgram {
    program: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BySchedule {
    schedule: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByState {
    state: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByKind {
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByFate {
    fate: String,
}

/// The metrics as text.
pub(super) fn text(view: &View, heard: Option<&Heard>, now: Timestamp) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("disputebot");
    let known = &view.history.known;
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let mut single = |name: &str, help: &str, value: i64| {
        let gauge = Gauge::<i64>::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    single("groups_open", "Open groups", count(view.active));
    single("runs", "Runs that ended", count(known.runs.len()));
    single("journal_records", "Records of the journal", whole(view.history.head.seq));
    single(
        "in_doubt",
        "1 while nothing is created before Jira was read from end to end",
        i64::from(known.doubt.is_some()),
    );
    single(
        "reports_not_sent",
        "Deliveries of reports that were refused or are in doubt",
        count(deliver::open(known).len()),
    );
    let unknown = known.tickets.values().filter_map(|ticket| match &ticket.link {
        Link::Unknown { sent, .. } | Link::Held { sent, .. } => Some(sent.at),
        _ => None,
    });
    let oldest = unknown.min().map_or(0, |sent| now.duration_since(sent).as_secs().max(0));
    single(
        "oldest_unknown_create_seconds",
        "Age of the oldest create of which nobody knows what became",
        oldest,
    );
    if let Some(heard) = heard {
        single("webhook_gap_seconds", "Since the last webhook of Jira, or the start", heard.gap(now));
    }
    if let Some(run) = known.runs.values().next_back() {
        single("last_run_timestamp_seconds", "When the last run began", run.at.as_second());
        single(
            "last_run_complete",
            "1 where the input of the last run was complete",
            i64::from(run.incomplete.is_empty()),
        );
        single("last_run_writes_done", "Writes of the last run", count(run.done.len()));
        single("last_run_writes_failed", "Writes of the last run that failed", count(run.failed.len()));
    }
    let duplicates = Counter::<u64>::default();
    let second = known.strays.values().filter(|stray| stray.kind == StrayKind::Duplicate);
    duplicates.inc_by(second.count() as u64);
    registry.register("duplicates", "Second tickets of a group that were ever found", duplicates);
    let schedules = Family::<BySchedule, Gauge>::default();
    for ran in SCHEDULES.iter().filter_map(|schedule| known.schedules.get(*schedule)) {
        let of = BySchedule { schedule: ran.schedule.clone() };
        schedules.get_or_create(&of).set(ran.at.as_second());
    }
    let help = "The occurrence that each schedule handled last";
    registry.register("schedule_last_timestamp_seconds", help, schedules);
    let tickets = Family::<ByState, Gauge>::default();
    for state in TICKET_WORDS {
        let of = view.standing.get(state).copied().unwrap_or(0);
        tickets.get_or_create(&ByState { state: state.to_owned() }).set(count(of));
    }
    registry.register("tickets", "Tickets by how they stand", tickets);
    let disputes = Family::<ByProgram, Gauge>::default();
    let holds = Family::<ByKind, Gauge>::default();
    let rows = Family::<ByFate, Gauge>::default();
    if let Some(run) = known.runs.values().next_back() {
        for program in Program::ALL {
            let of = run.programs.get(program.as_str()).map_or(0, |figures| figures.disputes);
            disputes.get_or_create(&ByProgram { program: program.as_str().to_owned() }).set(count(of));
        }
        for kind in HOLDS {
            let of = run.held.get(kind).copied().unwrap_or(0);
            holds.get_or_create(&ByKind { kind: kind.to_owned() }).set(count(of));
        }
        let others = run.held.iter().filter(|(kind, _)| !HOLDS.contains(&kind.as_str()));
        let others = others.map(|(_, of)| of).sum();
        holds.get_or_create(&ByKind { kind: OTHER.to_owned() }).set(count(others));
        let fates = [
            ("grouped", run.rows.grouped),
            ("ungrouped", run.rows.ungrouped),
            ("not_open", run.rows.not_open),
            ("repeated", run.rows.repeated),
            ("superseded", run.rows.superseded),
            ("rejected", run.rows.rejected),
            ("netted", run.rows.netted),
        ];
        for (fate, number) in fates {
            rows.get_or_create(&ByFate { fate: fate.to_owned() }).set(whole(number));
        }
    }
    registry.register("disputes_open", "Open disputes of the last run by program", disputes);
    registry.register("held", "What the last run held, by kind", holds);
    registry.register("rows", "Rows of the last run by what became of them", rows);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::plan::HoldReason;

    /// One of each kind. A kind that is added has to be added here, or this does not compile.
    fn one_of_each() -> Vec<HoldReason> {
        let (text, at) = (String::new, Timestamp::UNIX_EPOCH);
        let all = vec![
            HoldReason::Cap { limit: 1 },
            HoldReason::Small { disputes: 1 },
            HoldReason::Incomplete { absent: 1 },
            HoldReason::Unconfirmed { what: text() },
            HoldReason::PersonChanged { field: text() },
            HoldReason::Touched { field: text(), wanted: text() },
            HoldReason::PersonClosed,
            HoldReason::Ruled { key: text(), fresh: 1 },
            HoldReason::Quiet { until: None },
            HoldReason::Ignored,
            HoldReason::PersonWorking { status: text() },
            HoldReason::NotVisible,
            HoldReason::NotRead,
            HoldReason::OutcomeUnknown { until: at },
            HoldReason::Undecided { reason: text() },
            HoldReason::Doubt { reason: text() },
            HoldReason::MergedByPerson { into: text() },
            HoldReason::Cloned { copy: text() },
            HoldReason::Refused { reason: text() },
            HoldReason::Private { what: text() },
            HoldReason::Flapping { times: 1, until: at },
            HoldReason::Spent { topic: text(), limit: 1 },
            HoldReason::ResolveOff,
            HoldReason::Unfit { what: text() },
            HoldReason::NoWay { label: text(), why: text() },
        ];
        for reason in &all {
            match reason {
                HoldReason::Cap { .. }
                | HoldReason::Small { .. }
                | HoldReason::Incomplete { .. }
                | HoldReason::Unconfirmed { .. }
                | HoldReason::PersonChanged { .. }
                | HoldReason::Touched { .. }
                | HoldReason::PersonClosed
                | HoldReason::Ruled { .. }
                | HoldReason::Quiet { .. }
                | HoldReason::Ignored
                | HoldReason::PersonWorking { .. }
                | HoldReason::NotVisible
                | HoldReason::NotRead
                | HoldReason::OutcomeUnknown { .. }
                | HoldReason::Undecided { .. }
                | HoldReason::Doubt { .. }
                | HoldReason::MergedByPerson { .. }
                | HoldReason::Cloned { .. }
                | HoldReason::Refused { .. }
                | HoldReason::Private { .. }
                | HoldReason::Flapping { .. }
                | HoldReason::Spent { .. }
                | HoldReason::ResolveOff
                | HoldReason::Unfit { .. }
                | HoldReason::NoWay { .. } => {}
            }
        }
        all
    }

    #[test]
    fn every_kind_of_hold_has_a_series() {
        let kinds: BTreeSet<&str> = one_of_each().iter().map(HoldReason::kind).collect();
        assert_eq!(kinds, BTreeSet::from(HOLDS), "none is missing, and none is of nothing");
        assert!(!kinds.contains(OTHER));
    }
}
