//! Links to things outside of Jira.

use serde_json::{Value, json};

use super::{World, strings};

fn link(title: &str, more: Value) -> Value {
    let mut body = json!({ "object": { "url": "https://example.com/", "title": title } });
    if let Value::Object(more) = more {
        body.as_object_mut().expect("an object").extend(more);
    }
    body
}

#[tokio::test]
async fn a_link_of_the_same_global_id_is_replaced_whole() {
    for (world, created) in [(World::new().await, 201), (World::data_center().await, 200)] {
        world.issue("a", json!({})).await;
        let first = link("one", json!({ "globalId": "g", "relationship": "comes from" }));
        let made = world.post("issue/DISP-1/remotelink", first).await;
        assert_eq!(made.status, created);
        let again = world.post("issue/DISP-1/remotelink", link("two", json!({ "globalId": "g" }))).await;
        assert_eq!((again.status, &again.json()["id"]), (200, &made.json()["id"]));
        let read = world.get("issue/DISP-1/remotelink?globalId=g").await.json();
        assert_eq!((&read["object"]["title"], read.get("relationship")), (&json!("two"), None));
        for _ in 0..2 {
            world.post("issue/DISP-1/remotelink", link("anonymous", json!({}))).await;
        }
        let all = world.get("issue/DISP-1/remotelink").await.json();
        assert_eq!(all.as_array().map(Vec::len), Some(3), "without a global id each repeat adds another");

        let path = format!("issue/DISP-1/remotelink/{}", made.json()["id"]);
        assert_eq!(world.put(&path, link("three", json!({ "globalId": "h" }))).await.status, 204);
        assert_eq!(world.get(&path).await.json()["object"]["title"], "three");
        assert_eq!(world.delete("issue/DISP-1/remotelink?globalId=g").await.status, 404);
        assert_eq!(world.delete("issue/DISP-1/remotelink?globalId=h").await.status, 204);
        assert_eq!(world.get(&path).await.status, 404);
        assert_eq!(world.sandbox.issues()[0]["remoteLinks"].as_array().map(Vec::len), Some(2));
    }
}

#[tokio::test]
async fn a_link_has_a_title_and_an_address() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let bare = world.post("issue/DISP-1/remotelink", json!({ "object": {} })).await;
    assert_eq!(bare.status, 400);
    assert_eq!(
        bare.json()["errors"],
        json!({ "title": "'title' is required.", "url": "'url' is required." })
    );
    let long = link("a", json!({ "globalId": "g".repeat(256) }));
    assert_eq!(world.post("issue/DISP-1/remotelink", long).await.status, 400);
    let links = world.get("issue/DISP-1/remotelink").await.json();
    assert_eq!(strings(&links, "self"), Vec::<String>::new());
}
