//! Pages for people.

use disputebot::sandbox::User;
use reqwest::{Method, multipart};
use serde_json::json;

use super::{World, document, new_fields};

#[tokio::test]
async fn the_board_shows_every_issue_in_the_column_of_its_status() {
    let world = World::new().await;
    world.issue("Waiting", json!({ "duedate": "2026-08-01", "labels": ["a"] })).await;
    world.issue("Begun", json!({ "assignee": { "accountId": User::analyst().account_id } })).await;
    world.issue("Finished", json!({})).await;
    world.move_by("DISP-2", "11").await;
    world.close("DISP-3").await;
    let board = world.page("/").await;
    assert_eq!(board.status, 200);
    let order = ["To Do", "Waiting", "overdue 2026-08-01", "In Progress", "Begun", "In Review", "Finished"];
    let places: Vec<usize> =
        order.iter().map(|text| board.text.find(text).unwrap_or_else(|| panic!("{text}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(board.text.contains("<strong>2</strong> open"));
    assert!(board.text.contains("Assignee: Example Analyst"));
}

#[tokio::test]
async fn the_issue_page_shows_it_all_and_hostile_text_stays_text() {
    let world = World::new().await;
    let hostile = "<script>alert('x')</script>";
    let fields = new_fields(hostile, json!({ "description": document(hostile), "labels": ["<b>label</b>"] }));
    let body = json!({ "fields": fields, "properties": [{ "key": "<i>", "value": { "<u>": hostile } }] });
    world.post("issue", body).await;
    world.issue("the other", json!({})).await;
    world.put("issue/DISP-1", json!({ "update": { "labels": [{ "add": "second" }] } })).await;
    world.post("issue/DISP-1/comment", json!({ "body": document("a comment <img>") })).await;
    let link = json!({ "type": { "name": "Relates" }, "inwardIssue": { "key": "DISP-1" },
                       "outwardIssue": { "key": "DISP-2" } });
    world.post("issueLink", link).await;
    let file = multipart::Form::new().part("file", multipart::Part::text("x").file_name("<s>.html"));
    let upload = world.signed(&User::bot(), Method::POST, "issue/DISP-1/attachments").multipart(file);
    world.send(upload.header("X-Atlassian-Token", "no-check")).await;

    let page = world.page("/browse/disp-1").await;
    assert_eq!(page.status, 200);
    for tag in ["<script", "<img", "<b>", "<i>", "<u>", "<s>"] {
        assert!(!page.text.contains(tag), "{tag}");
    }
    for text in ["a comment &lt;img&gt;", "the other", "relates to", "DISP-2", "second", "created the ticket"]
    {
        assert!(page.text.contains(text), "{text}");
    }
    let (_, rest) = page.text.split_once("/attachment/").expect("a link to the file");
    let (id, _) = rest.split_once('"').expect("an id");
    let file = world.page(&format!("/attachment/{id}")).await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"<s>.html\"");
}

#[tokio::test]
async fn pages_run_nothing_and_load_only_their_own_style() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    for (path, status) in [("/", 200), ("/browse/DISP-1", 200), ("/browse/DISP-2", 404), ("/nowhere", 404)] {
        let page = world.page(path).await;
        assert_eq!(page.status, status, "{path}");
        let policy = page.headers["content-security-policy"].to_str().expect("a policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        assert!(!page.text.contains("<script") && !page.text.contains(" style="), "{path}");
    }
    assert_eq!(world.page("/sandbox.css").await.headers["content-type"], "text/css; charset=utf-8");
    assert_eq!(world.send(world.request(Method::POST, "/")).await.status, 405);
    assert_eq!(world.sandbox.unknown_routes(), Vec::<String>::new());
}
