//! The open disputes of a run in sums, by client.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use jiff::{Span, ToSpan, civil::Date};

use crate::{
    cluster::Explanation,
    dispute::{self, Dispute, DisputedMoney, Tables, Text},
    group::{GroupId, Status},
    state::{AGE_BANDS, ByCode, Due, GroupRecord, RuleFit, Snapshot, Spread, Sum, UNKNOWN, age_band},
};

/// Deadlines up to so many days ahead are kept one by one: a report that is made a week late still has its two
/// weeks.
const AHEAD: i64 = 28;
/// Weeks of which the disputes opened in them are counted.
const WEEKS: i64 = 9;
/// Every band with nothing in it.
pub(super) fn no_ages() -> BTreeMap<String, usize> {
    AGE_BANDS.iter().map(|(_, name)| ((*name).to_owned(), 0)).collect()
}

/// The disputes of one group by what reports break them down by.
pub(super) fn spread_of(members: &[&Dispute], tables: &Tables) -> Spread {
    let (mut states, mut entities, mut opened) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for dispute in members {
        *states.entry(dispute.state.as_deref().unwrap_or(UNKNOWN)).or_default() += 1;
        *entities.entry(entity_type(dispute, tables)).or_default() += 1;
        if let Some(day) = dispute.opened_at {
            *opened.entry(day).or_default() += 1;
        }
    }
    Spread {
        states: states.into_iter().map(|(name, count)| (name.into(), count)).collect(),
        entities: entities.into_iter().map(|(name, count)| (name.into(), count)).collect(),
        opened: opened.into_iter().collect(),
    }
}

/// The sums of each client. `records` are the groups as this run sees them.
pub(super) fn of(
    disputes: &[Dispute],
    records: &[GroupRecord],
    explanations: &BTreeMap<GroupId, Explanation>,
    tables: &Tables,
    today: Date,
) -> BTreeMap<String, Snapshot> {
    let active = || records.iter().filter(|record| record.group.status == Status::Active);
    let group_of: HashMap<&Text, &GroupRecord> =
        active().flat_map(|record| record.group.members.iter().map(move |member| (member, record))).collect();
    let mut snapshots: BTreeMap<String, Snapshot> = BTreeMap::new();
    let mut due: Deadlines<'_> = BTreeMap::new();
    let mut heaps: Heaps<'_> = BTreeMap::new();
    let (horizon, oldest) =
        (today.saturating_add(AHEAD.days()), monday(today).saturating_sub((WEEKS - 1).weeks()));
    for dispute in disputes {
        let record = group_of.get(&dispute.id).copied();
        let group = record.map(|record| &record.group.id);
        let program = dispute.program.as_str();
        let sum = sum(dispute);
        if !snapshots.contains_key(&*dispute.client) {
            let empty = Snapshot { ageing: no_ages(), ..Snapshot::default() };
            snapshots.insert(dispute.client.to_string(), empty);
        }
        let Some(snapshot) = snapshots.get_mut(&*dispute.client) else { continue };
        snapshot.programs.entry(program.to_owned()).or_default().add(dispute);
        let days = dispute.opened_at.and_then(|opened| today.since(opened).ok()).map(|age| age.get_days());
        *snapshot.ageing.entry(age_band(days).to_owned()).or_default() += 1;
        *snapshot.states.entry(dispute.state.as_deref().unwrap_or(UNKNOWN).to_owned()).or_default() += sum;
        *snapshot.entities.entry(entity_type(dispute, tables)).or_default() += sum;
        let none = [UNKNOWN.into()];
        let codes: &[Text] = if dispute.reason_codes.is_empty() { &none } else { &dispute.reason_codes };
        for code in codes {
            *snapshot.codes.entry(code.to_string()).or_default() += 1;
        }
        if let Some(week) = dispute.opened_at.map(monday).filter(|week| oldest <= *week) {
            *snapshot.opened.entry(week).or_default() += 1;
        }
        if let Some(day) = dispute.due_at.filter(|day| *day <= horizon) {
            let (total, groups, alone) = due.entry((&dispute.client, day, program)).or_default();
            *total += sum;
            *alone += usize::from(group.is_none());
            groups.extend(group);
        }
        let (open, heap) = heaps.entry((&dispute.client, program, &dispute.reason_codes)).or_default();
        *open += 1;
        match record {
            Some(record) => {
                snapshot.grouped += 1;
                *snapshot.causes.entry(record.cause.to_string()).or_default() += 1;
                *heap.entry(&record.group.id).or_default() += 1;
            }
            None => snapshot.ungrouped += 1,
        }
    }
    for ((client, day, program), (sum, groups, alone)) in due {
        let groups = groups.into_iter().cloned().collect();
        let due = Due { day, program: program.to_owned(), sum, groups, alone };
        snapshots.entry(client.to_owned()).or_default().due.push(due);
    }
    // Of each group its disputes, and the heap that holds most of them, the smaller of two alike.
    let mut largest: BTreeMap<&GroupId, (&str, usize, Part)> = BTreeMap::new();
    for ((client, _, _), (open, heap)) in heaps {
        if heap.is_empty() {
            continue;
        }
        snapshots.entry(client.to_owned()).or_default().by_code += ByCode {
            heaps: 1,
            with_largest: heap.values().copied().max().unwrap_or(0),
            disputes: heap.values().sum(),
            best: RuleFit::default(),
        };
        for (group, count) in heap {
            let (_, members, part) = largest.entry(group).or_insert((client, 0, (0, Reverse(open))));
            *members += count;
            *part = (*part).max((count, Reverse(open)));
        }
    }
    for (client, members, (found, Reverse(matching))) in largest.into_values() {
        let best = &mut snapshots.entry(client.to_owned()).or_default().by_code.best;
        *best += RuleFit { matching, found, members };
    }
    for GroupRecord { group, .. } in active() {
        if let Some(explanation) = explanations.get(&group.id) {
            let fit = &mut snapshots.entry(group.client.to_string()).or_default().rules;
            *fit += rule_fit(explanation, group.members.len());
        }
    }
    snapshots
}

