//! A model of Jira and of a disk, in one thread and in virtual time, that can fail at every step.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use disputebot::{
    apply::{self, Clock, Store, Tracker},
    group::GroupId,
    jira::{Account, Cause, Found, Glance, JiraError, Marked, Outcome, Ready, Seen, Silence, Transition},
    plan::{
        self, Category, Change as FieldChange, Heard, Home, Issue, Link, Mark, Moment, Observed, Part, Past,
        PastItem,
    },
    state::{Change, Head, Known, StateError, Waits},
    ticket::{
        Content, Markup, adf, block,
        document::{Block, plain_text},
        list::{Attached, List},
    },
};
use jiff::{SignedDuration, Timestamp, civil::Date};
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
/// The project that disputebot is set up with.
pub(crate) const HOME: &str = "DISP";
/// Another one, to which rules of routing send tickets.
pub(crate) const OTHER: &str = "ELSE";

/// The id of issue 0 of a project.
fn zero(project: &str) -> u64 {
    if project == OTHER { 5_000_000 } else { 10_000 }
}

/// The account of the bot.
pub(crate) const BOT: &str = "bot";
/// Hands the summary over.
pub(crate) const TAKE: &str = "/disputebot take summary";
/// A field that was configured.
pub(crate) const FIELD: &str = "Disputes";
/// Seconds since 1970 at which every life begins.
const BEGUN: i64 = 1_790_000_000;
/// Issues whose histories are read in one call.
const HISTORIES: usize = 20;
/// Calls that came later than the seeds that tests name: they draw from a stream of their own.
const LATER: [&str; 2] = ["histories", "watch"];

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
    /// Jira, or the disk, takes its time.
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
    pub(crate) slow_disk: u64,
    pub(crate) quota: u64,
    /// Of a call, that Jira shuts its endpoint or the issue that it writes to for a time.
    pub(crate) shut: u64,
    /// Of an edit, that a person writes into one of its fields in that very moment.
    pub(crate) hands: u64,
    /// Of a call but a create and the claim's own, that the machine sleeps for an hour before it: no lease can tell of one
    /// that sleeps right there.
    pub(crate) sleeps: u64,
    /// Of a call, that the other project is hidden from the bot until its next pass; there are passes that begin so, too.
    pub(crate) hides: u64,
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
        slow_disk: 0,
        quota: 0,
        shut: 0,
        hands: 0,
        sleeps: 0,
        hides: 0,
    };
}

/// Everything outside of the daemon.
#[derive(Clone)]
pub(crate) struct World {
    inner: Arc<Mutex<Inner>>,
    crash: Arc<Notify>,
    begun: Instant,
    /// Milliseconds for which a disk has kept everything waiting.
    stalled: Arc<AtomicU64>,
}

pub(crate) struct Inner {
    /// When it was last taken: nobody else runs, and no time passes, while somebody has it.
    now: Duration,
    pub(crate) random: Random,
    /// Of what was added later, so that what the seeds bring otherwise stays.
    pub(crate) later: Random,
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
    /// Since when there are no faults any more.
    pub(crate) calm_since: Option<Duration>,
    /// Creates that came so late after their record that they were not sent.
    pub(crate) held_up: usize,
    /// Longest wait of the protocol.
    pub(crate) settle: SignedDuration,
    /// Whether the state was lost, so that the next one takes over.
    pub(crate) has_lost_state: bool,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trouble of its own, on or off")]
pub(crate) struct Jira {
    pub(crate) issues: BTreeMap<u64, Ticket>,
    /// The newest number of each project.
    newest: BTreeMap<String, u64>,
    /// Whether rules send tickets to the other project now.
    pub(crate) has_rules: bool,
    /// Files that were ever attached.
    files: u64,
    /// What is still to be done, by when and by which order of arrival.
    queue: BTreeMap<(Duration, u64), Effect>,
    arrivals: u64,
    pub(crate) property: Option<Value>,
    /// Whether the other project is hidden from the bot.
    pub(crate) is_hidden: bool,
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
    /// Until when one part takes nothing, and how often one was told so.
    shut: BTreeMap<Part, Duration>,
    pub(crate) shuts: u64,
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
    /// Who changed what, in the order of time.
    pub(crate) history: Vec<Past>,
    /// What edits took away of what people had written after the look before, and what was said of it.
    pub(crate) lost: Vec<Loss>,
    /// Whether a comment was made once too often.
    pub(crate) is_repeated: bool,
    pub(crate) hidden: bool,
    /// Accounts that were made to watch it, as often as they were.
    pub(crate) watchers: Vec<String>,
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

/// Words of a person that an edit took away.
#[derive(Debug, Clone)]
pub(crate) struct Loss {
    /// Id of their entry in the history, and its field.
    pub(crate) entry: (String, String),
    pub(crate) words: Vec<String>,
    /// Whether a comment has given them back.
    pub(crate) is_given_back: bool,
}

/// A call as limits see it: its endpoint, and the issue that it writes to.
#[derive(Debug, Clone, Copy)]
struct Ask<'a> {
    what: &'static str,
    is_search: bool,
    writes_to: Option<&'a str>,
}

impl Ask<'_> {
    fn parts(&self) -> Vec<Part> {
        let endpoint = Part::Endpoint(self.what.to_owned());
        [endpoint].into_iter().chain(self.writes_to.map(|id| Part::Issue(id.to_owned()))).collect()
    }

    /// Its parts, where there is any that could be among some: most lives have none, and there are many calls.
    fn among<T>(&self, some: &BTreeMap<Part, T>) -> Vec<Part> {
        if some.is_empty() { Vec::new() } else { self.parts() }
    }
}

/// Why a call failed, and the part alone that wants to be left alone.
type Refused = (JiraError, Option<Part>);

