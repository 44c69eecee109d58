//! What the members of a group share, and how well a row fits it.
//!
//! A profile is a sparse model: for each attribute the values that the members have far more often than
//! chance (*hits*), and nothing where they have what anybody has. The score of a row is the logarithm of the
//! odds that it belongs to the group rather than to the background, the sum of one log ratio for each
//! attribute with hits and of the odds of the two in its client: the posterior of a mixture of sparse
//! products, of which [`super::cover`] finds the parts by classification EM (Celeux and Govaert 1992).
//!
//! A value's evidence is measured against the rows outside the group, in pairs as well: with its own rows in the background,
//! a cause that holds most of a value would find it ordinary. A member is scored as if it were not one.

use rustc_hash::FxHashMap;

use super::{
    attribute::Attribute,
    partition::{CLIENT, COLUMNS, Context, Partition},
    rates::{Own, Rates},
};

/// Smallest count of a hit against the expected one.
const HIT_LIFT: f64 = 1.3;
/// Smallest share of members left to all other values of an attribute with hits: typing errors and wrong
/// values happen, in what must be exact (a ratio, the delivery system) far less.
const ERRORS: f64 = 0.02;
const ERRORS_EXACT: f64 = 0.004;
/// The most that a missing value tells against a group, in nats.
const MISSING: f64 = 3.5;
/// The most that a missing note tells against a group, in nats: people leave notes out whatever the cause. The rows of a
/// seed tell nothing of that, where a wording is what they were found by.
const UNNOTED: f64 = 0.5;
/// More evidence that is needed without a locus or without a symptom, in nats.
const INCOMPLETE: f64 = 10.0;
/// Share of the members that must be at a place of the group, more often than chance has them there, for it to have one.
const PLACED: f64 = 0.5;
/// Share of the members whose symptoms must be other than usual, in a group of so many that is spread over its clients by
/// so much: where every client has its part of a place and nothing is odd there, it is a busy one.
const TOLD: f64 = 0.2;
const MANY: usize = 30;
/// A place with one in so many of all rows has more than its part.
const MOST: usize = 8;
const SPREAD: f64 = 0.5;
/// Part of a group's rows that counts in every client by its size, wherever they are.
const POOLED: f64 = 0.25;

/// Rows that are fetched together.
const FETCHED: usize = 128;

/// A value that the members share.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub(super) code: u32,
    /// Members that have it.
    pub(super) count: f64,
    /// Chance of it in a row without a cause, in its context.
    pub(super) chance: f64,
    /// Log ratio for others; for attributes in pairs the log share alone.
    pub(super) other: f32,
    /// What is added where the row has another parent value than the usual one.
    pub(super) elsewhere: f32,
    /// What is added for a member.
    member: f32,
    /// The most that a row with it can score on its attribute.
    pub(super) most: f32,
}

/// One attribute with hits.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) attribute: usize,
    /// By ascending code.
    pub(super) hits: Vec<Hit>,
    /// Log ratio of all other values, by parent value (0 without a parent).
    pub(super) misses: Vec<(u32, f32)>,
    /// Log ratio of a missing value.
    pub(super) missing: f32,
}

/// The model of one group.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) rows: usize,
    pub(super) sides: Vec<Side>,
    /// Log odds of group against background by client, for clients with members.
    odds: Vec<(u32, f32)>,
    /// The same per row of a client without members, in rows of the group.
    pooled: f64,
    /// How much of the members' distribution over the clients is that of all rows.
    spread: f64,
    /// Whether a reference tells how much goes on at a place.
    knows_places: bool,
    /// By attribute in pairs: pairs with what the members themselves are in the logarithm of their chance.
    own_pairs: Vec<Vec<(u32, f32)>>,
}

/// Counters that are reused from profile to profile, all zero between two.
#[derive(Debug)]
pub(super) struct Scratch {
    counts: Vec<Vec<u32>>,
    /// Codes that were counted.
    touched: Vec<Vec<u32>>,
    logs: Vec<Vec<f32>>,
    /// Members with each pair, by attribute in pairs.
    pairs: Vec<Vec<u32>>,
}

