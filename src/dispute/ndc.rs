//! National Drug Codes: every written form becomes the one 11-character form, or is refused.
//!
//! Never guesses: ten characters without hyphens have three readings, and a wrong one names another
//! company's product. Padding rules: CMS-R-144.

use std::fmt;
use std::str::FromStr;

/// An 11-character National Drug Code: labeler 5 digits, product 4 and package 2 alphanumerics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ndc([u8; 11]);

/// Why a text is not an NDC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NdcError {
    /// Ten characters without hyphens: one of the three forms must be chosen at the source.
    #[error(
        "an unambiguous NDC (ten characters without hyphens may be {}, {} or {}; give 11 characters or hyphens)",
        .readings[0], .readings[1], .readings[2]
    )]
    Ambiguous {
        /// The readings as 4-4-2, 5-3-2 and 5-4-1.
        readings: [Ndc; 3],
    },
    /// Without hyphens, and not 11 characters long.
    #[error("an NDC (11 characters without hyphens, but found {found})")]
    Length {
        /// The number of characters found.
        found: usize,
    },
    /// The parts between the hyphens have the wrong lengths.
    #[error("an NDC (4-4-2, 5-3-2, 5-4-1 or 5-4-2 characters between hyphens, but found {found})")]
    Segments {
        /// The lengths found, such as `6-4-2`.
        found: String,
    },
    /// The labeler part holds something other than digits.
    #[error("an NDC (the labeler, its first part, has digits only)")]
    Labeler,
    /// A character that is neither a digit nor a letter of the English alphabet.
    #[error("an NDC (only digits, letters and hyphens)")]
    Character,
    /// A spreadsheet turned the code into a number and lost its digits.
    #[error("an NDC (a spreadsheet turned it into a number; export the column as text)")]
    Spreadsheet,
}

impl Ndc {
    /// The 11 characters without hyphens.
    pub fn digits(&self) -> &str {
        // Only ASCII is ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The five digits of the labeler.
    pub fn labeler(&self) -> &str {
        &self.digits()[..5]
    }

    /// Labeler and product, nine characters: the product in every package size.
    pub fn product(&self) -> &str {
        &self.digits()[..9]
    }

    fn from_parts(labeler: &str, product: &str, package: &str) -> Result<Self, NdcError> {
        if !labeler.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NdcError::Labeler);
        }
        let mut code = [b'0'; 11];
        for (part, end) in [(labeler, 5), (product, 9), (package, 11)] {
            for (slot, byte) in code[end - part.len()..end].iter_mut().zip(part.bytes()) {
                *slot = byte.to_ascii_uppercase();
            }
        }
        Ok(Self(code))
    }
}

impl FromStr for Ndc {
    type Err = NdcError;

    fn from_str(text: &str) -> Result<Self, NdcError> {
        let text = text.trim();
        if text.contains(['.', '+']) && text.contains(['e', 'E']) {
            return Err(NdcError::Spreadsheet);
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(NdcError::Character);
        }
        let mut parts = text.split('-');
        let segments = || NdcError::Segments {
            found: text.split('-').map(|part| part.len().to_string()).collect::<Vec<_>>().join("-"),
        };
        match (parts.next().unwrap_or_default(), parts.next(), parts.next(), parts.next()) {
            (code, None, ..) => match code.len() {
                11 => Self::from_parts(&code[..5], &code[5..9], &code[9..]),
                10 => Err(NdcError::Ambiguous {
                    readings: [
                        Self::from_parts(&code[..4], &code[4..8], &code[8..])?,
                        Self::from_parts(&code[..5], &code[5..8], &code[8..])?,
                        Self::from_parts(&code[..5], &code[5..9], &code[9..])?,
                    ],
                }),
                found => Err(NdcError::Length { found }),
            },
            (labeler, Some(product), Some(package), None) => {
                match (labeler.len(), product.len(), package.len()) {
                    (4, 4, 2) | (5, 3, 2) | (5, 4, 1 | 2) => Self::from_parts(labeler, product, package),
                    _ => Err(segments()),
                }
            }
            _ => Err(segments()),
        }
    }
}

impl fmt::Display for Ndc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.digits();
        write!(f, "{}-{}-{}", &code[..5], &code[5..9], &code[9..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_form_becomes_eleven_characters() {
        for (text, expected) in [
            ("01234567890", "01234-5678-90"),
            ("1234-5678-90", "01234-5678-90"),
            ("12345-678-90", "12345-0678-90"),
            ("12345-6789-0", "12345-6789-00"),
            ("12345-6789-01", "12345-6789-01"),
            (" 12345q400a1 ", "12345-Q400-A1"),
        ] {
            assert_eq!(text.parse::<Ndc>().unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn the_shown_form_reads_back_as_the_same_code() {
        let ndc: Ndc = "12345-678-90".parse().unwrap();
        assert_eq!(ndc.to_string().parse::<Ndc>().unwrap(), ndc);
        assert_eq!((ndc.digits(), ndc.labeler(), ndc.product()), ("12345067890", "12345", "123450678"));
    }

    #[test]
    fn ten_bare_digits_are_refused_with_their_three_readings() {
        assert_eq!(
            "1234567890".parse::<Ndc>().unwrap_err().to_string(),
            "an unambiguous NDC (ten characters without hyphens may be 01234-5678-90, 12345-0678-90 or \
             12345-6789-00; give 11 characters or hyphens)"
        );
    }

    #[test]
    fn refuses_what_is_no_ndc_and_says_why() {
        for (text, expected) in [
            ("123456789", NdcError::Length { found: 9 }),
            ("", NdcError::Length { found: 0 }),
            ("012345-0678-90", NdcError::Segments { found: "6-4-2".to_owned() }),
            ("12345-6789", NdcError::Segments { found: "5-4".to_owned() }),
            ("1234A567890", NdcError::Labeler),
            ("12345 678 90", NdcError::Character),
            ("1234567890é", NdcError::Character),
            ("1.23457E+10", NdcError::Spreadsheet),
        ] {
            assert_eq!(text.parse::<Ndc>().unwrap_err(), expected, "{text}");
        }
    }
}
