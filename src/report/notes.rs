//! What goes beside the figures: what people did, what came late, what failed.

use std::collections::BTreeSet;

use jiff::ToSpan;

use super::{
    Overruled,
    figures::{Scene, what},
    words,
};
use crate::{
    group::GroupId,
    state::{RunRecord, Snapshot, Waiting},
};

/// Most lines of what people did.
const PEOPLE: usize = 40;

impl<'a> Scene<'a> {
    /// Holds of the last run that a person caused, or has to end.
    pub(super) fn waiting_of(&self, run: Option<&'a RunRecord>) -> impl Iterator<Item = &'a Waiting> {
        run.into_iter().flat_map(|run| &run.waiting).filter(|one| self.group(&one.group).is_some())
    }

    pub(super) fn people(&self, overruled: bool) -> Vec<Overruled> {
        let before: BTreeSet<(&GroupId, &str)> =
            self.waiting_of(self.last_before).map(|one| (&one.group, one.words.as_str())).collect();
        self.waiting_of(self.last)
            .filter(|one| one.overruled == overruled)
            .take(PEOPLE)
            .map(|one| {
                let record = self.group(&one.group);
                Overruled {
                    key: self.key(&one.group),
                    client: record
                        .map(|record| words::open(&record.group.client).to_owned())
                        .unwrap_or_default(),
                    what: record.map(what).unwrap_or_default(),
                    words: words::open(&one.words).to_owned(),
                    new: !before.contains(&(&one.group, one.words.as_str())),
                }
            })
            .collect()
    }

    /// What is known now of earlier weeks that was not known then. A dispute that was settled in between hides one
    /// that came late, so the numbers are the least that it can be.
    pub(super) fn corrections(&self, now: &Snapshot, before: &Snapshot) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(run) = self.last_before {
            let known_until = run.at.to_zoned_datetime(self.zone.clone()).date();
            let late: usize = now
                .opened
                .iter()
                .filter(|(monday, _)| monday.saturating_add(7.days()) <= known_until)
                .map(|(monday, count)| {
                    // Weeks that the earlier run did not count tell nothing.
                    before.opened.get(monday).map_or(0, |known| count.saturating_sub(*known))
                })
                .sum();
            if late > 0 {
                told.push(format!(
                    "At least {} opened before {known_until} came in only this week; earlier reports did not count them.",
                    words::count(late, "dispute that was", "disputes that were"),
                ));
            }
            let rejected = |run: &RunRecord| usize::try_from(run.rows.rejected).unwrap_or(usize::MAX);
            if let Some(last) = self.last.filter(|_| self.client.is_none())
                && rejected(run) > rejected(last)
            {
                told.push(format!(
                    "{} could not be read at the end of the week before; now it is {}.",
                    words::count(rejected(run), "row", "rows"),
                    rejected(last),
                ));
            }
        }
        if let Some(last) = self.last.filter(|_| self.client.is_none())
            && last.rows.superseded > 0
        {
            let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
            let (same, different) = last.shared;
            let by_files = last.rows.superseded.saturating_sub(same + different);
            if by_files > 0 {
                let rows = words::count(count(by_files), "row is", "rows are");
                told.push(format!("{rows} replaced by a later file."));
            }
            if same + different > 0 {
                told.push(format!(
                    "{} in more than one source, {different} of them with other contents; the later source counts.",
                    words::count(count(same + different), "dispute is", "disputes are"),
                ));
            }
        }
        told
    }

    pub(super) fn failed(&self) -> Vec<String> {
        self.runs
            .iter()
            .flat_map(|run| &run.failed)
            .filter(|(group, _, _)| self.client.is_none() || self.group(group).is_some())
            .take(PEOPLE)
            .map(|(group, kind, why)| format!("{}: {kind}: {}", self.key(group), words::open(why)))
            .collect()
    }
}
