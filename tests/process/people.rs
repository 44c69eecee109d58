//! People win: what they write, close and mute stays so.

use disputebot::sandbox::User;
use serde_json::{Value, json};

use crate::world::{World, disputes};

/// A person who uses the REST API.
pub(crate) async fn person(world: &World, method: &str, path: &str, body: Value) {
    let user = User::analyst();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .request(method.parse().unwrap(), format!("{}{path}", world.sandbox.base_url()))
        .basic_auth(&user.email, Some(&user.token))
        .json(&body)
        .send()
        .await
        .unwrap();
    let status = response.status();
    assert!(status.is_success(), "{method} {path}: {status} {}", response.text().await.unwrap());
}

fn paragraph(text: &str) -> Value {
    json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] })
}

/// More units on every dispute, so that every ticket has something to say.
fn changed() -> Vec<disputebot::generate::Record> {
    let mut rows = disputes();
    for row in &mut rows {
        "2027-01-31".clone_into(&mut row.due_at);
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_outside_the_block_survive_and_the_block_goes_on() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let issue = world.sandbox.issues()[0].clone();
    let mut description = issue["fields"]["description"].clone();
    let content = description["content"].as_array_mut().unwrap();
    content.insert(0, paragraph("above, by a person"));
    content.push(paragraph("below, by a person"));
    let path = format!("/rest/api/3/issue/{}", issue["id"].as_str().unwrap());
    person(&world, "PUT", &path, json!({ "fields": { "description": description } })).await;
    world.write_disputes(&changed());
    world.expect(0, &["run"]).await;
    let now = world.sandbox.issues()[0]["fields"]["description"]["content"].as_array().unwrap().clone();
    assert_eq!(now.first(), Some(&paragraph("above, by a person")));
    assert_eq!(now.last(), Some(&paragraph("below, by a person")));
    let all = serde_json::to_string(&now).unwrap();
    assert!(all.contains("2027-01-31"), "the block is up to date: {all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_inside_the_block_survive_and_are_told_of_once() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let issue = world.sandbox.issues()[0].clone();
    let mut description = issue["fields"]["description"].clone();
    description["content"].as_array_mut().unwrap().insert(2, paragraph("inside, by a person"));
    let path = format!("/rest/api/3/issue/{}", issue["id"].as_str().unwrap());
    person(&world, "PUT", &path, json!({ "fields": { "description": description } })).await;
    let edited = world.sandbox.issues()[0]["fields"]["description"].clone();
    world.write_disputes(&changed());
    for _ in 0..2 {
        world.expect(0, &["run"]).await;
        let now = world.sandbox.issues()[0].clone();
        assert_eq!(now["fields"]["description"], edited);
        assert_eq!(now["comments"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_a_person_closed_or_muted_is_left() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    let (closed, muted) = (issues[0].clone(), issues[1].clone());
    let path = |issue: &Value| format!("/rest/api/3/issue/{}", issue["id"].as_str().unwrap());
    let ways: Value = {
        let user = User::analyst();
        let address = format!("{}{}/transitions", world.sandbox.base_url(), path(&closed));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .get(address)
            .basic_auth(&user.email, Some(&user.token))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    let done = ways["transitions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|way| way["to"]["statusCategory"]["key"] == "done")
        .unwrap()["id"]
        .clone();
    let body = json!({ "transition": { "id": done }, "fields": { "resolution": { "name": "Won't Do" } } });
    person(&world, "POST", &format!("{}/transitions", path(&closed)), body).await;
    let body = json!({ "update": { "labels": [{ "add": "disputebot-ignore" }] } });
    person(&world, "PUT", &path(&muted), body).await;
    let muted = world.sandbox.issues()[1].clone();
    world.write_disputes(&changed());
    for _ in 0..2 {
        world.expect(0, &["run"]).await;
        let now = world.sandbox.issues();
        assert_eq!(now[0]["fields"]["status"]["name"], "Done");
        assert_eq!(now[0]["comments"].as_array().unwrap().len(), 1, "said once");
        assert_eq!(now[1], muted);
    }
}
