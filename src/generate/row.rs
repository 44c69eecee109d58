//! A row of a cause: what the cause leaves free is drawn from the market.

use rust_decimal::Decimal;

use super::calendar::{Calendar, TODAY, quarter_text, year_and_quarter};
use super::catalog::{Catalog, Product, STATES};
use super::cause::{Cause, any_quarter};
use super::kinds::{Claims, Family, Quantity};
use super::random::Random;
use super::record::Record;
use crate::dispute::{DeliverySystem, Program};

/// Notes that say nothing about the cause.
const GENERIC_NOTES: [&str; 8] = [
    "under review",
    "pending documentation",
    "see attachment {n}",
    "left voicemail {date}",
    "awaiting response from partner",
    "sent to analyst queue",
    "documents requested {date}",
    "second notice",
];

const NOTE_STARTS: [&str; 6] = ["", "", "", "per review: ", "fyi - ", "2nd request: "];
const NOTE_ENDS: [&str; 6] = ["", "", "", " - see {claim}", " ref {n}", " (line {n})"];

/// The market that rows are drawn from.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) catalog: Catalog,
    pub(super) calendar: Calendar,
}

/// The random numbers of one row: what belongs to the claim, which two rows may share, and what belongs to
/// the row alone.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    pub(super) claim: Random,
    pub(super) paper: Random,
    /// Which of two rows of one claim it is: 0 or 1.
    pub(super) side: usize,
}

/// What a claim says.
struct Claim {
    product: usize,
    package: usize,
    state: usize,
    entity: Option<usize>,
    pharmacy: Option<usize>,
    payer: String,
    delivery: Option<DeliverySystem>,
    quarter: usize,
    service: usize,
    /// Units that are right, in thousandths.
    accepted: i64,
    reference: u64,
}

/// Units in thousandths, money in cents, the rate in ten-thousandths of a dollar.
struct Amounts {
    invoiced: i64,
    disputed: i64,
    rate: i64,
    amount: i64,
}

impl Market {
    /// The client that the row with these streams belongs to; far cheaper than the row.
    pub(super) fn client(&self, cause: &Cause, streams: &Streams) -> usize {
        self.catalog.client_of(self.product(cause, &mut streams.claim.clone()))
    }

    /// The row with these streams, unresolved. `opened`: the day, where the cause does not decide.
    pub(super) fn draw(&self, cause: &Cause, streams: Streams, opened: Option<usize>, id: String) -> Record {
        let Streams { mut claim, mut paper, side } = streams;
        let claim = self.claim(cause, &mut claim, side);
        let paper = &mut paper;
        let catalog = &self.catalog;
        let product = &catalog.products[claim.product];
        let amounts = amounts(cause, product, &claim, paper);
        let (first, last) = cause.opened;
        let opened = opened.unwrap_or_else(|| first + paper.below(last - first + 1));
        let ndc = ndc_text(cause, product, &claim, paper);
        let mut record = Record {
            program: program_text(cause.program).to_owned(),
            manufacturer: catalog.clients[catalog.client_of(claim.product)].clone(),
            product_name: if cause.miskeyed { String::new() } else { product.name.clone() },
            state: STATES[claim.state].0.to_owned(),
            delivery_system: match claim.delivery {
                Some(DeliverySystem::Ffs) => "ffs".to_owned(),
                Some(DeliverySystem::Mco) => "mco".to_owned(),
                None => String::new(),
            },
            covered_entity_id: claim
                .entity
                .map_or(String::new(), |entity| catalog.entities[entity].id.clone()),
            pharmacy_npi: claim
                .pharmacy
                .map_or(String::new(), |pharmacy| catalog.pharmacies[pharmacy].npi.clone()),
            period: period_text(claim.quarter, paper),
            service_date: self.calendar.text(claim.service).to_owned(),
            reason_codes: code(cause, paper).to_owned(),
            units_invoiced: Decimal::new(amounts.invoiced, 3).normalize().to_string(),
            units_disputed: Decimal::new(amounts.disputed, 3).normalize().to_string(),
            unit_type: unit_type(cause, product).to_owned(),
            unit_rebate_amount: Decimal::new(amounts.rate, 4).to_string(),
            amount_disputed: Decimal::new(amounts.amount, 2).to_string(),
            status: ["open", "pre_dispute", "formal_dispute", ""]
                [paper.weighted([60, 25, 13, 2].into_iter())]
            .to_owned(),
            opened_at: self.calendar.text(opened).to_owned(),
            due_at: self.calendar.text(opened + days_to_act(cause.program)).to_owned(),
            resolved_at: String::new(),
            claim_ref: claim_reference(cause, &claim, side, paper),
            source_url: format!("https://disputes.example.com/d/{id}"),
            payer: claim.payer.clone(),
            dispute_id: id,
            ndc,
            note: String::new(),
        };
        record.note = self.note(cause, &record, &claim, paper);
        record
    }

