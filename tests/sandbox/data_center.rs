//! The other product: version 2, wiki markup, user names, search by offset, and its own refusals.

use disputebot::sandbox::{
    CustomField, Effect, Fault, FieldKind, Flavour, Limits, Matches, Options, Permission, RateLimit, Reason,
    User,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, document, new_fields, strings, time};

#[tokio::test]
async fn server_info_names_the_product_and_only_version_2_is_there() {
    let world = World::data_center().await;
    for path in ["/rest/api/2/serverInfo", "/rest/api/latest/serverInfo"] {
        let info = world.page(path).await.json();
        assert_eq!(
            (&info["deploymentType"], &info["versionNumbers"]),
            (&json!("Server"), &json!([10, 3, 24]))
        );
        assert_eq!(info["version"], "10.3.24");
    }
    let probe = world.page("/rest/api/3/serverInfo").await;
    assert_eq!((probe.status, &probe.json()["status-code"]), (404, &json!(404)));
    assert_eq!(world.sandbox.unknown_routes(), Vec::<String>::new(), "a probe is no mistake");
    for (method, path) in [
        (Method::GET, "/rest/api/3/myself"),
        (Method::POST, "/rest/api/2/search/jql"),
        (Method::POST, "/rest/api/2/search/approximate-count"),
        (Method::POST, "/rest/api/2/issue/bulkfetch"),
        (Method::POST, "/rest/api/2/jql/parse"),
        (Method::GET, "/rest/api/2/priority/search"),
        (Method::GET, "/rest/api/2/issue/1/changelog"),
        (Method::GET, "/_edge/tenant_info"),
    ] {
        let answer = world.send(world.request(method, path).bearer_auth(User::bot().token)).await;
        // What is no REST at all is a page of the board.
        assert!(matches!(answer.status, 404 | 405), "{path}: {}", answer.status);
    }
    assert_eq!(world.sandbox.unknown_routes().len(), 7);
}

#[tokio::test]
async fn people_are_names_and_keys_and_sign_in_by_name_or_by_token_alone() {
    let world = World::data_center().await;
    let bot = User::bot();
    let mine = |request: reqwest::RequestBuilder| world.send(request);
    let by_token = mine(world.signed(&bot, Method::GET, "myself")).await;
    let by_name =
        mine(world.request(Method::GET, "/rest/api/2/myself").basic_auth(&bot.name, Some(&bot.token))).await;
    for answer in [by_token, by_name] {
        let body = answer.json();
        assert_eq!((&body["name"], &body["key"]), (&json!("disputebot"), &json!("JIRAUSER10100")));
        assert_eq!(body["displayName"], "disputebot");
        assert_eq!(body.get("accountId"), None);
        assert_eq!(answer.headers["x-ausername"], "disputebot");
        assert!(!answer.headers.contains_key("x-aaccountid"));
    }
    let stranger = world.page("/rest/api/2/myself").await;
    assert_eq!(
        (stranger.status, &stranger.headers["x-ausername"]),
        (401, &"anonymous".parse().expect("a name"))
    );
    // A stranger finds nothing, and is not told why.
    world.issue("a", json!({})).await;
    let nothing = world.page("/rest/api/2/search?jql=").await;
    assert_eq!((nothing.status, &nothing.json()["total"]), (200, &json!(0)));
    // Wrong credentials are turned away where strangers may go.
    for path in ["/rest/api/2/serverInfo", "/rest/api/2/search?jql="] {
        let wrong = mine(world.request(Method::GET, path).bearer_auth("expired")).await;
        assert_eq!(wrong.status, 401, "{path}");
        assert_eq!(wrong.headers["x-seraph-loginreason"], "AUTHENTICATED_FAILED");
    }
    let by_email =
        mine(world.request(Method::GET, "/rest/api/2/myself").basic_auth(&bot.email, Some(&bot.token))).await;
    assert_eq!(by_email.status, 401);
}

