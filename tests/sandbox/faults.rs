//! Faults, and many requests at once.

use disputebot::sandbox::{Effect, Fault, Matches, User};
use regex::Regex;
use reqwest::Method;
use serde_json::json;

use super::{World, new_fields};

fn fault(nth: usize, effect: Effect) -> Fault {
    Fault { nth, matches: Matches::Writes, effect }
}

#[tokio::test]
async fn a_closed_connection_before_the_commit_leaves_nothing_and_after_it_everything() {
    for (effect, issues) in [(Effect::CloseBeforeCommit, 0), (Effect::CloseAfterCommit, 1)] {
        let world = World::new().await;
        world.sandbox.inject(fault(1, effect.clone()));
        let body = json!({ "fields": new_fields("a", json!({})) });
        let sent = world.signed(&User::bot(), Method::POST, "issue").json(&body).send().await;
        assert!(sent.is_err(), "{effect:?}");
        assert_eq!(world.sandbox.issues().len(), issues, "{effect:?}");
        assert_eq!(world.sandbox.requests()[0].status, None);
        world.issue("the fault is used up", json!({})).await;
    }
}

#[tokio::test]
async fn a_hanging_request_is_told_and_ends_when_the_client_goes_away() {
    for (effect, issues) in [(Effect::HangBeforeCommit, 0), (Effect::HangAfterCommit, 1)] {
        let world = World::new().await;
        world.sandbox.inject(fault(1, effect.clone()));
        let body = json!({ "fields": new_fields("a", json!({})) });
        let request = world.signed(&User::bot(), Method::POST, "issue").json(&body);
        let hanging = tokio::spawn(request.send());
        world.sandbox.reached().await;
        assert!(!hanging.is_finished(), "{effect:?}");
        hanging.abort();
        assert!(hanging.await.is_err_and(|error| error.is_cancelled()));
        assert_eq!(world.sandbox.issues().len(), issues, "{effect:?}");
        world.sandbox.stop().await;
    }
}

#[tokio::test]
async fn stopping_cuts_a_hanging_request() {
    let world = World::new().await;
    world.sandbox.inject(fault(1, Effect::HangBeforeCommit));
    let request = world.signed(&User::bot(), Method::DELETE, "issue/DISP-1");
    let hanging = tokio::spawn(request.send());
    world.sandbox.reached().await;
    world.sandbox.clone().stop().await;
    assert!(hanging.await.expect("a finished task").is_err());
}

#[tokio::test]
async fn a_told_answer_replaces_the_request_or_follows_it() {
    let world = World::new().await;
    let headers =
        vec![("Retry-After".to_owned(), "7".to_owned()), ("Content-Type".to_owned(), "text/html".to_owned())];
    let body = "<html>slow down</html>".to_owned();
    world.sandbox.inject(Fault {
        nth: 2,
        matches: Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() },
        effect: Effect::Answer { status: 429, headers: headers.clone(), body: body.clone() },
    });
    world.sandbox.inject(Fault {
        nth: 1,
        matches: Matches::Like {
            method: "PUT".to_owned(),
            path: Regex::new(r"/issue/[^/]+$").expect("a sound pattern"),
        },
        effect: Effect::AnswerAfterCommit { status: 503, headers, body },
    });
    world.issue("first", json!({})).await;
    let refused = world.post("issue", json!({ "fields": new_fields("second", json!({})) })).await;
    assert_eq!((refused.status, refused.text.as_str()), (429, "<html>slow down</html>"));
    assert_eq!(refused.headers["retry-after"], "7");
    assert_eq!(refused.headers["content-type"], "text/html");
    assert!(!refused.headers.contains_key("x-aaccountid"));
    let lost = world.put("issue/DISP-1", json!({ "fields": { "summary": "done all the same" } })).await;
    assert_eq!(lost.status, 503);

    let issues = world.sandbox.issues();
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0]["fields"]["summary"], "done all the same");
    let told: Vec<Option<u16>> = world.sandbox.requests().iter().map(|found| found.status).collect();
    assert_eq!(told, [Some(201), Some(429), Some(503)]);
}

#[tokio::test]
async fn writes_at_the_same_time_get_keys_of_their_own() {
    let world = World::new().await;
    let requests = (0..20).map(|number| {
        let body = json!({ "fields": new_fields(&format!("number {number}"), json!({})) });
        tokio::spawn(world.signed(&User::bot(), Method::POST, "issue").json(&body).send())
    });
    for request in requests.collect::<Vec<_>>() {
        assert_eq!(request.await.expect("a task").expect("an answer").status().as_u16(), 201);
    }
    let mut keys = world.keys("project = DISP ORDER BY key").await;
    keys.dedup();
    assert_eq!((keys.len(), keys.last().map(String::as_str)), (20, Some("DISP-20")));
}

#[tokio::test]
async fn in_a_conflict_the_edit_of_somebody_else_comes_first_and_ones_own_leaves_nothing() {
    for world in [World::new().await, World::data_center().await] {
        world.issue("mine", json!({ "labels": ["a"] })).await;
        world.sandbox.inject(fault(1, Effect::Conflict));
        let edit = || world.put("issue/DISP-1", json!({ "fields": { "summary": "changed" } }));
        let refused = edit().await;
        assert_eq!(refused.status, 409);
        assert!(refused.json()["errorMessages"][0].is_string());
        let issue = world.sandbox.issues().remove(0);
        assert_eq!(issue["fields"]["summary"], "mine");
        assert_eq!(issue["fields"]["labels"], json!(["a", "edited-first"]));
        assert_eq!(issue["history"][0]["author"]["displayName"], "Example Analyst");
        assert_eq!(edit().await.status, 204, "the fault is used up");
    }
}
