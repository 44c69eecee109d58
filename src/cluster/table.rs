//! Disputes as interned columns: what the engines count over.
//!
//! A [`Table`] keeps per dispute one 32-bit code per [`Attribute`] and its id, nothing else of the row. Codes
//! are given in the order of the values' text and rows are ordered by content, so that the answer depends
//! only on *which* disputes there are, never on the order in which they came.

use std::{hash::Hash, ops::Range, sync::Arc};

use jiff::civil::{Date, ISOWeekDate};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use rustc_hash::{FxHashMap, FxHasher};

use super::{
    attribute::{Attribute, Item},
    note::{self, Embedding},
    ratio::{self, Measured},
};
use crate::dispute::{DeliverySystem, Dispute, Ndc, Program, Quarter, Text, UnitType, parent_entity};

/// Disputes in columns. Missing values have code 0.
#[derive(Debug)]
pub struct Table {
    ids: Vec<Text>,
    clients: Vec<u32>,
    client_names: Vec<Text>,
    columns: Vec<Vec<u32>>,
    values: Vec<Vec<Text>>,
    /// Whether a units ratio is a constant that no package size explains, by code.
    odd_ratios: Vec<bool>,
    /// Of units and of amounts, by code: the constants among the ratios.
    constants: [Vec<Option<i32>>; 2],
    programs: Vec<(Program, Range<usize>)>,
}

impl Table {
    /// Number of disputes.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no dispute at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Dispute id of a row.
    pub fn id(&self, row: usize) -> &Text {
        &self.ids[row]
    }

    /// Program of a row.
    pub fn program(&self, row: usize) -> Program {
        let place = self.programs.partition_point(|(_, rows)| rows.end <= row);
        self.programs[place].0
    }

    /// Client of a row.
    pub fn client(&self, row: usize) -> &Text {
        &self.client_names[self.clients[row] as usize]
    }

    /// Value of an attribute in a row, where it has one.
    pub fn value(&self, row: usize, attribute: Attribute) -> Option<&Text> {
        match self.columns[attribute.index()][row] {
            0 => None,
            code => Some(&self.values[attribute.index()][code as usize]),
        }
    }

    /// Whether a row carries every item of a pattern.
    pub fn matches(&self, row: usize, pattern: &[Item]) -> bool {
        pattern.iter().all(|item| self.value(row, item.attribute) == Some(&item.value))
    }

    /// Programs, each with the rows that have it.
    pub fn partitions(&self) -> &[(Program, Range<usize>)] {
        &self.programs
    }

    pub(super) fn client_code(&self, row: usize) -> u32 {
        self.clients[row]
    }

    pub(super) fn client_codes(&self) -> &[u32] {
        &self.clients
    }

    pub(super) fn column(&self, attribute: Attribute) -> &[u32] {
        &self.columns[attribute.index()]
    }

    /// Number of codes of a column, the missing one included.
    pub(super) fn width(&self, attribute: Attribute) -> usize {
        self.values[attribute.index()].len()
    }

    pub(super) fn item(&self, attribute: Attribute, code: u32) -> Item {
        Item { attribute, value: Text::clone(&self.values[attribute.index()][code as usize]) }
    }

    pub(super) fn code(&self, attribute: Attribute, value: &str) -> Option<u32> {
        let values = &self.values[attribute.index()];
        values[1..].binary_search_by(|known| (**known).cmp(value)).ok().map(|place| place as u32 + 1)
    }

    /// By code: where a ratio that is a constant stands; empty for other attributes.
    pub(super) fn constants(&self, attribute: Attribute) -> &[Option<i32>] {
        match attribute {
            Attribute::UnitsRatio => &self.constants[0],
            Attribute::AmountRatio => &self.constants[1],
            _ => &[],
        }
    }

    pub(super) fn is_odd_ratio(&self, code: u32) -> bool {
        self.odd_ratios[code as usize]
    }
}

