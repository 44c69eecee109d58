//! `disputebot source`: what is read, before anything is made of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, RandomState},
};

use serde::Serialize;

use super::{CliError, Common, Exit, Ui, ui};
use crate::{
    config::Needs,
    dispute::{Dispute, Field, Tables, quoted},
    run::Progress,
    source::{self, Sample, SampleColumn, Settings, Survey},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Shows the first rows as mapped, the rejects and a profile of each column
    Preview(PreviewArguments),
}

#[derive(Debug, clap::Args)]
struct PreviewArguments {
    /// Shows one of several sources
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Number of rows shown
    #[arg(long, default_value_t = 5, value_name = "N")]
    rows: usize,
    /// Number of rejected rows shown
    #[arg(long, default_value_t = 5, value_name = "N")]
    rejects: usize,
    /// Prints it as JSON
    #[arg(long)]
    json: bool,
}

/// Different values that are told apart; more are "over" this.
const MOST_DISTINCT: usize = 10_000;
/// Examples of a column.
const EXAMPLES: usize = 3;
/// Rows by which columns are looked at that nothing is read from.
const SAMPLED: u64 = 10_000;

/// What a source looks like.
#[derive(Debug, Serialize)]
struct Preview {
    source: String,
    /// The named layout by which it is read; empty where there is none.
    layout: String,
    rows: u64,
    rejected: u64,
    /// What is missing; empty where the source is complete.
    incomplete: Vec<String>,
    /// The first rows: our column and its value.
    first: Vec<BTreeMap<&'static str, String>>,
    rejects: Vec<String>,
    columns: Vec<Profile>,
    notes: Vec<String>,
    /// Columns of the source that nothing of ours is read from.
    unused: Vec<String>,
    sample: Option<Sampled>,
}

/// Columns of the first file as they stand there: those that nothing is read from, or all, where no row can be read.
#[derive(Debug, Serialize)]
struct Sampled {
    file: String,
    rows: u64,
    columns: Vec<Unread>,
}

#[derive(Debug, Serialize)]
struct Unread {
    column: String,
    filled: u64,
    distinct: u64,
    shapes: Vec<String>,
}

/// What stands in one column.
#[derive(Debug, Serialize)]
struct Profile {
    column: &'static str,
    /// Its name in the source.
    of: String,
    filled: u64,
    distinct: String,
    private: bool,
    examples: Vec<String>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let Command::Preview(arguments) = &arguments.command;
    let settings = common.settings(Needs { source: true, jira: false }, &[], ui)?;
    let sources: Vec<&Settings> = settings
        .run
        .sources
        .iter()
        .filter(|source| arguments.source.as_ref().is_none_or(|name| source.name == *name))
        .collect();
    if sources.is_empty() {
        let names: Vec<&str> = settings.run.sources.iter().map(|source| source.name.as_str()).collect();
        let wanted = arguments.source.as_deref().unwrap_or_default();
        return Err(CliError::new(Exit::Usage, format!("there is no source `{wanted}`"))
            .hint(format!("the sources are `{}`", names.join("`, `"))));
    }
    let previews: Vec<Preview> =
        sources.iter().map(|source| preview(source, &settings.tables, arguments, ui)).collect();
    ui.clear();
    if arguments.json {
        ui.json(&previews)?;
    } else {
        let texts: Vec<String> = previews.iter().map(text).collect();
        ui.data(&texts.join("\n"))?;
    }
    Ok(if previews.iter().all(|preview| preview.rows == 0) { Exit::Input } else { Exit::Done })
}

fn preview(settings: &Settings, tables: &Tables, arguments: &PreviewArguments, ui: &mut Ui) -> Preview {
    // A preview is of the files themselves.
    let settings = &Settings { keep: None, ..settings.clone() };
    let mut counts: [Counted; Field::ALL.len()] = std::array::from_fn(|_| Counted::default());
    let hasher = RandomState::new();
    let mut first = Vec::new();
    let survey =
        source::each(settings, tables, &mut |seen| ui.progress(Progress::Reading(seen)), &mut |located| {
            let texts = texts(&located.dispute);
            for (field, text) in &texts {
                counts[*field as usize].add(text, *field, hasher.hash_one(text.as_str()));
            }
            if first.len() < arguments.rows {
                first.push(texts.iter().map(|(field, text)| (field.name(), field.quoted(text))).collect());
            }
        });
    let Survey { rows, rejects, warnings, reasons, .. } = &survey;
    // What keeps it from being looked at is told by the reading of all.
    let sample = source::sample(settings, SAMPLED).unwrap_or_default();
    let is_in_source = |field: Field| {
        settings.columns.contains_key(&field)
            || sample.columns.iter().any(|column| column.field == Some(field))
    };
    let columns = Field::ALL
        .into_iter()
        .zip(counts)
        .filter(|(field, counted)| counted.filled > 0 || (*rows > 0 && is_in_source(*field)));
    Preview {
        source: settings.name.clone(),
        layout: settings.layout.name.clone(),
        rows: *rows,
        rejected: rejects.len() as u64,
        incomplete: reasons.iter().map(ToString::to_string).collect(),
        first,
        rejects: rejects
            .iter()
            .take(arguments.rejects)
            .map(|reject| {
                let file = reject.file.file_name().unwrap_or_default().to_string_lossy();
                format!("{file}, {reject}")
            })
            .collect(),
        columns: columns
            .map(|(field, Counted { filled, distinct, examples })| Profile {
                column: field.name(),
                of: settings.column(field).to_owned(),
                filled,
                distinct: match distinct.len() {
                    many if many > MOST_DISTINCT => format!("over {MOST_DISTINCT}"),
                    few => few.to_string(),
                },
                private: field.is_private(),
                examples,
            })
            .collect(),
        notes: survey.remarks().cloned().chain(warnings.iter().map(ToString::to_string)).collect(),
        unused: unused(&survey, &sample),
        sample: sampled(sample, *rows > 0),
    }
}

