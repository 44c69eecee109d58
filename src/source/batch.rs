//! What reading gives: disputes, and an account of everything that is not one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dispute::{Dispute, Doubt, Field, FieldError, Text};

/// Everything that one reading of the input gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The open disputes, sorted by id.
    pub disputes: Vec<Dispute>,
    /// The ids of the disputes that the source calls settled, or that other lines of their claim cancel, sorted.
    pub resolved: Vec<Text>,
    /// The rows that could not be read, by file and line.
    pub rejects: Vec<Reject>,
    /// Doubtful values, counted by column and kind of doubt.
    pub warnings: Vec<CountedWarning>,
    /// What became of every row.
    pub counts: Counts,
    /// What became of every file.
    pub files: FileCounts,
    /// Whether the input can be the whole truth.
    pub completeness: Completeness,
    /// Each source by itself, in their order.
    pub sources: Vec<SourceAccount>,
    /// Disputes that more than one source holds.
    pub shared: Shared,
    /// SHA-256 in hexadecimal over the open disputes; the order of rows does not matter.
    pub fingerprint: String,
}

/// What a reading gave beside the disputes that it handed on; see [`open_disputes`](super::open_disputes).
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Which of the disputes handed on do not count after all, by their place in the order in which they were
    /// handed on, from 0; sorted. Another row of the same file has their id with other contents, or other lines of
    /// their claim cancel them.
    pub withdrawn: Vec<usize>,
    /// The rows that could not be read, by file and line.
    pub rejects: Vec<Reject>,
    /// Doubtful values, counted by column and kind of doubt.
    pub warnings: Vec<CountedWarning>,
    /// What became of every row.
    pub counts: Counts,
    /// What became of every file.
    pub files: FileCounts,
    /// Whether the input can be the whole truth.
    pub completeness: Completeness,
    /// Each source by itself, in their order.
    pub sources: Vec<SourceAccount>,
    /// Disputes that more than one source holds.
    pub shared: Shared,
}

/// What one source gave.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceAccount {
    /// Its name; empty where there is only one.
    pub name: String,
    /// Rows read.
    pub rows: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Whether it can be the whole truth.
    pub completeness: Completeness,
    /// What people should know about its rows.
    pub remarks: Vec<String>,
}

/// How often a source holds a dispute that a source before it holds too; the later one counts, and the row of the
/// earlier one is superseded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shared {
    /// With equal contents.
    pub same: u64,
    /// With other contents.
    pub different: u64,
}

/// What became of every row: `rows` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows read.
    pub rows: u64,
    /// Open disputes.
    pub open: u64,
    /// Disputes that the source calls settled.
    pub not_open: u64,
    /// Rows that repeat a row of their file.
    pub repeated: u64,
    /// Rows whose id a later file holds again.
    pub superseded: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Open disputes over lines of a claim that other lines of it cancel.
    pub netted: u64,
}

impl Counts {
    /// The sum over everything that can become of a row; equals `rows`.
    pub fn accounted(&self) -> u64 {
        let Self { rows: _, open, not_open, repeated, superseded, rejected, netted } = *self;
        open + not_open + repeated + superseded + rejected + netted
    }
}

/// What became of every file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// Files read to their end.
    pub read: u64,
    /// Files that could not be read, or not to their end; each has a [`Reason`].
    pub failed: u64,
    /// Hidden files and files still being written (`.tmp`, `.part`), left alone.
    pub partial: u64,
    /// Files of a folder whose name says that they are no input, left alone.
    pub other: u64,
}

/// A row that cannot be a dispute. Shown as
/// ``line 413, column `disputed_amount`: `1,20` is not an amount (…)``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The file.
    pub file: Arc<Path>,
    /// Place of the file in the reading order, from 0.
    pub file_index: usize,
    /// Line where the row starts, from 1.
    pub line: u64,
    /// The dispute id of the row, where it could be read: that dispute is not absent from the input. Where it
    /// could not, the row may be that of any dispute which seems to be absent.
    pub id: Option<Text>,
    /// Everything that is wrong with the row; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        for (place, problem) in self.problems.iter().enumerate() {
            let separator = match (place, &problem.column) {
                (0, Some(_)) => ", ",
                (0, None) => ": ",
                _ => "; ",
            };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The column as the source calls it; `None` where the row as a whole is wrong.
    pub column: Option<String>,
    /// The column as the contract calls it.
    pub field: Option<Field>,
    /// What is expected.
    pub expected: String,
    /// What was found, fit to be shown; empty where nothing was.
    pub found: String,
}

