//! The ticket for staff about a cause that several clients share: counts per client, and never a dispute.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Content, ContentError, Course, LABEL, Priorities, ROOM_FOR_DELIMITERS, Templates, Typed, Weight,
    document, facts,
    facts::{Figures, Grain, money_text, thousands},
    length,
    template::{SHARED, SHARED_SUMMARY},
};
use crate::{
    dispute::{Field, Program, Text},
    group::GroupId,
};

/// One group of a client that has the cause.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The client.
    pub client: &'a Text,
    /// Its rule in a few words.
    pub title: &'a str,
    /// Its likely cause.
    pub cause: &'a str,
    /// Who must fix it.
    pub who: &'a str,
    /// Its figures.
    pub figures: &'a Figures,
    /// How much it weighs.
    pub weight: &'a Weight,
    /// How much of it may be shown.
    pub grain: Grain,
    /// Key and address of its ticket, where it has one.
    pub ticket: Option<(String, String)>,
}

/// Everything that the templates of such a ticket can use; all values are final text.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct SharedFacts {
    /// Program in full.
    pub program: String,
    /// The likely cause: that of most disputes.
    pub cause: String,
    /// Who must fix it.
    pub who: String,
    /// The rule of the largest group in a few words.
    pub title: String,
    /// How many clients.
    pub clients: String,
    /// Open disputes of all of them.
    pub disputes: String,
    /// Units per unit type.
    pub units: Vec<String>,
    /// Money withheld, rounded; empty where none.
    pub exposed: String,
    /// Money paid that can be had back, rounded; empty where none.
    pub recoverable: String,
    /// Disputes without an amount, empty where none.
    pub without_amount: String,
    /// Earliest due date, empty where unknown.
    pub due: String,
    /// The last change of the figures and how they were a week before it, empty where they never changed.
    pub trend: String,
    /// The groups, by client, the largest of each first.
    pub lines: Vec<Line>,
}

/// One group in words.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Line {
    /// The client.
    pub client: String,
    /// Key of its ticket, empty where it has none.
    pub ticket: String,
    /// Where a person opens it.
    pub address: String,
    /// Open disputes.
    pub disputes: String,
    /// Money withheld, rounded; empty where none.
    pub exposed: String,
    /// Money paid that can be had back, rounded; empty where none.
    pub recoverable: String,
    /// Earliest due date, empty where unknown.
    pub due: String,
}

impl SharedFacts {
    /// Those of an invented cause.
    pub(super) fn sample() -> Self {
        let line = Line {
            client: "Example Pharma A".to_owned(),
            ticket: "DISP-1".to_owned(),
            address: "https://jira.example.com/browse/DISP-1".to_owned(),
            disputes: "12".to_owned(),
            exposed: "about $41,000".to_owned(),
            recoverable: "about $2,000".to_owned(),
            due: "2026-12-01".to_owned(),
        };
        Self {
            program: Program::Mdrp.human_name().to_owned(),
            cause: "Units of measure differ".to_owned(),
            who: "state".to_owned(),
            title: "NDC 98001-1155-01, MI".to_owned(),
            clients: "2".to_owned(),
            disputes: "24".to_owned(),
            units: vec!["1,200 ML".to_owned()],
            exposed: "about $82,000".to_owned(),
            recoverable: "about $4,000".to_owned(),
            without_amount: "3".to_owned(),
            due: "2026-12-01".to_owned(),
            trend: "2026-11-24: 24 disputes, 20 a week before".to_owned(),
            lines: vec![line.clone(), Line { client: "Example Pharma B".to_owned(), ..line }],
        }
    }

