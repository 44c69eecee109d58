//! Every sentence of the page beside the story, made from the figures by rules: findings of charts, notes, answers about
//! quality. The JSON form has them, too, so that each number within one is a number of it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{Weekly, chart, story, words};
use crate::ticket::facts;

/// Where all open tickets are listed.
const OPEN: &str = "#open";

/// An answer about the quality of the grouping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    /// Its name among the sentences.
    pub(super) name: &'static str,
    pub(super) question: &'static str,
    pub(super) value: String,
    pub(super) words: String,
    /// Where on the page the tickets or the run are that it is counted from.
    pub(super) href: &'static str,
}

/// The sentences by name; those of charts that are not drawn are absent.
pub fn sentences(weekly: &Weekly) -> BTreeMap<String, String> {
    let charts = chart::charts(weekly);
    let mut all: BTreeMap<String, String> = [
        ("headline", headline(weekly)),
        ("flow", flow_title(weekly)),
        ("money", money_title(weekly)),
        ("top", top_title(weekly)),
        ("resolution", resolution(weekly)),
    ]
    .into_iter()
    .chain(charts.sentences())
    .map(|(name, text)| (name.to_owned(), text))
    .collect();
    for (name, note) in CARDS.into_iter().zip(notes(weekly)) {
        all.insert(format!("note_{name}"), note);
    }
    for Answer { name, question: _, value, words, href: _ } in quality(weekly) {
        all.insert(format!("{name}_value"), value);
        all.insert(format!("{name}_words"), words);
    }
    all
}

/// Names of the four figures that a reader sees first.
pub(super) const CARDS: [&str; 4] = ["disputes", "causes", "exposed", "recoverable"];

/// What changed about them in a week.
pub(super) fn notes(weekly: &Weekly) -> [String; 4] {
    let before = weekly.total_before.as_ref();
    let change = |now: usize, before: Option<usize>| match before {
        None => String::new(),
        Some(before) if before == now => "as a week before".to_owned(),
        Some(before) if now > before => format!("{} more than a week before", facts::thousands(now - before)),
        Some(before) => format!("{} fewer than a week before", facts::thousands(before - now)),
    };
    let was = |amount: Option<Decimal>, what: &str| match amount {
        Some(amount) => format!("{what}; {} a week before", words::dollars(amount)),
        None => what.to_owned(),
    };
    [
        change(weekly.total.disputes, before.map(|before| before.disputes)),
        change(weekly.flow.after, Some(weekly.flow.before)),
        was(before.map(|before| before.exposed), "not paid while in dispute"),
        was(before.map(|before| before.recoverable), "paid already"),
    ]
}

/// What a reader sees first.
pub fn headline(weekly: &Weekly) -> String {
    if weekly.total.disputes == 0 {
        return "No dispute is open".to_owned();
    }
    let causes = words::count(weekly.flow.after, "root cause explains", "root causes explain");
    let part = words::percent(weekly.grouped, weekly.grouped + weekly.ungrouped);
    let stake = story::at_stake(weekly);
    let due = match (stake.disputes, (stake.exposed + stake.recoverable).is_zero()) {
        (0, _) => String::new(),
        (disputes, true) => format!("; {} due within two weeks", words::count(disputes, "is", "are")),
        (_, false) => {
            format!("; due within two weeks: {}", words::both(stake.exposed, stake.recoverable))
        }
    };
    format!(
        "{causes} {part} of {}{due}",
        words::count(weekly.total.disputes, "open dispute", "open disputes")
    )
}

pub(super) fn flow_title(weekly: &Weekly) -> String {
    let (before, after) = (weekly.flow.before, weekly.flow.after);
    let by = words::count(after.abs_diff(before), "root cause", "root causes");
    match after.cmp(&before) {
        std::cmp::Ordering::Greater => format!("{by} more open than a week before"),
        std::cmp::Ordering::Less => format!("{by} fewer open than a week before"),
        std::cmp::Ordering::Equal => "As many root causes are open as a week before".to_owned(),
    }
}

pub(super) fn money_title(weekly: &Weekly) -> String {
    let amount = |figures: &facts::Figures| figures.exposed + figures.recoverable;
    let most = weekly
        .programs
        .iter()
        .max_by(|a, b| amount(&a.figures).cmp(&amount(&b.figures)).then_with(|| b.program.cmp(&a.program)));
    most.filter(|most| !amount(&most.figures).is_zero()).map_or_else(
        || "No amount is given".to_owned(),
        |most| format!("Most money is in the program {}", most.program),
    )
}

pub(super) fn top_title(weekly: &Weekly) -> String {
    let Some(first) = weekly.top.first() else { return String::new() };
    let name = if first.key.is_empty() { &first.group } else { &first.key };
    format!("{name} is worth most: {}", words::both(first.figures.exposed, first.figures.recoverable))
}

pub(super) fn resolution(weekly: &Weekly) -> String {
    let sentence = |days: &[i64], when: &str| {
        let (Some(median), Some(slow)) = (words::median(days), days.get(days.len() * 9 / 10)) else {
            return format!("No root cause was resolved {when}.");
        };
        let count = words::count(days.len(), "root cause was", "root causes were");
        if days.len() == 1 {
            return format!(
                "{count} resolved {when}, after {}.",
                words::count(story::days_of(median), "day", "days")
            );
        }
        format!(
            "{count} resolved {when}: half within {}, nine of ten within {}.",
            words::count(story::days_of(median), "day", "days"),
            words::count(story::days_of(*slow), "day", "days"),
        )
    };
    format!(
        "{} {}",
        sentence(&weekly.resolution.days, "this week"),
        sentence(&weekly.resolution.days_before, "in the eleven weeks before")
    )
}

