//! What is late: the index behind the world, and writes behind their answer.

use std::time::Duration;

use disputebot::sandbox::{Due, Effect, Fault, Index, Matches, Reply, User};
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, document, new_fields, strings, time};

const ALL: &str = "project = DISP ORDER BY key";

async fn count(world: &World) -> u64 {
    let answer = world.post("search/approximate-count", json!({ "jql": ALL })).await;
    answer.json()["count"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_frozen_index_moves_only_when_it_is_told() {
    let world = World::new().await;
    world.issue("there before", json!({ "labels": ["old"] })).await;
    world.sandbox.set_index(Index::Frozen);
    world.issue("new", json!({})).await;
    world.put("issue/DISP-1", json!({ "update": { "labels": [{ "add": "new" }] } })).await;
    world.post("issue/DISP-1/comment", json!({ "body": document("told") })).await;

    assert_eq!((world.keys(ALL).await, count(&world).await), (vec!["DISP-1".to_owned()], 1));
    assert_eq!(world.keys("project = DISP AND labels = new").await, [""; 0]);
    let stale = world.post("search/jql", json!({ "jql": ALL, "fields": ["labels", "comment"] })).await.json();
    assert_eq!(
        stale["issues"][0]["fields"]["labels"],
        json!(["old"]),
        "a stale issue is stale in all its fields"
    );
    assert_eq!(stale["issues"][0]["fields"]["comment"]["total"], 0);

    world.sandbox.refresh_index();
    assert_eq!((world.keys(ALL).await.len(), count(&world).await), (2, 2));
    assert_eq!(world.keys("project = DISP AND labels = new").await, ["DISP-1"]);
    world.delete("issue/DISP-2").await;
    assert_eq!(world.keys(ALL).await.len(), 2, "what is gone is found until the index knows");
    world.sandbox.set_index(Index::Immediate);
    assert_eq!(world.keys(ALL).await, ["DISP-1"]);
}

#[tokio::test]
async fn strong_reads_are_never_behind() {
    let world = World::new().await;
    world.sandbox.set_index(Index::Frozen);
    world.issue("new", json!({ "labels": ["a"] })).await;
    world.put("issue/DISP-1/properties/mark", json!(1)).await;
    world.post("issue/DISP-1/comment", json!({ "body": document("told") })).await;
    world.put("issue/DISP-1", json!({ "fields": { "labels": ["b"] } })).await;

    assert_eq!(world.keys(ALL).await, [""; 0]);
    assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["labels"], json!(["b"]));
    let bulk = json!({ "issueIdsOrKeys": ["DISP-1"], "fields": ["labels"], "properties": ["mark"] });
    let bulk = world.post("issue/bulkfetch", bulk).await.json();
    assert_eq!(
        (&bulk["issues"][0]["fields"]["labels"], &bulk["issues"][0]["properties"]),
        (&json!(["b"]), &json!({ "mark": 1 }))
    );
    assert_eq!(world.get("issue/DISP-1/properties/mark").await.json()["value"], 1);
    assert_eq!(world.get("issue/DISP-1/comment").await.json()["total"], 1);
}

#[tokio::test]
async fn an_index_that_is_behind_shows_each_issue_as_it_was() {
    let world = World::new().await;
    world.sandbox.set_index(Index::Behind(Duration::from_mins(1)));
    world.issue("first words", json!({})).await;
    world.sandbox.set_clock(time("2026-08-22T06:00:40Z"));
    world.put("issue/DISP-1", json!({ "fields": { "summary": "second words" } })).await;

    for (at, words, found) in [
        ("06:00:59", "first", 0),
        ("06:01:00", "first", 1),
        ("06:01:39", "first", 1),
        ("06:01:40", "first", 0),
        ("06:01:40", "second", 1),
    ] {
        world.sandbox.set_clock(time(&format!("2026-08-22T{at}Z")));
        let keys = world.keys(&format!("project = DISP AND summary ~ {words}")).await;
        assert_eq!(keys.len(), found, "{at} {words}");
    }
}

#[tokio::test]
async fn reconciled_issues_are_fresh_for_that_search_only() {
    let world = World::new().await;
    world.sandbox.set_index(Index::Frozen);
    world.issue("a", json!({ "labels": ["x"] })).await;
    world.issue("b", json!({ "labels": ["x"] })).await;
    let jql = "project = DISP AND labels = x";
    let found = async |ids: Value| {
        let body = json!({ "jql": jql, "fields": ["key"], "reconcileIssues": ids });
        strings(&world.post("search/jql", body).await.json()["issues"], "key")
    };
    assert_eq!(found(json!([10_002])).await, ["DISP-2"]);
    assert_eq!(found(json!([10_001, 10_002])).await, ["DISP-2", "DISP-1"]);
    assert_eq!(found(json!([])).await, [""; 0]);
    world.put("issue/DISP-1", json!({ "fields": { "labels": [] } })).await;
    assert_eq!(found(json!([10_001])).await, [""; 0], "a fresh issue must still match");
    let by_query =
        world.get("search/jql?jql=labels%20%3D%20x&fields=key&reconcileIssues=10001,10002").await.json();
    assert_eq!(strings(&by_query["issues"], "key"), ["DISP-2"]);
    for refused in [json!(["DISP-1"]), json!("10001"), json!((0..51).collect::<Vec<_>>())] {
        let body = json!({ "jql": jql, "reconcileIssues": refused });
        assert_eq!(world.post("search/jql", body).await.status, 400);
    }
}

#[tokio::test]
async fn a_flickering_index_may_forget_what_it_gave_and_finds_it_again() {
    let seed = 7;
    let story = async |seed: u64| {
        let world = World::new().await;
        world.issue("a", json!({})).await;
        world.issue("b", json!({})).await;
        world.sandbox.set_index_flicker(seed, 50);
        assert_eq!(world.keys(ALL).await.len(), 2, "what no search gave cannot be forgotten");
        let mut story = Vec::new();
        for _ in 0..20 {
            story.push(world.keys(ALL).await);
        }
        let body = json!({ "jql": ALL, "fields": ["key"], "reconcileIssues": [10_001, 10_002] });
        for _ in 0..10 {
            assert_eq!(
                world.post("search/jql", body.clone()).await.json()["issues"].as_array().map(Vec::len),
                Some(2)
            );
        }
        world.sandbox.set_index_flicker(seed, 0);
        assert_eq!(world.keys(ALL).await.len(), 2);
        story
    };
    let told = story(seed).await;
    assert_eq!(told, story(seed).await, "seed {seed}");
    let sizes: Vec<usize> = told.iter().map(Vec::len).collect();
    assert!(sizes.contains(&2) && sizes.iter().any(|size| *size < 2), "seed {seed}: {sizes:?}");
}

fn late(method: &str, suffix: &str, reply: Reply, due: Due) -> Fault {
    let matches = Matches::Ending { method: method.to_owned(), suffix: suffix.to_owned() };
    Fault { nth: 1, matches, effect: Effect::Late { reply, due } }
}

#[tokio::test]
async fn late_writes_of_every_kind_take_effect_when_released_and_not_before() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let create = json!({ "fields": new_fields("late", json!({})) });
    let writes = [
        (Method::POST, "issue", create),
        (Method::POST, "issue/DISP-1/comment", json!({ "body": document("late") })),
        (Method::PUT, "issue/DISP-1", json!({ "fields": { "summary": "late" } })),
        (Method::POST, "issue/DISP-1/transitions", json!({ "transition": { "id": "11" } })),
    ];
    for (method, path, body) in writes {
        world.sandbox.inject(late(method.as_str(), path, Reply::Close, Due::Released));
        assert!(world.signed(&User::bot(), method, path).json(&body).send().await.is_err(), "{path}");
    }
    let before = &world.sandbox.issues()[0];
    assert_eq!((&before["fields"]["summary"], &before["comments"]), (&json!("a"), &json!([])));
    assert_eq!((world.sandbox.issues().len(), world.sandbox.late_writes()), (1, 4));
    world.issue("made meanwhile", json!({})).await;

    assert_eq!(world.sandbox.release_late(), [201, 201, 204, 204]);
    let issues = world.sandbox.issues();
    assert_eq!(issues[0]["fields"]["summary"], "late");
    assert_eq!(issues[0]["fields"]["status"]["name"], "In Progress");
    assert_eq!(issues[0]["comments"][0]["body"], document("late"));
    assert_eq!((&issues[2]["key"], &issues[2]["fields"]["summary"]), (&json!("DISP-3"), &json!("late")));
    assert_eq!(world.sandbox.release_late(), [0_u16; 0]);
}

