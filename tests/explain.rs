//! How well the printed rules fit: counted anew, on the true groups of generated worlds and on the engine's.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows test functions only, not what they share"
)]

use std::collections::BTreeMap;

use disputebot::{
    cluster::{Cluster, Params, Table, explain},
    dispute::{Dispute, Field, Interner, Row, Tables, Text, Vocabulary, read},
    generate::{self, HEADER, Plan, Record, World},
    run::group_disputes,
};

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
        .map(|((program, client, _), rows)| Cluster { program, client, patterns: Vec::new(), rows })
        .collect()
}

/// Mean precision and recall of the rules, counted anew from the table.
fn fit(table: &Table, clusters: &[Cluster], name: &str) -> (f64, f64) {
    let explanations = explain(table, clusters);
    assert_eq!(explanations.len(), clusters.len());
    let (mut precision, mut recall, mut weighted, mut rows) = (0.0, 0.0, (0.0, 0.0), 0.0);
    let (mut alternatives, mut items) = (0, 0);
    let mut bad = Vec::new();
    for (cluster, explanation) in clusters.iter().zip(&explanations) {
        let rule = &explanation.rule;
        let fits = |row: &usize| rule.alternatives.iter().any(|items| table.matches(*row, items));
        let matching = (0..table.len())
            .filter(|row| table.program(*row) == cluster.program && *table.client(*row) == cluster.client)
            .filter(fits)
            .count();
        let inside = cluster.rows.iter().filter(|row| fits(row)).count();
        let p = inside as f64 / matching.max(1) as f64;
        let r = inside as f64 / cluster.rows.len() as f64;
        assert!((p - rule.precision).abs() < 1e-9 && (r - rule.recall).abs() < 1e-9);
        precision += p;
        recall += r;
        weighted.0 += p * cluster.rows.len() as f64;
        weighted.1 += r * cluster.rows.len() as f64;
        rows += cluster.rows.len() as f64;
        alternatives += rule.alternatives.len();
        items += rule.alternatives.iter().map(Vec::len).sum::<usize>();
        if p < 0.8 || r < 0.8 {
            bad.push((cluster.rows.len(), p, r, rule.alternatives.clone(), cluster.rows.clone()));
        }
    }
    let groups = clusters.len() as f64;
    println!(
        "{name}: {groups} groups, precision {:.3}, recall {:.3}; by rows {:.3} {:.3}; {:.2} alternatives of {:.2} values",
        precision / groups,
        recall / groups,
        weighted.0 / rows,
        weighted.1 / rows,
        f64::from(alternatives as u32) / groups,
        f64::from(items as u32) / f64::from(alternatives as u32),
    );
    if std::env::var("BAD").is_ok() {
        for (size, p, r, alternatives, rows) in bad.iter().take(14) {
            println!("   {size} p {p:.2} r {r:.2}");
            for alternative in alternatives {
                println!(
                    "        {}",
                    alternative.iter().map(|i| format!("{}={}", i.attribute.name(), i.value)).collect::<Vec<_>>().join(" ")
                );
            }
            for row in rows.iter().take(5) {
                println!(
                    "      - {}",
                    disputebot::cluster::Attribute::ALL.iter().filter_map(|a| table.value(*row, *a).map(|v| format!("{}={v}", a.name()))).collect::<Vec<_>>().join(" ")
                );
            }
        }
    }
    (precision / groups, recall / groups)
}

#[test]
fn measure() {
    for world in [World::Conjunctive, World::Tangled] {
        for seed in [31, 32] {
            let (disputes, causes) = generated(&Plan::new(world, 10_000, 120, seed));
            let fast = std::env::var("FAST").is_ok();
            if fast {
                let mut builder = disputebot::cluster::TableBuilder::new();
                for d in &disputes { builder.push(d); }
                let table = builder.finish(4);
                fit(&table, &true_clusters(&table, &causes), &format!("{world:?} {seed} truth"));
                continue;
            }
            let (table, clusters) = group_disputes(&disputes, &Params::default());
            let started = std::time::Instant::now();
            fit(&table, &true_clusters(&table, &causes), &format!("{world:?} {seed} truth"));
            println!("{:?}", started.elapsed());
            fit(&table, &clusters, &format!("{world:?} {seed} engine"));
            let learned: Vec<Cluster> =
                clusters.iter().map(|c| Cluster { patterns: Vec::new(), ..c.clone() }).collect();
            fit(&table, &learned, &format!("{world:?} {seed} engine, learned"));
        }
    }
}
