//! Ratios of units and of money: constants that many lines have, and bins for the others.
//!
//! A wrong unit of measure multiplies every line by one constant, so a constant is a far rarer thing to share
//! than a rough size. Logarithms of the ratios are counted in cells of 0.4 %; a cell that stands out of its
//! surroundings (twice as many as expected, Poisson log-likelihood ratio of at least 9) is a constant.

use rustc_hash::FxHashMap;

/// Width of a cell on the natural logarithm.
const CELL: f32 = 0.004;
/// Width of a bin for ratios that are no constant.
const BIN: f32 = 0.1;
/// Cells on either side that are the surroundings of a constant.
const AROUND: i32 = 20;
/// Smallest evidence for a constant, in nats.
const STANDS_OUT: f64 = 9.0;
/// Ratios of the second kind are kept apart from those of the first by this much on the logarithm.
const SECOND: f32 = 100.0;

/// One measured ratio. The expected one (everything disputed, or the right amount) is [`Measured::Expected`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Measured {
    /// A number is missing or not positive.
    Unknown,
    /// Nothing to tell.
    Expected,
    /// The amount is zero.
    Zero,
    /// Natural logarithm; offset by [`SECOND`] where it is a ratio of the second kind.
    Log(f32),
}

/// Units disputed against units invoiced.
///
/// Near the whole (0.9, 0.99 of the units disputed: what was invoiced is 10, 100 times what is accepted) it is
/// invoiced against accepted units, elsewhere disputed against invoiced ones.
pub(super) fn of_units(invoiced: Option<f64>, disputed: Option<f64>) -> Measured {
    let (Some(invoiced), Some(disputed)) = (invoiced, disputed) else { return Measured::Unknown };
    if invoiced <= 0.0 || disputed <= 0.0 {
        return Measured::Unknown;
    }
    let share = disputed / invoiced;
    if (0.9995..=1.0005).contains(&share) {
        Measured::Expected
    } else if share > 0.5 && share < 1.0 {
        Measured::Log((1.0 / (1.0 - share)).ln() as f32)
    } else {
        Measured::Log(SECOND + share.ln() as f32)
    }
}

