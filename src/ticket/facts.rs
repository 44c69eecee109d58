//! What a ticket can say about a group: figures, likely cause, rule and examples, as values for templates.
//!
//! Only typed columns that may leave become text here. Raw notes, service dates, claim references and unit
//! rebate amounts never do; money is rounded to two significant digits, since exact money and exact units of
//! one NDC together give its confidential unit rebate amount.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::words;
use crate::{
    cluster::{Attribute, Explanation, Separating, Table},
    dispute::{Clocks, Dispute, DisputedMoney, Documentation, Program, RootCause, Silence, Tables, UnitType},
    group::{Group, GroupId},
};

/// Exact figures of a set of disputes. Units are kept per unit type and never added across.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Disputes.
    pub disputes: usize,
    /// Units disputed per unit type; under `unknown` where the type is missing.
    pub units: BTreeMap<String, Decimal>,
    /// Money not paid while in dispute, on which interest may run (US dollars).
    pub exposed: Decimal,
    /// Money already paid that can be had back (US dollars).
    pub recoverable: Decimal,
    /// Disputes without an amount.
    pub without_amount: usize,
    /// Earliest due date.
    pub due: Option<Date>,
    /// Disputes due on that day.
    pub due_then: usize,
    /// Disputes without a due date.
    pub undated: usize,
}

impl Figures {
    /// The figures of some disputes.
    pub fn of<'a>(disputes: impl IntoIterator<Item = &'a Dispute>) -> Self {
        let mut figures = Self::default();
        for dispute in disputes {
            figures.add(dispute);
        }
        figures
    }

    /// Takes in one more dispute.
    pub fn add(&mut self, dispute: &Dispute) {
        self.disputes += 1;
        if let Some(units) = dispute.units_disputed {
            let unit = dispute.unit_type.map_or("unknown", UnitType::as_str);
            *self.units.entry(unit.to_owned()).or_default() += units;
        }
        match dispute.amount_disputed {
            Some(amount) if dispute.disputed_money == DisputedMoney::Paid => self.recoverable += amount,
            Some(amount) => self.exposed += amount,
            None => self.without_amount += 1,
        }
        match (dispute.due_at, self.due) {
            (None, _) => self.undated += 1,
            (Some(due), Some(earliest)) if due > earliest => {}
            (Some(due), earliest) => {
                self.due_then = if earliest == Some(due) { self.due_then + 1 } else { 1 };
                self.due = Some(due);
            }
        }
    }
}

impl Figures {
    /// Takes in the figures of other disputes.
    pub fn join(&mut self, other: &Self) {
        let Self { disputes, units, exposed, recoverable, without_amount, due, due_then, undated } = other;
        self.disputes += disputes;
        for (unit, count) in units {
            *self.units.entry(unit.clone()).or_default() += count;
        }
        self.exposed += exposed;
        self.recoverable += recoverable;
        self.without_amount += without_amount;
        self.undated += undated;
        match (self.due, due) {
            (Some(mine), Some(theirs)) if mine == *theirs => self.due_then += due_then,
            (Some(mine), Some(theirs)) if mine < *theirs => {}
            (_, None) => {}
            (_, Some(theirs)) => (self.due, self.due_then) = (Some(*theirs), *due_then),
        }
    }
}

/// Disputes that are shown as examples.
const EXEMPLARS: usize = 3;

