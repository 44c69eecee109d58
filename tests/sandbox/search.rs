//! Search, its pages and its language.

use disputebot::sandbox::{Effect, Fault, Matches, User};
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, strings, time};

#[tokio::test]
async fn a_search_gives_ids_only_unless_fields_are_asked_for() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let bare = world.get("search/jql?jql=project%20%3D%20DISP").await.json();
    assert_eq!(bare, json!({ "issues": [{ "id": "10001" }], "isLast": true }));
    let body = json!({ "jql": "project = DISP", "fields": ["summary"], "properties": ["disputebot"] });
    let full = world.post("search/jql", body).await.json();
    assert_eq!(full["issues"][0]["fields"], json!({ "summary": "a" }));
    assert_eq!(full["issues"][0]["properties"], json!({}));
    let count = world.post("search/approximate-count", json!({ "jql": "project = DISP" })).await;
    assert_eq!(count.json(), json!({ "count": 1 }));
    assert_eq!(world.get("search?jql=project%20%3D%20DISP").await.status, 410);
    assert_eq!(world.post("search", json!({})).await.status, 410);
}

#[tokio::test]
async fn pages_follow_their_token_and_a_token_belongs_to_its_query() {
    let world = World::new().await;
    for number in 0..5 {
        world.issue(&format!("number {number}"), json!({})).await;
    }
    let jql = "project = DISP ORDER BY key ASC";
    let mut keys = Vec::new();
    let mut token = Value::Null;
    loop {
        let body = json!({ "jql": jql, "fields": ["key"], "maxResults": 2, "nextPageToken": token });
        let page = world.post("search/jql", body).await.json();
        assert_eq!(page.get("total"), None);
        keys.extend(strings(&page["issues"], "key"));
        assert_eq!(page["isLast"], page.get("nextPageToken").is_none());
        if page["isLast"] == true {
            break;
        }
        token = page["nextPageToken"].clone();
    }
    assert_eq!(keys, ["DISP-1", "DISP-2", "DISP-3", "DISP-4", "DISP-5"]);
    for (jql, token) in [("project = DISP", &token), (jql, &json!("nonsense"))] {
        let body = json!({ "jql": jql, "nextPageToken": token });
        assert_eq!(world.post("search/jql", body).await.status, 400);
    }
    for size in [json!(0), json!(-1), json!("many")] {
        assert_eq!(world.post("search/jql", json!({ "jql": jql, "maxResults": size })).await.status, 400);
    }
}

#[tokio::test]
async fn a_page_with_fields_holds_at_most_a_hundred_issues() {
    let world = World::new().await;
    for number in 0..101 {
        world.issue(&format!("number {number}"), json!({})).await;
    }
    let size = |fields: Value| {
        let world = &world;
        async move {
            let body = json!({ "jql": "project = DISP", "maxResults": 5_000, "fields": fields });
            world.post("search/jql", body).await.json()["issues"].as_array().map_or(0, Vec::len)
        }
    };
    assert_eq!(size(json!(["summary"])).await, 100);
    assert_eq!(size(json!(["key"])).await, 101);
}

#[tokio::test]
async fn queries_find_by_every_field() {
    let world = World::new().await;
    let analyst = User::analyst().account_id;
    let one = json!({ "labels": ["disputebot", "dispute-group-1"], "duedate": "2026-08-25",
                      "priority": { "name": "High" }, "assignee": { "accountId": analyst } });
    world.issue("Carve-in pharmacies, one wholesaler", one).await;
    world.sandbox.set_clock(time("2026-08-23T06:00:00Z"));
    world.issue("Units in packages", json!({ "labels": ["disputebot"], "duedate": "2026-09-25" })).await;
    world.issue("Nothing of ours", json!({ "issuetype": { "name": "Bug" } })).await;
    world.move_by("DISP-2", "11").await;
    world.close("DISP-3").await;
    world.sandbox.set_clock(time("2026-08-24T06:00:00Z"));

    for (jql, found) in [
        ("project = disp AND labels = \"dispute-group-1\"", vec!["DISP-1"]),
        ("project = Disputes AND labels = DISPUTEBOT", vec![]),
        ("project in (DISP) and labels in (disputebot, absent) order by key", vec!["DISP-1", "DISP-2"]),
        ("labels is empty", vec!["DISP-3"]),
        ("labels is not EMPTY ORDER BY key desc", vec!["DISP-2", "DISP-1"]),
        ("key in (disp-3, DISP-1) ORDER BY id", vec!["DISP-1", "DISP-3"]),
        ("id = 10002", vec!["DISP-2"]),
        ("issuekey = DISP-2 OR issuetype = bug ORDER BY issuekey", vec!["DISP-2", "DISP-3"]),
        ("status = \"in progress\"", vec!["DISP-2"]),
        ("statusCategory = Done", vec!["DISP-3"]),
        ("statusCategory != done ORDER BY key", vec!["DISP-1", "DISP-2"]),
        ("status not in (Done, \"To Do\")", vec!["DISP-2"]),
        ("assignee = analyst@example.com", vec!["DISP-1"]),
        ("assignee is EMPTY AND creator = currentUser() ORDER BY key", vec!["DISP-2", "DISP-3"]),
        ("reporter = currentUser() AND priority = High", vec!["DISP-1"]),
        ("resolution = Unresolved ORDER BY key", vec!["DISP-1", "DISP-2"]),
        ("resolution = Done", vec!["DISP-3"]),
        ("summary ~ \"PHARMACIES carve\"", vec!["DISP-1"]),
        ("summary ~ \"pack*\"", vec!["DISP-2"]),
        ("summary !~ ours ORDER BY key", vec!["DISP-1", "DISP-2"]),
        ("created >= -1d ORDER BY key", vec!["DISP-2", "DISP-3"]),
        ("created < \"2026-08-22 06:01\"", vec!["DISP-1"]),
        ("created <= 2026-08-22", vec![]),
        ("updated > 2026/08/22 AND updated < now() ORDER BY key", vec!["DISP-1", "DISP-2", "DISP-3"]),
        ("duedate <= 2w", vec!["DISP-1"]),
        ("due = 2026-09-25", vec!["DISP-2"]),
        ("duedate is empty", vec!["DISP-3"]),
        ("project = DISP ORDER BY duedate", vec!["DISP-1", "DISP-2", "DISP-3"]),
        ("project = DISP ORDER BY priority DESC, created DESC, key", vec!["DISP-1", "DISP-2", "DISP-3"]),
        ("project = DISP", vec!["DISP-3", "DISP-2", "DISP-1"]),
    ] {
        assert_eq!(world.keys(jql).await, found, "{jql}");
    }
}

