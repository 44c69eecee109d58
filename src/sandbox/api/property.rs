//! Properties of issues and of the project: JSON values under keys, replaced as a whole.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::edit::check_property;
use crate::sandbox::rights::Permission;
use crate::sandbox::world::World;

use super::site_info::known_project;

pub(super) fn list_of_issue(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    list(&issue.properties, &format!("{}/issue/{}", world.speech.rest, issue.id))
}

pub(super) fn read_of_issue(world: &mut World, call: &Call) -> Outcome {
    read(&world.issue(call.account(), call.segment(1))?.properties, call)
}

/// Neither the history nor `updated` of an issue tells of its properties.
pub(super) fn write_of_issue(world: &mut World, call: &Call) -> Outcome {
    let answer = write(of_issue(world, call)?, call)?;
    tell(world, call, "issue_property_set");
    Ok(answer)
}

pub(super) fn delete_of_issue(world: &mut World, call: &Call) -> Outcome {
    let answer = delete(of_issue(world, call)?, call)?;
    tell(world, call, "issue_property_deleted");
    Ok(answer)
}

pub(super) fn list_of_project(world: &mut World, call: &Call) -> Outcome {
    let project = &world.projects[known_project(world, call, call.segment(1))?];
    list(&project.properties, &format!("{}/project/{}", world.speech.rest, project.id))
}

pub(super) fn read_of_project(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    read(&world.projects[project].properties, call)
}

pub(super) fn write_of_project(world: &mut World, call: &Call) -> Outcome {
    write(of_project(world, call)?, call)
}

pub(super) fn delete_of_project(world: &mut World, call: &Call) -> Outcome {
    delete(of_project(world, call)?, call)
}

type Properties = BTreeMap<String, Value>;

/// The properties of an issue that the caller may edit.
fn of_issue<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Properties, Answer> {
    let id = world.issue_for(call.account(), call.segment(1), Permission::Edit)?.id;
    // It was there one line above.
    world.issues.get_mut(id).map(|issue| &mut issue.properties).ok_or_else(|| missing(call.segment(3)))
}

/// The properties of a project that the caller may administer.
fn of_project<'a>(world: &'a mut World, call: &Call) -> Result<&'a mut Properties, Answer> {
    let project = known_project(world, call, call.segment(1))?;
    if !world.rights.allow(call.account(), Permission::AdministerJira) {
        world.may(call.account(), project, Permission::AdministerProjects)?;
    }
    Ok(&mut world.projects[project].properties)
}

/// Webhooks of Cloud hear of the properties of issues.
fn tell(world: &mut World, call: &Call, event: &str) {
    let Some(id) = world.find(call.segment(1)).filter(|_| world.site.flavour == Flavour::Cloud) else {
        return;
    };
    let property = json!({ "key": call.segment(3), "value": call.json().unwrap_or_default() });
    world.emit(event, "", call.account(), id, [("property".to_owned(), property)].into_iter().collect());
}

fn list(properties: &Properties, address: &str) -> Outcome {
    let keys: Vec<Value> = properties
        .keys()
        .map(|key| json!({ "key": key, "self": format!("{address}/properties/{key}") }))
        .collect();
    Ok(Answer::ok(json!({ "keys": keys })))
}

fn read(properties: &Properties, call: &Call) -> Outcome {
    let key = call.segment(3);
    let value = properties.get(key).ok_or_else(|| missing(key))?;
    Ok(Answer::ok(json!({ "key": key, "value": value })))
}

fn write(properties: &mut Properties, call: &Call) -> Outcome {
    let key = call.segment(3);
    check_property(key, &String::from_utf8_lossy(&call.body))?;
    let replaced = properties.insert(key.to_owned(), call.json()?);
    Ok(Answer::empty(if replaced.is_some() { StatusCode::OK } else { StatusCode::CREATED }))
}

fn delete(properties: &mut Properties, call: &Call) -> Outcome {
    let key = call.segment(3);
    properties.remove(key).ok_or_else(|| missing(key))?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

fn missing(key: &str) -> Answer {
    Answer::not_found(format!("The property with key '{key}' does not exist."))
}
