//! The real program, killed by `kill -9` at any moment of a run: afterwards a run ends with one ticket for each
//! group, and a second one has nothing to write.
//!
//! Each trial has a sandbox and a folder of its own, with a real state. Jira is taken to be done with a request
//! at once (`jira.create_settle = "0s"`), so a write that is late takes effect before the next run starts.
#![expect(clippy::expect_used, reason = "a world that cannot be made ends the proof")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use disputebot::generate::{self, HEADER, Plan, Record};
use disputebot::sandbox::{self, Due, Effect, Fault, Index, Matches, Options, Reply, Sandbox, User};
use disputebot::state::Known;
use regex::Regex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::model::Random;
use crate::{Effort, Row, contract};

/// Longest wait for a request that is to hang.
const LIMIT: Duration = Duration::from_mins(1);
/// How often a run is made that nobody kills, to learn what it asks and how long it takes.
const CALM: usize = 3;
/// Runs in which the request may come at which one is killed.
const TRIES: usize = 3;

pub(crate) fn prove(effort: Effort) -> Vec<Row> {
    let all = match effort {
        Effort::Short => 200,
        Effort::Long => 1_000,
    };
    let drops = Drops::new();
    let usual = Begin::BOTH.map(|begin| Usual::of(&drops, begin));
    let mut rows = Vec::new();
    let mut tried = 0;
    for (begin, usual) in Begin::BOTH.into_iter().zip(&usual) {
        let effects = [Effect::HangBeforeCommit, Effect::HangAfterCommit];
        let trials = (usual.methods.len() * effects.len()) as u64;
        let sum = each(trials, |number| {
            let (at, effect) = ((number / 2) as usize, &effects[(number % 2) as usize]);
            let name = format!("{}, request {}, {effect:?}", begin.name(), at + 1);
            (
                name,
                Trial { begin, has_rules: false, kills: Kills::At(usual.fault(at, effect)), rough: None }
                    .live(&drops, usual),
            )
        });
        rows.push(Row {
            what: format!(
                "the program killed at each request of {}, before and after it took effect",
                begin.name()
            ),
            trials,
            seeds: "all".to_owned(),
            found: sum.found(),
            holds: sum.is_clean(),
        });
        tried += trials;
    }
    let trials = all.max(tried + 50) - tried;
    let sum = each(trials, |number| {
        let seed = number + 1;
        let trial = Trial::random(seed);
        let usual = &usual[usize::from(trial.begin == Begin::Later)];
        (format!("seed {seed}"), trial.live(&drops, usual))
    });
    rows.push(Row {
        what: "the program killed 1 to 4 times in a row at any time of a run; in half of them tickets in two projects, in \
               some an index that stands still or flickers, lost answers, late creates"
            .to_owned(),
        trials,
        seeds: format!("1 to {trials}"),
        found: sum.found(),
        holds: sum.is_clean(),
    });
    rows
}

/// Lives through all trials, as many at once as there are cores.
fn each(trials: u64, trial: impl Fn(u64) -> (String, Report) + Sync) -> Sum {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|worker| {
                let trial = &trial;
                scope.spawn(move || {
                    let mut sum = Sum::default();
                    for number in (worker..trials).step_by(cores as usize) {
                        let (name, report) = trial(number);
                        sum.add(&name, report);
                    }
                    sum
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a trial comes to its end"))
            .fold(Sum::default(), |sum, more| sum.join(&more))
    })
}

// What is tried.

/// Which run is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// The first one: it opens every ticket.
    First,
    /// One over what has changed: a group is new, one has grown, one is settled.
    Later,
}

impl Begin {
    const BOTH: [Self; 2] = [Self::First, Self::Later];

    fn name(self) -> &'static str {
        match self {
            Self::First => "a first run",
            Self::Later => "a run over changed disputes",
        }
    }
}

/// The file of disputes before and after they change.
struct Drops {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Drops {
    fn new() -> Self {
        let plan = Plan { clients: 2, ..Plan::new(generate::World::Conjunctive, 300, 8, 5) };
        let sample = generate::generate(&plan);
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        for cause in sample.truth.iter().flatten() {
            *sizes.entry(cause).or_default() += 1;
        }
        let mut causes: Vec<(usize, &str)> = sizes.into_iter().map(|(cause, size)| (size, cause)).collect();
        causes.sort_unstable();
        let [new, settled, grown] = [1, 2, 3].map(|last| causes[causes.len() - last].1);
        let mut before = Vec::new();
        let mut after = Vec::new();
        for (position, (record, cause)) in sample.rows.iter().zip(&sample.truth).enumerate() {
            let cause = cause.as_deref();
            if cause != Some(new) && !(cause == Some(grown) && position % 3 == 0) {
                before.push(record.clone());
            }
            let mut record = record.clone();
            if cause == Some(settled) {
                "resolved".clone_into(&mut record.status);
                "2026-11-15".clone_into(&mut record.resolved_at);
            }
            after.push(record);
        }
        Self { before: csv(&before), after: csv(&after) }
    }
}

fn csv(records: &[Record]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).expect("a header");
    for record in records {
        writer.write_record(record.fields()).expect("a row");
    }
    writer.into_inner().expect("it is in memory")
}