impl World {
    pub(crate) fn new(
        seed: u64,
        chances: Chances,
        faults: Vec<(u64, Fault)>,
        settle: SignedDuration,
    ) -> Self {
        let inner = Inner {
            now: Duration::ZERO,
            random: Random(seed),
            later: Random(seed ^ 0x1a7e_5eed),
            chances,
            steps: 0,
            faults,
            crashed: false,
            trace: 0xcbf2_9ce4_8422_2325,
            jira: Jira::default(),
            skew: SignedDuration::ZERO,
            boot: 1,
            violations: Vec::new(),
            calm_since: None,
            held_up: 0,
            settle,
            has_lost_state: false,
        };
        let (inner, crash) = (Arc::new(Mutex::new(inner)), Arc::new(Notify::new()));
        Self { inner, crash, begun: Instant::now(), stalled: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.now = self.elapsed();
        inner.catch_up();
        inner
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed() + Duration::from_millis(self.stalled.load(Ordering::Relaxed))
    }

    /// The machine waits for its disk: nothing runs there, and time passes.
    pub(crate) fn stall(&self, wait: Duration) {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.stalled.fetch_add(ms, Ordering::Relaxed);
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
        let now = inner.now;
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

    /// One call: what it does when Jira gets to it, and what the client hears.
    async fn call<R: Send + 'static>(
        &self,
        ask: &Ask<'_>,
        effect: impl FnOnce(&mut Jira, Duration, &mut Random, Chances) -> R + Send + 'static,
    ) -> Result<R, Refused> {
        let what = ask.what;
        let failed = |cause| (JiraError { call: what.to_owned(), cause, said: String::new() }, None);
        let fault = self.step(what);
        if fault == Some(Fault::Crash) {
            std::future::pending::<()>().await;
        }
        let pause = {
            let mut inner = self.lock();
            let chance = inner.chances.pause;
            let sleeps = if matches!(what, "create" | "set claim") { 0 } else { inner.chances.sleeps };
            if sleeps > 0 && inner.later.chance(sleeps) {
                Some(Duration::from_hours(1))
            } else {
                let random = inner.stream(what).1;
                random.chance(chance).then(|| Duration::from_secs(random.below(300)))
            }
        };
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let answer = Arc::new(Mutex::new(None));
        let (heard, cause) = {
            let mut inner = self.lock();
            let (chances, now) = (inner.chances, inner.now);
            if chances.hides > 0 && inner.later.chance(chances.hides) {
                inner.jira.is_hidden = true;
            }
            if chances.shut > 0 && inner.later.chance(chances.shut) {
                let parts = ask.parts();
                let part = parts[inner.later.below(parts.len() as u64) as usize].clone();
                let until = now + Duration::from_secs(30 + inner.later.below(570));
                inner.jira.shut.insert(part, until);
                inner.jira.shuts += 1;
            }
            let (jira, random) = inner.stream(what);
            if fault == Some(Fault::Error) || random.chance(chances.refused) {
                return Err(failed(Cause::Connect));
            }
            if chances.quota > 0 && random.chance(chances.quota) {
                let wait = Duration::from_secs(30 + random.below(570));
                jira.closed_until = jira.closed_until.max(now + wait);
            }
            let busy = |until: Duration| {
                let wait = SignedDuration::try_from(until.saturating_sub(now)).unwrap_or_default();
                failed(Cause::Busy { wait: Some(wait) }).0
            };
            if now < jira.closed_until {
                return Err((busy(jira.closed_until), None));
            }
            let shut = |part: &Part| jira.shut.get(part).copied().filter(|until| now < *until);
            if let Some((until, part)) =
                ask.among(&jira.shut).into_iter().find_map(|part| Some((shut(&part)?, part)))
            {
                return Err((busy(until), Some(part)));
            }
            let lost_before = fault == Some(Fault::LostRequest) || random.chance(chances.lost_before);
            let execution = match fault {
                Some(Fault::LostAnswer) => Duration::from_secs(100),
                Some(Fault::Slow) => Duration::from_secs(25),
                _ if random.chance(chances.very_slow) => {
                    Duration::from_secs(30 + random.below(LONGEST_EXECUTION.as_secs() - 30))
                }
                _ if random.chance(chances.slow) => Duration::from_millis(2_000 + random.below(28_000)),
                _ => Duration::from_millis(100 + random.below(1_900)),
            };
            if !lost_before {
                let slot = Arc::clone(&answer);
                jira.do_at(
                    now + execution,
                    Box::new(move |jira, at, random, chances| {
                        let result = effect(jira, at, random, chances);
                        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                    }),
                );
            }
            let fails = ask.is_search && random.chance(chances.search_fails);
            if lost_before || execution >= CLIENT_LIMIT {
                (now + CLIENT_LIMIT, Some(Cause::Timeout))
            } else if random.chance(chances.lost_after) {
                (now + execution, Some(Cause::Broken))
            } else if fails || random.chance(chances.failed_after) {
                (now + execution, Some(Cause::Server(500)))
            } else {
                (now + execution, None)
            }
        };
        tokio::time::sleep(heard.saturating_sub(self.elapsed())).await;
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

    /// A person writes into a field of a ticket in the very moment in which it is edited.
    fn hands(&self, id: &str, changes: &[FieldChange]) {
        let mut inner = self.lock();
        let Inner { chances, later, jira, now, .. } = &mut *inner;
        if chances.hands == 0 || !later.chance(chances.hands) {
            return;
        }
        let may_write = |change: &&FieldChange| {
            matches!(
                change,
                FieldChange::Summary { .. } | FieldChange::Description { .. } | FieldChange::Field { .. }
            )
        };
        let fields: Vec<&FieldChange> = changes.iter().filter(may_write).collect();
        let Some(field) = fields.get(later.below(fields.len() as u64) as usize) else { return };
        let (field, at) = ((*field).clone(), *now + Duration::from_millis(1 + later.below(2_000)));
        let id = id.to_owned();
        jira.do_at(
            at,
            Box::new(move |jira, at, _, _| {
                let Some(ticket) = jira.open(&id) else { return };
                let words = format!("as a person has it {} ms after", at.as_millis());
                match field {
                    FieldChange::Summary { .. } => {
                        let is_handed_over =
                            ticket.observed.comments.iter().any(|comment| comment.text == TAKE);
                        ticket.summarize(&words, is_handed_over, at);
                    }
                    FieldChange::Description { .. } => ticket.write_above(&words, at),
                    _ => ticket.fill_in(&words, at),
                }
            }),
        );
    }

    /// What a person does to an issue.
    pub(crate) fn person(&self, act: impl FnOnce(&mut Jira, Duration, &mut Random)) {
        let mut inner = self.lock();
        let Inner { jira, random, now, .. } = &mut *inner;
        act(jira, *now, random);
    }
}

impl Inner {
    /// Jira, and what a call draws from.
    fn stream(&mut self, what: &str) -> (&mut Jira, &mut Random) {
        let random = if LATER.contains(&what) { &mut self.later } else { &mut self.random };
        (&mut self.jira, random)
    }

    fn catch_up(&mut self) {
        while let Some(next) = self.jira.queue.first_entry().filter(|next| next.key().0 <= self.now) {
            let (key, effect) = next.remove_entry();
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
        when: (Duration, Duration),
    ) -> u64 {
        self.add_to(HOME, creator, (summary, description), labels, mark, when) - zero(HOME)
    }

    /// Gives the id.
    pub(crate) fn add_to(
        &mut self,
        project: &str,
        creator: &str,
        (summary, description): (&str, Value),
        labels: BTreeSet<String>,
        mark: Option<Mark>,
        (now, indexed_at): (Duration, Duration),
    ) -> u64 {
        let newest = self.newest.entry(project.to_owned()).or_default();
        *newest += 1;
        let id = zero(project) + *newest;
        let issue = Issue { id: id.to_string(), key: format!("{project}-{newest}") };
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
            updated: instant(now).to_string().into(),
        };
        let ticket = Ticket {
            observed,
            creator: creator.to_owned(),
            mark,
            comments: Vec::new(),
            history: Vec::new(),
            lost: Vec::new(),
            is_repeated: false,
            hidden: false,
            watchers: Vec::new(),
            indexed: vec![(indexed_at, labels)],
            glanced: None,
            theirs: BTreeMap::new(),
        };
        self.issues.insert(id, ticket);
        id
    }

    /// Until when Jira, or a part of it, wants to be left alone.
    pub(crate) fn busy_until(&self) -> Duration {
        self.shut.values().copied().max().unwrap_or_default().max(self.closed_until)
    }

    fn do_at(&mut self, at: Duration, effect: Effect) {
        self.arrivals += 1;
        self.queue.insert((at, self.arrivals), effect);
    }

    /// Whether a daemon has claimed the project.
    pub(crate) fn is_claimed(&self) -> bool {
        self.property.is_some()
    }

    /// A person writes a comment under an issue.
    pub(crate) fn say(&mut self, id: u64, text: &str, at: Duration) {
        self.orders += 1;
        let (author, text) = (vec!["person".to_owned()], text.to_owned());
        let heard = Heard { id: self.orders, author, created: instant(at).to_string().into(), text };
        if let Some(ticket) = self.issues.get_mut(&id) {
            ticket.observed.comments.push(heard);
            ticket.touch(at);
        }
    }

    /// A number is given out and nothing comes of it.
    pub(crate) fn burn(&mut self) {
        *self.newest.entry(HOME.to_owned()).or_default() += 1;
    }

    fn shown(&self, id: &str) -> Option<&Ticket> {
        let id: u64 = id.parse().ok()?;
        self.issues.get(&id).filter(|ticket| !ticket.hidden && !self.hides(id))
    }

    /// Whether an issue is in a project that is hidden.
    fn hides(&self, id: u64) -> bool {
        self.is_hidden && id > zero(OTHER)
    }

    fn open(&mut self, id: &str) -> Option<&mut Ticket> {
        let id: u64 = id.parse().ok()?;
        if self.hides(id) {
            return None;
        }
        self.issues.get_mut(&id).filter(|ticket| !ticket.hidden)
    }

    fn marked(ticket: &Ticket) -> Option<Marked> {
        let by_label = ticket
            .observed
            .labels
            .iter()
            .filter_map(|label| label.strip_prefix("dispute-group-"))
            .find_map(GroupId::parse);
        let group = ticket.mark.as_ref().map(|mark| mark.group.clone()).or(by_label)?;
        let (issue, is_own) = (ticket.observed.issue.clone(), ticket.creator == BOT);
        Some(Marked { issue, group, mark: ticket.mark.clone(), is_own, home: None })
    }
}

impl Ticket {
    /// Whether it carries the mark of a group.
    pub(crate) fn is_of(&self, group: &GroupId) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.group == *group)
    }

