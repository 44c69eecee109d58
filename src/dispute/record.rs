//! One row of text fields becomes a [`Dispute`], or the list of everything that is wrong with it.
//!
//! Promises to report all wrong fields at once, and to show no value of a private column: only its form.

use std::fmt;

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::amount::{self, AmountKind};
use super::text::{clean, quoted, shape, unseen};
use super::{
    DeliverySystem, Dispute, Field, Ndc, NpiError, Program, Quarter, StateUse, Tables, Text, UnitType,
    Vocabulary, day, entity, npi,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Doubt {
    /// Not in the lists that the program uses today; kept.
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
    /// No `http` or `https` link; left out, because tickets would make it clickable.
    #[error("is not a web link; it is left out")]
    Link,
    /// Letters in an NDC are legal, and rare outside catalog ids; kept.
    #[error("is an NDC with letters")]
    NdcLetters,
    /// A column that the settings name is not in the file.
    #[error("is not a column of the file; it is read as empty")]
    AbsentColumn,
}

/// Reads one row. Texts of the result are not yet shared; see [`Interner`](super::Interner).
pub fn read(
    row: &impl Row,
    vocabulary: &Vocabulary,
    tables: &Tables,
) -> Result<(Dispute, Vec<Warning>), Vec<FieldError>> {
    let mut reader = Reader { row, vocabulary, tables, errors: Vec::new(), warnings: Vec::new() };
    let id = reader.required(Field::DisputeId, "a dispute id");
    let program = reader.program();
    let client = reader.required(Field::Manufacturer, "the name of a manufacturer");
    let ndc = reader.ndc();
    let product_name = reader.name(Field::ProductName);
    let state = reader.state();
    let payer = reader.name(Field::Payer);
    let delivery_system = reader.delivery_system();
    let covered_entity = reader.covered_entity();
    let pharmacy_npi = reader.pharmacy_npi();
    let period = reader.period();
    let service_date = reader.day(Field::ServiceDate);
    let reason_codes = reader.reason_codes(program);
    let units_invoiced = reader.amount(Field::UnitsInvoiced, AmountKind::Units);
    let units_disputed = reader.amount(Field::UnitsDisputed, AmountKind::Units);
    let unit_type = reader.unit_type();
    let unit_rebate_amount = reader.amount(Field::UnitRebateAmount, AmountKind::Money);
    let amount_disputed = reader.amount(Field::AmountDisputed, AmountKind::Money);
    let status = reader.identifier(Field::Status).unwrap_or_default();
    let opened_at = reader.day(Field::OpenedAt);
    let due_at = reader.day(Field::DueAt);
    let resolved_at = reader.day(Field::ResolvedAt);
    let note = reader.raw(Field::Note);
    let claim_ref = reader.identifier(Field::ClaimRef);
    let source_url = reader.source_url();
    let Reader { errors, warnings, .. } = reader;
    let (Some(id), Some(program), Some(client), Some(ndc), true) =
        (id, program, client, ndc, errors.is_empty())
    else {
        return Err(errors);
    };
    let dispute = Dispute {
        id: Text::from(id),
        program,
        client: Text::from(client),
        ndc,
        product_name: product_name.map(Text::from),
        state: state.map(Text::from),
        payer: payer.map(Text::from),
        delivery_system,
        covered_entity: covered_entity.map(Text::from),
        pharmacy_npi: pharmacy_npi.map(Text::from),
        period,
        service_date,
        reason_codes,
        units_invoiced,
        units_disputed,
        unit_type,
        unit_rebate_amount,
        amount_disputed,
        status: Text::from(vocabulary.status(&status)),
        opened_at,
        due_at,
        resolved_at,
        note: note.map(Text::from),
        claim_ref: claim_ref.map(Text::from),
        source_url: source_url.map(Text::from),
    };
    Ok((dispute, warnings))
}

struct Reader<'a, R> {
    row: &'a R,
    vocabulary: &'a Vocabulary,
    tables: &'a Tables,
    errors: Vec<FieldError>,
    warnings: Vec<Warning>,
}

