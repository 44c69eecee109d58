//! Clocks: the day that a deadline falls on, where the event that starts it is known.
//!
//! Never guesses: without the day of the event there is no day, and [`Clocks::due`] says which event is missing.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use super::{Deadline, Dispute, Field, Tables};

/// An event that starts a clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The name that deadlines use.
    pub name: String,
    /// Where its day is to be found.
    pub day: AnchorDay,
    /// What it is.
    pub meaning: String,
    /// Where it was published.
    pub source: String,
}

/// Where the day of an event is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnchorDay {
    /// A column of the input; of a quarter its last day.
    Column(Field),
    /// The day on which the clock of this event, under the same rules, ends.
    Clock(String),
    /// Nowhere in the input.
    Nowhere,
}

/// How long a clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// So many days after the day of the event.
    Days(i32),
    /// So many business days after it.
    BusinessDays(u32),
    /// So many months after it.
    Months(i32),
    /// So many years after it.
    Years(i32),
    /// To a published day, whatever the event.
    On(Date),
}

impl Term {
    /// Reads `38 days`, `30 business days`, `6 months`, `3 years`, `1 year` or `2026-08-20`.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        if let Ok(day) = text.parse::<Date>() {
            return Some(Self::On(day));
        }
        let (number, unit) = text.split_once(' ')?;
        let number = number.parse::<u16>().ok().filter(|number| *number > 0)?;
        Some(match unit {
            "day" | "days" => Self::Days(number.into()),
            "business day" | "business days" => Self::BusinessDays(number.into()),
            "month" | "months" => Self::Months(number.into()),
            "year" | "years" => Self::Years(number.into()),
            _ => return None,
        })
    }
}

/// What becomes of a deadline on a day without business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roll {
    /// It stays where it is.
    #[default]
    Stays,
    /// It moves to the next business day.
    NextBusinessDay,
}

/// What happens by itself when the day passes and nobody has acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Silence {
    /// The other side's claim counts as accepted.
    Accepted,
    /// The matter is closed.
    Closed,
    /// Interest runs from that day on.
    Interest,
    /// The right to act is lost.
    Lost,
}

impl Silence {
    pub(super) const NAMES: [(&'static str, Self); 4] = [
        ("accepted", Self::Accepted),
        ("closed", Self::Closed),
        ("interest", Self::Interest),
        ("lost", Self::Lost),
    ];

    /// What happens, in words that follow "without an answer".
    pub fn words(self) -> &'static str {
        match self {
            Self::Accepted => "it counts as accepted",
            Self::Closed => "it is closed",
            Self::Interest => "interest runs",
            Self::Lost => "the right is lost",
        }
    }
}

/// A day that returns every year on which there is no business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// Its name.
    pub name: String,
    /// The first year in which it was kept.
    pub since: i16,
    /// When it is.
    pub rule: HolidayRule,
    /// Where it was published.
    pub source: String,
}

/// When a holiday is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolidayRule {
    /// On a day of a month; on a weekend it is kept on the nearest weekday.
    Day(i8, i8),
    /// On the so many-th of a weekday in a month; −1 is the last.
    Weekday(i8, Weekday, i8),
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
    ("Sunday", Weekday::Sunday),
];
const ORDINALS: [(&str, i8); 5] = [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)];

impl HolidayRule {
    /// Reads `4 July` or `third Monday of January`.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let month = |name: &str| {
            MONTHS.iter().position(|month| *month == name).and_then(|place| i8::try_from(place + 1).ok())
        };
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            [day, name] => {
                let (day, month) = (day.parse().ok()?, month(name)?);
                Date::new(2000, month, day).ok().map(|_| Self::Day(month, day))
            }
            [nth, weekday, "of", name] => {
                let nth = ORDINALS.iter().find(|(word, _)| word == nth)?.1;
                let weekday = WEEKDAYS.iter().find(|(word, _)| word == weekday)?.1;
                Some(Self::Weekday(nth, weekday, month(name)?))
            }
            _ => None,
        }
    }

    /// The day on which it is kept for `year`; New Year's Day may be kept in the year before.
    fn kept(self, year: i16) -> Option<Date> {
        match self {
            Self::Weekday(nth, weekday, month) => {
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()
            }
            Self::Day(month, day) => {
                let day = Date::new(year, month, day).ok()?;
                match day.weekday() {
                    Weekday::Saturday => day.yesterday().ok(),
                    Weekday::Sunday => day.tomorrow().ok(),
                    _ => Some(day),
                }
            }
        }
    }
}

