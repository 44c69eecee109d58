//! Ways to write days and amounts that need telling: they are turned into the ways that need none.

use std::borrow::Cow;

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::dispute::Field;

/// How a source writes the days or the amounts of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// As the settings have it.
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Day(Vec<Part>),
    /// Days since 30 December 1899, as spreadsheets count.
    Serial,
    /// Dots between groups, a comma before the decimals.
    Comma,
    /// Digits without a point, of which so many are decimals.
    Implied(usize),
    /// Rounded to so many decimals, a half away from zero.
    Rounded(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    /// In this century.
    ShortYear,
    Month,
    MonthName,
    Day,
    Sign(char),
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// What is accepted for days and for amounts.
const OF_DAYS: &str =
    "`YYYY`, `YY`, `MM`, `MON` and `DD` with signs between them, such as `DD.MM.YYYY`, or `serial`";
const OF_AMOUNTS: &str = "`1.234,56`, `implied 2`, `rounded 2` or `overpunch 2`";

/// Decimal numbers of so many digits each have a binary number of 64 bits that no other of them has.
const EXACT_DIGITS: u32 = 15;

impl Format {
    /// Reads the setting of a column.
    pub fn parse(field: Field, text: &str) -> Result<Self, String> {
        let text = text.trim();
        let kind = match field {
            _ if is_day(field) => {
                if text == "serial" {
                    Some(Kind::Serial)
                } else {
                    day_parts(text).map(Kind::Day)
                }
            }
            Field::UnitsInvoiced | Field::UnitsDisputed | Field::UnitRebateAmount | Field::AmountDisputed => {
                let decimals =
                    |word: &str| text.strip_prefix(word)?.parse().ok().filter(|many| *many <= 9_u32);
                match (decimals("implied "), decimals("rounded ")) {
                    (Some(decimals), _) => Some(Kind::Implied(decimals as usize)),
                    (_, Some(decimals)) => Some(Kind::Rounded(decimals)),
                    _ if text == "1.234,56" => Some(Kind::Comma),
                    _ => None,
                }
            }
            _ => return Err(format!("`{field}` holds neither days nor amounts")),
        };
        let expected = if is_day(field) { OF_DAYS } else { OF_AMOUNTS };
        let kind = kind.ok_or_else(|| format!("expected {expected}"))?;
        Ok(Self { text: text.to_owned(), kind })
    }

    /// Whether it makes an exact amount of a number that is not.
    pub(super) fn rounds(&self) -> bool {
        matches!(self.kind, Kind::Rounded(_))
    }

    /// The value in a form that needs no telling; what is expected where it does not have this one.
    pub(super) fn rewrite<'t>(&self, value: &'t str) -> Result<Cow<'t, str>, String> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(Cow::Borrowed(value));
        }
        let rewritten = match &self.kind {
            Kind::Day(parts) => read_day(parts, value).map(|day| day.to_string()),
            Kind::Serial => serial(value).map(|day| day.to_string()),
            Kind::Comma => {
                let turn = |c| match c {
                    ',' => '.',
                    '.' => ',',
                    other => other,
                };
                Some(value.chars().map(turn).collect())
            }
            Kind::Implied(decimals) => with_point(value, *decimals),
            Kind::Rounded(decimals) => rounded(value, *decimals),
        };
        let noun = if matches!(self.kind, Kind::Day(_) | Kind::Serial) { "a date" } else { "an amount" };
        rewritten.map(Cow::Owned).ok_or_else(|| format!("{noun} written as `{}`", self.text))
    }
}

fn is_day(field: Field) -> bool {
    matches!(
        field,
        Field::ServiceDate
            | Field::OpenedAt
            | Field::DueAt
            | Field::ResolvedAt
            | Field::PostmarkedAt
            | Field::ReceivedAt
            | Field::RemittedAt
    )
}

/// The parts of a pattern that names year, month and day once each.
fn day_parts(text: &str) -> Option<Vec<Part>> {
    const WORDS: [(&str, Part); 5] = [
        ("YYYY", Part::Year),
        ("YY", Part::ShortYear),
        ("MON", Part::MonthName),
        ("MM", Part::Month),
        ("DD", Part::Day),
    ];
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((word, part)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
            parts.push(*part);
            rest = &rest[word.len()..];
        } else if first.is_alphanumeric() {
            return None;
        } else {
            parts.push(Part::Sign(first));
            rest = &rest[first.len_utf8()..];
        }
    }
    let count = |wanted: &[Part]| parts.iter().filter(|part| wanted.contains(part)).count();
    let is_whole = count(&[Part::Year, Part::ShortYear]) == 1
        && count(&[Part::Month, Part::MonthName]) == 1
        && count(&[Part::Day]) == 1;
    is_whole.then_some(parts)
}

