//! Which disputebot works on a project, and how far its journal had come: a property of the Jira project.
//!
//! The claim on `jira.project` is the only one, also where rules of routing open tickets in other projects: whoever may
//! not write there opens none elsewhere either, and a state that is made anew from Jira knows from it where else to read.
//!
//! It does two things. It keeps a second disputebot out that has a state of its own and so would open every
//! ticket again. And it anchors the head of the journal outside of this machine: a state that does not have
//! that record is older than what worked on the project, such as a restored backup.
//!
//! Jira may carry out a write of it long after its answer was lost, in the place of a later one, which then says no more
//! from where tickets are being opened. So that one is under way is on disk before it is sent, and part of the head that it
//! names; and no ticket is opened while an earlier one may still come. One that was sent to a free project may have come in
//! the place of that of another machine, which opened tickets: Jira is read before this one opens any.
//!
//! # What it cannot do
//!
//! Jira has no compare-and-set and checks no token, so this is no lock. Two that claim a free project in the
//! same second can both believe for half a minute that it is theirs; one that sleeps between looking at the
//! claim and sending a write, for longer than the quarantine of the one that took over, can still open one
//! ticket too many, or say something twice: a look is good for half a minute. One that sleeps right before it writes the
//! claim itself takes the project back, and the other one stops; it finds that its claim took longer than a call can, and
//! opens nothing before it has read Jira twice. No lease can exclude that; a later run finds such a
//! ticket and closes it. Whoever finds the claim to be another's writes nothing more, not even the claim.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::port::{Clock, Store, Tracker};
use super::{Failure, Policy, RecoverError};
use crate::{
    jira::{Cause, JiraError},
    plan::Moment,
    state::{Change, Claimed, Doubt, Head, Rival, StateError},
};

/// How long a look at the claim is good for a create.
const FRESH: SignedDuration = SignedDuration::from_secs(30);
/// How long a claim can be on its way after a good look: the time of a call, and a little.
const LONGEST: SignedDuration = SignedDuration::from_secs(75);
/// How often the claim is sent, where Jira may take it a little later: as long as the look is good.
const ATTEMPTS: u64 = 4;

/// The property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Form of this property.
    pub schema: u32,
    /// Which state works on the project.
    pub instance: String,
    /// Machine that it was last on, for people.
    pub host: String,
    /// Counts who took over.
    pub epoch: u64,
    /// Changes with each sign of life.
    #[serde(default)]
    pub beat: u64,
    /// Random name of the pass that wrote it last: of two copies of one state, one sees that the other is at work.
    #[serde(default)]
    pub session: String,
    /// A record that its journal has.
    pub head: Head,
    /// While tickets are being opened: they have a higher issue number than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening_after: Option<u64>,
    /// The other projects in which it ever opened tickets, each with the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub elsewhere: BTreeMap<String, Option<u64>>,
}

impl Claim {
    const SCHEMA: u32 = 1;

    fn read(value: Value) -> Result<Self, JiraError> {
        let unreadable = |said: String| JiraError {
            call: "GET the project property `disputebot`".to_owned(),
            cause: crate::jira::Cause::Broken,
            said,
        };
        let claim: Self = serde_json::from_value(value).map_err(|error| unreadable(error.to_string()))?;
        if claim.schema > Self::SCHEMA {
            let said = format!("it has form {}, this build reads {}", claim.schema, Self::SCHEMA);
            return Err(unreadable(said));
        }
        Ok(claim)
    }
}

/// What the property of the project says about this state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody works on the project, or nobody looks.
    Free,
    /// This state does. Where it died while opening tickets, they have a higher number than this.
    Ours {
        /// By project.
        openings: BTreeMap<String, u64>,
    },
}

