//! People and disputebot at one ticket at the same time, in any order: nothing that a person wrote is ever lost.
//!
//! People act between runs, between the plan and a write, and at the very moment of a write, which Jira then refuses
//! with 409. What cannot be seen before a write cannot be kept either; the look right before it is that of
//! `plan::is_still`.

use std::collections::BTreeSet;

use disputebot::{
    plan::{self, Write},
    ticket::{LABEL, Markup, block},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{A, World, content, id, paragraph};

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

const FIELD: &str = "Team";

/// What people wrote and what must therefore be there, or not be there.
#[derive(Default)]
struct Theirs {
    summary: Option<String>,
    priority: Option<String>,
    due: Option<jiff::civil::Date>,
    field: Option<String>,
    /// Words in the description, around our block and in it.
    words: BTreeSet<String>,
    labels: BTreeSet<String>,
    /// A label of ours that they took off.
    without: BTreeSet<String>,
}

/// One act of a person on the ticket.
fn act(world: &mut World, theirs: &mut Theirs, chance: &mut Chance) {
    let word = format!("word-{:x}", chance.below(u64::from(u32::MAX)));
    match chance.below(12) {
        0 => {
            world.issue(A).summary.clone_from(&word);
            theirs.summary = Some(word);
        }
        1 => {
            let value =
                Some(["Medium", "High", "Highest"][usize::try_from(chance.below(3)).unwrap()].to_owned());
            let ticket = world.ticket(A);
            let ours = [ticket.written.as_ref(), ticket.writing.as_deref()];
            // As disputebot left it, it is nobody's.
            let is_ours = ours.into_iter().flatten().any(|it| it.priority == value);
            if std::mem::replace(&mut world.issue(A).priority, value.clone()) != value {
                theirs.priority = value.filter(|_| !is_ours);
            }
        }
        2 => {
            // Of the days that disputebot wants as well.
            let day = Some(jiff::civil::date(2026, 9, 1 + i8::try_from(chance.below(28)).unwrap()));
            let ticket = world.ticket(A);
            let ours = [ticket.written.as_ref(), ticket.writing.as_deref()];
            let is_ours = ours.into_iter().flatten().any(|it| it.due == day);
            if std::mem::replace(&mut world.issue(A).due, day) != day {
                theirs.due = day.filter(|_| !is_ours);
            }
        }
        3 => {
            world.issue(A).fields.insert(FIELD.to_owned(), word.clone());
            theirs.field = Some(word);
        }
        place @ 4..=5 => {
            let above = place == 4;
            match &mut world.issue(A).description {
                Value::String(text) if above => *text = format!("{word}\r\n\r\n{text}"),
                Value::String(text) => *text = format!("{text}\r\n\r\n{word}"),
                document => {
                    let nodes = document["content"].as_array_mut().unwrap();
                    let at = if above { 0 } else { nodes.len() };
                    nodes.insert(at, paragraph(&word));
                }
            }
            theirs.words.insert(word);
        }
        6 => {
            // In the middle of our block, after the words of its first paragraph.
            let end = "share one cause.";
            let text = world.issue(A).description.to_string();
            if text.contains(end) {
                let text = text.replacen(end, &format!("{end} {word}"), 1);
                world.issue(A).description = serde_json::from_str(&text).unwrap();
                theirs.words.insert(word);
            }
        }
        7 => {
            world.issue(A).labels.insert(word.clone());
            theirs.labels.insert(word);
        }
        8 => {
            if let Some(label) = theirs.labels.pop_first() {
                world.issue(A).labels.remove(&label);
                theirs.without.insert(label);
            }
        }
        9 => {
            if world.issue(A).labels.remove("ours") {
                theirs.without.insert("ours".to_owned());
            }
        }
        10 => {
            // Into the line of a delimiter, where the caret stands at the end of the block.
            let end = "can tell it";
            let text = world.issue(A).description.to_string();
            if text.contains(end) {
                let text = text.replacen(end, &format!("{end} {word}"), 1);
                world.issue(A).description = serde_json::from_str(&text).unwrap();
                theirs.words.insert(word);
            }
        }
        // Handed back: what stands there now is ours to write over.
        _ => {
            let fields = ["summary", "priority", "due date", FIELD];
            let field = fields[usize::try_from(chance.below(4)).unwrap()];
            take(world, field);
            match field {
                "summary" => theirs.summary = None,
                "priority" => theirs.priority = None,
                "due date" => theirs.due = None,
                _ => theirs.field = None,
            }
        }
    }
}

/// A field is handed back, as by an order or a label.
fn take(world: &mut World, field: &str) {
    let shown = world.issue(A).clone();
    plan::take(field, world.ticket(A), &shown);
}

fn judge(world: &mut World, theirs: &Theirs, when: &str) {
    let issue = world.issue(A).clone();
    let Theirs { summary, priority, due, field, words, labels, without } = theirs;
    if let Some(summary) = summary {
        assert_eq!(issue.summary, *summary, "{when}: the summary");
    }
    if let Some(priority) = priority {
        assert_eq!(issue.priority.as_ref(), Some(priority), "{when}: the priority");
    }
    if let Some(due) = due {
        assert_eq!(issue.due, Some(*due), "{when}: the due date");
    }
    if let Some(field) = field {
        assert_eq!(issue.fields.get(FIELD), Some(field), "{when}: the field");
    }
    let text = issue.description.to_string();
    for word in words {
        assert!(text.contains(word.as_str()), "{when}: `{word}` is gone from {text}");
    }
    for label in labels {
        assert!(issue.labels.contains(label), "{when}: the label `{label}`");
    }
    for label in without {
        assert!(!issue.labels.contains(label), "{when}: the label `{label}` is back");
    }
    for mark in [LABEL.to_owned(), id(A).label()] {
        assert!(issue.labels.contains(&mark), "{when}: the mark `{mark}`");
    }
}

/// How one life went: writes that were made, that were not because of what a person had done, and 409s.
type Course = (usize, usize, usize);

fn live(seed: u64, markup: Markup) -> Course {
    let mut chance = Chance(seed);
    let (mut theirs, mut course) = (Theirs::default(), (0, 0, 0));
    let mut world = World::with_ticket_in(markup);
    for run in 0..30 {
        let when = format!("SEED={seed}, {markup:?}, run {run}");
        world.now += SignedDuration::from_hours(24);
        // The group changes nearly each day.
        let mut wanted = content(A, 5 + usize::try_from(chance.below(6)).unwrap());
        wanted.priority = Some(["Medium", "High"][usize::try_from(chance.below(2)).unwrap()].to_owned());
        wanted.due = Some(jiff::civil::date(2026, 9, 1 + i8::try_from(chance.below(28)).unwrap()));
        wanted.fields.insert(FIELD.to_owned(), format!("team {}", chance.below(3)));
        wanted.labels.push("ours".to_owned());
        *world.content(A) = wanted;
        for _ in 0..chance.below(3) {
            act(&mut world, &mut theirs, &mut chance);
        }
        let plan = world.plan();
        for action in &plan.actions {
            while chance.below(4) == 0 {
                act(&mut world, &mut theirs, &mut chance);
            }
            if let Write::Update { changes, before, written, .. } = &action.write {
                if !plan::is_still(changes, before, &world.issue(A).clone()) {
                    course.1 += 1;
                    continue;
                }
                // What is about to be written is recorded first.
                world.ticket(A).writing = Some(Box::new(written.clone()));
                if chance.below(5) == 0 {
                    // A person was in the middle of it: Jira refuses one of the two, and it is ours.
                    act(&mut world, &mut theirs, &mut chance);
                    course.2 += 1;
                    if chance.below(2) == 0 {
                        // Provably not done; else its fate stays open.
                        world.ticket(A).writing = None;
                    }
                    continue;
                }
            }
            if let Write::Comment { topic, .. } = &action.write {
                world.ticket(A).saying.remove(topic);
            }
            world.write(action);
            course.0 += 1;
        }
        judge(&mut world, &theirs, &when);
    }
    // Left alone, it comes to rest.
    world.now += SignedDuration::from_hours(24 * 8);
    for _ in 0..3 {
        let plan = world.plan();
        world.apply(&plan);
    }
    assert!(world.plan().is_empty(), "SEED={seed}, {markup:?}: {:#?}", world.plan().actions);
    judge(&mut world, &theirs, &format!("SEED={seed}, {markup:?}, at the end"));
    course
}

#[test]
fn no_character_of_a_person_is_lost_however_people_and_disputebot_take_turns() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_126);
    println!("SEED={seed}");
    let (mut written, mut left, mut refused) = (0, 0, 0);
    for round in 0..40 {
        for markup in [Markup::Adf, Markup::Wiki] {
            let course = live(seed.wrapping_add(round), markup);
            written += course.0;
            left += course.1;
            refused += course.2;
        }
    }
    println!("{written} writes, {left} left for what a person had just done, {refused} refused with 409");
    assert!(written > 1_000 && left > 100 && refused > 100, "little happened");
}

