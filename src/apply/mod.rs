//! Applies a plan to Jira.
//!
//! # One group, one ticket
//!
//! Jira has no idempotency key, and its search lags behind by seconds to minutes. Searching and creating what
//! was not found therefore doubles tickets, and so does every retry. What works is to delay the second attempt
//! until the fate of the first is known: a request cannot run for ever, and issues can be read by number, past
//! the index. So
//!
//! 1. a create is recorded and synced ([`plan::Link::Intent`]), sent once, and its result is recorded;
//! 2. where the answer is lost, nothing is sent again ([`plan::Link::Unknown`]) until Jira can no longer be at it,
//!    and every issue that was made since has been read ([`recover`]);
//! 3. where nobody can tell, a person decides ([`plan::Link::Held`]).
//!
//! The promise is: a ticket may be late; it is never doubled and never lost. What Jira is taken to do: reads by
//! id and key show the last write, numbers are given out in order, and no request runs longer than
//! `jira.create_settle` less the 40 seconds in which a create that is recorded may still be on its way.
//!
//! | answer to a create | what it means |
//! | --- | --- |
//! | 429 | not done: sent again in this run once Jira takes it, in the next where that takes too long |
//! | no connection | not done: sent again in the next run |
//! | 400, 401, 403, 404, 405, 406, 410, 411, 413 to 415, 422, 431, a redirect | refused: told, and tried once per run where there is room for it; after three in a row no more in this run |
//! | 408, 409, any other 4xx, 5xx, timeout, a broken or unreadable answer, the end of this process | unknown |
//! | 201 with id and key | bound |
//!
//! # Guarantees
//!
//! * Each write is recorded and synced before it is sent, and its result after. After an error of the state
//!   nothing more is sent.
//! * A comment carries its topic as a property and is written at most once, by the same rule.
//! * All tickets are looked at in few calls, on Data Center by a search. What only its index told decides nothing: a ticket
//!   that something follows for is read by itself first.
//! * A ticket is looked at right before it is edited, also where an edit is sent again because of a 409 or a lost answer:
//!   what a person changed after the plan was made is not written over. Jira has no edit on a condition, so a moment is
//!   left between the look and the edit: what a person wrote in it the next pass finds in the history, and gives back.
//! * Creates, edits and lists are sent several at a time (`together`), all other writes one after the other.
//! * A move over several transitions is recorded before each of them; where no transition leads on, a label and one
//!   comment stand in its place (`moves`).
//! * A failed write never stops the others, unless every further one would fail the same way; after three of a kind in
//!   a row that were refused for want of a right, the others of that kind are left for the next run (`breaker`).
//! * Before each batch of writes the claim on the first project is looked at ([`claim`]), wherever the tickets are: a look is good
//!   for half a minute, and who was overtaken writes nothing more. In a project
//!   that Jira does not show nothing is opened, and no lost create of it is given up.
//! * A write waits for Jira's limits before it is recorded, and a time for which Jira wants to be left alone is
//!   recorded before it is waited for ([`pause`]).
//!
//! # Cancel safety
//!
//! On a stop the write that is under way is given [`GRACE`] to finish; after that it counts as one whose
//! answer was lost.

mod breaker;
pub mod claim;
mod clock;
mod decide;
mod hear;
mod moves;
pub mod pause;
pub mod port;
mod reconcile;
mod recover;
mod scan;
mod together;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

pub use clock::{SystemClock, host_name};
pub use decide::{DecideError, Decision, decide};
pub use port::{Both, Clock, Memory, Store, Tracker};
pub use reconcile::{Wanted, observe_and_plan, opens_at_home, reconcile};
pub use recover::{Recovered, is_open, recover};

use crate::{
    jira::{Cause, JiraError, Outcome, workflow::Atlas},
    plan::{self, Action, Category, Closed, Home, Issue, Life, Moment, Plan, REFUSALS, Ticket, Write},
    state::{Change, Done, StateError},
    ticket::document::Block,
};
use breaker::Breaker;
use claim::Keeper;
use moves::Move;
use together::Width;

/// How long a write under way may still take after a stop.
pub const GRACE: Duration = Duration::from_secs(3);

/// How long a create that is recorded may be on its way before Jira has it: until it is sent at the latest, what the client may hold it back
/// for, and what it takes to connect.
pub const UNDER_WAY: SignedDuration = SignedDuration::from_secs(40);

