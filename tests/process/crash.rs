//! Killed or stopped at any write, a clean run afterwards ends with one ticket per group.

use std::{cmp::Reverse, collections::BTreeSet};

use disputebot::{
    sandbox::{Effect, Fault, Matches, User},
    state::Known,
};

use serde_json::Value;

use crate::world::{World, disputes, text};

/// Kills a run where a fault holds it up.
async fn kill_at(world: &World, fault: Fault) {
    world.sandbox.inject(fault);
    let mut child = world.spawn(&["run"]);
    world.reached().await;
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills a run at its `nth` write, before or after it took effect, and runs again.
pub(crate) async fn killed_at(world: World, nth: usize, effect: Effect) {
    let when = format!("killed at write {nth}, {effect:?}");
    kill_at(&world, Fault { nth, matches: Matches::Writes, effect }).await;
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

/// What a run did after which one cause was settled and another one had become smaller: it closes, edits and comments.
async fn change_two_causes(world: &World) {
    let groups = world.groups().await;
    let members = |id: &str| groups[id]["group"]["members"].as_array().unwrap().clone();
    let mut by_size: Vec<&String> = groups.keys().collect();
    // Of as many the same in each world: their ids are drawn at random.
    by_size.sort_by_key(|id| (Reverse(members(id).len()), members(id)[0].to_string()));
    let mut gone = members(by_size[1]);
    gone.extend(members(by_size[0]).into_iter().step_by(2));
    let rows: Vec<_> =
        disputes().into_iter().filter(|row| !gone.contains(&Value::from(row.dispute_id.as_str()))).collect();
    world.write_disputes(&rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_wrote_is_in_the_report_of_its_week() {
    let seen = async |nth: Option<usize>| {
        let world = World::new().await;
        world.expect(0, &["run"]).await;
        change_two_causes(&world).await;
        let before = world.sandbox.requests().len();
        if let Some(nth) = nth {
            let effect = Effect::HangAfterCommit;
            kill_at(&world, Fault { nth, matches: Matches::Writes, effect }).await;
        }
        world.expect(0, &["run"]).await;
        let report: Value = serde_json::from_str(&world.expect(0, &["report", "--json"]).await).unwrap();
        let keys = |name: &str| -> BTreeSet<String> {
            let keys = report["written"][name].as_array().unwrap().iter();
            keys.map(|key| key.as_str().unwrap().to_owned()).collect()
        };
        let when = format!("killed at write {nth:?}");
        let issues = world.sandbox.issues();
        let key = |issue: &Value| issue["key"].as_str().unwrap().to_owned();
        let is_done = |issue: &&Value| issue["fields"]["status"]["statusCategory"]["key"] == "done";
        assert_eq!(keys("closed"), issues.iter().filter(is_done).map(key).collect(), "{when}");
        let edits = world.sandbox.requests_from(before);
        let edited = |issue: &&Value| {
            let is_of = |path: &str| {
                [&issue["id"], &issue["key"]]
                    .iter()
                    .any(|name| path.ends_with(&format!("/issue/{}", name.as_str().unwrap())))
            };
            edits.iter().any(|request| request.method == "PUT" && is_of(&request.path))
        };
        assert_eq!(keys("updated"), issues.iter().filter(edited).map(key).collect(), "{when}");
        assert_eq!(keys("opened").len(), issues.len(), "{when}");
        assert!(!keys("closed").is_empty() && !keys("updated").is_empty(), "{when}: {report}");
        world.writes()
    };
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let writes = seen(None).await - world.writes();
    assert!(writes > 2);
    for nth in 1..=writes {
        seen(Some(nth)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_a_killed_run_closed_and_a_person_reopens_stays_open() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (_, record) = world.largest().await;
    let key = record["ticket"]["link"]["issue"]["key"].as_str().unwrap();
    let gone = record["group"]["members"].as_array().unwrap();
    let rows: Vec<_> =
        disputes().into_iter().filter(|row| !gone.contains(&Value::from(row.dispute_id.as_str()))).collect();
    world.write_disputes(&rows);
    let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/transitions".to_owned() };
    kill_at(&world, Fault { nth: 1, matches, effect: Effect::HangAfterCommit }).await;
    let is_done = || world.issue(key)["fields"]["status"]["statusCategory"]["key"] == "done";
    world.expect(0, &["run"]).await;
    assert!(is_done());
    let reopen = serde_json::json!({ "transition": { "id": "61" } });
    world.sandbox.person(&User::analyst()).transition(key, &reopen).unwrap();
    world.expect(0, &["run"]).await;
    assert!(!is_done(), "the person's word counts");
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
        world.reached().await;
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
