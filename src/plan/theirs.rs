//! Fields that a person changed: told of in one comment, with what disputebot would have written and how to hand them
//! back, by an order or by a label.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    FIELDS, HoldReason, Observed, Reason, Ticket, command,
    decide::{Planner, Standing, paragraph},
};
use crate::{
    group::Group,
    ticket::{
        block::{self, Located},
        document::{self, Block, Inline, Marks},
        markup,
    },
};

/// What the labels begin with by which people hand a field back.
const TAKE_LABEL: &str = "disputebot-take-";
/// What the topics of comments on changed fields begin with.
const CHANGED: &str = "changed-";
/// The longest text of a field that a comment repeats, in characters; one field may hold as much as Jira takes.
const LONGEST_QUOTE: usize = 500;
/// The longest line of a description that a comment repeats, in characters.
const LONGEST_LINE: usize = 120;
/// Most lines of a description that a comment repeats.
const LINES: usize = 3;

/// A field that is a person's now, and what disputebot would have written there, in words.
pub(super) struct Theirs<'a> {
    pub(super) field: &'a str,
    pub(super) instead: String,
}

impl<'a> Theirs<'a> {
    /// A field with a text.
    pub(super) fn text(field: &'a str, wanted: &str) -> Self {
        let count = wanted.chars().count();
        let instead = match count {
            0 => "nothing".to_owned(),
            count if count > LONGEST_QUOTE => format!("a text of {count} characters"),
            _ => format!("“{wanted}”"),
        };
        Self { field, instead }
    }

    /// Our block of the description, which a person edited.
    pub(super) fn block(ours: &[Value], wanted: &[Block]) -> Self {
        let (shown, wanted) = (markup::plain_text(ours), document::plain_text(wanted));
        let shown: BTreeSet<&str> = shown.lines().map(str::trim).collect();
        let fresh: Vec<&str> =
            wanted.lines().map(str::trim).filter(|line| !line.is_empty() && !shown.contains(line)).collect();
        let quoted: Vec<String> = fresh.iter().take(LINES).map(|line| format!("“{}”", short(line))).collect();
        let instead = match fresh.len() {
            0 => "nothing new".to_owned(),
            1 => format!("one other line in its block, {}", quoted.join("")),
            count if count <= LINES => format!("{count} other lines in its block, {}", quoted.join(", ")),
            count => format!("{count} other lines in its block, the first of them {}", quoted.join(", ")),
        };
        Self { field: "description", instead }
    }

    /// Our block of the description, which a person took away.
    pub(super) fn without_block() -> Self {
        Self { field: "description", instead: "its block below yours, which is gone".to_owned() }
    }
}

