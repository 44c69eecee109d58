//! What the engine promises for any input, what it finds in planted worlds, and how good it is on larger ones.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows test functions only, not what they share"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use disputebot::{
    cluster::{
        Attribute, Bond, Cluster, Embedding, Engine, Explanation, Guidance, Item, Link, LinkError, Links,
        Params, Table, TableBuilder, cluster_guided, explain,
    },
    dispute::{Dispute, Field, Interner, Program, Row, Tables, Text, Vocabulary, read},
    evaluate::{Scores, evaluate},
    generate::{self, HEADER, Plan, Record, World},
    run::group_disputes,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Numbers that follow from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn shuffle<T>(&mut self, values: &mut [T]) {
        for at in (1..values.len()).rev() {
            values.swap(at, self.below(at + 1));
        }
    }
}

const STATES: [&str; 20] = [
    "AL", "AZ", "CA", "CO", "FL", "GA", "IL", "IN", "KY", "LA", "MI", "MN", "MO", "NC", "NJ", "NY", "OH",
    "PA", "TX", "WA",
];
const CODES: [&str; 8] = ["A", "B", "C", "D", "F", "J", "N", "Q"];

/// A dispute in which every attribute is drawn for itself: no cause.
fn noise(number: usize, client: &str, random: &mut Random) -> Dispute {
    let units = Decimal::from(10 + random.below(90));
    Dispute {
        id: format!("D-{number:05}").into(),
        program: Program::Mdrp,
        client: client.into(),
        ndc: format!("000{}0-{:04}-01", 1 + random.below(3), 100 + random.below(40)).parse().unwrap(),
        product_name: None,
        state: Some(STATES[random.below(STATES.len())].into()),
        payer: Some(format!("Example Plan {}", random.below(30)).into()),
        delivery_system: None,
        covered_entity: None,
        pharmacy_npi: Some(format!("{}", 1_000_000_000 + random.below(200)).into()),
        period: Some(format!("202{}Q{}", 4 + random.below(2), 1 + random.below(4)).parse().unwrap()),
        service_date: None,
        reason_codes: vec![CODES[random.below(CODES.len())].into()],
        units_invoiced: Some(units),
        units_disputed: Some(units),
        unit_type: None,
        unit_rebate_amount: None,
        amount_disputed: None,
        status: "open".into(),
        opened_at: None,
        due_at: None,
        resolved_at: None,
        note: None,
        claim_ref: None,
        source_url: None,
        transaction: None,
        anchors: disputebot::dispute::AnchorDays::default(),
        disputed_money: disputebot::dispute::DisputedMoney::Unpaid,
    }
}

fn background(rows: usize, clients: &[&str], random: &mut Random) -> Vec<Dispute> {
    (0..rows).map(|number| noise(number, clients[number % clients.len()], random)).collect()
}

const A: &str = "Example Pharma A";
const B: &str = "Example Pharma B";

fn clusters(disputes: &[Dispute]) -> (Table, Vec<Cluster>) {
    group_disputes(disputes, &Params::default())
}

/// Groups as sets of dispute ids.
fn members(table: &Table, clusters: &[Cluster]) -> BTreeSet<BTreeSet<Text>> {
    clusters.iter().map(|cluster| cluster.rows.iter().map(|row| table.id(*row).clone()).collect()).collect()
}

fn groups(disputes: &[Dispute]) -> BTreeSet<BTreeSet<Text>> {
    let (table, clusters) = clusters(disputes);
    members(&table, &clusters)
}

/// A row of the generator as the domain reads it.
struct Line<'a>(&'a Record);

impl Row for Line<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        let place = HEADER.iter().position(|name| *name == field.name())?;
        Some(self.0.fields()[place])
    }
}

/// The disputes of a generated world that can be read, each with its truth.
fn generated(plan: &Plan) -> (Vec<Dispute>, Vec<(Text, Option<String>)>) {
    let (vocabulary, tables, mut interner) = (Vocabulary::default(), Tables::embedded(), Interner::default());
    let sample = generate::generate(plan);
    let (mut disputes, mut truth) = (Vec::new(), Vec::new());
    for (record, cause) in sample.rows.iter().zip(sample.truth) {
        if let Ok((mut dispute, _)) = read(&Line(record), &vocabulary, &tables) {
            interner.share_texts_of(&mut dispute);
            truth.push((dispute.id.clone(), cause));
            disputes.push(dispute);
        }
    }
    assert!(disputes.len() * 100 >= plan.rows * 95, "{} of {} rows are readable", disputes.len(), plan.rows);
    (disputes, truth)
}

fn tangled(rows: usize, causes: usize, seed: u64) -> Vec<Dispute> {
    println!("seed {seed}");
    generated(&Plan::new(World::Tangled, rows, causes, seed)).0
}

#[test]
fn the_order_of_the_rows_changes_nothing() {
    let mut disputes = tangled(1500, 20, 7);
    let before = groups(&disputes);
    assert!(before.len() >= 10, "{} groups", before.len());
    for seed in [3, 5] {
        Random(seed).shuffle(&mut disputes);
        assert_eq!(groups(&disputes), before, "shuffled by seed {seed}");
    }
    disputes.reverse();
    assert_eq!(groups(&disputes), before);
}

/// Small worlds of both kinds, each with a name.
fn small_worlds() -> Vec<(String, Vec<Dispute>)> {
    let both = [World::Conjunctive, World::Tangled];
    both.into_iter()
        .flat_map(|world| [61, 62, 63].map(|seed| (world, seed)))
        .map(|(world, seed)| {
            let disputes = generated(&Plan::new(world, 600, 9, seed)).0;
            (format!("{world:?}, seed {seed}"), disputes)
        })
        .collect()
}

#[test]
fn neither_order_nor_ids_change_anything_in_either_world() {
    for (name, disputes) in small_worlds() {
        let before = groups(&disputes);
        assert!(!before.is_empty(), "{name}");
        let new_id = |id: &Text| -> Text { id.chars().rev().collect::<String>().into() };
        let mut renamed: Vec<Dispute> =
            disputes.iter().map(|one| Dispute { id: new_id(&one.id), ..one.clone() }).collect();
        Random(17).shuffle(&mut renamed);
        let expected: BTreeSet<BTreeSet<Text>> =
            before.iter().map(|group| group.iter().map(new_id).collect()).collect();
        assert_eq!(groups(&renamed), expected, "{name}");
    }
}

