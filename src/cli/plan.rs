//! `disputebot plan`: what a run would write.

use serde::Serialize;

use super::{CliError, Common, Exit, Ui, cluster::tell_input, runtime};
use crate::{
    apply::SystemClock,
    config::Needs,
    jira::Client,
    plan::{self, Detail, Plan},
    run,
    state::Rows,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Prints the full text of every write
    #[arg(long)]
    full: bool,
    /// Ends with exit code 10 where writes are pending
    #[arg(long)]
    check: bool,
    /// Prints the plan as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    rows: Rows,
    plan: &'a Plan,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { source: true, jira: true }, &[], ui)?;
    let templates = settings.compile()?;
    let tables = settings.tables.clone();
    let client = Client::new(jira_of(&settings)?)?;
    let pass = runtime()?.block_on(run::plan_only(
        &settings.run,
        &tables,
        &templates,
        &settings.state,
        &client,
        &SystemClock,
        &mut |progress| ui.progress(progress),
    ))?;
    ui.clear();
    tell_input(&pass.surveyed.batch, ui);
    if arguments.json {
        ui.json(&Answer { rows: pass.surveyed.rows, plan: &pass.plan })?;
    } else {
        let detail = if arguments.full { Detail::Full } else { Detail::Lines };
        ui.data(&plan::print(&pass.plan, detail))?;
        if pass.unready.is_empty() && !pass.plan.is_empty() {
            ui.say("`disputebot run` applies it");
        }
    }
    for problem in &pass.unready {
        ui.warn(&format!("a run would write nothing, because Jira would refuse it: {problem}"));
    }
    Ok(if arguments.check && !pass.plan.is_empty() { Exit::Pending } else { Exit::Done })
}

/// The Jira settings, which [`Needs`] has made sure of.
pub(super) fn jira_of(settings: &crate::config::Settings) -> Result<crate::jira::Settings, CliError> {
    settings.jira.clone().ok_or_else(|| CliError::new(Exit::Config, "`jira.url` is required"))
}
