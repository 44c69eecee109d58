//! Shapes that data of a patient has in a text, and which of them a value of a column may have all the same.
//!
//! A shape is no proof: a dispute's number is long, a due date is a full date, and a manufacturer may be called after a
//! doctor. So what a value may look like goes with its column, and what a finished text may look like goes with the
//! values that were put into it. Never gives a value away: a [`Find`] has the kind and the place.

use std::{
    borrow::Cow,
    ops::Range,
    sync::{LazyLock, OnceLock},
};

use regex::{Regex, RegexSet};

use super::{Field, npi, text::unseen};

/// What a part of a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A social security number.
    SocialSecurity,
    /// A Medicare beneficiary identifier (CMS format).
    Beneficiary,
    /// A mail address.
    Mail,
    /// A telephone number.
    Telephone,
    /// A form of address and a name.
    Name,
    /// A date of birth.
    Birth,
    /// A prescription number.
    Prescription,
    /// A day.
    Date,
    /// Nine digits or more in a row, or in the groups of a social security number.
    LongNumber,
}

impl Shape {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SocialSecurity => "a social security number",
            Self::Beneficiary => "a Medicare beneficiary identifier",
            Self::Mail => "a mail address",
            Self::Telephone => "a telephone number",
            Self::Name => "a person's name",
            Self::Birth => "a date of birth",
            Self::Prescription => "a prescription number",
            Self::Date => "a full date",
            Self::LongNumber => "a long number",
        }
    }

    /// Whether no typed value has any reason to look so: what is left are days and numbers, which many have.
    pub fn is_of_a_person(self) -> bool {
        !matches!(self, Self::Date | Self::LongNumber)
    }
}

/// A part of a text that looks private.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// What it looks like.
    pub shape: Shape,
    /// Where it stands, in bytes of the plain text.
    pub range: Range<usize>,
}

struct Shapes {
    all: RegexSet,
    each: Vec<(Shape, Pattern)>,
}

/// A pattern that is read when it is needed first: most texts have none, and many processes live for a moment.
struct Pattern {
    text: String,
    read: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(text: String) -> Self {
        Self { text, read: OnceLock::new() }
    }

    fn read(&self) -> Option<&Regex> {
        self.read.get_or_init(|| Regex::new(&self.text).ok()).as_ref()
    }
}

