//! Starting, signing in, unknown paths, what is recorded.

use disputebot::sandbox::{self, Options, SandboxError, User};
use reqwest::Method;
use serde_json::json;

use super::World;

#[tokio::test]
async fn options_that_jira_would_not_take_are_refused() {
    for key in ["", "D", "disp", "1DISP", "DISP-1", "DISPUTEBOTS"] {
        let options = Options { project_key: key.to_owned(), ..Options::default() };
        let error = sandbox::start(options).await.expect_err("a bad key");
        assert!(matches!(error, SandboxError::ProjectKey { found } if found == key));
    }
    let nobody = Options { users: Vec::new(), ..Options::default() };
    assert!(matches!(sandbox::start(nobody).await, Err(SandboxError::NoUsers)));
    let context_path = "jira/".to_owned();
    let path = sandbox::start(Options { context_path, ..Options::default() }).await;
    assert!(matches!(path, Err(SandboxError::ContextPath { found }) if found == "jira/"));
    let mut twin = User::analyst();
    twin.email = User::bot().email.to_uppercase();
    let twins = Options { users: vec![User::bot(), twin], ..Options::default() };
    assert!(matches!(sandbox::start(twins).await, Err(SandboxError::RepeatedUser { .. })));
}

#[tokio::test]
async fn a_taken_address_is_told() {
    let world = World::new().await;
    let address = world.sandbox.base_url().trim_start_matches("http://").parse().expect("an address");
    let second = sandbox::start(Options { address, ..Options::default() }).await;
    assert!(matches!(second, Err(SandboxError::Listen { address: told, .. }) if told == address));
}

#[tokio::test]
async fn a_stopped_sandbox_refuses_connections() {
    let world = World::new().await;
    let request = world.signed(&User::bot(), Method::GET, "myself");
    world.sandbox.clone().stop().await;
    assert!(request.send().await.expect_err("no server").is_connect());
}

#[tokio::test]
async fn strangers_get_401_everywhere_but_at_server_info_and_search() {
    let world = World::new().await;
    world.issue("seen by members only", json!({})).await;
    let mut expired = User::bot();
    expired.token = "expired".to_owned();

    for path in ["myself", "issue/DISP-1", "field", "project/DISP"] {
        let anonymous = world.send(world.request(Method::GET, &format!("/rest/api/3/{path}"))).await;
        let refused = world.send(world.signed(&expired, Method::GET, path)).await;
        assert_eq!((anonymous.status, refused.status), (401, 401), "{path}");
        assert!(!refused.headers.contains_key("x-aaccountid"));
    }
    let info = world.page("/rest/api/3/serverInfo").await;
    assert_eq!((info.status, &info.json()["deploymentType"]), (200, &json!("Cloud")));
    for jql in ["project = DISP", "project = NOPE", "no_such_field = 1"] {
        let body = json!({ "jql": jql });
        let found = world.send(world.request(Method::POST, "/rest/api/3/search/jql").json(&body)).await;
        assert_eq!((found.status, found.json()), (200, json!({ "issues": [], "isLast": true })), "{jql}");
        assert!(!found.headers.contains_key("x-aaccountid"));
        let count =
            world.send(world.request(Method::POST, "/rest/api/3/search/approximate-count").json(&body)).await;
        assert_eq!((count.status, count.json()), (200, json!({ "count": 0 })), "{jql}");
    }
}

#[tokio::test]
async fn only_the_basic_scheme_signs_in() {
    let world = World::new().await;
    let basic = world.signed(&User::bot(), Method::GET, "myself").build().expect("a request");
    let credentials = basic.headers()["authorization"].to_str().expect("a header");
    let bearer = credentials.replacen("Basic", "Bearer", 1);
    let request = world.request(Method::GET, "/rest/api/3/myself").header("authorization", bearer);
    assert_eq!(world.send(request).await.status, 401);
}

#[tokio::test]
async fn signed_in_answers_name_the_account() {
    let world = World::new().await;
    for user in [User::bot(), User::analyst()] {
        let answer = world.send(world.signed(&user, Method::GET, "myself")).await;
        assert_eq!(answer.headers["x-aaccountid"], user.account_id.as_str());
        assert_eq!(answer.json()["emailAddress"], user.email);
    }
    let missing = world.get("issue/DISP-404").await;
    assert_eq!(
        (missing.status, &missing.headers["x-aaccountid"]),
        (404, &User::bot().account_id.parse().expect("a header"))
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_and_are_recorded() {
    let world = World::new().await;
    let nowhere = world.get("issue/DISP-1/nothing").await;
    let wrong_method = world.delete("myself").await;
    let other_version = world.page("/rest/api/4/serverInfo").await;
    for (answer, status) in [(nowhere, 404), (wrong_method, 405), (other_version, 404)] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.json()["status"], status);
    }
    assert_eq!(
        world.sandbox.unknown_routes(),
        ["GET /rest/api/3/issue/DISP-1/nothing", "DELETE /rest/api/3/myself", "GET /rest/api/4/serverInfo"]
    );
}

#[tokio::test]
async fn latest_is_another_name_for_version_3() {
    let world = World::new().await;
    let request = world.request(Method::GET, "/rest/api/latest/myself");
    let answer = world.send(request.basic_auth(User::bot().email, Some(User::bot().token))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.sandbox.unknown_routes(), Vec::<String>::new());
}

#[tokio::test]
async fn requests_are_recorded_in_order_with_who_and_what_came_of_it() {
    let world = World::new().await;
    world.issue("first", json!({})).await;
    world.get("issue/DISP-2?fields=summary").await;
    world.page("/rest/api/3/myself").await;
    world.page("/").await;

    let recorded = world.sandbox.requests();
    let brief: Vec<(&str, &str, &str, Option<u16>)> = recorded
        .iter()
        .map(|found| (found.method.as_str(), found.path.as_str(), found.query.as_str(), found.status))
        .collect();
    assert_eq!(
        brief,
        [
            ("POST", "/rest/api/3/issue", "", Some(201)),
            ("GET", "/rest/api/3/issue/DISP-2", "fields=summary", Some(404)),
            ("GET", "/rest/api/3/myself", "", Some(401)),
        ]
    );
    assert_eq!(recorded[0].body["fields"]["summary"], "first");
    assert_eq!(recorded[0].who, Some(User::bot().account_id));
    assert_eq!(recorded[2].who, None);
}
