//! What the protocol needs from the world: Jira, the state, a clock. Traits, so that the same protocol runs
//! against a model of each, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    jira::{Account, Client, Found, Glance, JiraError, Marked, Outcome, Ready, Seen, Silence, Transition},
    plan::{Change as FieldChange, Heard, Home, Issue, Mark, Moment, Observed, Part, Past},
    state::{Change, Head, Known, State, StateError},
    ticket::{
        Content, Markup,
        document::Block,
        list::{Attached, List},
    },
};

/// Jira, as far as tickets need it.
///
/// Reads by id or key show the last write. Searches do not: what they find is there, what they do not find
/// proves nothing. A call that gives an [`Outcome`] is sent once; every other call may be repeated.
pub trait Tracker: Sync {
    /// Who asks; an error where Jira does not know.
    fn sign_in(&self) -> impl Future<Output = Result<Account, JiraError>> + Send;
    /// Which project of which site is meant; known once signed in.
    fn home(&self) -> Home;
    /// Keys of the other projects in which tickets may be opened.
    fn elsewhere(&self) -> Vec<String>;
    /// How rich text is stored; known once signed in.
    fn markup(&self) -> Markup;
    /// With what the config fills the screens of transitions, by field.
    fn filling(&self) -> &BTreeMap<String, String>;
    /// Highest issue number that the search shows in a project, 0 where it shows none: a lower bound.
    fn newest_number(&self, project: &str) -> impl Future<Output = Result<u64, JiraError>> + Send;
    /// Opens a ticket, in the project that its content names.
    fn create(&self, content: &Content, mark: &Mark) -> impl Future<Output = Outcome<Issue>> + Send;
    /// The histories of issues by id, each in its order of time; those that are gone or hidden are absent, and one that
    /// cannot be read for its size is empty.
    fn histories(
        &self,
        ids: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, Vec<Past>>, JiraError>> + Send;
    /// Reads issues by id; those that are gone or hidden are absent.
    fn read(
        &self,
        ids: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, Observed>, JiraError>> + Send;
    /// Looks at many issues by id, cheaply; those that are gone or hidden are absent. Some of it may be hearsay.
    fn glance(&self, ids: &[String]) -> impl Future<Output = Result<Glance, JiraError>> + Send;
    /// Reads issues of a project by number, at most 100 at once.
    fn numbered(
        &self,
        project: &str,
        numbers: RangeInclusive<u64>,
    ) -> impl Future<Output = Result<Seen, JiraError>> + Send;
    /// Reads the marks of issues by id.
    fn marks(&self, ids: &[String]) -> impl Future<Output = Result<Vec<Marked>, JiraError>> + Send;
    /// Issues that the search shows with a label, in some projects, or anywhere where none is named.
    fn labelled(
        &self,
        label: &str,
        projects: &[String],
    ) -> impl Future<Output = Result<Found, JiraError>> + Send;
    /// Issues that the search shows with a label, in which something changed within some days.
    fn touched(&self, label: &str, days: u32) -> impl Future<Output = Result<Found, JiraError>> + Send;
    /// Whether a key is, or was, that of the project of [`Self::home`].
    fn is_home(&self, key: &str) -> impl Future<Output = Result<bool, JiraError>> + Send;
    /// Whether Jira shows a project, of which a key may be an old one.
    fn has_project(&self, key: &str) -> impl Future<Output = Result<bool, JiraError>> + Send;
    /// Writes changed fields, and the mark where one is given.
    fn edit(
        &self,
        issue: &Issue,
        changes: &[FieldChange],
        mark: Option<&Mark>,
    ) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// Adds and removes a label without telling anybody, where that is allowed.
    fn relabel(
        &self,
        issue: &Issue,
        label: &str,
        present: bool,
    ) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// Makes an account watch an issue; one that does so already counts as made to.
    fn add_watcher(&self, issue: &Issue, who: &str) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// Adds a comment; gives its id.
    fn comment(
        &self,
        issue: &Issue,
        topic: &str,
        body: &[Block],
    ) -> impl Future<Output = Outcome<String>> + Send;
    /// Id of the comment on a topic.
    fn comment_on(
        &self,
        issue: &Issue,
        topic: &str,
    ) -> impl Future<Output = Result<Option<String>, JiraError>> + Send;
    /// All comments of others, the oldest first.
    fn heard(&self, issue: &Issue) -> impl Future<Output = Result<Vec<Heard>, JiraError>> + Send;
    /// Links two issues; a link that is there counts as made.
    fn link(
        &self,
        link_type: &str,
        from: &Issue,
        to: &Issue,
    ) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// Attaches a list; gives the attachment's id.
    fn attach(&self, issue: &Issue, list: &List) -> impl Future<Output = Outcome<String>> + Send;
    /// The lists on an issue that this account attached.
    fn lists(&self, issue: &Issue) -> impl Future<Output = Result<Vec<Attached>, JiraError>> + Send;
    /// Removes a list; one that is gone counts as removed.
    fn detach(&self, issue: &Issue, list: &Attached) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// Most bytes of one attachment; 0 where none are taken.
    fn upload_limit(&self) -> impl Future<Output = Result<u64, JiraError>> + Send;
    /// Ways out of the issue's status, their screens filled, with a resolution where one is given.
    fn transitions(
        &self,
        issue: &Issue,
        resolution: Option<&str>,
    ) -> impl Future<Output = Result<Vec<Transition>, JiraError>> + Send;
    /// Moves an issue.
    fn transition(
        &self,
        issue: &Issue,
        transition: &Transition,
    ) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// Finds out what the fields of the projects demand and take; `tickets` are ours, one of each project that has any,
    /// and `elsewhere` the projects besides the first one, and whether Jira shows each.
    fn learn_fields(
        &self,
        tickets: &[Issue],
        elsewhere: &BTreeMap<String, bool>,
    ) -> impl Future<Output = Result<Arc<Ready>, JiraError>> + Send;
    /// The same, with the accounts that some texts name, by project as [`Ready::unknown_people`] has them.
    fn look_up(
        &self,
        people: BTreeMap<String, BTreeSet<String>>,
    ) -> impl Future<Output = Result<Arc<Ready>, JiraError>> + Send;
    /// Our property of the project of [`Self::home`], none where it is not set.
    fn project_property(&self) -> impl Future<Output = Result<Option<Value>, JiraError>> + Send;
    /// Sets it.
    fn set_project_property(&self, value: &Value) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// Returns once Jira takes one more write: to an issue, or a create where there is none. An error where that
    /// would take too long.
    ///
    /// To be called before a write is recorded: a write that waits after that would use up the time in which its
    /// fate is to be known.
    fn make_room(&self, issue: Option<&Issue>) -> impl Future<Output = Result<(), JiraError>> + Send;
    /// What time it is by Jira's clock, or somewhat before; none where no answer told yet.
    fn time(&self) -> Option<Timestamp>;
    /// Whether Jira wants to be left alone now.
    fn silence(&self) -> Option<Silence>;
    /// Leaves Jira alone for some time, as an earlier process was asked to.
    fn keep_silent(&self, wait: SignedDuration, reason: &str);
    /// The parts of Jira that want to be left alone by themselves, and until when.
    fn shut(&self) -> Vec<(Part, Timestamp)>;
    /// Leaves a part of Jira alone for some time, as an earlier process was asked to.
    fn keep_shut(&self, part: &Part, wait: SignedDuration);
}

/// What disputebot knows, durably.
pub trait Store: Send {
    /// All that is known.
    fn known(&self) -> &Known;
    /// The last record.
    fn head(&self) -> Head;
    /// Records changes; they are on disk when this returns. After an error nothing may be done any more.
    fn record(&mut self, at: Timestamp, changes: &[Change]) -> Result<(), StateError>;
    /// Whether a record is among those that were ever made here.
    fn has(&self, head: Head) -> Result<bool, StateError>;
}

/// The time.
pub trait Clock: Sync {
    /// The moment it is.
    fn moment(&self) -> Moment;
}

/// A clock that shows the time by Jira's clock as well, as far as Jira told it.
#[derive(Debug)]
pub struct Both<'a, C, T> {
    /// The clocks of this machine.
    pub here: &'a C,
    /// Jira.
    pub there: &'a T,
}

impl<C: Clock, T: Tracker> Clock for Both<'_, C, T> {
    fn moment(&self) -> Moment {
        Moment { there: self.there.time(), ..self.here.moment() }
    }
}

