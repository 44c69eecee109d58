//! What happened to the groups, week by week, read off the journal.
//!
//! Nothing of it is stored: every record of a group says how it stands from then on, so what became of a group,
//! and how large it was at the end of each week, follows from two records after each other. A week's moves
//! therefore add up to the difference between its ends, whatever run was cut short in it.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    panic::resume_unwind,
    path::Path,
    sync::mpsc,
    thread,
};

use jiff::Timestamp;
use rayon::prelude::*;

use super::known::{self, Texts};
use super::{Change, GroupRecord, Head, Known, StateError, backup, format, journal};
use crate::{
    group::{GroupId, Status},
    plan::{Asked, Closed, Ticket},
};

/// Text of records that is parsed at once.
const AT_ONCE_BYTES: usize = 8 << 20;

/// Records that are parsed at once, their bodies one after the other: taken from the allocator one by one, and given back
/// by another thread, they cost more than parsing.
struct Batch {
    bodies: String,
    records: Vec<(Timestamp, Head, Range<usize>)>,
}

/// A record as it was read.
struct Parsed {
    at: Timestamp,
    head: Head,
    change: Result<Change, serde_json::Error>,
    /// Whether it has no text of its own that another one has.
    is_shared: bool,
}

impl Default for Batch {
    fn default() -> Self {
        // The last record goes beyond it by its length.
        Self { bodies: String::with_capacity(AT_ONCE_BYTES + (1 << 20)), records: Vec::new() }
    }
}

impl Batch {
    fn push(&mut self, at: Timestamp, head: Head, body: &str) {
        let start = self.bodies.len();
        self.bodies.push_str(body);
        self.records.push((at, head, start..self.bodies.len()));
    }
}

/// What is known at the end of some weeks, and what happened to the groups in each of them.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// What was known at the end of the last week.
    pub known: Known,
    /// The last record before that.
    pub head: Head,
    /// First instant of each week, and last the first instant after them.
    pub bounds: Vec<Timestamp>,
    /// What became of groups, in order.
    pub moves: Vec<Move>,
    /// Sizes of groups that changed in these weeks.
    pub sizes: HashMap<GroupId, Sizes>,
    /// Open groups that were recorded in the last week, as they stood before.
    pub stood: HashMap<GroupId, GroupRecord>,
    /// What people ordered in comments, in order.
    pub orders: Vec<Ordered>,
    /// What was done to tickets in the last week, in order. A run that was cut short left no record of itself, but one of
    /// each write.
    pub writes: Vec<(GroupId, Write)>,
}

/// What was done to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Write {
    /// It was opened.
    Opened,
    /// Its fields were edited.
    Updated,
    /// It was closed.
    Closed,
    /// It was reopened.
    Reopened,
}

/// An order that was read on a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered {
    /// When it was read.
    pub at: Timestamp,
    /// The group that the ticket is of.
    pub group: GroupId,
    /// What was ordered, or why it could not be carried out.
    pub asked: Asked,
}

/// A group that began, ended or came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The week, counted from the first.
    pub week: usize,
    /// The group.
    pub group: GroupId,
    /// What became of it.
    pub kind: MoveKind,
}

/// What becomes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveKind {
    /// Found for the first time.
    Found,
    /// Split off another one.
    Split,
    /// Came back after it had ended.
    Returned,
    /// All its disputes are settled.
    Resolved,
    /// Merged into another one.
    Merged,
}

/// Open disputes of a group at the ends of weeks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Before the first change in these weeks.
    pub before: usize,
    /// After the last change in a week, by week.
    pub after: BTreeMap<usize, usize>,
}

