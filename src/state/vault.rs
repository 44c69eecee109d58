//! The vault: what is so now, by key. The only user of sled.
//!
//! sled 0.34.7 is fast and atomic, but after damage it can lose rows without a word, roll rows back, panic,
//! or never finish opening; and its `flush` does not reach the disk. So the vault
//!
//! * gives every row a checksum, and keeps a count and a sum of checksums over all rows in one more row,
//!   the manifest, which changes in the same atomic batch: a row that is gone or old is found;
//! * checks all rows when it opens;
//! * opens in a thread of its own, with a time limit, and turns panics into errors;
//! * follows every flush with a real `fsync` of the file and the directory, and never writes again when one
//!   fails;
//! * lets one process in, by a lock of its own.
//!
//! Promises: what [`Vault::commit`] has returned is on disk, all of it; a commit that was cut short is not
//! there at all; a value is read as it was written or not at all. It does not promise that it still has
//! everything: the journal does that, and [`Vault::applied`] says from where to go on. It never repairs
//! data: it is set aside and made again.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::durable::{LockRefusal, SyncFile, WriterLock, ensure_directory, replace_file, sync_directory};
pub use super::envelope::KEY_LIMIT;
use super::envelope::{self, FORMAT, Fault, Opening, Place};
use super::store::{
    self, FILE, copy_directory, damaged, failed, guarded, remove_snapshots, wait_for_former_owner,
};
use super::{Head, StateError};

/// How long [`Vault::open`] waits for sled.
pub const OPEN_LIMIT: Duration = Duration::from_secs(30);

/// Copies of a damaged vault that are kept. When there are as many, none is made and nothing is tried, so
/// that a daemon that restarts for ever does not fill the disk.
pub const COPIES_LIMIT: u32 = 3;

/// What a value is about. Keys are unique within a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// Facts about this installation.
    Meta,
    /// Groups by id.
    Groups,
    /// Members of groups.
    Members,
    /// Tickets of groups.
    Tickets,
    /// Runs.
    Runs,
    /// What people decided.
    Decisions,
    /// Occurrences and deliveries that are done.
    Ledger,
    /// Issues that carry a mark of ours and are no ticket of ours.
    Strays,
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Sets the value of a key.
    Put {
        /// Its tree.
        tree: Tree,
        /// The key: 1 to [`KEY_LIMIT`] bytes without NUL.
        key: String,
        /// The value, of any size.
        value: Value,
    },
    /// Removes a key; one that is not there may be removed too.
    Delete {
        /// Its tree.
        tree: Tree,
        /// The key.
        key: String,
    },
}

/// What a check of all rows found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Values.
    pub values: u64,
    /// Rows that hold them; a long value has several.
    pub rows: u64,
    /// The journal record up to which they were made.
    pub applied: Head,
}

/// The open vault.
pub struct Vault {
    directory: PathBuf,
    // Dropped before the lock, so that nobody is let in while sled still writes.
    store: sled::Db,
    file: File,
    manifest: Manifest,
    poisoned: bool,
    sync: SyncFile,
    _lock: Arc<WriterLock>,
}

impl Tree {
    /// All trees.
    pub const ALL: [Self; 8] = [
        Self::Meta,
        Self::Groups,
        Self::Members,
        Self::Tickets,
        Self::Runs,
        Self::Decisions,
        Self::Ledger,
        Self::Strays,
    ];

    /// The tree of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tree| tree.name() == name)
    }

    /// The name on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Groups => "groups",
            Self::Members => "members",
            Self::Tickets => "tickets",
            Self::Runs => "runs",
            Self::Decisions => "decisions",
            Self::Ledger => "ledger",
            Self::Strays => "strays",
        }
    }
}

impl Write {
    /// Sets a key to anything that can be written as JSON.
    pub fn put(tree: Tree, key: impl Into<String>, value: &impl Serialize) -> Result<Self, StateError> {
        let key = key.into();
        match serde_json::to_value(value) {
            Ok(value) => Ok(Self::Put { tree, key, value }),
            Err(source) => Err(StateError::Form { tree: tree.name(), key, source }),
        }
    }

    /// Removes a key.
    pub fn delete(tree: Tree, key: impl Into<String>) -> Self {
        Self::Delete { tree, key: key.into() }
    }
}

