//! The texts of the tables, and their rows on the way to their types.

use jiff::civil::Date;

use super::clock::{Anchor, AnchorDay, DAY_COLUMNS, Holiday, HolidayRule, Roll, Silence, Term};
use super::table_text::{Cells, TableError, TableText, list, rows};
use super::tables::{
    CodeKind, CoveredEntityType, DayKind, Deadline, Documentation, ProgramRules, ReasonCode, RootCause,
    State, StateUse, Tables, UnitCode,
};
use super::{DisputedMoney, Field, Program, UnitType, layout};

/// The texts of the tables. The default is what is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableTexts<'a> {
    /// `program disputed_money confidence source`
    pub programs: TableText<'a>,
    /// `program code short_description kind needs_documentation effective from until confidence source`
    pub reason_codes: TableText<'a>,
    /// `code kind allowed_as_dispute_state source`
    pub states: TableText<'a>,
    /// `prefix meaning family source`
    pub covered_entity_types: TableText<'a>,
    /// `code meaning rule unit_type source`
    pub unit_types: TableText<'a>,
    /// `program event limit clock_starts anchor term roll on_silence quarter owner day_kind confidence source`
    pub deadlines: TableText<'a>,
    /// `anchor day meaning source`
    pub anchors: TableText<'a>,
    /// `holiday day since source`
    pub holidays: TableText<'a>,
    /// `id cause programs usual_codes who_must_fix shared_by_all varies quantity_amount_signature example_phrases
    /// next_step grouping_hazard source`
    pub root_causes: TableText<'a>,
    /// `layout kind column also first last ours form source`
    pub layouts: TableText<'a>,
}

impl Default for TableTexts<'_> {
    fn default() -> Self {
        macro_rules! built_in {
            ($name:literal) => {
                TableText { name: $name, text: include_str!(concat!("../../config/", $name)) }
            };
        }
        Self {
            programs: built_in!("programs.tsv"),
            reason_codes: built_in!("dispute_codes.tsv"),
            states: built_in!("state_codes.tsv"),
            covered_entity_types: built_in!("entity_types_340b.tsv"),
            unit_types: built_in!("unit_types.tsv"),
            deadlines: built_in!("deadlines.tsv"),
            anchors: built_in!("anchors.tsv"),
            holidays: built_in!("federal_holidays.tsv"),
            root_causes: built_in!("root_causes.tsv"),
            layouts: built_in!("layouts.tsv"),
        }
    }
}

impl<'a> TableTexts<'a> {
    /// Every text, by the name of its file, in order.
    pub fn all_mut(&mut self) -> [&mut TableText<'a>; 10] {
        let Self {
            programs,
            reason_codes,
            states,
            covered_entity_types,
            unit_types,
            deadlines,
            anchors,
            holidays,
            root_causes,
            layouts,
        } = self;
        [
            programs,
            reason_codes,
            states,
            covered_entity_types,
            unit_types,
            deadlines,
            anchors,
            holidays,
            root_causes,
            layouts,
        ]
    }
}

impl Tables {
    /// Reads the tables.
    pub fn parse(texts: &TableTexts<'_>) -> Result<Self, TableError> {
        Ok(Self {
            programs: rows(texts.programs, "program disputed_money confidence source", program_rules)?,
            reason_codes: rows(
                texts.reason_codes,
                "program code short_description kind needs_documentation effective from until confidence source",
                reason_code,
            )?,
            states: rows(texts.states, "code kind allowed_as_dispute_state source", state)?,
            covered_entity_types: rows(
                texts.covered_entity_types,
                "prefix meaning family source",
                covered_entity_type,
            )?,
            unit_types: rows(texts.unit_types, "code meaning rule unit_type source", unit_code)?,
            deadlines: rows(
                texts.deadlines,
                "program event limit clock_starts anchor term roll on_silence quarter owner day_kind confidence \
                 source",
                deadline,
            )?,
            anchors: rows(texts.anchors, "anchor day meaning source", anchor)?,
            holidays: rows(texts.holidays, "holiday day since source", holiday)?,
            root_causes: rows(
                texts.root_causes,
                "id cause programs usual_codes who_must_fix shared_by_all varies quantity_amount_signature \
                 example_phrases next_step grouping_hazard source",
                root_cause,
            )?,
            layouts: rows(texts.layouts, layout::COLUMNS, layout::row)?,
        })
    }

