//! Where groups came from and went to, on their tickets: merges, splits, and second tickets.

use super::{
    Action, Category, Closed, HoldReason, IGNORE_LABEL, Issue, Observed, Reason, Stray, StrayKind, Ticket,
    Write,
    decide::{Planner, Standing, paragraph},
};
use crate::{
    group::{Group, GroupId, Status},
    ticket::screen,
};

impl Planner<'_> {
    pub(super) fn merged(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        into: &GroupId,
    ) {
        let (into, survivor) = self.survivor(into);
        if self.input.tickets.get(into).and_then(Ticket::issue).is_none() {
            if matches!(survivor, Some(Status::Resolved { .. })) {
                return self.resolved(group, standing, ticket, observed);
            }
            // Its readers would be sent to a ticket that is not there.
            let what = format!("its disputes belong to group {}, which has no ticket yet", into.short());
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, HoldReason::Unconfirmed { what });
        }
        let reason = Reason::MergedInto { group: into.clone() };
        let topic = format!("merged-{into}");
        if !ticket.told.contains(&topic) {
            let write = Write::Link {
                to: into.clone(),
                link_type: self.params.merge_link.clone(),
                topic: topic.clone(),
            };
            self.act(group, standing, observed, write, reason.clone());
        }
        let said = format!("{topic}-said");
        if !ticket.told.contains(&said) {
            let text = "The disputes of this ticket turned out to share their root cause with those of another ticket \
                        (linked as its duplicate) and are counted there from now on.";
            self.comment(group, standing, observed, said, &[paragraph(text.into())], reason.clone());
        }
        if observed.category == Category::Done {
            return self.unlabel_done(group, standing, ticket, observed, reason);
        }
        if ticket.closed == Closed::ByUs {
            return;
        }
        let key = Some(observed.issue.key.clone());
        if observed.category != Category::New || observed.assignee.is_some() {
            let status = observed.status.clone();
            return self.hold(group, standing, key, HoldReason::PersonWorking { status });
        }
        if !self.input.complete {
            return self.hold(group, standing, key, HoldReason::Incomplete { absent: 0 });
        }
        self.close(group, standing, ticket, observed, reason);
    }

    /// Where the disputes of a merged group are told of: the group it merged into, or, where that one merged
    /// on without ever having a ticket, the next.
    fn survivor<'g>(&'g self, into: &'g GroupId) -> (&'g GroupId, Option<&'g Status>) {
        let mut at = into;
        for _ in self.input.groups {
            let status = self.input.groups.iter().find(|group| group.id == *at).map(|group| &group.status);
            match status {
                Some(Status::Merged { into, .. })
                    if self.input.tickets.get(at).and_then(Ticket::issue).is_none() =>
                {
                    at = into;
                }
                _ => return (at, status),
            }
        }
        (at, None)
    }

    /// Key of the ticket of ours that a person closed this one as a duplicate of.
    pub(super) fn merged_by_person(&self, observed: &Observed) -> Option<String> {
        let is_ours = |issue: &&Issue| {
            self.input.tickets.values().filter_map(Ticket::issue).any(|ours| ours.id == issue.id)
        };
        observed.duplicate_of.iter().find(is_ours).map(|issue| issue.key.clone())
    }

    /// A second ticket of a group is linked, told and closed, each once; a person's copy is left alone.
    pub(super) fn stray(&mut self, stray: &Stray) {
        let Some(group) = self.input.groups.iter().find(|group| group.id == stray.group) else { return };
        let Some(standing) = self.input.standing.get(&group.id) else { return };
        let Some(ticket) = self.input.tickets.get(&group.id) else { return };
        let Some(own) = ticket.issue() else { return };
        if stray.kind == StrayKind::Clone {
            let copy = stray.issue.key.clone();
            return self.hold(group, standing, Some(own.key.clone()), HoldReason::Cloned { copy });
        }
        let Some(observed) = self.input.observed.get(&stray.issue.id) else { return };
        let own = self.input.observed.get(&own.id).map_or(own, |own| &own.issue);
        let reason = Reason::Duplicate { of: own.key.clone() };
        let topic = format!("duplicate-{}", stray.issue.id);
        if !ticket.told.contains(&topic) {
            let write = Write::LinkDuplicate {
                issue: observed.issue.clone(),
                to: own.clone(),
                link_type: self.params.merge_link.clone(),
                topic: topic.clone(),
            };
            self.act(group, standing, observed, write, reason.clone());
        }
        let said = format!("{topic}-said");
        if !ticket.told.contains(&said) {
            let text = format!(
                "This is a second ticket for the same disputes, made by disputebot by mistake. {} is the one that is \
                 kept up to date; this one is closed.",
                own.key
            );
            self.comment(group, standing, observed, said, &[paragraph(text)], reason.clone());
        }
        let closed = format!("{topic}-closed");
        if observed.category == Category::Done || ticket.told.contains(&closed) {
            return;
        }
        if observed.category != Category::New || observed.assignee.is_some() {
            let status = observed.status.clone();
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, HoldReason::PersonWorking { status });
        }
        let write = Write::Transition {
            issue: observed.issue.clone(),
            to: Category::Done,
            resolution: self.params.resolution.clone(),
            topic: Some(closed),
        };
        self.act(group, standing, observed, write, reason);
    }

    /// Links parent and child and tells the parent, once the parent has a ticket.
    pub(super) fn announce_split(
        &mut self,
        child: &Group,
        standing: &Standing,
        parent: &GroupId,
        observed: Option<&Observed>,
    ) {
        let reason = Reason::SplitFrom { group: parent.clone() };
        let parent_ticket = self.input.tickets.get(parent);
        let Some(parent_issue) = parent_ticket.and_then(Ticket::issue) else { return };
        let write = Write::Link {
            to: parent.clone(),
            link_type: self.params.split_link.clone(),
            topic: split_topic(parent),
        };
        let key = observed.map(|observed| observed.issue.key.clone());
        self.actions.push(Action {
            group: child.id.clone(),
            key,
            title: standing.title.clone(),
            write,
            reason: reason.clone(),
        });
        let topic = format!("split-off-{}", child.id);
        if parent_ticket.is_some_and(|ticket| ticket.told.contains(&topic)) || !self.input.read {
            return;
        }
        let Some(parent_observed) = self.input.observed.get(&parent_issue.id) else { return };
        // Where the parent is to be quiet, or has said enough, the link says it.
        let is_again = parent_ticket.is_some_and(|ticket| ticket.saying.contains_key(&topic));
        let orders = parent_ticket.and_then(|ticket| ticket.orders.as_deref());
        let is_quiet = orders
            .and_then(|orders| orders.quiet.as_ref())
            .is_some_and(|quiet| quiet.holds(self.input.now.at));
        if parent_observed.labels.contains(IGNORE_LABEL)
            || is_quiet
            || !is_again && self.is_spent(parent_ticket)
        {
            return;
        }
        *self.speaking.entry(parent.clone()).or_default() += 1;
        // The headline is no part of a screened content, and goes to a ticket of its own.
        let headline =
            if screen(&standing.title).is_none() { format!(" ({})", standing.title) } else { String::new() };
        let text = format!(
            "{} disputes of this ticket turned out to have a root cause of their own{headline}. They have a ticket \
             of their own now, linked here.",
            child.members.len(),
        );
        let title = self.input.standing.get(parent).map_or_else(String::new, |parent| parent.title.clone());
        self.actions.push(Action {
            group: parent.clone(),
            key: Some(parent_observed.issue.key.clone()),
            title,
            write: Write::Comment {
                issue: parent_observed.issue.clone(),
                topic,
                body: vec![paragraph(text)],
            },
            reason,
        });
    }
}

/// Topic of the link from a part to the group that it was split from.
pub(super) fn split_topic(parent: &GroupId) -> String {
    format!("split-from-{parent}")
}
