//! The state of the sandbox: issues with all that hangs on them, who did what, and what time it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::User;
use super::adf;
use super::call::Answer;
use super::custom::SECURITY;
use super::dialect::{Flavour, Site, Speech};
use super::fault::Effect;
use super::index::{Issues, Shown};
use super::language::Language;
use super::late::LateWrite;
use super::limit::{Caps, Used};
use super::project::{Project, project_id};
use super::rights::{Permission, Rights};
use super::site::{self, Choice, LinkType, Status};
use super::view;
use super::visit::Visit;
use super::webhook::Hooks;

/// Everything the sandbox knows.
pub(crate) struct World {
    pub(crate) site: Site,
    /// The address of the site, such as `http://127.0.0.1:40123/jira`.
    pub(crate) base: String,
    /// How the request of this step speaks; outside of requests as the newest version does.
    pub(crate) speech: Speech,
    /// Largest attachment, and whether there are attachments at all.
    pub(crate) upload_limit: usize,
    pub(crate) takes_files: bool,
    /// Never empty; an issue names its project by position.
    pub(crate) projects: Vec<Project>,
    pub(crate) users: Vec<User>,
    /// The time, if it stands still.
    pub(crate) clock: Option<Timestamp>,
    pub(crate) issues: Issues,
    pub(crate) shown: Shown,
    pub(crate) late: Vec<LateWrite>,
    pub(crate) visits: Vec<Visit>,
    pub(crate) links: Vec<Link>,
    pub(crate) tasks: Vec<Task>,
    /// What accounts may do.
    pub(crate) rights: Rights,
    /// Accounts whose token is not accepted.
    pub(crate) revoked: BTreeSet<String>,
    /// Accounts that were deactivated.
    pub(crate) inactive: BTreeSet<String>,
    /// Languages of accounts that chose one.
    pub(crate) languages: BTreeMap<String, Language>,
    pub(crate) used: Used,
    pub(crate) hooks: Hooks,
    /// How often page tokens were made to expire.
    pub(crate) page_epoch: u64,
    /// What the next search does wrong with its page.
    pub(crate) page_fault: Option<Effect>,
    pub(crate) caps: Caps,
    issues_made: u64,
    others_made: u64,
}

/// One issue.
#[derive(Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) key: String,
    /// Position of its project.
    pub(crate) project: usize,
    /// Keys that it had before it moved or its project was renamed; they still lead to it.
    pub(crate) former_keys: Vec<String>,
    pub(crate) archived: bool,
    /// The accounts of its security level; `None` without one.
    pub(crate) seen_by: Option<BTreeSet<String>>,
    pub(crate) fields: Fields,
    pub(crate) creator: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) category_changed: Timestamp,
    pub(crate) resolved: Option<Timestamp>,
    pub(crate) properties: BTreeMap<String, Value>,
    pub(crate) comments: Vec<Comment>,
    /// Account ids.
    pub(crate) watchers: BTreeSet<String>,
    pub(crate) remote_links: Vec<RemoteLink>,
    pub(crate) attachments: Vec<Attachment>,
    /// Oldest first.
    pub(crate) history: Vec<Change>,
}

/// The fields of an issue that callers set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fields {
    pub(crate) issue_type: &'static Choice,
    pub(crate) summary: String,
    /// A valid document; on Data Center a string.
    pub(crate) description: Option<Value>,
    /// Like the description.
    pub(crate) environment: Option<Value>,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) priority: &'static Choice,
    pub(crate) due: Option<Date>,
    /// Account id.
    pub(crate) assignee: Option<String>,
    /// Account id.
    pub(crate) reporter: String,
    pub(crate) status: &'static Status,
    pub(crate) resolution: Option<&'static Choice>,
    /// Values of other fields by field id, as they are kept.
    pub(crate) custom: BTreeMap<String, Value>,
}

/// A comment.
#[derive(Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) issue: u64,
    pub(crate) author: String,
    pub(crate) update_author: String,
    pub(crate) body: Value,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) properties: BTreeMap<String, Value>,
}

/// A file on an issue.
#[derive(Clone)]
pub(crate) struct Attachment {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) created: Timestamp,
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
}

/// A link; `from` reads the outward text, `to` the inward one.
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) kind: &'static LinkType,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// A link to something outside of Jira.
#[derive(Clone)]
pub(crate) struct RemoteLink {
    pub(crate) id: u64,
    /// The body it was last written with, whole.
    pub(crate) body: Map<String, Value>,
}

/// A bulk operation that is done.
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) who: String,
    pub(crate) at: Timestamp,
    pub(crate) issues: Vec<u64>,
    /// How many of the issues asked for were not there for the caller.
    pub(crate) invalid: usize,
}

/// What one request changed of one issue.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) created: Timestamp,
    pub(crate) fields: Vec<FieldChange>,
}

