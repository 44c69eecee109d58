//! Values of fields from [`super::custom`]: what is taken, how it is kept, how it is shown and told.
//!
//! Kept are ids and plain values, never what a body said: shown is what these mean at the time of looking.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::custom::{CustomField, FieldKind, FieldOption};
use super::edit;
use super::project::{Named, Project};
use super::site::LINE_CHARACTERS;
use super::view;
use super::world::World;

impl CustomField {
    /// A value as it is kept, or why it is refused; `None` empties the field.
    pub(crate) fn take(
        &self,
        world: &World,
        project: &Project,
        value: &Value,
    ) -> Result<Option<Value>, String> {
        if value.is_null() {
            return Ok(None);
        }
        if self.kind.is_list() {
            let Value::Array(entries) = value else { return Err("data was not an array".to_owned()) };
            let mut kept = Vec::new();
            for entry in entries {
                let entry = self.take_one(world, project, entry)?;
                if !kept.contains(&entry) {
                    kept.push(entry);
                }
            }
            return Ok((!kept.is_empty()).then_some(Value::Array(kept)));
        }
        match self.kind {
            FieldKind::Paragraph => edit::rich_text(world, value),
            FieldKind::Text if value == "" => Ok(None),
            _ => self.take_one(world, project, value).map(Some),
        }
    }

    /// One value, or one entry of a list.
    pub(crate) fn take_one(&self, world: &World, project: &Project, value: &Value) -> Result<Value, String> {
        let text = || value.as_str().ok_or_else(|| "Operation value must be a string".to_owned());
        match &self.kind {
            FieldKind::Text | FieldKind::Paragraph => {
                let text = text()?;
                if text.chars().count() > LINE_CHARACTERS {
                    return Err(format!(
                        "The entered text is too long. It exceeds the allowed limit of {LINE_CHARACTERS} characters."
                    ));
                }
                Ok(json!(text))
            }
            FieldKind::Number => {
                let number = value.as_f64().ok_or("Operation value must be a number")?;
                Ok(json!(number))
            }
            FieldKind::Date => Ok(json!(edit::day(value)?.to_string())),
            FieldKind::DateTime => Ok(json!(moment(text()?)?.to_string())),
            FieldKind::Url => {
                let text = text()?;
                let is_url = url::Url::parse(text).is_ok_and(|url| url.has_host());
                if is_url { Ok(json!(text)) } else { Err("Not a valid URL".to_owned()) }
            }
            FieldKind::Select(_) | FieldKind::MultiSelect(_) => {
                let options = self.options();
                let position = self.option(&options, value, None)?;
                Ok(json!(options[position].id))
            }
            FieldKind::Cascade(_) => {
                let options = self.options();
                let parent = self.option(&options, value, None)?;
                let mut kept = vec![json!(options[parent].id)];
                if let Some(child) = value.get("child").filter(|child| !child.is_null()) {
                    let child = self.option(&options, child, Some(parent))?;
                    kept.push(json!(options[child].id));
                }
                Ok(Value::Array(kept))
            }
            FieldKind::User | FieldKind::Users => {
                let account = edit::account(world, value)?.ok_or("expected a user, found none")?;
                Ok(json!(account))
            }
            FieldKind::Labels => Ok(json!(edit::label(value)?)),
            FieldKind::Version | FieldKind::Versions => pick("Version", &project.versions, value),
            FieldKind::Components => pick("Component", &project.components, value),
            FieldKind::SecurityLevel => {
                let levels: Vec<Named> = project.levels.iter().map(|level| level.name.clone()).collect();
                pick("Security level", &levels, value)
            }
            FieldKind::Project => {
                let named = value["id"].as_str().or_else(|| value["key"].as_str());
                let named = named.ok_or("Could not find valid 'id' or 'key' for the project.")?;
                let found = world.project(named).ok_or("Specify a valid project ID or key")?;
                Ok(json!(world.projects[found].id))
            }
            FieldKind::Parent => {
                let named = value["id"].as_str().or_else(|| value["key"].as_str());
                let named = named.ok_or("data was not an object")?;
                let found = world.find(named).ok_or("Could not find issue by id or key.")?;
                Ok(json!(found.to_string()))
            }
            FieldKind::Team(teams) => {
                let found = teams.iter().find(|(id, _)| *value == id.as_str());
                found.map(|(id, _)| json!(id)).ok_or_else(|| format!("Team Id '{value}' is not valid"))
            }
        }
    }

    /// A kept value as bodies show it; null stays null.
    pub(crate) fn show(&self, world: &World, project: &Project, kept: &Value) -> Value {
        match kept {
            Value::Null => Value::Null,
            Value::Array(entries) if self.kind.is_list() => {
                entries.iter().map(|entry| self.show_one(world, project, entry)).collect()
            }
            kept => self.show_one(world, project, kept),
        }
    }