impl History {
    /// Weeks of which nothing is known yet.
    pub fn of(bounds: Vec<Timestamp>) -> Self {
        Self {
            known: Known::default(),
            head: Head::EMPTY,
            bounds,
            moves: Vec::new(),
            sizes: HashMap::new(),
            stood: HashMap::new(),
            orders: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// Reads the weeks between `bounds`, which ascend, from the journal alone: works while a daemon runs. What was
    /// recorded after the last bound is not looked at, so the same weeks always give the same history.
    pub fn read(directory: &Path, bounds: Vec<Timestamp>) -> Result<Self, StateError> {
        Self::read_with_runs_from(directory, bounds, Timestamp::MIN)
    }

    /// The same for what tells of these weeks alone: of the runs before them only the last one is known.
    pub fn read_weeks(directory: &Path, bounds: Vec<Timestamp>) -> Result<Self, StateError> {
        let first = bounds.first().copied().unwrap_or(Timestamp::MIN);
        Self::read_with_runs_from(directory, bounds, first)
    }

    fn read_with_runs_from(
        directory: &Path,
        bounds: Vec<Timestamp>,
        first: Timestamp,
    ) -> Result<Self, StateError> {
        format::check(directory)?;
        let mut history = Self::of(bounds);
        let journal = backup::journal_of(directory);
        if !journal.exists() {
            return Ok(history);
        }
        let end = history.bounds.last().copied().unwrap_or(Timestamp::MAX);
        let (sender, batches) = mpsc::sync_channel::<Batch>(1);
        // What large buffers leave behind, the allocator would have to put in order again and again.
        let (give_back, used) = mpsc::channel::<Batch>();
        // While some records are parsed and learned, the next ones are read and checked.
        thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let (mut batch, mut last_run) = (Batch::default(), None);
                // Where nobody takes them any more, the reason is told there.
                let send = |batch| drop(sender.send(batch));
                journal::texts::<StateError>(&journal, |at, kind, head, body| {
                    if at < first && kind == known::RUN {
                        last_run = Some((at, head, body.to_owned()));
                    } else if at < end {
                        batch.push(at, head, body);
                    }
                    if batch.bodies.len() >= AT_ONCE_BYTES {
                        send(std::mem::replace(&mut batch, used.try_recv().unwrap_or_default()));
                    }
                    Ok(())
                })?;
                send(batch);
                if let Some((at, head, body)) = last_run {
                    let mut batch = Batch::default();
                    batch.push(at, head, &body);
                    send(batch);
                }
                Ok::<(), StateError>(())
            });
            let mut texts = Texts::default();
            let mut parsed = Vec::new();
            let learned = batches.into_iter().try_for_each(|batch| -> Result<(), StateError> {
                let batch = history.take_all(batch, &mut texts, &mut parsed)?;
                // At the end nobody takes it any more.
                let _ = give_back.send(batch);
                Ok(())
            });
            reader.join().unwrap_or_else(|panic| resume_unwind(panic)).and(learned)
        })?;
        Ok(history)
    }

    /// Learns some records in their order; what they say is parsed by all threads of the machine. Gives the batch back,
    /// empty.
    fn take_all(
        &mut self,
        mut batch: Batch,
        texts: &mut Texts,
        parsed: &mut Vec<Parsed>,
    ) -> Result<Batch, StateError> {
        let Batch { bodies, records } = &mut batch;
        let known = &*texts;
        let parse = |(at, head, range): (Timestamp, Head, Range<usize>)| {
            let mut change = Change::parse(&bodies[range]);
            let is_shared = match &mut change {
                Ok(Change::Group(record)) => known.share_known(record),
                _ => true,
            };
            Parsed { at, head, change, is_shared }
        };
        records.par_drain(..).map(parse).collect_into_vec(parsed);
        bodies.clear();
        for Parsed { at, head, change, is_shared } in parsed.drain(..) {
            let mut change = change.map_err(|source| StateError::Form {
                tree: "journal",
                key: format!("record {}", head.seq),
                source,
            })?;
            if let Change::Group(record) = &mut change
                && !is_shared
            {
                texts.share(record);
            }
            self.take(at, change);
            if self.head.seq < head.seq {
                self.head = head;
            }
        }
        Ok(batch)
    }

    /// Learns one more thing that was recorded at an instant.
    pub fn take(&mut self, at: Timestamp, change: Change) {
        match &change {
            Change::Group(record) => self.follow(at, record),
            Change::Ticket(ticket) => {
                self.listen(at, ticket);
                self.note_writes(at, ticket);
            }
            _ => {}
        }
        self.known.take(change);
    }

    /// Number of weeks.
    pub fn weeks(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// The week of an instant; none before the first.
    pub fn week_of(&self, at: Timestamp) -> Option<usize> {
        self.bounds.partition_point(|bound| *bound <= at).checked_sub(1)
    }

    /// Open disputes of a group at the end of each week.
    pub fn series(&self, group: &GroupId) -> Vec<usize> {
        match self.sizes.get(group) {
            Some(sizes) => sizes.series(self.weeks()),
            None => vec![self.known.groups.get(group).map_or(0, open_members); self.weeks()],
        }
    }

    /// An order stands on the ticket from when it is read until it is answered.
    fn listen(&mut self, at: Timestamp, ticket: &Ticket) {
        let Some(orders) = &ticket.orders else { return };
        let before = self.known.tickets.get(&ticket.group).and_then(|before| before.orders.as_ref());
        for (comment, asked) in &orders.asked {
            if before.is_none_or(|before| !before.asked.contains_key(comment)) {
                self.orders.push(Ordered { at, group: ticket.group.clone(), asked: asked.clone() });
            }
        }
    }

    fn note_writes(&mut self, at: Timestamp, ticket: &Ticket) {
        if self.week_of(at).is_none_or(|week| week + 1 != self.weeks()) {
            return;
        }
        let writes = writes(self.known.tickets.get(&ticket.group), ticket);
        self.writes.extend(writes.into_iter().map(|write| (ticket.group.clone(), write)));
    }

    fn follow(&mut self, at: Timestamp, record: &GroupRecord) {
        let Some(week) = self.week_of(at) else { return };
        let id = &record.group.id;
        let before = self.known.groups.get(id);
        let kinds = match (before.map(|before| &before.group.status), &record.group.status) {
            (None, after) => {
                let born = if record.group.split_from.is_some() { MoveKind::Split } else { MoveKind::Found };
                [Some(born), ended(after)]
            }
            (Some(Status::Active), after) => [ended(after), None],
            (Some(_), Status::Active) => [Some(MoveKind::Returned), None],
            (Some(_), _) => [None, None],
        };
        for kind in kinds.into_iter().flatten() {
            self.moves.push(Move { week, group: id.clone(), kind });
        }
        if week + 1 == self.weeks()
            && let Some(before) = before.filter(|before| before.group.status == Status::Active)
            && !self.stood.contains_key(id)
        {
            self.stood.insert(id.clone(), before.clone());
        }
        let (size, size_before) = (open_members(record), before.map_or(0, open_members));
        if let Some(sizes) = self.sizes.get_mut(id) {
            sizes.after.insert(week, size);
        } else if size != size_before {
            let sizes = Sizes { before: size_before, after: BTreeMap::from([(week, size)]) };
            self.sizes.insert(id.clone(), sizes);
        }
    }
}

