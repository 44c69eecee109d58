//! `disputebot init`: a commented config with all that can be found out.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::{CliError, Common, Exit, Ui};
use crate::{
    config::{Assignment, FILE_NAME, Found, Layers, Needs, Origin, Settings, starter},
    dispute::{Field, Tables},
    source::{self, Guess},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write it; `-` prints it
    #[arg(long, default_value = FILE_NAME, value_name = "FILE")]
    out: PathBuf,
    /// Guesses which column is which from this file, from one at `s3://`, `az://` or `gs://`, or from a table of a
    /// database; who signs in and other keys of the source are taken from `--set` and from variables
    #[arg(long, value_name = "FILE|URL")]
    from: Option<String>,
    /// The table or view of the database
    #[arg(long, value_name = "NAME", requires = "from")]
    table: Option<String>,
    /// Replaces an existing file
    #[arg(long)]
    force: bool,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let mut found = find_out();
    if let Some(from) = &arguments.from {
        let layers = layers(from, arguments.table.as_deref(), common);
        let (settings, warnings) = Settings::read(&layers, Needs::default())?;
        for warning in warnings {
            ui.warn(&warning.to_string());
        }
        found.paths = if is_database(from) { Vec::new() } else { vec![from.clone()] };
        found.source = told_of_source(&layers);
        guess(&settings, &mut found)?;
    }
    let text = starter(&found);
    if arguments.out.as_os_str() == "-" {
        ui.data(&text)?;
        return Ok(Exit::Done);
    }
    if arguments.out.exists() && !arguments.force {
        return Err(CliError::new(Exit::Config, format!("`{}` exists already", arguments.out.display()))
            .hint("`--force` replaces it, `--out FILE` writes elsewhere"));
    }
    fs::write(&arguments.out, text).map_err(|error| {
        CliError::new(Exit::Config, format!("could not write `{}`: {error}", arguments.out.display()))
    })?;
    ui.say(&format!("wrote `{}`; the next steps:", arguments.out.display()));
    if arguments.from.is_some() {
        ui.say("  confirm the guesses beneath `[source.columns]`");
        ui.say("  disputebot source preview    shows what is read with them");
    }
    for step in next_steps(&found) {
        ui.say(&format!("  {step}"));
    }
    Ok(Exit::Done)
}

/// Whether an address is that of a database.
fn is_database(from: &str) -> bool {
    ["postgres://", "postgresql://", "sqlserver://", "mssql://", "odbc:"]
        .iter()
        .any(|scheme| from.starts_with(scheme))
}

/// What is said about the source beside the config, of which there is none yet.
fn layers(from: &str, table: Option<&str>, common: &Common) -> Layers {
    let mut assignments: Vec<Assignment> = common.set.iter().map(|text| Assignment::set(text)).collect();
    assignments.push(if is_database(from) {
        Assignment::flag("--from", "source.database", from)
    } else {
        Assignment::flags("--from", "source.paths", &[from.to_owned()])
    });
    assignments.extend(table.map(|table| Assignment::flag("--table", "source.table", table)));
    Layers::without_file(std::env::vars_os(), &assignments)
}

/// The keys that say where the source is and who reads it, where anybody has set them; none of them is a secret.
fn told_of_source(layers: &Layers) -> BTreeMap<String, String> {
    const KEYS: [&str; 10] = [
        "endpoint",
        "region",
        "database",
        "table",
        "query",
        "tls",
        "ca_file",
        "timeout",
        "user",
        "secret_file",
    ];
    let shown = layers.show().into_iter().filter(|shown| shown.origin != Origin::Default);
    let of_source = shown.filter_map(|shown| {
        let name = shown.key.strip_prefix("source.")?.to_owned();
        KEYS.contains(&name.as_str()).then_some((name, shown.value))
    });
    of_source.filter(|(_, value)| value != "(secret)").collect()
}

