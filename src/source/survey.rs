//! Reads file after file and row after row, and hands each dispute on.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::batch::{FileCounts, Reason, Reject};
use super::files::{self, InputFile, Kind};
use super::keep::{Decision, Store, decide};
use super::key::LocalKey;
use super::mapping;
use super::parse::{After, Mark, Origin, Parser, Read};
use super::pipeline::Pace;
use super::reader::{Place, Reader};
use super::tally::Tally;
use super::{CountedWarning, Derived, Located, Progress, Settings};
use crate::dispute::{Interner, Tables};

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
    pub remarks: Vec<String>,
    /// Columns of tables that nothing is read from, sorted.
    pub unused: BTreeSet<String>,
}

impl Survey {
    /// What people should know about the rows of the sources.
    pub fn remarks(&self) -> impl Iterator<Item = &String> {
        self.sources.iter().flat_map(|source| &source.remarks)
    }

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
    let mut all = Found::default();
    let keeps = input.sources.iter().any(|settings| settings.keep.is_some());
    for (source, settings) in input.sources.iter().enumerate() {
        let key = key(settings, keeps);
        let store = key.as_ref().ok().and_then(Option::as_ref);
        let store = store.and_then(|key| Store::open(settings, input.tables, key));
        let files::Found { mut files, mut reasons, counts, .. } =
            files::find(settings, source, store.as_ref());
        let key = key.unwrap_or_else(|reason| {
            files.clear();
            reasons.push(reason);
            None
        });
        if let Some(store) = &store {
            reuse(&mut files, &mut reasons, store);
        }
        all.keys.push(key);
        all.stores.push(store);
        all.files.extend(files);
        all.counts.partial += counts.partial;
        all.counts.other += counts.other;
        all.counts.failed += counts.failed;
        all.surveyed.push(Surveyed { reasons, ..Surveyed::default() });
    }
    survey_of(input, all, progress, mark, sink)
}

/// Puts what was kept of a file in its place, and says which files are missing that were there.
fn reuse(files: &mut [InputFile], reasons: &mut Vec<Reason>, store: &Store) {
    let names: Vec<String> = files.iter().map(|file| store.name(&file.path)).collect();
    let marks = files.iter().map(|file| file.mark.as_deref());
    let listed: Vec<(&str, Option<&str>)> = names.iter().map(String::as_str).zip(marks).collect();
    let Decision { reuse, gone } = decide(&listed, &store.marks());
    // What cannot be listed may be there.
    if reasons.is_empty() {
        let gone = gone.iter().filter_map(|name| store.kept(name));
        reasons.extend(gone.map(|kept| Reason::Gone { path: kept.shown().into() }));
    }
    for ((file, name), _) in files.iter_mut().zip(&names).zip(reuse).filter(|(_, reuse)| *reuse) {
        if let Some(kept) = store.kept(name) {
            file.kind = Kind::Kept(kept.clone());
        }
    }
}

/// The key of hashes, where a source needs one.
fn key(settings: &Settings, keeps: bool) -> Result<Option<LocalKey>, Reason> {
    if !keeps && !settings.derived.values().any(Derived::is_hashed) {
        return Ok(None);
    }
    LocalKey::at(settings.key_file.as_deref()).map(Some).map_err(|error| Reason::Unreadable {
        path: settings.key_file.clone().unwrap_or_default(),
        problem: format!("the key of hashes is needed: {error}"),
    })
}

/// What there is to read of all sources.
#[derive(Debug, Default)]
struct Found {
    files: Vec<InputFile>,
    counts: FileCounts,
    /// By source.
    surveyed: Vec<Surveyed>,
    /// By source.
    keys: Vec<Option<LocalKey>>,
    /// By source.
    stores: Vec<Option<Store>>,
}

/// As [`survey`], of what was found.
fn survey_of<M: Send>(
    input: &Input<'_>,
    found: Found,
    progress: &mut dyn FnMut(Progress<'_>),
    mark: &Mark<'_, M>,
    sink: &mut dyn FnMut(Origin<'_>, &mut Vec<Read<M>>),
) -> Survey {
    let Input { sources, tables, pace, order } = *input;
    let Found { files, counts, surveyed, keys, stores } = found;
    let keeps = sources.iter().any(|settings| settings.keep.is_some());
    let after = |settings: &Settings| match (&settings.keep, keeps) {
        (Some(_), _) => After::Forget,
        (None, true) => After::Hash,
        (None, false) => After::Nothing,
    };
    let contract = Settings::default();
    let mut reader = Reader {
        parsers: sources
            .iter()
            .zip(keys)
            .map(|(settings, key)| Parser::new(settings, tables, key, after(settings), mark))
            .collect(),
        kept_parsers: sources
            .iter()
            .map(|settings| Parser::of_kept(&contract, settings, tables, mark))
            .collect(),
        stores,
        keeper: None,
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
    for (settings, surveyed) in sources.iter().zip(&mut survey.sources) {
        for reason in &mut surveyed.reasons {
            *reason = reason.clone().told(&|path| mapping::shown(path, settings));
        }
        survey.reasons.extend(surveyed.reasons.iter().map(|reason| reason.clone().of(&settings.name)));
    }
    survey.rejects.sort_by_key(|reject| (reject.file_index, reject.line));
    for rejects in survey.rejects.chunk_by_mut(|a, b| a.file_index == b.file_index) {
        let InputFile { path, source, .. } = &files[rejects[0].file_index];
        let told: Arc<Path> = mapping::shown(path, &sources[*source]).into();
        for reject in rejects {
            reject.file = Arc::clone(&told);
        }
    }
    survey.warnings = sources
        .iter()
        .zip(tallies)
        .flat_map(|(settings, tally)| {
            let warnings = tally.into_warnings(settings, &files);
            warnings.into_iter().map(|warning| CountedWarning {
                file: mapping::shown(&warning.file, settings).into(),
                ..warning
            })
        })
        .collect();
    survey
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Previous;
    use crate::source::open::open_disputes_of;
    use crate::source::table::Table;
    use crate::source::table_rows::RawRow;

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
            let file = InputFile {
                path,
                kind: Kind::Table(crate::source::table::Opener::new(made)),
                mark: None,
                source: 0,
            };
            for pace in paces() {
                let input =
                    Input { sources: settings.as_ref(), tables: &tables, pace, order: Order::AsGiven };
                let found = || Found {
                    files: vec![file.clone()],
                    surveyed: vec![Surveyed::default()],
                    keys: vec![None],
                    stores: vec![None],
                    ..Found::default()
                };
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
