//! CMS unit types. Which claim qualifiers mean which unit type is data, in the unit type table.

use std::fmt;

/// CMS unit types (CMS-R-144).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum UnitType {
    /// Antihemophilic factor unit.
    Ahf,
    /// Capsule.
    Cap,
    /// Tablet.
    Tab,
    /// Suppository.
    Sup,
    /// Transdermal patch.
    Tdp,
    /// Gram.
    Gm,
    /// Milliliter.
    Ml,
    /// Each: powder vial, kit, device.
    Ea,
}

impl UnitType {
    /// Every unit type, in the order of the type.
    pub const ALL: [Self; 8] =
        [Self::Ahf, Self::Cap, Self::Tab, Self::Sup, Self::Tdp, Self::Gm, Self::Ml, Self::Ea];

    /// The code of CMS-R-144.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ahf => "AHF",
            Self::Cap => "CAP",
            Self::Tab => "TAB",
            Self::Sup => "SUP",
            Self::Tdp => "TDP",
            Self::Gm => "GM",
            Self::Ml => "ML",
            Self::Ea => "EA",
        }
    }

    /// The unit type with this code, in any letter case. Claim qualifiers are read by
    /// [`Tables::unit_type`](super::Tables::unit_type).
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str().eq_ignore_ascii_case(code.trim()))
    }
}

impl fmt::Display for UnitType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for unit in UnitType::ALL {
            assert_eq!(UnitType::from_code(&unit.to_string().to_lowercase()), Some(unit));
        }
        assert_eq!(UnitType::from_code("UN"), None);
    }
}
