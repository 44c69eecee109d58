//! Turns `fields` and `update` of a body into new field values, or into one text for each field at fault.
//!
//! Nothing is taken unless everything is right. Texts follow the ones of the real server where those are known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::adf;
use super::call::{Answer, INVALID_PAYLOAD};
use super::custom::{CustomField, SECURITY};
use super::dialect::{Flavour, Measure};
use super::rights::Permission;
use super::site::{
    self, FIELDS, ISSUE_TYPES, LINE_CHARACTERS, PRIORITIES, PROPERTY_KEY_CHARACTERS,
    PROPERTY_VALUE_CHARACTERS, RESOLUTIONS, Screen,
};
use super::wiki;
use super::world::{Fields, World, plain_text};

/// What a body asks for: new values of all fields, and comments to add.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) fields: Fields,
    pub(crate) comments: Vec<Value>,
    /// Position of the project whose fields these are.
    project: usize,
    /// Account id of who edits.
    who: String,
}

/// Reads `fields` and `update` of a body against a screen, starting from the values there are.
pub(crate) fn read(
    world: &World,
    who: &str,
    body: &Map<String, Value>,
    screen: Screen,
    project: usize,
    before: Fields,
) -> Result<Edit, Answer> {
    let fields = member(body, "fields")?;
    let update = member(body, "update")?;
    let mut edit = Edit { fields: before, comments: Vec::new(), project, who: who.to_owned() };
    let mut errors = Map::new();
    for (name, value) in &fields {
        let outcome = if update.contains_key(name) {
            Err(format!("Field '{name}' cannot appear in both 'fields' and 'update'"))
        } else {
            edit.on_screen(world, name, screen).and_then(|()| edit.set(world, name, value))
        };
        if let Err(text) = outcome {
            errors.insert(name.clone(), Value::String(text));
        }
    }
    for (name, verbs) in &update {
        if !fields.contains_key(name)
            && let Err(text) = edit.update(world, name, verbs, screen)
        {
            errors.insert(name.clone(), Value::String(text));
        }
    }
    if screen.requires("summary") && edit.fields.summary.is_empty() && !errors.contains_key("summary") {
        errors.insert("summary".to_owned(), "You must specify a summary of the issue.".into());
    }
    let required: Vec<&str> = match screen {
        Screen::Create => {
            let mandatory = world.projects[project].required.iter().map(|found| found.field.as_str());
            mandatory.filter(|field| edit.is_shown(world, field)).collect()
        }
        Screen::Transition(sheet) => sheet.required.to_vec(),
        Screen::Edit | Screen::None => Vec::new(),
    };
    for field in required {
        if edit.is_empty(field) && !errors.contains_key(field) {
            for mandatory in world.projects[project].required.iter().filter(|found| found.field == field) {
                mandatory.was_met.set(true);
            }
            let text = format!("{} is required.", name_of(world, project, field));
            errors.insert(field.to_owned(), Value::String(text));
        }
    }
    if errors.is_empty() { Ok(edit) } else { Err(Answer::field_errors(&errors)) }
}

/// The position of the project and the issue type that a create body names, both with the texts of the real
/// server.
pub(crate) fn home_of_new(
    world: &World,
    who: &str,
    body: &Map<String, Value>,
) -> Result<(usize, &'static site::Choice), Answer> {
    let fields = member(body, "fields")?;
    let mut errors = Map::new();
    let project = fields
        .get("project")
        .and_then(|project| project["id"].as_str().or_else(|| project["key"].as_str()))
        .and_then(|id_or_key| world.project(id_or_key))
        .filter(|_| world.rights.allow(who, Permission::Browse));
    match project {
        None => {
            errors.insert("project".to_owned(), "Specify a valid project ID or key".into());
        }
        Some(found) if world.projects[found].archived => {
            let text = "You can't create issues in this project because it is archived.";
            errors.insert("project".to_owned(), text.into());
        }
        Some(_) => {}
    }
    let issue_type = fields.get("issuetype").map(|value| pick(&ISSUE_TYPES, value));
    match issue_type {
        Some(Some(found)) => {
            if let (Some(project), true) = (project, errors.is_empty()) {
                return Ok((project, found));
            }
        }
        Some(None) => {
            errors.insert("issuetype".to_owned(), "Specify a valid issue type".into());
        }
        None => {
            errors.insert("issuetype".to_owned(), "Specify an issue type".into());
        }
    }
    Err(Answer::field_errors(&errors))
}

