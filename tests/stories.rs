//! What the demo tells happens: splits, merges and ends are found in its extracts by the real stages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use disputebot::{
    config::{Layers, Needs, Place, Settings},
    dispute::{Tables, Text},
    generate::{self, Extract, Plan, Story},
    group::{Event, Fate, GroupId, Status},
    run::{self, Surveyed},
    state::{Change, State},
    ticket::Templates,
};
use jiff::{ToSpan, civil::date, tz::TimeZone};

struct World {
    folder: tempfile::TempDir,
    state: State,
    params: run::Params,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), ..Place::default() };
        let layers = Layers::load(&place, std::iter::empty::<(String, String)>(), &[]).unwrap();
        let (settings, _) = Settings::read(&layers, Needs::default()).unwrap();
        let state = State::open(&folder.path().join("state")).unwrap();
        Self { folder, state, params: settings.run }
    }

    /// One pass up to the plan, remembered as a whole run would.
    fn survey(&mut self, extract: &Extract) -> Surveyed {
        let path = self.folder.path().join(format!("{}.csv", extract.date));
        write(&path, extract);
        self.params.sources[0].paths = vec![path];
        let now = extract.date.at(6, 0, 0, 0).to_zoned_datetime(TimeZone::UTC).unwrap().timestamp();
        let templates = Templates::new(&[]).unwrap();
        let tables = Tables::embedded();
        let known = self.state.known();
        let surveyed =
            run::survey(&self.params, &tables, &templates, known, now, &mut run::mint, &mut |_| {}).unwrap();
        let mut changes: Vec<Change> = surveyed.records.iter().cloned().map(Change::Group).collect();
        changes.push(Change::Run(Box::new(run::record_of(&surveyed, now))));
        self.state.record(now, &changes).unwrap();
        surveyed
    }
}

fn write(path: &Path, extract: &Extract) {
    let mut writer = csv::Writer::from_path(path).unwrap();
    writer.write_record(generate::HEADER).unwrap();
    for row in &extract.rows {
        writer.write_record(row.fields()).unwrap();
    }
    writer.flush().unwrap();
}

/// The group that holds at least nine tenths of a story's open disputes.
fn home(surveyed: &Surveyed, story: &Story) -> GroupId {
    let mut homes: Vec<(usize, &GroupId)> = surveyed
        .records
        .iter()
        .map(|record| {
            let inside = story
                .disputes
                .iter()
                .filter(|id| record.group.members.binary_search(&id.as_str().into()).is_ok());
            (inside.count(), &record.group.id)
        })
        .collect();
    homes.sort();
    let (most, home) = homes.pop().unwrap();
    assert!(most * 10 >= story.disputes.len() * 9, "{}: {most} of {}", story.cause, story.disputes.len());
    home.clone()
}

#[test]
fn the_week_of_the_demo_splits_merges_and_ends_groups_as_told() {
    let demo = generate::demo(1);
    let stories = &demo.stories;
    let mut world = World::new();
    let first = world.survey(&demo.day1);
    assert_eq!(first.rows.rejected, stories.unreadable.len() as u64);
    let (parent, survivor) = (home(&first, &stories.split_stays), home(&first, &stories.merge_into));
    let ending = home(&first, &stories.merge_from);
    assert_eq!(parent, home(&first, &stories.split_leaves), "they look alike at first");
    assert_ne!(survivor, ending, "they look different at first");

    let seventh = world.survey(&demo.day7);
    assert_eq!(home(&seventh, &stories.split_leaves), parent, "seen once, a split does not count");
    assert_eq!(home(&seventh, &stories.merge_from), ending, "seen once, a merge does not count");
    let waiting = |group: &GroupId| {
        seventh
            .lineage
            .events
            .iter()
            .any(|event| matches!(event, Event::Unconfirmed { group: other, .. } if other == group))
    };
    assert!(waiting(&parent) && waiting(&ending));

    let eighth = world.survey(&demo.day8);
    let child = home(&eighth, &stories.split_leaves);
    assert_eq!(home(&eighth, &stories.split_stays), parent);
    assert_eq!(home(&eighth, &stories.merge_from), survivor);
    assert_eq!(home(&eighth, &stories.merge_into), survivor);
    let happened = |wanted: &Event| eighth.lineage.events.contains(wanted);
    assert!(happened(&Event::Born { group: child, split_from: Some(parent) }));
    assert!(happened(&Event::Known { group: ending, fate: Fate::MergedInto(survivor) }));
}

#[test]
fn groups_whose_disputes_are_all_settled_end() {
    let demo = generate::demo(1);
    let mut world = World::new();
    let first = world.survey(&demo.day1);
    let seventh = world.survey(&demo.day7);
    for story in &demo.stories.resolved {
        let inside: Vec<&disputebot::state::GroupRecord> = first
            .records
            .iter()
            .filter(|record| {
                record
                    .group
                    .members
                    .iter()
                    .all(|member| story.disputes.iter().any(|id| id.as_str() == &**member))
            })
            .collect();
        for record in inside {
            let now = seventh.records.iter().find(|other| other.group.id == record.group.id).unwrap();
            assert!(
                matches!(now.group.status, Status::Resolved { .. }),
                "{}: {:?}",
                story.cause,
                now.group.status
            );
        }
    }
    let ended =
        seventh.records.iter().filter(|record| matches!(record.group.status, Status::Resolved { .. }));
    assert!(ended.count() >= 3);
}

