//! Writes of one kind to different tickets, several at a time: a run of thousands would otherwise take as many times
//! the way to Jira and back.
//!
//! Nothing of the protocol changes. All of them are recorded and synced before the first one is sent, each is sent
//! once, and all results are recorded before anything else is. One write comes first, then two, then four: where Jira
//! refuses all of them, only a few were tried, and after a failure it begins with one again.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    pin::Pin,
    slice,
    task::{Context, Poll},
};

use super::{
    Applier, BUSY, Clock, Failure, LOOKS, SEND_WITHIN, Sent, Store, Tracker, claim::unsettled, pause, within,
};
use crate::{
    group::GroupId,
    jira::{Cause, Outcome},
    plan::{self, Action, Issue, Link, Observed, Ticket, Write},
    state::{Change, Known, StateError},
    ticket::list::List,
};

/// What became of some writes, in their order: their issues, or why there are none.
pub(super) type All = Result<Vec<Result<Issue, Failure>>, StateError>;

/// How many writes the next batch has at most.
#[derive(Debug)]
pub(super) struct Width {
    now: usize,
    most: usize,
}

impl Width {
    pub(super) fn new(most: usize) -> Self {
        Self { now: 1, most: most.max(1) }
    }

    /// The first of some actions that can be sent together; at least one. New tickets are of one project.
    pub(super) fn batch<'s, 'a>(&self, actions: &'s [&'a Action], known: &Known) -> &'s [&'a Action] {
        let mut groups = BTreeSet::new();
        let fits = |action: &&&'a Action| {
            let can = match &action.write {
                Write::Create { .. } => {
                    let link = known.tickets.get(&action.group).map(|ticket| &ticket.link);
                    link.is_none_or(|link| matches!(link, Link::Ready { .. } | Link::Parked { .. }))
                }
                Write::Update { .. } | Write::Attach { .. } | Write::Detach { .. } => true,
                _ => false,
            };
            let is_like_first = action.write.kind() == actions[0].write.kind()
                && action.write.opens_in() == actions[0].write.opens_in();
            can && is_like_first && groups.insert(&action.group)
        };
        let count = actions.iter().take(self.now).take_while(fits).count();
        &actions[..count.max(1)]
    }

    pub(super) fn learn(&mut self, all_done: bool) {
        self.now = if all_done { (self.now * 2).min(self.most) } else { 1 };
    }
}

/// Some actions in an order in which those of a kind stand together: first what each group needs first, then what each
/// needs next. New tickets come before all else, which may be about them; those of one group keep their order.
pub(super) fn side_by_side(actions: &[Action]) -> Vec<&Action> {
    let mut seen: BTreeMap<&GroupId, usize> = BTreeMap::new();
    let mut layered: Vec<_> = actions
        .iter()
        .map(|action| {
            let layer = seen.entry(&action.group).or_default();
            *layer += 1;
            (!matches!(action.write, Write::Create { .. }), *layer, action)
        })
        .collect();
    layered.sort_by_key(|(is_later, layer, action)| (*is_later, *layer, action.write.kind()));
    layered.into_iter().map(|(_, _, action)| action).collect()
}

/// A list that is about to be attached.
struct Attach<'a> {
    ticket: Ticket,
    issue: Issue,
    list: &'a List,
}

/// A create that is about to be sent.
struct Create<'a> {
    ticket: Ticket,
    attempts: u32,
    write: (&'a crate::ticket::Content, &'a plan::Mark),
}

