//! Lines of one claim that cancel each other: only what is left of a claim is in dispute.
//!
//! Looks at open disputes that name their claim and the kind of their transaction. A void or a back-out cancels one line
//! of the same claim with the same units and money; a replacement that is left takes the place of the originals, and of
//! several the one that was opened last takes the place of the others, where their days say which that is. What
//! cancels nothing stays: half a pair is a dispute of its own, since its other half may never have been sent. The order
//! of rows changes nothing.

use jiff::civil::Date;
use rust_decimal::Decimal;
use rustc_hash::FxHashMap;

use crate::dispute::{Dispute, Ndc, Program, Text, Transaction};

/// Lines by claim.
#[derive(Debug, Default)]
pub(super) struct Claims(FxHashMap<Claim, Vec<Line>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Claim {
    program: Program,
    client: Text,
    ndc: Ndc,
    reference: Text,
}

#[derive(Debug)]
struct Line {
    kind: Transaction,
    units: Option<Decimal>,
    amount: Option<Decimal>,
    opened: Option<Date>,
    id: Text,
    /// The caller's name for it.
    place: usize,
}

impl Claims {
    /// Takes note of an open dispute, where it is a line of a claim.
    pub(super) fn add(&mut self, dispute: &Dispute, place: usize) {
        let (Some(kind), Some(reference)) = (dispute.transaction, &dispute.claim_ref) else { return };
        let claim = Claim {
            program: dispute.program,
            client: dispute.client.clone(),
            ndc: dispute.ndc,
            reference: reference.clone(),
        };
        let size = |value: Option<Decimal>| value.map(|value| value.abs().normalize());
        let line = Line {
            kind,
            units: size(dispute.units_disputed),
            amount: size(dispute.amount_disputed),
            opened: dispute.opened_at,
            id: dispute.id.clone(),
            place,
        };
        self.0.entry(claim).or_default().push(line);
    }

    /// The places of the lines that are cancelled, sorted. `is_left` says of a place whether it still counts.
    pub(super) fn cancelled(self, is_left: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut cancelled = Vec::new();
        for mut lines in self.0.into_values() {
            lines.retain(|line| is_left(line.place));
            lines.sort_unstable_by(|a, b| a.id.cmp(&b.id));
            cancel(lines, &mut cancelled);
        }
        cancelled.sort_unstable();
        cancelled
    }
}

fn cancel(lines: Vec<Line>, cancelled: &mut Vec<usize>) {
    let (reversals, mut paid): (Vec<Line>, Vec<Line>) =
        lines.into_iter().partition(|line| line.kind.is_reversal());
    for reversal in reversals {
        // A back-out goes before a replacement, so that it takes an original back; a void takes what there is last.
        let first =
            if reversal.kind == Transaction::Void { Transaction::Replacement } else { Transaction::Original };
        let fits =
            |line: &Line| may_equal(line.units, reversal.units) && may_equal(line.amount, reversal.amount);
        let found = paid
            .iter()
            .position(|line| line.kind == first && fits(line))
            .or_else(|| paid.iter().position(fits));
        if let Some(found) = found {
            cancelled.extend([paid.remove(found).place, reversal.place]);
        }
    }
    if paid.iter().any(|line| line.kind == Transaction::Replacement) {
        let replaced = paid.iter().filter(|line| line.kind == Transaction::Original);
        cancelled.extend(replaced.map(|line| line.place));
    }
    let replacements = || paid.iter().filter(|line| line.kind == Transaction::Replacement);
    let last = replacements().map(|line| line.opened).max().flatten();
    let is_told = replacements().all(|line| line.opened.is_some())
        && replacements().filter(|line| line.opened == last).count() == 1;
    if is_told {
        cancelled.extend(replacements().filter(|line| line.opened != last).map(|line| line.place));
    }
}

/// Equal, or not told on one side.
fn may_equal(one: Option<Decimal>, other: Option<Decimal>) -> bool {
    one.is_none() || other.is_none() || one == other
}
