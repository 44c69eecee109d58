//! What people decided is remembered by the disputes, not by the ticket or the group.

use disputebot::{
    cluster::{self, Bond, TableBuilder},
    dispute::{Dispute, Ndc, Program, Text},
    group::Group,
    plan::{self, Category, HoldReason, Reason, Ruling, RulingKind},
};
use jiff::{SignedDuration, Timestamp};

use crate::{A, B, C, World, holds, id, writes};

fn ruling(group: u128, members: &[Text], kind: RulingKind) -> Ruling {
    let (id, key) = (format!("closed-{group}"), "DISP-1".to_owned());
    let (at, members) = (Timestamp::UNIX_EPOCH, members.to_vec());
    Ruling { id, at, group: crate::id(group), key, members, kind, lifted: false }
}

#[test]
fn another_group_of_the_same_disputes_gets_no_ticket_until_half_of_them_are_new() {
    let mut world = World::new();
    world.add(B, 8, 1000);
    let members = world.group(B).members.clone();
    for kind in [RulingKind::Closed, RulingKind::NotAGroup] {
        world.rulings = vec![ruling(A, &members[..4], kind.clone())];
        let plan = world.plan();
        assert!(plan.is_empty(), "{kind:?}: {plan:?}");
        assert_eq!(holds(&plan), [&HoldReason::Ruled { key: "DISP-1".to_owned(), fresh: 4 }]);
        world.rulings = vec![ruling(A, &members[..3], kind.clone())];
        let plan = world.plan();
        assert_eq!(writes(&plan), ["create new"], "{kind:?}");
        assert_eq!(plan.actions[0].reason, Reason::DespiteRuling { key: "DISP-1".to_owned() }, "{kind:?}");
        world.rulings = vec![Ruling { lifted: true, ..ruling(A, &members, kind) }];
        let plan = world.plan();
        assert_eq!(writes(&plan), ["create new"]);
        assert_eq!(plan.actions[0].reason, Reason::NewGroup, "what was taken back is not told");
    }
}

#[test]
fn a_few_new_disputes_with_most_of_the_money_are_another_matter() {
    let mut world = World::new();
    world.add(B, 8, 40_000);
    let members = world.group(B).members.clone();
    world.rulings = vec![ruling(A, &members[..7], RulingKind::NotAGroup)];
    for (fresh, opens) in [(9_999, false), (20_000, false), (20_001, true)] {
        world.standing(B).fresh_amount = fresh.into();
        assert_eq!(!world.plan().is_empty(), opens, "{fresh} of 40,000");
    }
    // Most of little money is little.
    world.standing(B).weight.amount = 15_000.into();
    world.standing(B).fresh_amount = 9_999.into();
    assert!(world.plan().is_empty());
    // Where all of them were decided about, no money of theirs is new.
    world.standing(B).fresh_amount = 15_000.into();
    world.rulings = vec![ruling(A, &members, RulingKind::NotAGroup)];
    assert!(world.plan().is_empty());
}

#[test]
fn a_ticket_of_what_is_no_group_is_reopened_with_the_decision_and_once() {
    let mut world = World::with_ticket();
    let members = world.group(A).members.clone();
    world.rulings = vec![ruling(A, &members, RulingKind::NotAGroup)];
    assert_eq!(writes(&world.run()), ["close DISP-1"]);
    let grow = |world: &mut World, count: usize| {
        let more = (0..count).map(|number| Text::from(format!("Z-{number:03}").as_str()));
        world.group(A).members = members.iter().cloned().chain(more).collect();
    };
    grow(&mut world, 5);
    assert_eq!(holds(&world.run()), [&HoldReason::Ruled { key: "DISP-1".to_owned(), fresh: 5 }]);
    grow(&mut world, 6);
    world.standing(A).fresh_amount = 12_345.into();
    let plan = world.run();
    assert_eq!(writes(&plan), ["comment DISP-1", "reopen DISP-1"]);
    let despite = Reason::DespiteRuling { key: "DISP-1".to_owned() };
    assert!(plan.actions.iter().all(|action| action.reason == despite), "{plan:?}");
    assert_eq!(
        world.comments.last().unwrap().1,
        "A person said here that the disputes of this ticket are no group, and 5 of them are still open. Since then 6 more \
         with the same pattern came (about $12,000 in dispute), so this ticket is reopened, this once. Close it, or write \
         `/disputebot not-a-group` again, and it stays closed for these as well."
    );
    grow(&mut world, 9);
    assert_eq!(writes(&world.run()), Vec::<String>::new());
    // Closed by hand, it stays closed for all of them.
    world.issue(A).category = Category::Done;
    let members = world.group(A).members.clone();
    world.rulings.push(Ruling { id: "later".to_owned(), ..ruling(A, &members, RulingKind::Closed) });
    assert_eq!(writes(&world.run()), ["comment DISP-1"], "that it was closed");
    assert_eq!(holds(&world.plan()), [&HoldReason::PersonClosed]);
}

