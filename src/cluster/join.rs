//! Joins the groups of one cause: linfa's DBSCAN over groups, one point each.
//!
//! One cause may be found as several groups: under two codes, with two wordings, in two states, as the NDCs of
//! a family. Two groups are near where what they agree in outweighs what they differ in, both in nats: they
//! agree by how rare the values are that both have, and differ by how far their distributions of each
//! attribute lie apart (Jensen-Shannon divergence as a share of its largest value), weighted by how seldom one
//! cause shows in two values of that attribute. What differs only because its parent differs counts once, and
//! of codes and wordings the larger difference counts for less: something must have split the cause in two.
//! Symptoms agree in all causes of one kind, so together they count no more than naming a kind does.
//!
//! The reach grows over a few rounds: what is nearest joins first, and is judged again as a whole. A single
//! round with the full reach would chain groups that have little in common.
//!
//! A group weighs as many points as it has disputes, and has at least the smallest number that makes a core point:
//! density excludes no group here, and what linfa's DBSCAN finds are the chains of groups that are near each
//! other. Nor does it exclude a wording in the notes, where each prototype has the two rows that make a core point:
//! what too few rows have is left out before, by their number alone.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{
    Params,
    attribute::Attribute,
    cover::members,
    density::{self, Space},
    partition::{Context, PLACE, Partition},
    profile::{Profile, Scratch},
    rates::Rates,
    ratio::Names,
};

/// Rounds of growing reach.
const ROUNDS: u32 = 3;
/// What a full difference of weight 1 tells against one cause, in nats.
const DIFFERENCE: f64 = 4.0;
/// Agreement that proves nothing, in nats, among up to [`FEW`] groups. Among more, some pairs agree by chance:
/// it grows with the logarithm of their number, as far as that: what agrees so much is no chance.
const DOUBT: f64 = 0.5;
const FEW: f64 = 50.0;
const CHANCE: f64 = 0.9;
const MOST_DOUBT: f64 = 2.8;
/// Most that symptoms together tell for one cause, in nats: there are some 45 kinds of cause.
const SYMPTOMS: f64 = 3.5;
/// Part of the largest difference of codes and wordings that does not count.
const FORGIVEN: f64 = 0.6;
/// How much less two weeks tell that follow each other: a cause lasts for some.
const NEXT_WEEK: f64 = 0.5;
/// How much more two quarters tell that do not follow each other.
const FAR_APART: f64 = 1.75;
/// Share of the members that must have a value for it to find neighbours, and its largest chance.
const TELLING: (f64, f64) = (0.3, 0.3);
/// How much more two payers, pharmacies or entities tell where each is that of all members of one group: a cause that
/// touches several mostly has some of each in its parts.
const EXCLUSIVE: f64 = 2.0;
/// Weighted difference beside a ratio, delivery system, quarter or pharmacy from which a group is parted by it.
const PARTED: f64 = 0.7;
/// How far the packages under two constant ratios may lie apart for these to be two errors, since one error multiplies by the
/// size of the package, and the wordings under two delivery systems for these to be one.
const ALIKE: f64 = 0.4;
/// Difference from which two delivery systems or two ratios tell two causes apart whatever else they share: an
/// exclusion that is missing and a claim mark that is missing, a wrong unit and a shifted decimal.
const EXCLUDED: f64 = 0.8;
/// Share of the members that must have a value of an attribute for it to say anything.
const FILLED: f64 = 0.3;

/// How much two values of an attribute tell against one common cause.
fn weight(attribute: Attribute) -> f64 {
    match attribute {
        Attribute::Phrase => 0.1,
        Attribute::UnitType => 0.3,
        Attribute::Package | Attribute::CoveredEntity | Attribute::ServiceWeek => 0.4,
        Attribute::Product => 0.6,
        Attribute::ReasonCodes | Attribute::Note | Attribute::Payer | Attribute::OpenedWeek => 0.7,
        Attribute::Labeler | Attribute::Period | Attribute::SharedClaim => 0.8,
        Attribute::State | Attribute::Family => 0.9,
        Attribute::Amount => 1.0,
        Attribute::Pharmacy => 1.5,
        Attribute::ParentEntity => 1.4,
        Attribute::DeliverySystem | Attribute::UnitsRatio | Attribute::AmountRatio => 2.0,
    }
}

