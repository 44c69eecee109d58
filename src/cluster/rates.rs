//! How often each value occurs in rows without a cause: the background that evidence is measured against.
//!
//! Counts of single values are additive: those of two sets of rows merge into those of both, in any order and grouping,
//! so that they can be taken piecewise and elsewhere. Counts of pairs are not: they are taken in one piece from the rows
//! of a partition, since which pairs there are follows from all of its rows, and a reference population has none.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{
    attribute::Attribute,
    partition::{CLIENT, Context, Partition},
    table::Table,
};
use crate::dispute::{Program, Text};

/// A row in no group.
pub(super) const FREE: u32 = u32::MAX;
/// Rows of all kinds that the rates of free rows are drawn towards: after most rows have found their cause,
/// the few that are left say little about rates.
const PRIOR: f64 = 200.0;
/// The same where a reference population is known, which tells the rates of ordinary rows far better.
const REFERENCE_PRIOR: f64 = 5_000.0;
/// Attributes that mean the same in every table and at every time.
const LASTING: [Attribute; 10] = [
    Attribute::Package,
    Attribute::Product,
    Attribute::Labeler,
    Attribute::State,
    Attribute::Payer,
    Attribute::DeliverySystem,
    Attribute::CoveredEntity,
    Attribute::ParentEntity,
    Attribute::Pharmacy,
    Attribute::ReasonCodes,
];
/// Rows of the pooled rate that the rate within a pair value is drawn towards.
const PAIR_PRIOR: f64 = 20.0;
/// The same where it is the parties that a row names which the value is paired with: they say less.
const PARTIES_PRIOR: f64 = 200.0;

/// Rows by value, for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    /// Rows counted, by column.
    pub(super) rows: Vec<u64>,
    pub(super) values: Vec<Vec<u32>>,
}

impl Counts {
    /// Counts of the rows for which `counted` holds.
    pub(super) fn of(partition: &Partition<'_>, counted: impl Fn(usize) -> bool + Sync) -> Self {
        let values = partition
            .columns
            .par_iter()
            .zip(&partition.widths)
            .map(|(column, width)| {
                let mut counts = vec![0u32; *width];
                for (row, code) in column.iter().enumerate() {
                    if counted(row) {
                        counts[*code as usize] += 1;
                    }
                }
                counts
            })
            .collect();
        let rows = (0..partition.len()).filter(|row| counted(*row)).count() as u64;
        Self { rows: vec![rows; partition.columns.len()], values }
    }

    /// Counts of a reference population in the codes of a partition: its rows of the same program that the partition does
    /// not have, whose values the partition may or may not have. None where there are none.
    ///
    /// Only attributes that mean the same in both are counted: wordings and constants are named after what one table
    /// has, and of all that was ever seen few rows are of the weeks in which the open ones came.
    pub(super) fn of_reference(
        partition: &Partition<'_>,
        table: &Table,
        reference: &Table,
        program: Program,
    ) -> Option<Self> {
        let (_, rows) = reference.partitions().iter().find(|(other, _)| *other == program)?.clone();
        let (_, open) = table.partitions().iter().find(|(other, _)| *other == program)?.clone();
        let open: FxHashSet<&Text> = open.map(|row| table.id(row)).collect();
        let rows: Vec<usize> = rows.filter(|row| !open.contains(reference.id(*row))).collect();
        if rows.is_empty() {
            return None;
        }
        let mut counted = vec![0u64; partition.columns.len()];
        let mut values: Vec<Vec<u32>> = partition.widths.iter().map(|width| vec![0u32; *width]).collect();
        for attribute in LASTING {
            counted[attribute.index()] = rows.len() as u64;
            let column = reference.column(attribute);
            let mut counts = vec![0u32; reference.width(attribute)];
            for row in &rows {
                counts[column[*row] as usize] += 1;
            }
            let values = &mut values[attribute.index()];
            values[0] = counts[0];
            for (code, count) in counts.into_iter().enumerate().skip(1).filter(|(_, count)| *count > 0) {
                let item = reference.item(attribute, code as u32);
                if let Some(known) = table.code(attribute, &item.value) {
                    values[known as usize] += count;
                }
            }
        }
        Some(Self { rows: counted, values })
    }

    /// Counts of two disjoint sets of rows together.
    pub(super) fn merge(mut self, other: &Self) -> Self {
        for (ours, theirs) in self.rows.iter_mut().zip(&other.rows) {
            *ours += theirs;
        }
        for (ours, theirs) in self.values.iter_mut().zip(&other.values) {
            for (ours, theirs) in ours.iter_mut().zip(theirs) {
                *ours += theirs;
            }
        }
        self
    }
}

