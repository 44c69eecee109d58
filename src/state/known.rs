//! What disputebot knows: the fold over all changes ever recorded.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{Timestamp, civil::Date};
use rustc_hash::FxHashSet;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _, Serialize};

use super::{
    Entry, Filing, Head, Journal, JournalError, Snapshot, Spread, StateError, Tree, Vault, Waits, Write,
    backup, durable::WriterLock, format, journal, vault,
};
use crate::{
    group::{Group, GroupId, exact},
    plan::{Closed, Home, Issue, Moment, NotBefore, Pause, Reason, Ruling, Stray, Ticket},
    ticket::{facts::Figures, length},
};

/// Folder of the journal within the state.
pub(super) const JOURNAL: &str = "journal";
/// How many records are taken over at a time.
const CHUNK: usize = 1000;
/// Key of the doubt among the facts about this installation.
const DOUBT: &str = "doubt";
/// Key of the claim, likewise.
const CLAIM: &str = "claim";
/// Key of the rival, likewise.
const RIVAL: &str = "rival";
const HOME: &str = "home";
/// Key of the pause, likewise.
const PAUSE: &str = "pause";
const NOT_BEFORE: &str = "not_before";
/// Key of the length of text that Jira takes, likewise.
const TEXT_LIMIT: &str = "text limit";
/// What keys of reports in Jira begin with, likewise.
const FILING: &str = "report ";
/// What keys of other projects begin with, likewise.
const PROJECT: &str = "project ";

/// One thing that became known. The journal holds these in order; everything else follows from them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// A group as it is now.
    Group(GroupRecord),
    /// A ticket as it is now.
    Ticket(Ticket),
    /// A run that ended.
    Run(Box<RunRecord>),
    /// An occurrence of a schedule that was handled.
    Occurrence(Ran),
    /// Whether what is known may be less than what is so; none where it is trusted again.
    Doubt {
        /// The doubt.
        doubt: Option<Doubt>,
    },
    /// That this state works on the project.
    Claim {
        /// The claim.
        claim: Option<Claimed>,
    },
    /// What a person decided about disputes.
    Ruling {
        /// The ruling.
        ruling: Ruling,
    },
    /// The longest text that Jira takes, learned from a refusal.
    TextLimit {
        /// In characters (units of UTF-16).
        limit: usize,
    },
    /// Another disputebot that was seen to work on the project; none where there is none any more.
    Rival {
        /// The other one.
        rival: Option<Rival>,
    },
    /// An issue with the mark of a group that has another ticket.
    Stray {
        /// The issue.
        stray: Stray,
    },
    /// Which project of which site this state is of.
    Home {
        /// The project.
        home: Home,
    },
    /// Jira wants to be left alone for a time; none once a pass has come to its end after it.
    Pause {
        /// The time.
        pause: Option<Pause>,
    },
    /// The parts of Jira that want to be left alone by themselves; none once a pass has come to its end after them.
    NotBefore {
        /// All that are known.
        parts: Vec<NotBefore>,
    },
    /// How far a report has come into Jira.
    Filing {
        /// The report.
        filing: Filing,
    },
    /// That tickets are opened in another project than the first one, too.
    Project {
        /// Its key.
        project: String,
    },
}

impl Change {
    /// Reads a change as the journal holds it. The frequent kinds are read into their own form at once: what serde
    /// makes of a tag within an object holds everything twice, which takes most of the time over a long journal.
    pub(super) fn parse(body: &str) -> Result<Self, serde_json::Error> {
        match tag(body).as_deref() {
            Some("group") => serde_json::from_str(body).map(Self::Group),
            Some("ticket") => serde_json::from_str(body).map(Self::Ticket),
            Some(RUN) => serde_json::from_str(body).map(|run| Self::Run(Box::new(run))),
            _ => serde_json::from_str(body),
        }
    }
}

/// What the journal calls a run that ended.
pub(super) const RUN: &str = "run";

/// What kind of change a body is of. Reads no further than to where it says so, which is near its beginning.
fn tag(body: &str) -> Option<String> {
    struct Until<'t>(&'t mut Option<String>);

    impl<'de> Visitor<'de> for Until<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a change")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                if key == "change" {
                    *self.0 = Some(map.next_value()?);
                    break;
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut found = None;
    // An error is told by whoever reads all of it; that the rest is left over is one, too.
    let _ = serde_json::Deserializer::from_str(body).deserialize_map(Until(&mut found));
    found
}

