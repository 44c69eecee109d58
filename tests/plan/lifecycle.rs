//! From the first ticket to the last: create, cap, lost answers, resolved, returned, incomplete input.

use std::collections::BTreeMap;

use disputebot::{
    group::{Pending, Status},
    plan::{
        Category, Closed, Detail, HoldReason, Link, Manners, Moment, Plan, Reason, Ruling, RulingKind,
        StrayKind, Ticket, Write, print, written,
    },
};
use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::{A, B, C, World, content, holds, id, writes};

#[test]
fn a_new_group_gets_a_ticket_with_the_whole_text_of_its_content() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    let plan = world.plan();
    let [action] = plan.actions.as_slice() else { panic!("{plan:?}") };
    let mark = world.mark(A);
    assert_eq!(action.write, Write::Create { content: content(A, 5), mark });
    assert_eq!(action.reason, Reason::NewGroup);
    world.run();
    assert_eq!(world.jira.len(), 1);
    assert_eq!(world.plan().kept, 1);
    assert_eq!(holds(&world.plan()), Vec::<&HoldReason>::new());
}

#[test]
fn the_cap_holds_the_least_valuable_groups_and_says_so() {
    let mut world = World::new();
    world.params.max_new_tickets = 2;
    world.add(A, 9, 100);
    world.add(B, 4, 5000);
    world.add(C, 5, 5000);
    let plan = world.plan();
    let created: Vec<_> = plan.actions.iter().map(|action| action.group.clone()).collect();
    assert_eq!(created, [id(C), id(B)], "money first, then disputes");
    assert_eq!((plan.holds.len(), &plan.holds[0].group), (1, &id(A)));
    assert_eq!(plan.holds[0].reason, HoldReason::Cap { limit: 2 });
    assert_eq!(plan.kept, 0);
    world.apply(&plan);
    assert_eq!(writes(&world.run()), ["create new"], "the next run opens what was held");
}

/// Marks the create of a group as refused by Jira.
fn refuse(world: &mut World, bits: u128) {
    let mut ticket = Ticket::none(id(bits));
    ticket.link = Link::Parked { attempts: 1, reason: "the field `Team` is required".to_owned() };
    world.tickets.insert(id(bits), ticket);
}

#[test]
fn what_jira_refused_takes_no_place_from_what_it_may_take() {
    let mut world = World::new();
    world.params.max_new_tickets = 2;
    for (bits, amount) in [(A, 9_000), (B, 100), (C, 50)] {
        world.add(bits, 9, amount);
    }
    refuse(&mut world, A);
    let opened = |plan: &Plan| -> Vec<_> { plan.actions.iter().map(|it| it.group.clone()).collect() };
    assert_eq!(opened(&world.plan()), [id(B), id(C)]);
    world.params.max_new_tickets = 3;
    assert_eq!(opened(&world.plan()), [id(B), id(C), id(A)], "it is tried where there is room");
}

#[test]
fn of_one_project_what_was_not_tried_yet_comes_before_what_was_refused() {
    let mut world = World::new();
    for bits in 1..=4 {
        world.add(bits, 9, 1_000);
        refuse(&mut world, bits);
    }
    for bits in 5..=9 {
        world.add(bits, 9, 10);
    }
    let plan = world.plan();
    let was_refused: Vec<bool> = plan.actions.iter().map(|it| it.group < id(5)).collect();
    assert_eq!(was_refused, [true, false, false, false, false, false, true, true, true], "one is a try");
}

