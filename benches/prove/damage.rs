//! Damage to a state on disk: whatever it is, disputebot refuses to go on, makes it good and says so, or is not
//! touched by it. It never knows less, or something else, without a word.
//!
//! Each trial damages a copy of a real state and opens it. What fails to open in time leaves a thread behind,
//! so trials run in processes of their own.
#![expect(clippy::expect_used, reason = "a world that cannot be made ends the proof")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use disputebot::dispute::Program;
use disputebot::group::{Group, GroupId, Pattern, Status};
use disputebot::plan::{Issue, Link, Moment, Pause, Ticket, Written};
use disputebot::state::{
    Change, GroupRecord, Head, Known, Ran, Rows, RunRecord, State, StateError, Untried, Waits, journal,
};
use disputebot::ticket::facts::Figures;
use jiff::{Timestamp, ToSpan as _};

use crate::{Effort, Row};

/// How long one opening may take; sled's answer to some damage is to try for ever.
const LIMIT: Duration = Duration::from_secs(10);
/// Tells a process of trials what to do.
const CHILD: &str = "DISPUTEBOT_PROVE_DAMAGE";
const GROUPS: u64 = 300;
const COMMITS: u64 = 80;

pub(crate) fn prove(effort: Effort) -> Vec<Row> {
    let trials = if effort == Effort::Short { 2_000 } else { 10_000 };
    let fills = if effort == Effort::Short { 60 } else { 400 };
    let base = folder();
    build(base.path());
    let middle = trials / 2;
    let outcomes: Vec<(u64, Outcome)> = std::thread::scope(|scope| {
        let halves = [(1, middle), (middle + 1, trials)].map(|(first, last)| {
            scope.spawn({
                let base = base.path();
                move || run_trials(base, first, last)
            })
        });
        halves.into_iter().flat_map(|half| half.join().unwrap_or_default()).collect()
    });
    let mut rows: Vec<Row> = Kind::ALL
        .iter()
        .map(|kind| row_of(*kind, trials, outcomes.iter().filter(|it| Kind::of(it.0) == *kind)))
        .collect();
    let counted: u64 = rows.iter().map(|row| row.trials).sum();
    if counted != trials {
        rows.push(Row {
            what: "trials that ended without an answer".to_owned(),
            trials: trials - counted,
            seeds: String::new(),
            found: "a process died".to_owned(),
            holds: false,
        });
    }
    rows.extend(prove_full(base.path(), fills));
    rows
}

/// Runs trials, where this process is one of those.
pub(crate) fn child() -> Option<ExitCode> {
    let task = std::env::var(CHILD).ok()?;
    let words: Vec<&str> = task.split('\n').collect();
    match *words.as_slice() {
        ["trials", base, first, last] => {
            trials(Path::new(base), first.parse().ok()?, last.parse().ok()?);
        }
        ["fill", directory] => fill(Path::new(directory)),
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

// What is tried.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Flip,
    Truncate,
    ZeroPage,
    RemoveFile,
    RemoveDirectory,
    OlderFile,
    OlderWhole,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Flip,
        Self::Truncate,
        Self::ZeroPage,
        Self::RemoveFile,
        Self::RemoveDirectory,
        Self::OlderFile,
        Self::OlderWhole,
    ];

    /// Most trials are of the kinds with most cases.
    fn of(seed: u64) -> Self {
        match seed % 20 {
            0..8 => Self::Flip,
            8..12 => Self::Truncate,
            12..15 => Self::ZeroPage,
            15 => Self::RemoveFile,
            16 => Self::RemoveDirectory,
            17 | 18 => Self::OlderFile,
            _ => Self::OlderWhole,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Flip => "state: one bit flipped in a file",
            Self::Truncate => "state: a file cut short",
            Self::ZeroPage => "state: 4 KiB of a file zeroed",
            Self::RemoveFile => "state: a file removed",
            Self::RemoveDirectory => "state: a directory of sled's removed",
            Self::OlderFile => "state: a file replaced by an older copy of itself",
            Self::OlderWhole => "state: all of it replaced by an older copy (told by the head alone)",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Opening is an error.
    Refused,
    /// Opening did not end; the process after that one healed it.
    Stuck,
    /// All is known, and a doubt is recorded.
    Healed,
    /// All is known.
    Harmless,
    /// An older state, which says so by its head.
    OldHead,
    /// What must not be.
    Silent(String),
}

fn row_of<'a>(kind: Kind, last: u64, outcomes: impl Iterator<Item = &'a (u64, Outcome)>) -> Row {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut trials, mut holds, mut wrong) = (0, true, None);
    for (seed, outcome) in outcomes {
        trials += 1;
        let name = match outcome {
            Outcome::Refused => "refused",
            Outcome::Stuck => "refused, then healed",
            Outcome::Healed => "healed",
            Outcome::Harmless => "harmless",
            Outcome::OldHead => "old head shown",
            Outcome::Silent(said) => {
                holds = false;
                wrong.get_or_insert_with(|| format!("seed {seed}: {said}"));
                "SILENT"
            }
        };
        *counts.entry(name).or_default() += 1;
    }
    let mut found: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if !counts.contains_key("SILENT") {
        found.push("silent 0".to_owned());
    }
    found.extend(wrong);
    Row {
        what: kind.name().to_owned(),
        trials,
        seeds: format!("of 1..={last}"),
        found: found.join(", "),
        holds: holds && trials > 0,
    }
}

