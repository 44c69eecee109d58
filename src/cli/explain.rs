//! `disputebot explain`: why a group is one, where a dispute is and why.

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    CliError, Common, Exit, Ui,
    cluster::refuse_nothing,
    groups::{Meant, find, ticket_word},
    ui,
};
use crate::{
    cluster::{self, Attribute, Explanation, Item, Share},
    config::Needs,
    dispute::{Dispute, Tables, Text},
    group::{GroupId, Status},
    run::{self, Surveyed},
    state::{GroupRecord, Known},
    ticket::{
        facts::{self, Cause, Exemplar, Facts},
        words,
    },
};

/// Groups that are told to be near a dispute without one.
const NEAR: usize = 3;
/// What a shared value counts that is as frequent everywhere: a group may be most of its program.
const COMMON: f64 = 0.1;
/// Others that must have a value for it to be of any weight.
const COMPANY: usize = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// First digits of a group, a ticket key, or a dispute id
    #[arg(value_name = "GROUP|TICKET|DISPUTE")]
    what: String,
    /// Prints it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize, Default)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<String>,
    said: String,
    group: Option<String>,
    ticket: Option<String>,
    cause: Option<Cause>,
    rule: Vec<String>,
    precision: Option<f64>,
    recall: Option<f64>,
    shared: Vec<Shared>,
    varying: Vec<Varies>,
    exemplars: Vec<Exemplar>,
    neighbour: Option<Near>,
    members: Vec<String>,
    /// Of a dispute: what it has of its group's rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has: Vec<String>,
    /// Of a dispute: where it differs from its group's rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differs: Vec<String>,
    /// Of a dispute without a group: the groups nearest to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nearest: Vec<Near>,
    /// Of a dispute without a group: what keeps it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<Together>,
    /// Of a dispute without a group: its values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Spread>,
}

#[derive(Serialize)]
struct Shared {
    attribute: &'static str,
    value: String,
    members: usize,
    share: f64,
    lift: f64,
    exclusivity: f64,
}

#[derive(Serialize)]
struct Varies {
    attribute: &'static str,
    values: usize,
    everywhere: usize,
}

/// A group near to another one or to a dispute.
#[derive(Serialize, Default)]
struct Near {
    group: String,
    ticket: Option<String>,
    title: String,
    /// What tells two groups apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs: Option<Differs>,
    /// What a dispute has of the values that most of the group share.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has: Vec<String>,
    /// Where it differs from the group's rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacks: Vec<String>,
}

#[derive(Serialize)]
struct Differs {
    attribute: String,
    here: String,
    there: String,
}

/// The two values of a dispute that others share most beyond chance.
#[derive(Serialize)]
struct Together {
    values: [String; 2],
    /// Other open disputes of the program with both.
    others: usize,
    /// Those of its client.
    of_client: usize,
    /// How many would have both by chance.
    expected: f64,
    /// Fewest disputes of a group.
    min_group: usize,
    /// The group that most of its client's are in.
    group: Option<Near>,
    /// Those that are in it.
    in_group: usize,
}

/// A value and how many other open disputes of the client and program have it.
#[derive(Serialize)]
struct Spread {
    attribute: &'static str,
    value: String,
    others: usize,
}

/// What all answers draw on.
struct Context<'a> {
    known: &'a Known,
    surveyed: &'a Surveyed,
    tables: &'a Tables,
    max_members: usize,
    /// Fewest disputes of a group.
    min_group: usize,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { source: true, jira: false }, &[], ui)?;
    let templates = settings.compile()?;
    let known = Known::read(&settings.state)?;
    let tables = settings.tables.clone();
    let surveyed = run::survey(
        &settings.run,
        &tables,
        &templates,
        &known,
        Timestamp::now(),
        &mut run::mint,
        &mut |progress| ui.progress(progress),
    )?;
    ui.clear();
    refuse_nothing(surveyed.batch.counts, &surveyed.batch.completeness)?;
    let context = Context {
        known: &known,
        surveyed: &surveyed,
        tables: &tables,
        max_members: settings.run.max_members,
        min_group: settings.run.cluster.min_group,
    };
    let answer = context.answer(&arguments.what).ok_or_else(|| {
        CliError::new(
            Exit::Input,
            format!("`{}` is neither a group, nor a ticket, nor a dispute of the input", arguments.what),
        )
        .hint("`disputebot groups` lists the groups")
    })?;
    if arguments.json {
        ui.json(&answer)?;
    } else {
        ui.data(&answer.said)?;
    }
    Ok(Exit::Done)
}

