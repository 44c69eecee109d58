//! From a chunk of rows to what became of each: the part of reading that any thread can do.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::batch::{Problem, Reject};
use super::derive::{Made, Unmade};
use super::header::{Header, fold};
use super::json_rows::{self, Line, Object, RawLines, Value};
use super::key::LocalKey;
use super::mapping::{ByField, Mapping};
use super::table_rows::{Fields, MAX_FIELD_BYTES, RawRows};
use super::tally::Tally;
use super::{Derived, Settings};
use crate::dispute::{Dispute, Doubt, Field, Row, RowReader, Tables, Text, clean, quoted, unseen};

/// A dispute, the line where its row starts, and what its reader wanted to know about it.
pub(super) struct Read<M> {
    pub dispute: Dispute,
    pub line: u64,
    pub mark: M,
}

/// A chunk of rows and, once parsed, what became of them; reused from chunk to chunk.
pub(super) struct Chunk<R, M> {
    pub raw: R,
    /// Every row is in `read` or in `rejects`.
    pub rows: u64,
    /// Who takes them may leave them here: they are dropped when the chunk is used again.
    pub read: Vec<Read<M>>,
    pub rejects: Vec<Reject>,
    pub tally: Tally,
    /// The columns met in the objects of JSON lines, by [`Field::index`].
    pub seen: [bool; Field::ALL.len()],
    /// The line in which the file ends before its row does.
    pub cut: Option<u64>,
    /// Reused for the mark of every row.
    scratch: String,
}

impl<R: Default, M> Default for Chunk<R, M> {
    fn default() -> Self {
        Self {
            raw: R::default(),
            rows: 0,
            read: Vec::new(),
            rejects: Vec::new(),
            tally: Tally::default(),
            seen: [false; Field::ALL.len()],
            cut: None,
            scratch: String::new(),
        }
    }
}

/// What is known before the first row.
pub(super) struct Parser<'a, M> {
    pub settings: &'a Settings,
    pub tables: &'a Tables,
    /// The key of hashes, where the source needs one.
    key: Option<LocalKey>,
    /// What is done to every dispute after it was read.
    after: After,
    /// The source, where `settings` are those of what was kept of it.
    owner: &'a Settings,
    mapping: Mapping<'a>,
    /// Folded column names, by [`Field::index`].
    pub folded: [String; Field::ALL.len()],
    /// Computes what the reader wants to know about a dispute; the text is for its use.
    pub mark: &'a Mark<'a, M>,
}

/// What the reader wants to know about a dispute of a source.
pub(super) type Mark<'m, M> = dyn Fn(&Settings, &Dispute, &mut String) -> M + Sync + 'm;

/// What is done to a dispute after it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It stays as it is.
    Nothing,
    /// The reference of its claim becomes a keyed hash, to be compared with those that are kept.
    Hash,
    /// As [`After::Hash`], and nothing else of it is private any more.
    Forget,
    /// It was kept so; what its path says may be private.
    Kept,
}

/// The file that is parsed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub file: &'a Arc<Path>,
    pub file_index: usize,
    /// Place of its source among the sources.
    pub source: usize,
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

impl<'a, M> Parser<'a, M> {
    pub(super) fn new(
        settings: &'a Settings,
        tables: &'a Tables,
        key: Option<LocalKey>,
        after: After,
        mark: &'a Mark<'a, M>,
    ) -> Self {
        let folded = Field::ALL.map(|field| fold(settings.column(field)));
        Self { settings, tables, key, after, owner: settings, mapping: Mapping::new(settings), folded, mark }
    }

    /// A parser of what was kept of a source: its rows are in the words of the contract.
    pub(super) fn of_kept(
        contract: &'a Settings,
        owner: &'a Settings,
        tables: &'a Tables,
        mark: &'a Mark<'a, M>,
    ) -> Self {
        Self { owner, ..Self::new(contract, tables, None, After::Kept, mark) }
    }

    /// Parses the rows of a table.
    pub(super) fn table(&self, origin: Origin<'_>, header: &Header, chunk: &mut Chunk<RawRows, M>) {
        let raw = chunk.begin();
        // The texts shared by the rows of a chunk belong to the thread that has the chunk: two threads that count
        // references to the same text slow each other down.
        let mut reader = RowReader::new(&self.settings.vocabulary, self.tables);
        for row in raw.iter() {
            self.table_row(origin, header, &row, &mut reader, chunk);
        }
        chunk.raw = raw;
    }

