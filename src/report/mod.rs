//! The weekly report: from the history of runs to figures, and from figures to one HTML page. Pure.
//!
//! Flow (opened, updated, closed) is summed over the runs of the week; stock (open disputes, money, ageing,
//! groups) is that of the last run in it. The same history gives the same report, so writing it twice
//! changes nothing.

mod html;
mod week;

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use serde::Serialize;

pub use html::html;
pub use week::{Week, WeekError};

use crate::{
    dispute::Program,
    group::Status,
    state::{GroupRecord, Known, Rows, RunRecord},
    ticket::facts::Figures,
};

/// Most groups that are listed.
const TOP: usize = 15;

/// All figures of one week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weekly {
    /// The week.
    pub week: Week,
    /// Its first and last day.
    pub days: (String, String),
    /// Runs in it.
    pub runs: usize,
    /// Runs whose input was incomplete.
    pub incomplete_runs: usize,
    /// Tickets by what was done to them.
    pub tickets: TicketFlow,
    /// Groups by what became of them, over all runs of the week.
    pub groups: GroupFlow,
    /// Groups that are open at the end of the week.
    pub open_groups: usize,
    /// Rows of the last run; none where there was no run yet.
    pub rows: Option<Rows>,
    /// Open disputes, units and money per program at the end of the week.
    pub programs: Vec<ProgramLine>,
    /// Open disputes by age at the end of the week.
    pub ageing: Vec<(String, usize)>,
    /// The groups with most money.
    pub top: Vec<TopGroup>,
    /// Tickets that were opened.
    pub opened: Vec<TicketLine>,
    /// Tickets that disputebot closed.
    pub closed: Vec<TicketLine>,
    /// What was held in the last run, by kind.
    pub held: BTreeMap<String, usize>,
    /// Writes that failed: what and why.
    pub failed: Vec<String>,
}

/// Tickets by what was done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TicketFlow {
    /// Opened.
    pub opened: usize,
    /// Updated at least once.
    pub updated: usize,
    /// Closed by disputebot.
    pub closed: usize,
}

/// Groups by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct GroupFlow {
    /// Found for the first time, splits included.
    pub found: usize,
    /// Of these, split from another one.
    pub split: usize,
    /// Merged into another one.
    pub merged: usize,
    /// All disputes resolved.
    pub resolved: usize,
    /// Came back.
    pub returned: usize,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramLine {
    /// Name in full.
    pub program: String,
    /// Figures of its open disputes.
    pub figures: Figures,
}

/// One of the largest groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopGroup {
    /// First digits of its id.
    pub group: String,
    /// Key of its ticket; empty where it has none.
    pub key: String,
    /// The client.
    pub client: String,
    /// The likely cause.
    pub cause: String,
    /// Who must fix it.
    pub who: String,
    /// Its rule in a few words.
    pub title: String,
    /// Its figures.
    pub figures: Figures,
}

/// A ticket in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketLine {
    /// Its key.
    pub key: String,
    /// The client.
    pub client: String,
    /// Cause and rule of its group.
    pub what: String,
    /// Open disputes, as last seen.
    pub disputes: usize,
}

/// The figures of a week. `known` is what was known at its end.
pub fn weekly(known: &Known, week: Week, zone: &TimeZone) -> Weekly {
    let (from, to) = week.bounds(zone);
    let within = |at: Timestamp| from <= at && at < to;
    let runs: Vec<&RunRecord> = known.runs.values().filter(|run| within(run.at)).collect();
    let last = known.runs.values().rfind(|run| run.at < to);
    let sum = |name: &str| runs.iter().filter_map(|run| run.events.get(name)).sum::<usize>();
    let done = |kind: &str| {
        let mut keys: Vec<(&str, &crate::group::GroupId)> = runs
            .iter()
            .flat_map(|run| &run.done)
            .filter(|done| done.kind == kind)
            .map(|done| (done.issue.key.as_str(), &done.group))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    };
    let mut closed: Vec<(&str, &crate::group::GroupId)> = runs
        .iter()
        .flat_map(|run| &run.done)
        .filter(|done| done.closed)
        .map(|done| (done.issue.key.as_str(), &done.group))
        .collect();
    closed.sort_unstable();
    closed.dedup();
    let line = |(key, group): &(&str, &crate::group::GroupId)| {
        let record = known.groups.get(*group);
        TicketLine {
            key: (*key).to_owned(),
            client: record.map(|record| record.group.client.to_string()).unwrap_or_default(),
            what: record.map(|record| format!("{}: {}", record.cause, record.title)).unwrap_or_default(),
            disputes: record.map_or(0, |record| record.group.members.len()),
        }
    };
    let opened = done("create");
    let (first_day, last_day) = week.days();
    Weekly {
        week,
        days: (first_day.to_string(), last_day.to_string()),
        runs: runs.len(),
        incomplete_runs: runs.iter().filter(|run| !run.incomplete.is_empty()).count(),
        tickets: TicketFlow { opened: opened.len(), updated: done("update").len(), closed: closed.len() },
        groups: GroupFlow {
            found: sum("born") + sum("split"),
            split: sum("split"),
            merged: sum("merged"),
            resolved: sum("resolved"),
            returned: sum("returned"),
        },
        open_groups: last.map_or(0, |run| run.groups),
        rows: last.map(|run| run.rows),
        programs: last.map(programs).unwrap_or_default(),
        ageing: last.map(|run| run.ageing.clone().into_iter().collect()).unwrap_or_default(),
        top: top(known),
        opened: opened.iter().map(line).collect(),
        closed: closed.iter().map(line).collect(),
        held: last.map(|run| run.held.clone()).unwrap_or_default(),
        failed: runs
            .iter()
            .flat_map(|run| &run.failed)
            .map(|(_, kind, why)| format!("{kind}: {why}"))
            .collect(),
    }
}

fn programs(run: &RunRecord) -> Vec<ProgramLine> {
    run.programs
        .iter()
        .map(|(program, figures)| ProgramLine {
            program: Program::from_name(program)
                .map_or_else(|| program.clone(), |p| p.human_name().to_owned()),
            figures: figures.clone(),
        })
        .collect()
}

fn top(known: &Known) -> Vec<TopGroup> {
    let mut records: Vec<&GroupRecord> =
        known.groups.values().filter(|record| record.group.status == Status::Active).collect();
    let amount = |record: &GroupRecord| -> Decimal { record.figures.exposed + record.figures.recoverable };
    records.sort_by(|a, b| {
        amount(b)
            .cmp(&amount(a))
            .then_with(|| b.group.members.len().cmp(&a.group.members.len()))
            .then_with(|| a.group.id.cmp(&b.group.id))
    });
    records
        .into_iter()
        .take(TOP)
        .map(|record| TopGroup {
            group: record.group.id.short().to_owned(),
            key: known.ticket(&record.group.id).issue().map(|issue| issue.key.clone()).unwrap_or_default(),
            client: record.group.client.to_string(),
            cause: record.cause.to_string(),
            who: record.who.to_string(),
            title: record.title.clone(),
            figures: record.figures.clone(),
        })
        .collect()
}