/// Looks at the claim of the project and says what it means. Records a doubt where this state is older than
/// what worked on the project, or takes over.
pub(super) async fn look(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    may_write: bool,
) -> Result<Standing, RecoverError> {
    if !policy.lease {
        return Ok(Standing::Free);
    }
    let asked = clock.moment();
    let Some(value) = tracker.project_property().await? else { return Ok(Standing::Free) };
    let claim = Claim::read(value)?;
    let mine = store.known().claim.clone();
    if mine.as_ref().is_some_and(|mine| mine.instance == claim.instance && mine.epoch == claim.epoch) {
        let now = clock.moment().at;
        if store.known().doubt.is_none() && !store.has(claim.head)? {
            let reason = format!(
                "the state ends before record {} of its journal, with which tickets were written",
                claim.head.seq
            );
            store.record(now, &[Change::Doubt { doubt: Some(Doubt { reason, read: None }) }])?;
        }
        if store.known().doubt.is_none() && was_free(store) {
            came_late(store, clock)?;
        }
        learn(&claim, store, clock)?;
        let openings = openings(&claim, tracker);
        if may_write && policy.takeover_after.is_some() {
            give_sign_of_life(tracker, store, clock, policy, &asked, claim).await?.map_err(ended)?;
        }
        return Ok(Standing::Ours { openings });
    }
    if !may_write {
        return Ok(Standing::Free);
    }
    let now = clock.moment();
    let same = mine.as_ref().is_some_and(|mine| mine.instance == claim.instance);
    let gone = match (policy.takeover_after, &store.known().rival) {
        (Some(limit), Some(rival)) if rival.is(&claim.instance, claim.epoch, claim.beat) => {
            now.since_for_certain(&rival.seen).is_some_and(|passed| passed >= limit)
        }
        _ => false,
    };
    if !(policy.take_over || gone || same) {
        let rival = Rival {
            instance: claim.instance.clone(),
            epoch: claim.epoch,
            beat: claim.beat,
            seen: now.clone(),
        };
        let known = store.known().rival.as_ref();
        // A boot of which nothing is known any more begins the wait anew.
        let stale = known.is_none_or(|known| {
            !known.is(&claim.instance, claim.epoch, claim.beat)
                || now.since_for_certain(&known.seen).is_none()
        });
        if stale {
            store.record(now.at, &[Change::Rival { rival: Some(rival) }])?;
        }
        // What this one took over itself, and could not say so, was not taken from it.
        let ours = mine.is_some_and(|mine| mine.epoch < claim.epoch);
        return Err(RecoverError::Foreign { host: claim.host, epoch: claim.epoch, ours });
    }
    let reason = if same {
        // A restored copy of this very state, from before it took over.
        "the state is from before its last take-over".to_owned()
    } else {
        format!("took over from the disputebot on `{}`", claim.host)
    };
    let before = mine.as_ref().map_or(0, |mine| mine.epoch);
    let claimed = Claimed {
        instance: mine.map_or_else(|| policy.instance.clone(), |mine| mine.instance),
        // Also where an earlier take-over of this state never arrived.
        epoch: before.max(claim.epoch) + 1,
        // What the one before may still be at is over before this one opens anything: it is in doubt for longer.
        sent: None,
        was_free: false,
    };
    store.record(
        now.at,
        &[
            Change::Doubt { doubt: Some(Doubt { reason, read: None }) },
            Change::Claim { claim: Some(claimed.clone()) },
        ],
    )?;
    learn(&claim, store, clock)?;
    let openings = openings(&claim, tracker);
    let taken = Claim {
        schema: Claim::SCHEMA,
        instance: claimed.instance,
        host: policy.host.clone(),
        epoch: claimed.epoch,
        beat: beat(clock),
        session: policy.instance.clone(),
        head: store.head(),
        opening_after: claim.opening_after,
        elsewhere: claim.elsewhere,
    };
    let look = Look { asked, is_free: false };
    send(tracker, store, clock, policy, &look, taken).await?.map_err(ended)?;
    // Where it did not get through, the other one still counts as gone.
    store.record(clock.moment().at, &[Change::Rival { rival: None }])?;
    Ok(Standing::Ours { openings })
}

/// Notes the projects that a claim names.
fn learn(claim: &Claim, store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    let known = &store.known().projects;
    let new = claim.elsewhere.keys().filter(|project| !known.contains(*project));
    let changes: Vec<Change> = new.map(|project| Change::Project { project: project.clone() }).collect();
    if changes.is_empty() { Ok(()) } else { store.record(clock.moment().at, &changes) }
}