#[tokio::test]
async fn rich_text_is_a_string_of_the_length_that_the_site_takes() {
    let area = CustomField {
        id: "customfield_10050".to_owned(),
        name: "Why".to_owned(),
        kind: FieldKind::Paragraph,
    };
    let world = World::data_center().await;
    world.sandbox.add_field("DISP", area).expect("a field");
    let markup = "h2. Why\n* {{a|b}}";
    let key = world
        .issue("a", json!({ "description": markup, "environment": "e", "customfield_10050": "*w*" }))
        .await;
    let fields = world.get(&format!("issue/{key}")).await.json()["fields"].clone();
    assert_eq!(fields["description"], markup);
    assert_eq!((&fields["environment"], &fields["customfield_10050"]), (&json!("e"), &json!("*w*")));
    assert_eq!(fields.get("statusCategory"), None);

    let refused =
        world.post("issue", json!({ "fields": new_fields("b", json!({ "description": document("d") })) }));
    assert!(refused.await.json()["errors"]["description"].is_string());
    let told = "The entered text is too long. It exceeds the allowed limit of 32,767 characters.";
    for field in ["description", "environment", "customfield_10050"] {
        let put = |length: usize| json!({ "fields": { field: "x".repeat(length) } });
        assert_eq!(world.put("issue/DISP-1", put(32_767)).await.status, 204, "{field}");
        let long = world.put("issue/DISP-1", put(32_768)).await;
        assert_eq!((long.status, &long.json()["errors"][field]), (400, &json!(told)));
    }
    // Two units of UTF-16 each.
    let long = world.post("issue/DISP-1/comment", json!({ "body": "😀".repeat(16_384) })).await;
    assert_eq!((long.status, &long.json()["errors"]["comment"]), (400, &json!(told)));
    assert_eq!(world.post("issue/DISP-1/comment", json!({ "body": "😀".repeat(16_383) })).await.status, 201);
    assert_eq!(world.post("issue/DISP-1/comment", json!({ "body": "" })).await.status, 400);

    let short = Options { flavour: Flavour::DataCenter, text_limit: 1_000, ..Options::default() };
    let world = World::with(short).await;
    let answer = world
        .post("issue", json!({ "fields": new_fields("a", json!({ "description": "x".repeat(1_001) })) }));
    let told = answer.await.json()["errors"]["description"].as_str().expect("a text").to_owned();
    assert!(told.ends_with("limit of 1,000 characters."), "{told}");
}

#[tokio::test]
async fn comments_keep_their_properties_and_people_are_assigned_by_name() {
    let world = World::data_center().await;
    world.issue("a", json!({ "assignee": { "name": "analyst" } })).await;
    let nonce = json!([{ "key": "disputebot", "value": { "nonce": "1" } }]);
    let body = json!({ "body": "one", "properties": nonce });
    let added = world.post("issue/DISP-1/comment?expand=properties", body).await.json();
    assert_eq!((&added["body"], &added["properties"]), (&json!("one"), &nonce));
    assert_eq!(added["author"]["name"], "disputebot");
    world.sandbox.person(&User::analyst()).comment("DISP-1", "by hand").expect("a comment");

    let unknown = json!({ "fields": { "assignee": { "name": "nobody" } } });
    assert_eq!(
        world.put("issue/DISP-1", unknown).await.json()["errors"]["assignee"],
        "User 'nobody' does not exist."
    );
    let by_id = json!({ "fields": { "assignee": { "accountId": User::bot().account_id } } });
    assert_eq!(world.put("issue/DISP-1", by_id).await.status, 400);
    assert_eq!(
        world.put("issue/DISP-1", json!({ "fields": { "assignee": { "name": "disputebot" } } })).await.status,
        204
    );
    let issue = &world.sandbox.issues()[0];
    assert_eq!(issue["comments"][1]["body"], "by hand");
    assert_eq!(issue["history"][0]["items"][0]["from"], "JIRAUSER10101");
    assert_eq!(issue["history"][0]["items"][0]["toString"], "disputebot");
    let found = world.get("user/assignable/search?project=DISP&username=ana").await.json();
    assert_eq!(strings(&found, "name"), ["analyst"]);
}

