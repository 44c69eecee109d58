//! The daemon runs on its schedule and stops when it is told to.

#![cfg(unix)]

use std::{
    ffi::OsString,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use disputebot::{
    config::{Layers, Needs, Place, Settings},
    daemon::{Daemon, Wishes, serve_until},
    jira::Client,
    sandbox::{Effect, Fault, Mandatory, Matches, User},
    schedule::Schedule,
    state::State,
};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::{
    crash::signal,
    running::{Running, blocking},
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
async fn a_daemon_stopped_while_jira_hangs_ends_well_and_loses_nothing() {
    let world = World::new().await;
    world.sandbox.inject(Fault { nth: 2, matches: Matches::Writes, effect: Effect::HangAfterCommit });
    let mut child = world.spawn(&["daemon", "--now"]);
    world.sandbox.reached().await;
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
