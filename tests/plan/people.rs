//! People win: what they edit, close, mute or take away stays so, and they are told once.

use disputebot::{
    plan::{
        self, Asked, Category, Closed, Command, HoldReason, IGNORE_LABEL, Orders, Quiet, Reason, Ruling,
        RulingKind, Write,
    },
    ticket::{
        LABEL, Markup, ROOM_FOR_DELIMITERS, adf, block,
        document::{self, Block, Inline, Task},
        markup,
    },
};

use jiff::{SignedDuration, Timestamp};

use crate::{A, B, STEPS, World, content, holds, id, labels, paragraph, writes};

fn theirs(field: &str) -> HoldReason {
    HoldReason::PersonChanged { field: field.to_owned() }
}

#[test]
fn words_of_a_person_around_the_block_survive_an_update_byte_for_byte() {
    let mut world = World::with_ticket();
    let above = [
        serde_json::json!({ "type": "panel", "attrs": { "panelType": "info", "localId": "p1" }, "content": [paragraph("  two  spaces ▲▼ ")] }),
        paragraph("first"),
    ];
    let below = [
        serde_json::json!({ "type": "mediaSingle", "attrs": { "width": 33.33 }, "content": [] }),
        paragraph(""),
    ];
    world.write_around(A, &above, &below);
    assert!(world.plan().is_empty(), "words of a person are no reason to write");

    *world.content(A) = content(A, 6);
    let plan = world.run();
    assert_eq!(writes(&plan), ["summary+description DISP-1"]);
    assert_eq!(world.around(A), (above.to_vec(), below.to_vec()));
    assert!(world.description(A).contains("6 open disputes share one cause."));
    assert!(!world.description(A).contains("5 open disputes"));
    assert_eq!(world.comments, []);
}

#[test]
fn a_block_that_a_person_edited_is_left_alone_told_once_and_held_ever_after() {
    let mut world = World::with_ticket();
    let mine = world.issue(A).description.to_string().replace("share one cause", "are mine now");
    world.issue(A).description = serde_json::from_str(&mine).unwrap();

    *world.content(A) = content(A, 6);
    let plan = world.run();
    assert_eq!(writes(&plan), ["comment DISP-1", "summary DISP-1"]);
    assert_eq!(plan.actions[0].reason, Reason::PersonChanged { field: "description".to_owned() });
    assert_eq!(world.comments.len(), 1);
    assert_eq!(
        world.comments[0].1,
        "Someone changed the description, so disputebot leaves it alone from now on. It would have written:\n- description: \
         one other line in its block, “6 open disputes share one cause.”\nTo hand it back, write /disputebot take \
         description in a comment, or put the label disputebot-take-description on this ticket."
    );
    assert_eq!(world.issue(A).description.to_string(), mine);

    for disputes in [7, 8] {
        *world.content(A) = content(A, disputes);
        let plan = world.run();
        assert_eq!(writes(&plan), ["summary DISP-1"]);
        assert_eq!(holds(&plan), [&theirs("description")]);
    }
    assert_eq!(world.issue(A).description.to_string(), mine);
    assert_eq!(world.comments.len(), 1);
}

#[test]
fn what_a_person_ticks_stays_ticked_and_leaves_the_block_ours() {
    for markup in [Markup::Adf, Markup::Wiki] {
        let mut world = World::with_ticket_in(markup);
        assert_eq!(world.ticked(A), [false, false]);
        world.tick(A, true);
        assert!(world.plan().is_empty(), "a tick is no reason to write");

        *world.content(A) = content(A, 6);
        assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
        assert!(world.description(A).contains("6 open disputes"));
        assert_eq!(world.ticked(A), [true, false]);

        world.tick(A, false);
        *world.content(A) = content(A, 7);
        assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
        assert_eq!(world.ticked(A), [false, false]);
        assert_eq!(world.comments, []);
    }
}

