//! Takes webhooks of Jira, and wishes for a pass.
//!
//! A delivery that is signed, new and not our own doing wishes for one pass; all else is answered and forgotten. The
//! answer is given at once, since Jira gives up after seconds and tries again.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::listener::LimitedListener;
use crate::{
    daemon::Wishes,
    jira::{
        Client,
        webhook::{BODY_LIMIT, Inbox, is_of, verify},
    },
};

/// The path that Jira sends to.
pub const PATH: &str = "/webhook/jira";
/// Longest time for a delivery to arrive. Jira itself waits for 20 seconds.
const ARRIVAL: Duration = Duration::from_secs(10);
/// Longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(30);

/// When the last delivery of Jira arrived. Clones are the same.
#[derive(Debug, Clone)]
pub struct Heard(Arc<AtomicI64>);

impl Heard {
    /// Nothing was heard before this moment.
    pub fn since(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.as_second())))
    }

    /// Seconds since then.
    pub fn gap(&self, now: Timestamp) -> i64 {
        (now.as_second() - self.0.load(Ordering::Relaxed)).max(0)
    }

    fn hear(&self) {
        self.0.store(Timestamp::now().as_second(), Ordering::Relaxed);
    }
}

/// Takes webhooks on an address of its own.
pub struct Webhooks {
    listener: LimitedListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    secret: SecretString,
    client: Client,
    wishes: Wishes,
    heard: Heard,
    inbox: Mutex<Inbox>,
}

impl Webhooks {
    /// Listens from now on. The client knows who disputebot is in Jira once it has signed in; until then its own
    /// doings count as somebody's.
    pub async fn bind(
        address: SocketAddr,
        secret: SecretString,
        client: Client,
        wishes: Wishes,
        heard: Heard,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { secret, client, wishes, heard, inbox: Mutex::default() });
        Ok(Self { listener: LimitedListener::new(listener, LIFETIME), address, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the token is cancelled.
    pub async fn serve(self, stop: CancellationToken) -> io::Result<()> {
        let app = Router::new().fallback(take).with_state(self.shared);
        axum::serve(self.listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

async fn take(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let status = if head.uri.path() != PATH {
        StatusCode::NOT_FOUND
    } else if head.method != Method::POST {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        match tokio::time::timeout(ARRIVAL, delivery(&shared, &head.headers, body)).await {
            Ok(status) => status,
            Err(_) => StatusCode::REQUEST_TIMEOUT,
        }
    };
    // What arrives too slowly or too large is not read to its end, so the connection ends with it.
    let close = [(header::CONNECTION, "close")];
    if status.is_success() { status.into_response() } else { (status, close).into_response() }
}

async fn delivery(shared: &Shared, headers: &HeaderMap, body: Body) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Before a byte of the body is kept.
    if text("x-hub-signature").is_none() {
        tracing::warn!("a webhook was refused: it is not signed; give the webhook in Jira the secret");
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else { return StatusCode::PAYLOAD_TOO_LARGE };
    if let Err(distrust) = verify(shared.secret.expose_secret().as_bytes(), text("x-hub-signature"), &body) {
        tracing::warn!(error = %distrust, "a webhook was refused");
        return StatusCode::UNAUTHORIZED;
    }
    shared.heard.hear();
    let new = {
        let mut inbox = shared.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.is_new(text("x-atlassian-webhook-identifier"))
    };
    let echo = is_of(shared.client.account(), &body);
    tracing::debug!(webhook.new = new, webhook.echo = echo, "a webhook arrived");
    if new && !echo {
        shared.wishes.wish();
    }
    StatusCode::NO_CONTENT
}
