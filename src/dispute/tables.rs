//! What the field knows and code must not: programs, reason codes, states, 340B types, units, deadlines with their
//! anchors and holidays, root causes, layouts of files.
//!
//! Ten tab-separated texts. The built-in ones come from `config/`; each can be replaced by a file with the same
//! header. Reading is strict: a wrong cell is an error with its table, line and column.

use jiff::civil::Date;

use super::clock::{Anchor, AnchorDay, Holiday, Roll, Silence, Term};
use super::layout::{self, LayoutRow};
use super::{DisputedMoney, Program, Quarter, UnitType};

/// The tables, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// What holds for a program as a whole.
    pub programs: Vec<ProgramRules>,
    /// Reason codes of every list, old lists included.
    pub reason_codes: Vec<ReasonCode>,
    /// States, territories and what else stands in state columns.
    pub states: Vec<State>,
    /// 340B id prefixes.
    pub covered_entity_types: Vec<CoveredEntityType>,
    /// Unit types and the qualifiers of claims.
    pub unit_types: Vec<UnitCode>,
    /// Deadlines with the event that starts the clock.
    pub deadlines: Vec<Deadline>,
    /// The events that start clocks.
    pub anchors: Vec<Anchor>,
    /// Days without business beside weekends.
    pub holidays: Vec<Holiday>,
    /// Known root causes with their playbook.
    pub root_causes: Vec<RootCause>,
    /// Layouts of files, one statement a row.
    pub layouts: Vec<LayoutRow>,
}

/// What holds for a program as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramRules {
    /// The program.
    pub program: Program,
    /// Whether money in dispute is withheld or paid.
    pub disputed_money: DisputedMoney,
    /// How sure the entry is.
    pub confidence: String,
    /// Where it was published.
    pub source: String,
}

/// One reason code of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCode {
    /// The program that uses the list.
    pub program: Program,
    /// The list. One code means different things in different lists.
    pub list: String,
    /// The code as printed in the list.
    pub code: String,
    /// What it says.
    pub description: String,
    /// What the code is for.
    pub kind: CodeKind,
    /// Whether documents must go with it.
    pub documentation: Documentation,
    /// From when or until when the list holds, in words.
    pub effective: String,
    /// The first day on which the list is used; `None`: ever since.
    pub from: Option<Date>,
    /// The last day on which the list is used; `None`: still in use.
    pub until: Option<Date>,
    /// How sure the entry is.
    pub confidence: String,
    /// Where it was published.
    pub source: String,
}

impl ReasonCode {
    /// Whether the list is still in use.
    pub fn is_current(&self) -> bool {
        self.until.is_none()
    }

    /// Whether the list was in use on a day.
    pub fn is_of(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    /// Whether a dispute that has `code` may mean this row: the lists before 2011 had one set of letters for
    /// adjustments and one for disputes, and a dispute does not say from which of the two its letter is.
    fn may_be(&self, code: &str) -> bool {
        let letter = self.code.strip_prefix("adj-").or_else(|| self.code.strip_prefix("disp-"));
        letter.unwrap_or(&self.code).eq_ignore_ascii_case(code)
    }
}

/// What a reason code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeKind {
    /// Corrects an invoice; nothing is disputed.
    Adjustment,
    /// Disputes units or money.
    Dispute,
    /// Used both ways.
    Either,
    /// A file or line was refused by an edit.
    Rejection,
    /// The kind of a transaction.
    Transaction,
    /// The outcome of a validation test.
    Test,
    /// A complaint of a covered entity.
    Complaint,
    /// A good faith inquiry.
    Inquiry,
}

impl CodeKind {
    pub(super) const NAMES: [(&'static str, Self); 8] = [
        ("adjustment", Self::Adjustment),
        ("dispute", Self::Dispute),
        ("either", Self::Either),
        ("rejection", Self::Rejection),
        ("transaction", Self::Transaction),
        ("test", Self::Test),
        ("complaint", Self::Complaint),
        ("inquiry", Self::Inquiry),
    ];
}

/// Whether documents must go with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Documentation {
    /// Yes, any that support it.
    Needed,
    /// No.
    NotNeeded,
    /// The published list does not say.
    Unknown,
    /// The code is never sent by a disputing party.
    NotApplicable,
    /// In the words of the list: which documents, or on what it depends.
    Described(String),
}

impl Documentation {
    pub(super) fn from_text(text: &str) -> Self {
        match text {
            "yes" => Self::Needed,
            "no" => Self::NotNeeded,
            "?" | "" => Self::Unknown,
            "n/a" => Self::NotApplicable,
            other => Self::Described(other.to_owned()),
        }
    }
}

