//! Creating, reading, editing and deleting issues.

use disputebot::sandbox::User;
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, document, new_fields, strings, time};

#[tokio::test]
async fn a_created_issue_has_all_that_was_sent_and_the_defaults() {
    let world = World::new().await;
    let answer = world
        .post(
            "issue",
            json!({
                "fields": new_fields("Carve-in claims", json!({
                    "description": document("why"), "duedate": "2026-09-30", "priority": { "name": "High" },
                    "assignee": { "accountId": User::analyst().account_id },
                })),
                "update": { "labels": [{ "add": "disputebot" }, { "add": "dispute-group-1" }] },
                "properties": [{ "key": "disputebot", "value": { "group": "1" } }],
            }),
        )
        .await;
    let base = world.sandbox.base_url();
    assert_eq!(answer.status, 201);
    assert_eq!(
        answer.json(),
        json!({ "id": "10001", "key": "DISP-1", "self": format!("{base}/rest/api/3/issue/10001") })
    );

    let issue = world.get("issue/disp-1?properties=disputebot,other").await.json();
    let fields = &issue["fields"];
    assert_eq!(issue["key"], "DISP-1");
    assert_eq!(issue["properties"], json!({ "disputebot": { "group": "1" } }));
    assert_eq!(fields["labels"], json!(["dispute-group-1", "disputebot"]));
    assert_eq!(fields["description"], document("why"));
    assert_eq!(fields["duedate"], "2026-09-30");
    assert_eq!(fields["priority"]["id"], "2");
    assert_eq!(fields["assignee"]["accountId"], User::analyst().account_id);
    assert_eq!(fields["reporter"]["accountId"], User::bot().account_id);
    assert_eq!(fields["status"]["statusCategory"]["key"], "new");
    assert_eq!(fields["resolution"], Value::Null);
    assert_eq!(fields["created"], "2026-08-22T06:00:00.000+0000");
    assert_eq!(fields["comment"]["total"], 0);
}

#[tokio::test]
async fn a_refused_create_names_each_field_and_leaves_no_gap_in_the_keys() {
    let world = World::new().await;
    let refused = |fields: Value| {
        let world = &world;
        async move {
            let answer = world.post("issue", json!({ "fields": fields })).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
            answer.json()["errors"].clone()
        }
    };
    let nothing = refused(json!({})).await;
    assert_eq!(nothing["project"], "Specify a valid project ID or key");
    assert_eq!(nothing["issuetype"], "Specify an issue type");
    let wrong = refused(new_fields(
        "two\nlines",
        json!({
            "labels": ["two words"], "priority": { "name": "Urgent" }, "duedate": "soon",
            "description": "plain text", "assignee": { "name": "bot" }, "status": { "name": "Done" },
            "customfield_1": 1,
        }),
    ))
    .await;
    assert_eq!(
        wrong.as_object().expect("errors").keys().collect::<Vec<_>>(),
        ["assignee", "customfield_1", "description", "duedate", "labels", "priority", "status", "summary"]
    );
    assert_eq!(
        wrong["customfield_1"],
        "Field 'customfield_1' cannot be set. It is not on the appropriate screen, or unknown."
    );
    let missing = json!({ "project": { "id": "10000" }, "issuetype": { "id": "10001" } });
    assert_eq!(refused(missing).await["summary"], "You must specify a summary of the issue.");
    assert!(refused(new_fields(&"é".repeat(256), json!({}))).await["summary"].is_string());
    assert!(refused(new_fields("a", json!({ "labels": ["x".repeat(256)] }))).await["labels"].is_string());

    assert_eq!(world.issue(&"é".repeat(255), json!({})).await, "DISP-1");
    assert_eq!(world.sandbox.issues().len(), 1);
}

#[tokio::test]
async fn a_body_with_an_unknown_property_is_refused_as_a_whole() {
    let world = World::new().await;
    let body = json!({ "fields": new_fields("a", json!({})), "nonce": "1" });
    let answer = world.post("issue", body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["errors"], json!({}));
    let broken = world.signed(&User::bot(), Method::POST, "issue").header("content-type", "application/json");
    assert_eq!(world.send(broken.body("{")).await.status, 400);
    let untyped = world.signed(&User::bot(), Method::POST, "issue").body("{}");
    assert_eq!(world.send(untyped).await.status, 415);
    assert_eq!(world.sandbox.issues(), Vec::<Value>::new());
}

