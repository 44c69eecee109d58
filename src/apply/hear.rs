//! What people did and ordered on the tickets since the last look, written down before anything is decided.
//!
//! An order is carried out in what is known and written down together with its comment having been read, what was
//! decided first: where that breaks off in the middle, the order is read again and decides the same under the same
//! id. It is answered once ([`plan::answer_topic`]).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::port::{Store, Tracker};
use crate::{
    cluster::{Attribute, Table},
    dispute::Text,
    group::{Group, GroupId, Status},
    jira::{JiraError, instant},
    plan::{
        self, Asked, BY_COMMENT, Category, Closed, Command, FIELDS, Heard, IGNORE_LABEL, Observed, PREFIX,
        Quiet, Ruling, RulingKind, Ticket, answer_topic, parse_command,
    },
    state::{Change, GroupRecord, Known},
    ticket::screen,
};

/// What is known of a ticket, and what Jira shows of it.
struct Seen<'a> {
    group: &'a Group,
    ticket: &'a Ticket,
    observed: &'a Observed,
}

/// What of a ticket was not taken in yet.
struct News {
    /// The last comment that was read.
    heard: u64,
    /// Whether there are comments after it.
    is_fresh: bool,
    /// Whether there may be, among those that Jira does not show at once.
    may_be_hidden: bool,
    handed_back: Vec<(String, String)>,
}

impl News {
    fn of(seen: &Seen<'_>) -> Self {
        let heard = seen.ticket.orders.as_ref().map_or(0, |orders| orders.heard);
        let Observed { comments, has_more_comments, updated, .. } = seen.observed;
        Self {
            heard,
            is_fresh: comments.iter().any(|comment| comment.id > heard),
            // Whoever writes a comment changes the issue, so that one that was not changed since has no new one.
            may_be_hidden: *has_more_comments && Some(updated) != seen.ticket.heard_as_of.as_deref(),
            handed_back: plan::handed_back(seen.ticket, seen.observed),
        }
    }

    fn are_there(&self) -> bool {
        self.is_fresh || self.may_be_hidden || !self.handed_back.is_empty()
    }
}

/// Ids of tickets on which people gave orders that were not taken in yet.
pub(super) fn ordered(
    records: &[GroupRecord],
    known: &Known,
    observed: &BTreeMap<String, Observed>,
) -> Vec<String> {
    let seen = seen(records, known, observed).filter(|seen| News::of(seen).are_there());
    seen.map(|seen| seen.observed.issue.id.clone()).collect()
}