#[tokio::test]
async fn unequal_drops_issues_whose_field_is_empty() {
    let world = World::new().await;
    for (summary, labels) in [("a", json!(["x"])), ("b", json!(["y"])), ("c", json!([]))] {
        world.issue(summary, json!({ "labels": labels })).await;
    }
    world.close("DISP-2").await;
    assert_eq!(world.keys("resolution != \"Won't Do\"").await, ["DISP-2"]);
    assert_eq!(world.keys("labels != x").await, ["DISP-2"]);
    assert_eq!(world.keys("labels not in (x)").await, ["DISP-2"]);
    assert_eq!(world.keys("NOT labels = x").await, ["DISP-2"]);
    assert_eq!(world.keys("labels != x OR labels IS EMPTY ORDER BY key").await, ["DISP-2", "DISP-3"]);
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_by_name() {
    let world = World::new().await;
    for (jql, named) in [
        ("", "Unbounded"),
        ("ORDER BY created", "Unbounded"),
        ("project = NOPE", "'NOPE' does not exist for the field 'project'"),
        ("sprint = 1", "Field 'sprint'"),
        ("issue.property[disputebot].group = 1", "Field 'issue.property[disputebot].group'"),
        ("key = DISP-9", "'DISP-9'"),
        ("status = Doing", "'Doing'"),
        ("assignee = nobody", "'nobody'"),
        ("labels ~ x", "'~' is not supported by the 'labels' field"),
        ("summary = x", "'=' is not supported by the 'summary' field"),
        ("key > DISP-1", "'>' is not supported by the 'key' field"),
        ("created > soon", "'soon'"),
        ("assignee = membersOf()", "'membersOf()'"),
        ("project = DISP ORDER BY rank", "Field 'rank'"),
        ("project = DISP AND", "at the end"),
    ] {
        let answer = world.post("search/jql", json!({ "jql": jql })).await;
        assert_eq!(answer.status, 400, "{jql}");
        assert!(answer.text.contains(named), "{jql}: {}", answer.text);
    }
    let both = world.post("search/jql", json!({ "jql": "project = NOPE AND status = Doing" })).await;
    assert_eq!(both.json()["errorMessages"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.post("search/jql", json!({ "jql": "project = DISP", "startAt": 0 })).await.status, 400);
    let anonymous = world.request(Method::POST, "/rest/api/3/search/jql").json(&json!({ "jql": "" }));
    assert_eq!(world.send(anonymous).await.status, 400, "an unbounded query is refused for strangers too");
}

#[tokio::test]
async fn a_page_may_be_short_and_may_lose_its_token() {
    let world = World::new().await;
    for number in 0..4 {
        world.issue(&format!("{number}"), json!({})).await;
    }
    let on = |effect| Fault {
        nth: 1,
        matches: Matches::Ending { method: "POST".to_owned(), suffix: "/search/jql".to_owned() },
        effect,
    };
    let body = json!({ "jql": "project = DISP", "maxResults": 4, "fields": ["key"] });
    world.sandbox.inject(on(Effect::ShortPage));
    let short = world.post("search/jql", body.clone()).await.json();
    assert_eq!((strings(&short["issues"], "key").len(), &short["isLast"]), (2, &json!(false)));
    let mut next = body.clone();
    next["nextPageToken"] = short["nextPageToken"].clone();
    let rest = world.post("search/jql", next).await.json();
    assert_eq!((strings(&rest["issues"], "key").len(), &rest["isLast"]), (2, &json!(true)));

    world.sandbox.inject(on(Effect::LosePageToken));
    let mut small = body;
    small["maxResults"] = json!(1);
    let lost = world.post("search/jql", small).await.json();
    assert_eq!((&lost["isLast"], lost.get("nextPageToken")), (&json!(false), None));
    assert_eq!(world.sandbox.leftovers(), Vec::<String>::new());
}
