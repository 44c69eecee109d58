//! What disputebot serves to others over HTTP: the dashboard, and what takes Jira's webhooks.
//!
//! It listens only where the configuration says so. Webhooks ([`Webhooks`]) hand a wish to the daemon and touch nothing.
//!
//! The dashboard is pages over what the journal holds, rendered here, without script.
//! Reads the journal alone, as every read-only command does, and reads it anew when it has grown; so it works in the
//! daemon and beside one. The two writes it knows, the decisions about a held ticket, go to whoever holds the state.
//!
//! # Guarantees
//!
//! * Foreign text is inert: every template escapes it, and the policy of every page allows our own style sheet only.
//! * Beyond loopback nobody gets in without a token or a trusted proxy. On loopback, a name that is not of this
//!   machine is refused, so that no web site can have a browser ask here in its name.
//! * A write needs the secret of a page that was shown to the same person, and is recorded with who ordered it.
//! * Metrics have closed sets of labels and nothing of a dispute.

mod door;
mod listener;
mod metrics;
mod pages;
mod render;
mod server;
mod view;
mod webhook;

pub use webhook::{Heard, PATH, Webhooks};

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use secrecy::SecretString;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

use crate::{
    apply::{self, Decision},
    deliver,
    group::GroupId,
    jira::Client,
    schedule::Schedule,
    state::{Change, State, StateError},
};

/// What the dashboard needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who gets in.
    pub access: Access,
    /// Folder of the state.
    pub state: PathBuf,
    /// Where reports go; zone and links of the pages.
    pub delivery: deliver::Settings,
    /// When runs are made.
    pub run_schedule: Schedule,
    /// When reports are made.
    pub report_schedule: Schedule,
    /// When Jira's webhooks were last heard; none where none are taken.
    pub heard: Option<Heard>,
}

/// Who gets in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody on this machine; it listens on loopback.
    ThisMachine,
    /// Who knows a token, or comes through a proxy that says who it is.
    Known {
        /// The token; none where only a proxy lets in.
        token: Option<SecretString>,
        /// The proxy; none where only the token lets in.
        proxy: Option<Proxy>,
    },
}

/// A proxy that signs people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The header with the name of the person.
    pub header: String,
    /// The addresses from which that header is believed.
    pub addresses: Vec<std::net::IpAddr>,
}

/// A decision that somebody ordered on a page.
#[derive(Debug)]
pub struct Order {
    /// The group.
    pub group: GroupId,
    /// What is decided.
    pub decision: Decision,
    /// Who ordered it.
    pub by: String,
    /// Where the answer goes: what was done, or why not.
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// What became of an order, to be told to who ordered it.
#[derive(Debug)]
#[must_use]
pub struct Carried {
    answer: oneshot::Sender<Result<String, String>>,
    answered: Result<String, String>,
}

impl Carried {
    /// Tells it. Nobody may wait for it any more.
    pub fn tell(self) {
        let _nobody = self.answer.send(self.answered);
    }
}

/// Carries out an order. An error is of the state, after which nothing more may be done.
pub async fn carry_out(client: &Client, state: &mut State, order: Order) -> Result<Carried, StateError> {
    let Order { group, decision, by, answer } = order;
    let now = Timestamp::now();
    let answered = if state.known().groups.contains_key(&group) {
        apply::pause::resume(client, state.known(), &apply::SystemClock);
        match apply::decide(client, state.known(), &group, &decision).await {
            Ok((ticket, said)) => {
                let told = decision.told(&group, &by, now);
                state.record(now, &[Change::Ticket(ticket), Change::Occurrence(told)])?;
                tracing::info!(group.id = %group, by, said, "a person decided about a ticket");
                Ok(said)
            }
            Err(error) => {
                let why = error.to_string();
                tracing::warn!(group.id = %group, by, why, "what a person decided about a ticket was not done");
                state.record(now, &[Change::Occurrence(decision.refused(&group, &by, &why, now))])?;
                Err(why)
            }
        }
    } else {
        Err("there is no such group".to_owned())
    };
    Ok(Carried { answer, answered })
}

/// Why the dashboard does not run.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address cannot be used.
    #[error("could not listen on `{address}`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// It ended by itself.
    #[error("the dashboard ended")]
    Ended(#[from] std::io::Error),
}

/// A dashboard that listens and does not serve yet.
#[derive(Debug)]
pub struct Dashboard {
    listener: TcpListener,
    shared: Arc<server::Shared>,
}

impl Dashboard {
    /// Listens, and reads the journal for the first time.
    pub async fn open(settings: Settings, orders: mpsc::Sender<Order>) -> Result<Self, WebError> {
        let address = settings.listen;
        let listener =
            TcpListener::bind(address).await.map_err(|source| WebError::Listen { address, source })?;
        let shared = Arc::new(server::Shared::new(settings, orders));
        let first = Arc::clone(&shared);
        match tokio::task::spawn_blocking(move || first.read()).await {
            Ok(read) => read?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
        Ok(Self { listener, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the token is cancelled.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), WebError> {
        let watching = tokio::spawn(server::watch(Arc::clone(&self.shared), stop.clone()));
        let served = server::serve(self.listener, self.shared, stop).await;
        watching.abort();
        Ok(served?)
    }
}
