//! Single stories of what an earlier life left open, each in a world without trouble: what the seeds of the other tests
//! meet too seldom to fail without it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use disputebot::{
    apply::{self, Applied, Both, Clock, Failure, Policy, RecoverError, Store, Wanted},
    dispute::Program,
    group::{Group, GroupId, Status},
    plan::{Action, Category, Fence, Issue, Link, Mark, Past, Plan, Reason, Ticket, Write},
    state::{Change, Claimed, Doubt},
    ticket::{Content, Markup, adf, block, facts::Grain},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    harness::{content, plan_params, wanted},
    model::{BOT, Chances, Client, Disk, Fault, Loss, ModelClock, ModelJira, ModelStore, OTHER, World},
};

/// Longer than a request takes.
const SETTLE: SignedDuration = SignedDuration::from_mins(5);
/// Past that, and past the wait between two looks behind a fence.
const A_WHILE: Duration = Duration::from_mins(6);

/// A machine whose process may have died, and Jira.
struct Story {
    jira: ModelJira,
    clock: ModelClock,
    store: ModelStore,
    lease: bool,
    takeover_after: Option<SignedDuration>,
}

/// Tells a story in virtual time, in a world without trouble.
fn tell(story: impl AsyncFnOnce(&mut Story)) {
    tell_with(Vec::new(), story);
}

/// Tells a story with faults at some steps.
fn tell_with(faults: Vec<(u64, Fault)>, story: impl AsyncFnOnce(&mut Story)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let world = World::new(1, Chances::default(), faults, SETTLE);
        let disk = Disk::new("first", false);
        let store = disk.open(&world);
        let clock = ModelClock { world: world.clone() };
        let jira = ModelJira { world, disk, client: Client::default() };
        story(&mut Story { jira, clock, store, lease: false, takeover_after: None }).await;
    });
}

impl Story {
    fn world(&self) -> &World {
        &self.jira.world
    }

    fn policy(&self) -> Policy {
        Policy {
            settle: SETTLE,
            hold_after: SignedDuration::from_hours(24),
            lease: self.lease,
            takeover_after: self.takeover_after,
            take_over: false,
            same_project: false,
            left_projects: std::collections::BTreeSet::new(),
            instance: "one".to_owned(),
            host: "first".to_owned(),
            at_once: 1,
        }
    }

    async fn recover(&mut self) {
        let policy = self.policy();
        apply::recover(&self.jira, &mut self.store, &self.clock, &policy, true).await.unwrap();
    }

    async fn apply(&mut self, writes: Vec<(GroupId, Write)>, mut after_each: impl FnMut() + Send) -> Applied {
        let action = |(group, write)| Action {
            group,
            key: None,
            title: String::new(),
            write,
            reason: Reason::NewGroup,
        };
        let actions = writes.into_iter().map(action).collect();
        let plan = Plan { at: Timestamp::UNIX_EPOCH, complete: true, actions, holds: Vec::new(), kept: 0 };
        let (policy, stop) = (self.policy(), CancellationToken::new());
        let (jira, store, clock) = (&self.jira, &mut self.store, &self.clock);
        apply::apply(&plan, jira, store, clock, &policy, &stop, &mut |_, _| after_each()).await.unwrap()
    }

    /// A pass over some groups, by a process that may die in it and is started again then.
    async fn pass(&mut self, groups: &[Group]) {
        let (records, standing) = wanted(groups.to_vec());
        let wanted = Wanted::of(&records, &standing);
        let (policy, params, stop) = (self.policy(), plan_params(SETTLE), CancellationToken::new());
        let (jira, store, clock) = (&self.jira, &mut self.store, &self.clock);
        let pass = async {
            apply::recover(jira, store, clock, &policy, true).await?;
            apply::reconcile(&wanted, &params, jira, store, clock, &policy, &stop, &mut |_, _, _| {}).await
        };
        let is_alive = tokio::select! {
            done = pass => !matches!(done, Err(RecoverError::State(_))),
            () = self.jira.world.crashed() => false,
        };
        if !is_alive {
            self.world().revive();
            self.jira.client.begin_anew();
            self.store = self.jira.disk.open(self.world());
        }
    }

    /// A ticket of ours with its mark, as a create made it.
    fn marked(&mut self, group: &Group) -> u64 {
        let Content { summary, block, labels, priority, fields, .. } = content(group);
        let mark = Mark::of(group, Grain::Fine);
        let document = block::compose(Markup::Adf, &group.id, &[], &adf::nodes(&block), &[]);
        let mut number = 0;
        self.world().person(|jira, now, _| {
            let labels = labels.into_iter().collect();
            number = jira.add(BOT, &summary, document, labels, Some(mark), (now, now));
            let observed = &mut jira.issues.get_mut(&(10_000 + number)).unwrap().observed;
            (observed.priority, observed.fields) = (priority, fields);
        });
        number
    }

