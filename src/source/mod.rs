//! From files and databases to disputes: CSV and NDJSON, plain, gzipped or in zip archives, and Parquet; single, in
//! folders or by patterns; on this machine or in an object store; tables, views and queries of a server.
//!
//! Promises that every row is counted exactly once (open, not open, repeated, superseded, netted or rejected), that a
//! bad row never stops the others, that memory does not grow with the size of a field, and that a batch says
//! whether it can be the whole truth. The order of rows in a file never changes the disputes of a batch.
//!
//! One reading can have several sources, each with its own words for things and its own completeness. Where two of
//! them hold the same dispute, the later one counts, as with two files; how often that was so is counted.
//!
//! Three ways to read: [`load`] gives everything that is open as one [`Batch`], [`open_disputes`] hands open
//! disputes on and keeps a few bytes of each, [`each`] hands every row on and keeps nothing. Rows are parsed by all
//! threads of the machine; how many there are changes nothing of what is read.
//!
//! Never writes, never guesses a value, and never puts a patient-level or confidential value into a message.

mod archive;
mod batch;
mod bytes;
mod compute;
pub mod database;
mod derive;
mod files;
mod fixed;
mod format;
mod glob;
mod guess;
mod header;
mod json_rows;
mod keep;
mod key;
mod layout;
mod ledger;
mod mapping;
mod netting;
mod open;
mod parquet_rows;
mod parse;
mod pipeline;
mod reader;
mod sample;
mod store;
mod survey;
mod table;
mod table_rows;
mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use crate::dispute::{Dispute, Field, Tables, Vocabulary};

use pipeline::Pace;

pub use batch::{
    Account, Batch, Completeness, CountedWarning, Counts, FileCounts, MissingColumn, Problem, Reason, Reject,
    Shared, SourceAccount,
};
pub use derive::Derived;
pub use format::Format;
pub use guess::{Guess, guess, look};
pub use keep::{Keep, keeping};
pub use layout::{Layout, Position, layouts};
pub use open::open_disputes;
pub use sample::{Sample, SampleColumn, sample};
pub use survey::{Survey, each};

/// Where one source of disputes is and how to read it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name by which people know it; empty where there is only one.
    pub name: String,
    /// Files, folders and patterns, in order: where two files hold the same id, the later one wins. Of a folder, the
    /// files directly inside and in partitions (`d=2026-11-01`) with a known name (`.csv`, `.tsv`, `.ndjson`,
    /// `.jsonl`, each also with `.gz`, `.parquet` and `.zip`) are read, sorted by path. In a pattern `*` and `?` stand for
    /// parts of a name and `**` for folders. An address of an object store (`az://container/drops/*.csv`, `s3://`,
    /// `gs://`) is read in the same way.
    pub paths: Vec<PathBuf>,
    /// A database to read, beside the paths or instead of them.
    pub database: Option<database::Database>,
    /// Where its store answers, where that is not the usual place.
    pub endpoint: Option<String>,
    /// Where its store is, for a store that asks for that.
    pub region: Option<String>,
    /// Who reads it, where the place asks for that: an account, or the id of a key.
    pub user: Option<String>,
    /// What the place asks of that user.
    pub secret: Option<SecretString>,
    /// What is known of its files beside the mapping.
    pub layout: Layout,
    /// The file with the key of hashes, made where there is none; without one, hashes are of this reading only.
    pub key_file: Option<PathBuf>,
    /// Where what was read is kept, where files are only ever added: each is then read once.
    pub keep: Option<Keep>,
    /// The name that the source gives a column; columns not named here have the name of the contract.
    pub columns: BTreeMap<Field, String>,
    /// Values of columns that the source does not have; they count also where it does.
    pub constants: BTreeMap<Field, String>,
    /// Columns that are put together from columns of the source; they count also where it has them.
    pub derived: BTreeMap<Field, Derived>,
    /// Texts that mean nothing, such as `N/A`, in any column.
    pub empty: Vec<String>,
    /// Other words for the values of a column, in any letter case.
    pub values: BTreeMap<Field, BTreeMap<String, String>>,
    /// Other ways to write the days and amounts of a column.
    pub formats: BTreeMap<Field, Format>,
    /// The words of the source.
    pub vocabulary: Vocabulary,
    /// The largest credible loss of rows since the previous batch, as a share from 0 to 1.
    pub max_drop: f64,
    /// The largest share of rows, from 0 to 1, that may be rejected without something being wrong with the source or
    /// with its mapping.
    pub max_reject_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            paths: Vec::new(),
            database: None,
            endpoint: None,
            region: None,
            user: None,
            secret: None,
            layout: Layout::default(),
            key_file: None,
            keep: None,
            columns: BTreeMap::new(),
            constants: BTreeMap::new(),
            derived: BTreeMap::new(),
            empty: Vec::new(),
            values: BTreeMap::new(),
            formats: BTreeMap::new(),
            vocabulary: Vocabulary::default(),
            max_drop: 0.5,
            max_reject_rate: 0.5,
        }
    }
}

impl Settings {
    /// The name of `field` in the source.
    pub fn column(&self, field: Field) -> &str {
        self.columns.get(&field).map_or(field.name(), String::as_str)
    }
}

/// One source is a list of one.
impl AsRef<[Settings]> for Settings {
    fn as_ref(&self) -> &[Settings] {
        std::slice::from_ref(self)
    }
}

/// How many rows each source had in the last complete batch, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Previous(pub BTreeMap<String, u64>);

impl From<u64> for Previous {
    /// The rows of the one source without a name.
    fn from(rows: u64) -> Self {
        Self(BTreeMap::from([(String::new(), rows)]))
    }
}

/// How far reading is. Sent at the start and the end of every file, and every few thousand rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file being read.
    pub file: &'a Path,
    /// How many files were read before it.
    pub file_index: usize,
    /// The number of files.
    pub files: usize,
    /// Bytes read of this file, before decompression.
    pub bytes: u64,
    /// Size of this file in bytes, before decompression.
    pub bytes_total: u64,
    /// Rows read of all files.
    pub rows: u64,
}

/// A dispute and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The dispute.
    pub dispute: Dispute,
    /// The file.
    pub file: Arc<Path>,
    /// Place of the file in the reading order, from 0.
    pub file_index: usize,
    /// Line where the row starts, from 1.
    pub line: u64,
    /// Place of the source among the sources.
    pub source: usize,
}

/// Reads the whole input: the open disputes, sorted by id, and an account of every other row. `sources` come in
/// the order in which they win, the last over all others; `previous` is what the last complete batch had.
///
/// Blocking: call it where blocking is allowed.
pub fn load(
    sources: &(impl AsRef<[Settings]> + ?Sized),
    tables: &Tables,
    previous: &Previous,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Batch {
    let sources = sources.as_ref();
    let input =
        survey::Input { sources, tables, pace: Pace::of_this_machine(), order: survey::Order::AsGiven };
    let mut ledger = ledger::Ledger::new(sources);
    let mark = |_: &Settings, dispute: &Dispute, text: &mut String| ledger::content(dispute, text);
    let survey = survey::each_marked(&input, progress, &mark, &mut |located, content| {
        ledger.add(located, content);
    });
    ledger.close(survey, previous)
}
