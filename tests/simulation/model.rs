//! A model of Jira and of a disk, in one thread and in virtual time, that can fail at every step.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use disputebot::{
    apply::{Clock, Store, Tracker},
    group::GroupId,
    jira::{Account, Cause, Found, Glance, JiraError, Marked, Outcome, Ready, Seen, Silence, Transition},
    plan::{self, Category, Change as FieldChange, Heard, Home, Issue, Link, Mark, Moment, Observed},
    state::{Change, Head, Known, StateError},
    ticket::{
        Content, Markup, adf, block,
        document::Block,
        list::{Attached, List},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long Jira may take at most; the protocol is told to wait longer.
pub(crate) const LONGEST_EXECUTION: Duration = Duration::from_mins(2);
/// How far searches are behind at most.
const LONGEST_LAG: Duration = Duration::from_mins(40);
/// The client's time limit.
const CLIENT_LIMIT: Duration = Duration::from_secs(30);
/// How long the client waits for Jira's limits, and how long with a write that it may send once only.
const LONGEST_WAIT: Duration = Duration::from_mins(2);
const LONGEST_WAIT_ONCE: Duration = Duration::from_secs(5);
/// Writes that are sent once.
const SENT_ONCE: [&str; 4] = ["create", "comment", "attach", "transition"];
/// The account of the bot.
pub(crate) const BOT: &str = "bot";
/// Hands the summary over.
pub(crate) const TAKE: &str = "/disputebot take summary";

/// `SplitMix64`: small, known, and the same everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.next() % limit }
    }

    /// Whether something of this chance, in thousandths, happens.
    pub(crate) fn chance(&mut self, thousandths: u64) -> bool {
        self.below(1000) < thousandths
    }
}

/// What is done to one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process dies.
    Crash,
    /// The call does not get through; the disk gives an error.
    Error,
    /// Jira never gets it, and the client hears nothing.
    LostRequest,
    /// Jira does it late, and the client hears nothing.
    LostAnswer,
    /// The disk is full.
    Full,
    /// Jira takes its time.
    Slow,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] =
        [Self::Crash, Self::Error, Self::LostRequest, Self::LostAnswer, Self::Full, Self::Slow];
}

/// Chances of the random faults, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chances {
    pub(crate) refused: u64,
    pub(crate) lost_before: u64,
    pub(crate) lost_after: u64,
    pub(crate) failed_after: u64,
    pub(crate) search_fails: u64,
    pub(crate) slow: u64,
    pub(crate) very_slow: u64,
    pub(crate) lags: bool,
    pub(crate) pause: u64,
    pub(crate) disk: u64,
    pub(crate) quota: u64,
}

impl Chances {
    /// Those of the published comparison of ticket protocols.
    pub(crate) const ROUGH: Self = Self {
        refused: 20,
        lost_before: 20,
        lost_after: 30,
        failed_after: 20,
        search_fails: 30,
        slow: 40,
        very_slow: 10,
        lags: true,
        pause: 0,
        disk: 2,
        quota: 0,
    };
}

/// Everything outside of the daemon.
#[derive(Clone)]
pub(crate) struct World {
    inner: Arc<Mutex<Inner>>,
    crash: Arc<Notify>,
    begun: Instant,
}

pub(crate) struct Inner {
    pub(crate) random: Random,
    pub(crate) chances: Chances,
    /// Steps so far, over all lives of the daemon.
    pub(crate) steps: u64,
    /// Steps at which something is done, ascending.
    pub(crate) faults: Vec<(u64, Fault)>,
    crashed: bool,
    /// Digest of everything that happened.
    pub(crate) trace: u64,
    pub(crate) jira: Jira,
    /// Difference between the wall clock and the true time.
    pub(crate) skew: SignedDuration,
    pub(crate) boot: u64,
    pub(crate) violations: Vec<String>,
    /// Longest wait of the protocol.
    pub(crate) settle: SignedDuration,
}

#[derive(Default)]
pub(crate) struct Jira {
    pub(crate) issues: BTreeMap<u64, Ticket>,
    newest: u64,
    /// Files that were ever attached.
    files: u64,
    /// What is still to be done, by when and by which order of arrival.
    queue: BTreeMap<(Duration, u64), Effect>,
    arrivals: u64,
    pub(crate) property: Option<Value>,
    /// Creates that were sent, by group: when, and whether they provably did nothing.
    sent: BTreeMap<GroupId, Vec<(Duration, bool)>>,
    /// Groups with a create that was sent while Jira could still be at an earlier one: an old copy of the state, made in
    /// the middle of a run and put back within minutes, does not know that one.
    pub(crate) overtaken: BTreeSet<GroupId>,
    /// Intents that were used up.
    used: BTreeSet<(String, GroupId, u32, Timestamp)>,
    pub(crate) writes: u64,
    pub(crate) reads: u64,
    /// Until when nobody is let in.
    closed_until: Duration,
    /// Comments that people ever made.
    orders: u64,
    /// Promises that a write broke, whether or not its answer was heard.
    pub(crate) broken: Vec<String>,
    /// Whether nothing leads to done.
    pub(crate) dead_end: bool,
    /// Why searches may not show everything.
    pub(crate) cut: Option<String>,
    /// Whether many issues can be looked at by a search only, as on Data Center.
    pub(crate) by_search: bool,
    /// Labels that were taken off again: each ended a wait for the index.
    pub(crate) fences: u64,
}