impl Vault {
    /// Opens the vault of a state directory, which is made when missing, and checks every row. The vault is
    /// in `db` below it, its lock is `lock`.
    ///
    /// On damage the vault is copied to `db.damaged-1` (then `-2`, `-3`), sled's snapshots are removed,
    /// which makes it read its whole log, and opening is tried once more. Where that fails, too, it is left
    /// as it was, without the copy.
    pub fn open(state: &Path) -> Result<Self, StateError> {
        Self::open_within(state, OPEN_LIMIT)
    }

    /// [`Vault::open`] with another limit of time for each of the two tries.
    pub fn open_within(state: &Path, limit: Duration) -> Result<Self, StateError> {
        Self::open_locked(&lock(state)?, state, limit)
    }

    /// Moves a damaged vault to `db.damaged-1` (the next free number) and opens an empty one in its place.
    /// Then replay the journal from its beginning. Returns where the old one is, if there was one.
    pub fn start_over(state: &Path) -> Result<(Self, Option<PathBuf>), StateError> {
        Self::start_over_locked(&lock(state)?, state)
    }

    /// Whether there is a vault, of whatever health.
    pub(super) fn exists(state: &Path) -> bool {
        state.join(DIRECTORY).exists()
    }

    /// [`Vault::start_over`] for the one who has the lock.
    pub(super) fn start_over_locked(
        lock: &Arc<WriterLock>,
        state: &Path,
    ) -> Result<(Self, Option<PathBuf>), StateError> {
        let directory = state.join(DIRECTORY);
        let mut kept = None;
        if directory.exists() {
            wait_for_former_owner(&directory)?;
            let aside = free_copy_name(state)?;
            std::fs::rename(&directory, &aside).map_err(StateError::io("move", &directory))?;
            sync_directory(state).map_err(StateError::io("sync", state))?;
            kept = Some(aside);
        }
        let stuck = state.join(STUCK);
        if stuck.exists() {
            std::fs::remove_file(&stuck).map_err(StateError::io("remove", &stuck))?;
        }
        Ok((Self::open_locked(lock, state, OPEN_LIMIT)?, kept))
    }

    /// The journal record up to which the vault was made. Replay what comes after it.
    pub fn applied(&self) -> Head {
        self.manifest.applied
    }

    /// The number of that record; 0 when there is none.
    pub fn applied_seq(&self) -> u64 {
        self.manifest.applied.seq
    }

    /// The value of a key.
    pub fn get<T: DeserializeOwned>(&self, tree: Tree, key: &str) -> Result<Option<T>, StateError> {
        let bytes = self.guarded(|| {
            let first = Place { tree: tree.name(), key, part: 0 }.to_bytes();
            let Some(row) = self.store.get(&first).map_err(|source| failed(&self.directory, source))? else {
                return Ok(None);
            };
            let faulty = |fault| self.faulty(tree.name(), key, fault);
            let mut opening = Opening::begin(&first, &row).map_err(faulty)?;
            for part in 1..opening.parts {
                let place = Place { tree: tree.name(), key, part }.to_bytes();
                let row = self.store.get(&place).map_err(|source| failed(&self.directory, source))?;
                let missing = || faulty(Fault::Damaged(format!("part `{part}` is missing")));
                opening.add(&place, &row.ok_or_else(missing)?).map_err(faulty)?;
            }
            opening.finish().map(Some).map_err(faulty)
        })?;
        bytes.map(|bytes| parse(tree, key, &bytes)).transpose()
    }

    /// All keys of a tree with their values, sorted by key.
    pub fn scan<T: DeserializeOwned>(&self, tree: Tree) -> Result<Vec<(String, T)>, StateError> {
        let mut found = Vec::new();
        self.each(tree, |key, value| found.push((key.to_owned(), value)))?;
        Ok(found)
    }

    /// Gives every key of a tree with its value, sorted by key.
    pub fn each<T: DeserializeOwned>(
        &self,
        tree: Tree,
        mut visit: impl FnMut(&str, T),
    ) -> Result<(), StateError> {
        self.guarded(|| {
            walk(
                &self.store,
                &self.directory,
                &envelope::prefix(tree.name()),
                |_, _| {},
                |_, key, bytes| {
                    visit(key, parse(tree, key, &bytes)?);
                    Ok(())
                },
            )
        })
    }

