//! The nearest other group on a ticket: by the key of its ticket as soon as it has one and there is something to write.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::world::{World, disputes, words};

/// What each ticket calls its nearest other group, by the group of the ticket.
fn called(world: &World) -> BTreeMap<String, String> {
    let named = |issue: &Value| {
        // Data Center escapes what would be markup, and writes a link as `[text|address]`.
        let text = words(&issue["fields"]["description"]).replace('\\', "");
        let (_, rest) = text.split_once("Nearest other group: ")?;
        let rest = rest.trim_start_matches('[');
        let end = |sign: char| !sign.is_ascii_alphanumeric() && sign != '-';
        Some(rest.split(end).next().unwrap().to_owned())
    };
    let issues = world.issues_by_group();
    issues.iter().filter_map(|(group, issues)| Some((group.clone(), named(&issues[0])?))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nearest_group_is_named_by_its_ticket_once_that_is_known_and_nothing_is_written_for_that_alone() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let at_first = called(&world);
        let keys: BTreeMap<String, String> = world
            .issues_by_group()
            .iter()
            .map(|(group, issues)| (group[..8].to_owned(), issues[0]["key"].as_str().unwrap().to_owned()))
            .collect();
        assert!(
            at_first.values().all(|name| keys.contains_key(name)),
            "no ticket has a key yet: {at_first:?}"
        );
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes, "now all have keys, and nothing else is new");

        // One dispute is due earlier, so one ticket has something to say.
        let group = at_first.keys().next().unwrap().clone();
        let mut rows = disputes();
        let member = &world.groups().await[&group]["group"]["members"][0];
        let row = rows.iter_mut().find(|row| row.dispute_id == member.as_str().unwrap()).unwrap();
        "2026-01-01".clone_into(&mut row.due_at);
        world.write_disputes(&rows);
        world.expect(0, &["run"]).await;
        let changed: Vec<(String, String)> =
            called(&world).into_iter().filter(|(group, name)| at_first.get(group) != Some(name)).collect();
        let key = &keys[&at_first[&group]];
        assert_eq!(changed, [(group.clone(), key.clone())], "of {at_first:?}");
        let description = world.issues_by_group()[&group][0]["fields"]["description"].to_string();
        let address = format!("{}/browse/{key}", world.sandbox.base_url().trim_end_matches('/'));
        assert!(description.contains(&address), "`{address}` is not linked to in {description}");
        let shown = world.expect(0, &["ticket", "preview", &group, "--format", "html"]).await;
        assert!(shown.contains(&format!(">{key}</a>")), "{shown}");
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes, "it stays so");
    }
}