type Effect = Box<dyn FnOnce(&mut Jira, Duration, &mut Random, Chances) + Send>;

/// An issue.
#[derive(Debug, Clone)]
pub(crate) struct Ticket {
    pub(crate) observed: Observed,
    pub(crate) creator: String,
    pub(crate) mark: Option<Mark>,
    /// Topics of comments.
    pub(crate) comments: Vec<String>,
    /// Whether a comment was made once too often.
    pub(crate) is_repeated: bool,
    pub(crate) hidden: bool,
    /// From when on the search shows these labels.
    indexed: Vec<(Duration, BTreeSet<String>)>,
    /// What the search showed of it last, and when.
    glanced: Option<(Duration, Observed)>,
    /// Fields that a person wrote last.
    pub(crate) theirs: BTreeMap<&'static str, Theirs>,
}

/// What a person wrote, and when.
#[derive(Debug, Clone)]
pub(crate) struct Theirs {
    pub(crate) text: String,
    at: Duration,
}

impl World {
    pub(crate) fn new(
        seed: u64,
        chances: Chances,
        faults: Vec<(u64, Fault)>,
        settle: SignedDuration,
    ) -> Self {
        let inner = Inner {
            random: Random(seed),
            chances,
            steps: 0,
            faults,
            crashed: false,
            trace: 0xcbf2_9ce4_8422_2325,
            jira: Jira::default(),
            skew: SignedDuration::ZERO,
            boot: 1,
            violations: Vec::new(),
            settle,
        };
        Self { inner: Arc::new(Mutex::new(inner)), crash: Arc::new(Notify::new()), begun: Instant::now() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.begun.elapsed();
        inner.catch_up(now);
        inner
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits until the daemon has died.
    pub(crate) async fn crashed(&self) {
        loop {
            if self.lock().crashed {
                return;
            }
            self.crash.notified().await;
        }
    }

    /// A new process begins.
    pub(crate) fn revive(&self) {
        self.lock().crashed = false;
    }

    fn step(&self, what: &'static str) -> Option<Fault> {
        let mut inner = self.lock();
        inner.steps += 1;
        let now = self.elapsed();
        inner.note(what.as_bytes());
        inner.note(&now.as_millis().to_le_bytes());
        let steps = inner.steps;
        let due = inner.faults.first().is_some_and(|(at, _)| *at <= steps);
        let fault = due.then(|| inner.faults.remove(0).1);
        if fault == Some(Fault::Crash) {
            inner.crashed = true;
            self.crash.notify_one();
        }
        fault
    }

    /// One call: what it does when Jira gets to it, and what the client hears. `once` is a write that must
    /// not be sent twice.
    async fn call<R: Send + 'static>(
        &self,
        what: &'static str,
        is_search: bool,
        effect: impl FnOnce(&mut Jira, Duration, &mut Random, Chances) -> R + Send + 'static,
    ) -> Result<R, JiraError> {
        let failed = |cause| JiraError { call: what.to_owned(), cause, said: String::new() };
        let fault = self.step(what);
        if fault == Some(Fault::Crash) {
            std::future::pending::<()>().await;
        }
        let pause = {
            let mut inner = self.lock();
            let chance = inner.chances.pause;
            inner.random.chance(chance).then(|| Duration::from_secs(inner.random.below(300)))
        };
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let answer = Arc::new(Mutex::new(None));
        let (heard, cause) = {
            let mut inner = self.lock();
            let chances = inner.chances;
            if fault == Some(Fault::Error) || inner.random.chance(chances.refused) {
                return Err(failed(Cause::Connect));
            }
            let now = self.elapsed();
            if chances.quota > 0 && inner.random.chance(chances.quota) {
                let wait = Duration::from_secs(30 + inner.random.below(570));
                inner.jira.closed_until = inner.jira.closed_until.max(now + wait);
            }
            if now < inner.jira.closed_until {
                let wait =
                    SignedDuration::try_from(inner.jira.closed_until.saturating_sub(now)).unwrap_or_default();
                return Err(failed(Cause::Busy { wait: Some(wait) }));
            }
            let lost_before = fault == Some(Fault::LostRequest) || inner.random.chance(chances.lost_before);
            let execution = match fault {
                Some(Fault::LostAnswer) => Duration::from_secs(100),
                Some(Fault::Slow) => Duration::from_secs(25),
                _ if inner.random.chance(chances.very_slow) => {
                    Duration::from_secs(30 + inner.random.below(LONGEST_EXECUTION.as_secs() - 30))
                }
                _ if inner.random.chance(chances.slow) => {
                    Duration::from_millis(2_000 + inner.random.below(28_000))
                }
                _ => Duration::from_millis(100 + inner.random.below(1_900)),
            };
            if !lost_before {
                let slot = Arc::clone(&answer);
                inner.jira.arrivals += 1;
                let key = (now + execution, inner.jira.arrivals);
                let effect: Effect = Box::new(move |jira, at, random, chances| {
                    let result = effect(jira, at, random, chances);
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                });
                inner.jira.queue.insert(key, effect);
            }
            let fails = is_search && inner.random.chance(chances.search_fails);
            if lost_before || execution >= CLIENT_LIMIT {
                (now + CLIENT_LIMIT, Some(Cause::Timeout))
            } else if inner.random.chance(chances.lost_after) {
                (now + execution, Some(Cause::Broken))
            } else if fails || inner.random.chance(chances.failed_after) {
                (now + execution, Some(Cause::Server(500)))
            } else {
                (now + execution, None)
            }
        };
        tokio::time::sleep_until(self.begun + heard).await;
        if self.step("answer") == Some(Fault::Crash) {
            std::future::pending::<()>().await;
        }
        drop(self.lock());
        if let Some(cause) = cause {
            return Err(failed(cause));
        }
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.ok_or_else(|| failed(Cause::Broken))
    }

    /// What a person does to an issue.
    pub(crate) fn person(&self, act: impl FnOnce(&mut Jira, Duration, &mut Random)) {
        let now = self.elapsed();
        let mut inner = self.lock();
        let Inner { jira, random, .. } = &mut *inner;
        act(jira, now, random);
    }
}

impl Inner {
    fn catch_up(&mut self, now: Duration) {
        while let Some((key, effect)) = self.jira.queue.pop_first() {
            if key.0 > now {
                self.jira.queue.insert(key, effect);
                return;
            }
            let chances = self.chances;
            effect(&mut self.jira, key.0, &mut self.random, chances);
        }
    }

