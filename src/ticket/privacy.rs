//! The last look at a finished text before it leaves: refuses what has the shape of patient data.
//!
//! Typed columns already decide what may become text; this gate is for what slips into free-text columns
//! such as a payer's or a product's name. It names the kind of the find, never the value.

use std::sync::LazyLock;

use regex::Regex;

/// Something that looks private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Find {
    /// What it looks like.
    pub kind: &'static str,
}

/// Kinds and their shapes. Medicare beneficiary identifier: CMS format of eleven characters, letters without
/// S, L, O, I, B, Z, written with or without hyphens.
static SHAPES: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    const LETTER: &str = "[AC-HJKMNP-RT-Y]";
    let beneficiary = format!(
        r"\b[1-9]{LETTER}[0-9AC-HJKMNP-RT-Y][0-9]-?{LETTER}[0-9AC-HJKMNP-RT-Y][0-9]-?{LETTER}{{2}}[0-9]{{2}}\b"
    );
    [
        ("a social security number", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"),
        ("a Medicare beneficiary identifier", beneficiary.as_str()),
        ("a mail address", r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"),
        ("a telephone number", r"(?:\(\d{3}\) ?|\b\d{3}[-. ])\d{3}[-. ]\d{4}\b"),
        ("a person's name", r"\b(?:Mr|Mrs|Ms|Dr|Patient|Pt)\.? [A-Z][a-z]+"),
        ("a date of birth", r"(?i)\b(?:dob|born|birth)\b.{0,12}\d"),
        ("a prescription number", r"(?i)\brx ?(?:no|#|number)?\.? ?#?\d{5,}"),
    ]
    .into_iter()
    .filter_map(|(kind, shape)| Regex::new(shape).ok().map(|shape| (kind, shape)))
    .collect()
});

/// Shapes that a value of a column that people fill with words has no reason to have: in a finished text days are those
/// of deadlines, and long numbers those of pharmacies and disputes.
static SHAPES_OF_WORDS: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    [
        ("a full date", r"\b(?:19|20)\d{2}[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])\b"),
        ("a full date", r"\b(?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12]\d|3[01])[-/.](?:(?:19|20)\d{2}|\d{2})\b"),
        (
            "a full date",
            r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* [0-3]?\d,? (?:19|20)\d{2}\b",
        ),
        ("a long number", r"\d{9,}"),
    ]
    .into_iter()
    .filter_map(|(kind, shape)| Regex::new(shape).ok().map(|shape| (kind, shape)))
    .collect()
});

/// Looks for the first private thing in a value of a column that people fill with words: stricter than [`screen`].
pub fn screen_words(value: &str) -> Option<Find> {
    let of_words = SHAPES_OF_WORDS.iter().find(|(_, shape)| shape.is_match(value));
    screen(value).or(of_words.map(|(kind, _)| Find { kind }))
}

/// Looks for the first private thing in a text.
pub fn screen(text: &str) -> Option<Find> {
    SHAPES.iter().find(|(_, shape)| shape.is_match(text)).map(|(kind, _)| Find { kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_valid_expression() {
        assert_eq!((SHAPES.len(), SHAPES_OF_WORDS.len()), (7, 4));
    }

    #[test]
    fn a_column_of_words_holds_no_full_date_and_no_long_number() {
        for private in [
            "Plan of 1950-03-21",
            "Plan 3/21/1950",
            "plan 03.21.50",
            "Plan (March 21, 1950)",
            "member 123456789",
            "A12345678901",
        ] {
            assert_eq!(screen(private), None, "it may stand in a finished text: {private}");
            assert!(screen_words(private).is_some(), "{private}");
        }
        for open in ["Examplol 10 mg/5 mL", "Example Plan 2026", "0.9% 1,000 mL, 24 x 12", "Plan 12345678"] {
            assert_eq!(screen_words(open), None, "{open}");
        }
    }

    #[test]
    fn shapes_of_patient_data_are_refused() {
        for private in [
            "SSN 123-45-6789",
            "1EG4-TE5-MK73",
            "1EG4TE5MK73",
            "write to someone@example.com",
            "call (555) 010-1234",
            "call 555-010-1234",
            "Mrs. Example called",
            "DOB 1950",
            "Rx# 1234567",
        ] {
            assert!(screen(private).is_some(), "{private}");
        }
    }

    #[test]
    fn words_of_the_field_pass() {
        for open in [
            "NDC 00022-2127-95, TX, reason code D, 2026Q3",
            "pharmacy NPI 1234567893, covered entity DSH450123-01",
            "next due date 2026-12-01, 1,234,567.5 ML",
            "D-2026-000123",
        ] {
            assert_eq!(screen(open), None, "{open}");
        }
    }
}
