//! What people and administrators do, and what a bot then sees.

use disputebot::sandbox::{CustomField, FieldKind, Index, Mandatory, Permission, Refusal, User};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, World, document, new_fields, strings};

const GONE: &str = "Issue does not exist or you do not have permission to see it.";

async fn as_person(world: &World, method: Method, path: &str, body: Value) -> Answer {
    world.send(world.signed(&User::analyst(), method, path).json(&body)).await
}

/// The keys that a bulk read gives for ids or keys.
async fn bulk(world: &World, wanted: Value) -> Vec<String> {
    let body = json!({ "issueIdsOrKeys": wanted, "fields": ["summary"] });
    strings(&world.post("issue/bulkfetch", body).await.json()["issues"], "key")
}

async fn assert_gone(world: &World, key: &str) {
    for path in ["", "/comment", "/properties/mark", "/transitions", "/changelog", "/editmeta"] {
        let answer = world.get(&format!("issue/{key}{path}")).await;
        assert_eq!((answer.status, &answer.json()["errorMessages"][0]), (404, &json!(GONE)), "{path}");
    }
    let edit = json!({ "fields": { "summary": "x" } });
    assert_eq!(world.put(&format!("issue/{key}"), edit).await.status, 404);
    assert_eq!(bulk(world, json!([key])).await, [""; 0]);
    assert_eq!(world.keys("labels = mark").await, [""; 0]);
    let by_key = world.post("search/jql", json!({ "jql": format!("key = {key}") })).await;
    assert_eq!(by_key.status, 400, "its key is unknown to queries");
}

#[tokio::test]
async fn a_moved_issue_keeps_its_id_and_its_old_keys_lead_to_it() {
    let world = World::new().await;
    world.sandbox.add_project("ELSE", "Elsewhere").expect("a new project");
    world.issue("wanders", json!({ "labels": ["mark"] })).await;
    world.put("issue/DISP-1/properties/mark", json!(1)).await;
    let person = world.sandbox.person(&User::analyst());
    assert_eq!(person.move_issue("DISP-1", "ELSE").expect("a move"), "ELSE-1");

    for name in ["DISP-1", "disp-1", "ELSE-1", "10001"] {
        let issue = world.get(&format!("issue/{name}?properties=mark")).await.json();
        assert_eq!((&issue["id"], &issue["key"]), (&json!("10001"), &json!("ELSE-1")), "{name}");
        assert_eq!(
            (&issue["properties"]["mark"], &issue["fields"]["project"]["key"]),
            (&json!(1), &json!("ELSE"))
        );
    }
    assert_eq!(bulk(&world, json!(["DISP-1", "ELSE-1", "10001"])).await, ["ELSE-1"]);
    assert_eq!(world.keys("project = DISP").await, [""; 0]);
    assert_eq!(world.keys("project = ELSE AND labels = mark").await, ["ELSE-1"]);
    assert_eq!(world.keys("key = DISP-1").await, ["ELSE-1"]);
    let moved = &world.sandbox.issues()[0]["history"][0];
    assert_eq!(strings(&moved["items"], "field"), ["project", "Key"]);
    assert_eq!(moved["author"]["accountId"], User::analyst().account_id);
    assert_eq!(
        world.issue("next", json!({})).await,
        "DISP-2",
        "the number of a moved issue is not given again"
    );
    assert!(matches!(person.move_issue("DISP-1", "NOPE"), Err(Refusal::NoProject { .. })));
    assert!(matches!(person.move_issue("DISP-9", "ELSE"), Err(Refusal::NoIssue { .. })));
}