impl Problem {
    pub(super) fn of_field(error: FieldError, column: &str) -> Self {
        let FieldError { field, found, expected } = error;
        Self { column: Some(column.to_owned()), field: Some(field), expected, found }
    }

    pub(super) fn of_row(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { column: None, field: None, expected: expected.into(), found: found.into() }
    }

    pub(super) fn of_column(column: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { column: Some(column.to_owned()), field: None, expected: expected.into(), found: found.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, field, expected, found } = self;
        if let Some(column) = column {
            write!(f, "column `{column}`: ")?;
        }
        match (field, found.as_str()) {
            (_, "") => write!(f, "expected {expected}, found nothing"),
            (Some(_), found) => write!(f, "`{found}` is not {expected}"),
            (None, found) => write!(f, "expected {expected}, found {found}"),
        }
    }
}

/// How often a doubt arose. Shown as
/// ``column `state`: 12 values, such as `ZZ`: is not a known state``, or for one value without the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedWarning {
    /// The column as the contract calls it.
    pub field: Field,
    /// The column as the source calls it.
    pub column: String,
    /// What is doubtful.
    pub doubt: Doubt,
    /// How many values.
    pub count: u64,
    /// Up to ten different values, the first in sorting order.
    pub values: Vec<String>,
    /// The file of the first.
    pub file: Arc<Path>,
    /// The line of the first, from 1.
    pub line: u64,
}

impl fmt::Display for CountedWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, doubt, count, values, .. } = self;
        let value = values.first().map_or("", String::as_str);
        match count {
            1 => write!(f, "column `{column}`: `{value}` {doubt}"),
            _ => write!(f, "column `{column}`: {count} values, such as `{value}`: {doubt}"),
        }
    }
}

/// Whether the input can be the whole truth. From incomplete input nothing may be closed or shrunk.
#[derive(Debug, Clone, PartialEq)]
pub enum Completeness {
    /// Nothing speaks against it. Rejected rows are not looked at here: see [`Reject::id`].
    Complete,
    /// Something is missing, for these reasons; never empty.
    Incomplete(Vec<Reason>),
}

impl Completeness {
    pub(super) fn of(reasons: Vec<Reason>) -> Self {
        if reasons.is_empty() { Self::Complete } else { Self::Incomplete(reasons) }
    }

    /// Whether nothing is missing.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }
}

