//! What was read of the files of a source that are only ever added: kept, so that each is read once.
//!
//! Beside the state stands one file for each that was read to its end: its rows in the words of the contract, its rejects
//! and doubts, and the mark that the store had for it then. A kept file counts only whole, with its checksum, for the same
//! mark, the same mapping and the same key; without one, the file is read again. So nothing is lost by a crash, by a
//! damaged or a missing kept file, or by a new mapping: all that happens is that a file is read once more.
//!
//! Nothing of a patient is kept: of private columns the reference of a claim alone, as a keyed hash, since lines of one
//! claim cancel each other over files. Everything else of them is not looked at in such a source, so that a row that was
//! kept and one that is read are alike. A path may tell of a patient too (`service_date=2026-09-30/…`): files are known by
//! keyed hashes of their paths, and what can be read of a path has values of such partitions by their form only.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::Settings;
use super::batch::{Problem, Reason, Reject};
use super::key::LocalKey;
use super::mapping::shown;
use super::parse::Read;
use super::table::Table;
use super::table_rows::{RawRow, Splitter};
use super::tally::{KeptDoubt, Tally};
use crate::dispute::{Dispute, Field, Tables, Text};

/// Where what was read of a source is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The folder, of this source alone.
    pub folder: PathBuf,
    /// Whether anything may be written there. It is read in any case.
    pub writes: bool,
}

/// The sources with leave to keep what they read.
pub fn keeping(sources: &[Settings]) -> Vec<Settings> {
    let writes = |settings: &Settings| Settings {
        keep: settings.keep.clone().map(|keep| Keep { writes: true, ..keep }),
        ..settings.clone()
    };
    sources.iter().map(writes).collect()
}

/// A file that changed so lately may change again without another mark.
const SETTLED: Duration = Duration::from_secs(2);
const VERSION: u32 = 4;
const KIND: &str = "kept";

/// The mark of a file of this machine; none where it cannot be trusted yet.
pub(super) fn mark_of_file(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?;
    let age = SystemTime::now().duration_since(modified).ok()?;
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    (age >= SETTLED).then(|| format!("{} {}", metadata.len(), since.as_nanos()))
}

/// What an archive holds. Its files have the mark of the archive with this behind it, so that it need not be opened where
/// all of them were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InArchive {
    /// Files that are read.
    pub members: usize,
    /// Files left alone, as in [`FileCounts`](super::FileCounts).
    pub partial: u64,
    pub other: u64,
}

impl InArchive {
    pub(super) fn mark(self, of_archive: &str) -> String {
        let Self { members, partial, other } = self;
        format!("{of_archive} {members}/{partial}/{other}")
    }

    /// What the mark of a file says, where it is one of an archive with that mark.
    fn of(mark: &str, of_archive: &str) -> Option<Self> {
        let mut numbers = mark.strip_prefix(of_archive)?.strip_prefix(' ')?.splitn(3, '/');
        let (members, partial, other) = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some(Self {
            members: members.parse().ok()?,
            partial: partial.parse().ok()?,
            other: other.parse().ok()?,
        })
    }
}

/// What to do with what is listed now, after what was kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// Of each file that is listed, whether what was kept of it counts.
    pub reuse: Vec<bool>,
    /// Names of files of which something was kept, and which are not there any more.
    pub gone: Vec<String>,
}

/// Decides by marks alone: a file without one, without a kept one or with another one is read.
pub(super) fn decide(listed: &[(&str, Option<&str>)], kept: &BTreeMap<String, String>) -> Decision {
    let reuse = |(path, mark): &(&str, Option<&str>)| {
        mark.is_some_and(|mark| kept.get(*path).is_some_and(|kept| kept == mark))
    };
    let is_listed = |path: &&String| listed.iter().any(|(listed, _)| listed == path);
    Decision {
        reuse: listed.iter().map(reuse).collect(),
        gone: kept.keys().filter(|path| !is_listed(path)).cloned().collect(),
    }
}

/// What stands before the rows.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    /// The keyed hash of the path.
    name: String,
    /// The path as it may be shown.
    shown: String,
    /// The keyed hash of the path of the archive that the file is in, and the path in there.
    inside: Option<(String, String)>,
    mark: String,
    /// By which mapping, which tables and which key the rows are what they are.
    mapping: String,
    rows: u64,
    rejects: Vec<KeptReject>,
    doubts: Vec<KeptDoubt>,
    body_bytes: u64,
    body_crc: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptReject {
    line: u64,
    id: Option<String>,
    problems: Vec<KeptProblem>,
}

