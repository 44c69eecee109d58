//! Typing errors, missing values and wrong codes.

use super::cause::Cause;
use super::random::Random;
use super::record::Record;
use super::row::swap_two_letters;
use crate::dispute::Program;

/// Spoils one field. The four required fields keep a readable value, so that no row is refused.
pub(super) fn spoil(record: &mut Record, cause: &Cause, random: &mut Random) {
    match random.below(10) {
        0 | 1 => wrong_code(cause.program, random).clone_into(&mut record.reason_codes),
        2 => record.reason_codes.clear(),
        3 => record.payer = swap_two_letters(&record.payer, random),
        4 => other_digit(&mut record.pharmacy_npi, random),
        5 => other_digit(&mut record.covered_entity_id, random),
        6 => record.ndc = other_product(&record.ndc, random),
        7 => {
            let field =
                [&mut record.state, &mut record.period, &mut record.delivery_system, &mut record.note];
            let place = random.below(field.len());
            for (at, text) in field.into_iter().enumerate() {
                if at == place {
                    text.clear();
                }
            }
        }
        8 => {
            record.units_invoiced.clear();
            record.units_disputed.clear();
        }
        _ => {
            record.pharmacy_npi.clear();
            record.covered_entity_id.clear();
        }
    }
}

/// A code of the program, of any cause.
pub(super) fn wrong_code(program: Program, random: &mut Random) -> &'static str {
    let codes: &[&'static str] = match program {
        Program::Mdrp => &["X", "D", "P", "Q", "R|P", "M", "J", "S", "U", "O", "K", "N"],
        Program::P340b => &["GFI-DUP", "GFI-DIV", "GFI-MISMATCH", "VAL", "X"],
        Program::PartDMdp => &["D21", "D22", "D23", "D99"],
        Program::Cgdp => &["D01", "D02", "D04", "D07", "D08", "D13", "D99"],
        Program::Mfp => &["001", "002", "003", "004", "009"],
        Program::Tricare => &["G", ""],
        Program::Commercial => &["COM-DUP-H", "COM-QTY", "COM-CLIENT", "COM-FORM", "COM-TIME"],
    };
    random.pick(codes).copied().unwrap_or("")
}

/// One digit keyed wrong. The check digit of an identifier then no longer fits.
fn other_digit(text: &mut String, random: &mut Random) {
    let digits: Vec<usize> =
        text.char_indices().filter(|(_, letter)| letter.is_ascii_digit()).map(|(place, _)| place).collect();
    if let Some(&place) = random.pick(&digits) {
        let old = usize::from(text.as_bytes()[place] - b'0');
        let new = (old + 1 + random.below(9)) % 10;
        text.replace_range(place..=place, &new.to_string());
    }
}

/// One digit of the product or package keyed wrong; the labeler stays.
fn other_product(ndc: &str, random: &mut Random) -> String {
    let (labeler, rest) = ndc.split_at(5);
    let mut rest = rest.to_owned();
    other_digit(&mut rest, random);
    format!("{labeler}{rest}")
}
