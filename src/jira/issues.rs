//! Issues: create, read, edit, link.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, Repeat},
    comments::heard,
    error::{Cause, JiraError},
    files::lists,
    ready::Ready,
    search::{GROUP_PROPERTY, HOME, sealed},
    site::{Dialect, Own},
    workflow::category,
};
use crate::{
    plan::{Change, Issue, Mark, Observed, Past, PastItem},
    ticket::{Content, block},
};

/// What is read of an issue.
const FIELDS: [&str; 11] = [
    "summary",
    "description",
    "labels",
    "status",
    "priority",
    "duedate",
    "assignee",
    "issuelinks",
    "attachment",
    "comment",
    "updated",
];

/// Issues whose histories are read in one call: each entry of one may hold the whole description twice.
const HISTORIES: usize = 20;

/// What a look at many issues showed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Glance {
    /// Those that are there, by id.
    pub observed: BTreeMap<String, Observed>,
    /// Ids of those of which only the search index told, which may show them as they were a while ago.
    pub hearsay: BTreeSet<String>,
}

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

impl Client {
    /// Creates the ticket of a group. Sent once.
    pub async fn create(&self, content: &Content, mark: &Mark) -> Outcome<Issue> {
        let dialect = match self.dialect().await {
            Ok(dialect) => dialect,
            Err(error) => return Outcome::NotDone(error),
        };
        let markup = self.markup();
        let Content {
            summary,
            block: ours,
            labels,
            priority,
            due,
            fields: others,
            project,
            issue_type,
            watchers: _,
            routed: _,
            cause: _,
            course: _,
            list: _,
            grain: _,
            typed: _,
        } = content;
        let ready = self.ready();
        let ready = ready.of(project.as_deref());
        let mut fields = json!({
            "project": { "key": project.as_ref().unwrap_or(&self.settings.project) },
            "issuetype": { "name": issue_type.as_ref().unwrap_or(&self.settings.issue_type) },
            "summary": summary,
            "description": block::compose(markup, &mark.group, &[], &markup.nodes(ours), &[]),
            "labels": labels,
        });
        if let Some(priority) = priority {
            fields["priority"] = ready.priority(priority);
        }
        if let Some(due) = due {
            fields["duedate"] = json!(due.to_string());
        }
        for (name, text) in others.iter().filter(|(_, text)| !text.is_empty()) {
            match ready.encode(name, text) {
                Ok((id, value)) => fields[id] = value,
                Err(said) => return Outcome::Refused(unfit("POST /issue", said)),
            }
        }
        let body = json!({
            "fields": fields,
            "properties": [{ "key": GROUP_PROPERTY, "value": self.mark(dialect, mark) }],
        });
        let answer = self.send(Method::POST, "/issue", &body, Repeat::Never).await;
        let answer = answer.map_err(|error| ready.explain(error));
        outcome(answer.and_then(|answer| match (answer["id"].as_str(), answer["key"].as_str()) {
            (Some(id), Some(key)) => Ok(Issue { id: id.to_owned(), key: key.to_owned() }),
            _ => Err(without("POST /issue", "id and key")),
        }))
    }

    /// Reads issues by numeric id, past the search index. Those that are gone or hidden are absent.
    pub async fn read(&self, ids: &[String]) -> Result<BTreeMap<String, Observed>, JiraError> {
        let ready = self.ready();
        let fields: Vec<&str> = FIELDS.into_iter().chain(ready.ids()).collect();
        let issues = self.fetch(ids, &fields, &[]).await?;
        Ok(self.observed(&issues, &ready))
    }

    /// The histories of issues by numeric id, each in its order of time. Those that are gone or hidden are absent; one
    /// that is too large to be read is empty.
    pub async fn histories(&self, ids: &[String]) -> Result<BTreeMap<String, Vec<Past>>, JiraError> {
        let own = self.own();
        let mut batches: Vec<&[String]> = ids.chunks(HISTORIES).rev().collect();
        let (mut issues, mut histories) = (Vec::new(), BTreeMap::new());
        while let Some(batch) = batches.pop() {
            match self.fetch_with(batch, &["updated"], &[], &["changelog"]).await {
                Ok(found) => issues.extend(found),
                Err(error) if error.cause != Cause::Broken => return Err(error),
                Err(_) if batch.len() > 1 => batches.extend(batch.chunks(1)),
                Err(error) => {
                    tracing::warn!(error = %error, "the history of a ticket cannot be read");
                    histories.extend(batch.iter().map(|id| (id.clone(), Vec::new())));
                }
            }
        }
        histories.extend(issues.iter().filter_map(|issue| {
            let entries = issue["changelog"]["histories"].as_array().into_iter().flatten();
            let mut past: Vec<Past> = entries.filter_map(|entry| past(entry, own)).collect();
            // Jira gives the newest first; of one moment, ids tell the order.
            past.sort_by_key(|past| (past.at, past.id.parse::<u64>().unwrap_or_default()));
            Some((issue["id"].as_str()?.to_owned(), past))
        }));
        Ok(histories)
    }