#[test]
fn a_project_that_refused_several_is_tried_with_a_few_and_the_others_have_the_places() {
    let mut world = World::new();
    world.elsewhere.insert("FULL".to_owned(), true);
    // Ten for a project that refuses, all of them weightier than the five for another one.
    for bits in 1..=10 {
        world.add(bits, 9, 1_000);
        world.content(bits).project = Some("FULL".to_owned());
    }
    for bits in 11..=15 {
        world.add(bits, 9, 10);
    }
    world.params.max_new_tickets = 8;
    let opened =
        |world: &World| -> Vec<bool> { world.plan().actions.iter().map(|it| it.group >= id(11)).collect() };
    refuse(&mut world, 1);
    refuse(&mut world, 2);
    assert_eq!(opened(&world), [false; 8], "two may have been refused for themselves");
    refuse(&mut world, 3);
    assert_eq!(opened(&world), [true, true, true, true, true, false, false, false]);
    world.params.max_new_tickets = 4;
    assert_eq!(
        opened(&world),
        [true, true, true, false],
        "one is tried, so that it is found out when it is mended"
    );
    world.params.max_new_tickets = 1;
    assert_eq!(opened(&world), [true]);
    world.params.max_new_tickets = 15;
    assert_eq!(
        opened(&world).iter().filter(|is_elsewhere| !**is_elsewhere).count(),
        10,
        "where there is room"
    );
}

#[test]
fn a_cap_of_zero_opens_no_ticket_and_still_updates() {
    let mut world = World::with_ticket();
    world.params.max_new_tickets = 0;
    world.add(B, 9, 9);
    *world.content(A) = content(A, 6);
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
}

#[test]
fn a_group_with_too_few_disputes_or_too_little_money_is_held() {
    let mut world = World::new();
    world.params.min_disputes = 5;
    world.params.min_amount = Decimal::from(100);
    world.add(A, 4, 1000);
    world.add(B, 9, 99);
    world.add(C, 5, 100);
    let plan = world.plan();
    assert_eq!(plan.actions.iter().map(|action| action.group.clone()).collect::<Vec<_>>(), [id(C)]);
    assert_eq!(holds(&plan), [&HoldReason::Small { disputes: 4 }, &HoldReason::Small { disputes: 9 }]);
}

#[test]
fn a_small_group_gets_a_ticket_when_a_deadline_is_near_and_the_plan_says_so() {
    let mut world = World::new();
    for (bits, days) in [(A, Some(15)), (B, Some(14)), (C, None)] {
        world.add(bits, 4, 10);
        world.standing(bits).days_left = days;
    }
    let opened = |world: &World| {
        let plan = world.plan();
        plan.actions.into_iter().map(|action| (action.group, action.reason)).collect::<Vec<_>>()
    };
    for (min_disputes, min_amount) in [(5, 0), (4, 11)] {
        world.params.min_disputes = min_disputes;
        world.params.min_amount = min_amount.into();
        world.params.due_within_days = Some(14);
        assert_eq!(opened(&world), [(id(B), Reason::DeadlineNear { days: 14 })]);
        assert_eq!(holds(&world.plan()), [&HoldReason::Small { disputes: 4 }; 2]);
        world.params.due_within_days = None;
        assert_eq!(opened(&world), []);
    }
    // Of one that is large enough the deadline is not why.
    world.params.due_within_days = Some(14);
    world.params.min_amount = 10.into();
    assert_eq!(opened(&world), [id(A), id(B), id(C)].map(|group| (group, Reason::NewGroup)));
}

#[test]
fn a_group_of_few_disputes_gets_a_ticket_by_its_money_alone_and_the_plan_says_so() {
    let mut world = World::new();
    world.params.min_disputes = 5;
    world.params.amount_alone = Some(1_000.into());
    world.add(A, 2, 999);
    world.add(B, 2, 1_000);
    world.add(C, 5, 10);
    // Where the money is enough no deadline is why.
    world.standing(B).days_left = Some(1);
    let plan = world.plan();
    let why: Vec<_> = plan.actions.iter().map(|action| (action.group.clone(), &action.reason)).collect();
    assert_eq!(why, [(id(B), &Reason::Costly), (id(C), &Reason::NewGroup)]);
    assert_eq!(holds(&plan), [&HoldReason::Small { disputes: 2 }]);
    assert!(print(&plan, Detail::Lines).contains("`plan.amount_alone` is in dispute"));
    world.params.amount_alone = None;
    world.standing(B).days_left = None;
    assert_eq!(holds(&world.plan()).len(), 2, "unset, money alone earns none");
}

