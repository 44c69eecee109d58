//! Rows of a Parquet file, column by column and a batch at a time.
//!
//! Values become the text that the rest of reading knows: decimals with all their digits, days and instants in ISO
//! form. Instants are those of UTC, whatever wrote them; one that falls on midnight is written as its day. INT96,
//! which Spark still writes, is a day and nanoseconds, and is never squeezed into 64 bits of nanoseconds: the year 9999
//! stays what it is. Binary floating point numbers are not exact, and are refused where they are wanted, unless the mapping
//! says to how many decimals they are rounded. Columns that nobody asks for are not read.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::schema::types::{ColumnDescriptor, Type};

use super::batch::Reason;
use super::mapping::Wanted;
use super::table::Table;
use super::table_rows::{MAX_FIELD_BYTES, RawRow};

/// What is read of numbers.
const EXACT: &str = "decimals, whole numbers or texts: cast the column where the file is written";

/// Rows decoded at a time: enough to be quick, few enough that notes of a few kilobytes stay in the cache.
const BATCH_ROWS: usize = 1024;

/// The longest text of an error that is shown.
const SHOWN_CHARACTERS: usize = 200;

const PLAIN: &str = "plain values";

/// Opens a file, with the values of those columns that are wanted.
pub(super) fn open<R: ChunkReader + 'static>(
    path: &Path,
    input: R,
    wanted: &Wanted,
) -> Result<Box<dyn Table>, Reason> {
    let unreadable =
        |error: &ParquetError| Reason::Unreadable { path: path.to_path_buf(), problem: shown(error) };
    let file = unbroken(|| SerializedFileReader::new(input)).map_err(|error| unreadable(&error))?;
    let schema = file.metadata().file_metadata().schema_descr();
    let mut names = Vec::new();
    let mut columns = Vec::new();
    for (place, part) in schema.root_schema().get_fields().iter().enumerate() {
        let name = part.name();
        names.push(name.to_owned());
        if !wanted.has(name) {
            continue;
        }
        let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == place);
        let leaf = leaf.filter(|_| is_plain(part)).map(|leaf| (leaf, schema.column(leaf)));
        let refused = |found: &str, expected: &str| Reason::ColumnType {
            path: path.to_path_buf(),
            column: name.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        let Some((leaf, descriptor)) = leaf else {
            return Err(refused("lists, maps or structures", PLAIN));
        };
        let form = form(&descriptor).map_err(|found| refused(&found, PLAIN))?;
        if form == Form::Float {
            // Of 32 bits not even cents of ten thousand dollars can be told apart.
            let is_double = descriptor.physical_type() == Physical::DOUBLE;
            if !is_double {
                return Err(refused("numbers of the type `float`, which are not exact", EXACT));
            }
            if !wanted.rounds(name) {
                let expected = format!("{EXACT}; an amount may also have the format `rounded 2`");
                return Err(refused("numbers of the type `double`, which are not exact", &expected));
            }
        }
        let is_optional = descriptor.max_def_level() > 0;
        columns.push(Column { place, leaf, form, is_optional, reader: None, cells: Cells::default() });
    }
    let groups = file.metadata().row_groups();
    let total = groups.iter().map(|group| group.compressed_size().unsigned_abs()).sum();
    Ok(Box::new(Opened {
        path: path.to_path_buf(),
        file: Box::new(file),
        names,
        columns,
        next_group: 0,
        left: 0,
        batch: 0,
        at: 0,
        rows: 0,
        done: 0,
        total,
    }))
}

fn is_plain(part: &Type) -> bool {
    part.is_primitive() && !(part.get_basic_info().has_repetition() && is_repeated(part))
}

fn is_repeated(part: &Type) -> bool {
    part.get_basic_info().repetition() == parquet::basic::Repetition::REPEATED
}

/// What the values of a column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Flag,
    Signed,
    Unsigned,
    /// With so many decimals.
    Decimal(i32),
    /// Days since 1970.
    Day,
    /// Counts since 1970, so many a second.
    Instant(i64),
    Float,
    Text,
    Uuid,
}

