//! Which files to read, in which order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::batch::{FileCounts, Reason};

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

/// One file to read.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    pub path: Arc<Path>,
    pub layout: Layout,
}

/// The files behind the configured paths, and the paths behind which there are none.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<InputFile>,
    pub reasons: Vec<Reason>,
    pub counts: FileCounts,
}

/// Finds the files in reading order. A file that is named twice is read once, at its last place, because later
/// files win.
pub(super) fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => add_folder(&mut found, path),
            Ok(metadata) if metadata.is_file() => match layout(path) {
                Some(layout) => found.files.push(InputFile { path: Arc::from(path.as_path()), layout }),
                None => found.reasons.push(Reason::UnknownKind { path: path.clone() }),
            },
            Ok(_) => found.reasons.push(Reason::UnknownKind { path: path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                found.reasons.push(Reason::Missing { path: path.clone() });
            }
            Err(error) => found.reasons.push(unreadable(path, &error)),
        }
    }
    let mut seen = BTreeSet::new();
    let mut files: Vec<InputFile> = found
        .files
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
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) => return found.reasons.push(unreadable(folder, &error)),
    };
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    let before = found.files.len();
    for path in paths {
        if path.is_dir() {
            continue;
        }
        if is_partial(&path) {
            found.counts.partial += 1;
        } else if let Some(layout) = layout(&path) {
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => {
                    found.files.push(InputFile { path: Arc::from(path), layout });
                }
                Ok(_) => found.counts.other += 1,
                Err(error) => found.reasons.push(unreadable(&path, &error)),
            }
        } else {
            found.counts.other += 1;
        }
    }
    if found.files.len() == before {
        found.reasons.push(Reason::NothingInFolder { path: folder.to_path_buf() });
    }
}

/// Hidden, or with a name that writers give a file until it is whole.
fn is_partial(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let kind = path.extension().unwrap_or_default();
    is_hidden || kind.eq_ignore_ascii_case("tmp") || kind.eq_ignore_ascii_case("part")
}

fn layout(path: &Path) -> Option<Layout> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Layout::Commas),
        "tsv" => Some(Layout::Tabs),
        "ndjson" | "jsonl" => Some(Layout::JsonLines),
        _ => None,
    }
}