impl Scratch {
    pub(super) fn new(partition: &Partition<'_>) -> Self {
        Self {
            counts: partition.widths.iter().map(|width| vec![0; *width]).collect(),
            touched: vec![Vec::new(); Attribute::COUNT],
            logs: (0..Attribute::COUNT)
                .map(|attribute| match partition.contexts[attribute] {
                    Context::Pair(_) => vec![0.0; partition.widths[attribute]],
                    Context::Free | Context::Parent(_) => Vec::new(),
                })
                .collect(),
            pairs: partition.pairs.iter().map(|pairs| vec![0; pairs.values.len()]).collect(),
        }
    }

    fn count(&mut self, partition: &Partition<'_>, rates: &Rates, rows: &[u32]) {
        let Self { counts, touched, logs, .. } = self;
        for row in rows {
            let cells = partition.row(*row as usize);
            for (attribute, (counts, touched)) in counts.iter_mut().zip(touched.iter_mut()).enumerate() {
                let code = cells[attribute];
                let count = &mut counts[code as usize];
                if *count == 0 {
                    touched.push(code);
                }
                *count += 1;
                if let Some(log) = logs[attribute].get_mut(code as usize) {
                    *log += rates.pair_log(partition, attribute, *row as usize);
                }
            }
        }
    }

    /// Takes the rows, free ones that were counted, out of the chances of their own pairs: a value that hardly any other
    /// row has would else be usual wherever the cause is. Where two go together one by one (a code and its wording, an entity
    /// and its pharmacies, a client's quarter and the weeks in which it files), a pair of which most rows are here may be
    /// so by nature, and stays what it is.
    fn leave_out(&mut self, partition: &Partition<'_>, rates: &Rates, rows: &[u32]) -> Vec<Vec<(u32, f32)>> {
        let Self { counts, logs, pairs, .. } = self;
        let mut own_pairs = vec![Vec::new(); Attribute::COUNT];
        for (attribute, (known, members)) in partition.pairs.iter().zip(pairs).enumerate() {
            if known.values.is_empty() {
                continue;
            }
            let mut touched: Vec<u32> = Vec::new();
            for row in rows {
                let pair = known.of_row[*row as usize];
                let count = &mut members[pair as usize];
                if *count == 0 {
                    touched.push(pair);
                }
                *count += 1;
            }
            touched.sort_unstable();
            let by = |pair: u32| known.values[pair as usize].0;
            for same in touched.chunk_by(|a, b| by(*a) == by(*b)) {
                let with: u32 = same.iter().map(|pair| members[*pair as usize]).sum();
                let is_natural = !partition.is_paired_by_parties(attribute, by(same[0]));
                for pair in same {
                    let code = known.values[*pair as usize].1 as usize;
                    let count = f64::from(members[*pair as usize]);
                    if code == 0 || is_natural && count * 2.0 > rates.with_pair(attribute, *pair) {
                        continue;
                    }
                    let own = Own {
                        rows: rows.len() as f64,
                        with: f64::from(counts[attribute][code]),
                        with_parent: 0.0,
                        are_free: true,
                    };
                    let counted = (*pair, count);
                    let change = rates.pair_log_change(partition, attribute, counted, f64::from(with), own);
                    if change < 0.0 {
                        own_pairs[attribute].push((*pair, change));
                        logs[attribute][code] += count as f32 * change;
                    }
                }
            }
            for pair in touched {
                members[pair as usize] = 0;
            }
        }
        own_pairs
    }
}

impl Profile {
    /// Learns what `rows` share. `are_free`: they are part of the background that `rates` describe.
    pub(super) fn of(
        partition: &Partition<'_>,
        rates: &Rates,
        rows: &[u32],
        are_free: bool,
        scratch: &mut Scratch,
    ) -> Self {
        scratch.count(partition, rates, rows);
        let own_pairs = if are_free { scratch.leave_out(partition, rates, rows) } else { Vec::new() };
        let sides = (0..Attribute::COUNT)
            .filter_map(|attribute| side(partition, rates, rows.len(), are_free, attribute, scratch))
            .filter(|side| side.attribute != Attribute::UnitType.index())
            .collect();
        let mut clients: Vec<u32> = rows.iter().map(|row| partition.client(*row as usize) as u32).collect();
        clients.sort_unstable();
        // A cause that hits one client (of one product, say) promises nothing for the others.
        let spread: f64 = clients
            .chunk_by(|a, b| a == b)
            .map(|run| {
                let here = run.len() as f64 / rows.len() as f64;
                here.min(partition.rows_of_client[run[0] as usize] / partition.len() as f64)
            })
            .sum();
        let shared = POOLED * spread * spread;
        let pooled = rows.len() as f64 / partition.len() as f64 * shared;
        let odds = clients
            .chunk_by(|a, b| a == b)
            .map(|run| {
                let (client, own) = (run[0] as usize, run.len() as f64);
                let size = own * (1.0 - shared) + pooled * partition.rows_of_client[client];
                let free = rates.free_of_client[client] - if are_free { own } else { 0.0 };
                (run[0], (size / free.max(1.0)).ln() as f32)
            })
            .collect();
        let knows_places = rates.have_reference();
        Self { rows: rows.len(), sides, odds, pooled, spread, knows_places, own_pairs }
    }

