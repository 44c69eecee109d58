//! Manners over time: a cause that comes and goes, comments worth their mail, and a ticket that says enough.

use disputebot::{
    cluster::{Attribute, Item},
    group::{Pattern, Status},
    plan::{self, Category, Closed, Detail, HoldReason, Manners, Plan, Reason, Unsaid, Write, print},
    ticket::{Course, Point, document::Block},
};
use jiff::{SignedDuration, tz::TimeZone};
use rust_decimal::Decimal;

use crate::{A, B, World, content, holds, id, writes};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What a run would know of the group: its size today after what was last written.
fn resize(world: &mut World, bits: u128, disputes: usize, amount: i64) {
    let day = world.now.to_zoned_datetime(TimeZone::UTC).date();
    let point = Point { day, disputes, amount: Decimal::from(amount) };
    let written = world.tickets.get(&id(bits)).and_then(|ticket| ticket.written.clone());
    let course = match written.and_then(|written| written.course) {
        Some(course) => course.with(point),
        None => Course::new(point),
    };
    *world.content(bits) = content(bits, disputes);
    world.content(bits).course = Some(course);
}

/// A world whose ticket was opened with ten disputes and some money.
fn ten() -> World {
    let mut world = World::new();
    world.add(A, 10, 20_000);
    resize(&mut world, A, 10, 20_000);
    world.run();
    world
}

fn come_back(world: &mut World, bits: u128) {
    let group = world.group(bits);
    group.status = Status::Active;
    group.members = vec!["D-1".into(), "D-2".into()];
    world.standing(bits).content = Some(Ok(content(bits, 2)));
}

/// A cause that is there or not there on each of some days, by a rule; how often its ticket was moved, and comments.
fn flap(days: i64, manners: Manners, is_there: impl Fn(i64) -> bool) -> (Vec<i64>, Vec<i64>) {
    let mut world = World::with_ticket();
    world.params.manners = manners;
    let (start, mut moves, mut said) = (world.now, Vec::new(), Vec::new());
    for day in 1..=days {
        world.now = start + DAY * i32::try_from(day).unwrap();
        let lives = world.group(A).status == Status::Active;
        match (lives, is_there(day)) {
            (true, false) => {
                let at = world.now;
                world.end(A, Status::Resolved { at });
            }
            (false, true) => come_back(&mut world, A),
            _ => {}
        }
        let plan = world.run();
        for action in &plan.actions {
            match &action.write {
                Write::Transition { .. } => moves.push(day),
                Write::Comment { .. } => said.push(day),
                _ => {}
            }
            assert_ne!(action.reason, Reason::NewGroup);
        }
        let open = world.issue(A).category != Category::Done;
        if is_there(day) {
            assert!(open, "day {day}: disputes are open and the ticket is not");
        } else if open {
            let held = holds(&plan).iter().any(|hold| matches!(hold, HoldReason::Flapping { .. }));
            assert!(held, "day {day}: it stays open and the plan does not say why");
        }
    }
    (moves, said)
}

#[test]
fn another_likely_cause_is_said_once_and_within_the_budget() {
    let caused = |world: &mut World, cause: &str| {
        let content = world.content(A);
        (content.cause, content.summary) = (cause.to_owned(), format!("{cause}: 5 disputes"));
    };
    let said =
        |plan: &Plan| plan.actions.iter().filter(|action| action.reason == Reason::CauseChanged).count();
    let mut world = World::with_ticket();
    caused(&mut world, "Decimal shift");
    assert_eq!(said(&world.run()), 0, "on a ticket that was written before its cause was noted");
    caused(&mut world, "Unit of measure");
    let plan = world.run();
    assert_eq!(
        (said(&plan), writes(&plan)),
        (1, vec!["comment DISP-1".to_owned(), "summary DISP-1".to_owned()])
    );
    let words = "Another cause fits better now: Unit of measure.";
    assert!(world.comments.len() == 1 && world.comments[0].1 == words, "{:?}", world.comments);
    assert!(world.run().is_empty());
    for cause in ["Decimal shift", "Unit of measure", "Decimal shift"] {
        caused(&mut world, cause);
        world.run();
    }
    assert_eq!(world.comments.len(), 2, "once for each, however often it changes");
    caused(&mut world, "");
    assert_eq!(said(&world.run()), 0, "that none is known is no news");
    // What the budget holds back is said when there is room again, also where nothing else changes then.
    let spent = vec![world.now; world.params.manners.comments_per_week];
    world.ticket(A).life.get_or_insert_default().said = spent;
    caused(&mut world, "A third one");
    *world.content(A).block.last_mut().unwrap() = Block::Rule;
    let plan = world.run();
    assert_eq!((said(&plan), writes(&plan)), (0, vec!["summary+description DISP-1".to_owned()]));
    assert!(holds(&plan).iter().any(|hold| matches!(hold, HoldReason::Spent { .. })), "{plan:?}");
    world.ticket(A).life.get_or_insert_default().said.clear();
    assert_eq!(writes(&world.run()), ["comment DISP-1"]);
    assert!(world.run().is_empty());
}

