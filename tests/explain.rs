//! Rules that stand for groups, how well they fit on the true groups of generated worlds and on the engine's,
//! and the nearest other group.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows test functions only, not what they share"
)]

use std::collections::{BTreeMap, BTreeSet};

use disputebot::{
    cluster::{
        Attribute, Cluster, Explanation, Held, Item, Params, Separating, Table, TableBuilder, company,
        explain,
    },
    dispute::{DeliverySystem, Dispute, Field, Interner, Program, Row, Tables, Text, Vocabulary, read},
    generate::{self, HEADER, Plan, Record, World},
    run::group_disputes,
    ticket::words::rule,
};
use rust_decimal::Decimal;

/// A row of the generator as the domain reads it.
struct Line<'a>(&'a Record);

impl Row for Line<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        let place = HEADER.iter().position(|name| *name == field.name())?;
        Some(self.0.fields()[place])
    }
}

/// The disputes of a generated world that can be read, with the cause of each.
fn generated(plan: &Plan) -> (Vec<Dispute>, BTreeMap<Text, String>) {
    let (vocabulary, tables, mut interner) = (Vocabulary::default(), Tables::embedded(), Interner::default());
    let sample = generate::generate(plan);
    let (mut disputes, mut causes) = (Vec::new(), BTreeMap::new());
    for (record, cause) in sample.rows.iter().zip(sample.truth) {
        if let Ok((mut dispute, _)) = read(&Line(record), &vocabulary, &tables) {
            interner.share_texts_of(&mut dispute);
            if let Some(cause) = cause {
                causes.insert(dispute.id.clone(), cause);
            }
            disputes.push(dispute);
        }
    }
    (disputes, causes)
}

/// The true causes as clusters: each is split per client, as the engine does.
fn true_clusters(table: &Table, causes: &BTreeMap<Text, String>) -> Vec<Cluster> {
    let mut rows: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for row in 0..table.len() {
        if let Some(cause) = causes.get(table.id(row)) {
            rows.entry((table.program(row), table.client(row).clone(), cause.clone())).or_default().push(row);
        }
    }
    rows.into_iter()
        .filter(|(_, rows)| rows.len() >= Params::default().min_group)
        .map(|((program, client, _), rows)| Cluster { program, client, cause: 0, patterns: Vec::new(), rows })
        .collect()
}

/// How well rules fit, as sums over groups.
#[derive(Debug, Default)]
struct Fit {
    groups: f64,
    precision: f64,
    recall: f64,
    /// Groups whose rule takes in more strangers than one in ten.
    loose: f64,
}

impl Fit {
    /// Counts anew what the rules say of themselves.
    fn add(&mut self, table: &Table, clusters: &[Cluster]) {
        let explanations = explain(table, clusters);
        assert_eq!(explanations.len(), clusters.len());
        for (cluster, Explanation { rule, .. }) in clusters.iter().zip(&explanations) {
            let fits = |row: &usize| rule.alternatives.iter().any(|items| table.matches(*row, items));
            let matching = (0..table.len())
                .filter(|row| table.program(*row) == cluster.program && *table.client(*row) == cluster.client)
                .filter(fits)
                .count();
            let inside = cluster.rows.iter().filter(|row| fits(row)).count() as f64;
            let (precision, recall) = (inside / matching.max(1) as f64, inside / cluster.rows.len() as f64);
            assert!((precision - rule.precision).abs() < 1e-9 && (recall - rule.recall).abs() < 1e-9);
            assert!((1..=6).contains(&rule.alternatives.len()));
            self.groups += 1.0;
            self.precision += precision;
            self.recall += recall;
            self.loose += f64::from(u8::from(precision < 0.9));
        }
    }

    /// Mean precision, mean recall, share of loose rules.
    fn means(&self, name: &str) -> (f64, f64, f64) {
        let Self { groups, precision, recall, loose } = self;
        let means = (precision / groups, recall / groups, loose / groups);
        println!(
            "{name}: {groups} groups, precision {:.3}, recall {:.3}, loose {:.3}",
            means.0, means.1, means.2
        );
        means
    }
}

fn world(world: World, rows: usize, seed: u64) -> (Vec<Dispute>, BTreeMap<Text, String>) {
    println!("{world:?}, seed {seed}");
    generated(&Plan::new(world, rows, rows / 83, seed))
}

