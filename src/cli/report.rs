//! `disputebot report`: the report of a week.

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;

use jiff::Timestamp;
use serde::Serialize;

use super::{CliError, Common, Exit, Ui, plan::client_of, runtime};
use crate::{
    apply::{self, SystemClock},
    config::Needs,
    deliver::{self, DeliverError, Delivery, Fate},
    report::{self, MailError, Week, Weekly},
    state::{Head, State},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ISO week such as 2026-W47; by default the current one
    #[arg(long, value_name = "WEEK")]
    week: Option<String>,
    /// Only this client's disputes
    #[arg(long, value_name = "NAME")]
    client: Option<String>,
    /// A page in the report folder (html; pdf-ready is the same page, which prints well), or text on stdout (markdown, json)
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// Prints the figures as JSON, as `--format json`
    #[arg(long)]
    json: bool,
    /// Sends it by mail, to the chat and to Jira, to all who did not get it yet
    #[arg(long, conflicts_with_all = ["json", "client"])]
    send: bool,
    /// Sends again what was sent without a word of whether it arrived
    #[arg(long, requires = "send")]
    resend: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    #[value(alias = "pdf-ready")]
    Html,
    Markdown,
    Json,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    weekly: &'a Weekly,
    /// Every sentence of the page beside the story.
    sentences: BTreeMap<String, String>,
    /// The end of the journal.
    journal: Head,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs::default(), &[], ui)?;
    let delivery = &settings.delivery;
    let week = match &arguments.week {
        Some(text) => text.parse::<Week>().map_err(|error| CliError::new(Exit::Usage, error))?,
        None => Week::of(Timestamp::now(), &delivery.zone),
    };
    // Never freed: the program ends with it, and to take it apart costs a tenth of all the time.
    let history = ManuallyDrop::new(deliver::history(&settings.state, week, &delivery.zone)?);
    let client = arguments.client.as_deref();
    if let Some(client) = client {
        let known = deliver::clients(&history);
        if !known.contains(client) {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            return Err(CliError::new(Exit::Usage, format!("no client has the name `{client}`")).hint(
                format!("known are {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
            ));
        }
    }
    if arguments.json || arguments.format != Format::Html {
        let weekly = report::weekly(&history, week, &delivery.zone, client, Timestamp::now());
        if arguments.json || arguments.format == Format::Json {
            let sentences = report::sentences(&weekly);
            let answer = Answer { weekly: &weekly, sentences, journal: history.head };
            let text =
                serde_json::to_string_pretty(&answer).map_err(|error| CliError::new(Exit::Bug, error))?;
            report::screened("JSON", text).map_err(|error| CliError::new(Exit::Partial, error))?;
            ui.json(&answer)?;
        } else {
            let text = report::markdown(&weekly, &history.head, &delivery.links)
                .map_err(|error| CliError::new(Exit::Bug, error))?;
            let text = report::screened("text", text).map_err(|error| CliError::new(Exit::Partial, error))?;
            ui.data(text.as_str())?;
        }
        return Ok(Exit::Done);
    }
    let path = deliver::save(delivery, &history, week, client).map_err(refused)?;
    ui.data(&path.display().to_string())?;
    if !arguments.send {
        return Ok(Exit::Done);
    }
    for client in delivery.clients() {
        let path = deliver::save(delivery, &history, week, Some(client)).map_err(refused)?;
        ui.data(&path.display().to_string())?;
    }
    let client = if delivery.jira.is_empty() {
        None
    } else {
        let settings = common.settings(Needs { jira: true, ..Needs::default() }, &[], ui)?;
        Some(client_of(&settings)?)
    };
    let jira = client.as_ref().map(|client| (client, &SystemClock));
    let mut state = State::open(&settings.state)?;
    if let Some(client) = &client {
        apply::pause::resume(client, state.known(), &SystemClock);
    }
    let sent =
        runtime()?.block_on(deliver::send(delivery, &history, week, &mut state, jira, arguments.resend));
    if let Some(client) = &client {
        apply::pause::note(client, &mut state, &SystemClock)?;
    }
    let sent = sent.map_err(refused)?;
    if sent.is_empty() {
        ui.warn(
            "nobody gets the report: set `report.mail.server` and `report.mail.to`, `report.chat.url_file`, or \
             `report.jira.issue`",
        );
    }
    let mut exit = Exit::Done;
    for Delivery { to, fate } in &sent {
        match fate {
            Fate::Sent => ui.say(&format!("sent to {to}")),
            Fate::SentBefore => ui.say(&format!("{to} has it already")),
            Fate::Refused(why) => {
                exit = Exit::Partial;
                ui.warn(&format!("not sent to {to}: {why}"));
            }
            Fate::Unsettled(why) => {
                exit = Exit::Partial;
                ui.warn(&format!("it is not known yet whether {to} has it: {why}; the next `--send` looks"));
            }
            Fate::InDoubt => {
                exit = Exit::Partial;
                ui.warn(&format!(
                    "it is not known whether {to} got it, so it is not sent again; `--send --resend` does"
                ));
            }
        }
    }
    Ok(exit)
}

fn refused(error: DeliverError) -> CliError {
    match error {
        DeliverError::State(error) => error.into(),
        DeliverError::Unwritten { .. } => CliError::new(Exit::Input, error),
        DeliverError::Private(_) | DeliverError::Mail(MailError::Private(_)) => {
            CliError::new(Exit::Partial, error)
        }
        DeliverError::Page(_) | DeliverError::Mail(_) => CliError::new(Exit::Bug, error),
    }
}
