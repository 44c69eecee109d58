//! The rule that stands for a group, learned from its members among the client's other open disputes.
//!
//! Separate and conquer: the conjunction that tells most members from everyone else is found by a narrow
//! beam search, its members are set aside, and the next one is sought among the rest. A conjunction is worth
//! the members that it finds less several times the strangers that it takes in, less a little for every value
//! that a reader must keep in mind; places weigh less than symptoms, so that of two rules that find the same
//! disputes the one that says where the fault lies is told. Strangers are dear at first; where that finds too
//! few of the members, a rule that is less strict is learned and kept if it fits better on the whole.
//!
//! Strangers are counted exactly: the peers of each frequent value are a bit set, so that a conjunction with one
//! more value costs a population count over the peers of one client.

use std::cmp::Ordering;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    attribute::{Attribute, Item},
    table::Table,
};

/// Most alternatives of a rule.
pub(super) const MAX_ALTERNATIVES: usize = 6;
/// Most values of an alternative.
const MAX_ITEMS: usize = 5;
/// Share of the members that a rule should find; what is left then is noise.
const ENOUGH: f64 = 0.97;
/// Precision and recall that are good enough.
const FITS: f64 = 0.95;
/// Members that a stranger in the rule costs, in one attempt after the other: a conjunction pays from a
/// precision of about 0.9, 0.75 and 0.6 on.
const COSTS_OF_A_STRANGER: [f64; 3] = [8.0, 3.0, 1.5];
/// Part of the members not yet found that must have a value for it to be looked at.
const CANDIDATE: f64 = 0.2;
/// Most values that are looked at, those of most members first: one bit each.
const MOST_CANDIDATES: usize = u128::BITS as usize;
/// Fewest members that an alternative after the first must add, as a part of all: fewer are noise.
const FEWEST: f64 = 0.03;
/// Size up to which two members are no noise; above, three are the fewest.
const SMALL: usize = 12;
/// Conjunctions that are followed up at the same time.
const BEAM: usize = 6;
/// One in so many peers must have a value for its peers to be a bit set: a list would be no shorter.
const DENSE: usize = 32;

/// The open disputes of one client and program, with those of every value: made once for all its groups.
#[derive(Debug)]
pub(super) struct Peers<'a> {
    table: &'a Table,
    /// Rows of the table, ascending. A peer is a place in this list.
    rows: Vec<u32>,
    columns: Vec<Column>,
}

/// One attribute of the peers.
#[derive(Debug)]
struct Column {
    attribute: Attribute,
    /// By peer.
    codes: Vec<u32>,
    values: FxHashMap<u32, Holders>,
    /// Ordered by their value.
    peers: Vec<u32>,
}

/// The peers with one value.
#[derive(Debug)]
struct Holders {
    from: u32,
    to: u32,
    /// The same as a bit set, where they are many.
    bits: Option<Box<[u64]>>,
}

/// A value that may take part: the place of its column and its code.
type Value = (usize, u32);

/// Some peers: few as a list, ascending; many as a bit set.
#[derive(Debug, Clone)]
enum Set {
    Few(Vec<u32>),
    Many(Box<[u64]>),
}

