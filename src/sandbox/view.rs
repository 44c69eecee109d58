//! The world as REST bodies show it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::User;
use super::custom::FieldOption;
use super::dialect::Flavour;
use super::project::{Level, Named, Project};
use super::site;
use super::wiki;
use super::world::{Attachment, Change, Comment, Issue, Link, RemoteLink, World};

/// Comments that Cloud shows with an issue at most; how many there are, it says beside them. How many the real one shows
/// is not documented for every call, so a client must be ready for few.
const SHOWN_COMMENTS: usize = 20;

/// Which fields of an issue a caller asked for.
pub(crate) struct Selection {
    ids: Vec<&'static str>,
    custom: Custom,
}

/// Which custom fields a caller asked for.
enum Custom {
    All { without: Vec<String> },
    Named(Vec<String>),
}

/// What comes with an issue beside its fields.
#[derive(Default)]
pub(crate) struct Extras {
    /// Keys of properties; those that the issue lacks are left out.
    pub(crate) properties: Option<Vec<String>>,
    pub(crate) changelog: bool,
    /// Account id of who looks; `None` sees everything.
    pub(crate) viewer: Option<String>,
}

impl Selection {
    pub(crate) fn all(flavour: Flavour) -> Self {
        Self {
            ids: site::fields(flavour).map(|field| field.id).collect(),
            custom: Custom::All { without: Vec::new() },
        }
    }

    /// From words such as `*all`, `*navigable`, `summary`, `-comment`; unknown words select nothing. A list
    /// that only takes away starts from `default`.
    pub(crate) fn parse(flavour: Flavour, words: Option<&[String]>, default: &str) -> Self {
        let mut ids = Vec::new();
        let mut add = |word: &str| {
            for field in site::fields(flavour) {
                let chosen = match word {
                    "*all" => true,
                    "*navigable" => field.navigable,
                    name => name == field.id,
                };
                if chosen && !ids.contains(&field.id) {
                    ids.push(field.id);
                }
            }
        };
        let words = words.unwrap_or_default();
        if words.iter().all(|word| word.starts_with('-')) {
            add(default);
        }
        for word in words {
            add(word);
        }
        ids.retain(|id| !words.iter().any(|word| word.strip_prefix('-') == Some(id)));
        let without = words.iter().filter_map(|word| word.strip_prefix('-')).map(str::to_owned).collect();
        let all = |word: &str| matches!(word, "*all" | "*navigable");
        let custom = if words.iter().any(|word| all(word))
            || all(default) && words.iter().all(|word| word.starts_with('-'))
        {
            Custom::All { without }
        } else {
            Custom::Named(words.to_vec())
        };
        Self { ids, custom }
    }

    fn has_custom(&self, id: &str) -> bool {
        match &self.custom {
            Custom::All { without } => without.iter().all(|word| word != id),
            Custom::Named(words) => words.iter().any(|word| word == id),
        }
    }
}

/// ISO 8601 with milliseconds and offset, as REST bodies have it: `2026-08-22T06:00:00.000+0000`.
pub(crate) fn time(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3f%z").to_string()
}

/// An account as others see it: on Cloud by its id and without its email, on Data Center by name and key.
pub(crate) fn user(world: &World, user: &User) -> Value {
    let rest = &world.speech.rest;
    let avatar = |size: &str| format!("{}/secure/useravatar?size={size}", world.base);
    let mut body = json!({
        "avatarUrls": { "48x48": avatar("large"), "24x24": avatar("small"), "16x16": avatar("xsmall"),
            "32x32": avatar("medium") },
        "displayName": user.display_name,
        "active": !world.inactive.contains(&user.account_id),
        "timeZone": "Etc/UTC",
    });
    match world.site.flavour {
        Flavour::Cloud => {
            body["self"] = json!(format!("{rest}/user?accountId={}", user.account_id));
            body["accountId"] = json!(user.account_id);
            body["accountType"] = json!("atlassian");
        }
        Flavour::DataCenter => {
            body["self"] = json!(format!("{rest}/user?username={}", user.name));
            body["name"] = json!(user.name);
            body["key"] = json!(user.key);
            body["emailAddress"] = json!(user.email);
        }
    }
    body
}