/// Parents before children.
const ORDER: [Attribute; Attribute::COUNT] = [
    Attribute::State,
    Attribute::DeliverySystem,
    Attribute::Labeler,
    Attribute::Period,
    Attribute::ReasonCodes,
    Attribute::Note,
    Attribute::Phrase,
    Attribute::Amount,
    Attribute::UnitType,
    Attribute::UnitsRatio,
    Attribute::AmountRatio,
    Attribute::SharedClaim,
    Attribute::OpenedWeek,
    Attribute::Family,
    Attribute::ParentEntity,
    Attribute::Payer,
    Attribute::Pharmacy,
    Attribute::ServiceWeek,
    Attribute::Product,
    Attribute::CoveredEntity,
    Attribute::Package,
];

/// What a group may be parted by.
const PARTING: [Attribute; 5] = [
    Attribute::UnitsRatio,
    Attribute::AmountRatio,
    Attribute::DeliverySystem,
    Attribute::Period,
    Attribute::Pharmacy,
];

/// Joins groups; `labels` of joined ones become equal.
pub(super) fn join(partition: &Partition<'_>, labels: &mut [u32], params: &Params, rates: &Rates) {
    let free_rows = labels.iter().filter(|label| **label == super::rates::FREE).count() as f64;
    let mut groups = members(labels);
    let mut shapes: Vec<Shape> = shapes(partition, rates, &groups);
    for round in 1..=ROUNDS {
        let reach = params.reach * f64::from(round) / f64::from(ROUNDS);
        let near = neighbours(partition, &shapes, reach, free_rows);
        if near.is_empty() {
            continue;
        }
        let weights: Vec<usize> = groups.iter().map(Vec::len).collect();
        let found = density::dbscan(Near::new(groups.len(), &near), &weights, reach, params.min_group);
        let mut place_of: FxHashMap<usize, usize> = FxHashMap::default();
        let mut joined: Vec<Vec<usize>> = Vec::new();
        for (group, label) in found.into_iter().enumerate() {
            // A group that is near no other stands for itself: it was significant on its own.
            if let Some(place) = label.and_then(|label| place_of.get(&label).copied()) {
                joined[place].push(group);
            } else {
                if let Some(label) = label {
                    place_of.insert(label, joined.len());
                }
                joined.push(vec![group]);
            }
        }
        let changed: Vec<bool> = joined.iter().map(|parts| parts.len() > 1).collect();
        let mut kept: Vec<Option<Shape>> = shapes.into_iter().map(Some).collect();
        groups = joined
            .iter()
            .map(|parts| {
                let mut rows: Vec<u32> =
                    parts.iter().flat_map(|part| groups[*part].iter().copied()).collect();
                rows.sort_unstable();
                rows
            })
            .collect();
        let anew: Vec<Vec<u32>> = groups
            .iter()
            .zip(&changed)
            .filter(|(_, changed)| **changed)
            .map(|(rows, _)| rows.clone())
            .collect();
        let mut anew = self::shapes(partition, rates, &anew).into_iter();
        shapes = joined
            .iter()
            .zip(&changed)
            .filter_map(|(parts, changed)| if *changed { anew.next() } else { kept[parts[0]].take() })
            .collect();
    }
    for (label, rows) in groups.iter().enumerate() {
        for row in rows {
            labels[*row as usize] = label as u32;
        }
    }
}

/// Parts groups that hold two causes: rows with one constant ratio and rows of the same packages with another one, and
/// rows with one delivery system, ratio, quarter or pharmacy that differ from the rows with another one in more than that.
/// Two causes of one product under one code grow from one seed.
pub(super) fn part(partition: &Partition<'_>, labels: &mut [u32], params: &Params, rates: &Rates) {
    let groups = members(labels);
    let parts: Vec<Vec<Vec<u32>>> = groups
        .par_iter()
        .map(|rows| {
            PARTING
                .into_iter()
                .find_map(|attribute| parts(partition, rates, rows, attribute, params))
                .unwrap_or_default()
        })
        .collect();
    for (label, rows) in groups.iter().enumerate() {
        for row in rows {
            labels[*row as usize] = label as u32;
        }
    }
    for (label, rows) in (groups.len() as u32..).zip(parts.into_iter().flatten()) {
        for row in rows {
            labels[row as usize] = label;
        }
    }
}