    /// An issue of the project; gives its number.
    fn issue(&self, creator: &str, is_hidden: bool) -> u64 {
        let mut number = 0;
        self.world().person(|jira, now, _| {
            number = jira.add(creator, "an issue", Value::Null, BTreeSet::new(), None, (now, now));
            jira.issues.get_mut(&(10_000 + number)).unwrap().hidden = is_hidden;
        });
        number
    }

    fn know(&mut self, group: u128, link: Link) {
        let ticket = Ticket { link, ..Ticket::none(GroupId::from_bits(group)) };
        self.record(Change::Ticket(ticket));
    }

    fn record(&mut self, change: Change) {
        let at = self.clock.moment().at;
        self.store.record(at, &[change]).unwrap();
    }

    /// A ticket of ours.
    fn bound(&mut self, group: u128) -> u64 {
        let number = self.issue(BOT, false);
        let issue = Issue { id: (10_000 + number).to_string(), key: format!("DISP-{number}") };
        self.know(group, Link::Bound { issue });
        number
    }

    /// A create whose answer was lost.
    fn lost(&mut self, group: u128, highest_number: u64) {
        let sent = self.clock.moment();
        self.know(group, Link::Unknown { attempts: 1, project: None, highest_number, sent, fence: None });
    }

    fn link(&self, group: u128) -> Link {
        self.store.known().ticket(&GroupId::from_bits(group)).link
    }

    fn fence(&self, group: u128) -> Option<Fence> {
        match self.link(group) {
            Link::Unknown { fence, .. } => fence.map(|fence| *fence),
            other => panic!("{other:?}"),
        }
    }

    /// Numbers of the issues with a label.
    fn with(&self, label: &str) -> Vec<u64> {
        let inner = self.world().lock();
        let with = inner.jira.issues.iter().filter(|(_, ticket)| ticket.observed.labels.contains(label));
        with.map(|(id, _)| id - 10_000).collect()
    }

    /// The machine is started anew, and its clock is set by a month meanwhile.
    fn reboot(&self) {
        let mut inner = self.world().lock();
        inner.boot += 1;
        inner.skew = SignedDuration::from_hours(24 * 30);
    }
}

fn group(bits: u128) -> Group {
    Group {
        id: GroupId::from_bits(bits),
        program: Program::Mdrp,
        client: "EXAMPLE".into(),
        patterns: Vec::new(),
        members: vec![format!("C{bits}-000").as_str().into()],
        since: Timestamp::UNIX_EPOCH,
        split_from: None,
        status: Status::Active,
        pending: Vec::new(),
    }
}

/// A group with a ticket, by how many disputes it has.
fn group_of(disputes: usize) -> Group {
    Group { members: (0..disputes).map(|n| format!("C1-{n:03}").as_str().into()).collect(), ..group(1) }
}

#[test]
fn a_fence_whose_beacon_is_lost_is_put_up_again_and_never_passed_meanwhile() {
    for is_deleted in [false, true] {
        tell(async |story| {
            let beacons = [story.bound(1), story.bound(2)];
            story.lost(3, 2);
            let newest = story.issue("person", true);
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
            let label = story.fence(3).unwrap().label;
            assert_eq!(story.with(&label), beacons[..1], "it is put on the oldest");
            story.world().person(|jira, now, _| {
                let id = 10_000 + beacons[0];
                if is_deleted {
                    jira.issues.remove(&id);
                } else if let Some(ticket) = jira.issues.get_mut(&id) {
                    ticket.observed.labels.clear();
                    ticket.relabel(now);
                }
            });
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
            assert_eq!(story.fence(3).unwrap().passed, None, "the index showed nothing");
            let again = if is_deleted { beacons[1] } else { beacons[0] };
            assert_eq!(story.with(&label), [again]);
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
            assert!(story.fence(3).unwrap().passed.is_some());
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
            assert_eq!(story.link(3), Link::Ready { attempts: 1 }, "issue {newest} cannot be read");
            assert_eq!(story.with(&label), Vec::<u64>::new(), "it is taken down");
        });
    }
}

#[test]
fn a_search_that_was_cut_proves_nothing_to_a_fence_and_ends_no_doubt() {
    let cut = |story: &Story, is_cut: bool| {
        let why = is_cut.then(|| "Jira warns".to_owned());
        story.world().person(|jira, _, _| jira.cut = why);
    };
    tell(async |story| {
        story.bound(1);
        story.lost(2, 1);
        story.issue("person", true);
        cut(story, true);
        for _ in 0..4 {
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
            assert_eq!(story.fence(2).unwrap().passed, None);
        }
        cut(story, false);
        for _ in 0..2 {
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
        }
        assert_eq!(story.link(2), Link::Ready { attempts: 1 });
    });
    tell(async |story| {
        let doubt = Doubt { reason: "a copy was restored".to_owned(), read: None };
        story.record(Change::Doubt { doubt: Some(doubt.clone()) });
        cut(story, true);
        for _ in 0..3 {
            let policy = story.policy();
            let blind = apply::recover(&story.jira, &mut story.store, &story.clock, &policy, true).await;
            assert!(matches!(blind, Err(RecoverError::Blind { .. })), "{blind:?}");
            tokio::time::sleep(2 * A_WHILE).await;
        }
        assert_eq!(story.store.known().doubt, Some(doubt), "it was not read once");
    });
}

