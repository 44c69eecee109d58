//! Rules of the sample disputes: the same for ever, true per client, and as tangled as promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use disputebot::dispute::{Program, Tables};
use disputebot::generate::{
    HEADER, Plan, Record, SMALLEST_GROUP, Sample, World, demo, generate, next_day, stream, stream_day,
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
        ["935001b5dba3bca2", "cb32b63755673493", "7c652e3335aff711", "dfdaa37068ef3763", "142123cfece5c160"]
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

#[test]
fn programs_of_causes_are_those_of_the_table_of_root_causes() {
    let tables = Tables::embedded();
    let mut seen = BTreeSet::new();
    for seed in 0..3 {
        let sample = generate(&Plan { dirty: 0.0, ..Plan::new(World::Conjunctive, 6_000, 60, seed) });
        for cause in &sample.causes {
            let row = tables.root_causes.iter().find(|row| row.id == u16::from(cause.kind)).unwrap();
            let program = row.programs.iter().position(|program| program.as_str() == cause.program);
            // Group purchasing is outside the programs; the table names none for it.
            assert!(program.is_some() || row.programs.is_empty(), "kind {}: {}", cause.kind, cause.program);
            seen.insert(cause.kind);
        }
    }
    assert!(seen.len() >= 40, "{seen:?}");
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
fn the_tangled_world_has_typing_errors_missing_values_and_wrong_codes() {
    let dirty = Plan::new(World::Tangled, 4_000, 40, 8);
    assert!(dirty.dirty > 0.0);
    let clean = Plan { dirty: 0.0, ..dirty.clone() };
    let (clean, dirty) = (generate(&clean), generate(&dirty));
    let (mut mistyped, mut missing, mut wrong) = (0, 0, 0);
    for (before, after) in clean.rows.iter().zip(&dirty.rows) {
        let digits = before.pharmacy_npi.bytes().zip(after.pharmacy_npi.bytes());
        mistyped += usize::from(digits.filter(|(before, after)| before != after).count() == 1);
        let gaps = |record: &Record| record.fields().iter().filter(|field| field.is_empty()).count();
        missing += usize::from(gaps(after) > gaps(before));
        wrong += usize::from(before.reason_codes != after.reason_codes && !after.reason_codes.is_empty());
    }
    assert!(mistyped >= 5 && missing >= 20 && wrong >= 5, "{mistyped} {missing} {wrong}");
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
        let two_entities = of_kind(4).any(|one| {
            let pharmacy = values(one, |record| record.pharmacy_npi.clone());
            let entity = values(one, |record| record.covered_entity_id.clone());
            pharmacy.len() == 1
                && of_kind(4).any(|two| {
                    values(two, |record| record.pharmacy_npi.clone()) == pharmacy
                        && values(two, |record| record.covered_entity_id.clone()).is_disjoint(&entity)
                })
        });
        if two_entities {
            found.insert((4, 4));
        }
        let sites = of_kind(7).any(|rows| {
            let ids = values(rows, |record| record.covered_entity_id.clone());
            ids.len() == 2 && ids.iter().any(|id| id.ends_with('A'))
        });
        assert!(sites, "seed {seed}: two sites of one parent");
    }
    assert_eq!(found, BTreeSet::from([(1, 2), (4, 4), (9, 1), (10, 13), (10, 14), (22, 33), (28, 29)]));
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

/// Where a cause shows: the share of the commonest value of each attribute, empty values left out.
fn loci(rows: &[&Record]) -> f64 {
    let product = |record: &Record| record.ndc.replace('-', "").chars().take(9).collect::<String>();
    let fields: [fn(&Record) -> String; 5] = [
        |record| record.state.clone(),
        |record| record.payer.clone(),
        |record| record.covered_entity_id.clone(),
        |record| record.pharmacy_npi.clone(),
        |record| record.period.clone(),
    ];
    let all = rows.len() as f64;
    let share = |field: &dyn Fn(&Record) -> String| {
        let present: Vec<String> =
            rows.iter().map(|record| field(record)).filter(|value| !value.is_empty()).collect();
        largest_share(present.iter()) * present.len() as f64 / all
    };
    fields.iter().map(|field| share(field)).fold(share(&product), f64::max)
}

#[test]
fn some_tangled_causes_show_in_their_ratio_only_and_some_in_their_note_only() {
    let (mut by_ratio, mut by_note) = (0, 0);
    for seed in 0..4 {
        let sample = generate(&Plan::new(World::Tangled, 12_000, 100, seed));
        for rows in by_cause(&sample).values().filter(|rows| rows.len() >= 20 && loci(rows) < 0.5) {
            let ratios: Vec<i64> = rows.iter().filter_map(|record| ratio(record)).collect();
            let in_own_words = |word: &str| {
                let notes = rows.iter().map(|record| record.note.to_lowercase());
                notes.filter(|note| note.contains(word)).count() * 10 > rows.len() * 7
            };
            if ratios.len() * 10 > rows.len() * 8 && largest_share(ratios.into_iter()) > 0.8 {
                by_ratio += 1;
            } else if ["dropped", "repeated", "lost", "shifted", "mapped", "truncated", "sent a", "ignored"]
                .iter()
                .any(|word| in_own_words(word))
            {
                by_note += 1;
            }
        }
    }
    assert!(by_ratio >= 4 && by_note >= 4, "{by_ratio} by ratio, {by_note} by note");
}

#[test]
fn some_tangled_causes_are_disjunctions() {
    let distinct = |rows: &[&Record], field: fn(&Record) -> String| {
        rows.iter().map(|record| field(record)).collect::<BTreeSet<String>>().len()
    };
    let (mut families, mut chains, mut state_pairs) = (0, 0, 0);
    for seed in 0..6 {
        let sample = generate(&Plan { dirty: 0.0, ..Plan::new(World::Tangled, 12_000, 100, seed) });
        let rows = by_cause(&sample);
        for cause in &sample.causes {
            let Some(rows) = rows.get(cause.label.as_str()).filter(|rows| rows.len() >= 20) else { continue };
            let states = distinct(rows, |record| record.state.clone());
            let products = distinct(rows, |record| record.ndc.replace('-', "")[..9].to_owned());
            let labelers = distinct(rows, |record| record.ndc[..5].to_owned());
            let pharmacies = distinct(rows, |record| record.pharmacy_npi.clone());
            match cause.kind {
                // One NDC before.
                14 | 16 | 18 if labelers == 1 && (2..=8).contains(&products) => families += 1,
                // One pharmacy before.
                4 | 24 | 32 if (2..=25).contains(&pharmacies) => chains += 1,
                // One state before.
                23 | 25 | 27 | 39 | 40 if states == 2 => state_pairs += 1,
                _ => {}
            }
        }
    }
    assert!(families >= 3 && chains >= 3 && state_pairs >= 3, "{families} {chains} {state_pairs}");
}

#[test]
fn churn_is_as_planned() {
    let plan = Plan { churn: 0.02, ..Plan::new(World::Conjunctive, 5_000, 50, 3) };
    let after = next_day(&plan, 30);
    assert_eq!(after.rows.len(), 5_000 + 30 * 100);
    let left = after.rows[..5_000].iter().filter(|record| record.is_unresolved()).count();
    // 0.98 to the power of 30 of 5,000 is 2,727.
    assert!((2_600..2_850).contains(&left), "{left}");
    let still = next_day(&Plan { churn: 0.0, ..plan.clone() }, 3);
    assert_eq!(still.rows, generate(&plan).rows);
}

#[test]
fn later_causes_keep_their_disputes_from_day_to_day() {
    let plan = Plan { programs: vec![Program::Tricare], ..Plan::new(World::Tangled, 2_000, 30, 3) };
    let (early, late) = (next_day(&plan, 1), next_day(&plan, 4));
    for (before, after) in early.truth.iter().zip(&late.truth) {
        if let (Some(before), Some(after)) = (before, after) {
            assert_eq!(before, after);
        }
    }
    for (before, after) in early.rows.iter().zip(&late.rows) {
        assert_eq!((&before.ndc, &before.note), (&after.ndc, &after.note));
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
