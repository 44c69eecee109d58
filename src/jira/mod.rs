//! Typed client for Jira Cloud's REST API v3.
//!
//! It promises little and keeps it: every call has a time limit, bodies are bounded, redirects are never
//! followed, credentials never show in URLs, errors or logs. Reads and idempotent writes are repeated when
//! Jira is busy; creating an issue or a comment is sent exactly once, and its [`Outcome`] says whether it may
//! have happened.
//!
//! It never decides what to write: that is the plan's.

mod client;
pub mod fields;
mod discovery;
mod error;
mod issues;
pub mod workflow;

pub use client::{Client, Credentials, Settings};
pub use discovery::{Finding, Health, Needs, Verdict, check};
pub use error::{Cause, JiraError};
pub use issues::{Account, BULK, GROUP_PROPERTY, Marked, Outcome, Seen, Transition};

/// Which Jira it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Jira Cloud.
    Cloud,
    /// Jira Data Center.
    DataCenter,
}