/// Lets processes run the trials; one ends early where it has a thread that never ends.
fn run_trials(base: &Path, first: u64, last: u64) -> Vec<(u64, Outcome)> {
    let mut outcomes = Vec::new();
    let mut next = first;
    while next <= last {
        let before = outcomes.len();
        let until = last.min(next + 199);
        let task = format!("trials\n{}\n{next}\n{until}", base.display());
        for line in lines_of(&mut own_process(&task)) {
            let mut words = line.splitn(3, ' ');
            let (Some(seed), Some(name)) = (words.next().and_then(|it| it.parse().ok()), words.next()) else {
                continue;
            };
            let outcome = match name {
                "refused" => Outcome::Refused,
                "stuck" => Outcome::Stuck,
                "healed" => Outcome::Healed,
                "harmless" => Outcome::Harmless,
                "old" => Outcome::OldHead,
                _ => Outcome::Silent(words.next().unwrap_or_default().to_owned()),
            };
            // After `stuck` the next process tells what it found of the same trial.
            if outcome != Outcome::Stuck {
                outcomes.push((seed, outcome));
                next = seed + 1;
            }
        }
        if outcomes.len() == before {
            let stuck = trial_folder(base, next).exists();
            if !stuck {
                break;
            }
        }
    }
    outcomes
}

