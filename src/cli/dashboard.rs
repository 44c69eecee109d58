//! `disputebot dashboard`: the pages, without the daemon.

use std::net::SocketAddr;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{CliError, Common, Exit, Ui, log, plan::client_of, runtime};
use crate::{
    config::{Needs, Settings},
    daemon,
    state::State,
    web::{self, Access, Dashboard, Order},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Port on this machine, where `dashboard.listen` is not set; 0 takes a free one
    #[arg(long, default_value_t = 8088)]
    port: u16,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs::default(), &[], ui)?;
    log::start(&settings)?;
    runtime()?.block_on(serve(arguments, settings, ui))
}

async fn serve(arguments: &Arguments, settings: Settings, ui: &mut Ui) -> Result<Exit, CliError> {
    let here = SocketAddr::from(([127, 0, 0, 1], arguments.port));
    let (listen, access) = settings.dashboard.clone().unwrap_or((here, Access::ThisMachine));
    let (sender, mut orders) = mpsc::channel::<Order>(8);
    let dashboard = Dashboard::open(settings.web(listen, access, None), sender).await?;
    ui.data(&format!("http://{}", dashboard.address().map_err(|error| CliError::new(Exit::Bug, error))?))?;
    let stop = CancellationToken::new();
    let signals = daemon::stop_on_signals(stop.clone(), 0);
    let serving = tokio::spawn(dashboard.serve(stop.clone()));
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => carry_out(&settings, order).await,
                None => break,
            },
            () = stop.cancelled() => break,
        }
    }
    signals.abort();
    match serving.await {
        Ok(served) => served?,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
    Ok(Exit::Done)
}

/// Takes the state for as long as one order needs it: a daemon that holds it has a dashboard of its own.
async fn carry_out(settings: &Settings, order: Order) {
    let folder = settings.state.clone();
    let opened = tokio::task::spawn_blocking(move || State::open(&folder)).await;
    let ready = match opened {
        Ok(Ok(state)) => client_of(settings).map(|client| (state, client)).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(format!("{error}; where a daemon runs, use its own dashboard")),
        Err(error) => Err(error.to_string()),
    };
    match ready {
        Ok((mut state, client)) => {
            let carried = web::carry_out(&client, &mut state, order).await;
            // Who ordered it may open the state next.
            drop(state);
            match carried {
                Ok(carried) => carried.tell(),
                Err(error) => tracing::error!(error = %error, "an order could not be recorded"),
            }
        }
        // Nobody may wait for it any more.
        Err(why) => drop(order.answer.send(Err(why))),
    }
}
