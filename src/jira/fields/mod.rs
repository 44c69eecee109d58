//! What fields a screen has and what each of them takes: `createmeta`, `editmeta` and the screens of
//! transitions, in both dialects. Pure.
//!
//! A field is known by the name that people see, or by its id; a value by the words that people use. Between
//! the two ends stands one canonical text per value, so that what is wanted, what was written and what Jira
//! shows can be compared as texts: [`Field::mean`] reads a text and gives it with its JSON,
//! [`Field::show`] gives the text of a JSON value that Jira shows.

mod people;
mod value;

use std::fmt;

use serde_json::Value;

pub(super) use people::{Candidate, pick};
pub use people::{People, Person};
pub use value::{Meant, Wording, elements, join};

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One line of text.
    Line,
    /// Lines of text: a document on Cloud, wiki markup on Data Center.
    Text,
    /// A web address.
    Address,
    /// A number.
    Number,
    /// A day.
    Day,
    /// A day with its time.
    Time,
    /// One of the values that Jira lists.
    Choice(Named),
    /// Any of the values that Jira lists.
    Choices(Named),
    /// One of the values that Jira lists, and one below it.
    Cascade,
    /// One account.
    Person,
    /// Any number of accounts.
    People,
    /// Words without blanks.
    Labels,
    /// One issue, by its key.
    Issue,
    /// One of the site's teams, by its id: Jira lists none, and takes no names
    /// (<https://developer.atlassian.com/platform/teams/components/team-field-in-jira-rest-api/>).
    Team,
    /// Something that cannot be written from a text.
    Other(String),
}

/// Which member of a listed value its name is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// `value`, as options have it.
    Value,
    /// `name`, as most have it.
    Name,
    /// `key`, as projects have it, besides their name.
    Key,
}

/// A value that Jira lists for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Its id; empty where it has none.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Another name that it goes by.
    pub alias: Option<String>,
    /// The values below it.
    pub below: Vec<Allowed>,
}

/// A field as a screen has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its id, such as `duedate` or `customfield_10042`.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// Whether the screen demands a value.
    pub required: bool,
    /// Whether it gets a value where none is given.
    pub has_default: bool,
    /// What it takes.
    pub kind: Kind,
    /// The values that Jira lists; empty where it lists none.
    pub allowed: Vec<Allowed>,
}

/// The fields of a screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    fields: Vec<Field>,
}

/// Why a name stands for no field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// There is none of this name.
    #[error("there is no field `{name}`{}", did_you_mean(near.as_deref()))]
    None {
        /// The name.
        name: String,
        /// The field that was probably meant.
        near: Option<String>,
    },
    /// Several have this name.
    #[error("{} fields are called `{name}`: use one of the ids {}", ids.len(), quoted(ids))]
    Several {
        /// The name.
        name: String,
        /// Their ids.
        ids: Vec<String>,
    },
}

impl Catalog {
    /// Reads `createmeta` of one issue type, whose list is called `fields` on Cloud and `values` on Data
    /// Center, or the `fields` of `editmeta` and of a transition, which is a table by id.
    pub fn read(answer: &Value) -> Self {
        let listed = answer["fields"].as_array().or_else(|| answer["values"].as_array());
        let fields = match (listed, answer["fields"].as_object()) {
            (Some(list), _) => list.iter().filter_map(|field| Field::read("", field)).collect(),
            (None, Some(table)) => table.iter().filter_map(|(id, field)| Field::read(id, field)).collect(),
            (None, None) => Vec::new(),
        };
        Self { fields }
    }

    /// These fields and those of another page.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.fields.extend(more.fields);
        self
    }

    /// All fields, in Jira's order.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter()
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The field of an id.
    pub fn by_id(&self, id: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The field that a person calls so: by its name in any case, or by its id.
    pub fn find(&self, name: &str) -> Result<&Field, Unknown> {
        let name = name.trim();
        let folded = name.to_lowercase();
        let alike: Vec<&Field> =
            self.fields.iter().filter(|field| field.name.trim().to_lowercase() == folded).collect();
        let exact: Vec<&Field> = alike.iter().copied().filter(|field| field.name.trim() == name).collect();
        match (&alike[..], &exact[..]) {
            ([one], _) | (_, [one]) => Ok(one),
            ([], _) => self.by_id(name).ok_or_else(|| {
                let names = self.fields.iter().map(|field| field.name.as_str());
                Unknown::None { name: name.to_owned(), near: closest(name, names).map(str::to_owned) }
            }),
            (several, _) => Err(Unknown::Several {
                name: name.to_owned(),
                ids: several.iter().map(|field| field.id.clone()).collect(),
            }),
        }
    }

    /// A text about fields in which ids that people do not know stand beside the names that they know.
    pub fn named(&self, said: &str) -> String {
        let mut text = said.to_owned();
        for field in self.fields.iter().filter(|field| field.id != field.name) {
            let (id, name) = (format!("`{}`", field.id), format!("`{}` ({})", field.name, field.id));
            text = text.replace(&id, &name);
        }
        text
    }
}

