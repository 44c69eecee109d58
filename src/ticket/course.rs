//! How large a group was over time, as far as its ticket needs it: at the start, a week before its last change, and
//! after it.
//!
//! It goes on only when the figures change. What is said of it therefore stays the same for as long as nothing
//! happens, and a quiet group never has its ticket rewritten by the calendar.

use jiff::{ToSpan, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::facts::{money_text, thousands};

/// Over how many days a change is told.
const DAYS: i64 = 7;

/// The size of a group from some day on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The day.
    pub day: Date,
    /// Open disputes.
    pub disputes: usize,
    /// Money in dispute, rounded as it is shown: a ticket's property is as open as its text.
    pub amount: Decimal,
}

/// The size of a group over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// When its ticket was opened.
    pub first: Point,
    /// The changes of the week up to the last one, and the last one before that week; never empty.
    recent: Vec<Point>,
}

impl Course {
    /// A course that begins.
    pub fn new(point: Point) -> Self {
        Self { first: point.clone(), recent: vec![point] }
    }

    /// The size after the last change.
    pub fn last(&self) -> &Point {
        self.recent.last().unwrap_or(&self.first)
    }

    /// With the size on some day; the same where it did not change.
    #[must_use]
    pub fn with(&self, point: Point) -> Self {
        let last = self.last();
        if (last.disputes, last.amount) == (point.disputes, point.amount) || point.day < last.day {
            return self.clone();
        }
        let week = point.day.saturating_sub(DAYS.days());
        let mut recent: Vec<Point> = self.recent.iter().filter(|one| one.day < point.day).cloned().collect();
        recent.push(point);
        let before_week = recent.iter().rposition(|one| one.day <= week).unwrap_or(0);
        Self { first: self.first.clone(), recent: recent.split_off(before_week) }
    }

    /// The last change in words: `2026-11-24: 12 disputes (about $41,000), 9 (about $30,000) a week before`; empty
    /// where there was none yet.
    pub fn words(&self) -> String {
        let last = self.last();
        let Some(before) = self.recent.first().filter(|before| before.day < last.day) else {
            return String::new();
        };
        let money = |point: &Point| match money_text(point.amount) {
            none if none.is_empty() => none,
            amount => format!(" ({amount})"),
        };
        let week = last.day.saturating_sub(DAYS.days());
        let when = if before.day <= week { "a week before".to_owned() } else { format!("on {}", before.day) };
        let s = if last.disputes == 1 { "" } else { "s" };
        format!(
            "{}: {} dispute{s}{}, {}{} {when}",
            last.day,
            thousands(last.disputes),
            money(last),
            thousands(before.disputes),
            money(before),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(day: i8, disputes: usize) -> Point {
        let amount = Decimal::from(disputes * 1000);
        Point { day: jiff::civil::date(2026, 11, day), disputes, amount }
    }

    #[test]
    fn what_is_said_stays_the_same_for_as_long_as_nothing_changes() {
        let course = Course::new(point(1, 9)).with(point(12, 12));
        assert_eq!(course.words(), "2026-11-12: 12 disputes (about $12,000), 9 (about $9,000) a week before");
        for day in 12..=30 {
            assert_eq!(course.with(point(day, 12)), course, "day {day}");
        }
        assert_eq!(Course::new(point(1, 9)).words(), "");
    }

    #[test]
    fn a_change_is_told_against_the_size_a_week_before_it() {
        let mut course = Course::new(point(1, 9));
        for (day, disputes) in [(2, 10), (3, 11), (9, 12), (11, 14), (11, 15)] {
            course = course.with(point(day, disputes));
        }
        assert_eq!(
            course.words(),
            "2026-11-11: 15 disputes (about $15,000), 11 (about $11,000) a week before"
        );
        assert_eq!((course.first.disputes, course.last().disputes), (9, 15));
        let young = Course::new(point(1, 9)).with(point(3, 8));
        assert_eq!(young.words(), "2026-11-03: 8 disputes (about $8,000), 9 (about $9,000) on 2026-11-01");
    }

    #[test]
    fn a_course_is_short_however_long_it_goes_on() {
        let mut course = Course::new(point(1, 1));
        for day in 2..=30 {
            course = course.with(point(day, usize::try_from(day).unwrap()));
        }
        assert_eq!(course.recent.len(), 8);
        assert_eq!(course.recent[0].disputes, 23);
    }

    #[test]
    fn a_clock_that_went_back_changes_nothing() {
        let course = Course::new(point(9, 5));
        assert_eq!(course.with(point(3, 8)), course);
    }
}
