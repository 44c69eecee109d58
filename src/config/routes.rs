//! Rules of routing: `[routes.NAME]` in the order of the file, then `[route]`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Reader,
    schema::{ROUTE, ROUTES, joined},
};
use crate::{
    dispute::Program,
    jira::{self, FALLBACK, Routed},
    plan::{ASSIGNEE, COMPONENTS, PARENT, Rule, SECURITY, Then, When},
    ticket::is_template,
};

/// The keys of conditions.
const CONDITIONS: [&str; 7] =
    ["programs", "causes", "clients", "states", "entity_types", "min_amount", "due_within_days"];

/// Takes the rules, and everything that they can say, to be tried on Jira.
pub(super) fn routes(reader: &mut Reader<'_>) -> (Vec<Rule>, Routed) {
    let mut routed = Routed { fallback_assignee: reader.optional_text(FALLBACK), ..Routed::default() };
    let tables: Vec<String> = reader.names(ROUTES).iter().map(|name| format!("{ROUTES}.{name}")).collect();
    let rules =
        tables.iter().map(String::as_str).chain([ROUTE]).map(|table| rule(reader, table, &mut routed));
    let rules = rules.filter(|rule| rule.then != Then::default()).collect();
    (rules, routed.with_others())
}

fn rule(reader: &mut Reader<'_>, table: &str, routed: &mut Routed) -> Rule {
    let key = |key: &str| format!("{table}.{key}");
    let when = when(reader, &key);
    let project = reader.optional_text(&key("project"));
    let elsewhere =
        project.clone().filter(|project| reader.optional_text("jira.project").as_ref() != Some(project));
    let routed = match elsewhere {
        Some(project) => routed.elsewhere.entry(project).or_default(),
        None => routed,
    };
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (part, field) in [("assignee", ASSIGNEE), ("security_level", SECURITY), ("parent", PARENT)] {
        if let Some(text) = constant(reader, &key(part)) {
            routed.fields.entry(field.to_owned()).or_default().push((key(part), text.clone()));
            fields.insert(field.to_owned(), text);
        }
    }
    let components = reader.list(&key("components"));
    if !components.is_empty() {
        let text = jira::fields::join(&components);
        routed.fields.entry(COMPONENTS.to_owned()).or_default().push((key("components"), text.clone()));
        fields.insert(COMPONENTS.to_owned(), text);
    }
    for (name, text) in reader.values(&key("fields"), jira::fields::join) {
        let place = joined(&key("fields"), &name);
        if is_template(&text) {
            reader.refuse(&place, "it looks like a template, but only constants are taken here");
        }
        routed.fields.entry(name.clone()).or_default().push((place, text.clone()));
        fields.insert(name, text);
    }
    let issue_type = constant(reader, &key("issue_type"));
    routed.issue_types.extend(issue_type.clone().map(|name| (key("issue_type"), name)));
    let watchers = reader.list(&key("watchers"));
    routed.watchers.extend(watchers.iter().map(|who| (key("watchers"), who.clone())));
    let priority = constant(reader, &key("priority"));
    routed.priorities.extend(priority.clone().map(|name| (key("priority"), name)));
    let then = Then { project, issue_type, priority, watchers, fields };
    if then == Then::default() && when != When::default() {
        let is_set = |part: &str| reader.layers().value(&key(part)).is_some_and(|value| !value.is_unset());
        if let Some(part) = CONDITIONS.iter().find(|part| is_set(part)) {
            reader.refuse(&key(part), "the rule says nothing of the tickets that it fits");
        }
    }
    Rule { name: table.to_owned(), when, then }
}

fn when(reader: &mut Reader<'_>, key: &dyn Fn(&str) -> String) -> When {
    let mut programs = BTreeSet::new();
    for name in reader.list(&key("programs")) {
        match Program::from_name(&name) {
            Some(program) => drop(programs.insert(program)),
            None => reader.refuse(&key("programs"), format!("`{name}` is no program: {}", known_programs())),
        }
    }
    let mut causes = BTreeSet::new();
    for number in reader.list(&key("causes")) {
        if number.parse::<u32>().is_ok() {
            causes.insert(number);
        } else {
            reader
                .refuse(&key("causes"), format!("`{number}` is no number of the playbook, such as `\"7\"`"));
        }
    }
    let mut set = |part: &str| -> BTreeSet<String> { reader.list(&key(part)).into_iter().collect() };
    let (clients, states, entity_types) = (set("clients"), set("states"), set("entity_types"));
    let upper = |texts: BTreeSet<String>| texts.into_iter().map(|text| text.to_uppercase()).collect();
    let (states, entity_types) = (upper(states), upper(entity_types));
    let min_amount = reader.optional_money(&key("min_amount"));
    let due_within_days = reader.optional_integer::<i64>(&key("due_within_days"), 0..=3_650);
    When { programs, causes, clients, states, entity_types, min_amount, due_within_days }
}

fn constant(reader: &mut Reader<'_>, key: &str) -> Option<String> {
    let text = reader.optional_text(key)?;
    if is_template(&text) {
        reader.refuse(key, "it looks like a template, but only constants are taken here");
        return None;
    }
    Some(text)
}

fn known_programs() -> String {
    let names: Vec<String> = Program::ALL.iter().map(|program| format!("`{}`", program.as_str())).collect();
    names.join(", ")
}
