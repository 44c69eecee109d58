//! Every occurrence exactly once: each zone, sixteen years, fifty expressions; and daemons whose clock is
//! set and which are down at times.

mod history;
mod oracle;
mod walk;

use std::fmt;

use disputebot::schedule::Schedule;
use jiff::tz::{self, TimeZone};
use oracle::{BEGIN, Calendar, END, Fields, Zone};
use rayon::prelude::*;
use walk::{Tally, compare};

use crate::{Effort, Row};

/// Twice a day at most, on the days on which they fire.
const RARE: [&str; 30] = [
    "@yearly",
    "@Monthly",
    "@weekly",
    "@midnight",
    "30 2 * * *",
    "0 2 * * *",
    "0 3 * * *",
    "45 1 * * *",
    "59 23 * * *",
    "1 0 * * *",
    "0 0,23 * * *",
    "0 2,3 * * *",
    "10,35 2 * * *",
    "30 2 * * 0",
    "0 2 * * 7",
    "59 1,2 * * SUN",
    "15 2 * * sat,sun",
    "30 3 * * fri-sun",
    "30 1-3/2 * * 1-5",
    "0 6 * * MON",
    "5 4 * */2 thursday",
    "0 5 * 3,10 0/6",
    "59 23 31 * *",
    "0 0 28-31 * ?",
    "30 0 30 4,6,9,november *",
    "0 0 29 2 *",
    "30 2 29 feb ?",
    "30 2 8-14 3 *",
    "0 2 1-7 nov ?",
    "15 2 */7 * *",
];

/// More often.
const FREQUENT: [&str; 20] = [
    "* * * * *",
    "*/7 * * * *",
    "*/15 * * * *",
    "*/30 * * * *",
    "*/59 * * * *",
    "0,59 * * * *",
    "@hourly",
    "30 */2 * * *",
    "0 */6 * * *",
    "5 0-4 * * *",
    "* 2 * * *",
    "*/5 1-3 * * 0",
    "*/1 2-3 * mar,oct,nov sun",
    "13/20 0-4 * * *",
    "0-59/11 22-23,0-1 * * *",
    "29,31 0,1,2,3,23 * 3,4,9-11 *",
    "0 9-17 * * 1-5",
    "7 * 15 * *",
    "* 0 1 * *",
    "0,30 12/6 29-31 * *",
];

const DAY: i64 = 86_400;
/// A sixteenth of the whole.
const YEAR: i64 = (END - BEGIN) / 16;

/// All of it.
pub(super) fn prove(effort: Effort) -> Vec<Row> {
    let mut rows = zones(effort);
    rows.push(histories(effort));
    rows
}

/// Walks a few zones or all of them, the whole time or around the changes of the clock.
fn zones(effort: Effort) -> Vec<Row> {
    let calendar = Calendar::new();
    let zones: Vec<Zone> = tz::db()
        .available()
        .filter(|name| TimeZone::get(name.as_str()).is_ok_and(|zone| !zone.is_unknown()))
        .map(|name| Zone::read(name.as_str()))
        .collect();
    let mut firsts: Vec<&Zone> = zones.iter().collect();
    firsts.sort_by(|one, other| one.offsets.cmp(&other.offsets));
    firsts.dedup_by(|one, other| one.offsets == other.offsets);
    let all: Vec<&Zone> = zones.iter().collect();
    let long = effort == Effort::Long;
    let from_files = zones.iter().filter(|zone| zone.from_file).count();
    let source =
        format!("offsets of {from_files} from TZif files, of {} from jiff", zones.len() - from_files);
    let walks = [
        ("all", &RARE[..], &all, Spans::Whole, long),
        ("one of each set of offsets", &RARE[..], &firsts, Spans::Whole, !long),
        ("all", &RARE[..], &all, Spans::Changes { days: 3 }, !long),
        ("one of each set of offsets", &FREQUENT[..], &firsts, Spans::Whole, long),
        ("all", &FREQUENT[..], &all, Spans::Changes { days: 3 }, long),
        ("one of each set of offsets", &FREQUENT[..], &firsts, Spans::Changes { days: 1 }, !long),
        ("all", &FREQUENT[..], &all, Spans::Ordinary { number: 1 }, !long),
    ];
    let mut rows = Vec::new();
    for (which, expressions, zones, spans, _) in walks.into_iter().filter(|walk| walk.4) {
        let tally = walked(&calendar, expressions, zones, spans);
        let first = tally.first.map(|first| format!("; first: {first}")).unwrap_or_default();
        rows.push(Row {
            what: format!(
                "schedule: {} zones ({which}; {source}) × {} expressions, {spans}",
                zones.len(),
                expressions.len()
            ),
            trials: tally.occurrences,
            seeds: spans.seeds(),
            found: format!("{} differences{first}", tally.differences),
            holds: tally.differences == 0 && tally.occurrences > 0,
        });
    }
    rows
}