/// Orders in comments that were not read yet. `permitted` are the ids and names of those who may give orders; `*` is
/// everybody.
pub(super) async fn orders(
    records: &[GroupRecord],
    tracker: &impl Tracker,
    store: &impl Store,
    observed: &BTreeMap<String, Observed>,
    permitted: &[String],
    table: Option<&Table>,
    now: Timestamp,
) -> Result<Vec<Change>, JiraError> {
    let mut changes = Vec::new();
    for seen in seen(records, store.known(), observed) {
        let news = News::of(&seen);
        if !news.are_there() {
            continue;
        }
        let whole = if news.may_be_hidden { Some(tracker.heard(&seen.observed.issue).await?) } else { None };
        let comments = whole.as_ref().unwrap_or(&seen.observed.comments);
        let fresh: Vec<&Heard> = comments.iter().filter(|comment| comment.id > news.heard).collect();
        let handed_back = news.handed_back;
        let last = fresh.iter().map(|comment| comment.id).max();
        let mut ticket = seen.ticket.clone();
        if whole.is_some() {
            let Observed { has_more_comments, updated, .. } = seen.observed;
            ticket.heard_as_of = has_more_comments.then(|| Box::new(updated.clone()));
        }
        let mut told = Vec::new();
        let before = (!handed_back.is_empty()).then(|| ticket.clone());
        for (field, _) in handed_back {
            if let Some(orders) = &mut ticket.orders {
                orders.released.remove(&field);
            }
            plan::take(&field, &mut ticket, seen.observed);
        }
        // When a label was put on is not shown, but that it was not there at the last run. One that cannot be taken off yet
        // hands back nothing more.
        if before.is_some_and(|before| before != ticket)
            && let Some(last) = store.known().runs.values().next_back()
        {
            give_back_since(&mut ticket, last.at);
        }
        for comment in &fresh {
            let Some(parsed) = parse_command(&comment.text) else { continue };
            let may = permitted.iter().any(|name| name == "*" || comment.author.contains(name));
            let stranger = format!("no-orders-of-{}", comment.author.first().map_or("", String::as_str));
            if !may && ticket.told.contains(&stranger) {
                continue;
            }
            // Found in Jira, so that what was answered is not known here.
            let topic = answer_topic(&comment.id.to_string());
            let is_answered =
                ticket.look_first && tracker.comment_on(&seen.observed.issue, &topic).await?.is_some();
            if !may {
                ticket.told.insert(stranger);
                if !is_answered {
                    let why = if permitted.is_empty() {
                        "nobody gives orders here, and this is said once; where several clients share a cause, their own \
                         tickets are the place for orders"
                    } else {
                        "only people whom `ticket.commanders` names give orders here, and this is said once"
                    };
                    let asked = failed(comment, why.to_owned());
                    ticket.orders.get_or_insert_default().asked.insert(comment.id.to_string(), asked);
                }
                continue;
            }
            if is_answered {
                // What was promised then holds on. About which disputes a split was ordered is not told any more, and is
                // found anew; the rest is shown by their tickets.
                let at = instant(&comment.created).unwrap_or(now);
                match &parsed {
                    Ok(
                        command @ (Command::Mute
                        | Command::Unmute
                        | Command::Snooze { .. }
                        | Command::Release { .. }),
                    ) => {
                        // A field that is not set any more needs no word.
                        drop(carry_out(
                            command,
                            comment.id,
                            &seen,
                            &mut ticket,
                            store.known(),
                            at,
                            &mut told,
                        ));
                    }
                    Ok(command @ Command::Split { .. }) => {
                        let is_later = |other: &&&Heard| {
                            other.id > comment.id
                                && matches!(parse_command(&other.text), Some(Ok(Command::Split { .. })))
                        };
                        let next = fresh.iter().find(is_later).and_then(|other| instant(&other.created));
                        let mut again = Vec::new();
                        let id = comment.id;
                        drop(carry_out(command, id, &seen, &mut ticket, store.known(), at, &mut again));
                        told.extend(again.into_iter().map(|ruling| Ruling {
                            members: once_together(seen.group, store.known(), at, next),
                            ..ruling
                        }));
                    }
                    // It was written then; what is there now is as Jira has it.
                    Ok(Command::Take { field }) => {
                        ticket.orders.get_or_insert_default().released.remove(field);
                    }
                    _ => {}
                }
                continue;
            }
            if let Ok(Command::Take { .. }) = &parsed {
                // What somebody wrote since it was ordered is given back, also what they wrote in the same moment.
                if let Some(before) = instant(&comment.created).and_then(|at| at.checked_sub(MOMENT).ok()) {
                    give_back_since(&mut ticket, before);
                }
            }
            let asked = match parsed {
                Ok(command) => heeded(&command, &seen, &ticket, observed, now)
                    .and_then(|()| parts(&command, &seen, store.known(), table))
                    .and_then(|()| {
                        carry_out(&command, comment.id, &seen, &mut ticket, store.known(), now, &mut told)
                    })
                    .map_or_else(|why| failed(comment, why), |()| Asked::Done(command)),
                Err(why) => failed(comment, why),
            };
            ticket.orders.get_or_insert_default().asked.insert(comment.id.to_string(), asked);
        }
        if let Some(last) = last {
            ticket.orders.get_or_insert_default().heard = last;
        }
        changes.extend(told.into_iter().map(|ruling| Change::Ruling { ruling }));
        // A label that could not be taken off yet hands back what is handed back already.
        if ticket != *seen.ticket {
            changes.push(Change::Ticket(ticket));
        }
    }
    Ok(changes)
}

/// An order that could not be carried out, with its own words, so that several can be told apart; not where these look
/// private.
fn failed(comment: &Heard, why: String) -> Asked {
    let order = plan::command_line(&comment.text).unwrap_or_default();
    match screen(&order).or_else(|| screen(&why)) {
        None => Asked::Failed { order, why },
        Some(find) => Asked::Failed {
            order: String::new(),
            why: format!("it holds something that looks like {}", find.kind),
        },
    }
}

fn seen<'a>(
    records: &'a [GroupRecord],
    known: &'a Known,
    observed: &'a BTreeMap<String, Observed>,
) -> impl Iterator<Item = Seen<'a>> {
    records.iter().filter_map(|record| {
        let ticket = known.tickets.get(&record.group.id)?;
        let observed = observed.get(&ticket.issue()?.id)?;
        Some(Seen { group: &record.group, ticket, observed })
    })
}

/// How exactly Jira tells times.
const MOMENT: SignedDuration = SignedDuration::from_millis(1);

