//! Disputes as interned columns: what the engines count over.
//!
//! A [`Table`] keeps per dispute one 32-bit code per [`Attribute`] and nothing else of the row. Codes are
//! given in the order of the values' text, so that the answer depends only on *which* disputes there are,
//! never on the order in which they came.

use std::{collections::HashMap, sync::Arc};

use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::note;
use crate::dispute::{Dispute, Program, Text};

/// One side of a dispute that a root cause may fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Eleven-character NDC.
    Package,
    /// Labeler and product part of the NDC (nine characters).
    Product,
    /// Labeler part of the NDC (five digits).
    Labeler,
    /// State.
    State,
    /// Managed-care plan, PBM or Part D contract.
    Payer,
    /// Fee for service or managed care.
    DeliverySystem,
    /// 340B covered entity.
    CoveredEntity,
    /// Pharmacy NPI.
    Pharmacy,
    /// Invoice quarter.
    Period,
    /// All reason codes of the line, sorted.
    ReasonCodes,
    /// Unit type, where it is not the usual one of its NDC.
    UnitType,
    /// Units disputed against units invoiced, as a bin of about 10 %.
    UnitsRatio,
    /// Amount disputed against units disputed times the unit rebate amount, as a bin of about 10 %.
    AmountRatio,
    /// The wording of the note, as the name of a cluster of masked notes; never its text.
    Note,
}

impl Attribute {
    /// Every attribute, in the order of the columns.
    pub const ALL: [Self; 14] = [
        Self::Package,
        Self::Product,
        Self::Labeler,
        Self::State,
        Self::Payer,
        Self::DeliverySystem,
        Self::CoveredEntity,
        Self::Pharmacy,
        Self::Period,
        Self::ReasonCodes,
        Self::UnitType,
        Self::UnitsRatio,
        Self::AmountRatio,
        Self::Note,
    ];

    /// Stable name for machines: patterns are stored under it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Package => "ndc",
            Self::Product => "product",
            Self::Labeler => "labeler",
            Self::State => "state",
            Self::Payer => "payer",
            Self::DeliverySystem => "delivery_system",
            Self::CoveredEntity => "covered_entity_id",
            Self::Pharmacy => "pharmacy_npi",
            Self::Period => "period",
            Self::ReasonCodes => "reason_codes",
            Self::UnitType => "unit_type",
            Self::UnitsRatio => "units_ratio",
            Self::AmountRatio => "amount_ratio",
            Self::Note => "note",
        }
    }

    /// The attribute with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// Name for people, singular and plural.
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Package => ("NDC", "NDCs"),
            Self::Product => ("product", "products"),
            Self::Labeler => ("labeler", "labelers"),
            Self::State => ("state", "states"),
            Self::Payer => ("payer", "payers"),
            Self::DeliverySystem => ("delivery system", "delivery systems"),
            Self::CoveredEntity => ("covered entity", "covered entities"),
            Self::Pharmacy => ("pharmacy", "pharmacies"),
            Self::Period => ("quarter", "quarters"),
            Self::ReasonCodes => ("reason code", "reason codes"),
            Self::UnitType => ("unit type", "unit types"),
            Self::UnitsRatio => ("units ratio", "units ratios"),
            Self::AmountRatio => ("amount ratio", "amount ratios"),
            Self::Note => ("note wording", "note wordings"),
        }
    }

    /// Where the fault lies (a product, a place, a party), as opposed to how it shows.
    pub fn is_locus(self) -> bool {
        matches!(
            self,
            Self::Package
                | Self::Product
                | Self::Labeler
                | Self::State
                | Self::Payer
                | Self::CoveredEntity
                | Self::Pharmacy
        )
    }

    /// How the fault shows: code, ratio, wording.
    pub fn is_symptom(self) -> bool {
        matches!(self, Self::ReasonCodes | Self::UnitsRatio | Self::AmountRatio | Self::Note | Self::UnitType)
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// One attribute with one value, such as `state=TX`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// The attribute.
    pub attribute: Attribute,
    /// Its value as text.
    pub value: Text,
}

/// Disputes in columns. Missing values have code 0.
#[derive(Debug)]
pub struct Table {
    ids: Vec<Text>,
    programs: Vec<Program>,
    clients: Vec<u32>,
    client_names: Vec<Text>,
    columns: Vec<Vec<u32>>,
    values: Vec<Vec<Text>>,
}

impl Table {
    /// Number of disputes.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no dispute at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Dispute id of a row.
    pub fn id(&self, row: usize) -> &Text {
        &self.ids[row]
    }

    /// Program of a row.
    pub fn program(&self, row: usize) -> Program {
        self.programs[row]
    }

    /// Client of a row.
    pub fn client(&self, row: usize) -> &Text {
        &self.client_names[self.clients[row] as usize]
    }

    /// Value of an attribute in a row, where it has one.
    pub fn value(&self, row: usize, attribute: Attribute) -> Option<&Text> {
        match self.columns[attribute.index()][row] {
            0 => None,
            code => Some(&self.values[attribute.index()][code as usize]),
        }
    }

