//! From seeds to causes: grow, sweep, join, and again for what is left.
//!
//! * **Grow**: the rows of a seed teach a [`Profile`]; the rows that fit it better than the background teach it
//!   again, six times at most. What remains significant becomes a group.
//! * **Sweep** ([`super::contest`]): every row goes to the group that it fits best, or to the background
//!   (classification EM). A row with a typing error or a missing value is where the rest of it points.
//! * **Join**: [`super::join`] puts together the groups of one cause by linfa's DBSCAN.
//! * Small causes hidden behind large ones come out in later rounds, against the background of the rows that
//!   no group explains.

use std::{
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
};

use rayon::prelude::*;

use super::{
    Params,
    contest::Contest,
    join,
    partition::Partition,
    profile::{Candidates, Profile, Scorer, Scratch, Side},
    rates::{Counts, FREE, Population, Rates},
    seed::{self, Index, Seed},
};

/// Most rounds; one that finds nothing is the last.
const ROUNDS: usize = 3;
/// Share of all rows that a round must have grouped anew for another one to follow.
const WORTH_A_ROUND: f64 = 0.002;
/// Most lessons that a growing group takes: the half of a cause that is learned later is part of the background until then.
const LESSONS: usize = 6;
/// So many rows know from the first what they share; taught again, they would take in the rows of causes that have not
/// grown yet.
const MANY: usize = 300;
/// Where a seed is one in so many of all rows or more, its cause is much of the background, and it takes lessons for it
/// to be told from that.
const GIANT: usize = 20;
/// One row in so many may come or go for a growing group to be settled; sweeps look at each row again.
const SETTLED: usize = 50;
/// Evidence that is needed for each nat by which there are more rows than [`USUAL`]: the more there are, the more sets of
/// them look like a cause by chance.
const CHANCE: f64 = 2.4;
/// Rows of a program so small that `min_evidence` is enough; half of it always is needed.
const USUAL: f64 = 28.0;
/// How far below fitting a row may be that completes a client's part of a cause, in nats.
const NEAR: f32 = 1.0;
/// How far the evidence of a first lesson, or of the seed's own rows, may lie below what is needed for more to be worth it,
/// in nats.
const HOPELESS: f64 = 20.0;
/// Seeds that grow at the same time.
const BATCH: usize = 8;

/// The causes of a partition, over all clients: rows ascending, by first row. A row is in at most one.
pub(super) fn causes(
    partition: &Partition<'_>,
    params: &Params,
    reference: Option<&Counts>,
) -> Vec<Vec<u32>> {
    let least = params.min_evidence + CHANCE * (partition.len().max(1) as f64 / USUAL).ln();
    let params = &Params { min_evidence: least.max(params.min_evidence / 2.0), ..params.clone() };
    let mut labels = vec![FREE; partition.len()];
    let tools = Tools::new(partition);
    let population = Arc::new(Population::of(partition, reference));
    for round in 0..ROUNDS {
        let free: Vec<u32> =
            (0..partition.len() as u32).filter(|row| labels[*row as usize] == FREE).collect();
        if free.len() < params.min_group {
            break;
        }
        let rates = Rates::of(partition, &labels, &population);
        let index = Index::of(partition, &free);
        let seeds = seed::seeds(partition, &rates, &index, params.min_group, round > 0);
        let mut grower =
            Grower { partition, rates: &rates, index, free: free.clone(), params, tools: &tools };
        // The second round is always made: it alone looks at places.
        if grower.grow_all(seeds, &mut labels) == 0 && round > 0 {
            break;
        }
        let grown = free.iter().filter(|row| labels[**row as usize] != FREE).count();
        // The first groups contend for each other's rows; later ones only for what was left.
        let mut is_contended = vec![round == 0; partition.len()];
        for row in &free {
            is_contended[*row as usize] = true;
        }
        sweep(partition, &is_contended, &mut labels, params, &population, &tools);
        // Parting and joining free no row, so that the rates stay what they are.
        let rates = Rates::of(partition, &labels, &population);
        join::part(partition, &mut labels, params, &rates);
        join::join(partition, &mut labels, params, &rates);
        if (grown as f64) < WORTH_A_ROUND * partition.len() as f64 && round > 0 {
            break;
        }
    }
    sweep(partition, &vec![true; partition.len()], &mut labels, params, &population, &tools);
    let rates = Rates::of(partition, &labels, &population);
    complete(partition, &mut labels, params.min_group, &rates, &tools);
    members(&labels)
}