/// A rich text as the caller reads it; null stays null.
pub(crate) fn rich(world: &World, text: &Value) -> Value {
    if text.is_object() && world.speech.is_wiki { json!(wiki::from_document(text)) } else { text.clone() }
}

/// A project as other bodies quote it.
pub(crate) fn project(world: &World, position: usize) -> Value {
    let project = &world.projects[position];
    json!({
        "self": format!("{}/project/{}", world.speech.rest, project.id),
        "id": project.id,
        "key": project.key,
        "name": project.name,
        "projectTypeKey": "software",
        "simplified": false,
    })
}

pub(crate) fn option(world: &World, option: &FieldOption<'_>) -> Value {
    let FieldOption { id, value, parent: _ } = option;
    json!({ "self": format!("{}/customFieldOption/{id}", world.speech.rest), "value": value, "id": id })
}

pub(crate) fn version(world: &World, project: &Project, version: &Named) -> Value {
    json!({
        "self": format!("{}/version/{}", world.speech.rest, version.id),
        "id": version.id,
        "name": version.name,
        "archived": false,
        "released": false,
        "projectId": project.id.parse::<u64>().unwrap_or_default(),
    })
}

pub(crate) fn component(world: &World, project: &Project, component: &Named) -> Value {
    json!({
        "self": format!("{}/component/{}", world.speech.rest, component.id),
        "id": component.id,
        "name": component.name,
        "project": project.key,
    })
}

pub(crate) fn security_level(world: &World, level: &Level) -> Value {
    json!({
        "self": format!("{}/securitylevel/{}", world.speech.rest, level.name.id),
        "id": level.name.id,
        "name": level.name.name,
        "description": "",
    })
}

/// Who watches an issue; the names only if asked for.
pub(crate) fn watchers(world: &World, issue: &Issue, viewer: Option<&str>, with_names: bool) -> Value {
    let mut body = json!({
        "self": format!("{}/watchers", address(world, issue)),
        "watchCount": issue.watchers.len(),
        "isWatching": viewer.is_some_and(|viewer| issue.watchers.contains(viewer)),
    });
    if with_names {
        body["watchers"] = issue.watchers.iter().map(|found| account(world, found)).collect();
    }
    body
}

pub(crate) fn remote_link(world: &World, issue: &Issue, link: &RemoteLink) -> Value {
    let mut body = Value::Object(link.body.clone());
    body["id"] = json!(link.id);
    body["self"] = json!(format!("{}/remotelink/{}", address(world, issue), link.id));
    body
}

