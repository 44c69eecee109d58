//! `disputebot cluster`: group a file, nothing else.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use super::{CliError, Common, Exit, Ui, ui};
use crate::{
    cluster::{self, Bond, Embedding, Engine, Guidance, Link, Links, TableBuilder},
    config::{Assignment, Needs},
    dispute::Tables,
    run::{self, Progress},
    source::{self, Completeness, Previous},
    ticket::words,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files or folders with disputes (CSV or NDJSON, plain or gzipped)
    #[arg(long, required = true, value_name = "FILE")]
    input: Vec<PathBuf>,
    /// Where to write `dispute_id,group`; the group of an ungrouped dispute is empty
    #[arg(long, value_name = "FILE")]
    assignments: Option<PathBuf>,
    /// Engine: `patterns`, or the baseline `groupby`
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// CSV with the columns `one,other,bond`: pairs of disputes that `must` or `cannot` share a group
    #[arg(long, value_name = "FILE")]
    links: Option<PathBuf>,
    /// Files or folders with all disputes ever seen, settled ones too: how often values occur ordinarily
    #[arg(long, value_name = "FILE")]
    reference: Vec<PathBuf>,
    /// Text file with a word and its vector on each line, to compare notes by meaning
    #[arg(long, value_name = "FILE")]
    embedding: Option<PathBuf>,
    /// Prints the groups as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Answer {
    rows: u64,
    disputes: usize,
    grouped: usize,
    ungrouped: usize,
    rejected: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<OfReference>,
    groups: Vec<Listed>,
}

#[derive(Debug, Serialize)]
struct OfReference {
    rows: u64,
    rejected: usize,
}

#[derive(Debug, Serialize)]
struct Listed {
    group: String,
    program: &'static str,
    client: String,
    disputes: usize,
    rule: Vec<String>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let mut more = Vec::new();
    if let Some(engine) = &arguments.engine {
        more.push(Assignment::flag("--engine", "cluster.engine", engine));
    }
    let settings = common.settings(Needs::default(), &more, ui)?;
    let links = arguments.links.as_deref().map(links).transpose()?.unwrap_or_default();
    let embedding = arguments.embedding.as_deref().map(embedding).transpose()?.map(Arc::new);
    let params = &settings.run.cluster;
    let of_reference = |paths: &Vec<PathBuf>| {
        let source = source::Settings { paths: paths.clone(), ..settings.named_files.clone() };
        let progress = &mut |seen: Progress<'_>| ui.progress(seen);
        run::reference(&source, embedding.clone(), params.min_group, &settings.tables, progress)
    };
    let reference =
        Some(&arguments.reference).filter(|paths| !paths.is_empty()).map(of_reference).transpose()?;
    let (builder, counts) = read(&arguments.input, settings.named_files, &settings.tables, ui)?;
    if let Some(reference) = &reference {
        tell_rejects(&reference.rejects, ui);
    }
    ui.progress(Progress::Grouping(counts.open as usize));
    let table = builder.with_embedding(embedding).finish(params.min_group);
    let guidance = Guidance { reference: reference.as_ref().map(|it| &it.table), links: Some(&links) };
    let clusters = cluster::cluster_guided(&table, params, guidance);
    let engine = match settings.run.cluster.engine {
        Engine::Patterns => "patterns",
        Engine::GroupBy => "groupby",
    };

    let mut group_of = vec![None; table.len()];
    for (index, cluster) in clusters.iter().enumerate() {
        for row in &cluster.rows {
            group_of[*row] = Some(index);
        }
    }
    let grouped = group_of.iter().flatten().count();
    if let Some(path) = &arguments.assignments {
        let failed = |error: csv::Error| {
            CliError::new(Exit::Input, format!("could not write `{}`: {error}", path.display()))
        };
        let file = File::create(path).map_err(|error| {
            CliError::new(Exit::Input, format!("could not write `{}`: {error}", path.display()))
        })?;
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        writer.write_record(["dispute_id", "group"]).map_err(failed)?;
        let mut rows: Vec<usize> = (0..table.len()).collect();
        rows.sort_by_key(|row| table.id(*row).clone());
        for row in rows {
            let group = group_of[row].map(name).unwrap_or_default();
            writer.write_record([&**table.id(row), group.as_str()]).map_err(failed)?;
        }
        writer.flush()?;
    }