/// What a run is that nobody kills.
struct Usual {
    /// Methods of its requests, in order, where it makes the fewest.
    methods: Vec<String>,
    /// The longest that it took.
    took: Duration,
    /// Tickets there are at its end.
    tickets: usize,
}

impl Usual {
    fn of(drops: &Drops, begin: Begin) -> Self {
        let runs: Vec<Self> = (0..CALM)
            .map(|_| {
                let runtime = runtime();
                runtime.block_on(async {
                    let world = World::new(drops, begin, false).await;
                    let (seen, began) = (world.sandbox.requests().len(), Instant::now());
                    let output = world.run(&["run"]).await;
                    let took = began.elapsed();
                    assert_eq!(output.status.code(), Some(0), "a calm run: {}", said(&output));
                    let requests = &world.sandbox.requests()[seen..];
                    let has = |method: &str, end: &str| {
                        requests.iter().any(|it| it.method == method && it.path.ends_with(end))
                    };
                    assert!(has("POST", "/issue"), "a run that opens no ticket shows little");
                    if begin == Begin::Later {
                        assert!(has("POST", "/comment") && has("POST", "/transitions"), "it closes a ticket");
                        assert!(
                            requests.iter().any(|it| it.method == "PUT" && it.path.contains("/issue/")),
                            "it updates a ticket"
                        );
                    }
                    let methods = requests.iter().map(|it| it.method.clone()).collect();
                    Self { methods, took, tickets: world.sandbox.issues().len() }
                })
            })
            .collect();
        let took = runs.iter().map(|run| run.took).max().expect("there was one");
        let fewest = runs.into_iter().min_by_key(|run| run.methods.len()).expect("there was one");
        Self { took, ..fewest }
    }

    /// The fault that strikes the request at a place.
    fn fault(&self, at: usize, effect: &Effect) -> Fault {
        let method = &self.methods[at];
        let nth = self.methods[..=at].iter().filter(|it| *it == method).count();
        let path = Regex::new("").expect("it finds everything");
        Fault { nth, matches: Matches::Like { method: method.clone(), path }, effect: effect.clone() }
    }
}

struct Trial {
    begin: Begin,
    /// Whether a rule opens some tickets in another project.
    has_rules: bool,
    kills: Kills,
    /// Where Jira misbehaves, too: what that is drawn from.
    rough: Option<Random>,
}

enum Kills {
    /// When a request hangs.
    At(Fault),
    /// After these shares of the usual time of a run, in thousandths.
    After(Vec<u64>),
}

impl Trial {
    fn random(seed: u64) -> Self {
        let mut random = Random(seed ^ 0x4b11);
        let begin = if random.chance(333) { Begin::Later } else { Begin::First };
        let kills = Kills::After((0..=random.below(4)).map(|_| random.below(1_000)).collect());
        Self { begin, has_rules: seed.is_multiple_of(2), kills, rough: Some(random) }
    }

    fn live(&self, drops: &Drops, usual: &Usual) -> Report {
        let mut report = self.once(drops, usual);
        // Writes that meet in one request spare another, so a run may ask less than a usual one.
        for _ in 1..TRIES {
            if report.reached {
                break;
            }
            report = self.once(drops, usual);
        }
        let reached = report.reached;
        report.check(reached, || "the request was never made".to_owned());
        report
    }

    fn once(&self, drops: &Drops, usual: &Usual) -> Report {
        runtime().block_on(self.run(drops, usual))
    }

