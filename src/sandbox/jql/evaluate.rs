//! Checks a query against what there is, then finds and orders issues.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::sandbox::dialect::Flavour;
use crate::sandbox::rights::Permission;
use crate::sandbox::site::{self, CATEGORIES, Choice, ISSUE_TYPES, PRIORITIES, RESOLUTIONS};
use crate::sandbox::workflow;
use crate::sandbox::world::{Issue, World};

use super::JqlError;
use super::parse::{Clause, Operand, Operator, Order, Query, Test};

/// A field that queries know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Project,
    Key,
    IssueType,
    Status,
    StatusCategory,
    Labels,
    Assignee,
    Reporter,
    Creator,
    Resolution,
    Priority,
    Summary,
    Created,
    Updated,
    Due,
}

/// A condition whose names and values are known to exist.
enum Check {
    All(Vec<Check>),
    Any(Vec<Check>),
    Empty { field: Field, wanted: bool },
    OneOf { field: Field, values: Vec<String>, wanted: bool },
    Words { words: Vec<String>, wanted: bool },
    Time { field: Field, operator: Operator, limit: Timestamp },
}

pub(super) fn evaluate<'a>(
    world: &World,
    who: &str,
    query: &Query,
    candidates: Vec<&'a Issue>,
) -> Result<Vec<&'a Issue>, JqlError> {
    let mut unknown = Vec::new();
    let check = compile(world, who, &query.clause, &mut unknown);
    let mut order: Vec<(Field, bool)> = Vec::new();
    for Order { field, falling } in &query.order {
        match field_named(field) {
            Some(found) => order.push((found, *falling)),
            None => unknown.push(no_such_field(field)),
        }
    }
    if !unknown.is_empty() {
        return Err(JqlError::Unknown(unknown));
    }

    let mut found = candidates;
    found.retain(|issue| check.holds(issue));
    found.sort_by(|left, right| {
        for (field, falling) in &order {
            let ordering = compare(*field, left, right);
            if ordering != Ordering::Equal {
                return if *falling { ordering.reverse() } else { ordering };
            }
        }
        right.id.cmp(&left.id)
    });
    Ok(found)
}

fn field_named(name: &str) -> Option<Field> {
    let field = match name.to_ascii_lowercase().as_str() {
        "project" => Field::Project,
        "key" | "id" | "issuekey" | "issue" => Field::Key,
        "issuetype" | "type" => Field::IssueType,
        "status" => Field::Status,
        "statuscategory" => Field::StatusCategory,
        "labels" => Field::Labels,
        "assignee" => Field::Assignee,
        "reporter" => Field::Reporter,
        "creator" => Field::Creator,
        "resolution" => Field::Resolution,
        "priority" => Field::Priority,
        "summary" => Field::Summary,
        "created" | "createddate" => Field::Created,
        "updated" | "updateddate" => Field::Updated,
        "duedate" | "due" => Field::Due,
        _ => return None,
    };
    Some(field)
}

fn no_such_field(name: &str) -> String {
    format!("Field '{name}' does not exist or you do not have permission to view it.")
}

/// Names all that is unknown, not only the first; the check is worthless if there is any.
fn compile(world: &World, who: &str, clause: &Clause, unknown: &mut Vec<String>) -> Check {
    match clause {
        Clause::All(clauses) => {
            Check::All(clauses.iter().map(|clause| compile(world, who, clause, unknown)).collect())
        }
        Clause::Any(clauses) => {
            Check::Any(clauses.iter().map(|clause| compile(world, who, clause, unknown)).collect())
        }
        Clause::Test(test) => compile_test(world, who, test).unwrap_or_else(|texts| {
            unknown.extend(texts);
            Check::Any(Vec::new())
        }),
    }
}

