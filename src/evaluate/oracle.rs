//! The best GROUP BY that anyone could have written: its key is chosen by an oracle, which knows the truth.
//!
//! One key of one to three columns for all disputes, within program and manufacturer, since a group never
//! crosses these. Every key is tried; the one whose groups have the best B-cubed F1 is taken, the shortest
//! and first one among equals. A real GROUP BY has no truth to choose by, so what beats this one beats every
//! plain GROUP BY with a single key of these columns, which are those that a line has. The engine
//! [`GroupBy`](crate::cluster::Engine::GroupBy) may choose among others as well that are derived from them (families
//! of products, wordings of notes, ratios of units and amounts, weeks), but by what the disputes tell alone: neither
//! bounds the other.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{EvaluateError, Names, Quality, Scores, evaluate, places_of, table::Table};

/// A column that a key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyColumn {
    /// The product and package.
    Ndc,
    /// Labeler and product of the NDC: its first nine digits.
    Product,
    /// Labeler of the NDC: its first five digits.
    Labeler,
    /// State or territory.
    State,
    /// Plan, PBM or Part D contract.
    Payer,
    /// Fee for service or managed care.
    DeliverySystem,
    /// 340B id.
    CoveredEntity,
    /// NPI of the pharmacy.
    Pharmacy,
    /// Invoice quarter.
    Period,
    /// All reason codes of the line together.
    ReasonCodes,
}

impl KeyColumn {
    /// Every column, in the order in which keys are tried.
    pub const ALL: [Self; 10] = [
        Self::Ndc,
        Self::Product,
        Self::Labeler,
        Self::State,
        Self::Payer,
        Self::DeliverySystem,
        Self::CoveredEntity,
        Self::Pharmacy,
        Self::Period,
        Self::ReasonCodes,
    ];

    /// The name as a person would write it in a GROUP BY.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndc => "ndc",
            Self::Product => "product",
            Self::Labeler => "labeler",
            Self::State => "state",
            Self::Payer => "payer",
            Self::DeliverySystem => "delivery_system",
            Self::CoveredEntity => "covered_entity_id",
            Self::Pharmacy => "pharmacy_npi",
            Self::Period => "period",
            Self::ReasonCodes => "reason_codes",
        }
    }
}

/// Disputes as what a GROUP BY sees of them: one number per column, equal where the values are equal.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    ids: Vec<String>,
    /// Program and manufacturer.
    sides: Interned,
    /// In the order of [`KeyColumn::ALL`].
    values: [Interned; KeyColumn::ALL.len()],
}

impl Columns {
    /// Adds one dispute. A value that is missing keeps it out of the groups of every key with that column.
    pub fn push<V: AsRef<str>>(
        &mut self,
        dispute: &str,
        program: &str,
        manufacturer: &str,
        value: impl Fn(KeyColumn) -> Option<V>,
    ) {
        self.ids.push(dispute.to_owned());
        // No program has a line break in its name.
        self.sides.push(Some(&format!("{program}\n{manufacturer}")));
        for (column, values) in KeyColumn::ALL.into_iter().zip(&mut self.values) {
            values.push(value(column).as_ref().map(AsRef::as_ref));
        }
    }
}

/// The GROUP BY that the oracle chose.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct GroupBy {
    /// Names of the columns of its key, besides program and manufacturer.
    pub key: Vec<&'static str>,
    /// Its scores.
    #[serde(flatten)]
    pub scores: Scores,
}

/// B-cubed of one key, without anything else that [`evaluate`] would tell of its groups.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyScore {
    /// The columns.
    pub key: Vec<KeyColumn>,
    /// As in [`Scores::b_cubed`].
    pub b_cubed: Quality,
}

/// The best GROUP BY against `truth`, with all its scores. Groups of fewer than `smallest` disputes stay
/// ungrouped, and so do disputes of the truth that are not among `disputes`.
pub fn group_by(
    disputes: &Columns,
    truth: &[(&str, Option<&str>)],
    smallest: usize,
) -> Result<GroupBy, EvaluateError> {
    let aligned = Aligned::new(disputes, truth)?;
    let best = aligned
        .keys(smallest)
        .into_iter()
        .reduce(|best, next| if next.b_cubed.f1 > best.b_cubed.f1 { next } else { best })
        .map_or_else(Vec::new, |score| score.key);
    let groups = aligned.groups(&best, smallest);
    let names: Vec<Option<String>> =
        groups.of.iter().map(|group| group.map(|group| format!("b{:05}", group + 1))).collect();
    let assignments: Vec<(&str, Option<&str>)> =
        truth.iter().zip(&names).map(|(&(dispute, _), name)| (dispute, name.as_deref())).collect();
    Ok(GroupBy {
        key: best.into_iter().map(KeyColumn::name).collect(),
        scores: evaluate(&assignments, truth)?,
    })
}

/// B-cubed of every key, shorter keys first.
pub fn key_scores(
    disputes: &Columns,
    truth: &[(&str, Option<&str>)],
    smallest: usize,
) -> Result<Vec<KeyScore>, EvaluateError> {
    Ok(Aligned::new(disputes, truth)?.keys(smallest))
}

