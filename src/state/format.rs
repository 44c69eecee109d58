//! Which format the state has, in a file that every build reads before anything else.
//!
//! The file is `format` in the state directory: `{"format":3,"version":"0.1.0"}`, where `version` is the build
//! that first wrote this format. Format 2 knows of pauses that Jira asked for, format 3 of claims on the
//! project that may still arrive. The rows of the vault carry a format of their own, so a lost file hides nothing there.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StateError;
use super::durable::replace_file;

/// The format this build writes, and the newest it reads. A change that an older build would misread, such as
/// a new kind of record, makes it one more.
pub const FORMAT: u32 = 3;

/// This build.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

const FILE: &str = "format";

#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    version: String,
}

/// Refuses a format that this build does not know.
pub(super) fn refuse_newer(found: u32, version: Option<&str>) -> Result<(), StateError> {
    if found <= FORMAT {
        return Ok(());
    }
    Err(StateError::NewerFormat { found, supported: FORMAT, version: version.map(str::to_owned) })
}

/// Refuses a state of a newer format. One without a readable file has the first format, or is new.
pub(super) fn check(state: &Path) -> Result<(), StateError> {
    match read(state)? {
        Some(Written { format, version }) => refuse_newer(format, Some(&version)),
        None => Ok(()),
    }
}

/// Refuses a state of a newer format, and says in one that does not, or that is about to become newer, which it has.
pub(super) fn ensure(state: &Path) -> Result<(), StateError> {
    match read(state)? {
        Some(Written { format, version }) if format >= FORMAT => refuse_newer(format, Some(&version)),
        Some(_) | None => write(state),
    }
}

/// Says which format the state has.
pub(super) fn write(state: &Path) -> Result<(), StateError> {
    let written = Written { format: FORMAT, version: VERSION.to_owned() };
    let path = state.join(FILE);
    replace_file(&path, |out| writeln!(out, "{}", serde_json::to_string(&written)?))
        .map_err(StateError::io("write", &path))
}

fn read(state: &Path) -> Result<Option<Written>, StateError> {
    let path = state.join(FILE);
    match std::fs::read(&path) {
        // Unreadable is as good as missing: the stores have checksums and formats of their own.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StateError::io("read", &path)(source)),
    }
}
