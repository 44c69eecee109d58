//! The HTTP server: reads a request, lets a fault strike, asks the endpoint or the page, records, answers.
//!
//! One request is one uninterrupted step on the world, so there are no half effects: a fault before the
//! step leaves nothing, a fault after it leaves everything.

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, FromRequest, Multipart, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::api;
use super::call::{Answer, Call, Content, Part, Query, decode_segment};
use super::connection::{CuttableListener, Line};
use super::fault::{Armed, Due, Effect, Fault, Reply};
use super::late::{self, LateWrite};
use super::limit;
use super::pages::Pages;
use super::site;
use super::world::{World, lock};
use super::{Recorded, User};

/// Room for the frame of a multipart body beside the largest file.
const MULTIPART_FRAME_BYTES: usize = 1 << 20;

/// Pages show text that anybody may have written: nothing but our own style sheet is ever loaded or run.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What all connections share.
pub(crate) struct Shared {
    world: Mutex<World>,
    faults: Mutex<Armed>,
    recorded: Mutex<Vec<Recorded>>,
    unknown: Mutex<Vec<String>>,
    /// One permit per request that hangs and was not told yet.
    hanging: Semaphore,
    stopping: CancellationToken,
    pages: Pages,
}

impl Shared {
    pub(crate) fn new(world: World, stopping: CancellationToken) -> Self {
        Self {
            world: Mutex::new(world),
            faults: Mutex::default(),
            recorded: Mutex::default(),
            unknown: Mutex::default(),
            hanging: Semaphore::new(0),
            stopping,
            pages: Pages::new(),
        }
    }

    /// One uninterrupted step on the world, after all that was due before it.
    pub(crate) fn step<T>(&self, step: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.world);
        late::settle(&mut world);
        let result = step(&mut world);
        world.note();
        result
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        lock(&self.recorded).clone()
    }

    pub(crate) fn unknown_routes(&self) -> Vec<String> {
        lock(&self.unknown).clone()
    }

    pub(crate) fn inject(&self, fault: Fault) {
        lock(&self.faults).add(fault);
    }

    pub(crate) fn chaos(&self, seed: u64, percent: u8) {
        lock(&self.faults).chaos(seed, percent);
    }

    pub(crate) fn unused_faults(&self) -> Vec<Fault> {
        lock(&self.faults).unused()
    }

    pub(crate) fn begin_to_stop(&self) {
        self.stopping.cancel();
    }

    pub(crate) async fn reached(&self) {
        // The semaphore is never closed, so the only answer is a permit, and a permit is told once.
        if let Ok(permit) = self.hanging.acquire().await {
            permit.forget();
        }
    }
}

