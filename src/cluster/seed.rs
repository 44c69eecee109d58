//! Where causes may be: pairs of values that occur together far more often than chance.
//!
//! Pairs are counted exactly, value by value: the rows of a value are a bucket, and within a bucket every other
//! column is counted in a small array. A pair counts as a seed where the Poisson log-likelihood ratio of its
//! count (nats) exceeds the logarithm of the number of pairs that could have been chosen (Bonferroni), less a
//! slack, since growing and [`Profile::net`](super::profile::Profile::net) judge it again. Once pairs have had their
//! turn, some values are seeds alone: places most of whose rows have symptoms of their own, and wordings and constants
//! that no code explains.

use rayon::prelude::*;

use super::{
    attribute::Attribute,
    partition::{CLIENT, COLUMNS, Context, NAMED, PLACE, Partition, WORDED},
    rates::{Own, Rates},
};

/// How far the evidence of a seed may lie below the logarithm of the number of choices, in nats.
const SLACK: f64 = 3.0;
/// Smallest count of a pair against the expected one.
const LIFT: f64 = 1.3;
/// Share of the free rows from which a pair is measured against the rows outside its first value: what is so frequent is
/// much of the background itself.
const LARGE: f64 = 0.3;
/// Rows of the usual chance that the chance outside a value is drawn towards.
const OUTSIDE_PRIOR: f64 = 20.0;
/// Fewest rows of a value that may be a cause by itself.
const ALONE: usize = 8;
/// Share of its rows that must be in no group: words and ratios that many causes have are no cause.
const ALONE_FREE: f64 = 0.7;

/// Evidence that the symptoms of a place are its own, beside the logarithm of the number of places, in nats.
const PLACED: f64 = 2.0;
/// Share of a place's rows that must have such symptoms, one or the other.
const PECULIAR: f64 = 0.6;
/// Places that may be a cause under several symptoms, and these.
const PLACES: [Attribute; 4] =
    [Attribute::Pharmacy, Attribute::ParentEntity, Attribute::Payer, Attribute::Product];
const SYMPTOMS: [Attribute; 4] =
    [Attribute::ReasonCodes, Attribute::Note, Attribute::UnitsRatio, Attribute::AmountRatio];

/// Rows by value, for each attribute.
#[derive(Debug)]
pub(super) struct Index {
    starts: Vec<Vec<u32>>,
    rows: Vec<Vec<u32>>,
}

impl Index {
    /// Index of some rows, ascending.
    pub(super) fn of(partition: &Partition<'_>, rows: &[u32]) -> Self {
        let (starts, rows) = (0..Attribute::COUNT)
            .into_par_iter()
            .map(|attribute| {
                let column = &partition.columns[attribute];
                let mut starts = vec![0u32; partition.widths[attribute] + 1];
                for row in rows {
                    starts[column[*row as usize] as usize + 1] += 1;
                }
                for code in 1..starts.len() {
                    starts[code] += starts[code - 1];
                }
                let mut next = starts.clone();
                let mut sorted = vec![0u32; rows.len()];
                for row in rows {
                    let next = &mut next[column[*row as usize] as usize];
                    sorted[*next as usize] = *row;
                    *next += 1;
                }
                (starts, sorted)
            })
            .unzip();
        Self { starts, rows }
    }

    /// Rows with a value, ascending.
    pub(super) fn with(&self, attribute: usize, code: u32) -> &[u32] {
        let starts = &self.starts[attribute];
        &self.rows[attribute][starts[code as usize] as usize..starts[code as usize + 1] as usize]
    }

    fn count(&self, attribute: usize, code: u32) -> usize {
        let starts = &self.starts[attribute];
        (starts[code as usize + 1] - starts[code as usize]) as usize
    }
}

/// Two values, or twice the same one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seed {
    /// Log-likelihood ratio in nats.
    pub(super) evidence: f64,
    pub(super) rows: u32,
    pub(super) first: (u8, u32),
    pub(super) second: (u8, u32),
}

