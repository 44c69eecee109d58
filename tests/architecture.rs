//! The import law: which room may use which, and what a pure room may never touch.
//!
//! Reads the sources as text, without comments, without string literals and without unit tests. The law
//! goes with the picture of the house: arrows only to the left, the pure core knows no edge.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions only, not what they share"
)]

use std::{collections::BTreeSet, fs, path::Path};

/// A room of the crate, with the paths of this crate that it may name: a room (`dispute`), or one thing of a
/// room (`state::Known`).
struct Room {
    name: &'static str,
    kind: Kind,
    may_use: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No IO, clock, randomness, async or logging.
    Pure,
    /// Touches the world.
    Edge,
}

const ANY: &str = "*";

/// A new room needs a line here before it can use anything.
const LAW: &[Room] = &[
    Room { name: "dispute", kind: Kind::Pure, may_use: &[] },
    Room { name: "cluster", kind: Kind::Pure, may_use: &["dispute"] },
    Room { name: "group", kind: Kind::Pure, may_use: &["dispute", "cluster"] },
    // What a ticket should say is a type of the plan; nothing else of the plan is known here.
    Room { name: "ticket", kind: Kind::Pure, may_use: &["dispute", "cluster", "group"] },
    Room { name: "plan", kind: Kind::Pure, may_use: &["group", "ticket", "dispute", "cluster"] },
    // The history that a report is made from is that of the state; its store and its journal stay unknown.
    Room {
        name: "report",
        kind: Kind::Pure,
        may_use: &[
            "dispute",
            "group",
            "jql",
            "plan::HoldReason",
            "plan::Reason",
            "plan::Ruling",
            "plan::RulingKind",
            "ticket",
            "state::ByCode",
            "state::Done",
            "state::GroupRecord",
            "state::Head",
            "state::History",
            "state::MoveKind",
            "state::RuleFit",
            "state::Rows",
            "state::RunRecord",
            "state::Snapshot",
            "state::Spread",
            "state::Sum",
            "state::TicketWrite",
            "state::UNKNOWN",
            "state::Waiting",
            "state::age_band",
        ],
    },
    Room { name: "jql", kind: Kind::Pure, may_use: &[] },
    Room { name: "schedule", kind: Kind::Pure, may_use: &["dispute"] },
    Room { name: "generate", kind: Kind::Pure, may_use: &["dispute"] },
    Room { name: "evaluate", kind: Kind::Pure, may_use: &["dispute"] },
    Room { name: "source", kind: Kind::Edge, may_use: &["dispute"] },
    Room { name: "sandbox", kind: Kind::Edge, may_use: &[] },
    Room { name: "state", kind: Kind::Edge, may_use: &["group", "plan", "ticket"] },
    Room { name: "jira", kind: Kind::Edge, may_use: &["group", "jql", "plan", "ticket"] },
    Room {
        name: "apply",
        kind: Kind::Edge,
        may_use: &["dispute", "cluster", "group", "ticket", "plan", "jira", "state"],
    },
    Room {
        name: "run",
        kind: Kind::Edge,
        may_use: &["dispute", "cluster", "group", "ticket", "plan", "jira", "state", "source", "apply"],
    },
    Room {
        name: "daemon",
        kind: Kind::Edge,
        may_use: &[
            "dispute", "ticket", "plan", "jira", "state", "source", "apply", "run", "report", "deliver",
            "schedule", "web",
        ],
    },
    Room {
        name: "deliver",
        kind: Kind::Edge,
        may_use: &["report", "state", "jira", "plan::Issue", "plan::Moment", "apply::Both", "apply::Clock"],
    },
    Room {
        name: "config",
        kind: Kind::Edge,
        may_use: &[
            "dispute",
            "cluster",
            "group",
            "ticket",
            "plan",
            "jira",
            "state",
            "source",
            "apply::Policy",
            "apply::UNDER_WAY",
            "apply::host_name",
            "deliver",
            "report::ChatForm",
            "report::Links",
            "run",
            "schedule",
            "web",
        ],
    },
    Room { name: "web", kind: Kind::Edge, may_use: &[ANY] },
    Room { name: "cli", kind: Kind::Edge, may_use: &[ANY] },
    Room { name: "main", kind: Kind::Edge, may_use: &["cli"] },
];