/// One field of a change. The values are ids, the texts are what people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldChange {
    /// As the history names it: `Link` and `Attachment` beside field ids.
    pub(crate) field: String,
    pub(crate) from: Option<String>,
    pub(crate) from_text: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) to_text: Option<String>,
}

/// Locks; a panic elsewhere does not matter, because every request changes the world in one step at its end.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first id of every kind is one more than this.
pub(crate) const IDS_START: u64 = 10_000;

impl World {
    pub(crate) fn new(site: Site, project_key: String, project_name: String, users: Vec<User>) -> Self {
        Self {
            base: site.base(),
            speech: site.speech(),
            site,
            upload_limit: site::UPLOAD_LIMIT_BYTES,
            takes_files: true,
            projects: vec![Project::new(0, project_key, project_name)],
            users,
            clock: None,
            issues: Issues::default(),
            shown: Shown::default(),
            late: Vec::new(),
            visits: Vec::new(),
            links: Vec::new(),
            tasks: Vec::new(),
            rights: Rights::default(),
            revoked: BTreeSet::new(),
            inactive: BTreeSet::new(),
            languages: BTreeMap::new(),
            used: Used::default(),
            hooks: Hooks::default(),
            page_epoch: 0,
            page_fault: None,
            caps: Caps::default(),
            issues_made: 0,
            others_made: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.unwrap_or_else(Timestamp::now)
    }

    /// Tells the index what changed; every step ends so.
    pub(crate) fn note(&mut self) {
        let now = self.now();
        self.shown.note(&mut self.issues, now);
    }

    /// The statuses that some project has, in the order of the board.
    pub(crate) fn statuses(&self) -> Vec<&'static Status> {
        let mut statuses: Vec<&'static Status> = Vec::new();
        for status in self.projects.iter().flat_map(|project| project.workflow.statuses()) {
            if !statuses.contains(status) {
                statuses.push(status);
            }
        }
        statuses
    }

