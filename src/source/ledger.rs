//! One id, one dispute: repeats, contradictions and newer files; and the fingerprint of what is left.
//!
//! Within a file equal rows are one row, and different rows under one id are all refused, because nothing says
//! which is right. Over files the later one wins, and so it does over sources.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::batch::{Batch, Completeness, Counts, Problem, Reason, Reject, Shared, SourceAccount};
use super::netting::Claims;
use super::survey::Survey;
use super::{Located, Previous, Settings};
use crate::dispute::{Dispute, Field, Text, Value};

/// Everything seen so far, by dispute id.
pub(super) struct Ledger<'a> {
    sources: &'a [Settings],
    /// The place of each id in `entries`.
    places: HashMap<Text, u32>,
    entries: Vec<Entry>,
    /// What is open. Each stands here from its row to the end: a batch is large, and is never held twice.
    disputes: Vec<Dispute>,
    /// Places of disputes that do not count any more.
    free: Vec<u32>,
    /// Lines of the file being read that repeat a row, by the place of its entry.
    repeats: FxHashMap<u32, Vec<u64>>,
    file_index: usize,
    rejects: Vec<Reject>,
    repeated: u64,
    superseded: u64,
    shared: Shared,
}

/// The last file's word on one dispute.
struct Entry {
    file_index: usize,
    source: usize,
    line: u64,
    content: [u8; 32],
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// With its place among the disputes.
    Open(u32),
    NotOpen,
    /// Rows of one file say different things; all of them are rejected.
    Contradictory,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(sources: &'a [Settings]) -> Self {
        Self {
            sources,
            places: HashMap::new(),
            entries: Vec::new(),
            disputes: Vec::new(),
            free: Vec::new(),
            repeats: FxHashMap::default(),
            file_index: 0,
            rejects: Vec::new(),
            repeated: 0,
            superseded: 0,
            shared: Shared::default(),
        }
    }

    /// Adds a row with its [`content`].
    pub(super) fn add(&mut self, located: Located, content: [u8; 32]) {
        let Located { dispute, file, file_index, line, source } = located;
        if self.file_index != file_index {
            self.file_index = file_index;
            self.repeats.clear();
        }
        let settings = &self.sources[source];
        let id = Arc::clone(&dispute.id);
        let next = number(self.entries.len());
        let place = *self.places.entry(Arc::clone(&id)).or_insert(next);
        if place == next {
            let verdict = self.verdict(dispute, settings);
            self.entries.push(Entry { file_index, source, line, content, verdict });
            return;
        }
        let column = settings.column(Field::DisputeId);
        let contradiction =
            |line: u64, other: u64| contradiction(&id, column, (Arc::clone(&file), file_index, line), other);
        let entry = &mut self.entries[place as usize];
        if entry.file_index < file_index {
            if entry.verdict != Verdict::Contradictory {
                self.superseded += 1;
                if entry.source != source {
                    self.shared.count(entry.content == content);
                }
            }
            self.forget(place);
            let verdict = self.verdict(dispute, settings);
            self.entries[place as usize] = Entry { file_index, source, line, content, verdict };
        } else if entry.verdict == Verdict::Contradictory {
            self.rejects.push(contradiction(line, entry.line));
        } else if entry.content == content {
            self.repeated += 1;
            self.repeats.entry(place).or_default().push(line);
        } else {
            let first = entry.line;
            let repeats = self.repeats.remove(&place).unwrap_or_default();
            self.repeated -= repeats.len() as u64;
            self.rejects
                .extend(std::iter::once(first).chain(repeats).map(|earlier| contradiction(earlier, line)));
            self.rejects.push(contradiction(line, first));
            self.forget(place);
        }
    }

