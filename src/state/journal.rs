//! The journal: what happened, in order, for ever.
//!
//! JSON Lines in one directory, one file per month, named by the record's timestamp (`2026-11.jsonl`).
//! When the clock is set back into an older month, records stay in the newest file, so that the order of
//! files is the order of records. Each line is
//!
//! ```json
//! {"seq":1,"at":"2026-11-24T03:19:36Z","kind":"run_began","prev":"00…","hash":"9f…","body":{…}}
//! ```
//!
//! `hash` is the SHA-256 of `prev` (32 bytes), `seq` (8 bytes, big endian), `at`, `kind` and `body` as
//! written, each led by its length (8 bytes, big endian). The first record has `seq` 1 and a `prev` of
//! zeros.
//!
//! Promises:
//! * what [`Journal::append`] has returned is on disk, its directory entry included;
//! * a record that was changed, removed, inserted or moved is found, and named by file, line and `seq`;
//! * a line that a crash left half written is cut off, kept beside the journal and told.
//!
//! It cannot show that the newest records were removed, or that all of it was replaced by an older copy:
//! that takes a [`Head`] kept elsewhere, see [`Journal::replay_after`]. It never rewrites a record, and it
//! never writes again after a write or a sync has failed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::Offset;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use thiserror::Error;

use super::chain::{self, ChainHash, Head, Line, Record};
use super::durable::{LockRefusal, SyncFile, WriterLock, ensure_directory, sync_directory};

/// The longest line, in bytes. A longer one is refused, and never read into memory.
pub const LINE_LIMIT_BYTES: usize = 64 << 20;

/// One record to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// When it happened, from the year 1970 on.
    pub at: Timestamp,
    /// What happened; the caller's word.
    pub kind: &'a str,
    /// The details.
    pub body: Value,
}

/// The end of the newest file that a crash left half written. It was never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The file it was in.
    pub file: PathBuf,
    /// How long it is.
    pub size_bytes: u64,
    /// Where it was moved; `None` when the journal was only read.
    pub kept_in: Option<PathBuf>,
}

/// What a check of a whole journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The end of the chain.
    pub head: Head,
    /// A half-written last line: either of a crash, or of a process that is writing right now.
    pub torn: Option<Torn>,
}

/// Why the journal cannot be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another process writes it. Stop that one first.
    #[error("the journal in `{}` is in use by another disputebot{}", directory.display(), super::holder(*pid))]
    InUse {
        /// The journal's directory.
        directory: PathBuf,
        /// The process that holds it, where its lock file says so.
        pid: Option<u32>,
    },
    /// A line is not what was written. Find out who or what changed it; restore a copy.
    #[error("the journal is damaged in `{}` line {line}, record `{seq}`: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The line in it, from 1.
        line: u64,
        /// The record expected there.
        seq: u64,
        /// What was expected and what was found.
        reason: String,
    },
    /// A file has a name that no journal file has. Move it away.
    #[error("`{}` is not a journal file; expected names such as `2026-11.jsonl`", file.display())]
    UnexpectedFile {
        /// The file.
        file: PathBuf,
    },
    /// The journal ends before a record that was known to be in it: records are lost. Restore a copy.
    #[error("the journal ends at record `{found}`, but record `{expected}` was written")]
    Behind {
        /// The last record that is there.
        found: u64,
        /// The record that must be there.
        expected: u64,
    },
    /// A record is another one than was known: this is not the journal that belongs to the vault.
    #[error("record `{seq}` of the journal has the hash `{found}`, but `{expected}` was written")]
    Diverged {
        /// The record.
        seq: u64,
        /// Its hash.
        found: ChainHash,
        /// The hash known from elsewhere.
        expected: ChainHash,
    },
    /// A record cannot be written: a bug of the caller. The journal stays usable.
    #[error("a record of kind `{kind}` cannot be written: {reason}")]
    Unwritable {
        /// Its kind.
        kind: String,
        /// The rule it breaks.
        reason: String,
    },
    /// An earlier write failed and nobody knows how much of it is on disk. End this process; the next one
    /// recovers.
    #[error("an earlier write to the journal in `{}` failed, so it takes no more", directory.display())]
    Poisoned {
        /// The journal's directory.
        directory: PathBuf,
    },
    /// The operating system refused. Look at the disk, its space and the rights.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// A journal that is open for writing. Only one process can have it open.
