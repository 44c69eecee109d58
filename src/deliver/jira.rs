//! A report as an issue or a comment in Jira, with the page attached: written at most once, by the protocol of
//! tickets. Each write is recorded before it is sent; where its answer was lost, it is looked for past the search
//! index, and sent again only once Jira can no longer be at it.

use jiff::SignedDuration;

use super::{DeliverError, Fate, record};
use crate::{
    apply::Clock,
    jira::{Client, JiraError, Outcome, Paper, Sighting},
    plan::{Issue, Moment},
    report::{ForJira, Room},
    state::{Change, Filing, Known, Part, Sending, State, StateError},
};

/// A write that was recorded longer ago than this is not sent any more: its wait has begun with the record.
const SEND_WITHIN: SignedDuration = SignedDuration::from_secs(25);

const MAY_ARRIVE: &str = "an earlier attempt may still arrive";

/// Where in Jira a report goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A comment on one issue, each week.
    Comment {
        /// Key of the issue.
        key: String,
    },
    /// An issue of its own, each week.
    Issue {
        /// Key of the project.
        project: String,
        /// Name of the issue type.
        issue_type: String,
    },
}

impl Target {
    /// What is the same for all weeks: two places have two names.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Comment { key } => format!("comment on {key}"),
            Self::Issue { project, .. } => format!("issue in {project}"),
        }
    }
}

/// Who brings a report into Jira, and under what conditions.
pub(super) struct Filer<'a, C> {
    pub(super) client: &'a Client,
    pub(super) clock: &'a C,
    pub(super) state: &'a mut State,
    /// Longest time that Jira may still take for a write whose answer was lost.
    pub(super) settle: SignedDuration,
    /// Whether a person says that what nobody can tell was not done.
    pub(super) resend: bool,
    /// Whether the state may not know of what was filed.
    pub(super) is_bereft: bool,
}

/// Why a step is not done.
enum Stop {
    State(StateError),
    Fate(Fate),
}

impl From<StateError> for Stop {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<JiraError> for Stop {
    fn from(error: JiraError) -> Self {
        Self::Fate(Fate::Refused(error.to_string()))
    }
}

fn unsettled(why: impl Into<String>) -> Stop {
    Stop::Fate(Fate::Unsettled(why.into()))
}

impl<C: Clock> Filer<'_, C> {
    /// Brings what is missing of a report into Jira, and records what became of it.
    pub(super) async fn bring(
        &mut self,
        name: &str,
        target: &Target,
        make: impl FnOnce(Room) -> Result<ForJira, DeliverError>,
    ) -> Result<Fate, DeliverError> {
        let mut filing = self.state.known().filings.get(name).cloned().unwrap_or_else(|| Filing::none(name));
        if filing.said && filing.attached {
            return Ok(Fate::SentBefore);
        }
        let fate = match self.room().await {
            Ok(room) => {
                let report = make(room)?;
                match self.steps(&mut filing, target, &report).await {
                    Ok(()) => Fate::Sent,
                    Err(Stop::Fate(fate)) => fate,
                    Err(Stop::State(error)) => return Err(error.into()),
                }
            }
            Err(error) => Fate::Refused(error.to_string()),
        };
        let to = filing.issue.as_ref().map_or_else(|| target.place(), |issue| issue.key.clone());
        Ok(record(self.state, &format!("jira {name}"), &to, fate)?)
    }

    async fn room(&self) -> Result<Room, JiraError> {
        self.client.sign_in().await?;
        Ok(Room { text: self.state.known().text_limit(), page: self.client.upload_limit().await? })
    }

    async fn steps(&mut self, filing: &mut Filing, target: &Target, report: &ForJira) -> Result<(), Stop> {
        match target {
            Target::Comment { key } => {
                let issue = match &filing.issue {
                    Some(issue) => issue.clone(),
                    None => self.own_issue(key).await?,
                };
                filing.issue = Some(issue.clone());
                if !filing.said {
                    self.comment(filing, &issue, report).await?;
                }
            }
            Target::Issue { project, issue_type } => {
                if filing.issue.is_none() {
                    let paper = Paper {
                        project,
                        issue_type,
                        name: &filing.name.clone(),
                        summary: &report.summary,
                        body: &report.body,
                    };
                    self.open(filing, &paper).await?;
                }
            }
        }
        match filing.issue.clone() {
            Some(issue) if !filing.attached => self.attach(filing, &issue, report).await,
            _ => Ok(()),
        }
    }

    /// The issue to comment on, which must not be the ticket of a group: people read that for its cause.
    async fn own_issue(&self, key: &str) -> Result<Issue, Stop> {
        let Some(issue) = self.client.issue(key).await? else {
            return Err(Stop::Fate(Fate::Refused(format!("Jira does not show `{key}` to this account"))));
        };
        let group = self
            .state
            .known()
            .tickets
            .values()
            .find(|ticket| ticket.issue().is_some_and(|other| other.id == issue.id));
        match group {
            Some(ticket) => Err(Stop::Fate(Fate::Refused(format!(
                "`{key}` is the ticket of group {}; name an issue that is none of disputebot's in `report.jira`",
                ticket.group.short()
            )))),
            None => Ok(issue),
        }
    }

