//! The local key of hashes: made once, kept beside the state, never shown.
//!
//! A hash of a claim number tells two claims apart and leads back to neither, also for who knows all claim numbers: for
//! that one needs the key. Whoever loses it gets other hashes, and so other ids.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// A key that never leaves this machine.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct LocalKey(Arc<[u8; 32]>);

impl From<[u8; 32]> for LocalKey {
    fn from(key: [u8; 32]) -> Self {
        Self(Arc::new(key))
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey(***)")
    }
}

impl LocalKey {
    /// The key in a file, made there where there is none. Without a folder for it, such as before the first run, it is one
    /// for this reading only.
    pub(super) fn at(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self::random()) };
        match fs::read_to_string(path) {
            Ok(text) => Self::read(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent() {
                Some(folder) if folder.is_dir() => Self::make(folder, path),
                _ => Ok(Self::random()),
            },
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all, readable by us alone; where somebody else was quicker, theirs.
    fn make(folder: &Path, path: &Path) -> io::Result<Self> {
        let key = Self::random();
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", hex::encode(*key.0))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => fs::File::open(folder)?.sync_all().map(|()| key),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(&fs::read_to_string(path)?)
            }
            Err(error) => Err(error.error),
        }
    }

    fn random() -> Self {
        let mut hash = Sha256::new();
        for _ in 0..3 {
            hash.update(uuid::Uuid::new_v4().as_bytes());
        }
        Self(Arc::new(hash.finalize().into()))
    }

    fn read(text: &str) -> io::Result<Self> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it is no key of 64 hexadecimal digits");
        let mut key = [0; 32];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| wrong())?;
        Ok(Self(Arc::new(key)))
    }

    /// The keyed hash of a text, 32 hexadecimal digits; `what` keeps hashes for one purpose apart from others.
    pub(super) fn hash(&self, what: &str, text: &str) -> String {
        hex::encode(&self.digest(&[what.as_bytes(), &[0], text.as_bytes()])[..16])
    }

    /// The keyed hash of some bytes.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        // A key of this length is always taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) else { return [0; 32] };
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_we_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.key");
        let key = LocalKey::at(Some(&path)).unwrap();
        assert_eq!(LocalKey::at(Some(&path)).unwrap(), key);
        let nowhere = folder.path().join("none/local.key");
        assert_ne!(LocalKey::at(Some(&nowhere)).unwrap(), key);
        assert!(!nowhere.exists(), "no folder is made for it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(&path, "short").unwrap();
        let told = LocalKey::at(Some(&path)).unwrap_err().to_string();
        assert_eq!(told, "it is no key of 64 hexadecimal digits");
        assert_eq!(format!("{key:?}"), "LocalKey(***)");
    }
}