#[test]
fn the_order_of_programs_and_the_names_of_clients_change_nothing() {
    for (name, disputes) in small_worlds() {
        let before = groups(&disputes);
        let mut blocks = disputes.clone();
        blocks.sort_by_key(|dispute| dispute.program);
        assert_eq!(groups(&blocks), before, "{name}, programs ascending");
        blocks.sort_by_key(|dispute| std::cmp::Reverse(dispute.program));
        assert_eq!(groups(&blocks), before, "{name}, programs descending");
        let clients: BTreeSet<Text> = disputes.iter().map(|dispute| dispute.client.clone()).collect();
        assert!(clients.len() > 1, "{name}");
        let new_name: BTreeMap<Text, Text> = clients
            .iter()
            .rev()
            .enumerate()
            .map(|(place, client)| (client.clone(), format!("Client {place:03}").into()))
            .collect();
        for dispute in &mut blocks {
            dispute.client = new_name[&dispute.client].clone();
        }
        assert_eq!(groups(&blocks), before, "{name}, clients in the other order");
    }
}

#[test]
fn no_cause_is_one_of_two_programs() {
    for engine in [Engine::Patterns, Engine::GroupBy] {
        let (_, clusters) = group_disputes(&tangled(1500, 20, 12), &Params { engine, ..Params::default() });
        let mut programs: BTreeMap<usize, BTreeSet<Program>> = BTreeMap::new();
        for cluster in &clusters {
            programs.entry(cluster.cause).or_default().insert(cluster.program);
        }
        assert!(programs.values().all(|programs| programs.len() == 1), "{engine:?}: {programs:?}");
        let all: BTreeSet<&Program> = programs.values().flatten().collect();
        assert!(all.len() > 1, "{engine:?}: one program proves nothing");
    }
}

#[test]
fn the_ids_of_the_disputes_change_nothing() {
    let disputes = tangled(1500, 20, 8);
    let mut names: Vec<usize> = (0..disputes.len()).collect();
    Random(9).shuffle(&mut names);
    let new_name: BTreeMap<Text, Text> = disputes
        .iter()
        .zip(&names)
        .map(|(dispute, name)| (dispute.id.clone(), format!("renamed/{name}").into()))
        .collect();
    let renamed: Vec<Dispute> = disputes
        .iter()
        .map(|dispute| Dispute { id: new_name[&dispute.id].clone(), ..dispute.clone() })
        .collect();
    let expected: BTreeSet<BTreeSet<Text>> =
        groups(&disputes).iter().map(|group| group.iter().map(|id| new_name[id].clone()).collect()).collect();
    assert_eq!(groups(&renamed), expected);
}

#[test]
fn disputes_that_differ_in_their_ids_only_share_one_fate() {
    let mut disputes = tangled(1200, 16, 9);
    let copies: Vec<Dispute> = disputes
        .iter()
        .step_by(20)
        .map(|dispute| Dispute { id: format!("{}-copy", dispute.id).into(), ..dispute.clone() })
        .collect();
    disputes.extend(copies.iter().cloned());
    let (table, clusters) = clusters(&disputes);
    let mut group_of: BTreeMap<&Text, usize> = BTreeMap::new();
    for (index, cluster) in clusters.iter().enumerate() {
        for row in &cluster.rows {
            group_of.insert(table.id(*row), index);
        }
    }
    let mut grouped = 0;
    for copy in &copies {
        let original: Text = copy.id.strip_suffix("-copy").unwrap().into();
        assert_eq!(group_of.get(&copy.id), group_of.get(&original), "{original}");
        grouped += usize::from(group_of.contains_key(&original));
    }
    assert!(grouped > 10, "{grouped} copies are grouped");
}

#[test]
fn a_group_never_crosses_a_program_or_a_client_and_is_never_too_small() {
    for engine in [Engine::Patterns, Engine::GroupBy] {
        for min_group in [2, 4, 9] {
            let params = Params { engine, min_group, ..Params::default() };
            let disputes = tangled(1200, 16, 10);
            let (table, clusters) = group_disputes(&disputes, &params);
            assert!(!clusters.is_empty());
            let mut seen = BTreeSet::new();
            for cluster in &clusters {
                assert!(cluster.rows.len() >= min_group, "{engine:?}: {} rows", cluster.rows.len());
                assert!(cluster.rows.is_sorted_by(|a, b| a < b) && !cluster.patterns.is_empty());
                for row in &cluster.rows {
                    assert_eq!((table.program(*row), table.client(*row)), (cluster.program, &cluster.client));
                    assert!(seen.insert(*row), "a row is in two groups");
                }
            }
        }
    }
}

#[test]
fn rows_without_a_cause_are_left_alone() {
    let mut grouped = 0;
    for seed in [21, 22, 23, 24] {
        println!("seed {seed}");
        let (_, clusters) = clusters(&background(1500, &[A, B], &mut Random(seed)));
        grouped += clusters.iter().map(|cluster| cluster.rows.len()).sum::<usize>();
    }
    // One row in a hundred at most.
    assert!(grouped <= 60, "{grouped} of 6000 rows of pure noise are grouped");
}

/// Plants a cause (one payer, one code, one quarter) into some rows.
fn plant(disputes: &mut [Dispute], rows: impl Iterator<Item = usize>) -> BTreeSet<Text> {
    rows.map(|row| {
        let dispute = &mut disputes[row];
        dispute.payer = Some("Example Plan 7".into());
        dispute.reason_codes = vec!["N".into()];
        dispute.period = Some("2025Q3".parse().unwrap());
        dispute.id.clone()
    })
    .collect()
}

fn jaccard(a: &BTreeSet<Text>, b: &BTreeSet<Text>) -> f64 {
    a.intersection(b).count() as f64 / a.union(b).count() as f64
}

