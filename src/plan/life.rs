//! The manners of a ticket over time: how often it is moved, and how often it speaks.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{
    Action, Closed, HoldReason, Life, Moment, Observed, Reason, SECOND, Ticket, Unsaid, Write,
    decide::{Planner, Standing, paragraph},
    lineage::CLOSING,
    lost::OVERWRITTEN,
};
use crate::{
    dispute::{Program, Text},
    group::{Group, GroupId, Pattern, Status},
    ticket::{
        Content, Course,
        document::Block,
        facts::{money_text, thousands},
    },
};

/// Over how long reopenings are counted.
pub const REOPENINGS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Over how long comments are counted.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What the topics of comments on growth begin with.
const GREW: &str = "grew-";
/// The highest level of growth that is counted.
pub(super) const LEVELS: u32 = 64;

/// How quiet disputebot is.
#[derive(Debug, Clone, PartialEq)]
pub struct Manners {
    /// How long all disputes must have been settled before a ticket that was reopened within 30 days is closed again.
    pub reclose_after: SignedDuration,
    /// How often a ticket is reopened within 30 days; after that it stays open until they are over.
    pub max_reopens: usize,
    /// Share by which disputes or money must grow for a comment.
    pub comment_growth: f64,
    /// Least growth of money (US dollars) for a comment on money.
    pub comment_amount: Decimal,
    /// Most comments on a ticket within seven days; answers to orders are given beyond it.
    pub comments_per_week: usize,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            reclose_after: SignedDuration::from_hours(7 * 24),
            max_reopens: 2,
            comment_growth: 0.5,
            comment_amount: Decimal::from(10_000),
            comments_per_week: 3,
        }
    }
}

impl Life {
    /// Notes that the ticket was reopened.
    pub(super) fn note_reopened(&mut self, at: Timestamp) {
        self.reopened.retain(|one| within(*one, at, REOPENINGS));
        self.reopened.push(at);
    }

    /// Notes that something was said without being asked.
    pub fn note_said(life: &mut Option<Box<Self>>, at: Timestamp) {
        let life = life.get_or_insert_default();
        life.said.retain(|one| within(*one, at, WEEK));
        life.said.push(at);
    }
}

/// Whether something happened within a time before an instant; what lies ahead of it, by a clock that was set, did.
fn within(one: Timestamp, now: Timestamp, time: SignedDuration) -> bool {
    now.duration_since(one) < time
}

