//! ISO 8601 weeks.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, ISOWeekDate, Weekday},
    tz::TimeZone,
};
use serde::{Serialize, Serializer};

/// A week from Monday to Sunday, such as `2026-W47`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Week {
    monday: Date,
}

/// A text that names no week.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an ISO week; expected a form such as `2026-W47`")]
pub struct WeekError(String);

impl Week {
    /// The week that holds an instant.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        let week = at.to_zoned_datetime(zone.clone()).date().iso_week_date();
        Self { monday: first_day(week.year(), week.week()).unwrap_or(Date::MIN) }
    }

    /// The week before the one that holds an instant.
    pub fn before(at: Timestamp, zone: &TimeZone) -> Self {
        let Self { monday } = Self::of(at, zone);
        Self { monday: monday.saturating_sub(7.days()) }
    }

    /// First instants of the weeks up to this one and, last, the first instant after it.
    pub fn bounds_of(self, weeks: usize, zone: &TimeZone) -> Vec<Timestamp> {
        let weeks = i64::try_from(weeks).unwrap_or(1);
        (1 - weeks..=1)
            .map(|offset| Self { monday: self.monday.saturating_add((7 * offset).days()) }.bounds(zone).0)
            .collect()
    }

    /// `W47`: without the year.
    pub fn short(self) -> String {
        format!("W{:02}", self.monday.iso_week_date().week())
    }

    /// Monday and Sunday.
    pub fn days(self) -> (Date, Date) {
        (self.monday, self.monday.saturating_add(6.days()))
    }

    /// First instant of the week and first instant after it.
    pub fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let start =
            |day: Date| day.to_zoned_datetime(zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        (start(self.monday), start(self.monday.saturating_add(7.days())))
    }
}

fn first_day(year: i16, week: i8) -> Option<Date> {
    ISOWeekDate::new(year, week, Weekday::Monday).ok().map(ISOWeekDate::date)
}

impl FromStr for Week {
    type Err = WeekError;

    fn from_str(text: &str) -> Result<Self, WeekError> {
        let wrong = || WeekError(text.to_owned());
        let (year, week) = text.split_once("-W").ok_or_else(wrong)?;
        if year.len() != 4 || week.len() != 2 {
            return Err(wrong());
        }
        let (year, week) = (year.parse().map_err(|_| wrong())?, week.parse().map_err(|_| wrong())?);
        Ok(Self { monday: first_day(year, week).ok_or_else(wrong)? })
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let week = self.monday.iso_week_date();
        write!(f, "{:04}-W{:02}", week.year(), week.week())
    }
}

impl Serialize for Week {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_monday_of_its_zone() {
        let week: Week = "2026-W47".parse().unwrap();
        assert_eq!(week.days(), (jiff::civil::date(2026, 11, 16), jiff::civil::date(2026, 11, 22)));
        let zone = TimeZone::get("America/New_York").unwrap();
        let (from, to) = week.bounds(&zone);
        assert_eq!(from.to_string(), "2026-11-16T05:00:00Z");
        assert_eq!(to.to_string(), "2026-11-23T05:00:00Z");
        assert_eq!(Week::of("2026-11-16T04:59:59Z".parse().unwrap(), &zone).to_string(), "2026-W46");
        assert_eq!(Week::before("2026-11-23T12:00:00Z".parse().unwrap(), &zone), week);
    }

    #[test]
    fn only_weeks_that_exist_are_read() {
        for wrong in ["2026-47", "2026-W54", "2025-W53", "26-W01", "2026-W1", "x"] {
            assert!(wrong.parse::<Week>().is_err(), "{wrong}");
        }
        assert_eq!("2026-W53".parse::<Week>().unwrap().to_string(), "2026-W53");
    }
}
