//! What a ticket can say about a group: figures, likely cause, rule and examples, as values for templates.
//!
//! Only typed columns that may leave become text here. Raw notes, service dates, claim references and unit
//! rebate amounts never do; money is rounded to two significant digits, since exact money and exact units of
//! one NDC together give its confidential unit rebate amount.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::civil::Date;
use serde::Serialize;

pub use super::{
    cause::Cause,
    figures::{Figures, money_text, rounded, thousands, units_text},
};
use super::{
    cause::cause,
    figures::{percent, some_count},
    privacy::Typed,
    words,
};
use crate::{
    cluster::{Attribute, Explanation, Neighbour, Separating, Share, Table},
    dispute::{Clocks, Deadline, Dispute, Field, Program, Silence, Tables, UnitType},
    group::{Group, GroupId},
};

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
    /// The next due date as of the last change of the group, or the earliest where all had passed by then; empty where
    /// unknown.
    pub due: String,
    /// The same for Jira's own field.
    #[serde(skip)]
    pub due_on: Option<Date>,
    /// Disputes due on that day.
    pub due_then: String,
    /// What was due before it: `3 disputes were due before that, the first on 2026-08-30`; empty where nothing was.
    pub due_past: String,
    /// The due dates after that with their disputes, by day where they are few, by month where they are many. Which of
    /// them have passed the reader knows; a text that said so would change from day to day.
    pub due_later: Vec<String>,
    /// Disputes without a due date, empty where none.
    pub undated: String,
    /// The last change of the figures and how they were a week before it, empty where they never changed.
    pub trend: String,
    /// Clocks of the program.
    pub clocks: Vec<Clock>,
    /// The rule.
    pub rule: RuleFacts,
    /// Values that most members share, and those that the rule names.
    pub shares: Vec<ShareFacts>,
    /// What varies: `18 states, 212 pharmacies: not state or pharmacy specific`; empty where nothing does.
    pub varying: String,
    /// What people decided about the disputes, each a sentence.
    pub decisions: Vec<String>,
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
    /// What stands here of columns of the input.
    #[serde(skip)]
    pub typed: Typed,
}

impl Facts {
    /// The same with fewer members listed.
    pub(super) fn with_members(&self, count: usize) -> Self {
        let more = self.all - count.min(self.members.len());
        let members = self.members.iter().take(count).cloned().collect();
        Self { members, more: some_count(more), ..self.clone() }
    }
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
    /// The next day on which it falls for a dispute of the group, or that it `passed on` the last one, as far as days are
    /// known; `unknown` where the day of its event is not in the input.
    pub due: String,
    /// Whether that day is known.
    pub is_dated: bool,
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
    /// Whether places and times are left out of it; the shares are those of the whole rule.
    pub withheld: bool,
}

/// A value that members share, in words.
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
    /// Key of its ticket, empty where it has none yet.
    pub ticket: String,
    /// Address of its ticket, empty where it has none yet.
    pub address: String,
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

/// How much of each dispute may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Grain {
    /// All that typed columns have.
    #[default]
    Fine,
    /// Neither place nor time nor amount: so few people have a product that these together could tell who one of
    /// them is.
    Coarse,
}

impl Facts {
    /// The same, with the ticket of the nearest other group: its key and its address.
    #[must_use]
    pub fn beside(mut self, (key, address): (&str, String)) -> Self {
        if let Some(neighbour) = &mut self.neighbour {
            key.clone_into(&mut neighbour.ticket);
            neighbour.address = address;
        }
        self
    }

    /// The same with less of each example where the grain is coarse.
    #[must_use]
    pub fn at(mut self, grain: Grain) -> Self {
        if grain == Grain::Fine {
            return self;
        }
        self.rule.withheld = true;
        // Each may be the day of one dispute, and the units of one or two are theirs.
        self.due_later.clear();
        self.due_past.clear();
        if self.exemplars.len() < EXEMPLARS {
            self.units.clear();
        }
        for exemplar in &mut self.exemplars {
            // `2026Q1` and the like: the year is left.
            exemplar.period = exemplar.period.chars().take(4).collect();
            "–".clone_into(&mut exemplar.state);
            "–".clone_into(&mut exemplar.units);
        }
        self
    }

