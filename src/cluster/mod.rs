//! Finds the root causes that disputes share. Pure, deterministic, the only user of linfa.
//!
//! # Method
//!
//! A root cause fixes a few attributes of its disputes and leaves the others free, so its disputes are not
//! dense in any space of whole records: DBSCAN over one-hot records, tuned with the truth at hand, finds few
//! causes and collapses at 100,000 rows (`benches/README.md`). The engine looks for what is shared instead:
//!
//! 1. [`Table`]: disputes become columns of interned codes. Notes are masked, freed of the words of correspondence
//!    and grouped by wording, widely and narrowly (`note`: linfa DBSCAN over TF-IDF profiles or word vectors); ratios
//!    of units and of amounts that many lines have to the percent are constants, others fall into bins (`ratio`);
//!    claims and amounts say whether other disputes have the same.
//! 2. `partition`: what goes together by nature (an NDC and its labeler, a plan and its state, an entity and
//!    its contract pharmacies, a wording and the parties that it speaks of, a client's quarter and the weeks in which it
//!    files) is measured, and is no evidence.
//! 3. `seed`: pairs of values that occur together far more often than chance, by the Poisson log-likelihood
//!    ratio against the rows without a cause (Dunning 1993), or against the rows outside one of the values where a
//!    third of all have the pair, so that it is the background. Later two symptoms, and a place alone, where most of its rows show
//!    symptoms of their own, but several: a pair would be measured against the other pairs of the same cause.
//! 4. `profile`, `cover` and `contest`: a seed's rows teach a sparse profile, which finds more rows and learns again;
//!    then every row goes to the group that all of its values fit best, or to the background: classification
//!    EM (Celeux and Govaert 1992) of a mixture of sparse products. A group's evidence is the log-likelihood ratio of
//!    its rows, so that rows which barely fit add nothing; what it costs to name a group counts against it (minimum
//!    description length), and the more rows there are the more it must have. A client's part of a cause that lacks one
//!    row to be a group takes the free one that comes nearest. A note that is missing is missing at random, whatever the
//!    cause. A place of which every client has its part and where nothing is odd is a busy one, unless a reference population
//!    tells what goes on there. Later rounds look among the rows that are left.
//! 5. `join`: linfa DBSCAN over the groups, where agreement must outweigh difference, puts the groups of one
//!    cause together; a group that holds two constant ratios on the same packages is parted, and one that holds two ratios,
//!    delivery systems, quarters or pharmacies and differs beside.
//! 6. Evidence is pooled over the clients of a program, each with its own odds, then every cause is split per
//!    client: one clinic's or one state's error hits many clients, each with few rows. A part below
//!    `min_group` stays ungrouped.
//! 7. `rule`: the shortest disjunction of conjunctions that finds the group among its client's disputes; it is
//!    the explanation, and [`explain()`] measures its precision and recall.
//!
//! [`Engine::GroupBy`] is the honest baseline.
//!
//! # Figures
//!
//! Synthetic worlds of seeds that nothing was tuned on; `cargo bench --bench quality` repeats them and fails
//! below its bars.
//!
//! | world | rows, causes | B-cubed F1 | causes found | noise recall |
//! | --- | --- | --- | --- | --- |
//! | conjunctive | 10,000, 60 | 0.988 | 98 % | 0.981 |
//! | tangled | 10,000, 60 | 0.961 | 90 % | 0.969 |
//! | conjunctive | 100,000, 400 | 0.974 | 92 % | 0.938 |
//! | tangled | 100,000, 400 | 0.956 | 84 % | 0.922 |
//!
//! What is missed: causes of one place that differ in wording alone, small causes of several places that share a wording
//! with others of their kind, and causes that are most of what a party has. Large inputs find chance company: noise recall
//! falls with their size.
//!
//! # Guarantees
//!
//! The same disputes give the same clusters whatever their order and whatever their ids; a cluster never
//! crosses a program or a client; what has no significant company is left alone; what triagers decided
//! ([`Links`]) is honoured exactly.

mod attribute;
mod company;
mod contest;
mod cover;
mod density;
mod explain;
mod groupby;
mod join;
mod link;
mod neighbour;
mod note;
mod partition;
mod profile;
mod rates;
mod ratio;
mod rule;
mod seed;
mod table;

use std::{collections::BTreeMap, ops::Range};

pub use attribute::{Attribute, Item};
pub use company::{Company, company};
pub use explain::{Explanation, Rule, Share, Varying, explain};
pub use link::{Bond, Link, LinkError, Links};
pub use neighbour::{Held, Neighbour, Separating};
pub use note::{Embedding, EmbeddingError};
pub use table::{Table, TableBuilder};

use rayon::prelude::*;

use self::{partition::Partition, rates::Counts, rule::Peers};
use crate::dispute::{Program, Text};

/// Which engine groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Sparse profiles and linfa DBSCAN over the groups they find.
    Patterns,
    /// The best single GROUP BY key.
    GroupBy,
}

/// Parameters of a clustering; [`Params::default`] is what was measured best.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// The engine.
    pub engine: Engine,
    /// Fewest disputes of a group, at least 2.
    pub min_group: usize,
    /// Smallest evidence for a group of a program of 28 disputes, in nats, beside what naming it costs; 2.4 more for each
    /// e-fold of that.
    pub min_evidence: f64,
    /// How far differences may outweigh agreement where two groups are joined: 1 where both weigh the same.
    pub reach: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { engine: Engine::Patterns, min_group: 4, min_evidence: 8.0, reach: 1.0 }
    }
}

