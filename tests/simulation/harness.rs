//! One simulated life of a daemon: the real protocol over the model, with crashes, and what must be true
//! after it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use disputebot::{
    apply::{self, Clock, Failure, Policy, RecoverError, Store, Tracker, Wanted},
    dispute::{Program, Text},
    group::{self, Found, Group, GroupId, Status},
    plan::{self, Category, Closed, Link, Mark, Moment, Standing},
    state::{Change, GroupRecord, Known},
    ticket::{
        Content, LABEL, Typed, Weight, adf,
        document::{Block, Inline},
        facts::{Figures, Grain},
        list::{List, PREFIX},
    },
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::model::{
    BOT, Chances, Client, Disk, FIELD, Fault, ModelClock, ModelJira, ModelStore, OTHER, Random, TAKE, World,
    indexed_at,
};

/// How a daemon makes sure of its tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// disputebot's.
    Ours,
    /// Search, and create what is not found (Alertmanager, jiralert, Icinga, `ElastAlert`).
    Stateless,
    /// The same, and remember what was created (an outbox, a key-value store).
    Remembered,
    /// Write an intent first, then search and create at once.
    IntentFirst,
    /// Write an intent first; after a crash wait, then believe the search.
    IntentAndWait,
}

/// One simulated life.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trouble of its own, on or off")]
pub(crate) struct Plot {
    /// Seed of everything random.
    pub(crate) seed: u64,
    /// The algorithm.
    pub(crate) algorithm: Algorithm,
    /// Root causes there are.
    pub(crate) causes: usize,
    /// Faults at certain steps.
    pub(crate) faults: Vec<(u64, Fault)>,
    /// Random faults.
    pub(crate) chances: Chances,
    /// Whether the process is also killed at any time, while it waits as well.
    pub(crate) kills: bool,
    /// Whether people do things to tickets.
    pub(crate) people: bool,
    /// Whether they also give orders in comments.
    pub(crate) orders: bool,
    /// Whether the state is set back to an older copy at times.
    pub(crate) old_copies: bool,
    /// Whether the state is lost at times, and made anew from Jira.
    pub(crate) loses_state: bool,
    /// Whether the clock of the machine is set at times.
    pub(crate) clocks: bool,
    /// Whether many tickets can be looked at by a search only, as on Data Center.
    pub(crate) by_search: bool,
    /// Whether the disk says that it holds what it would lose.
    pub(crate) lying_disk: bool,
    /// Whether the newest issues of the project cannot be read by the bot.
    pub(crate) unreadable: bool,
    /// Whether the project is claimed.
    pub(crate) lease: bool,
    /// Whether rules of routing send every other cause to another project, each time by other rules; and whether they stop
    /// doing so before the end.
    pub(crate) projects: Projects,
    /// How many calls may be under way at the same time.
    pub(crate) at_once: usize,
    /// Whether a second daemon stands by on another machine.
    pub(crate) second: bool,
    /// Whether the first one dies for good then, at some time.
    pub(crate) dies: bool,
    /// Whether the disputes are all settled at some time, and whether their tickets can be closed then.
    pub(crate) end: End,
    /// What the protocol takes for the longest execution of a request.
    pub(crate) settle: SignedDuration,
    /// How long there are faults.
    pub(crate) trouble: Duration,
}

/// In which projects tickets are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Projects {
    /// In one.
    One,
    /// In two.
    Two,
    /// In two, until no rule names the second any more.
    TwoThenOne,
}

/// When rules stop to name the second project, in seconds.
const RULES_END: u64 = 4_000;

/// How the causes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// They do not.
    Never,
    /// Their disputes are settled, and done is two steps away.
    Closed,
    /// Their disputes are settled, and nothing leads to done.
    Stuck,
}

/// When the disputes are settled, in seconds.
const SETTLED_AFTER: u64 = 2_400;

/// What became of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Causes with more than one ticket.
    pub(crate) doubled: usize,
    /// Causes without any.
    pub(crate) lost: usize,
    /// Other promises that were broken.
    pub(crate) violations: Vec<String>,
    /// Steps at which something could have failed.
    pub(crate) steps: u64,
    /// Digest of everything that happened.
    pub(crate) trace: u64,
    /// Lives of the process.
    pub(crate) lives: u64,
    /// Creates that were settled by how fresh the index is.
    pub(crate) fences: u64,
    /// Words of people that an edit took away and a comment gave back.
    pub(crate) given_back: usize,
    /// Tickets that were opened in the other project.
    pub(crate) elsewhere: usize,
    /// Waits that were asked for a part of Jira alone.
    pub(crate) shut: u64,
    /// Creates that were not sent because their disk was slow.
    pub(crate) held_up: usize,
}

