//! A time until which Jira wants to be left alone.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Moment;

/// Longer than any time that is believed: an hour, and what keeps many clients from coming back all at once.
const LONGEST: SignedDuration = SignedDuration::from_mins(90);

/// Part of Jira that wants to be left alone by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Calls of a kind: a method, and a path with `_` for each id and key.
    Endpoint(String),
    /// Writes to an issue, by its id.
    Issue(String),
}

/// A part of Jira takes nothing for a time. Kept over restarts as a [`Pause`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotBefore {
    /// Which part.
    pub part: Part,
    /// For how long.
    pub pause: Pause,
}

/// Jira asked for silence. Kept over restarts, so that a process that begins anew does not begin by asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Until when.
    pub until: Timestamp,
    /// Jira's word for why, or ours where it gave none.
    pub reason: String,
    /// When it was asked for.
    pub noted: Moment,
}

impl Pause {
    /// How much of it is left; zero where it is over. Never more than was asked for, nor than is ever believed: a clock that
    /// somebody sets back must not make an hour of silence a year. Where a machine that was started anew says that it is
    /// not yet asked for, nobody knows: then one call may come too early, and hears how long to wait.
    pub fn left(&self, now: &Moment) -> SignedDuration {
        let asked = self.until.duration_since(self.noted.at).min(LONGEST);
        let by_clock = || now.at.duration_since(self.noted.at);
        let passed = now.since(&self.noted).unwrap_or_else(by_clock);
        if passed.is_negative() { SignedDuration::ZERO } else { (asked - passed).max(SignedDuration::ZERO) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(boot: &str, up_s: u64, at: &str) -> Moment {
        Moment { at: at.parse().unwrap(), boot: boot.to_owned(), up_ms: up_s * 1000, there: None }
    }

    #[test]
    fn a_pause_is_never_longer_than_it_was_asked_for_whatever_the_clock_says() {
        let noted = moment("a", 100, "2026-11-26T05:30:00Z");
        let until = "2026-11-26T06:00:00Z".parse().unwrap();
        let pause = Pause { until, reason: String::new(), noted };
        for (boot, up_s, at, left_s) in [
            ("a", 100, "2026-11-26T05:30:00Z", 1800),
            // Within one boot the clock may be set as it likes.
            ("a", 700, "2016-11-26T05:30:00Z", 1200),
            ("a", 1900, "2016-11-26T05:30:00Z", 0),
            ("a", 5000, "2016-11-26T05:30:00Z", 0),
            // After a restart of the machine there is only the clock.
            ("b", 3, "2026-11-26T05:45:00Z", 900),
            ("b", 3, "2026-11-26T06:00:01Z", 0),
            ("b", 3, "2026-11-26T05:29:59Z", 0),
            ("b", 3, "2016-11-26T05:45:00Z", 0),
        ] {
            let left = pause.left(&moment(boot, up_s, at));
            assert_eq!(left, SignedDuration::from_secs(left_s), "{boot} {up_s} {at}");
        }
        // A year that a damaged file has.
        let pause = Pause { until: "2826-11-26T06:00:00Z".parse().unwrap(), ..pause };
        assert_eq!(pause.left(&pause.noted), SignedDuration::from_mins(90));
    }
}