#[test]
fn a_closed_ticket_hears_of_a_few_new_disputes_with_much_money() {
    let mut world = World::with_ticket();
    world.params.manners.comments_per_week = 9;
    world.issue(A).category = Category::Done;
    let members = world.group(A).members.clone();
    world.rulings = vec![ruling(A, &members, RulingKind::Closed)];
    world.standing(A).fresh_amount = 50_000.into();
    assert_eq!(writes(&world.run()), ["comment DISP-1"], "that it was closed; nothing new came yet");
    world.group(A).members.push("Z-1".into());
    for (fresh, said) in [(9_999, 0), (10_000, 1), (19_999, 0), (20_000, 1), (20_000, 0)] {
        world.standing(A).fresh_amount = fresh.into();
        assert_eq!(world.run().actions.len(), said, "{fresh}");
    }
    assert!(world.comments.last().unwrap().1.starts_with(
        "1 dispute with the same cause (about $20,000 in dispute) came since this ticket was closed."
    ));
}

/// One of its fresh disputes is settled and comes back, day by day.
#[test]
fn a_ticket_of_what_is_no_group_is_reopened_once_and_not_closed_again_for_what_goes() {
    let mut world = World::with_ticket();
    let members = world.group(A).members.clone();
    world.rulings = vec![ruling(A, &members, RulingKind::NotAGroup)];
    world.run();
    let mut moves = 0;
    for day in 0..30 {
        let count = if day % 2 == 0 { members.len() + 1 } else { members.len() };
        let more = (0..count).map(|number| Text::from(format!("Z-{number:03}").as_str()));
        world.group(A).members = members.iter().cloned().chain(more).collect();
        let plan = world.run();
        moves +=
            writes(&plan).iter().filter(|it| it.starts_with("close") || it.starts_with("reopen")).count();
        world.now += SignedDuration::from_hours(24);
    }
    assert_eq!((moves, world.comments.len()), (1, 1), "{:?}", world.comments);
    // Said again, it is closed again.
    let members = world.group(A).members.clone();
    world.rulings.push(Ruling {
        at: world.now,
        id: "again".to_owned(),
        ..ruling(A, &members, RulingKind::NotAGroup)
    });
    assert_eq!(writes(&world.run()), ["close DISP-1"]);
}

