//! The likely cause of a group, by the playbook: its codes and its words among the members.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Serialize;

use super::{figures::percent, words};
use crate::{
    cluster::{Attribute, Explanation},
    dispute::{Dispute, Documentation, Program, RootCause, Tables},
};

/// The likely cause from the playbook.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Cause {
    /// Whether a cause of the playbook fits.
    pub known: bool,
    /// Its number in the playbook, empty where none fits.
    pub id: String,
    /// Its name, or `Shared cause, not yet named`.
    pub name: String,
    /// `likely` or `possible`.
    pub confidence: String,
    /// What speaks for it: the share of disputes with its codes, of notes with its words.
    pub evidence: String,
    /// Who must fix it.
    pub who: String,
    /// Next steps, in order.
    pub steps: Vec<String>,
    /// Documents that its shared reason codes demand.
    pub documents: Vec<String>,
    /// Other causes that fit about as well.
    pub others: Vec<String>,
}

/// How well a cause of the playbook fits: shares (0 to 1) of the members.
#[derive(Debug, Clone, Copy)]
struct Fit {
    /// Have one of its usual codes.
    coded: f64,
    /// Have a note with one of its phrases.
    phrased: f64,
}

impl Fit {
    /// A code is picked from a short list by whoever files the dispute; words say more.
    fn score(self) -> f64 {
        self.coded + 2.0 * self.phrased
    }

    fn evidence(self) -> String {
        let mut parts = Vec::new();
        if self.coded > 0.0 {
            parts.push(format!("{} of the disputes have one of its usual codes", percent(self.coded)));
        }
        if self.phrased > 0.0 {
            parts.push(format!("{} have a note in its words", percent(self.phrased)));
        }
        parts.join(", ")
    }
}

/// Score below which a cause is not named.
const NAMED: f64 = 0.5;
/// Score from which a cause is likely: nearly all have a code that is no other cause's, or many its words.
const LIKELY: f64 = 0.8;
/// Lead over the next cause from which it is likely.
const LEAD: f64 = 0.3;

/// How much less than the best one the cause of the last run may fit and still be named: a dispute more or less is no reason to
/// tell people another cause, with other steps and another owner.
const KEPT: f64 = 0.2;

/// The cause of the program that fits best, by the codes and the notes of the members. `before` is the name of that of the last
/// run, which stays for as long as it fits nearly as well.
pub(super) fn cause(
    program: Program,
    members: &[&Dispute],
    explanation: &Explanation,
    tables: &Tables,
    before: &str,
) -> Cause {
    let size = members.len().max(1) as f64;
    let notes: Vec<String> =
        members.iter().filter_map(|dispute| dispute.note.as_deref().map(str::to_lowercase)).collect();
    let mut fitting: Vec<(Fit, &RootCause)> = tables
        .root_causes
        .iter()
        .filter(|cause| cause.programs.contains(&program))
        .map(|cause| {
            let phrases: Vec<String> = cause
                .phrases
                .iter()
                .filter(|phrase| phrase.len() >= 3)
                .map(|phrase| phrase.to_lowercase())
                .collect();
            let coded = members.iter().filter(|dispute| {
                dispute.reason_codes.iter().any(|code| cause.usual_codes.iter().any(|c| **c == **code))
            });
            let phrased =
                notes.iter().filter(|note| phrases.iter().any(|phrase| note.contains(phrase.as_str())));
            let fit = Fit { coded: coded.count() as f64 / size, phrased: phrased.count() as f64 / size };
            (fit, cause)
        })
        .filter(|(fit, _)| fit.score() >= NAMED)
        .collect();
    fitting.sort_by(|a, b| b.0.score().total_cmp(&a.0.score()).then_with(|| a.1.id.cmp(&b.1.id)));
    let most = fitting.first().map_or(0.0, |(best, _)| best.score());
    if let Some(kept) = fitting.iter().position(|(fit, it)| it.cause == before && most - fit.score() <= KEPT)
    {
        fitting[..=kept].rotate_right(1);
    }
    let Some((best, cause)) = fitting.first() else {
        return Cause {
            known: false,
            id: String::new(),
            name: "Shared cause, not yet named".to_owned(),
            confidence: String::new(),
            evidence: String::new(),
            who: "to be found out".to_owned(),
            steps: vec!["Compare the examples below and name the party that must act.".to_owned()],
            documents: demanded_documents(program, members, explanation, tables),
            others: Vec::new(),
        };
    };
    let lead = best.score() - fitting.get(1).map_or(0.0, |(second, _)| second.score());
    let likely = best.score() >= LIKELY && lead >= LEAD;
    let steps = words::steps(&cause.next_step);
    let others =
        if likely { Vec::new() } else { fitting[1..].iter().take(2).map(|(_, c)| c.cause.clone()).collect() };
    Cause {
        known: true,
        id: cause.id.to_string(),
        name: cause.cause.clone(),
        confidence: if likely { "likely" } else { "possible" }.to_owned(),
        evidence: best.evidence(),
        who: cause.who_must_fix.clone(),
        steps,
        documents: demanded_documents(program, members, explanation, tables),
        others,
    }
}

/// What the shared reason codes demand to be attached, by the lists of the days on which the members were opened: the same
/// letter demanded other things in other years. The current list counts where that day is not known.
fn demanded_documents(
    program: Program,
    members: &[&Dispute],
    explanation: &Explanation,
    tables: &Tables,
) -> Vec<String> {
    let shares = explanation
        .shares
        .iter()
        .filter(|share| share.item.attribute == Attribute::ReasonCodes && share.is_common());
    let mut demanded = Vec::new();
    for code in shares.flat_map(|share| share.item.value.split('+')) {
        let has_code =
            |dispute: &&&Dispute| dispute.reason_codes.iter().any(|its| its.eq_ignore_ascii_case(code));
        // One look for each day: a group can have very many members.
        let days: BTreeSet<Option<Date>> =
            members.iter().filter(has_code).map(|dispute| dispute.opened_at).collect();
        let rows = days.into_iter().flat_map(|day| match day {
            Some(day) => tables.reason_codes_on(program, code, day).collect::<Vec<_>>(),
            None => tables.reason_code(program, code).into_iter().collect(),
        });
        let texts = rows.filter_map(|row| match &row.documentation {
            // The lists say that there must be documents, and at times which, in the words of the code.
            Documentation::Needed => {
                Some(format!("the documents that reason code {code} demands ({})", row.description))
            }
            Documentation::Described(what) => Some(match what.as_str() {
                "contract" => format!("what reason code {code} asks for by contract"),
                "varies" => format!("what reason code {code} asks for, which varies"),
                _ => format!("what reason code {code} asks for: {what}"),
            }),
            _ => None,
        });
        for text in texts {
            if !demanded.contains(&text) {
                demanded.push(text);
            }
        }
    }
    demanded
}
