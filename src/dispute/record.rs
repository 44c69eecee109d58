//! One row of text fields becomes a [`Dispute`], or the list of everything that is wrong with it.
//!
//! Promises to report all wrong fields at once, and to show no value of a private column: only its form.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use rust_decimal::Decimal;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::amount::{self, AmountKind};
use super::text::{clean, shape, unseen};
use super::{
    AnchorDays, DeliverySystem, Dispute, Field, Interner, Ndc, NpiError, Program, Quarter, ReasonCode,
    StateUse, Tables, Text, Transaction, UnitType, Vocabulary, day, entity, npi,
};

/// One row of the input: the text of each column that the row has.
pub trait Row {
    /// The text of `field`; `None` where the row does not have it.
    fn get(&self, field: Field) -> Option<&str>;
}

/// A field that makes a row unusable. Shown as `` `02/30/2026` is not a date (February 2026 has 28 days) ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The column.
    pub field: Field,
    /// What stood there, fit to be shown; empty where nothing did.
    pub found: String,
    /// What is expected, with an article, as it follows "is not".
    pub expected: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.found.is_empty() {
            write!(f, "expected {}, found nothing", self.expected)
        } else {
            write!(f, "`{}` is not {}", self.found, self.expected)
        }
    }
}

/// A doubtful value that was kept, or left out, without refusing the row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// The column.
    pub field: Field,
    /// What is doubtful.
    pub doubt: Doubt,
    /// The value, fit to be shown.
    pub value: String,
}

/// What can be doubtful about a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
pub enum Doubt {
    /// Not in the lists that the program uses, or used on the day on which the dispute was opened; kept.
    #[error("is not in the current reason code list of its program")]
    ReasonCode,
    /// Not in the unit type table; left out.
    #[error("is not a known unit type; the unit type is left open")]
    UnitType,
    /// A claim qualifier that fits no one CMS unit type; left out.
    #[error("fits no one CMS unit type; the unit type is left open")]
    UnitQualifier,
    /// Not in the state table; kept.
    #[error("is not a known state")]
    State,
    /// Several territories hold waivers; kept.
    #[error("is a territory, and may not take part in the program")]
    Territory,
    /// Freely associated states stand in addresses only; kept.
    #[error("stands in addresses only, and is no party to a dispute")]
    AddressOnlyState,
    /// The total over all states; left out.
    #[error("is the total over all states; the state is left open")]
    NationalTotal,
    /// Not a valid NPI; kept.
    #[error("is not a valid NPI ({0})")]
    Npi(NpiError),
    /// No known 340B type prefix; kept.
    #[error("does not start like a 340B id")]
    CoveredEntity,
    /// Neither a delivery system nor an alias of one; left out.
    #[error("is not a known delivery system; the delivery system is left open")]
    DeliverySystem,
    /// Neither a kind of transaction nor a letter of one; left out.
    #[error("is not a known kind of transaction; it is left open")]
    Transaction,
    /// No `http` or `https` link; left out, because tickets would make it clickable.
    #[error("is not a web link; it is left out")]
    Link,
    /// Letters in an NDC are legal, and rare outside catalog ids; kept.
    #[error("is an NDC with letters")]
    NdcLetters,
    /// A derived column divides by zero; left out.
    #[error("is divided by zero; it is left open")]
    DividedByZero,
    /// A derived column is a quotient without an end; rounded.
    #[error("has no end as a decimal number; it is rounded to nine decimals")]
    Rounded,
    /// The head or the end of a file, by the layout; no row.
    #[error("is a record of another kind, and no row")]
    OtherRecord,
    /// A column that the settings name is not in the file.
    #[error("is not a column of the file; it is read as empty")]
    AbsentColumn,
}

/// Reads one row. Texts of the result are not yet shared; see [`Interner`].
pub fn read(
    row: &impl Row,
    vocabulary: &Vocabulary,
    tables: &Tables,
) -> Result<(Dispute, Vec<Warning>), Vec<FieldError>> {
    let mut reader = RowReader::new(vocabulary, tables);
    let dispute = reader.read(row)?;
    let warnings =
        reader.doubts().map(|(field, doubt, value)| Warning { field, doubt, value: field.quoted(value) });
    Ok((dispute, warnings.collect()))
}

