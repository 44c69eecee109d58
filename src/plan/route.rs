//! Routing: which rules decide about a ticket, and when a ticket still follows them.
//!
//! Each field of a ticket takes the value of the first rule that fits the group and says something about that field.
//! So one rule can name the team of a client and another one the level of secrecy of a program, and neither has to
//! repeat the other; a rule without conditions at the end says what holds otherwise.
//!
//! A ticket follows the rules until a person has touched it. After that it stays where people know it to be.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{
    Category, HoldReason, Observed, Reason, Ticket, Write, Written,
    command::parse as parse_command,
    decide::{Planner, Standing},
};
use crate::{
    dispute::Program,
    group::Group,
    ticket::{
        Content, LABEL,
        block::{self, Located},
        markup,
    },
};

/// The fields that rules set, by the ids that Jira gives them.
pub const ASSIGNEE: &str = "assignee";
/// See [`ASSIGNEE`].
pub const COMPONENTS: &str = "components";
/// See [`ASSIGNEE`].
pub const SECURITY: &str = "security";
/// See [`ASSIGNEE`].
pub const PARENT: &str = "parent";
/// The priority, as [`Content::routed`] has it.
pub(super) const PRIORITY: &str = "priority";

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// The table that it stands in, such as `routes.texas`.
    pub name: String,
    /// Which groups it fits.
    pub when: When,
    /// What it says of their tickets.
    pub then: Then,
}

/// Which groups a rule fits: all conditions must hold, and an empty one always does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct When {
    /// One of these programs.
    pub programs: BTreeSet<Program>,
    /// One of these causes, by their numbers in the playbook.
    pub causes: BTreeSet<String>,
    /// One of these clients.
    pub clients: BTreeSet<String>,
    /// More than half of the disputes are of one of these states.
    pub states: BTreeSet<String>,
    /// More than half of the disputes are of a covered entity of one of these types.
    pub entity_types: BTreeSet<String>,
    /// At least so much money in dispute (US dollars).
    pub min_amount: Option<Decimal>,
    /// The next deadline is so many days off at most.
    pub due_within_days: Option<i64>,
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Then {
    /// Key of the project, for tickets that are opened.
    pub project: Option<String>,
    /// Name of the issue type, for tickets that are opened.
    pub issue_type: Option<String>,
    /// Name of the priority.
    pub priority: Option<String>,
    /// Accounts that watch.
    pub watchers: Vec<String>,
    /// Other fields by name or id, with their texts.
    pub fields: BTreeMap<String, String>,
}

/// What rules look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject<'a> {
    /// Its program.
    pub program: Program,
    /// Number of its likely cause in the playbook; empty where none is known.
    pub cause: &'a str,
    /// Its client.
    pub client: &'a str,
    /// State of each dispute; those without one count, too.
    pub states: Vec<Option<&'a str>>,
    /// Type of the covered entity of each dispute.
    pub entity_types: Vec<Option<&'a str>>,
    /// Money in dispute (US dollars).
    pub amount: Decimal,
    /// Days to its next deadline, as for [`Standing::days_left`].
    pub days_left: Option<i64>,
}

impl When {
    fn fits(&self, subject: &Subject<'_>) -> bool {
        let one_of = |names: &BTreeSet<String>, name: &str| names.is_empty() || names.contains(name);
        let mostly = |names: &BTreeSet<String>, values: &[Option<&str>]| {
            let fitting = values.iter().flatten().filter(|value| names.contains(**value)).count();
            names.is_empty() || fitting * 2 > values.len()
        };
        let near = |within: i64| subject.days_left.is_some_and(|days| days <= within);
        (self.programs.is_empty() || self.programs.contains(&subject.program))
            && one_of(&self.causes, subject.cause)
            && one_of(&self.clients, subject.client)
            && mostly(&self.states, &subject.states)
            && mostly(&self.entity_types, &subject.entity_types)
            && self.min_amount.is_none_or(|least| subject.amount >= least)
            && self.due_within_days.is_none_or(near)
    }
}

/// What the rules say of one ticket.
pub fn route(rules: &[Rule], subject: &Subject<'_>) -> Then {
    let mut route = Then::default();
    for rule in rules.iter().filter(|rule| rule.when.fits(subject)) {
        let Then { project, issue_type, priority, watchers, fields } = &rule.then;
        route.project = route.project.or_else(|| project.clone());
        route.issue_type = route.issue_type.or_else(|| issue_type.clone());
        route.priority = route.priority.or_else(|| priority.clone());
        if route.watchers.is_empty() {
            route.watchers.clone_from(watchers);
        }
        for (name, text) in fields {
            route.fields.entry(name.clone()).or_insert_with(|| text.clone());
        }
    }
    route
}