/// Guesses the layout or the columns of a source, and says what to look at. No value of it is written.
fn guess(settings: &Settings, found: &mut Found) -> Result<(), CliError> {
    let tables = Tables::embedded();
    let [source, ..] = settings.run.sources.as_slice() else {
        return Err(CliError::new(Exit::Config, "`--from` names no source"));
    };
    let Guess { layout, columns, unknown, headless } =
        source::look(source, &tables).map_err(|reason| CliError::new(Exit::Input, reason))?;
    if let Some(values) = headless {
        found.about_columns = vec![
            format!(
                "The first line of the file has {values} values and does not look like a header: none is guessed."
            ),
            "Give the file a header, or name the places of its columns in [source.positions].".to_owned(),
        ];
        return Ok(());
    }
    let quoted =
        |names: &[&str]| names.iter().map(|name| crate::dispute::quoted(name)).collect::<Vec<_>>().join(", ");
    let of_layout = |field: &Field| {
        tables.layouts.iter().any(|row| Some(&row.layout) == layout.as_ref() && row.field == Some(*field))
    };
    let lacking: Vec<&str> = Field::REQUIRED
        .into_iter()
        .filter(|field| !columns.contains_key(field) && !of_layout(field))
        .map(Field::name)
        .collect();
    let mut about = match &layout {
        Some(layout) => vec![format!(
            "Its columns are those of the layout `{layout}` (source.layout): please confirm it. Here stands what it lacks."
        )],
        None => vec!["Guessed from the names of the columns: please confirm each.".to_owned()],
    };
    if !unknown.is_empty() {
        let unknown: Vec<&str> = unknown.iter().map(String::as_str).collect();
        about.push(format!("Not recognised, and not read: {}", quoted(&unknown)));
    }
    if !lacking.is_empty() {
        about.push(format!("Not found, but required, here or in [source.constants]: {}", quoted(&lacking)));
    }
    found.about_columns = about;
    found.layout = layout;
    let differs = |(field, name): &(Field, String)| field.name() != name;
    found.columns =
        columns.into_iter().filter(differs).map(|(field, name)| (field.name().to_owned(), name)).collect();
    Ok(())
}

/// Dispute files beside us, and what the environment says of Jira and of the time zone.
fn find_out() -> Found {
    let mut paths: Vec<PathBuf> = fs::read_dir(".")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|path| {
            let name = path.to_string_lossy().to_lowercase();
            [".csv", ".csv.gz", ".ndjson", ".ndjson.gz", ".jsonl", ".jsonl.gz", ".tsv", ".parquet", ".zip"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .collect();
    paths.sort();
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    Found {
        paths: paths.iter().map(|path| path.display().to_string()).collect(),
        jira_url: variable("DISPUTEBOT_JIRA_URL").or_else(|| variable("JIRA_URL")),
        jira_project: variable("DISPUTEBOT_JIRA_PROJECT"),
        jira_user: variable("DISPUTEBOT_JIRA_USER"),
        zone: jiff::tz::TimeZone::system().iana_name().map(str::to_owned),
        ..Found::default()
    }
}

fn next_steps(found: &Found) -> Vec<&'static str> {
    let mut steps = Vec::new();
    if found.paths.is_empty() && !found.source.contains_key("database") {
        steps.push("set `source.paths` to your dispute files");
    }
    if found.source.contains_key("user") && !found.source.contains_key("secret_file") {
        steps.push("put the secret of the source into DISPUTEBOT_SOURCE_SECRET or a file that `source.secret_file` names");
    }
    if found.jira_url.is_none() || found.jira_project.is_none() {
        steps.push("set `jira.url`, `jira.project` and `jira.user`");
    }
    steps.push("put the API token into DISPUTEBOT_JIRA_TOKEN or a file that `jira.token_file` names");
    steps.push("disputebot check    tries everything and writes nothing");
    steps.push("disputebot plan     shows what a run would write");
    steps
}
