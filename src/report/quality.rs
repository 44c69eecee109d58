//! Whether the machine can be trusted, in numbers that a lead can ask about.

use std::collections::BTreeMap;

use serde::Serialize;

use super::figures::Scene;
use crate::state::{ByCode, MoveKind, RuleFit, Snapshot, Sum};

/// Kinds of holds by which a person says that a group is none, or another one.
const DISAGREEMENTS: [&str; 3] = ["closed by a person", "ignored", "merged by a person"];

/// Figures about the grouping itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Quality {
    /// Open disputes in groups, and all: now and a week before.
    pub grouped: Share,
    /// The same a week before.
    pub grouped_before: Share,
    /// How well the rules of the groups fit.
    pub rules: RuleFit,
    /// Groups open a week before that were not merged into another: their ids are kept.
    pub ids_kept: Share,
    /// Open tickets that people left as disputebot made them.
    pub agreed: Share,
    /// Of the others, how many by what people did.
    pub disagreed: BTreeMap<String, usize>,
    /// How the mix of disputes moved since the reference: share of disputes that would have to change.
    pub drift: Vec<Drift>,
    /// The day of the reference; none where there is none.
    pub reference: Option<String>,
    /// How the disputes in groups would lie in heaps by reason code alone.
    pub by_code: ByCode,
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
    let merged = count(&[MoveKind::Merged]).min(open_before);
    let tickets = at
        .open()
        .filter(|record| {
            at.history.known.tickets.get(&record.group.id).is_some_and(|it| it.issue().is_some())
        })
        .count();
    let mut disagreed: BTreeMap<String, usize> = BTreeMap::new();
    for one in at.waiting_of(at.last).filter(|one| one.overruled) {
        if let Some(kind) = disagreement(&one.kind) {
            *disagreed.entry(kind.to_owned()).or_default() += 1;
        }
    }
    let reference = at.snapshot(at.reference);
    let share =
        |snapshot: &Snapshot| Share { part: snapshot.grouped, whole: snapshot.grouped + snapshot.ungrouped };
    Quality {
        grouped: share(now),
        grouped_before: share(before),
        rules: now.rules,
        ids_kept: Share { part: open_before - merged, whole: open_before },
        agreed: Share { part: tickets.saturating_sub(disagreed.values().sum()), whole: tickets },
        disagreed,
        drift: if at.reference.is_some() { drift(now, &reference) } else { Vec::new() },
        reference: at.reference.map(|run| run.at.strftime("%Y-%m-%d").to_string()),
        by_code: now.by_code,
    }
}

/// What a hold says about the grouping; none where it is about a field.
fn disagreement(kind: &str) -> Option<&'static str> {
    DISAGREEMENTS.into_iter().find(|known| *known == kind)
}

fn drift(now: &Snapshot, reference: &Snapshot) -> Vec<Drift> {
    let programs = |snapshot: &Snapshot| -> BTreeMap<String, usize> {
        snapshot.programs.iter().map(|(name, figures)| (name.clone(), figures.disputes)).collect()
    };
    let sums = |sums: &BTreeMap<String, Sum>| -> BTreeMap<String, usize> {
        sums.iter().map(|(name, sum)| (name.clone(), sum.disputes)).collect()
    };
    vec![
        distance("programs", &programs(now), &programs(reference)),
        distance("states", &sums(&now.states), &sums(&reference.states)),
        distance("types of covered entities", &sums(&now.entities), &sums(&reference.entities)),
        distance("ages", &now.ageing, &reference.ageing),
    ]
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
        gained: gained.map(|(_, name)| super::words::open(name).to_owned()),
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
