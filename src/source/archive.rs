//! The files in a zip archive: found by its directory, inflated as they are read, and checked at their end.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::batch::Reason;
use super::bytes::Raw;

/// No drop has more files than this.
const MOST_MEMBERS: usize = 10_000;

/// One file of an archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    archive: Arc<File>,
    /// The archive and the name in it.
    pub path: PathBuf,
    start: u64,
    compressed: u64,
    crc: u32,
    is_deflated: bool,
}

/// The files of an archive, sorted by name.
pub(super) fn members(path: &Path, archive: File) -> Result<Vec<Member>, Reason> {
    let failed = |problem: String| Reason::Unreadable { path: path.to_path_buf(), problem };
    let archive = Arc::new(archive);
    let mut zip = ZipArchive::new(Arc::clone(&archive)).map_err(|error| failed(error.to_string()))?;
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
    members.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(members)
}

impl Member {
    pub(super) fn open(&self) -> Result<Raw, Reason> {
        let failed = |error: &io::Error| super::files::unreadable(&self.path, error);
        let mut file = self.archive.try_clone().map_err(|error| failed(&error))?;
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
