//! What the weekly report and the dashboard cost at 100,000 groups and two years of daily runs: seconds and memory of the
//! command, milliseconds of each page.
//!
//! `cargo bench --bench report`; fails above the limits. Memory is read from `/proc`, so elsewhere than on Linux it
//! is not told.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use disputebot::{
    dispute::Program,
    group::{Group, GroupId, Status},
    plan::{Issue, Link, Reason, Ticket},
    state::{Change, Done, Entry, GroupRecord, Journal, Rows, RunRecord, Snapshot, Spread, Sum},
    ticket::facts::Figures,
};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

const GROUPS: u64 = 100_000;
const DAYS: u64 = 730;
/// Groups that change on an ordinary day.
const CHANGES: u64 = 100;
const MEMBERS: u64 = 10;
const CLIENTS: u64 = 8;
/// Members of the largest group.
const LARGEST: u64 = 20_000;
const LIMIT: (Duration, u64) = (Duration::from_secs(5), 500);
const PAGE_LIMIT: Duration = Duration::from_millis(100);
/// How often each page is asked for; the middle one counts.
const TURNS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let bytes = write(&folder.path().join("state/journal"));
    println!(
        "{GROUPS} groups of {MEMBERS}, {DAYS} days with {CHANGES} changed groups each: a journal of {} MB, written in {:.0} s\n",
        bytes / 1_000_000,
        began.elapsed().as_secs_f64()
    );
    println!("| command | seconds, best of 3 | peak MiB |\n| --- | ---: | ---: |");
    let mut worst = (Duration::ZERO, 0);
    for arguments in
        [&["report"][..], &["report", "--format", "json"], &["report", "--client", "Example Pharma 3"]]
    {
        let turns: Vec<(Duration, u64)> = (0..3).map(|_| measure(folder.path(), arguments)).collect();
        let time = turns.iter().map(|(time, _)| *time).min().unwrap();
        let memory = turns.iter().map(|(_, memory)| *memory).max().unwrap();
        println!("| `{}` | {:.1} | {memory} |", arguments.join(" "), time.as_secs_f64());
        worst = (worst.0.max(time), worst.1.max(memory));
    }
    let slowest = pages(folder.path());
    assert!(slowest <= PAGE_LIMIT, "a page takes more than {PAGE_LIMIT:?}: {slowest:?}");
    assert!(worst.0 <= LIMIT.0, "more than {:?}: {:?}", LIMIT.0, worst.0);
    assert!(worst.1 <= LIMIT.1, "more than {} MiB: {}", LIMIT.1, worst.1);
}

/// Asks the dashboard for every kind of page; gives the slowest.
fn pages(folder: &Path) -> Duration {
    fs::write(folder.join("disputebot.toml"), "[jira]\nurl = \"http://127.0.0.1:1\"\nproject = \"DISP\"\n")
        .unwrap();
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(["dashboard", "--port", "0"])
        .current_dir(folder)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().to_owned();
    println!("\nthe dashboard serves after {:.1} s\n", began.elapsed().as_secs_f64());
    println!("| page | milliseconds, middle of {TURNS} | KiB |\n| --- | ---: | ---: |");
    let (ordinary, largest) = (format!("/groups/{}", id(77)), format!("/groups/{}?page=150", id(0)));
    let paths = [
        ("overview", "/"),
        ("groups", "/groups"),
        ("groups, sorted", "/groups?sort=due"),
        ("groups, searched", "/groups?q=dsh012345+units"),
        ("groups, nothing found", "/groups?q=nothing+has+this&status=all"),
        (
            "groups, filtered",
            "/groups?client=Example+Pharma+3&program=mdrp&status=all&ticket=open&sort=client",
        ),
        ("groups, paged", "/groups?status=all&page=1900&sort=newest"),
        ("one group", ordinary.as_str()),
        ("members of the largest", largest.as_str()),
        ("runs", "/runs"),
        ("runs, paged", "/runs?page=14"),
        ("one run", "/runs/000729"),
        ("sources", "/sources"),
        ("held", "/held"),
        ("schedule", "/schedule"),
        ("reports", "/reports"),
        ("metrics", "/metrics"),
    ];
    let mut slowest = Duration::ZERO;
    for (name, path) in paths {
        let mut turns: Vec<(Duration, usize)> = (0..TURNS).map(|_| get(&address, path)).collect();
        turns.sort_unstable();
        let (time, bytes) = turns[TURNS / 2];
        println!("| {name} | {:.1} | {} |", time.as_secs_f64() * 1000.0, bytes / 1024);
        slowest = slowest.max(time);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    slowest
}

/// Time and size of an answer.
fn get(address: &str, path: &str) -> (Duration, usize) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let time = began.elapsed();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer));
    (time, answer.len())
}

fn at(day: u64) -> Timestamp {
    let last: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
    last - (24 * i64::try_from(DAYS - 1 - day).unwrap()).hours()
}