#[test]
fn a_planted_conjunction_is_found_with_its_rule() {
    let mut disputes = background(1200, &[A], &mut Random(31));
    let planted = plant(&mut disputes, (0..1200).step_by(40));
    let (table, clusters) = clusters(&disputes);
    let found = members(&table, &clusters);
    let best = found.iter().map(|group| jaccard(group, &planted)).fold(0.0, f64::max);
    assert!(best >= 0.9, "the best group has a Jaccard of {best}");
    let cluster = clusters.iter().max_by_key(|cluster| cluster.rows.len()).unwrap();
    let rule: BTreeSet<String> = cluster.patterns[0]
        .iter()
        .map(|Item { attribute, value }| format!("{}={value}", attribute.name()))
        .collect();
    // The quarter adds nothing to payer and code: a rule says what it takes and no more.
    let wanted = ["payer=Example Plan 7", "reason_codes=N"].map(str::to_owned);
    assert_eq!(rule, BTreeSet::from(wanted));
}

#[test]
fn a_cause_with_few_rows_of_each_client_is_found_from_all_of_them() {
    let clients = [A, B, "Example Pharma C", "Example Pharma D", "Example Pharma E", "Example Pharma F"];
    let mut disputes = background(1800, &clients, &mut Random(32));
    // Five rows of each client, told apart by payer and code alone.
    let mut planted = BTreeSet::new();
    for row in (0..30).map(|row| row * 61) {
        disputes[row].payer = Some("Example Plan 7".into());
        disputes[row].reason_codes = vec!["N".into()];
        planted.insert(disputes[row].id.clone());
    }
    let found = groups(&disputes);
    for client in clients {
        let of_client: BTreeSet<Text> = disputes
            .iter()
            .filter(|dispute| &*dispute.client == client && planted.contains(&dispute.id))
            .map(|dispute| dispute.id.clone())
            .collect();
        assert_eq!(of_client.len(), 5);
        let best = found.iter().map(|group| jaccard(group, &of_client)).fold(0.0, f64::max);
        assert!(best >= 0.6, "{client}: the best group has a Jaccard of {best}");
        let alone: Vec<Dispute> =
            disputes.iter().filter(|dispute| &*dispute.client == client).cloned().collect();
        let best = groups(&alone).iter().map(|group| jaccard(group, &of_client)).fold(0.0, f64::max);
        assert!(best < 0.3, "{client} alone does not show it: {best}");
    }
}

#[test]
fn a_place_whose_disputes_come_under_several_codes_of_its_own_is_one_cause() {
    let codes = ["K", "L", "M", "O", "P", "R"];
    let mut disputes = background(1800, &[A], &mut Random(34));
    let mut planted = BTreeSet::new();
    for number in 0..36 {
        let dispute = &mut disputes[number * 49];
        dispute.pharmacy_npi = Some("1000000007".into());
        dispute.reason_codes = vec![codes[number % codes.len()].into()];
        planted.insert(dispute.id.clone());
    }
    // Each code is one that some other disputes have, too: the place and one of them tell nothing.
    for (number, dispute) in disputes.iter_mut().enumerate().filter(|(number, _)| number % 49 != 0) {
        if number % 12 == 0 {
            dispute.reason_codes = vec![codes[number / 12 % codes.len()].into()];
        }
    }
    let best = groups(&disputes).iter().map(|group| jaccard(group, &planted)).fold(0.0, f64::max);
    assert!(best >= 0.6, "the best group has a Jaccard of {best}");
}

#[test]
fn a_part_of_a_cause_that_is_too_small_stays_ungrouped() {
    let mut disputes = background(1200, &[A, B], &mut Random(33));
    // Even rows are of A, odd ones of B, who has the payer of the cause by no chance.
    for dispute in disputes.iter_mut().filter(|dispute| &*dispute.client == B) {
        dispute.payer = dispute.payer.take().filter(|payer| &**payer != "Example Plan 7");
    }
    let planted = plant(&mut disputes, (0..40).map(|row| row * 2));
    let few = plant(&mut disputes, [101, 501].into_iter());
    let found = groups(&disputes);
    assert!(found.iter().any(|group| jaccard(group, &planted) >= 0.9));
    assert!(found.iter().all(|group| group.is_disjoint(&few)), "two rows are no group");
}

#[test]
fn a_part_of_a_cause_that_lacks_one_row_may_take_one_with_an_error_and_seldom_takes_another() {
    let (mut alone, mut found) = (0, 0);
    for seed in 1..=20 {
        let mut disputes = background(1200, &[A, B], &mut Random(seed));
        for dispute in disputes.iter_mut().filter(|dispute| &*dispute.client == B) {
            dispute.payer = dispute.payer.take().filter(|payer| &**payer != "Example Plan 7");
        }
        plant(&mut disputes, (0..40).map(|row| row * 2));
        let mut part = plant(&mut disputes, [101, 501, 701].into_iter());
        alone += usize::from(groups(&disputes).iter().all(|group| group.is_disjoint(&part)));
        part.extend(plant(&mut disputes, [901].into_iter()));
        disputes[901].reason_codes = vec!["Q".into()];
        found += usize::from(groups(&disputes).contains(&part));
    }
    // Without it 20 and 2.
    assert!(
        alone >= 16 && found >= 5,
        "of 20 parts {alone} of three rows are left alone, {found} with an error are found"
    );
}

/// How like a planted cause the best group is.
fn best_of(found: &BTreeSet<BTreeSet<Text>>, planted: &BTreeSet<Text>) -> f64 {
    found.iter().map(|group| jaccard(group, planted)).fold(0.0, f64::max)
}

/// Changes every `step`th of many disputes without a cause, and says how like the changed ones the best group is.
fn planted_by(seed: u64, step: usize, change: &dyn Fn(usize, &mut Dispute)) -> f64 {
    let mut disputes = background(1200, &[A], &mut Random(seed));
    let mut planted = BTreeSet::new();
    for (number, dispute) in disputes.iter_mut().step_by(step).enumerate() {
        change(number, dispute);
        planted.insert(dispute.id.clone());
    }
    let best = best_of(&groups(&disputes), &planted);
    println!("seed {seed}: the best group has a Jaccard of {best:.3}");
    best
}

#[test]
fn a_cause_seen_only_in_the_note_is_found() {
    for seed in [75, 76] {
        let best = planted_by(seed, 30, &|number, dispute| {
            dispute.note =
                Some(format!("carve status of the clinic changed in mid quarter, call {number}").into());
        });
        assert!(best >= 0.8, "seed {seed}: {best}");
    }
}

