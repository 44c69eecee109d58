//! A local Jira over real HTTP, Cloud or Data Center: what a strict client is developed against, and what a person
//! can look at in a browser.
//!
//! Promises: the shapes, codes and refusals of the published specifications for the calls a ticket bot needs, which
//! are versions 3 and 2 of Cloud and version 2 of Data Center 10.3 ([`Flavour`]); every request and every unknown path
//! is recorded; a fault can be put at any request, before or after its effect. Where the real server is known to
//! mislead (an anonymous search that finds nothing, `!=` that drops empty fields, documents that come back with ids
//! nobody sent), so does this one.
//!
//! Everything beyond a quiet site is off until it is asked for:
//! - [`Index`]: searches and counts that are behind, by a time or until [`Sandbox::refresh_index`]; and with
//!   [`Sandbox::set_index_flicker`] not even steady. `reconcileIssues` makes the named ids fresh for that search.
//!   Reads by id or key are never behind. What is deleted is found until the index knows.
//! - [`Sandbox::person`]: people who edit, comment, move, clone, hide, archive, delete and close as duplicates;
//!   [`Sandbox::add_project`], [`Sandbox::rename_project`], [`Sandbox::archive_project`]; old keys lead to issues.
//! - [`Sandbox::forbid`] and [`Sandbox::allow`]: permissions of one account, told by `mypermissions`.
//! - [`Sandbox::set_workflow`]: ten shapes of [`Workflow`], in three languages, with a resolution demanded or none
//!   kept, with a condition, a loop, a decoy, a long way to done or none.
//! - [`Sandbox::set_language`]: names of priorities, resolutions and status categories as an account reads them.
//! - [`Sandbox::require_field`], [`Sandbox::take_off`] a screen, [`Sandbox::keep_field_to`] some issue types, [`Sandbox::add_field`] with every
//!   [`FieldKind`], [`Sandbox::add_version`], [`Sandbox::add_component`], [`Sandbox::add_security_level`],
//!   [`Sandbox::set_priorities`], [`Sandbox::deactivate`]: what an administrator sets up.
//! - [`Sandbox::add_webhook`]: signed deliveries to this machine, late, doubled, reordered, dropped or forged where
//!   [`Mischief`] is scripted or drawn.
//! - [`Effect::Late`]: writes whose client hears nothing and that take effect later, at a time or when
//!   [`Sandbox::release_late`] says so.
//!
//! - [`Fault`]: what goes wrong at one request; [`Script`] reads faults and more from a text, and
//!   [`Sandbox::set_chaos`] draws them. [`Visit`]: who comes right after a request, to its issue.
//!   [`Effect::RateLimit`] is a 429 in each of its forms, [`Effect::ExpireToken`]
//!   and [`Sandbox::revoke`] make a stranger of a caller, [`Effect::ExpirePages`] ends page tokens before their week;
//!   [`Effect::ShortPage`] and [`Effect::LosePageToken`] spoil a page. [`Sandbox::leftovers`] tells what never struck,
//!   and what was asked for and is not there.
//! - [`Caps`]: how much one issue may hold. [`Limits`]: the limits of Cloud for writes to one issue and for bursts,
//!   those of Data Center for each account.
//! - [`Options::context_path`], [`Options::scoped_only`] with [`Sandbox::gateway_url`], [`Options::text_limit`],
//!   [`Sandbox::set_attachment_limit`]: what sites differ in.
//!
//! Three kinds of judges look at it: public clients and the vendor's specifications in `.ci/judges`, and the vendor's
//! schema of documents in its tests.
//!
//! Never: touches a disk, calls another machine, or shares a type with the rest of this crate. A client
//! that agrees with the sandbox agrees with bytes on a socket, not with a common struct.
//!
//! ```text
//! socket -> connection -> server -> fault? -> api -> world
//!                            |                 |-> jql, adf, wiki, edit, site
//!                            `-> pages (board, issue)
//! ```

mod adf;
mod api;
mod call;
mod chance;
mod connection;
mod courier;
mod custom;
mod dialect;
mod edit;
mod fault;
mod index;
mod jql;
mod language;
mod late;
mod limit;
mod pages;
mod people;
mod project;
mod rights;
mod script;
mod server;
mod site;
mod value;
mod view;
mod visit;
mod webhook;
mod wiki;
mod workflow;
mod world;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use custom::{CustomField, FieldKind};
pub use dialect::{Flavour, Measure};
pub use fault::{Due, Effect, Fault, Matches, Reply};
pub use index::Index;
pub use language::Language;
pub use limit::{Caps, Family, Limits, RateLimit, Reason, Told};
pub use people::{Mandatory, Person, Refusal};
pub use project::Form;
pub use rights::Permission;
pub use script::{Script, ScriptError};
pub use visit::{Deed, Visit};
pub use webhook::{Delivered, Mischief};
pub use workflow::Workflow;

