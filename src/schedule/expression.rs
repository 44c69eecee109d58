//! Cron expressions: text with five or seven fields to the sets of numbers that they name.
//!
//! Knows the two dialects people write and refuses what they read differently. It promises that what it
//! accepts means the same to every reader, and that every refusal says which field and why. It never
//! looks at a clock or a zone.

use std::collections::BTreeSet;

use super::ScheduleError;

/// A checked expression.
#[derive(Debug)]
pub(super) struct Expression {
    /// As written, with single spaces between fields.
    pub(super) text: String,
    /// The same in the seven fields of the crate `cron`: explicit lists, weekdays by name.
    pub(super) seven_fields: String,
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expression, ScheduleError> {
    let written: Vec<&str> = text.split_whitespace().collect();
    let normal = written.join(" ");
    let reader = Reader { expression: &normal };
    let (dialect, fields) = match written.as_slice() {
        [name] if name.starts_with('@') => (Dialect::Unix, shorthand(name)?),
        [minute, hour, day, month, weekday] => {
            (Dialect::Unix, ["0", *minute, *hour, *day, *month, *weekday, "*"])
        }
        [second, minute, hour, day, month, weekday, year] => {
            (Dialect::Quartz, [*second, *minute, *hour, *day, *month, *weekday, *year])
        }
        fields => {
            return Err(ScheduleError::FieldCount { expression: normal.clone(), found: fields.len() });
        }
    };
    let [second, minute, hour, day, month, weekday, year] = fields;
    if !is_free(day) && !is_free(weekday) {
        return Err(ScheduleError::BothDayFields { expression: normal });
    }
    let seconds = reader.set(&SECOND, second)?;
    if seconds.len() > 1 {
        return Err(ScheduleError::TooOften { expression: normal });
    }
    let seven_fields = [
        list(&seconds),
        list(&reader.set(&MINUTE, minute)?),
        list(&reader.set(&HOUR, hour)?),
        list(&reader.set(&DAY, day)?),
        list(&reader.set(&MONTH, month)?),
        reader.weekdays(dialect, weekday)?,
        if year == "*" { year.to_owned() } else { list(&reader.set(&YEAR, year)?) },
    ]
    .join(" ");
    Ok(Expression { text: normal, seven_fields })
}

/// Who wrote the expression decides what a weekday number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Five fields, 0 and 7 are Sunday.
    Unix,
    /// Seven fields, where 1 is Sunday in Quartz and Monday in many heads.
    Quartz,
}

/// One field: what numbers and names it may hold.
struct Field {
    name: &'static str,
    min: u16,
    max: u16,
    /// Names of `names_from`, `names_from + 1`, …; a prefix of at least three letters is enough.
    names: &'static [&'static str],
    names_from: u16,
    /// `?` means `*` (the two day fields only).
    question_mark: bool,
}

const SECOND: Field =
    Field { name: "second", min: 0, max: 59, names: &[], names_from: 0, question_mark: false };
const MINUTE: Field = Field { name: "minute", ..SECOND };
const HOUR: Field = Field { name: "hour", max: 23, ..SECOND };
const DAY: Field = Field { name: "day of month", min: 1, max: 31, question_mark: true, ..SECOND };
const MONTH: Field =
    Field { name: "month", min: 1, max: 12, names: &MONTH_NAMES, names_from: 1, question_mark: false };
const WEEKDAY: Field =
    Field { name: "weekday", min: 0, max: 6, names: &WEEKDAY_NAMES, names_from: 0, question_mark: true };
/// The years that the crate `cron` can walk.
const YEAR: Field = Field { name: "year", min: 1970, max: 2100, ..SECOND };

const MONTH_NAMES: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAY_NAMES: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const WEEKDAY_SHORT: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The number that a week day by name or number can have at most: Unix writes Sunday as 0 or 7.
const SUNDAY_AGAIN: u16 = 7;

struct Reader<'a> {
    expression: &'a str,
}

