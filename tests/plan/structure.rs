//! Splits and merges: linked, told once, and closed only where nobody works.

use disputebot::{
    group::Status,
    plan::{
        Action, CLOSED_BY_OTHERS, Category, Closed, Heard, HoldReason, IGNORE_LABEL, Life, Moment, Orders,
        Plan, Quiet, Reason, Resolutions, Ruling, RulingKind, StrayKind, Write, closing_topic,
    },
};
use jiff::SignedDuration;

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
    assert_eq!(writes(&plan), ["link DISP-1", "comment DISP-1", "comment DISP-2", "close DISP-1"]);
    assert!(plan.actions.iter().all(|action| action.reason == Reason::MergedInto { group: id(B) }));
    assert_eq!(world.links, [("Duplicate".to_owned(), "DISP-1".to_owned(), "DISP-2".to_owned())]);
    let said = [
        "The disputes of this ticket turned out to share their root cause with those of DISP-2, which is linked. They are \
         counted there from now on.",
        "The disputes of DISP-1, which is linked, turned out to share the root cause of this ticket. They are counted here \
         from now on.",
    ];
    let said: Vec<_> =
        [("DISP-1", said[0]), ("DISP-2", said[1])].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    assert_eq!(world.comments, said);
    assert_eq!(world.issue(A).category, Category::Done);
    assert!(world.plan().holds.is_empty());
}

