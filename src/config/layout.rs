//! The named layout of a source, and what the source says itself in its place.

use std::collections::BTreeMap;

use super::{Reader, settings::nearest};
use crate::{
    dispute::{Field, LayoutKind, LayoutRow, Tables},
    source::{Layout, Position, layouts},
};

/// What a layout states, in the form of the keys of a source. Whatever the source sets wins, column by column.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub layout: Layout,
    pub columns: BTreeMap<Field, String>,
    pub constants: BTreeMap<Field, String>,
    pub derived: BTreeMap<Field, String>,
    pub formats: BTreeMap<Field, String>,
    pub words: BTreeMap<Field, BTreeMap<String, String>>,
}

/// The layout that a source names. `key` gives the full name of a key of that source.
pub(super) fn named(reader: &mut Reader<'_>, key: &dyn Fn(&str) -> String, tables: &Tables) -> Named {
    let mut named = Named::default();
    if let Some(name) = reader.optional_text(&key("layout")) {
        if let Some(layout) = Layout::named(tables, &name) {
            named = of_rows(tables, layout);
        } else {
            let known = layouts(tables);
            let near = nearest(&name, known.iter().copied());
            let known = known.join("`, `");
            let reason = format!("there is no layout `{name}` (known are `{known}`); did you mean `{near}`?");
            reader.refuse(&key("layout"), reason);
        }
    }
    for (column, text) in reader.map(&key("positions")) {
        match Position::parse(&column, &text) {
            Ok(position) => {
                named.layout.positions.retain(|known| known.column != column);
                named.layout.positions.push(position);
            }
            Err(reason) => reader.refuse(&key(&format!("positions.{column}")), reason),
        }
    }
    named.layout.positions.sort_by_key(|position| position.first);
    named
}

fn of_rows(tables: &Tables, layout: Layout) -> Named {
    let mut named = Named::default();
    for row in tables.layouts.iter().filter(|row| row.layout == layout.name) {
        let LayoutRow { kind, column, field, form, .. } = row;
        let Some(field) = *field else { continue };
        let text = column.clone();
        match kind {
            LayoutKind::Column => {
                named.columns.insert(field, text);
                if let Some(form) = form {
                    named.formats.insert(field, form.clone());
                }
            }
            LayoutKind::Constant => drop(named.constants.insert(field, text)),
            LayoutKind::Derived => drop(named.derived.insert(field, text)),
            LayoutKind::Word => {
                let meaning = form.clone().unwrap_or_default();
                named.words.entry(field).or_default().insert(text, meaning);
            }
            LayoutKind::About | LayoutKind::Skip | LayoutKind::Sign => {}
        }
    }
    Named { layout, ..named }
}

impl Named {
    /// Puts what the source says itself in the place of what the layout says of the same column.
    pub(super) fn overlay(
        &mut self,
        columns: BTreeMap<Field, String>,
        constants: BTreeMap<Field, String>,
        derived: BTreeMap<Field, String>,
        formats: BTreeMap<Field, String>,
    ) {
        for field in columns.keys().chain(constants.keys()).chain(derived.keys()) {
            for ways in [&mut self.columns, &mut self.constants, &mut self.derived] {
                ways.remove(field);
            }
        }
        self.columns.extend(columns);
        self.constants.extend(constants);
        self.derived.extend(derived);
        self.formats.extend(formats);
    }
}