fn read_day(parts: &[Part], value: &str) -> Option<Date> {
    let (mut year, mut month, mut day) = (0, 0, 0);
    let mut rest = value;
    for (place, part) in parts.iter().enumerate() {
        let is_apart = !matches!(parts.get(place + 1), Some(next) if !matches!(next, Part::Sign(_)));
        // A number that another follows at once has all of its digits.
        let least = if is_apart { 1 } else { 2 };
        match part {
            Part::Year => year = number(&mut rest, 4, 4)?,
            Part::ShortYear => year = 2000 + number(&mut rest, 2, 2)?,
            Part::Month => month = number(&mut rest, least, 2)?,
            Part::Day => day = number(&mut rest, least, 2)?,
            Part::MonthName => {
                let name = rest.get(..3)?.to_ascii_lowercase();
                month = 1 + i16::try_from(MONTHS.iter().position(|known| *known == name)?).ok()?;
                rest = rest[3..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
            }
            Part::Sign(sign) => rest = rest.strip_prefix(*sign)?,
        }
    }
    // A time of day may follow, and is not looked at.
    if !rest.is_empty() && !rest.starts_with([' ', 'T']) {
        return None;
    }
    Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
}

/// Takes a number of so many digits from the front.
fn number(rest: &mut &str, least: usize, most: usize) -> Option<i16> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at(digits);
    *rest = after;
    if digits >= least { number.parse().ok() } else { None }
}

fn serial(value: &str) -> Option<Date> {
    let days: i32 = value.split_once('.').map_or(value, |(days, _)| days).parse().ok()?;
    // Before that, spreadsheets count a day that was not.
    if days < 61 {
        return None;
    }
    Date::constant(1899, 12, 30).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

fn with_point(value: &str, decimals: usize) -> Option<String> {
    let (sign, digits) = match (value.strip_prefix('-').or(value.strip_suffix('-')), value.strip_prefix('+'))
    {
        (Some(digits), _) => ("-", digits),
        (None, Some(digits)) => ("", digits),
        (None, None) => ("", value),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    Some(format!("{sign}{whole}{point}{part}"))
}

fn rounded(value: &str, decimals: u32) -> Option<String> {
    let number = Decimal::from_str_exact(value).ok()?;
    let number = number.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    // Of more digits the last would be those of the binary number.
    let is_told_apart = number.normalize().mantissa().unsigned_abs() < 10_u128.pow(EXACT_DIGITS);
    is_told_apart.then(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(field: Field, format: &str, value: &str) -> String {
        match Format::parse(field, format).unwrap().rewrite(value) {
            Ok(text) => text.into_owned(),
            Err(expected) => format!("not {expected}"),
        }
    }

    #[test]
    fn days_in_any_order_become_iso_days() {
        for (format, value, expected) in [
            ("DD.MM.YYYY", "30.09.2026", "2026-09-30"),
            ("DD.MM.YYYY", "3.9.2026 14:00", "2026-09-03"),
            ("MM/DD/YYYY", "09/30/2026", "2026-09-30"),
            ("DDMMYYYY", "30092026", "2026-09-30"),
            ("MM/DD/YY", "9/30/26", "2026-09-30"),
            ("DD-MON-YYYY", "30-SEP-2026", "2026-09-30"),
            ("MON DD, YYYY", "September 30, 2026", "2026-09-30"),
            ("serial", "46295", "2026-09-30"),
            ("serial", "46295.75", "2026-09-30"),
            ("DD.MM.YYYY", "", ""),
            ("DD.MM.YYYY", "09/30/2026", "not a date written as `DD.MM.YYYY`"),
            ("DD.MM.YYYY", "31.09.2026", "not a date written as `DD.MM.YYYY`"),
            ("DDMMYYYY", "3092026", "not a date written as `DDMMYYYY`"),
            ("DD.MM.YYYY", "30.09.20261", "not a date written as `DD.MM.YYYY`"),
        ] {
            assert_eq!(rewritten(Field::OpenedAt, format, value), expected, "{format} on {value}");
        }
    }

    #[test]
    fn amounts_keep_every_digit() {
        for (format, value, expected) in [
            ("1.234,56", "1.234,50", "1,234.50"),
            ("1.234,56", "(12,00)", "(12.00)"),
            ("implied 2", "000123456", "0001234.56"),
            ("implied 3", "-5", "-0.005"),
            ("implied 2", "1234-", "-12.34"),
            ("implied 0", "+7", "7"),
            ("implied 2", "12.34", "not an amount written as `implied 2`"),
            ("rounded 2", "0.30000000000000004", "0.30"),
            ("rounded 2", "-2.675", "-2.68"),
            ("rounded 3", "1100", "1100"),
            ("rounded 2", "9999999999999.99", "9999999999999.99"),
            ("rounded 2", "99999999999999.98", "not an amount written as `rounded 2`"),
            ("rounded 2", "NaN", "not an amount written as `rounded 2`"),
            ("rounded 2", "inf", "not an amount written as `rounded 2`"),
        ] {
            assert_eq!(rewritten(Field::AmountDisputed, format, value), expected, "{format} on {value}");
        }
    }

    #[test]
    fn a_format_that_is_none_is_refused_with_those_that_are() {
        let refused = |field, text| Format::parse(field, text).unwrap_err();
        assert_eq!(refused(Field::OpenedAt, "DD.MM"), format!("expected {OF_DAYS}"));
        assert_eq!(refused(Field::OpenedAt, "yyyy-mm-dd"), format!("expected {OF_DAYS}"));
        assert_eq!(
            refused(Field::AmountDisputed, "implied 12"),
            "expected `1.234,56`, `implied 2`, `rounded 2` or `overpunch 2`"
        );
        assert_eq!(refused(Field::Ndc, "5-4-2"), "`ndc` holds neither days nor amounts");
    }
}
