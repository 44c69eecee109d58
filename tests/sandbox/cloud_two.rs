//! Version 2 on Cloud, and the gateway for scoped tokens.

use disputebot::sandbox::{Measure, Options, User};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{World, document, new_fields};

fn two(world: &World, method: Method, path: &str) -> RequestBuilder {
    let bot = User::bot();
    world.request(method, &format!("/rest/api/2/{path}")).basic_auth(bot.email, Some(bot.token))
}

#[tokio::test]
async fn version_2_takes_and_shows_markup_where_version_3_has_documents() {
    let world = World::new().await;
    let fields = new_fields("a", json!({ "description": "h2. Why\n\nBecause." }));
    let made = world.send(two(&world, Method::POST, "issue").json(&json!({ "fields": fields }))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.json()["self"].as_str().expect("an address").contains("/rest/api/2/issue/"));
    let three = world.get("issue/DISP-1?fields=description").await.json();
    assert_eq!(three["fields"]["description"]["content"][0]["type"], "heading");
    let read = world.send(two(&world, Method::GET, "issue/DISP-1?fields=description,reporter")).await.json();
    assert_eq!(read["fields"]["description"], "h2. Why\n\nBecause.");
    assert_eq!(read["fields"]["reporter"]["accountId"], User::bot().account_id);

    let comment = two(&world, Method::POST, "issue/DISP-1/comment").json(&json!({ "body": "plain" }));
    assert_eq!(world.send(comment).await.json()["body"], "plain");
    let body = json!({ "body": document("x") });
    let refused = world.send(two(&world, Method::POST, "issue/DISP-1/comment").json(&body)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(world.get("issue/DISP-1/comment").await.json()["comments"][0]["body"], document("plain"));
}

#[tokio::test]
async fn the_removed_search_is_gone_from_both_versions() {
    let world = World::new().await;
    for path in ["/rest/api/2/search", "/rest/api/3/search", "/rest/api/latest/search"] {
        assert_eq!(world.page(path).await.status, 410, "{path}");
    }
    let found = world.send(two(&world, Method::GET, "search/jql?jql=project=DISP")).await;
    assert_eq!(found.json(), json!({ "issues": [], "isLast": true }));
    let parsed =
        world.post("jql/parse?validation=strict", json!({ "queries": ["project = DISP", "a = 1", "("] }));
    let parsed = parsed.await.json();
    assert_eq!(parsed["queries"][0].get("errors"), None);
    assert_eq!(
        parsed["queries"][1]["errors"],
        json!(["Field 'a' does not exist or you do not have permission to view it."])
    );
    assert!(parsed["queries"][2]["errors"][0].is_string());
}

#[tokio::test]
async fn the_gateway_takes_what_the_site_refuses() {
    let world = World::with(Options { scoped_only: true, ..Options::default() }).await;
    let bot = User::bot();
    let site = world.get("myself").await;
    assert_eq!(site.status, 401);
    assert_eq!(world.page("/rest/api/3/serverInfo").await.status, 200);
    let tenant = world.page("/_edge/tenant_info").await.json();
    let gateway = world.sandbox.gateway_url();
    assert!(gateway.ends_with(tenant["cloudId"].as_str().expect("an id")));

    let get = |address: String| world.http.get(address);
    let basic = get(format!("{gateway}/rest/api/3/myself")).basic_auth(&bot.email, Some(&bot.token));
    let bearer = get(format!("{gateway}/rest/api/3/myself")).bearer_auth(&bot.token);
    for request in [basic, bearer] {
        let answer = world.send(request).await;
        assert_eq!((answer.status, &answer.json()["accountId"]), (200, &json!(bot.account_id)));
        assert!(answer.json()["self"].as_str().expect("an address").starts_with(&gateway));
    }
    let stranger = format!("{gateway}x/rest/api/3/myself");
    let wrong = world.send(get(stranger).bearer_auth(&bot.token)).await;
    assert_eq!(wrong.status, 404);
    assert_eq!(world.sandbox.requests().last().map(|found| found.status), Some(Some(404)));
}

#[tokio::test]
async fn the_length_of_a_document_may_be_that_of_its_text() {
    let put = |world: World, length: usize| async move {
        world.issue("a", json!({})).await;
        world
            .put("issue/DISP-1", json!({ "fields": { "description": document(&"x".repeat(length)) } }))
            .await
            .status
    };
    let json_length = |length: usize| document(&"x".repeat(length)).to_string().len();
    let frame = json_length(1) - 1;
    assert_eq!(put(World::new().await, 32_767 - frame).await, 204);
    assert_eq!(put(World::new().await, 32_768 - frame).await, 400);
    let by_text = || World::with(Options { measure: Measure::Text, ..Options::default() });
    assert_eq!(put(by_text().await, 32_767).await, 204);
    assert_eq!(put(by_text().await, 32_768).await, 400);
}
