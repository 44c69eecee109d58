//! The invented market that sample disputes come from: clients, labelers, products, states, payers, 340B
//! entities and pharmacies.
//!
//! Everything is plainly synthetic: labeler codes begin with 98, identifiers of pharmacies with 29 (the
//! range of National Provider Identifiers that begin with 2 is not handed out), 340B ids carry 99, names say
//! "Example". Sizes follow a heavy tail, as in real markets: a few clients, states, products and pharmacies
//! hold most rows. State weights are populations of the 2020 census in hundred thousands, rounded.

use super::random::Random;

/// States with DC, and a weight for how many rows each has.
pub(super) const STATES: [(&str, u32); 51] = [
    ("AL", 50),
    ("AK", 7),
    ("AZ", 72),
    ("AR", 30),
    ("CA", 395),
    ("CO", 58),
    ("CT", 36),
    ("DE", 10),
    ("DC", 7),
    ("FL", 215),
    ("GA", 107),
    ("HI", 15),
    ("ID", 18),
    ("IL", 128),
    ("IN", 68),
    ("IA", 32),
    ("KS", 29),
    ("KY", 45),
    ("LA", 47),
    ("ME", 14),
    ("MD", 62),
    ("MA", 70),
    ("MI", 101),
    ("MN", 57),
    ("MS", 30),
    ("MO", 62),
    ("MT", 11),
    ("NE", 20),
    ("NV", 31),
    ("NH", 14),
    ("NJ", 93),
    ("NM", 21),
    ("NY", 202),
    ("NC", 104),
    ("ND", 8),
    ("OH", 118),
    ("OK", 40),
    ("OR", 42),
    ("PA", 130),
    ("RI", 11),
    ("SC", 51),
    ("SD", 9),
    ("TN", 69),
    ("TX", 291),
    ("UT", 33),
    ("VT", 6),
    ("VA", 86),
    ("WA", 77),
    ("WV", 18),
    ("WI", 59),
    ("WY", 6),
];

/// Beginnings of product names that no medicine has.
const STEMS: [&str; 12] = [
    "Examplamine",
    "Samplotide",
    "Fixturolol",
    "Mockzumab",
    "Demoprazine",
    "Placebolate",
    "Specimycin",
    "Trialafix",
    "Prototerol",
    "Dummycillate",
    "Stubstatine",
    "Testafenib",
];

/// Prefixes of 340B ids, hospitals and grantees (HRSA registration help), the usual ones more than once.
const ENTITY_PREFIXES: [&str; 16] = [
    "DSH", "DSH", "DSH", "CAH", "SCH", "RRC", "PED", "CAN", "CH", "CH", "CH", "FQHCLA", "HM", "STD", "RWII",
    "RW4",
];

/// A dosage form with the unit type that its label file reports (CMS-R-144 unit types).
struct Form {
    suffix: &'static str,
    unit_type: &'static str,
    /// Units in one package, in thousandths.
    per_package: &'static [i64],
    /// Units on an ordinary claim, in thousandths.
    per_claim: &'static [i64],
    injectable: bool,
    weight: u32,
}

