//! What is known of a group's ticket: the issue, what was last written there, and what was said and done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Moment, Orders, life::REOPENINGS, lineage::CLOSING};
use crate::{
    group::{GroupId, Stake},
    ticket::Course,
};

/// What the topics about second tickets of a group begin with.
pub const SECOND: &str = "duplicate-";

/// What disputebot knows of a group's ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and most are absent from what is kept"
)]
pub struct Ticket {
    /// The group.
    pub group: GroupId,
    /// Whether there is an issue, and which.
    pub link: Link,
    /// What was last written, by field.
    pub written: Option<Written>,
    /// What is being written: recorded before the call, moved to `written` after it. Where its outcome is
    /// unknown, both count as ours. Boxed, because it is mostly absent.
    pub writing: Option<Box<Written>>,
    /// Topics that were said once and are not said again.
    pub told: BTreeSet<String>,
    /// Topics that are being said and when they were sent: recorded before the call, moved to `told` after it.
    pub saying: BTreeMap<String, Moment>,
    /// Ids of our comments by topic.
    #[serde(default)]
    pub comments: BTreeMap<String, String>,
    /// Whether `told` may lack what was said: it was found in Jira, so the issue is looked at before each comment.
    #[serde(default)]
    pub look_first: bool,
    /// Whether a person said that this issue is the ticket: no other one takes its place then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Whether disputebot closed it itself, or would have.
    pub closed: Closed,
    /// How often it was closed so.
    pub closings: u32,
    /// What people ordered in comments; none where nobody ever wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<Box<Orders>>,
    /// What it did of late; none where that was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<Box<Life>>,
    /// Whom Jira gave it to by itself when it was opened; none where that was nobody or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(
        clippy::redundant_allocation,
        reason = "most of many tickets have none, which is half as large so"
    )]
    pub given: Option<Box<Box<str>>>,
    /// Whether Jira gave it to nobody when it was opened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unassigned: bool,
    /// Who it is assigned to, by the name that Jira showed last; none where that was nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Box<str>>,
    /// Whether a person worked on it at the last look ([`super::is_worked_on`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub worked_on: bool,
    /// When it was last changed, as Jira writes it, at the last time that all of its comments were read; none where Jira
    /// always showed them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(
        clippy::redundant_allocation,
        reason = "most of many tickets have none, which is half as large so"
    )]
    pub heard_as_of: Option<Box<Box<str>>>,
    /// When it was last changed, as Jira writes it, at the look before an edit; none once its history showed that nobody
    /// wrote between the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_as_of: Option<Box<str>>,
    /// Since when what that history shows could not be told, the history not be seen, or an edit without an answer still
    /// come after the one that was sent in its place; none where nothing is untold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold_since: Option<Box<Moment>>,
}

/// What a ticket did of late, so that it does not do it too often.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Life {
    /// When disputebot reopened it, within 30 days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reopened: Vec<Timestamp>,
    /// When disputebot commented on it unasked, within seven days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<Timestamp>,
}

/// Whether disputebot closed a ticket itself, or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// It did not.
    No,
    /// It was about to when it was last heard of.
    Intended,
    /// It did.
    ByUs,
    /// A person did, and its disputes were settled: as it would have, which is no decision about them.
    Agreed,
    /// Nothing led there: a label says so in its place.
    Labelled,
    /// It did, the cause came back and nothing led out of done: a label says so in its place.
    Stuck,
}

impl Closed {
    /// Whether it is closed because its disputes were settled or went elsewhere, by whomever.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::ByUs | Self::Agreed)
    }
}

impl Ticket {
    /// A group without a ticket yet.
    pub fn none(group: GroupId) -> Self {
        Self {
            group,
            link: Link::Ready { attempts: 0 },
            written: None,
            writing: None,
            told: BTreeSet::new(),
            saying: BTreeMap::new(),
            comments: BTreeMap::new(),
            look_first: false,
            pinned: false,
            closed: Closed::No,
            closings: 0,
            orders: None,
            life: None,
            given: None,
            unassigned: false,
            assignee: None,
            worked_on: false,
            heard_as_of: None,
            edited_as_of: None,
            untold_since: None,
        }
    }

    /// Whether it is open because disputebot reopened it, as [`Self::note_reopened`] has it.
    pub(super) fn was_reopened(&self) -> bool {
        self.closed == Closed::No && self.told.contains(&self.reopened_topic())
    }