impl Reader<'_> {
    fn weekdays(&self, dialect: Dialect, text: &str) -> Result<String, ScheduleError> {
        if is_free(text) {
            return Ok("*".to_owned());
        }
        if dialect == Dialect::Quartz && names_a_weekday_by_number(text) {
            return Err(ScheduleError::WeekdayNumber {
                expression: self.expression.to_owned(),
                found: text.to_owned(),
            });
        }
        let days = self.set(&WEEKDAY, text)?;
        let names: Vec<&str> =
            days.iter().filter_map(|day| WEEKDAY_SHORT.get(usize::from(*day)).copied()).collect();
        Ok(names.join(","))
    }

    fn set(&self, field: &Field, text: &str) -> Result<BTreeSet<u16>, ScheduleError> {
        let mut set = BTreeSet::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(self.step(field, step)?)),
                None => (part, None),
            };
            let (start, end) = self.range(field, range, step.is_some())?;
            for number in (start..=end).step_by(usize::from(step.unwrap_or(1))) {
                set.insert(if field.name == WEEKDAY.name { number % SUNDAY_AGAIN } else { number });
            }
        }
        Ok(set)
    }

    fn range(&self, field: &Field, text: &str, has_step: bool) -> Result<(u16, u16), ScheduleError> {
        if text == "*" || (text == "?" && field.question_mark) {
            return Ok((field.min, field.max));
        }
        let is_weekday = field.name == WEEKDAY.name;
        let Some((start, end)) = text.split_once('-') else {
            let number = self.number(field, text)?;
            let number = if is_weekday { number % SUNDAY_AGAIN } else { number };
            return Ok((number, if has_step { field.max } else { number }));
        };
        let (start, mut end) = (self.number(field, start)?, self.number(field, end)?);
        if is_weekday && end == 0 && start > 0 {
            end = SUNDAY_AGAIN;
        }
        if start > end {
            return Err(self.refuse(field, text, "a range must not run backwards".to_owned()));
        }
        Ok((start, end))
    }

    fn number(&self, field: &Field, text: &str) -> Result<u16, ScheduleError> {
        let max = if field.name == WEEKDAY.name { SUNDAY_AGAIN } else { field.max };
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().filter(|number| (field.min..=max).contains(number)).ok_or_else(|| {
                self.refuse(field, text, format!("expected a number from {} to {max}", field.min))
            });
        }
        let name = text.to_ascii_lowercase();
        let position = field.names.iter().position(|full| name.len() >= 3 && full.starts_with(name.as_str()));
        match position {
            Some(position) => Ok(field.names_from + position as u16),
            None if field.names.is_empty() => {
                Err(self.refuse(field, text, format!("expected `*` or a number from {} to {max}", field.min)))
            }
            None => Err(self.refuse(field, text, "expected `*`, a number or an English name".to_owned())),
        }
    }

    fn step(&self, field: &Field, text: &str) -> Result<u16, ScheduleError> {
        let most = field.max - field.min;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|step| digits && (1..=most).contains(step))
            .ok_or_else(|| self.refuse(field, text, format!("expected a step from 1 to {most}")))
    }

    fn refuse(&self, field: &Field, text: &str, reason: String) -> ScheduleError {
        ScheduleError::Field {
            expression: self.expression.to_owned(),
            field: field.name,
            found: text.to_owned(),
            reason,
        }
    }
}

fn shorthand(name: &str) -> Result<[&'static str; 7], ScheduleError> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "@hourly" => ["0", "0", "*", "*", "*", "*", "*"],
        "@daily" | "@midnight" => ["0", "0", "0", "*", "*", "*", "*"],
        "@weekly" => ["0", "0", "0", "*", "*", "sun", "*"],
        "@monthly" => ["0", "0", "0", "1", "*", "*", "*"],
        "@yearly" | "@annually" => ["0", "0", "0", "1", "1", "*", "*"],
        _ => return Err(ScheduleError::UnknownShorthand { found: name.to_owned() }),
    })
}

fn is_free(day_field: &str) -> bool {
    day_field == "*" || day_field == "?"
}

/// A digit outside the step after `/`.
fn names_a_weekday_by_number(text: &str) -> bool {
    text.split(',').any(|part| part.split('/').next().is_some_and(|range| range.contains(char::is_numeric)))
}