    async fn run(&self, drops: &Drops, usual: &Usual) -> Report {
        let mut report = Report { reached: true, ..Report::default() };
        let world = World::new(drops, self.begin, self.has_rules).await;
        let before = world.sandbox.issues().len();
        if let Some(mut random) = self.rough.clone() {
            world.spoil(&mut random, usual.tickets - before);
        }
        match &self.kills {
            Kills::At(fault) => {
                world.sandbox.inject(fault.clone());
                let mut child = world.spawn();
                report.reached = tokio::time::timeout(LIMIT, world.sandbox.reached()).await.is_ok();
                world.kill(&mut child, &mut report).await;
            }
            Kills::After(shares) => {
                for &share in shares {
                    let mut child = world.spawn();
                    let wait = usual.took.as_secs_f64() * share as f64 / 1_000.0;
                    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
                    world.kill(&mut child, &mut report).await;
                }
            }
        }
        // Each fault that has not struck yet may spoil a run.
        let mut faults = world.faults();
        let mut output = world.run(&["run"]).await;
        while output.status.code() == Some(6) && faults > 0 {
            faults -= 1;
            world.sandbox.release_late();
            output = world.run(&["run"]).await;
        }
        report.check(output.status.success(), || format!("a run that nobody kills: {}", said(&output)));
        world.judge(usual.tickets, &mut report);
        let writes = world.writes();
        let again = world.run(&["run"]).await;
        report.check(again.status.success(), || format!("a second run: {}", said(&again)));
        let more = world.writes() - writes;
        report.check(more == 0, || format!("a second run wrote {more} times"));
        let verified = world.run(&["state", "verify"]).await;
        report.check(verified.status.success(), || format!("the state is not whole: {}", said(&verified)));
        report
    }
}

// What is true afterwards.

/// What became of a trial.
#[derive(Debug, Default)]
struct Report {
    /// Tickets too many.
    doubled: usize,
    /// Groups without one.
    lost: usize,
    /// Other promises that were broken.
    broken: Vec<String>,
    kills: u64,
    /// Kills of a process that had not ended.
    hit: u64,
    /// Those of one that had sent a write.
    wrote: u64,
    /// Whether the request came at which it was to be killed.
    reached: bool,
}

impl Report {
    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }

    fn is_clean(&self) -> bool {
        self.doubled + self.lost == 0 && self.broken.is_empty()
    }
}

/// What many trials came to.
#[derive(Default)]
struct Sum {
    doubled: u64,
    lost: u64,
    broken: u64,
    kills: u64,
    hit: u64,
    wrote: u64,
}

impl Sum {
    fn add(&mut self, name: &str, report: Report) {
        if !report.is_clean() {
            eprintln!("{name}: {report:?}");
        }
        let Report { doubled, lost, broken, kills, hit, wrote, reached: _ } = report;
        self.doubled += u64::from(doubled > 0);
        self.lost += u64::from(lost > 0);
        self.broken += u64::from(!broken.is_empty());
        self.kills += kills;
        self.hit += hit;
        self.wrote += wrote;
    }

    fn join(mut self, other: &Self) -> Self {
        let Self { doubled, lost, broken, kills, hit, wrote } = other;
        self.doubled += doubled;
        self.lost += lost;
        self.broken += broken;
        self.kills += kills;
        self.hit += hit;
        self.wrote += wrote;
        self
    }

    fn is_clean(&self) -> bool {
        // Kills that come too late prove nothing.
        self.doubled + self.lost + self.broken == 0 && self.wrote > 0
    }

    fn found(&self) -> String {
        let Self { doubled, lost, broken, kills, hit, wrote } = self;
        format!(
            "{doubled} doubled, {lost} lost, {broken} other promises broken; {hit} of {kills} kills hit, {wrote} \
             with a write sent"
        )
    }
}

// Where it is tried.

/// A sandbox, and a folder with config, disputes and state.
struct World {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
}

/// The sandbox lives on the thread of its trial, so it serves requests in the order in which they came.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn said(output: &Output) -> String {
    format!("{}, {}", output.status, String::from_utf8_lossy(&output.stderr).trim())
}

impl World {
    /// A world right before the run that is to be killed.
    async fn new(drops: &Drops, begin: Begin, has_rules: bool) -> Self {
        let sandbox = sandbox::start(Options::default()).await.expect("a sandbox");
        sandbox.add_project("TX", "Texas").expect("another project");
        let world = Self { folder: tempfile::tempdir().expect("a folder"), sandbox };
        let config = format!(
            "[source]\npaths = [\"disputes.csv\"]\n[jira]\nurl = \"{}\"\nproject = \"DISP\"\nuser = \"{}\"\n\
             create_settle = \"0s\"\n{}",
            world.sandbox.base_url(),
            User::bot().email,
            if has_rules { "[routes.b]\nclients = [\"Example Pharma B\"]\nproject = \"TX\"\n" } else { "" },
        );
        world.write("disputebot.toml", config.as_bytes());
        match begin {
            Begin::First => world.write("disputes.csv", &drops.after),
            Begin::Later => {
                world.write("disputes.csv", &drops.before);
                let output = world.run(&["run"]).await;
                assert_eq!(output.status.code(), Some(0), "the run before: {}", said(&output));
                world.write("disputes.csv", &drops.after);
            }
        }
        world
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("a file");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disputebot"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("DISPUTEBOT_JIRA_TOKEN", User::bot().token)
            .stdin(Stdio::null());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let ended = tokio::task::spawn_blocking(move || command.output());
        ended.await.expect("a thread").expect("a process")
    }