/// Builds a [`Table`] one dispute at a time, so that the disputes themselves need not be kept.
#[derive(Debug, Default)]
pub struct TableBuilder {
    ids: Vec<Text>,
    programs: Vec<Program>,
    clients: Interned<Text>,
    packages: Interned<Ndc>,
    product_names: Interned<Text>,
    states: Interned<Text>,
    payers: Interned<Text>,
    delivery_systems: Interned<DeliverySystem>,
    entities: Interned<Text>,
    pharmacies: Interned<Text>,
    periods: Interned<Quarter>,
    reason_codes: Interned<Text>,
    unit_types: Interned<UnitType>,
    notes: Interned<Text>,
    opened: Interned<(i16, i8)>,
    service: Interned<(i16, i8)>,
    units: Vec<Measured>,
    amounts: Vec<Measured>,
    cents: Vec<i64>,
    claims: Vec<u64>,
    embedding: Option<Arc<Embedding>>,
}

impl TableBuilder {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares notes by the word vectors of a table instead of by their words.
    #[must_use]
    pub fn with_embedding(mut self, embedding: Option<Arc<Embedding>>) -> Self {
        self.embedding = embedding;
        self
    }

    /// Number of disputes so far.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds one dispute.
    pub fn push(&mut self, dispute: &Dispute) {
        self.ids.push(Text::clone(&dispute.id));
        self.programs.push(dispute.program);
        self.clients.push_text(Some(&dispute.client));
        self.packages.push(Some(dispute.ndc));
        self.product_names.push_text(dispute.product_name.as_deref());
        self.states.push_text(dispute.state.as_deref());
        self.payers.push_text(dispute.payer.as_deref());
        self.delivery_systems.push(dispute.delivery_system);
        self.entities.push_text(dispute.covered_entity.as_deref());
        self.pharmacies.push_text(dispute.pharmacy_npi.as_deref());
        self.periods.push(dispute.period);
        match &dispute.reason_codes[..] {
            [] => self.reason_codes.push_text(None),
            [code] => self.reason_codes.push_text(Some(code)),
            codes => {
                let mut codes: Vec<&str> = codes.iter().map(|code| &**code).collect();
                codes.sort_unstable();
                self.reason_codes.push_text(Some(&codes.join("+")));
            }
        }
        self.unit_types.push(dispute.unit_type);
        let mask = dispute.note.as_deref().map(note::mask).filter(|mask| !mask.is_empty());
        self.notes.push_text(mask.as_deref());
        self.opened.push(dispute.opened_at.map(week));
        self.service.push(dispute.service_date.map(week));
        let number = |value: Option<Decimal>| value.and_then(|value| value.to_f64());
        let (units, amount) = (number(dispute.units_disputed), number(dispute.amount_disputed));
        self.units.push(ratio::of_units(number(dispute.units_invoiced), units));
        self.amounts.push(ratio::of_amounts(amount, units, number(dispute.unit_rebate_amount)));
        self.cents.push(amount.map_or(0, |amount| (amount * 100.0).round() as i64));
        // Tickets do not mix clients, nor tell one of them what another one has.
        let claim = |claim: &str| mix(hash(&dispute.client).rotate_left(1) ^ hash(claim)) | 1;
        self.claims.push(dispute.claim_ref.as_deref().map_or(0, claim));
    }

    /// Takes all disputes of another builder over: which of the two comes first changes no table.
    pub fn merge(&mut self, other: Self) {
        let Self {
            ids,
            programs,
            clients,
            packages,
            product_names,
            states,
            payers,
            delivery_systems,
            entities,
            pharmacies,
            periods,
            reason_codes,
            unit_types,
            notes,
            opened,
            service,
            units,
            amounts,
            cents,
            claims,
            embedding,
        } = other;
        self.ids.extend(ids);
        self.programs.extend(programs);
        self.clients.merge(clients);
        self.packages.merge(packages);
        self.product_names.merge(product_names);
        self.states.merge(states);
        self.payers.merge(payers);
        self.delivery_systems.merge(delivery_systems);
        self.entities.merge(entities);
        self.pharmacies.merge(pharmacies);
        self.periods.merge(periods);
        self.reason_codes.merge(reason_codes);
        self.unit_types.merge(unit_types);
        self.notes.merge(notes);
        self.opened.merge(opened);
        self.service.merge(service);
        self.units.extend(units);
        self.amounts.extend(amounts);
        self.cents.extend(cents);
        self.claims.extend(claims);
        self.embedding = self.embedding.take().or(embedding);
    }

