//! Which row belongs to which cause on which day, for one plan.
//!
//! Any row can be drawn by its number alone, so no list of rows is ever held: the causes' sizes say which
//! cause a number belongs to, and a [`Reordering`] says where in the output the row stands.

use std::collections::BTreeMap;

use super::calendar::{Calendar, TODAY};
use super::catalog::Catalog;
use super::cause::{Cause, Taken};
use super::kinds::{Claims, Fix, Kind, Quantity, kinds};
use super::random::{Random, Reordering};
use super::record::{RESOLVED, Record};
use super::row::{Market, Streams, program_text};
use super::spoil::spoil;
use super::tangle;
use super::{CauseSummary, Plan, World};
use crate::dispute::Program;

/// Smallest size of a cause over all clients.
const SMALLEST: usize = 5;
/// Variants of each kind that background rows are drawn from: each has its own usual code.
const VARIANTS: usize = 4;

/// A plan worked out up to one day.
#[derive(Debug)]
pub(super) struct Simulation {
    plan: Plan,
    day: usize,
    pub(super) market: Market,
    pub(super) causes: Vec<Cause>,
    /// Number of the first row after each cause of the first day.
    ends: Vec<usize>,
    /// Number of the first new cause of each later day, and after them of the next one.
    new_from: Vec<usize>,
    background: Vec<Cause>,
    background_weights: Vec<u32>,
    order: Reordering,
}

/// A row before it is drawn.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Number over all days, from zero.
    number: usize,
    /// The cause, or none for background.
    pub(super) cause: Option<usize>,
    streams: Streams,
    /// The day it arrives, where that is after the first.
    arrived: Option<usize>,
    /// The day it is settled.
    pub(super) resolved: Option<usize>,
}

impl Simulation {
    pub(super) fn new(plan: &Plan, day: usize) -> Self {
        let mut plan = plan.clone();
        if plan.programs.is_empty() {
            plan.programs = Plan::all_programs();
        }
        let market =
            Market { catalog: Catalog::new(plan.seed, plan.clients, plan.rows), calendar: Calendar::new() };
        let mut random = Random::of(&[plan.seed, 0x6361_7573]);
        let in_causes = plan.rows - ((plan.rows as f64 * plan.noise.clamp(0.0, 1.0)) as usize).min(plan.rows);
        let count = plan.causes.min(in_causes / SMALLEST);
        let mut taken = Taken::default();
        let mut causes = settle_all(&plan, &market, count, &mut random, &mut taken);
        let mut sizes = heavy_tailed(causes.len(), in_causes, plan.rows, &mut random);
        large_ones_in_the_largest_program(&causes, &mut sizes);
        if plan.world == World::Tangled {
            tangle::tangle(&mut causes, &market, &mut random);
        }
        let (background, background_weights) = background(&plan, &mut random);
        if plan.world == World::Tangled {
            let weights: BTreeMap<Program, u32> = background.iter().zip(&background_weights).fold(
                BTreeMap::new(),
                |mut sum, (cause, weight)| {
                    *sum.entry(cause.program).or_default() += weight;
                    sum
                },
            );
            tangle::let_one_dominate(&causes, &mut sizes, &weights, plan.rows - in_causes, SMALLEST);
        }
        let mut end = 0;
        let ends = sizes
            .iter()
            .map(|size| {
                end += size;
                end
            })
            .collect();
        let order = Reordering::new(plan.rows, plan.seed);
        let new_from = vec![causes.len()];
        let mut simulation =
            Self { plan, day, market, causes, ends, new_from, background, background_weights, order };
        for _ in 0..day {
            let new = simulation.new_causes_a_day();
            let more = settle_all(&simulation.plan, &simulation.market, new, &mut random, &mut taken);
            simulation.causes.extend(more);
            simulation.new_from.push(simulation.causes.len());
        }
        simulation
    }

    /// Rows over all days so far, resolved ones too.
    pub(super) fn rows(&self) -> usize {
        self.plan.rows + self.day * self.added_a_day()
    }

    /// The row at a position of the output.
    pub(super) fn place(&self, position: usize) -> Place {
        let number;
        let (cause, streams, arrived) = if position < self.plan.rows {
            number = self.order.at(position);
            let cause = self.cause_of(number);
            (cause, self.streams(number, cause), None)
        } else {
            number = position;
            let (day, rest) = self.day_and_rest(position);
            let cause = self.cause_of_new(day, rest);
            (cause, self.streams(number, None), Some(TODAY + day))
        };
        let first_chance = arrived.map_or(1, |arrived| arrived - TODAY + 1);
        let settles = |day: &usize| {
            let mut chance = Random::of(&[self.plan.seed, 0x646f_6e65, number as u64, *day as u64]);
            chance.unit() < self.plan.churn
        };
        let resolved = (first_chance..=self.day).find(settles).map(|day| TODAY + day);
        Place { number, cause, streams, arrived, resolved }
    }

