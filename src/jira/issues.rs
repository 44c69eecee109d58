//! Issues: create, read, edit, comment, link, move.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::civil::Date;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, Repeat},
    error::{Cause, JiraError},
};
use crate::{
    group::GroupId,
    plan::{Category, Change, Issue, Mark, Observed},
    ticket::{Content, adf, block, document::Block},
};

/// Key of the issue property that marks our tickets.
pub const GROUP_PROPERTY: &str = "disputebot";
/// Member of a mark that names the project.
const HOME: &str = "project";
/// Most issues of one bulk fetch (Jira's limit).
pub const BULK: u64 = 100;
/// Most pages of one search.
const PAGES: usize = 10_000;
/// What is read of an issue.
const FIELDS: [&str; 8] =
    ["summary", "description", "labels", "status", "priority", "duedate", "assignee", "issuelinks"];

/// What became of a write that is sent once.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// Done.
    Done(T),
    /// Provably not done; the same may be sent again.
    NotDone(JiraError),
    /// Jira refuses it; a person must mend something first.
    Refused(JiraError),
    /// It may or may not have been done.
    Unknown(JiraError),
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: String,
}

/// An issue that carries a group's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The issue.
    pub issue: Issue,
    /// The group.
    pub group: GroupId,
    /// What it says of its group, where the property is there and readable.
    pub mark: Option<Mark>,
    /// Id of the account that made it; empty where Jira does not say.
    pub creator: String,
    /// Key, at that time, of the project that its disputebot works on; none where it does not say.
    pub home: Option<String>,
}

/// What reading some numbers of the project showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The highest of the numbers that is an issue, moved ones included where Jira follows them.
    pub highest: Option<u64>,
    /// Issues with a mark.
    pub marked: Vec<Marked>,
}

/// A way from one status to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Its id.
    pub id: String,
    /// Name of the target status.
    pub to: String,
    /// Category of the target status.
    pub category: Category,
    /// Whether its screen has the resolution.
    pub has_resolution: bool,
    /// Other fields that its screen demands.
    pub required: Vec<String>,
}

impl Client {
    /// Creates the ticket of a group. Sent once.
    pub async fn create(&self, content: &Content, mark: &Mark) -> Outcome<Issue> {
        let Content { summary, block: ours, labels, priority, due } = content;
        let mut fields = json!({
            "project": { "key": self.settings.project },
            "issuetype": { "name": self.settings.issue_type },
            "summary": summary,
            "description": block::compose(&mark.group, &[], &adf::nodes(ours), &[]),
            "labels": labels,
        });
        if let Some(priority) = priority {
            fields["priority"] = json!({ "name": priority });
        }
        if let Some(due) = due {
            fields["duedate"] = json!(due.to_string());
        }
        let body = json!({
            "fields": fields,
            "properties": [{ "key": GROUP_PROPERTY, "value": self.mark(mark) }],
        });
        let answer = self.call(Method::POST, "/rest/api/3/issue", &[], Some(&body), Repeat::Never).await;
        outcome(answer.and_then(|answer| match (answer["id"].as_str(), answer["key"].as_str()) {
            (Some(id), Some(key)) => Ok(Issue { id: id.to_owned(), key: key.to_owned() }),
            _ => Err(JiraError {
                call: "POST /rest/api/3/issue".to_owned(),
                cause: Cause::Broken,
                said: "the answer has no id and key".to_owned(),
            }),
        }))
    }

    /// Reads issues by numeric id, past the search index. Those that are gone or hidden are absent.
    pub async fn read(&self, ids: &[String]) -> Result<BTreeMap<String, Observed>, JiraError> {
        let mut found = BTreeMap::new();
        for chunk in ids.chunks(BULK as usize) {
            let body = json!({ "issueIdsOrKeys": chunk, "fields": FIELDS });
            let answer = self
                .call(Method::POST, "/rest/api/3/issue/bulkfetch", &[], Some(&body), Repeat::Safe)
                .await?;
            for issue in answer["issues"].as_array().into_iter().flatten() {
                if let Some(observed) = observed(issue) {
                    found.insert(observed.issue.id.clone(), observed);
                }
            }
        }
        Ok(found)
    }

