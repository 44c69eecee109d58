//! The sources: where each is, and how its columns become ours.

use std::{collections::BTreeMap, fs};

use super::{
    Needs, Reader, layout,
    schema::{SOURCE, SOURCES, Schema, variable_of},
    settings::{nearest, site},
};
use crate::{
    dispute::{Class, DeliverySystem, Field, Program, Tables, Transaction, Vocabulary},
    source::{
        self, Keep,
        database::{Database, Relation, Server, Tls, parse_address},
    },
};

/// The source of `[source]`, and all that a run reads: that one where it has a place, then those of `[sources]`.
pub(super) fn sources(
    reader: &mut Reader<'_>,
    needs: Needs,
    tables: &Tables,
) -> (source::Settings, Vec<source::Settings>) {
    let names = reader.names(SOURCES);
    refuse_clashes(reader, names);
    let unnamed = source(reader, "", needs.source && names.is_empty(), tables);
    let mut sources = Vec::new();
    if names.is_empty() || !unnamed.paths.is_empty() || unnamed.database.is_some() {
        sources.push(unnamed.clone());
    }
    sources.extend(names.iter().map(|name| source(reader, name, needs.source, tables)));
    (unnamed, sources)
}

/// Refuses names of sources by which one variable would be that of two keys.
fn refuse_clashes(reader: &mut Reader<'_>, names: &[String]) {
    let mut owners: BTreeMap<String, &String> = BTreeMap::new();
    for name in names {
        let variables = Schema::built_in()
            .of_table(SOURCE)
            .map(|(_, key)| variable_of(&format!("{SOURCES}.{name}.{key}")));
        for variable in variables {
            if let Some(other) = owners.insert(variable.clone(), name).filter(|other| *other != name) {
                let reason = format!("its variable `{variable}` would also be that of the source `{other}`");
                reader.refuse(&format!("{SOURCES}.{name}"), reason);
                break;
            }
        }
    }
}

fn source(reader: &mut Reader<'_>, name: &str, is_needed: bool, tables: &Tables) -> source::Settings {
    let table = if name.is_empty() { SOURCE.to_owned() } else { format!("{SOURCES}.{name}") };
    let key = |key: &str| format!("{table}.{key}");
    let database = database(reader, &key);
    // What is wrong with a database is told already.
    if is_needed && database.is_none() && reader.optional_text(&key("database")).is_none() {
        reader.require(&key("paths"));
    }
    let mut named = layout::named(reader, &key, tables);
    let columns = by_field(reader, &key("columns"));
    let constants = by_field(reader, &key("constants"));
    let own_derived = by_field(reader, &key("derived"));
    let own_formats = by_field(reader, &key("formats"));
    named.overlay(columns, constants, own_derived, own_formats);
    let layout::Named { layout, columns, constants, derived: expressions, formats: forms, words } = named;
    let mut derived = BTreeMap::new();
    for (field, text) in expressions {
        match source::Derived::parse(&text) {
            Ok(expression) => drop(derived.insert(field, expression)),
            Err(reason) => reader.refuse(&key(&format!("derived.{field}")), reason),
        }
    }
    let mut vocabulary = vocabulary(reader, &key);
    let mut formats = BTreeMap::new();
    for (field, text) in forms {
        if derived.get(&field).is_some_and(source::Derived::is_computed) {
            let reason = "the column is computed, and has no other form";
            reader.refuse(&key(&format!("formats.{field}")), reason);
            continue;
        }
        if let Some(decimals) = overpunch(field, &text) {
            vocabulary.set_overpunch(field, decimals);
            continue;
        }
        match source::Format::parse(field, &text) {
            Ok(format) => drop(formats.insert(field, format)),
            Err(reason) => reader.refuse(&key(&format!("formats.{field}")), reason),
        }
    }
    let mut values = words;
    for field in WORDED {
        let words = reader.map(&key(&format!("values.{field}")));
        for (word, ours) in words.iter().filter(|_| field == Field::Transaction) {
            if Transaction::from_name(ours).is_none() {
                let key = key(&format!("values.{field}.{word}"));
                reader.refuse(&key, "expected `original`, `replacement`, `void` or `back-out`");
            }
        }
        if !words.is_empty() {
            values.entry(field).or_default().extend(words);
        }
    }
    let empty = reader.list(&key("empty"));
    let keep = reader.flag(&key("append_only")).then(|| {
        let folder = if name.is_empty() { SOURCE } else { name };
        Keep { folder: folder.into(), writes: false }
    });
    let max_drop = reader.ratio(&key("max_drop"), 0.0..=1.0);
    let max_reject_rate = reader.ratio(&key("max_reject_rate"), 0.0..=1.0);
    let paths = reader.paths(&key("paths"));
    let endpoint =
        reader.check(&key("endpoint"), |text| site(text).map(|_| text.trim_end_matches('/').to_owned()));
    let region = reader.optional_text(&key("region"));
    let user = reader.optional_text(&key("user"));
    let secret = reader.secret(&key("secret"));
    let name = name.to_owned();
    let settings = source::Settings {
        name,
        paths,
        database,
        endpoint,
        region,
        user,
        secret,
        layout,
        key_file: None,
        keep,
        columns,
        constants,
        derived,
        empty,
        values,
        formats,
        vocabulary,
        max_drop,
        max_reject_rate,
    };
    refuse_leaks(reader, &key, &settings);
    settings
}

