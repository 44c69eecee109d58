//! What a pass does before it looks at disputes: it makes what is known as true as Jira can make it.
//!
//! Creates whose answer was lost are found or released; second tickets and copies are found; and where what
//! is known is in doubt, Jira is read from end to end and every ticket is bound again.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use jiff::SignedDuration;

use super::claim::{self, Standing};
use super::port::{Both, Clock, Store, Tracker};
use super::scan::{Scan, is_shown, number, scan};
use super::{Policy, RecoverError};
use crate::{
    group::GroupId,
    jira::{Cause, Found, JiraError, Marked},
    plan::{Fence, Issue, Link, Moment, Stray, StrayKind, Ticket},
    state::{Change, Doubt, GroupRecord, Known, StateError},
    ticket::{LABEL, facts::Figures},
};

/// How far apart the two looks behind a fence are.
const SECOND_LOOK: SignedDuration = SignedDuration::from_secs(60);
/// Tickets that are tried for a label.
const BEACONS: usize = 5;

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Tickets that were bound: a create whose answer was lost, or a group that was not known.
    pub bound: usize,
    /// Creates that were released: they were provably not done.
    pub released: usize,
    /// Whether a run had died while it opened tickets: what it opened has been read, which is to be noted on the
    /// project, or every later run would read it again.
    pub unclean: bool,
    /// Projects that could not be read in which a run had died while it opened tickets, and after which number: the claim
    /// goes on to say so.
    pub unread: BTreeMap<String, u64>,
    /// The projects besides the first one that tickets may be in, and whether Jira shows each: in one that it does not show,
    /// or that was not asked about, nothing may be opened.
    pub elsewhere: BTreeMap<String, bool>,
    /// Issues of the project that carry our label and no mark of a group of ours: a person has to look.
    pub strange: Vec<String>,
}

/// Brings what is known up to what Jira shows. Nothing is written to Jira but the claim, at a take-over and where a doubt
/// ended, and the label of a fence.
///
/// # Cancel safety
///
/// Safe: what was found out is recorded step by step.
pub async fn recover(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
    may_write: bool,
) -> Result<Recovered, RecoverError> {
    let clock = &Both { here: clock, there: tracker };
    tracker.sign_in().await?;
    at_home(tracker, store, clock, policy).await?;
    let standing = claim::look(tracker, store, clock, policy, may_write).await?;
    let openings = match standing {
        Standing::Ours { openings } => openings,
        Standing::Free => BTreeMap::new(),
    };
    // The claim names those that no rule names any more.
    let elsewhere = elsewhere(tracker, store.known(), policy).await?;
    let recovered = Recovered { elsewhere, ..Recovered::default() };
    let mut recovery = Recovery { tracker, store, clock, policy, recovered };
    recovery.own_up()?;
    if recovery.store.known().doubt.is_none() {
        Box::pin(recovery.settle(&openings, may_write)).await?;
        recovery.sweep().await?;
    }
    if recovery.store.known().doubt.is_some() {
        recovery.read_all().await?;
        if may_write && recovery.store.known().doubt.is_none() {
            // All that its head stood for was read. Whoever else works with a copy of this state sees that, and stops.
            claim::renew(tracker, recovery.store, clock, policy).await?;
        }
    }
    Ok(recovery.recovered)
}

/// Makes sure that the project is the one that the state is of: elsewhere its ids are those of strangers' issues, and
/// what its own project has cannot be seen. A project that got another key is told by Jira to be the same.
async fn at_home(
    tracker: &impl Tracker,
    store: &mut impl Store,
    clock: &impl Clock,
    policy: &Policy,
) -> Result<(), RecoverError> {
    let is = tracker.home();
    let was = store.known().home.clone();
    if was.as_ref() == Some(&is) {
        return Ok(());
    }
    if let Some(was) = was
        && !policy.same_project
        && !(was.site == is.site && tracker.is_home(&was.project).await?)
    {
        return Err(RecoverError::Elsewhere { was, is });
    }
    store.record(clock.moment().at, &[Change::Home { home: is }])?;
    Ok(())
}

