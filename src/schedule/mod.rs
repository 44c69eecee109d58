//! When something is due: a cron expression and a time zone to occurrences.
//!
//! Pure. It never looks at a clock; only [`Schedule::parse`] reads the zone from the platform's time zone
//! database (or from the copy that jiff has built in).
//!
//! # Expressions
//!
//! | written | meaning |
//! | --- | --- |
//! | five fields | minute, hour, day of month, month, weekday, as in a Unix crontab: weekday 0 and 7 are Sunday |
//! | six fields | refused: seconds first in some programs, year last in others |
//! | seven fields | second, minute, hour, day of month, month, weekday, year (1970 to 2100); weekdays by name only, because 1 is Sunday in Quartz and Monday elsewhere |
//! | `@hourly` `@daily` `@midnight` `@weekly` `@monthly` `@yearly` `@annually` | the usual five fields, in the schedule's own zone |
//!
//! A field is a list of numbers, ranges and steps; `9/2` runs from 9 to the end of the field. Refused are
//! expressions that set day of month *and* weekday (Unix runs when either matches, Quartz when both do),
//! that fire more than once a minute, and that can never occur, such as 30 February.
//!
//! # Clock changes
//!
//! An occurrence has a nominal local time, and an instant at which it happens. A change of the clock
//! neither skips nor doubles it:
//!
//! * a nominal time that the clock jumps over happens as much later as the clock jumped: 02:30 at 03:30;
//! * a nominal time that comes twice happens the first time. An expression that fires many times an hour
//!   therefore pauses while the hour is repeated;
//! * two nominal times that fall on one instant are one occurrence, named by the time the clock shows.
//!
//! Instants strictly increase. What was missed is caught up by one occurrence, the latest: a run works on
//! what is there, so one late run does the work of many missed ones.
//!
//! # Clocks that are set
//!
//! Whoever records what was handled keeps the last occurrence of each [day](Occurrence::day), and
//! [`Last::of`] says which of these counts: the last that is not more than a day ahead of the clock. So
//!
//! * no occurrence is handled twice, whatever the clock does: the last of its day counts whenever it could
//!   be due again;
//! * a clock set back by a day or less gives nothing until it has caught up;
//! * a clock that was years ahead, or years behind, silences nothing once it is right again. Only what was
//!   handled too early is not handled again when its time comes.

mod expression;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    expression: Arc<str>,
    zone_name: Arc<str>,
    zone: TimeZone,
    /// Only ever asked about civil time, on a clock that it believes to be UTC.
    walker: cron::Schedule,
}

/// One time at which a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The local time that the expression names.
    pub nominal: DateTime,
    /// The instant at which it happens.
    pub at: Timestamp,
    expression: Arc<str>,
    zone_name: Arc<str>,
}

/// What is known of the last occurrence that was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last<'a> {
    /// None is recorded. `since` is the moment the schedule came into force: nothing before it is due.
    Never {
        /// The moment the schedule came into force.
        since: Timestamp,
    },
    /// The one with this [`Occurrence::id`], at this [`Occurrence::at`]. It may come from an older
    /// expression or zone: then only its instant counts.
    Ran {
        /// Its id.
        id: &'a str,
        /// Its instant.
        at: Timestamp,
    },
}

/// How far ahead of the clock a recorded occurrence may lie and still count. As long as the days of the
/// ledger: were it shorter, the last of a day would not stand for the others of that day.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

impl<'a> Last<'a> {
    /// The last of those recorded, by id and instant, as it counts for a clock that shows `now`.
    pub fn of(
        recorded: impl IntoIterator<Item = (&'a str, Timestamp)>,
        since: Timestamp,
        now: Timestamp,
    ) -> Self {
        let counts = recorded.into_iter().filter(|(_, at)| at.duration_since(now) <= AHEAD);
        let last = counts.max_by_key(|(_, at)| *at);
        last.map_or(Self::Never { since }, |(id, at)| Self::Ran { id, at })
    }
}

/// Why an expression or a zone is refused. Someone has to change the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// Neither five nor seven fields.
    #[error(
        "schedule `{expression}` has {found} fields; expected five (minute first) or seven (second first, year last)"
    )]
    FieldCount {
        /// As written.
        expression: String,
        /// How many it has.
        found: usize,
    },
    /// An `@` word that is not known.
    #[error("unknown shorthand `{found}`; expected `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`")]
    UnknownShorthand {
        /// As written.
        found: String,
    },
    /// A field that cannot be read.
    #[error("schedule `{expression}`, {field} `{found}`: {reason}")]
    Field {
        /// As written.
        expression: String,
        /// Which field.
        field: &'static str,
        /// The part that is wrong.
        found: String,
        /// What was expected.
        reason: String,
    },
    /// A weekday number where its meaning depends on the reader.
    #[error(
        "schedule `{expression}`, weekday `{found}`: with seven fields write weekdays by name, such as `MON-FRI`"
    )]
    WeekdayNumber {
        /// As written.
        expression: String,
        /// The weekday field.
        found: String,
    },
    /// Day of month and weekday are both set.
    #[error(
        "schedule `{expression}` sets day of month and weekday, which cron programs read as either or as both; set one of them to `*`"
    )]
    BothDayFields {
        /// As written.
        expression: String,
    },
    /// More than one second of a minute is set.
    #[error("schedule `{expression}` fires more than once a minute; set one second")]
    TooOften {
        /// As written.
        expression: String,
    },
    /// No date matches.
    #[error("schedule `{expression}` never occurs: no month in it has such a day")]
    NeverOccurs {
        /// As written.
        expression: String,
    },
    /// The time zone database does not have the zone.
    #[error("unknown time zone `{zone}`; expected an IANA name such as `America/New_York` or `UTC`")]
    UnknownZone {
        /// As written.
        zone: String,
    },
}

