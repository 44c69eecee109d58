//! Which column of a file is probably which of ours, by their names alone.

use std::collections::BTreeMap;

use super::batch::Reason;
use super::bytes::{self, LIMITS};
use super::files::{self, InputFile, Kind};
use super::json_rows::{self, RawLine};
use super::layout::{Layout, layouts, squeeze};
use super::{Settings, fixed, sample};
use crate::dispute::{Field, LayoutKind, LayoutRow, Tables};

/// How alike two names must be (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.93;
/// So many columns of a layout are no chance.
const LEAST_SHARED: usize = 5;

/// Other names of our columns, squeezed: CMS invoices and statements, NCPDP fields, and what exports are found to say.
const NAMES: [(Field, &[&str]); 29] = [
    (
        Field::DisputeId,
        &["disputeno", "disputenumber", "disputekey", "disputelineid", "lineid", "caseid", "recordkey"],
    ),
    (
        Field::Program,
        &["programname", "programtype", "programcode", "discountprogram", "lineofbusiness", "lob"],
    ),
    (
        Field::Manufacturer,
        &["mfr", "mfg", "labelername", "client", "clientname", "manufacturername", "company"],
    ),
    (Field::Ndc, &["ndc11", "ndccode", "ndcnumber", "nationaldrugcode", "407d7", "productserviceid"]),
    (
        Field::ProductName,
        &["product", "drugname", "productdescription", "productfdaname", "fdaname", "brandname", "drug"],
    ),
    (Field::State, &["statecode", "st", "statecd", "medicaidstate", "billingstate"]),
    (Field::Payer, &["payername", "plan", "planname", "pbm", "contractid", "sponsor", "mco", "mconame"]),
    (Field::DeliverySystem, &["recordid", "recordtype", "ffsmco", "utilizationtype", "deliverytype"]),
    (Field::CoveredEntityId, &["340bid", "340b", "ceid", "coveredentity", "entityid", "hrsaid"]),
    (
        Field::PharmacyNpi,
        &["npi", "serviceproviderid", "201b1", "pharmacyid", "providernpi", "dispensingnpi"],
    ),
    (
        Field::Period,
        &["quarter", "rebatequarter", "periodcovered", "invoiceperiod", "yrqtr", "invoicequarter", "qtr"],
    ),
    (Field::ServiceDate, &["dateofservice", "dos", "filldate", "401d1", "dispensedate", "servicedt"]),
    (Field::ReasonCodes, &["reason", "reasoncode", "disputecode", "disputecodes", "disputereason", "code"]),
    (
        Field::UnitsInvoiced,
        &["units", "unitsreimbursed", "quantity", "qty", "442e7", "quantitydispensed", "invoicedunits"],
    ),
    (Field::UnitsDisputed, &["disputedunits", "unitsindispute", "currentunitsdisputedtodate", "qtydisputed"]),
    (Field::UnitType, &["uom", "unitofmeasure", "60028", "unit"]),
    (Field::UnitRebateAmount, &["ura", "rpu", "rebateperunit", "currentura"]),
    (
        Field::AmountDisputed,
        &["disputedamount", "amountindispute", "amount", "disputeamt", "disputedamt", "dollarsdisputed"],
    ),
    (Field::Status, &["disputestatus", "stage", "workflowstatus"]),
    (
        Field::OpenedAt,
        &["opened", "opendate", "disputedate", "createdat", "createddate", "datedisputed", "submitted"],
    ),
    (Field::DueAt, &["due", "duedate", "deadline", "responsedue"]),
    (Field::ResolvedAt, &["resolved", "resolveddate", "closedat", "closeddate", "resolutiondate"]),
    (Field::Note, &["notes", "comment", "comments", "remarks", "description"]),
    (
        Field::ClaimRef,
        &["claimid", "claimnumber", "claimno", "icn", "rxnumber", "402d2", "prescriptionnumber", "rx"],
    ),
    (Field::SourceUrl, &["url", "link", "href"]),
    (Field::Transaction, &["transactioncode", "transactiontype", "claimtype"]),
    (Field::PostmarkedAt, &["postmark", "postmarkdate", "invoicepostmark"]),
    (Field::ReceivedAt, &["receiveddate", "invoicereceived", "dateinvoicereceived"]),
    (Field::RemittedAt, &["remitdate", "remittancedate"]),
];

/// The column that each of ours probably is, for those where one is likely; none of them twice.
pub fn guess(columns: &[String]) -> BTreeMap<Field, String> {
    let squeezed: Vec<String> = columns.iter().map(|name| squeeze(name)).collect();
    let mut likely: Vec<(f64, Field, usize)> = Vec::new();
    for (field, names) in NAMES {
        for (place, column) in squeezed.iter().enumerate() {
            let ours = squeeze(field.name());
            let likeness = if *column == ours {
                3.0
            } else if names.iter().any(|name| squeeze(name) == *column) {
                2.0
            } else {
                strsim::jaro_winkler(&ours, column)
            };
            if likeness >= ALIKE {
                likely.push((likeness, field, place));
            }
        }
    }
    likely.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut guessed: BTreeMap<Field, String> = BTreeMap::new();
    let mut taken = vec![false; columns.len()];
    for (_, field, place) in likely {
        if !taken[place] && !guessed.contains_key(&field) {
            taken[place] = true;
            guessed.insert(field, columns[place].clone());
        }
    }
    guessed
}

/// What the first file that the paths of a source lead to looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guess {
    /// The named layout that it is in.
    pub layout: Option<String>,
    /// The columns that ours probably are, beside those that the layout knows.
    pub columns: BTreeMap<Field, String>,
    /// Names of columns that nothing is known of.
    pub unknown: Vec<String>,
    /// Where its first line seems to be a row and not a header: how many values it has. Nothing of it is shown.
    pub headless: Option<usize>,
}