/// Most parts into which an order splits a group: each is kept apart from each other one.
const MOST_PARTS: usize = 50;

/// Whether anything comes of an order: where a ticket is to be left alone, an answer that it is carried out would be wrong.
fn heeded(
    command: &Command,
    seen: &Seen<'_>,
    ticket: &Ticket,
    observed: &BTreeMap<String, Observed>,
    now: Timestamp,
) -> Result<(), String> {
    let has_label = |shown: &Observed, which: &str| {
        let why =
            format!("{which} has the label `{IGNORE_LABEL}`, so it is left alone; take the label off first");
        if shown.labels.contains(IGNORE_LABEL) { Err(why) } else { Ok(()) }
    };
    match command {
        Command::Status
        | Command::Explain
        | Command::Help
        | Command::Mute
        | Command::Snooze { .. }
        | Command::Release { .. } => return Ok(()),
        Command::Unmute => {}
        Command::Take { .. } | Command::Merge { .. } | Command::Split { .. } | Command::NotAGroup => {
            if ticket.wants_quiet(now) {
                return Err(format!("this ticket is muted or snoozed; order `{PREFIX} unmute` first"));
            }
        }
    }
    has_label(seen.observed, "this ticket")?;
    let Command::Merge { key } = command else { return Ok(()) };
    let other = observed.values().find(|other| other.issue.key.eq_ignore_ascii_case(key));
    other.map_or(Ok(()), |other| has_label(other, key))
}

/// Whether a group can be split as ordered: an answer that it will be would be wrong where nothing differs.
fn parts(command: &Command, seen: &Seen<'_>, known: &Known, table: Option<&Table>) -> Result<(), String> {
    let (Command::Split { attribute }, Some(table)) = (command, table) else { return Ok(()) };
    let Some(attribute) = Attribute::from_name(attribute) else { return Ok(()) };
    let members: BTreeSet<Text> = shown_members(seen.group, known).into_iter().collect();
    let rows = (0..table.len()).filter(|row| members.contains(table.id(*row)));
    let values: BTreeSet<Option<&Text>> = rows.map(|row| table.value(row, attribute)).collect();
    let (one, many) = attribute.label();
    match values.len() {
        0 | 1 => Err(format!("its disputes do not differ in {one}")),
        count if count > MOST_PARTS => {
            Err(format!("its disputes have {count} {many}; at most {MOST_PARTS} parts can be kept apart"))
        }
        _ => Ok(()),
    }
}

/// What people wrote on a ticket after a moment, and the next edit takes away, is to be given back.
fn give_back_since(ticket: &mut Ticket, moment: Timestamp) {
    let first = ticket.edited_as_of.as_deref().and_then(instant);
    if first.is_none_or(|first| moment < first) {
        ticket.edited_as_of = Some(moment.to_string().into());
    }
}

/// When a ticket that is to be left alone for some days is woken.
fn snoozed(at: Timestamp, days: i32) -> Timestamp {
    at.saturating_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}

/// Does what is ordered, as far as it is a matter of what is known.
fn carry_out(
    command: &Command,
    comment: u64,
    seen: &Seen<'_>,
    ticket: &mut Ticket,
    known: &Known,
    now: Timestamp,
    rulings: &mut Vec<Ruling>,
) -> Result<(), String> {
    let lives = || match seen.group.status {
        Status::Active => Ok(()),
        Status::Resolved { .. } | Status::Merged { .. } => Err("the group of this ticket is over".to_owned()),
    };
    let ruling = |kind: RulingKind, members: Vec<Text>| Ruling {
        id: format!("{BY_COMMENT}{comment}"),
        at: now,
        group: seen.group.id.clone(),
        key: seen.observed.issue.key.clone(),
        members,
        kind,
        lifted: false,
    };
    let orders = ticket.orders.get_or_insert_default();
    match command {
        Command::Status | Command::Explain | Command::Help => {}
        Command::Mute => orders.quiet = Some(Quiet::Muted),
        Command::Unmute => orders.quiet = None,
        Command::Snooze { days } => {
            orders.quiet = Some(Quiet::Until(snoozed(now, *days)));
        }
        Command::Release { field } => {
            is_field(field, ticket, seen)?;
            let orders = ticket.orders.get_or_insert_default();
            orders.taken.remove(field);
            orders.released.insert(field.clone());
        }
        Command::Take { field } => {
            lives()?;
            is_field(field, ticket, seen)?;
            ticket.orders.get_or_insert_default().released.remove(field);
            plan::take(field, ticket, seen.observed);
        }
        Command::Merge { key } => {
            lives()?;
            let other = partner(key, seen.group, known, now)?;
            let mut members = [shown_members(seen.group, known), other.members.clone()].concat();
            members.sort();
            members.dedup();
            rulings.push(ruling(RulingKind::Together { with: other.id.clone() }, members));
        }
        Command::Split { attribute } => {
            lives()?;
            let kind = RulingKind::Apart { attribute: attribute.clone() };
            rulings.push(ruling(kind, shown_members(seen.group, known)));
        }
        Command::NotAGroup => {
            lives()?;
            rulings.push(ruling(RulingKind::NotAGroup, shown_members(seen.group, known)));
        }
    }
    Ok(())
}

