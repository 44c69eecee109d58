//! The workflow as callers see it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::edit::{self, Edit};
use crate::sandbox::limit::refuse_beyond;
use crate::sandbox::rights::Permission;
use crate::sandbox::site::{self, Screen};
use crate::sandbox::workflow::Transition;
use crate::sandbox::world::{Issue, World};

use super::meta;

pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    let with_fields = call.query.lists("expand", "transitions.fields");
    let wanted = call.query.get("transitionId");
    let transitions: Vec<Value> = open_to(world, call, issue)
        .filter(|transition| wanted.is_none_or(|id| transition.id == id))
        .map(|transition| describe(world, issue, transition, with_fields))
        .collect();
    Ok(Answer::ok(json!({ "expand": "transitions", "transitions": transitions })))
}

/// Fields are taken only if the screen of the transition has them; a resolution stays with a closed issue
/// only.
pub(super) fn perform(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    let request = call.object(&["transition", "fields", "update", "historyMetadata", "properties"])?;
    // Clients send numbers as well.
    let id = match request.get("transition").map_or(&Value::Null, |transition| &transition["id"]) {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return Err(Answer::refusal("Missing 'transition' identifier")),
    };
    let Some(transition) = open_to(world, call, issue).find(|transition| transition.id == id) else {
        let text =
            format!("It is not possible to perform the transition with id '{id}' on issue '{}'.", issue.key);
        return Err(match world.site.flavour {
            Flavour::Cloud => Answer::refusal(text),
            Flavour::DataCenter => Answer::message(StatusCode::INTERNAL_SERVER_ERROR, text),
        });
    };

    let mut before = issue.fields.clone();
    before.resolution = None;
    before.status = transition.to;
    let Edit { fields, comments, .. } =
        edit::read(world, call.account(), &request, transition.screen(), issue.project, before)?;
    if !comments.is_empty() {
        world.may(call.account(), issue.project, Permission::Comment)?;
    }
    refuse_beyond(world, "comments", world.caps.comments, issue.comments.len(), comments.len())?;
    let properties = edit::properties(&request)?;
    let issue = issue.id;
    world.change(issue, call.account(), fields);
    for body in comments {
        world.comment(issue, call.account(), body, BTreeMap::new());
    }
    if let Some(issue) = world.issues.get_mut(issue) {
        issue.properties.extend(properties);
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// The transitions that an issue offers a caller: none without the permission, and then none is refused as a
/// matter of permission either. As Jira's own workflows have it, whoever may not resolve is offered no way that resolves.
fn open_to<'a>(
    world: &World,
    call: &Call,
    issue: &'a Issue,
) -> impl Iterator<Item = &'static Transition> + use<'a> {
    let has = |permission| world.may(call.account(), issue.project, permission).is_ok();
    let (may, may_resolve) = (has(Permission::Transition), has(Permission::Resolve));
    let resolves = |transition: &Transition| transition.screen().fields().contains(&"resolution");
    world.projects[issue.project].workflow.transitions_from(issue.fields.status).filter(move |transition| {
        may && (may_resolve || !resolves(transition)) && transition.is_open_to(issue)
    })
}

fn describe(world: &World, issue: &Issue, transition: &Transition, with_fields: bool) -> Value {
    let mut body = json!({
        "id": transition.id,
        "name": transition.name,
        "to": site::status(transition.to, &world.speech.rest),
        "hasScreen": transition.screen() != Screen::None,
        "isGlobal": transition.is_global(),
        "isInitial": false,
        "isAvailable": true,
        "isConditional": transition.is_conditional(),
        "looped": transition.to == issue.fields.status,
    });
    if world.site.flavour == Flavour::DataCenter {
        for name in ["hasScreen", "isGlobal", "isInitial", "isAvailable", "isConditional", "looped"] {
            body.as_object_mut().map(|body| body.remove(name));
        }
    }
    if with_fields {
        body["fields"] = Value::Object(meta::by_key(meta::fields(world, issue.project, transition.screen())));
    }
    body
}