#[test]
fn what_a_person_did_stays_on_the_ticket_when_other_steps_are_wanted() {
    for markup in [Markup::Adf, Markup::Wiki] {
        let mut world = World::with_ticket_in(markup);
        world.tick(A, true);
        let wants = |world: &mut World, steps: &[&str]| {
            let task = |step: &&str| Task { done: false, content: vec![Inline::plain(*step)] };
            let tasks = steps.iter().map(task).collect();
            *world.content(A).block.last_mut().unwrap() = Block::Tasks(tasks);
        };
        wants(&mut world, &["Ask the pharmacy *first*."]);
        assert_eq!(writes(&world.run()), ["description DISP-1"]);
        let ticks = |world: &mut World| {
            let block::Located::Block { ours, .. } = block::locate(&world.issue(A).description) else {
                panic!("the block is gone")
            };
            markup::ticks(&ours).into_iter().collect::<Vec<_>>()
        };
        let asked = ("Ask the pharmacy *first*.".to_owned(), false);
        let done = (STEPS[0].to_owned(), true);
        assert_eq!(
            ticks(&mut world),
            [asked, done.clone()],
            "{markup:?}: what was not done is not asked for"
        );
        assert_eq!(writes(&world.run()), Vec::<String>::new(), "{markup:?}: and that is how it stays");

        wants(&mut world, &STEPS);
        assert_eq!(writes(&world.run()), ["description DISP-1"]);
        assert_eq!(ticks(&mut world), [(STEPS[1].to_owned(), false), done.clone()], "once: {markup:?}");
        world.content(A).block.pop();
        assert_eq!(writes(&world.run()), ["description DISP-1"]);
        assert_eq!(ticks(&mut world), [done], "also where there is nothing more to do: {markup:?}");
        assert_eq!(world.comments, []);

        // It has its place within the length of the text.
        let mut world = World::with_ticket_in(markup);
        world.tick(A, true);
        wants(&mut world, &["Ask the pharmacy *first*."]);
        let row = |number: usize| vec![Block::Paragraph(vec![Inline::plain(format!("row {number}"))])];
        let rows = Block::List { ordered: false, entries: (0..40).map(row).collect() };
        world.content(A).block.insert(1, rows);
        let room = markup::length_of(&world.content(A).block) + 1;
        world.text_limit = room + ROOM_FOR_DELIMITERS;
        world.run();
        let block::Located::Block { ours, .. } = block::locate(&world.issue(A).description) else {
            panic!("the block is gone")
        };
        assert!(markup::ticks(&ours)[STEPS[0]] && markup::plain_text(&ours).contains("row 0"), "{markup:?}");
        assert!(!markup::plain_text(&ours).contains("row 39"), "{markup:?}: what is least is left out");

        // One that comes before the write keeps it back.
        let mut world = World::with_ticket_in(markup);
        wants(&mut world, &["Ask the pharmacy *first*."]);
        let plan = world.plan();
        let Write::Update { changes, before, .. } = &plan.actions[0].write else { panic!("{plan:?}") };
        assert!(plan::is_still(changes, before, world.issue(A)));
        world.tick(A, true);
        assert!(!plan::is_still(changes, before, world.issue(A)), "{markup:?}");
    }
}

#[test]
fn whoever_changes_words_of_the_checklist_has_the_block() {
    for markup in [Markup::Adf, Markup::Wiki] {
        let mut world = World::with_ticket_in(markup);
        world.tick(A, true);
        let mine = world.issue(A).description.to_string().replace("Pay what is owed", "Pay nothing");
        world.issue(A).description = serde_json::from_str(&mine).unwrap();
        *world.content(A) = content(A, 6);
        let plan = world.run();
        assert_eq!(holds(&plan), [&theirs("description")]);
        assert_eq!(world.issue(A).description.to_string(), mine);
    }
}

#[test]
fn a_tick_that_comes_before_the_write_keeps_the_write_back() {
    for markup in [Markup::Adf, Markup::Wiki] {
        let mut world = World::with_ticket_in(markup);
        *world.content(A) = content(A, 6);
        let plan = world.plan();
        let Write::Update { changes, before, .. } = &plan.actions[0].write else { panic!("{plan:?}") };
        assert!(plan::is_still(changes, before, world.issue(A)));
        world.tick(A, true);
        assert!(!plan::is_still(changes, before, world.issue(A)), "{markup:?}");
    }
}

#[test]
fn a_block_without_its_delimiters_is_not_written_a_second_time() {
    for lost in ["▼ disputebot", "▲ disputebot"] {
        let mut world = World::with_ticket();
        let nodes = world.issue(A).description["content"].as_array_mut().unwrap();
        nodes.retain(|node| !disputebot::ticket::adf::text_of(node).starts_with(lost));
        *world.content(A) = content(A, 6);
        let plan = world.run();
        assert_eq!(writes(&plan), ["comment DISP-1", "summary DISP-1"], "{lost}");
        assert!(world.description(A).contains("5 open disputes"), "{lost}");
    }
}

