//! The workflows that a project may have: statuses, transitions and their screens.
//!
//! No two of them share a name, and only the category of a status says what it means: a client that goes by
//! names or ids finds out here.

use super::site::{DONE, INDETERMINATE, NEW, Screen, Status};

/// A shape of workflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Workflow {
    /// Four statuses in English; closing asks for a resolution, from everywhere.
    #[default]
    Standard,
    /// Three statuses in German and no screen: done leaves the resolution empty.
    Plain,
    /// Three statuses in Japanese; done demands a resolution, and two transitions share a name.
    Demanding,
    /// Three statuses in German; done is two steps away, the second with a screen that demands a resolution.
    TwoSteps,
    /// Three statuses in German; nothing leads to the one that is done.
    DeadEnd,
}

/// A transition of a workflow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Status ids that it starts from.
    from: &'static [&'static str],
    pub(crate) to: &'static Status,
    /// Whether it has a screen that asks for a resolution. Any other transition clears the resolution.
    asks_resolution: bool,
}

static TO_DO: Status = Status { id: "10000", name: "To Do", category: &NEW };
static IN_PROGRESS: Status = Status { id: "3", name: "In Progress", category: &INDETERMINATE };
static IN_REVIEW: Status = Status { id: "10002", name: "In Review", category: &INDETERMINATE };
static CLOSED: Status = Status { id: "10001", name: "Done", category: &DONE };

static ZU_ERLEDIGEN: Status = Status { id: "10012", name: "Zu erledigen", category: &NEW };
static IN_ARBEIT: Status = Status { id: "10010", name: "In Arbeit", category: &INDETERMINATE };
static FERTIG: Status = Status { id: "10011", name: "Fertig", category: &DONE };

static MICHAKUSHU: Status = Status { id: "10021", name: "未着手", category: &NEW };
static SHINKOCHU: Status = Status { id: "10020", name: "進行中", category: &INDETERMINATE };
static KANRYO: Status = Status { id: "10022", name: "完了", category: &DONE };

static OFFEN: Status = Status { id: "10031", name: "Offen", category: &NEW };
static IN_PRUEFUNG: Status = Status { id: "10032", name: "In Prüfung", category: &INDETERMINATE };
static GESCHLOSSEN: Status = Status { id: "10030", name: "Geschlossen", category: &DONE };

static EINGANG: Status = Status { id: "10041", name: "Eingang", category: &NEW };
static WARTET: Status = Status { id: "10040", name: "Wartet", category: &INDETERMINATE };
static ABGELEGT: Status = Status { id: "10042", name: "Abgelegt", category: &DONE };

/// In the order of the board.
static STATUSES: [&[&Status]; 5] = [
    &[&TO_DO, &IN_PROGRESS, &IN_REVIEW, &CLOSED],
    &[&ZU_ERLEDIGEN, &IN_ARBEIT, &FERTIG],
    &[&MICHAKUSHU, &SHINKOCHU, &KANRYO],
    &[&OFFEN, &IN_PRUEFUNG, &GESCHLOSSEN],
    &[&EINGANG, &WARTET, &ABGELEGT],
];

static TRANSITIONS: [&[Transition]; 5] = [
    &[
        plain("11", "Start work", &["10000"], &IN_PROGRESS),
        plain("21", "Stop work", &["3"], &TO_DO),
        plain("31", "Ask for review", &["3"], &IN_REVIEW),
        plain("41", "Send back", &["10002"], &IN_PROGRESS),
        asking("51", "Close", &["10000", "3", "10002"], &CLOSED),
        plain("61", "Reopen", &["10001"], &TO_DO),
    ],
    &[
        plain("31", "Arbeit beginnen", &["10012"], &IN_ARBEIT),
        plain("21", "Erledigen", &["10012", "10010"], &FERTIG),
        plain("11", "Wieder öffnen", &["10011"], &ZU_ERLEDIGEN),
    ],
    &[
        plain("4", "移動", &["10021"], &SHINKOCHU),
        asking("5", "移動", &["10021", "10020"], &KANRYO),
        plain("6", "再開", &["10022"], &MICHAKUSHU),
    ],
    &[
        plain("71", "Prüfen", &["10031"], &IN_PRUEFUNG),
        plain("81", "Zurückgeben", &["10032"], &OFFEN),
        asking("91", "Schließen", &["10032"], &GESCHLOSSEN),
        plain("101", "Erneut prüfen", &["10030"], &IN_PRUEFUNG),
    ],
    &[
        plain("111", "Warten", &["10041"], &WARTET),
        plain("121", "Weiter", &["10040"], &EINGANG),
        plain("131", "Zurückholen", &["10042"], &EINGANG),
    ],
];

const fn plain(
    id: &'static str,
    name: &'static str,
    from: &'static [&'static str],
    to: &'static Status,
) -> Transition {
    Transition { id, name, from, to, asks_resolution: false }
}

const fn asking(
    id: &'static str,
    name: &'static str,
    from: &'static [&'static str],
    to: &'static Status,
) -> Transition {
    Transition { asks_resolution: true, ..plain(id, name, from, to) }
}

impl Workflow {
    /// Its statuses in the order of the board.
    pub(crate) fn statuses(self) -> &'static [&'static Status] {
        STATUSES[self as usize]
    }

    /// Where a new issue starts.
    pub(crate) fn first(self) -> &'static Status {
        self.statuses()[0]
    }

    /// Where a closed issue ends.
    pub(crate) fn last(self) -> &'static Status {
        self.statuses()[self.statuses().len() - 1]
    }

    /// The transitions that start from a status.
    pub(crate) fn transitions_from(self, status: &Status) -> impl Iterator<Item = &'static Transition> {
        let id = status.id;
        TRANSITIONS[self as usize].iter().filter(move |transition| transition.from.contains(&id))
    }

    /// The status of an issue that came from another workflow: its own if it is here, else the first of the same
    /// category, else the first.
    pub(crate) fn home_of(self, status: &'static Status) -> &'static Status {
        let statuses = self.statuses();
        statuses
            .iter()
            .find(|own| **own == status)
            .or_else(|| statuses.iter().find(|own| own.category == status.category))
            .map_or(self.first(), |own| *own)
    }
}

impl Transition {
    pub(crate) fn screen(&self) -> Screen {
        if self.asks_resolution { Screen::Resolve } else { Screen::None }
    }
}

/// The place of a status among all, for ordering.
pub(crate) fn place(status: &Status) -> Option<usize> {
    STATUSES.iter().flat_map(|statuses| statuses.iter()).position(|found| *found == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Workflow; 5] =
        [Workflow::Standard, Workflow::Plain, Workflow::Demanding, Workflow::TwoSteps, Workflow::DeadEnd];

    #[test]
    fn statuses_and_transitions_of_a_workflow_belong_together() {
        for (position, workflow) in ALL.into_iter().enumerate() {
            assert_eq!(workflow as usize, position);
            let statuses = workflow.statuses();
            assert_eq!((workflow.first().category, workflow.last().category), (&NEW, &DONE));
            for transition in TRANSITIONS[position] {
                assert!(statuses.contains(&transition.to), "{transition:?}");
                for from in transition.from {
                    assert!(statuses.iter().any(|status| status.id == *from), "{transition:?}");
                }
            }
        }
    }

    #[test]
    fn no_two_workflows_share_a_status() {
        let mut ids: Vec<&str> =
            STATUSES.iter().flat_map(|found| found.iter().map(|status| status.id)).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
