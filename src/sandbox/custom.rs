//! Fields beside those that every issue has: what kinds there are, and how the metadata describes them.
//!
//! An administrator adds them to a project. Versions and components, which every project has, are of the same make.

use serde_json::{Value, json};

use super::project::Project;
use super::view;
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

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// One line of text, 255 characters at most.
    Text,
    /// Rich text: a document, or wiki markup.
    Paragraph,
    /// A number.
    Number,
    /// A day.
    Date,
    /// A point in time.
    DateTime,
    /// A web address.
    Url,
    /// One of these options.
    Select(Vec<String>),
    /// Several of these options.
    MultiSelect(Vec<String>),
    /// An option and one of its own options below it.
    Cascade(Vec<(String, Vec<String>)>),
    /// An account.
    User,
    /// Several accounts.
    Users,
    /// Labels of its own.
    Labels,
    /// A version of the project.
    Version,
    /// Several versions of the project.
    Versions,
    /// Several components of the project.
    Components,
    /// A security level of the project.
    SecurityLevel,
    /// A project.
    Project,
    /// An issue above it, as `parent` on Cloud has one. Which types may be above which is not judged.
    Parent,
    /// One of these teams of the site, by their ids and names. What they are is not listed to clients.
    Team(Vec<(String, String)>),
}

/// An option of a field.
pub(crate) struct FieldOption<'a> {
    pub(crate) id: String,
    pub(crate) value: &'a str,
    /// Position of the option that it belongs to.
    pub(crate) parent: Option<usize>,
}

/// The field that holds the security level, once a project has levels.
pub(crate) const SECURITY: &str = "security";

impl FieldKind {
    /// Type, type of the entries of a list, and the name of the plugin that custom fields of the kind come from.
    fn schema(&self) -> (&'static str, Option<&'static str>, &'static str) {
        match self {
            Self::Text => ("string", None, "textfield"),
            Self::Paragraph => ("string", None, "textarea"),
            Self::Number => ("number", None, "float"),
            Self::Date => ("date", None, "datepicker"),
            Self::DateTime => ("datetime", None, "datetime"),
            Self::Url => ("string", None, "url"),
            Self::Select(_) => ("option", None, "select"),
            Self::MultiSelect(_) => ("array", Some("option"), "multiselect"),
            Self::Cascade(_) => ("option-with-child", None, "cascadingselect"),
            Self::User => ("user", None, "userpicker"),
            Self::Users => ("array", Some("user"), "multiuserpicker"),
            Self::Labels => ("array", Some("string"), "labels"),
            Self::Version => ("version", None, "version"),
            Self::Versions => ("array", Some("version"), "multiversion"),
            Self::Components => ("array", Some("component"), "components"),
            Self::SecurityLevel => ("securitylevel", None, "securitylevel"),
            Self::Project => ("project", None, "project"),
            Self::Parent => ("issuelink", None, "parent"),
            Self::Team(_) => ("any", None, "com.atlassian.teams:rm-teams-custom-field-team"),
        }
    }

    /// Whether it holds a list, which may be added to and taken from.
    pub(crate) fn is_list(&self) -> bool {
        self.schema().1.is_some()
    }
}

impl CustomField {
    /// The fields of this make that every project has.
    pub(crate) fn built_in() -> Vec<Self> {
        [
            ("components", "Components", FieldKind::Components),
            ("versions", "Affects versions", FieldKind::Versions),
            ("fixVersions", "Fix versions", FieldKind::Versions),
        ]
        .into_iter()
        .map(|(id, name, kind)| Self { id: id.to_owned(), name: name.to_owned(), kind })
        .collect()
    }

    /// Whether an administrator added it.
    pub(crate) fn is_custom(&self) -> bool {
        self.id.starts_with("customfield_")
    }

    /// As the history names it.
    pub(crate) fn history_name(&self) -> &str {
        match self.id.as_str() {
            "components" => "Component",
            "versions" => "Version",
            "fixVersions" => "Fix Version",
            SECURITY => "security",
            _ => &self.name,
        }
    }