    /// FNV-1a.
    fn note(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.trace = (self.trace ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }
}

impl Jira {
    pub(crate) fn add(
        &mut self,
        creator: &str,
        summary: &str,
        description: Value,
        labels: BTreeSet<String>,
        mark: Option<Mark>,
        indexed_at: Duration,
    ) -> u64 {
        self.newest += 1;
        let number = self.newest;
        let issue = Issue { id: (10_000 + number).to_string(), key: format!("DISP-{number}") };
        let observed = Observed {
            issue,
            summary: summary.to_owned(),
            description,
            labels: labels.clone(),
            status: "To Do".to_owned(),
            category: Category::New,
            priority: None,
            due: None,
            assignee: None,
            duplicate_of: Vec::new(),
            fields: BTreeMap::new(),
            lists: Vec::new(),
            comments: Vec::new(),
            has_more_comments: false,
            updated: "".into(),
        };
        let ticket = Ticket {
            observed,
            creator: creator.to_owned(),
            mark,
            comments: Vec::new(),
            is_repeated: false,
            hidden: false,
            indexed: vec![(indexed_at, labels)],
            glanced: None,
            theirs: BTreeMap::new(),
        };
        self.issues.insert(10_000 + number, ticket);
        number
    }

    /// Whether a daemon has claimed the project.
    pub(crate) fn is_claimed(&self) -> bool {
        self.property.is_some()
    }

    /// A person writes a comment under an issue.
    pub(crate) fn say(&mut self, id: u64, text: &str) {
        self.orders += 1;
        let heard = Heard { id: self.orders, author: vec!["person".to_owned()], text: text.to_owned() };
        if let Some(ticket) = self.issues.get_mut(&id) {
            ticket.observed.comments.push(heard);
        }
    }

    /// A number is given out and nothing comes of it.
    pub(crate) fn burn(&mut self) {
        self.newest += 1;
    }

    fn shown(&self, id: &str) -> Option<&Ticket> {
        self.issues.get(&id.parse().ok()?).filter(|ticket| !ticket.hidden)
    }

    fn open(&mut self, id: &str) -> Option<&mut Ticket> {
        self.issues.get_mut(&id.parse().ok()?).filter(|ticket| !ticket.hidden)
    }

    fn marked(ticket: &Ticket) -> Option<Marked> {
        let by_label = ticket
            .observed
            .labels
            .iter()
            .filter_map(|label| label.strip_prefix("dispute-group-"))
            .find_map(GroupId::parse);
        let group = ticket.mark.as_ref().map(|mark| mark.group.clone()).or(by_label)?;
        let (issue, creator) = (ticket.observed.issue.clone(), ticket.creator.clone());
        Some(Marked { issue, group, mark: ticket.mark.clone(), creator, home: None })
    }
}

impl Ticket {
    /// A person writes into a field. Who types what stands there changes nothing, so theirs it is since the first time.
    pub(crate) fn hand_to_people(&mut self, field: &'static str, text: &str, at: Duration) {
        let is_said = self.theirs.get(field).is_some_and(|theirs| theirs.text == text);
        if !is_said {
            self.theirs.insert(field, Theirs { text: text.to_owned(), at });
        }
    }

    /// Whether a write goes over what a person wrote before the last look of its process. What they write after that
    /// look is lost, and not theirs any more: Jira has no write on a condition.
    fn goes_over(&mut self, field: &'static str, look: Option<Duration>) -> bool {
        let Some(theirs) = self.theirs.get(field) else { return false };
        let is_seen = look.is_none_or(|look| theirs.at < look);
        if !is_seen {
            self.theirs.remove(field);
        }
        is_seen
    }

    /// An edit that was made of a look at some time and is indexed at another. An error is a promise that it breaks.
    fn take_edit(
        &mut self,
        changes: Vec<FieldChange>,
        mark: Option<Mark>,
        (look, indexed): (Option<Duration>, Duration),
    ) -> Result<(), &'static str> {
        if mark.is_some() {
            self.mark = mark;
        }
        for change in changes {
            match change {
                FieldChange::Summary { to, .. } => {
                    if self.goes_over("summary", look) {
                        return Err("the summary that a person wrote was overwritten");
                    }
                    self.observed.summary = to;
                }
                FieldChange::Description { document, .. } => {
                    let text = adf::text_of(&document);
                    let lacks = |words: &Theirs| !text.contains(words.text.as_str());
                    if self.theirs.get("words").is_some_and(lacks) && self.goes_over("words", look) {
                        return Err("words of a person beside our block were lost");
                    }
                    self.observed.description = document;
                }
                FieldChange::Priority { to, .. } => self.observed.priority = Some(to),
                FieldChange::Due { to, .. } => self.observed.due = to,
                FieldChange::Field { name, to, .. } => {
                    if self.goes_over("field", look) {
                        return Err("the field that a person wrote was overwritten");
                    }
                    self.observed.fields.insert(name, to);
                }
                FieldChange::Labels { add, remove } => {
                    self.observed.labels.extend(add);
                    self.observed.labels.retain(|label| !remove.contains(label));
                    self.relabel(indexed);
                }
            }
        }
        Ok(())
    }