#[test]
fn word_vectors_make_one_group_of_two_wordings_that_share_no_word() {
    let vectors = "carton 1 0.02 0\ntallied 1 0 0.02\nbox 1 0.03 0\ncounted 1 0 0.03\n\
                   unrelated 0 1 0\nremark 0 0 1\n";
    let embedding = Arc::new(Embedding::parse(vectors).unwrap());
    for seed in [77, 78] {
        let mut disputes = background(1200, &[A], &mut Random(seed));
        let mut planted = BTreeSet::new();
        for (number, dispute) in disputes.iter_mut().step_by(30).enumerate() {
            let words = if number % 2 == 0 { "carton tallied" } else { "box counted" };
            dispute.note = Some(words.into());
            planted.insert(dispute.id.clone());
        }
        let best = |embedding: Option<&Arc<Embedding>>| {
            let mut builder = TableBuilder::new().with_embedding(embedding.cloned());
            for dispute in &disputes {
                builder.push(dispute);
            }
            let table = builder.finish(Params::default().min_group);
            let clusters = cluster_guided(&table, &Params::default(), Guidance::default());
            best_of(&members(&table, &clusters), &planted)
        };
        let (without, with) = (best(None), best(Some(&embedding)));
        println!("seed {seed}: without vectors {without:.3}, with them {with:.3}");
        assert!(without <= 0.6, "seed {seed}: the words alone make two things of it: {without}");
        assert!(with >= 0.8, "seed {seed}: {with}");
    }
}

#[test]
fn a_cause_of_two_states_is_found_as_one() {
    for seed in [77, 78] {
        let best = planted_by(seed, 30, &|number, dispute| {
            dispute.state = Some(["TX", "OH"][number % 2].into());
            dispute.payer = Some("Example Plan 7".into());
            dispute.reason_codes = vec!["N".into()];
        });
        assert!(best >= 0.8, "seed {seed}: {best}");
    }
}

#[test]
fn a_cause_of_one_family_of_products_is_found_as_one() {
    for seed in [79, 80] {
        let best = planted_by(seed, 30, &|number, dispute| {
            dispute.ndc = format!("00040-{:04}-01", 500 + number % 4).parse().unwrap();
            dispute.product_name = Some(format!("Examplol {} mg", 10 * (1 + number % 4)).into());
            dispute.reason_codes = vec!["N".into()];
        });
        assert!(best >= 0.8, "seed {seed}: {best}");
    }
}

#[test]
fn a_cause_with_three_fifths_of_all_disputes_is_not_split() {
    for seed in [81, 82] {
        let mut disputes = background(1200, &[A], &mut Random(seed));
        let planted = plant(&mut disputes, (0..1200).filter(|row| row % 5 < 3));
        let found = groups(&disputes);
        let best = best_of(&found, &planted);
        assert!(best >= 0.9, "seed {seed}: {best}");
        let parts = found.iter().filter(|group| !group.is_disjoint(&planted)).count();
        assert_eq!(parts, 1, "seed {seed}");
    }
}

#[test]
fn a_cause_that_makes_its_state_and_its_code_usual_is_found_all_the_same() {
    for seed in [83, 84] {
        let mut disputes = background(1200, &[A], &mut Random(seed));
        let mut planted = BTreeSet::new();
        for dispute in disputes.chunks_mut(8).flat_map(|eight| &mut eight[..7]) {
            dispute.state = Some("NY".into());
            dispute.reason_codes = vec!["N".into()];
            planted.insert(dispute.id.clone());
        }
        let best = best_of(&groups(&disputes), &planted);
        assert!(best >= 0.9, "seed {seed}: {best}");
    }
}

#[test]
fn the_weeks_in_which_a_client_files_a_quarter_are_no_cause() {
    let clients = [A, B, "Example Pharma C", "Example Pharma D"];
    for seed in [85, 86] {
        let mut disputes = background(2400, &clients, &mut Random(seed));
        for (row, dispute) in disputes.iter_mut().enumerate() {
            let client = clients.iter().position(|client| **client == *dispute.client).unwrap();
            let quarter = dispute.period.unwrap();
            let number: usize = quarter.to_string().bytes().map(usize::from).sum();
            let days = i64::try_from((number * 11 + client * 29) % 300).unwrap();
            let day = jiff::civil::date(2026, 1, 1).checked_add(jiff::ToSpan::days(days));
            dispute.opened_at = Some(day.unwrap());
            dispute.ndc = format!("000{}0-{:04}-01", 1 + client, 100 + row % 37).parse().unwrap();
        }
        let (_, clusters) = clusters(&disputes);
        let grouped: usize = clusters.iter().map(|cluster| cluster.rows.len()).sum();
        assert!(grouped <= 48, "seed {seed}: {grouped} of 2400 disputes without a cause are grouped");
    }
}

#[test]
fn a_busy_place_where_nothing_is_odd_is_a_cause_only_where_a_reference_says_that_it_is_busier() {
    let clients = [A, B, "Example Pharma C", "Example Pharma D"];
    let mut disputes = background(2400, &clients, &mut Random(87));
    let mut planted = BTreeSet::new();
    for (number, dispute) in disputes.iter_mut().step_by(16).enumerate() {
        // Every client has its part of it, since a step of 16 would meet one client only.
        dispute.client = clients[number % 4].into();
        dispute.state = Some("NY".into());
        dispute.covered_entity = Some("DSH990001".into());
        dispute.pharmacy_npi = Some(format!("{}", 1_500_000_000 + number / 4 % 3).into());
        planted.insert(dispute.id.clone());
    }
    let found = |reference: Option<&Table>| -> usize {
        let (table, _) = clusters(&disputes);
        let guidance = Guidance { reference, ..Guidance::default() };
        let groups = members(&table, &cluster_guided(&table, &Params::default(), guidance));
        groups.iter().flatten().filter(|id| planted.contains(*id)).count()
    };
    assert!(found(None) <= 15, "{} of 150 disputes of a busy place are grouped", found(None));
    let (reference, _) = clusters(&background(6000, &clients, &mut Random(88)));
    assert!(found(Some(&reference)) >= 120, "{}", found(Some(&reference)));
}

