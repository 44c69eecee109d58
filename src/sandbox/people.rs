//! What people and administrators do to issues and projects, for tests that play them.
//!
//! A [`Person`] acts at once, past every fault, and leaves no trace among the recorded requests. What people
//! do through screens that REST does not have (cloning, closing as a duplicate, hiding) is here as well.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::http::Method;
use serde_json::{Value, json};

use super::api;
use super::call::{Call, Content, Query};
use super::dialect::Flavour;
use super::language::Language;
use super::rights::Permission;
use super::site::{self, LINK_TYPES};
use super::workflow::Workflow;
use super::world::{FieldChange, Fields, World};
use super::{Sandbox, User, is_project_key};

/// Somebody who works in the sandbox's Jira by hand.
#[derive(Debug, Clone)]
pub struct Person {
    sandbox: Sandbox,
    account: String,
}

/// Why something could not be done by hand.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No issue has this id or ever had this key.
    #[error("there is no issue `{found}` in the sandbox")]
    NoIssue {
        /// The id or key asked for.
        found: String,
    },
    /// No account has this name.
    #[error("there is no account `{found}` in the sandbox")]
    NoAccount {
        /// The name asked for.
        found: String,
    },
    /// No project has this id or ever had this key.
    #[error("there is no project `{found}` in the sandbox")]
    NoProject {
        /// The id or key asked for.
        found: String,
    },
    /// The key is not one that Jira takes, or another project has or had it.
    #[error(
        "a new project key is a capital letter and 1 to 9 capital letters, digits or `_` that no project had before, \
         but found `{found}`"
    )]
    ProjectKey {
        /// The key asked for.
        found: String,
    },
    /// The webhook goes to another machine or is no address.
    #[error("the sandbox tells webhooks at `http://` addresses of this machine only, but found `{found}`")]
    WebhookUrl {
        /// The address asked for.
        found: String,
    },
    /// The sandbox refuses it to this person as it would over HTTP.
    #[error("the sandbox answered `{status}` with `{body}`")]
    Answered {
        /// HTTP status.
        status: u16,
        /// The body of the answer.
        body: Value,
    },
}

/// Whether a client can know beforehand that a field is mandatory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mandatory {
    /// `createmeta` says so.
    Told,
    /// Nothing says so: a validator of the workflow refuses the create.
    Untold,
}

impl Sandbox {
    /// A person who signs in as this account.
    pub fn person(&self, user: &User) -> Person {
        Person { sandbox: self.clone(), account: user.account_id.clone() }
    }

    /// The account of this name, as Data Center has it.
    pub(crate) fn account(&self, name: &str) -> Result<User, Refusal> {
        let found = self.shared.step(|world| world.users.iter().find(|user| user.name == name).cloned());
        found.ok_or_else(|| Refusal::NoAccount { found: name.to_owned() })
    }

    /// Sets the largest attachment, which `attachment/meta` tells; `None` switches attachments off.
    pub fn set_attachment_limit(&self, bytes: Option<usize>) {
        self.shared.step(|world| {
            world.takes_files = bytes.is_some();
            world.upload_limit = bytes.unwrap_or(world.upload_limit);
        });
    }

    /// Deactivates an account, as it is done with people who leave: it can no longer sign in or be assigned to.
    pub fn deactivate(&self, user: &User) {
        self.shared.step(|world| world.inactive.insert(user.account_id.clone()));
    }

    /// Takes a permission from an account; `mypermissions` tells.
    pub fn forbid(&self, user: &User, permission: Permission) {
        self.shared.step(|world| world.rights.set(&user.account_id, permission, false));
    }

    /// Gives a permission to an account.
    pub fn allow(&self, user: &User, permission: Permission) {
        self.shared.step(|world| world.rights.set(&user.account_id, permission, true));
    }
}

impl Person {
    /// Edits an issue; the body is that of `PUT /issue/{id}`.
    pub fn edit(&self, issue: &str, body: &Value) -> Result<(), Refusal> {
        self.ask(&Method::PUT, &["issue", issue], body).map(drop)
    }

    /// Takes a label off an issue.
    pub fn remove_label(&self, issue: &str, label: &str) -> Result<(), Refusal> {
        self.edit(issue, &json!({ "update": { "labels": [{ "remove": label }] } }))
    }

