//! Fields of a ticket, three ways each: what was last written, what Jira shows, what is wanted. And the list of its
//! disputes, which is replaced as a whole.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use super::{
    Category, Change, Closed, HoldReason, Mark, Observed, Reason, Ticket, Write, Written,
    decide::{Planner, Standing, Unfit},
    theirs::{Theirs, handed_back, is_told},
};
use crate::{
    group::Group,
    ticket::{
        Content, LABEL, Markup, ROOM_FOR_DELIMITERS,
        block::{self, Located},
        document::{self, Block},
        length,
        list::{Attached, List},
        markup,
    },
};

impl Planner<'_> {
    /// Three-way per field: what we last wrote, what Jira shows, what is wanted.
    pub(super) fn update(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        content: &Content,
    ) {
        let key = Some(observed.issue.key.clone());
        let nothing = Written::default();
        let last = ticket.written.as_ref().unwrap_or(&nothing);
        let maybe = ticket.writing.as_deref().unwrap_or(last);
        // A field that shows what is wanted is ours, also where the answer to its last write was lost.
        let (mut before, mut written) = (last.clone(), last.clone());
        let mut changes = Vec::new();
        let mut theirs: Vec<Theirs<'_>> = Vec::new();
        let orders = ticket.orders.as_deref();
        let released = |field: &str| orders.is_some_and(|orders| orders.released.contains(field));
        let is_new = |name: &String| last.fields.get(name).or(maybe.fields.get(name)).is_none();
        let has_new =
            last.priority.is_none() && content.priority.is_some() || content.fields.keys().any(is_new);
        let is_touched = (has_new || !content.routed.is_empty())
            && self.is_touched(ticket, observed, content, (last, maybe));
        let is_taken = |field: &str| orders.is_some_and(|orders| orders.taken.contains(field));
        let is_left = |field: &str| is_touched && content.routed.contains(field) && !is_taken(field);
        // What a person wrote stays theirs also where disputebot comes to want the same: it may want something else later.
        // On a ticket that was bound or found again, and of which it does not know what it wrote, that counts as ours, and
        // so does what Jira gave a ticket by itself.
        let is_known = ticket.written.is_some();
        let adopts = |field: &str, is_as_written: bool| is_as_written || !is_known && !is_told(ticket, field);

        let is_as_written = observed.summary == last.summary || observed.summary == maybe.summary;
        if released("summary") {
            self.leave(group, standing, key.as_ref(), "summary");
        } else if observed.summary == content.summary {
            if adopts("summary", is_as_written) {
                written.summary.clone_from(&content.summary);
            }
        } else if is_as_written {
            before.summary.clone_from(&observed.summary);
            changes.push(Change::Summary { from: observed.summary.clone(), to: content.summary.clone() });
            written.summary.clone_from(&content.summary);
        } else {
            theirs.push(Theirs::text("summary", &content.summary));
        }

        match block::locate(&observed.description) {
            _ if released("description") => self.leave(group, standing, key.as_ref(), "description"),
            Located::Block { above, ours, below } => {
                let now = markup::digest(&ours);
                let ours_still = now == last.block || now == maybe.block;
                let ticks = markup::ticks(&ours);
                let none = BTreeMap::new();
                let done = if ours_still || !is_known { &ticks } else { &none };
                let block = markup::with_ticks(self.beside(content, &above, &below, done), &ticks);
                let wanted = self.input.markup.nodes(&block);
                let wanted_digest = markup::digest(&wanted);
                if now == wanted_digest {
                    if adopts("description", ours_still) {
                        written.block = wanted_digest;
                    }
                } else if ours_still {
                    before.block = now;
                    changes.push(Change::Description {
                        from: markup::plain_text(&ours),
                        to: document::plain_text(&block),
                        document: block::compose(self.input.markup, &group.id, &above, &wanted, &below),
                    });
                    written.block = wanted_digest;
                } else {
                    theirs.push(Theirs::block(&ours, &block));
                }
            }
            Located::Missing if orders.is_some_and(|orders| orders.taken.contains("description")) => {
                let (change, digest) = self.block_anew(group, observed, content);
                changes.push(change);
                written.block = digest;
            }
            Located::Missing => theirs.push(Theirs::without_block()),
        }

        if released("priority") {
            self.leave(group, standing, key.as_ref(), "priority");
        } else if let Some(priority) = &content.priority {
            let is_as_written = observed.priority == last.priority || observed.priority == maybe.priority;
            // Jira has one of its own where none is written, and so may have a person given it.
            let was_never_ours = last.priority.is_none() && maybe.priority.is_none();
            if observed.priority.as_ref() == Some(priority) {
                if adopts("priority", is_as_written) || was_never_ours && !is_touched {
                    written.priority = Some(priority.clone());
                }
            } else if was_never_ours && is_touched && !is_taken("priority") {
                self.leave(group, standing, key.as_ref(), "priority");
            } else if was_never_ours || is_as_written {
                if is_left("priority") {
                    self.leave_routed(group, standing, observed, "priority", priority);
                } else {
                    before.priority.clone_from(&observed.priority);
                    changes.push(Change::Priority { from: observed.priority.clone(), to: priority.clone() });
                    written.priority = Some(priority.clone());
                }
            } else {
                theirs.push(Theirs::text("priority", priority));
            }
        }
        let is_as_written = observed.due == last.due || observed.due == maybe.due;
        if released("due date") {
            self.leave(group, standing, key.as_ref(), "due date");
        } else if observed.due == content.due {
            if adopts("due date", is_as_written) {
                written.due = content.due;
            }
        } else if is_as_written {
            before.due = observed.due;
            changes.push(Change::Due { from: observed.due, to: content.due });
            written.due = content.due;
        } else {
            let wanted = content.due.map_or_else(String::new, |due| due.to_string());
            theirs.push(Theirs::text("due date", &wanted));
        }
        // A label that we wrote and that is gone was taken off by a person. The marks are put back once: the
        // search for tickets needs them, and whoever took them off may not have known.
        let restored = ticket.told.contains(MARK_RESTORED);
        let is_mark = |label: &String| *label == LABEL || *label == group.id.label();
        let add: Vec<String> = content
            .labels
            .iter()
            .filter(|label| !observed.labels.contains(*label))
            .filter(|label| !last.labels.contains(label) || (is_mark(label) && !restored))
            .cloned()
            .collect();
        let mut tells = Vec::new();
        if add.iter().any(|label| last.labels.contains(label)) {
            tells.push(MARK_RESTORED.to_owned());
        }
        let mut remove: Vec<String> =
            handed_back(ticket, observed).into_iter().map(|(_, label)| label).collect();
        remove.dedup();
        if !add.is_empty() || !remove.is_empty() {
            written.labels = written.labels.with(add.iter().cloned());
            changes.push(Change::Labels { add, remove });
        }

        for (name, wanted) in &content.fields {
            if self.params.fixed_fields.contains(name) {
                continue;
            }
            if released(name) {
                self.leave(group, standing, key.as_ref(), name);
                continue;
            }
            let shown = observed.fields.get(name).map_or("", String::as_str);
            let (wrote, maybe) = (last.fields.get(name), maybe.fields.get(name));
            let is_as_written = shown == wrote.unwrap_or_default() || Some(shown) == maybe;
            let was_never_ours = wrote.or(maybe).is_none();
            if shown == wanted {
                if adopts(name, is_as_written) || was_never_ours && !is_touched {
                    written.fields.set(name, wanted);
                }
            } else if is_as_written {
                if is_left(name) {
                    self.leave_routed(group, standing, observed, name, wanted);
                    continue;
                }
                before.fields.set(name, shown);
                changes.push(Change::Field {
                    name: name.clone(),
                    from: shown.to_owned(),
                    to: wanted.clone(),
                });
                written.fields.set(name, wanted);
            } else if !was_never_ours {
                theirs.push(Theirs::text(name, wanted));
            } else {
                // It had a value before disputebot knew of the field, so nobody changed anything.
                self.hold(group, standing, key.clone(), HoldReason::PersonChanged { field: name.clone() });
            }
        }

        self.tell_theirs(group, standing, ticket, observed, &theirs);
        let has_steps = changes.iter().any(|change| matches!(change, Change::Description { .. }));
        let new_cause = Self::new_cause(ticket, content, has_steps);
        // What is held back is said when the ticket may speak again.
        let is_unsaid = new_cause
            .as_ref()
            .is_some_and(|(topic, _)| !ticket.saying.contains_key(topic) && self.is_spent(Some(ticket)));
        if let Some((topic, body)) = new_cause {
            self.comment(group, standing, observed, topic, &body, Reason::CauseChanged);
        }
        let growth = self.growth(ticket, content);
        if changes.is_empty() {
            // Where every field is a person's, growth is still worth a word.
            if let Ok((topic, body)) = growth {
                self.comment(group, standing, observed, topic, &body, Reason::Grew);
            }
        } else {
            written.course = content.course.clone().map(Box::new);
            written.cause = cause_of(content).filter(|_| !is_unsaid).or_else(|| last.cause.clone());
            let unsaid = growth.as_ref().err().copied();
            let (joined, left) = standing.moved;
            let mark = Some(Box::new(Mark::of(group, content.grain).with(&written)));
            let write = Write::Update {
                issue: observed.issue.clone(),
                changes,
                before,
                written,
                mark,
                tells,
                unsaid,
            };
            self.act(group, standing, observed, write, Reason::Changed { joined, left });
            if let Ok((topic, body)) = growth {
                self.comment(group, standing, observed, topic, &body, Reason::Grew);
            }
        }
    }

    /// A field that a person ordered to be left to people.
    fn leave(&mut self, group: &Group, standing: &Standing, key: Option<&String>, field: &str) {
        self.hold(group, standing, key.cloned(), HoldReason::PersonChanged { field: field.to_owned() });
    }

    /// Our block below what a person made of the description, where the old one is gone.
    fn block_anew(&self, group: &Group, observed: &Observed, content: &Content) -> (Change, String) {
        let above = above_of(&observed.description);
        let block = self.beside(content, &above, &[], &BTreeMap::new());
        let nodes = self.input.markup.nodes(&block);
        let change = Change::Description {
            from: String::new(),
            to: document::plain_text(&block),
            document: block::compose(self.input.markup, &group.id, &above, &nodes, &[]),
        };
        (change, markup::digest(&nodes))
    }

    /// Our block with what people ticked and nobody asks for any more, shortened where people's words around it leave less
    /// room.
    fn beside<'c>(
        &self,
        content: &'c Content,
        above: &[Value],
        below: &[Value],
        ticks: &BTreeMap<String, bool>,
    ) -> Cow<'c, [Block]> {
        let block = markup::with_done(Cow::Borrowed(&content.block), ticks);
        let is_alone = above.is_empty() && below.is_empty();
        if is_alone && matches!(block, Cow::Borrowed(_)) {
            return block;
        }
        let markup = self.input.markup;
        let theirs = if is_alone { 0 } else { markup::length(&markup.document([above, below].concat())) };
        let room = self.input.text_limit.saturating_sub(theirs + ROOM_FOR_DELIMITERS);
        let elsewhere = if content.list.is_some() { " in the attached list" } else { "" };
        Cow::Owned(length::within(&block, room, elsewhere))
    }

    /// The list as it is attached: within what Jira takes, none where it takes none.
    pub(super) fn list_within(&self, content: &Content) -> Option<List> {
        let list = content.list.as_ref()?;
        let list = self.input.upload_limit.map_or_else(|| list.clone(), |limit| list.within(limit));
        (list.rows > 0).then_some(list)
    }

    /// The list of this run is attached and takes the place of older ones. One that a person removed is not
    /// attached again.
    pub(super) fn attach(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: &Observed,
        content: &Content,
    ) {
        let Some(list) = self.list_within(content) else { return };
        let topic = list_topic(&list.name);
        let (current, older): (Vec<&Attached>, Vec<&Attached>) =
            observed.lists.iter().partition(|attached| attached.name == list.name);
        let reason = Reason::Changed { joined: standing.moved.0, left: standing.moved.1 };
        let by = list.name.clone();
        if current.is_empty() && !ticket.told.contains(&topic) {
            if let Some(sent) = ticket.saying.get(&topic)
                && self.input.now.since_for_certain(sent).is_some_and(|passed| passed < self.params.settle)
            {
                let key = Some(observed.issue.key.clone());
                return self.hold(group, standing, key, self.unknown(sent));
            }
            self.act(group, standing, observed, Write::Attach { list }, reason.clone());
        }
        // One that came twice, because its first answer was lost for very long, is there once too often.
        let older: Vec<Attached> = older.into_iter().chain(current.into_iter().skip(1)).cloned().collect();
        for list in older.into_iter().filter(|list| !ticket.told.contains(&kept_topic(list))) {
            let write = Write::Detach { issue: observed.issue.clone(), list, by: by.clone() };
            self.act(group, standing, observed, write, reason.clone());
        }
    }

    /// Cells that are not in the list are told of, until the source is mended.
    pub(super) fn withheld(
        &mut self,
        group: &Group,
        standing: &Standing,
        key: Option<&String>,
        content: &Content,
    ) {
        for cells in content.list.iter().flat_map(|list| &list.withheld) {
            self.hold(group, standing, key.cloned(), HoldReason::Private { what: cells.to_string() });
        }
    }

    pub(super) fn unfit(&mut self, group: &Group, standing: &Standing, key: Option<&str>) {
        for Unfit { what, demanded: _ } in &standing.unfit {
            self.hold(group, standing, key.map(str::to_owned), HoldReason::Unfit { what: what.clone() });
        }
    }
}

