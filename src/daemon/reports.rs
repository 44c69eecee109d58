//! The report of the week that has ended: written, sent, and tried again for a day.

use jiff::{SignedDuration, Timestamp};

use super::Daemon;
use crate::{
    apply::Clock,
    deliver::{self, DeliverError, Delivery, Fate},
    report::Week,
    schedule::Occurrence,
    state::StateError,
};

/// Sending what a mail server or a chat refused, again and again for a day.
#[derive(Debug, Default)]
pub(super) struct Mailing {
    /// The week that is not everywhere yet, and when it was first tried.
    open: Option<(Week, Timestamp)>,
    /// When it was last tried.
    last: Option<Timestamp>,
}

impl Mailing {
    const PAUSE: SignedDuration = SignedDuration::from_mins(15);
    const GIVE_UP: SignedDuration = SignedDuration::from_hours(24);

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let rested = self.last.is_none_or(|last| now.duration_since(last) >= Self::PAUSE);
        self.open.is_some_and(|(_, first)| rested && now.duration_since(first) < Self::GIVE_UP)
    }

    /// Writes the report of the week before the occurrence, and sends it.
    pub(super) async fn begin(
        &mut self,
        daemon: &mut Daemon,
        clock: &impl Clock,
        occurrence: &Occurrence,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let week = Week::before(occurrence.at, &daemon.delivery.zone);
        self.open = Some((week, now));
        self.go_on(daemon, clock, now).await
    }

    pub(super) async fn go_on(
        &mut self,
        daemon: &mut Daemon,
        clock: &impl Clock,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let Some((week, _)) = self.open else { return Ok(()) };
        self.last = Some(now);
        match report(daemon, clock, week).await {
            Ok(deliveries) => {
                if !deliveries.iter().any(|it| matches!(it.fate, Fate::Refused(_) | Fate::Unsettled(_))) {
                    self.open = None;
                }
                Ok(())
            }
            Err(DeliverError::State(error)) => Err(error),
            Err(error) => {
                tracing::error!(week = %week, error = %error, "report not written");
                self.open = None;
                Ok(())
            }
        }
    }
}

/// Keeps and sends the report of a week: of all clients, and of each that somebody gets one of.
async fn report(daemon: &mut Daemon, clock: &impl Clock, week: Week) -> Result<Vec<Delivery>, DeliverError> {
    let (state, settings) = (daemon.state.directory().to_owned(), daemon.delivery.clone());
    let made = tokio::task::spawn_blocking(move || {
        let history = deliver::history(&state, week, &settings.zone)?;
        let mut paths = vec![deliver::save(&settings, &history, week, None)?];
        for client in settings.clients() {
            paths.push(deliver::save(&settings, &history, week, Some(client))?);
        }
        Ok::<_, DeliverError>((history, paths))
    });
    let (history, paths) = match made.await {
        Ok(made) => made?,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    for path in paths {
        tracing::info!(week = %week, file = %path.display(), "report written");
    }
    let Daemon { delivery, state, client, .. } = daemon;
    let deliveries = deliver::send(delivery, &history, week, state, Some((&*client, clock)), false).await?;
    for Delivery { to, fate } in &deliveries {
        match fate {
            Fate::Sent => tracing::info!(week = %week, to, "report sent"),
            Fate::SentBefore => {}
            Fate::Refused(why) => {
                tracing::warn!(week = %week, to, error = why, "report not sent; tried again for a day");
            }
            Fate::Unsettled(why) => {
                tracing::warn!(week = %week, to, error = why, "it is not known yet whether the report arrived; looked again");
            }
            Fate::InDoubt => tracing::error!(
                week = %week,
                to,
                "it is not known whether the report arrived; it is not sent again unless a person says so"
            ),
        }
    }
    Ok(deliveries)
}
