//! The real binary against a sandbox Jira over real HTTP, with real state on disk.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/contract.rs"]
mod contract;
mod crash;
mod daemon;
mod decisions;
mod dialects;
mod fields;
mod internal;
mod moves;
mod once;
mod orders;
mod pause;
mod people;
mod preview;
mod private;
mod refusals;
mod reports;
mod routes;
#[cfg(unix)]
mod running;
mod runs;
#[cfg(unix)]
mod sandbox;
mod webhook;
mod world;