/// As [`Problem`], of which every text is fit to be shown.
#[derive(Debug, Serialize, Deserialize)]
struct KeptProblem {
    column: Option<String>,
    field: Option<String>,
    expected: String,
    found: String,
}

/// What is kept of a source.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    writes: bool,
    mapping: String,
    key: LocalKey,
    /// By name.
    files: BTreeMap<String, Kept>,
}

/// What was kept of one file.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    file: PathBuf,
    head: Arc<Head>,
    body: u64,
}

impl Store {
    /// Looks at what is kept; what cannot be used, or was kept under another mapping, is as if it were not there.
    pub(super) fn open(settings: &Settings, tables: &Tables, key: &LocalKey) -> Option<Self> {
        let Keep { folder, writes } = settings.keep.clone()?;
        let mapping = mapping(settings, tables, key);
        let mut files = BTreeMap::new();
        let paths = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in paths {
            let is_kept = path.extension().is_some_and(|kind| kind == KIND);
            let kept = if is_kept { Kept::open(&path).ok() } else { None };
            match kept.filter(|kept| kept.head.mapping == mapping) {
                Some(kept) => drop(files.insert(kept.head.name.clone(), kept)),
                // What an interrupted run left, too. It can be had again.
                None if writes => drop(fs::remove_file(&path)),
                None => {}
            }
        }
        Some(Self { folder, writes, mapping, key: key.clone(), files })
    }

    /// What a file is called here; it says nothing of the path.
    pub(super) fn name(&self, path: &Path) -> String {
        self.key.hash("path", &path.to_string_lossy())
    }

    pub(super) fn marks(&self) -> BTreeMap<String, String> {
        self.files.iter().map(|(name, kept)| (name.clone(), kept.head.mark.clone())).collect()
    }

    pub(super) fn kept(&self, name: &str) -> Option<&Kept> {
        self.files.get(name)
    }

    /// The files of the archive at `path`, sorted by path, where all of them were kept under its mark.
    pub(super) fn archive(&self, path: &Path, mark: &str) -> Option<(InArchive, Vec<(PathBuf, &Kept)>)> {
        let mut inside = None;
        let mut members = Vec::new();
        let name = self.name(path);
        for kept in self.files.values() {
            let Some((_, member)) = kept.head.inside.as_ref().filter(|(archive, _)| *archive == name) else {
                continue;
            };
            let its = InArchive::of(&kept.head.mark, mark)?;
            if *inside.get_or_insert(its) != its {
                return None;
            }
            members.push((path.join(member), kept));
        }
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        inside.filter(|inside| inside.members == members.len()).map(|inside| (inside, members))
    }

    /// Begins to keep a file, where that is allowed and possible.
    pub(super) fn begin(
        &self,
        path: &Path,
        archive: Option<&Path>,
        mark: &str,
        settings: &Settings,
    ) -> Option<Keeper> {
        if !self.writes {
            return None;
        }
        let told = shown(path, settings);
        let inside = match archive {
            None => None,
            Some(archive) => {
                let member = path.strip_prefix(archive).ok()?;
                // The path in there is needed to find the file again, so that one which tells of a patient is not kept.
                let may_be_kept = told.ends_with(member);
                Some((self.name(archive), member.to_str().filter(|_| may_be_kept)?.to_owned()))
            }
        };
        let head = Head {
            version: VERSION,
            name: self.name(Path::new(path.to_str()?)),
            shown: told.to_str()?.to_owned(),
            inside,
            mark: mark.to_owned(),
            mapping: self.mapping.clone(),
            rows: 0,
            rejects: Vec::new(),
            doubts: Vec::new(),
            body_bytes: 0,
            body_crc: 0,
        };
        let begun =
            fs::create_dir_all(&self.folder).and_then(|()| NamedTempFile::new_in(&self.folder)).map(|body| {
                Keeper {
                    folder: self.folder.clone(),
                    head,
                    body: csv::Writer::from_writer(GzEncoder::new(body, Compression::fast())),
                    cells: Vec::new(),
                    doubts: Tally::default(),
                }
            });
        begun.map_err(|error| tracing::warn!(%error, "what is read cannot be kept")).ok()
    }
}