use connection::CuttableListener;
use dialect::Site;
use server::Shared;
use world::{World, lock};

/// How long requests under way may take once the sandbox is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// By which the gateway knows the sandbox.
const CLOUD_ID: &str = "00000000-0000-4000-8000-00000000c10d";

/// What a sandbox starts with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Key of the only project: a capital letter, then capital letters, digits or `_`, 2 to 10 characters.
    pub project_key: String,
    /// Name of the only project.
    pub project_name: String,
    /// Who may sign in; the first one leads the project.
    pub users: Vec<User>,
    /// How far searches are behind.
    pub index: Index,
    /// Which product it plays.
    pub flavour: Flavour,
    /// Where it answers below its host: empty, or such as `/jira`.
    pub context_path: String,
    /// The site address takes nobody's token, as it takes no scoped token; [`Sandbox::gateway_url`] does.
    pub scoped_only: bool,
    /// Characters of a rich text at most; on Data Center a site setting.
    pub text_limit: usize,
    /// How the characters of a document are counted on Cloud.
    pub measure: Measure,
}

/// An account of the sandbox. Signs in with HTTP basic: `email:token` on Cloud, `name:token` on Data Center, where
/// the token alone as a bearer does too, as it does on the gateway of Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id that REST bodies of Cloud carry.
    pub account_id: String,
    /// The name that signs in to Data Center and that its bodies carry.
    pub name: String,
    /// The key that Data Center gave the account.
    pub key: String,
    /// The name that people see.
    pub display_name: String,
    /// The user part of basic authentication on Cloud. Only the account itself gets to see it there.
    pub email: String,
    /// The password part of basic authentication. Plainly fake: the sandbox guards nothing.
    pub token: String,
}

/// One request as the sandbox saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Upper case.
    pub method: String,
    /// The path as sent, with `/rest/api/3` and all that stands before it, without the query.
    pub path: String,
    /// The query as sent, without `?`; empty if there was none.
    pub query: String,
    /// The JSON body; a string if it is not JSON; name, file name and size of each part of a multipart body;
    /// null if there was none.
    pub body: Value,
    /// The status sent; `None` if a fault kept the answer back.
    pub status: Option<u16>,
    /// Whether it was carried out, whatever was answered; one that is carried out late is not known as such here.
    pub took_effect: bool,
    /// Account id of the caller; `None` if not signed in.
    pub who: Option<String>,
    /// When it arrived, by the sandbox's clock.
    pub at: Timestamp,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address is taken or not ours: choose another or port 0.
    #[error("could not listen on `{address}`")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The project key is not one that Jira takes.
    #[error(
        "a project key is a capital letter and 1 to 9 capital letters, digits or `_`, but found `{found}`"
    )]
    ProjectKey {
        /// The key asked for.
        found: String,
    },
    /// Nobody could sign in.
    #[error("a sandbox needs at least one user, but found none")]
    NoUsers,
    /// Two users share an account id, a name or an email, so a caller would be ambiguous.
    #[error("account ids, names and emails are unique, but `{found}` is given twice")]
    RepeatedUser {
        /// The account id, name or email given twice.
        found: String,
    },
    /// The context path is not one that Jira takes.
    #[error("a context path is empty, or a slash and a word such as `/jira`, but found `{found}`")]
    ContextPath {
        /// The path asked for.
        found: String,
    },
}

/// A running sandbox. Clones are handles to the same one; it stops when the last handle goes.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
    running: Arc<Running>,
}

struct Running {
    address: SocketAddr,
    tasks: Mutex<Option<JoinSet<()>>>,
    _stops_with_the_last_handle: DropGuard,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            project_key: "DISP".to_owned(),
            project_name: "Disputes".to_owned(),
            users: vec![User::bot(), User::analyst()],
            index: Index::Immediate,
            flavour: Flavour::Cloud,
            context_path: String::new(),
            scoped_only: false,
            text_limit: site::TEXT_CHARACTERS,
            measure: Measure::Json,
        }
    }
}

impl User {
    /// The account that a program uses by default.
    pub fn bot() -> Self {
        Self {
            account_id: "sandbox:00000000-0000-4000-8000-0000000000b0".to_owned(),
            name: "disputebot".to_owned(),
            key: "JIRAUSER10100".to_owned(),
            display_name: "disputebot".to_owned(),
            email: "disputebot@example.com".to_owned(),
            token: "not-a-secret-bot".to_owned(),
        }
    }