    fn claim(&self, cause: &Cause, random: &mut Random, side: usize) -> Claim {
        let product = self.product(cause, random);
        let package =
            cause.package.unwrap_or_else(|| random.below(3)) % self.catalog.products[product].packages;
        let (state, entity, pharmacy) = self.place(cause, random);
        let across = cause.kind.claims == Claims::PairedAcrossPayers;
        let delivery = match (cause.program, cause.delivery) {
            (_, Some(fixed)) => Some(fixed),
            (Program::Mdrp, None) => {
                let managed = random.percent(62);
                Some(if (across && side == 1) || (!across && managed) {
                    DeliverySystem::Mco
                } else {
                    DeliverySystem::Ffs
                })
            }
            _ => None,
        };
        let payer = if across && cause.payers.len() == 2 {
            cause.payers[side].clone()
        } else {
            random
                .pick(&cause.payers)
                .cloned()
                .unwrap_or_else(|| self.payer(cause.program, state, delivery, random))
        };
        let (quarter, service) = self.time(cause, delivery, random);
        let per_claim = self.catalog.products[product].per_claim;
        Claim {
            product,
            package,
            state,
            entity,
            pharmacy,
            payer,
            delivery,
            quarter,
            service,
            accepted: random.pick(per_claim).copied().unwrap_or(1_000)
                * [1, 2, 3, 4, 5, 6][random.popular(6)],
            reference: random.next() % 9_000_000_000 + 1_000_000_000,
        }
    }

    fn product(&self, cause: &Cause, random: &mut Random) -> usize {
        let catalog = &self.catalog;
        let free = |random: &mut Random| {
            let labeler = match random.pick(&cause.labelers) {
                Some(&labeler) => labeler,
                None => catalog.any_labeler(random),
            };
            let products = &catalog.products_of[labeler];
            products[random.popular(products.len())]
        };
        match (cause.products.len(), cause.program) {
            (0, Program::Mfp) if cause.labelers.is_empty() => {
                catalog.selected[random.popular(catalog.selected.len())]
            }
            (0, _) => free(random),
            (count, _) => cause.products[random.popular(count)],
        }
    }

    fn place(&self, cause: &Cause, random: &mut Random) -> (usize, Option<usize>, Option<usize>) {
        let catalog = &self.catalog;
        let wants_entity = cause.program == Program::P340b || cause.kind.family == Family::Overlap;
        let mut entity = random.pick(&cause.entities).copied();
        let mut pharmacy =
            (!cause.pharmacies.is_empty()).then(|| cause.pharmacies[random.popular(cause.pharmacies.len())]);
        let free_state = match random.pick(&cause.states) {
            Some(&state) => state,
            None => Catalog::any_state(random),
        };
        let state = match (cause.states.is_empty(), pharmacy, entity) {
            (true, Some(pharmacy), _) => catalog.pharmacies[pharmacy].state,
            (true, None, Some(entity)) => catalog.entities[entity].state,
            _ => free_state,
        };
        let by_chance = random.percent(15);
        if entity.is_none() && (wants_entity || by_chance) {
            let candidates = match pharmacy {
                Some(pharmacy) => &catalog.pharmacies[pharmacy].entities,
                None => &catalog.entities_in[state],
            };
            entity = (!candidates.is_empty()).then(|| candidates[random.popular(candidates.len())]);
        }
        if pharmacy.is_none() {
            let candidates = match entity {
                Some(entity) => &catalog.entities[entity].pharmacies,
                None => &catalog.pharmacies_in[state],
            };
            pharmacy = (!candidates.is_empty()).then(|| candidates[random.popular(candidates.len())]);
        }
        if cause.kind.claims == Claims::Missing {
            pharmacy = None;
        }
        (state, entity, pharmacy)
    }