#[test]
fn an_emptied_description_stays_empty() {
    let mut world = World::with_ticket();
    world.issue(A).description = serde_json::Value::Null;
    let plan = world.run();
    assert_eq!(writes(&plan), ["comment DISP-1"]);
    assert_eq!(holds(&plan), [&theirs("description")]);
    assert!(world.issue(A).description.is_null());
}

#[test]
fn a_block_that_a_person_restored_is_ours_again() {
    let mut world = World::with_ticket();
    let before = world.issue(A).description.clone();
    world.issue(A).description = serde_json::Value::Null;
    world.run();
    world.issue(A).description = before;
    *world.content(A) = content(A, 6);
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
}

#[test]
fn a_summary_priority_or_due_date_that_a_person_changed_is_theirs_and_told_once() {
    for (field, told, rest) in [
        ("summary", "“aaaa0000 · 6 disputes”", "description+priority+due date DISP-1"),
        ("priority", "“High”", "summary+description+due date DISP-1"),
        ("due date", "“2026-10-01”", "summary+description+priority DISP-1"),
    ] {
        let mut world = World::with_ticket();
        let issue = world.issue(A);
        match field {
            "summary" => issue.summary = "My own headline".to_owned(),
            "priority" => issue.priority = Some("Lowest".to_owned()),
            _ => issue.due = None,
        }
        let mut wanted = content(A, 6);
        wanted.priority = Some("High".to_owned());
        wanted.due = Some("2026-10-01".parse().unwrap());
        *world.content(A) = wanted;
        let plan = world.run();
        assert_eq!(writes(&plan), ["comment DISP-1", rest], "{field}");
        assert_eq!(holds(&plan), [&theirs(field)]);
        assert!(world.comments[0].1.contains(told), "{field}: {:?}", world.comments);

        world.content(A).summary.push('!');
        world.content(A).priority = Some("Highest".to_owned());
        world.content(A).due = Some("2026-11-01".parse().unwrap());
        let plan = world.run();
        assert_eq!(holds(&plan), [&theirs(field)], "{field}");
        assert_eq!(world.comments.len(), 1, "{field} is told once");
        let issue = world.issue(A);
        let kept = match field {
            "summary" => issue.summary == "My own headline",
            "priority" => issue.priority.as_deref() == Some("Lowest"),
            _ => issue.due.is_none(),
        };
        assert!(kept, "{field}: {issue:?}");
    }
}

#[test]
fn a_snoozed_ticket_is_written_again_when_its_time_is_over_without_another_order() {
    let mut world = World::with_ticket();
    let quiet = Some(Quiet::Until(world.now + SignedDuration::from_hours(24 * 14)));
    world.ticket(A).orders = Some(Box::new(Orders { heard: 1, quiet, ..Orders::default() }));
    *world.content(A) = content(A, 6);
    for _ in 0..14 {
        let plan = world.run();
        assert!(matches!(holds(&plan)[..], [HoldReason::Quiet { until: Some(_) }]), "{plan:?}");
        world.now += SignedDuration::from_hours(24);
    }
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
}

#[test]
fn several_fields_that_people_changed_are_told_in_one_comment_and_a_later_one_in_another() {
    let mut world = World::with_ticket();
    "My own headline".clone_into(&mut world.issue(A).summary);
    world.issue(A).description = serde_json::Value::Null;
    *world.content(A) = content(A, 6);
    assert_eq!(writes(&world.run()), ["comment DISP-1"]);
    assert_eq!(
        world.comments[0].1,
        "Someone changed the summary and description, so disputebot leaves them alone from now on. It would have written:\n\
         - summary: “aaaa0000 · 6 disputes”\n- description: its block below yours, which is gone\nTo hand one of them back, \
         write /disputebot take summary in a comment, or put the label disputebot-take-summary on this ticket."
    );
    world.issue(A).priority = Some("Lowest".to_owned());
    world.content(A).priority = Some("High".to_owned());
    let plan = world.run();
    assert_eq!(writes(&plan), ["comment DISP-1"]);
    assert_eq!(plan.actions[0].reason, Reason::PersonChanged { field: "priority".to_owned() });
    assert_eq!(holds(&plan), [&theirs("summary"), &theirs("description"), &theirs("priority")]);
}

