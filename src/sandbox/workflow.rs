//! The workflows that a project may have: statuses, transitions and their screens.
//!
//! No two of them share a name, and only the category of a status says what it means: a client that goes by
//! names or ids finds out here.

use super::custom::{CustomField, FieldKind};
use super::site::{DONE, INDETERMINATE, NEW, Screen, Sheet, Status};
use super::world::Issue;

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
    /// Four statuses in English; done is three steps away, past a loop that leads back.
    Loops,
    /// Three statuses in English; transitions named "Done" lead nowhere, and the one to done is named otherwise.
    Decoy,
    /// Three statuses in German; the screen before done demands a resolution and the custom field
    /// `customfield_10099`, a choice that comes with it, and has two more fields.
    Asking,
    /// Three statuses in Japanese; the transition to done is there for assigned issues only.
    Conditional,
    /// Four statuses in English, two of them done: one without a screen, one whose screen has a resolution that may
    /// stay empty; and one transition from everywhere.
    TwoEnds,
}

/// A transition of a workflow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// Status ids that it starts from; all if there is none.
    from: &'static [&'static str],
    pub(crate) to: &'static Status,
    /// Its screen. A transition whose screen has no resolution clears it.
    sheet: Option<&'static Sheet>,
    /// It is there for assigned issues only.
    for_assigned: bool,
}

/// A screen that demands a resolution.
static RESOLVE: Sheet = Sheet { fields: &["resolution"], required: &["resolution"] };
/// A screen whose resolution may stay empty.
static MAY_RESOLVE: Sheet = Sheet { fields: &["resolution"], required: &[] };
static ASK: Sheet = Sheet {
    fields: &["resolution", "duedate", "assignee", CAUSE_FIELD],
    required: &["resolution", CAUSE_FIELD],
};
const CAUSE_FIELD: &str = "customfield_10099";

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

static TRIAGE: Status = Status { id: "10050", name: "Triage", category: &NEW };
static WITH_SUPPLIER: Status = Status { id: "10053", name: "Waiting for supplier", category: &INDETERMINATE };
static WITH_US: Status = Status { id: "10052", name: "Waiting for us", category: &INDETERMINATE };
static SETTLED: Status = Status { id: "10051", name: "Settled", category: &DONE };

static OPEN: Status = Status { id: "10062", name: "Open", category: &NEW };
static DOING: Status = Status { id: "10061", name: "Doing", category: &INDETERMINATE };
static FILED: Status = Status { id: "10060", name: "Filed away", category: &DONE };

static NEU: Status = Status { id: "10070", name: "Neu", category: &NEW };
static IN_KLAERUNG: Status = Status { id: "10072", name: "In Klärung", category: &INDETERMINATE };
static ABGESCHLOSSEN: Status = Status { id: "10071", name: "Abgeschlossen", category: &DONE };

static UKETSUKE: Status = Status { id: "10081", name: "受付", category: &NEW };
static TAIOCHU: Status = Status { id: "10082", name: "対応中", category: &INDETERMINATE };
static SHURYO: Status = Status { id: "10080", name: "終了", category: &DONE };

static RECEIVED: Status = Status { id: "10090", name: "Received", category: &NEW };
static CHECKING: Status = Status { id: "10093", name: "Checking", category: &INDETERMINATE };
static REJECTED: Status = Status { id: "10092", name: "Rejected", category: &DONE };
static PAID: Status = Status { id: "10091", name: "Paid", category: &DONE };

/// In the order of the board.
static STATUSES: [&[&Status]; 10] = [
    &[&TO_DO, &IN_PROGRESS, &IN_REVIEW, &CLOSED],
    &[&ZU_ERLEDIGEN, &IN_ARBEIT, &FERTIG],
    &[&MICHAKUSHU, &SHINKOCHU, &KANRYO],
    &[&OFFEN, &IN_PRUEFUNG, &GESCHLOSSEN],
    &[&EINGANG, &WARTET, &ABGELEGT],
    &[&TRIAGE, &WITH_SUPPLIER, &WITH_US, &SETTLED],
    &[&OPEN, &DOING, &FILED],
    &[&NEU, &IN_KLAERUNG, &ABGESCHLOSSEN],
    &[&UKETSUKE, &TAIOCHU, &SHURYO],
    &[&RECEIVED, &CHECKING, &REJECTED, &PAID],
];

