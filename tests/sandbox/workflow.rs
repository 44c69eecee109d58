//! Transitions and their screens.

use disputebot::sandbox::Workflow;
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

/// What the transitions of an issue lead to: name, category, and whether a resolution is demanded.
async fn offered(world: &World, key: &str) -> Vec<(String, String, bool)> {
    let listed = world.get(&format!("issue/{key}/transitions?expand=transitions.fields")).await.json();
    let told = |transition: &Value| {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let demanded = transition["fields"]["resolution"]["required"] == true;
        (text(&transition["name"]), text(&transition["to"]["statusCategory"]["key"]), demanded)
    };
    listed["transitions"].as_array().expect("transitions").iter().map(told).collect()
}

fn ways(expected: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
    let owned = |(name, category, demanded): &(&str, &str, bool)| {
        ((*name).to_owned(), (*category).to_owned(), *demanded)
    };
    expected.iter().map(owned).collect()
}

#[tokio::test]
async fn every_shape_of_workflow_offers_its_own_ways() {
    for (workflow, first, expected) in [
        (
            Workflow::Plain,
            "Zu erledigen",
            &[("Arbeit beginnen", "indeterminate", false), ("Erledigen", "done", false)][..],
        ),
        (Workflow::Demanding, "未着手", &[("移動", "indeterminate", false), ("移動", "done", true)][..]),
        (Workflow::TwoSteps, "Offen", &[("Prüfen", "indeterminate", false)][..]),
        (Workflow::DeadEnd, "Eingang", &[("Warten", "indeterminate", false)][..]),
    ] {
        let world = World::new().await;
        world.sandbox.set_workflow("DISP", workflow).expect("a project");
        world.issue("a", json!({})).await;
        let issue = world.get("issue/DISP-1").await.json();
        assert_eq!(issue["fields"]["status"]["name"], first);
        assert_eq!(offered(&world, "DISP-1").await, ways(expected), "{workflow:?}");
        assert_eq!(world.keys(&format!("status = \"{first}\"")).await, ["DISP-1"]);
        let foreign = world.post("search/jql", json!({ "jql": "status = \"To Do\"" })).await;
        assert_eq!(foreign.status, 400, "a status that no project has is unknown");
    }
}

#[tokio::test]
async fn a_transition_without_a_screen_leaves_a_done_issue_without_a_resolution() {
    let world = World::new().await;
    world.sandbox.set_workflow("DISP", Workflow::Plain).expect("a project");
    world.issue("a", json!({})).await;
    let with_resolution =
        json!({ "transition": { "id": "21" }, "fields": { "resolution": { "name": "Done" } } });
    assert_eq!(world.post("issue/DISP-1/transitions", with_resolution).await.status, 400);
    world.move_by("DISP-1", "21").await;
    let issue = world.get("issue/DISP-1").await.json();
    assert_eq!(issue["fields"]["status"]["statusCategory"]["key"], "done");
    assert_eq!(issue["fields"]["resolution"], Value::Null);
}

#[tokio::test]
async fn a_long_way_is_walked_step_by_step_and_a_dead_end_has_none() {
    let world = World::new().await;
    world.sandbox.set_workflow("DISP", Workflow::TwoSteps).expect("a project");
    world.issue("a", json!({})).await;
    let close = json!({ "transition": { "id": "91" }, "fields": { "resolution": { "name": "Done" } } });
    assert_eq!(world.post("issue/DISP-1/transitions", close.clone()).await.status, 400, "not from the start");
    world.move_by("DISP-1", "71").await;
    assert_eq!(
        offered(&world, "DISP-1").await,
        ways(&[("Zurückgeben", "new", false), ("Schließen", "done", true)])
    );
    assert_eq!(world.post("issue/DISP-1/transitions", close).await.status, 204);

    world.sandbox.set_workflow("DISP", Workflow::DeadEnd).expect("a project");
    assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["status"]["name"], "Abgelegt");
    world.issue("b", json!({})).await;
    world.move_by("DISP-2", "111").await;
    assert_eq!(offered(&world, "DISP-2").await, ways(&[("Weiter", "new", false)]));
}