#[test]
fn a_create_that_nobody_can_tell_of_keeps_no_later_one_from_being_found_out() {
    for is_held in [false, true] {
        tell(async |story| {
            let sent = story.clock.moment();
            if is_held {
                let reason = "nobody can tell".to_owned();
                story.know(1, Link::Held { attempts: 1, project: None, highest_number: 0, sent, reason });
            } else {
                story.lost(1, 0);
            }
            // More than are read to find one.
            for _ in 0..6_000 {
                story.issue("person", false);
            }
            story.lost(2, 6_000);
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
            assert_eq!(story.link(2), Link::Ready { attempts: 1 }, "it is not there");
            assert!(matches!(story.link(1), Link::Unknown { .. } | Link::Held { .. }));
        });
    }
}

#[test]
fn an_opening_after_which_very_many_issues_came_is_read_to_its_end_run_by_run() {
    tell(async |story| {
        claimed(story).await;
        story.world().person(|jira, _, _| jira.property.as_mut().unwrap()["opening_after"] = json!(1));
        for _ in 0..12_000 {
            story.issue("person", false);
        }
        let mut unread = Vec::new();
        for _ in 0..4 {
            let policy = story.policy();
            let (jira, store, clock) = (&story.jira, &mut story.store, &story.clock);
            let recovered = apply::recover(jira, store, clock, &policy, true).await.unwrap();
            apply::anchor(jira, store, clock, &policy, &recovered.unread).await.unwrap().unwrap();
            unread.push(recovered.unread.into_values().next());
        }
        assert!(unread[0] > Some(5_000) && unread[1] > Some(10_000), "{unread:?}");
        assert_eq!(unread[2..], [None, None], "what was read is not read again");
    });
}

#[test]
fn where_the_claim_cannot_be_looked_at_that_is_told_once_and_nothing_is_written() {
    tell(async |story| {
        let issue = claimed(story).await;
        tokio::time::sleep(A_WHILE).await;
        let comment = |n: u32| {
            let write =
                Write::Comment { issue: issue.clone(), topic: format!("topic {n}"), body: Vec::new() };
            (GroupId::from_bits(1), write)
        };
        let next = story.world().lock().steps + 1;
        story.world().lock().faults = vec![(next, Fault::Error)];
        let applied = story.apply((0..3).map(comment).collect(), || {}).await;
        assert!(matches!(&applied.failed[..], [(_, Failure::Jira(_))]), "{applied:?}");
        assert_eq!((applied.done.len(), applied.untried.len()), (0, 2), "{applied:?}");
    });
}

#[test]
fn a_ticket_that_a_person_began_to_work_on_after_the_plan_looked_is_neither_closed_nor_set_back() {
    tell(async |story| {
        let number = story.bound(1);
        let id = 10_000 + number;
        let issue = story.store.known().ticket(&GroupId::from_bits(1)).issue().unwrap().clone();
        story.world().lock().jira.issues.get_mut(&id).unwrap().observed.category = Category::InProgress;
        for to in [Category::Done, Category::New] {
            let write = Write::Transition { issue: issue.clone(), to, resolution: None, topic: None };
            let applied = story.apply(vec![(GroupId::from_bits(1), write)], || {}).await;
            let is_left = matches!(applied.failed[..], [(_, Failure::ChangedMeanwhile)]);
            assert_eq!(is_left, to == Category::Done, "{applied:?}");
            let category = story.world().lock().jira.issues[&id].observed.category;
            assert_eq!(category, Category::InProgress, "{to:?}");
        }
    });
}

#[test]
fn a_doubt_is_not_ended_by_a_clock_that_was_set_while_the_machine_was_off() {
    tell(async |story| {
        let doubt = Doubt { reason: "a copy was restored".to_owned(), read: None };
        story.record(Change::Doubt { doubt: Some(doubt) });
        story.recover().await;
        story.reboot();
        story.recover().await;
        assert!(story.store.known().doubt.is_some());
        let is_open = |story: &Story| {
            let clock = Both { here: &story.clock, there: &story.jira };
            apply::is_open(story.store.known(), &story.policy(), &clock.moment())
        };
        assert!(!is_open(story));
        // And ten minutes, by which the clocks of this machine and of Jira may differ.
        tokio::time::sleep(2 * A_WHILE + Duration::from_mins(11)).await;
        assert!(is_open(story));
        story.recover().await;
        assert_eq!(story.store.known().doubt, None);
    });
}