#[derive(Debug)]
pub struct Journal {
    directory: PathBuf,
    head: Head,
    newest: Option<Month>,
    file: Option<(Month, File)>,
    torn: Option<Torn>,
    poisoned: bool,
    sync: SyncFile,
    /// A record that was found here: the same one is asked for several times in a run.
    found: Mutex<Option<Head>>,
    _lock: WriterLock,
}

impl Journal {
    /// Opens the journal in `directory`, which is made when missing; checks all of it and cuts off a
    /// half-written last line.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        ensure_directory(directory).map_err(JournalError::io("make", directory))?;
        let lock_path = directory.join("lock");
        let lock = WriterLock::acquire(&lock_path).map_err(|refusal| match refusal {
            LockRefusal::Held { pid } => JournalError::InUse { directory: directory.to_owned(), pid },
            LockRefusal::Io(source) => JournalError::io("lock", &lock_path)(source),
        })?;
        let walked = walk(directory, |_, _| Ok::<(), JournalError>(()))?;
        let mut newest = walked.newest;
        let torn = match walked.torn {
            Some(tail) => Some(tail.set_aside(directory)?),
            None => None,
        };
        if let Some(month) = newest.take_if(|month| is_empty(&month.path(directory))) {
            // A crash between making the file and its first record.
            let path = month.path(directory);
            std::fs::remove_file(&path).map_err(JournalError::io("remove", &path))?;
            newest = walked.months.into_iter().rev().nth(1);
        }
        sync_directory(directory).map_err(JournalError::io("sync", directory))?;
        Ok(Self {
            directory: directory.to_owned(),
            head: walked.head,
            newest,
            file: None,
            torn,
            poisoned: false,
            sync: File::sync_all,
            found: Mutex::new(None),
            _lock: lock,
        })
    }

    /// Writes one record and returns its number once it is on disk.
    pub fn append(&mut self, at: Timestamp, kind: &str, body: &impl Serialize) -> Result<u64, JournalError> {
        let body = serde_json::to_string(body).map_err(|source| JournalError::Unwritable {
            kind: kind.to_owned(),
            reason: source.to_string(),
        })?;
        self.write(&[(at, kind, body)])?;
        Ok(self.head.seq)
    }

    /// Writes several records with one sync (two when the month changes between them) and returns the
    /// number of the last, or of the last record there is when `entries` is empty. After a crash any
    /// number of the first of them may be there.
    pub fn append_all(&mut self, entries: &[Entry<'_>]) -> Result<u64, JournalError> {
        let texts: Vec<_> =
            entries.iter().map(|entry| (entry.at, entry.kind, entry.body.to_string())).collect();
        self.write(&texts)?;
        Ok(self.head.seq)
    }

    /// The last record that is on disk.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Whether this record is in the journal: reads all of it, where it is not the last one.
    pub fn has(&self, known: Head) -> Result<bool, JournalError> {
        if known.seq == 0 || known == self.head {
            return Ok(known == self.head || known == Head::EMPTY);
        }
        let last_found = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if *last_found() == Some(known) {
            return Ok(true);
        }
        if known.seq > self.head.seq {
            return Ok(false);
        }
        let mut found = false;
        walk(&self.directory, |line, _| {
            found = found || (line.seq == known.seq && line.hash == known.hash);
            Ok::<(), JournalError>(())
        })?;
        if found {
            *last_found() = Some(known);
        }
        Ok(found)
    }

    /// The half-written line that [`Journal::open`] moved away. Tell it to an operator.
    pub fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    /// Gives every record after `known` and returns how many; checks first that `known` is in this
    /// journal. With what the vault has applied, these are the records to apply.
    pub fn replay_after<E: From<JournalError>>(
        &self,
        known: Head,
        mut visit: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<u64, E> {
        if known.seq > self.head.seq {
            return Err(JournalError::Behind { found: self.head.seq, expected: known.seq }.into());
        }
        if known.seq == 0 && known != Head::EMPTY {
            return Err(
                JournalError::Diverged { seq: 0, found: Head::EMPTY.hash, expected: known.hash }.into()
            );
        }
        // The known record is met before any later one, so nothing is given when it is another.
        read(&self.directory, known.seq, |record| {
            if record.seq > known.seq {
                return visit(record);
            }
            if record.hash == known.hash {
                return Ok(());
            }
            Err(JournalError::Diverged { seq: record.seq, found: record.hash, expected: known.hash }.into())
        })?;
        Ok(self.head.seq - known.seq)
    }

    fn write(&mut self, records: &[(Timestamp, &str, String)]) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned { directory: self.directory.clone() });
        }
        let mut head = self.head;
        let mut newest = self.newest;
        let mut months: Vec<(Month, String)> = Vec::new();
        for (at, kind, body) in records {
            let unwritable = |reason: &str| JournalError::Unwritable {
                kind: (*kind).to_owned(),
                reason: reason.to_owned(),
            };
            let own = Month::of(*at).ok_or_else(|| unwritable("its time is before 1970"))?;
            let month = newest.map_or(own, |newest| newest.max(own));
            let (line, next) = chain::render(head, *at, kind, body);
            if line.len() > LINE_LIMIT_BYTES {
                return Err(unwritable("it is longer than 64 MiB"));
            }
            match months.last_mut() {
                Some((last, text)) if *last == month => text.push_str(&line),
                _ => months.push((month, line)),
            }
            head = next;
            newest = Some(month);
        }
        for (month, text) in &months {
            // A later month may only be there when the earlier one is complete.
            if let Err(failed) = self.write_durably(*month, text) {
                self.poisoned = true;
                return Err(failed);
            }
        }
        (self.head, self.newest) = (head, newest);
        Ok(())
    }

    fn write_durably(&mut self, month: Month, text: &str) -> Result<(), JournalError> {
        let path = month.path(&self.directory);
        let (mut file, is_new) = match self.file.take() {
            Some((open, file)) if open == month => (file, false),
            _ => {
                let is_new = self.newest != Some(month);
                let file = OpenOptions::new().create(true).append(true).open(&path);
                (file.map_err(JournalError::io("open", &path))?, is_new)
            }
        };
        file.write_all(text.as_bytes()).map_err(JournalError::io("write", &path))?;
        (self.sync)(&file).map_err(JournalError::io("sync", &path))?;
        if is_new {
            sync_directory(&self.directory).map_err(JournalError::io("sync", &self.directory))?;
        }
        self.file = Some((month, file));
        Ok(())
    }
}

