//! How often each value occurs in rows without a cause: the background that evidence is measured against.
//!
//! Counts are additive: those of two sets of rows merge into those of both, in any order and grouping, so that
//! they can be taken piecewise and elsewhere.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{
    attribute::Attribute,
    partition::{Context, Partition},
    table::Table,
};
use crate::dispute::Program;

/// A row in no group.
pub(super) const FREE: u32 = u32::MAX;
/// Rows of all kinds that the rates of free rows are drawn towards: after most rows have found their cause,
/// the few that are left say little about rates.
const PRIOR: f64 = 200.0;
/// The same where a reference population is known, which tells the rates of ordinary rows far better.
const REFERENCE_PRIOR: f64 = 5_000.0;
/// Rows of the pooled rate that the rate within a pair value is drawn towards.
const PAIR_PRIOR: f64 = 20.0;

/// Rows by value, for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rows: u64,
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
        Self { rows, values }
    }

    /// Counts of a reference population in the codes of a partition: its rows of the same program, whose
    /// values the partition may or may not have. None where there are none.
    pub(super) fn of_reference(
        partition: &Partition<'_>,
        table: &Table,
        reference: &Table,
        program: Program,
    ) -> Option<Self> {
        let (_, rows) = reference.partitions().iter().find(|(other, _)| *other == program)?.clone();
        let mut values: Vec<Vec<u32>> = partition.widths.iter().map(|width| vec![0u32; *width]).collect();
        for attribute in Attribute::ALL {
            let mut counts = vec![0u32; reference.width(attribute)];
            for code in &reference.column(attribute)[rows.clone()] {
                counts[*code as usize] += 1;
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
        Some(Self { rows: rows.len() as u64, values })
    }

    /// Counts of two disjoint sets of rows together.
    pub(super) fn merge(mut self, other: &Self) -> Self {
        self.rows += other.rows;
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

/// Background rates of one partition for one assignment of its rows.
#[derive(Debug)]
pub(super) struct Rates {
    prior: f64,
    all: Counts,
    free: Counts,
    /// By attribute and parent value.
    all_below: Vec<Vec<u32>>,
    free_below: Vec<Vec<u32>>,
    pairs: Vec<FxHashMap<(u32, u32), u32>>,
    /// For attributes in pairs: natural logarithm of the rate of each row's value.
    pair_logs: Vec<Vec<f32>>,
    /// Free rows of each client.
    pub(super) free_of_client: Vec<f64>,
}

impl Rates {
    pub(super) fn of(partition: &Partition<'_>, labels: &[u32], reference: Option<&Counts>) -> Self {
        let mut all = Counts::of(partition, |_| true);
        if let Some(reference) = reference {
            all = all.merge(reference);
        }
        let free = Counts::of(partition, |row| labels[row] == FREE);
        let below = |counts: &Counts| -> Vec<Vec<u32>> {
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
        };
        let pairs: Vec<FxHashMap<(u32, u32), u32>> = (0..Attribute::COUNT)
            .into_par_iter()
            .map(|attribute| {
                let mut tally: FxHashMap<(u32, u32), u32> = FxHashMap::default();
                if let Context::Pair(by) = partition.contexts[attribute] {
                    let (by, of) = (&partition.columns[by], &partition.columns[attribute]);
                    for (row, label) in labels.iter().enumerate() {
                        if *label == FREE {
                            *tally.entry((by[row], of[row])).or_default() += 1;
                        }
                    }
                }
                tally
            })
            .collect();
        let free_of_client = {
            let mut counts = vec![0.0; partition.rows_of_client.len()];
            for (row, label) in labels.iter().enumerate() {
                if *label == FREE {
                    counts[partition.client(row)] += 1.0;
                }
            }
            counts
        };
        let mut rates = Self {
            prior: if reference.is_some() { REFERENCE_PRIOR } else { PRIOR },
            all_below: below(&all),
            free_below: below(&free),
            all,
            free,
            pairs,
            pair_logs: Vec::new(),
            free_of_client,
        };
        rates.pair_logs = (0..Attribute::COUNT)
            .into_par_iter()
            .map(|attribute| match partition.contexts[attribute] {
                Context::Pair(by) => {
                    let (by, of) = (&partition.columns[by], &partition.columns[attribute]);
                    let mut known: FxHashMap<(u32, u32), f32> = FxHashMap::default();
                    by.iter()
                        .zip(of.iter())
                        .map(|(by, code)| {
                            *known
                                .entry((*by, *code))
                                .or_insert_with(|| rates.paired(partition, attribute, *by, *code).ln() as f32)
                        })
                        .collect()
                }
                Context::Free | Context::Parent(_) => Vec::new(),
            })
            .collect();
        rates
    }

    /// Chance of a value in a row without a cause.
    ///
    /// A value that no other row has is not impossible: each value starts with about half of what the values of
    /// its attribute have on average.
    pub(super) fn alone(&self, partition: &Partition<'_>, attribute: usize, code: u32, own: Own) -> f64 {
        let (start, distinct) = (start(partition, attribute), partition.distinct[attribute] as f64);
        let count = |counts: &Counts| f64::from(counts.values[attribute][code as usize]);
        let share = (count(&self.all) - own.with) / (self.all.rows as f64 - own.rows + 1.0);
        let free = own.free();
        let with = (count(&self.free) - free.with).max(0.0) + start + self.prior * share;
        let rows = (self.free.rows as f64 - free.rows).max(0.0) + start * distinct + self.prior;
        (with / rows).clamp(1e-9, 1.0)
    }

    /// Chance of a value in a row without a cause that has its parent value.
    pub(super) fn below(&self, partition: &Partition<'_>, attribute: usize, code: u32, own: Own) -> f64 {
        let start = start(partition, attribute);
        let parent = partition.parents[attribute][code as usize] as usize;
        let others = self.all.rows as f64 - own.rows + 1.0;
        let free = own.free();
        let with = (f64::from(self.free.values[attribute][code as usize]) - free.with).max(0.0)
            + start
            + self.prior * (f64::from(self.all.values[attribute][code as usize]) - own.with) / others;
        let rows = (f64::from(self.free_below[attribute][parent]) - free.with_parent).max(0.0)
            + start * f64::from(partition.siblings[attribute][parent].max(1))
            + self.prior * (f64::from(self.all_below[attribute][parent]) - own.with_parent) / others;
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
        let with = f64::from(self.pairs[attribute].get(&(by, code)).copied().unwrap_or(0));
        let rows = f64::from(self.free.values[column][by as usize]);
        ((with + PAIR_PRIOR * base) / (rows + PAIR_PRIOR)).clamp(1e-9, 1.0)
    }

    /// Natural logarithm of the chance of the row's own value of an attribute in pairs.
    pub(super) fn pair_log(&self, attribute: usize, row: usize) -> f32 {
        self.pair_logs[attribute][row]
    }

    /// Share of the rows with a value that are in no group.
    pub(super) fn free_share(&self, attribute: usize, code: u32) -> f64 {
        let count = |counts: &Counts| f64::from(counts.values[attribute][code as usize]);
        count(&self.free) / count(&self.all).max(1.0)
    }
}

/// What every value of an attribute starts with, in rows.
fn start(partition: &Partition<'_>, attribute: usize) -> f64 {
    (partition.len() as f64 / partition.distinct[attribute] as f64 / 2.0).clamp(0.5, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_merge_the_same_in_any_order_and_grouping() {
        let counts = |rows: u64, values: [u32; 3]| Counts { rows, values: vec![values.to_vec()] };
        let (a, b, c) = (counts(5, [1, 4, 0]), counts(2, [0, 0, 2]), counts(9, [3, 3, 3]));
        let whole = counts(16, [4, 7, 5]);
        assert_eq!(a.clone().merge(&b).merge(&c), whole);
        assert_eq!(a.clone().merge(&b.clone().merge(&c)), whole);
        assert_eq!(c.merge(&b).merge(&a), whole);
    }
}