#[test]
fn where_each_run_has_a_machine_of_its_own_what_was_lost_is_settled_by_its_clock_and_that_of_jira_together() {
    const AN_HOUR: Duration = Duration::from_hours(1);
    tell(async |story| {
        // Before anything was sent, the process asked Jira who it is.
        let sent = Both { here: &story.clock, there: &story.jira }.moment();
        story.know(1, Link::Unknown { attempts: 1, project: None, highest_number: 0, sent, fence: None });
        let doubt = Doubt { reason: "a copy was restored".to_owned(), read: None };
        story.world().lock().boot += 1;
        story.recover().await;
        assert!(matches!(story.link(1), Link::Unknown { .. }), "only now was it sent");
        tokio::time::sleep(AN_HOUR).await;
        story.world().lock().boot += 1;
        story.recover().await;
        assert_eq!(story.link(1), Link::Ready { attempts: 1 });
        story.record(Change::Doubt { doubt: Some(doubt) });
        for is_ended in [false, true] {
            story.world().lock().boot += 1;
            story.recover().await;
            assert_eq!(story.store.known().doubt.is_none(), is_ended);
            tokio::time::sleep(AN_HOUR).await;
        }
    });
}

#[test]
fn a_wait_ends_where_each_run_has_a_machine_of_its_own_and_they_come_every_five_minutes() {
    tell(async |story| {
        let sent = Both { here: &story.clock, there: &story.jira }.moment();
        story.know(1, Link::Unknown { attempts: 1, project: None, highest_number: 0, sent, fence: None });
        let doubt = Doubt { reason: "a copy was restored".to_owned(), read: None };
        let mut runs = 0;
        for round in 0..2 {
            for run in 0..12 {
                story.world().lock().boot += 1;
                story.recover().await;
                tokio::time::sleep(Duration::from_mins(5)).await;
                runs = run;
                let is_over = if round == 0 {
                    story.link(1) == Link::Ready { attempts: 1 }
                } else {
                    story.store.known().doubt.is_none()
                };
                if is_over {
                    break;
                }
            }
            assert!(runs > 1 && runs < 8, "round {round}: {runs} runs");
            story.record(Change::Doubt { doubt: Some(doubt.clone()) });
        }
    });
}

#[test]
fn a_comment_is_not_sent_again_by_a_clock_that_was_set_while_the_machine_was_off() {
    tell(async |story| {
        let number = story.bound(1);
        let issue = story.store.known().ticket(&GroupId::from_bits(1)).issue().unwrap().clone();
        let mut ticket = story.store.known().ticket(&GroupId::from_bits(1));
        ticket.saying.insert("topic".to_owned(), story.clock.moment());
        story.record(Change::Ticket(ticket));
        story.reboot();
        let said = |story: &Story| story.world().lock().jira.issues[&(10_000 + number)].comments.clone();
        for (nap, comments) in [(Duration::ZERO, 0), (A_WHILE, 1)] {
            tokio::time::sleep(nap).await;
            let write = Write::Comment { issue: issue.clone(), topic: "topic".to_owned(), body: Vec::new() };
            let applied = story.apply(vec![(GroupId::from_bits(1), write)], || {}).await;
            let unsettled = matches!(applied.failed[..], [(_, Failure::Unsettled)]);
            assert_eq!((said(story).len(), unsettled), (comments, comments == 0), "{applied:?}");
        }
    });
}

#[test]
fn of_two_copies_of_one_state_the_one_that_claimed_the_project_last_opens_tickets_alone() {
    tell(async |story| {
        story.lease = true;
        let creates = (1..=3).map(|bits| {
            let group = group(bits);
            let write =
                Write::Create { content: content(&group), mark: Box::new(Mark::of(&group, Grain::Fine)) };
            (group.id, write)
        });
        let world = story.world().clone();
        // The copy has the same name and the same record of the journal.
        let other_begins = || {
            world.person(|jira, _, _| jira.property.as_mut().unwrap()["session"] = json!("another"));
        };
        let applied = story.apply(creates.collect(), other_begins).await;
        assert_eq!(applied.done.len(), 1, "{applied:?}");
        assert!(matches!(&applied.failed[..], [(_, Failure::Foreign { .. })]), "{applied:?}");
        assert_eq!(story.world().lock().jira.issues.len(), 1);
    });
}

/// A story in which this state has the project and opened a ticket.
async fn claimed(story: &mut Story) -> Issue {
    story.lease = true;
    let group = group(1);
    let write = Write::Create { content: content(&group), mark: Box::new(Mark::of(&group, Grain::Fine)) };
    let applied = story.apply(vec![(group.id.clone(), write)], || {}).await;
    assert!(applied.failed.is_empty(), "{applied:?}");
    let policy = story.policy();
    apply::anchor(&story.jira, &mut story.store, &story.clock, &policy, &BTreeMap::new())
        .await
        .unwrap()
        .unwrap();
    story.store.known().ticket(&group.id).issue().unwrap().clone()
}

/// The claim of a run is sent, Jira is long at it, and nobody hears what became of it.
async fn anchored_late(story: &mut Story) {
    let policy = story.policy();
    {
        // The claim is asked for, which is answered; that one is sent is recorded, in two steps.
        let mut inner = story.world().lock();
        inner.faults = vec![(inner.steps + 5, Fault::LostAnswer)];
    }
    let none = BTreeMap::new();
    let sent = apply::anchor(&story.jira, &mut story.store, &story.clock, &policy, &none).await.unwrap();
    assert!(matches!(&sent, Err(Failure::Jira(error)) if !error.is_unexecuted()), "{sent:?}");
}