    /// Makes all changes and notes that they bring the vault up to the journal record `applied`: all or
    /// nothing, and on disk when this returns. Of several changes to one key the last counts.
    ///
    /// The journal must hold the changes: damage can take the vault back to an older record, and only what
    /// comes after that record is replayed. So changes need a newer record than the last commit had.
    ///
    /// After an error of the disk or of sled the vault takes no more writes.
    pub fn commit(&mut self, writes: &[Write], applied: Head) -> Result<(), StateError> {
        self.ensure_usable()?;
        let known = self.manifest.applied;
        if applied.seq < known.seq || (applied.seq == known.seq && !writes.is_empty()) {
            return Err(StateError::NotNewer { found: applied.seq, applied: known.seq });
        }
        let mut changes: BTreeMap<(Tree, &str), Option<&Value>> = BTreeMap::new();
        for write in writes {
            let (tree, key, value) = match write {
                Write::Put { tree, key, value } => (*tree, key, Some(value)),
                Write::Delete { tree, key } => (*tree, key, None),
            };
            check_key(tree, key)?;
            changes.insert((tree, key), value);
        }
        let manifest = self.guarded(|| self.write(&changes, applied)).and_then(|manifest| {
            (self.sync)(&self.file).map_err(StateError::io("sync", &self.directory.join(FILE)))?;
            sync_directory(&self.directory).map_err(StateError::io("sync", &self.directory))?;
            Ok(manifest)
        });
        match manifest {
            Ok(manifest) => {
                self.manifest = manifest;
                Ok(())
            }
            Err(failed) => {
                self.poisoned = true;
                Err(failed)
            }
        }
    }

    /// Refuses where an earlier commit failed.
    pub(super) fn ensure_usable(&self) -> Result<(), StateError> {
        if self.poisoned {
            return Err(StateError::Poisoned { directory: self.directory.clone() });
        }
        Ok(())
    }

    /// Reads every row, and compares number and checksums with what was written.
    pub fn verify(&self) -> Result<Checked, StateError> {
        self.guarded(|| {
            let (_, checked, ()) = check_all(&self.store, &self.directory, |(), _, _, _| Ok(()))?;
            Ok(checked)
        })
    }

    /// [`Vault::open_within`] for the one who has the lock.
    pub(super) fn open_locked(
        lock: &Arc<WriterLock>,
        state: &Path,
        limit: Duration,
    ) -> Result<Self, StateError> {
        let (vault, ()) = Self::open_reading(lock, state, limit, |(), _, _, _| Ok(()))?;
        Ok(vault)
    }

    /// As [`Vault::open_locked`], and takes every value with its tree and key in the same walk over all rows.
    pub(super) fn open_reading<T: Default + Send + 'static>(
        lock: &Arc<WriterLock>,
        state: &Path,
        limit: Duration,
        take: Take<T>,
    ) -> Result<(Self, T), StateError> {
        let directory = state.join(DIRECTORY);
        if state.join(STUCK).exists() {
            return Err(damaged(&directory, "opening it did not end the last time".to_owned()));
        }
        let opened = open_checked(lock, &directory, limit, take).or_else(|failed| match failed {
            StateError::Damaged { .. } => without_snapshots(lock, state, limit, take, failed),
            other => Err(other),
        });
        if let Err(StateError::OpenTimeout { .. }) = &opened {
            // This process cannot get rid of the thread that still tries, but the next one can do without.
            // Where this cannot be written, the next one waits as long again.
            drop(replace_file(&state.join(STUCK), |out| {
                writeln!(out, "opening `db` did not end; the next start makes it anew from the journal")
            }));
        }
        let (store, (manifest, _, taken)) = opened?;
        let path = directory.join(FILE);
        let file = File::open(&path).map_err(StateError::io("open", &path))?;
        let mut vault = Self {
            directory,
            store,
            file,
            manifest: manifest.unwrap_or(Manifest::EMPTY),
            poisoned: false,
            sync: File::sync_all,
            _lock: Arc::clone(lock),
        };
        if manifest.is_none() {
            vault.commit(&[], Head::EMPTY)?;
            sync_directory(state).map_err(StateError::io("sync", state))?;
        }
        Ok((vault, taken))
    }

    fn write(
        &self,
        changes: &BTreeMap<(Tree, &str), Option<&Value>>,
        applied: Head,
    ) -> Result<Manifest, StateError> {
        let sled_failed = |source| failed(&self.directory, source);
        let mut manifest = Manifest { applied, ..self.manifest };
        let mut batch = sled::Batch::default();
        for ((tree, key), value) in changes {
            let tree = tree.name();
            let rows =
                value.map_or_else(Vec::new, |value| envelope::seal(tree, key, value.to_string().as_bytes()));
            // All rows of the old value, so that a shorter one leaves none behind.
            let first = Place { tree, key, part: 0 }.to_bytes();
            for old in self.store.scan_prefix(envelope::without_part(&first)) {
                let (old_key, old_row) = old.map_err(sled_failed)?;
                manifest.remove(&old_row);
                batch.remove(old_key);
            }
            for row in rows {
                manifest.add(&row.value);
                batch.insert(row.key, row.value);
            }
        }
        let text = serde_json::to_vec(&manifest).map_err(|source| StateError::Form {
            tree: VAULTS_OWN,
            key: MANIFEST_KEY.to_owned(),
            source,
        })?;
        for row in envelope::seal(VAULTS_OWN, MANIFEST_KEY, &text) {
            batch.insert(row.key, row.value);
        }
        self.store.apply_batch(batch).map_err(sled_failed)?;
        self.store.flush().map_err(sled_failed)?;
        Ok(manifest)
    }

    /// sled panics on bad data.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, StateError>) -> Result<T, StateError> {
        guarded(&self.directory, work)
    }

    fn faulty(&self, tree: &str, key: &str, fault: Fault) -> StateError {
        faulty(&self.directory, tree, key, fault)
    }
}