impl Planner<'_> {
    /// Why a ticket that was reopened is not closed yet. A cause that comes and goes would otherwise have its ticket
    /// closed and reopened with it; an open ticket does no harm.
    pub(super) fn too_soon(&self, ticket: &Ticket, settled: Timestamp) -> Option<HoldReason> {
        let (now, manners) = (self.input.now.at, &self.params.manners);
        let mut reopened: Vec<Timestamp> = ticket
            .life
            .as_deref()
            .map_or(&[][..], |life| &life.reopened)
            .iter()
            .copied()
            .filter(|one| within(*one, now, REOPENINGS))
            .collect();
        reopened.sort_unstable();
        let times = reopened.len();
        if times == 0 {
            return None;
        }
        let after = |start: Timestamp, wait| start.saturating_add(wait).unwrap_or(Timestamp::MAX);
        let calm = after(settled, manners.reclose_after);
        // So many must be over that one more is not too many.
        let over = times.checked_sub(manners.max_reopens).and_then(|over| reopened.get(over));
        let until = over.map_or(calm, |last| calm.max(after(*last, REOPENINGS)));
        (now < until).then_some(HoldReason::Flapping { times, until })
    }

    /// Whether one more comment would be too many this week.
    pub(super) fn is_spent(&self, ticket: Option<&Ticket>) -> bool {
        let Some(ticket) = ticket else { return false };
        let said = ticket.life.as_deref().map_or(&[][..], |life| &life.said);
        let before = said.iter().filter(|one| within(**one, self.input.now.at, WEEK)).count();
        // Those whose answer is open may have been said, when they were sent.
        let is_open = |(topic, sent): &(&String, &Moment)| {
            is_comment(topic) && within(sent.at, self.input.now.at, WEEK)
        };
        let open = ticket.saying.iter().filter(is_open).count();
        let planned = self.speaking.get(&ticket.group).copied().unwrap_or(0);
        before + open + planned >= self.params.manners.comments_per_week
    }

    /// The comment that a group grew by much since its ticket was opened, or since that was said last: topic and
    /// words; or why there is none.
    pub(super) fn growth(&self, ticket: &Ticket, content: &Content) -> Result<(String, Vec<Block>), Unsaid> {
        let manners = &self.params.manners;
        let Some(course) = &content.course else { return Err(Unsaid::Small) };
        let level = level(course, manners);
        if level == 0 {
            return Err(Unsaid::Small);
        }
        if (level..=LEVELS).any(|more| ticket.told.contains(&format!("{GREW}{more}"))) {
            return Err(Unsaid::Said);
        }
        let topic = format!("{GREW}{level}");
        // One that is sent again is no other one.
        if !ticket.saying.contains_key(&topic) && self.is_spent(Some(ticket)) {
            return Err(Unsaid::Spent { limit: manners.comments_per_week });
        }
        let (first, last) = (&course.first, course.last());
        let text = format!(
            "This cause grew: {} disputes{} are open now; it had {}{} when its ticket was opened on {}.",
            thousands(last.disputes),
            in_dispute(last.amount),
            thousands(first.disputes),
            in_dispute(first.amount),
            first.day,
        );
        Ok((topic, vec![paragraph(text)]))
    }

    /// The comment that another cause is the likely one now, once for each; `has_steps` where the steps on the ticket change too.
    pub(super) fn new_cause(
        ticket: &Ticket,
        content: &Content,
        has_steps: bool,
    ) -> Option<(String, Vec<Block>)> {
        let Content { cause, .. } = content;
        let topic = format!("cause-{:08x}", crc32fast::hash(cause.as_bytes()));
        let before = ticket.written.as_ref().and_then(|written| written.cause.as_deref());
        let is_again = ticket.saying.contains_key(&topic);
        let is_new = !cause.is_empty() && before.is_some_and(|before| *before != **cause);
        if !(is_again || is_new) || ticket.told.contains(&topic) {
            return None;
        }
        let steps =
            if has_steps { " The next steps changed with it, and maybe who must fix it." } else { "" };
        Some((topic, vec![paragraph(format!("Another cause fits better now: {cause}.{steps}"))]))
    }

    /// A ticket that was closed without its summary, because it had said enough that week, gets it when it may speak
    /// again.
    pub(super) fn sum_up_late(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
    ) {
        let Some(last) = ticket.closings.checked_sub(1).filter(|_| ticket.closed == Closed::ByUs) else {
            return;
        };
        let (topic, settled) = (format!("resolved-{last}"), &group.status);
        // One that a person took for no group was closed for another reason.
        let is_ruled = self.input.rulings.iter().any(|ruling| ruling.group == group.id && ruling.is_quiet());
        let is_late = !is_ruled
            && matches!(settled, Status::Resolved { at } if within(*at, self.input.now.at, REOPENINGS));
        if is_late && !ticket.told.contains(&topic) {
            let text = self.summary_of(group, ticket, "closed");
            self.comment(group, standing, observed, topic, &[paragraph(text)], Reason::AllResolved);
        }
    }

    /// What there is to say of a ticket whose disputes are all settled.
    pub(super) fn summary_of(&self, group: &Group, ticket: &Ticket, closes: &str) -> String {
        let days = self.input.now.at.duration_since(group.since).as_hours() / 24;
        let lived = format!("{days} day{} after its cause was found", if days == 1 { "" } else { "s" });
        let course = ticket.written.as_ref().and_then(|written| written.course.as_ref());
        let Some(course) = course else {
            return format!(
                "All disputes of this group are resolved or withdrawn in the source, {lived}. disputebot {closes} the \
                 ticket."
            );
        };
        let (first, last) = (&course.first, course.last());
        let had = |disputes: usize| {
            format!("{} dispute{}", thousands(disputes), if disputes == 1 { "" } else { "s" })
        };
        let start = if (first.disputes, first.amount) == (last.disputes, last.amount) {
            String::new()
        } else {
            format!(" It began with {}{} on {}.", had(first.disputes), in_dispute(first.amount), first.day)
        };
        format!(
            "All disputes of this ticket are resolved or withdrawn in the source, {lived}; it last had {}{}.{start} \
             disputebot {closes} the ticket. Should the cause come back soon, it is reopened.",
            had(last.disputes),
            in_dispute(last.amount),
        )
    }
}

/// Groups whose disputes are all settled and that have tickets, by what their causes look like; of several the one
/// that ended last.
#[derive(Debug, Default)]
pub(super) struct Settled<'a>(HashMap<(Program, &'a Text, &'a Pattern), (Timestamp, &'a GroupId)>);

impl<'a> Settled<'a> {
    pub(super) fn new(groups: &'a [Group], tickets: &BTreeMap<GroupId, Ticket>) -> Self {
        let mut settled: HashMap<_, (Timestamp, &GroupId)> = HashMap::new();
        for group in groups {
            let Status::Resolved { at } = group.status else { continue };
            if tickets.get(&group.id).and_then(Ticket::issue).is_none() {
                continue;
            }
            for pattern in &group.patterns {
                let place = settled.entry((group.program, &group.client, pattern)).or_insert((at, &group.id));
                *place = (*place).max((at, &group.id));
            }
        }
        Self(settled)
    }

