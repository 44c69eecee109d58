//! The week of the demonstration: what its stories promise.

use std::collections::{BTreeMap, BTreeSet};

use disputebot::generate::{Demo, Extract, HEADER, Record, Story, demo};

/// Invoiced units over accepted ones, to two places.
fn ratio(record: &Record) -> Option<i64> {
    let invoiced: f64 = record.units_invoiced.parse().ok()?;
    let disputed: f64 = record.units_disputed.parse().ok()?;
    (invoiced > disputed).then(|| (invoiced / (invoiced - disputed) * 100.0).round() as i64)
}

/// How much of `values` the commonest one makes up.
fn largest_share<T: Ord>(values: impl Iterator<Item = T>) -> f64 {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    counts.values().max().copied().unwrap_or(0) as f64 / total.max(1) as f64
}

fn rows_of<'a>(extract: &'a Extract, story: &Story) -> Vec<&'a Record> {
    let ids: BTreeSet<&str> = story.disputes.iter().map(String::as_str).collect();
    extract.rows.iter().filter(|record| ids.contains(record.dispute_id.as_str())).collect()
}

fn unresolved_of(extract: &Extract, cause: &str) -> usize {
    let labels = extract.truth.iter().flatten();
    labels.filter(|label| label.split('/').next() == Some(cause)).count()
}

#[test]
fn the_demo_has_two_clients_four_programs_and_forty_causes() {
    let Demo { day1, day7, day8, stories } = demo(1);
    assert_eq!(day1.rows.len(), 5_000);
    let sound = day7.rows.iter().take(5_000);
    let clients: BTreeSet<&str> = sound.clone().map(|record| record.manufacturer.as_str()).collect();
    assert_eq!(clients, BTreeSet::from(["Example Pharma A", "Example Pharma B"]));
    let programs: BTreeSet<&str> = sound.map(|record| record.program.as_str()).collect();
    assert_eq!(programs, BTreeSet::from(["340b", "mdrp", "mfp", "part_d_mdp"]));
    let causes: BTreeSet<&str> =
        day1.truth.iter().flatten().filter_map(|label| label.split('/').next()).collect();
    assert_eq!(causes.len(), 40);
    let ungrouped = day1.truth.iter().filter(|truth| truth.is_none()).count();
    assert!((900..1_200).contains(&ungrouped), "{ungrouped}");
    for (extract, date) in [(&day1, "2026-11-09"), (&day7, "2026-11-15"), (&day8, "2026-11-16")] {
        assert_eq!(extract.date.to_string(), date);
        let ids: BTreeSet<&str> = extract.rows.iter().map(|record| record.dispute_id.as_str()).collect();
        assert_eq!(ids.len(), extract.rows.len());
        assert!(extract.rows.iter().all(|record| record.opened_at.as_str() <= date
            || stories.unreadable.iter().any(|row| row.dispute_id == record.dispute_id)));
    }
}

#[test]
fn the_demo_resolves_six_causes_and_half_of_three() {
    let Demo { day1, day7, stories, .. } = demo(2);
    assert_eq!((stories.resolved.len(), stories.partly_resolved.len()), (6, 3));
    for story in stories.resolved.iter().chain(&stories.partly_resolved) {
        assert!(rows_of(&day1, story).iter().all(|record| record.is_unresolved()));
        for record in rows_of(&day7, story) {
            assert!(!record.is_unresolved());
            assert!(("2026-11-10".."2026-11-16").contains(&record.resolved_at.as_str()));
        }
    }
    for story in &stories.resolved {
        assert!(unresolved_of(&day1, &story.cause) >= 4);
        assert_eq!(unresolved_of(&day7, &story.cause), 0);
    }
    for story in &stories.partly_resolved {
        assert!(unresolved_of(&day7, &story.cause) > 0);
    }
}

#[test]
fn the_demo_adds_four_causes_and_lets_others_grow() {
    let Demo { day1, day7, day8, stories } = demo(3);
    assert_eq!(stories.appeared.len(), 4);
    for story in &stories.appeared {
        assert_eq!(unresolved_of(&day1, &story.cause), 0);
        assert!(unresolved_of(&day7, &story.cause) >= 12);
    }
    for story in &stories.grown {
        assert!(!story.disputes.is_empty() && rows_of(&day1, story).is_empty());
        assert_eq!(rows_of(&day7, story).len(), story.disputes.len());
    }
    for story in &stories.grown_on_day8 {
        assert!(rows_of(&day7, story).is_empty());
        assert!(rows_of(&day8, story).iter().all(|record| record.opened_at == "2026-11-16"));
    }
    assert_eq!(day7.rows, day8.rows[..day7.rows.len()]);
}