/// Rows to leave out of a rate: those whose own evidence is being measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    /// How many rows.
    pub(super) rows: f64,
    /// How many of them have the value.
    pub(super) with: f64,
    /// How many of them have its parent value.
    pub(super) with_parent: f64,
    /// Whether they are free, and so part of the background.
    pub(super) are_free: bool,
}

impl Own {
    pub(super) const NONE: Self = Self { rows: 0.0, with: 0.0, with_parent: 0.0, are_free: false };

    fn free(self) -> Self {
        if self.are_free { self } else { Self::NONE }
    }
}

/// All rows of a partition, and of the reference population where one is known: the same for every assignment.
#[derive(Debug)]
pub(super) struct Population {
    has_reference: bool,
    /// By column.
    priors: Vec<f64>,
    all: Counts,
    /// By attribute and parent value.
    below: Vec<Vec<u32>>,
}

impl Population {
    pub(super) fn of(partition: &Partition<'_>, reference: Option<&Counts>) -> Self {
        let all = Counts::of(partition, |_| true);
        let all = match reference {
            Some(reference) => all.merge(reference),
            None => all,
        };
        // A few open rows are not to be drowned in history.
        let known = REFERENCE_PRIOR.min(partition.len() as f64).max(PRIOR);
        let told = |column: usize| reference.map_or(0, |reference| reference.rows[column]);
        let priors =
            (0..partition.columns.len()).map(|column| if told(column) > 0 { known } else { PRIOR }).collect();
        let has_reference = told(Attribute::ReasonCodes.index()) >= partition.len() as u64;
        Self { has_reference, priors, below: below(partition, &all), all }
    }
}

/// Background rates of one partition for one assignment of its rows.
#[derive(Debug)]
pub(super) struct Rates {
    population: Arc<Population>,
    free: Counts,
    free_below: Vec<Vec<u32>>,
    /// For attributes in pairs, by pair: free rows.
    pairs: Vec<Vec<u32>>,
    /// For attributes in pairs, by pair: natural logarithm of the rate.
    pair_logs: Vec<Vec<f32>>,
    /// For attributes in pairs, by value: the smallest of its pairs.
    rarest_pair_logs: Vec<Vec<f32>>,
    /// Free rows of each client.
    pub(super) free_of_client: Vec<f64>,
}

impl Rates {
    pub(super) fn of(partition: &Partition<'_>, labels: &[u32], population: &Arc<Population>) -> Self {
        let free = Counts::of(partition, |row| labels[row] == FREE);
        let pairs = partition
            .pairs
            .par_iter()
            .map(|pairs| {
                let mut counts = vec![0u32; pairs.values.len()];
                for (pair, label) in pairs.of_row.iter().zip(labels) {
                    counts[*pair as usize] += u32::from(*label == FREE);
                }
                counts
            })
            .collect();
        let free_of_client = free.values[CLIENT].iter().map(|rows| f64::from(*rows)).collect();
        let mut rates = Self {
            population: Arc::clone(population),
            free_below: below(partition, &free),
            free,
            pairs,
            pair_logs: Vec::new(),
            rarest_pair_logs: Vec::new(),
            free_of_client,
        };
        rates.pair_logs = partition
            .pairs
            .par_iter()
            .enumerate()
            .map(|(attribute, pairs)| {
                let log =
                    |(by, code): &(u32, u32)| rates.paired(partition, attribute, *by, *code).ln() as f32;
                pairs.values.iter().map(log).collect()
            })
            .collect();
        rates.rarest_pair_logs = partition
            .pairs
            .iter()
            .zip(&rates.pair_logs)
            .zip(&partition.widths)
            .map(|((pairs, logs), width)| {
                let mut rarest = vec![0.0f32; if logs.is_empty() { 0 } else { *width }];
                for ((_, code), log) in pairs.values.iter().zip(logs) {
                    let rarest = &mut rarest[*code as usize];
                    *rarest = rarest.min(*log);
                }
                rarest
            })
            .collect();
        rates
    }

    /// Whether a reference population tells what is usual: one that has at least the rows of the partition.
    pub(super) fn have_reference(&self) -> bool {
        self.population.has_reference
    }

