//! The daemon runs on its schedule and stops when it is told to.

#![cfg(unix)]

use std::{
    ffi::OsString,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use disputebot::{
    config::{Layers, Needs, Place, Settings},
    daemon::{Daemon, Wishes, serve_until},
    jira::Client,
    sandbox::{Effect, Fault, Mandatory, Matches, User},
    schedule::Schedule,
    state::{Known, State},
};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    crash::signal,
    running::{Running, blocking},
    sink::Sink,
    world::World,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_makes_a_pass_and_ends_well_on_sigterm_and_sigint() {
    for name in ["TERM", "INT"] {
        let world = World::new().await;
        let mut daemon = Running::start(world.command(&["daemon", "--now"]));
        blocking(move || {
            daemon.until("daemon started");
            daemon.until("run finished");
            daemon.end(name)
        })
        .await;
        world.assert_one_ticket_per_group(name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_says_at_its_start_what_would_fail_and_with_which_setting_it_would_not() {
    let world = World::new().await;
    world.sandbox.require_field("DISP", "assignee", Mandatory::Told).unwrap();
    let mut daemon = Running::start(world.command(&["daemon"]));
    let said = blocking(move || {
        let said = daemon.until("`Assignee` is demanded");
        daemon.end("TERM");
        said
    })
    .await;
    assert!(said.contains("a run would fail") && said.contains(r#"jira.fields.\"Assignee\""#), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_says_at_its_start_that_the_token_has_ended() {
    let world = World::new().await;
    world.write_config("token_expires = \"2026-01-15\"\n");
    let mut daemon = Running::start(world.command(&["daemon"]));
    let said = blocking(move || {
        let said = daemon.until("the token of Jira ended");
        daemon.end("TERM");
        said
    })
    .await;
    assert!(said.contains("days ago; make a new one, and set `jira.token_expires` to its day"), "{said}");
    assert!(said.contains("ends_day=2026-01-15"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_stopped_while_jira_hangs_ends_well_and_loses_nothing() {
    let world = World::new().await;
    world.sandbox.inject(Fault { nth: 2, matches: Matches::Writes, effect: Effect::HangAfterCommit });
    let mut child = world.spawn(&["daemon", "--now"]);
    world.reached().await;
    signal(child.id(), "TERM");
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("after a stop while Jira hangs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_in_the_same_folder_is_refused() {
    let world = World::new().await;
    let mut daemon = Running::start(world.command(&["daemon"]));
    let daemon = blocking(move || {
        daemon.until("daemon started");
        daemon
    })
    .await;
    world.expect(7, &["daemon"]).await;
    blocking(move || daemon.end("TERM")).await;
}

/// A daemon of this process, as the config says, that no schedule wakes.
fn own(world: &World, wishes: Wishes) -> Daemon {
    let place = Place { file: None, folder: world.path("") };
    let token = (OsString::from("DISPUTEBOT_JIRA_TOKEN"), OsString::from(User::bot().token));
    let layers = Layers::load(&place, vec![token], &[]).unwrap();
    let (settings, _) = Settings::read(&layers, Needs { source: true, jira: true }).unwrap();
    let seldom = || Schedule::parse("0 0 29 2 *", "UTC").unwrap();
    Daemon {
        templates: settings.compile().unwrap(),
        client: Client::new(settings.jira.clone().unwrap()).unwrap(),
        state: State::open(&settings.state).unwrap(),
        needs: disputebot::jira::Needs::default(),
        dashboard: None,
        params: settings.run,
        internal: None,
        tables: settings.tables,
        delivery: settings.delivery,
        run_schedule: seldom(),
        report_schedule: seldom(),
        at_once: false,
        wishes,
        min_interval: SignedDuration::ZERO,
        token_expires: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_looks_once_a_day_whether_a_run_would_work_and_not_with_each_pass() {
    let world = World::new().await;
    let looks = || world.sandbox.requests().iter().filter(|it| it.path.ends_with("/mypermissions")).count();
    let passes = || world.sandbox.requests().iter().filter(|it| it.path.ends_with("/search/jql")).count();
    let start: Timestamp = "2027-03-01T06:00:00Z".parse().unwrap();
    let day = SignedDuration::from_hours(24);
    // A second short of a day until a pass was made, and then a day.
    let clock = || match (looks(), passes()) {
        (0, _) => start,
        (1, 0) => start + (day - SignedDuration::from_secs(1)),
        _ => start + day,
    };
    let second = Matches::Ending { method: "GET".to_owned(), suffix: "/mypermissions".to_owned() };
    world.sandbox.inject(Fault { nth: 2, matches: second, effect: Effect::HangBeforeCommit });
    let (wishes, stop, looked) = (Wishes::default(), CancellationToken::new(), AtomicBool::new(false));
    wishes.wish();
    let served = Box::pin(serve_until(own(&world, wishes), &stop, &clock));
    let watched = async {
        let reached = tokio::time::timeout(Duration::from_mins(1), world.sandbox.reached()).await;
        looked.store(reached.is_ok(), Ordering::Relaxed);
        stop.cancel();
    };
    let (served, ()) = tokio::join!(served, watched);
    served.unwrap();
    assert!(looked.into_inner(), "it looked again after a day");
    let requests = world.sandbox.requests();
    let of = |path: &str| requests.iter().position(|it| it.path.ends_with(path)).unwrap();
    let again = requests.iter().rposition(|it| it.path.ends_with("/mypermissions")).unwrap();
    assert!(of("/mypermissions") < of("/search/jql") && of("/search/jql") < again);
}

/// A daemon that begins half a second before an instant, until it has sent a report.
async fn until_a_report_is_sent(world: &World, sink: Sink, start: &str) -> Sink {
    let start: Timestamp = start.parse().unwrap();
    // Its clock goes from when it looks at it first, however long it takes to get there.
    let began = OnceLock::new();
    let clock = || {
        let passed = began.get_or_init(Instant::now).elapsed();
        start + SignedDuration::try_from(passed).unwrap()
    };
    let monday = || Schedule::parse("0 7 * * 1", "America/New_York").unwrap();
    let daemon =
        Daemon { run_schedule: monday(), report_schedule: monday(), ..own(world, Wishes::default()) };
    let stop = CancellationToken::new();
    let served = Box::pin(serve_until(daemon, &stop, &clock));
    let sent = async {
        let sink = blocking(move || {
            sink.wait();
            sink
        })
        .await;
        stop.cancel();
        sink
    };
    let (served, sink) = tokio::join!(served, sent);
    served.unwrap();
    sink
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mondays_at_seven_a_daemon_makes_one_run_and_sends_one_report_also_over_changes_of_clocks_and_downtime()
 {
    let world = World::new().await;
    let mut sink = Sink::start();
    world.write_config(&format!(
        "[report.mail]\nserver = \"smtp://127.0.0.1:{}\"\nfrom = \"bot@example.com\"\nto = [\"lead@example.com\"]\n",
        sink.port
    ));
    let before = |at: &str| format!("{at}:59:59.5Z");
    // Clocks in New York go forward on 14 March 2027, so seven is an hour earlier by UTC on the second Monday. On the
    // fourth one nobody ran it; at noon of the fifth it is made up for once.
    for (nth, (start, week)) in [
        (before("2027-03-08T11"), "2027-W09"),
        (before("2027-03-15T10"), "2027-W10"),
        (before("2027-03-22T10"), "2027-W11"),
        ("2027-04-05T16:00:00Z".to_owned(), "2027-W13"),
    ]
    .iter()
    .enumerate()
    {
        sink = until_a_report_is_sent(&world, sink, start).await;
        let mails = sink.mails();
        assert_eq!(mails.len(), nth + 1, "{start}");
        assert!(mails[nth].contains(week), "{start}: {}", mails[nth]);
        let known = Known::read(&world.path("state")).unwrap();
        assert_eq!(known.runs.len(), nth + 1, "{start}");
    }
    world.assert_one_ticket_per_group("after four Mondays").await;
}