    /// Groups the notes by wording, names what is derived and gives every value its final code.
    pub fn finish(self, min_group: usize) -> Table {
        let mut columns: Vec<Vec<u32>> = vec![Vec::new(); Attribute::COUNT];
        let mut values: Vec<Vec<Text>> = vec![Vec::new(); Attribute::COUNT];
        let mut put = |attribute: Attribute, (codes, texts): (Vec<u32>, Vec<Text>)| {
            columns[attribute.index()] = codes;
            values[attribute.index()] = texts;
        };

        let packages = self.packages.finish(|ndc| ndc.to_string().into());
        let text_of = |length: usize| {
            packages.1.iter().map(move |ndc| ndc.get(..ndc.len().saturating_sub(length)).unwrap_or_default())
        };
        let product = derived(&packages.0, text_of(3).map(str::to_owned).collect());
        let labeler = derived(
            &packages.0,
            packages.1.iter().map(|ndc| ndc.split('-').next().unwrap_or_default().to_owned()).collect(),
        );
        let names = self.product_names.finish(Text::clone);
        let first_words: Vec<String> = names
            .1
            .iter()
            .map(|name| name.split_whitespace().next().unwrap_or_default().to_lowercase())
            .collect();
        let family = paired(&labeler.0, &names.0, |labeler_code, name| {
            let word = &first_words[name as usize];
            (!word.is_empty()).then(|| format!("{} {word}", labeler.1[labeler_code as usize]))
        });
        let unit_types = self.unit_types.finish(|unit| unit.as_str().into());
        put(Attribute::UnitType, unusual(unit_types, &packages.0, packages.1.len()));
        let amounts = repeated_amounts(&self.cents, &product.0);
        put(Attribute::Amount, amounts);
        drop(self.cents);
        let delivery = self.delivery_systems.finish(|system| system.as_str().into());
        let payers = self.payers.finish(Text::clone);
        let service = self.service.finish(|week| week_text(*week));
        put(Attribute::SharedClaim, shared_claims(&self.claims, &delivery.0, &payers.0, &service.0));
        drop(self.claims);
        put(Attribute::Package, packages);
        put(Attribute::Product, product);
        put(Attribute::Family, family);
        put(Attribute::Labeler, labeler);
        put(Attribute::State, self.states.finish(Text::clone));
        put(Attribute::Payer, payers);
        put(Attribute::DeliverySystem, delivery);
        let entities = self.entities.finish(Text::clone);
        put(
            Attribute::ParentEntity,
            derived(&entities.0, entities.1.iter().map(|id| parent_entity(id).to_owned()).collect()),
        );
        put(Attribute::CoveredEntity, entities);
        put(Attribute::Pharmacy, self.pharmacies.finish(Text::clone));
        put(Attribute::Period, self.periods.finish(|period| period.to_string().into()));
        put(Attribute::ReasonCodes, self.reason_codes.finish(Text::clone));
        let units = ratio::Names::new(ratio::Kind::Units, &self.units, min_group);
        let (ratio_codes, ratio_texts, odd_ratios, of_units) = named_ratios(&units, &self.units);
        put(Attribute::UnitsRatio, (ratio_codes, ratio_texts));
        drop(self.units);
        let money = ratio::Names::new(ratio::Kind::Amounts, &self.amounts, min_group);
        let (ratio_codes, ratio_texts, _, of_amounts) = named_ratios(&money, &self.amounts);
        put(Attribute::AmountRatio, (ratio_codes, ratio_texts));
        drop(self.amounts);
        let notes = self.notes.finish(Text::clone);
        let (wide, narrow) = note::cluster(&notes.1, &notes.0, min_group, self.embedding.as_deref());
        put(Attribute::Note, derived(&notes.0, wide));
        put(Attribute::Phrase, derived(&notes.0, narrow));
        drop(notes);
        put(Attribute::OpenedWeek, self.opened.finish(|week| week_text(*week)));
        put(Attribute::ServiceWeek, service);

        let (clients, client_names) = self.clients.finish(Text::clone);
        let clients = clients.into_iter().map(|code| code.saturating_sub(1)).collect();
        let client_names = client_names.into_iter().skip(1).collect();
        let ratios = (odd_ratios, [of_units, of_amounts]);
        ordered(&self.ids, &self.programs, clients, client_names, columns, values, ratios)
    }
}