#[test]
fn a_ticket_whose_group_became_small_is_kept_up_to_date() {
    let mut world = World::with_ticket();
    world.group(A).members.truncate(2);
    *world.content(A) = content(A, 2);
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
}

#[test]
fn private_text_is_not_sent() {
    let mut world = World::with_ticket();
    let private = "the summary looks like it holds a telephone number".to_owned();
    world.add(B, 5, 10);
    for bits in [A, B] {
        world.standing(bits).content = Some(Err(private.clone()));
    }
    let plan = world.run();
    let held = HoldReason::Private { what: private };
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&held, &held]));
}

#[test]
fn resolved_groups_get_a_comment_and_are_closed() {
    let mut world = World::with_ticket();
    let at = world.now;
    world.end(A, Status::Resolved { at });
    let plan = world.run();
    assert_eq!(writes(&plan), ["comment DISP-1", "close DISP-1"]);
    let Write::Transition { resolution, .. } = &plan.actions[1].write else { panic!("{plan:?}") };
    assert_eq!(resolution.as_deref(), Some("Done"));
    assert!(plan.actions.iter().all(|action| action.reason == Reason::AllResolved));
    assert_eq!(world.issue(A).category, Category::Done);
    assert!(world.plan().holds.is_empty());
}

#[test]
fn a_resolved_group_whose_ticket_a_person_closed_needs_nothing() {
    let mut world = World::with_ticket();
    world.issue(A).category = Category::Done;
    let at = world.now;
    world.end(A, Status::Resolved { at });
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![]));
}

#[test]
fn closing_can_be_switched_off() {
    let mut world = World::with_ticket();
    world.params.resolve = false;
    let at = world.now;
    world.end(A, Status::Resolved { at });
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::ResolveOff]));
}

#[test]
fn a_ticket_that_we_closed_is_reopened_when_the_cause_is_back_each_time() {
    let mut world = World::with_ticket();
    world.params.manners =
        Manners { reclose_after: SignedDuration::ZERO, comments_per_week: 9, ..Manners::default() };
    for round in 1..=2 {
        let at = world.now;
        world.end(A, Status::Resolved { at });
        world.run();
        let group = world.group(A);
        group.status = Status::Active;
        group.members = vec!["D-1".into(), "D-2".into()];
        let standing = world.standing(A);
        standing.content = Some(Ok(content(A, 2)));
        standing.returned = true;
        let plan = world.run();
        assert_eq!(writes(&plan)[..2], ["comment DISP-1", "reopen DISP-1"], "round {round}");
        assert_eq!(world.issue(A).category, Category::New);
        assert_eq!(world.comments.len(), 2 * round, "resolved and returned are said once a round");
        assert!(world.comments.last().unwrap().1.contains("2 disputes are open again"));
    }
}

#[test]
fn a_comment_on_a_reopening_that_failed_is_made_later_and_none_is_made_on_what_a_person_reopened() {
    let mut world = World::with_ticket();
    let at = world.now;
    world.end(A, Status::Resolved { at });
    world.run();
    world.group(A).status = Status::Active;
    world.standing(A).content = Some(Ok(content(A, 5)));
    world.standing(A).returned = true;
    let mut by_person = world.clone();

    let mut plan = world.plan();
    assert_eq!(writes(&plan)[..2], ["comment DISP-1", "reopen DISP-1"]);
    plan.actions.remove(0);
    world.apply(&plan);
    world.standing(A).returned = false;
    assert_eq!(writes(&world.run()), ["comment DISP-1"]);
    assert!(
        world.comments.last().unwrap().1.contains("so this ticket is open again"),
        "{:?}",
        world.comments
    );
    assert_eq!(writes(&world.run()), Vec::<String>::new());

    by_person.issue(A).category = Category::New;
    by_person.ticket(A).closed = Closed::No;
    assert!(!writes(&by_person.run()).contains(&"comment DISP-1".to_owned()));
}

