//! Rules of the sample disputes: the same for ever, true per client, and as tangled as promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use disputebot::dispute::Program;
use disputebot::generate::{
    Demo, Extract, HEADER, Plan, Record, SMALLEST_GROUP, Sample, Story, World, demo, generate, next_day,
    stream, stream_day,
};
use sha2::{Digest, Sha256};

const WORLDS: [World; 2] = [World::Conjunctive, World::Tangled];

fn digest<'a>(rows: impl Iterator<Item = (&'a Record, &'a Option<String>)>) -> String {
    let mut hasher = Sha256::new();
    for (record, truth) in rows {
        for field in record.fields() {
            hasher.update(field);
            hasher.update([0x1f]);
        }
        hasher.update(truth.as_deref().unwrap_or(""));
        hasher.update([b'\n']);
    }
    hasher.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest_of(sample: &Sample) -> String {
    digest(sample.rows.iter().zip(&sample.truth))
}

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

/// The unresolved rows of each cause, over all clients whose share is large enough.
fn by_cause(sample: &Sample) -> BTreeMap<&str, Vec<&Record>> {
    let mut causes: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for (record, truth) in sample.rows.iter().zip(&sample.truth) {
        if let Some((cause, _)) = truth.as_deref().and_then(|label| label.split_once('/')) {
            causes.entry(cause).or_default().push(record);
        }
    }
    causes
}

#[test]
fn a_seed_gives_the_same_bytes_for_ever() {
    let digests: Vec<String> = WORLDS
        .iter()
        .flat_map(|&world| {
            let plan = Plan::new(world, 3_000, 50, 7);
            [digest_of(&generate(&plan)), digest_of(&next_day(&plan, 2))]
        })
        .chain([digest(demo(7).day8.rows.iter().map(|record| (record, &None)))])
        .collect();
    assert_eq!(
        digests,
        ["9fbcd5449f494a65", "f8f76e37fc84b198", "01e7bd484ec0bafc", "5bfa434a76abedc5", "0c7ab21f224528da"]
    );
}

#[test]
fn another_seed_gives_other_rows() {
    let first = generate(&Plan::new(World::Conjunctive, 500, 10, 1));
    let second = generate(&Plan::new(World::Conjunctive, 500, 10, 2));
    assert_ne!(digest_of(&first), digest_of(&second));
}

#[test]
fn a_stream_gives_what_the_sample_holds() {
    let plan = Plan::new(World::Tangled, 800, 40, 3);
    let sample = next_day(&plan, 1);
    let streamed: Vec<_> = stream_day(&plan, 1).map(|row| (row.record, row.truth)).collect();
    assert_eq!(streamed, sample.rows.into_iter().zip(sample.truth).collect::<Vec<_>>());
    assert_eq!(stream(&plan).causes(), generate(&plan).causes);
}

#[test]
fn row_count_columns_and_ids_are_as_planned() {
    for world in WORLDS {
        for (rows, causes) in [(0, 5), (1, 1), (3, 60), (999, 0), (2_000, 60)] {
            let sample = generate(&Plan::new(world, rows, causes, 11));
            assert_eq!((sample.rows.len(), sample.truth.len()), (rows, rows));
            assert_eq!(sample.header, HEADER);
            let ids: BTreeSet<&str> = sample.rows.iter().map(|record| record.dispute_id.as_str()).collect();
            assert_eq!(ids.len(), rows);
        }
    }
}

#[test]
fn truth_is_per_client_and_leaves_out_what_is_too_small() {
    for world in WORLDS {
        let sample = next_day(&Plan::new(world, 4_000, 90, 5), 2);
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for (record, truth) in sample.rows.iter().zip(&sample.truth) {
            let Some(label) = truth else { continue };
            let (cause, client) = label.split_once('/').unwrap();
            assert_eq!(client, record.manufacturer);
            assert!(
                sample
                    .causes
                    .iter()
                    .any(|summary| summary.label == cause && summary.program == record.program)
            );
            assert!(record.is_unresolved());
            *counts.entry(label).or_default() += 1;
        }
        assert!(counts.len() > 90, "{} labels", counts.len());
        assert!(counts.values().all(|&count| count >= SMALLEST_GROUP), "{counts:?}");
    }
}

