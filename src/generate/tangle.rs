//! What makes the tangled world hard.
//!
//! Causes become disjunctions (an NDC family, a pharmacy chain, two states), lose all but their quantity or
//! all but their note, come under several codes, and stand beside a cause that differs in one attribute.
//! One cause holds three fifths of its program. Some background rows lie next to a cause without being of it.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Catalog, STATES};
use super::cause::{Cause, any_quarter};
use super::kinds::{Fix, Quantity};
use super::random::Random;
use super::row::Market;
use super::spoil::wrong_code;
use crate::dispute::{DeliverySystem, Program};

/// Pairs of kinds that differ in one attribute.
const HARD_PAIRS: [(u8, u8); 7] = [(1, 2), (10, 13), (10, 14), (22, 33), (28, 29), (4, 4), (9, 1)];

/// Words that tell causes apart which nothing else tells apart.
const SUBJECTS: [&str; 16] = [
    "portal upload",
    "clearinghouse resend",
    "vendor migration",
    "fax intake",
    "legacy gateway",
    "nightly batch",
    "remittance rework",
    "archive restore",
    "eligibility refresh",
    "formulary reload",
    "crosswalk rebuild",
    "warehouse cutover",
    "audit sample",
    "manual rekeying",
    "scanner backlog",
    "mailbox import",
];
const EVENTS: [&str; 16] = [
    "dropped trailing segments",
    "repeated the header block",
    "lost the modifier column",
    "shifted its columns",
    "mapped fields to the wrong loop",
    "truncated identifiers",
    "sent a stale snapshot",
    "ignored void records",
    "merged two submissions",
    "used a retired template",
    "skipped the trailer count",
    "swapped submitter roles",
    "kept test records",
    "applied an old calendar",
    "rounded every line",
    "reordered its pages",
];

/// Turns settled causes into tangled ones. The share of each change follows from the digits below.
pub(super) fn tangle(causes: &mut [Cause], market: &Market, random: &mut Random) {
    let paired = pair_up(causes, market, random);
    let mut unused = Unused::new(causes, random);
    for (number, cause) in causes.iter_mut().enumerate() {
        mix_codes(cause, random);
        // Two sites of one parent are hard as they are.
        if paired.contains(&number) || cause.kind.fixes.contains(&Fix::SitePair) {
            continue;
        }
        let has_ratio = matches!(cause.kind.quantity, Quantity::Ratio(_) | Quantity::PackageRatio);
        let has_none = matches!(cause.kind.quantity, Quantity::Whole | Quantity::Share);
        match random.below(100) {
            0..20 if has_ratio => only_ratio(cause, &mut unused, random),
            0..8 if has_none => only_note(cause, &mut unused, random),
            20..60 => widen(cause, market, &mut unused, random),
            _ => {}
        }
    }
}

/// What no cause has yet. Two causes that only one thing shows, and that have this one thing in common,
/// would be one cause.
struct Unused {
    constants: Vec<i64>,
    wordings: Vec<(&'static str, &'static str)>,
    /// Kind and value of the causes so far.
    taken: BTreeSet<(u8, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Product(usize),
    Pharmacy(usize),
    State(usize),
}

impl Unused {
    fn new(causes: &[Cause], random: &mut Random) -> Self {
        // Far from each other and from the usual factors, so that chance does not produce them often.
        let mut constants: Vec<i64> = (0..230).map(|step| 1_157 + 37 * step).collect();
        random.shuffle(&mut constants);
        let mut wordings: Vec<(&str, &str)> =
            SUBJECTS.iter().flat_map(|&subject| EVENTS.iter().map(move |&event| (subject, event))).collect();
        random.shuffle(&mut wordings);
        let taken = causes
            .iter()
            .flat_map(|cause| {
                let products = cause.products.iter().copied().map(Value::Product);
                let pharmacies = cause.pharmacies.iter().copied().map(Value::Pharmacy);
                let states = cause.states.iter().copied().map(Value::State);
                products.chain(pharmacies).chain(states).map(|value| (cause.kind.number, value))
            })
            .collect();
        Self { constants, wordings, taken }
    }

