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
    world.issue(key)["fields"]["status"]["name"].clone()
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
    let (groups, issues) = (world.groups().await, world.issues_by_group());
    for issue in
        world.sandbox.issues().iter().filter(|issue| issue["key"].as_str().unwrap().starts_with("OPS-"))
    {
        let text = disputebot::ticket::adf::text_of(&issue["fields"]["description"]);
        // Cells stand one after the other: the client, its ticket, its disputes.
        let mut told = Vec::new();
        for (group, own) in &issues {
            let Some(record) = groups.get(group).map(|record| &record["group"]) else { continue };
            let (client, key) = (record["client"].as_str().unwrap(), own[0]["key"].as_str().unwrap());
            let disputes = record["members"].as_array().unwrap().len();
            if text.contains(&format!("{client}{key}{disputes}about $")) {
                told.push(disputes);
            }
        }
        assert_eq!(told.len(), clients(&rows).len(), "each with its count: {text}");
        assert!(text.contains(&format!("All{}about $", told.iter().sum::<usize>())), "{text}");
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
async fn the_commands_that_the_guide_tells_work_on_the_state_and_the_tickets_of_staff() {
    let world = world().await;
    world.expect(0, &["run"]).await;
    let of_state = ["--set", "state.dir=state/internal"];
    let of_jira = ["--set", "jira.project=OPS", "--set", "internal.project="];
    let guide = include_str!("../../config/README.md");
    let backup = ["state", "backup", "internal.jsonl.gz", of_state[0], of_state[1]];
    for told in [format!("disputebot {}", backup.join(" ")), of_jira.join(" ")] {
        assert!(guide.contains(&told), "{told}");
    }
    world.expect(0, &backup).await;
    world.expect(0, &["state", "verify", of_state[0], of_state[1]]).await;
    let tickets = tickets(&world, "OPS-");
    let (key, text) = &tickets[0];
    let (_, group) = text.split_once("dispute-group-").unwrap();
    let command = ["ticket", "bind", &group[..32], key];
    world.expect(0, &[&command[..], &of_state, &of_jira].concat()).await;
    let said = world.expect(0, &["run"]).await;
    assert!(!said.contains("opened"), "{said}");
    assert_eq!(self::tickets(&world, "OPS-").len(), tickets.len(), "none is doubled");
    world.expect(0, &[&["state", "rebuild", "--from", "jira"][..], &of_state, &of_jira].concat()).await;
    world.expect(0, &["run"]).await;
    assert_eq!(self::tickets(&world, "OPS-").len(), tickets.len(), "none is doubled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_be_done_to_tickets_of_staff_is_looked_at_once_there_is_one() {
    let world = world().await;
    let looks = async |code| {
        let found = world.expect(code, &["check", "--json"]).await;
        let found: Vec<Value> = serde_json::from_str(&found).unwrap();
        let subjects = found.iter().filter_map(|finding| finding["subject"].as_str());
        subjects.filter(|subject| subject.starts_with("internal: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = looks(0).await;
    world.expect(0, &["run"]).await;
    let after = looks(0).await;
    let workflow = "internal: workflow".to_owned();
    assert!(after.contains(&workflow), "{before:?}, then {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_project_of_staff_is_looked_at_before_the_first_write_and_is_not_that_of_the_clients() {
    let world = World::new().await;
    world.write_config(CONFIG);
    let said = world.expect(5, &["check"]).await;
    assert!(said.contains("internal: "), "{said}");
    let mut daemon = crate::running::Running::start(world.command(&["daemon"]));
    let said = crate::running::blocking(move || {
        let said = daemon.until("internal: jira.project");
        daemon.end("TERM");
        said
    })
    .await;
    assert!(said.contains("a run would fail"), "{said}");
    world.write_config("[internal]\nproject = \"DISP\"\n");
    let output = world.run(&["check"]).await;
    let said = crate::world::text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("`internal.project`") && said.contains("would see all clients"), "{said}");
}
