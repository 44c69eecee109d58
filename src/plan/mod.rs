//! What one run will write, complete and with reasons. Pure.
//!
//! A [`Plan`] holds the final text of every write and the typed reason for each action and each
//! non-action, so that applying it leaves nothing to decide. It compares three things: what the groups want
//! ([`Content`]), what disputebot last wrote ([`Ticket`]) and what Jira shows now ([`Observed`]). A field
//! that people changed is theirs.
//!
//! # Guarantees
//!
//! * The same groups, tickets and observations give the same plan; where nothing differs, it is empty.
//! * Incomplete input closes nothing and shrinks nothing. An issue that cannot be seen is not deleted.
//! * At most `max_new_tickets` creates; what is held back is listed.

mod closing;
mod command;
mod decide;
mod mark;
mod moment;
mod orders;
mod pause;
mod people;
mod print;
mod update;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use closing::ways_topic;
pub use command::{Command, FIELDS, PREFIX, parse as parse_command};
pub use decide::{DONE_LABEL, IGNORE_LABEL, Input, Params, REOPENED_LABEL, Standing, Unfit, Ways, plan};
pub use mark::Mark;
pub use moment::{CLOCK_DOUBT, Moment};
pub use orders::{Asked, Heard, Orders, Quiet, QuietDisputes, Ruling, RulingKind, links};
pub use pause::Pause;
pub use people::answer_topic;
pub use print::{Detail, print};
pub use update::{changed_topic, kept_topic, list_topic, written};

use crate::{
    group::GroupId,
    ticket::{
        Content,
        document::Block,
        list::{Attached, List},
    },
};

/// What disputebot knows of a group's ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether disputebot closed it itself.
    pub closed: Closed,
    /// How often disputebot closed it.
    pub closings: u32,
    /// What people ordered in comments; none where nobody ever wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<Box<Orders>>,
}

/// Whether disputebot closed a ticket itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// It did not.
    No,
    /// It was about to when it was last heard of.
    Intended,
    /// It did.
    ByUs,
    /// Nothing led there: a label says so in its place.
    Labelled,
    /// It did, the cause came back and nothing led out of done: a label says so in its place.
    Stuck,
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
            closed: Closed::No,
            closings: 0,
            orders: None,
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
        /// Highest issue number seen in the project before sending: the issue has a higher one.
        highest_number: u64,
        /// When it was recorded; it is sent right after that or not at all.
        sent: Moment,
    },
    /// A create was, or may have been, sent; whether Jira did it is not known. Nothing is sent again.
    Unknown {
        /// Creates tried, this one included.
        attempts: u32,
        /// Highest issue number seen in the project before sending: the issue has a higher one.
        highest_number: u64,
        /// When it was sent at the latest.
        sent: Moment,
        /// The test of how fresh the search index is, where issues cannot be read one after the other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fence: Option<Fence>,
    },
    /// Nobody could tell for so long that a person has to: bind an issue, or order a new one.
    Held {
        /// Creates tried.
        attempts: u32,
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

/// What Jira shows of an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The issue.
    pub issue: Issue,
    /// Summary.
    pub summary: String,
    /// Description as Jira shows it: an ADF document or a string of wiki markup, null where empty.
    pub description: Value,
    /// Labels.
    pub labels: BTreeSet<String>,
    /// Name of the status.
    pub status: String,
    /// Category of the status.
    pub category: Category,
    /// Name of the priority.
    pub priority: Option<String>,
    /// Due date.
    pub due: Option<Date>,
    /// Display name of the assignee.
    pub assignee: Option<String>,
    /// Issues that this one is linked to as their duplicate.
    pub duplicate_of: Vec<Issue>,
    /// Other fields that were asked for, by name; those that are empty are absent.
    pub fields: BTreeMap<String, String>,
    /// Lists of disputes that disputebot attached.
    pub lists: Vec<Attached>,
    /// Comments of others, the oldest first.
    pub comments: Vec<Heard>,
}

/// An issue that carries the mark of a group whose ticket is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// The issue.
    pub issue: Issue,
    /// The group whose mark it carries.
    pub group: GroupId,
    /// How it came about.
    pub kind: StrayKind,
}

/// How an issue came to carry a mark that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrayKind {
    /// disputebot made it: a second ticket for the group. It is linked, told and closed, once.
    Duplicate,
    /// A person made it, most likely by cloning the ticket. It is theirs.
    Clone,
}

