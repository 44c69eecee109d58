//! What webhooks tell, and what goes wrong on the way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use disputebot::sandbox::{Delivered, Mischief, Refusal, Script, User};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{World, document};

/// Somebody who listens to webhooks.
#[derive(Clone)]
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// What it answers next; 200 once there is nothing left.
    answers: Arc<Mutex<Vec<u16>>>,
}

#[derive(Clone)]
struct Heard {
    headers: HeaderMap,
    body: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a text"))
    }
}

impl Receiver {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook?a=b", listener.local_addr().expect("an address"));
        let receiver = Self { url, heard: Arc::default(), answers: Arc::default() };
        let app = Router::new().fallback(hear).with_state(receiver.clone());
        tokio::spawn(async { axum::serve(listener, app).await });
        receiver
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("no panic").clone()
    }

    fn answer(&self, statuses: &[u16]) {
        self.answers.lock().expect("no panic").extend(statuses.iter().rev());
    }
}

async fn hear(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> StatusCode {
    receiver.heard.lock().expect("no panic").push(Heard { headers, body });
    let status = receiver.answers.lock().expect("no panic").pop().unwrap_or(200);
    StatusCode::from_u16(status).expect("a status")
}

fn events(delivered: &[Delivered]) -> Vec<&str> {
    delivered.iter().map(|delivery| delivery.event.as_str()).collect()
}

fn attempts(delivered: &[Delivered]) -> Vec<(u32, Option<u16>)> {
    delivered.iter().map(|delivery| (delivery.attempt, delivery.status)).collect()
}

#[tokio::test]
async fn every_event_is_told_once_in_the_form_of_the_real_one() {
    let world = World::new().await;
    let receiver = Receiver::new().await;
    world.sandbox.add_webhook(&receiver.url, Some("secret"), &[]).expect("a webhook");
    world.issue("a", json!({ "description": document("why") })).await;
    world.put("issue/DISP-1", json!({ "fields": { "summary": "b" } })).await;
    let comment = world.post("issue/DISP-1/comment", json!({ "body": document("c") })).await.json();
    let path = format!("issue/DISP-1/comment/{}", comment["id"].as_str().expect("an id"));
    world.put(&path, json!({ "body": document("d") })).await;
    world.delete(&path).await;
    world.put("issue/DISP-1/properties/key", json!(1)).await;
    world.sandbox.person(&User::analyst()).delete("DISP-1").expect("a deletion");

    assert_eq!(receiver.heard().len(), 0, "nothing goes by itself unless it is told to");
    let delivered = world.sandbox.deliver_webhooks().await;
    assert_eq!(
        events(&delivered),
        [
            "jira:issue_created",
            "jira:issue_updated",
            "comment_created",
            "comment_updated",
            "comment_deleted",
            "issue_property_set",
            "jira:issue_deleted"
        ]
    );
    let heard = receiver.heard();
    let bodies: Vec<Value> = heard.iter().map(Heard::json).collect();
    assert_eq!(bodies[0]["timestamp"], 1_787_378_400_000_i64);
    assert_eq!(bodies[0]["issue"]["fields"]["description"], "why", "rich text is a string here");
    assert_eq!(bodies[0]["user"]["accountId"], User::bot().account_id);
    assert_eq!(bodies[0]["user"].get("emailAddress"), None);
    let with_changelog: Vec<usize> =
        (0..bodies.len()).filter(|at| bodies[*at].get("changelog").is_some()).collect();
    assert_eq!(with_changelog, [1]);
    assert_eq!(bodies[1]["changelog"]["items"][0]["toString"], "b");
    assert_eq!((&bodies[3]["comment"]["body"], &bodies[3]["issue"]["key"]), (&json!("d"), &json!("DISP-1")));
    assert_eq!(bodies[5]["property"], json!({ "key": "key", "value": 1 }));
    assert_eq!(bodies[6]["user"]["displayName"], "Example Analyst");
    assert_eq!(heard[0].header("x-atlassian-webhook-flow"), Some("Primary"));
    assert_eq!(heard[0].header("x-atlassian-webhook-retry"), None);
    assert_eq!(heard[0].header("x-atlassian-webhook-identifier"), Some(delivered[0].identifier.as_str()));
    assert!(heard[0].header("x-hub-signature").expect("a signature").starts_with("sha256="));
    assert!(world.sandbox.deliver_webhooks().await.is_empty());
}

#[tokio::test]
async fn only_wanted_events_are_told_and_only_on_this_machine() {
    let world = World::new().await;
    let receiver = Receiver::new().await;
    world.sandbox.add_webhook(&receiver.url, None, &["comment_created"]).expect("a webhook");
    world.issue("a", json!({})).await;
    world.post("issue/DISP-1/comment", json!({ "body": document("c") })).await;
    assert_eq!(events(&world.sandbox.deliver_webhooks().await), ["comment_created"]);
    assert_eq!(receiver.heard()[0].header("x-hub-signature"), None);
    for url in ["http://example.com/", "https://127.0.0.1/", "http://localhost.example.com/", "nonsense"] {
        let refused = world.sandbox.add_webhook(url, None, &[]).expect_err(url);
        assert!(matches!(refused, Refusal::WebhookUrl { found } if found == url));
    }
}

#[tokio::test]
async fn cloud_tries_again_what_may_succeed_and_the_identifier_stays() {
    let world = World::new().await;
    let receiver = Receiver::new().await;
    world.sandbox.add_webhook(&receiver.url, Some("secret"), &[]).expect("a webhook");
    receiver.answer(&[503, 429, 200]);
    world.issue("a", json!({})).await;
    let delivered = world.sandbox.deliver_webhooks().await;
    assert_eq!(attempts(&delivered), [(1, Some(503)), (2, Some(429)), (3, Some(200))]);
    let heard = receiver.heard();
    let told: Vec<_> = heard
        .iter()
        .map(|heard| {
            (heard.header("x-atlassian-webhook-identifier"), heard.header("x-atlassian-webhook-retry"))
        })
        .collect();
    assert_eq!(told, [(told[0].0, None), (told[0].0, Some("1")), (told[0].0, Some("2"))]);
    assert_eq!(heard[0].body, heard[2].body);

    receiver.answer(&[400]);
    world.issue("b", json!({})).await;
    assert_eq!(attempts(&world.sandbox.deliver_webhooks().await), [(1, Some(400))]);
    receiver.answer(&[500; 10]);
    world.issue("c", json!({})).await;
    assert_eq!(world.sandbox.deliver_webhooks().await.len(), 6, "five retries are all");
}

#[tokio::test]
async fn data_center_never_tries_again_and_names_no_issue_with_a_comment() {
    let world = World::data_center().await;
    let receiver = Receiver::new().await;
    world.sandbox.add_webhook(&receiver.url, Some("secret"), &[]).expect("a webhook");
    receiver.answer(&[503]);
    world.issue("a", json!({})).await;
    assert_eq!(attempts(&world.sandbox.deliver_webhooks().await), [(1, Some(503))]);
    world.post("issue/DISP-1/comment", json!({ "body": "c" })).await;
    world.sandbox.deliver_webhooks().await;
    let comment = receiver.heard()[1].json();
    assert_eq!((&comment["comment"]["body"], comment.get("issue")), (&json!("c"), None));
    assert_eq!(comment["comment"]["author"]["name"], "disputebot");
    assert_eq!(receiver.heard()[1].header("x-atlassian-webhook-flow"), None);
}

#[tokio::test]
async fn mischief_comes_as_planned() {
    let world = World::new().await;
    let receiver = Receiver::new().await;
    world.sandbox.add_webhook(&receiver.url, Some("secret"), &["jira:issue_created"]).expect("a webhook");
    let plan = [
        Mischief::Late,
        Mischief::Doubled,
        Mischief::Reordered,
        Mischief::None,
        Mischief::Dropped,
        Mischief::Forged,
    ];
    world.sandbox.script_webhooks(&plan);
    assert_eq!(world.sandbox.leftovers().len(), 5);
    for name in ["late", "doubled", "reordered", "plain", "dropped", "forged"] {
        world.issue(name, json!({})).await;
    }
    assert_eq!(world.sandbox.leftovers(), Vec::<String>::new());
    let delivered = world.sandbox.deliver_webhooks().await;
    let heard = receiver.heard();
    let summaries: Vec<String> = heard
        .iter()
        .map(|heard| heard.json()["issue"]["fields"]["summary"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(summaries, ["doubled", "doubled", "plain", "reordered", "forged", "forged", "late"]);
    assert_eq!(delivered[0].identifier, delivered[1].identifier);
    let forged: Vec<bool> = delivered.iter().map(|delivery| delivery.is_forged).collect();
    assert_eq!(forged, [false, false, false, false, true, false, false]);
    assert_ne!(heard[4].header("x-hub-signature"), heard[5].header("x-hub-signature"));
    assert_ne!(delivered[4].identifier, delivered[5].identifier);
    assert_eq!(heard[6].header("x-atlassian-webhook-flow"), Some("Secondary"));
}

#[tokio::test]
async fn the_same_seed_brings_the_same_mischief() {
    let mut stories = Vec::new();
    for seed in [7, 7, 8] {
        let world = World::new().await;
        let receiver = Receiver::new().await;
        world.sandbox.add_webhook(&receiver.url, None, &["jira:issue_created"]).expect("a webhook");
        world.sandbox.set_webhook_chaos(seed, 60);
        for number in 0..20 {
            world.issue(&format!("{number}"), json!({})).await;
        }
        let delivered = world.sandbox.deliver_webhooks().await;
        stories.push(delivered.into_iter().map(|delivery| delivery.identifier).collect::<Vec<_>>());
    }
    assert_eq!(stories[0], stories[1]);
    assert_ne!(stories[0], stories[2]);
}

#[tokio::test]
async fn deliveries_go_by_themselves_once_they_are_let() {
    let world = World::new().await;
    let receiver = Receiver::new().await;
    world.sandbox.add_webhook(&receiver.url, None, &[]).expect("a webhook");
    world.issue("a", json!({})).await;
    world.sandbox.set_webhooks_flow(true);
    world.issue("b", json!({})).await;
    let both = async {
        while receiver.heard().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("both deliveries");
    assert_eq!(world.sandbox.waiting_webhooks(), 0);
    world.sandbox.stop().await;
}

#[tokio::test]
async fn a_script_says_what_happens_to_deliveries() {
    let world = World::new().await;
    let receiver = Receiver::new().await;
    world.sandbox.add_webhook(&receiver.url, None, &["jira:issue_created"]).expect("a webhook");
    let script = "[[webhook]]\nmischief = \"late\"\n[[webhook]]\nmischief = \"doubled\"\n\
                  [[webhook]]\nmischief = \"dropped\"\n[[webhook]]\nmischief = \"reordered\"\n";
    world.sandbox.play(Script::read(script).expect("a readable script")).expect("a script that can be");
    for summary in ["late", "doubled", "dropped", "reordered", "well"] {
        world.issue(summary, json!({})).await;
    }
    world.sandbox.deliver_webhooks().await;
    let heard: Vec<Value> =
        receiver.heard().iter().map(|heard| heard.json()["issue"]["fields"]["summary"].clone()).collect();
    assert_eq!(heard, ["doubled", "doubled", "well", "reordered", "late"]);
    assert_eq!(world.sandbox.leftovers(), Vec::<String>::new());
    let chaos = "[[webhook]]\nseed = 1\nrate = 100\n";
    world.sandbox.play(Script::read(chaos).expect("a readable script")).expect("a script that can be");
    for _ in 0..10 {
        world.issue("any", json!({})).await;
    }
    let told = world.sandbox.deliver_webhooks().await;
    assert!(told.iter().any(|told| told.is_forged) || told.len() != 10, "{told:?}");
}