/// A create that was recorded longer ago than this is not sent any more: its wait has begun with the record.
/// The client may hold it back for [`crate::jira`]'s limits for another five seconds.
const SEND_WITHIN: SignedDuration = SignedDuration::from_secs(25);

/// How often one edit is looked at and sent again in a run after another write came first or its answer was lost.
const LOOKS: u32 = 2;

/// How often one write is sent again in a run after Jira refused it for its limits.
const BUSY: u32 = 4;

/// How the protocol waits and who it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Longest time that Jira may still take for a write whose answer was lost.
    pub settle: SignedDuration,
    /// After how long a person has to decide about a create of which nobody can tell.
    pub hold_after: SignedDuration,
    /// Whether the project is claimed, so that a second disputebot is noticed.
    pub lease: bool,
    /// After how long without a sign of life another one counts as gone; none: never by itself.
    pub takeover_after: Option<SignedDuration>,
    /// Whether to take the project over from another one now.
    pub take_over: bool,
    /// Whether a project with another address or key is the same one.
    pub same_project: bool,
    /// Keys of other projects in which tickets were opened once and that are of no concern any more.
    pub left_projects: BTreeSet<String>,
    /// Random name for this state, where it has none yet.
    pub instance: String,
    /// Name of this machine, for people.
    pub host: String,
    /// Most creates, edits or lists that are under way at the same time. With more than one, numbers of tickets come in no
    /// certain order.
    pub at_once: usize,
}

impl Policy {
    /// How far apart the two readings of the whole project are that end a doubt: twice the longest time of a
    /// request, so that one that slept for as long before it was sent has come to its end, too.
    pub fn quarantine(&self) -> SignedDuration {
        self.settle.saturating_mul(2)
    }
}

/// Why it could not be found out what is so.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Jira or the way to it.
    #[error(transparent)]
    Jira(#[from] JiraError),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another disputebot works on the project.
    #[error(
        "another disputebot works on this project, from the machine `{host}` (take-over {epoch}){}; nothing was written",
        if *ours { ", and took it over from this one" } else { "" }
    )]
    Foreign {
        /// Its machine.
        host: String,
        /// How often the project changed hands.
        epoch: u64,
        /// Whether it was ours before.
        ours: bool,
    },
    /// The state is of another project.
    #[error(
        "the state is of the project `{}` of {}, and the config names `{}` of {}; nothing was written",
        was.project,
        was.site,
        is.project,
        is.site
    )]
    Elsewhere {
        /// The one that the state is of.
        was: Home,
        /// The one that is configured.
        is: Home,
    },
    /// Jira would refuse what a run writes, for a reason in the config or in the project.
    #[error("Jira would refuse what this run writes, so no ticket was touched: {}", problems.join("; "))]
    Unready {
        /// What is wrong, each with the setting to change.
        problems: Vec<String>,
    },
    /// The machine slept, or its disk was slow, between a look at whose the project is and the claim.
    #[error(
        "the claim on the project was held up before it was sent, so nothing was written; the next run sends it"
    )]
    HeldUp,
    /// A stop came before anything was written.
    #[error("stopped before anything was written")]
    Stopped,
    /// The state is in doubt and Jira cannot be read from end to end.
    #[error("{reason}; tickets cannot be found again, so nothing was written")]
    Blind {
        /// The doubt, and why it stays.
        reason: String,
    },
}

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// Writes that were done.
    pub done: Vec<Done>,
    /// Writes that failed, with why.
    pub failed: Vec<(Action, Failure)>,
    /// Writes that were not tried, because of a stop or a fatal error.
    pub untried: Vec<Action>,
}