/// Category of a status: what tells open from done in every workflow and language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Not begun (`new`).
    New,
    /// In progress (`indeterminate`).
    InProgress,
    /// Done (`done`).
    Done,
}

/// All that one run will do, and what it will not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// When it was made.
    pub at: Timestamp,
    /// Whether the input was complete.
    pub complete: bool,
    /// Writes, in the order of applying.
    pub actions: Vec<Action>,
    /// What is deliberately not done.
    pub holds: Vec<Hold>,
    /// Groups whose tickets are up to date.
    pub kept: usize,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Action {
    /// The group it is for.
    pub group: GroupId,
    /// Key of the ticket, where there is one already.
    pub key: Option<String>,
    /// Headline of the group, for people.
    pub title: String,
    /// The write itself.
    pub write: Write,
    /// Why.
    pub reason: Reason,
}

/// What is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Write {
    /// A new issue.
    Create {
        /// Its content.
        content: Content,
        /// What it says of its group for machines.
        mark: Box<Mark>,
    },
    /// Fields of an issue.
    Update {
        /// The issue.
        issue: Issue,
        /// The changes, never empty.
        changes: Vec<Change>,
        /// What is ours now, as Jira shows it: settles what became of an earlier update whose answer was lost.
        before: Written,
        /// The fields as they stand after the update.
        written: Written,
        /// What the ticket says of its group for machines.
        mark: Box<Mark>,
        /// Topics that count as told once it is done.
        tells: Vec<String>,
    },
    /// A comment, at most once per topic.
    Comment {
        /// The issue.
        issue: Issue,
        /// What it is about: said once for ever.
        topic: String,
        /// Its text.
        body: Vec<Block>,
    },
    /// A move to another status category.
    Transition {
        /// The issue.
        issue: Issue,
        /// Where to.
        to: Category,
        /// Resolution to set where the screen has it.
        resolution: Option<String>,
        /// Where the issue is not the group's own ticket: what it is about, done once for ever.
        topic: Option<String>,
    },
    /// Takes off a label that stood in place of a move.
    Unlabel {
        /// The issue.
        issue: Issue,
        /// The label.
        label: String,
        /// How the ticket stands then.
        closed: Closed,
    },
    /// A link from the group's ticket to that of another group.
    Link {
        /// The other group.
        to: GroupId,
        /// Name of the link type.
        link_type: String,
        /// What it is about: made once for ever.
        topic: String,
    },
    /// The list of the group's disputes, as a file on its ticket; at most once per version.
    Attach {
        /// The file.
        list: List,
    },
    /// An older version of the list is removed, once the new one is there.
    Detach {
        /// The issue.
        issue: Issue,
        /// The older version.
        list: Attached,
        /// Name of the version that is to be there.
        by: String,
    },
    /// A link from a second ticket of the group to its own.
    LinkDuplicate {
        /// The second ticket.
        issue: Issue,
        /// The group's own ticket.
        to: Issue,
        /// Name of the link type.
        link_type: String,
        /// What it is about: made once for ever.
        topic: String,
    },
}

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "field")]
pub enum Change {
    /// The summary.
    Summary {
        /// As it is.
        from: String,
        /// As it will be.
        to: String,
    },
    /// Our block; the document holds people's words around it unchanged.
    Description {
        /// Words of our block as they are.
        from: String,
        /// Words of our block as they will be.
        to: String,
        /// The whole description, as Jira takes it.
        document: Value,
    },
    /// The priority.
    Priority {
        /// As it is.
        from: Option<String>,
        /// As it will be.
        to: String,
    },
    /// The due date.
    Due {
        /// As it is.
        from: Option<Date>,
        /// As it will be.
        to: Option<Date>,
    },
    /// Labels to add.
    Labels {
        /// The labels.
        add: Vec<String>,
    },
    /// Another field.
    Field {
        /// Its name, as it was configured.
        name: String,
        /// As it is; the empty text is no value.
        from: String,
        /// As it will be.
        to: String,
    },
}