fn compile_test(world: &World, who: &str, test: &Test) -> Result<Check, Vec<String>> {
    let Test { field: name, operator, operands } = test;
    let field = field_named(name).ok_or_else(|| vec![no_such_field(name)])?;
    let unsupported =
        || vec![format!("The operator '{}' is not supported by the '{name}' field.", operator.sign())];
    let wanted =
        !matches!(operator, Operator::IsNot | Operator::NotEqual | Operator::NotIn | Operator::ContainsNot);
    let timed = matches!(field, Field::Created | Field::Updated | Field::Due);

    if let [Operand::Empty] = operands.as_slice() {
        return match operator {
            Operator::Is | Operator::IsNot | Operator::Equal | Operator::NotEqual => {
                Ok(Check::Empty { field, wanted })
            }
            _ => Err(unsupported()),
        };
    }
    match operator {
        Operator::Is | Operator::IsNot => Err(unsupported()),
        Operator::Contains | Operator::ContainsNot => match (field, operands.as_slice()) {
            (Field::Summary, [Operand::Text(text)]) => Ok(Check::Words { words: words(text), wanted }),
            _ => Err(unsupported()),
        },
        Operator::Before | Operator::BeforeOrAt | Operator::After | Operator::AfterOrAt => {
            match operands.as_slice() {
                [operand] if timed => {
                    let limit = moment(world, name, operand).map_err(|text| vec![text])?;
                    Ok(Check::Time { field, operator: *operator, limit })
                }
                _ => Err(unsupported()),
            }
        }
        Operator::Equal | Operator::NotEqual | Operator::In | Operator::NotIn => {
            if matches!(field, Field::Summary | Field::Created | Field::Updated) {
                return Err(unsupported());
            }
            if field == Field::Resolution && is_unresolved(operands) {
                return Ok(Check::Empty { field, wanted });
            }
            let mut values = Vec::new();
            let mut unknown = Vec::new();
            for operand in operands {
                match value(world, who, field, name, operand) {
                    Ok(value) => values.push(value),
                    Err(text) => unknown.push(text),
                }
            }
            if unknown.is_empty() { Ok(Check::OneOf { field, values, wanted }) } else { Err(unknown) }
        }
    }
}

/// `resolution = Unresolved` is how people ask for an empty resolution.
fn is_unresolved(operands: &[Operand]) -> bool {
    matches!(operands, [Operand::Text(text)] if text.eq_ignore_ascii_case("unresolved"))
}

/// What an operand means, in the form of [`values_of`].
fn value(world: &World, who: &str, field: Field, name: &str, operand: &Operand) -> Result<String, String> {
    let text = match operand {
        Operand::Text(text) => text.as_str(),
        Operand::Function(function)
            if function.eq_ignore_ascii_case("currentUser")
                && matches!(field, Field::Assignee | Field::Reporter | Field::Creator) =>
        {
            return Ok(who.to_owned());
        }
        Operand::Function(function) => {
            return Err(format!("Unable to find JQL function '{function}()' for the field '{name}'."));
        }
        Operand::Empty => return Err(format!("EMPTY is not supported in a list for the field '{name}'.")),
    };
    let no_such_value = || format!("The value '{text}' does not exist for the field '{name}'.");
    let id_of = |choices: &'static [Choice]| {
        site::choice(choices, text).map(|choice| choice.id.to_owned()).ok_or_else(no_such_value)
    };
    match field {
        Field::Project => world
            .project(text)
            .or_else(|| world.projects.iter().position(|project| project.name.eq_ignore_ascii_case(text)))
            .filter(|_| world.rights.allow(who, Permission::Browse))
            .map(|position| world.projects[position].id.clone())
            .ok_or_else(no_such_value),
        Field::Key => world
            .find(text)
            .filter(|id| world.issues.get(*id).is_some_and(|issue| world.sees(who, issue)))
            .map(|id| id.to_string())
            .ok_or_else(|| format!("An issue with key '{text}' does not exist for field '{name}'.")),
        Field::IssueType => id_of(&ISSUE_TYPES),
        Field::Priority => id_of(&PRIORITIES),
        Field::Resolution => id_of(&RESOLUTIONS),
        Field::Status => world
            .statuses()
            .into_iter()
            .find(|status| status.id == text || status.name.eq_ignore_ascii_case(text))
            .map(|status| status.id.to_owned())
            .ok_or_else(no_such_value),
        Field::StatusCategory => CATEGORIES
            .iter()
            .find(|category| {
                category.id.to_string() == text
                    || category.key.eq_ignore_ascii_case(text)
                    || category.name.eq_ignore_ascii_case(text)
            })
            .map(|category| category.key.to_owned())
            .ok_or_else(no_such_value),
        Field::Assignee | Field::Reporter | Field::Creator => world
            .users
            .iter()
            .find(|user| {
                user.account_id == text
                    || world.site.flavour == Flavour::DataCenter && (user.name == text || user.key == text)
                    || user.email.eq_ignore_ascii_case(text)
                    || user.display_name.eq_ignore_ascii_case(text)
            })
            .map(|user| user.account_id.clone())
            .ok_or_else(no_such_value),
        Field::Due => day(text).map(|day| day.to_string()).ok_or_else(|| not_a_date(text, name)),
        // A label that no issue has is no mistake: it finds nothing.
        Field::Labels | Field::Summary | Field::Created | Field::Updated => Ok(text.to_owned()),
    }
}