    /// Whether that was after a time; of longer ago than reopenings are counted it is not known when.
    pub(super) fn was_reopened_after(&self, time: Timestamp, now: Timestamp) -> bool {
        let last = self.life.as_ref().and_then(|life| life.reopened.last().copied());
        let last = last.or_else(|| now.checked_sub(REOPENINGS).ok());
        self.was_reopened() && last.is_some_and(|last| last > time)
    }

    /// Notes that disputebot reopened it.
    pub fn note_reopened(&mut self, at: Timestamp) {
        self.told.insert(self.reopened_topic());
        let life = self.life.get_or_insert_default();
        life.note_reopened(at);
    }

    /// What says in `told` that it was reopened after the last time that it was closed.
    fn reopened_topic(&self) -> String {
        format!("reopened-{}", self.closings)
    }

    /// No move towards done is under way any more.
    pub fn not_closing(&mut self) {
        self.saying.retain(|topic, _| !topic.starts_with(CLOSING));
    }

    /// Gives the group an issue. What was said, attached and lost on another one is not on this one; what was done to
    /// second tickets stays done.
    pub fn bind(&mut self, issue: Issue) {
        if self.issue().is_some_and(|before| before.id != issue.id) {
            let is_of_second = |topic: &String| topic.starts_with(SECOND);
            self.told.retain(is_of_second);
            self.saying.retain(|topic, _| is_of_second(topic));
            self.comments.retain(|topic, _| is_of_second(topic));
            self.look_first = true;
            (self.heard_as_of, self.edited_as_of, self.untold_since) = (None, None, None);
            // Nor is it closed, given or worked on because the other one was.
            (self.closed, self.given, self.worked_on) = (Closed::No, None, false);
            self.unassigned = false;
        }
        self.link = Link::Bound { issue };
    }

    /// Whether people ordered quiet on it, and that still holds.
    pub fn wants_quiet(&self, now: Timestamp) -> bool {
        let quiet = self.orders.as_ref().and_then(|orders| orders.quiet.as_ref());
        quiet.is_some_and(|quiet| quiet.holds(now))
    }

    /// How large the group was over time, as far as it was written.
    pub fn course(&self) -> Option<&Course> {
        self.writing.as_deref().or(self.written.as_ref())?.course.as_deref()
    }

    /// Whether there is an issue, or may be one.
    pub fn may_exist(&self) -> bool {
        self.stake() > Stake::Nothing
    }

    /// What hangs on the id of its group. Which disputes a person decided about is not known here, nor whether an order of
    /// quiet still holds.
    pub fn stake(&self) -> Stake {
        match &self.link {
            Link::Ready { .. } | Link::Parked { .. } => Stake::Nothing,
            Link::Intent { .. } | Link::Unknown { .. } | Link::Held { .. } => Stake::Unclear,
            Link::Bound { .. } if self.worked_on => Stake::Work,
            Link::Bound { .. } => Stake::Ticket,
        }
    }

    /// The issue, where one is bound.
    pub fn issue(&self) -> Option<&Issue> {
        match &self.link {
            Link::Bound { issue } => Some(issue),
            Link::Ready { .. }
            | Link::Intent { .. }
            | Link::Unknown { .. }
            | Link::Held { .. }
            | Link::Parked { .. } => None,
        }
    }
}

/// A Jira issue: identity is the numeric id, the key may change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Issue {
    /// Numeric id as text.
    pub id: String,
    /// Key as last seen.
    pub key: String,
}

impl Issue {
    /// Key of the project that it was last seen in.
    pub fn project(&self) -> Option<&str> {
        self.key.rsplit_once('-').map(|(project, _)| project)
    }
}