    fn verdict(&mut self, dispute: Dispute, settings: &Settings) -> Verdict {
        if !dispute.is_open(&settings.vocabulary) {
            return Verdict::NotOpen;
        }
        if let Some(place) = self.free.pop() {
            self.disputes[place as usize] = dispute;
            return Verdict::Open(place);
        }
        self.disputes.push(dispute);
        Verdict::Open(number(self.disputes.len() - 1))
    }

    /// Lets go of the dispute of an entry.
    fn forget(&mut self, place: u32) {
        let verdict = &mut self.entries[place as usize].verdict;
        if let Verdict::Open(dispute) = *verdict {
            self.free.push(dispute);
        }
        *verdict = Verdict::Contradictory;
    }

    /// Ends the reading: sorts, counts and judges.
    pub(super) fn close(self, survey: Survey, previous: &Previous) -> Batch {
        let Self {
            sources,
            places,
            entries,
            mut disputes,
            mut free,
            rejects: contradictions,
            repeated,
            superseded,
            shared,
            ..
        } = self;
        let Closed { rejects, warnings, files, rows, sources, completeness } =
            close(survey, contradictions, sources, previous);
        let mut counts =
            Counts { rows, repeated, superseded, rejected: rejects.len() as u64, ..Counts::default() };
        // From the last on, so that none that is to go takes the place of another.
        free.sort_unstable_by(|a, b| b.cmp(a));
        for place in free {
            disputes.swap_remove(place as usize);
        }
        disputes.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut claims = Claims::default();
        for (place, dispute) in disputes.iter().enumerate() {
            claims.add(dispute, place);
        }
        let cancelled = claims.cancelled(|_| true);
        counts.netted = cancelled.len() as u64;
        let mut hash = Sha256::new();
        let mut resolved: Vec<Text> = Vec::new();
        let mut place = 0;
        disputes.retain(|dispute| {
            let is_cancelled = cancelled.binary_search(&place).is_ok();
            place += 1;
            if is_cancelled {
                resolved.push(Arc::clone(&dispute.id));
            } else {
                hash.update(entries[places[&dispute.id] as usize].content);
            }
            !is_cancelled
        });
        disputes.shrink_to_fit();
        let is_not_open = |place: &u32| entries[*place as usize].verdict == Verdict::NotOpen;
        let not_open = places.into_iter().filter(|(_, place)| is_not_open(place));
        resolved.extend(not_open.map(|(id, _)| id));
        resolved.sort_unstable();
        counts.not_open = resolved.len() as u64 - counts.netted;
        counts.open = disputes.len() as u64;
        assert_eq!(counts.rows, counts.accounted(), "every row is accounted for: {counts:?}");

        let fingerprint = hex::encode(hash.finalize());
        Batch {
            disputes,
            resolved,
            rejects,
            warnings,
            counts,
            files,
            completeness,
            sources,
            shared,
            fingerprint,
        }
    }
}

/// Places in half the bytes.
fn number(place: usize) -> u32 {
    assert!(place < u32::MAX as usize, "more disputes than one reading can number");
    place as u32
}

impl Shared {
    pub(super) fn count(&mut self, is_same: bool) {
        *(if is_same { &mut self.same } else { &mut self.different }) += 1;
    }

    /// Takes back what was counted.
    pub(super) fn uncount(&mut self, is_same: bool) {
        *(if is_same { &mut self.same } else { &mut self.different }) -= 1;
    }
}

/// A reading that has ended, without its disputes.
pub(super) struct Closed {
    pub rejects: Vec<Reject>,
    pub warnings: Vec<super::CountedWarning>,
    pub files: super::FileCounts,
    pub rows: u64,
    pub sources: Vec<SourceAccount>,
    pub completeness: Completeness,
}

