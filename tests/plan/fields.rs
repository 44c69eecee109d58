//! Configured fields, and labels in place of moves that no workflow allows.

use disputebot::{
    group::Status,
    plan::{
        self, Asked, Closed, Command, DONE_LABEL, HoldReason, Orders, REOPENED_LABEL, Unfit, Ways, ways_topic,
    },
};

use crate::{A, World, holds, writes};

fn set(world: &mut World, name: &str, text: &str) {
    world.content(A).fields.insert(name.to_owned(), text.to_owned());
}

fn shown(world: &mut World, name: &str) -> Option<String> {
    world.issue(A).fields.get(name).cloned()
}

/// A world whose ticket was opened with two fields.
fn with_fields() -> World {
    let mut world = World::new();
    world.add(A, 5, 1000);
    set(&mut world, "Amount exposed", "41000");
    set(&mut world, "Team", "Rebates");
    world.run();
    world
}

#[test]
fn a_field_is_set_at_create_and_follows_what_is_wanted() {
    let mut world = with_fields();
    assert_eq!(shown(&mut world, "Amount exposed").as_deref(), Some("41000"));
    set(&mut world, "Amount exposed", "52000");
    assert_eq!(writes(&world.run()), ["Amount exposed DISP-1"]);
    assert_eq!(shown(&mut world, "Amount exposed").as_deref(), Some("52000"));
    set(&mut world, "Amount exposed", "");
    assert_eq!(writes(&world.run()), ["Amount exposed DISP-1"]);
    assert_eq!(shown(&mut world, "Amount exposed"), None);
}

#[test]
fn a_field_that_a_person_changed_is_theirs_and_told_once() {
    let mut world = with_fields();
    world.issue(A).fields.insert("Team".to_owned(), "Sales".to_owned());
    set(&mut world, "Amount exposed", "52000");
    let plan = world.run();
    assert_eq!(writes(&plan), ["comment DISP-1", "Amount exposed DISP-1"]);
    assert!(world.comments[0].1.contains("“Rebates”"), "{:?}", world.comments);
    let theirs = HoldReason::PersonChanged { field: "Team".to_owned() };
    assert_eq!(holds(&world.plan()), [&theirs]);
    set(&mut world, "Team", "Other");
    assert!(world.run().is_empty());
    assert_eq!(shown(&mut world, "Team").as_deref(), Some("Sales"));
}

#[test]
fn a_value_from_before_the_field_was_configured_is_left_without_a_word() {
    let mut world = World::with_ticket();
    world.issue(A).fields.insert("Team".to_owned(), "Default".to_owned());
    set(&mut world, "Team", "Rebates");
    assert!(world.run().is_empty());
    assert_eq!(holds(&world.plan()), [&HoldReason::PersonChanged { field: "Team".to_owned() }]);
    world.issue(A).fields.clear();
    assert_eq!(writes(&world.run()), ["Team DISP-1"], "an empty field is filled");
}

#[test]
fn a_lost_answer_to_a_field_is_no_change_by_a_person() {
    let mut world = with_fields();
    set(&mut world, "Amount exposed", "52000");
    let mut writing = world.ticket(A).written.clone().unwrap();
    writing.fields.set("Amount exposed", "52000");
    world.ticket(A).writing = Some(Box::new(writing));
    world.issue(A).fields.insert("Amount exposed".to_owned(), "52000".to_owned());
    assert!(world.plan().is_empty());
    set(&mut world, "Amount exposed", "60000");
    assert_eq!(writes(&world.run()), ["Amount exposed DISP-1"]);
}

#[test]
fn a_field_that_is_not_on_the_edit_screen_is_set_at_create_only() {
    let mut world = with_fields();
    world.params.fixed_fields.insert("Team".to_owned());
    set(&mut world, "Team", "Sales");
    assert!(world.run().is_empty());
    assert_eq!(shown(&mut world, "Team").as_deref(), Some("Rebates"));
    // Nor does an order to take it promise what cannot be done.
    let take = |field: &str| Asked::Done(Command::Take { field: field.to_owned() });
    let asked = [("7".to_owned(), take("Team")), ("8".to_owned(), take("summary"))].into_iter().collect();
    world.ticket(A).orders = Some(Box::new(Orders { heard: 8, asked, ..Orders::default() }));
    world.run();
    let said: Vec<&str> = world.comments.iter().map(|(_, text)| text.as_str()).collect();
    assert!(said[0].contains("Jira lets the Team be set only when a ticket is opened"), "{said:?}");
    assert!(said[1].contains("disputebot writes the summary again."), "{said:?}");
}

