//! Doubtful values, counted by column and kind of doubt.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::batch::CountedWarning;
use super::files::InputFile;
use crate::dispute::{Doubt, Field, quoted, quoted_as_is, shape};

/// How many different values a warning shows.
const SHOWN_VALUES: usize = 10;

/// The doubts of some rows; two tallies add up, in any order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<(Field, Doubt), Counted>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Counted {
    count: u64,
    /// Fit to be shown, sorted.
    values: Vec<String>,
    /// File and line of the first.
    first: (usize, u64),
}

/// The doubts of one kind in a file of which the rows are kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptDoubt {
    field: String,
    doubt: Doubt,
    count: u64,
    /// Fit to be shown, sorted.
    values: Vec<String>,
    /// Of the first.
    line: u64,
}

impl Tally {
    /// Counts one doubt of a value that is not yet fit to be shown, at this file and line.
    pub(super) fn count(&mut self, field: Field, doubt: Doubt, value: &str, place: (usize, u64)) {
        if field.is_private() || field.misfit(value).is_some() {
            self.count_shown(field, doubt, &shape(value), place);
        } else if let Some(value) = quoted_as_is(value) {
            self.count_shown(field, doubt, value, place);
        } else {
            self.count_shown(field, doubt, &quoted(value), place);
        }
    }

    /// As [`Tally::count`], of a text that is fit to be shown.
    pub(super) fn count_shown(&mut self, field: Field, doubt: Doubt, shown: &str, place: (usize, u64)) {
        let counted = self.0.entry((field, doubt)).or_insert_with(|| Counted {
            count: 0,
            values: Vec::new(),
            first: place,
        });
        counted.count += 1;
        counted.first = counted.first.min(place);
        counted.show(shown);
    }

    /// Adds everything that `other` has counted, and leaves it empty.
    pub(super) fn absorb(&mut self, other: &mut Self) {
        for (key, theirs) in std::mem::take(&mut other.0) {
            match self.0.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(theirs);
                }
                Entry::Occupied(place) => {
                    let ours = place.into_mut();
                    ours.count += theirs.count;
                    ours.first = ours.first.min(theirs.first);
                    for value in theirs.values {
                        ours.show(&value);
                    }
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was counted in one file, to be kept beside its rows.
    pub(super) fn to_kept(&self) -> Vec<KeptDoubt> {
        let kept =
            |((field, doubt), Counted { count, values, first: (_, line) }): (&(Field, Doubt), &Counted)| {
                KeptDoubt {
                    field: field.name().to_owned(),
                    doubt: *doubt,
                    count: *count,
                    values: values.clone(),
                    line: *line,
                }
            };
        self.0.iter().map(kept).collect()
    }

    /// As it was counted when that file was read.
    pub(super) fn of_kept(kept: &[KeptDoubt], file_index: usize) -> Self {
        let counted = |KeptDoubt { field, doubt, count, values, line }: &KeptDoubt| {
            let counted = Counted { count: *count, values: values.clone(), first: (file_index, *line) };
            Some(((Field::from_name(field)?, *doubt), counted))
        };
        Self(kept.iter().filter_map(counted).collect())
    }

    pub(super) fn into_warnings(self, settings: &Settings, files: &[InputFile]) -> Vec<CountedWarning> {
        let warnings = self.0.into_iter().map(|((field, doubt), counted)| {
            let Counted { count, values, first: (file_index, line) } = counted;
            let column = settings.column(field).to_owned();
            CountedWarning { field, column, doubt, count, values, file: files[file_index].path.clone(), line }
        });
        warnings.collect()
    }
}

impl Counted {
    /// Kept sorted and short, so that the values shown do not depend on the order of rows.
    fn show(&mut self, value: &str) {
        if let Err(at) = self.values.binary_search_by(|shown| shown.as_str().cmp(value))
            && at < SHOWN_VALUES
        {
            self.values.insert(at, value.to_owned());
            self.values.truncate(SHOWN_VALUES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up_in_any_order() {
        let doubts = |numbers: &[u64]| {
            let mut tally = Tally::default();
            for number in numbers {
                tally.count(Field::State, Doubt::State, &format!("Z{number}`"), (1, *number));
            }
            tally
        };
        let all: Vec<u64> = (0..40).collect();
        let whole = doubts(&all);
        let (front, back) = all.split_at(17);
        for (first, second) in [(front, back), (back, front)] {
            let mut sum = doubts(first);
            let mut other = doubts(second);
            sum.absorb(&mut other);
            assert_eq!(sum, whole);
            assert_eq!(other, Tally::default());
        }
        let counted = &whole.0[&(Field::State, Doubt::State)];
        assert_eq!((counted.count, counted.values.len(), counted.first), (40, SHOWN_VALUES, (1, 0)));
        assert_eq!(counted.values[..2], ["Z0'", "Z1'"]);
    }

    #[test]
    fn a_private_value_is_shown_by_its_form_only() {
        let mut tally = Tally::default();
        tally.count(Field::ClaimRef, Doubt::Link, "RX 77", (0, 1));
        assert_eq!(tally.0[&(Field::ClaimRef, Doubt::Link)].values, ["aa ##"]);
    }
}
