//! Routing: what the rules say of a ticket is written for as long as nobody has touched it, and not after.

use disputebot::plan::{Category, Heard, HoldReason, Quiet, Then, Write};

use crate::*;

const FIELD: &str = "assignee";

/// What a rule says: an assignee, and perhaps more.
fn by_rule(who: &str) -> Then {
    Then { fields: BTreeMap::from([(FIELD.to_owned(), who.to_owned())]), ..Then::default() }
}

/// A world whose ticket a rule gave to the analyst.
fn routed() -> World {
    let mut world = World::new();
    world.add(A, 5, 1000);
    by_rule("Example Analyst").put_on(world.content(A));
    world.run();
    assert_eq!(world.issue(A).fields[FIELD], "Example Analyst");
    world
}

/// Other rules: the lead gets it now.
fn other_rules(world: &mut World) {
    *world.content(A) = content(A, 5);
    by_rule("Example Lead").put_on(world.content(A));
}

#[test]
fn a_change_of_rules_routes_a_ticket_anew_that_nobody_has_touched() {
    let mut world = routed();
    other_rules(&mut world);
    let plan = world.run();
    assert_eq!(writes(&plan), ["assignee DISP-1"]);
    assert_eq!(world.issue(A).fields[FIELD], "Example Lead");
}

/// What a person does, by its name.
type Touch = (&'static str, fn(&mut World));

#[test]
fn whatever_a_person_did_on_a_ticket_keeps_it_where_it_is() {
    let touches: [Touch; 12] = [
        ("comment", |world| {
            let (author, text) = (vec!["someone".to_owned()], "I look into it".to_owned());
            let heard = Heard { id: 7, author, created: "2026-11-03T09:00:00Z".into(), text };
            world.issue(A).comments.push(heard);
        }),
        ("order", |world| {
            let orders = plan::Orders { heard: 7, quiet: None::<Quiet>, ..plan::Orders::default() };
            world.ticket(A).orders = Some(Box::new(orders));
        }),
        ("move", |world| world.issue(A).category = Category::InProgress),
        ("summary", |world| world.issue(A).summary = "Mine".to_owned()),
        ("priority", |world| world.issue(A).priority = Some("Low".to_owned())),
        ("due date", |world| world.issue(A).due = None),
        ("label", |world| {
            world.issue(A).labels.insert("theirs".to_owned());
        }),
        ("words above", |world| world.write_around(A, &[paragraph("Call them first.")], &[])),
        ("words below", |world| world.write_around(A, &[], &[paragraph("Called.")])),
        ("tick", |world| world.tick(A, true)),
        ("text", |world| world.issue(A).description = Value::Null),
        ("assignee", |world| drop(world.issue(A).fields.insert(FIELD.to_owned(), "Someone".to_owned()))),
    ];
    for (what, touch) in touches {
        let mut world = routed();
        touch(&mut world);
        let before = world.issue(A).fields[FIELD].clone();
        other_rules(&mut world);
        let plan = world.plan();
        world.apply(&plan);
        assert_eq!(world.issue(A).fields[FIELD], before, "{what}");
        let is_told = |reason: &&HoldReason| match reason {
            HoldReason::Touched { field, wanted } => {
                (field.as_str(), wanted.as_str()) == (FIELD, "Example Lead")
            }
            HoldReason::PersonChanged { field } => what == FIELD && field == FIELD,
            _ => false,
        };
        assert!(holds(&plan).iter().any(is_told), "{what}: {:?}", plan.holds);
    }
}

#[test]
fn a_field_that_a_person_hands_back_follows_the_rules_again() {
    let mut world = routed();
    world.issue(A).category = Category::InProgress;
    // As `/disputebot take assignee` leaves it.
    let taken = BTreeSet::from([FIELD.to_owned()]);
    world.ticket(A).orders = Some(Box::new(plan::Orders { heard: 7, taken, ..plan::Orders::default() }));
    other_rules(&mut world);
    assert_eq!(writes(&world.run()), ["assignee DISP-1"]);
}

#[test]
fn a_touched_ticket_still_follows_its_disputes() {
    let mut world = routed();
    world.issue(A).category = Category::InProgress;
    other_rules(&mut world);
    "6 disputes now".clone_into(&mut world.content(A).summary);
    assert_eq!(writes(&world.run()), ["summary DISP-1"]);
}

#[test]
fn the_priority_of_a_rule_follows_the_rules_and_that_of_a_person_stays() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    let priority = |name: &str| Then { priority: Some(name.to_owned()), ..Then::default() };
    priority("High").put_on(world.content(A));
    world.run();
    priority("Low").put_on(world.content(A));
    assert_eq!(writes(&world.run()), ["priority DISP-1"]);
    world.issue(A).category = Category::InProgress;
    priority("Highest").put_on(world.content(A));
    assert!(world.run().is_empty(), "a person has it in hand");
    world.issue(A).priority = Some("Lowest".to_owned());
    assert_eq!(writes(&world.run()), ["comment DISP-1"], "what a person changed is told once, as always");
    assert_eq!(world.issue(A).priority.as_deref(), Some("Lowest"));
}

#[test]
fn watchers_are_added_once_each_and_to_no_ticket_that_people_have_in_hand() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.content(A).watchers = vec!["Example Lead".to_owned()];
    assert_eq!(writes(&world.run()), ["create new", "watcher new"]);
    assert_eq!(world.watchers, [("DISP-1".to_owned(), "Example Lead".to_owned())]);
    world.content(A).watchers.push("Example Analyst".to_owned());
    assert_eq!(writes(&world.run()), ["watcher DISP-1"]);
    world.issue(A).category = Category::InProgress;
    world.content(A).watchers.push("Example Other".to_owned());
    assert!(world.run().is_empty());
}

#[test]
fn watchers_of_a_held_create_wait_with_it() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.content(A).watchers = vec!["Example Lead".to_owned()];
    world.params.max_new_tickets = 0;
    assert!(world.plan().is_empty());
}

#[test]
fn tickets_open_by_what_is_lost_at_a_deadline_then_by_age_then_by_size() {
    let mut world = World::new();
    for (bits, amount) in [(A, 9_000), (B, 10), (C, 10)] {
        world.add(bits, 5, amount);
    }
    world.standing(B).weight.age_days = 400;
    world.standing(C).weight.loss = Decimal::ONE;
    let plan = world.plan();
    let order: Vec<&GroupId> = plan
        .actions
        .iter()
        .filter(|action| matches!(action.write, Write::Create { .. }))
        .map(|action| &action.group)
        .collect();
    assert_eq!(order, [&id(C), &id(B), &id(A)]);
}
