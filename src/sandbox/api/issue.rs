//! Issues: create, read one or many, edit, delete, link.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::call::{Answer, Call, Content, INVALID_PAYLOAD, Outcome};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::edit::{self, Edit};
use crate::sandbox::limit::refuse_beyond;
use crate::sandbox::rights::Permission;
use crate::sandbox::site::{LINK_TYPES, LinkType, Screen};
use crate::sandbox::view::{self, Extras, Selection};
use crate::sandbox::world::{Fields, World};

/// Issues in one bulk read and properties per read (specification).
const BULK_ISSUES: usize = 100;
const CREATED_AT_ONCE: usize = 50;
pub(super) const PROPERTIES: usize = 5;

pub(super) fn create(world: &mut World, call: &Call) -> Outcome {
    let request = call.object(&["fields", "update", "properties"])?;
    create_one(world, call, &request).map(|made| Answer::json(StatusCode::CREATED, made))
}

fn create_one(world: &mut World, call: &Call, request: &Map<String, Value>) -> Result<Value, Answer> {
    let (project, issue_type) = edit::home_of_new(world, call.account(), request)?;
    world.may(call.account(), project, Permission::Create)?;
    let home = &world.projects[project];
    let mut before = Fields::new(issue_type, call.account(), home.workflow.first());
    before.priority = home.default_priority();
    before.assignee.clone_from(&home.default_assignee);
    let Edit { fields, .. } = edit::read(world, call.account(), request, Screen::Create, project, before)?;
    let properties = edit::properties(request)?;
    let (id, key) = world.create(call.account(), project, fields, properties);
    let address = format!("{}/issue/{id}", world.speech.rest);
    Ok(json!({ "id": id.to_string(), "key": key, "self": address }))
}

/// Makes as many as it can: 400 only if all are refused, and the refused are told by their position.
pub(super) fn create_many(world: &mut World, call: &Call) -> Outcome {
    let request = call.object(&["issueUpdates"])?;
    let Some(Value::Array(wanted)) = request.get("issueUpdates") else {
        return Err(Answer::refusal(INVALID_PAYLOAD));
    };
    if wanted.len() > CREATED_AT_ONCE {
        return Err(Answer::refusal(format!("At most {CREATED_AT_ONCE} issues can be created at once.")));
    }
    let (mut issues, mut errors) = (Vec::new(), Vec::new());
    for (position, one) in wanted.iter().enumerate() {
        let made = match one {
            Value::Object(one) => create_one(world, call, one),
            _ => Err(Answer::refusal(INVALID_PAYLOAD)),
        };
        match made {
            Ok(made) => issues.push(made),
            Err(refused) => {
                let Content::Json(told) = refused.content else { continue };
                errors.push(json!({
                    "status": refused.status.as_u16(),
                    "elementErrors": told,
                    "failedElementNumber": position,
                }));
            }
        }
    }
    let status = if issues.is_empty() { StatusCode::BAD_REQUEST } else { StatusCode::CREATED };
    Ok(Answer::json(status, json!({ "issues": issues, "errors": errors })))
}

pub(super) fn read(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    let selection = Selection::parse(world.site.flavour, call.query.list("fields").as_deref(), "*all");
    let extras = Extras {
        properties: call.query.list("properties"),
        changelog: call.query.lists("expand", "changelog"),
        viewer: call.who.clone(),
    };
    Ok(Answer::ok(view::issue(world, issue, &selection, &extras)))
}

/// Issues that are not there are left out without a word, as on the real server.
pub(super) fn bulk_fetch(world: &mut World, call: &Call) -> Outcome {
    let request = call.object(&["issueIdsOrKeys", "fields", "properties", "expand", "fieldsByKeys"])?;
    let wanted = texts(&request, "issueIdsOrKeys")?.unwrap_or_default();
    let properties = texts(&request, "properties")?;
    if wanted.is_empty() || wanted.len() > BULK_ISSUES {
        return Err(Answer::refusal(format!("1 to {BULK_ISSUES} issues can be fetched at once.")));
    }
    if properties.as_ref().is_some_and(|keys| keys.len() > PROPERTIES) {
        return Err(Answer::refusal(format!("At most {PROPERTIES} properties can be asked for.")));
    }
    let selection = Selection::parse(world.site.flavour, texts(&request, "fields")?.as_deref(), "*navigable");
    let expand = texts(&request, "expand")?.unwrap_or_default();
    let extras = Extras {
        properties,
        changelog: expand.iter().any(|word| word == "changelog"),
        viewer: call.who.clone(),
    };

    let mut ids: Vec<u64> = wanted.iter().filter_map(|id_or_key| world.find(id_or_key)).collect();
    ids.sort_unstable();
    ids.dedup();
    let issues: Vec<Value> = ids
        .iter()
        .filter_map(|id| world.issues.get(*id))
        .filter(|issue| world.sees(call.account(), issue))
        .map(|issue| view::issue(world, issue, &selection, &extras))
        .collect();
    Ok(Answer::ok(json!({ "issues": issues, "issueErrors": [] })))
}

