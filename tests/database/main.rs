//! Disputes in databases: real servers, and servers that break.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failed preparation fails its test, and a test that cannot run says so"
)]

#[path = "../shared/certificate.rs"]
mod certificate;
#[path = "../shared/cut.rs"]
mod cut;
#[path = "../shared/postgres.rs"]
mod server;
#[path = "../shared/tds.rs"]
#[expect(dead_code, reason = "benches use more of it")]
mod tds;

#[cfg(feature = "odbc")]
mod odbc;
mod postgres;
mod sqlserver;
