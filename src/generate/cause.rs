//! One cause: a kind with its values settled.

use std::collections::BTreeSet;

use super::calendar::{Calendar, TODAY};
use super::catalog::{Catalog, STATES};
use super::kinds::{Fix, Kind, Quantity};
use super::random::Random;
use super::spoil::wrong_code;
use crate::dispute::{DeliverySystem, Program};

/// A cause. An empty list leaves the attribute free; a list of one fixes it; a longer one is a disjunction.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    pub(super) kind: &'static Kind,
    pub(super) program: Program,
    pub(super) states: Vec<usize>,
    pub(super) entities: Vec<usize>,
    pub(super) pharmacies: Vec<usize>,
    pub(super) labelers: Vec<usize>,
    pub(super) products: Vec<usize>,
    /// The one package size of each product, where it is fixed.
    pub(super) package: Option<usize>,
    pub(super) payers: Vec<String>,
    pub(super) delivery: Option<DeliverySystem>,
    /// Quarters, by number.
    pub(super) periods: Vec<usize>,
    /// First and last day of service.
    pub(super) service: Option<(usize, usize)>,
    /// First and last day on which disputes of it are opened.
    pub(super) opened: (usize, usize),
    /// Codes with their weights.
    pub(super) codes: Vec<(&'static str, u32)>,
    /// The constant of the quantity or of the price, in thousandths; another one in each row where there
    /// is none.
    pub(super) constant: Option<i64>,
    pub(super) phrases: Vec<String>,
    /// The code that `{hcpcs}` in a note stands for.
    pub(super) hcpcs: String,
    pub(super) miskeyed: bool,
    /// Share of rows whose note is in the cause's own words, in hundredths.
    pub(super) own_words: usize,
}

/// What earlier causes took: a value that carries a cause belongs to one cause only.
#[derive(Debug, Default)]
pub(super) struct Taken {
    entities: BTreeSet<usize>,
    pharmacies: BTreeSet<usize>,
    causes: BTreeSet<String>,
}

/// First and last quarter in which a program has rows.
pub(super) fn quarters_of(program: Program) -> (usize, usize) {
    match program {
        // Discounts for events before 2025, invoiced for three more years.
        Program::Cgdp => (0, 4),
        Program::PartDMdp => (5, 11),
        // Prices apply from 1 January 2026.
        Program::Mfp => (9, 11),
        Program::Mdrp | Program::P340b | Program::Tricare | Program::Commercial => (0, 11),
    }
}

/// A quarter of the program, the last ones far more often.
pub(super) fn any_quarter(random: &mut Random, program: Program) -> usize {
    const RECENCY: [u32; 12] = [30, 26, 14, 8, 6, 4, 3, 2, 2, 2, 2, 1];
    let (first, last) = quarters_of(program);
    last - random.weighted(RECENCY.iter().take(last - first + 1).copied())
}

impl Cause {
    /// A cause that fixes nothing: what background rows are drawn from.
    pub(super) fn loose(kind: &'static Kind, program: Program, random: &mut Random) -> Self {
        let codes = kind.programs.iter().find(|(of, _)| *of == program).map_or(&[][..], |(_, codes)| *codes);
        let usual = random.below(codes.len());
        // Whoever files a dispute picks the code by hand, and not always well.
        let mut codes: Vec<(&str, u32)> = codes
            .iter()
            .enumerate()
            .map(|(place, &code)| (code, if place == usual { 80 } else { 12 }))
            .collect();
        for _ in 0..3 {
            codes.push((wrong_code(program, random), 4));
        }
        Self {
            kind,
            program,
            states: Vec::new(),
            entities: Vec::new(),
            pharmacies: Vec::new(),
            labelers: Vec::new(),
            products: Vec::new(),
            package: None,
            payers: Vec::new(),
            delivery: None,
            periods: Vec::new(),
            service: None,
            opened: (TODAY - 84, TODAY - 1),
            codes,
            constant: None,
            phrases: kind.phrases.iter().map(ToString::to_string).collect(),
            hcpcs: format!("J9{:03}", random.between(100, 999)),
            miskeyed: false,
            own_words: 60,
        }
    }

