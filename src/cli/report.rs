//! `disputebot report`: the report of a week.

use jiff::Timestamp;
use serde::Serialize;

use super::{CliError, Common, Exit, Ui};
use crate::{
    config::Needs,
    daemon::{ReportError, save_report},
    report::{self, Week, Weekly},
    state::{Head, Known},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ISO week such as 2026-W47; by default the current one
    #[arg(long, value_name = "WEEK")]
    week: Option<String>,
    /// Prints the figures as JSON instead of writing the file
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    weekly: &'a Weekly,
    /// The end of the journal.
    journal: Head,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs::default(), &[], ui)?;
    let zone = settings.run.zone.clone();
    let week = match &arguments.week {
        Some(text) => text.parse::<Week>().map_err(|error| CliError::new(Exit::Usage, error))?,
        None => Week::of(Timestamp::now(), &zone),
    };
    if arguments.json {
        let (known, journal) = Known::read_before(&settings.state, week.bounds(&zone).1)?;
        let weekly = report::weekly(&known, week, &zone);
        ui.json(&Answer { weekly: &weekly, journal })?;
        return Ok(Exit::Done);
    }
    let site = settings.jira.as_ref().map(|jira| jira.url.to_string());
    let browse = |key: &str| {
        site.as_deref()
            .map_or_else(String::new, |site| format!("{}/browse/{key}", site.trim_end_matches('/')))
    };
    let path =
        save_report(&settings.state, &settings.reports, week, &zone, &browse).map_err(
            |error| match error {
                ReportError::State(error) => error.into(),
                ReportError::Page(_) => CliError::new(Exit::Bug, error),
                ReportError::File { .. } => CliError::new(Exit::Input, error),
            },
        )?;
    ui.data(&path.display().to_string())?;
    Ok(Exit::Done)
}