fn table_of(disputes: &[Dispute]) -> Table {
    let mut builder = TableBuilder::new();
    for dispute in disputes {
        builder.push(dispute);
    }
    builder.finish(Params::default().min_group)
}

#[test]
fn rules_of_true_groups_are_precise_and_complete() {
    let mut both = Fit::default();
    for kind in [World::Conjunctive, World::Tangled] {
        let mut fit = Fit::default();
        for seed in [41, 42] {
            let (disputes, causes) = world(kind, 6000, seed);
            let table = table_of(&disputes);
            let clusters = true_clusters(&table, &causes);
            fit.add(&table, &clusters);
            both.add(&table, &clusters);
        }
        let (precision, _, _) = fit.means(&format!("{kind:?}"));
        assert!(precision >= 0.95, "{kind:?}: precision {precision:.3}");
    }
    let (precision, recall, loose) = both.means("both worlds");
    assert!(precision >= 0.95 && recall >= 0.95, "precision {precision:.3}, recall {recall:.3}");
    assert!(loose <= 0.06, "{loose:.3} of the rules have a precision below 0.9");
}

#[test]
fn rules_of_found_groups_are_precise_and_complete() {
    for kind in [World::Conjunctive, World::Tangled] {
        let (mut found, mut learned) = (Fit::default(), Fit::default());
        for seed in [43, 44, 45] {
            let (disputes, _) = world(kind, 4000, seed);
            let (table, clusters) = group_disputes(&disputes, &Params::default());
            found.add(&table, &clusters);
            // Groups that come without patterns, as when an engine assigns disputes by likelihood.
            let bare: Vec<Cluster> =
                clusters.iter().map(|cluster| Cluster { patterns: Vec::new(), ..cluster.clone() }).collect();
            learned.add(&table, &bare);
        }
        for (fit, how) in [(found, "as found"), (learned, "learned")] {
            let (precision, recall, _) = fit.means(&format!("{kind:?}, {how}"));
            assert!(precision >= 0.95 && recall >= 0.95, "precision {precision:.3}, recall {recall:.3}");
        }
    }
}

