//! National Provider Identifiers: ten digits with a check digit (45 CFR 162.406; Luhn over `80840` + NPI).
//!
//! A bad identifier never refuses a dispute: it is a finding about the pharmacy's data, and is kept.

/// Why a text is not an NPI.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, thiserror::Error,
)]
pub enum NpiError {
    /// Not ten digits.
    #[error("not ten digits")]
    Length,
    /// Organisations and persons have NPIs that start with 1 or 2.
    #[error("the first digit is not 1 or 2")]
    FirstDigit,
    /// The last digit does not fit the others: mistyped.
    #[error("the check digit does not fit")]
    CheckDigit,
}

/// Checks an NPI without its `80840` prefix.
pub fn check(npi: &str) -> Result<(), NpiError> {
    if npi.len() != 10 || !npi.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NpiError::Length);
    }
    if !npi.starts_with(['1', '2']) {
        return Err(NpiError::FirstDigit);
    }
    // The prefix 80840 adds 24 to the Luhn sum of the ten digits.
    let sum: u32 = 24
        + npi
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, b)| {
                let digit = u32::from(b - b'0');
                let doubled = if place % 2 == 1 { digit * 2 } else { digit };
                doubled / 10 + doubled % 10
            })
            .sum::<u32>();
    if sum.is_multiple_of(10) { Ok(()) } else { Err(NpiError::CheckDigit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_of_the_standard_example_fits() {
        assert_eq!(check("1234567893"), Ok(()));
    }

    #[test]
    fn every_other_last_digit_is_refused() {
        for last in (0..10).filter(|&digit| digit != 3) {
            assert_eq!(check(&format!("123456789{last}")), Err(NpiError::CheckDigit));
        }
    }

    #[test]
    fn refuses_other_lengths_letters_and_first_digits() {
        assert_eq!(check("123456789"), Err(NpiError::Length));
        assert_eq!(check("12345678９3"), Err(NpiError::Length));
        assert_eq!(check("123456789A"), Err(NpiError::Length));
        assert_eq!(check("3234567893"), Err(NpiError::FirstDigit));
    }
}
