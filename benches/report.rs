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
    state::{
        ByCode, Change, Done, Due, Entry, Fit, GroupRecord, Holds, Journal, Rows, RuleFit, RunRecord,
        Snapshot, SourceRecord, Spread, Sum, Untried, Waiting,
    },
    ticket::facts::Figures,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
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
    let reports = folder.path().join("reports");
    fs::create_dir_all(&reports).unwrap();
    for week in 0..DAYS / 7 {
        for client in 0..=CLIENTS {
            let name =
                format!("disputes-{}-W{:02}-example-pharma-{client}.html", 2025 + week / 52, 1 + week % 52);
            fs::write(reports.join(name), "<p>a report</p>").unwrap();
        }
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
                    kind: match change {
                        Change::Group(_) => "group",
                        Change::Ticket(_) => "ticket",
                        _ => "run",
                    },
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
        due: days_due(one),
        spread: Some(Box::new(spread(one, size))),
    }
}

/// When disputes of a group are due after the last day: of some within the weeks that [`due`] sums up, and of each on
/// five days after these.
fn days_due(one: u64) -> Vec<Date> {
    let today = at(DAYS - 1).to_zoned_datetime(TimeZone::UTC).date();
    let days = |count: u64| i64::try_from(count).unwrap().days();
    let ahead = one % 28;
    let place = (one / CLIENTS + DAYS - 1) % 100;
    let past = (place < 2).then(|| today - days(ahead + 1));
    let near = (place < 15).then(|| today + days(ahead));
    let far = (0..5).map(|n| today + days(40 + n * 24 + ahead));
    past.into_iter().chain(near).chain(far).collect()
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
        fit: Some(Fit {
            matching: count(size + 1),
            found: count(size),
            varying: format!("{size} claims, 3 products").into(),
            nearest: Some(id((one + CLIENTS) % GROUPS)),
        }),
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

/// What is due of a client: of fifteen groups in a hundred one dispute within four weeks, of two of these a dispute that
/// was due before.
fn due(client: u64, day: u64) -> Vec<Due> {
    let today = at(day).to_zoned_datetime(TimeZone::UTC).date();
    let mut disputes: BTreeMap<Date, usize> = BTreeMap::new();
    for one in (client..GROUPS).step_by(usize::try_from(CLIENTS).unwrap()) {
        let place = (one / CLIENTS + day) % 100;
        let ahead = i64::try_from(one % 28).unwrap();
        if place < 15 {
            *disputes.entry(today + ahead.days()).or_default() += 1;
        }
        if place < 2 {
            *disputes.entry(today - (ahead + 1).days()).or_default() += 1;
        }
    }
    let due = |(day, disputes): (Date, usize)| {
        let sum = Sum { disputes, exposed: Decimal::from(431 * disputes), ..Sum::default() };
        Due { day, program: "mdrp".to_owned(), sum, alone: 3 }
    };
    disputes.into_iter().map(due).collect()
}

fn sums(names: impl IntoIterator<Item = String>) -> BTreeMap<String, Sum> {
    let sum = Sum { disputes: 2_400, exposed: Decimal::from(1_000_000), recoverable: Decimal::from(90_000) };
    names.into_iter().map(|name| (name, sum)).collect()
}

fn counts(names: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    names.into_iter().map(|name| (name, 4_100)).collect()
}

fn snapshot(client: u64, day: u64) -> Snapshot {
    let fit = RuleFit { matching: 105_000, found: 98_000, members: 100_000 };
    let monday = jiff::civil::date(2026, 11, 16) - ((DAYS - 1 - day) / 7 * 7).cast_signed().days();
    Snapshot {
        programs: ["mdrp", "340b", "part_d_mdp", "mfp"]
            .map(|name| (name.to_owned(), figures(31_000 + day)))
            .into(),
        ageing: ["0 to 30 days", "31 to 60 days", "61 to 90 days", "over 90 days", "unknown age"]
            .map(|band| (band.to_owned(), 25_000))
            .into(),
        states: sums(
            (0..52_u8).map(|n| [b'A' + n / 26, b'A' + n % 26].iter().map(|byte| char::from(*byte)).collect()),
        ),
        entities: sums((0..14).map(|n| format!("kind {n} of covered entities"))),
        opened: (0..9).map(|back: i64| (monday - (back * 7).days(), 900)).collect(),
        due: due(client, day),
        grouped: 100_000,
        ungrouped: 25_000,
        rules: fit,
        by_code: ByCode { heaps: 60, with_largest: 31_000, disputes: 100_000, best: fit },
        codes: counts((0..24).map(|n| format!("{n:02}"))),
        causes: counts((0..30).map(|n| format!("likely cause number {n}"))),
    }
}

fn run(day: u64, updated: &[u64]) -> RunRecord {
    RunRecord {
        id: format!("{day:06}"),
        at: at(day),
        fingerprint: day.to_string(),
        incomplete: Vec::new(),
        rows: Rows { read: 1_000_100, grouped: 800_000, ungrouped: 200_000, rejected: 100, ..Rows::default() },
        programs: BTreeMap::from([("mdrp".to_owned(), figures(1_000_000))]),
        ageing: BTreeMap::from([("0 to 30 days".to_owned(), 1_000_000)]),
        groups: usize::try_from(GROUPS).unwrap(),
        events: BTreeMap::from([("kept".to_owned(), 100_000)]),
        moved: (100, 100),
        done: updated.iter().map(|one| update(*one)).collect(),
        failed: updated.iter().take(3).map(|one| (id(*one), "update".to_owned(), "502 Bad Gateway".to_owned())).collect(),
        untried: Untried::default(),
        held: BTreeMap::from([("too small".to_owned(), 20_000), ("closed by a person".to_owned(), 200)]),
        waiting: (0..200)
            .map(|one| Waiting {
                group: id(one * 311),
                kind: "closed by a person".to_owned(),
                words: "a person closed it; it stays closed".to_owned(),
                overruled: true,
            })
            .collect(),
        holds: (3..8)
            .map(|few| Holds {
                kind: "too small".to_owned(),
                words: format!("{few} disputes are too few, or their money too little, for a ticket"),
                groups: (0..100).map(|one| id(one * 97 + few)).collect(),
            })
            .collect(),
        clients: (0..CLIENTS).map(|n| (format!("Example Pharma {n}"), snapshot(n, day))).collect(),
        rejects: (0..RunRecord::REJECTS)
            .map(|line| {
                format!("disputes.csv, line {line}, column `ndc`: expected 11 digits as 5-4-2, found a text of 9 letters")
            })
            .collect(),
        files: Some((9, 0)),
        sources: ["claims", "ledger"]
            .map(|name| SourceRecord { name: name.to_owned(), rows: 500_050, rejected: 50, is_complete: true })
            .into(),
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
