//! Where a ticket stands: closing it, opening it again, and the labels that say so where no transition leads there.

use super::{
    Category, Closed, DONE_LABEL, HoldReason, Observed, REOPENED_LABEL, Reason, Ticket, Write, command,
    decide::{Planner, Standing, paragraph},
    life::in_dispute,
};
use crate::{group::Group, ticket::facts::rounded};

/// What the topics of comments begin with that tell why a ticket is opened again.
pub(super) const RETURNED: &str = "returned-";

impl Planner<'_> {
    /// Opens a ticket again that disputebot closed, unless it is known that nothing leads there.
    pub(super) fn reopen(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
    ) {
        self.tell_returned(group, standing, ticket, observed);
        let reason = self.back(group);
        if ticket.closed == Closed::Labelled {
            // A person closed it as its label asks for.
            self.unlabel(group, standing, observed, DONE_LABEL, Closed::ByUs, reason.clone());
        } else if let Some(hold) = self.no_way(ticket, observed) {
            return self.hold(group, standing, Some(observed.issue.key.clone()), hold);
        }
        let write = Write::Transition {
            issue: observed.issue.clone(),
            to: Category::New,
            resolution: None,
            topic: None,
        };
        self.act(group, standing, observed, write, reason);
    }

    /// Why a ticket that disputebot closed is opened again.
    fn back(&self, group: &Group) -> Reason {
        let despite = self.despite(group).map(|over| Reason::DespiteRuling { key: over.ruling.key.clone() });
        despite.unwrap_or(Reason::Returned)
    }

    pub(super) fn tell_returned(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
    ) {
        let topic = format!("{RETURNED}{}", ticket.closings);
        if ticket.told.contains(&topic) {
            return;
        }
        let open = match ticket.closed {
            Closed::Labelled => format!("the label {DONE_LABEL} is taken off"),
            // It was, and the comment that should have said so failed.
            Closed::No => "this ticket is open again".to_owned(),
            _ => "this ticket is reopened".to_owned(),
        };
        let text = match self.despite(group) {
            Some(over) => format!(
                "A person said here that the disputes of this ticket are no group, and {} of them {} still open. Since then \
                 {} more with the same pattern came{}, so {open}, this once. Close it, or write `{} not-a-group` again, and \
                 it stays closed for these as well.",
                over.covered,
                if over.covered == 1 { "is" } else { "are" },
                over.fresh,
                in_dispute(rounded(standing.fresh_amount)),
                command::PREFIX,
            ),
            None => format!(
                "This cause is back: {} dispute{} open again, so {open}.",
                group.members.len(),
                if group.members.len() == 1 { " is" } else { "s are" },
            ),
        };
        self.comment(group, standing, observed, topic, &[paragraph(text)], self.back(group));
    }

    /// Closes a ticket, unless it is known that nothing leads there.
    pub(super) fn close(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        reason: Reason,
    ) {
        if let Some(hold) = self.no_way(ticket, observed) {
            return self.hold(group, standing, Some(observed.issue.key.clone()), hold);
        }
        let write = Write::Transition {
            issue: observed.issue.clone(),
            to: Category::Done,
            resolution: self.params.resolutions.of(&reason),
            topic: None,
        };
        self.act(group, standing, observed, write, reason);
    }

    /// Why a ticket with a label in place of a move is not moved: the ways out of its status are those that it was
    /// tried with.
    pub(super) fn no_way(&self, ticket: &Ticket, observed: &Observed) -> Option<HoldReason> {
        let label = standing_label(ticket)?;
        let ways = self.input.ways.get(&observed.status);
        let why = match ways {
            Some(ways) if !ticket.told.contains(&ways_topic(&ways.digest)) => return None,
            Some(ways) => ways.why.clone(),
            None => "its workflow was not looked at in this run".to_owned(),
        };
        Some(HoldReason::NoWay { label: label.to_owned(), why })
    }

    pub(super) fn unlabel(
        &mut self,
        group: &Group,
        standing: &Standing,
        observed: &Observed,
        label: &str,
        closed: Closed,
        reason: Reason,
    ) {
        let write = Write::Unlabel { issue: observed.issue.clone(), label: label.to_owned(), closed };
        self.act(group, standing, observed, write, reason);
    }

    /// A ticket is where it should be: a label in place of a move has no use any more.
    pub(super) fn unlabel_done(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        reason: Reason,
    ) {
        if let Some(label) = standing_label(ticket) {
            self.unlabel(group, standing, observed, label, Closed::ByUs, reason);
        }
    }
}

/// The label that stands on a ticket in place of a move.
pub(super) fn standing_label(ticket: &Ticket) -> Option<&'static str> {
    match ticket.closed {
        Closed::Labelled => Some(DONE_LABEL),
        Closed::Stuck => Some(REOPENED_LABEL),
        Closed::No | Closed::Intended | Closed::ByUs | Closed::Agreed => None,
    }
}

/// Topic of having tried the ways of a status.
pub fn ways_topic(digest: &str) -> String {
    format!("ways-{digest}")
}
