//! Hands open disputes on as they are read, and keeps of each row only what tells it from others.
//!
//! Gives what [`load`](super::load) gives. Files are read from the last to the first, because the later one
//! wins: then a row that loses is known as such when it comes. What cannot be known when a row comes is that a row
//! further down contradicts it; such rows are withdrawn at the end.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::batch::{Account, Counts, Reject, Shared};
use super::ledger::{Closed, close, contradiction};
use super::netting::Claims;
use super::parse::{Origin, Read};
use super::pipeline::Pace;
use super::survey::{Input, Order, Survey, survey};
use super::{Previous, Progress, Settings};
use crate::dispute::{Dispute, Field, Tables};

/// Reads the whole input and hands every open dispute to `sink`, as [`load`](super::load) would put it into a
/// batch, in no order that means anything. Those that turn out not to count are named by
/// [`Account::withdrawn`]. Keeps 40 to 48 bytes a dispute id, whatever the rows hold,
/// and the ids and references of lines of claims.
///
/// Blocking: call it where blocking is allowed.
pub fn open_disputes(
    sources: &(impl AsRef<[Settings]> + ?Sized),
    tables: &Tables,
    previous: &Previous,
    progress: &mut dyn FnMut(Progress<'_>),
    sink: &mut dyn FnMut(&Dispute),
) -> Account {
    let sources = sources.as_ref();
    let input = Input { sources, tables, pace: Pace::of_this_machine(), order: Order::LastFirst };
    open_disputes_of(&input, previous, progress, sink)
}

pub(super) fn open_disputes_of(
    input: &Input<'_>,
    previous: &Previous,
    progress: &mut dyn FnMut(Progress<'_>),
    sink: &mut dyn FnMut(&Dispute),
) -> Account {
    let Input { sources, order, .. } = *input;
    assert_eq!(order, Order::LastFirst, "what is read first wins");
    let print = Print::default();
    let mut roll = Roll::new(sources);
    let mark = |settings: &Settings, dispute: &Dispute, _: &mut String| print.of(dispute, settings);
    let survey = survey(input, progress, &mark, &mut |origin, read| {
        for Read { dispute, line, mark } in &*read {
            if let Some(place) = roll.add(origin, *line, &dispute.id, *mark) {
                roll.claims.add(dispute, place);
                sink(dispute);
            }
        }
    });
    roll.close(survey, previous)
}

/// What is kept of a row to tell it from others: 96 bits of its id, so that no two of even a billion ids meet, and
/// 64 of its contents, which are compared among the rows of one id only.
#[derive(Debug, Clone, Copy)]
struct Fingerprint {
    id: u64,
    id_more: u32,
    content: u64,
    is_open: bool,
}

/// Keyed hashes: nobody can make ids that meet.
#[derive(Debug, Default)]
struct Print {
    id: RandomState,
    id_more: RandomState,
    content: RandomState,
}

impl Print {
    fn of(&self, dispute: &Dispute, settings: &Settings) -> Fingerprint {
        // Two ways to write one amount (`12` and `12.00`) are equal, and equal amounts have one hash.
        let mut content = self.content.build_hasher();
        for (field, value) in dispute.values() {
            if let Some(value) = value {
                content.write_u8(field as u8);
                value.hash(&mut content);
            }
        }
        Fingerprint {
            id: self.id.hash_one(&*dispute.id),
            // Half of the bits.
            id_more: self.id_more.hash_one(&*dispute.id) as u32,
            content: content.finish(),
            is_open: dispute.is_open(&settings.vocabulary),
        }
    }
}

/// Every dispute id seen so far.
struct Roll<'a> {
    sources: &'a [Settings],
    seen: Vec<Seen>,
    /// Where in `seen` an id is; as many places as a power of two, at most half of them taken.
    places: Vec<u32>,
    /// Lines of the file being read that repeat a row, by the place of that row in `seen`.
    repeats: FxHashMap<u32, Vec<u64>>,
    file_index: Option<usize>,
    source: Option<Reading>,
    handed_on: u32,
    withdrawn: Vec<usize>,
    claims: Claims,
    rejects: Vec<Reject>,
    counts: Counts,
    shared: Shared,
}

/// The source being read, and the first of its files that was read: the last one that has disputes. What a higher
/// place has seen is of another source.
#[derive(Debug, Clone, Copy)]
struct Reading {
    source: usize,
    last_file: u32,
}

/// The word of the first of the files read so far that has the id; the state is that of the file read last.
#[derive(Debug, Clone, Copy)]
struct Seen {
    id: u64,
    content: u64,
    id_more: u32,
    file_index: u32,
    line: u32,
    verdict: Verdict,
}

/// What became of the row at the line of [`Seen`], in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verdict(u32);

impl Verdict {
    /// Rows of one file say different things; all of them are rejected.
    const CONTRADICTORY: Self = Self(u32::MAX);
    /// A later file of the same source has the id.
    const SUPERSEDED: Self = Self(u32::MAX - 1);
    const NOT_OPEN: Self = Self(u32::MAX - 2);
    /// A later source has the id with the same contents.
    const SHARED_SAME: Self = Self(u32::MAX - 3);
    /// A later source has the id with other contents.
    const SHARED_DIFFERENT: Self = Self(u32::MAX - 4);
    /// All below are places in the order of handing on.
    const LIMIT: u32 = u32::MAX - 5;
}

/// No place of `seen`.
const FREE: u32 = u32::MAX;

impl<'a> Roll<'a> {
    fn new(sources: &'a [Settings]) -> Self {
        Self {
            sources,
            seen: Vec::new(),
            places: vec![FREE; 1024],
            repeats: FxHashMap::default(),
            file_index: None,
            source: None,
            handed_on: 0,
            withdrawn: Vec::new(),
            claims: Claims::default(),
            rejects: Vec::new(),
            counts: Counts::default(),
            shared: Shared::default(),
        }
    }

    /// Adds a row; its place in the order of handing on, where it is to be handed on.
    fn add(&mut self, origin: Origin<'_>, line: u64, id: &Arc<str>, print: Fingerprint) -> Option<usize> {
        let Origin { file, file_index, source } = origin;
        let (short_line, short_index) = (shorten(line), shorten(file_index as u64));
        if self.file_index != Some(file_index) {
            self.file_index = Some(file_index);
            self.repeats.clear();
        }
        let last_file = match self.source {
            Some(reading) if reading.source == source => reading.last_file,
            _ => {
                self.source = Some(Reading { source, last_file: short_index });
                short_index
            }
        };
        let (place, is_new) = self.place(print);
        if is_new {
            let verdict = if print.is_open { self.hand_on() } else { Verdict::NOT_OPEN };
            self.seen.push(Seen {
                id: print.id,
                content: print.content,
                id_more: print.id_more,
                file_index: short_index,
                line: short_line,
                verdict,
            });
            self.counts.not_open += u64::from(!print.is_open);
            return print.is_open.then(|| self.handed_on as usize - 1);
        }
        let seen = &mut self.seen[place as usize];
        if seen.file_index != short_index {
            let (id, id_more) = (seen.id, seen.id_more);
            let verdict = if seen.file_index <= last_file {
                Verdict::SUPERSEDED
            } else {
                let is_same = seen.content == print.content;
                self.shared.count(is_same);
                if is_same { Verdict::SHARED_SAME } else { Verdict::SHARED_DIFFERENT }
            };
            let content = print.content;
            *seen = Seen { id, content, id_more, file_index: short_index, line: short_line, verdict };
            self.counts.superseded += 1;
            return None;
        }
        let first_line = u64::from(seen.line);
        let id_column = self.sources[source].column(Field::DisputeId);
        let mut reject = |line, other_line| {
            let at = (Arc::clone(file), file_index, line);
            self.rejects.push(contradiction(id, id_column, at, other_line));
        };
        if seen.verdict == Verdict::CONTRADICTORY {
            reject(line, first_line);
        } else if seen.content == print.content {
            self.repeats.entry(place).or_default().push(line);
            self.counts.repeated += 1;
        } else {
            let repeats = self.repeats.remove(&place).unwrap_or_default();
            self.counts.repeated -= repeats.len() as u64;
            for earlier in std::iter::once(first_line).chain(repeats) {
                reject(earlier, line);
            }
            reject(line, first_line);
            match std::mem::replace(&mut seen.verdict, Verdict::CONTRADICTORY) {
                Verdict::SUPERSEDED => self.counts.superseded -= 1,
                shared @ (Verdict::SHARED_SAME | Verdict::SHARED_DIFFERENT) => {
                    self.counts.superseded -= 1;
                    self.shared.uncount(shared == Verdict::SHARED_SAME);
                }
                Verdict::NOT_OPEN => self.counts.not_open -= 1,
                Verdict(handed_on) => self.withdrawn.push(handed_on as usize),
            }
        }
        None
    }

    fn hand_on(&mut self) -> Verdict {
        assert!(self.handed_on < Verdict::LIMIT, "more disputes than one reading can number");
        let verdict = Verdict(self.handed_on);
        self.handed_on += 1;
        verdict
    }

    /// The place of an id in `seen`, and whether the id is new: then it is to be pushed.
    fn place(&mut self, print: Fingerprint) -> (u32, bool) {
        if self.seen.len() * 2 >= self.places.len() {
            self.grow();
        }
        let mask = self.places.len() - 1;
        let mut slot = print.id as usize & mask;
        loop {
            let place = self.places[slot];
            if place == FREE {
                let place = self.seen.len() as u32;
                self.places[slot] = place;
                return (place, true);
            }
            let seen = &self.seen[place as usize];
            if (seen.id, seen.id_more) == (print.id, print.id_more) {
                return (place, false);
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let mask = self.places.len() * 2 - 1;
        // The old one first, so that both are never held.
        self.places = Vec::new();
        self.places = vec![FREE; mask + 1];
        for (place, seen) in self.seen.iter().enumerate() {
            let mut slot = seen.id as usize & mask;
            while self.places[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            self.places[slot] = place as u32;
        }
    }

    fn close(self, survey: Survey, previous: &Previous) -> Account {
        let Self {
            sources,
            handed_on,
            mut withdrawn,
            claims,
            rejects: contradictions,
            mut counts,
            shared,
            ..
        } = self;
        let Closed { rejects, warnings, files, rows, sources, completeness } =
            close(survey, contradictions, sources, previous);
        withdrawn.sort_unstable();
        let cancelled = claims.cancelled(|place| withdrawn.binary_search(&place).is_err());
        counts.netted = cancelled.len() as u64;
        withdrawn.extend(cancelled);
        withdrawn.sort_unstable();
        counts.rows = rows;
        counts.rejected = rejects.len() as u64;
        counts.open = u64::from(handed_on) - withdrawn.len() as u64;
        assert_eq!(counts.rows, counts.accounted(), "every row is accounted for: {counts:?}");
        Account { withdrawn, rejects, warnings, counts, files, completeness, sources, shared }
    }
}

/// Line numbers and file numbers in half the bytes. Files with more lines than that have more rows than one reading
/// can number.
fn shorten(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
