//! Finds the root causes that disputes share. Pure, deterministic, the only user of linfa.
//!
//! # Method
//!
//! A root cause fixes a few attributes of its disputes and leaves the others free, so its disputes are not
//! dense in any space of whole records: DBSCAN over one-hot records finds almost nothing (measured: B-cubed
//! F1 0.51 where a plain GROUP BY has 0.63). The engine therefore works on patterns:
//!
//! 1. [`Table`]: disputes become columns of interned codes. Notes are masked and grouped by wording (linfa
//!    DBSCAN over TF-IDF profiles of the distinct wordings), ratios of units and of amounts are binned.
//! 2. `mine`: sets of values that occur together far more often than chance, by the Poisson
//!    log-likelihood ratio against the background of unexplained rows.
//! 3. `fragment`: greedy cover with residual passes; linfa DBSCAN over the fragments, where neighbours must
//!    share a locus, joins the several patterns of one cause; leftovers are absorbed.
//! 4. Evidence is pooled over the clients of a program, then every cause is split per client: one clinic's
//!    or one state's error hits many clients, each with few rows. A part below `min_group` stays ungrouped.
//!
//! The pattern is the explanation: [`explain()`] measures its precision and recall. [`Engine::GroupBy`] is
//! the honest baseline.
//!
//! # Guarantees
//!
//! The same disputes give the same clusters whatever their order and whatever their ids; a cluster never
//! crosses a program or a client; what has no significant company is left alone.

mod attribute;
mod cover;
mod density;
mod explain;
mod groupby;
mod join;
mod note;
mod partition;
mod profile;
mod rates;
mod ratio;
mod seed;
mod table;

use std::collections::BTreeMap;

pub use attribute::{Attribute, Item};
pub use explain::{Explanation, Rule, Share, Varying, explain};
pub use note::{Embedding, EmbeddingError};
pub use table::{Table, TableBuilder};

use self::partition::Partition;
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
    /// Smallest evidence for a group, in nats, beside what naming it costs.
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
    /// The patterns that stand for it, the one with most disputes first.
    pub patterns: Vec<Vec<Item>>,
    /// Rows of the table, ascending.
    pub rows: Vec<usize>,
}

/// Clusters of a table, ordered by program, client and first pattern.
pub fn cluster(table: &Table, params: &Params) -> Vec<Cluster> {
    let mut clusters = Vec::new();
    for (program, rows) in table.partitions() {
        match params.engine {
            Engine::Patterns => {
                let partition = Partition::new(table, rows.clone());
                let causes = cover::causes(&partition, params, None);
                let mut labels = vec![rates::FREE; partition.len()];
                for (label, cause) in causes.iter().enumerate() { for row in cause { labels[*row as usize] = label as u32; } }
                let rt = rates::Rates::of(&partition, &labels, None);
                let mut scratch = profile::Scratch::new(&partition);
                for cause in causes {
                    let pr = profile::Profile::of(&partition, &rt, &cause, false, &mut scratch);
                    let mut items = vec![];
                    for side in &pr.sides { for hit in &side.hits { if hit.count * 5.0 >= cause.len() as f64 && hit.code != 0 { let mut it = table.item(Attribute::ALL[side.attribute], hit.code); it.value = format!("{}({})", it.value, hit.count).into(); items.push(it); } } }
                    let members = cause.iter().map(|row| rows.start + *row as usize);
                    split_by_client(table, *program, members, &[items], params.min_group, &mut clusters);
                }
            }
            Engine::GroupBy => {
                let all: Vec<u32> = rows.clone().map(|row| row as u32).collect();
                for (pattern, members) in groupby::best(table, &all, params.min_group) {
                    let members = members.into_iter().map(|row| row as usize);
                    split_by_client(table, *program, members, &[pattern], params.min_group, &mut clusters);
                }
            }
        }
    }
    clusters.sort_by(|a, b| {
        (a.program, &a.client, &a.patterns, &a.rows).cmp(&(b.program, &b.client, &b.patterns, &b.rows))
    });
    clusters
}

fn split_by_client(
    table: &Table,
    program: Program,
    rows: impl Iterator<Item = usize>,
    patterns: &[Vec<Item>],
    min_group: usize,
    clusters: &mut Vec<Cluster>,
) {
    let mut by_client: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for row in rows {
        by_client.entry(table.client_code(row)).or_default().push(row);
    }
    for (_, mut rows) in by_client {
        if rows.len() >= min_group {
            rows.sort_unstable();
            let client = table.client(rows[0]).clone();
            clusters.push(Cluster { program, client, patterns: patterns.to_vec(), rows });
        }
    }
}
