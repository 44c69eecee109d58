//! `disputebot daemon`: passes and reports by schedule.

use tracing_subscriber::{EnvFilter, fmt};

use super::{CliError, Common, Exit, Ui, plan::jira_of, runtime};
use crate::{
    config::{Needs, Settings},
    daemon::{self, Daemon},
    dispute::Tables,
    jira::Client,
    state::State,
    ticket::Templates,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Makes the first pass at once instead of waiting for the schedule
    #[arg(long)]
    now: bool,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { source: true, jira: true }, &[], ui)?;
    start_log(&settings)?;
    let templates = Templates::new(&settings.templates)?;
    let client = Client::new(jira_of(&settings)?)?;
    let state = State::open(&settings.state)?;
    state.healed().into_iter().for_each(|told| tracing::warn!(state.healed = told, "state healed"));
    let dashboard = settings.dashboard.clone().map(|(listen, access)| settings.web(listen, access));
    let daemon = Daemon {
        dashboard,
        params: settings.run,
        tables: Tables::embedded(),
        templates,
        client,
        state,
        delivery: settings.delivery,
        run_schedule: settings.run_schedule,
        report_schedule: settings.report_schedule,
        at_once: arguments.now,
    };
    runtime()?.block_on(daemon::serve(daemon))?;
    Ok(Exit::Done)
}

pub(super) fn start_log(settings: &Settings) -> Result<(), CliError> {
    let level = std::env::var("DISPUTEBOT_LOG").unwrap_or_else(|_| settings.log.level.clone());
    let filter = EnvFilter::try_new(&level).map_err(|error| {
        CliError::new(Exit::Config, format!("`DISPUTEBOT_LOG` is not a log filter: {error}"))
    })?;
    let log = fmt().with_env_filter(filter).with_target(false).with_writer(std::io::stderr);
    let started =
        if settings.log.json { log.json().flatten_event(true).try_init() } else { log.compact().try_init() };
    started.map_err(|error| CliError::new(Exit::Bug, error))
}