/// Of two orders that one run hears, the later comment.
#[test]
fn of_two_contradicting_orders_of_one_run_grouping_and_ticket_follow_the_later_comment() {
    let mut world = World::new();
    world.add(A, 4, 0);
    let members: Vec<Text> = (0..4).map(|number| Text::from(format!("D-{number}").as_str())).collect();
    world.group(A).members.clone_from(&members);
    let mut builder = TableBuilder::new();
    for (number, state) in ["TX", "TX", "OH", "OH"].into_iter().enumerate() {
        builder.push(&dispute(number, state));
    }
    let table = builder.finish(2);
    let apart = || RulingKind::Apart { attribute: "state".to_owned() };
    let together = || RulingKind::Together { with: id(B) };
    for kinds in [[apart(), together()], [together(), apart()]] {
        // As texts, 9,999 comes after 10,000.
        let rulings: Vec<Ruling> = kinds
            .into_iter()
            .zip([9_999, 10_000])
            .map(|(kind, comment)| Ruling { id: format!("comment-{comment}"), ..ruling(A, &members, kind) })
            .collect();
        let (_, overruled) = plan::links(&rulings, &table);
        assert_eq!(overruled.iter().map(|it| &*it.id).collect::<Vec<_>>(), ["comment-9999"]);
        let groups: Vec<Group> = world.groups.values().cloned().collect();
        let said = plan::decisions(&plan::in_force(&rulings, &overruled), &groups)[&id(A)].concat();
        assert_eq!(said.contains("merged"), rulings[1].kind == together(), "{said}");
        assert_eq!(said.contains("split"), rulings[1].kind == apart(), "{said}");
    }
    // What a person puts together of one part of a split contradicts nothing: both hold, and the ticket tells of both.
    let order = |comment: u32, members: &[Text], kind| Ruling {
        id: format!("comment-{comment}"),
        ..ruling(A, members, kind)
    };
    let rulings = [order(1, &members, apart()), order(2, &members[..2], together())];
    let (_, overruled) = plan::links(&rulings, &table);
    assert!(overruled.is_empty(), "{overruled:?}");
    let groups: Vec<Group> = world.groups.values().cloned().collect();
    let said = plan::decisions(&plan::in_force(&rulings, &overruled), &groups)[&id(A)].concat();
    assert!(said.contains("merged") && said.contains("split"), "{said}");
}

#[test]
fn the_ticket_of_a_group_tells_which_decisions_of_people_hold_for_its_disputes() {
    let mut world = World::new();
    world.add(A, 5, 0);
    world.add(B, 4, 0);
    let (a, b) = (world.group(A).members.clone(), world.group(B).members.clone());
    let at = |second: i64, key: &str, ruling: Ruling| Ruling {
        id: key.to_owned(),
        key: key.to_owned(),
        at: Timestamp::from_second(second).unwrap(),
        ..ruling
    };
    let rulings = [
        at(1, "DISP-1", ruling(C, &a, RulingKind::Together { with: id(A) })),
        at(2, "DISP-2", ruling(B, &b, RulingKind::Apart { attribute: "reason_codes".to_owned() })),
        at(3, "DISP-3", ruling(C, &a[..1], RulingKind::Closed)),
        at(4, "DISP-4", ruling(C, &b, RulingKind::NotAGroup)),
        at(5, "DISP-5", ruling(A, &a, RulingKind::Closed)),
        at(6, "DISP-6", Ruling { lifted: true, ..ruling(C, &a, RulingKind::NotAGroup) }),
    ];
    let groups: Vec<Group> = world.groups.values().cloned().collect();
    let said = plan::decisions(&plan::in_force(&rulings, &[]), &groups);
    assert_eq!(
        said[&id(A)],
        [
            "A person closed DISP-3, where 1 of these disputes is told of; the other 4 are not among them.",
            "A person merged DISP-1 with another ticket, so the disputes of both are kept together.",
        ],
        "not its own closing, and nothing that was taken back"
    );
    assert_eq!(
        said[&id(B)],
        [
            "A person said on DISP-4 that 4 of these disputes are no group.",
            "A person split DISP-2, so those of its disputes at that time that differ in reason code are kept apart.",
        ]
    );
    // Nor what a later one contradicts.
    let later = at(9, "DISP-9", ruling(A, &a, RulingKind::Apart { attribute: "state".to_owned() }));
    let in_force = plan::in_force(rulings.iter().chain([&later]), &[&rulings[0]]);
    let said = plan::decisions(&in_force, &groups);
    assert!(said[&id(A)][0].contains("DISP-9") && !said[&id(A)].concat().contains("DISP-1 "), "{said:?}");
    assert!(plan::decisions(&[], &groups).is_empty());
}

