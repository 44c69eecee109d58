//! The report beside the tickets: it names their owners, and an issue that holds it is none of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use disputebot::sandbox::User;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{
    people::person,
    world::{World, disputes, text},
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

/// Keys of the issues that a filter takes.
fn keys(issues: &[Value], wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    issues
        .iter()
        .filter(|issue| wanted(issue))
        .map(|issue| issue["key"].as_str().unwrap().to_owned())
        .collect()
}

fn is_done(issue: &Value) -> bool {
    issue["fields"]["status"]["statusCategory"]["key"] == "done"
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_are_those_that_jira_holds() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    // Half of the causes is settled: their disputes are gone from the next file.
    let groups = world.groups().await;
    // In the order of their members: ids of groups are random.
    let mut members: Vec<BTreeSet<String>> =
        groups.values().map(|group| strings(&group["group"]["members"])).collect();
    members.sort();
    let gone: BTreeSet<String> = members[groups.len() / 2..].iter().flatten().cloned().collect();
    let mut rows: Vec<_> = disputes().into_iter().filter(|row| !gone.contains(&row.dispute_id)).collect();
    // Half of what is left is due soon, whatever the day on which this test runs.
    let soon = Timestamp::now().to_zoned_datetime(TimeZone::UTC).date().saturating_add(3.days());
    let half = rows.len() / 2;
    for row in &mut rows[..half] {
        row.due_at = soon.to_string();
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    let report: Value = serde_json::from_str(&world.expect(0, &["report", "--json"]).await).unwrap();

    // Flow: what Jira shows as opened and as done.
    let (all, done) = (keys(&issues, |_| true), keys(&issues, is_done));
    assert!(!done.is_empty() && done.len() < all.len());
    assert_eq!(strings(&report["written"]["opened"]), all);
    assert_eq!(strings(&report["written"]["closed"]), done);
    assert_eq!(report["tickets"]["opened"], all.len());
    assert_eq!(report["tickets"]["closed"], done.len());
    assert_eq!(report["flow"]["after"], all.len() - done.len());

    // Disputes: those that the marks of open issues say they have.
    let of = |issue: &Value| issue["properties"]["disputebot"]["of"].as_u64().unwrap();
    let open: Vec<&Value> = issues.iter().filter(|issue| !is_done(issue)).collect();
    assert_eq!(report["grouped"].as_u64(), Some(open.iter().map(|issue| of(issue)).sum()));
    for top in report["top"].as_array().unwrap() {
        let issue = open.iter().find(|issue| issue["key"] == top["key"]).unwrap();
        assert_eq!(top["figures"]["disputes"].as_u64(), Some(of(issue)), "{top}");
        assert_eq!(top["figures"]["due"], issue["fields"]["duedate"], "{top}");
    }

    // Deadlines: on each day of the two weeks the report names the issues that are due on it.
    let days: BTreeMap<String, BTreeSet<String>> = report["deadlines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deadline| (deadline["day"].as_str().unwrap().to_owned(), strings(&deadline["stake"]["keys"])))
        .collect();
    let of_soon = keys(&issues, |issue| !is_done(issue) && issue["fields"]["duedate"] == soon.to_string());
    assert!(!of_soon.is_empty());
    assert!(days[&soon.to_string()].is_superset(&of_soon), "{days:?} and {of_soon:?}");
    for (day, named) in &days {
        let then = keys(&issues, |issue| !is_done(issue) && issue["fields"]["duedate"] == *day);
        assert!(named.is_superset(&then), "{day}: {named:?} and {then:?}");
    }

    // Money and units: once more from the file itself.
    let mut units: BTreeMap<String, Decimal> = BTreeMap::new();
    let (mut open_rows, mut money) = (0, [Decimal::ZERO; 2]);
    for row in rows.iter().filter(|row| OPEN.contains(&row.status.as_str())) {
        open_rows += 1;
        if let Ok(count) = row.units_disputed.parse::<Decimal>() {
            // Units of no known type are not added.
            let (unit, count) = match row.unit_type.as_str() {
                "" => ("untyped", Decimal::ONE),
                unit => (unit, count),
            };
            *units.entry(unit.to_owned()).or_default() += count;
        }
        let is_paid = PAID.contains(&row.program.as_str());
        money[usize::from(is_paid)] += row.amount_disputed.parse::<Decimal>().unwrap_or_default();
    }
    assert_eq!(report["total"]["disputes"], open_rows);
    for (unit, count) in &units {
        let shown: Decimal = report["total"]["units"][unit].as_str().unwrap().parse().unwrap();
        assert_eq!(shown, *count, "{unit}");
    }
    let two_digits = |amount: Decimal| {
        amount
            .round_sf_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
            .unwrap()
            .normalize()
    };
    let [exposed, recoverable] = ["exposed", "recoverable"]
        .map(|kind| report["total"][kind].as_str().unwrap().parse::<Decimal>().unwrap());
    assert_eq!([exposed, recoverable], money.map(two_digits));
    assert!(money.iter().all(|part| *part > Decimal::ZERO) && !units.is_empty());
}

/// Programs that pay what is in dispute, and have it back where they are right.
const PAID: [&str; 3] = ["340b", "part_d_mdp", "cgdp"];

/// What `source.open_statuses` takes for open.
const OPEN: [&str; 4] = ["", "open", "pre_dispute", "formal_dispute"];
