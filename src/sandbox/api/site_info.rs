//! Who calls, what server this is, and what is set up on it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::rights::Permission;
use crate::sandbox::site::{
    self, CATEGORIES, FIELDS, ISSUE_TYPES, LINK_TYPES, PERMISSIONS, PRIORITIES, RESOLUTIONS,
};
use crate::sandbox::view;
use crate::sandbox::world::World;

pub(super) fn server_info(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(json!({
        "baseUrl": world.base,
        "displayUrl": world.base,
        "version": "1001.0.0-SNAPSHOT",
        "versionNumbers": [1001, 0, 0],
        "deploymentType": "Cloud",
        "buildNumber": 100_300,
        "buildDate": view::time(jiff::Timestamp::UNIX_EPOCH),
        "serverTime": view::time(world.now()),
        "scmInfo": "sandbox",
        "serverTitle": "Sandbox",
        "serverTimeZone": "Etc/UTC",
    })))
}

pub(super) fn myself(world: &mut World, call: &Call) -> Outcome {
    let Some(user) = world.user(call.account()) else {
        return Err(Answer::message(StatusCode::UNAUTHORIZED, "The account is gone."));
    };
    let mut body = view::user(user, &world.base);
    // Only the account itself sees its email.
    body["emailAddress"] = json!(user.email);
    body["locale"] = json!("en_US");
    Ok(Answer::ok(body))
}

pub(super) fn permissions(world: &mut World, call: &Call) -> Outcome {
    let asked = call.query.list("permissions").unwrap_or_default();
    if asked.is_empty() {
        return Err(Answer::refusal("The 'permissions' query parameter is required."));
    }
    let mut place = None;
    if let Some(project) = call.query.get("projectKey").or_else(|| call.query.get("projectId")) {
        place = Some(known_project(world, call, project)?);
    }
    if let Some(issue) = call.query.get("issueKey").or_else(|| call.query.get("issueId")) {
        place = Some(world.issue(call.account(), issue)?.project);
    }
    let mut found = Map::new();
    for key in asked {
        let Some((position, (_, name))) =
            PERMISSIONS.iter().enumerate().find(|(_, (known, _))| *known == key)
        else {
            return Err(Answer::refusal(format!("Unrecognized permission: {key}")));
        };
        let kind = if key == "ADMINISTER" { "GLOBAL" } else { "PROJECT" };
        let permission = json!({
            "id": position.to_string(),
            "key": key,
            "name": name,
            "type": kind,
            "description": "",
            "havePermission": Permission::named(&key).is_none_or(|permission| match place {
                Some(project) => world.may(call.account(), project, permission).is_ok(),
                None => world.rights.allow(call.account(), permission),
            }),
        });
        found.insert(key, permission);
    }
    Ok(Answer::ok(json!({ "permissions": found })))
}

pub(super) fn priorities(world: &mut World, call: &Call) -> Outcome {
    let in_project = call
        .query
        .list("projectId")
        .is_none_or(|ids| ids.iter().any(|id| world.projects.iter().any(|project| project.id == *id)));
    let values = PRIORITIES
        .iter()
        .filter(|_| in_project)
        .map(|choice| {
            let mut priority = site::priority(choice, &world.base);
            priority["description"] = json!("");
            priority["isDefault"] = json!(choice == site::default_priority());
            priority
        })
        .collect();
    paged(world, call, "priority/search", values)
}

pub(super) fn resolutions(world: &mut World, call: &Call) -> Outcome {
    let values = RESOLUTIONS.iter().map(|choice| site::resolution(choice, &world.base)).collect();
    paged(world, call, "resolution/search", values)
}

pub(super) fn status_categories(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(CATEGORIES.iter().map(|category| site::category(category, &world.base)).collect()))
}

pub(super) fn link_types(world: &mut World, _call: &Call) -> Outcome {
    let types: Vec<Value> = LINK_TYPES.iter().map(|found| site::link_type(found, &world.base)).collect();
    Ok(Answer::ok(json!({ "issueLinkTypes": types })))
}

pub(super) fn fields(world: &mut World, _call: &Call) -> Outcome {
    let custom = world.projects.iter().flat_map(|project| &project.custom_fields).map(|field| {
        json!({
            "id": field.id,
            "key": field.id,
            "name": field.name,
            "custom": true,
            "orderable": true,
            "navigable": true,
            "searchable": true,
            "clauseNames": [format!("cf[{}]", field.id.trim_start_matches("customfield_")), field.name],
            "schema": field.schema(),
        })
    });
    let described = FIELDS.iter().map(|field| {
        json!({
            "id": field.id,
            "key": field.id,
            "name": field.name,
            "custom": false,
            "orderable": !field.id.contains("date"),
            "navigable": field.navigable,
            "searchable": true,
            "clauseNames": [field.id],
            "schema": field.schema(),
        })
    });
    Ok(Answer::ok(described.chain(custom).collect()))
}

pub(super) fn project(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    let mut body = view::project(world, project);
    if world.projects[project].archived {
        body["archived"] = json!(true);
    }
    body["description"] = json!("");
    body["assigneeType"] = json!("UNASSIGNED");
    body["style"] = json!("classic");
    body["isPrivate"] = json!(false);
    body["lead"] = world.users.first().map_or(Value::Null, |lead| view::user(lead, &world.base));
    body["issueTypes"] = ISSUE_TYPES.iter().map(|choice| site::issue_type(choice, &world.base)).collect();
    body["components"] = json!([]);
    body["versions"] = json!([]);
    Ok(Answer::ok(body))
}

pub(super) fn assignable_users(world: &mut World, call: &Call) -> Outcome {
    match (call.query.get("project"), call.query.get("issueKey")) {
        (Some(project), _) => {
            known_project(world, call, project)?;
        }
        (None, Some(issue)) => {
            world.issue(call.account(), issue)?;
        }
        (None, None) => return Err(Answer::refusal("Either project or issueKey must be given.")),
    }
    let query = call.query.get("query").unwrap_or_default().to_lowercase();
    let account_id = call.query.get("accountId");
    let found: Vec<Value> = world
        .users
        .iter()
        .filter(|user| account_id.is_none_or(|wanted| user.account_id == wanted))
        .filter(|user| {
            let name = user.display_name.to_lowercase();
            user.email.to_lowercase().starts_with(&query)
                || name.starts_with(&query)
                || name.split_whitespace().any(|word| word.starts_with(&query))
        })
        .map(|user| view::user(user, &world.base))
        .collect();
    Ok(Answer::ok(Value::Array(call.page(50)?.of(found))))
}

/// The position of a project that the caller sees.
pub(super) fn known_project(world: &World, call: &Call, id_or_key: &str) -> Result<usize, Answer> {
    world
        .project(id_or_key)
        .filter(|_| world.rights.allow(call.account(), Permission::Browse))
        .ok_or_else(|| Answer::not_found(format!("No project could be found with key '{id_or_key}'.")))
}

fn paged(world: &World, call: &Call, path: &str, values: Vec<Value>) -> Outcome {
    let address = format!("{}/rest/api/3/{path}", world.base);
    Ok(Answer::ok(call.page(50)?.bean(&address, values)))
}