/// Reads row after row. Texts that repeat are checked once and share their memory, for as long as the reader
/// lives: all that it keeps are the different texts of the rows it has read.
pub(crate) struct RowReader<'a> {
    vocabulary: &'a Vocabulary,
    tables: &'a Tables,
    texts: Interner,
    states: FxHashMap<Text, Checked>,
    covered_entities: FxHashMap<Text, Checked>,
    pharmacies: FxHashMap<Text, Checked>,
    /// By program and by which of its lists were in use.
    reason_codes: BTreeMap<(Option<Program>, usize), FxHashMap<Text, CheckedCodes>>,
    /// The days on which lists of a program begin or have ended, sorted.
    turns: BTreeMap<Program, Vec<Date>>,
    errors: Vec<FieldError>,
    doubts: Vec<(Field, Doubt, Text)>,
}

/// What became of an optional value.
#[derive(Clone)]
struct Checked {
    text: Text,
    doubt: Option<Doubt>,
}

/// What became of a list of reason codes.
struct CheckedCodes {
    codes: Vec<Text>,
    doubtful: Vec<Text>,
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(vocabulary: &'a Vocabulary, tables: &'a Tables) -> Self {
        Self {
            vocabulary,
            tables,
            texts: Interner::default(),
            states: FxHashMap::default(),
            covered_entities: FxHashMap::default(),
            pharmacies: FxHashMap::default(),
            reason_codes: BTreeMap::new(),
            turns: BTreeMap::new(),
            errors: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// What was doubtful in the row read last, with the value as it stood there: it is not yet fit to be shown.
    pub(crate) fn doubts(&self) -> impl Iterator<Item = (Field, Doubt, &str)> {
        self.doubts.iter().map(|(field, doubt, value)| (*field, *doubt, &**value))
    }

    /// Reads one row.
    pub(crate) fn read(&mut self, row: &impl Row) -> Result<Dispute, Vec<FieldError>> {
        self.errors.clear();
        self.doubts.clear();
        let id = self.required(row, Field::DisputeId, || "a dispute id".to_owned());
        let program = self.program(row);
        let client = self.required(row, Field::Manufacturer, || "the name of a manufacturer".to_owned());
        let ndc = self.ndc(row);
        let product_name = self.name(row, Field::ProductName);
        let state = self.state(row);
        let payer = self.name(row, Field::Payer);
        let delivery_system = self.delivery_system(row);
        let covered_entity = self.covered_entity(row);
        let pharmacy_npi = self.pharmacy_npi(row);
        let period = self.period(row);
        let service_date = self.day(row, Field::ServiceDate);
        let opened = raw(row, Field::OpenedAt).and_then(|text| day::parse(&text).ok());
        let reason_codes = self.reason_codes(row, program, opened);
        let units_invoiced = self.amount(row, Field::UnitsInvoiced, AmountKind::Units);
        let units_disputed = self.amount(row, Field::UnitsDisputed, AmountKind::Units);
        let unit_type = self.unit_type(row);
        let unit_rebate_amount = self.amount(row, Field::UnitRebateAmount, AmountKind::Money);
        let amount_disputed = self.amount(row, Field::AmountDisputed, AmountKind::Money);
        let status = self.identifier(row, Field::Status).unwrap_or_default();
        let opened_at = self.day(row, Field::OpenedAt);
        let due_at = self.day(row, Field::DueAt);
        let resolved_at = self.day(row, Field::ResolvedAt);
        let note = raw(row, Field::Note);
        let claim_ref = self.identifier(row, Field::ClaimRef);
        let source_url = self.source_url(row);
        let transaction = self.transaction(row);
        let anchors = AnchorDays {
            postmarked: self.day(row, Field::PostmarkedAt),
            received: self.day(row, Field::ReceivedAt),
            remitted: self.day(row, Field::RemittedAt),
        };
        let (Some(id), Some(program), Some(client), Some(ndc), true) =
            (id, program, client, ndc, self.errors.is_empty())
        else {
            return Err(std::mem::take(&mut self.errors));
        };
        Ok(Dispute {
            id: Text::from(id),
            program,
            client: self.texts.share_copy(&client),
            ndc,
            product_name,
            state,
            payer,
            delivery_system,
            covered_entity,
            pharmacy_npi,
            period,
            service_date,
            reason_codes,
            units_invoiced,
            units_disputed,
            unit_type,
            unit_rebate_amount,
            amount_disputed,
            status: self.texts.share_copy(&self.vocabulary.status(&status)),
            opened_at,
            due_at,
            resolved_at,
            note: note.map(Text::from),
            claim_ref: claim_ref.map(Text::from),
            source_url: source_url.map(Text::from),
            transaction,
            anchors,
            disputed_money: self.tables.disputed_money(program),
        })
    }

    /// A text in which an unseen character would make two values out of what looks like one.
    fn identifier<'r>(&mut self, row: &'r impl Row, field: Field) -> Option<Cow<'r, str>> {
        let text = raw(row, field)?;
        match unseen(&text) {
            None => Some(text),
            Some(c) => {
                let expected = format!("text without unseen characters (found U+{:04X})", u32::from(c));
                self.refuse(field, &text, expected);
                None
            }
        }
    }