    /// The account of a person by default.
    pub fn analyst() -> Self {
        Self {
            account_id: "sandbox:00000000-0000-4000-8000-0000000000a0".to_owned(),
            name: "analyst".to_owned(),
            key: "JIRAUSER10101".to_owned(),
            display_name: "Example Analyst".to_owned(),
            email: "analyst@example.com".to_owned(),
            token: "not-a-secret-analyst".to_owned(),
        }
    }
}

/// Starts a sandbox and returns once it listens.
///
/// # Cancel safety
/// Dropped before it is ready, nothing stays behind.
pub async fn start(options: Options) -> Result<Sandbox, SandboxError> {
    check(&options)?;
    let Options {
        address,
        project_key,
        project_name,
        users,
        index,
        flavour,
        context_path,
        scoped_only,
        text_limit,
        measure,
    } = options;
    let listen_error = |source| SandboxError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;

    let stopping = CancellationToken::new();
    let site = Site {
        flavour,
        origin: format!("http://{address}"),
        context: context_path,
        cloud_id: CLOUD_ID.to_owned(),
        scoped_only,
        text_limit,
        measure,
    };
    let mut world = World::new(site, project_key, project_name, users);
    world.shown.set(index, &world.issues);
    let shared = Arc::new(Shared::new(world, stopping.clone()));
    let mut tasks = JoinSet::new();
    let serving = server::serve(CuttableListener::new(listener), Arc::clone(&shared));
    tasks.spawn(async {
        // A listener that fails leaves connections refused, which every client notices.
        let _refused_from_now_on = serving.await;
    });
    tasks.spawn(courier::work(Arc::clone(&shared)));
    let running = Running {
        address,
        tasks: Mutex::new(Some(tasks)),
        _stops_with_the_last_handle: stopping.drop_guard(),
    };
    Ok(Sandbox { shared, running: Arc::new(running) })
}

impl Sandbox {
    /// Where it answers, such as `http://127.0.0.1:40123/jira`, without a final slash.
    pub fn base_url(&self) -> String {
        self.shared.site().base()
    }

    /// Where scoped tokens of Cloud are taken, such as `http://127.0.0.1:40123/ex/jira/{cloudId}`: what
    /// `api.atlassian.com` is for a real site. The site itself tells its id at `/_edge/tenant_info`.
    pub fn gateway_url(&self) -> String {
        self.shared.site().gateway()
    }

    /// Which product it plays.
    pub fn flavour(&self) -> Flavour {
        self.shared.site().flavour
    }

