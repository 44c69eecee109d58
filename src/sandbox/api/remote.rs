//! Links to things outside of Jira: written whole, and found again by their global id.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::rights::Permission;
use crate::sandbox::view;
use crate::sandbox::world::{Issue, RemoteLink, World};

/// Characters of a global id (specification).
const GLOBAL_ID_CHARACTERS: usize = 255;

pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    match call.query.get("globalId") {
        None => Ok(Answer::ok(
            issue.remote_links.iter().map(|link| view::remote_link(world, issue, link)).collect(),
        )),
        Some(wanted) => issue
            .remote_links
            .iter()
            .find(|link| has_global_id(link, wanted))
            .map(|link| Answer::ok(view::remote_link(world, issue, link)))
            .ok_or_else(|| missing(wanted)),
    }
}

/// A link of the same global id is replaced whole: what the body leaves out is gone. Without a global id each
/// repeat adds another.
pub(super) fn write(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Link)?.id;
    let body = body(call)?;
    let new_id = world.next_id();
    let global_id = body.get("globalId").and_then(Value::as_str).map(str::to_owned);
    let Some(found) = world.issues.get_mut(issue) else { return Err(missing("")) };
    let replaced =
        global_id.and_then(|wanted| found.remote_links.iter_mut().find(|link| has_global_id(link, &wanted)));
    let (id, is_new) = if let Some(link) = replaced {
        link.body = body;
        (link.id, false)
    } else {
        found.remote_links.push(RemoteLink { id: new_id, body });
        (new_id, true)
    };
    let address = format!("{}/issue/{issue}/remotelink/{id}", world.speech.rest);
    let is_created = is_new && world.site.flavour == Flavour::Cloud;
    let status = if is_created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Answer::json(status, json!({ "id": id, "self": address })))
}

pub(super) fn delete_by_global_id(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Link)?.id;
    let wanted = call.query.get("globalId").unwrap_or_default().to_owned();
    take_away(world, issue, &wanted, |link| has_global_id(link, &wanted))
}

pub(super) fn read(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    let link = find(issue, call.segment(3))?;
    Ok(Answer::ok(view::remote_link(world, issue, link)))
}

pub(super) fn rewrite(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Link)?;
    let (issue, id) = (issue.id, find(issue, call.segment(3))?.id);
    let body = body(call)?;
    if let Some(issue) = world.issues.get_mut(issue)
        && let Some(link) = issue.remote_links.iter_mut().find(|link| link.id == id)
    {
        link.body = body;
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Link)?.id;
    let wanted = call.segment(3).to_owned();
    take_away(world, issue, &wanted, |link| link.id.to_string() == wanted)
}

fn take_away(world: &mut World, issue: u64, named: &str, is_wanted: impl Fn(&RemoteLink) -> bool) -> Outcome {
    let links = world.issues.get_mut(issue).map(|issue| &mut issue.remote_links);
    let position = links.as_ref().and_then(|links| links.iter().position(is_wanted));
    match (links, position) {
        (Some(links), Some(position)) => {
            links.remove(position);
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(missing(named)),
    }
}

fn find<'a>(issue: &'a Issue, id: &str) -> Result<&'a RemoteLink, Answer> {
    issue.remote_links.iter().find(|link| link.id.to_string() == id).ok_or_else(|| missing(id))
}

fn has_global_id(link: &RemoteLink, wanted: &str) -> bool {
    link.body.get("globalId").and_then(Value::as_str) == Some(wanted)
}

fn body(call: &Call) -> Result<Map<String, Value>, Answer> {
    let body = call.object(&["globalId", "application", "relationship", "object"])?;
    let mut errors = Map::new();
    for (name, text) in [("title", "'title' is required."), ("url", "'url' is required.")] {
        if body.get("object").and_then(|object| object[name].as_str()).is_none_or(str::is_empty) {
            errors.insert(name.to_owned(), text.into());
        }
    }
    let global_id = body.get("globalId").and_then(Value::as_str).unwrap_or_default();
    if global_id.chars().count() > GLOBAL_ID_CHARACTERS {
        let text = format!("The global id must not have more than {GLOBAL_ID_CHARACTERS} characters.");
        errors.insert("globalId".to_owned(), Value::String(text));
    }
    if errors.is_empty() { Ok(body) } else { Err(Answer::field_errors(&errors)) }
}

fn missing(named: &str) -> Answer {
    Answer::not_found(format!("No remote issue link is known by '{named}'."))
}