    /// A new id for anything but an issue.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.others_made += 1;
        IDS_START + self.others_made
    }

    pub(crate) fn user(&self, account_id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.account_id == account_id)
    }

    /// The id of an issue by its number or its key in any case.
    pub(crate) fn find(&self, id_or_key: &str) -> Option<u64> {
        if id_or_key.bytes().all(|byte| byte.is_ascii_digit()) {
            return id_or_key.parse().ok().filter(|id| self.issues.get(*id).is_some());
        }
        let is_key = |key: &String| key.eq_ignore_ascii_case(id_or_key);
        self.issues
            .values()
            .find(|issue| is_key(&issue.key))
            .or_else(|| self.issues.values().find(|issue| issue.former_keys.iter().any(is_key)))
            .map(|issue| issue.id)
    }

    /// An issue that an account sees, by its number or by any key it ever had.
    pub(crate) fn issue(&self, who: &str, id_or_key: &str) -> Result<&Issue, Answer> {
        let found = self.find(id_or_key).and_then(|id| self.issues.get(id));
        found.filter(|issue| self.sees(who, issue)).ok_or_else(no_such_issue)
    }

    /// Whether an account sees an issue.
    pub(crate) fn sees(&self, who: &str, issue: &Issue) -> bool {
        !issue.archived && self.is_shown_to(who, issue) && self.rights.allow(who, Permission::Browse)
    }

    /// Whether the security level of an issue holds an account.
    pub(crate) fn is_shown_to(&self, who: &str, issue: &Issue) -> bool {
        let level = issue.fields.custom.get(SECURITY).and_then(|wanted| {
            self.projects[issue.project].levels.iter().find(|level| *wanted == level.name.id.as_str())
        });
        issue.seen_by.as_ref().is_none_or(|accounts| accounts.contains(who))
            && level.is_none_or(|level| level.members.contains(who))
    }

    /// An issue that an account sees and may do something to.
    pub(crate) fn issue_for(&self, who: &str, id_or_key: &str, doing: Permission) -> Result<&Issue, Answer> {
        let issue = self.issue(who, id_or_key)?;
        self.may(who, issue.project, doing)?;
        Ok(issue)
    }

    /// Refuses what an account may not do in a project; in an archived project nobody may do anything but look.
    pub(crate) fn may(&self, who: &str, project: usize, doing: Permission) -> Result<(), Answer> {
        if self.rights.allow(who, doing) && (doing == Permission::Browse || !self.projects[project].archived)
        {
            return Ok(());
        }
        Err(Answer::message(StatusCode::FORBIDDEN, doing.refusal()))
    }

    /// The position of a project by its id or by any key it ever had.
    pub(crate) fn project(&self, id_or_key: &str) -> Option<usize> {
        let is_key = |key: &String| key.eq_ignore_ascii_case(id_or_key);
        self.projects
            .iter()
            .position(|project| project.id == id_or_key || is_key(&project.key))
            .or_else(|| self.projects.iter().position(|project| project.former_keys.iter().any(is_key)))
    }

    /// Adds an issue and gives its id and key, the next ones there are.
    pub(crate) fn create(
        &mut self,
        author: &str,
        project: usize,
        mut fields: Fields,
        properties: BTreeMap<String, Value>,
    ) -> (u64, String) {
        self.issues_made += 1;
        let id = IDS_START + self.issues_made;
        let key = self.projects[project].next_key();
        let now = self.now();
        self.mark(fields.description.as_mut());
        self.mark(fields.environment.as_mut());
        let issue = Issue {
            id,
            key: key.clone(),
            project,
            former_keys: Vec::new(),
            archived: false,
            seen_by: None,
            fields,
            creator: author.to_owned(),
            created: now,
            updated: now,
            category_changed: now,
            resolved: None,
            properties,
            comments: Vec::new(),
            watchers: BTreeSet::new(),
            remote_links: Vec::new(),
            attachments: Vec::new(),
            history: Vec::new(),
        };
        self.issues.insert(issue);
        self.emit("jira:issue_created", "issue_created", author, id, Map::new());
        (id, key)
    }

    /// Puts new fields on an issue and writes down what changed; nothing happens if nothing changed.
    pub(crate) fn change(&mut self, id: u64, author: &str, mut wanted: Fields) {
        let Some((project, before)) = self.issues.get(id).map(|issue| (issue.project, issue.fields.clone()))
        else {
            return;
        };
        if wanted.description != before.description {
            self.mark(wanted.description.as_mut());
        }
        if wanted.environment != before.environment {
            self.mark(wanted.environment.as_mut());
        }
        let changes = self.differences(project, &before, &wanted);
        if changes.is_empty() {
            return;
        }
        let now = self.now();
        if let Some(issue) = self.issues.get_mut(id) {
            if wanted.status.category != before.status.category {
                issue.category_changed = now;
            }
            if wanted.resolution != before.resolution {
                issue.resolved = wanted.resolution.map(|_| now);
            }
            issue.fields = wanted;
        }
        self.write_down(id, author, changes);
    }

    /// Deletes an issue with all that hangs on it.
    pub(crate) fn delete(&mut self, id: u64, author: &str) {
        self.emit("jira:issue_deleted", "issue_deleted", author, id, Map::new());
        self.issues.remove(id);
        self.links.retain(|link| link.from != id && link.to != id);
    }

    /// Adds an entry to the history of an issue.
    pub(crate) fn write_down(&mut self, id: u64, author: &str, fields: Vec<FieldChange>) {
        let now = self.now();
        let change_id = self.next_id();
        if let Some(issue) = self.issues.get_mut(id) {
            issue.updated = now;
            issue.history.push(Change { id: change_id, author: author.to_owned(), created: now, fields });
        }
        let written = self.issues.get(id).and_then(|issue| issue.history.last());
        let changelog = written.map(view::change_items);
        let more = changelog
            .map(|items| ("changelog".to_owned(), json!({ "id": change_id.to_string(), "items": items })));
        self.emit("jira:issue_updated", "issue_generic", author, id, more.into_iter().collect());
    }

    /// Adds a comment and gives its id.
    pub(crate) fn comment(
        &mut self,
        issue: u64,
        author: &str,
        mut body: Value,
        properties: BTreeMap<String, Value>,
    ) -> u64 {
        self.mark(Some(&mut body));
        let now = self.now();
        let id = self.next_id();
        if let Some(found) = self.issues.get_mut(issue) {
            found.updated = now;
            found.comments.push(Comment {
                id,
                issue,
                author: author.to_owned(),
                update_author: author.to_owned(),
                body,
                created: now,
                updated: now,
                properties,
            });
        }
        self.emit_comment("comment_created", author, issue, id);
        id
    }

    /// Links two issues and writes it down at both; a link that is there already is left alone.
    pub(crate) fn link(&mut self, author: &str, kind: &'static LinkType, from: u64, to: u64) {
        if self.links.iter().any(|link| link.kind == kind && link.from == from && link.to == to) {
            return;
        }
        let id = self.next_id();
        self.links.push(Link { id, kind, from, to });
        for (id, text, other) in [(from, kind.outward, to), (to, kind.inward, from)] {
            let other = self.issues.get(other).map_or_else(String::new, |other| other.key.clone());
            let told = format!("This issue {text} {other}");
            self.write_down(id, author, vec![FieldChange::new("Link", None, Some((other, told)))]);
        }
    }

    /// Puts in the ids that the real server puts into documents.
    pub(crate) fn mark(&mut self, document: Option<&mut Value>) {
        if let Some(document) = document {
            adf::add_local_ids(document, &mut || {
                let number = self.next_id();
                format!("00000000-0000-4000-8000-{number:012x}")
            });
        }
    }

    /// The name of an account; the id itself if it is unknown.
    pub(crate) fn name_of(&self, account_id: &str) -> String {
        self.user(account_id).map_or_else(|| account_id.to_owned(), |user| user.display_name.clone())
    }

    /// How bodies and histories name an account.
    pub(crate) fn shown_id(&self, account_id: &str) -> String {
        match (self.site.flavour, self.user(account_id)) {
            (Flavour::DataCenter, Some(user)) => user.key.clone(),
            _ => account_id.to_owned(),
        }
    }

    fn differences(&self, project: usize, before: &Fields, after: &Fields) -> Vec<FieldChange> {
        let choice = |choice: &Choice| (choice.id.to_owned(), choice.name.to_owned());
        let person = |account: &String| (self.shown_id(account), self.name_of(account));
        let labels = |labels: &BTreeSet<String>| {
            let joined: Vec<&str> = labels.iter().map(String::as_str).collect();
            Some((String::new(), joined.join(" ")))
        };
        let text = |text: String| (String::new(), text);
        let Fields {
            issue_type,
            summary,
            description,
            environment,
            labels: labels_before,
            priority,
            due,
            assignee,
            reporter,
            status,
            resolution,
            custom,
        } = before;
        let mut changes = Vec::new();
        let mut compare = |field: &str, from: Option<(String, String)>, to: Option<(String, String)>| {
            if from != to {
                changes.push(FieldChange::new(field, from, to));
            }
        };
        compare("issuetype", Some(choice(issue_type)), Some(choice(after.issue_type)));
        compare("summary", Some(text(summary.clone())), Some(text(after.summary.clone())));
        compare("labels", labels(labels_before), labels(&after.labels));
        compare("priority", Some(choice(priority)), Some(choice(after.priority)));
        compare("duedate", due.map(|due| text(due.to_string())), after.due.map(|due| text(due.to_string())));
        compare("assignee", assignee.as_ref().map(person), after.assignee.as_ref().map(person));
        compare("reporter", Some(person(reporter)), Some(person(&after.reporter)));
        compare(
            "status",
            Some((status.id.to_owned(), status.name.to_owned())),
            Some((after.status.id.to_owned(), after.status.name.to_owned())),
        );
        compare("resolution", resolution.map(choice), after.resolution.map(choice));
        for field in custom.keys().chain(after.custom.keys().filter(|field| !custom.contains_key(*field))) {
            let project = &self.projects[project];
            let name = project.field(field).map_or(field.as_str(), |own| own.history_name());
            let told = |value: &Value| {
                text(project.field(field).map_or_else(String::new, |own| own.tell(self, project, value)))
            };
            compare(name, custom.get(field).map(told), after.custom.get(field).map(told));
        }
        for (field, from, to) in [
            ("description", description, &after.description),
            ("environment", environment, &after.environment),
        ] {
            if from != to {
                // Two documents may differ in form only, so their texts cannot decide.
                let plain = |value: &Option<Value>| value.as_ref().map(|value| text(plain_text(value)));
                changes.push(FieldChange::new(field, plain(from), plain(to)));
            }
        }
        changes
    }
}