/// Everything that the ticket templates can use; all values are final text.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Facts {
    /// First digits of the group id.
    pub group: String,
    /// Program in full.
    pub program: String,
    /// The client.
    pub client: String,
    /// The rule's first alternative in a few words.
    pub title: String,
    /// The likely cause.
    pub cause: Cause,
    /// Number of open disputes.
    pub disputes: String,
    /// Units per unit type.
    pub units: Vec<String>,
    /// Money withheld, rounded; empty where none.
    pub exposed: String,
    /// Money paid that can be had back, rounded; empty where none.
    pub recoverable: String,
    /// Number of open disputes in digits alone, for fields of Jira that take a number.
    pub disputes_number: String,
    /// Money withheld in digits alone, rounded like the rest; 0 where none.
    pub exposed_number: String,
    /// Money that can be had back in digits alone, rounded like the rest; 0 where none.
    pub recoverable_number: String,
    /// Both together in digits alone, rounded like the rest.
    pub amount_number: String,
    /// Disputes without an amount, empty where none.
    pub without_amount: String,
    /// Earliest due date, empty where unknown.
    pub due: String,
    /// Disputes due on that day.
    pub due_then: String,
    /// Disputes without a due date, empty where none.
    pub undated: String,
    /// The last change of the figures and how they were a week before it, empty where they never changed.
    pub trend: String,
    /// Clocks of the program.
    pub clocks: Vec<Clock>,
    /// The rule.
    pub rule: RuleFacts,
    /// Shared values.
    pub shares: Vec<ShareFacts>,
    /// What varies: `18 states, 212 pharmacies: not state or pharmacy specific`; empty where nothing does.
    pub varying: String,
    /// The nearest other group of the client and program.
    pub neighbour: Option<NeighbourFacts>,
    /// Examples.
    pub exemplars: Vec<Exemplar>,
    /// Ids of the first members.
    pub members: Vec<String>,
    /// How many members are not listed, empty where none.
    pub more: String,
    /// Whether the list of all of them is attached.
    pub attached: bool,
    /// How many members there are.
    #[serde(skip)]
    pub all: usize,
    /// What stands here of columns that people fill with words, by the name of the column.
    #[serde(skip)]
    pub words: Vec<(&'static str, String)>,
}

impl Facts {
    /// The same with fewer members listed.
    pub(super) fn with_members(&self, count: usize) -> Self {
        let more = self.all - count.min(self.members.len());
        let members = self.members.iter().take(count).cloned().collect();
        Self { members, more: some_count(more), ..self.clone() }
    }
}

/// The likely cause from the playbook.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Cause {
    /// Whether a cause of the playbook fits.
    pub known: bool,
    /// Its number in the playbook, empty where none fits.
    pub id: String,
    /// Its name, or `Shared cause, not yet named`.
    pub name: String,
    /// `likely` or `possible`.
    pub confidence: String,
    /// What speaks for it: the share of disputes with its codes, of notes with its words.
    pub evidence: String,
    /// Who must fix it.
    pub who: String,
    /// Next steps, in order.
    pub steps: Vec<String>,
    /// Documents that its shared reason codes demand.
    pub documents: Vec<String>,
    /// Other causes that fit about as well.
    pub others: Vec<String>,
}

/// A deadline of the program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clock {
    /// What must happen.
    pub event: String,
    /// How long it may take.
    pub limit: String,
    /// What starts the clock.
    pub starts: String,
    /// Who must act.
    pub owner: String,
    /// The earliest day on which it falls for a dispute of the group; `unknown` where the day of its event is not
    /// in the input, `–` where the rule sets no day.
    pub due: String,
    /// What happens by itself when nobody acts; `–` where nothing does.
    pub silence: String,
}

/// The rule in words.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct RuleFacts {
    /// Alternatives; one is enough.
    pub alternatives: Vec<String>,
    /// Share of the matching open disputes that are members.
    pub precision: String,
    /// Share of the members that match.
    pub recall: String,
}

/// A shared value in words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareFacts {
    /// Attribute.
    pub attribute: String,
    /// Value.
    pub value: String,
    /// Share of the members.
    pub share: String,
    /// How many times the share among all open disputes of the client and program.
    pub lift: String,
    /// Share of the disputes with this value that are members.
    pub exclusivity: String,
}

/// The nearest other group, in words.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct NeighbourFacts {
    /// First digits of its id: unlike the key of its ticket, known from the first run on.
    pub group: String,
    /// The attribute that tells the two apart; empty where none does by itself.
    pub attribute: String,
    /// What the group has of it.
    pub here: String,
    /// What the other group has of it.
    pub there: String,
}

/// An example.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exemplar {
    /// Why it was chosen.
    pub why: String,
    /// Dispute id.
    pub dispute: String,
    /// Product.
    pub product: String,
    /// State.
    pub state: String,
    /// Quarter.
    pub period: String,
    /// Reason codes.
    pub codes: String,
    /// Units disputed.
    pub units: String,
}

impl Facts {
    /// The same with less of each example, where so few people have a product that place, time and amount together
    /// could tell who one of them is.
    #[must_use]
    pub fn coarse(mut self) -> Self {
        for exemplar in &mut self.exemplars {
            // `2026Q1` and the like: the year is left.
            exemplar.period = exemplar.period.chars().take(4).collect();
            "–".clone_into(&mut exemplar.state);
            "–".clone_into(&mut exemplar.units);
        }
        self
    }

