//! The privacy gate over what a plan says beside the content of its tickets: every comment, when it is finished.
//!
//! The content of a ticket has passed it when it was made, a mark and a list leave out what may not be in them. A comment
//! repeats parts of the content, what people wrote in Jira and what an order asked for. One that looks private is held
//! with its topic; an answer is given all the same, without what it may not say.

use super::{
    Action, Hold, HoldReason, Issue, Observed, Quiet, Reason, Write,
    decide::{Input, Standing, paragraph},
    lost,
};
use crate::ticket::{Content, Typed, document, withheld};

/// A finished action as it may leave, or why it does not.
pub(super) fn gated(action: Action, input: &Input<'_>) -> Result<Action, Box<Hold>> {
    let (topic, body, issue) = match &action.write {
        Write::Comment { issue, topic, body } => (topic, body, Some(issue)),
        Write::Introduce { topic, body } => (topic, body, None),
        _ => return Ok(action),
    };
    let (place, text) = (format!("comment `{topic}`"), document::plain_text(body));
    let known = known(&action, input);
    let of_a_person = known.gate_answer(&place, &text);
    let refused = if action.reason == Reason::Asked || of_a_person.is_err() {
        of_a_person
    } else {
        // Days and numbers that people wrote on the ticket may be repeated there.
        known.gate(&place, &text, "").or_else(|refusal| {
            let words = issue.map(|issue| words_of_people(issue, input));
            words.map_or(Err(refusal), |words| known.gate(&place, &text, &words))
        })
    };
    let Err(refusal) = refused else { return Ok(action) };
    let Action { group, key, title, mut write, reason } = action;
    if reason == Reason::Asked
        && let Write::Comment { body, .. } = &mut write
    {
        *body = vec![paragraph(format!("There is an answer, but it is {}", withheld(refusal.kind)))];
        return Ok(Action { group, key, title, write, reason });
    }
    if let (Reason::Overwritten { .. }, Write::Comment { body, .. }) = (&reason, &mut write) {
        body.truncate(1);
        body.push(paragraph(format!("What is gone is not repeated here: it is {}", withheld(refusal.kind))));
        return Ok(Action { group, key, title, write, reason });
    }
    let reason = HoldReason::Private { what: refusal.to_string() };
    Err(Box::new(Hold { group, key, title, reason }))
}

/// What Jira shows of an issue.
fn words_of_people(issue: &Issue, input: &Input<'_>) -> String {
    let observed = input.observed.get(&issue.id);
    observed.map_or_else(String::new, |Observed { summary, description, fields, labels, .. }| {
        format!("{summary} {description} {fields:?} {labels:?} {}", lost::words(issue, input))
    })
}

/// The content that a group wants, where it may leave.
fn content(standing: &Standing) -> Option<&Content> {
    standing.content.as_ref()?.as_ref().ok()
}