#[test]
fn a_closed_ticket_hears_once_of_what_came_since_and_once_more_when_that_doubles() {
    let mut world = World::with_ticket();
    world.params.manners.comments_per_week = 9;
    world.issue(A).category = Category::Done;
    let members = world.group(A).members.clone();
    world.rulings = vec![ruling(A, &members, RulingKind::Closed)];
    assert_eq!(writes(&world.run()), ["comment DISP-1"], "that it was closed");
    let grow = |world: &mut World, count: usize| {
        let more = (0..count).map(|number| Text::from(format!("Z-{number:03}").as_str()));
        world.group(A).members = members.iter().cloned().chain(more).collect();
    };
    for (count, said) in [(3, false), (4, true), (7, false), (8, true), (5, false), (15, false), (16, true)] {
        grow(&mut world, count);
        let plan = world.run();
        let reasons: Vec<&Reason> = plan.actions.iter().map(|action| &action.reason).collect();
        assert_eq!(reasons, vec![&Reason::NewsForClosed; usize::from(said)], "{count} came");
        assert_eq!(holds(&plan), [&HoldReason::PersonClosed]);
    }
    assert!(world.comments.last().unwrap().1.starts_with("16 disputes with the same cause came"));
}

fn dispute(number: usize, state: &str) -> Dispute {
    let ndc: Ndc = "00022-2127-95".parse().unwrap();
    Dispute {
        id: format!("D-{number}").as_str().into(),
        program: Program::Mdrp,
        client: "Example Pharma A".into(),
        ndc,
        product_name: None,
        state: Some(state.into()),
        payer: None,
        delivery_system: None,
        covered_entity: None,
        pharmacy_npi: None,
        period: None,
        service_date: None,
        reason_codes: Vec::new(),
        units_invoiced: None,
        units_disputed: None,
        unit_type: None,
        unit_rebate_amount: None,
        amount_disputed: None,
        status: "".into(),
        opened_at: None,
        due_at: None,
        resolved_at: None,
        note: None,
        claim_ref: None,
        source_url: None,
        transaction: None,
        anchors: disputebot::dispute::AnchorDays::default(),
        disputed_money: disputebot::dispute::DisputedMoney::Unpaid,
    }
}

fn link(one: usize, other: usize, bond: Bond) -> cluster::Link {
    let id = |number: usize| Text::from(format!("D-{number}").as_str());
    cluster::Link { one: id(one), other: id(other), bond }
}

#[test]
fn rulings_bind_and_part_disputes_and_of_two_that_contradict_the_later_one_holds() {
    let mut builder = TableBuilder::new();
    for (number, state) in ["TX", "TX", "OH", "OH"].into_iter().enumerate() {
        builder.push(&dispute(number, state));
    }
    let table = builder.finish(2);
    let members: Vec<Text> = (0..4).map(|number| Text::from(format!("D-{number}").as_str())).collect();
    let apart = ruling(A, &members, RulingKind::Apart { attribute: "state".to_owned() });
    let together = ruling(B, &members, RulingKind::Together { with: id(A) });
    let links = |links: &[cluster::Link]| cluster::Links::new(links).unwrap();
    let parted = links(&[link(0, 1, Bond::Must), link(2, 3, Bond::Must), link(0, 2, Bond::Cannot)]);
    let bound = links(&[link(0, 1, Bond::Must), link(1, 2, Bond::Must), link(2, 3, Bond::Must)]);
    assert_eq!(plan::links([&apart], &table), (parted.clone(), vec![]));
    assert_eq!(plan::links([&together], &table), (bound.clone(), vec![]));
    let later = |ruling: &Ruling| Ruling { at: Timestamp::MAX, ..ruling.clone() };
    assert_eq!(plan::links([&later(&apart), &together], &table), (parted, vec![&together]));
    assert_eq!(plan::links([&apart, &later(&together)], &table), (bound, vec![&apart]));
    let lifted = Ruling { lifted: true, ..together };
    assert!(plan::links([&lifted], &table).0.is_empty());
}