    /// The most that any row can have of the odds of group against background.
    pub(super) fn best_odds(&self) -> f32 {
        self.odds.iter().map(|(_, odds)| *odds).fold(-20.0, f32::max)
    }

    /// Number of clients with members.
    pub(super) fn clients(&self) -> usize {
        self.odds.len()
    }

    /// Log odds of group against background for a row of a client.
    pub(super) fn odds(&self, partition: &Partition<'_>, rates: &Rates, client: u32) -> f32 {
        if let Ok(place) = self.odds.binary_search_by_key(&client, |(client, _)| *client) {
            return self.odds[place].1;
        }
        let client = client as usize;
        let size = (self.pooled * partition.rows_of_client[client]).max(0.05);
        (size / rates.free_of_client[client].max(1.0)).ln() as f32
    }

    /// Evidence less what naming the hits costs, in nats: each is chosen from many values.
    pub(super) fn net(&self, partition: &Partition<'_>, evidence: f64) -> f64 {
        let mut cost = 0.0;
        for side in &self.sides {
            for (place, hit) in side.hits.iter().enumerate() {
                let choice = partition.choices(side.attribute, hit.code).ln();
                cost += if place == 0 { 1.0 + choice } else { 0.5 * choice };
            }
        }
        let clients = (partition.rows_of_client.len() as f64 - 1.0).max(1.0);
        cost += 0.5 * clients.ln() * self.clients().min(4) as f64;
        evidence - cost - self.doubt(partition)
    }

    /// What tells against a group whose members share too little to be a cause, in nats.
    fn doubt(&self, partition: &Partition<'_>) -> f64 {
        let share = |attribute: Attribute| -> f64 {
            self.sides
                .iter()
                .filter(|side| side.attribute == attribute.index())
                .flat_map(|side| &side.hits)
                .filter(|hit| hit.code != 0)
                .map(|hit| hit.count / self.rows as f64)
                .sum()
        };
        let has = |wanted: &dyn Fn(Attribute) -> bool| {
            self.sides.iter().any(|side| wanted(Attribute::ALL[side.attribute]))
        };
        let is_odd = self.sides.iter().any(|side| {
            side.attribute == Attribute::UnitsRatio.index()
                && side.hits.iter().any(|hit| partition.odd_ratios[hit.code as usize])
        });
        // Symptoms without a place go together in all causes of one kind, unless they are peculiar.
        let is_peculiar = || {
            is_odd
                || share(Attribute::Amount) >= 0.5
                || share(Attribute::SharedClaim) >= 0.3
                || share(Attribute::Note) >= 0.5 && share(Attribute::ReasonCodes) < 0.5
        };
        // A few values that some members share are no place of the group.
        if self.beyond(Attribute::is_locus) < PLACED {
            return if is_peculiar() { INCOMPLETE } else { 4.0 * INCOMPLETE };
        }
        let may_be_busy = !self.knows_places
            && (MANY..partition.len() / MOST).contains(&self.rows)
            && self.clients() > 1
            && self.spread >= SPREAD;
        if may_be_busy && self.beyond(Attribute::is_symptom) < TOLD {
            return f64::INFINITY;
        }
        // A place without symptoms may only be a busy one, and a wide one surely is.
        if !has(&Attribute::is_symptom) {
            let is_narrow = has(&|attribute| {
                attribute.is_locus() && attribute != Attribute::State && attribute != Attribute::Labeler
            });
            return if is_narrow { INCOMPLETE } else { 4.0 * INCOMPLETE };
        }
        0.0
    }