/// The values of a field as ids or words; none if it is empty.
fn values_of(field: Field, issue: &Issue) -> Vec<String> {
    let fields = &issue.fields;
    match field {
        Field::Project => vec![issue.project_id()],
        Field::Key => vec![issue.id.to_string()],
        Field::IssueType => vec![fields.issue_type.id.to_owned()],
        Field::Status => vec![fields.status.id.to_owned()],
        Field::StatusCategory => vec![fields.status.category.key.to_owned()],
        Field::Labels => fields.labels.iter().cloned().collect(),
        Field::Assignee => fields.assignee.iter().cloned().collect(),
        Field::Reporter => vec![fields.reporter.clone()],
        Field::Creator => vec![issue.creator.clone()],
        Field::Resolution => fields.resolution.iter().map(|found| found.id.to_owned()).collect(),
        Field::Priority => vec![fields.priority.id.to_owned()],
        Field::Summary => vec![fields.summary.clone()],
        Field::Created => vec![issue.created.to_string()],
        Field::Updated => vec![issue.updated.to_string()],
        Field::Due => fields.due.iter().map(Date::to_string).collect(),
    }
}

impl Check {
    fn holds(&self, issue: &Issue) -> bool {
        match self {
            Self::All(checks) => checks.iter().all(|check| check.holds(issue)),
            Self::Any(checks) => checks.iter().any(|check| check.holds(issue)),
            Self::Empty { field, wanted } => values_of(*field, issue).is_empty() == *wanted,
            Self::OneOf { field, values, wanted } => {
                let found = values_of(*field, issue);
                !found.is_empty() && found.iter().any(|value| values.contains(value)) == *wanted
            }
            Self::Words { words: asked, wanted } => {
                let found = words(&issue.fields.summary);
                let holds = asked.iter().all(|word| match word.strip_suffix('*') {
                    Some(start) => found.iter().any(|found| found.starts_with(start)),
                    None => found.contains(word),
                });
                holds == *wanted
            }
            Self::Time { field, operator, limit } => {
                let moment = match field {
                    Field::Created => Some(issue.created),
                    Field::Updated => Some(issue.updated),
                    _ => issue.fields.due.and_then(start_of),
                };
                moment.is_some_and(|moment| match operator {
                    Operator::Before => moment < *limit,
                    Operator::BeforeOrAt => moment <= *limit,
                    Operator::After => moment > *limit,
                    _ => moment >= *limit,
                })
            }
        }
    }
}

/// Empty values come last when rising, as on the real server.
fn compare(field: Field, left: &Issue, right: &Issue) -> Ordering {
    let position = |choices: &[Choice], wanted: &Choice| choices.iter().position(|choice| choice == wanted);
    let by_place = |issue: &Issue| workflow::place(issue.fields.status);
    match field {
        Field::Key => left.id.cmp(&right.id),
        Field::Created => left.created.cmp(&right.created),
        Field::Updated => left.updated.cmp(&right.updated),
        Field::Status | Field::StatusCategory => by_place(left).cmp(&by_place(right)),
        // The most urgent priority is the highest one, so it comes first when falling.
        Field::Priority => {
            position(&PRIORITIES, right.fields.priority).cmp(&position(&PRIORITIES, left.fields.priority))
        }
        Field::Summary => left.fields.summary.to_lowercase().cmp(&right.fields.summary.to_lowercase()),
        _ => {
            let (left, right) = (values_of(field, left), values_of(field, right));
            left.is_empty().cmp(&right.is_empty()).then_with(|| left.cmp(&right))
        }
    }
}

