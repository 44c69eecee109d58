//! Three extracts of one invented quarter for a guided tour: two clients, about five thousand disputes,
//! forty causes, and what happens to them within a week.
//!
//! Every extract is complete, as a source system would export it: unresolved and resolved rows. Between the
//! first and the seventh day six causes are resolved, three in part, four appear, some grow, one splits and
//! two become one. The stories are returned with the ids of their disputes. Twelve rows of the first day
//! cannot be read; the later extracts hold the same rows corrected.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::calendar::TODAY;
use super::cause::Cause;
use super::kinds::kind;
use super::random::Random;
use super::record::{RESOLVED, Record};
use super::row::Streams;
use super::simulation::{Simulation, label};
use super::{Plan, SMALLEST_GROUP, World};
use crate::dispute::{DeliverySystem, Program};

/// Rows of the first day that are not part of the split or the merge.
const ORDINARY_ROWS: usize = 4_770;
/// Causes of the first day besides the split one and the two that merge.
const ORDINARY_CAUSES: usize = 37;
const SPLIT_ROWS: usize = 120;
const MERGE_ROWS: [usize; 2] = [60, 50];
/// Days from the first extract to the second.
const WEEK: usize = 6;

/// The extracts and what happens between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Demo {
    /// Monday, 9 November 2026.
    pub day1: Extract,
    /// Sunday, 15 November 2026.
    pub day7: Extract,
    /// Monday, 16 November 2026: day 7 and a few new members.
    pub day8: Extract,
    /// What happens to whom.
    pub stories: Stories,
}

/// All rows that the source has on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Extract {
    /// The day.
    pub date: Date,
    /// The rows, in the order of their ids.
    pub rows: Vec<Record>,
    /// Cause and client of each row, as in [`super::Sample::truth`].
    pub truth: Vec<Option<String>>,
}

/// What happens within the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stories {
    /// All disputes of these causes are resolved by day 7.
    pub resolved: Vec<Story>,
    /// Half of the disputes are resolved by day 7; `disputes` names those.
    pub partly_resolved: Vec<Story>,
    /// Causes that no dispute had on day 1; `disputes` are those of day 7.
    pub appeared: Vec<Story>,
    /// Causes with new disputes by day 7; `disputes` names the new ones.
    pub grown: Vec<Story>,
    /// New disputes on day 8.
    pub grown_on_day8: Vec<Story>,
    /// One cause of day 1; these of its disputes keep their pattern.
    pub split_stays: Story,
    /// The other half: recoded by day 7 after triage, with a cause of its own.
    pub split_leaves: Story,
    /// Larger cause of day 1: by day 7 the other one has all its attributes.
    pub merge_into: Story,
    /// Smaller cause of day 1: corrected by the source to be of the larger one.
    pub merge_from: Story,
    /// Rows of day 1 that cannot be read.
    pub unreadable: Vec<Unreadable>,
}

/// A cause and some of its disputes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The part of the truth label before the client.
    pub cause: String,
    /// Dispute ids, in order.
    pub disputes: Vec<String>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its id.
    pub dispute_id: String,
    /// The column to blame.
    pub column: &'static str,
    /// What stands there.
    pub value: &'static str,
}

/// The story of `seed`; another seed gives other disputes with the same turns.
pub fn demo(seed: u64) -> Demo {
    let plan = Plan {
        clients: 2,
        noise: 0.21,
        dirty: 0.01,
        programs: vec![Program::Mdrp, Program::P340b, Program::PartDMdp, Program::Mfp],
        ..Plan::new(World::Conjunctive, ORDINARY_ROWS, ORDINARY_CAUSES, seed)
    };
    // Two days of new causes: the four that appear.
    Tour::new(Simulation::new(&plan, 2), seed).run()
}

/// One dispute over all days.
struct Line {
    record: Record,
    cause: Option<usize>,
    /// What a line of the split or the merge was drawn from.
    streams: Option<Streams>,
}

struct Tour {
    simulation: Simulation,
    seed: u64,
    random: Random,
    /// In the order of their ids.
    lines: Vec<Line>,
    /// The causes of the split and the merge; they are numbered after those of the plan.
    special: [Cause; 4],
    drawn: u64,
}

const SPLIT_STAYS: usize = 0;
const SPLIT_LEAVES: usize = 1;
const MERGE_INTO: usize = 2;
const MERGE_FROM: usize = 3;