#[test]
fn a_comment_on_changed_fields_whose_answer_was_lost_is_looked_for_under_the_fields_that_it_was_about() {
    let mut world = World::with_ticket();
    "My own headline".clone_into(&mut world.issue(A).summary);
    world.issue(A).due = None;
    let topic = |plan: &disputebot::plan::Plan| match &plan.actions[0].write {
        Write::Comment { topic, .. } => topic.clone(),
        other => panic!("{other:?}"),
    };
    let lost = topic(&world.plan());
    let at = world.moment();
    world.ticket(A).saying.insert(lost.clone(), at);
    world.issue(A).priority = Some("Lowest".to_owned());
    world.now = world.now.saturating_add(world.params.settle).unwrap();
    let plan = world.plan();
    assert_eq!(writes(&plan), ["comment DISP-1", "comment DISP-1"], "the same once more, and the new one");
    assert_eq!(topic(&plan), lost);
    world.run();
    assert_eq!(world.comments.len(), 2);
}

#[test]
fn a_field_that_a_label_hands_back_is_known_by_it_and_the_label_is_taken_off() {
    let mut world = World::with_ticket();
    world.content(A).fields.insert("Audit note".to_owned(), "ours".to_owned());
    world.run();
    for label in
        ["disputebot-take-audit-note", "disputebot-take-due-date", "disputebot-take-nothing", "other"]
    {
        world.issue(A).labels.insert(label.to_owned());
    }
    let (ticket, shown) = (world.ticket(A).clone(), world.issue(A).clone());
    let fields: Vec<String> =
        disputebot::plan::handed_back(&ticket, &shown).into_iter().map(|it| it.0).collect();
    assert_eq!(fields, ["Audit note", "due date"]);
    assert_eq!(writes(&world.run()), ["labels DISP-1"]);
    let left = labels(&[LABEL, &id(A).label(), "disputebot-take-nothing", "other"]);
    assert_eq!(world.issue(A).labels, left, "one that names no field of ours is a person's");
}

#[test]
fn a_field_that_a_person_handed_back_is_written_again() {
    let mut world = World::with_ticket();
    let before = world.issue(A).summary.clone();
    world.issue(A).summary = "My own headline".to_owned();
    world.run();
    world.issue(A).summary = before;
    *world.content(A) = content(A, 6);
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
}

#[test]
fn labels_of_people_stay_and_a_label_of_ours_that_is_no_mark_stays_off() {
    let mut world = World::with_ticket();
    world.content(A).labels.push("team-rebates".to_owned());
    world.run();
    let (mark, own) = (LABEL.to_owned(), id(A).label());
    world.issue(A).labels = labels(&[&mark, &own, "mine"]);
    assert!(world.plan().is_empty());
    *world.content(A) = content(A, 6);
    world.content(A).labels.push("team-rebates".to_owned());
    world.run();
    assert_eq!(world.issue(A).labels, labels(&[&mark, &own, "mine"]), "`team-rebates` was taken off");
}

#[test]
fn a_label_that_the_content_has_for_the_first_time_is_added() {
    let mut world = World::with_ticket();
    world.content(A).labels.push("team-rebates".to_owned());
    assert_eq!(writes(&world.run()), ["labels DISP-1"]);
    assert_eq!(world.issue(A).labels, labels(&[LABEL, &id(A).label(), "team-rebates"]));
}

#[test]
fn a_ticket_with_the_ignore_label_is_never_written_to() {
    let mut world = World::with_ticket();
    world.issue(A).labels.insert(IGNORE_LABEL.to_owned());
    *world.content(A) = content(A, 6);
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::Ignored]));

    let at = world.now;
    world.end(A, disputebot::group::Status::Resolved { at });
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::Ignored]));
}

#[test]
fn a_split_is_not_told_on_a_parent_with_the_ignore_label() {
    let mut world = World::with_ticket();
    world.issue(A).labels.insert(IGNORE_LABEL.to_owned());
    world.add(B, 4, 500);
    world.group(B).split_from = Some(id(A));
    world.run();
    assert_eq!(world.comments.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["DISP-2"], "the part alone");
    assert_eq!(world.links, [("Relates".to_owned(), "DISP-2".to_owned(), "DISP-1".to_owned())]);
}