    /// Looks at many issues by numeric id, at the price of one call for a hundred. Those that are gone or hidden are
    /// absent.
    ///
    /// On Data Center that is a search, whose index may be behind: what it shows is hearsay, and what it does not show is
    /// read one by one.
    pub async fn glance(&self, ids: &[String]) -> Result<Glance, JiraError> {
        if self.dialect().await? == Dialect::Cloud {
            return Ok(Glance { observed: self.read(ids).await?, hearsay: BTreeSet::new() });
        }
        let ready = self.ready();
        let fields: Vec<&str> = FIELDS.into_iter().chain(ready.ids()).collect();
        let issues = self.indexed(ids, &fields).await?;
        let mut observed = self.observed(&issues, &ready);
        let hearsay: BTreeSet<String> = observed.keys().cloned().collect();
        let rest: Vec<String> = ids.iter().filter(|id| !hearsay.contains(*id)).cloned().collect();
        observed.extend(self.read(&rest).await?);
        Ok(Glance { observed, hearsay })
    }

    fn observed(&self, issues: &[Value], ready: &Ready) -> BTreeMap<String, Observed> {
        let own = self.own();
        let link = &self.settings.duplicate_link;
        let observed = issues.iter().filter_map(|issue| observed(issue, ready, own, link));
        observed.map(|observed| (observed.issue.id.clone(), observed)).collect()
    }

    /// A mark with the project that its disputebot works on: issues are moved, and several may share a site.
    fn mark(&self, dialect: Dialect, mark: &Mark) -> Value {
        let mut value = json!(mark);
        value[HOME] = json!(self.settings.project);
        sealed(dialect, value)
    }

    /// Writes changed fields. Idempotent, and sent once: by the time that it could be sent again a person may have written
    /// there, so whoever does that looks first.
    pub async fn edit(
        &self,
        issue: &Issue,
        changes: &[Change],
        mark: Option<&Mark>,
    ) -> Result<(), JiraError> {
        let mut fields = serde_json::Map::new();
        let mut update = serde_json::Map::new();
        let ready = self.ready();
        let ready = ready.of_issue(issue);
        for change in changes {
            match change {
                Change::Summary { to, .. } => {
                    fields.insert("summary".into(), json!(to));
                }
                Change::Description { document, .. } => {
                    fields.insert("description".into(), document.clone());
                }
                Change::Priority { to, .. } => {
                    fields.insert("priority".into(), ready.priority(to));
                }
                Change::Due { to, .. } => {
                    fields.insert("duedate".into(), json!(to.map(|due| due.to_string())));
                }
                Change::Labels { add, remove } => {
                    let verbs = add.iter().map(|label| json!({ "add": label }));
                    let verbs: Vec<Value> =
                        verbs.chain(remove.iter().map(|label| json!({ "remove": label }))).collect();
                    update.insert("labels".into(), json!(verbs));
                }
                Change::Field { name, to, .. } => {
                    let (id, value) = ready.encode(name, to).map_err(|said| unfit("PUT /issue", said))?;
                    fields.insert(id.to_owned(), value);
                }
            }
        }
        let mut body = json!({ "fields": fields, "update": update });
        if let Some(mark) = mark {
            let dialect = self.dialect().await?;
            body["properties"] = json!([{ "key": GROUP_PROPERTY, "value": self.mark(dialect, mark) }]);
        }
        let path = format!("/issue/{}", issue.id);
        self.put_quietly(&path, &body, Repeat::Looked).await.map_err(|error| ready.explain(error))
    }

    /// Adds or removes a label. Idempotent.
    pub async fn relabel(&self, issue: &Issue, label: &str, present: bool) -> Result<(), JiraError> {
        let verb = if present { "add" } else { "remove" };
        let body = json!({ "update": { "labels": [{ verb: label }] } });
        let path = format!("/issue/{}", issue.id);
        self.put_quietly(&path, &body, Repeat::Safe).await
    }

    /// Links two issues so that `from` shows the outward words of the type (“`from` duplicates `to`”): in Jira's
    /// API that is the *inward* issue. Jira takes a repeat for the same link.
    pub async fn link(&self, link_type: &str, from: &Issue, to: &Issue) -> Result<(), JiraError> {
        let body = json!({
            "type": { "name": link_type },
            "inwardIssue": { "id": from.id },
            "outwardIssue": { "id": to.id },
        });
        self.send(Method::POST, "/issueLink", &body, Repeat::Safe).await.map(drop)
    }
}

/// Classes of a write that is sent once, by what Jira answered: only a connection that was never made, a 429
/// and the refusals that are known as such are provably without effect.
pub(super) fn outcome<T>(answer: Result<T, JiraError>) -> Outcome<T> {
    match answer {
        Ok(done) => Outcome::Done(done),
        Err(error) if !error.is_unexecuted() => Outcome::Unknown(error),
        Err(error) => match error.cause {
            Cause::Connect | Cause::Address | Cause::Busy { .. } | Cause::Paused { .. } => {
                Outcome::NotDone(error)
            }
            _ => Outcome::Refused(error),
        },
    }
}

