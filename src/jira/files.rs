//! Attachments: the lists of disputes, which this account put there itself.

use serde_json::Value;

use super::{
    client::{Client, File},
    error::{Cause, JiraError},
    issues::{Outcome, id_in, outcome},
    site::Own,
};
use crate::{
    plan::Issue,
    ticket::list::{Attached, List, PREFIX},
};

impl Client {
    /// Attaches a list. Sent once; gives the attachment's id. Jira adds a second file of the same name beside the
    /// first.
    pub async fn attach(&self, issue: &Issue, list: &List) -> Outcome<String> {
        if let Err(error) = self.site().await {
            return Outcome::NotDone(error);
        }
        let file = File { name: list.name.clone(), kind: "text/csv", bytes: list.text.as_bytes().to_vec() };
        let path = format!("/issue/{}/attachments", issue.id);
        let answer = self.upload(&path, &file).await;
        outcome(answer.and_then(|answer| id_in(&answer[0], &format!("POST {path}"))))
    }

    /// The lists on an issue that disputebot attached. Reads past the search index.
    pub async fn lists(&self, issue: &Issue) -> Result<Vec<Attached>, JiraError> {
        let answer = self.get(&format!("/issue/{}", issue.id), &[("fields", "attachment")]).await?;
        Ok(lists(&answer["fields"], self.own()))
    }

    /// Removes an attachment; one that is gone counts as removed.
    pub async fn detach(&self, issue: &Issue, attached: &Attached) -> Result<(), JiraError> {
        match self.delete(&format!("/attachment/{}", attached.id), issue).await {
            Err(error) if error.cause != Cause::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Most bytes of one attachment; 0 where attachments are switched off.
    pub async fn upload_limit(&self) -> Result<u64, JiraError> {
        let answer = self.get("/attachment/meta", &[]).await?;
        let limit = answer["uploadLimit"].as_u64().unwrap_or(u64::MAX);
        Ok(if answer["enabled"] == false { 0 } else { limit })
    }
}

pub(super) fn lists(fields: &Value, own: Own<'_>) -> Vec<Attached> {
    let files = fields["attachment"].as_array().into_iter().flatten();
    files
        .filter(|file| own.is(&file["author"]))
        .filter_map(|file| {
            let name = file["filename"].as_str().filter(|name| name.starts_with(PREFIX))?;
            Some(Attached { id: file["id"].as_str()?.to_owned(), name: name.to_owned() })
        })
        .collect()
}
