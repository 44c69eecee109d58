//! What triagers decided: disputes that belong together, and disputes that do not.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Cluster, table::Table};
use crate::dispute::Text;

/// What was decided of two disputes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bond {
    /// They are one cause: they end in the same group.
    Must,
    /// They are two causes: they never end in the same group.
    Cannot,
}

/// A decision about two disputes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// One dispute id.
    pub one: Text,
    /// The other.
    pub other: Text,
    /// What was decided.
    pub bond: Bond,
}

/// Why decisions cannot all be honoured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Two disputes are kept apart that other decisions put together.
    #[error("disputes `{one}` and `{other}` may not share a group, but other links put them into one")]
    Contradiction {
        /// One dispute id.
        one: Text,
        /// The other.
        other: Text,
    },
}

/// Decisions that do not contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// Disputes that belong together, each list in the order of ids.
    together: Vec<Vec<Text>>,
    /// Disputes that do not.
    apart: Vec<(Text, Text)>,
}

impl Links {
    /// Checks decisions: what must be together by any chain of links may not be apart.
    pub fn new(links: &[Link]) -> Result<Self, LinkError> {
        let mut places: BTreeMap<&Text, usize> = BTreeMap::new();
        for link in links {
            for id in [&link.one, &link.other] {
                let next = places.len();
                places.entry(id).or_insert(next);
            }
        }
        let mut heads: Vec<usize> = (0..places.len()).collect();
        for link in links.iter().filter(|link| link.bond == Bond::Must) {
            let (one, other) = (head(&mut heads, places[&link.one]), head(&mut heads, places[&link.other]));
            heads[one.max(other)] = one.min(other);
        }
        let mut apart: Vec<(Text, Text)> = Vec::new();
        for link in links.iter().filter(|link| link.bond == Bond::Cannot) {
            if head(&mut heads, places[&link.one]) == head(&mut heads, places[&link.other]) {
                return Err(LinkError::Contradiction { one: link.one.clone(), other: link.other.clone() });
            }
            let (one, other) =
                (link.one.clone().min(link.other.clone()), link.one.clone().max(link.other.clone()));
            apart.push((one, other));
        }
        apart.sort();
        apart.dedup();
        let mut together: BTreeMap<usize, Vec<Text>> = BTreeMap::new();
        for (id, place) in &places {
            together.entry(head(&mut heads, *place)).or_default().push(Text::clone(id));
        }
        let mut together: Vec<Vec<Text>> = together.into_values().filter(|ids| ids.len() > 1).collect();
        together.sort();
        Ok(Self { together, apart })
    }

    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.together.is_empty() && self.apart.is_empty()
    }

    /// Moves rows until every decision about disputes of one client and program holds. Disputes that are not in
    /// the table have no say; two of different clients or programs are never in one group anyway.
    ///
    /// Disputes that belong together go to the group that has most of them, or make one of their own whatever
    /// its size. Of two that are kept apart, the one with fewer companions by decision leaves.
    pub(super) fn honour(&self, table: &Table, min_group: usize, clusters: &mut Vec<Cluster>) {
        if self.is_empty() {
            return;
        }
        let wanted: FxHashSet<&Text> = self
            .together
            .iter()
            .flatten()
            .chain(self.apart.iter().flat_map(|(one, other)| [one, other]))
            .collect();
        let row_of: FxHashMap<&Text, usize> =
            (0..table.len()).map(|row| (table.id(row), row)).filter(|(id, _)| wanted.contains(*id)).collect();
        let mut home = vec![None; table.len()];
        for (place, cluster) in clusters.iter().enumerate() {
            for row in &cluster.rows {
                home[*row] = Some(place);
            }
        }
        let mut wholes: Vec<Vec<usize>> = Vec::new();
        for ids in &self.together {
            let mut rows_by_owner: BTreeMap<(crate::dispute::Program, u32), Vec<usize>> = BTreeMap::new();
            for row in ids.iter().filter_map(|id| row_of.get(id)) {
                rows_by_owner.entry((table.program(*row), table.client_code(*row))).or_default().push(*row);
            }
            wholes.extend(rows_by_owner.into_values().filter(|rows| rows.len() > 1));
        }
        for rows in &wholes {
            let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
            for place in rows.iter().filter_map(|row| home[*row]) {
                *votes.entry(place).or_default() += 1;
            }
            let most = votes.into_iter().max_by_key(|(place, count)| (*count, usize::MAX - place));
            let place = most.map_or_else(|| open(table, rows[0], clusters), |(place, _)| place);
            for row in rows {
                home[*row] = Some(place);
            }
        }
        let companions = Companions::new(wholes);
        for (one, other) in &self.apart {
            let (Some(one), Some(other)) = (row_of.get(one), row_of.get(other)) else { continue };
            if home[*one].is_none() || home[*one] != home[*other] {
                continue;
            }
            let (stay, leave) = (companions.with(one), companions.with(other));
            let leave = if leave.len() > stay.len() { stay } else { leave };
            let place = (leave.len() > 1).then(|| open(table, leave[0], clusters));
            for row in leave {
                home[*row] = place;
            }
        }
        for cluster in clusters.iter_mut() {
            cluster.rows.clear();
        }
        for (row, place) in home.into_iter().enumerate() {
            if let Some(place) = place {
                clusters[place].rows.push(row);
            }
        }
        clusters.retain(|cluster| {
            !cluster.rows.is_empty() && cluster.rows.len() >= min_group
                || cluster.rows.iter().any(|row| companions.has(*row))
        });
    }
}