/// Checks a whole journal without changing it. May run while another process writes.
pub fn verify(directory: &Path) -> Result<Verified, JournalError> {
    let walked = walk(directory, |_, _| Ok::<(), JournalError>(()))?;
    let torn = walked.torn.map(|tail| Torn {
        size_bytes: tail.size_bytes(),
        file: tail.month.path(directory),
        kept_in: None,
    });
    Ok(Verified { head: walked.head, torn })
}

/// Gives every line as it is written, without its newline, up to record `last`; checks the chain on the way.
/// May run while another process writes.
pub(super) fn lines<E: From<JournalError>>(
    directory: &Path,
    last: u64,
    mut visit: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    walk(directory, |line, _| if line.seq <= last { visit(line.text) } else { Ok(()) })?;
    Ok(())
}

/// Makes a journal in an empty directory of lines that [`lines`] gave, checks that each follows the one
/// before, and returns the head once all are on disk. `file` is where the lines are from, and its line
/// `skipped + 1` is the first of them.
pub(super) fn adopt(
    directory: &Path,
    lines: &mut impl io::BufRead,
    file: &Path,
    skipped: u64,
) -> Result<Head, JournalError> {
    let mut head = Head::EMPTY;
    let mut out: Option<(Month, PathBuf, BufWriter<File>)> = None;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let mut limited = (&mut *lines).take(LINE_LIMIT_BYTES as u64 + 1);
        if limited.read_until(b'\n', &mut bytes).map_err(JournalError::io("read", file))? == 0 {
            break;
        }
        let damaged = |reason: String| JournalError::Damaged {
            file: file.to_owned(),
            line: skipped + head.seq + 1,
            seq: head.seq + 1,
            reason,
        };
        let line = bytes.strip_suffix(b"\n").ok_or_else(|| damaged("it has no end".to_owned()))?;
        let line = Line::check(head, line).map_err(damaged)?;
        let own = Month::of(line.at).ok_or_else(|| damaged("its time is before 1970".to_owned()))?;
        let next = Head { seq: line.seq, hash: line.hash };
        out = Some(match out.take() {
            Some(same) if same.0 >= own => same,
            older => {
                if let Some(older) = older {
                    finish(older)?;
                }
                let path = own.path(directory);
                let file = File::create_new(&path).map_err(JournalError::io("make", &path))?;
                (own, path, BufWriter::new(file))
            }
        });
        if let Some((_, path, out)) = &mut out {
            out.write_all(&bytes).map_err(JournalError::io("write", path))?;
        }
        head = next;
    }
    if let Some(newest) = out {
        finish(newest)?;
    }
    sync_directory(directory).map_err(JournalError::io("sync", directory))?;
    Ok(head)
}