fn own_process(task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command.env(CHILD, task).stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn lines_of(command: &mut Command) -> Vec<String> {
    let Ok(mut child) = command.stdout(Stdio::piped()).spawn() else { return Vec::new() };
    let lines = child.stdout.take().map(|out| BufReader::new(out).lines().map_while(Result::ok).collect());
    drop(child.wait());
    lines.unwrap_or_default()
}

fn trial_folder(base: &Path, seed: u64) -> PathBuf {
    base.join(format!("trial-{seed}"))
}

// In the process of trials.

fn trials(base: &Path, first: u64, last: u64) {
    let truth = Known::read(&base.join("now")).expect("the state that is damaged is whole");
    assert_ne!(truth.waits, Waits::default(), "there is something that could be damaged");
    let truth = Known { waits: Waits::default(), ..truth };
    let head = journal::verify(&base.join("now/journal")).expect("it has a journal").head;
    for seed in first..=last {
        let folder = trial_folder(base, seed);
        let again = folder.exists();
        let old = if again { None } else { damage(base, &folder, seed) };
        let outcome = match old {
            Some(old) => judge_old(&folder, old),
            None => judge(&folder, &truth, head),
        };
        match outcome {
            Outcome::Stuck if again => println!("{seed} silent it is stuck again"),
            // The thread that tries for ever ends with this process.
            Outcome::Stuck => return println!("{seed} stuck"),
            Outcome::Refused => println!("{seed} refused"),
            Outcome::Healed => println!("{seed} healed"),
            Outcome::Harmless => println!("{seed} harmless"),
            Outcome::OldHead => println!("{seed} old"),
            Outcome::Silent(said) => println!("{seed} silent {said}"),
        }
        drop(fs::remove_dir_all(&folder));
    }
}

fn judge(folder: &Path, truth: &Known, head: Head) -> Outcome {
    let silent = |said: &str| Outcome::Silent(said.to_owned());
    let mut state = match State::open_within(folder, LIMIT) {
        Ok(state) => state,
        Err(StateError::OpenTimeout { .. }) => return Outcome::Stuck,
        Err(_) => return Outcome::Refused,
    };
    if (Known { doubt: None, waits: Waits::default(), ..state.known().clone() }) != *truth {
        return silent("it knows something else");
    }
    let doubted = state.known().doubt.is_some();
    if doubted != state.healed().is_some() {
        return silent("doubt and word to the operator do not go together");
    }
    if !doubted && state.head() != head {
        return silent("it has another head");
    }
    let more = group(GROUPS + 7, 1);
    if let Err(failed) = state.record(at(COMMITS + 1), std::slice::from_ref(&more)) {
        return silent(&format!("it takes no record: {failed}"));
    }
    drop(state);
    // They are read before anything else and judged by themselves: one that was noted, or none.
    let noted = Waits::read(folder);
    if noted != Waits::default() && (1..=COMMITS).all(|commit| noted != waits(commit)) {
        return silent("it waits for what nobody asked for");
    }
    match State::verify(folder) {
        Err(failed) => silent(&format!("it does not stay whole: {failed}")),
        Ok(_) if doubted => Outcome::Healed,
        Ok(_) => Outcome::Harmless,
    }
}

/// An older copy of all of it cannot be told from within; its head must be the old one, for an anchor elsewhere.
fn judge_old(folder: &Path, old: Head) -> Outcome {
    match State::open_within(folder, LIMIT) {
        Ok(state) if state.head() == old && state.healed().is_none() => Outcome::OldHead,
        Ok(_) => Outcome::Silent("an old state has another head".to_owned()),
        Err(failed) => Outcome::Silent(format!("an old state is no state: {failed}")),
    }
}

/// Makes a damaged copy; gives the head of the copy where it is an older one.
fn damage(base: &Path, folder: &Path, seed: u64) -> Option<Head> {
    let mut random = Random(seed);
    let old = base.join(format!("old-{}", random.below(OLD.len() as u64)));
    let kind = Kind::of(seed);
    if kind == Kind::OlderWhole {
        copy(&old, folder);
        return journal::verify(&old.join("journal")).ok().map(|found| found.head);
    }
    copy(&base.join("now"), folder);
    let files = files(folder);
    let file = pick(&files, &mut random);
    match kind {
        Kind::Flip => change(&file, |bytes| {
            let mut index = random.below(bytes.len() as u64) as usize;
            // sled's file has long ends of zeros that nobody reads.
            for _ in 0..8 {
                if bytes[index] == 0 {
                    index = random.below(bytes.len() as u64) as usize;
                }
            }
            bytes[index] ^= 1 << random.below(8);
        }),
        Kind::Truncate => change(&file, |bytes| bytes.truncate(random.below(bytes.len() as u64) as usize)),
        Kind::ZeroPage => change(&file, |bytes| {
            let page = random.below(bytes.len().div_ceil(4096) as u64) as usize * 4096;
            let end = bytes.len().min(page + 4096);
            bytes[page..end].fill(0);
        }),
        Kind::RemoveFile => fs::remove_file(&file).expect("it is there"),
        Kind::RemoveDirectory => {
            let directories = ["db", "db/blobs"];
            let gone = directories[random.below(2) as usize];
            fs::remove_dir_all(folder.join(gone)).expect("it is there");
        }
        Kind::OlderFile | Kind::OlderWhole => {
            let changed: Vec<PathBuf> = files
                .iter()
                .filter_map(|file| file.strip_prefix(folder).ok().map(Path::to_owned))
                .filter(|file| {
                    fs::read(old.join(file))
                        .is_ok_and(|older| fs::read(folder.join(file)).ok() != Some(older))
                })
                .collect();
            let file = &changed[random.below(changed.len() as u64) as usize];
            fs::copy(old.join(file), folder.join(file)).expect("it can be copied");
        }
    }
    None
}

/// Half of the time a file by its size, otherwise each alike.
fn pick(files: &[PathBuf], random: &mut Random) -> PathBuf {
    let size = |file: &PathBuf| fs::metadata(file).map_or(0, |it| it.len());
    let full: Vec<&PathBuf> = files.iter().filter(|file| size(file) > 0).collect();
    if random.below(2) == 0 {
        return full[random.below(full.len() as u64) as usize].clone();
    }
    let mut left = random.below(full.iter().map(|file| size(file)).sum());
    for file in &full {
        match left.checked_sub(size(file)) {
            Some(rest) => left = rest,
            None => return (*file).clone(),
        }
    }
    full[0].clone()
}

fn change(file: &Path, work: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).expect("it can be read");
    work(&mut bytes);
    fs::write(file, bytes).expect("it can be written");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("it can be listed").flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("it can be listed").flatten() {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("it can be copied");
        }
    }
}