pub(super) fn quality(weekly: &Weekly) -> Vec<Answer> {
    let quality = &weekly.quality;
    let mut rows = vec![
        Answer {
            name: "explained",
            href: OPEN,
            question: "How much is explained?",
            value: words::percent(quality.grouped.part, quality.grouped.whole),
            words: format!(
                "{} of {} share a cause with others; the rest stand alone and are never forced into a group. A week before: {}.",
                facts::thousands(quality.grouped.part),
                words::count(quality.grouped.whole, "open dispute", "open disputes"),
                words::percent(quality.grouped_before.part, quality.grouped_before.whole),
            ),
        },
        Answer {
            name: "rules",
            href: OPEN,
            question: "Are the rules right?",
            value: words::percent(quality.rules.found, quality.rules.matching),
            words: format!(
                "Of {} that fit the rule of a group, {} are in it (precision). The rules find {} of all {} in groups (recall).",
                words::count(quality.rules.matching, "dispute", "disputes"),
                facts::thousands(quality.rules.found),
                words::percent(quality.rules.found, quality.rules.members),
                facts::thousands(quality.rules.members),
            ),
        },
        Answer {
            name: "ids",
            href: if quality.ids_lost.is_empty() { OPEN } else { "#ids" },
            question: "Do groups stay themselves?",
            value: words::percent(quality.ids_kept.part, quality.ids_kept.whole),
            words: format!(
                "{} of {} that were open a week before kept their name and ticket, or were settled under it; {}.",
                facts::thousands(quality.ids_kept.part),
                words::count(quality.ids_kept.whole, "group", "groups"),
                match quality.ids_lost.as_slice() {
                    [] => "none went over to another name".to_owned(),
                    [one] => format!("most disputes of {one} are under another name now"),
                    lost => format!(
                        "most disputes of the other {} are under other names now",
                        facts::thousands(lost.len())
                    ),
                },
            ),
        },
        Answer {
            name: "agreed",
            href: if quality.disagreed_keys.is_empty() { OPEN } else { "#disagreed" },
            question: "Do triagers agree?",
            value: words::percent(quality.agreed.part, quality.agreed.whole),
            words: agreement(weekly),
        },
        Answer {
            name: "baseline",
            href: OPEN,
            question: "Is it better than sorting by reason code alone?",
            value: words::percent(quality.by_code.with_largest, quality.by_code.disputes),
            words: baseline(weekly),
        },
    ];
    if let Some(reference) = &quality.reference {
        let most = quality.drift.iter().max_by(|a, b| a.distance.total_cmp(&b.distance));
        let parts: Vec<String> = quality
            .drift
            .iter()
            .map(|drift| {
                let gained =
                    drift.gained.as_ref().map(|name| format!(" (most gained: {name})")).unwrap_or_default();
                format!("{} {:.0}\u{a0}%{gained}", drift.of, drift.distance * 100.0)
            })
            .collect();
        rows.push(Answer {
            name: "drift",
            href: super::rows::OF_RUN,
            question: "Has the mix of disputes moved?",
            value: most.map_or_else(String::new, |most| format!("{:.0}\u{a0}%", most.distance * 100.0)),
            words: format!(
                "Share of the disputes that would have to be others for the mix of this week to look like that of the {}: {}. Above 20 % it is worth asking what changed at the source.",
                match reference.runs {
                    1 => format!("run of {}", reference.from),
                    runs => {
                        format!("last runs of {runs} weeks, {} to {}", reference.from, reference.to)
                    }
                },
                words::list(&parts)
            ),
        });
    }
    rows
}

fn agreement(weekly: &Weekly) -> String {
    let quality = &weekly.quality;
    let parts = |counts: &BTreeMap<String, usize>| -> String {
        let parts: Vec<String> =
            counts.iter().map(|(what, count)| format!("{} {what}", facts::thousands(*count))).collect();
        words::list(&parts)
    };
    let standing = if quality.disagreed.is_empty() {
        format!(
            "Of {}, people closed, muted, merged or split none against disputebot, and called none no group.",
            words::count(quality.agreed.whole, "open ticket", "open tickets")
        )
    } else {
        format!(
            "Of {}, people left all but {} as they are.",
            words::count(quality.agreed.whole, "open ticket", "open tickets"),
            parts(&quality.disagreed)
        )
    };
    if quality.decided.is_empty() {
        format!("{standing} This week they decided nothing new.")
    } else {
        format!("{standing} Decided this week, on any ticket: {}.", parts(&quality.decided))
    }
}

/// Rules of both kinds are measured alike, against disputebot's own groups; that is said, since it is no proof of them.
fn baseline(weekly: &Weekly) -> String {
    let (own, by_code) = (weekly.quality.rules, weekly.quality.by_code);
    let heaps = format!(
        "Sorted by reason code alone, the disputes in groups lie in {}, and {} lie with the largest group of their heap.",
        words::count(by_code.heaps, "heap", "heaps"),
        words::percent(by_code.with_largest, by_code.disputes),
    );
    let rules = if by_code.best.members == 0 {
        String::new()
    } else {
        format!(
            " Taken as the rule of each group, its most frequent reason code would be right in {} and find {}; disputebot's rules are right in {} and find {}.",
            words::percent(by_code.best.found, by_code.best.matching),
            words::percent(by_code.best.found, by_code.best.members),
            words::percent(own.found, own.matching),
            words::percent(own.found, own.members),
        )
    };
    format!(
        "{heaps}{rules} All of this is measured against disputebot's own groups, so it says how far reason codes alone would get to them and not which grouping is true: `disputebot evaluate` compares both with known causes."
    )
}
