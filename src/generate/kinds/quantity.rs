//! Prices and quarters, duplicates and reversals, and quantities out of line.

use super::{Claims, Family, Fix, Kind, Quantity};
use crate::dispute::Program::{Cgdp, Commercial, Mdrp, Mfp, PartDMdp};

const ORDINARY: Kind = Kind {
    number: 0,
    name: "",
    family: Family::Price,
    programs: &[],
    volume: 3,
    fixes: &[],
    quantity: Quantity::Whole,
    claims: Claims::Single,
    phrases: &[],
};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        number: 20,
        name: "unit rebate amount zero or wrong",
        programs: &[(Mdrp, &["B", "A", "I"])],
        volume: 4,
        fixes: &[Fix::Package, Fix::Period],
        quantity: Quantity::ZeroRate,
        phrases: &[
            "zero URA on invoice, PPA to follow",
            "zero URA sent by state for {quarter}",
            "URA missing on CMS file, labeler computes, PPA",
            "prior period adjustment of URA expected",
        ],
        ..ORDINARY
    },
    Kind {
        number: 21,
        name: "managed-care quarter taken from the paid date",
        programs: &[(Mdrp, &["Y", "A"])],
        fixes: &[Fix::State, Fix::ManagedCarePlan, Fix::PeriodPair],
        quantity: Quantity::Price(&[870, 910, 1_080, 1_120, 1_160, 1_240]),
        phrases: &[
            "invoiced by paid date, not date of service",
            "MCO claims in wrong quarter, paid date used",
            "date of service {date} belongs to earlier quarter",
            "{payer} reports by paid date",
        ],
        ..ORDINARY
    },
    Kind {
        number: 34,
        name: "discount above the maximum",
        programs: &[(Cgdp, &["D13", "D14"]), (PartDMdp, &["D13", "D14"])],
        fixes: &[Fix::Contract, Fix::Year],
        quantity: Quantity::Price(&[1_300, 1_420, 1_550, 1_700]),
        phrases: &[
            "discount above maximum, accumulator {n}",
            "maximum discount for the event exceeded",
            "maximum discount passed, contract {payer}",
            "accumulated discount exceeds benefit limit",
        ],
        ..ORDINARY
    },
    Kind {
        number: 35,
        name: "maximum fair price refund short",
        programs: &[(Mfp, &["001", "002"])],
        fixes: &[Fix::Package, Fix::Chain],
        quantity: Quantity::Price(&[120, 180, 260, 340, 420]),
        phrases: &[
            "SDRA short, WAC minus MFP expected",
            "refund basis is not WAC minus MFP",
            "refund delta of {n} cents a unit, other base price",
            "SDRA calculated from contract price",
        ],
        ..ORDINARY
    },
    Kind {
        number: 22,
        name: "same claim twice in the file",
        family: Family::Duplicate,
        programs: &[(Mdrp, &["M"]), (Cgdp, &["D01"]), (PartDMdp, &["D21"]), (Commercial, &["COM-DUP-H"])],
        fixes: &[Fix::Payer, Fix::Period],
        claims: Claims::Paired,
        phrases: &[
            "duplicate of claim {claim}",
            "duplicate, same rx {rx} and fill date {date}",
            "exact duplicate line, void one ICN {n}",
            "claim billed twice in file",
        ],
        ..ORDINARY
    },
    Kind {
        number: 23,
        name: "one dispense invoiced as fee for service and as managed care",
        family: Family::Duplicate,
        programs: &[(Mdrp, &["M"])],
        fixes: &[Fix::State, Fix::ShortWindow],
        claims: Claims::PairedAcrossPayers,
        phrases: &[
            "FFS/MCO overlap, rx {rx}",
            "both FFSU and MCOU records for one dispense",
            "retro enrollment, FFS and MCO overlap {state}",
            "dispense invoiced under FFS and MCO, enrollment check",
        ],
        ..ORDINARY
    },
    Kind {
        number: 24,
        name: "reversal not backed out",
        family: Family::Duplicate,
        programs: &[(Mdrp, &["M", "J"]), (Mfp, &["003"])],
        fixes: &[Fix::Pharmacy, Fix::ShortWindow],
        phrases: &[
            "reversal not in file, return to stock rx {rx}",
            "return to stock on {date}, no B2 record",
            "pharmacy reversal not backed out of invoice",
            "reversed claim {claim} still invoiced",
        ],
        ..ORDINARY
    },
    Kind {
        number: 25,
        name: "no state payment",
        family: Family::Duplicate,
        programs: &[(Mdrp, &["J"])],
        volume: 2,
        fixes: &[Fix::State, Fix::FeeForService],
        phrases: &[
            "zero paid by state, claim {claim}",
            "claim level detail shows zero paid",
            "$0 paid FFS claim, proof of payment asked",
            "no state payment, zero paid line {n}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 44,
        name: "rebate paid to two payers",
        family: Family::Duplicate,
        programs: &[(Commercial, &["COM-DUP-HV"])],
        fixes: &[Fix::BenefitManagerPair, Fix::Period],
        claims: Claims::PairedAcrossPayers,
        phrases: &[
            "secondary payer billed the same rx {rx}",
            "stacked rebate, primary and secondary payer",
            "claim seen at other payer, submission {n}",
            "secondary payer, pay-first rule",
        ],
        ..ORDINARY
    },
    Kind {
        number: 28,
        name: "excessive quantity of one pharmacy",
        family: Family::Quantity,
        programs: &[(Mdrp, &["Q", "P"]), (Cgdp, &["D04"])],
        fixes: &[Fix::Pharmacy, Fix::Package],
        quantity: Quantity::Outlier,
        phrases: &[
            "days supply {n} does not fit quantity",
            "quantity entered as mg, rx {rx}",
            "excessive units, quantity entered as mg at {npi}",
            "aberrant quantity, days supply wrong",
        ],
        ..ORDINARY
    },
    Kind {
        number: 29,
        name: "units of a state above their trend",
        family: Family::Quantity,
        programs: &[(Mdrp, &["S", "P"])],
        fixes: &[Fix::Package, Fix::State, Fix::Period],
        quantity: Quantity::Growth,
        phrases: &[
            "above historical trend for {state}",
            "historical trend exceeded by {n} percent",
            "utilization growth, ask for PDL change",
            "units out of line with historical trend {quarter}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 30,
        name: "units of a state exceed sales",
        family: Family::Quantity,
        programs: &[(Mdrp, &["P"])],
        fixes: &[Fix::Package, Fix::State, Fix::PeriodPair],
        quantity: Quantity::Share,
        phrases: &[
            "units exceed sales per 867 data",
            "sales of {n} packages do not cover invoice",
            "867 sales in {state} below invoiced units",
            "units above sales, methodology attached",
        ],
        ..ORDINARY
    },
    Kind {
        number: 33,
        name: "early fill",
        family: Family::Quantity,
        programs: &[(Cgdp, &["D08", "D05"]), (PartDMdp, &["D08", "D05"])],
        fixes: &[Fix::Pharmacy, Fix::Contract],
        claims: Claims::Paired,
        phrases: &[
            "early refill, prior fill {date}",
            "early refill of rx {rx}, days supply overlap",
            "fill overlaps earlier days supply",
            "refill too soon, plan {payer}",
        ],
        ..ORDINARY
    },
];
