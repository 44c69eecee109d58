//! `disputebot status`: the last run, and what waits for a person.

use jiff::Timestamp;
use serde::Serialize;

use super::{CliError, Common, Exit, Ui, run::accounted};
use crate::{
    apply::{self, Clock as _, SystemClock},
    config::Needs,
    group::Status,
    jira::expiry,
    plan::Link,
    state::{Doubt, Known, RunRecord},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Prints it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    last_run: Option<&'a RunRecord>,
    groups: usize,
    tickets: usize,
    unknown: Vec<String>,
    held: Vec<String>,
    refused: Vec<String>,
    doubt: Option<&'a Doubt>,
    /// Until when Jira wants to be left alone.
    paused_until: Option<Timestamp>,
    /// What is to be said of the end of the token.
    token: Option<String>,
    /// Reports that were refused, or of which it is not known whether they arrived.
    reports: Vec<String>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let settings = common.settings(Needs::default(), &[], ui)?;
    let known = Known::read(&settings.state)?;
    let of = |wanted: fn(&Link) -> bool| -> Vec<String> {
        known
            .tickets
            .values()
            .filter(|ticket| wanted(&ticket.link))
            .map(|ticket| ticket.group.to_string())
            .collect()
    };
    let today = SystemClock.moment().at.to_zoned_datetime(settings.run.zone.clone()).date();
    let answer = Answer {
        last_run: known.runs.values().next_back(),
        groups: known.groups.values().filter(|record| record.group.status == Status::Active).count(),
        tickets: of(|link| matches!(link, Link::Bound { .. })).len(),
        unknown: of(|link| matches!(link, Link::Intent { .. } | Link::Unknown { .. })),
        held: of(|link| matches!(link, Link::Held { .. })),
        refused: of(|link| matches!(link, Link::Parked { .. })),
        doubt: known.doubt.as_ref(),
        paused_until: apply::pause::holds(&known, &SystemClock),
        token: settings.token_expires.and_then(|ends| expiry::notice(ends, today)),
        reports: crate::deliver::open(&known),
    };
    if arguments.json {
        ui.json(&answer)?;
        return Ok(Exit::Done);
    }
    let mut text = match answer.last_run {
        None => "no run yet\n".to_owned(),
        Some(run) => {
            let mut text = format!("last run    {}\n            {}\n", run.at, accounted(run.rows));
            for reason in &run.incomplete {
                text.push_str(&format!("            incomplete: {reason}\n"));
            }
            text.push_str(&format!(
                "            {} writes done, {} failed\n",
                run.done.len(),
                run.failed.len()
            ));
            for (kind, count) in &run.held {
                text.push_str(&format!("            {count} held: {kind}\n"));
            }
            text
        }
    };
    text.push_str(&format!("groups      {}\ntickets     {}\n", answer.groups, answer.tickets));
    for (name, groups) in [("unknown", &answer.unknown), ("held", &answer.held), ("refused", &answer.refused)]
    {
        if !groups.is_empty() {
            text.push_str(&format!(
                "{name:<12}{} create{}\n",
                groups.len(),
                if groups.len() == 1 { "" } else { "s" }
            ));
        }
    }
    for group in &answer.held {
        let short = &group[..8];
        text.push_str(&format!(
            "            {short}: `disputebot ticket bind {short} KEY` where its ticket exists, else \
             `disputebot ticket create {short}`\n"
        ));
    }
    if let Some(doubt) = answer.doubt {
        text.push_str(&format!(
            "in doubt    {}; nothing is created before Jira was read from end to end\n",
            doubt.reason
        ));
    }
    if let Some(until) = answer.paused_until {
        let reason = known.pause.as_ref().map_or("", |pause| &pause.reason);
        text.push_str(&format!("paused      Jira asks to wait until {until:.0} ({reason})\n"));
    }
    if let Some(token) = &answer.token {
        text.push_str(&format!("token       {token}\n"));
    }
    for report in &answer.reports {
        text.push_str(&format!("report      {report}\n"));
    }
    ui.data(&text)?;
    Ok(Exit::Done)
}