/// From group to issue.
///
/// ```text
/// Ready ──> Intent ──POST──> Bound
///   ^         │ provably not done: Ready; refused: Parked
///   │         │ answer lost, or the process died
///   │         v
///   └───── Unknown ──found──> Bound
///  not there  │ nobody can tell for a day
///             v
///           Held ──a person: bind, create──> Bound, Ready
/// ```
///
/// Each change is on disk before the next effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Link {
    /// No issue, and none under way.
    Ready {
        /// Creates that were tried and provably did nothing.
        attempts: u32,
    },
    /// A create is being sent by the process that holds the state.
    Intent {
        /// Creates tried, this one included.
        attempts: u32,
        /// Project that it was sent to; none is that of `jira.project`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<Box<str>>,
        /// Highest issue number seen in the project before sending: the issue has a higher one.
        highest_number: u64,
        /// When it was recorded; it is sent right after that or not at all.
        sent: Moment,
    },
    /// A create was, or may have been, sent; whether Jira did it is not known. Nothing is sent again.
    Unknown {
        /// Creates tried, this one included.
        attempts: u32,
        /// Project that it was sent to; none is that of `jira.project`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<Box<str>>,
        /// Highest issue number seen in the project before sending: the issue has a higher one.
        highest_number: u64,
        /// When it was sent at the latest.
        sent: Moment,
        /// The test of how fresh the search index is, where issues cannot be read one after the other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<Box<Fence>>,
    },
    /// Nobody could tell for so long that a person has to: bind an issue, or order a new one.
    Held {
        /// Creates tried.
        attempts: u32,
        /// Project that it was sent to; none is that of `jira.project`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<Box<str>>,
        /// Highest issue number seen in the project before sending: should the issue show up, it is bound.
        highest_number: u64,
        /// When it was sent at the latest.
        sent: Moment,
        /// Why it cannot be told.
        reason: String,
    },
    /// Jira refuses this create for a reason that a person must mend.
    Parked {
        /// Creates tried.
        attempts: u32,
        /// What Jira said.
        reason: String,
    },
    /// Bound to an issue.
    Bound {
        /// The issue.
        issue: Issue,
    },
}

/// A label put on a ticket of ours, to see when the search index has come so far. Kubernetes controllers wait
/// for their own last write in the same way (KEP-5647); an index need not be first in, first out, so this is
/// weaker than reading the issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The label.
    pub label: String,
    /// When it was put there.
    pub put: Moment,
    /// When the search showed it and did not show the issue; none before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Moment>,
}

/// Fields as last written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Written {
    /// Summary.
    pub summary: String,
    /// Digest of our block.
    pub block: String,
    /// Priority, where one was set.
    pub priority: Option<String>,
    /// Due date.
    pub due: Option<Date>,
    /// Labels that were added.
    pub labels: Labels,
    /// Other fields, by name.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
    /// How large the group was over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub course: Option<Box<Course>>,
    /// What the likely cause was called; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<str>>,
}

/// Texts of fields by name. Boxed, because most tickets have none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[expect(clippy::box_collection, reason = "a ticket without any, as most are, has the room of a pointer")]
pub struct Fields(Option<Box<BTreeMap<String, String>>>);

impl Fields {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|fields| fields.is_empty())
    }

    /// The text of a field, where it was written.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name).map(String::as_str)
    }

    /// Names of the fields that were written.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|fields| fields.keys()).map(String::as_str)
    }

    /// Sets the text of a field.
    pub fn set(&mut self, name: &str, text: &str) {
        self.0.get_or_insert_default().insert(name.to_owned(), text.to_owned());
    }

    /// How many characters they have together.
    pub fn characters(&self) -> usize {
        self.0.iter().flat_map(|fields| fields.iter()).map(|(name, text)| name.len() + text.len()).sum()
    }
}

impl FromIterator<(String, String)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        let fields: BTreeMap<String, String> = fields.into_iter().collect();
        Self((!fields.is_empty()).then(|| Box::new(fields)))
    }
}

/// Labels, each once, sorted. A set of std has room for eleven in each of its nodes, and a state of many
/// tickets would be mostly that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(#[serde(deserialize_with = "once_each")] Box<[String]>);

impl Labels {
    /// Whether a label is one of them.
    pub fn contains(&self, label: &str) -> bool {
        self.0.iter().any(|own| own == label)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// These and more.
    #[must_use]
    pub fn with(self, more: impl IntoIterator<Item = String>) -> Self {
        self.0.into_iter().chain(more).collect()
    }
}

impl FromIterator<String> for Labels {
    fn from_iter<I: IntoIterator<Item = String>>(labels: I) -> Self {
        let mut labels: Vec<String> = labels.into_iter().collect();
        labels.sort_unstable();
        labels.dedup();
        Self(labels.into())
    }
}

fn once_each<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[String]>, D::Error> {
    Ok(Vec::<String>::deserialize(deserializer)?.into_iter().collect::<Labels>().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_once_each_however_they_come() {
        let [a, b, c] = ["a", "b", "c"].map(str::to_owned);
        let labels = Labels::from_iter([b.clone(), a.clone(), b.clone()]);
        assert_eq!(serde_json::to_string(&labels).unwrap(), r#"["a","b"]"#);
        assert_eq!(serde_json::from_str::<Labels>(r#"["b","a","b"]"#).unwrap(), labels);
        let more = labels.with([c.clone(), a.clone()]);
        assert_eq!(more, Labels::from_iter([a, b, c]));
        assert!(more.contains("c") && !more.contains("d"));
    }
}
