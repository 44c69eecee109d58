//! Transitions and their screens.

use serde_json::{Value, json};

use super::{World, document, strings};

#[tokio::test]
async fn the_workflow_leads_from_to_do_to_done_and_back() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let names =
        || async { strings(&world.get("issue/DISP-1/transitions").await.json()["transitions"], "name") };
    assert_eq!(names().await, ["Start work", "Close"]);
    world.move_by("DISP-1", "11").await;
    assert_eq!(names().await, ["Stop work", "Ask for review", "Close"]);
    world.move_by("DISP-1", "31").await;
    assert_eq!(names().await, ["Send back", "Close"]);
    world.close("DISP-1").await;
    assert_eq!(names().await, ["Reopen"]);

    let closed = world.get("issue/DISP-1").await.json();
    assert_eq!(closed["fields"]["resolution"]["name"], "Done");
    assert_eq!(closed["fields"]["resolutiondate"], "2026-08-22T06:00:00.000+0000");
    world.move_by("DISP-1", "61").await;
    let reopened = world.get("issue/DISP-1?expand=changelog").await.json();
    assert_eq!(reopened["fields"]["status"]["name"], "To Do");
    assert_eq!(reopened["fields"]["resolution"], Value::Null);
    assert_eq!(reopened["fields"]["resolutiondate"], Value::Null);
    assert_eq!(strings(&reopened["changelog"]["histories"][0]["items"], "field"), ["status", "resolution"]);
}

#[tokio::test]
async fn a_transition_takes_the_fields_of_its_screen_only() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let listed = world.get("issue/DISP-1/transitions?expand=transitions.fields").await.json();
    let close = &listed["transitions"][1];
    assert_eq!(
        (&close["hasScreen"], &close["fields"]["resolution"]["required"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(listed["transitions"][0]["fields"], json!({}));

    let transition = |body: Value| {
        let world = &world;
        async move { world.post("issue/DISP-1/transitions", body).await }
    };
    let resolution = json!({ "name": "Done" });
    for (body, field) in [
        (json!({ "transition": { "id": "51" } }), "resolution"),
        (
            json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Nope" } } }),
            "resolution",
        ),
        (
            json!({ "transition": { "id": "51" }, "fields": { "resolution": resolution, "summary": "x" } }),
            "summary",
        ),
        (json!({ "transition": { "id": "11" }, "fields": { "resolution": resolution } }), "resolution"),
    ] {
        let answer = transition(body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["errors"][field].is_string(), "{body}: {}", answer.text);
    }
    for body in [json!({ "transition": { "id": "61" } }), json!({ "transition": { "id": "x" } }), json!({})] {
        let answer = transition(body.clone()).await;
        assert_eq!((answer.status, &answer.json()["errors"]), (400, &json!({})), "{body}");
    }
    let commented = json!({ "transition": { "id": "11" },
                            "update": { "comment": [{ "add": { "body": document("on it") } }] } });
    assert_eq!(transition(commented).await.status, 204);
    let issue = &world.sandbox.issues()[0];
    assert_eq!(issue["fields"]["status"]["name"], "In Progress");
    assert_eq!(issue["comments"][0]["body"], document("on it"));
}
