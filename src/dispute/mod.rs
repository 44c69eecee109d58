//! What a dispute is: one line of an invoice for a drug discount that a manufacturer does not accept.
//!
//! Pure. Turns the text fields of one input row into a typed [`Dispute`] or into the list of all fields
//! that are wrong. Required are `dispute_id`, `program`, `manufacturer` and `ndc`; a row is refused only
//! where one of these is missing or ambiguous, or where a number or a date cannot be read. A doubtful
//! optional identifier and an unknown code are kept, with a counted warning.

mod amount;
mod clock;
mod day;
mod entity;
mod field;
mod layout;
mod ndc;
mod npi;
mod period;
mod privacy;
mod program;
mod record;
mod shapes;
mod table_parse;
mod table_text;
mod tables;
mod text;
mod transaction;
mod unit;
mod value;
mod vocabulary;

use std::sync::Arc;

use jiff::civil::Date;
use rust_decimal::Decimal;

pub use amount::{AmountError, AmountKind, parse as parse_amount, parse_overpunch};
pub use clock::{Anchor, AnchorDay, ClockFace, Clocks, Holiday, HolidayRule, Roll, Silence, Term};
pub use day::{DayError, parse as parse_day};
pub use entity::{entity_type, parent as parent_entity};
pub use field::Field;
pub use layout::{LayoutKind, LayoutRow};
pub use ndc::{Ndc, NdcError};
pub use npi::{NpiError, check as check_npi};
pub use period::{Quarter, QuarterError};
pub use privacy::{Class, ColumnClass, class_of, column_classes};
pub use program::{DeliverySystem, DisputedMoney, Program};
pub(crate) use record::RowReader;
pub use record::{Doubt, FieldError, Row, Warning, read};
pub use shapes::{Find, Shape, finds, plain};
pub use table_parse::TableTexts;
pub use table_text::{TableError, TableText};
pub use tables::{
    CodeKind, CoveredEntityType, DayKind, Deadline, Documentation, ProgramRules, ReasonCode, RootCause,
    State, StateUse, Tables, UnitCode,
};
pub(crate) use text::quoted_as_is;
pub use text::{Interner, clean, quoted, shape, unseen};
pub use transaction::{AnchorDays, Transaction};
pub use unit::UnitType;
pub use value::Value;
pub use vocabulary::Vocabulary;

/// Shared, immutable text: many disputes carry the same payer, state or product name.
pub type Text = Arc<str>;

/// One disputed invoice line.
#[derive(Clone, PartialEq, Eq)]
pub struct Dispute {
    /// The id that the source gives; unique over all input.
    pub id: Text,
    /// The discount program; a group never crosses it.
    pub program: Program,
    /// The manufacturer whose dispute and whose ticket it is. Clients are rivals.
    pub client: Text,
    /// The product and package.
    pub ndc: Ndc,
    /// Product name as the source writes it.
    pub product_name: Option<Text>,
    /// Two-letter state or territory.
    pub state: Option<Text>,
    /// Medicaid managed-care plan, PBM or Part D contract.
    pub payer: Option<Text>,
    /// Fee for service or managed care.
    pub delivery_system: Option<DeliverySystem>,
    /// 340B id of the covered entity, upper case.
    pub covered_entity: Option<Text>,
    /// National provider identifier of the pharmacy, ten digits where valid.
    pub pharmacy_npi: Option<Text>,
    /// Invoice quarter.
    pub period: Option<Quarter>,
    /// Day of service. Patient-level: never leaves this process.
    pub service_date: Option<Date>,
    /// Reason codes in the order given, upper case, without repeats.
    pub reason_codes: Vec<Text>,
    /// Units on the invoice, in `unit_type`.
    pub units_invoiced: Option<Decimal>,
    /// Units in dispute, in `unit_type`.
    pub units_disputed: Option<Decimal>,
    /// What one unit is.
    pub unit_type: Option<UnitType>,
    /// Unit rebate amount in US dollars. Confidential by statute: never leaves this process.
    pub unit_rebate_amount: Option<Decimal>,
    /// Money in dispute in US dollars.
    pub amount_disputed: Option<Decimal>,
    /// Status in the source, lower case; empty means open.
    pub status: Text,
    /// Day the dispute was opened.
    pub opened_at: Option<Date>,
    /// Day by which someone must act.
    pub due_at: Option<Date>,
    /// Day the dispute was settled.
    pub resolved_at: Option<Date>,
    /// Free text. May hold anything, patients' names included: never leaves this process.
    pub note: Option<Text>,
    /// Claim reference. Patient-level: never leaves this process.
    pub claim_ref: Option<Text>,
    /// Where the dispute is in the source system.
    pub source_url: Option<Text>,
    /// What the line did to its claim.
    pub transaction: Option<Transaction>,
    /// Days from which clocks run.
    pub anchors: AnchorDays,
    /// Whether the money in dispute is withheld or paid, by the rules of the program.
    pub disputed_money: DisputedMoney,
}

impl Dispute {
    /// Whether the status says that the dispute is unresolved.
    pub fn is_open(&self, vocabulary: &Vocabulary) -> bool {
        vocabulary.is_open(&self.status)
    }
}
