//! Fields that an administrator adds to a project: what they take, and how bodies show them.

use serde_json::{Value, json};

use super::edit;
use super::site::LINE_CHARACTERS;
use super::world::World;

/// A field that an administrator added to a project; the create and the edit screen have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// Such as `customfield_10042`.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
}

/// What a custom field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// Rich text: a document, or wiki markup.
    Paragraph,
    /// One of these options.
    Select(Vec<String>),
}

/// The id of the first option.
const OPTIONS_START: u64 = 10_000;

impl CustomField {
    /// Its JSON type as `field` and the metadata give it.
    pub(crate) fn schema(&self) -> Value {
        let number = self.id.rsplit('_').next().and_then(|digits| digits.parse::<u64>().ok());
        let (kind, plugin) = match self.kind {
            FieldKind::Text => ("string", "textfield"),
            FieldKind::Paragraph => ("string", "textarea"),
            FieldKind::Select(_) => ("option", "select"),
        };
        json!({
            "type": kind,
            "custom": format!("com.atlassian.jira.plugin.system.customfieldtypes:{plugin}"),
            "customId": number,
        })
    }

    /// Whether its value is a rich text.
    pub(crate) fn is_rich(&self) -> bool {
        self.kind == FieldKind::Paragraph
    }

    /// What may be chosen; `None` if it is no matter of choice.
    pub(crate) fn allowed(&self, rest: &str) -> Option<Vec<Value>> {
        match &self.kind {
            FieldKind::Select(options) => Some(
                (0..)
                    .zip(options)
                    .map(|(place, value)| {
                        let id = (OPTIONS_START + place).to_string();
                        json!({ "self": format!("{rest}/customFieldOption/{id}"), "value": value, "id": id })
                    })
                    .collect(),
            ),
            FieldKind::Text | FieldKind::Paragraph => None,
        }
    }

    /// A value for it as it is kept, or why it is refused; `None` empties it.
    pub(crate) fn take(&self, world: &World, value: &Value) -> Result<Option<Value>, String> {
        if value.is_null() {
            return Ok(None);
        }
        match &self.kind {
            FieldKind::Text => {
                let text = value.as_str().ok_or("Operation value must be a string")?;
                if text.chars().count() > LINE_CHARACTERS {
                    return Err(format!(
                        "The entered text is too long. It exceeds the allowed limit of {LINE_CHARACTERS} characters."
                    ));
                }
                Ok((!text.is_empty()).then(|| json!(text)))
            }
            FieldKind::Paragraph => edit::rich_text(world, value),
            FieldKind::Select(_) => {
                if !value.is_object() {
                    return Err("Specify a valid 'id' or 'name' for the option".to_owned());
                }
                self.allowed(&world.speech.rest)
                    .into_iter()
                    .flatten()
                    .find(|option| {
                        value.get("id").map_or_else(
                            || value.get("value") == option.get("value"),
                            |id| *id == option["id"],
                        )
                    })
                    .map(Some)
                    .ok_or_else(|| {
                        format!("Option value '{}' is not valid", value["value"].as_str().unwrap_or_default())
                    })
            }
        }
    }
}
