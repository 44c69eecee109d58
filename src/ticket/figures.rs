//! Exact figures of disputes, and how much of them leaves: money is rounded to two significant digits, since exact
//! money and exact units of one NDC together give its confidential unit rebate amount.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::dispute::{Dispute, DisputedMoney, UnitType};

/// Where disputes over units of no known type are counted.
const UNTYPED: &str = "untyped";

/// Exact figures of a set of disputes. Units are kept per unit type and never added across.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Disputes.
    pub disputes: usize,
    /// Units disputed per unit type. Units of no known type may be of any, and are not added to each other either: of them
    /// the disputes are counted, under `untyped`.
    pub units: BTreeMap<String, Decimal>,
    /// Money not paid while in dispute, on which interest may run (US dollars).
    pub exposed: Decimal,
    /// Money already paid that can be had back (US dollars).
    pub recoverable: Decimal,
    /// Disputes without an amount.
    pub without_amount: usize,
    /// Earliest due date; of a group the next one as of its last change.
    pub due: Option<Date>,
    /// Disputes due on that day.
    pub due_then: usize,
    /// Disputes without a due date.
    pub undated: usize,
}

impl Figures {
    /// The figures of some disputes.
    pub fn of<'a>(disputes: impl IntoIterator<Item = &'a Dispute>) -> Self {
        let mut figures = Self::default();
        for dispute in disputes {
            figures.add(dispute);
        }
        figures
    }

    /// Takes in one more dispute.
    pub fn add(&mut self, dispute: &Dispute) {
        self.disputes += 1;
        if let Some(units) = dispute.units_disputed {
            let (unit, counted) = match dispute.unit_type {
                Some(unit) => (UnitType::as_str(unit), units),
                None => (UNTYPED, Decimal::ONE),
            };
            *self.units.entry(unit.to_owned()).or_default() += counted;
        }
        match dispute.amount_disputed {
            Some(amount) if dispute.disputed_money == DisputedMoney::Paid => self.recoverable += amount,
            Some(amount) => self.exposed += amount,
            None => self.without_amount += 1,
        }
        match (dispute.due_at, self.due) {
            (None, _) => self.undated += 1,
            (Some(due), Some(earliest)) if due > earliest => {}
            (Some(due), earliest) => {
                self.due_then = if earliest == Some(due) { self.due_then + 1 } else { 1 };
                self.due = Some(due);
            }
        }
    }
}

impl Figures {
    /// Takes in the figures of other disputes.
    pub fn join(&mut self, other: &Self) {
        let Self { disputes, units, exposed, recoverable, without_amount, due, due_then, undated } = other;
        self.disputes += disputes;
        for (unit, count) in units {
            *self.units.entry(unit.clone()).or_default() += count;
        }
        self.exposed += exposed;
        self.recoverable += recoverable;
        self.without_amount += without_amount;
        self.undated += undated;
        match (self.due, due) {
            (Some(mine), Some(theirs)) if mine == *theirs => self.due_then += due_then,
            (Some(mine), Some(theirs)) if mine < *theirs => {}
            (_, None) => {}
            (_, Some(theirs)) => (self.due, self.due_then) = (Some(*theirs), *due_then),
        }
    }
}

/// `1,234.5 ML`; a unit type that is not known is called so, and of several disputes over such units their number is told.
pub fn units_text(units: Decimal, unit: &str) -> String {
    let unit = match unit {
        "unknown" => "units of unknown type",
        UNTYPED if units == Decimal::ONE => "dispute with units of unknown type",
        UNTYPED => "disputes with units of unknown type",
        unit => unit,
    };
    // Parts of a unit matter in small counts only.
    let places = if units.abs() >= Decimal::ONE_HUNDRED { 0 } else { 3 };
    format!("{} {unit}", grouped(&units.round_dp(places).normalize().to_string()))
}

/// `about $41,000`: two significant digits; empty for zero.
pub fn money_text(amount: Decimal) -> String {
    if amount.is_zero() {
        return String::new();
    }
    let rounded = rounded(amount);
    let sign = if rounded.is_sign_negative() { "−" } else { "" };
    format!("about {sign}${}", grouped(&rounded.abs().to_string()))
}

/// Two significant digits, which is all that leaves of any sum of money.
pub fn rounded(amount: Decimal) -> Decimal {
    amount
        .round_sf_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
        .unwrap_or(amount)
        .round_dp(2)
        .normalize()
}

/// `12,345`.
pub fn thousands(count: usize) -> String {
    grouped(&count.to_string())
}

pub(super) fn some_count(count: usize) -> String {
    if count == 0 { String::new() } else { thousands(count) }
}

fn grouped(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(w, f)| (w, Some(f)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("−", digits));
    let mut text = String::from(sign);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_shows_two_significant_digits() {
        let text = |amount: &str| money_text(amount.parse().unwrap());
        assert_eq!(text("41250.49"), "about $41,000");
        assert_eq!(text("-1999"), "about −$2,000");
        assert_eq!(text("0.126"), "about $0.13");
        assert_eq!(text("0"), "");
    }

    #[test]
    fn units_are_grouped_and_named() {
        assert_eq!(units_text("1234567.500".parse().unwrap(), "ML"), "1,234,568 ML");
        assert_eq!(units_text("-1000".parse().unwrap(), "unknown"), "−1,000 units of unknown type");
        assert_eq!(units_text(Decimal::ONE, UNTYPED), "1 dispute with units of unknown type");
        assert_eq!(units_text(Decimal::from(1_200), UNTYPED), "1,200 disputes with units of unknown type");
    }
}
