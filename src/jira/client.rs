//! Requests and answers.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use reqwest::{Method, Response, StatusCode, header, multipart, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::{
    error::{Cause, JiraError},
    governor::Ask,
    pace::{self, Caller, Pace},
    ready::Ready,
    routed::Routed,
    site::{Dialect, Gateway, Site, person},
};
use crate::{
    plan::{Home, Issue},
    ticket::Markup,
};

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
    /// Key of the project that tickets are opened in where no rule of routing names another one.
    pub project: String,
    /// Name of the issue type.
    pub issue_type: String,
    /// Ids of the accounts that asked in former times: what they wrote is disputebot's own.
    pub former_accounts: Vec<String>,
    /// Name of the link type that says of what a ticket is a duplicate, whatever its words are.
    pub duplicate_link: String,
    /// Time limit of one call.
    pub timeout: Duration,
    /// Longest wait that Jira may ask for before a call is given up.
    pub longest_wait: Duration,
    /// Which limits are kept to without being refused first.
    pub limits: Limits,
    /// A certificate authority in PEM to trust besides the system's.
    pub certificate: Option<Vec<u8>>,
    /// Whether calls go through Atlassian's gateway.
    pub gateway: Gateway,
    /// Another address of the gateway than Atlassian's.
    pub gateway_url: Option<Url>,
    /// Fields that are set besides those that every ticket has: name and text, a constant or a template.
    pub fields: BTreeMap<String, String>,
    /// What the screens of transitions are filled with: name and text.
    pub transition_fields: BTreeMap<String, String>,
    /// What rules of routing may set besides.
    pub routed: Routed,
    /// Priorities that tickets are given but for those of rules, each with the setting that names it.
    pub priorities: Vec<(String, String)>,
}

impl Settings {
    /// Whether any ticket may be given a priority.
    pub(super) fn has_priorities(&self) -> bool {
        !self.priorities.is_empty() || !self.routed.priorities.is_empty()
    }

    /// The settings of a site without anything special: calls go to it, and its own certificate is trusted.
    pub fn new(url: Url, credentials: Credentials, project: impl Into<String>) -> Self {
        Self {
            url,
            credentials,
            project: project.into(),
            issue_type: "Task".to_owned(),
            former_accounts: Vec::new(),
            duplicate_link: "Duplicate".to_owned(),
            timeout: Duration::from_secs(30),
            longest_wait: Duration::from_mins(2),
            limits: Limits::default(),
            certificate: None,
            gateway: Gateway::Off,
            gateway_url: None,
            fields: BTreeMap::new(),
            transition_fields: BTreeMap::new(),
            routed: Routed::default(),
            priorities: Vec::new(),
        }
    }
}

/// Which limits a client keeps to without being refused first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// Those that are published for Jira Cloud, and those that Data Center tells.
    #[default]
    Published,
    /// Only those that Data Center tells: for a sandbox that has none.
    Told,
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
    site: Arc<OnceCell<Site>>,
    /// What is known of the fields of projects.
    ready: Arc<RwLock<Arc<Ready>>>,
    /// Whether changes send mails, because the account may not do without.
    is_loud: Arc<AtomicBool>,
    /// Whether it is for another project than that of `jira.project`.
    pub(super) is_elsewhere: bool,
    pub(super) pace: Arc<Pace>,
    pub(super) caller: Arc<Caller>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id: `accountId` on Cloud, `key` on Data Center.
    pub id: String,
    /// Its name for people; empty where Jira does not say.
    pub name: String,
}

/// One call, before it is sent.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// Everything before `/rest`.
    root: &'a str,
    api: &'a str,
    method: Method,
    path: &'a str,
    query: &'a [(&'a str, &'a str)],
    content: Content<'a>,
    /// Whether it carries the credentials.
    signed: bool,
    /// Id of the issue that it writes to, where its path does not say so.
    about: Option<&'a str>,
}