/// One value of a state column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Two letters.
    pub code: String,
    /// State, territory, freely associated state or national total.
    pub kind: String,
    /// Whether a dispute can be with it.
    pub usage: StateUse,
    /// Where it was published.
    pub source: String,
}

/// Whether a dispute can be with a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateUse {
    /// Yes.
    Allowed,
    /// Possible, but several territories hold waivers.
    Territory,
    /// Stands in addresses only.
    AddressOnly,
    /// The total over all states: not a state.
    NationalTotal,
}

/// One 340B id prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredEntityType {
    /// The letters and digits with which ids of this type start.
    pub prefix: String,
    /// What the type is.
    pub meaning: String,
    /// `hospital`, `grantee` or `legacy`.
    pub family: String,
    /// Where it was published.
    pub source: String,
}

/// One unit type, or one qualifier of claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitCode {
    /// The code as claims and invoices write it.
    pub code: String,
    /// What it is.
    pub meaning: String,
    /// What holds for quantities in it.
    pub rule: String,
    /// The CMS unit type. `None`: a known code that fits no one type, and is never guessed.
    pub unit_type: Option<UnitType>,
    /// Where it was published.
    pub source: String,
}

/// One deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// The program; `None` for events outside the programs (wholesaler chargebacks).
    pub program: Option<Program>,
    /// The program, state or process that sets it, such as `MDRP Montana`.
    pub rule_set: String,
    /// What must happen.
    pub event: String,
    /// How long it may take, in the words of the rule; for published dates the date itself.
    pub limit: Option<String>,
    /// The event that starts the clock, in the words of the rule. `None`: unknown, and never guessed.
    pub clock_starts: Option<String>,
    /// The name of that event in the table of anchors.
    pub anchor: Option<String>,
    /// How long the clock runs, where that is a number of days, months or years, or a published day.
    pub term: Option<Term>,
    /// What becomes of the day where there is no business on it.
    pub roll: Roll,
    /// What happens by itself when the day passes.
    pub on_silence: Option<Silence>,
    /// The quarter that it is for, where it is for one only.
    pub quarter: Option<Quarter>,
    /// Who must act.
    pub owner: Option<String>,
    /// How days are counted.
    pub day_kind: Option<DayKind>,
    /// How sure the entry is.
    pub confidence: String,
    /// Where it was published.
    pub source: String,
}

/// How the days of a deadline are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayKind {
    /// Every day counts.
    Calendar,
    /// Only business days count.
    Business,
    /// The contract says.
    Contract,
    /// The dates themselves are published.
    Published,
}

impl DayKind {
    pub(super) const NAMES: [(&'static str, Self); 4] = [
        ("calendar", Self::Calendar),
        ("business", Self::Business),
        ("contract", Self::Contract),
        ("published dates", Self::Published),
    ];
}

/// One known root cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCause {
    /// Number in the table; stable.
    pub id: u16,
    /// The cause in a few words.
    pub cause: String,
    /// The programs in which it is seen; empty for causes outside the programs (group purchasing).
    pub programs: Vec<Program>,
    /// Reason codes under which it usually shows. A hint: one code has several causes.
    pub usual_codes: Vec<String>,
    /// Who must fix it.
    pub who_must_fix: String,
    /// What all its disputes share.
    pub shared: String,
    /// What differs between its disputes.
    pub varies: String,
    /// What quantities or amounts look like.
    pub signature: String,
    /// Phrases that notes may hold.
    pub phrases: Vec<String>,
    /// The next step of the playbook.
    pub next_step: String,
    /// How grouping goes wrong here.
    pub hazard: String,
    /// Where it was published.
    pub source: String,
}