    /// The tables that are built in.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the built-in tables are fixed, and a test reads them"
    )]
    pub fn embedded() -> Self {
        Self::parse(&TableTexts::default()).expect("the built-in tables are well formed")
    }
}

fn program_rules(cells: &Cells<'_>) -> Result<ProgramRules, TableError> {
    Ok(ProgramRules {
        program: Program::from_name(cells.get("program"))
            .ok_or_else(|| cells.wrong("program", "the name of a program, such as `mdrp`"))?,
        disputed_money: cells
            .one_of("disputed_money", &[("unpaid", DisputedMoney::Unpaid), ("paid", DisputedMoney::Paid)])?,
        confidence: cells.text("confidence"),
        source: cells.required("source")?,
    })
}

fn anchor(cells: &Cells<'_>) -> Result<Anchor, TableError> {
    let day = match cells.get("day") {
        "" => AnchorDay::Nowhere,
        text => match text.strip_prefix("clock: ") {
            Some(event) => AnchorDay::Clock(event.to_owned()),
            None => AnchorDay::Column(
                Field::from_name(text).filter(|field| DAY_COLUMNS.contains(field)).ok_or_else(|| {
                    let names = DAY_COLUMNS.map(|field| field.name().to_owned());
                    cells
                        .wrong("day", &format!("nothing, `clock: ` and an event, or one of {}", list(&names)))
                })?,
            ),
        },
    };
    Ok(Anchor {
        name: cells.required("anchor")?,
        day,
        meaning: cells.required("meaning")?,
        source: cells.required("source")?,
    })
}

fn holiday(cells: &Cells<'_>) -> Result<Holiday, TableError> {
    Ok(Holiday {
        name: cells.required("holiday")?,
        since: cells.get("since").parse().map_err(|_| cells.wrong("since", "a year"))?,
        rule: HolidayRule::from_text(cells.get("day"))
            .ok_or_else(|| cells.wrong("day", "a day such as `4 July` or `third Monday of January`"))?,
        source: cells.required("source")?,
    })
}

fn reason_code(cells: &Cells<'_>) -> Result<ReasonCode, TableError> {
    Ok(ReasonCode {
        program: named(cells.get("program"))
            .and_then(Named::program)
            .ok_or_else(|| cells.wrong("program", "a list that starts with the name of a program"))?,
        list: cells.text("program"),
        code: cells.required("code")?,
        description: cells.required("short_description")?,
        kind: cells.one_of("kind", &CodeKind::NAMES)?,
        documentation: Documentation::from_text(cells.get("needs_documentation")),
        effective: cells.text("effective"),
        from: day(cells, "from")?,
        until: day(cells, "until")?,
        confidence: cells.text("confidence"),
        source: cells.required("source")?,
    })
}

fn state(cells: &Cells<'_>) -> Result<State, TableError> {
    let code = cells.required("code")?;
    if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(cells.wrong("code", "two upper-case letters"));
    }
    let usage = match cells.get("allowed_as_dispute_state") {
        "yes" => StateUse::Allowed,
        text if text.starts_with("possible") => StateUse::Territory,
        text if text.starts_with("appears in provider addresses") => StateUse::AddressOnly,
        text if text.starts_with("reject") => StateUse::NationalTotal,
        _ => {
            return Err(cells.wrong(
                "allowed_as_dispute_state",
                "`yes`, or a text that starts with `possible`, `appears in provider addresses` or `reject`",
            ));
        }
    };
    Ok(State { code, kind: cells.text("kind"), usage, source: cells.required("source")? })
}

fn covered_entity_type(cells: &Cells<'_>) -> Result<CoveredEntityType, TableError> {
    Ok(CoveredEntityType {
        prefix: cells.required("prefix")?.to_ascii_uppercase(),
        meaning: cells.required("meaning")?,
        family: cells.text("family"),
        source: cells.required("source")?,
    })
}

fn unit_code(cells: &Cells<'_>) -> Result<UnitCode, TableError> {
    let unit_type = match cells.get("unit_type") {
        "" => None,
        code => {
            let codes = UnitType::ALL.map(|unit| unit.as_str().to_owned());
            let expected = format!("nothing or one of {}", list(&codes));
            Some(UnitType::from_code(code).ok_or_else(|| cells.wrong("unit_type", &expected))?)
        }
    };
    Ok(UnitCode {
        code: cells.required("code")?,
        meaning: cells.required("meaning")?,
        rule: cells.text("rule"),
        unit_type,
        source: cells.required("source")?,
    })
}