/// A clock of a program, with the day where it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockFace<'a> {
    /// The deadline.
    pub deadline: &'a Deadline,
    /// The day it falls on; `None`: unknown.
    pub due: Option<Date>,
}

/// Reads clocks by the tables.
#[derive(Debug, Clone, Copy)]
pub struct Clocks<'a> {
    tables: &'a Tables,
}

impl<'a> Clocks<'a> {
    /// Clocks by these tables.
    pub fn new(tables: &'a Tables) -> Self {
        Self { tables }
    }

    /// The clocks of the dispute's program that concern its quarter, in the order of the table.
    pub fn of(self, dispute: &Dispute) -> Vec<ClockFace<'a>> {
        let tables: &'a Tables = self.tables;
        tables
            .deadlines
            .iter()
            .filter(|deadline| deadline.concerns(dispute))
            .map(|deadline| ClockFace { deadline, due: self.due(deadline, dispute) })
            .collect()
    }

    /// The day on which `deadline` falls for `dispute`. `None` where the rule has no term, where the day of its
    /// event is not in the input, or where the day would give away a day of service.
    pub fn due(self, deadline: &Deadline, dispute: &Dispute) -> Option<Date> {
        // One clock may start where another one ends, and that one no further.
        self.due_within(deadline, dispute, 2)
    }

    fn due_within(self, deadline: &Deadline, dispute: &Dispute, depth: u8) -> Option<Date> {
        let term = deadline.term?;
        if let Term::On(day) = term {
            return Some(day);
        }
        let anchor = self.tables.anchors.iter().find(|a| Some(&a.name) == deadline.anchor.as_ref())?;
        let start = match &anchor.day {
            AnchorDay::Nowhere => return None,
            AnchorDay::Column(field) => day_of(*field, dispute)?,
            AnchorDay::Clock(event) => {
                let other = self.tables.deadlines.iter().find(|other| {
                    other.rule_set == deadline.rule_set
                        && other.event == *event
                        && other.event != deadline.event
                })?;
                self.due_within(other, dispute, depth.checked_sub(1).filter(|left| *left > 0)?)?
            }
        };
        let end = match term {
            Term::Days(days) => start.checked_add(i64::from(days).days()).ok()?,
            Term::Months(months) => start.checked_add(i64::from(months).months()).ok()?,
            Term::Years(years) => start.checked_add(i64::from(years).years()).ok()?,
            Term::BusinessDays(days) => self.business_days_after(start, days)?,
            Term::On(day) => day,
        };
        match deadline.roll {
            Roll::Stays => Some(end),
            Roll::NextBusinessDay => self.business_day_from(end),
        }
    }

    /// Whether a day is neither of a weekend nor kept as a holiday.
    pub fn is_business_day(self, day: Date) -> bool {
        if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            return false;
        }
        !self.tables.holidays.iter().any(|holiday| {
            (day.year()..=day.year().saturating_add(1))
                .filter(|year| *year >= holiday.since)
                .any(|year| holiday.rule.kept(year) == Some(day))
        })
    }

    /// The first business day from `day` on.
    pub fn business_day_from(self, day: Date) -> Option<Date> {
        // No calendar has two weeks without business.
        (0..14_i64)
            .filter_map(|days| day.checked_add(days.days()).ok())
            .find(|day| self.is_business_day(*day))
    }

    fn business_days_after(self, day: Date, count: u32) -> Option<Date> {
        let mut day = day;
        for _ in 0..count {
            day = self.business_day_from(day.checked_add(Span::new().days(1)).ok()?)?;
        }
        Some(day)
    }
}

impl Deadline {
    /// Whether the deadline is one of the dispute's program, and of its quarter where it is for one quarter only.
    pub fn concerns(&self, dispute: &Dispute) -> bool {
        self.program == Some(dispute.program)
            && self.quarter.is_none_or(|quarter| dispute.period == Some(quarter))
    }
}

/// The day in a column, where it may be told: a day counted from a day of service is that day.
fn day_of(field: Field, dispute: &Dispute) -> Option<Date> {
    let anchors = &dispute.anchors;
    match field {
        _ if field.is_private() => None,
        Field::PostmarkedAt => anchors.postmarked,
        Field::ReceivedAt => anchors.received,
        Field::RemittedAt => anchors.remitted,
        Field::OpenedAt => dispute.opened_at,
        Field::Period => dispute.period.and_then(super::Quarter::last_day),
        _ => None,
    }
}

/// The columns from which a day can be taken.
pub(super) const DAY_COLUMNS: [Field; 6] = [
    Field::Period,
    Field::PostmarkedAt,
    Field::ReceivedAt,
    Field::RemittedAt,
    Field::ServiceDate,
    Field::OpenedAt,
];