/// The rows that leave a group, by value of one attribute; the value with most rows stays.
fn parts(
    partition: &Partition<'_>,
    rates: &Rates,
    rows: &[u32],
    attribute: Attribute,
    params: &Params,
) -> Option<Vec<Vec<u32>>> {
    let column = &partition.columns[attribute.index()];
    let least = params.min_group.max(rows.len() / 8);
    let mut valued: Vec<(u32, u32)> =
        rows.iter().map(|row| (column[*row as usize], *row)).filter(|(code, _)| *code != 0).collect();
    if valued.len() < 2 * least {
        return None;
    }
    valued.sort_unstable();
    let mut parts: Vec<Vec<u32>> = valued
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|run| run.len() >= least)
        .map(|run| run.iter().map(|(_, row)| *row).collect())
        .collect();
    if parts.len() < 2 {
        return None;
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let shapes = shapes(partition, rates, &parts);
    let (first, others) = shapes.split_first()?;
    let constant = |part: &[u32]| {
        let constants = partition.constants[attribute.index()];
        constants.get(column[part[0] as usize] as usize).copied().flatten()
    };
    let apart: Vec<bool> = others
        .iter()
        .zip(&parts[1..])
        .map(|(other, rows)| {
            let are_two = match (constant(&parts[0]), constant(rows)) {
                (Some(a), Some(b)) => {
                    Names::are_apart(a, b) && unlike(first, other, Attribute::Package) < ALIKE
                }
                _ => false,
            };
            are_two || differ_beside(partition, first, other, attribute) >= PARTED
        })
        .collect();
    let mut apart = apart.into_iter();
    let leaving: Vec<Vec<u32>> = parts.into_iter().skip(1).filter(|_| apart.next() == Some(true)).collect();
    (!leaving.is_empty()).then_some(leaving)
}

/// How far two groups' distributions of an attribute lie apart: the total variation, from 0 to 1.
fn unlike(a: &Shape, b: &Shape, attribute: Attribute) -> f64 {
    let at = attribute.index();
    let shared = a.values[at].iter().map(|(code, in_a)| {
        let (in_a, in_b) =
            (in_a / a.filled[at].max(1.0), count(&b.values[at], *code) / b.filled[at].max(1.0));
        in_a.min(in_b)
    });
    1.0 - shared.sum::<f64>()
}

/// What is compared of a group.
#[derive(Debug)]
struct Shape {
    rows: f64,
    /// By attribute: values of the members with their counts, by ascending code.
    values: Vec<Vec<(u32, f64)>>,
    /// By attribute: members with a value.
    filled: Vec<f64>,
    /// By attribute: values that the members have far more often than chance, with the chance.
    hits: Vec<Vec<(u32, f64)>>,
}

impl Shape {
    /// Values by which neighbours are found, with their attributes.
    fn telling(&self) -> impl Iterator<Item = (usize, u32)> {
        self.hits.iter().enumerate().flat_map(move |(attribute, hits)| {
            let least = TELLING.0 * self.filled[attribute];
            hits.iter()
                .filter(move |(code, chance)| {
                    *code != 0 && *chance < TELLING.1 && count(&self.values[attribute], *code) >= least
                })
                .map(move |(code, _)| (attribute, *code))
        })
    }
}

fn shapes(partition: &Partition<'_>, rates: &Rates, groups: &[Vec<u32>]) -> Vec<Shape> {
    groups
        .par_iter()
        .map_init(
            || Scratch::new(partition),
            |scratch, rows| {
                let mut hits = vec![Vec::new(); Attribute::COUNT];
                for side in Profile::of(partition, rates, rows, false, scratch).sides {
                    hits[side.attribute] = side.hits.iter().map(|hit| (hit.code, hit.chance)).collect();
                }
                let values: Vec<Vec<(u32, f64)>> = Attribute::ALL
                    .iter()
                    .map(|attribute| {
                        let column = &partition.columns[attribute.index()];
                        let mut codes: Vec<u32> = rows
                            .iter()
                            .map(|row| column[*row as usize])
                            .filter(|code| *code != 0 || attribute.means_something_when_absent())
                            .collect();
                        codes.sort_unstable();
                        codes.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64)).collect()
                    })
                    .collect();
                let filled =
                    values.iter().map(|values| values.iter().map(|(_, count)| count).sum()).collect();
                Shape { rows: rows.len() as f64, values, filled, hits }
            },
        )
        .collect()
}

