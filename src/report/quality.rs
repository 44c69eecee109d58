//! Whether the machine can be trusted, in numbers that a lead can ask about.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use serde::Serialize;

use super::{TicketKey, figures::Scene};
use crate::{
    dispute::Text,
    group::{GroupId, Status},
    plan::RulingKind,
    state::{ByCode, MoveKind, RuleFit, RunRecord, Snapshot, Sum},
};

/// Kinds of holds by which a person says that a group is none, or another one, and what that is called here.
const HOLDS: [(&str, &str); 4] = [
    ("closed by a person", CLOSED),
    ("ignored", "muted by a person"),
    ("merged by a person", TOGETHER),
    ("decided by a person", CLOSED),
];
const CLOSED: &str = "closed by a person";
const TOGETHER: &str = "put together with another by a person";

fn decision(kind: &RulingKind) -> &'static str {
    match kind {
        RulingKind::Closed => CLOSED,
        RulingKind::NotAGroup => "called no group by a person",
        RulingKind::Together { .. } => TOGETHER,
        RulingKind::Apart { .. } => "split by a person",
    }
}

/// Figures about the grouping itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Quality {
    /// Open disputes in groups, and all: now and a week before.
    pub grouped: Share,
    /// The same a week before.
    pub grouped_before: Share,
    /// How well the rules of the groups fit.
    pub rules: RuleFit,
    /// Groups open a week before whose disputes, as far as they are in groups, are not mostly under another id now.
    pub ids_kept: Share,
    /// Tickets of the others.
    pub ids_lost: Vec<TicketKey>,
    /// Open tickets that people left as disputebot made them.
    pub agreed: Share,
    /// Of the others, how many by what people decided and did not take back.
    pub disagreed: BTreeMap<String, usize>,
    /// Their tickets.
    pub disagreed_keys: Vec<TicketKey>,
    /// What people decided in this week about any group, open or not, by what it was.
    pub decided: BTreeMap<String, usize>,
    /// How the mix of disputes moved since the reference: share of disputes that would have to change.
    pub drift: Vec<Drift>,
    /// What that is measured against; none where there is none.
    pub reference: Option<Reference>,
    /// How the disputes in groups would lie in heaps by reason code alone.
    pub by_code: ByCode,
}

/// The last runs of some weeks, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// Day of the first of them.
    pub from: Date,
    /// Day of the last.
    pub to: Date,
    /// How many.
    pub runs: usize,
}

/// Some of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Share {
    /// Some.
    pub part: usize,
    /// All.
    pub whole: usize,
}

/// How far one mix moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// The mix of what.
    pub of: &'static str,
    /// Share (0 to 1) of disputes that would have to have another value for the two times to look alike.
    pub distance: f64,
    /// What gained most.
    pub gained: Option<String>,
}

pub(super) fn of(at: &Scene<'_>, now: &Snapshot, before: &Snapshot) -> Quality {
    let moves: Vec<MoveKind> = at.moves(at.place).map(|(kind, _)| kind).collect();
    let count = |kinds: &[MoveKind]| moves.iter().filter(|kind| kinds.contains(kind)).count();
    let came = count(&[MoveKind::Found, MoveKind::Split, MoveKind::Returned]);
    let went = count(&[MoveKind::Resolved, MoveKind::Merged]);
    let open_before = (at.open().count() + went).saturating_sub(came);
    let lost = ids_lost(at);
    let tickets: BTreeSet<&GroupId> = at
        .open()
        .map(|record| &record.group.id)
        .filter(|id| at.history.known.tickets.get(*id).is_some_and(|it| it.issue().is_some()))
        .collect();
    let verdicts = verdicts(at, &tickets);
    let (mut disagreed, mut decided): (BTreeMap<String, usize>, BTreeMap<String, usize>) = Default::default();
    for verdict in verdicts.values() {
        *disagreed.entry((*verdict).to_owned()).or_default() += 1;
    }
    for ruling in at.rulings().into_iter().filter(|ruling| at.is_in_week(ruling.at)) {
        *decided.entry(decision(&ruling.kind).to_owned()).or_default() += 1;
    }
    let share =
        |snapshot: &Snapshot| Share { part: snapshot.grouped, whole: snapshot.grouped + snapshot.ungrouped };
    let day = |run: &RunRecord| run.at.to_zoned_datetime(at.zone.clone()).date();
    Quality {
        grouped: share(now),
        grouped_before: share(before),
        rules: now.rules,
        ids_kept: Share { part: open_before.saturating_sub(lost.len()), whole: open_before },
        ids_lost: at.keys(lost),
        agreed: Share { part: tickets.len() - verdicts.len(), whole: tickets.len() },
        disagreed,
        disagreed_keys: at.keys(verdicts.into_keys()),
        decided,
        drift: drift(at, now),
        reference: at.reference.first().zip(at.reference.last()).map(|(first, last)| Reference {
            from: day(first),
            to: day(last),
            runs: at.reference.len(),
        }),
        by_code: now.by_code,
    }
}

