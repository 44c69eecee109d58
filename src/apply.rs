//! Applies a plan to Jira, one write after the other.
//!
//! # Guarantees
//!
//! * Each write is recorded and synced before it is sent, and its result after. A crash at any point leaves
//!   either a result or an intent, and [`settle`] finds out what became of an intent.
//! * A create is sent once per intent. While its fate is unknown, it is not sent again.
//! * A failed write never stops the others, unless every further one would fail the same way.
//!
//! # Cancel safety
//!
//! On a stop the write that is under way is given [`GRACE`] to finish; after that it counts as one whose
//! answer was lost.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    jira::{Client, JiraError, Outcome},
    plan::{self, Action, Category, Closed, Issue, Link, Plan, Ticket, Write},
    state::{Change, Done, State, StateError},
    ticket::{Content, document::Block},
};

/// How long a write under way may still take after a stop.
pub const GRACE: Duration = Duration::from_secs(3);

/// Stands among the topics of a ticket while it is being reopened.
const REOPENING: &str = "reopening";

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// Writes that were done.
    pub done: Vec<Done>,
    /// Writes that failed, with why.
    pub failed: Vec<(Action, Failure)>,
    /// Writes that were not tried, because of a stop or a fatal error.
    pub untried: usize,
}

/// Why one write failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Jira or the way to it.
    #[error(transparent)]
    Jira(#[from] JiraError),
    /// No transition leads where the ticket should go.
    #[error("could not {verb} `{key}`: no transition leads there{blocked}; available: {available}")]
    NoWay {
        /// `close` or `reopen`.
        verb: &'static str,
        /// The ticket.
        key: String,
        /// Names of the statuses that can be reached.
        available: String,
        /// Which fields block a transition that would lead there.
        blocked: String,
    },
    /// The ticket to link to does not exist yet.
    #[error("the ticket to link to does not exist yet; the next run links it")]
    NothingToLink,
    /// A stop came before the answer.
    #[error("a stop came before the answer; the next run finds out what became of it")]
    Stopped,
}

/// Finds out what became of creates whose answer was lost: binds those that are there, releases those that
/// are not and can no longer appear. `settle` is the longest time that Jira may still take for a create.
///
/// Returns the changed tickets; the caller records them.
pub async fn settle(
    client: &Client,
    tickets: &[&Ticket],
    settle: jiff::SignedDuration,
    now: Timestamp,
) -> Result<Vec<Ticket>, JiraError> {
    let open: Vec<(&Ticket, u64, Timestamp, u32)> = tickets
        .iter()
        .filter_map(|ticket| match ticket.link {
            Link::Intent { attempts, highest_number, at } => Some((*ticket, highest_number, at, attempts)),
            _ => None,
        })
        .collect();
    let Some(after) = open.iter().map(|(_, highest, _, _)| *highest).min() else { return Ok(Vec::new()) };
    let mut marked = client.scan(after).await?;
    // Lowest id wins, should there ever be two.
    marked.sort_by_key(|marked| marked.issue.id.parse::<u64>().unwrap_or(u64::MAX));
    let mut settled = Vec::new();
    for (ticket, _, at, attempts) in open {
        let mut ticket = ticket.clone();
        if let Some(found) = marked.iter().find(|marked| marked.group == ticket.group) {
            ticket.link = Link::Bound { issue: found.issue.clone() };
            ticket.written = ticket.writing.take();
        } else if at + settle <= now {
            ticket.link = Link::Ready { attempts };
            ticket.writing = None;
        } else {
            continue;
        }
        settled.push(ticket);
    }
    Ok(settled)
}

/// Applies every action of a plan. `progress` is told after each.
pub async fn apply(
    plan: &Plan,
    client: &Client,
    state: &mut State,
    now: &(dyn Fn() -> Timestamp + Sync),
    stop: &CancellationToken,
    progress: &mut (dyn FnMut(usize, &Action) + Send),
) -> Result<Applied, StateError> {
    let mut applied = Applied::default();
    let mut applier = Applier { client, state, now, stop, highest_number: None };
    for (position, action) in plan.actions.iter().enumerate() {
        if stop.is_cancelled() {
            applied.untried = plan.actions.len() - position;
            break;
        }
        match applier.one(action).await? {
            Ok(issue) => applied.done.push(Done {
                group: action.group.clone(),
                issue,
                kind: action.write.kind().to_owned(),
                closed: matches!(&action.write, Write::Transition { to: Category::Done, .. }),
            }),
            Err(failure) => {
                tracing::warn!(group.id = %action.group, write = action.write.kind(), error = %failure, "write failed");
                let fatal = matches!(&failure, Failure::Jira(error) if error.is_fatal());
                applied.failed.push((action.clone(), failure));
                if fatal {
                    applied.untried = plan.actions.len() - position - 1;
                    break;
                }
            }
        }
        progress(position + 1, action);
    }
    Ok(applied)
}

