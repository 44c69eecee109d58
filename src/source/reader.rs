//! Reads one file after the other, whatever is in it, and keeps the account of a reading.

use std::cell::Cell;
use std::sync::Arc;

use super::batch::{Reason, Reject};
use super::bytes::{self, LIMITS, TextFile};
use super::files::{Form, InputFile, Kind};
use super::fixed;
use super::header::{Header, MAX_COLUMNS};
use super::json_rows::{self, RawLine, RawLines};
use super::keep::{Keeper, Kept, Store};
use super::mapping;
use super::parse::{Chunk, Origin, Parser, Read, cut_row};
use super::pipeline::{Filled, Pace, in_order};
use super::survey::Survey;
use super::table::Table;
use super::table_rows::{RawRow, RawRows, Splitter};
use super::tally::Tally;
use super::{Progress, Settings};
use crate::dispute::{Doubt, Field, quoted};

/// Rejects that are held, each with its words; more of them say nothing new, and would take the memory of the rows.
const MOST_REJECTS: usize = 100_000;

/// Where reading is.
pub(super) struct Place<'a> {
    pub file: &'a InputFile,
    pub file_index: usize,
    /// How many files were read before.
    pub number: usize,
    pub bytes: u64,
    pub bytes_total: u64,
}

impl Place<'_> {
    fn origin(&self) -> Origin<'_> {
        Origin { file: &self.file.path, file_index: self.file_index, source: self.file.source }
    }
}

pub(super) struct Reader<'a, M> {
    /// By source.
    pub parsers: Vec<Parser<'a, M>>,
    /// Of what was kept, by source.
    pub kept_parsers: Vec<Parser<'a, M>>,
    /// By source, where the source keeps what it read.
    pub stores: Vec<Option<Store>>,
    /// The file that is read, on its way to be kept.
    pub keeper: Option<Keeper>,
    /// By source.
    pub tallies: Vec<Tally>,
    pub pace: Pace,
    pub progress: &'a mut dyn FnMut(Progress<'_>),
    pub sink: &'a mut dyn FnMut(Origin<'_>, &mut Vec<Read<M>>),
    pub files: usize,
    pub survey: Survey,
}

/// Why a file was not read to its end, and the line of the row in which that happened, if there was one.
struct Break {
    reason: Reason,
    cut: Option<u64>,
}

/// Parses the rows of a chunk.
type Parse<'p, R, M> = dyn Fn(&Parser<'_, M>, Origin<'_>, &mut Chunk<R, M>) + Sync + 'p;

