//! Waits for what the governor decides: its clock, its chance and its sleep.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::{
    client::{Client, Limits},
    error::{Cause, JiraError},
    governor::{Ask, Decision, Governor},
    site::Own,
    told::Told,
};
use crate::plan::{Issue, Part};

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

/// Who is told of the times for which Jira, or a part of it, wants to be left alone, as soon as it says so.
pub trait Witness: fmt::Debug + Send + Sync {
    /// What holds now, and exactly until when.
    fn told(&self, silence: Option<Silence>, shut: Vec<(Part, Timestamp)>);
}

/// The pace of all clients of one site in this process.
#[derive(Debug)]
pub(super) struct Pace {
    governor: Mutex<Governor>,
    witness: OnceLock<Box<dyn Witness>>,
    began: Instant,
    began_at: Timestamp,
}

/// Who Jira says is asking.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// Id of the account, since it was first learned.
    account: OnceLock<String>,
    /// Whether answers name their caller, as that to the last sign-in did. A gateway may take the name away.
    named: AtomicBool,
}

/// A call that was admitted and has no answer yet.
#[derive(Debug)]
pub(super) struct Admitted<'a>(&'a Pace);

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.governor().ended();
    }
}

impl Caller {
    pub(super) fn signed_in(&self, account: &str, named: bool) {
        self.named.store(named, Ordering::Relaxed);
        // The same account every time: the credentials never change.
        self.account.get_or_init(|| account.to_owned());
    }

    pub(super) fn is_named(&self) -> bool {
        self.named.load(Ordering::Relaxed)
    }
}

impl Client {
    /// Id of the account that asks, once it has signed in; empty before.
    pub fn account(&self) -> &str {
        self.caller.account.get().map_or("", String::as_str)
    }

    /// The accounts whose work is disputebot's own; none that is asking before it has signed in.
    pub(super) fn own(&self) -> Own<'_> {
        Own { account: self.account(), former: &self.settings.former_accounts }
    }

    /// Waits until Jira's limits have room for a write to an issue, or for a create where there is none.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn make_room(&self, issue: Option<&Issue>) -> Result<(), JiraError> {
        let api = self.site().await?.api;
        let (path, writes_to) = match issue {
            Some(issue) => (format!("{api}/issue/{}/comment", issue.id), vec![issue.id.as_str()]),
            None => (format!("{api}/issue"), Vec::new()),
        };
        let ask = Ask { method: "POST", path: &path, writes_to: &writes_to };
        self.pace.room(&ask, self.settings.longest_wait).await
    }

    /// Tells somebody of what Jira asks to wait for; the first who asks for it is told.
    pub fn tell(&self, witness: impl Witness + 'static) {
        self.pace.witness.get_or_init(|| Box::new(witness));
    }

    /// What time it is by Jira's clock, or somewhat before; none where no answer told yet.
    pub fn time(&self) -> Option<Timestamp> {
        self.pace.governor().time(self.pace.now())
    }

    /// The time for which Jira wants to be left alone, where that is not over.
    pub fn silence(&self) -> Option<Silence> {
        self.pace.silence()
    }

    /// The parts of Jira that want to be left alone by themselves, and until when.
    pub fn shut(&self) -> Vec<(Part, Timestamp)> {
        self.pace.shut()
    }

    /// Leaves a part of Jira alone for some time, as an earlier process was asked to.
    pub fn keep_shut(&self, part: &Part, wait: SignedDuration) {
        self.pace.keep_shut(part, wait);
    }

    /// Leaves Jira alone for some time, as an earlier process was asked to.
    pub fn keep_silent(&self, wait: SignedDuration, reason: &str) {
        self.pace.keep_silent(wait, reason);
    }
}

impl Pace {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            governor: Mutex::new(Governor::new(limits)),
            witness: OnceLock::new(),
            began: Instant::now(),
            began_at: Timestamp::now(),
        }
    }

    /// Waits until a call may be sent, and counts it as sent.
    ///
    /// # Cancel safety
    /// Safe: nothing is counted before it returns.
    pub(super) async fn admit(&self, ask: &Ask<'_>, longest: Duration) -> Result<Admitted<'_>, JiraError> {
        loop {
            let decision = self.governor().decide(self.now(), ask);
            match decision {
                Decision::Go => return Ok(Admitted(self)),
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

    fn tell(&self) {
        let Some(witness) = self.witness.get() else { return };
        let (now, governor) = (self.now(), self.governor());
        let silence = governor.silence(now).cloned();
        let shut = governor.shut(now);
        drop(governor);
        let silence = silence.map(|it| Silence { until: self.at(it.until), reason: it.reason });
        witness.told(silence, shut.into_iter().map(|(part, until)| (part, self.at(until))).collect());
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

    /// Learns from the head of an answer; gives how long it asks to wait.
    pub(super) fn learn(&self, ask: &Ask<'_>, status: u16, headers: &HeaderMap) -> Option<SignedDuration> {
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let told = Told::read(get, Timestamp::now());
        let asks_for_a_wait = self.governor().learn(self.now(), ask, status, &told, chance());
        if asks_for_a_wait {
            // Others of the same batch may be under way for long, and until they have ended nothing is recorded.
            self.tell();
        }
        SignedDuration::try_from(told.wait?).ok()
    }

    /// The time for which Jira wants to be left alone, where that is not over.
    pub(super) fn silence(&self) -> Option<Silence> {
        let silence = self.governor().silence(self.now()).cloned()?;
        Some(Silence { until: self.timestamp(silence.until), reason: silence.reason })
    }

    fn shut(&self) -> Vec<(Part, Timestamp)> {
        let shut = self.governor().shut(self.now());
        shut.into_iter().map(|(part, until)| (part, self.timestamp(until))).collect()
    }

    fn keep_shut(&self, part: &Part, wait: SignedDuration) {
        let wait = Duration::try_from(wait).unwrap_or_default();
        self.governor().keep_shut(self.now(), part, wait);
    }

    /// A moment of the governor, to the second: people read it, and what it ends must not be over before it is.
    fn timestamp(&self, moment: Duration) -> Timestamp {
        let second = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
        self.at(moment).round(second).unwrap_or(Timestamp::MAX)
    }

    fn at(&self, moment: Duration) -> Timestamp {
        self.began_at.checked_add(moment).unwrap_or(Timestamp::MAX)
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

/// Whether an answer names a caller who is known: Cloud by its account, Data Center by its name.
pub(super) fn names_caller(headers: &HeaderMap) -> bool {
    ["x-aaccountid", "x-ausername"].iter().any(|name| {
        let caller = headers.get(*name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
        !caller.is_empty() && !caller.eq_ignore_ascii_case("anonymous")
    })
}

/// Doubling waits of our own, so uneven that many clients do not come back at once.
pub(super) fn back_off(attempt: u32) -> Duration {
    let doubling = Duration::from_millis(500) * 2u32.pow(attempt.min(6) - 1);
    doubling.mul_f64(0.7 + 0.6 * chance())
}

/// A number from 0 to 1 that another process does not have.
fn chance() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}