#[test]
fn a_close_whose_answer_was_lost_counts_as_ours() {
    let mut world = World::with_ticket();
    world.issue(A).category = Category::Done;
    world.ticket(A).closed = Closed::Intended;
    assert_eq!(writes(&world.run()), ["comment DISP-1", "reopen DISP-1"]);
}

#[test]
fn incomplete_input_closes_nothing_and_shrinks_nothing() {
    let mut world = World::with_ticket();
    world.add(B, 6, 100);
    world.run();
    world.complete = false;
    let at = world.now;
    world.end(A, Status::Resolved { at });
    *world.content(B) = content(B, 4);
    world.standing(B).absent = 2;
    let plan = world.run();
    assert!(!plan.complete);
    assert_eq!(writes(&plan), Vec::<String>::new());
    assert_eq!(holds(&plan), [&HoldReason::Incomplete { absent: 0 }, &HoldReason::Incomplete { absent: 2 }]);

    world.complete = true;
    world.standing(B).absent = 0;
    assert_eq!(writes(&world.run()), ["comment DISP-1", "close DISP-1", "summary+description DISP-2"]);
}

#[test]
fn incomplete_input_still_opens_what_it_has() {
    let mut world = World::new();
    world.complete = false;
    world.add(A, 5, 10);
    assert_eq!(writes(&world.run()), ["create new"]);
}

#[test]
fn a_ticket_that_jira_does_not_show_is_not_created_again() {
    let mut world = World::with_ticket();
    world.jira.clear();
    *world.content(A) = content(A, 6);
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::NotVisible]));
}

#[test]
fn a_ticket_that_we_closed_long_ago_and_no_longer_read_is_no_news() {
    let mut world = World::with_ticket();
    let at = world.now;
    world.end(A, Status::Resolved { at });
    world.run();
    world.jira.clear();
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![]));
}

#[test]
fn nothing_is_written_to_tickets_that_were_not_read() {
    let mut world = World::with_ticket();
    world.read = false;
    *world.content(A) = content(A, 6);
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::NotRead]));
}

#[test]
fn a_create_whose_answer_was_lost_is_held_however_long_until_jira_was_read() {
    let mut world = World::new();
    world.add(A, 5, 10);
    let sent = Moment::by_wall(world.now);
    let until = world.now + SignedDuration::from_mins(5);
    for link in [
        Link::Intent { attempts: 1, project: None, highest_number: 3, sent: sent.clone() },
        Link::Unknown { attempts: 1, project: None, highest_number: 3, sent, fence: None },
    ] {
        world.tickets.insert(id(A), Ticket { link, ..Ticket::none(id(A)) });
        for passed in [SignedDuration::ZERO, SignedDuration::from_hours(24 * 365)] {
            world.now = until + passed;
            let plan = world.run();
            assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::OutcomeUnknown { until }]));
        }
    }
    world.ticket(A).link = Link::Ready { attempts: 1 };
    let plan = world.run();
    assert_eq!(writes(&plan), ["create new"]);
    assert_eq!(plan.actions[0].reason, Reason::CreateAgain);
}

#[test]
fn a_create_that_nobody_can_tell_of_waits_for_a_person() {
    let mut world = World::new();
    world.add(A, 5, 10);
    let reason = "more than 5000 issues came after it".to_owned();
    let sent = Moment::by_wall(world.now);
    let link = Link::Held { attempts: 1, project: None, highest_number: 3, sent, reason: reason.clone() };
    world.tickets.insert(id(A), Ticket { link, ..Ticket::none(id(A)) });
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::Undecided { reason }]));
}

