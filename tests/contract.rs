//! What judges the requests of the other tests finds what is wrong and lets pass what is right.

#[path = "common/contract.rs"]
mod contract;
#[path = "common/judged.rs"]
mod judged;

use disputebot::sandbox::{self, Flavour, Options, Recorded};
use serde_json::{Value, json};

fn sent(method: &str, path: &str, query: &str, body: Value) -> Recorded {
    Recorded {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body,
        status: None,
        took_effect: false,
        who: None,
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn told(flavour: Flavour, request: Recorded) -> String {
    contract::breaches(flavour, &[request]).join("; ")
}

#[test]
fn right_requests_pass() {
    let document = json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph" }] });
    let file = json!([{ "name": "file", "fileName": "a.csv", "sizeBytes": 1 }]);
    for request in [
        sent("GET", "/rest/api/3/myself", "", Value::Null),
        sent("GET", "/ex/jira/1/rest/api/3/issue/DISP-1", "fields=summary&expand=changelog", Value::Null),
        sent(
            "POST",
            "/rest/api/3/issue",
            "",
            json!({ "fields": { "anything": 1, "description": document } }),
        ),
        sent("POST", "/rest/api/3/search/jql", "", json!({ "jql": "project = DISP", "maxResults": 5 })),
        sent("PUT", "/rest/api/3/issue/DISP-1", "notifyUsers=false", json!({ "update": { "labels": [] } })),
        sent("POST", "/rest/api/3/issue/DISP-1/attachments", "", file.clone()),
        sent("PUT", "/rest/api/3/issue/DISP-1/properties/a", "", json!({ "free": ["form"] })),
        sent("GET", "/_edge/tenant_info", "", Value::Null),
    ] {
        assert_eq!(told(Flavour::Cloud, request.clone()), "", "{request:?}");
    }
    for request in [
        sent("GET", "/jira/rest/api/2/serverInfo", "", Value::Null),
        sent("GET", "/rest/api/3/serverInfo", "", Value::Null),
        sent("POST", "/rest/api/2/search", "", json!({ "jql": "a", "startAt": 0, "validateQuery": true })),
        sent("GET", "/rest/api/latest/issue/DISP-1/transitions", "expand=transitions.fields", Value::Null),
        sent("POST", "/rest/api/2/issue/DISP-1/comment", "", json!({ "body": "plain" })),
    ] {
        assert_eq!(told(Flavour::DataCenter, request.clone()), "", "{request:?}");
    }
}

#[test]
fn wrong_requests_are_told() {
    if contract::folder().is_none() {
        return;
    }
    let bad_document =
        json!({ "fields": { "description": { "type": "doc", "version": 1, "content": [{}] } } });
    for (request, wanted) in [
        (sent("GET", "/rest/api/3/issue/DISP-1/nothing", "", Value::Null), "no such path"),
        (sent("GET", "/rest/api/4/myself", "", Value::Null), "no version `4`"),
        (sent("DELETE", "/rest/api/3/myself", "", Value::Null), "no such method"),
        (sent("GET", "/rest/api/3/search", "jql=a", Value::Null), "deprecated"),
        (sent("GET", "/rest/api/3/issue/DISP-1", "field=summary", Value::Null), "no parameter `field`"),
        (sent("GET", "/rest/api/3/search/jql", "jql=a&maxResults=all", Value::Null), "does not take `all`"),
        (sent("POST", "/rest/api/3/issue", "", json!({ "fields": {}, "nonce": 1 })), "no member `nonce`"),
        (sent("POST", "/rest/api/3/issue", "", Value::Null), "body is missing"),
        (sent("POST", "/rest/api/3/search/jql", "", json!({ "jql": 1 })), "body.jql is of type"),
        (
            sent("POST", "/rest/api/3/issueLink", "", json!({ "type": { "name": "a" } })),
            "lacks `inwardIssue`",
        ),
        (sent("GET", "/rest/api/3/myself", "", json!({})), "takes no body"),
        (
            sent("POST", "/rest/api/3/issue/DISP-1/attachments", "", json!([{ "name": "document" }])),
            "named `file`",
        ),
        (sent("POST", "/rest/api/3/issue", "", bad_document), "no valid document"),
    ] {
        let told = told(Flavour::Cloud, request.clone());
        assert!(told.contains(wanted), "{request:?}: expected `{wanted}`, found `{told}`");
    }
    let document = json!({ "body": { "type": "doc", "version": 1, "content": [] } });
    for (request, wanted) in [
        (sent("POST", "/rest/api/2/search/jql", "", json!({ "jql": "a" })), "no such"),
        (sent("POST", "/rest/api/2/issue/DISP-1/comment", "", document), "does not know"),
        (sent("GET", "/rest/api/3/myself", "", Value::Null), "no version `3`"),
    ] {
        let told = told(Flavour::DataCenter, request.clone());
        assert!(told.contains(wanted), "{request:?}: expected `{wanted}`, found `{told}`");
    }
}

#[tokio::test]
async fn a_whole_sandbox_is_judged() {
    let sandbox = judged::Judged(sandbox::start(Options::default()).await.expect("a sandbox"));
    let url = format!("{}/rest/api/3/serverInfo", sandbox.base_url());
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
        .get(url)
        .send()
        .await
        .expect("an answer");
    assert_eq!(sandbox.requests().len(), 1);
}
