//! The real binary against a sandbox Jira over real HTTP, with real state on disk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and one that cannot run says so"
)]

mod beside;
#[path = "../shared/bucket.rs"]
mod bucket;
#[path = "../shared/certificate.rs"]
mod certificate;
#[path = "../common/contract.rs"]
mod contract;
mod crash;
#[path = "../shared/cut.rs"]
mod cut;
mod daemon;
mod decisions;
mod dialects;
mod fields;
mod internal;
#[path = "../common/judged.rs"]
mod judged;
#[path = "../shared/missing.rs"]
mod missing;
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
#[path = "../shared/postgres.rs"]
#[expect(dead_code, reason = "tests of databases use more of it")]
mod server;
#[path = "../shared/sink.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod sink;
mod sources;
#[path = "../shared/tds.rs"]
#[expect(dead_code, reason = "tests of databases use more of it")]
mod tds;
mod webhook;
mod world;
