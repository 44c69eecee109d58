//! Comments of an issue.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::edit;
use crate::sandbox::rights::Permission;
use crate::sandbox::view;
use crate::sandbox::world::{Comment, World};

/// What the body of a comment may have.
const COMMENT: &[&str] = &["body", "properties"];

/// Comments on one page (observed).
const PAGE: usize = 100;

pub(super) fn list(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    let with_properties = call.query.lists("expand", "properties");
    let mut all: Vec<Value> =
        issue.comments.iter().map(|comment| view::comment(world, comment, with_properties)).collect();
    match call.query.get("orderBy") {
        None | Some("created" | "+created") => {}
        Some("-created") => all.reverse(),
        Some(other) => return Err(Answer::refusal(format!("Comments cannot be ordered by '{other}'."))),
    }
    let page = call.page(PAGE)?;
    let total = all.len();
    Ok(Answer::ok(json!({
        "startAt": page.start_at,
        "maxResults": page.max_results,
        "total": total,
        "comments": page.of(all),
    })))
}

pub(super) fn add(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Comment)?.id;
    let request = call.object(COMMENT)?;
    let body = body(world, &request)?;
    let properties = edit::properties(&request)?;
    let id = world.comment(issue, call.account(), body, properties);
    show(world, call, id, StatusCode::CREATED)
}

pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let id = existing(world, call)?;
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Comment)?.id;
    let now = world.now();
    world.emit_comment("comment_deleted", call.account(), issue, id);
    if let Some(issue) = world.issues.get_mut(issue) {
        issue.updated = now;
        issue.comments.retain(|comment| comment.id != id);
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn read(world: &mut World, call: &Call) -> Outcome {
    let id = existing(world, call)?;
    show(world, call, id, StatusCode::OK)
}

pub(super) fn edit(world: &mut World, call: &Call) -> Outcome {
    let id = existing(world, call)?;
    let issue = world.issue_for(call.account(), call.segment(1), Permission::Comment)?.id;
    let request = call.object(COMMENT)?;
    let mut body = body(world, &request)?;
    let properties = edit::properties(&request)?;
    world.mark(Some(&mut body));
    let now = world.now();
    if let Some(issue) = world.issues.get_mut(issue) {
        issue.updated = now;
        if let Some(comment) = issue.comments.iter_mut().find(|comment| comment.id == id) {
            comment.body = body;
            comment.updated = now;
            call.account().clone_into(&mut comment.update_author);
            comment.properties.extend(properties);
        }
    }
    world.emit_comment("comment_updated", call.account(), issue, id);
    show(world, call, id, StatusCode::OK)
}

fn body(world: &World, request: &Map<String, Value>) -> Result<Value, Answer> {
    let body = request.get("body").unwrap_or(&Value::Null);
    edit::comment_text(world, body).map_err(|fault| {
        let is_text = body.is_object() || world.speech.is_wiki && body.is_string();
        let text = if is_text { fault } else { "Comment body is not valid!".to_owned() };
        Answer::field_error("comment", text)
    })
}

fn existing(world: &World, call: &Call) -> Result<u64, Answer> {
    find(world, call).map(|comment| comment.id)
}

fn find<'a>(world: &'a World, call: &Call) -> Result<&'a Comment, Answer> {
    let wanted = call.segment(3);
    world
        .issue(call.account(), call.segment(1))?
        .comments
        .iter()
        .find(|comment| comment.id.to_string() == wanted)
        .ok_or_else(|| Answer::not_found(format!("Can not find a comment for the id: {wanted}.")))
}

fn show(world: &World, call: &Call, id: u64, status: StatusCode) -> Outcome {
    let with_properties = call.query.lists("expand", "properties");
    let issue = world.issue(call.account(), call.segment(1))?;
    let comment = issue.comments.iter().find(|comment| comment.id == id);
    let body = comment.map_or(Value::Null, |comment| view::comment(world, comment, with_properties));
    Ok(Answer::json(status, body))
}
