//! When a cron expression fires in a zone, worked out in the plainest way: bits for the fields, a loop over
//! days, and a list of the zone's offsets.
//!
//! Shares nothing with `disputebot::schedule`: neither its reader nor the crate `cron`, and of jiff neither
//! calendar nor rules for gaps and folds. Offsets come from the system's own `TZif` files. Only where there
//! is no such file, or where it states the years to come as a rule, jiff is asked for the rest of the list.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

const DAY: i64 = 86_400;

/// 2020-01-01T00:00:00Z.
pub(super) const BEGIN: i64 = 18_262 * DAY;
/// 2036-01-01T00:00:00Z.
pub(super) const END: i64 = 24_106 * DAY;

/// Seconds since 1970 on a clock that shows local time.
pub(super) type Civil = i64;

/// An occurrence that must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expected {
    /// Seconds since 1970.
    pub(super) at: i64,
    /// False where the clock shows another time than the nominal one.
    pub(super) shown: bool,
    /// The time that the expression names.
    pub(super) nominal: Civil,
}

/// A zone's offsets.
#[derive(Debug, Clone)]
pub(super) struct Zone {
    /// Its IANA name.
    pub(super) name: String,
    /// From an instant on, an offset in seconds; the first holds since ever.
    pub(super) offsets: Vec<(i64, i64)>,
    /// Whether the file alone gave them.
    pub(super) from_file: bool,
}

impl Zone {
    /// Reads the offsets from 2019 to 2036.
    pub(super) fn read(name: &str) -> Self {
        let first = BEGIN - 366 * DAY;
        let last = END + 366 * DAY;
        let file = fs::read(Path::new("/usr/share/zoneinfo").join(name)).ok().and_then(|bytes| tzif(&bytes));
        let (all, complete_until) = file.unwrap_or_default();
        let from_file = complete_until >= last;
        let all = if from_file { all } else { asked(name, first, last) };
        let mut offsets: Vec<(i64, i64)> = Vec::new();
        for (at, offset) in all.into_iter().filter(|(at, _)| *at < last) {
            if at <= first {
                offsets.clear();
            }
            if offsets.last().is_none_or(|(_, before)| *before != offset) {
                offsets.push((at.max(first), offset));
            }
        }
        Self { name: name.to_owned(), offsets, from_file }
    }

    /// Instants at which the clock is changed.
    pub(super) fn changes(&self) -> impl Iterator<Item = i64> {
        self.offsets.iter().skip(1).map(|(at, _)| *at).filter(|at| (BEGIN..END).contains(at))
    }

    /// The instant of a nominal time, and whether the clock shows that time then.
    fn instant(&self, nominal: Civil) -> (i64, bool) {
        let long_before = self.offsets.partition_point(|(from, _)| *from <= nominal - 2 * DAY);
        let first = long_before.saturating_sub(1);
        let mut before = None;
        let mut jumped = None;
        for (number, (from, offset)) in self.offsets.iter().enumerate().skip(first) {
            let until = self.offsets.get(number + 1).map_or(i64::MAX, |(next, _)| *next);
            let at = nominal - offset;
            if (number == 0 || at >= *from) && at < until {
                return (at, true);
            }
            let gap = |before| nominal >= from + before && nominal < from + offset;
            jumped = jumped.or(before.filter(|before| gap(*before)).map(|before: i64| nominal - before));
            before = Some(*offset);
        }
        (jumped.unwrap_or(i64::MIN), false)
    }
}

/// Offsets from the second block of a `TZif` file, and the instant up to which they are complete: for ever
/// where the footer has no rule.
fn tzif(bytes: &[u8]) -> Option<(Vec<(i64, i64)>, i64)> {
    let number = |at: usize, size: usize| {
        let field = bytes.get(at..at + size)?;
        let sign = if field.first()? & 0x80 == 0 { 0 } else { -1 };
        Some(field.iter().fold(sign, |sum: i64, byte| (sum << 8) | i64::from(*byte)))
    };
    let header = |at: usize| {
        if bytes.get(at..at + 4)? != b"TZif" {
            return None;
        }
        let mut counts = [0; 6];
        for (index, count) in counts.iter_mut().enumerate() {
            *count = usize::try_from(number(at + 20 + 4 * index, 4)?).ok()?;
        }
        Some(counts)
    };
    let [is_ut, is_standard, leaps, times, types, letters] = header(0)?;
    let second = 44 + times * 5 + types * 6 + letters + leaps * 8 + is_standard + is_ut;
    let [is_ut, is_standard, leaps, times, types, letters] = header(second)?;
    let (instants, kinds) = (second + 44, second + 44 + times * 8);
    let (records, footer) =
        (kinds + times, kinds + times + types * 6 + letters + leaps * 12 + is_standard + is_ut);
    let offset = |kind: usize| number(records + kind * 6, 4);
    let mut offsets = vec![(i64::MIN, offset(0)?)];
    for index in 0..times {
        let kind = usize::from(*bytes.get(kinds + index)?);
        offsets.push((number(instants + index * 8, 8)?, offset(kind)?));
    }
    let has_rule = bytes.get(footer..)?.contains(&b',');
    let complete = if has_rule { offsets.last().map_or(i64::MIN, |(at, _)| *at) } else { i64::MAX };
    Some((offsets, complete))
}

