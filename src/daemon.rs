//! The loop around the pass: one run at a time, on cron expressions, until it is told to stop.
//!
//! # Guarantees
//!
//! * An occurrence of a schedule is handled at most once, also over clock changes and restarts: it is
//!   recorded before its run begins. Of occurrences missed while the daemon was down, the latest is made up
//!   for; a pass looks at everything, so one late run equals many missed ones. A clock that was years wrong
//!   silences no schedule once it is right again ([`crate::schedule`] says more).
//! * SIGTERM and SIGINT let the write under way finish (for [`crate::apply::GRACE`] at most), record what
//!   was done and end with success. A second signal ends at once.
//! * A create whose answer was lost, and a state in doubt, are looked after as soon as they can be settled.
//! * Signals end the process within five seconds, also while Jira takes longer to answer.
//! * At its start and once a day it is looked whether Jira would take what a pass writes; what would fail is logged
//!   once, by name and with the setting to change.
//! * A report goes to each recipient once ([`crate::deliver`] says more); what a server refused is tried again for a
//!   day, also by the next process.
//! * A failed pass is logged and waits for the next occurrence; damaged state ends the daemon. One that was cut short
//!   because Jira wants to be left alone for a time is made again after that, also by the next process.
//! * Whoever hears that something changed may wish for a pass ([`Wishes`]); however many wish, it is one pass, and not
//!   too soon after the last one.

mod reports;

use std::{iter, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, civil::Date};
use tokio::{
    signal,
    sync::{Notify, mpsc},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    apply::{self, Clock, Policy, RecoverError, SystemClock},
    deliver,
    dispute::Tables,
    jira::{self, Client, Needs, Watch},
    plan::Moment,
    run::{
        self, RunError, Surveyed,
        internal::{self, Desk, Internal},
    },
    schedule::{Last, Occurrence, Schedule},
    state::{Change, Ran, State, StateError},
    ticket::Templates,
    web::{self, Dashboard, WebError},
};
use reports::Mailing;

/// Longest sleep: a clock that is set forward is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// Orders of people that wait for the run under way.
const ORDERS: usize = 8;
/// How long pages may still be sent after a stop.
const PAGES_END: Duration = Duration::from_secs(1);

/// All that the loop needs.
#[derive(Debug)]
pub struct Daemon {
    /// Parameters of a pass.
    pub params: run::Params,
    /// Tables of the field.
    pub tables: Tables,
    /// Ticket templates.
    pub templates: Templates,
    /// Jira.
    pub client: Client,
    /// What a pass needs of Jira; its ticket is filled in.
    pub needs: Needs,
    /// The state, held for as long as the daemon lives.
    pub state: State,
    /// Where staff gets tickets about causes that several clients share; none where it gets none.
    pub internal: Option<Desk>,
    /// Where reports go.
    pub delivery: deliver::Settings,
    /// The dashboard; none where it serves none.
    pub dashboard: Option<web::Settings>,
    /// When to run.
    pub run_schedule: Schedule,
    /// When to report.
    pub report_schedule: Schedule,
    /// Whether to make the first pass at once.
    pub at_once: bool,
    /// Wishes for a pass.
    pub wishes: Wishes,
    /// Shortest time between the end of a pass and one that is wished for.
    pub min_interval: SignedDuration,
    /// Day on which the token of Jira ends.
    pub token_expires: Option<Date>,
}

/// Wishes for a pass, from whoever hears that something changed. Clones are the same; many wishes are one.
#[derive(Debug, Clone, Default)]
pub struct Wishes(Arc<Notify>);

impl Wishes {
    /// Wishes for a pass.
    pub fn wish(&self) {
        self.0.notify_one();
    }

    /// Waits for a wish.
    ///
    /// # Cancel safety
    /// Safe: a wish is kept until somebody waits for it.
    pub async fn wished(&self) {
        self.0.notified().await;
    }
}