impl Schedule {
    /// Reads an expression, as the module says, and the IANA name of a time zone.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, ScheduleError> {
        let checked = expression::parse(expression)?;
        let unknown = || ScheduleError::UnknownZone { zone: zone.to_owned() };
        let time_zone = TimeZone::get(zone).ok().filter(|found| !found.is_unknown()).ok_or_else(unknown)?;
        let never = || ScheduleError::NeverOccurs { expression: checked.text.clone() };
        let schedule = Self {
            expression: checked.text.as_str().into(),
            zone_name: time_zone.iana_name().unwrap_or(zone).into(),
            zone: time_zone,
            walker: cron::Schedule::from_str(&checked.seven_fields).map_err(|_| never())?,
        };
        schedule.walk(date(1969, 12, 31).at(23, 59, 59, 0)).next().ok_or_else(never)?;
        Ok(schedule)
    }

    /// The expression as written, with single spaces.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The IANA name of the zone.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// The first occurrence after an instant; `None` when the last year of the schedule (2100 at most) is
    /// over.
    pub fn next_after(&self, after: Timestamp) -> Option<Occurrence> {
        let mut first: Option<(Timestamp, DateTime)> = None;
        for nominal in self.walk(self.before_any_gap(after)) {
            // Only a time in a gap can happen later than one that is named after it, and it happens when
            // the clock shows a later time. Past that time nothing earlier can follow.
            if first.is_some_and(|(at, _)| nominal > self.zone.to_datetime(at)) {
                break;
            }
            let Ok(at) = self.zone.to_ambiguous_timestamp(nominal).compatible() else { break };
            if at > after && first.is_none_or(|(earliest, _)| at <= earliest) {
                first = Some((at, nominal));
            }
        }
        let (at, nominal) = first?;
        Some(Occurrence {
            nominal,
            at,
            expression: Arc::clone(&self.expression),
            zone_name: Arc::clone(&self.zone_name),
        })
    }

    /// The latest occurrence that is later than the last one handled and not later than `now`: one for
    /// all that were missed. A clock that was set back gives `None`. So does a time zone database that was
    /// corrected and now puts the last occurrence at another instant.
    pub fn due(&self, last: Last<'_>, now: Timestamp) -> Option<Occurrence> {
        let (since, last_id) = match last {
            Last::Never { since } => (since, None),
            Last::Ran { id, at } => (at, Some(id)),
        };
        let next_until_now = |after| self.next_after(after).filter(|found| found.at <= now);
        let mut latest = next_until_now(since)?;
        // Nothing is due after `none_after`, and the search closes in on it from both sides.
        let mut none_after = now;
        while latest.at < none_after {
            let half = none_after.duration_since(latest.at).as_secs() / 2;
            let middle = latest.at + SignedDuration::from_secs(half);
            match next_until_now(middle) {
                Some(found) => latest = found,
                None => none_after = middle,
            }
        }
        (last_id != Some(latest.id().as_str())).then_some(latest)
    }

    /// Local time from which the walk must start to meet every nominal time that happens after `after`:
    /// what the clock would show had it not jumped forward in the last day. No zone jumps by more than a
    /// day.
    fn before_any_gap(&self, after: Timestamp) -> DateTime {
        let shown = self.zone.to_datetime(after);
        let a_day_ago = after.checked_sub(SignedDuration::from_hours(25)).unwrap_or(after);
        shown.min(self.zone.to_offset(a_day_ago).to_datetime(after))
    }

    /// Nominal times later than `from`, in order.
    fn walk(&self, from: DateTime) -> impl Iterator<Item = DateTime> {
        fake_utc(from).into_iter().flat_map(|start| self.walker.after(&start)).map_while(from_fake_utc)
    }
}

impl Occurrence {
    /// Names this occurrence for ever: expression, nominal local time and zone. An occurrence whose id is
    /// recorded as done is never run again, whatever the clock does.
    pub fn id(&self) -> String {
        format!("{}|{}|{}", self.expression, self.nominal, self.zone_name)
    }

    /// The day on which it happens, by UTC: where a ledger keeps it, in place of an earlier one of that day.
    pub fn day(&self) -> String {
        self.at.strftime("%Y-%m-%d").to_string()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.expression, self.zone_name)
    }
}

fn fake_utc(local: DateTime) -> Option<chrono::DateTime<chrono::Utc>> {
    let day = chrono::NaiveDate::from_ymd_opt(
        local.year().into(),
        local.month().unsigned_abs().into(),
        local.day().unsigned_abs().into(),
    )?;
    let time = day.and_hms_opt(
        local.hour().unsigned_abs().into(),
        local.minute().unsigned_abs().into(),
        local.second().unsigned_abs().into(),
    )?;
    Some(time.and_utc())
}

fn from_fake_utc(walked: chrono::DateTime<chrono::Utc>) -> Option<DateTime> {
    let instant = Timestamp::from_second(walked.timestamp()).ok()?;
    Some(TimeZone::UTC.to_datetime(instant))
}
