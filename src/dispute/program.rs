//! The discount programs, what becomes of disputed money in them, and the two ways in which Medicaid pays.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A US drug-discount program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// Medicaid Drug Rebate Program.
    Mdrp,
    /// 340B Drug Pricing Program.
    #[serde(rename = "340b")]
    P340b,
    /// Medicare Part D Manufacturer Discount Program (2025 and later).
    PartDMdp,
    /// Medicare Coverage Gap Discount Program (events before 2025).
    Cgdp,
    /// Medicare Drug Price Negotiation Program: Maximum Fair Price.
    Mfp,
    /// TRICARE retail refund.
    Tricare,
    /// Commercial rebate contracts.
    Commercial,
}

impl Program {
    /// Every program, in the order of the type.
    pub const ALL: [Self; 7] =
        [Self::Mdrp, Self::P340b, Self::PartDMdp, Self::Cgdp, Self::Mfp, Self::Tricare, Self::Commercial];

    /// The canonical name, as in the input and in every file that disputebot writes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mdrp => "mdrp",
            Self::P340b => "340b",
            Self::PartDMdp => "part_d_mdp",
            Self::Cgdp => "cgdp",
            Self::Mfp => "mfp",
            Self::Tricare => "tricare",
            Self::Commercial => "commercial",
        }
    }

    /// The name for people.
    pub fn human_name(self) -> &'static str {
        match self {
            Self::Mdrp => "Medicaid Drug Rebate Program",
            Self::P340b => "340B Drug Pricing Program",
            Self::PartDMdp => "Medicare Part D Manufacturer Discount Program",
            Self::Cgdp => "Medicare Coverage Gap Discount Program",
            Self::Mfp => "Medicare Maximum Fair Price",
            Self::Tricare => "TRICARE retail refund",
            Self::Commercial => "Commercial rebates",
        }
    }

    /// The program with this canonical name, in any letter case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.as_str().eq_ignore_ascii_case(name.trim()))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What becomes of money while it is in dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum DisputedMoney {
    /// It is withheld until the dispute is settled: exposed, and interest may run on it.
    #[default]
    Unpaid,
    /// It is paid although it is in dispute: to be had back.
    Paid,
}

/// How Medicaid pays: the period of a fee-for-service line is the quarter paid, of a managed-care line the
/// quarter dispensed (CMS-R-144 definitions, 1 July 2021).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliverySystem {
    /// Fee for service (record id FFSU).
    Ffs,
    /// Managed care (record id MCOU).
    Mco,
}

impl DeliverySystem {
    /// Both delivery systems.
    pub const ALL: [Self; 2] = [Self::Ffs, Self::Mco];

    /// The canonical name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ffs => "ffs",
            Self::Mco => "mco",
        }
    }

    /// The record id of CMS-R-144.
    pub fn record_id(self) -> &'static str {
        match self {
            Self::Ffs => "FFSU",
            Self::Mco => "MCOU",
        }
    }

    /// The delivery system with this canonical name or record id, in any letter case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL.into_iter().find(|system| {
            system.as_str().eq_ignore_ascii_case(name) || system.record_id().eq_ignore_ascii_case(name)
        })
    }
}

impl fmt::Display for DeliverySystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for program in Program::ALL {
            assert_eq!(Program::from_name(&program.to_string().to_uppercase()), Some(program));
        }
        for system in DeliverySystem::ALL {
            assert_eq!(DeliverySystem::from_name(system.as_str()), Some(system));
            assert_eq!(DeliverySystem::from_name(system.record_id()), Some(system));
        }
    }

    #[test]
    fn an_unknown_name_is_no_program() {
        assert_eq!(Program::from_name("medicaid"), None);
        assert_eq!(Program::from_name(""), None);
        assert_eq!(DeliverySystem::from_name("hmo"), None);
    }
}
