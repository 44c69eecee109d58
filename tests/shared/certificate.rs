//! A certificate for servers of tests, made by `openssl`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the two halves are, in PEM.
pub(crate) struct Made {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes one for 127.0.0.1 that no authority has signed but itself.
pub(crate) fn make(folder: &Path) -> Made {
    let at = |name: &str| folder.join(name);
    fs::write(
        at("request"),
        "[req]\ndistinguished_name = who\nx509_extensions = more\nprompt = no\n[who]\nCN = 127.0.0.1\n\
         [more]\nbasicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1\n",
    )
    .unwrap();
    let made = Made { certificate: at("certificate.pem"), key: at("key.pem") };
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .arg("-config")
        .arg(at("request"))
        .arg("-keyout")
        .arg(&made.key)
        .arg("-out")
        .arg(&made.certificate)
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}; install `openssl`"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    made
}
