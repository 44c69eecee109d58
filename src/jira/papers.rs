//! Issues that hold a report. They are no tickets of groups, and nothing that looks for those takes them for one:
//! they have neither the label nor the property of a group, but a property of their own.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, File, Repeat},
    error::{Cause, JiraError},
    issues::{Outcome, outcome},
    jql::Jql,
    search::{BULK, GROUP_PROPERTY, sealed, unsealed},
    site::{Dialect, person},
};
use crate::{plan::Issue, ticket::document::Block};

/// Key of the issue property that marks our reports.
const REPORT_PROPERTY: &str = "disputebot-report";
/// The label on every issue that is a report.
const REPORT_LABEL: &str = "disputebot-report";
/// Issue numbers in a row that must be absent before a scan believes it is past the end.
const ABSENT_IN_A_ROW: u64 = 500;
/// Numbers that Jira may have given out before the highest one that was seen, to issues that came later.
const SLACK: u64 = 100;
/// Most numbers that are read to find one report.
const LONGEST: u64 = 5_000;

/// An issue to be opened for a report.
#[derive(Debug, Clone, Copy)]
pub struct Paper<'a> {
    /// Key of the project.
    pub project: &'a str,
    /// Name of the issue type.
    pub issue_type: &'a str,
    /// Name of the report, by which the issue is known again.
    pub name: &'a str,
    /// One line.
    pub summary: &'a str,
    /// The description.
    pub body: &'a [Block],
}

/// Whether an issue with a report is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// It is.
    There(Issue),
    /// It is not.
    Absent,
    /// Nobody can tell, for this reason.
    Blind(String),
}

/// Labels of the issue of a report: of all, and of this one.
fn labels(name: &str) -> [String; 2] {
    [REPORT_LABEL.to_owned(), format!("{REPORT_LABEL}-{}", name.to_lowercase())]
}

impl Client {
    /// Opens an issue for a report. Sent once.
    pub async fn file(&self, paper: &Paper<'_>) -> Outcome<Issue> {
        let dialect = match self.dialect().await {
            Ok(dialect) => dialect,
            Err(error) => return Outcome::NotDone(error),
        };
        let markup = self.markup();
        let body = json!({
            "fields": {
                "project": { "key": paper.project },
                "issuetype": { "name": paper.issue_type },
                "summary": paper.summary,
                "description": markup.document(&markup.nodes(paper.body)),
                "labels": labels(paper.name),
            },
            "properties": [{ "key": REPORT_PROPERTY, "value": sealed(dialect, json!({ "report": paper.name })) }],
        });
        let answer = self.send(Method::POST, "/issue", &body, Repeat::Never).await;
        outcome(answer.and_then(|answer| {
            issue_of(&answer).ok_or_else(|| JiraError {
                call: "POST /issue".to_owned(),
                cause: Cause::Broken,
                said: "the answer has no id and key".to_owned(),
            })
        }))
    }

    /// Highest issue number that the search shows in a project: a lower bound.
    pub async fn newest_of(&self, project: &str) -> Result<u64, JiraError> {
        let found = self.newest_ids(&Jql::of_project(project).newest_first().text(), "key").await?;
        Ok(found.first().and_then(|key| key.rsplit_once('-')?.1.parse().ok()).unwrap_or(0))
    }

    /// The issue of a report that the search shows; none proves nothing.
    pub async fn find_filed(&self, project: &str, name: &str) -> Result<Option<Issue>, JiraError> {
        let [_, label] = labels(name);
        let ids = self.newest_ids(&Jql::of_project(project).labelled(&label).text(), "id").await?;
        Ok(self.filed(&ids, name).await?.into_iter().min_by_key(|issue| issue.id.parse().unwrap_or(u64::MAX)))
    }