/// The claim of this state on the project that it opens tickets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Random name of this state.
    pub instance: String,
    /// Counts take-overs.
    pub epoch: u64,
    /// When the claim was last sent to Jira without an answer that says what became of it: it may still arrive, in the
    /// place of a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Moment>,
    /// Whether that one was sent to a project that nobody worked on: another machine may have claimed it in between, and
    /// opened tickets before this claim arrived in the place of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_free: bool,
}

/// Another disputebot that works on the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rival {
    /// Random name of its state.
    pub instance: String,
    /// Its count of take-overs.
    pub epoch: u64,
    /// Its last sign of life.
    pub beat: u64,
    /// When exactly this was first seen.
    pub seen: Moment,
}

impl Rival {
    /// Whether it is this one, without a further sign of life.
    pub fn is(&self, instance: &str, epoch: u64, beat: u64) -> bool {
        self.instance == instance && self.epoch == epoch && self.beat == beat
    }
}

/// Something happened after which tickets may exist that are not known here: a copy was restored, a store was
/// damaged, another disputebot worked on the project. Nothing is created until Jira was read from end to end so long after
/// that, or after a first such reading, that no create of before can come any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// What happened, for people.
    pub reason: String,
    /// When the first complete reading of Jira began, or what is doubted happened, where that is known; none where neither is.
    pub read: Option<Moment>,
}

/// A group with what is shown of it without reading the disputes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// The group.
    pub group: Group,
    /// Its rule in a few words.
    pub title: String,
    /// The likely cause.
    #[serde(deserialize_with = "exact::text")]
    pub cause: Arc<str>,
    /// Who must fix it.
    #[serde(deserialize_with = "exact::text")]
    pub who: Arc<str>,
    /// Its figures in the last run that saw it.
    pub figures: Figures,
    /// Whether so few people have its product that neither place nor time may be shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coarse: bool,
    /// Days on which disputes of it are due, sorted; none in records of earlier builds.
    #[serde(default, deserialize_with = "exact::list", skip_serializing_if = "Vec::is_empty")]
    pub due: Vec<Date>,
    /// Its disputes by what reports break them down by; none where that may not be shown, nor in records of earlier
    /// builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Box<Spread>>,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id: time-ordered and unique.
    pub id: String,
    /// When it began; the one `now` of the whole run.
    pub at: Timestamp,
    /// Digest of the open disputes.
    pub fingerprint: String,
    /// Why the input was incomplete; empty where it was complete.
    pub incomplete: Vec<String>,
    /// Rows by what became of them.
    pub rows: Rows,
    /// Open disputes per program, with figures.
    pub programs: BTreeMap<String, Figures>,
    /// Open disputes by age.
    pub ageing: BTreeMap<String, usize>,
    /// Active groups.
    pub groups: usize,
    /// Groups by what became of them: `born`, `split`, `kept`, `returned`, `merged`, `resolved`.
    pub events: BTreeMap<String, usize>,
    /// Disputes that joined and left groups.
    pub moved: (usize, usize),
    /// Writes that were done.
    pub done: Vec<Done>,
    /// Writes that failed: group, kind, why.
    pub failed: Vec<(GroupId, String, String)>,
    /// Writes that were planned and not tried.
    #[serde(default, skip_serializing_if = "Untried::is_none")]
    pub untried: Untried,
    /// What was held, by kind.
    pub held: BTreeMap<String, usize>,
    /// Of that, what a person did or has to do, one by one; at most [`RunRecord::WAITING`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Of the rest, which passes by itself, by reason, those of rare kinds first; at most [`RunRecord::HOLDS`] groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Holds>,
    /// The open disputes in sums, by client.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clients: BTreeMap<String, Snapshot>,
    /// Why rows could not be read, in words without their private values; at most [`RunRecord::REJECTS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<String>,
    /// Files that were read, and those that could not be; none in records of earlier builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<(u64, u64)>,
    /// Each source by itself, in their order; none in records of earlier builds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceRecord>,
    /// Disputes that more than one source holds, of which the row of the later source counts: with equal contents and
    /// with other ones. Their rows are among those that are superseded.
    #[serde(default, skip_serializing_if = "is_none_shared")]
    pub shared: (u64, u64),
}

fn is_none_shared(shared: &(u64, u64)) -> bool {
    *shared == (0, 0)
}