/// Disputes of a group in a heap, and open disputes of the heap.
type Part = (usize, Reverse<usize>);

/// Money, groups and disputes in none, by client, day and program.
type Deadlines<'a> = BTreeMap<(&'a str, Date, &'a str), (Sum, BTreeSet<&'a GroupId>, usize)>;

/// Open disputes in each heap of a client, a program and reason codes, and those in groups by group.
type Heaps<'a> = BTreeMap<(&'a str, &'a str, &'a [Text]), (usize, HashMap<&'a GroupId, usize>)>;

fn sum(dispute: &Dispute) -> Sum {
    let amount = dispute.amount_disputed.unwrap_or_default();
    let nothing = Sum { disputes: 1, ..Sum::default() };
    if dispute.disputed_money == DisputedMoney::Paid {
        Sum { recoverable: amount, ..nothing }
    } else {
        Sum { exposed: amount, ..nothing }
    }
}

fn rule_fit(explanation: &Explanation, members: usize) -> RuleFit {
    let rule = &explanation.rule;
    RuleFit {
        matching: rule.matching,
        found: (rule.precision * rule.matching as f64).round() as usize,
        members,
    }
}

fn entity_type(dispute: &Dispute, tables: &Tables) -> String {
    let Some(id) = dispute.covered_entity.as_deref() else { return UNKNOWN.to_owned() };
    dispute::entity_type(id, &tables.covered_entity_types)
        .map_or_else(|| "of no known type".to_owned(), |kind| kind.meaning.clone())
}

/// Monday of the week of a day.
fn monday(day: Date) -> Date {
    day.saturating_sub(Span::new().days(i64::from(day.weekday().to_monday_zero_offset())))
}