/// Column and value of the rows that cannot be read.
const UNREADABLE: [(&str, &str); 12] = [
    ("service_date", "02/30/2026"),
    ("ndc", "9800110001"),
    ("manufacturer", ""),
    ("amount_disputed", "12,34.5"),
    ("program", "medicare_z"),
    ("opened_at", "2026-11-31"),
    ("ndc", ""),
    ("units_invoiced", "thirty"),
    ("ndc", "9800210420"),
    ("amount_disputed", "n/a"),
    ("program", ""),
    ("due_at", "soon"),
];

impl Tour {
    fn new(simulation: Simulation, seed: u64) -> Self {
        let mut random = Random::of(&[seed, 0x6465_6d6f]);
        let special = special_causes(&simulation, &mut random);
        Self { simulation, seed, random, lines: Vec::new(), special, drawn: 0 }
    }

    fn run(mut self) -> Demo {
        self.first_day();
        let mut first = self.extract(date(2026, 11, 9));
        let unreadable = self.spoil(&mut first);
        let ordinary = self.ordinary_by_size();
        let resolved: Vec<Story> = ordinary[..6].iter().map(|&cause| self.resolve(cause, 100)).collect();
        let partly_resolved = ordinary[6..9].iter().map(|&cause| self.resolve(cause, 50)).collect();
        self.resolve_some_background();
        let (split_stays, split_leaves) = self.split();
        let (merge_into, merge_from) = self.merge();
        let appeared = (ORDINARY_CAUSES..self.simulation.causes.len())
            .map(|cause| {
                let count = 24 + self.random.below(16);
                self.add(Some(cause), count, 1..=WEEK)
            })
            .collect();
        let grown = ordinary[9..17]
            .iter()
            .map(|&cause| {
                let count = 3 + self.random.below(4);
                self.add(Some(cause), count, 1..=WEEK)
            })
            .collect();
        self.add(None, 20, 1..=WEEK);
        let day7 = self.extract(date(2026, 11, 15));
        let grown_on_day8 = ordinary[12..20]
            .iter()
            .step_by(2)
            .map(|&cause| self.add(Some(cause), 2, WEEK + 1..=WEEK + 1))
            .collect();
        let day8 = self.extract(date(2026, 11, 16));
        Demo {
            day1: first,
            day7,
            day8,
            stories: Stories {
                resolved,
                partly_resolved,
                appeared,
                grown,
                grown_on_day8,
                split_stays,
                split_leaves,
                merge_into,
                merge_from,
                unreadable,
            },
        }
    }

    fn first_day(&mut self) {
        for position in 0..ORDINARY_ROWS {
            let mut place = self.simulation.place(position);
            // The tour resolves by its own rules.
            place.resolved = None;
            let record = self.simulation.record(position, &place);
            self.lines.push(Line { record, cause: place.cause, streams: None });
        }
        for (special, count) in
            [(SPLIT_STAYS, SPLIT_ROWS), (MERGE_INTO, MERGE_ROWS[0]), (MERGE_FROM, MERGE_ROWS[1])]
        {
            for _ in 0..count {
                let streams = self.next_streams();
                let record = self.special_record(special, &streams);
                self.lines.push(Line {
                    record,
                    cause: Some(self.special_number(special)),
                    streams: Some(streams),
                });
            }
        }
        self.random.shuffle(&mut self.lines);
        for number in 0..self.lines.len() {
            self.name(number);
        }
    }

    fn special_number(&self, special: usize) -> usize {
        self.simulation.causes.len() + special
    }

    fn special_record(&self, special: usize, streams: &Streams) -> Record {
        self.simulation.market.draw(&self.special[special], streams.clone(), None, String::new())
    }

    fn next_streams(&mut self) -> Streams {
        self.drawn += 1;
        Streams {
            claim: Random::of(&[self.seed, 0x746f_7572, self.drawn, 1]),
            paper: Random::of(&[self.seed, 0x746f_7572, self.drawn, 2]),
            side: 0,
        }
    }

    /// Gives a line the id of its place.
    fn name(&mut self, number: usize) {
        let id = format!("DSP-{:08}", number + 1);
        let record = &mut self.lines[number].record;
        record.source_url = format!("https://disputes.example.com/d/{id}");
        record.dispute_id = id;
    }

