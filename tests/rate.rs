//! The client keeps to Jira's limits, and to what Jira says when it refuses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/contract.rs"]
mod contract;
#[path = "common/judged.rs"]
mod judged;

use std::time::{Duration, Instant};

use disputebot::{
    jira::{Cause, Client, Credentials, Outcome, Paper, Settings},
    plan::Issue,
    sandbox::{
        self, Effect, Family, Fault, Limits, Matches, Options, RateLimit, Reason, Sandbox, Told, User,
    },
    ticket::list::Attached,
};
use jiff::{SignedDuration, Timestamp};
use judged::Judged;

async fn world(longest_wait: Duration) -> (Judged, Client) {
    let sandbox = Judged(sandbox::start(Options::default()).await.unwrap());
    let bot = User::bot();
    let credentials = Credentials::Basic { user: bot.email, token: bot.token.into() };
    let settings = Settings::new(sandbox.base_url().parse().unwrap(), credentials, "DISP");
    (sandbox, Client::new(Settings { longest_wait, ..settings }).unwrap())
}

fn sign_in() -> Matches {
    Matches::Ending { method: "GET".to_owned(), suffix: "/myself".to_owned() }
}

fn refuse_next(sandbox: &Sandbox, matches: Matches, limit: RateLimit) {
    sandbox.inject(Fault { nth: 1, matches, effect: Effect::RateLimit(limit) });
}

#[tokio::test]
async fn what_may_be_repeated_waits_as_long_as_jira_asks_in_every_form_and_is_sent_once_more() {
    let one_second = [
        RateLimit::new(Reason::TenantQuota, 1),
        RateLimit { told: Told::Date, ..RateLimit::new(Reason::Burst, 2) },
        RateLimit { told: Told::Nothing, ..RateLimit::new(Reason::GlobalQuota, 1) },
        RateLimit { family: Family::DataCenter, html: true, ..RateLimit::new(Reason::Burst, 1) },
        RateLimit { family: Family::Bare, ..RateLimit::new(Reason::Burst, 1) },
    ];
    let calls = one_second.map(async |limit| {
        let (sandbox, client) = world(Duration::from_secs(10)).await;
        client.sign_in().await.unwrap();
        let before = sandbox.requests().len();
        refuse_next(&sandbox, sign_in(), limit.clone());
        let began = Instant::now();
        client.sign_in().await.unwrap();
        // A date has whole seconds, so of the second of two a part may be over.
        assert!(began.elapsed() >= Duration::from_millis(990), "{limit:?}: {:?}", began.elapsed());
        let statuses: Vec<_> = sandbox.requests()[before..].iter().map(|request| request.status).collect();
        assert_eq!(statuses, [Some(429), Some(200)], "{limit:?}");
        assert!(sandbox.unused_faults().is_empty());
    });
    for call in calls {
        call.await;
    }
}

#[tokio::test]
async fn a_wait_longer_than_configured_ends_the_work_with_its_end_named_and_nothing_more_is_sent() {
    let (sandbox, client) = world(Duration::from_mins(1)).await;
    client.sign_in().await.unwrap();
    let before = sandbox.requests().len();
    let now = Timestamp::now();
    let apart = client.time().unwrap().duration_since(now).abs();
    assert!(apart <= SignedDuration::from_secs(5), "what time it is there, as the answers tell: {apart:?}");
    refuse_next(&sandbox, sign_in(), RateLimit::new(Reason::TenantQuota, 600));
    let errors = [client.sign_in().await.unwrap_err(), client.highest_number_of("DISP").await.unwrap_err()];
    for error in errors {
        let Cause::Paused { until } = error.cause else { panic!("{error:?}") };
        let wait = until.duration_since(now).as_secs();
        assert!((600..=790).contains(&wait), "{wait}");
        assert!(error.to_string().starts_with("Jira asks to wait until 20"), "{error}");
        assert!(error.is_fatal() && error.is_unexecuted() && error.hint().is_some());
    }
    assert!(client.make_room(None).await.is_err());
    assert_eq!(sandbox.requests().len(), before + 1, "one call, which was refused");
    assert_eq!(client.silence().unwrap().reason, "jira-quota-tenant-based");
    // The same holds in another process that was told of it.
    let (elsewhere, fresh) = world(Duration::from_mins(1)).await;
    fresh.keep_silent(SignedDuration::from_mins(10), "jira-quota-tenant-based");
    assert!(matches!(fresh.sign_in().await.unwrap_err().cause, Cause::Paused { .. }));
    assert_eq!(elsewhere.requests(), []);
}

