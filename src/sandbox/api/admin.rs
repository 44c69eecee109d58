//! What administrators do through REST: rename and archive projects, archive and move issues.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, INVALID_PAYLOAD, Outcome};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::rights::Permission;
use crate::sandbox::view;
use crate::sandbox::world::{Task, World};

use super::issue::texts;
use super::site_info::known_project;

/// Issues in one archival and in one bulk move (specification).
const AT_ONCE: usize = 1_000;

/// Changes key and name; everything else that the real server takes here is refused.
pub(super) fn update_project(world: &mut World, call: &Call) -> Outcome {
    let position = known_project(world, call, call.segment(1))?;
    let request = call.object(&["key", "name"])?;
    if request.values().any(|value| !value.is_string()) {
        return Err(Answer::refusal(INVALID_PAYLOAD));
    }
    let needed =
        if request.contains_key("key") { Permission::AdministerJira } else { Permission::AdministerProjects };
    if !world.rights.allow(call.account(), Permission::AdministerJira) {
        world.may(call.account(), position, needed)?;
    }
    if let Some(key) = request.get("key").and_then(Value::as_str) {
        world
            .rename_project(position, key)
            .map_err(|refusal| Answer::field_error("projectKey", refusal.to_string()))?;
    }
    if let Some(name) = request.get("name").and_then(Value::as_str) {
        name.clone_into(&mut world.projects[position].name);
    }
    Ok(Answer::ok(view::project(world, position)))
}

pub(super) fn archive_project(world: &mut World, call: &Call) -> Outcome {
    let position = known_project(world, call, call.segment(1))?;
    administers(world, call)?;
    world.projects[position].archived = true;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn restore_project(world: &mut World, call: &Call) -> Outcome {
    let position = known_project(world, call, call.segment(1))?;
    administers(world, call)?;
    world.projects[position].archived = false;
    if world.site.flavour == Flavour::DataCenter {
        return Ok(Answer::empty(StatusCode::ACCEPTED));
    }
    Ok(Answer::ok(view::project(world, position)))
}

pub(super) fn archive(world: &mut World, call: &Call) -> Outcome {
    set_archived(world, call, true)
}

pub(super) fn unarchive(world: &mut World, call: &Call) -> Outcome {
    set_archived(world, call, false)
}

/// 200 if there is anything to do, with the rest among the errors.
fn set_archived(world: &mut World, call: &Call, archived: bool) -> Outcome {
    administers(world, call)?;
    let request = call.object(&["issueIdsOrKeys"])?;
    let wanted = texts(&request, "issueIdsOrKeys")?.unwrap_or_default();
    if wanted.len() > AT_ONCE {
        return Err(Answer::message(StatusCode::PRECONDITION_FAILED, format!("At most {AT_ONCE} issues.")));
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for id_or_key in wanted {
        match world.find(&id_or_key) {
            Some(id) if world.issues.get(id).is_some_and(|issue| issue.archived != archived) => {
                found.push(id);
            }
            _ => missing.push(id_or_key),
        }
    }
    if found.is_empty() {
        return Err(Answer::refusal("None of the issues can be archived or unarchived."));
    }
    for id in &found {
        world.set_archived(*id, archived);
    }
    let mut body = json!({ "numberOfIssuesUpdated": found.len(), "errors": {} });
    if !missing.is_empty() {
        body["errors"]["issuesNotFound"] = json!({
            "count": missing.len(),
            "issueIdsOrKeys": missing,
            "message": "The issues could not be found.",
        });
    }
    Ok(Answer::ok(body))
}

/// Asynchronous on the real server, so that the answer is a task; here it is done by then.
pub(super) fn move_issues(world: &mut World, call: &Call) -> Outcome {
    let request = call.object(&["sendBulkNotification", "targetToSourcesMapping"])?;
    let Some(Value::Object(targets)) = request.get("targetToSourcesMapping") else {
        return Err(Answer::refusal(INVALID_PAYLOAD));
    };
    let mut moves = Vec::new();
    let mut invalid = 0;
    for (target, sources) in targets {
        let project = known_project(world, call, target.split(',').next().unwrap_or_default())
            .map_err(|_| Answer::refusal(format!("The target '{target}' does not exist.")))?;
        world.may(call.account(), project, Permission::Create)?;
        let Value::Object(sources) = sources else { return Err(Answer::refusal(INVALID_PAYLOAD)) };
        for id_or_key in texts(sources, "issueIdsOrKeys")?.unwrap_or_default() {
            match world.issue_for(call.account(), &id_or_key, Permission::Edit) {
                Ok(issue) => moves.push((issue.id, project)),
                Err(_) => invalid += 1,
            }
        }
    }
    if moves.is_empty() || moves.len() > AT_ONCE {
        return Err(Answer::refusal(format!("1 to {AT_ONCE} issues can be moved at once.")));
    }
    for (issue, project) in &moves {
        world.move_issue(*issue, call.account(), *project);
    }
    let id = world.next_id();
    let (who, at) = (call.account().to_owned(), world.now());
    let issues = moves.into_iter().map(|(issue, _)| issue).collect();
    world.tasks.push(Task { id, who, at, issues, invalid });
    Ok(Answer::json(StatusCode::CREATED, json!({ "taskId": id.to_string() })))
}

pub(super) fn task(world: &mut World, call: &Call) -> Outcome {
    let wanted = call.segment(2);
    let Task { id, who, at, issues, invalid } =
        world.tasks.iter().find(|task| task.id.to_string() == wanted).ok_or_else(|| {
            let told = json!([{ "message": format!("No task has the id '{wanted}'.") }]);
            Answer::json(StatusCode::BAD_REQUEST, json!({ "errors": told }))
        })?;
    Ok(Answer::ok(json!({
        "taskId": id.to_string(),
        "status": "COMPLETE",
        "progressPercent": 100,
        "submittedBy": { "accountId": who },
        "created": at.as_millisecond(),
        "started": at.as_millisecond(),
        "updated": at.as_millisecond(),
        "processedAccessibleIssues": issues,
        "failedAccessibleIssues": {},
        "totalIssueCount": issues.len() + invalid,
        "invalidOrInaccessibleIssueCount": invalid,
    })))
}

fn administers(world: &World, call: &Call) -> Result<(), Answer> {
    if world.rights.allow(call.account(), Permission::AdministerJira) {
        return Ok(());
    }
    Err(Answer::message(StatusCode::FORBIDDEN, Permission::AdministerJira.refusal()))
}
