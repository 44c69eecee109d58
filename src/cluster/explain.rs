//! Why the disputes of a cluster belong together, measured on the client's own open disputes.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::{
    Cluster,
    attribute::{Attribute, Item},
    neighbour::{self, Neighbour, Profile},
    rule::{self, MAX_ALTERNATIVES, Peers},
    table::Table,
};
use crate::dispute::{Program, Text};

/// Share of a cluster's disputes that must have a value for it to be called shared.
const SHARED: f64 = 0.7;
/// Precision and recall at which a cluster's own patterns stay its rule.
const FITS: f64 = 0.95;

/// Alternatives up to which a rule is easily read.
const FEW: usize = 2;

/// Why a cluster is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The rule that stands for the cluster.
    pub rule: Rule,
    /// Values that most members share or the rule names, rarest elsewhere first.
    pub shares: Vec<Share>,
    /// What differs among the members.
    pub varying: Vec<Varying>,
    /// The member most like all others (row of the table).
    pub medoid: usize,
    /// The nearest other cluster of the client and program; none where there is no other.
    pub neighbour: Option<Neighbour>,
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

impl Rule {
    /// Whether the value stands in one of the alternatives.
    pub fn names(&self, item: &Item) -> bool {
        self.alternatives.iter().any(|items| items.contains(item))
    }
}

/// A value that most members share or the rule names.
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

impl Share {
    /// Whether most members have it. The values of a rule with alternatives need not be.
    pub fn is_common(&self) -> bool {
        self.share >= SHARED
    }
}

/// An attribute in which the members differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Varying {
    /// The attribute.
    pub attribute: Attribute,
    /// How many values the members have.
    pub values: usize,
    /// How many values all open disputes of the client and program have.
    pub everywhere: usize,
    /// Share (0 to 1) of the members that have the most frequent value.
    pub most: f64,
}

impl Varying {
    /// Whether the members are spread so widely that the cause has nothing to do with the attribute.
    pub fn is_unspecific(&self) -> bool {
        self.values >= 3 && self.most < 0.5
    }
}

/// Explains clusters, each among all disputes of its client and program, in the order given.
///
/// A cluster's own patterns stay its rule where they fit it well, so that a rule keeps its words from day to
/// day; where there are none, or too many, or they do not fit any more, the rule is learned from the members.
pub fn explain(table: &Table, clusters: &[Cluster]) -> Vec<Explanation> {
    let mut of_client: BTreeMap<(Program, &Text), Vec<usize>> = BTreeMap::new();
    for (at, cluster) in clusters.iter().enumerate() {
        of_client.entry((cluster.program, &cluster.client)).or_default().push(at);
    }
    let mut rows: BTreeMap<(Program, &Text), Vec<usize>> = BTreeMap::new();
    for row in 0..table.len() {
        let key = (table.program(row), table.client(row));
        if of_client.contains_key(&key) {
            rows.entry(key).or_default().push(row);
        }
    }
    let mut explanations: Vec<(usize, Explanation)> = Vec::with_capacity(clusters.len());
    for (key, places) in of_client {
        // The index of one client at a time: together they would be as large as the table.
        let peers = Peers::new(table, &rows.remove(&key).unwrap_or_default());
        let profiles: Vec<Profile> =
            places.par_iter().map(|at| Profile::new(table, &clusters[*at].rows)).collect();
        let neighbours = neighbour::nearest(&peers, table, &profiles);
        explanations.par_extend(places.par_iter().zip(neighbours).map(|(at, neighbour)| {
            let neighbour = neighbour.map(|near| Neighbour { cluster: places[near.cluster], ..near });
            (*at, explain_one(table, &clusters[*at], &peers, neighbour))
        }));
    }
    explanations.sort_by_key(|(at, _)| *at);
    explanations.into_iter().map(|(_, explanation)| explanation).collect()
}

