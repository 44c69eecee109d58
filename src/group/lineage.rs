//! From known groups and found clusters to the groups of this run.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Group, GroupId, Pattern, Pending, Status};
use crate::dispute::{Program, Text};

/// How identity is carried over.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Weight of a shared pattern, in disputes: an emptied and refilled group keeps its id.
    pub pattern_weight: usize,
    /// Part of the smaller side that must be common for a cluster to inherit an id.
    pub inherit: f64,
    /// Part of a group's open members that may stay behind where its id goes elsewhere because people work on its ticket.
    pub split: f64,
    /// On how many different inputs a split or merge must be seen, at least 1.
    pub confirm_runs: u32,
    /// How long a resolved group is taken up again when its pattern comes back.
    pub return_within: SignedDuration,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            pattern_weight: 4,
            inherit: 0.5,
            split: 0.3,
            confirm_runs: 2,
            return_within: SignedDuration::from_hours(24 * 30),
        }
    }
}

/// A cluster of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The program.
    pub program: Program,
    /// The client.
    pub client: Text,
    /// Its patterns, most disputes first.
    pub patterns: Vec<Pattern>,
    /// Ids of its disputes, sorted.
    pub members: Vec<Text>,
}

/// What hangs on the id of a group, the least first. Where several groups become one, that survives on which most hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stake {
    /// A ticket that a person closed for good: its decision holds for its disputes, wherever they are, and others are not to
    /// end there.
    Decided,
    /// No ticket: nobody knows it.
    Nothing,
    /// A ticket on which people ordered quiet: what others have is not to end where nothing is told of it.
    Quiet,
    /// A ticket that may be there: its create had no answer.
    Unclear,
    /// A ticket.
    Ticket,
    /// A ticket on which people work.
    Work,
}

/// What this run knows.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// All groups of the state; where two could inherit alike, the earlier one does.
    pub known: &'a [Group],
    /// The clusters of this run.
    pub found: &'a [Found],
    /// Ids of all open disputes of this run.
    pub open: &'a HashSet<Text>,
    /// Whether the input was complete: where it was not, an absent dispute counts as still open.
    pub complete: bool,
    /// Whether the input differs from that of the last run: only then it is new evidence.
    pub new_input: bool,
    /// What hangs on the ids of groups; [`Stake::Nothing`] where one is absent.
    pub stakes: &'a BTreeMap<GroupId, Stake>,
    /// The time of the run.
    pub now: Timestamp,
}

/// What became of a known group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It lives on under its id.
    Kept {
        /// Disputes that joined.
        joined: usize,
        /// Disputes that left, resolved ones included.
        left: usize,
    },
    /// Its pattern came back after all its disputes had been resolved.
    Returned,
    /// Its disputes belong to another group now.
    MergedInto(GroupId),
    /// All its disputes are resolved or withdrawn.
    Resolved,
}

/// What happened to groups in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A new group.
    Born {
        /// The new group.
        group: GroupId,
        /// The group whose members it took, when it is a split.
        split_from: Option<GroupId>,
    },
    /// What became of a group that was known.
    Known {
        /// The group.
        group: GroupId,
        /// Its fate.
        fate: Fate,
    },
    /// A split or merge was seen, but not yet often enough.
    Unconfirmed {
        /// The group that would split or end.
        group: GroupId,
        /// What is pending.
        pending: Pending,
    },
}

/// The groups of this run, and how they came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// All groups, ended ones included, by id.
    pub groups: Vec<Group>,
    /// Events in the order of the groups' ids, births last.
    pub events: Vec<Event>,
}

/// Most passes over one input.
const PASSES: usize = 8;