    /// The client of a row that has a cause.
    pub(super) fn client(&self, cause: usize, place: &Place) -> usize {
        self.market.client(&self.causes[cause], &place.streams)
    }

    pub(super) fn record(&self, position: usize, place: &Place) -> Record {
        let mut random = Random::of(&[self.plan.seed, 0x6e6f_6973, place.number as u64]);
        let id = format!("DSP-{:08}", position + 1);
        let near;
        let cause = if let Some(cause) = place.cause {
            &self.causes[cause]
        } else {
            let background = self.any_background(&mut random);
            if self.plan.world == World::Tangled && random.percent(15) && !self.ends.is_empty() {
                let neighbour = &self.causes[random.below(self.ends.len())];
                near = tangle::near_miss(background, neighbour, &mut random);
                &near
            } else {
                background
            }
        };
        let mut record = self.market.draw(cause, place.streams.clone(), place.arrived, id);
        if random.unit() < self.plan.dirty {
            spoil(&mut record, cause, &mut random);
        }
        if let Some(day) = place.resolved {
            RESOLVED.clone_into(&mut record.status);
            self.market.calendar.text(day).clone_into(&mut record.resolved_at);
        }
        record
    }

    /// A kind of background, in proportion.
    pub(super) fn any_background(&self, random: &mut Random) -> &Cause {
        &self.background[random.weighted(self.background_weights.iter().copied())]
    }

    pub(super) fn summaries(&self) -> Vec<CauseSummary> {
        self.causes
            .iter()
            .enumerate()
            .map(|(number, cause)| CauseSummary {
                label: label(number),
                kind: cause.kind.number,
                name: cause.kind.name,
                family: cause.kind.family.name(),
                program: program_text(cause.program),
            })
            .collect()
    }

    fn added_a_day(&self) -> usize {
        (self.plan.rows as f64 * self.plan.churn.clamp(0.0, 1.0)) as usize
    }

    fn new_causes_a_day(&self) -> usize {
        if self.plan.causes == 0 { 0 } else { (2 + self.plan.causes / 200).min(self.added_a_day() / 20) }
    }

    /// The day that a later row arrives on, from 1, and its number on that day.
    fn day_and_rest(&self, position: usize) -> (usize, usize) {
        let later = position - self.plan.rows;
        let (day, rest) = (1 + later / self.added_a_day(), later % self.added_a_day());
        let order = Reordering::new(self.added_a_day(), self.plan.seed.wrapping_add(day as u64));
        (day, order.at(rest))
    }

    fn cause_of(&self, number: usize) -> Option<usize> {
        let cause = self.ends.partition_point(|&end| end <= number);
        (cause < self.ends.len()).then_some(cause)
    }

    /// New rows: background in the same share, a few new causes, the rest for old causes by their size.
    fn cause_of_new(&self, day: usize, rest: usize) -> Option<usize> {
        let new_causes = self.new_from[day - 1]..self.new_from[day];
        if let Some(cause) = new_causes.into_iter().nth(rest / (2 * SMALLEST)) {
            return Some(cause);
        }
        let mut random = Random::of(&[self.plan.seed, 0x6e65_7721, day as u64, rest as u64]);
        self.cause_of(random.below(self.plan.rows))
    }

    fn streams(&self, number: usize, cause: Option<usize>) -> Streams {
        let seed = self.plan.seed;
        let paper = Random::of(&[seed, 0x7061_7065, number as u64]);
        let own = Random::of(&[seed, 0x636c_6169, number as u64]);
        let Some(cause) = cause else { return Streams { claim: own, paper, side: 0 } };
        let start = cause.checked_sub(1).map_or(0, |before| self.ends[before]);
        let (pair, side) = ((number - start) / 2, (number - start) % 2);
        let mut shared = Random::of(&[seed, 0x7061_6972, cause as u64, pair as u64]);
        // The partner of a claim is often not disputed.
        let is_pair = self.causes[cause].kind.claims != Claims::Single
            && self.causes[cause].kind.claims != Claims::Missing
            && shared.percent(50);
        Streams { claim: if is_pair { shared } else { own }, paper, side }
    }
}

/// `cause-017` for number 16.
pub(super) fn label(number: usize) -> String {
    format!("cause-{:03}", number + 1)
}