    fn table_row<R>(
        &self,
        origin: Origin<'_>,
        header: &Header,
        row: &Fields<'_>,
        reader: &mut RowReader<'_>,
        chunk: &mut Chunk<R, M>,
    ) {
        let is_skipped =
            |(column, value): &(usize, String)| row.text(*column).is_some_and(|text| fold(text) == *value);
        if let Some((column, _)) = header.skipped.iter().find(|skipped| is_skipped(skipped)) {
            let value = row.text(*column).unwrap_or_default();
            let place = (origin.file_index, row.line);
            return chunk.tally.count(Field::DisputeId, Doubt::OtherRecord, value, place);
        }
        chunk.rows += 1;
        let mut problems = Vec::new();
        if row.count != header.names.len() {
            let fields = if row.count == 1 { "field" } else { "fields" };
            problems.push(Problem::of_row(
                format!("{} fields", header.names.len()),
                format!("{} {fields}", row.count),
            ));
        }
        if let Some(long) = row.too_long {
            problems.push(Problem::of_column(
                &quoted(header.name(long)),
                format!("at most {MAX_FIELD_BYTES} bytes"),
                "more (is a quote left open?)",
            ));
        }
        if let Some(cut) = row.cut {
            let column = quoted(header.name(cut));
            problems.push(Problem::of_column(&column, "a line that reaches its end", "a shorter one"));
        }
        if !problems.is_empty() {
            return chunk.reject(origin, row.line, None, problems);
        }
        let mut texts = Texts(std::array::from_fn(|index| header.given[index].as_deref()));
        for field in Field::ALL {
            let Some(column) = header.places[field.index()] else { continue };
            match row.text(column) {
                Some(text) => texts.0[field.index()] = Some(text),
                None => problems.push(not_utf8(header.name(column))),
            }
        }
        let mut made = Vec::new();
        for ((field, derived), columns) in self.settings.derived.iter().zip(&header.derived) {
            let value = |place: usize| row.text(columns[place]);
            if let Some(place) = (0..columns.len()).find(|place| value(*place).is_none()) {
                problems.push(not_utf8(header.name(columns[place])));
                continue;
            }
            let place = (origin.file_index, row.line);
            match derived.make(self.key.as_ref(), |place| value(place).unwrap_or_default()) {
                Ok(Made { text, doubt }) => {
                    count_doubt(chunk, *field, derived, doubt, place);
                    made.push((*field, text));
                }
                Err(unmade) => problems.push(
                    self.unmade(*field, derived, unmade, |place| header.name(columns[place]).to_owned()),
                ),
            }
        }
        for (field, text) in &made {
            texts.0[field.index()] = Some(text);
        }
        if problems.is_empty() {
            self.take(origin, row.line, &texts, reader, chunk, |field| {
                header.places[field.index()].map_or(self.settings.column(field), |column| header.name(column))
            });
        } else {
            chunk.reject(origin, row.line, texts.id(), problems);
        }
    }

    /// Parses JSON lines; `given` is what the path says of the columns that an object does not have.
    pub(super) fn json_lines(
        &self,
        origin: Origin<'_>,
        given: &ByField<Option<String>>,
        chunk: &mut Chunk<RawLines, M>,
    ) {
        let raw = chunk.begin();
        let mut reader = RowReader::new(&self.settings.vocabulary, self.tables);
        for line in raw.iter() {
            chunk.rows += 1;
            self.json_line(origin, given, &line, &mut reader, chunk);
        }
        chunk.raw = raw;
    }