    /// Whether the bot opened it in the other project, wherever it is now.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.creator == BOT && self.observed.issue.id.parse().is_ok_and(|id: u64| id > zero(OTHER))
    }

    /// A person writes into a field. Who types what stands there changes nothing, so theirs it is since the first time.
    pub(crate) fn hand_to_people(&mut self, field: &'static str, text: &str, at: Duration) {
        let is_said = self.theirs.get(field).is_some_and(|theirs| theirs.text == text);
        if !is_said {
            self.theirs.insert(field, Theirs { text: text.to_owned(), at });
        }
    }

    pub(crate) fn touch(&mut self, at: Duration) {
        self.observed.updated = instant(at).to_string().into();
    }

    /// An entry of the history: fields with what was there and what is there since.
    pub(crate) fn note(&mut self, at: Duration, is_ours: bool, items: Vec<(&str, String, String)>) {
        self.touch(at);
        let changed = items.into_iter().filter(|(_, from, to)| from != to);
        let items: Vec<PastItem> =
            changed.map(|(field, from, to)| PastItem { field: field.to_owned(), from, to }).collect();
        if !items.is_empty() {
            let id = (self.history.len() + 1).to_string();
            self.history.push(Past { id, at: instant(at), is_ours, items });
        }
    }

    /// A person writes a summary. Handed over by an order that is still to be read, it is not theirs.
    pub(crate) fn summarize(&mut self, words: &str, is_handed_over: bool, at: Duration) {
        let before = std::mem::replace(&mut self.observed.summary, words.to_owned());
        self.note(at, false, vec![("summary", before, words.to_owned())]);
        if !is_handed_over {
            self.hand_to_people("summary", words, at);
        }
    }

    /// A person writes above our block.
    pub(crate) fn write_above(&mut self, words: &str, at: Duration) {
        let Some(mark) = &self.mark else { return };
        let block::Located::Block { mut above, ours, below } = block::locate(&self.observed.description)
        else {
            return;
        };
        above.push(paragraph(words));
        let document = block::compose(Markup::Adf, &mark.group, &above, &ours, &below);
        let (before, after) = (lines(&self.observed.description), lines(&document));
        self.observed.description = document;
        self.note(at, false, vec![("description", before, after)]);
        self.hand_to_people("words", words, at);
    }

    /// A person writes into the field that was configured.
    pub(crate) fn fill_in(&mut self, words: &str, at: Duration) {
        let before = self.observed.fields.insert(FIELD.to_owned(), words.to_owned()).unwrap_or_default();
        self.note(at, false, vec![(FIELD, before, words.to_owned())]);
        self.hand_to_people("field", words, at);
    }

    /// Somebody moves it to a status.
    pub(crate) fn become_status(&mut self, is_ours: bool, category: Category, status: &str, at: Duration) {
        self.observed.category = category;
        let before = std::mem::replace(&mut self.observed.status, status.to_owned());
        self.note(at, is_ours, vec![("status", before, status.to_owned())]);
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

    /// Notes what a write takes away of what a person wrote in a field last, where that was after the look that it was
    /// made of.
    fn lose(&mut self, field: &str, to: &str, look: Option<Duration>) {
        let changed = |past: &&Past| past.items.iter().any(|item| item.field == field);
        let Some(last) = self.history.iter().rev().find(changed) else { return };
        if last.is_ours || look.is_none_or(|look| last.at <= instant(look)) {
            return;
        }
        let Some(item) = last.items.iter().find(|item| item.field == field) else { return };
        let is_gone = |line: &&str| !item.from.lines().chain(to.lines()).any(|kept| kept == *line);
        let words: Vec<String> = item.to.lines().filter(is_gone).map(str::to_owned).collect();
        if !words.is_empty() {
            let entry = (last.id.clone(), field.to_owned());
            self.lost.push(Loss { entry, words, is_given_back: false });
        }
    }

    /// An edit that was made of a look at some time, is done at another and indexed at a third. An error is a promise
    /// that it breaks.
    fn take_edit(
        &mut self,
        changes: Vec<FieldChange>,
        mark: Option<Mark>,
        (look, now, indexed): (Option<Duration>, Duration, Duration),
    ) -> Result<(), &'static str> {
        if mark.is_some() {
            self.mark = mark;
        }
        let mut items = Vec::new();
        for change in changes {
            match change {
                FieldChange::Summary { to, .. } => {
                    if self.goes_over("summary", look) {
                        return Err("the summary that a person wrote was overwritten");
                    }
                    self.lose("summary", &to, look);
                    let before = std::mem::replace(&mut self.observed.summary, to.clone());
                    items.push(("summary", before, to));
                }
                FieldChange::Description { document, .. } => {
                    let text = adf::text_of(&document);
                    let lacks = |words: &Theirs| !text.contains(words.text.as_str());
                    if self.theirs.get("words").is_some_and(lacks) && self.goes_over("words", look) {
                        return Err("words of a person beside our block were lost");
                    }
                    let (before, after) = (lines(&self.observed.description), lines(&document));
                    self.lose("description", &after, look);
                    self.observed.description = document;
                    items.push(("description", before, after));
                }
                FieldChange::Priority { to, .. } => {
                    let before = self.observed.priority.replace(to.clone()).unwrap_or_default();
                    items.push(("priority", before, to));
                }
                FieldChange::Due { to, .. } => {
                    let text = |due: Option<Date>| due.map_or_else(String::new, |due| due.to_string());
                    items.push(("duedate", text(self.observed.due), text(to)));
                    self.observed.due = to;
                }
                FieldChange::Field { name, to, .. } => {
                    if self.goes_over("field", look) {
                        return Err("the field that a person wrote was overwritten");
                    }
                    self.lose(FIELD, &to, look);
                    let before = self.observed.fields.insert(name, to.clone()).unwrap_or_default();
                    items.push((FIELD, before, to));
                }
                FieldChange::Labels { add, remove } => {
                    let before = self.labels();
                    self.observed.labels.extend(add);
                    self.observed.labels.retain(|label| !remove.contains(label));
                    self.relabel(indexed);
                    items.push(("labels", before, self.labels()));
                }
            }
        }
        self.note(now, true, items);
        Ok(())
    }

    pub(crate) fn labels(&self) -> String {
        self.observed.labels.iter().map(|label| format!("{label} ")).collect()
    }

    /// A comment of disputebot's. That a person changed the summary is said once more for each time that it was handed
    /// over before, all else once for ever.
    fn take_comment(&mut self, topic: String, text: &str, at: Duration) {
        self.touch(at);
        for loss in &mut self.lost {
            let (id, field) = &loss.entry;
            let is_said = || loss.words.iter().all(|line| text.contains(line.as_str()));
            loss.is_given_back |=
                plan::is_of_loss(&topic) && topic.ends_with(&format!("-{id}-{field}")) && is_said();
        }
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

/// A moment by Jira's clock, which nobody sets.
fn instant(at: Duration) -> Timestamp {
    let begun = Timestamp::from_second(BEGUN).unwrap_or_default();
    begun.saturating_add(at).unwrap_or(begun)
}

/// A description as the history has it.
fn lines(document: &Value) -> String {
    document["content"].as_array().map(|nodes| adf::plain_text(nodes)).unwrap_or_default()
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
    /// Until when this process leaves parts of Jira alone, also by the clock.
    shut: BTreeMap<Part, (Duration, Timestamp)>,
    /// The last wait that Jira asked for, and those for parts of it.
    asked: Option<Asked>,
    asked_of: BTreeMap<Part, Asked>,
    /// Calls that are under way, and the most there ever were.
    under_way: usize,
    pub(crate) most_under_way: usize,
    /// When the issues were as this process saw them last.
    looks: BTreeMap<String, Duration>,
}

struct Asked {
    until: Duration,
    /// Whether the process that heard it has died.
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
        manners.shut.clear();
        let Manners { asked, asked_of, .. } = &mut *manners;
        for asked in asked.iter_mut().chain(asked_of.values_mut()) {
            asked.has_died = true;
        }
    }

    /// Over a restart of the machine a clock that was set may end a wait: one call finds out.
    pub(crate) fn forgive_one_call_too_early(&self) {
        let mut manners = self.lock();
        (manners.asked, manners.asked_of) = (None, BTreeMap::new());
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

/// What a call about an issue of a project that is hidden is told.
fn not_found(what: &str) -> JiraError {
    JiraError { call: what.to_owned(), cause: Cause::NotFound, said: String::new() }
}

/// What a search says of a project that is hidden.
fn no_such_project() -> JiraError {
    JiraError { call: "search".to_owned(), cause: Cause::Refused(400), said: String::new() }
}

impl Tracker for ModelJira {
    async fn sign_in(&self) -> Result<Account, JiraError> {
        self.call("sign in", false, |jira, _, _, _| jira.reads += 1).await?;
        Ok(Account { id: BOT.to_owned(), name: String::new() })
    }

    fn home(&self) -> Home {
        Home { site: "https://jira.example.com".to_owned(), project: HOME.to_owned() }
    }

    fn elsewhere(&self) -> Vec<String> {
        let has_rules = self.world.lock().jira.has_rules;
        has_rules.then(|| OTHER.to_owned()).into_iter().collect()
    }

    fn markup(&self) -> Markup {
        Markup::Adf
    }

    fn filling(&self) -> &BTreeMap<String, String> {
        const NOTHING: &BTreeMap<String, String> = &BTreeMap::new();
        NOTHING
    }

    async fn newest_number(&self, project: &str) -> Result<u64, JiraError> {
        let (is_other, zero) = (project == OTHER, zero(project));
        let newest = self.call("newest", true, move |jira, now, _, _| {
            jira.reads += 1;
            if is_other && jira.is_hidden {
                return None;
            }
            let mut of_project = jira.issues.range(zero..zero + 1_000_000).rev();
            let shown =
                of_project.find(|(id, ticket)| ticket.indexed_labels(now).is_some() && !jira.hides(**id));
            Some(shown.map_or(0, |(id, _)| id - zero))
        });
        newest.await?.ok_or_else(no_such_project)
    }

    async fn create(&self, content: &Content, mark: &Mark) -> Outcome<Issue> {
        let number = self.check_create(&mark.group);
        let (content, own) = (content.clone(), mark.clone());
        let description = block::compose(Markup::Adf, &mark.group, &[], &adf::nodes(&content.block), &[]);
        let sent = self
            .call("create", false, move |jira, now, random, chances| {
                jira.writes += 1;
                let indexed = indexed_at(now, random, chances);
                if jira.is_hidden && content.project.is_some() {
                    return Err(not_found("create"));
                }
                let labels = content.labels.iter().cloned().collect();
                let when = (now, indexed);
                let project = content.project.as_deref().unwrap_or(HOME);
                let text = (content.summary.as_str(), description);
                let id = jira.add_to(project, BOT, text, labels, Some(own), when);
                Ok(jira.issues.get_mut(&id).map(|ticket| {
                    ticket.observed.priority.clone_from(&content.priority);
                    ticket.observed.due = content.due;
                    ticket.observed.fields.clone_from(&content.fields);
                    ticket.observed.issue.clone()
                }))
            })
            .await;
        match sent.and_then(|done| done) {
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

    async fn histories(&self, ids: &[String]) -> Result<BTreeMap<String, Vec<Past>>, JiraError> {
        let ids = ids.to_vec();
        self.call("histories", false, move |jira, _, _, _| {
            jira.reads += ids.len().div_ceil(HISTORIES) as u64;
            let shown = ids.iter().filter_map(|id| Some((id.clone(), jira.shown(id)?.history.clone())));
            shown.collect()
        })
        .await
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
                    if jira.hides(id) {
                        continue;
                    }
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

    async fn numbered(&self, project: &str, numbers: RangeInclusive<u64>) -> Result<Seen, JiraError> {
        let zero = zero(project);
        self.call("numbered", false, move |jira, _, _, _| {
            jira.reads += 1;
            let (first, last) = (zero + numbers.start(), zero + numbers.end());
            let shown: Vec<(&u64, &Ticket)> = jira
                .issues
                .range(first..=last)
                .filter(|(id, ticket)| !ticket.hidden && !jira.hides(**id))
                .collect();
            Seen {
                highest: shown.last().map(|(id, _)| *id - zero),
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

    async fn has_project(&self, _key: &str) -> Result<bool, JiraError> {
        self.call("project", false, |jira, _, _, _| {
            jira.reads += 1;
            !jira.is_hidden
        })
        .await
    }

    async fn touched(&self, label: &str, _: u32) -> Result<Found, JiraError> {
        self.labelled(label, &[]).await
    }

    async fn labelled(&self, label: &str, projects: &[String]) -> Result<Found, JiraError> {
        let label = label.to_owned();
        let zeros: Vec<u64> = projects.iter().map(|project| zero(project)).collect();
        let asks_other = projects.iter().any(|project| project == OTHER);
        let found = self.call("search", true, move |jira, now, _, _| {
            jira.reads += 1;
            if asks_other && jira.is_hidden {
                return None;
            }
            let is_asked = |id: u64| {
                zeros.is_empty() || zeros.iter().any(|zero| (*zero..zero + 1_000_000).contains(&id))
            };
            let shown = jira.issues.iter().filter(|(id, ticket)| {
                let has_label = ticket.indexed_labels(now).is_some_and(|labels| labels.contains(&label));
                !ticket.hidden && !jira.hides(**id) && has_label && is_asked(**id)
            });
            let ids = shown.map(|(id, _)| id.to_string()).collect();
            Some(Found { ids, cut: jira.cut.clone() })
        });
        found.await?.ok_or_else(no_such_project)
    }

    async fn edit(
        &self,
        issue: &Issue,
        changes: &[FieldChange],
        mark: Option<&Mark>,
    ) -> Result<(), JiraError> {
        let (id, changes, mark) = (issue.id.clone(), changes.to_vec(), mark.cloned());
        let look = self.client.lock().looks.get(&id).copied();
        self.world.hands(&id, &changes);
        self.write("edit", &issue.id, move |jira, now, random, chances| {
            jira.writes += 1;
            let when = (look, now, indexed_at(now, random, chances));
            let broken = jira.open(&id).and_then(|ticket| ticket.take_edit(changes, mark, when).err());
            jira.broken.extend(broken.map(str::to_owned));
        })
        .await
    }

    async fn relabel(&self, issue: &Issue, label: &str, present: bool) -> Result<(), JiraError> {
        let (id, label) = (issue.id.clone(), label.to_owned());
        let done = self
            .write("relabel", &issue.id, move |jira, now, random, chances| {
                jira.writes += 1;
                jira.fences += u64::from(!present);
                let indexed = indexed_at(now, random, chances);
                let ticket = jira.open(&id)?;
                let before = ticket.labels();
                if present {
                    ticket.observed.labels.insert(label);
                } else {
                    ticket.observed.labels.remove(&label);
                }
                ticket.relabel(indexed);
                let after = ticket.labels();
                ticket.note(now, true, vec![("labels", before, after)]);
                Some(())
            })
            .await?;
        done.ok_or_else(|| JiraError {
            call: "relabel".to_owned(),
            cause: Cause::NotFound,
            said: String::new(),
        })
    }

    async fn add_watcher(&self, issue: &Issue, who: &str) -> Result<(), JiraError> {
        let (id, who) = (issue.id.clone(), who.to_owned());
        self.write("watch", &issue.id, move |jira, _, _, _| {
            jira.writes += 1;
            if let Some(ticket) = jira.open(&id) {
                ticket.watchers.push(who);
            }
        })
        .await
    }

    async fn comment(&self, issue: &Issue, topic: &str, body: &[Block]) -> Outcome<String> {
        let (id, topic, text) = (issue.id.clone(), topic.to_owned(), plain_text(body));
        let sent = self
            .write("comment", &issue.id, move |jira, now, _, _| {
                jira.writes += 1;
                if let Some(ticket) = jira.open(&id) {
                    ticket.take_comment(topic, &text, now);
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
        let found = self.call("comments", false, move |jira, _, _, _| {
            jira.reads += 1;
            if jira.hides(id.parse().unwrap_or_default()) {
                return None;
            }
            Some(jira.shown(&id).filter(|ticket| ticket.comments.contains(&topic)).map(|_| "1".to_owned()))
        });
        found.await?.ok_or_else(|| not_found("comments"))
    }

    async fn heard(&self, issue: &Issue) -> Result<Vec<Heard>, JiraError> {
        let id = issue.id.clone();
        let heard = self.call("heard", false, move |jira, _, _, _| {
            jira.reads += 1;
            if jira.hides(id.parse().unwrap_or_default()) {
                return None;
            }
            Some(jira.shown(&id).map(|ticket| ticket.observed.comments.clone()).unwrap_or_default())
        });
        heard.await?.ok_or_else(|| not_found("heard"))
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
            .write("attach", &issue.id, move |jira, _, _, _| {
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
        let lists = self.call("lists", false, move |jira, _, _, _| {
            jira.reads += 1;
            if jira.hides(id.parse().unwrap_or_default()) {
                return None;
            }
            Some(jira.shown(&id).map(|ticket| ticket.observed.lists.clone()).unwrap_or_default())
        });
        lists.await?.ok_or_else(|| not_found("lists"))
    }

    async fn detach(&self, issue: &Issue, list: &Attached) -> Result<(), JiraError> {
        let id = list.id.clone();
        self.write("detach", &issue.id, move |jira, _, _, _| {
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
            .write("transition", &issue.id, move |jira, now, _, _| {
                jira.writes += 1;
                let ticket = jira.open(&id)?;
                let starts_here = match transition.id.as_str() {
                    "1" => ticket.observed.status == "To Do",
                    "2" | "3" => ticket.observed.status == "In Review",
                    _ => ticket.observed.status == "Done",
                };
                if starts_here {
                    ticket.become_status(true, transition.category, &transition.to, now);
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

    async fn learn_fields(
        &self,
        _tickets: &[Issue],
        _elsewhere: &BTreeMap<String, bool>,
    ) -> Result<Arc<Ready>, JiraError> {
        Ok(Arc::default())
    }

    async fn look_up(&self, _people: BTreeMap<String, BTreeSet<String>>) -> Result<Arc<Ready>, JiraError> {
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

    async fn make_room(&self, issue: Option<&Issue>) -> Result<(), JiraError> {
        let what = if issue.is_some() { "comment" } else { "create" };
        let ask = Ask { what, is_search: false, writes_to: issue.map(|issue| issue.id.as_str()) };
        self.wait_for_jira(&ask, LONGEST_WAIT).await
    }

    fn time(&self) -> Option<Timestamp> {
        // Known from the last answer, which may be old by a minute.
        let minutes = i64::try_from(self.world.elapsed().as_secs() / 60).unwrap_or(0);
        Timestamp::from_second(BEGUN + 60 * minutes).ok()
    }

    fn silence(&self) -> Option<Silence> {
        let quiet = self.client.lock().quiet.clone();
        let (_, silence) = quiet.filter(|(until, _)| self.world.elapsed() < *until)?;
        Some(silence)
    }

    fn keep_silent(&self, wait: SignedDuration, reason: &str) {
        self.client.lock().quiet = Some(self.quiet_for(wait, reason));
    }

    fn shut(&self) -> Vec<(Part, Timestamp)> {
        let now = self.world.elapsed();
        let shut = self.client.lock().shut.clone();
        let shut = shut.into_iter().filter(|(_, (until, _))| now < *until);
        shut.map(|(part, (_, until))| (part, until)).collect()
    }

    fn keep_shut(&self, part: &Part, wait: SignedDuration) {
        let (until, Silence { until: by_clock, .. }) = self.quiet_for(wait, "");
        self.client.lock().shut.insert(part.clone(), (until, by_clock));
    }
}

impl ModelJira {
    async fn call<R: Send + 'static>(
        &self,
        what: &'static str,
        is_search: bool,
        effect: impl FnOnce(&mut Jira, Duration, &mut Random, Chances) -> R + Send + 'static,
    ) -> Result<R, JiraError> {
        self.ask(&Ask { what, is_search, writes_to: None }, effect).await
    }

    /// A write to an issue.
    async fn write<R: Send + 'static>(
        &self,
        what: &'static str,
        id: &str,
        effect: impl FnOnce(&mut Jira, Duration, &mut Random, Chances) -> R + Send + 'static,
    ) -> Result<R, JiraError> {
        let number = id.parse().unwrap_or_default();
        let ask = Ask { what, is_search: false, writes_to: Some(id) };
        let done = self.ask(&ask, move |jira, now, random, chances| {
            (!jira.hides(number)).then(|| effect(jira, now, random, chances))
        });
        done.await?.ok_or_else(|| not_found(what))
    }

    /// A call as the client sends it: not while Jira, or the part that it goes to, wants to be left alone.
    async fn ask<R: Send + 'static>(
        &self,
        ask: &Ask<'_>,
        effect: impl FnOnce(&mut Jira, Duration, &mut Random, Chances) -> R + Send + 'static,
    ) -> Result<R, JiraError> {
        let longest = if SENT_ONCE.contains(&ask.what) { LONGEST_WAIT_ONCE } else { LONGEST_WAIT };
        self.wait_for_jira(ask, longest).await?;
        self.check_silence(ask);
        let under_way = UnderWay(self.client.clone());
        {
            let mut manners = self.client.lock();
            manners.under_way += 1;
            manners.most_under_way = manners.most_under_way.max(manners.under_way);
        }
        let answer = self.world.call(ask, effect).await;
        drop(under_way);
        let (error, part) = match answer {
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        if let Cause::Busy { wait: Some(wait) } = error.cause {
            let quiet = self.quiet_for(wait, "quota");
            let mut manners = self.client.lock();
            let asked = Asked { until: quiet.0, has_died: false };
            if let Some(part) = part {
                manners.asked_of.insert(part.clone(), asked);
                manners.shut.insert(part, (quiet.0, quiet.1.until));
            } else {
                manners.asked = Some(asked);
                manners.quiet = Some(quiet);
            }
            drop(manners);
            self.disk.put_down(
                self.silence(),
                self.shut(),
                &ModelClock { world: self.world.clone() }.moment(),
            );
        }
        Err(error)
    }

    fn quiet_for(&self, wait: SignedDuration, reason: &str) -> (Duration, Silence) {
        let at = ModelClock { world: self.world.clone() }.moment().at;
        let until = at.saturating_add(wait).unwrap_or(at);
        (self.world.elapsed() + wait.unsigned_abs(), Silence { until, reason: reason.to_owned() })
    }

    async fn wait_for_jira(&self, ask: &Ask<'_>, longest: Duration) -> Result<(), JiraError> {
        loop {
            let now = self.world.elapsed();
            let (left, cause) = {
                let manners = self.client.lock();
                let quiet = manners.quiet.clone().filter(|(until, _)| now < *until);
                let parts = ask.among(&manners.shut);
                let shut = parts.iter().filter_map(|part| Some(manners.shut.get(part)?.0)).max();
                let until = quiet.iter().map(|(until, _)| *until).chain(shut).max().unwrap_or_default();
                let left = until.saturating_sub(now);
                let cause = quiet.map_or_else(
                    || Cause::Busy { wait: SignedDuration::try_from(left).ok() },
                    |(_, silence)| Cause::Paused { until: silence.until },
                );
                (left, cause)
            };
            if left.is_zero() {
                return Ok(());
            }
            if left > longest {
                return Err(JiraError { call: ask.what.to_owned(), cause, said: String::new() });
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Nothing is sent in a time for which Jira, or the part that it goes to, asked to be left alone, also not by the
    /// next process.
    fn check_silence(&self, ask: &Ask<'_>) {
        if !self.disk.checks {
            return;
        }
        let now = self.world.elapsed();
        let manners = self.client.lock();
        let is_early = |asked: &Asked| (now < asked.until).then_some(asked.has_died);
        let whole = manners.asked.as_ref().and_then(is_early);
        let parts = ask.among(&manners.asked_of);
        let part = parts.iter().find_map(|part| is_early(manners.asked_of.get(part)?));
        for (what, early) in [("Jira", whole), ("that part of Jira", part)] {
            let Some(has_died) = early else { continue };
            let died = if has_died { "after a restart" } else { "by the same process" };
            let sent = ask.what;
            self.world
                .lock()
                .violation(format!("{sent} was sent {died} while {what} wanted to be left alone"));
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
                    let latest = sent.up_ms + u64::try_from(LATEST.as_millis()).unwrap_or(u64::MAX);
                    if now.as_millis() > u128::from(latest) {
                        inner.violation(
                            "a create was sent long after the record that its wait is measured by",
                        );
                    }
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

/// How long a create may be held up after the record of its intent: Jira's time for it has begun.
const LATEST: Duration = Duration::from_secs(30);
/// How long a slow disk takes, at most.
const LONGEST_STALL: Duration = Duration::from_secs(40);

/// The disk of one daemon: what was synced survives, and of what was written after that any number of the first
/// changes.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) name: String,
    /// Whether creates are held against what is on it.
    pub(crate) checks: bool,
    durable: Arc<Mutex<Vec<Change>>>,
    pending: Arc<Mutex<Vec<Change>>>,
    /// Whether it says of what is pending that it is synced.
    lies: bool,
    /// What Jira asks to wait for, beside the state.
    waits: Arc<Mutex<Waits>>,
}

impl Disk {
    pub(crate) fn new(name: &str, checks: bool) -> Self {
        let (durable, pending, waits) = Default::default();
        Self { name: name.to_owned(), checks, durable, pending, lies: false, waits }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Change>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what Jira asks to wait for, as soon as it is heard, in a file of its own that is replaced as a whole. Where
    /// that fails one call comes too early, and so it does not fail here.
    fn put_down(&self, silence: Option<Silence>, shut: Vec<(Part, Timestamp)>, now: &Moment) {
        let news = apply::pause::waits(silence, shut, now);
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        *waits = waits.clone().with(news, now);
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

    pub(crate) fn that_lies(self, lies: bool) -> Self {
        Self { lies, ..self }
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Vec<Change>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that was written is on it from now on.
    fn sync(&self) {
        self.lock().append(&mut self.pending());
    }

    /// What a process finds that starts now.
    pub(crate) fn open(&self, world: &World) -> ModelStore {
        {
            let mut pending = self.pending();
            if !pending.is_empty() {
                let kept = world.lock().later.below(pending.len() as u64 + 1) as usize;
                pending.truncate(kept);
            }
        }
        self.sync();
        let mut known = Known::default();
        let mut heads = vec![0];
        for change in self.lock().iter() {
            known.take(change.clone());
            heads.push(next(&heads, change));
        }
        known.waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ModelStore { world: world.clone(), disk: self.clone(), known, heads, poisoned: false }
    }
}

/// The store of one process.
pub(crate) struct ModelStore {
    world: World,
    disk: Disk,
    known: Known,
    /// A hash for each record, from that of none.
    heads: Vec<u64>,
    poisoned: bool,
}

impl Store for ModelStore {
    fn known(&self) -> &Known {
        &self.known
    }

    fn head(&self) -> Head {
        head(&self.heads, self.heads.len() - 1)
    }

    fn record(&mut self, _at: Timestamp, changes: &[Change]) -> Result<(), StateError> {
        if changes.is_empty() {
            return Ok(());
        }
        let failed = || StateError::Poisoned { directory: self.disk.name.clone().into() };
        if self.poisoned {
            return Err(failed());
        }
        let before = self.step("write");
        let (random, slow) = {
            let mut inner = self.world.lock();
            let Chances { disk, slow_disk, .. } = inner.chances;
            let is_slow = slow_disk > 0 && inner.later.chance(slow_disk);
            let ms = is_slow.then(|| inner.later.below(LONGEST_STALL.as_millis() as u64));
            (inner.random.chance(disk), ms.map(Duration::from_millis))
        };
        self.world.stall(slow.unwrap_or_default());
        if before.is_some() || random {
            self.poisoned = true;
            // Any number of the first of them may have reached the disk, nothing of which was promised.
            let kept = self.world.lock().random.below(changes.len() as u64 + 1) as usize;
            if before != Some(Fault::Full) {
                self.disk.pending().extend_from_slice(&changes[..kept]);
            }
            return Err(failed());
        }
        if self.disk.lies {
            self.disk.sync();
        }
        self.disk.pending().extend_from_slice(changes);
        if self.step("sync").is_some() {
            self.poisoned = true;
            return Err(failed());
        }
        if !self.disk.lies {
            self.disk.sync();
        }
        for change in changes {
            self.known.take(change.clone());
            self.heads.push(next(&self.heads, change));
        }
        Ok(())
    }

    fn has(&self, head: Head) -> Result<bool, StateError> {
        let seq = usize::try_from(head.seq).unwrap_or(usize::MAX);
        Ok(seq < self.heads.len() && crate::model::head(&self.heads, seq) == head)
    }
}

impl ModelStore {
    /// One step of the disk. Where it is slow there, nothing else is wrong with it.
    fn step(&self, what: &'static str) -> Option<Fault> {
        let fault = self.world.step(what);
        if fault == Some(Fault::Slow) {
            self.world.stall(LONGEST_STALL);
        }
        fault.filter(|fault| *fault != Fault::Slow)
    }

    /// Whether replaying the disk gives what is known.
    pub(crate) fn is_whole(&self) -> bool {
        let mut replayed = Known { waits: self.known.waits.clone(), ..Known::default() };
        for change in self.disk.lock().iter() {
            replayed.take(change.clone());
        }
        replayed == self.known
    }
}

/// The hash of a record that follows others.
fn next(heads: &[u64], change: &Change) -> u64 {
    struct Fnv(u64);
    impl std::fmt::Write for Fnv {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0 = text
                .bytes()
                .fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            Ok(())
        }
    }
    let mut hash = Fnv(heads[heads.len() - 1] ^ 0xcbf2_9ce4_8422_2325);
    let written = match change {
        Change::Ticket(ticket) => write!(hash, "{:?}", ticket.link),
        Change::Group(record) => write!(hash, "{}", record.group.id),
        other => write!(hash, "{other:?}"),
    };
    assert!(written.is_ok(), "a hash takes every text");
    hash.0
}

/// The head of the journal after so many records.
fn head(heads: &[u64], seq: usize) -> Head {
    let hash = format!("{:064x}", heads[seq]).parse().unwrap_or(Head::EMPTY.hash);
    Head { seq: seq as u64, hash }
}

/// The clocks of the machine.
#[derive(Clone)]
pub(crate) struct ModelClock {
    pub(crate) world: World,
}

impl Clock for ModelClock {
    fn moment(&self) -> Moment {
        let inner = self.world.lock();
        let elapsed = inner.now;
        let begun = Timestamp::from_second(BEGUN).unwrap_or_default();
        let passed = SignedDuration::try_from(elapsed).unwrap_or_default();
        let at = begun.saturating_add(passed + inner.skew).unwrap_or(begun);
        let up_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        Moment { at, boot: inner.boot.to_string(), up_ms, there: None }
    }
}

/// A paragraph that a person wrote.
pub(crate) fn paragraph(text: &str) -> Value {
    json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] })
}