const FORMS: [Form; 8] = [
    Form {
        suffix: "mg tablet",
        unit_type: "TAB",
        per_package: &[30_000, 60_000, 90_000, 100_000],
        per_claim: &[30_000, 60_000, 90_000, 28_000, 14_000, 30_000, 120_000],
        injectable: false,
        weight: 30,
    },
    Form {
        suffix: "mg capsule",
        unit_type: "CAP",
        per_package: &[30_000, 60_000, 100_000],
        per_claim: &[30_000, 60_000, 90_000, 21_000, 30_000],
        injectable: false,
        weight: 16,
    },
    Form {
        suffix: "mg/mL vial",
        unit_type: "ML",
        per_package: &[2_500, 4_000, 5_000, 10_000, 20_000, 50_000],
        per_claim: &[5_000, 10_000, 20_000, 40_000, 60_000],
        injectable: true,
        weight: 18,
    },
    Form {
        suffix: "mg powder vial",
        unit_type: "EA",
        per_package: &[5_000, 10_000, 15_000, 30_000],
        per_claim: &[1_000, 2_000, 4_000, 1_000],
        injectable: true,
        weight: 12,
    },
    Form {
        suffix: "mg/0.8 mL pen kit",
        unit_type: "EA",
        per_package: &[1_600, 2_400, 4_800],
        per_claim: &[1_000, 2_000, 3_000],
        injectable: true,
        weight: 8,
    },
    Form {
        suffix: "% cream",
        unit_type: "GM",
        per_package: &[15_000, 30_000, 60_000],
        per_claim: &[15_000, 30_000, 45_000, 60_000, 120_000],
        injectable: false,
        weight: 7,
    },
    Form {
        suffix: "mg/5 mL solution",
        unit_type: "ML",
        per_package: &[118_000, 237_000, 473_000],
        per_claim: &[120_000, 150_000, 237_000, 300_000, 473_000],
        injectable: false,
        weight: 7,
    },
    Form {
        suffix: "IU factor kit",
        unit_type: "AHF",
        per_package: &[250_000, 500_000, 1_000_000],
        per_claim: &[2_000_000, 4_500_000, 9_000_000, 12_500_000],
        injectable: true,
        weight: 2,
    },
];

/// A product: one labeler and product code, in up to three package sizes.
#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) labeler: usize,
    pub(super) name: String,
    /// `LLLLL-PPPP`.
    pub(super) code: String,
    /// Products of one labeler with one stem are a family.
    pub(super) family: usize,
    pub(super) unit_type: &'static str,
    /// Units in one package, in thousandths: what a claim in packages is off by.
    pub(super) per_package: i64,
    pub(super) per_claim: &'static [i64],
    pub(super) packages: usize,
    /// Unit rebate amount in the first quarter, in ten-thousandths of a dollar.
    pub(super) rebate: i64,
    pub(super) injectable: bool,
}

/// A 340B covered entity or one of its child sites.
#[derive(Debug, Clone)]
pub(super) struct Entity {
    pub(super) id: String,
    pub(super) state: usize,
    /// Its own and its contract pharmacies, all in its state.
    pub(super) pharmacies: Vec<usize>,
    /// The other site of the same parent.
    pub(super) sibling: Option<usize>,
}

/// A pharmacy or billing provider.
#[derive(Debug, Clone)]
pub(super) struct Pharmacy {
    pub(super) npi: String,
    pub(super) state: usize,
    pub(super) chain: Option<usize>,
    /// Entities it dispenses for.
    pub(super) entities: Vec<usize>,
}

/// All of it. Lists are in order of popularity where [`Random::popular`] draws from them.
#[derive(Debug, Clone)]
pub(super) struct Catalog {
    pub(super) clients: Vec<String>,
    /// The client that owns each labeler code.
    pub(super) labelers: Vec<usize>,
    labeler_weights: Vec<u32>,
    pub(super) products: Vec<Product>,
    pub(super) products_of: Vec<Vec<usize>>,
    pub(super) injectables: Vec<usize>,
    /// Products with a negotiated price.
    pub(super) selected: Vec<usize>,
    pub(super) entities: Vec<Entity>,
    pub(super) entities_in: Vec<Vec<usize>>,
    pub(super) pharmacies: Vec<Pharmacy>,
    pub(super) pharmacies_in: Vec<Vec<usize>>,
    pub(super) chains: Vec<Vec<usize>>,
    plans_in: Vec<usize>,
    /// Part D contracts: H or S and four digits.
    pub(super) contracts: Vec<String>,
}