impl<'a> Peers<'a> {
    /// Of rows, ascending.
    pub(super) fn new(table: &'a Table, rows: &[usize]) -> Self {
        let rows: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
        let shown: Vec<Attribute> =
            Attribute::ALL.into_iter().filter(|attribute| attribute.is_shown()).collect();
        let columns = shown
            .into_par_iter()
            .map(|attribute| Column::new(attribute, table.column(attribute), &rows))
            .collect();
        Self { table, rows, columns }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many have a value.
    pub(super) fn count(&self, attribute: Attribute, code: u32) -> usize {
        self.column(attribute).map_or(0, |column| column.with(code).len())
    }

    /// Number of different values among all peers.
    pub(super) fn values(&self, attribute: Attribute) -> usize {
        self.column(attribute).map_or(0, |column| column.values.len())
    }

    /// Rows that carry every item of a pattern, ascending.
    pub(super) fn matching(&self, pattern: &[Item]) -> Vec<u32> {
        let mut values = Vec::new();
        for item in pattern {
            let place = self.columns.iter().position(|column| column.attribute == item.attribute);
            match place.zip(code_of(self.table, item)) {
                Some(value) => values.push(value),
                None => return Vec::new(),
            }
        }
        if values.is_empty() {
            return self.rows.clone();
        }
        self.with_all(values).peers().into_iter().map(|peer| self.rows[peer as usize]).collect()
    }

    fn column(&self, attribute: Attribute) -> Option<&Column> {
        self.columns.iter().find(|column| column.attribute == attribute)
    }

    fn with(&self, (column, code): Value) -> &[u32] {
        self.columns[column].with(code)
    }

    fn with_all(&self, mut values: Vec<Value>) -> Set {
        values.sort_unstable_by_key(|value| (self.with(*value).len(), *value));
        let Some((rarest, others)) = values.split_first() else { return Set::Few(Vec::new()) };
        others.iter().fold(self.set(*rarest), |set, value| self.narrowed(&set, *value))
    }

    fn set(&self, value: Value) -> Set {
        match self.columns[value.0].bits(value.1) {
            Some(bits) => Set::Many(bits.into()),
            None => Set::Few(self.with(value).to_vec()),
        }
    }

    /// The part of a set that has a value.
    fn narrowed(&self, set: &Set, value: Value) -> Set {
        let column = &self.columns[value.0];
        match (set, column.bits(value.1)) {
            (Set::Few(peers), _) => {
                let has = |peer: &u32| column.codes[*peer as usize] == value.1;
                Set::Few(peers.iter().copied().filter(has).collect())
            }
            (Set::Many(bits), Some(others)) => {
                let both: Box<[u64]> = bits.iter().zip(others).map(|(a, b)| a & b).collect();
                if ones(&both) * DENSE < self.len() {
                    return Set::Few(Set::Many(both).peers());
                }
                Set::Many(both)
            }
            (Set::Many(bits), None) => {
                Set::Few(column.with(value.1).iter().copied().filter(|peer| is_in(bits, *peer)).collect())
            }
        }
    }

    /// How many of a set have a value.
    fn count_in(&self, set: &Set, value: Value) -> usize {
        let column = &self.columns[value.0];
        match (set, column.bits(value.1)) {
            (Set::Few(peers), _) => {
                peers.iter().filter(|peer| column.codes[**peer as usize] == value.1).count()
            }
            (Set::Many(bits), Some(others)) => {
                bits.iter().zip(others).map(|(a, b)| (a & b).count_ones() as usize).sum()
            }
            (Set::Many(bits), None) => column.with(value.1).iter().filter(|peer| is_in(bits, **peer)).count(),
        }
    }
}

impl Column {
    fn new(attribute: Attribute, column: &[u32], rows: &[u32]) -> Self {
        let codes: Vec<u32> = rows.iter().map(|row| column[*row as usize]).collect();
        let mut sorted: Vec<(u32, u32)> =
            codes.iter().zip(0..).filter(|(code, _)| **code != 0).map(|(code, peer)| (*code, peer)).collect();
        sorted.sort_unstable();
        let mut values = FxHashMap::default();
        let mut from = 0;
        for same in sorted.chunk_by(|a, b| a.0 == b.0) {
            let bits = (same.len() * DENSE >= rows.len()).then(|| {
                let mut bits = vec![0u64; rows.len().div_ceil(64)].into_boxed_slice();
                for (_, peer) in same {
                    bits[*peer as usize / 64] |= 1 << (peer % 64);
                }
                bits
            });
            let to = from + same.len() as u32;
            values.insert(same[0].0, Holders { from, to, bits });
            from = to;
        }
        Self { attribute, codes, values, peers: sorted.into_iter().map(|(_, peer)| peer).collect() }
    }

    fn with(&self, code: u32) -> &[u32] {
        self.values.get(&code).map_or(&[], |holders| &self.peers[holders.from as usize..holders.to as usize])
    }

    fn bits(&self, code: u32) -> Option<&[u64]> {
        self.values.get(&code)?.bits.as_deref()
    }
}

impl Set {
    fn peers(self) -> Vec<u32> {
        let bits = match self {
            Self::Few(peers) => return peers,
            Self::Many(bits) => bits,
        };
        let mut peers = Vec::with_capacity(ones(&bits));
        for (word, first) in bits.iter().zip((0..).step_by(64)) {
            let mut word = *word;
            while word != 0 {
                peers.push(first + word.trailing_zeros());
                word &= word - 1;
            }
        }
        peers
    }
}

fn ones(bits: &[u64]) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}

fn is_in(bits: &[u64], peer: u32) -> bool {
    bits[peer as usize / 64] >> (peer % 64) & 1 == 1
}

