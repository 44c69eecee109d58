//! Search. Ids only by default, no total, pages by token, and for strangers an empty answer instead of a
//! refusal.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::sandbox::call::{Answer, Call, INVALID_PAYLOAD, Outcome};
use crate::sandbox::jql::{self, JqlError};
use crate::sandbox::rights::Permission;
use crate::sandbox::view::{self, Extras, Selection};
use crate::sandbox::world::{Issue, World};

use super::issue::{PROPERTIES, texts};

/// Issues on a page by default, with fields at most, and with ids and keys only at most.
const DEFAULT_PAGE: u64 = 50;
const LARGEST_PAGE: u64 = 100;
const LARGEST_BARE_PAGE: u64 = 5_000;
/// A page token lives a week (specification).
const TOKEN_LIFE_S: i64 = 7 * 24 * 60 * 60;
/// Ids in `reconcileIssues` (specification).
const RECONCILED: usize = 50;

/// What a caller asks for, from a query or from a body.
struct Search {
    jql: String,
    fields: Option<Vec<String>>,
    properties: Option<Vec<String>>,
    changelog: bool,
    max_results: u64,
    token: Option<String>,
    /// Ids that must be seen as they are.
    reconciled: BTreeSet<u64>,
}

pub(super) fn search(world: &mut World, call: &Call) -> Outcome {
    let Search { jql, fields, properties, changelog, max_results, token, reconciled } =
        if call.method == axum::http::Method::GET { from_query(call)? } else { from_body(call)? };
    let forgotten = world.shown.forgotten();
    let Some(found) = find(world, call, &jql, &reconciled, &forgotten)? else {
        return Ok(Answer::ok(json!({ "issues": [], "isLast": true })));
    };

    let start = token.as_deref().map_or(Ok(0), |token| offset(world, token, &jql))?;
    let bare = fields.iter().flatten().all(|field| field == "id" || field == "key");
    let size = max_results.min(if bare { LARGEST_BARE_PAGE } else { LARGEST_PAGE });
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let with_key = fields.iter().flatten().any(|field| field == "key");
    let selection = Selection::parse(
        world.site.flavour,
        Some(fields.as_deref().unwrap_or(&["id".to_owned()])),
        "*navigable",
    );
    let has_extras = properties.is_some() || changelog;
    let extras = Extras { properties, changelog, viewer: call.who.clone() };
    let shown: Vec<&Issue> = found.iter().skip(start).take(size).copied().collect();
    let given: Vec<u64> = shown.iter().map(|issue| issue.id).collect();
    let page: Vec<Value> = shown
        .into_iter()
        .map(|issue| match (bare && !has_extras, with_key) {
            (true, false) => json!({ "id": issue.id.to_string() }),
            (true, true) => json!({ "id": issue.id.to_string(), "key": issue.key }),
            (false, _) => view::issue(world, issue, &selection, &extras),
        })
        .collect();

    let end = start + page.len();
    let mut body = json!({ "issues": page, "isLast": end >= found.len() });
    if end < found.len() {
        let token = json!([end, jql, world.now().as_second(), world.page_epoch]);
        body["nextPageToken"] = json!(URL_SAFE_NO_PAD.encode(token.to_string()));
    }
    world.shown.gave(given.into_iter());
    Ok(Answer::ok(body))
}

pub(super) fn count(world: &mut World, call: &Call) -> Outcome {
    let request = call.object(&["jql"])?;
    let forgotten = world.shown.forgotten();
    let jql = text(&request, "jql")?.unwrap_or_default();
    let found = find(world, call, &jql, &BTreeSet::new(), &forgotten)?;
    Ok(Answer::ok(json!({ "count": found.map_or(0, |found| found.len()) })))
}

/// CHANGE-2046.
pub(super) fn removed(_world: &mut World, _call: &Call) -> Outcome {
    Err(Answer::message(
        StatusCode::GONE,
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration \
         guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046",
    ))
}

/// The issues found; `None` for a stranger, who sees no issue and is not told what exists.
pub(super) fn find<'a>(
    world: &'a World,
    call: &Call,
    jql: &str,
    reconciled: &BTreeSet<u64>,
    forgotten: &BTreeSet<u64>,
) -> Result<Option<Vec<&'a Issue>>, Answer> {
    let mut candidates = world.shown.candidates(&world.issues, world.now(), reconciled, forgotten);
    // Who may see what is never behind; whether something is archived is, like all else.
    candidates.retain(|issue| {
        let now = world.issues.get(issue.id).unwrap_or(issue);
        !issue.archived
            && !world.projects[issue.project].archived
            && world.is_shown_to(call.account(), now)
            && world.rights.allow(call.account(), Permission::Browse)
    });
    match (jql::run(world, call.account(), jql, candidates), &call.who) {
        (Err(JqlError::Refused(text)), _) => Err(Answer::refusal(text)),
        (_, None) => Ok(None),
        (Err(JqlError::Unknown(texts)), Some(_)) => Err(Answer::messages(&texts)),
        (Ok(found), Some(_)) => Ok(Some(found)),
    }
}

