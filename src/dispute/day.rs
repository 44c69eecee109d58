//! Days as sources write them: ISO dates and timestamps, US dates with slashes, and eight digits.
//!
//! Reads the day as written and never moves it over a time zone. Two-digit years are refused, not guessed.

use jiff::civil::Date;

/// Why a text is not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// The form is not one of those read.
    #[error("a date (such as `2026-09-30`, `09/30/2026` or `20260930`)")]
    Form,
    /// The month number is not 1 to 12.
    #[error("a date (months are 1 to 12, and come before the day in dates with slashes)")]
    Month,
    /// The month has no such day.
    #[error("a date ({} {year} has {days} days)", month_name(*.month))]
    Day {
        /// The year found.
        year: i16,
        /// The month found, 1 to 12.
        month: i8,
        /// How many days that month has.
        days: i8,
    },
    /// The year is outside 1900 to 2099.
    #[error("a date (its year is from 1900 to 2099)")]
    Year,
}

/// Reads a day.
pub fn parse(text: &str) -> Result<Date, DayError> {
    let text = text.trim();
    if let Some((year, month, day)) = plain(text.as_bytes()) {
        return date(year, month, day);
    }
    if text.contains('/') {
        let mut parts = text.split('/');
        let (Some(month), Some(day), Some(year), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(DayError::Form);
        };
        return date(number(year, 4, 4)?, number(month, 1, 2)?, number(day, 1, 2)?);
    }
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return date(number(&text[..4], 4, 4)?, number(&text[4..6], 2, 2)?, number(&text[6..], 2, 2)?);
    }
    let (day_part, rest) = text.split_at_checked(10).ok_or(DayError::Form)?;
    if !is_time(rest) {
        return Err(DayError::Form);
    }
    let mut parts = day_part.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(DayError::Form);
    };
    date(number(year, 4, 4)?, number(month, 2, 2)?, number(day, 2, 2)?)
}

fn date(year: i16, month: i16, day: i16) -> Result<Date, DayError> {
    if !(1900..=2099).contains(&year) {
        return Err(DayError::Year);
    }
    let month = i8::try_from(month).ok().filter(|month| (1..=12).contains(month)).ok_or(DayError::Month)?;
    if let Some(date) = i8::try_from(day).ok().and_then(|day| Date::new(year, month, day).ok()) {
        return Ok(date);
    }
    let first = Date::new(year, month, 1).map_err(|_| DayError::Month)?;
    Err(DayError::Day { year, month, days: first.days_in_month() })
}

/// Year, month and day of `2026-09-30`, the most frequent form, written exactly so.
fn plain(text: &[u8]) -> Option<(i16, i16, i16)> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    Some((number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?))
}

/// A number of at least `least` and at most `most` digits.
fn number(text: &str, least: usize, most: usize) -> Result<i16, DayError> {
    if !(least..=most).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DayError::Form);
    }
    text.parse().map_err(|_| DayError::Form)
}

/// Nothing, or `T` or a space, then a time of day with an optional zone.
fn is_time(rest: &str) -> bool {
    let Some(time) = rest.strip_prefix(['T', 't', ' ']) else { return rest.is_empty() };
    let bytes = time.as_bytes();
    bytes.len() >= 5
        && bytes[0].is_ascii_digit()
        && bytes[1].is_ascii_digit()
        && bytes[2] == b':'
        && bytes.iter().all(|b| b.is_ascii_digit() || b":.+-Zz ".contains(b))
}

fn month_name(month: i8) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    usize::try_from(month - 1).ok().and_then(|index| NAMES.get(index)).copied().unwrap_or("this month")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_as_the_same_day() {
        for text in [
            "2026-09-30",
            "2026-09-30T23:59:59Z",
            "2026-09-30 00:00:00.000",
            "2026-09-30T00:00:00-05:00",
            "09/30/2026",
            "9/30/2026",
            "20260930",
            " 2026-09-30 ",
        ] {
            assert_eq!(parse(text), Ok(Date::constant(2026, 9, 30)), "{text}");
        }
    }

    #[test]
    fn a_day_that_the_month_has_not_is_refused_with_the_reason() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(message("02/30/2026"), "a date (February 2026 has 28 days)");
        assert_eq!(message("2028-02-30"), "a date (February 2028 has 29 days)");
        assert_eq!(message("20260431"), "a date (April 2026 has 30 days)");
        assert_eq!(message("30/09/2026"), DayError::Month.to_string());
    }

    #[test]
    fn refuses_what_is_no_day() {
        for (text, expected) in [
            ("9/30/26", DayError::Form),
            ("2026-9-30", DayError::Form),
            ("2026-09-30x", DayError::Form),
            ("2026-09-30Tnoon", DayError::Form),
            ("46295", DayError::Form),
            ("0026-09-30", DayError::Year),
            ("", DayError::Form),
            ("２０２６-09-30", DayError::Form),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }
}
