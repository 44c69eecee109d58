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
        format!("overwritten-{}-{}", self.id, self.field)
    }
}

/// What our edits took away of what people wrote after the look before them. `history` in its order of time.
pub fn overwritten(history: &[Past], look: Timestamp) -> Vec<Overwritten> {
    let mut found: Vec<Overwritten> = Vec::new();
    let since: Vec<&Past> = history.iter().filter(|past| past.at > look).collect();
    for (place, past) in since.iter().enumerate().filter(|(_, past)| !past.is_ours) {
        let next_of = |field: &str| {
            since[place + 1..].iter().find(|later| later.items.iter().any(|item| item.field == field))
        };
        for item in &past.items {
            let is_never = NEVER.contains(&item.field.to_lowercase().as_str());
            if is_never || !next_of(&item.field).is_some_and(|next| next.is_ours) {
                continue;
            }
            let before: BTreeSet<&str> = item.from.lines().map(str::trim).collect();
            let lines =
                item.to.lines().map(str::trim).filter(|line| !line.is_empty() && !before.contains(line));
            found.push(Overwritten {
                id: past.id.clone(),
                field: item.field.clone(),
                lines: lines.map(str::to_owned).collect(),
            });
        }
    }
    found
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
                "Someone changed the {field} of this ticket in the very moment in which disputebot wrote it, and \
                 disputebot's text took the place of theirs. {} The history of this ticket has it, too; whoever writes it \
                 again keeps it.",
                if lost.lines.is_empty() { "They had taken something away." } else { "They wrote:" }
            ))];
            let entries =
                lost.lines.iter().map(|line| vec![Block::Paragraph(vec![Inline::plain(line.clone())])]);
            let entries: Vec<Vec<Block>> = entries.collect();
            if !entries.is_empty() {
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
            ("11 summary".to_owned(), vec!["b".to_owned()]),
            ("11 description".to_owned(), vec!["mine".to_owned()]),
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
    fn what_people_overwrite_among_themselves_and_what_is_written_by_verbs_is_no_loss() {
        let one = past(11, false, &[("summary", "a", "b")]);
        let other = past(12, false, &[("summary", "b", "c")]);
        let ours = past(13, true, &[("summary", "c", "d")]);
        assert_eq!(found(&[one, other, ours]), [("12 summary".to_owned(), vec!["c".to_owned()])]);
        let labels = past(11, false, &[("labels", "a", "a b")]);
        assert_eq!(found(&[labels, past(12, true, &[("labels", "a b", "a b c")])]), []);
    }
}
