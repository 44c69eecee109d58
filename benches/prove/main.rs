//! Proofs by many trials: what `cargo test` shows with a few cases, this shows with thousands.
//!
//! `cargo bench --bench prove` runs the short forms that `.ci/run` runs, `cargo bench --bench prove -- --long`
//! the long ones; names of proofs after it choose some of them. Both end with one table on stdout, and with
//! exit code 1 where a proof failed. `--write FILE` puts the lines into the table of that file, in the place of
//! those of the same trial; what stands above the table stays.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

#[path = "../../tests/common/contract.rs"]
mod contract;
mod damage;
#[path = "../../tests/simulation/harness.rs"]
mod harness;
mod kill;
mod load;
#[path = "../../tests/simulation/model.rs"]
mod model;
mod rebuild;
mod schedule;
mod simulation;
mod size;

use std::process::ExitCode;

/// Of the proofs alone. What is promised of the memory and the time of disputebot is measured on the program itself, which has
/// the allocator of the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// In minutes, for each change.
    Short,
    /// As long as it takes, for a release.
    Long,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    /// What was tried, in a few words.
    pub what: String,
    /// How often.
    pub trials: u64,
    /// The seeds, such as `1..=50000`; `all` where every case was tried.
    pub seeds: String,
    /// What was found, in figures.
    pub found: String,
    /// Whether it is what was promised.
    pub holds: bool,
}

/// A proof: its name and how it is run.
type Proof = (&'static str, fn(Effort) -> Vec<Row>);

const PROOFS: &[Proof] = &[
    ("simulation", simulation::prove),
    ("machines", simulation::machines),
    ("damage", damage::prove),
    ("schedule", schedule::prove),
    ("size", size::prove),
    ("kill", kill::prove),
    ("rebuild", rebuild::prove),
    ("load", load::prove),
];

fn main() -> ExitCode {
    // Some proofs need processes of their own.
    if let Some(code) = damage::child().or_else(rebuild::child) {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let effort = if arguments.iter().any(|word| word == "--long") { Effort::Long } else { Effort::Short };
    let write = arguments.iter().position(|word| word == "--write").and_then(|at| arguments.get(at + 1));
    let named: Vec<&String> =
        arguments.iter().filter(|word| !word.starts_with("--") && Some(*word) != write).collect();
    let mut rows = Vec::new();
    for (name, proof) in PROOFS {
        if named.is_empty() || named.iter().any(|wanted| wanted == name) {
            eprintln!("{name} …");
            rows.extend(proof(effort));
        }
    }
    let commit = commit();
    let lines: Vec<String> = rows.iter().map(|row| row.line(effort, &commit)).collect();
    print!("{HEADER}{}", lines.concat());
    if let Some(path) = write {
        let before = std::fs::read_to_string(path).unwrap_or_default();
        if let Err(error) = std::fs::write(path, merged(&before, &lines)) {
            eprintln!("could not write `{path}`: {error}");
            return ExitCode::FAILURE;
        }
    }
    if rows.iter().all(|row| row.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const HEADER: &str = "\
| tried | trials | seeds | found | holds | form | commit |
| --- | ---: | --- | --- | --- | --- | --- |
";

impl Row {
    fn line(&self, effort: Effort, commit: &str) -> String {
        let Self { what, trials, seeds, found, holds } = self;
        let holds = if *holds { "yes" } else { "**NO**" };
        let form = if effort == Effort::Long { "long" } else { "short" };
        format!("| {what} | {trials} | {seeds} | {found} | {holds} | {form} | {commit} |\n")
    }
}

/// A file with a table, with lines put in the place of those of the same trial.
fn merged(before: &str, lines: &[String]) -> String {
    let trial = |line: &str| line.split(" | ").next().map(str::to_owned);
    let (above, table) = before.split_once(HEADER).unwrap_or((before, ""));
    let kept = table.lines().filter(|old| !lines.iter().any(|new| trial(new) == trial(old)));
    let mut all: Vec<String> = kept.map(|line| format!("{line}\n")).chain(lines.iter().cloned()).collect();
    all.sort();
    format!("{above}{HEADER}{}", all.concat())
}

/// The commit that was tried, with `+` where files were changed.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|it| !it.is_empty());
    format!("{commit}{}", if changed { "+" } else { "" })
}
