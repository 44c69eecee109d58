//! What the journal and the vault share: who may write, and what "on disk" means.
//!
//! A write counts once `fsync` says so. After a failed `fsync` the kernel may have dropped the pages and
//! report success on the next one, so nothing here is ever tried again.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// Puts a file on disk. A value, so that a test can make it fail.
pub(super) type SyncFile = fn(&File) -> io::Result<()>;

/// Puts the names in a directory on disk; without it a new file can be gone after a crash.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Makes a directory and puts its own name on disk.
pub(super) fn ensure_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Each new directory above it has a name of its own to put on disk.
    parent.map_or(Ok(()), ensure_directory)?;
    std::fs::create_dir_all(directory)?;
    parent.map_or(Ok(()), sync_directory)
}

/// The right to write, held until dropped. The operating system gives it back when the process ends,
/// however it ends.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
}

/// Why the right to write was not given.
#[derive(Debug)]
pub(super) enum LockRefusal {
    /// Someone else holds it; the process id is what the file says.
    Held { pid: Option<u32> },
    /// The lock file cannot be used.
    Io(io::Error),
}

impl WriterLock {
    /// Takes the lock at once or not at all, and writes our process id into its file.
    pub(super) fn acquire(path: &Path) -> Result<Self, LockRefusal> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(LockRefusal::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok());
                return Err(LockRefusal::Held { pid });
            }
            Err(TryLockError::Error(source)) => return Err(LockRefusal::Io(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(LockRefusal::Io)?;
        Ok(Self { file })
    }
}

impl Drop for WriterLock {
    /// Closing gives nothing back while a process that another thread is just starting has its copy.
    fn drop(&mut self) {
        drop(self.file.unlock());
    }
}

/// Writes a whole file: beside its place, to the disk, and only then into its place. A crash or a full disk
/// leaves what was there before.
pub fn replace_file(path: &Path, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("it has no file name"))?;
    let mut beside = name.to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = File::create(&beside).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if let Err(failed) = written {
        // It is half of a file under a name that nobody looks for.
        drop(std::fs::remove_file(&beside));
        return Err(failed);
    }
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_directory(parent),
        None => sync_directory(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::WriterLock;

    #[test]
    fn a_dropped_lock_is_free_also_while_a_started_process_has_a_copy_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let held = WriterLock::acquire(&path).unwrap();
        let copy = held.file.try_clone().unwrap();
        drop(held);
        assert!(WriterLock::acquire(&path).is_ok(), "the copy still holds it");
        drop(copy);
    }
}