/// The alternatives that stand for the member rows (ascending), the one that finds most first.
///
/// Empty only where no member has any value at all.
pub(super) fn learn(peers: &Peers<'_>, rows: &[usize]) -> Vec<Vec<Item>> {
    let members: Vec<u32> = rows
        .iter()
        .filter_map(|row| peers.rows.binary_search(&(*row as u32)).ok())
        .map(|at| at as u32)
        .collect();
    let mut best = (f64::MIN, Vec::new());
    for cost in COSTS_OF_A_STRANGER {
        let mut search = Search {
            peers,
            cost,
            members: members.len(),
            left: members.clone(),
            known: Vec::new(),
            taken: 0,
        };
        let alternatives = search.rule();
        let found = (members.len() - search.left.len()) as f64;
        let recall = found / members.len().max(1) as f64;
        let precision = found / (found + search.taken as f64).max(1.0);
        let fit = precision.min(FITS) + recall.min(FITS);
        if fit > best.0 + 1e-9 {
            best = (fit, alternatives);
        }
        if precision >= FITS && recall >= FITS {
            break;
        }
    }
    best.1
}

/// Which of the candidates a peer has, one bit each.
type Mask = u128;

#[derive(Debug, Clone)]
struct Conjunction {
    values: Mask,
    /// Members not yet found that have them all.
    found: Vec<Mask>,
    /// The same of members that were found and of strangers in earlier alternatives.
    known: Vec<Mask>,
    /// All peers that have them.
    all: Set,
    /// Those that are neither found nor known.
    strangers: usize,
}

/// How much of the members a value must gain to be worth telling.
fn burden(attribute: Attribute) -> f64 {
    match attribute {
        // General before special, and a place before how the fault shows; a wording has no words here.
        Attribute::Product => 0.010,
        Attribute::Note => 0.040,
        Attribute::Labeler => 0.013,
        attribute if attribute.is_locus() => 0.011,
        attribute if attribute.is_symptom() => 0.015,
        _ => 0.018,
    }
}

/// How promising a conjunction is before it is done: an F-measure in which precision counts double.
fn promise(found: usize, strangers: usize, left: usize) -> f64 {
    const RECALL: f64 = 0.5 * 0.5;
    (1.0 + RECALL) * found as f64 / (RECALL * left as f64 + found as f64 + strangers as f64)
}

struct Search<'a> {
    peers: &'a Peers<'a>,
    /// Members that a stranger costs.
    cost: f64,
    members: usize,
    /// Members not yet found, ascending.
    left: Vec<u32>,
    /// Members that were found, and the strangers in the alternatives so far.
    known: Vec<u32>,
    /// How many of the known are strangers.
    taken: usize,
}

impl Search<'_> {
    fn rule(&mut self) -> Vec<Vec<Item>> {
        let size = self.members as f64;
        let fewest = if self.members <= SMALL { 2 } else { 3 }.max((FEWEST * size).ceil() as usize);
        let mut alternatives = Vec::new();
        while alternatives.len() < MAX_ALTERNATIVES
            && self.left.len() as f64 > (1.0 - ENOUGH) * size
            && (alternatives.is_empty() || self.left.len() >= fewest)
        {
            let step = Step::new(self, if alternatives.is_empty() { 1 } else { fewest });
            let Some(best) = step.best() else { break };
            if !alternatives.is_empty() && step.worth(&best) <= 0.0 {
                break;
            }
            let values = step.values(best.values);
            self.set_aside(&values, best.all);
            let item =
                |(column, code): &Value| self.peers.table.item(self.peers.columns[*column].attribute, *code);
            let mut items: Vec<Item> = values.iter().map(item).collect();
            items.sort();
            alternatives.push(items);
        }
        alternatives
    }

    fn set_aside(&mut self, values: &[Value], all: Set) {
        let has_all = |peer: &u32| {
            values.iter().all(|(column, code)| self.peers.columns[*column].codes[*peer as usize] == *code)
        };
        let (found, left): (Vec<u32>, Vec<u32>) = self.left.iter().copied().partition(has_all);
        self.left = left;
        self.known.extend(&found);
        self.known.sort_unstable();
        let mut strangers = all.peers();
        strangers.retain(|peer| self.known.binary_search(peer).is_err());
        self.taken += strangers.len();
        self.known.extend(strangers);
        self.known.sort_unstable();
    }
}

