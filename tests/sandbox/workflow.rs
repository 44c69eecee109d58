//! Transitions and their screens.

use disputebot::sandbox::{Permission, User, Workflow};
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
        (Workflow::Loops, "Triage", &[("Ask the supplier", "indeterminate", false)][..]),
        (Workflow::Decoy, "Open", &[("Done", "new", false), ("Take up", "indeterminate", false)][..]),
        (Workflow::Asking, "Neu", &[("Klären", "indeterminate", false)][..]),
        (Workflow::Conditional, "受付", &[("着手", "indeterminate", false)][..]),
        (
            Workflow::TwoEnds,
            "Received",
            &[("Check", "indeterminate", false), ("Reject", "done", false), ("Take up again", "new", false)]
                [..],
        ),
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

#[tokio::test]
async fn the_way_past_a_loop_is_three_steps_long() {
    let world = World::new().await;
    world.sandbox.set_workflow("DISP", Workflow::Loops).expect("a project");
    world.issue("a", json!({})).await;
    world.move_by("DISP-1", "201").await;
    assert_eq!(
        offered(&world, "DISP-1").await,
        ways(&[("Supplier answered", "indeterminate", false), ("Back to triage", "new", false)])
    );
    world.move_by("DISP-1", "202").await;
    world.move_by("DISP-1", "203").await;
    world.move_by("DISP-1", "202").await;
    world.move_by("DISP-1", "205").await;
    assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["status"]["name"], "Settled");
}

#[tokio::test]
async fn a_transition_named_done_may_lead_nowhere() {
    let world = World::new().await;
    world.sandbox.set_workflow("DISP", Workflow::Decoy).expect("a project");
    world.issue("a", json!({})).await;
    let listed = world.get("issue/DISP-1/transitions").await.json();
    assert_eq!(
        (&listed["transitions"][0]["looped"], &listed["transitions"][1]["looped"]),
        (&json!(true), &json!(false))
    );
    world.move_by("DISP-1", "301").await;
    world.move_by("DISP-1", "303").await;
    world.move_by("DISP-1", "302").await;
    assert_eq!(
        offered(&world, "DISP-1").await,
        ways(&[("Done", "indeterminate", false), ("File away", "done", false)])
    );
    world.move_by("DISP-1", "304").await;
    assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["status"]["statusCategory"]["key"], "done");
}

#[tokio::test]
async fn a_screen_may_demand_a_custom_field() {
    for world in [World::new().await, World::data_center().await] {
        world.sandbox.set_workflow("DISP", Workflow::Asking).expect("a project");
        world.issue("a", json!({})).await;
        world.move_by("DISP-1", "401").await;
        let listed = world.get("issue/DISP-1/transitions?expand=transitions.fields").await.json();
        let fields = listed["transitions"][0]["fields"].as_object().expect("fields");
        let demanded: Vec<&str> =
            fields.iter().filter(|(_, field)| field["required"] == true).map(|(id, _)| id.as_str()).collect();
        assert_eq!(demanded, ["customfield_10099", "resolution"]);
        assert_eq!(fields.len(), 4);
        assert_eq!(
            strings(&fields["customfield_10099"]["allowedValues"], "value"),
            ["Daten", "Vertrag", "Unbekannt"]
        );

        let resolution = json!({ "resolution": { "name": "Done" } });
        let close = |fields: Value| json!({ "transition": { "id": "402" }, "fields": fields });
        let refused = world.post("issue/DISP-1/transitions", close(resolution)).await;
        assert_eq!(
            (refused.status, refused.json()["errors"].clone()),
            (400, json!({ "customfield_10099": "Ursache is required." }))
        );
        let whole = json!({
            "resolution": { "name": "Done" }, "customfield_10099": { "value": "Daten" }, "duedate": "2026-09-01" });
        assert_eq!(world.post("issue/DISP-1/transitions", close(whole)).await.status, 204);
        let issue = world.get("issue/DISP-1").await.json();
        assert_eq!(issue["fields"]["customfield_10099"]["value"], "Daten");
        assert_eq!(issue["fields"]["duedate"], "2026-09-01");
    }
}

#[tokio::test]
async fn a_condition_hides_the_way_until_it_holds() {
    let world = World::new().await;
    world.sandbox.set_workflow("DISP", Workflow::Conditional).expect("a project");
    world.issue("a", json!({})).await;
    world.move_by("DISP-1", "501").await;
    assert_eq!(offered(&world, "DISP-1").await, ways(&[]));
    let body = json!({ "transition": { "id": "502" } });
    assert_eq!(world.post("issue/DISP-1/transitions", body).await.status, 400);
    let assignee = json!({ "fields": { "assignee": { "accountId": User::analyst().account_id } } });
    assert_eq!(world.put("issue/DISP-1", assignee).await.status, 204);
    assert_eq!(offered(&world, "DISP-1").await, ways(&[("終了する", "done", false)]));
    let listed = world.get("issue/DISP-1/transitions").await.json();
    assert_eq!(listed["transitions"][0]["isConditional"], true);
    world.move_by("DISP-1", "502").await;
}

#[tokio::test]
async fn a_resolution_is_kept_where_the_screen_has_one_only() {
    let world = World::new().await;
    world.sandbox.set_workflow("DISP", Workflow::TwoEnds).expect("a project");
    world.issue("rejected", json!({})).await;
    world.issue("paid", json!({})).await;
    let move_with = async |key: &str, id: &str| {
        let fields = json!({ "resolution": { "name": "Done" } });
        let body = json!({ "transition": { "id": id }, "fields": fields });
        world.post(&format!("issue/{key}/transitions"), body).await.status
    };
    assert_eq!(move_with("DISP-1", "602").await, 400);
    world.move_by("DISP-1", "602").await;
    world.move_by("DISP-2", "601").await;
    assert_eq!(move_with("DISP-2", "603").await, 204);
    let resolution =
        async |key: &str| world.get(&format!("issue/{key}")).await.json()["fields"]["resolution"].clone();
    assert_eq!(resolution("DISP-1").await, Value::Null);
    assert_eq!(resolution("DISP-2").await["name"], "Done");
    assert_eq!(world.keys("statusCategory = Done").await, ["DISP-2", "DISP-1"]);
    let global = world.get("issue/DISP-2/transitions").await.json();
    assert_eq!(
        (&global["transitions"][0]["name"], &global["transitions"][0]["isGlobal"]),
        (&json!("Take up again"), &json!(true))
    );
}

#[tokio::test]
async fn without_the_permission_there_is_no_way_at_all() {
    let world = World::new().await;
    for workflow in Workflow::ALL {
        world.sandbox.set_workflow("DISP", workflow).expect("a project");
        let key = world.issue("a", json!({})).await;
        assert!(!offered(&world, &key).await.is_empty(), "{workflow:?}");
        world.sandbox.forbid(&User::bot(), Permission::Transition);
        assert_eq!(offered(&world, &key).await, ways(&[]), "{workflow:?}");
        world.sandbox.allow(&User::bot(), Permission::Transition);
    }
}
