//! A large state: how long it takes to start with it, and how much memory.
#![expect(clippy::expect_used, reason = "a world that cannot be made ends the proof")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use disputebot::state::State;

use crate::damage::{folder, group, ticket};
use crate::{Effort, Row};

const CHILD: &str = "DISPUTEBOT_PROVE_SIZE";
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
    let mut rows = vec![daemon(folder.path())];
    for what in ["started", "healed, its vault gone"] {
        if what != "started" {
            std::fs::remove_dir_all(folder.path().join("db")).expect("it is there");
        }
        let output = Command::new(std::env::current_exe().unwrap_or_default())
            .env(CHILD, folder.path())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output();
        let said = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned()).unwrap_or_default();
        let words: Vec<&str> = said.split_whitespace().collect();
        let (seconds, memory, groups, tickets) = match *words.as_slice() {
            [seconds, memory, groups, tickets] => (
                seconds.parse().unwrap_or(f64::MAX),
                memory.parse().unwrap_or(u64::MAX),
                groups.parse().unwrap_or(0),
                tickets.parse().unwrap_or(0),
            ),
            _ => (f64::MAX, u64::MAX, 0, 0),
        };
        // How long healing takes is told, not promised.
        let in_time = what != "started" || (seconds <= SECONDS_LIMIT && memory <= MEMORY_LIMIT_KIB);
        rows.push(Row {
            what: format!("state of 100,000 groups with 10 members and a ticket each is {what}"),
            trials: 1,
            seeds: "-".to_owned(),
            found: format!(
                "{seconds:.1} s, at most {} MiB{}",
                memory / 1024,
                if what == "started" { "" } else { "; what that costs is told, not promised" }
            ),
            holds: in_time && (groups, tickets) == (GROUPS, GROUPS),
        });
    }
    rows
}

/// The daemon itself over that state: until it says that it has started, and until it has ended when it is told to.
fn daemon(state: &Path) -> Row {
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
    let seconds = began.elapsed().as_secs_f64();
    let memory = peak_kib_of(child.id());
    let told = Instant::now();
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    lines.for_each(drop);
    let ended = child.wait().is_ok_and(|status| status.success()) && asked.is_ok();
    let end = told.elapsed().as_secs_f64();
    Row {
        what: "the daemon starts with that state, and ends when it is told to".to_owned(),
        trials: 1,
        seeds: "-".to_owned(),
        found: format!("{seconds:.1} s, at most {} MiB; {end:.1} s", memory / 1024),
        holds: has_started
            && ended
            && seconds <= SECONDS_LIMIT
            && memory <= MEMORY_LIMIT_KIB
            && end <= END_LIMIT,
    }
}

/// Opens a state and tells what it took, where this process is to do that.
pub(crate) fn child() -> Option<ExitCode> {
    let directory = std::env::var(CHILD).ok()?;
    let began = Instant::now();
    let state = State::open(Path::new(&directory)).expect("it opens");
    let seconds = began.elapsed().as_secs_f64();
    let known = state.known();
    println!("{seconds} {} {} {}", peak_kib(), known.groups.len(), known.tickets.len());
    Some(ExitCode::SUCCESS)
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