/// Rows in the order of program and content, and only then of id: neither row order nor renamed ids matter.
fn ordered(
    ids: &[Text],
    programs: &[Program],
    mut clients: Vec<u32>,
    client_names: Vec<Text>,
    mut columns: Vec<Vec<u32>>,
    values: Vec<Vec<Text>>,
    (odd_ratios, constants): (Vec<bool>, [Vec<Option<i32>>; 2]),
) -> Table {
    let mut hashes: Vec<u64> = clients.iter().map(|client| mix(u64::from(*client))).collect();
    for column in &columns {
        for (hash, code) in hashes.iter_mut().zip(column) {
            *hash = mix(hash.rotate_left(5) ^ u64::from(*code));
        }
    }
    let mut order: Vec<(Program, u64, u32)> = programs
        .iter()
        .zip(&hashes)
        .enumerate()
        .map(|(row, (program, hash))| (*program, *hash, row as u32))
        .collect();
    order.sort_unstable_by(|a, b| {
        (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| ids[a.2 as usize].cmp(&ids[b.2 as usize]))
    });
    drop(hashes);
    let mut ranges: Vec<(Program, Range<usize>)> = Vec::new();
    for (row, (program, _, _)) in order.iter().enumerate() {
        match ranges.last_mut() {
            Some((last, rows)) if last == program => rows.end = row + 1,
            _ => ranges.push((*program, row..row + 1)),
        }
    }
    for column in std::iter::once(&mut clients).chain(&mut columns) {
        *column = order.iter().map(|(_, _, row)| column[*row as usize]).collect();
    }
    let ids = order.iter().map(|(_, _, row)| Text::clone(&ids[*row as usize])).collect();
    Table { ids, clients, client_names, columns, values, odd_ratios, constants, programs: ranges }
}

fn week(date: Date) -> (i16, i8) {
    let week: ISOWeekDate = date.iso_week_date();
    (week.year(), week.week())
}

fn week_text((year, week): (i16, i8)) -> Text {
    format!("{year}-W{week:02}").into()
}

fn hash(text: &str) -> u64 {
    use std::hash::Hasher;
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    mix(hasher.finish()) | 1
}

/// Spreads the bits of a number over all of it (the finisher of `SplitMix64`).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A column whose values follow from those of another one: a text per code, an empty one for none.
fn derived(codes: &[u32], texts: Vec<String>) -> (Vec<u32>, Vec<Text>) {
    let (of_code, values) = ranked(&texts.into_iter().map(Text::from).collect::<Vec<_>>());
    (codes.iter().map(|code| of_code[*code as usize]).collect(), values)
}

/// A column whose values follow from those of two others.
fn paired(first: &[u32], second: &[u32], name: impl Fn(u32, u32) -> Option<String>) -> (Vec<u32>, Vec<Text>) {
    let mut places: FxHashMap<(u32, u32), u32> = FxHashMap::default();
    let mut texts: Vec<Text> = Vec::new();
    let codes: Vec<u32> = first
        .iter()
        .zip(second)
        .map(|(first, second)| {
            *places.entry((*first, *second)).or_insert_with(|| {
                texts.push(name(*first, *second).unwrap_or_default().into());
                texts.len() as u32 - 1
            })
        })
        .collect();
    let (of_code, values) = ranked(&texts);
    (codes.into_iter().map(|code| of_code[code as usize]).collect(), values)
}