    /// A comment of disputebot's. That a person changed the summary is said once more for each time that it was handed
    /// over before, all else once for ever.
    fn take_comment(&mut self, topic: String) {
        let said = self.comments.iter().filter(|said| **said == topic).count();
        let handed_over = self.observed.comments.iter().filter(|heard| heard.text == TAKE).count();
        let most = if plan::tells_of_change(&topic, "summary") { 1 + handed_over } else { 1 };
        self.is_repeated |= said >= most;
        self.comments.push(topic);
    }

    pub(crate) fn relabel(&mut self, indexed_at: Duration) {
        self.indexed.push((indexed_at, self.observed.labels.clone()));
    }

    fn indexed_labels(&self, now: Duration) -> Option<&BTreeSet<String>> {
        self.indexed.iter().rev().find(|(at, _)| *at <= now).map(|(_, labels)| labels)
    }
}

/// When the search shows what is done now.
pub(crate) fn indexed_at(now: Duration, random: &mut Random, chances: Chances) -> Duration {
    if !chances.lags {
        return now;
    }
    let lag = match random.below(1000) {
        0..900 => random.below(5_000),
        900..997 => 5_000 + random.below(55_000),
        _ => 60_000 + random.below(2_340_000),
    };
    now + Duration::from_millis(lag)
}

/// Jira as one daemon sees it.
#[derive(Clone)]
pub(crate) struct ModelJira {
    pub(crate) world: World,
    pub(crate) disk: Disk,
    pub(crate) client: Client,
}

/// What one process knows of Jira's limits, and what must be true of it over all processes of a machine.
#[derive(Clone, Default)]
pub(crate) struct Client(Arc<Mutex<Manners>>);

#[derive(Default)]
pub(crate) struct Manners {
    /// Until when this process leaves Jira alone.
    quiet: Option<(Duration, Silence)>,
    /// The last wait that Jira asked for.
    asked: Option<Asked>,
    /// Calls that are under way, and the most there ever were.
    under_way: usize,
    pub(crate) most_under_way: usize,
    /// When the issues were as this process saw them last.
    looks: BTreeMap<String, Duration>,
}

struct Asked {
    until: Duration,
    /// What was on the disk when the process heard it, in records, and whether that process has died.
    records: usize,
    has_died: bool,
}

impl Client {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Manners> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new process knows nothing of what the last one was told.
    pub(crate) fn begin_anew(&self) {
        let mut manners = self.lock();
        manners.quiet = None;
        manners.under_way = 0;
        manners.looks.clear();
        if let Some(asked) = &mut manners.asked {
            asked.has_died = true;
        }
    }
}

/// A call under way.
struct UnderWay(Client);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut manners = self.0.lock();
        manners.under_way = manners.under_way.saturating_sub(1);
    }
}

impl Tracker for ModelJira {
    async fn sign_in(&self) -> Result<Account, JiraError> {
        self.call("sign in", false, |jira, _, _, _| jira.reads += 1).await?;
        Ok(Account { id: BOT.to_owned(), name: String::new() })
    }

    fn home(&self) -> Home {
        Home { site: "https://jira.example.com".to_owned(), project: "DISP".to_owned() }
    }

    fn markup(&self) -> Markup {
        Markup::Adf
    }

    fn filling(&self) -> &BTreeMap<String, String> {
        const NOTHING: &BTreeMap<String, String> = &BTreeMap::new();
        NOTHING
    }

    async fn newest_number(&self) -> Result<u64, JiraError> {
        self.call("newest", true, |jira, now, _, _| {
            jira.reads += 1;
            let shown = jira.issues.iter().rev().find(|(_, ticket)| ticket.indexed_labels(now).is_some());
            shown.map_or(0, |(id, _)| id - 10_000)
        })
        .await
    }

    async fn create(&self, content: &Content, mark: &Mark) -> Outcome<Issue> {
        let number = self.check_create(&mark.group);
        let (content, own) = (content.clone(), mark.clone());
        let description = block::compose(Markup::Adf, &mark.group, &[], &adf::nodes(&content.block), &[]);
        let sent = self
            .call("create", false, move |jira, now, random, chances| {
                jira.writes += 1;
                let indexed = indexed_at(now, random, chances);
                let labels = content.labels.iter().cloned().collect();
                let number = jira.add(BOT, &content.summary, description, labels, Some(own), indexed);
                jira.issues.get_mut(&(10_000 + number)).map(|ticket| {
                    ticket.observed.priority.clone_from(&content.priority);
                    ticket.observed.due = content.due;
                    ticket.observed.fields.clone_from(&content.fields);
                    ticket.observed.issue.clone()
                })
            })
            .await;
        match sent {
            Ok(Some(issue)) => Outcome::Done(issue),
            Ok(None) => Outcome::Unknown(JiraError {
                call: "create".to_owned(),
                cause: Cause::Broken,
                said: String::new(),
            }),
            Err(error) if error.is_unexecuted() => {
                let mut inner = self.world.lock();
                if let Some(sent) = inner.jira.sent.get_mut(&mark.group).and_then(|sent| sent.get_mut(number))
                {
                    sent.1 = true;
                }
                Outcome::NotDone(error)
            }
            Err(error) => Outcome::Unknown(error),
        }
    }