// The world.

/// After which commits an older copy is taken.
const OLD: [u64; 3] = [15, 40, 70];

/// A folder in memory where there is one: thousands of copies need no disk.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir()
        && let Ok(folder) = tempfile::tempdir_in(memory)
    {
        return folder;
    }
    tempfile::tempdir().expect("a folder for trials")
}

fn build(base: &Path) {
    let now = base.join("now");
    let mut random = Random(0xD157);
    let mut state = State::open(&now).expect("a new state");
    for commit in 1..=COMMITS {
        let mut changes = Vec::new();
        for _ in 0..12 {
            let number = random.below(GROUPS);
            changes.push(group(number, commit));
            changes.push(ticket(number));
        }
        if commit % 4 == 0 {
            changes.push(Change::Run(Box::new(run(commit))));
            let ran = Ran { schedule: "run".to_owned(), id: format!("run {commit}"), at: at(commit) };
            changes.push(Change::Occurrence(ran));
        }
        state.record(at(commit), &changes).expect("it is recorded");
        waits(commit).write(&now).expect("it is noted");
        // As a daemon is restarted now and then, which makes sled write snapshots.
        if commit % 10 == 0 {
            drop(state);
            state = State::open(&now).expect("it opens again");
        }
        if let Some(number) = OLD.iter().position(|it| *it == commit) {
            drop(state);
            state = State::open(&now).expect("it opens again");
            copy(&now, &base.join(format!("old-{number}")));
        }
    }
    drop(state);
    drop(State::open(&now).expect("it opens again"));
}

/// What Jira asked to wait for at that time.
fn waits(commit: u64) -> Waits {
    let noted =
        Moment { up_ms: 86_400_000 * commit, boot: "a machine".to_owned(), ..Moment::by_wall(at(commit)) };
    let reason = "jira-quota-tenant-based".to_owned();
    Waits { pause: Some(Pause { until: at(commit + 1), reason, noted }), parts: Vec::new() }
}

/// Three months of days.
fn at(commit: u64) -> Timestamp {
    let began: Timestamp = "2026-09-03T06:00:00Z".parse().expect("a time");
    began + (24 * i64::try_from(commit).unwrap_or(0)).hours()
}

pub(crate) fn group(number: u64, revision: u64) -> Change {
    Change::Group(GroupRecord {
        group: Group {
            id: GroupId::from_bits(u128::from(number) << 64 | 7),
            program: Program::Mdrp,
            client: "Example Pharma A".into(),
            patterns: vec![Pattern::from_items(&[])],
            members: (0..10).map(|it| format!("DSP-{:08}", number * 10 + it).as_str().into()).collect(),
            since: at(0),
            split_from: None,
            status: Status::Active,
            pending: Vec::new(),
        },
        title: format!("NDC 98003-{number:04}, revision {revision}"),
        cause: "Duplicate discount: 340B and Medicaid".into(),
        who: "the covered entity".into(),
        figures: Figures { disputes: 10, ..Figures::default() },
        coarse: false,
        due: Vec::new(),
        spread: None,
    })
}

pub(crate) fn ticket(number: u64) -> Change {
    let mut ticket = Ticket::none(GroupId::from_bits(u128::from(number) << 64 | 7));
    ticket.link =
        Link::Bound { issue: Issue { id: (10_000 + number).to_string(), key: format!("DISP-{number}") } };
    ticket.written = Some(Written {
        summary: format!("Duplicate discount: NDC 98003-{number:04} · Example Pharma A · 10 disputes"),
        block: format!("{number:064x}"),
        priority: Some("High".to_owned()),
        due: None,
        labels: [ticket.group.label(), "disputebot".to_owned()].into_iter().collect(),
        ..Written::default()
    });
    Change::Ticket(ticket)
}

