//! Comments, each about a topic that it carries as a property.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, Repeat},
    error::JiraError,
    issues::{Outcome, id_in, outcome},
    search::{GROUP_PROPERTY, sealed, unsealed},
    site::Own,
};
use crate::{
    plan::{Heard, Issue},
    ticket::{adf, document::Block, wiki},
};

impl Client {
    /// Adds a comment that carries its topic as a property. Sent once; gives the comment's id.
    pub async fn comment(&self, issue: &Issue, topic: &str, body: &[Block]) -> Outcome<String> {
        let dialect = match self.dialect().await {
            Ok(dialect) => dialect,
            Err(error) => return Outcome::NotDone(error),
        };
        let markup = self.markup();
        let body = json!({
            "body": markup.document(markup.nodes(body)),
            "properties": [{ "key": GROUP_PROPERTY, "value": sealed(dialect, json!({ "topic": topic })) }],
        });
        let path = format!("/issue/{}/comment", issue.id);
        let answer = self.send(Method::POST, &path, &body, Repeat::Never).await;
        outcome(answer.and_then(|answer| id_in(&answer, &format!("POST {path}"))))
    }

    /// All comments of others on an issue, the oldest first. Reads past the search index.
    pub async fn heard(&self, issue: &Issue) -> Result<Vec<Heard>, JiraError> {
        let path = format!("/issue/{}/comment", issue.id);
        let mut all = Vec::new();
        loop {
            let at = all.len().to_string();
            let answer = self.get(&path, &[("startAt", at.as_str()), ("maxResults", "100")]).await?;
            let page = answer["comments"].as_array().cloned().unwrap_or_default();
            let is_last = page.is_empty();
            all.extend(page);
            if is_last || all.len() as u64 >= answer["total"].as_u64().unwrap_or(0) {
                return Ok(heard(&Value::Array(all), self.own()));
            }
        }
    }

    /// Id of an issue's comment on this topic. Reads past the search index.
    pub async fn comment_on(&self, issue: &Issue, topic: &str) -> Result<Option<String>, JiraError> {
        let is_ours = |comment: &Value| {
            comment["properties"].as_array().into_iter().flatten().any(|property| {
                property["key"] == GROUP_PROPERTY && unsealed(&property["value"])["topic"] == topic
            })
        };
        let path = format!("/issue/{}/comment", issue.id);
        let mut start = 0usize;
        loop {
            let at = start.to_string();
            let query = [("expand", "properties"), ("startAt", at.as_str()), ("maxResults", "100")];
            let answer = self.get(&path, &query).await?;
            let comments = answer["comments"].as_array().map_or(&[][..], Vec::as_slice);
            if let Some(ours) = comments.iter().find(|comment| is_ours(comment)) {
                return Ok(Some(ours["id"].as_str().unwrap_or_default().to_owned()));
            }
            start += comments.len();
            if comments.is_empty() || start as u64 >= answer["total"].as_u64().unwrap_or(0) {
                return Ok(None);
            }
        }
    }
}

/// Comments of others in a list of Jira's, the oldest first.
pub(super) fn heard(comments: &Value, own: Own<'_>) -> Vec<Heard> {
    let comments = comments.as_array().into_iter().flatten();
    let mut heard: Vec<Heard> = comments
        .filter(|comment| !own.is(&comment["author"]))
        .filter_map(|comment| {
            let author = &comment["author"];
            let names = ["accountId", "key", "name", "emailAddress"];
            let text = match &comment["body"] {
                Value::String(markup) => wiki::said(markup),
                document => adf::said(document["content"].as_array().map_or(&[], Vec::as_slice)),
            };
            Some(Heard {
                id: comment["id"].as_str()?.parse().ok()?,
                author: names.iter().filter_map(|name| author[*name].as_str().map(str::to_owned)).collect(),
                created: comment["created"].as_str().unwrap_or_default().into(),
                text,
            })
        })
        .collect();
    heard.sort_by_key(|comment| comment.id);
    heard
}
