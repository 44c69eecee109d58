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
    state::{AGE_BANDS, ByCode, Due, Fit, GroupRecord, RuleFit, Snapshot, Spread, Sum, UNKNOWN, age_band},
    ticket::words,
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
        fit: None,
    }
}

/// Days on which disputes of a group are due, sorted.
pub(super) fn due_of(members: &[&Dispute]) -> Vec<Date> {
    let days: BTreeSet<Date> = members.iter().filter_map(|dispute| dispute.due_at).collect();
    days.into_iter().collect()
}

/// Why the disputes of a group belong together, as far as it is shown.
pub(super) fn fit_of(explanation: &Explanation, nearest: Option<&GroupId>) -> Fit {
    let RuleFit { matching, found, .. } = rule_fit(explanation, 0);
    let [matching, found] = [matching, found].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let varying = words::varying(&explanation.varying).into();
    Fit { matching, found, varying, nearest: nearest.filter(|_| explanation.neighbour.is_some()).cloned() }
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
            let (total, alone) = due.entry((&dispute.client, day, program)).or_default();
            *total += sum;
            *alone += usize::from(record.is_none());
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
    for ((client, day, program), (sum, alone)) in due {
        let due = Due { day, program: program.to_owned(), sum, alone };
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

/// Money, and disputes in no group, by client, day and program.
type Deadlines<'a> = BTreeMap<(&'a str, Date, &'a str), (Sum, usize)>;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::Rule,
        dispute::{AnchorDays, Program},
        group::Group,
        ticket::facts::Figures,
    };

    const TODAY: Date = jiff::civil::date(2026, 11, 18);

    fn day(text: &str) -> Option<Date> {
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    /// One dispute: id, client, state, covered entity, reason codes, opened and due.
    fn dispute(id: &str, client: &str, [state, entity, codes, opened, due]: [&str; 5]) -> Dispute {
        let some = |text: &str| (!text.is_empty()).then(|| Text::from(text));
        Dispute {
            id: id.into(),
            program: Program::Mdrp,
            client: client.into(),
            ndc: "00022-2127-95".parse().unwrap(),
            product_name: None,
            state: some(state),
            payer: None,
            delivery_system: None,
            covered_entity: some(entity),
            pharmacy_npi: None,
            period: None,
            service_date: None,
            reason_codes: codes.split_whitespace().map(Text::from).collect(),
            units_invoiced: None,
            units_disputed: None,
            unit_type: None,
            unit_rebate_amount: None,
            amount_disputed: Some(100.into()),
            status: "".into(),
            opened_at: day(opened),
            due_at: day(due),
            resolved_at: None,
            note: None,
            claim_ref: None,
            source_url: None,
            transaction: None,
            anchors: AnchorDays::default(),
            disputed_money: if codes == "X" { DisputedMoney::Paid } else { DisputedMoney::Unpaid },
        }
    }

    fn record(one: u128, client: &str, members: &[&str], cause: &str) -> GroupRecord {
        GroupRecord {
            group: Group {
                id: GroupId::from_bits(one),
                program: Program::Mdrp,
                client: client.into(),
                patterns: Vec::new(),
                members: members.iter().map(|member| (*member).into()).collect(),
                since: jiff::Timestamp::UNIX_EPOCH,
                split_from: None,
                status: Status::Active,
                pending: Vec::new(),
            },
            title: String::new(),
            cause: cause.into(),
            who: "state".into(),
            figures: Figures::default(),
            coarse: false,
            due: Vec::new(),
            spread: None,
        }
    }

    fn disputes() -> Vec<Dispute> {
        let of = |id, more| dispute(id, "A", more);
        vec![
            of("a", ["TX", "DSH123456", "D", "2026-11-18", "2026-11-20"]),
            of("b", ["TX", "DSH123456", "D", "2026-10-19", "2026-11-20"]),
            of("c", ["CA", "", "X", "2026-10-18", "2026-12-16"]),
            of("d", ["", "ZZ1", "D", "2026-08-01", "2026-12-17"]),
            of("e", ["CA", "", "D M", "", ""]),
            dispute("z", "B", ["NY", "", "", "2026-11-17", "2026-11-01"]),
        ]
    }

    fn snapshots() -> BTreeMap<String, Snapshot> {
        let records = [record(1, "A", &["a", "b", "c"], "a cause"), record(2, "A", &["d"], "another")];
        let rule = Rule { alternatives: Vec::new(), matching: 4, precision: 0.75, recall: 1.0 };
        let explanation =
            Explanation { rule, shares: Vec::new(), varying: Vec::new(), medoid: 0, neighbour: None };
        let explanations = BTreeMap::from([(GroupId::from_bits(1), explanation)]);
        of(&disputes(), &records, &explanations, &Tables::embedded(), TODAY)
    }

    fn counts<N: ToString + Clone>(pairs: &[(N, usize)]) -> BTreeMap<String, usize> {
        pairs.iter().map(|(name, count)| (name.to_string(), *count)).collect()
    }

    fn disputes_of(sums: &BTreeMap<String, Sum>) -> BTreeMap<String, usize> {
        sums.iter().map(|(name, sum)| (name.clone(), sum.disputes)).collect()
    }

    #[test]
    fn each_client_has_sums_of_its_own_and_every_dispute_is_in_each_breakdown_once() {
        let snapshots = snapshots();
        assert_eq!(snapshots.keys().collect::<Vec<_>>(), ["A", "B"]);
        let a = &snapshots["A"];
        assert_eq!((a.grouped, a.ungrouped), (4, 1));
        assert_eq!(disputes_of(&a.states), counts(&[("TX", 2), ("CA", 2), (UNKNOWN, 1)]));
        assert_eq!(
            disputes_of(&a.entities),
            counts(&[("Disproportionate share hospital", 2), ("of no known type", 1), (UNKNOWN, 2)])
                .into_iter()
                .map(|(name, count)| {
                    let known = a.entities.keys().find(|key| key.eq_ignore_ascii_case(&name));
                    (known.cloned().unwrap_or(name), count)
                })
                .collect()
        );
        let money = a.states.values().fold(Sum::default(), |mut all, sum| {
            all += *sum;
            all
        });
        assert_eq!(
            (money.exposed, money.recoverable),
            (400.into(), 100.into()),
            "a paid one can be had back"
        );
        assert_eq!(a.programs["mdrp"].disputes, 5);
        let b = &snapshots["B"];
        assert_eq!((b.grouped, b.ungrouped, disputes_of(&b.states)), (0, 1, counts(&[("NY", 1)])));
    }

    #[test]
    fn ages_and_arrivals_are_of_the_day_of_the_run() {
        let a = &snapshots()["A"];
        let expected = [
            ("0 to 30 days", 2),
            ("31 to 60 days", 1),
            ("61 to 90 days", 0),
            ("over 90 days", 1),
            ("unknown age", 1),
        ];
        assert_eq!(a.ageing, counts(&expected), "thirty days old is in the first band, a day more is not");
        let opened: Vec<(String, usize)> =
            a.opened.iter().map(|(monday, count)| (monday.to_string(), *count)).collect();
        let expected = [("2026-10-12", 1), ("2026-10-19", 1), ("2026-11-16", 1)];
        assert_eq!(opened, expected.map(|(day, count)| (day.to_owned(), count)), "August is too long ago");
    }

    #[test]
    fn deadlines_up_to_four_weeks_ahead_are_kept() {
        let snapshots = snapshots();
        let due = |client: &str| -> Vec<(String, usize, usize)> {
            let of = |due: &Due| (due.day.to_string(), due.sum.disputes, due.alone);
            snapshots[client].due.iter().map(of).collect()
        };
        let day = |day: &str, disputes, alone| (day.to_owned(), disputes, alone);
        assert_eq!(due("A"), [day("2026-11-20", 2, 0), day("2026-12-16", 1, 0)]);
        assert_eq!(due("B"), [day("2026-11-01", 1, 1)], "also what is past");
    }

    #[test]
    fn codes_causes_and_both_kinds_of_rules_are_counted_as_what_they_are() {
        let snapshots = snapshots();
        let a = &snapshots["A"];
        assert_eq!(a.codes, counts(&[("D", 4), ("M", 1), ("X", 1)]), "one with two codes counts under each");
        assert_eq!(snapshots["B"].codes, counts(&[(UNKNOWN, 1)]));
        assert_eq!(a.causes, counts(&[("a cause", 3), ("another", 1)]));
        assert_eq!(a.rules, RuleFit { matching: 4, found: 3, members: 3 });
        // Heaps of the grouped: code D with a, b and d, code X with c. The best of the first group is D, which three
        // open disputes have, two of them its own; of the second it is D, too.
        let best = RuleFit { matching: 3 + 3, found: 2 + 1, members: 3 + 1 };
        assert_eq!(a.by_code, ByCode { heaps: 2, with_largest: 2 + 1, disputes: 4, best });
    }

    #[test]
    fn a_group_knows_its_disputes_by_state_type_and_day() {
        let disputes = disputes();
        let members: Vec<&Dispute> = disputes.iter().take(5).collect();
        let Spread { states, entities, opened, .. } = spread_of(&members, &Tables::embedded());
        let states: Vec<(&str, u32)> = states.iter().map(|(name, count)| (&**name, *count)).collect();
        assert_eq!(states, [("CA", 2), ("TX", 2), (UNKNOWN, 1)]);
        assert_eq!(entities.iter().map(|(_, count)| count).sum::<u32>(), 5);
        assert_eq!(opened.iter().map(|(_, count)| count).sum::<u32>(), 4, "one names no day");
        let due: Vec<String> = due_of(&members).iter().map(Date::to_string).collect();
        assert_eq!(due, ["2026-11-20", "2026-12-16", "2026-12-17"], "each day once, however far ahead");
    }
}
