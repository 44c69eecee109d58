//! People who come right after a request and do something to its issue.

use std::fmt;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::call::{Answer, Call, Content};
use super::fault::Matches;
use super::people::Refusal;
use super::world::{Fields, World};
use super::{Sandbox, User};

/// What a person does once, in the step of the `nth` request that matches and took effect, before it is answered.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Which of the matching requests, counted from 1. 0 comes at the first as well.
    pub nth: usize,
    /// Which requests count: those that are about one issue.
    pub after: Matches,
    /// What is done to the issue of that request.
    pub deed: Deed,
}

/// What a person does to an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Moves it to the project of this key.
    Move(String),
    /// Renames its project to this key.
    Rename(String),
    /// Gives it a security level that holds nobody but this person.
    Hide,
    /// Archives it.
    Archive,
    /// Deletes it with all that hangs on it.
    Delete,
    /// Nothing to the issue: this person leaves, and the account is deactivated.
    Leave,
}

impl Sandbox {
    /// Lets the second account of the sandbox, or its only one, come after a request.
    pub fn expect_visit(&self, visit: Visit) -> Result<(), Refusal> {
        self.shared.step(|world| {
            if let Deed::Move(project) = &visit.deed {
                world.require_project(project)?;
            }
            world.visits.push(visit);
            Ok(())
        })
    }
}

/// Lets everybody come who waited for this request.
pub(crate) fn receive(world: &mut World, call: &Call, path: &str, answer: &Answer) {
    if world.visits.is_empty() || !answer.status.is_success() {
        return;
    }
    let Some(issue) = issue_of(world, call, answer) else { return };
    let mut due = Vec::new();
    world.visits.retain_mut(|visit| {
        if !visit.after.covers(&call.method, path) {
            return true;
        }
        visit.nth = visit.nth.saturating_sub(1);
        if visit.nth == 0 {
            due.push(visit.deed.clone());
        }
        visit.nth > 0
    });
    let person = world.users.get(1).or(world.users.first()).map(|user: &User| user.account_id.clone());
    let person = person.unwrap_or_default();
    for deed in due {
        match deed {
            Deed::Move(project) => {
                // A project that was there is never taken away.
                if let Some(position) = world.project(&project) {
                    world.move_issue(issue, &person, position);
                }
            }
            Deed::Rename(key) => {
                // One that cannot be is a key that some project has: nothing happens.
                let project = world.issues.get(issue).map(|issue| issue.project);
                drop(project.map(|project| world.rename_project(project, &key)));
            }
            Deed::Hide => world.hide(issue, &person),
            Deed::Archive => world.set_archived(issue, true),
            Deed::Delete => world.delete(issue, &person),
            Deed::Leave => drop(world.inactive.insert(person.clone())),
        }
    }
}

/// The issue that a request made, or else the one in its path.
fn issue_of(world: &World, call: &Call, answer: &Answer) -> Option<u64> {
    match &answer.content {
        Content::Json(made) if answer.status == StatusCode::CREATED && call.segments == ["issue"] => {
            made["id"].as_str().and_then(|id| world.find(id))
        }
        _ => (call.segment(0) == "issue").then(|| world.find(call.segment(1))).flatten(),
    }
}

/// A person changes the issue of a request that itself comes to nothing: two edits that met.
pub(crate) fn edit_first(world: &mut World, call: &Call) {
    edit(world, call, |fields| {
        fields.labels.insert("edited-first".to_owned());
    });
}

/// A person writes where the request is about to write.
pub(crate) fn edit_unnoticed(world: &mut World, call: &Call) {
    edit(world, call, |fields| {
        fields.summary.push_str(" (checked)");
        match &mut fields.description {
            Some(Value::String(text)) => text.insert_str(0, "Called them.\n\n"),
            Some(document) => {
                let words =
                    json!({ "type": "paragraph", "content": [{ "type": "text", "text": "Called them." }] });
                if let Some(nodes) = document["content"].as_array_mut() {
                    nodes.insert(0, words);
                }
            }
            None => {}
        }
    });
}

fn edit(world: &mut World, call: &Call, change: impl FnOnce(&mut Fields)) {
    let other = world.users.iter().find(|user| Some(&user.account_id) != call.who.as_ref());
    let (Some(other), Some(issue)) =
        (other.map(|user| user.account_id.clone()), issue_of(world, call, &Answer::ok(Value::Null)))
    else {
        return;
    };
    if let Some(mut fields) = world.issues.get(issue).map(|issue| issue.fields.clone()) {
        change(&mut fields);
        world.change(issue, &other, fields);
    }
}

impl fmt::Display for Visit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deed = match &self.deed {
            Deed::Move(project) => format!("move to `{project}`"),
            Deed::Rename(key) => format!("rename of its project to `{key}`"),
            Deed::Hide => "hide".to_owned(),
            Deed::Archive => "archive".to_owned(),
            Deed::Delete => "delete".to_owned(),
            Deed::Leave => "leave".to_owned(),
        };
        write!(formatter, "{deed} after `{}`, due at match {}", self.after, self.nth.max(1))
    }
}