    /// Share of the members whose value of the most telling of some attributes is one that they have more often than
    /// chance, beyond what chance gives them.
    fn beyond(&self, is_wanted: impl Fn(Attribute) -> bool) -> f64 {
        let beyond = |side: &Side| -> f64 {
            let known = side.hits.iter().filter(|hit| hit.code != 0);
            known.map(|hit| hit.count / self.rows as f64 - hit.chance).sum()
        };
        let wanted = self.sides.iter().filter(|side| is_wanted(Attribute::ALL[side.attribute]));
        wanted.map(beyond).fold(0.0, f64::max)
    }
}

impl Side {
    /// The most that a row can score on this attribute.
    pub(super) fn best(&self) -> f32 {
        self.hits.iter().map(|hit| hit.most).fold(0.0, f32::max)
    }

    /// What another value below a parent value scores; 0 where no hit is below it.
    pub(super) fn miss(&self, parent: u32) -> f32 {
        let place = self.misses.binary_search_by_key(&parent, |(parent, _)| *parent);
        place.map_or(0.0, |place| self.misses[place].1)
    }

    /// What a row scores that has none of the hits, nor their parent values.
    pub(super) fn without(&self, partition: &Partition<'_>) -> f32 {
        match partition.contexts[self.attribute] {
            Context::Parent(_) => 0.0,
            Context::Free | Context::Pair(_) => self.miss(0),
        }
    }

    /// The most that a row without a hit can score on this attribute.
    pub(super) fn best_without(&self, partition: &Partition<'_>) -> f32 {
        // Under another parent value the attribute says nothing.
        match partition.contexts[self.attribute] {
            Context::Parent(_) => 0.0,
            Context::Free | Context::Pair(_) => {
                self.misses.iter().map(|(_, miss)| *miss).fold(self.missing, f32::max)
            }
        }
    }
}