    async fn comment(&mut self, filing: &mut Filing, issue: &Issue, report: &ForJira) -> Result<(), Stop> {
        let topic = format!("report {}", filing.name);
        // Before the look, so that what it does not find was not there this long after the comment.
        let look = self.clock.moment();
        if self.client.comment_on(issue, &topic).await?.is_none() {
            self.wait_for(filing, &look)?;
            self.client.make_room(Some(issue)).await?;
            self.intend(filing, Part::Comment)?;
            let sent = self.client.comment(issue, &topic, &report.body).await;
            self.outcome(filing, sent)?;
        }
        filing.said = true;
        self.done(filing)
    }

    async fn open(&mut self, filing: &mut Filing, paper: &Paper<'_>) -> Result<(), Stop> {
        let look = self.clock.moment();
        let found = match filing.sending.as_ref().map(|sending| sending.part) {
            Some(Part::Issue { highest_number }) => {
                match self.client.sight(paper.project, paper.name, highest_number).await? {
                    Sighting::There(issue) => Some(issue),
                    Sighting::Absent => None,
                    Sighting::Blind(_) if self.resend => None,
                    Sighting::Blind(why) => {
                        tracing::warn!(
                            report = paper.name,
                            why,
                            "nobody can tell whether a report was filed"
                        );
                        return Err(Stop::Fate(Fate::InDoubt));
                    }
                }
            }
            // Another state may have filed it: one that was lost, or the one that this is a copy of.
            _ => match self.client.find_filed(paper.project, paper.name).await? {
                // Once: what was refused meanwhile is no reason to look again.
                None if self.is_bereft && !self.state.known().filings.contains_key(&filing.name) => {
                    let newest = self.client.highest_number_of(paper.project).await?;
                    match self.client.sight(paper.project, paper.name, newest).await? {
                        Sighting::There(issue) => Some(issue),
                        // Of one that this state never sent nothing more can be found out.
                        Sighting::Absent | Sighting::Blind(_) => None,
                    }
                }
                found => found,
            },
        };
        let issue = if let Some(found) = found {
            found
        } else {
            self.wait_for(filing, &look)?;
            self.client.make_room(None).await?;
            let highest_number = self.client.highest_number_of(paper.project).await?;
            self.intend(filing, Part::Issue { highest_number })?;
            let sent = self.client.file(paper).await;
            self.outcome(filing, sent)?
        };
        filing.issue = Some(issue);
        filing.said = true;
        self.done(filing)
    }

    async fn attach(&mut self, filing: &mut Filing, issue: &Issue, report: &ForJira) -> Result<(), Stop> {
        if let Some(page) = &report.page {
            let look = self.clock.moment();
            if !self.client.has_page(issue, &report.file_name).await? {
                self.wait_for(filing, &look)?;
                self.client.make_room(Some(issue)).await?;
                self.intend(filing, Part::Page)?;
                let sent = self.client.attach_page(issue, &report.file_name, page.as_str()).await;
                self.outcome(filing, sent)?;
            }
        }
        filing.attached = true;
        self.done(filing)
    }

    /// An error while something that was sent before, and was not there at a look, may still come. Where nothing is
    /// certain of how long ago that was, the wait begins again.
    fn wait_for(&mut self, filing: &mut Filing, look: &Moment) -> Result<(), Stop> {
        let Some(sending) = &mut filing.sending else { return Ok(()) };
        match look.since_for_certain(&sending.sent) {
            Some(passed) if passed >= self.settle => Ok(()),
            Some(_) => Err(unsettled(MAY_ARRIVE)),
            None => {
                sending.sent = look.clone();
                self.note(filing)?;
                Err(unsettled(MAY_ARRIVE))
            }
        }
    }

    fn intend(&mut self, filing: &mut Filing, part: Part) -> Result<(), Stop> {
        let sent = self.clock.moment();
        filing.sending = Some(Sending { part, sent: sent.clone() });
        self.note(filing)?;
        if self.clock.moment().since(&sent).is_none_or(|passed| passed > SEND_WITHIN) {
            self.done(filing)?;
            return Err(unsettled("it was held up before it was sent"));
        }
        Ok(())
    }

    fn outcome<T>(&mut self, filing: &mut Filing, outcome: Outcome<T>) -> Result<T, Stop> {
        match outcome {
            Outcome::Done(done) => Ok(done),
            Outcome::NotDone(error) | Outcome::Refused(error) => {
                if let Some(limit) = error.shorter_text(self.state.known().text_limit()) {
                    self.state.record(self.clock.moment().at, &[Change::TextLimit { limit }])?;
                }
                self.done(filing)?;
                Err(error.into())
            }
            Outcome::Unknown(error) => Err(unsettled(format!("the answer was lost ({error})"))),
        }
    }

    /// Nothing is under way any more.
    fn done(&mut self, filing: &mut Filing) -> Result<(), Stop> {
        filing.sending = None;
        Ok(self.note(filing)?)
    }

    fn note(&mut self, filing: &Filing) -> Result<(), StateError> {
        self.state.record(self.clock.moment().at, &[Change::Filing { filing: filing.clone() }])
    }
}

/// Whether a state may not know of what was filed: it is new, lost, or older than Jira.
pub(super) fn is_bereft(known: &Known) -> bool {
    known.doubt.is_some() || known.filings.values().all(|filing| filing.issue.is_none())
}
