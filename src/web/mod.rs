//! What disputebot serves to others over HTTP.
//!
//! It listens only where the configuration says so, hands what it learns to the daemon, and never touches the state
//! or Jira by itself.

mod listener;
mod webhook;

pub use webhook::{PATH, Webhooks};
