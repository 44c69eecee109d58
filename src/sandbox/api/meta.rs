//! What may be set where: `createmeta` and `editmeta`.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::custom::{CustomField, SECURITY};
use crate::sandbox::dialect::Flavour;
use crate::sandbox::project::Project;
use crate::sandbox::rights::Permission;
use crate::sandbox::site::{self, ISSUE_TYPES, Screen};
use crate::sandbox::view;
use crate::sandbox::world::World;

use super::site_info::known_project;

/// Entries on one page unless asked for, and at most.
const DEFAULT_PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

pub(super) fn issue_types(world: &mut World, call: &Call) -> Outcome {
    let project = home(world, call)?;
    let may = world.may(call.account(), project, Permission::Create).is_ok();
    let all = ISSUE_TYPES
        .iter()
        .filter(|_| may)
        .map(|choice| site::issue_type(choice, &world.speech.rest))
        .collect();
    page_named("issueTypes", world, call, all)
}

pub(super) fn create_fields(world: &mut World, call: &Call) -> Outcome {
    let project = home(world, call)?;
    if !ISSUE_TYPES.iter().any(|choice| choice.id == call.segment(4)) {
        return Err(Answer::not_found(format!("No issue type has the id '{}'.", call.segment(4))));
    }
    let may = world.may(call.account(), project, Permission::Create).is_ok();
    let mut fields = if may { fields(world, project, Screen::Create) } else { Vec::new() };
    leave_out_forbidden(world, call, &mut fields);
    leave_out_others(world, project, call.segment(4), Screen::Create, &mut fields);
    page_named("fields", world, call, fields)
}

pub(super) fn edit_fields(world: &mut World, call: &Call) -> Outcome {
    let issue = world.issue(call.account(), call.segment(1))?;
    let (project, issue_type) = (issue.project, issue.fields.issue_type.id);
    if world.may(call.account(), project, Permission::Edit).is_err() {
        return Ok(Answer::ok(json!({ "fields": {} })));
    }
    let mut fields = fields(world, project, Screen::Edit);
    leave_out_forbidden(world, call, &mut fields);
    leave_out_others(world, project, issue_type, Screen::Edit, &mut fields);
    let mut fields = by_key(fields);
    fields.insert(
        "comment".to_owned(),
        json!({
            "required": false,
            "schema": { "type": "comments-page", "system": "comment" },
            "name": "Comment",
            "key": "comment",
            "hasDefaultValue": false,
            "operations": ["add"],
        }),
    );
    Ok(Answer::ok(json!({ "fields": fields })))
}

/// Some fields are on a screen only for those who may set them.
fn leave_out_forbidden(world: &World, call: &Call, fields: &mut Vec<Value>) {
    for (key, permission) in [
        ("assignee", Permission::Assign),
        ("duedate", Permission::Schedule),
        ("reporter", Permission::ModifyReporter),
        ("fixVersions", Permission::Resolve),
        (SECURITY, Permission::SetSecurity),
    ] {
        if !world.rights.allow(call.account(), permission) {
            fields.retain(|field| field["key"] != key);
        }
    }
}

/// Some fields are on the screens of some issue types only, and some were taken off one screen.
fn leave_out_others(
    world: &World,
    project: usize,
    issue_type: &str,
    screen: Screen,
    fields: &mut Vec<Value>,
) {
    let project = &world.projects[project];
    let shows = |field: &str| project.shows(field, issue_type) && !project.lacks(field, screen);
    fields.retain(|field| field["key"].as_str().is_none_or(shows));
}

/// The fields that a screen has in a project, those that an administrator added and made mandatory included.
pub(super) fn fields(world: &World, project: usize, screen: Screen) -> Vec<Value> {
    let mut fields = screen.metadata(&world.speech.rest, &view::project(world, project));
    let project = &world.projects[project];
    for field in &mut fields {
        if field["key"] == "priority" {
            let rest = &world.speech.rest;
            field["allowedValues"] =
                project.priorities.iter().map(|found| site::priority(found, rest)).collect();
            field["defaultValue"] = site::priority(project.default_priority(), rest);
        }
        if screen.requires(field["key"].as_str().unwrap_or_default()) {
            field["required"] = json!(true);
        }
    }
    let own = project.custom_fields.iter().filter(|field| screen.has_custom_field(&field.id));
    fields.extend(own.map(|field| custom_field(world, project, field, screen)));
    if screen == Screen::Create {
        for field in &mut fields {
            if project
                .required
                .iter()
                .any(|required| required.told && field["key"] == required.field.as_str())
            {
                field["required"] = json!(true);
            }
        }
    }
    fields
}

fn custom_field(world: &World, project: &Project, field: &CustomField, screen: Screen) -> Value {
    let mut metadata = json!({
        "required": screen.requires(&field.id),
        "schema": field.schema(),
        "name": field.name,
        "key": field.id,
        "hasDefaultValue": false,
        "operations": field.operations(),
    });
    if let Some(address) = field.auto_complete(world) {
        metadata["autoCompleteUrl"] = json!(address);
    }
    if screen == Screen::Create {
        metadata["fieldId"] = json!(field.id);
    }
    if let Some(allowed) = field.allowed(world, project) {
        metadata["allowedValues"] = Value::Array(allowed);
    }
    metadata
}

/// The project asked for; Data Center calls an unknown one a bad request.
fn home(world: &World, call: &Call) -> Result<usize, Answer> {
    known_project(world, call, call.segment(2)).map_err(|mut refused| {
        if world.site.flavour == Flavour::DataCenter {
            refused.status = StatusCode::BAD_REQUEST;
        }
        refused
    })
}

/// Field metadata as a map from field id.
pub(super) fn by_key(fields: Vec<Value>) -> Map<String, Value> {
    fields.into_iter().map(|field| (field["key"].as_str().unwrap_or_default().to_owned(), field)).collect()
}

/// Create metadata pages of Cloud have no `isLast` and name their list after what is in it; Data Center calls every
/// list `values`.
fn page_named(list: &str, world: &World, call: &Call, all: Vec<Value>) -> Outcome {
    let page = call.page_up_to(DEFAULT_PAGE, LARGEST_PAGE)?;
    if world.site.flavour == Flavour::DataCenter {
        let mut bean = page.bean("", all);
        if let Some(bean) = bean.as_object_mut() {
            bean.remove("self");
        }
        return Ok(Answer::ok(bean));
    }
    let total = all.len();
    Ok(Answer::ok(json!({
        "startAt": page.start_at,
        "maxResults": page.max_results,
        "total": total,
        list: page.of(all),
    })))
}
