//! The life of a daemon under a clock that is set and a power that fails, drawn from a seed.
//!
//! The daemon of this model asks and records as `disputebot::daemon` does: what is due by [`Last::of`] and
//! [`Schedule::due`], recorded by day before it is run. True time only goes on; the clock is set right, or wrong
//! by an hour, by some days, or by ten years.

use std::collections::{BTreeMap, BTreeSet};

use disputebot::schedule::{Last, Schedule};
use jiff::Timestamp;

use super::oracle::{BEGIN, Calendar, Fields, Zone};
use super::walk::instant;

/// Where clocks are changed in all the ways there are.
pub(super) const ZONES: [&str; 9] = [
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Europe/Dublin",
    "America/Nuuk",
    "Antarctica/Troll",
    "UTC",
];
/// Often and seldom, in the hours of changes and outside.
pub(super) const EXPRESSIONS: [&str; 8] = [
    "30 2 * * *",
    "0 6 * * MON",
    "30 2 * * SUN",
    "*/30 * * * *",
    "@hourly",
    "10,35 2 * * *",
    "59 1 28-31 * *",
    "@monthly",
];

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const TEN_YEARS: i64 = 3_652 * DAY;

/// A schedule, and by the oracle all instants at which it fires.
#[derive(Debug)]
pub(super) struct Case {
    schedule: Schedule,
    instants: Vec<i64>,
    changes: Vec<i64>,
}

/// Each expression in each zone.
pub(super) fn cases(zones: &[&str], expressions: &[&'static str]) -> Vec<Case> {
    let calendar = Calendar::new();
    let mut cases = Vec::new();
    for zone in zones.iter().map(|name| Zone::read(name)) {
        for expression in expressions {
            let Ok(schedule) = Schedule::parse(expression, &zone.name) else { continue };
            let expected = Fields::read(expression).between(&calendar, &zone, BEGIN, super::oracle::END);
            let instants = expected.into_iter().map(|expected| expected.at).collect();
            cases.push(Case { schedule, instants, changes: zone.changes().collect() });
        }
    }
    cases
}

/// What happened in a life.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Life {
    /// Occurrences that were handled.
    pub(super) handled: u64,
    /// Of these, occurrences handled more than a minute late.
    pub(super) late: u64,
    /// Starts of the daemon.
    pub(super) starts: u64,
    /// How often the clock was set.
    pub(super) set: u64,
}

/// Lives one life; an error says what was broken.
pub(super) fn live(seed: u64, cases: &[Case]) -> Result<Life, String> {
    let mut random = Random(seed);
    let Some(case) = cases.iter().cycle().nth(random.below(1 << 10) as usize) else {
        return Err("no case".into());
    };
    // Early enough for the oracle to know the ten years to come.
    let mut true_time = BEGIN + 400 * DAY + random.below(4 * 365 * DAY);
    if random.below(2) == 0
        && let Some(change) = case.changes.iter().find(|change| **change > true_time)
    {
        true_time = change - random.below(5 * DAY);
    }
    let mut world = World {
        case,
        true_time,
        wrong_by: 0,
        ledger: BTreeMap::new(),
        ids: BTreeSet::new(),
        instants: BTreeSet::new(),
        highest: i64::MIN,
        life: Life::default(),
    };
    for _ in 0..8 {
        world.up(&mut random).map_err(|fault| format!("seed {seed}, {}: {fault}", case.schedule))?;
        world.true_time += random.duration(40 * DAY);
        if random.below(4) == 0 {
            world.set_clock(&mut random);
        }
    }
    Ok(world.life)
}

struct World<'a> {
    case: &'a Case,
    true_time: i64,
    /// What the clock shows more than the true time.
    wrong_by: i64,
    /// By day, as the daemon records it.
    ledger: BTreeMap<String, (String, Timestamp)>,
    ids: BTreeSet<String>,
    instants: BTreeSet<i64>,
    /// The last instant that was handled since the clock was more than a day behind one.
    highest: i64,
    life: Life,
}

impl World<'_> {
    fn clock(&self) -> i64 {
        self.true_time + self.wrong_by
    }

    fn set_clock(&mut self, random: &mut Random) {
        self.life.set += 1;
        self.wrong_by = match random.below(5) {
            0 => HOUR * (1 - 2 * random.below(2)),
            1 => random.below(80 * DAY) - 40 * DAY,
            2 => TEN_YEARS,
            3 => -TEN_YEARS,
            _ => 0,
        };
    }

    /// From a start of the process to its end.
    fn up(&mut self, random: &mut Random) -> Result<(), String> {
        self.life.starts += 1;
        let mut since = self.clock();
        let end = self.true_time + random.duration(12 * DAY);
        let mut next_set = self.true_time + random.duration(8 * DAY);
        while self.true_time < end {
            if self.true_time >= next_set {
                self.set_clock(random);
                next_set = self.true_time + random.duration(8 * DAY);
            }
            let now = self.clock();
            since = since.min(now);
            if now + DAY < self.highest {
                self.highest = i64::MIN;
            }
            let recorded = self.ledger.values().map(|(id, at)| (id.as_str(), *at));
            let last = Last::of(recorded, instant(since), instant(now));
            if let Some(due) = self.case.schedule.due(last, instant(now)) {
                let at = due.at.as_second();
                if !self.ids.insert(due.id()) {
                    return Err(format!("`{}` was handled twice, the second time at {now}", due.id()));
                }
                if at > now || at <= self.highest {
                    return Err(format!("`{}` came out of order, after {}", due.id(), self.highest));
                }
                self.highest = at;
                self.instants.insert(at);
                self.ledger.insert(due.day(), (due.id(), due.at));
                self.life.handled += 1;
                self.life.late += u64::from(now - at > MINUTE);
                // Killed before, in or after the run: the record stands.
                if random.below(20) == 0 {
                    return Ok(());
                }
                self.true_time += random.below(3) * random.duration(3 * HOUR);
                continue;
            }
            self.nothing_is_missing(since, now)?;
            let next = self.case.schedule.next_after(instant(now)).map_or(i64::MAX, |it| it.at.as_second());
            let sleep = (next - now).min(end - self.true_time).min(next_set - self.true_time);
            self.true_time += sleep.max(1);
        }
        Ok(())
    }

    /// When the daemon finds nothing to do, the latest occurrence is handled, or a later one.
    fn nothing_is_missing(&self, since: i64, now: i64) -> Result<(), String> {
        let passed = self.case.instants.partition_point(|at| *at <= now);
        let Some(latest) = passed.checked_sub(1).map(|index| self.case.instants[index]) else {
            return Ok(());
        };
        let is_handled = self.instants.range(latest..=now + DAY).next().is_some();
        // Whoever never handled anything begins with the start of the process.
        let is_before_all = latest <= since && self.instants.range(..=now + DAY).next().is_none();
        if is_handled || is_before_all {
            return Ok(());
        }
        Err(format!("{} was not handled by {}", instant(latest), instant(now)))
    }
}

/// Steele, Lea and Flood's `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 1).cast_signed() % limit.max(1)
    }

    /// Short ones as often as long ones.
    fn duration(&mut self, longest: i64) -> i64 {
        let reach = longest >> self.below(8);
        1 + self.below(reach)
    }
}
