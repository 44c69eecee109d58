//! Tickets for staff about causes that several clients share.

use std::{collections::BTreeSet, fs};

use disputebot::generate::Record;
use serde_json::Value;

use crate::world::{World, disputes};

const CONFIG: &str = "[internal]\nproject = \"OPS\"\n";

async fn world() -> World {
    let world = World::new().await;
    world.sandbox.add_project("OPS", "Operations").unwrap();
    world.write_config(CONFIG);
    world
}

/// The tickets of a project, as text.
fn tickets(world: &World, project: &str) -> Vec<(String, String)> {
    let issues = world.sandbox.issues().into_iter();
    let of_project = issues.filter(|issue| issue["key"].as_str().unwrap().starts_with(project));
    of_project.map(|issue| (issue["key"].as_str().unwrap().to_owned(), issue.to_string())).collect()
}

fn clients(rows: &[Record]) -> BTreeSet<String> {
    rows.iter().map(|row| row.manufacturer.clone()).collect()
}

fn status(world: &World, key: &str) -> Value {
    let issues = world.sandbox.issues();
    issues.iter().find(|issue| issue["key"] == key).unwrap()["fields"]["status"]["name"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_gets_one_ticket_for_each_cause_that_clients_share_and_a_client_sees_none_but_its_own() {
    let world = world().await;
    let said = world.expect(10, &["plan", "--check"]).await;
    assert!(said.contains("internal tickets, of causes that several clients share"), "{said}");
    assert_eq!(world.writes(), 0, "a plan writes nothing");
    world.expect(0, &["run"]).await;
    let rows = disputes();
    let shared = tickets(&world, "OPS-");
    assert!(!shared.is_empty(), "the disputes have causes that both clients share");
    for (key, text) in &shared {
        for client in clients(&rows) {
            assert!(text.contains(&client), "{key} says nothing of {client}: {text}");
        }
        let named =
            tickets(&world, "DISP-").into_iter().filter(|(own, _)| text.contains(&format!("\"{own}\"")));
        assert!(named.count() >= 2, "{key} leads to the ticket of each client: {text}");
        assert!(rows.iter().all(|row| !text.contains(&row.dispute_id)), "{key} shows a dispute: {text}");
    }
    for (key, text) in tickets(&world, "DISP-") {
        let told = clients(&rows).into_iter().filter(|client| text.contains(client)).count();
        assert!(told == 1 && !text.contains("OPS-"), "{key} shows {told} clients: {text}");
    }
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "nothing has changed");
    world.expect(0, &["plan", "--check"]).await;
    assert_eq!(world.sandbox.unknown_routes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_for_staff_lives_as_long_as_a_client_has_the_cause_and_is_found_again_when_its_state_is_lost()
 {
    let world = world().await;
    world.expect(0, &["run"]).await;
    let before = tickets(&world, "OPS-");
    fs::remove_dir_all(world.path("state/internal")).unwrap();
    // It looks like that of another machine.
    world.expect(5, &["run"]).await;
    world.expect(0, &["run", "--take-over"]).await;
    world.expect(0, &["run"]).await;
    let keys = |tickets: &[(String, String)]| -> Vec<String> {
        tickets.iter().map(|(key, _)| key.clone()).collect()
    };
    assert_eq!(keys(&tickets(&world, "OPS-")), keys(&before), "none is doubled");
    // One client has settled everything: the other one still has the cause.
    let mut rows = disputes();
    let settle = |row: &mut Record| {
        row.status = "resolved".to_owned();
        row.resolved_at = "2026-11-15".to_owned();
    };
    let first = clients(&rows).into_iter().next().unwrap();
    rows.iter_mut().filter(|row| row.manufacturer == first).for_each(settle);
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    for (key, text) in tickets(&world, "OPS-") {
        assert_ne!(status(&world, &key), "Done", "{key}");
        assert!(!text.contains(&format!("\"{first}\"")), "{key} still has a line of {first}: {text}");
    }
    rows.iter_mut().for_each(settle);
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    for (key, _) in &before {
        assert_eq!(status(&world, key), "Done", "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_project_of_staff_is_looked_at_before_the_first_write_and_is_not_that_of_the_clients() {
    let world = World::new().await;
    world.write_config(CONFIG);
    let said = world.expect(5, &["check"]).await;
    assert!(said.contains("internal: "), "{said}");
    world.write_config("[internal]\nproject = \"DISP\"\n");
    let output = world.run(&["check"]).await;
    let said = crate::world::text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("`internal.project`") && said.contains("would see all clients"), "{said}");
}