#[test]
fn the_demo_splits_one_cause_in_two() {
    let Demo { day1, day7, stories, .. } = demo(4);
    let common = |rows: &[&Record], field: fn(&Record) -> &str| {
        let values: BTreeSet<String> = rows.iter().map(|record| field(record).to_owned()).collect();
        (values.len() == 1).then(|| values.into_iter().next().unwrap())
    };
    let (stays, leaves) = (&stories.split_stays, &stories.split_leaves);
    assert_eq!((stays.disputes.len(), leaves.disputes.len()), (60, 60));
    let before: Vec<&Record> = rows_of(&day1, stays).into_iter().chain(rows_of(&day1, leaves)).collect();
    assert_eq!(common(&before, |record| &record.reason_codes).as_deref(), Some("X"));
    assert!(common(&before, |record| &record.covered_entity_id).is_some());
    assert!(common(&before, |record| &record.state).is_some());
    assert!(common(&before, |record| &record.manufacturer).is_some());
    assert_eq!(common(&before, |record| &record.ndc), None);
    let after = rows_of(&day7, leaves);
    assert_eq!(common(&after, |record| &record.reason_codes).as_deref(), Some("K"));
    assert!(common(&after, |record| &record.pharmacy_npi).is_some());
    assert!(largest_share(after.iter().filter_map(|record| ratio(record))) > 0.8);
    assert_eq!(rows_of(&day1, stays), rows_of(&day7, stays));
    assert_eq!(unresolved_of(&day1, &stays.cause), 120);
    assert_eq!(unresolved_of(&day7, &stays.cause), 60);
    assert_eq!(unresolved_of(&day7, &leaves.cause), 60);
}

#[test]
fn the_demo_merges_two_causes() {
    let Demo { day1, day7, stories, .. } = demo(5);
    let (into, from) = (&stories.merge_into, &stories.merge_from);
    assert_eq!((into.disputes.len(), from.disputes.len()), (60, 50));
    let shape = |record: &Record| {
        [
            record.covered_entity_id.clone(),
            record.reason_codes.clone(),
            record.state.clone(),
            record.manufacturer.clone(),
            record.payer.clone(),
            record.delivery_system.clone(),
            record.pharmacy_npi.clone(),
        ]
    };
    let shapes = |extract: &Extract, story: &Story| -> BTreeSet<[String; 7]> {
        rows_of(extract, story).into_iter().map(shape).collect()
    };
    let (one, two) = (shapes(&day1, into), shapes(&day1, from));
    assert_eq!((one.len(), two.len()), (1, 1));
    let (one, two) = (one.first().unwrap(), two.first().unwrap());
    assert_eq!(one[..4], two[..4]);
    assert!(one[4] != two[4] && one[5] != two[5] && one[6] != two[6]);
    assert_eq!(shapes(&day7, into), shapes(&day7, from));
    assert_eq!(unresolved_of(&day7, &into.cause), 110);
    for (old, new) in rows_of(&day1, from).iter().zip(rows_of(&day7, from)) {
        assert_eq!(
            (&old.ndc, &old.service_date, &old.opened_at),
            (&new.ndc, &new.service_date, &new.opened_at)
        );
    }
}

#[test]
fn twelve_rows_of_the_demo_cannot_be_read_on_day_1_and_can_later() {
    let Demo { day1, day7, stories, .. } = demo(6);
    assert_eq!(stories.unreadable.len(), 12);
    let field = |extract: &Extract, id: &str, column: &str| {
        let place = HEADER.iter().position(|name| *name == column).unwrap();
        let record = extract.rows.iter().find(|record| record.dispute_id == id).unwrap();
        record.fields()[place].to_owned()
    };
    let values: BTreeSet<&str> = stories.unreadable.iter().map(|row| row.value).collect();
    for expected in ["02/30/2026", "9800110001", "", "12,34.5", "medicare_z"] {
        assert!(values.contains(expected));
    }
    for row in &stories.unreadable {
        assert_eq!(field(&day1, &row.dispute_id, row.column), row.value);
        assert_ne!(field(&day7, &row.dispute_id, row.column), row.value);
    }
}
