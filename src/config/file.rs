//! The config file: TOML to settings, with the line of each.
//!
//! When the text is not TOML nothing of it is used, because a repaired reading could be another configuration.
//! A message about it never repeats a part of the file that can be a value.

use std::{collections::BTreeMap, ops::Range, path::Path, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::{
    Origin,
    problem::{Cause, Hint, Problem},
    schema::{
        FAMILIES, Kind, Meaning, Names, SOURCES, Schema, in_document_order, is_table_name, joined,
        variable_of,
    },
    value::{Setting, Value, line_of, presentable},
};

/// The settings of one file.
#[derive(Default)]
pub(crate) struct FileSettings {
    /// By key.
    pub(crate) settings: BTreeMap<String, Setting>,
    /// By open table and name of the entry.
    pub(crate) entries: BTreeMap<String, BTreeMap<String, Setting>>,
    /// The names of `[sources.NAME]` and `[routes.NAME]`, in the order of the file.
    pub(crate) names: Names,
    /// What is wrong with the names in the file.
    pub(crate) problems: Vec<Problem>,
}

/// Reads the text of a config file; the error are all places where it is not TOML.
pub(crate) fn read_settings(path: &Arc<Path>, document: &str) -> Result<FileSettings, Vec<Problem>> {
    let (table, errors) = DeTable::parse_recoverable(document);
    if !errors.is_empty() {
        return Err(syntax_problems(path, document, table.get_ref(), &errors));
    }
    let mut collector = Collector { path, document, found: FileSettings::default() };
    collector.table(table.get_ref(), "");
    Ok(collector.found)
}

struct Collector<'a> {
    path: &'a Arc<Path>,
    document: &'a str,
    found: FileSettings,
}

impl Collector<'_> {
    fn table(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (name, value) in in_document_order(table) {
            let line = line_of(self.document, name.span().start);
            let part = *name.get_ref();
            let name = joined(prefix, part);
            let origin = Origin::File { path: Arc::clone(self.path), line };
            if let Some((tables, _)) = FAMILIES.iter().find(|(tables, _)| prefix == *tables) {
                if !is_table_name(part) {
                    self.found.problems.push(no_table_name(tables, part, origin));
                    continue;
                }
                self.found.names.entry(tables).or_default().push(part.to_owned());
            }
            match (Schema::built_in().meaning(&name), value.get_ref()) {
                (Meaning::Key(key), DeValue::Table(entries)) if key.kind == Kind::Map => {
                    self.entries(entries, &name);
                }
                (Meaning::Key(key), _) if key.kind == Kind::Map => {
                    self.expected_table(&name, value.get_ref(), origin);
                }
                (Meaning::Key(_), value) => {
                    let value = Value::from_toml(value, self.document);
                    self.found.settings.insert(name, Setting { value, origin });
                }
                (Meaning::Table, DeValue::Table(inner)) => self.table(inner, &name),
                (Meaning::Table, _) => self.expected_table(&name, value.get_ref(), origin),
                (Meaning::Secret, _) => {
                    self.found.problems.push(exposed_secret(&name, "in a config file", origin));
                }
                (Meaning::Unknown, value) => self.unknown(name, value.is_table(), origin),
            }
        }
    }

    fn entries(&mut self, entries: &DeTable<'_>, map: &str) {
        for (name, value) in in_document_order(entries) {
            let line = line_of(self.document, name.span().start);
            let setting = Setting {
                value: Value::from_toml(value.get_ref(), self.document),
                origin: Origin::File { path: Arc::clone(self.path), line },
            };
            let name = (*name.get_ref()).to_owned();
            self.found.entries.entry(map.to_owned()).or_default().insert(name, setting);
        }
    }

    fn expected_table(&mut self, name: &str, value: &DeValue<'_>, origin: Origin) {
        let cause = Cause::WrongType {
            key: name.to_owned(),
            expected: format!("a table `[{name}]`"),
            found: Value::from_toml(value, self.document).described(),
        };
        self.found.problems.push(Problem::new(cause, [origin]));
    }

    fn unknown(&mut self, name: String, is_table: bool, origin: Origin) {
        let schema = Schema::built_in();
        let closest = if is_table { schema.closest_table(&name) } else { schema.closest_key(&name) };
        let hint = closest.as_deref().map(hint_for);
        let cause =
            if is_table { Cause::UnknownTable { table: name } } else { Cause::UnknownKey { key: name } };
        let problem = Problem::new(cause, [origin]);
        self.found.problems.push(match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        });
    }
}