fn openings(claim: &Claim, tracker: &impl Tracker) -> BTreeMap<String, u64> {
    let home = claim.opening_after.map(|after| (tracker.home().project, after));
    let elsewhere = claim.elsewhere.iter().filter_map(|(project, after)| Some((project.clone(), (*after)?)));
    home.into_iter().chain(elsewhere).collect()
}

/// A look at the claim because of which one is sent.
struct Look {
    asked: Moment,
    /// Whether nobody worked on the project.
    is_free: bool,
}

/// Keeps the claim while tickets are written.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    policy: &'a Policy,
    /// When the claim was last seen to be ours.
    seen: Option<Moment>,
    /// When this run claimed a project that was free: for some time after that it is looked at before each create.
    fresh_since: Option<Moment>,
    /// When this run last gave a sign of life.
    beaten: Option<Moment>,
    /// Whether the claim is that of this run: no other copy of the state may be at work since.
    has_begun: bool,
    /// Whether this run waited for an earlier claim.
    has_waited: bool,
    /// The projects in which this run opens tickets: they have higher numbers.
    openings: BTreeMap<String, u64>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        Self {
            policy,
            seen: None,
            fresh_since: None,
            beaten: None,
            has_begun: false,
            has_waited: false,
            openings: BTreeMap::new(),
        }
    }

    /// Says in the claim that tickets are about to be opened in a project.
    pub(super) async fn begin(
        &mut self,
        tracker: &impl Tracker,
        store: &mut impl Store,
        clock: &impl Clock,
        project: &str,
        opening_after: u64,
    ) -> Result<Result<(), Failure>, StateError> {
        let now = clock.moment();
        if project != tracker.home().project && !store.known().projects.contains(project) {
            store.record(now.at, &[Change::Project { project: project.to_owned() }])?;
        }
        if !self.policy.lease {
            return Ok(Ok(()));
        }
        if store.known().claim.is_none() {
            let instance = self.policy.instance.clone();
            let claim = Claimed { instance, epoch: 1, sent: None, was_free: false };
            store.record(now.at, &[Change::Claim { claim: Some(claim) }])?;
        }
        if !self.has_arrived(store, clock).await? {
            return Ok(Err(unsettled(store)));
        }
        let now = clock.moment();
        let mut is_free = false;
        // Somebody may have claimed it since the pass began.
        match tracker.project_property().await {
            Ok(None) => {
                is_free = true;
                self.fresh_since = Some(now.clone());
            }
            Ok(Some(value)) => match not_behind(value, store, &self.policy.instance)? {
                Ok(_) if was_free(store) => {
                    came_late(store, clock)?;
                    return Ok(Err(unsettled(store)));
                }
                // What was not read yet, as in a project that is not shown now, is not forgotten.
                Ok(claim) => {
                    for (project, after) in openings(&claim, tracker) {
                        self.open(project, after);
                    }
                }
                Err(failure) => return Ok(Err(failure)),
            },
            Err(error) => return Ok(Err(error.into())),
        }
        self.open(project.to_owned(), opening_after);
        let look = Look { asked: now.clone(), is_free };
        if let Err(failure) = put(tracker, store, clock, self.policy, &look, &self.openings).await? {
            return Ok(Err(failure));
        }
        if was_free(store) {
            return Ok(Err(unsettled(store)));
        }
        (self.has_begun, self.beaten) = (true, Some(now));
        self.check(tracker, store, clock).await
    }

    /// Waits, once in a run, until no claim that was sent earlier can arrive in the place of the one that is about to be
    /// sent: it would take back in which projects tickets are being opened. Whether none can.
    pub(super) async fn has_arrived(
        &mut self,
        store: &mut impl Store,
        clock: &impl Clock,
    ) -> Result<bool, StateError> {
        if !self.policy.lease {
            return Ok(true);
        }
        // A later run opens tickets, when Jira was read.
        if store.known().doubt.is_some() {
            return Ok(false);
        }
        let Some(wait) = left(store, clock, self.policy)? else { return Ok(true) };
        if std::mem::replace(&mut self.has_waited, true) {
            return Ok(false);
        }
        let seconds = wait.as_secs();
        tracing::info!(
            seconds,
            "tickets are opened once an earlier claim on the project cannot arrive any more"
        );
        tokio::time::sleep(wait.unsigned_abs()).await;
        Ok(left(store, clock, self.policy)?.is_none())
    }

    fn open(&mut self, project: String, after: u64) {
        let lowest = self.openings.entry(project).or_insert(after);
        *lowest = after.min(*lowest);
    }

    /// Makes sure, right before something is written, that the project is still ours; nothing is to be made sure of where
    /// it never was.
    pub(super) async fn hold(
        &mut self,
        tracker: &impl Tracker,
        store: &mut impl Store,
        clock: &impl Clock,
    ) -> Result<Result<(), Failure>, StateError> {
        if !self.policy.lease || store.known().claim.is_none() {
            return Ok(Ok(()));
        }
        let now = clock.moment();
        let young = |moment: &Option<Moment>, limit| {
            moment.as_ref().and_then(|moment| now.since(moment)).is_some_and(|passed| passed < limit)
        };
        if young(&self.seen, FRESH) && !young(&self.fresh_since, self.policy.settle) {
            return Ok(Ok(()));
        }
        self.check(tracker, store, clock).await
    }

    async fn check(
        &mut self,
        tracker: &impl Tracker,
        store: &mut impl Store,
        clock: &impl Clock,
    ) -> Result<Result<(), Failure>, StateError> {
        let asked = clock.moment();
        let claim = match tracker.project_property().await {
            // A person took it away: the next run that opens tickets writes it again.
            Ok(None) if !self.has_begun => None,
            Ok(value) => {
                let value = value.unwrap_or(Value::Null);
                let claim = if self.has_begun {
                    is_ours(value, store, Some(&self.policy.instance))
                } else {
                    not_behind(value, store, &self.policy.instance)?
                };
                match claim {
                    Ok(claim) => Some(claim),
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            Err(error) => return Ok(Err(error.into())),
        };
        if let Some((claim, limit)) = claim.zip(self.policy.takeover_after) {
            // A run that only edits, and for long, is not to be taken for dead.
            let beaten = self.beaten.get_or_insert_with(|| asked.clone());
            if asked.since(beaten).is_some_and(|passed| passed >= limit / 3) {
                if let Err(failure) =
                    give_sign_of_life(tracker, store, clock, self.policy, &asked, claim).await?
                {
                    return Ok(Err(failure));
                }
                self.beaten = Some(asked.clone());
            }
        }
        self.seen = Some(asked);
        Ok(Ok(()))
    }
}

/// Writes the claim with the head of the journal at the end of a run: the anchor. One that is another's by now is left.
/// `openings` are the projects in which tickets may still be found.
pub(super) async fn anchor(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    openings: &BTreeMap<String, u64>,
) -> Result<Result<(), Failure>, StateError> {
    // What it says of a state that is in doubt is newer than that; where the doubt ends, it is renewed.
    if store.known().claim.is_none() || store.known().doubt.is_some() {
        return Ok(Ok(()));
    }
    let asked = clock.moment();
    let is_free = match tracker.project_property().await {
        Ok(None) => true,
        Ok(Some(value)) => {
            if let Err(failure) = not_behind(value, store, &policy.instance)? {
                return Ok(Err(failure));
            }
            false
        }
        Err(error) => return Ok(Err(error.into())),
    };
    put(tracker, store, clock, policy, &Look { asked, is_free }, openings).await
}

/// Writes the claim of this state anew, whose head was of another copy of it. What is being opened stays named.
pub(super) async fn renew(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
) -> Result<(), RecoverError> {
    if !policy.lease {
        return Ok(());
    }
    let asked = clock.moment();
    let Some(value) = tracker.project_property().await? else { return Ok(()) };
    // Another one took over meanwhile: the next look says so.
    let Ok(claim) = is_ours(value, store, None) else { return Ok(()) };
    let look = Look { asked, is_free: false };
    match put(tracker, store, clock, policy, &look, &openings(&claim, tracker)).await? {
        Err(Failure::HeldUp) => Ok(()),
        sent => sent.map_err(ended),
    }
}

/// Writes the claim with the head of the journal. `openings` are the projects in which tickets are being opened.
async fn put(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    look: &Look,
    openings: &BTreeMap<String, u64>,
) -> Result<Result<(), Failure>, StateError> {
    let Some(Claimed { instance, epoch, .. }) = store.known().claim.clone() else { return Ok(Ok(())) };
    let head = store.head();
    let claim = Claim {
        schema: Claim::SCHEMA,
        instance,
        host: policy.host.clone(),
        epoch,
        beat: beat(clock),
        session: policy.instance.clone(),
        head,
        opening_after: openings.get(&tracker.home().project).copied(),
        elsewhere: store.known().projects.iter().map(|it| (it.clone(), openings.get(it).copied())).collect(),
    };
    send(tracker, store, clock, policy, look, claim).await
}

/// Why a pass ends where the claim could not be sent.
fn ended(failure: Failure) -> RecoverError {
    match failure {
        Failure::Jira(error) => error.into(),
        _ => RecoverError::HeldUp,
    }
}

/// What keeps a machine that stands by from taking over. One that does not get through is left to the next.
async fn give_sign_of_life(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    asked: &Moment,
    claim: Claim,
) -> Result<Result<(), Failure>, StateError> {
    let alive = Claim { beat: beat(clock), ..claim };
    let look = Look { asked: asked.clone(), is_free: false };
    match send(tracker, store, clock, policy, &look, alive).await? {
        Err(Failure::Jira(error)) if error.is_fatal() => Ok(Err(error.into())),
        Err(failure) => {
            tracing::warn!(error = %failure, "the sign of life on the project did not get through");
            Ok(Ok(()))
        }
        Ok(()) => Ok(Ok(())),
    }
}

/// Sends a claim because of a look at the one that is there. That it is under way is on disk before, and part of the head
/// that it names: a copy of the state from before that does not have this head, and so is noticed wherever the claim
/// arrives late. One that Jira did not take is sent again as it is: where the first comes after the second, it says the same.
async fn send(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    look: &Look,
    claim: Claim,
) -> Result<Result<(), Failure>, StateError> {
    let Look { asked, is_free } = look;
    let may_arrive = left(store, clock, policy)?.is_some();
    // Where the project is free still, one that cannot arrive any more never did.
    let mut was_free = was_free(store) && (may_arrive || !is_free);
    let mut under_way =
        store.known().claim.as_ref().and_then(|claim| claim.sent.clone()).filter(|_| may_arrive || was_free);
    note(store, clock, Some(clock.moment()), was_free || *is_free)?;
    // What it says of a state that is in doubt is newer than that.
    let head = if store.known().doubt.is_none() { store.head() } else { claim.head };
    let value = value_of(&Claim { head, ..claim });
    let mut failure = Failure::HeldUp;
    for attempt in 1..=ATTEMPTS {
        // The machine may have slept since the look, or its disk been slow.
        if is_stale(clock, asked) {
            break;
        }
        if attempt > 1 {
            note(store, clock, Some(clock.moment()), was_free || *is_free)?;
        }
        let sent = tracker.set_project_property(&value).await;
        if clock.moment().since(asked).is_none_or(|passed| passed > LONGEST) {
            // The machine slept in the middle: another one may have had the project meanwhile, and opened tickets.
            let reason = "the claim on the project was sent long after the look at it".to_owned();
            let doubt = store.known().doubt.clone().unwrap_or(Doubt { reason, read: None });
            doubt_it(store, clock, Doubt { read: None, ..doubt }, Some(clock.moment()))?;
            return Ok(Err(Failure::HeldUp));
        }
        let Err(error) = sent else {
            note(store, clock, under_way, was_free)?;
            return Ok(Ok(()));
        };
        if !error.is_unexecuted() {
            under_way = Some(clock.moment());
            was_free |= is_free;
        }
        let may_help = error.is_retryable() && !matches!(error.cause, Cause::Paused { .. });
        failure = error.into();
        if !may_help || attempt == ATTEMPTS {
            break;
        }
        tokio::time::sleep(Duration::from_secs(attempt)).await;
    }
    note(store, clock, under_way, was_free)?;
    Ok(Err(failure))
}

/// Notes when a claim was sent of which nobody knows what became, and whether the project was free.
fn note(
    store: &mut impl Store,
    clock: &impl Clock,
    sent: Option<Moment>,
    was_free: bool,
) -> Result<(), StateError> {
    match noted(store, sent, was_free) {
        Some(change) => store.record(clock.moment().at, &[change]),
        None => Ok(()),
    }
}

fn noted(store: &impl Store, sent: Option<Moment>, was_free: bool) -> Option<Change> {
    let claim = store.known().claim.clone()?;
    Some(Change::Claim { claim: Some(Claimed { sent, was_free, ..claim }) })
}

/// Why no ticket is opened now.
pub(super) fn unsettled(store: &impl Store) -> Failure {
    match &store.known().doubt {
        Some(doubt) => Failure::Doubt { reason: doubt.reason.clone() },
        None => Failure::Unsettled,
    }
}

/// Whether nobody knows when a claim on a project that was free arrived.
fn was_free(store: &impl Store) -> bool {
    store.known().claim.as_ref().is_some_and(|claim| claim.was_free)
}

/// Records that another machine may have claimed the project before a claim without an answer arrived in the place of its
/// own, and opened tickets: it is at that for no longer than the reading waits that ends a doubt.
fn came_late(store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    let read = store.known().claim.as_ref().and_then(|claim| claim.sent.clone());
    let reason = "the claim on a project that was free had no answer".to_owned();
    doubt_it(store, clock, Doubt { reason, read }, None)
}

/// Puts the state in doubt because of a claim, and notes in the same record when that was sent, where it may still arrive.
fn doubt_it(
    store: &mut impl Store,
    clock: &impl Clock,
    doubt: Doubt,
    sent: Option<Moment>,
) -> Result<(), StateError> {
    let doubt = Change::Doubt { doubt: Some(doubt) };
    let changes: Vec<Change> = noted(store, sent, false).into_iter().chain([doubt]).collect();
    store.record(clock.moment().at, &changes)
}

/// How long a claim of which nobody knows what became can still arrive.
fn left(
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
) -> Result<Option<SignedDuration>, StateError> {
    let Some(sent) = store.known().claim.as_ref().and_then(|claim| claim.sent.clone()) else {
        return Ok(None);
    };
    let now = clock.moment();
    match now.since_for_certain(&sent) {
        Some(passed) if passed >= policy.settle => Ok(None),
        Some(passed) if now.boot == sent.boot => Ok(Some(policy.settle.saturating_sub(passed))),
        // The machine was started anew: the wait begins again.
        _ => {
            let was_free = was_free(store);
            note(store, clock, Some(now), was_free)?;
            Ok(Some(policy.settle))
        }
    }
}

/// Whether a look at the claim is too old for the claim to be written because of it: the machine may have slept since.
fn is_stale(clock: &impl Clock, asked: &Moment) -> bool {
    clock.moment().since(asked).is_none_or(|passed| passed > FRESH)
}

/// A sign of life: any other value than the last one.
fn beat(clock: &impl Clock) -> u64 {
    clock.moment().at.as_millisecond().unsigned_abs()
}

/// Whether the claim is that of this state and, once it was written by a pass, still that of the pass.
fn is_ours(value: Value, store: &impl Store, session: Option<&str>) -> Result<Claim, Failure> {
    let claim = Claim::read(value)?;
    let ours = store.known().claim.as_ref();
    let same = session.is_none_or(|session| session == claim.session);
    if same && ours.is_some_and(|ours| ours.instance == claim.instance && ours.epoch == claim.epoch) {
        return Ok(claim);
    }
    Err(Failure::Foreign { host: claim.host })
}

/// The claim, where it is that of this state and no copy of the state has come further: one that did opened what this one
/// would open again. This run's own claim has a head that this journal has, whoever wrote it.
fn not_behind(value: Value, store: &impl Store, session: &str) -> Result<Result<Claim, Failure>, StateError> {
    let claim = match is_ours(value, store, None) {
        Ok(claim) => claim,
        Err(failure) => return Ok(Err(failure)),
    };
    // That it is behind is known where there is a doubt, which keeps it from opening anything.
    if claim.session == session || store.known().doubt.is_some() || store.has(claim.head)? {
        return Ok(Ok(claim));
    }
    Ok(Err(Failure::Foreign { host: claim.host }))
}

fn value_of(claim: &Claim) -> Value {
    // A struct of numbers and texts always has a value.
    serde_json::to_value(claim).unwrap_or(Value::Null)
}