impl Catalog {
    /// The market of `seed`, larger for more rows.
    pub(super) fn new(seed: u64, clients: usize, rows: usize) -> Self {
        let mut random = Random::of(&[seed, 0x6d61_726b]);
        let clients: Vec<String> = (0..clients.max(1)).map(client_name).collect();
        let labelers: Vec<usize> =
            clients.iter().enumerate().flat_map(|(client, _)| vec![client; 1 + random.below(3)]).collect();
        let labeler_weights =
            labelers.iter().enumerate().map(|(rank, _)| 1_000 / (rank as u32 + 2)).collect();
        let mut catalog = Self {
            labeler_weights,
            products: Vec::new(),
            products_of: vec![Vec::new(); labelers.len()],
            injectables: Vec::new(),
            selected: Vec::new(),
            entities: Vec::new(),
            entities_in: vec![Vec::new(); STATES.len()],
            pharmacies: Vec::new(),
            pharmacies_in: vec![Vec::new(); STATES.len()],
            chains: vec![Vec::new(); 12 + rows / 20_000],
            plans_in: STATES.iter().map(|&(_, weight)| 2 + weight as usize / 60).collect(),
            contracts: (0..40 + rows / 15_000)
                .map(|number| format!("{}{:04}", if number % 3 == 2 { 'S' } else { 'H' }, 9001 + number))
                .collect(),
            clients,
            labelers,
        };
        catalog.add_products(&mut random);
        catalog.add_pharmacies(&mut random, 3_000 + (rows / 60).min(40_000));
        catalog.add_entities(&mut random, 700 + (rows / 300).min(9_000));
        catalog
    }

    /// A labeler, the popular ones more often.
    pub(super) fn any_labeler(&self, random: &mut Random) -> usize {
        random.weighted(self.labeler_weights.iter().copied())
    }

    /// A state, by population.
    pub(super) fn any_state(random: &mut Random) -> usize {
        random.weighted(STATES.iter().map(|&(_, weight)| weight))
    }

    /// A managed-care plan of a state.
    pub(super) fn any_plan(&self, random: &mut Random, state: usize) -> String {
        let number = random.popular(self.plans_in.get(state).copied().unwrap_or(1));
        format!("Example Health Plan {}-{}", STATES[state].0, number + 1)
    }

    /// A pharmacy benefit manager.
    pub(super) fn any_benefit_manager(random: &mut Random) -> String {
        format!("Example PBM {}", 1 + random.popular(6))
    }

    /// A Part D contract.
    pub(super) fn any_contract(&self, random: &mut Random) -> String {
        self.contracts.get(random.popular(self.contracts.len())).cloned().unwrap_or_default()
    }

    /// The client whose product it is.
    pub(super) fn client_of(&self, product: usize) -> usize {
        self.products.get(product).map_or(0, |product| self.labelers[product.labeler])
    }

    fn add_products(&mut self, random: &mut Random) {
        for labeler in 0..self.labelers.len() {
            let stems = 4 + random.below(6);
            for stem in 0..stems {
                let stem_name = STEMS[(labeler * 5 + stem * 7) % STEMS.len()];
                let form = &FORMS[random.weighted(FORMS.iter().map(|form| form.weight))];
                for strength in 0..3 + random.below(6) {
                    let number = self.products.len();
                    self.products.push(Product {
                        labeler,
                        name: format!(
                            "{stem_name} {} {}",
                            [5, 10, 20, 40, 80, 120, 160, 200][strength],
                            form.suffix
                        ),
                        code: format!("98{:03}-{:04}", labeler + 1, 1000 + stem * 37 + strength),
                        family: labeler * 16 + stem,
                        unit_type: form.unit_type,
                        per_package: random.pick(form.per_package).copied().unwrap_or(1_000),
                        per_claim: form.per_claim,
                        packages: 1 + random.below(3),
                        rebate: 3_000
                            + random.between(0, 40) * random.between(0, 40) * random.between(100, 900),
                        injectable: form.injectable,
                    });
                    self.products_of[labeler].push(number);
                }
            }
            random.shuffle(&mut self.products_of[labeler]);
        }
        self.injectables =
            (0..self.products.len()).filter(|&number| self.products[number].injectable).collect();
        let mut all: Vec<usize> = (0..self.products.len()).collect();
        random.shuffle(&mut all);
        all.truncate((self.products.len() / 6).max(8));
        self.selected = all;
    }