impl fmt::Debug for Vault {
    /// Without the values, which sled would print.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vault")
            .field("directory", &self.directory)
            .field("manifest", &self.manifest)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

/// The vault within the state.
pub(super) const DIRECTORY: &str = "db";
/// Is there where opening the vault did not end.
const STUCK: &str = "db.stuck";
/// What the names of copies begin with.
const COPY: &str = "db.damaged";
/// Tree of the manifest; no other is named so.
const VAULTS_OWN: &str = "";
const MANIFEST_KEY: &str = "manifest";

/// What all rows together must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    rows: u64,
    /// Sum of the checksums of all rows, wrapping.
    checksums: u64,
    applied: Head,
}

/// The part of a manifest that every format has.
#[derive(Deserialize)]
struct ManifestFormat {
    format: u32,
}

impl Manifest {
    const EMPTY: Self = Self { format: FORMAT as u32, rows: 0, checksums: 0, applied: Head::EMPTY };

    fn add(&mut self, row: &[u8]) {
        self.rows = self.rows.wrapping_add(1);
        self.checksums = self.checksums.wrapping_add(envelope::stored_checksum(row).into());
    }

    fn remove(&mut self, row: &[u8]) {
        self.rows = self.rows.wrapping_sub(1);
        self.checksums = self.checksums.wrapping_sub(envelope::stored_checksum(row).into());
    }
}

/// Takes one value with its tree and key.
pub(super) type Take<T> = fn(&mut T, &str, &str, &[u8]) -> Result<(), StateError>;

/// What a walk over all rows gives.
type Walked<T> = (Option<Manifest>, Checked, T);

fn open_checked<T: Default + Send + 'static>(
    lock: &Arc<WriterLock>,
    directory: &Path,
    limit: Duration,
    take: Take<T>,
) -> Result<(sled::Db, Walked<T>), StateError> {
    store::open(lock, directory, limit, move |store, directory| check_all(store, directory, take))
}

/// Opens a damaged vault from its log alone, after a copy was made; without success all is as before.
fn without_snapshots<T: Default + Send + 'static>(
    lock: &Arc<WriterLock>,
    state: &Path,
    limit: Duration,
    take: Take<T>,
    first: StateError,
) -> Result<(sled::Db, Walked<T>), StateError> {
    let directory = state.join(DIRECTORY);
    let Ok(copy) = free_copy_name(state) else { return Err(first) };
    copy_directory(&directory, &copy)?;
    remove_snapshots(&directory, "")?;
    let again = open_checked(lock, &directory, limit, take);
    if let Err(StateError::Damaged { .. }) = &again {
        wait_for_former_owner(&directory)?;
        std::fs::remove_dir_all(&directory).map_err(StateError::io("remove", &directory))?;
        std::fs::rename(&copy, &directory).map_err(StateError::io("move", &copy))?;
        sync_directory(state).map_err(StateError::io("sync", state))?;
        return Err(first);
    }
    again
}

/// Takes the right to a state directory, which is made when missing.
pub(super) fn lock(state: &Path) -> Result<Arc<WriterLock>, StateError> {
    ensure_directory(state).map_err(StateError::io("make", state))?;
    let path = state.join("lock");
    WriterLock::acquire(&path).map(Arc::new).map_err(|refusal| match refusal {
        LockRefusal::Held { pid } => StateError::InUse { directory: state.to_owned(), pid },
        LockRefusal::Io(source) => StateError::io("lock", &path)(source),
    })
}

