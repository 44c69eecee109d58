//! The first rows of a source as they stand there, whatever they mean: for those who have yet to say which column is
//! which.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use super::batch::Reason;
use super::bytes::{self, LIMITS};
use super::files::{self, Form, Kind};
use super::header::{MAX_COLUMNS, fold};
use super::json_rows::{self, Object, RawLine, Value};
use super::table::Table;
use super::table_rows::{RawRow, Splitter};
use super::{Derived, Settings, fixed, mapping};
use crate::dispute::{Field, quoted, shape};

/// Different shapes shown of a column.
const SHAPES: usize = 3;

/// The columns of the first file that the paths of a source lead to, by its first rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// The file, without what would let others read it.
    pub file: PathBuf,
    /// Rows looked at.
    pub rows: u64,
    /// In the order of the file.
    pub columns: Vec<SampleColumn>,
}

/// What stands in a column of a file. Nobody has classed it, so that nothing of it is shown as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleColumn {
    /// Its name in the file, fit to be shown; its shape where the file seems to have no header.
    pub name: String,
    /// The column of ours that it is.
    pub field: Option<Field>,
    /// Whether anything is read from it: a column of ours, a part of one, or which records are no rows.
    pub is_read: bool,
    /// Rows with a value.
    pub filled: u64,
    /// Different values.
    pub distinct: u64,
    /// The shapes of some values: each digit as `#`, each letter as `a`.
    pub shapes: Vec<String>,
}

/// Looks at up to `most` rows of the first file that the paths of a source lead to. What breaks the file further down is no
/// matter here.
pub fn sample(settings: &Settings, most: u64) -> Result<Sample, Reason> {
    let hasher = RandomState::new();
    let mut counted: Vec<Counted> = Vec::new();
    let first = first_rows(settings, most, &mut |column, value| {
        if counted.len() <= column {
            counted.resize_with(column + 1, Counted::default);
        }
        counted[column].add(value, &hasher);
    })?;
    counted.resize_with(first.names.len(), Counted::default);
    // A column may be named by a number; a header it is where it has one of ours.
    let is_headless =
        first.is_headless() && first.names.iter().all(|name| field_of(name, settings).is_none());
    let columns = first.names.iter().zip(counted).filter(|(name, counted)| {
        // Spreadsheets add columns without a name and without a value.
        !name.is_empty() || counted.filled > 0
    });
    let columns = columns
        .map(|(name, Counted { filled, distinct, shapes })| SampleColumn {
            name: if is_headless { shape(name) } else { quoted(name) },
            field: field_of(name, settings).filter(|_| !is_headless),
            is_read: !is_headless && is_read(name, settings),
            filled,
            distinct: distinct.len() as u64,
            shapes,
        })
        .collect();
    Ok(Sample { file: mapping::shown(&first.path, settings), rows: first.rows, columns })
}

#[derive(Debug, Default)]
struct Counted {
    filled: u64,
    distinct: BTreeSet<u64>,
    shapes: Vec<String>,
}

impl Counted {
    fn add(&mut self, value: &str, hasher: &RandomState) {
        if value.trim().is_empty() {
            return;
        }
        self.filled += 1;
        if self.distinct.insert(hasher.hash_one(value)) && self.shapes.len() < SHAPES {
            let shape = shape(value);
            if !self.shapes.contains(&shape) {
                self.shapes.push(shape);
            }
        }
    }
}

/// The column of ours that has the name.
fn field_of(name: &str, settings: &Settings) -> Option<Field> {
    let name = fold(settings.layout.column(name));
    Field::ALL.into_iter().find(|field| fold(settings.column(*field)) == name)
}

fn is_read(name: &str, settings: &Settings) -> bool {
    let folded = fold(settings.layout.column(name));
    field_of(name, settings).is_some()
        || settings.derived.values().flat_map(Derived::columns).any(|part| part == folded)
        || settings.layout.skipped().any(|(column, _)| fold(column) == folded)
}

/// The names of the columns of a file.
#[derive(Debug, Default)]
pub(super) struct First {
    path: PathBuf,
    pub names: Vec<String>,
    /// Nothing but their place says that they are no row.
    pub may_be_row: bool,
    rows: u64,
}