/// Carries identity over from the known groups to the clusters of this run. `mint` gives fresh ids.
///
/// What one pass moves can make a cluster fit another group better than before. It is passed again, as the same input,
/// until nothing moves: else the next run over the same input would tell of changes that nothing caused.
pub fn inherit(input: &Input<'_>, params: &Params, mint: &mut dyn FnMut() -> GroupId) -> Lineage {
    let mut minted = Vec::new();
    let mut mint = || {
        let id = mint();
        minted.push(id.clone());
        id
    };
    let mut groups = pass(input, params, &mut mint);
    // Where the first one moved nothing, nor counted anything as seen, another one finds the same.
    let passes = if groups == input.known { 1 } else { PASSES };
    for _ in 1..passes {
        let next = pass(&Input { known: &groups, new_input: false, ..*input }, params, &mut mint);
        if next == groups {
            break;
        }
        groups = next;
    }
    let mut groups = without_interludes(groups, &minted, input.known);
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    let events = events(&groups, &minted, input.known);
    Lineage { groups, events }
}

/// All groups after one pass: those that were known in their order, then those that it minted in that of their clusters.
fn pass(input: &Input<'_>, params: &Params, mint: &mut dyn FnMut() -> GroupId) -> Vec<Group> {
    let standing = standing(input);
    let common = overlaps(input, &standing);
    let heirs = assign(input, params, &standing, &common);
    let (merges, splits) = structure(input, params, &standing, &common, &heirs);
    build(input, params, &standing, &heirs, &merges, &splits, mint)
}

/// Groups that one pass minted and a later one ended were never seen by anybody; what was merged leads to the end at once.
fn without_interludes(mut groups: Vec<Group>, minted: &[GroupId], known: &[Group]) -> Vec<Group> {
    let minted: FxHashSet<&GroupId> = minted.iter().collect();
    let mut leads: FxHashMap<GroupId, GroupId> = FxHashMap::default();
    let mut gone: FxHashSet<GroupId> = FxHashSet::default();
    for group in &groups {
        if let Status::Merged { into, .. } = &group.status {
            leads.insert(group.id.clone(), into.clone());
        }
        if group.status != Status::Active && minted.contains(&group.id) {
            gone.insert(group.id.clone());
        }
    }
    let was_over: FxHashSet<&GroupId> =
        known.iter().filter(|group| group.status != Status::Active).map(|group| &group.id).collect();
    groups.retain(|group| !gone.contains(&group.id));
    for group in &mut groups {
        if let Status::Merged { into, .. } = &mut group.status
            && !was_over.contains(&group.id)
        {
            // A merge leads to a group that lived then, so it ends.
            while let Some(next) = leads.get(into) {
                *into = next.clone();
            }
        }
        group
            .pending
            .retain(|pending| !matches!(pending, Pending::Merge { into, .. } if gone.contains(into)));
    }
    groups
}

/// What happened to groups, as they show it.
fn events(groups: &[Group], minted: &[GroupId], known: &[Group]) -> Vec<Event> {
    let before: FxHashMap<&GroupId, &Group> = known.iter().map(|group| (&group.id, group)).collect();
    let mut events = Vec::new();
    for group in groups {
        let Some(known) = before.get(&group.id) else { continue };
        let fate = match (&known.status, &group.status) {
            (Status::Resolved { .. }, Status::Active) => Fate::Returned,
            (Status::Merged { .. } | Status::Resolved { .. }, _) => continue,
            (Status::Active, Status::Merged { into, .. }) => Fate::MergedInto(into.clone()),
            (Status::Active, Status::Resolved { .. }) => Fate::Resolved,
            (Status::Active, Status::Active) => {
                let is_new = |member: &&Text| known.members.binary_search(member).is_err();
                let joined = group.members.iter().filter(is_new).count();
                Fate::Kept { joined, left: known.members.len() + joined - group.members.len() }
            }
        };
        events.push(Event::Known { group: group.id.clone(), fate });
        let of = |pending: &Pending| Event::Unconfirmed { group: group.id.clone(), pending: pending.clone() };
        events.extend(group.pending.iter().map(of));
    }
    let born: FxHashMap<&GroupId, &Group> = groups.iter().map(|group| (&group.id, group)).collect();
    events.extend(minted.iter().filter_map(|id| {
        let split_from = born.get(id)?.split_from.clone();
        Some(Event::Born { group: id.clone(), split_from })
    }));
    events
}

