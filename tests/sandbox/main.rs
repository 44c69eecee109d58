//! The sandbox over real HTTP, as a client meets it.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by a panic, its helpers too")]

mod access;
mod cloud_two;
mod data_center;
mod faults;
mod fields;
mod files;
mod hanging_on;
mod house;
mod issues;
mod late;
mod limits;
mod pages;
mod people;
mod remote;
mod search;
mod site;
mod webhooks;
mod workflow;

use disputebot::sandbox::{self, Flavour, Options, Sandbox, User};
use jiff::Timestamp;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A running sandbox and the default accounts on it.
struct World {
    sandbox: Sandbox,
    flavour: Flavour,
    http: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl World {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn data_center() -> Self {
        Self::with(Options { flavour: Flavour::DataCenter, ..Options::default() }).await
    }

    async fn with(options: Options) -> Self {
        let flavour = options.flavour;
        let sandbox = sandbox::start(options).await.expect("a sandbox on a free port");
        sandbox.set_clock(time("2026-08-22T06:00:00Z"));
        // A kept connection would let the client repeat a request by itself when it is cut.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        Self { sandbox, flavour, http }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.sandbox.base_url()))
    }

    /// A request to the newest version that there is.
    fn signed(&self, user: &User, method: Method, path: &str) -> RequestBuilder {
        match self.flavour {
            Flavour::Cloud => self
                .request(method, &format!("/rest/api/3/{path}"))
                .basic_auth(&user.email, Some(&user.token)),
            Flavour::DataCenter => {
                self.request(method, &format!("/rest/api/2/{path}")).bearer_auth(&user.token)
            }
        }
    }

    async fn attach(&self, user: &User, key: &str, name: &str, bytes: Vec<u8>) -> Answer {
        let part = reqwest::multipart::Part::bytes(bytes).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.signed(user, Method::POST, &format!("issue/{key}/attachments"));
        self.send(request.header("X-Atlassian-Token", "no-check").multipart(form)).await
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a body");
        Answer { status, headers, text }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.signed(&User::bot(), Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.signed(&User::bot(), Method::POST, path).json(&body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.signed(&User::bot(), Method::PUT, path).json(&body)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(self.signed(&User::bot(), Method::DELETE, path)).await
    }

    async fn page(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Creates an issue with a summary and more fields, and gives its key.
    async fn issue(&self, summary: &str, more: Value) -> String {
        let answer = self.post("issue", json!({ "fields": new_fields(summary, more) })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["key"].as_str().expect("a key").to_owned()
    }

    /// The keys that a query finds, in its order.
    async fn keys(&self, jql: &str) -> Vec<String> {
        let answer = self.post("search/jql", json!({ "jql": jql, "fields": ["key"] })).await;
        assert_eq!(answer.status, 200, "{jql}: {}", answer.text);
        strings(&answer.json()["issues"], "key")
    }

    async fn move_by(&self, key: &str, transition: &str) {
        let answer = self
            .post(&format!("issue/{key}/transitions"), json!({ "transition": { "id": transition } }))
            .await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }

    async fn close(&self, key: &str) {
        let body = json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Done" } } });
        let answer = self.post(&format!("issue/{key}/transitions"), body).await;
        assert_eq!(answer.status, 204, "{}", answer.text);
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn new_fields(summary: &str, more: Value) -> Value {
    let mut fields =
        json!({ "project": { "key": "DISP" }, "issuetype": { "name": "Task" }, "summary": summary });
    if let Value::Object(more) = more {
        fields.as_object_mut().expect("an object").extend(more);
    }
    fields
}

fn document(text: &str) -> Value {
    json!({ "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": text }] }] })
}

fn strings(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|entry| entry[member].as_str().expect("a text").to_owned()).collect()
}
