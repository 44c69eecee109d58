//! Lines of fixed width: each column stands at its place in the line.
//!
//! A line may be longer than its last column. One that ends before a column does has it empty where it ends before the
//! column begins, as writers strip blanks from the end; one that ends in the middle of a column is refused, because half
//! a number is another number. Characters are counted, not bytes, where the line is text in UTF-8.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::Reason;
use super::bytes::{self, LIMITS, Place, TextFile};
use super::json_rows::{self, RawLine};
use super::layout::Position;
use super::table::Table;
use super::table_rows::RawRow;

/// Opens a file of lines of fixed width.
pub(super) fn open(path: &Path, place: &Place, positions: &[Position]) -> Result<Box<dyn Table>, Reason> {
    let TextFile { input, bytes, bytes_total } = bytes::open(path, place, LIMITS)?;
    Ok(Box::new(Lines {
        path: path.to_path_buf(),
        names: positions.iter().map(|position| position.column.clone()).collect(),
        positions: Arc::from(positions),
        input,
        line: RawLine::default(),
        bytes,
        bytes_total,
    }))
}

struct Lines {
    path: PathBuf,
    names: Vec<String>,
    positions: Arc<[Position]>,
    input: BufReader<Box<dyn Read>>,
    line: RawLine,
    bytes: std::rc::Rc<std::cell::Cell<u64>>,
    bytes_total: u64,
}

impl Table for Lines {
    fn columns(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, row: &mut RawRow) -> Result<bool, Reason> {
        let Self { path, positions, input, line, .. } = self;
        let is_there =
            json_rows::read_line(input, line).map_err(|error| bytes::of_io(path, line.line, &error))?;
        // The end of a file of old systems.
        if !is_there || line.bytes == b"\x1a" {
            return Ok(false);
        }
        row.begin(line.line);
        let is_cut = cut(&line.bytes, positions, row);
        if is_cut && !line.is_ended {
            return Err(Reason::Truncated { path: path.clone(), line: line.line });
        }
        Ok(true)
    }

    fn done(&self) -> u64 {
        self.bytes.get()
    }

    fn total(&self) -> u64 {
        self.bytes_total
    }
}

/// Cuts a line into its columns; whether it ends in the middle of one.
fn cut(line: &[u8], positions: &[Position], row: &mut RawRow) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = if line.is_ascii() { None } else { std::str::from_utf8(line).ok() };
    // The place of the character after so many.
    let at = |characters: usize| match text {
        Some(text) => text.char_indices().nth(characters).map_or(line.len(), |(at, _)| at),
        None => characters.min(line.len()),
    };
    let length = text.map_or(line.len(), |text| text.chars().count());
    let mut is_cut = false;
    for (place, position) in positions.iter().enumerate() {
        row.push(&line[at(position.first - 1)..at(position.last)]);
        if position.first <= length && length < position.last {
            is_cut = true;
            row.mark_cut(place);
        }
    }
    is_cut
}

/// Cuts a line as its file would be; for looking at the first one.
pub(super) fn columns_of(line: &[u8], positions: &[Position]) -> Vec<String> {
    let mut row = RawRow::default();
    row.begin(1);
    cut(line, positions, &mut row);
    let text = |place| String::from_utf8_lossy(row.get(place).unwrap_or_default()).trim().to_owned();
    (0..positions.len()).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions() -> Vec<Position> {
        [("id", "1-3"), ("name", "5-8"), ("units", "10-13")]
            .map(|(column, text)| Position::parse(column, text).unwrap())
            .to_vec()
    }

    #[test]
    fn columns_stand_at_their_places_in_characters() {
        for (line, expected) in [
            ("abc Anna 0012", ["abc", "Anna", "0012"]),
            ("abc Änne 0012 and more", ["abc", "Änne", "0012"]),
            ("abc", ["abc", "", ""]),
            ("abc Anna\r", ["abc", "Anna", ""]),
            ("    Anna", ["", "Anna", ""]),
        ] {
            assert_eq!(columns_of(line.as_bytes(), &positions()), expected, "{line}");
        }
        assert_eq!(columns_of(b"abc A\xe4ne 0012", &positions())[2], "0012", "bytes where it is no UTF-8");
    }

    #[test]
    fn a_line_that_ends_in_the_middle_of_a_column_is_told() {
        let cut = |line: &str| cut(line.as_bytes(), &positions(), &mut RawRow::default());
        assert!(cut("abc Anna 001") && cut("ab") && cut("abc A"));
        assert!(!cut("abc Anna 0012") && !cut("abc Anna ") && !cut("abc") && !cut(""));
    }

    #[test]
    fn a_place_is_two_numbers_in_order() {
        assert_eq!(
            Position::parse("a", "32").unwrap(),
            Position { column: "a".to_owned(), first: 32, last: 32 }
        );
        for text in ["", "0-4", "5-4", "a-b", "1-999999"] {
            assert!(Position::parse("a", text).is_err(), "{text}");
        }
    }
}