/// What a call carries.
#[derive(Debug, Clone, Copy)]
enum Content<'a> {
    Nothing,
    Json(&'a Value),
    File(&'a File),
}

/// A file to be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl<'a> Call<'a> {
    pub(super) fn at(root: &'a str, api: &'a str, method: Method, path: &'a str) -> Self {
        Self { root, api, method, path, query: &[], content: Content::Nothing, signed: true, about: None }
    }

    /// Without credentials.
    pub(super) fn unsigned(self) -> Self {
        Self { signed: false, ..self }
    }

    /// Ids of the issues that it writes to.
    fn touched(&self) -> Vec<String> {
        if let Some(id) = self.about {
            return vec![id.to_owned()];
        }
        if self.method == Method::GET {
            return Vec::new();
        }
        let mut segments = self.path.trim_start_matches('/').split('/');
        match (segments.next(), segments.next(), self.content) {
            (Some("issueLink"), None, Content::Json(body)) => {
                let ends = ["inwardIssue", "outwardIssue"].map(|end| body[end]["id"].as_str());
                ends.into_iter().flatten().map(str::to_owned).collect()
            }
            // `bulkfetch` is no issue.
            (Some("issue"), Some(id), _) if id.contains(|c: char| c.is_ascii_digit()) => vec![id.to_owned()],
            _ => Vec::new(),
        }
    }
}

/// Method and path: no host, no query, no credentials.
impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.api, self.path)
    }
}