impl Eq for Seed {}
impl PartialOrd for Seed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Seed {
    /// The one with most evidence is the greatest; among equals the one with the smallest codes.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.evidence
            .total_cmp(&other.evidence)
            .then_with(|| (other.first, other.second).cmp(&(self.first, self.second)))
    }
}

/// Seeds among the rows of an index. `alone`: single values may be seeds, too, once what pairs of values explain
/// is in groups.
pub(super) fn seeds(
    partition: &Partition<'_>,
    rates: &Rates,
    index: &Index,
    min_group: usize,
    alone: bool,
) -> Vec<Seed> {
    let chances: Vec<Vec<f64>> = (0..Attribute::COUNT)
        .into_par_iter()
        .map(|attribute| {
            std::iter::once(1.0)
                .chain((1..partition.widths[attribute] as u32).map(|code| {
                    if index.count(attribute, code) == 0 {
                        1.0
                    } else {
                        rates.usual(partition, attribute, code)
                    }
                }))
                .collect()
        })
        .collect();
    let busy: Vec<f64> = (0..Attribute::COUNT)
        .map(|attribute| {
            let codes = 1..partition.widths[attribute] as u32;
            codes.filter(|code| index.count(attribute, *code) >= min_group).count().max(1) as f64
        })
        .collect();
    let anchors: Vec<(usize, u32)> = (0..Attribute::COUNT)
        .filter(|attribute| *attribute != Attribute::UnitType.index())
        .flat_map(|attribute| (1..partition.widths[attribute] as u32).map(move |code| (attribute, code)))
        .filter(|(attribute, code)| index.count(*attribute, *code) >= min_group)
        .collect();
    let kin: Vec<bool> = (0..Attribute::COUNT)
        .flat_map(|a| (0..Attribute::COUNT).map(move |b| (a, b)))
        .map(|(a, b)| a == b || b == Attribute::UnitType.index() || partition.are_kin(a, b))
        .collect();
    let is_context = (0..COLUMNS)
        .map(|column| {
            matches!(column, PLACE | CLIENT | NAMED)
                || (0..Attribute::COUNT).any(|of| partition.contexts[of] == Context::Parent(column))
        })
        .collect();
    let search =
        Search { partition, rates, index, min_group, chances, busy, kin, is_context, is_late: alone };
    let mut seeds: Vec<Seed> = anchors
        .par_chunks(64)
        .map_init(
            || partition.widths.iter().map(|width| vec![0u32; *width]).collect::<Vec<_>>(),
            |counts, anchors| {
                let mut seeds = Vec::new();
                for (attribute, code) in anchors {
                    search.from(*attribute, *code, counts, &mut seeds);
                }
                seeds
            },
        )
        .flatten()
        .collect();
    if alone {
        search.places(&mut seeds);
        search.alone(&mut seeds);
    }
    seeds
}

/// Evidence (nats) that `both` of `all` rows, of which `first` have one value and `second` another one, are more than chance
/// has it: the log-likelihood ratio of the second value inside and outside the first (Dunning 1993). A handful of rows
/// outside is no exact rate.
fn contrast(both: f64, first: f64, second: f64, all: f64) -> f64 {
    let term = |count: f64, rows: f64| {
        if count > 0.0 { count * (count * all / (rows * second)).ln() } else { 0.0 }
    };
    term(both, first) + term(second - both, all - first)
}

struct Search<'a> {
    partition: &'a Partition<'a>,
    rates: &'a Rates,
    index: &'a Index,
    min_group: usize,
    chances: Vec<Vec<f64>>,
    /// By attribute: values with enough rows.
    busy: Vec<f64>,
    kin: Vec<bool>,
    /// By column: whether values are expected in one of its values.
    is_context: Vec<bool>,
    /// Whether what has a place had its turn.
    is_late: bool,
}