/// What a run read of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its name; empty where there is only one.
    pub name: String,
    /// Rows read.
    pub rows: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Whether it can be the whole truth.
    pub is_complete: bool,
}

impl RunRecord {
    /// Most entries of [`RunRecord::waiting`]: where more wait, their number says enough.
    pub const WAITING: usize = 1_000;
    /// Most groups in [`RunRecord::holds`].
    pub const HOLDS: usize = 500;
    /// Most entries of [`RunRecord::rejects`].
    pub const REJECTS: usize = 50;
    /// Most entries of [`Untried::first`].
    pub const UNTRIED: usize = 500;
}

/// Writes that a run planned and did not come to: it was stopped, or a failure made the rest hopeless. The next run plans
/// them anew.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Untried {
    /// How many.
    pub count: usize,
    /// The first of them, in the order of the plan: group, kind, why; at most [`RunRecord::UNTRIED`].
    pub first: Vec<(GroupId, String, Reason)>,
}

impl Untried {
    fn is_none(&self) -> bool {
        self.count == 0
    }
}

/// Something that was held because of what a person did, or until a person does something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The group.
    pub group: GroupId,
    /// What kind of hold it is.
    pub kind: String,
    /// Why, in words.
    pub words: String,
    /// Whether a person overruled disputebot.
    pub overruled: bool,
}

/// Groups of which something was held for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    /// What kind of hold it is.
    pub kind: String,
    /// Why, in words.
    pub words: String,
    /// The groups.
    pub groups: Vec<GroupId>,
}

impl RunRecord {
    /// What was held of each group, of what is recorded one by one: group, kind and reason.
    pub fn held_groups(&self) -> impl Iterator<Item = (&GroupId, &str, &str)> {
        let waiting = self.waiting.iter().map(|one| (&one.group, one.kind.as_str(), one.words.as_str()));
        let others = self.holds.iter().flat_map(|holds| {
            holds.groups.iter().map(|group| (group, holds.kind.as_str(), holds.words.as_str()))
        });
        waiting.chain(others)
    }

    /// What was held and is only counted.
    pub fn unlisted_holds(&self) -> usize {
        self.held.values().sum::<usize>().saturating_sub(self.held_groups().count())
    }

    /// Writes that were not tried and are only counted.
    pub fn unlisted_untried(&self) -> usize {
        self.untried.count.saturating_sub(self.untried.first.len())
    }

    /// Rows that could not be read and are only counted.
    pub fn unlisted_rejects(&self) -> usize {
        usize::try_from(self.rows.rejected).unwrap_or(usize::MAX).saturating_sub(self.rejects.len())
    }
}

/// Where every row of the input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rows {
    /// All rows.
    pub read: u64,
    /// Open disputes in a group.
    pub grouped: u64,
    /// Open disputes without significant company.
    pub ungrouped: u64,
    /// Disputes that are not open.
    pub not_open: u64,
    /// Rows that repeat another one word for word.
    pub repeated: u64,
    /// Rows that a later file or a later source replaces.
    pub superseded: u64,
    /// Rows that could not be read.
    pub rejected: u64,
    /// Lines of claims that other lines of the same claim cancel.
    #[serde(default)]
    pub netted: u64,
}

impl Rows {
    /// Whether every row is accounted for.
    pub fn add_up(&self) -> bool {
        let Self { read, grouped, ungrouped, not_open, repeated, superseded, rejected, netted } = *self;
        read == grouped + ungrouped + not_open + repeated + superseded + rejected + netted
    }
}

/// A write that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// The group it was for.
    pub group: GroupId,
    /// The issue.
    pub issue: Issue,
    /// `create`, `update`, `comment`, `transition` or `link`.
    pub kind: String,
    /// Whether it closed the ticket.
    pub closed: bool,
    /// Why; none where an earlier build wrote it, or where it was found in Jira.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// An occurrence of a schedule that was handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Name of the schedule.
    pub schedule: String,
    /// Id of the occurrence.
    pub id: String,
    /// Its instant.
    pub at: Timestamp,
}