#[tokio::test]
async fn a_bulk_move_is_a_task() {
    let world = World::new().await;
    world.sandbox.add_project("ELSE", "Elsewhere").expect("a new project");
    world.issue("wanders", json!({})).await;
    let sources = json!({ "issueIdsOrKeys": ["DISP-1", "DISP-9"], "inferFieldDefaults": true });
    let body = json!({ "targetToSourcesMapping": { "ELSE,10001": sources } });
    let started = as_person(&world, Method::POST, "bulk/issues/move", body).await;
    assert_eq!(started.status, 201);
    let id = started.json()["taskId"].as_str().expect("an id").to_owned();
    let task = world.get(&format!("bulk/queue/{id}")).await.json();
    assert_eq!((&task["status"], &task["processedAccessibleIssues"]), (&json!("COMPLETE"), &json!([10_001])));
    assert_eq!(task["invalidOrInaccessibleIssueCount"], 1);
    assert_eq!(world.get("issue/DISP-1").await.json()["key"], "ELSE-1");
}

#[tokio::test]
async fn a_renamed_project_renames_its_issues_and_every_old_key_leads_to_them() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    world.sandbox.rename_project("DISP", "MID").expect("a free key");
    world.sandbox.allow(&User::analyst(), Permission::AdministerJira);
    let refused = world.put("project/MID", json!({ "key": "NEW" })).await;
    assert_eq!(refused.status, 403, "renaming is for administrators");
    assert_eq!(as_person(&world, Method::PUT, "project/MID", json!({ "key": "NEW" })).await.status, 200);

    for key in ["DISP-1", "MID-1", "NEW-1"] {
        assert_eq!(world.get(&format!("issue/{key}")).await.json()["key"], "NEW-1", "{key}");
    }
    for project in ["DISP", "MID", "NEW", "10000"] {
        assert_eq!(world.get(&format!("project/{project}")).await.json()["key"], "NEW", "{project}");
        assert_eq!(world.keys(&format!("project = {project}")).await, ["NEW-1"], "{project}");
    }
    assert_eq!(world.issue("b", json!({})).await, "NEW-2", "the old key of the project still creates");
    assert!(matches!(world.sandbox.add_project("DISP", "Thief"), Err(Refusal::ProjectKey { .. })));
    world.sandbox.rename_project("NEW", "DISP").expect("its own old key");
    assert_eq!(world.get("issue/NEW-2").await.json()["key"], "DISP-2");
}

#[tokio::test]
async fn a_deleted_an_archived_and_a_hidden_issue_look_the_same() {
    let world = World::new().await;
    let person = world.sandbox.person(&User::analyst());
    let create = async || {
        let key = world.issue("vanishes", json!({ "labels": ["mark"] })).await;
        world.put(&format!("issue/{key}/properties/mark"), json!(1)).await;
        key
    };
    let deleted = create().await;
    person.delete(&deleted).expect("a delete");
    assert_gone(&world, &deleted).await;
    let archived = create().await;
    person.archive(&archived).expect("an archival");
    assert_gone(&world, &archived).await;
    let hidden = create().await;
    person.hide(&hidden).expect("a level");
    assert_gone(&world, &hidden).await;

    let seen = as_person(&world, Method::GET, &format!("issue/{hidden}"), Value::Null).await;
    assert_eq!(seen.status, 200, "the person is in the security level");
    person.unhide(&hidden).expect("no level");
    assert_eq!(world.get(&format!("issue/{hidden}")).await.status, 200);
    person.unarchive(&archived).expect("brought back");
    assert_eq!(world.keys("labels = mark").await, [hidden, archived]);
}

#[tokio::test]
async fn who_may_see_an_issue_is_never_behind_but_its_archival_is() {
    let world = World::new().await;
    let person = world.sandbox.person(&User::analyst());
    world.issue("hidden", json!({})).await;
    world.issue("archived", json!({})).await;
    world.sandbox.set_index(Index::Frozen);
    person.hide("DISP-1").expect("a level");
    person.archive("DISP-2").expect("an archival");
    assert_eq!(world.keys("project = DISP").await, ["DISP-2"]);
    assert_eq!(world.get("issue/DISP-2").await.status, 404);
    world.sandbox.refresh_index();
    assert_eq!(world.keys("project = DISP").await, [""; 0]);
}