    fn extract(&self, date: Date) -> Extract {
        let mut counts: BTreeMap<(usize, &str), u32> = BTreeMap::new();
        let unresolved = |line: &&Line| line.record.is_unresolved();
        for line in self.lines.iter().filter(unresolved) {
            if let Some(cause) = line.cause {
                *counts.entry((cause, &line.record.manufacturer)).or_default() += 1;
            }
        }
        let truth = self
            .lines
            .iter()
            .map(|line| {
                let client = line.record.manufacturer.as_str();
                let cause = line.cause.filter(|_| line.record.is_unresolved())?;
                (counts[&(cause, client)] >= SMALLEST_GROUP).then(|| format!("{}/{client}", label(cause)))
            })
            .collect();
        Extract { date, rows: self.lines.iter().map(|line| line.record.clone()).collect(), truth }
    }

    /// Breaks background rows of an extract; the lines themselves stay sound.
    fn spoil(&mut self, extract: &mut Extract) -> Vec<Unreadable> {
        let background: Vec<usize> =
            (0..self.lines.len()).filter(|&number| self.lines[number].cause.is_none()).collect();
        let step = background.len() / UNREADABLE.len();
        UNREADABLE
            .iter()
            .enumerate()
            .map(|(place, &(column, value))| {
                let record = &mut extract.rows[background[place * step]];
                let field = match column {
                    "service_date" => &mut record.service_date,
                    "ndc" => &mut record.ndc,
                    "manufacturer" => &mut record.manufacturer,
                    "amount_disputed" => &mut record.amount_disputed,
                    "program" => &mut record.program,
                    "opened_at" => &mut record.opened_at,
                    "units_invoiced" => &mut record.units_invoiced,
                    _ => &mut record.due_at,
                };
                value.clone_into(field);
                Unreadable { dispute_id: record.dispute_id.clone(), column, value }
            })
            .collect()
    }

    /// The plan's causes of the first day, the middle sizes first: they suit a story.
    fn ordinary_by_size(&self) -> Vec<usize> {
        let mut sizes = vec![0_usize; ORDINARY_CAUSES];
        for cause in self.lines.iter().filter_map(|line| line.cause) {
            if let Some(size) = sizes.get_mut(cause) {
                *size += 1;
            }
        }
        let mut causes: Vec<usize> = (0..ORDINARY_CAUSES).collect();
        causes.sort_by_key(|&cause| sizes[cause].abs_diff(50));
        causes
    }

    /// Resolves every line of a cause, or every second one.
    fn resolve(&mut self, cause: usize, percent: usize) -> Story {
        let mut disputes = Vec::new();
        let step = 100 / percent;
        let lines = self.lines.iter_mut().filter(|line| line.cause == Some(cause));
        for line in lines.step_by(step) {
            let day = TODAY + 1 + self.random.below(WEEK - 1);
            settle(&mut line.record, self.simulation.market.calendar.text(day));
            disputes.push(line.record.dispute_id.clone());
        }
        Story { cause: label(cause), disputes }
    }

    fn resolve_some_background(&mut self) {
        for line in self.lines.iter_mut().filter(|line| line.cause.is_none()) {
            if self.random.percent(3) {
                let day = TODAY + 1 + self.random.below(WEEK - 1);
                settle(&mut line.record, self.simulation.market.calendar.text(day));
            }
        }
    }

    /// Recodes every second line of the split cause.
    fn split(&mut self) -> (Story, Story) {
        let (stays, leaves) = (self.special_number(SPLIT_STAYS), self.special_number(SPLIT_LEAVES));
        let lines: Vec<usize> =
            (0..self.lines.len()).filter(|&number| self.lines[number].cause == Some(stays)).collect();
        for &number in lines.iter().skip(1).step_by(2) {
            self.correct(number, SPLIT_LEAVES, recoded);
        }
        (self.story(stays), self.story(leaves))
    }

    /// Gives the lines of the smaller cause all that the larger one has; the stories tell day 1.
    fn merge(&mut self) -> (Story, Story) {
        let (into, from) = (self.special_number(MERGE_INTO), self.special_number(MERGE_FROM));
        let stories = (self.story(into), self.story(from));
        for number in 0..self.lines.len() {
            if self.lines[number].cause == Some(from) {
                self.correct(number, MERGE_INTO, rerouted);
            }
        }
        stories
    }

