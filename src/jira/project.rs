//! The projects that tickets are opened in.

use reqwest::Method;
use serde_json::Value;

use super::{
    client::{Client, Repeat},
    error::{Cause, JiraError},
    search::GROUP_PROPERTY,
};

impl Client {
    /// Our property of a project, none where it is not set.
    pub async fn project_property(&self, project: &str) -> Result<Option<Value>, JiraError> {
        match self.get(&property_path(project), &[]).await {
            Ok(answer) => Ok(Some(answer["value"].clone())),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets our property of a project. Needs the permission to administer it.
    pub async fn set_project_property(&self, project: &str, value: &Value) -> Result<(), JiraError> {
        let put = self.send(Method::PUT, &property_path(project), value, Repeat::Safe).await;
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

    /// Whether a key is, or was, that of the project that tickets are opened in.
    pub async fn is_home(&self, key: &str) -> Result<bool, JiraError> {
        if key == self.settings.project {
            return Ok(true);
        }
        let other = self.project_id(key).await?;
        Ok(other.is_some() && other == self.project_id(&self.settings.project).await?)
    }

    /// Whether Jira shows a project.
    pub async fn has_project(&self, key: &str) -> Result<bool, JiraError> {
        Ok(self.project_id(key).await?.is_some())
    }

    async fn project_id(&self, key: &str) -> Result<Option<Value>, JiraError> {
        match self.get(&format!("/project/{key}"), &[]).await {
            Ok(project) => Ok(Some(project["id"].clone())),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn property_path(project: &str) -> String {
    format!("/project/{project}/properties/{GROUP_PROPERTY}")
}