/// Offsets as jiff lists them.
fn asked(name: &str, first: i64, last: i64) -> Vec<(i64, i64)> {
    let Ok(zone) = TimeZone::get(name) else { return Vec::new() };
    let from = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(first);
    let mut offsets = vec![(i64::MIN, i64::from(zone.to_offset(from).seconds()))];
    for change in zone.following(from) {
        if change.timestamp().as_second() >= last {
            break;
        }
        offsets.push((change.timestamp().as_second(), i64::from(change.offset().seconds())));
    }
    offsets
}

/// A day of the calendar.
#[derive(Debug, Clone, Copy)]
struct Date {
    year: u16,
    month: u8,
    day: u8,
    /// 0 is Sunday.
    weekday: u8,
}

/// The days from a week before 2020 to the end of 2036, counted one by one.
#[derive(Debug)]
pub(super) struct Calendar {
    days: Vec<Date>,
}

impl Calendar {
    const FIRST: i64 = BEGIN / DAY - 7;

    /// Counts them.
    pub(super) fn new() -> Self {
        // A Wednesday, as was the first day of 2020.
        let mut today = Date { year: 2019, month: 12, day: 25, weekday: 3 };
        let mut days = Vec::new();
        while today.year < 2037 {
            days.push(today);
            today.weekday = (today.weekday + 1) % 7;
            let is_last = match today.month {
                2 => today.day == if today.year.is_multiple_of(4) { 29 } else { 28 },
                4 | 6 | 9 | 11 => today.day == 30,
                _ => today.day == 31,
            };
            today.day += 1;
            if is_last {
                today.day = 1;
                today.month += 1;
            }
            if today.month == 13 {
                today.month = 1;
                today.year += 1;
            }
        }
        Self { days }
    }

    fn date(&self, day: i64) -> Option<Date> {
        self.days.get(usize::try_from(day - Self::FIRST).ok()?).copied()
    }

    /// Year, month, day, hour and minute that a local clock shows.
    pub(super) fn shown(&self, civil: Civil) -> Option<[u16; 5]> {
        let Date { year, month, day, .. } = self.date(civil.div_euclid(DAY))?;
        let minute = u16::try_from(civil.rem_euclid(DAY) / 60).ok()?;
        Some([year, month.into(), day.into(), minute / 60, minute % 60])
    }

    /// The id that an occurrence must have.
    pub(super) fn id(&self, expression: &str, nominal: Civil, zone: &str) -> String {
        let [year, month, day, hour, minute] = self.shown(nominal).unwrap_or_default();
        format!("{expression}|{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:00|{zone}")
    }
}

/// Five fields as bits.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// As written.
    pub(super) text: &'static str,
    /// Minutes of a day.
    minutes: Vec<i64>,
    day: u64,
    month: u64,
    weekday: u64,
}

impl Fields {
    /// Reads an expression that is known to be right; a wrong one fires never.
    pub(super) fn read(text: &'static str) -> Self {
        let long = match text.to_ascii_lowercase().as_str() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            _ => text,
        };
        let mut fields = long.split(' ');
        let mut bits = |min, max| bits(fields.next().unwrap_or_default(), min, max);
        let (minute, hour, day, month, weekday) =
            (bits(0, 59), bits(0, 23), bits(1, 31), bits(1, 12), bits(0, 6));
        let minutes =
            (0..24 * 60).filter(|of_day| has(hour, of_day / 60) && has(minute, of_day % 60)).collect();
        let weekday = weekday | (weekday >> 7);
        Self { text, minutes, day, month, weekday }
    }

    /// All that happens in a zone from one instant to before another, in order.
    pub(super) fn between(&self, calendar: &Calendar, zone: &Zone, from: i64, until: i64) -> Vec<Expected> {
        let mut found = Vec::new();
        // No offset is more than a day, and no clock jumps by more than one.
        for day in from.div_euclid(DAY) - 2..=until.div_euclid(DAY) + 2 {
            let Some(date) = calendar.date(day) else { continue };
            if !has(self.day, date.day.into())
                || !has(self.month, date.month.into())
                || !has(self.weekday, date.weekday.into())
            {
                continue;
            }
            for minute in &self.minutes {
                let nominal = day * DAY + minute * 60;
                let (at, shown) = zone.instant(nominal);
                if (from..until).contains(&at) {
                    found.push(Expected { at, shown, nominal });
                }
            }
        }
        // Where two fall on one instant, the one that the clock shows gives its name.
        found.sort_unstable_by_key(|expected| (expected.at, !expected.shown));
        found.dedup_by_key(|expected| expected.at);
        found
    }
}

fn has(bits: u64, number: i64) -> bool {
    bits & (1 << number) != 0
}

fn bits(text: &str, min: u32, max: u32) -> u64 {
    let number = |text: &str| {
        const NAMES: [&str; 19] = [
            "sun", "mon", "tue", "wed", "thu", "fri", "sat", "jan", "feb", "mar", "apr", "may", "jun", "jul",
            "aug", "sep", "oct", "nov", "dec",
        ];
        let name = text.get(..3).unwrap_or_default().to_ascii_lowercase();
        let named = NAMES.iter().position(|known| *known == name).map(|index| index as u32);
        named.map(|index| if index < 7 { index } else { index - 6 }).or_else(|| text.parse().ok())
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, ""));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (Some(min), Some(max)),
            // Sunday ends a range as day 7.
            Some((first, last)) => (number(first), number(last).map(|it| if it == 0 { max + 1 } else { it })),
            None if step.is_empty() => (number(range), number(range)),
            None => (number(range), Some(max)),
        };
        let (Some(first), Some(last)) = (first, last) else { return 0 };
        let step = step.parse().unwrap_or(1);
        let mut at = first;
        while at <= last {
            bits |= 1 << at;
            at += step;
        }
    }
    bits
}