impl Planner<'_> {
    /// Fields that a person changed are theirs. That is said once for each, and together where several are new.
    pub(super) fn tell_theirs(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        theirs: &[Theirs<'_>],
    ) {
        for Theirs { field, .. } in theirs {
            let key = Some(observed.issue.key.clone());
            self.hold(group, standing, key, HoldReason::PersonChanged { field: (*field).to_owned() });
        }
        let mut untold: Vec<&Theirs<'_>> = theirs.iter().filter(|one| !is_told(ticket, one.field)).collect();
        // A comment whose answer was lost is about the fields that it was about, and no others.
        for topic in ticket.saying.keys() {
            let (again, rest): (Vec<_>, Vec<_>) =
                untold.into_iter().partition(|one| tells_of_change(topic, one.field));
            untold = rest;
            self.tell_of(group, standing, observed, topic.clone(), &again);
        }
        let topic = untold.iter().map(|one| name_of(one.field)).collect::<Vec<_>>().join("+");
        self.tell_of(group, standing, observed, format!("{CHANGED}{topic}"), &untold);
    }

    fn tell_of(
        &mut self,
        group: &Group,
        standing: &Standing,
        observed: &Observed,
        topic: String,
        theirs: &[&Theirs<'_>],
    ) {
        let Some(first) = theirs.first() else { return };
        let fields: Vec<&str> = theirs.iter().map(|one| one.field).collect();
        let fields = listed(&fields);
        let (them, one) = if theirs.len() == 1 { ("it", "it") } else { ("them", "one of them") };
        let instead = theirs.iter().map(|one| {
            vec![Block::Paragraph(vec![Inline::plain(format!("{}: {}", one.field, one.instead))])]
        });
        let code = |text: String| Inline::Text { text, marks: Marks { code: true, ..Marks::default() } };
        let mut how = vec![Inline::plain(format!("To hand {one} back, "))];
        if !self.params.commanders.is_empty() {
            let order = code(format!("{} take {}", command::PREFIX, first.field));
            how.extend([Inline::plain("write "), order, Inline::plain(" in a comment, or ")]);
        }
        let label = code(take_label(first.field));
        how.extend([Inline::plain("put the label "), label, Inline::plain(" on this ticket.")]);
        let body = [
            paragraph(format!(
                "Someone changed the {fields}, so disputebot leaves {them} alone from now on. It would have written:"
            )),
            Block::List { ordered: false, entries: instead.collect() },
            Block::Paragraph(how),
        ];
        self.comment(group, standing, observed, topic, &body, Reason::PersonChanged { field: fields });
    }
}

/// A field that was handed back: what it shows counts as ours from now on, so that the next update writes it.
pub fn take(field: &str, ticket: &mut Ticket, observed: &Observed) {
    let mut written = ticket.written.take().unwrap_or_default();
    match field {
        "summary" => written.summary.clone_from(&observed.summary),
        "priority" => written.priority.clone_from(&observed.priority),
        "due date" => written.due = observed.due,
        "description" => match block::locate(&observed.description) {
            Located::Block { ours, .. } => written.block = markup::digest(&ours),
            Located::Missing => {
                ticket.orders.get_or_insert_default().taken.insert(field.to_owned());
            }
        },
        name => written.fields.set(name, observed.fields.get(name).map_or("", String::as_str)),
    }
    ticket.written = Some(written);
    if !matches!(field, "summary" | "description" | "due date") {
        // Rules of routing may set it; it follows them again, though people have touched the ticket.
        ticket.orders.get_or_insert_default().taken.insert(field.to_owned());
    }
    forget_change(&mut ticket.told, field);
}

/// Fields that a label on a ticket hands back, each with the label.
pub fn handed_back(ticket: &Ticket, observed: &Observed) -> Vec<(String, String)> {
    if !observed.labels.iter().any(|label| label.starts_with(TAKE_LABEL)) {
        return Vec::new();
    }
    let mut fields: BTreeSet<&str> =
        FIELDS.into_iter().chain(observed.fields.keys().map(String::as_str)).collect();
    fields.extend(ticket.written.iter().flat_map(|written| written.fields.names()));
    let label_of = |field: &str| observed.labels.iter().find(|label| **label == take_label(field));
    fields.into_iter().filter_map(|field| Some((field.to_owned(), label_of(field)?.clone()))).collect()
}

/// The label by which people hand a field back. Jira's labels have no blanks.
fn take_label(field: &str) -> String {
    let plain = |sign: char| if sign.is_alphanumeric() { sign } else { '-' };
    format!("{TAKE_LABEL}{}", field.to_lowercase().chars().map(plain).collect::<String>())
}

/// Topic of a field that a person changed. A topic of several has their names in a row.
pub fn changed_topic(field: &str) -> String {
    format!("{CHANGED}{}", name_of(field))
}

/// Whether the comment on a topic tells that a person changed a field.
pub fn tells_of_change(topic: &str, field: &str) -> bool {
    let names = topic.strip_prefix(CHANGED).into_iter().flat_map(|names| names.split('+'));
    let name = name_of(field);
    names.into_iter().any(|one| one == name)
}

/// Should a person change a field once more that was handed back, that is said once more.
fn forget_change(told: &mut BTreeSet<String>, field: &str) {
    let name = name_of(field);
    let topics: Vec<String> = told.iter().filter(|topic| tells_of_change(topic, field)).cloned().collect();
    for topic in topics {
        told.remove(&topic);
        let names = topic.strip_prefix(CHANGED).into_iter().flat_map(|names| names.split('+'));
        told.extend(names.filter(|one| *one != name).map(|one| format!("{CHANGED}{one}")));
    }
}

/// Whether it was told that a field is a person's.
pub(super) fn is_told(ticket: &Ticket, field: &str) -> bool {
    ticket.told.iter().any(|topic| tells_of_change(topic, field))
}

fn name_of(field: &str) -> String {
    field.replace([' ', '+'], "-")
}

/// `summary, priority and due date`.
fn listed(names: &[&str]) -> String {
    match names {
        [first @ .., before, last] => [first, &[&format!("{before} and {last}")]].concat().join(", "),
        _ => names.concat(),
    }
}

fn short(line: &str) -> String {
    let mut short: String = line.chars().take(LONGEST_LINE).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_of_several_fields_is_forgotten_for_one_alone() {
        let mut told: BTreeSet<String> = ["changed-summary+due-date".to_owned(), "grew-1".to_owned()].into();
        assert!(tells_of_change("changed-summary+due-date", "due date"));
        assert!(!tells_of_change("changed-summary+due-date", "date") && !tells_of_change("grew-1", "grew-1"));
        forget_change(&mut told, "summary");
        assert_eq!(told, BTreeSet::from([changed_topic("due date"), "grew-1".to_owned()]));
    }

    #[test]
    fn only_new_lines_of_the_description_are_told_and_the_first_few_of_many() {
        let block = |lines: &[&str]| -> Vec<Block> {
            lines.iter().map(|line| paragraph((*line).to_owned())).collect()
        };
        let shown = crate::ticket::Markup::Adf.nodes(&block(&["one", "mine"]));
        let told = |lines: &[&str]| Theirs::block(&shown, &block(lines)).instead;
        assert_eq!(told(&["one"]), "nothing new");
        assert_eq!(told(&["one", "two"]), "one other line in its block, “two”");
        assert_eq!(
            told(&["1", "2", "3", "4"]),
            "4 other lines in its block, the first of them “1”, “2”, “3”"
        );
        assert_eq!(told(&[&"x".repeat(200)]).chars().filter(|sign| *sign == 'x').count(), LONGEST_LINE);
    }
}