    fn payer(
        &self,
        program: Program,
        state: usize,
        delivery: Option<DeliverySystem>,
        random: &mut Random,
    ) -> String {
        match (program, delivery) {
            (Program::Mdrp, Some(DeliverySystem::Ffs)) => String::new(),
            (Program::P340b, _) if random.percent(50) => String::new(),
            (Program::Mdrp | Program::P340b, _) => self.catalog.any_plan(random, state),
            (Program::PartDMdp | Program::Cgdp | Program::Mfp, _) => self.catalog.any_contract(random),
            (Program::Tricare, _) => "TRICARE".to_owned(),
            (Program::Commercial, _) => Catalog::any_benefit_manager(random),
        }
    }

    /// Invoice quarter and day of service. A fee-for-service line is invoiced in the quarter it was paid in.
    fn time(&self, cause: &Cause, delivery: Option<DeliverySystem>, random: &mut Random) -> (usize, usize) {
        if let Some((first, last)) = cause.service {
            let day = first + random.below(last - first + 1);
            return (self.calendar.quarter_of(day), day);
        }
        let quarter = match random.pick(&cause.periods) {
            Some(&quarter) => quarter,
            None => any_quarter(random, cause.program),
        };
        let start = self.calendar.quarter_start(quarter);
        let lag = if delivery == Some(DeliverySystem::Ffs) { random.below(45) } else { 0 };
        (quarter, (start + random.below(90)).saturating_sub(lag))
    }

    fn note(&self, cause: &Cause, record: &Record, claim: &Claim, random: &mut Random) -> String {
        let template = if random.percent(cause.own_words) {
            random.pick(&cause.phrases).map_or("", String::as_str)
        } else if random.percent(60) {
            return String::new();
        } else {
            random.pick(&GENERIC_NOTES).copied().unwrap_or_default()
        };
        let start = random.pick(&NOTE_STARTS).copied().unwrap_or_default();
        let end = random.pick(&NOTE_ENDS).copied().unwrap_or_default();
        let date = self.calendar.text(TODAY - 1 - random.below(60));
        let mut note = String::new();
        for part in [start, template, end] {
            self.fill(part, cause, record, claim, date, random, &mut note);
        }
        match random.below(20) {
            0 => note.to_uppercase(),
            1 => swap_two_letters(&note, random),
            _ => note,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one place fills every brace of a note")]
    fn fill(
        &self,
        template: &str,
        cause: &Cause,
        record: &Record,
        claim: &Claim,
        date: &str,
        random: &mut Random,
        note: &mut String,
    ) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            note.push_str(before);
            let Some((name, tail)) = after.split_once('}') else { break };
            match name {
                "state" => note.push_str(&record.state),
                "npi" => note.push_str(&record.pharmacy_npi),
                "entity" => note.push_str(&record.covered_entity_id),
                "ndc" => note.push_str(&record.ndc),
                "name" => note.push_str(&record.product_name),
                "payer" => note.push_str(&record.payer),
                "quarter" => note.push_str(&quarter_text(claim.quarter)),
                "hcpcs" => note.push_str(&cause.hcpcs),
                "date" => note.push_str(date),
                "rx" => note.push_str(&(claim.reference % 10_000_000).to_string()),
                "claim" => {
                    note.push_str("CLM");
                    note.push_str(&claim.reference.to_string());
                }
                "ratio" => {
                    let product = &self.catalog.products[claim.product];
                    note.push_str(&Decimal::new(factor(cause, product, random), 3).normalize().to_string());
                }
                _ => note.push_str(&random.between(2, 9_999).to_string()),
            }
            rest = tail;
        }
        note.push_str(rest);
    }
}

/// How many times the right units were invoiced, in thousandths.
fn factor(cause: &Cause, product: &Product, random: &mut Random) -> i64 {
    match (cause.constant, cause.kind.quantity) {
        (Some(constant), _) => constant,
        (None, Quantity::Ratio(usual)) if random.percent(30) => random.pick(usual).copied().unwrap_or(10_000),
        (None, Quantity::Ratio(_)) => random.between(1_050, 30_000),
        (None, _) => product.per_package,
    }
}

