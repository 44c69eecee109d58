//! What is set up on the sandbox's site and never changes: status categories, priorities, fields and screens.
//!
//! Ids have the look of a real site on purpose: status ids are not in order, so a client that sorts by id or
//! counts on a name finds out here.

use serde_json::{Value, json};

use super::dialect::Flavour;

/// Largest attachment unless it is set. A site setting: clients learn it from `attachment/meta`.
pub(crate) const UPLOAD_LIMIT_BYTES: usize = 10 * 1024 * 1024;
/// Files in one upload (specification).
pub(crate) const FILES_PER_UPLOAD: usize = 60;
/// Characters of a rich text unless it is set.
pub(crate) const TEXT_CHARACTERS: usize = 32_767;
/// Characters of a summary and of a label.
pub(crate) const LINE_CHARACTERS: usize = 255;
/// Characters of the key of a property (specification).
pub(crate) const PROPERTY_KEY_CHARACTERS: usize = 255;
/// Characters of the value of a property as JSON text (specification).
pub(crate) const PROPERTY_VALUE_CHARACTERS: usize = 32_768;

/// Something with an id and a name: an issue type, a priority or a resolution.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
}

/// A status category. The real keys are `undefined`, `new`, `indeterminate` and `done`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Category {
    pub(crate) id: u32,
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) color: &'static str,
}

/// A status; each is a column of the board.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) category: &'static Category,
}

/// A link type, seen from both ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LinkType {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) inward: &'static str,
    pub(crate) outward: &'static str,
}

/// A field that issues have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// `type` of its schema.
    kind: &'static str,
    /// Whether it comes with `*navigable`.
    pub(crate) navigable: bool,
    /// What `update` may do with it; empty for fields that no screen has.
    operations: &'static [&'static str],
    cloud_only: bool,
}

/// Where fields are being set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    Create,
    Edit,
    /// The screen of a transition.
    Transition(&'static Sheet),
    /// A transition without a screen.
    None,
}

/// What is on the screen of a transition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub(crate) fields: &'static [&'static str],
    /// Those of the fields that must have a value when the screen is left.
    pub(crate) required: &'static [&'static str],
}

static UNDEFINED: Category = Category { id: 1, key: "undefined", name: "No Category", color: "medium-gray" };
pub(crate) static NEW: Category = Category { id: 2, key: "new", name: "To Do", color: "blue-gray" };
pub(crate) static INDETERMINATE: Category =
    Category { id: 4, key: "indeterminate", name: "In Progress", color: "yellow" };
pub(crate) static DONE: Category = Category { id: 3, key: "done", name: "Done", color: "green" };

pub(crate) static CATEGORIES: [&Category; 4] = [&UNDEFINED, &NEW, &INDETERMINATE, &DONE];

pub(crate) static ISSUE_TYPES: [Choice; 3] = [
    Choice { id: "10001", name: "Task" },
    Choice { id: "10002", name: "Bug" },
    Choice { id: "10003", name: "Story" },
];

/// From the most to the least urgent.
pub(crate) static PRIORITIES: [Choice; 5] = [
    Choice { id: "1", name: "Highest" },
    Choice { id: "2", name: "High" },
    Choice { id: "3", name: "Medium" },
    Choice { id: "4", name: "Low" },
    Choice { id: "5", name: "Lowest" },
];

pub(crate) static RESOLUTIONS: [Choice; 4] = [
    Choice { id: "10000", name: "Done" },
    Choice { id: "10001", name: "Won't Do" },
    Choice { id: "10002", name: "Duplicate" },
    Choice { id: "10003", name: "Cannot Reproduce" },
];

pub(crate) static LINK_TYPES: [LinkType; 5] = [
    LinkType { id: "10000", name: "Blocks", inward: "is blocked by", outward: "blocks" },
    LinkType { id: "10001", name: "Cloners", inward: "is cloned by", outward: "clones" },
    LinkType { id: "10002", name: "Duplicate", inward: "is duplicated by", outward: "duplicates" },
    LinkType { id: "10003", name: "Relates", inward: "relates to", outward: "relates to" },
    LinkType { id: "10004", name: "Issue split", inward: "split from", outward: "split to" },
];

const SET: &[&str] = &["set"];
const LABEL_VERBS: &[&str] = &["add", "set", "remove"];

