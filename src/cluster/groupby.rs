//! The honest baseline: the best single GROUP BY key.
//!
//! Every key of up to three attributes is tried per program; the one that tells most wins, where a key tells
//! the sum over its groups of the log-likelihood ratio against independence, less what naming so many groups
//! costs (minimum description length).

use std::collections::BTreeMap;

use super::{
    attribute::{Attribute, Item},
    table::Table,
};

/// Groups of the best key, each with its values.
pub(super) fn best(table: &Table, rows: &[u32], min_group: usize) -> Vec<(Vec<Item>, Vec<u32>)> {
    let mut best: Option<(f64, Vec<Attribute>)> = None;
    for key in keys() {
        let score = score(table, rows, &key, min_group);
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, key));
        }
    }
    let Some((_, key)) = best else { return Vec::new() };
    groups(table, rows, &key)
        .into_iter()
        .filter(|(_, members)| members.len() >= min_group)
        .map(|(codes, members)| {
            (key.iter().zip(&codes).map(|(attribute, code)| table.item(*attribute, *code)).collect(), members)
        })
        .collect()
}

fn keys() -> Vec<Vec<Attribute>> {
    let all = Attribute::ALL;
    let mut keys: Vec<Vec<Attribute>> = Vec::new();
    for a in 0..all.len() {
        for b in a + 1..all.len() {
            keys.push(vec![all[a], all[b]]);
            for c in b + 1..all.len() {
                keys.push(vec![all[a], all[b], all[c]]);
            }
        }
    }
    keys
}

fn groups(table: &Table, rows: &[u32], key: &[Attribute]) -> BTreeMap<Vec<u32>, Vec<u32>> {
    let mut groups: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
    for row in rows {
        let codes: Vec<u32> = key.iter().map(|attribute| table.column(*attribute)[*row as usize]).collect();
        if !codes.contains(&0) {
            groups.entry(codes).or_default().push(*row);
        }
    }
    groups
}

fn score(table: &Table, rows: &[u32], key: &[Attribute], min_group: usize) -> f64 {
    let total = rows.len() as f64;
    let rates: Vec<BTreeMap<u32, f64>> = key
        .iter()
        .map(|attribute| {
            let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
            for row in rows {
                *counts.entry(table.column(*attribute)[*row as usize]).or_default() += 1.0 / total;
            }
            counts
        })
        .collect();
    groups(table, rows, key)
        .into_iter()
        .filter(|(_, members)| members.len() >= min_group)
        .map(|(codes, members)| {
            let expected = codes.iter().zip(&rates).map(|(code, rates)| rates[code]).product::<f64>() * total;
            // Naming a group costs about the logarithm of the number of values it is chosen from, per value.
            let cost: f64 = rates.iter().map(|rates| 2.0 * (rates.len() as f64).ln()).sum();
            surprise(members.len() as f64, expected) - cost
        })
        .sum()
}

/// `2 (o ln(o/e) - (o - e))`, zero where `o <= e`.
fn surprise(observed: f64, expected: f64) -> f64 {
    if observed <= expected {
        0.0
    } else {
        2.0 * (observed * (observed / expected).ln() - (observed - expected))
    }
}