    /// Chance of a value in a row without a cause.
    ///
    /// A value that no other row has is not impossible: each value starts with about half of what the values of
    /// its attribute have on average.
    pub(super) fn alone(&self, partition: &Partition<'_>, attribute: usize, code: u32, own: Own) -> f64 {
        let (start, distinct) = (start(partition, attribute), partition.distinct[attribute] as f64);
        let count = |counts: &Counts| f64::from(counts.values[attribute][code as usize]);
        let share = (count(&self.population.all) - own.with)
            / (self.population.all.rows[attribute] as f64 - own.rows + 1.0);
        let (free, prior) = (own.free(), self.population.priors[attribute]);
        let with = (count(&self.free) - free.with).max(0.0) + start + prior * share;
        let rows = (self.free.rows[attribute] as f64 - free.rows).max(0.0) + start * distinct + prior;
        (with / rows).clamp(1e-9, 1.0)
    }

    /// Chance of a value in a row without a cause that has its parent value.
    pub(super) fn below(&self, partition: &Partition<'_>, attribute: usize, code: u32, own: Own) -> f64 {
        let start = start(partition, attribute);
        let parent = partition.parents[attribute][code as usize] as usize;
        let others = self.population.all.rows[attribute] as f64 - own.rows + 1.0;
        let (free, prior) = (own.free(), self.population.priors[attribute]);
        let with = (f64::from(self.free.values[attribute][code as usize]) - free.with).max(0.0)
            + start
            + prior * (f64::from(self.population.all.values[attribute][code as usize]) - own.with) / others;
        let rows = (f64::from(self.free_below[attribute][parent]) - free.with_parent).max(0.0)
            + start * f64::from(partition.siblings[attribute][parent].max(1))
            + prior * (f64::from(self.population.below[attribute][parent]) - own.with_parent) / others;
        (with / rows).clamp(1e-9, 1.0)
    }

    /// Chance of a value in its context, all rows counted; for pairs the pooled chance.
    pub(super) fn usual(&self, partition: &Partition<'_>, attribute: usize, code: u32) -> f64 {
        match partition.contexts[attribute] {
            Context::Parent(_) => self.below(partition, attribute, code, Own::NONE),
            Context::Free | Context::Pair(_) => self.alone(partition, attribute, code, Own::NONE),
        }
    }

    /// Chance of a value in a row without a cause that has the value `by` of the paired column.
    pub(super) fn paired(&self, partition: &Partition<'_>, attribute: usize, by: u32, code: u32) -> f64 {
        let Context::Pair(column) = partition.contexts[attribute] else {
            return self.alone(partition, attribute, code, Own::NONE);
        };
        let base = self.alone(partition, attribute, code, Own::NONE);
        let with = partition.pairs[attribute]
            .find(by, code)
            .map_or(0.0, |pair| f64::from(self.pairs[attribute][pair]));
        let rows = f64::from(self.free.values[column][by as usize]);
        let prior = pair_prior(partition, attribute, by);
        ((with + prior * base) / (rows + prior)).clamp(1e-9, 1.0)
    }

    /// Free rows with a pair.
    pub(super) fn with_pair(&self, attribute: usize, pair: u32) -> f64 {
        f64::from(self.pairs[attribute][pair as usize])
    }

    /// What the logarithm of the chance of a pair changes by (at most zero) where the rows whose evidence is measured are left
    /// out: `pair.1` of them have the pair, and `by` the value of the paired column.
    ///
    /// The chance does not fall below that of the value in any row: that few rows with the other value lack it says little.
    pub(super) fn pair_log_change(
        &self,
        partition: &Partition<'_>,
        attribute: usize,
        pair: (u32, f64),
        by: f64,
        own: Own,
    ) -> f32 {
        let Context::Pair(column) = partition.contexts[attribute] else { return 0.0 };
        let (pair, count) = (pair.0 as usize, pair.1);
        let (value, code) = partition.pairs[attribute].values[pair];
        let base = self.alone(partition, attribute, code, own);
        let known = f64::from(self.pair_logs[attribute][pair]);
        let with = (f64::from(self.pairs[attribute][pair]) - count).max(0.0);
        let rows = (f64::from(self.free.values[column][value as usize]) - by).max(0.0);
        let prior = pair_prior(partition, attribute, value);
        let chance = (with + prior * base) / (rows + prior);
        (chance.max(base.min(known.exp())).ln() - known).min(0.0) as f32
    }

    /// Natural logarithm of the chance of the row's own value of an attribute in pairs.
    pub(super) fn pair_log(&self, partition: &Partition<'_>, attribute: usize, row: usize) -> f32 {
        self.pair_logs[attribute][partition.pairs[attribute].of_row[row] as usize]
    }

