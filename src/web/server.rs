//! The HTTP server: finds out who asks, answers with a page, passes orders on.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use jiff::Timestamp;
use minijinja::{Value, context};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use super::{
    Order, Settings,
    door::{self, Closed, Door, Visitor},
    metrics,
    pages::{Maker, Query, is_report},
    render::{Renderer, STYLE},
    view::{self, View},
};
use crate::{apply::Decision, group::GroupId, report::Week, state::StateError, ticket::Typed};

/// How often is looked whether the journal has grown.
const WATCH: Duration = Duration::from_secs(3);
/// Longest form.
const FORM_BYTES: usize = 16 * 1024;
/// Longest time that a form may take to arrive.
const FORM_TIME: Duration = Duration::from_secs(10);
/// How long an order is waited for; a run that is under way may take longer.
const ORDER_TIME: Duration = Duration::from_secs(20);

const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Reports bring their own style sheet, and nothing else of them is let do anything.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    settings: Settings,
    door: Door,
    renderer: Renderer,
    orders: mpsc::Sender<Order>,
    view: RwLock<Option<Arc<View>>>,
    /// Why the journal could not be read the last time.
    failed: RwLock<Option<String>>,
}

impl Shared {
    pub(super) fn new(settings: Settings, orders: mpsc::Sender<Order>) -> Self {
        Self {
            door: Door::new(settings.access.clone()),
            renderer: Renderer::new(),
            orders,
            view: RwLock::default(),
            failed: RwLock::default(),
            settings,
        }
    }

    /// Reads the journal, where it has grown or another week has begun. Blocking.
    pub(super) fn read(&self) -> Result<(), StateError> {
        let now = Timestamp::now();
        let week = Week::of(now, &self.settings.delivery.zone);
        let is_new = self
            .view()
            .is_none_or(|view| view.size != view::size_of(&self.settings.state) || view.week != week);
        if is_new {
            let view = View::read(&self.settings.state, &self.settings.delivery, now)?;
            *self.view.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(view));
        }
        Ok(())
    }

    fn view(&self) -> Option<Arc<View>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read_again(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let failed = match tokio::task::spawn_blocking(move || shared.read()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = &failed {
            tracing::warn!(error = %error, "the dashboard could not read the journal and shows what it knew");
        }
        *self.failed.write().unwrap_or_else(PoisonError::into_inner) = failed;
    }
}

/// Reads the journal anew whenever it has grown.
pub(super) async fn watch(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(WATCH) => shared.read_again().await,
            () = stop.cancelled() => return,
        }
    }
}

/// Serves until the token is cancelled and all requests are answered.
pub(super) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: CancellationToken,
) -> io::Result<()> {
    let app = Router::new().fallback(handle).with_state(shared);
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let mut response = answer(&shared, &parts, body, peer, &path).await;
    let policy = if path.starts_with("/reports/") { REPORT_POLICY } else { POLICY };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // A form's origin is told with it; no other place learns where somebody was.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn answer(shared: &Arc<Shared>, parts: &Parts, body: Body, peer: SocketAddr, path: &str) -> Response {
    let now = Timestamp::now();
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    match path {
        "/healthz" if reads => return plain(StatusCode::OK, "ok\n"),
        "/readyz" if reads => return ready(shared),
        "/style.css" if reads => return text(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned()),
        "/login" => return login(shared, parts, body, peer, now).await,
        _ => {}
    }
    let visitor = match shared.door.visitor(&parts.headers, peer, now) {
        Ok(visitor) => visitor,
        Err(Closed::SignIn) if reads && path != "/metrics" => return see_other("/login", None),
        Err(closed) => {
            let why = match closed {
                Closed::ForeignHost => "This dashboard answers to names of this machine only.",
                Closed::SignIn => "Sign in first.",
                Closed::Proxy => "Sign in at the proxy in front of this dashboard.",
            };
            return plain(StatusCode::FORBIDDEN, &format!("{why}\n"));
        }
    };
    let Some(view) = shared.view() else { return plain(StatusCode::SERVICE_UNAVAILABLE, "not read yet\n") };
    let shown = Shown { shared, view: &view, visitor: &visitor, now };
    if parts.method == Method::POST {
        return order(shared, parts, body, &visitor, path).await;
    }
    if !reads {
        return shown.message(StatusCode::METHOD_NOT_ALLOWED, "This page is only read.");
    }
    let query = Query(
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
    );
    shown.page(path, &query)
}

