//! The privacy gate over what a plan says beside the content of its tickets: every comment, when it is finished.
//!
//! The content of a ticket has passed it when it was made, a mark and a list leave out what may not be in them. A comment
//! repeats parts of the content, what people wrote in Jira and what an order asked for. One that looks private is held
//! with its topic; an answer is given all the same, without what it may not say.

use super::{
    Action, Hold, HoldReason, Quiet, Reason, Write,
    decide::{Input, Standing, paragraph},
};
use crate::ticket::{Content, Typed, document, withheld};

/// A finished action as it may leave, or why it does not.
pub(super) fn gated(action: Action, input: &Input<'_>) -> Result<Action, Box<Hold>> {
    let Write::Comment { topic, body, .. } = &action.write else { return Ok(action) };
    let (place, text) = (format!("comment `{topic}`"), document::plain_text(body));
    let known = known(&action, input);
    let refused = if action.reason == Reason::Asked {
        known.gate_answer(&place, &text)
    } else {
        known.gate(&place, &text, "")
    };
    let Err(refusal) = refused else { return Ok(action) };
    let Action { group, key, title, mut write, reason } = action;
    match (&mut write, &reason) {
        (Write::Comment { body, .. }, Reason::Asked) => {
            *body = vec![paragraph(format!("There is an answer, but it is {}", withheld(refusal.kind)))];
            Ok(Action { group, key, title, write, reason })
        }
        _ => {
            let reason = HoldReason::Private { what: refusal.to_string() };
            Err(Box::new(Hold { group, key, title, reason }))
        }
    }
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
    let orders = input.tickets.get(&action.group).and_then(|ticket| ticket.orders.as_ref());
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
