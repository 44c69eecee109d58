//! Who calls, what server this is, and what is set up on it.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::sandbox::User;
use crate::sandbox::call::{Answer, Call, Outcome};
use crate::sandbox::custom::CustomField;
use crate::sandbox::dialect::Flavour;
use crate::sandbox::project::Project;
use crate::sandbox::rights::Permission;
use crate::sandbox::site::{
    self, CATEGORIES, Choice, ISSUE_TYPES, LINK_TYPES, PERMISSIONS, PRIORITIES, RESOLUTIONS,
};
use crate::sandbox::view;
use crate::sandbox::world::World;

pub(super) fn server_info(world: &mut World, _call: &Call) -> Outcome {
    let mut body = json!({
        "baseUrl": world.base,
        "buildDate": view::time(jiff::Timestamp::UNIX_EPOCH),
        "serverTime": view::time(world.now()),
        "scmInfo": "sandbox",
        "serverTitle": "Sandbox",
    });
    let (version, numbers, kind, build) = match world.site.flavour {
        Flavour::Cloud => ("1001.0.0-SNAPSHOT", [1001, 0, 0], "Cloud", 100_300),
        Flavour::DataCenter => ("10.3.24", [10, 3, 24], "Server", 10_030_024),
    };
    body["version"] = json!(version);
    body["versionNumbers"] = json!(numbers);
    body["deploymentType"] = json!(kind);
    body["buildNumber"] = json!(build);
    if world.site.flavour == Flavour::Cloud {
        body["displayUrl"] = json!(world.base);
        body["serverTimeZone"] = json!("Etc/UTC");
    }
    Ok(Answer::ok(body))
}

/// What every site of Cloud tells anybody: the id by which the gateway knows it.
pub(super) fn tenant_info(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(json!({ "cloudId": world.site.cloud_id })))
}

pub(super) fn myself(world: &mut World, call: &Call) -> Outcome {
    let Some(user) = world.user(call.account()) else {
        return Err(Answer::message(StatusCode::UNAUTHORIZED, "The account is gone."));
    };
    let mut body = view::user(world, user);
    // Only the account itself sees its email.
    body["emailAddress"] = json!(user.email);
    body["locale"] = json!(world.languages.get(call.account()).copied().unwrap_or_default().locale());
    Ok(Answer::ok(body))
}

pub(super) fn permissions(world: &mut World, call: &Call) -> Outcome {
    let mut asked = call.query.list("permissions").unwrap_or_default();
    if world.site.flavour == Flavour::DataCenter {
        // It takes no such parameter and tells all.
        asked = PERMISSIONS.iter().map(|(key, _)| (*key).to_owned()).collect();
    }
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
    let asked = call.query.list("projectId");
    let homes: Vec<&Project> = world
        .projects
        .iter()
        .filter(|project| asked.as_ref().is_none_or(|ids| ids.contains(&project.id)))
        .collect();
    let is_default = |choice: &&Choice| homes.first().is_some_and(|home| home.default_priority() == *choice);
    let values = PRIORITIES
        .iter()
        .filter(|choice| homes.iter().any(|home| home.priorities.contains(choice)))
        .map(|choice| {
            let mut shown = priority(world, choice);
            shown["isDefault"] = json!(is_default(&choice));
            shown
        })
        .collect();
    paged(world, call, values)
}

/// All of them, whatever the project takes; deprecated on Cloud.
pub(super) fn all_priorities(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(PRIORITIES.iter().map(|choice| priority(world, choice)).collect()))
}

/// The page of them that Data Center has, for projects named by `projectIds`.
pub(super) fn priority_page(world: &mut World, call: &Call) -> Outcome {
    let values = PRIORITIES.iter().map(|choice| priority(world, choice)).collect();
    paged(world, call, values)
}

fn priority(world: &World, choice: &Choice) -> Value {
    let mut priority = site::priority(choice, &world.speech.rest);
    priority["description"] = json!("");
    priority["statusColor"] = json!("#999999");
    priority["iconUrl"] = json!(format!("{}/images/icons/priorities/medium.svg", world.base));
    priority
}

pub(super) fn all_resolutions(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(RESOLUTIONS.iter().map(|choice| site::resolution(choice, &world.speech.rest)).collect()))
}

pub(super) fn statuses(world: &mut World, _call: &Call) -> Outcome {
    let statuses = world.statuses();
    Ok(Answer::ok(statuses.into_iter().map(|status| site::status(status, &world.speech.rest)).collect()))
}

/// The issue types of a project, each with the statuses of its workflow.
pub(super) fn statuses_of_project(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    let rest = &world.speech.rest;
    let statuses: Vec<Value> =
        world.projects[project].workflow.statuses().iter().map(|status| site::status(status, rest)).collect();
    let with_statuses = |choice: &Choice| {
        json!({
            "self": format!("{rest}/issuetype/{}", choice.id),
            "id": choice.id,
            "name": choice.name,
            "subtask": false,
            "statuses": statuses,
        })
    };
    Ok(Answer::ok(ISSUE_TYPES.iter().map(with_statuses).collect()))
}

pub(super) fn resolutions(world: &mut World, call: &Call) -> Outcome {
    let values = RESOLUTIONS.iter().map(|choice| site::resolution(choice, &world.speech.rest)).collect();
    paged(world, call, values)
}

