//! The files in a zip archive: found by its directory, inflated as they are read, and checked at their end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::batch::Reason;
use super::bytes::{Growth, Place, Raw};

/// No drop has more files than this.
const MOST_MEMBERS: usize = 10_000;

/// One file of an archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    archive: Arc<Archive>,
    /// The archive and the name in it.
    pub path: PathBuf,
    start: u64,
    compressed: u64,
    crc: u32,
    is_deflated: bool,
}

/// An archive that is opened when its turn comes.
#[derive(Debug)]
struct Archive {
    path: PathBuf,
    place: Place,
    opened: Opened,
    growth: Arc<Growth>,
}

/// The archive that is open, with its path: one at a time, however many there are.
pub(super) type Opened = Arc<Mutex<Option<(PathBuf, File)>>>;

impl Archive {
    /// A handle with a position of its own.
    fn file(&self) -> Result<File, Reason> {
        let failed = |error: &io::Error| super::files::unreadable(&self.path, error);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.as_ref().is_none_or(|(path, _)| *path != self.path) {
            // The one before is closed first: it may be a copy that takes place.
            *opened = None;
            *opened = Some((self.path.clone(), super::files::file(&self.path, &self.place)?));
        }
        match &*opened {
            Some((_, file)) => file.try_clone().map_err(|error| failed(&error)),
            None => Err(failed(&io::ErrorKind::NotFound.into())),
        }
    }
}

/// The files of an archive, sorted by name. It is closed again after that.
pub(super) fn members(path: &Path, place: &Place, opened: &Opened) -> Result<Vec<Member>, Reason> {
    let failed = |problem: String| Reason::Unreadable { path: path.to_path_buf(), problem };
    let (place, opened, growth) = (place.clone(), Arc::clone(opened), Arc::default());
    let archive = Arc::new(Archive { path: path.to_path_buf(), place, opened, growth });
    let mut zip = ZipArchive::new(archive.file()?).map_err(|error| failed(error.to_string()))?;
    if zip.len() > MOST_MEMBERS {
        return Err(failed(format!("it holds {} files, expected at most {MOST_MEMBERS}", zip.len())));
    }
    let mut members = Vec::new();
    for place in 0..zip.len() {
        let member = zip.by_index_raw(place).map_err(|error| failed(error.to_string()))?;
        if member.is_dir() {
            continue;
        }
        let name = member.name().map_err(|error| failed(error.to_string()))?.into_owned();
        if member.encrypted() {
            return Err(failed(format!("`{name}` in it is encrypted")));
        }
        let is_deflated = match member.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(failed(format!("`{name}` in it is compressed by {other}, expected Deflate")));
            }
        };
        let start = member.data_start().ok_or_else(|| failed(format!("`{name}` in it has no place")))?;
        let (compressed, crc) = (member.compressed_size(), member.crc32());
        // A name is shown and decides how the file is read; nothing is ever written to it.
        let path = path.join(name.trim_start_matches('/'));
        members.push(Member { archive: Arc::clone(&archive), path, start, compressed, crc, is_deflated });
    }
    // One piece under many names grows without measure, whatever the limit of each.
    members.sort_by_key(|member: &Member| (member.start, member.compressed));
    if members.windows(2).any(|pair| pair[0].start + pair[0].compressed > pair[1].start) {
        return Err(failed("two files in it share their bytes".to_owned()));
    }
    members.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(members)
}

impl Member {
    /// The archive that it is in.
    pub(super) fn archive(&self) -> &Path {
        &self.archive.path
    }

    /// How the files of its archive grow.
    pub(super) fn growth(&self) -> Arc<Growth> {
        Arc::clone(&self.archive.growth)
    }

    pub(super) fn open(&self) -> Result<Raw, Reason> {
        let failed = |error: &io::Error| super::files::unreadable(&self.path, error);
        let mut file = self.archive.file()?;
        file.seek(SeekFrom::Start(self.start)).map_err(|error| failed(&error))?;
        let input: Box<dyn Read> = Box::new(file.take(self.compressed));
        Ok(Raw { input, bytes_total: self.compressed })
    }

    /// What the compressed bytes hold.
    pub(super) fn inflate(&self, compressed: impl Read + 'static) -> Box<dyn Read> {
        let sum = crc32fast::Hasher::new();
        if self.is_deflated {
            Box::new(Checked { inner: DeflateDecoder::new(compressed), sum, expected: self.crc })
        } else {
            Box::new(Checked { inner: compressed, sum, expected: self.crc })
        }
    }
}

/// Compares the checksum at the end.
struct Checked<R> {
    inner: R,
    sum: crc32fast::Hasher,
    expected: u32,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.sum.update(&into[..read]);
        if read == 0 && !into.is_empty() && self.sum.clone().finalize() != self.expected {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the checksum of the archive does not fit",
            ));
        }
        Ok(read)
    }
}