    /// Facts that say nothing, with every name that a template can use.
    pub(super) fn blank() -> Self {
        Self { neighbour: Some(NeighbourFacts::default()), ..Self::default() }
    }

    /// Facts of an invented group that has everything that a group can have, to try templates with.
    pub fn sample() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            group: text("0a1b2c3d"),
            program: Program::Mdrp.human_name().to_owned(),
            client: text("Example Pharma A"),
            title: text("NDC 98001-1037-01, TX"),
            cause: Cause {
                known: true,
                id: text("1"),
                name: text("FFS carve-in NPI not excluded by state"),
                confidence: text("possible"),
                evidence: text("90 % of the disputes have one of its usual codes"),
                who: text("state"),
                steps: vec![text("Send the page of that quarter.")],
                documents: vec![text("reason code X: the page of that quarter")],
                others: vec![text("another cause")],
            },
            disputes: text("1,234"),
            units: vec![text("1,234.5 ML"), text("20 EA")],
            exposed: text("about $41,000"),
            recoverable: text("about $2,000"),
            disputes_number: text("1234"),
            exposed_number: text("41000"),
            recoverable_number: text("2000"),
            amount_number: text("43000"),
            without_amount: text("3"),
            due: text("2026-12-31"),
            due_then: text("12 disputes"),
            undated: text("4"),
            trend: text("2026-11-24: 1,234 disputes (about $43,000), 900 (about $30,000) a week before"),
            clocks: vec![Clock {
                event: text("interest starts"),
                limit: text("38th day"),
                starts: text("invoice postmark"),
                owner: text("manufacturer"),
                due: "unknown".to_owned(),
                silence: "–".to_owned(),
            }],
            rule: RuleFacts {
                alternatives: vec![text("NDC 98001-1037-01, TX"), text("reason code X")],
                precision: text("98 %"),
                recall: text("95 %"),
            },
            shares: vec![ShareFacts {
                attribute: text("State"),
                value: text("TX"),
                share: text("97 %"),
                lift: text("12 times"),
                exclusivity: text("80 %"),
            }],
            varying: text("18 states"),
            neighbour: Some(NeighbourFacts {
                group: text("4e5f6a7b"),
                attribute: text("state"),
                here: text("TX"),
                there: text("NM"),
            }),
            exemplars: vec![Exemplar {
                why: text("typical"),
                dispute: text("D-0001"),
                product: text("Examplol 10 mg"),
                state: text("TX"),
                period: text("2026Q2"),
                codes: text("X"),
                units: text("100 ML"),
            }],
            members: vec![text("D-0001"), text("D-0002")],
            more: text("1,232"),
            attached: true,
            all: 1_234,
            words: Vec::new(),
        }
    }
}