/// The projects besides the first one that tickets of ours may be in, those that rules name and those that they named
/// once, and whether Jira shows each.
async fn elsewhere(
    tracker: &impl Tracker,
    known: &Known,
    policy: &Policy,
) -> Result<BTreeMap<String, bool>, JiraError> {
    let mut projects = BTreeMap::new();
    for project in tracker.elsewhere().iter().chain(&known.projects) {
        if !policy.left_projects.contains(project) && !projects.contains_key(project) {
            let is_shown = tracker.has_project(project).await?;
            if !is_shown {
                tracing::warn!(
                    project,
                    "Jira does not show this project, in which tickets are or were opened"
                );
            }
            projects.insert(project.clone(), is_shown);
        }
    }
    Ok(projects)
}

/// Whether something is open that can be settled now.
pub fn is_open(known: &Known, policy: &Policy, now: &Moment) -> bool {
    if known.pause.as_ref().is_some_and(|pause| pause.left(now).is_positive()) {
        return false;
    }
    let passed = |since: &Moment, limit| now.since_for_certain(since).is_none_or(|passed| passed >= limit);
    let due = |sent: &Moment| passed(sent, policy.settle);
    let read = |first: &Moment| passed(first, policy.quarantine());
    let doubt = known.doubt.as_ref().is_some_and(|doubt| doubt.read.as_ref().is_none_or(read));
    let create = |ticket: &Ticket| match &ticket.link {
        Link::Intent { .. } => true,
        Link::Unknown { sent, .. } => due(sent),
        _ => false,
    };
    doubt || known.tickets.values().any(create)
}

/// A reading of all issues after a number.
struct Look {
    after: u64,
    began: Moment,
    /// Why what it did not find may be there all the same.
    blind: Option<String>,
    /// Where to go on, where there were too many.
    given_up_after: Option<u64>,
}

/// How much could be read of what is in a project after a number.
enum Read {
    Whole,
    /// What is not above this number.
    Before(u64),
    Nothing,
}

/// Whether an issue was deleted, hidden or archived.
fn is_out_of_reach(error: &JiraError) -> bool {
    matches!(error.cause, Cause::NotFound | Cause::Forbidden)
}

struct Recovery<'a, T, S, C> {
    tracker: &'a T,
    store: &'a mut S,
    clock: &'a C,
    policy: &'a Policy,
    recovered: Recovered,
}

