//! Comments, each about a topic that it carries as a property.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    client::{Client, Repeat},
    error::JiraError,
    issues::{Outcome, outcome},
    search::GROUP_PROPERTY,
};
use crate::{plan::Issue, ticket::document::Block};

impl Client {
    /// Adds a comment that carries its topic as a property. Sent once; gives the comment's id.
    pub async fn comment(&self, issue: &Issue, topic: &str, body: &[Block]) -> Outcome<String> {
        if let Err(error) = self.site().await {
            return Outcome::NotDone(error);
        }
        let markup = self.markup();
        let body = json!({
            "body": markup.document(&markup.nodes(body)),
            "properties": [{ "key": GROUP_PROPERTY, "value": { "topic": topic } }],
        });
        let path = format!("/issue/{}/comment", issue.id);
        let answer = self.send(Method::POST, &path, &body, Repeat::Never).await;
        outcome(answer.map(|answer| answer["id"].as_str().unwrap_or_default().to_owned()))
    }

    /// Id of an issue's comment on this topic. Reads past the search index.
    pub async fn comment_on(&self, issue: &Issue, topic: &str) -> Result<Option<String>, JiraError> {
        let is_ours = |comment: &Value| {
            comment["properties"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|property| property["key"] == GROUP_PROPERTY && property["value"]["topic"] == topic)
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