/// Refuses mappings by which what belongs to a patient would stand in a column that may be shown.
fn refuse_leaks(reader: &mut Reader<'_>, key: &dyn Fn(&str) -> String, settings: &source::Settings) {
    let fold = |name: &str| name.trim().to_lowercase();
    let private: BTreeMap<String, Field> = Field::ALL
        .into_iter()
        .filter(|field| field.is_private())
        .map(|field| (fold(settings.column(field)), field))
        .collect();
    let told = |column: &str, private: Field| {
        format!(
            "`{column}` is `{private}`, which is private ({}), and this column may be shown",
            private.class().as_str()
        )
    };
    for (field, column) in settings.columns.iter().filter(|(field, _)| !field.is_private()) {
        if let Some(private) = private.get(&fold(column)) {
            reader.refuse(&key(&format!("columns.{field}")), told(column, *private));
        }
    }
    for (field, derived) in
        settings.derived.iter().filter(|(field, derived)| !field.is_private() && !derived.is_hashed())
    {
        // A price times units is an amount, which leaves rounded; alone it would be the price.
        let may_hold_price = derived.is_computed() && derived.columns().count() > 1;
        for column in derived.columns() {
            let Some(private) = private.get(&fold(column)) else { continue };
            if !(private.class() == Class::Price && may_hold_price) {
                let hint = "an id can be made of it with `hash: {…}`";
                reader
                    .refuse(&key(&format!("derived.{field}")), format!("{}; {hint}", told(column, *private)));
            }
        }
    }
}

/// Columns whose values can have other words, beside those that have a vocabulary.
const WORDED: [Field; 6] = [
    Field::Manufacturer,
    Field::State,
    Field::Payer,
    Field::UnitType,
    Field::ReasonCodes,
    Field::Transaction,
];

/// An open table whose names are our columns.
fn by_field(reader: &mut Reader<'_>, key: &str) -> BTreeMap<Field, String> {
    let mut texts = BTreeMap::new();
    for (ours, text) in reader.map(key) {
        if let Some(field) = Field::from_name(&ours) {
            drop(texts.insert(field, text));
        } else {
            let near = nearest(&ours, Field::ALL.iter().map(|field| field.name()));
            reader.refuse(
                &format!("{key}.{ours}"),
                format!("`{ours}` is none of our column names; did you mean `{near}`?"),
            );
        }
    }
    texts
}

/// The implied decimals of `overpunch 2`, for a column of amounts.
fn overpunch(field: Field, text: &str) -> Option<u8> {
    let is_amount = AMOUNTS.contains(&field);
    text.strip_prefix("overpunch ").filter(|_| is_amount)?.parse().ok().filter(|decimals| *decimals <= 9)
}

const AMOUNTS: [Field; 4] =
    [Field::UnitsInvoiced, Field::UnitsDisputed, Field::UnitRebateAmount, Field::AmountDisputed];

fn vocabulary(reader: &mut Reader<'_>, key: &dyn Fn(&str) -> String) -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    for (word, ours) in reader.map(&key("values.program")) {
        if let Some(program) = Program::from_name(&ours) {
            vocabulary.add_program(&word, program);
        } else {
            let near = nearest(&ours, Program::ALL.iter().map(|program| program.as_str()));
            reader.refuse(
                &key(&format!("values.program.{word}")),
                format!("it is not a program; did you mean `{near}`?"),
            );
        }
    }
    for (word, ours) in reader.map(&key("values.status")) {
        vocabulary.add_status(&word, &ours);
    }
    for (word, ours) in reader.map(&key("values.delivery_system")) {
        match DeliverySystem::from_name(&ours) {
            Some(system) => vocabulary.add_delivery_system(&word, system),
            None => reader.refuse(&key(&format!("values.delivery_system.{word}")), "expected `ffs` or `mco`"),
        }
    }
    vocabulary.set_open_statuses(reader.list(&key("open_statuses")));
    if let Some(decimals) = reader.optional_integer::<u8>(&key("overpunch_decimals"), 0..=9) {
        for field in AMOUNTS {
            vocabulary.set_overpunch(field, decimals);
        }
    }
    vocabulary
}

/// The database of a source, where it has one. `key` gives the full name of a key of that source.
fn database(reader: &mut Reader<'_>, key: &dyn Fn(&str) -> String) -> Option<Database> {
    let address = reader.check(&key("database"), parse_address);
    let is_set = reader.optional_text(&key("database")).is_some();
    let (table, query) = (reader.optional_text(&key("table")), reader.optional_text(&key("query")));
    reader.exclusive(&key("table"), &key("query"));
    let tls =
        reader.one_of(&key("tls"), &[("verify", Tls::Verify), ("encrypt", Tls::Encrypt), ("off", Tls::Off)]);
    let authority = reader.optional_path(&key("ca_file")).and_then(|path| match fs::read(&path) {
        Ok(pem) => Some(pem),
        Err(error) => {
            reader.refuse(&key("ca_file"), format!("it cannot be read: {error}"));
            None
        }
    });
    let timeout = reader.duration(&key("timeout"));
    let relation = match (table, query) {
        (Some(table), None) => Relation::Table(table),
        (None, Some(query)) => Relation::Query(query),
        (None, None) => {
            if is_set {
                reader.require(&key("table"));
            }
            return None;
        }
        // Told as exclusive.
        (Some(_), Some(_)) => return None,
    };
    if !is_set {
        reader.require(&key("database"));
        return None;
    }
    let (server, host, port, name) = address?;
    let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if server == Server::SqlServer && tls == Tls::Off && !is_here {
        reader.refuse(
            &key("tls"),
            "SQL Server is read over encrypted connections only, but for one on this machine",
        );
    }
    Some(Database { server, host, port, name, relation, tls, authority, timeout })
}
