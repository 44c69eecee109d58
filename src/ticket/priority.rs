//! How much a group weighs, and the priority that follows from it.
//!
//! Everything is told as of the day on which the group changed last: a weight that grew with the calendar would
//! rewrite the tickets of quiet groups at night.

use std::cmp::Ordering;

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::dispute::{Clocks, Deadline, Dispute, Silence, Tables};

/// How much a group weighs. Of two groups the one that loses more at its deadlines comes first, then the one with
/// the older dispute, then the larger one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weight {
    /// Money (US dollars) that is lost where nobody acts by a deadline that has not passed.
    pub loss: Decimal,
    /// Whether a day is known on which any of its money is lost, also where it has passed.
    pub is_timed: bool,
    /// Days for which the oldest dispute has been open.
    pub age_days: i64,
    /// Money in dispute (US dollars).
    pub amount: Decimal,
    /// Disputes.
    pub disputes: usize,
}

impl Weight {
    /// The weight of some disputes on a day.
    pub fn of(members: &[&Dispute], tables: &Tables, day: Date) -> Self {
        let clocks = Clocks::new(tables);
        let losing: Vec<&Deadline> = tables.deadlines.iter().filter(|deadline| is_loss(deadline)).collect();
        // The last day on which any of it is lost. Where the rules of a program lose a right, but the day of its clock is
        // not known, the due date of the input stands for it.
        let lost_on = |member: &Dispute| {
            let ends = losing.iter().filter(|deadline| deadline.concerns(member));
            ends.filter_map(|deadline| clocks.due(deadline, member).or(member.due_at)).max()
        };
        let mut is_timed = false;
        let mut is_lost = |member: &&Dispute| {
            let last = lost_on(member);
            is_timed |= last.is_some();
            last.is_some_and(|last| last >= day)
        };
        let money = |members: &mut dyn Iterator<Item = &Dispute>| -> Decimal {
            members.filter_map(|member| member.amount_disputed).sum()
        };
        let oldest = members.iter().filter_map(|member| member.opened_at).min();
        Self {
            loss: money(&mut members.iter().copied().filter(&mut is_lost)),
            is_timed,
            age_days: oldest.map_or(0, |oldest| day.duration_since(oldest).as_hours() / 24).max(0),
            amount: money(&mut members.iter().copied()),
            disputes: members.len(),
        }
    }
}

/// Days from a day to the next one on which something is due, or money of the client is lost in silence; none where no such
/// day is known or all have passed.
pub fn days_left(members: &[&Dispute], tables: &Tables, today: Date) -> Option<i64> {
    let clocks = Clocks::new(tables);
    let losing: Vec<&Deadline> = tables.deadlines.iter().filter(|deadline| is_loss(deadline)).collect();
    let days = members.iter().flat_map(|member| {
        let ends = losing.iter().filter(|deadline| deadline.concerns(member));
        ends.filter_map(|deadline| clocks.due(deadline, member)).chain(member.due_at)
    });
    days.filter(|day| *day >= today).min().map(|day| today.duration_until(day).as_hours() / 24)
}

impl Ord for Weight {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |weight: &Self| (weight.loss, weight.age_days, weight.amount, weight.disputes);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Weight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether its passing loses the money of the client, a manufacturer, and not just interest on it.
fn is_loss(deadline: &Deadline) -> bool {
    let silence = deadline.on_silence;
    let is_ours = |owner: &str| {
        owner.contains("manufacturer") || owner.contains("labeler") || matches!(owner, "both" | "parties")
    };
    matches!(silence, Some(Silence::Accepted | Silence::Closed | Silence::Lost))
        && deadline.owner.as_deref().is_some_and(is_ours)
}

/// What decides the priority: the loss first, then the age, then the size. The highest is for what would be lost alone;
/// age and size lift to the second at most. Where no deadline is known by which any of the money is lost,
/// all of it stands for the loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Priorities {
    /// Loss (US dollars) from which a ticket is `high`.
    pub high_loss: Decimal,
    /// Loss (US dollars) from which a ticket is `highest`.
    pub highest_loss: Decimal,
    /// Age of the oldest dispute from which a ticket is `high`; none is never.
    pub high_age_days: Option<i64>,
    /// Money in dispute (US dollars) from which a ticket is `high`.
    pub high_amount: Decimal,
    /// Money in dispute (US dollars) from which a ticket is `highest` where it is not known when any of it is lost.
    pub highest_amount: Decimal,
    /// Names of the project's priorities: normal, high, highest; empty leaves Jira's default.
    pub names: [String; 3],
}

impl Priorities {
    /// Name of the priority of a weight; none where Jira's default is left.
    pub fn of(&self, weight: &Weight) -> Option<String> {
        let step = |sum: Decimal, high, highest| usize::from(sum >= high) + usize::from(sum >= highest);
        let of_loss = if weight.is_timed {
            step(weight.loss, self.high_loss, self.highest_loss)
        } else {
            step(weight.amount, self.high_amount, self.highest_amount)
        };
        let of_age = usize::from(self.high_age_days.is_some_and(|days| weight.age_days >= days));
        let of_size = usize::from(weight.amount >= self.high_amount);
        let name = &self.names[of_loss.max(of_age).max(of_size).min(2)];
        (!name.is_empty()).then(|| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(loss: i64, age_days: i64, amount: i64) -> Weight {
        Weight { loss: loss.into(), age_days, amount: amount.into(), disputes: 5, is_timed: true }
    }

    #[test]
    fn what_is_lost_at_a_deadline_comes_first_then_the_older_then_the_larger() {
        let mut order = [weight(0, 9, 50), weight(0, 10, 1), weight(1, 0, 0), weight(0, 9, 60)];
        order.sort();
        assert_eq!(order, [weight(0, 9, 50), weight(0, 9, 60), weight(0, 10, 1), weight(1, 0, 0)]);
    }

    #[test]
    fn only_a_loss_gives_the_highest_priority_and_age_and_size_the_second_at_most() {
        let priorities = Priorities {
            high_loss: 25.into(),
            highest_loss: 250.into(),
            high_age_days: Some(180),
            high_amount: 100.into(),
            highest_amount: 1_000.into(),
            names: ["Medium", "High", "Highest"].map(str::to_owned),
        };
        let of = |loss, age, amount| priorities.of(&weight(loss, age, amount)).unwrap();
        assert_eq!(
            [of(24, 179, 99), of(25, 0, 0), of(0, 180, 0), of(0, 0, 100)],
            ["Medium", "High", "High", "High"]
        );
        assert_eq!([of(249, 0, 0), of(250, 0, 0)], ["High", "Highest"]);
        assert_eq!([of(0, 900, 999), of(24, 900, 1_000_000), of(0, 0, 1_000_000)], ["High"; 3]);
        let untimed = |amount| priorities.of(&Weight { is_timed: false, ..weight(0, 0, amount) }).unwrap();
        assert_eq!([untimed(99), untimed(100), untimed(1_000)], ["Medium", "High", "Highest"]);
        let young = Priorities { high_age_days: None, ..priorities };
        assert_eq!(young.of(&weight(0, 9_999, 0)).unwrap(), "Medium");
    }
}