fn run(commit: u64) -> RunRecord {
    RunRecord {
        id: format!("{commit:08}"),
        at: at(commit),
        fingerprint: format!("{commit:064x}"),
        incomplete: Vec::new(),
        rows: Rows { read: 3000, grouped: 3000, ..Rows::default() },
        programs: BTreeMap::new(),
        ageing: BTreeMap::new(),
        groups: 300,
        events: BTreeMap::new(),
        moved: (3, 1),
        done: Vec::new(),
        failed: Vec::new(),
        untried: Untried::default(),
        held: BTreeMap::new(),
        waiting: Vec::new(),
        holds: Vec::new(),
        clients: BTreeMap::new(),
        rejects: Vec::new(),
        files: None,
        sources: Vec::new(),
        shared: (0, 0),
    }
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

// A full disk.

#[cfg(unix)]
const FULL: &str = "state: a file system has no space left";

/// Writes until the operating system refuses, in a process that may make no longer files.
fn fill(directory: &Path) {
    let mut state = match State::open(directory) {
        Ok(state) => state,
        Err(refused) => return println!("refused open {refused}"),
    };
    for revision in 1..20_000 {
        match state.record(at(COMMITS + 2), &[group(revision % 7, revision)]) {
            Ok(()) => println!("acknowledged {revision}"),
            Err(refused) => {
                println!(
                    "refused {} {refused}",
                    if refused.to_string().contains("journal") { "journal" } else { "vault" }
                );
                break;
            }
        }
    }
    println!("late {}", state.record(at(COMMITS + 2), &[group(99, 1)]).is_ok());
}

#[cfg(not(unix))]
fn prove_full(_: &Path, _: u64) -> Vec<Row> {
    Vec::new()
}

/// Fills a new state and a long one: up to the longest file that is allowed, and up to the end of a file system.
#[cfg(unix)]
fn prove_full(base: &Path, trials: u64) -> Vec<Row> {
    let long = base.join("long");
    copy(&base.join("now"), &long);
    lengthen(&long);
    let sizes = |of: &Path| -> Vec<u64> {
        files(of).iter().filter_map(|it| fs::metadata(it).ok()).map(|it| it.len()).collect()
    };
    let (longest, whole) =
        (sizes(&long).into_iter().max().unwrap_or(0), sizes(&long).into_iter().sum::<u64>());
    let mut limited = Filled::default();
    for seed in 1..=trials {
        let mut random = Random(seed);
        let folder = base.join(format!("full-{seed}"));
        let blocks = if seed % 2 == 0 {
            copy(&long, &folder);
            longest / 512 + random.below(800)
        } else if seed % 10 == 1 {
            // Not even the lock can be written.
            0
        } else {
            random.below(2400)
        };
        let script = "trap '' XFSZ; ulimit -f \"$1\"; exec \"$0\"";
        limited.judge(shell(&["sh", "-c"], script, &[&blocks.to_string()]), &folder, &folder, seed);
    }
    let mut rows = vec![limited.row("state: no file may grow further", trials)];
    // A name space of its own is where anybody may mount something; the state is copied out of it to be judged.
    let own = ["unshare", "--mount", "--map-root-user", "sh", "-c"];
    if Command::new(own[0]).args(&own[1..3]).arg("true").status().is_ok_and(|status| status.success()) {
        let mut full = Filled::default();
        for seed in 1..=trials {
            let mut random = Random(seed);
            let (mount, folder) = (base.join(format!("mount-{seed}")), base.join(format!("full-{seed}")));
            fs::create_dir_all(&mount).expect("a folder to mount on");
            let (from, kib) = if seed % 2 == 0 {
                (long.clone(), whole / 1024 + 64 + random.below(1_024))
            } else if seed % 10 == 1 {
                // Not even a new state has room.
                (base.join("none"), 4)
            } else {
                (base.join("none"), 4 + random.below(1_200))
            };
            let script = "mount -t tmpfs -o size=\"$1\"k tmpfs \"$2\" || exit 9; if [ -d \"$3\" ]; then cp -R \"$3\" \"$2/state\"; fi; \
                          \"$0\"; mkdir -p \"$2/state\"; cp -R \"$2/state\" \"$4\"";
            let paths = [&mount, &from, &folder].map(|path| path.display().to_string());
            let arguments = [&kib.to_string(), &paths[0], &paths[1], &paths[2]];
            full.judge(shell(&own, script, &arguments), &mount.join("state"), &folder, seed);
            drop(fs::remove_dir_all(&mount));
        }
        rows.push(full.row(FULL, trials));
    } else {
        let said = "not tried: `unshare` cannot make a place to mount one";
        eprintln!("a full file system is {said}");
        // Where nobody reads what a proof says, one that was left out would count as one that holds.
        if std::env::var_os("CI").is_some() {
            let (what, found) = (Filled::what(FULL), said.to_owned());
            rows.push(Row { what, trials: 0, seeds: "-".to_owned(), found, holds: false });
        }
    }
    rows
}

/// A shell that ends in this program, which is its `$0`.
#[cfg(unix)]
fn shell(words: &[&str], script: &str, arguments: &[&String]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(script).arg(std::env::current_exe().unwrap_or_default()).args(arguments);
    command
}

/// What became of states that were filled to the brim.
#[derive(Debug, Default)]
struct Filled {
    sites: BTreeMap<String, u64>,
    wrong: Option<String>,
}

impl Filled {
    /// Lets a process fill a state, and judges what is left of it in a folder.
    fn judge(&mut self, mut command: Command, state: &Path, left: &Path, seed: u64) {
        let task = format!("fill\n{}", state.display());
        let said = lines_of(command.env(CHILD, task).stdin(Stdio::null()).stderr(Stdio::null()));
        let last =
            said.iter().filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok()).max();
        let site = said.iter().find_map(|line| line.strip_prefix("refused ")?.split(' ').next());
        *self.sites.entry(site.unwrap_or("nowhere").to_owned()).or_default() += 1;
        let result = if said.iter().any(|line| line == "late true") {
            Err("it took a record after one had failed".to_owned())
        } else {
            recovered(left, last.unwrap_or(0))
        };
        if let Err(said) = result {
            self.wrong.get_or_insert(format!("seed {seed}: {said}"));
        }
        drop(fs::remove_dir_all(left));
    }

    fn what(what: &str) -> String {
        format!("{what}; all that was acknowledged is there afterwards")
    }

    fn row(self, what: &str, trials: u64) -> Row {
        let Self { sites, wrong } = self;
        let mut found: Vec<String> =
            sites.iter().map(|(site, count)| format!("refused at {site} {count}")).collect();
        found.push("lost 0".to_owned());
        let enough = ["journal", "vault", "open"].iter().all(|site| sites.contains_key(*site));
        Row {
            what: Self::what(what),
            trials,
            seeds: format!("1..={trials}"),
            holds: wrong.is_none() && enough,
            found: wrong.unwrap_or(found.join(", ")),
        }
    }
}