impl Context<'_> {
    fn answer(&self, what: &str) -> Option<Answer> {
        match find(what, self.known, &self.surveyed.records) {
            Some(Meant { record, dispute: None }) => Some(self.group_answer(record)),
            Some(Meant { record, dispute: Some(id) }) => Some(self.member_answer(&id, record)),
            None => {
                let id: Text = what.into();
                Some(self.alone_answer(&id, self.row(&id)?))
            }
        }
    }

    fn row(&self, id: &Text) -> Option<usize> {
        let table = &self.surveyed.table;
        (0..table.len()).find(|row| table.id(*row) == id)
    }

    fn key(&self, group: &GroupId) -> Option<String> {
        self.known.ticket(group).issue().map(|issue| issue.key.clone())
    }

    /// What the group's ticket says, where it has disputes in the input.
    fn facts(&self, record: &GroupRecord) -> Option<Facts> {
        let explanation = self.surveyed.explanations.get(&record.group.id)?;
        let members: Vec<&Dispute> = self
            .surveyed
            .batch
            .disputes
            .iter()
            .filter(|dispute| record.group.members.binary_search(&dispute.id).is_ok())
            .collect();
        let nearest = self.surveyed.neighbours.get(&record.group.id);
        let table = &self.surveyed.table;
        let ticket = self.known.ticket(&record.group.id);
        let day = ticket.course().map_or_else(
            || Timestamp::now().to_zoned_datetime(TimeZone::UTC).date(),
            |course| course.last().day,
        );
        Some(facts::facts(
            &record.group,
            &members,
            table,
            explanation,
            nearest,
            self.tables,
            self.max_members,
            &record.cause,
            day,
        ))
    }

    /// The answer about a group without its text.
    fn about(&self, record: &GroupRecord, facts: Option<&Facts>) -> Answer {
        let explanation = self.surveyed.explanations.get(&record.group.id);
        let shared = explanation.iter().flat_map(|explanation| &explanation.shares).map(|share| Shared {
            attribute: share.item.attribute.name(),
            value: words::value(&share.item),
            members: share.members,
            share: share.share,
            lift: share.lift,
            exclusivity: share.exclusivity,
        });
        let varying = explanation.iter().flat_map(|explanation| &explanation.varying).map(|one| Varies {
            attribute: one.attribute.name(),
            values: one.values,
            everywhere: one.everywhere,
        });
        Answer {
            group: Some(record.group.id.to_string()),
            ticket: self.key(&record.group.id),
            cause: facts.map(|facts| facts.cause.clone()),
            rule: facts.map(|facts| facts.rule.alternatives.clone()).unwrap_or_default(),
            precision: explanation.map(|explanation| explanation.rule.precision),
            recall: explanation.map(|explanation| explanation.rule.recall),
            shared: shared.collect(),
            varying: varying.collect(),
            exemplars: facts.map(|facts| facts.exemplars.clone()).unwrap_or_default(),
            neighbour: facts.and_then(|facts| self.neighbour(record, facts)),
            members: record.group.members.iter().map(ToString::to_string).collect(),
            ..Answer::default()
        }
    }

    fn neighbour(&self, record: &GroupRecord, facts: &Facts) -> Option<Near> {
        let neighbour = facts.neighbour.as_ref()?;
        let id = self.surveyed.neighbours.get(&record.group.id)?;
        let differs = Differs {
            attribute: neighbour.attribute.clone(),
            here: neighbour.here.clone(),
            there: neighbour.there.clone(),
        };
        Some(Near { differs: (!differs.attribute.is_empty()).then_some(differs), ..self.near(id) })
    }

    fn near(&self, id: &GroupId) -> Near {
        let title = self
            .surveyed
            .records
            .iter()
            .find(|record| record.group.id == *id)
            .map(|record| record.title.clone())
            .unwrap_or_default();
        Near { group: id.to_string(), ticket: self.key(id), title, ..Near::default() }
    }

    fn group_answer(&self, record: &GroupRecord) -> Answer {
        let facts = self.facts(record);
        let mut answer = self.about(record, facts.as_ref());
        let mut said = self.heading(record);
        match (&facts, self.surveyed.explanations.get(&record.group.id)) {
            (Some(facts), Some(explanation)) => said.push_str(&body(facts, explanation, &answer)),
            _ if record.group.status != Status::Active => {
                said.push_str("\nThe group has ended; all it had is in the history of its ticket.\n");
            }
            _ => said.push_str("\nNone of its disputes is in the input.\n"),
        }
        said.push_str("\nDisputes\n");
        for chunk in record.group.members.chunks(8) {
            said.push_str(&format!("  {}\n", chunk.join("  ")));
        }
        answer.said = said;
        answer
    }

    fn member_answer(&self, id: &Text, record: &GroupRecord) -> Answer {
        let facts = self.facts(record);
        let mut answer = self.about(record, facts.as_ref());
        answer.dispute = Some(id.to_string());
        let others = record.group.members.len() - 1;
        let mut said = format!(
            "{id} is in a group with {} other {}\n\n{}",
            facts::thousands(others),
            if others == 1 { "dispute" } else { "disputes" },
            self.heading(record)
        );
        let explanation = self.surveyed.explanations.get(&record.group.id);
        if let (Some(facts), Some(explanation), Some(row)) = (&facts, explanation, self.row(id)) {
            (answer.has, answer.differs) = self.compared(row, explanation);
            said.push_str(&format!("\nWhy {id} is in it\n"));
            if answer.differs.is_empty() {
                said.push_str(&format!("  It fits the rule: it has {}.\n", answer.has.join(", ")));
            } else {
                if !answer.has.is_empty() {
                    said.push_str(&format!("  It has {}.\n", answer.has.join(", ")));
                }
                said.push_str(&format!(
                    "  It does not fit the rule to the letter: {}.\n  {}\n",
                    answer.differs.join("; "),
                    self.why_all_the_same(row, explanation)
                ));
            }
            said.push_str(&body(facts, explanation, &answer));
        }
        answer.said = said;
        answer
    }

    /// What a row has of the alternative that it is nearest to, and where it differs from it.
    fn compared(&self, row: usize, explanation: &Explanation) -> (Vec<String>, Vec<String>) {
        let table = &self.surveyed.table;
        let has = |item: &Item| table.value(row, item.attribute) == Some(&item.value);
        let lacking = |items: &[Item]| items.iter().filter(|item| !has(item)).count();
        let nearest = explanation
            .rule
            .alternatives
            .iter()
            .min_by_key(|items| (lacking(items), std::cmp::Reverse(items.len())));
        let (with, without): (Vec<&Item>, Vec<&Item>) =
            nearest.into_iter().flatten().partition(|item| has(item));
        let differs = without.into_iter().map(|item| {
            let value = table.value(row, item.attribute);
            let own = value.map_or_else(
                || "none".to_owned(),
                |value| words::value(&Item { attribute: item.attribute, value: value.clone() }),
            );
            // A wording has no words of its own to set side by side.
            if item.attribute == Attribute::Note {
                return "its note is worded in another way".to_owned();
            }
            format!("{} {own} instead of {}", item.attribute.label().0, words::value(item))
        });
        (with.into_iter().map(words::phrase).collect(), differs.collect())
    }

    /// What a row has of some values of a group.
    fn in_common<'s>(&self, row: usize, shares: impl Iterator<Item = &'s Share>) -> Vec<String> {
        let table = &self.surveyed.table;
        shares
            .filter(|share| table.value(row, share.item.attribute) == Some(&share.item.value))
            .map(|share| words::phrase(&share.item))
            .collect()
    }

    fn why_all_the_same(&self, row: usize, explanation: &Explanation) -> String {
        let shared = || explanation.shares.iter().filter(|share| share.is_common());
        let common = self.in_common(row, shared());
        if common.is_empty() {
            return "It stays where people know it: a group keeps its open disputes until they are resolved or \
                    another group takes them."
                .to_owned();
        }
        format!(
            "It is a member all the same: of the {} values that most of the group share it has {} ({}).",
            shared().count(),
            common.len(),
            common.join(", ")
        )
    }

    fn alone_answer(&self, id: &Text, row: usize) -> Answer {
        let table = &self.surveyed.table;
        let peers: Vec<usize> = (0..table.len())
            .filter(|other| {
                table.program(*other) == table.program(row) && table.client(*other) == table.client(row)
            })
            .collect();
        let mut values: Vec<(Item, usize)> = Attribute::ALL
            .into_iter()
            .filter(|attribute| attribute.is_shown() && *attribute != Attribute::Note)
            .filter_map(|attribute| {
                let value = table.value(row, attribute)?;
                let same = peers.iter().filter(|other| table.value(**other, attribute) == Some(value));
                Some((Item { attribute, value: value.clone() }, same.count() - 1))
            })
            .collect();
        values.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
        let nearest = self.nearest(row);

        let company = self.company(row);
        let mut said = format!("{id} is in no group: {}.\n", why_alone(company.as_ref()));
        if nearest.is_empty() {
            said.push_str("\nNo group of its client shares a telling value with it.\n");
        } else {
            said.push_str("\nThe groups nearest to it\n");
        }
        for near in &nearest {
            said.push_str(&format!("  {}  {}\n", name(near), near.title));
            if !near.has.is_empty() {
                said.push_str(&format!("    it has {}\n", near.has.join(", ")));
            }
            if !near.lacks.is_empty() {
                said.push_str(&format!("    it differs: {}\n", near.lacks.join("; ")));
            }
        }
        let lonely: Vec<String> = values
            .iter()
            .filter(|(_, others)| *others < COMPANY)
            .map(|(item, _)| words::phrase(item))
            .collect();
        if !lonely.is_empty() {
            said.push_str(&format!("\nHardly any other dispute shares: {}\n", lonely.join(", ")));
        }
        said.push_str("\nIts values, and how many open disputes of the program and client share each\n");
        let rows: Vec<Vec<String>> = values
            .iter()
            .map(|(item, others)| {
                let attribute = words::capital(item.attribute.label().0);
                vec![attribute, words::value(item), facts::thousands(*others)]
            })
            .collect();
        said.push_str(&ui::table(&["", "VALUE", "OTHERS WITH IT"], &rows, &[2]));
        let values = values
            .into_iter()
            .map(|(item, others)| Spread {
                attribute: item.attribute.name(),
                value: words::value(&item),
                others,
            })
            .collect();
        Answer { dispute: Some(id.to_string()), said, nearest, company, values, ..Answer::default() }
    }

    fn company(&self, row: usize) -> Option<Together> {
        let table = &self.surveyed.table;
        let company = cluster::company(table, row)?;
        let is_own = |other: &&usize| table.client(**other) == table.client(row);
        let own: BTreeSet<&Text> = company.others.iter().filter(is_own).map(|it| table.id(*it)).collect();
        let in_it = |record: &&GroupRecord| record.group.members.iter().filter(|it| own.contains(it)).count();
        let active = self.surveyed.records.iter().filter(|it| it.group.status == Status::Active);
        let fullest = active.max_by_key(in_it).filter(|record| in_it(record) * 2 > own.len());
        Some(Together {
            values: company.items.each_ref().map(words::phrase),
            others: company.others.len(),
            of_client: company.of_client,
            expected: company.expected,
            min_group: self.min_group,
            in_group: fullest.as_ref().map_or(0, in_it),
            group: fullest.map(|record| self.near(&record.group.id)),
        })
    }

    /// Groups of the row's client and program by what it has of their shared values, the rarer the more.
    fn nearest(&self, row: usize) -> Vec<Near> {
        let table = &self.surveyed.table;
        let mut ranked: Vec<(f64, &GroupRecord, &Explanation)> = self
            .surveyed
            .records
            .iter()
            .filter(|record| {
                record.group.program == table.program(row) && record.group.client == *table.client(row)
            })
            .filter_map(|record| {
                let explanation = self.surveyed.explanations.get(&record.group.id)?;
                let likeness: f64 = explanation
                    .shares
                    .iter()
                    .filter(|share| table.value(row, share.item.attribute) == Some(&share.item.value))
                    .map(|share| share.share * (COMMON + share.lift.max(1.0).ln()))
                    .sum();
                (likeness > COMMON).then_some((likeness, record, explanation))
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.group.members.cmp(&b.1.group.members)));
        ranked
            .into_iter()
            .take(NEAR)
            .map(|(_, record, explanation)| {
                let (_, lacks) = self.compared(row, explanation);
                Near {
                    has: self.in_common(row, explanation.shares.iter()),
                    lacks,
                    ..self.near(&record.group.id)
                }
            })
            .collect()
    }

    fn heading(&self, record: &GroupRecord) -> String {
        let GroupRecord { group, title, cause: _, who: _, figures, coarse: _, due: _, spread: _ } = record;
        let mut text = format!(
            "group {} of {}, {}\n  ticket     {}\n  rule       {title}\n  disputes   {}\n",
            group.id.short(),
            group.client,
            group.program.human_name(),
            ticket_word(self.known, record),
            facts::thousands(group.members.len()),
        );
        for (name, money) in [("exposed", figures.exposed), ("recoverable", figures.recoverable)] {
            if !money.is_zero() {
                text.push_str(&format!("  {name:<11}{}\n", facts::money_text(money)));
            }
        }
        if let Some(parent) = &group.split_from {
            text.push_str(&format!("  split from {}\n", parent.short()));
        }
        text
    }
}

