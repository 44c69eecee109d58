//! The rows of one program, and which attributes go together by nature.
//!
//! An NDC has one labeler, a pharmacy one state, a managed-care plan one state and one delivery system. What
//! goes together by nature is no evidence for a cause, so every attribute has a [`Context`] in which its
//! values are expected. Contexts are measured, not assumed: a plan that serves many states has none.

use std::{borrow::Cow, ops::Range};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{attribute::Attribute, table::Table};

/// Number of columns: the attributes, then [`PLACE`], [`CLIENT`], [`FILED`], [`NAMED`] and [`WORDED`].
pub(super) const COLUMNS: usize = Attribute::COUNT + 5;
/// State and delivery system together: the context of payers. No attribute, evidence of nothing.
pub(super) const PLACE: usize = Attribute::COUNT;
/// The client: the context of labelers. Evidence of nothing, since clients are told apart by priors.
pub(super) const CLIENT: usize = Attribute::COUNT + 1;
/// Client and period together: the context of the weeks in which disputes were opened, since a client files those of a
/// quarter at once. Evidence of nothing.
pub(super) const FILED: usize = Attribute::COUNT + 2;
/// Which parties a row names, a covered entity and a payer: the context of wordings, since each kind of error names its
/// own. Whoever they are; evidence of nothing.
pub(super) const NAMED: usize = Attribute::COUNT + 3;
/// The wording, and of a row without one the parties that it names: the context of codes and ratios. Evidence of nothing.
pub(super) const WORDED: usize = Attribute::COUNT + 4;
/// Codes of [`NAMED`]: the missing one, which no row has, and the four ways to name two parties or not.
const NAMINGS: usize = 5;

/// Share of the rows whose parent must be the usual one for a value to have a parent at all.
const FUNCTIONAL: f64 = 0.8;
/// Most rows over which natural company is measured: rows are in no order of meaning, so every n-th will do.
const SAMPLE: usize = 50_000;

/// A wording is common where so many rows of other programs have it, and at least so often as the rows of this one do.
const COMMON_ROWS: u32 = 4;
const COMMON: f64 = 0.25;

/// In what the values of an attribute are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// Nothing: a value has one rate.
    Free,
    /// Each value has one usual value of this column: its rate is that among its siblings.
    Parent(usize),
    /// The rate depends on the row's value of this column: a wording has its usual code.
    Pair(usize),
}

/// The pairs of values that occur in two columns.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// The place of each row's pair in `values`.
    pub(super) of_row: Vec<u32>,
    /// Ascending.
    pub(super) values: Vec<(u32, u32)>,
}

impl Pairs {
    fn of(by: &[u32], column: &[u32]) -> Self {
        let mut places: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        let mut of_row: Vec<u32> = by
            .iter()
            .zip(column)
            .map(|(by, code)| {
                let next = places.len() as u32;
                *places.entry((*by, *code)).or_insert(next)
            })
            .collect();
        let mut values: Vec<((u32, u32), u32)> = places.into_iter().collect();
        values.sort_unstable();
        let mut ranks = vec![0; values.len()];
        for (rank, (_, place)) in values.iter().enumerate() {
            ranks[*place as usize] = rank as u32;
        }
        for place in &mut of_row {
            *place = ranks[*place as usize];
        }
        Self { of_row, values: values.into_iter().map(|(pair, _)| pair).collect() }
    }

    /// The place of a pair, where it occurs.
    pub(super) fn find(&self, by: u32, code: u32) -> Option<usize> {
        self.values.binary_search(&(by, code)).ok()
    }
}

/// The columns of one program.
#[derive(Debug)]
pub(super) struct Partition<'t> {
    /// Codes by column and row (positions in the partition).
    pub(super) columns: Vec<Cow<'t, [u32]>>,
    /// The same by row and column: what is asked of single rows then lies together.
    cells: Vec<[u32; COLUMNS]>,
    /// Codes that a column can have, the missing one included.
    pub(super) widths: Vec<usize>,
    /// Values that occur in each column.
    pub(super) distinct: Vec<usize>,
    /// By attribute.
    pub(super) contexts: Vec<Context>,
    /// By attribute and code: the usual value of the parent column; empty without a parent.
    pub(super) parents: Vec<Vec<u32>>,
    /// By attribute and parent value: how many values it is the parent of.
    pub(super) siblings: Vec<Vec<u32>>,
    /// Rows of each client.
    pub(super) rows_of_client: Vec<f64>,
    /// Units ratios that are a constant which no package size explains, by code.
    pub(super) odd_ratios: Vec<bool>,
    /// By attribute and code: where ratios that are constants stand; empty for what is no ratio.
    pub(super) constants: Vec<&'t [Option<i32>]>,
    /// Wordings that other programs have as well, by code: those of correspondence, not of a cause.
    pub(super) common_notes: Vec<bool>,
    /// By attribute: its values with those of the column that they are paired with; empty where there is none.
    pub(super) pairs: Vec<Pairs>,
    /// Attributes that go together by nature.
    natural: Vec<bool>,
}