/// A journal as that many runs leave it; gives its size.
fn write(folder: &Path) -> u64 {
    fs::create_dir_all(folder).unwrap();
    let mut journal = Journal::open(folder).unwrap();
    for day in 0..DAYS {
        let changed: Vec<u64> = if day == 0 {
            (0..GROUPS).collect()
        } else {
            (0..CHANGES).map(|n| (day * 7_919 + n * 997) % GROUPS).collect()
        };
        let mut changes: Vec<Change> = changed.iter().map(|one| Change::Group(group(*one, day))).collect();
        if day == 0 {
            changes.extend(changed.iter().map(|one| Change::Ticket(ticket(*one))));
        }
        changes.push(Change::Run(Box::new(run(day, if day == 0 { &[] } else { &changed }))));
        for part in changes.chunks(5_000) {
            let entries: Vec<Entry<'_>> = part
                .iter()
                .map(|change| Entry {
                    at: at(day),
                    kind: "change",
                    body: serde_json::to_value(change).unwrap(),
                })
                .collect();
            journal.append_all(&entries).unwrap();
        }
    }
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn id(one: u64) -> GroupId {
    GroupId::from_bits(u128::from(one + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn figures(size: u64) -> Figures {
    Figures {
        disputes: usize::try_from(size).unwrap(),
        units: BTreeMap::from([("ML".to_owned(), Decimal::from(size * 30))]),
        exposed: Decimal::from(size * 431),
        due: Some(jiff::civil::date(2026, 11, 30)),
        due_then: 1,
        ..Figures::default()
    }
}

fn group(one: u64, day: u64) -> GroupRecord {
    let size = if one == 0 { LARGEST } else { MEMBERS - 3 + (one + day) % 7 };
    let status = if day > 0 && one % 5 == 1 { Status::Resolved { at: at(day) } } else { Status::Active };
    GroupRecord {
        group: Group {
            id: id(one),
            program: Program::Mdrp,
            client: format!("Example Pharma {}", one % CLIENTS).as_str().into(),
            patterns: Vec::new(),
            members: (0..size).map(|n| format!("D-2026-{one:06}-{n:02}").as_str().into()).collect(),
            since: at(0),
            split_from: None,
            status,
            pending: Vec::new(),
        },
        title: format!("covered entity DSH{one:06}, reason code X"),
        cause: ["Units exceed sales", "Duplicate claim in the file"][usize::try_from(one % 2).unwrap()]
            .into(),
        who: "state".into(),
        figures: figures(size),
        coarse: false,
        spread: Some(Box::new(spread(one, size))),
    }
}

/// Each group has disputes of two states and of ten days.
fn spread(one: u64, size: u64) -> Spread {
    let count = |part: u64| u32::try_from(part).unwrap();
    let state = |n: u64| {
        let n = u8::try_from(n % 52).unwrap();
        String::from_utf8(vec![b'A' + n / 26, b'A' + n % 26]).unwrap()
    };
    let first = jiff::civil::date(2026, 6, 1);
    Spread {
        states: vec![(state(one).into(), count(size - 1)), (state(one + 1).into(), 1)],
        entities: vec![("disproportionate share hospital".into(), count(size))],
        opened: (0..10)
            .map(|n| {
                (first + i64::try_from((one * 13 + n * 7) % 170).unwrap().days(), count(size.div_ceil(10)))
            })
            .collect(),
    }
}

fn ticket(one: u64) -> Ticket {
    let issue = Issue { id: (10_000 + one).to_string(), key: format!("DISP-{}", one + 1) };
    Ticket { link: Link::Bound { issue }, ..Ticket::none(id(one)) }
}

fn update(one: u64) -> Done {
    let issue = Issue { id: (10_000 + one).to_string(), key: format!("DISP-{}", one + 1) };
    let reason = Some(Reason::Changed { joined: 1, left: 0 });
    Done { group: id(one), issue, kind: "update".to_owned(), closed: false, reason }
}

fn run(day: u64, updated: &[u64]) -> RunRecord {
    let snapshot = Snapshot {
        programs: BTreeMap::from([("mdrp".to_owned(), figures(125_000 + day))]),
        ageing: BTreeMap::from([("0 to 30 days".to_owned(), 125_000)]),
        states: (0..52_u8)
            .map(|n| {
                let name: String =
                    [b'A' + n / 26, b'A' + n % 26].iter().map(|byte| char::from(*byte)).collect();
                (name, Sum { disputes: 2_400, exposed: Decimal::from(1_000_000), recoverable: Decimal::ZERO })
            })
            .collect(),
        opened: BTreeMap::from([(jiff::civil::date(2026, 11, 16), 900)]),
        grouped: 100_000,
        ungrouped: 25_000,
        ..Snapshot::default()
    };
    RunRecord {
        id: format!("{day:06}"),
        at: at(day),
        fingerprint: day.to_string(),
        incomplete: Vec::new(),
        rows: Rows { read: 1_000_000, grouped: 800_000, ungrouped: 200_000, ..Rows::default() },
        programs: BTreeMap::from([("mdrp".to_owned(), figures(1_000_000))]),
        ageing: BTreeMap::from([("0 to 30 days".to_owned(), 1_000_000)]),
        groups: usize::try_from(GROUPS).unwrap(),
        events: BTreeMap::from([("kept".to_owned(), 100_000)]),
        moved: (100, 100),
        done: updated.iter().map(|one| update(*one)).collect(),
        failed: Vec::new(),
        held: BTreeMap::new(),
        waiting: Vec::new(),
        holds: Vec::new(),
        clients: (0..CLIENTS).map(|n| (format!("Example Pharma {n}"), snapshot.clone())).collect(),
        rejects: Vec::new(),
        files: None,
        sources: Vec::new(),
        shared: (0, 0),
    }
}

/// Time and peak memory in MiB of the command.
fn measure(folder: &Path, arguments: &[&str]) -> (Duration, u64) {
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(arguments)
        .args(["--week", "2026-W47"])
        .current_dir(folder)
        .env_clear()
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (mut peak, status) = (0, format!("/proc/{}/status", child.id()));
    loop {
        if let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes: Option<u64> =
                line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
            peak = peak.max(kilobytes.unwrap_or(0) / 1024);
        }
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{arguments:?}: {ended}");
            return (began.elapsed(), peak);
        }
        // The system tells the peak of a living process only, so it has to be asked again and again.
        #[expect(clippy::disallowed_methods, reason = "nothing tells that the peak grew")]
        thread::sleep(Duration::from_millis(5));
    }
}