/// Final code of each text, equal for equal texts and 0 for the empty one, and the texts by code.
fn ranked(texts: &[Text]) -> (Vec<u32>, Vec<Text>) {
    let mut values: Vec<Text> = texts.iter().filter(|text| !text.is_empty()).map(Text::clone).collect();
    values.push("".into());
    values.sort_unstable();
    values.dedup();
    let codes = texts.iter().map(|text| values.partition_point(|value| value < text) as u32).collect();
    (codes, values)
}

/// Blanks the unit types that are the usual ones for their NDC: a unit type says something only where it is
/// not the one that its lines usually have.
fn unusual((mut codes, texts): (Vec<u32>, Vec<Text>), by: &[u32], by_width: usize) -> (Vec<u32>, Vec<Text>) {
    let mut tally = vec![0u32; by_width * texts.len()];
    for (key, code) in by.iter().zip(&codes) {
        tally[*key as usize * texts.len() + *code as usize] += 1;
    }
    let usual: Vec<u32> = tally
        .chunks(texts.len())
        .map(|counts| {
            let most = (1..texts.len()).max_by_key(|code| (counts[*code], std::cmp::Reverse(*code)));
            most.filter(|code| counts[*code] > 0).unwrap_or(0) as u32
        })
        .collect();
    for (key, code) in by.iter().zip(&mut codes) {
        if *code == usual[*key as usize] {
            *code = 0;
        }
    }
    (codes, texts)
}

/// Amounts that four lines and three products have in common, most of them not one product's: the price of a
/// product times the usual quantity repeats as well, and says nothing.
fn repeated_amounts(cents: &[i64], products: &[u32]) -> (Vec<u32>, Vec<Text>) {
    let mut rows: Vec<(i64, u32, u32)> = cents
        .iter()
        .zip(products)
        .enumerate()
        .filter(|(_, (cents, _))| **cents != 0)
        .map(|(row, (cents, product))| (*cents, *product, row as u32))
        .collect();
    rows.sort_unstable();
    let mut texts: Vec<Text> = vec!["".into()];
    let mut codes = vec![0u32; cents.len()];
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        let by_product = same.chunk_by(|a, b| a.1 == b.1);
        let (products, most) = by_product.fold((0, 0), |(count, most), run| (count + 1, most.max(run.len())));
        if same.len() >= 4 && products >= 3 && most * 10 <= same.len() * 6 {
            texts.push(Decimal::new(same[0].0, 2).normalize().to_string().into());
            for (_, _, row) in same {
                codes[*row as usize] = texts.len() as u32 - 1;
            }
        }
    }
    let (of_code, values) = ranked(&texts);
    (codes.into_iter().map(|code| of_code[code as usize]).collect(), values)
}

/// Whether another dispute of the client has the same claim, and in what the disputes of the claim differ.
fn shared_claims(claims: &[u64], delivery: &[u32], payers: &[u32], service: &[u32]) -> (Vec<u32>, Vec<Text>) {
    const TEXTS: [&str; 5] = [
        "",
        "another dispute of the claim",
        "another dispute of the claim, with another date",
        "another dispute of the claim, with another delivery system",
        "another dispute of the claim, with another payer",
    ];
    let mut rows: Vec<(u64, u32)> = claims
        .iter()
        .enumerate()
        .filter(|(_, claim)| **claim != 0)
        .map(|(row, claim)| (*claim, row as u32))
        .collect();
    rows.sort_unstable();
    let mut codes = vec![0u32; claims.len()];
    for same in rows.chunk_by(|a, b| a.0 == b.0) {
        if same.len() < 2 {
            continue;
        }
        // A line that leaves a value open contradicts none that has it.
        let differ = |column: &[u32]| {
            let mut known = same.iter().map(|(_, row)| column[*row as usize]).filter(|code| *code != 0);
            let first = known.next();
            known.any(|code| Some(code) != first)
        };
        let code = if differ(delivery) {
            3
        } else if differ(payers) {
            4
        } else if differ(service) {
            2
        } else {
            1
        };
        for (_, row) in same {
            codes[*row as usize] = code;
        }
    }
    (codes, TEXTS.iter().map(|text| Text::from(*text)).collect())
}

