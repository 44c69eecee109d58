//! The decisions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{
    Action, Category, Closed, Hold, HoldReason, Issue, Link, Mark, Moment, Observed, Overwritten, Plan,
    Reason, Ruling, RulingKind, Stray, Ticket, Write,
    closing::{RETURNED, standing_label},
    gate::gated,
    life::{Manners, Settled},
    lineage::CLOSED_BY_OTHERS,
    orders::QuietDisputes,
    update::written,
};
use crate::{
    group::{Group, GroupId, Pending, Status},
    ticket::{
        Content, Markup, Weight,
        document::{Block, Inline},
        length,
    },
};

/// The label by which people silence disputebot on a ticket.
pub const IGNORE_LABEL: &str = "disputebot-ignore";
/// What the topic of the comment begins with that says that a ticket stays closed.
const CLOSED: &str = "closed-by-person";
/// The label on a ticket that is done for disputebot, where no transition leads there.
pub const DONE_LABEL: &str = "disputebot-done";
/// The label on a closed ticket whose cause is back, where no transition leads out of done.
pub const REOPENED_LABEL: &str = "disputebot-reopened";

/// Refusals in a row after which writes of a kind are not tried any more in a run.
pub const REFUSALS: u32 = 3;

/// Resolutions that are set on closing, where the screen has them: reports of Jira tell by them what was finished.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolutions {
    /// All disputes are settled.
    pub settled: Option<String>,
    /// The disputes are counted on another ticket.
    pub merged: Option<String>,
    /// A person said that the disputes are no group.
    pub no_group: Option<String>,
}

impl Resolutions {
    /// That of a ticket that is closed for some reason.
    pub(super) fn of(&self, reason: &Reason) -> Option<String> {
        match reason {
            Reason::MergedInto { .. } | Reason::MergedByPerson { .. } | Reason::Duplicate { .. } => {
                &self.merged
            }
            Reason::NotAGroup => &self.no_group,
            _ => &self.settled,
        }
        .clone()
    }

    /// All of them, each with the setting that names it.
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let of = |setting, name: &Option<String>| name.clone().map(|name| (setting, name));
        let mut named: Vec<_> = of("jira.resolution", &self.settled).into_iter().collect();
        for (setting, name) in
            [("jira.resolution_merged", &self.merged), ("jira.resolution_no_group", &self.no_group)]
        {
            named.extend(of(setting, name).filter(|_| *name != self.settled));
        }
        named
    }
}

/// Policy of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Most new tickets of one run.
    pub max_new_tickets: usize,
    /// Fewest disputes of a group that gets a ticket.
    pub min_disputes: usize,
    /// Least money in dispute (US dollars) of a group that gets a ticket.
    pub min_amount: Decimal,
    /// Money in dispute (US dollars) by which a group gets one however few its disputes are; none is never.
    pub amount_alone: Option<Decimal>,
    /// Days to a deadline within which a smaller group gets one as well; none is never.
    pub due_within_days: Option<i64>,
    /// Whether tickets of resolved groups are closed.
    pub resolve: bool,
    /// What tickets are closed as.
    pub resolutions: Resolutions,
    /// Link type between the parts of a split.
    pub split_link: String,
    /// Link type from a merged ticket to the surviving one.
    pub merge_link: String,
    /// Longest time that Jira may still take for a write whose answer was lost: until then it is not sent again.
    pub settle: SignedDuration,
    /// Configured fields that can only be set when a ticket is opened.
    pub fixed_fields: BTreeSet<String>,
    /// Ids and names of those who may give orders in comments; `*` is everybody.
    pub commanders: Vec<String>,
    /// How quiet disputebot is.
    pub manners: Manners,
}

/// One group as the plan needs it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What its ticket should say, or what private thing it would say; none for ended groups.
    pub content: Option<Result<Content, String>>,
    /// Headline for people.
    pub title: String,
    /// How much it weighs: large enough for a ticket, and against others where not all can have one in this run.
    pub weight: Weight,
    /// Members that this run's input does not have.
    pub absent: usize,
    /// Disputes that joined and left in this run.
    pub moved: (usize, usize),
    /// Whether it returned in this run.
    pub returned: bool,
    /// Texts for fields that Jira would not take; they are not in the content.
    pub unfit: Vec<Unfit>,
    /// Days to its next deadline, as far as that can decide anything; none where all have passed or none is known.
    pub days_left: Option<i64>,
    /// Money in dispute (US dollars) of those disputes about which no person had decided anything before this run.
    pub fresh_amount: Decimal,
}