#[test]
fn each_of_the_45_kinds_occurs_in_a_large_enough_plan() {
    for world in WORLDS {
        for seed in 0..5 {
            let plan = Plan::new(world, 6_000, 60, seed);
            let kinds: BTreeSet<u8> = stream(&plan).causes().iter().map(|cause| cause.kind).collect();
            assert_eq!(kinds, (1..=45).collect(), "seed {seed}");
        }
    }
}

#[test]
fn noise_and_causes_have_the_planned_shares() {
    for world in WORLDS {
        let sample = generate(&Plan::new(world, 10_000, 60, 4));
        assert_eq!(by_cause(&sample).len(), 60);
        let ungrouped = sample.truth.iter().filter(|truth| truth.is_none()).count();
        assert!((2_000..2_400).contains(&ungrouped), "{ungrouped}");
        let silent = sample.rows.iter().filter(|record| record.note.is_empty()).count();
        assert!((1_500..3_500).contains(&silent), "{silent}");
    }
}

#[test]
fn sizes_have_a_heavy_tail() {
    let sample = generate(&Plan::new(World::Conjunctive, 20_000, 200, 6));
    let mut sizes: Vec<usize> = by_cause(&sample).values().map(Vec::len).collect();
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    assert!(sizes[sizes.len() - 1] > 10 * median, "largest {:?}, median {median}", sizes.last());
}

/// What rows of some kinds must share, and what they must not.
#[test]
fn causes_of_the_conjunctive_world_keep_their_signature() {
    let mut seen = BTreeSet::new();
    for seed in 0..3 {
        let sample = generate(&Plan { dirty: 0.0, ..Plan::new(World::Conjunctive, 12_000, 60, seed) });
        let rows = by_cause(&sample);
        for cause in &sample.causes {
            let Some(rows) = rows.get(cause.label.as_str()).filter(|rows| rows.len() >= 20) else { continue };
            let share = |field: fn(&Record) -> &str| largest_share(rows.iter().map(|record| field(record)));
            match cause.kind {
                1 => {
                    assert!(share(|record| &record.covered_entity_id) > 0.999);
                    assert!(share(|record| &record.pharmacy_npi) > 0.999);
                    assert!(share(|record| &record.delivery_system) > 0.999);
                    assert!(share(|record| &record.ndc) < 0.6, "the product varies");
                    assert!(share(|record| &record.reason_codes) > 0.7);
                }
                6 => {
                    let states: BTreeSet<&str> = rows.iter().map(|record| record.state.as_str()).collect();
                    assert_eq!(states.len(), 2);
                }
                10 => {
                    let constant = largest_share(rows.iter().filter_map(|record| ratio(record)));
                    assert!(constant > 0.8, "{constant}");
                    let products = rows.iter().map(|record| record.ndc.replace('-', "")[..9].to_owned());
                    assert!(largest_share(products) > 0.999);
                    assert!(share(|record| &record.state) < 0.6, "one product, many states");
                }
                11 | 13 | 14 => {
                    let constant = largest_share(rows.iter().filter_map(|record| ratio(record)));
                    assert!(constant > 0.8, "kind {}: {constant}", cause.kind);
                }
                20 => {
                    let zero = rows.iter().filter(|record| record.amount_disputed == "0.00").count();
                    assert!(zero * 10 > rows.len() * 8);
                }
                22 => {
                    let claims: BTreeSet<&str> = rows
                        .iter()
                        .filter_map(|record| record.claim_ref.split_once('-'))
                        .map(|(claim, _)| claim)
                        .collect();
                    let written = rows.iter().filter(|record| !record.claim_ref.is_empty()).count();
                    assert!(claims.len() < written, "some claims come twice");
                }
                25 => assert!(share(|record| &record.state) > 0.999),
                _ => continue,
            }
            seen.insert(cause.kind);
        }
    }
    assert_eq!(seen, BTreeSet::from([1, 6, 10, 11, 13, 14, 20, 22, 25]));
}