/// Serves until the token is cancelled and all requests are answered.
pub(crate) async fn serve(listener: CuttableListener, shared: Arc<Shared>) -> io::Result<()> {
    let stopping = shared.stopping.clone();
    let app = Router::new().fallback(handle).with_state(shared);
    axum::serve(listener, app.into_make_service_with_connect_info::<Line>())
        .with_graceful_shutdown(stopping.cancelled_owned())
        .await
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let Ok(body) = to_bytes(body, site::UPLOAD_LIMIT_BYTES + MULTIPART_FRAME_BYTES).await else {
        return respond(Answer::message(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large."), None);
    };
    if !(path == "/rest" || path.starts_with("/rest/")) {
        let page = shared.step(|world| shared.pages.answer(world, &head.method, &path));
        return respond(page, None);
    }

    let who = shared.step(|world| {
        signed_in(&head.headers, &world.users).filter(|account| !world.revoked.contains(account))
    });
    let mut call = read_call(&head, &path, body, who).await;
    let mut struck = lock(&shared.faults).strike(&call.method, &path);
    match struck {
        Some(Effect::ExpireToken) => {
            struck = None;
            shared.step(|world| world.revoked.extend(call.who.take()));
        }
        Some(Effect::ExpirePages) => {
            struck = None;
            shared.step(|world| world.page_epoch += 1);
        }
        _ => {}
    }
    if struck.is_none() {
        struck = shared.step(|world| limit::count(world, &call)).map(Effect::RateLimit);
    }
    let mut record = Recorded {
        method: call.method.to_string(),
        path: path.clone(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body: recorded_body(&call),
        status: None,
        who: call.who.clone(),
    };
    let keep = |record: Recorded| lock(&shared.recorded).push(record);

    match struck {
        None | Some(Effect::ExpireToken | Effect::ExpirePages) => {
            let answer = act(&shared, &call, &path);
            record.status = Some(answer.status.as_u16());
            keep(record);
            respond(answer, call.who.as_deref())
        }
        Some(Effect::HangBeforeCommit) => {
            keep(record);
            hang(&shared, &line).await
        }
        Some(Effect::HangAfterCommit) => {
            act(&shared, &call, &path);
            keep(record);
            hang(&shared, &line).await
        }
        Some(Effect::CloseBeforeCommit) => {
            keep(record);
            close(&line)
        }
        Some(Effect::CloseAfterCommit) => {
            act(&shared, &call, &path);
            keep(record);
            close(&line)
        }
        Some(Effect::RateLimit(limit)) => {
            record.status = Some(StatusCode::TOO_MANY_REQUESTS.as_u16());
            keep(record);
            let (headers, body) = limit.answer(shared.step(|world| world.now()));
            respond_as_told(StatusCode::TOO_MANY_REQUESTS.as_u16(), &headers, body)
        }
        Some(Effect::Late { reply, due }) => {
            if let Reply::Answer { status, .. } = &reply {
                record.status = Some(*status);
            }
            shared.step(|world| {
                let due = match due {
                    Due::Released => None,
                    Due::After(wait) => Some(world.now().saturating_add(wait).unwrap_or(Timestamp::MAX)),
                };
                world.late.push(LateWrite { due, call });
            });
            keep(record);
            match reply {
                Reply::Hang => hang(&shared, &line).await,
                Reply::Close => close(&line),
                Reply::Answer { status, headers, body } => respond_as_told(status, &headers, body),
            }
        }
        Some(Effect::Answer { status, headers, body }) => {
            record.status = Some(status);
            keep(record);
            respond_as_told(status, &headers, body)
        }
        Some(Effect::AnswerAfterCommit { status, headers, body }) => {
            act(&shared, &call, &path);
            record.status = Some(status);
            keep(record);
            respond_as_told(status, &headers, body)
        }
    }
}

/// Takes the whole step; a request that no endpoint serves is remembered.
fn act(shared: &Shared, call: &Call, path: &str) -> Answer {
    shared.step(|world| api::answer(world, call)).unwrap_or_else(|api::NoEndpoint| {
        lock(&shared.unknown).push(format!("{} {path}", call.method));
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        let status = if api::has_other_method(&segments) {
            StatusCode::METHOD_NOT_ALLOWED
        } else {
            StatusCode::NOT_FOUND
        };
        Answer::problem(status, path)
    })
}

async fn read_call(head: &Parts, path: &str, body: Bytes, who: Option<String>) -> Call {
    let content_type =
        text(&head.headers, &CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let parts =
        if content_type == "multipart/form-data" { read_parts(head, body.clone()).await } else { Vec::new() };
    Call {
        method: head.method.clone(),
        segments: api_segments(path),
        query: Query::parse(head.uri.query().unwrap_or_default()),
        content_type,
        body,
        parts,
        waives_forgery_check: text(&head.headers, &HeaderName::from_static("x-atlassian-token"))
            == "no-check",
        who,
    }
}

/// The segments after `/rest/api/3/` or `/rest/api/latest/`; one segment that no route has for all else.
fn api_segments(path: &str) -> Vec<String> {
    ["/rest/api/3/", "/rest/api/latest/"].iter().find_map(|prefix| path.strip_prefix(prefix)).map_or_else(
        || vec![String::new()],
        |rest| rest.trim_end_matches('/').split('/').map(decode_segment).collect(),
    )
}

/// The parts up to the first that cannot be read; an endpoint refuses a body without a usable part.
async fn read_parts(head: &Parts, body: Bytes) -> Vec<Part> {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = Method::POST;
    request.headers_mut().clone_from(&head.headers);
    let Ok(mut multipart) = Multipart::from_request(request, &()).await else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    while let Ok(Some(field)) = multipart.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().unwrap_or_default().to_owned();
        let media_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
        match field.bytes().await {
            Ok(bytes) => parts.push(Part { name, file_name, media_type, bytes }),
            Err(_) => break,
        }
    }
    parts
}

fn signed_in(headers: &HeaderMap, users: &[User]) -> Option<String> {
    let (scheme, encoded) = text(headers, &AUTHORIZATION).split_once(' ')?;
    let credentials = STANDARD.decode(encoded.trim()).ok()?;
    let (email, token) = std::str::from_utf8(&credentials).ok()?.split_once(':')?;
    users
        .iter()
        .filter(|_| scheme.eq_ignore_ascii_case("basic"))
        .find(|user| user.email.eq_ignore_ascii_case(email) && user.token == token)
        .map(|user| user.account_id.clone())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn recorded_body(call: &Call) -> Value {
    if call.body.is_empty() {
        return Value::Null;
    }
    if !call.parts.is_empty() {
        let part = |part: &Part| json!({ "name": part.name, "fileName": part.file_name, "sizeBytes": part.bytes.len() });
        return call.parts.iter().map(part).collect();
    }
    serde_json::from_slice(&call.body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&call.body).into_owned()))
}

/// Waits for the client to go away, which drops this future, or for the sandbox to stop.
async fn hang(shared: &Shared, line: &Line) -> Response {
    shared.hanging.add_permits(1);
    shared.stopping.cancelled().await;
    close(line)
}

/// The response is never sent: the write that would send it finds the line cut.
fn close(line: &Line) -> Response {
    line.cut();
    Response::new(Body::empty())
}

fn respond(answer: Answer, who: Option<&str>) -> Response {
    let Answer { status, content } = answer;
    let (media_type, body, is_page) = match content {
        Content::Empty => (None, Body::empty(), false),
        Content::Json(value) => {
            (Some("application/json;charset=UTF-8".to_owned()), Body::from(value.to_string()), false)
        }
        Content::Problem(value) => {
            (Some("application/problem+json".to_owned()), Body::from(value.to_string()), false)
        }
        Content::Html(text) => (Some("text/html; charset=utf-8".to_owned()), Body::from(text), true),
        Content::Css(text) => (Some("text/css; charset=utf-8".to_owned()), Body::from(text), true),
        Content::File { name, media_type, bytes } => {
            let mut response = plain(status, Some(media_type), Body::from(bytes));
            // The name comes from a client: only what cannot end the quoted string goes into the header.
            let safe: String = name
                .chars()
                .map(|c| if c.is_ascii_graphic() && !"\"\\;%".contains(c) { c } else { '_' })
                .collect();
            put(&mut response, CONTENT_DISPOSITION, &format!("attachment; filename=\"{safe}\""));
            put_account(&mut response, who);
            return response;
        }
    };
    let mut response = plain(status, media_type, body);
    if is_page {
        put(&mut response, CONTENT_SECURITY_POLICY, PAGE_POLICY);
        put(&mut response, REFERRER_POLICY, "no-referrer");
    }
    put_account(&mut response, who);
    response
}

fn respond_as_told(status: u16, headers: &[(String, String)], body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = plain(status, Some("application/json;charset=UTF-8".to_owned()), Body::from(body));
    for (name, value) in headers {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            put(&mut response, name, value);
        }
    }
    response
}

fn plain(status: StatusCode, media_type: Option<String>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Some(media_type) = media_type {
        put(&mut response, CONTENT_TYPE, &media_type);
    }
    put(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(&mut response, CACHE_CONTROL, "no-store");
    response
}

fn put_account(response: &mut Response, who: Option<&str>) {
    if let Some(account) = who {
        put(response, HeaderName::from_static("x-aaccountid"), account);
    }
}

fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
