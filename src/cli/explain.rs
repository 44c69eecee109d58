//! `disputebot explain`: why a group is one, where a dispute is and why.

use jiff::Timestamp;
use serde::Serialize;

use super::{CliError, Common, Exit, Ui, groups::ticket_word, ui};
use crate::{
    cluster::{Attribute, Explanation, Item},
    config::Needs,
    dispute::{Tables, Text},
    group::{GroupId, Status},
    run::{self, Surveyed},
    state::{GroupRecord, Known},
    ticket::{Templates, facts, words},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// First digits of a group, a ticket key, or a dispute id
    #[arg(value_name = "GROUP|TICKET|DISPUTE")]
    what: String,
    /// Prints it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute: Option<String>,
    said: String,
    group: Option<String>,
    ticket: Option<String>,
    cause: Option<String>,
    rule: Vec<String>,
    precision: Option<f64>,
    recall: Option<f64>,
    members: Vec<String>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { source: true, jira: false }, &[], ui)?;
    let templates = Templates::new(&settings.templates)?;
    let known = Known::read(&settings.state)?;
    let surveyed = run::survey(
        &settings.run,
        &Tables::embedded(),
        &templates,
        &known,
        Timestamp::now(),
        &mut run::mint,
        &mut |progress| ui.progress(progress),
    )?;
    ui.clear();
    let answer = answer(&arguments.what, &known, &surveyed).ok_or_else(|| {
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

fn answer(what: &str, known: &Known, surveyed: &Surveyed) -> Option<Answer> {
    if let Some(record) = find_group(what, known, surveyed) {
        return Some(group_answer(record, known, surveyed));
    }
    let id: Text = what.into();
    if let Some(record) = surveyed.records.iter().find(|record| {
        record.group.status == Status::Active && record.group.members.binary_search(&id).is_ok()
    }) {
        return Some(member_answer(&id, record, known, surveyed));
    }
    let row = (0..surveyed.table.len()).find(|row| *surveyed.table.id(*row) == id)?;
    Some(alone_answer(&id, row, surveyed))
}

fn find_group<'a>(what: &str, known: &Known, surveyed: &'a Surveyed) -> Option<&'a GroupRecord> {
    let by_key: Option<GroupId> = known
        .tickets
        .values()
        .find(|ticket| ticket.issue().is_some_and(|issue| issue.key == what))
        .map(|ticket| ticket.group.clone());
    let prefix = what.strip_prefix(crate::group::LABEL_PREFIX).unwrap_or(what);
    let mut found = surveyed.records.iter().filter(|record| {
        by_key.as_ref() == Some(&record.group.id)
            || (prefix.len() >= 4 && record.group.id.as_str().starts_with(prefix))
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn group_answer(record: &GroupRecord, known: &Known, surveyed: &Surveyed) -> Answer {
    let mut said = heading(record, known);
    let explanation = surveyed.explanations.get(&record.group.id);
    if let Some(explanation) = explanation {
        said.push_str(&why(explanation));
    } else if record.group.status != Status::Active {
        said.push_str("\nThe group has ended; all it had is in the history of its ticket.\n");
    }
    said.push_str("\nDisputes\n");
    for chunk in record.group.members.chunks(8) {
        said.push_str("  ");
        said.push_str(&chunk.join("  "));
        said.push('\n');
    }
    answer_of(None, said, record, known, explanation)
}

fn member_answer(id: &Text, record: &GroupRecord, known: &Known, surveyed: &Surveyed) -> Answer {
    let explanation = surveyed.explanations.get(&record.group.id);
    let row = (0..surveyed.table.len()).find(|row| surveyed.table.id(*row) == id);
    let mut said =
        format!("{id} is one of {} disputes of\n\n{}", record.group.members.len(), heading(record, known));
    if let (Some(explanation), Some(row)) = (explanation, row) {
        let fits = explanation.rule.alternatives.iter().find(|items| surveyed.table.matches(row, items));
        said.push_str(&if let Some(items) = fits { format!("\nIt is there because it has {}.\n", words::items(items)) } else {
            let near = explanation
                .rule
                .alternatives
                .iter()
                .min_by_key(|items| differing(surveyed, row, items).len())
                .map(|items| differing(surveyed, row, items))
                .unwrap_or_default();
            format!(
                "\nIt does not fit the rule to the letter ({}), but nearly all disputes that share the rest are in \
                 this group.\n",
                near.join("; ")
            )
        });
        said.push_str(&why(explanation));
    }
    answer_of(Some(id), said, record, known, explanation)
}

/// Where a dispute differs from a pattern.
fn differing(surveyed: &Surveyed, row: usize, items: &[Item]) -> Vec<String> {
    items
        .iter()
        .filter(|item| surveyed.table.value(row, item.attribute) != Some(&item.value))
        .map(|item| {
            let has = surveyed.table.value(row, item.attribute).map_or_else(
                || "nothing".to_owned(),
                |value| words::value(&Item { attribute: item.attribute, value: value.clone() }),
            );
            format!("{}: {} instead of {}", item.attribute.label().0, has, words::value(item))
        })
        .collect()
}

fn alone_answer(id: &Text, row: usize, surveyed: &Surveyed) -> Answer {
    let table = &surveyed.table;
    let mut said = format!(
        "{id} is in no group: no set of its values occurs together far more often among the open disputes of its \
         program than chance would have it.\n\nIts values, and how many open disputes of the program and client share each\n"
    );
    let peers: Vec<usize> = (0..table.len())
        .filter(|other| {
            table.program(*other) == table.program(row) && table.client(*other) == table.client(row)
        })
        .collect();
    let rows: Vec<Vec<String>> = Attribute::ALL
        .into_iter()
        .filter(|attribute| *attribute != Attribute::Note)
        .filter_map(|attribute| {
            let value = table.value(row, attribute)?;
            let same = peers.iter().filter(|other| table.value(**other, attribute) == Some(value)).count();
            let item = Item { attribute, value: value.clone() };
            Some(vec![words::capital(attribute.label().0), words::value(&item), (same - 1).to_string()])
        })
        .collect();
    said.push_str(&ui::table(&["", "VALUE", "OTHERS WITH IT"], &rows, &[2]));
    Answer {
        dispute: Some(id.to_string()),
        said,
        group: None,
        ticket: None,
        cause: None,
        rule: Vec::new(),
        precision: None,
        recall: None,
        members: Vec::new(),
    }
}

fn heading(record: &GroupRecord, known: &Known) -> String {
    let GroupRecord { group, title, cause, who, figures } = record;
    let mut text = format!(
        "group {} of {}, {}\n  ticket     {}\n  rule       {title}\n  cause      {cause}\n  next move  {who}\n  disputes   {}\n",
        group.id.short(),
        group.client,
        group.program.human_name(),
        ticket_word(known, record),
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

fn why(explanation: &Explanation) -> String {
    let rule = &explanation.rule;
    let mut text = String::from("\nWhy these belong together\n");
    for (position, items) in rule.alternatives.iter().enumerate() {
        text.push_str(&format!("  {}{}\n", if position == 0 { "" } else { "or " }, words::items(items)));
    }
    text.push_str(&format!(
        "  {:.0} % of the client's open disputes that fit this rule are in the group; it finds {:.0} % of the group\n",
        rule.precision * 100.0,
        rule.recall * 100.0
    ));
    let rows: Vec<Vec<String>> = explanation
        .shares
        .iter()
        .map(|share| {
            vec![
                format!("  {}", words::capital(share.item.attribute.label().0)),
                words::value(&share.item),
                format!("{:.0} %", share.share * 100.0),
                words::times(share.lift),
                format!("{:.0} %", share.exclusivity * 100.0),
            ]
        })
        .collect();
    text.push('\n');
    text.push_str(&ui::table(
        &["  SHARED", "VALUE", "OF THE GROUP", "AGAINST ALL", "ONLY HERE"],
        &rows,
        &[2, 3, 4],
    ));
    let varying: Vec<String> = explanation
        .varying
        .iter()
        .map(|varying| format!("{} {}", varying.values, varying.attribute.label().1))
        .collect();
    if !varying.is_empty() {
        text.push_str(&format!("\nWhat varies, and so is not the cause: {}\n", varying.join(", ")));
    }
    text
}

fn answer_of(
    dispute: Option<&Text>,
    said: String,
    record: &GroupRecord,
    known: &Known,
    explanation: Option<&Explanation>,
) -> Answer {
    Answer {
        dispute: dispute.map(ToString::to_string),
        said,
        group: Some(record.group.id.to_string()),
        ticket: known.ticket(&record.group.id).issue().map(|issue| issue.key.clone()),
        cause: Some(record.cause.clone()),
        rule: explanation
            .map(|explanation| {
                explanation.rule.alternatives.iter().map(|items| words::items(items)).collect()
            })
            .unwrap_or_default(),
        precision: explanation.map(|explanation| explanation.rule.precision),
        recall: explanation.map(|explanation| explanation.rule.recall),
        members: record.group.members.iter().map(ToString::to_string).collect(),
    }
}
