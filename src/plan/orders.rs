//! What people ordered on a ticket, and what they decided about disputes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Command;
use crate::{
    cluster::{Attribute, Bond, Link, LinkError, Links, Table},
    dispute::Text,
    group::{Group, GroupId, Status},
};

/// A comment that somebody else wrote, as Jira shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its number: later comments have higher ones.
    pub id: u64,
    /// Ids and names by which its author may be permitted.
    pub author: Vec<String>,
    /// When it was written, as Jira tells it.
    pub created: Box<str>,
    /// Its words.
    pub text: String,
}

/// What people ordered on a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Orders {
    /// The last comment that was read.
    pub heard: u64,
    /// Orders that are carried out and not yet answered, by the number of the comment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<String, Asked>,
    /// Whether to be quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// Fields that are left to people.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub released: BTreeSet<String>,
    /// Fields that people handed back: the description is written again whatever it holds, once; those that rules of
    /// routing set follow the rules again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub taken: BTreeSet<String>,
}

/// An order, or why it is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// It is carried out.
    Done(Command),
    /// It could not be.
    Failed {
        /// What was ordered, as it was written; empty where it cannot be repeated.
        order: String,
        /// Why.
        why: String,
    },
}

/// How long to be quiet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// To a moment.
    Until(Timestamp),
    /// Until further notice.
    Muted,
}

impl Quiet {
    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        match self {
            Self::Until(end) => now < *end,
            Self::Muted => true,
        }
    }
}

/// Begins the id of a ruling that an order in a comment is; the comment's id follows.
pub const BY_COMMENT: &str = "comment-";

/// What a person decided about disputes: remembered by the disputes, not by the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// What it is about, once for ever: the comment or the closing that it came from.
    pub id: String,
    /// When it was seen.
    pub at: Timestamp,
    /// The group that the ticket was of.
    pub group: GroupId,
    /// Key of the ticket at that time.
    pub key: String,
    /// The disputes that it is about, sorted.
    pub members: Vec<Text>,
    /// What was decided.
    pub kind: RulingKind,
    /// Whether a person took it back.
    #[serde(default)]
    pub lifted: bool,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ruling")]
pub enum RulingKind {
    /// The ticket was closed with disputes open: quiet about them.
    Closed,
    /// They have nothing to do with each other: quiet about them.
    NotAGroup,
    /// They belong to the cause of another group, whose disputes are among the members.
    Together {
        /// The other group.
        with: GroupId,
    },
    /// Those that differ in an attribute do not belong together.
    Apart {
        /// Name of the attribute.
        attribute: String,
    },
}

impl Ruling {
    /// Which of two came later: of those that one run heard, the later comment.
    fn order(&self) -> (Timestamp, u64, &str) {
        let comment = self.id.strip_prefix(BY_COMMENT).and_then(|id| id.parse().ok());
        (self.at, comment.unwrap_or(0), &self.id)
    }

    /// Whether it asks for quiet.
    pub fn is_quiet(&self) -> bool {
        !self.lifted && matches!(self.kind, RulingKind::Closed | RulingKind::NotAGroup)
    }
}

/// Rulings that ask for quiet, by dispute.
#[derive(Debug, Default)]
pub struct QuietDisputes<'a>(HashMap<&'a Text, &'a Ruling>);

impl<'a> QuietDisputes<'a> {
    /// Of some rulings.
    pub fn new(rulings: impl IntoIterator<Item = &'a Ruling>) -> Self {
        let quiet = rulings.into_iter().filter(|ruling| ruling.is_quiet());
        Self(quiet.flat_map(|ruling| ruling.members.iter().map(move |member| (member, ruling))).collect())
    }

    /// Whether one of them is about a dispute.
    pub fn is_over(&self, member: &Text) -> bool {
        self.0.contains_key(member)
    }

