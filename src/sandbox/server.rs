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
    ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Recorded;
use super::api;
use super::call::{Answer, Call, Content, Part, Query};
use super::connection::{CuttableListener, Line};
use super::dialect::{Flavour, Place, Site, Speech};
use super::fault::{Armed, Due, Effect, Fault, Reply};
use super::language::Language;
use super::late::{self, LateWrite};
use super::limit;
use super::pages::Pages;
use super::visit;
use super::world::{World, lock};

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
    /// Something may be there to deliver.
    posted: Notify,
    pages: Pages,
    site: Site,
}

impl Shared {
    pub(crate) fn new(world: World, stopping: CancellationToken) -> Self {
        Self {
            site: world.site.clone(),
            world: Mutex::new(world),
            faults: Mutex::default(),
            recorded: Mutex::default(),
            unknown: Mutex::default(),
            hanging: Semaphore::new(0),
            stopping,
            posted: Notify::new(),
            pages: Pages::new(),
        }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// One uninterrupted step on the world, after all that was due before it.
    pub(crate) fn step<T>(&self, step: impl FnOnce(&mut World) -> T) -> T {
        let mut world = lock(&self.world);
        late::settle(&mut world);
        let mark = world.hooks.mark();
        let result = step(&mut world);
        world.note();
        if world.hooks.flows() && world.hooks.mark() != mark {
            self.posted.notify_one();
        }
        result
    }

    pub(crate) fn requests(&self) -> Vec<Recorded> {
        lock(&self.recorded).clone()
    }

    pub(crate) fn requests_from(&self, first: usize) -> Vec<Recorded> {
        lock(&self.recorded).get(first..).unwrap_or_default().to_vec()
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

    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    pub(crate) fn posted(&self) -> &Notify {
        &self.posted
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
    let mut manner = Manner { flavour: shared.site.flavour, account: None, headers: Vec::new() };
    let most_bytes = shared.step(|world| world.upload_limit) + MULTIPART_FRAME_BYTES;
    let Ok(body) = to_bytes(body, most_bytes).await else {
        let answer = Answer::message(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large.");
        lock(&shared.recorded).push(Recorded {
            method: head.method.to_string(),
            path,
            query: head.uri.query().unwrap_or_default().to_owned(),
            body: Value::Null,
            status: Some(answer.status.as_u16()),
            took_effect: false,
            who: None,
            at: shared.step(|world| world.now()),
        });
        return respond(answer, manner);
    };
    let (segments, speech) = match shared.site.locate(&path) {
        Place::Api { segments, speech } => (segments, speech),
        Place::Page(inside) => {
            let page = shared.step(|world| shared.pages.answer(world, &head.method, &inside));
            return respond_with_page(page);
        }
        Place::Outside => {
            return respond_with_page(
                shared.step(|world| shared.pages.missing(world, StatusCode::NOT_FOUND)),
            );
        }
    };

    let claim = shared.step(|world| claim(&head.headers, world, speech.by_gateway));
    let language = shared.step(|world| language(&head.headers, world, &claim));
    let mut call = read_call(&head, segments, speech, body, claim, language).await;
    let mut struck = lock(&shared.faults).strike(&call.method, &path);
    match struck {
        Some(Effect::ExpireToken) => {
            struck = None;
            call.is_refused = call.who.is_some();
            shared.step(|world| world.revoked.extend(call.who.take()));
        }
        Some(Effect::ExpirePages) => {
            struck = None;
            shared.step(|world| world.page_epoch += 1);
        }
        Some(effect @ (Effect::ShortPage | Effect::LosePageToken)) => {
            struck = None;
            shared.step(|world| world.page_fault = Some(effect));
        }
        _ => {}
    }
    if struck == Some(Effect::UnnoticedEdit) {
        struck = None;
        shared.step(|world| visit::edit_unnoticed(world, &call));
    }
    if struck.is_none() {
        struck = shared.step(|world| limit::count(world, &call)).map(Effect::RateLimit);
    }
    shared.step(|world| manner.learn(world, &call));
    let at = shared.step(|world| world.now());
    let mut record = Recorded {
        method: call.method.to_string(),
        path: path.clone(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body: recorded_body(&call),
        status: None,
        took_effect: false,
        who: call.who.clone(),
        at,
    };
    let keep = |record: Recorded| lock(&shared.recorded).push(record);

    match struck {
        None
        | Some(
            Effect::ExpireToken
            | Effect::ExpirePages
            | Effect::ShortPage
            | Effect::LosePageToken
            | Effect::UnnoticedEdit,
        ) => {
            let answer = act(&shared, &call, &path);
            record.took_effect = answer.status.is_success();
            record.status = Some(answer.status.as_u16());
            keep(record);
            respond(answer, manner)
        }
        Some(Effect::HangBeforeCommit) => {
            keep(record);
            hang(&shared, &line).await
        }
        Some(Effect::HangAfterCommit) => {
            record.took_effect = act(&shared, &call, &path).status.is_success();
            keep(record);
            hang(&shared, &line).await
        }
        Some(Effect::CloseBeforeCommit) => {
            keep(record);
            close(&line)
        }
        Some(Effect::CloseAfterCommit) => {
            record.took_effect = act(&shared, &call, &path).status.is_success();
            keep(record);
            close(&line)
        }
        Some(Effect::RateLimit(limit)) => {
            record.status = Some(StatusCode::TOO_MANY_REQUESTS.as_u16());
            keep(record);
            let (headers, body) = limit.on(manner.flavour).answer(shared.step(|world| world.now()));
            respond_as_told(StatusCode::TOO_MANY_REQUESTS.as_u16(), &headers, body, manner.flavour)
        }
        Some(Effect::Conflict) => {
            shared.step(|world| visit::edit_first(world, &call));
            record.status = Some(StatusCode::CONFLICT.as_u16());
            keep(record);
            let text = "The issue was changed by somebody else at the same time.";
            respond(Answer::message(StatusCode::CONFLICT, text), manner)
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
                Reply::Answer { status, headers, body } => {
                    respond_as_told(status, &headers, body, manner.flavour)
                }
            }
        }
        Some(Effect::Answer { status, headers, body }) => {
            record.status = Some(status);
            keep(record);
            respond_as_told(status, &headers, body, manner.flavour)
        }
        Some(Effect::AnswerAfterCommit { status, headers, body }) => {
            record.took_effect = act(&shared, &call, &path).status.is_success();
            record.status = Some(status);
            keep(record);
            respond_as_told(status, &headers, body, manner.flavour)
        }
    }
}

/// Takes the whole step; a request that no endpoint serves is remembered.
fn act(shared: &Shared, call: &Call, path: &str) -> Answer {
    let answer = shared.step(|world| {
        let answer = api::answer(world, call)?;
        visit::receive(world, call, path, &answer);
        Ok(answer)
    });
    answer.unwrap_or_else(|api::NoEndpoint| {
        if !is_probe(shared.site.flavour, path) {
            lock(&shared.unknown).push(format!("{} {path}", call.method));
        }
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        let status = if api::has_other_method(shared.site.flavour, &segments) {
            StatusCode::METHOD_NOT_ALLOWED
        } else {
            StatusCode::NOT_FOUND
        };
        Answer::problem(status, path)
    })
}

/// A client that does not know yet which Jira it met may ask for the newest version first.
fn is_probe(flavour: Flavour, path: &str) -> bool {
    flavour == Flavour::DataCenter && path.ends_with("/rest/api/3/serverInfo")
}

async fn read_call(
    head: &Parts,
    segments: Vec<String>,
    speech: Speech,
    body: Bytes,
    Claim { account, is_refused }: Claim,
    language: Language,
) -> Call {
    let content_type =
        text(&head.headers, &CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let parts =
        if content_type == "multipart/form-data" { read_parts(head, body.clone()).await } else { Vec::new() };
    Call {
        method: head.method.clone(),
        segments,
        speech,
        query: Query::parse(head.uri.query().unwrap_or_default()),
        content_type,
        body,
        parts,
        waives_forgery_check: text(&head.headers, &HeaderName::from_static("x-atlassian-token"))
            == "no-check",
        who: account,
        is_refused,
        language,
    }
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

/// Who a request says it comes from.
struct Claim {
    account: Option<String>,
    /// Something was said that is not accepted.
    is_refused: bool,
}

/// Cloud takes the email and the token, the gateway the token alone as well; Data Center takes the name and the token
/// or the token alone.
fn claim(headers: &HeaderMap, world: &World, by_gateway: bool) -> Claim {
    let Some((scheme, credentials)) = text(headers, &AUTHORIZATION).split_once(' ') else {
        return Claim { account: None, is_refused: headers.contains_key(AUTHORIZATION) };
    };
    let credentials = credentials.trim();
    let is_cloud = world.site.flavour == Flavour::Cloud;
    let found = if scheme.eq_ignore_ascii_case("bearer") {
        let takes_bearer = !is_cloud || by_gateway;
        world.users.iter().find(|user| takes_bearer && user.token == credentials)
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD.decode(credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let (name, token) = decoded.as_deref().and_then(|text| text.split_once(':')).unwrap_or_default();
        world.users.iter().find(|user| {
            let is_named = if is_cloud { user.email.eq_ignore_ascii_case(name) } else { user.name == name };
            is_named && user.token == token
        })
    } else {
        None
    };
    let account = found
        .map(|user| user.account_id.clone())
        .filter(|account| !world.revoked.contains(account) && !world.inactive.contains(account))
        .filter(|_| by_gateway || !world.site.scoped_only);
    Claim { is_refused: account.is_none(), account }
}

fn language(headers: &HeaderMap, world: &World, claim: &Claim) -> Language {
    let insists = text(headers, &HeaderName::from_static("x-force-accept-language")) == "true";
    Language::of_answer(world, claim.account.as_deref(), text(headers, &ACCEPT_LANGUAGE), insists)
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

/// What every answer to a caller of REST carries.
struct Manner {
    flavour: Flavour,
    /// Who the server takes the caller for, in the header of its flavour.
    account: Option<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

impl Manner {
    fn learn(&mut self, world: &World, call: &Call) {
        let user = call.who.as_deref().and_then(|account| world.user(account));
        self.account = match self.flavour {
            Flavour::Cloud => user.map(|user| ("x-aaccountid", user.account_id.clone())),
            Flavour::DataCenter => {
                Some(("x-ausername", user.map_or_else(|| "anonymous".to_owned(), |user| user.name.clone())))
            }
        };
        self.headers = limit::told(world, call);
        if self.flavour == Flavour::DataCenter && call.is_refused {
            self.headers.push(("x-seraph-loginreason", "AUTHENTICATED_FAILED".to_owned()));
        }
    }
}

/// Data Center speaks HTML once something is broken, and words an unknown path in its own way.
fn in_manner_of(flavour: Flavour, answer: Answer) -> Answer {
    let Answer { status, content } = answer;
    let content = match (flavour, content) {
        (Flavour::DataCenter, Content::Json(_)) if status.is_server_error() => {
            Content::Html(broken_page(status))
        }
        (Flavour::DataCenter, Content::Problem(_)) => {
            Content::Json(json!({ "message": format!("HTTP {status}"), "status-code": status.as_u16() }))
        }
        (_, content) => content,
    };
    Answer { status, content }
}

fn broken_page(status: StatusCode) -> String {
    format!("<!doctype html><title>{0}</title><h1>{status}</h1>", status.as_u16())
}

fn respond(answer: Answer, manner: Manner) -> Response {
    let mut response = respond_with_page(in_manner_of(manner.flavour, answer));
    for (name, value) in manner.account.into_iter().chain(manner.headers) {
        put(&mut response, HeaderName::from_static(name), &value);
    }
    response
}

fn respond_with_page(answer: Answer) -> Response {
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
            return response;
        }
    };
    let mut response = plain(status, media_type, body);
    if is_page {
        put(&mut response, CONTENT_SECURITY_POLICY, PAGE_POLICY);
        put(&mut response, REFERRER_POLICY, "no-referrer");
    }
    response
}

fn respond_as_told(
    status: u16,
    headers: &[(String, String)],
    mut body: String,
    flavour: Flavour,
) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut media_type = "application/json;charset=UTF-8";
    if flavour == Flavour::DataCenter && (status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS)
    {
        media_type = "text/html; charset=utf-8";
        if body.is_empty() {
            body = broken_page(status);
        }
    }
    let mut response = plain(status, Some(media_type.to_owned()), Body::from(body));
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

fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
