//! The weekly report: from the history of runs to figures, and from figures to a page, a text and a mail. Pure.
//!
//! Flow (found, resolved, opened) is counted over the week; stock (open disputes, money, ageing, groups) is that of
//! the last run in it. Sentences are made from the figures by rules, never from free text. The same history gives
//! the same report, so writing it twice changes nothing.
//!
//! # Guarantees
//!
//! * What was open before, what came and what went add up to what is open after.
//! * Each number has the keys of the tickets it was counted from; page, text and JSON show the same numbers.
//! * A report of one client is made of that client's figures alone.
//! * Money has two significant digits, as on tickets: with exact units it would give a confidential price.
//! * [`screened`] looks at each finished text before it leaves.

mod chart;
mod figures;
mod forecast;
mod html;
mod jira;
mod mail;
mod markdown;
mod notes;
mod png;
mod quality;
mod rows;
mod sentences;
mod story;
mod tiles;
mod week;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

pub use chart::{Charts, GroupCharts, charts, group_charts};
pub use figures::weekly;
pub use forecast::{Backlog, BacklogWeek, Forecast};
pub use html::html;
pub use jira::{ForJira, Room, for_jira};
pub use mail::{ChatForm, Mail, MailError, Picture, chat, mail, message_id};
pub use markdown::markdown;
pub use quality::{Drift, Quality, Reference, Share};
pub use sentences::{headline, sentences};
pub use week::{Week, WeekError};
pub use words::{foreign, held, natural, owner, percent, reason, ruling};

use crate::{
    jql::Jql,
    state::{Rows, Sum},
    ticket::{self, facts::Figures},
};

/// Weeks that are read back for a report: those of the charts and those that a forecast is judged by.
pub const WEEKS: usize = 26;
/// Weeks of the charts.
const SHOWN_WEEKS: usize = 12;
/// Days whose deadlines are told.
const AHEAD_DAYS: i64 = 14;

/// Key of a ticket, such as `DISP-42`. Most stand below several numbers.
pub type TicketKey = Arc<str>;

/// All figures of one week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weekly {
    /// The week.
    pub week: Week,
    /// Its first and last day.
    pub days: (Date, Date),
    /// The time zone that the week is counted in.
    pub zone: String,
    /// The client it is about; none where it is about all.
    pub client: Option<String>,
    /// The week in five sentences.
    pub story: Vec<String>,
    /// The run that figures of stock are of; none where there was none yet.
    pub run: Option<String>,
    /// Runs in it.
    pub runs: usize,
    /// Their ids.
    pub run_ids: Vec<String>,
    /// Runs whose input was incomplete.
    pub incomplete_runs: usize,
    /// Tickets by what was done to them.
    pub tickets: TicketFlow,
    /// Their keys, by the same names.
    pub written: BTreeMap<&'static str, Vec<TicketKey>>,
    /// Groups by what became of them.
    pub flow: Flow,
    /// Tickets of the groups open after it.
    pub open_keys: Vec<TicketKey>,
    /// The same for each of the last weeks, this one last.
    pub weeks: Vec<WeekLine>,
    /// Rows of the last run; none where there was no run yet, and in the report of one client.
    pub rows: Option<Rows>,
    /// Open disputes in groups and without significant company.
    pub grouped: usize,
    /// Open disputes without significant company.
    pub ungrouped: usize,
    /// All open disputes at the end of the week.
    pub total: Figures,
    /// The same a week before; none where there was no run before.
    pub total_before: Option<Figures>,
    /// Open disputes, units and money by program.
    pub programs: Vec<ProgramLine>,
    /// First and last day of the two weeks that deadlines are told of: those after the week, once it is over.
    pub ahead: (Date, Date),
    /// What is due in these two weeks, by day.
    pub deadlines: Vec<Deadline>,
    /// What was due before them and is still open.
    pub overdue: Stake,
    /// Open disputes by age at the end of the week.
    pub ageing: Vec<(String, usize)>,
    /// Tickets of the groups that have some of them, by the same names.
    pub ageing_keys: BTreeMap<&'static str, Vec<TicketKey>>,
    /// Tickets of the groups that have units of a type.
    pub unit_keys: BTreeMap<String, Vec<TicketKey>>,
    /// How long groups took that were resolved in the week.
    pub resolution: Resolution,
    /// Open disputes and arrivals by week.
    pub backlog: Backlog,
    /// The groups with most money.
    pub top: Vec<TopGroup>,
    /// Groups that changed most, and why.
    pub changes: Vec<ChangeLine>,
    /// Tickets that were opened.
    pub opened: Vec<TicketLine>,
    /// Tickets that disputebot closed.
    pub closed: Vec<TicketLine>,
    /// Where people overruled disputebot.
    pub overruled: Vec<Overruled>,
    /// What waits for a person.
    pub waiting: Vec<Overruled>,
    /// Open disputes by client.
    pub clients: Vec<Line>,
    /// Open disputes by state.
    pub states: Vec<Line>,
    /// Open disputes by type of the covered entity.
    pub entities: Vec<Line>,
    /// Disputes in groups by likely cause.
    pub causes: Vec<Line>,
    /// Whether the machine can be trusted.
    pub quality: Quality,
    /// What came late and changes what earlier reports said.
    pub corrections: Vec<String>,
    /// What was held in the last run, by kind.
    pub held: BTreeMap<String, usize>,
    /// Writes that failed: what and why.
    pub failed: Vec<String>,
}

