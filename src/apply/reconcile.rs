//! From what is wanted to what is: looks at the tickets, plans, remembers, writes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::port::{Clock, Store, Tracker};
use super::{Applied, Policy, RecoverError, apply, hear, moves::REOPENING};
use crate::{
    cluster::Table,
    group::{Group, GroupId, Status},
    jira::{self, Glance, JiraError, workflow},
    plan::{
        self, Action, Category, Closed, Issue, Link, Moment, Observed, Overwritten, Plan, Ruling, Standing,
        StrayKind, Ticket, Ways, Write,
    },
    state::{Change, GroupRecord, Known},
    ticket::{Content, LABEL},
};

/// What a run wants of the tickets.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Whether the input was complete.
    pub complete: bool,
    /// All groups.
    pub records: &'a [GroupRecord],
    /// What each wants.
    pub standing: &'a BTreeMap<GroupId, Standing>,
    /// The disputes; none where no orders are heard.
    pub table: Option<&'a Table>,
    /// Why Jira would refuse every new ticket in the first project; empty where it would not.
    pub refused_creates: &'a [String],
    /// The projects besides the first one that tickets may be in ([`super::Recovered::elsewhere`]).
    pub elsewhere: &'a BTreeMap<String, bool>,
    /// Projects in which tickets may still be found ([`super::Recovered::unread`]).
    pub unread: &'a BTreeMap<String, u64>,
}

const NOWHERE: &BTreeMap<String, bool> = &BTreeMap::new();
const NOTHING_UNREAD: &BTreeMap<String, u64> = &BTreeMap::new();

impl<'a> Wanted<'a> {
    /// Of complete input, where all is in one project that takes tickets and no orders are heard.
    pub fn of(records: &'a [GroupRecord], standing: &'a BTreeMap<GroupId, Standing>) -> Self {
        Self {
            complete: true,
            records,
            standing,
            table: None,
            refused_creates: &[],
            elsewhere: NOWHERE,
            unread: NOTHING_UNREAD,
        }
    }
}

/// Looks at the tickets and says what is to be written, without writing anything.
///
/// What only the search index told of a ticket counts as long as nothing follows from it. Where something does, the
/// ticket itself is read first: the index may show what was before a write of ours, or before a person's change.
pub async fn observe_and_plan(
    wanted: &Wanted<'_>,
    params: &plan::Params,
    tracker: &impl Tracker,
    store: &mut impl Store,
    now: &Moment,
) -> Result<Plan, RecoverError> {
    // Waits may go back to before the machine was started.
    let now = &Moment { there: tracker.time(), ..now.clone() };
    let overwritten = overwritten(tracker, store, now, params.settle).await?;
    let Glance { mut observed, mut hearsay } =
        tracker.glance(&ids_to_read(wanted, tracker, store.known(), now.at).await?).await?;
    let mut doubtful = stirred(wanted, store.known(), &observed, now, params.settle);
    loop {
        doubtful.retain(|id| hearsay.remove(id));
        if !doubtful.is_empty() {
            observed.retain(|id, _| !doubtful.contains(id));
            let doubtful: Vec<String> = doubtful.into_iter().collect();
            observed.extend(tracker.read(&doubtful).await?);
        }
        let plan = plan_for(wanted, params, tracker, store, now, &observed, &overwritten).await?;
        doubtful = touched(&plan, store.known());
        if hearsay.is_disjoint(&doubtful) {
            return Ok(plan);
        }
    }
}