#[test]
fn a_cause_that_comes_and_goes_for_thirty_days_moves_its_ticket_a_few_times() {
    let (moves, said) = flap(30, Manners::default(), |day| day % 2 == 0);
    assert_eq!((moves.len(), said.len()), (2, 2), "moved on {moves:?}, spoke on {said:?}");
}

#[test]
fn however_a_cause_comes_and_goes_the_moves_of_any_thirty_days_are_bounded() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_126);
    println!("SEED={seed}");
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for round in 0..60 {
        let manners = Manners { max_reopens: 1 + draw(4) as usize, ..Manners::default() };
        // From one that changes every day to one that changes every three weeks.
        let rare = 1 + draw(20);
        let mut there = true;
        let days: Vec<bool> = (0..=180)
            .map(|_| {
                there ^= draw(rare) == 0;
                there
            })
            .collect();
        let most = 2 * manners.max_reopens + 1;
        let week = manners.comments_per_week;
        let (moves, said) = flap(180, manners, |day| days[usize::try_from(day).unwrap()]);
        let within = |days: &[i64], from: i64, length: i64| {
            days.iter().filter(|day| (from..from + length).contains(*day)).count()
        };
        for from in 1..=150 {
            let count = within(&moves, from, 30);
            assert!(count <= most, "round {round}, days {from} to {}: {count} moves of {most}", from + 29);
        }
        for from in 1..=173 {
            assert!(within(&said, from, 7) <= week, "round {round}, from day {from}: {said:?}");
        }
    }
}

#[test]
fn a_cause_that_settled_at_last_has_its_ticket_closed() {
    let (moves, _) = flap(60, Manners::default(), |day| day < 20 && day % 2 == 0);
    assert_eq!(moves.len(), 3, "{moves:?}");
    assert_eq!(moves[2], 26, "seven days after it was settled on day 19");
    let (moves, _) = flap(90, Manners { reclose_after: DAY, ..Manners::default() }, |day| {
        day < 20 && matches!(day % 4, 1 | 2)
    });
    assert_eq!(moves.len(), 5, "closed, twice reopened and closed again after it: {moves:?}");
    assert_eq!(
        moves[4] - moves[1],
        30,
        "the third closing waits until the first reopening is thirty days ago"
    );
}

#[test]
fn a_cause_that_comes_back_late_gets_a_new_ticket_that_is_linked_to_the_old_one() {
    let mut world = World::with_ticket();
    let pattern = Pattern::from_items(&[Item { attribute: Attribute::State, value: "TX".into() }]);
    world.group(A).patterns = vec![pattern.clone()];
    let at = world.now;
    world.end(A, Status::Resolved { at });
    world.run();
    world.now = at + DAY * 40;
    world.add(B, 6, 10);
    world.group(B).patterns = vec![pattern];
    let plan = world.run();
    assert_eq!(writes(&plan), ["create new", "link new"]);
    let late = Reason::ReturnedLate { group: id(A) };
    assert!(plan.actions.iter().all(|action| action.reason == late), "{:#?}", plan.actions);
    assert_eq!(world.links, [("Relates".to_owned(), "DISP-2".to_owned(), "DISP-1".to_owned())]);
    assert_eq!(world.issue(A).category, Category::Done, "the old one stays closed");
}

#[test]
fn a_group_that_only_looks_like_a_settled_one_that_ended_later_is_not_its_return() {
    let mut world = World::with_ticket();
    let pattern = Pattern::from_items(&[Item { attribute: Attribute::State, value: "TX".into() }]);
    world.group(A).patterns = vec![pattern.clone()];
    world.add(B, 6, 10);
    world.group(B).patterns = vec![pattern];
    let at = world.now + DAY;
    world.end(A, Status::Resolved { at });
    assert!(!writes(&world.run()).iter().any(|write| write.starts_with("link")));
}

