//! The bytes of a file: decompressed where needed, guarded, and known to be text.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::archive::Member;
use super::batch::Reason;
use super::files::unreadable;
use super::store::Object;

const BUFFER_BYTES: usize = 64 * 1024;

/// When decompression is stopped: both must be exceeded. Real dispute files compress 5 to 30 times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub times: u64,
    pub bytes: u64,
}

pub(super) const LIMITS: Limits = Limits { times: 200, bytes: 1 << 30 };

/// How a file grows while it is decompressed; of an archive all of its files together, so that many that grow a little are
/// what one is that grows much.
#[derive(Debug, Default)]
pub(super) struct Growth {
    compressed: AtomicU64,
    decompressed: AtomicU64,
}

/// An opened text file, after its byte order mark.
pub(super) struct TextFile {
    pub input: BufReader<Box<dyn Read>>,
    /// Bytes read so far, before decompression.
    pub bytes: Rc<Cell<u64>>,
    /// Size in bytes, before decompression.
    pub bytes_total: u64,
}

/// Bytes before decompression.
pub(super) struct Raw {
    pub input: Box<dyn Read>,
    /// Their number.
    pub bytes_total: u64,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a file of this machine.
    File,
    /// In an object of a store.
    Object(Object),
    /// In a zip archive.
    Member(Member),
}

impl Place {
    fn open(&self, path: &Path) -> Result<Raw, Reason> {
        match self {
            Self::File => {
                let failed = |error: io::Error| unreadable(path, &error);
                let file = File::open(path).map_err(failed)?;
                let bytes_total = file.metadata().map_err(failed)?.len();
                Ok(Raw { input: Box::new(file), bytes_total })
            }
            Self::Object(object) => object.open(),
            Self::Member(member) => member.open(),
        }
    }
}

pub(super) fn open(path: &Path, place: &Place, limits: Limits) -> Result<TextFile, Reason> {
    let Raw { input, bytes_total } = place.open(path)?;
    let bytes = Rc::new(Cell::new(0));
    let growth = match place {
        Place::Member(member) => member.growth(),
        Place::File | Place::Object(_) => Arc::default(),
    };
    let counted = Counted { inner: input, bytes: Rc::clone(&bytes), growth: Arc::clone(&growth) };
    let guarded = |inner: Box<dyn Read>| -> Box<dyn Read> {
        Box::new(Guarded { inner, growth: Arc::clone(&growth), limits })
    };
    let mut raw: BufReader<Box<dyn Read>> = match place {
        Place::Member(member) => {
            BufReader::with_capacity(BUFFER_BYTES, guarded(member.inflate(BufReader::new(counted))))
        }
        Place::File | Place::Object(_) => BufReader::with_capacity(BUFFER_BYTES, Box::new(counted)),
    };
    let start = raw.fill_buf().map_err(|error| of_io(path, 1, &error))?;
    let input: Box<dyn Read> = if start.starts_with(&[0x1f, 0x8b]) {
        guarded(Box::new(MultiGzDecoder::new(raw)))
    } else if !start.is_empty() && path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("gz")) {
        return Err(Reason::Unreadable {
            path: path.to_path_buf(),
            problem: "it is not in gzip format".to_owned(),
        });
    } else {
        Box::new(raw)
    };
    let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
    let start = input.fill_buf().map_err(|error| of_io(path, 1, &error))?;
    if let Some(looks_like) = looks_like_binary(start) {
        return Err(Reason::NotText { path: path.to_path_buf(), looks_like: looks_like.to_owned() });
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        input.consume(3);
    }
    if input.fill_buf().map_err(|error| of_io(path, 1, &error))?.is_empty() {
        return Err(Reason::Empty { path: path.to_path_buf() });
    }
    Ok(TextFile { input, bytes, bytes_total })
}

/// The reason behind an error while reading the row at `line`.
pub(super) fn of_io(path: &Path, line: u64, error: &io::Error) -> Reason {
    let path_owned = path.to_path_buf();
    if let Some(expansion) = error.get_ref().and_then(|inner| inner.downcast_ref::<Expansion>()) {
        Reason::Expands { path: path_owned, times: expansion.times }
    } else if let Some(reason) = Told::of(error) {
        reason
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        Reason::Truncated { path: path_owned, line }
    } else {
        unreadable(path, error)
    }
}

/// A reason on its way through a reader of bytes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Told(Reason);

impl Told {
    pub(super) fn error(reason: Reason) -> io::Error {
        io::Error::other(Self(reason))
    }

    pub(super) fn of(error: &io::Error) -> Option<Reason> {
        Some(error.get_ref()?.downcast_ref::<Self>()?.0.clone())
    }
}

/// What the first bytes of a file that is not text look like.
fn looks_like_binary(start: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 7] = [
        (b"PK\x03\x04", "a zip archive or an Excel workbook"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"PAR1", "a Parquet file"),
        (b"%PDF", "a PDF file"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
        (b"\x1f\x8b", "a file that was compressed twice"),
    ];
    if let Some((_, kind)) = KINDS.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some(kind);
    }
    let control = start.iter().filter(|&&b| b < b' ' && !b"\t\n\r\x0c".contains(&b)).count();
    (control * 20 > start.len()).then_some("binary data")
}

