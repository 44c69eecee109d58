//! The header of a table: which column is which field.

use std::path::Path;

use unicode_normalization::UnicodeNormalization;

use super::batch::{MissingColumn, Reason};
use super::mapping::{self, ByField};
use super::table_rows::RawRow;
use super::{Derived, Settings};
use crate::dispute::{Field, quoted, unseen};

/// How similar two names must be to suggest one for the other (Jaro-Winkler, 0 to 1).
const SIMILAR: f64 = 0.85;

/// The most columns that a table can have.
pub(super) const MAX_COLUMNS: usize = 4096;

/// The columns of one file.
#[derive(Debug)]
pub(super) struct Header {
    /// The names, as the file writes them.
    pub names: Vec<String>,
    /// The column of each field, by [`Field::index`].
    pub places: ByField<Option<usize>>,
    /// What the path says of the columns that the file does not have.
    pub given: ByField<Option<String>>,
    /// The columns that each derived one is made of, in the order of [`Settings::derived`].
    pub derived: Vec<Vec<usize>>,
    /// Columns with values that tell records which are no rows, folded.
    pub skipped: Vec<(usize, String)>,
}

impl Header {
    pub(super) fn read(
        row: &RawRow,
        settings: &Settings,
        path: &Path,
        delimiter: u8,
    ) -> Result<Self, Reason> {
        let path_owned = || path.to_path_buf();
        if row.fields > MAX_COLUMNS {
            let looks_like = format!("a table of {} columns", row.fields);
            return Err(Reason::NotText { path: path_owned(), looks_like });
        }
        let names: Vec<String> = (0..row.fields)
            .map(|place| {
                let bytes = row.get(place).unwrap_or_default();
                let name = std::str::from_utf8(bytes).ok().map(str::trim);
                let name = name.filter(|name| unseen(&name.replace(['\n', '\r', '\t'], " ")).is_none());
                name.map(str::to_owned).ok_or_else(|| Reason::NotText {
                    path: path_owned(),
                    looks_like: "binary data, or text in another encoding".to_owned(),
                })
            })
            .collect::<Result<_, _>>()?;
        if let [only] = names.as_slice()
            && let Some(found) = [b',', b';', b'\t', b'|']
                .into_iter()
                .find(|&other| other != delimiter && only.as_bytes().contains(&other))
        {
            return Err(Reason::WrongDelimiter {
                path: path_owned(),
                found: delimiter_name(found).to_owned(),
                expected: delimiter_name(delimiter).to_owned(),
            });
        }
        Self::of(names, settings, path)
    }

    /// The header with these names.
    pub(super) fn of(names: Vec<String>, settings: &Settings, path: &Path) -> Result<Self, Reason> {
        let path_owned = || path.to_path_buf();
        let folded: Vec<String> = names.iter().map(|name| fold(settings.layout.column(name))).collect();
        for (place, name) in folded.iter().enumerate() {
            // Spreadsheets add nameless columns; they can be no field.
            if !name.is_empty() && folded[..place].contains(name) {
                return Err(Reason::DuplicateColumn { path: path_owned(), column: quoted(&names[place]) });
            }
        }
        let places = Field::ALL.map(|field| {
            let wanted = fold(settings.column(field));
            folded.iter().position(|name| *name == wanted)
        });
        let given = mapping::of_path(path, settings);
        let is_given = |field: Field| {
            given[field.index()].is_some()
                || settings.constants.contains_key(&field)
                || settings.derived.contains_key(&field)
        };
        let place = |name: &str| folded.iter().position(|known| known == name);
        let parts = || settings.derived.values().map(Derived::columns);
        let derived = parts().map(|columns| columns.filter_map(place).collect()).collect();
        let lacking = parts().flatten().filter(|name| place(name).is_none());
        let lacking =
            lacking.map(|name| MissingColumn { column: name.to_owned(), nearest: nearest(name, &names) });
        let missing: Vec<MissingColumn> = Field::REQUIRED
            .into_iter()
            .filter(|field| places[field.index()].is_none() && !is_given(*field))
            .map(|field| MissingColumn {
                column: settings.column(field).to_owned(),
                nearest: nearest(settings.column(field), &names),
            })
            .chain(lacking)
            .collect();
        if missing.is_empty() {
            let skipped = settings
                .layout
                .skipped()
                .filter_map(|(column, value)| Some((place(&fold(column))?, value.to_owned())));
            let skipped = skipped.collect();
            Ok(Self { names, places, given, derived, skipped })
        } else {
            Err(Reason::HeaderLacks { path: path_owned(), missing })
        }
    }

    /// Whether the file or its path has the column.
    pub(super) fn has(&self, field: Field) -> bool {
        self.places[field.index()].is_some() || self.given[field.index()].is_some()
    }

    /// The name of the column at `place`, as the file writes it.
    pub(super) fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", String::as_str)
    }
}

/// Names are compared without regard to letter case, outer white space and the way accents are written.
pub(super) fn fold(name: &str) -> String {
    name.trim().nfc().collect::<String>().to_lowercase()
}

fn nearest(wanted: &str, names: &[String]) -> Option<String> {
    let squeeze = |name: &str| fold(name).replace([' ', '_', '-', '.'], "");
    let wanted = squeeze(wanted);
    names
        .iter()
        .map(|name| (strsim::jaro_winkler(&squeeze(name), &wanted), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| quoted(name))
}

fn delimiter_name(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "semicolons",
        b'\t' => "tabs",
        b'|' => "vertical bars",
        _ => "commas",
    }
}