#[test]
fn a_wording_that_another_program_has_as_often_is_no_cause_by_itself() {
    let mut disputes = background(2400, &[A], &mut Random(89));
    let mut worded = BTreeSet::new();
    for (number, dispute) in disputes.iter_mut().enumerate() {
        if number % 2 == 0 {
            dispute.program = Program::Tricare;
        }
        if number % 40 < 2 {
            dispute.note = Some(format!("kindly send more detail, call {number}").into());
            worded.insert(dispute.id.clone());
        } else if number % 3 == 0 {
            dispute.note = Some("as in the letter".into());
        }
    }
    let grouped =
        |disputes: &[Dispute]| groups(disputes).iter().flatten().filter(|id| worded.contains(*id)).count();
    assert!(grouped(&disputes) <= 8, "{} of 120 are grouped", grouped(&disputes));
    // Where one program alone has it, it is a thing of that program.
    for dispute in disputes.iter_mut().filter(|dispute| dispute.program == Program::Tricare) {
        dispute.note = Some("as in the letter".into());
    }
    assert!(grouped(&disputes) >= 48, "{}", grouped(&disputes));
}

#[test]
fn two_constant_factors_under_one_code_on_one_package_are_two_causes() {
    let mut disputes = background(1200, &[A], &mut Random(90));
    let mut planted = [BTreeSet::new(), BTreeSet::new()];
    for (number, dispute) in disputes.iter_mut().step_by(20).enumerate() {
        dispute.ndc = "00040-0500-01".parse().unwrap();
        dispute.pharmacy_npi = Some("1500000001".into());
        dispute.period = Some("2025Q3".parse().unwrap());
        dispute.reason_codes = vec!["Q".into()];
        let (factor, right) = (Decimal::from([10, 25][number % 2]), Decimal::from(4 + number));
        dispute.units_invoiced = Some(right * factor);
        dispute.units_disputed = Some(right * factor - right);
        planted[number % 2].insert(dispute.id.clone());
    }
    let found = groups(&disputes);
    let best = planted.map(|planted| best_of(&found, &planted));
    assert!(best.iter().all(|best| *best >= 0.9), "{best:?}");
}

#[test]
fn joining_by_linfa_puts_the_parts_of_a_cause_together() {
    let worlds = [83, 84, 85, 86].map(|seed| generated(&Plan::new(World::Tangled, 4000, 48, seed)));
    // Of the groups that are mostly of one cause, how many are one beside the first of theirs.
    let too_many = |reach: f64| -> usize {
        let of_world = |(disputes, truth): &(Vec<Dispute>, Vec<(Text, Option<String>)>)| {
            let causes: BTreeMap<&Text, &String> =
                truth.iter().filter_map(|(id, cause)| Some((id, cause.as_ref()?))).collect();
            let (table, clusters) = group_disputes(disputes, &Params { reach, ..Params::default() });
            let mut groups_of: BTreeMap<&String, usize> = BTreeMap::new();
            for cluster in &clusters {
                let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
                for cause in cluster.rows.iter().filter_map(|row| causes.get(table.id(*row))) {
                    *counts.entry(cause).or_default() += 1;
                }
                let most = counts.into_iter().max_by_key(|(_, count)| *count);
                if let Some((cause, _)) = most.filter(|(_, count)| count * 2 > cluster.rows.len()) {
                    *groups_of.entry(cause).or_default() += 1;
                }
            }
            groups_of.values().map(|groups| groups - 1).sum::<usize>()
        };
        worlds.iter().map(of_world).sum()
    };
    // Nothing is as near as that.
    let (alone, joined) = (too_many(1e-9), too_many(Params::default().reach));
    println!("{alone} groups too many without joining, {joined} with it");
    assert!(alone > 0 && alone >= joined * 2, "{alone} groups too many without joining, {joined} with it");
}

#[test]
fn the_words_of_notes_are_in_no_value() {
    let mut disputes = background(600, &[A], &mut Random(34));
    for row in (0..600).step_by(15) {
        disputes[row].note = Some(format!("Zebra wording {row} of the canary told by phone").into());
        disputes[row].reason_codes = vec!["Q".into()];
    }
    let (table, clusters) = clusters(&disputes);
    let mut wordings = BTreeSet::new();
    for row in 0..table.len() {
        for attribute in Attribute::ALL {
            if let Some(value) = table.value(row, attribute) {
                let lower = value.to_lowercase();
                assert!(
                    !["zebra", "canary", "phone", "wording "].iter().any(|word| lower.contains(word)),
                    "{value}"
                );
                if attribute == Attribute::Note {
                    wordings.insert(value.clone());
                }
            }
        }
    }
    assert_eq!(wordings.len(), 1, "one wording, whatever number is in it");
    let items = clusters.iter().flat_map(|cluster| cluster.patterns.iter().flatten());
    let is_wording = |item: &Item| matches!(item.attribute, Attribute::Note | Attribute::Phrase);
    assert!(items.clone().any(is_wording), "the wording tells these apart");
}

#[test]
fn the_baseline_takes_the_key_that_tells_most() {
    let mut disputes = background(1000, &[A], &mut Random(35));
    // One product, as the levels of the NDC tell of each other; ten payers have a quarter and a code of their own.
    for dispute in &mut disputes {
        dispute.ndc = "00010-0100-01".parse().unwrap();
    }
    for (row, dispute) in disputes.iter_mut().take(600).enumerate() {
        let payer = row % 10;
        dispute.payer = Some(format!("Example Plan {payer}").into());
        dispute.reason_codes = vec![CODES[payer % 8].into()];
        dispute.period = Some(format!("202{}Q{}", 4 + payer % 2, 1 + payer % 4).parse().unwrap());
    }
    let (_, clusters) = group_disputes(&disputes, &Params { engine: Engine::GroupBy, ..Params::default() });
    let keys: BTreeSet<Vec<Attribute>> = clusters
        .iter()
        .map(|cluster| cluster.patterns[0].iter().map(|item| item.attribute).collect())
        .collect();
    let best = vec![Attribute::Payer, Attribute::Period, Attribute::ReasonCodes];
    assert_eq!(keys, BTreeSet::from([best]));
}