/// Rows by what was decided to belong together. A whole is listed once however many rows it has: thousands of
/// decisions may chain into one, and a list for each of its rows would be as many rows squared.
#[derive(Debug)]
struct Companions {
    wholes: Vec<Vec<usize>>,
    whole_of: FxHashMap<usize, usize>,
}

impl Companions {
    /// No row is in two wholes.
    fn new(wholes: Vec<Vec<usize>>) -> Self {
        let places = wholes.iter().enumerate();
        let whole_of = places.flat_map(|(place, rows)| rows.iter().map(move |row| (*row, place))).collect();
        Self { wholes, whole_of }
    }

    /// The whole of a row, which is the row alone where nothing was decided.
    fn with<'a>(&'a self, row: &'a usize) -> &'a [usize] {
        self.whole_of.get(row).map_or(std::slice::from_ref(row), |place| &self.wholes[*place])
    }

    fn has(&self, row: usize) -> bool {
        self.whole_of.contains_key(&row)
    }
}

/// A new, empty cluster for the client and program of a row.
fn open(table: &Table, row: usize, clusters: &mut Vec<Cluster>) -> usize {
    let cause = clusters.iter().map(|cluster| cluster.cause + 1).max().unwrap_or(0);
    clusters.push(Cluster {
        program: table.program(row),
        client: table.client(row).clone(),
        cause,
        patterns: Vec::new(),
        rows: Vec::new(),
    });
    clusters.len() - 1
}

fn head(heads: &mut [usize], mut place: usize) -> usize {
    while heads[place] != place {
        heads[place] = heads[heads[place]];
        place = heads[place];
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_is_listed_once_for_all_of_its_rows() {
        let many = 20_000;
        let companions = Companions::new(vec![(0..many).collect(), vec![many, many + 1]]);
        let listed: usize = companions.wholes.iter().map(Vec::len).sum();
        assert_eq!(listed, many + 2, "as many entries as rows");
        let whole = companions.with(&0);
        assert_eq!(whole.len(), many);
        for row in 0..many {
            assert!(std::ptr::eq(companions.with(&row), whole), "row {row} has a list of its own");
        }
        assert_eq!(companions.with(&(many + 1)), [many, many + 1]);
        assert_eq!((companions.with(&(many + 2)), companions.has(many + 2)), (&[many + 2][..], false));
    }
}
