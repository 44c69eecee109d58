//! What a dispute has of each column: the one place that knows which field of the struct is which column.

use std::fmt;
use std::hash::{Hash, Hasher};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{AnchorDays, Dispute, Field, Ndc, Quarter, Text, shape};

/// What a dispute has of one column. Equal amounts are equal however they are written, and have one hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text of the source.
    Text(&'a str),
    /// A word of ours.
    Word(&'static str),
    /// A product and package.
    Ndc(Ndc),
    /// A quarter.
    Quarter(Quarter),
    /// A day.
    Day(Date),
    /// Units or money.
    Amount(Decimal),
    /// Codes in the order given; never empty.
    Codes(&'a [Text]),
}

/// Which kind of value it is goes with the column, and is no part of the hash.
impl Hash for Value<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Text(text) | Self::Word(text) => text.hash(state),
            Self::Ndc(ndc) => ndc.hash(state),
            Self::Quarter(quarter) => quarter.hash(state),
            Self::Day(day) => day.hash(state),
            Self::Amount(amount) => amount.hash(state),
            Self::Codes(codes) => codes.hash(state),
        }
    }
}

/// In the words of the contract: what stands there reads back as the same value.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Word(word) => f.write_str(word),
            Self::Ndc(ndc) => ndc.fmt(f),
            Self::Quarter(quarter) => quarter.fmt(f),
            Self::Day(day) => day.fmt(f),
            Self::Amount(amount) => amount.fmt(f),
            Self::Codes(codes) => {
                for (place, code) in codes.iter().enumerate() {
                    if place > 0 {
                        f.write_str("|")?;
                    }
                    f.write_str(code)?;
                }
                Ok(())
            }
        }
    }
}

/// Of private columns only the form: what is printed for a programmer ends up in logs.
impl fmt::Debug for Dispute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut form = f.debug_struct("Dispute");
        for (field, value) in self.values() {
            let Some(value) = value else { continue };
            let value = value.to_string();
            let value = if field.is_private() { shape(&value) } else { value };
            form.field(field.name(), &value);
        }
        form.finish_non_exhaustive()
    }
}

impl Dispute {
    /// Forgets every value of a private column but the reference of the claim.
    pub fn forget_private(&mut self) {
        self.service_date = None;
        self.unit_rebate_amount = None;
        self.note = None;
    }

    /// What the dispute has of each column, in the order of the contract. What follows from other columns, such as
    /// whether its money is withheld, is none.
    pub fn values(&self) -> [(Field, Option<Value<'_>>); Field::ALL.len()] {
        let Self {
            id,
            program,
            client,
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
            status,
            opened_at,
            due_at,
            resolved_at,
            note,
            claim_ref,
            source_url,
            transaction,
            anchors: AnchorDays { postmarked, received, remitted },
            // Follows from the program.
            disputed_money: _,
        } = self;
        [
            (Field::DisputeId, Some(Value::Text(id))),
            (Field::Program, Some(Value::Word(program.as_str()))),
            (Field::Manufacturer, Some(Value::Text(client))),
            (Field::Ndc, Some(Value::Ndc(*ndc))),
            (Field::ProductName, product_name.as_deref().map(Value::Text)),
            (Field::State, state.as_deref().map(Value::Text)),
            (Field::Payer, payer.as_deref().map(Value::Text)),
            (Field::DeliverySystem, delivery_system.map(|system| Value::Word(system.as_str()))),
            (Field::CoveredEntityId, covered_entity.as_deref().map(Value::Text)),
            (Field::PharmacyNpi, pharmacy_npi.as_deref().map(Value::Text)),
            (Field::Period, period.map(Value::Quarter)),
            (Field::ServiceDate, service_date.map(Value::Day)),
            (Field::ReasonCodes, (!reason_codes.is_empty()).then_some(Value::Codes(reason_codes))),
            (Field::UnitsInvoiced, units_invoiced.map(Value::Amount)),
            (Field::UnitsDisputed, units_disputed.map(Value::Amount)),
            (Field::UnitType, unit_type.map(|unit| Value::Word(unit.as_str()))),
            (Field::UnitRebateAmount, unit_rebate_amount.map(Value::Amount)),
            (Field::AmountDisputed, amount_disputed.map(Value::Amount)),
            (Field::Status, (!status.is_empty()).then_some(Value::Text(status))),
            (Field::OpenedAt, opened_at.map(Value::Day)),
            (Field::DueAt, due_at.map(Value::Day)),
            (Field::ResolvedAt, resolved_at.map(Value::Day)),
            (Field::Note, note.as_deref().map(Value::Text)),
            (Field::ClaimRef, claim_ref.as_deref().map(Value::Text)),
            (Field::SourceUrl, source_url.as_deref().map(Value::Text)),
            (Field::Transaction, transaction.map(|transaction| Value::Word(transaction.as_str()))),
            (Field::PostmarkedAt, postmarked.map(Value::Day)),
            (Field::ReceivedAt, received.map(Value::Day)),
            (Field::RemittedAt, remitted.map(Value::Day)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispute::{Row, Tables, Vocabulary, read};

    struct Texts<'a>(&'a [Option<String>]);

    impl Row for Texts<'_> {
        fn get(&self, field: Field) -> Option<&str> {
            self.0[field.index()].as_deref()
        }
    }

    fn texts(dispute: &Dispute) -> Vec<Option<String>> {
        dispute.values().map(|(_, value)| value.map(|value| value.to_string())).to_vec()
    }

    #[test]
    fn every_column_stands_at_its_place_and_reads_back_as_it_is() {
        let full: Vec<Option<String>> = Field::ALL
            .map(|field| {
                let text = match field {
                    Field::DisputeId => "D-1",
                    Field::Program => "340b",
                    Field::Ndc => "12345067890",
                    Field::State => "OH",
                    Field::DeliverySystem => "MCOU",
                    Field::CoveredEntityId => "DSH123456",
                    Field::PharmacyNpi => "1234567893",
                    Field::Period => "20263",
                    Field::ReasonCodes => "d; x|N",
                    Field::UnitsInvoiced => "1,000.500",
                    Field::UnitsDisputed | Field::UnitRebateAmount => "-0.000123",
                    Field::AmountDisputed => "(12.00)",
                    Field::UnitType => "TAB",
                    Field::Status => "Formal_Dispute",
                    Field::ServiceDate
                    | Field::OpenedAt
                    | Field::DueAt
                    | Field::ResolvedAt
                    | Field::PostmarkedAt
                    | Field::ReceivedAt
                    | Field::RemittedAt => "09/30/2026",
                    Field::Note => "two\nlines, \"quoted\"",
                    Field::SourceUrl => "https://example.com/d/1",
                    Field::Transaction => "b",
                    Field::Manufacturer | Field::ProductName | Field::Payer | Field::ClaimRef => "a text",
                };
                Some(text.to_owned())
            })
            .to_vec();
        let (vocabulary, tables) = (Vocabulary::default(), Tables::embedded());
        let once = read(&Texts(&full), &vocabulary, &tables).unwrap().0;
        assert!(once.values().iter().enumerate().all(|(place, (field, _))| field.index() == place));
        assert!(texts(&once).iter().all(Option::is_some), "{:?}", texts(&once));
        let again = read(&Texts(&texts(&once)), &vocabulary, &tables).unwrap().0;
        assert_eq!(again, once);
        let mut forgetful = once;
        forgetful.forget_private();
        for (field, value) in forgetful.values() {
            assert_eq!(value.is_none(), field.is_private() && field != Field::ClaimRef, "{field}");
        }
    }
}