/// Why one write failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Jira or the way to it.
    #[error(transparent)]
    Jira(#[from] JiraError),
    /// Jira does not show the issue any more.
    #[error("`{key}` was to be moved, but Jira does not show it any more")]
    Gone {
        /// The ticket.
        key: String,
    },
    /// A person changed what was to be written after the plan was made.
    #[error("a person changed it after the plan was made; the next run looks at it again")]
    ChangedMeanwhile,
    /// The ticket to link to does not exist yet.
    #[error("the ticket to link to does not exist yet; the next run links it")]
    NothingToLink,
    /// The ticket to comment on does not exist yet.
    #[error("the ticket to comment on does not exist yet; the next run says it")]
    NothingToCommentOn,
    /// The ticket to attach to does not exist yet.
    #[error("the ticket to attach the list to does not exist yet; the next run attaches it")]
    NothingToAttachTo,
    /// The ticket to watch does not exist yet.
    #[error("the ticket to watch does not exist yet; the next run adds the watcher")]
    NothingToWatch,
    /// The new list is not there, so the old one stays.
    #[error("the new list is not there yet, so the old one stays; the next run removes it")]
    NothingInstead,
    /// Another disputebot took the project over.
    #[error("another disputebot works on this project now, from the machine `{host}`")]
    Foreign {
        /// Its machine.
        host: String,
    },
    /// The create was held up for so long after it was recorded that it was not sent.
    #[error("the create was held up before it was sent; the next run sends it")]
    HeldUp,
    /// An earlier attempt may still arrive.
    #[error("an earlier attempt may still arrive; a later run decides")]
    Unsettled,
    /// The state is in doubt.
    #[error("nothing is opened before a later run has read Jira from end to end: {reason}")]
    Doubt {
        /// Why it is.
        reason: String,
    },
    /// Three of a kind in a row were refused.
    #[error("not tried, because Jira refused the last {REFUSALS} {0}")]
    Breaker(&'static str),
    /// A stop came before the answer.
    #[error("a stop came before the answer; the next run finds out what became of it")]
    Stopped,
}

impl Failure {
    /// Whether every further write would fail the same way.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Jira(error) => error.is_fatal(),
            Self::Foreign { .. } => true,
            _ => false,
        }
    }
}

/// Applies every action of a plan. `progress` is told after each.
pub async fn apply(
    plan: &Plan,
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    stop: &CancellationToken,
    progress: &mut (dyn FnMut(usize, &Action) + Send),
) -> Result<Applied, StateError> {
    let clock = &Both { here: clock, there: tracker };
    let mut applied = Applied::default();
    let keeper = Keeper::new(policy);
    let mut applier = Applier {
        tracker,
        store,
        clock,
        policy,
        stop,
        keeper,
        highest_numbers: BTreeMap::new(),
        breaker: Breaker::default(),
        atlases: BTreeMap::new(),
        moved: BTreeSet::new(),
        givers: BTreeMap::new(),
    };
    let actions = together::side_by_side(&plan.actions);
    let (mut width, mut rest) = (Width::new(policy.at_once), actions.as_slice());
    while !rest.is_empty() && !stop.is_cancelled() {
        let batch = width.batch(rest, applier.store.known());
        match applier.still_ours().await? {
            Ok(()) => {}
            Err(Failure::Stopped) => break,
            // Each other write would find the same.
            Err(failure) => {
                tracing::warn!(error = %failure, "whose the project is could not be made sure of");
                applied.failed.push((rest[0].clone(), failure));
                rest = &rest[1..];
                break;
            }
        }
        let sent = applier.in_time(batch).await?;
        width.learn(sent.iter().all(Result::is_ok));
        let mut fatal = false;
        let (tried, later) = rest.split_at(sent.len());
        rest = later;
        for (action, result) in tried.iter().zip(sent) {
            match result {
                Ok(issue) => {
                    let closes =
                        matches!(&action.write, Write::Transition { to: Category::Done, topic: None, .. });
                    let closed = closes && applier.store.known().ticket(&action.group).closed == Closed::ByUs;
                    let (group, kind) = (action.group.clone(), action.write.kind().to_owned());
                    let reason = Some(action.reason.clone());
                    applied.done.push(Done { group, issue, kind, closed, reason });
                }
                Err(failure) => {
                    // Those that were not tried are told once, with why.
                    if !matches!(failure, Failure::Breaker(_)) {
                        tracing::warn!(group.id = %action.group, write = action.write.kind(), error = %failure, "write failed");
                    }
                    fatal |= failure.is_fatal();
                    applied.failed.push(((*action).clone(), failure));
                }
            }
            progress(applied.done.len() + applied.failed.len(), action);
        }
        if fatal {
            break;
        }
    }
    applied.untried = rest.iter().copied().cloned().collect();
    Ok(applied)
}

/// Says on the project how far the journal has come, once everything is recorded; `unread` are projects in which tickets
/// may still be found ([`Recovered::unread`]).
pub async fn anchor(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    unread: &BTreeMap<String, u64>,
) -> Result<Result<(), Failure>, StateError> {
    if !policy.lease {
        return Ok(Ok(()));
    }
    claim::anchor(tracker, store, clock, policy, unread).await
}