/// Rows of each label, without labels that no row has.
pub(super) fn members(labels: &[u32]) -> Vec<Vec<u32>> {
    let count = labels.iter().filter(|label| **label != FREE).max().map_or(0, |most| *most as usize + 1);
    let mut members = vec![Vec::new(); count];
    for (row, label) in labels.iter().enumerate() {
        if *label != FREE {
            members[*label as usize].push(row as u32);
        }
    }
    members.retain(|rows| !rows.is_empty());
    members
}

/// Counters and lists as large as the partition: made once for each thread and lent out.
struct Tools<'a> {
    partition: &'a Partition<'a>,
    spare: Mutex<Vec<(Scratch, Scorer)>>,
}

impl<'a> Tools<'a> {
    fn new(partition: &'a Partition<'a>) -> Self {
        Self { partition, spare: Mutex::new(Vec::new()) }
    }

    fn lend<T>(&self, work: impl FnOnce(&mut Scratch, &mut Scorer) -> T) -> T {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (mut scratch, mut scorer) =
            spare.unwrap_or_else(|| (Scratch::new(self.partition), Scorer::new(self.partition)));
        let answer = work(&mut scratch, &mut scorer);
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push((scratch, scorer));
        answer
    }
}

/// How many rows are in one of two ascending lists only.
fn differing(a: &[u32], b: &[u32]) -> usize {
    let (mut at, mut both) = (0, 0);
    for row in a {
        while b.get(at).is_some_and(|other| other < row) {
            at += 1;
        }
        both += usize::from(b.get(at) == Some(row));
    }
    a.len() + b.len() - 2 * both
}

/// Turns seeds into groups.
struct Grower<'a> {
    partition: &'a Partition<'a>,
    rates: &'a Rates,
    /// Index of the free rows.
    index: Index,
    /// The rows of the index.
    free: Vec<u32>,
    params: &'a Params,
    tools: &'a Tools<'a>,
}