/// All that is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// Groups by id.
    pub groups: BTreeMap<GroupId, GroupRecord>,
    /// Tickets by group.
    pub tickets: BTreeMap<GroupId, Ticket>,
    /// Runs in the order of their ids.
    pub runs: BTreeMap<String, RunRecord>,
    /// Last handled occurrence by schedule.
    pub schedules: BTreeMap<String, Ran>,
    /// Why what is known may be less than what is so.
    pub doubt: Option<Doubt>,
    /// The claim on the project.
    pub claim: Option<Claimed>,
    /// Another disputebot that works on the project.
    pub rival: Option<Rival>,
    /// What people decided about disputes, by what it came from.
    pub rulings: BTreeMap<String, Ruling>,
    /// The longest text that Jira takes, in characters (units of UTF-16), where a refusal taught it.
    pub text_limit: Option<usize>,
    /// Issues with the mark of a group that has another ticket, by id.
    pub strays: BTreeMap<String, Stray>,
    /// The time for which Jira wanted to be left alone when the last pass ended.
    pub pause: Option<Pause>,
    /// The parts of Jira that wanted to be left alone by themselves.
    pub not_before: Vec<NotBefore>,
    /// What calls of earlier processes were told to wait for when nothing could be recorded.
    pub waits: Waits,
    /// The project that this is of, once Jira was asked.
    pub home: Option<Home>,
    /// Reports in Jira, by name.
    pub filings: BTreeMap<String, Filing>,
    /// Keys of the other projects in which tickets were ever opened.
    pub projects: BTreeSet<String>,
}

impl Known {
    /// Tickets to try things on, one of each project: one that is open as far as is known, else any.
    pub fn examples(&self) -> Vec<Issue> {
        let open = self.tickets.values().filter(|ticket| ticket.closed == Closed::No);
        let mut seen = BTreeSet::new();
        let all = open.chain(self.tickets.values()).filter_map(Ticket::issue);
        all.filter(|issue| seen.insert(issue.project())).cloned().collect()
    }

    /// Reads what is known from the journal alone, without taking the state: works while a daemon runs. An
    /// absent journal is an empty state.
    pub fn read(directory: &Path) -> Result<Self, StateError> {
        Ok(Self { waits: Waits::read(directory), ..Self::read_before(directory, Timestamp::MAX)?.0 })
    }

    /// As [`Known::read`], but only what was recorded before an instant: what was known then, and the last
    /// record of it. Kept elsewhere, that record witnesses that the journal had come so far.
    pub fn read_before(directory: &Path, end: Timestamp) -> Result<(Self, Head), StateError> {
        format::check(directory)?;
        let (mut known, mut head) = (Self::default(), Head::EMPTY);
        let journal = backup::journal_of(directory);
        if journal.exists() {
            journal::read::<StateError>(&journal, 1, |record| {
                if record.at < end {
                    known.take(change(&record.body, record.seq)?);
                    head = Head { seq: record.seq, hash: record.hash };
                }
                Ok(())
            })?;
        }
        Ok((known, head))
    }

    /// The ticket of a group; a fresh one where none is known.
    pub fn ticket(&self, group: &GroupId) -> Ticket {
        self.tickets.get(group).cloned().unwrap_or_else(|| Ticket::none(group.clone()))
    }

    /// The longest text to be written, in characters (units of UTF-16).
    pub fn text_limit(&self) -> usize {
        self.text_limit.map_or(length::TEXT_LIMIT, |learned| learned.min(length::TEXT_LIMIT))
    }

    /// The last run whose input was complete.
    pub fn last_complete(&self) -> Option<&RunRecord> {
        self.runs.values().rev().find(|run| run.incomplete.is_empty())
    }

    /// The group whose id starts with some digits, where exactly one does.
    pub fn find(&self, prefix: &str) -> Option<&GroupRecord> {
        let prefix = prefix.strip_prefix(crate::group::LABEL_PREFIX).unwrap_or(prefix);
        let mut found = self.groups.values().filter(|record| record.group.id.as_str().starts_with(prefix));
        let first = found.next().filter(|_| prefix.len() >= 4)?;
        found.next().is_none().then_some(first)
    }

    /// Learns one more thing.
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Group(record) => {
                self.groups.insert(record.group.id.clone(), record);
            }
            Change::Ticket(ticket) => {
                self.tickets.insert(ticket.group.clone(), ticket);
            }
            Change::Run(run) => {
                self.runs.insert(run.id.clone(), *run);
            }
            Change::Occurrence(ran) => {
                self.schedules.insert(ran.schedule.clone(), ran);
            }
            Change::Doubt { doubt } => self.doubt = doubt,
            Change::Claim { claim } => self.claim = claim,
            Change::Rival { rival } => self.rival = rival,
            Change::Ruling { ruling } => {
                self.rulings.insert(ruling.id.clone(), ruling);
            }
            Change::TextLimit { limit } => self.text_limit = Some(limit),
            Change::Stray { stray } => {
                self.strays.insert(stray.issue.id.clone(), stray);
            }
            Change::Pause { pause } => self.pause = pause,
            Change::NotBefore { parts } => self.not_before = parts,
            Change::Home { home } => self.home = Some(home),
            Change::Filing { filing } => {
                self.filings.insert(filing.name.clone(), filing);
            }
            Change::Project { project } => {
                self.projects.insert(project);
            }
        }
    }
}