#[test]
fn a_claim_that_jira_carries_out_late_does_not_take_back_which_tickets_a_later_run_is_opening() {
    for (is_killed, is_started_anew) in [(false, false), (true, false), (true, true)] {
        tell(async |story| {
            claimed(story).await;
            anchored_late(story).await;
            // A later one that has its answer says nothing of the earlier one.
            let (policy, none) = (story.policy(), BTreeMap::new());
            apply::anchor(&story.jira, &mut story.store, &story.clock, &policy, &none)
                .await
                .unwrap()
                .unwrap();
            if is_killed {
                story.world().lock().boot += u64::from(is_started_anew);
                story.jira.client.begin_anew();
                story.store = story.jira.disk.open(story.world());
            }
            let second = group(2);
            let mark = Box::new(Mark::of(&second, Grain::Fine));
            let create = Write::Create { content: content(&second), mark };
            let applied = story.apply(vec![(second.id.clone(), create)], || {}).await;
            assert_eq!(applied.done.len(), 1, "{applied:?}");
            // It dies here. Whatever was sent before has come by then.
            tokio::time::sleep(A_WHILE).await;
            let property = story.world().lock().jira.property.clone().unwrap();
            assert_eq!(property["opening_after"], json!(1), "killed {is_killed}: {property}");
        });
    }
}

#[test]
fn a_copy_of_the_state_from_before_a_claim_was_sent_is_noticed_though_the_claim_comes_late() {
    tell(async |story| {
        claimed(story).await;
        let kept = story.jira.disk.lock().len();
        anchored_late(story).await;
        tokio::time::sleep(A_WHILE).await;
        story.jira.disk.lock().truncate(kept);
        story.store = story.jira.disk.open(story.world());
        story.recover().await;
        let doubt = story.store.known().doubt.as_ref();
        assert!(
            doubt.is_some_and(|doubt| doubt.reason.contains("the state ends before record")),
            "{doubt:?}"
        );
    });
}

/// Two groups that are to get tickets.
fn two_creates() -> Vec<(GroupId, Write)> {
    let create = |number| {
        let group = group(number);
        let mark = Box::new(Mark::of(&group, Grain::Fine));
        (group.id.clone(), Write::Create { content: content(&group), mark })
    };
    [2, 3].map(create).into()
}

#[test]
fn a_claim_that_never_arrived_keeps_no_ticket_from_being_opened_in_the_same_run() {
    // The newest number is asked for, the name recorded, the claim asked for, and that one is sent recorded: two steps each.
    tell_with(vec![(9, Fault::LostRequest)], async |story| {
        story.lease = true;
        let applied = story.apply(two_creates(), || {}).await;
        assert_eq!((applied.done.len(), applied.failed.len()), (2, 0), "{applied:?}");
        let passed = story.world().elapsed();
        assert!(passed + Duration::from_mins(1) >= A_WHILE, "{passed:?}");
    });
}

#[test]
fn a_claim_without_an_answer_on_a_project_that_is_ours_keeps_no_ticket_from_being_opened_in_the_same_run() {
    for fault in [Fault::LostRequest, Fault::LostAnswer] {
        tell(async |story| {
            claimed(story).await;
            {
                // The claim is asked for, the newest number, the claim again, and that one is sent recorded: two steps each.
                let mut inner = story.world().lock();
                inner.faults = vec![(inner.steps + 9, fault)];
            }
            let before = story.world().elapsed();
            let applied = story.apply(two_creates(), || {}).await;
            assert_eq!((applied.done.len(), applied.failed.len()), (2, 0), "{fault:?}: {applied:?}");
            let passed = story.world().elapsed().saturating_sub(before);
            assert!(passed + Duration::from_mins(1) >= A_WHILE, "{fault:?}: {passed:?}");
        });
    }
}

#[test]
fn a_claim_without_an_answer_on_a_free_project_opens_nothing_before_jira_was_read() {
    tell_with(vec![(9, Fault::LostAnswer)], async |story| {
        story.lease = true;
        let applied = story.apply(two_creates(), || {}).await;
        assert_eq!((applied.done.len(), applied.failed.len()), (0, 2), "{applied:?}");
        story.recover().await;
        let doubt = story.store.known().doubt.clone();
        assert!(doubt.is_some_and(|it| it.reason.contains("free")), "another machine may be at it still");
        tokio::time::sleep(A_WHILE).await;
        story.recover().await;
        assert_eq!(story.store.known().doubt, None, "one reading is enough");
        let applied = story.apply(two_creates(), || {}).await;
        assert_eq!((applied.done.len(), applied.failed.len()), (2, 0), "{applied:?}");
    });
}

