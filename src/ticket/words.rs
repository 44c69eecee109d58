//! Attributes and values in the words of the field.

use super::facts::{money_text, thousands};
use crate::cluster::{Attribute, Held, Item, Varying};

/// `NDC 00022-2127-95, TX, reason code D`; values that another one implies are left out.
pub fn items(items: &[Item]) -> String {
    let has = |attribute: Attribute| items.iter().any(|item| item.attribute == attribute);
    let phrases: Vec<String> = items
        .iter()
        .filter(|item| match item.attribute {
            Attribute::Labeler => {
                !has(Attribute::Family) && !has(Attribute::Product) && !has(Attribute::Package)
            }
            Attribute::Family => !has(Attribute::Product) && !has(Attribute::Package),
            Attribute::Product => !has(Attribute::Package),
            Attribute::ParentEntity => !has(Attribute::CoveredEntity),
            Attribute::Note => !has(Attribute::Phrase),
            _ => true,
        })
        .map(phrase)
        .collect();
    phrases.join(", ")
}

/// An alternative of a rule with how widely its disputes are spread: `NDC 00022-2127 in all states, units
/// invoiced about 10 times the accepted units`.
///
/// The spread is told where a product or a party at fault is named and no place: that it is everywhere is
/// then as telling as the value.
pub fn rule(alternative: &[Item], varying: &[Varying]) -> String {
    let names_a_place = alternative.iter().any(|item| {
        matches!(
            item.attribute,
            Attribute::State | Attribute::Pharmacy | Attribute::CoveredEntity | Attribute::ParentEntity
        )
    });
    let is_product = |item: &Item| {
        matches!(
            item.attribute,
            Attribute::Package | Attribute::Product | Attribute::Family | Attribute::Labeler
        )
    };
    let names_a_product = alternative.iter().any(is_product);
    let states = varying
        .iter()
        .find(|varying| varying.attribute == Attribute::State && varying.is_unspecific())
        .filter(|_| names_a_product && !names_a_place);
    let Some(states) = states else { return items(alternative) };
    // All that the client's disputes have, and not just because they have few.
    let spread = if states.values >= 5 && states.values * 10 >= states.everywhere * 9 {
        "in all states".to_owned()
    } else {
        format!("in {} states", thousands(states.values))
    };
    let (product, rest): (Vec<Item>, Vec<Item>) = alternative.iter().cloned().partition(is_product);
    let rest = items(&rest);
    format!("{} {spread}{}{rest}", items(&product), if rest.is_empty() { "" } else { ", " })
}

/// `18 states, 212 pharmacies: not state or pharmacy specific`; empty where nothing varies.
pub fn varying(varying: &[Varying]) -> String {
    // A wording has no name that would tell people anything.
    let is_wording = |attribute| matches!(attribute, Attribute::Note | Attribute::Phrase);
    let told: Vec<&Varying> = varying.iter().filter(|one| !is_wording(one.attribute)).collect();
    let values: Vec<String> =
        told.iter().map(|one| format!("{} {}", thousands(one.values), one.attribute.label().1)).collect();
    let unspecific: Vec<&str> = told
        .iter()
        .filter(|one| one.attribute.is_locus() && one.is_unspecific())
        .map(|one| one.attribute.label().0)
        .collect();
    let values = values.join(", ");
    match &unspecific[..] {
        [] => values,
        [one] => format!("{values}: not {one} specific"),
        [some @ .., last] => format!("{values}: not {} or {last} specific", some.join(", ")),
    }
}

/// What most disputes of a group have of an attribute.
pub fn held(attribute: Attribute, held: &Held) -> String {
    match held {
        Held::Value(text) => value(&Item { attribute, value: text.clone() }),
        Held::Varying(values) => format!("{} {}", thousands(*values), attribute.label().1),
        Held::Nothing => "none".to_owned(),
    }
}

/// One item as it stands within a sentence.
pub fn phrase(item: &Item) -> String {
    match item.attribute {
        Attribute::Package | Attribute::Product => format!("NDC {}", item.value),
        Attribute::Labeler => format!("labeler {}", item.value),
        Attribute::Family => format!("product family {}", value(item)),
        Attribute::CoveredEntity => format!("covered entity {}", item.value),
        Attribute::ParentEntity => format!("340B parent {}", item.value),
        Attribute::Pharmacy => format!("pharmacy NPI {}", item.value),
        Attribute::ReasonCodes => format!("reason code {}", item.value.replace('+', " with ")),
        Attribute::UnitType => format!("unit type {}", item.value),
        Attribute::UnitsRatio => format!("units {}", item.value),
        Attribute::Amount => format!("always {}", value(item)),
        Attribute::OpenedWeek => format!("opened in {}", item.value),
        Attribute::State
        | Attribute::Payer
        | Attribute::Period
        | Attribute::DeliverySystem
        | Attribute::AmountRatio
        | Attribute::SharedClaim
        | Attribute::Note
        | Attribute::Phrase
        | Attribute::ServiceWeek => value(item),
    }
}

/// One value as it stands in a table.
pub fn value(item: &Item) -> String {
    match (item.attribute, &*item.value) {
        (Attribute::DeliverySystem, "ffs") => "fee for service".to_owned(),
        (Attribute::DeliverySystem, "mco") => "managed care".to_owned(),
        (Attribute::Note, _) => "notes worded alike".to_owned(),
        (Attribute::Phrase, _) => "notes worded the same".to_owned(),
        (Attribute::Family, family) => family.split_once(' ').map_or_else(
            || family.to_owned(),
            |(labeler, name)| format!("{} of labeler {labeler}", capital(name)),
        ),
        // Exact money and exact units of one NDC together would give its confidential unit rebate amount.
        (Attribute::Amount, amount) => amount.parse().map_or_else(|_| "one amount".to_owned(), money_text),
        // Finer than a quarter: never shown.
        (Attribute::ServiceWeek, _) => "one week of service".to_owned(),
        (Attribute::ReasonCodes, codes) => codes.replace('+', " with "),
        (_, value) => value.to_owned(),
    }
}

/// A sentence: first letter large, full stop at the end.
pub fn sentence(text: &str) -> String {
    let text = capital(text.trim());
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

/// The steps of a text, which has `;` between them, a sentence each.
pub fn steps(text: &str) -> Vec<String> {
    text.split(';').map(str::trim).filter(|step| !step.is_empty()).map(sentence).collect()
}

/// First letter large.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `12 times`.
pub fn times(lift: f64) -> String {
    if lift >= 10.0 { format!("{lift:.0} times") } else { format!("{lift:.1} times") }
}
