//! The endpoints under `/rest/api/3` and the table that finds them.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all endpoints share one signature, those that never refuse as well"
)]

mod admin;
mod comment;
mod file;
mod issue;
mod meta;
mod property;
mod search;
mod site_info;
mod transition;

use axum::http::{Method, StatusCode};

use super::call::{Answer, Call, Outcome};
use super::world::World;

/// Handles one request in one step. It changes nothing before it is sure that it will not refuse.
type Endpoint = fn(&mut World, &Call) -> Outcome;

/// Who may call an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    SignedIn,
    /// Anybody; the endpoint itself decides what strangers get.
    Anyone,
}

/// No endpoint serves a request.
pub(crate) struct NoEndpoint;

/// Takes the whole step: route, sign-in check, endpoint.
pub(crate) fn answer(world: &mut World, call: &Call) -> Result<Answer, NoEndpoint> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let (access, endpoint) = find(&call.method, &segments).ok_or(NoEndpoint)?;
    if access == Access::SignedIn && call.who.is_none() {
        return Ok(Answer::message(
            StatusCode::UNAUTHORIZED,
            "Client must be authenticated to access this resource.",
        ));
    }
    match endpoint(world, call) {
        Ok(answer) | Err(answer) => Ok(answer),
    }
}

/// The endpoint for a method and the segments after `/rest/api/3/`.
fn find(method: &Method, segments: &[&str]) -> Option<(Access, Endpoint)> {
    let endpoint: Endpoint = match (method.as_str(), segments) {
        ("GET", ["serverInfo"]) => return Some((Access::Anyone, site_info::server_info)),
        ("GET" | "POST", ["search", "jql"]) => return Some((Access::Anyone, search::search)),
        ("POST", ["search", "approximate-count"]) => return Some((Access::Anyone, search::count)),
        ("GET" | "POST", ["search"]) => return Some((Access::Anyone, search::removed)),

        ("GET", ["myself"]) => site_info::myself,
        ("GET", ["mypermissions"]) => site_info::permissions,
        ("GET", ["priority", "search"]) => site_info::priorities,
        ("GET", ["resolution", "search"]) => site_info::resolutions,
        ("GET", ["statuscategory"]) => site_info::status_categories,
        ("GET", ["issueLinkType"]) => site_info::link_types,
        ("GET", ["field"]) => site_info::fields,
        ("GET", ["user", "assignable", "search"]) => site_info::assignable_users,
        ("GET", ["project", _]) => site_info::project,
        ("GET", ["project", _, "properties"]) => property::list_of_project,
        ("GET", ["project", _, "properties", _]) => property::read_of_project,
        ("PUT", ["project", _, "properties", _]) => property::write_of_project,
        ("DELETE", ["project", _, "properties", _]) => property::delete_of_project,

        ("PUT", ["project", _]) => admin::update_project,
        ("POST", ["project", _, "archive"]) => admin::archive_project,
        ("POST", ["project", _, "restore"]) => admin::restore_project,
        ("PUT", ["issue", "archive"]) => admin::archive,
        ("PUT", ["issue", "unarchive"]) => admin::unarchive,
        ("POST", ["bulk", "issues", "move"]) => admin::move_issues,
        ("GET", ["bulk", "queue", _]) => admin::task,

        ("POST", ["issue"]) => issue::create,
        ("POST", ["issue", "bulkfetch"]) => issue::bulk_fetch,
        ("GET", ["issue", "createmeta", _, "issuetypes"]) => meta::issue_types,
        ("GET", ["issue", "createmeta", _, "issuetypes", _]) => meta::create_fields,
        ("GET", ["issue", _]) => issue::read,
        ("PUT", ["issue", _]) => issue::edit,
        ("DELETE", ["issue", _]) => issue::delete,
        ("GET", ["issue", _, "editmeta"]) => meta::edit_fields,
        ("GET", ["issue", _, "changelog"]) => issue::changelog,
        ("GET", ["issue", _, "transitions"]) => transition::list,
        ("POST", ["issue", _, "transitions"]) => transition::perform,
        ("GET", ["issue", _, "comment"]) => comment::list,
        ("POST", ["issue", _, "comment"]) => comment::add,
        ("GET", ["issue", _, "comment", _]) => comment::read,
        ("PUT", ["issue", _, "comment", _]) => comment::edit,
        ("GET", ["issue", _, "properties"]) => property::list_of_issue,
        ("GET", ["issue", _, "properties", _]) => property::read_of_issue,
        ("PUT", ["issue", _, "properties", _]) => property::write_of_issue,
        ("DELETE", ["issue", _, "properties", _]) => property::delete_of_issue,
        ("POST", ["issue", _, "attachments"]) => file::attach,
        ("GET", ["attachment", "meta"]) => file::settings,
        ("GET", ["attachment", "content", _]) => file::content,
        ("POST", ["issueLink"]) => issue::link,
        _ => return None,
    };
    Some((Access::SignedIn, endpoint))
}

/// Whether a path that one method does not find exists for another.
pub(crate) fn has_other_method(segments: &[&str]) -> bool {
    [Method::GET, Method::POST, Method::PUT, Method::DELETE]
        .iter()
        .any(|method| find(method, segments).is_some())
}