/// One issue with the fields selected.
pub(crate) fn issue(world: &World, issue: &Issue, selection: &Selection, extras: &Extras) -> Value {
    let mut fields = Map::new();
    for id in &selection.ids {
        fields.insert((*id).to_owned(), field(world, issue, id, extras.viewer.as_deref()));
    }
    for custom in &world.projects[issue.project].custom_fields {
        if selection.has_custom(&custom.id) {
            let kept = issue.fields.custom.get(&custom.id).unwrap_or(&Value::Null);
            let shown = custom.show(world, &world.projects[issue.project], kept);
            let is_empty_list = shown.is_null() && custom.kind.is_list() && !custom.is_custom();
            fields.insert(custom.id.clone(), if is_empty_list { json!([]) } else { shown });
        }
    }
    let mut body = json!({
        "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
        "id": issue.id.to_string(),
        "self": address(world, issue),
        "key": issue.key,
        "fields": fields,
    });
    if let Some(keys) = &extras.properties {
        let found: Map<String, Value> = issue
            .properties
            .iter()
            .filter(|(key, _)| keys.iter().any(|wanted| wanted == *key || wanted == "*all"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        body["properties"] = Value::Object(found);
    }
    if extras.changelog {
        let mut histories = history(world, issue);
        histories.reverse();
        body["changelog"] = json!({
            "startAt": 0,
            "maxResults": histories.len(),
            "total": histories.len(),
            "histories": histories,
        });
    }
    body
}

/// Every issue with everything, for tests.
pub(crate) fn everything(world: &World) -> Vec<Value> {
    world
        .issues
        .values()
        .map(|found| {
            let mut body = issue(world, found, &Selection::all(world.site.flavour), &Extras::default());
            body["properties"] = json!(found.properties);
            body["comments"] = found.comments.iter().map(|found| comment(world, found, true)).collect();
            body["watchers"] = watchers(world, found, None, true)["watchers"].take();
            body["remoteLinks"] =
                found.remote_links.iter().map(|link| remote_link(world, found, link)).collect();
            body["links"] = links(world, found.id, None);
            body["archived"] = json!(found.archived);
            body["hidden"] = json!(found.seen_by.is_some());
            body["attachments"] = found.attachments.iter().map(|file| attachment(world, file)).collect();
            body["history"] = Value::Array(history(world, found));
            body
        })
        .collect()
}

/// The history of an issue, oldest first.
pub(crate) fn history(world: &World, issue: &Issue) -> Vec<Value> {
    issue.history.iter().map(|entry| change(world, entry)).collect()
}

pub(crate) fn comment(world: &World, comment: &Comment, with_properties: bool) -> Value {
    let mut body = json!({
        "self": format!("{}/issue/{}/comment/{}", world.speech.rest, comment.issue, comment.id),
        "id": comment.id.to_string(),
        "author": account(world, &comment.author),
        "body": rich(world, &comment.body),
        "updateAuthor": account(world, &comment.update_author),
        "created": time(comment.created),
        "updated": time(comment.updated),
    });
    if world.site.flavour == Flavour::Cloud {
        body["jsdPublic"] = json!(true);
    }
    if with_properties {
        body["properties"] =
            comment.properties.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    }
    body
}

pub(crate) fn attachment(world: &World, attachment: &Attachment) -> Value {
    json!({
        "self": format!("{}/attachment/{}", world.speech.rest, attachment.id),
        "id": attachment.id.to_string(),
        "filename": attachment.name,
        "author": account(world, &attachment.author),
        "created": time(attachment.created),
        "size": attachment.bytes.len(),
        "mimeType": attachment.media_type,
        "content": match world.site.flavour {
            Flavour::Cloud => format!("{}/attachment/content/{}", world.speech.rest, attachment.id),
            Flavour::DataCenter => {
                let name: String = url::form_urlencoded::byte_serialize(attachment.name.as_bytes()).collect();
                format!("{}/secure/attachment/{}/{name}", world.base, attachment.id)
            }
        },
    })
}

/// An issue as one below it shows it.
pub(crate) fn above(world: &World, issue: &Issue) -> Value {
    json!({
        "id": issue.id.to_string(),
        "key": issue.key,
        "self": address(world, issue),
        "fields": { "summary": field(world, issue, "summary", None) },
    })
}

/// The address of an issue.
pub(crate) fn address(world: &World, issue: &Issue) -> String {
    format!("{}/issue/{}", world.speech.rest, issue.id)
}

fn account(world: &World, account_id: &str) -> Value {
    world.user(account_id).map_or(Value::Null, |found| user(world, found))
}

fn field(world: &World, issue: &Issue, id: &str, viewer: Option<&str>) -> Value {
    let rest = world.speech.rest.as_str();
    let fields = &issue.fields;
    match id {
        "summary" => json!(fields.summary),
        "issuetype" => site::issue_type(fields.issue_type, rest),
        "project" => project(world, issue.project),
        "status" => site::status(fields.status, rest),
        "statusCategory" => site::category(fields.status.category, rest),
        "statuscategorychangedate" => json!(time(issue.category_changed)),
        "priority" => site::priority(fields.priority, rest),
        "resolution" => fields.resolution.map_or(Value::Null, |found| site::resolution(found, rest)),
        "resolutiondate" => issue.resolved.map_or(Value::Null, |found| json!(time(found))),
        "labels" => json!(fields.labels),
        "assignee" => fields.assignee.as_ref().map_or(Value::Null, |found| account(world, found)),
        "reporter" => account(world, &fields.reporter),
        "creator" => account(world, &issue.creator),
        "created" => json!(time(issue.created)),
        "updated" => json!(time(issue.updated)),
        "duedate" => fields.due.map_or(Value::Null, |due| json!(due.to_string())),
        "description" => fields.description.as_ref().map_or(Value::Null, |text| rich(world, text)),
        "environment" => fields.environment.as_ref().map_or(Value::Null, |text| rich(world, text)),
        "issuelinks" => links(world, issue.id, viewer),
        "comment" => {
            let most = match world.site.flavour {
                Flavour::Cloud => SHOWN_COMMENTS,
                Flavour::DataCenter => usize::MAX,
            };
            let shown = issue.comments.iter().take(most);
            let comments: Vec<Value> = shown.map(|found| comment(world, found, false)).collect();
            json!({
                "self": format!("{}/comment", address(world, issue)),
                "startAt": 0,
                "maxResults": comments.len(),
                "total": issue.comments.len(),
                "comments": comments,
            })
        }
        "watches" => watchers(world, issue, viewer, false),
        "attachment" => issue.attachments.iter().map(|found| attachment(world, found)).collect(),
        _ => Value::Null,
    }
}

/// A link whose other end the viewer does not see is not there for them.
fn links(world: &World, issue: u64, viewer: Option<&str>) -> Value {
    let seen = |id: u64| {
        world.issues.get(id).is_some_and(|other| viewer.is_none_or(|viewer| world.sees(viewer, other)))
    };
    world
        .links
        .iter()
        .filter(|link| (link.from == issue && seen(link.to)) || (link.to == issue && seen(link.from)))
        .map(|link| link_from(world, link, issue))
        .collect()
}

/// A link as one of its ends sees it: the issue that reads the outward text sees `outwardIssue`.
fn link_from(world: &World, link: &Link, issue: u64) -> Value {
    let (side, other) =
        if link.from == issue { ("outwardIssue", link.to) } else { ("inwardIssue", link.from) };
    json!({
        "id": link.id.to_string(),
        "self": format!("{}/issueLink/{}", world.speech.rest, link.id),
        "type": site::link_type(link.kind, &world.speech.rest),
        side: end_of_link(world, other),
    })
}

/// A link by itself, with both its ends.
pub(crate) fn link(world: &World, link: &Link) -> Value {
    json!({
        "id": link.id.to_string(),
        "self": format!("{}/issueLink/{}", world.speech.rest, link.id),
        "type": site::link_type(link.kind, &world.speech.rest),
        "inwardIssue": end_of_link(world, link.from),
        "outwardIssue": end_of_link(world, link.to),
    })
}

fn end_of_link(world: &World, issue: u64) -> Value {
    world.issues.get(issue).map_or(Value::Null, |other| {
        json!({
            "id": other.id.to_string(),
            "key": other.key,
            "self": address(world, other),
            "fields": {
                "summary": other.fields.summary,
                "status": site::status(other.fields.status, &world.speech.rest),
                "priority": site::priority(other.fields.priority, &world.speech.rest),
                "issuetype": site::issue_type(other.fields.issue_type, &world.speech.rest),
            },
        })
    })
}

fn change(world: &World, change: &Change) -> Value {
    json!({
        "id": change.id.to_string(),
        "author": account(world, &change.author),
        "created": time(change.created),
        "items": change_items(change),
    })
}

pub(crate) fn change_items(change: &Change) -> Vec<Value> {
    change
        .fields
        .iter()
        .map(|field| {
            json!({
                "field": field.field,
                "fieldtype": "jira",
                "fieldId": field.field.to_ascii_lowercase(),
                "from": field.from,
                "fromString": field.from_text,
                "to": field.to,
                "toString": field.to_text,
            })
        })
        .collect()
}
