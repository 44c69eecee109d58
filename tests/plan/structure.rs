//! Splits and merges: linked, told once, and closed only where nobody works.

use disputebot::{
    group::Status,
    plan::{Category, HoldReason, Reason},
};

use crate::{A, B, C, World, content, holds, id, writes};

/// `A` and `B` have tickets, then `A` merges into `B`.
fn merged() -> World {
    let mut world = World::with_ticket();
    world.add(B, 6, 2000);
    world.run();
    let at = world.now;
    world.end(A, Status::Merged { at, into: id(B) });
    world
}

#[test]
fn a_merged_ticket_is_linked_told_and_closed_where_nobody_works_on_it() {
    let mut world = merged();
    let plan = world.run();
    assert_eq!(writes(&plan), ["link DISP-1", "comment DISP-1", "close DISP-1"]);
    assert!(plan.actions.iter().all(|action| action.reason == Reason::MergedInto { group: id(B) }));
    assert_eq!(world.links, [("Duplicate".to_owned(), "DISP-1".to_owned(), "DISP-2".to_owned())]);
    assert_eq!(world.comments.len(), 1);
    assert_eq!(world.issue(A).category, Category::Done);
    assert!(world.plan().holds.is_empty());
}

#[test]
fn a_merged_ticket_that_somebody_works_on_stays_open() {
    for assigned in [false, true] {
        let mut world = merged();
        if assigned {
            world.issue(A).assignee = Some("Example Analyst".to_owned());
        } else {
            world.issue(A).category = Category::InProgress;
            world.issue(A).status = "In Review".to_owned();
        }
        let plan = world.run();
        assert_eq!(writes(&plan), ["link DISP-1", "comment DISP-1"], "assigned: {assigned}");
        assert!(matches!(holds(&plan)[..], [HoldReason::PersonWorking { .. }]), "{plan:?}");
        assert_ne!(world.issue(A).category, Category::Done);
    }
}

#[test]
fn a_merge_closes_nothing_while_the_input_is_incomplete() {
    let mut world = merged();
    world.complete = false;
    let plan = world.run();
    assert!(!writes(&plan).contains(&"close DISP-1".to_owned()));
    assert_eq!(holds(&plan), [&HoldReason::Incomplete { absent: 0 }]);
}

#[test]
fn a_merged_ticket_that_a_person_reopened_is_left() {
    let mut world = merged();
    world.run();
    world.issue(A).category = Category::New;
    assert!(world.plan().is_empty());
}

#[test]
fn a_merged_ticket_stays_as_it_is_until_the_survivor_has_a_ticket() {
    let mut world = World::with_ticket();
    world.params.min_disputes = 6;
    world.add(B, 5, 2000);
    let at = world.now;
    world.end(A, Status::Merged { at, into: id(B) });
    let plan = world.run();
    assert_eq!(writes(&plan), Vec::<String>::new());
    assert!(
        plan.holds
            .iter()
            .any(|hold| hold.group == id(A) && matches!(hold.reason, HoldReason::Unconfirmed { .. })),
        "{plan:?}"
    );
    assert_eq!(world.issue(A).category, Category::New);

    world.params.min_disputes = 5;
    let plan = world.plan();
    assert_eq!(writes(&plan), ["create new"]);
    world.apply(&plan);
    assert_eq!(writes(&world.run()), ["link DISP-1", "comment DISP-1", "close DISP-1"]);
}

#[test]
fn a_group_that_merged_twice_is_linked_to_the_first_ticket_there_is() {
    let mut world = World::with_ticket();
    world.params.min_disputes = 6;
    world.add(B, 5, 2000);
    world.add(C, 9, 3000);
    world.run();
    let at = world.now;
    world.end(A, Status::Merged { at, into: id(B) });
    world.end(B, Status::Merged { at, into: id(C) });
    world.run();
    assert_eq!(world.links, [("Duplicate".to_owned(), "DISP-1".to_owned(), "DISP-2".to_owned())]);
}

#[test]
fn a_group_that_merged_into_one_that_was_resolved_without_a_ticket_is_closed_as_resolved() {
    let mut world = World::with_ticket();
    world.add(B, 3, 2000);
    let at = world.now;
    world.end(A, Status::Merged { at, into: id(B) });
    world.end(B, Status::Resolved { at });
    assert_eq!(writes(&world.run()), ["comment DISP-1", "close DISP-1"]);
    assert!(world.comments[0].1.contains("resolved or withdrawn"));
}

#[test]
fn a_split_is_linked_and_told_on_the_parent_once() {
    let mut world = World::with_ticket();
    world.add(B, 4, 500);
    world.group(B).split_from = Some(id(A));
    let plan = world.run();
    assert_eq!(writes(&plan), ["create new", "link new", "comment DISP-1"]);
    assert!(plan.actions.iter().all(|action| action.reason == Reason::SplitFrom { group: id(A) }));
    assert_eq!(world.links, [("Relates".to_owned(), "DISP-2".to_owned(), "DISP-1".to_owned())]);
    assert!(world.comments[0].1.contains("4 disputes of this ticket turned out"));

    *world.content(B) = content(B, 5);
    world.run();
    assert_eq!((world.links.len(), world.comments.len()), (1, 1));
}

#[test]
fn a_split_is_not_told_before_the_child_has_a_ticket() {
    let mut world = World::with_ticket();
    world.params.max_new_tickets = 1;
    world.add(B, 4, 500);
    world.group(B).split_from = Some(id(A));
    world.add(C, 4, 900);
    let plan = world.plan();
    assert_eq!(plan.actions.iter().map(|action| action.group.clone()).collect::<Vec<_>>(), [id(C)]);
    assert_eq!(holds(&plan), [&HoldReason::Cap { limit: 1 }]);
    world.apply(&plan);
    assert_eq!((world.comments.len(), world.links.len()), (0, 0));
    assert_eq!(writes(&world.run()), ["create new", "link new", "comment DISP-1"]);
}

#[test]
fn two_children_of_one_parent_are_both_linked_and_told() {
    let mut world = World::with_ticket();
    for bits in [B, C] {
        world.add(bits, 4, 500);
        world.group(bits).split_from = Some(id(A));
    }
    world.run();
    assert_eq!((world.links.len(), world.comments.len()), (2, 2));
}

#[test]
fn a_child_whose_parent_has_no_ticket_yet_is_linked_when_it_gets_one() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.add(B, 4, 500);
    world.group(B).split_from = Some(id(A));
    let first = world.plan();
    assert_eq!(writes(&first), ["create new", "create new"]);
    world.apply(&first);
    assert_eq!(writes(&world.run()), ["link DISP-2", "comment DISP-1"]);
}

#[test]
fn a_split_carries_no_private_headline_to_the_parent() {
    let mut world = World::with_ticket();
    world.add(B, 4, 500);
    world.run();
    world.group(B).split_from = Some(id(A));
    world.standing(B).content = Some(Err("the summary looks like it holds a telephone number".to_owned()));
    world.standing(B).title = "call 555-010-1234".to_owned();
    world.run();
    assert!(!world.comments.iter().any(|(_, text)| text.contains("555-010-1234")), "{:?}", world.comments);
}