/// Why a dispute is in no group, as the end of a sentence.
fn why_alone(company: Option<&Together>) -> String {
    let Some(Together { values: [one, other], others, of_client, expected, min_group, group, in_group }) =
        company
    else {
        return "no other open dispute of its program shares two telling values with it more often than chance \
                would have it"
            .to_owned();
    };
    let (those, have) = (facts::thousands(*others), if *others == 1 { "other has" } else { "others have" });
    let both = format!("{those} {have} both {one} and {other}");
    if let Some(group) = group {
        return format!(
            "{both}, and most of those of its client ({}) are in {}, against which its other values speak",
            facts::thousands(*in_group),
            name(group)
        );
    }
    if of_client + 1 >= *min_group {
        let chance = if *expected < 1.0 {
            "fewer than one".to_owned()
        } else {
            format!("about {}", facts::thousands(expected.round() as usize))
        };
        return format!(
            "{both}, where chance would have {chance}, and what they share besides is too little to name a cause"
        );
    }
    let of_client = match of_client {
        _ if of_client == others => String::new(),
        0 => ", none of them of its client".to_owned(),
        some => format!(", {some} of them of its client"),
    };
    format!("{both}{of_client}; a group has at least {min_group} disputes of one client")
}

/// How sure, why together, what varies, examples, likely cause, nearest group.
fn body(facts: &Facts, explanation: &Explanation, answer: &Answer) -> String {
    let mut text = String::from("\nWhy these belong together\n");
    for (position, alternative) in facts.rule.alternatives.iter().enumerate() {
        text.push_str(&format!("  {}{alternative}\n", if position == 0 { "" } else { "or " }));
    }
    text.push_str(&format!(
        "  {} of the client's open disputes that fit this rule are in the group; it finds {} of the group\n\n",
        facts.rule.precision, facts.rule.recall
    ));
    if !explanation.shares.is_empty() {
        let rows: Vec<Vec<String>> = facts
            .shares
            .iter()
            .map(|share| {
                vec![
                    format!("  {}", share.attribute),
                    share.value.clone(),
                    share.share.clone(),
                    share.lift.clone(),
                    share.exclusivity.clone(),
                ]
            })
            .collect();
        let header = ["  SHARED", "VALUE", "OF THE GROUP", "AGAINST ALL", "ONLY HERE"];
        text.push_str(&ui::table(&header, &rows, &[2, 3, 4]));
    }
    if !facts.varying.is_empty() {
        text.push_str(&format!("\nWhat varies\n  {}\n", facts.varying));
    }
    text.push_str("\nExamples\n");
    let rows: Vec<Vec<String>> = facts
        .exemplars
        .iter()
        .map(|one| {
            let Exemplar { why, dispute, product, state, period, codes, units } = one.clone();
            vec![format!("  {why}"), dispute, product, state, period, codes, units]
        })
        .collect();
    let header = ["  ", "DISPUTE", "PRODUCT", "STATE", "QUARTER", "CODES", "UNITS"];
    text.push_str(&ui::table(&header, &rows, &[6]));

    let Cause { known, id: _, name: cause, confidence, evidence, who, steps, documents, others } =
        &facts.cause;
    text.push_str("\nCause and next move\n");
    if *known {
        text.push_str(&format!("  {cause}: {confidence} ({evidence})\n"));
    } else {
        text.push_str(&format!("  {cause}\n"));
    }
    if !others.is_empty() {
        text.push_str(&format!("  it could also be: {}\n", others.join("; ")));
    }
    text.push_str(&format!("  to be fixed by: {who}\n"));
    for step in steps {
        text.push_str(&format!("  - {step}\n"));
    }
    for document in documents {
        text.push_str(&format!("  - Attach {document}.\n"));
    }
    if let Some(near) = &answer.neighbour {
        text.push_str(&format!("\nNearest other group\n  {}  {}\n", name(near), near.title));
        if let Some(Differs { attribute, here, there }) = &near.differs {
            text.push_str(&format!("  differs in {attribute}: {here} here, {there} there\n"));
        }
    }
    text
}

/// First digits of a group, with its ticket.
fn name(near: &Near) -> String {
    let short: String = near.group.chars().take(8).collect();
    near.ticket.as_ref().map_or_else(|| short.clone(), |key| format!("{short} ({key})"))
}