impl<'t> Partition<'t> {
    pub(super) fn new(table: &'t Table, rows: Range<usize>) -> Self {
        let mut columns: Vec<Cow<'t, [u32]>> = Attribute::ALL
            .iter()
            .map(|attribute| Cow::Borrowed(&table.column(*attribute)[rows.clone()]))
            .collect();
        let mut widths: Vec<usize> = Attribute::ALL.iter().map(|attribute| table.width(*attribute)).collect();
        let systems = widths[Attribute::DeliverySystem.index()] as u32;
        let place: Vec<u32> = columns[Attribute::State.index()]
            .iter()
            .zip(columns[Attribute::DeliverySystem.index()].iter())
            .map(|(state, system)| if *state == 0 || *system == 0 { 0 } else { state * systems + system })
            .collect();
        let clients: Vec<u32> = table.client_codes()[rows.clone()].iter().map(|client| client + 1).collect();
        let client_width = clients.iter().max().map_or(1, |most| *most as usize + 1);
        let mut filings: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        let filed: Vec<u32> = clients
            .iter()
            .zip(columns[Attribute::Period.index()].iter())
            .map(|(client, period)| {
                let next = filings.len() as u32 + 1;
                *filings.entry((*client, *period)).or_insert(next)
            })
            .collect();
        let named: Vec<u32> = columns[Attribute::CoveredEntity.index()]
            .iter()
            .zip(columns[Attribute::Payer.index()].iter())
            .map(|(entity, payer)| 1 + u32::from(*entity != 0) + 2 * u32::from(*payer != 0))
            .collect();
        let wordings = widths[Attribute::Note.index()];
        let worded: Vec<u32> = columns[Attribute::Note.index()]
            .iter()
            .zip(&named)
            .map(|(note, named)| if *note == 0 { wordings as u32 + named } else { *note })
            .collect();
        widths.push(widths[Attribute::State.index()] * systems as usize + systems as usize);
        widths.push(client_width);
        widths.push(filings.len() + 1);
        widths.push(NAMINGS);
        widths.push(wordings + NAMINGS);
        let mut rows_of_client = vec![0.0; client_width];
        for client in &clients {
            rows_of_client[*client as usize] += 1.0;
        }
        columns.push(Cow::Owned(place));
        columns.push(Cow::Owned(clients));
        columns.push(Cow::Owned(filed));
        columns.push(Cow::Owned(named));
        columns.push(Cow::Owned(worded));
        let distinct = columns
            .par_iter()
            .zip(&widths)
            .map(|(column, width)| {
                let mut seen = vec![false; *width];
                for code in column.iter() {
                    seen[*code as usize] = true;
                }
                seen.iter().skip(1).filter(|seen| **seen).count().max(1)
            })
            .collect();
        let odd_ratios =
            (0..widths[Attribute::UnitsRatio.index()] as u32).map(|code| table.is_odd_ratio(code)).collect();
        let cells = (0..rows.len())
            .into_par_iter()
            .with_min_len(4096)
            .map(|row| std::array::from_fn(|column| columns[column][row]))
            .collect();
        let mut partition = Self {
            columns,
            cells,
            widths,
            distinct,
            contexts: vec![Context::Free; Attribute::COUNT],
            parents: vec![Vec::new(); Attribute::COUNT],
            siblings: vec![Vec::new(); Attribute::COUNT],
            rows_of_client,
            odd_ratios,
            constants: Attribute::ALL.map(|attribute| table.constants(attribute)).into(),
            common_notes: common_notes(table, &rows),
            pairs: Vec::new(),
            natural: vec![false; Attribute::COUNT * Attribute::COUNT],
        };
        partition.find_parents();
        partition.find_natural_company();
        partition.pairs = (0..Attribute::COUNT)
            .into_par_iter()
            .map(|attribute| match partition.contexts[attribute] {
                Context::Pair(by) => Pairs::of(&partition.columns[by], &partition.columns[attribute]),
                Context::Free | Context::Parent(_) => Pairs::default(),
            })
            .collect();
        partition
    }

    pub(super) fn len(&self) -> usize {
        self.columns[CLIENT].len()
    }

    /// The codes of a row, by column.
    pub(super) fn row(&self, row: usize) -> &[u32; COLUMNS] {
        &self.cells[row]
    }

    pub(super) fn client(&self, row: usize) -> usize {
        self.cells[row][CLIENT] as usize
    }

    /// The parent value of a value; 0 where its attribute has no parent.
    pub(super) fn parent(&self, attribute: usize, code: u32) -> u32 {
        match self.contexts[attribute] {
            Context::Parent(_) => self.parents[attribute][code as usize],
            Context::Free | Context::Pair(_) => 0,
        }
    }