    /// Whether a row carries every item of a pattern.
    pub fn matches(&self, row: usize, pattern: &[Item]) -> bool {
        pattern.iter().all(|item| self.value(row, item.attribute) == Some(&item.value))
    }

    pub(super) fn client_code(&self, row: usize) -> u32 {
        self.clients[row]
    }

    pub(super) fn column(&self, attribute: Attribute) -> &[u32] {
        &self.columns[attribute.index()]
    }

    /// Number of codes of a column, the missing one included.
    pub(super) fn width(&self, attribute: Attribute) -> usize {
        self.values[attribute.index()].len()
    }

    pub(super) fn item(&self, attribute: Attribute, code: u32) -> Item {
        Item { attribute, value: Arc::clone(&self.values[attribute.index()][code as usize]) }
    }

    /// Rows of each program, in the order of the programs.
    pub(super) fn partitions(&self) -> Vec<(Program, Vec<u32>)> {
        let mut partitions: std::collections::BTreeMap<Program, Vec<u32>> = std::collections::BTreeMap::new();
        for (row, program) in self.programs.iter().enumerate() {
            partitions.entry(*program).or_default().push(row as u32);
        }
        partitions.into_iter().collect()
    }
}

/// Builds a [`Table`] one dispute at a time, so that the disputes themselves need not be kept.
#[derive(Debug, Default)]
pub struct TableBuilder {
    ids: Vec<Text>,
    programs: Vec<Program>,
    clients: Interned,
    columns: Vec<Interned>,
    notes: Interned,
}

impl TableBuilder {
    /// An empty table.
    pub fn new() -> Self {
        Self { columns: Attribute::ALL.iter().map(|_| Interned::default()).collect(), ..Self::default() }
    }

    /// Adds one dispute.
    pub fn push(&mut self, dispute: &Dispute) {
        self.ids.push(Arc::clone(&dispute.id));
        self.programs.push(dispute.program);
        self.clients.push(Some(&dispute.client));
        let ndc = dispute.ndc.to_string();
        let code = dispute.ndc.digits();
        let mut codes: Vec<&str> = dispute.reason_codes.iter().map(|code| &**code).collect();
        codes.sort_unstable();
        let codes = codes.join("+");
        for attribute in Attribute::ALL {
            let column = &mut self.columns[attribute.index()];
            match attribute {
                Attribute::Package => column.push(Some(&ndc)),
                Attribute::Product => column.push(Some(&ndc[..ndc.len() - 3])),
                Attribute::Labeler => column.push(Some(&code[..5])),
                Attribute::State => column.push(dispute.state.as_deref()),
                Attribute::Payer => column.push(dispute.payer.as_deref()),
                Attribute::DeliverySystem => {
                    column.push(dispute.delivery_system.map(crate::dispute::DeliverySystem::as_str));
                }
                Attribute::CoveredEntity => column.push(dispute.covered_entity.as_deref()),
                Attribute::Pharmacy => column.push(dispute.pharmacy_npi.as_deref()),
                Attribute::Period => {
                    column.push(dispute.period.map(|quarter| quarter.to_string()).as_deref());
                }
                Attribute::ReasonCodes => column.push(Some(&*codes).filter(|codes| !codes.is_empty())),
                Attribute::UnitType => column.push(dispute.unit_type.map(crate::dispute::UnitType::as_str)),
                Attribute::UnitsRatio => {
                    column.push(units_bin(dispute.units_invoiced, dispute.units_disputed).as_deref());
                }
                Attribute::AmountRatio => column.push(
                    amount_bin(dispute.amount_disputed, dispute.units_disputed, dispute.unit_rebate_amount)
                        .as_deref(),
                ),
                Attribute::Note => {
                    self.notes
                        .push(dispute.note.as_deref().map(note::mask).filter(|n| !n.is_empty()).as_deref());
                }
            }
        }
    }

    /// Clusters the notes and gives every value its final code.
    pub fn finish(mut self, min_group: usize) -> Table {
        let (note_codes, note_values) = self.notes.finish();
        let names = note::cluster(&note_values, &note_codes, min_group);
        let notes = &mut self.columns[Attribute::Note.index()];
        for code in &note_codes {
            notes.push(names[*code as usize].as_deref());
        }
        let (clients, client_names) = self.clients.finish();
        let (mut columns, values): (Vec<Vec<u32>>, Vec<Vec<Text>>) =
            self.columns.into_iter().map(Interned::finish).unzip();
        keep_unusual(&mut columns, &values, Attribute::UnitType, Attribute::Package);
        let mut table =
            Table { ids: self.ids, programs: self.programs, clients, client_names, columns, values };
        table.sort();
        table
    }
}

