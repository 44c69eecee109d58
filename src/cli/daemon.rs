//! `disputebot daemon`: passes and reports by schedule.

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{CliError, Common, Exit, Ui, log, plan::client_of, runtime};
use crate::{
    config::{Needs, Webhook},
    daemon::{self, Daemon, Wishes},
    state::State,
    web::{Heard, PATH, Webhooks},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Makes the first pass at once instead of waiting for the schedule
    #[arg(long)]
    now: bool,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { source: true, jira: true }, &[], ui)?;
    log::start(&settings)?;
    let templates = settings.compile()?;
    let webhook = match &settings.webhook {
        Some(Webhook { secret: None, .. }) => {
            let missing = "`webhook.secret` is required, because `webhook.listen` is set";
            return Err(CliError::new(Exit::Config, missing)
                .hint("set `DISPUTEBOT_WEBHOOK_SECRET`, or name a file in `webhook.secret_file`"));
        }
        Some(Webhook { listen, secret: Some(secret), min_interval }) => {
            Some((*listen, secret.clone(), *min_interval))
        }
        None => None,
    };
    let client = client_of(&settings)?;
    let state = State::open(&settings.state)?;
    state.healed().into_iter().for_each(|told| tracing::warn!(state.healed = told, "state healed"));
    let internal = super::internal::desk(&settings, &client)?;
    let wishes = Wishes::default();
    let heard = Heard::since(Timestamp::now());
    let hears = (client.clone(), wishes.clone(), heard.clone());
    let heard = settings.webhook.is_some().then_some(heard);
    let needs = super::check::needs(&settings, Vec::new());
    let dashboard = settings.dashboard.clone().map(|(listen, access)| settings.web(listen, access, heard));
    let daemon = Daemon {
        needs,
        dashboard,
        params: settings.run,
        tables: settings.tables,
        templates,
        client,
        state,
        internal,
        delivery: settings.delivery,
        run_schedule: settings.run_schedule,
        report_schedule: settings.report_schedule,
        at_once: arguments.now,
        wishes,
        min_interval: webhook.as_ref().map_or(SignedDuration::ZERO, |(_, _, min_interval)| *min_interval),
        token_expires: settings.token_expires,
    };
    runtime()?.block_on(async {
        let serving = Box::pin(daemon::serve(daemon));
        let Some((address, secret, _)) = webhook else { return serving.await.map_err(CliError::from) };
        let webhooks = Webhooks::bind(address, secret, hears.0, hears.1, hears.2).await.map_err(|error| {
            CliError::new(Exit::Config, format!("webhooks cannot be taken on `{address}`: {error}"))
                .hint("`webhook.listen` needs an address of this machine and a port that nobody uses")
        })?;
        tracing::info!(address = %webhooks.address(), path = PATH, "webhooks are taken");
        let stop = CancellationToken::new();
        let taking = tokio::spawn(webhooks.serve(stop.clone()));
        let served = serving.await;
        stop.cancel();
        // What is being delivered is not waited for: Jira delivers it again, or the next pass sees it.
        taking.abort();
        served.map_err(CliError::from)
    })?;
    Ok(Exit::Done)
}