/// Disputes of a group that it had in the last run, and so on its ticket when people saw that: nobody decided about those
/// that joined since.
fn shown_members(group: &Group, known: &Known) -> Vec<Text> {
    let Some(before) = known.groups.get(&group.id) else { return group.members.clone() };
    let was_there = |member: &&Text| before.group.members.binary_search(*member).is_ok();
    group.members.iter().filter(was_there).cloned().collect()
}

/// Disputes that a group had when it was ordered to be split, as far as that can still be told: its own and those of the
/// groups that left it from then on, up to the next such order.
fn once_together(group: &Group, known: &Known, ordered: Timestamp, next: Option<Timestamp>) -> Vec<Text> {
    let is_part = |one: &Group| {
        one.id == group.id
            || one.split_from.as_ref() == Some(&group.id)
                && one.since >= ordered
                && next.is_none_or(|next| one.since < next)
    };
    let parts = known.groups.values().map(|record| &record.group).filter(|one| is_part(one));
    let members: BTreeSet<&Text> = parts.flat_map(|part| &part.members).collect();
    members.into_iter().cloned().collect()
}

fn is_field(field: &str, ticket: &Ticket, seen: &Seen<'_>) -> Result<(), String> {
    let own: BTreeSet<&str> = ticket
        .written
        .iter()
        .flat_map(|written| written.fields.names())
        .chain(seen.observed.fields.keys().map(String::as_str))
        .collect();
    if own.contains(field) || FIELDS.contains(&field) {
        return Ok(());
    }
    let all: Vec<&str> = FIELDS.into_iter().chain(own).collect();
    Err(format!("disputebot writes no field `{field}`; it writes {}", all.join(", ")))
}

/// The living group of another ticket, of the same client and program.
fn partner<'k>(key: &str, group: &Group, known: &'k Known, now: Timestamp) -> Result<&'k Group, String> {
    let of_key = |ticket: &&Ticket| ticket.issue().is_some_and(|issue| issue.key.eq_ignore_ascii_case(key));
    let ticket = known.tickets.values().find(of_key);
    let found = ticket.and_then(|ticket| Some((ticket, known.groups.get(&ticket.group)?)));
    let Some((ticket, GroupRecord { group: other, .. })) = found else {
        return Err(format!("{key} is not a ticket of disputebot's"));
    };
    if other.id == group.id {
        return Err(format!("{key} is this ticket"));
    }
    if (other.program, &other.client) != (group.program, &group.client) {
        return Err(format!("{key} is of another client or program"));
    }
    if other.status != Status::Active {
        return Err(format!("the group of {key} is over"));
    }
    if is_closed_by_person(&other.id, known) {
        return Err(format!("a person decided that {key} stays closed; reopen it first"));
    }
    if ticket.wants_quiet(now) {
        return Err(format!("{key} is muted or snoozed; order `{PREFIX} unmute` there first"));
    }
    Ok(other)
}

/// Id of the ruling that a link between two tickets makes.
fn duplicate_id(issue: &str, other: &GroupId) -> String {
    format!("duplicate-{issue}-{other}")
}

/// Whether the ticket of a group stays closed by what a person decided: what is open is not to end there.
fn is_closed_by_person(group: &GroupId, known: &Known) -> bool {
    known.rulings.values().any(|ruling| ruling.group == *group && ruling.is_quiet())
}

