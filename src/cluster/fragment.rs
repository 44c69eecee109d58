//! From patterns to clusters: cover, merge, absorb.
//!
//! * **Cover**: each row goes to at most one pattern, most surprising first; what remains is mined again
//!   against the rates of the remainder until nothing significant is left. Small causes hidden behind large
//!   ones come out in these residual passes.
//! * **Merge**: the disputes of one pattern are a *fragment*. linfa's DBSCAN over the fragments, one point
//!   each, joins the several patterns of one cause; neighbours must share a locus, without which thousands
//!   of fragments chain into one.
//! * **Absorb**: rows with a typo or a missing value join the cluster that owns nearly all rows of a
//!   sub-pattern of it.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, btree_map::Entry};

use super::{
    Params, density,
    density::Space,
    mine::{self, Codes, Limits, Partition, Pattern},
    table::Attribute,
};

/// Most residual passes; each pass that finds nothing ends the search earlier.
const MAX_PASSES: usize = 8;
/// A locus that at least this share of the rows has can join two fragments.
const LOCUS_SHARE: f64 = 0.5;
/// Share of the rows with a sub-pattern that must belong to one cluster before it absorbs the others.
const OWNED_SHARE: f64 = 0.9;

/// A cluster of one partition, over all clients: rows (positions in the partition) and its patterns, most
/// rows first.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    pub(super) rows: Vec<u32>,
    pub(super) patterns: Vec<Codes>,
}

/// All causes of a partition; a row is in at most one.
pub(super) fn causes(partition: &Partition, params: &Params) -> Vec<Cause> {
    let fragments = cover(partition, params);
    let mut causes = merge(partition, fragments, params);
    absorb(partition, &mut causes);
    causes
}

fn cover(partition: &Partition, params: &Params) -> Vec<Pattern> {
    let all: Vec<u32> = (0..partition.len() as u32).collect();
    let limits = Limits {
        min_rows: params.min_group,
        min_surprise: params.min_surprise + 2.0 * (1.0 + partition.len() as f64 / 1000.0).ln(),
        min_lift: params.min_lift,
        max_size: params.max_pattern,
    };
    let mut covered = vec![false; partition.len()];
    let mut fragments = Vec::new();
    let mut remaining = all.clone();
    // Only when no locus explains anything more, symptoms alone may.
    for seeds in [mine::Seeds::WithLocus, mine::Seeds::Any] {
        for _ in 0..MAX_PASSES {
            let rates = background(partition, &all, &remaining);
            let found = mine::patterns(partition, &remaining, &rates, limits, seeds);
            let before = fragments.len();
            take_greedily(found, limits, &mut covered, &mut fragments);
            if fragments.len() == before {
                break;
            }
            remaining.retain(|row| !covered[*row as usize]);
        }
    }
    fragments
}

/// Rate of each value among the remaining rows, drawn a little towards the rate among all rows so that a
/// value seen only in explained rows keeps a rate.
fn background(partition: &Partition, all: &[u32], remaining: &[u32]) -> Vec<Vec<f64>> {
    const PRIOR: f64 = 50.0;
    let (whole, rest) = (partition.counts(all), partition.counts(remaining));
    let (rows, left) = (all.len() as f64, remaining.len() as f64);
    whole
        .iter()
        .zip(&rest)
        .map(|(whole, rest)| {
            whole
                .iter()
                .zip(rest)
                .map(|(w, r)| (f64::from(*r) + PRIOR * (f64::from(*w) / rows)) / (left + PRIOR))
                .map(|rate| rate.max(0.5 / rows))
                .collect()
        })
        .collect()
}

/// Accepts patterns in the order of the surprise they still have on rows that no other has taken.
fn take_greedily(found: Vec<Pattern>, limits: Limits, covered: &mut [bool], fragments: &mut Vec<Pattern>) {
    let mut queue: BinaryHeap<Candidate> = found.into_iter().map(Candidate).collect();
    while let Some(Candidate(mut pattern)) = queue.pop() {
        let before = pattern.rows.len();
        pattern.rows.retain(|row| !covered[*row as usize]);
        let observed = pattern.rows.len() as f64;
        if pattern.rows.len() < limits.min_rows || observed < limits.min_lift * pattern.expected {
            continue;
        }
        pattern.surprise = mine::surprise(observed, pattern.expected);
        if pattern.surprise < limits.min_surprise {
            continue;
        }
        if pattern.rows.len() < before && queue.peek().is_some_and(|next| next.0.surprise > pattern.surprise)
        {
            queue.push(Candidate(pattern));
            continue;
        }
        for row in &pattern.rows {
            covered[*row as usize] = true;
        }
        fragments.push(pattern);
    }
}