/// Says what there is to say about a group. `members` are the disputes of this run's input; `nearest` is the
/// group that the explanation's neighbour stands for.
pub fn facts(
    group: &Group,
    members: &[&Dispute],
    table: &Table,
    explanation: &Explanation,
    nearest: Option<&GroupId>,
    tables: &Tables,
    max_members: usize,
) -> Facts {
    let figures = Figures::of(members.iter().copied());
    let listed = members.iter().take(max_members).map(|dispute| dispute.id.to_string()).collect();
    Facts {
        group: group.id.short().to_owned(),
        program: group.program.human_name().to_owned(),
        client: group.client.to_string(),
        title: title(explanation),
        cause: cause(group.program, members, explanation, tables),
        disputes: thousands(figures.disputes),
        units: figures.units.iter().map(|(unit, count)| units_text(*count, unit)).collect(),
        exposed: money_text(figures.exposed),
        recoverable: money_text(figures.recoverable),
        disputes_number: figures.disputes.to_string(),
        exposed_number: rounded(figures.exposed).to_string(),
        recoverable_number: rounded(figures.recoverable).to_string(),
        amount_number: rounded(figures.exposed + figures.recoverable).to_string(),
        without_amount: some_count(figures.without_amount),
        due: figures.due.map_or_else(String::new, |due| due.to_string()),
        due_then: format!(
            "{} {}",
            thousands(figures.due_then),
            if figures.due_then == 1 { "dispute" } else { "disputes" }
        ),
        undated: some_count(figures.undated),
        trend: String::new(),
        clocks: clocks(members, tables),
        rule: RuleFacts {
            alternatives: alternatives(explanation),
            precision: percent(explanation.rule.precision),
            recall: percent(explanation.rule.recall),
        },
        shares: explanation
            .shares
            .iter()
            // What nearly all open disputes have tells nothing; a wording is told once.
            .filter(|share| share.lift >= 1.05 && share.item.attribute != Attribute::Phrase)
            .map(|share| ShareFacts {
                attribute: words::capital(share.item.attribute.label().0),
                value: words::value(&share.item),
                share: percent(share.share),
                lift: words::times(share.lift),
                exclusivity: percent(share.exclusivity),
            })
            .collect(),
        varying: words::varying(&explanation.varying),
        neighbour: nearest.zip(explanation.neighbour.as_ref()).map(|(id, neighbour)| {
            let separating = neighbour.separating.as_ref();
            let part = |of: &dyn Fn(&Separating) -> String| separating.map_or_else(String::new, of);
            NeighbourFacts {
                group: id.short().to_owned(),
                attribute: part(&|apart| apart.attribute.label().0.to_owned()),
                here: part(&|apart| words::held(apart.attribute, &apart.here)),
                there: part(&|apart| words::held(apart.attribute, &apart.there)),
            }
        }),
        exemplars: exemplars(members, table, explanation),
        members: listed,
        more: some_count(members.len().saturating_sub(max_members)),
        attached: false,
        all: members.len(),
        words: words_of(group, members, explanation),
    }
}

/// Values of columns that people fill with words, as they may stand in a ticket.
fn words_of(group: &Group, members: &[&Dispute], explanation: &Explanation) -> Vec<(&'static str, String)> {
    let payers = explanation
        .rule
        .alternatives
        .iter()
        .flatten()
        .chain(explanation.shares.iter().map(|share| &share.item))
        .filter(|item| item.attribute == Attribute::Payer)
        .map(|item| item.value.to_string());
    let mut words: Vec<(&'static str, String)> = vec![("manufacturer", group.client.to_string())];
    words.extend(payers.map(|payer| ("payer", payer)));
    let products: BTreeSet<&str> =
        members.iter().filter_map(|dispute| dispute.product_name.as_deref()).collect();
    words.extend(products.into_iter().map(|product| ("product_name", product.to_owned())));
    words
}

/// Headline of a group: the first alternative of its rule.
pub fn title(explanation: &Explanation) -> String {
    let mut alternatives = alternatives(explanation).into_iter();
    let Some(first) = alternatives.next() else { return "no shared pattern any more".to_owned() };
    let more = match alternatives.len() {
        0 => String::new(),
        1 => ", or another pattern".to_owned(),
        others => format!(", or {others} other patterns"),
    };
    first + &more
}

/// The alternatives of the rule; two that differ in the wording of notes alone read the same.
fn alternatives(explanation: &Explanation) -> Vec<String> {
    let (mut texts, mut told): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for items in &explanation.rule.alternatives {
        // How widely the disputes are spread is told once.
        let text =
            if texts.is_empty() { words::rule(items, &explanation.varying) } else { words::items(items) };
        let plain = words::items(items);
        if !told.contains(&plain) {
            told.push(plain);
            texts.push(text);
        }
    }
    texts
}

/// How well a cause of the playbook fits: shares (0 to 1) of the members.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// Have one of its usual codes.
    coded: f64,
    /// Have a note with one of its phrases.
    phrased: f64,
}

impl Fit {
    /// A code is picked from a short list by whoever files the dispute; words say more.
    fn score(self) -> f64 {
        self.coded + 2.0 * self.phrased
    }

    fn evidence(self) -> String {
        let mut parts = Vec::new();
        if self.coded > 0.0 {
            parts.push(format!("{} of the disputes have one of its usual codes", percent(self.coded)));
        }
        if self.phrased > 0.0 {
            parts.push(format!("{} have a note in its words", percent(self.phrased)));
        }
        parts.join(", ")
    }
}

/// Score below which a cause is not named.
const NAMED: f64 = 0.5;
/// Score from which a cause is likely: nearly all have a code that is no other cause's, or many its words.
const LIKELY: f64 = 0.8;
/// Lead over the next cause from which it is likely.
const LEAD: f64 = 0.3;