impl Search<'_> {
    fn from(&self, a: usize, code: u32, counts: &mut [Vec<u32>], seeds: &mut Vec<Seed>) {
        let partition = self.partition;
        let rows = self.index.with(a, code);
        let (size, all) = (rows.len() as f64, self.index.rows[a].len() as f64);
        let is_large = |observed: u32| f64::from(observed) >= LARGE * all && !self.rates.have_reference();
        let is_by = |by: usize, attribute: usize| {
            by == attribute || by == WORDED && attribute == Attribute::Note.index()
        };
        let mut touched: Vec<Vec<u32>> = vec![Vec::new(); COLUMNS];
        let counted: Vec<usize> = (0..COLUMNS)
            .filter(|column| {
                let is_wanted =
                    *column < Attribute::COUNT && *column > a && !self.kin[a * Attribute::COUNT + column];
                is_wanted || self.is_context[*column]
            })
            .collect();
        for row in rows {
            let cells = partition.row(*row as usize);
            for column in &counted {
                let code = cells[*column];
                let count = &mut counts[*column][code as usize];
                if *count == 0 {
                    touched[*column].push(code);
                }
                *count += 1;
            }
        }
        for b in a + 1..Attribute::COUNT {
            // Symptoms without a place go together in all causes of a kind: a group of those would hold what each of these
            // causes is about.
            let is_of_a_kind = Attribute::ALL[a].is_symptom() && Attribute::ALL[b].is_symptom();
            if self.kin[a * Attribute::COUNT + b] || is_of_a_kind && !self.is_late {
                continue;
            }
            let threshold = (self.busy[a] * self.busy[b]).ln() - SLACK;
            for other in &touched[b] {
                let observed = counts[b][*other as usize];
                if *other == 0 || (observed as usize) < self.min_group {
                    continue;
                }
                let chance = self.chances[b][*other as usize];
                let expected = match (partition.contexts[a], partition.contexts[b]) {
                    // The same pair, seen from the value that the other one usually comes with.
                    (Context::Pair(by), _) if is_by(by, b) => {
                        self.index.count(b, *other) as f64 * self.rates.paired(partition, a, *other, code)
                    }
                    (_, Context::Pair(by)) if is_by(by, a) => {
                        size * self.rates.paired(partition, b, code, *other)
                    }
                    (_, Context::Pair(NAMED)) if !is_large(observed) => touched[NAMED]
                        .iter()
                        .map(|named| {
                            let rows = f64::from(counts[NAMED][*named as usize]);
                            rows * self.rates.paired(partition, b, *named, *other)
                        })
                        .sum(),
                    (_, Context::Parent(parent)) if parent != a => {
                        let below = counts[parent][partition.parents[b][*other as usize] as usize];
                        f64::from(below) * chance
                    }
                    // What one cause has much of is frequent in the background because of it.
                    _ if is_large(observed) => {
                        let with = self.index.count(b, *other) as f64 - f64::from(observed);
                        size * (with + OUTSIDE_PRIOR * chance) / (all - size + OUTSIDE_PRIOR)
                    }
                    _ => size * chance,
                };
                let observed = f64::from(observed);
                let expected = expected.max(1e-9);
                if observed < LIFT * expected {
                    continue;
                }
                let mut evidence = observed * (observed / expected).ln() - (observed - expected);
                if is_large(observed as u32) {
                    let with = self.index.count(b, *other) as f64;
                    evidence = evidence.min(contrast(observed, size, with, all));
                }
                if evidence >= threshold {
                    seeds.push(Seed {
                        evidence,
                        rows: observed as u32,
                        first: (a as u8, code),
                        second: (b as u8, *other),
                    });
                }
            }
        }
        for (counts, touched) in counts.iter_mut().zip(touched) {
            for code in touched {
                counts[code as usize] = 0;
            }
        }
    }

    /// Places whose rows show symptoms of their own, but several: each pair of the place and a symptom would be
    /// measured against a background in which the other pairs of the same cause are.
    fn places(&self, seeds: &mut Vec<Seed>) {
        for attribute in PLACES.map(Attribute::index) {
            let codes = (1..self.partition.widths[attribute] as u32).into_par_iter();
            let codes = codes.filter(|code| self.index.count(attribute, *code) >= self.min_group.max(ALONE));
            let needed = self.busy[attribute].ln() + PLACED;
            let found = codes.filter_map(|code| {
                let rows = self.index.with(attribute, code);
                if rows.len() * 2 > self.index.rows[attribute].len() {
                    // Nothing is left to be peculiar against.
                    return None;
                }
                let evidence = self.peculiar(rows);
                let value = (attribute as u8, code);
                (evidence >= needed).then_some(Seed {
                    evidence,
                    rows: rows.len() as u32,
                    first: value,
                    second: value,
                })
            });
            seeds.par_extend(found);
        }
    }

    /// Evidence (nats) that rows have symptoms more often than others, summed over the attributes, each in its
    /// context so that nothing counts twice; none where too few rows show any: several causes meet at a busy place.
    fn peculiar(&self, rows: &[u32]) -> f64 {
        let partition = self.partition;
        let (mut evidence, mut is_peculiar) = (0.0, vec![false; rows.len()]);
        for attribute in SYMPTOMS.map(Attribute::index) {
            let column = &partition.columns[attribute];
            let mut codes: Vec<u32> =
                rows.iter().map(|row| column[*row as usize]).filter(|code| *code != 0).collect();
            codes.sort_unstable();
            let with: Vec<(u32, f64)> = match partition.contexts[attribute] {
                Context::Pair(by) => {
                    let known = rows.iter().filter(|row| column[**row as usize] != 0);
                    let mut with: Vec<u32> = known.map(|row| partition.columns[by][*row as usize]).collect();
                    with.sort_unstable();
                    with.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64)).collect()
                }
                Context::Free | Context::Parent(_) => Vec::new(),
            };
            let mut gaining: Vec<u32> = Vec::new();
            for same in codes.chunk_by(|a, b| a == b) {
                let (code, count) = (same[0], same.len() as f64);
                let own = Own { rows: rows.len() as f64, with: count, with_parent: 0.0, are_free: true };
                let plain = codes.len() as f64 * self.rates.alone(partition, attribute, code, own);
                if count < 2.0 || count < LIFT * plain {
                    continue;
                }
                let paired =
                    with.iter().map(|(by, rows)| rows * self.rates.paired(partition, attribute, *by, code));
                let expected = plain.max(paired.sum());
                if count < LIFT * expected {
                    continue;
                }
                let choices = partition.choices(attribute, code).ln();
                let gained = count * (count / expected).ln() - (count - expected) - choices;
                if gained > 0.0 {
                    evidence += gained;
                    gaining.push(code);
                }
            }
            for (row, is_peculiar) in rows.iter().zip(&mut is_peculiar) {
                *is_peculiar |= gaining.binary_search(&column[*row as usize]).is_ok();
            }
        }
        let peculiar = is_peculiar.into_iter().filter(|is_peculiar| *is_peculiar).count();
        if (peculiar as f64) < PECULIAR * rows.len() as f64 { 0.0 } else { evidence }
    }

    /// Wordings and constants that are a cause by themselves: those that hardly any group has. A wording that
    /// comes with one code is a kind of cause, not a cause; a ratio that a package size explains is common.
    fn alone(&self, seeds: &mut Vec<Seed>) {
        let codes = &self.partition.columns[Attribute::ReasonCodes.index()];
        for attribute in [Attribute::Note, Attribute::UnitsRatio].map(Attribute::index) {
            for code in 1..self.partition.widths[attribute] as u32 {
                let rows = self.index.with(attribute, code);
                if rows.len() < self.min_group.max(ALONE)
                    || self.rates.free_share(attribute, code) < ALONE_FREE
                {
                    continue;
                }
                let stands_alone = if attribute == Attribute::Note.index() {
                    let mut coded: Vec<u32> =
                        rows.iter().map(|row| codes[*row as usize]).filter(|code| *code != 0).collect();
                    coded.sort_unstable();
                    let most = coded.chunk_by(|a, b| a == b).map(<[u32]>::len).max().unwrap_or(0);
                    most * 2 < coded.len() && !self.partition.common_notes[code as usize]
                } else {
                    self.partition.odd_ratios[code as usize]
                };
                if stands_alone {
                    let value = (attribute as u8, code);
                    seeds.push(Seed {
                        evidence: rows.len() as f64 / 2.0,
                        rows: rows.len() as u32,
                        first: value,
                        second: value,
                    });
                }
            }
        }
    }
}
