//! Finding issues: by the search index, which lags behind, and past it, which does not.
//!
//! What a search shows is there. What it does not show proves nothing: the index is behind by seconds to
//! minutes, shows less to some accounts, and answers a stranger with an empty list.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    client::{Client, Repeat},
    error::{Cause, JiraError},
    issues::labels,
    site::{Dialect, Own},
};
use crate::{
    group::GroupId,
    jql::Jql,
    plan::{Issue, Mark},
};

/// Key of the issue property that marks our tickets.
pub const GROUP_PROPERTY: &str = "disputebot";
/// Member of a mark that names the project.
pub(super) const HOME: &str = "project";
/// Fields that a mark is read from, beside the property.
const MARK_FIELDS: [&str; 2] = ["labels", "creator"];
/// Most issues of one bulk fetch (Jira's limit).
pub(super) const BULK: u64 = 100;
/// Most pages of one search.
const PAGES: usize = 2_000;
/// Issues that are read at the same time where each takes a call.
const AT_ONCE: usize = 4;

/// An issue that carries a group's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The issue.
    pub issue: Issue,
    /// The group.
    pub group: GroupId,
    /// What it says of its group, where the property is there and readable.
    pub mark: Option<Mark>,
    /// Whether disputebot made it.
    pub is_own: bool,
    /// Key, at that time, of the project that its disputebot works on; none where it does not say.
    pub home: Option<String>,
}

/// What a search showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Ids of the issues.
    pub ids: Vec<String>,
    /// Why Jira itself says that there may be more; none where it says nothing of the kind.
    pub cut: Option<String>,
}

/// What reading some numbers of a project showed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The highest of the numbers that is an issue, moved ones included where Jira follows them.
    pub highest: Option<u64>,
    /// Issues with a mark.
    pub marked: Vec<Marked>,
}

impl Client {
    /// Highest issue number that the search shows in a project, 0 where it shows none. May lag behind, so
    /// it is a lower bound.
    pub async fn highest_number_of(&self, project: &str) -> Result<u64, JiraError> {
        let newest = self.first_found(&Jql::of_project(project).newest_first(), 1).await?;
        Ok(newest.first().and_then(|issue| number(&issue.key)).unwrap_or(0))
    }

    /// The first issues of a search, from its first page.
    pub(super) async fn first_found(&self, jql: &Jql, most: u64) -> Result<Vec<Issue>, JiraError> {
        let mut body = json!({ "jql": jql.text(), "maxResults": most, "fields": ["key"] });
        let path = match self.dialect().await? {
            Dialect::Cloud => "/search/jql",
            Dialect::DataCenter => {
                body["startAt"] = json!(0);
                "/search"
            }
        };
        let answer = self.send(Method::POST, path, &body, Repeat::Safe).await?;
        if let Some(warning) = warned(&answer) {
            tracing::warn!(warning, "a search may not show everything");
        }
        Ok(answer["issues"].as_array().into_iter().flatten().filter_map(issue_of).collect())
    }

    /// Issues that the search shows with a label: in some projects, or anywhere where none is named, since a ticket may
    /// have been moved.
    pub async fn labelled(&self, label: &str, projects: &[String]) -> Result<Found, JiraError> {
        let jql = match projects {
            [] => Jql::marked(label),
            projects => Jql::of_projects(projects.iter().map(String::as_str)).labelled(label),
        };
        self.found(&jql).await
    }

    /// Issues with a label, wherever they are, in which something changed within some days.
    pub async fn touched(&self, label: &str, days: u32) -> Result<Found, JiraError> {
        self.found(&Jql::marked(label).touched_within(days)).await
    }

    async fn found(&self, jql: &Jql) -> Result<Found, JiraError> {
        let found = match self.dialect().await? {
            Dialect::Cloud => self.pages_by_token(jql).await?,
            Dialect::DataCenter => self.pages_by_offset(jql).await?,
        };
        if let Some(cut) = &found.cut {
            tracing::warn!(cut, "a search may not show everything");
        }
        Ok(found)
    }