#[test]
fn only_much_growth_is_worth_a_comment_and_the_plan_says_why_there_is_none() {
    let mut world = ten();
    let unsaid = |world: &mut World, disputes, amount| {
        world.now += DAY * 8;
        resize(world, A, disputes, amount);
        let plan = world.run();
        let found = plan.actions.iter().find_map(|action| match &action.write {
            Write::Update { unsaid, .. } => Some(*unsaid),
            _ => None,
        });
        (found.unwrap(), print(&plan, Detail::Lines))
    };
    let (why, text) = unsaid(&mut world, 14, 29_000);
    assert_eq!(why, Some(Unsaid::Small));
    assert!(text.contains("no comment: it grew by less than `plan.comment_growth`"), "{text}");
    assert_eq!(unsaid(&mut world, 15, 29_000).0, None);
    assert_eq!(
        world.comments.last().unwrap().1.trim(),
        "This cause grew: 15 disputes (about $29,000 in dispute) are open now; it had 10 (about $20,000 in dispute) \
         when its ticket was opened on 2026-08-22."
    );
    assert_eq!(unsaid(&mut world, 10, 20_000).0, Some(Unsaid::Small), "what shrinks needs no comment");
    assert_eq!(unsaid(&mut world, 16, 30_000).0, Some(Unsaid::Said), "it was as large before");
    assert_eq!(
        unsaid(&mut world, 17, 45_000).0,
        None,
        "about as many disputes, and more than twice the money"
    );
    world.params.manners.comments_per_week = 0;
    let (why, text) = unsaid(&mut world, 90, 45_000);
    assert_eq!(why, Some(Unsaid::Spent { limit: 0 }));
    assert!(text.contains("no comment: `plan.comments_per_week` allows 0 comments"), "{text}");
}

#[test]
fn a_ticket_that_said_enough_this_week_is_quiet_and_does_what_it_must() {
    let mut world = ten();
    world.params.manners.comments_per_week = 1;
    world.issue(A).summary = "mine".to_owned();
    resize(&mut world, A, 11, 20_000);
    world.run();
    assert_eq!(world.comments.len(), 1, "one field of a person's: {:?}", world.comments);
    let at = world.now;
    world.end(A, Status::Resolved { at });
    let plan = world.run();
    assert_eq!(writes(&plan), ["close DISP-1"]);
    let spent = HoldReason::Spent { topic: "resolved-0".to_owned(), limit: 1 };
    assert_eq!(holds(&plan), [&spent]);
    assert!(spent.words().contains("`plan.comments_per_week` allows 1 comment"), "{}", spent.words());
    assert_eq!(world.ticket(A).closed, Closed::ByUs);
}

#[test]
fn what_did_not_fit_into_a_week_is_said_in_the_next_one() {
    let mut world = ten();
    world.params.manners.comments_per_week = 1;
    world.issue(A).summary = "mine".to_owned();
    resize(&mut world, A, 11, 20_000);
    world.run();
    assert_eq!(world.comments.len(), 1);
    world.issue(A).due = Some("2026-12-24".parse().unwrap());
    world.now += DAY * 6;
    world.run();
    assert_eq!(world.comments.len(), 1, "within the week");
    world.now += DAY;
    world.run();
    assert_eq!(world.comments.len(), 2, "{:?}", world.comments);
}

#[test]
fn a_ticket_that_closed_without_a_word_sums_up_once_it_may_speak_again() {
    let mut world = ten();
    world.params.manners.comments_per_week = 1;
    world.issue(A).summary = "mine".to_owned();
    resize(&mut world, A, 11, 20_000);
    world.run();
    let at = world.now;
    world.end(A, Status::Resolved { at });
    world.run();
    assert_eq!(world.comments.len(), 1, "it was closed in silence: {:?}", world.comments);
    world.now = at + DAY * 6;
    assert!(
        matches!(holds(&world.run())[..], [HoldReason::Spent { .. }]),
        "within the week it is held, and told"
    );
    world.now = at + DAY * 7;
    assert_eq!(writes(&world.run()), ["comment DISP-1"]);
    assert!(world.comments[1].1.contains("disputebot closed the ticket"), "{:?}", world.comments);
    world.now = at + DAY * 20;
    assert!(world.run().is_empty(), "once");
}

#[test]
fn a_summary_that_is_a_month_late_is_left_out() {
    let mut world = ten();
    world.params.manners.comments_per_week = 0;
    let at = world.now;
    world.end(A, Status::Resolved { at });
    world.run();
    world.params.manners.comments_per_week = 3;
    world.now = at + DAY * 31;
    assert!(world.run().is_empty());
}