/// The open state: the journal, the vault made from it, and what they say.
#[derive(Debug)]
pub struct State {
    directory: PathBuf,
    journal: Journal,
    vault: Vault,
    known: Known,
    healed: Option<String>,
    poisoned: bool,
}

/// What [`State::verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The end of the journal.
    pub head: Head,
    /// Values of the vault.
    pub values: u64,
}

/// What [`State::rebuild`] did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Records of the journal.
    pub records: u64,
    /// Where the old vault is.
    pub aside: Option<PathBuf>,
    /// The doubt that was recorded; none where the old vault witnessed that the journal is complete.
    pub doubt: Option<String>,
}

/// What to do with a damaged vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Heal,
    Refuse,
}

impl State {
    /// Opens the state of a directory, made where absent. The vault is brought up to the journal where a
    /// crash kept it behind.
    ///
    /// A vault that is damaged, missing or older than a crash can make it is no witness that the journal has
    /// its end: it is set aside and made anew where it cannot be read, a doubt is recorded, and
    /// [`State::healed`] tells of it. A journal that is damaged, or that ends before a record that the vault
    /// knows, is an error.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        Self::open_within(directory, vault::OPEN_LIMIT)
    }

    /// [`State::open`] with another limit of time for opening the vault.
    pub fn open_within(directory: &Path, limit: Duration) -> Result<Self, StateError> {
        Self::open_with(directory, limit, Damage::Heal)
    }

    fn open_with(directory: &Path, limit: Duration, damage: Damage) -> Result<Self, StateError> {
        // This lock comes first: it keeps a second writer out of the journal, too.
        let lock = vault::lock(directory)?;
        format::ensure(directory)?;
        backup::finish_restore(directory)?;
        let mut journal = Journal::open(&directory.join(JOURNAL))?;
        let missing = journal.head() != Head::EMPTY && !Vault::exists(directory);
        let opened = if missing {
            Err(vault::missing(directory))
        } else {
            Vault::open_reading(&lock, directory, limit, Loaded::take)
        };
        let mut healed = None;
        let (mut vault, loaded) = match opened {
            Err(found @ StateError::Damaged { .. }) if damage == Damage::Heal => {
                let (vault, told) = heal(&lock, directory, &mut journal, found)?;
                healed = Some(told);
                (vault, Loaded::default())
            }
            other => other?,
        };
        if healed.is_none() && went_back(&journal, &vault)? {
            let reason = format!(
                "the vault was at record {} and the journal at record {}, further apart than a crash leaves them",
                vault.applied_seq(),
                journal.head().seq
            );
            doubt(&mut journal, &reason)?;
            healed = Some(format!("{reason}; it was brought up to the journal, and {UNTIL_READ}"));
        }
        let mut known = loaded.known();
        catch_up(&journal, &mut vault, |change| known.take(change))?;
        known.waits = Waits::read(directory);
        Ok(Self { directory: directory.to_owned(), journal, vault, known, healed, poisoned: false })
    }

    /// What was damaged and made good when this was opened, for the operator.
    pub fn healed(&self) -> Option<&str> {
        self.healed.as_deref()
    }

    /// Folder of the state.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is known.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The end of the journal.
    pub fn head(&self) -> Head {
        self.journal.head()
    }

    /// Whether a record is among those of the journal.
    pub fn has(&self, head: Head) -> Result<bool, StateError> {
        Ok(self.journal.has(head)?)
    }

    /// Records changes: journal first, then the vault, both synced before this returns.
    pub fn record(&mut self, at: Timestamp, changes: &[Change]) -> Result<(), StateError> {
        if changes.is_empty() {
            return Ok(());
        }
        // A record that only the journal took would be missing in the vault after the next one.
        self.vault.ensure_usable()?;
        if self.poisoned {
            return Err(StateError::Poisoned { directory: self.directory.clone() });
        }
        let mut entries = Vec::with_capacity(changes.len());
        let mut writes = Vec::with_capacity(changes.len());
        for change in changes {
            entries.push(entry(at, change)?);
            writes.push(write(change)?);
        }
        self.poisoned = true;
        self.journal.append_all(&entries)?;
        self.vault.commit(&writes, self.journal.head())?;
        self.poisoned = false;
        for change in changes {
            self.known.take(change.clone());
        }
        Ok(())
    }

    /// Makes the vault anew from the journal; the old one is set aside. Where that one could not witness that
    /// the journal is complete, a doubt is recorded.
    pub fn rebuild(directory: &Path) -> Result<Rebuilt, StateError> {
        let lock = vault::lock(directory)?;
        format::ensure(directory)?;
        backup::finish_restore(directory)?;
        let mut journal = Journal::open(&directory.join(JOURNAL))?;
        let reason = if Vault::exists(directory) {
            vault::free_copy_name(directory)?;
            // The journal's own errors here say that it lost its end or is another one.
            let witnessed = Vault::open_locked(&lock, directory, vault::OPEN_LIMIT)
                .and_then(|vault| journal.replay_after::<StateError>(vault.applied(), |_| Ok(())));
            match witnessed {
                Ok(_) => None,
                Err(
                    found @ (StateError::Damaged { .. }
                    | StateError::Journal(JournalError::Behind { .. } | JournalError::Diverged { .. })),
                ) => Some(found.to_string()),
                Err(other) => return Err(other),
            }
        } else {
            Some("it was missing".to_owned())
        };
        let told = reason.map(|reason| format!("the vault was made anew from the journal: {reason}"));
        if let Some(reason) = &told {
            doubt(&mut journal, reason)?;
        }
        let (mut vault, aside) = Vault::start_over_locked(&lock, directory)?;
        catch_up(&journal, &mut vault, drop)?;
        Ok(Rebuilt { records: journal.head().seq, aside, doubt: told })
    }

    /// Checks the vault against every checksum and against the journal. Changes nothing that is damaged.
    pub fn verify(directory: &Path) -> Result<Verdict, StateError> {
        Self::verify_since(directory, Head::EMPTY)
    }

    /// The same, and that the journal has gone on from where it was at an earlier time.
    pub fn verify_since(directory: &Path, witness: Head) -> Result<Verdict, StateError> {
        let state = Self::open_with(directory, vault::OPEN_LIMIT, Damage::Refuse)?;
        let checked = state.vault.verify()?;
        let from_journal = Known::read(directory)?;
        if from_journal != state.known {
            return Err(StateError::Damaged {
                directory: directory.to_owned(),
                reason: "the vault does not say what the journal says".to_owned(),
            });
        }
        if !state.has(witness)? {
            return Err(StateError::Damaged {
                directory: directory.to_owned(),
                reason: format!(
                    "the journal ends with record {} and has no record {} of the hash {}: it is an older copy, or \
                     records were taken from it",
                    state.journal.head().seq,
                    witness.seq,
                    witness.hash
                ),
            });
        }
        Ok(Verdict { head: state.journal.head(), values: checked.values })
    }
}