fn side(
    partition: &Partition<'_>,
    rates: &Rates,
    rows: usize,
    are_free: bool,
    attribute: usize,
    scratch: &mut Scratch,
) -> Option<Side> {
    let kind = Attribute::ALL[attribute];
    let context = partition.contexts[attribute];
    let (counts, logs) = (&mut scratch.counts[attribute], &mut scratch.logs[attribute]);
    let touched = &mut scratch.touched[attribute];
    touched.sort_unstable();
    let size = rows as f64;
    let zeros = f64::from(counts[0]);
    let says_absent = kind.means_something_when_absent();
    let present = if says_absent { size } else { size - zeros };
    let mut below: FxHashMap<u32, f64> = FxHashMap::default();
    if matches!(context, Context::Parent(_)) {
        for code in touched.iter().filter(|code| **code != 0) {
            *below.entry(partition.parent(attribute, *code)).or_default() +=
                f64::from(counts[*code as usize]);
        }
    }
    let mut hits: Vec<Hit> = Vec::new();
    let mut covered: Vec<(u32, f64, f64)> = Vec::new();
    for code in &*touched {
        let count = f64::from(counts[*code as usize]);
        if *code == 0 && !says_absent || count < 2.0 {
            continue;
        }
        let parent = if *code == 0 { 0 } else { partition.parent(attribute, *code) };
        let among = if matches!(context, Context::Parent(_)) {
            below.get(&parent).copied().unwrap_or(present)
        } else {
            present
        };
        let own = Own { rows: size, with: count, with_parent: among, are_free };
        let alone = rates.alone(partition, attribute, *code, own);
        let chance = match context {
            Context::Parent(_) => rates.below(partition, attribute, *code, own),
            Context::Free | Context::Pair(_) => alone,
        };
        // In pairs the expectation is that of the wordings that the rows with the value have.
        let expected = among
            * match context {
                Context::Pair(_) => f64::from(logs[*code as usize] / count as f32).exp(),
                Context::Free | Context::Parent(_) => chance,
            };
        if count < HIT_LIFT * expected {
            continue;
        }
        let evidence = count * (count / expected).ln() - (count - expected);
        // As much as choosing one of so many values costs.
        if evidence < partition.choices(attribute, *code).ln() {
            continue;
        }
        let share = |count: f64, among: f64| (count / (among + 1.0)).max(1e-6).ln();
        let (other, member) = (share(count, among), share((count - 1.0).max(0.3), among - 1.0));
        let (base, rarest) = match context {
            // What the members themselves are in the chance of a pair takes it no lower than the value alone.
            Context::Pair(_) => (0.0, chance.ln().min(rates.rarest_pair_log(attribute, *code))),
            Context::Free | Context::Parent(_) => (chance.ln(), 0.0),
        };
        let (elsewhere, member) = (chance.ln() - alone.ln(), member - other);
        hits.push(Hit {
            code: *code,
            count,
            chance,
            other: (other - base) as f32,
            elsewhere: elsewhere as f32,
            member: member as f32,
            most: (other - base - rarest + elsewhere.max(0.0) + member.max(0.0)) as f32,
        });
        match covered.iter_mut().find(|(known, ..)| *known == parent) {
            Some((_, rows, rate)) => {
                *rows += count;
                *rate += chance;
            }
            None => covered.push((parent, count, chance)),
        }
    }
    for code in touched.drain(..) {
        counts[code as usize] = 0;
        if let Some(log) = logs.get_mut(code as usize) {
            *log = 0.0;
        }
    }
    if hits.is_empty() {
        return None;
    }
    let errors = match kind {
        Attribute::UnitsRatio | Attribute::AmountRatio | Attribute::DeliverySystem => ERRORS_EXACT,
        _ => ERRORS,
    };
    let mut misses: Vec<(u32, f32)> = covered
        .into_iter()
        .map(|(parent, covered, rate)| {
            let among = if matches!(context, Context::Parent(_)) {
                below.get(&parent).copied().unwrap_or(present)
            } else {
                present
            };
            let rest = ((among - covered + 0.5) / (among + 1.0)).max(errors);
            (parent, (rest / (1.0 - rate).max(0.02)).ln().min(0.0) as f32)
        })
        .collect();
    misses.sort_unstable_by_key(|(parent, _)| *parent);
    // Whether a payer is named depends on the delivery system, which speaks for itself.
    let missing = if kind == Attribute::Payer {
        0.0
    } else {
        let chance = rates.alone(partition, attribute, 0, Own::NONE).max(1e-3);
        let most = match kind {
            Attribute::Note if are_free => 0.0,
            Attribute::Note => UNNOTED,
            _ => MISSING,
        };
        ((zeros + 0.5) / (size + 1.0) / chance).ln().clamp(-most, 0.0) as f32
    };
    Some(Side { attribute, hits, misses, missing })
}

/// Rows that are scored against a profile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidates<'a> {
    pub(super) rows: &'a [u32],
    /// The rows that the profile was learned from.
    pub(super) members: &'a [u32],
    /// Places of all sides of the profile: those that most rows fail at should come first.
    pub(super) order: &'a [usize],
}

/// Scores rows against one profile at a time.
#[derive(Debug)]
pub(super) struct Scorer {
    /// By attribute and code: place of the hit and one more, 0 for none.
    places: Vec<Vec<u32>>,
    /// By row: the last search that met it, and what it gains there.
    listed: Vec<(u32, f32)>,
    lists: u32,
    /// By row: the last profile that was learned from it.
    taught: Vec<u32>,
    lessons: u32,
    /// By attribute in pairs and pair: what the members themselves are in the logarithm of its chance.
    own_pairs: Vec<Vec<f32>>,
}

impl Scorer {
    pub(super) fn new(partition: &Partition<'_>) -> Self {
        Self {
            places: partition.widths[..Attribute::COUNT].iter().map(|width| vec![0; *width]).collect(),
            listed: vec![(0, 0.0); partition.len()],
            lists: 0,
            taught: vec![0; partition.len()],
            lessons: 0,
            own_pairs: partition.pairs.iter().map(|pairs| vec![0.0; pairs.values.len()]).collect(),
        }
    }

