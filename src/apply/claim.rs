//! Which disputebot works on a project, and how far its journal had come: a property of the Jira project.
//!
//! Where rules of routing send tickets to other projects, each of them has such a property, and that of the first names
//! the others: a state that is made anew from Jira knows from it where else to read.
//!
//! It does two things. It keeps a second disputebot out that has a state of its own and so would open every
//! ticket again. And it anchors the head of the journal outside of this machine: a state that does not have
//! that record is older than what worked on the project, such as a restored backup.
//!
//! # What it cannot do
//!
//! Jira has no compare-and-set and checks no token, so this is no lock. Two that claim a free project in the
//! same second can both believe for half a minute that it is theirs; one that sleeps between looking at the
//! claim and sending a create, for longer than the quarantine of the one that took over, can still open one
//! ticket too many. No lease can exclude that; the sweep finds such a ticket and closes it.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The other projects in which it ever opened tickets.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub projects: BTreeSet<String>,
}

impl Claim {
    const SCHEMA: u32 = 1;

    fn read(value: Value) -> Result<Self, JiraError> {
        let unreadable = |said: String| JiraError {
            call: "GET the project property `disputebot`".to_owned(),
            cause: Cause::Broken,
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
        /// See [`Claim::opening_after`].
        opening_after: Option<u64>,
    },
}

/// Looks at the claim of a project and says what it means. Records a doubt where this state is older than
/// what worked on the project, or takes over.
pub(super) async fn look(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    may_write: bool,
    project: &str,
) -> Result<Standing, RecoverError> {
    if !policy.lease {
        return Ok(Standing::Free);
    }
    let Some(value) = tracker.project_property(project).await? else { return Ok(Standing::Free) };
    let claim = Claim::read(value)?;
    learn(&claim, store, clock)?;
    let mine = store.known().claim.clone();
    if mine.as_ref().is_some_and(|mine| mine.instance == claim.instance && mine.epoch >= claim.epoch) {
        let now = clock.moment().at;
        if store.known().doubt.is_none() && !store.has(claim.head)? {
            let reason = format!(
                "the state ends before record {} of its journal, with which tickets were written",
                claim.head.seq
            );
            store.record(now, &[Change::Doubt { doubt: Some(Doubt { reason, read: None }) }])?;
        }
        let opening_after = claim.opening_after;
        if may_write && policy.takeover_after.is_some() {
            // The sign of life that keeps a machine that stands by from taking over.
            let alive = Claim { beat: beat(clock), ..claim };
            tracker.set_project_property(project, &value_of(&alive)).await?;
        }
        return Ok(Standing::Ours { opening_after });
    }
    if !may_write {
        return Ok(Standing::Free);
    }
    let now = clock.moment();
    let same = mine.as_ref().is_some_and(|mine| mine.instance == claim.instance);
    let gone = match (policy.takeover_after, &store.known().rival) {
        (Some(limit), Some(rival)) if rival.is(&claim.instance, claim.epoch, claim.beat) => {
            now.since_in_one_boot(&rival.seen).is_some_and(|passed| passed >= limit)
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
                || now.since_in_one_boot(&known.seen).is_none()
        });
        if stale {
            store.record(now.at, &[Change::Rival { rival: Some(rival) }])?;
        }
        let (project, host, epoch) = (project.to_owned(), claim.host, claim.epoch);
        return Err(RecoverError::Foreign { project, host, epoch, ours: mine.is_some() });
    }
    let reason = if same {
        // A restored copy of this very state, from before it took over.
        "the state is from before its last take-over".to_owned()
    } else {
        format!("took over from the disputebot on `{}`", claim.host)
    };
    // One number for all projects: what is claimed with a higher one counts as ours in the others as well.
    let claimed = Claimed {
        epoch: mine.as_ref().map_or(0, |mine| mine.epoch).max(claim.epoch) + 1,
        instance: mine.map_or_else(|| policy.instance.clone(), |mine| mine.instance),
    };
    store.record(
        now.at,
        &[
            Change::Doubt { doubt: Some(Doubt { reason, read: None }) },
            Change::Claim { claim: Some(claimed.clone()) },
            Change::Rival { rival: None },
        ],
    )?;
    let taken = Claim {
        schema: Claim::SCHEMA,
        instance: claimed.instance,
        host: policy.host.clone(),
        epoch: claimed.epoch,
        beat: beat(clock),
        session: policy.instance.clone(),
        head: store.head(),
        opening_after: claim.opening_after,
        projects: others(project, tracker, store),
    };
    tracker.set_project_property(project, &value_of(&taken)).await?;
    Ok(Standing::Ours { opening_after: claim.opening_after })
}

/// Notes the projects that a claim names.
fn learn(claim: &Claim, store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    let new = claim.projects.difference(&store.known().projects);
    let changes: Vec<Change> = new.map(|project| Change::Project { project: project.clone() }).collect();
    if changes.is_empty() { Ok(()) } else { store.record(clock.moment().at, &changes) }
}

/// What the claim on a project names besides: that of the first project names all others.
fn others(project: &str, tracker: &impl Tracker, store: &impl Store) -> BTreeSet<String> {
    if project == tracker.home().project { store.known().projects.clone() } else { BTreeSet::new() }
}

/// Keeps the claims while tickets are written.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    policy: &'a Policy,
    /// By project.
    holds: BTreeMap<String, Hold>,
}

