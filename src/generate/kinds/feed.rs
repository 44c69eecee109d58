//! Payers, provider data, timing, and feeds.

use super::{Claims, Family, Fix, Kind, Quantity};
use crate::dispute::Program::{Cgdp, Commercial, Mdrp, Mfp, P340b, PartDMdp};

const ORDINARY: Kind = Kind {
    number: 0,
    name: "",
    family: Family::Feed,
    programs: &[],
    volume: 3,
    fixes: &[],
    quantity: Quantity::Whole,
    claims: Claims::Single,
    phrases: &[],
};

pub(super) const KINDS: &[Kind] = &[
    Kind {
        number: 26,
        name: "another payer covered the claim",
        family: Family::Payer,
        programs: &[(Mdrp, &["R|P", "R"])],
        fixes: &[Fix::State, Fix::Insurer],
        quantity: Quantity::Share,
        phrases: &[
            "TPL, {payer} is primary",
            "third party liability, state share tiny",
            "Medicare crossover claim {claim}",
            "other insurance paid first, TPL file",
        ],
        ..ORDINARY
    },
    Kind {
        number: 27,
        name: "dual eligible: Part D paid",
        family: Family::Payer,
        programs: &[(Mdrp, &["U", "R|U"])],
        volume: 2,
        fixes: &[Fix::State, Fix::FeeForService],
        phrases: &[
            "dual eligible, Part D paid",
            "Part D primary, state paid copay only",
            "dual: check Medicare enrollment on {date}",
            "Part D covered claim {claim}, dual member",
        ],
        ..ORDINARY
    },
    Kind {
        number: 37,
        name: "plan paid, not the pharmacy",
        family: Family::Payer,
        programs: &[(Mfp, &["011", "012", "013"])],
        fixes: &[Fix::Contract],
        phrases: &[
            "coordinate with plan {payer}",
            "coordinate with plan, direct member reimbursement",
            "plan subrogation, outside of facilitator",
            "plan paid member, pharmacy not owed, txn {n}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 43,
        name: "plan not on the contract or formulary",
        family: Family::Payer,
        programs: &[(Commercial, &["COM-CLIENT", "COM-FORM"])],
        volume: 5,
        fixes: &[Fix::CommercialPlan],
        phrases: &[
            "plan not on client list, {payer}",
            "tier does not match contract, plan {n}",
            "client list of {quarter} lacks this group",
            "formulary tier condition not met",
        ],
        ..ORDINARY
    },
    Kind {
        number: 31,
        name: "brand invoiced, generic paid",
        programs: &[(Mdrp, &["L"])],
        fixes: &[Fix::Pharmacy, Fix::Package],
        quantity: Quantity::Price(&[150, 200, 250, 290]),
        phrases: &[
            "DAW code 0, paid at SMAC",
            "generic substitution, DAW {n}",
            "SMAC price paid, brand NDC on claim rx {rx}",
            "brand billed, generic price, DAW missing",
        ],
        ..ORDINARY
    },
    Kind {
        number: 32,
        name: "pharmacy closed, not yet open or invalid",
        programs: &[(Cgdp, &["D02"]), (PartDMdp, &["D22"])],
        volume: 4,
        fixes: &[Fix::Pharmacy, Fix::AfterDate],
        phrases: &[
            "NCPDP closed as of {date}",
            "pharmacy {npi} closed on date of service",
            "NCPDP shows store closed, {state}",
            "invalid pharmacy, NCPDP closed record {n}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 39,
        name: "storm of late adjustments",
        programs: &[(Mdrp, &["H", "M"])],
        fixes: &[Fix::State, Fix::OldPeriods, Fix::Burst],
        quantity: Quantity::Small,
        phrases: &[
            "retro mass adjustment, {state}",
            "mass adjustment of old quarters, notice {n}",
            "retro eligibility changes, adjustment of {quarter}",
            "late mass adjustment, PQAS line {n}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 40,
        name: "claim detail not sent",
        programs: &[(Mdrp, &["J", "P"])],
        fixes: &[Fix::State, Fix::ManagedCare, Fix::Period],
        quantity: Quantity::Share,
        phrases: &[
            "CLD not received for {quarter}",
            "claim level detail missing, CLD requested {date}",
            "CLD not received from {state}, invoice exceeds detail",
            "no CLD for these units",
        ],
        ..ORDINARY
    },
    Kind {
        number: 41,
        name: "request out of time",
        programs: &[(P340b, &["TIME"]), (Commercial, &["COM-TIME"])],
        fixes: &[Fix::Submitter, Fix::Burst],
        phrases: &[
            "timely filing limit passed, lag {n} days",
            "timely filing: batch received late on {date}",
            "outside filing window, batch {n}",
            "submitted after limit of timely filing",
        ],
        ..ORDINARY
    },
    Kind {
        number: 42,
        name: "prescriber or pharmacy id invalid",
        programs: &[(P340b, &["VAL"])],
        fixes: &[Fix::Entity, Fix::Burst],
        phrases: &[
            "NPI inactive in NPPES, template error",
            "DEA in NPI field, batch {n}",
            "prescriber id invalid, NPI inactive",
            "DEA number in NPI field of template from {entity}",
        ],
        ..ORDINARY
    },
    Kind {
        number: 45,
        name: "group purchasing membership does not match",
        programs: &[(Commercial, &["CONTRACT"])],
        fixes: &[Fix::WholesalerContract],
        quantity: Quantity::Price(&[80, 110, 150, 220]),
        phrases: &[
            "not on membership roster, contract {n}",
            "customer not on membership roster of GPO",
            "roster effective date after invoice, {payer}",
            "chargeback price gap, membership missing",
        ],
        ..ORDINARY
    },
];