/// Whether a ticket still shows what some changes were made from. Jira has no write on a condition, so what a person
/// writes between the look that a plan was made from and the write would be lost: a run may take an hour.
pub fn is_still(changes: &[Change], before: &Written, observed: &Observed) -> bool {
    changes.iter().all(|change| match change {
        Change::Summary { from, .. } => *from == observed.summary,
        Change::Priority { from, .. } => *from == observed.priority,
        Change::Due { from, .. } => *from == observed.due,
        Change::Field { name, from, .. } => *from == observed.fields.get(name).map_or("", String::as_str),
        // Added by a verb, whatever else is there.
        Change::Labels { .. } => true,
        Change::Description { document, .. } => {
            let Located::Block { above, ours: wanted, below } = block::locate(document) else {
                return false;
            };
            match block::locate(&observed.description) {
                Located::Block { above: now_above, ours, below: now_below } => {
                    same(&now_above, &above)
                        && same(&now_below, &below)
                        && markup::digest(&ours) == before.block
                        && keeps_ticks(&wanted, &ours)
                }
                Located::Missing => same(&above_of(&observed.description), &above) && below.is_empty(),
            }
        }
    })
}

/// Whether a ticket shows what some changes write: they were made, though their answer was lost.
pub fn is_written(changes: &[Change], written: &Written, observed: &Observed) -> bool {
    changes.iter().all(|change| match change {
        Change::Summary { to, .. } => *to == observed.summary,
        Change::Priority { to, .. } => Some(to) == observed.priority.as_ref(),
        Change::Due { to, .. } => *to == observed.due,
        Change::Field { name, to, .. } => *to == observed.fields.get(name).map_or("", String::as_str),
        Change::Labels { add, remove } => {
            add.iter().all(|label| observed.labels.contains(label))
                && !remove.iter().any(|label| observed.labels.contains(label))
        }
        Change::Description { .. } => match block::locate(&observed.description) {
            Located::Block { ours, .. } => markup::digest(&ours) == written.block,
            Located::Missing => false,
        },
    })
}