    /// The line as one of another cause, as the source corrects it: `keep` says what stays.
    fn correct(&mut self, number: usize, special: usize, keep: fn(old: Record, drawn: Record) -> Record) {
        let Some(streams) = self.lines[number].streams.clone() else { return };
        let drawn = self.special_record(special, &streams);
        let cause = self.special_number(special);
        let line = &mut self.lines[number];
        line.record = keep(std::mem::take(&mut line.record), drawn);
        line.cause = Some(cause);
    }

    fn story(&self, cause: usize) -> Story {
        let lines = self.lines.iter().filter(|line| line.cause == Some(cause));
        Story { cause: label(cause), disputes: lines.map(|line| line.record.dispute_id.clone()).collect() }
    }

    /// New disputes, opened within the given days after the first one.
    fn add(&mut self, cause: Option<usize>, count: usize, days: std::ops::RangeInclusive<usize>) -> Story {
        let mut disputes = Vec::new();
        for _ in 0..count {
            let day = TODAY + days.start() + self.random.below(days.end() - days.start() + 1);
            let streams = self.next_streams();
            let record = if let Some(cause) = cause {
                let cause = &self.simulation.causes[cause];
                self.simulation.market.draw(cause, streams, Some(day), String::new())
            } else {
                let background = self.simulation.any_background(&mut self.random);
                self.simulation.market.draw(background, streams, Some(day), String::new())
            };
            self.lines.push(Line { record, cause, streams: None });
            self.name(self.lines.len() - 1);
            disputes.extend(self.lines.last().map(|line| line.record.dispute_id.clone()));
        }
        Story { cause: cause.map_or(String::new(), label), disputes }
    }
}

/// Another code, product, pharmacy, note and other units; the same dispute.
fn recoded(old: Record, drawn: Record) -> Record {
    Record {
        dispute_id: old.dispute_id,
        source_url: old.source_url,
        status: old.status,
        opened_at: old.opened_at,
        due_at: old.due_at,
        ..drawn
    }
}

/// Another payer, delivery system, pharmacy and note; the same claim.
fn rerouted(old: Record, drawn: Record) -> Record {
    Record {
        payer: drawn.payer,
        delivery_system: drawn.delivery_system,
        pharmacy_npi: drawn.pharmacy_npi,
        note: drawn.note,
        ..old
    }
}

fn settle(record: &mut Record, day: &str) {
    RESOLVED.clone_into(&mut record.status);
    day.clone_into(&mut record.resolved_at);
}

/// Causes at two entities that no cause of the plan has, each of one client.
fn special_causes(simulation: &Simulation, random: &mut Random) -> [Cause; 4] {
    let catalog = &simulation.market.catalog;
    // From the end of the list, far from the popular ones.
    let mut free = (0..catalog.entities.len()).rev().filter(|entity| {
        catalog.entities[*entity].pharmacies.len() >= 2
            && !simulation.causes.iter().any(|cause| cause.entities.contains(entity))
    });
    let (split_entity, merge_entity) = (free.next().unwrap_or(0), free.next().unwrap_or(1));
    let mut at = |number: u8, entity: usize, client: usize, code: &'static str| Cause {
        entities: vec![entity],
        labelers: (0..catalog.labelers.len())
            .filter(|&labeler| catalog.labelers[labeler] == client)
            .collect(),
        delivery: Some(DeliverySystem::Ffs),
        codes: vec![(code, 1)],
        own_words: 80,
        ..Cause::loose(kind(number), Program::Mdrp, random)
    };
    let split_stays = at(1, split_entity, 0, "X");
    let mut split_leaves = at(11, split_entity, 0, "K");
    let mut merge_into = at(1, merge_entity, 1, "X");
    let mut merge_from = at(2, merge_entity, 1, "X");

    split_leaves.pharmacies = catalog.entities[split_entity].pharmacies[..1].to_vec();
    split_leaves.products = (0..catalog.products.len())
        .filter(|&product| catalog.products[product].injectable && catalog.client_of(product) == 0)
        .take(1)
        .collect();
    split_leaves.package = Some(0);
    split_leaves.constant = Some(10_000);
    let pharmacies = &catalog.entities[merge_entity].pharmacies;
    merge_into.pharmacies = pharmacies[..1].to_vec();
    merge_from.pharmacies = pharmacies[1..2].to_vec();
    merge_from.delivery = Some(DeliverySystem::Mco);
    merge_from.payers = vec![catalog.any_plan(random, catalog.entities[merge_entity].state)];
    [split_stays, split_leaves, merge_into, merge_from]
}