    /// The issue of a report among those of a project with a number above `after`, past the search index.
    pub async fn sight(&self, project: &str, name: &str, after: u64) -> Result<Sighting, JiraError> {
        let newest = self.newest_of(project).await?;
        let first = after.saturating_sub(SLACK) + 1;
        let (mut next, mut absent, mut last) = (first, 0, 0);
        while absent < ABSENT_IN_A_ROW || next <= newest {
            if next - first > LONGEST {
                return Ok(Sighting::Blind(format!("more than {LONGEST} issues came after it")));
            }
            let keys: Vec<String> = (next..next + BULK).map(|number| format!("{project}-{number}")).collect();
            let issues = self.fetch(&keys, &["labels"], &[REPORT_PROPERTY]).await?;
            if let Some(found) = issues.iter().find(|issue| is_of(issue, name)).and_then(issue_of) {
                return Ok(Sighting::There(found));
            }
            let highest = issues
                .iter()
                .filter_map(|issue| {
                    issue["key"].as_str()?.strip_prefix(project)?.strip_prefix('-')?.parse().ok()
                })
                .max();
            // A moved issue comes under its new key; that it came shows that the numbers go on.
            let highest: Option<u64> = highest.or_else(|| (!issues.is_empty()).then_some(next + BULK - 1));
            absent = match highest {
                Some(highest) => (next + BULK - 1).saturating_sub(highest),
                None => absent + BULK,
            };
            last = highest.unwrap_or(last);
            next += BULK;
        }
        if newest >= first && last < newest {
            let why = format!("Jira finds issue number {newest} and does not show it to this account");
            return Ok(Sighting::Blind(why));
        }
        Ok(Sighting::Absent)
    }

    /// The issue with a key or id, read past the search index; none where it is gone or hidden.
    pub async fn issue(&self, key: &str) -> Result<Option<Issue>, JiraError> {
        let issues = self.fetch(&[key.to_owned()], &["labels"], &[GROUP_PROPERTY]).await?;
        Ok(issues.first().and_then(issue_of))
    }

    /// Attaches a page. Sent once.
    pub async fn attach_page(&self, issue: &Issue, name: &str, page: &str) -> Outcome<String> {
        if let Err(error) = self.site().await {
            return Outcome::NotDone(error);
        }
        let file = File { name: name.to_owned(), kind: "text/html", bytes: page.as_bytes().to_vec() };
        let answer = self.upload(&format!("/issue/{}/attachments", issue.id), &file).await;
        outcome(answer.map(|answer| answer[0]["id"].as_str().unwrap_or_default().to_owned()))
    }

    /// Whether this account attached a file of that name. Reads past the search index.
    pub async fn has_page(&self, issue: &Issue, name: &str) -> Result<bool, JiraError> {
        let answer = self.get(&format!("/issue/{}", issue.id), &[("fields", "attachment")]).await?;
        let mut files = answer["fields"]["attachment"].as_array().into_iter().flatten();
        Ok(files.any(|file| file["filename"] == name && person(&file["author"]) == self.account()))
    }

    /// Issues with a report among some, by id.
    async fn filed(&self, ids: &[String], name: &str) -> Result<Vec<Issue>, JiraError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let issues = self.fetch(ids, &["labels"], &[REPORT_PROPERTY]).await?;
        Ok(issues.iter().filter(|issue| is_of(issue, name)).filter_map(issue_of).collect())
    }

    /// Ids or keys of the first issues of a search.
    async fn newest_ids(&self, jql: &str, member: &str) -> Result<Vec<String>, JiraError> {
        let (path, body) = match self.dialect().await? {
            Dialect::Cloud => ("/search/jql", json!({ "jql": jql, "maxResults": 50, "fields": ["key"] })),
            Dialect::DataCenter => {
                ("/search", json!({ "jql": jql, "startAt": 0, "maxResults": 50, "fields": ["key"] }))
            }
        };
        let answer = self.send(Method::POST, path, &body, Repeat::Safe).await?;
        let issues = answer["issues"].as_array().into_iter().flatten();
        Ok(issues.filter_map(|issue| issue[member].as_str().map(str::to_owned)).collect())
    }
}

fn is_of(issue: &Value, name: &str) -> bool {
    unsealed(&issue["properties"][REPORT_PROPERTY])["report"] == name
}

fn issue_of(issue: &Value) -> Option<Issue> {
    Some(Issue { id: issue["id"].as_str()?.to_owned(), key: issue["key"].as_str()?.to_owned() })
}