/// Crates that one place alone may name; a place is a file or a folder beneath `src`.
const OWNERS: &[(&str, &[&str])] = &[
    ("sled", &["state/vault.rs", "state/store.rs"]),
    ("linfa", &["cluster/density.rs"]),
    ("linfa_clustering", &["cluster/density.rs"]),
    ("linfa_nn", &["cluster/density.rs"]),
    ("ndarray", &["cluster/density.rs"]),
    ("minijinja", &["ticket/template.rs", "report", "evaluate/html.rs", "sandbox", "web"]),
    ("parquet", &["source/parquet_rows.rs"]),
    ("object_store", &["source/store.rs"]),
    ("flate2", &["source", "state", "report/png.rs"]),
    ("reqwest", &["jira", "deliver/chat.rs", "cli"]),
    ("axum", &["sandbox", "web"]),
    ("hmac", &["jira/webhook.rs", "source/key.rs"]),
    ("lettre", &["deliver/mail.rs"]),
    ("prometheus_client", &["web/metrics.rs"]),
    ("chrono", &["schedule"]),
    ("sqlx", &["source/database/postgres.rs"]),
    ("tiberius", &["source/database/sqlserver.rs"]),
    ("anyhow", &["cli"]),
];

/// The error type of the one template engine may pass through where reports are kept and sent.
const PASSES_THROUGH: &[(&str, &str)] = &[("deliver/mod.rs", "minijinja::Error")];

/// What no pure room may name.
const IMPURE: &[&str] = &[
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "File",
    "tokio",
    "tracing",
    "rand",
    "Uuid",
    "uuid",
    "async",
    "println",
    "eprintln",
];

/// A breach of the law.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    what: String,
}

