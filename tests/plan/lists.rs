//! The list of a group's disputes on its ticket: there once, the newest version, and never against a person.

use disputebot::{
    plan::{Category, HoldReason},
    ticket::list::List,
};
use jiff::SignedDuration;

use crate::{A, World, holds, id, writes};

fn list(version: usize) -> List {
    let name = format!("disputes-{}-{version}.csv", id(A).short());
    let text = format!("dispute_id\r\n{}", "D-1\r\n".repeat(version));
    List { name, text: text.into(), rows: version, left_out: 0, withheld: Vec::new() }
}

fn with_list() -> World {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.content(A).list = Some(list(5));
    assert_eq!(writes(&world.run()), ["create new", "attachment new"]);
    world
}

fn shown(world: &mut World) -> Vec<String> {
    world.issue(A).lists.iter().map(|list| list.name.clone()).collect()
}

#[test]
fn a_new_ticket_gets_its_list_in_the_same_run() {
    let mut world = with_list();
    assert_eq!(shown(&mut world), [list(5).name]);
}

#[test]
fn a_newer_list_takes_the_place_of_the_older_one() {
    let mut world = with_list();
    world.content(A).list = Some(list(6));
    assert_eq!(writes(&world.run()), ["attachment DISP-1", "attachment DISP-1"]);
    assert_eq!(shown(&mut world), [list(6).name]);
}

#[test]
fn a_list_that_a_person_removed_is_not_attached_again_until_it_is_another_one() {
    let mut world = with_list();
    world.issue(A).lists.clear();
    assert!(world.plan().is_empty());
    world.content(A).list = Some(list(6));
    world.run();
    assert_eq!(shown(&mut world), [list(6).name]);
}

#[test]
fn a_list_whose_answer_was_lost_is_not_sent_again_before_it_is_settled() {
    let mut world = with_list();
    world.issue(A).lists.clear();
    let topic = disputebot::plan::list_topic(&list(5).name);
    let sent = world.moment();
    world.ticket(A).told.clear();
    world.ticket(A).saying.insert(topic, sent);
    let plan = world.plan();
    assert!(plan.is_empty() && matches!(holds(&plan)[..], [HoldReason::OutcomeUnknown { .. }]), "{plan:?}");
    world.now += SignedDuration::from_mins(6);
    assert_eq!(writes(&world.plan()), ["attachment DISP-1"]);
}

#[test]
fn one_of_two_lists_of_the_same_name_is_removed() {
    let mut world = with_list();
    let mut twice = world.issue(A).lists[0].clone();
    twice.id = "late".to_owned();
    world.issue(A).lists.push(twice);
    world.run();
    assert_eq!(shown(&mut world), [list(5).name]);
}

#[test]
fn a_closed_or_held_ticket_gets_no_list() {
    let mut world = with_list();
    world.issue(A).category = Category::Done;
    world.content(A).list = Some(list(6));
    assert_eq!(writes(&world.run()), ["comment DISP-1"]);
    let mut world = World::new();
    world.params.max_new_tickets = 0;
    world.add(A, 5, 1000);
    world.content(A).list = Some(list(5));
    assert!(world.plan().is_empty());
}

#[test]
fn a_list_is_within_what_jira_takes_and_none_is_sent_where_it_takes_none() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.content(A).list = Some(list(500));
    world.upload_limit = Some(1_000);
    let plan = world.plan();
    let cut = list(500).within(1_000);
    assert!(cut.rows < 500);
    assert!(
        plan.actions
            .iter()
            .any(|action| action.write == disputebot::plan::Write::Attach { list: cut.clone() })
    );
    world.upload_limit = Some(0);
    assert_eq!(writes(&world.run()), ["create new"]);
}
