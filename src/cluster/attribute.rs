//! The sides of a dispute that a root cause may fix.

use crate::dispute::Text;

/// One side of a dispute that a root cause may fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Eleven-character NDC.
    Package,
    /// Labeler and product part of the NDC (nine characters).
    Product,
    /// Products of one labeler whose names begin alike: an NDC family.
    Family,
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
    /// The 340B parent of the covered entity: its id without the site.
    ParentEntity,
    /// Pharmacy NPI.
    Pharmacy,
    /// Invoice quarter.
    Period,
    /// All reason codes of the line, sorted.
    ReasonCodes,
    /// Unit type, where it is not the usual one of its NDC.
    UnitType,
    /// Units disputed against units invoiced: a constant that many lines have, or a bin of about 10 %.
    UnitsRatio,
    /// Amount disputed against units disputed times the unit rebate amount, likewise.
    AmountRatio,
    /// An amount that lines of several products have to the cent, such as a copay or a cap.
    Amount,
    /// Another open dispute of the client has the same claim reference, and in what the two differ.
    SharedClaim,
    /// The wording of the note, as the name of a cluster of masked notes; never its text.
    Note,
    /// The narrower wording within [`Attribute::Note`].
    Phrase,
    /// ISO week in which the dispute was opened.
    OpenedWeek,
    /// ISO week of service. Finer than a quarter: evidence only, never shown.
    ServiceWeek,
}

impl Attribute {
    /// Every attribute, in the order of the columns.
    pub const ALL: [Self; 21] = [
        Self::Package,
        Self::Product,
        Self::Family,
        Self::Labeler,
        Self::State,
        Self::Payer,
        Self::DeliverySystem,
        Self::CoveredEntity,
        Self::ParentEntity,
        Self::Pharmacy,
        Self::Period,
        Self::ReasonCodes,
        Self::UnitType,
        Self::UnitsRatio,
        Self::AmountRatio,
        Self::Amount,
        Self::SharedClaim,
        Self::Note,
        Self::Phrase,
        Self::OpenedWeek,
        Self::ServiceWeek,
    ];

    /// Number of attributes.
    pub const COUNT: usize = Self::ALL.len();

    /// Stable name for machines: patterns are stored under it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Package => "ndc",
            Self::Product => "product",
            Self::Family => "product_family",
            Self::Labeler => "labeler",
            Self::State => "state",
            Self::Payer => "payer",
            Self::DeliverySystem => "delivery_system",
            Self::CoveredEntity => "covered_entity_id",
            Self::ParentEntity => "parent_entity_id",
            Self::Pharmacy => "pharmacy_npi",
            Self::Period => "period",
            Self::ReasonCodes => "reason_codes",
            Self::UnitType => "unit_type",
            Self::UnitsRatio => "units_ratio",
            Self::AmountRatio => "amount_ratio",
            Self::Amount => "amount",
            Self::SharedClaim => "shared_claim",
            Self::Note => "note",
            Self::Phrase => "phrase",
            Self::OpenedWeek => "opened_week",
            Self::ServiceWeek => "service_week",
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
            Self::Family => ("product family", "product families"),
            Self::Labeler => ("labeler", "labelers"),
            Self::State => ("state", "states"),
            Self::Payer => ("payer", "payers"),
            Self::DeliverySystem => ("delivery system", "delivery systems"),
            Self::CoveredEntity => ("covered entity", "covered entities"),
            Self::ParentEntity => ("340B parent", "340B parents"),
            Self::Pharmacy => ("pharmacy", "pharmacies"),
            Self::Period => ("quarter", "quarters"),
            Self::ReasonCodes => ("reason code", "reason codes"),
            Self::UnitType => ("unit type", "unit types"),
            Self::UnitsRatio => ("units ratio", "units ratios"),
            Self::AmountRatio => ("amount ratio", "amount ratios"),
            Self::Amount => ("amount", "amounts"),
            Self::SharedClaim => ("shared claim", "shared claims"),
            Self::Note => ("note wording", "note wordings"),
            Self::Phrase => ("exact wording", "exact wordings"),
            Self::OpenedWeek => ("week opened", "weeks opened"),
            Self::ServiceWeek => ("week of service", "weeks of service"),
        }
    }

    /// Where the fault lies (a product, a place, a party), as opposed to how it shows.
    pub fn is_locus(self) -> bool {
        matches!(
            self,
            Self::Package
                | Self::Product
                | Self::Family
                | Self::Labeler
                | Self::State
                | Self::Payer
                | Self::CoveredEntity
                | Self::ParentEntity
                | Self::Pharmacy
        )
    }

    /// How the fault shows: code, ratio, wording.
    pub fn is_symptom(self) -> bool {
        matches!(
            self,
            Self::ReasonCodes
                | Self::UnitType
                | Self::UnitsRatio
                | Self::AmountRatio
                | Self::Amount
                | Self::SharedClaim
                | Self::Note
                | Self::Phrase
        )
    }

    /// Whether its values may stand in a text. A week of service may not: it is finer than a quarter.
    pub fn is_shown(self) -> bool {
        self != Self::ServiceWeek
    }

    /// Whether a dispute without a value says something: an ordinary ratio, a claim of its own.
    pub(super) fn means_something_when_absent(self) -> bool {
        matches!(self, Self::UnitsRatio | Self::AmountRatio | Self::Amount | Self::SharedClaim)
    }

    pub(super) const fn index(self) -> usize {
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