impl<T: Tracker, S: Store, C: Clock> Applier<'_, T, S, C> {
    /// A batch, sent when Jira's limits have room for it; what became of the first ones, at least of one. What the
    /// limits refuse is provably not done, so it is sent again.
    pub(super) async fn in_time(&mut self, batch: &[&Action]) -> All {
        if let Some(failure) = self.breaker.stops(&batch[0].write) {
            return Ok(vec![Err(failure)]);
        }
        let batch = if self.breaker.is_wary(&batch[0].write) { &batch[..1] } else { batch };
        if let Err(failure) = self.room(batch[0]).await? {
            return Ok(vec![Err(failure)]);
        }
        let mut sent = self.send(batch).await?;
        for (action, result) in batch.iter().zip(&mut sent) {
            // The client has sent the others again already; an edit only after another look.
            let is_sent_once = matches!(
                action.write,
                Write::Create { .. }
                    | Write::Comment { .. }
                    | Write::Introduce { .. }
                    | Write::Transition { .. }
                    | Write::Attach { .. }
                    | Write::Update { .. }
            );
            let is_busy = |result: &Result<Issue, Failure>| matches!(result, Err(Failure::Jira(error)) if is_sent_once && error.is_busy());
            let mut refused = 0;
            while is_busy(result) && refused < BUSY {
                refused += 1;
                *result = match self.room(action).await? {
                    Ok(()) => self.send(slice::from_ref(action)).await?.swap_remove(0),
                    Err(failure) => Err(failure),
                };
            }
            // Another write came first, or the answer was lost: what is there now decides whether it is sent again.
            let is_lost = |result: &Result<Issue, Failure>| matches!(result, Err(Failure::Jira(error)) if error.is_retryable() && !error.is_busy() && !error.is_fatal());
            let mut looked = 0;
            while matches!(action.write, Write::Update { .. }) && is_lost(result) && looked < LOOKS {
                looked += 1;
                *result = self.send(slice::from_ref(action)).await?.swap_remove(0);
            }
            self.breaker.learn(&action.write, result);
        }
        pause::note(self.tracker, self.store, self.clock)?;
        Ok(sent)
    }

    /// Waits until Jira's limits have room for a write. Nothing of it is recorded yet, so it may take its time.
    async fn room(&mut self, action: &Action) -> Result<Result<(), Failure>, StateError> {
        pause::note(self.tracker, self.store, self.clock)?;
        let issue = match &action.write {
            Write::Create { .. } | Write::Link { .. } => None,
            Write::Attach { .. } | Write::Watch { .. } | Write::Introduce { .. } => {
                self.store.known().ticket(&action.group).issue().cloned()
            }
            Write::Update { issue, .. }
            | Write::Comment { issue, .. }
            | Write::Transition { issue, .. }
            | Write::Detach { issue, .. }
            | Write::Unlabel { issue, .. }
            | Write::LinkDuplicate { issue, .. } => Some(issue.clone()),
        };
        tokio::select! {
            biased;
            room = self.tracker.make_room(issue.as_ref()) => Ok(room.map_err(Failure::from)),
            // Nothing was sent, so nothing needs time to finish.
            () = self.stop.cancelled() => Ok(Err(Failure::Stopped)),
        }
    }

    async fn send(&mut self, batch: &[&Action]) -> All {
        match &batch[0].write {
            Write::Create { .. } => self.creates(batch).await,
            Write::Update { .. } => self.updates(batch).await,
            Write::Attach { .. } => self.attaches(batch).await,
            Write::Detach { .. } => self.detaches(batch).await,
            _ => Ok(vec![self.one(batch[0]).await?]),
        }
    }

    async fn creates(&mut self, batch: &[&Action]) -> All {
        let mut creates: Vec<Create<'_>> = Vec::new();
        for action in batch {
            let Write::Create { content, mark } = &action.write else { break };
            let ticket = self.store.known().ticket(&action.group);
            let settled = match &ticket.link {
                Link::Ready { attempts } | Link::Parked { attempts, .. } => {
                    creates.push(Create { attempts: attempts + 1, ticket, write: (content, mark) });
                    continue;
                }
                Link::Bound { issue } => Ok(issue.clone()),
                Link::Intent { .. } | Link::Unknown { .. } | Link::Held { .. } => Err(Failure::Unsettled),
            };
            if creates.is_empty() {
                return Ok(vec![settled]);
            }
            break;
        }
        let home = self.tracker.home().project;
        let project = batch[0].write.opens_in().unwrap_or(&home);
        let elsewhere = (project != home).then(|| Box::from(project));
        let highest_number = match self.highest_numbers.get(project) {
            Some(number) => *number,
            None => match within(self.stop, self.open_for_creates(project)).await {
                Some(Ok(Ok(number))) => number,
                Some(Ok(Err(failure))) => return Ok(vec![Err(failure)]),
                Some(Err(error)) => return Err(error),
                None => return Ok(vec![Err(Failure::Stopped)]),
            },
        };
        self.highest_numbers.insert(project.to_owned(), highest_number);
        if let Err(failure) = self.still_ours().await? {
            return Ok(vec![Err(failure)]);
        }
        let sent = self.clock.moment();
        for Create { ticket, attempts, write: (content, _) } in &mut creates {
            let (attempts, project, sent) = (*attempts, elsewhere.clone(), sent.clone());
            ticket.link = Link::Intent { attempts, project, highest_number, sent };
            ticket.writing = Some(Box::new(plan::written(content, self.tracker.markup())));
        }
        self.record_all(creates.iter().map(|create| &create.ticket))?;
        if self.clock.moment().since(&sent).is_none_or(|passed| passed > SEND_WITHIN) {
            for Create { ticket, attempts, .. } in &mut creates {
                ticket.link = Link::Ready { attempts: *attempts };
                ticket.writing = None;
            }
            self.record_all(creates.iter().map(|create| &create.ticket))?;
            return Ok(creates.iter().map(|_| Err(Failure::HeldUp)).collect());
        }
        let (tracker, stop) = (self.tracker, self.stop);
        let calls = creates.iter().map(|create| within(stop, tracker.create(create.write.0, create.write.1)));
        let outcomes = all(calls.collect()).await;
        let mut results = Vec::with_capacity(creates.len());
        for (create, outcome) in creates.iter_mut().zip(outcomes) {
            results.push(self.created(create, outcome, (elsewhere.as_deref(), highest_number))?);
        }
        let recorded = self.record_all(creates.iter().map(|create| &create.ticket));
        for Create { ticket, .. } in creates.iter().filter(|_| recorded.is_err()) {
            if let Some(Issue { key, .. }) = ticket.issue() {
                let group = ticket.group.label();
                tracing::error!(
                    key,
                    group,
                    "this ticket was opened and cannot be noted; the next run looks for it"
                );
            }
        }
        recorded?;
        self.note_given(creates, project).await?;
        Ok(results)
    }

    /// Notes whom Jira gave new tickets to by itself, unless a rule of routing says who has them: that is nobody's decision.
    /// Where rules of routing will ask for it each is looked at; else the first of a run speaks for all, since it is the
    /// project that gives them away. Where it cannot be seen now, whoever has one later counts as having taken it.
    async fn note_given(&mut self, creates: Vec<Create<'_>>, project: &str) -> Result<(), StateError> {
        let is_ours = |create: &Create<'_>| create.write.0.fields.contains_key(plan::ASSIGNEE);
        let fresh = creates.into_iter().filter(|create| !is_ours(create) && create.ticket.issue().is_some());
        let (routed, plain): (Vec<_>, Vec<_>) = fresh.partition(|create| !create.write.0.routed.is_empty());
        let tickets = |creates: Vec<Create<'_>>| creates.into_iter().map(|create| create.ticket).collect();
        let (routed, plain): (Vec<Ticket>, Vec<Ticket>) = (tickets(routed), tickets(plain));
        let example = plain.first().filter(|_| !self.givers.contains_key(project)).cloned();
        let looked_at = routed.iter().chain(&example).filter_map(Ticket::issue);
        let ids: Vec<String> = looked_at.map(|issue| issue.id.clone()).collect();
        let seen = if ids.is_empty() {
            BTreeMap::new()
        } else {
            let Some(Ok(seen)) = within(self.stop, self.tracker.read(&ids)).await else { return Ok(()) };
            seen
        };
        let given_to = |ticket: &Ticket| {
            let shown = seen.get(&ticket.issue()?.id)?;
            Some(shown.assignee.as_deref().map(Box::from))
        };
        if let Some(given) = example.as_ref().and_then(given_to) {
            self.givers.insert(project.to_owned(), given);
        }
        let note = |ticket: &mut Ticket, given: Option<Box<str>>| {
            ticket.unassigned = given.is_none();
            ticket.given = given.map(Box::new);
        };
        let mut noted: Vec<Ticket> = Vec::new();
        for mut ticket in routed {
            if let Some(given) = given_to(&ticket) {
                note(&mut ticket, given);
                noted.push(ticket);
            }
        }
        if let Some(given) = self.givers.get(project) {
            for mut ticket in plain {
                note(&mut ticket, given.clone());
                noted.push(ticket);
            }
        }
        self.record_all(noted.iter())
    }

    /// What the answer to a create means for its ticket.
    fn created(
        &mut self,
        create: &mut Create<'_>,
        outcome: Option<Outcome<Issue>>,
        (elsewhere, highest_number): (Option<&str>, u64),
    ) -> Sent {
        let Create { ticket, attempts, .. } = create;
        // This machine may have slept before it was sent: it was by now, and from now on it is waited for.
        let (attempts, project, sent) = (*attempts, elsewhere.map(Box::from), self.clock.moment());
        let (link, failure) = match outcome {
            Some(Outcome::Done(issue)) => {
                // A key of another project, where Jira made it there, says nothing of this one.
                if let Some((project, number)) = issue.key.rsplit_once('-')
                    && let Ok(number) = number.parse::<u64>()
                    && let Some(highest) = self.highest_numbers.get_mut(project)
                {
                    *highest = number.max(*highest);
                }
                ticket.link = Link::Bound { issue: issue.clone() };
                ticket.written = ticket.writing.take().map(|writing| *writing);
                return Ok(Ok(issue));
            }
            Some(Outcome::NotDone(error)) => (Link::Ready { attempts }, error.into()),
            Some(Outcome::Refused(error)) => {
                self.learn(&error)?;
                (Link::Parked { attempts, reason: error.to_string() }, error.into())
            }
            Some(Outcome::Unknown(error)) => {
                (Link::Unknown { attempts, project, highest_number, sent, fence: None }, error.into())
            }
            None => {
                (Link::Unknown { attempts, project, highest_number, sent, fence: None }, Failure::Stopped)
            }
        };
        if !matches!(link, Link::Unknown { .. }) {
            ticket.writing = None;
        }
        ticket.link = link;
        Ok(Err(failure))
    }

    async fn updates(&mut self, batch: &[&Action]) -> All {
        let seen = match self.seen_now(batch).await {
            Ok(seen) => seen,
            Err(failure) => return Ok(vec![Err(failure)]),
        };
        let mut edits = Vec::new();
        for action in batch {
            let Write::Update { issue, changes, before, written, mark, tells, unsaid: _ } = &action.write
            else {
                break;
            };
            let shown = seen.get(&issue.id);
            let mut ticket = self.store.known().ticket(&action.group);
            if edits.is_empty()
                && ticket.writing.as_deref() == Some(written)
                && shown.is_some_and(|observed| plan::is_written(changes, written, observed))
            {
                edited(&mut ticket, issue, changes, tells);
                self.record_all([&ticket].into_iter())?;
                return Ok(vec![Ok(issue.clone())]);
            }
            if !shown.is_some_and(|observed| plan::is_still(changes, before, observed)) {
                if edits.is_empty() {
                    return Ok(vec![Err(Failure::ChangedMeanwhile)]);
                }
                break;
            }
            // An earlier edit got no answer and may come after this one.
            if ticket.writing.is_some() && ticket.untold_since.is_none() {
                ticket.untold_since = Some(Box::new(self.clock.moment()));
            }
            ticket.written = Some(before.clone());
            ticket.writing = Some(Box::new(written.clone()));
            // Of several edits before their history was looked at, the first look counts.
            if ticket.edited_as_of.is_none() {
                ticket.edited_as_of = shown.map(|observed| observed.updated.clone());
            }
            edits.push((ticket, issue, changes, mark, tells));
        }
        self.record_all(edits.iter().map(|(ticket, ..)| ticket))?;
        let (tracker, stop) = (self.tracker, self.stop);
        let calls = edits
            .iter()
            .map(|(_, issue, changes, mark, _)| within(stop, tracker.edit(issue, changes, mark.as_deref())));
        let answers = all(calls.collect()).await;
        let (mut results, mut told) = (Vec::with_capacity(edits.len()), Vec::new());
        for ((mut ticket, issue, changes, _, tells), answer) in edits.into_iter().zip(answers) {
            results.push(match answer {
                Some(Ok(())) => {
                    edited(&mut ticket, issue, changes, tells);
                    told.push(ticket);
                    Ok(issue.clone())
                }
                Some(Err(error)) => {
                    if error.is_unexecuted() {
                        self.learn(&error)?;
                        ticket.writing = None;
                        told.push(ticket);
                    }
                    Err(error.into())
                }
                None => Err(Failure::Stopped),
            });
        }
        self.record_all(told.iter())?;
        Ok(results)
    }

    /// Lists are sent as comments are: recorded, sent once, and where an answer was lost, looked for before it is sent again.
    async fn attaches(&mut self, batch: &[&Action]) -> All {
        let mut attaches: Vec<Attach<'_>> = Vec::new();
        for action in batch {
            let Write::Attach { list } = &action.write else { break };
            let mut ticket = self.store.known().ticket(&action.group);
            let Some(issue) = ticket.issue().cloned() else {
                if attaches.is_empty() {
                    return Ok(vec![Err(Failure::NothingToAttachTo)]);
                }
                break;
            };
            let is_new = !ticket.look_first && !ticket.saying.contains_key(&plan::list_topic(&list.name));
            if is_new {
                attaches.push(Attach { ticket, issue, list });
                continue;
            }
            if !attaches.is_empty() {
                break;
            }
            match self.is_attached(&mut ticket, &issue, list).await? {
                Ok(true) => {
                    attached(&mut ticket, &list.name);
                    self.record(ticket)?;
                    return Ok(vec![Ok(issue)]);
                }
                Ok(false) => attaches.push(Attach { ticket, issue, list }),
                Err(failure) => return Ok(vec![Err(failure)]),
            }
            break;
        }
        let now = self.clock.moment();
        for Attach { ticket, list, .. } in &mut attaches {
            ticket.saying.insert(plan::list_topic(&list.name), now.clone());
        }
        self.record_all(attaches.iter().map(|attach| &attach.ticket))?;
        let (tracker, stop) = (self.tracker, self.stop);
        let calls = attaches.iter().map(|attach| within(stop, tracker.attach(&attach.issue, attach.list)));
        let outcomes = all(calls.collect()).await;
        let (mut results, mut told) = (Vec::with_capacity(attaches.len()), Vec::new());
        for (Attach { mut ticket, issue, list }, outcome) in attaches.into_iter().zip(outcomes) {
            results.push(match outcome {
                Some(Outcome::Done(_)) => {
                    attached(&mut ticket, &list.name);
                    told.push(ticket);
                    Ok(issue)
                }
                Some(Outcome::NotDone(error) | Outcome::Refused(error)) => {
                    ticket.saying.remove(&plan::list_topic(&list.name));
                    told.push(ticket);
                    Err(error.into())
                }
                Some(Outcome::Unknown(error)) => {
                    // As with creates.
                    ticket.saying.insert(plan::list_topic(&list.name), self.clock.moment());
                    told.push(ticket);
                    Err(error.into())
                }
                None => Err(Failure::Stopped),
            });
        }
        self.record_all(told.iter())?;
        Ok(results)
    }

    /// Whether a list that may have been sent is there; an error where it may still arrive.
    async fn is_attached(
        &mut self,
        ticket: &mut Ticket,
        issue: &Issue,
        list: &List,
    ) -> Result<Result<bool, Failure>, StateError> {
        // Before the look, as with comments.
        let now = self.clock.moment();
        match within(self.stop, self.tracker.lists(issue)).await {
            Some(Ok(lists)) if lists.iter().any(|there| there.name == list.name) => return Ok(Ok(true)),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Ok(Err(error.into())),
            None => return Ok(Err(Failure::Stopped)),
        }
        let may_arrive = self.may_still_arrive(ticket, &plan::list_topic(&list.name), now)?;
        Ok(if may_arrive { Err(Failure::Unsettled) } else { Ok(false) })
    }

    /// Older lists go once the newer ones are known to be there.
    async fn detaches(&mut self, batch: &[&Action]) -> All {
        let mut detaches = Vec::new();
        for action in batch {
            let Write::Detach { issue, list, by } = &action.write else { break };
            let ticket = self.store.known().ticket(&action.group);
            if list.name == *by || ticket.told.contains(&plan::list_topic(by)) {
                detaches.push((ticket, issue, list, by));
                continue;
            }
            if !detaches.is_empty() {
                break;
            }
            match within(self.stop, self.tracker.lists(issue)).await {
                Some(Ok(lists)) if lists.iter().any(|there| there.name == *by) => {}
                Some(Ok(_)) => return Ok(vec![Err(Failure::NothingInstead)]),
                Some(Err(error)) => return Ok(vec![Err(error.into())]),
                None => return Ok(vec![Err(Failure::Stopped)]),
            }
            detaches.push((ticket, issue, list, by));
            break;
        }
        let (tracker, stop) = (self.tracker, self.stop);
        let calls = detaches.iter().map(|(_, issue, list, _)| within(stop, tracker.detach(issue, list)));
        let answers = all(calls.collect()).await;
        let mut results = Vec::with_capacity(detaches.len());
        let mut told: BTreeMap<GroupId, Ticket> = BTreeMap::new();
        for ((ticket, issue, list, by), answer) in detaches.into_iter().zip(answers) {
            let mut ticket = told.remove(&ticket.group).unwrap_or(ticket);
            results.push(match answer {
                Some(Ok(())) => {
                    // Where the answer to the newer one was lost, it is known only now which one is there: the older one
                    // is attached again should it ever be wanted.
                    attached(&mut ticket, by);
                    Ok(issue.clone())
                }
                Some(Err(error)) if error.cause == Cause::Forbidden => {
                    tracing::warn!(
                        ticket = issue.key,
                        list = list.name,
                        "an old list stays: the account may not remove attachments"
                    );
                    ticket.told.insert(plan::kept_topic(list));
                    Ok(issue.clone())
                }
                Some(Err(error)) => Err(error.into()),
                None => Err(Failure::Stopped),
            });
            told.insert(ticket.group.clone(), ticket);
        }
        self.record_all(told.values())?;
        Ok(results)
    }

    /// The tickets of some updates as they are right now.
    ///
    /// On Cloud one call reads the whole batch. Data Center has no call that reads several issues but its search, which
    /// answers from the index and so may show what was before a person's change; there each edit costs a read of its own
    /// beside the write, and it cannot be cheaper.
    async fn seen_now(&self, batch: &[&Action]) -> Result<BTreeMap<String, Observed>, Failure> {
        let ids: Vec<String> = batch
            .iter()
            .filter_map(|action| match &action.write {
                Write::Update { issue, .. } => Some(issue.id.clone()),
                _ => None,
            })
            .collect();
        match within(self.stop, self.tracker.read(&ids)).await {
            Some(seen) => Ok(seen?),
            None => Err(Failure::Stopped),
        }
    }

    /// Before the first create of a run in a project: says in the claim that tickets are being opened there, and after
    /// which number.
    async fn open_for_creates(&mut self, project: &str) -> Result<Result<u64, Failure>, StateError> {
        if !self.keeper.has_arrived(self.store, self.clock).await? {
            return Ok(Err(unsettled(self.store)));
        }
        let number = match self.tracker.newest_number(project).await {
            Ok(number) => number,
            Err(error) => return Ok(Err(error.into())),
        };
        let mut begun = self.keeper.begin(self.tracker, self.store, self.clock, project, number).await?;
        if matches!(&begun, Err(Failure::Jira(error)) if !error.is_unexecuted()) {
            begun = self.keeper.begin(self.tracker, self.store, self.clock, project, number).await?;
        }
        Ok(begun.map(|()| number))
    }

    fn record_all<'t>(&mut self, tickets: impl Iterator<Item = &'t Ticket>) -> Result<(), StateError> {
        let changes: Vec<Change> = tickets.cloned().map(Change::Ticket).collect();
        self.store.record(self.clock.moment().at, &changes)
    }
}