/// What was done to a ticket between two records of it.
fn writes(before: Option<&Ticket>, after: &Ticket) -> Vec<Write> {
    // One that was found in Jira for a state that did not know it was opened long ago.
    let is_new = after.issue().is_some() && !after.look_first;
    let Some(before) = before else { return if is_new { vec![Write::Opened] } else { Vec::new() } };
    let is_edited = before.writing.is_some()
        && after.writing.is_none()
        && before.writing.as_deref() == after.written.as_ref();
    let last_reopened = |ticket: &Ticket| ticket.life.as_ref().and_then(|life| life.reopened.last().copied());
    let done = [
        (Write::Opened, is_new && before.issue().is_none()),
        // What is written first is no edit, also where the answer to the create was lost.
        (Write::Updated, is_edited && before.issue().is_some() && before.written.is_some()),
        (Write::Closed, after.closed == Closed::ByUs && before.closed != Closed::ByUs),
        // A label in the place of a move, and its end, are no moves.
        (Write::Reopened, last_reopened(after) > last_reopened(before) && before.closed != Closed::Labelled),
    ];
    done.into_iter().filter_map(|(write, is_done)| is_done.then_some(write)).collect()
}

fn ended(status: &Status) -> Option<MoveKind> {
    match status {
        Status::Active => None,
        Status::Resolved { .. } => Some(MoveKind::Resolved),
        Status::Merged { .. } => Some(MoveKind::Merged),
    }
}

fn open_members(record: &GroupRecord) -> usize {
    if record.group.status == Status::Active { record.group.members.len() } else { 0 }
}

impl Sizes {
    /// The size at the end of each of the first `weeks` weeks.
    pub fn series(&self, weeks: usize) -> Vec<usize> {
        let mut size = self.before;
        (0..weeks)
            .map(|week| {
                size = self.after.get(&week).copied().unwrap_or(size);
                size
            })
            .collect()
    }
}
