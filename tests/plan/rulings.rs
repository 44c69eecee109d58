//! What people decided is remembered by the disputes, not by the ticket or the group.

use disputebot::{
    cluster::{self, Bond, TableBuilder},
    dispute::{Dispute, Ndc, Program, Text},
    plan::{self, Category, HoldReason, Reason, Ruling, RulingKind},
};
use jiff::Timestamp;

use crate::{A, B, World, holds, id, writes};

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
        assert_eq!(writes(&world.plan()), ["create new"], "{kind:?}");
        world.rulings = vec![Ruling { lifted: true, ..ruling(A, &members, kind) }];
        assert_eq!(writes(&world.plan()), ["create new"]);
    }
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
    assert_eq!(plan::links([&apart], &table), parted);
    assert_eq!(plan::links([&together], &table), bound);
    let later = |ruling: &Ruling| Ruling { at: Timestamp::MAX, ..ruling.clone() };
    assert_eq!(plan::links([&later(&apart), &together], &table), parted);
    assert_eq!(plan::links([&apart, &later(&together)], &table), bound);
    let lifted = Ruling { lifted: true, ..together };
    assert!(plan::links([&lifted], &table).is_empty());
}