impl Field {
    fn read(id: &str, field: &Value) -> Option<Self> {
        let own = field["fieldId"].as_str().or(field["key"].as_str()).unwrap_or(id);
        let id = if own.is_empty() { return None } else { own.to_owned() };
        let kind = kind(&field["schema"], &id);
        let allowed = field["allowedValues"].as_array().into_iter().flatten();
        Some(Self {
            name: field["name"].as_str().unwrap_or(&id).to_owned(),
            required: field["required"] == true,
            has_default: field["hasDefaultValue"] == true,
            allowed: allowed.filter_map(Allowed::read).collect(),
            id,
            kind,
        })
    }

    /// Whether a screen cannot be left without giving it a value.
    pub fn is_demanded(&self) -> bool {
        self.required && !self.has_default
    }
}

impl Allowed {
    fn read(value: &Value) -> Option<Self> {
        if value["disabled"] == true || value["archived"] == true {
            return None;
        }
        let member = |name: &str| value[name].as_str().map(str::to_owned);
        let (name, alias) = match (member("value"), member("key"), member("name")) {
            (Some(value), _, _) => (value, None),
            (None, Some(key), name) => (key, name),
            (None, None, name) => (name.or_else(|| value.as_str().map(str::to_owned))?, None),
        };
        let below = value["children"].as_array().into_iter().flatten();
        Some(Self {
            id: member("id").unwrap_or_default(),
            name,
            alias,
            below: below.filter_map(Self::read).collect(),
        })
    }
}

fn kind(schema: &Value, id: &str) -> Kind {
    let custom = schema["custom"].as_str().unwrap_or_default();
    let is_custom = |name: &str| custom.rsplit(':').next() == Some(name);
    // Its type is `any` or `team`, by the age of the site.
    if is_custom("rm-teams-custom-field-team") || is_custom("atlassian-team") {
        return Kind::Team;
    }
    match (schema["type"].as_str().unwrap_or_default(), schema["items"].as_str().unwrap_or_default()) {
        ("string", _) if is_custom("textarea") || matches!(id, "description" | "environment") => Kind::Text,
        ("string", _) if is_custom("url") => Kind::Address,
        ("string", _) => Kind::Line,
        ("number", _) => Kind::Number,
        ("date", _) => Kind::Day,
        ("datetime", _) => Kind::Time,
        ("option", _) => Kind::Choice(Named::Value),
        ("option-with-child", _) => Kind::Cascade,
        ("project", _) => Kind::Choice(Named::Key),
        (
            "priority" | "resolution" | "securitylevel" | "version" | "component" | "issuetype" | "group",
            _,
        ) => Kind::Choice(Named::Name),
        ("user", _) => Kind::Person,
        ("issuelink", _) => Kind::Issue,
        ("array", "option") => Kind::Choices(Named::Value),
        ("array", "version" | "component" | "group") => Kind::Choices(Named::Name),
        ("array", "project") => Kind::Choices(Named::Key),
        ("array", "user") => Kind::People,
        ("array", "string") => Kind::Labels,
        ("array", items) => Kind::Other(format!("array of {items}")),
        (other, _) => Kind::Other(other.to_owned()),
    }
}

impl Kind {
    /// What a text for it must look like.
    pub fn words(&self) -> String {
        match self {
            Self::Line => "a line of text".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Address => "a web address such as `https://example.com`".to_owned(),
            Self::Number => "a number such as `12.5`".to_owned(),
            Self::Day => "a day such as `2026-08-31`".to_owned(),
            Self::Time => "a day and time such as `2026-08-31T09:00:00Z`".to_owned(),
            Self::Choice(Named::Key) => "the key of a project".to_owned(),
            Self::Choice(_) => "one of its values".to_owned(),
            Self::Choices(Named::Key) => "keys of projects with `;` between them".to_owned(),
            Self::Choices(_) => "some of its values with `;` between them".to_owned(),
            Self::Cascade => "one of its values and one below it, such as `Parent > Child`".to_owned(),
            Self::Person => "the name or mail address of an account".to_owned(),
            Self::People => "names or mail addresses of accounts with `;` between them".to_owned(),
            Self::Labels => "labels without blanks, with `;` between them".to_owned(),
            Self::Issue => "the key of an issue".to_owned(),
            Self::Team => "the id of a team, which stands at the end of the address of its page".to_owned(),
            Self::Other(kind) => format!("something that cannot be written from a text ({kind})"),
        }
    }
}

