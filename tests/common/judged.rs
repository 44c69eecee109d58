//! A sandbox whose requests are judged at the end of its test.

use std::{ops::Deref, sync::LazyLock, thread};

use disputebot::sandbox::Sandbox;
use regex::Regex;

use crate::contract;

/// What stands in notes, claim numbers and links to the source of sample disputes, and must stand nowhere else.
static PRIVATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)CLM\d{6}|kanarie(note|claim|url)|disputes\.example\.com/d/").unwrap());

/// The first such value in a text, with what stands around it.
pub(crate) fn leak(text: &str) -> Option<&str> {
    let found = PRIVATE.find(text)?;
    let from = text[..found.start()].char_indices().rev().nth(60).map_or(0, |(at, _)| at);
    Some(&text[from..found.end()])
}

/// A sandbox whose test ends with every request that it got being judged, with nothing private in any of them, and with
/// nothing asked for that Jira does not know and no fault that never struck.
pub(crate) struct Judged(pub(crate) Sandbox);

impl Deref for Judged {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Drop for Judged {
    fn drop(&mut self) {
        if !thread::panicking() {
            assert_eq!(self.0.leftovers(), Vec::<String>::new(), "left in the sandbox");
            let found = contract::breaches(self.0.flavour(), &self.0.requests());
            assert!(found.is_empty(), "requests that break the vendor's contract:\n{}", found.join("\n"));
            for request in self.0.requests() {
                let sent = format!("{}?{} {}", request.path, request.query, request.body);
                assert_eq!(leak(&sent), None, "a private value in a request");
            }
        }
    }
}