    /// Texts that are no values of the input: computed, or from the playbook and the tables of clocks.
    pub(super) fn own_words(&self) -> impl Iterator<Item = &str> {
        let Cause { name, evidence, who, steps, documents, others, known: _, id: _, confidence: _ } =
            &self.cause;
        let clocks = self.clocks.iter().flat_map(|clock| {
            let Clock { event, limit, starts, owner, due, is_dated: _, silence } = clock;
            [event, limit, starts, owner, due, silence]
        });
        let beside = self.neighbour.iter().flat_map(|other| [&other.ticket, &other.address]);
        let numbers =
            [&self.disputes_number, &self.exposed_number, &self.recoverable_number, &self.amount_number];
        [name, evidence, who, &self.due, &self.due_past, &self.trend]
            .into_iter()
            .chain(numbers)
            .chain(steps.iter().chain(documents).chain(others).chain(&self.due_later))
            .chain(clocks)
            .chain(beside)
            .map(String::as_str)
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
                documents: vec![text("the documents that reason code X demands")],
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
            due_on: None,
            due_then: text("12 disputes"),
            due_past: text("2 disputes were due before that, the first on 2026-11-30"),
            due_later: vec![text("2027-01-15 (3 disputes)"), text("2027-03-31 (2 disputes)")],
            undated: text("4"),
            trend: text("2026-11-24: 1,234 disputes (about $43,000), 900 (about $30,000) a week before"),
            clocks: vec![
                Clock {
                    event: text("interest starts"),
                    limit: text("38th day"),
                    starts: text("invoice postmark"),
                    owner: text("manufacturer"),
                    due: "unknown".to_owned(),
                    is_dated: false,
                    silence: text("interest runs"),
                },
                Clock {
                    event: text("state sends invoice"),
                    limit: text("within 60 days of quarter end"),
                    starts: text("quarter end"),
                    owner: text("state"),
                    due: text("2026-11-29"),
                    is_dated: true,
                    silence: "–".to_owned(),
                },
            ],
            rule: RuleFacts {
                alternatives: vec![text("NDC 98001-1037-01, TX"), text("reason code X")],
                precision: text("98 %"),
                recall: text("95 %"),
                withheld: false,
            },
            shares: vec![ShareFacts {
                attribute: text("State"),
                value: text("TX"),
                share: text("97 %"),
                lift: text("12 times"),
                exclusivity: text("80 %"),
            }],
            varying: text("18 states"),
            decisions: vec![text("A person split DISP-3, so disputes that differ in state are kept apart.")],
            neighbour: Some(NeighbourFacts {
                group: text("4e5f6a7b"),
                ticket: text("DISP-4"),
                address: text("https://jira.example.com/browse/DISP-4"),
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
            typed: Typed::default(),
        }
    }
}

impl Facts {
    /// Facts of an invented group that lacks everything that a group can lack, to try templates with.
    pub(super) fn least() -> Self {
        let whole = Self::sample();
        Self {
            cause: Cause { name: whole.cause.name.clone(), who: whole.cause.who.clone(), ..Cause::default() },
            units: Vec::new(),
            exposed: String::new(),
            recoverable: String::new(),
            exposed_number: "0".to_owned(),
            recoverable_number: "0".to_owned(),
            amount_number: "0".to_owned(),
            without_amount: String::new(),
            due: String::new(),
            due_past: String::new(),
            due_later: Vec::new(),
            undated: String::new(),
            trend: String::new(),
            clocks: Vec::new(),
            rule: RuleFacts { alternatives: Vec::new(), withheld: true, ..whole.rule.clone() },
            shares: Vec::new(),
            varying: String::new(),
            decisions: Vec::new(),
            neighbour: None,
            more: String::new(),
            attached: false,
            ..whole
        }
    }
}

/// Says what there is to say about a group. `members` are the disputes of this run's input; `nearest` is the
/// group that the explanation's neighbour stands for; `cause_before` is what the likely cause was called so far, empty where
/// there was none; `day` is that of the group's last change, as of which is told what is
/// due next: a text that went with the calendar would be rewritten while nothing happens.
#[expect(clippy::too_many_arguments, reason = "each says something else of the group")]
pub fn facts(
    group: &Group,
    members: &[&Dispute],
    table: &Table,
    explanation: &Explanation,
    nearest: Option<&GroupId>,
    tables: &Tables,
    max_members: usize,
    cause_before: &str,
    day: Date,
) -> Facts {
    let due = Due::of(members, day);
    let figures = Figures::of(members.iter().copied());
    let listed: Vec<String> =
        members.iter().take(max_members).map(|dispute| dispute.id.to_string()).collect();
    let exemplars = exemplars(members, table, explanation);
    let typed = typed(group, explanation, &exemplars, &listed);
    Facts {
        group: group.id.short().to_owned(),
        program: group.program.human_name().to_owned(),
        client: group.client.to_string(),
        title: title(explanation),
        cause: cause(group.program, members, explanation, tables, cause_before),
        disputes: thousands(figures.disputes),
        units: figures.units.iter().map(|(unit, count)| units_text(*count, unit)).collect(),
        exposed: money_text(figures.exposed),
        recoverable: money_text(figures.recoverable),
        disputes_number: figures.disputes.to_string(),
        exposed_number: rounded(figures.exposed).to_string(),
        recoverable_number: rounded(figures.recoverable).to_string(),
        amount_number: rounded(figures.exposed + figures.recoverable).to_string(),
        without_amount: some_count(figures.without_amount),
        due: due.next.map_or_else(String::new, |due| due.to_string()),
        due_on: due.next,
        due_then: disputes_text(due.then),
        due_past: due.past_text(),
        due_later: due.later_text(),
        undated: some_count(figures.undated),
        trend: String::new(),
        clocks: clocks(members, tables, day),
        rule: RuleFacts {
            alternatives: alternatives(explanation),
            precision: percent(explanation.rule.precision),
            recall: percent(explanation.rule.recall),
            withheld: false,
        },
        shares: explanation
            .shares
            .iter()
            // What nearly all open disputes have tells nothing, unless the rule names it; a wording is told once.
            .filter(|share| share.lift >= 1.05 || explanation.rule.names(&share.item))
            .filter(|share| share.item.attribute != Attribute::Phrase)
            .filter(|share| !explanation.shares.iter().any(|other| says_it_too(other, share)))
            .map(|share| ShareFacts {
                attribute: words::capital(share.item.attribute.label().0),
                value: words::value(&share.item),
                share: percent(share.share),
                lift: words::times(share.lift),
                exclusivity: percent(share.exclusivity),
            })
            .collect(),
        varying: words::varying(&explanation.varying),
        decisions: Vec::new(),
        neighbour: nearest.zip(explanation.neighbour.as_ref()).map(|(id, neighbour)| {
            let separating = neighbour.separating.as_ref();
            let part = |of: &dyn Fn(&Separating) -> String| separating.map_or_else(String::new, of);
            NeighbourFacts {
                group: id.short().to_owned(),
                ticket: String::new(),
                address: String::new(),
                attribute: part(&|apart| apart.attribute.label().0.to_owned()),
                here: part(&|apart| words::held(apart.attribute, &apart.here)),
                there: part(&|apart| words::held(apart.attribute, &apart.there)),
            }
        }),
        exemplars,
        members: listed,
        more: some_count(members.len().saturating_sub(max_members)),
        attached: false,
        all: members.len(),
        typed,
    }
}

/// Whether a value of this attribute says where, when or how much a dispute is: what all disputes of a group share
/// tells of each of them. A plan is a place as well: most are named after their state.
pub fn is_telling(attribute: Attribute) -> bool {
    matches!(
        attribute,
        Attribute::State
            | Attribute::Payer
            | Attribute::Pharmacy
            | Attribute::CoveredEntity
            | Attribute::ParentEntity
            | Attribute::Period
            | Attribute::OpenedWeek
            | Attribute::ServiceWeek
            | Attribute::Amount
    )
}

/// An explanation as a group may show it beside its nearest one: of a coarse group no telling value is left, whether
/// it is in the rule, in what its disputes share, or in how another group differs from it.
pub fn discreet(explanation: &Explanation, own: Grain, nearest: Grain) -> Cow<'_, Explanation> {
    if (own, nearest) == (Grain::Fine, Grain::Fine) {
        return Cow::Borrowed(explanation);
    }
    let mut shown = explanation.clone();
    let tells = |neighbour: &Neighbour| {
        neighbour.separating.as_ref().is_some_and(|separating| is_telling(separating.attribute))
    };
    shown.neighbour = shown.neighbour.filter(|neighbour| !tells(neighbour));
    if own == Grain::Coarse {
        for items in &mut shown.rule.alternatives {
            items.retain(|item| !is_telling(item.attribute));
        }
        shown.rule.alternatives.retain(|items| !items.is_empty());
        shown.shares.retain(|share| !is_telling(share.item.attribute));
        shown.varying.retain(|varying| !is_telling(varying.attribute));
    }
    Cow::Owned(shown)
}

