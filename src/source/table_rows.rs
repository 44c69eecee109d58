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
    /// The first field in the middle of which the line ends.
    pub cut: Option<usize>,
    /// The input ends inside a quoted field.
    pub unfinished: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RawRow {
    /// The field at `place`, where the row has it and it was kept.
    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        self.bytes.get(span(&self.ends, place)?)
    }

    /// Whether reading has met anything of this row.
    pub(super) fn is_begun(&self) -> bool {
        self.fields > 0 || !self.bytes.is_empty() || self.too_long.is_some() || self.unfinished
    }

    /// Says that the line ends in the middle of a field.
    pub(super) fn mark_cut(&mut self, place: usize) {
        self.cut = self.cut.or(Some(place));
    }

    /// Begins a row that comes ready in fields.
    pub(super) fn begin(&mut self, number: u64) {
        self.clear(number);
    }

    /// Adds a whole field to a row that was begun.
    pub(super) fn push(&mut self, text: impl AsRef<[u8]>) {
        self.extend(text.as_ref(), usize::MAX);
        self.end_field(usize::MAX);
    }

    fn clear(&mut self, line: u64) {
        self.line = line;
        self.fields = 0;
        self.too_long = None;
        self.cut = None;
        self.unfinished = false;
        self.bytes.clear();
        self.ends.clear();
    }

    fn extend(&mut self, bytes: &[u8], max_fields: usize) {
        if self.fields >= max_fields {
            return;
        }
        let start = self.ends.last().copied().unwrap_or(0);
        let room = MAX_FIELD_BYTES - (self.bytes.len() - start);
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room && self.too_long.is_none() {
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

/// Rows in one piece of memory; reused from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct RawRows {
    heads: Vec<Head>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

#[derive(Debug)]
struct Head {
    line: u64,
    fields: usize,
    too_long: Option<usize>,
    cut: Option<usize>,
    /// Where the bytes and the ends of the row end.
    bytes_end: usize,
    ends_end: usize,
}

impl RawRows {
    pub(super) fn clear(&mut self) {
        let Self { heads, bytes, ends } = self;
        heads.clear();
        bytes.clear();
        ends.clear();
    }

    /// Adds a whole row.
    pub(super) fn push(&mut self, row: &RawRow) {
        let RawRow { line, fields, too_long, cut, unfinished: _, bytes, ends } = row;
        self.bytes.extend_from_slice(bytes);
        self.ends.extend_from_slice(ends);
        self.heads.push(Head {
            line: *line,
            fields: *fields,
            too_long: *too_long,
            cut: *cut,
            bytes_end: self.bytes.len(),
            ends_end: self.ends.len(),
        });
    }

    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Fields<'_>> {
        let (mut bytes_start, mut ends_start) = (0, 0);
        self.heads.iter().map(move |head| {
            let &Head { line, fields, too_long, cut, bytes_end, ends_end } = head;
            let bytes = &self.bytes[std::mem::replace(&mut bytes_start, bytes_end)..bytes_end];
            let ends = &self.ends[std::mem::replace(&mut ends_start, ends_end)..ends_end];
            let text = std::str::from_utf8(bytes).ok();
            Fields { line, count: fields, too_long, cut, bytes, ends, text }
        })
    }
}

/// One row of [`RawRows`]; see [`RawRow`].
pub(super) struct Fields<'a> {
    pub line: u64,
    pub count: usize,
    pub too_long: Option<usize>,
    pub cut: Option<usize>,
    bytes: &'a [u8],
    ends: &'a [usize],
    /// The bytes as text, where all of them are.
    text: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// The field at `place`, empty where the row does not have it; `None` where it is no text in UTF-8.
    pub(super) fn text(&self, place: usize) -> Option<&'a str> {
        let Some(span) = span(self.ends, place) else { return Some("") };
        match self.text {
            // Two fields that are no text can look like one that is: then the border is inside a character.
            Some(text) => text.get(span),
            None => std::str::from_utf8(&self.bytes[span]).ok(),
        }
    }
}

fn span(ends: &[usize], place: usize) -> Option<std::ops::Range<usize>> {
    let end = *ends.get(place)?;
    let start = place.checked_sub(1).map_or(0, |before| ends[before]);
    Some(start..end)
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
            while used < buffer.len() && !is_whole {
                let rest = &buffer[used..];
                if std::mem::take(&mut self.after_carriage_return) && rest[0] == b'\n' {
                    used += 1;
                    continue;
                }
                match (state, rest[0]) {
                    (State::Quoted, _) => {
                        let run = rest.iter().position(|&b| b == b'"').unwrap_or(rest.len());
                        row.extend(&rest[..run], max_fields);
                        self.line += rest[..run].iter().map(|&b| u64::from(b == b'\n')).sum::<u64>();
                        used += run;
                        if run < rest.len() {
                            used += 1;
                            state = State::Quote;
                        }
                    }
                    (State::Quote, b'"') => {
                        row.extend(b"\"", max_fields);
                        used += 1;
                        state = State::Quoted;
                    }
                    (State::Start, b'"') => {
                        quoted = true;
                        used += 1;
                        state = State::Quoted;
                    }
                    (State::Start | State::Plain | State::Quote, _) => {
                        let is_end = |&b: &u8| b == self.delimiter || b == b'\n' || b == b'\r';
                        let run = rest.iter().position(is_end).unwrap_or(rest.len());
                        row.extend(&rest[..run], max_fields);
                        used += run;
                        let Some(&end) = rest.get(run) else {
                            state = State::Plain;
                            continue;
                        };
                        used += 1;
                        state = State::Start;
                        if end == self.delimiter {
                            row.end_field(max_fields);
                            continue;
                        }
                        self.after_carriage_return = end == b'\r';
                        self.line += 1;
                        if row.fields == 0 && row.bytes.is_empty() && !quoted {
                            row.clear(self.line);
                        } else {
                            is_whole = true;
                        }
                    }
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
    fn a_character_cut_by_a_delimiter_is_no_text_on_either_side() {
        let mut splitter = Splitter::new(&b"a,\xc3,\xa9,b\nc,Caf\xc3\xa9,d\ne,\xe9,f\n"[..], b',');
        let mut row = RawRow::default();
        let mut rows = RawRows::default();
        while splitter.read(&mut row, 10).unwrap() {
            rows.push(&row);
        }
        let texts: Vec<Vec<Option<&str>>> =
            rows.iter().map(|row| (0..row.count).map(|place| row.text(place)).collect()).collect();
        let expected = [
            vec![Some("a"), None, None, Some("b")],
            vec![Some("c"), Some("Caf\u{e9}"), Some("d")],
            vec![Some("e"), None, Some("f")],
        ];
        assert_eq!(texts, expected);
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