pub(super) fn status_categories(world: &mut World, _call: &Call) -> Outcome {
    Ok(Answer::ok(CATEGORIES.iter().map(|category| site::category(category, &world.speech.rest)).collect()))
}

pub(super) fn link_types(world: &mut World, _call: &Call) -> Outcome {
    let types: Vec<Value> =
        LINK_TYPES.iter().map(|found| site::link_type(found, &world.speech.rest)).collect();
    Ok(Answer::ok(json!({ "issueLinkTypes": types })))
}

pub(super) fn fields(world: &mut World, _call: &Call) -> Outcome {
    let mut own: Vec<&CustomField> = Vec::new();
    for field in world.projects.iter().flat_map(|project| &project.custom_fields) {
        if own.iter().all(|found| found.id != field.id) {
            own.push(field);
        }
    }
    let custom = own.into_iter().map(|field| {
        let clause = field.id.strip_prefix("customfield_").map(|number| format!("cf[{number}]"));
        json!({
            "id": field.id,
            "key": field.id,
            "name": field.name,
            "custom": field.is_custom(),
            "orderable": true,
            "navigable": true,
            "searchable": true,
            "clauseNames": [clause.unwrap_or_else(|| field.id.clone()), field.name],
            "schema": field.schema(),
        })
    });
    let described = site::fields(world.site.flavour).map(|field| {
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
    body["expand"] = json!("description,lead,issueTypes,url,projectKeys,permissions,insight");
    body["description"] = json!("");
    body["assigneeType"] = json!("UNASSIGNED");
    body["style"] = json!("classic");
    body["isPrivate"] = json!(false);
    body["lead"] = world.users.first().map_or(Value::Null, |lead| view::user(world, lead));
    body["issueTypes"] =
        ISSUE_TYPES.iter().map(|choice| site::issue_type(choice, &world.speech.rest)).collect();
    body["components"] = json!(all_components(world, project));
    body["versions"] = json!(all_versions(world, project));
    Ok(Answer::ok(body))
}

pub(super) fn versions(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    Ok(Answer::ok(json!(all_versions(world, project))))
}

pub(super) fn version_page(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    paged(world, call, all_versions(world, project))
}

pub(super) fn components(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    Ok(Answer::ok(json!(all_components(world, project))))
}

pub(super) fn component_page(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    paged(world, call, all_components(world, project))
}

fn all_versions(world: &World, project: usize) -> Vec<Value> {
    let project = &world.projects[project];
    project.versions.iter().map(|found| view::version(world, project, found)).collect()
}

fn all_components(world: &World, project: usize) -> Vec<Value> {
    let project = &world.projects[project];
    project.components.iter().map(|found| view::component(world, project, found)).collect()
}

/// Only the levels that the caller may set: none without the permission.
pub(super) fn security_levels(world: &mut World, call: &Call) -> Outcome {
    let project = known_project(world, call, call.segment(1))?;
    let may = world.may(call.account(), project, Permission::SetSecurity).is_ok();
    let levels = world.projects[project].levels.iter().filter(|_| may);
    let levels: Vec<Value> = levels.map(|found| view::security_level(world, found)).collect();
    Ok(Answer::ok(json!({ "levels": levels })))
}

/// Webhooks through REST are for apps; an API token gets none.
pub(super) fn app_webhooks(_world: &mut World, _call: &Call) -> Outcome {
    Err(Answer::message(StatusCode::FORBIDDEN, "Only Connect and OAuth 2.0 apps can use this operation."))
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
    found_users(world, call, |user| world.rights.allow(&user.account_id, Permission::BeAssigned))
}

/// Everybody whose name or email starts so: asked for by `query` on Cloud and by `username` on Data Center.
pub(super) fn users(world: &mut World, call: &Call) -> Outcome {
    let name = if world.site.flavour == Flavour::Cloud { "query" } else { "username" };
    if call.query.get(name).is_none() && call.query.get("accountId").is_none() {
        return Err(Answer::refusal(format!("The {name} query parameter was not provided.")));
    }
    found_users(world, call, |_| true)
}

fn found_users(world: &World, call: &Call, is_wanted: impl Fn(&User) -> bool) -> Outcome {
    let is_cloud = world.site.flavour == Flavour::Cloud;
    let query = if is_cloud { call.query.get("query") } else { call.query.get("username") };
    let query = query.unwrap_or_default().to_lowercase();
    let account_id = call.query.get("accountId").filter(|_| is_cloud);
    let found: Vec<Value> = world
        .users
        .iter()
        .filter(|user| is_wanted(user) && !world.inactive.contains(&user.account_id))
        .filter(|user| account_id.is_none_or(|wanted| user.account_id == wanted))
        .filter(|user| {
            let name = user.display_name.to_lowercase();
            user.email.to_lowercase().starts_with(&query)
                || !is_cloud && user.name.to_lowercase().starts_with(&query)
                || name.starts_with(&query)
                || name.split_whitespace().any(|word| word.starts_with(&query))
        })
        .map(|user| view::user(world, user))
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

fn paged(world: &World, call: &Call, values: Vec<Value>) -> Outcome {
    let address = format!("{}/{}", world.speech.rest, call.segments.join("/"));
    Ok(Answer::ok(call.page(50)?.bean(&address, values)))
}
