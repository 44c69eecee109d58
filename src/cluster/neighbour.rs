//! The nearest other group of a client and program, and what tells the two apart.

use std::collections::HashMap;

use super::{attribute::Attribute, rule::Peers, table::Table};
use crate::dispute::Text;

/// Part of a group's disputes that must have a value for it to be the group's.
const SHARED: f64 = 0.5;
/// Part of a group's disputes that must have a value for the group to be found by it.
const FINDABLE: f64 = 0.2;
/// Part that must have a value for it to be counted when two groups are compared.
const COUNTED: f64 = 0.05;
/// How far apart (0 to 1) two groups must be in an attribute for it to tell them apart.
const LEAST_APART: f64 = 0.3;
/// Groups with a value in common after which the value tells of no nearness: a whole program's code, say.
const TOO_COMMON: usize = 500;
/// Of the largest groups, how many a group is held against that shares no telling value with any: a fixed number,
/// so that the cost does not grow with the square of the groups.
const LARGEST: usize = 32;

/// The nearest other group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its place among the clusters that were explained.
    pub cluster: usize,
    /// The attribute that tells the two apart best; none where they are the same in all of them.
    pub separating: Option<Separating>,
}

/// An attribute that tells two groups apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separating {
    /// The attribute.
    pub attribute: Attribute,
    /// What most disputes of the group have.
    pub here: Held,
    /// What most disputes of the other group have.
    pub there: Held,
}

/// What most disputes of a group have of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// This value.
    Value(Text),
    /// No value in common, out of so many.
    Varying(usize),
    /// No value at all.
    Nothing,
}

/// The frequent values of a group.
#[derive(Debug)]
pub(super) struct Profile {
    size: usize,
    /// Its first row, which depends on nothing but content.
    first: Option<usize>,
    spreads: Vec<Spread>,
}

/// How the disputes of a group spread over the values of an attribute.
#[derive(Debug)]
struct Spread {
    attribute: Attribute,
    /// Number of different values.
    values: usize,
    /// Frequent values with how many have them, most first; code 0 is a missing value.
    frequent: Vec<(u32, usize)>,
}

impl Profile {
    pub(super) fn new(table: &Table, rows: &[usize]) -> Self {
        let mut spreads = Vec::new();
        let mut codes: Vec<u32> = Vec::with_capacity(rows.len());
        for attribute in Attribute::ALL.into_iter().filter(|attribute| attribute.is_shown()) {
            let column = table.column(attribute);
            codes.clear();
            codes.extend(rows.iter().map(|row| column[*row]));
            codes.sort_unstable();
            let mut frequent = Vec::new();
            let mut values = 0;
            for same in codes.chunk_by(|a, b| a == b) {
                values += usize::from(same[0] != 0);
                if same.len() as f64 >= COUNTED * rows.len() as f64 {
                    frequent.push((same[0], same.len()));
                }
            }
            frequent.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            spreads.push(Spread { attribute, values, frequent });
        }
        Self { size: rows.len(), first: rows.first().copied(), spreads }
    }

    /// Values by which the group is found, each with the part of the group that has it.
    fn findable(&self) -> impl Iterator<Item = ((Attribute, u32), f64)> + '_ {
        self.spreads.iter().flat_map(|Spread { attribute, frequent, .. }| {
            frequent
                .iter()
                .filter(|(code, _)| *code != 0)
                .map(|(code, count)| ((*attribute, *code), *count as f64 / self.size as f64))
                .filter(|(_, share)| *share >= FINDABLE)
        })
    }
}

/// For each group its nearest other one, with the attribute that tells them apart. All are of the client
/// and program of `peers`.
pub(super) fn nearest(peers: &Peers<'_>, table: &Table, profiles: &[Profile]) -> Vec<Option<Neighbour>> {
    let mut holders: HashMap<(Attribute, u32), Vec<(usize, f64)>> = HashMap::new();
    for (at, profile) in profiles.iter().enumerate() {
        for (value, share) in profile.findable() {
            holders.entry(value).or_default().push((at, share));
        }
    }
    let mut likeness: Vec<f64> = vec![0.0; profiles.len()];
    let mut largest: Vec<usize> = (0..profiles.len()).collect();
    largest.sort_by_key(|at| (std::cmp::Reverse(profiles[*at].size), profiles[*at].first));
    // One more, since a group is not held against itself.
    largest.truncate(LARGEST + 1);
    profiles
        .iter()
        .enumerate()
        .map(|(at, profile)| {
            let mut seen = Vec::new();
            for (value, share) in profile.findable() {
                let others = &holders[&value];
                if others.len() > TOO_COMMON {
                    continue;
                }
                // What is rare says much where it is shared.
                let with = peers.count(value.0, value.1).max(1);
                let weight = (peers.len() as f64 / with as f64).ln() + 1e-6;
                for (other, other_share) in others.iter().filter(|(other, _)| *other != at) {
                    if likeness[*other] == 0.0 {
                        seen.push(*other);
                    }
                    likeness[*other] += weight * share * other_share;
                }
            }
            let nearest = seen.iter().copied().max_by(|a, b| {
                likeness[*a]
                    .total_cmp(&likeness[*b])
                    .then_with(|| profiles[*a].size.cmp(&profiles[*b].size))
                    .then_with(|| profiles[*b].first.cmp(&profiles[*a].first))
            });
            for other in seen {
                likeness[other] = 0.0;
            }
            nearest.or_else(|| most_alike(profiles, at, &largest)).map(|cluster| Neighbour {
                cluster,
                separating: separating(table, profile, &profiles[cluster]),
            })
        })
        .collect()
}

