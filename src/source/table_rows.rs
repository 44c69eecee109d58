//! Splits separated values into rows (RFC 4180), with bounded memory.
//!
//! Fields may be quoted, quoted fields may hold delimiters, line breaks and doubled quotes; a quote inside an
//! unquoted field is a character like any other. Lines end with LF, CR LF or CR. Blank lines are no rows.
//! What of a field is over its limit is dropped and the field marked, so that one stray quote cannot take the
//! rest of a large file into memory.

use std::io::{self, BufRead};

/// The longest field kept, in bytes.
pub(super) const MAX_FIELD_BYTES: usize = 64 * 1024;

/// One row; reused from row to row.
#[derive(Debug, Default)]
pub(super) struct RawRow {
    /// Line where the row starts, from 1.
    pub line: u64,
    /// How many fields the row has, those beyond the limit included.
    pub fields: usize,
    /// The first field that is too long.
    pub too_long: Option<usize>,
    /// The input ends inside a quoted field.
    pub unfinished: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RawRow {
    /// The field at `place`, where the row has it and it was kept.
    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..end)
    }

    /// Whether reading has met anything of this row.
    pub(super) fn is_begun(&self) -> bool {
        self.fields > 0 || !self.bytes.is_empty() || self.too_long.is_some() || self.unfinished
    }

    fn clear(&mut self, line: u64) {
        self.line = line;
        self.fields = 0;
        self.too_long = None;
        self.unfinished = false;
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, byte: u8, max_fields: usize) {
        if self.fields >= max_fields {
            return;
        }
        let start = self.ends.last().copied().unwrap_or(0);
        if self.bytes.len() - start < MAX_FIELD_BYTES {
            self.bytes.push(byte);
        } else if self.too_long.is_none() {
            self.too_long = Some(self.fields);
        }
    }

    fn end_field(&mut self, max_fields: usize) {
        if self.fields < max_fields {
            self.ends.push(self.bytes.len());
        }
        self.fields += 1;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a field.
    Start,
    /// In an unquoted field, or after the quotes of a quoted one.
    Plain,
    /// Inside quotes.
    Quoted,
    /// After a quote inside quotes: the end, or half of a doubled quote.
    Quote,
}

/// Reads rows from a stream of bytes.
pub(super) struct Splitter<R> {
    input: R,
    delimiter: u8,
    line: u64,
    after_carriage_return: bool,
}

impl<R: BufRead> Splitter<R> {
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, line: 1, after_carriage_return: false }
    }

    /// Reads the next row into `row`, keeping at most `max_fields` fields; false at the end. After an error `row`
    /// holds what came before it.
    pub(super) fn read(&mut self, row: &mut RawRow, max_fields: usize) -> io::Result<bool> {
        row.clear(self.line);
        let mut state = State::Start;
        let mut quoted = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    row.unfinished = quoted || row.is_begun();
                    return Err(error);
                }
            };
            if buffer.is_empty() {
                if state == State::Start && row.fields == 0 {
                    return Ok(false);
                }
                row.unfinished = state == State::Quoted;
                row.end_field(max_fields);
                return Ok(true);
            }
            let mut used = 0;
            let mut is_whole = false;
            for &byte in buffer {
                used += 1;
                if std::mem::take(&mut self.after_carriage_return) && byte == b'\n' {
                    continue;
                }
                let was_quoted = state == State::Quoted;
                state = match (state, byte) {
                    (State::Start, b'"') => {
                        quoted = true;
                        State::Quoted
                    }
                    (State::Quoted, b'"') => State::Quote,
                    (State::Quote, b'"') => {
                        row.push(b'"', max_fields);
                        State::Quoted
                    }
                    (State::Quoted, _) => {
                        row.push(byte, max_fields);
                        State::Quoted
                    }
                    (_, b'\n' | b'\r') => {
                        is_whole = true;
                        State::Start
                    }
                    (_, _) if byte == self.delimiter => {
                        row.end_field(max_fields);
                        State::Start
                    }
                    (_, _) => {
                        row.push(byte, max_fields);
                        State::Plain
                    }
                };
                self.after_carriage_return = byte == b'\r' && !was_quoted;
                if byte == b'\n' || self.after_carriage_return {
                    self.line += 1;
                }
                if is_whole {
                    if row.fields == 0 && row.bytes.is_empty() && !quoted {
                        is_whole = false;
                        row.clear(self.line);
                        continue;
                    }
                    break;
                }
            }
            self.input.consume(used);
            if is_whole {
                row.end_field(max_fields);
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn split(text: &str, buffer_bytes: usize) -> Vec<(u64, Vec<String>)> {
        let input = BufReader::with_capacity(buffer_bytes, text.as_bytes());
        let mut splitter = Splitter::new(input, b',');
        let mut row = RawRow::default();
        let mut rows = Vec::new();
        while splitter.read(&mut row, 100).unwrap() {
            let fields =
                (0..row.fields).map(|place| String::from_utf8_lossy(row.get(place).unwrap()).into_owned());
            rows.push((row.line, fields.collect()));
        }
        rows
    }

    fn fields(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn rows_start_on_the_line_where_they_start() {
        let text = "a,b\r\n\r\n\"x\ny\",\"say \"\"hi\"\"\"\r,\nlast,5\"";
        for buffer_bytes in [1, 2, 3, 7, 1000] {
            assert_eq!(
                split(text, buffer_bytes),
                [
                    (1, fields(&["a", "b"])),
                    (3, fields(&["x\ny", "say \"hi\""])),
                    (5, fields(&["", ""])),
                    (6, fields(&["last", "5\""])),
                ],
                "buffer of {buffer_bytes} bytes"
            );
        }
    }

    #[test]
    fn an_empty_quoted_field_alone_is_a_row_and_a_blank_line_is_not() {
        assert_eq!(split("\n\n\"\"\n\n", 100), [(3, fields(&[""]))]);
        assert_eq!(split("", 100), []);
    }

    #[test]
    fn an_open_quote_at_the_end_leaves_the_row_unfinished() {
        let mut splitter = Splitter::new("a,\"b\nc".as_bytes(), b',');
        let mut row = RawRow::default();
        assert!(splitter.read(&mut row, 10).unwrap());
        assert!(row.unfinished);
        assert!(!splitter.read(&mut row, 10).unwrap());
    }

    #[test]
    fn a_long_field_and_many_fields_take_bounded_memory() {
        let text = format!("{},b{}\nc,d\n", "x".repeat(10 << 20), ",y".repeat(100_000));
        let mut splitter = Splitter::new(text.as_bytes(), b',');
        let mut row = RawRow::default();
        assert!(splitter.read(&mut row, 3).unwrap());
        assert_eq!((row.fields, row.too_long), (100_002, Some(0)));
        assert!(row.bytes.capacity() < 4 * MAX_FIELD_BYTES);
        assert!(splitter.read(&mut row, 3).unwrap());
        assert_eq!((row.line, row.get(1)), (2, Some(&b"d"[..])));
    }
}
