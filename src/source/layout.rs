//! What a named layout says of reading: other names of columns, places in lines of fixed width, records that are no rows.

use std::collections::BTreeMap;

use super::header::fold;
use crate::dispute::{LayoutKind, LayoutRow, Tables};

/// What is known of the files of a source beside its mapping. The default knows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The name; empty where the source has no named layout.
    pub name: String,
    /// Where columns stand in lines of fixed width, in their order.
    pub positions: Vec<Position>,
    /// Other names of columns, squeezed, and the names that the mapping has for them.
    aliases: BTreeMap<String, String>,
    /// Records that are no rows: a column and a value of it.
    skipped: Vec<(String, String)>,
}

/// Where a column stands in a line of fixed width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The name of the column.
    pub column: String,
    /// Its first character, from 1.
    pub first: usize,
    /// Its last character.
    pub last: usize,
}

/// The last character of a line of fixed width.
const LAST: usize = 64 * 1024;

impl Position {
    /// Reads `52-65`, or `32` for one character; the error is what is expected.
    pub fn parse(column: &str, text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if 1 <= first && first <= last && last <= LAST => {
                Ok(Self { column: column.to_owned(), first, last })
            }
            _ => Err("expected its first and last character, such as `52-65`".to_owned()),
        }
    }
}

impl Layout {
    /// The layout with this name; none where the tables have none.
    pub fn named(tables: &Tables, name: &str) -> Option<Self> {
        let mut layout = Self { name: name.to_owned(), ..Self::default() };
        let mut is_known = false;
        for row in tables.layouts.iter().filter(|row| row.layout == name) {
            is_known = true;
            let LayoutRow { kind, column, also, place, form, .. } = row;
            match kind {
                LayoutKind::Column => {
                    for name in also.iter().chain([column]) {
                        layout.aliases.insert(squeeze(name), column.clone());
                    }
                    if let Some((first, last)) = *place {
                        layout.positions.push(Position { column: column.clone(), first, last });
                    }
                }
                LayoutKind::Skip => {
                    let values = form.iter().flat_map(|form| form.split('|'));
                    layout.skipped.extend(values.map(|value| (column.clone(), fold(value))));
                }
                LayoutKind::About
                | LayoutKind::Derived
                | LayoutKind::Constant
                | LayoutKind::Word
                | LayoutKind::Sign => {}
            }
        }
        is_known.then_some(layout)
    }

    /// The name that the mapping has for a column.
    pub(super) fn column<'n>(&'n self, name: &'n str) -> &'n str {
        if self.aliases.is_empty() {
            return name;
        }
        self.aliases.get(&squeeze(name)).map_or(name, String::as_str)
    }

    /// Columns whose values tell records that are no rows, folded, with these values.
    pub(super) fn skipped(&self) -> impl Iterator<Item = (&str, &str)> {
        self.skipped.iter().map(|(column, value)| (column.as_str(), value.as_str()))
    }

    /// How many different columns of the layout are among some names, and how many it has.
    pub(super) fn share(&self, names: &[String]) -> (usize, usize) {
        let mut all: Vec<&String> = self.aliases.values().collect();
        all.sort_unstable();
        all.dedup();
        let mut found: Vec<&str> =
            names.iter().filter_map(|name| self.aliases.get(&squeeze(name))).map(String::as_str).collect();
        found.sort_unstable();
        found.dedup();
        (found.len(), all.len())
    }
}

/// The names of all layouts, in the order of their table.
pub fn layouts(tables: &Tables) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for row in &tables.layouts {
        if !names.contains(&row.layout.as_str()) {
            names.push(&row.layout);
        }
    }
    names
}

/// Letters and digits alone, in lower case: `Units Reimbursed` and `units_reimbursed` are one name.
pub(super) fn squeeze(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