/// Orders patterns by surprise, then by their codes, for the greedy queue.
struct Candidate(Pattern);

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.surprise.total_cmp(&other.0.surprise).then_with(|| other.0.codes.cmp(&self.0.codes))
    }
}
impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Candidate {}

/// Rows and patterns that are one cause as far as is known.
struct Unit {
    rows: Vec<u32>,
    patterns: Vec<Pattern>,
}

/// Joins fragments in rounds of growing reach: what is nearest joins first, and a join is judged again by
/// all its rows. One round with the full reach would chain fragments that have little in common.
fn merge(partition: &Partition, fragments: Vec<Pattern>, params: &Params) -> Vec<Cause> {
    const ROUNDS: u32 = 4;
    let mut units: Vec<Unit> = fragments
        .into_iter()
        .map(|fragment| Unit { rows: fragment.rows.clone(), patterns: vec![fragment] })
        .collect();
    for round in 1..=ROUNDS {
        let reach = params.reach * f64::from(round) / f64::from(ROUNDS);
        let weights: Vec<usize> = units.iter().map(|unit| unit.rows.len()).collect();
        let labels = density::dbscan(Fragments::new(partition, &units), &weights, reach, params.min_group);
        let mut joined: BTreeMap<usize, Unit> = BTreeMap::new();
        let alone = units.len();
        for (position, (unit, label)) in units.into_iter().zip(labels).enumerate() {
            // Noise among fragments stands for itself: it was significant on its own.
            match joined.entry(label.map_or(alone + position, |label| label)) {
                Entry::Vacant(place) => drop(place.insert(unit)),
                Entry::Occupied(mut place) => {
                    place.get_mut().rows.extend(unit.rows);
                    place.get_mut().patterns.extend(unit.patterns);
                }
            }
        }
        units = joined.into_values().collect();
    }
    units
        .into_iter()
        .map(|Unit { mut rows, mut patterns }| {
            patterns.sort_by(|x, y| y.rows.len().cmp(&x.rows.len()).then_with(|| x.codes.cmp(&y.codes)));
            rows.sort_unstable();
            Cause { rows, patterns: patterns.into_iter().map(|pattern| pattern.codes).collect() }
        })
        .collect()
}

/// Fragments, near where what they agree in outweighs what they differ in.
///
/// Per attribute the values of two fragments overlap by some share. Agreement counts by how rare the shared
/// values are (an NDC more than a state); difference counts where *both* fragments insist on one value, by
/// how seldom one cause shows in two values of that attribute. An attribute that is mostly missing or
/// scattered in either says nothing. The distance is the part of the difference in the whole.
#[derive(Debug)]
struct Fragments {
    /// Per fragment and attribute: values by share, none where the attribute says nothing.
    shares: Vec<Vec<Option<Shares>>>,
    /// Per attribute and value: natural logarithm of how rare it is.
    rarity: Vec<Vec<f64>>,
    /// Fragments by locus.
    by_locus: HashMap<(usize, u32), Vec<u32>>,
}

/// Values of an attribute by their share, by ascending code.
type Shares = Vec<(u32, f64)>;

/// Share of a fragment's rows that must have a value of the attribute for it to say anything.
const FILLED: f64 = 0.3;
/// Difference that two fragments start with: agreeing in little more than a common labeler proves nothing.
const DOUBT: f64 = 0.5;
/// Share among the filled ones from which a fragment insists on a value.
const INSISTED: f64 = 0.6;