/// When a pass that is wished for is made: a little later, since changes come in bundles and the first news of one
/// comes before the search shows it; and not too soon after the last pass.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    wished: Option<Moment>,
    last: Option<Moment>,
}

impl Looks {
    /// How long after the first wish.
    const SETTLE: SignedDuration = SignedDuration::from_secs(5);

    /// Takes a wish.
    pub fn wish(&mut self, now: Moment) {
        self.wished.get_or_insert(now);
    }

    /// A pass has ended that began at a moment; it has seen what was wished for before.
    pub fn looked(&mut self, began: &Moment, ended: Moment) {
        // A wish of the same instant may be about what it did not see any more.
        let fulfilled = |wished: &Moment| began.since(wished).is_some_and(|passed| passed.is_positive());
        self.wished.take_if(|wished| fulfilled(wished));
        self.last = Some(ended);
    }

    /// How long until the pass that is wished for; none where none is.
    pub fn due_in(&self, now: &Moment, min_interval: SignedDuration) -> Option<SignedDuration> {
        let left = |since: &Moment, limit: SignedDuration| {
            now.since(since).map_or(SignedDuration::ZERO, |passed| limit - passed)
        };
        let settled = left(self.wished.as_ref()?, Self::SETTLE.min(min_interval));
        let rested = self.last.as_ref().map_or(SignedDuration::ZERO, |last| left(last, min_interval));
        Some(settled.max(rested).max(SignedDuration::ZERO))
    }
}