/// Looks at the first line of the first file that the paths of a source lead to.
pub fn look(settings: &Settings, tables: &Tables) -> Result<Guess, Reason> {
    if let Some(layout) = fixed_layout(settings, tables)? {
        return Ok(Guess { layout: Some(layout), ..Guess::default() });
    }
    let first = sample::first_rows(settings, 0, &mut |_, _| {})?;
    let is_headless = first.is_headless();
    let names: Vec<String> = first.names.into_iter().filter(|name| !name.is_empty()).collect();
    let layout = named_layout(&names, tables);
    let is_of_layout =
        |name: &String| layout.as_ref().is_some_and(|layout| layout.share(std::slice::from_ref(name)).0 > 0);
    let rest: Vec<String> = names.iter().filter(|name| !is_of_layout(name)).cloned().collect();
    let known = layout.as_ref().map(|layout| known_fields(&layout.name, tables)).unwrap_or_default();
    let mut columns = guess(&rest);
    columns.retain(|field, _| !known.contains(field));
    if is_headless || (first.may_be_row && columns.is_empty() && layout.is_none()) {
        return Ok(Guess { headless: Some(names.len()), ..Guess::default() });
    }
    let unknown = rest.into_iter().filter(|name| !columns.values().any(|known| known == name)).collect();
    Ok(Guess { layout: layout.map(|layout| layout.name), columns, unknown, headless: None })
}

/// The layout whose names most of the columns have, where they do not have ours.
fn named_layout(names: &[String], tables: &Tables) -> Option<Layout> {
    let is_ours =
        Field::REQUIRED.iter().all(|field| names.iter().any(|name| squeeze(name) == squeeze(field.name())));
    if is_ours {
        return None;
    }
    let mut best: Option<(usize, Layout)> = None;
    for layout in layouts(tables).into_iter().filter_map(|name| Layout::named(tables, name)) {
        let (found, _) = layout.share(names);
        let is_most = found >= LEAST_SHARED && found * 5 >= names.len() * 3;
        if is_most && best.as_ref().is_none_or(|(most, _)| found > *most) {
            best = Some((found, layout));
        }
    }
    best.map(|(_, layout)| layout)
}

/// The columns of ours that a layout gives.
fn known_fields(layout: &str, tables: &Tables) -> Vec<Field> {
    tables.layouts.iter().filter(|row| row.layout == layout).filter_map(|row| row.field).collect()
}

/// The layout of a file of lines of fixed width: the one whose signs its first line has.
fn fixed_layout(settings: &Settings, tables: &Tables) -> Result<Option<String>, Reason> {
    for name in layouts(tables) {
        let Some(layout) = Layout::named(tables, name).filter(|layout| !layout.positions.is_empty()) else {
            continue;
        };
        let positions = layout.positions.clone();
        let found = files::find(&Settings { layout, ..settings.clone() }, 0, None);
        let Some(InputFile { path, kind: Kind::Fixed(place), .. }) = found.files.first() else {
            return Ok(None);
        };
        let (mut input, mut line) = (bytes::open(path, place, LIMITS)?.input, RawLine::default());
        json_rows::read_line(&mut input, &mut line).map_err(|error| bytes::of_io(path, 1, &error))?;
        let values = fixed::columns_of(&line.bytes, &positions);
        let has = |row: &LayoutRow| {
            let place = positions.iter().position(|position| position.column == row.column);
            let wanted = row.form.as_deref().unwrap_or_default();
            place.is_some_and(|place| wanted.split('|').any(|wanted| wanted == values[place]))
        };
        let mut signs =
            tables.layouts.iter().filter(|row| row.layout == name && row.kind == LayoutKind::Sign);
        let reaches = positions.iter().map(|position| position.last).max().unwrap_or_default();
        if signs.clone().next().is_some() && signs.all(has) && line.bytes.len() >= reaches {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(columns: &[&str]) -> Vec<String> {
        let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        guess(&columns).into_iter().map(|(field, name)| format!("{field}={name}")).collect()
    }

    #[test]
    fn names_of_the_field_are_known() {
        assert_eq!(
            guessed(&[
                "Dispute No",
                "LOB",
                "Mfr",
                "NDC-11",
                "St",
                "Qty",
                "Units Disputed",
                "Dispute Code",
                "Weather"
            ]),
            [
                "dispute_id=Dispute No",
                "program=LOB",
                "manufacturer=Mfr",
                "ndc=NDC-11",
                "state=St",
                "reason_codes=Dispute Code",
                "units_invoiced=Qty",
                "units_disputed=Units Disputed",
            ]
        );
        assert_eq!(
            guessed(&["402-D2", "407-D7", "442-E7", "401-D1", "201-B1"]),
            [
                "ndc=407-D7",
                "pharmacy_npi=201-B1",
                "service_date=401-D1",
                "units_invoiced=442-E7",
                "claim_ref=402-D2"
            ]
        );
    }

    #[test]
    fn the_likeliest_column_is_taken_once() {
        assert_eq!(guessed(&["State", "State Code", "ndc", "NDC11"]), ["ndc=ndc", "state=State"]);
        assert_eq!(guessed(&["dispute_idd"]), ["dispute_id=dispute_idd"]);
        assert_eq!(guessed(&["a", "b"]), [""; 0]);
    }

    #[test]
    fn no_name_stands_for_two_columns() {
        let mut all: Vec<String> =
            NAMES.iter().flat_map(|(_, names)| names.iter().map(|name| squeeze(name))).collect();
        all.extend(Field::ALL.iter().map(|field| squeeze(field.name())));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
