//! The plan as a person reads it.

use disputebot::{
    group::{Pending, Status},
    plan::{Category, Detail, HoldReason, IGNORE_LABEL, print},
};

use crate::{A, B, C, World, content, id};

/// A create, an update with a person's summary, a close, a capped create and an unconfirmed split.
fn busy() -> World {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.add(B, 6, 900);
    world.add(0xdddd << 112, 7, 800);
    world.run();
    "My own headline".clone_into(&mut world.issue(A).summary);
    let mut wanted = content(A, 6);
    wanted.priority = Some("High".to_owned());
    wanted.due = None;
    wanted.labels.push("team-rebates".to_owned());
    *world.content(A) = wanted;
    world.standing(A).moved = (2, 1);
    world.group(A).pending =
        vec![Pending::Split { members: (1..=4).map(|n| format!("D-{n}").into()).collect(), seen: 1 }];
    let at = world.now;
    world.end(B, Status::Resolved { at });
    world.params.max_new_tickets = 1;
    world.add(C, 8, 700);
    world.group(C).split_from = Some(id(A));
    world.add(0xeeee << 112, 9, 600);
    world
}

#[test]
fn a_plan_has_a_line_for_each_write_with_its_reason() {
    insta::assert_snapshot!(print(&busy().plan(), Detail::Lines), @"
    plan for 2026-08-22 06:00:00 UTC: nothing has been changed yet

      create     cccc0000  new      cccc0000 · 8 disputes
                                    because it was split from group aaaa0000
      comment    aaaa0000  DISP-1   comment
                                    because a person changed the summary; said once
      update     aaaa0000  DISP-1   description, priority, due date, labels
                                    because 2 disputes joined, 1 left
                                    no comment: it grew by less than `plan.comment_growth`
      comment    bbbb0000  DISP-2   comment
                                    because all its disputes are resolved or withdrawn
      transition bbbb0000  DISP-2   close
                                    because all its disputes are resolved or withdrawn
      link       cccc0000  new      link to the ticket of aaaa0000 (Relates)
                                    because it was split from group aaaa0000
      comment    aaaa0000  DISP-1   comment
                                    because it was split from group aaaa0000
      comment    cccc0000  new      comment
                                    because it was split from group aaaa0000
      hold       aaaa0000  DISP-1   a person changed the summary; it is theirs
      hold       aaaa0000  DISP-1   4 disputes look like a group of their own (seen 1 time); waits for the next input
      hold       eeee0000  -        the limit of 1 new tickets per run is reached; next run
      keep       1 group is up to date

    8 writes: 4 comment, 1 create, 1 link, 1 transition, 1 update
    ");
}

#[test]
fn the_full_plan_has_the_text_of_every_write() {
    insta::assert_snapshot!(print(&busy().plan(), Detail::Full), @"
    plan for 2026-08-22 06:00:00 UTC: nothing has been changed yet

      create     cccc0000  new      cccc0000 · 8 disputes
                                    because it was split from group aaaa0000
          + summary   cccc0000 · 8 disputes
          + labels    disputebot dispute-group-cccc0000000000000000000000000003
          + priority  Medium
          + due       2026-09-01
          + 8 open disputes share one cause.
          + 1. Ask the state for the claims.
          + - ☐ Send the claims (all of them).
          + - ☐ Pay what is owed.
      comment    aaaa0000  DISP-1   comment
                                    because a person changed the summary; said once
          + Someone changed the summary, so disputebot leaves it alone from now on. It would have written:
          + - summary: “aaaa0000 · 6 disputes”
          + To hand it back, write /disputebot take summary in a comment, or put the label disputebot-take-summary on this ticket.
      update     aaaa0000  DISP-1   description, priority, due date, labels
                                    because 2 disputes joined, 1 left
                                    no comment: it grew by less than `plan.comment_growth`
          - 5 open disputes share one cause.
          + 6 open disputes share one cause.
          - priority  Medium
          + priority  High
          - due       2026-09-01
          + due       none
          + labels    team-rebates
      comment    bbbb0000  DISP-2   comment
                                    because all its disputes are resolved or withdrawn
          + All disputes of this group are resolved or withdrawn in the source, 0 days after its cause was found. disputebot closes the ticket.
      transition bbbb0000  DISP-2   close
                                    because all its disputes are resolved or withdrawn
      link       cccc0000  new      link to the ticket of aaaa0000 (Relates)
                                    because it was split from group aaaa0000
      comment    aaaa0000  DISP-1   comment
                                    because it was split from group aaaa0000
          + 8 disputes of this ticket turned out to have a root cause of their own (pattern cccc0000). They have a ticket of their own now, linked here.
      comment    cccc0000  new      comment
                                    because it was split from group aaaa0000
          + The 8 disputes of this ticket were part of DISP-1, which is linked, and turned out to have a root cause of their own; what was said there may concern them.
      hold       aaaa0000  DISP-1   a person changed the summary; it is theirs
      hold       aaaa0000  DISP-1   4 disputes look like a group of their own (seen 1 time); waits for the next input
      hold       eeee0000  -        the limit of 1 new tickets per run is reached; next run
      keep       1 group is up to date

    8 writes: 4 comment, 1 create, 1 link, 1 transition, 1 update
    ");
}

#[test]
fn nothing_to_do_is_one_line() {
    insta::assert_snapshot!(print(&World::with_ticket().plan(), Detail::Lines), @"everything is up to date: 1 group");
}

#[test]
fn holds_of_one_kind_are_counted_beyond_the_first_five() {
    let mut world = World::new();
    world.params.min_disputes = 100;
    for number in 1..=7 {
        world.add(number << 120, 4, 0);
    }
    world.complete = false;
    insta::assert_snapshot!(print(&world.plan(), Detail::Lines), @"
    plan for 2026-08-22 06:00:00 UTC: nothing has been changed yet

      the input is incomplete: nothing is closed or shrunk in this run

      hold       01000000  -        4 disputes are too few, or their money too little, for a ticket, and no deadline is near
      hold       02000000  -        4 disputes are too few, or their money too little, for a ticket, and no deadline is near
      hold       03000000  -        4 disputes are too few, or their money too little, for a ticket, and no deadline is near
      hold       04000000  -        4 disputes are too few, or their money too little, for a ticket, and no deadline is near
      hold       05000000  -        4 disputes are too few, or their money too little, for a ticket, and no deadline is near
                                    and 2 more held: too small

    0 writes
    ");
}

#[test]
fn what_people_decided_is_said_in_words() {
    let mut world = World::with_ticket();
    world.issue(A).category = Category::Done;
    world.add(B, 5, 10);
    world.run();
    world.issue(B).labels.insert(IGNORE_LABEL.to_owned());
    insta::assert_snapshot!(print(&world.plan(), Detail::Lines), @"
    plan for 2026-08-22 06:00:00 UTC: nothing has been changed yet

      hold       aaaa0000  DISP-1   a person closed it; it stays closed
      hold       bbbb0000  DISP-2   a person set the label `disputebot-ignore`

    0 writes
    ");
}

#[test]
fn holds_that_repeat_others_are_known_by_their_kind_and_so_are_those_with_days_of_our_own() {
    let foreign = || "of 1950-03-21".to_owned();
    let repeating = [
        HoldReason::Touched { field: "assignee".to_owned(), wanted: foreign() },
        HoldReason::PersonWorking { status: foreign() },
        HoldReason::Undecided { reason: foreign() },
        HoldReason::Doubt { reason: foreign() },
        HoldReason::Refused { reason: foreign() },
        HoldReason::Unfit { what: foreign() },
        HoldReason::NoWay { label: IGNORE_LABEL.to_owned(), why: foreign() },
    ];
    for hold in repeating {
        assert!(hold.words().contains(&foreign()), "{hold:?}");
        assert!(!HoldReason::is_told_in_own_words(hold.kind()), "{hold:?}");
    }
    let until = "2027-03-01T06:00:00Z".parse().unwrap();
    for hold in [HoldReason::Quiet { until: Some(until) }, HoldReason::Flapping { times: 3, until }] {
        assert!(hold.words().contains("2027-03-01"), "{hold:?}");
        assert!(HoldReason::is_told_in_own_words(hold.kind()), "{hold:?}");
    }
    assert!(!HoldReason::is_told_in_own_words("of a later build"));
}
