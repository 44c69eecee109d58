//! Which group each row fits best, where all groups contend for it.
//!
//! [`Scorer`](super::profile::Scorer) goes from a profile to the rows that may fit it. Where every profile is to
//! meet every row that takes long: most of what it looks at scores below zero. Here a row goes through its own
//! values to the groups that share them. To all others it is what a row without any of their values scores, which is
//! the same for all rows of a client: they cost a copy and a look.

use super::{
    attribute::Attribute,
    partition::{Context, Partition},
    profile::Profile,
    rates::{FREE, Rates},
};

/// The profiles of all groups, by the values that they share.
#[derive(Debug)]
pub(super) struct Contest {
    groups: usize,
    /// By client, then by group: the score of a row that has none of the values.
    bases: Vec<f32>,
    sides: Vec<Sides>,
}

/// What the groups say of one attribute, as differences from their bases.
#[derive(Debug, Default)]
struct Sides {
    attribute: usize,
    /// By code.
    hits: Lists<Gain>,
    /// By parent value: what having another value below that parent costs.
    misses: Lists<f32>,
    /// Of rows without a value, by group.
    missing: Vec<(u32, f32)>,
}

#[derive(Debug, Clone, Copy)]
struct Gain {
    here: f32,
    /// What is added under another parent value than the usual one.
    elsewhere: f32,
}

/// A list of groups for each of many values.
#[derive(Debug)]
struct Lists<T> {
    starts: Vec<u32>,
    entries: Vec<(u32, T)>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { starts: vec![0], entries: Vec::new() }
    }
}

impl<T> Lists<T> {
    /// Lists of the entries of `width` values; the groups of a value stay in the order in which they came.
    fn of(width: usize, mut entries: Vec<(u32, u32, T)>) -> Self {
        entries.sort_by_key(|(value, ..)| *value);
        let mut starts = vec![0u32; width + 1];
        for (value, ..) in &entries {
            starts[*value as usize + 1] += 1;
        }
        for value in 1..starts.len() {
            starts[value] += starts[value - 1];
        }
        Self { starts, entries: entries.into_iter().map(|(_, group, entry)| (group, entry)).collect() }
    }

    fn with(&self, value: u32) -> &[(u32, T)] {
        &self.entries[self.starts[value as usize] as usize..self.starts[value as usize + 1] as usize]
    }
}

impl Contest {
    /// Of groups by label; those without a profile do not contend.
    pub(super) fn new(partition: &Partition<'_>, rates: &Rates, profiles: &[Option<Profile>]) -> Self {
        let clients = partition.rows_of_client.len();
        let mut bases = vec![f32::NEG_INFINITY; clients * profiles.len()];
        let contenders = || {
            profiles
                .iter()
                .enumerate()
                .filter_map(|(group, profile)| profile.as_ref().map(|profile| (group as u32, profile)))
        };
        for (group, profile) in contenders() {
            let without: f32 = profile.sides.iter().map(|side| side.without(partition)).sum();
            for client in 0..clients {
                bases[client * profiles.len() + group as usize] =
                    profile.odds(partition, rates, client as u32) + without;
            }
        }
        let sides = (0..Attribute::COUNT)
            .map(|attribute| {
                let (mut hits, mut misses, mut missing) = (Vec::new(), Vec::new(), Vec::new());
                for (group, side) in contenders().flat_map(|(group, profile)| {
                    profile
                        .sides
                        .iter()
                        .filter(|side| side.attribute == attribute)
                        .map(move |side| (group, side))
                }) {
                    let base = side.without(partition);
                    missing.push((group, side.missing - base));
                    for hit in &side.hits {
                        let parent = if hit.code == 0 { 0 } else { partition.parent(attribute, hit.code) };
                        let gain = Gain { here: hit.other - side.miss(parent), elsewhere: hit.elsewhere };
                        hits.push((hit.code, group, gain));
                    }
                    if matches!(partition.contexts[attribute], Context::Parent(_)) {
                        misses.extend(side.misses.iter().map(|(parent, miss)| (*parent, group, *miss)));
                    }
                }
                let parents = match partition.contexts[attribute] {
                    Context::Parent(parent) => partition.widths[parent],
                    Context::Free | Context::Pair(_) => 0,
                };
                Sides {
                    attribute,
                    hits: Lists::of(partition.widths[attribute], hits),
                    misses: Lists::of(parents, misses),
                    missing,
                }
            })
            .filter(|sides| !sides.missing.is_empty())
            .collect();
        Self { groups: profiles.len(), bases, sides }
    }

    /// The group that a row fits best and its score (log odds against the background, above `least`), or 0 and
    /// [`FREE`]; among equals the first. `own`: the group that the row is in, and its score there. `scores` is
    /// memory to use again.
    pub(super) fn best(
        &self,
        partition: &Partition<'_>,
        rates: &Rates,
        row: usize,
        own: Option<(u32, f32)>,
        least: f32,
        scores: &mut Vec<f32>,
    ) -> (f32, u32) {
        let (client, cells) = (partition.client(row), partition.row(row));
        scores.clear();
        scores.extend_from_slice(&self.bases[client * self.groups..(client + 1) * self.groups]);
        for Sides { attribute, hits, misses, missing } in &self.sides {
            let attribute = *attribute;
            let code = cells[attribute];
            if code == 0 && !Attribute::ALL[attribute].means_something_when_absent() {
                for (group, lack) in missing {
                    scores[*group as usize] += lack;
                }
                continue;
            }
            match partition.contexts[attribute] {
                Context::Free => {
                    for (group, gain) in hits.with(code) {
                        scores[*group as usize] += gain.here;
                    }
                }
                Context::Pair(_) => {
                    let expected = rates.pair_log(partition, attribute, row);
                    for (group, gain) in hits.with(code) {
                        scores[*group as usize] += gain.here - expected;
                    }
                }
                Context::Parent(parent) => {
                    let usual = if code == 0 { 0 } else { partition.parents[attribute][code as usize] };
                    for (group, miss) in misses.with(usual) {
                        scores[*group as usize] += miss;
                    }
                    let is_elsewhere = cells[parent] != usual;
                    for (group, gain) in hits.with(code) {
                        scores[*group as usize] +=
                            gain.here + if is_elsewhere { gain.elsewhere } else { 0.0 };
                    }
                }
            }
        }
        if let Some((group, score)) = own {
            scores[group as usize] = score;
        }
        let most = greatest(scores);
        match scores.iter().position(|score| *score >= most) {
            Some(first) if most > least => (most, first as u32),
            _ => (0.0, FREE),
        }
    }
}

/// The greatest of some numbers, negative infinity of none. Several at a time, as the processor would have it.
fn greatest(numbers: &[f32]) -> f32 {
    const AT_ONCE: usize = 16;
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; AT_ONCE];
    let (chunks, rest) = numbers.as_chunks::<AT_ONCE>();
    for chunk in chunks {
        for (lane, number) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, *number);
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}