/// What follows from a doubt, for people.
const UNTIL_READ: &str = "no ticket is created until Jira was read from end to end twice";

/// Sets the vault aside and begins a new one. The doubt comes first: a crash in between must not forget it.
fn heal(
    lock: &Arc<WriterLock>,
    directory: &Path,
    journal: &mut Journal,
    found: StateError,
) -> Result<(Vault, String), StateError> {
    let reason = found.to_string();
    if let Err(StateError::CopiesFull { directory, name, limit, .. }) = vault::free_copy_name(directory) {
        let cause = Some(Box::new(found));
        return Err(StateError::CopiesFull { directory, name, limit, cause });
    }
    doubt(journal, &reason)?;
    let (vault, aside) = Vault::start_over_locked(lock, directory)?;
    let kept = aside.map(|path| format!(" (the old one is in `{}`)", path.display())).unwrap_or_default();
    Ok((vault, format!("{reason}; it was made anew from the journal{kept}, and {UNTIL_READ}")))
}

/// Records a doubt in the journal alone; the vault takes it from there.
pub(super) fn doubt(journal: &mut Journal, reason: &str) -> Result<(), StateError> {
    let doubt = Change::Doubt { doubt: Some(Doubt { reason: reason.to_owned(), read: None }) };
    journal.append_all(&[entry(Timestamp::now(), &doubt)?])?;
    Ok(())
}