impl Grower<'_> {
    /// Grows the seeds, those with most evidence first, and labels the rows of what is significant; returns how
    /// many groups that are. Several seeds grow at the same time where they have hardly a row in common, so
    /// that the answer is that of one after another.
    fn grow_all(&mut self, seeds: Vec<Seed>, labels: &mut [u32]) -> usize {
        let mut queue: BinaryHeap<Seed> = seeds.into();
        let mut next = labels.iter().filter(|label| **label != FREE).max().map_or(0, |most| most + 1);
        let began = next;
        let mut stamps = vec![0u32; labels.len()];
        let mut stamp = 0;
        let mut left = self.free.len();
        while !queue.is_empty() {
            if left * 4 < self.free.len() * 3 {
                self.free.retain(|row| labels[*row as usize] == FREE);
                self.index = Index::of(self.partition, &self.free);
            }
            stamp += 1;
            let mut batch: Vec<(Seed, Vec<u32>)> = Vec::new();
            let mut deferred: Vec<Seed> = Vec::new();
            while batch.len() < BATCH && deferred.len() < BATCH {
                let Some(mut seed) = queue.pop() else { break };
                let rows = self.rows_of(&seed, labels);
                if rows.len() < self.params.min_group {
                    continue;
                }
                if rows.len() < seed.rows as usize {
                    // What is left of the evidence, as if the rows that went had been of the same kind.
                    seed.evidence *= rows.len() as f64 / f64::from(seed.rows);
                    seed.rows = rows.len() as u32;
                    if seed.evidence < SMALLEST {
                        continue;
                    }
                    if queue.peek().is_some_and(|next| *next > seed) {
                        queue.push(seed);
                        continue;
                    }
                }
                if rows.iter().any(|row| stamps[*row as usize] == stamp) {
                    deferred.push(seed);
                    continue;
                }
                for row in &rows {
                    stamps[*row as usize] = stamp;
                }
                batch.push((seed, rows));
            }
            let grown: Vec<Option<Vec<u32>>> = batch
                .par_iter()
                .map(|(_, rows)| {
                    self.tools.lend(|scratch, scorer| self.grow(rows.clone(), labels, scratch, scorer))
                })
                .collect();
            for ((mut seed, _), rows) in batch.into_iter().zip(grown) {
                let Some(rows) = rows else { continue };
                if rows.iter().any(|row| labels[*row as usize] != FREE) {
                    // Another one of the batch took rows of it: it must grow without them.
                    seed.rows += 1;
                    deferred.push(seed);
                    continue;
                }
                left -= rows.len();
                for row in rows {
                    labels[row as usize] = next;
                }
                next += 1;
            }
            queue.extend(deferred);
        }
        (next - began) as usize
    }

    fn rows_of(&self, seed: &Seed, labels: &[u32]) -> Vec<u32> {
        let (first, second) = (seed.first, seed.second);
        let a = self.index.with(first.0 as usize, first.1);
        let b = self.index.with(second.0 as usize, second.1);
        let (rows, (attribute, code)) = if a.len() <= b.len() { (a, second) } else { (b, first) };
        let column = &self.partition.columns[attribute as usize];
        rows.iter()
            .copied()
            .filter(|row| column[*row as usize] == code && labels[*row as usize] == FREE)
            .collect()
    }

    /// Evidence of the rows that taught a profile, in nats. Nine of ten seeds are no cause, and their own rows show it before
    /// any other row is looked at.
    fn own_net(&self, profile: &Profile, rows: &[u32], scorer: &mut Scorer) -> f64 {
        let mut evidence = 0.0;
        let order: Vec<usize> = (0..profile.sides.len()).collect();
        let candidates = Candidates { rows, members: rows, order: &order };
        scorer.scores(self.partition, self.rates, profile, candidates, |_, score| {
            evidence += beyond_chance(score);
        });
        profile.net(self.partition, evidence)
    }

    fn grow(
        &self,
        mut rows: Vec<u32>,
        labels: &[u32],
        scratch: &mut Scratch,
        scorer: &mut Scorer,
    ) -> Option<Vec<u32>> {
        let mut net = f64::NEG_INFINITY;
        let is_large = rows.len() >= MANY && rows.len() * GIANT < self.partition.len();
        let lessons = if is_large { 1 } else { LESSONS };
        for lesson in 0..lessons {
            let profile = Profile::of(self.partition, self.rates, &rows, true, scratch);
            if lesson == 0 && self.own_net(&profile, &rows, scorer) < self.params.min_evidence - HOPELESS {
                return None;
            }
            let (candidates, order) =
                reachable(self.partition, &profile, &self.index, self.free.len(), scorer);
            let candidates = candidates.as_deref().unwrap_or(&self.free);
            let mut fitting = Vec::new();
            let mut evidence = 0.0;
            scorer.scores(
                self.partition,
                self.rates,
                &profile,
                Candidates { rows: candidates, members: &rows, order: &order },
                |row, score| {
                    if labels[row as usize] == FREE {
                        fitting.push(row);
                        evidence += beyond_chance(score);
                    }
                },
            );
            if fitting.len() < self.params.min_group {
                return None;
            }
            fitting.sort_unstable();
            net = profile.net(self.partition, evidence);
            let is_settled = differing(&rows, &fitting) <= fitting.len() / SETTLED;
            rows = fitting;
            if is_settled || net < self.params.min_evidence - HOPELESS {
                break;
            }
        }
        (net >= self.params.min_evidence).then_some(rows)
    }
}

/// A list of rows is read to rule candidates out where it is at most so many times as long as they are many: looking at a
/// candidate costs more than to count it on a list.
const READ: usize = 8;

