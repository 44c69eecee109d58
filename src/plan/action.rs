//! What a run does and what it does not, each with its reason.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Category, Closed, Issue, Mark, Written};
use crate::{
    group::GroupId,
    ticket::{
        Content,
        document::Block,
        list::{Attached, List},
    },
};

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
        /// What the ticket says of its group for machines; none where that stays as it is.
        mark: Option<Box<Mark>>,
        /// Topics that count as told once it is done.
        tells: Vec<String>,
        /// Why no comment goes with it; none where one does.
        unsaid: Option<Unsaid>,
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
    /// A first comment on the ticket that the same plan opens for the group, at most once per topic.
    Introduce {
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
    /// An account watches the group's ticket from now on.
    Watch {
        /// The account, as the rules name it.
        who: String,
        /// What it is about: done once for ever.
        topic: String,
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
    /// Labels to add and to take off.
    Labels {
        /// Those to add.
        add: Vec<String>,
        /// Those to take off: what they asked for is done.
        remove: Vec<String>,
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
    /// A group of too few disputes for a ticket, but of so much money that this alone earns it one.
    Costly,
    /// A group that is too small for a ticket by its disputes and its money, but a deadline of its is near.
    DeadlineNear {
        /// Days to it.
        days: i64,
    },
    /// A person decided about some of the disputes before, but so much else came since that it is worth a ticket.
    DespiteRuling {
        /// Key of the ticket on which it was decided.
        key: String,
    },
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
    /// A person said that the group's disputes belong to another group.
    MergedByPerson {
        /// The survivor.
        group: GroupId,
        /// Key of the ticket on which it was said.
        key: String,
    },
    /// A person linked it as a duplicate of a ticket whose disputes it cannot be counted with.
    LinkNotFollowed {
        /// Key of that ticket.
        to: String,
    },
    /// The cause came back after its ticket had been closed.
    Returned,
    /// The cause came back so long after it had been settled that its old ticket is not reopened.
    ReturnedLate {
        /// The group of the old ticket.
        group: GroupId,
    },
    /// The group grew by so much that people should know.
    Grew,
    /// Another cause of the playbook is the likely one now: other steps are to be taken, maybe by somebody else.
    CauseChanged,
    /// A person changed what disputebot would write; said once.
    PersonChanged {
        /// The field.
        field: String,
    },
    /// A person's change came in the moment before a write of ours, which took it away; said once.
    Overwritten {
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
    /// The rules of routing say so.
    Routed,
    /// The issue is a second ticket for its group.
    Duplicate {
        /// Key of the group's own ticket.
        of: String,
    },
}

/// Why nothing is said about an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Unsaid {
    /// The group grew by less than is worth a comment, or shrank.
    Small,
    /// That it grew so much was said before.
    Said,
    /// The ticket has said enough this week.
    Spent {
        /// Comments per week.
        limit: usize,
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
    /// The group is too small for a ticket of its own, and no deadline of its is near.
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
    /// The rules of routing would change this field, but a person has touched the ticket.
    Touched {
        /// The field.
        field: String,
        /// What the rules say.
        wanted: String,
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
    /// What is known may be less than what is so; nothing is created before Jira was read from end to end.
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
    /// Its cause comes and goes: it was reopened of late and stays open until that has settled.
    Flapping {
        /// How often it was reopened within 30 days.
        times: usize,
        /// When it is closed at the earliest.
        until: Timestamp,
    },
    /// The ticket has said enough this week.
    Spent {
        /// What the comment is about.
        topic: String,
        /// Comments per week.
        limit: usize,
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
    /// The project that a new ticket is for, where it names one.
    pub fn opens_in(&self) -> Option<&str> {
        match self {
            Self::Create { content, .. } => content.project.as_deref(),
            _ => None,
        }
    }

    /// The kind as one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Comment { .. } | Self::Introduce { .. } => "comment",
            Self::Transition { .. } => "transition",
            Self::Unlabel { .. } => "label",
            Self::Link { .. } | Self::LinkDuplicate { .. } => "link",
            Self::Watch { .. } => "watcher",
            Self::Attach { .. } | Self::Detach { .. } => "attachment",
        }
    }
}
