//! The time for which Jira wants to be left alone, kept over restarts.
//!
//! It is recorded before it is waited for, so that a process that is killed and started anew does not begin by asking.
//! It stays until a pass has ended outside of such a time: until then something may have been left undone.

use jiff::Timestamp;

use super::port::{Clock, Store, Tracker};
use crate::{
    jira::Silence,
    plan::Pause,
    state::{Change, Known, StateError},
};

/// Records until when Jira wants to be left alone, where that is not known yet.
pub fn note(tracker: &impl Tracker, store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    let Some(Silence { until, reason }) = tracker.silence() else { return Ok(()) };
    let known = store.known().pause.as_ref();
    if known.is_some_and(|known| known.until == until && known.reason == reason) {
        return Ok(());
    }
    let noted = clock.moment();
    tracing::warn!(until = %until, reason, "jira wants to be left alone for a time");
    store.record(noted.at, &[Change::Pause { pause: Some(Pause { until, reason, noted }) }])
}

/// Tells the client what an earlier process was told.
pub fn resume(tracker: &impl Tracker, known: &Known, clock: &impl Clock) {
    let Some(pause) = &known.pause else { return };
    let left = pause.left(&clock.moment());
    if left.is_positive() {
        tracker.keep_silent(left, &pause.reason);
    }
}

/// Notes how a pass ended: while Jira wants to be left alone, or not.
pub fn close(tracker: &impl Tracker, store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    if tracker.silence().is_some() || store.known().pause.is_none() {
        return note(tracker, store, clock);
    }
    store.record(clock.moment().at, &[Change::Pause { pause: None }])
}

/// Until when Jira wants to be left alone; none where it does not.
pub fn holds(known: &Known, clock: &impl Clock) -> Option<Timestamp> {
    let pause = known.pause.as_ref()?;
    let now = clock.moment();
    let left = pause.left(&now);
    left.is_positive().then(|| now.at.saturating_add(left).unwrap_or(Timestamp::MAX))
}
