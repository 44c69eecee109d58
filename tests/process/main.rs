//! The real binary against a sandbox Jira over real HTTP, with real state on disk.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod crash;
mod daemon;
mod dialects;
mod fields;
mod moves;
mod once;
mod orders;
mod people;
mod refusals;
mod runs;
mod world;