impl Report {
    /// Whether every promise was kept.
    pub(crate) fn is_clean(&self) -> bool {
        self.doubled == 0 && self.lost == 0 && self.violations.is_empty()
    }
}

impl Plot {
    /// Three crashes and rough weather, as in the published comparison.
    pub(crate) fn rough(seed: u64, algorithm: Algorithm) -> Self {
        let stormy = Self::stormy(seed, algorithm);
        Self {
            at_once: 16,
            kills: false,
            orders: false,
            chances: Chances { quota: 0, shut: 0, ..stormy.chances },
            ..stormy
        }
    }

    /// Rougher: in some Jira asks for silence or shuts parts of itself, the process is killed while it waits, people give orders, and few calls
    /// are under way at the same time.
    pub(crate) fn stormy(seed: u64, algorithm: Algorithm) -> Self {
        let mut random = Random(seed ^ 0x5eed);
        let mut faults: Vec<(u64, Fault)> = (0..3).map(|_| (1 + random.below(500), Fault::Crash)).collect();
        faults.sort_by_key(|(at, _)| *at);
        let ours = algorithm == Algorithm::Ours;
        let people = ours && random.chance(300);
        let old_copies = ours && random.chance(200);
        let clocks = ours && random.chance(300);
        // Others ask nobody how long to wait.
        let quota = if ours && random.chance(300) { 1 + random.below(30) } else { 0 };
        let slow_disk = if ours { 5 } else { 0 };
        let (shut, hands) = (if quota > 0 { 30 } else { 0 }, if people { 300 } else { 0 });
        Self {
            seed,
            algorithm,
            causes: 4,
            faults,
            chances: Chances { slow_disk, quota, shut, hands, ..Chances::ROUGH },
            kills: ours && random.chance(300),
            people,
            orders: ours,
            old_copies,
            loses_state: false,
            clocks,
            by_search: ours && random.chance(500),
            lying_disk: false,
            unreadable: false,
            lease: true,
            projects: Projects::One,
            at_once: [1, 2, 16][random.below(3) as usize],
            second: false,
            dies: false,
            end: End::Never,
            settle: SignedDuration::from_mins(5),
            trouble: Duration::from_hours(2),
        }
    }

    /// Nothing goes wrong but what is said.
    pub(crate) fn calm(causes: usize, faults: Vec<(u64, Fault)>) -> Self {
        Self {
            causes,
            faults,
            chances: Chances::default(),
            kills: false,
            people: false,
            old_copies: false,
            clocks: false,
            // Beyond the last create, and the last move.
            trouble: Duration::from_hours(1),
            ..Self::rough(1, Algorithm::Ours)
        }
    }

    /// Two machines: one works, one stands by, and both sleep at times.
    pub(crate) fn two(seed: u64) -> Self {
        let mut chances = Chances::ROUGH;
        chances.pause = 10;
        Self {
            second: true,
            dies: true,
            faults: Vec::new(),
            chances,
            kills: false,
            people: false,
            old_copies: false,
            ..Self::rough(seed, Algorithm::Ours)
        }
    }

    /// Two machines that sleep in the middle of whatever they do, for so long that the other one takes over, and wake.
    pub(crate) fn overtaken(seed: u64) -> Self {
        let two = Self::two(seed);
        Self { dies: false, chances: Chances { sleeps: 5, ..two.chances }, ..two }
    }

    /// The same where rules send tickets to a second project, which is hidden at times; in some the state is lost at times.
    pub(crate) fn in_two(self, projects: Projects) -> Self {
        let chances = Chances { hides: [0, 5, 20][(self.seed % 3) as usize], ..self.chances };
        let loses_state = self.old_copies && self.seed.is_multiple_of(2);
        Self { chances, loses_state, projects, ..self }
    }

