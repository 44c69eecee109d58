//! Identity across runs. Pure.
//!
//! A clusterer may number its clusters anew on each run; people know a group by its ticket. This room
//! carries the identity over: by the members that old and new have in common and by the patterns they
//! share (*hashes for membership, overlap for inheritance*).
//!
//! # Guarantees
//!
//! * An id is minted once and never used again. Each known group ends in exactly one [`Fate`].
//! * An open dispute is in at most one group. A group keeps its open disputes until they are resolved or
//!   another group claims them, even where the clusterer no longer sees them.
//! * A split or a merge must be seen on `confirm_runs` different inputs before it counts; until then the
//!   members stay where people know them. The same input twice is no new evidence and gives no event: a run goes over its
//!   input until nothing moves any more. Two merges do not wait: of a group all of whose open disputes the surviving one is known
//!   with, too, and on complete input of one that has no ticket into one that has.
//! * Incomplete input changes no known group: absence is not proof, and what a part shows of a group is not
//!   the group. New groups may be born from it.
//! * A group is resolved only when none of its disputes is open. One whose open disputes all went to other
//!   groups, a few to each, is merged into the one that took most, once that is confirmed.
//!
//! Greedy by overlap and local on purpose: a global assignment would change ids of unrelated groups.

pub(crate) mod exact;
mod family;
mod lineage;

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub use family::families;
pub use lineage::{Event, Fate, Found, Input, Lineage, Params, Stake, inherit};

use crate::{
    cluster::{Attribute, Item},
    dispute::{Program, Text},
};

/// Identity of a group: 128 random bits as 32 lower-case hexadecimal digits.
///
/// The digits lie within, not behind a pointer: a state of many groups holds each id several times.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId([u8; DIGITS]);

const DIGITS: usize = 32;
const SHORT: usize = 8;

impl GroupId {
    /// An id made of 128 bits that the caller draws at random.
    ///
    /// [`GroupId::short`] would be a day now and then, `20871228`, and no text with a day of which nothing is known
    /// leaves: such an id begins with a letter instead.
    pub fn from_bits(bits: u128) -> Self {
        let mut digits = std::array::from_fn(|place| {
            let digit = (bits >> (4 * (DIGITS - 1 - place)) & 0xF) as u8;
            if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
        });
        let (short, _) = digits.split_at(SHORT);
        if matches!(short, [b'1', b'9', ..] | [b'2', b'0', ..]) && short.iter().all(u8::is_ascii_digit) {
            digits[0] = b'a';
        }
        Self(digits)
    }

    /// Reads an id as [`fmt::Display`] or [`GroupId::label`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_digits(text.strip_prefix(LABEL_PREFIX).unwrap_or(text))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        // Digits are always UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first eight digits: enough for people to tell groups apart.
    pub fn short(&self) -> &str {
        &self.as_str()[..SHORT]
    }

    /// The Jira label that marks the group's ticket.
    pub fn label(&self) -> String {
        format!("{LABEL_PREFIX}{self}")
    }

    fn from_digits(digits: &str) -> Option<Self> {
        let digits: [u8; DIGITS] = digits.as_bytes().try_into().ok()?;
        digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')).then_some(Self(digits))
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GroupId").field(&self.as_str()).finish()
    }
}

impl Serialize for GroupId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for GroupId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::from_digits(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a group id of {DIGITS} hexadecimal digits, but found `{text}`"
            ))
        })
    }
}

/// What the label of a group starts with.
pub const LABEL_PREFIX: &str = "dispute-group-";

/// A stored pattern: `attribute=value` pairs in the order of the attributes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(Vec<(String, String)>);

impl Pattern {
    /// A pattern of the clusterer.
    pub fn from_items(items: &[Item]) -> Self {
        let mut items: Vec<&Item> = items.iter().collect();
        items.sort();
        Self(items.iter().map(|item| (item.attribute.name().to_owned(), item.value.to_string())).collect())
    }

    /// The items; an attribute that this build does not know is left out.
    pub fn items(&self) -> Vec<Item> {
        self.0
            .iter()
            .filter_map(|(name, value)| {
                Some(Item { attribute: Attribute::from_name(name)?, value: value.as_str().into() })
            })
            .collect()
    }
}

/// Disputes of one client and program that share a root cause, over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its identity.
    pub id: GroupId,
    /// The program.
    pub program: Program,
    /// The client whose disputes they are.
    #[serde(deserialize_with = "exact::text")]
    pub client: Text,
    /// Patterns of the latest run that found it, most disputes first.
    #[serde(deserialize_with = "exact::list")]
    pub patterns: Vec<Pattern>,
    /// Ids of its open disputes, sorted.
    #[serde(deserialize_with = "exact::texts")]
    pub members: Vec<Text>,
    /// When it was first found.
    pub since: Timestamp,
    /// The group it was split from.
    pub split_from: Option<GroupId>,
    /// Active, or how it ended.
    pub status: Status,
    /// A split or merge that was seen but not yet confirmed.
    #[serde(deserialize_with = "exact::list")]
    pub pending: Vec<Pending>,
}

/// Whether a group lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Status {
    /// It has open disputes.
    Active,
    /// All its disputes are resolved or withdrawn.
    Resolved {
        /// When that was seen.
        at: Timestamp,
    },
    /// Its disputes belong to another group now.
    Merged {
        /// When that was confirmed.
        at: Timestamp,
        /// The surviving group.
        into: GroupId,
    },
}

/// A structural change under observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Pending {
    /// These members look like a group of their own.
    Split {
        /// The members that would leave, sorted.
        members: Vec<Text>,
        /// On how many different inputs it was seen.
        seen: u32,
    },
    /// The members look like part of another group.
    Merge {
        /// The group that would survive.
        into: GroupId,
        /// On how many different inputs it was seen.
        seen: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispute::finds;

    #[test]
    fn an_id_is_its_digits_wherever_it_is_written() {
        let digits = "0123456789abcdef00000000000000a7";
        let id = GroupId::from_bits(0x0123_4567_89ab_cdef_0000_0000_0000_00a7);
        assert_eq!((id.as_str(), id.to_string()), (digits, digits.to_owned()));
        assert_eq!(GroupId::parse(&id.label()), Some(id.clone()));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{digits}\""));
        assert_eq!(serde_json::from_str::<GroupId>(&json).unwrap(), id);
        for wrong in ["", &digits[1..], &digits.to_uppercase(), &id.label(), &digits.replace('a', "g")] {
            assert!(serde_json::from_str::<GroupId>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_id_is_taken_for_a_day_by_what_looks_for_days_of_patients() {
        let days = (1900..2100).flat_map(|year| (1..=12).map(move |month| (year, month)));
        for (year, month) in days {
            for day in [1, 28, 31] {
                let text = format!("{year}{month:02}{day:02}75f54d7eae45506f83582e72");
                let id = GroupId::from_bits(u128::from_str_radix(&text, 16).unwrap());
                assert_eq!(finds(id.short()), [], "{text}");
                assert_eq!(finds(id.as_str()), [], "{text}");
                assert_eq!(id.as_str()[1..], text[1..]);
            }
        }
    }
}
