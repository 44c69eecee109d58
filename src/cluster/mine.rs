//! Significant patterns of one partition.
//!
//! A pattern is a set of attribute values that occur together far more often than chance. Surprise is the
//! Poisson log-likelihood ratio `2 (o ln(o/e) - (o - e))` of the observed count `o` against the count `e`
//! expected if the values were independent, where the rate of each value is that of the *background*: the
//! rows that no accepted pattern explains. Pairs are counted exactly; a significant pair is then grown
//! greedily, value by value, for as long as the surprise of the whole grows (significance itself prunes, as
//! support does in Apriori).
//!
//! Values that go together by nature (an NDC has one labeler, a pharmacy one state, a wording its reason
//! code) are no evidence: the rate of a value is never taken below its *predictability* from another
//! attribute of the pattern.

use std::collections::HashMap;

use super::table::{Attribute, Table};

/// A pattern within one partition: attribute index and code, by ascending attribute.
pub(super) type Codes = Vec<(u8, u32)>;

/// A significant pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) codes: Codes,
    /// Rows that carry it (positions in the partition), ascending.
    pub(super) rows: Vec<u32>,
    /// Rows expected by chance.
    pub(super) expected: f64,
    /// Log-likelihood ratio.
    pub(super) surprise: f64,
}

/// Which pairs a pattern may grow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seeds {
    /// Pairs with at least one locus.
    WithLocus,
    /// All pairs.
    Any,
}

/// Limits of the search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Fewest rows of a pattern.
    pub(super) min_rows: usize,
    /// Smallest log-likelihood ratio.
    pub(super) min_surprise: f64,
    /// Smallest observed over expected.
    pub(super) min_lift: f64,
    /// Most attributes of a pattern.
    pub(super) max_size: usize,
}

/// `2 (o ln(o/e) - (o - e))`, zero where `o <= e`.
pub(super) fn surprise(observed: f64, expected: f64) -> f64 {
    if observed <= expected {
        0.0
    } else {
        2.0 * (observed * (observed / expected).ln() - (observed - expected))
    }
}

/// The columns of one partition, and how well each attribute predicts each other.
pub(super) struct Partition {
    /// Per attribute the codes of the partition's rows.
    pub(super) columns: Vec<Vec<u32>>,
    widths: Vec<usize>,
    /// `predictability[a][b]`: mean chance that two rows with the same value of `a` share the value of `b`.
    predictability: Vec<Vec<f64>>,
}

impl Partition {
    pub(super) fn new(table: &Table, rows: &[u32]) -> Self {
        let columns: Vec<Vec<u32>> = Attribute::ALL
            .iter()
            .map(|attribute| {
                let column = table.column(*attribute);
                rows.iter().map(|row| column[*row as usize]).collect()
            })
            .collect();
        let widths = Attribute::ALL.iter().map(|attribute| table.width(*attribute)).collect();
        let mut partition = Self { columns, widths, predictability: Vec::new() };
        partition.predictability = partition.measure_predictability();
        partition
    }

    pub(super) fn len(&self) -> usize {
        self.columns[0].len()
    }

    /// Counts of every value over some rows; index 0 (missing) stays zero.
    pub(super) fn counts(&self, rows: &[u32]) -> Vec<Vec<u32>> {
        self.columns
            .iter()
            .zip(&self.widths)
            .map(|(column, width)| {
                let mut counts = vec![0u32; *width];
                for row in rows {
                    counts[column[*row as usize] as usize] += 1;
                }
                counts[0] = 0;
                counts
            })
            .collect()
    }

    fn measure_predictability(&self) -> Vec<Vec<f64>> {
        let size = Attribute::ALL.len();
        let mut table = vec![vec![0.0; size]; size];
        for (a, from) in Attribute::ALL.into_iter().enumerate() {
            for (b, to) in Attribute::ALL.into_iter().enumerate() {
                // A locus never predicts a symptom "by nature", nor the other way: that is what causes do.
                if a != b && from.is_symptom() == to.is_symptom() {
                    table[a][b] = self.predict(a, b);
                }
            }
        }
        // The units of a product are given by the product.
        let unit = Attribute::UnitType.index();
        for product in [Attribute::Package, Attribute::Product, Attribute::Labeler] {
            table[product.index()][unit] = self.predict(product.index(), unit);
        }
        table
    }

    /// Mean over the values of `a` of the leave-one-out chance that two rows agree in `b`, less what the
    /// same chance is without knowing `a`.
    fn predict(&self, a: usize, b: usize) -> f64 {
        let (first, second) = (&self.columns[a], &self.columns[b]);
        let mut pairs: Vec<u64> = first
            .iter()
            .zip(second)
            .filter(|(x, y)| **x != 0 && **y != 0)
            .map(|(x, y)| (u64::from(*x) << 32) | u64::from(*y))
            .collect();
        pairs.sort_unstable();
        let (mut values, mut sum) = (0usize, 0.0);
        for chunk in pairs.chunk_by(|x, y| x >> 32 == y >> 32) {
            if chunk.len() < 2 {
                continue;
            }
            let agreeing: usize =
                chunk.chunk_by(|x, y| x == y).map(|same| same.len() * (same.len() - 1)).sum();
            sum += agreeing as f64 / (chunk.len() * (chunk.len() - 1)) as f64;
            values += 1;
        }
        if values < 3 {
            return 0.0;
        }
        let mut counts = vec![0u32; self.widths[b]];
        for pair in &pairs {
            counts[(pair & 0xffff_ffff) as usize] += 1;
        }
        let total = pairs.len() as f64;
        let base: f64 = counts.iter().map(|count| (f64::from(*count) / total).powi(2)).sum();
        let mean = sum / values as f64;
        if mean > base * 1.5 + 0.05 { mean } else { 0.0 }
    }