/// What is told to somebody who may not edit: every field is off the screen. `None` if the body has no field.
pub(crate) fn off_screen(body: &Map<String, Value>) -> Result<Option<Answer>, Answer> {
    let mut errors = member(body, "fields")?;
    errors.extend(member(body, "update")?);
    for (name, text) in &mut errors {
        *text = Value::String(not_on_screen(name));
    }
    Ok((!errors.is_empty()).then(|| Answer::field_errors(&errors)))
}

/// A rich text as it is kept, or why it is refused; an empty string is none.
pub(crate) fn rich_text(world: &World, value: &Value) -> Result<Option<Value>, String> {
    let limit = world.site.text_limit;
    let text = match (world.site.flavour, world.speech.is_wiki) {
        (Flavour::DataCenter, _) => {
            let text = value.as_str().ok_or("Operation value must be a string")?;
            if text.encode_utf16().count() > limit {
                return Err(format!(
                    "The entered text is too long. It exceeds the allowed limit of {} characters.",
                    with_commas(limit)
                ));
            }
            return Ok((!text.is_empty()).then(|| value.clone()));
        }
        (Flavour::Cloud, true) => {
            let text = value.as_str().ok_or("Operation value must be a string")?;
            if text.is_empty() {
                return Ok(None);
            }
            wiki::to_document(text)
        }
        (Flavour::Cloud, false) if value.is_object() => value.clone(),
        (Flavour::Cloud, false) => {
            return Err("Operation value must be an Atlassian Document (see the Atlassian Document Format)"
                .to_owned());
        }
    };
    adf::validate(&text).map_err(|fault| format!("INVALID_INPUT: {fault}"))?;
    let characters = match world.site.measure {
        Measure::Json => text.to_string().chars().count(),
        Measure::Text => plain_text(&text).chars().count(),
    };
    if characters > limit {
        return Err(format!(
            "CONTENT_LIMIT_EXCEEDED: The entered text is too long. It exceeds the allowed limit of {limit} \
             characters (found {characters})."
        ));
    }
    Ok(Some(text))
}