impl Then {
    /// Puts on a ticket what the rules say of it.
    pub fn put_on(self, content: &mut Content) {
        let Self { project, issue_type, priority, watchers, fields } = self;
        content.project = project;
        content.issue_type = issue_type;
        content.watchers = watchers;
        if priority.is_some() {
            content.priority = priority;
            content.routed.insert(PRIORITY.to_owned());
        }
        content.routed.extend(fields.keys().cloned());
        content.fields.extend(fields);
    }
}

/// Whether a person works on a ticket: it is in progress, or theirs by their own doing, as far as it is known whom Jira
/// or a rule gave it to.
pub fn is_worked_on(ticket: &Ticket, observed: &Observed) -> bool {
    match observed.category {
        Category::New => {
            let by_rule = ticket.written.as_ref().is_some_and(|it| it.fields.get(ASSIGNEE).is_some());
            (ticket.given.is_some() || ticket.unassigned || by_rule) && is_taken(ticket, observed)
        }
        Category::InProgress => true,
        Category::Done => false,
    }
}

/// Whether people have a ticket: its assignee is neither whom Jira gave it to when it was opened, nor whom a rule named, or they
/// write about it there.
pub(super) fn is_taken(ticket: &Ticket, observed: &Observed) -> bool {
    // An order to disputebot is no work.
    if observed.comments.iter().any(|comment| parse_command(&comment.text).is_none()) {
        return true;
    }
    let Some(assignee) = observed.assignee.as_deref() else { return false };
    // A rule may name an account in words that are not the name under which Jira shows it.
    let shown = [Some(assignee), observed.fields.get(ASSIGNEE).map(String::as_str)];
    let written = [ticket.written.as_ref(), ticket.writing.as_deref()];
    let by_rule = written.into_iter().flatten().any(|it| {
        let named = it.fields.get(ASSIGNEE);
        named.is_some() && shown.contains(&named)
    });
    !by_rule && ticket.given.as_ref().map(|given| &***given) != Some(assignee)
}

impl Planner<'_> {
    /// Whether a person has done anything on a ticket: written a comment, moved it on, changed a field or a label, or
    /// written beside our text. `maybe` is what a write whose answer was lost would have left.
    pub(super) fn is_touched(
        &self,
        ticket: &Ticket,
        observed: &Observed,
        content: &Content,
        (last, maybe): (&Written, &Written),
    ) -> bool {
        let ours =
            |shown: &str, wrote: &dyn Fn(&Written) -> String| shown == wrote(last) || shown == wrote(maybe);
        let text_is_ours = match block::locate(&observed.description) {
            Located::Block { above, ours: block, below } => {
                let unticked = markup::ticks(&self.input.markup.nodes(&content.block));
                let ticks = markup::ticks(&block);
                above.is_empty()
                    && below.is_empty()
                    && ours(&markup::digest(&block), &|it| it.block.clone())
                    && ticks.iter().all(|(task, done)| !done || unticked.get(task).is_some_and(|done| *done))
            }
            Located::Missing => false,
        };
        let fields_are_ours =
            content.fields.keys().filter(|name| !self.params.fixed_fields.contains(*name)).all(|name| {
                let shown = observed.fields.get(name).map_or("", String::as_str);
                ours(shown, &|it| it.fields.get(name).unwrap_or_default().to_owned())
            });
        let is_own_label = |label: &String| {
            last.labels.contains(label) || label.starts_with(LABEL) || *label == ticket.group.label()
        };
        !observed.comments.is_empty()
            || ticket.orders.is_some()
            || observed.category != Category::New
            || !content.fields.contains_key(ASSIGNEE) && is_taken(ticket, observed)
            || !ours(&observed.summary, &|it| it.summary.clone())
            || !text_is_ours
            || ![last.priority.as_ref(), maybe.priority.as_ref()].contains(&observed.priority.as_ref())
                && last.priority.is_some()
            || ![last.due, maybe.due].contains(&observed.due)
            || !fields_are_ours
            || !observed.labels.iter().all(is_own_label)
    }

    /// A field of a ticket that the rules would change, were it not in people's hands.
    pub(super) fn leave_routed(
        &mut self,
        group: &Group,
        standing: &Standing,
        observed: &Observed,
        field: &str,
        wanted: &str,
    ) {
        let reason = HoldReason::Touched { field: field.to_owned(), wanted: wanted.to_owned() };
        self.hold(group, standing, Some(observed.issue.key.clone()), reason);
    }

    /// Watchers that the rules name are added once each, while nobody has touched the ticket: who leaves it has left.
    pub(super) fn watch(
        &mut self,
        group: &Group,
        standing: &Standing,
        ticket: &Ticket,
        observed: Option<&Observed>,
        content: &Content,
    ) {
        if content.watchers.iter().all(|who| ticket.told.contains(&watch_topic(who))) {
            return;
        }
        let last = ticket.written.clone().unwrap_or_default();
        let maybe = ticket.writing.as_deref().unwrap_or(&last);
        if observed.is_some_and(|observed| self.is_touched(ticket, observed, content, (&last, maybe))) {
            return;
        }
        let key = observed.map(|observed| observed.issue.key.clone());
        for who in &content.watchers {
            let topic = watch_topic(who);
            if !ticket.told.contains(&topic) {
                let write = Write::Watch { who: who.clone(), topic };
                self.add(group, standing, key.clone(), write, Reason::Routed);
            }
        }
    }
}