    /// As [`RowReader::identifier`], but refused where there is none. `expected` is called then only.
    fn required<'r>(
        &mut self,
        row: &'r impl Row,
        field: Field,
        expected: impl FnOnce() -> String,
    ) -> Option<Cow<'r, str>> {
        if raw(row, field).is_none() {
            self.refuse(field, "", expected());
            return None;
        }
        self.identifier(row, field)
    }

    /// A name for people: line breaks and unseen characters are no reason to refuse a row.
    fn name(&mut self, row: &impl Row, field: Field) -> Option<Text> {
        let text = raw(row, field)?;
        if unseen(&text).is_none() {
            return Some(self.texts.share_copy(&text));
        }
        let seen: String = text
            .chars()
            .map(|c| if unseen(c.encode_utf8(&mut [0; 4])).is_some() { ' ' } else { c })
            .collect();
        let seen = seen.split_whitespace().collect::<Vec<_>>().join(" ");
        (!seen.is_empty()).then(|| self.texts.share_copy(&seen))
    }

    fn program(&mut self, row: &impl Row) -> Option<Program> {
        let text = self.required(row, Field::Program, program_expected)?;
        let program = self.vocabulary.program(&text);
        if program.is_none() {
            self.refuse(Field::Program, &text, program_expected());
        }
        program
    }

    fn ndc(&mut self, row: &impl Row) -> Option<Ndc> {
        let text = self.required(row, Field::Ndc, || "an NDC".to_owned())?;
        match text.parse::<Ndc>() {
            Ok(ndc) => {
                if ndc.digits().bytes().any(|b| !b.is_ascii_digit()) {
                    self.warn(Field::Ndc, Doubt::NdcLetters, &ndc.to_string());
                }
                Some(ndc)
            }
            Err(error) => {
                self.refuse(Field::Ndc, &text, error.to_string());
                None
            }
        }
    }

    fn state(&mut self, row: &impl Row) -> Option<Text> {
        let text = self.identifier(row, Field::State)?;
        let tables = self.tables;
        let checked = check(&mut self.states, &text, |text| {
            let text = uppercase(text);
            let doubt = match tables.state(&text).map(|state| state.usage) {
                Some(StateUse::Allowed) => None,
                Some(StateUse::Territory) => Some(Doubt::Territory),
                Some(StateUse::AddressOnly) => Some(Doubt::AddressOnlyState),
                Some(StateUse::NationalTotal) => Some(Doubt::NationalTotal),
                None => Some(Doubt::State),
            };
            (text, doubt)
        });
        let text = self.keep(Field::State, &checked);
        (checked.doubt != Some(Doubt::NationalTotal)).then_some(text)
    }

    fn delivery_system(&mut self, row: &impl Row) -> Option<DeliverySystem> {
        let text = self.identifier(row, Field::DeliverySystem)?;
        let system = self.vocabulary.delivery_system(&text);
        if system.is_none() {
            self.warn(Field::DeliverySystem, Doubt::DeliverySystem, &text);
        }
        system
    }

    fn covered_entity(&mut self, row: &impl Row) -> Option<Text> {
        let text = self.identifier(row, Field::CoveredEntityId)?;
        let types = &self.tables.covered_entity_types;
        let checked = check(&mut self.covered_entities, &text, |text| {
            let text = uppercase(text);
            let doubt = entity::entity_type(&text, types).is_none().then_some(Doubt::CoveredEntity);
            (text, doubt)
        });
        Some(self.keep(Field::CoveredEntityId, &checked))
    }

    fn pharmacy_npi(&mut self, row: &impl Row) -> Option<Text> {
        let text = self.identifier(row, Field::PharmacyNpi)?;
        let checked = check(&mut self.pharmacies, &text, |text| {
            (Cow::Borrowed(text), npi::check(text).err().map(Doubt::Npi))
        });
        Some(self.keep(Field::PharmacyNpi, &checked))
    }

    fn period(&mut self, row: &impl Row) -> Option<Quarter> {
        let text = raw(row, Field::Period)?;
        let quarter = text.parse::<Quarter>();
        quarter.map_err(|error| self.refuse(Field::Period, &text, error.to_string())).ok()
    }

    fn day(&mut self, row: &impl Row, field: Field) -> Option<Date> {
        let text = raw(row, field)?;
        match day::parse(&text) {
            Ok(date) => Some(date),
            Err(day::DayError::Day { .. }) if field.is_private() => {
                self.refuse(field, &text, "a date (its month has no such day)".to_owned());
                None
            }
            Err(error) => {
                self.refuse(field, &text, error.to_string());
                None
            }
        }
    }

    /// Codes are looked up in the lists of the day on which the dispute was opened, where it is known.
    fn reason_codes(&mut self, row: &impl Row, program: Option<Program>, opened: Option<Date>) -> Vec<Text> {
        let Some(text) = self.identifier_list(row, Field::ReasonCodes) else { return Vec::new() };
        let turn = program.zip(opened).map_or(usize::MAX, |(program, opened)| {
            let turns = self.turns.entry(program).or_insert_with(|| turns(program, self.tables));
            turns.partition_point(|turn| *turn <= opened)
        });
        let known = self.reason_codes.entry((program, turn)).or_default();
        if !known.contains_key(&*text) {
            let checked = check_codes(&text, program, opened, self.tables, &mut self.texts);
            known.insert(Text::from(&*text), checked);
        }
        let Some(checked) = known.get(&*text) else { return Vec::new() };
        for code in &checked.doubtful {
            self.doubts.push((Field::ReasonCodes, Doubt::ReasonCode, Arc::clone(code)));
        }
        checked.codes.clone()
    }

    /// As [`RowReader::identifier`], but line breaks and tabs separate.
    fn identifier_list<'r>(&mut self, row: &'r impl Row, field: Field) -> Option<Cow<'r, str>> {
        let text = raw(row, field)?;
        if unseen(&text).is_none() || unseen(&text.replace(['\n', '\r', '\t'], " ")).is_none() {
            return Some(text);
        }
        self.identifier(row, field)
    }

    fn unit_type(&mut self, row: &impl Row) -> Option<UnitType> {
        let text = self.identifier(row, Field::UnitType)?;
        let known = self.tables.unit_type(&text);
        let unit_type = known.and_then(|known| known.unit_type);
        if unit_type.is_none() {
            let doubt = if known.is_some() { Doubt::UnitQualifier } else { Doubt::UnitType };
            self.warn(Field::UnitType, doubt, &text);
        }
        unit_type
    }

    fn amount(&mut self, row: &impl Row, field: Field, kind: AmountKind) -> Option<Decimal> {
        let text = raw(row, field)?;
        let amount = match self.vocabulary.implied_decimals(field) {
            Some(decimals) => amount::parse_overpunch(&text, decimals, kind),
            None => amount::parse(&text, kind),
        };
        amount.map_err(|error| self.refuse(field, &text, error.to_string())).ok()
    }

    fn transaction(&mut self, row: &impl Row) -> Option<Transaction> {
        let text = self.identifier(row, Field::Transaction)?;
        let kind = Transaction::from_name(&text);
        if kind.is_none() {
            self.warn(Field::Transaction, Doubt::Transaction, &text);
        }
        kind
    }

    fn source_url<'r>(&mut self, row: &'r impl Row) -> Option<Cow<'r, str>> {
        let text = raw(row, Field::SourceUrl)?;
        let starts_with =
            |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
        let is_link = (starts_with("https://") || starts_with("http://"))
            && unseen(&text).is_none()
            && !text.contains(char::is_whitespace);
        if !is_link {
            self.warn(Field::SourceUrl, Doubt::Link, &shape(&text));
        }
        is_link.then_some(text)
    }

    /// The text of an optional value, with its doubt noted.
    fn keep(&mut self, field: Field, checked: &Checked) -> Text {
        if let Some(doubt) = checked.doubt {
            self.doubts.push((field, doubt, Arc::clone(&checked.text)));
        }
        Arc::clone(&checked.text)
    }

    fn refuse(&mut self, field: Field, found: &str, expected: String) {
        let found = field.quoted(found);
        self.errors.push(FieldError { field, found, expected });
    }

    fn warn(&mut self, field: Field, doubt: Doubt, value: &str) {
        let value = self.texts.share_copy(value);
        self.doubts.push((field, doubt, value));
    }
}