/// Without Unicode a text is gone through once, whatever else it holds.
static SHAPES: LazyLock<Shapes> = LazyLock::new(|| {
    const MONTH: &str = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*";
    const YEAR: &str = "(?:19|20)[0-9]{2}";
    // Letters of the beneficiary identifier: without S, L, O, I, B, Z.
    const LETTER: &str = "[ac-hjkmnp-rt-y]";
    const SIGN: &str = "[0-9ac-hjkmnp-rt-y]";
    let shapes = [
        (Shape::SocialSecurity, r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b".to_owned()),
        (
            Shape::Beneficiary,
            format!(r"(?i)\b[1-9]{LETTER}{SIGN}[0-9][- ]?{LETTER}{SIGN}[0-9][- ]?{LETTER}{{2}}[0-9]{{2}}\b"),
        ),
        (Shape::Mail, r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}".to_owned()),
        (Shape::Telephone, r"(?:\([0-9]{3}\) ?|\b[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}\b".to_owned()),
        (
            Shape::Name,
            // With initials, apostrophes and letters beyond ASCII, of which a name may begin with one; undotted capitals of
            // forms (`MR`, `DR`) are none.
            r"\b(?:(?:Mr|Mrs|Ms|Miss|Dr|Patient|Pt)(?:\.? |\.)(?:[A-Z](?:\. ?| ))*(?:[A-Z]'[A-Z]?[a-z]+|(?u:\p{Lu}\p{Ll}+))|patient [A-Z][a-z]+|(?:MR\.|MRS\.?|MS\.|DR\.|PATIENT|PT\.) ?(?:[A-Z](?:\. ?| ))*(?:[A-Z]'[A-Z]+|(?u:\p{Lu}{2,})))"
                .to_owned(),
        ),
        (
            Shape::Birth,
            format!(
                r"(?i)\b(?:dob|d\.o\.b|born|birth|birth ?da(?:te|y))\b[\x00-\x09\x0B-/:-\x7F]{{0,12}}(?:{YEAR}\b|[0-9]{{6,8}}\b|[0-9]{{1,2}}(?:[-/. ][0-9]{{1,2}}[-/. ][0-9]{{2,4}}|,? {YEAR}))"
            ),
        ),
        (
            Shape::Prescription,
            r"(?i)\b(?:rx|prescription) ?(?:no|#|number|num)?[.:]? ?#?[0-9]{5,}".to_owned(),
        ),
        (
            Shape::Date,
            format!(
                r"(?i)\b(?:{YEAR}[-/.](?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12][0-9]|3[01])|(?:0?[1-9]|1[0-2])[-/.](?:0?[1-9]|[12][0-9]|3[01])[-/.](?:{YEAR}|[0-9]{{2}})|(?:1[3-9]|2[0-9]|3[01])[-/.](?:0?[1-9]|1[0-2])[-/.]{YEAR}|{YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])|{MONTH}[.]? [0-3]?[0-9](?:st|nd|rd|th)?,? {YEAR}|[0-3]?[0-9](?:st|nd|rd|th)?[- ]{MONTH}[-.,]? ?{YEAR})\b"
            ),
        ),
        (Shape::LongNumber, r"[0-9]{9,}".to_owned()),
        (Shape::LongNumber, r"\b[0-9]{3}[ .][0-9]{2}[ .][0-9]{4}\b".to_owned()),
    ];
    // Letters and digits are those of ASCII; what only looks like them was made them by `plain`.
    let shapes = shapes.map(|(shape, pattern)| (shape, format!("(?-u){pattern}")));
    Shapes {
        // A pattern that is none finds nothing; a test reads them.
        all: RegexSet::new(shapes.iter().map(|(_, pattern)| pattern)).unwrap_or_else(|_| RegexSet::empty()),
        each: shapes.map(|(shape, pattern)| (shape, Pattern::new(pattern))).into(),
    }
});

/// Words after `Patient` and `Pt` that make it no person.
const OF_PATIENTS: [&str; 24] = [
    "access",
    "advocate",
    "advocates",
    "advocacy",
    "assistance",
    "benefit",
    "care",
    "centered",
    "choice",
    "copay",
    "direct",
    "first",
    "foundation",
    "health",
    "liability",
    "network",
    "pay",
    "program",
    "protection",
    "safety",
    "savings",
    "services",
    "support",
    "responsibility",
];

/// Words after `Dr` that make it a delayed release.
const FORMS: [&str; 14] = [
    "cap", "caps", "capsule", "capsules", "granule", "granules", "oral", "packet", "pellets", "sprinkle",
    "susp", "tab", "tablet", "tablets",
];

/// Words that follow the name of a firm.
const FIRM: [&str; 12] = [
    "lab",
    "labs",
    "laboratory",
    "laboratories",
    "pharma",
    "pharmaceutical",
    "pharmaceuticals",
    "inc",
    "ltd",
    "llc",
    "corp",
    "company",
];

/// A text as it looks: hyphens, blanks, letters and digits that only look like those of ASCII are those, and what
/// cannot be seen is gone.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let as_it_looks = |sign: char| -> Option<char> {
        Some(match sign {
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xfee0)?,
            '\u{660}'..='\u{669}' => char::from_digit(u32::from(sign) - 0x660, 10)?,
            '\u{6f0}'..='\u{6f9}' => char::from_digit(u32::from(sign) - 0x6f0, 10)?,
            '\u{966}'..='\u{96f}' => char::from_digit(u32::from(sign) - 0x966, 10)?,
            '\n' | '\r' | '\t' => sign,
            _ if !sign.is_ascii() && unseen(sign.encode_utf8(&mut [0; 4])).is_some() => return None,
            _ => sign,
        })
    };
    Cow::Owned(text.chars().filter_map(as_it_looks).collect())
}

/// Everything in a plain text that looks private.
pub fn finds(plain: &str) -> Vec<Find> {
    let found = SHAPES.all.matches(plain);
    let each = found.into_iter().filter_map(|place| SHAPES.each.get(place));
    each.filter_map(|(shape, pattern)| Some((shape, pattern.read()?)))
        .flat_map(|(shape, pattern)| pattern.find_iter(plain).map(|found| (*shape, found.range())))
        .filter(|(shape, range)| is_meant(*shape, plain, range))
        .map(|(shape, range)| Find { shape, range })
        .collect()
}

/// Whether a part of a text is what it looks like, by what stands around it.
fn is_meant(shape: Shape, plain: &str, range: &Range<usize>) -> bool {
    let (found, after) = (&plain[range.clone()], &plain[range.end..]);
    match shape {
        Shape::Name => is_name(found, after),
        // A titration pack has three strengths: `10/20/30 mg`.
        Shape::Date => !begins_with_any(after.trim_start(), &["mg", "mcg", "ml", "%", "units"]),
        Shape::LongNumber => !is_id(plain, range) && !is_named_number(found, &plain[..range.start]),
        // `Rx` may end a name that an NDC follows.
        Shape::Prescription => {
            !after.strip_prefix('-').is_some_and(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit()))
        }
        _ => true,
    }
}

