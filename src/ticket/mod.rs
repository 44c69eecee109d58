//! From a group to the content of its ticket. Pure.
//!
//! Facts are put into Markdown templates, parsed into one [`document`] model and written as [`adf`] or [`wiki`]
//! markup, with the same words. Foreign text is inert in every step. A gate looks at the finished text last and
//! refuses what looks private.

pub mod adf;
pub mod block;
pub mod document;
pub mod facts;
pub mod list;
mod markdown;
pub mod markup;
mod privacy;
mod template;
pub mod wiki;
pub mod words;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

pub use markdown::parse as parse_markdown;
pub use markup::Markup;
pub use privacy::{Find, screen};
pub use template::{EMBEDDED, TemplateError, Templates};

use document::Block;

use crate::group::GroupId;
use facts::{Facts, Figures};
use list::List;

/// The label on every ticket of ours.
pub const LABEL: &str = "disputebot";

/// What a ticket of ours should say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// One line, at most 255 characters.
    pub summary: String,
    /// Our block of the description.
    pub block: Vec<Block>,
    /// Labels, the group's own among them.
    pub labels: Vec<String>,
    /// Name of the priority, none to leave Jira's default.
    pub priority: Option<String>,
    /// The earliest day by which someone must act.
    pub due: Option<Date>,
    /// The list of all disputes, none where it is not attached.
    #[serde(skip)]
    pub list: Option<List>,
}

/// What decides the priority.
#[derive(Debug, Clone, PartialEq)]
pub struct Priorities {
    /// Money in dispute (US dollars) from which a ticket is `high`.
    pub high_amount: Decimal,
    /// Money in dispute (US dollars) from which a ticket is `highest`.
    pub highest_amount: Decimal,
    /// Names of the project's priorities: normal, high, highest; empty leaves Jira's default.
    pub names: [String; 3],
}

/// Why there is no content.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The finished text looks private.
    #[error("the {field} looks like it holds {kind}")]
    Private {
        /// Which field of the ticket.
        field: &'static str,
        /// What was found, never its value.
        kind: &'static str,
    },
}

/// The content of a group's ticket.
pub fn content(
    group: &GroupId,
    facts: &Facts,
    figures: &Figures,
    templates: &Templates,
    priorities: &Priorities,
) -> Result<Content, ContentError> {
    let summary = templates.summary(facts)?;
    let block = templates.description(facts)?;
    for (field, text) in [("summary", summary.clone()), ("description", document::plain_text(&block))] {
        if let Some(Find { kind }) = screen(&text) {
            return Err(ContentError::Private { field, kind });
        }
    }
    Ok(Content {
        summary,
        block,
        labels: vec![LABEL.to_owned(), group.label()],
        priority: priority(figures, priorities),
        due: due(figures),
        list: None,
    })
}

/// By money in dispute only: a rank that changed with the calendar would rewrite tickets every night.
fn priority(figures: &Figures, priorities: &Priorities) -> Option<String> {
    let amount = figures.exposed + figures.recoverable;
    let [normal, high, highest] = &priorities.names;
    let name = if amount >= priorities.highest_amount {
        highest
    } else if amount >= priorities.high_amount {
        high
    } else {
        normal
    };
    (!name.is_empty()).then(|| name.clone())
}

fn due(figures: &Figures) -> Option<Date> {
    figures.due
}