/// Tells apart every way in which the rows of a file could come out otherwise.
fn mapping(settings: &Settings, tables: &Tables, key: &LocalKey) -> String {
    let Settings {
        paths,
        endpoint,
        layout,
        columns,
        constants,
        derived,
        empty,
        values,
        formats,
        vocabulary,
        name: _,
        database: _,
        region: _,
        user: _,
        secret: _,
        key_file: _,
        keep: _,
        max_drop: _,
        max_reject_rate: _,
    } = settings;
    let all = (paths, endpoint, layout, columns, constants, derived, empty, values, formats, vocabulary);
    let build = (VERSION, env!("CARGO_PKG_VERSION"));
    let mut hash = Sha256::new();
    hash.update(format!("{build:?} {all:?} {tables:?}"));
    hash.update(key.hash("mapping", ""));
    hex::encode(&hash.finalize()[..16])
}

impl Kept {
    /// The path as it may be shown.
    pub(super) fn shown(&self) -> &str {
        &self.head.shown
    }

    pub(super) fn mark(&self) -> &str {
        &self.head.mark
    }

    /// Reads the head and compares the checksum of the rows.
    fn open(file: &Path) -> io::Result<Self> {
        let wrong = || io::Error::from(io::ErrorKind::InvalidData);
        let mut input = BufReader::new(File::open(file)?);
        let mut line = Vec::new();
        input.read_until(b'\n', &mut line)?;
        let head: Head = serde_json::from_slice(&line).map_err(|_| wrong())?;
        if head.version != VERSION {
            return Err(wrong());
        }
        let mut sum = crc32fast::Hasher::new();
        let mut bytes = 0;
        loop {
            let part = input.fill_buf()?;
            if part.is_empty() {
                break;
            }
            sum.update(part);
            bytes += part.len() as u64;
            let used = part.len();
            input.consume(used);
        }
        if bytes != head.body_bytes || sum.finalize() != head.body_crc {
            return Err(wrong());
        }
        Ok(Self { file: file.to_path_buf(), head: Arc::new(head), body: line.len() as u64 })
    }

    /// The rows, under the numbers of the lines where they stood.
    pub(super) fn table(&self, path: &Path) -> Result<Box<dyn Table>, Reason> {
        let failed = |error: io::Error| super::files::unreadable(path, &error);
        let mut file = File::open(&self.file).map_err(failed)?;
        file.seek(SeekFrom::Start(self.body)).map_err(failed)?;
        let input = BufReader::new(GzDecoder::new(BufReader::new(file)));
        Ok(Box::new(KeptRows {
            path: path.to_path_buf(),
            names: columns().map(|field| field.name().to_owned()).collect(),
            splitter: Splitter::new(input, b','),
            row: RawRow::default(),
            taken: 0,
            total: self.head.rows,
        }))
    }

    /// What was doubtful when the file was read.
    pub(super) fn doubts(&self, file_index: usize) -> Tally {
        Tally::of_kept(&self.head.doubts, file_index)
    }

    /// The rows that were refused.
    pub(super) fn rejects(&self, file: &Arc<Path>, file_index: usize) -> Vec<Reject> {
        let problem = |problem: &KeptProblem| {
            let KeptProblem { column, field, expected, found } = problem;
            Problem {
                column: column.clone(),
                field: field.as_deref().and_then(Field::from_name),
                expected: expected.clone(),
                found: found.clone(),
            }
        };
        let reject = |reject: &KeptReject| Reject {
            file: Arc::clone(file),
            file_index,
            line: reject.line,
            id: reject.id.as_deref().map(Text::from),
            problems: reject.problems.iter().map(problem).collect(),
        };
        self.head.rejects.iter().map(reject).collect()
    }
}

/// The columns that are kept.
fn columns() -> impl Iterator<Item = Field> {
    Field::ALL.into_iter().filter(|field| is_kept(*field))
}

fn is_kept(field: Field) -> bool {
    !field.is_private() || field == Field::ClaimRef
}

/// Rows that were kept.
struct KeptRows<R> {
    path: PathBuf,
    names: Vec<String>,
    splitter: Splitter<R>,
    row: RawRow,
    taken: u64,
    total: u64,
}

impl<R: io::BufRead> Table for KeptRows<R> {
    fn columns(&self) -> &[String] {
        &self.names
    }

    fn read(&mut self, row: &mut RawRow) -> Result<bool, Reason> {
        let damaged = || Reason::Unreadable {
            path: self.path.clone(),
            problem: "what was kept of it is damaged".to_owned(),
        };
        // One more than there are columns: the line.
        if !self.splitter.read(&mut self.row, self.names.len() + 1).map_err(|_| damaged())? {
            return if self.taken == self.total { Ok(false) } else { Err(damaged()) };
        }
        self.taken += 1;
        let line = self.row.get(0).and_then(|line| std::str::from_utf8(line).ok()?.parse().ok());
        row.begin(line.ok_or_else(damaged)?);
        for place in 1..self.row.fields {
            row.push(self.row.get(place).unwrap_or_default());
        }
        Ok(true)
    }