#[test]
fn a_comment_that_is_sent_again_is_not_counted_a_second_time() {
    let mut world = ten();
    world.params.manners.comments_per_week = 1;
    world.issue(A).category = Category::Done;
    // Its answer was lost an hour ago; whether Jira did it is looked up before it is sent.
    let sent = world.moment();
    world.ticket(A).saying.insert("closed-by-person".to_owned(), sent);
    world.now += SignedDuration::from_hours(1);
    assert_eq!(writes(&world.plan()), ["comment DISP-1"], "the one that is open has its place already");
    // Another one has none beside it.
    world.issue(A).category = Category::New;
    world.issue(A).summary = "mine".to_owned();
    let spent = HoldReason::Spent { topic: "changed-summary".to_owned(), limit: 1 };
    let plan = world.plan();
    assert!(plan.is_empty() && holds(&plan).contains(&&spent), "{:?}", plan.holds);
    // Nor for longer than a week: what became of it may never be known.
    world.now += DAY * 8;
    let plan = world.plan();
    assert!(!holds(&plan).contains(&&spent), "{:?}", plan.holds);
    assert_eq!(writes(&plan), ["comment DISP-1"]);
}

#[test]
fn growth_is_told_where_every_field_is_a_persons() {
    let mut world = ten();
    world.issue(A).summary = "mine".to_owned();
    world.issue(A).description = serde_json::Value::Null;
    world.run();
    let before = world.comments.len();
    world.now += DAY * 8;
    resize(&mut world, A, 11, 20_000);
    assert!(world.run().is_empty(), "little growth");
    resize(&mut world, A, 30, 20_000);
    let plan = world.run();
    assert_eq!((writes(&plan), &plan.actions[0].reason), (vec!["comment DISP-1".to_owned()], &Reason::Grew));
    assert!(world.comments[before].1.contains("This cause grew: 30 disputes"), "{:?}", world.comments);
    resize(&mut world, A, 31, 20_000);
    assert!(world.run().is_empty(), "once");
}

#[test]
fn a_cause_that_came_back_and_waited_for_its_ticket_is_linked_when_that_opens() {
    let mut world = World::with_ticket();
    let pattern = Pattern::from_items(&[Item { attribute: Attribute::State, value: "TX".into() }]);
    world.group(A).patterns = vec![pattern.clone()];
    let at = world.now;
    world.end(A, Status::Resolved { at });
    world.run();
    world.now = at + DAY * 40;
    world.add(B, 6, 10);
    world.group(B).patterns = vec![pattern];
    world.params.max_new_tickets = 0;
    world.run();
    world.now = at + DAY * 60;
    world.params.max_new_tickets = 50;
    resize(&mut world, B, 6, 10);
    let plan = world.plan();
    assert_eq!(writes(&plan), ["create new", "link new"]);
    // The link fails on the first day and is made up for on the next, but not for ever.
    world.apply(&plan::Plan { actions: plan.actions[..1].to_vec(), ..plan });
    world.now += DAY;
    resize(&mut world, B, 6, 10);
    assert_eq!(writes(&world.plan()), ["link DISP-2"]);
    world.now += DAY * 9;
    assert!(world.plan().is_empty());
}

#[test]
fn a_closing_ticket_sums_up() {
    let mut world = ten();
    world.now += DAY * 12;
    resize(&mut world, A, 12, 30_000);
    world.run();
    let at = world.now + DAY;
    world.now = at;
    world.end(A, Status::Resolved { at });
    world.run();
    assert_eq!(
        world.comments.last().unwrap().1.trim(),
        "All disputes of this ticket are resolved or withdrawn in the source, 13 days after its cause was found; it \
         last had 12 disputes (about $30,000 in dispute). It began with 10 disputes (about $20,000 in dispute) on \
         2026-08-22. disputebot closes the ticket. Should the cause come back soon, it is reopened."
    );
}

#[test]
fn a_year_of_daily_runs_without_a_change_writes_nothing() {
    let mut world = ten();
    world.add(B, 6, 10);
    world.run();
    let start = world.now;
    for day in 1..=365 {
        world.now = start + DAY * day;
        resize(&mut world, A, 10, 20_000);
        assert!(world.plan().is_empty(), "day {day}: {:#?}", world.plan().actions);
    }
}

#[test]
fn why_a_ticket_is_opened_again_is_told_however_much_was_said_this_week() {
    let mut world = ten();
    world.params.manners.comments_per_week = 0;
    world.end(A, Status::Resolved { at: world.now });
    world.run();
    come_back(&mut world, A);
    world.now += SignedDuration::from_hours(24);
    for _ in 0..5 {
        let plan = world.plan();
        world.apply(&plan);
        world.now += SignedDuration::from_hours(24);
    }
    let is_open = world.issue(A).category != Category::Done;
    let told = world.comments.iter().filter(|(_, said)| said.contains("this ticket is reopened")).count();
    assert_eq!((is_open, told), (true, 1), "{:?}", world.comments);
}