#[tokio::test]
async fn search_goes_by_offset_with_a_total_and_may_be_unbounded() {
    let world = World::data_center().await;
    for number in 1..=3 {
        world.issue(&format!("number {number}"), json!({ "labels": ["one"] })).await;
    }
    let body =
        json!({ "jql": "labels = one order by key", "startAt": 1, "maxResults": 1, "fields": ["summary"] });
    let page = world.post("search", body).await.json();
    assert_eq!((&page["startAt"], &page["maxResults"], &page["total"]), (&json!(1), &json!(1), &json!(3)));
    assert_eq!(page["issues"][0]["fields"], json!({ "summary": "number 2" }));
    let all = world.get("search?jql=&startAt=0&maxResults=5000").await.json();
    assert_eq!((&all["maxResults"], strings(&all["issues"], "key").len()), (&json!(1_000), 3));
    assert!(all["issues"][0]["fields"]["status"].is_object(), "all navigable fields come unless asked for");

    let mistaken = json!({ "jql": "project = NOPE" });
    let refused = world.post("search", mistaken).await;
    assert_eq!(refused.status, 400);
    let lenient = json!({ "jql": "project = NOPE", "validateQuery": false });
    let warned = world.post("search", lenient).await;
    assert_eq!((warned.status, &warned.json()["total"]), (200, &json!(0)));
    assert_eq!(warned.json()["warningMessages"], refused.json()["errorMessages"]);
    assert_eq!(world.get("search?jql=assignee=JIRAUSER10100").await.json()["total"], 0);
}

#[tokio::test]
async fn create_metadata_calls_its_lists_values() {
    let world = World::data_center().await;
    let types = world.get("issue/createmeta/DISP/issuetypes").await.json();
    assert_eq!(strings(&types["values"], "name"), ["Task", "Bug", "Story"]);
    assert_eq!((&types["isLast"], &types["total"]), (&json!(true), &json!(3)));
    let fields = world.get("issue/createmeta/DISP/issuetypes/10001?maxResults=200").await.json();
    assert!(strings(&fields["values"], "fieldId").contains(&"environment".to_owned()));
    assert_eq!(world.get("issue/createmeta/NOPE/issuetypes").await.status, 400);
}

#[tokio::test]
async fn a_wrong_transition_breaks_the_server_and_silence_is_for_administrators() {
    let world = World::data_center().await;
    world.issue("a", json!({})).await;
    let wrong = world.post("issue/DISP-1/transitions", json!({ "transition": { "id": "999" } })).await;
    assert_eq!(wrong.status, 500);
    assert_eq!(wrong.headers["content-type"], "text/html; charset=utf-8");
    assert!(wrong.text.starts_with("<!doctype html>"));

    let body = json!({ "fields": { "summary": "b" } });
    world.sandbox.forbid(&User::bot(), Permission::AdministerProjects);
    assert_eq!(world.put("issue/DISP-1?notifyUsers=false", body.clone()).await.status, 403);
    assert_eq!(world.put("issue/DISP-1?notifyUsers=true", body.clone()).await.status, 204);
    world.sandbox.allow(&User::bot(), Permission::AdministerJira);
    assert_eq!(world.put("issue/DISP-1?notifyUsers=false", body).await.status, 204);
}

#[tokio::test]
async fn all_permissions_priorities_and_resolutions_are_told_without_being_asked() {
    let world = World::data_center().await;
    let told = world.get("mypermissions?projectKey=DISP").await.json();
    assert_eq!(told["permissions"]["CREATE_ISSUES"]["havePermission"], true);
    assert_eq!(told["permissions"]["ADMINISTER"]["havePermission"], false);
    let priorities = world.get("priority").await.json();
    assert_eq!(strings(&priorities, "name"), ["Highest", "High", "Medium", "Low", "Lowest"]);
    assert_eq!(world.get("priority/page").await.json()["values"], priorities);
    assert_eq!(world.get("resolution").await.json()[0]["name"], "Done");
    assert_eq!(world.get("resolution/page").await.json()["total"], 4);
}