    fn done(&self) -> u64 {
        self.taken
    }

    fn total(&self) -> u64 {
        self.total
    }
}

/// A file on its way to be kept.
pub(super) struct Keeper {
    folder: PathBuf,
    head: Head,
    body: csv::Writer<GzEncoder<NamedTempFile>>,
    cells: Vec<String>,
    doubts: Tally,
}

impl Keeper {
    /// Counts what is doubtful.
    pub(super) fn doubt(&mut self, mut doubts: Tally) {
        self.doubts.absorb(&mut doubts);
    }

    /// Adds rows that were read, and those that were refused.
    pub(super) fn add<M>(&mut self, read: &[Read<M>], rejects: &[Reject]) -> io::Result<()> {
        for Read { dispute, line, .. } in read {
            self.head.rows += 1;
            self.cells.clear();
            self.cells.push(line.to_string());
            self.cells.extend(cells(dispute));
            self.body.write_record(&self.cells)?;
        }
        self.head.rejects.extend(rejects.iter().map(|reject| KeptReject {
            line: reject.line,
            id: reject.id.as_deref().map(str::to_owned),
            problems: reject.problems.iter().map(kept_problem).collect(),
        }));
        Ok(())
    }

    /// Puts the file in its place, whole or not at all.
    pub(super) fn finish(self) -> io::Result<()> {
        let Self { folder, head, body, cells: _, doubts } = self;
        let body = body.into_inner().map_err(|error| io::Error::new(error.error().kind(), "not flushed"))?;
        let mut body = body.finish()?.reopen()?;
        let (mut sum, mut body_bytes) = (crc32fast::Hasher::new(), 0);
        let mut part = vec![0; 64 << 10];
        loop {
            let read = body.read(&mut part)?;
            if read == 0 {
                break;
            }
            sum.update(&part[..read]);
            body_bytes += read as u64;
        }
        body.seek(SeekFrom::Start(0))?;
        let name = format!("{}.{KIND}", head.name);
        let head = Head { doubts: doubts.to_kept(), body_bytes, body_crc: sum.finalize(), ..head };
        let mut whole = NamedTempFile::new_in(&folder)?;
        serde_json::to_writer(&mut whole, &head)?;
        whole.write_all(b"\n")?;
        io::copy(&mut body, &mut whole)?;
        whole.as_file().sync_all()?;
        whole.persist(folder.join(name)).map_err(|error| error.error)?;
        File::open(&folder)?.sync_all()
    }
}

fn cells(dispute: &Dispute) -> impl Iterator<Item = String> {
    let values = dispute.values().into_iter().filter(|(field, _)| is_kept(*field));
    let texts: Vec<String> =
        values.map(|(_, value)| value.map(|value| value.to_string()).unwrap_or_default()).collect();
    texts.into_iter()
}

fn kept_problem(problem: &Problem) -> KeptProblem {
    let Problem { column, field, expected, found } = problem;
    KeptProblem {
        column: column.clone(),
        field: field.map(|field| field.name().to_owned()),
        expected: expected.clone(),
        found: found.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_mark_that_was_kept_is_not_read_again_and_all_else_is() {
        let kept: BTreeMap<String, String> = [("a", "1"), ("b", "1"), ("d", "1")]
            .map(|(path, mark)| (path.to_owned(), mark.to_owned()))
            .into();
        let listed = [("a", Some("1")), ("b", Some("2")), ("c", Some("1")), ("d", None)];
        assert_eq!(decide(&listed, &kept).reuse, [true, false, false, false], "changed, new, without a mark");
        assert_eq!(decide(&listed, &kept).gone, Vec::<String>::new());
        assert_eq!(decide(&listed[1..], &kept).gone, ["a"]);
        assert_eq!(decide(&[], &BTreeMap::new()), Decision::default());
    }

    #[test]
    fn of_private_columns_the_reference_of_a_claim_alone_is_kept() {
        let left: Vec<Field> = Field::ALL.into_iter().filter(|field| !is_kept(*field)).collect();
        assert_eq!(left, [Field::ServiceDate, Field::UnitRebateAmount, Field::Note]);
    }
}