    fn json_line<R>(
        &self,
        origin: Origin<'_>,
        given: &ByField<Option<String>>,
        line: &Line<'_>,
        reader: &mut RowReader<'_>,
        chunk: &mut Chunk<R, M>,
    ) {
        if line.too_long {
            let problem = Problem::of_row("a line of at most 1 MiB", "a longer one");
            return chunk.reject(origin, line.number, None, vec![problem]);
        }
        let text = String::from_utf8_lossy(line.bytes);
        let is_utf8 = matches!(text, Cow::Borrowed(_));
        let object = match serde_json::from_str::<Object<'_>>(&text) {
            Ok(object) => object,
            Err(error) if error.is_eof() && !line.is_ended => {
                chunk.reject(origin, line.number, None, vec![cut_row()]);
                chunk.cut = Some(line.number);
                return;
            }
            Err(error) => {
                let found = if is_utf8 {
                    format!("something else (at character {} of the line)", error.column())
                } else {
                    "bytes that are not UTF-8".to_owned()
                };
                return chunk.reject(
                    origin,
                    line.number,
                    None,
                    vec![Problem::of_row("one JSON object", found)],
                );
            }
        };
        let mut problems = Vec::new();
        let mut values: [Option<String>; Field::ALL.len()] = std::array::from_fn(|_| None);
        let mut keys: [Option<&str>; Field::ALL.len()] = [None; Field::ALL.len()];
        for (key, raw) in &object.0 {
            let folded = fold(self.settings.layout.column(key));
            for field in Field::ALL.into_iter().filter(|field| self.folded[field.index()] == folded) {
                let index = field.index();
                if keys[index].replace(key).is_some() {
                    problems.push(Problem::of_column(&quoted(key), "one value", "two"));
                    continue;
                }
                chunk.seen[index] = true;
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
        let mut made: Vec<(Field, String)> = Vec::new();
        for (field, derived) in &self.settings.derived {
            let values = self.of_object(derived, &object);
            match derived.make(self.key.as_ref(), |place| &values[place]) {
                Ok(Made { text, doubt }) => {
                    count_doubt(chunk, *field, derived, doubt, (origin.file_index, line.number));
                    made.push((*field, text));
                }
                Err(unmade) => problems.push(self.unmade(*field, derived, unmade, |place| {
                    derived.columns().nth(place).unwrap_or_default().to_owned()
                })),
            }
        }
        let mut texts = Texts(std::array::from_fn(|index| {
            let given = given[index].as_deref().filter(|_| keys[index].is_none());
            values[index].as_deref().or(given)
        }));
        for (field, text) in &made {
            texts.0[field.index()] = Some(text);
        }
        if problems.is_empty() {
            self.take(origin, line.number, &texts, reader, chunk, |field| {
                keys[field.index()].unwrap_or(self.settings.column(field))
            });
        } else {
            chunk.reject(origin, line.number, texts.id(), problems);
        }
    }

    /// Why a derived column could not be made. Nothing is known of its columns, so that their values are not shown.
    fn unmade(
        &self,
        field: Field,
        derived: &Derived,
        unmade: Unmade,
        column: impl Fn(usize) -> String,
    ) -> Problem {
        match unmade {
            Unmade::Column(place, expected) => {
                Problem::of_column(&quoted(&column(place)), expected, "something else")
            }
            Unmade::Result(expected) => {
                let column = quoted(self.settings.column(field));
                let found = format!("another result of `{}`", quoted(derived.formula()));
                Problem::of_column(&column, expected, found)
            }
        }
    }

    /// The plain values of an object that a column is made of.
    fn of_object(&self, derived: &Derived, object: &Object<'_>) -> Vec<String> {
        let layout = &self.settings.layout;
        let value = |name: &str| {
            let is_it = |key: &str| fold(layout.column(key)) == name;
            let raw = object.0.iter().find(|(key, _)| is_it(key)).map(|(_, raw)| json_rows::value(raw));
            match raw {
                Some(Value::Text(text)) => text,
                Some(Value::Nothing | Value::Nested | Value::Broken) | None => String::new(),
            }
        };
        derived.columns().map(value).collect()
    }

    /// Reads the texts of a row.
    fn take<'n, R>(
        &self,
        origin: Origin<'_>,
        line: u64,
        texts: &Texts<'_>,
        reader: &mut RowReader<'_>,
        chunk: &mut Chunk<R, M>,
        column: impl Fn(Field) -> &'n str,
    ) {
        if self.mapping.is_plain() {
            return self.read(origin, line, texts, reader, chunk, column);
        }
        match self.mapping.apply(&texts.0, &column) {
            Ok(mapped) => {
                let texts = Texts(std::array::from_fn(|index| mapped[index].as_deref()));
                self.read(origin, line, &texts, reader, chunk, column);
            }
            Err(problems) => chunk.reject(origin, line, texts.id(), problems),
        }
    }

    fn read<'n, R>(
        &self,
        origin: Origin<'_>,
        line: u64,
        texts: &Texts<'_>,
        reader: &mut RowReader<'_>,
        chunk: &mut Chunk<R, M>,
        column: impl Fn(Field) -> &'n str,
    ) {
        match reader.read(texts) {
            Ok(mut dispute) => {
                if matches!(self.after, After::Hash | After::Forget)
                    && let (Some(claim), Some(key)) = (&dispute.claim_ref, &self.key)
                {
                    dispute.claim_ref = Some(Text::from(key.hash("claim", claim)));
                }
                if matches!(self.after, After::Forget | After::Kept) {
                    dispute.forget_private();
                }
                for (field, doubt, value) in reader.doubts() {
                    chunk.tally.count(field, doubt, value, (origin.file_index, line));
                }
                let mark = (self.mark)(self.owner, &dispute, &mut chunk.scratch);
                chunk.read.push(Read { dispute, line, mark });
            }
            Err(errors) => {
                let problems = errors.into_iter().map(|error| {
                    let column = quoted(column(error.field));
                    Problem::of_field(error, &column)
                });
                let problems = problems.collect();
                chunk.reject(origin, line, texts.id(), problems);
            }
        }
    }
}

impl<R: Default, M> Chunk<R, M> {
    /// Takes the raw rows and drops what is left of the disputes before: to free them is slow for one thread
    /// while others allocate.
    fn begin(&mut self) -> R {
        self.read.clear();
        std::mem::take(&mut self.raw)
    }
}

impl<R, M> Chunk<R, M> {
    fn reject(&mut self, origin: Origin<'_>, line: u64, id: Option<Text>, problems: Vec<Problem>) {
        let Origin { file, file_index, source: _ } = origin;
        self.rejects.push(Reject { file: Arc::clone(file), file_index, line, id, problems });
    }
}

/// Counts what is doubtful about a derived column; its expression stands for the values in it.
fn count_doubt<R, M>(
    chunk: &mut Chunk<R, M>,
    field: Field,
    derived: &Derived,
    doubt: Option<Doubt>,
    place: (usize, u64),
) {
    if let Some(doubt) = doubt {
        chunk.tally.count_shown(field, doubt, &quoted(derived.formula()), place);
    }
}

/// The problem of a row in the middle of which its file ends.
pub(super) fn cut_row() -> Problem {
    Problem::of_row("a whole row", "the end of the file in its middle")
}

fn not_utf8(column: &str) -> Problem {
    Problem::of_column(&quoted(column), "text in UTF-8", "other bytes")
}