/// The cleaned text; `None` where there is none.
fn raw(row: &impl Row, field: Field) -> Option<Cow<'_, str>> {
    row.get(field).map(clean).filter(|text| !text.is_empty())
}

fn program_expected() -> String {
    let names = Program::ALL.map(|program| format!("`{program}`")).join(", ");
    format!("a program ({names}, or a configured alias)")
}

/// What `judge` says of `text`, asked once.
fn check<'t>(
    known: &mut FxHashMap<Text, Checked>,
    text: &'t str,
    judge: impl FnOnce(&'t str) -> (Cow<'t, str>, Option<Doubt>),
) -> Checked {
    if let Some(checked) = known.get(text) {
        return checked.clone();
    }
    let (kept, doubt) = judge(text);
    let key = Text::from(text);
    let checked = Checked { text: if *kept == *text { Arc::clone(&key) } else { Text::from(kept) }, doubt };
    known.insert(key, checked.clone());
    checked
}

fn turns(program: Program, tables: &Tables) -> Vec<Date> {
    let lists = tables.reason_codes.iter().filter(|row| row.program == program);
    let ended = |row: &ReasonCode| row.until.and_then(|until| until.tomorrow().ok());
    let days: BTreeSet<Date> = lists.flat_map(|row| [row.from, ended(row)]).flatten().collect();
    days.into_iter().collect()
}

