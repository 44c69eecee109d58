//! The rule that stands for a group, learned from its members among the client's other open disputes.
//!
//! Separate and conquer: the conjunction that tells most members from everyone else is found by a narrow
//! beam search, its members are set aside, and the next one is sought among the rest. A conjunction is worth
//! the members that it finds less several times the strangers that it takes in, less a little for every value
//! that a reader must keep in mind; places weigh less than symptoms, so that of two rules that find the same
//! disputes the one that says where the fault lies is told. Strangers are dear at first; where that finds too
//! few of the members, a rule that is less strict is learned and kept if it fits better on the whole.

use std::{cmp::Ordering, collections::HashMap};

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
/// Fewest members that an alternative after the first must add, as a part of all: fewer are noise.
const FEWEST: f64 = 0.03;
/// Size up to which two members are no noise; above, three are the fewest.
const SMALL: usize = 12;
/// Conjunctions that are followed up at the same time.
const BEAM: usize = 6;
/// Rows with a value that are looked at to choose a way; where there are more, every n-th.
const SAMPLE: usize = 2048;
/// Fewest strangers of a sample that tell how many there are: below it they are counted.
const TELLING: usize = 24;

/// The open disputes of one client and program, with the rows of every value: made once for all its groups.
#[derive(Debug)]
pub(super) struct Peers<'a> {
    table: &'a Table,
    rows: Vec<u32>,
    postings: Vec<Postings>,
}

/// Rows ordered by the value of one attribute.
#[derive(Debug)]
struct Postings {
    attribute: Attribute,
    spans: HashMap<u32, (u32, u32)>,
    rows: Vec<u32>,
}

impl<'a> Peers<'a> {
    pub(super) fn new(table: &'a Table, rows: &[usize]) -> Self {
        let rows: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
        let postings = Attribute::ALL
            .into_iter()
            .filter(|attribute| attribute.is_shown())
            .map(|attribute| Postings::new(attribute, table.column(attribute), &rows))
            .collect();
        Self { table, rows, postings }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Rows that have a value, ascending.
    pub(super) fn with(&self, attribute: Attribute, code: u32) -> &[u32] {
        self.postings.iter().find(|postings| postings.attribute == attribute).map_or(&[], |p| p.with(code))
    }

    /// Number of different values among all peers.
    pub(super) fn values(&self, attribute: Attribute) -> usize {
        self.postings
            .iter()
            .find(|postings| postings.attribute == attribute)
            .map_or(0, |postings| postings.spans.len())
    }

    /// Rows that carry every item of a pattern, ascending.
    pub(super) fn matching(&self, pattern: &[Item]) -> Vec<u32> {
        let mut codes = Vec::new();
        for item in pattern {
            match code_of(self.table, item) {
                Some(code) => codes.push((item.attribute, code)),
                None => return Vec::new(),
            }
        }
        let Some((attribute, code)) = codes.iter().copied().min_by_key(|(a, c)| self.with(*a, *c).len())
        else {
            return self.rows.clone();
        };
        self.with(attribute, code)
            .iter()
            .copied()
            .filter(|row| codes.iter().all(|(a, c)| self.table.column(*a)[*row as usize] == *c))
            .collect()
    }
}

impl Postings {
    fn new(attribute: Attribute, column: &[u32], peers: &[u32]) -> Self {
        let mut rows: Vec<u32> = peers.iter().copied().filter(|row| column[*row as usize] != 0).collect();
        rows.sort_by_key(|row| (column[*row as usize], *row));
        let mut spans: HashMap<u32, (u32, u32)> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            spans.entry(column[*row as usize]).or_insert((at as u32, at as u32)).1 = at as u32 + 1;
        }
        Self { attribute, spans, rows }
    }

    fn with(&self, code: u32) -> &[u32] {
        self.spans.get(&code).map_or(&[], |(from, to)| &self.rows[*from as usize..*to as usize])
    }
}

