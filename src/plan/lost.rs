//! What people wrote in the moment between our look at a ticket and our edit of it, which the edit took away.
//!
//! Jira has no edit on a condition, so that moment cannot be closed; but its history keeps what was there. A person's
//! change after the look and before a change of ours to the same field was overwritten. It is told in a comment, with its
//! words.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Issue, Observed, Reason, Ticket,
    decide::{Planner, Standing, paragraph},
};
use crate::{
    group::Group,
    ticket::document::{Block, Inline},
};

/// Fields of the history that are written by verbs or by calls of their own, and so never overwritten as a whole.
const NEVER: [&str; 9] = [
    "labels",
    "status",
    "resolution",
    "link",
    "attachment",
    "comment",
    "key",
    "project",
    "remoteworkitemlink",
];

/// What the topics of comments on losses begin with.
pub(super) const OVERWRITTEN: &str = "overwritten-";

/// An entry of the history of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// Whether this account made it.
    pub is_ours: bool,
    /// What it changed.
    pub items: Vec<PastItem>,
}

/// A field that an entry of a history changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastItem {
    /// Name of the field.
    pub field: String,
    /// What was there, as people read it.
    pub from: String,
    /// What is there since.
    pub to: String,
}

/// A person's change that an edit of ours took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overwritten {
    /// Id of their entry in the history.
    pub id: String,
    /// The field.
    pub field: String,
    /// The lines that they wrote.
    pub lines: Vec<String>,
}

impl Overwritten {
    /// The topic of the comment on it.
    fn topic(&self) -> String {
        format!("{OVERWRITTEN}{}-{}", self.id, self.field)
    }
}

/// What our edits took away of what people wrote after the look before them. `history` in its order of time.
pub fn overwritten(history: &[Past], look: Timestamp) -> Vec<Overwritten> {
    let since: Vec<&Past> = history.iter().filter(|past| past.at > look).collect();
    let fields: BTreeSet<&str> =
        since.iter().flat_map(|past| &past.items).map(|item| item.field.as_str()).collect();
    let fields = fields.into_iter().filter(|field| !NEVER.contains(&field.to_lowercase().as_str()));
    fields.flat_map(|field| overwritten_in(field, &since)).collect()
}

/// The same of one field.
fn overwritten_in(field: &str, since: &[&Past]) -> Vec<Overwritten> {
    let mut found = Vec::new();
    // What was there before people changed it, and their last change.
    let mut theirs: Option<(&str, &Past, &str)> = None;
    for past in since {
        let Some(item) = past.items.iter().find(|item| item.field == field) else { continue };
        if !past.is_ours {
            let before = theirs.map_or(item.from.as_str(), |(before, ..)| before);
            theirs = Some((before, past, &item.to));
            continue;
        }
        let Some((before, last, wrote)) = theirs.take() else { continue };
        let (before, left) = (lines(before), lines(&item.to));
        // An edit of ours keeps what it saw: only what is missing now is lost.
        let is_missing = |line: &&str| !before.contains(line) && !left.contains(line);
        let missing: Vec<String> =
            wrote.lines().map(str::trim).filter(is_missing).map(str::to_owned).collect();
        let wrote = lines(wrote);
        let is_back = before.iter().any(|line| !wrote.contains(line) && left.contains(line));
        if !missing.is_empty() || is_back {
            found.push(Overwritten { id: last.id.clone(), field: field.to_owned(), lines: missing });
        }
    }
    found
}

fn lines(text: &str) -> BTreeSet<&str> {
    // No line is empty, so that no empty one is missing.
    text.lines().map(str::trim).chain([""]).collect()
}

/// Whether a topic is that of a comment that tells people of their own loss, and so counts among no others.
pub fn is_of_loss(topic: &str) -> bool {
    topic.starts_with(OVERWRITTEN)
}

/// Whether all that was overwritten on a ticket was told.
pub fn is_told(ticket: &Ticket, overwritten: &[Overwritten]) -> bool {
    overwritten.iter().all(|one| ticket.told.contains(&one.topic()))
}