/// The id of what was written, in what an answer says of it.
pub(super) fn id_in(answer: &Value, call: &str) -> Result<String, JiraError> {
    let id = answer["id"].as_str().filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| without(call, "id"))
}

/// An answer to a write without what names what was written: a proxy may have given it.
fn without(call: &str, what: &str) -> JiraError {
    JiraError { call: call.to_owned(), cause: Cause::Broken, said: format!("the answer has no {what}") }
}

/// An entry of a history.
fn past(entry: &Value, own: Own<'_>) -> Option<Past> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = entry["items"].as_array().into_iter().flatten().map(|item| PastItem {
        field: text(&item["field"]),
        from: text(&item["fromString"]),
        to: text(&item["toString"]),
    });
    Some(Past {
        id: text(&entry["id"]),
        at: instant(entry["created"].as_str()?)?,
        is_ours: own.is(&entry["author"]),
        items: items.collect(),
    })
}

/// An instant as Jira writes it, such as `2026-11-27T06:00:00.123+0000`.
pub fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok().or_else(|| text.parse().ok())
}

/// A text that is not even sent, because Jira would refuse it.
fn unfit(call: &str, said: String) -> JiraError {
    JiraError { call: call.to_owned(), cause: Cause::Refused(400), said }
}

fn observed(issue: &Value, ready: &Ready, own: Own<'_>, duplicate_link: &str) -> Option<Observed> {
    let fields = &issue["fields"];
    let comments = &fields["comment"];
    let shown = comments["comments"].as_array().map_or(0, Vec::len) as u64;
    let has_more = comments["total"].as_u64().is_some_and(|total| total > shown);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let issue = Issue { id: text(&issue["id"])?, key: text(&issue["key"])? };
    let ready = ready.of_issue(&issue);
    Some(Observed {
        issue,
        summary: text(&fields["summary"]).unwrap_or_default(),
        description: fields["description"].clone(),
        labels: labels(fields),
        status: text(&fields["status"]["name"]).unwrap_or_default(),
        category: category(&fields["status"]["statusCategory"]["key"])?,
        priority: text(&fields["priority"]["name"]),
        due: fields["duedate"].as_str().and_then(|due| due.parse::<Date>().ok()),
        assignee: text(&fields["assignee"]["displayName"]),
        duplicate_of: duplicate_of(fields, duplicate_link),
        fields: ready.show(fields),
        lists: lists(fields, own),
        comments: heard(&comments["comments"], own),
        has_more_comments: has_more,
        updated: fields["updated"].as_str().unwrap_or_default().into(),
    })
}

pub(super) fn labels(fields: &Value) -> BTreeSet<String> {
    fields["labels"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|label| label.as_str().map(str::to_owned))
        .collect()
}

/// The issues that this one duplicates: linked outward by a type whose outward words say so, or by the configured one, of
/// which the two ends are not the same.
fn duplicate_of(fields: &Value, duplicate_link: &str) -> Vec<Issue> {
    let links = fields["issuelinks"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let says_so = |kind: &Value| {
        let (outward, inward) = (text(&kind["outward"]), text(&kind["inward"]));
        outward.contains("duplicate")
            || (text(&kind["name"]) == duplicate_link.to_lowercase() && outward != inward)
    };
    links
        .filter(|link| says_so(&link["type"]))
        .filter_map(|link| {
            let other = &link["outwardIssue"];
            Some(Issue { id: other["id"].as_str()?.to_owned(), key: other["key"].as_str()?.to_owned() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ticket_is_a_duplicate_of_what_it_is_linked_to_by_words_that_say_so_or_by_the_configured_type() {
        let other = json!({ "id": "7", "key": "DISP-7" });
        let kind = |name: &str, inward: &str, outward: &str| json!({ "name": name, "inward": inward, "outward": outward });
        let of = |kind: &Value, end: &str| {
            let fields = json!({ "issuelinks": [{ "type": kind, end: other }] });
            duplicate_of(&fields, "Dublette").len()
        };
        let (outward, inward) = ("outwardIssue", "inwardIssue");
        for (kind, end, expected) in [
            (kind("Duplicate", "is duplicated by", "duplicates"), outward, 1),
            (kind("Duplicate", "is duplicated by", "duplicates"), inward, 0),
            (kind("Dublette", "hat als Dublette", "ist Dublette von"), outward, 1),
            (kind("Dublette", "hat als Dublette", "ist Dublette von"), inward, 0),
            (kind("Blocks", "is blocked by", "blocks"), outward, 0),
            // Which of the two is the duplicate such a type does not say.
            (kind("Dublette", "siehe auch", "siehe auch"), outward, 0),
        ] {
            assert_eq!(of(&kind, end), expected, "{kind} {end}");
        }
    }
}
