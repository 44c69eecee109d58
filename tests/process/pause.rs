//! When Jira asks for patience: a run keeps it, and so does the next one.

use disputebot::sandbox::{Effect, Fault, Limits, Matches, RateLimit, Reason};
use serde_json::Value;

use crate::world::{World, disputes, text};

fn refuse(nth: usize, reason: Reason, wait_s: u32) -> Fault {
    let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
    Fault { nth, matches, effect: Effect::RateLimit(RateLimit::new(reason, wait_s)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_what_jira_refuses_for_a_short_time_and_then_opens_every_ticket_once() {
    let world = World::new().await;
    for (nth, reason) in [(2, Reason::Burst), (4, Reason::TenantQuota)] {
        world.sandbox.inject(refuse(nth, reason, 1));
    }
    let said = world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group(&said).await;
    assert!(world.sandbox.unused_faults().is_empty());
    let status: Value = serde_json::from_str(&world.expect(0, &["status", "--json"]).await).unwrap();
    assert_eq!((&status["paused_until"], &status["refused"]), (&Value::Null, &serde_json::json!([])));
    let seen = world.sandbox.requests().len();
    assert!(world.expect(0, &["run"]).await.starts_with("everything is up to date"));
    assert!(world.sandbox.requests().len() > seen, "nothing is kept of a silence that is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_jira_sends_away_for_long_ends_says_so_and_the_next_one_asks_nothing() {
    let world = World::new().await;
    world.sandbox.inject(refuse(3, Reason::TenantQuota, 900));
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("Jira asks to wait until 20"), "{said}");
    assert_eq!(world.sandbox.issues().len(), 2);
    let seen = world.sandbox.requests().len();
    let send = ["report", "--send", "--set", "report.jira.issue_type=Task"];
    for (code, arguments) in [(5, &["run"][..]), (5, &["plan"]), (5, &["run"]), (5, &["check"]), (6, &send)] {
        let output = world.run(arguments).await;
        let said = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains("Jira asks to wait until 20"), "{arguments:?}: {said}");
    }
    assert_eq!(world.sandbox.requests().len(), seen, "not one call in the silence, by any process");
    let status = world.expect(0, &["status"]).await;
    assert!(status.contains("paused      Jira asks to wait until 20"), "{status}");
    assert!(status.contains("(jira-quota-tenant-based)"), "{status}");
    let status: Value = serde_json::from_str(&world.expect(0, &["status", "--json"]).await).unwrap();
    assert!(status["paused_until"].as_str().unwrap().starts_with("20"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_jira_that_refuses_for_long_is_left_alone_by_the_next_process_too_and_the_rest_goes_on() {
    let world = World::new().await;
    let creates = || {
        let requests = world.sandbox.requests();
        requests.iter().filter(|request| request.method == "POST" && request.path.ends_with("/issue")).count()
    };
    world.sandbox.inject(refuse(3, Reason::Burst, 900));
    assert_eq!(world.run(&["run"]).await.status.code(), Some(6));
    assert_eq!((world.sandbox.issues().len(), creates()), (2, 3));
    let seen = world.sandbox.requests().len();
    let again = world.run(&["run"]).await;
    assert_eq!(again.status.code(), Some(6), "{}", text(&again.stderr));
    assert!(world.sandbox.requests().len() > seen, "the rest of Jira is asked");
    assert_eq!(creates(), 3, "another process asks no sooner than the first was told to");

    // Writes to one ticket: the other one is written to.
    let [one, other] = ["1", "2"].map(|number| format!("DISP-{number}"));
    let id = |key: &str| {
        let issues = world.sandbox.issues();
        let issue = issues.into_iter().find(|issue| issue["key"] == key).unwrap();
        issue["id"].as_str().unwrap().to_owned()
    };
    let edits = |key: &str| {
        let path = format!("/issue/{}", id(key));
        let requests = world.sandbox.requests();
        requests.iter().filter(|request| request.method == "PUT" && request.path.ends_with(&path)).count()
    };
    let matches = Matches::Ending { method: "PUT".to_owned(), suffix: format!("/issue/{}", id(&one)) };
    let effect = Effect::RateLimit(RateLimit::new(Reason::PerIssue, 900));
    world.sandbox.inject(Fault { nth: 1, matches, effect });
    let before = (edits(&one), edits(&other));
    let mut rows = disputes();
    for row in &mut rows {
        "2027-01-31".clone_into(&mut row.due_at);
        row.amount_disputed = format!("{}9", row.amount_disputed.split('.').next().unwrap_or_default());
    }
    world.write_disputes(&rows);
    for _ in 0..2 {
        world.run(&["run"]).await;
        assert_eq!(edits(&one), before.0 + 1, "refused once, and then left alone");
        assert_eq!(edits(&other), before.1 + 1);
    }
    assert!(world.sandbox.unused_faults().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_while_a_read_waits_keeps_the_wait_for_the_next_one() {
    for (reason, said) in
        [(Reason::Burst, "Jira asks for fewer calls"), (Reason::TenantQuota, "Jira asks to wait until 20")]
    {
        let world = World::new().await;
        world.expect(0, &["run"]).await;
        let matches = Matches::Ending { method: "GET".to_owned(), suffix: "/myself".to_owned() };
        let asked = || {
            let requests = world.sandbox.requests();
            requests.iter().filter(|request| request.path.ends_with("/myself")).count()
        };
        let seen = asked();
        let effect = Effect::RateLimit(RateLimit::new(reason, 90));
        world.sandbox.inject(Fault { nth: 1, matches, effect });
        let mut child = world.spawn(&["run"]);
        while !world.path("state/waits.json").exists() {
            assert_eq!(child.try_wait().unwrap(), None, "the run ended without waiting");
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(asked(), seen + 1);
        let again = world.run(&["run", "--set", "jira.longest_wait=5s"]).await;
        let told = text(&again.stderr);
        assert_eq!(again.status.code(), Some(5), "{told}");
        assert!(told.contains(said), "{told}");
        assert_eq!(asked(), seen + 1, "another process asks no sooner than the first was told to: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_killed_while_another_write_has_no_answer_keeps_the_wait_of_the_one_that_has() {
    let world = World::new().await;
    let to = |suffix: &str| Matches::Ending { method: "POST".to_owned(), suffix: suffix.to_owned() };
    let refused = Effect::RateLimit(RateLimit::new(Reason::PerIssue, 900));
    for (nth, effect) in [(1, refused), (1, Effect::HangBeforeCommit)] {
        world.sandbox.inject(Fault { nth, matches: to("/attachments"), effect });
    }
    let mut child = world.spawn(&["run"]);
    while !world.path("state/waits.json").exists() {
        assert_eq!(child.try_wait().unwrap(), None, "the run ended without a word of the wait");
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let requests = world.sandbox.requests();
    let shut = requests.iter().find(|request| request.status == Some(429)).unwrap().path.clone();
    let asked = || world.sandbox.requests().iter().filter(|request| request.path == shut).count();
    assert_eq!(asked(), 1);
    let again = world.run(&["run", "--set", "jira.longest_wait=5s"]).await;
    assert_eq!(again.status.code(), Some(6), "{}", text(&again.stderr));
    assert_eq!(asked(), 1, "another process writes no sooner to the ticket than the first was told to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_limits_of_cloud_switched_on_a_run_is_never_refused() {
    let world = World::new().await;
    world.sandbox.set_limits(Limits { per_issue: true, burst: true, told: true });
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("within the limits").await;
    let seen = world.sandbox.requests().len();
    let mut rows = disputes();
    for row in &mut rows {
        "2027-01-31".clone_into(&mut row.due_at);
        row.amount_disputed = format!("{}9", row.amount_disputed.split('.').next().unwrap_or_default());
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let refused = world.sandbox.requests().iter().filter(|request| request.status == Some(429)).count();
    assert_eq!(refused, 0);
    // What a group needs of its ticket goes into few writes: all fields, labels and the mark into one.
    let mut writes = std::collections::BTreeMap::new();
    for request in world.sandbox.requests()[seen..].iter().filter(|request| request.method == "PUT") {
        *writes.entry(request.path.clone()).or_insert(0) += 1;
    }
    writes.retain(|path, _| path.contains("/issue/"));
    assert!(writes.len() > world.sandbox.issues().len() / 2, "tickets were edited: {writes:?}");
    assert!(writes.values().all(|count| *count == 1), "{writes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_stays_out_of_the_log_the_answers_and_the_state_whatever_happens() {
    let world = World::new().await;
    world.write_config("token_expires = \"2020-01-01\"\n");
    world.sandbox.set_chaos(7, 10);
    let token = disputebot::sandbox::User::bot().token;
    let mut said = String::new();
    for arguments in [
        &["run"][..],
        &["run"],
        &["check"],
        &["check", "--settings"],
        &["plan", "--full"],
        &["status"],
        &["state", "export"],
    ] {
        let mut command = world.command(arguments);
        command.env("DISPUTEBOT_LOG", "trace");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        said.push_str(&text(&output.stdout));
        said.push_str(&text(&output.stderr));
    }
    assert!(
        said.contains("the token of Jira ended on 2020-01-01"),
        "check and status tell of its end: {said}"
    );
    assert!(!said.contains(&token), "the token is told");
    let mut folders = vec![world.path("state")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            files += 1;
            let bytes = std::fs::read(entry.path()).unwrap();
            let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            assert!(!found, "{} holds the token", entry.path().display());
        }
    }
    assert!(files > 2);
    for request in world.sandbox.requests() {
        let request = format!("{} {} {}", request.path, request.query, request.body);
        assert!(!request.contains(&token), "{request}");
    }
}
