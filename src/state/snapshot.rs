//! What a run saw of the open disputes, in sums: what reports show of a week without reading disputes again.
//!
//! Kept per client, so that a client's report is made of that client's sums alone.

use std::{collections::BTreeMap, ops::AddAssign, sync::Arc};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    group::{GroupId, exact},
    ticket::facts::Figures,
};

/// Name of what has no value in a breakdown.
pub const UNKNOWN: &str = "unknown";

/// The open disputes of one client in one run, in sums.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// By program.
    pub programs: BTreeMap<String, Figures>,
    /// By band of age.
    pub ageing: BTreeMap<String, usize>,
    /// By state; [`UNKNOWN`] where a dispute names none.
    pub states: BTreeMap<String, Sum>,
    /// By type of the 340B covered entity; [`UNKNOWN`] where a dispute names none.
    pub entities: BTreeMap<String, Sum>,
    /// Disputes opened in each of the last weeks, by its Monday.
    pub opened: BTreeMap<Date, usize>,
    /// Deadlines that are near or past.
    pub due: Vec<Due>,
    /// Disputes in groups.
    pub grouped: usize,
    /// Disputes without significant company.
    pub ungrouped: usize,
    /// How well the rules of the groups fit.
    pub rules: RuleFit,
    /// How the disputes in groups would lie in heaps by reason code alone.
    pub by_code: ByCode,
    /// Disputes by reason code, one with several under each; [`UNKNOWN`] where a dispute has none. None in records of
    /// earlier builds, as of likely causes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<String, usize>,
    /// Disputes in groups by likely cause.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub causes: BTreeMap<String, usize>,
}

/// Open disputes of one group by what reports break them down by, in the names of [`Snapshot`]. It is kept with the
/// group, so that each number of a breakdown leads to tickets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spread {
    /// By state.
    #[serde(deserialize_with = "exact::counts", skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<(Arc<str>, u32)>,
    /// By type of the covered entity.
    #[serde(deserialize_with = "exact::counts", skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<(Arc<str>, u32)>,
    /// By the day on which they were opened; one that names none is missing here.
    #[serde(deserialize_with = "exact::list", skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<(Date, u32)>,
    /// Why they belong together; none in records of earlier builds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
}

/// How well the rule of a group fits it, and what else a page explains it by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fit {
    /// Open disputes of the client and program that fit the rule.
    pub matching: u32,
    /// Of these, those that are in the group.
    pub found: u32,
    /// What differs among its disputes, in words; empty where nothing does.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub varying: Box<str>,
    /// The nearest other group of the client and program; none where there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<GroupId>,
}

/// Bands of age in days, each up to its number; the names sort in order. The last is for no day.
pub const AGE_BANDS: [(i32, &str); 5] = [
    (30, "0 to 30 days"),
    (60, "31 to 60 days"),
    (90, "61 to 90 days"),
    (i32::MAX, "over 90 days"),
    (i32::MAX, "unknown age"),
];

/// The band of an age.
pub fn age_band(days: Option<i32>) -> &'static str {
    match days {
        None => AGE_BANDS[4].1,
        Some(days) => {
            AGE_BANDS.iter().find(|(limit, _)| days <= *limit).map_or(AGE_BANDS[3].1, |(_, name)| name)
        }
    }
}

/// Disputes and money under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sum {
    /// Disputes.
    pub disputes: usize,
    /// Money not paid while in dispute (US dollars).
    pub exposed: Decimal,
    /// Money already paid that can be had back (US dollars).
    pub recoverable: Decimal,
}

/// What is due on one day in one program. Which groups it is of they say themselves ([`GroupRecord::due`]).
///
/// [`GroupRecord::due`]: super::GroupRecord::due
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The day.
    pub day: Date,
    /// The program.
    pub program: String,
    /// What is at stake.
    pub sum: Sum,
    /// Disputes among them that are in no group.
    pub alone: usize,
}

/// Rules and members, counted over all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleFit {
    /// Open disputes that fit the rule of a group.
    pub matching: usize,
    /// Of these, those that are in the group.
    pub found: usize,
    /// Disputes in groups with a rule.
    pub members: usize,
}

/// Heaps by program and reason codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ByCode {
    /// Heaps.
    pub heaps: usize,
    /// Disputes that lie with the largest group of their heap.
    pub with_largest: usize,
    /// Disputes in all heaps.
    pub disputes: usize,
    /// How well the reason codes of a group's largest part would do as its rule; nothing in records of earlier builds.
    #[serde(default)]
    pub best: RuleFit,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        let Self { disputes, exposed, recoverable } = other;
        self.disputes += disputes;
        self.exposed += exposed;
        self.recoverable += recoverable;
    }
}

impl AddAssign for RuleFit {
    fn add_assign(&mut self, other: Self) {
        let Self { matching, found, members } = other;
        self.matching += matching;
        self.found += found;
        self.members += members;
    }
}

impl AddAssign for ByCode {
    fn add_assign(&mut self, other: Self) {
        let Self { heaps, with_largest, disputes, best } = other;
        self.best += best;
        self.heaps += heaps;
        self.with_largest += with_largest;
        self.disputes += disputes;
    }
}

impl AddAssign<&Self> for Snapshot {
    fn add_assign(&mut self, other: &Self) {
        let Self {
            programs,
            ageing,
            states,
            entities,
            opened,
            due,
            grouped,
            ungrouped,
            rules,
            by_code,
            codes,
            causes,
        } = other;
        for (name, figures) in programs {
            self.programs.entry(name.clone()).or_default().join(figures);
        }
        let counts = [(&mut self.ageing, ageing), (&mut self.codes, codes), (&mut self.causes, causes)];
        for (mine, theirs) in counts {
            for (name, count) in theirs {
                *mine.entry(name.clone()).or_default() += count;
            }
        }
        for (mine, theirs) in [(&mut self.states, states), (&mut self.entities, entities)] {
            for (name, sum) in theirs {
                *mine.entry(name.clone()).or_default() += *sum;
            }
        }
        for (monday, count) in opened {
            *self.opened.entry(*monday).or_default() += count;
        }
        self.due.extend(due.iter().cloned());
        self.grouped += grouped;
        self.ungrouped += ungrouped;
        self.rules += *rules;
        self.by_code += *by_code;
    }
}