/// Open members of each known active group; with incomplete input the absent ones too.
fn standing(input: &Input<'_>) -> Vec<Vec<Text>> {
    input
        .known
        .iter()
        .map(|group| match group.status {
            Status::Active => group
                .members
                .iter()
                .filter(|member| !input.complete || input.open.contains(*member))
                .cloned()
                .collect(),
            Status::Resolved { .. } | Status::Merged { .. } => Vec::new(),
        })
        .collect()
}

fn may_return(group: &Group, input: &Input<'_>, params: &Params) -> bool {
    matches!(group.status, Status::Resolved { at } if input.now.duration_since(at) <= params.return_within)
}

fn stake_of(input: &Input<'_>, group: usize) -> Stake {
    input.stakes.get(&input.known[group].id).copied().unwrap_or(Stake::Nothing)
}

/// How many members known groups and clusters have in common, by both.
type Common = BTreeMap<(usize, usize), usize>;

fn overlaps(input: &Input<'_>, standing: &[Vec<Text>]) -> Common {
    let mut cluster_of: FxHashMap<&Text, usize> = FxHashMap::default();
    for (index, found) in input.found.iter().enumerate() {
        for member in &found.members {
            cluster_of.insert(member, index);
        }
    }
    let mut common = Common::new();
    for (old, members) in standing.iter().enumerate() {
        for member in members {
            if let Some(new) = cluster_of.get(member) {
                *common.entry((old, *new)).or_default() += 1;
            }
        }
    }
    common
}

/// Which known group each cluster continues.
fn assign(input: &Input<'_>, params: &Params, standing: &[Vec<Text>], common: &Common) -> Vec<Option<usize>> {
    let mut by_pattern: FxHashMap<(&Program, &Text, &Pattern), Vec<usize>> = FxHashMap::default();
    for (old, group) in input.known.iter().enumerate() {
        if group.status == Status::Active || may_return(group, input, params) {
            for pattern in &group.patterns {
                by_pattern.entry((&group.program, &group.client, pattern)).or_default().push(old);
            }
        }
    }
    let mut votes = common.clone();
    for (new, found) in input.found.iter().enumerate() {
        let alike = found
            .patterns
            .iter()
            .filter_map(|pattern| by_pattern.get(&(&found.program, &found.client, pattern)));
        // Once, however many they share: what a group is called must not outvote its disputes.
        for old in alike.flatten().collect::<BTreeSet<_>>() {
            *votes.entry((*old, new)).or_default() += params.pattern_weight;
        }
    }
    let mut ranked: Vec<((usize, usize), usize)> = votes
        .into_iter()
        .filter(|((old, new), _)| {
            let (group, found) = (&input.known[*old], &input.found[*new]);
            (group.program, &group.client) == (found.program, &found.client)
        })
        .collect();
    // Where a group goes with so much of it that the rest is none of its own, its id goes as well, however small it is
    // beside the others that go there.
    let stake = |old: &usize, new: &usize| {
        let moved = common.get(&(*old, *new)).copied().unwrap_or(0);
        let goes = moved as f64 > (1.0 - params.split) * standing[*old].len() as f64;
        if goes { stake_of(input, *old) } else { Stake::Nothing }
    };
    ranked.sort_by(|((a_old, a_new), a), ((b_old, b_new), b)| {
        let age = |old: &usize| (&input.known[*old].since, *old);
        stake(b_old, b_new)
            .cmp(&stake(a_old, a_new))
            .then_with(|| b.cmp(a))
            .then_with(|| age(a_old).cmp(&age(b_old)))
            .then_with(|| input.found[*a_new].members.cmp(&input.found[*b_new].members))
    });
    let mut heirs = vec![None; input.found.len()];
    let mut taken = FxHashSet::default();
    for ((old, new), weight) in ranked {
        let smaller = standing[old].len().min(input.found[new].members.len());
        if heirs[new].is_none() && !taken.contains(&old) && weight as f64 >= params.inherit * smaller as f64 {
            heirs[new] = Some(old);
            taken.insert(old);
        }
    }
    heirs
}

/// Merges (old group → index of the old group that survives) and splits (cluster → old parent).
type Structure = (BTreeMap<usize, usize>, BTreeMap<usize, usize>);