impl<M: Send> Reader<'_, M> {
    pub(super) fn read(&mut self, place: &mut Place<'_>) -> Result<(), Reason> {
        let store = self.stores[place.file.source].as_ref();
        self.keeper = store.zip(place.file.mark.as_ref()).and_then(|(store, mark)| match &place.file.kind {
            Kind::Kept(_) => None,
            kind => store.begin(&place.file.path, kind.archive(), mark, self.settings(place)),
        });
        let outcome = match &place.file.kind {
            Kind::Kept(kept) => self.read_kept(place, kept),
            Kind::Text(form, at) => bytes::open(&place.file.path, at, LIMITS).and_then(|text| {
                place.bytes_total = text.bytes_total;
                self.report(place);
                match form {
                    Form::Commas => self.read_separated(place, text, b','),
                    Form::Tabs => self.read_separated(place, text, b'\t'),
                    Form::JsonLines => self.read_json_lines(place, text),
                }
            }),
            Kind::Fixed(at) => {
                let positions = &self.settings(place).layout.positions;
                fixed::open(&place.file.path, at, positions).and_then(|mut table| {
                    place.bytes_total = table.total();
                    self.report(place);
                    self.read_table(place, &mut *table)
                })
            }
            Kind::Table(opener) => opener.open().and_then(|mut table| {
                place.bytes_total = table.total();
                if let Some(remark) = table.remark() {
                    let remark = format!("`{}`: {remark}", place.file.path.display());
                    self.survey.sources[place.file.source].remarks.push(remark);
                }
                self.report(place);
                self.read_table(place, &mut *table)
            }),
        };
        self.report(place);
        // What was not read to its end is not kept.
        let keeper = self.keeper.take().filter(|_| outcome.is_ok());
        if let Some(Err(error)) = keeper.map(Keeper::finish) {
            tracing::warn!(%error, "what is read cannot be kept");
        }
        outcome
    }

    fn read_kept(&mut self, place: &mut Place<'_>, kept: &Kept) -> Result<(), Reason> {
        let mut table = kept.table(&place.file.path)?;
        place.bytes_total = table.total();
        self.report(place);
        let settings = self.kept_parsers[place.file.source].settings;
        let header = Header::of(table.columns().to_vec(), settings, &place.file.path)?;
        let rejects = kept.rejects(&place.file.path, place.file_index);
        self.survey.rows += rejects.len() as u64;
        self.survey.rejects.extend(rejects);
        self.tallies[place.file.source].absorb(&mut kept.doubts(place.file_index));
        self.read_rows(place, &mut *table, &header)
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
        )?;
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
        )?;
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
        self.read_rows(place, table, &header)
    }

    fn read_rows(
        &mut self,
        place: &mut Place<'_>,
        table: &mut dyn Table,
        header: &Header,
    ) -> Result<(), Reason> {
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
            &|parser, origin, chunk| parser.table(origin, header, chunk),
            &mut |_| {},
        )?;
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
    ) -> Result<(), Reason> {
        let Self { parsers, kept_parsers, stores: _, keeper, tallies, pace, progress, sink, files, survey } =
            self;
        let origin = place.origin();
        let is_kept = matches!(place.file.kind, Kind::Kept(_));
        let parser = if is_kept { &kept_parsers[origin.source] } else { &parsers[origin.source] };
        // What is doubtful of it was kept as well: of what was left out, nothing could be said any more.
        let mut told = Tally::default();
        let tally = if is_kept { &mut told } else { &mut tallies[origin.source] };
        let (are_too_many, is_cut) = (Cell::new(false), Cell::new(false));
        in_order(
            pace.in_flight,
            &mut |chunk: &mut Chunk<R, M>| {
                if are_too_many.get() {
                    is_cut.set(true);
                    chunk.raw = R::default();
                    return Filled::Last;
                }
                fill(&mut chunk.raw)
            },
            &|chunk| parse(parser, origin, chunk),
            &mut |chunk| {
                look(chunk);
                let Chunk { raw: _, rows, read, rejects, tally: doubts, seen: _, cut: _, .. } = chunk;
                if let Some(Err(error)) = keeper.as_mut().map(|keeper| keeper.add(read, rejects)) {
                    tracing::warn!(%error, "what is read cannot be kept");
                    *keeper = None;
                }
                survey.rows += std::mem::take(rows);
                let are_more = !rejects.is_empty();
                survey.rejects.append(rejects);
                if let Some(keeper) = keeper.as_mut().filter(|_| !doubts.is_empty()) {
                    keeper.doubt(doubts.clone());
                }
                are_too_many.set(are_too_many.get() || are_more && survey.rejects.len() > MOST_REJECTS);
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
        if is_cut.get() {
            return Err(Reason::Rejected { path: place.file.path.to_path_buf(), most: MOST_REJECTS });
        }
        Ok(())
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
        let mut absent = Tally::default();
        for field in settings.columns.keys().filter(|field| !is_there(**field)) {
            let column = quoted(settings.column(*field));
            absent.count(*field, Doubt::AbsentColumn, &column, (file_index, 1));
        }
        if let Some(keeper) = &mut self.keeper {
            keeper.doubt(absent.clone());
        }
        self.tallies[source].absorb(&mut absent);
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
