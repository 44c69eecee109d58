//! Reading issue after issue by number, which does not depend on the search index.

use super::port::Tracker;
use crate::jira::{JiraError, Marked, Walk};

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Issues with a mark, by ascending id.
    pub(super) marked: Vec<Marked>,
    /// Why not finding an issue proves nothing; none where it does.
    pub(super) blind: Option<String>,
    /// Where to go on, where there were too many.
    pub(super) given_up_after: Option<u64>,
}

/// Reads all issues of a project whose number is above `after`. `limited` gives up where there are very many.
pub(super) async fn scan(
    tracker: &impl Tracker,
    project: &str,
    after: u64,
    limited: bool,
) -> Result<Scan, JiraError> {
    let newest = tracker.newest_number(project).await?;
    let mut walk = if limited { Walk::limited(after, newest) } else { Walk::whole(after, newest) };
    let mut marked = Vec::new();
    while let Some(numbers) = walk.next() {
        let found = tracker.numbered(project, numbers).await?;
        walk.saw(found.highest);
        marked.extend(found.marked);
    }
    marked.sort_by_key(|marked| (number(&marked.issue.id), marked.issue.id.clone()));
    marked.dedup_by(|a, b| a.issue.id == b.issue.id);
    let mut blind = walk.blind();
    // What is hidden meanwhile looks like what is not there.
    let mut given_up_after = walk.given_up_after();
    if (blind.is_none() || given_up_after.is_some()) && !is_shown(tracker, project).await? {
        blind = Some(format!("Jira does not show the project {project} any more"));
        given_up_after = None;
    }
    Ok(Scan { marked, blind, given_up_after })
}

/// Whether Jira shows a project; the first one is asked about by its claim.
pub(super) async fn is_shown(tracker: &impl Tracker, project: &str) -> Result<bool, JiraError> {
    Ok(project == tracker.home().project || tracker.has_project(project).await?)
}

/// Ids are numbers written as text.
pub(super) fn number(id: &str) -> u64 {
    id.parse().unwrap_or(u64::MAX)
}
