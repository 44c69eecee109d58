//! Kinds of claim transactions.

use std::fmt;

use jiff::civil::Date;

/// What one line of a claim did. One claim can be paid, replaced, voided, and come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transaction {
    /// The first line of the claim.
    Original,
    /// A line in the place of an earlier one.
    Replacement,
    /// Takes the claim back.
    Void,
    /// Takes a line back before it is replaced.
    BackOut,
}

impl Transaction {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Original, Self::Replacement, Self::Void, Self::BackOut];

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Replacement => "replacement",
            Self::Void => "void",
            Self::BackOut => "back-out",
        }
    }

    /// The letter that claim extracts have for it.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Original => "O",
            Self::Replacement => "A",
            Self::Void => "V",
            Self::BackOut => "B",
        }
    }

    /// The kind with this name or letter, in any letter case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(name) || kind.letter().eq_ignore_ascii_case(name))
    }

    /// Whether it takes another line back.
    pub fn is_reversal(self) -> bool {
        matches!(self, Self::Void | Self::BackOut)
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Days of events that start clocks, as far as the source knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AnchorDays {
    /// The invoice was postmarked.
    pub postmarked: Option<Date>,
    /// The invoice was received.
    pub received: Option<Date>,
    /// The remittance advice.
    pub remitted: Option<Date>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_letter_reads_back() {
        for kind in Transaction::ALL {
            assert_eq!(Transaction::from_name(&kind.to_string().to_uppercase()), Some(kind));
            assert_eq!(Transaction::from_name(&format!(" {} ", kind.letter().to_lowercase())), Some(kind));
        }
        assert_eq!(Transaction::from_name("R"), None);
    }
}