    /// Natural logarithm of the chance of a value of an attribute in pairs where it is smallest.
    pub(super) fn rarest_pair_log(&self, attribute: usize, code: u32) -> f64 {
        f64::from(self.rarest_pair_logs[attribute][code as usize])
    }

    /// Share of the rows with a value that are in no group.
    pub(super) fn free_share(&self, attribute: usize, code: u32) -> f64 {
        let count = |counts: &Counts| f64::from(counts.values[attribute][code as usize]);
        count(&self.free) / count(&self.population.all).max(1.0)
    }
}

/// Rows of the pooled rate that the rate of an attribute's values within one value of its paired column is drawn towards.
fn pair_prior(partition: &Partition<'_>, attribute: usize, by: u32) -> f64 {
    if partition.is_paired_by_parties(attribute, by) { PARTIES_PRIOR } else { PAIR_PRIOR }
}

/// By attribute and parent value: the rows counted that have a value below it.
fn below(partition: &Partition<'_>, counts: &Counts) -> Vec<Vec<u32>> {
    (0..Attribute::COUNT)
        .map(|attribute| match partition.contexts[attribute] {
            Context::Parent(parent) => {
                let mut sums = vec![0u32; partition.widths[parent]];
                for (code, count) in counts.values[attribute].iter().enumerate().skip(1) {
                    sums[partition.parents[attribute][code] as usize] += count;
                }
                sums
            }
            Context::Free | Context::Pair(_) => Vec::new(),
        })
        .collect()
}

/// What every value of an attribute starts with, in rows.
fn start(partition: &Partition<'_>, attribute: usize) -> f64 {
    (partition.len() as f64 / partition.distinct[attribute] as f64 / 2.0).clamp(0.5, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cluster::TableBuilder,
        dispute::{Field, Row, Tables, Vocabulary, read},
        generate::{HEADER, Plan, Record, World, generate},
    };

    /// A row of the generator as the domain reads it.
    struct Line<'a>(&'a Record);

    impl Row for Line<'_> {
        fn get(&self, field: Field) -> Option<&str> {
            let place = HEADER.iter().position(|name| *name == field.name())?;
            Some(self.0.fields()[place])
        }
    }

    fn generated(seed: u64) -> Table {
        let (vocabulary, tables) = (Vocabulary::default(), Tables::embedded());
        let mut builder = TableBuilder::new();
        for record in &generate(&Plan::new(World::Tangled, 600, 8, seed)).rows {
            if let Ok((dispute, _)) = read(&Line(record), &vocabulary, &tables) {
                builder.push(&dispute);
            }
        }
        builder.finish(4)
    }

    #[test]
    fn counts_of_two_parts_of_the_rows_merge_into_those_of_both_however_the_rows_are_split() {
        let seed = 41;
        println!("seed {seed}");
        let table = generated(seed);
        assert!(table.len() >= 500, "{} rows", table.len());
        let mut random = seed;
        let mut below = |bound: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % bound
        };
        for (_, rows) in table.partitions() {
            let partition = Partition::new(&table, rows.clone());
            for split in 0..16 {
                // The row is in the first part, in the second or in neither; splits are even and uneven ones.
                let bounds = (1 + below(9), 1 + below(9));
                let part: Vec<u8> = (0..partition.len())
                    .map(|_| {
                        let drawn = below(bounds.0 + bounds.1 + 1);
                        u8::from(drawn >= bounds.0) + u8::from(drawn >= bounds.0 + bounds.1)
                    })
                    .collect();
                let of = |wanted: u8| Counts::of(&partition, |row| part[row] == wanted);
                let both = Counts::of(&partition, |row| part[row] < 2);
                assert!(of(0).merge(&of(1)) == both, "seed {seed}, split {split}");
                assert!(of(1).merge(&of(0)) == both, "seed {seed}, split {split}");
            }
        }
    }

    #[test]
    fn counts_merge_the_same_in_any_order_and_grouping() {
        let counts = |rows: u64, values: [u32; 3]| Counts { rows: vec![rows], values: vec![values.to_vec()] };
        let (a, b, c) = (counts(5, [1, 4, 0]), counts(2, [0, 0, 2]), counts(9, [3, 3, 3]));
        let whole = counts(16, [4, 7, 5]);
        assert_eq!(a.clone().merge(&b).merge(&c), whole);
        assert_eq!(a.clone().merge(&b.clone().merge(&c)), whole);
        assert_eq!(c.merge(&b).merge(&a), whole);
    }
}
