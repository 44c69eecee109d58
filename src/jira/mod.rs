//! Typed client for Jira: Cloud's REST API v3 and Data Center's v2.
//!
//! Which of them a site speaks is found out by asking it ([`Site`]); what differs is in few places, and what is
//! written is the same document in either markup ([`crate::ticket::Markup`]).
//!
//! It promises little and keeps it: every call has a time limit, bodies are bounded, redirects are never
//! followed, credentials never show in URLs, errors or logs. Reads and idempotent writes are repeated when
//! Jira is busy; creating an issue, a comment or an attachment is sent exactly once, and its [`Outcome`] says
//! whether it may have happened. Every call waits until Jira's limits have room for it, and what Jira refuses
//! nevertheless stops only what its reason names. An answer to nobody, as Jira gives it once a token has ended, is an
//! error and never an empty result.
//!
//! What the project's screens demand and take is found out before the first write ([`check`], [`Ready`]), and how an
//! issue gets from status to status is planned from what Jira shows ([`workflow`]).
//!
//! It never decides what to write: that is the plan's.

mod client;
mod comments;
mod discovery;
mod error;
pub mod expiry;
pub mod fields;
mod files;
mod governor;
mod issues;
mod moves;
mod pace;
mod papers;
mod project;
mod ready;
mod routed;
mod search;
mod site;
mod told;
mod walk;
mod watch;
pub mod webhook;
pub mod workflow;

pub use client::{Account, Client, Credentials, Limits, Settings};
pub use discovery::{Finding, Health, Needs, Verdict, check};
pub use error::{Cause, JiraError};
pub use issues::{Glance, Outcome, instant};
pub use pace::{Silence, Witness};
pub use papers::{Destination, Paper, Sighting};
pub use ready::Ready;
pub use routed::{FALLBACK, Routed};
pub use search::{Found, GROUP_PROPERTY, Marked, Seen};
pub use site::{Dialect, Gateway, Site};
pub use walk::Walk;
pub use watch::Watch;
pub use workflow::Transition;
