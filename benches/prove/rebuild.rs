//! A state that is lost, with ten thousand tickets in Jira: each is found again and none is opened again, within
//! minutes and a few hundred requests. And with the state back, a pass over them writes nothing and reads little.
//!
//! The sandbox lives in this process; the state is made in one of its own, so that its memory can be told.
#![expect(clippy::expect_used, reason = "a world that cannot be made ends the proof")]

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use disputebot::apply::{self, Memory, Policy, Store, SystemClock, Wanted};
use disputebot::cluster::{Attribute, Item};
use disputebot::dispute::{Program, Text};
use disputebot::group::{self, Found, Group, GroupId, Pattern, Status};
use disputebot::jira::{Client, Credentials, Limits, Settings};
use disputebot::plan::{self, Issue, Standing, Ticket};
use disputebot::sandbox::{self, Flavour, Options, Sandbox, User};
use disputebot::state::{GroupRecord, Known, State};
use disputebot::ticket::{
    Content, LABEL, Typed, Weight,
    document::{Block, Inline},
    facts::{Figures, Grain},
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use tokio_util::sync::CancellationToken;

use crate::size::peak_kib;
use crate::{Effort, Row, contract};

/// Tells a process where the sandbox and the state are, and whether it has to take the project over.
const CHILD: &str = "DISPUTEBOT_PROVE_REBUILD";
const GROUPS: usize = 10_000;
const SECONDS_LIMIT: f64 = 300.0;
/// Issues in one bulk read, and on one page of a search for ids.
const BULK: usize = 100;
const PAGE: usize = 5_000;
/// Numbers that are tried beyond the last issue.
const ABSENT: usize = 500;

/// A project of one of the two products.
#[derive(Debug, Clone, Copy)]
struct Project {
    flavour: Flavour,
    groups: usize,
}

impl Project {
    fn tickets(self) -> String {
        let thousands = self.groups / 1_000;
        match self.flavour {
            Flavour::Cloud => format!("{thousands},000 tickets"),
            Flavour::DataCenter => format!("{thousands},000 tickets of Data Center"),
        }
    }

    /// Requests of a take-over and of a pass after it, at most.
    fn limits(self) -> [usize; 2] {
        let Self { flavour, groups } = self;
        let pages = groups.div_ceil(PAGE);
        match flavour {
            // Jira is read twice, so far apart that no create can come in between, issue by issue and past the last one.
            Flavour::DataCenter => [
                2 * (groups + ABSENT) + 3 * groups / BULK + 30,
                groups / BULK + 3 + groups.div_ceil(BULK * 10),
            ],
            // Here a hundred issues are one call. In the pass after it: who am I, what Jira this is, the claim, and the
            // pages of a search for tickets that are not known.
            Flavour::Cloud => [3 * groups / BULK + 3 * pages + 30, groups / BULK + 3 + pages],
        }
    }
}

pub(crate) fn prove(_: Effort) -> Vec<Row> {
    // Data Center costs a call for each issue, and shows as much with fewer.
    let projects = [
        Project { flavour: Flavour::Cloud, groups: GROUPS },
        Project { flavour: Flavour::DataCenter, groups: GROUPS / 5 },
    ];
    projects.into_iter().flat_map(prove_on).collect()
}

fn prove_on(project: Project) -> Vec<Row> {
    let Project { flavour, groups } = project;
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let options = Options { flavour, ..Options::default() };
    let sandbox = runtime.block_on(sandbox::start(options)).expect("a sandbox");

    let began = Instant::now();
    let mut memory = Memory::new(Known::default());
    let opened = runtime.block_on(pass(&sandbox.base_url(), &mut memory, Begin::Ours, project));
    let issues = bound(memory.known());
    assert_eq!((opened.created, issues.len()), (groups, groups), "the world is made");
    eprintln!("opened in {:.1} s", began.elapsed().as_secs_f64());

    let mut rows = Vec::new();
    let [take_over, pass] = project.limits();
    let tickets = project.tickets();
    for (what, begin, limit) in [
        (format!("a new state takes over a project with {tickets}"), Begin::TakeOver, take_over),
        (format!("the next pass over {tickets}, nothing changed"), Begin::Ours, pass),
    ] {
        let seen = sandbox.requests().len();
        let Passed { seconds, peak_kib, found, born, created, updated, others } =
            child_of(&sandbox, folder.path(), begin, project);
        let asked = Asked::since(&sandbox, seen);
        let again = bound(&Known::read(folder.path()).expect("its journal can be read"));
        let mut holds = again == issues && (born, created, updated, others) == (0, 0, 0, 0);
        holds &= found == if begin == Begin::TakeOver { groups } else { 0 };
        holds &= asked.all <= limit && asked.writes == 0 && seconds <= SECONDS_LIMIT;
        holds &= contract::breaches(sandbox.flavour(), &sandbox.requests_from(seen)).is_empty();
        holds &= sandbox.issues().len() == groups && sandbox.unknown_routes().is_empty();
        rows.push(Row {
            what,
            trials: 1,
            seeds: "-".to_owned(),
            found: format!(
                "{} known, {found} found again, {created} created, {updated} updated; {seconds:.1} s, {} requests \
                 (limit {limit}), {} of them writes, at most {} MiB with the allocator of the proofs",
                again.len(),
                asked.all,
                asked.writes,
                peak_kib / 1024,
            ),
            holds,
        });
    }
    rows
}

/// Makes a pass with a state in a folder, where this process is to do that.
pub(crate) fn child() -> Option<ExitCode> {
    let task = std::env::var(CHILD).ok()?;
    let words: Vec<&str> = task.split('\n').collect();
    let [address, directory, begin, flavour, groups] = *words.as_slice() else { return None };
    let flavour = if flavour == "Cloud" { Flavour::Cloud } else { Flavour::DataCenter };
    let project = Project { flavour, groups: groups.parse().expect("a number") };
    let begin = if begin == "take over" { Begin::TakeOver } else { Begin::Ours };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let mut state = State::open(Path::new(directory)).expect("it opens");
    let passed = runtime.block_on(pass(address, &mut state, begin, project));
    let Passed { found, born, created, updated, others, .. } = passed;
    let seconds = began.elapsed().as_secs_f64();
    println!("{seconds} {} {found} {born} {created} {updated} {others}", peak_kib());
    Some(ExitCode::SUCCESS)
}

fn child_of(sandbox: &Sandbox, directory: &Path, begin: Begin, project: Project) -> Passed {
    let begin = if begin == Begin::TakeOver { "take over" } else { "ours" };
    let (address, directory) = (sandbox.base_url(), directory.display());
    let task = format!("{address}\n{directory}\n{begin}\n{:?}\n{}", project.flavour, project.groups);
    let output = Command::new(std::env::current_exe().expect("this program"))
        .env(CHILD, task)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = said.split_whitespace().collect();
    let count = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(usize::MAX);
    Passed {
        seconds: words.first().and_then(|word| word.parse().ok()).unwrap_or(f64::MAX),
        peak_kib: count(1),
        found: count(2),
        born: count(3),
        created: count(4),
        updated: count(5),
        others: count(6),
    }
}

/// How a state comes to the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// It is the project's, or the project is nobody's.
    Ours,
    /// It takes the project over from another one.
    TakeOver,
}