    /// The group whose cause came back as another one.
    pub(super) fn before(&self, group: &Group) -> Option<&'a GroupId> {
        let key = (group.program, &group.client, group.patterns.first()?);
        self.0.get(&key).filter(|(at, _)| *at < group.since).map(|(_, before)| *before)
    }
}

impl Planner<'_> {
    /// Whether a ticket is there for less than a week, or not at all. A group can wait for its ticket; what counts is when
    /// that was opened.
    pub(super) fn is_young(&self, group: &Group, ticket: &Ticket) -> bool {
        let opened = ticket.written.as_ref().and_then(|written| written.course.as_ref());
        match opened.and_then(|course| course.first.day.to_zoned_datetime(TimeZone::UTC).ok()) {
            Some(opened) => within(opened.timestamp(), self.input.now.at, WEEK),
            None => ticket.issue().is_none() || within(group.since, self.input.now.at, WEEK),
        }
    }

    /// Whether something happened within the last week.
    pub(super) fn is_news(&self, at: Timestamp) -> bool {
        within(at, self.input.now.at, WEEK)
    }

    /// The ticket of a cause that came back too late for its old ticket is linked to that one.
    pub(super) fn follow(&mut self, group: &Group, standing: &Standing, ticket: &Ticket) {
        if group.split_from.is_some() || !self.is_young(group, ticket) {
            return;
        }
        let Some(before) = self.settled.before(group).cloned() else { return };
        let topic = format!("follows-{before}");
        if ticket.told.contains(&topic) {
            return;
        }
        let key = ticket.issue().map(|issue| issue.key.clone());
        let link_type = self.params.split_link.clone();
        self.actions.push(Action {
            group: group.id.clone(),
            key,
            title: standing.title.clone(),
            write: Write::Link { to: before.clone(), link_type, topic },
            reason: Reason::ReturnedLate { group: before },
        });
    }
}

/// How often a group grew by the share that is worth a comment, since its ticket was opened.
fn level(course: &Course, manners: &Manners) -> u32 {
    let steps = |before: f64, now: f64| {
        if before <= 0.0 || now <= before {
            return 0;
        }
        let steps = (now / before).ln() / (1.0 + manners.comment_growth).ln();
        // A group that grew by exactly the share has grown by it, whatever the rounding.
        (steps + 1e-9).floor().clamp(0.0, f64::from(LEVELS)) as u32
    };
    let (first, last) = (&course.first, course.last());
    let disputes = steps(first.disputes as f64, last.disputes as f64);
    let amount = |money: Decimal| money.to_f64().unwrap_or(0.0);
    let money = if last.amount - first.amount >= manners.comment_amount {
        steps(amount(first.amount), amount(last.amount))
    } else {
        0
    };
    disputes.max(money)
}

/// Whether a topic is that of a comment, and not of a link, a list or a move.
fn is_comment(topic: &str) -> bool {
    let is_of_another = topic.starts_with("merged-") || topic.starts_with(SECOND);
    !["list-", "answer-", OVERWRITTEN, "split-from-", "follows-", "watch-", CLOSING]
        .iter()
        .any(|kind| topic.starts_with(kind))
        && topic != "reopening"
        && (!is_of_another || topic.ends_with("-said"))
}

/// ` (about $41,000 in dispute)`; empty where there is none.
pub(super) fn in_dispute(amount: Decimal) -> String {
    match money_text(amount) {
        none if none.is_empty() => none,
        amount => format!(" ({amount} in dispute)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Point;

    #[test]
    fn growth_is_counted_in_steps_of_its_share_and_small_money_does_not_count() {
        let point = |disputes, amount: i64| Point {
            day: jiff::civil::date(2026, 11, 1),
            disputes,
            amount: Decimal::from(amount),
        };
        let level_of = |disputes, amount| {
            let later = Point { day: jiff::civil::date(2026, 11, 9), ..point(disputes, amount) };
            level(&Course::new(point(10, 5_000)).with(later), &Manners::default())
        };
        assert_eq!([level_of(14, 5_000), level_of(15, 5_000), level_of(23, 5_000)], [0, 1, 2]);
        assert_eq!(level_of(10, 14_999), 0, "nearly three times the money, and still little of it");
        assert_eq!(level_of(10, 15_000), 2);
        assert_eq!(level_of(4, 1_000), 0, "what shrinks has not grown");
    }
}