#[tokio::test]
async fn documents_are_checked_limited_and_come_back_with_ids() {
    let world = World::new().await;
    let description =
        |content: Value| json!({ "description": { "type": "doc", "version": 1, "content": content } });
    let table = json!({ "type": "table", "content": [{ "type": "tableRow", "content": [
        { "type": "tableCell", "content": [{ "type": "paragraph" }] }] }] });
    world.issue("with a table", description(json!([table]))).await;
    let stored = world.get("issue/DISP-1?fields=description").await.json();
    let local_id = &stored["fields"]["description"]["content"][0]["attrs"]["localId"];
    assert!(local_id.as_str().is_some_and(|id| !id.is_empty()), "{stored}");

    let media = description(json!([{ "type": "mediaSingle", "attrs": { "layout": "center" } }]));
    let refused = world.put("issue/DISP-1", json!({ "fields": media })).await;
    assert_eq!(refused.status, 400);
    let told = refused.json()["errors"]["description"].as_str().expect("a text").to_owned();
    assert!(told.starts_with("INVALID_INPUT: content[0].content:"), "{told}");

    let frame = document("").to_string().len();
    let longest = json!({ "fields": { "description": document(&"é".repeat(32_767 - frame)) } });
    assert_eq!(world.put("issue/DISP-1", longest).await.status, 204);
    let longer = json!({ "fields": { "description": document(&"é".repeat(32_768 - frame)) } });
    let refused = world.put("issue/DISP-1", longer).await;
    assert!(
        refused.json()["errors"]["description"]
            .as_str()
            .is_some_and(|text| text.contains("CONTENT_LIMIT_EXCEEDED"))
    );
}

#[tokio::test]
async fn labels_change_by_verbs_and_are_replaced_by_fields() {
    let world = World::new().await;
    world.issue("a", json!({ "labels": ["ours", "theirs"] })).await;
    let verbs =
        json!({ "update": { "labels": [{ "add": "new" }, { "remove": "ours" }, { "remove": "absent" }] } });
    assert_eq!(world.put("issue/DISP-1", verbs).await.status, 204);
    let labels =
        || async { world.get("issue/DISP-1?fields=labels").await.json()["fields"]["labels"].clone() };
    assert_eq!(labels().await, json!(["new", "theirs"]));
    world.put("issue/DISP-1", json!({ "fields": { "labels": ["only"] } })).await;
    assert_eq!(labels().await, json!(["only"]));
    let both = json!({ "fields": { "labels": [] }, "update": { "labels": [{ "add": "x" }] } });
    assert!(world.put("issue/DISP-1", both).await.json()["errors"]["labels"].is_string());
    let verb = json!({ "update": { "summary": [{ "add": "x" }] } });
    assert!(world.put("issue/DISP-1", verb).await.json()["errors"]["summary"].is_string());
    assert_eq!(labels().await, json!(["only"]));
}

#[tokio::test]
async fn an_edit_is_all_or_nothing_and_its_history_says_who() {
    let world = World::new().await;
    world.issue("before", json!({ "labels": ["a"] })).await;
    let half = json!({ "fields": { "summary": "half", "priority": { "name": "Urgent" } } });
    assert_eq!(world.put("issue/DISP-1", half).await.status, 400);
    assert_eq!(world.sandbox.issues()[0]["fields"]["summary"], "before");

    world.sandbox.set_clock(time("2026-08-22T07:00:00Z"));
    let edit = json!({ "fields": { "summary": "after", "priority": { "id": "1" } } });
    let request = world.signed(&User::analyst(), Method::PUT, "issue/DISP-1?notifyUsers=false").json(&edit);
    assert_eq!(world.send(request).await.status, 204);
    world.sandbox.set_clock(time("2026-08-22T08:00:00Z"));
    assert_eq!(world.put("issue/DISP-1", edit).await.status, 204, "the same again changes nothing");

    let issue = world.get("issue/DISP-1?expand=changelog").await.json();
    assert_eq!(issue["fields"]["updated"], "2026-08-22T07:00:00.000+0000");
    let history = &issue["changelog"]["histories"];
    assert_eq!(issue["changelog"]["total"], 1);
    assert_eq!(history[0]["author"]["accountId"], User::analyst().account_id);
    assert_eq!(strings(&history[0]["items"], "field"), ["summary", "priority"]);
    assert_eq!(strings(&history[0]["items"], "fromString"), ["before", "Medium"]);
    assert_eq!(strings(&history[0]["items"], "toString"), ["after", "Highest"]);
    assert_eq!(history[0]["items"][1]["to"], "1");
}

