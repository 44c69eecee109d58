//! Foreign text: one spelling, no unseen characters, and what of it may be shown.
//!
//! Promises that two texts which look alike are equal after [`clean`], and that [`shape`] gives nothing of a
//! value away but its form. Never changes letter case.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{Dispute, Text};

/// The most characters of a foreign value that an error or a warning quotes.
const SHOWN_CHARS: usize = 64;

/// Trims white space at both ends and composes characters (Unicode NFC), so that one name has one spelling.
pub fn clean(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// The first character that cannot be seen, if any: control characters, zero-width and direction marks.
/// Two ids that differ only in one of these look the same to a person and are two ids to a program.
pub fn unseen(text: &str) -> Option<char> {
    if is_printable_ascii(text) {
        return None;
    }
    text.chars().find(|&c| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    })
}

/// Whether every character is one of the 95 that ASCII prints. Looks at every byte, which is quicker than to stop
/// at the first that is not.
fn is_printable_ascii(text: &str) -> bool {
    text.bytes().fold(true, |printable, byte| printable & (b' '..=b'~').contains(&byte))
}

/// The form of a value that must not be shown: digits become `#`, letters `a`, other characters outside
/// ASCII punctuation `?`; at most 24 characters.
pub fn shape(text: &str) -> String {
    let form = |c: char| match c {
        _ if c.is_numeric() => '#',
        _ if c.is_alphabetic() => 'a',
        ' ' => ' ',
        _ if c.is_ascii_punctuation() => c,
        _ => '?',
    };
    let mut out: String = text.trim().chars().take(24).map(form).collect();
    if text.trim().chars().nth(24).is_some() {
        out.push('…');
    }
    out
}

/// A value as a message quotes it: control characters escaped, backticks replaced, cut after 64 characters.
pub fn quoted(text: &str) -> String {
    if let Some(text) = quoted_as_is(text) {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.trim().chars().take(SHOWN_CHARS) {
        match c {
            '`' => out.push('\''),
            _ if unseen(c.encode_utf8(&mut [0; 4])).is_some() => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    if text.trim().chars().nth(SHOWN_CHARS).is_some() {
        out.push('…');
    }
    out
}

/// The text that [`quoted`] gives, where that is the text itself without white space at its ends.
pub(crate) fn quoted_as_is(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_plain = text.len() <= SHOWN_CHARS && is_printable_ascii(text) && !text.contains('`');
    is_plain.then_some(text)
}

/// Lets equal texts share one allocation: a million disputes name a few hundred payers.
#[derive(Debug, Default)]
pub struct Interner {
    seen: FxHashSet<Text>,
}

impl Interner {
    /// The shared copy of `text`.
    pub fn share(&mut self, text: Text) -> Text {
        if let Some(shared) = self.seen.get(&text) {
            return Arc::clone(shared);
        }
        self.seen.insert(Arc::clone(&text));
        text
    }

    /// The shared copy of `text`, made only where there is none yet.
    pub fn share_copy(&mut self, text: &str) -> Text {
        if let Some(shared) = self.seen.get(text) {
            return Arc::clone(shared);
        }
        let text = Text::from(text);
        self.seen.insert(Arc::clone(&text));
        text
    }

    /// Lets `dispute` share the texts that repeat. Those that hardly ever do (id, note, claim reference, link)
    /// are left alone, so that the interner does not keep them alive.
    pub fn share_texts_of(&mut self, dispute: &mut Dispute) {
        for text in [&mut dispute.client, &mut dispute.status].into_iter().chain(&mut dispute.reason_codes) {
            *text = self.share(Arc::clone(text));
        }
        let optional = [
            &mut dispute.product_name,
            &mut dispute.state,
            &mut dispute.payer,
            &mut dispute.covered_entity,
            &mut dispute.pharmacy_npi,
        ];
        for text in optional.into_iter().flatten() {
            *text = self.share(Arc::clone(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_one_spelling() {
        assert_eq!(clean("  Cafe\u{301} Plan\u{a0}"), "Caf\u{e9} Plan");
    }

    #[test]
    fn a_zero_width_space_is_unseen() {
        assert_eq!(unseen("D-1\u{200b}"), Some('\u{200b}'));
        assert_eq!(unseen("D-1\0"), Some('\0'));
        assert_eq!(unseen("D-1 Ä 漢"), None);
    }

    #[test]
    fn a_shape_keeps_neither_digits_nor_letters() {
        assert_eq!(shape("02/30/2026 Jane"), "##/##/#### aaaa");
        assert_eq!(shape(&"9".repeat(99)), format!("{}…", "#".repeat(24)));
    }

    #[test]
    fn a_quoted_value_cannot_break_out_of_its_backticks_or_its_line() {
        assert_eq!(quoted("a`b\nc"), "a'b\\u{a}c");
        assert_eq!(quoted(&"x".repeat(70)).chars().count(), 65);
    }

    #[test]
    fn what_is_quoted_as_it_is_is_what_would_be_quoted() {
        for text in ["", " a b ", "D-1", &"x".repeat(64)] {
            assert_eq!(quoted_as_is(text), Some(text.trim()));
            let escaped: String = text.trim().chars().collect();
            assert_eq!(quoted(text), escaped);
        }
        for text in ["a`b", "a\nb", "Caf\u{e9}", &"x".repeat(65)] {
            assert_eq!(quoted_as_is(text), None, "{text}");
        }
    }

    #[test]
    fn equal_texts_share_one_allocation() {
        let mut interner = Interner::default();
        let first = interner.share(Text::from("Example Plan"));
        let second = interner.share(Text::from("Example Plan"));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&first, &interner.share_copy("Example Plan")));
    }
}
