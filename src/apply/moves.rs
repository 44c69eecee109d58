//! Moves a ticket to where it should be, over as many transitions as it takes.
//!
//! Jira shows only the ways out of the status that an issue has now, so every step is the same: look, choose
//! ([`workflow`]), record, send, look again. Where no way is found, the ticket goes back to where it stood, one
//! comment says why, and a label stands in place of the move; the ways that were tried are noted, so that it is
//! tried again as soon as others are open.
//!
//! # Guarantees
//!
//! * The intent is recorded before each step. A process that dies in between leaves a ticket on its way, and the
//!   next run goes on from there.
//! * At most [`workflow::STEPS`] steps forward, and as many back.

use super::{Applier, Clock, Failure, Sent, Store, Tracker, within};
use crate::{
    jira::workflow::{self, Atlas, Transition, Walk},
    plan::{self, Category, Closed, DONE_LABEL, Issue, REOPENED_LABEL, Ticket, ways_topic},
    state::StateError,
    ticket::{
        self,
        document::{Block, Inline},
    },
};

/// Stands among the topics of a ticket while it is being reopened.
pub(super) const REOPENING: &str = "reopening";

/// What is to be moved, and where to.
#[derive(Clone, Copy)]
pub(super) struct Move<'a> {
    pub(super) issue: &'a Issue,
    pub(super) to: Category,
    pub(super) resolution: Option<&'a str>,
    /// Where it is not the group's own ticket: what it is about.
    pub(super) topic: Option<&'a str>,
    /// Whether it is left where somebody began to work on it.
    pub(super) yields: bool,
}

/// How a step ended.
type Stepped<T> = Result<Result<T, Failure>, StateError>;

