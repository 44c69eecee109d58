//! A report on its way into Jira.

use serde::{Deserialize, Serialize};

use crate::plan::{Issue, Moment};

/// How far a report has come into Jira. Each write is recorded before it is sent, and its result after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    /// The report: its week, and digits of the client and the place. The issue or the comment carries it.
    pub name: String,
    /// The issue that the report is on; none before it is known.
    pub issue: Option<Issue>,
    /// Whether its words are there.
    pub said: bool,
    /// Whether its page is attached, or cannot be.
    pub attached: bool,
    /// What is being sent; none where nothing is.
    pub sending: Option<Sending>,
}

/// A write whose fate is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// What is sent.
    pub part: Part,
    /// When it was recorded; it is sent right after that or not at all.
    pub sent: Moment,
}

/// A part of a report in Jira.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "part")]
pub enum Part {
    /// An issue of its own.
    Issue {
        /// Highest issue number seen in the project before sending: the issue has a higher one.
        highest_number: u64,
    },
    /// A comment on an issue.
    Comment,
    /// The page as an attachment.
    Page,
}

impl Filing {
    /// A report of which nothing is in Jira.
    pub fn none(name: &str) -> Self {
        Self { name: name.to_owned(), issue: None, said: false, attached: false, sending: None }
    }
}