    /// Whether the value `by` that an attribute in pairs is paired with tells of the parties that a row names, and of nothing
    /// that has its own value of the attribute by nature.
    pub(super) fn is_paired_by_parties(&self, attribute: usize, by: u32) -> bool {
        match self.contexts[attribute] {
            Context::Pair(NAMED) => true,
            Context::Pair(WORDED) => by as usize >= self.widths[Attribute::Note.index()],
            Context::Free | Context::Parent(_) | Context::Pair(_) => false,
        }
    }

    /// How many values a value of this attribute is chosen from.
    pub(super) fn choices(&self, attribute: usize, code: u32) -> f64 {
        match self.contexts[attribute] {
            Context::Parent(_) => {
                f64::from(self.siblings[attribute][self.parents[attribute][code as usize] as usize].max(1))
            }
            Context::Free | Context::Pair(_) => self.distinct[attribute] as f64,
        }
    }

    /// Whether two attributes say little together: one is an ancestor of the other, they go together by nature,
    /// or both are too blunt to find a cause with.
    pub(super) fn are_kin(&self, a: usize, b: usize) -> bool {
        is_blunt(a) && is_blunt(b)
            || self.natural[a * Attribute::COUNT + b]
            || self.descends(a, b)
            || self.descends(b, a)
    }

    fn descends(&self, from: usize, to: usize) -> bool {
        let mut at = from;
        while let Context::Parent(parent) = self.contexts[at] {
            if parent == to
                || parent == PLACE
                    && (to == Attribute::State.index() || to == Attribute::DeliverySystem.index())
            {
                return true;
            }
            if parent >= Attribute::COUNT {
                return false;
            }
            at = parent;
        }
        false
    }

    fn find_parents(&mut self) {
        use Attribute::{
            CoveredEntity, DeliverySystem, Family, Labeler, Note, Package, ParentEntity, Payer, Period,
            Pharmacy, Phrase, Product, ServiceWeek, State,
        };
        let wanted: [(Attribute, &[usize]); 10] = [
            (Labeler, &[CLIENT]),
            (Family, &[Labeler.index()]),
            (Product, &[Family.index(), Labeler.index()]),
            (Package, &[Product.index()]),
            (Pharmacy, &[State.index()]),
            (ParentEntity, &[State.index()]),
            (CoveredEntity, &[ParentEntity.index()]),
            (Payer, &[PLACE, State.index(), DeliverySystem.index()]),
            (ServiceWeek, &[Period.index()]),
            (Phrase, &[Note.index()]),
        ];
        let found: Vec<Option<(usize, Vec<u32>)>> = wanted
            .par_iter()
            .map(|(attribute, parents)| {
                parents.iter().find_map(|parent| {
                    self.usual_parents(attribute.index(), *parent).map(|usual| (*parent, usual))
                })
            })
            .collect();
        for ((attribute, _), found) in wanted.iter().zip(found) {
            if let Some((parent, usual)) = found {
                let mut siblings = vec![0u32; self.widths[parent]];
                for code in usual.iter().skip(1) {
                    siblings[*code as usize] += 1;
                }
                let attribute = attribute.index();
                self.siblings[attribute] = siblings;
                self.parents[attribute] = usual;
                self.contexts[attribute] = Context::Parent(parent);
            }
        }
        for (attribute, by) in [
            (Note, NAMED),
            (Attribute::ReasonCodes, WORDED),
            (Attribute::UnitsRatio, WORDED),
            (Attribute::AmountRatio, WORDED),
            (Attribute::OpenedWeek, FILED),
        ] {
            self.contexts[attribute.index()] = Context::Pair(by);
        }
    }

    /// The usual value of `parent` for each value of `child`, where nearly all rows have the usual one.
    fn usual_parents(&self, child: usize, parent: usize) -> Option<Vec<u32>> {
        let mut tally: FxHashMap<(u32, u32), u32> = FxHashMap::default();
        let mut rows = vec![0u32; self.widths[child]];
        for (child, parent) in self.columns[child].iter().zip(self.columns[parent].iter()) {
            if *child != 0 && *parent != 0 {
                *tally.entry((*child, *parent)).or_default() += 1;
                rows[*child as usize] += 1;
            }
        }
        let mut best = vec![(0u32, 0u32); self.widths[child]];
        for ((child, parent), count) in tally {
            let best = &mut best[child as usize];
            if count > best.0 || count == best.0 && parent < best.1 {
                *best = (count, parent);
            }
        }
        let several = || best.iter().zip(&rows).filter(|(_, rows)| **rows >= 2);
        let agreeing: f64 = several().map(|(best, _)| f64::from(best.0)).sum();
        let all: f64 = several().map(|(_, rows)| f64::from(*rows)).sum();
        (all > 0.0 && agreeing >= FUNCTIONAL * all)
            .then(|| best.into_iter().map(|(_, parent)| parent).collect())
    }

