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
#[path = "../shared/missing.rs"]
mod missing;
#[path = "../shared/postgres.rs"]
mod server;
#[path = "../shared/tds.rs"]
#[expect(dead_code, reason = "benches use more of it")]
mod tds;

#[cfg(feature = "odbc")]
mod odbc;
mod postgres;
mod sqlserver;

/// Says to the program of the next test what is missing.
const MISSING: &str = "DISPUTEBOT_TEST_MISSING";

#[test]
fn says_what_is_missing() {
    if std::env::var_os(MISSING).is_some() {
        missing::missing("not run: a canary is not here");
    }
}

#[test]
fn what_is_missing_is_seen_of_a_test_that_passes_and_fails_it_where_ci_is_set() {
    let run = |ci: Option<&str>| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "says_what_is_missing"]).env(MISSING, "1").env_remove("CI");
        let output = command.envs(ci.map(|ci| ("CI", ci))).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap(), output.stdout)
    };
    let (passes, told, _) = run(None);
    assert!(passes && told.contains("not run: a canary is not here"), "{told}");
    let (passes, _, told) = run(Some("1"));
    assert!(!passes && String::from_utf8(told).unwrap().contains("a canary is not here"));
}