#[tokio::test]
async fn archiving_by_rest_is_for_administrators_and_counts() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let body = json!({ "issueIdsOrKeys": ["DISP-1", "DISP-9"] });
    assert_eq!(world.put("issue/archive", body.clone()).await.status, 403);
    world.sandbox.allow(&User::bot(), Permission::AdministerJira);
    let archived = world.put("issue/archive", body.clone()).await.json();
    assert_eq!(
        (&archived["numberOfIssuesUpdated"], &archived["errors"]["issuesNotFound"]["count"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(world.get("issue/DISP-1").await.status, 404);
    assert_eq!(world.put("issue/archive", body.clone()).await.status, 400);
    assert_eq!(world.put("issue/unarchive", body).await.json()["numberOfIssuesUpdated"], 1);
    assert_eq!(world.get("issue/DISP-1").await.status, 200);
}

#[tokio::test]
async fn a_clone_copies_what_people_see_and_not_the_properties() {
    let world = World::new().await;
    world.issue("copied", json!({ "labels": ["mark"], "description": document("words") })).await;
    world.put("issue/DISP-1/properties/mark", json!(1)).await;
    world.close("DISP-1").await;
    let key = world.sandbox.person(&User::analyst()).clone_issue("DISP-1").expect("a clone");

    let clone = world.get(&format!("issue/{key}?properties=*all")).await.json();
    let fields = &clone["fields"];
    assert_eq!((&clone["id"], &clone["properties"]), (&json!("10002"), &json!({})));
    assert_eq!((&fields["summary"], &fields["labels"]), (&json!("copied"), &json!(["mark"])));
    assert_eq!(fields["description"], document("words"));
    assert_eq!((&fields["status"]["name"], &fields["resolution"]), (&json!("To Do"), &Value::Null));
    assert_eq!(fields["creator"]["accountId"], User::analyst().account_id);
    assert_eq!(fields["reporter"]["accountId"], User::bot().account_id);
    assert_eq!(fields["issuelinks"][0]["type"]["outward"], "clones");
    assert_eq!(fields["issuelinks"][0]["outwardIssue"]["key"], "DISP-1");
    assert_eq!(world.keys("labels = mark AND creator = currentUser()").await, ["DISP-1"]);
    let found =
        json!({ "jql": "labels = mark", "fields": ["creator", "created", "issuelinks", "resolution"] });
    let found = world.post("search/jql", found).await.json();
    assert_eq!(found["issues"][0]["fields"]["creator"]["accountId"], User::analyst().account_id);
    assert_eq!(found["issues"][1]["fields"]["resolution"]["name"], "Done");
}

#[tokio::test]
async fn a_duplicate_is_closed_linked_and_says_who_did_it() {
    let world = World::new().await;
    world.issue("original", json!({})).await;
    world.issue("double", json!({})).await;
    world.sandbox.person(&User::analyst()).close_as_duplicate("DISP-2", "DISP-1").expect("a close");
    let double = world.get("issue/DISP-2?expand=changelog").await.json();
    assert_eq!(double["fields"]["resolution"]["name"], "Duplicate");
    assert_eq!(double["fields"]["status"]["statusCategory"]["key"], "done");
    assert_eq!(double["fields"]["issuelinks"][0]["outwardIssue"]["key"], "DISP-1");
    assert_eq!(double["changelog"]["histories"][1]["author"]["accountId"], User::analyst().account_id);
    let original = world.get("issue/DISP-1").await.json();
    assert_eq!(original["fields"]["issuelinks"][0]["type"]["inward"], "is duplicated by");
    assert_eq!(original["fields"]["issuelinks"][0]["inwardIssue"]["key"], "DISP-2");

    world.sandbox.person(&User::analyst()).hide("DISP-1").expect("a level");
    assert_eq!(
        world.get("issue/DISP-2").await.json()["fields"]["issuelinks"],
        json!([]),
        "the other end is hidden"
    );
}

#[tokio::test]
async fn a_person_edits_comments_and_unlabels_past_every_fault() {
    let world = World::new().await;
    world.issue("a", json!({ "labels": ["mark", "keep"] })).await;
    let person = world.sandbox.person(&User::analyst());
    let asked = world.sandbox.requests().len();
    person.edit("DISP-1", &json!({ "fields": { "summary": "by hand" } })).expect("an edit");
    person.remove_label("DISP-1", "mark").expect("a label less");
    person.comment("DISP-1", "by hand").expect("a comment");
    person.transition("DISP-1", &json!({ "transition": { "id": "11" } })).expect("a transition");
    let issue = &world.sandbox.issues()[0];
    assert_eq!(
        (&issue["fields"]["summary"], &issue["fields"]["labels"]),
        (&json!("by hand"), &json!(["keep"]))
    );
    assert_eq!(issue["comments"][0]["author"]["accountId"], User::analyst().account_id);
    assert_eq!(issue["fields"]["status"]["name"], "In Progress");
    assert_eq!(world.sandbox.requests().len(), asked, "what people do is no request");
    let refused = person.edit("DISP-1", &json!({ "fields": { "summary": "" } }));
    assert!(matches!(refused, Err(Refusal::Answered { status: 400, .. })));
}

#[tokio::test]
async fn a_permission_taken_away_is_told_and_refused_as_jira_does() {
    let world = World::new().await;
    world.issue("a", json!({ "labels": ["mark"] })).await;
    let has = async |permission: Permission, key: &str| {
        let path = format!("mypermissions?projectKey=DISP&permissions={key}");
        assert_eq!(world.get(&path).await.json()["permissions"][key]["havePermission"], true, "{key}");
        world.sandbox.forbid(&User::bot(), permission);
        assert_eq!(world.get(&path).await.json()["permissions"][key]["havePermission"], false, "{key}");
    };
    has(Permission::Create, "CREATE_ISSUES").await;
    let refused = world.post("issue", json!({ "fields": new_fields("b", json!({})) })).await;
    assert_eq!(refused.status, 403);
    assert_eq!(world.get("issue/createmeta/DISP/issuetypes").await.json()["issueTypes"], json!([]));

    has(Permission::Edit, "EDIT_ISSUES").await;
    let refused = world.put("issue/DISP-1", json!({ "update": { "labels": [{ "add": "x" }] } })).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.json()["errors"]["labels"].as_str().is_some_and(|text| text.contains("appropriate screen"))
    );
    assert_eq!(world.put("issue/DISP-1/properties/mark", json!(1)).await.status, 403);
    assert_eq!(world.get("issue/DISP-1/editmeta").await.json()["fields"], json!({}));

    has(Permission::Transition, "TRANSITION_ISSUES").await;
    assert_eq!(world.get("issue/DISP-1/transitions").await.json()["transitions"], json!([]));
    let start = json!({ "transition": { "id": "11" } });
    assert_eq!(world.post("issue/DISP-1/transitions", start).await.status, 400);

    has(Permission::Comment, "ADD_COMMENTS").await;
    assert_eq!(world.post("issue/DISP-1/comment", json!({ "body": document("x") })).await.status, 403);
    has(Permission::Delete, "DELETE_ISSUES").await;
    assert_eq!(world.delete("issue/DISP-1").await.status, 403);
    has(Permission::AdministerProjects, "ADMINISTER_PROJECTS").await;
    assert_eq!(world.put("project/DISP/properties/mark", json!(1)).await.status, 403);
    assert_eq!(world.get("project/DISP/properties").await.status, 200);

    let issue = &world.sandbox.issues()[0];
    assert_eq!(
        (&issue["properties"], &issue["comments"], &issue["history"]),
        (&json!({}), &json!([]), &json!([]))
    );
    let person = world.sandbox.person(&User::analyst());
    person.comment("DISP-1", "others still may").expect("a comment");

    world.sandbox.forbid(&User::bot(), Permission::Browse);
    assert_gone(&world, "DISP-1").await;
    assert_eq!(world.get("project/DISP").await.status, 404);
    let by_project = world.post("search/jql", json!({ "jql": "project = DISP" })).await;
    assert_eq!(by_project.status, 400);
    world.sandbox.allow(&User::bot(), Permission::Browse);
    assert_eq!(world.get("issue/DISP-1").await.status, 200);
}

#[tokio::test]
async fn an_archived_project_is_read_by_key_and_neither_found_nor_changed() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    assert_eq!(world.post("project/DISP/archive", Value::Null).await.status, 403);
    world.sandbox.archive_project("DISP").expect("an archival");

    let refused = world.post("issue", json!({ "fields": new_fields("b", json!({})) })).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["errors"]["project"].as_str().is_some_and(|text| text.contains("archived")));
    assert_eq!(world.get("issue/DISP-1").await.status, 200);
    assert_eq!(bulk(&world, json!(["DISP-1"])).await, ["DISP-1"]);
    assert_eq!(world.get("project/DISP").await.json()["archived"], true);
    assert_eq!(world.keys("project = DISP").await, [""; 0]);
    assert_eq!(world.put("issue/DISP-1", json!({ "fields": { "summary": "x" } })).await.status, 400);
    assert_eq!(world.post("issue/DISP-1/comment", json!({ "body": document("x") })).await.status, 403);
    let told =
        world.get("mypermissions?projectKey=DISP&permissions=CREATE_ISSUES,BROWSE_PROJECTS").await.json();
    assert_eq!(told["permissions"]["CREATE_ISSUES"]["havePermission"], false);
    assert_eq!(told["permissions"]["BROWSE_PROJECTS"]["havePermission"], true);

    world.sandbox.allow(&User::bot(), Permission::AdministerJira);
    assert_eq!(world.post("project/DISP/restore", Value::Null).await.status, 200);
    assert_eq!(world.issue("b", json!({})).await, "DISP-2");
}