fn check_all<T: Default>(store: &sled::Db, directory: &Path, take: Take<T>) -> Result<Walked<T>, StateError> {
    let manifest = read_manifest(store, directory)?;
    let mut found = Manifest { applied: manifest.map_or(Head::EMPTY, |it| it.applied), ..Manifest::EMPTY };
    let mut values = 0;
    // What a vault that is not whole says is of no interest.
    let mut taken = Ok(T::default());
    let own = envelope::prefix(VAULTS_OWN);
    walk(
        store,
        directory,
        &[],
        |key, row| {
            if !key.starts_with(&own) {
                found.add(row);
            }
        },
        |tree, key, bytes| {
            if tree != VAULTS_OWN {
                values += 1;
                if let Ok(all) = &mut taken
                    && let Err(refused) = take(all, tree, key, &bytes)
                {
                    taken = Err(refused);
                }
            }
            Ok(())
        },
    )?;
    let expected = manifest.unwrap_or(Manifest::EMPTY);
    if (found.rows, found.checksums) != (expected.rows, expected.checksums) {
        return Err(damaged(
            directory,
            format!(
                "it has {} rows with checksum `{:x}`, expected {} with `{:x}`",
                found.rows, found.checksums, expected.rows, expected.checksums
            ),
        ));
    }
    Ok((manifest, Checked { values, rows: found.rows, applied: expected.applied }, taken?))
}

fn read_manifest(store: &sled::Db, directory: &Path) -> Result<Option<Manifest>, StateError> {
    let key = Place { tree: VAULTS_OWN, key: MANIFEST_KEY, part: 0 }.to_bytes();
    let Some(row) = store.get(&key).map_err(|source| failed(directory, source))? else { return Ok(None) };
    let text = Opening::begin(&key, &row)
        .and_then(Opening::finish)
        .map_err(|fault| faulty(directory, VAULTS_OWN, MANIFEST_KEY, fault))?;
    let unreadable =
        |source: serde_json::Error| damaged(directory, format!("its manifest is unreadable ({source})"));
    let ManifestFormat { format } = serde_json::from_slice(&text).map_err(unreadable)?;
    if format > FORMAT.into() {
        return Err(StateError::NewerFormat { found: format, supported: FORMAT.into(), version: None });
    }
    serde_json::from_slice(&text).map(Some).map_err(unreadable)
}

/// Puts every value whose rows begin with `prefix` together; gives each row, too.
fn walk(
    store: &sled::Db,
    directory: &Path,
    prefix: &[u8],
    mut each_row: impl FnMut(&[u8], &[u8]),
    mut visit: impl FnMut(&str, &str, Vec<u8>) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let mut current: Option<(sled::IVec, Opening)> = None;
    let mut finish = |(key, opening): (sled::IVec, Opening)| {
        let place = envelope::place(&key).ok_or_else(|| strange_key(directory, &key))?;
        let bytes = opening.finish().map_err(|fault| faulty(directory, place.tree, place.key, fault))?;
        visit(place.tree, place.key, bytes)
    };
    for found in store::rows(store, prefix) {
        let (key, row) = found.map_err(|source| failed(directory, source))?;
        each_row(&key, &row);
        let place = envelope::place(&key).ok_or_else(|| strange_key(directory, &key))?;
        let fault = |fault| faulty(directory, place.tree, place.key, fault);
        match &mut current {
            Some((first, opening))
                if place.part > 0 && envelope::without_part(first) == envelope::without_part(&key) =>
            {
                opening.add(&key, &row).map_err(fault)?;
            }
            _ => {
                if let Some(complete) = current.take() {
                    finish(complete)?;
                }
                let opening = Opening::begin(&key, &row).map_err(fault)?;
                current = Some((key.clone(), opening));
            }
        }
    }
    current.map_or(Ok(()), finish)
}

fn check_key(tree: Tree, key: &str) -> Result<(), StateError> {
    let reason = if key.is_empty() {
        "it is empty"
    } else if key.len() > KEY_LIMIT {
        "it is longer than 512 bytes"
    } else if key.contains('\0') {
        "it holds a NUL"
    } else {
        return Ok(());
    };
    Err(StateError::Key { tree: tree.name(), key: key.escape_debug().to_string(), reason })
}