    let listed: Vec<Listed> = clusters
        .iter()
        .enumerate()
        .map(|(index, cluster)| Listed {
            group: name(index),
            program: cluster.program.as_str(),
            client: cluster.client.to_string(),
            disputes: cluster.rows.len(),
            rule: cluster.patterns.iter().map(|pattern| words::items(pattern)).collect(),
        })
        .collect();
    if arguments.json {
        ui.json(&Answer {
            rows: counts.rows,
            disputes: table.len(),
            grouped,
            ungrouped: table.len() - grouped,
            rejected: counts.rejected,
            reference: reference.map(|it| OfReference { rows: it.rows, rejected: it.rejects.len() }),
            groups: listed,
        })?;
        return Ok(Exit::Done);
    }
    let mut largest: Vec<&Listed> = listed.iter().collect();
    largest.sort_by(|a, b| b.disputes.cmp(&a.disputes).then_with(|| a.group.cmp(&b.group)));
    let rows: Vec<Vec<String>> = largest
        .iter()
        .take(20)
        .map(|group| {
            vec![
                group.group.clone(),
                group.disputes.to_string(),
                group.program.to_owned(),
                ui::clip(&group.client, 24),
                ui::clip(group.rule.first().map_or("", String::as_str), 80),
            ]
        })
        .collect();
    ui.data(&ui::table(&["GROUP", "DISPUTES", "PROGRAM", "CLIENT", "SHARED BY ITS DISPUTES"], &rows, &[1]))?;
    ui.say(&format!(
        "{} disputes: {grouped} in {} groups, {} ungrouped (engine {engine}){}",
        table.len(),
        clusters.len(),
        table.len() - grouped,
        if clusters.len() > 20 { "; the 20 largest are shown" } else { "" },
    ));
    Ok(Exit::Done)
}