/// Disputes of one client and program that share a root cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The program.
    pub program: Program,
    /// The client.
    pub client: Text,
    /// Which cause it is: clusters of several clients that have the same number share it. Counted from 0 in the order of
    /// the clusters.
    pub cause: usize,
    /// The patterns that stand for it, the one with most disputes first.
    pub patterns: Vec<Vec<Item>>,
    /// Rows of the table, ascending.
    pub rows: Vec<usize>,
}

/// What helps an engine beyond the disputes themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guidance<'a> {
    /// All disputes ever seen, resolved ones included: how often values occur where nothing is wrong.
    pub reference: Option<&'a Table>,
    /// What triagers decided.
    pub links: Option<&'a Links>,
}

/// Clusters of a table, ordered by program, client and first pattern.
pub fn cluster(table: &Table, params: &Params) -> Vec<Cluster> {
    cluster_guided(table, params, Guidance::default())
}

/// As [`cluster`], with guidance; the decisions of triagers are honoured exactly.
pub fn cluster_guided(table: &Table, params: &Params, guidance: Guidance<'_>) -> Vec<Cluster> {
    let by_program: Vec<Vec<Cluster>> = table
        .partitions()
        .par_iter()
        .map(|(program, rows)| of_program(table, *program, rows.clone(), params, guidance.reference))
        .collect();
    let mut clusters: Vec<Cluster> = Vec::new();
    for mut of_program in by_program {
        let first = clusters.last().map_or(0, |last| last.cause + 1);
        for cluster in &mut of_program {
            cluster.cause += first;
        }
        clusters.append(&mut of_program);
    }
    if let Some(links) = guidance.links {
        links.honour(table, params.min_group, &mut clusters);
    }
    name(table, &mut clusters);
    clusters.sort_by(|a, b| {
        (a.program, &a.client, &a.patterns, &a.rows).cmp(&(b.program, &b.client, &b.patterns, &b.rows))
    });
    number(&mut clusters);
    clusters
}

/// Clusters of one program, whose causes are counted from 0.
fn of_program(
    table: &Table,
    program: Program,
    rows: Range<usize>,
    params: &Params,
    reference: Option<&Table>,
) -> Vec<Cluster> {
    let mut clusters = Vec::new();
    match params.engine {
        Engine::Patterns => {
            let partition = Partition::new(table, rows.clone());
            let reference =
                reference.and_then(|reference| Counts::of_reference(&partition, table, reference, program));
            for cause in cover::causes(&partition, params, reference.as_ref()) {
                let members = cause.iter().map(|row| rows.start + *row as usize);
                split_by_client(table, program, members, params.min_group, &mut clusters);
            }
        }
        Engine::GroupBy => {
            let all: Vec<u32> = rows.map(|row| row as u32).collect();
            for (key, members) in groupby::best(table, &all, params.min_group) {
                let (first, members) = (clusters.len(), members.into_iter().map(|row| row as usize));
                split_by_client(table, program, members, params.min_group, &mut clusters);
                for cluster in &mut clusters[first..] {
                    cluster.patterns = vec![key.clone()];
                }
            }
        }
    }
    clusters
}

/// Numbers the causes anew, in the order in which they come.
fn number(clusters: &mut [Cluster]) {
    let mut numbers: BTreeMap<usize, usize> = BTreeMap::new();
    for cluster in clusters {
        let next = numbers.len();
        cluster.cause = *numbers.entry(cluster.cause).or_insert(next);
    }
}

/// Learns the patterns that stand for each cluster among its client's disputes. One that has a key keeps it; what triagers
/// put together has none with either engine.
fn name(table: &Table, clusters: &mut [Cluster]) {
    let mut owned: BTreeMap<(Program, u32), Vec<usize>> = BTreeMap::new();
    for (place, cluster) in clusters.iter().enumerate().filter(|(_, cluster)| cluster.patterns.is_empty()) {
        owned.entry((cluster.program, table.client_code(cluster.rows[0]))).or_default().push(place);
    }
    let mut rows_of: BTreeMap<(Program, u32), Vec<usize>> =
        owned.keys().map(|owner| (*owner, Vec::new())).collect();
    for (program, rows) in table.partitions() {
        for row in rows.clone() {
            if let Some(rows) = rows_of.get_mut(&(*program, table.client_code(row))) {
                rows.push(row);
            }
        }
    }
    for (owner, places) in owned {
        let peers = Peers::new(table, &rows_of.remove(&owner).unwrap_or_default());
        let patterns: Vec<Vec<Vec<Item>>> =
            places.par_iter().map(|place| rule::learn(&peers, &clusters[*place].rows)).collect();
        for (place, patterns) in places.into_iter().zip(patterns) {
            clusters[place].patterns = patterns;
        }
    }
}

/// The parts of one cause.
fn split_by_client(
    table: &Table,
    program: Program,
    rows: impl Iterator<Item = usize>,
    min_group: usize,
    clusters: &mut Vec<Cluster>,
) {
    let cause = clusters.last().map_or(0, |last| last.cause + 1);
    let mut by_client: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for row in rows {
        by_client.entry(table.client_code(row)).or_default().push(row);
    }
    for (_, mut rows) in by_client {
        if rows.len() >= min_group {
            rows.sort_unstable();
            let client = table.client(rows[0]).clone();
            clusters.push(Cluster { program, client, cause, patterns: Vec::new(), rows });
        }
    }
}
