//! How well groups agree with known causes.
//!
//! Compares assignments (dispute, group or ungrouped) with the truth (dispute, cause or none). Every score
//! lies between 0 and 1, except that scores adjusted for chance may be below 0; 1 is full agreement. Names of
//! groups and causes, and the order of rows, never change a score, not in its last digit.
//!
//! Rows without a group or cause enter the scores as follows; scikit-learn 1.9.1 gives the same figures for
//! the same labels, which a test shows:
//!
//! * B-cubed and the Rand index: each such row is a class of its own, since nothing is claimed about any two
//!   of them. Forcing them into groups, or leaving members out, then costs precisely what it should.
//! * Mutual information (AMI, homogeneity, completeness, V-measure): all such rows are one class. As classes
//!   of their own they would fill the entropies, and a tool that groups nothing would score well.
//! * Noise precision and recall are about those rows alone.
//!
//! Sources: Bagga and Baldwin 1998 and Amigó et al. 2009 for B-cubed; Hubert and Arabie 1985 for the
//! adjusted Rand index; Vinh, Epps and Bailey 2010 for the adjusted mutual information (arithmetic mean of
//! the entropies); Rosenberg and Hirschberg 2007 for the V-measure.
//!
//! Beside a grouping stands the best GROUP BY ([`group_by`]), and [`html`] shows both on one page.
//!
//! Pure. One sort and a few passes: a million rows take about a second.

mod html;
mod information;
mod oracle;
mod table;

use std::collections::{BTreeMap, HashMap};

pub use self::html::html;
pub use self::oracle::{Columns, GroupBy, KeyColumn, KeyScore, group_by, key_scores};
use self::table::Table;

/// A group and a cause whose Jaccard index reaches this are the same: the cause is found.
pub const FOUND: f64 = 0.5;

/// Size classes of causes, from and to, in disputes. The first one occurs only where a truth holds causes
/// below the smallest group.
pub const SIZE_CLASSES: [(usize, usize); 6] =
    [(1, 3), (4, 9), (10, 29), (30, 99), (100, 999), (1_000, usize::MAX)];

/// Why there are no scores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// An id stands twice in one of the lists: it is not known which line to believe.
    #[error("dispute `{dispute}` occurs more than once in the {list}, expected once")]
    Repeated {
        /// The id.
        dispute: String,
        /// `assignments`, `truth` or `disputes`.
        list: &'static str,
    },
    /// An assignment for a dispute that the truth does not know: the two lists belong to different inputs.
    #[error(
        "dispute `{dispute}` has an assignment, but the truth has no line for it ({count} such disputes)"
    )]
    Unknown {
        /// The first one in the order of the assignments.
        dispute: String,
        /// How many there are.
        count: usize,
    },
    /// A dispute that the truth does not know: the truth belongs to another input.
    #[error("dispute `{dispute}` is in the input, but the truth has no line for it ({count} such disputes)")]
    NotInTruth {
        /// The first one in the order of the disputes.
        dispute: String,
        /// How many there are.
        count: usize,
    },
}

/// All scores.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Scores {
    /// Rows of the truth.
    pub rows: usize,
    /// Rows of the truth without a line in the assignments. They count as ungrouped.
    pub unassigned: usize,
    /// Groups with at least one row.
    pub groups: usize,
    /// B-cubed precision, recall and their harmonic mean.
    pub b_cubed: Quality,
    /// Adjusted Rand index.
    pub adjusted_rand: f64,
    /// Adjusted mutual information.
    pub adjusted_mutual_information: f64,
    /// 1 where each group holds rows of one cause only.
    pub homogeneity: f64,
    /// 1 where each cause is in one group only.
    pub completeness: f64,
    /// Harmonic mean of homogeneity and completeness.
    pub v_measure: f64,
    /// Ungrouped rows that have no cause, as a share of the ungrouped rows; 1 where there are none.
    pub noise_precision: f64,
    /// Ungrouped rows that have no cause, as a share of the rows without a cause; 1 where there are none.
    pub noise_recall: f64,
    /// Causes that have a group, of all causes.
    pub found: Found,
    /// The same by size class, without classes that no cause is in.
    pub found_by_size: Vec<FoundInSizeClass>,
    /// Each cause with its best group, by name.
    pub causes: Vec<CauseScore>,
}

/// Precision, recall and F1.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Quality {
    /// Of what was put together, the share that belongs together.
    pub precision: f64,
    /// Of what belongs together, the share that was put together.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// How many causes were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Found {
    /// Causes with a group whose Jaccard index is at least [`FOUND`].
    pub found: usize,
    /// All causes.
    pub causes: usize,
}