    /// A cause of `kind` with everything settled that the kind fixes, unlike all in `taken`; nothing where
    /// the market has no such value left.
    pub(super) fn settle(
        kind: &'static Kind,
        program: Program,
        catalog: &Catalog,
        calendar: &Calendar,
        random: &mut Random,
        taken: &mut Taken,
    ) -> Option<Self> {
        let mut cause = Self::loose(kind, program, random);
        // Two wordings of the four: people and systems keep to theirs.
        random.shuffle(&mut cause.phrases);
        cause.phrases.truncate(2);
        cause.constant = match kind.quantity {
            Quantity::Ratio(constants) => random.pick(constants).copied(),
            Quantity::Price(constants) => {
                random.pick(constants).map(|constant| constant + random.between(0, 39))
            }
            _ => None,
        };
        let first = TODAY - 14 - random.below(70);
        cause.opened = (first, (first + 13 + random.below(40)).min(TODAY - 1));
        for &fix in kind.fixes {
            cause.fix(fix, catalog, calendar, random, taken)?;
        }
        if !taken.causes.insert(cause.locus()) {
            return None;
        }
        taken.entities.extend(&cause.entities);
        if kind.fixes.iter().any(|fix| matches!(fix, Fix::Pharmacy | Fix::ContractPharmacy)) {
            taken.pharmacies.extend(&cause.pharmacies);
        }
        Some(cause)
    }

