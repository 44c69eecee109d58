//! Which Jira it is, found out from what it says and never from its host name.

use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{
    client::{Call, Client, Repeat, Settings},
    error::{Cause, JiraError},
};
use crate::ticket::Markup;

/// The gateway for tokens with scopes and for service accounts, which the address of a site does not take.
const GATEWAY: &str = "https://api.atlassian.com";

/// The two products that are called Jira.
///
/// | | Cloud | Data Center |
/// | --- | --- | --- |
/// | API | `/rest/api/3` | `/rest/api/2` |
/// | rich text | Atlassian's document format | wiki markup |
/// | search | `/search/jql`, a token for each next page, no total | `/search`, `startAt` and `total` |
/// | people | `accountId` | `key` and `name` |
/// | many issues past the index | `/issue/bulkfetch` | one call for each |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Jira Cloud, REST API v3.
    Cloud,
    /// Jira Data Center (formerly Server), REST API v2.
    DataCenter,
}

impl Dialect {
    /// How rich text is written.
    pub fn markup(self) -> Markup {
        match self {
            Self::Cloud => Markup::Adf,
            Self::DataCenter => Markup::Wiki,
        }
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cloud => "Jira Cloud",
            Self::DataCenter => "Jira Data Center",
        }
    }
}

/// Where the API of a site is, and what it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// What it speaks.
    pub dialect: Dialect,
    /// Version as it says itself.
    pub version: String,
    /// Its address as it says itself, without a slash at the end.
    pub base: String,
    /// Everything before `/rest`, without a slash at the end.
    pub(super) root: String,
    /// Path of the API, such as `/rest/api/3`.
    pub(super) api: &'static str,
}

/// Whether calls go to the site itself or through Atlassian's gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Gateway {
    /// To the site.
    #[default]
    Off,
    /// Through the gateway; the site is asked for its id.
    Ask,
    /// Through the gateway, for the site of this id.
    Site(String),
}

impl Site {
    /// Asks the server what it is. Sends two calls at most.
    pub(super) async fn detect(client: &Client) -> Result<Self, JiraError> {
        let settings = &client.settings;
        let root = root(client, settings).await?;
        let at = |api: &'static str| Call::at(&root, api, Method::GET, "/serverInfo");
        let is_cloud = |info: &Value| {
            info["deploymentType"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("cloud"))
        };
        // Both have the second version, and Cloud alone a gateway. So one call is enough, and what stands before a Data
        // Center is not asked for a version that it does not know.
        let info = if settings.gateway == Gateway::Off {
            match client.exchange(&at("/rest/api/2"), Repeat::Safe).await {
                Err(error) if error.cause == Cause::NotFound => {
                    client.exchange(&at("/rest/api/3"), Repeat::Safe).await?
                }
                answer => answer?,
            }
        } else {
            client.exchange(&at("/rest/api/3"), Repeat::Safe).await?
        };
        let dialect = if is_cloud(&info) { Dialect::Cloud } else { Dialect::DataCenter };
        let api = match dialect {
            Dialect::Cloud => "/rest/api/3",
            Dialect::DataCenter => "/rest/api/2",
        };
        let version = info["version"].as_str().unwrap_or("unknown").to_owned();
        let told = info["baseUrl"].as_str().unwrap_or(settings.url.as_str());
        let base = told.trim_end_matches('/').to_owned();
        Ok(Self { dialect, version, base, root, api })
    }
}

async fn root(client: &Client, settings: &Settings) -> Result<String, JiraError> {
    let plain = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
    let base = plain(&settings.url);
    let id = match &settings.gateway {
        Gateway::Off => return Ok(base),
        Gateway::Site(id) => id.clone(),
        Gateway::Ask => {
            // Public, so it is asked without credentials.
            let call = Call::at(&base, "", Method::GET, "/_edge/tenant_info").unsigned();
            let answer = client.exchange(&call, Repeat::Safe).await?;
            answer["cloudId"].as_str().map(str::to_owned).ok_or_else(|| JiraError {
                call: call.to_string(),
                cause: Cause::Broken,
                said: "the answer has no `cloudId`; only sites of Jira Cloud have a gateway".to_owned(),
            })?
        }
    };
    let gateway = settings.gateway_url.as_ref().map_or_else(|| GATEWAY.to_owned(), plain);
    Ok(format!("{gateway}/ex/jira/{id}"))
}

/// The id of a person in either dialect; empty where there is none.
pub(super) fn person(user: &Value) -> String {
    ["accountId", "key", "name"].iter().find_map(|id| user[*id].as_str()).unwrap_or_default().to_owned()
}

/// Accounts whose work is disputebot's own: the one that asks, and those that did so in former times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) account: &'a str,
    pub(super) former: &'a [String],
}

impl Own<'_> {
    /// Whether a person, as Jira shows one, is such an account.
    pub(super) fn is(self, person: &Value) -> bool {
        let mut ids = ["accountId", "key", "name"].iter().filter_map(|id| person[*id].as_str());
        ids.any(|id| !id.is_empty() && (id == self.account || self.former.iter().any(|former| former == id)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::Credentials;
    use super::*;

    #[tokio::test]
    async fn a_call_through_the_gateway_goes_to_the_vendors_and_names_its_site() {
        let credentials = Credentials::Bearer("a token".into());
        let url = "https://example.atlassian.net".parse().expect("an address");
        let gateway = Gateway::Site("0a1b-2c3d".to_owned());
        let settings = Settings { gateway, ..Settings::new(url, credentials, "DISP") };
        let client = Client::new(settings).expect("a client");
        let root = root(&client, &client.settings).await.expect("an address without a request");
        assert_eq!(root, "https://api.atlassian.com/ex/jira/0a1b-2c3d");
    }
}
