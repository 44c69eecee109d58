//! What a test says that needs something of which this machine has none.

use std::io::Write as _;

/// Says by name what is missing, in a way that is seen of a test that passes; where CI is set, that is a failure.
pub(crate) fn missing(told: &str) {
    assert!(std::env::var_os("CI").is_none(), "{told}");
    // What the macros print is kept back unless the test fails.
    std::io::stderr().write_all(format!("{told}\n").as_bytes()).unwrap();
}