    fn show_one(&self, world: &World, project: &Project, kept: &Value) -> Value {
        let id = kept.as_str().unwrap_or_default();
        let options = self.options();
        let option = |id: &Value| options.iter().find(|option| *id == option.id.as_str());
        match &self.kind {
            FieldKind::Paragraph => view::rich(world, kept),
            FieldKind::DateTime => {
                id.parse::<Timestamp>().map_or(Value::Null, |moment| json!(view::time(moment)))
            }
            FieldKind::Select(_) | FieldKind::MultiSelect(_) => {
                option(kept).map_or(Value::Null, |found| view::option(world, found))
            }
            FieldKind::Cascade(_) => {
                let Some(parent) = option(&kept[0]) else { return Value::Null };
                let mut body = view::option(world, parent);
                if let Some(child) = option(&kept[1]) {
                    body["child"] = view::option(world, child);
                }
                body
            }
            FieldKind::User | FieldKind::Users => {
                world.user(id).map_or(Value::Null, |user| view::user(world, user))
            }
            FieldKind::Version | FieldKind::Versions => {
                named(&project.versions, id).map_or(Value::Null, |found| view::version(world, project, found))
            }
            FieldKind::Components => named(&project.components, id)
                .map_or(Value::Null, |found| view::component(world, project, found)),
            FieldKind::SecurityLevel => project
                .levels
                .iter()
                .find(|level| level.name.id == id)
                .map_or(Value::Null, |found| view::security_level(world, found)),
            FieldKind::Project => {
                world.project(id).map_or(Value::Null, |position| view::project(world, position))
            }
            FieldKind::Parent => {
                let found = id.parse().ok().and_then(|id| world.issues.get(id));
                found.map_or(Value::Null, |found| view::above(world, found))
            }
            FieldKind::Team(teams) => teams.iter().find(|(team, _)| team == id).map_or(
                Value::Null,
                |(id, name)| json!({ "id": id, "name": name, "title": name, "isShared": true }),
            ),
            _ => kept.clone(),
        }
    }

    /// A kept value as the history tells it.
    pub(crate) fn tell(&self, world: &World, project: &Project, kept: &Value) -> String {
        let told = |shown: &Value| {
            ["value", "name", "displayName", "key"]
                .iter()
                .find_map(|member| shown[*member].as_str())
                .or(shown.as_str())
                .map_or_else(|| shown.to_string(), str::to_owned)
        };
        if self.is_rich() {
            return super::world::plain_text(kept);
        }
        match self.show(world, project, kept) {
            Value::Array(entries) => entries.iter().map(told).collect::<Vec<_>>().join(", "),
            shown if shown["child"].is_object() => format!("{} - {}", told(&shown), told(&shown["child"])),
            shown => told(&shown),
        }
    }

    /// The position of the option that a value names by `id`, or else by `value`.
    fn option(
        &self,
        options: &[FieldOption<'_>],
        value: &Value,
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let named = |member: &str| value.get(member).and_then(Value::as_str);
        let (member, wanted) = named("id")
            .map(|id| ("id", id))
            .or_else(|| named("value").map(|text| ("value", text)))
            .ok_or_else(|| format!("Specify a valid 'id' or 'name' for {}", self.name))?;
        options
            .iter()
            .position(|option| {
                let own = if member == "id" { option.id.as_str() } else { option.value };
                option.parent == parent && own == wanted
            })
            .ok_or_else(|| match parent {
                None => format!("Option {member} '{wanted}' is not valid"),
                Some(parent) => {
                    format!(
                        "The option '{wanted}' is an invalid option for parent '{}'",
                        options[parent].value
                    )
                }
            })
    }
}

/// The id of what a value names by `id`, or else by `name`.
fn pick(kind: &str, choices: &[Named], value: &Value) -> Result<Value, String> {
    let named = |member: &str| value.get(member).and_then(Value::as_str);
    let found = match (named("id"), named("name")) {
        (Some(id), _) => choices.iter().find(|choice| choice.id == id).ok_or(("id", id)),
        (None, Some(name)) => choices.iter().find(|choice| choice.name == name).ok_or(("name", name)),
        (None, None) => return Err("expected 'id' or 'name' property to be a string".to_owned()),
    };
    found
        .map(|found| json!(found.id))
        .map_err(|(member, wanted)| format!("{kind} {member} '{wanted}' is not valid"))
}

fn named<'a>(choices: &'a [Named], id: &str) -> Option<&'a Named> {
    choices.iter().find(|choice| choice.id == id)
}

/// Jira wants the milliseconds and an offset, with or without its colon.
fn moment(text: &str) -> Result<Timestamp, String> {
    let is_whole = text.get(10..11) == Some("T") && text.get(19..20) == Some(".") && text.len() >= 24;
    ["%Y-%m-%dT%H:%M:%S%.3f%z", "%Y-%m-%dT%H:%M:%S%.3f%:z"]
        .iter()
        .filter(|_| is_whole)
        .find_map(|form| Timestamp::strptime(form, text).ok())
        .or_else(|| text.ends_with('Z').then(|| text.parse().ok()).flatten().filter(|_| is_whole))
        .ok_or_else(|| {
            format!("Operation value must be a datetime format yyyy-MM-dd'T'HH:mm:ss.SSSZ, found '{text}'")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_milliseconds_and_an_offset() {
        for text in
            ["2026-08-22T06:00:00.000+0200", "2026-08-22T06:00:00.000+02:00", "2026-08-22T04:00:00.000Z"]
        {
            assert_eq!(
                moment(text).map(|found| found.to_string()),
                Ok("2026-08-22T04:00:00Z".to_owned()),
                "{text}"
            );
        }
        for text in ["2026-08-22", "2026-08-22T06:00:00Z", "2026-08-22T06:00:00.000", "22.08.2026 06:00", ""]
        {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