#[test]
fn in_doubt_nothing_is_created_and_everything_else_goes_on() {
    let mut world = World::with_ticket();
    world.add(B, 5, 10);
    *world.content(A) = content(A, 6);
    world.doubt = Some("restored from a backup".to_owned());
    let plan = world.run();
    let reason = "restored from a backup".to_owned();
    assert_eq!(
        (writes(&plan), holds(&plan)),
        (vec!["summary+description DISP-1".to_owned()], vec![&HoldReason::Doubt { reason }])
    );
    world.doubt = None;
    assert_eq!(writes(&world.run()), ["create new"]);
}

#[test]
fn a_comment_whose_answer_was_lost_is_not_sent_again_before_it_has_settled() {
    let mut world = World::with_ticket();
    world.issue(A).summary = "mine".to_owned();
    *world.content(A) = content(A, 6);
    let topic = "changed-summary".to_owned();
    let sent = world.moment();
    world.ticket(A).saying.insert(topic, sent);
    let until = world.now + SignedDuration::from_mins(5);
    world.now = until - SignedDuration::from_secs(1);
    let plan = world.plan();
    assert!(holds(&plan).contains(&&HoldReason::OutcomeUnknown { until }), "{plan:#?}");
    assert!(!writes(&plan).contains(&"comment DISP-1".to_owned()), "{plan:#?}");
    world.now = until;
    assert!(writes(&world.plan()).contains(&"comment DISP-1".to_owned()));
}

#[test]
fn a_second_ticket_is_linked_told_and_closed_once_and_stays_open_where_a_person_reopens_it() {
    let mut world = World::with_ticket();
    let second = world.second_ticket(A, StrayKind::Duplicate);
    let plan = world.run();
    assert_eq!(writes(&plan), ["link DISP-2", "comment DISP-2", "close DISP-2"]);
    assert_eq!(world.links, [("Duplicate".to_owned(), "DISP-2".to_owned(), "DISP-1".to_owned())]);
    assert!(
        world.comments[0].1.contains("DISP-1 is the one that is kept up to date"),
        "{:?}",
        world.comments
    );
    assert_eq!(world.ticket(A).closed, Closed::No, "its own ticket is not closed");
    world.jira.get_mut(&second.id).unwrap().category = Category::New;
    assert!(world.run().is_empty());
}

#[test]
fn a_second_ticket_that_somebody_works_on_is_not_closed() {
    let mut world = World::with_ticket();
    let second = world.second_ticket(A, StrayKind::Duplicate);
    world.jira.get_mut(&second.id).unwrap().assignee = Some("Example Analyst".to_owned());
    assert_eq!(writes(&world.run()), ["link DISP-2", "comment DISP-2"]);
}

#[test]
fn a_copy_that_a_person_made_is_theirs() {
    let mut world = World::with_ticket();
    world.second_ticket(A, StrayKind::Clone);
    let plan = world.run();
    assert_eq!(
        (writes(&plan), holds(&plan)),
        (vec![], vec![&HoldReason::Cloned { copy: "DISP-2".to_owned() }])
    );
}

#[test]
fn marks_that_are_taken_off_are_put_back_once() {
    let mut world = World::with_ticket();
    let marks = world.issue(A).labels.clone();
    world.issue(A).labels.clear();
    assert_eq!(writes(&world.run()), ["labels DISP-1"]);
    assert_eq!(world.issue(A).labels, marks);
    world.issue(A).labels.clear();
    assert!(world.run().is_empty(), "then it is respected");
}

#[test]
fn a_ticket_that_a_person_closed_as_a_duplicate_of_another_of_ours_stays_quiet() {
    let mut world = World::with_ticket();
    world.add(B, 5, 10);
    world.run();
    let survivor = world.issue(B).issue.clone();
    let issue = world.issue(A);
    issue.category = Category::Done;
    issue.duplicate_of = vec![survivor];
    world.rulings = vec![Ruling {
        id: "duplicate".to_owned(),
        at: world.now,
        group: id(A),
        key: "DISP-1".to_owned(),
        members: Vec::new(),
        kind: RulingKind::Together { with: id(B) },
        lifted: false,
    }];
    let plan = world.run();
    assert_eq!(
        (writes(&plan), holds(&plan)),
        (vec![], vec![&HoldReason::MergedByPerson { into: "DISP-2".to_owned() }])
    );
}

