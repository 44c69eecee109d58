//! Attributes and values in the words of the field.

use crate::cluster::{Attribute, Item};

/// `NDC 00022-2127-95, TX, reason code D`; values that another one implies are left out.
pub fn items(items: &[Item]) -> String {
    let has = |attribute: Attribute| items.iter().any(|item| item.attribute == attribute);
    let phrases: Vec<String> = items
        .iter()
        .filter(|item| match item.attribute {
            Attribute::Labeler => !has(Attribute::Product) && !has(Attribute::Package),
            Attribute::Product => !has(Attribute::Package),
            _ => true,
        })
        .map(phrase)
        .collect();
    phrases.join(", ")
}

/// One item as it stands within a sentence.
pub fn phrase(item: &Item) -> String {
    match item.attribute {
        Attribute::Package => format!("NDC {}", item.value),
        Attribute::Product => format!("NDC {}-xx (all packages)", item.value),
        Attribute::Labeler => format!("labeler {}", item.value),
        Attribute::CoveredEntity => format!("covered entity {}", item.value),
        Attribute::Pharmacy => format!("pharmacy NPI {}", item.value),
        Attribute::ReasonCodes => format!("reason code {}", item.value.replace('+', " with ")),
        Attribute::UnitType => format!("unit type {}", item.value),
        Attribute::State
        | Attribute::Payer
        | Attribute::Period
        | Attribute::DeliverySystem
        | Attribute::UnitsRatio
        | Attribute::AmountRatio
        | Attribute::Note => value(item),
    }
}

/// One value as it stands in a table.
pub fn value(item: &Item) -> String {
    match (item.attribute, &*item.value) {
        (Attribute::DeliverySystem, "ffs") => "fee for service".to_owned(),
        (Attribute::DeliverySystem, "mco") => "managed care".to_owned(),
        (Attribute::Note, _) => "notes worded alike".to_owned(),
        (Attribute::ReasonCodes, codes) => codes.replace('+', " with "),
        (_, value) => value.to_owned(),
    }
}

/// A sentence: first letter large, full stop at the end.
pub fn sentence(text: &str) -> String {
    let text = capital(text.trim());
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
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
