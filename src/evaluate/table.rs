//! The contingency table of groups and causes, and the scores that count rows or pairs of rows.

use super::{Quality, harmonic_mean, share};

/// Rows per group and cause. Sums run in the order of sizes, never of names, so that names and the order of
/// rows cannot change the last digit of a score.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rows: usize,
    pub(super) group_sizes: Vec<usize>,
    pub(super) cause_sizes: Vec<usize>,
    /// Pairs that occur, by size.
    pub(super) cells: Vec<Cell>,
    pub(super) without_group: usize,
    pub(super) without_cause: usize,
    pub(super) both_without: usize,
    /// For each group its rows without a cause.
    pub(super) causeless: Vec<usize>,
    /// For each cause its rows without a group.
    pub(super) groupless: Vec<usize>,
}

/// Rows that one group and one cause have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) group: u32,
    pub(super) cause: u32,
    pub(super) rows: usize,
}

impl Table {
    /// Counts `pairs` of group and cause, both numbered from zero without gaps.
    pub(super) fn new(mut pairs: Vec<(Option<u32>, Option<u32>)>, groups: usize, causes: usize) -> Self {
        pairs.sort_unstable();
        let mut table = Self {
            rows: pairs.len(),
            group_sizes: vec![0; groups],
            cause_sizes: vec![0; causes],
            cells: Vec::new(),
            without_group: 0,
            without_cause: 0,
            both_without: 0,
            causeless: vec![0; groups],
            groupless: vec![0; causes],
        };
        for run in pairs.chunk_by(|left, right| left == right) {
            let (group, cause) = run[0];
            let rows = run.len();
            match group {
                Some(group) => table.group_sizes[group as usize] += rows,
                None => table.without_group += rows,
            }
            match cause {
                Some(cause) => table.cause_sizes[cause as usize] += rows,
                None => table.without_cause += rows,
            }
            match (group, cause) {
                (Some(group), Some(cause)) => table.cells.push(Cell { group, cause, rows }),
                (Some(group), None) => table.causeless[group as usize] += rows,
                (None, Some(cause)) => table.groupless[cause as usize] += rows,
                (None, None) => table.both_without += rows,
            }
        }
        let Self { cells, group_sizes, cause_sizes, .. } = &mut table;
        cells.sort_unstable_by_key(|cell| {
            (cell.rows, group_sizes[cell.group as usize], cause_sizes[cell.cause as usize])
        });
        table
    }

    /// Mean over rows. A row without a group, or without a cause, stands alone.
    pub(super) fn b_cubed(&self) -> Quality {
        let (mut precision, mut recall) = (0.0, 0.0);
        for cell in &self.cells {
            let rows = cell.rows as f64;
            precision += rows * rows / self.group_sizes[cell.group as usize] as f64;
            recall += rows * rows / self.cause_sizes[cell.cause as usize] as f64;
        }
        precision += single_shares(&self.causeless, &self.group_sizes) + self.without_group as f64;
        recall += single_shares(&self.groupless, &self.cause_sizes) + self.without_cause as f64;
        let precision = share(precision, self.rows as f64);
        let recall = share(recall, self.rows as f64);
        Quality { precision, recall, f1: harmonic_mean(precision, recall) }
    }

    /// Hubert and Arabie's index over pairs of rows; 1 where all pairs agree.
    pub(super) fn adjusted_rand(&self) -> f64 {
        let pairs = |sizes: &mut dyn Iterator<Item = usize>| -> u128 {
            sizes.map(|size| size as u128 * (size.max(1) as u128 - 1) / 2).sum()
        };
        // Whole numbers: the sums are exact and do not depend on the order.
        let in_both = pairs(&mut self.cells.iter().map(|cell| cell.rows));
        let in_groups = pairs(&mut self.group_sizes.iter().copied());
        let in_causes = pairs(&mut self.cause_sizes.iter().copied());
        let all = pairs(&mut std::iter::once(self.rows));
        if in_both == in_groups && in_both == in_causes {
            return 1.0;
        }
        let expected = in_groups as f64 * in_causes as f64 / all as f64;
        let mean = f64::midpoint(in_groups as f64, in_causes as f64);
        (in_both as f64 - expected) / (mean - expected)
    }
}

/// Rows that stand alone on the other side: each has the share one over the size of its class.
fn single_shares(alone: &[usize], sizes: &[usize]) -> f64 {
    let mut pairs: Vec<(usize, usize)> =
        alone.iter().copied().zip(sizes.iter().copied()).filter(|&(alone, _)| alone > 0).collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|(alone, size)| alone as f64 / size as f64).sum()
}