/// What is known of a ticket whose list is there: what was said of older versions is of no use any more.
fn attached(ticket: &mut Ticket, list: &str) {
    let any = plan::list_topic("");
    ticket.saying.retain(|saying, _| !saying.starts_with(&any));
    ticket.told.retain(|told| !told.starts_with(&any));
    ticket.told.insert(plan::list_topic(list));
}

/// What is known of a ticket whose edit was made.
fn edited(ticket: &mut Ticket, issue: &Issue, changes: &[plan::Change], tells: &[String]) {
    ticket.written = ticket.writing.take().map(|writing| *writing);
    ticket.link = Link::Bound { issue: issue.clone() };
    ticket.told.extend(tells.iter().cloned());
    let is_description = |change: &plan::Change| matches!(change, plan::Change::Description { .. });
    if let Some(orders) = &mut ticket.orders
        && changes.iter().any(is_description)
    {
        orders.taken.remove("description");
    }
}

/// Waits for all of some futures within one task. They are asked in their order, so that the same world gives the same
/// story.
///
/// # Cancel safety
/// As that of the futures: dropping it drops them.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<Result<F::Output, Pin<Box<F>>>> =
        futures.into_iter().map(|future| Err(Box::pin(future))).collect();
    poll_fn(|context: &mut Context<'_>| {
        for place in &mut waiting {
            if let Err(future) = place
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *place = Ok(output);
            }
        }
        if waiting.iter().all(Result::is_ok) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(Result::ok).collect()
}