/// A dispute with nothing that tells it from others but its number.
fn dispute(number: usize) -> Dispute {
    Dispute {
        id: format!("D-{number:03}").into(),
        program: Program::Mdrp,
        client: "Example Pharma A".into(),
        ndc: format!("00010-{:04}-01", 100 + number % 40).parse().unwrap(),
        product_name: None,
        state: Some(["TX", "CA", "NY", "FL", "OH", "PA", "WA"][number % 7].into()),
        payer: Some(format!("Example Plan {}", number % 23).into()),
        delivery_system: None,
        covered_entity: None,
        pharmacy_npi: Some(format!("{}", 1_000_000_000 + number % 97).into()),
        period: Some(format!("2025Q{}", 1 + number % 4).parse().unwrap()),
        service_date: None,
        reason_codes: vec![["A", "B", "C", "D", "F"][number % 5].into()],
        units_invoiced: Some(Decimal::from(100)),
        units_disputed: Some(Decimal::from(100)),
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

/// Sixteen disputes of one pharmacy and one quarter among many others, changed; explained as a group.
fn planted(change: &dyn Fn(usize, &mut Dispute)) -> (Table, Cluster, Explanation) {
    let mut disputes: Vec<Dispute> = (0..400).map(dispute).collect();
    let members: BTreeSet<Text> = (0..400).step_by(25).map(|at| disputes[at].id.clone()).collect();
    for (place, at) in (0..400).step_by(25).enumerate() {
        disputes[at].pharmacy_npi = Some("1999999999".into());
        disputes[at].reason_codes = vec!["N".into()];
        change(place, &mut disputes[at]);
    }
    let table = table_of(&disputes);
    let rows = (0..table.len()).filter(|row| members.contains(table.id(*row))).collect();
    let (program, client) = (Program::Mdrp, "Example Pharma A".into());
    let cluster = Cluster { program, client, cause: 0, patterns: Vec::new(), rows };
    let explanation = explain(&table, std::slice::from_ref(&cluster)).remove(0);
    (table, cluster, explanation)
}

fn words(explanation: &Explanation) -> Vec<String> {
    explanation
        .rule
        .alternatives
        .iter()
        .map(|items| {
            let words: Vec<String> =
                items.iter().map(|item| format!("{}={}", item.attribute.name(), item.value)).collect();
            words.join(" ")
        })
        .collect()
}

#[test]
fn a_place_is_named_rather_than_a_symptom_that_says_the_same() {
    let (_, _, explanation) = planted(&|_, _| ());
    assert_eq!(words(&explanation), ["pharmacy_npi=1999999999"]);
    assert!((explanation.rule.precision, explanation.rule.recall) == (1.0, 1.0));
}

#[test]
fn one_mistyped_value_gets_no_alternative_of_its_own() {
    let (_, _, explanation) = planted(&|place, dispute| {
        if place == 3 {
            dispute.pharmacy_npi = Some("1999999989".into());
            dispute.reason_codes = vec!["A".into()];
        }
    });
    assert_eq!(words(&explanation), ["pharmacy_npi=1999999999"]);
}

/// Half of the members are of another pharmacy.
fn of_two_pharmacies() -> Explanation {
    let (_, _, explanation) = planted(&|place, dispute| {
        dispute.reason_codes = vec![["A", "B", "C"][place % 3].into()];
        if place % 2 == 0 {
            dispute.pharmacy_npi = Some("1888888888".into());
        }
    });
    explanation
}

#[test]
fn a_cause_of_two_places_has_two_alternatives() {
    let explanation = of_two_pharmacies();
    assert_eq!(words(&explanation), ["pharmacy_npi=1888888888", "pharmacy_npi=1999999999"]);
}

#[test]
fn each_value_of_a_rule_with_alternatives_is_measured_though_few_members_have_it() {
    let explanation = of_two_pharmacies();
    for pharmacy in ["1888888888", "1999999999"] {
        let item = Item { attribute: Attribute::Pharmacy, value: pharmacy.into() };
        let share = explanation.shares.iter().find(|share| share.item == item).unwrap();
        assert!(!share.is_common() && explanation.rule.names(&item));
        // Half of the members, one dispute in fifty among all 400, nobody else.
        assert_eq!((share.members, share.share, share.exclusivity), (8, 0.5, 1.0));
        assert!((share.lift - 25.0).abs() < 1e-9, "{}", share.lift);
    }
}

#[test]
fn a_rule_is_told_in_the_words_of_the_field() {
    let mut disputes: Vec<Dispute> = (0..400).map(dispute).collect();
    let is_member = |at: usize| at.is_multiple_of(25);
    for (at, dispute) in disputes.iter_mut().enumerate() {
        // The product alone and the ratio alone are ordinary; together they are the cause.
        if is_member(at) || at % 25 == 1 {
            dispute.ndc = format!("00022-2127-9{}", at % 4).parse().unwrap();
        }
        if is_member(at) || at % 25 == 2 {
            dispute.units_disputed = Some(Decimal::from(90));
        }
        if is_member(at) {
            dispute.reason_codes = vec![["A", "B", "C", "D", "F"][at / 25 % 5].into()];
        }
    }
    let table = table_of(&disputes);
    let members: BTreeSet<&Text> = disputes
        .iter()
        .enumerate()
        .filter(|(at, _)| is_member(*at))
        .map(|(_, dispute)| &dispute.id)
        .collect();
    let cluster = Cluster {
        program: Program::Mdrp,
        client: "Example Pharma A".into(),
        cause: 0,
        patterns: Vec::new(),
        rows: (0..table.len()).filter(|row| members.contains(table.id(*row))).collect(),
    };
    let explanation = explain(&table, &[cluster]).remove(0);
    let told: Vec<String> =
        explanation.rule.alternatives.iter().map(|items| rule(items, &explanation.varying)).collect();
    assert_eq!(told, ["NDC 00022-2127 in all states, units invoiced 10.0 times the accepted units"]);
    assert!((explanation.rule.precision, explanation.rule.recall) == (1.0, 1.0));
}

#[test]
fn a_product_is_named_with_its_packages_where_they_vary() {
    let (_, _, explanation) = planted(&|place, dispute| {
        dispute.pharmacy_npi = Some(format!("{}", 1_000_000_000 + place).into());
        dispute.reason_codes = vec!["A".into()];
        dispute.ndc = format!("00022-2127-9{}", place % 4).parse().unwrap();
    });
    assert_eq!(words(&explanation), ["product=00022-2127"]);
}

#[test]
fn patterns_that_still_fit_stay_the_rule_and_others_are_learned_anew() {
    let (table, cluster, _) = planted(&|_, _| ());
    let item = |attribute, value: &str| Item { attribute, value: value.into() };
    let with = |item: Item| Cluster { patterns: vec![vec![item]], ..cluster.clone() };
    let fits = with(item(Attribute::ReasonCodes, "N"));
    assert_eq!(words(&explain(&table, &[fits]).remove(0)), ["reason_codes=N"]);
    let fits_no_more = with(item(Attribute::State, "TX"));
    assert_eq!(words(&explain(&table, &[fits_no_more]).remove(0)), ["pharmacy_npi=1999999999"]);
}

#[test]
fn the_rule_depends_on_neither_the_order_nor_the_ids_of_the_disputes() {
    let (disputes, causes) = world(World::Tangled, 1500, 44);
    let rules = |disputes: &[Dispute], causes: &BTreeMap<Text, String>| -> BTreeMap<String, Vec<String>> {
        let table = table_of(disputes);
        let clusters = true_clusters(&table, causes);
        let explanations = explain(&table, &clusters);
        let name = |cluster: &Cluster| {
            format!("{} {} {}", cluster.program.as_str(), cluster.client, causes[table.id(cluster.rows[0])])
        };
        clusters.iter().zip(&explanations).map(|(cluster, one)| (name(cluster), words(one))).collect()
    };
    let before = rules(&disputes, &causes);
    assert!(before.len() >= 10, "{} groups", before.len());
    let new_id = |id: &Text| -> Text { id.chars().rev().collect::<String>().into() };
    let mut renamed: Vec<Dispute> =
        disputes.iter().map(|dispute| Dispute { id: new_id(&dispute.id), ..dispute.clone() }).collect();
    renamed.reverse();
    let renamed_causes = causes.iter().map(|(id, cause)| (new_id(id), cause.clone())).collect();
    assert_eq!(rules(&renamed, &renamed_causes), before);
}

#[test]
fn the_nearest_group_is_the_one_with_most_rare_values_in_common() {
    let mut disputes: Vec<Dispute> = (0..400).map(dispute).collect();
    let mut member = |from: usize, pharmacy: &str, delivery: DeliverySystem, payer: &str| -> BTreeSet<Text> {
        (from..from + 8)
            .map(|at| {
                disputes[at].pharmacy_npi = Some(pharmacy.into());
                disputes[at].delivery_system = Some(delivery);
                disputes[at].payer = Some(payer.into());
                disputes[at].id.clone()
            })
            .collect()
    };
    let groups = [
        member(0, "1999999999", DeliverySystem::Ffs, "State program"),
        member(100, "1888888888", DeliverySystem::Ffs, "State program"),
        member(200, "1999999999", DeliverySystem::Mco, "State program"),
        member(300, "1777777777", DeliverySystem::Mco, "Another plan"),
    ];
    let table = table_of(&disputes);
    let clusters: Vec<Cluster> = groups
        .iter()
        .map(|ids| Cluster {
            program: Program::Mdrp,
            client: "Example Pharma A".into(),
            cause: 0,
            patterns: Vec::new(),
            rows: (0..table.len()).filter(|row| ids.contains(table.id(*row))).collect(),
        })
        .collect();
    let explanations = explain(&table, &clusters);
    let neighbours: Vec<Option<usize>> = explanations
        .iter()
        .map(|explanation| explanation.neighbour.as_ref().map(|near| near.cluster))
        .collect();
    assert_eq!(neighbours, [Some(2), Some(0), Some(0), Some(2)]);
    let apart = explanations[0].neighbour.as_ref().unwrap().separating.as_ref().unwrap();
    assert_eq!(
        *apart,
        Separating {
            attribute: Attribute::DeliverySystem,
            here: Held::Value("ffs".into()),
            there: Held::Value("mco".into())
        }
    );
}

#[test]
fn groups_that_share_no_value_are_told_apart_all_the_same() {
    let mut disputes: Vec<Dispute> = (0..400).map(dispute).collect();
    for (at, dispute) in disputes.iter_mut().enumerate() {
        // Each value of the second half is its own.
        if at >= 200 {
            dispute.state = Some(["OR", "NV", "UT", "ID", "MT", "ND", "SD"][at % 7].into());
            dispute.payer = Some(format!("Other Plan {}", at % 23).into());
            dispute.ndc = format!("00030-{:04}-01", 100 + at % 40).parse().unwrap();
            dispute.pharmacy_npi = Some(format!("{}", 1_500_000_000 + at % 97).into());
            dispute.period = Some(format!("2024Q{}", 1 + at % 4).parse().unwrap());
            dispute.reason_codes = vec![["K", "L", "M", "O", "P"][at % 5].into()];
        }
    }
    let table = table_of(&disputes);
    let half = |wanted: bool| Cluster {
        program: Program::Mdrp,
        client: "Example Pharma A".into(),
        cause: 0,
        patterns: Vec::new(),
        rows: (0..table.len()).filter(|row| (&**table.id(*row) >= "D-200") == wanted).collect(),
    };
    let alone = explain(&table, &[half(true)]).remove(0);
    assert_eq!(alone.neighbour, None, "there is no other group");
    for (place, explanation) in explain(&table, &[half(false), half(true)]).iter().enumerate() {
        let near = explanation.neighbour.as_ref().unwrap();
        assert_eq!(near.cluster, 1 - place);
        assert!(near.separating.is_some());
    }
}

#[test]
fn every_group_of_a_client_with_another_has_a_nearest_one_and_what_separates_them() {
    for kind in [World::Conjunctive, World::Tangled] {
        for (rows, seed) in [(800, 46), (2000, 47)] {
            let (disputes, _) = world(kind, rows, seed);
            let (table, clusters) = group_disputes(&disputes, &Params::default());
            let owner = |cluster: &Cluster| (cluster.program, cluster.client.clone());
            for (place, explanation) in explain(&table, &clusters).iter().enumerate() {
                let others = clusters.iter().filter(|other| owner(other) == owner(&clusters[place])).count();
                let Some(near) = &explanation.neighbour else {
                    assert_eq!(others, 1, "group {place} of {:?}", owner(&clusters[place]));
                    continue;
                };
                assert_eq!(owner(&clusters[near.cluster]), owner(&clusters[place]));
                assert_ne!(near.cluster, place);
                let apart = near.separating.as_ref().unwrap();
                assert_ne!(apart.here, apart.there, "{apart:?}");
            }
        }
    }
}

#[test]
fn what_keeps_a_lone_dispute_company_is_the_pair_of_its_values_that_others_share_most_beyond_chance() {
    let mut disputes: Vec<Dispute> = (0..400).map(dispute).collect();
    for (at, client) in [(0, "A"), (25, "A"), (50, "B")] {
        disputes[at].pharmacy_npi = Some("1999999999".into());
        disputes[at].reason_codes = vec!["N".into()];
        disputes[at].client = format!("Example Pharma {client}").into();
    }
    // None of its values is another one's.
    let stranger = &mut disputes[7];
    stranger.state = Some("GU".into());
    stranger.payer = Some("Example Plan Alone".into());
    stranger.ndc = "98001-0001-01".parse().unwrap();
    stranger.pharmacy_npi = Some("1888888888".into());
    stranger.period = Some("2023Q1".parse().unwrap());
    stranger.reason_codes = vec!["Z".into()];
    let table = table_of(&disputes);
    let row_of = |id: &str| (0..table.len()).find(|row| &**table.id(*row) == id).unwrap();
    let found = company(&table, row_of("D-000")).unwrap();
    let mut values = found.items.each_ref().map(|item| (item.attribute, item.value.to_string()));
    values.sort();
    let wanted = [(Attribute::Pharmacy, "1999999999"), (Attribute::ReasonCodes, "N")];
    assert_eq!(values, wanted.map(|(attribute, value)| (attribute, value.to_owned())));
    let others: BTreeSet<&str> = found.others.iter().map(|row| &**table.id(*row)).collect();
    assert_eq!((others, found.of_client), (BTreeSet::from(["D-025", "D-050"]), 1));
    assert!((found.expected - 9.0 / 400.0).abs() < 1e-9, "3 of 400 have one, and 3 the other: {found:?}");
    assert_eq!(company(&table, row_of("D-007")), None);
}
