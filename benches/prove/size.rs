//! A large state: how long it takes to start with it, and how much memory.
#![expect(clippy::expect_used, reason = "a world that cannot be made ends the proof")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use disputebot::state::State;

use crate::damage::{folder, group, ticket};
use crate::{Effort, Row};

const GROUPS: u64 = 100_000;
const SECONDS_LIMIT: f64 = 10.0;
const MEMORY_LIMIT_KIB: u64 = 256 << 10;
/// Longest time that a daemon may take to end, in seconds.
const END_LIMIT: f64 = 5.0;

pub(crate) fn prove(_: Effort) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap_or_else(|_| folder());
    let began = Instant::now();
    {
        let mut state = State::open(folder.path()).expect("a new state");
        for first in (0..GROUPS).step_by(1000) {
            let changes: Vec<_> =
                (first..first + 1000).flat_map(|number| [group(number, 1), ticket(number)]).collect();
            let at = "2026-11-24T12:00:00Z".parse().expect("a time");
            state.record(at, &changes).expect("it is recorded");
        }
    }
    eprintln!("built in {:.1} s", began.elapsed().as_secs_f64());
    let started =
        daemon(folder.path(), "the daemon starts with 100,000 groups with 10 members and a ticket each");
    std::fs::remove_dir_all(folder.path().join("db")).expect("it is there");
    let healed = daemon(
        folder.path(),
        "the daemon starts with them, and what it works with is made anew from the journal",
    );
    let is_all_there = {
        let state = State::open(folder.path()).expect("it opens");
        let known = state.known();
        (known.groups.len() as u64, known.tickets.len() as u64) == (GROUPS, GROUPS)
    };
    let row = |trial: Trial, is_in_bounds: bool, and: &str| Row {
        what: trial.what.to_owned(),
        trials: 1,
        seeds: "-".to_owned(),
        found: format!(
            "{:.1} s, at most {} MiB{and}; {:.1} s until it ended when told to",
            trial.start,
            trial.memory / 1024,
            trial.end
        ),
        holds: trial.is_well && is_in_bounds && trial.end <= END_LIMIT && is_all_there,
    };
    let is_in_bounds = started.start <= SECONDS_LIMIT && started.memory <= MEMORY_LIMIT_KIB;
    // How long healing takes is told, not promised.
    vec![row(started, is_in_bounds, ""), row(healed, true, ", which is told, not promised")]
}

/// What came of the daemon.
struct Trial {
    what: &'static str,
    /// Seconds until it said that it has started, and until it had ended when it was told to.
    start: f64,
    end: f64,
    /// The most memory that it had, in KiB.
    memory: u64,
    /// Whether it started and ended without a fault.
    is_well: bool,
}

/// The daemon over that state: until it says that it has started, and until it has ended when it is told to.
fn daemon(state: &Path, what: &'static str) -> Trial {
    let place = tempfile::tempdir().expect("a folder");
    let config = format!(
        "[source]\npaths = [\"disputes.csv\"]\n[jira]\nurl = \"http://127.0.0.1:1\"\nproject = \"DISP\"\n\
         [state]\ndir = \"{}\"\n[schedule]\nrun = \"0 0 29 2 *\"\nreport = \"0 0 29 2 *\"\n",
        state.display()
    );
    std::fs::write(place.path().join("disputebot.toml"), config).expect("a file");
    std::fs::write(place.path().join("disputes.csv"), "dispute_id,program,manufacturer,ndc\n")
        .expect("a file");
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .arg("daemon")
        .current_dir(place.path())
        .env_clear()
        .env("DISPUTEBOT_JIRA_TOKEN", "none")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut lines =
        BufReader::new(child.stderr.take().expect("it was asked for")).lines().map_while(Result::ok);
    let has_started = lines.any(|line| line.contains("daemon started"));
    let start = began.elapsed().as_secs_f64();
    let memory = peak_kib_of(child.id());
    let told = Instant::now();
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    lines.for_each(drop);
    let ended = child.wait().is_ok_and(|status| status.success()) && asked.is_ok();
    let end = told.elapsed().as_secs_f64();
    Trial { what, start, end, memory, is_well: has_started && ended }
}

/// The most memory this process ever had, as Linux tells it.
pub(crate) fn peak_kib() -> u64 {
    peak_kib_of(std::process::id())
}

fn peak_kib_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