/// Whether the vault lacks more than a crash can take: the records of one [`State::record`], which share
/// their time.
fn went_back(journal: &Journal, vault: &Vault) -> Result<bool, StateError> {
    if vault.applied() == journal.head() {
        return Ok(false);
    }
    let (mut first, mut more) = (None, false);
    journal.replay_after::<StateError>(vault.applied(), |record| {
        more |= *first.get_or_insert(record.at) != record.at;
        Ok(())
    })?;
    Ok(more)
}

/// Brings the vault up to the journal.
pub(super) fn catch_up(
    journal: &Journal,
    vault: &mut Vault,
    mut learn: impl FnMut(Change),
) -> Result<(), StateError> {
    if vault.applied() == journal.head() {
        return Ok(());
    }
    let mut behind: Vec<Write> = Vec::new();
    journal.replay_after::<StateError>(vault.applied(), |record| {
        let change = change(&record.body, record.seq)?;
        behind.push(write(&change)?);
        learn(change);
        if behind.len() == CHUNK {
            vault.commit(&behind, Head { seq: record.seq, hash: record.hash })?;
            behind.clear();
        }
        Ok(())
    })?;
    vault.commit(&behind, journal.head())
}

/// What is known, as it is read from the vault: sorted, and without the room that reading leaves over.
#[derive(Default)]
struct Loaded {
    groups: Ascending<GroupRecord>,
    tickets: Ascending<Ticket>,
    texts: Texts,
    rest: Known,
}

/// Texts that many groups have in common.
#[derive(Default)]
pub(super) struct Texts(FxHashSet<Arc<str>>);

impl Texts {
    /// Leaves a record no text that another one has.
    pub(super) fn share(&mut self, record: &mut GroupRecord) {
        for text in repeated(record) {
            if let Some(same) = self.0.get(text) {
                *text = Arc::clone(same);
            } else {
                self.0.insert(Arc::clone(text));
            }
        }
    }

    /// The same by what is known already; false where something is new.
    pub(super) fn share_known(&self, record: &mut GroupRecord) -> bool {
        let mut is_known = true;
        for text in repeated(record) {
            match self.0.get(text) {
                Some(same) => *text = Arc::clone(same),
                None => is_known = false,
            }
        }
        is_known
    }
}

/// Texts of a record that others have as well.
fn repeated(record: &mut GroupRecord) -> impl Iterator<Item = &mut Arc<str>> {
    let GroupRecord { group: Group { client, .. }, cause, who, spread, .. } = record;
    let names = spread.iter_mut().flat_map(|spread| {
        let Spread { states, entities, .. } = &mut **spread;
        states.iter_mut().chain(entities).map(|(name, _)| name)
    });
    [client, cause, who].into_iter().chain(names)
}

impl Loaded {
    fn take(&mut self, tree: &str, key: &str, bytes: &[u8]) -> Result<(), StateError> {
        let Some(tree) = Tree::named(tree) else { return Ok(()) };
        match tree {
            Tree::Groups => {
                let mut record: GroupRecord = vault::parse(tree, key, bytes)?;
                self.texts.share(&mut record);
                self.groups.push(record.group.id.clone(), record);
            }
            Tree::Tickets => {
                let ticket: Ticket = vault::parse(tree, key, bytes)?;
                self.tickets.push(ticket.group.clone(), ticket);
            }
            Tree::Runs => self.rest.take(Change::Run(vault::parse(tree, key, bytes)?)),
            Tree::Ledger => self.rest.take(Change::Occurrence(vault::parse(tree, key, bytes)?)),
            Tree::Strays => self.rest.take(Change::Stray { stray: vault::parse(tree, key, bytes)? }),
            Tree::Meta => match key {
                DOUBT => self.rest.doubt = vault::parse(tree, key, bytes)?,
                CLAIM => self.rest.claim = vault::parse(tree, key, bytes)?,
                RIVAL => self.rest.rival = vault::parse(tree, key, bytes)?,
                NOT_BEFORE => self.rest.not_before = vault::parse(tree, key, bytes)?,
                PAUSE => self.rest.pause = vault::parse(tree, key, bytes)?,
                TEXT_LIMIT => self.rest.text_limit = vault::parse(tree, key, bytes)?,
                HOME => self.rest.home = vault::parse(tree, key, bytes)?,
                _ if key.starts_with(FILING) => {
                    self.rest.take(Change::Filing { filing: vault::parse(tree, key, bytes)? });
                }
                _ if key.starts_with(PROJECT) => {
                    self.rest.projects.extend(vault::parse::<Option<String>>(tree, key, bytes)?);
                }
                _ => {}
            },
            Tree::Decisions => self.rest.take(Change::Ruling { ruling: vault::parse(tree, key, bytes)? }),
            Tree::Members => {}
        }
        Ok(())
    }

