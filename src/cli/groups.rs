//! `disputebot groups`: what is known of the groups.

use serde::Serialize;

use super::{CliError, Common, Exit, Ui, ui};
use crate::{
    config::Needs,
    group::Status,
    plan::Link,
    state::{GroupRecord, Known},
    ticket::facts,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Also those that have ended
    #[arg(long)]
    all: bool,
    /// Prints them as JSON, members included
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    record: &'a GroupRecord,
    ticket: Option<&'a crate::plan::Ticket>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs::default(), &[], ui)?;
    let known = Known::read(&settings.state)?;
    let mut records: Vec<&GroupRecord> = known
        .groups
        .values()
        .filter(|record| arguments.all || record.group.status == Status::Active)
        .collect();
    records.sort_by(|a, b| {
        let amount = |record: &GroupRecord| record.figures.exposed + record.figures.recoverable;
        amount(b).cmp(&amount(a)).then_with(|| a.group.id.cmp(&b.group.id))
    });
    if arguments.json {
        let listed: Vec<Listed<'_>> = records
            .iter()
            .map(|record| Listed { record, ticket: known.tickets.get(&record.group.id) })
            .collect();
        ui.json(&listed)?;
        return Ok(Exit::Done);
    }
    if records.is_empty() {
        ui.say("no groups yet; `disputebot run` makes the first pass");
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|record| {
            vec![
                record.group.id.short().to_owned(),
                ticket_word(&known, record),
                facts::thousands(record.group.members.len()),
                facts::money_text(record.figures.exposed),
                facts::money_text(record.figures.recoverable),
                ui::clip(&record.group.client, 20),
                ui::clip(&record.cause, 34),
                ui::clip(&record.title, 60),
            ]
        })
        .collect();
    let header = ["GROUP", "TICKET", "DISPUTES", "EXPOSED", "RECOVERABLE", "CLIENT", "CAUSE", "RULE"];
    ui.data(&ui::table(&header, &rows, &[2, 3, 4]))?;
    Ok(Exit::Done)
}

/// The ticket of a group in a word or two.
pub(super) fn ticket_word(known: &Known, record: &GroupRecord) -> String {
    match known.tickets.get(&record.group.id).map(|ticket| &ticket.link) {
        Some(Link::Bound { issue }) => issue.key.clone(),
        Some(Link::Intent { .. } | Link::Unknown { .. }) => "unknown".to_owned(),
        Some(Link::Held { .. }) => "held".to_owned(),
        Some(Link::Parked { .. }) => "refused".to_owned(),
        Some(Link::Ready { .. }) | None => "none".to_owned(),
    }
}
