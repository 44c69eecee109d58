//! Keeps a run from asking again and again for what Jira refuses on every ticket: where a right is lost, a project is
//! archived or a field has become mandatory, thousands of tickets would each be refused by themselves. What one project
//! refuses says nothing of the others.

use std::collections::BTreeMap;

use super::Failure;
use crate::{
    jira::JiraError,
    plan::{Issue, REFUSALS, Write},
};

/// Refusals in a row, by what was to be written and where.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    refused: BTreeMap<(&'static str, String), u32>,
}

impl Breaker {
    /// Why a write is not tried, where the last ones like it were refused.
    pub(super) fn stops(&self, write: &Write) -> Option<Failure> {
        let refused = self.refused.get(&(like(write), place(write))).copied().unwrap_or(0);
        (refused >= REFUSALS).then_some(Failure::Breaker(like(write)))
    }

    /// Whether the last write like it was refused: the next ones are tried one by one.
    pub(super) fn is_wary(&self, write: &Write) -> bool {
        self.refused.get(&(like(write), place(write))).is_some_and(|refused| *refused > 0)
    }

    /// Learns from what became of a write.
    pub(super) fn learn(&mut self, write: &Write, result: &Result<Issue, Failure>) {
        let refused = self.refused.entry((like(write), place(write))).or_default();
        match result {
            Ok(_) => *refused = 0,
            Err(Failure::Jira(error)) if is_of_all(write, error) => {
                *refused += 1;
                if *refused == REFUSALS {
                    tracing::warn!(error = %error, "{} are not tried any more in this run", like(write));
                }
            }
            Err(_) => {}
        }
    }
}

/// Whether a refusal tells of other tickets as well. What is written anew is alike on all of them; of a ticket that is
/// there, it may be its own words or its own status that are refused, unless it is a right that is missing.
fn is_of_all(write: &Write, error: &JiraError) -> bool {
    match write {
        Write::Create { .. } | Write::Attach { .. } => error.is_unexecuted() && !error.is_retryable(),
        _ => error.is_of_rights(),
    }
}

/// The project that a write is for, where it says so.
fn place(write: &Write) -> String {
    let project = match write {
        Write::Create { content, .. } => content.project.as_deref(),
        Write::Update { issue, .. }
        | Write::Comment { issue, .. }
        | Write::Transition { issue, .. }
        | Write::Detach { issue, .. }
        | Write::Unlabel { issue, .. }
        | Write::LinkDuplicate { issue, .. } => issue.project(),
        Write::Introduce { .. } | Write::Link { .. } | Write::Watch { .. } | Write::Attach { .. } => None,
    };
    project.unwrap_or_default().to_owned()
}

/// What is like a write, for people: one right, mostly.
fn like(write: &Write) -> &'static str {
    match write {
        Write::Create { .. } => "creates",
        Write::Update { .. } => "edits",
        Write::Comment { .. } | Write::Introduce { .. } => "comments",
        Write::Transition { .. } => "transitions",
        Write::Unlabel { .. } => "removals of a label",
        Write::Link { .. } | Write::LinkDuplicate { .. } => "links",
        Write::Watch { .. } => "watchers",
        Write::Attach { .. } => "attachments",
        Write::Detach { .. } => "removals of an attachment",
    }
}