    async fn read(&self, ids: &[String]) -> Result<BTreeMap<String, Observed>, JiraError> {
        let ids = ids.to_vec();
        let (now, seen): (_, BTreeMap<String, Observed>) = self
            .call("read", false, move |jira, now, _, _| {
                jira.reads += ids.len().div_ceil(100) as u64;
                let shown = ids.iter().filter_map(|id| jira.shown(id));
                let seen =
                    shown.map(|ticket| (ticket.observed.issue.id.clone(), ticket.observed.clone())).collect();
                (now, seen)
            })
            .await?;
        self.client.lock().looks.extend(seen.keys().map(|id| (id.clone(), now)));
        Ok(seen)
    }

    /// A search shows each issue as it is, or as it showed it the last time.
    async fn glance(&self, ids: &[String]) -> Result<Glance, JiraError> {
        if !self.world.lock().jira.by_search {
            return Ok(Glance { observed: self.read(ids).await?, hearsay: BTreeSet::new() });
        }
        let asked = ids.to_vec();
        let mut observed: BTreeMap<String, Observed> = self
            .call("glance", true, move |jira, now, random, chances| {
                jira.reads += asked.len().div_ceil(100) as u64;
                let ids = asked.iter().filter_map(|id| id.parse::<u64>().ok());
                let mut shown = BTreeMap::new();
                for id in ids {
                    let Some(ticket) = jira.issues.get_mut(&id) else { continue };
                    if ticket.hidden || ticket.indexed_labels(now).is_none() {
                        continue;
                    }
                    let is_behind = chances.lags && random.chance(500);
                    let last = ticket.glanced.take().filter(|(at, _)| is_behind && now < *at + LONGEST_LAG);
                    let (at, observed) = last.unwrap_or_else(|| (now, ticket.observed.clone()));
                    ticket.glanced = Some((at, observed.clone()));
                    shown.insert(observed.issue.id.clone(), observed);
                }
                shown
            })
            .await?;
        let hearsay: BTreeSet<String> = observed.keys().cloned().collect();
        let rest: Vec<String> = ids.iter().filter(|id| !hearsay.contains(*id)).cloned().collect();
        if !rest.is_empty() {
            observed.extend(self.read(&rest).await?);
        }
        Ok(Glance { observed, hearsay })
    }

    async fn numbered(&self, numbers: RangeInclusive<u64>) -> Result<Seen, JiraError> {
        self.call("numbered", false, move |jira, _, _, _| {
            jira.reads += 1;
            let (first, last) = (10_000 + numbers.start(), 10_000 + numbers.end());
            let shown: Vec<(&u64, &Ticket)> =
                jira.issues.range(first..=last).filter(|(_, ticket)| !ticket.hidden).collect();
            Seen {
                highest: shown.last().map(|(id, _)| *id - 10_000),
                marked: shown.iter().filter_map(|(_, ticket)| Jira::marked(ticket)).collect(),
            }
        })
        .await
    }

    async fn marks(&self, ids: &[String]) -> Result<Vec<Marked>, JiraError> {
        let ids = ids.to_vec();
        self.call("marks", false, move |jira, _, _, _| {
            jira.reads += 1;
            ids.iter().filter_map(|id| jira.shown(id)).filter_map(Jira::marked).collect()
        })
        .await
    }

    async fn is_home(&self, _key: &str) -> Result<bool, JiraError> {
        Ok(true)
    }

    async fn labelled(&self, label: &str, _anywhere: bool) -> Result<Found, JiraError> {
        let label = label.to_owned();
        self.call("search", true, move |jira, now, _, _| {
            jira.reads += 1;
            let shown = jira.issues.values().filter(|ticket| {
                !ticket.hidden && ticket.indexed_labels(now).is_some_and(|labels| labels.contains(&label))
            });
            let ids = shown.map(|ticket| ticket.observed.issue.id.clone()).collect();
            Found { ids, cut: jira.cut.clone() }
        })
        .await
    }

    async fn edit(
        &self,
        issue: &Issue,
        changes: &[FieldChange],
        mark: Option<&Mark>,
    ) -> Result<(), JiraError> {
        let (id, changes, mark) = (issue.id.clone(), changes.to_vec(), mark.cloned());
        let look = self.client.lock().looks.get(&id).copied();
        self.call("edit", false, move |jira, now, random, chances| {
            jira.writes += 1;
            let indexed = indexed_at(now, random, chances);
            let broken =
                jira.open(&id).and_then(|ticket| ticket.take_edit(changes, mark, (look, indexed)).err());
            jira.broken.extend(broken.map(str::to_owned));
        })
        .await
    }