impl Planner<'_> {
    /// Gives back in a comment what was overwritten, once each.
    pub(super) fn give_back(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
    ) {
        let input = self.input;
        for lost in input.overwritten.get(&observed.issue.id).into_iter().flatten() {
            let topic = lost.topic();
            if ticket.told.contains(&topic) {
                continue;
            }
            let field = &lost.field;
            let mut body = vec![paragraph(format!(
                "Someone changed the {field} of this ticket after disputebot had looked at it, or had been told to take \
                 it, and disputebot's text took the place of theirs. The history of this ticket has both; whoever makes the change \
                 again keeps it."
            ))];
            let entries =
                lost.lines.iter().map(|line| vec![Block::Paragraph(vec![Inline::plain(line.clone())])]);
            let entries: Vec<Vec<Block>> = entries.collect();
            if !entries.is_empty() {
                body.push(paragraph("What is gone:".to_owned()));
                body.push(Block::List { ordered: false, entries });
            }
            let reason = Reason::Overwritten { field: field.clone() };
            self.comment(group, standing, observed, topic, &body, reason);
        }
    }
}

/// The words that were overwritten on an issue.
pub(super) fn words(issue: &Issue, input: &super::decide::Input<'_>) -> String {
    let lost = input.overwritten.get(&issue.id).into_iter().flatten();
    lost.flat_map(|lost| &lost.lines).map(|line| format!("{line} ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(second: i64, is_ours: bool, items: &[(&str, &str, &str)]) -> Past {
        let item = |(field, from, to): &(&str, &str, &str)| PastItem {
            field: (*field).to_owned(),
            from: (*from).to_owned(),
            to: (*to).to_owned(),
        };
        let at = Timestamp::from_second(second).unwrap();
        Past { id: second.to_string(), at, is_ours, items: items.iter().map(item).collect() }
    }

    fn found(history: &[Past]) -> Vec<(String, Vec<String>)> {
        let found = overwritten(history, Timestamp::from_second(10).unwrap());
        found.into_iter().map(|one| (format!("{} {}", one.id, one.field), one.lines)).collect()
    }

    #[test]
    fn what_a_person_wrote_after_the_look_and_before_our_edit_of_the_same_field_was_overwritten() {
        let theirs = past(
            11,
            false,
            &[("summary", "a", "b"), ("description", "x\ny", "x\nmine\ny"), ("duedate", "", "d")],
        );
        let ours = past(12, true, &[("summary", "b", "c"), ("description", "x\nmine\ny", "x\nz")]);
        let lost = [
            ("11 description".to_owned(), vec!["mine".to_owned()]),
            ("11 summary".to_owned(), vec!["b".to_owned()]),
        ];
        assert_eq!(found(&[theirs.clone(), ours.clone()]), lost, "the due date is still theirs");
        let seen = Past { at: Timestamp::from_second(10).unwrap(), ..theirs.clone() };
        assert_eq!(found(&[seen, ours.clone()]), [], "seen by the look");
        assert_eq!(
            found(&[ours, Past { at: Timestamp::from_second(13).unwrap(), ..theirs }]),
            [],
            "they wrote last"
        );
    }

    #[test]
    fn all_that_several_people_wrote_is_found_and_what_our_edit_kept_is_no_loss() {
        let one = past(11, false, &[("description", "x", "x\na")]);
        let other = past(12, false, &[("description", "x\na", "x\na\nb")]);
        let ours = |second, to| past(second, true, &[("description", "", to)]);
        let both = ("12 description".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(found(&[one.clone(), other.clone(), ours(13, "x\ny")]), std::slice::from_ref(&both));
        // Written again, seen and kept by the next edit.
        let again = past(14, false, &[("description", "x\ny", "a\nb\nx\ny")]);
        let kept = ours(15, "a\nb\nx\nz");
        assert_eq!(found(&[one, other, ours(13, "x\ny"), again, kept]), [both]);
        let removed = past(11, false, &[("description", "x\ny", "x")]);
        assert_eq!(found(&[removed, ours(12, "x\ny\nz")]), [("11 description".to_owned(), Vec::new())]);
    }

    #[test]
    fn what_people_overwrite_among_themselves_and_what_is_written_by_verbs_is_no_loss() {
        let one = past(11, false, &[("summary", "a", "b")]);
        let other = past(12, false, &[("summary", "b", "c")]);
        let ours = past(13, true, &[("summary", "c", "d")]);
        assert_eq!(found(&[one, other, ours]), [("12 summary".to_owned(), vec!["c".to_owned()])]);
        let labels = past(11, false, &[("labels", "a", "a b")]);
        assert_eq!(found(&[labels, past(12, true, &[("labels", "a b", "a b c")])]), []);
    }
}