#[test]
fn a_ticket_that_a_person_closed_stays_closed_and_is_told_once() {
    let mut world = World::with_ticket();
    world.issue(A).category = Category::Done;
    let plan = world.run();
    assert_eq!(writes(&plan), ["comment DISP-1"]);
    assert_eq!(plan.actions[0].reason, Reason::PersonClosed);
    assert!(world.comments[0].1.contains("closed while 5 disputes of the group are open"));

    *world.content(A) = content(A, 6);
    let plan = world.run();
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&HoldReason::PersonClosed]));
    assert_eq!(world.issue(A).category, Category::Done);
    assert!(world.issue(A).summary.contains("5 disputes"));

    world.issue(A).category = Category::InProgress;
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"], "reopened, it is kept up to date again");
    assert_eq!(world.comments.len(), 1);
}

#[test]
fn a_status_of_a_person_is_left_where_it_is() {
    let mut world = World::with_ticket();
    world.issue(A).category = Category::InProgress;
    world.issue(A).status = "In Review".to_owned();
    *world.content(A) = content(A, 6);
    assert_eq!(writes(&world.run()), ["summary+description DISP-1"]);
    assert_eq!(world.issue(A).status, "In Review");
}

#[test]
fn a_ticket_that_a_person_reopened_after_we_closed_it_is_left_open() {
    let mut world = World::with_ticket();
    let at = world.now;
    world.end(A, disputebot::group::Status::Resolved { at });
    world.run();
    assert_eq!(world.ticket(A).closed, Closed::ByUs);
    world.issue(A).category = Category::InProgress;
    world.issue(A).status = "In Progress".to_owned();
    let plan = world.run();
    let working = HoldReason::PersonWorking { status: "In Progress".to_owned() };
    assert_eq!((writes(&plan), holds(&plan)), (vec![], vec![&working]));
}

#[test]
fn a_key_that_changed_because_the_issue_was_moved_is_the_same_ticket() {
    let mut world = World::with_ticket();
    world.issue(A).issue.key = "OTHER-7".to_owned();
    assert!(world.plan().is_empty());
    *world.content(A) = content(A, 6);
    assert_eq!(writes(&world.run()), ["summary+description OTHER-7"]);
}

#[test]
fn an_answer_is_kept_within_what_jira_takes_by_whole_rows() {
    let mut world = World::with_ticket();
    world.text_limit = 2_000;
    // A text of the house's own that has no headings: an answer repeats all of it.
    let row = |number| vec![Block::Paragraph(vec![Inline::plain(format!("claim {number:04} of the state"))])];
    world.content(A).block = vec![Block::List { ordered: false, entries: (0..400).map(row).collect() }];
    let asked = [("7".to_owned(), Asked::Done(Command::Explain))].into_iter().collect();
    world.ticket(A).orders = Some(Box::new(Orders { heard: 7, asked, ..Orders::default() }));
    let plan = world.plan();
    let body = plan.actions.iter().find_map(|action| match &action.write {
        Write::Comment { body, .. } => Some(body),
        _ => None,
    });
    let body = body.unwrap();
    let length = adf::document(adf::nodes(body)).to_string().len();
    assert!(length <= 2_000, "{length}");
    let said = document::plain_text(body);
    assert!(said.starts_with("/disputebot explain") && said.contains("claim 0000"), "{said}");
    assert!(said.contains(" more rows: Jira takes no longer text here."), "{said}");
}

#[test]
fn a_long_text_of_a_field_is_not_repeated_to_whoever_changed_it() {
    for (length, repeats) in [(500, true), (501, false), (30_000, false)] {
        let mut world = World::new();
        world.add(A, 5, 1000);
        let text = "x".repeat(length);
        world.content(A).fields.insert("Audit note".to_owned(), text.clone());
        world.run();
        world.issue(A).fields.insert("Audit note".to_owned(), "mine".to_owned());
        world.run();
        let said = &world.comments[0].1;
        assert_eq!(said.contains(&text), repeats, "{length}");
        assert!(said.chars().count() < 1_000 && said.contains("/disputebot take Audit note"), "{said}");
    }
}

