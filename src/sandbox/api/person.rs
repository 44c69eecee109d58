//! Who is assigned and who watches.

use axum::http::StatusCode;
use serde_json::Value;

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::edit;
use crate::sandbox::rights::Permission;
use crate::sandbox::view;
use crate::sandbox::world::World;

/// The body is a user; an account of null takes the assignee away, `-1` leaves it to the project.
pub(super) fn assign(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Assign)?;
    let request = Value::Object(call.object(&["accountId", "name", "key", "self", "displayName"])?);
    let assignee = edit::assignee(world, &request).map_err(|text| Answer::field_error("assignee", text))?;
    let (id, mut fields) = (issue.id, issue.fields.clone());
    fields.assignee = assignee;
    world.change(id, call.account(), fields);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn watchers(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    Ok(Answer::ok(view::watchers(world, issue, call.who.as_deref(), true)))
}

/// The body is a bare JSON string, or nothing for oneself.
pub(super) fn watch(world: &mut World, call: &Call) -> Outcome {
    let watcher = if call.body.is_empty() {
        call.account().to_owned()
    } else {
        let named = call.json()?;
        let named = named.as_str().ok_or_else(|| Answer::refusal("The watcher is a JSON string."))?;
        account(world, named)?
    };
    let issue = watched(world, call, &watcher)?;
    if let Some(issue) = world.issues.get_mut(issue) {
        issue.watchers.insert(watcher);
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn unwatch(world: &mut World, call: &Call) -> Outcome {
    let named = match world.site.flavour {
        Flavour::Cloud => call.query.get("accountId"),
        Flavour::DataCenter => call.query.get("username").or_else(|| call.query.get("userName")),
    };
    let watcher =
        account(world, named.ok_or_else(|| Answer::refusal("The watcher to take away is not named."))?)?;
    let issue = watched(world, call, &watcher)?;
    if let Some(issue) = world.issues.get_mut(issue) {
        issue.watchers.remove(&watcher);
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Anybody who sees an issue may watch it; others are a matter of permission.
fn watched(world: &World, call: &Call, watcher: &str) -> Result<u64, Answer> {
    let issue = world.issue(call.account(), call.segment(1))?;
    if watcher != call.account() {
        world.may(call.account(), issue.project, Permission::ManageWatchers)?;
    }
    Ok(issue.id)
}

fn account(world: &World, named: &str) -> Result<String, Answer> {
    let is_named = |user: &&crate::sandbox::User| match world.site.flavour {
        Flavour::Cloud => user.account_id == named,
        Flavour::DataCenter => user.name == named,
    };
    world
        .users
        .iter()
        .find(is_named)
        .map(|user| user.account_id.clone())
        .ok_or_else(|| Answer::not_found(format!("The user '{named}' does not exist.")))
}