    /// Places go with places and symptoms with symptoms; a place never predicts a symptom by nature: that is
    /// what causes do.
    fn find_natural_company(&mut self) {
        let is_place = |attribute: Attribute| attribute.is_locus() || attribute == Attribute::DeliverySystem;
        let pairs: Vec<(usize, usize)> = Attribute::ALL
            .into_iter()
            .flat_map(|a| Attribute::ALL.into_iter().map(move |b| (a, b)))
            .filter(|(a, b)| a != b && (is_place(*a) && is_place(*b) || a.is_symptom() && b.is_symptom()))
            .map(|(a, b)| (a.index(), b.index()))
            .collect();
        let natural: Vec<(usize, usize)> =
            pairs.into_par_iter().filter(|(a, b)| self.predicts(*a, *b)).collect();
        for (a, b) in natural {
            self.natural[a * Attribute::COUNT + b] = true;
            self.natural[b * Attribute::COUNT + a] = true;
        }
        let (pharmacy, entity) = (Attribute::Pharmacy.index(), Attribute::ParentEntity.index());
        if self.natural[pharmacy * Attribute::COUNT + entity] {
            // Contract pharmacies: an entity is expected at the pharmacies that serve it.
            self.contexts[entity] = Context::Pair(pharmacy);
            self.natural[Attribute::State.index() * Attribute::COUNT + entity] = true;
            self.natural[entity * Attribute::COUNT + Attribute::State.index()] = true;
        }
    }

    /// Whether two rows with the same value of `a` mostly share the value of `b`, for the middle one of the
    /// values of `a`, and far more often than any two rows do. A cause touches few values and moves no middle.
    fn predicts(&self, a: usize, b: usize) -> bool {
        let stride = self.len().div_ceil(SAMPLE).max(1);
        let mut pairs: Vec<u64> = self.columns[a]
            .iter()
            .zip(self.columns[b].iter())
            .step_by(stride)
            .filter(|(x, y)| **x != 0 && **y != 0)
            .map(|(x, y)| (u64::from(*x) << 32) | u64::from(*y))
            .collect();
        if pairs.len() < 50 {
            return false;
        }
        let agreement = |sizes: &mut dyn Iterator<Item = usize>, all: usize| -> f64 {
            sizes.map(|size| size * (size - 1)).sum::<usize>() as f64 / (all * (all - 1)) as f64
        };
        pairs.sort_unstable();
        let mut agreements: Vec<f64> = pairs
            .chunk_by(|x, y| x >> 32 == y >> 32)
            .filter(|run| run.len() >= 4)
            .map(|run| agreement(&mut run.chunk_by(|x, y| x == y).map(<[u64]>::len), run.len()))
            .collect();
        if agreements.len() < 3 {
            return false;
        }
        agreements.sort_unstable_by(f64::total_cmp);
        let middle = agreements[agreements.len() / 2];
        let mut values: Vec<u32> = pairs.iter().map(|pair| *pair as u32).collect();
        values.sort_unstable();
        let base = agreement(&mut values.chunk_by(|x, y| x == y).map(<[u32]>::len), values.len());
        middle > 0.5 && middle > 1.5 * base || middle > 0.15 && middle > 20.0 * base
    }
}

/// Wordings that the rows of other programs have at least a quarter as often.
fn common_notes(table: &Table, rows: &Range<usize>) -> Vec<bool> {
    let column = table.column(Attribute::Note);
    let (mut here, mut elsewhere) =
        (vec![0u32; table.width(Attribute::Note)], vec![0u32; table.width(Attribute::Note)]);
    for (row, code) in column.iter().enumerate() {
        let counts = if rows.contains(&row) { &mut here } else { &mut elsewhere };
        counts[*code as usize] += 1;
    }
    let noted = |counts: &[u32]| f64::from(counts.iter().skip(1).sum::<u32>().max(1));
    let (all_here, all_elsewhere) = (noted(&here), noted(&elsewhere));
    here.iter()
        .zip(&elsewhere)
        .map(|(here, elsewhere)| {
            *elsewhere >= COMMON_ROWS
                && f64::from(*elsewhere) / all_elsewhere >= COMMON * f64::from(*here) / all_here
        })
        .collect()
}

/// Too blunt to find a cause with another blunt one.
fn is_blunt(attribute: usize) -> bool {
    matches!(
        Attribute::ALL[attribute],
        Attribute::Period
            | Attribute::OpenedWeek
            | Attribute::ServiceWeek
            | Attribute::DeliverySystem
            | Attribute::UnitType
            | Attribute::SharedClaim
            | Attribute::ReasonCodes
    )
}