/// What a pass came to.
#[derive(Debug, Default)]
struct Passed {
    seconds: f64,
    peak_kib: usize,
    /// Tickets that were found again.
    found: usize,
    /// Groups that were not known.
    born: usize,
    created: usize,
    updated: usize,
    /// Writes of other kinds, and what failed or was held.
    others: usize,
}

/// One pass of the protocol over the same clusters as ever.
async fn pass(address: &str, store: &mut impl Store, begin: Begin, project: Project) -> Passed {
    let credentials = match project.flavour {
        Flavour::DataCenter => Credentials::Bearer(User::bot().token.into()),
        Flavour::Cloud => Credentials::Basic { user: User::bot().email, token: User::bot().token.into() },
    };
    // What is measured is the work, not the patience.
    let limits = Limits::Told;
    let settings = Settings::new(address.parse().expect("an address"), credentials, "DISP");
    let client = Client::new(Settings { limits, ..settings }).expect("a client");
    let policy = Policy { take_over: begin == Begin::TakeOver, ..policy(&format!("{begin:?}")) };
    let recovered = apply::recover(&client, store, &SystemClock, &policy, true).await.expect("Jira is read");
    let mut born = 0;
    let found: Vec<Found> = (0..project.groups).map(|number| cluster(number, 10)).collect();
    let (records, standing) = survey(store.known(), &found, &mut born);
    let wanted = Wanted::of(&records, &standing);
    let params = params();
    let stop = CancellationToken::new();
    let (plan, applied) =
        apply::reconcile(&wanted, &params, &client, store, &SystemClock, &policy, &stop, &mut |_, _, _| {})
            .await
            .expect("the state takes it");
    if !plan.is_empty() {
        apply::anchor(&client, store, &SystemClock, &policy, &std::collections::BTreeMap::new())
            .await
            .expect("it is recorded")
            .expect("it is anchored");
    }
    let of = |kind: &str| applied.done.iter().filter(|done| done.kind == kind).count();
    let (created, updated) = (of("create"), of("update"));
    Passed {
        found: recovered.bound,
        born,
        created,
        updated,
        others: applied.done.len() - created - updated + applied.failed.len() + plan.holds.len(),
        ..Passed::default()
    }
}