/// Counts the bytes that pass.
struct Counted<R> {
    inner: R,
    bytes: Rc<Cell<u64>>,
    growth: Arc<Growth>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.bytes.set(self.bytes.get() + read as u64);
        self.growth.compressed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Stops a stream that grows without measure.
struct Guarded<R> {
    inner: R,
    growth: Arc<Growth>,
    limits: Limits,
}

#[derive(Debug, thiserror::Error)]
#[error("decompresses to over {times} times its size")]
struct Expansion {
    times: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        let decompressed = self.growth.decompressed.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        let Limits { times, bytes } = self.limits;
        if decompressed > bytes && decompressed / times > self.growth.compressed.load(Ordering::Relaxed) {
            return Err(io::Error::other(Expansion { times }));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const SMALL: Limits = Limits { times: 200, bytes: 1 << 20 };

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// An archive of these files, in a folder of its own.
    fn archive(files: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drop.zip");
        let mut writer = zip::ZipWriter::new(File::create(&path).unwrap());
        for (name, bytes) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
        (folder, path)
    }

    fn members(path: &Path) -> Result<Vec<Member>, Reason> {
        crate::source::archive::members(path, &Place::File, &Arc::default())
    }

    /// What the files of an archive give under small limits, by their names: their sizes, or why not.
    fn read_members(path: &Path) -> Vec<(String, Result<u64, Reason>)> {
        let read = |member: Member| {
            let path = member.path.clone();
            let text = open(&path, &Place::Member(member), SMALL);
            let read = text.and_then(|mut text| {
                io::copy(&mut text.input, &mut io::sink()).map_err(|error| of_io(&path, 1, &error))
            });
            (path.file_name().unwrap().to_string_lossy().into_owned(), read)
        };
        members(path).unwrap().into_iter().map(read).collect()
    }

    #[test]
    fn a_bomb_in_an_archive_is_stopped_packed_once_or_twice_and_what_stands_before_it_is_read() {
        let zeros = vec![b'0'; 4 << 20];
        let small = b"a\n1\n".as_slice();
        for (name, bomb) in [("c.csv", zeros.clone()), ("c.csv.gz", gzipped(&zeros))] {
            let (_folder, path) = archive(&[("a.csv.gz", &gzipped(small)), ("b.csv", small), (name, &bomb)]);
            let stopped = Err(Reason::Expands { path: path.join(name), times: 200 });
            assert_eq!(
                read_members(&path),
                [("a.csv.gz".to_owned(), Ok(4)), ("b.csv".to_owned(), Ok(4)), (name.to_owned(), stopped)]
            );
        }
    }

    #[test]
    fn a_bomb_in_many_files_of_an_archive_is_stopped_though_none_of_them_is_one() {
        let half = vec![b'0'; 512 << 10];
        let (_folder, path) =
            archive(&["a.csv", "b.csv", "c.csv", "d.csv"].map(|name| (name, half.as_slice())));
        let stopped =
            |name: &str| (name.to_owned(), Err(Reason::Expands { path: path.join(name), times: 200 }));
        let read = |name: &str| (name.to_owned(), Ok(512 << 10));
        assert_eq!(read_members(&path), [read("a.csv"), read("b.csv"), stopped("c.csv"), stopped("d.csv")]);
        let alone = archive(&[("a.csv", half.as_slice())]);
        assert_eq!(read_members(&alone.1), [read("a.csv")], "each archive is counted by itself");
    }

    /// Changes the same bytes of the head of a file and of its entry in the directory.
    fn patched(path: &Path, change: impl Fn(&mut [u8], usize)) {
        let mut bytes = std::fs::read(path).unwrap();
        let central = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        change(&mut bytes, 0);
        // The entry has two bytes more in front.
        change(&mut bytes, central + 2);
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn an_archive_with_an_encrypted_file_too_many_files_or_one_piece_under_two_names_is_refused() {
        let told =
            |path: &Path| members(path).unwrap_err().to_string().replace(&path.display().to_string(), "Z");
        let (_folder, path) = archive(&[("a.csv", b"a\n1\n")]);
        patched(&path, |bytes, at| bytes[at + 6] |= 1);
        assert_eq!(told(&path), "`Z` could not be read: `a.csv` in it is encrypted");
        let (_folder, path) = archive(&[("a.csv", b"a\n1\n")]);
        patched(&path, |bytes, at| bytes[at + 8] = 12);
        assert!(told(&path).contains("compressed by Bzip2, expected Deflate"), "{}", told(&path));

        let names: Vec<String> = (0..10_001).map(|number| format!("{number}.csv")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
        let (_folder, path) = archive(&files);
        assert_eq!(told(&path), "`Z` could not be read: it holds 10001 files, expected at most 10000");
        let (_folder, path) = archive(&files[..10_000]);
        assert_eq!(members(&path).unwrap().len(), 10_000);

        let (_folder, path) = archive(&[("a.csv", b"a\n1\n"), ("b.csv", b"a\n2\n")]);
        let mut bytes = std::fs::read(&path).unwrap();
        let second = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
        // Where the file stands.
        bytes[second + 42..second + 46].fill(0);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(told(&path), "`Z` could not be read: two files in it share their bytes");
    }

    #[test]
    fn a_stream_that_grows_without_measure_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.csv.gz");
        let mut encoder = GzEncoder::new(File::create(&path).unwrap(), Compression::best());
        encoder.write_all(&vec![b'a'; 4 << 20]).unwrap();
        encoder.finish().unwrap();
        let read = |limits| {
            let mut text = open(&path, &Place::File, limits).unwrap();
            io::copy(&mut text.input, &mut io::sink()).map_err(|error| of_io(&path, 1, &error))
        };
        let stopped = Err(Reason::Expands { path: path.clone(), times: 200 });
        assert_eq!(read(Limits { times: 200, bytes: 1 << 20 }), stopped);
        assert_eq!(read(Limits { times: 2000, bytes: 1 << 20 }), Ok(4 << 20), "a lower ratio is allowed");
        assert_eq!(read(LIMITS), Ok(4 << 20), "a small file may have any ratio");
    }
}
