//! The columns of the input contract.

use std::fmt;

/// One column of the input contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The id that the source gives. Required.
    DisputeId,
    /// The discount program. Required.
    Program,
    /// The manufacturer. Required.
    Manufacturer,
    /// The product and package. Required.
    Ndc,
    /// Product name.
    ProductName,
    /// State or territory.
    State,
    /// Plan, PBM or Part D contract.
    Payer,
    /// Fee for service or managed care.
    DeliverySystem,
    /// 340B id.
    CoveredEntityId,
    /// NPI of the pharmacy.
    PharmacyNpi,
    /// Invoice quarter.
    Period,
    /// Day of service. Patient-level.
    ServiceDate,
    /// Reason codes.
    ReasonCodes,
    /// Units on the invoice.
    UnitsInvoiced,
    /// Units in dispute.
    UnitsDisputed,
    /// What one unit is.
    UnitType,
    /// Unit rebate amount in US dollars. Confidential.
    UnitRebateAmount,
    /// Money in dispute in US dollars.
    AmountDisputed,
    /// Status in the source.
    Status,
    /// Day the dispute was opened.
    OpenedAt,
    /// Day by which someone must act.
    DueAt,
    /// Day the dispute was settled.
    ResolvedAt,
    /// Free text. Patient-level.
    Note,
    /// Claim reference. Patient-level.
    ClaimRef,
    /// Link into the source system.
    SourceUrl,
    /// Kind of the claim transaction.
    Transaction,
    /// Day the invoice was postmarked.
    PostmarkedAt,
    /// Day the invoice was received.
    ReceivedAt,
    /// Day of the remittance advice.
    RemittedAt,
}

impl Field {
    /// Every column, in the order of the contract.
    pub const ALL: [Self; 29] = [
        Self::DisputeId,
        Self::Program,
        Self::Manufacturer,
        Self::Ndc,
        Self::ProductName,
        Self::State,
        Self::Payer,
        Self::DeliverySystem,
        Self::CoveredEntityId,
        Self::PharmacyNpi,
        Self::Period,
        Self::ServiceDate,
        Self::ReasonCodes,
        Self::UnitsInvoiced,
        Self::UnitsDisputed,
        Self::UnitType,
        Self::UnitRebateAmount,
        Self::AmountDisputed,
        Self::Status,
        Self::OpenedAt,
        Self::DueAt,
        Self::ResolvedAt,
        Self::Note,
        Self::ClaimRef,
        Self::SourceUrl,
        Self::Transaction,
        Self::PostmarkedAt,
        Self::ReceivedAt,
        Self::RemittedAt,
    ];

    /// The columns without which nothing can be read.
    pub const REQUIRED: [Self; 4] = [Self::DisputeId, Self::Program, Self::Manufacturer, Self::Ndc];

    /// The name of the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::DisputeId => "dispute_id",
            Self::Program => "program",
            Self::Manufacturer => "manufacturer",
            Self::Ndc => "ndc",
            Self::ProductName => "product_name",
            Self::State => "state",
            Self::Payer => "payer",
            Self::DeliverySystem => "delivery_system",
            Self::CoveredEntityId => "covered_entity_id",
            Self::PharmacyNpi => "pharmacy_npi",
            Self::Period => "period",
            Self::ServiceDate => "service_date",
            Self::ReasonCodes => "reason_codes",
            Self::UnitsInvoiced => "units_invoiced",
            Self::UnitsDisputed => "units_disputed",
            Self::UnitType => "unit_type",
            Self::UnitRebateAmount => "unit_rebate_amount",
            Self::AmountDisputed => "amount_disputed",
            Self::Status => "status",
            Self::OpenedAt => "opened_at",
            Self::DueAt => "due_at",
            Self::ResolvedAt => "resolved_at",
            Self::Note => "note",
            Self::ClaimRef => "claim_ref",
            Self::SourceUrl => "source_url",
            Self::Transaction => "transaction",
            Self::PostmarkedAt => "postmarked_at",
            Self::ReceivedAt => "received_at",
            Self::RemittedAt => "remitted_at",
        }
    }

    /// The column with this contract name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Whether a row without this column is refused.
    pub fn is_required(self) -> bool {
        Self::REQUIRED.contains(&self)
    }

    /// The place in [`Field::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_every_place_is_its_own() {
        for (place, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(Field::from_name(field.name()), Some(field));
            assert_eq!(field.index(), place);
        }
    }
}