/// An optional day.
fn day(cells: &Cells<'_>, column: &str) -> Result<Option<Date>, TableError> {
    let text = cells.optional(column);
    text.map(|text| text.parse().map_err(|_| cells.wrong(column, "nothing or a day such as `2011-01-01`")))
        .transpose()
}

fn deadline(cells: &Cells<'_>) -> Result<Deadline, TableError> {
    Ok(Deadline {
        program: named(cells.get("program"))
            .ok_or_else(|| cells.wrong("program", "a text that starts with the name of a program"))?
            .program(),
        rule_set: cells.text("program"),
        event: cells.required("event")?,
        limit: cells.optional("limit"),
        clock_starts: cells.optional("clock_starts"),
        anchor: cells.optional("anchor"),
        term: match cells.get("term") {
            "" => None,
            text => Some(Term::from_text(text).ok_or_else(|| {
                cells.wrong("term", "nothing, a term such as `38 days` or `30 business days`, or a day")
            })?),
        },
        roll: cells.one_of("roll", &[("", Roll::Stays), ("next business day", Roll::NextBusinessDay)])?,
        on_silence: match cells.get("on_silence") {
            "" => None,
            _ => Some(cells.one_of("on_silence", &Silence::NAMES)?),
        },
        quarter: match cells.get("quarter") {
            "" => None,
            text => Some(
                text.parse().map_err(|_| cells.wrong("quarter", "nothing or a quarter such as `1QCY26`"))?,
            ),
        },
        owner: cells.optional("owner"),
        day_kind: match cells.get("day_kind") {
            "" => None,
            _ => Some(cells.one_of("day_kind", &DayKind::NAMES)?),
        },
        confidence: cells.text("confidence"),
        source: cells.required("source")?,
    })
}

fn root_cause(cells: &Cells<'_>) -> Result<RootCause, TableError> {
    let programs: Vec<Named> = cells
        .get("programs")
        .split('/')
        .map(|name| named(name).ok_or_else(|| cells.wrong("programs", "names of programs, separated by `/`")))
        .collect::<Result<_, _>>()?;
    let split = |text: &str| -> Vec<String> {
        let parts = text.replace(" or ", ",");
        let parts = parts.split([',', ';', '/']).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let phrases = cells.get("example_phrases").split(", ").map(|phrase| phrase.trim().trim_matches('"'));
    Ok(RootCause {
        id: cells.get("id").parse().map_err(|_| cells.wrong("id", "a number"))?,
        cause: cells.required("cause")?,
        programs: programs.into_iter().filter_map(Named::program).collect(),
        usual_codes: split(cells.get("usual_codes")),
        who_must_fix: cells.required("who_must_fix")?,
        shared: cells.text("shared_by_all"),
        varies: cells.text("varies"),
        signature: cells.text("quantity_amount_signature"),
        phrases: phrases.filter(|phrase| !phrase.is_empty()).map(str::to_owned).collect(),
        next_step: cells.required("next_step")?,
        hazard: cells.text("grouping_hazard"),
        source: cells.required("source")?,
    })
}

/// What the first word of a program column names.
enum Named {
    Program(Program),
    /// A known name outside the programs: group purchasing, wholesaler chargebacks.
    Outside,
}

impl Named {
    fn program(self) -> Option<Program> {
        match self {
            Self::Program(program) => Some(program),
            Self::Outside => None,
        }
    }
}

/// Reads the tables' own spelling of programs; `None` for an unknown name.
fn named(text: &str) -> Option<Named> {
    let text = text.trim();
    let name = text.strip_prefix("Medicare ").unwrap_or(text).split(' ').next().unwrap_or_default();
    Some(Named::Program(match name {
        "MDRP" => Program::Mdrp,
        "340B" => Program::P340b,
        "MDP" => Program::PartDMdp,
        "CGDP" => Program::Cgdp,
        "MFP" => Program::Mfp,
        "TRICARE" => Program::Tricare,
        "Commercial" | "commercial" => Program::Commercial,
        "GPO" | "Chargebacks" => return Some(Named::Outside),
        _ => return None,
    }))
}