    /// Writes a comment of one paragraph.
    pub fn comment(&self, issue: &str, text: &str) -> Result<(), Refusal> {
        let flavour = self.sandbox.shared.step(|world| world.site.flavour);
        let body = match flavour {
            Flavour::Cloud => {
                let paragraph = json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] });
                json!({ "body": { "type": "doc", "version": 1, "content": [paragraph] } })
            }
            Flavour::DataCenter => json!({ "body": text }),
        };
        self.ask(&Method::POST, &["issue", issue, "comment"], &body).map(drop)
    }

    /// Moves an issue by a transition; the body is that of `POST /issue/{id}/transitions`.
    pub fn transition(&self, issue: &str, body: &Value) -> Result<(), Refusal> {
        self.ask(&Method::POST, &["issue", issue, "transitions"], body).map(drop)
    }

    /// Deletes an issue with all that hangs on it.
    pub fn delete(&self, issue: &str) -> Result<(), Refusal> {
        self.ask(&Method::DELETE, &["issue", issue], &Value::Null).map(drop)
    }

    /// Moves an issue to another project and gives its new key; the id stays, and the old key leads to it.
    pub fn move_issue(&self, issue: &str, project: &str) -> Result<String, Refusal> {
        self.act(issue, |world, id, author| {
            let position = world.require_project(project)?;
            Ok(world.move_issue(id, author, position))
        })
    }

    /// Clones an issue and gives the key of the clone: fields and labels are copied; its creator is this person;
    /// properties, comments and files are not copied.
    pub fn clone_issue(&self, issue: &str) -> Result<String, Refusal> {
        self.act(issue, |world, id, author| Ok(world.clone_issue(id, author)))
    }

    /// Closes an issue as a duplicate of another one and links them.
    pub fn close_as_duplicate(&self, issue: &str, of: &str) -> Result<(), Refusal> {
        self.act(issue, |world, id, author| {
            let original = world.find(of).ok_or_else(|| Refusal::NoIssue { found: of.to_owned() })?;
            let kind = LINK_TYPES.iter().find(|kind| kind.name == "Duplicate");
            if let (Some(kind), Some(mut fields)) =
                (kind, world.issues.get(id).map(|issue| issue.fields.clone()))
            {
                fields.status = world.workflow_of(id).last();
                fields.resolution = site::choice(&site::RESOLUTIONS, "Duplicate");
                world.change(id, author, fields);
                world.link(author, kind, id, original);
            }
            Ok(())
        })
    }

    /// Links an issue to another one as its duplicate, and leaves both as they are.
    pub fn link_as_duplicate(&self, issue: &str, of: &str) -> Result<(), Refusal> {
        self.act(issue, |world, id, author| {
            let original = world.find(of).ok_or_else(|| Refusal::NoIssue { found: of.to_owned() })?;
            if let Some(kind) = LINK_TYPES.iter().find(|kind| kind.name == "Duplicate") {
                world.link(author, kind, id, original);
            }
            Ok(())
        })
    }

    /// Archives an issue: nobody reads or finds it any more.
    pub fn archive(&self, issue: &str) -> Result<(), Refusal> {
        self.act(issue, |world, id, _| {
            world.set_archived(id, true);
            Ok(())
        })
    }

    /// Undoes [`Self::archive`].
    pub fn unarchive(&self, issue: &str) -> Result<(), Refusal> {
        self.act(issue, |world, id, _| {
            world.set_archived(id, false);
            Ok(())
        })
    }

    /// Gives an issue a security level that holds this person only.
    pub fn hide(&self, issue: &str) -> Result<(), Refusal> {
        self.act(issue, |world, id, author| {
            world.hide(id, author);
            Ok(())
        })
    }

    /// Takes the security level from an issue.
    pub fn unhide(&self, issue: &str) -> Result<(), Refusal> {
        self.act(issue, |world, id, author| {
            world.set_level(id, author, None);
            Ok(())
        })
    }

    fn act<T>(
        &self,
        issue: &str,
        act: impl FnOnce(&mut World, u64, &str) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.sandbox.shared.step(|world| {
            let id = world.find(issue).ok_or_else(|| Refusal::NoIssue { found: issue.to_owned() })?;
            act(world, id, &self.account)
        })
    }

    /// The step that a request over HTTP would take.
    fn ask(&self, method: &Method, segments: &[&str], body: &Value) -> Result<Value, Refusal> {
        let call = Call {
            method: method.clone(),
            speech: self.sandbox.shared.step(|world| world.site.speech()),
            segments: segments.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Query::default(),
            content_type: "application/json".to_owned(),
            body: Bytes::from(body.to_string()),
            parts: Vec::new(),
            waives_forgery_check: true,
            who: Some(self.account.clone()),
            is_refused: false,
            language: Language::default(),
        };
        let answered = |status, body| Refusal::Answered { status, body };
        let answer = self
            .sandbox
            .shared
            .step(|world| api::answer(world, &call))
            .map_err(|api::NoEndpoint| answered(404, Value::Null))?;
        let status = answer.status;
        let body = match answer.content {
            Content::Json(body) | Content::Problem(body) => body,
            _ => Value::Null,
        };
        if status.is_success() { Ok(body) } else { Err(answered(status.as_u16(), body)) }
    }
}

