//! The list of a group's disputes, as a file to attach.
//!
//! Columns are those that may leave: no note, claim, service date or money (exact money and exact units of one
//! NDC give its confidential unit rebate amount). A cell that a spreadsheet would take for a formula is written as
//! text (OWASP, "CSV Injection"). A cell that looks like what its column does not have is withheld, and told of: a list
//! without it is of more use than none.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{facts::Grain, markdown::flatten, privacy::withheld};
use crate::{
    dispute::{Dispute, Field, Text, UnitType},
    group::GroupId,
};

/// What the file names of our lists begin with.
pub const PREFIX: &str = "disputes-";

/// Columns of the list, in order.
pub const COLUMNS: [Field; 12] = [
    Field::DisputeId,
    Field::Ndc,
    Field::ProductName,
    Field::State,
    Field::Payer,
    Field::CoveredEntityId,
    Field::PharmacyNpi,
    Field::Period,
    Field::ReasonCodes,
    Field::UnitsDisputed,
    Field::UnitType,
    Field::DueAt,
];

/// Bytes kept for the row that says what is left out.
const ROOM_FOR_THE_REST: usize = 64;

/// A file to attach; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List {
    /// Name of the file. It holds a digest of the text, so that another version has another name.
    pub name: String,
    /// The text: CSV (RFC 4180) in UTF-8 with a byte order mark, without which spreadsheets read it as something
    /// else.
    pub text: Arc<str>,
    /// Disputes in it.
    pub rows: usize,
    /// Disputes left out, because the file would be larger than Jira takes.
    pub left_out: usize,
    /// Cells that are withheld because they look private.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

/// Cells of a column that are withheld for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Name of the column.
    pub column: &'static str,
    /// What they look like.
    pub kind: &'static str,
    /// How many.
    pub cells: usize,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, kind, cells } = self;
        let s = if *cells == 1 { "" } else { "s" };
        write!(
            f,
            "{cells} cell{s} of column `{column}` in the attached list, because it looks like it holds {kind}"
        )
    }
}

/// A list that Jira shows on an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// Id of the attachment.
    pub id: String,
    /// Name of the file.
    pub name: String,
}