#[test]
fn the_disputed_amount_is_units_times_rate_except_where_the_price_is_wrong() {
    let sample = generate(&Plan { dirty: 0.0, ..Plan::new(World::Conjunctive, 5_000, 60, 9) });
    let price_kinds = [21, 31, 34, 35, 45];
    let price_causes: BTreeSet<&str> = sample
        .causes
        .iter()
        .filter(|cause| price_kinds.contains(&cause.kind))
        .map(|cause| cause.label.as_str())
        .collect();
    let mut other_amounts = 0;
    for (cause, rows) in by_cause(&sample) {
        for record in rows {
            let number = |text: &str| text.parse::<f64>().unwrap();
            let expected = number(&record.units_disputed) * number(&record.unit_rebate_amount);
            let is_expected = (number(&record.amount_disputed) - expected).abs() < 0.006;
            if price_causes.contains(cause) {
                other_amounts += usize::from(!is_expected);
            } else {
                assert!(is_expected, "{record:?}");
            }
        }
    }
    assert!(other_amounts > 20);
}

#[test]
fn units_in_dispute_are_never_more_than_invoiced() {
    for world in WORLDS {
        for record in generate(&Plan::new(world, 3_000, 60, 2)).rows {
            if let (Ok(invoiced), Ok(disputed)) =
                (record.units_invoiced.parse::<f64>(), record.units_disputed.parse::<f64>())
            {
                assert!(disputed <= invoiced, "{record:?}");
            }
        }
    }
}

#[test]
fn dirt_spoils_the_planned_share_of_identifiers_codes_and_values() {
    let clean = Plan { dirty: 0.0, ..Plan::new(World::Conjunctive, 4_000, 40, 8) };
    let dirty = Plan { dirty: 0.5, ..clean.clone() };
    let changed = generate(&clean)
        .rows
        .iter()
        .zip(&generate(&dirty).rows)
        .filter(|(before, after)| before != after)
        .count();
    // Some spoiled fields were empty before.
    assert!((1_000..2_000).contains(&changed), "{changed}");
}

#[test]
fn one_tangled_cause_holds_three_fifths_of_its_program() {
    for seed in 0..4 {
        let sample = generate(&Plan::new(World::Tangled, 10_000, 80, seed));
        let mut programs: BTreeMap<&str, usize> = BTreeMap::new();
        for record in &sample.rows {
            *programs.entry(&record.program).or_default() += 1;
        }
        let rows = by_cause(&sample);
        let shares: Vec<f64> = sample
            .causes
            .iter()
            .filter_map(|cause| {
                let rows = rows.get(cause.label.as_str())?.len();
                (rows > 200).then(|| rows as f64 / programs[cause.program] as f64)
            })
            .collect();
        assert!(shares.iter().any(|share| (0.55..0.65).contains(share)), "seed {seed}: {shares:?}");
    }
}

