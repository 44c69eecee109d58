//! Backup and restore: the whole journal in one file, and back.
//!
//! The file is gzip over JSON Lines. Its first line says what it is and where it ends:
//!
//! ```json
//! {"disputebot_backup":1,"format":1,"version":"0.1.0","head":{"seq":812,"hash":"9f…"}}
//! ```
//!
//! The others are the lines of the journal as they are written, so that the chain can be checked. The vault is
//! not in it: it follows from the journal.
//!
//! Promises: a backup is one moment of the state, also while a daemon works; a file that was cut, changed or
//! put together is refused before anything is touched; a restore is all or nothing, also over a crash; what it
//! replaces is kept. What happened after the backup was made is not known any more, so a restore records a
//! [`Doubt`](super::Doubt).

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::durable::{WriterLock, ensure_directory, replace_file, sync_directory};
use super::format::{self, FORMAT, VERSION};
use super::known::{JOURNAL, catch_up, doubt};
use super::store::wait_for_former_owner;
use super::{Head, Journal, JournalError, StateError, Vault, journal, vault};

/// How many replaced states are kept. When there are as many, nothing is restored.
pub const KEPT_LIMIT: u32 = 3;

/// What a backup or a restore was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// Its last record.
    pub head: Head,
    /// Where a restore put the state that was there before.
    pub aside: Option<PathBuf>,
}

/// Writes a backup. Works beside a daemon; a file of that name is replaced once the new one is on disk.
pub fn backup(state: &Path, file: &Path) -> Result<Backup, StateError> {
    format::check(state)?;
    let directory = journal_of(state);
    // What is recorded from now on is not in it.
    let head = journal::verify(&directory)?.head;
    let mut refused = None;
    let written = replace_file(file, |out| {
        let mut out = GzEncoder::new(out, Compression::default());
        let header = Header { disputebot_backup: 1, format: FORMAT, version: VERSION.to_owned(), head };
        writeln!(out, "{}", serde_json::to_string(&header)?)?;
        let copied =
            journal::lines(&directory, head.seq, |line| writeln!(out, "{line}").map_err(Stopped::Write));
        match copied {
            Ok(()) => out.finish().map(drop),
            Err(Stopped::Write(source)) => Err(source),
            Err(Stopped::Journal(source)) => {
                refused = Some(source);
                Err(io::Error::other("the journal could not be read"))
            }
        }
    });
    if let Some(source) = refused {
        return Err(source.into());
    }
    written.map_err(StateError::io("write", file))?;
    Ok(Backup { head, aside: None })
}

/// Puts the state of a backup in the place of the one that is there, which is kept in `before-restore-1` (the
/// next free number) within the state directory. Refuses while another process has the state.
pub fn restore(state: &Path, file: &Path) -> Result<Backup, StateError> {
    let lock = vault::lock(state)?;
    let unfinished = begin(state)?;
    let mut lines = open(file)?;
    let header = read_header(&mut lines, file)?;
    let head = journal::adopt(&unfinished, &mut lines, file, 1).map_err(|failed| match failed {
        JournalError::Damaged { line, reason, .. } => not_whole(file, format!("line {line}: {reason}")),
        JournalError::Io { action: "read", source, .. } => not_whole(file, source.to_string()),
        other => other.into(),
    })?;
    if head != header.head {
        let (found, expected) = (head.seq, header.head.seq);
        return Err(not_whole(
            file,
            format!("it ends at record `{found}`, but its first line says `{expected}` with another hash"),
        ));
    }
    let mut made = Journal::open(&unfinished)?;
    doubt(&mut made, &format!("the state was restored from a backup that ends at record {}", head.seq))?;
    drop(made);
    let aside = put_in_place(&lock, state, &unfinished)?;
    Ok(Backup { head, aside })
}

/// Begins an empty state in the place of the one that is there, which is kept as by [`restore`]; it has only the
/// doubt with this reason. Gives where the old one is.
pub fn start_over(state: &Path, reason: &str) -> Result<Option<PathBuf>, StateError> {
    let lock = vault::lock(state)?;
    let unfinished = begin(state)?;
    let mut made = Journal::open(&unfinished)?;
    doubt(&mut made, reason)?;
    drop(made);
    put_in_place(&lock, state, &unfinished)
}

/// Makes a folder for the journal that comes.
fn begin(state: &Path) -> Result<PathBuf, StateError> {
    finish_restore(state)?;
    if kept_in(state, KEPT_LIMIT).exists() {
        let directory = state.to_owned();
        return Err(StateError::CopiesFull { directory, name: KEPT, limit: KEPT_LIMIT, cause: None });
    }
    let unfinished = state.join(UNFINISHED);
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(StateError::io("remove", &unfinished))?;
    }
    ensure_directory(&unfinished).map_err(StateError::io("make", &unfinished))?;
    Ok(unfinished)
}