#[test]
fn a_change_is_not_made_where_the_ticket_is_not_what_the_plan_was_made_from() {
    for markup in [Markup::Adf, Markup::Wiki] {
        let planned = || {
            let mut world = World::with_ticket_in(markup);
            *world.content(A) = content(A, 6);
            let plan = world.plan();
            let Write::Update { changes, before, .. } = plan.actions[0].write.clone() else {
                panic!("an update")
            };
            (world, changes, before)
        };
        let (mut world, changes, before) = planned();
        assert!(plan::is_still(&changes, &before, world.issue(A)), "{markup:?}: nothing happened");
        world.issue(A).labels.insert("theirs".to_owned());
        world.issue(A).status = "In Review".to_owned();
        assert!(
            plan::is_still(&changes, &before, world.issue(A)),
            "{markup:?}: nothing of that is written over"
        );
        world.issue(A).summary.push('!');
        assert!(!plan::is_still(&changes, &before, world.issue(A)), "{markup:?}: the summary");
        let (mut world, changes, before) = planned();
        let block::Located::Block { ours, .. } = block::locate(&world.issue(A).description) else {
            panic!("ours")
        };
        let words = match markup {
            Markup::Adf => paragraph("mine"),
            Markup::Wiki => json!("mine\r\n\r\n"),
        };
        world.issue(A).description = block::compose(markup, &id(A), &[words], &ours, &[]);
        assert!(!plan::is_still(&changes, &before, world.issue(A)), "{markup:?}: words above");
        let (mut world, changes, before) = planned();
        let text = world.issue(A).description.to_string().replace("share one", "share no");
        world.issue(A).description = serde_json::from_str(&text).unwrap();
        assert!(!plan::is_still(&changes, &before, world.issue(A)), "{markup:?}: words within");
    }
}