/// Groups that were open before the week, and whose disputes are mostly under another id now: merged, or resolved or
/// shrunk while another group took them. A group whose disputes are settled kept its id to the end.
fn ids_lost<'a>(at: &Scene<'a>) -> Vec<&'a GroupId> {
    let recorded = at.history.stood.keys().chain(at.moves(at.place).map(|(_, id)| id));
    let groups: BTreeSet<&GroupId> = recorded.filter(|id| at.group(id).is_some()).collect();
    let home: HashMap<&Text, &GroupId> = groups
        .into_iter()
        .filter_map(|id| at.group(id))
        .filter(|record| record.group.status == Status::Active)
        .flat_map(|record| record.group.members.iter().map(|member| (member, &record.group.id)))
        .collect();
    let mut lost: Vec<&GroupId> = at
        .history
        .stood
        .iter()
        .filter(|(id, stood)| {
            let Some(record) = at.group(id) else { return false };
            let mut heirs: HashMap<&GroupId, usize> = HashMap::new();
            for heir in stood.group.members.iter().filter_map(|member| home.get(member)) {
                *heirs.entry(heir).or_default() += 1;
            }
            let own = heirs.remove(id).unwrap_or(0);
            matches!(record.group.status, Status::Merged { .. }) || heirs.values().any(|other| *other > own)
        })
        .map(|(id, _)| id)
        .collect();
    lost.sort_unstable();
    lost
}

/// What people decided against some groups: rulings that stand, and what the last run held for them. The latest ruling
/// counts.
fn verdicts<'a>(at: &Scene<'a>, of: &BTreeSet<&'a GroupId>) -> BTreeMap<&'a GroupId, &'static str> {
    let mut verdicts: BTreeMap<&GroupId, &'static str> = BTreeMap::new();
    for one in at.waiting_of(at.last).filter(|one| one.overruled) {
        let said = HOLDS.into_iter().find(|(kind, _)| *kind == one.kind);
        verdicts.extend(said.map(|(_, said)| (&one.group, said)));
    }
    for ruling in at.rulings().into_iter().rev() {
        verdicts.insert(&ruling.group, decision(&ruling.kind));
        if let RulingKind::Together { with } = &ruling.kind {
            verdicts.insert(with, TOGETHER);
        }
    }
    verdicts.retain(|group, _| of.contains(group));
    verdicts
}

/// Disputes by what they have.
type Mix = BTreeMap<String, usize>;

/// How each mix moved; of what either side tells nothing, nothing is said.
fn drift(at: &Scene<'_>, now: &Snapshot) -> Vec<Drift> {
    let mut then = Snapshot::default();
    for run in &at.reference {
        then += &at.snapshot(Some(run));
    }
    let programs = |snapshot: &Snapshot| -> Mix {
        snapshot.programs.iter().map(|(name, figures)| (name.clone(), figures.disputes)).collect()
    };
    let sums = |sums: &BTreeMap<String, Sum>| -> Mix {
        sums.iter().map(|(name, sum)| (name.clone(), sum.disputes)).collect()
    };
    let mut mixes = vec![
        ("programs", programs(now), programs(&then)),
        ("states", sums(&now.states), sums(&then.states)),
        ("types of covered entities", sums(&now.entities), sums(&then.entities)),
        ("ages", now.ageing.clone(), then.ageing.clone()),
        ("reason codes", now.codes.clone(), then.codes.clone()),
        ("likely causes", now.causes.clone(), then.causes.clone()),
    ];
    if at.client.is_none() {
        let clients = |runs: &[&RunRecord]| -> Mix {
            let mut mix = Mix::new();
            for (client, snapshot) in runs.iter().flat_map(|run| &run.clients) {
                *mix.entry(client.clone()).or_default() += snapshot.grouped + snapshot.ungrouped;
            }
            mix
        };
        let last: Vec<&RunRecord> = at.last.into_iter().collect();
        mixes.push(("manufacturers", clients(&last), clients(&at.reference)));
    }
    let tells = |mix: &Mix| mix.values().any(|count| *count > 0);
    mixes
        .into_iter()
        .filter(|(_, now, then)| tells(now) && tells(then))
        .map(|(of, now, then)| distance(of, &now, &then))
        .collect()
}

/// Total variation distance: half of what the shares differ by, summed.
fn distance(of: &'static str, now: &BTreeMap<String, usize>, then: &BTreeMap<String, usize>) -> Drift {
    let total = |counts: &BTreeMap<String, usize>| counts.values().sum::<usize>().max(1) as f64;
    let (all_now, all_then) = (total(now), total(then));
    let share = |counts: &BTreeMap<String, usize>, name: &str, all: f64| {
        counts.get(name).copied().unwrap_or(0) as f64 / all
    };
    let mut names: Vec<&String> = now.keys().chain(then.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changes: Vec<(f64, &String)> = names
        .into_iter()
        .map(|name| (share(now, name, all_now) - share(then, name, all_then), name))
        .collect();
    let gained = changes.iter().max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(gain, _)| *gain >= 0.005);
    Drift {
        of,
        distance: changes.iter().map(|(change, _)| change.abs()).sum::<f64>() / 2.0,
        // A client, a cause or a code: no other one may look like more than a client may.
        gained: gained.map(|(_, name)| super::words::client(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_the_share_that_would_have_to_change() {
        let counts = |a, b| BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        let same = distance("states", &counts(10, 30), &counts(1, 3));
        assert!(same.distance < 1e-9 && same.gained.is_none());
        let moved = distance("states", &counts(30, 10), &counts(10, 30));
        assert!((moved.distance - 0.5).abs() < 1e-9);
        assert_eq!(moved.gained.as_deref(), Some("a"));
        assert!((distance("states", &counts(1, 0), &counts(0, 1)).distance - 1.0).abs() < 1e-9);
    }
}
