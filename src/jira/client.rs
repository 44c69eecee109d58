//! Requests and answers.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use reqwest::{Method, Response, StatusCode, header, header::HeaderMap, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::{
    error::{Cause, JiraError},
    governor::Ask,
    issues::Account,
    pace::{self, Pace, Silence},
};
use crate::plan::Issue;

/// Largest answer that is read, in bytes.
const BODY_LIMIT: usize = 32 << 20;
/// Most attempts of a call that may be repeated.
const ATTEMPTS: u32 = 5;

/// Where Jira is and who asks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of the site, such as `https://example.atlassian.net`; may have a context path.
    pub url: Url,
    /// Who asks.
    pub credentials: Credentials,
    /// Key of the project that tickets are opened in.
    pub project: String,
    /// Name of the issue type.
    pub issue_type: String,
    /// Time limit of one call.
    pub timeout: Duration,
    /// Longest wait that Jira may ask for before a call is given up.
    pub longest_wait: Duration,
    /// A certificate authority in PEM to trust besides the system's.
    pub certificate: Option<Vec<u8>>,
}

/// How the client proves who it is.
#[derive(Clone)]
pub enum Credentials {
    /// Account mail address and API token.
    Basic {
        /// Mail address.
        user: String,
        /// API token.
        token: SecretString,
    },
    /// Token alone.
    Bearer(SecretString),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(f, "Basic {{ user: {user:?} }}"),
            Self::Bearer(_) => f.write_str("Bearer"),
        }
    }
}

/// A client of one Jira site; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub(super) settings: Arc<Settings>,
    pace: Arc<Pace>,
    caller: Arc<Caller>,
}

/// Who Jira says is asking.
#[derive(Debug, Default)]
struct Caller {
    /// Id of the account, since it was first learned.
    account: OnceLock<String>,
    /// Whether answers name their caller in a header, as those to a sign-in showed. A gateway may take it away.
    named: AtomicBool,
}

/// Whether a call may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Reads, and writes that do the same when done twice.
    Safe,
    /// Sent once, whatever happens.
    Never,
}

