//! Where groups came from and went to, on their tickets: merges, splits, and second tickets.

use super::{
    Action, Category, Change, Closed, HoldReason, IGNORE_LABEL, Issue, Observed, Reason, Ruling, RulingKind,
    SECOND, Stray, StrayKind, Ticket, Write,
    decide::{Planner, Standing, paragraph},
    route::is_taken,
};
use crate::{
    cluster::Attribute,
    group::{Group, GroupId, Status},
    ticket::{
        block::{self, Located},
        markup, screen,
    },
};

/// Begins the topic of a parent's comment on a part that has a ticket of its own.
const SPLIT_OFF: &str = "split-off-";
/// Begins the topic of where the disputes of a merged ticket are counted.
const COUNTED_ON: &str = "counted-on-";
/// Begins the topic of a move towards done that is under way.
pub const CLOSING: &str = "closing-";
/// Says in `told` that the ticket of a group that is over was closed, and not by disputebot.
pub const CLOSED_BY_OTHERS: &str = "closed-by-others";

/// The group of whose new ticket a comment on a topic tells.
pub fn tells_of(topic: &str) -> Option<GroupId> {
    GroupId::parse(topic.strip_prefix(SPLIT_OFF)?)
}

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
        let (into, is_settled) = (&into.clone(), matches!(survivor, Some(Status::Resolved { .. })));
        let other = self.input.tickets.get(into);
        let Some((other, issue)) = other.and_then(|other| Some((other, other.issue()?))) else {
            if is_settled {
                return self.resolved(group, standing, ticket, observed);
            }
            // Its readers would be sent to a ticket that is not there.
            let what = format!("its disputes belong to group {}, which has no ticket yet", into.short());
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, HoldReason::Unconfirmed { what });
        };
        let ruling = self.merge_of(group);
        if self.is_missing(other) {
            let what = format!("its disputes belong with those of {}, which Jira does not show", issue.key);
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, HoldReason::Unconfirmed { what });
        }
        if let Some(closed) = self.closed_by_person(into).filter(|_| ruling.is_none()) {
            // Open disputes would be told of on a ticket that stays closed.
            let what = format!("its disputes belong with those of {}, which a person closed", closed.key);
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, HoldReason::Unconfirmed { what });
        }
        // Where there is nothing to tell any more, or it was told already, quiet is no reason to wait.
        let is_over = is_settled || observed.category == Category::Done || ticket.closed.is_settled();
        let topic = format!("merged-{into}");
        let is_begun = ticket.told.contains(&topic);
        if ruling.is_none() && !is_over && !is_begun && self.is_left_alone(other, issue) {
            // Nothing would be told of them there.
            let what = format!("its disputes belong with those of {}, on which people want quiet", issue.key);
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, HoldReason::Unconfirmed { what });
        }
        let reason = match ruling {
            Some(ruling) => Reason::MergedByPerson { group: into.clone(), key: ruling.key.clone() },
            None => Reason::MergedInto { group: into.clone() },
        };
        let by_person = ruling.is_some();
        if !is_begun {
            let write = Write::Link {
                to: into.clone(),
                link_type: self.params.merge_link.clone(),
                topic: topic.clone(),
            };
            self.act(group, standing, observed, write, reason.clone());
        }
        let (own, other) = (&observed.issue.key, &issue.key);
        let (here, there) = if by_person {
            (
                format!(
                    "A person merged this ticket into {other}. Its disputes are counted there from now on, and later runs \
                     keep the disputes of both together."
                ),
                format!(
                    "A person merged {own} into this ticket. Its disputes are counted here from now on, and later runs keep \
                     the disputes of both together."
                ),
            )
        } else {
            (
                format!(
                    "The disputes of this ticket turned out to share their root cause with those of {other}, which is linked. \
                     They are counted there from now on."
                ),
                format!(
                    "The disputes of {own}, which is linked, turned out to share the root cause of this ticket. They are \
                     counted here from now on."
                ),
            )
        };
        let said = format!("{topic}-said");
        if !ticket.told.contains(&said) {
            self.comment(group, standing, observed, said.clone(), &[paragraph(here)], reason.clone());
        }
        if let Status::Merged { at, .. } = group.status
            && self.is_news(at)
        {
            self.tell_other(into, format!("took-in-{}", group.id), there, reason.clone());
        }
        if observed.category == Category::Done {
            return self.unlabel_done(group, standing, ticket, observed, reason);
        }
        if ticket.closed.is_settled() {
            return;
        }
        let key = Some(observed.issue.key.clone());
        // Closed, as a duplicate or otherwise, and opened again: whoever did that has a reason.
        let was_closed = ticket.told.contains(CLOSED_BY_OTHERS) || by_person && ticket.told.contains(&said);
        let is_reopened = ticket.closed == Closed::No && was_closed;
        let is_begun = observed.category != Category::New && !is_on_its_way(ticket, &observed.status);
        if is_begun || is_taken(ticket, observed) || is_reopened {
            if is_settled {
                self.tell_settled(group, standing, ticket, observed, into);
            } else {
                self.count_elsewhere(group, standing, ticket, observed, (into, &issue.key));
            }
            let status = observed.status.clone();
            return self.hold(group, standing, key, HoldReason::PersonWorking { status });
        }
        if !self.input.complete {
            return self.hold(group, standing, key, HoldReason::Incomplete { absent: 0 });
        }
        self.close(group, standing, ticket, observed, reason);
    }

    /// Says, on top of the text of a merged ticket that stays open because people work on it, where its disputes are counted,
    /// and takes its due date away, or boards would count them twice. All else stays as people know it.
    fn count_elsewhere(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        (into, key): (&GroupId, &str),
    ) {
        let topic = format!("{COUNTED_ON}{into}");
        let Some(last) = ticket.written.clone().filter(|_| !ticket.told.contains(&topic)) else { return };
        let is_released =
            |field: &str| ticket.orders.as_ref().is_some_and(|orders| orders.released.contains(field));
        let (mut before, mut written, mut changes) = (last.clone(), last.clone(), Vec::new());
        if let Located::Block { above, ours, below } = block::locate(&observed.description)
            && markup::digest(&ours) == last.block
            && !is_released("description")
        {
            let note = format!(
                "The disputes of this ticket are counted on {key} now. What follows is as it was before, for those who work on it."
            );
            let text = markup::plain_text(&ours);
            // One whose answer was lost may be there.
            if !text.starts_with(&note) {
                let mut nodes = self.input.markup.nodes(&[paragraph(note.clone())]);
                nodes.extend(ours.iter().cloned());
                before.block = markup::digest(&ours);
                changes.push(Change::Description {
                    to: format!("{note}\n{text}"),
                    from: text,
                    document: block::compose(self.input.markup, &group.id, &above, &nodes, &below),
                });
                written.block = markup::digest(&nodes);
            }
        }
        if observed.due.is_some() && observed.due == last.due && !is_released("due date") {
            changes.push(Change::Due { from: observed.due, to: None });
            written.due = None;
        }
        if changes.is_empty() {
            return;
        }
        let issue = observed.issue.clone();
        let tells = vec![topic];
        // Its mark goes on to name its disputes, by which it is known as merged again where the state is lost.
        let write = Write::Update { issue, changes, before, written, mark: None, tells, unsaid: None };
        self.act(group, standing, observed, write, Reason::MergedInto { group: into.clone() });
    }

    /// Says once on such a ticket that there is nothing left to wait for.
    fn tell_settled(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        into: &GroupId,
    ) {
        let topic = format!("settled-on-{into}");
        if !ticket.told.contains(&topic) {
            let text = "All disputes that this ticket was about are settled by now. It is open because people work on it: \
                        close it when they are done.";
            self.comment(
                group,
                standing,
                observed,
                topic,
                &[paragraph(text.to_owned())],
                Reason::AllResolved,
            );
        }
    }

    /// Whether a ticket was asked for and is not shown: nobody knows whether it is there. Settled ones are not asked for any
    /// more after a while.
    fn is_missing(&self, ticket: &Ticket) -> bool {
        let is_shown = |issue: &Issue| self.input.observed.contains_key(&issue.id);
        !ticket.closed.is_settled() && !ticket.issue().is_some_and(is_shown)
    }

    /// The ticket of a group, where a person closed it with disputes open.
    fn closed_by_person(&self, group: &GroupId) -> Option<&Issue> {
        let ticket = self.input.tickets.get(group)?;
        let observed = self.input.observed.get(&ticket.issue()?.id)?;
        let is_decided = self.input.rulings.iter().any(|ruling| ruling.group == *group && ruling.is_quiet());
        (observed.category == Category::Done && ticket.closed == Closed::No && is_decided)
            .then_some(&observed.issue)
    }

    /// Whether people want disputebot to leave a ticket alone.
    fn is_left_alone(&self, ticket: &Ticket, issue: &Issue) -> bool {
        let observed = self.input.observed.get(&issue.id);
        ticket.wants_quiet(self.input.now.at)
            || observed.is_some_and(|observed| observed.labels.contains(IGNORE_LABEL))
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

    /// The ticket of ours that a person linked this one to as its duplicate, with its group.
    fn linked_by_person(&self, group: &Group, observed: &Observed) -> Option<(&Group, String)> {
        let ticket = self.input.tickets.get(&group.id);
        let mut others = observed.duplicate_of.iter().filter_map(|issue| {
            let is_of_it = |ticket: &&Ticket| ticket.issue().is_some_and(|ours| ours.id == issue.id);
            let other = &self.input.tickets.values().find(is_of_it)?.group;
            let is_ours = ticket.is_some_and(|ticket| ticket.told.contains(&format!("merged-{other}")));
            let other = self.input.groups.iter().find(|group| group.id == *other)?;
            (other.id != group.id && !is_ours).then(|| (other, issue.key.clone()))
        });
        others.next()
    }

    /// Key of the ticket of ours into which a person merged this one by a link.
    pub(super) fn merged_by_person(&self, group: &Group, observed: &Observed) -> Option<String> {
        let (other, key) = self.linked_by_person(group, observed)?;
        let is_followed = |ruling: &Ruling| {
            !ruling.lifted
                && ruling.group == group.id
                && matches!(&ruling.kind, RulingKind::Together { with } if *with == other.id)
        };
        self.input.rulings.iter().any(is_followed).then_some(key)
    }

    /// Says once of a person's link to another ticket of ours why the disputes of the two cannot be counted together.
    pub(super) fn tell_apart(&mut self, group: &Group, standing: &Standing, observed: &Observed) {
        if self.merged_by_person(group, observed).is_some() {
            return;
        }
        let Some((other, key)) = self.linked_by_person(group, observed) else { return };
        // What was merged into this one is counted here.
        let mut at = other;
        while let Status::Merged { into, .. } = &at.status {
            let Some(next) = self.input.groups.iter().find(|group| group.id == *into) else { break };
            if next.id == group.id {
                return;
            }
            at = next;
        }
        let why = match &other.status {
            _ if other.program != group.program => "it is about another program",
            // Whose it is is nothing that the readers of this one are to learn.
            _ if other.client != group.client => "it is not about the disputes of the same client",
            Status::Merged { .. } => "its own disputes are counted on another ticket by now",
            Status::Resolved { .. } => "all its disputes are settled",
            Status::Active if self.closed_by_person(&other.id).is_some() => "a person closed it",
            // A run that cannot tell yet says nothing.
            Status::Active => return,
        };
        let topic = format!("not-merged-{}", other.id);
        let told = self.input.tickets.get(&group.id).is_some_and(|ticket| ticket.told.contains(&topic));
        if told {
            return;
        }
        let text = format!(
            "A person linked this ticket as a duplicate of {key}. Their disputes are not counted together: {why}. Those of \
             this ticket go on to be counted here."
        );
        let reason = Reason::LinkNotFollowed { to: key };
        self.comment(group, standing, observed, topic, &[paragraph(text)], reason);
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
        if observed.labels.contains(IGNORE_LABEL) {
            return self.hold(group, standing, Some(observed.issue.key.clone()), HoldReason::Ignored);
        }
        // Then this one may be all that people have.
        if self.is_missing(ticket) {
            return;
        }
        let own = self.input.observed.get(&own.id).map_or(own, |own| &own.issue);
        let reason = Reason::Duplicate { of: own.key.clone() };
        let topic = format!("{SECOND}{}", stray.issue.id);
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
        // On its way to be closed, nobody but disputebot has moved it.
        let is_on_its_way = ticket.saying.contains_key(&closed);
        if (observed.category != Category::New && !is_on_its_way) || is_taken(ticket, observed) {
            let status = observed.status.clone();
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, HoldReason::PersonWorking { status });
        }
        let write = Write::Transition {
            issue: observed.issue.clone(),
            to: Category::Done,
            resolution: self.params.resolutions.of(&reason),
            topic: Some(closed),
        };
        self.act(group, standing, observed, write, reason);
    }

    /// Links parent and child, once the parent has a ticket, and tells the parent while the child's is young.
    pub(super) fn announce_split(
        &mut self,
        child: &Group,
        standing: &Standing,
        ticket: &Ticket,
        parent: &GroupId,
        observed: Option<&Observed>,
    ) {
        let reason = Reason::SplitFrom { group: parent.clone() };
        let parent_ticket = self.input.tickets.get(parent);
        if parent_ticket.and_then(Ticket::issue).is_none() {
            return;
        }
        let topic = split_topic(parent);
        let is_linked = ticket.told.contains(&topic);
        if !is_linked {
            let write = Write::Link { to: parent.clone(), link_type: self.params.split_link.clone(), topic };
            let key = observed.map(|observed| observed.issue.key.clone());
            let (group, title, reason) = (child.id.clone(), standing.title.clone(), reason.clone());
            self.actions.push(Action { group, key, title, write, reason });
        }
        // A comment that failed, or that was one too many, is not made up for by the link alone.
        if is_linked && !self.is_young(child, ticket) {
            return;
        }
        // The headline is no part of a screened content, and goes to a ticket of its own.
        let headline =
            if screen(&standing.title).is_none() { format!(" ({})", standing.title) } else { String::new() };
        let text = match self.split_of(parent, child) {
            Some((_, differ)) => format!(
                "A person ordered that disputes of this ticket that differ in {differ} are kept apart. {} of them{headline} \
                 have a ticket of their own now, linked here.",
                child.members.len(),
            ),
            None => format!(
                "{} disputes of this ticket turned out to have a root cause of their own{headline}. They have a ticket \
                 of their own now, linked here.",
                child.members.len(),
            ),
        };
        self.tell_other(parent, format!("{SPLIT_OFF}{}", child.id), text, reason);
    }

    /// A part that has a ticket of its own says there where it comes from, once, while it is young.
    pub(super) fn introduce(
        &mut self,
        child: &Group,
        standing: &Standing,
        ticket: &Ticket,
        parent: &GroupId,
        observed: Option<&Observed>,
    ) {
        let topic = format!("came-from-{parent}");
        if ticket.told.contains(&topic) || !self.is_young(child, ticket) {
            return;
        }
        let Some(from) = self.input.tickets.get(parent).and_then(Ticket::issue) else { return };
        let (from, count) = (&from.key, child.members.len());
        let text = match self.split_of(parent, child) {
            Some((key, differ)) => format!(
                "A person ordered on {key} that its disputes that differ in {differ} are kept apart. The {count} disputes of \
                 this ticket were part of {from}, which is linked; what was said there may concern them."
            ),
            None => format!(
                "The {count} disputes of this ticket were part of {from}, which is linked, and turned out to have a root \
                 cause of their own; what was said there may concern them."
            ),
        };
        let (body, reason) = (vec![paragraph(text)], Reason::SplitFrom { group: parent.clone() });
        match observed {
            Some(observed) => self.comment(child, standing, observed, topic, &body, reason),
            None => self.add(child, standing, None, Write::Introduce { topic, body }, reason),
        }
    }

    /// Says something on the ticket of another group, once. While that is closed, is to be quiet or has said enough, the
    /// link says it.
    fn tell_other(&mut self, other: &GroupId, topic: String, text: String, reason: Reason) {
        let Some(ticket) = self.input.tickets.get(other) else { return };
        let observed = ticket.issue().and_then(|issue| self.input.observed.get(&issue.id));
        let Some(observed) = observed.filter(|_| self.input.read && !ticket.told.contains(&topic)) else {
            return;
        };
        let is_again = ticket.saying.contains_key(&topic);
        if self.is_left_alone(ticket, &observed.issue)
            || observed.category == Category::Done
            || !is_again && self.is_spent(Some(ticket))
        {
            return;
        }
        *self.speaking.entry(other.clone()).or_default() += 1;
        let title = self.input.standing.get(other).map_or_else(String::new, |other| other.title.clone());
        let write = Write::Comment { issue: observed.issue.clone(), topic, body: vec![paragraph(text)] };
        let key = Some(observed.issue.key.clone());
        self.actions.push(Action { group: other.clone(), key, title, write, reason });
    }

    /// What a person said by which the disputes of a group went to another one.
    fn merge_of(&self, group: &Group) -> Option<&Ruling> {
        let is_merge = |ruling: &&Ruling| {
            !ruling.lifted && ruling.group == group.id && matches!(ruling.kind, RulingKind::Together { .. })
        };
        self.input.rulings.iter().filter(is_merge).max_by_key(|ruling| ruling.at)
    }

    /// The ticket on which a person ordered that the disputes of a group are kept apart, and what they differ in; none where
    /// that was about few of those that left it.
    pub(super) fn split_of(&self, parent: &GroupId, child: &Group) -> Option<(&str, &'static str)> {
        let is_about = |ruling: &&Ruling| {
            let meant = child.members.iter().filter(|it| ruling.members.binary_search(it).is_ok()).count();
            !ruling.lifted && ruling.group == *parent && meant * 2 >= child.members.len()
        };
        let splits = self.input.rulings.iter().filter(is_about);
        let last =
            splits.filter(|ruling| matches!(ruling.kind, RulingKind::Apart { .. })).max_by_key(|it| it.at)?;
        let RulingKind::Apart { attribute } = &last.kind else { return None };
        Some((&last.key, Attribute::from_name(attribute)?.label().0))
    }
}

/// Topic of a move of a group's own ticket towards done, by the status that it leads to: half way there nobody but
/// disputebot has moved the ticket.
pub fn closing_topic(status: &str) -> String {
    format!("{CLOSING}{status}")
}

fn is_on_its_way(ticket: &Ticket, status: &str) -> bool {
    ticket.closed == Closed::Intended && ticket.saying.contains_key(&closing_topic(status))
}

/// Topic of the link from a part to the group that it was split from.
pub(super) fn split_topic(parent: &GroupId) -> String {
    format!("split-from-{parent}")
}