/// Codes per row, and by code: the name, whether it is odd, and where it stands if it is a constant.
fn named_ratios(
    names: &ratio::Names,
    measured: &[Measured],
) -> (Vec<u32>, Vec<Text>, Vec<bool>, Vec<Option<i32>>) {
    let mut places: FxHashMap<(bool, i32), u32> = FxHashMap::default();
    let (mut texts, mut kinds): (Vec<Text>, Vec<(bool, Option<i32>)>) =
        (vec!["".into()], vec![(false, None)]);
    let codes: Vec<u32> = measured
        .iter()
        .map(|one| {
            names.key(*one).map_or(0, |key| {
                *places.entry(key).or_insert_with(|| {
                    texts.push(names.name(key).into());
                    kinds.push((ratio::Names::is_odd(key), ratio::Names::centre(key)));
                    texts.len() as u32 - 1
                })
            })
        })
        .collect();
    let (of_code, values) = ranked(&texts);
    let (mut odd, mut constants) = (vec![false; values.len()], vec![None; values.len()]);
    for (code, (is_odd, centre)) in of_code.iter().zip(kinds) {
        odd[*code as usize] |= is_odd;
        // Two cells may have one name.
        constants[*code as usize] = constants[*code as usize].max(centre);
    }
    (codes.into_iter().map(|code| of_code[code as usize]).collect(), values, odd, constants)
}

impl Interned<Text> {
    fn push_text(&mut self, value: Option<&str>) {
        let code = value.map_or(0, |value| match self.index.get(value) {
            Some(code) => *code,
            None => self.add(value.into()),
        });
        self.codes.push(code);
    }
}

/// A column under construction: value to code in order of arrival; [`Interned::finish`] sorts the codes.
#[derive(Debug)]
struct Interned<K> {
    codes: Vec<u32>,
    values: Vec<K>,
    index: FxHashMap<K, u32>,
}

impl<K> Default for Interned<K> {
    fn default() -> Self {
        Self { codes: Vec::new(), values: Vec::new(), index: FxHashMap::default() }
    }
}

impl<K: Clone + Eq + Hash> Interned<K> {
    fn push(&mut self, value: Option<K>) {
        let code = value.map_or(0, |value| match self.index.get(&value) {
            Some(code) => *code,
            None => self.add(value),
        });
        self.codes.push(code);
    }

    fn add(&mut self, value: K) -> u32 {
        self.values.push(value.clone());
        let code = self.values.len() as u32;
        self.index.insert(value, code);
        code
    }

    fn merge(&mut self, other: Self) {
        let mut code_of = vec![0u32];
        for value in other.values {
            let known = self.index.get(&value).copied();
            code_of.push(known.unwrap_or_else(|| self.add(value)));
        }
        self.codes.extend(other.codes.into_iter().map(|code| code_of[code as usize]));
    }

    /// Codes per row and text per code; code 0 is the missing value and has an empty text.
    fn finish(self, text: impl Fn(&K) -> Text) -> (Vec<u32>, Vec<Text>) {
        let Self { mut codes, values, index } = self;
        drop(index);
        let texts: Vec<Text> = std::iter::once("".into()).chain(values.iter().map(text)).collect();
        let (of_code, values) = ranked(&texts);
        for code in &mut codes {
            *code = of_code[*code as usize];
        }
        (codes, values)
    }
}