fn is_name(found: &str, after: &str) -> bool {
    let mut words = found.split(' ');
    let title = words.next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    let name = words.next().unwrap_or_default().to_ascii_lowercase();
    match title.as_str() {
        "patient" | "pt" => !OF_PATIENTS.contains(&name.as_str()),
        "dr" => {
            let is_brand = begins_with_any(after, &["'s", "\u{2019}s"]);
            let mut next =
                after.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            let is_firm =
                next.by_ref().take(3).any(|word| FIRM.contains(&word.to_ascii_lowercase().as_str()));
            !is_brand && !is_firm && !FORMS.contains(&name.as_str())
        }
        _ => true,
    }
}

fn begins_with_any(text: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|one| text.get(..one.len()).is_some_and(|start| start.eq_ignore_ascii_case(one)))
}

/// Whether digits stand within a random id or a digest of ours.
fn is_id(plain: &str, range: &Range<usize>) -> bool {
    let is_part = |sign: &u8| sign.is_ascii_hexdigit() || *sign == b'-';
    let bytes = plain.as_bytes();
    let before = bytes[..range.start].iter().rev().take_while(|sign| is_part(sign)).count();
    let after = bytes[range.end..].iter().take_while(|sign| is_part(sign)).count();
    let token = &bytes[range.start - before..range.end + after];
    token.iter().filter(|sign| **sign != b'-').count() >= 32 && token.iter().any(u8::is_ascii_lowercase)
}