    /// The rows of `lists` whose gains, those of the lists that they are on, exceed `needed`, in the order of their first
    /// occurrence. Rows that are on `others` alone are not among them.
    pub(super) fn promising<'r>(
        &mut self,
        lists: impl Iterator<Item = (f32, &'r [u32])>,
        others: impl Iterator<Item = (f32, &'r [u32])>,
        needed: f32,
    ) -> Vec<u32> {
        self.lists += 1;
        let mut rows = Vec::new();
        for (gain, list) in lists {
            for row in list {
                let (lists, gains) = &mut self.listed[*row as usize];
                if *lists == self.lists {
                    *gains += gain;
                } else {
                    (*lists, *gains) = (self.lists, gain);
                    rows.push(*row);
                }
            }
        }
        for (gain, list) in others {
            for row in list {
                let (lists, gains) = &mut self.listed[*row as usize];
                if *lists == self.lists {
                    *gains += gain;
                }
            }
        }
        rows.retain(|row| self.listed[*row as usize].1 > needed);
        rows
    }

    /// Hands on the candidates that fit, each with its score: log odds (nats) of group against background, above
    /// zero.
    pub(super) fn scores(
        &mut self,
        partition: &Partition<'_>,
        rates: &Rates,
        profile: &Profile,
        Candidates { rows, members, order }: Candidates<'_>,
        mut take: impl FnMut(u32, f32),
    ) {
        self.lessons += 1;
        for row in members {
            self.taught[*row as usize] = self.lessons;
        }
        for side in &profile.sides {
            for (place, hit) in side.hits.iter().enumerate() {
                self.places[side.attribute][hit.code as usize] = place as u32 + 1;
            }
        }
        for (changes, known) in self.own_pairs.iter_mut().zip(&profile.own_pairs) {
            for (pair, change) in known {
                changes[*pair as usize] = *change;
            }
        }
        let mut sides: Vec<(f32, &Side)> =
            order.iter().map(|place| &profile.sides[*place]).map(|side| (side.best(), side)).collect();
        // By place: the most that a row can still gain from there on.
        let mut left = 0.0;
        for (best, _) in sides.iter_mut().rev() {
            left += *best;
            *best = left;
        }
        let odds: Vec<f32> = (0..partition.rows_of_client.len() as u32)
            .map(|client| profile.odds(partition, rates, client))
            .collect();
        // Fetched together, rows wait for memory once instead of one after the other.
        let mut fetched: Vec<(u32, [u32; COLUMNS])> = Vec::with_capacity(FETCHED);
        for rows in rows.chunks(FETCHED) {
            fetched.clear();
            fetched.extend(rows.iter().map(|row| (*row, *partition.row(*row as usize))));
            for (row, cells) in &fetched {
                let odds = odds[cells[CLIENT] as usize];
                if let Some(score) = self.score(partition, rates, &sides, odds, *row as usize, cells) {
                    take(*row, score);
                }
            }
        }
        for (changes, known) in self.own_pairs.iter_mut().zip(&profile.own_pairs) {
            for (pair, _) in known {
                changes[*pair as usize] = 0.0;
            }
        }
        for side in &profile.sides {
            for hit in &side.hits {
                self.places[side.attribute][hit.code as usize] = 0;
            }
        }
    }

    /// The score of a row, unless it is certain not to exceed zero.
    fn score(
        &self,
        partition: &Partition<'_>,
        rates: &Rates,
        sides: &[(f32, &Side)],
        odds: f32,
        row: usize,
        cells: &[u32; COLUMNS],
    ) -> Option<f32> {
        let mut score = odds;
        for (left, side) in sides {
            if score + left <= 0.0 {
                return None;
            }
            let attribute = side.attribute;
            let code = cells[attribute];
            if code == 0 && !Attribute::ALL[attribute].means_something_when_absent() {
                score += side.missing;
                continue;
            }
            let place = self.places[attribute][code as usize];
            if place == 0 {
                let parent = if code == 0 { 0 } else { partition.parent(attribute, code) };
                score += side.miss(parent);
                continue;
            }
            let hit = &side.hits[place as usize - 1];
            score += hit.other;
            if self.taught[row] == self.lessons {
                score += hit.member;
            }
            match partition.contexts[attribute] {
                Context::Pair(_) => {
                    let pair = partition.pairs[attribute].of_row[row];
                    score -=
                        rates.pair_log(partition, attribute, row) + self.own_pairs[attribute][pair as usize];
                }
                Context::Parent(parent) => {
                    if cells[parent] != partition.parents[attribute][code as usize] {
                        score += hit.elsewhere;
                    }
                }
                Context::Free => {}
            }
        }
        (score > 0.0).then_some(score)
    }
}