    /// True the first time that a kind asks for a value which none of its causes has.
    fn take(&mut self, kind: u8, value: Value) -> bool {
        self.taken.insert((kind, value))
    }
}

/// Gives one cause 60 % of its program's rows, background included, at the cost of the other programs.
/// `background`: how background rows fall on programs.
pub(super) fn let_one_dominate(
    causes: &[Cause],
    sizes: &mut [usize],
    background: &BTreeMap<Program, u32>,
    background_rows: usize,
    smallest: usize,
) {
    let all_weights: u32 = background.values().sum();
    let of_program = |program: Program, sizes: &[usize]| -> usize {
        let in_causes: usize = causes
            .iter()
            .zip(sizes)
            .filter(|(cause, _)| cause.program == program)
            .map(|(_, size)| size)
            .sum();
        let weight = background.get(&program).copied().unwrap_or(0);
        in_causes + background_rows * weight as usize / all_weights.max(1) as usize
    };
    let rows = background_rows + sizes.iter().sum::<usize>();
    let others = |number: usize, sizes: &[usize]| of_program(causes[number].program, sizes) - sizes[number];
    // The largest cause outside of Medicaid, where it leaves room for the other programs; in a program that
    // has more than a few rows.
    let Some(chosen) = (0..causes.len())
        .filter(|&number| causes[number].program != Program::Mdrp && others(number, sizes) * 50 >= rows)
        .max_by_key(|&number| sizes[number])
    else {
        return;
    };
    let program = causes[chosen].program;
    let others = others(chosen, sizes);
    let wanted = (others * 3 / 2).max(smallest);
    if wanted < sizes[chosen] {
        // What is too much goes to the largest cause elsewhere.
        let surplus = sizes[chosen] - wanted;
        let taker = (0..causes.len())
            .filter(|&number| causes[number].program != program)
            .max_by_key(|&number| sizes[number]);
        if let Some(taker) = taker {
            sizes[taker] += surplus;
            sizes[chosen] = wanted;
        }
        return;
    }
    let spare_of = |cause: &Cause, size: usize| if cause.program == program { 0 } else { size - smallest };
    let spare: usize = causes.iter().zip(sizes.iter()).map(|(cause, &size)| spare_of(cause, size)).sum();
    let missing = (wanted - sizes[chosen]).min(spare);
    let mut moved = 0;
    for (cause, size) in causes.iter().zip(sizes.iter_mut()) {
        let part = spare_of(cause, *size) * missing / spare.max(1);
        *size -= part;
        moved += part;
    }
    sizes[chosen] += moved;
}

/// A background row that carries one attribute of a cause and nothing else of it.
pub(super) fn near_miss(background: &Cause, near: &Cause, random: &mut Random) -> Cause {
    let mut cause = background.clone();
    if cause.program == near.program && random.percent(50) && !near.pharmacies.is_empty() {
        cause.pharmacies.clone_from(&near.pharmacies);
    } else if !near.products.is_empty() && cause.program != Program::Mfp {
        cause.products.clone_from(&near.products);
    }
    cause
}

/// Makes pairs of neighbouring causes that share all but one attribute; says which causes are in a pair.
fn pair_up(causes: &mut [Cause], market: &Market, random: &mut Random) -> Vec<usize> {
    let mut paired: Vec<usize> = Vec::new();
    let rounds = (causes.len() / 120).max(1);
    for _ in 0..rounds {
        for (left, right) in HARD_PAIRS {
            let free = |kind: u8, besides: Option<usize>, paired: &[usize]| {
                (0..causes.len()).find(|&number| {
                    causes[number].kind.number == kind && Some(number) != besides && !paired.contains(&number)
                })
            };
            let Some(first) = free(left, None, &paired) else { continue };
            let Some(second) = free(right, Some(first), &paired) else { continue };
            let mut one = causes[first].clone();
            let mut two = causes[second].clone();
            if share_all_but_one(&mut one, &mut two, market, random) {
                causes[first] = one;
                causes[second] = two;
                paired.extend([first, second]);
            }
        }
    }
    paired
}

fn share_all_but_one(one: &mut Cause, two: &mut Cause, market: &Market, random: &mut Random) -> bool {
    let catalog = &market.catalog;
    match (one.kind.number, two.kind.number) {
        // The delivery system differs.
        (1, 2) => {
            let Some(&pharmacy) = one.pharmacies.first() else { return false };
            let state = catalog.pharmacies[pharmacy].state;
            two.pharmacies = vec![pharmacy];
            two.entities.clone_from(&one.entities);
            two.payers = vec![catalog.any_plan(random, state)];
        }
        // The ratio differs: units in a package, and a decimal place.
        (10, 13) => {
            two.products.clone_from(&one.products);
            two.package = None;
            one.constant = Some(2_500);
            two.constant = Some(10_000);
            one.states.clone_from(&two.states);
        }
        // One state, and all.
        (10, 14) => {
            two.products.clone_from(&one.products);
            two.package = None;
            one.states = vec![random.below(STATES.len())];
        }
        // Same pharmacy and plan; fills of one day, and of different days.
        (22, 33) => {
            one.program = two.program;
            one.codes = vec![(if two.program == Program::Cgdp { "D01" } else { "D21" }, 1)];
            one.pharmacies.clone_from(&two.pharmacies);
            one.payers.clone_from(&two.payers);
            one.states.clear();
            one.delivery = None;
            one.periods = vec![any_quarter(random, one.program)];
        }
        // A spike at one pharmacy, and a trend of the state.
        (28, 29) if one.program == Program::Mdrp => {
            let Some(&pharmacy) = one.pharmacies.first() else { return false };
            two.products.clone_from(&one.products);
            two.package = one.package;
            two.states = vec![catalog.pharmacies[pharmacy].state];
        }
        // One pharmacy that serves two entities.
        (4, 4) => {
            let Some(&pharmacy) = one.pharmacies.first() else { return false };
            let [first, second, ..] = catalog.pharmacies[pharmacy].entities[..] else { return false };
            one.entities = vec![first];
            two.entities = vec![second];
            two.pharmacies = vec![pharmacy];
            two.program = one.program;
            two.codes.clone_from(&one.codes);
        }
        // Evidence missing, and present.
        (9, 1) => {
            one.entities.clone_from(&two.entities);
            one.delivery = Some(DeliverySystem::Ffs);
        }
        _ => return false,
    }
    true
}

/// One cause arrives under several codes, some of them the codes of other causes.
fn mix_codes(cause: &mut Cause, random: &mut Random) {
    if random.percent(60) {
        for code in &mut cause.codes {
            code.1 = 25 + random.below(30) as u32;
        }
        for _ in 0..2 {
            cause.codes.push((wrong_code(cause.program, random), 5 + random.below(12) as u32));
        }
    }
}

/// Nothing but a constant ratio. No change where all constants are used.
fn only_ratio(cause: &mut Cause, unused: &mut Unused, random: &mut Random) {
    let Some(constant) = unused.constants.pop() else { return };
    free_everything(cause);
    cause.constant = Some(constant);
    cause.own_words = 0;
    any_codes(cause, random);
}

/// Nothing but the wording of the note. No change where all wordings are used.
fn only_note(cause: &mut Cause, unused: &mut Unused, random: &mut Random) {
    let Some((subject, event)) = unused.wordings.pop() else { return };
    free_everything(cause);
    cause.phrases = vec![
        format!("{subject} {event}, ticket {{n}}"),
        format!("{subject} of {{date}} {event}"),
        format!("{event} after {subject}, batch {{n}}"),
    ];
    cause.own_words = 88;
    any_codes(cause, random);
}

fn any_codes(cause: &mut Cause, random: &mut Random) {
    for _ in 0..4 {
        cause.codes.push((wrong_code(cause.program, random), 60));
    }
}

fn free_everything(cause: &mut Cause) {
    cause.states.clear();
    cause.entities.clear();
    cause.pharmacies.clear();
    cause.labelers.clear();
    cause.products.clear();
    cause.package = None;
    cause.payers.clear();
    cause.delivery = None;
    cause.periods.clear();
    cause.service = None;
    cause.miskeyed = false;
}

/// One value becomes several that belong together.
fn widen(cause: &mut Cause, market: &Market, unused: &mut Unused, random: &mut Random) {
    let catalog = &market.catalog;
    let kind = cause.kind.number;
    if let [product] = cause.products[..]
        && !cause.miskeyed
        && cause.program != Program::Mfp
    {
        let family = catalog.products[product].family;
        let others = (0..catalog.products.len()).filter(|&other| catalog.products[other].family == family);
        cause.products.extend(others.filter(|&other| unused.take(kind, Value::Product(other))));
        cause.package = None;
    } else if let [pharmacy] = cause.pharmacies[..]
        && cause.entities.is_empty()
        && cause.payers.is_empty()
        && let Some(chain) = catalog.pharmacies[pharmacy].chain
    {
        // Some stores of the chain: all stores of a national chain would be no locus at all.
        let stores = catalog.chains[chain].iter().copied();
        cause.pharmacies.extend(stores.filter(|&store| unused.take(kind, Value::Pharmacy(store))).take(24));
    } else if let [_] = cause.states[..]
        && cause.payers.is_empty()
    {
        let others = (0..4).map(|_| Catalog::any_state(random));
        cause.states.extend(others.filter(|&state| unused.take(kind, Value::State(state))).take(1));
    }
}