#[test]
fn what_triagers_put_together_has_a_rule_with_the_baseline_too() {
    let mut disputes = background(1000, &[A], &mut Random(35));
    plant(&mut disputes, (0..1000).step_by(20));
    let params = Params { engine: Engine::GroupBy, ..Params::default() };
    let (table, found) = group_disputes(&disputes, &params);
    let homeless: Vec<&Text> = (0..table.len())
        .map(|row| table.id(row))
        .filter(|id| home_of(&table, &found, id).is_none())
        .collect();
    let links: Vec<Link> = homeless
        .windows(2)
        .take(5)
        .map(|pair| Link { one: pair[0].clone(), other: pair[1].clone(), bond: Bond::Must })
        .collect();
    let links = Links::new(&links).unwrap();
    let guided = cluster_guided(&table, &params, Guidance { links: Some(&links), ..Guidance::default() });
    assert_eq!(guided.len(), found.len() + 1, "one group more");
    let opened = &guided[home_of(&table, &guided, homeless[0]).unwrap()];
    assert!(opened.patterns.iter().all(|pattern| !pattern.is_empty()) && !opened.patterns.is_empty());
    let of_the_key: BTreeSet<Vec<Attribute>> = guided
        .iter()
        .filter(|cluster| cluster.rows != opened.rows)
        .map(|cluster| cluster.patterns[0].iter().map(|item| item.attribute).collect())
        .collect();
    assert_eq!(of_the_key.len(), 1, "the others keep the key: {of_the_key:?}");
}