#[test]
fn a_ticket_is_not_opened_without_a_field_that_is_demanded() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    let unfit = |demanded| Unfit { what: "`Team` takes one of its values".to_owned(), demanded };
    let hold = HoldReason::Unfit { what: "`Team` takes one of its values".to_owned() };
    world.standing(A).unfit = vec![unfit(true)];
    let plan = world.plan();
    assert_eq!((writes(&plan), holds(&plan)), (Vec::new(), vec![&hold]));
    world.standing(A).unfit = vec![unfit(false)];
    let plan = world.plan();
    assert_eq!((writes(&plan), holds(&plan)), (vec!["create new".to_owned()], vec![&hold]));
}

fn ways(digest: &str) -> Ways {
    Ways { digest: digest.to_owned(), why: "the workflow leads only to `Wartet`".to_owned() }
}

/// A world in which the ticket of a resolved group has a label in place of a move.
fn labelled() -> World {
    let mut world = World::with_ticket();
    world.end(A, Status::Resolved { at: world.now });
    let ticket = world.ticket(A);
    ticket.closed = Closed::Labelled;
    ticket.closings = 1;
    ticket.told.insert(ways_topic("first"));
    ticket.told.insert("resolved-0".to_owned());
    world.issue(A).labels.insert(DONE_LABEL.to_owned());
    world.ways.insert("To Do".to_owned(), ways("first"));
    world
}

#[test]
fn a_ticket_that_nothing_leads_out_of_is_held_until_other_ways_are_open() {
    let mut world = labelled();
    let plan = world.plan();
    assert!(plan.is_empty());
    let held = HoldReason::NoWay {
        label: DONE_LABEL.to_owned(),
        why: "the workflow leads only to `Wartet`".to_owned(),
    };
    assert_eq!(holds(&plan), [&held]);
    world.ways.insert("To Do".to_owned(), ways("second"));
    assert_eq!(writes(&world.plan()), ["close DISP-1"], "without another comment");
}

#[test]
fn the_label_goes_when_a_person_closed_the_ticket_by_hand() {
    let mut world = labelled();
    world.issue(A).category = plan::Category::Done;
    assert_eq!(writes(&world.run()), [format!("-{DONE_LABEL} DISP-1")]);
    assert_eq!(world.ticket(A).closed, Closed::ByUs, "so that it is reopened when the cause is back");
}

#[test]
fn the_label_goes_when_the_cause_is_back() {
    let mut world = labelled();
    world.add(A, 5, 1000);
    assert_eq!(writes(&world.run()), ["comment DISP-1".to_owned(), format!("-{DONE_LABEL} DISP-1")]);
    assert_eq!(world.ticket(A).closed, Closed::No);
    assert!(
        world.comments[0].1.contains("so the label disputebot-done is taken off."),
        "{:?}",
        world.comments
    );
}

#[test]
fn a_ticket_that_cannot_be_reopened_is_kept_up_to_date_where_it_is() {
    let mut world = labelled();
    world.add(A, 6, 1000);
    let ticket = world.ticket(A);
    ticket.closed = Closed::Stuck;
    ticket.told.insert("returned-1".to_owned());
    let issue = world.issue(A);
    issue.category = plan::Category::Done;
    "Done".clone_into(&mut issue.status);
    issue.labels = crate::labels(&["disputebot", &crate::id(A).label(), REOPENED_LABEL]);
    world.ways.insert("Done".to_owned(), ways("first"));
    let plan = world.run();
    assert_eq!(writes(&plan), ["summary+description DISP-1"]);
    let held = HoldReason::NoWay {
        label: REOPENED_LABEL.to_owned(),
        why: "the workflow leads only to `Wartet`".to_owned(),
    };
    assert_eq!(holds(&plan), [&held]);
    world.end(A, Status::Resolved { at: world.now });
    assert_eq!(writes(&world.run()), [format!("-{REOPENED_LABEL} DISP-1")]);
    assert_eq!(world.ticket(A).closed, Closed::ByUs);
}