pub(crate) static FIELDS: [Field; 22] = [
    field("summary", "Summary", "string", SET),
    field("issuetype", "Issue Type", "issuetype", SET),
    field("project", "Project", "project", SET),
    field("status", "Status", "status", &[]),
    Field {
        cloud_only: true,
        ..field("statuscategorychangedate", "Status Category Changed", "datetime", &[])
    },
    field("priority", "Priority", "priority", SET),
    field("resolution", "Resolution", "resolution", SET),
    field("resolutiondate", "Resolved", "datetime", &[]),
    field("labels", "Labels", "array", LABEL_VERBS),
    field("assignee", "Assignee", "user", SET),
    field("reporter", "Reporter", "user", SET),
    field("creator", "Creator", "user", &[]),
    field("created", "Created", "datetime", &[]),
    field("updated", "Updated", "datetime", &[]),
    field("duedate", "Due date", "date", SET),
    field("description", "Description", "string", SET),
    field("environment", "Environment", "string", SET),
    field("watches", "Watchers", "watches", &[]),
    field("issuelinks", "Linked Issues", "array", &[]),
    Field { cloud_only: true, ..field("statusCategory", "Status Category", "statusCategory", &[]) },
    Field { navigable: false, ..field("comment", "Comment", "comments-page", &["add"]) },
    Field { navigable: false, ..field("attachment", "Attachment", "array", &[]) },
];

/// Permissions that exist, those that nothing here asks for as well.
pub(crate) static PERMISSIONS: [(&str, &str); 20] = [
    ("ADMINISTER", "Administer Jira"),
    ("ADMINISTER_PROJECTS", "Administer Projects"),
    ("ADD_COMMENTS", "Add Comments"),
    ("ASSIGN_ISSUES", "Assign Issues"),
    ("ASSIGNABLE_USER", "Assignable User"),
    ("BROWSE_PROJECTS", "Browse Projects"),
    ("CLOSE_ISSUES", "Close Issues"),
    ("CREATE_ATTACHMENTS", "Create Attachments"),
    ("CREATE_ISSUES", "Create Issues"),
    ("DELETE_ALL_ATTACHMENTS", "Delete All Attachments"),
    ("DELETE_ISSUES", "Delete Issues"),
    ("DELETE_OWN_ATTACHMENTS", "Delete Own Attachments"),
    ("EDIT_ISSUES", "Edit Issues"),
    ("LINK_ISSUES", "Link Issues"),
    ("MANAGE_WATCHERS", "Manage Watchers"),
    ("MODIFY_REPORTER", "Modify Reporter"),
    ("RESOLVE_ISSUES", "Resolve Issues"),
    ("SCHEDULE_ISSUES", "Schedule Issues"),
    ("SET_ISSUE_SECURITY", "Set Issue Security"),
    ("TRANSITION_ISSUES", "Transition Issues"),
];

const fn field(
    id: &'static str,
    name: &'static str,
    kind: &'static str,
    operations: &'static [&'static str],
) -> Field {
    Field { id, name, kind, navigable: true, operations, cloud_only: false }
}

/// The fields that a product has.
pub(crate) fn fields(flavour: Flavour) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| flavour == Flavour::Cloud || !field.cloud_only)
}

/// The priority of an issue that was created without one.
pub(crate) fn default_priority() -> &'static Choice {
    &PRIORITIES[2]
}