#[test]
fn a_run_that_died_over_its_claim_on_a_free_project_is_in_doubt_from_the_next_look_on() {
    tell(async |story| {
        claimed(story).await;
        let claim = story.store.known().claim.clone().unwrap();
        let sent = Some(story.clock.moment());
        let died = Change::Claim { claim: Some(Claimed { sent: sent.clone(), was_free: true, ..claim }) };
        story.store.record(story.clock.moment().at, &[died]).unwrap();
        story.recover().await;
        let doubt = story.store.known().doubt.clone();
        assert_eq!(doubt.map(|doubt| doubt.read), Some(sent), "its wait began when the claim was sent");
        tokio::time::sleep(2 * A_WHILE).await;
        story.recover().await;
        assert_eq!(story.store.known().doubt, None);
    });
}

#[test]
fn a_claim_that_does_not_get_through_is_sent_again_and_holds_nothing_up() {
    tell_with(vec![(9, Fault::Error)], async |story| {
        story.lease = true;
        let group = group(1);
        let mark = Box::new(Mark::of(&group, Grain::Fine));
        let create = Write::Create { content: content(&group), mark };
        let applied = story.apply(vec![(group.id.clone(), create)], || {}).await;
        assert_eq!((applied.done.len(), applied.failed.len()), (1, 0), "{applied:?}");
        assert!(story.world().elapsed() < Duration::from_mins(1));
    });
}

#[test]
fn a_claim_whose_record_took_the_disk_so_long_that_another_machine_may_be_at_work_is_not_sent() {
    tell(async |story| {
        claimed(story).await;
        tokio::time::sleep(A_WHILE).await;
        let theirs = {
            // The claim is asked for, which is answered; the record of one that is about to be sent takes long.
            let mut inner = story.world().lock();
            inner.faults = vec![(inner.steps + 3, Fault::Slow)];
            inner.jira.property.clone()
        };
        let (policy, none) = (story.policy(), BTreeMap::new());
        let sent = apply::anchor(&story.jira, &mut story.store, &story.clock, &policy, &none).await.unwrap();
        assert!(matches!(sent, Err(Failure::HeldUp)), "{sent:?}");
        assert_eq!(story.world().lock().jira.property, theirs);
        assert_eq!(story.store.known().claim.as_ref().unwrap().sent, None, "nothing is under way");
    });
}

#[test]
fn a_state_from_before_its_own_take_over_takes_over_again_where_that_never_arrived() {
    tell(async |story| {
        claimed(story).await;
        tokio::time::sleep(A_WHILE).await;
        {
            let mut inner = story.world().lock();
            inner.jira.property.as_mut().unwrap()["epoch"] = json!(2);
            // Signed in and the claim looked at, each with its answer, and three records of two steps.
            inner.faults = vec![(inner.steps + 11, Fault::LostRequest)];
        }
        let policy = story.policy();
        let lost = apply::recover(&story.jira, &mut story.store, &story.clock, &policy, true).await;
        assert!(matches!(lost, Err(RecoverError::Jira(_))), "{lost:?}");
        assert_eq!(
            story.world().lock().jira.property.as_ref().unwrap()["epoch"],
            json!(2),
            "it never arrived"
        );
        for _ in 0..3 {
            story.recover().await;
            tokio::time::sleep(2 * A_WHILE).await;
        }
        assert_eq!(story.store.known().doubt, None);
        let second = group(2);
        let mark = Box::new(Mark::of(&second, Grain::Fine));
        let create = Write::Create { content: content(&second), mark };
        let applied = story.apply(vec![(second.id.clone(), create)], || {}).await;
        assert_eq!((applied.done.len(), applied.failed.len()), (1, 0), "{applied:?}");
    });
}

#[test]
fn who_was_overtaken_writes_nothing_more_neither_to_tickets_nor_to_the_claim() {
    let behind = json!({ "seq": 1_000, "hash": "7".repeat(64) });
    for (name, value) in [
        // Another state took over, or a copy of this one went on with it, whether or not it is still at work.
        ("instance", json!("another")),
        ("epoch", json!(9)),
        ("head", behind),
    ] {
        tell(async |story| {
            let issue = claimed(story).await;
            tokio::time::sleep(A_WHILE).await;
            story.world().person(|jira, _, _| {
                let claim = jira.property.as_mut().unwrap();
                claim["session"] = json!("of another pass");
                claim[name] = value.clone();
            });
            let theirs = story.world().lock().jira.property.clone();
            let comment = Write::Comment { issue, topic: "topic".to_owned(), body: Vec::new() };
            let second = group(2);
            let mark = Box::new(Mark::of(&second, Grain::Fine));
            let create = Write::Create { content: content(&second), mark };
            for write in [(GroupId::from_bits(1), comment), (second.id.clone(), create)] {
                let applied = story.apply(vec![write], || {}).await;
                assert!(matches!(&applied.failed[..], [(_, Failure::Foreign { .. })]), "{name}: {applied:?}");
            }
            let (policy, none) = (story.policy(), BTreeMap::new());
            let anchored =
                apply::anchor(&story.jira, &mut story.store, &story.clock, &policy, &none).await.unwrap();
            assert!(matches!(anchored, Err(Failure::Foreign { .. })), "{name}: {anchored:?}");
            let inner = story.world().lock();
            assert_eq!(inner.jira.property, theirs, "{name}");
            assert_eq!(inner.jira.issues.len(), 1, "{name}");
            assert!(inner.jira.issues.values().all(|ticket| ticket.comments.is_empty()), "{name}");
        });
    }
}