/// For how long a loss that cannot be told, or not be seen, is looked for again.
const LOSSES_LAST: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What people wrote between our looks at tickets and our edits of them, by issue id. The tickets where that is nothing,
/// or all of it was told, are not asked about again.
async fn overwritten(
    tracker: &impl Tracker,
    store: &mut impl Store,
    now: &Moment,
    settle: SignedDuration,
) -> Result<BTreeMap<String, Vec<Overwritten>>, RecoverError> {
    let edited = store.known().tickets.values().filter(|ticket| ticket.edited_as_of.is_some());
    let edited: Vec<(Ticket, Issue)> =
        edited.filter_map(|ticket| Some((ticket.clone(), ticket.issue()?.clone()))).collect();
    if edited.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<String> = edited.iter().map(|(_, issue)| issue.id.clone()).collect();
    let histories = tracker.histories(&ids).await?;
    let (mut lost, mut noted) = (BTreeMap::new(), Vec::new());
    for (mut ticket, Issue { id, .. }) in edited {
        let look = ticket.edited_as_of.as_deref().and_then(jira::instant);
        let history = histories.get(&id);
        let found = history.zip(look).map(|(history, look)| plan::overwritten(history, look));
        let found = found.unwrap_or_default();
        // Who may not see a ticket now may see it later.
        let is_untold = history.is_none() || !plan::is_told(&ticket, &found);
        // By no clock that somebody may set: what is lost is not given up because of that.
        let since = ticket.untold_since.as_ref().and_then(|since| now.since_for_certain(since));
        if is_untold && since.is_none_or(|passed| passed <= LOSSES_LAST) {
            if ticket.untold_since.is_none() {
                ticket.untold_since = Some(Box::new(now.clone()));
                noted.push(Change::Ticket(ticket));
            }
            lost.insert(id, found);
        // An edit whose answer was lost may still come, also after the one that was sent in its place.
        } else if ticket.writing.is_none()
            && (ticket.untold_since.is_none() || since.is_some_and(|passed| passed >= settle))
        {
            (ticket.edited_as_of, ticket.untold_since) = (None, None);
            noted.push(Change::Ticket(ticket));
        // Where nothing is certain of how long ago that was, the wait begins again.
        } else if ticket.writing.is_none() && ticket.untold_since.is_some() && since.is_none() {
            ticket.untold_since = Some(Box::new(now.clone()));
            noted.push(Change::Ticket(ticket));
        // A later loss has a time of its own.
        } else if !is_untold && ticket.writing.is_some() && ticket.untold_since.take().is_some() {
            noted.push(Change::Ticket(ticket));
        }
    }
    store.record(now.at, &noted)?;
    Ok(lost)
}

/// Tickets of which something new would be noted: another key, an order, a decision of people.
fn stirred(
    wanted: &Wanted<'_>,
    known: &Known,
    observed: &BTreeMap<String, Observed>,
    now: &Moment,
    settle: SignedDuration,
) -> BTreeSet<String> {
    let reopened = open_again(wanted, known, observed, now, settle);
    let noted = shown(known, observed).into_iter().chain(reopened);
    let groups =
        noted.chain(hear::rulings(wanted.records, known, observed, now.at)).filter_map(
            |change| match change {
                Change::Ticket(ticket) => Some(ticket.group),
                Change::Ruling { ruling } => Some(ruling.group),
                _ => None,
            },
        );
    let issues = groups.filter_map(|group| Some(known.tickets.get(&group)?.issue()?.id.clone()));
    issues.chain(hear::ordered(wanted.records, known, observed)).collect()
}

/// Ids of the issues that a plan writes to.
fn touched(plan: &Plan, known: &Known) -> BTreeSet<String> {
    let of_group = |group: &GroupId| Some(known.tickets.get(group)?.issue()?.id.clone());
    let of_write = |action: &Action| match &action.write {
        Write::Link { to, .. } => of_group(to),
        Write::LinkDuplicate { issue, .. }
        | Write::Update { issue, .. }
        | Write::Comment { issue, .. }
        | Write::Transition { issue, .. }
        | Write::Detach { issue, .. }
        | Write::Unlabel { issue, .. } => Some(issue.id.clone()),
        Write::Create { .. } | Write::Introduce { .. } | Write::Attach { .. } | Write::Watch { .. } => None,
    };
    plan.actions.iter().flat_map(|action| [of_group(&action.group), of_write(action)]).flatten().collect()
}