/// Finds a choice by id, or by name in any case.
pub(crate) fn choice(choices: &'static [Choice], id_or_name: &str) -> Option<&'static Choice> {
    choices
        .iter()
        .find(|choice| choice.id == id_or_name)
        .or_else(|| choices.iter().find(|choice| choice.name.eq_ignore_ascii_case(id_or_name)))
}

impl Screen {
    /// The fields that may be set here.
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Create => &[
                "project",
                "issuetype",
                "summary",
                "description",
                "environment",
                "labels",
                "priority",
                "duedate",
                "assignee",
                "reporter",
            ],
            Self::Edit => &[
                "issuetype",
                "summary",
                "description",
                "environment",
                "labels",
                "priority",
                "duedate",
                "assignee",
                "reporter",
            ],
            Self::Transition(sheet) => sheet.fields,
            Self::None => &[],
        }
    }

    /// Whether it has a field of those that a project has beside the fixed ones.
    pub(crate) fn has_custom_field(self, field: &str) -> bool {
        match self {
            Self::Create | Self::Edit => true,
            Self::Transition(sheet) => sheet.fields.contains(&field),
            Self::None => false,
        }
    }

    /// Whether a field must have a value when this screen is left.
    pub(crate) fn requires(self, field: &str) -> bool {
        match self {
            Self::Create => matches!(field, "project" | "issuetype" | "summary" | "reporter"),
            Self::Edit => matches!(field, "issuetype" | "summary" | "reporter"),
            Self::Transition(sheet) => sheet.required.contains(&field),
            Self::None => false,
        }
    }

    /// The metadata of all its fields, as `createmeta`, `editmeta` and `transitions.fields` give it.
    pub(crate) fn metadata(self, rest: &str, project: &Value) -> Vec<Value> {
        FIELDS
            .iter()
            .filter(|field| self.fields().contains(&field.id))
            .map(|field| self.field_metadata(field, rest, project))
            .collect()
    }

    fn field_metadata(self, field: &Field, rest: &str, project: &Value) -> Value {
        // A reporter is required, but the caller becomes it; so does the default priority.
        let has_default = self == Self::Create && matches!(field.id, "reporter" | "priority");
        let mut metadata = json!({
            "required": self.requires(field.id),
            "schema": field.schema(),
            "name": field.name,
            "key": field.id,
            "hasDefaultValue": has_default,
            "operations": field.operations,
        });
        if self == Self::Create {
            metadata["fieldId"] = json!(field.id);
        }
        let allowed: Option<Vec<Value>> = match field.id {
            "project" => Some(vec![project.clone()]),
            "issuetype" => Some(ISSUE_TYPES.iter().map(|choice| issue_type(choice, rest)).collect()),
            "priority" => {
                metadata["defaultValue"] = priority(default_priority(), rest);
                Some(PRIORITIES.iter().map(|choice| priority(choice, rest)).collect())
            }
            "resolution" => Some(RESOLUTIONS.iter().map(|choice| resolution(choice, rest)).collect()),
            _ => None,
        };
        if let Some(allowed) = allowed {
            metadata["allowedValues"] = Value::Array(allowed);
        }
        metadata
    }
}

impl Field {
    /// Its JSON type as `field` and the metadata give it.
    pub(crate) fn schema(&self) -> Value {
        match (self.kind, self.id) {
            ("array", "labels") => json!({ "type": "array", "items": "string", "system": self.id }),
            ("array", id) => json!({ "type": "array", "items": id, "system": id }),
            (kind, id) => json!({ "type": kind, "system": id }),
        }
    }
}

pub(crate) fn issue_type(choice: &Choice, rest: &str) -> Value {
    json!({
        "self": format!("{rest}/issuetype/{}", choice.id),
        "id": choice.id,
        "name": choice.name,
        "description": "",
        "subtask": false,
        "hierarchyLevel": 0,
    })
}

pub(crate) fn priority(choice: &Choice, rest: &str) -> Value {
    json!({
        "self": format!("{rest}/priority/{}", choice.id),
        "id": choice.id,
        "name": choice.name,
    })
}

pub(crate) fn resolution(choice: &Choice, rest: &str) -> Value {
    json!({
        "self": format!("{rest}/resolution/{}", choice.id),
        "id": choice.id,
        "name": choice.name,
        "description": "",
    })
}

pub(crate) fn category(category: &Category, rest: &str) -> Value {
    json!({
        "self": format!("{rest}/statuscategory/{}", category.id),
        "id": category.id,
        "key": category.key,
        "name": category.name,
        "colorName": category.color,
    })
}

pub(crate) fn status(status: &Status, rest: &str) -> Value {
    json!({
        "self": format!("{rest}/status/{}", status.id),
        "id": status.id,
        "name": status.name,
        "description": "",
        "statusCategory": category(status.category, rest),
    })
}

pub(crate) fn link_type(link_type: &LinkType, rest: &str) -> Value {
    json!({
        "self": format!("{rest}/issueLinkType/{}", link_type.id),
        "id": link_type.id,
        "name": link_type.name,
        "inward": link_type.inward,
        "outward": link_type.outward,
    })
}