/// What may stand in a comment on the ticket of a group.
fn known(action: &Action, input: &Input<'_>) -> Typed {
    let mut known = Typed::default();
    if let Some(content) = input.standing.get(&action.group).and_then(content) {
        let Content { summary, priority, due, fields, typed, .. } = content;
        known.join(typed);
        // These have passed the gate, or are the operator's own; a comment may say what would have been written.
        let words = fields.values().chain(priority).chain([summary]);
        words.for_each(|words| known.ours(words));
        if let Some(due) = due {
            known.ours(&due.to_string());
        }
    }
    let ticket = input.tickets.get(&action.group);
    let courses = [
        ticket.and_then(|ticket| ticket.written.as_ref()?.course.as_deref()),
        input.standing.get(&action.group).and_then(content).and_then(|content| content.course.as_ref()),
    ];
    for day in courses.into_iter().flatten().flat_map(|course| [course.first.day, course.last().day]) {
        known.ours(&day.to_string());
    }
    let orders = ticket.and_then(|ticket| ticket.orders.as_ref());
    if let Some(Quiet::Until(end)) = orders.and_then(|orders| orders.quiet.as_ref()) {
        known.ours(&end.strftime("%Y-%m-%d").to_string());
    }
    // A split is told to the parent by the headline of the child, which was looked at when it was made.
    if let (Reason::SplitFrom { .. }, Write::Comment { topic, .. }) = (&action.reason, &action.write) {
        let child = input.standing.iter().find(|(id, _)| topic.ends_with(id.as_str()));
        if let Some(content) = child.and_then(|(_, standing)| content(standing)) {
            known.join(&content.typed);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{group::GroupId, plan::Moment, ticket::Markup};

    /// What becomes of a comment, in words.
    fn said(reason: Reason, text: &str) -> Result<String, String> {
        let issue = Issue { id: "10000".to_owned(), key: "DISP-1".to_owned() };
        let body = vec![paragraph(text.to_owned())];
        became(reason, Write::Comment { issue, topic: "news".to_owned(), body })
    }

    fn became(reason: Reason, write: Write) -> Result<String, String> {
        let (group, title) = (GroupId::from_bits(7), String::new());
        let now = Moment { at: jiff::Timestamp::UNIX_EPOCH, boot: String::new(), up_ms: 0, there: None };
        let action = Action { group, key: None, title, write, reason };
        let (standing, tickets, observed, ways, overwritten) = Default::default();
        let elsewhere = std::collections::BTreeMap::new();
        let input = Input {
            now: &now,
            complete: true,
            groups: &[],
            standing: &standing,
            tickets: &tickets,
            observed: &observed,
            read: true,
            markup: Markup::Adf,
            site: "",
            project: "DISP",
            elsewhere: &elsewhere,
            strays: &[],
            doubt: None,
            ways: &ways,
            upload_limit: None,
            text_limit: 1_000,
            rulings: &[],
            overwritten: &overwritten,
        };
        match gated(action, &input) {
            Ok(Action { write: Write::Comment { body, .. } | Write::Introduce { body, .. }, .. }) => {
                Ok(document::plain_text(&body))
            }
            Ok(action) => panic!("{action:?}"),
            Err(hold) => Err(hold.reason.words()),
        }
    }

    #[test]
    fn a_comment_that_looks_private_is_held_with_its_topic_and_kind() {
        assert_eq!(said(Reason::Grew, "12 disputes came."), Ok("12 disputes came.\n".to_owned()));
        for (text, kind) in [
            ("about 123-45-6789", "a social security number"),
            ("of 1950-03-21", "a full date"),
            ("claim 123456789012", "a long number"),
        ] {
            assert_eq!(
                said(Reason::Grew, text),
                Err(format!("not sent: the comment `news` looks like it holds {kind}"))
            );
        }
    }

    #[test]
    fn what_was_overwritten_is_told_without_its_words_where_they_look_private() {
        let issue = Issue { id: "10000".to_owned(), key: "DISP-1".to_owned() };
        let body = ["Someone changed it.", "What is gone:", "about 123-45-6789"]
            .map(|text| paragraph(text.to_owned()))
            .to_vec();
        let comment = Write::Comment { issue, topic: "overwritten-1-summary".to_owned(), body };
        let said = became(Reason::Overwritten { field: "summary".to_owned() }, comment).unwrap();
        assert_eq!(
            said,
            "Someone changed it.\nWhat is gone is not repeated here: it is (withheld: it looks like it holds a social security number)\n"
        );
    }

    #[test]
    fn the_first_comment_of_a_ticket_that_is_yet_to_be_opened_is_looked_at_too() {
        let first = |text: &str| {
            let body = vec![paragraph(text.to_owned())];
            let from = GroupId::from_bits(8);
            became(Reason::SplitFrom { group: from }, Write::Introduce { topic: "split".to_owned(), body })
        };
        assert_eq!(first("Split from DISP-1."), Ok("Split from DISP-1.\n".to_owned()));
        assert_eq!(
            first("about 123-45-6789"),
            Err("not sent: the comment `split` looks like it holds a social security number".to_owned())
        );
    }

    #[test]
    fn a_person_gets_an_answer_that_repeats_their_days_and_nothing_of_a_patient() {
        let days = "This could not be done: `snooze 2026-12-24` has no length.";
        assert_eq!(said(Reason::Asked, days), Ok(format!("{days}\n")));
        assert_eq!(
            said(Reason::Asked, "This could not be done: there is no order `123-45-6789`."),
            Ok("There is an answer, but it is (withheld: it looks like it holds a social security number)\n"
                .to_owned())
        );
    }
}
