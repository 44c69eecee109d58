//! Secrets in files.

use std::{fs::File, io::Read, path::Path};

use secrecy::{SecretString, zeroize::Zeroize};

use super::Warning;

/// No token is larger; a larger file is surely another one.
const LARGEST_SECRET_BYTES: u64 = 64 * 1024;

/// Reads the secret in a file, without the blanks and line ends around it. The error is the reason in words, which
/// follows the name of the file and never repeats what is in it.
pub(crate) fn read_secret_file(key: &str, path: &Path) -> Result<(SecretString, Option<Warning>), String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "which does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "which this user may not read".to_owned(),
        _ => format!("which could not be read: {error}"),
    })?;
    let warning = readable_by_all(key, path, &file);
    let mut bytes = Vec::new();
    let read = file.take(LARGEST_SECRET_BYTES + 1).read_to_end(&mut bytes);
    let secret = match read {
        Err(error) => Err(format!("which could not be read: {error}")),
        Ok(_) => secret_in(&bytes),
    };
    bytes.zeroize();
    Ok((secret?, warning))
}

fn secret_in(bytes: &[u8]) -> Result<SecretString, String> {
    if bytes.len() as u64 > LARGEST_SECRET_BYTES {
        return Err("which is too large for a secret (more than 64 KiB)".to_owned());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "which is not UTF-8 text".to_owned())?.trim();
    if text.is_empty() {
        return Err("which is empty".to_owned());
    }
    // A secret goes into a header of a request; a second line would be another header.
    if text.chars().any(char::is_control) {
        return Err("which holds more than one line of plain text".to_owned());
    }
    Ok(SecretString::from(text))
}

#[cfg(unix)]
fn readable_by_all(key: &str, path: &Path, file: &File) -> Option<Warning> {
    use std::os::unix::fs::PermissionsExt;

    let mode = file.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o004 != 0).then(|| Warning::SecretReadableByAll {
        key: key.to_owned(),
        path: path.to_owned(),
        mode,
    })
}

#[cfg(not(unix))]
fn readable_by_all(_key: &str, _path: &Path, _file: &File) -> Option<Warning> {
    None
}