/// Reads the open disputes of `paths` into a table, without keeping them.
/// Pairs of disputes that triagers put together or kept apart.
fn links(path: &Path) -> Result<Links, CliError> {
    let failed = |what: String| CliError::new(Exit::Input, format!("`{}`: {what}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(|error| failed(error.to_string()))?;
    let header = reader.headers().map_err(|error| failed(error.to_string()))?.clone();
    let place = |name: &str| {
        header.iter().position(|column| column.trim() == name).ok_or_else(|| {
            let found = header.iter().collect::<Vec<_>>().join("`, `");
            failed(format!("expected a column `{name}`, found `{found}`"))
        })
    };
    let (one, other, bond) = (place("one")?, place("other")?, place("bond")?);
    let mut links = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| failed(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = |place: usize| record.get(place).unwrap_or_default().trim();
        let bond = match text(bond) {
            "must" => Bond::Must,
            "cannot" => Bond::Cannot,
            found => {
                return Err(failed(format!(
                    "line {line}, column `bond`: expected `must` or `cannot`, found `{found}`"
                )));
            }
        };
        links.push(Link { one: text(one).into(), other: text(other).into(), bond });
    }
    Links::new(&links).map_err(|error| failed(error.to_string()))
}

/// Word vectors.
fn embedding(path: &Path) -> Result<Embedding, CliError> {
    let failed = |what: String| CliError::new(Exit::Input, format!("`{}`: {what}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Embedding::parse(&text).map_err(|error| failed(error.to_string()))
}

fn read(
    paths: &[PathBuf],
    settings: source::Settings,
    tables: &Tables,
    ui: &mut Ui,
) -> Result<(TableBuilder, source::Counts), CliError> {
    let source = source::Settings { paths: paths.to_vec(), ..settings };
    let mut builder = TableBuilder::new();
    let account = source::open_disputes(
        &source,
        tables,
        &Previous::default(),
        &mut |seen| ui.progress(Progress::Reading(seen)),
        &mut |dispute| builder.push(dispute),
    );
    if account.withdrawn.is_empty() {
        tell_account(&account.rejects, &account.warnings, &account.completeness, ui);
        refuse_nothing(account.counts, &account.completeness)?;
        return Ok((builder, account.counts));
    }
    drop(builder);
    let batch = load(paths, source, tables, ui)?;
    let mut builder = TableBuilder::new();
    for dispute in &batch.disputes {
        builder.push(dispute);
    }
    Ok((builder, batch.counts))
}

/// Reads disputes from `paths`, with all other settings as configured; no row at all is an error.
pub(super) fn load(
    paths: &[PathBuf],
    settings: source::Settings,
    tables: &Tables,
    ui: &mut Ui,
) -> Result<source::Batch, CliError> {
    let source = source::Settings { paths: paths.to_vec(), ..settings };
    let batch = source::load(&source, tables, &Previous::default(), &mut |seen| {
        ui.progress(Progress::Reading(seen));
    });
    tell_input(&batch, ui);
    refuse_nothing(batch.counts, &batch.completeness)?;
    Ok(batch)
}

/// An input without any row answers nothing.
pub(super) fn refuse_nothing(counts: source::Counts, completeness: &Completeness) -> Result<(), CliError> {
    if counts.rows > 0 {
        return Ok(());
    }
    let said = match completeness {
        Completeness::Incomplete(reasons) => {
            reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        Completeness::Complete => "no rows".to_owned(),
    };
    Err(CliError::new(Exit::Input, format!("no disputes could be read: {said}")))
}

/// Says what became of the rows that are no open disputes.
pub(super) fn tell_input(batch: &source::Batch, ui: &mut Ui) {
    tell_account(&batch.rejects, &batch.warnings, &batch.completeness, ui);
    let source::Shared { same, different } = batch.shared;
    if same + different > 0 {
        ui.say(&format!(
            "note: {} disputes are in more than one source, {different} of them with other contents; the later source counts",
            same + different
        ));
    }
}

fn tell_account(
    rejects: &[source::Reject],
    warnings: &[source::CountedWarning],
    completeness: &Completeness,
    ui: &mut Ui,
) {
    tell_rejects(rejects, ui);
    for warning in warnings {
        ui.say(&format!("note: {warning}"));
    }
    if let Completeness::Incomplete(reasons) = completeness {
        let reasons: Vec<String> = reasons.iter().map(|reason| format!("\n  {reason}")).collect();
        ui.warn(&format!("the input is incomplete, so nothing is closed or shrunk{}", reasons.concat()));
    }
}

/// Says which rows were skipped, by file.
pub(super) fn tell_rejects(rejects: &[source::Reject], ui: &mut Ui) {
    const SHOWN: usize = 5;
    let mut files: Vec<(&std::path::Path, Vec<&source::Reject>)> = Vec::new();
    for reject in rejects {
        match files.last_mut() {
            Some((file, rejects)) if **file == *reject.file => rejects.push(reject),
            _ => files.push((&reject.file, vec![reject])),
        }
    }
    for (file, rejects) in files {
        let noun = if rejects.len() == 1 { "row" } else { "rows" };
        let mut text = format!("skipped {} {noun} of `{}`", rejects.len(), file.display());
        for reject in rejects.iter().take(SHOWN) {
            text.push_str(&format!("\n  {reject}"));
        }
        if rejects.len() > SHOWN {
            text.push_str(&format!("\n  and {} more", rejects.len() - SHOWN));
        }
        ui.warn(&text);
    }
}

fn name(index: usize) -> String {
    format!("g{:05}", index + 1)
}
