//! What searches see of the issues: all at once, only as they were a while ago, or as of the last refresh; and
//! not every time what they saw before.
//!
//! Only searches and counts come here. Reads by id or key, comments and properties go to the world itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::chance::Chance;
use super::world::Issue;

/// How far searches are behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Index {
    /// Every search sees every issue as it is.
    #[default]
    Immediate,
    /// A search sees each issue as it was this long ago, by the sandbox's clock.
    Behind(Duration),
    /// A search sees what there was when the index froze or was last refreshed.
    Frozen,
}

/// All issues by id. It remembers which were touched, so that none can change behind the index's back.
#[derive(Default)]
pub(crate) struct Issues {
    by_id: BTreeMap<u64, Issue>,
    touched: BTreeSet<u64>,
}

/// What searches see.
#[derive(Default)]
pub(crate) struct Shown {
    kind: Index,
    /// States of each issue from some time on, oldest first, `None` while there is no such issue. The first is
    /// what the index shows at least; empty while the index is immediate.
    states: BTreeMap<u64, Vec<State>>,
    flicker: Option<Flicker>,
}

/// What an issue was from a time on.
type State = (Timestamp, Option<Arc<Issue>>);

/// An index that forgets for the length of one search.
struct Flicker {
    chance: Chance,
    percent: u8,
    /// Ids that a search has given; others cannot be forgotten.
    given: BTreeSet<u64>,
}

impl Issues {
    pub(crate) fn get(&self, id: u64) -> Option<&Issue> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Issue> {
        let found = self.by_id.get_mut(&id);
        if found.is_some() {
            self.touched.insert(id);
        }
        found
    }

    pub(crate) fn insert(&mut self, issue: Issue) {
        self.touched.insert(issue.id);
        self.by_id.insert(issue.id, issue);
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.touched.insert(id);
        self.by_id.remove(&id);
    }

    /// By rising id.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Issue> {
        self.by_id.values()
    }
}

impl Shown {
    /// Changes the kind. What there is at that moment is shown; what comes later is late.
    pub(crate) fn set(&mut self, kind: Index, issues: &Issues) {
        self.kind = kind;
        self.states = match kind {
            Index::Immediate => BTreeMap::new(),
            Index::Behind(_) | Index::Frozen => {
                issues.values().map(|issue| (issue.id, first(issue))).collect()
            }
        };
    }

    /// Shows everything as it is now, and is late again for what comes later.
    pub(crate) fn refresh(&mut self, issues: &Issues) {
        self.set(self.kind, issues);
    }

    /// From now on a search may leave out what an earlier one gave, each with this chance; 0 ends it.
    pub(crate) fn flicker(&mut self, seed: u64, percent: u8) {
        self.flicker =
            (percent > 0).then(|| Flicker { chance: Chance::new(seed), percent, given: BTreeSet::new() });
    }

    /// Takes in what changed since the last time.
    pub(crate) fn note(&mut self, issues: &mut Issues, now: Timestamp) {
        let touched = std::mem::take(&mut issues.touched);
        if self.kind == Index::Immediate {
            return;
        }
        for id in touched {
            let states = self.states.entry(id).or_insert_with(|| vec![(Timestamp::MIN, None)]);
            states.push((now, issues.get(id).cloned().map(Arc::new)));
            // What no search can see any more needs no room.
            let seen = position(self.kind, states, now);
            states.drain(..seen);
        }
    }

    /// The issues that the search now beginning may forget.
    pub(crate) fn forgotten(&mut self) -> BTreeSet<u64> {
        let Some(Flicker { chance, percent, given }) = &mut self.flicker else { return BTreeSet::new() };
        given.iter().copied().filter(|_| chance.percent(*percent)).collect()
    }

    /// Remembers what a search gave.
    pub(crate) fn gave(&mut self, ids: impl Iterator<Item = u64>) {
        if let Some(flicker) = &mut self.flicker {
            flicker.given.extend(ids);
        }
    }

    /// What a search has to choose from. `reconciled` issues are as they are.
    pub(crate) fn candidates<'a>(
        &'a self,
        issues: &'a Issues,
        now: Timestamp,
        reconciled: &BTreeSet<u64>,
        forgotten: &BTreeSet<u64>,
    ) -> Vec<&'a Issue> {
        let remembered = |id: &u64| !reconciled.contains(id) && !forgotten.contains(id);
        let strong = issues.values().filter(|issue| reconciled.contains(&issue.id));
        if self.kind == Index::Immediate {
            return strong.chain(issues.values().filter(|issue| remembered(&issue.id))).collect();
        }
        let late = self.states.iter().filter(|(id, _)| remembered(id)).filter_map(|(_, states)| {
            states.get(position(self.kind, states, now)).and_then(|(_, issue)| issue.as_deref())
        });
        strong.chain(late).collect()
    }
}

fn first(issue: &Issue) -> Vec<State> {
    vec![(Timestamp::MIN, Some(Arc::new(issue.clone())))]
}

/// Which of the states of an issue a search sees now.
fn position(kind: Index, states: &[State], now: Timestamp) -> usize {
    match kind {
        Index::Immediate => states.len() - 1,
        Index::Frozen => 0,
        Index::Behind(lag) => {
            let lag = SignedDuration::try_from(lag).unwrap_or(SignedDuration::MAX);
            let limit = now.checked_sub(lag).unwrap_or(Timestamp::MIN);
            states.iter().rposition(|(since, _)| *since <= limit).unwrap_or(0)
        }
    }
}
