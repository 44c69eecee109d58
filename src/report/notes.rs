//! What goes beside the figures: what people did, what came late, what failed.

use std::collections::BTreeSet;

use jiff::ToSpan;

use super::{
    Overruled,
    figures::{Scene, what},
    words,
};
use crate::{
    group::{GroupId, Status},
    plan::{Ruling, RulingKind},
    state::{GroupRecord, RunRecord, Snapshot, Waiting},
    ticket::facts::Figures,
};

/// Most keys that a sentence names.
const NAMED: usize = 5;

/// Whether two figures of the same disputes differ in something.
type Differs = fn(&Figures, &Figures) -> bool;

/// Kinds of holds by which a run says what a person decided.
fn held_as(kind: &RulingKind) -> &'static [&'static str] {
    match kind {
        RulingKind::Closed => &["closed by a person", "decided by a person"],
        RulingKind::NotAGroup => &["decided by a person"],
        RulingKind::Together { .. } => &["merged by a person"],
        RulingKind::Apart { .. } => &[],
    }
}

impl<'a> Scene<'a> {
    /// Holds of the last run that a person caused, or has to end.
    pub(super) fn waiting_of(&self, run: Option<&'a RunRecord>) -> impl Iterator<Item = &'a Waiting> {
        run.into_iter().flat_map(|run| &run.waiting).filter(|one| self.group(&one.group).is_some())
    }

    /// What people decided about disputes and did not take back, latest first.
    pub(super) fn rulings(&self) -> Vec<&'a Ruling> {
        let all = self.history.known.rulings.values();
        let mut standing: Vec<&Ruling> =
            all.filter(|ruling| !ruling.lifted && self.group(&ruling.group).is_some()).collect();
        standing.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        standing
    }

    /// What holds because people did it, or until they do something; what is new first.
    pub(super) fn waiting(&self) -> Vec<Overruled> {
        self.held_by(false)
    }

    /// Where people overruled disputebot: what the last run held for it, and what they decided about disputes of groups
    /// that are open, or decided in this week.
    pub(super) fn overruled(&self) -> Vec<Overruled> {
        let held: BTreeSet<(&GroupId, &str)> = self
            .waiting_of(self.last)
            .filter(|one| one.overruled)
            .map(|one| (&one.group, one.kind.as_str()))
            .collect();
        let decided = self.rulings().into_iter().filter_map(|ruling| {
            let record = self.group(&ruling.group)?;
            let new = self.is_in_week(ruling.at);
            let said = held_as(&ruling.kind).iter().any(|kind| held.contains(&(&ruling.group, *kind)));
            let open = record.group.status == Status::Active;
            (!said && (open || new)).then(|| self.line(record, self.ruled(ruling), new))
        });
        let mut all: Vec<Overruled> = self.held_by(true).into_iter().chain(decided).collect();
        all.sort_by_key(|one| !one.new);
        all
    }

    fn held_by(&self, overruled: bool) -> Vec<Overruled> {
        let before: BTreeSet<(&GroupId, &str)> =
            self.waiting_of(self.last_before).map(|one| (&one.group, one.words.as_str())).collect();
        let mut all: Vec<Overruled> = self
            .waiting_of(self.last)
            .filter(|one| one.overruled == overruled)
            .filter_map(|one| {
                let new = !before.contains(&(&one.group, one.words.as_str()));
                Some(self.line(self.group(&one.group)?, words::held(&one.kind, &one.words), new))
            })
            .collect();
        all.sort_by_key(|one| !one.new);
        all
    }

    fn line(&self, record: &GroupRecord, words: String, new: bool) -> Overruled {
        Overruled {
            key: self.key(&record.group.id).to_string(),
            client: words::client(&record.group.client),
            what: what(record),
            words,
            new,
        }
    }

    /// What was decided, in words.
    fn ruled(&self, ruling: &Ruling) -> String {
        words::ruling(ruling, &|group| self.key(group).to_string())
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
        told.extend(self.revised());
        told
    }

    /// What the source changed of groups whose disputes stayed the same. Where disputes came or went as well, nothing is
    /// told: their figures changed for that.
    fn revised(&self) -> impl Iterator<Item = String> {
        let whats: [(&str, Differs); 4] = [
            ("amounts", |was, is| {
                was.exposed + was.recoverable != is.exposed + is.recoverable
                    || was.without_amount != is.without_amount
            }),
            ("statuses of the money (exposed or recoverable)", |was, is| {
                was.exposed + was.recoverable == is.exposed + is.recoverable && was.exposed != is.exposed
            }),
            ("units", |was, is| was.units != is.units),
            ("deadlines", |was, is| {
                (was.due, was.due_then, was.undated) != (is.due, is.due_then, is.undated)
            }),
        ];
        let same: Vec<(&GroupId, &Figures, &Figures)> = self
            .history
            .stood
            .iter()
            .filter_map(|(id, stood)| {
                let record = self.group(id).filter(|record| record.group.status == Status::Active)?;
                let same = record.group.members == stood.group.members
                    && record.figures.disputes == stood.figures.disputes;
                same.then_some((id, &stood.figures, &record.figures))
            })
            .collect();
        whats.into_iter().filter_map(move |(what, differs)| {
            let keys = self.keys(same.iter().filter(|(_, was, is)| differs(was, is)).map(|(id, _, _)| *id));
            let more = keys.len().saturating_sub(NAMED);
            let mut named: Vec<String> = keys.iter().take(NAMED).map(ToString::to_string).collect();
            if more > 0 {
                named.push(format!("{more} more"));
            }
            (!keys.is_empty()).then(|| {
                format!(
                    "The {what} of {} were changed at the source this week while their disputes stayed the same: {}.",
                    words::count(keys.len(), "root cause", "root causes"),
                    words::list(&named),
                )
            })
        })
    }

    pub(super) fn failed(&self) -> Vec<String> {
        self.runs
            .iter()
            .flat_map(|run| &run.failed)
            .filter(|(group, _, _)| self.client.is_none() || self.group(group).is_some())
            .map(|(group, kind, why)| format!("{}: {kind}: {}", self.key(group), words::foreign(why)))
            .collect()
    }
}
