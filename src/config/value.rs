//! Values as a layer gives them, before anyone asks for their type.
//!
//! Numbers stay text, so that an amount never passes through a binary float. What is shown to people is cut to
//! a bounded length, has no control characters, and carries neither the user part nor the query of an address,
//! because both can hold a credential.

use std::borrow::Cow;

use toml::de::DeValue;

use super::Origin;

/// The most characters of a value that a message repeats.
const SHOWN_CHARACTERS: usize = 60;

/// One value in one layer. It has no `Debug`, because it can hold what must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text in TOML.
    Text(String),
    /// A text from the environment or the command line; its type is what the reader asks for.
    Untyped(String),
    /// A number in TOML, in decimal notation.
    Number(String),
    /// `true` or `false` in TOML.
    Flag(bool),
    /// An array in TOML.
    List(Vec<Element>),
    /// A table in TOML.
    Table,
    /// A date or a time in TOML.
    Date(String),
}

/// One element of an array.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) value: Value,
    /// Line in the file, counted from 1; 0 outside of a file.
    pub(crate) line: usize,
}

/// A value and where it comes from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

impl Value {
    /// Takes a parsed TOML value; `document` is the text that it was parsed from.
    pub(crate) fn from_toml(value: &DeValue<'_>, document: &str) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => Self::Number(
                i128::from_str_radix(number.as_str(), number.radix())
                    .map_or_else(|_| number.to_string(), |decimal| decimal.to_string()),
            ),
            DeValue::Float(number) => Self::Number(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Datetime(date) => Self::Date(date.to_string()),
            DeValue::Array(elements) => Self::List(
                elements
                    .iter()
                    .map(|element| Element {
                        value: Self::from_toml(element.get_ref(), document),
                        line: line_of(document, element.span().start),
                    })
                    .collect(),
            ),
            DeValue::Table(_) => Self::Table,
        }
    }

    /// Whether this is the empty text or the empty list, which mean "unset".
    pub(crate) fn is_unset(&self) -> bool {
        match self {
            Self::Text(text) | Self::Untyped(text) => text.trim().is_empty(),
            Self::List(elements) => elements.is_empty(),
            Self::Number(_) | Self::Flag(_) | Self::Table | Self::Date(_) => false,
        }
    }

    /// The value as part of a sentence about what was found.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Self::Untyped(text) if text.is_empty() => "nothing".to_owned(),
            Self::Untyped(text) if text.parse::<f64>().is_ok() => {
                format!("the number `{}`", presentable(text))
            }
            Self::Text(text) => format!("the text `{}`", presentable(text)),
            Self::Untyped(_) | Self::Flag(_) => format!("`{}`", self.bare()),
            Self::Number(number) => format!("the number `{}`", presentable(number)),
            Self::Date(date) => format!("the date `{date}`"),
            Self::List(_) => "a list".to_owned(),
            Self::Table => "a table".to_owned(),
        }
    }

    /// The value without quotes around it.
    pub(crate) fn bare(&self) -> String {
        match self {
            Self::Text(text) | Self::Untyped(text) => presentable(text),
            Self::Number(_) | Self::Flag(_) | Self::List(_) | Self::Table | Self::Date(_) => self.literal(),
        }
    }

    /// The value as TOML writes it, with addresses masked.
    pub(crate) fn literal(&self) -> String {
        match self {
            Self::Text(text) | Self::Untyped(text) => toml_text(&masked(text)),
            Self::Number(text) | Self::Date(text) => text.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(elements) => {
                let elements: Vec<_> = elements.iter().map(|element| element.value.literal()).collect();
                format!("[{}]", elements.join(", "))
            }
            Self::Table => "{}".to_owned(),
        }
    }
}

/// Splits the text form of a list; blanks around an element do not count.
pub(crate) fn split_list(text: &str) -> Vec<&str> {
    if text.trim().is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}

/// A text as TOML writes it on one line.
pub(crate) fn toml_text(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            control if control.is_control() => {
                written.extend(format!("\\u{:04X}", u32::from(control)).chars());
            }
            plain => written.push(plain),
        }
    }
    written.push('"');
    written
}

/// One part of a key as TOML writes it: quoted only where it must be.
pub(crate) fn toml_key(part: &str) -> Cow<'_, str> {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !part.is_empty() && part.chars().all(bare) { Cow::Borrowed(part) } else { Cow::Owned(toml_text(part)) }
}

/// The line, counted from 1, of a byte position in a text.
pub(crate) fn line_of(document: &str, position: usize) -> usize {
    1 + document.bytes().take(position).filter(|byte| *byte == b'\n').count()
}

/// A foreign text in a form that fits in one line of a message.
pub(crate) fn presentable(text: &str) -> String {
    let masked = masked(text);
    let mut shown: String = masked
        .chars()
        .take(SHOWN_CHARACTERS)
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if masked.chars().nth(SHOWN_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}

/// Hides what an address can carry of a credential: `user:password@` and the query.
fn masked(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    // Everything up to the last `@` goes: a password may hold `/` or `?`, and too much hidden is no harm.
    let (user, place) = rest.rsplit_once('@').map_or(("", rest), |(_, place)| ("***@", place));
    let (place, query) = place.split_once('?').map_or((place, ""), |(place, _)| (place, "?***"));
    Cow::Owned(format!("{scheme}://{user}{place}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_user_password_and_query() {
        let shown = |text: &str| presentable(text);
        assert_eq!(shown("https://jira.example.com/x"), "https://jira.example.com/x");
        assert_eq!(shown("https://bot:pa/s?s@jira.example.com/x"), "https://***@jira.example.com/x");
        assert_eq!(shown("https://bot:pass@jira.example.com/x"), "https://***@jira.example.com/x");
        assert_eq!(shown("https://blob.example.com/a.csv?sig=abc"), "https://blob.example.com/a.csv?***");
        assert_eq!(shown("https://bot@host.example?sig=abc#x"), "https://***@host.example?***");
        assert_eq!(shown("exports/a?b@c.csv"), "exports/a?b@c.csv");
    }

    #[test]
    fn a_shown_value_has_one_bounded_line() {
        assert_eq!(presentable("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(presentable(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
        assert_eq!(presentable(&"é".repeat(60)), "é".repeat(60));
    }

    #[test]
    fn a_written_text_reads_back_unchanged() {
        let text: String = (0..0x2FF_u32).filter_map(char::from_u32).collect();
        let document = format!("{} = {}", toml_key(&text), toml_text(&text));
        let table: toml::Table = document.parse().expect("own notation is TOML");
        assert_eq!(table.get(&text).and_then(toml::Value::as_str), Some(text.as_str()));
    }

    #[test]
    fn numbers_keep_their_digits() {
        let written = |text: &str| {
            let value = DeValue::parse(text).expect("TOML");
            Value::from_toml(value.get_ref(), text).literal()
        };
        assert_eq!(written("0x1F"), "31");
        assert_eq!(written("1_000"), "1000");
        assert_eq!(written("0.10"), "0.10");
        assert_eq!(written("99999999999999999999"), "99999999999999999999");
    }
}