/// How the protocol waits: not at all, since Jira is here.
pub(crate) fn policy(instance: &str) -> Policy {
    Policy {
        settle: SignedDuration::ZERO,
        hold_after: SignedDuration::from_hours(24),
        lease: true,
        takeover_after: None,
        take_over: false,
        same_project: false,
        left_projects: std::collections::BTreeSet::new(),
        instance: instance.to_owned(),
        host: "example".to_owned(),
        at_once: 16,
    }
}

/// A plan without limits of its own.
pub(crate) fn params() -> plan::Params {
    plan::Params {
        max_new_tickets: usize::MAX,
        min_disputes: 4,
        min_amount: Decimal::ZERO,
        amount_alone: None,
        due_within_days: None,
        resolve: true,
        resolutions: plan::Resolutions::default(),
        split_link: "Relates".to_owned(),
        merge_link: "Duplicate".to_owned(),
        settle: SignedDuration::ZERO,
        commanders: vec!["*".to_owned()],
        manners: plan::Manners::default(),
        fixed_fields: std::collections::BTreeSet::new(),
    }
}

/// The clusters, taken for what they are known as; counts those that are not known.
pub(crate) fn survey(
    known: &Known,
    found: &[Found],
    born: &mut usize,
) -> (Vec<GroupRecord>, BTreeMap<GroupId, Standing>) {
    let open: HashSet<Text> = found.iter().flat_map(|found| found.members.iter().cloned()).collect();
    let groups: Vec<Group> = known.groups.values().map(|record| record.group.clone()).collect();
    let input = group::Input {
        known: &groups,
        found,
        open: &open,
        complete: true,
        new_input: true,
        stakes: &std::collections::BTreeMap::new(),
        now: Timestamp::now(),
    };
    let mut mint = || {
        *born += 1;
        // In no order that could help.
        let bits = u128::from(*born as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        GroupId::from_bits(bits)
    };
    let lineage = group::inherit(&input, &group::Params::default(), &mut mint);
    if !groups.is_empty() {
        assert!(lineage.groups.iter().all(|group| group.status == Status::Active), "nothing ended");
    }
    let mut standing = BTreeMap::new();
    let mut records = Vec::new();
    for group in lineage.groups {
        let title = format!("NDC {}", group.members[0]);
        standing.insert(
            group.id.clone(),
            Standing {
                content: Some(Ok(content(&group, &title))),
                title: title.clone(),
                weight: Weight { amount: Decimal::ONE, ..Weight::default() },
                absent: 0,
                moved: (0, 0),
                returned: false,
                unfit: Vec::new(),
                days_left: None,
                fresh_amount: Decimal::ZERO,
            },
        );
        let group_size = group.members.len();
        records.push(GroupRecord {
            group,
            title,
            cause: "an invented cause".into(),
            who: "nobody".into(),
            figures: Figures { disputes: group_size, ..Figures::default() },
            coarse: false,
            due: Vec::new(),
            spread: None,
        });
    }
    (records, standing)
}

/// A cluster with some members, at most 20.
pub(crate) fn cluster(number: usize, members: usize) -> Found {
    let item = Item { attribute: Attribute::Package, value: format!("98003{number:06}").as_str().into() };
    Found {
        program: Program::Mdrp,
        client: "Example Pharma A".into(),
        patterns: vec![Pattern::from_items(&[item])],
        members: (0..members).map(|it| format!("DSP-{:08}", number * 20 + it).as_str().into()).collect(),
    }
}

fn content(group: &Group, title: &str) -> Content {
    let text = format!("{} open disputes share one cause.", group.members.len());
    Content {
        summary: format!("{title} · {} disputes", group.members.len()),
        block: vec![Block::Paragraph(vec![Inline::plain(text)])],
        labels: vec![LABEL.to_owned(), group.id.label()],
        priority: Some("Medium".to_owned()),
        due: None,
        fields: BTreeMap::new(),
        project: None,
        issue_type: None,
        watchers: Vec::new(),
        routed: std::collections::BTreeSet::new(),
        cause: String::new(),
        course: None,
        list: None,
        grain: Grain::Fine,
        typed: Typed::default(),
    }
}

/// The issue of each group that has one.
fn bound(known: &Known) -> BTreeMap<GroupId, Issue> {
    let issue_of = |ticket: &Ticket| Some((ticket.group.clone(), ticket.issue()?.clone()));
    known.tickets.values().filter_map(issue_of).collect()
}

/// What Jira was asked.
struct Asked {
    all: usize,
    /// What changes issues; the claim on the project does not.
    writes: usize,
}

impl Asked {
    fn since(sandbox: &Sandbox, seen: usize) -> Self {
        let requests = &sandbox.requests()[seen..];
        let reads = ["/bulkfetch", "/search/jql", "/search", "/properties/disputebot"];
        let is_write =
            |method: &str, path: &str| method != "GET" && !reads.iter().any(|end| path.ends_with(end));
        Self {
            all: requests.len(),
            writes: requests.iter().filter(|it| is_write(&it.method, &it.path)).count(),
        }
    }
}