impl<T: Tracker, S: Store, C: Clock> Recovery<'_, T, S, C> {
    fn record(&mut self, changes: &[Change]) -> Result<(), StateError> {
        self.store.record(self.clock.moment().at, changes)
    }

    /// The projects that tickets of ours may be in, as far as Jira shows them.
    fn projects(&self) -> Vec<String> {
        let elsewhere = self.recovered.elsewhere.iter().filter(|(_, is_shown)| **is_shown);
        [self.tracker.home().project]
            .into_iter()
            .chain(elsewhere.map(|(project, _)| project.clone()))
            .collect()
    }

    /// Whoever was sending a create is gone, since this process holds the state: its outcome is unknown.
    fn own_up(&mut self) -> Result<(), StateError> {
        let changes: Vec<Change> = self
            .store
            .known()
            .tickets
            .values()
            .filter_map(|ticket| match &ticket.link {
                Link::Intent { attempts, project, highest_number, sent } => {
                    let (attempts, highest_number) = (*attempts, *highest_number);
                    let (project, sent) = (project.clone(), sent.clone());
                    let link = Link::Unknown { attempts, project, highest_number, sent, fence: None };
                    Some(Change::Ticket(Ticket { link, ..ticket.clone() }))
                }
                _ => None,
            })
            .collect();
        self.record(&changes)
    }

    /// Reads all projects from end to end, twice, so far apart that no create of before can come in between.
    async fn read_all(&mut self) -> Result<(), RecoverError> {
        loop {
            let Some(doubt) = self.store.known().doubt.clone() else { return Ok(()) };
            let began = self.clock.moment();
            let waited = doubt.read.as_ref().map(|first| began.since_for_certain(first));
            if matches!(waited, Some(Some(passed)) if passed < self.policy.quarantine()) {
                return Ok(());
            }
            if let Some((hidden, _)) = self.recovered.elsewhere.iter().find(|(_, is_shown)| !**is_shown) {
                let reason = format!(
                    "{} (Jira does not show the project {hidden}, in which tickets are or were opened; set \
                     `jira.left_projects` where it is gone for good)",
                    doubt.reason
                );
                return Err(RecoverError::Blind { reason });
            }
            let mut marked = Vec::new();
            for project in &self.projects() {
                let found = scan(self.tracker, project, 0, false).await?;
                if let Some(reason) = found.blind {
                    let reason = format!("{} (project {project}: {reason})", doubt.reason);
                    return Err(RecoverError::Blind { reason });
                }
                marked.extend(found.marked);
            }
            // What the numbers do not lead to, such as tickets whose old keys another project has now.
            let (searched, cut) = self.searched(&marked).await?;
            if let Some(cut) = cut {
                return Err(RecoverError::Blind { reason: format!("{} ({cut})", doubt.reason) });
            }
            marked.extend(searched);
            self.adopt(marked, true).await?;
            let doubt = match waited {
                Some(Some(_)) => None,
                // The first reading, or one of which nobody knows any more how long ago it was.
                None | Some(None) => Some(Doubt { read: Some(began), ..doubt }),
            };
            self.record(&[Change::Doubt { doubt }])?;
        }
    }

    /// Finds out what became of creates whose answer was lost, project by project.
    async fn settle(
        &mut self,
        openings: &BTreeMap<String, u64>,
        may_write: bool,
    ) -> Result<(), RecoverError> {
        let home = self.tracker.home().project;
        let mut open: BTreeMap<String, Vec<(u64, GroupId)>> = BTreeMap::new();
        for ticket in self.store.known().tickets.values() {
            if let Link::Unknown { project, highest_number, .. } = &ticket.link {
                let project = project.as_deref().unwrap_or(&home).to_owned();
                open.entry(project).or_default().push((*highest_number, ticket.group.clone()));
            }
        }
        // What was opened in one that is gone for good is gone as well.
        let mut openings = openings.clone();
        openings.retain(|project, _| !self.policy.left_projects.contains(project));
        for project in openings.keys() {
            open.entry(project.clone()).or_default();
        }
        for (project, mut open) in open {
            open.sort();
            let opening_after = openings.get(&project).copied();
            let after = open.first().map(|(after, _)| *after).into_iter().chain(opening_after).min();
            let Some(after) = after else { continue };
            let read = self.settle_in(&project, open, after, opening_after.is_some(), may_write).await?;
            match (opening_after, read) {
                (Some(_), Read::Whole) => self.recovered.unclean = true,
                (Some(opening), read) => {
                    // What was read need not be read again: the rest is read run by run.
                    let after = if let Read::Before(number) = read { number.max(opening) } else { opening };
                    self.recovered.unclean |= after > opening;
                    self.recovered.unread.insert(project, after);
                }
                (None, _) => {}
            }
        }
        Ok(())
    }

    /// The same for one project: reads what is there after a number, and says how much of it could be read.
    async fn settle_in(
        &mut self,
        project: &str,
        open: Vec<(u64, GroupId)>,
        after: u64,
        unclean: bool,
        may_write: bool,
    ) -> Result<Read, RecoverError> {
        let is_shown = self.projects().iter().any(|shown| shown == project);
        let fences: BTreeMap<GroupId, String> = open
            .iter()
            .filter_map(|(_, group)| match &self.store.known().tickets.get(group)?.link {
                Link::Unknown { fence: Some(fence), .. } => Some((group.clone(), fence.label.clone())),
                _ => None,
            })
            .collect();
        let mut look = if is_shown {
            self.scan_after(project, after, unclean).await?
        } else {
            // Nor would its index show what is there.
            let blind = Some(format!("Jira does not show the project {project}"));
            Look { after: u64::MAX, began: self.clock.moment(), blind, given_up_after: None }
        };
        let read = match (&look.blind, look.given_up_after) {
            (None, _) => Read::Whole,
            (Some(_), Some(number)) => Read::Before(number),
            (Some(_), None) => Read::Nothing,
        };
        for (highest_number, group) in open {
            // One that has waited for long must not keep a later one from being found out.
            if look.blind.is_some() && highest_number > look.after {
                look = self.scan_after(project, highest_number, false).await?;
            }
            let ticket = self.store.known().ticket(&group);
            let Link::Unknown { attempts, project, highest_number, sent, fence } = &ticket.link else {
                continue;
            };
            let (attempts, project, highest_number) = (*attempts, project.clone(), *highest_number);
            let Some(passed) = look.began.since_for_certain(sent) else {
                // The machine was started anew: the wait begins again.
                let (sent, fence) = (look.began.clone(), fence.clone());
                let link = Link::Unknown { attempts, project, highest_number, sent, fence };
                self.record(&[Change::Ticket(Ticket { link, ..ticket })])?;
                continue;
            };
            if passed < self.policy.settle {
                continue;
            }
            let Some(reason) = look.blind.clone() else {
                self.release(ticket, attempts)?;
                continue;
            };
            if may_write && is_shown && self.behind_the_fence(&ticket, fence.as_deref(), &look.began).await? {
                self.release(ticket, attempts)?;
                continue;
            }
            let ticket = self.store.known().ticket(&group);
            let Link::Unknown { sent, .. } = &ticket.link else { continue };
            if passed >= self.policy.hold_after {
                let link = Link::Held { attempts, project, highest_number, sent: sent.clone(), reason };
                self.record(&[Change::Ticket(Ticket { link, ..ticket })])?;
            }
        }
        // What was found or given up without its fence leaves its label on nobody's ticket, as far as the index shows it.
        for (group, label) in fences.into_iter().filter(|_| may_write) {
            if !matches!(self.store.known().ticket(&group).link, Link::Unknown { .. }) {
                let shown = self.tracker.labelled(&label, &[]).await?.ids;
                self.take_down(&label, shown).await?;
            }
        }
        Ok(read)
    }

    /// Reads all issues of a project after a number, and binds what is found.
    async fn scan_after(&mut self, project: &str, after: u64, unclean: bool) -> Result<Look, RecoverError> {
        // Before the scan, so that what it does not find was not there this long after the create.
        let began = self.clock.moment();
        let Scan { marked, blind, given_up_after } = scan(self.tracker, project, after, true).await?;
        self.adopt(marked, unclean).await?;
        Ok(Look { after, began, blind, given_up_after })
    }

    fn release(&mut self, ticket: Ticket, attempts: u32) -> Result<(), StateError> {
        self.recovered.released += 1;
        let link = Link::Ready { attempts };
        self.record(&[Change::Ticket(Ticket { link, writing: None, ..ticket })])
    }

    /// Where issues cannot be read one after the other: whether the search index has come so far that it
    /// would show the issue, and does not, twice.
    async fn behind_the_fence(
        &mut self,
        ticket: &Ticket,
        fence: Option<&Fence>,
        now: &Moment,
    ) -> Result<bool, RecoverError> {
        let Link::Unknown { attempts, project, highest_number, sent, .. } = &ticket.link else {
            return Ok(false);
        };
        let with = |fence: Fence| {
            let (attempts, highest_number) = (*attempts, *highest_number);
            let (project, sent) = (project.clone(), sent.clone());
            let link =
                Link::Unknown { attempts, project, highest_number, sent, fence: Some(Box::new(fence)) };
            Change::Ticket(Ticket { link, ..ticket.clone() })
        };
        let Some(fence) = fence else {
            let label = format!("{LABEL}-fence-{}-{}", ticket.group.short(), now.at.as_second());
            self.record(&[with(Fence { label: label.clone(), put: now.clone(), passed: None })])?;
            self.put_up(&label).await?;
            return Ok(false);
        };
        let shown = self.tracker.labelled(&fence.label, &[]).await?.ids;
        let Found { ids: found, cut } = self.tracker.labelled(&ticket.group.label(), &[]).await?;
        if !found.is_empty() {
            let marked = self.tracker.marks(&found).await?;
            self.adopt(marked, false).await?;
            self.take_down(&fence.label, shown).await?;
            return Ok(false);
        }
        if shown.is_empty() {
            // The label may never have arrived.
            self.put_up(&fence.label).await?;
            return Ok(false);
        }
        // Nor does the index show what is in a project that is hidden.
        let is_hidden = match project.as_deref() {
            Some(project) => !is_shown(self.tracker, project).await?,
            None => false,
        };
        if cut.is_some() || is_hidden {
            return Ok(false);
        }
        match &fence.passed {
            Some(first) if now.since_for_certain(first).is_some_and(|passed| passed >= SECOND_LOOK) => {
                self.take_down(&fence.label, shown).await?;
                Ok(true)
            }
            Some(_) => Ok(false),
            None => {
                self.record(&[with(Fence { passed: Some(now.clone()), ..fence.clone() })])?;
                Ok(false)
            }
        }
    }

    /// Puts a label on one of our tickets: the oldest that can be written, or the newest, where people took away old ones.
    async fn put_up(&self, label: &str) -> Result<(), JiraError> {
        let known = self.store.known();
        let mut beacons: Vec<&Issue> = known.tickets.values().filter_map(Ticket::issue).collect();
        beacons.sort_by_key(|issue| number(&issue.id));
        let newest = beacons.iter().skip(BEACONS).rev().take(BEACONS);
        for beacon in beacons.iter().take(BEACONS).chain(newest) {
            match self.tracker.relabel(beacon, label, true).await {
                Err(error) if is_out_of_reach(&error) => {}
                answer => return answer,
            }
        }
        Ok(())
    }

    /// Takes a label off again.
    async fn take_down(&self, label: &str, ids: Vec<String>) -> Result<(), JiraError> {
        for id in ids {
            let beacon = Issue { id, key: String::new() };
            match self.tracker.relabel(&beacon, label, false).await {
                Err(error) if is_out_of_reach(&error) => {}
                answer => answer?,
            }
        }
        Ok(())
    }

    /// Looks for issues with our label that belong to no group: second tickets and copies. Tickets of groups that
    /// are not known put everything in doubt.
    async fn sweep(&mut self) -> Result<(), RecoverError> {
        // What it does not show, the next run may.
        let (marked, _) = self.searched(&[]).await?;
        let unknown = self.adopt(marked, false).await?;
        if unknown > 0 {
            let reason = format!("Jira has {unknown} tickets of disputebot that the state does not know");
            self.record(&[Change::Doubt { doubt: Some(Doubt { reason, read: None }) }])?;
        }
        Ok(())
    }

    /// Marks of issues that the search shows with our label and that are not known, and why there may be more.
    async fn searched(&mut self, seen: &[Marked]) -> Result<(Vec<Marked>, Option<String>), RecoverError> {
        let known = self.store.known();
        let Found { ids, cut } = self.tracker.labelled(LABEL, &self.projects()).await?;
        let mut ids: BTreeSet<String> = ids.into_iter().collect();
        for id in known.tickets.values().filter_map(Ticket::issue).map(|issue| &issue.id) {
            ids.remove(id);
        }
        for id in known.strays.keys().chain(seen.iter().map(|marked| &marked.issue.id)) {
            ids.remove(id);
        }
        if ids.is_empty() {
            return Ok((Vec::new(), cut));
        }
        let ids: Vec<String> = ids.into_iter().collect();
        let marked = self.tracker.marks(&ids).await?;
        let readable: BTreeSet<&String> = marked.iter().map(|marked| &marked.issue.id).collect();
        let unreadable = ids.iter().filter(|id| !readable.contains(id)).cloned();
        self.recovered.strange.extend(unreadable);
        Ok((marked, cut))
    }

    /// Binds what belongs to a group without a ticket, and notes what belongs to one with another. Groups that
    /// are not known are learned from their tickets, or left and counted.
    async fn adopt(&mut self, marked: Vec<Marked>, learn: bool) -> Result<usize, RecoverError> {
        let mut by_group: BTreeMap<GroupId, Vec<Marked>> = BTreeMap::new();
        for marked in marked {
            by_group.entry(marked.group.clone()).or_default().push(marked);
        }
        let (mut changes, mut unknown) = (Vec::new(), 0);
        let mut homes: BTreeMap<String, bool> = BTreeMap::new();
        for (group, mut candidates) in by_group {
            if !self.store.known().groups.contains_key(&group) {
                // Another disputebot may work for another project of the site, and people move its tickets here.
                for home in candidates.iter().filter_map(|marked| marked.home.clone()) {
                    if let Entry::Vacant(home) = homes.entry(home) {
                        let is_home = self.tracker.is_home(home.key()).await?;
                        home.insert(is_home);
                    }
                }
                let is_ours = |marked: &Marked| {
                    let home = marked.home.as_ref().is_none_or(|home| homes.get(home) == Some(&true));
                    marked.mark.is_some() && home
                };
                let strange = candidates.extract_if(.., |marked| !is_ours(marked));
                self.recovered.strange.extend(strange.map(|marked| marked.issue.key));
                if candidates.is_empty() {
                    continue;
                }
                if !learn {
                    unknown += usize::from(candidates.iter().any(|marked| marked.is_own));
                    continue;
                }
            }
            // Lowest id wins.
            candidates.sort_by_key(|marked| number(&marked.issue.id));
            self.adopt_for(&group, &candidates, &mut changes);
            // A record is synced, and there may be tens of thousands.
            if changes.len() >= 1_000 {
                self.record(&std::mem::take(&mut changes))?;
            }
        }
        self.record(&changes)?;
        Ok(unknown)
    }

    fn adopt_for(&mut self, group: &GroupId, candidates: &[Marked], changes: &mut Vec<Change>) {
        let ours = |marked: &Marked| marked.is_own;
        let known = self.store.known();
        let record = known.groups.get(group);
        let ticket = known.tickets.get(group);
        let bound = ticket.and_then(Ticket::issue).cloned();
        // A copy that a person makes has the labels; whether it has the property is not said, so of several
        // the one that disputebot made comes first.
        let best = candidates
            .iter()
            .find(|marked| ours(marked))
            .or_else(|| candidates.iter().find(|marked| marked.mark.is_some() && bound.is_none()));
        let winner = match (&bound, best) {
            // Which of them it is, a person may have said.
            (Some(bound), Some(best))
                if ours(best)
                    && number(&best.issue.id) < number(&bound.id)
                    && ticket.is_none_or(|ticket| !ticket.pinned) =>
            {
                Some(best.clone())
            }
            (Some(_), _) => None,
            (None, best) => best.cloned(),
        };
        if let (None, Some(bound), Some(ticket), true) = (&winner, &bound, ticket, known.doubt.is_some()) {
            // What was written and said since is not known here; the mark knows what was written.
            let on_it = candidates.iter().find(|marked| marked.issue.id == bound.id);
            let on_it = on_it.and_then(|marked| marked.mark.as_ref()?.written.clone());
            let newer = on_it.is_some() && on_it != ticket.written;
            if newer || !ticket.look_first {
                let written = on_it.or_else(|| ticket.written.clone());
                changes.push(Change::Ticket(Ticket { written, look_first: true, ..ticket.clone() }));
            }
        }
        let own = match (&winner, &bound) {
            (Some(winner), _) => winner.issue.clone(),
            (None, Some(bound)) => bound.clone(),
            (None, None) => return,
        };
        if let Some(winner) = &winner {
            if record.is_none() {
                let Some(mark) = winner.mark.clone() else {
                    self.recovered.strange.push(winner.issue.key.clone());
                    return;
                };
                changes.push(Change::Group(GroupRecord {
                    group: mark.into_group(),
                    title: String::new(),
                    cause: "".into(),
                    who: "".into(),
                    figures: Figures::default(),
                    // Its mark has no more than may be shown.
                    coarse: false,
                    due: Vec::new(),
                    spread: None,
                }));
            }
            let mut ticket = ticket.cloned().unwrap_or_else(|| Ticket::none(group.clone()));
            if ticket.written.is_none() || bound.is_some() {
                let on_it = winner.mark.as_ref().and_then(|mark| mark.written.clone());
                ticket.written =
                    on_it.or_else(|| ticket.writing.take().map(|writing| *writing)).or(ticket.written);
                // What was said on it is not known here, except for one that was made just now.
                ticket.look_first |= record.is_none() || known.doubt.is_some();
            }
            ticket.writing = None;
            ticket.bind(winner.issue.clone());
            changes.push(Change::Ticket(ticket));
        }
        for marked in candidates {
            if marked.issue.id != own.id && !known.strays.contains_key(&marked.issue.id) {
                let kind = if ours(marked) { StrayKind::Duplicate } else { StrayKind::Clone };
                let stray = Stray { issue: marked.issue.clone(), group: group.clone(), kind };
                changes.push(Change::Stray { stray });
            }
        }
        if let (Some(_), Some(bound)) = (&winner, &bound)
            && bound.id != own.id
        {
            let stray = Stray { issue: bound.clone(), group: group.clone(), kind: StrayKind::Duplicate };
            changes.push(Change::Stray { stray });
        }
        self.recovered.bound += usize::from(winner.is_some());
    }
}
