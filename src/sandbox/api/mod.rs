//! The endpoints below `/rest/api` and the tables that find them.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all endpoints share one signature, those that never refuse as well"
)]

mod admin;
mod comment;
mod file;
mod issue;
mod meta;
mod person;
mod property;
mod remote;
mod search;
mod search_by_offset;
mod site_info;
mod transition;

use axum::http::{Method, StatusCode};

use super::call::{Answer, Call, Content, Outcome};
use super::dialect::Flavour;
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
    let flavour = world.site.flavour;
    let (access, endpoint) = find(flavour, &call.method, &segments).ok_or(NoEndpoint)?;
    // Data Center turns wrong credentials away at the door, also where strangers may go.
    let is_turned_away = call.is_refused && flavour == Flavour::DataCenter;
    if is_turned_away || access == Access::SignedIn && call.who.is_none() {
        return Ok(Answer::message(
            StatusCode::UNAUTHORIZED,
            "Client must be authenticated to access this resource.",
        ));
    }
    let kept = std::mem::replace(&mut world.speech, call.speech.clone());
    let outcome = endpoint(world, call);
    world.speech = kept;
    let (Ok(mut answer) | Err(mut answer)) = outcome;
    if let Content::Json(body) = &mut answer.content {
        call.language.translate(body);
    }
    Ok(answer)
}

/// The endpoint for a method and the segments after the version.
fn find(flavour: Flavour, method: &Method, segments: &[&str]) -> Option<(Access, Endpoint)> {
    let own = match flavour {
        Flavour::Cloud => of_cloud(method, segments),
        Flavour::DataCenter => of_data_center(method, segments),
    };
    own.or_else(|| of_both(method, segments))
}

fn of_both(method: &Method, segments: &[&str]) -> Option<(Access, Endpoint)> {
    let endpoint: Endpoint = match (method.as_str(), segments) {
        ("GET", ["serverInfo"]) => return Some((Access::Anyone, site_info::server_info)),

        ("GET", ["myself"]) => site_info::myself,
        ("GET", ["mypermissions"]) => site_info::permissions,
        ("GET", ["priority"]) => site_info::all_priorities,
        ("GET", ["resolution"]) => site_info::all_resolutions,
        ("GET", ["status"]) => site_info::statuses,
        ("GET", ["statuscategory"]) => site_info::status_categories,
        ("GET", ["issueLinkType"]) => site_info::link_types,
        ("GET", ["field"]) => site_info::fields,
        ("GET", ["user", "search"]) => site_info::users,
        ("GET", ["user", "assignable", "search"]) => site_info::assignable_users,
        ("GET", ["project", _]) => site_info::project,
        ("GET", ["project", _, "statuses"]) => site_info::statuses_of_project,
        ("GET", ["project", _, "versions"]) => site_info::versions,
        ("GET", ["project", _, "version"]) => site_info::version_page,
        ("GET", ["project", _, "components"]) => site_info::components,
        ("GET", ["project", _, "securitylevel"]) => site_info::security_levels,
        ("GET", ["project", _, "properties"]) => property::list_of_project,
        ("GET", ["project", _, "properties", _]) => property::read_of_project,
        ("PUT", ["project", _, "properties", _]) => property::write_of_project,
        ("DELETE", ["project", _, "properties", _]) => property::delete_of_project,
        ("PUT", ["project", _]) => admin::update_project,

        ("POST", ["issue"]) => issue::create,
        ("POST", ["issue", "bulk"]) => issue::create_many,
        ("GET", ["issue", "createmeta", _, "issuetypes"]) => meta::issue_types,
        ("GET", ["issue", "createmeta", _, "issuetypes", _]) => meta::create_fields,
        ("GET", ["issue", _]) => issue::read,
        ("PUT", ["issue", _]) => issue::edit,
        ("DELETE", ["issue", _]) => issue::delete,
        ("GET", ["issue", _, "editmeta"]) => meta::edit_fields,
        ("GET", ["issue", _, "transitions"]) => transition::list,
        ("POST", ["issue", _, "transitions"]) => transition::perform,
        ("GET", ["issue", _, "comment"]) => comment::list,
        ("POST", ["issue", _, "comment"]) => comment::add,
        ("GET", ["issue", _, "comment", _]) => comment::read,
        ("PUT", ["issue", _, "comment", _]) => comment::edit,
        ("DELETE", ["issue", _, "comment", _]) => comment::delete,
        ("GET", ["issue", _, "properties"]) => property::list_of_issue,
        ("GET", ["issue", _, "properties", _]) => property::read_of_issue,
        ("PUT", ["issue", _, "properties", _]) => property::write_of_issue,
        ("DELETE", ["issue", _, "properties", _]) => property::delete_of_issue,
        ("POST", ["issue", _, "attachments"]) => file::attach,
        ("GET", ["attachment", "meta"]) => file::settings,
        ("GET", ["attachment", _]) => file::read,
        ("DELETE", ["attachment", _]) => file::delete,
        ("PUT", ["issue", _, "assignee"]) => person::assign,
        ("GET", ["issue", _, "watchers"]) => person::watchers,
        ("POST", ["issue", _, "watchers"]) => person::watch,
        ("DELETE", ["issue", _, "watchers"]) => person::unwatch,
        ("GET", ["issue", _, "remotelink"]) => remote::list,
        ("POST", ["issue", _, "remotelink"]) => remote::write,
        ("DELETE", ["issue", _, "remotelink"]) => remote::delete_by_global_id,
        ("GET", ["issue", _, "remotelink", _]) => remote::read,
        ("PUT", ["issue", _, "remotelink", _]) => remote::rewrite,
        ("DELETE", ["issue", _, "remotelink", _]) => remote::delete,
        ("POST", ["issueLink"]) => issue::link,
        ("GET", ["issueLink", _]) => issue::read_link,
        ("DELETE", ["issueLink", _]) => issue::delete_link,
        _ => return None,
    };
    Some((Access::SignedIn, endpoint))
}