/// The cause of the program that fits best, by the codes and the notes of the members.
fn cause(program: Program, members: &[&Dispute], explanation: &Explanation, tables: &Tables) -> Cause {
    let size = members.len().max(1) as f64;
    let notes: Vec<String> =
        members.iter().filter_map(|dispute| dispute.note.as_deref().map(str::to_lowercase)).collect();
    let mut fitting: Vec<(Fit, &RootCause)> = tables
        .root_causes
        .iter()
        .filter(|cause| cause.programs.contains(&program))
        .map(|cause| {
            let phrases: Vec<String> = cause
                .phrases
                .iter()
                .filter(|phrase| phrase.len() >= 3)
                .map(|phrase| phrase.to_lowercase())
                .collect();
            let coded = members.iter().filter(|dispute| {
                dispute.reason_codes.iter().any(|code| cause.usual_codes.iter().any(|c| **c == **code))
            });
            let phrased =
                notes.iter().filter(|note| phrases.iter().any(|phrase| note.contains(phrase.as_str())));
            let fit = Fit { coded: coded.count() as f64 / size, phrased: phrased.count() as f64 / size };
            (fit, cause)
        })
        .filter(|(fit, _)| fit.score() >= NAMED)
        .collect();
    fitting.sort_by(|a, b| b.0.score().total_cmp(&a.0.score()).then_with(|| a.1.id.cmp(&b.1.id)));
    let Some((best, cause)) = fitting.first() else {
        return Cause {
            known: false,
            id: String::new(),
            name: "Shared cause, not yet named".to_owned(),
            confidence: String::new(),
            evidence: String::new(),
            who: "to be found out".to_owned(),
            steps: vec!["Compare the examples below and name the party that must act.".to_owned()],
            documents: demanded_documents(program, explanation, tables),
            others: Vec::new(),
        };
    };
    let lead = best.score() - fitting.get(1).map_or(0.0, |(second, _)| second.score());
    let likely = best.score() >= LIKELY && lead >= LEAD;
    let steps = words::steps(&cause.next_step);
    let others =
        if likely { Vec::new() } else { fitting[1..].iter().take(2).map(|(_, c)| c.cause.clone()).collect() };
    Cause {
        known: true,
        id: cause.id.to_string(),
        name: cause.cause.clone(),
        confidence: if likely { "likely" } else { "possible" }.to_owned(),
        evidence: best.evidence(),
        who: cause.who_must_fix.clone(),
        steps,
        documents: demanded_documents(program, explanation, tables),
        others,
    }
}

/// What the shared reason codes demand to be attached, by the current list of the program.
fn demanded_documents(program: Program, explanation: &Explanation, tables: &Tables) -> Vec<String> {
    explanation
        .shares
        .iter()
        .filter(|share| share.item.attribute == Attribute::ReasonCodes)
        .flat_map(|share| share.item.value.split('+'))
        .filter_map(|code| match &tables.reason_code(program, code)?.documentation {
            Documentation::Needed => Some(format!("the documents that reason code {code} demands")),
            Documentation::Described(what) => Some(format!("for reason code {code}: {what}")),
            _ => None,
        })
        .collect()
}

/// Clocks that a ticket shows.
const CLOCKS: usize = 4;

/// The clocks of the program that run for a member. A day that is not known is not guessed.
fn clocks(members: &[&Dispute], tables: &Tables) -> Vec<Clock> {
    let reader = Clocks::new(tables);
    let deadlines = tables.deadlines.iter().filter_map(|deadline| {
        let limit = deadline.limit.clone()?;
        let mut concerned = members.iter().filter(|member| deadline.concerns(member)).peekable();
        concerned.peek()?;
        let due = concerned.filter_map(|member| reader.due(deadline, member)).min();
        Some(Clock {
            event: deadline.event.clone(),
            limit,
            starts: deadline.clock_starts.clone().unwrap_or_else(|| "unknown".to_owned()),
            owner: deadline.owner.clone().unwrap_or_else(|| "unknown".to_owned()),
            due: match due {
                Some(due) => due.to_string(),
                None => if deadline.term.is_some() { "unknown" } else { "–" }.to_owned(),
            },
            silence: deadline.on_silence.map_or("–", Silence::words).to_owned(),
        })
    });
    deadlines.take(CLOCKS).collect()
}

