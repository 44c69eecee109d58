//! `disputebot ticket`: what a person decides about the ticket of a group.

use jiff::Timestamp;

use super::{CliError, Common, Exit, Ui, plan::jira_of, runtime};
use crate::{
    apply::Tracker,
    config::Needs,
    jira::Client,
    plan::{Link, Ticket},
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
    let ticket = state.known().ticket(&id);
    let (ticket, said) = match &arguments.what {
        What::Bind { key, .. } => {
            let other = state.known().tickets.values().find(|other| {
                other.group != id && other.issue().is_some_and(|issue| issue.key.eq_ignore_ascii_case(key))
            });
            if let Some(other) = other {
                let said = format!("{key} is the ticket of group {}", other.group.short());
                return Err(CliError::new(Exit::Usage, said));
            }
            bind(&client, ticket, key)?
        }
        What::Create { .. } => create(&client, ticket)?,
    };
    state.record(Timestamp::now(), &[Change::Ticket(ticket)])?;
    ui.say(&said);
    Ok(Exit::Done)
}

/// The ticket bound to an issue that is there.
fn bind(client: &Client, ticket: Ticket, key: &str) -> Result<(Ticket, String), CliError> {
    let asked = [key.to_owned()];
    let (observed, marked) = runtime()?.block_on(async {
        client.sign_in().await?;
        Ok::<_, crate::jira::JiraError>((client.read(&asked).await?, Tracker::marks(client, &asked).await?))
    })?;
    let Some(observed) = observed.into_values().next() else {
        return Err(CliError::new(Exit::Jira, format!("Jira does not show `{key}` to this account")));
    };
    let mark = marked.into_iter().next().filter(|marked| marked.group == ticket.group);
    let written = mark.and_then(|marked| marked.mark?.written).or_else(|| ticket.written.clone());
    let said = format!("group {} has the ticket {} from now on", ticket.group.short(), observed.issue.key);
    let link = Link::Bound { issue: observed.issue };
    Ok((Ticket { link, written, writing: None, look_first: true, ..ticket }, said))
}

/// The ticket ready for a create.
fn create(client: &Client, ticket: Ticket) -> Result<(Ticket, String), CliError> {
    let short = ticket.group.short().to_owned();
    let attempts = match &ticket.link {
        Link::Held { attempts, .. } => *attempts,
        Link::Bound { issue } => {
            let shown = runtime()?.block_on(async {
                client.sign_in().await?;
                client.read(std::slice::from_ref(&issue.id)).await
            })?;
            if let Some(shown) = shown.into_values().next() {
                let said = format!("group {short} has the ticket {}, which is there", shown.issue.key);
                return Err(CliError::new(Exit::Usage, said));
            }
            0
        }
        Link::Intent { .. } | Link::Unknown { .. } => {
            let said =
                format!("the answer to the create of group {short} was lost, and Jira may still be at it");
            return Err(CliError::new(Exit::Usage, said).hint(
                "the next runs find out; where they cannot, `disputebot status` says that it is held",
            ));
        }
        Link::Ready { .. } | Link::Parked { .. } => {
            return Err(CliError::new(Exit::Usage, format!("group {short} waits for no decision")));
        }
    };
    let said = format!("the next run opens a ticket for group {short}");
    // What was written and said was on another issue.
    let ticket = Ticket { link: Link::Ready { attempts }, ..Ticket::none(ticket.group) };
    Ok((ticket, said))
}