/// Pairs of groups within reach.
fn neighbours(partition: &Partition<'_>, shapes: &[Shape], reach: f64, free_rows: f64) -> Vec<(u32, u32)> {
    let mut with: FxHashMap<(usize, u32), Vec<u32>> = FxHashMap::default();
    for (group, shape) in shapes.iter().enumerate() {
        for value in shape.telling() {
            with.entry(value).or_default().push(group as u32);
        }
    }
    let doubt = (DOUBT + CHANCE * (shapes.len() as f64 / FEW).ln().max(0.0)).min(MOST_DOUBT);
    let is_near = |a: &Shape, b: &Shape| {
        let (difference, agreement) = compare(partition, a, b);
        let needed = (free_rows.max(1.0) / (a.rows + b.rows)).ln().max(0.0) + 1.0;
        agreement >= needed && difference * DIFFERENCE <= reach * (agreement - doubt)
    };
    // Group by group: all pairs at once are millions where thousands of groups have one code.
    (0..shapes.len() as u32)
        .into_par_iter()
        .flat_map_iter(|group| {
            let shape = &shapes[group as usize];
            let mut others: Vec<u32> = Vec::new();
            for value in shape.telling() {
                let groups = &with[&value];
                others.extend_from_slice(&groups[groups.partition_point(|other| *other <= group)..]);
            }
            others.sort_unstable();
            others.dedup();
            others.retain(|other| is_near(shape, &shapes[*other as usize]));
            others.into_iter().map(move |other| (group, other))
        })
        .collect()
}

/// Weighted difference and agreement (nats) of two groups; infinite where they cannot be one cause.
fn compare(partition: &Partition<'_>, a: &Shape, b: &Shape) -> (f64, f64) {
    compare_beside(partition, a, b, None)
}

/// Weighted difference of two groups in all attributes but one.
fn differ_beside(partition: &Partition<'_>, a: &Shape, b: &Shape, beside: Attribute) -> f64 {
    compare_beside(partition, a, b, Some(beside)).0
}