/// What is known of one claim.
#[derive(Debug, Default)]
struct Hold {
    /// When it was last seen to be ours.
    seen: Option<Moment>,
    /// Since when it is looked at before each create, because it was made just now.
    fresh_since: Option<Moment>,
    /// See [`Claim::opening_after`].
    opening_after: Option<u64>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        Self { policy, holds: BTreeMap::new() }
    }

    /// Says on a project that tickets are about to be opened. Before the first one in another project than the first, that
    /// one's claim names it.
    pub(super) async fn begin(
        &mut self,
        tracker: &impl Tracker,
        store: &mut impl Store,
        clock: &impl Clock,
        project: &str,
        opening_after: u64,
    ) -> Result<Result<(), Failure>, StateError> {
        let home = tracker.home().project;
        if project != home {
            if !store.known().projects.contains(project) {
                store.record(clock.moment().at, &[Change::Project { project: project.to_owned() }])?;
            }
            if self.policy.lease && !self.holds.contains_key(&home) {
                let named = self.make(tracker, store, clock, &home, None).await?;
                if named.is_err() {
                    return Ok(named);
                }
            }
        }
        if !self.policy.lease {
            return Ok(Ok(()));
        }
        self.make(tracker, store, clock, project, Some(opening_after)).await
    }

    async fn make(
        &mut self,
        tracker: &impl Tracker,
        store: &mut impl Store,
        clock: &impl Clock,
        project: &str,
        opening_after: Option<u64>,
    ) -> Result<Result<(), Failure>, StateError> {
        let now = clock.moment();
        if store.known().claim.is_none() {
            let claim = Claimed { instance: self.policy.instance.clone(), epoch: 1 };
            store.record(now.at, &[Change::Claim { claim: Some(claim) }])?;
        }
        let mut hold = Hold { opening_after, ..self.holds.remove(project).unwrap_or_default() };
        // Somebody may have claimed it since the pass began.
        match tracker.project_property(project).await {
            Ok(None) => hold.fresh_since = Some(now.clone()),
            Ok(Some(value)) => {
                if let Err(failure) = is_ours(value, store, None) {
                    return Ok(Err(failure));
                }
            }
            Err(error) => return Ok(Err(error.into())),
        }
        if let Err(error) = put(tracker, store, clock, self.policy, project, hold.opening_after).await {
            return Ok(Err(error.into()));
        }
        self.holds.insert(project.to_owned(), hold);
        Ok(self.check(tracker, store, clock, project).await)
    }

    /// Makes sure, right before a create, that a project is still ours.
    pub(super) async fn hold(
        &mut self,
        tracker: &impl Tracker,
        store: &impl Store,
        clock: &impl Clock,
        project: &str,
    ) -> Result<(), Failure> {
        if !self.policy.lease {
            return Ok(());
        }
        let now = clock.moment();
        let young = |moment: Option<&Moment>, limit| {
            moment.and_then(|moment| now.since(moment)).is_some_and(|passed| passed < limit)
        };
        if let Some(Hold { seen, fresh_since, .. }) = self.holds.get(project)
            && young(seen.as_ref(), FRESH)
            && !young(fresh_since.as_ref(), self.policy.settle)
        {
            return Ok(());
        }
        self.check(tracker, store, clock, project).await
    }

    async fn check(
        &mut self,
        tracker: &impl Tracker,
        store: &impl Store,
        clock: &impl Clock,
        project: &str,
    ) -> Result<(), Failure> {
        let asked = clock.moment();
        let value = tracker.project_property(project).await?;
        is_ours(value.unwrap_or(Value::Null), store, Some(&self.policy.instance))?;
        self.holds.entry(project.to_owned()).or_default().seen = Some(asked);
        Ok(())
    }
}

/// Writes the claim on each project with the head of the journal: the anchor. Nothing is being opened any more.
pub(super) async fn anchor(
    tracker: &impl Tracker,
    store: &impl Store,
    clock: &impl Clock,
    policy: &Policy,
) -> Result<(), JiraError> {
    let configured = tracker.elsewhere();
    for project in &store.known().projects {
        match put(tracker, store, clock, policy, project, None).await {
            // One that no rule names any more may be gone.
            Err(error) if error.cause == Cause::NotFound && !configured.contains(project) => {}
            answer => answer?,
        }
    }
    put(tracker, store, clock, policy, &tracker.home().project, None).await
}

/// Writes the claim on one project.
async fn put(
    tracker: &impl Tracker,
    store: &impl Store,
    clock: &impl Clock,
    policy: &Policy,
    project: &str,
    opening_after: Option<u64>,
) -> Result<(), JiraError> {
    let Some(Claimed { instance, epoch }) = store.known().claim.clone() else { return Ok(()) };
    let claim = Claim {
        schema: Claim::SCHEMA,
        instance,
        host: policy.host.clone(),
        epoch,
        beat: beat(clock),
        session: policy.instance.clone(),
        head: store.head(),
        opening_after,
        projects: others(project, tracker, store),
    };
    tracker.set_project_property(project, &value_of(&claim)).await
}

/// A sign of life: any other value than the last one.
fn beat(clock: &impl Clock) -> u64 {
    clock.moment().at.as_millisecond().unsigned_abs()
}

/// Whether the claim is that of this state and, once it was written by a pass, still that of the pass.
fn is_ours(value: Value, store: &impl Store, session: Option<&str>) -> Result<(), Failure> {
    let claim = Claim::read(value)?;
    let ours = store.known().claim.as_ref();
    let same = session.is_none_or(|session| session == claim.session);
    if same && ours.is_some_and(|ours| ours.instance == claim.instance && ours.epoch == claim.epoch) {
        return Ok(());
    }
    Err(Failure::Foreign { host: claim.host })
}

fn value_of(claim: &Claim) -> Value {
    // A struct of numbers and texts always has a value.
    serde_json::to_value(claim).unwrap_or(Value::Null)
}