struct Applier<'a> {
    client: &'a Client,
    state: &'a mut State,
    now: &'a (dyn Fn() -> Timestamp + Sync),
    stop: &'a CancellationToken,
    /// Highest issue number of the project that is known for certain.
    highest_number: Option<u64>,
}

impl Applier<'_> {
    async fn one(&mut self, action: &Action) -> Result<Result<Issue, Failure>, StateError> {
        let mut ticket = self.state.known().ticket(&action.group);
        match &action.write {
            Write::Create { content } => self.create(ticket, content).await,
            Write::Update { issue, changes, before, written } => {
                ticket.written = Some(before.clone());
                ticket.writing = Some(written.clone());
                self.update(ticket, issue, changes).await
            }
            Write::Comment { issue, topic, body } => self.comment(ticket, issue, topic, body).await,
            Write::Transition { issue, to, resolution } => {
                self.transition(ticket, issue, *to, resolution.as_deref()).await
            }
            Write::Link { to, link_type, topic } => self.link(ticket, to, link_type, topic).await,
        }
    }

    fn record(&mut self, ticket: Ticket) -> Result<(), StateError> {
        self.state.record((self.now)(), &[Change::Ticket(ticket)])
    }

    /// Runs a call, but not longer than [`GRACE`] past a stop.
    async fn within<T>(&self, call: impl Future<Output = T>) -> Option<T> {
        let late = async {
            self.stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            answer = call => Some(answer),
            () = late => None,
        }
    }

    async fn create(
        &mut self,
        mut ticket: Ticket,
        content: &Content,
    ) -> Result<Result<Issue, Failure>, StateError> {
        let attempts = match ticket.link {
            Link::Ready { attempts } | Link::Intent { attempts, .. } | Link::Parked { attempts, .. } => {
                attempts + 1
            }
            Link::Bound { issue } => return Ok(Ok(issue)),
        };
        let highest_number = match self.highest_number {
            Some(number) => number,
            None => match self.client.highest_number().await {
                Ok(number) => number,
                Err(error) => return Ok(Err(error.into())),
            },
        };
        self.highest_number = Some(highest_number);
        ticket.link = Link::Intent { attempts, highest_number, at: (self.now)() };
        ticket.writing = Some(plan::written(content));
        self.record(ticket.clone())?;
        let group = ticket.group.clone();
        let outcome = self.within(self.client.create(&group, content)).await;
        let failure = match outcome {
            Some(Outcome::Done(issue)) => {
                let number = issue.key.rsplit_once('-').and_then(|(_, number)| number.parse().ok());
                self.highest_number = self.highest_number.max(number);
                ticket.link = Link::Bound { issue: issue.clone() };
                ticket.written = ticket.writing.take();
                self.record(ticket)?;
                return Ok(Ok(issue));
            }
            Some(Outcome::NotDone(error)) => {
                ticket.link = Link::Ready { attempts };
                ticket.writing = None;
                error.into()
            }
            Some(Outcome::Refused(error)) => {
                ticket.link = Link::Parked { attempts, reason: error.to_string() };
                ticket.writing = None;
                error.into()
            }
            Some(Outcome::Unknown(error)) => return Ok(Err(error.into())),
            None => return Ok(Err(Failure::Stopped)),
        };
        self.record(ticket)?;
        Ok(Err(failure))
    }

    async fn update(
        &mut self,
        mut ticket: Ticket,
        issue: &Issue,
        changes: &[plan::Change],
    ) -> Result<Result<Issue, Failure>, StateError> {
        self.record(ticket.clone())?;
        match self.within(self.client.edit(issue, changes)).await {
            Some(Ok(())) => {
                ticket.written = ticket.writing.take();
                ticket.link = Link::Bound { issue: issue.clone() };
                self.record(ticket)?;
                Ok(Ok(issue.clone()))
            }
            Some(Err(error)) => {
                if error.is_unexecuted() {
                    ticket.writing = None;
                    self.record(ticket)?;
                }
                Ok(Err(error.into()))
            }
            None => Ok(Err(Failure::Stopped)),
        }
    }

    async fn comment(
        &mut self,
        mut ticket: Ticket,
        issue: &Issue,
        topic: &str,
        body: &[Block],
    ) -> Result<Result<Issue, Failure>, StateError> {
        let said = if ticket.saying.contains(topic) {
            // An earlier attempt may have arrived.
            match self.within(self.client.has_comment(issue, topic)).await {
                Some(Ok(said)) => said,
                Some(Err(error)) => return Ok(Err(error.into())),
                None => return Ok(Err(Failure::Stopped)),
            }
        } else {
            false
        };
        if !said {
            ticket.saying.insert(topic.to_owned());
            self.record(ticket.clone())?;
            match self.within(self.client.comment(issue, topic, body)).await {
                Some(Outcome::Done(_)) => {}
                Some(Outcome::NotDone(error) | Outcome::Refused(error)) => {
                    ticket.saying.remove(topic);
                    self.record(ticket)?;
                    return Ok(Err(error.into()));
                }
                Some(Outcome::Unknown(error)) => return Ok(Err(error.into())),
                None => return Ok(Err(Failure::Stopped)),
            }
        }
        ticket.saying.remove(topic);
        ticket.told.insert(topic.to_owned());
        self.record(ticket)?;
        Ok(Ok(issue.clone()))
    }

    async fn transition(
        &mut self,
        mut ticket: Ticket,
        issue: &Issue,
        to: Category,
        resolution: Option<&str>,
    ) -> Result<Result<Issue, Failure>, StateError> {
        let ways = match self.within(self.client.transitions(issue)).await {
            Some(Ok(ways)) => ways,
            Some(Err(error)) => return Ok(Err(error.into())),
            None => return Ok(Err(Failure::Stopped)),
        };
        let fits = |category: Category| match to {
            Category::Done => category == Category::Done,
            Category::New | Category::InProgress => category != Category::Done,
        };
        let verb = if to == Category::Done { "close" } else { "reopen" };
        let Some(way) = ways.iter().find(|way| fits(way.category) && way.required.is_empty()) else {
            let names: BTreeSet<String> = ways.iter().map(|way| format!("`{}`", way.to)).collect();
            let blocked = ways
                .iter()
                .find(|way| fits(way.category))
                .map(|way| format!(" without filling {}", way.required.join(", ")))
                .unwrap_or_default();
            let available = if names.is_empty() {
                "none (the account may lack the permission TRANSITION_ISSUES)".to_owned()
            } else {
                names.into_iter().collect::<Vec<_>>().join(", ")
            };
            return Ok(Err(Failure::NoWay { verb, key: issue.key.clone(), available, blocked }));
        };
        let before = ticket.closed;
        if to == Category::Done {
            ticket.closed = Closed::Intended;
        } else {
            ticket.saying.insert(REOPENING.to_owned());
        }
        self.record(ticket.clone())?;
        match self.within(self.client.transition(issue, way, resolution)).await {
            Some(Ok(())) => {
                if to == Category::Done {
                    ticket.closed = Closed::ByUs;
                    ticket.closings += 1;
                } else {
                    ticket.closed = Closed::No;
                    ticket.saying.remove(REOPENING);
                }
                self.record(ticket)?;
                Ok(Ok(issue.clone()))
            }
            Some(Err(error)) => {
                if error.is_unexecuted() {
                    ticket.closed = before;
                    ticket.saying.remove(REOPENING);
                    self.record(ticket)?;
                }
                Ok(Err(error.into()))
            }
            None => Ok(Err(Failure::Stopped)),
        }
    }

    async fn link(
        &mut self,
        mut ticket: Ticket,
        to: &crate::group::GroupId,
        link_type: &str,
        topic: &str,
    ) -> Result<Result<Issue, Failure>, StateError> {
        let other = self.state.known().ticket(to);
        let (Some(from), Some(to)) = (ticket.issue().cloned(), other.issue().cloned()) else {
            return Ok(Err(Failure::NothingToLink));
        };
        ticket.saying.insert(topic.to_owned());
        self.record(ticket.clone())?;
        match self.within(self.client.link(link_type, &from, &to)).await {
            Some(Ok(())) => {
                ticket.saying.remove(topic);
                ticket.told.insert(topic.to_owned());
                self.record(ticket)?;
                Ok(Ok(from))
            }
            Some(Err(error)) => Ok(Err(error.into())),
            None => Ok(Err(Failure::Stopped)),
        }
    }
}
