//! What may be set where: `createmeta` and `editmeta`.

use serde_json::{Map, Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::site::{self, ISSUE_TYPES, Screen};
use crate::sandbox::view;
use crate::sandbox::world::World;

use super::site_info::known_project;

pub(super) fn issue_types(world: &mut World, call: &Call) -> Outcome {
    known_project(world, call.segment(2))?;
    let all = ISSUE_TYPES.iter().map(|choice| site::issue_type(choice, &world.base)).collect();
    page_named("issueTypes", call, all)
}

pub(super) fn create_fields(world: &mut World, call: &Call) -> Outcome {
    known_project(world, call.segment(2))?;
    if !ISSUE_TYPES.iter().any(|choice| choice.id == call.segment(4)) {
        return Err(Answer::not_found(format!("No issue type has the id '{}'.", call.segment(4))));
    }
    page_named("fields", call, Screen::Create.metadata(&world.base, &view::project(world)))
}

pub(super) fn edit_fields(world: &mut World, call: &Call) -> Outcome {
    world.issue(call.segment(1))?;
    let mut fields = by_key(Screen::Edit.metadata(&world.base, &view::project(world)));
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

/// Field metadata as a map from field id.
pub(super) fn by_key(fields: Vec<Value>) -> Map<String, Value> {
    fields.into_iter().map(|field| (field["key"].as_str().unwrap_or_default().to_owned(), field)).collect()
}

/// Create metadata pages have no `isLast` and name their list after what is in it.
fn page_named(list: &str, call: &Call, all: Vec<Value>) -> Outcome {
    let page = call.page(50)?;
    let total = all.len();
    Ok(Answer::ok(json!({
        "startAt": page.start_at,
        "maxResults": page.max_results,
        "total": total,
        list: page.of(all),
    })))
}
