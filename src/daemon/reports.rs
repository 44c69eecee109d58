//! The report of the week that has ended: written, sent, and tried again for a day.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::REPORT;
use crate::{
    apply::Clock,
    deliver::{self, DeliverError, Delivery, Fate},
    jira::Client,
    report::Week,
    state::{State, StateError},
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

    /// What an earlier process left to be sent: the report of its last occurrence, where somebody lacks it. Its day
    /// began with that occurrence, so that restarts do not prolong it.
    pub(super) fn resumed(state: &State, zone: &TimeZone) -> Self {
        let known = state.known();
        let reports = known.schedules.values().filter(|ran| ran.schedule.split(' ').next() == Some(REPORT));
        let last = reports.map(|ran| ran.at).max();
        let open = last
            .map(|at| (Week::before(at, zone), at))
            .filter(|(week, _)| deliver::is_unfinished(known, *week));
        Self { open, last: None }
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let rested = self.last.is_none_or(|last| now.duration_since(last) >= Self::PAUSE);
        self.open.is_some_and(|(_, first)| rested && now.duration_since(first) < Self::GIVE_UP)
    }

    /// Writes the report of the week before an occurrence, and sends it.
    pub(super) async fn begin(
        &mut self,
        delivery: &deliver::Settings,
        state: &mut State,
        client: &Client,
        clock: &impl Clock,
        occurrence: Timestamp,
        now: Timestamp,
    ) -> Result<(), StateError> {
        self.open = Some((Week::before(occurrence, &delivery.zone), now));
        self.go_on(delivery, state, client, clock, now).await
    }

    pub(super) async fn go_on(
        &mut self,
        delivery: &deliver::Settings,
        state: &mut State,
        client: &Client,
        clock: &impl Clock,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let Some((week, _)) = self.open else { return Ok(()) };
        self.last = Some(now);
        match report(delivery, state, client, clock, week).await {
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
async fn report(
    delivery: &deliver::Settings,
    state: &mut State,
    client: &Client,
    clock: &impl Clock,
    week: Week,
) -> Result<Vec<Delivery>, DeliverError> {
    let (directory, settings) = (state.directory().to_owned(), delivery.clone());
    let made = tokio::task::spawn_blocking(move || {
        let history = deliver::history(&directory, week, &settings.zone)?;
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
    let deliveries = deliver::send(delivery, &history, week, state, Some((client, clock)), false).await?;
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

#[cfg(test)]
#[path = "../../tests/shared/sink.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod sink;

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tempfile::TempDir;

    use super::{
        sink::{Mood, Sink},
        *,
    };
    use crate::{
        apply::SystemClock,
        deliver::{Mailer, Recipient, address},
        jira::{Credentials, Settings},
        report::Links,
        state::{Change, Ran},
    };

    /// Half past midnight on a Monday in New York, which is still Sunday further west and long Monday in UTC.
    const MONDAY: &str = "2026-11-23T05:30:00Z";

    struct World {
        folder: TempDir,
        sink: Sink,
        state: State,
        delivery: deliver::Settings,
        client: Client,
    }

    impl World {
        fn new() -> Self {
            let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::start());
            let mailer = Mailer::new(
                &format!("smtp://127.0.0.1:{}", sink.port),
                address("bot@example.com").unwrap(),
                None,
            );
            let to = |client: Option<&str>, address: &str| Recipient {
                client: client.map(str::to_owned),
                address: address.to_owned(),
            };
            let delivery = deliver::Settings {
                folder: folder.path().join("reports"),
                zone: TimeZone::get("America/New_York").unwrap(),
                links: Links::default(),
                mail: Some(mailer.unwrap()),
                recipients: vec![to(None, "lead@example.com"), to(Some("Example Pharma B"), "b@example.com")],
                chat: None,
                jira: Vec::new(),
                settle: SignedDuration::from_mins(5),
            };
            let jira = Settings::new(
                "http://127.0.0.1:1".parse().unwrap(),
                Credentials::Bearer(SecretString::from("none")),
                "DISP",
            );
            let state = State::open(&folder.path().join("state")).unwrap();
            Self { state, delivery, client: Client::new(jira).unwrap(), folder, sink }
        }

        /// The state as the next process finds it.
        fn restarted(self) -> (Self, Mailing) {
            let Self { folder, sink, state, delivery, client } = self;
            drop(state);
            let state = State::open(&folder.path().join("state")).unwrap();
            let mailing = Mailing::resumed(&state, &delivery.zone);
            (Self { folder, sink, state, delivery, client }, mailing)
        }

        async fn begin(&mut self, mailing: &mut Mailing, now: Timestamp) {
            let Self { state, delivery, client, .. } = self;
            mailing.begin(delivery, state, client, &SystemClock, monday(), now).await.unwrap();
        }

        async fn go_on(&mut self, mailing: &mut Mailing, now: Timestamp) {
            let Self { state, delivery, client, .. } = self;
            mailing.go_on(delivery, state, client, &SystemClock, now).await.unwrap();
        }

        /// What the loop records after the first attempt.
        fn remember(&mut self) {
            let ran =
                Ran { schedule: format!("{REPORT} 2026-11-23"), id: "2026-11-23".to_owned(), at: monday() };
            self.state.record(monday(), &[Change::Occurrence(ran)]).unwrap();
        }

        fn files(&self) -> Vec<String> {
            let files = std::fs::read_dir(self.folder.path().join("reports")).unwrap();
            let mut names: Vec<String> =
                files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    fn monday() -> Timestamp {
        MONDAY.parse().unwrap()
    }

    fn after(hours: i64, minutes: i64) -> Timestamp {
        monday() + SignedDuration::from_mins(60 * hours + minutes)
    }

    #[tokio::test]
    async fn the_week_that_ended_where_the_team_is_goes_to_all_and_each_client_has_a_page() {
        let mut world = World::new();
        let mut mailing = Mailing::default();
        world.begin(&mut mailing, monday()).await;
        assert!(!mailing.is_due(after(1, 0)), "everybody has it");
        let files = world.files();
        assert_eq!(files.len(), 2, "{files:?}");
        assert!(files[0].starts_with("disputes-2026-W47-example-pharma-b-"), "{files:?}");
        assert_eq!(files[1], "disputes-2026-W47.html");
        let mails = world.sink.mails();
        assert_eq!(mails.len(), 2);
        assert!(mails.iter().all(|mail| mail.contains("2026-W47")), "{mails:?}");
    }

    #[tokio::test]
    async fn what_is_refused_is_tried_every_quarter_of_an_hour_for_a_day() {
        let mut world = World::new();
        world.sink.be(Mood::Refusing);
        let mut mailing = Mailing::default();
        world.begin(&mut mailing, monday()).await;
        assert!(!mailing.is_due(after(0, 14)) && mailing.is_due(after(0, 15)));
        world.go_on(&mut mailing, after(0, 15)).await;
        assert!(!mailing.is_due(after(0, 29)) && mailing.is_due(after(0, 30)));
        assert!(mailing.is_due(after(23, 59)) && !mailing.is_due(after(24, 0)));
        world.sink.be(Mood::Kind);
        world.go_on(&mut mailing, after(1, 0)).await;
        assert!(!mailing.is_due(after(2, 0)), "everybody has it");
        world.go_on(&mut mailing, after(2, 0)).await;
        assert_eq!(world.sink.mails().len(), 2);
    }

    #[tokio::test]
    async fn what_is_refused_is_tried_again_by_the_next_process_until_its_day_is_over() {
        let mut world = World::new();
        world.sink.be(Mood::Refusing);
        world.begin(&mut Mailing::default(), monday()).await;
        world.remember();
        let (mut world, mut mailing) = world.restarted();
        assert!(mailing.is_due(after(3, 0)) && !mailing.is_due(after(24, 0)));
        world.sink.be(Mood::Kind);
        world.go_on(&mut mailing, after(3, 0)).await;
        assert_eq!(world.sink.mails().len(), 2);
        let (world, mailing) = world.restarted();
        assert!(!mailing.is_due(after(4, 0)), "nothing is left");
        assert_eq!(world.sink.mails().len(), 2);
    }

    #[tokio::test]
    async fn a_restart_before_the_occurrence_was_recorded_sends_nothing_twice() {
        let mut world = World::new();
        world.begin(&mut Mailing::default(), monday()).await;
        let (mut world, mut mailing) = world.restarted();
        assert!(!mailing.is_due(monday()), "what was never recorded is begun by its schedule");
        world.begin(&mut mailing, after(0, 1)).await;
        assert_eq!(world.sink.mails().len(), 2);
        assert_eq!(world.files().len(), 2);
    }
}