pub(super) fn parse<T: DeserializeOwned>(tree: Tree, key: &str, bytes: &[u8]) -> Result<T, StateError> {
    serde_json::from_slice(bytes).map_err(|source| StateError::Form {
        tree: tree.name(),
        key: key.to_owned(),
        source,
    })
}

fn faulty(directory: &Path, tree: &str, key: &str, fault: Fault) -> StateError {
    match fault {
        Fault::Newer(found) => {
            StateError::NewerFormat { found: found.into(), supported: FORMAT.into(), version: None }
        }
        Fault::Damaged(reason) => damaged(directory, format!("`{key}` of tree `{tree}`: {reason}")),
    }
}

fn strange_key(directory: &Path, key: &[u8]) -> StateError {
    damaged(directory, format!("it has a row with the key `{}`", key.escape_ascii()))
}

/// There is no vault where there must be one.
pub(super) fn missing(state: &Path) -> StateError {
    damaged(&state.join(DIRECTORY), "it is missing".to_owned())
}

/// Where the next copy goes.
pub(super) fn free_copy_name(state: &Path) -> Result<PathBuf, StateError> {
    (1..=COPIES_LIMIT).map(|number| state.join(format!("{COPY}-{number}"))).find(|path| !path.exists()).ok_or(
        StateError::CopiesFull { directory: state.to_owned(), name: COPY, limit: COPIES_LIMIT, cause: None },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::state::ChainHash;

    fn head(seq: u64) -> Head {
        Head { seq, hash: format!("{seq:064x}").parse::<ChainHash>().unwrap() }
    }

    fn put(key: &str, value: &Value) -> Write {
        Write::put(Tree::Groups, key, value).unwrap()
    }

    #[test]
    fn a_newer_format_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let mut vault = Vault::open(state.path()).unwrap();
        vault.manifest.format = 2;
        vault.commit(&[], head(1)).unwrap();
        drop(vault);
        let refused = Vault::open(state.path()).unwrap_err();
        assert_eq!(refused.to_string(), "state has format `2`, this build reads up to `1`");
    }

    #[test]
    fn a_failed_sync_is_fatal_for_the_instance() {
        let state = tempfile::tempdir().unwrap();
        let mut vault = Vault::open(state.path()).unwrap();
        vault.commit(&[put("g-1", &json!(1))], head(1)).unwrap();
        vault.sync = |_| Err(std::io::Error::other("no more sectors"));
        assert!(matches!(vault.commit(&[], head(2)), Err(StateError::Io { .. })));
        vault.sync = File::sync_all;
        assert!(matches!(vault.commit(&[], head(2)), Err(StateError::Poisoned { .. })));
        assert_eq!(vault.applied(), head(1), "what was not synced is not applied");
    }

    #[test]
    fn a_row_that_is_gone_or_old_is_found() {
        let state = tempfile::tempdir().unwrap();
        let mut vault = Vault::open(state.path()).unwrap();
        vault.commit(&[put("g-1", &json!("old")), put("g-2", &json!(2))], head(1)).unwrap();
        let key = Place { tree: "groups", key: "g-1", part: 0 }.to_bytes();
        let old = vault.store.get(&key).unwrap().unwrap();
        vault.commit(&[put("g-1", &json!("new"))], head(2)).unwrap();
        let new = vault.store.insert(&key, &old).unwrap().unwrap();
        assert!(matches!(vault.verify(), Err(StateError::Damaged { .. })), "rolled back");
        vault.store.remove(&key).unwrap();
        assert!(matches!(vault.verify(), Err(StateError::Damaged { .. })), "gone");
        vault.store.insert(&key, new).unwrap();
        assert_eq!(vault.verify().unwrap(), Checked { values: 2, rows: 2, applied: head(2) });
    }

    #[test]
    fn a_vault_that_stays_damaged_is_refused_each_time_and_left_as_it_was() {
        let state = tempfile::tempdir().unwrap();
        let mut vault = Vault::open(state.path()).unwrap();
        vault.commit(&[put("g-1", &json!(1))], head(1)).unwrap();
        vault.store.remove(Place { tree: VAULTS_OWN, key: MANIFEST_KEY, part: 0 }.to_bytes()).unwrap();
        drop(vault);
        for _ in 0..=COPIES_LIMIT {
            let refused = Vault::open(state.path()).unwrap_err();
            assert!(refused.to_string().contains("it has 1 rows with checksum"), "{refused}");
        }
        assert!(free_copy_name(state.path()).unwrap().ends_with("db.damaged-1"));
    }
}