/// Of all files, as far as anything is known of their columns.
fn unused(survey: &Survey, sample: &Sample) -> Vec<String> {
    let sampled = sample.columns.iter().filter(|column| !column.is_read).map(|column| column.name.clone());
    let all: BTreeSet<String> = survey.unused_columns().map(|name| quoted(name)).chain(sampled).collect();
    all.into_iter().collect()
}

fn sampled(sample: Sample, are_rows: bool) -> Option<Sampled> {
    let columns = sample.columns.into_iter().filter(|column| !(are_rows && column.is_read));
    let columns: Vec<Unread> = columns
        .map(|SampleColumn { name: column, filled, distinct, shapes, .. }| Unread {
            column,
            filled,
            distinct,
            shapes,
        })
        .collect();
    let file = sample.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    (sample.rows > 0 && !columns.is_empty()).then_some(Sampled { file, rows: sample.rows, columns })
}

#[derive(Debug, Default)]
struct Counted {
    filled: u64,
    distinct: BTreeSet<u64>,
    examples: Vec<String>,
}

impl Counted {
    fn add(&mut self, text: &str, field: Field, hash: u64) {
        self.filled += 1;
        let is_new = self.distinct.len() <= MOST_DISTINCT && self.distinct.insert(hash);
        if is_new && self.examples.len() < EXAMPLES {
            let shown = field.quoted(text);
            if !self.examples.contains(&shown) {
                self.examples.push(shown);
            }
        }
    }
}

/// What a dispute has of each column, where it has anything.
fn texts(dispute: &Dispute) -> Vec<(Field, String)> {
    dispute.values().into_iter().filter_map(|(field, value)| Some((field, value?.to_string()))).collect()
}

fn text(preview: &Preview) -> String {
    let Preview {
        source,
        layout,
        rows,
        rejected,
        incomplete,
        first,
        rejects,
        columns,
        notes,
        unused,
        sample,
    } = preview;
    let mut text = if source.is_empty() { String::new() } else { format!("source `{source}`\n") };
    if !layout.is_empty() {
        text.push_str(&format!("layout `{layout}`\n"));
    }
    text.push_str(&format!("{rows} rows, {rejected} rejected\n"));
    for reason in incomplete {
        text.push_str(&format!("incomplete: {reason}\n"));
    }
    if !columns.is_empty() {
        let profiles: Vec<Vec<String>> = columns
            .iter()
            .map(|profile| {
                let of = if profile.of == profile.column { "" } else { profile.of.as_str() };
                vec![
                    profile.column.to_owned(),
                    ui::clip(of, 24),
                    profile.filled.to_string(),
                    profile.distinct.clone(),
                    ui::clip(&profile.examples.join(", "), 60),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&ui::table(
            &["COLUMN", "IN THE SOURCE", "FILLED", "DISTINCT", "EXAMPLES"],
            &profiles,
            &[2, 3],
        ));
        let header: Vec<&str> = columns.iter().map(|profile| profile.column).collect();
        let rows: Vec<Vec<String>> = first
            .iter()
            .map(|row| {
                let cell = |name: &&str| ui::clip(row.get(name).map_or("", String::as_str), 18);
                header.iter().map(cell).collect()
            })
            .collect();
        text.push('\n');
        text.push_str(&ui::table(&header, &rows, &[]));
    }
    for (title, lines) in [("rejected", rejects), ("note", notes)] {
        if !lines.is_empty() {
            text.push('\n');
        }
        for line in lines {
            text.push_str(&format!("{title}: {line}\n"));
        }
        let more = rejected.saturating_sub(rejects.len() as u64);
        if title == "rejected" && more > 0 {
            text.push_str(&format!("and {more} more; `--rejects {rejected}` shows all\n"));
        }
    }
    let mut elsewhere: Vec<&str> = unused.iter().map(String::as_str).collect();
    if let Some(Sampled { file, rows: seen, columns }) = sample {
        elsewhere.retain(|name| columns.iter().all(|column| column.column != *name));
        let what = if *rows > 0 { "not read" } else { "as they stand" };
        text.push_str(&format!("\n{what}, by the first {seen} rows of `{file}`\n"));
        let lines: Vec<Vec<String>> = columns
            .iter()
            .map(|Unread { column, filled, distinct, shapes }| {
                let shapes = ui::clip(&shapes.join(", "), 60);
                vec![column.clone(), filled.to_string(), distinct.to_string(), shapes]
            })
            .collect();
        text.push_str(&ui::table(&["IN THE SOURCE", "FILLED", "DISTINCT", "SHAPES"], &lines, &[1, 2]));
    }
    if !elsewhere.is_empty() {
        text.push_str(&format!("\nnot read: {}\n", elsewhere.join(", ")));
    }
    text
}