fn compare_beside(partition: &Partition<'_>, a: &Shape, b: &Shape, beside: Option<Attribute>) -> (f64, f64) {
    let (mut difference, mut agreement, mut symptoms, mut worded) = (0.0, 0.0, 0.0, 0.0f64);
    let mut apart = [0.0f64; Attribute::COUNT];
    for attribute in ORDER {
        let at = attribute.index();
        if beside == Some(attribute) || a.hits[at].is_empty() && b.hits[at].is_empty() {
            continue;
        }
        let (in_a, in_b) = (a.filled[at], b.filled[at]);
        if in_a < FILLED * a.rows || in_b < FILLED * b.rows {
            continue;
        }
        let mut codes: Vec<u32> = a.hits[at].iter().chain(&b.hits[at]).map(|(code, _)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        let all = in_a + in_b;
        let term = |count: f64, of: f64, both: f64| {
            if count > 0.0 { count * (count / of / (both / all)).ln() } else { 0.0 }
        };
        let (mut divergence, mut rest_a, mut rest_b, mut classes) = (0.0, in_a, in_b, 1.0);
        for code in codes {
            let (with_a, with_b) = (count(&a.values[at], code), count(&b.values[at], code));
            divergence += term(with_a, in_a, with_a + with_b) + term(with_b, in_b, with_a + with_b);
            rest_a -= with_a;
            rest_b -= with_b;
            classes += 1.0;
            let chance = |hits: &[(u32, f64)]| {
                hits.binary_search_by_key(&code, |(code, _)| *code).ok().map(|place| hits[place].1)
            };
            if let (Some(chance_a), Some(chance_b)) = (chance(&a.hits[at]), chance(&b.hits[at])) {
                let shared = (with_a / in_a).min(with_b / in_b) * -chance_a.max(chance_b).ln();
                if attribute.is_symptom() && attribute != Attribute::Amount {
                    symptoms += shared;
                } else {
                    agreement += shared;
                }
            }
        }
        divergence += term(rest_a, in_a, rest_a + rest_b) + term(rest_b, in_b, rest_a + rest_b);
        let most = in_a * (all / in_a).ln() + in_b * (all / in_b).ln();
        // Two samples of one distribution diverge by half a nat for each class.
        let own = ((divergence - classes / 2.0) / most).clamp(0.0, 1.0);
        apart[at] = own;
        let are_two = || match attribute {
            // Each system has errors of its own, which are told in other words.
            Attribute::DeliverySystem => unlike(a, b, Attribute::Note) >= ALIKE,
            Attribute::UnitsRatio | Attribute::AmountRatio => true,
            _ => false,
        };
        if own >= EXCLUDED && are_two() {
            return (f64::INFINITY, 0.0);
        }
        let mut part = weight(attribute) * (own - above(partition, at, &apart)).max(0.0);
        if attribute == Attribute::Period && gap(&a.hits[at], &b.hits[at]) > 1 {
            part *= FAR_APART;
        }
        if attribute == Attribute::OpenedWeek && gap(&a.hits[at], &b.hits[at]) == 1 {
            part *= NEXT_WEEK;
        }
        let is_party = matches!(
            attribute,
            Attribute::Payer | Attribute::Pharmacy | Attribute::ParentEntity | Attribute::CoveredEntity
        );
        if is_party && are_exclusive(a, b, at) {
            part *= EXCLUSIVE;
        }
        difference += part;
        if matches!(attribute, Attribute::ReasonCodes | Attribute::Note | Attribute::Phrase) {
            worded = worded.max(part);
        }
    }
    // What was split by codes or wordings may be one cause; what was parted by something else is not.
    let forgiven = if beside.is_none() { FORGIVEN * worded } else { 0.0 };
    (difference - forgiven, agreement + f64::min(symptoms, SYMPTOMS))
}

/// Whether nearly all members of each of two groups have one value, but not the same one.
fn are_exclusive(a: &Shape, b: &Shape, at: usize) -> bool {
    let only = |shape: &Shape| {
        let mut values = shape.values[at].iter();
        values.find(|(_, count)| *count >= EXCLUDED * shape.filled[at]).map(|(code, _)| *code)
    };
    only(a).zip(only(b)).is_some_and(|(a, b)| a != b)
}

/// Quarters or weeks between the nearest ones of two lists, as far as they occur; 0 where one is empty.
fn gap(a: &[(u32, f64)], b: &[(u32, f64)]) -> u32 {
    a.iter().flat_map(|(a, _)| b.iter().map(|(b, _)| a.abs_diff(*b))).min().unwrap_or(0)
}

/// The largest difference among the ancestors of an attribute.
fn above(partition: &Partition<'_>, attribute: usize, apart: &[f64; Attribute::COUNT]) -> f64 {
    let (mut most, mut at) = (0.0f64, attribute);
    while let Context::Parent(parent) = partition.contexts[at] {
        if parent == PLACE {
            most = most.max(apart[Attribute::State.index()]).max(apart[Attribute::DeliverySystem.index()]);
        }
        if parent >= Attribute::COUNT {
            break;
        }
        most = most.max(apart[parent]);
        at = parent;
    }
    most
}

fn count(values: &[(u32, f64)], code: u32) -> f64 {
    values.binary_search_by_key(&code, |(code, _)| *code).map_or(0.0, |place| values[place].1)
}

/// Groups with the lists of who is near whom.
#[derive(Debug)]
struct Near(Vec<Vec<usize>>);

impl Near {
    fn new(groups: usize, pairs: &[(u32, u32)]) -> Self {
        let mut near: Vec<Vec<usize>> = (0..groups).map(|group| vec![group]).collect();
        for (a, b) in pairs {
            near[*a as usize].push(*b as usize);
            near[*b as usize].push(*a as usize);
        }
        for near in &mut near {
            near.sort_unstable();
        }
        Self(near)
    }
}

impl Space for Near {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn within(&self, point: usize, _reach: f64) -> Vec<usize> {
        self.0[point].clone()
    }
}
