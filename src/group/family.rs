//! Groups of several clients that share one cause.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::BuildHasher,
};

use super::{Found, Group, Pattern, Status};
use crate::dispute::{Program, Text};

/// Causes that at least so many clients have, as clusters of a client without a name whose members are the ids of
/// groups; their identity is carried over by [`super::inherit`] like that of any other.
///
/// `cause_of` says of which cause a dispute is; a group is of the one that most of its disputes are of.
pub fn families<S: BuildHasher>(
    groups: &[Group],
    cause_of: &HashMap<&Text, usize, S>,
    least: usize,
) -> Vec<Found> {
    let mut families: BTreeMap<(Program, usize), Vec<&Group>> = BTreeMap::new();
    for group in groups.iter().filter(|group| group.status == Status::Active) {
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        for cause in group.members.iter().filter_map(|id| cause_of.get(id)) {
            *votes.entry(*cause).or_default() += 1;
        }
        let most = votes.into_iter().max_by_key(|(cause, count)| (*count, usize::MAX - cause));
        if let Some((cause, _)) = most {
            families.entry((group.program, cause)).or_default().push(group);
        }
    }
    families
        .into_iter()
        .filter(|(_, groups)| {
            groups.iter().map(|group| &group.client).collect::<BTreeSet<_>>().len() >= least
        })
        .map(|((program, _), groups)| {
            let patterns: BTreeSet<&Pattern> =
                groups.iter().filter_map(|group| group.patterns.first()).collect();
            let mut members: Vec<Text> = groups.iter().map(|group| group.id.as_str().into()).collect();
            members.sort();
            Found { program, client: "".into(), patterns: patterns.into_iter().cloned().collect(), members }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::GroupId;

    fn group(number: u128, client: &str, members: &[&str]) -> Group {
        Group {
            id: GroupId::from_bits(number),
            program: Program::Mdrp,
            client: client.into(),
            patterns: Vec::new(),
            members: members.iter().map(|id| Text::from(*id)).collect(),
            since: jiff::Timestamp::UNIX_EPOCH,
            split_from: None,
            status: Status::Active,
            pending: Vec::new(),
        }
    }

    #[test]
    fn groups_of_enough_clients_with_one_cause_are_a_family_and_all_others_are_none() {
        let ended = Status::Resolved { at: jiff::Timestamp::UNIX_EPOCH };
        let groups = [
            group(1, "A", &["a1", "a2", "a3"]),
            group(2, "B", &["b1"]),
            group(3, "A", &["c1"]),
            group(4, "A", &["c2"]),
            Group { status: ended, ..group(5, "B", &["c3"]) },
            group(6, "B", &["d1"]),
        ];
        // The cause of `a1` was another one once; `d1` is of none.
        let ids: Vec<(Text, usize)> =
            [("a1", 9), ("a2", 0), ("a3", 0), ("b1", 0), ("c1", 1), ("c2", 1), ("c3", 1)]
                .map(|(id, cause)| (Text::from(id), cause))
                .to_vec();
        let cause_of: HashMap<&Text, usize> = ids.iter().map(|(id, cause)| (id, *cause)).collect();
        let members = |least| -> Vec<Vec<Text>> {
            families(&groups, &cause_of, least).into_iter().map(|found| found.members).collect()
        };
        let named = |numbers: &[u128]| -> Vec<Text> {
            numbers.iter().map(|number| GroupId::from_bits(*number).as_str().into()).collect()
        };
        assert_eq!(members(2), [named(&[1, 2])]);
        assert_eq!(members(1), [named(&[1, 2]), named(&[3, 4])]);
        assert!(members(3).is_empty());
    }
}
