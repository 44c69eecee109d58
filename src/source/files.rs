//! Which files to read, in which order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::Settings;
use super::batch::{FileCounts, Reason};
use super::header::fold;
use super::table::Opener;
use super::{glob, parquet_rows};
use crate::dispute::Field;

/// How rows stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
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
    Text(Layout),
    /// A table gives its rows itself.
    Table(Opener),
}

/// One file to read, or one thing that is read like a file.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    /// The path, or what people call it: an address and the name of a table, without any secret.
    pub path: Arc<Path>,
    pub kind: Kind,
    /// Place of its source among the sources.
    pub source: usize,
}

/// The files of one source, and the places where there are none.
#[derive(Debug, Default)]
pub(super) struct Found {
    source: usize,
    /// The folded names of the columns that are looked at.
    wanted: Arc<BTreeSet<String>>,
    pub files: Vec<InputFile>,
    pub reasons: Vec<Reason>,
    pub counts: FileCounts,
}

impl Found {
    fn add(&mut self, path: &Path, kind: Kind) {
        self.files.push(InputFile { path: Arc::from(path), kind, source: self.source });
    }

    /// How a file of this name is read; none where that cannot be known.
    fn kind(&self, path: &Path) -> Option<Kind> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        Some(match plain.rsplit_once('.')?.1 {
            "csv" => Kind::Text(Layout::Commas),
            "tsv" => Kind::Text(Layout::Tabs),
            "ndjson" | "jsonl" => Kind::Text(Layout::JsonLines),
            "parquet" if plain == name => {
                let (path, wanted) = (path.to_path_buf(), Arc::clone(&self.wanted));
                Kind::Table(Opener::new(move || {
                    let file = fs::File::open(&path).map_err(|error| unreadable(&path, &error))?;
                    parquet_rows::open(&path, file, &|name| wanted.contains(&fold(name)))
                }))
            }
            _ => return None,
        })
    }
}

/// Finds what there is to read of a source, in reading order. A file that is named twice is read once, at its last
/// place, because later files win.
pub(super) fn find(settings: &Settings, source: usize) -> Found {
    let mut found = Found { source, wanted: Arc::new(settings.wanted()), ..Found::default() };
    for path in &settings.paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => add_folder(&mut found, path),
            Ok(metadata) if metadata.is_file() => match found.kind(path) {
                Some(kind) => found.add(path, kind),
                None => found.reasons.push(Reason::UnknownKind { path: path.clone() }),
            },
            Ok(_) => found.reasons.push(Reason::UnknownKind { path: path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match path.to_str() {
                Some(pattern) if glob::is_pattern(pattern) => add_matches(&mut found, pattern),
                _ => found.reasons.push(Reason::Missing { path: path.clone() }),
            },
            Err(error) => found.reasons.push(unreadable(path, &error)),
        }
    }
    if let Some(database) = &settings.database {
        let columns = Field::ALL.map(|field| (field, settings.column(field).to_owned())).to_vec();
        let opener = database.opener(settings.user.as_deref(), settings.secret.as_ref(), columns);
        found.add(&database.label(), Kind::Table(opener));
    }
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

fn add_folder(found: &mut Found, folder: &Path) {
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

fn add_matches(found: &mut Found, pattern: &str) {
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
fn walk(found: &mut Found, folder: &Path, look: &mut dyn FnMut(&mut Found, &Path, bool) -> bool) {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) => return found.reasons.push(unreadable(folder, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        // A link to a folder could lead in a circle.
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_folder && name == "_delta_log" {
            let of = "Delta Lake".to_owned();
            found.reasons.push(Reason::TableWithLog { path: folder.to_path_buf(), of });
        } else if is_folder && !name.starts_with(['.', '_']) {
            if look(found, &path, true) {
                walk(found, &path, look);
            }
        } else if !path.is_dir() {
            look(found, &path, false);
        }
    }
}

fn add_file(found: &mut Found, path: &Path) {
    if is_partial(path) {
        found.counts.partial += 1;
    } else if let Some(kind) = found.kind(path) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => found.add(path, kind),
            Ok(_) => found.counts.other += 1,
            Err(error) => found.reasons.push(unreadable(path, &error)),
        }
    } else {
        found.counts.other += 1;
    }
}

/// Hidden, or with a name that writers give a file until it is whole.
fn is_partial(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let kind = path.extension().unwrap_or_default();
    is_hidden || kind.eq_ignore_ascii_case("tmp") || kind.eq_ignore_ascii_case("part")
}