/// The source with comments, string literals and the unit tests at its end made blank; lines keep their
/// numbers.
fn bare(source: &str) -> String {
    let source: Vec<char> = source.chars().collect();
    let mut bare = String::with_capacity(source.len());
    let mut at = 0;
    let starts =
        |at: usize, mark: &str| mark.chars().enumerate().all(|(i, c)| source.get(at + i) == Some(&c));
    while at < source.len() {
        let end = if starts(at, "//") {
            (at..source.len()).find(|i| source[*i] == '\n').unwrap_or(source.len())
        } else if starts(at, "/*") {
            (at + 2..source.len()).find(|i| starts(*i, "*/")).map_or(source.len(), |i| i + 2)
        } else if let Some(hashes) = raw_string(&source[at..]) {
            let closing = format!("\"{}", "#".repeat(hashes));
            let begin = at + hashes + 2;
            (begin..source.len()).find(|i| starts(*i, &closing)).map_or(source.len(), |i| i + 1 + hashes)
        } else if source[at] == '"' {
            string_end(&source, at)
        } else if starts(at, "'\"'") || starts(at, "'\\\"'") {
            at + if source[at + 1] == '\\' { 4 } else { 3 }
        } else {
            bare.push(source[at]);
            at += 1;
            continue;
        };
        bare.extend(source[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    match bare.find("#[cfg(test)]\nmod tests {") {
        Some(tests) => bare[..tests].to_owned(),
        None => bare,
    }
}

/// Number of `#` of a raw string that begins here.
fn raw_string(source: &[char]) -> Option<usize> {
    let rest = source.strip_prefix(&['r'])?;
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    (rest.get(hashes) == Some(&'"')).then_some(hashes)
}

fn string_end(source: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < source.len() && source[at] != '"' {
        at += if source[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(source.len())
}

/// Positions at which a path stands as whole words: `rand` is found in `rand::Rng`, not in `operand`.
fn mentions<'a>(text: &'a str, path: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(path).map(|(at, _)| at).filter(move |at| {
        !text[..*at].ends_with(part_of_a_word) && !text[at + path.len()..].starts_with(part_of_a_word)
    })
}

/// Every path of this crate in a file, without what leads to the crate's root and with groups in braces
/// spelled out, at its byte offset.
fn own_paths(file: &str, text: &str) -> Vec<(usize, String)> {
    let depth = file.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
    let roots = ["crate".to_owned(), "disputebot".to_owned(), vec!["super"; depth].join("::")];
    let mut paths = Vec::new();
    for root in &roots {
        for at in mentions(text, root) {
            if let Some(rest) = text[at + root.len()..].strip_prefix("::") {
                let mut names = Vec::new();
                tree(rest, "", &mut names);
                paths.extend(names.into_iter().map(|name| (at, name)));
            }
        }
    }
    paths
}

/// Reads one `use` tree, adds its paths below `prefix`, and gives what follows it.
fn tree<'a>(text: &'a str, prefix: &str, paths: &mut Vec<String>) -> &'a str {
    let mut text = text.trim_start();
    let mut path = prefix.to_owned();
    loop {
        if let Some(mut inner) = text.strip_prefix('{') {
            loop {
                inner = inner.trim_start();
                if let Some(rest) = inner.strip_prefix('}') {
                    return rest;
                }
                if inner.is_empty() {
                    return inner;
                }
                let before = inner.len();
                inner = tree(inner, &path, paths).trim_start();
                inner = inner.strip_prefix(',').unwrap_or(inner);
                // A tree that this reader does not know must not stop it for ever.
                if inner.len() == before {
                    let mut characters = inner.chars();
                    characters.next();
                    inner = characters.as_str();
                }
            }
        }
        let word = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        if word > 0 {
            if !path.is_empty() {
                path.push_str("::");
            }
            path.push_str(&text[..word]);
        }
        text = &text[word..];
        match text.strip_prefix("::") {
            Some(rest) if rest.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{') => {
                text = rest;
            }
            _ => break,
        }
    }
    if !path.is_empty() {
        paths.push(path);
    }
    let alias = text.trim_start().strip_prefix("as ").map(str::trim_start);
    alias.map_or(text, |rest| rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'))
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// All breaches of one file; `file` is its path beneath `src`.
fn breaches(file: &str, source: &str) -> Vec<Breach> {
    let text = bare(source);
    let mut found = Vec::new();
    let mut breach = |at: usize, what: String| {
        found.push(Breach { file: file.to_owned(), line: line_of(&text, at), what });
    };
    let room_name = file.split('/').next().unwrap_or(file).trim_end_matches(".rs");
    if room_name == "lib" {
        return found;
    }
    let Some(room) = LAW.iter().find(|room| room.name == room_name) else {
        breach(0, format!("the room `{room_name}` has no line in LAW: say there which rooms it may use"));
        return found;
    };

    for (at, path) in own_paths(file, &text) {
        let target = path.split("::").next().unwrap_or_default();
        let allowed = target == room.name
            || room.may_use.iter().any(|may| {
                *may == ANY || *may == target || path == *may || path.starts_with(&format!("{may}::"))
            });
        if !allowed {
            breach(
                at,
                format!(
                    "`{room_name}` may not use `{path}` (it may use: {}); hand the value in as a parameter, or \
                     move the type to the room that owns it",
                    if room.may_use.is_empty() {
                        "nothing of this crate".to_owned()
                    } else {
                        room.may_use.join(", ")
                    }
                ),
            );
        }
    }
    for (name, places) in OWNERS {
        let owned = places.iter().any(|place| {
            file == *place || file == format!("{place}.rs") || file.starts_with(&format!("{place}/"))
        });
        if owned {
            continue;
        }
        for at in mentions(&text, name) {
            let rest = &text[at..];
            let passes = PASSES_THROUGH
                .iter()
                .any(|(place, path)| file == *place && mentions(rest, path).next() == Some(0));
            if rest[name.len()..].trim_start().starts_with("::") && !passes {
                breach(
                    at,
                    format!("only {} may use `{name}`; ask it for what you need", places.join(" and ")),
                );
            }
        }
    }
    if room.kind == Kind::Pure {
        for word in IMPURE {
            for at in mentions(&text, word) {
                breach(
                    at,
                    format!(
                        "`{room_name}` is pure and may not name `{word}`; let an edge do it and hand in the result"
                    ),
                );
            }
        }
        // `use std::{fs, …}` names it without writing the whole path.
        for at in mentions(&text, "std") {
            let Some(rest) = text[at + "std".len()..].strip_prefix("::") else { continue };
            let mut paths = Vec::new();
            tree(rest, "std", &mut paths);
            for path in paths {
                for word in IMPURE.iter().filter(|word| word.starts_with("std::")) {
                    let written_out = text[at..].starts_with(word);
                    if !written_out && (path == *word || path.starts_with(&format!("{word}::"))) {
                        breach(
                            at,
                            format!(
                                "`{room_name}` is pure and may not name `{word}`; let an edge do it and hand in the result"
                            ),
                        );
                    }
                }
            }
        }
    }
    found
}

fn sources(folder: &Path, prefix: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            sources(&entry.path(), &format!("{path}/"), found);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            found.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    found.sort();
    found
}

#[test]
fn every_room_keeps_the_import_law() {
    let files = all_sources();
    let found: Vec<String> = files
        .iter()
        .flat_map(|(file, source)| breaches(file, source))
        .map(|Breach { file, line, what }| format!("src/{file}:{line}: {what}"))
        .collect();
    assert!(found.is_empty(), "the import law is broken:\n{}\n", found.join("\n"));
}

#[test]
fn no_signature_is_made_where_one_is_checked_so_that_no_comparison_ends_at_the_first_difference() {
    let webhook = bare(include_str!("../src/jira/webhook.rs"));
    assert!(webhook.contains(".verify_slice("), "by the library, which compares in constant time");
    for making in ["finalize", "into_bytes", "as_bytes"] {
        assert!(!webhook.contains(making), "`{making}` gives a signature that could be compared with `==`");
    }
}

#[test]
fn queries_are_put_together_in_one_place_and_no_product_is_told_by_the_name_of_its_host() {
    let mut seen = 0;
    for (file, source) in all_sources() {
        if file == "jql.rs" || file.starts_with("sandbox/") {
            continue;
        }
        seen += 1;
        let code = source.split("#[cfg(test)]").next().unwrap();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for part in ["ORDER BY", "\"project = ", "\"labels = ", "issuekey in", "\"id in ("] {
                assert!(!line.contains(part), "src/{file}: a query by hand: {line}");
            }
            let is_host = line.contains("atlassian.net") && file.starts_with("jira/");
            assert!(!is_host || line.contains("such as"), "src/{file}: {line}");
        }
    }
    assert!(seen > 100, "{seen} files");
}

#[test]
fn the_checker_sees_every_room() {
    let rooms: BTreeSet<String> = all_sources()
        .iter()
        .map(|(file, _)| file.split('/').next().unwrap().trim_end_matches(".rs").to_owned())
        .collect();
    for room in ["apply", "cli", "cluster", "dispute", "group", "jira", "plan", "report", "state", "ticket"] {
        assert!(rooms.contains(room), "{room} is not among {rooms:?}");
    }
}

#[test]
fn every_permission_for_a_single_thing_of_another_room_is_used() {
    let files = all_sources();
    for room in LAW {
        for permission in room.may_use.iter().filter(|permission| permission.contains("::")) {
            let used = files
                .iter()
                .filter(|(file, _)| file.split('/').next().unwrap().trim_end_matches(".rs") == room.name)
                .flat_map(|(file, source)| own_paths(file, &bare(source)))
                .any(|(_, path)| path == *permission || path.starts_with(&format!("{permission}::")));
            assert!(used, "`{}` no longer uses `{permission}`: take the permission away", room.name);
        }
    }
}

/// The one breach of a small source, as `line: words`.
fn only_breach(file: &str, source: &str) -> String {
    let found = breaches(file, source);
    let [Breach { line, what, .. }] = found.as_slice() else { panic!("{file}: {source}\n{found:?}") };
    format!("{line}: {}", what.split([';', '(']).next().unwrap().trim_end())
}

#[test]
fn a_room_that_uses_what_it_may_not_is_found_in_every_way_of_writing_it() {
    let dispute_uses_plan = "`dispute` may not use `plan::Plan`";
    for (source, line) in [
        ("use crate::plan::Plan;\n", 1),
        ("//! Doc.\n\nuse crate::{\n    dispute::Text,\n    plan::Plan,\n};\n", 3),
        ("use crate::{dispute::{Text, Field}, plan::{Plan as Other}};\n", 1),
        ("fn f() {\n    let p: crate::plan::Plan;\n}\n", 2),
        ("use super::plan::Plan;\n", 1),
        ("pub use disputebot::plan::Plan;\n", 1),
    ] {
        let told = only_breach("dispute/mod.rs", source);
        assert!(told.starts_with(&format!("{line}: {dispute_uses_plan}")), "{source}: {told}");
    }
    assert_eq!(
        only_breach("ticket/mod.rs", "use crate::plan::Ticket;"),
        "1: `ticket` may not use `plan::Ticket`"
    );
    assert_eq!(
        only_breach("report/mod.rs", "use crate::state::Vault;"),
        "1: `report` may not use `state::Vault`"
    );
    assert_eq!(
        only_breach("sandbox/mod.rs", "use crate::ticket::adf;"),
        "1: `sandbox` may not use `ticket::adf`"
    );
    assert_eq!(
        only_breach("source/csv.rs", "use super::super::state::State;"),
        "1: `source` may not use `state::State`"
    );
    assert_eq!(breaches("source/csv.rs", "use super::state::State;"), []);
    assert_eq!(only_breach("source/csv.rs", "use crate::state;"), "1: `source` may not use `state`");
    assert_eq!(
        only_breach("apply.rs", "use crate::source::Batch;"),
        "1: `apply` may not use `source::Batch`"
    );
}

#[test]
fn a_crate_outside_its_owner_is_found() {
    assert_eq!(
        only_breach("state/known.rs", "let db = sled::open(path);"),
        "1: only state/vault.rs and state/store.rs may use `sled`"
    );
    assert_eq!(
        only_breach("cluster/mine.rs", "use linfa::traits::Transformer;"),
        "1: only cluster/density.rs may use `linfa`"
    );
    assert!(only_breach("run.rs", "\nuse minijinja::Environment;").starts_with("2: only ticket/template.rs"));
    assert!(only_breach("deliver/mod.rs", "fn f() -> minijinja::Environment {}").starts_with("1: only"));
    assert_eq!(breaches("deliver/mod.rs", "fn f(e: minijinja::Error) {}"), []);
}

#[test]
fn impurity_in_a_pure_room_is_found() {
    for (source, word) in [
        ("let now = Timestamp::now();", "Timestamp::now"),
        ("let now = std::time::Instant::now();", "Instant"),
        ("use std::fs;", "std::fs"),
        ("use std::{fmt, fs::read};", "std::fs"),
        ("use std::{collections::BTreeMap, env};", "std::env"),
        ("tracing::info!();", "tracing"),
        ("async fn f() {}", "async"),
        ("let id = Uuid::new_v4();", "Uuid"),
        ("let x = rand::random();", "rand"),
    ] {
        let found = breaches("plan/mod.rs", source);
        assert!(found.iter().any(|breach| breach.what.contains(&format!("`{word}`"))), "{source}: {found:?}");
    }
    assert_eq!(breaches("jira/mod.rs", "async fn f() { let now = Timestamp::now(); }"), []);
}

#[test]
fn comments_texts_and_unit_tests_are_free() {
    let source = "//! Never uses `crate::plan` nor tokio.\n/* std::fs */\nconst A: &str = \"tokio \\\" crate::plan\";\n\
                  const B: &str = r#\"std::net \" tracing\"#;\nconst C: char = '\"';\nlet operand = randomised; // rand\n\
                  #[cfg(test)]\nmod tests {\n    use std::fs;\n    use crate::plan::Plan;\n}\n";
    assert_eq!(breaches("dispute/mod.rs", source), []);
}

#[test]
fn code_after_a_text_with_a_quote_is_still_read() {
    let source = "const C: char = '\"';\nconst D: char = '\\\"';\nlet r#type = 1;\nuse crate::plan::Plan;\n";
    assert_eq!(only_breach("dispute/mod.rs", source), "4: `dispute` may not use `plan::Plan`");
}

#[test]
fn a_room_without_a_line_in_the_law_is_found() {
    assert!(only_breach("cellar/mod.rs", "").starts_with("1: the room `cellar` has no line in LAW"));
}