/// Notes what the tickets show, and says what is to be written.
async fn plan_for(
    wanted: &Wanted<'_>,
    params: &plan::Params,
    tracker: &impl Tracker,
    store: &mut impl Store,
    now: &Moment,
    observed: &BTreeMap<String, Observed>,
    overwritten: &BTreeMap<String, Vec<Overwritten>>,
) -> Result<Plan, RecoverError> {
    let mut changes = shown(store.known(), observed);
    store.record(now.at, &changes)?;
    changes = hear::rulings(wanted.records, store.known(), observed, now.at);
    store.record(now.at, &changes)?;
    changes = open_again(wanted, store.known(), observed, now, params.settle);
    store.record(now.at, &changes)?;
    changes =
        hear::orders(wanted.records, tracker, store, observed, &params.commanders, wanted.table, now.at)
            .await?;
    store.record(now.at, &changes)?;
    let ways = ways(wanted, params, tracker, store.known(), observed).await?;
    let upload_limit = if has_new_list(wanted, store.known(), observed) {
        Some(tracker.upload_limit().await?)
    } else {
        None
    };
    let (known, home) = (store.known(), tracker.home());
    let hidden = hidden(wanted);
    let groups: Vec<Group> = wanted.records.iter().map(|record| record.group.clone()).collect();
    let rulings: Vec<Ruling> = known.rulings.values().cloned().collect();
    let strays: Vec<plan::Stray> = known.strays.values().cloned().collect();
    let input = plan::Input {
        now,
        complete: wanted.complete,
        groups: &groups,
        standing: wanted.standing,
        tickets: &known.tickets,
        observed,
        read: true,
        markup: tracker.markup(),
        site: &home.site,
        project: &home.project,
        elsewhere: wanted.elsewhere,
        strays: &strays,
        doubt: known.doubt.as_ref().map(|doubt| &*doubt.reason).or(hidden.as_deref()),
        ways: &ways,
        upload_limit,
        text_limit: known.text_limit(),
        rulings: &rulings,
        overwritten,
    };
    Ok(plan::plan(&input, params))
}

/// Why nothing may be opened: what a run opened before its end may be of any group, also of one that the state does not know
/// or that other rules send to another project by now.
fn hidden(wanted: &Wanted<'_>) -> Option<String> {
    let is_hidden = |project: &&String| wanted.elsewhere.get(*project) == Some(&false);
    wanted.unread.keys().find(is_hidden).map(|project| {
        format!(
            "tickets were being opened in the project {project} when a run ended, and Jira does not show it now; set \
             `jira.left_projects` where it is gone for good"
        )
    })
}

/// Whether tickets are to be opened in the first project.
pub fn opens_at_home(plan: &Plan, home: &str) -> bool {
    let is_home = |content: &Content| content.project.as_deref().is_none_or(|project| project == home);
    plan.actions
        .iter()
        .any(|action| matches!(&action.write, Write::Create { content, .. } if is_home(content)))
}

/// Whether a list is to be attached: it may be larger than Jira takes, or attachments may be switched off.
fn has_new_list(wanted: &Wanted<'_>, known: &Known, observed: &BTreeMap<String, Observed>) -> bool {
    wanted.standing.iter().any(|(group, standing)| {
        let Some(Ok(content)) = &standing.content else { return false };
        let Some(list) = &content.list else { return false };
        let shown =
            known.tickets.get(group).and_then(Ticket::issue).and_then(|issue| observed.get(&issue.id));
        shown.is_none_or(|shown| shown.lists.iter().all(|attached| attached.name != list.name))
    })
}