impl Weekly {
    /// The same without the lists of tickets that are as long as there are groups: for who shows figures alone.
    #[must_use]
    pub fn without_long_lists(mut self) -> Self {
        self.open_keys = Vec::new();
        self.ageing_keys.clear();
        self.unit_keys.clear();
        for line in &mut self.programs {
            line.keys = Vec::new();
        }
        for lines in [&mut self.clients, &mut self.states, &mut self.entities, &mut self.causes] {
            for line in lines {
                line.keys = Vec::new();
            }
        }
        for line in &mut self.weeks {
            (line.came_keys, line.went_keys) = (Vec::new(), Vec::new());
        }
        self
    }
}

/// Tickets by what was done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TicketFlow {
    /// Opened.
    pub opened: usize,
    /// Updated at least once.
    pub updated: usize,
    /// Closed by disputebot.
    pub closed: usize,
    /// Reopened by disputebot.
    pub reopened: usize,
}

/// How the number of open groups came about: `before`, and all steps, make `after`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Flow {
    /// Open at the start of the week.
    pub before: usize,
    /// What came and what went.
    pub steps: Vec<Step>,
    /// Open at its end.
    pub after: usize,
}

/// One way of coming or going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it is called.
    pub name: &'static str,
    /// Whether it adds.
    pub adds: bool,
    /// How many groups.
    pub count: usize,
    /// Their tickets; the first digits of the group where it has none.
    pub keys: Vec<TicketKey>,
}

/// One week of the flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WeekLine {
    /// The week.
    pub week: Week,
    /// Groups that came: found, split off or returned.
    pub came: usize,
    /// Groups that went: resolved or merged.
    pub went: usize,
    /// Groups open at its end.
    pub open: usize,
    /// Tickets of the groups that came.
    pub came_keys: Vec<TicketKey>,
    /// Tickets of those that went.
    pub went_keys: Vec<TicketKey>,
}

/// One program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramLine {
    /// Name in full.
    pub program: String,
    /// Figures of its open disputes.
    pub figures: Figures,
    /// Tickets of its groups.
    pub keys: Vec<TicketKey>,
}

/// What is at stake.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Stake {
    /// Disputes and money.
    pub sum: Sum,
    /// Tickets of the groups that they are in.
    pub keys: Vec<TicketKey>,
    /// Disputes among them that are in no group.
    pub alone: usize,
}

/// What is due on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// The day.
    pub day: Date,
    /// What is lost when nobody acts: exposed money would have to be paid, recoverable money could not be had back.
    pub stake: Stake,
    /// Programs, by short names.
    pub programs: Vec<String>,
}

/// How long groups took from found to resolved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Resolution {
    /// Days of each group that was resolved in the week, ascending.
    pub days: Vec<i64>,
    /// Days of each that was resolved in the eleven weeks before, ascending.
    pub days_before: Vec<i64>,
    /// Tickets of those of the week.
    pub keys: Vec<TicketKey>,
}

/// One of the largest groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopGroup {
    /// First digits of its id.
    pub group: String,
    /// Key of its ticket; empty where it has none.
    pub key: String,
    /// The client.
    pub client: String,
    /// The likely cause.
    pub cause: String,
    /// Who must fix it.
    pub who: String,
    /// Who its ticket is assigned to, as Jira showed last; none where that is nobody.
    pub owner: Option<String>,
    /// Its rule in a few words.
    pub title: String,
    /// Its figures.
    pub figures: Figures,
    /// Its open disputes at the end of each week of the charts.
    pub series: Vec<usize>,
}