#[test]
fn while_a_project_is_hidden_in_which_a_run_ended_opening_tickets_no_group_is_minted_and_no_ticket_opened() {
    tell(async |story| {
        claimed(story).await;
        let hide = |story: &Story, is_hidden: bool| story.world().lock().jira.is_hidden = is_hidden;
        story.world().person(|jira, _, _| {
            jira.has_rules = true;
            jira.property.as_mut().unwrap()["elsewhere"] = json!({ "OTHER": 3 });
        });
        let members = (0..5).map(|n| format!("C2-{n:03}").as_str().into()).collect();
        let (records, standing) = wanted(vec![group(1), Group { members, ..group(2) }]);
        for is_hidden in [true, false] {
            hide(story, is_hidden);
            let (policy, params, stop) = (story.policy(), plan_params(SETTLE), CancellationToken::new());
            let (jira, store, clock) = (&story.jira, &mut story.store, &story.clock);
            let recovered = apply::recover(jira, store, clock, &policy, true).await.unwrap();
            assert_eq!(recovered.unread.contains_key("OTHER"), is_hidden);
            let wanted = Wanted {
                elsewhere: &recovered.elsewhere,
                unread: &recovered.unread,
                ..Wanted::of(&records, &standing)
            };
            apply::reconcile(&wanted, &params, jira, store, clock, &policy, &stop, &mut |_, _, _| {})
                .await
                .unwrap();
            let is_known = story.store.known().groups.contains_key(&GroupId::from_bits(2));
            let issues = story.world().lock().jira.issues.len();
            assert_eq!((is_known, issues), if is_hidden { (false, 1) } else { (true, 2) });
        }
    });
}

#[test]
fn a_state_whose_doubt_ended_works_on_though_the_claim_had_the_head_of_a_copy() {
    tell(async |story| {
        claimed(story).await;
        let behind = json!({ "seq": 1_000, "hash": "7".repeat(64) });
        story.world().person(|jira, _, _| jira.property.as_mut().unwrap()["head"] = behind);
        for _ in 0..3 {
            story.recover().await;
            tokio::time::sleep(2 * A_WHILE).await;
        }
        assert_eq!(story.store.known().doubt, None);
        let second = group(2);
        let mark = Box::new(Mark::of(&second, Grain::Fine));
        let create = Write::Create { content: content(&second), mark };
        let applied = story.apply(vec![(second.id.clone(), create)], || {}).await;
        assert!(applied.failed.is_empty(), "{applied:?}");
    });
}

#[test]
fn a_run_that_only_edits_for_long_gives_signs_of_life() {
    tell(async |story| {
        story.takeover_after = Some(SignedDuration::from_mins(15));
        let issue = claimed(story).await;
        let comment = |n: u32| {
            let write =
                Write::Comment { issue: issue.clone(), topic: format!("topic {n}"), body: Vec::new() };
            (GroupId::from_bits(1), write)
        };
        let begun = story.world().lock().jira.property.clone().unwrap()["beat"].clone();
        let world = story.world().clone();
        // Each takes a minute.
        let slow = || world.stall(Duration::from_mins(1));
        let applied = story.apply((0..7).map(comment).collect(), slow).await;
        assert!(applied.failed.is_empty(), "{applied:?}");
        assert_ne!(story.world().lock().jira.property.clone().unwrap()["beat"], begun);
    });
}

#[test]
fn a_machine_that_stands_by_takes_no_project_over_by_a_clock_that_was_set_while_it_was_off() {
    tell(async |story| {
        story.lease = true;
        story.takeover_after = Some(SignedDuration::from_hours(1));
        let claim = json!({
            "schema": 1, "instance": "another", "host": "elsewhere", "epoch": 3, "beat": 7, "session": "a",
            "head": { "seq": 0, "hash": "0".repeat(64) },
        });
        story.world().person(|jira, _, _| jira.property = Some(claim));
        let policy = story.policy();
        let look = async |story: &mut Story| {
            apply::recover(&story.jira, &mut story.store, &story.clock, &policy, true).await
        };
        assert!(matches!(look(story).await, Err(RecoverError::Foreign { .. })));
        story.reboot();
        for nap in [Duration::ZERO, Duration::from_mins(59)] {
            tokio::time::sleep(nap).await;
            assert!(matches!(look(story).await, Err(RecoverError::Foreign { .. })), "{nap:?}");
        }
        tokio::time::sleep(Duration::from_mins(13)).await;
        look(story).await.unwrap();
        assert_eq!(story.store.known().claim.as_ref().unwrap().epoch, 4, "it has been silent for an hour");
    });
}

