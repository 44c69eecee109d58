//! From a group to the content of its ticket. Pure.
//!
//! Facts are put into Markdown templates, parsed into one [`document`] model and written as [`adf`] or [`wiki`]
//! markup, with the same words. Foreign text is inert in every step. A gate looks at the finished text last and
//! refuses what looks private.

pub mod adf;
pub mod block;
mod cause;
mod course;
pub mod document;
pub mod facts;
mod figures;
pub mod html;
pub mod length;
pub mod list;
mod markdown;
pub mod markup;
mod priority;
mod privacy;
mod shared;
mod template;
pub mod wiki;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::Serialize;

pub use course::{Course, Point};
pub use markdown::{flatten, parse as parse_markdown};
pub use markup::Markup;
pub use priority::{Priorities, Weight, days_left};
pub use privacy::{Find, Refusal, Typed, open, open_foreign, open_value, screen, screen_foreign, withheld};
pub use shared::{Part, shared_content};
pub use template::{EMBEDDED, TemplateError, Templates, is_own as is_own_template, is_template, shortened};

use document::Block;
use template::template_of;

use crate::group::GroupId;
use facts::{Facts, Grain};
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
    /// What the likely cause is called; empty where tickets are not about one of the playbook.
    pub cause: String,
    /// Labels, the group's own among them.
    pub labels: Vec<String>,
    /// Name of the priority, none to leave Jira's default.
    pub priority: Option<String>,
    /// The next day by which someone must act, as of the last change of the group.
    pub due: Option<Date>,
    /// Other fields that were configured, by name; the empty text empties one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// Key of the project that it is opened in, where a rule names one; what is open stays where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Name of the issue type where it is not the configured one; only what is opened has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue_type: Option<String>,
    /// Accounts that watch the ticket, as the rules name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watchers: Vec<String>,
    /// Fields, the priority among them, whose value a rule of routing gave: they follow the rules for as long as
    /// nobody has touched the ticket.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub routed: BTreeSet<String>,
    /// How large the group was over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub course: Option<Course>,
    /// The list of all disputes, none where it is not attached.
    #[serde(skip)]
    pub list: Option<List>,
    /// How much of each dispute the text shows; what else leaves with it shows no more.
    #[serde(skip)]
    pub grain: Grain,
    /// What typed columns put into the text.
    #[serde(skip)]
    pub typed: Typed,
}

/// Why there is no content.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The finished text looks private.
    #[error("{0}")]
    Private(Refusal),
}

/// Characters kept for the lines around our block.
pub const ROOM_FOR_DELIMITERS: usize = 600;

/// The content of a group's ticket, whose text takes at most `limit` characters (units of UTF-16).
pub fn content(
    group: &GroupId,
    facts: &Facts,
    weight: &Weight,
    templates: &Templates,
    priorities: &Priorities,
    limit: usize,
) -> Result<Content, ContentError> {
    let summary = templates.summary(facts)?;
    let block = description(facts, templates, limit.saturating_sub(ROOM_FOR_DELIMITERS))?;
    let fields = templates.fields(facts)?;
    let mut typed = facts.typed.clone();
    facts.own_words().for_each(|words| typed.ours(words));
    let gate = |place: &str, text: &str, template: &str, wrote: &str| {
        typed.gate(&format!("{place} (template `{template}`)"), text, wrote).map_err(ContentError::Private)
    };
    let [of_summary, of_description] = templates.names(facts);
    gate("summary", &summary, &of_summary, &templates.source(&of_summary))?;
    let wrote = templates.source_of_description(&of_description, facts);
    // A person sees where a link leads to.
    let shown = document::plain_text(&block) + &document::targets(&block);
    gate("description", &shown, &of_description, &wrote)?;
    for (name, text) in &fields {
        let template = template_of(name);
        gate(&format!("field `{name}`"), text, &template, &templates.source(&template))?;
    }
    Ok(Content {
        summary,
        block,
        labels: vec![LABEL.to_owned(), group.label()],
        priority: priorities.of(weight),
        project: None,
        issue_type: None,
        watchers: Vec::new(),
        routed: BTreeSet::new(),
        due: facts.due_on,
        fields,
        cause: if facts.cause.known { facts.cause.name.clone() } else { String::new() },
        course: None,
        list: None,
        grain: Grain::Fine,
        typed,
    })
}

/// The description, with fewer disputes listed where it would be too long, then with fewer rows.
fn description(facts: &Facts, templates: &Templates, limit: usize) -> Result<Vec<Block>, TemplateError> {
    // An id and what stands around it take at least four; a template is not to be run over a hundred thousand.
    let facts = &facts.with_members(limit / 4);
    let whole = templates.description(facts)?;
    if markup::length_of(&whole) <= limit {
        return Ok(whole);
    }
    let listed = |count: usize| templates.description(&facts.with_members(count));
    let (mut fits, mut too_many) = (0, facts.members.len());
    while fits + 1 < too_many {
        let middle = fits.midpoint(too_many);
        if markup::length_of(&listed(middle)?) <= limit {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    let elsewhere = if facts.attached { " in the attached list" } else { "" };
    Ok(length::within(&listed(fits)?, limit, elsewhere))
}