fn structure(
    input: &Input<'_>,
    params: &Params,
    standing: &[Vec<Text>],
    common: &Common,
    heirs: &[Option<usize>],
) -> Structure {
    let kept: BTreeSet<usize> = heirs.iter().flatten().copied().collect();
    let (mut merges, mut splits) = (BTreeMap::new(), BTreeMap::new());
    let mut claims: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for ((old, new), count) in common {
        match heirs[*new] {
            Some(heir) if heir != *old && !kept.contains(old) => {
                claims.entry(*old).or_default().push((*count, heir));
            }
            None => {
                // However small a part it is: people know its disputes where they are.
                let members = &input.found[*new].members;
                if *count * 2 >= members.len() {
                    // Of two that hold half of it each, the one of which it was seen before.
                    let seen = |old: usize| pending_split(&input.known[old], members).unwrap_or(0);
                    let parent = splits.entry(*new).or_insert(*old);
                    if seen(*old) > seen(*parent) {
                        *parent = *old;
                    }
                }
            }
            _ => {}
        }
    }
    for (old, claims) in claims {
        let size = standing[old].len();
        let claimed: usize = claims.iter().map(|(count, _)| count).sum();
        let most = claims.into_iter().max_by_key(|(count, heir)| (*count, usize::MAX - heir));
        // Also where its disputes all went to other groups, a few to each.
        if let Some((count, heir)) = most
            && (count as f64 >= params.inherit * size as f64 || claimed == size)
        {
            merges.insert(old, heir);
        }
    }
    (merges, splits)
}

