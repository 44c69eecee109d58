//! Units of measure, and the product itself: whose, sold when, and whether it earns a rebate.

use super::{Claims, Family, Fix, Kind, Quantity};
use crate::dispute::Program::{Cgdp, Mdrp, P340b, Tricare};

const ORDINARY: Kind = Kind {
    number: 0,
    name: "",
    family: Family::Units,
    programs: &[],
    volume: 3,
    fixes: &[],
    quantity: Quantity::Whole,
    claims: Claims::Single,
    phrases: &[],
};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        number: 10,
        name: "milliliters invoiced for a product counted each",
        programs: &[(Mdrp, &["D", "Q", "R|D", "P"])],
        volume: 8,
        fixes: &[Fix::VialProduct],
        quantity: Quantity::PackageRatio,
        phrases: &[
            "UOM conversion, each vs mL, {name}",
            "state billed mL, label file says each; conversion {ratio}",
            "UOM mismatch on {ndc}, units look like mL per vial",
            "conversion factor not applied, kit counted in mL",
        ],
        ..ORDINARY
    },
    Kind {
        number: 11,
        name: "HCPCS billing units invoiced as NDC units",
        programs: &[(Mdrp, &["K", "D", "P"])],
        volume: 5,
        fixes: &[Fix::CodedDrugs, Fix::State, Fix::FeeForService],
        quantity: Quantity::Ratio(&[2_000, 4_000, 5_000, 10_000, 20_000, 25_000, 40_000, 60_000, 100_000]),
        phrases: &[
            "J-code {hcpcs} units not converted by crosswalk",
            "crosswalk factor missing, HCPCS units billed as NDC units",
            "J-code billing units {n} invoiced, see crosswalk",
            "{hcpcs} crosswalk: billing unit is not package unit",
        ],
        ..ORDINARY
    },
    Kind {
        number: 12,
        name: "HCPCS code mapped to the wrong NDC",
        programs: &[(Mdrp, &["K", "O"])],
        volume: 4,
        fixes: &[Fix::CodedDrugs, Fix::State],
        phrases: &[
            "multiple NDCs under {hcpcs}, this one not sold in channel",
            "{hcpcs} maps to multiple NDCs, ask for NDC on claim",
            "wrong NDC chosen for {hcpcs}",
            "NDC {ndc} not stocked by clinics, mapping of J-code suspected",
        ],
        ..ORDINARY
    },
    Kind {
        number: 13,
        name: "decimal point shifted",
        programs: &[(Mdrp, &["E", "D"])],
        volume: 4,
        fixes: &[Fix::Package, Fix::State],
        quantity: Quantity::Ratio(&[10_000, 100_000, 1_000_000]),
        phrases: &[
            "decimal shifted, 2.5 vs 25",
            "decimal place error in units, {n} instead of a tenth",
            "rounding of package decimal, UPPS attached",
            "quantity sent without decimal point, {state}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 14,
        name: "package size wrong on the label file",
        programs: &[(Mdrp, &["F"])],
        volume: 4,
        fixes: &[Fix::Package],
        quantity: Quantity::Ratio(&[1_500, 2_000, 3_000, 3_333, 4_000, 6_000, 12_000, 1_250, 1_667]),
        phrases: &[
            "package size on label file is wrong, {ndc}",
            "package size discrepancy since {quarter}",
            "labeler package size correction pending",
            "package size {n} reported, invoice uses another",
        ],
        ..ORDINARY
    },
    Kind {
        number: 15,
        name: "product transferred to another labeler",
        family: Family::Product,
        programs: &[(Mdrp, &["G"]), (Tricare, &["G"])],
        fixes: &[Fix::ProductFamily, Fix::AfterDate],
        phrases: &[
            "product divested, new labeler owes",
            "NDC acquired by other company effective {date}",
            "divested product, transfer agreement attached",
            "acquired product line, liability of new holder",
        ],
        ..ORDINARY
    },
    Kind {
        number: 16,
        name: "terminated NDC past its shelf life",
        family: Family::Product,
        programs: &[(Mdrp, &["N"]), (Cgdp, &["D07"]), (P340b, &["VAL"])],
        volume: 4,
        fixes: &[Fix::Package, Fix::AfterDate],
        phrases: &[
            "dispensed after last lot expiry, {ndc}",
            "obsolete NDC, last lot expired over one year ago",
            "terminated NDC {ndc}, past shelf life",
            "last lot {n} expired before date of service",
        ],
        ..ORDINARY
    },
    Kind {
        number: 17,
        name: "NDC keyed wrong",
        family: Family::Product,
        programs: &[(Mdrp, &["O"])],
        fixes: &[Fix::Pharmacy, Fix::MiskeyedNdc],
        phrases: &[
            "not our product, NDC {ndc} invalid",
            "padding of ten digit NDC wrong, pharmacy {npi}",
            "mis-keyed NDC, zero padding in wrong segment",
            "not our product; digits transposed",
        ],
        ..ORDINARY
    },
    Kind {
        number: 18,
        name: "product earns no rebate",
        family: Family::Product,
        programs: &[(Mdrp, &["U"])],
        fixes: &[Fix::Package, Fix::State],
        phrases: &[
            "not a covered outpatient drug",
            "{name} is not a covered outpatient drug, units not owed",
            "COD status no on product file, {state} invoiced anyway",
            "product excluded from rebate, inpatient use only",
        ],
        ..ORDINARY
    },
    Kind {
        number: 19,
        name: "program paid by the state alone invoiced",
        family: Family::Product,
        programs: &[(Mdrp, &["U"])],
        fixes: &[Fix::State, Fix::StateProgram],
        phrases: &[
            "state only program, no federal match",
            "SPAP utilization in Medicaid invoice",
            "HMO outside the rebate program, {payer}",
            "remove state-funded program from invoice {quarter}",
        ],
        ..ORDINARY
    },
];