fn list(set: &BTreeSet<u16>) -> String {
    set.iter().map(u16::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use proptest::prelude::*;

    use super::*;

    fn seven(text: &str) -> String {
        parse(text).unwrap().seven_fields
    }

    fn weekdays(text: &str) -> String {
        let seven = seven(&format!("0 6 * * {text}"));
        seven.split(' ').nth(5).unwrap().to_owned()
    }

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn five_fields_count_weekdays_as_unix_does() {
        assert_eq!(weekdays("0"), "SUN");
        assert_eq!(weekdays("7"), "SUN");
        assert_eq!(weekdays("1"), "MON");
        assert_eq!(weekdays("1-5"), "MON,TUE,WED,THU,FRI");
        assert_eq!(weekdays("5-7"), "SUN,FRI,SAT");
        assert_eq!(weekdays("0-7"), "SUN,MON,TUE,WED,THU,FRI,SAT");
        assert_eq!(weekdays("1,3,5"), "MON,WED,FRI");
        assert_eq!(weekdays("*/2"), "SUN,TUE,THU,SAT");
        assert_eq!(weekdays("1-5/2"), "MON,WED,FRI");
        assert_eq!(weekdays("4/2"), "THU,SAT");
        assert_eq!(weekdays("7/3"), "SUN,WED,SAT");
        assert_eq!(weekdays("fri-SUN"), "SUN,FRI,SAT");
        assert_eq!(weekdays("Mon,thurs"), "MON,THU");
    }

    #[test]
    fn seven_fields_name_their_weekdays() {
        let (days, months) = (all(1, 31), all(1, 12));
        assert_eq!(
            seven("30 0 6 ? * MON-FRI 2027-2028"),
            format!("30 0 6 {days} {months} MON,TUE,WED,THU,FRI 2027,2028")
        );
        for digits in ["2", "2-6", "MON,3", "1/2"] {
            let refused = parse(&format!("0 0 6 * * {digits} *")).unwrap_err();
            assert!(matches!(refused, ScheduleError::WeekdayNumber { .. }), "{digits}: {refused}");
        }
        assert!(parse("0 0 6 * * MON-FRI/2 *").is_ok(), "a step is no weekday");
    }

    fn all(from: u16, to: u16) -> String {
        list(&(from..=to).collect())
    }

    #[test]
    fn steps_run_from_their_start_to_the_end_of_the_field() {
        assert!(seven("*/15 * * * *").starts_with("0 0,15,30,45 "));
        assert!(seven("5/20 * * * *").starts_with("0 5,25,45 "));
        assert!(seven("10-30/10,59 * * * *").starts_with("0 10,20,30,59 "));
    }

    #[test]
    fn shorthands_are_the_usual_ones() {
        for (shorthand, long) in [
            ("@hourly", "0 * * * *"),
            ("@daily", "0 0 * * *"),
            ("@Midnight", "0 0 * * *"),
            ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
            ("@annually", "0 0 1 1 *"),
        ] {
            assert_eq!(seven(shorthand), seven(long), "{shorthand}");
        }
        assert_eq!(
            refusal("@reboot"),
            "unknown shorthand `@reboot`; expected `@hourly`, `@daily`, `@weekly`, `@monthly` or `@yearly`"
        );
    }

    #[test]
    fn a_refusal_names_the_field_and_the_reason() {
        for (text, part) in [
            ("60 * * * *", "minute `60`: expected a number from 0 to 59"),
            ("0 24 * * *", "hour `24`: expected a number from 0 to 23"),
            ("0 0 0 * *", "day of month `0`: expected a number from 1 to 31"),
            ("0 0 L * *", "day of month `L`: expected `*` or a number from 1 to 31"),
            ("0 0 * 13 *", "month `13`: expected a number from 1 to 12"),
            ("0 0 * smarch *", "month `smarch`: expected `*`, a number or an English name"),
            ("0 0 * ju *", "month `ju`: expected `*`, a number or an English name"),
            ("0 0 * * 8", "weekday `8`: expected a number from 0 to 7"),
            ("0 17-9 * * *", "hour `17-9`: a range must not run backwards"),
            ("*/0 * * * *", "minute `0`: expected a step from 1 to 59"),
            ("*/90 * * * *", "minute `90`: expected a step from 1 to 59"),
            ("+5 * * * *", "minute `+5`: expected `*` or a number from 0 to 59"),
            ("1,,2 * * * *", "minute ``: expected `*` or a number from 0 to 59"),
            ("? * * * *", "minute `?`: expected `*` or a number from 0 to 59"),
            ("0 0 0 1 1 ? 1969", "year `1969`: expected a number from 1970 to 2100"),
            ("99999999999999999999 * * * *", "expected a number from 0 to 59"),
        ] {
            let refused = refusal(text);
            assert!(refused.contains(part), "`{text}` gave: {refused}");
        }
    }

    #[test]
    fn what_people_read_differently_is_refused() {
        assert!(matches!(parse("0 6 1 * MON"), Err(ScheduleError::BothDayFields { .. })));
        assert!(matches!(parse("0 0 6 1 * MON *"), Err(ScheduleError::BothDayFields { .. })));
        assert!(matches!(parse("0 0 6 * * *"), Err(ScheduleError::FieldCount { found: 6, .. })));
        assert!(matches!(parse(""), Err(ScheduleError::FieldCount { found: 0, .. })));
        assert!(parse("0 6 1 * ?").is_ok());
    }

    #[test]
    fn more_than_once_a_minute_is_refused() {
        assert!(matches!(parse("* * * * * * *"), Err(ScheduleError::TooOften { .. })));
        assert!(matches!(parse("0,30 * * * * * *"), Err(ScheduleError::TooOften { .. })));
        assert!(parse("30 * * * * * *").is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2_000,
            rng_seed: proptest::test_runner::RngSeed::Fixed(0xC20),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]
        #[test]
        fn any_text_is_refused_or_walked(
            text in "[0-9]{1,2}(-[0-9]{1,2})?(/[0-9])? (\\*|[0-9]{1,2})(/[0-9]{1,2})?( (\\*|\\?|[0-9]|MON|dec|[\\PC]{1,3})){3}( \\*){0,2}"
        ) {
            if let Ok(Expression { seven_fields, .. }) = parse(&text) {
                prop_assert!(cron::Schedule::from_str(&seven_fields).is_ok(), "{text} became {seven_fields}");
            }
        }
    }
}