fn amounts(cause: &Cause, product: &Product, claim: &Claim, random: &mut Random) -> Amounts {
    let accepted = claim.accepted;
    // A line in twenty of a cause does not follow it: reversed in part, or keyed by hand.
    let exception = random.percent(5);
    let (invoiced, disputed) = match cause.kind.quantity {
        Quantity::Ratio(_) | Quantity::PackageRatio if !exception => {
            let invoiced = (accepted * factor(cause, product, random) + 500) / 1_000;
            (invoiced, invoiced - accepted)
        }
        Quantity::Share | Quantity::Ratio(_) | Quantity::PackageRatio => {
            (accepted, (accepted * random.between(100, 950) / 1_000).max(1))
        }
        Quantity::Outlier => {
            let invoiced = accepted * random.between(8, 90) + random.between(0, 90) * 1_000;
            (invoiced, invoiced - accepted)
        }
        Quantity::Growth => {
            let excess = accepted * random.between(100, 333) / 1_000;
            (accepted + excess, excess)
        }
        Quantity::Small => {
            let units = random.between(1, 12) * 1_000;
            (units, if random.percent(40) { -units } else { units })
        }
        Quantity::Whole | Quantity::Price(_) | Quantity::ZeroRate => {
            // Parts of lines occur everywhere.
            if random.percent(12) {
                (accepted, (accepted * random.between(100, 950) / 1_000).max(1))
            } else {
                (accepted, accepted)
            }
        }
    };
    let mut rate = product.rebate * (100 + 2 * i64::from(claim.quarter as u8)) / 100;
    if cause.kind.quantity == Quantity::ZeroRate && !exception {
        rate = 0;
    }
    let share = match cause.kind.quantity {
        Quantity::Price(_) if !exception => cause.constant.unwrap_or_else(|| random.between(100, 1_800)),
        _ => 1_000,
    };
    // Thousandths of units times ten-thousandths of a dollar times thousandths, down to cents.
    let exact = i128::from(disputed) * i128::from(rate) * i128::from(share);
    let half = if exact < 0 { -50_000_000 } else { 50_000_000 };
    let amount = i64::try_from((exact + half) / 100_000_000).unwrap_or(i64::MAX);
    Amounts { invoiced, disputed, rate, amount }
}

fn ndc_text(cause: &Cause, product: &Product, claim: &Claim, random: &mut Random) -> String {
    let code = if cause.miskeyed {
        // Product digits in reverse order: the labeler stays, the product exists nowhere.
        let (labeler, digits) = product.code.split_at(6);
        format!("{labeler}{}", digits.chars().rev().collect::<String>())
    } else {
        product.code.clone()
    };
    let text = format!("{code}-{:02}", claim.package + 1);
    if random.percent(15) { text.replace('-', "") } else { text }
}

fn code(cause: &Cause, random: &mut Random) -> &'static str {
    let place = random.weighted(cause.codes.iter().map(|&(_, weight)| weight));
    cause.codes.get(place).map_or("", |&(code, _)| code)
}

/// A unit-of-measure clash shows the other unit on the invoice.
fn unit_type(cause: &Cause, product: &Product) -> &'static str {
    match (cause.kind.quantity, product.unit_type) {
        (Quantity::PackageRatio, "EA") => "ML",
        (Quantity::PackageRatio, "ML") => "EA",
        (_, label) => label,
    }
}

fn claim_reference(cause: &Cause, claim: &Claim, side: usize, random: &mut Random) -> String {
    if cause.kind.claims == Claims::Missing || random.percent(10) {
        String::new()
    } else if cause.kind.claims == Claims::Single {
        format!("CLM{}", claim.reference)
    } else {
        format!("CLM{}-{}", claim.reference, side + 1)
    }
}

/// Mostly as `2026Q3`; some sources write QYYYY or `3Q2026`.
fn period_text(quarter: usize, random: &mut Random) -> String {
    let (year, number) = year_and_quarter(quarter);
    match random.below(20) {
        0 => format!("{number}{year}"),
        1 => format!("{number}Q{year}"),
        _ => quarter_text(quarter),
    }
}

pub(super) fn program_text(program: Program) -> &'static str {
    match program {
        Program::Mdrp => "mdrp",
        Program::P340b => "340b",
        Program::PartDMdp => "part_d_mdp",
        Program::Cgdp => "cgdp",
        Program::Mfp => "mfp",
        Program::Tricare => "tricare",
        Program::Commercial => "commercial",
    }
}

/// Days from opening to the deadline: interest from day 38 (MDRP), 60 days to dispute (Part D), 14 days to
/// pay (MFP), 30 days to answer (340B); invented for TRICARE and commercial contracts.
fn days_to_act(program: Program) -> usize {
    match program {
        Program::Mdrp => 37,
        Program::PartDMdp | Program::Cgdp => 60,
        Program::Mfp => 14,
        Program::P340b => 30,
        Program::Tricare => 90,
        Program::Commercial => 45,
    }
}

/// A typing error.
pub(super) fn swap_two_letters(text: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if letters.len() > 3 {
        let place = 1 + random.below(letters.len() - 2);
        letters.swap(place, place - 1);
    }
    letters.into_iter().collect()
}
