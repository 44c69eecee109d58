//! The week in five sentences, made from the figures by rules: what came in, what was solved, what is at risk
//! before which deadline, where money and units are, what changed and whether the machine can be trusted.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{Weekly, words};
use crate::{state::Sum, ticket::facts};

/// Lines that a sentence names at most.
const NAMED: usize = 3;

pub(super) fn story(weekly: &Weekly) -> Vec<String> {
    if weekly.runs == 0 {
        return vec![format!(
            "There was no run in this week, so nothing is known of it{}.",
            if weekly.total.disputes > 0 { "; what follows was so before" } else { "" }
        )];
    }
    vec![came(weekly), solved(weekly), at_risk(weekly), where_it_is(weekly), changed(weekly)]
}

fn step(weekly: &Weekly, name: &str) -> usize {
    weekly.flow.steps.iter().find(|step| step.name == name).map_or(0, |step| step.count)
}

fn came(weekly: &Weekly) -> String {
    let found = step(weekly, "new");
    let others: Vec<String> = [
        (step(weekly, "split off"), "split off another one", "split off others"),
        (step(weekly, "reopened"), "came back", "came back"),
    ]
    .into_iter()
    .filter(|(count, _, _)| *count > 0)
    .map(|(count, one, many)| format!("{} {}", facts::thousands(count), if count == 1 { one } else { many }))
    .collect();
    let mut text = match found {
        0 => "No new root cause was found".to_owned(),
        found => format!("{} found", words::count(found, "new root cause was", "new root causes were")),
    };
    if !others.is_empty() {
        text = format!("{text}, {}", words::list(&others));
    }
    let tickets = match weekly.tickets.opened {
        0 => "no ticket was".to_owned(),
        count => words::count(count, "ticket was", "tickets were"),
    };
    format!(
        "{text}, and {tickets} opened; {} open in all.",
        words::count(weekly.total.disputes, "dispute is", "disputes are"),
    )
}

fn solved(weekly: &Weekly) -> String {
    let resolved = step(weekly, "resolved");
    let mut text = match resolved {
        0 => "No root cause was settled".to_owned(),
        one => {
            let median = words::median(&weekly.resolution.days)
                .map(|days| {
                    format!(", in the middle case after {}", words::count(days_of(days), "day", "days"))
                })
                .unwrap_or_default();
            format!("{} settled{median}", words::count(one, "root cause was", "root causes were"))
        }
    };
    let merged = step(weekly, "merged");
    if merged > 0 {
        text = format!(
            "{text} and {}",
            words::count(merged, "was merged into another", "were merged into others")
        );
    }
    let (before, after) = (weekly.flow.before, weekly.flow.after);
    let against = match after.cmp(&before) {
        std::cmp::Ordering::Equal => "as many as a week before".to_owned(),
        std::cmp::Ordering::Greater => {
            format!("{} more than a week before", facts::thousands(after - before))
        }
        std::cmp::Ordering::Less => format!("{} fewer than a week before", facts::thousands(before - after)),
    };
    format!("{text}, which leaves {} open, {against}.", words::count(after, "root cause", "root causes"))
}

pub(super) fn days_of(days: i64) -> usize {
    usize::try_from(days).unwrap_or(0)
}

/// What all deadlines of the two weeks put at stake.
pub(super) fn at_stake(weekly: &Weekly) -> Sum {
    let mut sum = Sum::default();
    for deadline in &weekly.deadlines {
        sum += deadline.stake.sum;
    }
    sum
}

/// What is lost in words.
pub(super) fn loss(sum: Sum) -> String {
    let parts: Vec<String> =
        [(sum.exposed, "would have to be paid"), (sum.recoverable, "could no longer be had back")]
            .into_iter()
            .filter(|(amount, _)| *amount > Decimal::ZERO)
            .map(|(amount, what)| format!("{} {what}", words::about(amount)))
            .collect();
    if parts.is_empty() { "no amount is given for them".to_owned() } else { words::list(&parts) }
}

fn at_risk(weekly: &Weekly) -> String {
    let overdue = match weekly.overdue.sum.disputes {
        0 => String::new(),
        count => format!("; {} overdue already", words::count(count, "dispute is", "disputes are")),
    };
    let (Some(first), Some(last)) = (weekly.deadlines.first(), weekly.deadlines.last()) else {
        let (from, to) = weekly.ahead;
        return format!(
            "Nothing that is known of falls due from {} to {}{overdue}.",
            words::day(from),
            words::day(to)
        );
    };
    let sum = at_stake(weekly);
    let when = if first.day == last.day {
        format!("On {}", words::day(first.day))
    } else {
        format!("From {} to {}", words::day(first.day), words::day(last.day))
    };
    format!(
        "{when} {} due, and if nobody acts {}{overdue}.",
        words::count(sum.disputes, "dispute falls", "disputes fall"),
        loss(sum),
    )
}

fn where_it_is(weekly: &Weekly) -> String {
    let mut by_money: Vec<_> = weekly.programs.iter().collect();
    let amount = |figures: &facts::Figures| figures.exposed + figures.recoverable;
    by_money
        .sort_by(|a, b| amount(&b.figures).cmp(&amount(&a.figures)).then_with(|| a.program.cmp(&b.program)));
    let mut units: BTreeMap<&str, Decimal> = BTreeMap::new();
    for line in &weekly.programs {
        for (unit, count) in &line.figures.units {
            *units.entry(unit).or_default() += count;
        }
    }
    let mut units: Vec<(&str, Decimal)> = units.into_iter().collect();
    units.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let units: Vec<String> =
        units.into_iter().take(NAMED).map(|(unit, count)| facts::units_text(count, unit)).collect();
    let Some(most) = by_money.first() else {
        return "No dispute is open, so no money is at stake.".to_owned();
    };
    let units = if units.is_empty() {
        "no units are given".to_owned()
    } else {
        format!("the units are {}", words::list(&units))
    };
    format!(
        "In all, {}; most of the money is in the program {} ({}), and {units}.",
        words::both(weekly.total.exposed, weekly.total.recoverable),
        most.program,
        words::both(most.figures.exposed, most.figures.recoverable),
    )
}

fn changed(weekly: &Weekly) -> String {
    let quality = &weekly.quality;
    let change = weekly.changes.iter().find(|change| change.before > 0).map_or_else(String::new, |change| {
        format!(
            "The group that changed most is {} ({} to {} disputes: {}); ",
            change.key,
            facts::thousands(change.before),
            facts::thousands(change.after),
            change.why,
        )
    });
    let grouped = words::percent(quality.grouped.part, quality.grouped.whole);
    let rule = words::percent(quality.rules.found, quality.rules.matching);
    let overruled: BTreeSet<&str> = weekly.overruled.iter().map(|one| one.key.as_str()).collect();
    let people = match overruled.len() {
        0 => "nobody overruled the machine".to_owned(),
        count => format!("people overruled the machine on {}", words::count(count, "ticket", "tickets")),
    };
    let input = match weekly.incomplete_runs {
        0 => String::new(),
        count => format!(
            ", and in {} of {} the input was incomplete, so that nothing was closed there",
            count,
            words::count(weekly.runs, "run", "runs")
        ),
    };
    let text = format!(
        "{change}{grouped} of the open disputes share a cause, {rule} of what the rules find is right, and {people}{input}."
    );
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
