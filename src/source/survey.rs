//! Reads file after file and row after row, and hands each dispute on.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::batch::{FileCounts, Reason, Reject};
use super::bytes::{self, LIMITS, TextFile};
use super::files::{self, InputFile, Kind, Layout};
use super::header::{Header, MAX_COLUMNS};
use super::json_rows::{self, RawLine, RawLines};
use super::mapping;
use super::parse::{Chunk, Mark, Origin, Parser, Read, cut_row};
use super::pipeline::{Filled, Pace, in_order};
use super::table::Table;
use super::table_rows::{RawRow, RawRows, Splitter};
use super::tally::Tally;
use super::{CountedWarning, Located, Progress, Settings};
use crate::dispute::{Doubt, Field, Interner, Tables, quoted};

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
    /// Each source by itself.
    pub(super) sources: Vec<Surveyed>,
    /// The source of each file, by the file's place in the reading order.
    pub(super) source_of_file: Vec<usize>,
}

/// What was read of one source.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Surveyed {
    pub rows: u64,
    pub reasons: Vec<Reason>,
    /// Columns of tables that nothing is read from, sorted.
    pub unused: BTreeSet<String>,
}

impl Survey {
    /// The columns of tables from which nothing is read, by the names that the sources have.
    pub fn unused_columns(&self) -> impl Iterator<Item = &String> {
        self.sources.iter().flat_map(|source| &source.unused)
    }
}

/// Reads the whole input and hands every dispute to `sink`, open or not, in the order of files and lines.
/// Equal texts of different disputes share their memory; nothing else is held but the rejects and a few
/// thousand rows, which all threads of the machine parse at the same time.
///
/// Blocking: call it where blocking is allowed.
pub fn each(
    sources: &(impl AsRef<[Settings]> + ?Sized),
    tables: &Tables,
    progress: &mut dyn FnMut(Progress<'_>),
    sink: &mut dyn FnMut(Located),
) -> Survey {
    let sources = sources.as_ref();
    let input = Input { sources, tables, pace: Pace::of_this_machine(), order: Order::AsGiven };
    each_marked(&input, progress, &|_, _, _| (), &mut |located, ()| sink(located))
}

/// What to read, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input<'a> {
    pub sources: &'a [Settings],
    pub tables: &'a Tables,
    pub pace: Pace,
    pub order: Order,
}

/// The order in which files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// In the order of the paths.
    AsGiven,
    /// So that what wins over other rows comes before them.
    LastFirst,
}

/// As [`each`], with what `mark` says of each dispute; `mark` is called by any thread.
pub(super) fn each_marked<M: Send>(
    input: &Input<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
    mark: &Mark<'_, M>,
    sink: &mut dyn FnMut(Located, M),
) -> Survey {
    let mut interner = Interner::default();
    survey(input, progress, mark, &mut |origin, read| {
        for Read { mut dispute, line, mark } in read.drain(..) {
            interner.share_texts_of(&mut dispute);
            let Origin { file, file_index, source } = origin;
            sink(Located { dispute, file: Arc::clone(file), file_index, line, source }, mark);
        }
    })
}