/// Whether a call may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Reads, and writes that do the same when done twice.
    Safe,
    /// Writes over what people may change at any time: whoever sends one again looks at it first.
    Looked,
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
        for url in [Some(&settings.url), settings.gateway_url.as_ref()].into_iter().flatten() {
            safe_address(url)?;
        }
        let local = is_local(&settings.url);
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
        let pace = Pace::new(settings.limits);
        Ok(Self {
            http,
            settings: Arc::new(settings),
            site: Arc::default(),
            ready: Arc::default(),
            is_loud: Arc::default(),
            is_elsewhere: false,
            pace: Arc::new(pace),
            caller: Arc::default(),
        })
    }

    /// A client for another project of the same site: who asks, and the limits that all calls fall under, are the same.
    /// No fields are set there but those that every ticket has.
    #[must_use]
    pub fn beside(&self, project: &str, issue_type: &str) -> Self {
        let settings = Settings {
            project: project.to_owned(),
            issue_type: issue_type.to_owned(),
            fields: BTreeMap::new(),
            routed: Routed::default(),
            ..Settings::clone(&self.settings)
        };
        Self { settings: Arc::new(settings), ready: Arc::default(), is_loud: Arc::default(), ..self.clone() }
    }

    /// A client for another project in which tickets are opened, with what rules of routing say of tickets there.
    #[must_use]
    pub fn within(&self, project: &str) -> Self {
        let routed = self.settings.routed.of(project);
        // A project need not have the type of the first one.
        let own_type = routed.issue_types.first().map(|(_, name)| name.clone());
        let issue_type = own_type.unwrap_or_else(|| self.settings.issue_type.clone());
        let project = project.to_owned();
        let settings = Settings { project, issue_type, routed, ..Settings::clone(&self.settings) };
        Self { settings: Arc::new(settings), ready: Arc::default(), is_elsewhere: true, ..self.clone() }
    }

    /// Keys of the other projects that rules of routing send tickets to.
    pub fn elsewhere(&self) -> Vec<String> {
        self.settings.routed.elsewhere.keys().cloned().collect()
    }

    /// Address at which a person opens an issue.
    pub fn browse(&self, key: &str) -> String {
        format!("{}/browse/{key}", self.settings.url.as_str().trim_end_matches('/'))
    }

    /// The project that is meant, of the site as it calls itself; as it is configured before it was asked.
    pub fn home(&self) -> Home {
        let configured = || self.settings.url.as_str().trim_end_matches('/').to_owned();
        let site = self.site.get().map_or_else(configured, |site| site.base.clone());
        Home { site, project: self.settings.project.clone() }
    }

    /// What Jira this is; asked once.
    pub async fn site(&self) -> Result<&Site, JiraError> {
        self.site.get_or_try_init(|| Site::detect(self)).await
    }

    /// What is known of the project's fields; nothing before they were looked at.
    pub(super) fn ready(&self) -> Arc<Ready> {
        Arc::clone(&self.ready.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_ready(&self, ready: Ready) -> Arc<Ready> {
        let ready = Arc::new(ready);
        *self.ready.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&ready);
        ready
    }

    /// How rich text is written here: known after the first call.
    pub fn markup(&self) -> Markup {
        self.site.get().map_or(Markup::Adf, |site| site.dialect.markup())
    }

    pub(super) async fn dialect(&self) -> Result<Dialect, JiraError> {
        Ok(self.site().await?.dialect)
    }

    /// Makes sure that Jira knows who asks. Without this, an expired token looks like an empty project: a
    /// search by nobody answers 200 and finds nothing.
    pub async fn sign_in(&self) -> Result<Account, JiraError> {
        let site = self.site().await?;
        let call = Call::at(&site.root, site.api, Method::GET, "/myself");
        let (me, named) = self.attempt(&call, Repeat::Safe).await?;
        let name = me["displayName"].as_str().unwrap_or_default().to_owned();
        let account = Account { id: person(&me), name };
        self.caller.signed_in(&account.id, named);
        Ok(account)
    }

    /// Reads from a path below that of the API.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, JiraError> {
        let site = self.site().await?;
        let call = Call { query, ..Call::at(&site.root, site.api, Method::GET, path) };
        self.exchange(&call, Repeat::Safe).await
    }

    /// Sends JSON to a path below that of the API; the answer's JSON, null where it has no body.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        repeat: Repeat,
    ) -> Result<Value, JiraError> {
        let site = self.site().await?;
        let call = Call { content: Content::Json(body), ..Call::at(&site.root, site.api, method, path) };
        self.exchange(&call, repeat).await
    }

    /// Changes what is at a path below that of the API. Idempotent.
    pub(super) async fn put(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &Value,
        repeat: Repeat,
    ) -> Result<(), JiraError> {
        let site = self.site().await?;
        let content = Content::Json(body);
        let call = Call { query, content, ..Call::at(&site.root, site.api, Method::PUT, path) };
        self.exchange(&call, repeat).await.map(drop)
    }

    /// Whether to wish for changes without mails.
    pub(super) fn may_be_quiet(&self) -> bool {
        !self.is_loud.load(Ordering::Relaxed)
    }

    /// Remembers that this account's changes send mails.
    pub(super) fn be_loud(&self) {
        self.is_loud.store(true, Ordering::Relaxed);
    }

    /// Sends a file. Sent once.
    pub(super) async fn upload(&self, path: &str, file: &File) -> Result<Value, JiraError> {
        let site = self.site().await?;
        let call =
            Call { content: Content::File(file), ..Call::at(&site.root, site.api, Method::POST, path) };
        self.exchange(&call, Repeat::Never).await
    }

    /// Deletes what is at a path below that of the API.
    pub(super) async fn delete(&self, path: &str, of: &Issue) -> Result<Value, JiraError> {
        let site = self.site().await?;
        let call = Call { about: Some(&of.id), ..Call::at(&site.root, site.api, Method::DELETE, path) };
        self.exchange(&call, Repeat::Safe).await
    }

    /// Sends a call, and sends it again where that is safe and may help.
    pub(super) async fn exchange(&self, call: &Call<'_>, repeat: Repeat) -> Result<Value, JiraError> {
        let (answer, named) = self.attempt(call, repeat).await?;
        // What shows less to a stranger must not be taken for all there is. What was written once is written.
        if repeat != Repeat::Never && call.signed && !answer.is_null() && !named && self.caller.is_named() {
            return Err(JiraError { call: call.to_string(), cause: Cause::Anonymous, said: String::new() });
        }
        Ok(answer)
    }

    /// The same; the answer, and whether it names its caller.
    async fn attempt(&self, call: &Call<'_>, repeat: Repeat) -> Result<(Value, bool), JiraError> {
        let path = format!("{}{}", call.api, call.path);
        let touched = call.touched();
        let touched: Vec<&str> = touched.iter().map(String::as_str).collect();
        let ask = Ask { method: call.method.as_str(), path: &path, writes_to: &touched };
        let longest = match repeat {
            Repeat::Safe | Repeat::Looked => self.settings.longest_wait,
            Repeat::Never => self.settings.longest_wait.min(pace::SENT_ONCE),
        };
        let mut attempt = 1;
        loop {
            let admitted = self.pace.admit(&ask, longest).await?;
            let answered = self.once(call, &ask).await;
            drop(admitted);
            let Err(error) = answered else { return answered };
            if repeat != Repeat::Safe || !error.is_retryable() || attempt >= ATTEMPTS {
                return Err(error);
            }
            // How long Jira wants to be left alone is waited for before the next attempt.
            let wait = if error.is_busy() { Duration::ZERO } else { pace::back_off(attempt) };
            tracing::debug!(call = error.call, attempt, wait_ms = wait.as_millis(), error = %error, "jira call failed, will retry");
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn once(&self, call: &Call<'_>, ask: &Ask<'_>) -> Result<(Value, bool), JiraError> {
        let named = call.to_string();
        let address = format!("{}{}{}", call.root, call.api, call.path);
        let mut request = self
            .http
            .request(call.method.clone(), address)
            .header(header::ACCEPT, "application/json")
            // Names of transitions and priorities must not change with the account's language.
            .header("X-Force-Accept-Language", "true")
            .header(header::ACCEPT_LANGUAGE, "en-US");
        if call.signed {
            request = match &self.settings.credentials {
                Credentials::Basic { user, token } => request.basic_auth(user, Some(token.expose_secret())),
                Credentials::Bearer(token) => request.bearer_auth(token.expose_secret()),
            };
        }
        if !call.query.is_empty() {
            request = request.query(call.query);
        }
        let broken = |said: String| JiraError { call: named.clone(), cause: Cause::Broken, said };
        request = match call.content {
            Content::Nothing => request,
            Content::Json(body) => request.json(body),
            Content::File(file) => {
                let part = multipart::Part::bytes(file.bytes.clone())
                    .file_name(file.name.clone())
                    .mime_str(file.kind)
                    .map_err(|error| broken(error.to_string()))?;
                // Without the header Jira takes the upload for a forged one.
                request
                    .header("X-Atlassian-Token", "no-check")
                    .multipart(multipart::Form::new().part("file", part))
            }
        };
        let failed = |error: &reqwest::Error| {
            let cause = if error.is_connect() {
                Cause::Connect
            } else if error.is_timeout() {
                Cause::Timeout
            } else {
                Cause::Broken
            };
            JiraError { call: named.clone(), cause, said: chain(error) }
        };
        let response = request.send().await.map_err(|error| failed(&error.without_url()))?;
        let status = response.status();
        let wait = self.pace.learn(ask, status.as_u16(), response.headers());
        let is_named = pace::names_caller(response.headers());
        let bytes = bounded(response).await.map_err(broken)?;
        if status.is_success() {
            if bytes.is_empty() {
                return Ok((Value::Null, is_named));
            }
            let answer = serde_json::from_slice(&bytes);
            return Ok((answer.map_err(|error| broken(format!("expected JSON: {error}")))?, is_named));
        }
        Err(JiraError { call: named, cause: cause(status, wait), said: said(&bytes) })
    }
}

/// Whether an address is that of this very machine, where nobody listens in.
fn is_local(url: &Url) -> bool {
    url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
}

/// Refuses an address that credentials would travel to in the open, or that has some in itself.
fn safe_address(url: &Url) -> Result<(), JiraError> {
    let refused = |said: &str| {
        let (call, said) = ("set-up".to_owned(), said.to_owned());
        Err(JiraError { call, cause: Cause::Address, said })
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("it holds credentials");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_local(url) => Ok(()),
        _ => refused("it does not start with `https://`"),
    }
}

fn cause(status: StatusCode, wait: Option<SignedDuration>) -> Cause {
    match status.as_u16() {
        401 => Cause::Credentials,
        403 => Cause::Forbidden,
        404 => Cause::NotFound,
        408 => Cause::Timeout,
        409 => Cause::Conflict,
        429 => Cause::Busy { wait },
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
