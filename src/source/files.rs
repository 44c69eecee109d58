//! Which files to read, in which order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::{fs, io};

use super::Settings;
use super::archive::{self, Member, Opened};
use super::batch::{FileCounts, Reason};
use super::bytes::Place;
use super::keep::{self, InArchive, Kept, Store};
use super::mapping::Wanted;
use super::store::Address;
use super::table::Opener;
use super::{glob, parquet_rows};

/// How rows stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Values separated by commas.
    Commas,
    /// Values separated by tabs.
    Tabs,
    /// One JSON object a line.
    JsonLines,
}

/// What has to be done to get at the rows.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A file of text is split.
    Text(Form, Place),
    /// A file of lines of fixed width is cut.
    Fixed(Place),
    /// What was kept of a file stands for it.
    Kept(Kept),
    /// A table gives its rows itself.
    Table(Opener),
}

impl Kind {
    /// The archive that the file is in.
    pub(super) fn archive(&self) -> Option<&Path> {
        match self {
            Self::Text(_, Place::Member(member)) | Self::Fixed(Place::Member(member)) => {
                Some(member.archive())
            }
            Self::Text(..) | Self::Fixed(_) | Self::Kept(_) | Self::Table(_) => None,
        }
    }
}

/// One file to read, or one thing that is read like a file.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    /// The path, or what people call it: an address and the name of a table, without any secret.
    pub path: Arc<Path>,
    pub kind: Kind,
    /// What tells its contents from other ones, where the source keeps what it read.
    pub mark: Option<String>,
    /// Place of its source among the sources.
    pub source: usize,
}

/// The files of one source, and the places where there are none.
#[derive(Debug, Default)]
pub(super) struct Found<'k> {
    source: usize,
    /// The columns that are looked at.
    wanted: Arc<Wanted>,
    /// Whether it is known where columns stand in lines of fixed width.
    has_positions: bool,
    /// Whether what is read is kept.
    keeps: bool,
    /// What was kept.
    store: Option<&'k Store>,
    /// The archive that is open.
    opened: Opened,
    pub files: Vec<InputFile>,
    pub reasons: Vec<Reason>,
    pub counts: FileCounts,
}