    /// Lives through it.
    pub(crate) fn live(&self) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.run()),
            Err(error) => Report { violations: vec![error.to_string()], ..Report::default() },
        }
    }

    async fn run(&self) -> Report {
        let world = World::new(self.seed, self.chances, self.faults.clone(), self.settle);
        world.lock().jira.dead_end = self.end == End::Stuck;
        world.lock().jira.by_search = self.by_search;
        world.lock().jira.has_rules = self.projects != Projects::One;
        let mut report = Report::default();
        let first = self.daemon(&world, "first");
        let client = first.jira.client.clone();
        if self.second {
            let mut disks = vec![first.jira.disk.clone()];
            let second = Daemon { take_over: Duration::from_mins(20), ..self.daemon(&world, "second") };
            let first = Daemon { take_over: Duration::from_mins(20), ..first };
            disks.push(second.jira.disk.clone());
            // The first one dies for good, in the middle of whatever it does.
            let death = Duration::from_secs(900 + world.lock().random.below(self.trouble.as_secs() - 900));
            tokio::select! {
                () = async {
                    tokio::select! {
                        () = first.forever() => {}
                        () = tokio::time::sleep(death), if self.dies => {}
                    }
                    std::future::pending::<()>().await;
                } => {}
                () = async {
                    // It is set up once the first one has the project: of two that begin in the same second
                    // no claim can tell.
                    while self.lease && !world.lock().jira.is_claimed() && world.elapsed() < death {
                        tokio::time::sleep(Duration::from_mins(1)).await;
                    }
                    second.forever().await;
                } => {}
                () = async {
                    tokio::time::sleep(self.trouble).await;
                    world.lock().chances = Chances::default();
                    tokio::time::sleep(Duration::from_hours(2)).await;
                } => {}
            }
            self.judge_two(&world, &disks, &mut report);
        } else {
            self.alone(&world, &first, &mut report).await;
            self.judge(&world, &first.jira.disk, &mut report);
        }
        let most = client.lock().most_under_way;
        if self.algorithm == Algorithm::Ours && most > self.at_once {
            report.violations.push(format!("{most} calls were under way at the same time"));
        }
        let inner = world.lock();
        report.violations.extend(inner.violations.iter().chain(&inner.jira.broken).cloned());
        (report.steps, report.trace, report.fences) = (inner.steps, inner.trace, inner.jira.fences);
        report.held_up = inner.held_up;
        report.elsewhere = inner.jira.issues.values().filter(|ticket| ticket.is_elsewhere()).count();
        let lost = inner.jira.issues.values().flat_map(|ticket| &ticket.lost);
        (report.given_back, report.shut) = (lost.filter(|lost| lost.is_given_back).count(), inner.jira.shuts);
        report
    }

    fn daemon(&self, world: &World, name: &str) -> Daemon {
        let checks = self.algorithm == Algorithm::Ours && !self.old_copies && !self.lying_disk;
        Daemon {
            plot: self.clone(),
            jira: ModelJira {
                world: world.clone(),
                disk: Disk::new(name, checks).that_lies(self.lying_disk),
                client: Client::default(),
            },
            clock: ModelClock { world: world.clone() },
            take_over: Duration::ZERO,
        }
    }

    /// One daemon, started again whenever it died.
    async fn alone(&self, world: &World, daemon: &Daemon, report: &mut Report) {
        loop {
            report.lives += 1;
            world.revive();
            daemon.jira.client.begin_anew();
            let store = daemon.jira.disk.open(world);
            let kill = if self.kills { 30 + world.lock().random.below(1_800) } else { 0 };
            let kill = Duration::from_secs(kill);
            let is_killed = self.kills && world.elapsed() + kill < self.trouble;
            tokio::select! {
                biased;
                () = daemon.live(store) => {}
                () = world.crashed() => {}
                () = tokio::time::sleep(kill), if is_killed => {}
            }
            if self.must_have_converged(world) {
                return;
            }
            let pause = {
                let mut inner = world.lock();
                if self.clocks && inner.random.chance(500) {
                    let hours = [-87_600, -1, 1, 5, 87_600][inner.random.below(5) as usize];
                    inner.skew = SignedDuration::from_hours(hours);
                }
                // Every third time the machine itself is started anew, or the next run is on another one.
                if self.clocks && report.lives.is_multiple_of(3) {
                    inner.boot += 1;
                    if inner.calm_since.is_some() {
                        // What was measured by the last one is measured anew.
                        inner.calm_since = Some(world.elapsed());
                    }
                    daemon.jira.client.forgive_one_call_too_early();
                }
                inner.random.below(120)
            };
            if self.old_copies && world.lock().random.chance(300) {
                let mut disk = daemon.jira.disk.lock();
                let kept = world.lock().random.below(disk.len() as u64 + 1) as usize;
                // A copy that has nothing yet is a new state, which has to take over.
                if disk[..kept].iter().any(|change| matches!(change, Change::Claim { .. })) {
                    disk.truncate(kept);
                    daemon.jira.disk.pending().clear();
                }
            }
            if self.loses_state && world.elapsed() < self.trouble && world.lock().later.chance(300) {
                daemon.jira.disk.lock().clear();
                daemon.jira.disk.pending().clear();
                world.lock().has_lost_state = true;
            }
            tokio::time::sleep(Duration::from_secs(pause)).await;
        }
    }

    /// Whether so much time has passed since the last fault, and since what Jira asked for is over, that everything is to be
    /// as it should: one execution of a request, and two passes.
    fn must_have_converged(&self, world: &World) -> bool {
        let inner = world.lock();
        let Some(calm) = inner.calm_since else { return false };
        let settle = Duration::from_secs(self.settle.as_secs().unsigned_abs());
        // Over a restart of the machine a wait is ten minutes longer.
        let restart = if self.clocks { PERIOD } else { Duration::ZERO };
        world.elapsed() >= calm.max(inner.jira.busy_until()) + settle + restart + 2 * PERIOD
    }

    fn judge(&self, world: &World, disk: &Disk, report: &mut Report) {
        let store = disk.open(world);
        let inner = world.lock();
        let mut by_group: BTreeMap<GroupId, Vec<&str>> = BTreeMap::new();
        for ticket in inner.jira.issues.values().filter(|ticket| ticket.creator == BOT) {
            if let Some(mark) = &ticket.mark {
                by_group.entry(mark.group.clone()).or_default().push(&ticket.observed.issue.id);
            }
            if ticket.is_repeated && !self.old_copies {
                let made = (&ticket.comments, &ticket.observed.lists);
                report.violations.push(format!("a comment or a list was made twice: {made:?}"));
            }
        }
        let by_cause = Self::tickets_by_cause(&inner.jira.issues);
        let marks = inner.jira.issues.values().filter_map(|ticket| ticket.mark.as_ref());
        let overtaken: BTreeSet<&str> = marks
            .filter(|mark| self.old_copies && inner.jira.overtaken.contains(&mark.group))
            .filter_map(cause_of)
            .collect();
        let is_doubled =
            |(cause, count): &(&String, &usize)| **count > 1 && !overtaken.contains(cause.as_str());
        report.doubled = by_cause.iter().filter(is_doubled).count();
        report.lost = self.causes - by_cause.len();
        if self.algorithm != Algorithm::Ours {
            return;
        }
        for ticket in store.known().tickets.values() {
            match &ticket.link {
                Link::Bound { issue } => {
                    let there = issue.id.parse::<u64>().ok().and_then(|id| inner.jira.issues.get(&id));
                    let marked = there.is_some_and(|there| there.is_of(&ticket.group));
                    let unanswered =
                        there.filter(|there| !there.hidden && !self.old_copies).and_then(|there| {
                            let heard = &there.observed.comments;
                            heard.iter().find(|heard| {
                                !there.comments.contains(&plan::answer_topic(&heard.id.to_string()))
                            })
                        });
                    if let Some(order) = unanswered {
                        report.violations.push(format!("{} has no answer to {order:?}", issue.key));
                    }
                    let is_quiet = ticket.orders.as_ref().is_some_and(|orders| orders.quiet.is_some());
                    let lists = there.map_or(&[][..], |there| &there.observed.lists);
                    let group = store.known().groups.get(&ticket.group);
                    let lives = group.is_some_and(|record| record.group.status == Status::Active);
                    let shown = there.is_some_and(|there| {
                        let observed = &there.observed;
                        !there.hidden
                            && observed.category != Category::Done
                            && !observed.labels.contains(plan::IGNORE_LABEL)
                    });
                    if lives && shown && !is_quiet && ticket.closed == Closed::No && lists.len() != 1 {
                        let key = &issue.key;
                        report.violations.push(format!("{key} has not one list of its disputes: {lists:?}"));
                    }
                    if self.end == End::Closed && ticket.closed != Closed::ByUs {
                        let (key, closed) = (&issue.key, ticket.closed);
                        report.violations.push(format!("{key} was closed by us, and counts as {closed:?}"));
                    }
                    if !marked {
                        report.violations.push(format!("a group is bound to {} without its mark", issue.key));
                    }
                }
                other => report.violations.push(format!("not converged: {other:?}")),
            }
        }
        for ticket in inner.jira.issues.values().filter(|_| self.end != End::Never) {
            let observed = &ticket.observed;
            let stands = (observed.category == Category::Done, observed.labels.contains(plan::DONE_LABEL));
            if stands != (self.end == End::Closed, self.end == End::Stuck) {
                report.violations.push(format!("{} was not dealt with: {observed:?}", observed.issue.key));
            }
        }
        for ticket in inner.jira.issues.values() {
            if let Some(lost) = ticket.lost.iter().find(|lost| !lost.is_given_back)
                && !ticket.hidden
                && !self.old_copies
            {
                let key = &ticket.observed.issue.key;
                report.violations.push(format!("{key}: what a person wrote was not given back: {lost:?}"));
            }
            if let Some(field) = ticket.theirs.get("field")
                && ticket.observed.fields.get(FIELD) != Some(&field.text)
            {
                report.violations.push("the field that a person wrote is gone".to_owned());
            }
            if let Some(summary) = ticket.theirs.get("summary")
                && summary.text != ticket.observed.summary
            {
                report.violations.push("the summary that a person wrote is gone".to_owned());
            }
            if let Some(words) = ticket.theirs.get("words")
                && !adf::text_of(&ticket.observed.description).contains(words.text.as_str())
            {
                report.violations.push("words that a person wrote are gone".to_owned());
            }
        }
    }

    /// Tickets that the bot ever made, by cause: those of one cause have members in common.
    fn tickets_by_cause(issues: &BTreeMap<u64, crate::model::Ticket>) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for ticket in issues.values().filter(|ticket| ticket.creator == BOT) {
            if let Some(cause) = ticket.mark.as_ref().and_then(cause_of) {
                *counts.entry(cause.to_owned()).or_default() += 1;
            }
        }
        counts
    }

    fn judge_two(&self, world: &World, disks: &[Disk], report: &mut Report) {
        let stores: Vec<ModelStore> = disks.iter().map(|disk| disk.open(world)).collect();
        let inner = world.lock();
        for ticket in stores.iter().flat_map(|store| store.known().tickets.values()) {
            let Some(issue) = ticket.issue() else { continue };
            let there = issue.id.parse::<u64>().ok().and_then(|id| inner.jira.issues.get(&id));
            if !there.is_some_and(|there| there.is_of(&ticket.group)) {
                report.violations.push(format!("a group is bound to {} without its mark", issue.key));
            }
        }
        let by_cause = Self::tickets_by_cause(&inner.jira.issues);
        report.doubled = by_cause.values().filter(|count| **count > 1).count();
        report.lost = self.causes - by_cause.len();
        report.lives = 2;
    }
}