    /// Every request so far, in the order of arrival; pages for people are left out.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests()
    }

    /// The requests after the first ones, whose number is given.
    pub fn requests_from(&self, first: usize) -> Vec<Recorded> {
        self.shared.requests_from(first)
    }

    /// `METHOD path` of every request under `/rest` that no endpoint serves. A test of a client should end
    /// with an empty list.
    pub fn unknown_routes(&self) -> Vec<String> {
        self.shared.unknown_routes()
    }

    /// Every issue by ascending id, whole: `id`, `key`, `self`, `fields`, `properties`, `comments`, `links`,
    /// `attachments` (without their bytes) and `history` (oldest first).
    pub fn issues(&self) -> Vec<Value> {
        self.shared.step(|world| view::everything(world))
    }

    /// The name and the bytes of every attachment that is there.
    pub fn attachments(&self) -> Vec<(String, Vec<u8>)> {
        let of = |issue: &world::Issue| {
            let all = issue.attachments.iter();
            all.map(|attachment| (attachment.name.clone(), attachment.bytes.to_vec())).collect::<Vec<_>>()
        };
        self.shared.step(|world| world.issues.values().flat_map(of).collect())
    }

    /// Sets the time that `created`, `updated` and relative JQL dates use; `None` goes back to the clock of
    /// this machine.
    pub fn set_clock(&self, now: impl Into<Option<Timestamp>>) {
        let now = now.into();
        self.shared.step(|world| world.clock = now);
    }

    /// Sets how far searches and counts are behind from now on; what there is at this moment they still see.
    /// Reads by id or key are never behind.
    pub fn set_index(&self, index: Index) {
        self.shared.step(|world| world.shown.set(index, &world.issues));
    }

    /// Lets searches see everything as it is at this moment; later changes are late again.
    pub fn refresh_index(&self) {
        self.shared.step(|world| world.shown.refresh(&world.issues));
    }

    /// From now on a search may leave out what an earlier one gave: each such issue with this chance in a
    /// hundred, drawn from the seed. 0 ends it.
    pub fn set_index_flicker(&self, seed: u64, percent: u8) {
        self.shared.step(|world| world.shown.flicker(seed, percent));
    }

    /// How many writes were kept back by [`Effect::Late`] and have not taken effect yet.
    pub fn late_writes(&self) -> usize {
        self.shared.step(|world| world.late.len())
    }

    /// Lets every late write take effect now, also those whose time has not come, and gives the status of each in
    /// the order of arrival: what was right when it was sent may be refused by now.
    pub fn release_late(&self) -> Vec<u16> {
        self.shared.step(late::release)
    }

    /// Arms a fault; it counts from the next request on. Several may be armed at once.
    pub fn inject(&self, fault: Fault) {
        self.shared.inject(fault);
    }

    /// The faults that have not struck. A test that means all its faults should end with an empty list.
    pub fn unused_faults(&self) -> Vec<Fault> {
        self.shared.unused_faults()
    }

    /// What should not be left at the end of a test: requests that no endpoint serves, faults that never struck,
    /// mischief that no webhook met, people who never came and planned requirements that refused nothing, one line each.
    pub fn leftovers(&self) -> Vec<String> {
        let unknown = self
            .unknown_routes()
            .into_iter()
            .map(|route| format!("asked for, but unknown to the sandbox: {route}"));
        let unused = self.unused_faults().into_iter().map(|fault| format!("a fault never struck: {fault}"));
        let unmet: Vec<String> = self.shared.step(|world| {
            let mischief = world
                .hooks
                .unused()
                .map(|mischief| format!("no webhook met the mischief planned: {mischief:?}"));
            let visits = world.visits.iter().map(|visit| format!("a person never came: {visit}"));
            let required = world.projects.iter().flat_map(|project| {
                let unmet = project.required.iter().filter(|found| found.is_planned && !found.was_met.get());
                unmet.map(|found| {
                    format!("no new issue of `{}` was refused for the lack of `{}`", project.key, found.field)
                })
            });
            mischief.chain(visits).chain(required).collect()
        });
        unknown.chain(unused).chain(unmet).collect()
    }

    /// From now on every request may meet a fault, with this chance in a hundred, drawn from the seed: answers
    /// lost before and after the effect, 503, 429, late writes. Nothing hangs. 0 ends it.
    pub fn set_chaos(&self, seed: u64, percent: u8) {
        self.shared.chaos(seed, percent);
    }

    /// Switches limits on or off; they count by the sandbox's clock.
    pub fn set_limits(&self, limits: Limits) {
        self.shared.step(|world| world.used.limits = limits);
    }

    /// Sets how much one issue may hold.
    pub fn set_caps(&self, caps: Caps) {
        self.shared.step(|world| world.caps = caps);
    }

    /// No longer accepts the token of an account: it is a stranger from now on.
    pub fn revoke(&self, user: &User) {
        self.shared.step(|world| world.revoked.insert(user.account_id.clone()));
    }

    /// Accepts the token of an account again.
    pub fn reinstate(&self, user: &User) {
        self.shared.step(|world| world.revoked.remove(&user.account_id));
    }

    /// Waits until a request has met a fault that hangs. Each such request is told once.
    ///
    /// # Cancel safety
    /// Safe: a dropped wait takes nothing.
    pub async fn reached(&self) {
        self.shared.reached().await;
    }

    /// Stops listening, cuts hanging requests, and returns when the server is gone. Stopping twice is harmless.
    pub async fn stop(self) {
        self.shared.begin_to_stop();
        let tasks = lock(&self.running.tasks).take();
        if let Some(mut tasks) = tasks {
            // A client that never finishes its request must not keep the caller waiting.
            let ended = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(STOP_LIMIT, ended).await.is_err() {
                tasks.shutdown().await;
            }
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sandbox").field("address", &self.running.address).finish_non_exhaustive()
    }
}

fn check(options: &Options) -> Result<(), SandboxError> {
    if !is_project_key(&options.project_key) {
        return Err(SandboxError::ProjectKey { found: options.project_key.clone() });
    }
    if !dialect::is_context_path(&options.context_path) {
        return Err(SandboxError::ContextPath { found: options.context_path.clone() });
    }
    if options.users.is_empty() {
        return Err(SandboxError::NoUsers);
    }
    for (position, user) in options.users.iter().enumerate() {
        for earlier in &options.users[..position] {
            if user.account_id == earlier.account_id {
                return Err(SandboxError::RepeatedUser { found: user.account_id.clone() });
            }
            if user.name == earlier.name {
                return Err(SandboxError::RepeatedUser { found: user.name.clone() });
            }
            if user.email.eq_ignore_ascii_case(&earlier.email) {
                return Err(SandboxError::RepeatedUser { found: user.email.clone() });
            }
        }
    }
    Ok(())
}

fn is_project_key(key: &str) -> bool {
    (2..=10).contains(&key.len())
        && key.starts_with(|first: char| first.is_ascii_uppercase())
        && key.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
