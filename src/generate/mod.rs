//! Sample disputes with their true causes, for tests, benchmarks and demonstrations.
//!
//! Plainly synthetic: no real company, product, pharmacy or patient occurs. The same [`Plan`] gives the same
//! bytes on every machine and for ever; a change of the generator changes the expected digest in its test.
//! Figures measured on these worlds rank designs, they do not predict accuracy on real disputes: how often
//! each cause occurs is invented.
//!
//! Two worlds. In [`World::Conjunctive`] each cause fixes one to four attributes and leaves the others free.
//! In [`World::Tangled`] causes are also disjunctions, show only in a quantity or only in a note, come under
//! several codes, differ from a neighbour in one attribute, and one holds most of its program.
//!
//! Truth is per client, as tickets are: the label `cause-017/Example Pharma A` is given to the unresolved
//! rows of one cause and one client, where there are at least [`SMALLEST_GROUP`] of them; all other rows
//! count as ungrouped.
//!
//! Never holds all rows where [`stream`] and [`stream_day`] are used, so ten million rows fit in little
//! memory. Never writes files.

mod calendar;
mod catalog;
mod cause;
mod demo;
mod kinds;
mod random;
mod record;
mod row;
mod simulation;
mod spoil;
mod tangle;

pub use demo::{Demo, Extract, Stories, Story, Unreadable, demo};
pub use record::{HEADER, RESOLVED, Record};

use self::simulation::Simulation;
use crate::dispute::Program;

/// Fewer disputes of one cause and one client than this count as ungrouped.
pub const SMALLEST_GROUP: u32 = 4;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Rows of the first day.
    pub rows: usize,
    /// Causes of the first day, over all clients; fewer where there are not five rows for each.
    pub causes: usize,
    /// Everything random follows from it.
    pub seed: u64,
    /// How hard it is.
    pub world: World,
    /// Manufacturers, each with one to three labeler codes; at least one.
    pub clients: usize,
    /// Share of rows that belong to no cause, 0 to 1.
    pub noise: f64,
    /// Share of rows with a typing error, a missing value or a wrong code, 0 to 1.
    pub dirty: f64,
    /// Share of the unresolved rows that is resolved each day, and of `rows` that arrives, 0 to 1.
    pub churn: f64,
    /// The programs that occur; all where none is named.
    pub programs: Vec<Program>,
}

/// How causes show in their rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum World {
    /// Each cause is a conjunction of attributes.
    Conjunctive,
    /// Some are disjunctions, some show in a quantity or a note only, and codes mislead.
    Tangled,
}

/// Disputes with their truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Column names.
    pub header: &'static [&'static str],
    /// The rows, in the order of the file.
    pub rows: Vec<Record>,
    /// For each row its cause and client; nothing for background, for fewer than [`SMALLEST_GROUP`] and for
    /// resolved rows.
    pub truth: Vec<Option<String>>,
    /// The causes, whether or not each has a group of its own.
    pub causes: Vec<CauseSummary>,
}

/// What a cause is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseSummary {
    /// The part of the truth label before the client: `cause-017`.
    pub label: String,
    /// Number of its kind in the catalogue of root causes, 1 to 45.
    pub kind: u8,
    /// What went wrong.
    pub name: &'static str,
    /// Family of the kind.
    pub family: &'static str,
    /// The program that all its rows have, as in the column `program`.
    pub program: &'static str,
}

/// One row with its truth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The fields.
    pub record: Record,
    /// As in [`Sample::truth`].
    pub truth: Option<String>,
}

/// Rows one after another; see [`stream`].
#[derive(Debug)]
pub struct Rows {
    simulation: Simulation,
    /// Unresolved rows per cause and client.
    counts: Vec<u32>,
    position: usize,
}

impl Plan {
    /// A plan with eight clients, all programs, 20 % background, 5 % churn a day and 3 % spoiled rows (8 % in
    /// the tangled world).
    pub fn new(world: World, rows: usize, causes: usize, seed: u64) -> Self {
        Self {
            rows,
            causes,
            seed,
            world,
            clients: 8,
            noise: 0.2,
            dirty: match world {
                World::Conjunctive => 0.03,
                World::Tangled => 0.08,
            },
            churn: 0.05,
            programs: Self::all_programs(),
        }
    }

    fn all_programs() -> Vec<Program> {
        vec![
            Program::Mdrp,
            Program::P340b,
            Program::PartDMdp,
            Program::Cgdp,
            Program::Mfp,
            Program::Tricare,
            Program::Commercial,
        ]
    }
}

/// All disputes of the first day; none is resolved.
pub fn generate(plan: &Plan) -> Sample {
    collect(stream(plan))
}

/// The full extract `day` days later, resolved rows included: each day a share `plan.churn` of the
/// unresolved rows is resolved and as many rows as that share of `plan.rows` arrive, of the same causes, of
/// a few new ones, and background. Day 0 is
/// the first day. Rows keep their ids.
pub fn next_day(plan: &Plan, day: u32) -> Sample {
    collect(stream_day(plan, day))
}

/// As [`generate`], one row at a time.
pub fn stream(plan: &Plan) -> Rows {
    stream_day(plan, 0)
}

/// As [`next_day`], one row at a time.
pub fn stream_day(plan: &Plan, day: u32) -> Rows {
    let simulation = Simulation::new(plan, day as usize);
    let clients = simulation.market.catalog.clients.len();
    let mut counts = vec![0; simulation.causes.len() * clients];
    for position in 0..simulation.rows() {
        let place = simulation.place(position);
        if let (Some(cause), None) = (place.cause, place.resolved) {
            counts[cause * clients + simulation.client(cause, &place)] += 1;
        }
    }
    Rows { simulation, counts, position: 0 }
}

impl Rows {
    /// The causes behind the rows.
    pub fn causes(&self) -> Vec<CauseSummary> {
        self.simulation.summaries()
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.position == self.simulation.rows() {
            return None;
        }
        let place = self.simulation.place(self.position);
        let record = self.simulation.record(self.position, &place);
        self.position += 1;
        let clients = &self.simulation.market.catalog.clients;
        let truth = place.cause.filter(|_| place.resolved.is_none()).and_then(|cause| {
            let client = self.simulation.client(cause, &place);
            let count = self.counts[cause * clients.len() + client];
            (count >= SMALLEST_GROUP).then(|| format!("{}/{}", simulation::label(cause), clients[client]))
        });
        Some(Row { record, truth })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.simulation.rows() - self.position;
        (left, Some(left))
    }
}

fn collect(stream: Rows) -> Sample {
    let causes = stream.causes();
    let (rows, truth) = stream.map(|row| (row.record, row.truth)).unzip();
    Sample { header: &HEADER, rows, truth, causes }
}