impl<R: Row> Reader<'_, R> {
    /// The cleaned text; `None` where there is none.
    fn raw(&self, field: Field) -> Option<String> {
        self.row.get(field).map(clean).filter(|text| !text.is_empty())
    }

    /// A text in which an unseen character would make two values out of what looks like one.
    fn identifier(&mut self, field: Field) -> Option<String> {
        let text = self.raw(field)?;
        match unseen(&text) {
            None => Some(text),
            Some(c) => {
                let expected = format!("text without unseen characters (found U+{:04X})", u32::from(c));
                self.refuse(field, &text, expected);
                None
            }
        }
    }

    fn required(&mut self, field: Field, expected: &str) -> Option<String> {
        if self.raw(field).is_none() {
            self.refuse(field, "", expected.to_owned());
        }
        self.identifier(field)
    }

    /// A name for people: line breaks and unseen characters are no reason to refuse a row.
    fn name(&self, field: Field) -> Option<String> {
        let text = self.raw(field)?;
        if unseen(&text).is_none() {
            return Some(text);
        }
        let seen: String = text
            .chars()
            .map(|c| if unseen(c.encode_utf8(&mut [0; 4])).is_some() { ' ' } else { c })
            .collect();
        Some(seen.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
    }

    fn program(&mut self) -> Option<Program> {
        let names = Program::ALL.map(|program| format!("`{program}`")).join(", ");
        let expected = format!("a program ({names}, or a configured alias)");
        let text = self.required(Field::Program, &expected)?;
        let program = self.vocabulary.program(&text);
        if program.is_none() {
            self.refuse(Field::Program, &text, expected);
        }
        program
    }

    fn ndc(&mut self) -> Option<Ndc> {
        let text = self.required(Field::Ndc, "an NDC")?;
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

    fn state(&mut self) -> Option<String> {
        let text = self.identifier(Field::State)?.to_uppercase();
        let doubt = match self.tables.state(&text).map(|state| state.usage) {
            Some(StateUse::Allowed) => return Some(text),
            Some(StateUse::Territory) => Doubt::Territory,
            Some(StateUse::AddressOnly) => Doubt::AddressOnlyState,
            Some(StateUse::NationalTotal) => Doubt::NationalTotal,
            None => Doubt::State,
        };
        self.warn(Field::State, doubt, &text);
        (doubt != Doubt::NationalTotal).then_some(text)
    }

    fn delivery_system(&mut self) -> Option<DeliverySystem> {
        let text = self.identifier(Field::DeliverySystem)?;
        let system = self.vocabulary.delivery_system(&text);
        if system.is_none() {
            self.warn(Field::DeliverySystem, Doubt::DeliverySystem, &text);
        }
        system
    }

    fn covered_entity(&mut self) -> Option<String> {
        let text = self.identifier(Field::CoveredEntityId)?.to_uppercase();
        if entity::entity_type(&text, &self.tables.covered_entity_types).is_none() {
            self.warn(Field::CoveredEntityId, Doubt::CoveredEntity, &text);
        }
        Some(text)
    }

    fn pharmacy_npi(&mut self) -> Option<String> {
        let text = self.identifier(Field::PharmacyNpi)?;
        if let Err(error) = npi::check(&text) {
            self.warn(Field::PharmacyNpi, Doubt::Npi(error), &text);
        }
        Some(text)
    }

    fn period(&mut self) -> Option<Quarter> {
        let text = self.raw(Field::Period)?;
        let quarter = text.parse::<Quarter>();
        quarter.map_err(|error| self.refuse(Field::Period, &text, error.to_string())).ok()
    }

    fn day(&mut self, field: Field) -> Option<Date> {
        let text = self.raw(field)?;
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

    fn reason_codes(&mut self, program: Option<Program>) -> Vec<Text> {
        let Some(text) = self.identifier_list(Field::ReasonCodes) else { return Vec::new() };
        let mut codes: Vec<Text> = Vec::new();
        for code in text.split(|c: char| c == '|' || c == ';' || c.is_whitespace()) {
            let code = code.to_uppercase();
            if code.is_empty() || codes.iter().any(|known| **known == *code) {
                continue;
            }
            if let Some(program) = program
                && self.tables.reason_code(program, &code).is_none()
            {
                self.warn(Field::ReasonCodes, Doubt::ReasonCode, &format!("{code} for {program}"));
            }
            codes.push(Text::from(code));
        }
        codes
    }

    /// As [`Reader::identifier`], but line breaks and tabs separate.
    fn identifier_list(&mut self, field: Field) -> Option<String> {
        let text = self.raw(field)?;
        match unseen(&text.replace(['\n', '\r', '\t'], " ")) {
            None => Some(text),
            Some(_) => self.identifier(field),
        }
    }

    fn unit_type(&mut self) -> Option<UnitType> {
        let text = self.identifier(Field::UnitType)?;
        let row = self.tables.unit_type(&text);
        let unit_type = row.and_then(|row| row.unit_type);
        if unit_type.is_none() {
            let doubt = if row.is_some() { Doubt::UnitQualifier } else { Doubt::UnitType };
            self.warn(Field::UnitType, doubt, &text);
        }
        unit_type
    }

    fn amount(&mut self, field: Field, kind: AmountKind) -> Option<Decimal> {
        let text = self.raw(field)?;
        let amount = match self.vocabulary.implied_decimals(field) {
            Some(decimals) => amount::parse_overpunch(&text, decimals, kind),
            None => amount::parse(&text, kind),
        };
        amount.map_err(|error| self.refuse(field, &text, error.to_string())).ok()
    }

    fn source_url(&mut self) -> Option<String> {
        let text = self.raw(Field::SourceUrl)?;
        let lower = text.to_ascii_lowercase();
        let is_link = (lower.starts_with("https://") || lower.starts_with("http://"))
            && unseen(&text).is_none()
            && !text.contains(char::is_whitespace);
        if !is_link {
            self.warn(Field::SourceUrl, Doubt::Link, &shape(&text));
        }
        is_link.then_some(text)
    }

    fn refuse(&mut self, field: Field, found: &str, expected: String) {
        let found = if field.is_private() { shape(found) } else { quoted(found) };
        self.errors.push(FieldError { field, found, expected });
    }

    fn warn(&mut self, field: Field, doubt: Doubt, value: &str) {
        let value = if field.is_private() { shape(value) } else { quoted(value) };
        self.warnings.push(Warning { field, doubt, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
