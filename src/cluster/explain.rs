//! Why the disputes of a cluster belong together, measured on the client's own open disputes.

use std::collections::BTreeMap;

use super::{
    Cluster,
    attribute::{Attribute, Item},
    table::Table,
};

/// Share of a cluster's disputes that must have a value for it to be called shared.
const SHARED: f64 = 0.7;
/// Part of the members after which further alternatives of a rule say little.
const ENOUGH: f64 = 0.95;
/// Most alternatives that a rule spells out.
const MAX_ALTERNATIVES: usize = 4;

/// Why a cluster is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The rule that stands for the cluster.
    pub rule: Rule,
    /// Values that most members share, rarest elsewhere first.
    pub shares: Vec<Share>,
    /// What differs among the members.
    pub varying: Vec<Varying>,
    /// The member most like all others (row of the table).
    pub medoid: usize,
}

/// A disjunction of conjunctions, with how well it fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Each is a set of values that a dispute must have all of; one alternative is enough.
    pub alternatives: Vec<Vec<Item>>,
    /// Open disputes of the client and program that fit the rule.
    pub matching: usize,
    /// Share (0 to 1) of the matching disputes that are members.
    pub precision: f64,
    /// Share (0 to 1) of the members that match.
    pub recall: f64,
}

/// A value that most members share.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The value.
    pub item: Item,
    /// Members that have it.
    pub members: usize,
    /// Share (0 to 1) of the members that have it.
    pub share: f64,
    /// That share against the share among all open disputes of the client and program.
    pub lift: f64,
    /// Share (0 to 1) of the client's open disputes with this value that are members.
    pub exclusivity: f64,
}

/// An attribute in which the members differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Varying {
    /// The attribute.
    pub attribute: Attribute,
    /// How many values the members have.
    pub values: usize,
}

/// Explains a cluster. `peers` are all rows of its client and program, its own included.
pub fn explain(table: &Table, cluster: &Cluster, peers: &[usize]) -> Explanation {
    let member = |row: &usize| cluster.rows.binary_search(row).is_ok();
    let rule = rule(table, cluster, peers, &member);
    let mut shares = Vec::new();
    let mut varying = Vec::new();
    let mut weights: Vec<(Attribute, BTreeMap<&str, usize>)> = Vec::new();
    for attribute in Attribute::ALL {
        let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
        for row in &cluster.rows {
            if let Some(value) = table.value(*row, attribute) {
                *tally.entry(value).or_default() += 1;
            }
        }
        let Some((value, members)) =
            tally.iter().max_by_key(|(value, count)| (**count, std::cmp::Reverse(*value)))
        else {
            continue;
        };
        let share = *members as f64 / cluster.rows.len() as f64;
        if share >= SHARED {
            let with: Vec<usize> = peers
                .iter()
                .copied()
                .filter(|row| table.value(*row, attribute).is_some_and(|other| &**other == *value))
                .collect();
            let rate = with.len() as f64 / peers.len() as f64;
            shares.push(Share {
                item: Item { attribute, value: (*value).into() },
                members: *members,
                share,
                lift: share / rate,
                exclusivity: *members as f64 / with.len() as f64,
            });
        } else if tally.len() > 1 {
            varying.push(Varying { attribute, values: tally.len() });
        }
        weights.push((attribute, tally));
    }
    shares.sort_by(|a, b| b.lift.total_cmp(&a.lift).then_with(|| a.item.cmp(&b.item)));
    let likeness = |row: usize| -> usize {
        weights
            .iter()
            .filter_map(|(attribute, tally)| {
                table.value(row, *attribute).and_then(|value| tally.get(&**value))
            })
            .sum()
    };
    let medoid = cluster
        .rows
        .iter()
        .copied()
        .max_by_key(|row| (likeness(*row), std::cmp::Reverse(*row)))
        .unwrap_or_default();
    Explanation { rule, shares, varying, medoid }
}

fn rule(table: &Table, cluster: &Cluster, peers: &[usize], member: &dyn Fn(&usize) -> bool) -> Rule {
    let size = cluster.rows.len() as f64;
    let mut alternatives: Vec<Vec<Item>> = Vec::new();
    for pattern in cluster.patterns.iter().take(MAX_ALTERNATIVES) {
        let matched = |row: &&usize| alternatives.iter().any(|alternative| table.matches(**row, alternative));
        if cluster.rows.iter().filter(matched).count() as f64 >= ENOUGH * size {
            break;
        }
        alternatives.push(pattern.clone());
    }
    let matches = |row: &&usize| alternatives.iter().any(|alternative| table.matches(**row, alternative));
    let matching = peers.iter().filter(matches).count();
    let inside = peers.iter().filter(matches).filter(|row| member(row)).count();
    Rule {
        precision: if matching == 0 { 0.0 } else { inside as f64 / matching as f64 },
        recall: inside as f64 / size,
        matching,
        alternatives,
    }
}