    fn of(program: Program, parts: &[Part<'_>], figures: &Figures, trend: String) -> Self {
        let mut sorted: Vec<&Part<'_>> = parts.iter().collect();
        sorted.sort_by_key(|part| {
            (part.client, std::cmp::Reverse(part.figures.disputes), part.ticket.clone(), part.title)
        });
        let mut causes: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for part in parts {
            *causes.entry((part.cause, part.who)).or_default() += part.figures.disputes;
        }
        let most =
            causes.into_iter().max_by_key(|((cause, _), disputes)| (*disputes, std::cmp::Reverse(*cause)));
        let ((cause, who), _) = most.unwrap_or_default();
        let largest = sorted.iter().rev().max_by_key(|part| part.figures.disputes);
        let clients: BTreeSet<&Text> = parts.iter().map(|part| part.client).collect();
        let due = |figures: &Figures| figures.due.map(|due| due.to_string()).unwrap_or_default();
        let count = |count: usize| if count == 0 { String::new() } else { thousands(count) };
        Self {
            program: program.human_name().to_owned(),
            cause: cause.to_owned(),
            who: who.to_owned(),
            title: largest.map(|part| part.title.to_owned()).unwrap_or_default(),
            clients: thousands(clients.len()),
            disputes: thousands(figures.disputes),
            units: figures.units.iter().map(|(unit, units)| facts::units_text(*units, unit)).collect(),
            exposed: money_text(figures.exposed),
            recoverable: money_text(figures.recoverable),
            without_amount: count(figures.without_amount),
            due: due(figures),
            trend,
            lines: sorted
                .into_iter()
                .map(|part| {
                    let (ticket, address) = part.ticket.clone().unwrap_or_default();
                    Line {
                        client: part.client.to_string(),
                        ticket,
                        address,
                        disputes: thousands(part.figures.disputes),
                        exposed: money_text(part.figures.exposed),
                        recoverable: money_text(part.figures.recoverable),
                        due: due(part.figures),
                    }
                })
                .collect(),
        }
    }
}

/// The content of the ticket about a cause that some groups share, whose text takes at most `limit` characters (units
/// of UTF-16).
pub fn shared_content(
    id: &GroupId,
    program: Program,
    parts: &[Part<'_>],
    course: Course,
    templates: &Templates,
    priorities: &Priorities,
    limit: usize,
) -> Result<Content, ContentError> {
    let mut figures = Figures::default();
    for part in parts {
        figures.join(part.figures);
    }
    let facts = SharedFacts::of(program, parts, &figures, course.words());
    let (summary, block) = templates.shared(&facts)?;
    let block = length::within(&block, limit.saturating_sub(ROOM_FOR_DELIMITERS), "");
    let mut typed = Typed::default();
    for part in parts {
        typed.value(Field::Manufacturer, part.client);
        // Each has passed the gate when the ticket of its client was made, or is of the playbook.
        for words in [part.title, part.cause, part.who] {
            typed.ours(words);
        }
        for words in part.ticket.iter().flat_map(|(key, address)| [key, address]) {
            typed.ours(words);
        }
    }
    let dues = facts.lines.iter().map(|line| &line.due);
    dues.chain([&facts.due, &facts.trend]).for_each(|words| typed.ours(words));
    let gate = |place: &str, text: &str, template: &str| {
        let wrote = templates.source(template);
        typed.gate(&format!("{place} (template `{template}`)"), text, &wrote).map_err(ContentError::Private)
    };
    gate("summary", &summary, SHARED_SUMMARY)?;
    gate("description", &(document::plain_text(&block) + &document::targets(&block)), SHARED)?;
    Ok(Content {
        summary,
        block,
        cause: String::new(),
        labels: vec![LABEL.to_owned(), id.label()],
        priority: parts.iter().map(|part| part.weight).max().and_then(|weight| priorities.of(weight)),
        due: figures.due,
        fields: BTreeMap::new(),
        project: None,
        issue_type: None,
        watchers: Vec::new(),
        routed: BTreeSet::new(),
        course: Some(course),
        list: None,
        grain: parts.iter().map(|part| part.grain).max().unwrap_or_default(),
        typed,
    })
}
