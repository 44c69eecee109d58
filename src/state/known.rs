//! What disputebot knows: the fold over all changes ever recorded.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entry, Head, Journal, StateError, Tree, Vault, Write, journal};
use crate::{
    group::{Group, GroupId},
    plan::{Issue, Moment, Stray, Ticket},
    ticket::facts::Figures,
};

/// Folder of the journal within the state.
const JOURNAL: &str = "journal";
/// Key of the doubt among the facts about this installation.
const DOUBT: &str = "doubt";
/// Key of the claim, likewise.
const CLAIM: &str = "claim";
/// Key of the rival, likewise.
const RIVAL: &str = "rival";

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
}

/// The claim of this state on the project that it opens tickets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Random name of this state.
    pub instance: String,
    /// Counts take-overs.
    pub epoch: u64,
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
/// damaged, another disputebot worked on the project. Nothing is created until Jira was read from end to end,
/// twice, so far apart that no create of before can come in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// What happened, for people.
    pub reason: String,
    /// When the first complete reading of Jira began; none where there was none yet.
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
    pub cause: String,
    /// Who must fix it.
    pub who: String,
    /// Its figures in the last run that saw it.
    pub figures: Figures,
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
    /// What was held, by kind.
    pub held: BTreeMap<String, usize>,
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
    /// Rows that a later file replaces.
    pub superseded: u64,
    /// Rows that could not be read.
    pub rejected: u64,
}

impl Rows {
    /// Whether every row is accounted for.
    pub fn add_up(&self) -> bool {
        let Self { read, grouped, ungrouped, not_open, repeated, superseded, rejected } = *self;
        read == grouped + ungrouped + not_open + repeated + superseded + rejected
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
    /// Issues with the mark of a group that has another ticket, by id.
    pub strays: BTreeMap<String, Stray>,
}

impl Known {
    /// Reads what is known from the journal alone, without taking the state: works while a daemon runs. An
    /// absent journal is an empty state.
    pub fn read(directory: &Path) -> Result<Self, StateError> {
        Self::read_before(directory, Timestamp::MAX)
    }

    /// As [`Known::read`], but only what was recorded before an instant: what was known then.
    pub fn read_before(directory: &Path, end: Timestamp) -> Result<Self, StateError> {
        let mut known = Self::default();
        if directory.join(JOURNAL).exists() {
            journal::read::<StateError>(&directory.join(JOURNAL), 1, |record| {
                if record.at < end {
                    known.take(change(&record.body, record.seq)?);
                }
                Ok(())
            })?;
        }
        Ok(known)
    }

    /// The ticket of a group; a fresh one where none is known.
    pub fn ticket(&self, group: &GroupId) -> Ticket {
        self.tickets.get(group).cloned().unwrap_or_else(|| Ticket::none(group.clone()))
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
            Change::Stray { stray } => {
                self.strays.insert(stray.issue.id.clone(), stray);
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
}

impl State {
    /// Opens the state of a directory, made where absent. The vault is brought up to the journal where a
    /// crash kept it behind.
    pub fn open(directory: &Path) -> Result<Self, StateError> {
        // The vault's lock comes first: it keeps a second writer out of the journal, too.
        let mut vault = Vault::open(directory)?;
        let journal = Journal::open(&directory.join(JOURNAL))?;
        catch_up(&journal, &mut vault)?;
        let known = load(&vault)?;
        Ok(Self { directory: directory.to_owned(), journal, vault, known })
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
        let mut entries = Vec::with_capacity(changes.len());
        let mut writes = Vec::with_capacity(changes.len());
        for change in changes {
            let body = serde_json::to_value(change).map_err(|source| StateError::Form {
                tree: "journal",
                key: kind(change).to_owned(),
                source,
            })?;
            entries.push(Entry { at, kind: kind(change), body });
            writes.push(write(change)?);
        }
        self.journal.append_all(&entries)?;
        self.vault.commit(&writes, self.journal.head())?;
        for change in changes {
            self.known.take(change.clone());
        }
        Ok(())
    }

    /// Makes the vault anew from the journal; the old one is set aside. Gives the number of records and
    /// where the old vault went.
    pub fn rebuild(directory: &Path) -> Result<(u64, Option<PathBuf>), StateError> {
        let (mut vault, aside) = Vault::start_over(directory)?;
        let journal = Journal::open(&directory.join(JOURNAL))?;
        catch_up(&journal, &mut vault)?;
        Ok((journal.head().seq, aside))
    }

    /// Checks the vault against every checksum and against the journal. Gives the number of values.
    pub fn verify(directory: &Path) -> Result<(u64, u64), StateError> {
        let state = Self::open(directory)?;
        let checked = state.vault.verify()?;
        let from_journal = Known::read(directory)?;
        if from_journal != state.known {
            return Err(StateError::Damaged {
                directory: directory.to_owned(),
                reason: "the vault does not say what the journal says".to_owned(),
            });
        }
        Ok((state.journal.head().seq, checked.values))
    }
}

fn catch_up(journal: &Journal, vault: &mut Vault) -> Result<(), StateError> {
    let mut behind: Vec<(Write, Head)> = Vec::new();
    journal.replay_after::<StateError>(vault.applied(), |record| {
        let head = Head { seq: record.seq, hash: record.hash };
        behind.push((write(&change(&record.body, record.seq)?)?, head));
        Ok(())
    })?;
    for chunk in behind.chunks(1000) {
        if let Some((_, head)) = chunk.last() {
            let writes: Vec<Write> = chunk.iter().map(|(write, _)| write.clone()).collect();
            vault.commit(&writes, *head)?;
        }
    }
    Ok(())
}

fn load(vault: &Vault) -> Result<Known, StateError> {
    let mut known = Known::default();
    for (_, record) in vault.scan::<GroupRecord>(Tree::Groups)? {
        known.take(Change::Group(record));
    }
    for (_, ticket) in vault.scan::<Ticket>(Tree::Tickets)? {
        known.take(Change::Ticket(ticket));
    }
    for (_, run) in vault.scan::<RunRecord>(Tree::Runs)? {
        known.take(Change::Run(Box::new(run)));
    }
    for (_, ran) in vault.scan::<Ran>(Tree::Ledger)? {
        known.take(Change::Occurrence(ran));
    }
    known.doubt = vault.get(Tree::Meta, DOUBT)?.flatten();
    known.claim = vault.get(Tree::Meta, CLAIM)?.flatten();
    known.rival = vault.get(Tree::Meta, RIVAL)?.flatten();
    for (_, stray) in vault.scan::<Stray>(Tree::Strays)? {
        known.take(Change::Stray { stray });
    }
    Ok(known)
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
        Change::Run(_) => "run",
        Change::Occurrence(_) => "occurrence",
        Change::Doubt { .. } => "doubt",
        Change::Claim { .. } => "claim",
        Change::Rival { .. } => "rival",
        Change::Stray { .. } => "stray",
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
        Change::Stray { stray } => Write::put(Tree::Strays, stray.issue.id.as_str(), stray),
    }
}