/// Why input cannot be the whole truth.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Reason {
    /// A reason of one of several sources.
    #[error("source `{source_name}`: {reason}")]
    Of {
        /// The source.
        source_name: String,
        /// Its reason.
        reason: Box<Reason>,
    },
    /// Nobody answers where the source should be.
    #[error("`{}` cannot be reached: {problem}", .path.display())]
    Unreachable {
        /// What it is called, without any secret.
        path: PathBuf,
        /// What happened, in the words of the one who tried.
        problem: String,
    },
    /// The source does not let us in.
    #[error("`{}` refuses access: {problem}", .path.display())]
    Refused {
        /// What it is called, without any secret.
        path: PathBuf,
        /// Its answer.
        problem: String,
    },
    /// The source broke off while it was read.
    #[error("`{}` broke off after {rows} rows: {problem}", .path.display())]
    BrokeOff {
        /// What it is called, without any secret.
        path: PathBuf,
        /// Rows that came before.
        rows: u64,
        /// What happened.
        problem: String,
    },
    /// A configured path does not exist.
    #[error("`{}` does not exist", .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A file or folder could not be opened or read to its end.
    #[error("`{}` could not be read: {problem}", .path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The answer of the operating system or of the decompressor.
        problem: String,
    },
    /// A configured file has no name of a known kind.
    #[error("`{}` is of no known kind (expected `.csv`, `.tsv`, `.ndjson` or `.jsonl`, or one of these with `.gz`, `.parquet` or `.zip`; `.txt` and `.dat` where a layout says the positions of columns)", .path.display())]
    UnknownKind {
        /// The path.
        path: PathBuf,
    },
    /// A configured folder holds no file of a known kind.
    #[error("folder `{}` holds no `.csv`, `.tsv`, `.ndjson`, `.jsonl`, `.parquet` or `.zip` file", .path.display())]
    NothingInFolder {
        /// The folder.
        path: PathBuf,
    },
    /// No file has a name that a pattern stands for.
    #[error("no file matches `{}`", .path.display())]
    NothingMatches {
        /// The pattern.
        path: PathBuf,
    },
    /// A file that was there is there no more, though its source says that files are only added.
    #[error("`{}` was read before and is gone, but the source is append-only; where files may go, it is not", .path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// The files of a folder are not simply the rows of a table.
    #[error("folder `{}` is a table of {of}, whose log says which of its files count; expected files that all count", .path.display())]
    TableWithLog {
        /// The folder.
        path: PathBuf,
        /// What wrote it.
        of: String,
    },
    /// A column that is needed holds no plain values.
    #[error("column `{column}` of `{}` holds {found}, expected {expected}", .path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it holds, in words.
        found: String,
        /// What it could hold, in words.
        expected: String,
    },
    /// A file has no contents at all, not even a header.
    #[error("`{}` is empty", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A file is not text in UTF-8.
    #[error("`{}` is not a text file in UTF-8 (it looks like {looks_like})", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        looks_like: String,
    },
    /// The header is one column that holds another delimiter.
    #[error("`{}` is separated by {found}, expected {expected}", .path.display())]
    WrongDelimiter {
        /// The file.
        path: PathBuf,
        /// The delimiter that the header seems to have.
        found: String,
        /// The delimiter that the kind of file has.
        expected: String,
    },
    /// The header gives a column twice.
    #[error("`{}` has the column `{column}` twice", .path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// The header lacks columns that are required.
    #[error("`{}` lacks the required {}", .path.display(), missing_columns(.missing))]
    HeaderLacks {
        /// The file.
        path: PathBuf,
        /// The columns.
        missing: Vec<MissingColumn>,
    },
    /// The file ends in the middle of a row or of its compressed stream.
    #[error("`{}` ends in the middle, at line {line}", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The line of the last row, from 1.
        line: u64,
    },
    /// A compressed file grows beyond what real data does.
    #[error("`{}` decompresses to over {times} times its size; the rest was not read", .path.display())]
    Expands {
        /// The file.
        path: PathBuf,
        /// The limit of the ratio.
        times: u64,
    },
    /// So many rows are rejected that the rest is not worth reading.
    #[error("`{}` was not read to its end: over {most} rows are rejected", .path.display())]
    Rejected {
        /// The file.
        path: PathBuf,
        /// The most that are held.
        most: usize,
    },
    /// No file holds any row.
    #[error("the input has no rows")]
    NoRows,
    /// Far fewer rows than last time.
    #[error("the input has {rows} rows, expected at least {least} (the previous input had {previous})")]
    Drop {
        /// Rows of the previous complete batch.
        previous: u64,
        /// Rows of this batch.
        rows: u64,
        /// The least credible number.
        least: u64,
    },
}

impl Reason {
    /// The reason with the name of its source, where that has one.
    pub(super) fn of(self, source_name: &str) -> Self {
        if source_name.is_empty() {
            return self;
        }
        Self::Of { source_name: source_name.to_owned(), reason: Box::new(self) }
    }

    /// The reason with its path as it may be told.
    pub(super) fn told(mut self, shown: &dyn Fn(&Path) -> PathBuf) -> Self {
        match &mut self {
            Self::Of { reason, .. } => **reason = (**reason).clone().told(shown),
            Self::Unreachable { path, .. }
            | Self::Refused { path, .. }
            | Self::BrokeOff { path, .. }
            | Self::Missing { path }
            | Self::Unreadable { path, .. }
            | Self::UnknownKind { path }
            | Self::NothingInFolder { path }
            | Self::NothingMatches { path }
            | Self::Gone { path }
            | Self::TableWithLog { path, .. }
            | Self::ColumnType { path, .. }
            | Self::Empty { path }
            | Self::NotText { path, .. }
            | Self::WrongDelimiter { path, .. }
            | Self::DuplicateColumn { path, .. }
            | Self::HeaderLacks { path, .. }
            | Self::Truncated { path, .. }
            | Self::Expands { path, .. }
            | Self::Rejected { path, .. } => *path = shown(path),
            Self::NoRows | Self::Drop { .. } => {}
        }
        self
    }
}

/// A required column that a header lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingColumn {
    /// The name looked for.
    pub column: String,
    /// A column of the header with a similar name.
    pub nearest: Option<String>,
}

fn missing_columns(missing: &[MissingColumn]) -> String {
    let names = missing.iter().map(|MissingColumn { column, nearest }| match nearest {
        Some(nearest) => format!("`{column}` (is it `{nearest}`?)"),
        None => format!("`{column}`"),
    });
    let noun = if missing.len() == 1 { "column" } else { "columns" };
    format!("{noun} {}", names.collect::<Vec<_>>().join(", "))
}
