//! Calendar quarters, in every form in which invoices write them.
//!
//! `QYYYY` (CMS-R-144, CMS-304) and `CCYYQ` (some state extracts) are both five digits; for the years 1991 to
//! 2099 no text fits both. Never reads a month or a date as a quarter.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// The first year of the Medicaid Drug Rebate Program.
const FIRST_YEAR: i16 = 1991;
/// The last year for which the two five-digit forms cannot be confused.
const LAST_YEAR: i16 = 2099;

/// A calendar quarter of the years 1991 to 2099.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter {
    year: i16,
    quarter: u8,
}

/// Why a text or a pair of numbers is not a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuarterError {
    /// The form is not one of those read.
    #[error("a quarter (such as `2026Q3`, `3Q2026`, `32026`, `20263` or `3QCY26`)")]
    Form,
    /// The quarter number is not 1 to 4.
    #[error("a quarter (its number is 1, 2, 3 or 4)")]
    Number,
    /// The year is outside 1991 to 2099.
    #[error("a quarter (its year is from 1991 to 2099)")]
    Year,
}

impl Quarter {
    /// The `quarter` (1 to 4) of `year` (1991 to 2099).
    pub fn new(year: i16, quarter: u8) -> Result<Self, QuarterError> {
        if !(1..=4).contains(&quarter) {
            Err(QuarterError::Number)
        } else if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
            Err(QuarterError::Year)
        } else {
            Ok(Self { year, quarter })
        }
    }

    /// The quarter that holds `date`, where its year is from 1991 to 2099.
    pub fn from_date(date: Date) -> Result<Self, QuarterError> {
        Self::new(date.year(), (date.month().unsigned_abs() - 1) / 3 + 1)
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.year
    }

    /// The number of the quarter, 1 to 4.
    pub fn quarter(self) -> u8 {
        self.quarter
    }

    /// The last day of the quarter.
    pub fn last_day(self) -> Option<Date> {
        let month = i8::try_from(self.quarter * 3).ok()?;
        Date::new(self.year, month, 1).ok().map(Date::last_of_month)
    }

    /// The quarter after this one; `None` after the last of 2099.
    pub fn next(self) -> Option<Self> {
        let (year, quarter) =
            if self.quarter == 4 { (self.year + 1, 1) } else { (self.year, self.quarter + 1) };
        Self::new(year, quarter).ok()
    }

    /// The quarter before this one; `None` before the first of 1991.
    pub fn previous(self) -> Option<Self> {
        let (year, quarter) =
            if self.quarter == 1 { (self.year - 1, 4) } else { (self.year, self.quarter - 1) };
        Self::new(year, quarter).ok()
    }
}

impl FromStr for Quarter {
    type Err = QuarterError;

    fn from_str(text: &str) -> Result<Self, QuarterError> {
        if let (Some(year), Some(b"Q"), Some(number)) =
            (text.get(..4), text.as_bytes().get(4..5), text.get(5..))
            && let (Ok(year), Ok(number)) = (digits::<4>(year), digits::<1>(number))
        {
            return Self::new(year, quarter_number(number));
        }
        let text: String =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        if let Some((number, year)) = text.split_once("QCY") {
            let (number, year) = (digits::<1>(number)?, digits::<2>(year)?);
            return Self::new(2000 + year, quarter_number(number));
        }
        if let Some((before, after)) = text.split_once('Q') {
            let before = before.strip_suffix('-').unwrap_or(before);
            let (year, number) = match (before.len(), after.len()) {
                (4, 1) => (digits::<4>(before)?, digits::<1>(after)?),
                (1, 4) => (digits::<4>(after)?, digits::<1>(before)?),
                (0, 5) => (digits::<4>(&after[1..])?, digits::<1>(&after[..1])?),
                _ => return Err(QuarterError::Form),
            };
            return Self::new(year, quarter_number(number));
        }
        if text.len() != 5 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(QuarterError::Form);
        }
        let number_first = Self::new(digits::<4>(&text[1..])?, quarter_number(digits::<1>(&text[..1])?));
        number_first
            .or_else(|error| {
                Self::new(digits::<4>(&text[..4])?, quarter_number(digits::<1>(&text[4..])?))
                    .map_err(|_| error)
            })
            .map_err(|_| QuarterError::Form)
    }
}

/// Exactly `N` digits as a number.
fn digits<const N: usize>(text: &str) -> Result<i16, QuarterError> {
    if text.len() != N || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(QuarterError::Form);
    }
    text.parse().map_err(|_| QuarterError::Form)
}

/// One digit as the number of a quarter; the range is checked by [`Quarter::new`].
fn quarter_number(digit: i16) -> u8 {
    u8::try_from(digit).unwrap_or_default()
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Q{}", self.year, self.quarter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_as_the_same_quarter() {
        for text in [
            "2026Q3", "2026q3", "2026 Q3", "2026-Q3", "Q3 2026", "q32026", "3Q2026", "3q 2026", "32026",
            "20263", "3QCY26", "3qcy26",
        ] {
            assert_eq!(
                text.parse::<Quarter>().map(|quarter| quarter.to_string()),
                Ok("2026Q3".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn no_five_digits_fit_both_forms() {
        for number in 0..100_000_u32 {
            let text = format!("{number:05}");
            let number_first =
                Quarter::new(text[1..].parse().unwrap_or_default(), text[..1].parse().unwrap_or_default());
            let year_first =
                Quarter::new(text[..4].parse().unwrap_or_default(), text[4..].parse().unwrap_or_default());
            assert!(number_first.is_err() || year_first.is_err(), "{text} fits both");
            assert_eq!(text.parse::<Quarter>().ok(), number_first.or(year_first).ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_quarter() {
        for (text, expected) in [
            ("2026Q5", QuarterError::Number),
            ("0Q2026", QuarterError::Number),
            ("1990Q4", QuarterError::Year),
            ("52026", QuarterError::Form),
            ("2026-09", QuarterError::Form),
            ("2026-3", QuarterError::Form),
            ("Q3", QuarterError::Form),
            ("3Q26", QuarterError::Form),
            ("Q²2026", QuarterError::Form),
            ("", QuarterError::Form),
        ] {
            assert_eq!(text.parse::<Quarter>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn quarters_follow_each_other_over_the_year() {
        let fourth = Quarter::new(2025, 4).unwrap();
        let first = Quarter::new(2026, 1).unwrap();
        assert!(fourth < first);
        assert_eq!((fourth.next(), first.previous()), (Some(first), Some(fourth)));
        assert_eq!(Quarter::new(2099, 4).unwrap().next(), None);
        assert_eq!(Quarter::new(1991, 1).unwrap().previous(), None);
    }

    #[test]
    fn a_date_lies_in_its_quarter() {
        for (month, quarter) in [(1, 1), (3, 1), (4, 2), (9, 3), (10, 4), (12, 4)] {
            assert_eq!(Quarter::from_date(Date::constant(2026, month, 28)), Quarter::new(2026, quarter));
        }
    }
}