    fn number(&self) -> u64 {
        self.id.rsplit('_').next().and_then(|digits| digits.parse().ok()).unwrap_or_default()
    }

    /// Its JSON type as `field` and the metadata give it.
    pub(crate) fn schema(&self) -> Value {
        let (kind, entries, plugin) = self.kind.schema();
        let mut schema = json!({ "type": kind });
        if let Some(entries) = entries {
            schema["items"] = json!(entries);
        }
        if self.is_custom() {
            let own = format!("com.atlassian.jira.plugin.system.customfieldtypes:{plugin}");
            schema["custom"] = if plugin.contains(':') { json!(plugin) } else { json!(own) };
            schema["customId"] = json!(self.number());
        } else {
            schema["system"] = json!(self.id);
        }
        schema
    }

    /// What `update` may do with it.
    pub(crate) fn operations(&self) -> &'static [&'static str] {
        if self.kind.is_list() { &["add", "set", "remove"] } else { &["set"] }
    }

    /// Whether its value is a rich text.
    pub(crate) fn is_rich(&self) -> bool {
        self.kind == FieldKind::Paragraph
    }

    /// All its options, each after the one it belongs to. No two fields share the id of an option.
    pub(crate) fn options(&self) -> Vec<FieldOption<'_>> {
        let values: Vec<(&str, Option<usize>)> = match &self.kind {
            FieldKind::Select(options) | FieldKind::MultiSelect(options) => {
                options.iter().map(|value| (value.as_str(), None)).collect()
            }
            FieldKind::Cascade(options) => {
                let mut values = Vec::new();
                for (value, children) in options {
                    let parent = values.len();
                    values.push((value.as_str(), None));
                    values.extend(children.iter().map(|child| (child.as_str(), Some(parent))));
                }
                values
            }
            _ => Vec::new(),
        };
        let first = (self.number() % 1_000 + 10) * 1_000;
        (first..)
            .zip(values)
            .map(|(id, (value, parent))| FieldOption { id: id.to_string(), value, parent })
            .collect()
    }

    /// What may be chosen; `None` if it is no matter of choice.
    pub(crate) fn allowed(&self, world: &World, project: &Project) -> Option<Vec<Value>> {
        let options = self.options();
        let shown = |option: &FieldOption<'_>| view::option(world, option);
        Some(match &self.kind {
            FieldKind::Select(_) | FieldKind::MultiSelect(_) => options.iter().map(shown).collect(),
            FieldKind::Cascade(_) => {
                let with_children = |(position, option): (usize, &FieldOption<'_>)| {
                    let children = options.iter().filter(|child| child.parent == Some(position));
                    let mut body = shown(option);
                    body["children"] = children.map(shown).collect();
                    body
                };
                options
                    .iter()
                    .enumerate()
                    .filter(|(_, option)| option.parent.is_none())
                    .map(with_children)
                    .collect()
            }
            FieldKind::Version | FieldKind::Versions => {
                project.versions.iter().map(|found| view::version(world, project, found)).collect()
            }
            FieldKind::Components => {
                project.components.iter().map(|found| view::component(world, project, found)).collect()
            }
            FieldKind::SecurityLevel => {
                project.levels.iter().map(|found| view::security_level(world, found)).collect()
            }
            FieldKind::Project => {
                (0..world.projects.len()).map(|position| view::project(world, position)).collect()
            }
            _ => return None,
        })
    }

    /// Where a client may ask for what to type.
    pub(crate) fn auto_complete(&self, world: &World) -> Option<String> {
        let rest = &world.speech.rest;
        match self.kind {
            FieldKind::User | FieldKind::Users => Some(format!("{rest}/user/search?query=")),
            FieldKind::Labels => Some(format!("{rest}/label?query=")),
            _ => None,
        }
    }
}