#[test]
fn what_a_person_set_stays_theirs_though_disputebot_comes_to_want_the_same_and_then_something_else() {
    // Whether or not a comment told of it meanwhile.
    for comments_per_week in [0, 3] {
        let mut world = World::with_ticket();
        world.params.manners.comments_per_week = comments_per_week;
        world.issue(A).priority = Some("Lowest".to_owned());
        for wanted in ["High", "Lowest", "Highest"] {
            *world.content(A) = content(A, 5);
            world.content(A).priority = Some(wanted.to_owned());
            world.content(A).summary = format!("a summary while {wanted} is wanted");
            world.now += SignedDuration::from_hours(24 * 8);
            world.run();
            assert_eq!(world.issue(A).priority.as_deref(), Some("Lowest"), "{wanted}");
        }
        assert_eq!(world.comments.len(), usize::from(comments_per_week > 0));
    }
}

#[test]
fn the_priority_that_jira_gave_a_ticket_by_itself_is_nobodys_until_a_person_touches_it() {
    for is_touched in [false, true] {
        let mut world = World::new();
        world.add(A, 5, 1000);
        world.content(A).priority = None;
        world.run();
        world.issue(A).priority = Some("Medium".to_owned());
        assert!(world.plan().is_empty());
        if is_touched {
            world.issue(A).category = Category::InProgress;
        }
        world.content(A).priority = Some("Highest".to_owned());
        world.run();
        let shown = world.issue(A).priority.clone();
        assert_eq!(shown.as_deref(), Some(if is_touched { "Medium" } else { "Highest" }));
        assert_eq!(world.comments, [], "nobody changed anything");
    }
}

#[test]
fn where_no_orders_are_heard_a_comment_names_no_order() {
    for commanders in [vec![], vec!["*".to_owned()]] {
        let mut world = World::with_ticket();
        let hears = !commanders.is_empty();
        world.params.commanders = commanders;
        world.issue(A).summary = "mine".to_owned();
        world.run();
        let said = &world.comments[0].1;
        assert_eq!(said.contains("/disputebot"), hears, "{said}");
        assert!(said.contains("disputebot-take-summary"), "{said}");
    }
}

#[test]
fn each_time_that_a_person_closes_a_ticket_it_is_told_that_it_stays_closed() {
    let mut world = World::with_ticket();
    let members = world.group(A).members.clone();
    for number in 1..=2 {
        world.issue(A).category = Category::Done;
        let (id, key, kind) = (format!("closed-{number}"), "DISP-1".to_owned(), RulingKind::Closed);
        let at = Timestamp::UNIX_EPOCH;
        world.rulings.push(Ruling {
            id,
            at,
            group: crate::id(A),
            key,
            members: members.clone(),
            kind,
            lifted: false,
        });
        world.run();
        assert_eq!(world.comments.len(), number);
        world.rulings[number - 1].lifted = true;
        world.issue(A).category = Category::New;
        world.now += SignedDuration::from_hours(24 * 8);
        world.run();
    }
}

#[test]
fn a_priority_that_was_handed_back_is_written_also_where_the_ticket_has_none() {
    let mut world = World::new();
    world.add(A, 5, 1000);
    world.content(A).priority = None;
    world.run();
    let shown = world.issue(A).clone();
    plan::take("priority", world.ticket(A), &shown);
    world.content(A).priority = Some("Highest".to_owned());
    world.run();
    assert_eq!(world.issue(A).priority.as_deref(), Some("Highest"));
}

#[test]
fn who_takes_a_new_ticket_that_jira_gave_to_nobody_works_on_it() {
    let mut world = World::with_ticket();
    world.issue(A).assignee = Some("analyst".to_owned());
    for (unassigned, works) in [(false, false), (true, true)] {
        world.ticket(A).unassigned = unassigned;
        let (ticket, shown) = (world.ticket(A).clone(), world.issue(A).clone());
        assert_eq!(plan::is_worked_on(&ticket, &shown), works, "known to be given to nobody: {unassigned}");
    }
}

#[test]
fn who_takes_a_new_ticket_that_a_rule_gave_to_another_one_works_on_it() {
    let mut world = World::with_ticket();
    let fields = [(plan::ASSIGNEE.to_owned(), "lead".to_owned())];
    world.ticket(A).written.as_mut().unwrap().fields = fields.into_iter().collect();
    for (assignee, works) in [("lead", false), ("analyst", true)] {
        world.issue(A).assignee = Some(assignee.to_owned());
        let (ticket, shown) = (world.ticket(A).clone(), world.issue(A).clone());
        assert_eq!(plan::is_worked_on(&ticket, &shown), works, "{assignee}");
    }
}
