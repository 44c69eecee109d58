//! The time for which Jira, one of its endpoints or one of its issues wants to be left alone, kept over restarts.
//!
//! It is recorded before a write waits for it, so that a process that is killed and started anew does not begin by asking;
//! until it can be recorded, what Jira asks for is put on a [`Slate`].
//! It stays until a pass has ended outside of such a time: until then something may have been left undone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use super::{
    clock::SystemClock,
    port::{Clock, Store, Tracker},
};
use crate::{
    jira::{Silence, Witness},
    plan::{Moment, NotBefore, Part, Pause},
    state::{Change, Known, StateError, Waits},
};

/// What times to the second may differ by after a restart.
const ROUNDED: SignedDuration = SignedDuration::from_secs(1);

/// Records until when Jira, or a part of it, wants to be left alone, where that is not known yet.
pub fn note(tracker: &impl Tracker, store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    note_parts(tracker, store, clock)?;
    let Some(Silence { until, reason }) = tracker.silence() else { return Ok(()) };
    let known = store.known().pause.as_ref();
    if known.is_some_and(|known| is_known(known, until) && known.reason == reason) {
        return Ok(());
    }
    let noted = clock.moment();
    tracing::warn!(until = %until, reason, "jira wants to be left alone for a time");
    store.record(noted.at, &[Change::Pause { pause: Some(Pause { until, reason, noted }) }])
}

fn is_known(known: &Pause, until: Timestamp) -> bool {
    known.until.duration_since(until).abs() <= ROUNDED
}

/// Of each part the last word alone is kept.
fn note_parts(tracker: &impl Tracker, store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    let shut = tracker.shut();
    let mut parts: BTreeMap<&Part, &Pause> =
        store.known().not_before.iter().map(|known| (&known.part, &known.pause)).collect();
    let noted = clock.moment();
    let news: Vec<NotBefore> = shut
        .into_iter()
        .filter(|(part, until)| parts.get(part).is_none_or(|known| !is_known(known, *until)))
        .map(|(part, until)| NotBefore {
            part,
            pause: Pause { until, reason: String::new(), noted: noted.clone() },
        })
        .collect();
    if news.is_empty() {
        return Ok(());
    }
    parts.retain(|_, pause| pause.left(&noted).is_positive());
    parts.extend(news.iter().map(|news| (&news.part, &news.pause)));
    let parts = parts
        .into_iter()
        .map(|(part, pause)| NotBefore { part: part.clone(), pause: pause.clone() })
        .collect();
    store.record(noted.at, &[Change::NotBefore { parts }])
}

/// Tells the client what an earlier process was told.
pub fn resume(tracker: &impl Tracker, known: &Known, clock: &impl Clock) {
    let now = clock.moment();
    let waits = all(known, &now);
    for NotBefore { part, pause } in &waits.parts {
        tracker.keep_shut(part, pause.left(&now));
    }
    if let Some(pause) = &waits.pause {
        tracker.keep_silent(pause.left(&now), &pause.reason);
    }
}

/// What is recorded and what is only noted, as far as it is not over.
fn all(known: &Known, now: &Moment) -> Waits {
    let recorded = Waits { pause: known.pause.clone(), parts: known.not_before.clone() };
    recorded.with(known.waits.clone(), now)
}

/// Notes how a pass ended: while Jira wants to be left alone, or not.
pub fn close(tracker: &impl Tracker, store: &mut impl Store, clock: &impl Clock) -> Result<(), StateError> {
    note(tracker, store, clock)?;
    let at = clock.moment().at;
    if tracker.shut().is_empty() && !store.known().not_before.is_empty() {
        store.record(at, &[Change::NotBefore { parts: Vec::new() }])?;
    }
    if tracker.silence().is_none() && store.known().pause.is_some() {
        store.record(at, &[Change::Pause { pause: None }])?;
    }
    Ok(())
}

/// Until when Jira wants to be left alone, to the second; none where it does not.
pub fn holds(known: &Known, clock: &impl Clock) -> Option<Timestamp> {
    let now = clock.moment();
    let left = all(known, &now).pause?.left(&now);
    let until = now.at.saturating_add(left).unwrap_or(Timestamp::MAX);
    let second = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    Some(until.round(second).unwrap_or(until))
}

/// What Jira asks to wait for, all of it and parts, as it is noted.
pub fn waits(silence: Option<Silence>, shut: Vec<(Part, Timestamp)>, noted: &Moment) -> Waits {
    let pause = |until, reason| Pause { until, reason, noted: noted.clone() };
    let part = |(part, until)| NotBefore { part, pause: pause(until, String::new()) };
    Waits {
        pause: silence.map(|Silence { until, reason }| pause(until, reason)),
        parts: shut.into_iter().map(part).collect(),
    }
}

/// Writes what Jira asks to wait for beside the state, which whoever hears it has no hold of.
#[derive(Debug)]
pub struct Slate {
    state: PathBuf,
    /// Several calls may hear of a wait at once.
    writing: Mutex<()>,
    /// Whether it was told already that nothing can be written.
    is_warned: AtomicBool,
}

impl Slate {
    /// Beside the state in a folder.
    pub fn beside(state: impl Into<PathBuf>) -> Self {
        Self { state: state.into(), writing: Mutex::new(()), is_warned: AtomicBool::new(false) }
    }
}

impl Witness for Slate {
    fn told(&self, silence: Option<Silence>, shut: Vec<(Part, Timestamp)>) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = SystemClock.moment();
        let news = waits(silence, shut, &noted);
        // Another process may wait as well.
        let before = Waits::read(&self.state);
        let waits = before.clone().with(news, &noted);
        if waits == before {
            return;
        }
        if let Err(error) = waits.write(&self.state)
            && !self.is_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(error = %error, "a wait is not kept: a process that starts anew asks too soon");
        }
    }
}