fn of_cloud(method: &Method, segments: &[&str]) -> Option<(Access, Endpoint)> {
    let endpoint: Endpoint = match (method.as_str(), segments) {
        ("GET", ["tenant_info"]) => return Some((Access::Anyone, site_info::tenant_info)),
        ("GET" | "POST", ["search", "jql"]) => return Some((Access::Anyone, search::search)),
        ("POST", ["search", "approximate-count"]) => return Some((Access::Anyone, search::count)),
        ("POST", ["jql", "parse"]) => return Some((Access::Anyone, search::parse)),
        ("GET" | "POST", ["search"]) => return Some((Access::Anyone, search::removed)),

        ("GET", ["priority", "search"]) => site_info::priorities,
        ("GET", ["resolution", "search"]) => site_info::resolutions,
        ("GET", ["project", _, "component"]) => site_info::component_page,
        ("GET" | "POST" | "DELETE", ["webhook"]) => site_info::app_webhooks,
        ("POST", ["project", _, "archive"]) => admin::archive_project,
        ("POST", ["project", _, "restore"]) => admin::restore_project,
        ("PUT", ["issue", "archive"]) => admin::archive,
        ("PUT", ["issue", "unarchive"]) => admin::unarchive,
        ("POST", ["bulk", "issues", "move"]) => admin::move_issues,
        ("GET", ["bulk", "queue", _]) => admin::task,
        ("POST", ["issue", "bulkfetch"]) => issue::bulk_fetch,
        ("GET", ["issue", _, "changelog"]) => issue::changelog,
        ("GET", ["attachment", "content", _]) => file::content,
        _ => return None,
    };
    Some((Access::SignedIn, endpoint))
}

fn of_data_center(method: &Method, segments: &[&str]) -> Option<(Access, Endpoint)> {
    let endpoint: Endpoint = match (method.as_str(), segments) {
        ("GET" | "POST", ["search"]) => return Some((Access::Anyone, search_by_offset::search)),

        ("GET", ["priority", "page"]) => site_info::priority_page,
        ("GET", ["resolution", "page"]) => site_info::resolutions,
        ("PUT", ["project", _, "archive"]) => admin::archive_project,
        ("PUT", ["project", _, "restore"]) => admin::restore_project,
        ("GET", ["secure attachment", _]) => file::secure_content,
        _ => return None,
    };
    Some((Access::SignedIn, endpoint))
}

/// Whether a path that one method does not find exists for another.
pub(crate) fn has_other_method(flavour: Flavour, segments: &[&str]) -> bool {
    [Method::GET, Method::POST, Method::PUT, Method::DELETE]
        .iter()
        .any(|method| find(flavour, method, segments).is_some())
}