/// The rich text of a comment, which must not be empty.
pub(crate) fn comment_text(world: &World, value: &Value) -> Result<Value, String> {
    rich_text(world, value)?.ok_or_else(|| "Comment body can not be empty!".to_owned())
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The `properties` of a body: a list of `{key, value}`.
pub(crate) fn properties(body: &Map<String, Value>) -> Result<BTreeMap<String, Value>, Answer> {
    let mut properties = BTreeMap::new();
    let Some(listed) = body.get("properties") else { return Ok(properties) };
    let Value::Array(listed) = listed else { return Err(Answer::refusal(INVALID_PAYLOAD)) };
    for property in listed {
        let (Some(key), Some(value)) = (property["key"].as_str(), property.get("value")) else {
            return Err(Answer::refusal(INVALID_PAYLOAD));
        };
        check_property(key, &value.to_string())?;
        properties.insert(key.to_owned(), value.clone());
    }
    Ok(properties)
}

/// Refuses a property whose key or JSON text is too long.
pub(crate) fn check_property(key: &str, json_text: &str) -> Result<(), Answer> {
    if key.is_empty() || key.chars().count() > PROPERTY_KEY_CHARACTERS {
        return Err(Answer::refusal(format!(
            "The property key must have 1 to {PROPERTY_KEY_CHARACTERS} characters."
        )));
    }
    if json_text.chars().count() > PROPERTY_VALUE_CHARACTERS {
        return Err(Answer::refusal(format!(
            "The property value must not have more than {PROPERTY_VALUE_CHARACTERS} characters."
        )));
    }
    Ok(())
}

impl Edit {
    fn on_screen(&self, world: &World, name: &str, screen: Screen) -> Result<(), String> {
        let may = |permission| world.rights.allow(&self.who, permission);
        let is_there = match name {
            "assignee" => screen.fields().contains(&name) && may(Permission::Assign),
            "duedate" => screen.fields().contains(&name) && may(Permission::Schedule),
            "reporter" => screen.fields().contains(&name) && may(Permission::ModifyReporter),
            "fixVersions" if !may(Permission::Resolve) => false,
            SECURITY => {
                self.field(world, name).is_ok()
                    && screen.has_custom_field(name)
                    && may(Permission::SetSecurity)
            }
            name => {
                FIELDS.iter().any(|field| field.id == name) && screen.fields().contains(&name)
                    || screen.has_custom_field(name) && self.field(world, name).is_ok()
            }
        };
        let is_off = world.projects[self.project].lacks(name, screen);
        if is_there && !is_off && self.is_shown(world, name) { Ok(()) } else { Err(not_on_screen(name)) }
    }

    /// Whether the issue type has a field.
    fn is_shown(&self, world: &World, name: &str) -> bool {
        world.projects[self.project].shows(name, self.fields.issue_type.id)
    }

    /// Whether a field that may be mandatory has no value.
    fn is_empty(&self, field: &str) -> bool {
        match field {
            "description" => self.fields.description.is_none(),
            "environment" => self.fields.environment.is_none(),
            "labels" => self.fields.labels.is_empty(),
            "duedate" => self.fields.due.is_none(),
            "assignee" => self.fields.assignee.is_none(),
            "resolution" => self.fields.resolution.is_none(),
            "summary" | "issuetype" | "project" | "priority" | "reporter" => false,
            custom => !self.fields.custom.contains_key(custom),
        }
    }

    /// A field that the project has beside the fixed ones.
    fn field<'a>(&self, world: &'a World, name: &str) -> Result<&'a CustomField, String> {
        world.projects[self.project].field(name).ok_or_else(|| not_on_screen(name))
    }

    /// Adds to a list or takes from it; what is not in it is taken from it without a word.
    fn alter(&mut self, world: &World, name: &str, verb: &str, value: &Value) -> Result<(), String> {
        let entry = self.field(world, name)?.take_one(world, &world.projects[self.project], value)?;
        let kept = self.fields.custom.remove(name);
        let mut entries = kept.as_ref().and_then(Value::as_array).cloned().unwrap_or_default();
        entries.retain(|own| *own != entry);
        if verb == "add" {
            entries.push(entry);
        }
        if !entries.is_empty() {
            self.fields.custom.insert(name.to_owned(), Value::Array(entries));
        }
        Ok(())
    }

    fn update(&mut self, world: &World, name: &str, verbs: &Value, screen: Screen) -> Result<(), String> {
        // Comments may be added wherever something is edited or moved, on a screen or not.
        if name != "comment" || screen == Screen::Create {
            self.on_screen(world, name, screen)?;
        }
        let Value::Array(verbs) = verbs else {
            return Err("data was not an array of operations".to_owned());
        };
        for verb in verbs {
            let operation =
                verb.as_object().filter(|verb| verb.len() == 1).and_then(|verb| verb.iter().next());
            let Some((operation, value)) = operation else {
                return Err("an operation is an object with one verb".to_owned());
            };
            match (name, operation.as_str()) {
                ("labels", "add") => {
                    let label = label(value)?;
                    self.fields.labels.insert(label);
                }
                ("labels", "remove") => {
                    let label = label(value)?;
                    self.fields.labels.remove(&label);
                }
                ("comment", "add") => self.comments.push(comment_text(world, &value["body"])?),
                ("comment", verb) => return Err(not_supported(verb, name)),
                (_, "set") => self.set(world, name, value)?,
                (_, "add" | "remove") if self.field(world, name).is_ok_and(|field| field.kind.is_list()) => {
                    self.alter(world, name, operation, value)?;
                }
                (_, verb) => return Err(not_supported(verb, name)),
            }
        }
        Ok(())
    }

    fn set(&mut self, world: &World, name: &str, value: &Value) -> Result<(), String> {
        match name {
            // Create reads it by itself; no other screen has it.
            "project" => {}
            "issuetype" => {
                self.fields.issue_type =
                    pick(&ISSUE_TYPES, value).ok_or("The issue type selected is invalid.")?;
            }
            "summary" => self.fields.summary = summary(value)?,
            "description" => {
                self.fields.description = if value.is_null() { None } else { rich_text(world, value)? };
            }
            "environment" => {
                self.fields.environment = if value.is_null() { None } else { rich_text(world, value)? };
            }
            "labels" => {
                let Value::Array(labels) = value else {
                    return Err("data was not an array".to_owned());
                };
                self.fields.labels = labels.iter().map(label).collect::<Result<BTreeSet<_>, _>>()?;
            }
            "priority" => {
                self.fields.priority = pick(&PRIORITIES, value)
                    .filter(|found| world.projects[self.project].priorities.contains(found))
                    .ok_or("The priority selected is invalid.")?;
            }
            "resolution" => {
                self.fields.resolution =
                    Some(pick(&RESOLUTIONS, value).ok_or("The resolution selected is invalid.")?);
            }
            "duedate" => {
                self.fields.due = match value {
                    Value::Null => None,
                    value => Some(day(value)?),
                };
            }
            "assignee" => {
                self.fields.assignee = match value {
                    Value::Null => None,
                    value => assignee(world, value)?,
                };
            }
            "reporter" => {
                self.fields.reporter = account(world, value)?.ok_or("Reporter is required.")?;
            }
            name => {
                let field = self.field(world, name)?;
                match field.take(world, &world.projects[self.project], value)? {
                    Some(value) => self.fields.custom.insert(name.to_owned(), value),
                    None => self.fields.custom.remove(name),
                };
            }
        }
        Ok(())
    }
}