/// How often a pass is made.
const PERIOD: Duration = Duration::from_mins(15);

struct Daemon {
    plot: Plot,
    jira: ModelJira,
    clock: ModelClock,
    /// After how long another one counts as gone; zero: never.
    take_over: Duration,
}

impl Daemon {
    fn policy(&self, store: &ModelStore) -> Policy {
        if store.known().claim.is_none() {
            // So that the draws of older seeds stay.
            self.jira.world.lock().random.next();
        }
        // One for each pass.
        let instance = format!("{} {}", self.jira.disk.name, self.jira.world.elapsed().as_nanos());
        let after = SignedDuration::try_from(self.take_over).unwrap_or_default();
        Policy {
            settle: self.plot.settle,
            hold_after: SignedDuration::from_hours(24),
            lease: self.plot.lease,
            takeover_after: (!self.take_over.is_zero()).then_some(after),
            take_over: self.jira.world.lock().has_lost_state,
            same_project: false,
            left_projects: std::collections::BTreeSet::new(),
            instance,
            host: self.jira.disk.name.clone(),
            at_once: self.plot.at_once,
        }
    }

    /// Starts again after each failure of its disk.
    async fn forever(&self) {
        loop {
            self.jira.client.begin_anew();
            let store = self.jira.disk.open(&self.jira.world);
            self.live(store).await;
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }

    /// One life of the process: ends when the disk fails or the story is over.
    async fn live(&self, mut store: ModelStore) {
        let world = &self.jira.world;
        let mut waiting: BTreeMap<GroupId, Moment> = BTreeMap::new();
        loop {
            let elapsed = world.elapsed();
            if elapsed >= self.plot.trouble {
                let mut inner = world.lock();
                inner.chances = Chances { lags: self.plot.chances.lags, ..Chances::default() };
                inner.faults.clear();
                inner.calm_since.get_or_insert(elapsed);
            }
            if !self.plot.second && self.plot.must_have_converged(world) {
                if !store.is_whole() {
                    world.lock().violation("the journal does not say what the process knows");
                }
                return;
            }
            {
                let mut inner = world.lock();
                // For a whole pass and longer, or from the middle of one.
                let hides = inner.chances.hides > 0 && inner.later.chance(300);
                inner.jira.is_hidden = hides;
            }
            if self.plot.people && elapsed < self.plot.trouble {
                people(world, store.known(), &self.plot);
            }
            if self.plot.unreadable {
                world.person(|jira, now, _| {
                    let number = jira.add("person", "secret", Value::Null, BTreeSet::new(), None, (now, now));
                    if let Some(ticket) = jira.issues.get_mut(&(10_000 + number)) {
                        ticket.hidden = true;
                    }
                });
            }
            let passed = match self.plot.algorithm {
                Algorithm::Ours => self.pass(&mut store).await,
                other => self.pass_of_others(other, &mut store, &mut waiting).await,
            };
            if passed.is_err() {
                return;
            }
            // It may die at any time, and is judged as long as it lives.
            if self.plot.second && !store.is_whole() {
                world.lock().violation("the journal does not say what the process knows");
            }
            let open = self.plot.algorithm == Algorithm::Ours
                && apply::is_open(store.known(), &self.policy(&store), &self.clock.moment());
            let period = if self.plot.algorithm == Algorithm::Ours { PERIOD } else { Duration::from_mins(1) };
            let mut left = period;
            // The daemon looks after what is open as soon as it can be settled.
            while !left.is_zero() && !open {
                let nap = left.min(Duration::from_mins(5));
                tokio::time::sleep(nap).await;
                left -= nap;
                if self.plot.algorithm == Algorithm::Ours
                    && (apply::is_open(store.known(), &self.policy(&store), &self.clock.moment())
                        || !self.take_over.is_zero())
                {
                    break;
                }
            }
            if open {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        }
    }

    /// A pass as the daemon makes it, which keeps the waits that Jira asked for. An error is one of the disk.
    async fn pass(&self, store: &mut ModelStore) -> Result<(), ()> {
        apply::pause::resume(&self.jira, store.known(), &self.clock);
        self.unpaused(store).await?;
        apply::pause::close(&self.jira, store, &self.clock).map_err(drop)
    }

    /// The real protocol over what the disputes would be now.
    async fn unpaused(&self, store: &mut ModelStore) -> Result<(), ()> {
        let policy = self.policy(store);
        let recovered = match apply::recover(&self.jira, store, &self.clock, &policy, true).await {
            Ok(recovered) => recovered,
            Err(RecoverError::State(_)) => return Err(()),
            Err(_) => return Ok(()),
        };
        let now = self.clock.moment().at;
        let (records, standing) = self.survey(store.known(), now);
        let (elsewhere, unread) = (&recovered.elsewhere, &recovered.unread);
        let wanted = Wanted { elsewhere, unread, ..Wanted::of(&records, &standing) };
        let params = plan_params(self.plot.settle);
        let stop = CancellationToken::new();
        let done = apply::reconcile(
            &wanted,
            &params,
            &self.jira,
            store,
            &self.clock,
            &policy,
            &stop,
            &mut |_, _, _| {},
        )
        .await;
        match done {
            Ok((plan, applied)) => {
                let is_held_up = |failure: &Failure| matches!(failure, Failure::HeldUp);
                let held_up = applied.failed.iter().filter(|(_, failure)| is_held_up(failure)).count();
                self.jira.world.lock().held_up += held_up;
                if !plan.is_empty() {
                    drop(apply::anchor(&self.jira, store, &self.clock, &policy, &recovered.unread).await);
                }
                Ok(())
            }
            Err(RecoverError::State(_)) => Err(()),
            Err(_) => Ok(()),
        }
    }

    /// The groups of now: causes come one after the other and grow.
    fn survey(&self, known: &Known, now: Timestamp) -> (Vec<GroupRecord>, BTreeMap<GroupId, Standing>) {
        let elapsed = self.jira.world.elapsed().as_secs();
        let found: Vec<Found> = (0..self.plot.causes as u64)
            .filter(|cause| elapsed >= cause * 600)
            .filter(|_| self.plot.end == End::Never || elapsed < SETTLED_AFTER)
            .map(|cause| Found {
                program: Program::Mdrp,
                client: "EXAMPLE".into(),
                patterns: Vec::new(),
                members: members(cause, 5 + elapsed / 3_600),
            })
            .collect();
        let open: HashSet<Text> = found.iter().flat_map(|found| found.members.iter().cloned()).collect();
        let groups: Vec<Group> = known.groups.values().map(|record| record.group.clone()).collect();
        let input = group::Input {
            known: &groups,
            found: &found,
            open: &open,
            complete: true,
            new_input: true,
            stakes: &known.tickets.values().map(|ticket| (ticket.group.clone(), ticket.stake())).collect(),
            now,
        };
        let mut mint = || {
            let mut inner = self.jira.world.lock();
            let bits = u128::from(inner.random.next()) << 64 | u128::from(inner.random.next());
            GroupId::from_bits(bits)
        };
        let lineage = group::inherit(&input, &group::Params::default(), &mut mint);
        let (records, mut standing) = wanted(lineage.groups);
        let has_rules = self.has_rules(elapsed);
        self.jira.world.lock().jira.has_rules = has_rules;
        for record in records.iter().filter(|_| has_rules) {
            let cause = record.group.members.first().and_then(|member| cause_number(member));
            // Other rules every twenty minutes.
            let is_elsewhere = cause.is_some_and(|cause| (cause + elapsed / 1_200) % 2 == 1);
            if let Some(Ok(content)) = standing.get_mut(&record.group.id).and_then(|it| it.content.as_mut()) {
                content.project = is_elsewhere.then(|| OTHER.to_owned());
            }
        }
        (records, standing)
    }

    fn has_rules(&self, elapsed: u64) -> bool {
        match self.plot.projects {
            Projects::One => false,
            Projects::Two => true,
            Projects::TwoThenOne => elapsed < RULES_END,
        }
    }

    /// A pass of the algorithms that others use.
    async fn pass_of_others(
        &self,
        algorithm: Algorithm,
        store: &mut ModelStore,
        waiting: &mut BTreeMap<GroupId, Moment>,
    ) -> Result<(), ()> {
        let elapsed = self.jira.world.elapsed().as_secs();
        for cause in (0..self.plot.causes as u64).filter(|cause| elapsed >= cause * 600) {
            let group = Group {
                id: GroupId::from_bits(u128::from(cause) + 1),
                program: Program::Mdrp,
                client: "EXAMPLE".into(),
                patterns: Vec::new(),
                members: members(cause, 5),
                since: Timestamp::UNIX_EPOCH,
                split_from: None,
                status: Status::Active,
                pending: Vec::new(),
            };
            let mut ticket = store.known().ticket(&group.id);
            if ticket.issue().is_some() {
                continue;
            }
            let now = self.clock.moment();
            if algorithm == Algorithm::IntentAndWait {
                // An intent that is not this life's own, or whose answer was lost, waits.
                if let Link::Intent { .. } = ticket.link {
                    let since = waiting.entry(group.id.clone()).or_insert_with(|| now.clone());
                    if now.since(since).is_none_or(|passed| passed < self.plot.settle) {
                        continue;
                    }
                }
            }
            let intent = matches!(algorithm, Algorithm::IntentFirst | Algorithm::IntentAndWait);
            let remembers = algorithm != Algorithm::Stateless;
            let Ok(found) = self.jira.labelled(&group.id.label(), &[]).await else { continue };
            if let Some(id) = found.ids.first() {
                if remembers {
                    let issue = plan::Issue { id: id.clone(), key: String::new() };
                    ticket.link = Link::Bound { issue };
                    store.record(now.at, &[Change::Ticket(ticket)]).map_err(drop)?;
                }
                continue;
            }
            if intent {
                ticket.link =
                    Link::Intent { attempts: 1, project: None, highest_number: 0, sent: self.clock.moment() };
                store.record(now.at, &[Change::Ticket(ticket.clone())]).map_err(drop)?;
                waiting.remove(&group.id);
            }
            let content = content(&group);
            if let Ok(issue) = self.jira.create_plainly(&content, &Mark::of(&group, Grain::Fine)).await
                && remembers
            {
                ticket.link = Link::Bound { issue };
                store.record(now.at, &[Change::Ticket(ticket)]).map_err(drop)?;
            }
        }
        Ok(())
    }
}

/// What a pass wants of the tickets of some groups.
pub(crate) fn wanted(groups: Vec<Group>) -> (Vec<GroupRecord>, BTreeMap<GroupId, Standing>) {
    let mut standing = BTreeMap::new();
    let mut records = Vec::new();
    for group in groups {
        let active = group.status == Status::Active;
        standing.insert(
            group.id.clone(),
            Standing {
                content: active.then(|| Ok(content(&group))),
                title: String::new(),
                weight: Weight { amount: Decimal::ONE, ..Weight::default() },
                absent: 0,
                moved: (0, 0),
                returned: false,
                unfit: Vec::new(),
                days_left: None,
                fresh_amount: Decimal::ZERO,
            },
        );
        records.push(GroupRecord {
            group,
            title: String::new(),
            cause: "".into(),
            who: "".into(),
            figures: Figures::default(),
            coarse: false,
            due: Vec::new(),
            spread: None,
        });
    }
    (records, standing)
}

/// What the disputes of a ticket have in common.
fn cause_of(mark: &Mark) -> Option<&str> {
    mark.members.first()?.split('-').next()
}

fn cause_number(member: &str) -> Option<u64> {
    member.strip_prefix('C')?.split('-').next()?.parse().ok()
}

fn members(cause: u64, count: u64) -> Vec<Text> {
    (0..count).map(|member| format!("C{cause}-{member:03}").as_str().into()).collect()
}

pub(crate) fn content(group: &Group) -> Content {
    let text = format!("{} open disputes share one cause.", group.members.len());
    Content {
        summary: format!("{} · {} disputes", group.id.short(), group.members.len()),
        block: vec![Block::Paragraph(vec![Inline::plain(text)])],
        labels: vec![LABEL.to_owned(), group.id.label()],
        priority: Some("Medium".to_owned()),
        due: None,
        fields: BTreeMap::from([(FIELD.to_owned(), group.members.len().to_string())]),
        project: None,
        issue_type: None,
        watchers: Vec::new(),
        routed: BTreeSet::new(),
        cause: String::new(),
        course: None,
        list: Some(list(group)),
        grain: Grain::Fine,
        typed: Typed::default(),
    }
}

/// A list of its own for each set of members.
fn list(group: &Group) -> List {
    let text = group.members.join("\r\n");
    let version = text.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let name = format!("{PREFIX}{}-{version:08x}.csv", group.id.short());
    List { name, text: text.into(), rows: group.members.len(), left_out: 0, withheld: Vec::new() }
}

pub(crate) fn plan_params(settle: SignedDuration) -> plan::Params {
    plan::Params {
        max_new_tickets: 50,
        min_disputes: 4,
        min_amount: Decimal::ZERO,
        amount_alone: None,
        due_within_days: None,
        resolve: true,
        resolutions: plan::Resolutions::default(),
        split_link: "Relates".to_owned(),
        merge_link: "Duplicate".to_owned(),
        settle,
        commanders: vec!["*".to_owned()],
        manners: plan::Manners::default(),
        fixed_fields: BTreeSet::new(),
    }
}

/// What people order in comments. What makes other groups of the disputes has its tests elsewhere.
const ORDERS: [&str; 9] = [
    "/disputebot status",
    "/disputebot explain",
    "/disputebot help",
    "/disputebot mute",
    "/disputebot unmute",
    "/disputebot snooze 14d",
    "/disputebot release summary",
    TAKE,
    "/disputebot dance",
];

/// Something that people do between two passes.
///
/// They hide tickets that the daemon has bound, and only where it does not forget them. One that is hidden or
/// deleted and that disputebot does not know looks like a create that was never done, to every protocol.
fn people(world: &World, known: &Known, plot: &Plot) {
    let (may_hide, may_order) = (!plot.old_copies, plot.orders);
    // The last comment that was read, by ticket.
    let bound: BTreeMap<String, u64> = known
        .tickets
        .values()
        .filter_map(|ticket| {
            let heard = ticket.orders.as_ref().map_or(0, |orders| orders.heard);
            Some((ticket.issue()?.id.clone(), heard))
        })
        .collect();
    let chances = world.lock().chances;
    world.person(|jira, now, random| {
        let ours: Vec<u64> = jira
            .issues
            .iter()
            .filter(|(_, ticket)| ticket.creator == BOT && !ticket.hidden)
            .map(|(id, _)| *id)
            .collect();
        // Other people work in the project, too.
        for _ in 0..random.below(3) {
            if random.chance(200) {
                jira.burn();
            } else {
                let indexed = indexed_at(now, random, chances);
                jira.add("person", "something else", Value::Null, BTreeSet::new(), None, (now, indexed));
            }
        }
        if plot.projects != Projects::One {
            let (indexed, text) = (indexed_at(now, random, chances), ("something else", Value::Null));
            jira.add_to(OTHER, "person", text, BTreeSet::new(), None, (now, indexed));
        }
        if ours.is_empty() {
            return;
        }
        let id = ours[random.below(ours.len() as u64) as usize];
        let act = random.below(if may_order { 16 } else { 13 });
        let indexed = indexed_at(now, random, chances);
        let Some(ticket) = jira.issues.get_mut(&id) else { return };
        match act {
            0 => {
                // Never twice the same: what a person puts back to the letter cannot be told from what stood there.
                let words = format!("as a person says it after {} ms", now.as_millis());
                // Handed over by an order that is still to be read, it is not theirs any more. An old copy of the
                // state has not read those that it did not answer yet.
                let heard = bound.get(&ticket.observed.issue.id).copied().unwrap_or_default();
                let is_handed_over = ticket.observed.comments.iter().any(|comment| {
                    comment.text == TAKE
                        && !ticket.comments.contains(&plan::answer_topic(&comment.id.to_string()))
                        && (comment.id > heard || plot.old_copies)
                });
                ticket.summarize(&words, is_handed_over, now);
            }
            1 => ticket.write_above("words of a person", now),
            2 => ticket.become_status(false, Category::Done, "Done", now),
            3 => ticket.become_status(false, Category::InProgress, "In Review", now),
            4 => {
                let before = ticket.labels();
                ticket.observed.labels.clear();
                ticket.relabel(indexed);
                ticket.note(now, false, vec![("labels", before, String::new())]);
            }
            5 => {
                let copy = ticket.observed.clone();
                jira.add("person", &copy.summary, copy.description, copy.labels, None, (now, indexed));
            }
            6 => ticket.observed.issue.key = format!("OTHER-{id}"),
            12 => ticket.fill_in("none of yours", now),
            13 | 14 => {
                let order = ORDERS[random.below(ORDERS.len() as u64) as usize];
                if order == TAKE {
                    ticket.theirs.remove("summary");
                }
                jira.say(id, order, now);
            }
            7 => ticket.hidden = may_hide && bound.contains_key(&ticket.observed.issue.id),
            _ => {
                for ticket in jira.issues.values_mut() {
                    ticket.hidden = false;
                }
            }
        }
    });
}