    fn add_pharmacies(&mut self, random: &mut Random, count: usize) {
        for number in 0..count {
            // Every state gets a few before the population decides.
            let state =
                if number < 8 * STATES.len() { number % STATES.len() } else { Self::any_state(random) };
            let chain = random.percent(60).then(|| random.popular(self.chains.len()));
            if let Some(chain) = chain {
                self.chains[chain].push(number);
            }
            self.pharmacies.push(Pharmacy { npi: npi(number), state, chain, entities: Vec::new() });
            self.pharmacies_in[state].push(number);
        }
    }

    fn add_entities(&mut self, random: &mut Random, count: usize) {
        let mut number = 0;
        while self.entities.len() < count {
            let state =
                if number < 3 * STATES.len() { number % STATES.len() } else { Self::any_state(random) };
            let prefix = random.pick(&ENTITY_PREFIXES).copied().unwrap_or("DSH");
            let id = format!("{prefix}99{number:04}");
            let first = self.entities.len();
            let sites = if random.percent(25) { 2 } else { 1 };
            for site in 0..sites {
                let mut pharmacies: Vec<usize> = (0..2 + random.below(7))
                    .filter_map(|_| random.pick(&self.pharmacies_in[state]).copied())
                    .collect();
                pharmacies.sort_unstable();
                pharmacies.dedup();
                for &pharmacy in &pharmacies {
                    self.pharmacies[pharmacy].entities.push(first + site);
                }
                self.entities.push(Entity {
                    id: if site == 0 { id.clone() } else { format!("{id}A") },
                    state,
                    pharmacies,
                    sibling: (sites == 2).then_some(first + 1 - site),
                });
                self.entities_in[state].push(first + site);
            }
            number += 1;
        }
    }
}

/// `Example Pharma A` to `Z`, then `AA` and so on.
fn client_name(number: usize) -> String {
    let letter = |place: usize| char::from(b'A' + (place % 26) as u8);
    if number < 26 {
        format!("Example Pharma {}", letter(number))
    } else {
        format!("Example Pharma {}{}", letter(number / 26 - 1), letter(number))
    }
}

/// A National Provider Identifier: nine digits and the Luhn check digit over `80840` and the digits, which
/// is the same as adding 24 (45 CFR 162.406, ISO/IEC 7812).
fn npi(number: usize) -> String {
    let digits = 290_000_000 + number;
    let mut sum = 24;
    let mut rest = digits;
    let mut double = true;
    while rest > 0 {
        let digit = rest % 10 * if double { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
        double = !double;
        rest /= 10;
    }
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The usual Luhn sum, written the other way round: over all fourteen digits with the prefix.
    fn luhn_holds(npi: &str) -> bool {
        let sum: u32 = format!("80840{npi}")
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, byte)| {
                let digit = u32::from(byte - b'0') * if place % 2 == 1 { 2 } else { 1 };
                digit / 10 + digit % 10
            })
            .sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn provider_identifiers_have_valid_check_digits() {
        assert!(luhn_holds("1234567893"), "the published example of CMS");
        assert!(!luhn_holds("1234567890"));
        for number in 0..5_000 {
            assert!(luhn_holds(&npi(number)), "{}", npi(number));
        }
    }

    #[test]
    fn a_pharmacy_serves_entities_of_its_own_state_only() {
        let catalog = Catalog::new(1, 4, 10_000);
        for pharmacy in &catalog.pharmacies {
            for &entity in &pharmacy.entities {
                assert_eq!(catalog.entities[entity].state, pharmacy.state);
            }
        }
    }

    #[test]
    fn each_client_owns_one_to_three_labeler_codes() {
        let catalog = Catalog::new(2, 30, 1_000);
        assert_eq!(catalog.clients.len(), 30);
        assert_eq!(catalog.clients[26], "Example Pharma AA");
        for client in 0..30 {
            let owned = catalog.labelers.iter().filter(|&&owner| owner == client).count();
            assert!((1..=3).contains(&owned));
        }
    }
}