/// The column that an attribute is made from, where its values are those of the column: others are words of ours.
pub fn column_of(attribute: Attribute) -> Option<Field> {
    Some(match attribute {
        Attribute::Family => Field::ProductName,
        Attribute::State => Field::State,
        Attribute::Payer => Field::Payer,
        Attribute::CoveredEntity | Attribute::ParentEntity => Field::CoveredEntityId,
        Attribute::Pharmacy => Field::PharmacyNpi,
        Attribute::ReasonCodes => Field::ReasonCodes,
        _ => return None,
    })
}

/// Values of columns as they stand in a ticket.
fn typed(group: &Group, explanation: &Explanation, exemplars: &[Exemplar], listed: &[String]) -> Typed {
    let mut typed = Typed::default();
    typed.value(Field::Manufacturer, &group.client);
    let shared = explanation.shares.iter().map(|share| &share.item);
    let items = explanation.rule.alternatives.iter().flatten().chain(shared);
    for item in items {
        if let Some(column) = column_of(item.attribute) {
            typed.value(column, &words::value(item));
        }
    }
    let apart = explanation.neighbour.as_ref().and_then(|neighbour| neighbour.separating.as_ref());
    for (apart, held) in apart.into_iter().flat_map(|apart| [(apart, &apart.here), (apart, &apart.there)]) {
        if let Some(column) = column_of(apart.attribute) {
            typed.value(column, &words::held(apart.attribute, held));
        }
    }
    for exemplar in exemplars {
        typed.value(Field::DisputeId, &exemplar.dispute);
        typed.value(Field::ProductName, &exemplar.product);
        typed.value(Field::State, &exemplar.state);
        typed.value(Field::ReasonCodes, &exemplar.codes);
    }
    for id in listed {
        typed.value(Field::DisputeId, id);
    }
    typed
}

