//! The language of an answer: names of priorities, resolutions and status categories, which Jira translates.
//!
//! Each account has a language in its profile. Cloud looks at `Accept-Language` only if `X-Force-Accept-Language: true`
//! comes with it; Data Center documents neither. Only answers are translated: a request that names such a thing in
//! another language than English is refused.

use serde::Deserialize;
use serde_json::{Value, json};

use super::dialect::Flavour;
use super::world::World;
use super::{Sandbox, User};

/// A language that the sandbox speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// That of the site.
    #[default]
    English,
    /// For accounts that chose it.
    German,
}

const GERMAN: [(&str, &str, &str); 13] = [
    ("priority", "Highest", "Höchste"),
    ("priority", "High", "Hoch"),
    ("priority", "Medium", "Mittel"),
    ("priority", "Low", "Niedrig"),
    ("priority", "Lowest", "Niedrigste"),
    ("resolution", "Done", "Fertig"),
    ("resolution", "Won't Do", "Wird nicht erledigt"),
    ("resolution", "Duplicate", "Duplikat"),
    ("resolution", "Cannot Reproduce", "Nicht reproduzierbar"),
    ("statuscategory", "No Category", "Keine Kategorie"),
    ("statuscategory", "To Do", "Zu erledigen"),
    ("statuscategory", "In Progress", "In Arbeit"),
    ("statuscategory", "Done", "Fertig"),
];

impl Language {
    /// As `myself` tells it.
    pub(crate) fn locale(self) -> &'static str {
        match self {
            Self::English => "en_US",
            Self::German => "de_DE",
        }
    }

    /// The language of an answer to an account, which may have asked for one and may have insisted on it.
    pub(crate) fn of_answer(world: &World, who: Option<&str>, asked: &str, insists: bool) -> Self {
        if world.site.flavour == Flavour::Cloud && insists {
            // What Jira does not speak it answers in the language of the site.
            return if asked.to_ascii_lowercase().starts_with("de") { Self::German } else { Self::default() };
        }
        who.and_then(|who| world.languages.get(who)).copied().unwrap_or_default()
    }

    /// Translates the names in an answer; what they are names of is told by the addresses beside them.
    pub(crate) fn translate(self, value: &mut Value) {
        if self == Self::English {
            return;
        }
        match value {
            Value::Object(members) => {
                let address = members.get("self").and_then(Value::as_str).unwrap_or_default();
                let kind = address.rsplit('/').nth(1).unwrap_or_default();
                let found = GERMAN
                    .iter()
                    .find(|(of, name, _)| *of == kind && members.get("name").is_some_and(|it| it == name));
                if let Some((_, _, translated)) = found {
                    members.insert("name".to_owned(), json!(translated));
                }
                members.values_mut().for_each(|member| self.translate(member));
            }
            Value::Array(entries) => entries.iter_mut().for_each(|entry| self.translate(entry)),
            _ => {}
        }
    }
}

impl Sandbox {
    /// Sets the language in the profile of an account.
    pub fn set_language(&self, user: &User, language: Language) {
        self.shared.step(|world| world.languages.insert(user.account_id.clone(), language));
    }
}
