//! Waits for what the governor decides: its clock, its chance and its sleep.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::{
    error::{Cause, JiraError},
    governor::{Ask, Decision, Governor},
    told::Told,
};

/// Longest wait of a call that is sent once: its caller has already noted that it is sent now.
pub(super) const SENT_ONCE: Duration = Duration::from_secs(5);

/// A time for which Jira wants to be left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Until when.
    pub until: Timestamp,
    /// Why, in Jira's word.
    pub reason: String,
}

/// The pace of all clients of one site in this process.
#[derive(Debug)]
pub(super) struct Pace {
    governor: Mutex<Governor>,
    began: Instant,
    began_at: Timestamp,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { governor: Mutex::default(), began: Instant::now(), began_at: Timestamp::now() }
    }

    /// Waits until a call may be sent, and counts it as sent.
    ///
    /// # Cancel safety
    /// Safe: nothing is counted before it returns.
    pub(super) async fn admit(&self, ask: &Ask<'_>, longest: Duration) -> Result<(), JiraError> {
        loop {
            let decision = self.governor().decide(self.now(), ask);
            match decision {
                Decision::Go => return Ok(()),
                Decision::Wait(wait) => self.sit_out(ask, wait, longest).await?,
            }
        }
    }

    /// Waits until a call may be sent, and counts nothing.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn room(&self, ask: &Ask<'_>, longest: Duration) -> Result<(), JiraError> {
        loop {
            let wait = self.governor().wait(self.now(), ask);
            if wait.is_zero() {
                return Ok(());
            }
            self.sit_out(ask, wait, longest).await?;
        }
    }

    async fn sit_out(&self, ask: &Ask<'_>, wait: Duration, longest: Duration) -> Result<(), JiraError> {
        if wait > longest {
            let call = format!("{} {}", ask.method, ask.path);
            let cause = match self.silence() {
                Some(Silence { until, .. }) => Cause::Paused { until },
                None => Cause::Busy { wait: SignedDuration::try_from(wait).ok() },
            };
            return Err(JiraError { call, cause, said: String::new() });
        }
        tracing::debug!(method = ask.method, wait_ms = wait.as_millis(), "waiting for the limits of jira");
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Learns from the head of an answer.
    pub(super) fn learn(&self, ask: &Ask<'_>, status: u16, headers: &HeaderMap) {
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let told = Told::read(get, Timestamp::now());
        self.governor().learn(self.now(), ask, status, &told, chance());
    }

    /// The time for which Jira wants to be left alone, where that is not over.
    pub(super) fn silence(&self) -> Option<Silence> {
        let silence = self.governor().silence(self.now()).cloned()?;
        let until = self.began_at.checked_add(silence.until).unwrap_or(Timestamp::MAX);
        // People read it; and it must not be over before it is over.
        let until = until.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil));
        Some(Silence { until: until.unwrap_or(Timestamp::MAX), reason: silence.reason })
    }

    /// Leaves Jira alone for some time.
    pub(super) fn keep_silent(&self, wait: SignedDuration, reason: &str) {
        let wait = Duration::try_from(wait).unwrap_or_default();
        self.governor().keep_silent(self.now(), wait, reason);
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn governor(&self) -> MutexGuard<'_, Governor> {
        self.governor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number from 0 to 1 that another process does not have.
pub(super) fn chance() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}