fn member(body: &Map<String, Value>, name: &str) -> Result<Map<String, Value>, Answer> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(found)) => Ok(found.clone()),
        Some(_) => Err(Answer::refusal(INVALID_PAYLOAD)),
    }
}

fn name_of(world: &World, project: usize, field: &str) -> String {
    let own = FIELDS.iter().find(|found| found.id == field).map(|found| found.name.to_owned());
    own.or_else(|| world.projects[project].field(field).map(|found| found.name.clone()))
        .unwrap_or_else(|| field.to_owned())
}

fn not_on_screen(name: &str) -> String {
    format!("Field '{name}' cannot be set. It is not on the appropriate screen, or unknown.")
}

fn not_supported(verb: &str, name: &str) -> String {
    format!("Operation '{verb}' is not supported for the field '{name}'.")
}

/// A choice named by `id` or `name`.
fn pick(choices: &'static [site::Choice], value: &Value) -> Option<&'static site::Choice> {
    match (value["id"].as_str(), value["name"].as_str()) {
        (Some(id), _) => choices.iter().find(|choice| choice.id == id),
        (None, Some(name)) => choices.iter().find(|choice| choice.name.eq_ignore_ascii_case(name)),
        (None, None) => None,
    }
}

fn summary(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("Operation value must be a string")?.trim();
    if text.is_empty() {
        return Err("You must specify a summary of the issue.".to_owned());
    }
    if text.contains(['\n', '\r']) {
        return Err("The summary is invalid because it contains newline characters.".to_owned());
    }
    if text.chars().count() > LINE_CHARACTERS {
        return Err(format!("Summary must be less than {LINE_CHARACTERS} characters."));
    }
    Ok(text.to_owned())
}

pub(crate) fn label(value: &Value) -> Result<String, String> {
    let label = value.as_str().ok_or("string expected")?;
    if label.is_empty() {
        return Err("The label must not be empty.".to_owned());
    }
    if label.contains(char::is_whitespace) {
        return Err(format!("The label '{label}' contains spaces which is invalid."));
    }
    if label.chars().count() > LINE_CHARACTERS {
        return Err(format!(
            "The label '{label}' exceeds the maximum length of {LINE_CHARACTERS} characters."
        ));
    }
    Ok(label.to_owned())
}

pub(crate) fn day(value: &Value) -> Result<Date, String> {
    let fault = || format!("Operation value must be a date in the format yyyy-MM-dd, found {value}");
    let text = value.as_str().filter(|text| text.len() == 10).ok_or_else(fault)?;
    Date::strptime("%Y-%m-%d", text).map_err(|_| fault())
}

/// The account that a value names: on Cloud by `accountId` or `id`, on Data Center by `name`; `None` for an explicit
/// null.
pub(crate) fn account(world: &World, value: &Value) -> Result<Option<String>, String> {
    let Value::Object(user) = value else {
        return Err("data was not an object".to_owned());
    };
    if world.site.flavour == Flavour::DataCenter {
        return match user.get("name") {
            Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => world
                .users
                .iter()
                .find(|user| user.name == *name)
                .map(|user| Some(user.account_id.clone()))
                .ok_or_else(|| format!("User '{name}' does not exist.")),
            _ => Err("expected an object with 'name'".to_owned()),
        };
    }
    match user.get("accountId").or_else(|| user.get("id")) {
        Some(Value::Null) => Ok(None),
        Some(Value::String(account_id)) if world.user(account_id).is_some() => Ok(Some(account_id.clone())),
        Some(Value::String(account_id)) => Err(format!("User '{account_id}' cannot be assigned issues.")),
        _ => Err("expected an object with 'accountId'".to_owned()),
    }
}

/// The account that an issue is assigned to; `-1` is whoever the project says, which here is nobody.
pub(crate) fn assignee(world: &World, value: &Value) -> Result<Option<String>, String> {
    let member = match world.site.flavour {
        Flavour::Cloud => "accountId",
        Flavour::DataCenter => "name",
    };
    if value.get(member).is_some_and(|id| id == "-1") {
        return Ok(None);
    }
    let found = account(world, value)?;
    let is_out = |account: &String| {
        world.inactive.contains(account) || !world.rights.allow(account, Permission::BeAssigned)
    };
    match found.filter(is_out) {
        Some(_) => {
            let shown = value[member].as_str().or(value["id"].as_str()).unwrap_or_default();
            Err(format!("User '{shown}' cannot be assigned issues."))
        }
        None => account(world, value),
    }
}