#[tokio::test]
async fn a_late_write_takes_effect_at_its_time_and_by_the_set_clock() {
    let world = World::new().await;
    let due = Due::After(Duration::from_secs(90));
    world.sandbox.set_index(Index::Behind(Duration::from_mins(1)));
    world.sandbox.inject(late("POST", "/issue", Reply::Hang, due));
    let body = json!({ "fields": new_fields("late", json!({})) });
    let hanging = tokio::spawn(world.signed(&User::bot(), Method::POST, "issue").json(&body).send());
    world.sandbox.reached().await;
    hanging.abort();

    world.sandbox.set_clock(time("2026-08-22T06:01:29Z"));
    assert_eq!(world.get("issue/DISP-1").await.status, 404);
    world.sandbox.set_clock(time("2026-08-22T06:02:29Z"));
    let issue = world.get("issue/DISP-1").await.json();
    assert_eq!(issue["fields"]["created"], "2026-08-22T06:01:30.000+0000");
    assert_eq!(world.keys(ALL).await, [""; 0], "the index counts from when it took effect");
    world.sandbox.set_clock(time("2026-08-22T06:02:30Z"));
    assert_eq!(world.keys(ALL).await, ["DISP-1"]);
}

#[tokio::test]
async fn a_late_write_may_come_after_the_refusal_of_a_gateway_and_may_be_refused_itself() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let reply = Reply::Answer { status: 504, headers: Vec::new(), body: String::new() };
    world.sandbox.inject(late("POST", "/transitions", reply, Due::Released));
    let body = json!({ "transition": { "id": "11" } });
    assert_eq!(world.post("issue/DISP-1/transitions", body).await.status, 504);
    assert_eq!(world.sandbox.requests().last().and_then(|found| found.status), Some(504));
    world.close("DISP-1").await;
    assert_eq!(world.sandbox.release_late(), [400]);
    assert_eq!(world.sandbox.issues()[0]["fields"]["status"]["name"], "Done");
}
