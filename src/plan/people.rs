//! What the plan says to people: answers to their orders, and what it does about what they decided.

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{
    Asked, Category, Closed, Command, Hold, HoldReason, Observed, Over, Quiet, Reason, RulingKind, Ticket,
    command,
    decide::{Planner, paragraph},
    life::{LEVELS, in_dispute},
};
use crate::{
    group::{Group, Status},
    plan::{Standing, orders::Orders},
    ticket::{
        Markup,
        document::{Block, Inline, Marks},
        facts::rounded,
    },
};

impl Planner<'_> {
    /// Each order is answered once, on the ticket that it was given on.
    pub(super) fn answer(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
    ) {
        let Some(orders) = &ticket.orders else { return };
        for (comment, asked) in &orders.asked {
            let topic = answer_topic(comment);
            if ticket.told.contains(&topic) {
                continue;
            }
            let (order, body) = match asked {
                Asked::Done(command) => {
                    let order = format!("{} {command}", command::PREFIX);
                    (order, self.said(group, standing, orders, command))
                }
                Asked::Failed { order, why } => {
                    let mut body = vec![paragraph(format!(
                        "This could not be done: {why}. To order again, write a new comment: one that is edited is not read again."
                    ))];
                    body.extend(help());
                    (order.clone(), body)
                }
            };
            let mut first = Vec::new();
            if !order.is_empty() {
                let code = Marks { code: true, ..Marks::default() };
                first.extend([Inline::Text { text: order, marks: code }, Inline::plain(" ")]);
            }
            let link = Some(self.address_of(&observed.issue.key, comment));
            let link = Marks { link, ..Marks::default() };
            first.push(Inline::Text { text: "answers this comment".to_owned(), marks: link });
            let mut blocks = vec![Block::Paragraph(first)];
            blocks.extend(body);
            self.comment(group, standing, observed, topic, &blocks, Reason::Asked);
        }
    }

    /// Where a person sees a comment. Data Center opens an issue with the comments in view only where it is told so.
    fn address_of(&self, key: &str, comment: &str) -> String {
        let address = format!("{}/browse/{key}?focusedCommentId={comment}", self.input.site);
        match self.input.markup {
            Markup::Adf => address,
            Markup::Wiki => format!(
                "{address}&page=com.atlassian.jira.plugin.system.issuetabpanels:comment-tabpanel#comment-{comment}"
            ),
        }
    }

    fn said(&self, group: &Group, standing: &Standing, orders: &Orders, command: &Command) -> Vec<Block> {
        let one = |text: String| vec![paragraph(text)];
        match command {
            Command::Status => {
                let mut said = Self::section(standing, 0, 3);
                said.push(paragraph(self.state_of(group, orders)));
                said
            }
            Command::Explain => Self::section(standing, 3, 4),
            Command::Help => help(),
            Command::Snooze { .. } => {
                let end = match &orders.quiet {
                    Some(Quiet::Until(end)) => format!(" until {}", end.strftime("%Y-%m-%d %H:%M UTC")),
                    _ => String::new(),
                };
                one(format!("disputebot is quiet on this ticket{end}. `{} unmute` ends that.", command::PREFIX))
            }
            Command::Mute => one(format!(
                "disputebot is quiet on this ticket from now on, and does not close it when all of its disputes are settled. \
                 `{} unmute` ends that.",
                command::PREFIX
            )),
            Command::Unmute => one("disputebot keeps this ticket up to date again.".to_owned()),
            Command::Merge { key } => one(format!(
                "From the next run on the disputes of this ticket are counted on {key}; this ticket is linked to it and \
                 closed, unless somebody works on it."
            )),
            Command::Split { attribute } => one(format!(
                "From the next run on, disputes of this ticket that differ in {} are kept apart. Each part that is a cause by \
                 itself gets a ticket of its own then; what is too little for one leaves this ticket.",
                attribute.replace('_', " ")
            )),
            Command::Take { field } if self.params.fixed_fields.contains(field) => one(format!(
                "Jira lets the {field} be set only when a ticket is opened, so disputebot cannot write it again."
            )),
            Command::Take { field } if field == "priority" && !Self::has_priority(standing) => one(
                "disputebot's config gives tickets no priority, so there is none to write again.".to_owned(),
            ),
            Command::Take { field } => one(format!("disputebot writes the {field} again.")),
            Command::Release { field } => one(format!("disputebot leaves the {field} to you.")),
            Command::NotAGroup => one(
                "These disputes are not taken for one cause any more: the ticket is closed, and none is opened for \
                 them again. Disputes that come later and share a cause get a ticket."
                    .to_owned(),
            ),
        }
    }

    /// Whether a priority is wanted, or it is not known.
    fn has_priority(standing: &Standing) -> bool {
        standing
            .content
            .as_ref()
            .and_then(|content| content.as_ref().ok())
            .is_none_or(|it| it.priority.is_some())
    }

    /// Parts of the ticket's own text, counted by their headings; what stands before the first one is part 0.
    fn section(standing: &Standing, from: usize, to: usize) -> Vec<Block> {
        let Some(Ok(content)) = &standing.content else {
            return vec![paragraph("There is nothing to say of it in this run.".to_owned())];
        };
        let mut heading = 0;
        let mut part = Vec::new();
        for block in &content.block {
            heading += usize::from(matches!(block, Block::Heading(..)));
            if (from..to).contains(&heading) {
                part.push(block.clone());
            }
        }
        if part.is_empty() { content.block.clone() } else { part }
    }

    fn state_of(&self, group: &Group, orders: &Orders) -> String {
        let lives = match &group.status {
            Status::Active => format!("{} disputes are open.", group.members.len()),
            Status::Resolved { .. } => "All its disputes are settled.".to_owned(),
            Status::Merged { .. } => "Its disputes are counted on another ticket.".to_owned(),
        };
        let quiet = match &orders.quiet {
            Some(quiet) if quiet.holds(self.input.now.at) => match quiet {
                Quiet::Until(end) => format!(" Quiet until {}.", end.strftime("%Y-%m-%d")),
                Quiet::Muted => " Muted.".to_owned(),
            },
            _ => String::new(),
        };
        let theirs: Vec<&str> = orders.released.iter().map(String::as_str).collect();
        let theirs = if theirs.is_empty() {
            String::new()
        } else {
            format!(" Left to people: {}.", theirs.join(", "))
        };
        format!("{lives}{quiet}{theirs}")
    }

    /// What people decided about most disputes of a group is respected; true where nothing else is to be done.
    pub(super) fn ruled(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: Option<&Observed>,
    ) -> bool {
        let Some(Over { ruling, covered, fresh }) = self.quiet.over(&group.members) else { return false };
        if fresh > covered || self.is_much(standing, fresh) {
            return false;
        }
        let own = ruling.group == group.id;
        // The ticket that a person closed is dealt with as such.
        if own && ruling.kind == RulingKind::Closed {
            return false;
        }
        let key = observed.map(|observed| observed.issue.key.clone());
        if let Some(observed) = observed {
            let is_done = observed.category == Category::Done || ticket.closed == Closed::Labelled;
            if own && ruling.kind == RulingKind::NotAGroup && !is_done {
                if ticket.was_reopened_after(ruling.at, self.input.now.at) {
                    // What came made it a ticket again, and that was said to be for once: some of it may go meanwhile.
                    return false;
                }
                // Since it was ordered there is nothing to wait for, but for what comes and goes.
                if let Some(hold) = self.too_soon(ticket, Timestamp::UNIX_EPOCH) {
                    self.hold(group, standing, key, hold);
                    return true;
                }
                self.close(group, standing, ticket, observed, Reason::NotAGroup);
            } else if !own {
                return false;
            }
        }
        self.hold(group, standing, key, HoldReason::Ruled { key: ruling.key.clone(), fresh });
        true
    }

    /// Whether so much money came since people decided about disputes of a group that it is another matter, however few
    /// disputes that are.
    fn is_much(&self, standing: &Standing, fresh: usize) -> bool {
        let amount = standing.fresh_amount;
        fresh > 0
            && amount * Decimal::TWO > standing.weight.amount
            && amount >= self.params.manners.comment_amount.max(Decimal::ONE)
    }

    /// What a person said of the disputes of a group that is worth a ticket again, because much came since.
    pub(super) fn despite(&self, group: &Group) -> Option<Over<'_>> {
        let over = self.quiet.over(&group.members)?;
        (over.ruling.group == group.id && over.ruling.kind == RulingKind::NotAGroup).then_some(over)
    }

    /// A ticket that a person closed hears once of what came since, and once more each time that doubles.
    pub(super) fn news_for_closed(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
    ) {
        let ruling =
            self.input.rulings.iter().find(|ruling| {
                ruling.group == group.id && ruling.kind == RulingKind::Closed && !ruling.lifted
            });
        let Some(ruling) = ruling else { return };
        let fresh =
            group.members.iter().filter(|member| ruling.members.binary_search(member).is_err()).count();
        let material = self.params.min_disputes.max(ruling.members.len().div_ceil(4)).max(1);
        let amount = if fresh > 0 { standing.fresh_amount } else { Decimal::ZERO };
        let worth = amount / self.params.manners.comment_amount.max(Decimal::ONE);
        let by_amount = worth.to_u32().and_then(u32::checked_ilog2);
        let Some(level) = (fresh / material).checked_ilog2().max(by_amount) else { return };
        let topic = format!("news-{}-{level}", ruling.id);
        let earlier = (level..LEVELS).any(|more| ticket.told.contains(&format!("news-{}-{more}", ruling.id)));
        if earlier {
            return;
        }
        let text = format!(
            "{fresh} dispute{} with the same cause{} came since this ticket was closed. It stays closed; reopen it to have \
             it kept up to date again.",
            if fresh == 1 { "" } else { "s" },
            in_dispute(rounded(amount)),
        );
        self.comment(group, standing, observed, topic, &[paragraph(text)], Reason::NewsForClosed);
    }

    /// Whether people ordered quiet on the ticket; answers are given all the same.
    pub(super) fn is_quiet(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        key: Option<&String>,
    ) -> bool {
        let quiet = ticket.orders.as_ref().and_then(|orders| orders.quiet.as_ref());
        let Some(quiet) = quiet.filter(|quiet| quiet.holds(self.input.now.at)) else { return false };
        let until = match quiet {
            Quiet::Until(end) => Some(*end),
            Quiet::Muted => None,
        };
        self.holds.push(Hold {
            group: group.id.clone(),
            key: key.cloned(),
            title: standing.title.clone(),
            reason: HoldReason::Quiet { until },
        });
        true
    }

    /// Whether people ordered quiet on the ticket that a group without one was split from: of its disputes they want to
    /// hear nothing either, on whatever ticket. Not where a person ordered the split.
    pub(super) fn is_quiet_at_its_parent(&mut self, group: &Group, standing: &Standing) -> bool {
        let mut child = group;
        // Ends even if what is known goes in a circle.
        for _ in self.input.groups {
            let Some(parent) =
                child.split_from.as_ref().filter(|parent| self.split_of(parent, child).is_none())
            else {
                return false;
            };
            let ticket = self.input.tickets.get(parent);
            if let Some((ticket, issue)) = ticket.and_then(|ticket| Some((ticket, ticket.issue()?))) {
                return self.is_quiet(group, standing, ticket, Some(&issue.key));
            }
            let Some(next) = self.input.groups.iter().find(|group| group.id == *parent) else { return false };
            child = next;
        }
        false
    }
}

/// Topic of the answer to an order.
pub fn answer_topic(comment: &str) -> String {
    format!("answer-{comment}")
}

fn help() -> Vec<Block> {
    let code = |text: String| Inline::Text { text, marks: Marks { code: true, ..Marks::default() } };
    let entries = command::help()
        .into_iter()
        .map(|(order, what)| {
            let line = vec![code(format!("{} {order}", command::PREFIX)), Inline::plain(format!(": {what}"))];
            vec![Block::Paragraph(line)]
        })
        .collect();
    vec![Block::List { ordered: false, entries }]
}
