//! A sandbox whose requests are judged at the end of its test.

use std::{ops::Deref, thread};

use disputebot::sandbox::Sandbox;

use crate::contract;

/// What stands in notes, links to the source, days of service and prices of sample disputes, and must stand nowhere else.
const PRIVATE: [&str; 6] =
    ["kanarienote", "kanarieurl", "KANARIECLAIM", "disputes.example.com/d/", "1931-07-19", "00417593"];
/// Begins a claim number of sample disputes; at least six digits follow.
const CLAIM: &str = "CLM";

/// The first such value in a text, with what stands around it.
pub(crate) fn leak(text: &str) -> Option<&str> {
    let is_claim =
        |at: &usize| text[at + CLAIM.len()..].bytes().take(6).filter(u8::is_ascii_digit).count() == 6;
    let claim = text.match_indices(CLAIM).map(|(at, _)| at).find(is_claim);
    let found = PRIVATE.iter().filter_map(|mark| text.find(mark)).chain(claim).min()?;
    let from = text[..found].char_indices().rev().nth(60).map_or(0, |(at, _)| at);
    let end = text[found..].char_indices().nth(30).map_or(text.len(), |(at, _)| found + at);
    Some(&text[from..end])
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
            for (name, bytes) in self.0.attachments() {
                assert_eq!(leak(&String::from_utf8_lossy(&bytes)), None, "a private value in {name}");
            }
        }
    }
}