/// What sums of the same scores in another order may differ by, in nats.
const ROUNDING: f32 = 1e-3;

/// Evidence (nats) below which what is left of a seed is not tried.
const SMALLEST: f64 = 3.0;

/// The rows that may score above zero, each once; none where that may be any row. And the order in which the sides
/// of the profile should be looked at: where most of these rows are expected to lose most.
///
/// Attributes are taken, those whose lack costs most score for fewest rows first, until a row without a hit in
/// any of them cannot reach zero with all others. Of the rows so found, those go that lack too much of the others. Rows found
/// by an attribute mostly have it, so it comes last.
fn reachable(
    partition: &Partition<'_>,
    profile: &Profile,
    index: &Index,
    most: usize,
    scorer: &mut Scorer,
) -> (Option<Vec<u32>>, Vec<usize>) {
    struct Choice {
        place: usize,
        loss: f32,
        rows: usize,
    }
    let mut choices: Vec<Choice> = profile
        .sides
        .iter()
        .enumerate()
        .map(|(place, side)| {
            let rows = side.hits.iter().map(|hit| index.with(side.attribute, hit.code).len()).sum();
            Choice { place, loss: side.best() - side.best_without(partition), rows }
        })
        .collect();
    choices.sort_unstable_by(|a, b| {
        let worth = |choice: &Choice| choice.loss / (choice.rows as f32 + 1.0);
        worth(b).total_cmp(&worth(a)).then(a.place.cmp(&b.place))
    });
    let mut left = profile.best_odds() + profile.sides.iter().map(Side::best).sum::<f32>();
    let (mut taken, mut rows) = (0, 0);
    for choice in &choices {
        if left <= 0.0 {
            break;
        }
        taken += 1;
        rows += choice.rows;
        left -= choice.loss;
    }
    let is_any = left > 0.0 || rows > 2 * most;
    let found = rows.min(most);
    let is_read = |choice: &Choice| choice.loss > 0.0 && choice.rows <= READ * found;
    left -= choices[taken..].iter().filter(|choice| is_read(choice)).map(|choice| choice.loss).sum::<f32>();
    let expected = |choice: &Choice| choice.loss * (1.0 - choice.rows as f32 / most.max(1) as f32);
    let (found_by, others) = choices.split_at_mut(if is_any { 0 } else { taken });
    others.sort_by(|a, b| expected(b).total_cmp(&expected(a)));
    let order = others.iter().chain(found_by.iter()).map(|choice| choice.place).collect();
    if is_any {
        return (None, order);
    }
    let lists = |choice: &Choice| {
        let side = &profile.sides[choice.place];
        let without = side.best_without(partition);
        side.hits.iter().map(move |hit| (hit.most - without, index.with(side.attribute, hit.code)))
    };
    let others = others.iter().filter(|choice| is_read(choice));
    let rows = scorer.promising(found_by.iter().flat_map(lists), others.flat_map(lists), -left - ROUNDING);
    (Some(rows), order)
}

/// What a row that fits a group tells for it, in nats: its log odds, less what a group of its size pays for expecting it.
/// Summed over the members this is the Poisson log-likelihood ratio `n ln(n / e) - (n - e)`, with the background rows
/// expected among them, `e`, as the sum of their odds for the background. The log odds alone would count rows that
/// barely fit in full.
fn beyond_chance(score: f32) -> f64 {
    f64::from(score) - 1.0 + f64::from(-score).exp()
}