/// Why the daemon ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state cannot be used any more.
    #[error(transparent)]
    State(#[from] StateError),
    /// The dashboard does not run.
    #[error(transparent)]
    Dashboard(#[from] WebError),
    /// Signals cannot be listened to.
    #[error("could not listen for signals")]
    Signals(#[from] std::io::Error),
}

/// Serves until a signal comes.
pub async fn serve(daemon: Daemon) -> Result<(), DaemonError> {
    let stop = CancellationToken::new();
    let signals = stop_on_signals(stop.clone(), 0);
    let served = Box::pin(serve_until(daemon, &stop, &SystemClock)).await;
    signals.abort();
    served
}

/// Serves until the token is cancelled.
pub async fn serve_until(
    mut daemon: Daemon,
    stop: &CancellationToken,
    clock: &impl Clock,
) -> Result<(), DaemonError> {
    let mut since = clock.moment().at;
    tracing::info!(
        run.schedule = daemon.run_schedule.expression(),
        report.schedule = daemon.report_schedule.expression(),
        zone = daemon.run_schedule.zone(),
        groups = daemon.state.known().groups.len(),
        "daemon started"
    );
    // Kept, so that where there is no dashboard its channel stays open and silent.
    let (sender, mut orders) = mpsc::channel(ORDERS);
    let mut pages = JoinSet::new();
    if let Some(settings) = daemon.dashboard.take() {
        let dashboard = Dashboard::open(settings, sender.clone()).await?;
        let address = dashboard.address().map(|address| address.to_string()).unwrap_or_default();
        tracing::info!(%address, "dashboard serves");
        pages.spawn(dashboard.serve(stop.clone()));
    }
    let mut follow_up = FollowUp::default();
    let mut looks = Looks::default();
    let mut told = None;
    let of_staff = daemon.internal.iter().map(|_| Watch::of("internal: "));
    let mut watches: Vec<Watch> = iter::once(Watch::default()).chain(of_staff).collect();
    apply::pause::resume(&daemon.client, daemon.state.known(), clock);
    if daemon.client.silence().is_none() {
        look(&daemon, &mut watches, clock, stop).await;
    }
    let mut mailing = Mailing::resumed(&daemon.state, &daemon.delivery.zone);
    if std::mem::take(&mut daemon.at_once) {
        one_pass(&mut daemon, clock, stop).await?;
    }
    while !stop.is_cancelled() {
        let moment = clock.moment();
        let now = moment.at;
        warn_of_expiry(&daemon, now, &mut told);
        // A daemon started while the clock was ahead would otherwise wait until then.
        since = since.min(now);
        if let Some(occurrence) = due(&daemon.state, RUN, &daemon.run_schedule, since, now) {
            remember(&mut daemon.state, RUN, &occurrence, now)?;
            one_pass(&mut daemon, clock, stop).await?;
            looks.looked(&moment, clock.moment());
            continue;
        }
        if let Some(occurrence) = due(&daemon.state, REPORT, &daemon.report_schedule, since, now) {
            let Daemon { delivery, state, client, .. } = &mut daemon;
            mailing.begin(delivery, state, client, clock, occurrence.at, now).await?;
            remember(&mut daemon.state, REPORT, &occurrence, now)?;
            continue;
        }
        if mailing.is_due(now) {
            let Daemon { delivery, state, client, .. } = &mut daemon;
            mailing.go_on(delivery, state, client, clock, now).await?;
            continue;
        }
        if watches.iter().any(|watch| watch.is_due(now)) && daemon.client.silence().is_none() {
            look(&daemon, &mut watches, clock, stop).await;
            continue;
        }
        if follow_up.is_due(&daemon, clock) {
            Box::pin(follow_up.settle(&mut daemon, clock, stop)).await?;
            continue;
        }
        let paused = daemon.state.known().pause.as_ref().map(|pause| pause.left(&moment));
        let wished =
            looks.due_in(&moment, daemon.min_interval).map(|wait| wait.max(paused.unwrap_or_default()));
        if let Some(why) = [(paused, "what jira cut short is made up for"), (wished, "jira told of a change")]
            .into_iter()
            .find_map(|(wait, why)| wait.is_some_and(|wait| wait.is_zero()).then_some(why))
        {
            tracing::info!("{why}");
            one_pass(&mut daemon, clock, stop).await?;
            looks.looked(&moment, clock.moment());
            continue;
        }
        let next = [&daemon.run_schedule, &daemon.report_schedule]
            .into_iter()
            .filter_map(|schedule| schedule.next_after(now))
            .map(|occurrence| occurrence.at.duration_since(now).unsigned_abs())
            .chain([paused, wished].into_iter().flatten().map(SignedDuration::unsigned_abs))
            .min()
            .unwrap_or(LONGEST_SLEEP);
        tokio::select! {
            () = tokio::time::sleep(next.min(LONGEST_SLEEP)) => {}
            () = daemon.wishes.wished() => looks.wish(clock.moment()),
            Some(order) = orders.recv() => {
                web::carry_out(&daemon.client, &mut daemon.state, order).await?.tell();
            }
            () = stop.cancelled() => {}
        }
    }
    drop(orders);
    // A browser that keeps its connection must not keep the daemon.
    let _late = tokio::time::timeout(PAGES_END, pages.join_all()).await;
    tracing::info!("daemon stopped");
    Ok(())
}

/// Says that the token ends, once a day.
fn warn_of_expiry(daemon: &Daemon, now: Timestamp, told: &mut Option<Date>) {
    let today = now.to_zoned_datetime(daemon.params.zone.clone()).date();
    if told.replace(today) != Some(today)
        && let Some(ends) = daemon.token_expires
        && let Some(words) = jira::expiry::words(ends, today)
    {
        tracing::warn!(ends_day = %ends, "{words}");
    }
}

/// Looks whether Jira would take what a pass writes, and logs what would fail.
async fn look(daemon: &Daemon, watches: &mut [Watch], clock: &impl Clock, stop: &CancellationToken) {
    let of_staff = daemon.internal.iter().map(|desk| (&desk.client, desk.state.known()));
    let projects = iter::once((&daemon.client, daemon.state.known())).chain(of_staff);
    for (place, (watch, (client, known))) in watches.iter_mut().zip(projects).enumerate() {
        let mut needs = Needs { tickets: known.examples(), ..daemon.needs.clone() };
        if place > 0 {
            needs.reports.clear();
        }
        tokio::select! {
            () = watch.look(client, &needs, clock.moment().at) => {}
            () = stop.cancelled() => return,
        }
    }
}

const RUN: &str = "run";
const REPORT: &str = "report";
/// Names of what is made by schedule.
pub(crate) const SCHEDULES: [&str; 2] = [RUN, REPORT];

/// Looking after what an earlier pass left open, between the scheduled ones: a create whose answer was lost
/// need not wait for tomorrow.
#[derive(Debug, Default)]
struct FollowUp {
    /// When the last one was.
    last: Option<Moment>,
    /// How many in a row changed nothing.
    idle: u32,
}

impl FollowUp {
    /// Shortest and longest time between two; it doubles while nothing changes.
    const PAUSE: (SignedDuration, SignedDuration) =
        (SignedDuration::from_secs(30), SignedDuration::from_mins(15));

    fn is_due(&self, daemon: &Daemon, clock: &impl Clock) -> bool {
        let now = apply::Both { here: clock, there: &daemon.client }.moment();
        let policy = &daemon.params.apply;
        let beat = policy.takeover_after.map(|limit| limit / 3);
        let rested =
            |pause| self.last.as_ref().and_then(|last| now.since(last)).is_none_or(|passed| passed >= pause);
        let pause = (Self::PAUSE.0 * 2_i32.pow(self.idle.min(5))).min(Self::PAUSE.1);
        let mut states =
            [Some(&daemon.state), daemon.internal.as_ref().map(|desk| &desk.state)].into_iter().flatten();
        (rested(pause) && states.any(|state| apply::is_open(state.known(), policy, &now)))
            || beat.is_some_and(rested)
    }

    async fn settle(
        &mut self,
        daemon: &mut Daemon,
        clock: &impl Clock,
        stop: &CancellationToken,
    ) -> Result<(), StateError> {
        self.last = Some(clock.moment());
        let Daemon { params, client, state, internal, .. } = daemon;
        let mut changed = recover(client, state, clock, &params.apply, stop).await?;
        if let Some(Desk { client, state }) = internal {
            changed |= recover(client, state, clock, &params.apply, stop).await?;
        }
        self.idle = if changed { 0 } else { self.idle.saturating_add(1) };
        if changed { one_pass(daemon, clock, stop).await } else { Ok(()) }
    }
}

/// Finds out what an earlier pass left open; whether that changed anything.
async fn recover(
    client: &Client,
    state: &mut State,
    clock: &impl Clock,
    policy: &Policy,
    stop: &CancellationToken,
) -> Result<bool, StateError> {
    let doubted = state.known().doubt.is_some();
    let recovered = tokio::select! {
        recovered = apply::recover(client, state, clock, policy, true) => recovered,
        () = stop.cancelled() => return Ok(false),
    };
    let changed = match recovered {
        Ok(recovered) => {
            let trusted_again = doubted && state.known().doubt.is_none();
            recovered.bound + recovered.released > 0 || trusted_again
        }
        Err(RecoverError::State(error)) => return Err(error),
        Err(error) => {
            tracing::warn!(error = %error, "what an earlier run left open could not be settled; tried again");
            false
        }
    };
    apply::pause::note(client, state, clock)?;
    Ok(changed)
}

/// How long a process may still take after a signal.
const STOP_LIMIT: Duration = Duration::from_millis(4_500);

/// Cancels the token on SIGTERM or SIGINT; a second signal ends the process, and so does time. Ending at any
/// point is safe: what was begun is journaled, and the next start finds out what became of it.
pub fn stop_on_signals(stop: CancellationToken, late: i32) -> JoinHandle<()> {
    tokio::spawn(async move {
        if signalled().await {
            tracing::info!("stopping: the write under way is finished first");
            stop.cancel();
            tokio::select! {
                true = signalled() => std::process::exit(130),
                () = tokio::time::sleep(STOP_LIMIT) => {
                    tracing::warn!("stopped before everything was finished; the next start goes on");
                    std::process::exit(late);
                }
            }
        }
    })
}

/// Waits for SIGTERM or SIGINT; false where neither can be listened to.
async fn signalled() -> bool {
    #[cfg(unix)]
    {
        let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) else {
            return false;
        };
        tokio::select! {
            interrupted = signal::ctrl_c() => interrupted.is_ok(),
            _ = terminate.recv() => true,
        }
    }
    #[cfg(not(unix))]
    {
        signal::ctrl_c().await.is_ok()
    }
}

fn due(
    state: &State,
    name: &str,
    schedule: &Schedule,
    since: Timestamp,
    now: Timestamp,
) -> Option<Occurrence> {
    let ledger = state.known().schedules.values();
    let recorded = ledger.filter(|ran| ran.schedule.split(' ').next() == Some(name));
    schedule.due(Last::of(recorded.map(|ran| (ran.id.as_str(), ran.at)), since, now), now)
}

fn remember(
    state: &mut State,
    name: &str,
    occurrence: &Occurrence,
    now: Timestamp,
) -> Result<(), StateError> {
    let place = format!("{name} {}", occurrence.day());
    let ran = Ran { schedule: place, id: occurrence.id(), at: occurrence.at };
    state.record(now, &[Change::Occurrence(ran)])
}

/// One pass; only damaged state ends the daemon.
async fn one_pass(
    daemon: &mut Daemon,
    clock: &impl Clock,
    stop: &CancellationToken,
) -> Result<(), StateError> {
    let began = clock.moment().at;
    let Daemon { params, tables, templates, client, state, internal, .. } = daemon;
    let outcome = run::pass(params, tables, templates, state, client, clock, stop, &mut |_| {}).await;
    let elapsed_ms = clock.moment().at.duration_since(began).as_millis();
    match outcome {
        Ok(pass) => {
            let counts = pass.plan.counts();
            let applied = pass.applied.unwrap_or_default();
            for reject in pass.surveyed.batch.rejects.iter().chain(&pass.surveyed.reference_rejects) {
                tracing::debug!(file = %reject.file.display(), reject = %reject, "row rejected");
            }
            tracing::info!(
                run.id = pass.record.map(|record| record.id).unwrap_or_default(),
                complete = pass.plan.complete,
                rows = pass.surveyed.rows.read,
                rejected = pass.surveyed.rows.rejected,
                groups = pass.surveyed.records.len(),
                created = counts.get("create").copied().unwrap_or(0),
                updated = counts.get("update").copied().unwrap_or(0),
                held = pass.plan.holds.len(),
                kept = pass.plan.kept,
                failed = applied.failed.len(),
                untried = applied.untried.len(),
                elapsed_ms,
                found_again = pass.recovered.bound,
                released = pass.recovered.released,
                "run finished"
            );
            match internal {
                Some(desk) => {
                    pass_for_staff(desk, params, templates, &pass.surveyed, state, clock, stop).await
                }
                None => Ok(()),
            }
        }
        Err(RunError::State(error) | RunError::Recover(RecoverError::State(error))) => Err(error),
        Err(RunError::Recover(RecoverError::Stopped)) => Ok(()),
        Err(error) => {
            tracing::error!(error = %error, elapsed_ms, "run failed; the next occurrence tries again");
            Ok(())
        }
    }
}

/// The pass over what clients share; only damaged state ends the daemon.
async fn pass_for_staff(
    desk: &mut Desk,
    params: &run::Params,
    templates: &Templates,
    surveyed: &Surveyed,
    clients: &State,
    clock: &impl Clock,
    stop: &CancellationToken,
) -> Result<(), StateError> {
    let Desk { client, state } = desk;
    match internal::pass(params, surveyed, clients.known(), templates, state, client, clock, stop).await {
        Ok(Internal { plan, applied, .. }) => {
            let (counts, applied) = (plan.counts(), applied.unwrap_or_default());
            tracing::info!(
                created = counts.get("create").copied().unwrap_or(0),
                updated = counts.get("update").copied().unwrap_or(0),
                held = plan.holds.len(),
                kept = plan.kept,
                failed = applied.failed.len(),
                untried = applied.untried.len(),
                "internal tickets looked after"
            );
            Ok(())
        }
        Err(RunError::State(error) | RunError::Recover(RecoverError::State(error))) => Err(error),
        Err(RunError::Recover(RecoverError::Stopped)) => Ok(()),
        Err(error) => {
            tracing::error!(error = %error, "internal tickets were not looked after; the next run tries again");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(up_s: u64) -> Moment {
        let at = Timestamp::from_second(1_795_000_000 + up_s.cast_signed()).unwrap();
        Moment { at, boot: "a".to_owned(), up_ms: up_s * 1000, there: None }
    }

    #[test]
    fn many_wishes_are_one_pass_a_little_later_and_not_too_soon_after_the_last() {
        let minute = SignedDuration::from_mins(1);
        let mut looks = Looks::default();
        let due = |looks: &Looks, up_s| looks.due_in(&second(up_s), minute).map(|wait| wait.as_secs());
        assert_eq!(due(&looks, 0), None, "nobody wished");
        looks.wish(second(10));
        assert_eq!(due(&looks, 10), Some(5));
        // A stream of wishes does not put it off.
        looks.wish(second(14));
        assert_eq!((due(&looks, 14), due(&looks, 15), due(&looks, 99)), (Some(1), Some(0), Some(0)));
        looks.looked(&second(15), second(40));
        assert_eq!(due(&looks, 40), None, "the pass has seen it");
        looks.wish(second(41));
        assert_eq!((due(&looks, 41), due(&looks, 99), due(&looks, 100)), (Some(59), Some(1), Some(0)));
        // A wish that came while the pass was made may be about what it no longer saw.
        looks.wish(second(100));
        looks.looked(&second(20), second(101));
        assert_eq!(due(&looks, 101), Some(60));
        assert_eq!(looks.due_in(&second(101), SignedDuration::ZERO), Some(SignedDuration::ZERO));
    }

    #[test]
    fn the_ledger_outlives_a_clock_that_is_ten_years_wrong_and_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        let daily = Schedule::parse("@daily", "UTC").unwrap();
        let started: Timestamp = "2027-06-01T12:00:00Z".parse().unwrap();
        let mut handled = Vec::new();
        for clock in [
            "2027-06-02T00:00:10Z",
            "2037-06-02T08:00:00Z",
            "2027-06-02T09:00:00Z",
            "2027-06-03T00:00:10Z",
            "2027-06-02T23:59:00Z",
            "2017-06-03T09:00:00Z",
            "2017-06-04T09:00:00Z",
            "2027-06-03T09:00:00Z",
            "2027-06-05T09:00:00Z",
        ] {
            let now: Timestamp = clock.parse().unwrap();
            if let Some(occurrence) = due(&state, RUN, &daily, started.min(now), now) {
                remember(&mut state, RUN, &occurrence, now).unwrap();
                handled.push(occurrence.nominal.date().to_string());
            }
            assert_eq!(due(&state, RUN, &daily, started.min(now), now), None, "{clock}");
            drop(state);
            state = State::open(folder.path()).unwrap();
        }
        assert_eq!(handled, ["2027-06-02", "2037-06-02", "2027-06-03", "2027-06-05"]);
        assert!(due(&state, REPORT, &daily, started, "2027-06-05T09:00:00Z".parse().unwrap()).is_some());
    }
}
