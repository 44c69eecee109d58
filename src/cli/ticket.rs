//! `disputebot ticket`: what a person decides about the ticket of a group.

use jiff::Timestamp;

use super::{CliError, Common, Exit, Ui, plan::jira_of, runtime};
use crate::{
    apply::{self, DecideError, Decision},
    config::Needs,
    jira::Client,
    state::{Change, State},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Says which issue is the ticket of a group
    Bind {
        /// The group, by the first digits of its id
        #[arg(value_name = "GROUP")]
        group: String,
        /// The issue
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Orders a new ticket for a group whose create is held, or whose ticket is gone
    Create {
        /// The group, by the first digits of its id
        #[arg(value_name = "GROUP")]
        group: String,
    },
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { jira: true, ..Needs::default() }, &[], ui)?;
    let client = Client::new(jira_of(&settings)?)?;
    let mut state = State::open(&settings.state)?;
    let (What::Bind { group, .. } | What::Create { group }) = &arguments.what;
    let known = state.known().find(group).map(|record| record.group.id.clone());
    let Some(id) = known else {
        return Err(CliError::new(Exit::Usage, format!("no group, or more than one, begins with `{group}`"))
            .hint("`disputebot groups` lists them"));
    };
    let decision = match &arguments.what {
        What::Bind { key, .. } => Decision::Bind { key: key.clone() },
        What::Create { .. } => Decision::Create,
    };
    let (ticket, said) =
        runtime()?.block_on(apply::decide(&client, state.known(), &id, &decision)).map_err(refused)?;
    let now = Timestamp::now();
    state.record(
        now,
        &[Change::Ticket(ticket), Change::Occurrence(decision.told(&id, "the command line", now))],
    )?;
    ui.say(&said);
    Ok(Exit::Done)
}

fn refused(error: DecideError) -> CliError {
    match error {
        DecideError::Jira(error) => error.into(),
        DecideError::Hidden(_) => CliError::new(Exit::Jira, error),
        DecideError::Unfit(_) => CliError::new(Exit::Usage, error),
        DecideError::TooEarly(_) => CliError::new(Exit::Usage, error)
            .hint("the next runs find out; where they cannot, `disputebot status` says that it is held"),
    }
}