/// Reads the whole input and hands the disputes of some rows at a time to `sink`. Texts are shared within one
/// call of it, not over calls.
pub(super) fn survey<M: Send>(
    input: &Input<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
    mark: &Mark<'_, M>,
    sink: &mut dyn FnMut(Origin<'_>, &mut Vec<Read<M>>),
) -> Survey {
    let mut files = Vec::new();
    let mut counts = FileCounts::default();
    let mut surveyed = Vec::new();
    for (source, settings) in input.sources.iter().enumerate() {
        let found = files::find(settings, source);
        files.extend(found.files);
        counts.partial += found.counts.partial;
        counts.other += found.counts.other;
        counts.failed += found.counts.failed;
        surveyed.push(Surveyed { reasons: found.reasons, ..Surveyed::default() });
    }
    survey_of(input, (files, counts, surveyed), progress, mark, sink)
}

/// As [`survey`], of what was found.
fn survey_of<M: Send>(
    input: &Input<'_>,
    found: (Vec<InputFile>, FileCounts, Vec<Surveyed>),
    progress: &mut dyn FnMut(Progress<'_>),
    mark: &Mark<'_, M>,
    sink: &mut dyn FnMut(Origin<'_>, &mut Vec<Read<M>>),
) -> Survey {
    let Input { sources, tables, pace, order } = *input;
    let (files, counts, surveyed) = found;
    let mut reader = Reader {
        parsers: sources.iter().map(|settings| Parser::new(settings, tables, mark)).collect(),
        tallies: sources.iter().map(|_| Tally::default()).collect(),
        pace,
        progress,
        sink,
        files: files.len(),
        survey: Survey {
            rows: 0,
            rejects: Vec::new(),
            warnings: Vec::new(),
            reasons: Vec::new(),
            files: counts,
            sources: surveyed,
            source_of_file: files.iter().map(|file| file.source).collect(),
        },
    };
    let mut reading: Vec<(usize, &InputFile)> = files.iter().enumerate().collect();
    if order == Order::LastFirst {
        reading.reverse();
    }
    let mut failures = Vec::new();
    for (number, (file_index, file)) in reading.into_iter().enumerate() {
        let before = reader.survey.rows;
        let mut place = Place { file, file_index, number, bytes: 0, bytes_total: 0 };
        let outcome = reader.read(&mut place);
        reader.survey.sources[file.source].rows += reader.survey.rows - before;
        match outcome {
            Ok(()) => reader.survey.files.read += 1,
            Err(reason) => {
                reader.survey.files.failed += 1;
                failures.push((file_index, file.source, reason));
            }
        }
    }
    let Reader { tallies, mut survey, .. } = reader;
    failures.sort_by_key(|(file_index, _, _)| *file_index);
    for (_, source, reason) in failures {
        survey.sources[source].reasons.push(reason);
    }
    for (settings, surveyed) in sources.iter().zip(&survey.sources) {
        survey.reasons.extend(surveyed.reasons.iter().map(|reason| reason.clone().of(&settings.name)));
    }
    survey.rejects.sort_by_key(|reject| (reject.file_index, reject.line));
    survey.warnings = sources
        .iter()
        .zip(tallies)
        .flat_map(|(settings, tally)| tally.into_warnings(settings, &files))
        .collect();
    survey
}

/// Where reading is.
struct Place<'a> {
    file: &'a InputFile,
    file_index: usize,
    /// How many files were read before.
    number: usize,
    bytes: u64,
    bytes_total: u64,
}

impl Place<'_> {
    fn origin(&self) -> Origin<'_> {
        Origin { file: &self.file.path, file_index: self.file_index, source: self.file.source }
    }
}

struct Reader<'a, M> {
    /// By source.
    parsers: Vec<Parser<'a, M>>,
    /// By source.
    tallies: Vec<Tally>,
    pace: Pace,
    progress: &'a mut dyn FnMut(Progress<'_>),
    sink: &'a mut dyn FnMut(Origin<'_>, &mut Vec<Read<M>>),
    files: usize,
    survey: Survey,
}

/// Why a file was not read to its end, and the line of the row in which that happened, if there was one.
struct Break {
    reason: Reason,
    cut: Option<u64>,
}

/// Parses the rows of a chunk.
type Parse<'p, R, M> = dyn Fn(&Parser<'_, M>, Origin<'_>, &mut Chunk<R, M>) + Sync + 'p;

