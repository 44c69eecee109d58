//! Issues: create, read, edit, comment, link, move.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, Repeat},
    error::{Cause, JiraError},
};
use crate::{
    group::GroupId,
    plan::{Category, Change, Issue, Observed},
    ticket::{Content, adf, block, document::Block},
};

/// Key of the issue property that marks our tickets.
pub const GROUP_PROPERTY: &str = "disputebot";
/// Most issues of one bulk fetch (Jira's limit).
const BULK: usize = 100;
/// Issue numbers in a row that must be absent before a scan believes it is past the end. Gaps come only from
/// deleted issues and failed creates.
const ABSENT_IN_A_ROW: u64 = 500;
/// What is read of an issue.
const FIELDS: [&str; 7] = ["summary", "description", "labels", "status", "priority", "duedate", "assignee"];

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

/// An issue that carries a group's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The issue.
    pub issue: Issue,
    /// The group.
    pub group: GroupId,
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
    pub async fn create(&self, group: &GroupId, content: &Content) -> Outcome<Issue> {
        let Content { summary, block: ours, labels, priority, due } = content;
        let mut fields = json!({
            "project": { "key": self.settings.project },
            "issuetype": { "name": self.settings.issue_type },
            "summary": summary,
            "description": block::compose(group, &[], &adf::nodes(ours), &[]),
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
            "properties": [{ "key": GROUP_PROPERTY, "value": { "group": group.as_str(), "schema": 1 } }],
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
        for chunk in ids.chunks(BULK) {
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

    /// All issues with a mark of ours whose number is above `after`, read one key after the other: this
    /// does not depend on the search index.
    pub async fn scan(&self, after: u64) -> Result<Vec<Marked>, JiraError> {
        let mut marked = Vec::new();
        let (mut next, mut absent) = (after + 1, 0);
        while absent < ABSENT_IN_A_ROW {
            let keys: Vec<String> = (next..next + BULK as u64)
                .map(|number| format!("{}-{number}", self.settings.project))
                .collect();
            let body =
                json!({ "issueIdsOrKeys": keys, "fields": ["labels"], "properties": [GROUP_PROPERTY] });
            let answer = self
                .call(Method::POST, "/rest/api/3/issue/bulkfetch", &[], Some(&body), Repeat::Safe)
                .await?;
            let issues = answer["issues"].as_array().cloned().unwrap_or_default();
            let last = issues.iter().filter_map(|issue| number(issue["key"].as_str()?)).max();
            absent = match last {
                Some(last) => (next + BULK as u64 - 1).saturating_sub(last),
                None => absent + BULK as u64,
            };
            marked.extend(issues.iter().filter_map(mark));
            next += BULK as u64;
        }
        Ok(marked)
    }

    /// Writes changed fields. Idempotent.
    pub async fn edit(&self, issue: &Issue, changes: &[Change]) -> Result<(), JiraError> {
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
        let body = json!({ "fields": fields, "update": update });
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

    /// Whether an issue has a comment of this topic. Reads past the search index.
    pub async fn has_comment(&self, issue: &Issue, topic: &str) -> Result<bool, JiraError> {
        let path = format!("/rest/api/3/issue/{}/comment", issue.id);
        let mut start = 0usize;
        loop {
            let at = start.to_string();
            let query = [("expand", "properties"), ("startAt", at.as_str()), ("maxResults", "100")];
            let answer = self.get(&path, &query).await?;
            let comments = answer["comments"].as_array().cloned().unwrap_or_default();
            let ours =
                comments.iter().any(|comment| {
                    comment["properties"].as_array().into_iter().flatten().any(|property| {
                        property["key"] == GROUP_PROPERTY && property["value"]["topic"] == topic
                    })
                });
            start += comments.len();
            if ours || comments.is_empty() || start as u64 >= answer["total"].as_u64().unwrap_or(0) {
                return Ok(ours);
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
            Cause::Connect | Cause::Busy { .. } => Outcome::NotDone(error),
            Cause::Credentials
            | Cause::Forbidden
            | Cause::NotFound
            | Cause::Refused(_)
            | Cause::Redirected(_) => Outcome::Refused(error),
            Cause::Timeout | Cause::Broken | Cause::Conflict | Cause::Server(_) => Outcome::Unknown(error),
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

/// The group that an issue is marked with: by property, or by label where that is lost.
fn mark(issue: &Value) -> Option<Marked> {
    let by_property = issue["properties"][GROUP_PROPERTY]["group"].as_str().and_then(GroupId::parse);
    let group = by_property.or_else(|| {
        labels(&issue["fields"])
            .iter()
            .filter_map(|label| label.strip_prefix(crate::group::LABEL_PREFIX))
            .find_map(GroupId::parse)
    })?;
    Some(Marked {
        issue: Issue { id: issue["id"].as_str()?.to_owned(), key: issue["key"].as_str()?.to_owned() },
        group,
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
        assert_eq!(mark(&issue).unwrap().group, a);
        issue["properties"] = json!({});
        assert_eq!(mark(&issue).unwrap().group, b);
        issue["fields"]["labels"] = json!(["disputebot"]);
        assert_eq!(mark(&issue), None);
    }
}