/// Why something is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// A group without a ticket.
    NewGroup,
    /// A group that was split from another one.
    SplitFrom {
        /// The parent.
        group: GroupId,
    },
    /// The create of this ticket provably never reached Jira.
    CreateAgain,
    /// The group's disputes or figures changed.
    Changed {
        /// Disputes that joined in this run.
        joined: usize,
        /// Disputes that left in this run.
        left: usize,
    },
    /// All disputes of the group are resolved or withdrawn.
    AllResolved,
    /// The group's disputes belong to another group now.
    MergedInto {
        /// The survivor.
        group: GroupId,
    },
    /// The cause came back after its ticket had been closed.
    Returned,
    /// A person changed what disputebot would write; said once.
    PersonChanged {
        /// The field.
        field: String,
    },
    /// A person closed the ticket while disputes are open; said once.
    PersonClosed,
    /// Disputes came to a ticket that a person closed; said once, and each time they double.
    NewsForClosed,
    /// A person gave an order in a comment.
    Asked,
    /// A person said that the disputes have nothing to do with each other.
    NotAGroup,
    /// The issue is a second ticket for its group.
    Duplicate {
        /// Key of the group's own ticket.
        of: String,
    },
}

/// Something that is deliberately not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// The group.
    pub group: GroupId,
    /// Key of its ticket, where there is one.
    pub key: Option<String>,
    /// Headline of the group, for people.
    pub title: String,
    /// Why.
    pub reason: HoldReason,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum HoldReason {
    /// The cap on new tickets per run is reached.
    Cap {
        /// The cap.
        limit: usize,
    },
    /// The group is too small for a ticket of its own.
    Small {
        /// Its disputes.
        disputes: usize,
    },
    /// The input is incomplete and disputes of the group are absent.
    Incomplete {
        /// How many are absent.
        absent: usize,
    },
    /// A split or merge was seen but is not confirmed.
    Unconfirmed {
        /// What would happen.
        what: String,
    },
    /// A person changed this field; it is theirs.
    PersonChanged {
        /// The field.
        field: String,
    },
    /// A person closed the ticket.
    PersonClosed,
    /// A person decided about most of its disputes on a ticket.
    Ruled {
        /// Key of that ticket.
        key: String,
        /// Disputes that came since.
        fresh: usize,
    },
    /// A person ordered quiet.
    Quiet {
        /// To when; none for until further notice.
        until: Option<Timestamp>,
    },
    /// The label `disputebot-ignore` is on the ticket.
    Ignored,
    /// A person works on the ticket, so it is not closed by a merge.
    PersonWorking {
        /// Status of the ticket.
        status: String,
    },
    /// Jira does not show the ticket: hidden, archived or deleted, which look alike.
    NotVisible,
    /// The ticket was not read in this run.
    NotRead,
    /// A write whose answer was lost; its fate is not known yet.
    OutcomeUnknown {
        /// When it is decided.
        until: Timestamp,
    },
    /// Nobody can tell whether a create was done; a person has to decide.
    Undecided {
        /// Why it cannot be told.
        reason: String,
    },
    /// What is known may be less than what is so; nothing is created before Jira was read twice.
    Doubt {
        /// Why.
        reason: String,
    },
    /// A person closed the ticket as a duplicate of another ticket of ours.
    MergedByPerson {
        /// Key of the other ticket.
        into: String,
    },
    /// A person copied the ticket; the copy is theirs.
    Cloned {
        /// Key of the copy.
        copy: String,
    },
    /// Jira refused to create the ticket.
    Refused {
        /// What it said.
        reason: String,
    },
    /// The text would carry something private.
    Private {
        /// Field and kind of the find, never its value.
        what: String,
    },
    /// Closing resolved tickets is switched off.
    ResolveOff,
    /// Jira would not take the text for a field.
    Unfit {
        /// The field, the text and what would be taken.
        what: String,
    },
    /// No transition leads where the ticket should go; a label says so.
    NoWay {
        /// The label.
        label: String,
        /// What is in the way.
        why: String,
    },
}

impl Plan {
    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Number of writes by kind.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let kinds = ["create", "update", "comment", "transition", "link", "attachment"];
        let mut counts = BTreeMap::from(kinds.map(|kind| (kind, 0)));
        for action in &self.actions {
            *counts.entry(action.write.kind()).or_default() += 1;
        }
        counts
    }
}

impl Write {
    /// The kind as one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Comment { .. } => "comment",
            Self::Transition { .. } => "transition",
            Self::Unlabel { .. } => "label",
            Self::Link { .. } | Self::LinkDuplicate { .. } => "link",
            Self::Attach { .. } | Self::Detach { .. } => "attachment",
        }
    }
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