fn check_codes(
    text: &str,
    program: Option<Program>,
    opened: Option<Date>,
    tables: &Tables,
    texts: &mut Interner,
) -> CheckedCodes {
    let mut checked = CheckedCodes { codes: Vec::new(), doubtful: Vec::new() };
    for code in text.split(|c: char| c == '|' || c == ';' || c.is_whitespace()) {
        let code = uppercase(code);
        if code.is_empty() || checked.codes.iter().any(|known| **known == *code) {
            continue;
        }
        let is_known = |program| match opened {
            Some(day) => tables.reason_codes_on(program, &code, day).next().is_some(),
            None => tables.reason_code(program, &code).is_some(),
        };
        if let Some(program) = program
            && !is_known(program)
        {
            checked.doubtful.push(Text::from(format!("{code} for {program}")));
        }
        checked.codes.push(texts.share_copy(&code));
    }
    checked
}

fn uppercase(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_lowercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispute::DisputedMoney;

    struct Sample(Vec<(Field, &'static str)>);

    impl Row for Sample {
        fn get(&self, field: Field) -> Option<&str> {
            self.0.iter().rev().find(|(name, _)| *name == field).map(|(_, text)| *text)
        }
    }

    fn row(more: &[(Field, &'static str)]) -> Sample {
        let mut fields = vec![
            (Field::DisputeId, "D-1"),
            (Field::Program, "MDRP"),
            (Field::Manufacturer, "Example Pharma A"),
            (Field::Ndc, "12345-678-90"),
        ];
        fields.extend_from_slice(more);
        Sample(fields)
    }

    fn accept(more: &[(Field, &'static str)]) -> (Dispute, Vec<String>) {
        let (dispute, warnings) = read(&row(more), &Vocabulary::default(), &Tables::embedded()).unwrap();
        let warnings = warnings
            .into_iter()
            .map(|warning| format!("{}: `{}` {}", warning.field, warning.value, warning.doubt));
        (dispute, warnings.collect())
    }

    fn refuse(more: &[(Field, &'static str)]) -> Vec<String> {
        let errors = read(&row(more), &Vocabulary::default(), &Tables::embedded()).unwrap_err();
        errors.into_iter().map(|error| format!("{}: {error}", error.field)).collect()
    }

    #[test]
    fn a_row_with_the_four_required_columns_is_a_dispute() {
        let (dispute, warnings) = accept(&[]);
        assert_eq!(
            (&*dispute.id, dispute.program, &*dispute.client, dispute.ndc.digits(), &*dispute.status),
            ("D-1", Program::Mdrp, "Example Pharma A", "12345067890", "")
        );
        assert!(dispute.is_open(&Vocabulary::default()));
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn every_wrong_field_of_a_row_is_reported() {
        let found = refuse(&[
            (Field::Program, "medicade"),
            (Field::Manufacturer, "  "),
            (Field::Ndc, "1234567890"),
            (Field::AmountDisputed, "1,20"),
            (Field::OpenedAt, "02/30/2026"),
            (Field::Period, "2026-09"),
        ]);
        assert_eq!(
            found,
            [
                "program: `medicade` is not a program (`mdrp`, `340b`, `part_d_mdp`, `cgdp`, `mfp`, `tricare`, \
                 `commercial`, or a configured alias)",
                "manufacturer: expected the name of a manufacturer, found nothing",
                "ndc: `1234567890` is not an unambiguous NDC (ten characters without hyphens may be \
                 01234-5678-90, 12345-0678-90 or 12345-6789-00; give 11 characters or hyphens)",
                "period: `2026-09` is not a quarter (such as `2026Q3`, `3Q2026`, `32026`, `20263` or `3QCY26`)",
                "amount_disputed: `1,20` is not an amount (commas only between groups of three digits, a dot \
                 for decimals)",
                "opened_at: `02/30/2026` is not a date (February 2026 has 28 days)",
            ]
        );
    }

    #[test]
    fn a_private_value_is_shown_by_its_form_only() {
        let found = refuse(&[
            (Field::ServiceDate, "02/30/2026"),
            (Field::UnitRebateAmount, "12.3.4"),
            (Field::ClaimRef, "RX7\u{0}1234567"),
        ]);
        assert_eq!(
            found,
            [
                "service_date: `##/##/####` is not a date (its month has no such day)",
                "unit_rebate_amount: `##.#.#` is not an amount (such as `1234.50`, `$1,234.50` or `(12.00)`)",
                "claim_ref: `aa#?#######` is not text without unseen characters (found U+0000)",
            ]
        );
    }

    #[test]
    fn an_unseen_character_in_an_id_is_refused() {
        assert_eq!(
            refuse(&[(Field::DisputeId, "D-1\u{0}2"), (Field::Manufacturer, "Example\u{200b} Pharma A")]),
            [
                "dispute_id: `D-1\\u{0}2` is not text without unseen characters (found U+0000)",
                "manufacturer: `Example\\u{200b} Pharma A` is not text without unseen characters (found U+200B)",
            ]
        );
    }

    #[test]
    fn a_doubtful_optional_value_is_kept_with_a_warning() {
        let (dispute, warnings) = accept(&[
            (Field::State, "pr"),
            (Field::CoveredEntityId, "zz1234"),
            (Field::PharmacyNpi, "1234567890"),
            (Field::ReasonCodes, "x|D;ZZ9 x"),
            (Field::UnitType, "UN"),
            (Field::DeliverySystem, "hmo"),
            (Field::SourceUrl, "javascript:alert(1)"),
        ]);
        assert_eq!(dispute.state.as_deref(), Some("PR"));
        assert_eq!(dispute.covered_entity.as_deref(), Some("ZZ1234"));
        assert_eq!(dispute.pharmacy_npi.as_deref(), Some("1234567890"));
        assert_eq!(dispute.reason_codes.iter().map(|code| &**code).collect::<Vec<_>>(), ["X", "D", "ZZ9"]);
        assert_eq!((dispute.unit_type, dispute.delivery_system, dispute.source_url), (None, None, None));
        assert_eq!(
            warnings,
            [
                "state: `PR` is a territory, and may not take part in the program",
                "delivery_system: `hmo` is not a known delivery system; the delivery system is left open",
                "covered_entity_id: `ZZ1234` does not start like a 340B id",
                "pharmacy_npi: `1234567890` is not a valid NPI (the check digit does not fit)",
                "reason_codes: `ZZ9 for mdrp` is not in the current reason code list of its program",
                "unit_type: `UN` fits no one CMS unit type; the unit type is left open",
                "source_url: `aaaaaaaaaa:aaaaa(#)` is not a web link; it is left out",
            ]
        );
    }

    #[test]
    fn the_national_total_is_not_a_state() {
        let (dispute, warnings) = accept(&[(Field::State, "XX")]);
        assert_eq!(dispute.state, None);
        assert_eq!(warnings, ["state: `XX` is the total over all states; the state is left open"]);
    }

    #[test]
    fn a_code_is_looked_up_in_the_list_of_the_day_on_which_the_dispute_was_opened() {
        let doubts = |code, opened| {
            let more =
                [(Field::Program, "part_d_mdp"), (Field::ReasonCodes, code), (Field::OpenedAt, opened)];
            accept(&more).1.len()
        };
        assert_eq!((doubts("D21", "2024-12-31"), doubts("D21", "2025-01-01")), (1, 0));
        let medicaid =
            |code, opened| accept(&[(Field::ReasonCodes, code), (Field::OpenedAt, opened)]).1.len();
        assert_eq!(
            (medicaid("X", "2010-12-31"), medicaid("X", "2011-01-01"), medicaid("A", "2010-12-31")),
            (1, 0, 0)
        );
    }

    #[test]
    fn the_rules_of_the_program_say_whether_disputed_money_is_paid() {
        let money = |program| accept(&[(Field::Program, program)]).0.disputed_money;
        assert_eq!(money("mdrp"), DisputedMoney::Unpaid);
        assert_eq!(money("part_d_mdp"), DisputedMoney::Paid);
    }

    #[test]
    fn overpunch_is_read_only_where_the_settings_say_so() {
        let sample = row(&[(Field::AmountDisputed, "10M")]);
        let tables = Tables::embedded();
        let mut vocabulary = Vocabulary::default();
        assert!(read(&sample, &vocabulary, &tables).is_err());
        vocabulary.set_overpunch(Field::AmountDisputed, 0);
        let (dispute, _) = read(&sample, &vocabulary, &tables).unwrap();
        assert_eq!(dispute.amount_disputed, Some(Decimal::from(-104)));
    }

    #[test]
    fn a_name_over_two_lines_is_one_name() {
        let (dispute, _) = accept(&[(Field::Payer, "Example\r\nPlan\u{200b}")]);
        assert_eq!(dispute.payer.as_deref(), Some("Example Plan"));
    }
}