    /// What makes it this cause and no other one of its kind.
    fn locus(&self) -> String {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            self.kind.number,
            self.program,
            self.states,
            self.entities,
            self.pharmacies,
            self.labelers,
            self.products,
            self.payers,
            self.delivery,
            self.periods
        )
    }

    fn fix(
        &mut self,
        fix: Fix,
        catalog: &Catalog,
        calendar: &Calendar,
        random: &mut Random,
        taken: &Taken,
    ) -> Option<()> {
        match fix {
            Fix::State | Fix::StatePair | Fix::Entity | Fix::SitePair | Fix::Submitter => {
                self.fix_place(fix, catalog, random, taken)?;
            }
            Fix::Pharmacy | Fix::ContractPharmacy | Fix::Chain => {
                self.fix_pharmacy(fix, catalog, random, taken)?;
            }
            Fix::Labeler
            | Fix::VialProduct
            | Fix::Package
            | Fix::ProductFamily
            | Fix::CodedDrugs
            | Fix::MiskeyedNdc => self.fix_product(fix, catalog, random)?,
            Fix::FeeForService => self.delivery = Some(DeliverySystem::Ffs),
            Fix::ManagedCare => self.delivery = Some(DeliverySystem::Mco),
            Fix::ManagedCarePlan
            | Fix::Payer
            | Fix::Contract
            | Fix::BenefitManagerPair
            | Fix::CommercialPlan
            | Fix::WholesalerContract
            | Fix::Insurer
            | Fix::StateProgram => self.fix_payer(fix, catalog, random),
            Fix::Period
            | Fix::PeriodPair
            | Fix::Year
            | Fix::OldPeriods
            | Fix::AfterDate
            | Fix::ShortWindow
            | Fix::Burst => self.fix_time(fix, calendar, random),
        }
        Some(())
    }

    fn fix_place(&mut self, fix: Fix, catalog: &Catalog, random: &mut Random, taken: &Taken) -> Option<()> {
        let free = |random: &mut Random| {
            (0..200)
                .map(|_| random.below(catalog.entities.len()))
                .find(|entity| !taken.entities.contains(entity))
        };
        match fix {
            Fix::StatePair => {
                let home = self.entities.first().map_or(0, |&entity| catalog.entities[entity].state);
                let other = (home + 1 + random.below(STATES.len() - 1)) % STATES.len();
                self.states = vec![home, other];
            }
            Fix::Entity => self.entities = vec![free(random)?],
            Fix::SitePair => {
                let entity = (0..400).find_map(|_| {
                    free(random).filter(|&entity| catalog.entities[entity].sibling.is_some())
                })?;
                self.entities = vec![entity, catalog.entities[entity].sibling?];
            }
            Fix::Submitter if self.program == Program::P340b => self.entities = vec![free(random)?],
            Fix::Submitter => self.payers = vec![Catalog::any_benefit_manager(random)],
            // Mostly by population; small states have causes of their own.
            _ if random.percent(85) => self.states = vec![Catalog::any_state(random)],
            _ => self.states = vec![random.below(STATES.len())],
        }
        Some(())
    }

    fn fix_pharmacy(
        &mut self,
        fix: Fix,
        catalog: &Catalog,
        random: &mut Random,
        taken: &Taken,
    ) -> Option<()> {
        if fix == Fix::Chain {
            self.pharmacies.clone_from(&catalog.chains[random.below(catalog.chains.len())]);
            return (!self.pharmacies.is_empty()).then_some(());
        }
        if let Some(&entity) = self.entities.first() {
            let pharmacy = *random.pick(&catalog.entities[entity].pharmacies)?;
            self.pharmacies = vec![pharmacy];
            return Some(());
        }
        let serves = if fix == Fix::ContractPharmacy { 2 } else { 0 };
        let pharmacy = (0..2_000).map(|_| random.popular(catalog.pharmacies.len())).find(|&pharmacy| {
            catalog.pharmacies[pharmacy].entities.len() >= serves && !taken.pharmacies.contains(&pharmacy)
        })?;
        self.pharmacies = vec![pharmacy];
        Some(())
    }

    fn fix_product(&mut self, fix: Fix, catalog: &Catalog, random: &mut Random) -> Option<()> {
        match fix {
            Fix::MiskeyedNdc => {
                self.miskeyed = true;
                self.products = vec![self.any_product(catalog, random)?];
                self.package = Some(0);
            }
            Fix::Labeler => self.labelers = vec![catalog.any_labeler(random)],
            Fix::VialProduct => {
                let product = (0..200)
                    .filter_map(|_| random.pick(&catalog.injectables).copied())
                    .find(|&product| catalog.products[product].unit_type != "AHF")?;
                self.products = vec![product];
            }
            Fix::ProductFamily => {
                let family = catalog.products[self.any_product(catalog, random)?].family;
                self.products = (0..catalog.products.len())
                    .filter(|&product| catalog.products[product].family == family)
                    .collect();
            }
            Fix::CodedDrugs => {
                let count = 3 + random.below(4);
                let chosen: BTreeSet<usize> =
                    (0..count).filter_map(|_| random.pick(&catalog.injectables).copied()).collect();
                self.products = chosen.into_iter().collect();
            }
            _ => {
                self.products = vec![self.any_product(catalog, random)?];
                if fix == Fix::Package {
                    self.package = Some(random.below(3));
                }
            }
        }
        Some(())
    }

    /// Popular products more often, yet not by far: a cause may sit on any product.
    fn any_product(&self, catalog: &Catalog, random: &mut Random) -> Option<usize> {
        if self.program == Program::Mfp {
            return random.pick(&catalog.selected).copied();
        }
        if random.percent(50) {
            return Some(random.below(catalog.products.len()));
        }
        let products = catalog.products_of.get(catalog.any_labeler(random))?;
        products.get(random.popular(products.len())).copied()
    }

    fn fix_payer(&mut self, fix: Fix, catalog: &Catalog, random: &mut Random) {
        let payer = match fix {
            Fix::Contract => catalog.any_contract(random),
            Fix::BenefitManagerPair => {
                let first = random.below(6);
                let second = (first + 1 + random.below(5)) % 6;
                self.payers =
                    vec![format!("Example PBM {}", first + 1), format!("Example PBM {}", second + 1)];
                return;
            }
            Fix::CommercialPlan => {
                format!("{} plan {}", Catalog::any_benefit_manager(random), random.between(100, 199))
            }
            Fix::WholesalerContract => {
                format!("Example Wholesaler {} contract {}", random.between(1, 5), random.between(900, 999))
            }
            Fix::Insurer => format!("Example Insurer {}", random.between(1, 20)),
            Fix::StateProgram => {
                let state = self.states.first().map_or("US", |&state| STATES[state].0);
                format!("{state} state program {}", random.between(1, 3))
            }
            _ => match self.program {
                Program::Commercial => Catalog::any_benefit_manager(random),
                Program::PartDMdp | Program::Cgdp | Program::Mfp => catalog.any_contract(random),
                Program::Mdrp | Program::P340b | Program::Tricare => {
                    let state = match (self.pharmacies.first(), self.states.first()) {
                        (Some(&pharmacy), _) => catalog.pharmacies[pharmacy].state,
                        (None, Some(&state)) => state,
                        (None, None) => Catalog::any_state(random),
                    };
                    if self.pharmacies.is_empty() {
                        self.states = vec![state];
                    }
                    self.delivery = Some(DeliverySystem::Mco);
                    catalog.any_plan(random, state)
                }
            },
        };
        self.payers = vec![payer];
    }

    fn fix_time(&mut self, fix: Fix, calendar: &Calendar, random: &mut Random) {
        let (first, last) = quarters_of(self.program);
        let quarter = any_quarter(random, self.program);
        match fix {
            Fix::Period => self.periods = vec![quarter],
            Fix::PeriodPair => {
                let quarter = quarter.max(first + 1);
                self.periods = vec![quarter - 1, quarter];
            }
            Fix::Year => {
                // Quarter 1 is the first one of 2024.
                let year_start = (quarter.max(1) - 1) / 4 * 4 + 1;
                self.periods = (year_start.max(first)..=(year_start + 3).min(last)).collect();
            }
            Fix::OldPeriods => {
                let count = 4 + random.below(4);
                self.periods = (0..count).collect();
            }
            Fix::AfterDate => {
                let last_day = calendar.quarter_start(last + 1) - 1;
                let from = last_day - 60 - random.below(200);
                self.service = Some((from, last_day));
            }
            Fix::ShortWindow => {
                let from = calendar.quarter_start(quarter) + random.below(76);
                self.service = Some((from, from + 13));
            }
            _ => {
                let day = TODAY - 3 - random.below(70);
                self.opened = (day, day + 2);
            }
        }
    }
}
