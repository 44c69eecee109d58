//! Tickets for staff, after a pass over those of clients.

use super::{CliError, Ui};
use crate::{
    config::Settings,
    jira::Client,
    plan::{self, Detail, Plan},
    run::internal::{self, Desk, Internal},
    state::{Known, State},
};

/// Where tickets for staff are written; none where staff gets none.
pub(super) fn desk(settings: &Settings, client: &Client) -> Result<Option<Desk>, CliError> {
    let Some(project) = beside(settings, client) else { return Ok(None) };
    let state = State::open(&settings.state.join(internal::FOLDER))?;
    Ok(Some(Desk { client: project, state }))
}

/// The client of their project.
pub(super) fn beside(settings: &Settings, client: &Client) -> Option<Client> {
    let config = settings.internal.as_ref()?;
    Some(client.beside(&config.project, &config.issue_type))
}

/// What is known of them; nothing before the first pass.
pub(super) fn known(settings: &Settings) -> Result<Known, CliError> {
    Ok(Known::read(&settings.state.join(internal::FOLDER))?)
}

/// A plan under a heading of its own.
pub(super) fn print(plan: &Plan, detail: Detail) -> String {
    format!("\ninternal tickets, of causes that several clients share\n{}", plan::print(plan, detail))
}

/// The sum of what was done.
pub(super) fn tell(internal: &Internal, ui: &mut Ui) {
    super::run::tell_recovered(&internal.recovered, ui);
    let Some(applied) = &internal.applied else { return };
    ui.say(&format!(
        "internal tickets: {} of {} writes done",
        applied.done.len(),
        internal.plan.actions.len()
    ));
    super::run::tell_failed(applied, ui);
}
