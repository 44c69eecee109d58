//! A moment by which waits are measured.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far apart two moments of different boots must be before the wall clock is believed about them: it may
/// have been set meanwhile, but hardly by this much.
pub const CLOCK_DOUBT: SignedDuration = SignedDuration::from_hours(12);

/// How much less than two clocks agree on has certainly passed: what Jira's clock shows is known from its last answer only,
/// and its machines may differ by seconds.
const AGREED_DOUBT: SignedDuration = SignedDuration::from_mins(10);

/// How the name of a boot begins that one process alone knows: what began before it is measured by the wall clock.
pub const ONE_PROCESS: &str = "process ";

/// A moment by the wall clock and by a clock that nobody sets.
///
/// Waits for Jira must not end early because somebody sets a clock, so they are measured by the time since
/// the machine started, which all processes of one boot share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// By the wall clock.
    pub at: Timestamp,
    /// Which boot of which machine `up_ms` counts from; empty where nothing is known of it.
    #[serde(default)]
    pub boot: String,
    /// Milliseconds since that boot, sleep included.
    #[serde(default)]
    pub up_ms: u64,
    /// By Jira's clock, or somewhat before: its last answer told, and the time since then is known. None where it told
    /// nothing yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub there: Option<Timestamp>,
}

impl Moment {
    /// A moment of which only the wall clock is known.
    pub fn by_wall(at: Timestamp) -> Self {
        Self { at, boot: String::new(), up_ms: 0, there: None }
    }

    /// As [`Moment::since`], but the wall clock alone is not believed over a restart of the machine, however much it says:
    /// what Jira may still be at is not sent again because somebody set a clock. It is believed
    ///
    /// * where Jira's clock says so as well, less ten minutes: nobody sets both, and where each run has a machine of its
    ///   own no wait would ever be over otherwise;
    /// * half a day and more, where it was the only clock.
    pub fn since_for_certain(&self, earlier: &Self) -> Option<SignedDuration> {
        if !self.boot.is_empty() && self.boot == earlier.boot {
            return self.since(earlier);
        }
        let agreed = self.there.zip(earlier.there).and_then(|(now, then)| {
            let passed = now.duration_since(then).min(self.at.duration_since(earlier.at));
            // Where one went back, nothing is known; else the wait goes on, however often the machine changes.
            let certain = passed.saturating_sub(AGREED_DOUBT).max(SignedDuration::ZERO);
            (!passed.is_negative()).then_some(certain)
        });
        let is_only_wall = earlier.boot.is_empty() || earlier.boot.starts_with(ONE_PROCESS);
        let by_wall = if is_only_wall { self.since(earlier) } else { None };
        agreed.max(by_wall)
    }

    /// How much time has certainly passed since an earlier moment; `None` where nothing is certain.
    pub fn since(&self, earlier: &Self) -> Option<SignedDuration> {
        if !self.boot.is_empty() && self.boot == earlier.boot {
            let passed = self.up_ms.checked_sub(earlier.up_ms)?;
            return Some(SignedDuration::from_millis(i64::try_from(passed).unwrap_or(i64::MAX)));
        }
        let passed = self.at.duration_since(earlier.at);
        (passed >= CLOCK_DOUBT).then_some(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(boot: &str, up_s: u64, at: &str) -> Moment {
        Moment { at: at.parse().unwrap(), boot: boot.to_owned(), up_ms: up_s * 1000, there: None }
    }

    #[test]
    fn within_one_boot_a_clock_that_is_set_changes_nothing() {
        let sent = moment("a", 100, "2026-11-25T12:00:00Z");
        for at in ["2016-11-25T12:00:00Z", "2026-11-25T12:00:10Z", "2036-11-25T12:00:00Z"] {
            assert_eq!(moment("a", 110, at).since(&sent), Some(SignedDuration::from_secs(10)), "{at}");
        }
    }

    #[test]
    fn over_a_restart_of_the_machine_only_half_a_day_by_the_wall_clock_is_believed() {
        let sent = moment("a", 100, "2026-11-25T12:00:00Z");
        for at in ["2016-11-25T12:00:00Z", "2026-11-25T12:10:00Z", "2026-11-25T23:59:59Z"] {
            assert_eq!(moment("b", 5, at).since(&sent), None, "{at}");
        }
        let passed = moment("b", 5, "2026-11-26T00:00:00Z").since(&sent);
        assert_eq!(passed, Some(SignedDuration::from_hours(12)));
    }

    #[test]
    fn a_wait_for_jira_is_never_over_by_the_wall_clock_alone() {
        let sent = moment("a", 100, "2026-11-25T12:00:00Z");
        let set_forward = "2036-11-25T12:00:00Z";
        assert_eq!(moment("b", 5, set_forward).since_for_certain(&sent), None);
        let passed = moment("a", 110, set_forward).since_for_certain(&sent);
        assert_eq!(passed, Some(SignedDuration::from_secs(10)));
    }

    #[test]
    fn over_a_restart_of_the_machine_as_much_has_passed_as_the_wall_clock_and_that_of_jira_both_say() {
        let seen = |boot, at, there: &str| Moment { there: there.parse().ok(), ..moment(boot, 5, at) };
        let sent = seen("a", "2026-11-25T12:00:00Z", "2026-11-25T12:00:02Z");
        for (boot, at, there, minutes) in [
            ("b", "2026-11-25T13:00:00Z", "2026-11-25T13:00:02Z", Some(50)),
            ("process 2", "2026-11-25T13:00:00Z", "2026-11-25T13:00:02Z", Some(50)),
            // One of them was set.
            ("b", "2036-11-25T12:00:00Z", "2026-11-25T12:09:00Z", Some(0)),
            ("b", "2026-11-25T12:09:00Z", "2036-11-25T12:00:00Z", Some(0)),
            ("b", "2016-11-25T12:00:00Z", "2026-11-25T13:00:02Z", None),
            ("b", "2036-11-25T12:00:00Z", "2026-11-25T13:00:02Z", Some(50)),
            // Jira told nothing.
            ("b", "2036-11-25T12:00:00Z", "", None),
            // The time since the start of the machine says it all.
            ("a", "2036-11-25T12:00:00Z", "2036-11-25T12:00:00Z", Some(0)),
        ] {
            let passed = minutes.map(SignedDuration::from_mins);
            assert_eq!(seen(boot, at, there).since_for_certain(&sent), passed, "{boot} {at} {there}");
        }
        let untold = moment("a", 5, "2026-11-25T12:00:00Z");
        assert_eq!(
            seen("b", "2026-11-25T13:00:00Z", "2026-11-25T13:00:00Z").since_for_certain(&untold),
            None
        );
    }

    #[test]
    fn where_each_process_has_a_clock_of_its_own_half_a_day_by_the_wall_clock_is_believed() {
        let sent = moment("process 1", 100, "2026-11-25T12:00:00Z");
        for (at, passed) in [("2026-11-25T23:59:59Z", None), ("2026-11-26T00:00:00Z", Some(12))] {
            let passed = passed.map(SignedDuration::from_hours);
            assert_eq!(moment("process 2", 5, at).since_for_certain(&sent), passed, "{at}");
        }
    }

    #[test]
    fn a_moment_without_a_boot_is_one_of_the_wall_clock() {
        let sent = Moment::by_wall("2026-11-25T12:00:00Z".parse().unwrap());
        assert_eq!(Moment::by_wall("2026-11-25T13:00:00Z".parse().unwrap()).since(&sent), None);
        assert!(Moment::by_wall("2026-11-27T13:00:00Z".parse().unwrap()).since(&sent).is_some());
    }
}