/// Amount disputed against units disputed times unit rebate amount.
pub(super) fn of_amounts(amount: Option<f64>, units: Option<f64>, rebate: Option<f64>) -> Measured {
    let Some(amount) = amount else { return Measured::Unknown };
    if amount == 0.0 {
        return Measured::Zero;
    }
    let (Some(units), Some(rebate)) = (units, rebate) else { return Measured::Unknown };
    let ratio = amount / (units * rebate);
    if !ratio.is_finite() || ratio <= 0.0 {
        Measured::Unknown
    } else if ratio.ln().abs() < 0.005 {
        Measured::Expected
    } else {
        Measured::Log(SECOND + ratio.ln() as f32)
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Units,
    Amounts,
}

/// Names of measured ratios: first all are counted, then each is named.
#[derive(Debug)]
pub(super) struct Names {
    kind: Kind,
    /// Cell to the centre of the constant it belongs to.
    constants: FxHashMap<i32, i32>,
}

impl Names {
    pub(super) fn new(kind: Kind, measured: &[Measured], min_group: usize) -> Self {
        let mut counts: FxHashMap<i32, u32> = FxHashMap::default();
        for one in measured {
            if let Measured::Log(log) = one {
                *counts.entry(cell(*log)).or_default() += 1;
            }
        }
        let at = |cell: i32| f64::from(counts.get(&cell).copied().unwrap_or(0));
        let mut peaks: Vec<(u32, i32)> = Vec::new();
        for (&cell, &count) in &counts {
            let here = at(cell - 1) + at(cell) + at(cell + 1);
            // Other constants may stand near: the fullest quarter of a side does not count. At a step the fuller side does.
            let side = |towards: i32| {
                let mut around: Vec<f64> = (2..=AROUND).map(|far| at(cell + towards * far)).collect();
                around.sort_unstable_by(f64::total_cmp);
                around.truncate(around.len() * 3 / 4);
                (around.iter().sum::<f64>() + 0.5) / around.len() as f64
            };
            let expected = side(-1).max(side(1)) * 3.0;
            if here >= min_group as f64
                && here >= 2.0 * expected
                && here * (here / expected).ln() - (here - expected) >= STANDS_OUT
            {
                peaks.push((count, cell));
            }
        }
        peaks.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut constants: FxHashMap<i32, i32> = FxHashMap::default();
        for (_, centre) in peaks {
            if !constants.contains_key(&centre) {
                for cell in centre - 1..=centre + 1 {
                    constants.entry(cell).or_insert(centre);
                }
            }
        }
        Self { kind, constants }
    }

    /// A key that is equal for equal names; none where there is nothing to tell.
    pub(super) fn key(&self, measured: Measured) -> Option<(bool, i32)> {
        match measured {
            Measured::Unknown | Measured::Expected => None,
            Measured::Zero => Some((false, i32::MIN)),
            Measured::Log(log) => Some(match self.constants.get(&cell(log)) {
                Some(centre) => (true, *centre),
                None => (false, (log / BIN).round() as i32),
            }),
        }
    }

    /// The name of a key.
    pub(super) fn name(&self, (is_constant, place): (bool, i32)) -> String {
        if place == i32::MIN {
            return "amount zero".to_owned();
        }
        let centre = place as f32 * if is_constant { CELL } else { BIN };
        let second = centre > SECOND / 2.0;
        let factor = f64::from(if second { centre - SECOND } else { centre }).exp();
        let about = if is_constant { "" } else { "roughly " };
        let factor = three_digits(factor);
        match (self.kind, second) {
            (Kind::Amounts, _) => format!("amount {about}{factor} times the expected"),
            (Kind::Units, true) => format!("disputed {about}{factor} of the invoiced units"),
            (Kind::Units, false) => format!("invoiced {about}{factor} times the accepted units"),
        }
    }

    /// Where a constant stands on the logarithm, in cells; none for what is no constant.
    pub(super) fn centre((is_constant, place): (bool, i32)) -> Option<i32> {
        is_constant.then_some(place)
    }

    /// Whether two constants are as far apart as two errors are: by more than 4 %.
    pub(super) fn are_apart(a: i32, b: i32) -> bool {
        a.abs_diff(b) > 10
    }

    /// Whether a key is a constant that no package size or billing unit explains: those are whole numbers, and half ones
    /// below ten (in the CMS crosswalk 10, 60, 100 …).
    pub(super) fn is_odd((is_constant, place): (bool, i32)) -> bool {
        if !is_constant {
            return false;
        }
        let centre = place as f32 * CELL;
        let factor = f64::from(if centre > SECOND / 2.0 { SECOND - centre } else { centre }).abs().exp();
        let parts = if factor < 10.0 { factor * 2.0 } else { factor };
        factor < 100.0 && (parts - parts.round()).abs() > f64::from(CELL) * parts
    }
}

fn cell(log: f32) -> i32 {
    (log / CELL).round() as i32
}

fn three_digits(value: f64) -> String {
    let decimals = (2 - value.log10().floor() as i32).clamp(0, 8) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_odd_where_no_package_and_no_billing_unit_explains_it() {
        let constant = |factor: f32| (true, ((SECOND - factor.ln()) / CELL).round() as i32);
        for explained in [2.0, 2.5, 10.0, 30.0, 60.0, 100.0] {
            assert!(!Names::is_odd(constant(explained)), "{explained}");
        }
        for odd in [2.7, 4.93, 7.3, 33.5] {
            assert!(Names::is_odd(constant(odd)), "{odd}");
        }
        assert!(!Names::is_odd((false, constant(4.93).1)), "no constant at all");
    }

    #[test]
    fn a_constant_among_many_other_ratios_stands_out_from_twice_what_is_around_it() {
        // Thirty lines in each cell around, and 120 more by one factor.
        let around = (-40..40).flat_map(|cell| (0..30).map(move |_| Measured::Log(1.0 + cell as f32 * CELL)));
        let measured: Vec<Measured> = around.chain((0..120).map(|_| Measured::Log(1.0))).collect();
        let names = Names::new(Kind::Units, &measured, 4);
        assert!(names.key(Measured::Log(1.0)).is_some_and(|(is_constant, _)| is_constant));
        assert!(names.key(Measured::Log(1.1)).is_some_and(|(is_constant, _)| !is_constant));
        // Where the lines begin and end, nothing stands out.
        for cell in (-40..-30).chain(30..40) {
            let key = names.key(Measured::Log(1.0 + cell as f32 * CELL));
            assert!(key.is_some_and(|(is_constant, _)| !is_constant), "{cell}");
        }
    }
}