impl Client {
    /// A client for some settings. Nothing is sent yet.
    pub fn new(settings: Settings) -> Result<Self, JiraError> {
        let broken = |error: reqwest::Error| JiraError {
            call: "set-up".to_owned(),
            cause: Cause::Connect,
            said: error.without_url().to_string(),
        };
        let refused = |said: &str| JiraError {
            call: "set-up".to_owned(),
            cause: Cause::Address,
            said: said.to_owned(),
        };
        if !settings.url.username().is_empty() || settings.url.password().is_some() {
            return Err(refused("`jira.url` holds credentials; use `jira.user` and `jira.token_file`"));
        }
        let local =
            settings.url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        if settings.url.scheme() != "https" && !local {
            return Err(refused("`jira.url` does not start with `https://`"));
        }
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(10)))
            .https_only(!local)
            .user_agent(concat!("disputebot/", env!("CARGO_PKG_VERSION")));
        if local {
            builder = builder.no_proxy();
        }
        if let Some(pem) = &settings.certificate {
            builder = builder.add_root_certificate(reqwest::Certificate::from_pem(pem).map_err(broken)?);
        }
        let http = builder.build().map_err(broken)?;
        Ok(Self { http, settings: Arc::new(settings), pace: Arc::new(Pace::new()), caller: Arc::default() })
    }

    /// Address at which a person opens an issue.
    pub fn browse(&self, key: &str) -> String {
        format!("{}/browse/{key}", self.settings.url.as_str().trim_end_matches('/'))
    }

    /// Makes sure that Jira knows who asks. Without this, an expired token looks like an empty project: a
    /// search by nobody answers 200 and finds nothing.
    pub async fn sign_in(&self) -> Result<Account, JiraError> {
        let (me, named) = self.attempt(Method::GET, "/rest/api/3/myself", &[], None, Repeat::Safe).await?;
        let id = me["accountId"].as_str().unwrap_or_default().to_owned();
        self.caller.named.store(named, Ordering::Relaxed);
        self.caller.account.get_or_init(|| id.clone());
        Ok(Account { id })
    }

    /// Id of the account that asks, once it has signed in.
    pub fn account(&self) -> Option<String> {
        self.caller.account.get().cloned()
    }

    /// Waits until Jira's limits have room for a write to an issue, or for a create where there is none.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn make_room(&self, issue: Option<&Issue>) -> Result<(), JiraError> {
        let (path, writes_to) = match issue {
            Some(issue) => (format!("/rest/api/3/issue/{}/comment", issue.id), vec![issue.id.as_str()]),
            None => ("/rest/api/3/issue".to_owned(), Vec::new()),
        };
        let ask = Ask { method: "POST", path: &path, writes_to: &writes_to };
        self.pace.room(&ask, self.settings.longest_wait).await
    }

    /// The time for which Jira wants to be left alone, where that is not over.
    pub fn silence(&self) -> Option<Silence> {
        self.pace.silence()
    }

    /// Leaves Jira alone for some time, as an earlier process was asked to.
    pub fn keep_silent(&self, wait: SignedDuration, reason: &str) {
        self.pace.keep_silent(wait, reason);
    }

    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, JiraError> {
        self.call(Method::GET, path, query, None, Repeat::Safe).await
    }

    /// One call; the answer's JSON, null where it has no body.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        repeat: Repeat,
    ) -> Result<Value, JiraError> {
        let call = format!("{method} {path}");
        let (answer, named) = self.attempt(method, path, query, body, repeat).await?;
        // What shows less to a stranger must not be taken for all there is. What was written once is written.
        if repeat == Repeat::Safe && !answer.is_null() && !named && self.caller.named.load(Ordering::Relaxed) {
            return Err(JiraError { call, cause: Cause::Anonymous, said: String::new() });
        }
        Ok(answer)
    }

    /// One call, sent again where that is safe; the answer, and whether it names its caller.
    async fn attempt(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
        repeat: Repeat,
    ) -> Result<(Value, bool), JiraError> {
        let touched = touched(&method, path, body);
        let touched: Vec<&str> = touched.iter().map(String::as_str).collect();
        let ask = Ask { method: method.as_str(), path, writes_to: &touched };
        let longest = match repeat {
            Repeat::Safe => self.settings.longest_wait,
            Repeat::Never => self.settings.longest_wait.min(pace::SENT_ONCE),
        };
        let mut attempt = 1;
        loop {
            self.pace.admit(&ask, longest).await?;
            let error = match self.once(&ask, &method, query, body).await {
                Ok(answered) => return Ok(answered),
                Err(error) => error,
            };
            if repeat == Repeat::Never || !error.is_retryable() || attempt >= ATTEMPTS {
                return Err(error);
            }
            // How long Jira wants to be left alone is waited for before the next attempt.
            let wait = if error.is_busy() { Duration::ZERO } else { back_off(attempt, pace::chance()) };
            tracing::debug!(call = error.call, attempt, wait_ms = wait.as_millis(), error = %error, "jira call failed, will retry");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    /// One attempt; the answer, and whether it names its caller.
    async fn once(
        &self,
        ask: &Ask<'_>,
        method: &Method,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(Value, bool), JiraError> {
        let path = ask.path;
        let call = format!("{method} {path}");
        let address = format!("{}{path}", self.settings.url.as_str().trim_end_matches('/'));
        let mut request = self
            .http
            .request(method.clone(), address)
            .header(header::ACCEPT, "application/json")
            // Names of transitions and priorities must not change with the account's language.
            .header("X-Force-Accept-Language", "true")
            .header(header::ACCEPT_LANGUAGE, "en-US");
        request = match &self.settings.credentials {
            Credentials::Basic { user, token } => request.basic_auth(user, Some(token.expose_secret())),
            Credentials::Bearer(token) => request.bearer_auth(token.expose_secret()),
        };
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let failed = |error: &reqwest::Error| {
            let cause = if error.is_connect() {
                Cause::Connect
            } else if error.is_timeout() {
                Cause::Timeout
            } else {
                Cause::Broken
            };
            JiraError { call: call.clone(), cause, said: chain(error) }
        };
        let response = request.send().await.map_err(|error| failed(&error.without_url()))?;
        let status = response.status();
        self.pace.learn(ask, status.as_u16(), response.headers());
        let named = names_caller(response.headers());
        let bytes = bounded(response).await.map_err(|said| JiraError {
            call: call.clone(),
            cause: Cause::Broken,
            said,
        })?;
        if status.is_success() {
            if bytes.is_empty() {
                return Ok((Value::Null, named));
            }
            let answer = serde_json::from_slice(&bytes).map_err(|error| JiraError {
                call: call.clone(),
                cause: Cause::Broken,
                said: format!("expected JSON: {error}"),
            });
            return Ok((answer?, named));
        }
        Err(JiraError { call, cause: cause(status), said: said(&bytes) })
    }
}

fn cause(status: StatusCode) -> Cause {
    match status.as_u16() {
        401 => Cause::Credentials,
        403 => Cause::Forbidden,
        404 => Cause::NotFound,
        408 => Cause::Timeout,
        409 => Cause::Conflict,
        429 => Cause::Busy { wait: None },
        code @ 300..=399 => Cause::Redirected(code),
        code @ 400..=499 => Cause::Refused(code),
        code => Cause::Server(code),
    }
}

async fn bounded(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
        if bytes.len() + chunk.len() > BODY_LIMIT {
            return Err(format!("the answer is larger than {} MiB", BODY_LIMIT >> 20));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Whether an answer names a caller who is known: Cloud by its account, Data Center by its name.
fn names_caller(headers: &HeaderMap) -> bool {
    ["x-aaccountid", "x-ausername"].iter().any(|name| {
        let caller = headers.get(*name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
        !caller.is_empty() && !caller.eq_ignore_ascii_case("anonymous")
    })
}

/// Ids of the issues that a call writes to.
fn touched(method: &Method, path: &str, body: Option<&Value>) -> Vec<String> {
    if method == Method::GET {
        return Vec::new();
    }
    let mut rest = path.split('/').skip_while(|segment| !segment.starts_with("issue"));
    let ends = |body: &Value| {
        let ids = ["inwardIssue", "outwardIssue"].map(|end| body[end]["id"].as_str().map(str::to_owned));
        ids.into_iter().flatten().collect()
    };
    match (rest.next(), rest.next()) {
        (Some("issueLink"), None) => body.map(ends).unwrap_or_default(),
        (Some("issue"), Some(id)) if id.contains(|c: char| c.is_ascii_digit()) => vec![id.to_owned()],
        _ => Vec::new(),
    }
}

/// Doubling waits of our own, so uneven that many clients do not come back at once.
fn back_off(attempt: u32, chance: f64) -> Duration {
    let doubling = Duration::from_millis(500) * 2u32.pow(attempt.min(6) - 1);
    doubling.mul_f64(0.7 + 0.6 * chance)
}

/// Jira's two error shapes as one line; a body that is neither (HTML from a gateway) says nothing.
fn said(bytes: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return String::new() };
    let mut parts: Vec<String> = body["errorMessages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|message| message.as_str().map(str::to_owned))
        .collect();
    parts.extend(
        body["errors"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(field, message)| format!("`{field}`: {}", message.as_str().unwrap_or("not accepted"))),
    );
    for key in ["message", "detail", "title"] {
        if parts.is_empty() {
            parts.extend(body[key].as_str().map(str::to_owned));
        }
    }
    let mut line = parts.join("; ").replace(['\n', '\r'], " ");
    if line.chars().count() > 500 {
        line = line.chars().take(499).collect::<String>() + "…";
    }
    line
}

/// An error with all its causes: reqwest shows only the outermost by itself.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