impl Issue {
    /// The id of its project.
    pub(crate) fn project_id(&self) -> String {
        project_id(self.project)
    }
}

impl Fields {
    /// What a new issue has before its creator sets anything.
    pub(crate) fn new(issue_type: &'static Choice, reporter: &str, status: &'static Status) -> Self {
        Self {
            issue_type,
            summary: String::new(),
            description: None,
            environment: None,
            labels: BTreeSet::new(),
            priority: site::default_priority(),
            due: None,
            assignee: None,
            reporter: reporter.to_owned(),
            status,
            resolution: None,
            custom: BTreeMap::new(),
        }
    }
}

impl FieldChange {
    /// A change from one (id, text) to another; an empty id means that the field has texts only.
    pub(crate) fn new(field: &str, from: Option<(String, String)>, to: Option<(String, String)>) -> Self {
        let split = |side: Option<(String, String)>| match side {
            None => (None, None),
            Some((id, text)) => ((!id.is_empty()).then_some(id), Some(text)),
        };
        let (from, from_text) = split(from);
        let (to, to_text) = split(to);
        Self { field: field.to_owned(), from, from_text, to, to_text }
    }
}

/// A rich text as people read it.
pub(crate) fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| adf::text(value), str::to_owned)
}

fn no_such_issue() -> Answer {
    Answer::message(StatusCode::NOT_FOUND, "Issue does not exist or you do not have permission to see it.")
}
