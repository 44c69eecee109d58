//! What a ticket itself says of its group: enough to know the group again where everything else is lost.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fields, Written};
use crate::{
    cluster::Item,
    dispute::{Field, Program, Text},
    group::{Group, GroupId, Pattern, Status},
    ticket::facts::{Grain, column_of, is_telling},
};

/// Longest sum of the ids in a mark, in bytes: an issue property holds 32,768 characters of JSON.
const MEMBERS_BYTES: usize = 20_000;
/// Longest sum of the names and texts of other fields in a mark, in bytes; longer ones are left out together.
const FIELDS_BYTES: usize = 2_000;
/// Most patterns of a mark, the largest first.
const PATTERNS: usize = 20;

/// A group as its ticket carries it, in an issue property.
///
/// Of a large group it has a sample of the members, chosen by a hash of their ids alone: the share of it that
/// a later group has is then about the share of the whole. It holds nothing that the text of the ticket may not
/// hold: dispute ids and values of the rule, no wording of a note and no date of a dispute. A coarse group is known
/// again by its disputes alone: a pattern that tells more, or that looks private, is left out whole, since what
/// would be left of it could be that of another cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The group.
    pub group: GroupId,
    /// Its program.
    pub program: Program,
    /// Whose disputes they are.
    pub client: Text,
    /// When it was first found.
    pub since: Timestamp,
    /// The group it was split from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_from: Option<GroupId>,
    /// Its patterns, the largest first.
    pub patterns: Vec<Pattern>,
    /// Ids of its disputes, or a sample of them, sorted.
    pub members: Vec<Text>,
    /// How many disputes it has.
    pub of: usize,
    /// The fields of the ticket as they were written together with this mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
}

impl Mark {
    /// The mark of a group as it is now.
    pub fn of(group: &Group, grain: Grain) -> Self {
        let mut sample: Vec<(u32, &Text)> =
            group.members.iter().map(|id| (crc32fast::hash(id.as_bytes()), id)).collect();
        sample.sort_unstable();
        let mut bytes = 0;
        let mut members: Vec<Text> = sample
            .into_iter()
            // A sample does without one that looks like a number of somebody.
            .filter(|(_, id)| Field::DisputeId.misfit(id).is_none())
            .take_while(|(_, id)| {
                // With quotes and comma, and every character escaped at worst.
                bytes += id
                    .chars()
                    .map(|c| if c.is_ascii() && c != '"' && c != '\\' { 1 } else { 6 })
                    .sum::<usize>()
                    + 3;
                bytes <= MEMBERS_BYTES
            })
            .map(|(_, id)| id.clone())
            .collect();
        members.sort();
        let may_leave = |item: &Item| {
            let is_open = grain == Grain::Fine || !is_telling(item.attribute);
            is_open && column_of(item.attribute).is_none_or(|column| column.misfit(&item.value).is_none())
        };
        let patterns = group.patterns.iter().map(Pattern::items).filter(|items| items.iter().all(may_leave));
        let patterns = patterns.take(PATTERNS).map(|items| {
            let shown: Vec<_> = items.into_iter().filter(|item| item.attribute.is_shown()).collect();
            Pattern::from_items(&shown)
        });
        Self {
            group: group.id.clone(),
            program: group.program,
            client: group.client.clone(),
            since: group.since,
            split_from: group.split_from.clone(),
            patterns: patterns.collect(),
            members,
            of: group.members.len(),
            written: None,
        }
    }

    /// With the fields that are written together with it.
    #[must_use]
    pub fn with(self, written: &Written) -> Self {
        let mut written = written.clone();
        if written.fields.characters() > FIELDS_BYTES {
            written.fields = Fields::default();
        }
        Self { written: Some(written), ..self }
    }

    /// The group, as far as the mark knows it: active, with the members of the sample.
    pub fn into_group(self) -> Group {
        Group {
            id: self.group,
            program: self.program,
            client: self.client,
            patterns: self.patterns,
            members: self.members,
            since: self.since,
            split_from: self.split_from,
            status: Status::Active,
            pending: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Attribute;

    fn group(members: usize) -> Group {
        let item = |attribute, value: &str| Item { attribute, value: value.into() };
        let pattern = [item(Attribute::State, "TX"), item(Attribute::ServiceWeek, "2026-W11")];
        let mut members: Vec<Text> = (0..members).map(|n| format!("D-2026-{n:06}").as_str().into()).collect();
        members.sort();
        Group {
            id: GroupId::from_bits(7),
            program: Program::Mdrp,
            client: "EXAMPLE".into(),
            patterns: vec![Pattern::from_items(&pattern)],
            members,
            since: Timestamp::UNIX_EPOCH,
            split_from: None,
            status: Status::Active,
            pending: Vec::new(),
        }
    }

    #[test]
    fn a_group_of_ordinary_size_is_known_again_whole() {
        let group = group(500);
        let text = serde_json::to_string(&Mark::of(&group, Grain::Fine)).unwrap();
        let again = serde_json::from_str::<Mark>(&text).unwrap().into_group();
        assert_eq!((&again.id, &again.members, again.program), (&group.id, &group.members, group.program));
    }

    #[test]
    fn the_mark_of_a_huge_group_fits_an_issue_property_and_samples_evenly() {
        let group = group(100_000);
        let mark = Mark::of(&group, Grain::Fine);
        assert!(serde_json::to_string(&mark).unwrap().len() < 32_768);
        assert_eq!(mark.of, 100_000);
        let first_half = mark.members.iter().filter(|id| ***id < *"D-2026-050000").count();
        let share = first_half as f64 / mark.members.len() as f64;
        assert!((share - 0.5).abs() < 0.05, "{share}");
    }

    #[test]
    fn a_week_of_service_stays_out_of_the_mark() {
        let text = serde_json::to_string(&Mark::of(&group(5), Grain::Fine)).unwrap();
        assert!(text.contains("TX") && !text.contains("W11"), "{text}");
    }

    #[test]
    fn a_coarse_mark_has_no_pattern_that_tells_and_knows_its_disputes() {
        let mut group = group(5);
        let of = |attribute, value: &str| Pattern::from_items(&[Item { attribute, value: value.into() }]);
        group.patterns.push(of(Attribute::Payer, "Vermont Example Plan"));
        group.patterns.push(of(Attribute::Package, "98765432101"));
        let mark = Mark::of(&group, Grain::Coarse);
        assert_eq!(mark.patterns, [of(Attribute::Package, "98765432101")]);
        assert_eq!(mark.into_group().members, group.members);
    }
}