/// Lets a complete journal count, and makes the vault from it.
fn put_in_place(
    lock: &Arc<WriterLock>,
    state: &Path,
    unfinished: &Path,
) -> Result<Option<PathBuf>, StateError> {
    // From here on it counts; what is left to do is done by the next start where a crash comes in between.
    let complete = state.join(COMPLETE);
    std::fs::rename(unfinished, &complete).map_err(StateError::io("move", unfinished))?;
    sync_directory(state).map_err(StateError::io("sync", state))?;
    format::write(state)?;
    let aside = finish_restore(state)?;
    let journal = Journal::open(&state.join(JOURNAL))?;
    let (mut vault, _) = Vault::start_over_locked(lock, state)?;
    catch_up(&journal, &mut vault, drop)?;
    Ok(aside)
}

/// Puts a restored journal into its place, where a restore got so far; what was there is kept. Gives where.
pub(super) fn finish_restore(state: &Path) -> Result<Option<PathBuf>, StateError> {
    let complete = state.join(COMPLETE);
    if !complete.exists() {
        return Ok(None);
    }
    let mut aside = None;
    for part in [vault::DIRECTORY, JOURNAL] {
        let from = state.join(part);
        if !from.exists() {
            continue;
        }
        if part == vault::DIRECTORY {
            wait_for_former_owner(&from)?;
        }
        // One more than is kept: of a state that was set aside in part, the rest may need a number of its own.
        let free = |kept: &PathBuf| !kept.join(part).exists();
        let Some(kept) = (1..=KEPT_LIMIT + 1).map(|number| kept_in(state, number)).find(free) else {
            let directory = state.to_owned();
            return Err(StateError::CopiesFull { directory, name: KEPT, limit: KEPT_LIMIT, cause: None });
        };
        ensure_directory(&kept).map_err(StateError::io("make", &kept))?;
        std::fs::rename(&from, kept.join(part)).map_err(StateError::io("move", &from))?;
        sync_directory(&kept).map_err(StateError::io("sync", &kept))?;
        aside = Some(kept);
    }
    std::fs::rename(&complete, state.join(JOURNAL)).map_err(StateError::io("move", &complete))?;
    sync_directory(state).map_err(StateError::io("sync", state))?;
    Ok(aside)
}

/// The journal that counts: one that was restored but is not in its place yet comes first.
pub(super) fn journal_of(state: &Path) -> PathBuf {
    Some(state.join(COMPLETE)).filter(|path| path.exists()).unwrap_or_else(|| state.join(JOURNAL))
}

/// A journal that is being restored.
const UNFINISHED: &str = "restoring";
/// One that is complete and only not in its place yet.
const COMPLETE: &str = "restored";
/// What the names of replaced states begin with.
const KEPT: &str = "before-restore";

#[derive(Serialize, Deserialize)]
struct Header {
    disputebot_backup: u32,
    /// Of the state.
    format: u32,
    version: String,
    head: Head,
}

/// Why a backup stopped.
enum Stopped {
    Journal(JournalError),
    Write(io::Error),
}

impl From<JournalError> for Stopped {
    fn from(source: JournalError) -> Self {
        Self::Journal(source)
    }
}

fn kept_in(state: &Path, number: u32) -> PathBuf {
    state.join(format!("{KEPT}-{number}"))
}

/// Reads it plain, too: people look into files, and forget to pack them again.
fn open(file: &Path) -> Result<Box<dyn BufRead>, StateError> {
    let mut bytes = BufReader::new(File::open(file).map_err(StateError::io("open", file))?);
    let packed = bytes.fill_buf().map_err(StateError::io("read", file))?.starts_with(&[0x1F, 0x8B]);
    Ok(if packed { Box::new(BufReader::new(MultiGzDecoder::new(bytes))) } else { Box::new(bytes) })
}

fn read_header(lines: &mut impl BufRead, file: &Path) -> Result<Header, StateError> {
    const LONGEST: u64 = 4096;
    let mut first = String::new();
    lines.take(LONGEST).read_line(&mut first).map_err(|source| not_whole(file, source.to_string()))?;
    let header: Header = serde_json::from_str(&first)
        .map_err(|source| not_whole(file, format!("its first line does not say what it is ({source})")))?;
    format::refuse_newer(header.format.max(header.disputebot_backup), Some(&header.version))?;
    Ok(header)
}

fn not_whole(file: &Path, reason: String) -> StateError {
    StateError::Backup { file: file.to_owned(), reason }
}
