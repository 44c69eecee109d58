//! A project and what an administrator sets up in it: versions, components, security levels, priorities, fields,
//! workflow.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::custom::{CustomField, FieldKind, SECURITY};
use super::people::{Mandatory, Refusal};
use super::site::{self, Choice, ISSUE_TYPES, PRIORITIES, Screen};
use super::workflow::Workflow;
use super::world::{IDS_START, World};
use super::{Sandbox, User};

/// A project.
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) key: String,
    /// They still lead to it.
    pub(crate) former_keys: Vec<String>,
    pub(crate) name: String,
    pub(crate) archived: bool,
    pub(crate) workflow: Workflow,
    pub(crate) properties: BTreeMap<String, Value>,
    /// Fields that became mandatory.
    pub(crate) required: Vec<Required>,
    pub(crate) custom_fields: Vec<CustomField>,
    /// Issue types whose screens alone have a field, by its id; fields that are not named are on those of all.
    kept_to: BTreeMap<String, Vec<&'static str>>,
    /// Fields that were taken off a screen.
    taken_off: Vec<(Form, String)>,
    pub(crate) versions: Vec<Named>,
    pub(crate) components: Vec<Named>,
    pub(crate) levels: Vec<Level>,
    /// Account id of whoever gets new issues that name nobody.
    pub(crate) default_assignee: Option<String>,
    /// Its priority scheme, never empty, from the most to the least urgent.
    pub(crate) priorities: Vec<&'static Choice>,
    issues_made: u64,
}

/// A version or a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A security level.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) name: Named,
    /// Account ids of those who see its issues.
    pub(crate) members: BTreeSet<String>,
}

/// A screen on which fields are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The one of new issues.
    Create,
    /// The one of issues that are there.
    Edit,
}

/// A field without which a project takes no new issue.
pub(crate) struct Required {
    pub(crate) field: String,
    /// Whether `createmeta` tells; a validator of the workflow does not.
    pub(crate) told: bool,
    /// It is a line of a script, which should refuse something.
    pub(crate) is_planned: bool,
    /// It refused something.
    pub(crate) was_met: Cell<bool>,
}

impl Project {
    pub(crate) fn new(position: usize, key: String, name: String) -> Self {
        Self {
            id: project_id(position),
            key,
            former_keys: Vec::new(),
            name,
            archived: false,
            workflow: Workflow::Standard,
            properties: BTreeMap::new(),
            required: Vec::new(),
            custom_fields: CustomField::built_in(),
            kept_to: BTreeMap::new(),
            taken_off: Vec::new(),
            versions: Vec::new(),
            components: Vec::new(),
            levels: Vec::new(),
            default_assignee: None,
            priorities: PRIORITIES.iter().collect(),
            issues_made: 0,
        }
    }

    /// The key of the next issue; none is ever given twice.
    pub(crate) fn next_key(&mut self) -> String {
        self.issues_made += 1;
        format!("{}-{}", self.key, self.issues_made)
    }

    /// The priority of an issue that was created without one.
    pub(crate) fn default_priority(&self) -> &'static Choice {
        let usual = site::default_priority();
        if self.priorities.contains(&usual) {
            usual
        } else {
            self.priorities.first().copied().unwrap_or(usual)
        }
    }

    pub(crate) fn field(&self, id: &str) -> Option<&CustomField> {
        self.custom_fields.iter().find(|field| field.id == id)
    }

    /// Whether the screens of an issue type, by its id, have a field, where they could.
    pub(crate) fn shows(&self, field: &str, issue_type: &str) -> bool {
        self.kept_to.get(field).is_none_or(|types| types.contains(&issue_type))
    }

    /// Whether a field was taken off a screen.
    pub(crate) fn lacks(&self, field: &str, screen: Screen) -> bool {
        let is_of = |form: Form| match form {
            Form::Create => screen == Screen::Create,
            Form::Edit => screen == Screen::Edit,
        };
        self.taken_off.iter().any(|(form, off)| is_of(*form) && off == field)
    }

    /// Makes a field mandatory.
    pub(crate) fn require(&mut self, required: Required) {
        self.required.retain(|found| found.field != required.field);
        self.required.push(required);
    }

    fn add_field(&mut self, field: CustomField) {
        self.custom_fields.retain(|own| own.id != field.id);
        self.custom_fields.push(field);
    }
}

/// The id of the project at a position.
pub(crate) fn project_id(position: usize) -> String {
    (IDS_START + position as u64).to_string()
}

impl Sandbox {
    /// Adds a project beside those that are there.
    pub fn add_project(&self, key: &str, name: &str) -> Result<(), Refusal> {
        self.shared.step(|world| {
            world.check_new_key(key, None)?;
            let project = Project::new(world.projects.len(), key.to_owned(), name.to_owned());
            world.projects.push(project);
            Ok(())
        })
    }

    /// Gives a project another key: all its issues change theirs, and all old keys still lead to them.
    pub fn rename_project(&self, project: &str, key: &str) -> Result<(), Refusal> {
        self.shared.step(|world| {
            let position = world.require_project(project)?;
            world.rename_project(position, key)
        })
    }

    /// Archives a project: its issues can be read by id and key, but neither found nor changed, and there are
    /// no new ones.
    pub fn archive_project(&self, project: &str) -> Result<(), Refusal> {
        self.in_project(project, |_, project| project.archived = true)
    }

    /// Undoes [`Self::archive_project`].
    pub fn restore_project(&self, project: &str) -> Result<(), Refusal> {
        self.in_project(project, |_, project| project.archived = false)
    }