#[test]
fn reports_of_jira_can_tell_what_was_finished_from_what_was_merged_or_was_no_group() {
    let closed_as = |world: &World| {
        let plan = world.plan();
        let found = plan.actions.iter().find_map(|action| match &action.write {
            Write::Transition { to: Category::Done, resolution, .. } => Some(resolution.clone()),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("nothing is closed: {plan:?}"))
    };
    let name = |name: &str| Some(name.to_owned());
    let resolutions =
        Resolutions { settled: name("Done"), merged: name("Duplicate"), no_group: name("Won't Do") };
    let [mut settled, mut second, mut no_group] = [(); 3].map(|()| World::with_ticket());
    let at = settled.now;
    settled.end(A, Status::Resolved { at });
    settled.now = at.saturating_add(SignedDuration::from_hours(24 * 7)).unwrap();
    second.second_ticket(A, StrayKind::Duplicate);
    let members = no_group.group(A).members.clone();
    no_group.rulings = vec![Ruling { members, ..ruling(A, "DISP-1", RulingKind::NotAGroup) }];
    let mut merged = merged();
    for world in [&mut settled, &mut merged, &mut second, &mut no_group] {
        world.params.resolutions = resolutions.clone();
    }
    let closed = [&settled, &merged, &second, &no_group].map(closed_as);
    assert_eq!(closed, ["Done", "Duplicate", "Duplicate", "Won't Do"].map(name));
}

#[test]
fn whom_a_rule_or_jira_itself_gave_a_ticket_to_does_not_work_on_it_yet() {
    for by_rule in [true, false] {
        let who = "Example Analyst".to_owned();
        let mut world = merged();
        world.issue(A).assignee = Some(who.clone());
        if by_rule {
            let written = world.ticket(A).written.as_mut().unwrap();
            written.fields = [("assignee".to_owned(), who.clone())].into_iter().collect();
        } else {
            world.ticket(A).given = Some(Box::new(who.as_str().into()));
        }
        // An order is no work on the ticket, other words are.
        let heard = |id: u64, text: &str| {
            let author = vec!["someone".to_owned()];
            Heard { id, author, created: "2026-11-03T09:00:00Z".into(), text: text.to_owned() }
        };
        world.issue(A).comments = vec![heard(1, "/disputebot status")];
        assert!(writes(&world.plan()).contains(&"close DISP-1".to_owned()), "by a rule: {by_rule}");
        world.issue(A).comments.push(heard(2, "I called the pharmacy."));
        assert!(!writes(&world.plan()).contains(&"close DISP-1".to_owned()), "by a rule: {by_rule}");
        world.issue(A).comments.clear();
        assert!(writes(&world.run()).contains(&"close DISP-1".to_owned()), "by a rule: {by_rule}");
    }
}

#[test]
fn a_merged_ticket_that_somebody_works_on_stays_open() {
    for how in ["is theirs", "is moved on", "is written on"] {
        let mut world = merged();
        match how {
            "is theirs" => world.issue(A).assignee = Some("Example Analyst".to_owned()),
            "is moved on" => {
                world.issue(A).category = Category::InProgress;
                world.issue(A).status = "In Review".to_owned();
            }
            _ => world.issue(A).comments.push(Heard {
                id: 1,
                author: vec!["someone".to_owned()],
                created: "2026-11-03T09:00:00Z".into(),
                text: "I called the pharmacy.".to_owned(),
            }),
        }
        let text = world.description(A);
        let plan = world.run();
        assert_eq!(
            writes(&plan),
            ["link DISP-1", "comment DISP-1", "comment DISP-2", "description+due date DISP-1"],
            "{how}"
        );
        assert!(matches!(holds(&plan)[..], [HoldReason::PersonWorking { .. }]), "{plan:?}");
        assert_ne!(world.issue(A).category, Category::Done);
        assert_eq!(world.issue(A).due, None, "no board counts its disputes twice");
        let now = world.description(A);
        assert!(now.contains("The disputes of this ticket are counted on DISP-2 now."), "{now}");
        let within = text.split_once("5 open disputes").unwrap().1.split('▲').next().unwrap();
        assert!(now.contains(within), "what people work with stays: {now}");
        let keeps_its_mark = |action: &Action| match &action.write {
            Write::Update { mark, .. } => mark.is_none(),
            _ => true,
        };
        assert!(plan.actions.iter().all(keeps_its_mark), "by it the ticket is known where the state is lost");
        assert!(writes(&world.run()).is_empty(), "once");
        // Where the answer was lost, it is seen that it is there.
        world.ticket(A).told.retain(|topic| !topic.starts_with("counted-on-"));
        assert!(writes(&world.plan()).is_empty(), "once");
        // Nothing else would ever tell them.
        world.group(B).status = Status::Resolved { at: world.now };
        world.group(B).members.clear();
        let plan = world.run();
        assert!(writes(&plan).contains(&"comment DISP-1".to_owned()), "{plan:?}");
        let told = world
            .comments
            .iter()
            .filter(|(key, text)| key == "DISP-1" && text.contains("are settled by now"));
        assert_eq!(told.count(), 1);
        assert!(!writes(&world.run()).contains(&"comment DISP-1".to_owned()), "once");
    }
}

#[test]
fn a_merged_ticket_whose_text_or_due_date_is_a_persons_keeps_them() {
    let mut world = merged();
    world.issue(A).category = Category::InProgress;
    world.issue(A).due = Some("2030-01-01".parse().unwrap());
    world.ticket(A).orders.get_or_insert_default().released.insert("description".to_owned());
    let text = world.description(A);
    let plan = world.run();
    assert!(!writes(&plan).iter().any(|it| it.contains("description") || it.contains("due")), "{plan:?}");
    assert_eq!(world.description(A), text);
}

#[test]
fn a_ticket_that_is_half_way_to_done_by_disputebots_own_step_goes_on_and_by_a_persons_stays() {
    for by_us in [true, false] {
        let mut world = merged();
        world.issue(A).category = Category::InProgress;
        world.issue(A).status = "In Review".to_owned();
        world.ticket(A).worked_on = true;
        world.ticket(A).closed = Closed::Intended;
        let (now, to) = (Moment::by_wall(world.now), if by_us { "In Review" } else { "Waiting" });
        world.ticket(A).saying.insert(closing_topic(to), now);
        let is_closed = writes(&world.run()).contains(&"close DISP-1".to_owned());
        assert_eq!(is_closed, by_us);
    }
}

#[test]
fn a_second_ticket_stays_while_jira_does_not_show_the_first_one() {
    let mut world = World::with_ticket();
    let second = world.second_ticket(A, StrayKind::Duplicate);
    world.jira.retain(|id, _| *id == second.id);
    assert_eq!(writes(&world.run()), Vec::<String>::new());
}

#[test]
fn nothing_is_closed_in_favour_of_a_ticket_that_jira_does_not_show() {
    let mut world = merged();
    world.jira.retain(|_, issue| issue.issue.key != "DISP-2");
    let plan = world.run();
    assert_eq!(writes(&plan), Vec::<String>::new());
    let held = plan.holds.iter().find(|hold| hold.group == id(A)).expect("it is held");
    assert!(held.reason.words().contains("DISP-2, which Jira does not show"), "{held:?}");
}

/// What a person said on the ticket of a group.
fn ruling(bits: u128, key: &str, kind: RulingKind) -> Ruling {
    let (group, key) = (id(bits), key.to_owned());
    let (members, at) = (Vec::new(), jiff::Timestamp::UNIX_EPOCH);
    Ruling { id: format!("{group}-{key}"), at, group, key, members, kind, lifted: false }
}

#[test]
fn a_merge_by_a_person_is_told_as_such_on_both_tickets() {
    let mut world = merged();
    world.rulings = vec![ruling(A, "DISP-1", RulingKind::Together { with: id(B) })];
    let plan = world.run();
    let by_person = Reason::MergedByPerson { group: id(B), key: "DISP-1".to_owned() };
    assert!(plan.actions.iter().all(|action| action.reason == by_person), "{plan:?}");
    let said = |key: &str, words: &str| {
        (
            key.to_owned(),
            format!(
                "A person merged {words} from now on, and later runs keep the disputes of both together."
            ),
        )
    };
    assert_eq!(
        world.comments,
        [
            said("DISP-1", "this ticket into DISP-2. Its disputes are counted there"),
            said("DISP-2", "DISP-1 into this ticket. Its disputes are counted here"),
        ]
    );
}

#[test]
fn disputes_that_leave_a_ticket_on_which_people_ordered_quiet_get_no_other_one_until_that_is_over() {
    let until = |world: &World| world.now + SignedDuration::from_hours(24 * 14);
    for quiet in [Quiet::Muted, Quiet::Until(until(&World::with_ticket()))] {
        let mut world = World::with_ticket();
        let orders = Orders { heard: 1, quiet: Some(quiet), ..Orders::default() };
        world.ticket(A).orders = Some(Box::new(orders));
        world.add(B, 6, 2000);
        world.group(B).split_from = Some(id(A));
        let plan = world.run();
        assert_eq!(writes(&plan), Vec::<String>::new());
        assert!(plan.holds.iter().all(|hold| hold.key.as_deref() == Some("DISP-1")), "{plan:?}");
        assert_eq!(plan.holds.len(), 2, "one for each of them: {plan:?}");
        // Nor what leaves those that left it; what a person parted is another matter, unless that was long before.
        world.add(C, 6, 2000);
        world.group(C).split_from = Some(id(B));
        assert_eq!(writes(&world.run()), Vec::<String>::new());
        let kind = RulingKind::Apart { attribute: "state".to_owned() };
        world.rulings = vec![Ruling { members: vec!["Z-1".into()], ..ruling(A, "DISP-1", kind.clone()) }];
        assert_eq!(writes(&world.run()), Vec::<String>::new());
        let members = world.group(B).members.clone();
        world.rulings = vec![Ruling { members, ..ruling(A, "DISP-1", kind) }];
        assert!(writes(&world.plan()).contains(&"create new".to_owned()));
        world.rulings.clear();
        world.ticket(A).orders.as_mut().unwrap().quiet = None;
        assert!(writes(&world.plan()).contains(&"create new".to_owned()));
    }
}

#[test]
fn a_ticket_that_a_person_closed_as_a_duplicate_and_opened_again_stays_open() {
    let mut world = merged();
    world.rulings = vec![ruling(A, "DISP-1", RulingKind::Together { with: id(B) })];
    world.issue(A).category = Category::Done;
    assert_eq!(writes(&world.run()), ["link DISP-1", "comment DISP-1", "comment DISP-2"]);
    world.issue(A).category = Category::New;
    let plan = world.run();
    assert_eq!(writes(&plan), ["description+due date DISP-1"], "where they are counted");
    assert!(matches!(holds(&plan)[..], [HoldReason::PersonWorking { .. }]), "{plan:?}");
    assert_eq!(writes(&world.run()), Vec::<String>::new());
}

#[test]
fn disputes_are_not_counted_where_people_want_quiet_and_nothing_would_be_told_of_them() {
    let mute = |world: &mut World, quiet| {
        world.ticket(B).orders = Some(Box::new(Orders { quiet, ..Orders::default() }));
    };
    for is_muted in [true, false] {
        let mut world = merged();
        if is_muted {
            mute(&mut world, Some(Quiet::Muted));
        } else {
            world.issue(B).labels.insert(IGNORE_LABEL.to_owned());
        }
        let plan = world.run();
        assert_eq!(writes(&plan), Vec::<String>::new(), "muted: {is_muted}");
        let about = plan.holds.iter().find(|hold| hold.key.as_deref() == Some("DISP-1")).unwrap();
        assert!(format!("{:?}", about.reason).contains("DISP-2, on which people want quiet"), "{about:?}");
        // A person who put them together meant it.
        let ruling = ruling(A, "DISP-1", RulingKind::Together { with: id(B) });
        world.rulings = vec![ruling];
        assert!(writes(&world.plan()).contains(&"link DISP-1".to_owned()), "muted: {is_muted}");
        world.rulings.clear();
        mute(&mut world, None);
        world.issue(B).labels.remove(IGNORE_LABEL);
        assert!(writes(&world.run()).starts_with(&["link DISP-1".to_owned()]), "muted: {is_muted}");
        assert_eq!(world.issue(A).category, Category::Done);
        // What is over waits for nothing.
        mute(&mut world, Some(Quiet::Muted));
        let plan = world.plan();
        assert!(plan.holds.iter().all(|hold| hold.key.as_deref() != Some("DISP-1")), "{plan:?}");
    }
    let mut world = merged();
    mute(&mut world, Some(Quiet::Muted));
    let at = world.now;
    world.end(B, Status::Resolved { at });
    assert!(writes(&world.run()).contains(&"close DISP-1".to_owned()), "nothing is open there any more");
}

#[test]
fn a_survivor_that_is_closed_or_has_said_enough_hears_by_the_link_alone() {
    for case in 0..2 {
        let mut world = merged();
        match case {
            0 => world.issue(B).category = Category::Done,
            _ => world.ticket(B).life = Some(Box::new(Life { said: vec![world.now; 3], ..Life::default() })),
        }
        let plan = world.plan();
        let about_it =
            plan.actions.iter().filter(|action| matches!(action.reason, Reason::MergedInto { .. }));
        let keys: Vec<_> = about_it.map(|action| action.key.clone().unwrap()).collect();
        assert_eq!(keys, ["DISP-1"; 3], "case {case}");
    }
    // A merge of long ago is no news.
    let mut world = merged();
    world.now = world.now.saturating_add(SignedDuration::from_hours(24 * 7)).unwrap();
    assert_eq!(writes(&world.run()), ["link DISP-1", "comment DISP-1", "close DISP-1"]);
}

#[test]
fn a_part_says_where_it_comes_from_in_the_run_that_opens_its_ticket() {
    for by_person in [false, true] {
        let mut world = World::with_ticket();
        world.add(B, 4, 500);
        world.group(B).split_from = Some(id(A));
        if by_person {
            let members = world.group(B).members.clone();
            let kind = RulingKind::Apart { attribute: "state".to_owned() };
            world.rulings = vec![Ruling { members, ..ruling(A, "DISP-1", kind) }];
        }
        world.run();
        let said: Vec<&str> =
            world.comments.iter().filter(|(key, _)| key == "DISP-2").map(|(_, said)| said.as_str()).collect();
        let wanted = if by_person {
            "A person ordered on DISP-1 that its disputes that differ in state are kept apart. The 4 disputes of this ticket \
             were part of DISP-1, which is linked; what was said there may concern them."
        } else {
            "The 4 disputes of this ticket were part of DISP-1, which is linked, and turned out to have a root cause of their \
             own; what was said there may concern them."
        };
        assert_eq!(said, [wanted]);
        let parent = world.comments.iter().find(|(key, _)| key == "DISP-1").unwrap();
        assert_eq!(
            parent.1.starts_with("A person ordered that disputes of this ticket that differ in state"),
            by_person
        );
    }
    // Held back, it says nothing yet.
    let mut world = World::with_ticket();
    world.add(B, 4, 500);
    world.group(B).split_from = Some(id(A));
    world.params.max_new_tickets = 0;
    assert!(world.plan().is_empty());
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
fn a_ticket_that_a_person_closed_before_its_disputes_were_over_stays_open_where_a_person_reopens_it() {
    for into in [Some(id(B)), None] {
        let mut world = World::with_ticket();
        world.add(B, 6, 2000);
        world.run();
        let at = world.now;
        world.end(A, into.map_or(Status::Resolved { at }, |into| Status::Merged { at, into }));
        let is_closed = |plan: &Plan| writes(plan).contains(&"close DISP-1".to_owned());
        assert!(is_closed(&world.plan()), "one that nobody closed");
        world.ticket(A).told.insert(CLOSED_BY_OTHERS.to_owned());
        let plan = world.run();
        assert!(!is_closed(&plan), "{plan:?}");
    }
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
    assert_eq!(writes(&world.run()), ["link DISP-1", "comment DISP-1", "comment DISP-2", "close DISP-1"]);
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
    assert_eq!(writes(&plan), ["create new", "link new", "comment DISP-1", "comment new"]);
    assert!(plan.actions.iter().all(|action| action.reason == Reason::SplitFrom { group: id(A) }));
    assert_eq!(world.links, [("Relates".to_owned(), "DISP-2".to_owned(), "DISP-1".to_owned())]);
    assert!(world.comments[0].1.contains("4 disputes of this ticket turned out"));

    *world.content(B) = content(B, 5);
    world.run();
    assert_eq!((world.links.len(), world.comments.len()), (1, 2), "one comment each");
}

#[test]
fn a_comment_on_a_split_that_failed_is_made_within_the_week_and_the_link_only_once() {
    let mut world = World::with_ticket();
    world.add(B, 4, 500);
    world.group(B).split_from = Some(id(A));
    let mut plan = world.plan();
    let on_parent = writes(&plan).iter().position(|write| write == "comment DISP-1").unwrap();
    plan.actions.remove(on_parent);
    world.apply(&plan);
    let mut later = world.clone();
    assert_eq!(writes(&world.run()), ["comment DISP-1"]);
    assert_eq!(writes(&world.run()), Vec::<String>::new());

    later.now += SignedDuration::from_hours(8 * 24);
    assert_eq!(writes(&later.run()), Vec::<String>::new(), "after a week the link says it");
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
    assert_eq!(writes(&world.run()), ["create new", "link new", "comment DISP-1", "comment new"]);
}

#[test]
fn two_children_of_one_parent_are_both_linked_and_told() {
    let mut world = World::with_ticket();
    for bits in [B, C] {
        world.add(bits, 4, 500);
        world.group(bits).split_from = Some(id(A));
    }
    world.run();
    assert_eq!((world.links.len(), world.comments.len()), (2, 4));
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
    assert_eq!(writes(&world.run()), ["link DISP-2", "comment DISP-1", "comment DISP-2"]);
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

#[test]
fn disputes_are_not_sent_to_a_ticket_that_a_person_closed() {
    let mut world = merged();
    world.issue(B).category = Category::Done;
    let is_decided = |lifted: bool| Ruling { lifted, ..ruling(B, "DISP-2", RulingKind::Closed) };
    world.rulings = vec![is_decided(false)];
    let plan = world.run();
    assert!(writes(&plan).iter().all(|write| !write.ends_with("DISP-1")), "{plan:?}");
    assert!(plan.holds.iter().any(|hold| matches!(&hold.reason, HoldReason::Unconfirmed { what } if what.contains("DISP-2, which a person closed"))), "{plan:?}");
    world.issue(B).category = Category::New;
    world.rulings = vec![is_decided(true)];
    let plan = world.run();
    assert!(writes(&plan).contains(&"close DISP-1".to_owned()), "{plan:?}");
}

#[test]
fn a_second_ticket_with_the_ignore_label_is_left_alone() {
    let mut world = World::with_ticket();
    let second = world.second_ticket(A, StrayKind::Duplicate);
    world.jira.get_mut(&second.id).unwrap().labels.insert(IGNORE_LABEL.to_owned());
    let plan = world.run();
    assert_eq!(writes(&plan), Vec::<String>::new());
    assert_eq!(holds(&plan), [&HoldReason::Ignored]);
}

#[test]
fn a_link_to_a_ticket_that_was_merged_into_this_one_needs_no_word() {
    let mut world = merged();
    world.run();
    let loser = world.issue(A).issue.clone();
    world.issue(B).duplicate_of = vec![loser];
    assert_eq!(writes(&world.run()), Vec::<String>::new());
}
