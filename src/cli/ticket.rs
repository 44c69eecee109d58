//! `disputebot ticket`: what a person decides about the ticket of a group, and what it would say.

use jiff::Timestamp;

use super::{
    CliError, Common, Exit, Ui,
    cluster::refuse_nothing,
    groups::{Meant, find},
    plan::client_of,
    runtime,
};
use crate::{
    apply::{self, DecideError, Decision, SystemClock},
    config::{Assignment, Needs},
    run,
    state::{Change, Known, State},
    ticket::{Content, Markup, document, html},
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
    /// Shows what the ticket of a group would say; reads the input and writes nothing
    Preview {
        /// The group, by the first digits of its id, the key of its ticket, or one of its disputes
        #[arg(value_name = "GROUP")]
        group: String,
        /// How it is shown
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Files or folders to read in place of `source.paths`
        #[arg(long, value_name = "FILE")]
        input: Vec<String>,
    },
    /// Orders a new ticket for a group whose create is held, or whose ticket is gone
    Create {
        /// The group, by the first digits of its id
        #[arg(value_name = "GROUP")]
        group: String,
    },
}

/// How a ticket is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Its words
    Text,
    /// The document that Jira Cloud gets
    Adf,
    /// The markup that Data Center gets
    Wiki,
    /// A page for a browser
    Html,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    match &arguments.what {
        What::Preview { group, format, input } => preview(group, *format, input, common, ui),
        What::Bind { group, key } => decide(group, &Decision::Bind { key: key.clone() }, common, ui),
        What::Create { group } => decide(group, &Decision::Create, common, ui),
    }
}

fn preview(
    wanted: &str,
    format: Format,
    input: &[String],
    common: &Common,
    ui: &mut Ui,
) -> Result<Exit, CliError> {
    let more =
        if input.is_empty() { Vec::new() } else { vec![Assignment::flags("--input", "source.paths", input)] };
    let settings = common.settings(Needs { source: true, jira: false }, &more, ui)?;
    let (known, tables) = (Known::read(&settings.state)?, settings.tables.clone());
    let surveyed = run::survey(
        &settings.run,
        &tables,
        &settings.compile()?,
        &known,
        Timestamp::now(),
        &mut run::mint,
        &mut |progress| ui.progress(progress),
    )?;
    ui.clear();
    refuse_nothing(surveyed.batch.counts, &surveyed.batch.completeness)?;
    let found = find(wanted, &known, &surveyed.records);
    let Some(Meant { record, .. }) = found else {
        let said = format!("`{wanted}` is no group, or more than one, no ticket, and no dispute of a group");
        return Err(CliError::new(Exit::Usage, said).hint("`disputebot groups` lists the groups"));
    };
    let content = match surveyed.standing.get(&record.group.id).and_then(|standing| standing.content.as_ref())
    {
        Some(Ok(content)) => content,
        Some(Err(private)) => {
            return Err(CliError::new(Exit::Input, format!("its ticket would not be sent: {private}")));
        }
        None => return Err(CliError::new(Exit::Input, "none of its disputes is in the input")),
    };
    let document = |markup: Markup| markup.document(markup.nodes(&content.block));
    match format {
        Format::Text => ui.data(&text_of(content))?,
        Format::Adf => ui.json(&document(Markup::Adf))?,
        Format::Wiki => ui.data(document(Markup::Wiki).as_str().unwrap_or_default())?,
        Format::Html => ui.data(&html::page(&content.summary, &content.block))?,
    }
    Ok(Exit::Done)
}

/// The ticket in plain words: its fields, then its text.
fn text_of(content: &Content) -> String {
    let mut text = format!("summary   {}\nlabels    {}\n", content.summary, content.labels.join(" "));
    let due = content.due.map(|due| due.to_string());
    let watchers = Some(content.watchers.join(", ")).filter(|names| !names.is_empty());
    let fields = [
        ("project", content.project.as_ref()),
        ("type", content.issue_type.as_ref()),
        ("priority", content.priority.as_ref()),
        ("due", due.as_ref()),
        ("watchers", watchers.as_ref()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            text.push_str(&format!("{name:<10}{value}\n"));
        }
    }
    for (name, value) in content.fields.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{name}  {value}\n"));
    }
    if let Some(list) = &content.list {
        text.push_str(&format!("list      {}, {} disputes\n", list.name, list.rows));
    }
    format!("{text}\n{}", document::plain_text(&content.block))
}

fn decide(group: &str, decision: &Decision, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs { jira: true, ..Needs::default() }, &[], ui)?;
    let client = client_of(&settings)?;
    let mut state = State::open(&settings.state)?;
    apply::pause::resume(&client, state.known(), &SystemClock);
    let known = state.known().find(group).map(|record| record.group.id.clone());
    let Some(id) = known else {
        return Err(CliError::new(Exit::Usage, format!("no group, or more than one, begins with `{group}`"))
            .hint("`disputebot groups` lists them"));
    };
    let (ticket, said) =
        runtime()?.block_on(apply::decide(&client, state.known(), &id, decision)).map_err(refused)?;
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
