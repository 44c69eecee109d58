//! Reads file after file and row after row, and hands each dispute on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::batch::{CountedWarning, FileCounts, Problem, Reason, Reject};
use super::bytes::{self, LIMITS, TextFile};
use super::files::{self, InputFile, Layout};
use super::header::{Header, MAX_COLUMNS, fold};
use super::json_rows::{self, Object, RawLine, Value};
use super::table_rows::{MAX_FIELD_BYTES, RawRow, Splitter};
use super::{Located, Progress, Settings};
use crate::dispute::{Doubt, Field, Interner, Row, Tables, Text, Warning, clean, quoted, read, unseen};

/// How many rows are read between two reports of progress.
const PROGRESS_ROWS: u64 = 4096;
/// How many different values a warning shows.
const SHOWN_VALUES: usize = 10;

/// The account of a reading, without the disputes.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Rows read; those that were not handed on are in `rejects`.
    pub rows: u64,
    /// The rows that cannot be disputes, by file and line.
    pub rejects: Vec<Reject>,
    /// Doubtful values, counted by column and kind of doubt.
    pub warnings: Vec<CountedWarning>,
    /// What is missing from the input, as far as one reading can tell.
    pub reasons: Vec<Reason>,
    /// What became of every file.
    pub files: FileCounts,
}

/// Reads the whole input and hands every dispute to `sink`, open or not, in the order of files and lines.
/// Equal texts of different disputes share their memory; nothing else is held but the rejects.
///
/// Blocking: call it where blocking is allowed.
pub fn each(
    settings: &Settings,
    tables: &Tables,
    progress: &mut dyn FnMut(Progress<'_>),
    sink: &mut dyn FnMut(Located),
) -> Survey {
    let found = files::find(&settings.paths);
    let mut reader = Reader {
        settings,
        tables,
        progress,
        sink,
        interner: Interner::default(),
        tally: BTreeMap::new(),
        folded: Field::ALL.map(|field| fold(settings.column(field))),
        files: found.files.len(),
        survey: Survey {
            rows: 0,
            rejects: Vec::new(),
            warnings: Vec::new(),
            reasons: found.reasons,
            files: found.counts,
        },
    };
    for (file_index, file) in found.files.iter().enumerate() {
        let outcome = bytes::open(&file.path, LIMITS).and_then(|text| {
            let mut place = Place { file, file_index, bytes: 0, bytes_total: text.bytes_total };
            reader.report(&place);
            let outcome = match file.layout {
                Layout::Commas => reader.read_table(&mut place, text, b','),
                Layout::Tabs => reader.read_table(&mut place, text, b'\t'),
                Layout::JsonLines => reader.read_json_lines(&mut place, text),
            };
            reader.report(&place);
            outcome
        });
        match outcome {
            Ok(()) => reader.survey.files.read += 1,
            Err(reason) => {
                reader.survey.files.failed += 1;
                reader.survey.reasons.push(reason);
            }
        }
    }
    let Reader { tally, mut survey, .. } = reader;
    survey.warnings = tally.into_values().collect();
    survey
}

/// Where reading is.
struct Place<'a> {
    file: &'a InputFile,
    file_index: usize,
    bytes: u64,
    bytes_total: u64,
}

struct Reader<'a> {
    settings: &'a Settings,
    tables: &'a Tables,
    progress: &'a mut dyn FnMut(Progress<'_>),
    sink: &'a mut dyn FnMut(Located),
    interner: Interner,
    tally: BTreeMap<(Field, Doubt), CountedWarning>,
    /// Folded column names, by [`Field::index`].
    folded: [String; Field::ALL.len()],
    files: usize,
    survey: Survey,
}

/// The texts of one row, by [`Field::index`].
struct Texts<'a>([Option<&'a str>; Field::ALL.len()]);

impl Row for Texts<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        self.0[field.index()]
    }
}

impl Texts<'_> {
    /// The dispute id, where it is usable: a row that is rejected for another reason still tells that its dispute
    /// exists.
    fn id(&self) -> Option<Text> {
        let id = clean(self.get(Field::DisputeId)?);
        (!id.is_empty() && unseen(&id).is_none()).then(|| Text::from(id))
    }
}