impl Table {
    /// Orders rows by content and only then by id, so that neither row order nor renamed ids matter.
    fn sort(&mut self) {
        let mut order: Vec<u32> = (0..self.ids.len() as u32).collect();
        order.sort_unstable_by(|a, b| {
            let (a, b) = (*a as usize, *b as usize);
            self.programs[a]
                .cmp(&self.programs[b])
                .then_with(|| self.clients[a].cmp(&self.clients[b]))
                .then_with(|| {
                    self.columns
                        .iter()
                        .map(|column| column[a].cmp(&column[b]))
                        .find(|ordering| ordering.is_ne())
                        .unwrap_or(std::cmp::Ordering::Equal)
                })
                .then_with(|| self.ids[a].cmp(&self.ids[b]))
        });
        for column in std::iter::once(&mut self.clients).chain(&mut self.columns) {
            *column = order.iter().map(|row| column[*row as usize]).collect();
        }
        self.programs = order.iter().map(|row| self.programs[*row as usize]).collect();
        self.ids = order.iter().map(|row| Arc::clone(&self.ids[*row as usize])).collect();
    }
}

/// Blanks the values of `attribute` that are the usual ones for their `by`: the unit type of an NDC says
/// something only where it is not the one that its lines usually have.
fn keep_unusual(columns: &mut [Vec<u32>], values: &[Vec<Text>], attribute: Attribute, by: Attribute) {
    let mut tally: HashMap<(u32, u32), u32> = HashMap::new();
    for (key, code) in columns[by.index()].iter().zip(&columns[attribute.index()]) {
        if *code != 0 {
            *tally.entry((*key, *code)).or_default() += 1;
        }
    }
    let mut usual = vec![(0u32, 0u32); values[by.index()].len()];
    for ((key, code), count) in tally {
        let (most, chosen) = &mut usual[key as usize];
        if count > *most || (count == *most && code < *chosen) {
            (*most, *chosen) = (count, code);
        }
    }
    let keys = columns[by.index()].clone();
    for (key, code) in keys.iter().zip(&mut columns[attribute.index()]) {
        if *code == usual[*key as usize].1 {
            *code = 0;
        }
    }
}

/// A column under construction: text to code in order of arrival; [`Interned::finish`] sorts the codes.
#[derive(Debug, Default)]
struct Interned {
    codes: Vec<u32>,
    values: Vec<Text>,
    index: HashMap<Text, u32>,
}

impl Interned {
    fn push(&mut self, value: Option<&str>) {
        let code = match value {
            None => 0,
            Some(value) => self.index.get(value).copied().unwrap_or_else(|| {
                let value: Text = value.into();
                self.values.push(Arc::clone(&value));
                let code = self.values.len() as u32;
                self.index.insert(value, code);
                code
            }),
        };
        self.codes.push(code);
    }

    /// Codes per row and text per code; code 0 is the missing value and has an empty text.
    fn finish(self) -> (Vec<u32>, Vec<Text>) {
        let mut order: Vec<u32> = (0..self.values.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.values[*a as usize].cmp(&self.values[*b as usize]));
        let mut rank = vec![0u32; self.values.len() + 1];
        for (position, old) in order.iter().enumerate() {
            rank[*old as usize + 1] = position as u32 + 1;
        }
        let mut values: Vec<Text> = vec!["".into()];
        values.extend(order.iter().map(|old| Arc::clone(&self.values[*old as usize])));
        (self.codes.into_iter().map(|code| rank[code as usize]).collect(), values)
    }
}

/// Width of a ratio bin on the natural logarithm: about 10 %.
const BIN: f64 = 0.1;

/// Units disputed against units invoiced.
///
/// Near the whole (0.9, 0.99, 0.999 of the units disputed: what was invoiced is 10, 100, 1000 times what is
/// accepted) the accepted part is binned, elsewhere the disputed part; "all units" says nothing and is no
/// item.
fn units_bin(invoiced: Option<Decimal>, disputed: Option<Decimal>) -> Option<String> {
    let (invoiced, disputed) = (invoiced?.to_f64()?, disputed?.to_f64()?);
    if invoiced <= 0.0 || disputed <= 0.0 {
        return None;
    }
    let share = disputed / invoiced;
    if (0.9995..=1.0005).contains(&share) {
        return None;
    }
    if share > 0.5 && share < 1.0 {
        let factor = ((1.0 / (1.0 - share)).ln() / BIN).round() * BIN;
        return Some(format!("invoiced about {} times the accepted units", short(factor.exp())));
    }
    let factor = ((share.ln() / BIN).round() * BIN).exp();
    Some(format!("disputed about {} of the invoiced units", short(factor)))
}

/// Amount disputed against units disputed times unit rebate amount; the expected ratio 1 is no item.
fn amount_bin(amount: Option<Decimal>, units: Option<Decimal>, rebate: Option<Decimal>) -> Option<String> {
    let (amount, units, rebate) = (amount?.to_f64()?, units?.to_f64()?, rebate?.to_f64()?);
    if amount == 0.0 {
        return Some("amount zero".to_owned());
    }
    let ratio = amount / (units * rebate);
    if !ratio.is_finite() || ratio <= 0.0 || ratio.ln().abs() < BIN / 2.0 {
        return None;
    }
    Some(format!("amount about {} times the expected", short(((ratio.ln() / BIN).round() * BIN).exp())))
}

/// Three significant digits.
fn short(value: f64) -> String {
    if value >= 99.95 {
        format!("{value:.0}")
    } else if value >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
