//! Reading issue after issue by number, which does not depend on the search index.

use std::ops::RangeInclusive;

use super::port::Tracker;
use crate::jira::{BULK, JiraError, Marked};

/// Issue numbers in a row that must be absent before a scan believes it is past the end. Gaps come only from
/// deleted and hidden issues and from failed creates.
const ABSENT_IN_A_ROW: u64 = 500;
/// Numbers that Jira may have given out before the highest one that was seen, to issues that came later.
const SLACK: u64 = 100;
/// Most numbers that are read to settle a create.
const LONGEST: u64 = 5_000;

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Issues with a mark, by ascending id.
    pub(super) marked: Vec<Marked>,
    /// Why not finding an issue proves nothing; none where it does.
    pub(super) blind: Option<String>,
}

/// Reads all issues whose number is above `after`. `limited` gives up where there are very many.
pub(super) async fn scan(tracker: &impl Tracker, after: u64, limited: bool) -> Result<Scan, JiraError> {
    // The end by the search is at least where other people's issues are, so that a gap is not taken for it.
    let newest = tracker.newest_number().await?;
    let mut scan = Scan::default();
    let first = after.saturating_sub(SLACK) + 1;
    let (mut next, mut absent, mut last) = (first, 0, 0);
    while absent < ABSENT_IN_A_ROW || next <= newest {
        if limited && next - first > LONGEST {
            scan.blind = Some(format!("more than {LONGEST} issues came after it"));
            return Ok(sorted(scan));
        }
        let numbers: RangeInclusive<u64> = next..=next + BULK - 1;
        let end = *numbers.end();
        let found = tracker.numbered(numbers).await?;
        absent = match found.highest {
            Some(highest) => end.saturating_sub(highest),
            None => absent + BULK,
        };
        last = found.highest.unwrap_or(last);
        scan.marked.extend(found.marked);
        next = end + 1;
    }
    if newest >= first && last < newest {
        scan.blind = Some(format!("Jira finds issue number {newest} and does not show it to this account"));
    }
    Ok(sorted(scan))
}

fn sorted(mut scan: Scan) -> Scan {
    scan.marked.sort_by_key(|marked| (number(&marked.issue.id), marked.issue.id.clone()));
    scan.marked.dedup_by(|a, b| a.issue.id == b.issue.id);
    scan
}

/// Ids are numbers written as text.
pub(super) fn number(id: &str) -> u64 {
    id.parse().unwrap_or(u64::MAX)
}