/// A ticket after a write whose answer was lost, once it shows what was written; none where nothing is open.
pub fn settled(ticket: &Ticket, observed: &Observed) -> Option<Ticket> {
    let last = ticket.written.clone().unwrap_or_default();
    let was_edited = ticket.writing.as_deref().is_some_and(|writing| shows(writing, &last, observed));
    let was_closed = ticket.closed == Closed::Intended && observed.category == Category::Done;
    if !was_edited && !was_closed {
        return None;
    }
    let mut ticket = ticket.clone();
    if was_edited {
        ticket.written = ticket.writing.take().map(|writing| *writing);
    }
    if was_closed {
        ticket.closed = Closed::ByUs;
        ticket.closings += 1;
        ticket.not_closing();
    }
    Some(ticket)
}

/// Whether a ticket shows all that differs from what was last written, and something does.
fn shows(writing: &Written, last: &Written, observed: &Observed) -> bool {
    let is_block = || match block::locate(&observed.description) {
        Located::Block { ours, .. } => markup::digest(&ours) == writing.block,
        Located::Missing => false,
    };
    let field = |name: &str| {
        observed.fields.get(name).map_or("", String::as_str) == writing.fields.get(name).unwrap_or("")
    };
    let mut fields =
        writing.fields.names().filter(|name| writing.fields.get(name) != last.fields.get(name)).peekable();
    let has_fields = fields.peek().is_some();
    let differs = [
        (writing.summary != last.summary, writing.summary == observed.summary),
        (writing.block != last.block, writing.block == last.block || is_block()),
        (writing.priority != last.priority, writing.priority == observed.priority),
        (writing.due != last.due, writing.due == observed.due),
        (has_fields, fields.all(field)),
        (writing.labels != last.labels, writing.labels.iter().all(|label| observed.labels.contains(label))),
    ];
    differs.iter().any(|(differs, _)| *differs) && differs.iter().all(|(differs, shown)| !differs || *shown)
}