/// One visitor looking at one view.
struct Shown<'a> {
    shared: &'a Shared,
    view: &'a View,
    visitor: &'a Visitor,
    now: Timestamp,
}

impl Shown<'_> {
    fn page(&self, path: &str, query: &Query) -> Response {
        let maker = Maker { view: self.view, settings: &self.shared.settings, now: self.now };
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (template, title, page) = match segments.as_slice() {
            [""] => ("overview.html", "Overview", Some(maker.overview())),
            ["groups"] => ("groups.html", "Groups", Some(maker.groups(query))),
            ["groups", id] => ("group.html", "Group", maker.group(id, query)),
            ["runs"] => ("runs.html", "Runs", Some(maker.runs(query))),
            ["runs", id] => ("run.html", "Run", maker.run(id, query)),
            ["sources"] => ("sources.html", "Sources", Some(maker.sources())),
            ["held"] => ("held.html", "Held tickets", Some(maker.held(query.get("said"), ""))),
            ["schedule"] => ("schedule.html", "Schedule", Some(maker.schedule())),
            ["reports"] => ("reports.html", "Reports", Some(maker.reports())),
            ["reports", name] if is_report(name) => {
                return match std::fs::read_to_string(self.shared.settings.delivery.folder.join(name)) {
                    Ok(page) => text(StatusCode::OK, "text/html; charset=utf-8", page),
                    Err(_) => self.message(StatusCode::NOT_FOUND, "There is no such report."),
                };
            }
            ["metrics"] => {
                return match metrics::text(self.view, self.shared.settings.heard.as_ref(), Timestamp::now()) {
                    Ok(metrics) => text(
                        StatusCode::OK,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8",
                        metrics,
                    ),
                    Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
                };
            }
            _ => ("message.html", "", None),
        };
        match page {
            Some(page) => self.render(StatusCode::OK, template, title, &page),
            None => self.message(StatusCode::NOT_FOUND, "There is no such page."),
        }
    }

    fn message(&self, status: StatusCode, words: &str) -> Response {
        self.render(status, "message.html", "disputebot", &context! { words, login => false, wrong => false })
    }

    fn render(&self, status: StatusCode, template: &str, title: &str, page: &Value) -> Response {
        let maker = Maker { view: self.view, settings: &self.shared.settings, now: self.now };
        let failed = self.shared.failed.read().unwrap_or_else(PoisonError::into_inner).clone();
        let site = context! {
            title,
            here => template,
            person => self.visitor.name.as_str(),
            secret => self.visitor.secret.as_str(),
            session => self.visitor.session,
            read => maker.time(self.view.read),
            zone => self.shared.settings.delivery.zone.iana_name().unwrap_or("UTC"),
            failed,
        };
        let mut typed = self.view.people.clone();
        typed.person(&self.visitor.name);
        // No word of anybody, and of letters and digits by chance.
        typed.ours(&self.visitor.secret);
        html(status, self.shared.renderer.page(template, &site, page, &typed))
    }
}