    fn known(self) -> Known {
        Known { groups: self.groups.map(), tickets: self.tickets.map(), ..self.rest }
    }
}

/// A map made of keys that come in order. The nodes of one that grows so stay half empty, and making it of a
/// list holds all twice; so what is new is joined to the rest, which fills the nodes, time and again.
struct Ascending<T> {
    full: BTreeMap<GroupId, T>,
    new: BTreeMap<GroupId, T>,
}

impl<T> Default for Ascending<T> {
    fn default() -> Self {
        Self { full: BTreeMap::new(), new: BTreeMap::new() }
    }
}

impl<T> Ascending<T> {
    fn push(&mut self, key: GroupId, value: T) {
        self.new.insert(key, value);
        if self.new.len() > 1000 + self.full.len() / 8 {
            self.full.append(&mut self.new);
        }
    }

    /// Not joined once more: this is another thread than that of [`Ascending::push`], whose memory it would
    /// not use again.
    fn map(mut self) -> BTreeMap<GroupId, T> {
        self.full.extend(self.new);
        self.full
    }
}

/// A change as the journal takes it.
fn entry(at: Timestamp, change: &Change) -> Result<Entry<'static>, StateError> {
    let kind = kind(change);
    let body = serde_json::to_value(change).map_err(|source| StateError::Form {
        tree: "journal",
        key: kind.to_owned(),
        source,
    })?;
    Ok(Entry { at, kind, body })
}

fn change(body: &serde_json::Value, seq: u64) -> Result<Change, StateError> {
    Change::deserialize(body).map_err(|source| StateError::Form {
        tree: "journal",
        key: format!("record {seq}"),
        source,
    })
}

fn kind(change: &Change) -> &'static str {
    match change {
        Change::Group(_) => "group",
        Change::Ticket(_) => "ticket",
        Change::Run(_) => RUN,
        Change::Occurrence(_) => "occurrence",
        Change::Doubt { .. } => "doubt",
        Change::Claim { .. } => "claim",
        Change::Rival { .. } => "rival",
        Change::TextLimit { .. } => "text_limit",
        Change::Ruling { .. } => "ruling",
        Change::Stray { .. } => "stray",
        Change::Pause { .. } => "pause",
        Change::NotBefore { .. } => "not_before",
        Change::Home { .. } => "home",
        Change::Filing { .. } => "filing",
        Change::Project { .. } => "project",
    }
}

fn write(change: &Change) -> Result<Write, StateError> {
    match change {
        Change::Group(record) => Write::put(Tree::Groups, record.group.id.as_str(), record),
        Change::Ticket(ticket) => Write::put(Tree::Tickets, ticket.group.as_str(), ticket),
        Change::Run(run) => Write::put(Tree::Runs, run.id.as_str(), run),
        Change::Occurrence(ran) => Write::put(Tree::Ledger, ran.schedule.as_str(), ran),
        Change::Doubt { doubt } => Write::put(Tree::Meta, DOUBT, doubt),
        Change::Claim { claim } => Write::put(Tree::Meta, CLAIM, claim),
        Change::Rival { rival } => Write::put(Tree::Meta, RIVAL, rival),
        Change::Pause { pause } => Write::put(Tree::Meta, PAUSE, pause),
        Change::NotBefore { parts } => Write::put(Tree::Meta, NOT_BEFORE, parts),
        Change::Home { home } => Write::put(Tree::Meta, HOME, &Some(home)),
        Change::Ruling { ruling } => Write::put(Tree::Decisions, &ruling.id, ruling),
        Change::TextLimit { limit } => Write::put(Tree::Meta, TEXT_LIMIT, &Some(limit)),
        Change::Filing { filing } => Write::put(Tree::Meta, format!("{FILING}{}", filing.name), filing),
        Change::Project { project } => Write::put(Tree::Meta, format!("{PROJECT}{project}"), &Some(project)),
        Change::Stray { stray } => Write::put(Tree::Strays, stray.issue.id.as_str(), stray),
    }
}