    /// Highest issue number that the search shows in the project, 0 where it shows none. May lag behind, so
    /// it is a lower bound.
    pub async fn highest_number(&self) -> Result<u64, JiraError> {
        let jql = format!("project = {} ORDER BY created DESC", quoted(&self.settings.project));
        let body = json!({ "jql": jql, "maxResults": 1, "fields": ["key"] });
        let answer =
            self.call(Method::POST, "/rest/api/3/search/jql", &[], Some(&body), Repeat::Safe).await?;
        let key = answer["issues"][0]["key"].as_str().unwrap_or_default();
        Ok(number(key).unwrap_or(0))
    }

    /// Reads issues of the project by number, past the search index; at most [`BULK`] of them.
    pub async fn numbered(&self, numbers: RangeInclusive<u64>) -> Result<Seen, JiraError> {
        let highest_asked = *numbers.end();
        let keys: Vec<String> = numbers.map(|number| format!("{}-{number}", self.settings.project)).collect();
        let issues = self.fetch(&keys).await?;
        let highest = issues
            .iter()
            .filter_map(|issue| issue["key"].as_str()?.strip_prefix(&self.settings.project))
            .filter_map(|rest| rest.strip_prefix('-')?.parse().ok())
            .max();
        // A moved issue comes under its new key; that it came shows that the numbers go on.
        let highest = highest.or_else(|| (!issues.is_empty()).then_some(highest_asked));
        Ok(Seen { highest, marked: issues.iter().filter_map(marked).collect() })
    }

    /// Reads the marks of issues by id, past the search index.
    pub async fn marks(&self, ids: &[String]) -> Result<Vec<Marked>, JiraError> {
        let mut found = Vec::new();
        for chunk in ids.chunks(BULK as usize) {
            found.extend(self.fetch(chunk).await?.iter().filter_map(marked));
        }
        Ok(found)
    }

    async fn fetch(&self, ids_or_keys: &[String]) -> Result<Vec<Value>, JiraError> {
        let body = json!({
            "issueIdsOrKeys": ids_or_keys,
            "fields": ["labels", "creator"],
            "properties": [GROUP_PROPERTY],
        });
        let answer =
            self.call(Method::POST, "/rest/api/3/issue/bulkfetch", &[], Some(&body), Repeat::Safe).await?;
        Ok(answer["issues"].as_array().cloned().unwrap_or_default())
    }

    /// Ids of the issues that the search shows with a label: in the project, or anywhere, since a ticket may
    /// have been moved.
    pub async fn labelled(&self, label: &str, anywhere: bool) -> Result<Vec<String>, JiraError> {
        let project = if anywhere {
            String::new()
        } else {
            format!("project = {} AND ", quoted(&self.settings.project))
        };
        let jql = format!("{project}labels = {} ORDER BY id ASC", quoted(label));
        let mut ids = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut body = json!({ "jql": jql, "maxResults": 5000, "fields": ["id"] });
            if let Some(token) = &token {
                body["nextPageToken"] = json!(token);
            }
            let answer =
                self.call(Method::POST, "/rest/api/3/search/jql", &[], Some(&body), Repeat::Safe).await?;
            let page = answer["issues"].as_array().into_iter().flatten();
            ids.extend(page.filter_map(|issue| issue["id"].as_str().map(str::to_owned)));
            let next = answer["nextPageToken"].as_str().map(str::to_owned);
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        Ok(ids)
    }