    async fn pages_by_token(&self, jql: &Jql) -> Result<Found, JiraError> {
        let mut found = Found::default();
        let mut tokens: BTreeSet<String> = BTreeSet::new();
        let mut token: Option<String> = None;
        for page in 1.. {
            if page > PAGES {
                found.cut = Some(format!("the search does not end within {PAGES} pages"));
                break;
            }
            let mut body = json!({ "jql": jql.text(), "maxResults": 5000, "fields": ["id"] });
            if let Some(token) = &token {
                body["nextPageToken"] = json!(token);
            }
            let answer = match self.send(Method::POST, "/search/jql", &body, Repeat::Safe).await {
                // The token ran out: what was found so far is there.
                Err(error) if token.is_some() && error.cause == Cause::Refused(400) => {
                    found.cut = Some(format!("the search ended before its last page: {error}"));
                    break;
                }
                answer => answer?,
            };
            found.cut = warned(&answer).or(found.cut);
            found.ids.extend(ids_of(&answer));
            match answer["nextPageToken"].as_str() {
                Some(next) if tokens.insert(next.to_owned()) => token = Some(next.to_owned()),
                Some(_) => {
                    found.cut = Some("the search gives a page again that it gave already".to_owned());
                    break;
                }
                None => {
                    if answer["isLast"] == false {
                        found.cut = Some("the search gives no way to its next page".to_owned());
                    }
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn pages_by_offset(&self, jql: &Jql) -> Result<Found, JiraError> {
        let mut found = Found::default();
        for _ in 0..PAGES {
            let start = found.ids.len();
            let body = json!({ "jql": jql.text(), "startAt": start, "maxResults": 1000, "fields": ["id"] });
            let answer = self.send(Method::POST, "/search", &body, Repeat::Safe).await?;
            found.cut = warned(&answer).or(found.cut);
            found.ids.extend(ids_of(&answer));
            let (total, so_far) = (answer["total"].as_u64().unwrap_or(0), found.ids.len() as u64);
            if so_far >= total {
                break;
            }
            if found.ids.len() == start {
                found.cut = Some(format!("the search counts {total} issues and gives {so_far}"));
                break;
            }
        }
        found.ids.sort_unstable();
        // Issues that come or go between two pages shift the others.
        found.ids.dedup();
        Ok(found)
    }

    /// Reads issues of a project by number, past the search index; at most 100 of them.
    pub async fn numbered(&self, project: &str, numbers: RangeInclusive<u64>) -> Result<Seen, JiraError> {
        let own = self.own();
        let (highest, issues) = self.fetch_numbers(project, numbers, &MARK_FIELDS, GROUP_PROPERTY).await?;
        Ok(Seen { highest, marked: issues.iter().filter_map(|issue| marked(issue, own)).collect() })
    }

    /// Reads issues of a project by number, past the search index: the highest of the numbers that is an issue, and
    /// the issues.
    pub(super) async fn fetch_numbers(
        &self,
        project: &str,
        numbers: RangeInclusive<u64>,
        fields: &[&str],
        property: &str,
    ) -> Result<(Option<u64>, Vec<Value>), JiraError> {
        let highest_asked = *numbers.end();
        let keys: Vec<String> = numbers.map(|number| format!("{project}-{number}")).collect();
        let issues = self.fetch(&keys, fields, &[property]).await?;
        let highest = issues
            .iter()
            .filter_map(|issue| issue["key"].as_str()?.strip_prefix(project)?.strip_prefix('-')?.parse().ok())
            .max();
        // A moved issue comes under its new key; that it came shows that the numbers go on.
        let highest = highest.or_else(|| (!issues.is_empty()).then_some(highest_asked));
        Ok((highest, issues))
    }

    /// Reads the marks of issues by id, past the search index.
    pub async fn marks(&self, ids: &[String]) -> Result<Vec<Marked>, JiraError> {
        let own = self.own();
        let issues = self.fetch(ids, &MARK_FIELDS, &[GROUP_PROPERTY]).await?;
        Ok(issues.iter().filter_map(|issue| marked(issue, own)).collect())
    }

    /// Reads issues by id or key, past the search index. Those that are gone or hidden are absent.
    pub(super) async fn fetch(
        &self,
        ids_or_keys: &[String],
        fields: &[&str],
        properties: &[&str],
    ) -> Result<Vec<Value>, JiraError> {
        self.fetch_with(ids_or_keys, fields, properties, &[]).await
    }

    /// The same, with more beside the fields, such as `changelog`.
    pub(super) async fn fetch_with(
        &self,
        ids_or_keys: &[String],
        fields: &[&str],
        properties: &[&str],
        expand: &[&str],
    ) -> Result<Vec<Value>, JiraError> {
        match self.dialect().await? {
            Dialect::Cloud => {
                let mut issues = Vec::new();
                for chunk in ids_or_keys.chunks(BULK as usize) {
                    let mut body = json!({ "issueIdsOrKeys": chunk, "fields": fields });
                    if !properties.is_empty() {
                        body["properties"] = json!(properties);
                    }
                    if !expand.is_empty() {
                        body["expand"] = json!(expand);
                    }
                    let answer = self.send(Method::POST, "/issue/bulkfetch", &body, Repeat::Safe).await?;
                    issues.extend(answer["issues"].as_array().cloned().unwrap_or_default());
                }
                Ok(issues)
            }
            Dialect::DataCenter => self.fetch_each(ids_or_keys, fields, properties, expand).await,
        }
    }

    /// Issues of Data Center by id as its search index shows them, a hundred a call: each as it was a while ago, or not at
    /// all.
    pub(super) async fn indexed(&self, ids: &[String], fields: &[&str]) -> Result<Vec<Value>, JiraError> {
        let ids: Vec<u64> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut batches: Vec<&[u64]> = ids.chunks(BULK as usize).rev().collect();
        let mut issues = Vec::new();
        while let Some(batch) = batches.pop() {
            let body = json!({
                "jql": Jql::of_ids(batch.iter().copied()).text(),
                "startAt": 0,
                "maxResults": batch.len(),
                "validateQuery": false,
                "fields": fields,
            });
            let found = match self.send(Method::POST, "/search", &body, Repeat::Safe).await {
                Ok(mut answer) if warned(&answer).is_none() || answer["total"] != 0 => {
                    answer["issues"].take()
                }
                // One id that there is not any more may keep Jira from looking for the others.
                Ok(_) => Value::Null,
                Err(error) if error.cause == Cause::Refused(400) => Value::Null,
                Err(error) => return Err(error),
            };
            match found {
                Value::Array(found) => issues.extend(found),
                _ if batch.len() > 1 => {
                    let (first, second) = batch.split_at(batch.len() / 2);
                    batches.extend([second, first]);
                }
                _ => {}
            }
        }
        Ok(issues)
    }

    /// Data Center has no bulk fetch, and its search is an index as well, also where it is asked for keys: so one call for
    /// each issue.
    async fn fetch_each(
        &self,
        ids_or_keys: &[String],
        fields: &[&str],
        properties: &[&str],
        expand: &[&str],
    ) -> Result<Vec<Value>, JiraError> {
        let (fields, properties, expand) = (fields.join(","), properties.join(","), expand.join(","));
        let mut waiting = ids_or_keys.iter().cloned().enumerate();
        let mut running: JoinSet<(usize, Result<Option<Value>, JiraError>)> = JoinSet::new();
        let mut found = Vec::new();
        loop {
            while running.len() < AT_ONCE
                && let Some((place, id)) = waiting.next()
            {
                let (client, fields, properties, expand) =
                    (self.clone(), fields.clone(), properties.clone(), expand.clone());
                running.spawn(async move {
                    let mut query = vec![("fields", fields.as_str())];
                    if !properties.is_empty() {
                        query.push(("properties", properties.as_str()));
                    }
                    if !expand.is_empty() {
                        query.push(("expand", expand.as_str()));
                    }
                    let answer = match client.get(&format!("/issue/{id}"), &query).await {
                        Ok(issue) => Ok(Some(issue)),
                        // Archived issues may answer 403.
                        Err(error) if matches!(error.cause, Cause::NotFound | Cause::Forbidden) => Ok(None),
                        Err(error) => Err(error),
                    };
                    (place, answer)
                });
            }
            match running.join_next().await {
                None => break,
                Some(Ok((place, answer))) => found.extend(answer?.map(|issue| (place, issue))),
                Some(Err(error)) => {
                    return Err(JiraError {
                        call: "GET /rest/api/2/issue".to_owned(),
                        cause: Cause::Broken,
                        said: error.to_string(),
                    });
                }
            }
        }
        found.sort_by_key(|(place, _)| *place);
        Ok(found.into_iter().map(|(_, issue)| issue).collect())
    }
}

/// What Jira warns of, by either name of the list: that part of the query was left out, or that a limit was met.
fn warned(answer: &Value) -> Option<String> {
    let lists = ["warnings", "warningMessages"].into_iter().filter_map(|name| answer[name].as_array());
    let warning = lists.flatten().next()?.as_str().unwrap_or("without words");
    Some(format!("Jira warns that the search may be incomplete: {warning}"))
}

fn ids_of(answer: &Value) -> impl Iterator<Item = String> {
    answer["issues"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|issue| issue["id"].as_str().map(str::to_owned))
}

/// The value of a property as it is sent within a body.
///
/// Data Center's contract says that it is a string; its own example is JSON within one.
pub(super) fn sealed(dialect: Dialect, value: Value) -> Value {
    match dialect {
        Dialect::Cloud => value,
        Dialect::DataCenter => Value::String(value.to_string()),
    }
}

/// The value of a property as Jira shows it: what it was, or that as JSON within a string.
pub(super) fn unsealed(value: &Value) -> Value {
    let text = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    text.unwrap_or_else(|| value.clone())
}

/// The group that an issue is marked with: by property, or by label where that is lost.
fn marked(issue: &Value, own: Own<'_>) -> Option<Marked> {
    let property = &unsealed(&issue["properties"][GROUP_PROPERTY]);
    let by_property = property["group"].as_str().and_then(GroupId::parse);
    let group = by_property.or_else(|| {
        labels(&issue["fields"])
            .iter()
            .filter_map(|label| label.strip_prefix(crate::group::LABEL_PREFIX))
            .find_map(GroupId::parse)
    })?;
    let mark = serde_json::from_value::<Mark>(property.clone()).ok().filter(|mark| mark.group == group);
    Some(Marked {
        issue: issue_of(issue)?,
        group,
        mark,
        is_own: own.is(&issue["fields"]["creator"]),
        home: property[HOME].as_str().map(str::to_owned),
    })
}

pub(super) fn issue_of(issue: &Value) -> Option<Issue> {
    Some(Issue { id: issue["id"].as_str()?.to_owned(), key: issue["key"].as_str()?.to_owned() })
}

/// The number in a key such as `DISP-17`.
fn number(key: &str) -> Option<u64> {
    key.rsplit_once('-')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_by_property_first_and_by_label_second() {
        const OWN: Own<'_> = Own { account: "bot", former: &[] };
        let (a, b) = (GroupId::from_bits(1), GroupId::from_bits(2));
        let mut issue = json!({
            "id": "1", "key": "D-1",
            "fields": { "labels": [b.label()] },
            "properties": { "disputebot": { "group": a.as_str() } },
        });
        assert_eq!(marked(&issue, OWN).unwrap().group, a);
        issue["properties"] = json!({ "disputebot": json!({ "group": a.as_str() }).to_string() });
        assert_eq!(marked(&issue, OWN).unwrap().group, a, "as JSON within a string");
        issue["properties"] = json!({});
        assert_eq!(marked(&issue, OWN).unwrap().group, b);
        issue["fields"]["labels"] = json!(["disputebot"]);
        assert_eq!(marked(&issue, OWN), None);
    }
}
