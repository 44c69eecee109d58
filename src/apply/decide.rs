//! What a person decides about the ticket of a group, where disputebot cannot: by the command line or the dashboard.

use jiff::Timestamp;

use super::port::Tracker;
use crate::{
    group::GroupId,
    jira::JiraError,
    plan::{Link, Ticket},
    state::{Known, Ran},
};

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This issue is the ticket of the group.
    Bind {
        /// Its key.
        key: String,
    },
    /// A new ticket is to be opened.
    Create,
}

impl Decision {
    /// The record of who decided: the audit trail of what people order.
    pub fn told(&self, group: &GroupId, by: &str, at: Timestamp) -> Ran {
        let what = match self {
            Self::Bind { key } => format!("bind {key}"),
            Self::Create => "create".to_owned(),
        };
        // Each has a name of its own: a later one takes nothing away from an earlier one.
        Ran { schedule: format!("{} {at}", Self::trail(group)), id: format!("{what} by {by}"), at }
    }

    /// The same of a decision that was not carried out.
    pub fn refused(&self, group: &GroupId, by: &str, why: &str, at: Timestamp) -> Ran {
        let Ran { schedule, id, at } = self.told(group, by, at);
        Ran { schedule, id: format!("{id}{}{why}", Self::NOT_DONE), at }
    }

    /// What stands between a decision that was not carried out and why.
    pub const NOT_DONE: &str = ", not done: ";

    /// Whether a record is one of a decision.
    pub fn is_one(ran: &Ran) -> bool {
        ran.schedule.starts_with("decision ")
    }

    /// What the names of the records of decisions about a group begin with.
    pub fn trail(group: &GroupId) -> String {
        format!("decision {group}")
    }
}

/// Why a decision is not taken.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// It does not fit what is so.
    #[error("{0}")]
    Unfit(String),
    /// Jira may still be at it.
    #[error("the answer to the create of group {0} was lost, and Jira may still be at it")]
    TooEarly(String),
    /// The issue cannot be seen.
    #[error("Jira does not show `{0}` to this account")]
    Hidden(String),
    /// Jira refused.
    #[error(transparent)]
    Jira(#[from] JiraError),
}

/// The ticket of a group as it is after a decision, and what is said of it. Nothing is recorded or written.
pub async fn decide(
    tracker: &impl Tracker,
    known: &Known,
    group: &GroupId,
    decision: &Decision,
) -> Result<(Ticket, String), DecideError> {
    let ticket = known.ticket(group);
    match decision {
        Decision::Bind { key } => {
            let other = known.tickets.values().find(|other| {
                other.group != *group
                    && other.issue().is_some_and(|issue| issue.key.eq_ignore_ascii_case(key))
            });
            if let Some(other) = other {
                return Err(DecideError::Unfit(format!(
                    "{key} is the ticket of group {}",
                    other.group.short()
                )));
            }
            bind(tracker, known, ticket, key).await
        }
        Decision::Create => create(tracker, ticket).await,
    }
}

/// The ticket bound to an issue that is there.
async fn bind(
    tracker: &impl Tracker,
    known: &Known,
    ticket: Ticket,
    key: &str,
) -> Result<(Ticket, String), DecideError> {
    let asked = [key.to_owned()];
    tracker.sign_in().await?;
    let observed = tracker.read(&asked).await?;
    let marked = tracker.marks(&asked).await?;
    let Some(observed) = observed.into_values().next() else {
        return Err(DecideError::Hidden(key.to_owned()));
    };
    // Keys change, and a ticket may be known by an old one.
    let is_it = |other: &&Ticket| other.issue().is_some_and(|issue| issue.id == observed.issue.id);
    let of_other = known.tickets.values().filter(|other| other.group != ticket.group).find(is_it);
    if let Some(other) = of_other {
        let (key, other) = (&observed.issue.key, other.group.short());
        return Err(DecideError::Unfit(format!("{key} is the ticket of group {other}")));
    }
    let mark = marked.into_iter().next().filter(|marked| marked.group == ticket.group);
    let written = mark.and_then(|marked| marked.mark?.written).or_else(|| ticket.written.clone());
    let said = format!("group {} has the ticket {} from now on", ticket.group.short(), observed.issue.key);
    let mut ticket = Ticket { written, writing: None, look_first: true, pinned: true, ..ticket };
    ticket.bind(observed.issue);
    Ok((ticket, said))
}

/// Key of the ticket of a group that was held, where it turned up since.
async fn turned_up(tracker: &impl Tracker, ticket: &Ticket) -> Result<Option<String>, JiraError> {
    tracker.sign_in().await?;
    let shown = tracker.labelled(&ticket.group.label(), &[]).await?.ids;
    let marked = tracker.marks(&shown).await?;
    Ok(marked.into_iter().find(|marked| marked.group == ticket.group).map(|marked| marked.issue.key))
}

/// The ticket ready for a create.
async fn create(tracker: &impl Tracker, ticket: Ticket) -> Result<(Ticket, String), DecideError> {
    let short = ticket.group.short().to_owned();
    let mut unseen = String::new();
    let attempts = match &ticket.link {
        Link::Held { attempts, .. } => {
            match turned_up(tracker, &ticket).await {
                Ok(Some(key)) => {
                    return Err(DecideError::Unfit(format!(
                        "{key} has the label of group {short}: bind it, or take its label off first"
                    )));
                }
                Ok(None) => {}
                // Who decides has been told that it may be there; the run that opens one has to reach Jira anyway.
                Err(error) => unseen = format!("; Jira could not be asked whether it turned up ({error})"),
            }
            *attempts
        }
        Link::Bound { issue } => {
            tracker.sign_in().await?;
            let shown = tracker.read(std::slice::from_ref(&issue.id)).await?;
            if let Some(shown) = shown.into_values().next() {
                let said = format!("group {short} has the ticket {}, which is there", shown.issue.key);
                return Err(DecideError::Unfit(said));
            }
            0
        }
        Link::Intent { .. } | Link::Unknown { .. } => return Err(DecideError::TooEarly(short)),
        Link::Ready { .. } | Link::Parked { .. } => {
            return Err(DecideError::Unfit(format!("group {short} waits for no decision")));
        }
    };
    let said = format!("the next run opens a ticket for group {short}{unseen}");
    // What was written and said was on another issue.
    let ticket = Ticket { link: Link::Ready { attempts }, ..Ticket::none(ticket.group) };
    Ok((ticket, said))
}
