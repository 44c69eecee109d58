//! The README is true: its commands run, its lines of output appear, its names exist.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "common/contract.rs"]
mod contract;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Command, Output},
};

use disputebot::{
    dispute::{Field, Program},
    sandbox::{Flavour, Recorded},
};
use serde_json::Value;

const README: &str = include_str!("../README.md");
const CI: &str = include_str!("../.ci/run");
const DEFAULTS: &str = include_str!("../config/default.toml");
const EXIT: &str = include_str!("../src/cli/exit.rs");

/// Code blocks with their language.
fn blocks() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, Vec<&str>)> = None;
    for line in README.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language, Vec::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "every code block ends");
    blocks
}

fn blocks_of(language: &str) -> Vec<Vec<&'static str>> {
    blocks().into_iter().filter(|(found, _)| *found == language).map(|(_, lines)| lines).collect()
}

/// Texts between backticks outside of code blocks.
fn inline_codes() -> BTreeSet<&'static str> {
    let mut in_block = false;
    let mut codes = BTreeSet::new();
    for line in README.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            codes.extend(line.split('`').skip(1).step_by(2));
        }
    }
    codes
}

/// Rows of the table under a header, as cells.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let rows: Vec<Vec<&str>> = README
        .lines()
        .skip_while(|line| *line != header)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(!rows.is_empty(), "the README has the table `{header}`");
    rows
}

fn without_comment(line: &'static str) -> &'static str {
    line.split(" #").next().unwrap_or_default().trim()
}

/// Arguments of every command line of ours: in blocks, in sentences and in the unit.
fn command_lines() -> Vec<Vec<&'static str>> {
    let in_blocks =
        blocks().into_iter().filter(|(language, _)| *language != "text").flat_map(|(_, lines)| lines);
    let lines: Vec<Vec<&str>> = in_blocks
        .chain(inline_codes())
        .filter_map(|line| {
            let line = without_comment(line);
            ["disputebot ", "ExecStart=/usr/local/bin/disputebot ", "cargo run --release -- "]
                .iter()
                .find_map(|start| line.strip_prefix(start))
        })
        .map(|arguments| arguments.split_whitespace().collect())
        .collect();
    assert!(lines.len() > 10, "the README shows commands: {lines:?}");
    lines
}

fn disputebot(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

/// The keys of a table, with their full names; tables are keys too.
fn keys(prefix: &str, value: &toml::Value, found: &mut BTreeSet<String>) {
    if let toml::Value::Table(table) = value {
        for (name, value) in table {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            keys(&key, value, found);
            found.insert(key);
        }
    }
}

fn known_keys() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    keys("", &toml::from_str(DEFAULTS).unwrap(), &mut found);
    found
}

/// The trimmed lines below each headline of a demo; a headline is not indented.
fn days<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut days: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut day = "";
    for line in lines.filter(|line| !line.is_empty()) {
        if !line.starts_with(' ') {
            day = line;
        }
        days.entry(day).or_default().insert(line.trim());
    }
    days
}

#[test]
fn two_commands_are_all_that_a_newcomer_needs() {
    let first: Vec<&str> =
        blocks_of("sh").into_iter().next().unwrap().into_iter().map(without_comment).collect();
    assert_eq!(first, ["cargo run --release -- demo", "cargo test"]);
}

#[test]
fn ci_runs_the_tests_and_the_demo_and_says_the_words_of_the_readme_about_what_is_needed() {
    let commands: Vec<&str> = CI.lines().map(|line| line.split(" 2>&1").next().unwrap_or_default()).collect();
    // The demo is the optimised program of the benches, which `cargo run --release` would build again.
    for command in ["cargo test", "\"$TARGET/release/disputebot\" demo"] {
        assert!(commands.contains(&command), "`{command}` is a line of .ci/run");
    }
    let needs: Vec<&str> = README
        .lines()
        .skip_while(|line| !line.starts_with("Needed besides Rust"))
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(!needs.is_empty());
    assert!(CI.contains(&needs.join("\n")), "expected in .ci/run: {needs:#?}");
}