/// The most alike of the largest groups; of those as alike, the larger one.
fn most_alike(profiles: &[Profile], at: usize, largest: &[usize]) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for other in largest.iter().copied().filter(|other| *other != at) {
        let spreads = profiles[at].spreads.iter().zip(&profiles[other].spreads);
        let apart: f64 = spreads
            .map(|(ours, theirs)| distance(ours, profiles[at].size, theirs, profiles[other].size))
            .sum();
        if best.is_none_or(|(least, _)| apart < least) {
            best = Some((apart, other));
        }
    }
    best.map(|(_, other)| other)
}

/// How far apart (0 to 1) two groups are in an attribute; all values that are not frequent count as one.
fn distance(ours: &Spread, size: usize, theirs: &Spread, other_size: usize) -> f64 {
    let share = |frequent: &[(u32, usize)], code: u32, size: usize| {
        frequent
            .iter()
            .find(|(other, _)| *other == code)
            .map_or(0.0, |(_, count)| *count as f64 / size as f64)
    };
    let (mut common, mut rest, mut other_rest) = (0.0, 1.0, 1.0);
    for (code, count) in &ours.frequent {
        let here = *count as f64 / size as f64;
        rest -= here;
        common += here.min(share(&theirs.frequent, *code, other_size));
    }
    for (_, count) in &theirs.frequent {
        other_rest -= *count as f64 / other_size as f64;
    }
    1.0 - common - rest.min(other_rest)
}

fn separating(table: &Table, here: &Profile, there: &Profile) -> Option<Separating> {
    let (mut best, mut most) = (None, LEAST_APART);
    for (ours, theirs) in here.spreads.iter().zip(&there.spreads) {
        let apart = f64::midpoint(
            one_sided(&ours.frequent, here.size, &theirs.frequent, there.size),
            one_sided(&theirs.frequent, there.size, &ours.frequent, here.size),
        );
        // Of attributes that tell apart about as well, the one that people can act on.
        let apart = apart
            + match ours.attribute {
                Attribute::Note => -0.3,
                attribute if attribute.is_locus() => 0.05,
                _ => 0.0,
            };
        if apart > most {
            most = apart;
            best = Some(Separating {
                attribute: ours.attribute,
                here: held(table, ours, here.size),
                there: held(table, theirs, there.size),
            });
        }
    }
    best.or_else(|| farthest(table, here, there))
}

/// The attribute in which two groups differ most, however little that is, among those that read differently.
fn farthest(table: &Table, here: &Profile, there: &Profile) -> Option<Separating> {
    let mut best: Option<(f64, Separating)> = None;
    for (ours, theirs) in here.spreads.iter().zip(&there.spreads) {
        let separating = Separating {
            attribute: ours.attribute,
            here: held(table, ours, here.size),
            there: held(table, theirs, there.size),
        };
        let is_wording = matches!(ours.attribute, Attribute::Note | Attribute::Phrase);
        // Wordings have names that tell people nothing: they come last.
        let apart = distance(ours, here.size, theirs, there.size) - if is_wording { 1.0 } else { 0.0 };
        if separating.here != separating.there && best.as_ref().is_none_or(|(most, _)| apart > *most) {
            best = Some((apart, separating));
        }
    }
    best.map(|(_, separating)| separating)
}

fn held(table: &Table, spread: &Spread, size: usize) -> Held {
    match spread.frequent.first() {
        Some((0, count)) if *count as f64 >= SHARED * size as f64 => Held::Nothing,
        Some((code, count)) if *count as f64 >= SHARED * size as f64 => {
            Held::Value(table.item(spread.attribute, *code).value)
        }
        _ => Held::Varying(spread.values),
    }
}

/// How much the most frequent value of one group is of that group only; a missing value says less.
fn one_sided(frequent: &[(u32, usize)], size: usize, others: &[(u32, usize)], other_size: usize) -> f64 {
    let Some((code, count)) = frequent.first() else { return 0.0 };
    let share = *count as f64 / size as f64;
    if share < SHARED {
        return 0.0;
    }
    let elsewhere = others.iter().find(|(other, _)| other == code).map_or(0, |(_, count)| *count);
    let apart = share - elsewhere as f64 / other_size as f64;
    if *code == 0 { apart / 2.0 } else { apart }
}
