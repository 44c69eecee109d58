//! The last look at a finished text before it leaves: refuses what has the shape of patient data.
//!
//! Typed columns decide what may become text at all, and what a value of each may look like ([`Field::misfit`]). The
//! gate then goes through the finished text. What looks private there and is no part of a value that a typed column, or
//! disputebot itself, put into it, is refused with its place and its kind, never its value: a due date, the NPI of a
//! pharmacy and the id of a dispute stay what they are, and the same digits anywhere else do not.

use std::{borrow::Cow, collections::BTreeSet, fmt, ops::Range};

use super::markdown::flatten;
use crate::dispute::{Field, Shape, finds, plain};

/// Something that looks private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Find {
    /// What it looks like.
    pub kind: &'static str,
}

/// Looks in a text for the first thing that nothing but a person has. Days and numbers are left to those who know
/// which of them belong there.
pub fn screen(text: &str) -> Option<Find> {
    let of_a_person = finds(&plain(text)).into_iter().find(|find| find.shape.is_of_a_person());
    of_a_person.map(|find| Find { kind: find.shape.as_str() })
}

/// The same for words of which nothing is known, such as those of an error: days and long numbers count as well.
pub fn screen_foreign(text: &str) -> Option<Find> {
    finds(&plain(text)).first().map(|find| Find { kind: find.shape.as_str() })
}

/// A text, or that it is withheld because it looks private.
pub fn open(text: &str) -> Cow<'_, str> {
    screen(text).map_or(Cow::Borrowed(text), |find| Cow::Owned(withheld(find.kind)))
}

/// A text of which nothing is known, or that it is withheld because it looks private.
pub fn open_foreign(text: &str) -> Cow<'_, str> {
    screen_foreign(text).map_or(Cow::Borrowed(text), |find| Cow::Owned(withheld(find.kind)))
}

/// A value of an open column, or that it is withheld because it looks like what its column does not have.
pub fn open_value(column: Field, value: &str) -> Cow<'_, str> {
    column.misfit(value).map_or(Cow::Borrowed(value), |shape| Cow::Owned(withheld(shape.as_str())))
}

/// What stands in the place of a value that is withheld.
pub fn withheld(kind: &str) -> String {
    format!("(withheld: it looks like it holds {kind})")
}

/// Why a finished text does not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which text, by which template.
    pub place: String,
    /// The column whose value it is, where it is one.
    pub column: Option<Field>,
    /// What was found.
    pub kind: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} looks like it holds {}", self.place, self.kind)?;
        match self.column {
            Some(column) => write!(f, " (column `{column}`)"),
            None => Ok(()),
        }
    }
}

/// The values that were put into a text, as far as they look like anything: nothing is known of the others, and nothing
/// needs to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// They may stand there.
    passed: BTreeSet<Box<str>>,
    /// They may not, by their column.
    failed: BTreeSet<(Box<str>, Field)>,
}

impl Typed {
    /// A value of a column as it is shown.
    pub fn value(&mut self, column: Field, shown: &str) {
        let line = flatten(shown);
        let value = plain(&line);
        let found = finds(&value);
        if found.is_empty() {
            return;
        }
        match column.misfit(&value) {
            None => self.passed.insert(value.into()),
            Some(_) => self.failed.insert((value.into(), column)),
        };
    }

    /// A text that is no value of the input: a day that was computed, a name from the config.
    pub fn ours(&mut self, text: &str) {
        let text = plain(text);
        if !finds(&text).is_empty() {
            self.passed.insert(text.into());
        }
    }

    /// A text about somebody who works with what is shown: a name and a mail address in it are theirs, and nothing else.
    pub fn person(&mut self, text: &str) {
        let text = plain(text);
        for find in finds(&text).into_iter().filter(|it| matches!(it.shape, Shape::Name | Shape::Mail)) {
            self.passed.insert(text[find.range].into());
        }
    }

    /// With those of another text.
    pub fn join(&mut self, other: &Self) {
        self.passed.extend(other.passed.iter().cloned());
        self.failed.extend(other.failed.iter().cloned());
    }

    /// Lets a finished text pass, or says what in it looks private. `wrote` is what its template says by itself.
    pub fn gate(&self, place: &str, text: &str, wrote: &str) -> Result<(), Refusal> {
        self.gate_against(place, text, wrote, |_| true)
    }

    /// The same for an answer to a person: days and numbers in it may be that person's own words.
    pub fn gate_answer(&self, place: &str, text: &str) -> Result<(), Refusal> {
        self.gate_against(place, text, "", Shape::is_of_a_person)
    }