/// One program of a kind that the plan has, the first one most often.
fn any_program(plan: &Plan, kind: &Kind, random: &mut Random) -> Option<Program> {
    let planned = kind.programs.iter().map(|&(program, _)| program);
    let planned: Vec<Program> = planned.filter(|program| plan.programs.contains(program)).collect();
    planned.get(random.weighted((0..planned.len()).map(|place| if place == 0 { 4 } else { 2 }))).copied()
}

/// Causes that differ from each other and from all before. Each kind once, in any order, before the usual
/// kinds come again.
fn settle_all(
    plan: &Plan,
    market: &Market,
    count: usize,
    random: &mut Random,
    taken: &mut Taken,
) -> Vec<Cause> {
    let is_planned = |kind: &&Kind| kind.programs.iter().any(|(program, _)| plan.programs.contains(program));
    let every: Vec<&'static Kind> = kinds().filter(is_planned).collect();
    let mut each_once = every.clone();
    random.shuffle(&mut each_once);
    let mut waiting = if count >= every.len() { each_once } else { Vec::new() };
    let mut causes = Vec::new();
    // The market may have no value left for a kind; the bound ends the search in a market without any.
    for _ in 0..100 * (count + 1) {
        if causes.len() == count {
            break;
        }
        let kind = match waiting.pop() {
            Some(kind) => kind,
            None => every[random.weighted(every.iter().map(|kind| kind.volume))],
        };
        let settled = (0..40).find_map(|_| {
            let program = any_program(plan, kind, random)?;
            Cause::settle(kind, program, &market.catalog, &market.calendar, random, taken)
        });
        causes.extend(settled);
    }
    causes
}

/// Background rows look like rows of causes that carry a narrow attribute, with nothing fixed. Kinds that
/// only a state or a payer tells apart are left out: their background could not be told from their causes.
fn background(plan: &Plan, random: &mut Random) -> (Vec<Cause>, Vec<u32>) {
    let (mut causes, mut weights) = (Vec::new(), Vec::new());
    for kind in kinds().filter(|kind| kind.fixes.iter().any(|fix| Fix::is_narrow(*fix))) {
        for (place, &(program, _)) in kind.programs.iter().enumerate() {
            if !plan.programs.contains(&program) {
                continue;
            }
            for _ in 0..VARIANTS {
                causes.push(Cause::loose(kind, program, random));
                // A zero rate is a mistake of the price file, never an accident of one line.
                let usual = if place == 0 { 2 } else { 1 };
                weights.push(if kind.quantity == Quantity::ZeroRate { 0 } else { kind.volume * usual });
            }
        }
    }
    (causes, weights)
}

/// Sizes that add up to `total`, in proportion to 1/u: a few large ones, many of the smallest size. None is
/// above an eighth of all rows, where there are enough causes to take the rest.
fn heavy_tailed(count: usize, total: usize, rows: usize, random: &mut Random) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let mut shares: Vec<f64> = (0..count).map(|_| 1.0 / (random.unit() + 0.01 / count as f64)).collect();
    let spare = total - count * SMALLEST;
    let largest = (rows / 8).max(2 * total / count) as f64;
    // A few rounds are enough: what is cut from the largest goes to the others.
    for _ in 0..20 {
        let sum: f64 = shares.iter().sum();
        for share in &mut shares {
            *share = share.min(sum * largest / spare.max(1) as f64);
        }
    }
    let sum: f64 = shares.iter().sum();
    let mut sizes: Vec<usize> =
        shares.iter().map(|share| SMALLEST + (share / sum * spare as f64) as usize).collect();
    let missing = total - sizes.iter().sum::<usize>().min(total);
    for place in 0..missing {
        sizes[place % count] += 1;
    }
    sizes
}

/// Moves the largest sizes, one in ten, to the program with the most causes: elsewhere such a cause would
/// be nearly all that its program has.
fn large_ones_in_the_largest_program(causes: &[Cause], sizes: &mut [usize]) {
    let mut numbers: BTreeMap<Program, usize> = BTreeMap::new();
    for cause in causes {
        *numbers.entry(cause.program).or_default() += 1;
    }
    let Some((&program, _)) = numbers.iter().max_by_key(|(_, number)| **number) else { return };
    let mut by_size: Vec<usize> = (0..sizes.len()).collect();
    by_size.sort_by_key(|&place| std::cmp::Reverse(sizes[place]));
    let (large, small) = by_size.split_at(sizes.len().div_ceil(10));
    let takers = small.iter().filter(|&&place| causes[place].program == program);
    for (&from, &to) in large.iter().filter(|&&place| causes[place].program != program).zip(takers) {
        sizes.swap(from, to);
    }
}