/// Whether a number is named as that of a product or a pharmacy, and is well formed as such.
fn is_named_number(digits: &str, before: &str) -> bool {
    let before = before.trim_end_matches([' ', ':', '#']);
    let is_after = |name: &str| {
        before
            .len()
            .checked_sub(name.len())
            .and_then(|at| before.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    digits.len() == 11 && is_after("ndc") || is_after("npi") && npi::check(digits).is_ok()
}

impl Field {
    /// What a value of this column looks like and has no reason to, if it is open at all: its type decides what is in it.
    pub fn misfit(self, value: &str) -> Option<Shape> {
        let value = plain(value);
        self.misfit_of(&value, &finds(&value))
    }

    /// The same, of what was found in the value.
    pub(crate) fn misfit_of(self, plain: &str, finds: &[Find]) -> Option<Shape> {
        let fits = |find: &&Find| {
            let found = &plain[find.range.clone()];
            match (self, find.shape) {
                // Firms are called after people, and the client of all rows is no patient.
                (Self::Manufacturer, Shape::Name) => true,
                // `Ms Contin` and `Dr` for delayed release.
                (Self::ProductName, Shape::Name) => found.starts_with("Ms ") || found.starts_with("Dr "),
                (_, shape) if shape.is_of_a_person() => false,
                (
                    Self::DisputeId
                    | Self::UnitsInvoiced
                    | Self::UnitsDisputed
                    | Self::AmountDisputed
                    | Self::OpenedAt
                    | Self::DueAt
                    | Self::ResolvedAt
                    | Self::PostmarkedAt
                    | Self::ReceivedAt
                    | Self::RemittedAt,
                    _,
                ) => true,
                // A mistyped one is kept as it is; eight digits of it may be those of a day.
                (Self::PharmacyNpi, _) => {
                    plain.len() == 10 && plain.bytes().all(|sign| sign.is_ascii_digit())
                }
                (Self::Ndc, Shape::LongNumber) => {
                    (10..=12).contains(&found.len()) && found.len() == plain.trim().len()
                }
                _ => false,
            }
        };
        finds.iter().find(|find| !fits(find)).map(|find| find.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Vec<Shape> {
        let mut shapes: Vec<Shape> = finds(&plain(text)).into_iter().map(|find| find.shape).collect();
        shapes.sort();
        shapes.dedup();
        shapes
    }

    #[test]
    fn every_shape_is_a_valid_expression() {
        let read = SHAPES.each.iter().filter(|(_, pattern)| pattern.read().is_some()).count();
        assert_eq!((SHAPES.all.len(), read), (10, 10));
    }

    #[test]
    fn what_is_of_a_person_is_found_however_it_is_written() {
        for (shape, texts) in [
            (
                Shape::SocialSecurity,
                &[
                    "SSN 123-45-6789",
                    "SSN 123\u{2011}45\u{2013}6789",
                    "１２３-45-6789",
                    "12\u{200b}3-45-6789",
                    "١٢٣-45-6789",
                ][..],
            ),
            (Shape::Beneficiary, &["1EG4-TE5-MK73", "1EG4TE5MK73", "1eg4te5mk73", "1EG4 TE5 MK73"]),
            (Shape::Mail, &["write to someone@example.com"]),
            (Shape::Telephone, &["call (555) 010-1234", "call 555-010-1234", "555.010.1234"]),
            (
                Shape::Name,
                &[
                    "Mrs. Example called",
                    "Patient Example",
                    "Dr. Example, clinic",
                    "MRS EXAMPLE",
                    "DR. EXAMPLE, CLINIC",
                    "Miss Example",
                    "the patient Example",
                    "PATIENT EXAMPLE",
                    "Mr. J. Example called",
                    "Mr. J Q Example",
                    "Mrs. O'Example",
                    "Mr. Öxample",
                    "Mr.Example",
                    "MRS. O'EXAMPLE",
                    "DR. J. EXAMPLE",
                ],
            ),
            (Shape::Birth, &["DOB 1950", "born 3/21/50", "Date of birth: March 21, 1950", "dob 03211950"]),
            (Shape::Prescription, &["Rx# 1234567", "RX1234567", "prescription number 1234567"]),
        ] {
            for text in texts {
                assert!(shapes(text).contains(&shape), "{text}: {:?}", shapes(text));
            }
        }
    }

    #[test]
    fn words_of_the_field_look_like_nothing() {
        for text in [
            "NDC 00022-2127-95, TX, reason code D, 2026Q3",
            "NDC 00022212795 and pharmacy NPI 1234567893, covered entity DSH450123-01",
            "1,234,567.5 ML",
            "D-2026-000123",
            "Patient Assistance Program of Examplia",
            "Examplazole Dr Capsules 20 mg",
            "Dr. Example's Laboratories",
            "DR. EXAMPLE'S LABORATORIES",
            "Dr Example Labs Ltd",
            "Examplast 10/20/30 mg titration pack",
            "Birth control 28",
            "Examplol Rx 00022-2127-95",
            "dispute-group-0123456789abcdef00000000000000a7",
            "0190f7c2-0000-7000-8000-123456789abc",
            "Examplol 10 mg/5 mL",
            "Example Plan 2026",
            "0.9% 1,000 mL, 24 x 12",
            "Plan 12345678",
            "Patient ID and Patient NDC are no columns of ours",
        ] {
            assert_eq!(shapes(text), [], "{text}");
        }
    }

    #[test]
    fn a_column_decides_what_its_values_may_look_like() {
        let dates = [
            "Plan of 1950-03-21",
            "Plan 3/21/1950",
            "plan 03.21.50",
            "Plan (March 21, 1950)",
            "21 Mar 1950",
            "21/03/1950",
            "March 21st, 1950",
            "21st March 1950",
            "Mar. 21, 1950",
            "Plan 19500321",
        ];
        for text in dates {
            assert_eq!(Field::Payer.misfit(text), Some(Shape::Date), "{text}");
        }
        for text in ["member 123456789", "A12345678901", "123 45 6789"] {
            assert_eq!(Field::Payer.misfit(text), Some(Shape::LongNumber), "{text}");
        }
        for (field, text) in [
            (Field::DisputeId, "D-2026-01-15-0001"),
            (Field::DisputeId, "100000000123"),
            (Field::PharmacyNpi, "1234567893"),
            (Field::PharmacyNpi, "1234567890"),
            (Field::Ndc, "00022212795"),
            (Field::DueAt, "2026-12-31"),
            (Field::AmountDisputed, "1234567890.12"),
            (Field::Manufacturer, "Dr. Example"),
            (Field::ProductName, "Ms Examplin"),
            (Field::ProductName, "Examplol Dr Something"),
        ] {
            assert_eq!(field.misfit(text), None, "{field} {text}");
        }
        let open = Field::ALL.into_iter().filter(|field| !field.is_private());
        for field in open {
            assert_eq!(field.misfit("123-45-6789"), Some(Shape::SocialSecurity), "{field}");
        }
        for (field, text) in [
            (Field::State, "123456789"),
            (Field::PharmacyNpi, "12345678901"),
            (Field::ProductName, "Mrs. Example"),
            (Field::ProductName, "Dr. Example"),
            (Field::Payer, "Dr Example"),
        ] {
            assert!(field.misfit(text).is_some(), "{field} {text}");
        }
    }
}