fn explain_one(
    table: &Table,
    cluster: &Cluster,
    peers: &Peers<'_>,
    neighbour: Option<Neighbour>,
) -> Explanation {
    let mut shares = Vec::new();
    let mut varying = Vec::new();
    let mut tallies: Vec<(Attribute, Vec<(u32, usize)>)> = Vec::new();
    let size = cluster.rows.len() as f64;
    for attribute in Attribute::ALL.into_iter().filter(|attribute| attribute.is_shown()) {
        let column = table.column(attribute);
        let mut codes: Vec<u32> =
            cluster.rows.iter().map(|row| column[*row]).filter(|code| *code != 0).collect();
        codes.sort_unstable();
        let tally: Vec<(u32, usize)> =
            codes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
        let Some((code, members)) =
            tally.iter().copied().max_by_key(|(code, count)| (*count, std::cmp::Reverse(*code)))
        else {
            continue;
        };
        let share = members as f64 / size;
        if share >= SHARED {
            let with = peers.count(attribute, code);
            shares.push(share_of(table.item(attribute, code), members, with, cluster, peers));
        } else if tally.len() > 1 {
            varying.push(Varying {
                attribute,
                values: tally.len(),
                everywhere: peers.values(attribute).max(tally.len()),
                most: share,
            });
        }
        tallies.push((attribute, tally));
    }
    let rule = rule_of(cluster, peers);
    for item in rule.alternatives.iter().flatten() {
        let with = peers.matching(std::slice::from_ref(item));
        let members = with.iter().filter(|row| is_member(cluster, **row)).count();
        if members > 0 && shares.iter().all(|share| share.item != *item) {
            shares.push(share_of(item.clone(), members, with.len(), cluster, peers));
        }
    }
    shares.sort_by(|a, b| b.lift.total_cmp(&a.lift).then_with(|| a.item.cmp(&b.item)));
    let likeness = |row: usize| -> usize {
        tallies
            .iter()
            .map(|(attribute, tally)| match table.column(*attribute)[row] {
                // A dispute is like those that lack the same value, too.
                0 => cluster.rows.len() - tally.iter().map(|(_, count)| count).sum::<usize>(),
                code => tally.binary_search_by_key(&code, |(code, _)| *code).map_or(0, |at| tally[at].1),
            })
            .sum()
    };
    let medoid = cluster
        .rows
        .iter()
        .copied()
        .max_by_key(|row| (likeness(*row), std::cmp::Reverse(*row)))
        .unwrap_or_default();
    Explanation { rule, shares, varying, medoid, neighbour }
}

/// A value that so many members have, and `with` of the client's open disputes.
fn share_of(item: Item, members: usize, with: usize, cluster: &Cluster, peers: &Peers<'_>) -> Share {
    let with = with.max(members);
    let share = members as f64 / cluster.rows.len() as f64;
    Share {
        item,
        members,
        share,
        lift: share / (with as f64 / peers.len().max(with) as f64),
        exclusivity: members as f64 / with as f64,
    }
}

fn is_member(cluster: &Cluster, row: u32) -> bool {
    cluster.rows.binary_search(&(row as usize)).is_ok()
}

fn rule_of(cluster: &Cluster, peers: &Peers<'_>) -> Rule {
    let hidden = |pattern: &Vec<Item>| pattern.iter().any(|item| !item.attribute.is_shown());
    let own = &cluster.patterns[..cluster.patterns.len().min(MAX_ALTERNATIVES)];
    let own = measured(own.iter().filter(|pattern| !hidden(pattern)).cloned().collect(), cluster, peers);
    let fits = |rule: &Rule| rule.precision >= FITS && rule.recall >= FITS;
    if fits(&own) && own.alternatives.len() <= FEW {
        return own;
    }
    let learned = measured(rule::learn(peers, &cluster.rows), cluster, peers);
    if fits(&learned) && learned.alternatives.len() < own.alternatives.len() {
        return learned;
    }
    let fit = |rule: &Rule| rule.precision.min(rule.recall) + f64::midpoint(rule.precision, rule.recall);
    if fit(&own) > fit(&learned) { own } else { learned }
}

/// A rule of these alternatives with how well it fits; those that find no further member are left out.
fn measured(alternatives: Vec<Vec<Item>>, cluster: &Cluster, peers: &Peers<'_>) -> Rule {
    let mut matching: Vec<u32> = Vec::new();
    let mut inside = 0;
    let mut useful = Vec::new();
    for alternative in alternatives {
        if inside == cluster.rows.len() {
            break;
        }
        let mut more = peers.matching(&alternative);
        more.retain(|row| matching.binary_search(row).is_err());
        let found = more.iter().filter(|row| is_member(cluster, **row)).count();
        if found == 0 && !useful.is_empty() {
            continue;
        }
        inside += found;
        matching.extend(more);
        matching.sort_unstable();
        useful.push(alternative);
    }
    Rule {
        precision: if matching.is_empty() { 0.0 } else { inside as f64 / matching.len() as f64 },
        recall: inside as f64 / cluster.rows.len().max(1) as f64,
        matching: matching.len(),
        alternatives: useful,
    }
}