/// A journal that is longer than sled's file, so that it meets the limit first.
fn lengthen(directory: &Path) {
    let mut state = State::open(directory).expect("it opens");
    let size = |path: &str| {
        files(&directory.join(path)).iter().filter_map(|it| fs::metadata(it).ok()).map(|it| it.len()).max()
    };
    for round in 0..400 {
        if size("journal") > size("db").map(|size| size + (1 << 19)) {
            break;
        }
        let changes: Vec<Change> = (0..200).map(|it| group(it % 5, round)).collect();
        state.record(at(COMMITS + 1), &changes).expect("it is recorded");
    }
}

fn recovered(folder: &Path, last: u64) -> Result<(), String> {
    let mut state =
        State::open_within(folder, LIMIT).map_err(|failed| format!("it does not open: {failed}"))?;
    for revision in (1..=last).rev().take(7) {
        let Change::Group(wanted) = group(revision % 7, revision) else { continue };
        let found = state.known().groups.get(&wanted.group.id).map(|it| it.title.as_str());
        // A later revision that was not acknowledged may be there.
        let next = format!("revision {}", revision + 7);
        if found != Some(wanted.title.as_str()) && !found.is_some_and(|title| title.ends_with(&next)) {
            return Err(format!("revision {revision} is lost: {found:?}"));
        }
    }
    if let Some(told) = state.healed() {
        return Err(format!("it had to be healed: {told}"));
    }
    state.record(at(COMMITS + 3), &[group(1, 1)]).map_err(|failed| failed.to_string())?;
    drop(state);
    State::verify(folder).map(drop).map_err(|failed| failed.to_string())
}
