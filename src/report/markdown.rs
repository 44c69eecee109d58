//! The report as Markdown, as Jira and chat take it.

use super::{Links, Weekly, html};
use crate::state::Head;

/// The report as Markdown.
pub fn markdown(weekly: &Weekly, head: &Head, links: &Links) -> Result<String, minijinja::Error> {
    html::render("weekly.md", &html::page(weekly, head, links))
}

/// A text that shows every character as it is, on one line.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '~' | '&'
            | '@' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    // Links without brackets are made clickable by many readers.
    escaped.replace("://", ":\u{200b}//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_one_inert_cell() {
        assert_eq!(escape("a|b\n<img> [x](y) *z*"), "a\\|b \\<img\\> \\[x\\](y) \\*z\\*");
        assert_eq!(escape("https://example.com"), "https:\u{200b}//example.com");
    }
}