fn build(
    input: &Input<'_>,
    params: &Params,
    standing: &[Vec<Text>],
    heirs: &[Option<usize>],
    merges: &BTreeMap<usize, usize>,
    splits: &BTreeMap<usize, usize>,
    mint: &mut dyn FnMut() -> GroupId,
) -> Vec<Group> {
    let mut groups: Vec<Group> = input.known.to_vec();
    let mut pending: Vec<Vec<Pending>> = vec![Vec::new(); groups.len()];
    // Where each dispute ends up: later entries override earlier ones.
    let mut home: FxHashMap<Text, usize> = FxHashMap::default();
    for (old, members) in standing.iter().enumerate() {
        for member in members {
            home.insert(member.clone(), old);
        }
    }
    let mut merged: BTreeMap<usize, usize> = BTreeMap::new();
    for (old, into) in merges {
        let into_id = &groups[*into].id;
        let before = input.known[*old].pending.iter().find_map(|pending| match pending {
            Pending::Merge { into, seen } if into == into_id => Some(*seen),
            _ => None,
        });
        let seen = before.unwrap_or(0) + u32::from(input.new_input || before.is_none());
        // Two that are known with the same disputes, such as one that was found again by its ticket beside one that was
        // minted in its stead: no input can tell them apart, so there is nothing to wait for.
        let is_same = is_part_of(&standing[*old], &standing[*into]);
        // Nor does anybody know one that has no ticket: a ticket would be opened for what another one is about.
        let is_unknown = input.complete
            && stake_of(input, *old) == Stake::Nothing
            && stake_of(input, *into) > Stake::Nothing;
        if is_same || is_unknown || seen >= params.confirm_runs && input.complete {
            merged.insert(*old, *into);
        } else {
            pending[*old].push(Pending::Merge { into: into_id.clone(), seen });
        }
    }
    for (new, found) in input.found.iter().enumerate() {
        let target = match (heirs[new], splits.get(&new)) {
            (Some(old), _) => {
                // Patterns of a part say something else than those of the whole.
                if input.complete {
                    groups[old].patterns.clone_from(&found.patterns);
                }
                Some(old)
            }
            (None, Some(parent)) => {
                let before = pending_split(&input.known[*parent], &found.members);
                let seen = before.unwrap_or(0) + u32::from(input.new_input || before.is_none());
                if seen >= params.confirm_runs && input.complete {
                    None
                } else {
                    pending[*parent].push(Pending::Split { members: found.members.clone(), seen });
                    Some(*parent)
                }
            }
            // What incomplete input shows is no reason to take disputes from where people know them.
            (None, None)
                if !input.complete && found.members.iter().all(|member| home.contains_key(member)) =>
            {
                continue;
            }
            (None, None) => None,
        };
        let (target, born) = target.map_or_else(
            || {
                let id = mint();
                let split_from = splits.get(&new).map(|parent| input.known[*parent].id.clone());
                groups.push(Group {
                    id,
                    program: found.program,
                    client: found.client.clone(),
                    patterns: found.patterns.clone(),
                    members: Vec::new(),
                    since: input.now,
                    split_from,
                    status: Status::Active,
                    pending: Vec::new(),
                });
                (groups.len() - 1, true)
            },
            |target| (target, false),
        );
        if !input.complete && !born {
            continue;
        }
        let is_observed = !born && heirs[new].is_none();
        for member in &found.members {
            // Incomplete input moves nothing, a split that is not confirmed takes from no other group, and from a group that is under observation for a merge a dispute
            // goes only where that is confirmed.
            let stays = home.get(member).is_some_and(|current| {
                let observed = merges.contains_key(current) && !merged.contains_key(current);
                *current != target && (!input.complete || is_observed || (!born && observed))
            });
            if !stays {
                home.insert(member.clone(), target);
            }
        }
    }
    for current in home.values_mut() {
        if let Some(into) = merged.get(current) {
            *current = *into;
        }
    }
    give_back(standing, &merged, &mut home);
    let mut members: Vec<Vec<Text>> = vec![Vec::new(); groups.len()];
    for (member, group) in home {
        members[group].push(member);
    }
    let heirs: BTreeSet<usize> = heirs.iter().flatten().copied().collect();
    for (index, group) in groups.iter_mut().enumerate() {
        let mut now_members = std::mem::take(&mut members[index]);
        now_members.sort();
        let Some(known) = input.known.get(index) else {
            group.members = now_members;
            continue;
        };
        group.pending = std::mem::take(&mut pending[index]);
        match (&known.status, merged.get(&index)) {
            (Status::Resolved { .. }, _) if heirs.contains(&index) && !now_members.is_empty() => {
                group.status = Status::Active;
            }
            (Status::Merged { .. } | Status::Resolved { .. }, _) => continue,
            (Status::Active, Some(into)) => {
                group.status = Status::Merged { at: input.now, into: input.known[*into].id.clone() };
            }
            (Status::Active, None) if now_members.is_empty() => {
                group.status = Status::Resolved { at: input.now };
            }
            (Status::Active, None) => {}
        }
        group.members = now_members;
    }
    let empty: FxHashSet<GroupId> = groups[input.known.len()..]
        .iter()
        .filter(|group| group.members.is_empty())
        .map(|group| group.id.clone())
        .collect();
    groups.retain(|group| !empty.contains(&group.id));
    groups
}

/// A group with open members is never emptied but by a confirmed merge: where others claimed all of them, it
/// keeps them.
fn give_back(standing: &[Vec<Text>], merged: &BTreeMap<usize, usize>, home: &mut FxHashMap<Text, usize>) {
    let held: FxHashSet<usize> = home.values().copied().collect();
    for (old, members) in standing.iter().enumerate() {
        if !merged.contains_key(&old) && !held.contains(&old) {
            home.extend(members.iter().map(|member| (member.clone(), old)));
        }
    }
}

/// Whether all of some sorted members are among others.
fn is_part_of(members: &[Text], others: &[Text]) -> bool {
    !members.is_empty() && members.iter().all(|member| others.binary_search(member).is_ok())
}

/// On how many inputs a split of these members was seen so far.
fn pending_split(parent: &Group, found: &[Text]) -> Option<u32> {
    parent.pending.iter().find_map(|pending| match pending {
        Pending::Split { members, seen } if overlap(members, found) => Some(*seen),
        Pending::Split { .. } | Pending::Merge { .. } => None,
    })
}

/// Whether two sorted member lists have at least half of the smaller one in common.
fn overlap(a: &[Text], b: &[Text]) -> bool {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let common = small.iter().filter(|member| large.binary_search(member).is_ok()).count();
    common * 2 >= small.len()
}