#[tokio::test]
async fn return_issue_answers_with_the_issue_and_an_empty_edit_is_refused() {
    let world = World::new().await;
    world.issue("before", json!({ "duedate": "2026-09-01" })).await;
    let edit = json!({ "update": { "summary": [{ "set": "after" }], "duedate": [{ "set": null }] } });
    let answer = world.put("issue/10001?returnIssue=true", edit).await;
    assert_eq!((answer.status, &answer.json()["fields"]["summary"]), (200, &json!("after")));
    assert_eq!(answer.json()["fields"]["duedate"], Value::Null);
    assert_eq!(world.put("issue/10001", json!({})).await.status, 400);
    assert_eq!(world.put("issue/10001", json!({ "fields": { "summary": "" } })).await.status, 400);
}

#[tokio::test]
async fn fields_are_selected_by_name_by_star_and_by_minus() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let names = |query: &'static str| {
        let world = &world;
        async move {
            let issue = world.get(&format!("issue/DISP-1?fields={query}")).await.json();
            let names: Vec<String> = issue["fields"].as_object().expect("fields").keys().cloned().collect();
            names
        }
    };
    assert_eq!(names("summary,labels,nonsense").await, ["labels", "summary"]);
    assert!(names("*all").await.contains(&"comment".to_owned()));
    assert!(!names("*navigable").await.contains(&"comment".to_owned()));
    assert!(!names("-summary").await.contains(&"summary".to_owned()));
    assert!(names("-summary").await.contains(&"labels".to_owned()));
}

#[tokio::test]
async fn bulk_fetch_leaves_out_what_is_absent_and_keeps_its_limits() {
    let world = World::new().await;
    for summary in ["a", "b", "c"] {
        world.issue(summary, json!({})).await;
    }
    world.put("issue/DISP-2/properties/disputebot", json!({ "group": "1" })).await;
    world.delete("issue/DISP-3").await;
    let found = world
        .post(
            "issue/bulkfetch",
            json!({ "issueIdsOrKeys": ["disp-2", "DISP-3", "10001", "DISP-1", "99999"],
                    "fields": ["summary"], "properties": ["disputebot"] }),
        )
        .await
        .json();
    assert_eq!(strings(&found["issues"], "key"), ["DISP-1", "DISP-2"]);
    assert_eq!(found["issues"][1]["properties"]["disputebot"]["group"], "1");
    assert_eq!(found["issueErrors"], json!([]));

    let many: Vec<String> = (1..=101).map(|number| format!("DISP-{number}")).collect();
    assert_eq!(world.post("issue/bulkfetch", json!({ "issueIdsOrKeys": many })).await.status, 400);
    let properties = ["a", "b", "c", "d", "e", "f"];
    let body = json!({ "issueIdsOrKeys": ["DISP-1"], "properties": properties });
    assert_eq!(world.post("issue/bulkfetch", body).await.status, 400);
}

#[tokio::test]
async fn a_deleted_issue_is_gone_with_its_links_and_its_key_is_not_used_again() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    world.issue("b", json!({})).await;
    let link = json!({ "type": { "name": "Relates" }, "inwardIssue": { "key": "DISP-1" },
                       "outwardIssue": { "key": "DISP-2" } });
    world.post("issueLink", link).await;
    assert_eq!(world.delete("issue/DISP-2").await.status, 204);
    assert_eq!(world.get("issue/DISP-2").await.status, 404);
    assert_eq!(world.get("issue/DISP-1?fields=issuelinks").await.json()["fields"]["issuelinks"], json!([]));
    assert_eq!(world.issue("c", json!({})).await, "DISP-3");
}