    /// What they say of some disputes; none where they are about none of them.
    pub fn over(&self, members: &[Text]) -> Option<Over<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let mut counts: BTreeMap<&str, (&'a Ruling, usize)> = BTreeMap::new();
        let mut covered = 0;
        for ruling in members.iter().filter_map(|member| self.0.get(member)) {
            covered += 1;
            counts.entry(&ruling.id).or_insert((ruling, 0)).1 += 1;
        }
        let (ruling, _) = counts.into_values().max_by_key(|(_, count)| *count)?;
        Some(Over { ruling, covered, fresh: members.len() - covered })
    }
}

/// What people decided about some disputes.
#[derive(Debug, Clone, Copy)]
pub struct Over<'a> {
    /// The ruling about most of them.
    pub ruling: &'a Ruling,
    /// How many of them people decided about.
    pub covered: usize,
    /// How many they did not.
    pub fresh: usize,
}

/// Rulings that hold, the last one first: neither taken back nor overruled ([`links`]).
pub fn in_force<'a>(rulings: impl IntoIterator<Item = &'a Ruling>, overruled: &[&Ruling]) -> Vec<&'a Ruling> {
    let holds = |ruling: &&Ruling| !ruling.lifted && overruled.iter().all(|other| other.id != ruling.id);
    let mut rulings: Vec<&Ruling> = rulings.into_iter().filter(holds).collect();
    rulings.sort_by_key(|ruling| std::cmp::Reverse(ruling.order()));
    rulings
}

/// Members of a group that people want kept apart from the rest of it: all but those of the value that most of those have
/// that were `found` in it, else most of all. What is not in the input says nothing.
pub(crate) fn strangers<'g>(
    group: &'g Group,
    in_force: &[&Ruling],
    table: &Table,
    row_of: &HashMap<&Text, usize>,
    found: &HashSet<&Text>,
) -> HashSet<&'g Text> {
    let mut strangers = HashSet::new();
    for ruling in in_force {
        let RulingKind::Apart { attribute } = &ruling.kind else { continue };
        let Some(attribute) = Attribute::from_name(attribute) else { continue };
        let mut parts: BTreeMap<Option<&Text>, Vec<&'g Text>> = BTreeMap::new();
        for member in group.members.iter().filter(|member| ruling.members.binary_search(member).is_ok()) {
            if let Some(row) = row_of.get(member) {
                parts.entry(table.value(*row, attribute)).or_default().push(member);
            }
        }
        let mut parts: Vec<Vec<&Text>> = parts.into_values().collect();
        let weight = |part: &Vec<&Text>| (part.iter().filter(|it| found.contains(**it)).count(), part.len());
        parts.sort_by_key(|part| std::cmp::Reverse(weight(part)));
        strangers.extend(parts.into_iter().skip(1).flatten());
    }
    strangers
}

/// Most decisions that a ticket tells of.
const DECISIONS: usize = 5;

/// What the ticket of each group says of the decisions of people that hold for its disputes, the last one first.
pub fn decisions(in_force: &[&Ruling], groups: &[Group]) -> BTreeMap<GroupId, Vec<String>> {
    let ruled: HashSet<&Text> = in_force.iter().flat_map(|ruling| &ruling.members).collect();
    let mut homes: HashMap<&Text, &Group> = HashMap::new();
    for group in groups.iter().filter(|group| !ruled.is_empty() && group.status == Status::Active) {
        homes.extend(group.members.iter().filter(|member| ruled.contains(member)).map(|it| (it, group)));
    }
    let mut told: BTreeMap<GroupId, Vec<String>> = BTreeMap::new();
    for ruling in in_force {
        let mut counts: BTreeMap<&GroupId, (&Group, usize)> = BTreeMap::new();
        for group in ruling.members.iter().filter_map(|member| homes.get(member)) {
            counts.entry(&group.id).or_insert((group, 0)).1 += 1;
        }
        for (group, count) in counts.into_values() {
            let said = told.entry(group.id.clone()).or_default();
            if let Some(words) = ruling.words(group, count).filter(|_| said.len() < DECISIONS) {
                said.push(words);
            }
        }
    }
    told
}