/// Gives each contended row to the group it fits best; other rows stay or become free. A group that is no
/// longer significant gives its rows back.
fn sweep(
    partition: &Partition<'_>,
    is_contended: &[bool],
    labels: &mut [u32],
    params: &Params,
    population: &Arc<Population>,
    tools: &Tools<'_>,
) {
    let rates = Rates::of(partition, labels, population);
    let groups = members(labels);
    for (place, rows) in groups.iter().enumerate() {
        for row in rows {
            labels[*row as usize] = place as u32;
        }
    }
    let scored: Vec<Option<Scored>> = groups
        .par_iter()
        .map(|rows| tools.lend(|scratch, scorer| scored(partition, &rates, rows, params, scratch, scorer)))
        .collect();
    let mut own = vec![0.0f32; partition.len()];
    let mut profiles = Vec::with_capacity(scored.len());
    for group in scored {
        profiles.push(group.map(|Scored { profile, scores }| {
            for (row, score) in scores {
                own[row as usize] = score;
            }
            profile
        }));
    }
    let contest = Contest::new(partition, &rates, &profiles);
    labels.par_iter_mut().enumerate().with_min_len(1024).for_each_init(Vec::new, |scores, (row, label)| {
        let has_group = *label != FREE && profiles[*label as usize].is_some();
        let own = has_group.then(|| (*label, own[row]));
        *label = if is_contended[row] {
            contest.best(partition, &rates, row, own, 0.0, scores).1
        } else {
            own.filter(|(_, score)| *score > 0.0).map_or(FREE, |(label, _)| label)
        };
    });
}

/// A client's part of a cause that lacks one row to be a group takes the free row of the client that comes nearest to
/// fitting: one typing error would leave all of the part alone.
fn complete(
    partition: &Partition<'_>,
    labels: &mut [u32],
    min_group: usize,
    rates: &Rates,
    tools: &Tools<'_>,
) {
    let (groups, clients) = (members(labels), partition.rows_of_client.len());
    let mut parts = vec![0usize; groups.len() * clients];
    for (group, rows) in groups.iter().enumerate() {
        for row in rows {
            labels[*row as usize] = group as u32;
            parts[group * clients + partition.client(*row as usize)] += 1;
        }
    }
    let lacks_one = |group: usize, client: usize| parts[group * clients + client] + 1 == min_group;
    let profile = |(group, rows): (usize, &Vec<u32>)| {
        let is_asked = (0..clients).any(|client| lacks_one(group, client));
        is_asked.then(|| tools.lend(|scratch, _| Profile::of(partition, rates, rows, false, scratch)))
    };
    let profiles: Vec<Option<Profile>> = groups.par_iter().enumerate().map(profile).collect();
    let contest = Contest::new(partition, rates, &profiles);
    let free: Vec<u32> = (0..labels.len() as u32).filter(|row| labels[*row as usize] == FREE).collect();
    let mut nearest: Vec<(u32, usize, f32, u32)> = free
        .par_iter()
        .map_init(Vec::new, |scores, row| {
            let (score, group) = contest.best(partition, rates, *row as usize, None, -NEAR, scores);
            let client = partition.client(*row as usize);
            let is_asked = group != FREE && lacks_one(group as usize, client);
            is_asked.then_some((group, client, score, *row))
        })
        .flatten()
        .collect();
    nearest.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)).then(a.3.cmp(&b.3)));
    for of_part in nearest.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        // Nothing but their places tells equal rows apart.
        for (group, _, _, row) in of_part.iter().take_while(|one| one.2 >= of_part[0].2) {
            labels[*row as usize] = *group;
        }
    }
}

/// A group that is significant.
struct Scored {
    profile: Profile,
    /// Its members that fit it.
    scores: Vec<(u32, f32)>,
}

fn scored(
    partition: &Partition<'_>,
    rates: &Rates,
    rows: &[u32],
    params: &Params,
    scratch: &mut Scratch,
    scorer: &mut Scorer,
) -> Option<Scored> {
    if rows.len() < params.min_group {
        return None;
    }
    let profile = Profile::of(partition, rates, rows, false, scratch);
    let (mut scores, mut evidence) = (Vec::new(), 0.0);
    scorer.scores(
        partition,
        rates,
        &profile,
        Candidates { rows, members: rows, order: &(0..profile.sides.len()).collect::<Vec<usize>>() },
        |row, score| {
            scores.push((row, score));
            evidence += beyond_chance(score);
        },
    );
    (profile.net(partition, evidence) >= params.min_evidence).then_some(Scored { profile, scores })
}