/// Makes the tickets what is wanted of them.
///
/// The groups are recorded before the first write, so that an id is never minted twice for one group. New ones are not
/// while the state is in doubt: none gets a ticket then, and one that was minted would compete with the group of a ticket
/// that is found later, for the same disputes.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a part of the world; a bag of them would only hide that"
)]
pub async fn reconcile(
    wanted: &Wanted<'_>,
    params: &plan::Params,
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    stop: &CancellationToken,
    progress: &mut (dyn FnMut(usize, usize, &Action) + Send),
) -> Result<(Plan, Applied), RecoverError> {
    let now = clock.moment();
    let plan = tokio::select! {
        plan = observe_and_plan(wanted, params, tracker, store, &now) => plan?,
        () = stop.cancelled() => return Err(RecoverError::Stopped),
    };
    if !wanted.refused_creates.is_empty() && opens_at_home(&plan, &tracker.home().project) {
        return Err(RecoverError::Unready { problems: wanted.refused_creates.to_vec() });
    }
    let (known, hidden) = (store.known(), hidden(wanted));
    let changed: Vec<Change> = wanted
        .records
        .iter()
        // In doubt, the cause of a new group may have a ticket and a group that are still to be found.
        .filter(|record| {
            known.doubt.is_none() && hidden.is_none() || known.groups.contains_key(&record.group.id)
        })
        .filter(|record| known.groups.get(&record.group.id) != Some(record))
        .cloned()
        .map(Change::Group)
        .collect();
    store.record(now.at, &changed)?;
    let total = plan.actions.len();
    let mut told = |done: usize, action: &Action| progress(done, total, action);
    let applied = Box::pin(apply(&plan, tracker, store, clock, policy, stop, &mut told)).await?;
    Ok((plan, applied))
}

/// The ways out of the statuses of those tickets that a label stands on in place of a move, to see whether others are
/// open now. One ticket speaks for all of the same status: a site whose workflow has no end may have many.
async fn ways(
    wanted: &Wanted<'_>,
    params: &plan::Params,
    tracker: &impl Tracker,
    known: &Known,
    observed: &BTreeMap<String, Observed>,
) -> Result<BTreeMap<String, Ways>, RecoverError> {
    let mut found = BTreeMap::new();
    for record in wanted.records {
        let Some(ticket) = known.tickets.get(&record.group.id) else { continue };
        let Some(shown) = ticket.issue().and_then(|issue| observed.get(&issue.id)) else { continue };
        let is_active = record.group.status == Status::Active;
        let (goal, resolution) = match (ticket.closed, is_active, shown.category) {
            (Closed::Labelled, false, Category::New | Category::InProgress) => {
                (Category::Done, params.resolutions.settled.as_deref())
            }
            (Closed::Stuck, true, Category::Done) => (Category::New, None),
            _ => continue,
        };
        if !found.contains_key(&shown.status) {
            let ways = tracker.transitions(&shown.issue, resolution).await?;
            let digest = workflow::digest(&ways, tracker.filling());
            let ways = Ways { digest, why: workflow::why_not(&ways, goal) };
            found.insert(shown.status.clone(), ways);
        }
    }
    Ok(found)
}

/// Tickets that have another key now, since somebody moved them or renamed the project, or another assignee, or that show
/// a write whose answer was lost.
fn shown(known: &Known, observed: &BTreeMap<String, Observed>) -> Vec<Change> {
    known
        .tickets
        .values()
        .filter_map(|ticket| {
            let issue = ticket.issue()?;
            let Some(shown) = observed.get(&issue.id) else {
                // Nobody works on what is gone.
                return ticket
                    .worked_on
                    .then(|| Change::Ticket(Ticket { worked_on: false, ..ticket.clone() }));
            };
            let worked_on = plan::is_worked_on(ticket, shown);
            let is_same = Some(&shown.issue) == ticket.issue()
                && worked_on == ticket.worked_on
                && shown.assignee.as_deref() == ticket.assignee.as_deref();
            let settled = plan::settled(ticket, shown);
            if is_same && settled.is_none() {
                return None;
            }
            let link = Link::Bound { issue: shown.issue.clone() };
            let assignee = shown.assignee.as_deref().map(Into::into);
            let settled = settled.unwrap_or_else(|| ticket.clone());
            Some(Change::Ticket(Ticket { link, assignee, worked_on, ..settled }))
        })
        .collect()
}

