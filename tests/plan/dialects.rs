//! Where Jira stores rich text as wiki markup, the same rules hold.

use disputebot::{plan::HoldReason, ticket::Markup};
use serde_json::Value;

use crate::{A, World, content, holds, writes};

fn edit(world: &mut World, change: impl FnOnce(&str) -> String) {
    let Value::String(text) = &world.issue(A).description else { panic!("markup is a string") };
    world.issue(A).description = Value::String(change(text));
}

#[test]
fn peoples_words_around_the_block_stay_to_the_character() {
    let mut world = World::with_ticket_in(Markup::Wiki);
    edit(&mut world, |text| format!("h1. Mine\r\n\r\n{text}\r\n\r\n* also mine \r\n"));
    let around = world.around(A);
    *world.content(A) = content(A, 6);
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
    assert_eq!(world.around(A), around);
    assert!(world.description(A).starts_with("h1. Mine\r\n\r\n_▼ disputebot"));
    assert!(world.description(A).contains("6 open disputes"));
}

#[test]
fn a_block_that_a_person_changed_is_theirs() {
    let mut world = World::with_ticket_in(Markup::Wiki);
    edit(&mut world, |text| text.replace("share one cause", "are mine now"));
    *world.content(A) = content(A, 6);
    let plan = world.run();
    assert_eq!(holds(&plan), [&HoldReason::PersonChanged { field: "description".to_owned() }]);
    assert!(world.description(A).contains("are mine now"));
}

#[test]
fn ends_of_lines_that_jiras_editor_changes_are_no_edit() {
    let mut world = World::with_ticket_in(Markup::Wiki);
    assert!(world.description(A).contains("\r\n"));
    edit(&mut world, |text| text.replace("\r\n", "\n"));
    assert!(world.plan().is_empty());
}