/// The disputes in the order of the truth.
struct Aligned<'a> {
    disputes: &'a Columns,
    /// Place of each line of the truth among the disputes.
    rows: Vec<Option<usize>>,
    causes: Vec<Option<u32>>,
    cause_count: usize,
}

/// A group per row, numbered from zero without gaps.
struct Groups {
    of: Vec<Option<u32>>,
    count: usize,
}

impl<'a> Aligned<'a> {
    fn new(disputes: &'a Columns, truth: &[(&str, Option<&str>)]) -> Result<Self, EvaluateError> {
        let places = places_of(truth)?;
        let mut rows = vec![None; truth.len()];
        let mut unknown: Vec<&str> = Vec::new();
        for (row, dispute) in disputes.ids.iter().enumerate() {
            match places.get(dispute.as_str()) {
                None => unknown.push(dispute),
                Some(&place) if rows[place].is_some() => {
                    return Err(EvaluateError::Repeated { dispute: dispute.clone(), list: "disputes" });
                }
                Some(&place) => rows[place] = Some(row),
            }
        }
        if let Some(&dispute) = unknown.first() {
            return Err(EvaluateError::NotInTruth { dispute: dispute.to_owned(), count: unknown.len() });
        }
        let mut names = Names::default();
        let causes = truth.iter().map(|(_, cause)| cause.map(|cause| names.number(cause))).collect();
        Ok(Self { disputes, rows, causes, cause_count: names.names.len() })
    }

    /// A column in the order of the truth; 0 is a missing value.
    fn column(&self, values: &Interned) -> Vec<u32> {
        self.rows.iter().map(|row| row.map_or(0, |row| values.codes[row])).collect()
    }

    fn keys(&self, smallest: usize) -> Vec<KeyScore> {
        let columns: Vec<Vec<u32>> =
            self.disputes.values.par_iter().map(|values| self.column(values)).collect();
        let sides = self.column(&self.disputes.sides);
        let single: Vec<Vec<u32>> = columns.par_iter().map(|column| together(&sides, column)).collect();
        let score = |places: &[usize], joined: &[u32]| KeyScore {
            key: places.iter().map(|&place| KeyColumn::ALL[place]).collect(),
            b_cubed: self.b_cubed(&large_enough(joined, smallest)),
        };
        let starts: Vec<(usize, usize)> =
            (0..columns.len()).flat_map(|one| (one..columns.len()).map(move |two| (one, two))).collect();
        // Work is shared by the first two columns, so that those two are joined once for all third ones.
        let mut scores: Vec<KeyScore> = starts
            .par_iter()
            .flat_map_iter(|&(one, two)| {
                if one == two {
                    return vec![score(&[one], &single[one])];
                }
                let both = together(&single[one], &columns[two]);
                let mut scores = vec![score(&[one, two], &both)];
                for (three, column) in columns.iter().enumerate().skip(two + 1) {
                    scores.push(score(&[one, two, three], &together(&both, column)));
                }
                scores
            })
            .collect();
        scores.sort_by_key(|score| score.key.len());
        scores
    }

    fn groups(&self, key: &[KeyColumn], smallest: usize) -> Groups {
        let joined = key.iter().fold(self.column(&self.disputes.sides), |joined, &column| {
            together(&joined, &self.column(&self.disputes.values[column as usize]))
        });
        large_enough(&joined, smallest)
    }

    fn b_cubed(&self, groups: &Groups) -> Quality {
        let pairs = groups.of.iter().copied().zip(self.causes.iter().copied()).collect();
        Table::new(pairs, groups.count, self.cause_count).b_cubed()
    }
}

/// Numbers of the pairs of values, from 1 without gaps; 0 where either is missing.
fn together(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut numbers: HashMap<(u32, u32), u32> = HashMap::new();
    left.iter()
        .zip(right)
        .map(|(&left, &right)| {
            if left == 0 || right == 0 {
                return 0;
            }
            let next = numbers.len() as u32 + 1;
            *numbers.entry((left, right)).or_insert(next)
        })
        .collect()
}

/// The classes with at least `smallest` rows.
fn large_enough(numbers: &[u32], smallest: usize) -> Groups {
    let classes = numbers.iter().max().map_or(0, |&most| most as usize + 1);
    let mut sizes = vec![0_usize; classes];
    for &number in numbers {
        sizes[number as usize] += 1;
    }
    let mut group_of = vec![None; classes];
    let mut count = 0;
    for (group, size) in group_of.iter_mut().zip(sizes).skip(1) {
        if size >= smallest {
            *group = Some(count);
            count += 1;
        }
    }
    Groups { of: numbers.iter().map(|&number| group_of[number as usize]).collect(), count: count as usize }
}

/// A column of texts as numbers from 1 on; 0 is a missing value.
#[derive(Debug, Clone, Default)]
struct Interned {
    codes: Vec<u32>,
    numbers: HashMap<String, u32>,
}

impl Interned {
    fn push(&mut self, value: Option<&str>) {
        let code = value.map_or(0, |value| {
            if let Some(&code) = self.numbers.get(value) {
                return code;
            }
            let code = self.numbers.len() as u32 + 1;
            self.numbers.insert(value.to_owned(), code);
            code
        });
        self.codes.push(code);
    }
}
