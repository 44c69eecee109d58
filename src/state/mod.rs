//! What disputebot knows between runs, kept so that a crash, a full disk or a flipped bit is never taken
//! for knowledge.
//!
//! Two stores, each good at what the other is not:
//!
//! * [`journal`]: append-only and hash-chained. It is the truth and the audit trail: slow to search, and
//!   any change to what was written is found;
//! * [`vault`]: sled, fast by key. It can lose rows silently after damage, so it holds nothing that cannot
//!   be made again from the journal, and says up to which record it was made.
//!
//! Beside them lies what Jira asks to wait for, as soon as it is heard ([`Waits`]): it is kept to, and proves
//! nothing else.
//!
//! The order is always the same. First [`Journal::append`] and its sync, then [`Vault::commit`] with
//! [`Journal::head`]. After a start, [`Journal::replay_after`] with [`Vault::applied`] gives the records
//! that a crash kept from the vault; it also finds a journal that lost its end, which the chain alone
//! cannot show.
//!
//! Where the vault is damaged and the journal is sound, [`State::open`] makes the vault anew and records a
//! [`Doubt`]: nothing witnesses any more that the journal has its end. A damaged journal is never repaired:
//! [`backup::restore`] brings back an older one.
//!
//! Everything here blocks: call it from a thread that may. Only [`State`] knows what a group or a ticket is.

pub mod backup;
mod chain;
mod durable;
mod envelope;
mod filing;
mod format;
mod history;
pub mod journal;
mod known;
mod snapshot;
mod store;
pub mod vault;
mod waits;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use chain::{ChainHash, Head, NotAHash, Record};
pub use durable::replace_file;
pub use filing::{Filing, Part, Sending};
pub use format::FORMAT;
pub use history::{History, Move, MoveKind, Ordered, Sizes, Write as TicketWrite};
pub use journal::{Entry, Journal, JournalError, Torn, Verified};
pub use known::{
    Change, Claimed, Done, Doubt, GroupRecord, Holds, Known, Ran, Rebuilt, Rival, Rows, RunRecord,
    SourceRecord, State, Untried, Verdict, Waiting,
};
pub use snapshot::{AGE_BANDS, ByCode, Due, Fit, RuleFit, Snapshot, Spread, Sum, UNKNOWN, age_band};
pub use vault::{Tree, Vault, Write};
pub use waits::Waits;

/// Why state cannot be read or written.
#[derive(Debug, Error)]
pub enum StateError {
    /// Another process has the state open. Stop it, or ask it.
    #[error("the state in `{}` is in use by another disputebot{}", directory.display(), holder(*pid))]
    InUse {
        /// The state directory.
        directory: PathBuf,
        /// The process that holds it, where its lock file says so.
        pid: Option<u32>,
    },
    /// A newer build wrote the state. Use that build, or restore an older copy.
    #[error("state has format `{found}`, this build reads up to `{supported}`{}", wanted(version.as_deref()))]
    NewerFormat {
        /// The format on disk.
        found: u32,
        /// The newest format this build reads.
        supported: u32,
        /// The version that wrote it, where it says so.
        version: Option<String>,
    },
    /// What is on disk is not what was written. Set the vault aside and replay the journal.
    #[error("the vault in `{}` is damaged: {reason}", directory.display())]
    Damaged {
        /// The vault's directory.
        directory: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// Opening the vault never ended, as sled does when one of its files is missing. A thread still tries
    /// and keeps the state locked, so end this process; the next one makes the vault anew.
    #[error("opening the vault in `{}` did not end within {seconds} s", directory.display())]
    OpenTimeout {
        /// The vault's directory.
        directory: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// Something must be set aside, but as many copies as are kept are there already. Look at them, and
    /// remove those that are not needed.
    #[error(
        "`{}` holds `{name}-1` to `{name}-{limit}` already, and no more than {limit} copies are kept",
        directory.display()
    )]
    CopiesFull {
        /// The state directory.
        directory: PathBuf,
        /// What the names of the copies begin with.
        name: &'static str,
        /// How many are kept.
        limit: u32,
        /// Why something must be set aside.
        #[source]
        cause: Option<Box<StateError>>,
    },
    /// A file is not a whole backup. Take another one.
    #[error("`{}` is not a whole backup: {reason}", file.display())]
    Backup {
        /// The file.
        file: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// An earlier write failed and nobody knows how much of it is on disk. End this process; the next one
    /// recovers.
    #[error("an earlier write to the vault in `{}` failed, so it takes no more writes", directory.display())]
    Poisoned {
        /// The vault's directory.
        directory: PathBuf,
    },
    /// A key is empty, longer than [`vault::KEY_LIMIT`] bytes, holds a NUL, or is the vault's own. A bug
    /// of the caller.
    #[error("key `{key}` of tree `{tree}` cannot be stored: {reason}")]
    Key {
        /// The tree's name.
        tree: &'static str,
        /// The key, NUL escaped.
        key: String,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// A commit names a journal record that the vault has applied already, so its changes could be lost
    /// without a trace. A bug of the caller.
    #[error(
        "changes up to journal record `{found}` were committed after those up to `{applied}`; expected a newer record"
    )]
    NotNewer {
        /// The record of this commit.
        found: u64,
        /// The record of the last commit.
        applied: u64,
    },
    /// A value is not what the caller takes it for, or cannot be written as JSON.
    #[error("the value of `{key}` in tree `{tree}` does not have the expected form")]
    Form {
        /// The tree's name.
        tree: &'static str,
        /// The key.
        key: String,
        /// Which part.
        #[source]
        source: serde_json::Error,
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
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl StateError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

fn wanted(version: Option<&str>) -> String {
    version.map(|version| format!("; use disputebot {version} or later")).unwrap_or_default()
}

fn holder(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process `{pid}`)")).unwrap_or_default()
}