#[test]
fn the_demo_does_what_the_tour_shows() {
    let folder = tempfile::tempdir().unwrap();
    let line = blocks_of("sh").into_iter().next().unwrap().into_iter().map(without_comment).next().unwrap();
    let arguments: Vec<&str> = line.strip_prefix("cargo run --release -- ").unwrap().split(' ').collect();
    let output = disputebot(folder.path(), &arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));

    // Lines of one day may come in another order where nothing but a random group id tells them apart.
    let printed = days(said.lines());
    let tour = blocks_of("text").into_iter().next().unwrap();
    for (day, shown) in days(tour.into_iter().filter(|line| !line.trim().starts_with("board"))) {
        let none = BTreeSet::new();
        let missing: Vec<&&str> = shown.difference(printed.get(day).unwrap_or(&none)).collect();
        assert!(
            missing.is_empty(),
            "the tour of the README shows lines that the demo does not print; renew it from the demo\n\
             {day}: {missing:#?}\nprinted:\n{said}"
        );
    }
    assert_eq!(
        said.lines().filter(|line| line.trim() == "0 writes").count(),
        1,
        "only the same extract again"
    );

    // What went to Jira is judged by the vendor's contract, as in every other test.
    for part in ["disputebot-demo", "disputebot-demo/quarter"] {
        let kept = std::fs::read_to_string(folder.path().join(part).join("requests.ndjson")).unwrap();
        let requests: Vec<Recorded> = kept.lines().map(recorded).collect();
        assert!(
            requests.iter().any(|request| request.method == "POST" && request.path.ends_with("/issue")),
            "{part}"
        );
        assert_eq!(contract::breaches(Flavour::Cloud, &requests), Vec::<String>::new(), "{part}");
    }

    let reports: BTreeSet<String> = std::fs::read_dir(folder.path().join("disputebot-demo/reports"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(reports.into_iter().collect::<Vec<_>>(), ["disputes-2026-W46.html", "disputes-2026-W47.html"]);
}

fn recorded(line: &str) -> Recorded {
    let mut request: Value = serde_json::from_str(line).unwrap();
    let target = request["path"].as_str().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Recorded {
        method: request["method"].as_str().unwrap().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: request["body"].take(),
        status: None,
        took_effect: false,
        who: None,
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn every_command_line_parses() {
    let folder = tempfile::tempdir().unwrap();
    for mut arguments in command_lines() {
        // Help wins over running, but only where everything before it is right.
        arguments.push("--help");
        let output = disputebot(folder.path(), &arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_wrong_command_line_would_be_found() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in
        [["plan", "--ful", "--help"], ["generate", "--world=flat", "--help"], ["plans", "-q", "--help"]]
    {
        assert_eq!(disputebot(folder.path(), &wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn every_config_key_exists() {
    let known = known_keys();
    let tables: BTreeSet<&str> = known.iter().filter_map(|key| key.split('.').next()).collect();
    let named: BTreeSet<&str> = inline_codes()
        .into_iter()
        .map(|code| code.split(" = ").next().unwrap_or_default().trim_matches(['[', ']']))
        .filter(|code| code.split_once('.').is_some_and(|(table, _)| tables.contains(table)))
        .collect();
    assert!(named.len() > 10, "{named:?}");
    for key in named {
        assert!(known.contains(key), "the README names `{key}`, which is no key");
    }
}

#[test]
fn every_environment_variable_is_one_of_a_key_or_of_the_command_line() {
    let mut known: BTreeSet<String> = known_keys()
        .into_iter()
        .map(|key| format!("DISPUTEBOT_{}", key.replace('.', "_").to_uppercase()))
        .collect();
    known.extend(["DISPUTEBOT_JIRA_TOKEN", "DISPUTEBOT_CONFIG", "DISPUTEBOT_LOG"].map(str::to_owned));
    let named: BTreeSet<&str> = README
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("DISPUTEBOT_"))
        .collect();
    assert!(!named.is_empty());
    for name in named {
        assert!(known.contains(name), "the README names `{name}`, which nothing reads");
    }
}

#[test]
fn every_exit_code_is_that_of_the_program() {
    let mut meaning = "";
    let mut expected = BTreeMap::new();
    for line in
        EXIT.lines().skip_while(|line| !line.starts_with("pub enum Exit")).take_while(|line| *line != "}")
    {
        if let Some(text) = line.trim().strip_prefix("/// ") {
            meaning = text;
        } else if let Some((_, code)) = line.trim().trim_end_matches(',').split_once(" = ") {
            expected.insert(code.to_owned(), meaning.trim_end_matches('.').to_lowercase());
        }
    }
    assert!(expected.len() > 5, "{expected:?}");
    let shown: BTreeMap<String, String> = table("| code | meaning |")
        .into_iter()
        .map(|cells| (cells[0].to_owned(), cells[1].to_lowercase()))
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_columns_are_those_of_the_contract() {
    let rows = table("| column | |");
    let codes = |cell: &'static str| cell.split('`').skip(1).step_by(2);
    let shown: BTreeSet<&str> = rows.iter().flat_map(|cells| codes(cells[0])).collect();
    assert_eq!(shown, Field::ALL.iter().map(|field| field.name()).collect());
    let required: BTreeSet<&str> = rows
        .iter()
        .filter(|cells| cells[1].starts_with("required"))
        .flat_map(|cells| codes(cells[0]))
        .collect();
    assert_eq!(required, Field::REQUIRED.iter().map(|field| field.name()).collect());
    let programs = rows.iter().find(|cells| cells[0] == "`program`").unwrap();
    assert_eq!(codes(programs[1]).collect::<Vec<_>>(), Program::ALL.map(Program::as_str));
    let private = README.lines().find(|line| line.ends_with("are never shown.")).unwrap();
    let private: BTreeSet<&str> = codes(private).collect();
    assert_eq!(
        private,
        Field::ALL.iter().filter(|field| field.is_private()).map(|field| field.name()).collect()
    );
}

#[test]
fn the_readme_is_short() {
    let lines = README.lines().count();
    assert!(lines < 250, "{lines} lines");
}