/// The search for the next alternative.
struct Step<'a> {
    peers: &'a Peers<'a>,
    cost: f64,
    members: usize,
    /// Fewest members left that the alternative must find.
    fewest: usize,
    /// Ascending; the place of a value is its bit.
    candidates: Vec<Value>,
    burdens: Vec<f64>,
    left: Vec<Mask>,
    known: Vec<Mask>,
}

impl<'a> Step<'a> {
    fn new(search: &Search<'a>, fewest: usize) -> Self {
        let peers = search.peers;
        let candidates = candidates(peers, &search.left, fewest);
        let masks = |of: &[u32]| -> Vec<Mask> {
            let mut masks = vec![0; of.len()];
            for (bit, (column, code)) in candidates.iter().enumerate() {
                let codes = &peers.columns[*column].codes;
                for (mask, peer) in masks.iter_mut().zip(of) {
                    *mask |= Mask::from(codes[*peer as usize] == *code) << bit;
                }
            }
            masks
        };
        Self {
            peers,
            cost: search.cost,
            members: search.members,
            fewest,
            burdens: candidates.iter().map(|(column, _)| burden(peers.columns[*column].attribute)).collect(),
            left: masks(&search.left),
            known: masks(&search.known),
            candidates,
        }
    }

    fn values(&self, mask: Mask) -> Vec<Value> {
        bits_of(mask).map(|bit| self.candidates[bit]).collect()
    }

    fn burden(&self, mask: Mask) -> f64 {
        bits_of(mask).map(|bit| self.burdens[bit]).sum()
    }

    /// What a conjunction is worth, in members.
    fn worth(&self, conjunction: &Conjunction) -> f64 {
        conjunction.found.len() as f64
            - self.cost * conjunction.strangers as f64
            - self.burden(conjunction.values) * self.members as f64
    }

    /// The conjunction worth most.
    fn best(&self) -> Option<Conjunction> {
        let mut best: Option<Conjunction> = None;
        let mut beam = self.first();
        for depth in 1..=MAX_ITEMS {
            for conjunction in &beam {
                let better = best.as_ref().is_none_or(|best| self.is_better(conjunction, best));
                if conjunction.found.len() >= self.fewest && better {
                    best = Some(conjunction.clone());
                }
            }
            if depth == MAX_ITEMS || beam.is_empty() {
                break;
            }
            beam = self.next(&beam);
        }
        best.map(|best| self.pruned(best))
    }

    fn is_better(&self, one: &Conjunction, other: &Conjunction) -> bool {
        let (a, b) = (self.worth(one), self.worth(other));
        if a.max(b) > 0.0 {
            return a > b;
        }
        // Where nothing tells the members apart well, the best balance stands for them.
        let balance = |c: &Conjunction| {
            2.0 * c.found.len() as f64 / (self.left.len() + c.found.len() + c.strangers) as f64
        };
        balance(one) > balance(other) + 1e-9
    }

    fn first(&self) -> Vec<Conjunction> {
        let mut ranked: Vec<(f64, usize)> = (0..self.candidates.len())
            .map(|bit| {
                let (found, known) = (having(&self.left, 1 << bit), having(&self.known, 1 << bit));
                let strangers = self.peers.with(self.candidates[bit]).len() - found - known;
                (promise(found, strangers, self.left.len()) - self.burdens[bit], bit)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        ranked.into_iter().take(BEAM).map(|(_, bit)| self.conjunction(1 << bit)).collect()
    }

    /// The conjunctions with one more value that promise most.
    fn next(&self, beam: &[Conjunction]) -> Vec<Conjunction> {
        struct Longer {
            /// What it promises without a stranger.
            most: f64,
            values: Mask,
            parent: usize,
            bit: usize,
            found: usize,
        }
        let mut seen: FxHashSet<Mask> = FxHashSet::default();
        let mut longer: Vec<Longer> = Vec::new();
        for (parent, conjunction) in beam.iter().enumerate().filter(|(_, c)| c.strangers > 0) {
            let columns: Vec<usize> = self.values(conjunction.values).iter().map(|value| value.0).collect();
            for (bit, (column, _)) in self.candidates.iter().enumerate() {
                let values = conjunction.values | 1 << bit;
                if columns.contains(column) || !seen.insert(values) {
                    continue;
                }
                let found = having(&conjunction.found, 1 << bit);
                if found >= self.fewest {
                    let most = promise(found, 0, self.left.len()) - self.burden(values);
                    longer.push(Longer { most, values, parent, bit, found });
                }
            }
        }
        longer.sort_by(|a, b| b.most.total_cmp(&a.most).then_with(|| a.values.cmp(&b.values)));
        // Strangers are counted only while a conjunction may still be among the best.
        let mut best: Vec<(f64, &Longer)> = Vec::new();
        for longer in &longer {
            if best.get(BEAM - 1).is_some_and(|(worst, _)| longer.most < *worst) {
                break;
            }
            let Conjunction { known, all, .. } = &beam[longer.parent];
            let with = self.peers.count_in(all, self.candidates[longer.bit]);
            let strangers = with - longer.found - having(known, 1 << longer.bit);
            let rank = promise(longer.found, strangers, self.left.len()) - self.burden(longer.values);
            best.push((rank, longer));
            best.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.values.cmp(&b.1.values)));
            best.truncate(BEAM);
        }
        best.into_iter().map(|(_, longer)| self.with(&beam[longer.parent], longer.bit)).collect()
    }