    /// Expected number of rows with all these values, given the background rates.
    fn expected(&self, rows: f64, codes: &[(u8, u32)], rates: &[Vec<f64>]) -> f64 {
        let mut order: Vec<(f64, u8)> =
            codes.iter().map(|(column, code)| (rates[*column as usize][*code as usize], *column)).collect();
        order.sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        let mut expected = rows;
        for (position, (rate, column)) in order.iter().enumerate() {
            let by_nature = order[..position]
                .iter()
                .map(|(_, earlier)| self.predictability[*earlier as usize][*column as usize])
                .fold(0.0, f64::max);
            expected *= rate.max(by_nature);
        }
        expected
    }
}

/// All significant patterns among `rows`, most surprising first. `rates` are the background rates.
pub(super) fn patterns(
    partition: &Partition,
    rows: &[u32],
    rates: &[Vec<f64>],
    limits: Limits,
    seeds: Seeds,
) -> Vec<Pattern> {
    let size = Attribute::ALL.len();
    let total = rows.len() as f64;
    let mut found: HashMap<Codes, Pattern> = HashMap::new();
    let mut grower = Grower::new(partition, rates, total, limits);
    for a in 0..size {
        for b in a + 1..size {
            let (x, y) = (Attribute::ALL[a], Attribute::ALL[b]);
            let without_locus = !x.is_locus() && !y.is_locus();
            // An unusual unit type goes with codes and ratios everywhere: without a locus it joins strangers.
            let blunt = without_locus && (x == Attribute::UnitType || y == Attribute::UnitType);
            if blunt || (seeds == Seeds::WithLocus && without_locus) {
                continue;
            }
            let (first, second) = (&partition.columns[a], &partition.columns[b]);
            let mut keyed: Vec<(u64, u32)> = rows
                .iter()
                .filter_map(|row| {
                    let (x, y) = (first[*row as usize], second[*row as usize]);
                    (x != 0 && y != 0).then_some(((u64::from(x) << 32) | u64::from(y), *row))
                })
                .collect();
            keyed.sort_unstable();
            for same in keyed.chunk_by(|x, y| x.0 == y.0) {
                if same.len() < limits.min_rows {
                    continue;
                }
                let codes = vec![(a as u8, (same[0].0 >> 32) as u32), (b as u8, same[0].0 as u32)];
                let expected = partition.expected(total, &codes, rates);
                if (same.len() as f64) < limits.min_lift * expected {
                    continue;
                }
                let seed = Pattern {
                    codes,
                    rows: same.iter().map(|(_, row)| *row).collect(),
                    expected,
                    surprise: surprise(same.len() as f64, expected),
                };
                let grown = grower.grow(seed);
                if grown.surprise >= limits.min_surprise {
                    found.entry(grown.codes.clone()).or_insert(grown);
                }
            }
        }
    }
    let mut patterns: Vec<Pattern> = found.into_values().collect();
    patterns.sort_unstable_by(|x, y| y.surprise.total_cmp(&x.surprise).then_with(|| x.codes.cmp(&y.codes)));
    patterns
}

/// Grows a pattern by the value that adds most surprise.
struct Grower<'a> {
    partition: &'a Partition,
    rates: &'a [Vec<f64>],
    total: f64,
    limits: Limits,
    counts: Vec<Vec<u32>>,
}

impl<'a> Grower<'a> {
    fn new(partition: &'a Partition, rates: &'a [Vec<f64>], total: f64, limits: Limits) -> Self {
        let counts = partition.widths.iter().map(|width| vec![0; *width]).collect();
        Self { partition, rates, total, limits, counts }
    }

    fn grow(&mut self, mut pattern: Pattern) -> Pattern {
        while pattern.codes.len() < self.limits.max_size {
            let Some(wider) = self.widen(&pattern) else { break };
            pattern = wider;
        }
        pattern
    }

    fn widen(&mut self, pattern: &Pattern) -> Option<Pattern> {
        let mut best: Option<(f64, Codes, f64)> = None;
        for column in 0..Attribute::ALL.len() {
            if pattern.codes.iter().any(|(used, _)| *used as usize == column) {
                continue;
            }
            let values = &self.partition.columns[column];
            let counts = &mut self.counts[column];
            let mut seen: Vec<u32> = Vec::new();
            for row in &pattern.rows {
                let code = values[*row as usize];
                if counts[code as usize] == 0 {
                    seen.push(code);
                }
                counts[code as usize] += 1;
            }
            for code in seen {
                let observed = std::mem::take(&mut counts[code as usize]);
                if code == 0 || (observed as usize) < self.limits.min_rows {
                    continue;
                }
                let mut codes = pattern.codes.clone();
                let place = codes.partition_point(|(used, _)| (*used as usize) < column);
                codes.insert(place, (column as u8, code));
                let expected = self.partition.expected(self.total, &codes, self.rates);
                let gained = surprise(f64::from(observed), expected);
                // A further value must pay for itself: the surprise of a pattern of pure chance grows a
                // little with every value that may be chosen freely.
                let better = gained > pattern.surprise * 1.02 + 4.0;
                if better
                    && best.as_ref().is_none_or(|(most, chosen, _)| {
                        gained > *most || (gained.total_cmp(most).is_eq() && codes < *chosen)
                    })
                {
                    best = Some((gained, codes, expected));
                }
            }
        }
        let (surprise, codes, expected) = best?;
        let rows = pattern
            .rows
            .iter()
            .copied()
            .filter(|row| {
                codes
                    .iter()
                    .all(|(column, code)| self.partition.columns[*column as usize][*row as usize] == *code)
            })
            .collect();
        Some(Pattern { codes, rows, expected, surprise })
    }
}