impl Params {
    /// Whether a group has enough disputes and money for a ticket.
    pub fn is_large(&self, disputes: usize, amount: Decimal) -> bool {
        disputes >= self.min_disputes && amount >= self.min_amount
    }

    /// Whether its money alone earns a group a ticket.
    pub fn is_costly(&self, amount: Decimal) -> bool {
        self.amount_alone.is_some_and(|least| amount >= least)
    }
}

/// A text for a field that Jira would not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The field, the text and what would be taken, in words.
    pub what: String,
    /// Whether a ticket cannot be opened without the field.
    pub demanded: bool,
}

/// The ways out of a status, as far as the plan needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// Another one where other ways are open.
    pub digest: String,
    /// Why none of them leads where tickets should go.
    pub why: String,
}

/// All that a plan is made from.
#[derive(Debug)]
pub struct Input<'a> {
    /// Time of the run.
    pub now: &'a Moment,
    /// Whether the input was complete.
    pub complete: bool,
    /// All groups, by id.
    pub groups: &'a [Group],
    /// What each group wants.
    pub standing: &'a BTreeMap<GroupId, Standing>,
    /// What is known of the tickets.
    pub tickets: &'a BTreeMap<GroupId, Ticket>,
    /// What Jira shows; an id that is missing was asked for and not shown.
    pub observed: &'a BTreeMap<String, Observed>,
    /// Whether Jira was read at all.
    pub read: bool,
    /// How Jira stores rich text.
    pub markup: Markup,
    /// Address of the site.
    pub site: &'a str,
    /// Key of the first project.
    pub project: &'a str,
    /// The others that tickets may be in, and whether Jira shows each.
    pub elsewhere: &'a BTreeMap<String, bool>,
    /// Issues with the mark of a group that is bound to another one.
    pub strays: &'a [Stray],
    /// Why nothing may be created in this run.
    pub doubt: Option<&'a str>,
    /// The ways out of those statuses, by name, where tickets are that a label stands on in place of a move.
    pub ways: &'a BTreeMap<String, Ways>,
    /// Most bytes of one attachment; none where that was not asked, because every list is small.
    pub upload_limit: Option<u64>,
    /// Most characters (units of UTF-16) of a text.
    pub text_limit: usize,
    /// What people decided about disputes.
    pub rulings: &'a [Ruling],
    /// What people wrote and our edits took away, by issue id.
    pub overwritten: &'a BTreeMap<String, Vec<Overwritten>>,
}

/// Makes the plan of one run.
pub fn plan(input: &Input<'_>, params: &Params) -> Plan {
    let mut planner = Planner {
        input,
        params,
        quiet: QuietDisputes::new(input.rulings),
        settled: Settled::new(input.groups, input.tickets),
        speaking: HashMap::new(),
        creates: Vec::new(),
        actions: Vec::new(),
        holds: Vec::new(),
        kept: 0,
    };
    for group in input.groups {
        planner.group(group);
    }
    for stray in input.strays {
        planner.stray(stray);
    }
    planner.finish()
}

pub(super) struct Planner<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) params: &'a Params,
    /// Disputes that people want to hear no more of.
    pub(super) quiet: QuietDisputes<'a>,
    /// Groups whose disputes are all settled.
    pub(super) settled: Settled<'a>,
    /// Comments of this plan that nobody asked for, by group.
    pub(super) speaking: HashMap<GroupId, usize>,
    /// Creates that deserve a place, with the key they are ranked by.
    creates: Vec<(Weight, Action)>,
    pub(super) actions: Vec<Action>,
    pub(super) holds: Vec<Hold>,
    kept: usize,
}