impl Fragments {
    fn new(partition: &Partition, units: &[Unit]) -> Self {
        let all: Vec<u32> = (0..partition.len() as u32).collect();
        let total = partition.len() as f64;
        let rarity = partition
            .counts(&all)
            .into_iter()
            .map(|counts| {
                // Code 0, the missing value, is counted as 0 rows; what is expected is not rare.
                let rarity = |count: u32| if count == 0 { 0.0 } else { (total / f64::from(count)).ln() };
                counts.into_iter().map(rarity).collect()
            })
            .collect();
        let mut by_locus: HashMap<(usize, u32), Vec<u32>> = HashMap::new();
        let mut shares = Vec::with_capacity(units.len());
        for (position, unit) in units.iter().enumerate() {
            let of: Vec<Option<Shares>> = Attribute::ALL
                .iter()
                .map(|attribute| insisted(*attribute, &partition.columns[attribute.index()], &unit.rows))
                .collect();
            for (column, values) in of.iter().enumerate() {
                for (code, share) in values.iter().flatten() {
                    if Attribute::ALL[column].is_locus() && *share >= LOCUS_SHARE {
                        by_locus.entry((column, *code)).or_default().push(position as u32);
                    }
                }
            }
            shares.push(of);
        }
        Self { shares, rarity, by_locus }
    }

    fn distance(&self, a: usize, b: usize) -> f64 {
        let (a, b) = (&self.shares[a], &self.shares[b]);
        let same = |attribute: Attribute| {
            let index = attribute.index();
            matches!((&a[index], &b[index]), (Some(x), Some(y)) if common(x, y).0 >= 0.5)
        };
        let (mut agreeing, mut differing) = (0.0, DOUBT);
        for attribute in Attribute::ALL {
            // What another attribute implies counts once.
            let implied = match attribute {
                Attribute::Labeler | Attribute::UnitType => {
                    same(Attribute::Product) || same(Attribute::Package)
                }
                Attribute::Product => same(Attribute::Package),
                Attribute::State => same(Attribute::Pharmacy) || same(Attribute::Payer),
                _ => false,
            };
            let index = attribute.index();
            let (Some(x), Some(y)) = (&a[index], &b[index]) else { continue };
            if implied {
                continue;
            }
            let (overlap, parts) = common(x, y);
            if excludes(attribute) && overlap < 0.1 {
                return 1.0;
            }
            let weight =
                parts.iter().map(|(code, part)| self.rarity[index][*code as usize] * part).sum::<f64>();
            agreeing += weight;
            differing += (1.0 - overlap) * separation(attribute);
        }
        differing / (agreeing + differing)
    }
}

impl Space for Fragments {
    fn len(&self) -> usize {
        self.shares.len()
    }

    fn within(&self, point: usize, reach: f64) -> Vec<usize> {
        let mut near: BTreeSet<usize> = BTreeSet::from([point]);
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        for (column, values) in self.shares[point].iter().enumerate() {
            for (code, _) in values.iter().flatten() {
                for other in self.by_locus.get(&(column, *code)).into_iter().flatten() {
                    let other = *other as usize;
                    if seen.insert(other) && self.distance(point, other) <= reach {
                        near.insert(other);
                    }
                }
            }
        }
        near.into_iter().collect()
    }
}

/// Attributes in which one cause has one value: fee for service or managed care (the hard pair of a missing
/// exclusion and a missing claim mark), and one ratio of units or amounts.
fn excludes(attribute: Attribute) -> bool {
    matches!(attribute, Attribute::DeliverySystem | Attribute::UnitsRatio | Attribute::AmountRatio)
}

/// How much two values of an attribute tell against one common cause. Codes and wordings vary within a
/// cause; entities and places hardly do.
fn separation(attribute: Attribute) -> f64 {
    match attribute {
        Attribute::ReasonCodes | Attribute::Note | Attribute::Period => 1.5,
        Attribute::DeliverySystem
        | Attribute::UnitsRatio
        | Attribute::AmountRatio
        | Attribute::CoveredEntity
        | Attribute::Pharmacy => 3.0,
        Attribute::Package
        | Attribute::Product
        | Attribute::Labeler
        | Attribute::State
        | Attribute::Payer
        | Attribute::UnitType => 2.0,
    }
}

