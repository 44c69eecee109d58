//! `disputebot run`: one pass.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{
    CliError, Common, Exit, Ui,
    cluster::{tell_input, tell_rejects},
    plan::client_of,
    runtime,
};
use crate::{
    apply::{Applied, Failure, Recovered, SystemClock},
    config::Needs,
    daemon,
    plan::{self, Detail, Plan},
    run::{
        self, Pass,
        internal::{self, Desk},
    },
    state::{Rows, RunRecord, State},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Prints what was done as JSON
    #[arg(long)]
    json: bool,
    /// Takes the project over from another disputebot, which must be gone for good
    #[arg(long)]
    take_over: bool,
    /// Goes on with a project whose site has another address now, or that has another key
    #[arg(long)]
    same_project: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    run: Option<&'a RunRecord>,
    plan: &'a Plan,
    /// The plan of tickets for staff; none where staff gets none.
    #[serde(skip_serializing_if = "Option::is_none")]
    internal: Option<&'a Plan>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let mut settings = common.settings(Needs { source: true, jira: true }, &[], ui)?;
    settings.run.apply.take_over = arguments.take_over;
    settings.run.apply.same_project = arguments.same_project;
    let templates = settings.compile()?;
    let tables = settings.tables.clone();
    let client = client_of(&settings)?;
    let mut state = State::open(&settings.state)?;
    state.healed().into_iter().for_each(|told| ui.warn(told));
    let mut desk = super::internal::desk(&settings, &client)?;
    if let Some(told) = super::check::token_notice(&settings) {
        ui.warn(&told);
    }
    let (pass, internal) = runtime()?.block_on(async {
        let stop = CancellationToken::new();
        let signals = daemon::stop_on_signals(stop.clone(), Exit::Partial as i32);
        let pass = run::pass(
            &settings.run,
            &tables,
            &templates,
            &mut state,
            &client,
            &SystemClock,
            &stop,
            &mut |progress| ui.progress(progress),
        )
        .await;
        let internal = match (&pass, &mut desk) {
            (Ok(pass), Some(Desk { client, state: own })) => {
                let (surveyed, clients) = (&pass.surveyed, state.known());
                let (params, clock) = (&settings.run, &SystemClock);
                Some(internal::pass(params, surveyed, clients, &templates, own, client, clock, &stop).await)
            }
            _ => None,
        };
        signals.abort();
        pass.map(|pass| (pass, internal))
    })?;
    let internal = internal.transpose();
    ui.clear();
    tell_input(&pass.surveyed.batch, ui);
    tell_rejects(&pass.surveyed.reference_rejects, ui);
    tell_recovered(&pass.recovered, ui);
    if arguments.json {
        let internal = internal.as_ref().ok().and_then(Option::as_ref).map(|internal| &internal.plan);
        ui.json(&Answer { run: pass.record.as_ref(), plan: &pass.plan, internal })?;
    } else {
        let applied = |text: String| text.replace("nothing has been changed yet", "applied");
        ui.data(&applied(plan::print(&pass.plan, Detail::Lines)))?;
        if let Ok(Some(internal)) = &internal {
            ui.data(&applied(super::internal::print(&internal.plan, Detail::Lines)))?;
        }
        tell(&pass, ui);
    }
    let exit = exit_of(pass.applied.as_ref());
    let Some(internal) =
        internal.inspect_err(|_| ui.warn("the tickets for staff could not be looked after"))?
    else {
        return Ok(exit);
    };
    super::internal::tell(&internal, ui);
    Ok(if exit == Exit::Done { exit_of(internal.applied.as_ref()) } else { exit })
}

/// What was found out about tickets before the run looked at disputes.
pub(super) fn tell_recovered(recovered: &Recovered, ui: &mut Ui) {
    let Recovered { bound, released, strange, unclean: _, unread: _, elsewhere } = recovered;
    let hidden: Vec<&str> =
        elsewhere.iter().filter(|(_, shown)| !**shown).map(|(key, _)| key.as_str()).collect();
    if !hidden.is_empty() {
        ui.warn(&format!(
            "Jira does not show {}, where tickets are or were opened: none is opened there now; where that is for good, \
             take it out of the rules of routing and set `jira.left_projects`",
            hidden.join(", ")
        ));
    }
    if *bound > 0 {
        ui.say(&format!("{bound} tickets found again in Jira and bound to their groups"));
    }
    if *released > 0 {
        ui.say(&format!("{released} lost creates never reached Jira and are sent again"));
    }
    if !strange.is_empty() {
        ui.warn(&format!(
            "issues of the project that carry disputebot's label, but no mark of a group of this one: {}; it leaves them alone",
            strange.join(", ")
        ));
    }
}

/// The sums of a run: where every row went, and what was done.
pub(super) fn tell(pass: &Pass, ui: &mut Ui) {
    ui.say(&accounted(pass.surveyed.rows));
    for remark in pass.surveyed.batch.sources.iter().flat_map(|source| &source.remarks) {
        ui.warn(remark);
    }
    if let Some(applied) = &pass.applied {
        let mut text = format!("{} of {} writes done", applied.done.len(), pass.plan.actions.len());
        if !applied.failed.is_empty() {
            text.push_str(&format!(", {} failed", applied.failed.len()));
        }
        if !applied.untried.is_empty() {
            text.push_str(&format!(", {} not tried; the next run goes on", applied.untried.len()));
        }
        ui.say(&text);
        tell_failed(applied, ui);
    }
}

/// What could not be written, and why.
pub(super) fn tell_failed(applied: &Applied, ui: &mut Ui) {
    let mut untried: BTreeMap<&str, usize> = BTreeMap::new();
    for (action, failure) in &applied.failed {
        if let Failure::Breaker(kind) = failure {
            *untried.entry(kind).or_default() += 1;
            continue;
        }
        let key = action.key.as_deref().unwrap_or("new ticket");
        ui.warn(&format!("{} for {key} ({}): {failure}", action.write.kind(), action.title));
    }
    for (kind, count) in untried {
        ui.warn(&format!("{count} {kind}: {}; the next run tries again", Failure::Breaker(kind)));
    }
}

/// The sum over all rows, as every run prints it.
pub(super) fn accounted(rows: Rows) -> String {
    let Rows { read, grouped, ungrouped, not_open, repeated, superseded, rejected, netted } = rows;
    let mut parts = vec![
        format!("{grouped} in groups"),
        format!("{ungrouped} ungrouped"),
        format!("{rejected} rejected"),
    ];
    for (count, name) in [
        (not_open, "settled"),
        (repeated, "repeated"),
        (superseded, "superseded"),
        (netted, "cancelled by other lines of their claim"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    format!("{read} rows: {}", parts.join(", "))
}

fn exit_of(applied: Option<&Applied>) -> Exit {
    match applied {
        Some(applied)
            if applied.done.is_empty() && !applied.untried.is_empty() && !applied.failed.is_empty() =>
        {
            Exit::Jira
        }
        Some(applied) if !applied.failed.is_empty() => Exit::Partial,
        _ => Exit::Done,
    }
}