/// Sorts the rejects of a reading and judges whether it can be the whole truth.
pub(super) fn close(
    survey: Survey,
    contradictions: Vec<Reject>,
    settings: &[Settings],
    previous: &Previous,
) -> Closed {
    let Survey { rows, mut rejects, warnings, reasons: _, files, sources, source_of_file } = survey;
    rejects.extend(contradictions);
    rejects.sort_by_key(|reject| (reject.file_index, reject.line));
    let mut rejected = vec![0; sources.len()];
    for reject in &rejects {
        rejected[source_of_file[reject.file_index]] += 1;
    }
    let mut missing = Vec::new();
    let mut accounts = Vec::new();
    for ((settings, surveyed), rejected) in settings.iter().zip(sources).zip(rejected) {
        let (rows, remarks) = (surveyed.rows, surveyed.remarks);
        let mut reasons = surveyed.reasons;
        if rows == 0 {
            reasons.push(Reason::NoRows);
        } else if let Some(before) = previous.0.get(&settings.name) {
            reasons.extend(drop_since(*before, rows, settings.max_drop));
        }
        missing.extend(reasons.iter().map(|reason| reason.clone().of(&settings.name)));
        let completeness = Completeness::of(reasons);
        accounts.push(SourceAccount { name: settings.name.clone(), rows, rejected, completeness, remarks });
    }
    // What came from a source that is not configured any more may have moved to another: then the sum says whether it
    // is there.
    let is_gone = |name: &String| settings.iter().all(|settings| settings.name != *name);
    if settings.is_empty() {
        missing.push(Reason::NoRows);
    } else if rows > 0 && previous.0.keys().any(is_gone) {
        let max_drop = settings.iter().map(|settings| settings.max_drop).fold(0.0, f64::max);
        missing.extend(drop_since(previous.0.values().sum(), rows, max_drop));
    }
    let completeness = Completeness::of(missing);
    Closed { rejects, warnings, files, rows, sources: accounts, completeness }
}

fn drop_since(previous: u64, rows: u64, max_drop: f64) -> Option<Reason> {
    let least = least_credible(previous, max_drop);
    (rows < least).then_some(Reason::Drop { previous, rows, least })
}

/// The fewest rows that are credible after `previous`, rounded up.
fn least_credible(previous: u64, max_drop: f64) -> u64 {
    (previous as f64 * (1.0 - max_drop.clamp(0.0, 1.0))).ceil() as u64
}

pub(super) fn contradiction(
    id: &Text,
    column: &str,
    place: (Arc<Path>, usize, u64),
    other_line: u64,
) -> Reject {
    let (file, file_index, line) = place;
    let problem = Problem {
        column: Some(column.to_owned()),
        field: Some(Field::DisputeId),
        expected: format!("a unique id (line {other_line} has it with other contents)"),
        found: Field::DisputeId.quoted(id),
    };
    Reject { file, file_index, line, id: Some(Arc::clone(id)), problems: vec![problem] }
}

/// SHA-256 over every field, in a form in which no two contents are written alike. Two ways to write one amount
/// (`12` and `12.00`) are one content.
pub(super) fn content(dispute: &Dispute, text: &mut String) -> [u8; 32] {
    text.clear();
    for (_, value) in dispute.values() {
        // Writing to a String cannot fail. The length first, so that no text can look like the end of one and the start
        // of the next.
        let _ = match value {
            None => text.write_str("-;"),
            Some(Value::Text(value)) => write!(text, "{}:{value};", value.len()),
            Some(Value::Amount(amount)) => write!(text, "{};", amount.normalize()),
            Some(Value::Codes(codes)) => codes
                .iter()
                .try_for_each(|code| write!(text, "{}:{code},", code.len()))
                .and_then(|()| text.write_str(";")),
            Some(value @ (Value::Word(_) | Value::Ndc(_) | Value::Quarter(_) | Value::Day(_))) => {
                write!(text, "{value};")
            }
        };
    }
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_is_measured_against_the_previous_batch() {
        assert_eq!(least_credible(100, 0.3), 70);
        assert_eq!(least_credible(3, 0.5), 2);
        assert_eq!(least_credible(100, 1.0), 0);
        assert_eq!(least_credible(100, -1.0), 100);
    }
}