impl<M: Send> Reader<'_, M> {
    fn read(&mut self, place: &mut Place<'_>) -> Result<(), Reason> {
        let outcome = match &place.file.kind {
            Kind::Text(layout, at) => bytes::open(&place.file.path, at, LIMITS).and_then(|text| {
                place.bytes_total = text.bytes_total;
                self.report(place);
                match layout {
                    Layout::Commas => self.read_separated(place, text, b','),
                    Layout::Tabs => self.read_separated(place, text, b'\t'),
                    Layout::JsonLines => self.read_json_lines(place, text),
                }
            }),
            Kind::Table(opener) => opener.open().and_then(|mut table| {
                place.bytes_total = table.total();
                self.report(place);
                self.read_table(place, &mut *table)
            }),
        };
        self.report(place);
        outcome
    }

    fn settings(&self, place: &Place<'_>) -> &Settings {
        self.parsers[place.file.source].settings
    }

    fn read_separated(&mut self, place: &mut Place<'_>, text: TextFile, delimiter: u8) -> Result<(), Reason> {
        let path = Arc::clone(&place.file.path);
        let TextFile { input, bytes, .. } = text;
        let mut splitter = Splitter::new(input, delimiter);
        let mut row = RawRow::default();
        let begun =
            splitter.read(&mut row, MAX_COLUMNS).map_err(|error| bytes::of_io(&path, row.line, &error))?;
        if !begun {
            return Err(Reason::Empty { path: path.to_path_buf() });
        }
        let truncated = |line| Reason::Truncated { path: path.to_path_buf(), line };
        if row.unfinished {
            return Err(truncated(row.line));
        }
        let header = Header::read(&row, self.settings(place), &path, delimiter)?;
        self.look_at(place, &header);
        let Pace { rows, bytes: most_bytes, .. } = self.pace;
        let mut broken = None;
        let mut fill = |raw: &mut RawRows| {
            raw.clear();
            while raw.len() < rows && raw.bytes() < most_bytes {
                match splitter.read(&mut row, header.names.len()) {
                    Ok(false) => return Filled::Last,
                    Ok(true) if row.unfinished => {
                        broken = Some(Break { reason: truncated(row.line), cut: Some(row.line) });
                        return Filled::Last;
                    }
                    Ok(true) => raw.push(&row),
                    Err(error) => {
                        let cut = row.is_begun().then_some(row.line);
                        broken = Some(Break { reason: bytes::of_io(&path, row.line, &error), cut });
                        return Filled::Last;
                    }
                }
            }
            Filled::More
        };
        self.read_chunks(
            place,
            &bytes,
            &mut fill,
            &|parser, origin, chunk| parser.table(origin, &header, chunk),
            &mut |_| {},
        );
        self.end(place, broken)
    }

    fn read_json_lines(&mut self, place: &mut Place<'_>, text: TextFile) -> Result<(), Reason> {
        let path = Arc::clone(&place.file.path);
        let TextFile { mut input, bytes, .. } = text;
        let mut line = RawLine::default();
        let mut seen = [false; Field::ALL.len()];
        let mut cut = None;
        let mut has_rows = false;
        let given = mapping::of_path(&path, self.settings(place));
        let Pace { rows, bytes: most_bytes, .. } = self.pace;
        let mut broken = None;
        let mut fill = |raw: &mut RawLines| {
            raw.clear();
            while raw.len() < rows && raw.bytes() < most_bytes {
                match json_rows::read_line(&mut input, &mut line) {
                    Ok(false) => return Filled::Last,
                    Ok(true) => raw.push(&line),
                    Err(error) => {
                        let cut = (!line.bytes.trim_ascii().is_empty()).then_some(line.line);
                        broken = Some(Break { reason: bytes::of_io(&path, line.line, &error), cut });
                        return Filled::Last;
                    }
                }
            }
            Filled::More
        };
        self.read_chunks(
            place,
            &bytes,
            &mut fill,
            &|parser, origin, chunk| parser.json_lines(origin, &given, chunk),
            &mut |chunk| {
                has_rows |= chunk.rows > 0;
                cut = cut.or(chunk.cut);
                for (seen, chunk) in seen.iter_mut().zip(chunk.seen) {
                    *seen |= chunk;
                }
            },
        );
        self.end(place, broken)?;
        if let Some(line) = cut {
            return Err(Reason::Truncated { path: path.to_path_buf(), line });
        }
        if has_rows {
            self.count_absent_columns(place, |field| seen[field.index()] || given[field.index()].is_some());
        }
        Ok(())
    }

    fn read_table(&mut self, place: &mut Place<'_>, table: &mut dyn Table) -> Result<(), Reason> {
        let header = Header::of(table.columns().to_vec(), self.settings(place), &place.file.path)?;
        self.look_at(place, &header);
        let Pace { rows, bytes: most_bytes, .. } = self.pace;
        let mut row = RawRow::default();
        let done = Cell::new(0);
        let mut broken = None;
        let mut fill = |raw: &mut RawRows| {
            raw.clear();
            while raw.len() < rows && raw.bytes() < most_bytes {
                match table.read(&mut row) {
                    Ok(true) => raw.push(&row),
                    Ok(false) => return Filled::Last,
                    Err(reason) => {
                        broken = Some(Break { reason, cut: None });
                        return Filled::Last;
                    }
                }
            }
            done.set(table.done());
            Filled::More
        };
        self.read_chunks(
            place,
            &done,
            &mut fill,
            &|parser, origin, chunk| parser.table(origin, &header, chunk),
            &mut |_| {},
        );
        self.end(place, broken)
    }

    /// Reads the rows of one file: `fill` splits, any thread parses, and the chunks are taken in order.
    fn read_chunks<R: Default + Send>(
        &mut self,
        place: &mut Place<'_>,
        bytes: &Cell<u64>,
        fill: &mut dyn FnMut(&mut R) -> Filled,
        parse: &Parse<'_, R, M>,
        look: &mut dyn FnMut(&Chunk<R, M>),
    ) {
        let Self { parsers, tallies, pace, progress, sink, files, survey } = self;
        let origin = place.origin();
        let (parser, tally) = (&parsers[origin.source], &mut tallies[origin.source]);
        in_order(
            pace.in_flight,
            &mut |chunk: &mut Chunk<R, M>| fill(&mut chunk.raw),
            &|chunk| parse(parser, origin, chunk),
            &mut |chunk| {
                look(chunk);
                let Chunk { raw: _, rows, read, rejects, tally: doubts, seen: _, cut: _, .. } = chunk;
                survey.rows += std::mem::take(rows);
                survey.rejects.append(rejects);
                tally.absorb(doubts);
                sink(origin, read);
                progress(Progress {
                    file: &place.file.path,
                    file_index: place.number,
                    files: *files,
                    bytes: bytes.get(),
                    bytes_total: place.bytes_total,
                    rows: survey.rows,
                });
            },
        );
        place.bytes = bytes.get();
    }

    /// Counts the row in which reading broke off.
    fn end(&mut self, place: &Place<'_>, broken: Option<Break>) -> Result<(), Reason> {
        let Some(Break { reason, cut }) = broken else { return Ok(()) };
        if let Some(line) = cut {
            self.survey.rows += 1;
            let Origin { file, file_index, source: _ } = place.origin();
            let file = Arc::clone(file);
            self.survey.rejects.push(Reject { file, file_index, line, id: None, problems: vec![cut_row()] });
        }
        Err(reason)
    }

    /// Notes which columns of a table nothing is read from, and which that are named it does not have.
    fn look_at(&mut self, place: &Place<'_>, header: &Header) {
        self.count_absent_columns(place, |field| header.has(field));
        let unused = &mut self.survey.sources[place.file.source].unused;
        for (column, name) in header.names.iter().enumerate() {
            let is_used = header.places.contains(&Some(column))
                || header.derived.iter().flatten().any(|used| *used == column);
            if !name.is_empty() && !is_used && !unused.contains(name) {
                unused.insert(name.clone());
            }
        }
    }

    /// Counts the columns that the settings name and the file does not have.
    fn count_absent_columns(&mut self, place: &Place<'_>, is_there: impl Fn(Field) -> bool) {
        let Origin { file_index, source, .. } = place.origin();
        let settings = self.parsers[source].settings;
        let is_made =
            |field: Field| settings.constants.contains_key(&field) || settings.derived.contains_key(&field);
        let is_there = |field: Field| is_made(field) || is_there(field);
        for field in settings.columns.keys().filter(|field| !is_there(**field)) {
            let column = quoted(settings.column(*field));
            self.tallies[source].count(*field, Doubt::AbsentColumn, &column, (file_index, 1));
        }
    }

    fn report(&mut self, place: &Place<'_>) {
        (self.progress)(Progress {
            file: &place.file.path,
            file_index: place.number,
            files: self.files,
            bytes: place.bytes,
            bytes_total: place.bytes_total,
            rows: self.survey.rows,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Previous;
    use crate::source::open::open_disputes_of;

    const SERIAL: Pace = Pace { rows: usize::MAX, bytes: usize::MAX, in_flight: 0 };

    fn paces() -> impl Iterator<Item = Pace> {
        [(1, 3), (2, 1), (3, 2), (7, 5), (64, 4), (1000, 0)].into_iter().map(|(rows, in_flight)| Pace {
            rows,
            bytes: 500 * rows,
            in_flight,
        })
    }

    /// Rows with quoted line breaks, blank lines, all kinds of line ends, rejects and doubts; cut at the end.
    fn table(folder: &std::path::Path) -> Settings {
        let mut text = "dispute_id,program,manufacturer,ndc,state,note\n".to_owned();
        for number in 0..500 {
            let program = if number % 11 == 0 { "medicade" } else { "mdrp" };
            let note = match number % 4 {
                0 => "\"two\nlines, \"\"quoted\"\"\"",
                1 => "\"\r\n\"",
                2 => "5\" tablets",
                _ => "",
            };
            let state = ["OH", "ZZ", "PR", "XX"][number % 4];
            let id = number % 490;
            text += &format!("D-{id},{program},Example Pharma A,12345-678-90,{state},{note}");
            text += ["\n", "\r\n", "\r", "\n\n", ",more\n"][number % 5];
        }
        text += "D-999,mdrp,\"Example";
        std::fs::write(folder.join("a.csv"), &text).unwrap();
        std::fs::write(folder.join("b.tsv"), text.replace(',', "\t").replace("D-2", "E-2")).unwrap();
        let line = |id: usize| {
            format!(
                "{{\"dispute_id\":\"D-{id}\",\"program\":\"mdrp\",\"manufacturer\":\"E\",\"ndc\":\"12345067890\",\"state\":\"Q{id}\"}}\n"
            )
        };
        let lines: String = (300..400).map(line).collect();
        std::fs::write(folder.join("c.jsonl"), lines.replace("D-30\"", "") + "\n{\"dispute_id\"").unwrap();
        Settings { paths: vec![folder.to_path_buf()], ..Settings::default() }
    }

    #[test]
    fn the_size_of_chunks_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let settings = table(folder.path());
        let tables = Tables::embedded();
        let read = |pace| {
            let input = Input { sources: settings.as_ref(), tables: &tables, pace, order: Order::AsGiven };
            let mut seen = Vec::new();
            let survey =
                each_marked(&input, &mut |_| {}, &|_, _, _| (), &mut |located, ()| seen.push(located));
            (seen, survey)
        };
        let serial = read(SERIAL);
        assert!(serial.0.len() > 500 && serial.1.rejects.len() > 100 && serial.1.warnings.len() > 2);
        assert_eq!(serial.1.reasons.len(), 3, "every file is cut: {:?}", serial.1.reasons);
        for pace in paces() {
            let (seen, survey) = read(pace);
            assert_eq!(survey, serial.1, "{pace:?}");
            assert_eq!(seen, serial.0, "{pace:?}");
        }
    }

    #[test]
    fn the_size_of_chunks_changes_nothing_of_what_is_streamed() {
        let folder = tempfile::tempdir().unwrap();
        let settings = table(folder.path());
        let tables = Tables::embedded();
        let read = |pace| {
            let input = Input { sources: settings.as_ref(), tables: &tables, pace, order: Order::LastFirst };
            let mut seen = Vec::new();
            let account = open_disputes_of(&input, &Previous::default(), &mut |_| {}, &mut |dispute| {
                seen.push(dispute.clone());
            });
            (seen, account)
        };
        let serial = read(SERIAL);
        assert!(serial.0.len() > 100 && !serial.1.withdrawn.is_empty());
        for pace in paces() {
            assert_eq!(read(pace), serial, "{pace:?}");
        }
    }

    /// Rows made on the way, and then the end or a reason.
    struct Made {
        columns: Vec<String>,
        rows: u64,
        breaks: bool,
        read: u64,
    }

    impl Table for Made {
        fn columns(&self) -> &[String] {
            &self.columns
        }

        fn read(&mut self, row: &mut RawRow) -> Result<bool, Reason> {
            if self.read == self.rows {
                let (path, problem) = ("shop view disputes".into(), "connection reset".to_owned());
                return if self.breaks {
                    Err(Reason::BrokeOff { path, rows: self.read, problem })
                } else {
                    Ok(false)
                };
            }
            self.read += 1;
            row.begin(self.read);
            let ndc = if self.read.is_multiple_of(10) { "no" } else { "12345067890" };
            for text in [&format!("D-{}", self.read), "mdrp", "Example Pharma A", ndc, ""] {
                row.push(text);
            }
            Ok(true)
        }
    }

    #[test]
    fn a_table_that_is_no_text_is_read_in_every_way_as_a_file_is() {
        let settings = Settings::default();
        let tables = Tables::embedded();
        for (breaks, columns) in [
            (false, "dispute_id program manufacturer ndc note"),
            (true, "dispute_id program manufacturer NDC note"),
        ] {
            let made = move || -> Result<Box<dyn Table>, Reason> {
                let columns = columns.split(' ').map(str::to_owned).collect();
                Ok(Box::new(Made { columns, rows: 5_000, breaks, read: 0 }))
            };
            let path: Arc<std::path::Path> = Arc::from(std::path::Path::new("shop view disputes"));
            let file =
                InputFile { path, kind: Kind::Table(crate::source::table::Opener::new(made)), source: 0 };
            for pace in paces() {
                let input =
                    Input { sources: settings.as_ref(), tables: &tables, pace, order: Order::AsGiven };
                let found = || (vec![file.clone()], FileCounts::default(), vec![Surveyed::default()]);
                let mut lines = Vec::new();
                let survey = survey_of(&input, found(), &mut |_| {}, &|_, _, _| (), &mut |_, read| {
                    lines.extend(read.iter().map(|read| read.line));
                });
                assert_eq!((survey.rows, lines.len(), survey.rejects.len()), (5_000, 4_500, 500));
                assert_eq!(lines[..10], [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
                assert_eq!(survey.rejects[0].line, 10);
                let reasons: Vec<String> = survey.reasons.iter().map(ToString::to_string).collect();
                let expected = ["`shop view disputes` broke off after 5000 rows: connection reset"];
                assert_eq!(reasons, if breaks { &expected[..] } else { &[] });
                assert_eq!((survey.files.read, survey.files.failed), if breaks { (0, 1) } else { (1, 0) });
            }
        }
    }
}
