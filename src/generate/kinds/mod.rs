//! The 45 kinds of root cause, as plain values: what a cause of the kind fixes, under which codes it comes,
//! what it does to quantities and amounts, and how people write about it.
//!
//! Kinds, codes and signatures follow the catalogue of root causes that the playbook is built on; how often
//! each kind occurs is invented, with the weight where the OIG's reports put it (unit conversion, drugs given
//! by physicians, 340B, terminated drugs: OEI-05-11-00580). All phrases are invented.

mod feed;
mod overlap;
mod quantity;
mod units;

use crate::dispute::Program;

/// One kind of root cause.
#[derive(Debug)]
pub(super) struct Kind {
    /// Number in the catalogue, 1 to 45.
    pub(super) number: u8,
    pub(super) name: &'static str,
    pub(super) family: Family,
    /// The programs it occurs in, each with its codes, the usual one first; a code may be a combination.
    pub(super) programs: &'static [(Program, &'static [&'static str])],
    /// How often causes of this kind occur, relative to the other kinds.
    pub(super) volume: u32,
    /// What all members share. Settled in this order.
    pub(super) fixes: &'static [Fix],
    pub(super) quantity: Quantity,
    pub(super) claims: Claims,
    /// Note templates; braces are filled per row.
    pub(super) phrases: &'static [&'static str],
}

/// Families of the catalogue of root causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Overlap,
    Units,
    Product,
    Price,
    Duplicate,
    Quantity,
    Payer,
    Feed,
}

impl Family {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Overlap => "340B overlap",
            Self::Units => "units",
            Self::Product => "product",
            Self::Price => "price or quarter",
            Self::Duplicate => "duplicate or reversal",
            Self::Quantity => "quantity",
            Self::Payer => "payer",
            Self::Feed => "provider, timing or feed",
        }
    }
}

/// Something that all members of a cause share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fix {
    State,
    /// Two states at once.
    StatePair,
    Entity,
    /// Two sites of one 340B parent.
    SitePair,
    /// A pharmacy; of the entity where one is fixed.
    Pharmacy,
    /// A pharmacy that serves several entities.
    ContractPharmacy,
    /// All pharmacies of a chain.
    Chain,
    Labeler,
    /// A product whose packages hold more than one unit.
    VialProduct,
    /// One NDC of eleven digits.
    Package,
    /// All products of a labeler with one name.
    ProductFamily,
    /// The products behind one HCPCS code, of several labelers.
    CodedDrugs,
    /// The NDC is written wrong in the same way.
    MiskeyedNdc,
    FeeForService,
    ManagedCare,
    /// A managed-care plan of the state.
    ManagedCarePlan,
    /// The payer that the program has: plan of a state, Part D contract or PBM.
    Payer,
    /// Who sends the requests: a 340B entity, or a PBM.
    Submitter,
    /// A Part D contract.
    Contract,
    BenefitManagerPair,
    /// A plan of a PBM's client list.
    CommercialPlan,
    WholesalerContract,
    /// A commercial insurer that should have paid first.
    Insurer,
    /// A program that a state pays alone.
    StateProgram,
    Period,
    PeriodPair,
    /// The quarters of one year.
    Year,
    /// Four to eight old quarters.
    OldPeriods,
    /// Service on or after one day.
    AfterDate,
    /// Service within two weeks.
    ShortWindow,
    /// Opened within three days.
    Burst,
}

impl Fix {
    /// True where the value is rare enough to tell a cause from its surroundings.
    pub(super) fn is_narrow(self) -> bool {
        matches!(
            self,
            Self::Entity
                | Self::SitePair
                | Self::Pharmacy
                | Self::ContractPharmacy
                | Self::VialProduct
                | Self::Package
                | Self::ProductFamily
                | Self::CommercialPlan
                | Self::WholesalerContract
        )
    }
}

/// What a cause does to units and money. `units_disputed` is what was invoiced less what is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// The whole line is in dispute. Also where the state paid nothing: the contract has no paid amount.
    Whole,
    /// A share of each line, another one each time.
    Share,
    /// Invoiced is one constant multiple of accepted, in thousandths; a cause has one of these.
    Ratio(&'static [i64]),
    /// As `Ratio`, by the number of units in the product's package.
    PackageRatio,
    /// Units are right; the amount is one constant share of units times rate, in thousandths.
    Price(&'static [i64]),
    /// The rate is zero and so is the amount.
    ZeroRate,
    /// Units far above the ordinary, by no constant factor.
    Outlier,
    /// A tenth to a third more than accepted.
    Growth,
    /// Few units, up and down.
    Small,
}

/// How claims stand behind the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claims {
    Single,
    /// Two rows often come from one claim.
    Paired,
    /// Two rows often come from one claim, each by another payer or delivery system.
    PairedAcrossPayers,
    /// No claim and no pharmacy is named.
    Missing,
}

/// All kinds, by number.
pub(super) fn kinds() -> impl Iterator<Item = &'static Kind> + Clone {
    overlap::KINDS.iter().chain(units::KINDS).chain(quantity::KINDS).chain(feed::KINDS)
}

/// The kind with a number of the catalogue.
#[expect(clippy::expect_used, reason = "a test shows that each of the numbers 1 to 45 occurs")]
pub(super) fn kind(number: u8) -> &'static Kind {
    kinds().find(|kind| kind.number == number).expect("numbers of kinds are 1 to 45")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_45_numbers_occurs_once() {
        let mut numbers: Vec<u8> = kinds().map(|kind| kind.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=45).collect::<Vec<u8>>());
    }

    #[test]
    fn a_kind_fixes_one_to_four_things_and_has_codes_and_phrases() {
        for kind in kinds() {
            assert!((1..=4).contains(&kind.fixes.len()), "kind {}", kind.number);
            assert!(kind.phrases.len() >= 4, "kind {}", kind.number);
            assert!(kind.programs.iter().all(|(_, codes)| !codes.is_empty()), "kind {}", kind.number);
        }
    }
}