fn finish((_, path, out): (Month, PathBuf, BufWriter<File>)) -> Result<(), JournalError> {
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)
        .and_then(|file| file.sync_all())
        .map_err(JournalError::io("write", &path))
}

/// Gives time, kind, place and body of every record as it is written; checks the chain on the way. May run while
/// another process writes.
pub(super) fn texts<E: From<JournalError>>(
    directory: &Path,
    mut visit: impl FnMut(Timestamp, &str, Head, &str) -> Result<(), E>,
) -> Result<(), E> {
    walk(directory, |line, _| {
        visit(line.at, &line.kind, Head { seq: line.seq, hash: line.hash }, line.body)
    })?;
    Ok(())
}

/// Gives every record from number `from_seq` on, in order, and returns the head; checks the chain from its
/// beginning on the way. Stops at the first error, its own or the visitor's.
pub fn read<E: From<JournalError>>(
    directory: &Path,
    from_seq: u64,
    mut visit: impl FnMut(Record) -> Result<(), E>,
) -> Result<Head, E> {
    let walked = walk(directory, |line, damaged| {
        if line.seq < from_seq {
            return Ok(());
        }
        let body = serde_json::from_str(line.body)
            .map_err(|source| damaged(format!("its body cannot be read ({source})")))?;
        visit(Record {
            seq: line.seq,
            at: line.at,
            kind: line.kind.clone(),
            body,
            prev: line.prev,
            hash: line.hash,
        })
    })?;
    Ok(walked.head)
}

impl JournalError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// A month of the calendar in UTC; orders as its file name does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// Years before 1970 would not sort.
    fn of(at: Timestamp) -> Option<Self> {
        let day = Offset::UTC.to_datetime(at);
        (day.year() >= 1970).then_some(Self { year: day.year(), month: day.month() })
    }

    fn file_name(self) -> String {
        format!("{:04}-{:02}.jsonl", self.year, self.month)
    }

    fn path(self, directory: &Path) -> PathBuf {
        directory.join(self.file_name())
    }

    fn from_file_name(name: &str) -> Option<Self> {
        let (year, month) = name.strip_suffix(".jsonl")?.split_once('-')?;
        let parsed = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        (parsed.file_name() == name && (1..=12).contains(&parsed.month)).then_some(parsed)
    }
}

/// The half-written end of the newest file.
struct Tail {
    month: Month,
    /// Where it begins.
    offset: u64,
    bytes: Vec<u8>,
}

impl Tail {
    fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Copies it beside the journal and only then cuts it off.
    fn set_aside(self, directory: &Path) -> Result<Torn, JournalError> {
        let name = self.month.file_name();
        let mut number = 1_u32;
        let (kept_in, mut copy) = loop {
            let path = directory.join(format!("{name}.{number}.torn"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (path, file),
                Err(found) if found.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(source) => return Err(JournalError::io("make", &path)(source)),
            }
        };
        copy.write_all(&self.bytes)
            .and_then(|()| copy.sync_all())
            .and_then(|()| sync_directory(directory))
            .map_err(JournalError::io("write", &kept_in))?;
        let path = self.month.path(directory);
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(self.offset).and_then(|()| file.sync_all()))
            .map_err(JournalError::io("cut", &path))?;
        Ok(Torn { size_bytes: self.size_bytes(), file: path, kept_in: Some(kept_in) })
    }
}

struct Walked {
    head: Head,
    months: Vec<Month>,
    newest: Option<Month>,
    torn: Option<Tail>,
}