impl First {
    /// Whether one of the names looks like a value.
    pub(super) fn is_headless(&self) -> bool {
        let is_value = |name: &String| {
            name.chars().any(|c| c.is_ascii_digit()) && !name.chars().any(char::is_alphabetic)
        };
        self.may_be_row && self.names.iter().any(is_value)
    }
}

/// Hands the values of the first rows of the first file on, with the place of their column.
pub(super) fn first_rows(
    settings: &Settings,
    most: u64,
    sink: &mut dyn FnMut(usize, &str),
) -> Result<First, Reason> {
    let found = files::find(settings, 0, None);
    let Some(file) = found.files.first() else {
        return Err(found.reasons.into_iter().next().unwrap_or(Reason::NoRows));
    };
    match &file.kind {
        Kind::Table(opener) => Ok(of_table(&file.path, &mut *opener.open()?, most, sink)),
        Kind::Fixed(at) => {
            let mut table = fixed::open(&file.path, at, &settings.layout.positions)?;
            Ok(of_table(&file.path, &mut *table, most, sink))
        }
        Kind::Kept(kept) => Ok(of_table(&file.path, &mut *kept.table(&file.path)?, most, sink)),
        Kind::Text(form, at) => {
            let input = bytes::open(&file.path, at, LIMITS)?.input;
            match form {
                Form::Commas => of_separated(&file.path, Splitter::new(input, b','), most, sink),
                Form::Tabs => of_separated(&file.path, Splitter::new(input, b'\t'), most, sink),
                Form::JsonLines => of_json_lines(&file.path, input, most, sink),
            }
        }
    }
}

fn of_table(path: &Path, table: &mut dyn Table, most: u64, sink: &mut dyn FnMut(usize, &str)) -> First {
    let names = table.columns().to_vec();
    let mut row = RawRow::default();
    let mut rows = 0;
    while rows < most && table.read(&mut row).unwrap_or(false) {
        rows += 1;
        hand_on(&row, names.len(), sink);
    }
    First { path: path.to_path_buf(), names, may_be_row: false, rows }
}

fn of_separated(
    path: &Path,
    mut splitter: Splitter<impl std::io::BufRead>,
    most: u64,
    sink: &mut dyn FnMut(usize, &str),
) -> Result<First, Reason> {
    let mut row = RawRow::default();
    splitter.read(&mut row, MAX_COLUMNS).map_err(|error| bytes::of_io(path, row.line, &error))?;
    let name = |place| String::from_utf8_lossy(row.get(place).unwrap_or_default()).trim().to_owned();
    let names: Vec<String> = (0..row.fields.min(MAX_COLUMNS)).map(name).collect();
    let mut rows = 0;
    while rows < most && splitter.read(&mut row, names.len()).unwrap_or(false) {
        rows += 1;
        hand_on(&row, names.len(), sink);
    }
    Ok(First { path: path.to_path_buf(), names, may_be_row: true, rows })
}

fn hand_on(row: &RawRow, columns: usize, sink: &mut dyn FnMut(usize, &str)) {
    for place in 0..columns {
        sink(place, &String::from_utf8_lossy(row.get(place).unwrap_or_default()));
    }
}

/// Where no rows are asked for, the names are those of the first line.
fn of_json_lines(
    path: &Path,
    mut input: impl std::io::BufRead,
    most: u64,
    sink: &mut dyn FnMut(usize, &str),
) -> Result<First, Reason> {
    let mut line = RawLine::default();
    let mut names: Vec<String> = Vec::new();
    let mut rows = 0;
    while rows < most.max(1) {
        match json_rows::read_line(&mut input, &mut line) {
            Ok(true) => rows += 1,
            Err(error) if rows == 0 => return Err(bytes::of_io(path, line.line, &error)),
            Ok(false) | Err(_) => break,
        }
        let text = String::from_utf8_lossy(&line.bytes);
        let Ok(object) = serde_json::from_str::<Object<'_>>(&text) else { continue };
        for (key, raw) in &object.0 {
            let known = names.iter().position(|name| name == key);
            if known.is_none() && names.len() == MAX_COLUMNS {
                continue;
            }
            let place = known.unwrap_or(names.len());
            if known.is_none() {
                names.push(key.clone());
            }
            match json_rows::value(raw) {
                Value::Nothing => {}
                Value::Text(text) => sink(place, &text),
                Value::Nested | Value::Broken => sink(place, raw.get()),
            }
        }
    }
    Ok(First { path: path.to_path_buf(), names, may_be_row: false, rows })
}