fn walked(calendar: &Calendar, expressions: &[&'static str], zones: &[&Zone], spans: Spans) -> Tally {
    let fields: Vec<Fields> = expressions.iter().map(|text| Fields::read(text)).collect();
    let mut pairs: Vec<(&Fields, &Zone)> = Vec::new();
    for fields in &fields {
        pairs.extend(zones.iter().map(|zone| (fields, *zone)));
    }
    let tallies = pairs.into_par_iter().map(|(fields, zone)| {
        let Ok(schedule) = Schedule::parse(fields.text, &zone.name) else {
            let first = Some(format!("`{}` in {} was refused", fields.text, zone.name));
            return Tally { occurrences: 0, differences: 1, first };
        };
        let spans = spans.of(fields, zone).into_iter();
        spans.map(|span| compare(&schedule, calendar, fields, zone, span)).fold(Tally::default(), Tally::and)
    });
    tallies.reduce(Tally::default, Tally::and)
}

/// Which time is walked.
#[derive(Debug, Clone, Copy)]
enum Spans {
    /// 2020 to 2035.
    Whole,
    /// Around each change of the clock, and beside that a few days drawn at random.
    Changes { days: i64 },
    /// Days drawn at random.
    Ordinary { number: u64 },
}

impl Spans {
    fn of(self, fields: &Fields, zone: &Zone) -> Vec<(i64, i64)> {
        let drawn = |number: u64| {
            // FNV-1a over both names: another place for each pair, the same in each run.
            let named = fields.text.bytes().chain(zone.name.bytes());
            let mut hash = named.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
            });
            (0..number).map(move |_| {
                hash = hash.wrapping_mul(0x0100_0000_01B3).rotate_left(23);
                let from = BEGIN + (hash >> 1).cast_signed() % (END - BEGIN - 2 * DAY);
                (from, from + 2 * DAY)
            })
        };
        match self {
            Self::Whole => (0..16).map(|year| (BEGIN + year * YEAR, BEGIN + (year + 1) * YEAR)).collect(),
            Self::Changes { days } => {
                zone.changes().map(|at| (at - days * DAY, at + days * DAY)).chain(drawn(2)).collect()
            }
            Self::Ordinary { number } => drawn(number).collect(),
        }
    }

    fn seeds(self) -> String {
        match self {
            Self::Whole => "all".to_owned(),
            Self::Changes { .. } | Self::Ordinary { .. } => "by name".to_owned(),
        }
    }
}

impl fmt::Display for Spans {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => write!(formatter, "2020–2035"),
            Self::Changes { days } => {
                write!(formatter, "{days} day(s) around each change of the clock and 2 × 2 others")
            }
            Self::Ordinary { number } => write!(formatter, "{number} × 2 days"),
        }
    }
}

/// Lives of daemons.
fn histories(effort: Effort) -> Row {
    let seeds = match effort {
        Effort::Short => 1..=6_000,
        Effort::Long => 1..=1_000_000_u64,
    };
    let cases = history::cases(&history::ZONES, &history::EXPRESSIONS);
    let lives: Vec<_> = seeds.clone().into_par_iter().map(|seed| history::live(seed, &cases)).collect();
    let mut total = history::Life::default();
    for life in lives.iter().flatten() {
        total.handled += life.handled;
        total.late += life.late;
        total.starts += life.starts;
        total.set += life.set;
    }
    let history::Life { handled, late, starts, set } = total;
    let faults: Vec<&String> = lives.iter().filter_map(|life| life.as_ref().err()).collect();
    let first = faults.first().map(|first| format!("; first: {first}")).unwrap_or_default();
    Row {
        what: "schedule: lives of a daemon; down, killed, clock set by an hour, days, ten years".to_owned(),
        trials: lives.len() as u64,
        seeds: format!("{}..={}", seeds.start(), seeds.end()),
        found: format!(
            "{handled} occurrences handled, {late} of them late; {starts} starts, clock set {set} times; \
             {} lives with one missed, repeated or out of order{first}",
            faults.len()
        ),
        holds: faults.is_empty() && handled > 0,
    }
}