    async fn relabel(&self, issue: &Issue, label: &str, present: bool) -> Result<(), JiraError> {
        let (id, label) = (issue.id.clone(), label.to_owned());
        let done = self
            .call("relabel", false, move |jira, now, random, chances| {
                jira.writes += 1;
                jira.fences += u64::from(!present);
                let indexed = indexed_at(now, random, chances);
                let ticket = jira.open(&id)?;
                if present {
                    ticket.observed.labels.insert(label);
                } else {
                    ticket.observed.labels.remove(&label);
                }
                ticket.relabel(indexed);
                Some(())
            })
            .await?;
        done.ok_or_else(|| JiraError {
            call: "relabel".to_owned(),
            cause: Cause::NotFound,
            said: String::new(),
        })
    }

    async fn comment(&self, issue: &Issue, topic: &str, _body: &[Block]) -> Outcome<String> {
        let (id, topic) = (issue.id.clone(), topic.to_owned());
        let sent = self
            .call("comment", false, move |jira, _, _, _| {
                jira.writes += 1;
                if let Some(ticket) = jira.open(&id) {
                    ticket.take_comment(topic);
                }
            })
            .await;
        match sent {
            Ok(()) => Outcome::Done("1".to_owned()),
            Err(error) if error.is_unexecuted() => Outcome::NotDone(error),
            Err(error) => Outcome::Unknown(error),
        }
    }

    async fn comment_on(&self, issue: &Issue, topic: &str) -> Result<Option<String>, JiraError> {
        let (id, topic) = (issue.id.clone(), topic.to_owned());
        self.call("comments", false, move |jira, _, _, _| {
            jira.reads += 1;
            jira.shown(&id).filter(|ticket| ticket.comments.contains(&topic)).map(|_| "1".to_owned())
        })
        .await
    }

    async fn heard(&self, issue: &Issue) -> Result<Vec<Heard>, JiraError> {
        let id = issue.id.clone();
        self.call("heard", false, move |jira, _, _, _| {
            jira.reads += 1;
            jira.shown(&id).map(|ticket| ticket.observed.comments.clone()).unwrap_or_default()
        })
        .await
    }

    async fn link(&self, _link_type: &str, from: &Issue, to: &Issue) -> Result<(), JiraError> {
        let (from, to) = (from.id.clone(), to.clone());
        self.call("link", false, move |jira, _, _, _| {
            jira.writes += 1;
            if let Some(ticket) = jira.open(&from)
                && !ticket.observed.duplicate_of.contains(&to)
            {
                ticket.observed.duplicate_of.push(to);
            }
        })
        .await
    }

    async fn attach(&self, issue: &Issue, list: &List) -> Outcome<String> {
        let (id, name) = (issue.id.clone(), list.name.clone());
        let sent = self
            .call("attach", false, move |jira, _, _, _| {
                jira.writes += 1;
                jira.files += 1;
                let attached = Attached { id: jira.files.to_string(), name };
                if let Some(ticket) = jira.open(&id) {
                    ticket.is_repeated |= ticket.observed.lists.iter().any(|list| list.name == attached.name);
                    ticket.observed.lists.push(attached);
                }
            })
            .await;
        match sent {
            Ok(()) => Outcome::Done("1".to_owned()),
            Err(error) if error.is_unexecuted() => Outcome::NotDone(error),
            Err(error) => Outcome::Unknown(error),
        }
    }

    async fn lists(&self, issue: &Issue) -> Result<Vec<Attached>, JiraError> {
        let id = issue.id.clone();
        self.call("lists", false, move |jira, _, _, _| {
            jira.reads += 1;
            jira.shown(&id).map(|ticket| ticket.observed.lists.clone()).unwrap_or_default()
        })
        .await
    }

    async fn detach(&self, _: &Issue, list: &Attached) -> Result<(), JiraError> {
        let id = list.id.clone();
        self.call("detach", false, move |jira, _, _, _| {
            jira.writes += 1;
            for ticket in jira.issues.values_mut() {
                ticket.observed.lists.retain(|list| list.id != id);
            }
        })
        .await
    }

    async fn upload_limit(&self) -> Result<u64, JiraError> {
        self.call("upload limit", false, |jira, _, _, _| jira.reads += 1).await?;
        Ok(u64::MAX)
    }

    /// Done is two steps away, so that a move can end in the middle.
    async fn transitions(
        &self,
        issue: &Issue,
        _resolution: Option<&str>,
    ) -> Result<Vec<Transition>, JiraError> {
        let id = issue.id.clone();
        let at = self
            .call("transitions", false, move |jira, _, _, _| {
                jira.reads += 1;
                (jira.shown(&id).map(|ticket| ticket.observed.status.clone()), jira.dead_end)
            })
            .await?;
        let (at, dead_end) = at;
        let way = |id: &str, to: &str, category| Transition {
            id: id.to_owned(),
            name: format!("to {to}"),
            to: to.to_owned(),
            category,
            fields: serde_json::Map::new(),
            lacks: Vec::new(),
        };
        Ok(match at.as_deref() {
            Some("To Do") => vec![way("1", "In Review", Category::InProgress)],
            Some("In Review") if dead_end => vec![way("2", "To Do", Category::New)],
            Some("In Review") => {
                vec![way("2", "To Do", Category::New), way("3", "Done", Category::Done)]
            }
            Some(_) => vec![way("4", "In Review", Category::InProgress)],
            None => Vec::new(),
        })
    }