impl Tables {
    /// Where the tables do not fit each other, in words; nothing where they do.
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        for program in Program::ALL {
            let rows = self.programs.iter().filter(|rules| rules.program == program).count();
            if rows != 1 {
                found.push(format!(
                    "program `{program}` has {rows} rows in the table of programs, expected 1"
                ));
            }
        }
        for (place, code) in self.reason_codes.iter().enumerate() {
            if self.reason_codes[..place].iter().any(|c| (&c.list, &c.code) == (&code.list, &code.code)) {
                found.push(format!("code `{}` stands twice in the list `{}`", code.code, code.list));
            }
            if let (Some(from), Some(until)) = (code.from, code.until)
                && until < from
            {
                found.push(format!("code `{}` of `{}` ends before it begins", code.code, code.list));
            }
        }
        for cause in &self.root_causes {
            for code in &cause.usual_codes {
                let is_known = self
                    .reason_codes
                    .iter()
                    .any(|row| row.code == *code && cause.programs.contains(&row.program));
                if !is_known {
                    found.push(format!(
                        "code `{code}` of the root cause {} is in no list of its programs",
                        cause.id
                    ));
                }
            }
            if self.root_causes.iter().filter(|other| other.id == cause.id).count() > 1 {
                found.push(format!("the root cause {} stands twice", cause.id));
            }
        }
        for deadline in &self.deadlines {
            found.extend(self.contradiction_of(deadline));
        }
        for anchor in &self.anchors {
            if self.anchors.iter().filter(|other| other.name == anchor.name).count() > 1 {
                found.push(format!("the anchor `{}` stands twice", anchor.name));
            }
            if !self.deadlines.iter().any(|deadline| deadline.anchor.as_ref() == Some(&anchor.name)) {
                found.push(format!("no deadline starts with the anchor `{}`", anchor.name));
            }
        }
        found.extend(layout::contradictions(&self.layouts));
        found
    }

    fn contradiction_of(&self, deadline: &Deadline) -> Option<String> {
        let what = format!("deadline `{}` of `{}`", deadline.event, deadline.rule_set);
        let anchor = match &deadline.anchor {
            None if deadline.term.is_none() => return None,
            None => return Some(format!("{what} has a term but no anchor")),
            Some(name) => self.anchors.iter().find(|anchor| anchor.name == *name),
        };
        let Some(anchor) = anchor else {
            return Some(format!("{what} starts with an anchor that is not in the table of anchors"));
        };
        let is_business = matches!(deadline.term, Some(Term::BusinessDays(_)));
        if is_business != (deadline.day_kind == Some(DayKind::Business)) {
            return Some(format!("{what} counts its days in two ways"));
        }
        if let AnchorDay::Clock(event) = &anchor.day
            && !self.deadlines.iter().any(|other| {
                other.rule_set == deadline.rule_set && other.event == *event && other.term.is_some()
            })
        {
            return Some(format!("{what} starts where `{event}` ends, which has no term"));
        }
        None
    }

    /// The meaning of `code` in the lists that `program` uses today, in any letter case.
    pub fn reason_code(&self, program: Program, code: &str) -> Option<&ReasonCode> {
        self.reason_codes
            .iter()
            .find(|row| row.program == program && row.is_current() && row.code.eq_ignore_ascii_case(code))
    }

    /// What `code` may have meant in the lists that `program` used on `day`: the same letter meant other things in
    /// other years.
    pub fn reason_codes_on(
        &self,
        program: Program,
        code: &str,
        day: Date,
    ) -> impl Iterator<Item = &ReasonCode> {
        self.reason_codes
            .iter()
            .filter(move |row| row.program == program && row.is_of(day) && row.may_be(code))
    }

    /// Whether money in dispute is withheld or paid in a program; withheld where the table does not say.
    pub fn disputed_money(&self, program: Program) -> DisputedMoney {
        let rules = self.programs.iter().find(|rules| rules.program == program);
        rules.map_or(DisputedMoney::Unpaid, |rules| rules.disputed_money)
    }

    /// The row of a two-letter state code, in any letter case.
    pub fn state(&self, code: &str) -> Option<&State> {
        self.states.iter().find(|row| row.code.eq_ignore_ascii_case(code))
    }

    /// The row of a unit type or qualifier, in any letter case.
    pub fn unit_type(&self, code: &str) -> Option<&UnitCode> {
        self.unit_types.iter().find(|row| row.code.eq_ignore_ascii_case(code))
    }

    /// The root cause with this number.
    pub fn root_cause(&self, id: u16) -> Option<&RootCause> {
        self.root_causes.iter().find(|row| row.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispute::{TableError, TableText, TableTexts};

    fn with_states(text: &str) -> Result<Tables, TableError> {
        let states = TableText { name: "states.tsv", text };
        Tables::parse(&TableTexts { states, ..TableTexts::default() })
    }

    #[test]
    fn the_built_in_tables_are_read_whole() {
        let tables = Tables::embedded();
        assert_eq!(
            (
                tables.programs.len(),
                tables.reason_codes.len(),
                tables.states.len(),
                tables.covered_entity_types.len(),
                tables.unit_types.len(),
                tables.deadlines.len(),
                tables.anchors.len(),
                tables.holidays.len(),
                tables.root_causes.len(),
            ),
            (7, 106, 60, 24, 12, 42, 22, 11, 45)
        );
    }

    #[test]
    fn a_code_means_what_todays_list_of_its_program_says() {
        let tables = Tables::embedded();
        let x = tables.reason_code(Program::Mdrp, "x").unwrap();
        assert_eq!((x.kind, &x.documentation), (CodeKind::Dispute, &Documentation::Needed));
        let duplicate = tables.reason_code(Program::Cgdp, "D01").unwrap();
        assert_eq!(duplicate.description, "duplicate invoice item");
        assert!(
            matches!(&duplicate.documentation, Documentation::Described(text) if text.contains("optional"))
        );
        assert_eq!(tables.reason_code(Program::PartDMdp, "D01"), None);
        assert_eq!(tables.reason_code(Program::Mdrp, "adj-A"), None, "the lists before 2011 are not in use");
        assert!(tables.reason_codes.iter().any(|row| row.code == "adj-A"));
    }

    #[test]
    fn a_letter_means_what_the_list_of_its_day_says() {
        let tables = Tables::embedded();
        let meanings = |day: Date| {
            let rows = tables.reason_codes_on(Program::Mdrp, "a", day);
            rows.map(|row| (row.code.as_str(), row.kind)).collect::<Vec<_>>()
        };
        let before = [("adj-A", CodeKind::Adjustment), ("disp-A", CodeKind::Dispute)];
        assert_eq!(meanings(Date::constant(2010, 12, 31)), before);
        assert_eq!(meanings(Date::constant(2011, 1, 1)), [("A", CodeKind::Adjustment)]);
        let part_d = |day| tables.reason_codes_on(Program::PartDMdp, "D21", day).count();
        assert_eq!((part_d(Date::constant(2024, 12, 31)), part_d(Date::constant(2025, 1, 1))), (0, 1));
    }

    #[test]
    fn a_root_cause_has_its_programs_codes_and_phrases() {
        let tables = Tables::embedded();
        let duplicate = tables.root_cause(22).unwrap();
        assert_eq!(
            duplicate.programs,
            [Program::Mdrp, Program::Cgdp, Program::PartDMdp, Program::Commercial]
        );
        assert_eq!(duplicate.usual_codes, ["M", "D01", "D21"]);
        assert_eq!(tables.root_cause(1).unwrap().phrases, ["on MEF", "PHS entity not extracted"]);
        assert_eq!(tables.root_cause(8).unwrap().usual_codes, ["GFI-DIV", "GFI-MISMATCH"]);
        assert!(tables.root_cause(45).unwrap().programs.is_empty());
        assert_eq!(tables.root_cause(46), None);
    }

    #[test]
    fn a_deadline_names_its_anchor_or_leaves_it_unknown() {
        let tables = Tables::embedded();
        let interest = tables.deadlines.iter().find(|row| row.event == "interest starts").unwrap();
        assert_eq!(interest.program, Some(Program::Mdrp));
        assert!(interest.clock_starts.as_deref().unwrap().starts_with("invoice POSTMARK"));
        assert_eq!(interest.day_kind, Some(DayKind::Calendar));
        let complaint = tables.deadlines.iter().find(|row| row.event.starts_with("complaint")).unwrap();
        assert_eq!((&complaint.limit, &complaint.clock_starts), (&None, &None));
    }

    #[test]
    fn a_qualifier_of_many_unit_types_is_none_of_them() {
        let tables = Tables::embedded();
        assert_eq!(tables.unit_type("gr").unwrap().unit_type, Some(UnitType::Gm));
        assert_eq!(tables.unit_type("F2").unwrap().unit_type, Some(UnitType::Ahf));
        assert_eq!(tables.unit_type("UN").unwrap().unit_type, None);
        assert_eq!(tables.unit_type("XX"), None);
    }

    #[test]
    fn a_wrong_table_names_its_line_and_column() {
        let message = |text: &str| with_states(text).unwrap_err().to_string();
        assert_eq!(
            message("code\tkind\n"),
            "table `states.tsv` has no column `allowed_as_dispute_state`, found the columns `code`, `kind`"
        );
        assert_eq!(
            message("code\tkind\tallowed_as_dispute_state\tsource\nAL\tstate\tyes\ta list\nAK\tstate\n"),
            "table `states.tsv`, line 3: expected 4 cells, found 2"
        );
        assert_eq!(
            message("code\tkind\tallowed_as_dispute_state\tsource\nAlabama\tstate\tyes\ta list\n"),
            "table `states.tsv`, line 2, column `code`: expected two upper-case letters, found `Alabama`"
        );
    }

    #[test]
    fn a_replaced_table_may_have_more_columns_in_another_order() {
        let tables = with_states(
            "\u{feff}allowed_as_dispute_state\tname\tcode\tkind\tsource\r\nyes\tOhio\tOH\tstate\ta list\r\n",
        )
        .unwrap();
        let ohio = State {
            code: "OH".to_owned(),
            kind: "state".to_owned(),
            usage: StateUse::Allowed,
            source: "a list".to_owned(),
        };
        assert_eq!(tables.states, [ohio]);
    }
}