/// Tickets of living groups that were closed when all was settled and that are open again, since a person reopened them, and
/// those whose close was lost on the way and cannot come any more: a later close is a person's.
fn open_again(
    wanted: &Wanted<'_>,
    known: &Known,
    observed: &BTreeMap<String, Observed>,
    now: &Moment,
    settle: SignedDuration,
) -> Vec<Change> {
    let is_lost = |ticket: &Ticket| {
        let sent = ticket.saying.iter().filter(|(topic, _)| topic.starts_with(plan::CLOSING));
        let is_over = |sent: &Moment| now.since_for_certain(sent).is_none_or(|passed| passed >= settle);
        ticket.closed == Closed::Intended && sent.map(|(_, sent)| sent).all(is_over)
    };
    wanted
        .records
        .iter()
        .filter(|record| record.group.status == Status::Active)
        .filter_map(|record| known.tickets.get(&record.group.id))
        .filter(|ticket| ticket.closed.is_settled() || is_lost(ticket))
        .filter(|ticket| {
            let shown = ticket.issue().and_then(|issue| observed.get(&issue.id));
            shown.is_some_and(|observed| observed.category != Category::Done)
        })
        .map(|ticket| {
            let mut ticket = Ticket { closed: Closed::No, ..ticket.clone() };
            ticket.not_closing();
            // Ours, though the answer was lost: it counts among those that are bounded.
            if let Some(sent) = ticket.saying.remove(REOPENING) {
                ticket.note_reopened(sent.at);
            }
            Change::Ticket(ticket)
        })
        .collect()
}

/// For how many days a ticket matters after its group ended, or after somebody touched it.
const STILL_OF_INTEREST: u32 = 30;

/// Bound tickets whose state matters: of active groups, and of ended ones until they are closed, for some time after that,
/// and where somebody touched them since, as with an order; and second tickets that are not yet dealt with.
async fn ids_to_read(
    wanted: &Wanted<'_>,
    tracker: &impl Tracker,
    known: &Known,
    now: Timestamp,
) -> Result<Vec<String>, JiraError> {
    let limit = SignedDuration::from_hours(24 * i64::from(STILL_OF_INTEREST));
    let (mut ids, mut old) = (BTreeSet::new(), BTreeSet::new());
    for record in wanted.records {
        let Some(ticket) = known.tickets.get(&record.group.id) else { continue };
        let Some(issue) = ticket.issue() else { continue };
        let matters = match &record.group.status {
            Status::Active => true,
            Status::Resolved { at } | Status::Merged { at, .. } => {
                !ticket.closed.is_settled() || now.duration_since(*at) < limit
            }
        };
        if matters { &mut ids } else { &mut old }.insert(issue.id.clone());
    }
    let second = known.strays.values().filter(|stray| stray.kind == StrayKind::Duplicate).filter(|stray| {
        let is_done = |ticket: &Ticket, part| {
            ticket.told.contains(&format!("{}{}{part}", plan::SECOND, stray.issue.id))
        };
        // It may be closed, and the answer to the link lost.
        let is_dealt_with =
            |ticket: &Ticket| ["", "-said", "-closed"].iter().all(|part| is_done(ticket, part));
        known.tickets.get(&stray.group).is_some_and(|ticket| !is_dealt_with(ticket))
    });
    ids.extend(second.map(|stray| stray.issue.id.clone()));
    if !old.is_empty() {
        let touched = tracker.touched(LABEL, STILL_OF_INTEREST).await?.ids;
        ids.extend(touched.into_iter().filter(|id| old.contains(id)));
    }
    Ok(ids.into_iter().collect())
}