/// The name that a text was probably meant to be.
pub(super) fn closest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    names
        .map(|name| (strsim::jaro_winkler(&text, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

pub(super) fn did_you_mean(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Texts in backticks, the first ones where there are many.
pub(super) fn quoted(texts: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut shown: Vec<String> = texts.iter().take(SHOWN).map(|text| format!("`{text}`")).collect();
    if texts.len() > SHOWN {
        shown.push(format!("and {} more", texts.len() - SHOWN));
    }
    shown.join(", ")
}

/// A text that a field does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// Name of the field.
    pub field: String,
    /// What it takes, in words.
    pub expected: String,
    /// What was found, or why that is not it.
    pub found: String,
    /// What was probably meant.
    pub near: Option<String>,
    /// What it could be; empty where that is not a list.
    pub allowed: Vec<String>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, expected, found, near, allowed } = self;
        write!(f, "`{field}` takes {expected}, but found {found}{}", did_you_mean(near.as_deref()))?;
        if allowed.is_empty() { Ok(()) } else { write!(f, " (allowed: {})", quoted(allowed)) }
    }
}

impl std::error::Error for Unfit {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create_screen() -> Value {
        json!({ "fields": [
            { "fieldId": "summary", "name": "Summary", "required": true, "schema": { "type": "string", "system": "summary" } },
            { "fieldId": "customfield_1", "name": "Amount exposed", "schema": { "type": "number" } },
            { "fieldId": "customfield_2", "name": "Team", "required": true, "hasDefaultValue": true, "schema": { "type": "option" } },
            { "fieldId": "customfield_3", "name": "team", "schema": { "type": "string" } },
            { "fieldId": "customfield_4", "name": "Region", "schema": { "type": "string" } },
            { "fieldId": "customfield_5", "name": "Region", "schema": { "type": "string" } },
        ] })
    }

    #[test]
    fn the_three_forms_of_field_metadata_are_read_alike() {
        let cloud = create_screen();
        let data_center = json!({ "values": cloud["fields"] });
        let table: serde_json::Map<String, Value> = cloud["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| {
                let mut field = field.clone();
                let id = field["fieldId"].take().as_str().unwrap().to_owned();
                (id, field)
            })
            .collect();
        let expected = Catalog::read(&cloud);
        assert_eq!(expected.iter().count(), 6);
        assert_eq!(Catalog::read(&data_center), expected);
        assert_eq!(Catalog::read(&json!({ "fields": table })), {
            let mut sorted = expected;
            sorted.fields.sort_by(|a, b| a.id.cmp(&b.id));
            sorted
        });
    }

    #[test]
    fn a_field_is_found_by_its_name_in_any_case_and_by_its_id() {
        let catalog = Catalog::read(&create_screen());
        assert_eq!(catalog.find(" amount EXPOSED ").unwrap().id, "customfield_1");
        assert_eq!(catalog.find("customfield_4").unwrap().id, "customfield_4");
        assert_eq!(catalog.find("Team").unwrap().id, "customfield_2", "the exact name wins");
    }

    #[test]
    fn a_name_of_several_fields_is_refused_with_their_ids() {
        let catalog = Catalog::read(&create_screen());
        assert_eq!(
            catalog.find("region").unwrap_err().to_string(),
            "2 fields are called `region`: use one of the ids `customfield_4`, `customfield_5`"
        );
        assert_eq!(
            catalog.find("Amount exposd").unwrap_err().to_string(),
            "there is no field `Amount exposd`; did you mean `Amount exposed`?"
        );
    }

    #[test]
    fn what_jira_says_of_an_id_is_told_with_the_name() {
        let catalog = Catalog::read(&create_screen());
        assert_eq!(
            catalog.named("`customfield_1`: is required; `duedate`: no"),
            "`Amount exposed` (customfield_1): is required; `duedate`: no"
        );
    }
}
