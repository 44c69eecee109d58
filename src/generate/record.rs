//! One row of sample disputes as text.

/// The columns of the input contract, in its order.
pub const HEADER: [&str; 25] = [
    "dispute_id",
    "program",
    "manufacturer",
    "ndc",
    "product_name",
    "state",
    "payer",
    "delivery_system",
    "covered_entity_id",
    "pharmacy_npi",
    "period",
    "service_date",
    "reason_codes",
    "units_invoiced",
    "units_disputed",
    "unit_type",
    "unit_rebate_amount",
    "amount_disputed",
    "status",
    "opened_at",
    "due_at",
    "resolved_at",
    "note",
    "claim_ref",
    "source_url",
];

/// A row as a source system exports it: every field is text, empty where there is no value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the columns of the input contract, which says what they hold"
)]
pub struct Record {
    pub dispute_id: String,
    pub program: String,
    pub manufacturer: String,
    pub ndc: String,
    pub product_name: String,
    pub state: String,
    pub payer: String,
    pub delivery_system: String,
    pub covered_entity_id: String,
    pub pharmacy_npi: String,
    pub period: String,
    pub service_date: String,
    pub reason_codes: String,
    pub units_invoiced: String,
    pub units_disputed: String,
    pub unit_type: String,
    pub unit_rebate_amount: String,
    pub amount_disputed: String,
    pub status: String,
    pub opened_at: String,
    pub due_at: String,
    pub resolved_at: String,
    pub note: String,
    pub claim_ref: String,
    pub source_url: String,
}

impl Record {
    /// The fields in the order of [`HEADER`].
    pub fn fields(&self) -> [&str; HEADER.len()] {
        let Self {
            dispute_id,
            program,
            manufacturer,
            ndc,
            product_name,
            state,
            payer,
            delivery_system,
            covered_entity_id,
            pharmacy_npi,
            period,
            service_date,
            reason_codes,
            units_invoiced,
            units_disputed,
            unit_type,
            unit_rebate_amount,
            amount_disputed,
            status,
            opened_at,
            due_at,
            resolved_at,
            note,
            claim_ref,
            source_url,
        } = self;
        [
            dispute_id,
            program,
            manufacturer,
            ndc,
            product_name,
            state,
            payer,
            delivery_system,
            covered_entity_id,
            pharmacy_npi,
            period,
            service_date,
            reason_codes,
            units_invoiced,
            units_disputed,
            unit_type,
            unit_rebate_amount,
            amount_disputed,
            status,
            opened_at,
            due_at,
            resolved_at,
            note,
            claim_ref,
            source_url,
        ]
    }

    /// False once the source has settled the dispute; only unresolved disputes are grouped.
    pub fn is_unresolved(&self) -> bool {
        self.status != RESOLVED
    }
}

/// The status that the source gives to a settled dispute.
pub const RESOLVED: &str = "resolved";
