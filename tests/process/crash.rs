//! Killed or stopped at any write, a clean run afterwards ends with one ticket per group.

use disputebot::{
    sandbox::{Effect, Fault, Matches},
    state::Known,
};

use crate::world::{World, text};

/// Kills a run at its `nth` write, before or after it took effect, and runs again.
pub(crate) async fn killed_at(world: World, nth: usize, effect: Effect) {
    let when = format!("killed at write {nth}, {effect:?}");
    world.sandbox.inject(Fault { nth, matches: Matches::Writes, effect });
    let mut child = world.spawn(&["run"]);
    world.sandbox.reached().await;
    child.kill().unwrap();
    child.wait().unwrap();
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group(&when).await;
    let again = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), again, "{when}: a second run writes nothing");
    world.expect(0, &["state", "verify"]).await;
    let report: serde_json::Value =
        serde_json::from_str(&world.expect(0, &["report", "--json"]).await).unwrap();
    assert_eq!(
        report["tickets"]["opened"],
        world.sandbox.issues().len(),
        "{when}: each counts as opened once"
    );
}

/// Number of writes of a first run.
async fn writes_of_a_run() -> usize {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    world.writes()
}

// Of all writes one half here and the other half below; `cargo bench --bench prove` kills at each request, both ways.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_at_every_second_write_before_it_took_effect() {
    for nth in (1..=writes_of_a_run().await).step_by(2) {
        killed_at(World::new().await, nth, Effect::HangBeforeCommit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_at_every_second_write_after_it_took_effect() {
    for nth in (2..=writes_of_a_run().await).step_by(2) {
        killed_at(World::new().await, nth, Effect::HangAfterCommit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_never_doubles_a_ticket() {
    let effects = [
        Effect::CloseAfterCommit,
        Effect::CloseBeforeCommit,
        Effect::AnswerAfterCommit { status: 500, headers: Vec::new(), body: "{}".to_owned() },
        Effect::AnswerAfterCommit { status: 504, headers: Vec::new(), body: "<html>".to_owned() },
        Effect::Answer { status: 503, headers: Vec::new(), body: "{}".to_owned() },
    ];
    for effect in effects {
        let world = World::new().await;
        let when = format!("{effect:?}");
        let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
        world.sandbox.inject(Fault { nth: 2, matches, effect });
        world.expect(6, &["run"]).await;
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group(&when).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_of_unknown_fate_is_not_sent_again_before_it_is_settled() {
    let world = World::new().await;
    world.write_config("[plan]\nmax_new_tickets = 1\n");
    let slow = std::fs::read_to_string(world.path("disputebot.toml")).unwrap().replace("\"0s\"", "\"5m\"");
    std::fs::write(world.path("disputebot.toml"), slow).unwrap();
    let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
    world.sandbox.inject(Fault { nth: 1, matches, effect: Effect::CloseBeforeCommit });
    world.expect(6, &["run", "--set", "plan.max_new_tickets=1"]).await;
    let plan = world.expect(0, &["plan", "--set", "plan.max_new_tickets=0"]).await;
    assert!(plan.contains("the answer to a write was lost"), "{plan}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_in_the_middle_of_applying_loses_nothing() {
    for effect in [Effect::HangBeforeCommit, Effect::HangAfterCommit] {
        let world = World::new().await;
        let when = format!("SIGTERM while {effect:?}");
        world.sandbox.inject(Fault { nth: 3, matches: Matches::Writes, effect });
        let child = world.spawn(&["run"]);
        world.sandbox.reached().await;
        signal(child.id(), "TERM");
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{when}: {said}");
        assert!(said.contains("not tried; the next run goes on"), "{when}: {said}");
        let known = Known::read(&world.path("state")).unwrap();
        let untried = &known.runs.values().next_back().unwrap().untried;
        let told = format!("{} not tried", untried.count);
        assert!(untried.count > 0 && said.contains(&told), "{when}: {told} of {said}");
        assert_eq!(untried.first.len(), untried.count, "{when}: each with its group and reason");
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group(&when).await;
    }
}

#[cfg(unix)]
pub(crate) fn signal(process: u32, name: &str) {
    let sent =
        std::process::Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(sent.success());
}
