//! Issues that hold a report. They are no tickets of groups, and nothing that looks for those takes them for one:
//! they have neither the label nor the property of a group, but a property of their own.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, File, Repeat},
    error::{Cause, JiraError},
    issues::{Outcome, id_in, outcome},
    search::{GROUP_PROPERTY, issue_of, sealed, unsealed},
    walk::Walk,
};
use crate::{jql::Jql, plan::Issue, ticket::document::Block};

/// Key of the issue property that marks our reports.
const REPORT_PROPERTY: &str = "disputebot-report";
/// The label on every issue that is a report.
const REPORT_LABEL: &str = "disputebot-report";
/// What is read of an issue beside the property: bulk fetches want to be told some field.
const PAPER_FIELDS: [&str; 1] = ["labels"];
/// Most issues with the label of one report that are looked at.
const MOST: u64 = 50;

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

/// Where a report will go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A comment on the issue of this key.
    Issue(String),
    /// Issues of their own.
    Project {
        /// Key of the project.
        project: String,
        /// Name of the issue type.
        issue_type: String,
    },
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
                "description": markup.document(markup.nodes(paper.body)),
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

    /// The issue of a report that the search shows; none proves nothing.
    pub async fn find_filed(&self, project: &str, name: &str) -> Result<Option<Issue>, JiraError> {
        let [_, label] = labels(name);
        let found = self.first_found(&Jql::of_project(project).labelled(&label), MOST).await?;
        let ids: Vec<String> = found.into_iter().map(|issue| issue.id).collect();
        let issues = self.fetch(&ids, &PAPER_FIELDS, &[REPORT_PROPERTY]).await?;
        let filed = issues.iter().filter(|issue| is_of(issue, name)).filter_map(issue_of);
        Ok(filed.min_by_key(|issue| issue.id.parse().unwrap_or(u64::MAX)))
    }

    /// The issue of a report among those of a project with a number above `after`, past the search index.
    pub async fn sight(&self, project: &str, name: &str, after: u64) -> Result<Sighting, JiraError> {
        let mut walk = Walk::limited(after, self.highest_number_of(project).await?);
        while let Some(numbers) = walk.next() {
            let (highest, issues) =
                self.fetch_numbers(project, numbers, &PAPER_FIELDS, REPORT_PROPERTY).await?;
            if let Some(found) = issues.iter().find(|issue| is_of(issue, name)).and_then(issue_of) {
                return Ok(Sighting::There(found));
            }
            walk.saw(highest);
        }
        Ok(walk.blind().map_or(Sighting::Absent, Sighting::Blind))
    }

    /// The issue with a key or id, read past the search index; none where it is gone or hidden.
    pub async fn issue(&self, key: &str) -> Result<Option<Issue>, JiraError> {
        let issues = self.fetch(&[key.to_owned()], &PAPER_FIELDS, &[GROUP_PROPERTY]).await?;
        Ok(issues.first().and_then(issue_of))
    }

    /// Attaches a page. Sent once.
    pub async fn attach_page(&self, issue: &Issue, name: &str, page: &str) -> Outcome<String> {
        if let Err(error) = self.site().await {
            return Outcome::NotDone(error);
        }
        let file = File { name: name.to_owned(), kind: "text/html", bytes: page.as_bytes().to_vec() };
        let path = format!("/issue/{}/attachments", issue.id);
        let answer = self.upload(&path, &file).await;
        outcome(answer.and_then(|answer| id_in(&answer[0], &format!("POST {path}"))))
    }

    /// Whether disputebot attached a file of that name. Reads past the search index.
    pub async fn has_page(&self, issue: &Issue, name: &str) -> Result<bool, JiraError> {
        let answer = self.get(&format!("/issue/{}", issue.id), &[("fields", "attachment")]).await?;
        let mut files = answer["fields"]["attachment"].as_array().into_iter().flatten();
        Ok(files.any(|file| file["filename"] == name && self.own().is(&file["author"])))
    }
}

fn is_of(issue: &Value, name: &str) -> bool {
    unsealed(&issue["properties"][REPORT_PROPERTY])["report"] == name
}