impl Reader<'_> {
    fn read_table(&mut self, place: &mut Place<'_>, text: TextFile, delimiter: u8) -> Result<(), Reason> {
        let path = Arc::clone(&place.file.path);
        let TextFile { input, bytes, .. } = text;
        let mut splitter = Splitter::new(input, delimiter);
        let mut row = RawRow::default();
        let begun =
            splitter.read(&mut row, MAX_COLUMNS).map_err(|error| bytes::of_io(&path, row.line, &error))?;
        if !begun {
            return Err(Reason::Empty { path: path.to_path_buf() });
        }
        if row.unfinished {
            return Err(Reason::Truncated { path: path.to_path_buf(), line: row.line });
        }
        let header = Header::read(&row, self.settings, &path, delimiter)?;
        for field in self.settings.columns.keys().filter(|field| header.places[field.index()].is_none()) {
            self.count_absent_column(*field, &path);
        }
        loop {
            let outcome = splitter.read(&mut row, header.names.len());
            place.bytes = bytes.get();
            match outcome {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(error) => {
                    if row.is_begun() {
                        self.survey.rows += 1;
                        self.reject(place, row.line, None, vec![cut_row()]);
                    }
                    return Err(bytes::of_io(&path, row.line, &error));
                }
            }
            self.survey.rows += 1;
            if row.unfinished {
                self.reject(place, row.line, None, vec![cut_row()]);
                return Err(Reason::Truncated { path: path.to_path_buf(), line: row.line });
            }
            self.take_table_row(place, &header, &row);
            self.report_now_and_then(place);
        }
    }

    fn take_table_row(&mut self, place: &Place<'_>, header: &Header, row: &RawRow) {
        let mut problems = Vec::new();
        if row.fields != header.names.len() {
            let fields = if row.fields == 1 { "field" } else { "fields" };
            problems.push(Problem::of_row(
                format!("{} fields", header.names.len()),
                format!("{} {fields}", row.fields),
            ));
        }
        if let Some(long) = row.too_long {
            problems.push(Problem::of_column(
                &quoted(header.name(long)),
                format!("at most {MAX_FIELD_BYTES} bytes"),
                "more (is a quote left open?)",
            ));
        }
        if !problems.is_empty() {
            return self.reject(place, row.line, None, problems);
        }
        let mut texts = Texts([None; Field::ALL.len()]);
        for field in Field::ALL {
            let Some(column) = header.places[field.index()] else { continue };
            match std::str::from_utf8(row.get(column).unwrap_or_default()) {
                Ok(text) => texts.0[field.index()] = Some(text),
                Err(_) => problems.push(not_utf8(header.name(column))),
            }
        }
        if problems.is_empty() {
            self.take(place, row.line, &texts, |field| {
                header.places[field.index()].map_or(self.settings.column(field), |column| header.name(column))
            });
        } else {
            self.reject(place, row.line, texts.id(), problems);
        }
    }

    fn read_json_lines(&mut self, place: &mut Place<'_>, text: TextFile) -> Result<(), Reason> {
        let path = Arc::clone(&place.file.path);
        let TextFile { mut input, bytes, .. } = text;
        let mut line = RawLine::default();
        let mut seen = [false; Field::ALL.len()];
        let mut has_rows = false;
        loop {
            let outcome = json_rows::read_line(&mut input, &mut line);
            place.bytes = bytes.get();
            match outcome {
                Ok(false) => break,
                Ok(true) => {}
                Err(error) => {
                    if !line.bytes.trim_ascii().is_empty() {
                        self.survey.rows += 1;
                        self.reject(place, line.line, None, vec![cut_row()]);
                    }
                    return Err(bytes::of_io(&path, line.line, &error));
                }
            }
            has_rows = true;
            self.survey.rows += 1;
            if self.take_json_line(place, &line, &mut seen) == Shape::Cut {
                return Err(Reason::Truncated { path: path.to_path_buf(), line: line.line });
            }
            self.report_now_and_then(place);
        }
        for field in self.settings.columns.keys().filter(|field| has_rows && !seen[field.index()]) {
            self.count_absent_column(*field, &path);
        }
        Ok(())
    }

    fn take_json_line(
        &mut self,
        place: &Place<'_>,
        line: &RawLine,
        seen: &mut [bool; Field::ALL.len()],
    ) -> Shape {
        if line.too_long {
            let problem = Problem::of_row("a line of at most 1 MiB", "a longer one");
            self.reject(place, line.line, None, vec![problem]);
            return Shape::Whole;
        }
        let text = String::from_utf8_lossy(&line.bytes);
        let is_utf8 = matches!(text, std::borrow::Cow::Borrowed(_));
        let object = match serde_json::from_str::<Object<'_>>(&text) {
            Ok(object) => object,
            Err(error) if error.is_eof() && !line.is_ended => {
                self.reject(place, line.line, None, vec![cut_row()]);
                return Shape::Cut;
            }
            Err(error) => {
                let found = if is_utf8 {
                    format!("something else (at character {} of the line)", error.column())
                } else {
                    "bytes that are not UTF-8".to_owned()
                };
                self.reject(place, line.line, None, vec![Problem::of_row("one JSON object", found)]);
                return Shape::Whole;
            }
        };
        let mut problems = Vec::new();
        let mut values: [Option<String>; Field::ALL.len()] = std::array::from_fn(|_| None);
        let mut keys: [Option<&str>; Field::ALL.len()] = [None; Field::ALL.len()];
        for (key, raw) in &object.0 {
            let folded = fold(key);
            for field in Field::ALL.into_iter().filter(|field| self.folded[field.index()] == folded) {
                let index = field.index();
                if keys[index].replace(key).is_some() {
                    problems.push(Problem::of_column(&quoted(key), "one value", "two"));
                    continue;
                }
                seen[index] = true;
                match json_rows::value(raw) {
                    Value::Nothing => {}
                    Value::Text(text) if !is_utf8 && text.contains('\u{fffd}') => {
                        problems.push(not_utf8(key));
                    }
                    Value::Text(text) if text.len() > MAX_FIELD_BYTES => problems.push(Problem::of_column(
                        &quoted(key),
                        format!("at most {MAX_FIELD_BYTES} bytes"),
                        "more",
                    )),
                    Value::Text(text) => values[index] = Some(text),
                    Value::Nested => problems.push(Problem::of_column(
                        &quoted(key),
                        "a text, a number or null",
                        "an object or an array",
                    )),
                    Value::Broken => {
                        problems.push(Problem::of_column(&quoted(key), "a valid JSON text", "another"));
                    }
                }
            }
        }
        let texts = Texts(std::array::from_fn(|index| values[index].as_deref()));
        if problems.is_empty() {
            self.take(place, line.line, &texts, |field| {
                keys[field.index()].unwrap_or(self.settings.column(field))
            });
        } else {
            self.reject(place, line.line, texts.id(), problems);
        }
        Shape::Whole
    }

    /// Reads the texts of a row and hands the dispute on.
    fn take<'n>(
        &mut self,
        place: &Place<'_>,
        line: u64,
        texts: &Texts<'_>,
        column: impl Fn(Field) -> &'n str,
    ) {
        let path = &place.file.path;
        match read(texts, &self.settings.vocabulary, self.tables) {
            Ok((mut dispute, warnings)) => {
                for warning in warnings {
                    self.count(warning, path, line);
                }
                self.interner.share_texts_of(&mut dispute);
                let file = Arc::clone(path);
                (self.sink)(Located { dispute, file, file_index: place.file_index, line });
            }
            Err(errors) => {
                let problems = errors.into_iter().map(|error| {
                    let column = quoted(column(error.field));
                    Problem::of_field(error, &column)
                });
                let problems = problems.collect();
                self.reject(place, line, texts.id(), problems);
            }
        }
    }

    fn reject(&mut self, place: &Place<'_>, line: u64, id: Option<Text>, problems: Vec<Problem>) {
        let file = Arc::clone(&place.file.path);
        self.survey.rejects.push(Reject { file, file_index: place.file_index, line, id, problems });
    }

    fn count_absent_column(&mut self, field: Field, file: &Arc<Path>) {
        let value = quoted(self.settings.column(field));
        self.count(Warning { field, doubt: Doubt::AbsentColumn, value }, file, 1);
    }

    fn count(&mut self, warning: Warning, file: &Arc<Path>, line: u64) {
        let Warning { field, doubt, value } = warning;
        let counted = self.tally.entry((field, doubt)).or_insert_with(|| CountedWarning {
            field,
            column: self.settings.column(field).to_owned(),
            doubt,
            count: 0,
            values: Vec::new(),
            file: Arc::clone(file),
            line,
        });
        counted.count += 1;
        // Kept sorted and short, so that the values shown do not depend on the order of rows.
        if let Err(at) = counted.values.binary_search(&value)
            && at < SHOWN_VALUES
        {
            counted.values.insert(at, value);
            counted.values.truncate(SHOWN_VALUES);
        }
    }

    fn report_now_and_then(&mut self, place: &Place<'_>) {
        if self.survey.rows.is_multiple_of(PROGRESS_ROWS) {
            self.report(place);
        }
    }

    fn report(&mut self, place: &Place<'_>) {
        (self.progress)(Progress {
            file: &place.file.path,
            file_index: place.file_index,
            files: self.files,
            bytes: place.bytes,
            bytes_total: place.bytes_total,
            rows: self.survey.rows,
        });
    }
}

/// Whether a line is all there.
#[derive(PartialEq, Eq)]
enum Shape {
    Whole,
    Cut,
}

fn cut_row() -> Problem {
    Problem::of_row("a whole row", "the end of the file in its middle")
}

fn not_utf8(column: &str) -> Problem {
    Problem::of_column(&quoted(column), "text in UTF-8", "other bytes")
}