fn form(descriptor: &ColumnDescriptor) -> Result<Form, String> {
    let logical = descriptor.logical_type_ref();
    let converted = descriptor.converted_type();
    let physical = descriptor.physical_type();
    let unknown = || {
        let logical = logical.map_or_else(|| format!("{converted:?}"), |logical| format!("{logical:?}"));
        Err(format!("values of the type {physical} {logical}"))
    };
    Ok(match (logical, converted) {
        (Some(LogicalType::Decimal(decimal)), _) => Form::Decimal(decimal.scale),
        (None, ConvertedType::DECIMAL) => Form::Decimal(descriptor.type_scale()),
        (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Form::Day,
        (Some(LogicalType::Timestamp(stamp)), _) => Form::Instant(match stamp.unit {
            TimeUnit::MILLIS => 1_000,
            TimeUnit::MICROS => 1_000_000,
            TimeUnit::NANOS => 1_000_000_000,
        }),
        (None, ConvertedType::TIMESTAMP_MILLIS) => Form::Instant(1_000),
        (None, ConvertedType::TIMESTAMP_MICROS) => Form::Instant(1_000_000),
        (Some(LogicalType::Uuid), _) => Form::Uuid,
        (Some(LogicalType::Integer(integer)), _) if !integer.is_signed => Form::Unsigned,
        (
            None,
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64,
        ) => Form::Unsigned,
        (Some(LogicalType::Integer(_)), _)
        | (
            None,
            ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32 | ConvertedType::INT_64,
        ) => Form::Signed,
        (Some(LogicalType::String | LogicalType::Enum | LogicalType::Json | LogicalType::Unknown), _)
        | (None, ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON | ConvertedType::NONE) => {
            match physical {
                Physical::BOOLEAN => Form::Flag,
                Physical::INT32 | Physical::INT64 => Form::Signed,
                Physical::INT96 => Form::Instant(1_000_000_000),
                Physical::FLOAT | Physical::DOUBLE => Form::Float,
                Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => Form::Text,
            }
        }
        _ => return unknown(),
    })
}

struct Opened {
    path: std::path::PathBuf,
    file: Box<dyn FileReader>,
    names: Vec<String>,
    columns: Vec<Column>,
    next_group: usize,
    /// Rows of the group being read that are not decoded yet.
    left: usize,
    /// Rows decoded, and which of them comes next.
    batch: usize,
    at: usize,
    rows: u64,
    done: u64,
    total: u64,
}

struct Column {
    /// Place among the columns of the table.
    place: usize,
    /// Place among the columns of the file.
    leaf: usize,
    form: Form,
    is_optional: bool,
    reader: Option<ColumnReader>,
    cells: Cells,
}

/// The texts of one column for the rows of a batch.
#[derive(Default)]
struct Cells {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Table for Opened {
    fn columns(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, row: &mut RawRow) -> Result<bool, Reason> {
        if self.at == self.batch {
            let filled = unbroken(|| self.fill()).map_err(|error| Reason::BrokeOff {
                path: self.path.clone(),
                rows: self.rows,
                problem: shown(&error),
            })?;
            if !filled {
                return Ok(false);
            }
        }
        self.rows += 1;
        row.begin(self.rows);
        let mut wanted = self.columns.iter().peekable();
        for place in 0..self.names.len() {
            match wanted.next_if(|column| column.place == place) {
                Some(column) => row.push(column.cells.get(self.at)),
                None => row.push(b""),
            }
        }
        self.at += 1;
        Ok(true)
    }

    fn done(&self) -> u64 {
        self.done
    }

    fn total(&self) -> u64 {
        self.total
    }
}

impl Opened {
    /// Decodes the next batch; false where there is none.
    fn fill(&mut self) -> Result<bool, ParquetError> {
        while self.left == 0 {
            if self.next_group > 0 {
                let group = self.file.metadata().row_group(self.next_group - 1);
                self.done += group.compressed_size().unsigned_abs();
            }
            if self.next_group == self.file.num_row_groups() {
                return Ok(false);
            }
            let group = self.file.get_row_group(self.next_group)?;
            self.next_group += 1;
            self.left = usize::try_from(group.metadata().num_rows())
                .map_err(|_| ParquetError::General("a row group has a negative number of rows".to_owned()))?;
            for column in &mut self.columns {
                column.reader = Some(group.get_column_reader(column.leaf)?);
            }
        }
        self.batch = self.left.min(BATCH_ROWS);
        self.at = 0;
        for column in &mut self.columns {
            column.decode(self.batch)?;
        }
        self.left -= self.batch;
        Ok(true)
    }
}

impl Column {
    fn decode(&mut self, rows: usize) -> Result<(), ParquetError> {
        let Self { form, is_optional, reader, cells, .. } = self;
        let (form, is_optional) = (*form, *is_optional);
        cells.bytes.clear();
        cells.ends.clear();
        let Some(reader) = reader else { return Ok(()) };
        match reader {
            ColumnReader::BoolColumnReader(reader) => cells.take(reader, rows, is_optional, |flag, text| {
                text.extend_from_slice(if *flag { b"true" } else { b"false" });
            }),
            ColumnReader::Int32ColumnReader(reader) => {
                cells.take(reader, rows, is_optional, |number, text| {
                    let unsigned = i64::from(number.cast_unsigned());
                    integer(if form == Form::Unsigned { unsigned } else { i64::from(*number) }, form, text);
                })
            }
            ColumnReader::Int64ColumnReader(reader) => {
                cells.take(reader, rows, is_optional, |number, text| {
                    if form == Form::Unsigned {
                        push(text, format_args!("{}", number.cast_unsigned()));
                    } else {
                        integer(*number, form, text);
                    }
                })
            }
            ColumnReader::Int96ColumnReader(reader) => {
                cells.take(reader, rows, is_optional, |stamp, text| {
                    let [low, high, day] = *stamp.data() else { return };
                    // Julian days; 2440588 is 1 January 1970.
                    let nanoseconds = i64::from(high) << 32 | i64::from(low);
                    let (more, nanoseconds) =
                        (nanoseconds.div_euclid(NANOSECONDS), nanoseconds.rem_euclid(NANOSECONDS));
                    let days = i64::from(day.cast_signed()) - 2_440_588 + more;
                    instant(days, nanoseconds / 1_000_000_000, text);
                })
            }
            // Refused when the file was opened.
            ColumnReader::FloatColumnReader(_) => {
                Err(ParquetError::General("a column holds numbers of the type `float`".to_owned()))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                cells.take(reader, rows, is_optional, |number, text| {
                    push(text, format_args!("{number}"));
                })
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                cells.take(reader, rows, is_optional, |value, text| bytes(value.data(), form, text))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                cells.take(reader, rows, is_optional, |value, text| bytes(value.data(), form, text))
            }
        }
    }
}

impl Cells {
    fn get(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }

    fn take<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        rows: usize,
        is_optional: bool,
        write: impl Fn(&T::T, &mut Vec<u8>),
    ) -> Result<(), ParquetError> {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        while self.ends.len() < rows {
            values.clear();
            levels.clear();
            let most = rows - self.ends.len();
            let (records, _, _) =
                reader.read_records(most, is_optional.then_some(&mut levels), None, &mut values)?;
            if records == 0 {
                return Err(ParquetError::EOF(
                    "a column has fewer values than its row group has rows".to_owned(),
                ));
            }
            let mut present = values.iter();
            for record in 0..records {
                if !is_optional || levels.get(record) == Some(&1) {
                    let value = present.next();
                    let value =
                        value.ok_or_else(|| ParquetError::EOF("a column lacks a value".to_owned()))?;
                    write(value, &mut self.bytes);
                }
                self.ends.push(self.bytes.len());
            }
        }
        Ok(())
    }
}

const NANOSECONDS: i64 = 86_400_000_000_000;

fn integer(number: i64, form: Form, text: &mut Vec<u8>) {
    match form {
        Form::Decimal(scale) => decimal(i128::from(number), scale, text),
        Form::Day => day(number, text),
        Form::Instant(per_second) => {
            let a_day = 86_400 * per_second;
            instant(number.div_euclid(a_day), number.rem_euclid(a_day) / per_second, text);
        }
        _ => push(text, format_args!("{number}")),
    }
}

fn bytes(value: &[u8], form: Form, text: &mut Vec<u8>) {
    match form {
        Form::Decimal(scale) => match big_endian(value) {
            Some(number) => decimal(number, scale, text),
            None => text.extend_from_slice(b"(a number of over 38 digits)"),
        },
        Form::Uuid => match <[u8; 16]>::try_from(value) {
            Ok(bits) => push(text, format_args!("{}", uuid::Uuid::from_bytes(bits))),
            Err(_) => text.extend_from_slice(value),
        },
        // What is too long is refused, for which its beginning will do.
        _ => text.extend_from_slice(&value[..value.len().min(MAX_FIELD_BYTES + 1)]),
    }
}

/// A number in two's complement, the highest byte first; none where it needs more than 128 bits.
fn big_endian(value: &[u8]) -> Option<i128> {
    let sign = value.first().map_or(0, |first| if first & 0x80 == 0 { 0 } else { 0xff });
    let (more, kept) = value.split_at(value.len().saturating_sub(16));
    let mut bits = [sign; 16];
    bits[16 - kept.len()..].copy_from_slice(kept);
    let is_whole =
        more.iter().all(|byte| *byte == sign) && (more.is_empty() || kept[0] & 0x80 == sign & 0x80);
    is_whole.then(|| i128::from_be_bytes(bits))
}

fn decimal(number: i128, scale: i32, text: &mut Vec<u8>) {
    let digits = number.unsigned_abs().to_string();
    let scale = usize::try_from(scale).unwrap_or(0);
    if number < 0 {
        text.push(b'-');
    }
    if scale == 0 {
        text.extend_from_slice(digits.as_bytes());
        return;
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    push(text, format_args!("{whole}.{part}"));
}

fn day(days: i64, text: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    push(text, format_args!("{year:04}-{month:02}-{day:02}"));
}

fn instant(days: i64, seconds: i64, text: &mut Vec<u8>) {
    day(days, text);
    if seconds != 0 {
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        push(text, format_args!("T{hour:02}:{minute:02}:{second:02}Z"));
    }
}

/// The day of the Gregorian calendar so many days after 1 January 1970. Counted in eras of 400 years that begin with
/// March, so that the leap day is the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn push(text: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let mut target = Ascii(text);
    // Writing to memory cannot fail.
    let _ = target.write_fmt(arguments);
}

struct Ascii<'a>(&'a mut Vec<u8>);

