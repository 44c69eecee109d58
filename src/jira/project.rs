//! Projects, and the property of the one that is meant.

use reqwest::Method;
use serde_json::Value;

use super::{
    client::{Client, Repeat},
    error::{Cause, JiraError},
    search::GROUP_PROPERTY,
};

impl Client {
    /// Our property of the project that is meant, none where it is not set.
    pub async fn project_property(&self) -> Result<Option<Value>, JiraError> {
        match self.get(&self.property_path(), &[]).await {
            Ok(answer) => Ok(Some(answer["value"].clone())),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets it, once: a second one could be overtaken by the first. Needs the permission to administer the project.
    pub async fn set_project_property(&self, value: &Value) -> Result<(), JiraError> {
        let put = self.send(Method::PUT, &self.property_path(), value, Repeat::Looked).await;
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
        let id = |project: Value| project["id"].clone();
        let other = self.project(key).await?.map(id);
        Ok(other.is_some() && other == self.project(&self.settings.project).await?.map(id))
    }

    /// Whether Jira shows a project, of which a key may be an old one.
    pub async fn has_project(&self, key: &str) -> Result<bool, JiraError> {
        Ok(self.project(key).await?.is_some())
    }

    /// A project; none where it is not shown.
    pub(super) async fn project(&self, key: &str) -> Result<Option<Value>, JiraError> {
        match self.get(&format!("/project/{key}"), &[]).await {
            Ok(project) => Ok(Some(project)),
            Err(error) if matches!(error.cause, Cause::NotFound | Cause::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn property_path(&self) -> String {
        format!("/project/{}/properties/{GROUP_PROPERTY}", self.settings.project)
    }
}