/// The member most like all others, the largest and the newest; where two of them are one dispute, the next
/// largest ones come in, so that there are [`EXEMPLARS`] different ones in every group that has as many.
fn exemplars(members: &[&Dispute], table: &Table, explanation: &Explanation) -> Vec<Exemplar> {
    let typical = members.iter().copied().find(|dispute| dispute.id == *table.id(explanation.medoid));
    let mut by_size: Vec<&Dispute> = members.to_vec();
    by_size.sort_by(|a, b| {
        let size = |dispute: &Dispute| (dispute.amount_disputed, dispute.units_disputed);
        size(b).cmp(&size(a)).then_with(|| a.id.cmp(&b.id))
    });
    let newest =
        members.iter().copied().max_by(|a, b| a.opened_at.cmp(&b.opened_at).then_with(|| b.id.cmp(&a.id)));
    let named = [("typical", typical), ("largest", by_size.first().copied()), ("newest", newest)];
    let more = by_size.iter().skip(1).map(|dispute| ("next largest", Some(*dispute)));
    let mut chosen: Vec<Exemplar> = Vec::new();
    for (why, dispute) in named.into_iter().chain(more) {
        let Some(dispute) = dispute else { continue };
        if why == "next largest" {
            if chosen.len() >= EXEMPLARS {
                break;
            }
            if chosen.iter().any(|exemplar| *exemplar.dispute == *dispute.id) {
                continue;
            }
        }
        if let Some(same) = chosen.iter_mut().find(|exemplar| *exemplar.dispute == *dispute.id) {
            same.why = format!("{}, {why}", same.why);
            continue;
        }
        chosen.push(Exemplar {
            why: why.to_owned(),
            dispute: dispute.id.to_string(),
            product: dispute.product_name.as_deref().map_or_else(|| dispute.ndc.to_string(), str::to_owned),
            state: dispute.state.as_deref().unwrap_or("–").to_owned(),
            period: dispute.period.map_or_else(|| "–".to_owned(), |quarter| quarter.to_string()),
            codes: if dispute.reason_codes.is_empty() {
                "–".to_owned()
            } else {
                dispute.reason_codes.join(" ")
            },
            units: dispute.units_disputed.map_or_else(
                || "–".to_owned(),
                |units| units_text(units, dispute.unit_type.map_or("unknown", UnitType::as_str)),
            ),
        });
    }
    chosen
}

/// `1,234.5 ML`; a unit type that is not known is called so.
pub fn units_text(units: Decimal, unit: &str) -> String {
    let unit = if unit == "unknown" { "units of unknown type" } else { unit };
    // Parts of a unit matter in small counts only.
    let places = if units.abs() >= Decimal::ONE_HUNDRED { 0 } else { 3 };
    format!("{} {unit}", grouped(&units.round_dp(places).normalize().to_string()))
}

/// `about $41,000`: two significant digits; empty for zero.
pub fn money_text(amount: Decimal) -> String {
    if amount.is_zero() {
        return String::new();
    }
    let rounded = rounded(amount);
    let sign = if rounded.is_sign_negative() { "−" } else { "" };
    format!("about {sign}${}", grouped(&rounded.abs().to_string()))
}

/// Two significant digits, which is all that leaves of any sum of money.
pub fn rounded(amount: Decimal) -> Decimal {
    amount
        .round_sf_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
        .unwrap_or(amount)
        .round_dp(2)
        .normalize()
}

/// `12,345`.
pub fn thousands(count: usize) -> String {
    grouped(&count.to_string())
}

fn some_count(count: usize) -> String {
    if count == 0 { String::new() } else { thousands(count) }
}

fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    let mut text = String::from(sign);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_shows_two_significant_digits() {
        let text = |amount: &str| money_text(amount.parse().unwrap());
        assert_eq!(text("41250.49"), "about $41,000");
        assert_eq!(text("-1999"), "about −$2,000");
        assert_eq!(text("0.126"), "about $0.13");
        assert_eq!(text("0"), "");
    }

    #[test]
    fn units_are_grouped_and_named() {
        assert_eq!(units_text("1234567.500".parse().unwrap(), "ML"), "1,234,568 ML");
        assert_eq!(units_text("-1000".parse().unwrap(), "unknown"), "−1,000 units of unknown type");
    }
}