/// How many causes of one size class were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct FoundInSizeClass {
    /// Smallest size, in disputes.
    pub from: usize,
    /// Largest size, in disputes.
    pub to: usize,
    /// The count.
    pub found: Found,
}

impl FoundInSizeClass {
    /// `4 to 9 disputes`.
    pub fn label(&self) -> String {
        if self.to == usize::MAX {
            format!("{} and more disputes", thousands(self.from))
        } else {
            format!("{} to {} disputes", self.from, self.to)
        }
    }
}

/// One cause and the group that is most like it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CauseScore {
    /// Label in the truth.
    pub cause: String,
    /// Disputes that have it.
    pub size: usize,
    /// The group with the highest Jaccard index, the first by name among equals; none where all rows are
    /// ungrouped.
    pub group: Option<String>,
    /// All disputes of that group.
    pub group_size: usize,
    /// Disputes of that group that have the cause.
    pub common: usize,
    /// Common disputes as a share of the disputes that are in either.
    pub jaccard: f64,
}

/// What is known of a cause besides its disputes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseFacts {
    /// What went wrong.
    pub name: String,
    /// What kind of thing went wrong.
    pub family: String,
}

/// Facts by cause, as the part of the truth's label before the first `/` names it.
pub type Causes = BTreeMap<String, CauseFacts>;

/// The facts of a label of the truth, where there are any.
pub fn facts_of<'a>(causes: &'a Causes, label: &str) -> Option<&'a CauseFacts> {
    causes.get(label.split_once('/').map_or(label, |(cause, _)| cause))
}

/// Causes found by family; those without facts are a family of their own.
pub fn found_by_family(scores: &[CauseScore], causes: &Causes) -> BTreeMap<String, Found> {
    found_by(scores, |score| {
        facts_of(causes, &score.cause).map_or_else(|| "not known".to_owned(), |facts| facts.family.clone())
    })
}

/// A grouping with its scores, and what it is compared with.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Evaluation {
    /// Scores of the groups.
    #[serde(flatten)]
    pub scores: Scores,
    /// Causes found by family, where families are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_by_family: Option<BTreeMap<String, Found>>,
    /// The best GROUP BY, where the disputes are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<Compared>,
}

/// The best GROUP BY as it is compared with a grouping.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Compared {
    /// Its key and scores.
    #[serde(flatten)]
    pub best: GroupBy,
    /// Causes found by family, where families are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found_by_family: Option<BTreeMap<String, Found>>,
}

impl Evaluation {
    /// Scores side by side, by family where `causes` says which family each cause has.
    pub fn new(scores: Scores, best: Option<GroupBy>, causes: Option<&Causes>) -> Self {
        let by_family = |scores: &Scores| causes.map(|causes| found_by_family(&scores.causes, causes));
        Self {
            found_by_family: by_family(&scores),
            group_by: best.map(|best| Compared { found_by_family: by_family(&best.scores), best }),
            scores,
        }
    }
}

/// Scores of `assignments` against `truth`, both as dispute id and label, in any order. A missing label is
/// an ungrouped row, or a row without a cause.
pub fn evaluate(
    assignments: &[(&str, Option<&str>)],
    truth: &[(&str, Option<&str>)],
) -> Result<Scores, EvaluateError> {
    let assigned = group_of_each(assignments, truth)?;
    let unassigned = assigned.iter().filter(|line| matches!(line, Assigned::Nowhere)).count();
    let mut groups = Names::default();
    let mut causes = Names::default();
    let pairs = assigned
        .iter()
        .zip(truth)
        .map(|(group, (_, cause))| {
            (group.group().map(|group| groups.number(group)), cause.map(|cause| causes.number(cause)))
        })
        .collect();
    let table = Table::new(pairs, groups.names.len(), causes.names.len());
    let information = information::Information::of(&table);
    let cause_scores = cause_scores(&table, &groups.names, &causes.names);
    let noise = table.both_without as f64;
    Ok(Scores {
        rows: truth.len(),
        unassigned,
        groups: groups.names.len(),
        b_cubed: table.b_cubed(),
        adjusted_rand: table.adjusted_rand(),
        adjusted_mutual_information: information.adjusted(),
        homogeneity: information.homogeneity(),
        completeness: information.completeness(),
        v_measure: harmonic_mean(information.homogeneity(), information.completeness()),
        noise_precision: share(noise, table.without_group as f64),
        noise_recall: share(noise, table.without_cause as f64),
        found: found_by(&cause_scores, |_| ()).remove(&()).unwrap_or_default(),
        found_by_size: found_by_size(&cause_scores),
        causes: cause_scores,
    })
}