impl Store for State {
    fn known(&self) -> &Known {
        Self::known(self)
    }

    fn head(&self) -> Head {
        Self::head(self)
    }

    fn record(&mut self, at: Timestamp, changes: &[Change]) -> Result<(), StateError> {
        Self::record(self, at, changes)
    }

    fn has(&self, head: Head) -> Result<bool, StateError> {
        Self::has(self, head)
    }
}

/// What is known, without a disk: changes are forgotten with it.
#[derive(Debug)]
pub struct Memory {
    known: Known,
}

impl Memory {
    /// Starts from what is known.
    pub fn new(known: Known) -> Self {
        Self { known }
    }
}

impl Store for Memory {
    fn known(&self) -> &Known {
        &self.known
    }

    fn head(&self) -> Head {
        Head::EMPTY
    }

    fn record(&mut self, _at: Timestamp, changes: &[Change]) -> Result<(), StateError> {
        for change in changes {
            self.known.take(change.clone());
        }
        Ok(())
    }

    fn has(&self, _head: Head) -> Result<bool, StateError> {
        Ok(true)
    }
}

/// A clock made of one that shows the time of day alone.
impl<F: Fn() -> Timestamp + Sync> Clock for F {
    fn moment(&self) -> Moment {
        let at = self();
        let up_ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Moment { at, boot: "time of day".to_owned(), up_ms, there: None }
    }
}

impl Tracker for Client {
    async fn sign_in(&self) -> Result<Account, JiraError> {
        Self::sign_in(self).await
    }

    fn home(&self) -> Home {
        Self::home(self)
    }

    fn markup(&self) -> Markup {
        Self::markup(self)
    }