/// Values of an attribute by share of the rows that have one; none where too few do, or where no few values
/// make up most of them. A ratio that is missing is the expected one, which is a value of its own.
fn insisted(attribute: Attribute, values: &[u32], rows: &[u32]) -> Option<Shares> {
    let mut tally: BTreeMap<u32, u32> = BTreeMap::new();
    for row in rows {
        *tally.entry(values[*row as usize]).or_default() += 1;
    }
    if !matches!(attribute, Attribute::UnitsRatio | Attribute::AmountRatio) {
        tally.remove(&0);
    }
    let filled: u32 = tally.values().sum();
    if f64::from(filled) < FILLED * rows.len() as f64 {
        return None;
    }
    let shares: Shares = tally
        .into_iter()
        .map(|(code, count)| (code, f64::from(count) / f64::from(filled)))
        .filter(|(_, share)| *share >= 0.1)
        .collect();
    shares.iter().any(|(_, share)| *share >= INSISTED).then_some(shares)
}

/// Common share of two value lists (sorted by code), and how it divides over the values.
fn common(a: &[(u32, f64)], b: &[(u32, f64)]) -> (f64, Shares) {
    let parts: Shares = a
        .iter()
        .filter_map(|(code, share)| {
            let place = b.binary_search_by_key(code, |(other, _)| *other).ok()?;
            Some((*code, share.min(b[place].1)))
        })
        .collect();
    (parts.iter().map(|(_, part)| part).sum(), parts)
}

/// Who has the rows of a sub-pattern: how many there are, how many each cause has, and which nobody has.
#[derive(Default)]
struct Holders {
    rows: u32,
    owned: BTreeMap<u32, u32>,
    free: Vec<u32>,
}

/// Gives each row outside every cause to the cause that owns nearly all rows of one of its sub-patterns.
fn absorb(partition: &Partition, causes: &mut [Cause]) {
    let mut owner: Vec<Option<u32>> = vec![None; partition.len()];
    for (index, cause) in causes.iter().enumerate() {
        for row in &cause.rows {
            owner[*row as usize] = Some(index as u32);
        }
    }
    // Sub-patterns: every pattern with one value left out, as long as a locus remains.
    let mut wanted: BTreeMap<Vec<u8>, BTreeSet<Vec<u32>>> = BTreeMap::new();
    for cause in causes.iter() {
        for pattern in &cause.patterns {
            for left_out in 0..pattern.len() {
                let rest: Vec<(u8, u32)> = pattern
                    .iter()
                    .enumerate()
                    .filter(|(position, _)| *position != left_out)
                    .map(|(_, code)| *code)
                    .collect();
                if rest.len() >= 2
                    && rest.iter().any(|(column, _)| Attribute::ALL[*column as usize].is_locus())
                {
                    let (columns, codes) = rest.into_iter().unzip();
                    wanted.entry(columns).or_default().insert(codes);
                }
            }
        }
    }
    let mut best: Vec<Option<(u32, u32)>> = vec![None; partition.len()];
    for (columns, codes) in wanted {
        let mut tally: HashMap<Vec<u32>, Holders> = HashMap::new();
        for (row, owner) in owner.iter().enumerate() {
            let key: Vec<u32> = columns.iter().map(|c| partition.columns[*c as usize][row]).collect();
            if codes.contains(&key) {
                let holders = tally.entry(key).or_default();
                holders.rows += 1;
                match owner {
                    Some(cause) => *holders.owned.entry(*cause).or_default() += 1,
                    None => holders.free.push(row as u32),
                }
            }
        }
        for Holders { rows, owned, free } in tally.into_values() {
            let Some((cause, most)) =
                owned.into_iter().max_by_key(|(cause, count)| (*count, u32::MAX - cause))
            else {
                continue;
            };
            if f64::from(most) >= OWNED_SHARE * f64::from(rows) {
                for row in free {
                    let claim = &mut best[row as usize];
                    if claim.is_none_or(|(count, other)| (most, u32::MAX - cause) > (count, u32::MAX - other))
                    {
                        *claim = Some((most, cause));
                    }
                }
            }
        }
    }
    for (row, claim) in best.into_iter().enumerate() {
        if let Some((_, cause)) = claim {
            causes[cause as usize].rows.push(row as u32);
        }
    }
    for cause in causes.iter_mut() {
        cause.rows.sort_unstable();
    }
}
