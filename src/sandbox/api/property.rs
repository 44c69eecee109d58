//! Properties of issues and of the project: JSON values under keys, replaced as a whole.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::edit::check_property;
use crate::sandbox::world::World;

use super::site_info::known_project;

pub(super) fn list_of_issue(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.segment(1))?;
    list(&issue.properties, &format!("{}/rest/api/3/issue/{}", world.base, issue.id))
}

pub(super) fn read_of_issue(world: &mut World, call: &Call) -> Outcome {
    read(&world.issue(call.segment(1))?.properties, call)
}

/// Neither the history nor `updated` of an issue tells of its properties.
pub(super) fn write_of_issue(world: &mut World, call: &Call) -> Outcome {
    write(&mut world.issue_mut(call.segment(1))?.properties, call)
}

pub(super) fn delete_of_issue(world: &mut World, call: &Call) -> Outcome {
    delete(&mut world.issue_mut(call.segment(1))?.properties, call)
}

pub(super) fn list_of_project(world: &mut World, call: &Call) -> Outcome {
    known_project(world, call.segment(1))?;
    list(&world.project_properties, &format!("{}/rest/api/3/project/{}", world.base, call.segment(1)))
}

pub(super) fn read_of_project(world: &mut World, call: &Call) -> Outcome {
    known_project(world, call.segment(1))?;
    read(&world.project_properties, call)
}

pub(super) fn write_of_project(world: &mut World, call: &Call) -> Outcome {
    known_project(world, call.segment(1))?;
    write(&mut world.project_properties, call)
}

pub(super) fn delete_of_project(world: &mut World, call: &Call) -> Outcome {
    known_project(world, call.segment(1))?;
    delete(&mut world.project_properties, call)
}

fn list(properties: &BTreeMap<String, Value>, address: &str) -> Outcome {
    let keys: Vec<Value> = properties
        .keys()
        .map(|key| json!({ "key": key, "self": format!("{address}/properties/{key}") }))
        .collect();
    Ok(Answer::ok(json!({ "keys": keys })))
}

fn read(properties: &BTreeMap<String, Value>, call: &Call) -> Outcome {
    let key = call.segment(3);
    let value = properties.get(key).ok_or_else(|| missing(key))?;
    Ok(Answer::ok(json!({ "key": key, "value": value })))
}

fn write(properties: &mut BTreeMap<String, Value>, call: &Call) -> Outcome {
    let key = call.segment(3);
    check_property(key, &String::from_utf8_lossy(&call.body))?;
    let replaced = properties.insert(key.to_owned(), call.json()?);
    Ok(Answer::empty(if replaced.is_some() { StatusCode::OK } else { StatusCode::CREATED }))
}

fn delete(properties: &mut BTreeMap<String, Value>, call: &Call) -> Outcome {
    let key = call.segment(3);
    properties.remove(key).ok_or_else(|| missing(key))?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

fn missing(key: &str) -> Answer {
    Answer::not_found(format!("The property with key '{key}' does not exist."))
}
