//! sled, handled with care: opened under a time limit, its panics caught, its leftovers removed.

use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::StateError;
use super::durable::{WriterLock, ensure_directory};

/// sled's own name for its log, in its directory.
pub(super) const FILE: &str = "db";

/// What the name of a snapshot ends with while sled writes it.
const UNFINISHED: &str = ".generating";

/// Opens sled and lets the caller check it, in a thread that is left behind when it does not come back: a
/// missing file makes sled try for ever. Such a thread keeps the lock as long as it lives, because it may
/// still write.
pub(super) fn open<T: Send + 'static>(
    lock: &Arc<WriterLock>,
    directory: &Path,
    limit: Duration,
    check: impl FnOnce(&sled::Db, &Path) -> Result<T, StateError> + Send + 'static,
) -> Result<(sled::Db, T), StateError> {
    ensure_directory(directory).map_err(StateError::io("make", directory))?;
    // A crash while sled writes a snapshot leaves this file, and sled then takes it for a damaged one.
    remove_snapshots(directory, UNFINISHED)?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let (path, lock) = (directory.to_owned(), Arc::clone(lock));
    let opener = move || {
        let opened = guarded(&path, || {
            wait_for_former_owner(&path)?;
            let store = sled::Config::new()
                .path(&path)
                .mode(sled::Mode::HighThroughput)
                // All that is known is kept in memory anyway; sled is read from once.
                .cache_capacity(8 << 20)
                .flush_every_ms(Some(200))
                .open()
                .map_err(|source| failed(&path, source))?;
            let checked = check(&store, &path)?;
            Ok((store, checked))
        });
        // Nobody listens any more when it took too long; the store is then closed here, and after it the
        // lock given back. Otherwise the lock goes with the answer, so that this thread never holds it longer.
        drop(sender.send((opened, lock)));
    };
    std::thread::Builder::new()
        .name("vault-open".to_owned())
        .spawn(opener)
        .map_err(StateError::io("start a thread for", directory))?;
    match receiver.recv_timeout(limit) {
        Ok((opened, _lock)) => opened,
        Err(RecvTimeoutError::Timeout) => {
            Err(StateError::OpenTimeout { directory: directory.to_owned(), seconds: limit.as_secs() })
        }
        Err(RecvTimeoutError::Disconnected) => Err(damaged(directory, "opening it failed".to_owned())),
    }
}

/// All rows whose keys begin with `prefix`, in order.
///
/// sled thinks of dropping pages from memory only when it has counted 64 looks at pages whose numbers have the
/// same rest by 256, and its iterator looks at each page once. So up to 16,384 pages, which is all of a large
/// vault, would stay. Here each row is looked at once more, which drops them ten times as early.
pub(super) fn rows(
    store: &sled::Db,
    prefix: &[u8],
) -> impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>> {
    store.scan_prefix(prefix).inspect(|found| {
        if let Ok((key, _)) = found {
            drop(store.get(key));
        }
    })
}

/// Runs work with sled, which panics on bad data.
pub(super) fn guarded<T>(
    directory: &Path,
    work: impl FnOnce() -> Result<T, StateError>,
) -> Result<T, StateError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason");
        Err(damaged(directory, format!("sled gave up with `{said}`")))
    })
}

/// What an error of sled means to us.
pub(super) fn failed(directory: &Path, error: sled::Error) -> StateError {
    match error {
        // A log or a file that ends too early.
        sled::Error::Io(source)
            if matches!(
                source.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::NotFound
            ) =>
        {
            damaged(directory, format!("sled said `{source}`"))
        }
        sled::Error::Io(source) => StateError::io("use", directory)(source),
        other => damaged(directory, format!("sled said `{other}`")),
    }
}

/// The state in `directory` is not what was written.
pub(super) fn damaged(directory: &Path, reason: String) -> StateError {
    StateError::Damaged { directory: directory.to_owned(), reason }
}

/// Removes sled's snapshots whose names end so. sled makes them again from its log.
pub(super) fn remove_snapshots(directory: &Path, ending: &str) -> Result<(), StateError> {
    for found in std::fs::read_dir(directory).map_err(StateError::io("list", directory))? {
        let found = found.map_err(StateError::io("list", directory))?;
        let name = found.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(ending) {
            std::fs::remove_file(found.path()).map_err(StateError::io("remove", &found.path()))?;
        }
    }
    Ok(())
}

/// Copies a directory with all that is in it.
pub(super) fn copy_directory(from: &Path, to: &Path) -> Result<(), StateError> {
    std::fs::create_dir_all(to).map_err(StateError::io("make", to))?;
    for found in std::fs::read_dir(from).map_err(StateError::io("list", from))? {
        let found = found.map_err(StateError::io("list", from))?;
        let target = to.join(found.file_name());
        if found.path().is_dir() {
            copy_directory(&found.path(), &target)?;
        } else {
            std::fs::copy(found.path(), &target).map_err(StateError::io("copy", &found.path()))?;
        }
    }
    Ok(())
}

/// sled frees its own lock a little after it is dropped, and refuses to open until then. No other process
/// can hold it: our lock comes first.
pub(super) fn wait_for_former_owner(directory: &Path) -> Result<(), StateError> {
    let path = directory.join(FILE);
    match File::open(&path) {
        Ok(file) => file.lock().and_then(|()| file.unlock()).map_err(StateError::io("lock", &path)),
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(StateError::io("open", &path)(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(state: &Path) -> Arc<WriterLock> {
        Arc::new(WriterLock::acquire(&state.join("lock")).unwrap())
    }

    #[test]
    fn opening_that_never_ends_is_given_up_and_keeps_the_lock() {
        let state = tempfile::tempdir().unwrap();
        let never = |_: &sled::Db, _: &Path| -> Result<(), StateError> {
            loop {
                std::thread::park();
            }
        };
        let refused = open(&lock(state.path()), &state.path().join("db"), Duration::from_secs(1), never);
        assert!(matches!(refused, Err(StateError::OpenTimeout { seconds: 1, .. })), "{refused:?}");
        assert!(WriterLock::acquire(&state.path().join("lock")).is_err(), "it may still write");
    }

    #[test]
    fn a_panic_while_opening_is_damage() {
        let state = tempfile::tempdir().unwrap();
        let panics = |_: &sled::Db, _: &Path| -> Result<(), StateError> { panic!("bad page {}", 7) };
        let refused =
            open(&lock(state.path()), &state.path().join("db"), Duration::from_secs(30), panics).unwrap_err();
        assert!(refused.to_string().ends_with("is damaged: sled gave up with `bad page 7`"), "{refused}");
    }
}