fn walk<E: From<JournalError>>(
    directory: &Path,
    mut visit: impl FnMut(&Line<'_>, &dyn Fn(String) -> JournalError) -> Result<(), E>,
) -> Result<Walked, E> {
    let months = months_in(directory)?;
    let newest = months.last().copied();
    let mut head = Head::EMPTY;
    let mut torn = None;
    for month in &months {
        let path = month.path(directory);
        let mut reader = BufReader::new(File::open(&path).map_err(JournalError::io("open", &path))?);
        let (mut number, mut offset) = (0_u64, 0_u64);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let mut limited = (&mut reader).take(LINE_LIMIT_BYTES as u64 + 1);
            let size = limited.read_until(b'\n', &mut bytes).map_err(JournalError::io("read", &path))?;
            if size == 0 {
                break;
            }
            number += 1;
            let damaged = |reason: String| JournalError::Damaged {
                file: path.clone(),
                line: number,
                seq: head.seq + 1,
                reason,
            };
            let Some(line) = bytes.strip_suffix(b"\n") else {
                if Some(*month) != newest {
                    return Err(damaged("it has no end, but another file follows".to_owned()).into());
                }
                if size > LINE_LIMIT_BYTES || holds_more_than_a_record(&bytes) {
                    return Err(damaged("it does not end where its record ends".to_owned()).into());
                }
                torn = Some(Tail { month: *month, offset, bytes: std::mem::take(&mut bytes) });
                break;
            };
            let line = Line::check(head, line).map_err(damaged)?;
            let own = Month::of(line.at);
            if own > Some(*month) || (number == 1 && own != Some(*month)) {
                return Err(damaged("its time belongs into another file".to_owned()).into());
            }
            visit(&line, &damaged)?;
            head = Head { seq: line.seq, hash: line.hash };
            offset += size as u64;
        }
        if number == 0 && Some(*month) != newest {
            let reason = "the file is empty, but another one follows".to_owned();
            return Err(JournalError::Damaged { file: path, line: 1, seq: head.seq + 1, reason }.into());
        }
    }
    Ok(Walked { head, months, newest, torn })
}

/// A crash leaves the beginning of a line, never a record with something else behind it.
fn holds_more_than_a_record(tail: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(tail).into_iter::<IgnoredAny>();
    matches!(values.next(), Some(Ok(_))) && values.byte_offset() < tail.len()
}

fn months_in(directory: &Path) -> Result<Vec<Month>, JournalError> {
    let mut months = Vec::new();
    for found in std::fs::read_dir(directory).map_err(JournalError::io("list", directory))? {
        let name = found.map_err(JournalError::io("list", directory))?.file_name();
        let name = name.to_string_lossy();
        if !name.ends_with(".jsonl") {
            continue;
        }
        let unexpected = || JournalError::UnexpectedFile { file: directory.join(name.as_ref()) };
        months.push(Month::from_file_name(&name).ok_or_else(unexpected)?);
    }
    months.sort_unstable();
    Ok(months)
}

fn is_empty(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() == 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NOON: &str = "2026-11-24T12:00:00Z";

    #[test]
    fn a_failed_sync_is_fatal_for_the_instance() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(directory.path()).unwrap();
        journal.append(at(NOON), "kept", &json!({})).unwrap();
        let before = journal.head();
        journal.sync = |_| Err(io::Error::other("no more sectors"));
        assert!(matches!(journal.append(at(NOON), "lost", &json!({})), Err(JournalError::Io { .. })));
        journal.sync = File::sync_all;
        assert!(matches!(journal.append(at(NOON), "late", &json!({})), Err(JournalError::Poisoned { .. })));
        assert_eq!(journal.head(), before, "what was not synced is not the head");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_fatal_for_the_instance() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(directory.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", directory.path().join("2026-11.jsonl")).unwrap();
        let failed = journal.append(at(NOON), "lost", &json!({})).unwrap_err();
        assert!(matches!(failed, JournalError::Io { action: "write", .. }), "{failed}");
        assert!(matches!(journal.append(at(NOON), "late", &json!({})), Err(JournalError::Poisoned { .. })));
    }

    #[test]
    fn a_record_that_cannot_be_written_leaves_the_journal_usable() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(directory.path()).unwrap();
        let refused = journal.append(at("1969-12-31T23:59:59Z"), "old", &json!({})).unwrap_err();
        assert_eq!(refused.to_string(), "a record of kind `old` cannot be written: its time is before 1970");
        assert_eq!(journal.append(at(NOON), "new", &json!({})).unwrap(), 1);
    }
}