/// Lower-case words; a final `*` stays.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !(c.is_alphanumeric() || c == '*'))
        .filter(|word| !word.trim_matches('*').is_empty())
        .map(str::to_owned)
        .collect()
}

fn not_a_date(text: &str, name: &str) -> String {
    format!(
        "Date value '{text}' for field '{name}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', \
         'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )
}

/// A day, a minute or a span from now such as `-1d` or `-4w 2d`, in UTC.
fn moment(world: &World, name: &str, operand: &Operand) -> Result<Timestamp, String> {
    let text = match operand {
        Operand::Text(text) => text.trim(),
        Operand::Function(function) if function.eq_ignore_ascii_case("now") => return Ok(world.now()),
        Operand::Function(function) => {
            return Err(format!("Unable to find JQL function '{function}()' for the field '{name}'."));
        }
        Operand::Empty => return Err(format!("EMPTY cannot be compared with the field '{name}'.")),
    };
    let minute = || {
        let form = if text.contains('/') { "%Y/%m/%d %H:%M" } else { "%Y-%m-%d %H:%M" };
        let time = DateTime::strptime(form, text).ok()?;
        time.to_zoned_datetime(TimeZone::UTC).ok().map(|time| time.timestamp())
    };
    day(text)
        .and_then(start_of)
        .or_else(minute)
        .or_else(|| span(text).and_then(|span| world.now().checked_add(span).ok()))
        .ok_or_else(|| not_a_date(text, name))
}

fn day(text: &str) -> Option<Date> {
    let form = if text.contains('/') { "%Y/%m/%d" } else { "%Y-%m-%d" };
    Date::strptime(form, text).ok()
}

fn start_of(day: Date) -> Option<Timestamp> {
    day.to_zoned_datetime(TimeZone::UTC).ok().map(|time| time.timestamp())
}

/// Weeks, days, hours and minutes; a leading sign is for all of them. A number without a unit is minutes.
fn span(text: &str) -> Option<SignedDuration> {
    let (sign, amounts) = match text.strip_prefix('-') {
        Some(amounts) => (-1, amounts),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut minutes: i64 = 0;
    let mut found = false;
    for amount in amounts.split_whitespace() {
        let (number, unit) = match amount.char_indices().last()? {
            (position, unit) if unit.is_ascii_alphabetic() => (&amount[..position], unit),
            _ => (amount, 'm'),
        };
        let minutes_in_unit = match unit {
            'w' => 7 * 24 * 60,
            'd' => 24 * 60,
            'h' => 60,
            'm' => 1,
            _ => return None,
        };
        let number = number.parse::<u32>().ok()?;
        minutes = minutes.checked_add(i64::from(number).checked_mul(minutes_in_unit)?)?;
        found = true;
    }
    found.then_some(())?;
    minutes.checked_mul(sign * 60).map(SignedDuration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_add_up_and_share_their_sign() {
        assert_eq!(span("-1d"), Some(SignedDuration::from_hours(-24)));
        assert_eq!(span("-1w 2d"), Some(SignedDuration::from_hours(-9 * 24)));
        assert_eq!(span("3h 30m"), Some(SignedDuration::from_mins(210)));
        assert_eq!(span("-15"), Some(SignedDuration::from_mins(-15)));
        let far = "4294967295w ".repeat(4_000);
        for wrong in ["", "-", "d", "1y", "one", "1.5d", far.as_str()] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn words_keep_a_final_star() {
        assert_eq!(words("Carve-in: Pharm* (340B)"), ["carve", "in", "pharm*", "340b"]);
    }
}