#[test]
fn a_lower_id_that_is_found_later_becomes_the_ticket_and_the_other_is_closed_once_whatever_breaks() {
    let grown = group_of(5);
    let story = |faults: Vec<(u64, Fault)>| {
        let case = format!("{faults:?}");
        let (mut first, mut last) = (0, 0);
        tell_with(faults, async |story| {
            let (lower, higher) = (story.marked(&grown), story.marked(&grown));
            let [lower, higher] = [lower, higher].map(|number| 10_000 + number);
            let hide = |story: &Story, hidden| {
                let mut inner = story.world().lock();
                inner.jira.issues.get_mut(&lower).unwrap().hidden = hidden;
            };
            hide(story, true);
            let (records, _) = wanted(vec![grown.clone()]);
            story.record(Change::Group(records[0].clone()));
            let issue = Issue { id: higher.to_string(), key: format!("DISP-{}", higher - 10_000) };
            story.know(1, Link::Bound { issue });
            first = 1 + story.world().lock().steps;
            story.pass(std::slice::from_ref(&grown)).await;
            hide(story, false);
            for _ in 0..6 {
                tokio::time::sleep(A_WHILE).await;
                story.pass(std::slice::from_ref(&grown)).await;
            }
            let Link::Bound { issue } = story.link(1) else { panic!("{case}: {:?}", story.link(1)) };
            assert_eq!(issue.id, lower.to_string(), "{case}");
            let inner = story.world().lock();
            last = inner.steps;
            let (kept, second) = (&inner.jira.issues[&lower], &inner.jira.issues[&higher]);
            assert_eq!(inner.jira.issues.len(), 2, "{case}");
            let stands = (kept.observed.category, second.observed.category);
            assert_eq!(stands, (Category::New, Category::Done), "{case}: {:?}", second.history);
            assert_eq!(second.observed.duplicate_of, [issue], "{case}");
            let said = format!("duplicate-{higher}-said");
            assert_eq!(second.comments, [said], "{case}");
            let closes = |past: &&Past| past.items.iter().any(|item| item.to == "Done");
            assert_eq!(second.history.iter().filter(closes).count(), 1, "{case}");
            assert!(kept.comments.is_empty() && kept.observed.lists.len() == 1, "{case}: {kept:?}");
        });
        first..=last
    };
    let steps = story(Vec::new());
    println!("{} steps", steps.clone().count());
    for step in steps {
        for fault in Fault::ALL {
            story(vec![(step, fault)]);
        }
    }
}

#[test]
fn what_was_overwritten_is_given_back_when_the_ticket_can_be_seen_again() {
    tell(async |story| {
        let lost = |story: &Story| {
            let inner = story.world().lock();
            inner.jira.issues.values().flat_map(|ticket| ticket.lost.clone()).collect::<Vec<Loss>>()
        };
        let hide = |story: &Story, hidden| {
            let mut inner = story.world().lock();
            inner.jira.issues.values_mut().for_each(|ticket| ticket.hidden = hidden);
        };
        story.pass(&[group_of(5)]).await;
        story.world().lock().chances.hands = 1_000;
        // Until a person was quick enough.
        let mut disputes = 6;
        while lost(story).is_empty() {
            story.pass(&[group_of(disputes)]).await;
            disputes += 1;
            tokio::time::sleep(A_WHILE).await;
        }
        story.world().lock().chances.hands = 0;
        for hidden in [true, true, false] {
            assert!(lost(story).iter().all(|lost| !lost.is_given_back));
            hide(story, hidden);
            story.pass(&[group_of(disputes - 1)]).await;
            tokio::time::sleep(A_WHILE).await;
        }
        assert!(lost(story).iter().all(|lost| lost.is_given_back), "{:?}", lost(story));
    });
}

#[test]
fn a_lost_create_of_a_project_that_is_hidden_is_not_given_up_and_is_found_when_the_project_is_back() {
    tell(async |story| {
        story.bound(1);
        story.record(Change::Project { project: OTHER.to_owned() });
        let (sent, lost) = (story.clock.moment(), group(2));
        for record in wanted(vec![lost.clone()]).0 {
            story.record(Change::Group(record));
        }
        let project = Some(OTHER.into());
        story.know(2, Link::Unknown { attempts: 1, project, highest_number: 0, sent, fence: None });
        story.world().person(|jira, now, _| {
            let (labels, mark) = (BTreeSet::from([lost.id.label()]), Mark::of(&lost, Grain::Fine));
            jira.add_to(OTHER, BOT, ("late", Value::Null), labels, Some(mark), (now, now));
            jira.is_hidden = true;
        });
        for _ in 0..5 {
            tokio::time::sleep(A_WHILE).await;
            story.recover().await;
            assert!(matches!(story.link(2), Link::Unknown { .. }), "{:?}", story.link(2));
        }
        story.world().lock().jira.is_hidden = false;
        story.recover().await;
        assert!(matches!(story.link(2), Link::Bound { .. }), "{:?}", story.link(2));
    });
}
