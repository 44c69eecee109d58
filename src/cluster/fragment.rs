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

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::{
    Params, density,
    density::Profile,
    mine::{self, Codes, Limits, Partition, Pattern},
    table::Attribute,
};

/// Most residual passes; each pass that finds nothing ends the search earlier.
const MAX_PASSES: usize = 8;
/// A locus or symptom belongs to a fragment's profile where at least this share of its rows has it.
const PROFILE_SHARE: f64 = 0.3;
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
    let mut causes = merge(partition, &fragments, params);
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
    for _ in 0..MAX_PASSES {
        let rates = background(partition, &all, &remaining);
        let found = mine::patterns(partition, &remaining, &rates, limits);
        let before = fragments.len();
        take_greedily(found, limits, &mut covered, &mut fragments);
        if fragments.len() == before {
            break;
        }
        remaining.retain(|row| !covered[*row as usize]);
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

fn merge(partition: &Partition, fragments: &[Pattern], params: &Params) -> Vec<Cause> {
    let all: Vec<u32> = (0..partition.len() as u32).collect();
    let counts = partition.counts(&all);
    let mut features: HashMap<(usize, u32), u32> = HashMap::new();
    let profiles: Vec<Profile> =
        fragments.iter().map(|fragment| profile(partition, fragment, &counts, &mut features)).collect();
    let weights: Vec<usize> = fragments.iter().map(|fragment| fragment.rows.len()).collect();
    let labels = density::dbscan(profiles, &weights, params.reach, params.min_group);

    let mut joined: BTreeMap<usize, Vec<&Pattern>> = BTreeMap::new();
    for (position, label) in labels.iter().enumerate() {
        // Noise among fragments stands for itself: it was significant on its own.
        let key = label.map_or(fragments.len() + position, |label| label);
        joined.entry(key).or_default().push(&fragments[position]);
    }
    joined
        .into_values()
        .map(|mut parts| {
            parts.sort_by(|x, y| y.rows.len().cmp(&x.rows.len()).then_with(|| x.codes.cmp(&y.codes)));
            let mut rows: Vec<u32> = parts.iter().flat_map(|part| part.rows.iter().copied()).collect();
            rows.sort_unstable();
            Cause { rows, patterns: parts.iter().map(|part| part.codes.clone()).collect() }
        })
        .collect()
}

/// What a fragment is made of: each value that many of its rows share, weighted by that share and by how
/// rare the value is. Values that another one of the fragment determines (the labeler of its NDC) count
/// once.
fn profile(
    partition: &Partition,
    fragment: &Pattern,
    counts: &[Vec<u32>],
    features: &mut HashMap<(usize, u32), u32>,
) -> Profile {
    let rows = fragment.rows.len() as f64;
    let mut shared: Vec<(usize, u32, f64)> = Vec::new();
    for (column, values) in partition.columns.iter().enumerate() {
        let mut tally: BTreeMap<u32, u32> = BTreeMap::new();
        for row in &fragment.rows {
            *tally.entry(values[*row as usize]).or_default() += 1;
        }
        tally.remove(&0);
        for (code, count) in tally {
            let share = f64::from(count) / rows;
            if share >= PROFILE_SHARE {
                shared.push((column, code, share));
            }
        }
    }
    let implied = |column: usize| {
        let of = |attribute: Attribute| {
            shared.iter().any(|(other, _, share)| *other == attribute.index() && *share >= 0.8)
        };
        match Attribute::ALL[column] {
            Attribute::Labeler | Attribute::UnitType => of(Attribute::Product) || of(Attribute::Package),
            Attribute::Product => of(Attribute::Package),
            Attribute::State => of(Attribute::Pharmacy) || of(Attribute::Payer),
            _ => false,
        }
    };
    let total = partition.len() as f64;
    let mut terms = BTreeMap::new();
    let mut loci = BTreeSet::new();
    for (column, code, share) in &shared {
        let next = features.len() as u32;
        let feature = *features.entry((*column, *code)).or_insert(next);
        if Attribute::ALL[*column].is_locus() && *share >= LOCUS_SHARE {
            loci.insert(feature);
        }
        if !implied(*column) {
            let rarity = (total / f64::from(counts[*column][*code as usize].max(1))).ln().max(0.0);
            terms.insert(feature, share * rarity);
        }
    }
    // A fragment without any locus may only stand alone: give it one of its own.
    if loci.is_empty() {
        loci.insert(u32::MAX - features.len() as u32);
    }
    Profile::new(terms.into_iter().collect(), loci.into_iter().collect())
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
        let mut tally: HashMap<Vec<u32>, (u32, BTreeMap<u32, u32>, Vec<u32>)> = HashMap::new();
        for (row, owner) in owner.iter().enumerate() {
            let key: Vec<u32> = columns.iter().map(|c| partition.columns[*c as usize][row]).collect();
            if codes.contains(&key) {
                let (rows, owned, free) = tally.entry(key).or_default();
                *rows += 1;
                match owner {
                    Some(cause) => *owned.entry(*cause).or_default() += 1,
                    None => free.push(row as u32),
                }
            }
        }
        for (rows, owned, free) in tally.into_values() {
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