    /// Deletes a project with all its issues: neither its keys nor its id lead anywhere any more.
    pub fn delete_project(&self, project: &str) -> Result<(), Refusal> {
        self.shared.step(|world| {
            let position = world.require_project(project)?;
            let issues = world.issues.values().filter(|issue| issue.project == position);
            let ids: Vec<u64> = issues.map(|issue| issue.id).collect();
            for id in ids {
                world.delete(id, "");
            }
            // Issues know their projects by their places, so it keeps its own.
            let project = &mut world.projects[position];
            project.archived = true;
            project.former_keys.clear();
            (project.id, project.key) = Default::default();
            Ok(())
        })
    }

    /// Adds a field to the screens of a project, or replaces the one of the same id.
    pub fn add_field(&self, project: &str, field: CustomField) -> Result<(), Refusal> {
        self.in_project(project, |_, project| project.add_field(field))
    }

    /// Makes a field mandatory for new issues of a project, such as `duedate` or an added field.
    pub fn require_field(&self, project: &str, field: &str, mandatory: Mandatory) -> Result<(), Refusal> {
        self.in_project(project, |_, project| {
            project.require(Required {
                field: field.to_owned(),
                told: mandatory == Mandatory::Told,
                is_planned: false,
                was_met: Cell::new(false),
            });
        })
    }

    /// The same, told by nothing, for a project or all of them, and expected to refuse something.
    pub(crate) fn plan_requirement(&self, project: Option<&str>, field: &str) -> Result<(), Refusal> {
        self.shared.step(|world| {
            let only = project.map(|project| world.require_project(project)).transpose()?;
            for (position, project) in world.projects.iter_mut().enumerate() {
                if only.is_none_or(|only| only == position) {
                    let was_met = Cell::new(false);
                    let field = field.to_owned();
                    project.require(Required { field, told: false, is_planned: true, was_met });
                }
            }
            Ok(())
        })
    }

    /// Takes a field off a screen of a project.
    pub fn take_off(&self, project: &str, field: &str, form: Form) -> Result<(), Refusal> {
        self.in_project(project, |_, project| project.taken_off.push((form, field.to_owned())))
    }

    /// Keeps a field to the screens of some issue types, by name; it is mandatory there only, if it is. Names that no
    /// issue type has are left out.
    pub fn keep_field_to(&self, project: &str, field: &str, issue_types: &[&str]) -> Result<(), Refusal> {
        let types = ISSUE_TYPES.iter().filter(|found| issue_types.contains(&found.name));
        let types = types.map(|found| found.id).collect();
        self.in_project(project, |_, project| drop(project.kept_to.insert(field.to_owned(), types)))
    }

    /// Adds a version, for `versions`, `fixVersions` and fields of that kind.
    pub fn add_version(&self, project: &str, name: &str) -> Result<(), Refusal> {
        self.in_project(project, |id, project| project.versions.push(Named { id, name: name.to_owned() }))
    }

    /// Gives new issues that name nobody to an account from now on.
    pub fn assign_by_default(&self, project: &str, user: &User) -> Result<(), Refusal> {
        let account = user.account_id.clone();
        self.in_project(project, |_, project| project.default_assignee = Some(account))
    }

    /// Adds a component.
    pub fn add_component(&self, project: &str, name: &str) -> Result<(), Refusal> {
        self.in_project(project, |id, project| project.components.push(Named { id, name: name.to_owned() }))
    }

    /// Adds a security level whose issues these accounts alone see; from the first one on issues have the field
    /// `security`.
    pub fn add_security_level(&self, project: &str, name: &str, members: &[User]) -> Result<(), Refusal> {
        let members = members.iter().map(|user| user.account_id.clone()).collect();
        self.in_project(project, |id, project| {
            project.levels.push(Level { name: Named { id, name: name.to_owned() }, members });
            project.add_field(CustomField {
                id: SECURITY.to_owned(),
                name: "Security Level".to_owned(),
                kind: FieldKind::SecurityLevel,
            });
        })
    }

    /// Lets a project take these priorities only, by name; names that no priority has are left out.
    pub fn set_priorities(&self, project: &str, names: &[&str]) -> Result<(), Refusal> {
        let chosen: Vec<&'static Choice> =
            PRIORITIES.iter().filter(|priority| names.contains(&priority.name)).collect();
        self.in_project(project, |_, project| {
            if !chosen.is_empty() {
                project.priorities = chosen;
            }
        })
    }

    /// Gives a project another workflow; its issues go to a status of the same category where there is one. The
    /// fields that its screens ask for are added to the project.
    pub fn set_workflow(&self, project: &str, workflow: Workflow) -> Result<(), Refusal> {
        self.shared.step(|world| {
            let position = world.require_project(project)?;
            world.projects[position].workflow = workflow;
            for field in workflow.fields() {
                world.projects[position].add_field(field);
            }
            let own = world.issues.values().filter(|issue| issue.project == position);
            let ids: Vec<u64> = own.map(|issue| issue.id).collect();
            for id in ids {
                if let Some(issue) = world.issues.get_mut(id) {
                    issue.fields.status = workflow.home_of(issue.fields.status);
                }
            }
            Ok(())
        })
    }

    /// Changes a project with a new id at hand.
    fn in_project(&self, project: &str, change: impl FnOnce(String, &mut Project)) -> Result<(), Refusal> {
        self.shared.step(|world| {
            let position = world.require_project(project)?;
            let id = world.next_id().to_string();
            change(id, &mut world.projects[position]);
            Ok(())
        })
    }
}

impl World {
    pub(crate) fn require_project(&self, id_or_key: &str) -> Result<usize, Refusal> {
        self.project(id_or_key).ok_or_else(|| Refusal::NoProject { found: id_or_key.to_owned() })
    }
}
