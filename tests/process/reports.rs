//! The report beside the tickets: it names their owners, and an issue that holds it is none of them.

use std::fs;

use disputebot::sandbox::User;
use serde_json::{Value, json};

use crate::{
    people::person,
    world::{World, text},
};

fn of_a_report(issue: &Value) -> bool {
    !issue["properties"]["disputebot-report"].is_null()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_names_the_owners_that_jira_shows_and_nobody_where_there_is_none() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let report = async || {
        let report: Value = serde_json::from_str(&world.expect(0, &["report", "--json"]).await).unwrap();
        report["top"].as_array().unwrap().clone()
    };
    let (first, second) = (0, 1);
    let before = report().await;
    assert!(before.iter().all(|group| group["owner"].is_null()), "nobody was asked yet: {before:?}");
    let key = before[first]["key"].as_str().unwrap();
    let path = format!("/rest/api/3/issue/{key}/assignee");
    person(&world, "PUT", &path, json!({ "accountId": User::analyst().account_id })).await;
    world.expect(0, &["run"]).await;
    let after = report().await;
    assert_eq!((&after[first]["owner"], &after[second]["owner"]), (&json!("Example Analyst"), &Value::Null));
    let page = world.expect(0, &["report", "--format", "markdown"]).await;
    assert!(page.contains("| Example Analyst |") && page.contains("| unassigned |"), "{page}");
    let writes = world.writes();
    person(&world, "PUT", &path, json!({ "accountId": null })).await;
    world.expect(0, &["run"]).await;
    assert_eq!(
        world.writes(),
        writes + 1,
        "an assignee is looked at and never written; one write is the person's"
    );
    assert!(report().await[first]["owner"].is_null(), "what Jira shows no more is not told any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filed_report_is_neither_swept_nor_rebuilt_as_a_ticket() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let send = ["report", "--send", "--set", "report.jira.issue_type=Task"];
    let sent = world.run(&send).await;
    assert!(text(&sent.stderr).contains("sent to Jira (issue in DISP)"), "{}", text(&sent.stderr));
    let again = world.run(&send).await;
    assert!(text(&again.stderr).contains("has it already"), "{}", text(&again.stderr));
    let (groups, issues) = (world.groups().await, world.sandbox.issues());
    assert_eq!(issues.iter().filter(|issue| of_a_report(issue)).count(), 1);
    assert_eq!(issues.len(), groups.len() + 1);
    let swept = world.run(&["run"]).await;
    assert!(!text(&swept.stderr).contains("no mark of a group"), "{}", text(&swept.stderr));
    fs::remove_dir_all(world.path("state")).unwrap();
    let told: Value =
        serde_json::from_str(&world.expect(0, &["state", "rebuild", "--from", "jira", "--json"]).await)
            .unwrap();
    assert_eq!(told["tickets"], groups.len(), "the report is not counted among the tickets");
    world.expect(0, &["run"]).await;
    assert_eq!(world.groups().await.len(), groups.len());
    let after = world.sandbox.issues();
    assert_eq!(after.len(), issues.len());
    let report = |issues: &[Value]| issues.iter().find(|issue| of_a_report(issue)).cloned();
    assert_eq!(report(&after), report(&issues), "nothing was written to it");
    // The state that filed it is gone.
    world.expect(0, &send).await;
    assert_eq!(world.sandbox.issues().len(), issues.len());
}
