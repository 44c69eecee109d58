//! Rows of NDJSON: one flat object a line. Numbers keep the digits that the source wrote.

use std::fmt;
use std::io::{self, BufRead};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The longest line kept, in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// One line; reused from line to line.
#[derive(Debug, Default)]
pub(super) struct RawLine {
    /// Number of the line, from 1.
    pub line: u64,
    /// What was kept of it, without its end.
    pub bytes: Vec<u8>,
    /// The line is longer than what was kept.
    pub too_long: bool,
    /// The line has its line break.
    pub is_ended: bool,
}

/// Reads the next line that is not blank; false at the end. After an error `line` holds what came before it.
pub(super) fn read_line(input: &mut impl BufRead, line: &mut RawLine) -> io::Result<bool> {
    loop {
        line.line += 1;
        line.bytes.clear();
        line.too_long = false;
        line.is_ended = false;
        let mut is_begun = false;
        while !line.is_ended {
            let buffer = match input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break;
            }
            is_begun = true;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = MAX_LINE_BYTES - line.bytes.len();
            line.too_long |= part.len() > room;
            line.bytes.extend_from_slice(&part[..part.len().min(room)]);
            line.is_ended = end.is_some();
            let used = part.len() + usize::from(line.is_ended);
            input.consume(used);
        }
        if !is_begun {
            return Ok(false);
        }
        if line.too_long || !line.bytes.trim_ascii().is_empty() {
            return Ok(true);
        }
    }
}

/// Lines in one piece of memory; reused from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct RawLines {
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Head {
    line: u64,
    too_long: bool,
    is_ended: bool,
    /// Where the bytes of the line end.
    bytes_end: usize,
}

/// One line of [`RawLines`]; see [`RawLine`].
pub(super) struct Line<'a> {
    pub number: u64,
    pub bytes: &'a [u8],
    pub too_long: bool,
    pub is_ended: bool,
}

impl RawLines {
    pub(super) fn clear(&mut self) {
        let Self { heads, bytes } = self;
        heads.clear();
        bytes.clear();
    }

    pub(super) fn push(&mut self, line: &RawLine) {
        let RawLine { line, bytes, too_long, is_ended } = line;
        self.bytes.extend_from_slice(bytes);
        let (line, too_long, is_ended) = (*line, *too_long, *is_ended);
        self.heads.push(Head { line, too_long, is_ended, bytes_end: self.bytes.len() });
    }

    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        let mut start = 0;
        self.heads.iter().map(move |head| {
            let &Head { line, too_long, is_ended, bytes_end } = head;
            let bytes = &self.bytes[std::mem::replace(&mut start, bytes_end)..bytes_end];
            Line { number: line, bytes, too_long, is_ended }
        })
    }
}

/// The value of one key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `null`.
    Nothing,
    /// A text, or a number or truth value as written.
    Text(String),
    /// An object or an array.
    Nested,
    /// A text that is not valid, such as half of a surrogate pair.
    Broken,
}

/// The keys and values of an object, in the order written, repeated keys included.
#[derive(Debug)]
pub(super) struct Object<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries).map(Self)
    }
}

/// The value behind its JSON text.
pub(super) fn value(raw: &RawValue) -> Value {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_or(Value::Broken, Value::Text),
        Some(b'{' | b'[') => Value::Nested,
        Some(b'n') | None => Value::Nothing,
        Some(_) => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let object: Object<'_> =
            serde_json::from_str(r#"{"a":0.10000000000000000000000001,"b":"x","c":null,"d":[1],"e":true}"#)
                .unwrap();
        let values: Vec<Value> = object.0.iter().map(|(_, raw)| value(raw)).collect();
        let text = |text: &str| Value::Text(text.to_owned());
        let expected =
            [text("0.10000000000000000000000001"), text("x"), Value::Nothing, Value::Nested, text("true")];
        assert_eq!(values, expected);
    }

    #[test]
    fn blank_lines_are_no_rows_and_long_lines_are_cut() {
        let text = format!("\n  \r\n{{}}\n{}\nlast", "x".repeat(3 << 20));
        let mut input = text.as_bytes();
        let mut line = RawLine::default();
        let mut seen = Vec::new();
        while read_line(&mut input, &mut line).unwrap() {
            seen.push((line.line, line.bytes.len(), line.too_long, line.is_ended));
        }
        assert_eq!(seen, [(3, 2, false, true), (4, 1 << 20, true, true), (5, 4, false, false)]);
    }
}