/// The alternatives that stand for the member rows (ascending), the one that finds most first.
///
/// Empty only where no member has any value at all.
pub(super) fn learn(peers: &Peers<'_>, rows: &[usize]) -> Vec<Vec<Item>> {
    let members: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
    let mut best = (f64::MIN, Vec::new());
    for cost in COSTS_OF_A_STRANGER {
        let mut search = Search { peers, cost, left: members.clone(), members: &members, taken: Vec::new() };
        let alternatives = search.rule();
        let found = (members.len() - search.left.len()) as f64;
        let recall = found / members.len().max(1) as f64;
        let precision = found / (found + search.taken.len() as f64).max(1.0);
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

/// A value that may take part.
type Value = (Attribute, u32);

#[derive(Debug, Clone)]
struct Conjunction {
    values: Vec<Value>,
    /// Members not yet found that have them all.
    found: Vec<u32>,
    /// Others that have them all and are in no earlier alternative: every n-th of them, with n.
    strangers: Vec<u32>,
    every: usize,
}

impl Conjunction {
    fn strangers(&self) -> usize {
        self.strangers.len() * self.every
    }

    fn items(&self, table: &Table) -> Vec<Item> {
        let mut items: Vec<Item> = self.values.iter().map(|(a, code)| table.item(*a, *code)).collect();
        items.sort();
        items
    }
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
fn promise(found: usize, strangers: f64, left: usize) -> f64 {
    const RECALL: f64 = 0.5 * 0.5;
    (1.0 + RECALL) * found as f64 / (RECALL * left as f64 + found as f64 + strangers)
}

struct Search<'a> {
    peers: &'a Peers<'a>,
    /// Members that a stranger costs.
    cost: f64,
    /// Ascending.
    members: &'a [u32],
    /// Members not yet found, ascending.
    left: Vec<u32>,
    /// Strangers in the alternatives so far, ascending.
    taken: Vec<u32>,
}

impl Search<'_> {
    fn rule(&mut self) -> Vec<Vec<Item>> {
        let size = self.members.len() as f64;
        let fewest = if self.members.len() <= SMALL { 2 } else { 3 }.max((FEWEST * size).ceil() as usize);
        let mut alternatives = Vec::new();
        while alternatives.len() < MAX_ALTERNATIVES
            && self.left.len() as f64 > (1.0 - ENOUGH) * size
            && (alternatives.is_empty() || self.left.len() >= fewest)
        {
            let Some(best) = self.best(if alternatives.is_empty() { 1 } else { fewest }) else { break };
            if !alternatives.is_empty() && self.worth(&best) <= 0.0 {
                break;
            }
            self.set_aside(&best);
            alternatives.push(best.items(self.peers.table));
        }
        alternatives
    }

    /// What a conjunction is worth, in members.
    fn worth(&self, conjunction: &Conjunction) -> f64 {
        let burden: f64 = conjunction.values.iter().map(|(attribute, _)| burden(*attribute)).sum();
        conjunction.found.len() as f64
            - self.cost * conjunction.strangers() as f64
            - burden * self.members.len() as f64
    }

    fn set_aside(&mut self, conjunction: &Conjunction) {
        self.left.retain(|row| conjunction.found.binary_search(row).is_err());
        self.taken.extend(&conjunction.strangers);
        self.taken.sort_unstable();
    }

    fn has(&self, row: u32, (attribute, code): Value) -> bool {
        self.peers.table.column(attribute)[row as usize] == code
    }

    /// Values that enough of the members left share.
    fn candidates(&self, fewest: usize) -> Vec<Value> {
        let enough = (CANDIDATE * self.left.len() as f64).max(fewest as f64).max(1.0);
        let mut candidates = Vec::new();
        let mut codes: Vec<u32> = Vec::with_capacity(self.left.len());
        for postings in &self.peers.postings {
            let column = self.peers.table.column(postings.attribute);
            codes.clear();
            codes.extend(self.left.iter().map(|row| column[*row as usize]));
            codes.sort_unstable();
            candidates.extend(
                codes
                    .chunk_by(|a, b| a == b)
                    .filter(|same| same[0] != 0 && same.len() as f64 >= enough)
                    .map(|same| (postings.attribute, same[0])),
            );
        }
        candidates
    }

    /// Every n-th of the rows with a value that are neither members nor taken.
    fn strangers(&self, value: Value, every: usize) -> Vec<u32> {
        let rows = self.peers.with(value.0, value.1).iter().step_by(every).copied();
        without(without(rows, self.members), &self.taken).collect()
    }

    /// The conjunction worth most that finds at least so many of the members left.
    fn best(&self, fewest: usize) -> Option<Conjunction> {
        let candidates = self.candidates(fewest);
        let mut best: Option<Conjunction> = None;
        let mut beam = self.first(&candidates);
        for depth in 1..=MAX_ITEMS {
            for conjunction in &beam {
                let better = best.as_ref().is_none_or(|best| self.is_better(conjunction, best));
                if conjunction.found.len() >= fewest && better {
                    best = Some(conjunction.clone());
                }
            }
            if depth == MAX_ITEMS || beam.is_empty() {
                break;
            }
            beam = self.next(&beam, &candidates, fewest);
        }
        let exact = |best: Conjunction| if best.every > 1 { self.conjunction(best.values) } else { best };
        best.map(|best| self.pruned(exact(best)))
    }

    fn is_better(&self, one: &Conjunction, other: &Conjunction) -> bool {
        let (a, b) = (self.worth(one), self.worth(other));
        if a.max(b) > 0.0 {
            return a > b;
        }
        // Where nothing tells the members apart well, the best balance stands for them.
        let balance = |c: &Conjunction| {
            2.0 * c.found.len() as f64 / (self.left.len() + c.found.len() + c.strangers()) as f64
        };
        balance(one) > balance(other) + 1e-9
    }

    fn first(&self, candidates: &[Value]) -> Vec<Conjunction> {
        let mut ranked: Vec<(f64, Value)> = candidates
            .iter()
            .map(|value| {
                let found = self.left.iter().filter(|row| self.has(**row, *value)).count();
                let members = self.members.iter().filter(|row| self.has(**row, *value)).count();
                let taken = self.taken.iter().filter(|row| self.has(**row, *value)).count();
                let strangers = self.peers.with(value.0, value.1).len().saturating_sub(members + taken);
                (promise(found, strangers as f64, self.left.len()) - burden(value.0), *value)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        ranked
            .into_iter()
            .take(BEAM)
            .map(|(_, value)| {
                let every = self.peers.with(value.0, value.1).len().div_ceil(SAMPLE).max(1);
                let strangers = self.strangers(value, every);
                if every > 1 && strangers.len() < TELLING {
                    return self.conjunction(vec![value]);
                }
                Conjunction {
                    values: vec![value],
                    found: self.left.iter().copied().filter(|row| self.has(*row, value)).collect(),
                    strangers,
                    every,
                }
            })
            .collect()
    }

    fn next(&self, beam: &[Conjunction], candidates: &[Value], fewest: usize) -> Vec<Conjunction> {
        let mut ranked: Vec<(f64, Vec<Value>, usize)> = Vec::new();
        for (at, conjunction) in beam.iter().enumerate() {
            if conjunction.strangers.is_empty() {
                continue;
            }
            for value in candidates {
                if conjunction.values.iter().any(|(attribute, _)| *attribute == value.0) {
                    continue;
                }
                let found = conjunction.found.iter().filter(|row| self.has(**row, *value)).count();
                if found < fewest {
                    continue;
                }
                let strangers = conjunction.every
                    * conjunction.strangers.iter().filter(|row| self.has(**row, *value)).count();
                let mut values = conjunction.values.clone();
                values.push(*value);
                values.sort_unstable();
                let burden: f64 = values.iter().map(|(attribute, _)| burden(*attribute)).sum();
                let rank = promise(found, strangers as f64, self.left.len()) - burden;
                ranked.push((rank, values, at));
            }
        }
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)).then_with(|| a.2.cmp(&b.2)));
        ranked.dedup_by(|a, b| a.1 == b.1);
        ranked
            .into_iter()
            .take(BEAM)
            .map(|(_, values, at)| {
                let Conjunction { found, strangers, every, .. } = &beam[at];
                let all = |row: &u32| values.iter().all(|value| self.has(*row, *value));
                let found = found.iter().copied().filter(&all).collect();
                let strangers: Vec<u32> = strangers.iter().copied().filter(&all).collect();
                if *every > 1 && strangers.len() < TELLING {
                    self.conjunction(values)
                } else {
                    Conjunction { values, found, strangers, every: *every }
                }
            })
            .collect()
    }

    /// Without the values that add nothing.
    fn pruned(&self, mut conjunction: Conjunction) -> Conjunction {
        while conjunction.values.len() > 1 {
            let shorter = (0..conjunction.values.len())
                .map(|at| {
                    let mut values = conjunction.values.clone();
                    values.remove(at);
                    self.conjunction(values)
                })
                .filter(|shorter| self.is_better(shorter, &conjunction))
                .max_by(|a, b| self.worth(a).total_cmp(&self.worth(b)).then_with(|| b.values.cmp(&a.values)));
            match shorter {
                Some(shorter) => conjunction = shorter,
                None => break,
            }
        }
        conjunction
    }

    fn conjunction(&self, values: Vec<Value>) -> Conjunction {
        let all = |row: &u32| values.iter().all(|value| self.has(*row, *value));
        let rarest = values.iter().min_by_key(|(a, code)| self.peers.with(*a, *code).len());
        let strangers = rarest
            .map_or_else(Vec::new, |rarest| self.strangers(*rarest, 1).into_iter().filter(all).collect());
        let found = self.left.iter().copied().filter(all).collect();
        Conjunction { values, found, strangers, every: 1 }
    }
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

/// `rows` without those in `others`; both ascending.
fn without<'a>(rows: impl Iterator<Item = u32> + 'a, others: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
    let mut others = others.iter().copied().peekable();
    rows.filter(move |row| {
        while others.next_if(|other| other < row).is_some() {}
        others.peek() != Some(row)
    })
}
