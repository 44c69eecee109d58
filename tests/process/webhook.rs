//! A daemon that is told of changes, and one that Jira sends away for a while.

#![cfg(unix)]

use std::process::Command;

use disputebot::sandbox::{Effect, Fault, Matches, Mischief, RateLimit, Reason, User};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::{
    people::person,
    running::{Running, blocking},
    world::World,
};

const SECRET: &str = "a secret that only tests know";

/// The command of a daemon that knows the secret.
fn daemon(world: &World) -> Command {
    let mut command = world.command(&["daemon", "--now"]);
    command.env("DISPUTEBOT_WEBHOOK_SECRET", SECRET);
    command
}

/// One that has made its first pass, and its address.
async fn listening(world: &World) -> (Running, String) {
    world.write_config("[webhook]\nlisten = \"127.0.0.1:0\"\nmin_interval = \"0s\"\n");
    let (mut daemon, address) = Running::listening(daemon(world), "webhooks are taken").await;
    let daemon = blocking(move || {
        daemon.until("run finished");
        daemon
    });
    (daemon.await, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_looks_again_when_jira_tells_of_a_change_and_not_when_somebody_else_does() {
    let world = World::new().await;
    let (mut daemon, address) = listening(&world).await;
    let post = async |signature: String| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("http://{address}/webhook/jira")).body("{}");
        request.header("X-Hub-Signature", signature).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(format!("sha256={}", "0".repeat(64))).await, 401);
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update("{}").finalize();
    let hex: String = mac.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(post(format!("sha256={hex}")).await, 204);
    blocking(move || {
        let told = daemon.until("told of a change");
        assert!(!told.contains("refused"), "{told}");
        daemon.until("run finished");
        daemon.end("TERM")
    })
    .await;
    world.assert_one_ticket_per_group("after a webhook").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_how_long_jira_told_nothing_is_a_metric_of_a_daemon_that_takes_webhooks() {
    let world = World::new().await;
    world.write_config("[webhook]\nlisten = \"127.0.0.1:0\"\n[dashboard]\nlisten = \"127.0.0.1:0\"\n");
    let (daemon, address) = Running::listening(daemon(&world), "dashboard serves").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let metrics = client.get(format!("http://{address}/metrics")).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("\ndisputebot_webhook_gap_seconds "), "{metrics}");
    blocking(move || daemon.end("TERM")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_jira_delivers_forged_doubled_late_or_never_leads_to_one_answer_and_our_own_echo_to_none() {
    let world = World::new().await;
    let (mut daemon, address) = listening(&world).await;
    let url = format!("http://{address}/webhook/jira");
    world.sandbox.add_webhook(&url, Some(SECRET), &["jira:issue_updated", "comment_created"]).unwrap();
    world.sandbox.script_webhooks(&[
        Mischief::Dropped,
        Mischief::Forged,
        Mischief::Doubled,
        Mischief::Late,
        Mischief::Reordered,
    ]);
    let issue = world.sandbox.issues()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/rest/api/3/issue/{issue}");
    let order = json!({ "type": "text", "text": "/disputebot status" });
    let order = json!({ "type": "paragraph", "content": [order] });
    let order = json!({ "body": { "type": "doc", "version": 1, "content": [order] } });
    person(&world, "PUT", &path, json!({ "update": { "labels": [{ "add": "looked-at" }] } })).await;
    person(&world, "POST", &format!("{path}/comment"), order).await;
    person(&world, "PUT", &path, json!({ "update": { "labels": [{ "add": "twice" }] } })).await;
    for label in ["late", "out-of-order", "in-order"] {
        person(&world, "PUT", &path, json!({ "update": { "labels": [{ "add": label }] } })).await;
    }
    let delivered: Vec<(bool, Option<u16>)> =
        world.sandbox.deliver_webhooks().await.iter().map(|it| (it.is_forged, it.status)).collect();
    assert!(delivered.contains(&(true, Some(401))), "{delivered:?}");
    let taken = delivered.iter().filter(|it| **it == (false, Some(204))).count();
    assert_eq!(taken, delivered.len() - 1, "{delivered:?}");
    let answers = || {
        let issues = world.sandbox.issues();
        let issue = issues.iter().find(|it| it["id"] == issue.as_str()).unwrap();
        let comments = issue["comments"].as_array().unwrap().iter();
        comments.filter(|it| it["author"]["accountId"] == User::bot().account_id.as_str()).count()
    };
    let before = answers();
    let daemon = blocking(move || {
        daemon.until("told of a change");
        daemon.until("run finished");
        daemon
    })
    .await;
    assert_eq!((before, answers()), (0, 1));
    // The second of two deliveries may have led to one more look.
    let echoes = world.sandbox.deliver_webhooks().await;
    assert!(!echoes.is_empty() && echoes.iter().all(|it| it.status == Some(204)), "{echoes:?}");
    let looks =
        blocking(move || daemon.end("TERM").iter().filter(|line| line.contains("told of a change")).count())
            .await;
    assert!(looks <= 1, "{looks} looks after the answer");
    assert_eq!(answers(), 1);
    world.assert_one_ticket_per_group("after what Jira delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_without_a_good_secret_are_not_taken() {
    let world = World::new().await;
    world.write_config("[webhook]\nlisten = \"127.0.0.1:0\"\n");
    for (secret, said) in [("", "`webhook.secret` is required"), ("too short", "shorter than 16 characters")]
    {
        let mut command = world.command(&["daemon"]);
        command.env("DISPUTEBOT_WEBHOOK_SECRET", secret);
        let output = blocking(move || command.output().unwrap()).await;
        let told = crate::world::text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{told}");
        assert!(told.contains(said), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_jira_sends_away_goes_on_by_itself_after_that() {
    let world = World::new().await;
    world.write_config("longest_wait = \"0s\"\n");
    let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
    let effect = Effect::RateLimit(RateLimit::new(Reason::TenantQuota, 1));
    world.sandbox.inject(Fault { nth: 2, matches, effect });
    let mut daemon = Running::start(daemon(&world));
    blocking(move || {
        daemon.until("jira wants to be left alone");
        daemon.until("run finished");
        daemon.until("what jira cut short is made up for");
        daemon.until("run finished");
        daemon.end("TERM")
    })
    .await;
    world.assert_one_ticket_per_group("after the silence").await;
}