impl World {
    /// Gives an issue a new key in another project and returns it.
    pub(crate) fn move_issue(&mut self, id: u64, author: &str, to: usize) -> String {
        let Some((from, old)) = self.issues.get(id).map(|issue| (issue.project, issue.key.clone())) else {
            return String::new();
        };
        if from == to {
            return old;
        }
        let new = self.projects[to].next_key();
        let project = |position: usize| {
            let project = &self.projects[position];
            Some((project.id.clone(), project.name.clone()))
        };
        let text = |key: &str| Some((String::new(), key.to_owned()));
        let changes = vec![
            FieldChange::new("project", project(from), project(to)),
            FieldChange::new("Key", text(&old), text(&new)),
        ];
        let workflow = self.projects[to].workflow;
        if let Some(issue) = self.issues.get_mut(id) {
            issue.fields.status = workflow.home_of(issue.fields.status);
            issue.project = to;
            issue.key.clone_from(&new);
            issue.former_keys.push(old);
        }
        self.write_down(id, author, changes);
        new
    }

    /// Gives a project and all its issues new keys. No history tells of it.
    pub(crate) fn rename_project(&mut self, position: usize, key: &str) -> Result<(), Refusal> {
        self.check_new_key(key, Some(position))?;
        let project = &mut self.projects[position];
        if project.key == key {
            return Ok(());
        }
        let old = std::mem::replace(&mut project.key, key.to_owned());
        project.former_keys.retain(|former| former != key);
        project.former_keys.push(old);
        let ids: Vec<u64> =
            self.issues.values().filter(|issue| issue.project == position).map(|issue| issue.id).collect();
        for id in ids {
            if let Some(issue) = self.issues.get_mut(id) {
                let number = issue.key.rsplit('-').next().unwrap_or_default();
                let new = format!("{key}-{number}");
                issue.former_keys.retain(|former| *former != new);
                issue.former_keys.push(std::mem::replace(&mut issue.key, new));
            }
        }
        Ok(())
    }

    /// Archives an issue or brings it back.
    pub(crate) fn set_archived(&mut self, id: u64, archived: bool) {
        if let Some(issue) = self.issues.get_mut(id) {
            issue.archived = archived;
        }
    }

    fn clone_issue(&mut self, id: u64, author: &str) -> String {
        let Some((project, fields)) = self.issues.get(id).map(|issue| (issue.project, issue.fields.clone()))
        else {
            return String::new();
        };
        let fields = Fields { status: self.projects[project].workflow.first(), resolution: None, ..fields };
        let (clone, key) = self.create(author, project, fields, BTreeMap::new());
        if let Some(kind) = LINK_TYPES.iter().find(|kind| kind.name == "Cloners") {
            self.link(author, kind, clone, id);
        }
        key
    }

    fn workflow_of(&self, id: u64) -> Workflow {
        let project = self.issues.get(id).map(|issue| issue.project);
        project.map_or(Workflow::Standard, |project| self.projects[project].workflow)
    }

    /// Gives an issue a security level that holds one account only.
    pub(crate) fn hide(&mut self, id: u64, author: &str) {
        self.set_level(id, author, Some(BTreeSet::from([author.to_owned()])));
    }

    fn set_level(&mut self, id: u64, author: &str, seen_by: Option<BTreeSet<String>>) {
        let text = |is_hidden: bool| is_hidden.then(|| ("10000".to_owned(), "Restricted".to_owned()));
        let Some(issue) = self.issues.get_mut(id) else { return };
        let change = FieldChange::new("security", text(issue.seen_by.is_some()), text(seen_by.is_some()));
        issue.seen_by = seen_by;
        self.write_down(id, author, vec![change]);
    }

    /// A key may come back to the project that had it, and to no other.
    pub(crate) fn check_new_key(&self, key: &str, own: Option<usize>) -> Result<(), Refusal> {
        let is_free = self.projects.iter().enumerate().all(|(position, project)| {
            own == Some(position)
                || (project.key != key && project.former_keys.iter().all(|former| former != key))
        });
        if is_free && is_project_key(key) {
            Ok(())
        } else {
            Err(Refusal::ProjectKey { found: key.to_owned() })
        }
    }
}