#[tokio::test]
async fn a_refusal_for_one_issue_or_one_endpoint_leaves_the_rest_alone() {
    let issue = |id: &str| Issue { id: id.to_owned(), key: format!("DISP-{id}") };
    let (sandbox, client) = world(Duration::from_mins(1)).await;
    client.sign_in().await.unwrap();
    // An edit that may be repeated would wait longer than configured, so it ends.
    refuse_next(&sandbox, Matches::Writes, RateLimit::new(Reason::PerIssue, 90));
    let refused = client.relabel(&issue("10001"), "x", true).await.unwrap_err();
    assert!(refused.is_busy() && !refused.is_fatal(), "{refused:?}");
    assert_eq!(client.silence(), None);
    let asked = sandbox.requests().len();
    assert!(client.make_room(Some(&issue("10001"))).await.unwrap_err().is_busy());
    assert!(client.relabel(&issue("10001"), "x", true).await.is_err());
    assert_eq!(sandbox.requests().len(), asked, "nothing more is sent to that issue");
    client.make_room(Some(&issue("10002"))).await.unwrap();
    client.sign_in().await.unwrap();
    // The address of an attachment does not name its issue, whose limit it falls under all the same.
    let list = Attached { id: "1".to_owned(), name: "a.csv".to_owned() };
    refuse_next(&sandbox, Matches::Writes, RateLimit::new(Reason::PerIssue, 90));
    assert!(client.detach(&issue("10003"), &list).await.unwrap_err().is_busy());
    let asked = sandbox.requests().len();
    assert!(client.make_room(Some(&issue("10003"))).await.unwrap_err().is_busy());
    assert!(client.relabel(&issue("10003"), "x", true).await.unwrap_err().is_busy());
    assert_eq!(sandbox.requests().len(), asked);
    client.make_room(Some(&issue("10002"))).await.unwrap();
}

#[tokio::test]
async fn more_writes_to_one_issue_than_its_limit_has_room_for_wait_and_none_is_refused() {
    let (sandbox, client) = world(Duration::from_mins(1)).await;
    sandbox.set_limits(Limits { per_issue: true, burst: true, told: true });
    let paper = Paper { project: "DISP", issue_type: "Task", name: "a", summary: "A report", body: &[] };
    let Outcome::Done(issue) = client.file(&paper).await else { panic!("it is opened") };
    let began = Instant::now();
    for number in 0..25 {
        client.relabel(&issue, &format!("x{number}"), true).await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    let refused = sandbox.requests().iter().filter(|request| request.status == Some(429)).count();
    assert_eq!((refused, sandbox.issues()[0]["fields"]["labels"].as_array().unwrap().len()), (0, 27));
}

#[tokio::test]
async fn what_is_repeated_is_repeated_four_times_at_most() {
    let (sandbox, client) = world(Duration::from_mins(1)).await;
    client.sign_in().await.unwrap();
    let before = sandbox.requests().len();
    for nth in 1..=5 {
        let limit = RateLimit::new(Reason::TenantQuota, 0);
        sandbox.inject(Fault { nth, matches: sign_in(), effect: Effect::RateLimit(limit) });
    }
    assert!(client.sign_in().await.unwrap_err().is_busy());
    assert_eq!(sandbox.requests().len(), before + 5);
}