impl Write for Ascii<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// The crate panics on some damaged files; that is one more way for a file to be unreadable. What was being read is not
/// used again.
fn unbroken<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let broken = |_| Err(ParquetError::General("its contents are damaged".to_owned()));
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(broken)
}

/// The error in a few words. None of ours repeats a value of the file.
fn shown(error: &ParquetError) -> String {
    let text = match error {
        ParquetError::General(text) | ParquetError::EOF(text) | ParquetError::NYI(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(SHOWN_CHARACTERS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut text = Vec::new();
        write(&mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let first = jiff::civil::Date::constant(1970, 1, 1);
        for number in (-719_162..2_932_897).step_by(97) {
            let expected = first.checked_add(jiff::Span::new().days(number)).unwrap();
            assert_eq!(text(|text| day(number, text)), expected.to_string(), "{number}");
        }
        assert_eq!(text(|text| day(2_932_896, text)), "9999-12-31");
    }

    #[test]
    fn decimals_keep_all_digits_and_their_sign() {
        let of = |number, scale| text(|text| decimal(number, scale, text));
        assert_eq!(of(123_456, 2), "1234.56");
        assert_eq!(of(-5, 2), "-0.05");
        assert_eq!(of(0, 6), "0.000000");
        assert_eq!(of(12, 0), "12");
        let largest = "99999999999999999999999999999999999999";
        assert_eq!(of(largest.parse().unwrap(), 10), "9999999999999999999999999999.9999999999");
        assert_eq!(big_endian(&[0xff, 0x85]), Some(-123));
        assert_eq!(big_endian(&[0; 20]), Some(0));
        assert_eq!(big_endian(&[0xff; 20]), Some(-1));
        let mut large = [0; 17];
        large[1] = 0x80;
        assert_eq!(big_endian(&large), None, "its sign is lost in 128 bits");
        assert_eq!(big_endian(&[]), Some(0));
    }

    #[test]
    fn of_a_text_that_is_too_long_little_more_is_held_than_tells_so() {
        let long = vec![b'x'; 10 << 20];
        assert_eq!(text(|text| bytes(&long, Form::Text, text)).len(), MAX_FIELD_BYTES + 1);
        assert_eq!(text(|text| bytes(&long[..100], Form::Text, text)).len(), 100);
    }

    #[test]
    fn an_instant_at_midnight_is_its_day_and_before_1970_counts_down() {
        let of = |number, per_second| text(|text| integer(number, Form::Instant(per_second), text));
        assert_eq!(of(0, 1_000), "1970-01-01");
        assert_eq!(of(-1, 1_000), "1969-12-31T23:59:59Z");
        assert_eq!(of(1_793_923_384_000_000, 1_000_000), "2026-11-06T00:03:04Z");
    }
}