    /// Our property of the project, none where it is not set.
    pub async fn project_property(&self) -> Result<Option<Value>, JiraError> {
        match self.get(&self.property_path(), &[]).await {
            Ok(answer) => Ok(Some(answer["value"].clone())),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets our property of the project. Needs the permission to administer it.
    pub async fn set_project_property(&self, value: &Value) -> Result<(), JiraError> {
        let put = self.call(Method::PUT, &self.property_path(), &[], Some(value), Repeat::Safe).await;
        put.map(drop).map_err(|error| match error.cause {
            Cause::Forbidden | Cause::NotFound => JiraError {
                said: "the account may not set a property of the project: it needs ADMINISTER_PROJECTS, or \
                       `jira.lease = false` where exactly one disputebot works there"
                    .to_owned(),
                ..error
            },
            _ => error,
        })
    }

    /// A mark with the project that its disputebot works on: issues are moved, and several may share a site.
    fn mark(&self, mark: &Mark) -> Value {
        let mut value = json!(mark);
        value[HOME] = json!(self.settings.project);
        value
    }

    /// Whether a key is, or was, that of the project that tickets are opened in.
    pub async fn is_home(&self, key: &str) -> Result<bool, JiraError> {
        if key == self.settings.project {
            return Ok(true);
        }
        let id = async |key: &str| match self.get(&format!("/rest/api/3/project/{key}"), &[]).await {
            Ok(project) => Ok(Some(project["id"].clone())),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let other = id(key).await?;
        Ok(other.is_some() && other == id(&self.settings.project).await?)
    }

    fn property_path(&self) -> String {
        format!("/rest/api/3/project/{}/properties/{GROUP_PROPERTY}", self.settings.project)
    }

    /// Writes changed fields. Idempotent.
    pub async fn edit(
        &self,
        issue: &Issue,
        changes: &[Change],
        mark: Option<&Mark>,
    ) -> Result<(), JiraError> {
        let mut fields = serde_json::Map::new();
        let mut update = serde_json::Map::new();
        for change in changes {
            match change {
                Change::Summary { to, .. } => {
                    fields.insert("summary".into(), json!(to));
                }
                Change::Description { document, .. } => {
                    fields.insert("description".into(), document.clone());
                }
                Change::Priority { to, .. } => {
                    fields.insert("priority".into(), json!({ "name": to }));
                }
                Change::Due { to, .. } => {
                    fields.insert("duedate".into(), json!(to.map(|due| due.to_string())));
                }
                Change::Labels { add } => {
                    let verbs: Vec<Value> = add.iter().map(|label| json!({ "add": label })).collect();
                    update.insert("labels".into(), json!(verbs));
                }
            }
        }
        let mut body = json!({ "fields": fields, "update": update });
        if let Some(mark) = mark {
            body["properties"] = json!([{ "key": GROUP_PROPERTY, "value": self.mark(mark) }]);
        }
        let path = format!("/rest/api/3/issue/{}", issue.id);
        self.call(Method::PUT, &path, &[], Some(&body), Repeat::Safe).await.map(drop)
    }

    /// Adds or removes a label. Idempotent.
    pub async fn relabel(&self, issue: &Issue, label: &str, present: bool) -> Result<(), JiraError> {
        let verb = if present { "add" } else { "remove" };
        let body = json!({ "update": { "labels": [{ verb: label }] } });
        let path = format!("/rest/api/3/issue/{}", issue.id);
        self.call(Method::PUT, &path, &[], Some(&body), Repeat::Safe).await.map(drop)
    }

    /// Adds a comment that carries its topic as a property. Sent once; gives the comment's id.
    pub async fn comment(&self, issue: &Issue, topic: &str, body: &[Block]) -> Outcome<String> {
        let body = json!({
            "body": adf::document(&adf::nodes(body)),
            "properties": [{ "key": GROUP_PROPERTY, "value": { "topic": topic } }],
        });
        let path = format!("/rest/api/3/issue/{}/comment", issue.id);
        let answer = self.call(Method::POST, &path, &[], Some(&body), Repeat::Never).await;
        outcome(answer.map(|answer| answer["id"].as_str().unwrap_or_default().to_owned()))
    }

    /// Id of an issue's comment on this topic. Reads past the search index.
    pub async fn comment_on(&self, issue: &Issue, topic: &str) -> Result<Option<String>, JiraError> {
        let path = format!("/rest/api/3/issue/{}/comment", issue.id);
        let mut start = 0usize;
        loop {
            let at = start.to_string();
            let query = [("expand", "properties"), ("startAt", at.as_str()), ("maxResults", "100")];
            let answer = self.get(&path, &query).await?;
            let comments = answer["comments"].as_array().cloned().unwrap_or_default();
            let ours =
                comments.iter().find(|comment| {
                    comment["properties"].as_array().into_iter().flatten().any(|property| {
                        property["key"] == GROUP_PROPERTY && property["value"]["topic"] == topic
                    })
                });
            if let Some(ours) = ours {
                return Ok(Some(ours["id"].as_str().unwrap_or_default().to_owned()));
            }
            start += comments.len();
            if comments.is_empty() || start as u64 >= answer["total"].as_u64().unwrap_or(0) {
                return Ok(None);
            }
        }
    }

    /// Links two issues so that `from` shows the outward words of the type (“`from` duplicates `to`”): in Jira's
    /// API that is the *inward* issue. Jira takes a repeat for the same link.
    pub async fn link(&self, link_type: &str, from: &Issue, to: &Issue) -> Result<(), JiraError> {
        let body = json!({
            "type": { "name": link_type },
            "inwardIssue": { "id": from.id },
            "outwardIssue": { "id": to.id },
        });
        self.call(Method::POST, "/rest/api/3/issueLink", &[], Some(&body), Repeat::Safe).await.map(drop)
    }

    /// Ways out of the issue's status for this account.
    pub async fn transitions(&self, issue: &Issue) -> Result<Vec<Transition>, JiraError> {
        let path = format!("/rest/api/3/issue/{}/transitions", issue.id);
        let answer = self.get(&path, &[("expand", "transitions.fields")]).await?;
        Ok(answer["transitions"].as_array().into_iter().flatten().filter_map(transition).collect())
    }

    /// Moves an issue. Whether it is there already must be seen before a repeat.
    pub async fn transition(
        &self,
        issue: &Issue,
        transition: &Transition,
        resolution: Option<&str>,
    ) -> Result<(), JiraError> {
        let mut body = json!({ "transition": { "id": transition.id } });
        if let Some(resolution) = resolution.filter(|_| transition.has_resolution) {
            body["fields"] = json!({ "resolution": { "name": resolution } });
        }
        let path = format!("/rest/api/3/issue/{}/transitions", issue.id);
        self.call(Method::POST, &path, &[], Some(&body), Repeat::Never).await.map(drop)
    }
}

/// Classes of a write that is sent once, by what Jira answered: only a connection that was never made, a 429
/// and the refusals are provably without effect.
fn outcome<T>(answer: Result<T, JiraError>) -> Outcome<T> {
    match answer {
        Ok(done) => Outcome::Done(done),
        Err(error) => match error.cause {
            Cause::Connect | Cause::Address | Cause::Busy { .. } | Cause::Paused { .. } => {
                Outcome::NotDone(error)
            }
            Cause::Credentials
            | Cause::Forbidden
            | Cause::NotFound
            | Cause::Refused(_)
            | Cause::Redirected(_) => Outcome::Refused(error),
            Cause::Timeout | Cause::Broken | Cause::Anonymous | Cause::Conflict | Cause::Server(_) => {
                Outcome::Unknown(error)
            }
        },
    }
}

fn observed(issue: &Value) -> Option<Observed> {
    let fields = &issue["fields"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Observed {
        issue: Issue { id: text(&issue["id"])?, key: text(&issue["key"])? },
        summary: text(&fields["summary"]).unwrap_or_default(),
        description: fields["description"].clone(),
        labels: labels(fields),
        status: text(&fields["status"]["name"]).unwrap_or_default(),
        category: category(&fields["status"]["statusCategory"]["key"])?,
        priority: text(&fields["priority"]["name"]),
        due: fields["duedate"].as_str().and_then(|due| due.parse::<Date>().ok()),
        assignee: text(&fields["assignee"]["displayName"]),
        duplicate_of: duplicate_of(fields),
    })
}

fn labels(fields: &Value) -> BTreeSet<String> {
    fields["labels"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|label| label.as_str().map(str::to_owned))
        .collect()
}

/// The issues that this one duplicates: linked outward by a type whose outward words say so.
fn duplicate_of(fields: &Value) -> Vec<Issue> {
    let links = fields["issuelinks"].as_array().into_iter().flatten();
    links
        .filter(|link| {
            link["type"]["outward"].as_str().is_some_and(|words| words.to_lowercase().contains("duplicate"))
        })
        .filter_map(|link| {
            let other = &link["outwardIssue"];
            Some(Issue { id: other["id"].as_str()?.to_owned(), key: other["key"].as_str()?.to_owned() })
        })
        .collect()
}

/// The group that an issue is marked with: by property, or by label where that is lost.
fn marked(issue: &Value) -> Option<Marked> {
    let property = &issue["properties"][GROUP_PROPERTY];
    let by_property = property["group"].as_str().and_then(GroupId::parse);
    let group = by_property.or_else(|| {
        labels(&issue["fields"])
            .iter()
            .filter_map(|label| label.strip_prefix(crate::group::LABEL_PREFIX))
            .find_map(GroupId::parse)
    })?;
    let mark = serde_json::from_value::<Mark>(property.clone()).ok().filter(|mark| mark.group == group);
    Some(Marked {
        issue: Issue { id: issue["id"].as_str()?.to_owned(), key: issue["key"].as_str()?.to_owned() },
        group,
        mark,
        creator: issue["fields"]["creator"]["accountId"].as_str().unwrap_or_default().to_owned(),
        home: property[HOME].as_str().map(str::to_owned),
    })
}

fn category(key: &Value) -> Option<Category> {
    match key.as_str()? {
        "new" | "undefined" => Some(Category::New),
        "indeterminate" => Some(Category::InProgress),
        "done" => Some(Category::Done),
        _ => None,
    }
}

fn transition(value: &Value) -> Option<Transition> {
    let fields = value["fields"].as_object();
    let required = fields
        .into_iter()
        .flatten()
        .filter(|(name, field)| {
            *name != "resolution" && field["required"] == true && field["hasDefaultValue"] != true
        })
        .map(|(name, field)| field["name"].as_str().unwrap_or(name).to_owned())
        .collect();
    Some(Transition {
        id: value["id"].as_str()?.to_owned(),
        to: value["to"]["name"].as_str().unwrap_or_default().to_owned(),
        category: category(&value["to"]["statusCategory"]["key"])?,
        has_resolution: fields.is_some_and(|fields| fields.contains_key("resolution")),
        required,
    })
}

/// The number in a key such as `DISP-17`.
fn number(key: &str) -> Option<u64> {
    key.rsplit_once('-')?.1.parse().ok()
}

/// A JQL string: quotes and backslashes escaped.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_leave_a_jql_string() {
        assert_eq!(quoted(r#"a" OR project != "b\"#), r#""a\" OR project != \"b\\""#);
    }

    #[test]
    fn the_mark_is_found_by_property_first_and_by_label_second() {
        let (a, b) = (GroupId::from_bits(1), GroupId::from_bits(2));
        let mut issue = json!({
            "id": "1", "key": "D-1",
            "fields": { "labels": [b.label()] },
            "properties": { "disputebot": { "group": a.as_str() } },
        });
        assert_eq!(marked(&issue).unwrap().group, a);
        issue["properties"] = json!({});
        assert_eq!(marked(&issue).unwrap().group, b);
        issue["fields"]["labels"] = json!(["disputebot"]);
        assert_eq!(marked(&issue), None);
    }
}