/// What closing, reopening and linking by people says about the disputes and their tickets.
pub(super) fn rulings(
    records: &[GroupRecord],
    known: &Known,
    observed: &BTreeMap<String, Observed>,
    now: Timestamp,
) -> Vec<Change> {
    let mut by_group: BTreeMap<&GroupId, Vec<&Ruling>> = BTreeMap::new();
    for ruling in known.rulings.values() {
        by_group.entry(&ruling.group).or_default().push(ruling);
    }
    let owner: BTreeMap<&str, &GroupId> = known
        .tickets
        .values()
        .filter_map(|ticket| Some((ticket.issue()?.id.as_str(), &ticket.group)))
        .collect();
    let mut changes = Vec::new();
    let observed_all = observed;
    for Seen { group, ticket, observed } in seen(records, known, observed) {
        let own = by_group.get(&group.id).map_or(&[][..], Vec::as_slice);
        let is_done = observed.category == Category::Done;
        // Whoever took the link away took back what it said.
        let unlinked = own.iter().filter(|ruling| !ruling.lifted).filter(|ruling| {
            let RulingKind::Together { with } = &ruling.kind else { return false };
            let is_of_link = ruling.id == duplicate_id(&observed.issue.id, with);
            let mut linked = observed.duplicate_of.iter().filter_map(|issue| owner.get(issue.id.as_str()));
            // A link to what is hidden is not shown either.
            let other = known.tickets.get(with).and_then(Ticket::issue);
            let is_shown = other.is_some_and(|other| observed_all.contains_key(&other.id));
            is_of_link && is_shown && !linked.any(|other| **other == *with)
        });
        changes.extend(unlinked.map(|ruling| {
            let ruling = Ruling { lifted: true, ..Ruling::clone(ruling) };
            Change::Ruling { ruling }
        }));
        if group.status != Status::Active {
            // Who closes what is settled decides nothing about disputes that may come.
            let is_settled = matches!(group.status, Status::Resolved { .. });
            let is_merged = !observed.duplicate_of.is_empty();
            let is_decided = is_merged || own.iter().any(|ruling| ruling.is_quiet());
            let by_others = is_done && ticket.closed == Closed::No;
            if by_others && is_settled && !is_decided {
                let closings = ticket.closings + 1;
                changes.push(Change::Ticket(Ticket { closed: Closed::Agreed, closings, ..ticket.clone() }));
            } else if by_others && !ticket.told.contains(plan::CLOSED_BY_OTHERS) {
                let mut ticket = Ticket::clone(ticket);
                ticket.told.insert(plan::CLOSED_BY_OTHERS.to_owned());
                changes.push(Change::Ticket(ticket));
            }
            continue;
        }
        if ticket.told.contains(plan::CLOSED_BY_OTHERS) {
            // It is about open disputes again.
            let mut ticket = Ticket::clone(ticket);
            ticket.told.remove(plan::CLOSED_BY_OTHERS);
            changes.push(Change::Ticket(ticket));
        }
        let standing = |kind: &RulingKind| own.iter().find(|ruling| !ruling.lifted && ruling.kind == *kind);
        let mut say = |id: String, members: Vec<Text>, kind: RulingKind| {
            if own.iter().all(|ruling| ruling.id != id) {
                let (group, key) = (group.id.clone(), observed.issue.key.clone());
                let ruling = Ruling { id, at: now, group, key, members, kind, lifted: false };
                changes.push(Change::Ruling { ruling });
            }
        };
        if !is_done || ticket.closed == Closed::No {
            // A link of ours says nothing of people.
            let is_theirs = |other: &&&GroupId| !ticket.told.contains(&format!("merged-{other}"));
            let mut others = observed.duplicate_of.iter().filter_map(|issue| owner.get(issue.id.as_str()));
            let other = others.find(is_theirs);
            let other = other.and_then(|other| known.groups.get(*other)).map(|record| &record.group);
            let fits = |other: &&Group| {
                other.id != group.id
                    && other.status == Status::Active
                    && (other.program, &other.client) == (group.program, &group.client)
                    && !is_closed_by_person(&other.id, known)
            };
            if let Some(other) = other.filter(fits) {
                let mut members = [shown_members(group, known), other.members.clone()].concat();
                members.sort();
                members.dedup();
                let id = duplicate_id(&observed.issue.id, &other.id);
                say(id, members, RulingKind::Together { with: other.id.clone() });
            } else if is_done && standing(&RulingKind::Closed).is_none() {
                let id = format!("closed-{}-{}", observed.issue.id, own.len());
                say(id, shown_members(group, known), RulingKind::Closed);
            }
        }
        if !is_done {
            let reopened = standing(&RulingKind::Closed)
                .or_else(|| standing(&RulingKind::NotAGroup).filter(|_| ticket.closed == Closed::ByUs));
            if let Some(ruling) = reopened {
                let ruling = Ruling { lifted: true, ..Ruling::clone(ruling) };
                changes.push(Change::Ruling { ruling });
            }
        }
    }
    changes
}