#[test]
fn a_create_that_jira_refused_is_named_and_tried_again() {
    let mut world = World::new();
    world.add(A, 5, 10);
    refuse(&mut world, A);
    let plan = world.run();
    assert_eq!(writes(&plan), ["create new"]);
    assert_eq!(holds(&plan), [&HoldReason::Refused { reason: "the field `Team` is required".to_owned() }]);
}

#[test]
fn a_group_that_ended_before_it_had_a_ticket_gets_none() {
    let mut world = World::new();
    world.add(A, 5, 10);
    let at = world.now;
    world.end(A, Status::Resolved { at });
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![]));
}

#[test]
fn an_update_whose_answer_was_lost_is_ours_whether_or_not_it_arrived() {
    for arrived in [false, true] {
        let mut world = World::with_ticket();
        *world.content(A) = content(A, 6);
        let plan = world.plan();
        if arrived {
            let last = world.ticket(A).written.clone();
            world.apply(&plan);
            world.ticket(A).written = last;
        }
        world.ticket(A).writing = Some(Box::new(written(&content(A, 6), world.markup)));
        let wanted: &[&str] = if arrived { &[] } else { &["summary+description DISP-1"] };
        assert_eq!(writes(&world.run()), wanted, "arrived: {arrived}");
        assert_eq!(world.comments, []);
    }
}

#[test]
fn what_a_lost_update_wrote_stays_ours_after_a_later_update_of_another_field() {
    let mut world = World::with_ticket();
    let last = world.ticket(A).written.clone();
    let wanted = content(A, 6);
    *world.content(A) = wanted.clone();
    world.run();
    let ticket = world.ticket(A);
    ticket.written = last;
    ticket.writing = Some(Box::new(written(&wanted, disputebot::ticket::Markup::default())));

    world.content(A).priority = Some("High".to_owned());
    assert_eq!(writes(&world.run()), ["priority DISP-1"]);
    *world.content(A) = content(A, 7);
    let plan = world.run();
    assert_eq!(writes(&plan), ["summary+description+priority DISP-1"]);
    assert_eq!(holds(&plan), Vec::<&HoldReason>::new(), "nobody but us wrote the summary and the block");
}

#[test]
fn an_unconfirmed_change_of_structure_is_said_and_not_done() {
    let mut world = World::with_ticket();
    world.group(A).pending = vec![
        Pending::Split { members: vec!["D-1".into(), "D-2".into()], seen: 1 },
        Pending::Merge { into: id(B), seen: 2 },
    ];
    let plan = world.run();
    assert_eq!(writes(&plan), Vec::<String>::new());
    assert_eq!(
        holds(&plan),
        [
            &HoldReason::Unconfirmed {
                what: "2 disputes look like a group of their own (seen 1 time)".to_owned()
            },
            &HoldReason::Unconfirmed { what: "looks like part of group bbbb0000 (seen 2 times)".to_owned() },
        ]
    );
}

#[test]
fn a_ticket_for_another_project_is_opened_only_where_that_was_looked_at_and_is_shown() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.add(B, 5, 1000);
    world.content(A).project = Some("TX".to_owned());
    world.content(B).project = Some("DISP".to_owned());
    let refused = HoldReason::Refused { reason: "the project TX is not shown to this account".to_owned() };
    for elsewhere in [BTreeMap::new(), BTreeMap::from([("TX".to_owned(), false)])] {
        world.elsewhere = elsewhere;
        let plan = world.plan();
        assert_eq!(
            (writes(&plan).len(), holds(&plan)),
            (1, vec![&refused]),
            "that of the first project alone"
        );
    }
    world.elsewhere = BTreeMap::from([("TX".to_owned(), true)]);
    let plan = world.plan();
    assert_eq!((writes(&plan).len(), holds(&plan).len()), (2, 0));
}