impl Found<'_> {
    fn add(&mut self, path: &Path, kind: Kind) {
        self.files.push(InputFile { path: Arc::from(path), kind, mark: None, source: self.source });
    }

    /// Adds a file of this machine or of a store, or the files in it; false where its name says that it is none.
    fn add_known(&mut self, path: &Path, place: &Place) -> bool {
        let mark = match place {
            _ if !self.keeps => None,
            Place::File => keep::mark_of_file(path),
            Place::Object(object) => object.mark(),
            Place::Member(_) => None,
        };
        if is_of_kind(path, "zip") {
            self.add_archive(path, place, mark.as_deref());
            return true;
        }
        let before = self.files.len();
        let is_known = self.add_kind(path, place);
        for file in &mut self.files[before..] {
            file.mark.clone_from(&mark);
        }
        is_known
    }

    fn add_kind(&mut self, path: &Path, place: &Place) -> bool {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().to_lowercase()) else {
            return false;
        };
        if let Some(form) = form(&name) {
            self.add(path, Kind::Text(form, place.clone()));
        } else if is_fixed(&name) && self.has_positions {
            self.add(path, Kind::Fixed(place.clone()));
        } else if is_of_kind(path, "parquet") {
            let (path_owned, place, wanted) = (path.to_path_buf(), place.clone(), Arc::clone(&self.wanted));
            let open = move || {
                let file = file(&path_owned, &place)?;
                parquet_rows::open(&path_owned, file, &wanted)
            };
            self.add(path, Kind::Table(Opener::new(open)));
        } else {
            return false;
        }
        true
    }

    /// Adds the files in an archive, which is opened only where not all of them were kept.
    fn add_archive(&mut self, path: &Path, place: &Place, mark: Option<&str>) {
        let kept = self.store.zip(mark).and_then(|(store, mark)| store.archive(path, mark));
        if let Some((InArchive { members: _, partial, other }, kept)) = kept {
            self.counts.partial += partial;
            self.counts.other += other;
            for (path, kept) in kept {
                self.add(&path, Kind::Kept(kept.clone()));
                if let Some(file) = self.files.last_mut() {
                    file.mark = Some(kept.mark().to_owned());
                }
            }
            return;
        }
        match archive::members(path, place, &self.opened) {
            Ok(members) => self.add_members(path, members, mark),
            Err(reason) => self.fail(reason),
        }
    }

    fn add_members(&mut self, archive: &Path, members: Vec<Member>, mark: Option<&str>) {
        let (before, counts) = (self.files.len(), self.counts);
        for member in members {
            let name = member.path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            let is_of_a_system = member.path.components().any(|part| part.as_os_str() == "__MACOSX");
            if is_partial(&member.path) {
                self.counts.partial += 1;
            } else if let Some(form) = form(&name).filter(|_| !is_of_a_system) {
                let path = member.path.clone();
                self.add(&path, Kind::Text(form, Place::Member(member)));
            } else if is_fixed(&name) && self.has_positions && !is_of_a_system {
                let path = member.path.clone();
                self.add(&path, Kind::Fixed(Place::Member(member)));
            } else {
                self.counts.other += 1;
            }
        }
        if self.files.len() == before {
            self.fail(Reason::Unreadable {
                path: archive.to_path_buf(),
                problem: "it holds no `.csv`, `.tsv`, `.ndjson` or `.jsonl` file".to_owned(),
            });
        }
        let inside = InArchive {
            members: self.files.len() - before,
            partial: self.counts.partial - counts.partial,
            other: self.counts.other - counts.other,
        };
        for file in &mut self.files[before..] {
            file.mark = mark.map(|mark| inside.mark(mark));
        }
    }

    fn fail(&mut self, reason: Reason) {
        self.counts.failed += 1;
        self.reasons.push(reason);
    }

    fn add_objects(&mut self, address: &Address, settings: &Settings, path: &Path) {
        let objects = match address.list(settings) {
            Ok(objects) => objects,
            Err(reason) => return self.reasons.push(reason),
        };
        let (files, reasons) = (self.files.len(), self.reasons.len());
        for object in objects {
            let path = object.path.clone();
            if is_partial(&path) {
                self.counts.partial += 1;
            } else if !self.add_known(&path, &Place::Object(object)) {
                self.counts.other += 1;
            }
        }
        if self.files.len() == files && self.reasons.len() == reasons {
            self.reasons.push(Reason::NothingMatches { path: path.to_path_buf() });
        }
    }
}

fn is_of_kind(path: &Path, kind: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(kind))
}

fn form(name: &str) -> Option<Form> {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Form::Commas),
        "tsv" => Some(Form::Tabs),
        "ndjson" | "jsonl" => Some(Form::JsonLines),
        _ => None,
    }
}

/// Whether lines of fixed width are read in a file of this name, where their columns are known.
fn is_fixed(name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.').is_some_and(|(_, kind)| matches!(kind, "txt" | "dat"))
}

/// A file to read in any order.
pub(super) fn file(path: &Path, place: &Place) -> Result<fs::File, Reason> {
    match place {
        Place::Object(object) => object.copy(),
        Place::File | Place::Member(_) => fs::File::open(path).map_err(|error| unreadable(path, &error)),
    }
}

/// The scheme of an address that is not read, or that seems to hold a secret: the rest of it is not to be shown.
fn unfit_address(path: &Path) -> Option<&str> {
    const SECRETS: [&str; 4] = ["sig=", "token=", "X-Amz-", "password="];
    let (scheme, rest) = path.to_str()?.split_once("://")?;
    let has_user = rest.contains('@') && !scheme.starts_with("abfs");
    let has_secret = SECRETS.iter().any(|secret| rest.contains(secret));
    (has_user || has_secret || Address::parse(path).is_none()).then_some(scheme)
}