/// Says of each query whether the server would take it; `validation` is `strict` unless it is `none`.
pub(super) fn parse(world: &mut World, call: &Call) -> Outcome {
    let request = call.object(&["queries"])?;
    let queries = texts(&request, "queries")?.unwrap_or_default();
    if queries.is_empty() {
        return Err(Answer::refusal("The queries list must not be empty."));
    }
    let validates = call.query.get("validation") != Some("none");
    let parsed = |query: &String| {
        let mut found = json!({ "query": query });
        let errors = match jql::run(world, call.account(), query, Vec::new()) {
            Err(JqlError::Refused(text)) => vec![text],
            Err(JqlError::Unknown(texts)) if validates => texts,
            _ => Vec::new(),
        };
        if errors.is_empty() {
            found["structure"] = json!({});
        } else {
            found["errors"] = json!(errors);
        }
        found
    };
    let parsed: Vec<Value> = queries.iter().map(parsed).collect();
    Ok(Answer::ok(json!({ "queries": parsed })))
}

fn from_query(call: &Call) -> Result<Search, Answer> {
    let max_results = match call.query.get("maxResults") {
        None => DEFAULT_PAGE,
        Some(text) => text.parse().ok().filter(|size| *size > 0).ok_or_else(bad_page_size)?,
    };
    checked(Search {
        jql: call.query.get("jql").unwrap_or_default().to_owned(),
        fields: call.query.list("fields"),
        properties: call.query.list("properties"),
        changelog: call.query.lists("expand", "changelog"),
        max_results,
        token: call.query.get("nextPageToken").map(str::to_owned),
        reconciled: reconciled(
            call.query.list("reconcileIssues").unwrap_or_default().iter().map(|id| id.parse().ok()),
        )?,
    })
}

fn from_body(call: &Call) -> Result<Search, Answer> {
    let request = call.object(&[
        "jql",
        "fields",
        "properties",
        "expand",
        "maxResults",
        "nextPageToken",
        "reconcileIssues",
        "fieldsByKeys",
    ])?;
    let max_results = match request.get("maxResults") {
        None | Some(Value::Null) => DEFAULT_PAGE,
        Some(size) => size.as_u64().filter(|size| *size > 0).ok_or_else(bad_page_size)?,
    };
    let listed = match request.get("reconcileIssues") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(Answer::refusal(INVALID_PAYLOAD)),
    };
    let expand = text(&request, "expand")?.unwrap_or_default();
    checked(Search {
        jql: text(&request, "jql")?.unwrap_or_default(),
        fields: texts(&request, "fields")?,
        properties: texts(&request, "properties")?,
        changelog: expand.split(',').any(|word| word.trim() == "changelog"),
        max_results,
        token: text(&request, "nextPageToken")?,
        reconciled: reconciled(listed.iter().map(Value::as_u64))?,
    })
}

/// The ids of `reconcileIssues`: whole numbers only, keys are refused.
fn reconciled(listed: impl ExactSizeIterator<Item = Option<u64>>) -> Result<BTreeSet<u64>, Answer> {
    if listed.len() > RECONCILED {
        return Err(Answer::refusal(format!("At most {RECONCILED} issues can be reconciled.")));
    }
    listed.collect::<Option<_>>().ok_or_else(|| Answer::refusal(INVALID_PAYLOAD))
}

fn checked(search: Search) -> Result<Search, Answer> {
    if search.properties.as_ref().is_some_and(|keys| keys.len() > PROPERTIES) {
        return Err(Answer::refusal(format!("At most {PROPERTIES} properties can be asked for.")));
    }
    Ok(search)
}

pub(super) fn text(request: &Map<String, Value>, name: &str) -> Result<Option<String>, Answer> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Answer::refusal(INVALID_PAYLOAD)),
    }
}

fn bad_page_size() -> Answer {
    Answer::refusal("The value of 'maxResults' must be a whole number of 1 or more.")
}

/// A token holds where its page starts, the query it belongs to, and when it was made.
fn offset(world: &World, token: &str, jql: &str) -> Result<usize, Answer> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (start, made_for, made_at, epoch) =
            serde_json::from_slice::<(usize, String, i64, u64)>(&bytes).ok()?;
        let is_fresh = epoch == world.page_epoch && world.now().as_second() - made_at < TOKEN_LIFE_S;
        (made_for == jql && is_fresh).then_some(start)
    };
    read().ok_or_else(|| Answer::refusal("The provided next page token is invalid or expired."))
}
