//! The daemon runs on its schedule and stops when it is told to.

#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    process::Child,
};

use disputebot::sandbox::{Effect, Fault, Mandatory, Matches};

use crate::{crash::signal, world::World};

/// Reads the daemon's log until a line holds `wanted`.
fn wait_for(child: &mut Child, wanted: &str) -> String {
    let mut seen = String::new();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        seen.push_str(&line);
        if line.contains(wanted) {
            child.stderr = Some(log.into_inner());
            return seen;
        }
        line.clear();
    }
    panic!("the log ended without `{wanted}`: {seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_makes_a_pass_and_ends_well_on_sigterm_and_sigint() {
    for name in ["TERM", "INT"] {
        let world = World::new().await;
        let mut child = world.spawn(&["daemon", "--now"]);
        let (seen, mut child) = tokio::task::spawn_blocking(move || {
            let seen = wait_for(&mut child, "run finished");
            (seen, child)
        })
        .await
        .unwrap();
        assert!(seen.contains("daemon started"), "{seen}");
        signal(child.id(), name);
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert_eq!(status.code(), Some(0), "{name}");
        world.assert_one_ticket_per_group(name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_says_at_its_start_what_would_fail_and_with_which_setting_it_would_not() {
    let world = World::new().await;
    world.sandbox.require_field("DISP", "assignee", Mandatory::Told).unwrap();
    let mut child = world.spawn(&["daemon"]);
    let (seen, mut child) = tokio::task::spawn_blocking(move || {
        let seen = wait_for(&mut child, "`Assignee` is demanded");
        (seen, child)
    })
    .await
    .unwrap();
    assert!(seen.contains("a run would fail") && seen.contains(r#"jira.fields.\"Assignee\""#), "{seen}");
    signal(child.id(), "TERM");
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_stopped_while_jira_hangs_ends_well_and_loses_nothing() {
    let world = World::new().await;
    world.sandbox.inject(Fault { nth: 2, matches: Matches::Writes, effect: Effect::HangAfterCommit });
    let mut child = world.spawn(&["daemon", "--now"]);
    world.sandbox.reached().await;
    signal(child.id(), "TERM");
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("after a stop while Jira hangs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_in_the_same_folder_is_refused() {
    let world = World::new().await;
    let mut child = world.spawn(&["daemon"]);
    let mut child = tokio::task::spawn_blocking(move || {
        wait_for(&mut child, "daemon started");
        child
    })
    .await
    .unwrap();
    world.expect(7, &["daemon"]).await;
    signal(child.id(), "TERM");
    assert_eq!(tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap().code(), Some(0));
}