/// What rulings say to the grouping, and those that say nothing: of two that contradict each other the later one holds.
pub fn links<'a>(rulings: impl IntoIterator<Item = &'a Ruling>, table: &Table) -> (Links, Vec<&'a Ruling>) {
    let mut rulings: Vec<&Ruling> = rulings.into_iter().filter(|ruling| !ruling.lifted).collect();
    rulings.sort_by_key(|ruling| std::cmp::Reverse(ruling.order()));
    let row_of: HashMap<&Text, usize> = if rulings.iter().any(|ruling| ruling.is_about_attributes()) {
        (0..table.len()).map(|row| (table.id(row), row)).collect()
    } else {
        HashMap::new()
    };
    let (mut kept, mut links): (Vec<Link>, Links) = (Vec::new(), Links::default());
    let mut overruled = Vec::new();
    for ruling in rulings {
        let more = ruling.bonds(table, &row_of);
        if more.is_empty() {
            continue;
        }
        let all: Vec<Link> = kept.iter().cloned().chain(more).collect();
        match Links::new(&all) {
            Ok(good) => (kept, links) = (all, good),
            Err(LinkError::Contradiction { .. }) => overruled.push(ruling),
        }
    }
    (links, overruled)
}

impl Ruling {
    /// What the ticket of a group says of it that has some of its disputes.
    fn words(&self, group: &Group, count: usize) -> Option<String> {
        let key = &self.key;
        let are = if count == 1 { "is" } else { "are" };
        let rest = group.members.len() - count;
        let others = match rest {
            0 => String::new(),
            1 => "; the other one is not among them".to_owned(),
            _ => format!("; the other {rest} are not among them"),
        };
        match &self.kind {
            RulingKind::Together { .. } if count > 1 => Some(format!(
                "A person merged {key} with another ticket, so the disputes of both are kept together."
            )),
            RulingKind::Together { .. } => None,
            RulingKind::Apart { attribute } => {
                let label = Attribute::from_name(attribute).map_or("it", |attribute| attribute.label().0);
                Some(format!(
                    "A person split {key}, so those of its disputes at that time that differ in {label} are kept apart."
                ))
            }
            // Told on the ticket when it was closed; what is open again follows no such decision.
            RulingKind::Closed if self.group == group.id => None,
            RulingKind::Closed => {
                Some(format!("A person closed {key}, where {count} of these disputes {are} told of{others}."))
            }
            RulingKind::NotAGroup => {
                Some(format!("A person said on {key} that {count} of these disputes {are} no group{others}."))
            }
        }
    }

    fn is_about_attributes(&self) -> bool {
        matches!(self.kind, RulingKind::Apart { .. })
    }

    fn bonds(&self, table: &Table, row_of: &HashMap<&Text, usize>) -> Vec<Link> {
        let bond =
            |bond: Bond, one: &Text, other: &Text| Link { one: one.clone(), other: other.clone(), bond };
        match &self.kind {
            RulingKind::Closed | RulingKind::NotAGroup => Vec::new(),
            RulingKind::Together { .. } => {
                self.members.windows(2).map(|pair| bond(Bond::Must, &pair[0], &pair[1])).collect()
            }
            RulingKind::Apart { attribute } => {
                let Some(attribute) = Attribute::from_name(attribute) else { return Vec::new() };
                let mut by_value: BTreeMap<Option<&Text>, Vec<&Text>> = BTreeMap::new();
                for member in &self.members {
                    let Some(row) = row_of.get(member) else { continue };
                    by_value.entry(table.value(*row, attribute)).or_default().push(member);
                }
                let parts: Vec<Vec<&Text>> = by_value.into_values().collect();
                let within = parts
                    .iter()
                    .flat_map(|part| part.windows(2).map(|pair| bond(Bond::Must, pair[0], pair[1])));
                let across = parts.iter().enumerate().flat_map(|(place, part)| {
                    parts[place + 1..].iter().map(|other| bond(Bond::Cannot, part[0], other[0]))
                });
                within.chain(across).collect()
            }
        }
    }
}
