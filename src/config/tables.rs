//! The tables of the field: the built-in ones, and those of a folder in their place.

use std::fs;

use super::Reader;
use crate::dispute::{TableText, TableTexts, Tables};

const KEY: &str = "tables.dir";

/// The tables, with every file of the folder in the place of the built-in one of the same name. A file that replaces
/// nothing is refused: it would be a mistyped name.
pub(super) fn tables(reader: &mut Reader<'_>) -> Tables {
    let Some(folder) = reader.optional_path(KEY) else { return Tables::embedded() };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            reader.refuse(KEY, format!("the folder cannot be read: {error}"));
            return Tables::embedded();
        }
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|kind| kind == "tsv"))
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut known = TableTexts::default();
    let known = known.all_mut().map(|table| table.name);
    for name in names {
        if !known.contains(&name.as_str()) {
            reader.refuse(KEY, format!("`{name}` is none of our tables ({})", known.join(", ")));
            continue;
        }
        match fs::read_to_string(folder.join(&name)) {
            Ok(text) => texts.push((name, text)),
            Err(error) => reader.refuse(KEY, format!("`{name}` cannot be read: {error}")),
        }
    }
    let mut merged = TableTexts::default();
    for table in merged.all_mut() {
        if let Some((name, text)) = texts.iter().find(|(name, _)| name == table.name) {
            *table = TableText { name, text };
        }
    }
    match Tables::parse(&merged) {
        Ok(tables) => {
            for problem in tables.contradictions() {
                reader.refuse(KEY, problem);
            }
            tables
        }
        Err(error) => {
            reader.refuse(KEY, error.to_string());
            Tables::embedded()
        }
    }
}