    fn with(&self, parent: &Conjunction, bit: usize) -> Conjunction {
        let narrowed = |masks: &[Mask]| masks.iter().copied().filter(|mask| mask >> bit & 1 == 1).collect();
        let (found, known): (Vec<Mask>, Vec<Mask>) = (narrowed(&parent.found), narrowed(&parent.known));
        let all = self.peers.narrowed(&parent.all, self.candidates[bit]);
        Conjunction {
            values: parent.values | 1 << bit,
            strangers: strangers(&all, &found, &known),
            found,
            known,
            all,
        }
    }

    /// Without the values that add nothing.
    fn pruned(&self, mut conjunction: Conjunction) -> Conjunction {
        while conjunction.values.count_ones() > 1 {
            let shorter = bits_of(conjunction.values)
                .map(|bit| self.conjunction(conjunction.values & !(1 << bit)))
                .filter(|shorter| self.is_better(shorter, &conjunction))
                .max_by(|a, b| self.worth(a).total_cmp(&self.worth(b)).then_with(|| b.values.cmp(&a.values)));
            match shorter {
                Some(shorter) => conjunction = shorter,
                None => break,
            }
        }
        conjunction
    }

    fn conjunction(&self, values: Mask) -> Conjunction {
        let narrowed =
            |masks: &[Mask]| masks.iter().copied().filter(|mask| mask & values == values).collect();
        let (found, known): (Vec<Mask>, Vec<Mask>) = (narrowed(&self.left), narrowed(&self.known));
        let all = self.peers.with_all(self.values(values));
        Conjunction { values, strangers: strangers(&all, &found, &known), found, known, all }
    }
}

/// Values that enough of the members left share.
fn candidates(peers: &Peers<'_>, left: &[u32], fewest: usize) -> Vec<Value> {
    let enough = (CANDIDATE * left.len() as f64).max(fewest as f64).max(1.0);
    let mut candidates: Vec<(usize, Value)> = Vec::new();
    let mut codes: Vec<u32> = Vec::with_capacity(left.len());
    for (place, column) in peers.columns.iter().enumerate() {
        codes.clear();
        codes.extend(left.iter().map(|peer| column.codes[*peer as usize]));
        codes.sort_unstable();
        candidates.extend(
            codes
                .chunk_by(|a, b| a == b)
                .filter(|same| same[0] != 0 && same.len() as f64 >= enough)
                .map(|same| (same.len(), (place, same[0]))),
        );
    }
    candidates.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    candidates.truncate(MOST_CANDIDATES);
    let mut candidates: Vec<Value> = candidates.into_iter().map(|(_, value)| value).collect();
    candidates.sort_unstable();
    candidates
}

fn strangers(all: &Set, found: &[Mask], known: &[Mask]) -> usize {
    let all = match all {
        Set::Few(peers) => peers.len(),
        Set::Many(bits) => ones(bits),
    };
    all - found.len() - known.len()
}

fn having(masks: &[Mask], values: Mask) -> usize {
    masks.iter().filter(|mask| *mask & values == values).count()
}

fn bits_of(mut mask: Mask) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize;
        mask &= mask.checked_sub(1)?;
        Some(bit)
    })
}

/// Code of an item's value; codes are in the order of the values' text.
fn code_of(table: &Table, item: &Item) -> Option<u32> {
    let (mut from, mut to) = (1, table.width(item.attribute) as u32);
    while from < to {
        let middle = from.midpoint(to);
        match table.item(item.attribute, middle).value.cmp(&item.value) {
            Ordering::Equal => return Some(middle),
            Ordering::Less => from = middle + 1,
            Ordering::Greater => to = middle,
        }
    }
    None
}