#[test]
fn few_or_equal_rows_are_no_trouble() {
    for engine in [Engine::Patterns, Engine::GroupBy] {
        let params = Params { engine, ..Params::default() };
        let one = background(1, &[A], &mut Random(36));
        let equal: Vec<Dispute> =
            (0..300).map(|number| Dispute { id: format!("E-{number}").into(), ..one[0].clone() }).collect();
        for (disputes, name) in [(&[][..], "none"), (&one[..], "one"), (&equal[..], "equal")] {
            let (table, clusters) = group_disputes(disputes, &params);
            assert_eq!(table.len(), disputes.len(), "{name}");
            let stands_out = usize::from(engine == Engine::GroupBy && name == "equal");
            assert_eq!(clusters.len(), stands_out, "{name} by {engine:?}: nothing stands out");
        }
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

/// Counts everything that an explanation says anew.
fn check_explanation(table: &Table, cluster: &Cluster, explanation: &Explanation) {
    let all: Vec<usize> = (0..table.len())
        .filter(|row| table.program(*row) == cluster.program && *table.client(*row) == cluster.client)
        .collect();
    let inside: BTreeSet<usize> = cluster.rows.iter().copied().collect();
    let fits = |row: usize| {
        explanation.rule.alternatives.iter().any(|alternative| {
            alternative
                .iter()
                .all(|item| table.value(row, item.attribute).is_some_and(|value| *value == item.value))
        })
    };
    let matching = all.iter().filter(|row| fits(**row)).count();
    let both = inside.iter().filter(|row| fits(**row)).count();
    let rule = &explanation.rule;
    assert_eq!(rule.matching, matching);
    assert!(close(rule.precision, both as f64 / matching.max(1) as f64), "precision {}", rule.precision);
    assert!(close(rule.recall, both as f64 / inside.len() as f64), "recall {}", rule.recall);
    assert!((1..=6).contains(&rule.alternatives.len()));
    for share in &explanation.shares {
        let has = |row: &&usize| table.value(**row, share.item.attribute) == Some(&share.item.value);
        let (members, everywhere) = (inside.iter().filter(has).count(), all.iter().filter(has).count());
        let of_members = members as f64 / inside.len() as f64;
        assert_eq!(share.members, members);
        assert!(close(share.share, of_members));
        assert_eq!(share.is_common(), of_members >= 0.7);
        assert!(share.is_common() || rule.names(&share.item), "{:?}", share.item);
        assert!(
            close(share.lift, of_members / (everywhere as f64 / all.len() as f64)),
            "lift {}",
            share.lift
        );
        assert!(close(share.exclusivity, members as f64 / everywhere as f64));
    }
    assert!(explanation.shares.is_sorted_by(|a, b| a.lift >= b.lift));
    let measured: Vec<&Item> = explanation.shares.iter().map(|share| &share.item).collect();
    for item in rule.alternatives.iter().flatten() {
        assert_eq!(measured.iter().filter(|measured| **measured == item).count(), 1, "{item:?}");
    }
    for varying in &explanation.varying {
        let values: BTreeSet<&Text> =
            inside.iter().filter_map(|row| table.value(*row, varying.attribute)).collect();
        assert_eq!(varying.values, values.len());
        assert!(
            values.len() > 1
                && explanation
                    .shares
                    .iter()
                    .filter(|share| share.is_common())
                    .all(|share| share.item.attribute != varying.attribute)
        );
    }
    // The member with most values, and gaps, in common with the others; of those the first.
    let mut likeness: BTreeMap<usize, usize> = inside.iter().map(|row| (*row, 0)).collect();
    for attribute in Attribute::ALL.into_iter().filter(|attribute| attribute.is_shown()) {
        let mut counts: BTreeMap<Option<&Text>, usize> = BTreeMap::new();
        for row in &inside {
            *counts.entry(table.value(*row, attribute)).or_default() += 1;
        }
        // What no member has any value of says nothing.
        for (row, likeness) in likeness.iter_mut().filter(|_| counts.keys().any(Option::is_some)) {
            *likeness += counts[&table.value(*row, attribute)];
        }
    }
    let most = likeness.values().max().unwrap();
    assert_eq!(
        likeness.iter().find(|(_, likeness)| *likeness == most).map(|(row, _)| *row),
        Some(explanation.medoid)
    );
}

#[test]
fn every_figure_of_an_explanation_can_be_counted_again() {
    let disputes = tangled(1500, 20, 11);
    let (table, clusters) = clusters(&disputes);
    for (cluster, explanation) in clusters.iter().zip(explain(&table, &clusters)) {
        check_explanation(&table, cluster, &explanation);
    }
    assert!(clusters.len() >= 10);
}

fn scores(world: World, rows: usize, seed: u64, engine: Engine) -> Scores {
    let (disputes, truth) = generated(&Plan::new(world, rows, rows / 83, seed));
    let (table, clusters) = group_disputes(&disputes, &Params { engine, ..Params::default() });
    let mut group_of: BTreeMap<&Text, String> = BTreeMap::new();
    for (index, cluster) in clusters.iter().enumerate() {
        for row in &cluster.rows {
            group_of.insert(table.id(*row), index.to_string());
        }
    }
    let assignments: Vec<(&str, Option<&str>)> =
        truth.iter().map(|(id, _)| (&**id, group_of.get(id).map(String::as_str))).collect();
    let truth: Vec<(&str, Option<&str>)> =
        truth.iter().map(|(id, cause)| (&**id, cause.as_deref())).collect();
    let scores = evaluate(&assignments, &truth).unwrap();
    println!(
        "{world:?} seed {seed} {engine:?}: F1 {:.3} precision {:.3} recall {:.3} ARI {:.3} noise {:.3}/{:.3} found {}/{}",
        scores.b_cubed.f1,
        scores.b_cubed.precision,
        scores.b_cubed.recall,
        scores.adjusted_rand,
        scores.noise_precision,
        scores.noise_recall,
        scores.found.found,
        scores.found.causes
    );
    scores
}

#[test]
fn the_engine_stays_as_good_as_it_was_on_conjunctive_causes() {
    let scores = scores(World::Conjunctive, 5000, 2024, Engine::Patterns);
    assert!(scores.b_cubed.f1 >= 0.895, "B-cubed F1 fell to {:.3}", scores.b_cubed.f1);
}

#[test]
fn the_engine_stays_as_good_as_it_was_on_tangled_causes() {
    let scores = scores(World::Tangled, 5000, 2025, Engine::Patterns);
    assert!(scores.b_cubed.f1 >= 0.79, "B-cubed F1 fell to {:.3}", scores.b_cubed.f1);
}

#[test]
fn the_engine_beats_the_best_single_key() {
    for world in [World::Conjunctive, World::Tangled] {
        let (patterns, baseline) =
            (scores(world, 2000, 2026, Engine::Patterns), scores(world, 2000, 2026, Engine::GroupBy));
        assert!(patterns.b_cubed.f1 > baseline.b_cubed.f1 + 0.1, "{world:?}");
    }
}

/// Which group holds a dispute.
fn home_of(table: &Table, clusters: &[Cluster], id: &str) -> Option<usize> {
    clusters.iter().position(|cluster| cluster.rows.iter().any(|row| &**table.id(*row) == id))
}

#[test]
fn what_triagers_decided_is_honoured_exactly() {
    let disputes = tangled(1500, 20, 12);
    let (table, clusters) = clusters(&disputes);
    let of_a = |wanted: bool| {
        let grouped: BTreeSet<usize> =
            clusters.iter().flat_map(|cluster| cluster.rows.iter().copied()).collect();
        let (program, client) = (clusters[0].program, clusters[0].client.clone());
        (0..table.len())
            .filter(|row| table.program(*row) == program && *table.client(*row) == client)
            .filter(|row| grouped.contains(row) == wanted)
            .map(|row| table.id(row).clone())
            .collect::<Vec<Text>>()
    };
    let (grouped, alone) = (of_a(true), of_a(false));
    let first: Vec<Text> = clusters[0].rows.iter().map(|row| table.id(*row).clone()).collect();
    let link = |one: &Text, other: &Text, bond| Link { one: one.clone(), other: other.clone(), bond };
    let links = Links::new(&[
        link(&alone[0], &first[0], Bond::Must),
        link(&alone[1], &alone[2], Bond::Must),
        link(&first[0], &first[1], Bond::Cannot),
    ])
    .unwrap();
    let guidance = Guidance { links: Some(&links), ..Guidance::default() };
    let guided = cluster_guided(&table, &Params::default(), guidance);
    let home = |id: &Text| home_of(&table, &guided, id);
    assert!(home(&alone[0]).is_some() && home(&alone[0]) == home(&first[0]));
    assert!(
        home(&alone[1]).is_some() && home(&alone[1]) == home(&alone[2]),
        "two make a group if people say so"
    );
    assert_ne!(home(&first[0]), home(&first[1]));
    let moved = grouped
        .iter()
        .filter(|id| !first.contains(*id))
        .filter(|id| home(id).is_none() != home_of(&table, &clusters, id).is_none());
    assert_eq!(moved.count(), 0, "nobody else moves");
}

/// Whether each decision about two disputes of one client holds.
fn holds(table: &Table, clusters: &[Cluster], links: &[Link]) {
    let owner = |id: &str| {
        let row = (0..table.len()).find(|row| &**table.id(*row) == id).unwrap();
        table.client(row).clone()
    };
    for link in links.iter().filter(|link| owner(&link.one) == owner(&link.other)) {
        let (one, other) = (home_of(table, clusters, &link.one), home_of(table, clusters, &link.other));
        match link.bond {
            Bond::Must => assert!(one.is_some() && one == other, "{link:?}"),
            Bond::Cannot => assert!(one.is_none() || one != other, "{link:?}"),
        }
    }
}

#[test]
fn three_kept_apart_and_a_whole_kept_from_another_part_their_group() {
    let mut disputes = background(600, &[A], &mut Random(91));
    let planted: Vec<Text> = plant(&mut disputes, (0..600).step_by(20)).into_iter().collect();
    let table = clusters(&disputes).0;
    let link = |one: usize, other: usize, bond| Link {
        one: planted[one].clone(),
        other: planted[other].clone(),
        bond,
    };
    let mutually = [link(0, 1, Bond::Cannot), link(1, 2, Bond::Cannot), link(0, 2, Bond::Cannot)];
    let wholes = [link(3, 4, Bond::Must), link(4, 5, Bond::Must), link(6, 7, Bond::Must)];
    let parted = [link(5, 6, Bond::Cannot), link(3, 8, Bond::Cannot), link(0, 7, Bond::Cannot)];
    let all = [mutually, wholes, parted].concat();
    let links = Links::new(&all).unwrap();
    let guidance = Guidance { links: Some(&links), ..Guidance::default() };
    holds(&table, &cluster_guided(&table, &Params::default(), guidance), &all);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_set_of_decisions_without_a_contradiction_holds(
        whole in prop::collection::vec(0..6_usize, 24),
        pairs in prop::collection::vec((0..24_usize, 0..24_usize), 1..40),
    ) {
        let mut disputes = background(240, &[A, B], &mut Random(92));
        plant(&mut disputes, (0..240).step_by(5));
        let table = clusters(&disputes).0;
        // Half of the disputes that are linked are of a cause. Those of one whole must, others cannot.
        let id = |place: usize| disputes[if place.is_multiple_of(2) { place * 5 } else { place * 5 + 1 }].id.clone();
        let links: Vec<Link> = pairs
            .into_iter()
            .filter(|(one, other)| one != other)
            .map(|(one, other)| Link {
                one: id(one),
                other: id(other),
                bond: if whole[one] == whole[other] { Bond::Must } else { Bond::Cannot },
            })
            .collect();
        let known = Links::new(&links).unwrap();
        let guidance = Guidance { links: Some(&known), ..Guidance::default() };
        holds(&table, &cluster_guided(&table, &Params::default(), guidance), &links);
    }
}

#[test]
fn decisions_that_contradict_each_other_are_refused() {
    let link = |one: &str, other: &str, bond| Link { one: one.into(), other: other.into(), bond };
    let refused = Links::new(&[
        link("D-1", "D-2", Bond::Must),
        link("D-2", "D-3", Bond::Must),
        link("D-3", "D-1", Bond::Cannot),
    ]);
    assert_eq!(refused, Err(LinkError::Contradiction { one: "D-3".into(), other: "D-1".into() }));
}

#[test]
fn a_value_that_is_ordinary_in_the_reference_population_is_no_cause() {
    let mut disputes = background(1200, &[A], &mut Random(36));
    for dispute in disputes.iter_mut().step_by(20) {
        dispute.payer = Some("Example Plan 7".into());
        dispute.reason_codes = vec!["N".into()];
    }
    let (table, found) = clusters(&disputes);
    let of_the_payer = |cluster: &Cluster| {
        let payer = |row: &&usize| {
            table.value(**row, Attribute::Payer).is_some_and(|payer| &**payer == "Example Plan 7")
        };
        cluster.rows.iter().filter(payer).count() * 2 > cluster.rows.len()
    };
    assert!(found.iter().any(of_the_payer), "payer and code go together far more often than chance");
    // In all that was ever seen, most disputes are of this payer and under this code.
    let mut before = background(6000, &[A], &mut Random(37));
    for dispute in before.iter_mut().filter(|dispute| dispute.state.as_deref() != Some("AL")) {
        dispute.payer = Some("Example Plan 7".into());
        dispute.reason_codes = vec!["N".into()];
    }
    let (reference, _) = clusters(&before);
    let guidance = Guidance { reference: Some(&reference), ..Guidance::default() };
    let guided = cluster_guided(&table, &Params::default(), guidance);
    assert!(!guided.iter().any(of_the_payer), "so it is always");
}

#[test]
fn a_claim_reference_is_shared_within_one_client_only() {
    let of = |client: &str| {
        let mut disputes = background(2, &[A], &mut Random(38));
        for dispute in &mut disputes {
            dispute.claim_ref = Some("claim 1".into());
        }
        disputes[1].client = client.into();
        let (table, _) = clusters(&disputes);
        (0..2).filter(|row| table.value(*row, Attribute::SharedClaim).is_some()).count()
    };
    let own = background(1, &[A], &mut Random(38))[0].client.clone();
    assert_eq!((of(&own), of("Another Client")), (2, 0));
}

#[test]
fn lines_of_one_claim_differ_only_in_values_that_are_known() {
    let of = |payers: &[Option<&str>]| {
        let mut disputes = background(payers.len(), &[A], &mut Random(38));
        for (dispute, payer) in disputes.iter_mut().zip(payers) {
            dispute.claim_ref = Some("claim 1".into());
            dispute.payer = payer.map(Text::from);
        }
        let (table, _) = clusters(&disputes);
        let values: BTreeSet<Option<Text>> =
            (0..payers.len()).map(|row| table.value(row, Attribute::SharedClaim).cloned()).collect();
        assert_eq!(values.len(), 1, "the lines of a claim have one value: {values:?}");
        values.into_iter().flatten().next().unwrap().to_string()
    };
    let (one, other) = (Some("Example Plan 1"), Some("Example Plan 2"));
    for payers in [&[one, None][..], &[None, one], &[one, one, None], &[None, None]] {
        assert_eq!(of(payers), "another dispute of the claim", "{payers:?}");
    }
    for payers in [&[one, other][..], &[None, one, other], &[one, None, other]] {
        assert_eq!(of(payers), "another dispute of the claim, with another payer", "{payers:?}");
    }
}

#[test]
fn what_a_reference_says_of_the_open_disputes_themselves_is_not_counted_twice() {
    // A reference of all that was ever seen holds the open ones, too; what they share is a cause all the same.
    let mut disputes = background(1200, &[A], &mut Random(36));
    for dispute in disputes.iter_mut().step_by(20) {
        dispute.payer = Some("Example Plan 7".into());
        dispute.reason_codes = vec!["N".into()];
        dispute.note = Some("wording of one plan".into());
    }
    let (table, found) = clusters(&disputes);
    let guidance = Guidance { reference: Some(&table), ..Guidance::default() };
    assert_eq!(cluster_guided(&table, &Params::default(), guidance), found);
}

#[test]
fn parts_of_the_disputes_merge_into_the_same_table_in_any_order() {
    let disputes = tangled(900, 12, 13);
    let parts: Vec<TableBuilder> = disputes
        .chunks(300)
        .map(|part| {
            let mut builder = TableBuilder::new();
            for dispute in part {
                builder.push(dispute);
            }
            builder
        })
        .collect();
    let [a, b, c] = <[TableBuilder; 3]>::try_from(parts).unwrap();
    let (whole, _) = clusters(&disputes);
    let (mut backwards, mut rest) = (c, b);
    rest.merge(a);
    backwards.merge(rest);
    let merged = backwards.finish(Params::default().min_group);
    assert_eq!(merged.len(), whole.len());
    for row in 0..whole.len() {
        assert_eq!(merged.id(row), whole.id(row));
        for attribute in Attribute::ALL {
            assert_eq!(merged.value(row, attribute), whole.value(row, attribute));
        }
    }
}