struct Applier<'a, T, S, C> {
    tracker: &'a T,
    store: &'a mut S,
    clock: &'a C,
    policy: &'a Policy,
    stop: &'a CancellationToken,
    keeper: Keeper<'a>,
    /// Highest issue number of each project that is known for certain.
    highest_numbers: BTreeMap<String, u64>,
    breaker: Breaker,
    /// What was seen of the workflow of each project: tickets are moved.
    atlases: BTreeMap<String, Atlas>,
    /// Ids of the issues that were moved, over some steps at least.
    moved: BTreeSet<String>,
    /// Whom each project gives new tickets to by itself, none where to nobody: as one ticket of this run showed.
    givers: BTreeMap<String, Option<Box<str>>>,
}

/// What became of one write: its issue, or why there is none. An error of the state ends everything.
type Sent = Result<Result<Issue, Failure>, StateError>;

/// Runs a call, but not longer than [`GRACE`] past a stop.
async fn within<T>(stop: &CancellationToken, call: impl Future<Output = T>) -> Option<T> {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        answer = call => Some(answer),
        () = late => None,
    }
}

impl<T: Tracker, S: Store, C: Clock> Applier<'_, T, S, C> {
    /// Whoever was overtaken writes nothing more.
    async fn still_ours(&mut self) -> Result<Result<(), Failure>, StateError> {
        let held = self.keeper.hold(self.tracker, self.store, self.clock);
        within(self.stop, held).await.unwrap_or(Ok(Err(Failure::Stopped)))
    }

    async fn one(&mut self, action: &Action) -> Sent {
        let ticket = self.store.known().ticket(&action.group);
        match &action.write {
            Write::Create { .. } | Write::Update { .. } | Write::Attach { .. } | Write::Detach { .. } => {
                unreachable!("these go together with their like")
            }
            Write::Comment { issue, topic, body } => {
                // Its readers would be sent to a ticket that is not there.
                let told = plan::tells_of(topic).map(|child| self.store.known().ticket(&child));
                if told.is_some_and(|child| child.issue().is_none()) {
                    return Ok(Err(Failure::NothingToLink));
                }
                self.comment(ticket, issue, topic, body).await
            }
            Write::Introduce { topic, body } => match ticket.issue().cloned() {
                Some(issue) => self.comment(ticket, &issue, topic, body).await,
                None => Ok(Err(Failure::NothingToCommentOn)),
            },
            Write::Transition { issue, to, resolution, topic } => {
                let (resolution, topic) = (resolution.as_deref(), topic.as_deref());
                // What is settled is closed whoever works on it.
                let yields = *to == Category::Done && action.reason != plan::Reason::AllResolved;
                self.transition(ticket, Move { issue, to: *to, resolution, topic, yields }).await
            }
            Write::Unlabel { issue, label, closed } => self.unlabel(ticket, issue, label, *closed).await,
            Write::Link { to, link_type, topic } => {
                let other = self.store.known().ticket(to);
                match (ticket.issue().cloned(), other.issue().cloned()) {
                    (Some(from), Some(to)) => self.link(ticket, &from, &to, link_type, topic).await,
                    _ => Ok(Err(Failure::NothingToLink)),
                }
            }
            Write::LinkDuplicate { issue, to, link_type, topic } => {
                self.link(ticket, issue, to, link_type, topic).await
            }
            Write::Watch { who, topic } => match ticket.issue().cloned() {
                Some(issue) => self.watch(ticket, &issue, who, topic).await,
                None => Ok(Err(Failure::NothingToWatch)),
            },
        }
    }

    /// Remembers how long a text may be, where a refusal says so or shows that it is less than was thought. The
    /// next run writes shorter ones.
    fn learn(&mut self, error: &JiraError) -> Result<(), StateError> {
        let Some(limit) = error.shorter_text(self.store.known().text_limit()) else { return Ok(()) };
        self.store.record(self.clock.moment().at, &[Change::TextLimit { limit }])
    }

    fn record(&mut self, ticket: Ticket) -> Result<(), StateError> {
        self.store.record(self.clock.moment().at, &[Change::Ticket(ticket)])
    }

    /// Whether what was sent about a topic, and was not there at a look, may still come. Where nothing is certain of
    /// how long ago that was, the wait begins again.
    fn may_still_arrive(
        &mut self,
        ticket: &mut Ticket,
        topic: &str,
        look: Moment,
    ) -> Result<bool, StateError> {
        let Some(sent) = ticket.saying.get_mut(topic) else { return Ok(false) };
        let passed = look.since_for_certain(sent);
        if passed.is_some_and(|passed| passed >= self.policy.settle) {
            return Ok(false);
        }
        if passed.is_none() {
            *sent = look;
            self.record(ticket.clone())?;
        }
        Ok(true)
    }

    async fn comment(&mut self, mut ticket: Ticket, issue: &Issue, topic: &str, body: &[Block]) -> Sent {
        let mut said = None;
        if ticket.look_first || ticket.saying.contains_key(topic) {
            // Before the look, so that what it does not find was not there this long after the comment.
            let now = self.clock.moment();
            // An earlier attempt may have arrived.
            match within(self.stop, self.tracker.comment_on(issue, topic)).await {
                Some(Ok(found)) => said = found,
                Some(Err(error)) => return Ok(Err(error.into())),
                None => return Ok(Err(Failure::Stopped)),
            }
            if said.is_none() && self.may_still_arrive(&mut ticket, topic, now)? {
                return Ok(Err(Failure::Unsettled));
            }
        }
        let id = if let Some(id) = said {
            id
        } else {
            ticket.saying.insert(topic.to_owned(), self.clock.moment());
            self.record(ticket.clone())?;
            match within(self.stop, self.tracker.comment(issue, topic, body)).await {
                Some(Outcome::Done(id)) => id,
                Some(Outcome::NotDone(error) | Outcome::Refused(error)) => {
                    ticket.saying.remove(topic);
                    self.record(ticket)?;
                    self.learn(&error)?;
                    return Ok(Err(error.into()));
                }
                Some(Outcome::Unknown(error)) => {
                    // This machine may have slept before it was sent: it was by now, and from now on it is waited for.
                    ticket.saying.insert(topic.to_owned(), self.clock.moment());
                    self.record(ticket)?;
                    return Ok(Err(error.into()));
                }
                None => return Ok(Err(Failure::Stopped)),
            }
        };
        let sent = ticket.saying.remove(topic);
        ticket.told.insert(topic.to_owned());
        // What was only found again was not said now.
        if let Some(sent) = sent
            && !topic.starts_with(&plan::answer_topic(""))
            && !plan::is_of_loss(topic)
        {
            Life::note_said(&mut ticket.life, sent.at);
        }
        ticket.comments.insert(topic.to_owned(), id);
        if let Some(orders) = &mut ticket.orders {
            orders.asked.retain(|comment, _| plan::answer_topic(comment) != topic);
        }
        self.record(ticket)?;
        Ok(Ok(issue.clone()))
    }

    /// Adds a watcher, once for ever: who stops watching has done so.
    async fn watch(&mut self, mut ticket: Ticket, issue: &Issue, who: &str, topic: &str) -> Sent {
        ticket.saying.insert(topic.to_owned(), self.clock.moment());
        self.record(ticket.clone())?;
        match within(self.stop, self.tracker.add_watcher(issue, who)).await {
            Some(Err(error)) if !matches!(error.cause, Cause::Forbidden | Cause::Refused(_)) => {
                return Ok(Err(error.into()));
            }
            Some(Err(error)) => {
                tracing::warn!(ticket = issue.key, error = %error, "a watcher could not be added");
            }
            Some(Ok(())) => {}
            None => return Ok(Err(Failure::Stopped)),
        }
        ticket.saying.remove(topic);
        ticket.told.insert(topic.to_owned());
        self.record(ticket)?;
        Ok(Ok(issue.clone()))
    }

    async fn link(
        &mut self,
        mut ticket: Ticket,
        from: &Issue,
        to: &Issue,
        link_type: &str,
        topic: &str,
    ) -> Sent {
        ticket.saying.insert(topic.to_owned(), self.clock.moment());
        self.record(ticket.clone())?;
        match within(self.stop, self.tracker.link(link_type, from, to)).await {
            Some(Ok(())) => {
                ticket.saying.remove(topic);
                ticket.told.insert(topic.to_owned());
                self.record(ticket)?;
                Ok(Ok(from.clone()))
            }
            Some(Err(error)) => Ok(Err(error.into())),
            None => Ok(Err(Failure::Stopped)),
        }
    }
}
