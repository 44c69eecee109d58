//! `disputebot groups`: what is known of the groups.

use serde::Serialize;

use super::{CliError, Common, Exit, Ui, ui};
use crate::{
    config::Needs,
    dispute::Text,
    group::{LABEL_PREFIX, Status},
    plan::{Link, Ticket},
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
    ticket: Option<&'a Ticket>,
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

/// What a person means by a name.
pub(super) struct Meant<'a> {
    /// The group.
    pub(super) record: &'a GroupRecord,
    /// The dispute of it that was named.
    pub(super) dispute: Option<Text>,
}

/// The group that a person names by the key of its ticket, by one of its disputes, or by the first digits of its id;
/// none where that is no group, or more than one.
pub(super) fn find<'a>(what: &str, known: &Known, records: &'a [GroupRecord]) -> Option<Meant<'a>> {
    let has_key = |ticket: &&Ticket| ticket.issue().is_some_and(|issue| issue.key == what);
    if let Some(ticket) = known.tickets.values().find(has_key)
        && let Some(record) = records.iter().find(|record| record.group.id == ticket.group)
    {
        return Some(Meant { record, dispute: None });
    }
    let id: Text = what.into();
    let has_dispute = |record: &&GroupRecord| {
        record.group.status == Status::Active && record.group.members.binary_search(&id).is_ok()
    };
    if let Some(record) = records.iter().find(has_dispute) {
        return Some(Meant { record, dispute: Some(id) });
    }
    let prefix = what.strip_prefix(LABEL_PREFIX).unwrap_or(what);
    let mut begin =
        records.iter().filter(|record| prefix.len() >= 4 && record.group.id.as_str().starts_with(prefix));
    let record = begin.next()?;
    begin.next().is_none().then_some(Meant { record, dispute: None })
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