/// A group that changed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeLine {
    /// Its ticket; the first digits of the group where it has none.
    pub key: String,
    /// The client.
    pub client: String,
    /// Cause and rule.
    pub what: String,
    /// Open disputes before the week.
    pub before: usize,
    /// Open disputes after it.
    pub after: usize,
    /// Why.
    pub why: String,
}

/// A ticket in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketLine {
    /// Its key.
    pub key: String,
    /// The client.
    pub client: String,
    /// Cause and rule of its group.
    pub what: String,
    /// Open disputes, as last seen.
    pub disputes: usize,
}

/// What a person did or has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overruled {
    /// The ticket; the first digits of the group where it has none.
    pub key: String,
    /// The client.
    pub client: String,
    /// What it is about.
    pub what: String,
    /// What was done, in words.
    pub words: String,
    /// Whether it was not so a week before.
    pub new: bool,
}

/// One line of a breakdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about.
    pub name: String,
    /// Disputes and money.
    pub sum: Sum,
    /// Groups, where groups were counted.
    pub groups: Option<usize>,
    /// Tickets of the groups that some of them are in; those in no group have none.
    pub keys: Vec<TicketKey>,
}

/// Where a reader can follow a number into Jira.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// Address of the site; none where it is not known.
    pub site: Option<String>,
    /// Keys of the projects that tickets are opened in.
    pub projects: Vec<String>,
}

impl Links {
    /// Most tickets that one search names: browsers and servers cut longer addresses.
    const IN_ONE_SEARCH: usize = 100;

    /// The page of a ticket; empty where it is not known or none.
    pub fn ticket(&self, key: &str) -> String {
        match &self.site {
            // Digits of a group that has no ticket have no hyphen.
            Some(site) if key.contains('-') => format!("{}/browse/{key}", site.trim_end_matches('/')),
            _ => String::new(),
        }
    }

    /// The search for some tickets; empty where there are none, too many, or no Jira.
    pub fn search(&self, keys: &[TicketKey]) -> String {
        let keys: Vec<&str> = keys.iter().map(|key| &**key).filter(|key| key.contains('-')).collect();
        if keys.is_empty() || keys.len() > Self::IN_ONE_SEARCH {
            return String::new();
        }
        self.found(&Jql::of_issues(keys))
    }

    /// The search for all open tickets of disputebot, of whatever client: where they are opened and where some are, such
    /// as projects that no rule of routing names any more.
    pub fn open(&self, keys: &[TicketKey]) -> String {
        let opened = self.projects.iter().map(String::as_str);
        let there = keys.iter().filter_map(|key| key.rsplit_once('-')).map(|(project, _)| project);
        let mut seen = BTreeSet::new();
        let projects = opened.chain(there).filter(|project| seen.insert(*project));
        self.found(&Jql::of_projects(projects).labelled(ticket::LABEL).not_done())
    }

    fn found(&self, jql: &Jql) -> String {
        let Some(site) = &self.site else { return String::new() };
        let query: String = url::form_urlencoded::byte_serialize(jql.unordered().as_bytes()).collect();
        format!("{}/issues/?jql={query}", site.trim_end_matches('/'))
    }
}

/// A text that was looked at by the privacy gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screened(String);

impl Screened {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A finished text holds something that looks private.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} looks like it holds {kind}, so it is not given out")]
pub struct Private {
    /// Which text.
    pub what: &'static str,
    /// What was found, never its value.
    pub kind: &'static str,
}

/// Lets a finished text pass, or says what it looks like it holds. Of a page, what stands between its tags is
/// looked at: coordinates of a chart are no telephone numbers.
pub fn screened(what: &'static str, text: String) -> Result<Screened, Private> {
    let shown = if text.trim_start().starts_with('<') { words::between_tags(&text) } else { text.clone() };
    match ticket::screen(&shown) {
        None => Ok(Screened(text)),
        Some(find) => Err(Private { what, kind: find.kind }),
    }
}

/// Two significant digits.
fn rounded(amount: Decimal) -> Decimal {
    amount
        .round_sf_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
        .unwrap_or(amount)
        .round_dp(2)
        .normalize()
}