/// Headline of a group: the first alternative of its rule.
pub fn title(explanation: &Explanation) -> String {
    let mut alternatives = alternatives(explanation).into_iter();
    let Some(first) = alternatives.next() else {
        let is_withheld = explanation.rule.recall > 0.0;
        let words = if is_withheld { "a place or time, not named" } else { "no shared pattern any more" };
        return words.to_owned();
    };
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

/// Whether one shared value says all that another one does: a covered entity names its 340B parent, a package its
/// product and its labeler. The name of a product family is for people and stays.
fn says_it_too(one: &Share, other: &Share) -> bool {
    let more: &[Attribute] = match other.item.attribute {
        Attribute::ParentEntity => &[Attribute::CoveredEntity],
        Attribute::Product => &[Attribute::Package],
        Attribute::Labeler => &[Attribute::Package, Attribute::Product, Attribute::Family],
        _ => &[],
    };
    // Of a part of the members another part may be as large.
    more.contains(&one.item.attribute) && one.members == other.members && one.is_common()
}

/// Clocks that a ticket shows.
const CLOCKS: usize = 4;

/// The clocks of the program that run for a member; those that accept by themselves come first, then those that do
/// something else. A day that is not known is not guessed, and a rule without a term is no clock.
fn clocks(members: &[&Dispute], tables: &Tables, day: Date) -> Vec<Clock> {
    let reader = Clocks::new(tables);
    let runs = |deadline: &&Deadline| {
        deadline.term.is_some() && members.iter().any(|member| deadline.concerns(member))
    };
    let mut running: Vec<&Deadline> = tables.deadlines.iter().filter(runs).collect();
    // Rules of one state or one process beside those of the whole program may not be meant.
    let is_general = |deadline: &&Deadline| !deadline.rule_set.contains(' ');
    if running.iter().any(is_general) {
        running.retain(is_general);
    }
    running.sort_by_key(|deadline| match deadline.on_silence {
        Some(Silence::Accepted) => 0,
        Some(_) => 1,
        None => 2,
    });
    let deadlines = running.into_iter().filter_map(|deadline| {
        let limit = deadline.limit.clone()?;
        let concerned = members.iter().filter(|member| deadline.concerns(member));
        let days: Vec<Option<Date>> = concerned.map(|member| reader.due(deadline, member)).collect();
        let known = days.iter().copied().flatten();
        let last = known.clone().max();
        let is_over = days.iter().all(|due| due.is_some_and(|due| due < day));
        if is_over && deadline.on_silence.is_none() && deadline.owner.as_deref() != Some("manufacturer") {
            // Nothing came of it, and it is not the reader's to make up for.
            return None;
        }
        let told = match (known.filter(|due| *due >= day).min(), last) {
            (Some(next), _) => next.to_string(),
            (None, Some(last)) if days.iter().all(Option::is_some) => format!("passed on {last}"),
            (None, Some(last)) => format!("passed on {last} where its day is known"),
            (None, None) => "unknown".to_owned(),
        };
        Some(Clock {
            event: deadline.event.clone(),
            limit,
            starts: deadline.clock_starts.clone().unwrap_or_else(|| "unknown".to_owned()),
            owner: deadline.owner.clone().unwrap_or_else(|| "unknown".to_owned()),
            due: told,
            is_dated: last.is_some(),
            silence: deadline.on_silence.map_or("–", Silence::words).to_owned(),
        })
    });
    deadlines.take(CLOCKS).collect()
}

/// Most due dates after the next one that are told by themselves, and most months.
const DUE_DATES: usize = 4;

fn disputes_text(count: usize) -> String {
    format!("{} {}", thousands(count), if count == 1 { "dispute" } else { "disputes" })
}

/// The next of some days from a day on, or the earliest where all have passed.
fn next(days: impl Iterator<Item = Date> + Clone, day: Date) -> Option<Date> {
    days.clone().filter(|due| *due >= day).min().or_else(|| days.min())
}

/// The figures of disputes, with what is due next as of a day.
pub fn as_of(figures: Figures, members: &[&Dispute], day: Date) -> Figures {
    let due = Due::of(members, day);
    Figures { due: due.next, due_then: due.then, ..figures }
}

/// When the disputes of a group are due, as of a day.
struct Due {
    /// All days, in order.
    days: Vec<Date>,
    /// The next one, or the earliest where all have passed.
    next: Option<Date>,
    /// Disputes that are due then.
    then: usize,
}

impl Due {
    fn of(members: &[&Dispute], day: Date) -> Self {
        let mut days: Vec<Date> = members.iter().filter_map(|member| member.due_at).collect();
        days.sort_unstable();
        let next = next(days.iter().copied(), day);
        let then = days.iter().filter(|due| Some(**due) == next).count();
        Self { days, next, then }
    }

    fn past_text(&self) -> String {
        let past = self.days.iter().filter(|due| Some(**due) < self.next).count();
        match self.days.first() {
            Some(first) if past > 0 => {
                let were = if past == 1 { "was" } else { "were" };
                let on = if past == 1 { "on" } else { "the first on" };
                format!("{} {were} due before that, {on} {first}", disputes_text(past))
            }
            _ => String::new(),
        }
    }

    fn later_text(&self) -> Vec<String> {
        let count_by = |name: &dyn Fn(Date) -> String| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for day in self.days.iter().filter(|day| Some(**day) > self.next) {
                *counts.entry(name(*day)).or_default() += 1;
            }
            counts
        };
        let mut counts = count_by(&|day| day.to_string());
        if counts.len() > DUE_DATES {
            counts = count_by(&|day| day.strftime("%Y-%m").to_string());
        }
        let later: usize = counts.values().skip(DUE_DATES).sum();
        let told =
            counts.iter().take(DUE_DATES).map(|(when, count)| format!("{when} ({})", disputes_text(*count)));
        let rest = (later > 0).then(|| format!("later ({})", disputes_text(later)));
        told.chain(rest).collect()
    }
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