    fn filling(&self) -> &BTreeMap<String, String> {
        Self::filling(self)
    }

    fn elsewhere(&self) -> Vec<String> {
        Self::elsewhere(self)
    }

    async fn newest_number(&self, project: &str) -> Result<u64, JiraError> {
        self.highest_number_of(project).await
    }

    async fn create(&self, content: &Content, mark: &Mark) -> Outcome<Issue> {
        Self::create(self, content, mark).await
    }

    async fn histories(&self, ids: &[String]) -> Result<BTreeMap<String, Vec<Past>>, JiraError> {
        Self::histories(self, ids).await
    }

    async fn read(&self, ids: &[String]) -> Result<BTreeMap<String, Observed>, JiraError> {
        Self::read(self, ids).await
    }

    async fn glance(&self, ids: &[String]) -> Result<Glance, JiraError> {
        self.glance(ids).await
    }

    async fn numbered(&self, project: &str, numbers: RangeInclusive<u64>) -> Result<Seen, JiraError> {
        Self::numbered(self, project, numbers).await
    }

    async fn marks(&self, ids: &[String]) -> Result<Vec<Marked>, JiraError> {
        Self::marks(self, ids).await
    }

    async fn touched(&self, label: &str, days: u32) -> Result<Found, JiraError> {
        Self::touched(self, label, days).await
    }

    async fn labelled(&self, label: &str, projects: &[String]) -> Result<Found, JiraError> {
        Self::labelled(self, label, projects).await
    }

    async fn has_project(&self, key: &str) -> Result<bool, JiraError> {
        Self::has_project(self, key).await
    }

    async fn is_home(&self, key: &str) -> Result<bool, JiraError> {
        Self::is_home(self, key).await
    }

    async fn edit(
        &self,
        issue: &Issue,
        changes: &[FieldChange],
        mark: Option<&Mark>,
    ) -> Result<(), JiraError> {
        Self::edit(self, issue, changes, mark).await
    }

    async fn relabel(&self, issue: &Issue, label: &str, present: bool) -> Result<(), JiraError> {
        Self::relabel(self, issue, label, present).await
    }

    async fn add_watcher(&self, issue: &Issue, who: &str) -> Result<(), JiraError> {
        Self::add_watcher(self, issue, who).await
    }

    async fn comment(&self, issue: &Issue, topic: &str, body: &[Block]) -> Outcome<String> {
        Self::comment(self, issue, topic, body).await
    }

    async fn comment_on(&self, issue: &Issue, topic: &str) -> Result<Option<String>, JiraError> {
        Self::comment_on(self, issue, topic).await
    }

    async fn heard(&self, issue: &Issue) -> Result<Vec<Heard>, JiraError> {
        self.heard(issue).await
    }

    async fn link(&self, link_type: &str, from: &Issue, to: &Issue) -> Result<(), JiraError> {
        Self::link(self, link_type, from, to).await
    }

    async fn attach(&self, issue: &Issue, list: &List) -> Outcome<String> {
        Self::attach(self, issue, list).await
    }

    async fn lists(&self, issue: &Issue) -> Result<Vec<Attached>, JiraError> {
        Self::lists(self, issue).await
    }

    async fn detach(&self, issue: &Issue, list: &Attached) -> Result<(), JiraError> {
        Self::detach(self, issue, list).await
    }

    async fn upload_limit(&self) -> Result<u64, JiraError> {
        Self::upload_limit(self).await
    }

    async fn transitions(
        &self,
        issue: &Issue,
        resolution: Option<&str>,
    ) -> Result<Vec<Transition>, JiraError> {
        Self::transitions(self, issue, resolution).await
    }

    async fn transition(&self, issue: &Issue, transition: &Transition) -> Result<(), JiraError> {
        Self::transition(self, issue, transition).await
    }

    async fn learn_fields(
        &self,
        tickets: &[Issue],
        elsewhere: &BTreeMap<String, bool>,
    ) -> Result<Arc<Ready>, JiraError> {
        Self::learn_fields(self, tickets, elsewhere).await
    }

    async fn look_up(&self, people: BTreeMap<String, BTreeSet<String>>) -> Result<Arc<Ready>, JiraError> {
        Self::look_up(self, people).await
    }

    async fn project_property(&self) -> Result<Option<Value>, JiraError> {
        Self::project_property(self).await
    }

    async fn set_project_property(&self, value: &Value) -> Result<(), JiraError> {
        Self::set_project_property(self, value).await
    }

    async fn make_room(&self, issue: Option<&Issue>) -> Result<(), JiraError> {
        Self::make_room(self, issue).await
    }

    fn time(&self) -> Option<Timestamp> {
        Self::time(self)
    }

    fn silence(&self) -> Option<Silence> {
        Self::silence(self)
    }

    fn keep_silent(&self, wait: SignedDuration, reason: &str) {
        Self::keep_silent(self, wait, reason);
    }

    fn shut(&self) -> Vec<(Part, Timestamp)> {
        Self::shut(self)
    }

    fn keep_shut(&self, part: &Part, wait: SignedDuration) {
        Self::keep_shut(self, part, wait);
    }
}
