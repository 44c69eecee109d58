//! `disputebot sandbox`: a local Jira to try disputebot against.

use std::net::{Ipv4Addr, SocketAddr};

use tokio_util::sync::CancellationToken;

use super::{CliError, Exit, Ui, runtime};
use crate::{
    daemon,
    sandbox::{self, Options, SandboxError, User},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Port on this machine; 0 takes a free one
    #[arg(long, default_value_t = 8099)]
    port: u16,
    /// Key of its project
    #[arg(long, default_value = "DISP", value_name = "KEY")]
    project: String,
}

pub(super) fn execute(arguments: &Arguments, ui: &mut Ui) -> Result<Exit, CliError> {
    let options = Options {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
        project_key: arguments.project.clone(),
        ..Options::default()
    };
    runtime()?.block_on(async {
        let sandbox = sandbox::start(options).await?;
        let bot = User::bot();
        ui.say("a sandbox Jira is up; it keeps everything in memory and forgets it at the end");
        ui.data(&format!(
            "board      {base}\n\nin disputebot.toml\n  [jira]\n  url = \"{base}\"\n  project = \"{project}\"\n  user = \"{user}\"\n\n\
             in the environment\n  DISPUTEBOT_JIRA_TOKEN={token}\n",
            base = sandbox.base_url(),
            project = arguments.project,
            user = bot.email,
            token = bot.token,
        ))?;
        ui.say("Ctrl-C stops it");
        let stop = CancellationToken::new();
        let signals = daemon::stop_on_signals(stop.clone(), 0);
        stop.cancelled().await;
        signals.abort();
        for route in sandbox.unknown_routes() {
            ui.warn(&format!("asked for, but unknown to the sandbox: {route}"));
        }
        sandbox.stop().await;
        Ok(Exit::Done)
    })
}

impl From<SandboxError> for CliError {
    fn from(error: SandboxError) -> Self {
        Self::new(Exit::Jira, error).hint("another port: `--port 0` takes a free one")
    }
}