impl List {
    /// The list of some disputes; a coarse one lacks place, time and amount but for the year.
    pub fn of(group: &GroupId, members: &[&Dispute], grain: Grain) -> Self {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer("\u{feff}".as_bytes().to_vec());
        // Writing to memory does not fail, and what is written is text.
        drop(writer.write_record(COLUMNS.map(Field::name)));
        let mut hidden: BTreeMap<(Field, &'static str), usize> = BTreeMap::new();
        for one in members {
            let mut row = row(one);
            if grain == Grain::Coarse {
                row = coarsened(row);
            }
            for (column, cell) in COLUMNS.into_iter().zip(&mut row) {
                if let Some(shape) = column.misfit(cell) {
                    *hidden.entry((column, shape.as_str())).or_default() += 1;
                    *cell = withheld(shape.as_str());
                }
                // A number of units may begin with a minus.
                if column != Field::UnitsDisputed {
                    *cell = guarded(cell);
                }
            }
            drop(writer.write_record(&row));
        }
        let text =
            writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let hidden = hidden.into_iter();
        let withheld =
            hidden.map(|((column, kind), cells)| Withheld { column: column.name(), kind, cells }).collect();
        Self { withheld, ..Self::named(group.short(), text, members.len(), 0) }
    }

    /// The same within some bytes: further rows are left out whole, and the last one says how many.
    #[must_use]
    pub fn within(&self, limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if self.text.len() <= limit {
            return self.clone();
        }
        let room = limit.saturating_sub(ROOM_FOR_THE_REST);
        // No cell holds a line break.
        let mut ends = self.text.match_indices("\r\n").map(|(at, end)| at + end.len());
        let header = ends.next().unwrap_or(0);
        let kept: Vec<usize> = ends.take_while(|end| *end <= room).collect();
        let (rows, end) = (kept.len(), kept.last().copied().unwrap_or(header));
        let left_out = self.rows + self.left_out - rows;
        let text = format!("{}and {left_out} more{}\r\n", &self.text[..end], ",".repeat(COLUMNS.len() - 1));
        Self { withheld: self.withheld.clone(), ..Self::named(self.group(), text, rows, left_out) }
    }

    fn named(group: &str, text: String, rows: usize, left_out: usize) -> Self {
        let version = hex::encode(&Sha256::digest(text.as_bytes())[..4]);
        Self {
            name: format!("{PREFIX}{group}-{version}.csv"),
            text: text.into(),
            rows,
            left_out,
            withheld: Vec::new(),
        }
    }

    fn group(&self) -> &str {
        self.name.trim_start_matches(PREFIX).split('-').next().unwrap_or_default()
    }
}

fn row(dispute: &Dispute) -> [String; COLUMNS.len()] {
    let text = |value: &Option<Text>| value.as_deref().unwrap_or_default().to_owned();
    [
        dispute.id.to_string(),
        dispute.ndc.to_string(),
        text(&dispute.product_name),
        text(&dispute.state),
        text(&dispute.payer),
        text(&dispute.covered_entity),
        text(&dispute.pharmacy_npi),
        dispute.period.map(|period| period.to_string()).unwrap_or_default(),
        dispute.reason_codes.join(" "),
        dispute.units_disputed.map(|units| units.normalize().to_string()).unwrap_or_default(),
        dispute.unit_type.map(UnitType::as_str).unwrap_or_default().to_owned(),
        dispute.due_at.map(|day| day.to_string()).unwrap_or_default(),
    ]
}

fn coarsened(mut row: [String; COLUMNS.len()]) -> [String; COLUMNS.len()] {
    for (column, cell) in COLUMNS.into_iter().zip(&mut row) {
        match column {
            Field::State
            | Field::Payer
            | Field::CoveredEntityId
            | Field::PharmacyNpi
            | Field::UnitsDisputed
            | Field::DueAt => cell.clear(),
            Field::Period => cell.truncate(4),
            _ => {}
        }
    }
    row
}

/// One line, and never a formula.
fn guarded(value: &str) -> String {
    let line = flatten(value);
    // Some programs take blanks off first.
    if line.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']) {
        format!("'{line}")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dispute(id: &str, payer: &str) -> Dispute {
        Dispute {
            id: id.into(),
            program: crate::dispute::Program::Mdrp,
            client: "Example Pharma A".into(),
            ndc: "00022-2127-95".parse().unwrap(),
            product_name: Some("=HYPERLINK(\"http://example.com\")".into()),
            state: Some("TX".into()),
            payer: Some(payer.into()),
            delivery_system: None,
            covered_entity: None,
            pharmacy_npi: None,
            period: None,
            service_date: Some(jiff::civil::date(2026, 1, 2)),
            reason_codes: vec!["D".into(), "M".into()],
            units_invoiced: None,
            units_disputed: Some((-5).into()),
            unit_type: None,
            unit_rebate_amount: Some(7.into()),
            amount_disputed: Some(123.into()),
            status: "".into(),
            opened_at: None,
            due_at: None,
            resolved_at: None,
            note: Some("a note".into()),
            claim_ref: Some("a claim".into()),
            source_url: None,
            transaction: None,
            anchors: crate::dispute::AnchorDays::default(),
            disputed_money: crate::dispute::DisputedMoney::Unpaid,
        }
    }

    #[test]
    fn formulas_are_text_and_what_looks_private_is_withheld() {
        let one = dispute("D-1", "Mrs. Example, SSN 123-45-6789");
        let List { text, rows, withheld, .. } = List::of(&GroupId::from_bits(7), &[&one], Grain::Fine);
        assert_eq!(rows, 1);
        let kind = "a social security number";
        assert_eq!(withheld, [Withheld { column: "payer", kind, cells: 1 }]);
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let row = reader.records().next().unwrap().unwrap();
        let row: Vec<&str> = row.iter().collect();
        assert_eq!(row[..4], ["D-1", "00022-2127-95", "'=HYPERLINK(\"http://example.com\")", "TX"]);
        assert_eq!(row[4], "(withheld: it looks like it holds a social security number)");
        assert_eq!(row[8..], ["D M", "-5", "", ""]);
        for private in ["a note", "a claim", "123", "2026-01-02"] {
            assert!(!text.contains(private), "{private}");
        }
    }

    #[test]
    fn a_list_that_is_too_large_loses_whole_rows_and_says_how_many() {
        let all: Vec<Dispute> = (0..100).map(|n| dispute(&format!("D-{n:03}"), "Example Plan")).collect();
        let members: Vec<&Dispute> = all.iter().collect();
        let whole = List::of(&GroupId::from_bits(7), &members, Grain::Fine);
        assert_eq!(whole.within(u64::MAX), whole);
        let some = whole.within(2_000);
        assert!(some.text.len() <= 2_000 && some.rows > 10, "{} bytes, {} rows", some.text.len(), some.rows);
        assert_eq!(some.rows + some.left_out, 100);
        assert!(some.text.ends_with(&format!("and {} more,,,,,,,,,,,\r\n", some.left_out)), "{}", some.text);
        assert_ne!(some.name, whole.name);
        assert_eq!(some.within(1_000).left_out + some.within(1_000).rows, 100);
    }
}
