//! `disputebot plan`: what a run would write.

use serde::Serialize;

use super::{
    CliError, Common, Exit, Ui,
    cluster::{tell_input, tell_rejects},
    runtime,
};
use crate::{
    apply::{SystemClock, pause::Slate},
    config::{Needs, Settings},
    jira::Client,
    plan::{self, Detail, Plan},
    run::{self, internal},
    state::{Known, Rows},
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
    /// The plan of tickets for staff; none where staff gets none.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<&'a Plan>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { source: true, jira: true }, &[], ui)?;
    let templates = settings.compile()?;
    let tables = settings.tables.clone();
    let client = client_of(&settings)?;
    let (pass, internal) = runtime()?.block_on(async {
        let pass = run::plan_only(
            &settings.run,
            &tables,
            &templates,
            &settings.state,
            &client,
            &SystemClock,
            &mut |progress| ui.progress(progress),
        )
        .await?;
        let Some(project) = super::internal::beside(&settings, &client) else {
            return Ok::<_, CliError>((pass, None));
        };
        let (clients, known) = (Known::read(&settings.state)?, super::internal::known(&settings)?);
        let (params, surveyed) = (&settings.run, &pass.surveyed);
        let planned =
            internal::plan_only(params, surveyed, &clients, &templates, known, &project, &SystemClock)
                .await?;
        Ok((pass, Some(planned.plan)))
    })?;
    ui.clear();
    tell_input(&pass.surveyed.batch, ui);
    tell_rejects(&pass.surveyed.reference_rejects, ui);
    let is_empty = pass.plan.is_empty() && internal.as_ref().is_none_or(Plan::is_empty);
    if arguments.json {
        ui.json(&Answer { rows: pass.surveyed.rows, plan: &pass.plan, internal: internal.as_ref() })?;
    } else {
        let detail = if arguments.full { Detail::Full } else { Detail::Lines };
        ui.data(&plan::print(&pass.plan, detail))?;
        if let Some(internal) = &internal {
            ui.data(&super::internal::print(internal, detail))?;
        }
        if pass.unready.is_empty() && !is_empty {
            ui.say("`disputebot run` applies it");
        }
    }
    for problem in &pass.unready {
        ui.warn(&format!("a run would write nothing, because Jira would refuse it: {problem}"));
    }
    Ok(if arguments.check && !is_empty { Exit::Pending } else { Exit::Done })
}

/// A client of the configured site, which keeps what it is told to wait for beside the state.
pub(super) fn client_of(settings: &Settings) -> Result<Client, CliError> {
    let jira = settings.jira.clone().ok_or_else(|| CliError::new(Exit::Config, "`jira.url` is required"))?;
    let client = Client::new(jira)?;
    client.tell(Slate::beside(&settings.state));
    Ok(client)
}