    fn gate_against(
        &self,
        place: &str,
        text: &str,
        wrote: &str,
        counts: impl Fn(Shape) -> bool,
    ) -> Result<(), Refusal> {
        let text = plain(text);
        for find in finds(&text) {
            let is_passed = || is_within(&text, &find.range, self.passed.iter().map(AsRef::as_ref));
            if !counts(find.shape) || self.is_whole_word(&text, &find.range) || is_passed() {
                continue;
            }
            let failed = self.failed.iter();
            let column =
                failed.filter(|(value, _)| is_within(&text, &find.range, [&**value])).map(|(_, of)| *of);
            let column = column.min();
            if column.is_none() && wrote.contains(&text[find.range.clone()]) {
                continue;
            }
            return Err(Refusal { place: place.to_owned(), column, kind: find.shape.as_str() });
        }
        Ok(())
    }

    /// Whether what was found and what stands around it is one of the values: the short way for long lists of ids.
    fn is_whole_word(&self, text: &str, range: &Range<usize>) -> bool {
        let is_end = |sign: char| sign.is_whitespace() || sign == ',';
        let start = text[..range.start].rfind(is_end).map_or(0, |at| at + 1);
        let end = text[range.end..].find(is_end).map_or(text.len(), |at| range.end + at);
        text.get(start..end).is_some_and(|word| self.passed.contains(word))
    }
}

/// Whether a part of a text is a part of one of some values that stands there.
fn is_within<'v>(text: &str, range: &Range<usize>, values: impl IntoIterator<Item = &'v str>) -> bool {
    let found = &text[range.clone()];
    values.into_iter().any(|value| {
        value.match_indices(found).any(|(at, _)| {
            let start = range.start.checked_sub(at);
            start.and_then(|start| text.get(start..)).is_some_and(|rest| rest.starts_with(value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(typed: &Typed, text: &str) -> Option<(Option<Field>, &'static str)> {
        typed.gate("text", text, "").err().map(|refusal| (refusal.column, refusal.kind))
    }

    #[test]
    fn a_finished_text_may_hold_what_typed_columns_put_there_and_nothing_alike() {
        let mut typed = Typed::default();
        typed.value(Field::PharmacyNpi, "1234567893");
        typed.value(Field::DisputeId, "1000000001");
        typed.value(Field::DisputeId, "D-2026-01-15-0001");
        typed.value(Field::Manufacturer, "Dr. Example");
        typed.value(Field::Payer, "Example Plan");
        typed.ours("2026-12-31");
        let text = "2026-12-31: 1000000001, D-2026-01-15-0001. | 1234567893 | of Dr. Example, Example Plan";
        assert_eq!(kind(&typed, text), None);
        for (text, found) in [
            ("1000000001 2026-12-30", "a full date"),
            ("1000000001, 1000000002", "a long number"),
            ("91000000001", "a long number"),
            ("10000000019", "a long number"),
            ("D-2026-01-15-0001 of 2026-01-15", "a full date"),
            ("Dr. Examplesson", "a person's name"),
            ("123\u{2011}45\u{2011}6789", "a social security number"),
        ] {
            assert_eq!(kind(&typed, text), Some((None, found)), "{text}");
        }
    }

    #[test]
    fn a_value_that_its_column_may_not_hold_is_refused_where_it_is_shown_with_its_column() {
        let mut typed = Typed::default();
        typed.value(Field::Payer, "member 123456789 of a plan");
        assert_eq!(kind(&typed, "1,234 disputes of one payer"), None);
        let shown = "always member 123456789 of a plan";
        assert_eq!(kind(&typed, shown), Some((Some(Field::Payer), "a long number")));
        let refusal = typed.gate("summary (template `summary.txt`)", shown, shown).unwrap_err().to_string();
        assert_eq!(
            refusal,
            "the summary (template `summary.txt`) looks like it holds a long number (column `payer`)"
        );
    }

    #[test]
    fn what_the_operator_wrote_into_a_template_may_stand_in_its_text() {
        let wrote = "Questions: rebates@example.com, (555) 010-1234. {{ due }}";
        let text = "Questions: rebates@example.com, (555) 010-1234. 2026-12-31";
        let mut typed = Typed::default();
        assert!(typed.gate("text", text, wrote).is_err(), "the day is of no column");
        typed.ours("2026-12-31");
        assert_eq!(typed.gate("text", text, wrote), Ok(()));
    }

    #[test]
    fn a_person_hears_their_own_days_again_and_nothing_of_a_patient() {
        let typed = Typed::default();
        assert_eq!(typed.gate_answer("answer", "`snooze 2026-12-24` has no length such as 14d"), Ok(()));
        assert!(typed.gate_answer("answer", "`status of 123-45-6789` is none").is_err());
    }
}