/// Causes found, by any class of theirs, such as family or program.
pub fn found_by<K: Ord>(causes: &[CauseScore], class: impl Fn(&CauseScore) -> K) -> BTreeMap<K, Found> {
    let mut classes: BTreeMap<K, Found> = BTreeMap::new();
    for cause in causes {
        let count = classes.entry(class(cause)).or_default();
        count.causes += 1;
        count.found += usize::from(cause.jaccard >= FOUND);
    }
    classes
}

/// Numbers for names, in the order of their first occurrence.
#[derive(Default)]
struct Names<'a> {
    numbers: HashMap<&'a str, u32>,
    names: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a str) -> u32 {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() as u32 - 1
        })
    }
}

/// What the assignments say of one row of the truth.
#[derive(Clone, Copy)]
enum Assigned<'a> {
    /// They have no line for it.
    Nowhere,
    Ungrouped,
    Group(&'a str),
}

impl<'a> Assigned<'a> {
    fn group(self) -> Option<&'a str> {
        match self {
            Self::Nowhere | Self::Ungrouped => None,
            Self::Group(group) => Some(group),
        }
    }
}

/// The place of each dispute in the truth.
fn places_of<'a>(truth: &[(&'a str, Option<&str>)]) -> Result<HashMap<&'a str, usize>, EvaluateError> {
    let mut places = HashMap::with_capacity(truth.len());
    for (place, (dispute, _)) in truth.iter().enumerate() {
        if places.insert(*dispute, place).is_some() {
            return Err(EvaluateError::Repeated { dispute: (*dispute).to_owned(), list: "truth" });
        }
    }
    Ok(places)
}

fn group_of_each<'a>(
    assignments: &[(&'a str, Option<&'a str>)],
    truth: &[(&str, Option<&str>)],
) -> Result<Vec<Assigned<'a>>, EvaluateError> {
    let places = places_of(truth)?;
    let mut groups = vec![Assigned::Nowhere; truth.len()];
    let mut unknown = Vec::new();
    for (dispute, group) in assignments {
        match places.get(dispute).map(|&place| &mut groups[place]) {
            None => unknown.push(*dispute),
            Some(Assigned::Ungrouped | Assigned::Group(_)) => {
                return Err(EvaluateError::Repeated { dispute: (*dispute).to_owned(), list: "assignments" });
            }
            Some(free) => *free = group.map_or(Assigned::Ungrouped, Assigned::Group),
        }
    }
    match unknown.first() {
        Some(dispute) => Err(EvaluateError::Unknown { dispute: (*dispute).to_owned(), count: unknown.len() }),
        None => Ok(groups),
    }
}

fn cause_scores(table: &Table, groups: &[&str], causes: &[&str]) -> Vec<CauseScore> {
    let mut scores: Vec<CauseScore> = causes
        .iter()
        .zip(&table.cause_sizes)
        .map(|(cause, &size)| CauseScore {
            cause: (*cause).to_owned(),
            size,
            group: None,
            group_size: 0,
            common: 0,
            jaccard: 0.0,
        })
        .collect();
    for cell in &table.cells {
        let score = &mut scores[cell.cause as usize];
        let group = groups[cell.group as usize];
        let group_size = table.group_sizes[cell.group as usize];
        let either = group_size + score.size - cell.rows;
        let jaccard = cell.rows as f64 / either as f64;
        let is_first = score.group.as_deref().is_none_or(|best| group < best);
        // Equal quotients of whole numbers are equal to the last bit.
        if jaccard > score.jaccard || (jaccard >= score.jaccard && is_first) {
            score.jaccard = jaccard;
            score.group = Some(group.to_owned());
            (score.group_size, score.common) = (group_size, cell.rows);
        }
    }
    scores.sort_by(|left, right| left.cause.cmp(&right.cause));
    scores
}

fn found_by_size(causes: &[CauseScore]) -> Vec<FoundInSizeClass> {
    let class = |cause: &CauseScore| {
        SIZE_CLASSES.into_iter().find(|&(from, to)| (from..=to).contains(&cause.size)).unwrap_or_default()
    };
    found_by(causes, class)
        .into_iter()
        .map(|((from, to), found)| FoundInSizeClass { from, to, found })
        .collect()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

fn harmonic_mean(left: f64, right: f64) -> f64 {
    if left + right > 0.0 { 2.0 * left * right / (left + right) } else { 0.0 }
}

/// `12,345`.
fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
