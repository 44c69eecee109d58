//! Walking over the numbers of a project's issues, past the search index, to where they end. Pure: what was read is
//! handed in.

use std::ops::RangeInclusive;

use super::search::BULK;

/// Issue numbers in a row that must be absent before a walk believes it is past the end. Gaps come only from
/// deleted and hidden issues and from failed creates.
const ABSENT_IN_A_ROW: u64 = 500;
/// Numbers that Jira may have given out before the highest one that was seen, to issues that came later.
const SLACK: u64 = 100;
/// Most numbers that are read to find one issue.
const LONGEST: u64 = 5_000;

/// A walk over issue numbers: [`Walk::next`] says which to read, [`Walk::saw`] takes what they showed.
#[derive(Debug, Clone)]
pub struct Walk {
    first: u64,
    next: u64,
    /// Numbers before `next` that showed nothing.
    absent: u64,
    /// The highest number that was seen to be an issue.
    last: u64,
    newest: u64,
    longest: u64,
}

impl Walk {
    /// Over all numbers above `after`, however many they are. `newest` is the highest number that the search shows:
    /// the end is at least where other people's issues are, so that a gap is not taken for it.
    pub fn whole(after: u64, newest: u64) -> Self {
        let first = after.saturating_sub(SLACK) + 1;
        Self { first, next: first, absent: 0, last: 0, newest, longest: u64::MAX }
    }

    /// The same for one issue: gives up, blind, where very many came after it.
    pub fn limited(after: u64, newest: u64) -> Self {
        Self { longest: LONGEST, ..Self::whole(after, newest) }
    }

    /// The numbers to read next; none at the end of the walk.
    pub fn next(&self) -> Option<RangeInclusive<u64>> {
        let is_past_the_end = self.absent >= ABSENT_IN_A_ROW && self.next > self.newest;
        (!is_past_the_end && !self.is_too_long()).then(|| self.next..=self.next + BULK - 1)
    }

    /// Takes the highest of the numbers of [`Walk::next`] that is an issue.
    pub fn saw(&mut self, highest: Option<u64>) {
        let end = self.next + BULK - 1;
        self.absent = highest.map_or(self.absent + BULK, |highest| end.saturating_sub(highest));
        self.last = highest.unwrap_or(self.last);
        self.next = end + 1;
    }

    /// Why what the walk did not find may be there all the same; none where it proves that it is not.
    pub fn blind(&self) -> Option<String> {
        if self.is_too_long() {
            return Some(format!("more than {LONGEST} issues came after it"));
        }
        (self.newest >= self.first && self.last < self.newest)
            .then(|| format!("Jira finds issue number {} and does not show it to this account", self.newest))
    }

    /// Where a walk that gave up can be gone on with: nothing above this number was read.
    pub fn given_up_after(&self) -> Option<u64> {
        self.is_too_long().then(|| self.next - 1)
    }

    fn is_too_long(&self) -> bool {
        let is_past_the_end = self.absent >= ABSENT_IN_A_ROW && self.next > self.newest;
        !is_past_the_end && self.next - self.first > self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks over a project with some issues; gives the last number that was read.
    fn walk(mut walk: Walk, issues: &[u64]) -> (u64, Option<String>) {
        let mut read = 0;
        while let Some(numbers) = walk.next() {
            read = *numbers.end();
            walk.saw(issues.iter().copied().filter(|issue| numbers.contains(issue)).max());
        }
        (read, walk.blind())
    }

    #[test]
    fn five_hundred_absent_numbers_are_the_end_and_fewer_are_a_gap() {
        assert_eq!(walk(Walk::whole(0, 0), &[]), (500, None));
        assert_eq!(walk(Walk::whole(0, 1), &[1, 450]), (1_000, None));
        assert_eq!(walk(Walk::whole(0, 1), &[1, 1_000]), (600, None), "nobody knows of it");
    }

    #[test]
    fn a_walk_begins_before_what_was_seen_since_numbers_are_given_out_earlier_than_they_show() {
        assert_eq!(Walk::whole(1_000, 1_000).next(), Some(901..=1_000));
        assert_eq!(Walk::whole(7, 7).next(), Some(1..=100));
    }

    #[test]
    fn a_walk_goes_to_where_the_search_shows_issues_and_is_blind_where_they_cannot_be_read() {
        assert_eq!(walk(Walk::whole(0, 2_000), &[1, 2_000]), (2_500, None));
        let (read, blind) = walk(Walk::whole(0, 2_000), &[1]);
        assert_eq!(read, 2_000);
        assert!(blind.unwrap().starts_with("Jira finds issue number 2000 and does not show it"));
        assert_eq!(walk(Walk::whole(3_000, 2_000), &[]), (3_400, None), "it lags behind what is known");
    }

    #[test]
    fn a_walk_for_one_issue_gives_up_where_very_many_came_after_it() {
        let issues: Vec<u64> = (1..=7_000).collect();
        let mut limited = Walk::limited(0, 7_000);
        while let Some(numbers) = limited.next() {
            assert_eq!(limited.given_up_after(), None);
            limited.saw(Some(*numbers.end()));
        }
        assert_eq!(limited.given_up_after(), Some(5_100));
        let (read, blind) = walk(Walk::limited(0, 7_000), &issues);
        assert_eq!((read, blind.as_deref()), (5_100, Some("more than 5000 issues came after it")));
        assert_eq!(walk(Walk::whole(0, 7_000), &issues), (7_500, None));
    }
}