/// Topic of having added a watcher.
pub fn watch_topic(who: &str) -> String {
    format!("watch-{:08x}", crc32fast::hash(who.trim().to_lowercase().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject<'static> {
        Subject {
            program: Program::Mdrp,
            cause: "7",
            client: "Example Pharma A",
            states: vec![Some("TX"), Some("TX"), Some("NM"), None],
            entity_types: vec![Some("DSH"), Some("DSH"), Some("DSH"), None],
            amount: Decimal::from(50_000),
            days_left: Some(9),
        }
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn fits(when: &When) -> bool {
        when.fits(&subject())
    }

    #[test]
    fn a_rule_fits_where_all_of_its_conditions_hold() {
        assert!(fits(&When::default()));
        assert!(fits(&When {
            programs: BTreeSet::from([Program::Mdrp]),
            causes: names(&["7", "9"]),
            ..When::default()
        }));
        assert!(!fits(&When {
            programs: BTreeSet::from([Program::Mfp]),
            causes: names(&["7"]),
            ..When::default()
        }));
        assert!(!fits(&When { causes: names(&["8"]), ..When::default() }));
        assert!(!fits(&When { clients: names(&["Example Pharma B"]), ..When::default() }));
        assert!(
            !fits(&When { states: names(&["TX"]), ..When::default() }),
            "two of four are not more than half"
        );
        assert!(fits(&When {
            states: names(&["TX", "NM"]),
            entity_types: names(&["DSH"]),
            ..When::default()
        }));
        let money = |least: i64| When { min_amount: Some(least.into()), ..When::default() };
        assert!(fits(&money(50_000)) && !fits(&money(50_001)));
        let near = |days| When { due_within_days: Some(days), ..When::default() };
        assert!(fits(&near(9)) && !fits(&near(8)));
        let without = Subject { days_left: None, ..subject() };
        assert!(!near(9_999).fits(&without), "none, or one that has passed, is never near");
    }

    #[test]
    fn each_field_takes_the_first_rule_that_fits_and_names_it() {
        let rule = |name: &str, when: When, then: Then| Rule { name: name.to_owned(), when, then };
        let field = |name: &str, text: &str| BTreeMap::from([(name.to_owned(), text.to_owned())]);
        let rules = [
            rule(
                "other",
                When { causes: names(&["1"]), ..When::default() },
                Then { project: Some("OTHER".into()), fields: field(ASSIGNEE, "nobody"), ..Then::default() },
            ),
            rule(
                "texas",
                When::default(),
                Then {
                    project: Some("TEXAS".into()),
                    fields: field(ASSIGNEE, "analyst"),
                    watchers: vec!["lead".into()],
                    ..Then::default()
                },
            ),
            rule(
                "rest",
                When::default(),
                Then {
                    project: Some("REST".into()),
                    priority: Some("Low".into()),
                    watchers: vec!["other".into()],
                    fields: [field(ASSIGNEE, "lead"), field(COMPONENTS, "Rebates")]
                        .into_iter()
                        .flatten()
                        .collect(),
                    ..Then::default()
                },
            ),
        ];
        let found = route(&rules, &subject());
        assert_eq!(
            found,
            Then {
                project: Some("TEXAS".into()),
                issue_type: None,
                priority: Some("Low".into()),
                watchers: vec!["lead".into()],
                fields: [field(ASSIGNEE, "analyst"), field(COMPONENTS, "Rebates")]
                    .into_iter()
                    .flatten()
                    .collect(),
            }
        );
    }
}