#[tokio::test]
async fn limits_count_by_account_and_every_answer_tells_what_is_left() {
    let world = World::data_center().await;
    assert!(!world.get("myself").await.headers.contains_key("x-ratelimit-limit"));
    world.sandbox.set_limits(Limits { per_issue: true, burst: true, told: true });
    for left in (0..50).rev() {
        let answer = world.get("myself").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["x-ratelimit-remaining"], left.to_string().as_str());
        assert_eq!(answer.headers["retry-after"], if left == 0 { "1" } else { "0" });
    }
    let refused = world.get("myself").await;
    assert_eq!(
        (refused.status, &refused.headers["x-ratelimit-fillrate"]),
        (429, &"10".parse().expect("a number"))
    );
    assert!(refused.text.contains("<h1>429"), "{}", refused.text);
    assert_eq!(world.send(world.signed(&User::analyst(), Method::GET, "myself")).await.status, 200);
    world.sandbox.set_clock(time("2026-08-22T06:00:01Z"));
    assert_eq!(world.get("myself").await.headers["x-ratelimit-remaining"], "9");
}

#[tokio::test]
async fn faults_speak_html() {
    let world = World::data_center().await;
    let on = |effect| Fault {
        nth: 1,
        matches: Matches::Ending { method: "GET".to_owned(), suffix: "/myself".to_owned() },
        effect,
    };
    world.sandbox.inject(on(Effect::RateLimit(RateLimit::new(Reason::Burst, 7))));
    world.sandbox.inject(on(Effect::Answer { status: 503, headers: Vec::new(), body: String::new() }));
    for status in [429, 503] {
        let answer = world.get("myself").await;
        assert_eq!((answer.status, &answer.text[..15]), (status, "<!doctype html>"));
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    }
    assert_eq!(world.get("myself").await.status, 200);
}

#[tokio::test]
async fn a_context_path_stands_before_everything() {
    let options =
        Options { flavour: Flavour::DataCenter, context_path: "/jira".to_owned(), ..Options::default() };
    let world = World::with(options).await;
    let base = world.sandbox.base_url();
    assert!(base.ends_with("/jira"));
    world.issue("a", json!({ "description": "h1. Title\n*b* <i>" })).await;
    let issue = world.get("issue/DISP-1").await.json();
    assert_eq!(issue["self"], format!("{base}/rest/api/2/issue/10001"));
    assert_eq!(world.get("serverInfo").await.json()["baseUrl"], base);

    let board = world.page("/").await;
    assert!(board.text.contains("href=\"/jira/browse/DISP-1\"") && board.text.contains("/jira/sandbox.css"));
    let page = world.page("/browse/DISP-1").await;
    assert!(page.text.contains("<h3 class=\"level-1\">Title</h3><p><strong>b</strong> &lt;i&gt;</p>"));
    let outside =
        world.http.get(base.replace("/jira", "/rest/api/2/serverInfo")).send().await.expect("an answer");
    assert_eq!(outside.status(), 404);
}

#[tokio::test]
async fn links_files_and_properties_are_there_as_well() {
    let world = World::data_center().await;
    world.issue("a", json!({})).await;
    world.issue("b", json!({})).await;
    let link = json!({ "type": { "name": "Relates" }, "inwardIssue": { "key": "DISP-1" },
                       "outwardIssue": { "key": "DISP-2" }, "comment": { "body": "linked" } });
    assert_eq!(world.post("issueLink", link).await.status, 201);
    assert_eq!(world.put("issue/DISP-1/properties/key", json!({ "a": 1 })).await.status, 201);
    assert_eq!(world.put("project/DISP/properties/key", json!({ "a": 1 })).await.status, 201);
    let added = world.attach(&User::bot(), "DISP-1", "a b.csv", b"x".to_vec()).await.json();
    let content = added[0]["content"].as_str().expect("an address").to_owned();
    assert!(content.contains("/secure/attachment/") && content.ends_with("a+b.csv"), "{content}");
    let read = world.send(world.http.get(&content).bearer_auth(User::bot().token)).await;
    assert_eq!(read.text, "x");
    assert_eq!(world.send(world.http.get(&content)).await.status, 401);
    let issue = world.get("issue/DISP-1?expand=changelog").await.json();
    assert_eq!(issue["fields"]["issuelinks"][0]["outwardIssue"]["key"], "DISP-2");
    assert_eq!(issue["changelog"]["total"], 2);
    assert_eq!(world.sandbox.unknown_routes(), Vec::<String>::new());
    assert_ne!(issue["fields"]["comment"]["comments"][0]["body"], Value::Null);
}