/// The hint that leads from a wrong name to the right one.
pub(crate) fn hint_for(closest: &str) -> Hint {
    match Schema::built_in().meaning(closest) {
        Meaning::Secret => secret_hint(closest),
        Meaning::Key(_) | Meaning::Table | Meaning::Unknown => Hint::DidYouMean(closest.to_owned()),
    }
}

/// A name that no source and no rule can have.
pub(crate) fn no_table_name(tables: &str, name: &str, origin: Origin) -> Problem {
    let what = if tables == SOURCES { "source" } else { "rule" };
    let cause = Cause::Refused {
        key: tables.to_owned(),
        value: presentable(name),
        reason: format!("the name of a {what} is lowercase letters, digits, `_` and `-`, a letter first"),
    };
    Problem::new(cause, [origin])
}

/// A secret in the file or on the command line.
pub(crate) fn exposed_secret(key: &str, place: &'static str, origin: Origin) -> Problem {
    let cause = Cause::ExposedSecret { key: key.to_owned(), place };
    Problem::new(cause, [origin]).with_hint(secret_hint(key))
}

/// How a secret is given.
pub(crate) fn secret_hint(key: &str) -> Hint {
    Hint::Instead(format!("set `{}`, or name a file in `{key}_file`", variable_of(key)))
}

/// One problem for each line with a mistake: a second mistake on a line is most often an echo of the first.
fn syntax_problems(
    path: &Arc<Path>,
    document: &str,
    table: &DeTable<'_>,
    errors: &[toml::de::Error],
) -> Vec<Problem> {
    let syntax = |position: usize, found: String| {
        let line = line_of(document, position);
        let line_start =
            document.get(..position).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let column = 1 + document.get(line_start..position).map_or(0, |before| before.chars().count());
        Problem::new(Cause::Syntax { column, found }, [Origin::File { path: Arc::clone(path), line }])
    };
    // After a list that is never closed the parser takes the rest of the file for its elements, and all it says
    // about that is noise; the beginning of the list is what helps.
    let unclosed = errors.iter().find(|error| error.message().starts_with("unclosed array"));
    if let Some(end) = unclosed.and_then(toml::de::Error::span)
        && let Some(list) = list_ending_at(table, end.start)
    {
        return vec![syntax(list.start, "the list that begins here has no `]` at its end".to_owned())];
    }
    let mut problems: BTreeMap<usize, (usize, Problem)> = BTreeMap::new();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = line_of(document, span.start);
        if problems.get(&line).is_none_or(|(position, _)| span.start < *position) {
            problems.insert(
                line,
                (span.start, syntax(span.start, what_was_found(error.message(), &span, document))),
            );
        }
    }
    problems.into_values().map(|(_, problem)| problem).collect()
}

fn list_ending_at(table: &DeTable<'_>, end: usize) -> Option<Range<usize>> {
    table.values().find_map(|value| match value.get_ref() {
        DeValue::Array(_) if value.span().end == end => Some(value.span()),
        DeValue::Table(inner) => list_ending_at(inner, end),
        _ => None,
    })
}

/// The parser's message with what stands at the place; words are only named as such, because they can be a secret
/// whose quotes were forgotten.
fn what_was_found(message: &str, span: &Range<usize>, document: &str) -> String {
    let rest = document.get(span.start..).unwrap_or_default();
    let found = match rest.chars().next() {
        None => "the end of the file".to_owned(),
        Some('\n' | '\r') => "the end of the line".to_owned(),
        Some(' ' | '\t') => "a blank".to_owned(),
        Some(mark) if mark.is_ascii_punctuation() => format!("`{mark}`"),
        Some(control) if control.is_control() => {
            format!("the control character U+{:04X}", u32::from(control))
        }
        Some(digit) if digit.is_ascii_digit() => "a bare number".to_owned(),
        Some(_) => "a bare word".to_owned(),
    };
    let message = message.strip_suffix(", expected nothing").unwrap_or(message);
    match message {
        "duplicate key" => {
            let name = document.get(span.clone()).unwrap_or_default();
            format!("`{}` is set a second time", presentable(name))
        }
        "string values must be quoted, expected literal string" if span.is_empty() => {
            format!("expected a value, but found {found}")
        }
        "string values must be quoted, expected literal string" => {
            format!("expected a text in quotes, but found {found}")
        }
        "key with no value, expected `=`" => format!("expected `=` after the key, but found {found}"),
        "invalid basic string, expected `\"`" => {
            format!("expected `\"` at the end of the text, but found {found}")
        }
        escape if escape.starts_with("missing escaped value") => {
            "a `\\` in double quotes is written `\\\\`, or the text stands in single quotes".to_owned()
        }
        other => format!("{other}, but found {found}"),
    }
}
