//! `disputebot init`: a commented config with all that can be found out.

use std::{fs, path::PathBuf};

use super::{CliError, Exit, Ui};
use crate::{
    config::{FILE_NAME, Found, starter},
    dispute::{Field, Tables},
    source::{self, Guess},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where to write it; `-` prints it
    #[arg(long, default_value = FILE_NAME, value_name = "FILE")]
    out: PathBuf,
    /// Guesses which column is which from this file, or from one at `s3://`, `az://` or `gs://`
    #[arg(long, value_name = "FILE|URL")]
    from: Option<String>,
    /// Replaces an existing file
    #[arg(long)]
    force: bool,
}

pub(super) fn execute(arguments: &Arguments, ui: &mut Ui) -> Result<Exit, CliError> {
    let mut found = find_out();
    if let Some(from) = &arguments.from {
        guess(from, &mut found)?;
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

/// Guesses the layout or the columns of a file, and says what to look at. No value of the file is written.
fn guess(from: &str, found: &mut Found) -> Result<(), CliError> {
    let settings = source::Settings { paths: vec![PathBuf::from(from)], ..source::Settings::default() };
    let tables = Tables::embedded();
    let Guess { layout, columns, unknown, headless } =
        source::look(&settings, &tables).map_err(|reason| CliError::new(Exit::Input, reason))?;
    found.paths = vec![from.to_owned()];
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
    if found.paths.is_empty() {
        steps.push("set `source.paths` to your dispute files");
    }
    if found.jira_url.is_none() || found.jira_project.is_none() {
        steps.push("set `jira.url`, `jira.project` and `jira.user`");
    }
    steps.push("put the API token into DISPUTEBOT_JIRA_TOKEN or a file that `jira.token_file` names");
    steps.push("disputebot check    tries everything and writes nothing");
    steps.push("disputebot plan     shows what a run would write");
    steps
}
