//! What hangs on an issue: comments, links, properties, attachments.

use disputebot::sandbox::User;
use reqwest::{Method, multipart};
use serde_json::json;

use super::{World, document, strings, time};

#[tokio::test]
async fn comments_take_documents_only_and_keep_their_properties() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let plain = world.post("issue/DISP-1/comment", json!({ "body": "plain" })).await;
    assert_eq!(
        (plain.status, &plain.json()["errors"]["comment"]),
        (400, &json!("Comment body is not valid!"))
    );

    let nonce = json!([{ "key": "disputebot", "value": { "nonce": "1" } }]);
    let added = world
        .post(
            "issue/DISP-1/comment?expand=properties",
            json!({ "body": document("one"), "properties": nonce }),
        )
        .await;
    assert_eq!((added.status, &added.json()["properties"]), (201, &nonce));
    let id = added.json()["id"].as_str().expect("an id").to_owned();
    world.post("issue/DISP-1/comment", json!({ "body": document("two") })).await;

    let edit = json!({ "body": document("one, edited") });
    let path = format!("issue/DISP-1/comment/{id}");
    let edited = world.send(world.signed(&User::analyst(), Method::PUT, &path).json(&edit)).await;
    assert_eq!(edited.status, 200);
    let read = world.get(&format!("{path}?expand=properties")).await.json();
    assert_eq!((&read["body"], &read["properties"]), (&document("one, edited"), &nonce));
    assert_eq!(read["author"]["accountId"], User::bot().account_id);
    assert_eq!(read["updateAuthor"]["accountId"], User::analyst().account_id);

    let newest = world.get("issue/DISP-1/comment?orderBy=-created&maxResults=1").await.json();
    assert_eq!((&newest["total"], &newest["comments"][0]["body"]), (&json!(2), &document("two")));
    assert_eq!(newest["comments"][0].get("properties"), None);
    let all = world.get("issue/DISP-1/comment?maxResults=5000").await.json();
    assert_eq!(all["maxResults"], 100, "the server has a ceiling of its own");
    assert_eq!(world.get("issue/DISP-1/comment/1").await.status, 404);
}

#[tokio::test]
async fn a_link_is_seen_from_both_ends_and_made_once() {
    let world = World::new().await;
    world.issue("blocker", json!({})).await;
    world.issue("blocked", json!({})).await;
    let link = json!({ "type": { "name": "Blocks" }, "inwardIssue": { "key": "DISP-1" },
                       "outwardIssue": { "key": "DISP-2" }, "comment": null });
    for _ in 0..2 {
        let answer = world.post("issueLink", link.clone()).await;
        assert_eq!((answer.status, answer.text.as_str()), (201, ""));
    }
    let issues = world.sandbox.issues();
    assert_eq!(issues[0]["links"].as_array().map(Vec::len), Some(1));
    assert_eq!(issues[0]["fields"]["issuelinks"][0]["outwardIssue"]["key"], "DISP-2");
    assert_eq!(issues[1]["fields"]["issuelinks"][0]["inwardIssue"]["key"], "DISP-1");
    let repeat = json!({ "type": { "name": "Blocks" }, "inwardIssue": { "key": "DISP-1" },
                         "outwardIssue": { "key": "DISP-2" }, "comment": { "body": document("once more") } });
    for said in 1..=2 {
        assert_eq!(world.post("issueLink", repeat.clone()).await.status, 201);
        let again = world.sandbox.issues();
        assert_eq!(again[0]["links"].as_array().map(Vec::len), Some(1), "the link is there already");
        assert_eq!(
            again[0]["comments"].as_array().map(Vec::len),
            Some(said),
            "its comment comes all the same"
        );
    }
    assert_eq!(issues[0]["history"][0]["items"][0]["toString"], "This issue blocks DISP-2");
    assert_eq!(issues[1]["history"][0]["items"][0]["toString"], "This issue is blocked by DISP-1");

    let unknown = json!({ "type": { "name": "Marries" }, "inwardIssue": { "key": "DISP-1" },
                          "outwardIssue": { "key": "DISP-2" } });
    assert_eq!(world.post("issueLink", unknown).await.status, 404);
    let lonely = json!({ "type": { "name": "Blocks" }, "inwardIssue": { "key": "DISP-1" },
                         "outwardIssue": { "key": "DISP-1" } });
    assert_eq!(world.post("issueLink", lonely).await.status, 400);
}

#[tokio::test]
async fn properties_are_replaced_whole_and_leave_no_history() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    world.sandbox.set_clock(time("2026-08-23T06:00:00Z"));
    for owner in ["issue/DISP-1", "project/DISP"] {
        let path = format!("{owner}/properties/disputebot%20key");
        assert_eq!(world.get(&path).await.status, 404);
        assert_eq!(world.put(&path, json!({ "a": 1, "b": 2 })).await.status, 201);
        assert_eq!(world.put(&path, json!({ "a": 3 })).await.status, 200);
        assert_eq!(world.get(&path).await.json(), json!({ "key": "disputebot key", "value": { "a": 3 } }));
        let keys = world.get(&format!("{owner}/properties")).await.json();
        assert_eq!(strings(&keys["keys"], "key"), ["disputebot key"]);
        assert_eq!(world.put(&path, json!("x".repeat(32_766))).await.status, 200);
        assert_eq!(world.put(&path, json!("x".repeat(32_767))).await.status, 400);
        assert_eq!(world.delete(&path).await.status, 204);
        assert_eq!(world.delete(&path).await.status, 404);
    }
    let issue = &world.sandbox.issues()[0];
    assert_eq!(issue["history"], json!([]));
    assert_eq!(issue["fields"]["updated"], "2026-08-22T06:00:00.000+0000");
}

#[tokio::test]
async fn attachments_need_the_header_and_the_part_name_and_never_replace_each_other() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let form = |part: &'static str| {
        let file = multipart::Part::text("dispute_id\nD-1\n").file_name("members.csv");
        multipart::Form::new().part(part, file.mime_str("text/csv").expect("a media type"))
    };
    let upload = |part: &'static str| {
        world.signed(&User::bot(), Method::POST, "issue/DISP-1/attachments").multipart(form(part))
    };
    assert_eq!(world.send(upload("file")).await.status, 403);
    assert_eq!(world.send(upload("document").header("X-Atlassian-Token", "no-check")).await.status, 400);
    for _ in 0..2 {
        assert_eq!(world.send(upload("file").header("X-Atlassian-Token", "no-check")).await.status, 200);
    }
    let issue = world.get("issue/DISP-1?fields=attachment").await.json();
    let files = &issue["fields"]["attachment"];
    assert_eq!(strings(files, "filename"), ["members.csv", "members.csv"]);
    assert_eq!((&files[0]["size"], &files[0]["mimeType"]), (&json!(15), &json!("text/csv")));
    let id = files[1]["id"].as_str().expect("an id");
    let content = world.get(&format!("attachment/content/{id}")).await;
    assert_eq!(content.text, "dispute_id\nD-1\n");
    assert_eq!(content.headers["content-disposition"], "attachment; filename=\"members.csv\"");
    assert_eq!(world.get("attachment/content/1").await.status, 404);
}