pub(super) fn edit(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    // The specification has `transition` here too, and the server ignores it.
    let request = call.object(&["fields", "update", "properties", "transition", "historyMetadata"])?;
    refuse_silence(world, call, issue.project)?;
    if !["fields", "update", "properties"].iter().any(|name| request.contains_key(*name)) {
        return Err(Answer::refusal("one of 'fields' or 'update' required"));
    }
    if let Err(refused) = world.may(call.account(), issue.project, Permission::Edit) {
        return Err(edit::off_screen(&request)?.unwrap_or(refused));
    }
    let Edit { fields, comments, .. } =
        edit::read(world, call.account(), &request, Screen::Edit, issue.project, issue.fields.clone())?;
    if !comments.is_empty() {
        world.may(call.account(), issue.project, Permission::Comment)?;
    }
    let properties = edit::properties(&request)?;
    let id = issue.id;
    world.change(id, call.account(), fields);
    for body in comments {
        world.comment(id, call.account(), body, BTreeMap::new());
    }
    if let Some(issue) = world.issues.get_mut(id) {
        issue.properties.extend(properties);
    }

    if call.query.get("returnIssue") == Some("true") {
        return read(world, call);
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Outcome {
    let id = world.issue_for(call.account(), call.segment(1), Permission::Delete)?.id;
    world.delete(id, call.account());
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Oldest first, unlike `expand=changelog`.
pub(super) fn changelog(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    let address = format!("{}/changelog", view::address(world, issue));
    Ok(Answer::ok(call.page(100)?.bean(&address, view::history(world, issue))))
}

/// Answers without a body and without an id. A link that is there already counts as made.
pub(super) fn link(world: &mut World, call: &Call) -> Outcome {
    let request = call.object(&["type", "inwardIssue", "outwardIssue", "comment"])?;
    let kind = link_type(&request)?;
    let end = |side: &str| {
        let named = request.get(side).unwrap_or(&Value::Null);
        let id_or_key = named["id"].as_str().or_else(|| named["key"].as_str());
        id_or_key.ok_or_else(|| Answer::refusal(INVALID_PAYLOAD))
    };
    // The names are those of the ends of the arrow: the inward issue reads the outward text.
    let from = world.issue(call.account(), end("inwardIssue")?)?;
    let to = world.issue(call.account(), end("outwardIssue")?)?;
    world.may(call.account(), from.project, Permission::Link)?;
    if from.id == to.id {
        return Err(Answer::refusal("You cannot link an issue to itself."));
    }
    let comment = request
        .get("comment")
        .filter(|comment| !comment.is_null())
        .map(|comment| edit::comment_text(world, &comment["body"]))
        .transpose()
        .map_err(|fault| Answer::field_error("comment", fault))?;

    let links = world.links.iter().filter(|link| link.from == from.id || link.to == from.id).count();
    refuse_beyond(world, "links", world.caps.links, links, 1)?;
    let from = from.id;
    world.link(call.account(), kind, from, to.id);
    if let Some(body) = comment {
        world.comment(from, call.account(), body, BTreeMap::new());
    }
    Ok(Answer::empty(StatusCode::CREATED))
}

/// `notifyUsers=false` is for administrators; Cloud ignores it from others, Data Center refuses the edit.
fn refuse_silence(world: &World, call: &Call, project: usize) -> Result<(), Answer> {
    let is_silent = call.query.get("notifyUsers") == Some("false");
    if !is_silent
        || world.site.flavour == Flavour::Cloud
        || world.rights.allow(call.account(), Permission::AdministerJira)
        || world.may(call.account(), project, Permission::AdministerProjects).is_ok()
    {
        return Ok(());
    }
    Err(Answer::message(
        StatusCode::FORBIDDEN,
        "To discard the user notification either admin or project admin permissions are required.",
    ))
}

/// One link, whose issues show only what the caller sees.
pub(super) fn read_link(world: &mut World, call: &Call) -> Outcome {
    let position = link_of(world, call)?;
    Ok(Answer::ok(view::link(world, &world.links[position])))
}

pub(super) fn delete_link(world: &mut World, call: &Call) -> Outcome {
    let position = link_of(world, call)?;
    let from = world.links[position].from;
    if let Some(issue) = world.issues.get(from) {
        world.may(call.account(), issue.project, Permission::Link)?;
    }
    world.links.remove(position);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

fn link_of(world: &World, call: &Call) -> Result<usize, Answer> {
    let wanted = call.segment(1);
    let sees = |id: u64| world.issues.get(id).is_some_and(|issue| world.sees(call.account(), issue));
    world
        .links
        .iter()
        .position(|link| link.id.to_string() == wanted && sees(link.from) && sees(link.to))
        .ok_or_else(|| Answer::not_found(format!("No issue link with id '{wanted}' exists.")))
}

/// A list of texts in a body; `None` if it is not there.
pub(super) fn texts(request: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Answer> {
    let Some(value) = request.get(name) else { return Ok(None) };
    let Value::Array(values) = value else { return Err(Answer::refusal(INVALID_PAYLOAD)) };
    let texts: Option<Vec<String>> = values.iter().map(|text| text.as_str().map(str::to_owned)).collect();
    texts.map(Some).ok_or_else(|| Answer::refusal(INVALID_PAYLOAD))
}

fn link_type(request: &Map<String, Value>) -> Result<&'static LinkType, Answer> {
    let named = request.get("type").unwrap_or(&Value::Null);
    let by_id = named["id"].as_str();
    let by_name = named["name"].as_str();
    LINK_TYPES
        .iter()
        .find(|kind| match (by_id, by_name) {
            (Some(id), _) => kind.id == id,
            (None, Some(name)) => kind.name == name,
            (None, None) => false,
        })
        .ok_or_else(|| {
            let wanted = by_id.or(by_name).unwrap_or_default();
            Answer::not_found(format!("No issue link type with name '{wanted}' found."))
        })
}