#[test]
fn hard_pairs_of_the_tangled_world_share_all_but_one_attribute() {
    let mut found = BTreeSet::new();
    for seed in 0..6 {
        let sample = generate(&Plan { dirty: 0.0, ..Plan::new(World::Tangled, 12_000, 100, seed) });
        let rows = by_cause(&sample);
        let of_kind = |kind: u8| {
            let rows = &rows;
            sample
                .causes
                .iter()
                .filter(move |cause| cause.kind == kind)
                .filter_map(move |cause| rows.get(cause.label.as_str()))
        };
        let values = |rows: &[&Record], field: fn(&Record) -> String| -> BTreeSet<String> {
            rows.iter().map(|record| field(record)).collect()
        };
        let share_one = |left: u8, right: u8, field: fn(&Record) -> String| {
            of_kind(left).any(|one| {
                let one = values(one, field);
                one.len() <= 3 && of_kind(right).any(|two| values(two, field) == one)
            })
        };
        let product = |record: &Record| record.ndc.replace('-', "")[..9].to_owned();
        for (pair, present) in [
            ((1, 2), share_one(1, 2, |record| record.pharmacy_npi.clone())),
            ((10, 13), share_one(10, 13, product)),
            ((10, 14), share_one(10, 14, product)),
            ((22, 33), share_one(22, 33, |record| record.pharmacy_npi.clone())),
            ((28, 29), share_one(28, 29, product)),
            ((9, 1), share_one(9, 1, |record| record.covered_entity_id.clone())),
        ] {
            if present {
                found.insert(pair);
            }
        }
        let sites = of_kind(7).any(|rows| {
            let ids = values(rows, |record| record.covered_entity_id.clone());
            ids.len() == 2 && ids.iter().any(|id| id.ends_with('A'))
        });
        assert!(sites, "seed {seed}: two sites of one parent");
    }
    assert_eq!(found, BTreeSet::from([(1, 2), (9, 1), (10, 13), (10, 14), (22, 33), (28, 29)]));
}

#[test]
fn codes_of_the_tangled_world_say_less() {
    // Mean share of a cause's commonest code.
    let purity = |world| {
        let sample = generate(&Plan { dirty: 0.0, ..Plan::new(world, 10_000, 60, 3) });
        let causes = by_cause(&sample);
        let shares: f64 =
            causes.values().map(|rows| largest_share(rows.iter().map(|record| &record.reason_codes))).sum();
        shares / causes.len() as f64
    };
    let (conjunctive, tangled) = (purity(World::Conjunctive), purity(World::Tangled));
    assert!(conjunctive > 0.75 && tangled < conjunctive - 0.1, "{conjunctive} {tangled}");
}

#[test]
fn five_percent_resolve_and_arrive_each_day_and_the_rest_stays_as_it_was() {
    for world in WORLDS {
        let plan = Plan::new(world, 8_000, 60, 12);
        let before = generate(&plan);
        assert!(before.rows.iter().all(Record::is_unresolved));
        let after = next_day(&plan, 1);
        assert_eq!(after.rows.len(), 8_400);
        let mut resolved = 0;
        for (old, new) in before.rows.iter().zip(&after.rows) {
            if new.is_unresolved() {
                assert_eq!(old, new);
            } else {
                resolved += 1;
                assert_eq!(new.resolved_at, "2026-11-10");
                assert_eq!((&old.dispute_id, &old.note), (&new.dispute_id, &new.note));
            }
        }
        assert!((340..460).contains(&resolved), "{resolved}");
        let old_causes: BTreeSet<&str> = before.causes.iter().map(|cause| cause.label.as_str()).collect();
        let of_new_causes = after
            .truth
            .iter()
            .flatten()
            .filter(|label| !old_causes.contains(label.split('/').next().unwrap()))
            .count();
        assert!(of_new_causes > 0);
        assert!(after.rows[8_000..].iter().all(|record| record.opened_at == "2026-11-10"));
        let later = next_day(&plan, 3);
        assert_eq!(later.rows[8_000..8_400].len(), 400);
        assert_eq!(later.causes[..after.causes.len()], after.causes);
    }
}

#[test]
fn only_the_planned_programs_and_clients_occur() {
    let plan = Plan {
        programs: vec![Program::Mfp, Program::Commercial],
        clients: 3,
        ..Plan::new(World::Tangled, 1_000, 20, 1)
    };
    let sample = generate(&plan);
    let programs: BTreeSet<&str> = sample.rows.iter().map(|record| record.program.as_str()).collect();
    assert_eq!(programs, BTreeSet::from(["commercial", "mfp"]));
    let clients: BTreeSet<&str> = sample.rows.iter().map(|record| record.manufacturer.as_str()).collect();
    assert_eq!(clients, BTreeSet::from(["Example Pharma A", "Example Pharma B", "Example Pharma C"]));
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