/// Whether what is written has the ticks that are shown: one more may have come since it was put together.
fn keeps_ticks(wanted: &[Value], shown: &[Value]) -> bool {
    let (wanted, shown) = (markup::ticks(wanted), markup::ticks(shown));
    wanted.iter().all(|(task, done)| shown.get(task).is_none_or(|shown| shown == done))
        && shown.iter().all(|(task, done)| !done || wanted.contains_key(task))
}

/// Whether people's words are the same; Data Center keeps lines by other ends than they were sent with.
fn same(one: &[Value], other: &[Value]) -> bool {
    let lines = |value: &Value| value.as_str().map(|text| text.replace("\r\n", "\n").trim_end().to_owned());
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| one == other || lines(one).is_some_and(|text| lines(other) == Some(text)))
}

/// What a person made of a description, to stand above our block anew.
fn above_of(description: &Value) -> Vec<Value> {
    match description {
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![Value::String(format!("{}\n\n", text.trim_end()))],
        document => document["content"].as_array().cloned().unwrap_or_default(),
    }
}

/// Field values as a new ticket is written.
pub fn written(content: &Content, markup: Markup) -> Written {
    Written {
        summary: content.summary.clone(),
        block: markup::digest(&markup.nodes(&content.block)),
        priority: content.priority.clone(),
        due: content.due,
        labels: content.labels.iter().cloned().collect(),
        fields: content.fields.clone().into_iter().filter(|(_, text)| !text.is_empty()).collect(),
        course: content.course.clone().map(Box::new),
        cause: cause_of(content),
    }
}

fn cause_of(content: &Content) -> Option<Box<str>> {
    Some(&*content.cause).filter(|cause| !cause.is_empty()).map(Box::from)
}

/// Topic of attaching a list.
pub fn list_topic(name: &str) -> String {
    format!("list-{name}")
}

/// Topic of a list that may not be removed.
pub fn kept_topic(list: &Attached) -> String {
    format!("kept-{}", list.id)
}

/// Topic of putting back the labels that mark a ticket.
const MARK_RESTORED: &str = "mark-restored";
