//! A sandbox whose requests are judged at the end of its test.

use std::{ops::Deref, thread};

use disputebot::sandbox::Sandbox;

use crate::contract;

/// A sandbox whose test ends with every request that it got being judged, and with nothing asked for that Jira does not
/// know and no fault that never struck.
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
        }
    }
}