    async fn transition(&self, issue: &Issue, transition: &Transition) -> Result<(), JiraError> {
        let (id, transition) = (issue.id.clone(), transition.clone());
        let moved = self
            .call("transition", false, move |jira, _, _, _| {
                jira.writes += 1;
                let ticket = jira.open(&id)?;
                let starts_here = match transition.id.as_str() {
                    "1" => ticket.observed.status == "To Do",
                    "2" | "3" => ticket.observed.status == "In Review",
                    _ => ticket.observed.status == "Done",
                };
                if starts_here {
                    ticket.observed.category = transition.category;
                    ticket.observed.status = transition.to;
                }
                Some(starts_here)
            })
            .await?;
        if moved == Some(true) {
            return Ok(());
        }
        let said = "the transition does not start from this status".to_owned();
        Err(JiraError { call: "transition".to_owned(), cause: Cause::Refused(400), said })
    }

    async fn learn_fields(&self, _ticket: Option<&Issue>) -> Result<Arc<Ready>, JiraError> {
        Ok(Arc::default())
    }

    async fn look_up(&self, _people: BTreeSet<String>) -> Result<Arc<Ready>, JiraError> {
        Ok(Arc::default())
    }

    async fn project_property(&self) -> Result<Option<Value>, JiraError> {
        self.call("claim", false, |jira, _, _, _| {
            jira.reads += 1;
            jira.property.clone()
        })
        .await
    }

    async fn set_project_property(&self, value: &Value) -> Result<(), JiraError> {
        let value = value.clone();
        self.call("set claim", false, move |jira, _, _, _| jira.property = Some(value)).await
    }

    async fn make_room(&self, _issue: Option<&Issue>) -> Result<(), JiraError> {
        self.wait_for_jira("room", LONGEST_WAIT).await
    }

    fn silence(&self) -> Option<Silence> {
        let quiet = self.client.lock().quiet.clone();
        let (_, silence) = quiet.filter(|(until, _)| self.world.elapsed() < *until)?;
        Some(silence)
    }

    fn keep_silent(&self, wait: SignedDuration, reason: &str) {
        self.client.lock().quiet = Some(self.quiet_for(wait, reason));
    }
}

