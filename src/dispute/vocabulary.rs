//! The words of one source: its aliases, its statuses, and its way to write numbers.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::{DeliverySystem, Field, Program};

/// How one source writes programs, delivery systems, statuses and amounts. Words are compared without regard
/// to letter case and to white space at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    programs: BTreeMap<String, Program>,
    delivery_systems: BTreeMap<String, DeliverySystem>,
    statuses: BTreeMap<String, String>,
    open_statuses: BTreeSet<String>,
    implied_decimals: BTreeMap<Field, u8>,
}

impl Default for Vocabulary {
    /// No aliases; unresolved are `open`, `pre_dispute`, `formal_dispute` and no status at all.
    fn default() -> Self {
        Self {
            programs: BTreeMap::new(),
            delivery_systems: BTreeMap::new(),
            statuses: BTreeMap::new(),
            open_statuses: ["", "open", "pre_dispute", "formal_dispute"].map(str::to_owned).into(),
            implied_decimals: BTreeMap::new(),
        }
    }
}

impl Vocabulary {
    /// Lets `alias` mean `program`, beside the canonical names.
    pub fn add_program(&mut self, alias: &str, program: Program) {
        self.programs.insert(fold(alias).into_owned(), program);
    }

    /// Lets `alias` mean `system`, beside the canonical names and the record ids.
    pub fn add_delivery_system(&mut self, alias: &str, system: DeliverySystem) {
        self.delivery_systems.insert(fold(alias).into_owned(), system);
    }

    /// Lets `alias` mean `status`.
    pub fn add_status(&mut self, alias: &str, status: &str) {
        self.statuses.insert(fold(alias).into_owned(), fold(status).into_owned());
    }

    /// Replaces the set of statuses that mean unresolved. The empty text stands for a missing status.
    pub fn set_open_statuses<S: AsRef<str>>(&mut self, statuses: impl IntoIterator<Item = S>) {
        self.open_statuses = statuses.into_iter().map(|status| fold(status.as_ref()).into_owned()).collect();
    }

    /// Reads the amounts of `field` as signed overpunch with so many implied decimals.
    pub fn set_overpunch(&mut self, field: Field, implied_decimals: u8) {
        self.implied_decimals.insert(field, implied_decimals);
    }

    /// The program that `word` means.
    pub fn program(&self, word: &str) -> Option<Program> {
        self.programs.get(&*fold(word)).copied().or_else(|| Program::from_name(word))
    }

    /// The delivery system that `word` means.
    pub fn delivery_system(&self, word: &str) -> Option<DeliverySystem> {
        self.delivery_systems.get(&*fold(word)).copied().or_else(|| DeliverySystem::from_name(word))
    }

    /// The status that `word` means, in lower case.
    pub fn status<'a>(&'a self, word: &'a str) -> Cow<'a, str> {
        let word = fold(word);
        self.statuses.get(&*word).map_or(word, |status| Cow::Borrowed(status))
    }

    /// Whether `status` means unresolved.
    pub fn is_open(&self, status: &str) -> bool {
        self.open_statuses.contains(&*self.status(status))
    }

    /// The implied decimals of `field`, where its amounts are signed overpunch.
    pub fn implied_decimals(&self, field: Field) -> Option<u8> {
        self.implied_decimals.get(&field).copied()
    }
}

fn fold(word: &str) -> Cow<'_, str> {
    let word = word.trim();
    if word.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(word.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_read_in_any_letter_case() {
        let mut vocabulary = Vocabulary::default();
        vocabulary.add_program("Medicaid", Program::Mdrp);
        vocabulary.add_delivery_system("HMO", DeliverySystem::Mco);
        assert_eq!(vocabulary.program(" MEDICAID "), Some(Program::Mdrp));
        assert_eq!(vocabulary.program("340B"), Some(Program::P340b));
        assert_eq!(vocabulary.program("unknown"), None);
        assert_eq!(vocabulary.delivery_system("hmo"), Some(DeliverySystem::Mco));
        assert_eq!(vocabulary.delivery_system("ffsu"), Some(DeliverySystem::Ffs));
    }

    #[test]
    fn a_missing_status_means_open_and_an_unknown_one_does_not() {
        let mut vocabulary = Vocabulary::default();
        assert!(vocabulary.is_open(""));
        assert!(vocabulary.is_open("Formal_Dispute"));
        assert!(!vocabulary.is_open("resolved"));
        vocabulary.add_status("Active Open", "open");
        assert!(vocabulary.is_open("ACTIVE OPEN"));
        vocabulary.set_open_statuses(["Waiting"]);
        assert!(vocabulary.is_open("waiting") && !vocabulary.is_open(""));
    }
}