#[test]
fn the_same_extract_again_changes_no_group() {
    let demo = generate::demo(2);
    let mut world = World::new();
    let first = world.survey(&demo.day1);
    let again = world.survey(&demo.day1);
    assert_eq!(first.records, again.records);
    let quiet = Fate::Kept { joined: 0, left: 0 };
    assert!(
        again.lineage.events.iter().all(|event| matches!(event, Event::Known { fate, .. } if *fate == quiet))
    );
}

/// A day of a generated world as an extract.
fn extract_of(plan: &Plan, day: u32) -> Extract {
    let sample = if day == 0 { generate::generate(plan) } else { generate::next_day(plan, day) };
    Extract { date: date(2026, 11, 1) + i64::from(day).days(), rows: sample.rows, truth: sample.truth }
}

/// Home of each dispute that is in a living group.
fn homes(surveyed: &Surveyed) -> BTreeMap<Text, GroupId> {
    surveyed
        .records
        .iter()
        .filter(|record| record.group.status == Status::Active)
        .flat_map(|record| {
            record.group.members.iter().map(|member| (member.clone(), record.group.id.clone()))
        })
        .collect()
}

#[test]
fn five_percent_of_churn_moves_hardly_a_dispute_and_keeps_nearly_every_id() {
    let (mut groups, mut kept, mut common, mut moved) = (0, 0, 0, 0);
    for world in [generate::World::Conjunctive, generate::World::Tangled] {
        let plan = Plan::new(world, 3000, 30, 55);
        println!("seed {}", plan.seed);
        let mut passes = World::new();
        let mut before = homes(&passes.survey(&extract_of(&plan, 0)));
        // Splits and merges wait for a second input, so that a first step alone would show none.
        for day in 1..=4 {
            let surveyed = passes.survey(&extract_of(&plan, day));
            let open: BTreeSet<&Text> = surveyed.batch.disputes.iter().map(|dispute| &dispute.id).collect();
            let alive: BTreeSet<&GroupId> =
                before.iter().filter(|(id, _)| open.contains(id)).map(|(_, group)| group).collect();
            let after = homes(&surveyed);
            let still: BTreeSet<&GroupId> = after.values().collect();
            groups += alive.len();
            kept += alive.intersection(&still).count();
            for (id, group) in before.iter().filter(|(id, _)| open.contains(id)) {
                common += 1;
                moved += usize::from(after.get(id) != Some(group));
            }
            before = after;
        }
    }
    println!("{kept} of {groups} ids kept, {moved} of {common} disputes moved");
    assert!(kept * 100 >= groups * 97, "{kept} of {groups} groups keep their id");
    assert!(moved * 1000 <= common * 7, "{moved} of {common} disputes moved");
}

#[test]
fn a_group_that_keeps_half_its_disputes_keeps_its_id_for_a_month() {
    for (world, seed) in [(generate::World::Tangled, 56), (generate::World::Conjunctive, 57)] {
        let plan = Plan { churn: 0.02, ..Plan::new(world, 1200, 14, seed) };
        println!("{world:?}, seed {seed}");
        live_a_month(&plan);
    }
}

fn live_a_month(plan: &Plan) {
    let mut passes = World::new();
    let mut before = homes(&passes.survey(&extract_of(plan, 0)));
    for day in 1..=30 {
        let surveyed = passes.survey(&extract_of(plan, day));
        // A merge that two inputs confirmed is announced as one, and is no loss of identity.
        let merged: BTreeSet<&GroupId> = surveyed
            .records
            .iter()
            .filter(|record| matches!(record.group.status, Status::Merged { .. }))
            .map(|record| &record.group.id)
            .collect();
        let today = homes(&surveyed);
        let mut members: BTreeMap<&GroupId, Vec<&Text>> = BTreeMap::new();
        for (id, group) in &before {
            members.entry(group).or_default().push(id);
        }
        for (group, members) in members.into_iter().filter(|(group, _)| !merged.contains(group)) {
            let standing = members.iter().filter(|id| today.contains_key(**id)).count();
            let elsewhere: BTreeMap<&GroupId, usize> = members
                .iter()
                .filter_map(|id| today.get(*id))
                .filter(|home| *home != group)
                .fold(BTreeMap::new(), |mut counts, home| {
                    *counts.entry(home).or_default() += 1;
                    counts
                });
            // A few that were counted with many others are no loss of identity: those had a group already.
            let of = |home: &GroupId| today.values().filter(|it| **it == *home).count();
            let lost =
                elsewhere.iter().find(|(home, count)| **count * 2 > standing && **count * 2 > of(home));
            assert_eq!(lost, None, "day {day}: most of the {standing} disputes of {group} are another group");
        }
        before = today;
    }
}