#[tokio::test]
async fn a_mandatory_field_is_refused_by_name_and_told_beforehand_or_not() {
    let world = World::new().await;
    let select = CustomField {
        id: "customfield_10042".to_owned(),
        name: "Area".to_owned(),
        kind: FieldKind::Select(vec!["North".to_owned(), "South".to_owned()]),
    };
    world.sandbox.add_field("DISP", select).expect("a field");
    world.sandbox.require_field("DISP", "customfield_10042", Mandatory::Told).expect("a mandatory field");
    world.sandbox.require_field("DISP", "duedate", Mandatory::Untold).expect("a mandatory field");

    let metadata = world.get("issue/createmeta/DISP/issuetypes/10001").await.json();
    let field = |id: &str| {
        let fields = metadata["fields"].as_array().expect("fields");
        fields.iter().find(|field| field["fieldId"] == id).cloned().expect("the field")
    };
    assert_eq!(
        (&field("duedate")["required"], &field("customfield_10042")["required"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(strings(&field("customfield_10042")["allowedValues"], "value"), ["North", "South"]);
    assert_eq!(field("customfield_10042")["schema"]["type"], "option");

    let create = async |more: Value| world.post("issue", json!({ "fields": new_fields("a", more) })).await;
    let refused = create(json!({})).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["errors"],
        json!({ "customfield_10042": "Area is required.", "duedate": "Due date is required." })
    );
    let wrong = create(json!({ "duedate": "2026-09-01", "customfield_10042": { "value": "West" } })).await;
    assert!(wrong.json()["errors"]["customfield_10042"].is_string());
    let made = create(json!({ "duedate": "2026-09-01", "customfield_10042": { "value": "South" } })).await;
    assert_eq!(made.status, 201);
    let read = world.get("issue/DISP-1?fields=customfield_10042").await.json();
    assert_eq!(read["fields"]["customfield_10042"]["value"], "South");
    assert!(strings(&world.get("field").await.json(), "id").contains(&"customfield_10042".to_owned()));
    assert_eq!(
        world.put("issue/DISP-1", json!({ "fields": { "summary": "edits need no more" } })).await.status,
        204
    );
}