impl Planner<'_> {
    fn group(&mut self, group: &Group) {
        let Some(standing) = self.input.standing.get(&group.id) else { return };
        let none = Ticket::none(group.id.clone());
        let ticket = self.input.tickets.get(&group.id).unwrap_or(&none);
        let (writes, holds) = (self.actions.len() + self.creates.len(), self.holds.len());
        match (&ticket.link, &group.status) {
            (Link::Bound { issue }, _) => self.bound(group, standing, ticket, issue),
            // Only reading Jira settles it, never the passing of time alone.
            (Link::Intent { sent, .. } | Link::Unknown { sent, .. }, _) => {
                self.hold(group, standing, None, self.unknown(sent));
            }
            (Link::Held { reason, .. }, _) => {
                self.hold(group, standing, None, HoldReason::Undecided { reason: reason.clone() });
            }
            (_, Status::Resolved { .. } | Status::Merged { .. }) => return,
            (Link::Ready { attempts } | Link::Parked { attempts, .. }, Status::Active) => {
                if let Link::Parked { reason, .. } = &ticket.link {
                    // Named every run, and tried again: the reason is usually mended in Jira.
                    self.hold(group, standing, None, HoldReason::Refused { reason: reason.clone() });
                }
                self.unbound(group, standing, *attempts);
            }
        }
        for pending in &group.pending {
            let what = match pending {
                Pending::Split { members, seen } => {
                    format!(
                        "{} disputes look like a group of their own (seen {seen} time{})",
                        members.len(),
                        s(*seen)
                    )
                }
                Pending::Merge { into, seen } => {
                    format!("looks like part of group {} (seen {seen} time{})", into.short(), s(*seen))
                }
            };
            let key = ticket.issue().map(|issue| issue.key.clone());
            self.hold(group, standing, key, HoldReason::Unconfirmed { what });
        }
        if writes == self.actions.len() + self.creates.len() && holds == self.holds.len() {
            self.kept += 1;
        }
    }

    fn unbound(&mut self, group: &Group, standing: &Standing, attempts: u32) {
        let content = match &standing.content {
            None => return,
            Some(Err(what)) => {
                return self.hold(group, standing, None, HoldReason::Private { what: what.clone() });
            }
            Some(Ok(content)) => content,
        };
        let amount = standing.weight.amount;
        let is_large = self.params.is_large(group.members.len(), amount);
        let is_costly = !is_large && self.params.is_costly(amount);
        let is_near = |days: &i64| self.params.due_within_days.is_some_and(|within| *days <= within);
        let near = standing.days_left.filter(|days| !is_large && !is_costly && is_near(days));
        if !is_large && !is_costly && near.is_none() {
            return self.hold(group, standing, None, HoldReason::Small { disputes: group.members.len() });
        }
        if self.ruled(group, standing, &Ticket::none(group.id.clone()), None)
            || self.is_quiet_at_its_parent(group, standing)
        {
            return;
        }
        let ruled = self.quiet.over(&group.members).map(|over| over.ruling.key.clone());
        if let Some(reason) = self.input.doubt {
            return self.hold(group, standing, None, HoldReason::Doubt { reason: reason.to_owned() });
        }
        if let Some(project) = content.project.as_deref().filter(|project| *project != self.input.project)
            && self.input.elsewhere.get(project) != Some(&true)
        {
            let reason = format!("the project {project} is not shown to this account");
            return self.hold(group, standing, None, HoldReason::Refused { reason });
        }
        self.unfit(group, standing, None);
        if standing.unfit.iter().any(|unfit| unfit.demanded) {
            return;
        }
        let reason = match &group.split_from {
            _ if attempts > 0 => Reason::CreateAgain,
            Some(parent) => Reason::SplitFrom { group: parent.clone() },
            None => match (ruled, self.settled.before(group), near) {
                (Some(key), ..) => Reason::DespiteRuling { key },
                (_, Some(before), _) => Reason::ReturnedLate { group: before.clone() },
                (.., Some(days)) => Reason::DeadlineNear { days },
                _ if is_costly => Reason::Costly,
                _ => Reason::NewGroup,
            },
        };
        let write = Write::Create {
            content: content.clone(),
            mark: Box::new(Mark::of(group, content.grain).with(&written(content, self.input.markup))),
        };
        let action =
            Action { group: group.id.clone(), key: None, title: standing.title.clone(), write, reason };
        self.creates.push((standing.weight.clone(), action));
        self.withheld(group, standing, None, content);
        if let Some(list) = self.list_within(content) {
            let reason = match &group.split_from {
                Some(parent) => Reason::SplitFrom { group: parent.clone() },
                None => Reason::NewGroup,
            };
            let (group, title) = (group.id.clone(), standing.title.clone());
            self.actions.push(Action { group, key: None, title, write: Write::Attach { list }, reason });
        }
        self.watch(group, standing, &Ticket::none(group.id.clone()), None, content);
        self.follow(group, standing, &Ticket::none(group.id.clone()));
        // The parent learns of the split when the child's ticket is there to be linked.
        if let Some(parent) = &group.split_from {
            let none = Ticket::none(group.id.clone());
            self.announce_split(group, standing, &none, parent, None);
            self.introduce(group, standing, &none, parent, None);
        }
    }

    fn bound(&mut self, group: &Group, standing: &Standing, ticket: &Ticket, issue: &Issue) {
        if !self.input.read {
            return self.hold(group, standing, Some(issue.key.clone()), HoldReason::NotRead);
        }
        let Some(observed) = self.input.observed.get(&issue.id) else {
            // What is over and closed is not asked for any more after a while, so its absence says nothing.
            if group.status != Status::Active && ticket.closed.is_settled() {
                return;
            }
            return self.hold(group, standing, Some(issue.key.clone()), HoldReason::NotVisible);
        };
        let key = Some(observed.issue.key.clone());
        self.answer(group, standing, ticket, observed);
        self.give_back(group, standing, ticket, observed);
        if observed.labels.contains(IGNORE_LABEL) {
            return self.hold(group, standing, key, HoldReason::Ignored);
        }
        if self.is_quiet(group, standing, ticket, key.as_ref()) {
            return;
        }
        match &group.status {
            Status::Active => self.active(group, standing, ticket, observed),
            Status::Resolved { .. } => self.resolved(group, standing, ticket, observed),
            Status::Merged { into, .. } => self.merged(group, standing, ticket, observed, into),
        }
    }

    fn active(&mut self, group: &Group, standing: &Standing, ticket: &Ticket, observed: &Observed) {
        let key = Some(observed.issue.key.clone());
        if self.ruled(group, standing, ticket, Some(observed)) {
            return;
        }
        self.tell_apart(group, standing, observed);
        if observed.category == Category::Done {
            if ticket.closed == Closed::No {
                if let Some(into) = self.merged_by_person(group, observed) {
                    return self.hold(group, standing, key, HoldReason::MergedByPerson { into });
                }
                self.tell_closed(group, standing, ticket, observed);
                self.news_for_closed(group, standing, ticket, observed);
                return self.hold(group, standing, key, HoldReason::PersonClosed);
            }
            self.reopen(group, standing, ticket, observed);
        } else if let Some(label) = standing_label(ticket) {
            if ticket.closed == Closed::Labelled {
                self.tell_returned(group, standing, ticket, observed);
            }
            self.unlabel(group, standing, observed, label, Closed::No, Reason::Returned);
        } else if ticket.was_reopened() {
            self.tell_returned(group, standing, ticket, observed);
        }
        if let Some(parent) = &group.split_from {
            self.announce_split(group, standing, ticket, parent, Some(observed));
            self.introduce(group, standing, ticket, parent, Some(observed));
        }
        self.follow(group, standing, ticket);
        if standing.absent > 0 {
            return self.hold(group, standing, key, HoldReason::Incomplete { absent: standing.absent });
        }
        match &standing.content {
            None => {}
            Some(Err(what)) => self.hold(group, standing, key, HoldReason::Private { what: what.clone() }),
            Some(Ok(content)) => {
                self.unfit(group, standing, key.as_deref());
                self.update(group, standing, ticket, observed, content);
                self.withheld(group, standing, key.as_ref(), content);
                self.attach(group, standing, ticket, observed, content);
                self.watch(group, standing, ticket, Some(observed), content);
            }
        }
    }

    pub(super) fn resolved(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
    ) {
        if observed.category == Category::Done {
            self.sum_up_late(group, standing, ticket, observed);
            return self.unlabel_done(group, standing, ticket, observed, Reason::AllResolved);
        }
        if ticket.closed.is_settled() || ticket.closed == Closed::No && ticket.told.contains(CLOSED_BY_OTHERS)
        {
            // Settled, and reopened by a person: theirs.
            let reason = HoldReason::PersonWorking { status: observed.status.clone() };
            return self.hold(group, standing, Some(observed.issue.key.clone()), reason);
        }
        let key = Some(observed.issue.key.clone());
        if !self.params.resolve {
            return self.hold(group, standing, key, HoldReason::ResolveOff);
        }
        if !self.input.complete {
            return self.hold(group, standing, key, HoldReason::Incomplete { absent: 0 });
        }
        let settled = match &group.status {
            Status::Resolved { at } | Status::Merged { at, .. } => *at,
            Status::Active => self.input.now.at,
        };
        if let Some(hold) = self.too_soon(ticket, settled) {
            return self.hold(group, standing, key, hold);
        }
        let topic = format!("resolved-{}", ticket.closings);
        if ticket.closed != Closed::Labelled && !ticket.told.contains(&topic) {
            let text = self.summary_of(group, ticket, "closes");
            self.comment(group, standing, observed, topic, &[paragraph(text)], Reason::AllResolved);
        }
        self.close(group, standing, ticket, observed, Reason::AllResolved);
    }

    /// The hold of a write whose answer was lost.
    pub(super) fn unknown(&self, sent: &Moment) -> HoldReason {
        HoldReason::OutcomeUnknown {
            until: sent.at.saturating_add(self.params.settle).unwrap_or(Timestamp::MAX),
        }
    }

    fn tell_closed(&mut self, group: &Group, standing: &Standing, ticket: &Ticket, observed: &Observed) {
        // Once for each time that it was.
        let is_of_it = |ruling: &&Ruling| ruling.group == group.id && ruling.kind == RulingKind::Closed;
        let topic = match self.input.rulings.iter().filter(is_of_it).count() {
            0 | 1 => CLOSED.to_owned(),
            count => format!("{CLOSED}-{count}"),
        };
        if ticket.told.contains(&topic) {
            return;
        }
        let text = format!(
            "This ticket was closed while {} dispute{} of the group {} open in the source. disputebot will not reopen \
             it and stays quiet here; reopen the ticket to have it kept up to date again.",
            group.members.len(),
            if group.members.len() == 1 { "" } else { "s" },
            if group.members.len() == 1 { "is" } else { "are" },
        );
        self.comment(group, standing, observed, topic, &[paragraph(text)], Reason::PersonClosed);
    }

    pub(super) fn comment(
        &mut self,
        group: &Group,
        standing: &Standing,
        observed: &Observed,
        topic: String,
        body: &[Block],
        reason: Reason,
    ) {
        let ticket = self.input.tickets.get(&group.id);
        if let Some(sent) = ticket.and_then(|ticket| ticket.saying.get(&topic))
            && self.input.now.since_for_certain(sent).is_some_and(|passed| passed < self.params.settle)
        {
            let key = Some(observed.issue.key.clone());
            return self.hold(group, standing, key, self.unknown(sent));
        }
        // One that is sent again is no other one.
        let is_again = ticket.is_some_and(|ticket| ticket.saying.contains_key(&topic));
        // Nor is why a ticket moves kept back: the move is made, and nothing would tell of it later.
        let is_due =
            matches!(reason, Reason::Asked | Reason::Overwritten { .. }) || topic.starts_with(RETURNED);
        if !is_due && !is_again {
            if self.is_spent(ticket) {
                let (key, limit) = (Some(observed.issue.key.clone()), self.params.manners.comments_per_week);
                return self.hold(group, standing, key, HoldReason::Spent { topic, limit });
            }
            *self.speaking.entry(group.id.clone()).or_default() += 1;
        }
        // An answer has parts of the ticket's own text, which may fill what Jira takes by themselves.
        let body = length::within(body, self.input.text_limit, "");
        let write = Write::Comment { issue: observed.issue.clone(), topic, body };
        self.act(group, standing, observed, write, reason);
    }

    pub(super) fn act(
        &mut self,
        group: &Group,
        standing: &Standing,
        observed: &Observed,
        write: Write,
        reason: Reason,
    ) {
        self.add(group, standing, Some(observed.issue.key.clone()), write, reason);
    }

    pub(super) fn add(
        &mut self,
        group: &Group,
        standing: &Standing,
        key: Option<String>,
        write: Write,
        reason: Reason,
    ) {
        self.actions.push(Action {
            group: group.id.clone(),
            key,
            title: standing.title.clone(),
            write,
            reason,
        });
    }

    pub(super) fn hold(
        &mut self,
        group: &Group,
        standing: &Standing,
        key: Option<String>,
        reason: HoldReason,
    ) {
        self.holds.push(Hold { group: group.id.clone(), key, title: standing.title.clone(), reason });
    }

    /// Creates in the order of their places, the weightiest first; but what Jira refused, and what is for a project that
    /// refused several, comes after what it may take. Of half of the places, each such project has one to be tried with.
    fn ranked(&mut self) -> Vec<Action> {
        let mut creates = std::mem::take(&mut self.creates);
        creates.sort_by(|(a, first), (b, second)| b.cmp(a).then_with(|| first.group.cmp(&second.group)));
        let tickets = self.input.tickets;
        let was_refused = |action: &Action| {
            let ticket = tickets.get(&action.group);
            ticket.is_some_and(|ticket| matches!(ticket.link, Link::Parked { .. }))
        };
        let project = |action: &Action| action.write.opens_in().map(str::to_owned);
        let mut refused: HashMap<Option<String>, u32> = HashMap::new();
        for (_, action) in creates.iter().filter(|(_, action)| was_refused(action)) {
            *refused.entry(project(action)).or_default() += 1;
        }
        let is_refusing = |action: &Action| refused.get(&project(action)).is_some_and(|it| *it >= REFUSALS);
        let creates = creates.into_iter().map(|(_, action)| action);
        let (mut ranked, mut later): (Vec<Action>, Vec<Action>) =
            creates.partition(|action| !was_refused(action) && !is_refusing(action));
        let mut tried = BTreeSet::new();
        let is_try =
            |action: &mut Action| was_refused(action) && is_refusing(action) && tried.insert(project(action));
        let mut tries: Vec<Action> = later.extract_if(.., is_try).collect();
        let limit = self.params.max_new_tickets;
        later.extend(tries.split_off(tries.len().min(limit / 2)));
        // Three refusals in a row end the creates of a project, so those that were not tried yet come first.
        later.sort_by_key(was_refused);
        let before = ranked.len().min(limit - tries.len());
        ranked.splice(before..before, tries);
        ranked.extend(later);
        ranked
    }

    /// Keeps the creates that have a place; other writes follow in the order of the groups.
    fn finish(mut self) -> Plan {
        let limit = self.params.max_new_tickets;
        let mut actions = Vec::new();
        let mut held = BTreeSet::new();
        for (position, action) in self.ranked().into_iter().enumerate() {
            if position < limit {
                actions.push(action);
            } else {
                held.insert(action.group.clone());
                let Action { group, key, title, .. } = action;
                self.holds.push(Hold { group, key, title, reason: HoldReason::Cap { limit } });
            }
        }
        // What would be said or linked about a held child waits with it.
        let about_held = |action: &Action| match (&action.write, &action.reason) {
            (
                Write::Link { .. } | Write::Attach { .. } | Write::Watch { .. } | Write::Introduce { .. },
                _,
            ) => held.contains(&action.group),
            (Write::Comment { topic, .. }, Reason::SplitFrom { .. }) => {
                held.iter().any(|child| topic.ends_with(child.as_str()))
            }
            _ => false,
        };
        for action in self.actions.into_iter().filter(|action| !about_held(action)) {
            match gated(action, self.input) {
                Ok(action) => actions.push(action),
                Err(hold) => self.holds.push(*hold),
            }
        }
        Plan {
            at: self.input.now.at,
            complete: self.input.complete,
            actions,
            holds: self.holds,
            kept: self.kept,
        }
    }
}

pub(super) fn paragraph(text: String) -> Block {
    Block::Paragraph(vec![Inline::plain(text)])
}

fn s(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}