/// Finds what there is to read of a source, in reading order. A file that is named twice is read once, at its last
/// place, because later files win.
pub(super) fn find<'k>(settings: &Settings, source: usize, store: Option<&'k Store>) -> Found<'k> {
    let mut found = Found {
        source,
        wanted: Arc::new(settings.wanted()),
        has_positions: !settings.layout.positions.is_empty(),
        keeps: settings.keep.is_some(),
        store,
        ..Found::default()
    };
    for path in &settings.paths {
        if let Some(scheme) = unfit_address(path) {
            found.reasons.push(Reason::Unreadable {
                path: PathBuf::from(format!("{scheme}://…")),
                problem: "it is no address that is read here; a secret has a key of its own (`secret_file`)"
                    .to_owned(),
            });
            continue;
        }
        if let Some(address) = Address::parse(path) {
            found.add_objects(&address, settings, path);
            continue;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => add_folder(&mut found, path),
            Ok(metadata) if metadata.is_file() && found.add_known(path, &Place::File) => {}
            Ok(_) => found.reasons.push(Reason::UnknownKind { path: path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match path.to_str() {
                Some(pattern) if glob::is_pattern(pattern) => add_matches(&mut found, pattern),
                _ => found.reasons.push(Reason::Missing { path: path.clone() }),
            },
            Err(error) => found.reasons.push(unreadable(path, &error)),
        }
    }
    if let Some(database) = &settings.database {
        let wanted = Arc::clone(&found.wanted);
        let opener = database.opener(settings.user.as_deref(), settings.secret.as_ref(), wanted);
        found.add(&database.label(), Kind::Table(opener));
    }
    // The last archive that was looked into.
    *found.opened.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let mut seen = BTreeSet::new();
    let mut files: Vec<InputFile> = std::mem::take(&mut found.files)
        .into_iter()
        .rev()
        .filter(|file| seen.insert(fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.to_path_buf())))
        .collect();
    files.reverse();
    Found { files, ..found }
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Reason {
    Reason::Unreadable { path: path.to_path_buf(), problem: error.to_string() }
}

fn add_folder(found: &mut Found<'_>, folder: &Path) {
    let before = found.files.len();
    let reasons = found.reasons.len();
    walk(found, folder, &mut |found, path, is_folder| {
        if is_folder {
            return path.file_name().is_some_and(|name| name.as_encoded_bytes().contains(&b'='));
        }
        add_file(found, path);
        false
    });
    if found.files.len() == before && found.reasons.len() == reasons {
        found.reasons.push(Reason::NothingInFolder { path: folder.to_path_buf() });
    }
}

fn add_matches(found: &mut Found<'_>, pattern: &str) {
    let before = found.files.len();
    let reasons = found.reasons.len();
    let fixed = glob::fixed_part(pattern);
    let folder = if fixed.is_empty() { Path::new(".") } else { Path::new(fixed) };
    let depth =
        if pattern.split('/').any(|part| part == "**") { usize::MAX } else { pattern.split('/').count() };
    if folder.is_dir() {
        walk(found, folder, &mut |found, path, is_folder| {
            let path = if fixed.is_empty() { path.strip_prefix(".").unwrap_or(path) } else { path };
            let Some(name) = path.to_str() else { return false };
            if is_folder {
                return name.split('/').count() < depth;
            }
            if glob::matches(pattern, name) {
                add_file(found, path);
            }
            false
        });
    }
    if found.files.len() == before && found.reasons.len() == reasons {
        found.reasons.push(Reason::NothingMatches { path: PathBuf::from(pattern) });
    }
}

/// Shows `look` everything in a folder, sorted by path; it says of a folder whether to go into it.
fn walk(found: &mut Found<'_>, folder: &Path, look: &mut dyn FnMut(&mut Found<'_>, &Path, bool) -> bool) {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) => return found.reasons.push(unreadable(folder, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    // What of its files counts only its log tells.
    if paths.iter().any(|path| path.file_name().is_some_and(|name| name == "_delta_log") && path.is_dir()) {
        let of = "Delta Lake".to_owned();
        return found.reasons.push(Reason::TableWithLog { path: folder.to_path_buf(), of });
    }
    for path in paths {
        // A link to a folder could lead in a circle.
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_folder && !name.starts_with(['.', '_']) {
            if look(found, &path, true) {
                walk(found, &path, look);
            }
        } else if !path.is_dir() {
            look(found, &path, false);
        }
    }
}

fn add_file(found: &mut Found<'_>, path: &Path) {
    if is_partial(path) {
        found.counts.partial += 1;
        return;
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && found.add_known(path, &Place::File) => {}
        Ok(_) => found.counts.other += 1,
        Err(error) => found.reasons.push(unreadable(path, &error)),
    }
}

/// Hidden, or with a name that writers give a file until it is whole.
fn is_partial(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let kind = path.extension().unwrap_or_default();
    is_hidden || kind.eq_ignore_ascii_case("tmp") || kind.eq_ignore_ascii_case("part")
}