static TRANSITIONS: [&[Transition]; 10] = [
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
    &[
        plain("201", "Ask the supplier", &["10050"], &WITH_SUPPLIER),
        plain("202", "Supplier answered", &["10053"], &WITH_US),
        plain("203", "Ask again", &["10052"], &WITH_SUPPLIER),
        plain("204", "Back to triage", &["10052", "10053"], &TRIAGE),
        plain("205", "Settle", &["10052"], &SETTLED),
        plain("206", "Reopen", &["10051"], &TRIAGE),
    ],
    &[
        plain("301", "Done", &["10062"], &OPEN),
        plain("302", "Done", &["10061"], &DOING),
        plain("303", "Take up", &["10062"], &DOING),
        plain("304", "File away", &["10061"], &FILED),
        plain("305", "Take out again", &["10060"], &OPEN),
    ],
    &[
        plain("401", "Klären", &["10070"], &IN_KLAERUNG),
        Transition { sheet: Some(&ASK), ..plain("402", "Abschließen", &["10072"], &ABGESCHLOSSEN) },
        plain("403", "Wieder aufnehmen", &["10071"], &NEU),
    ],
    &[
        plain("501", "着手", &["10081"], &TAIOCHU),
        Transition { for_assigned: true, ..plain("502", "終了する", &["10081", "10082"], &SHURYO) },
        plain("503", "戻す", &["10080"], &UKETSUKE),
    ],
    &[
        plain("601", "Check", &["10090"], &CHECKING),
        plain("602", "Reject", &["10090", "10093"], &REJECTED),
        Transition { sheet: Some(&MAY_RESOLVE), ..plain("603", "Pay", &["10093"], &PAID) },
        plain("604", "Take up again", &[], &RECEIVED),
    ],
];

const fn plain(
    id: &'static str,
    name: &'static str,
    from: &'static [&'static str],
    to: &'static Status,
) -> Transition {
    Transition { id, name, from, to, sheet: None, for_assigned: false }
}

const fn asking(
    id: &'static str,
    name: &'static str,
    from: &'static [&'static str],
    to: &'static Status,
) -> Transition {
    Transition { sheet: Some(&RESOLVE), ..plain(id, name, from, to) }
}

impl Workflow {
    /// All shapes.
    pub const ALL: [Self; 10] = [
        Self::Standard,
        Self::Plain,
        Self::Demanding,
        Self::TwoSteps,
        Self::DeadEnd,
        Self::Loops,
        Self::Decoy,
        Self::Asking,
        Self::Conditional,
        Self::TwoEnds,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Plain => "plain",
            Self::Demanding => "demanding",
            Self::TwoSteps => "two-steps",
            Self::DeadEnd => "dead-end",
            Self::Loops => "loops",
            Self::Decoy => "decoy",
            Self::Asking => "asking",
            Self::Conditional => "conditional",
            Self::TwoEnds => "two-ends",
        }
    }

    /// The fields that its screens have beside those of every project.
    pub(crate) fn fields(self) -> Vec<CustomField> {
        if self != Self::Asking {
            return Vec::new();
        }
        let options = ["Daten", "Vertrag", "Unbekannt"].map(str::to_owned).to_vec();
        vec![CustomField {
            id: CAUSE_FIELD.to_owned(),
            name: "Ursache".to_owned(),
            kind: FieldKind::Select(options),
        }]
    }

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
        TRANSITIONS[self as usize]
            .iter()
            .filter(move |transition| transition.from.is_empty() || transition.from.contains(&id))
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
        self.sheet.map_or(Screen::None, Screen::Transition)
    }

    pub(crate) fn is_global(&self) -> bool {
        self.from.is_empty()
    }

    pub(crate) fn is_conditional(&self) -> bool {
        self.for_assigned
    }

    /// Whether its condition holds for an issue.
    pub(crate) fn is_open_to(&self, issue: &Issue) -> bool {
        !self.for_assigned || issue.fields.assignee.is_some()
    }
}

/// The place of a status among all, for ordering.
pub(crate) fn place(status: &Status) -> Option<usize> {
    STATUSES.iter().flat_map(|statuses| statuses.iter()).position(|found| *found == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_transitions_of_a_workflow_belong_together() {
        for (position, workflow) in Workflow::ALL.into_iter().enumerate() {
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
