//! What one run will write, complete and with reasons. Pure.
//!
//! A [`Plan`] holds the final text of every write and the typed reason for each action and each
//! non-action, so that applying it leaves nothing to decide. It compares three things: what the groups want
//! ([`Content`](crate::ticket::Content)), what disputebot last wrote ([`Ticket`]) and what Jira shows now
//! ([`Observed`]). A field that people changed is theirs.
//!
//! # Guarantees
//!
//! * The same groups, tickets and observations give the same plan; where nothing differs, it is empty.
//! * Incomplete input closes nothing and shrinks nothing. An issue that cannot be seen is not deleted.
//! * At most `max_new_tickets` creates; what is held back is listed. What Jira refused before, and what is for a project
//!   that refused several, keeps nothing else from a place but one for a try.

mod action;
mod closing;
mod command;
mod decide;
mod gate;
mod home;
mod life;
mod lineage;
mod lost;
mod mark;
mod moment;
mod orders;
mod pause;
mod people;
mod print;
mod route;
mod theirs;
mod ticket;
mod update;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use action::{Action, Change, Hold, HoldReason, Plan, Reason, Unsaid, Write};
pub use closing::ways_topic;
pub use command::{Command, FIELDS, PREFIX, line as command_line, parse as parse_command};
pub use decide::{
    DONE_LABEL, IGNORE_LABEL, Input, Params, REFUSALS, REOPENED_LABEL, Resolutions, Standing, Unfit, Ways,
    plan,
};
pub use home::Home;
pub use life::{Manners, REOPENINGS};
pub use lineage::{CLOSED_BY_OTHERS, CLOSING, closing_topic, tells_of};
pub use lost::{Overwritten, Past, PastItem, is_of_loss, is_told, overwritten};
pub use mark::Mark;
pub use moment::{CLOCK_DOUBT, Moment, ONE_PROCESS};
pub(crate) use orders::strangers;
pub use orders::{
    Asked, BY_COMMENT, Heard, Orders, Over, Quiet, QuietDisputes, Ruling, RulingKind, decisions, in_force,
    links,
};
pub use pause::{NotBefore, Part, Pause};
pub use people::answer_topic;
pub use print::{Detail, print};
pub use route::{
    ASSIGNEE, COMPONENTS, PARENT, Rule, SECURITY, Subject, Then, When, is_worked_on, route, watch_topic,
};
pub use theirs::{changed_topic, handed_back, take, tells_of_change};
pub use ticket::{Closed, Fence, Fields, Issue, Labels, Life, Link, SECOND, Ticket, Written};
pub use update::{is_still, is_written, kept_topic, list_topic, settled, written};

use crate::{group::GroupId, ticket::list::Attached};

/// What Jira shows of an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The issue.
    pub issue: Issue,
    /// Summary.
    pub summary: String,
    /// Description as Jira shows it: an ADF document or a string of wiki markup, null where empty.
    pub description: Value,
    /// Labels.
    pub labels: BTreeSet<String>,
    /// Name of the status.
    pub status: String,
    /// Category of the status.
    pub category: Category,
    /// Name of the priority.
    pub priority: Option<String>,
    /// Due date.
    pub due: Option<Date>,
    /// Display name of the assignee.
    pub assignee: Option<String>,
    /// Issues that this one is linked to as their duplicate.
    pub duplicate_of: Vec<Issue>,
    /// Other fields that were asked for, by name; those that are empty are absent.
    pub fields: BTreeMap<String, String>,
    /// Lists of disputes that disputebot attached.
    pub lists: Vec<Attached>,
    /// Comments of others, the oldest first.
    pub comments: Vec<Heard>,
    /// Whether there are more comments than these.
    pub has_more_comments: bool,
    /// When it was last changed, as Jira writes it.
    pub updated: Box<str>,
}

/// An issue that carries the mark of a group whose ticket is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// The issue.
    pub issue: Issue,
    /// The group whose mark it carries.
    pub group: GroupId,
    /// How it came about.
    pub kind: StrayKind,
}

/// How an issue came to carry a mark that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrayKind {
    /// disputebot made it: a second ticket for the group. It is linked, told and closed, once.
    Duplicate,
    /// A person made it, most likely by cloning the ticket. It is theirs.
    Clone,
}

/// Category of a status: what tells open from done in every workflow and language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Not begun (`new`).
    New,
    /// In progress (`indeterminate`).
    InProgress,
    /// Done (`done`).
    Done,
}
