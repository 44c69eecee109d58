//! Search as Data Center has it: by offset, with a total, with all navigable fields unless others are asked for.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call, INVALID_PAYLOAD, Outcome};
use crate::sandbox::view::{self, Extras, Selection};
use crate::sandbox::world::World;

use super::issue::texts;
use super::search::{find, text};

/// Issues on a page by default and at most.
const DEFAULT_PAGE: u64 = 50;
const LARGEST_PAGE: u64 = 1_000;

struct Search {
    jql: String,
    start_at: u64,
    max_results: u64,
    /// What the query names must exist; otherwise the answer carries warnings and finds nothing.
    validates: bool,
    fields: Option<Vec<String>>,
    expand: Vec<String>,
}

pub(super) fn search(world: &mut World, call: &Call) -> Outcome {
    let Search { jql, start_at, max_results, validates, fields, expand } =
        if call.method == Method::GET { from_query(call)? } else { from_body(call)? };
    let max_results = max_results.min(LARGEST_PAGE);
    let forgotten = world.shown.forgotten();
    let (found, warnings) = match find(world, call, &jql, &BTreeSet::new(), &forgotten) {
        Ok(found) => (found.unwrap_or_default(), Vec::new()),
        Err(refused) if !validates => (Vec::new(), refused.texts()),
        Err(refused) => return Err(refused),
    };

    let selection = Selection::parse(world.site.flavour, fields.as_deref(), "*navigable");
    let extras = Extras {
        properties: None,
        changelog: expand.iter().any(|word| word == "changelog"),
        viewer: call.who.clone(),
    };
    let total = found.len();
    let skipped = usize::try_from(start_at).unwrap_or(usize::MAX);
    let size = usize::try_from(max_results).unwrap_or(usize::MAX);
    let page: Vec<_> = found.into_iter().skip(skipped).take(size).collect();
    let given: Vec<u64> = page.iter().map(|issue| issue.id).collect();
    let issues: Vec<Value> =
        page.into_iter().map(|issue| view::issue(world, issue, &selection, &extras)).collect();
    world.shown.gave(given.into_iter());
    let mut body = json!({
        "expand": "schema,names",
        "startAt": start_at,
        "maxResults": max_results,
        "total": total,
        "issues": issues,
    });
    if !warnings.is_empty() {
        body["warningMessages"] = json!(warnings);
    }
    Ok(Answer::ok(body))
}

fn from_query(call: &Call) -> Result<Search, Answer> {
    let number = |name: &str, default: u64| {
        call.query.get(name).map_or(Ok(default), |text| text.parse().map_err(|_| not_a_number(name)))
    };
    Ok(Search {
        jql: call.query.get("jql").unwrap_or_default().to_owned(),
        start_at: number("startAt", 0)?,
        max_results: number("maxResults", DEFAULT_PAGE)?,
        // Clients send `true` in any case.
        validates: !call.query.get("validateQuery").is_some_and(|text| text.eq_ignore_ascii_case("false")),
        fields: call.query.list("fields"),
        expand: call.query.list("expand").unwrap_or_default(),
    })
}

fn from_body(call: &Call) -> Result<Search, Answer> {
    let request = call.object(&["jql", "startAt", "maxResults", "validateQuery", "fields", "expand"])?;
    let number = |name: &str, default: u64| match request.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(number) => number.as_u64().ok_or_else(|| not_a_number(name)),
    };
    let validates = match request.get("validateQuery") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(validates)) => *validates,
        Some(_) => return Err(Answer::refusal(INVALID_PAYLOAD)),
    };
    Ok(Search {
        jql: text(&request, "jql")?.unwrap_or_default(),
        start_at: number("startAt", 0)?,
        max_results: number("maxResults", DEFAULT_PAGE)?,
        validates,
        fields: texts(&request, "fields")?,
        expand: texts(&request, "expand")?.unwrap_or_default(),
    })
}

fn not_a_number(name: &str) -> Answer {
    Answer::refusal(format!("The value of '{name}' must be a whole number of 0 or more."))
}
