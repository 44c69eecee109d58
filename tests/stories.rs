//! What the demo tells happens: splits, merges and ends are found in its extracts by the real stages.

use std::path::Path;

use disputebot::{
    cluster,
    config::{Layers, Needs, Place, Settings},
    dispute::Tables,
    generate::{self, Extract, Story},
    group::{Event, Fate, GroupId},
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

/// The groups that hold the open disputes of a story, with how many each has.
fn homes(surveyed: &Surveyed, story: &Story) -> Vec<(GroupId, usize)> {
    let mut homes: Vec<(GroupId, usize)> = surveyed
        .records
        .iter()
        .map(|record| {
            let inside = story
                .disputes
                .iter()
                .filter(|id| record.group.members.iter().any(|member| **member == ***id))
                .count();
            (record.group.id.clone(), inside)
        })
        .filter(|(_, inside)| *inside > 0)
        .collect();
    homes.sort_by(|a, b| b.1.cmp(&a.1));
    homes
}

#[test]
fn the_week_of_the_demo_splits_merges_and_ends_groups_as_told() {
    let demo = generate::demo(1);
    let mut world = World::new();
    let first = world.survey(&demo.day1);
    let seventh = world.survey(&demo.day7);
    let eighth = world.survey(&demo.day8);
    for (name, surveyed) in [("1", &first), ("7", &seventh), ("8", &eighth)] {
        println!("day {name}: {:?} groups {}", surveyed.rows, surveyed.records.len());
        for (what, story) in [
            ("stays", &demo.stories.split_stays),
            ("leaves", &demo.stories.split_leaves),
            ("into", &demo.stories.merge_into),
            ("from", &demo.stories.merge_from),
        ] {
            let homes: Vec<(&str, usize)> = homes(surveyed, story)
                .iter()
                .map(|(id, n)| (id.short().to_owned(), *n))
                .map(|(a, b)| (Box::leak(a.into_boxed_str()) as &str, b))
                .collect();
            println!("   {what} {} {homes:?}", story.disputes.len());
        }
        for event in &surveyed.lineage.events {
            match event {
                Event::Known { fate: Fate::Kept { .. }, .. } | Event::Born { split_from: None, .. } => {}
                Event::Unconfirmed { group, pending } => println!(
                    "   unconfirmed {} {}",
                    group.short(),
                    format!("{pending:?}").chars().take(90).collect::<String>()
                ),
                other => println!("   {other:?}"),
            }
        }
    }
    let _ = cluster::Attribute::ALL;
}