/// A decision about a held ticket.
async fn order(shared: &Arc<Shared>, parts: &Parts, body: Body, visitor: &Visitor, path: &str) -> Response {
    let Some(form) = form(body).await else {
        return plain(StatusCode::BAD_REQUEST, "the form is too long or late\n");
    };
    if !door::is_own(visitor, form.get("secret"), &parts.headers) {
        return plain(
            StatusCode::FORBIDDEN,
            "This form is not of a page that was shown to you; load it again.\n",
        );
    }
    if path == "/logout" {
        tracing::info!(by = visitor.name, "somebody signed out of the dashboard");
        return see_other("/login", Some(&shared.door.sign_out(&parts.headers)));
    }
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let decision = match segments.as_slice() {
        ["held", _, "bind"] => Decision::Bind { key: form.get("key").trim().to_owned() },
        ["held", _, "create"] => Decision::Create,
        _ => return plain(StatusCode::NOT_FOUND, "There is no such order.\n"),
    };
    let Some(group) = segments.get(1).and_then(|id| GroupId::parse(id)) else {
        return plain(StatusCode::NOT_FOUND, "There is no such group.\n");
    };
    if let Decision::Bind { key } = &decision
        && (key.is_empty()
            || key.len() > 100
            || !key.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)))
    {
        return refused(shared, visitor, "A key looks like DISP-7.");
    }
    let (answer, answered) = oneshot::channel();
    let order = Order { group, decision, by: format!("{} on the dashboard", visitor.name), answer };
    if shared.orders.try_send(order).is_err() {
        return refused(shared, visitor, "Too many orders wait already; try again in a minute.");
    }
    match tokio::time::timeout(ORDER_TIME, answered).await {
        Ok(Ok(Ok(said))) => {
            shared.read_again().await;
            let said: String = url::form_urlencoded::byte_serialize(said.as_bytes()).collect();
            see_other(&format!("/held?said={said}"), None)
        }
        Ok(Ok(Err(why))) => {
            shared.read_again().await;
            refused(shared, visitor, &why)
        }
        Ok(Err(_)) => refused(shared, visitor, "The order was not taken; disputebot is stopping."),
        Err(_) => refused(shared, visitor, "A run is under way; the order is carried out after it."),
    }
}

fn refused(shared: &Arc<Shared>, visitor: &Visitor, why: &str) -> Response {
    let Some(view) = shared.view() else { return plain(StatusCode::CONFLICT, &format!("{why}\n")) };
    let now = Timestamp::now();
    let page = Maker { view: &view, settings: &shared.settings, now }.held("", why);
    Shown { shared, view: &view, visitor, now }.render(
        StatusCode::CONFLICT,
        "held.html",
        "Held tickets",
        &page,
    )
}

async fn login(
    shared: &Arc<Shared>,
    parts: &Parts,
    body: Body,
    peer: SocketAddr,
    now: Timestamp,
) -> Response {
    let mut wrong = false;
    if parts.method == Method::POST {
        let Some(form) = form(body).await else {
            return plain(StatusCode::BAD_REQUEST, "the form is too long or late\n");
        };
        let encrypted = parts.headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
        if let Some(cookie) = shared.door.sign_in(form.get("token"), encrypted, now) {
            tracing::info!(peer = %peer, "somebody signed in to the dashboard");
            return see_other("/", Some(&cookie));
        }
        tracing::warn!(peer = %peer, "a wrong token was given to the dashboard");
        wrong = true;
    } else if shared.door.visitor(&parts.headers, peer, now).is_ok() {
        return see_other("/", None);
    }
    let site = context! { title => "Sign in", here => "login", person => "", secret => "", session => false, read => "", zone => "", failed => None::<String> };
    let page = context! { words => "", login => true, wrong };
    let status = if wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
    html(status, shared.renderer.page("message.html", &site, &page, &Typed::default()))
}

/// Whether pages can be trusted to show what is so.
fn ready(shared: &Shared) -> Response {
    let failed = shared.failed.read().unwrap_or_else(PoisonError::into_inner).is_some();
    match shared.view() {
        Some(_) if !failed => plain(StatusCode::OK, "ready\n"),
        Some(_) => plain(StatusCode::SERVICE_UNAVAILABLE, "the journal cannot be read\n"),
        None => plain(StatusCode::SERVICE_UNAVAILABLE, "not read yet\n"),
    }
}

async fn form(body: Body) -> Option<Query> {
    let bytes = tokio::time::timeout(FORM_TIME, to_bytes(body, FORM_BYTES)).await.ok()?.ok()?;
    Some(Query(url::form_urlencoded::parse(&bytes).into_owned().collect()))
}

fn html(status: StatusCode, page: Result<String, minijinja::Error>) -> Response {
    match page {
        Ok(page) => text(status, "text/html; charset=utf-8", page),
        Err(error) => {
            tracing::error!(error = %error, "a page of the dashboard could not be made");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made\n")
        }
    }
}

fn plain(status: StatusCode, words: &str) -> Response {
    text(status, "text/plain; charset=utf-8", words.to_owned())
}

fn text(status: StatusCode, media_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn see_other(to: &str, cookie: Option<&str>) -> Response {
    let mut response = plain(StatusCode::SEE_OTHER, "");
    for (name, value) in [(header::LOCATION, Some(to)), (header::SET_COOKIE, cookie)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