    fn spawn(&self) -> Child {
        let child = self.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Child { process: child.expect("a process"), writes: self.writes() }
    }

    /// Kills a run; what it sent has taken effect when this returns.
    async fn kill(&self, child: &mut Child, report: &mut Report) {
        let hit = matches!(child.process.try_wait(), Ok(None));
        child.process.kill().expect("it is ours");
        child.process.wait().expect("it is ours");
        self.knock().await;
        self.sandbox.release_late();
        report.kills += 1;
        report.hit += u64::from(hit);
        report.wrote += u64::from(hit && self.writes() > child.writes);
    }

    /// Asks for a page and waits for it: whatever came before has been served then.
    async fn knock(&self) {
        let address = self.sandbox.base_url();
        let address = address.trim_start_matches("http://");
        let mut line = TcpStream::connect(address).await.expect("it listens");
        let request = format!("GET /board HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        line.write_all(request.as_bytes()).await.expect("it reads");
        line.read_to_end(&mut Vec::new()).await.expect("it answers");
    }

    /// Lets Jira misbehave in some way: while so many tickets are opened.
    fn spoil(&self, random: &mut Random, creates: usize) {
        match random.below(4) {
            0 => self.sandbox.set_index(Index::Frozen),
            1 => self.sandbox.set_index_flicker(random.next(), 50),
            _ => {}
        }
        let late = || Effect::Late { reply: Reply::Close, due: Due::Released };
        let effects = match random.below(6) {
            0 => vec![Effect::CloseAfterCommit],
            1 => vec![late()],
            2 => vec![Effect::CloseAfterCommit, late(), Effect::CloseBeforeCommit],
            _ => Vec::new(),
        };
        for effect in effects {
            let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
            let nth = 1 + random.below(creates as u64) as usize;
            self.sandbox.inject(Fault { nth, matches, effect });
        }
    }

    /// Faults that were armed and have not struck.
    fn faults(&self) -> usize {
        self.sandbox.unused_faults().len()
    }

    /// Requests that may have changed something.
    fn writes(&self) -> usize {
        let reads = ["/bulkfetch", "/search/jql"];
        self.sandbox
            .requests()
            .iter()
            .filter(|it| it.method != "GET" && !reads.iter().any(|end| it.path.ends_with(end)))
            .count()
    }

    /// One ticket for each group, by the mark on it, and one group for each ticket.
    fn judge(&self, tickets: usize, report: &mut Report) {
        let known = Known::read(&self.path("state")).expect("the journal can be read");
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for issue in self.sandbox.issues() {
            if text(&issue["fields"]["creator"]["accountId"]) != User::bot().account_id {
                continue;
            }
            let group = text(&issue["properties"]["disputebot"]["group"]);
            found.entry(group).or_default().push(text(&issue["id"]));
            let comments = issue["comments"].as_array().cloned().unwrap_or_default();
            let mut bodies: Vec<String> =
                comments.iter().map(|comment| comment["body"].to_string()).collect();
            bodies.sort();
            bodies.dedup();
            report.check(bodies.len() == comments.len(), || format!("a comment is there twice: {bodies:?}"));
        }
        for (group, issues) in &found {
            let is_known = known.groups.keys().any(|known| known.as_str() == group);
            report.doubled += issues.len() - usize::from(is_known);
        }
        for group in known.groups.keys() {
            let bound = known.ticket(group).issue().map(|issue| issue.id.clone());
            match found.get(group.as_str()) {
                None => report.lost += 1,
                Some(issues) => report.check(bound.as_ref().is_some_and(|id| issues.contains(id)), || {
                    format!("group {group} is bound to {bound:?}, its mark is on {issues:?}")
                }),
            }
        }
        let there: usize = found.values().map(Vec::len).sum();
        report.check(there == tickets, || format!("{there} tickets where a calm run opens {tickets}"));
        let unknown = self.sandbox.unknown_routes();
        report.check(unknown.is_empty(), || format!("Jira does not know {unknown:?}"));
        let breaches = contract::breaches(self.sandbox.flavour(), &self.sandbox.requests());
        report.check(breaches.is_empty(), || {
            format!("requests that break the vendor's contract: {breaches:?}")
        });
        report.check(self.sandbox.late_writes() == 0, || "a late write is still to come".to_owned());
    }
}

/// A run that is to be killed.
struct Child {
    process: std::process::Child,
    /// Writes before it.
    writes: usize,
}