impl ModelJira {
    /// A call as the client sends it: not while Jira wants to be left alone.
    async fn call<R: Send + 'static>(
        &self,
        what: &'static str,
        is_search: bool,
        effect: impl FnOnce(&mut Jira, Duration, &mut Random, Chances) -> R + Send + 'static,
    ) -> Result<R, JiraError> {
        let longest = if SENT_ONCE.contains(&what) { LONGEST_WAIT_ONCE } else { LONGEST_WAIT };
        self.wait_for_jira(what, longest).await?;
        self.check_silence(what);
        let under_way = UnderWay(self.client.clone());
        {
            let mut manners = self.client.lock();
            manners.under_way += 1;
            manners.most_under_way = manners.most_under_way.max(manners.under_way);
        }
        let answer = self.world.call(what, is_search, effect).await;
        drop(under_way);
        if let Err(JiraError { cause: Cause::Busy { wait: Some(wait) }, .. }) = &answer {
            let quiet = self.quiet_for(*wait, "quota");
            let records = self.disk.records();
            let mut manners = self.client.lock();
            manners.asked = Some(Asked { until: quiet.0, records, has_died: false });
            manners.quiet = Some(quiet);
        }
        answer
    }

    fn quiet_for(&self, wait: SignedDuration, reason: &str) -> (Duration, Silence) {
        let at = ModelClock { world: self.world.clone() }.moment().at;
        let until = at.saturating_add(wait).unwrap_or(at);
        (self.world.elapsed() + wait.unsigned_abs(), Silence { until, reason: reason.to_owned() })
    }

    async fn wait_for_jira(&self, what: &'static str, longest: Duration) -> Result<(), JiraError> {
        loop {
            let Some((until, silence)) = self.client.lock().quiet.clone() else { return Ok(()) };
            let left = until.saturating_sub(self.world.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            if left > longest {
                let cause = Cause::Paused { until: silence.until };
                return Err(JiraError { call: what.to_owned(), cause, said: String::new() });
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Nothing is sent in a time for which Jira asked to be left alone, also not by the next process; but the last one
    /// may have died before it could record that. Its first record may be of what it was told beside it.
    fn check_silence(&self, what: &'static str) {
        let manners = self.client.lock();
        let Some(asked) = &manners.asked else { return };
        let since = self.disk.records() - asked.records;
        let is_known = !asked.has_died || since > 1 || (since == 1 && self.disk.ends_in_a_pause());
        if is_known && self.disk.checks && self.world.elapsed() < asked.until {
            let died = if asked.has_died { "after a restart" } else { "by the same process" };
            self.world.lock().violation(format!("{what} was sent {died} while Jira wanted to be left alone"));
        }
    }

    /// A create is only sent with an intent on disk, once for each, and not while an earlier one may still
    /// arrive.
    fn check_create(&self, group: &GroupId) -> usize {
        let now = self.world.elapsed();
        let intent = self.disk.last_link(group);
        let name = self.disk.name.clone();
        let mut inner = self.world.lock();
        let settle = inner.settle;
        if let Some(intent) = intent {
            match intent {
                Link::Intent { attempts, sent, .. } => {
                    if !inner.jira.used.insert((name, group.clone(), attempts, sent.at)) {
                        inner.violation("a create was sent twice for one intent");
                    }
                }
                other => inner.violation(format!("a create was sent while the group was {other:?}")),
            }
        }
        let sent = inner.jira.sent.entry(group.clone()).or_default();
        let early = sent.iter().any(|(at, undone)| {
            !undone && SignedDuration::try_from(now.saturating_sub(*at)).is_ok_and(|passed| passed < settle)
        });
        sent.push((now, false));
        let number = sent.len() - 1;
        if early && self.disk.checks {
            inner.violation("a create was sent while an earlier one could still arrive");
        } else if early {
            inner.jira.overtaken.insert(group.clone());
        }
        number
    }

    /// A create without any protocol, as the algorithms of others send it.
    pub(crate) async fn create_plainly(&self, content: &Content, mark: &Mark) -> Result<Issue, JiraError> {
        match self.create(content, mark).await {
            Outcome::Done(issue) => Ok(issue),
            Outcome::NotDone(error) | Outcome::Refused(error) | Outcome::Unknown(error) => Err(error),
        }
    }
}

/// The disk of one daemon: what is on it survives.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) name: String,
    /// Whether creates are held against what is on it.
    pub(crate) checks: bool,
    durable: Arc<Mutex<Vec<Change>>>,
    /// Records that were ever made, over all processes.
    records: Arc<AtomicUsize>,
}

impl Disk {
    pub(crate) fn new(name: &str, checks: bool) -> Self {
        Self { name: name.to_owned(), checks, durable: Arc::default(), records: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Change>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn records(&self) -> usize {
        self.records.load(Ordering::Relaxed)
    }

    fn ends_in_a_pause(&self) -> bool {
        matches!(self.lock().last(), Some(Change::Pause { pause: Some(_) }))
    }

    fn last_link(&self, group: &GroupId) -> Option<Link> {
        if !self.checks {
            return None;
        }
        let link = self.lock().iter().rev().find_map(|change| match change {
            Change::Ticket(ticket) if ticket.group == *group => Some(ticket.link.clone()),
            _ => None,
        });
        Some(link.unwrap_or(Link::Ready { attempts: 0 }))
    }

    /// What a process finds that starts now.
    pub(crate) fn open(&self, world: &World) -> ModelStore {
        let mut known = Known::default();
        let mut heads = vec![Head::EMPTY];
        for change in self.lock().iter() {
            known.take(change.clone());
            heads.push(next(heads[heads.len() - 1], change));
        }
        ModelStore { world: world.clone(), disk: self.clone(), known, heads, poisoned: false }
    }
}

/// The store of one process.
pub(crate) struct ModelStore {
    world: World,
    disk: Disk,
    known: Known,
    heads: Vec<Head>,
    poisoned: bool,
}

impl Store for ModelStore {
    fn known(&self) -> &Known {
        &self.known
    }

    fn head(&self) -> Head {
        self.heads[self.heads.len() - 1]
    }

    fn record(&mut self, _at: Timestamp, changes: &[Change]) -> Result<(), StateError> {
        if changes.is_empty() {
            return Ok(());
        }
        let failed = || StateError::Poisoned { directory: self.disk.name.clone().into() };
        if self.poisoned {
            return Err(failed());
        }
        let before = self.world.step("write");
        let random = {
            let mut inner = self.world.lock();
            let chance = inner.chances.disk;
            inner.random.chance(chance)
        };
        if before.is_some() || random {
            self.poisoned = true;
            // Any number of the first of them may have reached the disk, nothing of which was promised.
            let kept = self.world.lock().random.below(changes.len() as u64 + 1) as usize;
            if before != Some(Fault::Full) {
                self.disk.lock().extend_from_slice(&changes[..kept]);
            }
            return Err(failed());
        }
        self.disk.lock().extend_from_slice(changes);
        if self.world.step("written").is_some() {
            self.poisoned = true;
            return Err(failed());
        }
        self.disk.records.fetch_add(1, Ordering::Relaxed);
        for change in changes {
            self.known.take(change.clone());
            let next = next(self.head(), change);
            self.heads.push(next);
        }
        Ok(())
    }

    fn has(&self, head: Head) -> Result<bool, StateError> {
        Ok(self.heads.contains(&head))
    }
}

impl ModelStore {
    /// Whether replaying the disk gives what is known.
    pub(crate) fn is_whole(&self) -> bool {
        let mut replayed = Known::default();
        for change in self.disk.lock().iter() {
            replayed.take(change.clone());
        }
        replayed == self.known
    }
}

fn next(head: Head, change: &Change) -> Head {
    let mut hash = head.seq ^ 0xcbf2_9ce4_8422_2325;
    let text = head.hash.to_string();
    let kind = match change {
        Change::Ticket(ticket) => format!("{:?}", ticket.link),
        Change::Group(record) => record.group.id.to_string(),
        other => format!("{other:?}"),
    };
    for byte in text.bytes().skip(48).chain(kind.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let hash = format!("{hash:064x}").parse().unwrap_or(Head::EMPTY.hash);
    Head { seq: head.seq + 1, hash }
}

/// The clocks of the machine.
#[derive(Clone)]
pub(crate) struct ModelClock {
    pub(crate) world: World,
}

impl Clock for ModelClock {
    fn moment(&self) -> Moment {
        let elapsed = self.world.elapsed();
        let inner = self.world.lock();
        let begun = Timestamp::from_second(1_790_000_000).unwrap_or_default();
        let passed = SignedDuration::try_from(elapsed).unwrap_or_default();
        let at = begun.saturating_add(passed + inner.skew).unwrap_or(begun);
        let up_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Moment { at, boot: inner.boot.to_string(), up_ms }
    }
}

/// A paragraph that a person wrote.
pub(crate) fn paragraph(text: &str) -> Value {
    json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] })
}
