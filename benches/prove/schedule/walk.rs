//! A schedule beside the oracle, occurrence by occurrence.

use disputebot::schedule::Schedule;
use jiff::{SignedDuration, Timestamp};

use super::oracle::{Calendar, Expected, Fields, Zone};

/// What a comparison gave.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) occurrences: u64,
    pub(super) differences: u64,
    /// The first difference, in words.
    pub(super) first: Option<String>,
}

impl Tally {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            occurrences: self.occurrences + other.occurrences,
            differences: self.differences + other.differences,
            first: self.first.or(other.first),
        }
    }
}

/// Walks a schedule from an instant to before another: instants and ids must be those of the oracle.
pub(super) fn compare(
    schedule: &Schedule,
    calendar: &Calendar,
    fields: &Fields,
    zone: &Zone,
    span: (i64, i64),
) -> Tally {
    let (from, until) = span;
    let expected = fields.between(calendar, zone, from, until);
    let mut tally = Tally { occurrences: expected.len() as u64, ..Tally::default() };
    let mut expected = expected.into_iter();
    let mut after = instant(from - 1);
    loop {
        let found = schedule.next_after(after).filter(|found| found.at < instant(until));
        let wanted = expected.next();
        let told = found.as_ref().map(|found| (found.at, found.id()));
        let right = wanted
            .map(|Expected { at, nominal, .. }| (instant(at), calendar.id(fields.text, nominal, &zone.name)));
        if told != right {
            tally.differences = 1;
            tally.first = Some(format!("after {after}: expected {right:?}, found {told:?}"));
        }
        // Whoever is behind would differ for ever: one difference a walk is enough.
        let (Some(found), Some(_), 0) = (found, wanted, tally.differences) else { break };
        after = found.at;
    }
    tally
}

/// An instant by its seconds since 1970.
pub(super) fn instant(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}
