//! 340B overlap: the same dispense got a 340B price and a rebate.

use super::{Claims, Family, Fix, Kind, Quantity};
use crate::dispute::Program::{Mdrp, Mfp, P340b, PartDMdp};

const ORDINARY: Kind = Kind {
    number: 0,
    name: "",
    family: Family::Overlap,
    programs: &[],
    volume: 3,
    fixes: &[],
    quantity: Quantity::Whole,
    claims: Claims::Single,
    phrases: &[],
};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        number: 1,
        name: "fee-for-service carve-in provider not excluded by the state",
        programs: &[(Mdrp, &["X"])],
        volume: 7,
        fixes: &[Fix::Entity, Fix::Pharmacy, Fix::FeeForService],
        phrases: &[
            "on MEF, PHS entity not extracted, NPI {npi}",
            "provider {npi} listed on MEF for {quarter}; state did not exclude claims",
            "PHS entity not extracted from FFS file, rx {rx}",
            "carve-in per MEF snapshot, exclude NPI {npi}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 2,
        name: "managed-care 340B claim without a claim-level flag",
        programs: &[(Mdrp, &["X"])],
        volume: 6,
        fixes: &[Fix::ContractPharmacy, Fix::ManagedCarePlan],
        phrases: &[
            "no SCC 20 on MCO encounter {claim}",
            "MCO claim, 340B modifier missing, plan {payer}",
            "submission clarification code 20 absent, rx {rx}",
            "MCO encounter without claim level 340B indicator",
        ],
        ..ORDINARY
    },
    Kind {
        number: 3,
        name: "medical claim without the 340B modifier",
        programs: &[(Mdrp, &["X"])],
        volume: 4,
        fixes: &[Fix::Entity, Fix::Pharmacy, Fix::CodedDrugs],
        phrases: &[
            "UD modifier missing on {hcpcs}, outpatient infusion",
            "outpatient infusion billed without UD, claim {claim}",
            "JG/TB modifier not on medical claim {claim} for {hcpcs}",
            "physician administered {hcpcs}, modifier UD absent",
        ],
        ..ORDINARY
    },
    Kind {
        number: 4,
        name: "contract pharmacy dispense, not confirmed",
        programs: &[(Mdrp, &["X"]), (P340b, &["GFI-DUP", "X"])],
        volume: 5,
        fixes: &[Fix::ContractPharmacy],
        quantity: Quantity::Share,
        phrases: &[
            "contract pharmacy {npi}, unconfirmed with covered entity",
            "likely contract pharmacy 340B dispense, inquiry sent {date}",
            "unconfirmed contract pharmacy claim rx {rx}",
            "waiting for covered entity to confirm contract pharmacy fills",
        ],
        ..ORDINARY
    },
    Kind {
        number: 5,
        name: "entity changed its carve status in mid-quarter",
        programs: &[(Mdrp, &["X"]), (P340b, &["GFI-DUP", "X"])],
        fixes: &[Fix::Entity, Fix::PeriodPair],
        phrases: &[
            "carve status change effective next quarter, {entity}",
            "entity {entity} switched carve-out to carve-in within {quarter}",
            "effective next quarter per MEF snapshot; purchase switch date unknown",
            "mid-quarter change of carve election",
        ],
        ..ORDINARY
    },
    Kind {
        number: 6,
        name: "entity listed under the wrong Medicaid state",
        programs: &[(Mdrp, &["X"])],
        volume: 2,
        fixes: &[Fix::Entity, Fix::Pharmacy, Fix::StatePair],
        phrases: &[
            "Medicaid State on MEF differs from billing state {state}",
            "entity {entity} billing number filed under other Medicaid State",
            "MEF shows wrong Medicaid State, OPAIS change request needed",
            "cross-state entity, Medicaid State mismatch",
        ],
        ..ORDINARY
    },
    Kind {
        number: 7,
        name: "child site matched to the wrong 340B id",
        programs: &[(P340b, &["GFI-MISMATCH", "X"])],
        fixes: &[Fix::SitePair, Fix::Pharmacy],
        phrases: &[
            "site {entity} matched to parent, check suffix",
            "child site versus parent id, NPI {npi} maps to both",
            "match table points NPI {npi} at wrong site suffix",
            "parent and child site confused in crosswalk",
        ],
        ..ORDINARY
    },
    Kind {
        number: 8,
        name: "entity terminated or not started at the service date",
        programs: &[(P340b, &["GFI-DIV", "GFI-MISMATCH"])],
        fixes: &[Fix::Entity, Fix::AfterDate],
        phrases: &[
            "entity {entity} terminated before service date",
            "not participating on date of service {date}",
            "OPAIS shows {entity} terminated, claims continue",
            "covered entity not participating, terminated record",
        ],
        ..ORDINARY
    },
    Kind {
        number: 9,
        name: "manufacturer disputes a whole entity without evidence",
        programs: &[(Mdrp, &["X"])],
        volume: 2,
        fixes: &[Fix::Entity, Fix::Labeler],
        claims: Claims::Missing,
        phrases: &[
            "all claims of {entity} disputed",
            "all claims, no Rx listed",
            "entire entity {entity} disputed as 340B, no claim evidence",
            "blanket dispute: all utilization of PHS entity",
        ],
        ..ORDINARY
    },
    Kind {
        number: 36,
        name: "maximum fair price and 340B on one dispense",
        programs: &[(Mfp, &["001", "002"]), (P340b, &["DENIED", "GFI-DUP"])],
        fixes: &[Fix::Entity, Fix::Pharmacy, Fix::Package],
        phrases: &[
            "340B claim, MFP refund withheld, lesser of applies",
            "lesser of MFP and ceiling price, entity {entity}",
            "refund withheld in full: flagged as 340B dispense rx {rx}",
            "MFP nonduplication with 340B, match rebate id {n}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 38,
        name: "Part D 340B claim without a claim-level flag",
        programs: &[(PartDMdp, &["D99"])],
        fixes: &[Fix::Entity, Fix::Pharmacy],
        phrases: &[
            "340B Part D claim, SCC 20 not submitted",
            "340B Part D dispense at {npi}, discount not owed",
            "Part D claim filled with 340B stock, entity {entity}",
            "OPAIS and chargeback show 340B purchase, PDE without flag",
        ],
        ..ORDINARY
    },
];