impl<T: Tracker, S: Store, C: Clock> Applier<'_, T, S, C> {
    /// Moves the group's own ticket, or, where there is a topic, another issue of its.
    pub(super) async fn transition(&mut self, ticket: Ticket, wanted: Move<'_>) -> Sent {
        // The plan may have looked an hour ago.
        let seen = match self.observed(wanted.issue).await {
            Ok(seen) => seen,
            Err(failure) => return Ok(Err(failure)),
        };
        if workflow::is_there(seen.category, wanted.to) {
            // Somebody was faster; whose decision it was, the next plan sees. A second ticket is done with.
            return match wanted.topic {
                Some(_) => self.arrived(ticket, wanted).await,
                None => Ok(Ok(wanted.issue.clone())),
            };
        }
        let is_new = wanted.topic.map_or(!ticket.worked_on, |topic| !ticket.saying.contains_key(topic));
        let is_begun = is_new && plan::is_worked_on(&ticket, &seen) && !self.moved.contains(&wanted.issue.id);
        if wanted.yields && is_begun {
            return Ok(Err(Failure::ChangedMeanwhile));
        }
        let ways = match self.ways(wanted).await {
            Ok(ways) => ways,
            Err(failure) => return Ok(Err(failure)),
        };
        if let Some(way) = workflow::direct(&ways, wanted.to) {
            return match self.hop(&ticket, wanted, way).await? {
                Ok(()) => self.arrived(ticket, wanted).await,
                Err(failure) => Ok(Err(failure)),
            };
        }
        self.walk(ticket, wanted, seen.status, ways).await
    }

    /// Over several transitions. The atlas of the project says what was seen of its workflow in this run.
    async fn walk(&mut self, ticket: Ticket, wanted: Move<'_>, at: String, first: Vec<Transition>) -> Sent {
        let project = wanted.issue.key.rsplit_once('-').map_or("", |(project, _)| project).to_owned();
        let mut atlas = self.atlases.remove(&project).unwrap_or_default();
        let walked = self.walk_by(&mut atlas, ticket, wanted, at, first).await;
        self.atlases.insert(project, atlas);
        walked
    }

    async fn walk_by(
        &mut self,
        atlas: &mut Atlas,
        mut ticket: Ticket,
        wanted: Move<'_>,
        mut at: String,
        first: Vec<Transition>,
    ) -> Sent {
        atlas.learn(&at, &first);
        let mut walk = Walk::new(&at, wanted.to);
        while let Some(way) = walk.step(&at, atlas) {
            if let Err(failure) = self.hop(&ticket, wanted, &way).await? {
                return Ok(Err(failure));
            }
            // A later step that is not done must not hide that this one was, nor who closes the ticket then.
            ticket = Ticket { closed: ticket.closed, ..self.store.known().ticket(&ticket.group) };
            match self.look(atlas, wanted).await {
                Ok((_, category)) if workflow::is_there(category, wanted.to) => {
                    return self.arrived(ticket, wanted).await;
                }
                Ok((status, _)) => at = status,
                Err(failure) => return Ok(Err(failure)),
            }
        }
        for _ in 0..workflow::STEPS {
            let Some(way) = walk.back(&at, atlas) else { break };
            if let Err(failure) = self.hop(&ticket, wanted, &way).await? {
                return Ok(Err(failure));
            }
            // A later step that is not done must not hide that this one was, nor who closes the ticket then.
            ticket = Ticket { closed: ticket.closed, ..self.store.known().ticket(&ticket.group) };
            match self.look(atlas, wanted).await {
                Ok((status, _)) => at = status,
                Err(failure) => return Ok(Err(failure)),
            }
        }
        let ways = if at == walk.start() {
            first
        } else {
            match self.ways(wanted).await {
                Ok(ways) => ways,
                Err(failure) => return Ok(Err(failure)),
            }
        };
        self.label_instead(ticket, wanted, &ways).await
    }

    /// One transition: recorded, then sent.
    async fn hop(&mut self, ticket: &Ticket, wanted: Move<'_>, way: &Transition) -> Stepped<()> {
        let mut under_way = ticket.clone();
        match (wanted.topic, wanted.to) {
            (Some(topic), _) => {
                under_way.saying.insert(topic.to_owned(), self.clock.moment());
            }
            // With the label on it, it counts as closed by us once it is done, whoever did it.
            (None, Category::Done) if ticket.closed == Closed::Labelled => {}
            (None, Category::Done) => {
                under_way.closed = Closed::Intended;
                under_way.not_closing();
                under_way.saying.insert(plan::closing_topic(&way.to), self.clock.moment());
            }
            (None, _) => {
                under_way.saying.insert(REOPENING.to_owned(), self.clock.moment());
            }
        }
        self.record(under_way)?;
        match within(self.stop, self.tracker.transition(wanted.issue, way)).await {
            Some(Ok(())) => {
                self.moved.insert(wanted.issue.id.clone());
                Ok(Ok(()))
            }
            Some(Err(error)) => {
                if error.is_unexecuted() {
                    self.record(ticket.clone())?;
                }
                Ok(Err(error.into()))
            }
            None => Ok(Err(Failure::Stopped)),
        }
    }

    /// The ticket is where it should be.
    async fn arrived(&mut self, mut ticket: Ticket, wanted: Move<'_>) -> Sent {
        let before = ticket.closed;
        match (wanted.topic, wanted.to) {
            (Some(topic), _) => {
                ticket.saying.remove(topic);
                ticket.told.insert(topic.to_owned());
            }
            (None, Category::Done) => {
                // A label in its place was counted already.
                ticket.closings += u32::from(before != Closed::Labelled);
                ticket.closed = Closed::ByUs;
                ticket.not_closing();
            }
            (None, _) => {
                ticket.closed = Closed::No;
                ticket.saying.remove(REOPENING);
                // A label in its place was counted already.
                if before != Closed::Stuck {
                    ticket.note_reopened(self.clock.moment().at);
                }
            }
        }
        self.record(ticket)?;
        let label = match (wanted.topic, before) {
            (None, Closed::Labelled) => DONE_LABEL,
            (None, Closed::Stuck) => REOPENED_LABEL,
            _ => return Ok(Ok(wanted.issue.clone())),
        };
        match within(self.stop, self.tracker.relabel(wanted.issue, label, false)).await {
            Some(Ok(())) => Ok(Ok(wanted.issue.clone())),
            Some(Err(error)) => Ok(Err(error.into())),
            None => Ok(Err(Failure::Stopped)),
        }
    }

    /// Nothing leads there: one comment, one label, and a note of the ways that were tried.
    async fn label_instead(&mut self, ticket: Ticket, wanted: Move<'_>, ways: &[Transition]) -> Sent {
        let why = workflow::why_not(ways, wanted.to);
        let closing = wanted.to == Category::Done;
        let label = if closing { DONE_LABEL } else { REOPENED_LABEL };
        let verb = if closing { "close" } else { "reopen" };
        tracing::warn!(group.id = %ticket.group, ticket.key = wanted.issue.key, label, why, "no transition leads where the ticket should go");
        let comment = match wanted.topic {
            Some(topic) => format!("{topic}-no-way"),
            None => format!("no-way-{}{}", if closing { "" } else { "back-" }, ticket.closings),
        };
        let has_label = wanted.topic.is_none() && matches!(ticket.closed, Closed::Labelled | Closed::Stuck);
        // Where it has the label only the ways changed, and to no avail.
        if !has_label {
            if !ticket.told.contains(&comment) {
                let text = format!(
                    "disputebot would {verb} this ticket, but cannot: {}. The label {label} says so instead; please \
                     {verb} it by hand.",
                    // Names of the workflow, which people give, and which the gate over the plan has not seen: this comment
                    // is put together after it.
                    ticket::open_foreign(&why)
                );
                let body = [Block::Paragraph(vec![Inline::plain(text)])];
                match self.comment(ticket.clone(), wanted.issue, &comment, &body).await? {
                    Ok(_) => {}
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            match within(self.stop, self.tracker.relabel(wanted.issue, label, true)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => return Ok(Err(error.into())),
                None => return Ok(Err(Failure::Stopped)),
            }
        }
        let mut ticket = self.store.known().ticket(&ticket.group);
        ticket.saying.remove(REOPENING);
        ticket.not_closing();
        ticket.told.insert(ways_topic(&workflow::digest(ways, self.tracker.filling())));
        match (wanted.topic, closing) {
            (Some(topic), _) => {
                ticket.saying.remove(topic);
                ticket.told.insert(topic.to_owned());
            }
            (None, true) => {
                ticket.closings += u32::from(!has_label);
                ticket.closed = Closed::Labelled;
            }
            (None, false) => {
                ticket.closed = Closed::Stuck;
                if !has_label {
                    ticket.note_reopened(self.clock.moment().at);
                }
            }
        }
        self.record(ticket)?;
        Ok(Ok(wanted.issue.clone()))
    }

    /// Takes off a label that stood in place of a move.
    pub(super) async fn unlabel(
        &mut self,
        mut ticket: Ticket,
        issue: &Issue,
        label: &str,
        closed: Closed,
    ) -> Sent {
        match within(self.stop, self.tracker.relabel(issue, label, false)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => return Ok(Err(error.into())),
            None => return Ok(Err(Failure::Stopped)),
        }
        if (ticket.closed, closed) == (Closed::Labelled, Closed::No) {
            ticket.note_reopened(self.clock.moment().at);
        }
        ticket.closed = closed;
        self.record(ticket)?;
        Ok(Ok(issue.clone()))
    }

    async fn ways(&self, wanted: Move<'_>) -> Result<Vec<Transition>, Failure> {
        match within(self.stop, self.tracker.transitions(wanted.issue, wanted.resolution)).await {
            Some(Ok(ways)) => Ok(ways),
            Some(Err(error)) => Err(error.into()),
            None => Err(Failure::Stopped),
        }
    }

    /// Where an issue is now.
    async fn observed(&self, issue: &Issue) -> Result<plan::Observed, Failure> {
        let ids = [issue.id.clone()];
        match within(self.stop, self.tracker.read(&ids)).await {
            Some(Ok(mut found)) => {
                found.remove(&issue.id).ok_or_else(|| Failure::Gone { key: issue.key.clone() })
            }
            Some(Err(error)) => Err(error.into()),
            None => Err(Failure::Stopped),
        }
    }

    /// Where an issue is now, with its ways out noted.
    async fn look(&self, atlas: &mut Atlas, wanted: Move<'_>) -> Result<(String, Category), Failure> {
        let plan::Observed { status, category, .. } = self.observed(wanted.issue).await?;
        if !workflow::is_there(category, wanted.to) {
            atlas.learn(&status, &self.ways(wanted).await?);
        }
        Ok((status, category))
    }
}
