//! What the demo tells happens: splits, merges and ends are found in its extracts by the real stages.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use disputebot::{
    config::{Layers, Needs, Place, Settings},
    dispute::Tables,
    generate::{self, Extract, Story},
    group::{Event, Fate, GroupId, Status},
    run::{self, Surveyed},
    state::{Change, State},
    ticket::Templates,
};
use jiff::tz::TimeZone;

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
        self.params.source.paths = vec![path];
        let now = extract.date.at(6, 0, 0, 0).to_zoned_datetime(TimeZone::UTC).unwrap().timestamp();
        let templates = Templates::new(&[]).unwrap();
        let tables = Tables::embedded();
        let known = self.state.known();
        let surveyed =
            run::survey(&self.params, &tables, &templates, known, now, &mut run::mint, &mut |_| {}).unwrap();
        let mut changes: Vec<Change> = surveyed.records.iter().cloned().map(Change::Group).collect();
        changes.push(Change::Run(Box::new(run::record_of(&self.params, &surveyed, now))));
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
