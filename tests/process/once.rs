//! Exactly one ticket, whatever happened to the state, to the project, or to the ticket.

use std::fs;

use disputebot::sandbox::{
    Deed, Due, Effect, Fault, Index, Matches, Options, Permission, Recorded, Reply, User, Visit,
};
use serde_json::{Value, json};

use crate::{
    routes::lead,
    world::{World, disputes, text},
};

fn create() -> Matches {
    Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() }
}

const CLAIM: &str = "/properties/disputebot";

fn claim() -> Matches {
    Matches::Ending { method: "PUT".to_owned(), suffix: CLAIM.to_owned() }
}

/// Keys of all issues.
fn keys(world: &World) -> Vec<String> {
    world.sandbox.issues().iter().map(|issue| issue["key"].as_str().unwrap().to_owned()).collect()
}

fn labels(issue: &Value) -> Vec<&str> {
    issue["fields"]["labels"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

/// Copies the state as a backup of files would.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_lost_is_rebuilt_from_jira_and_nothing_is_created_again() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (before, groups) = (keys(&world), world.groups().await);
    fs::remove_dir_all(world.path("state")).unwrap();
    let refused = world.run(&["run"]).await;
    assert_eq!(refused.status.code(), Some(5), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("run --take-over"), "{}", text(&refused.stderr));
    let told: Value =
        serde_json::from_str(&world.expect(0, &["state", "rebuild", "--from", "jira", "--json"]).await)
            .unwrap();
    assert_eq!(told["tickets"], before.len());
    world.expect(0, &["run"]).await;
    assert_eq!(keys(&world), before);
    let again: Vec<String> = world.groups().await.into_keys().collect();
    assert_eq!(again, groups.into_keys().collect::<Vec<_>>(), "every group is known again under its id");
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(
        world.writes(),
        writes,
        "what was written before the loss is known, so nothing is written again"
    );
    world.assert_one_ticket_per_group("after the loss").await;
    let report: Value = serde_json::from_str(&world.expect(0, &["report", "--json"]).await).unwrap();
    assert_eq!(report["tickets"]["opened"], 0, "what is found again was not opened now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_old_state_is_noticed_and_its_tickets_are_found_again() {
    let world = World::new().await;
    world.expect(0, &["run", "--set", "plan.max_new_tickets=3"]).await;
    world.expect(0, &["state", "backup", "old.jsonl.gz"]).await;
    copy(&world.path("state"), &world.path("copied"));
    world.expect(0, &["run"]).await;
    let all = keys(&world);
    assert!(all.len() > 3);
    copy(&world.path("copied"), &world.path("again"));

    // By disputebot, and by whoever copies folders.
    world.expect(0, &["state", "restore", "old.jsonl.gz"]).await;
    world.expect(0, &["run"]).await;
    assert_eq!(keys(&world), all, "after a restore");
    fs::remove_dir_all(world.path("state")).unwrap();
    fs::rename(world.path("copied"), world.path("state")).unwrap();
    world.expect(0, &["run"]).await;
    assert_eq!(keys(&world), all, "after a folder was put back");
    // The search shows nothing of what is new, so that the record on the project alone tells.
    world.sandbox.set_index(Index::Frozen);
    fs::remove_dir_all(world.path("state")).unwrap();
    fs::rename(world.path("again"), world.path("state")).unwrap();
    world.expect(0, &["run", "--set", "jira.create_settle=5m"]).await;
    let status: Value = serde_json::from_str(&world.expect(0, &["status", "--json"]).await).unwrap();
    let reason = status["doubt"]["reason"].as_str().unwrap();
    assert!(reason.contains("ends before record"), "{status}");
    world.expect(0, &["run"]).await;
    assert_eq!(keys(&world), all, "after an anchor was missed");
    world.assert_one_ticket_per_group("old state").await;
    world.expect(0, &["state", "verify"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cause_whose_ticket_comes_late_to_a_restored_state_has_that_ticket_and_no_second_one() {
    let world = World::new().await;
    let all = disputes();
    let first: Vec<_> = all.iter().filter(|row| row.manufacturer == all[0].manufacturer).cloned().collect();
    world.write_disputes(&first);
    world.expect(0, &["run"]).await;
    world.expect(0, &["state", "backup", "old.jsonl.gz"]).await;
    let known = keys(&world).len();
    world.write_disputes(&all);
    // Several, since ids are random: of two groups with the same disputes either may win.
    for nth in 1..=4 {
        let effect = Effect::Late { reply: Reply::Close, due: Due::Released };
        world.sandbox.inject(Fault { nth, matches: create(), effect });
    }
    world.expect(6, &["run", "--set", "jira.create_settle=5m"]).await;
    assert!(keys(&world).len() >= known);
    world.expect(0, &["state", "restore", "old.jsonl.gz"]).await;
    // The first reading: the groups of the second client are not known, and some of their tickets are not there yet.
    world.expect(0, &["run", "--set", "jira.create_settle=5m"]).await;
    let groups = world.groups().await;
    let without: Vec<&String> = groups
        .iter()
        .filter(|(_, group)| group["ticket"]["link"]["issue"].is_null())
        .map(|(id, _)| id)
        .collect();
    assert!(without.is_empty(), "minted for causes whose tickets are still to be found: {without:?}");
    assert_eq!(world.sandbox.release_late().len(), 4);
    let tickets = keys(&world);
    world.expect(0, &["run"]).await;
    world.expect(0, &["run"]).await;
    assert_eq!(keys(&world), tickets, "nothing was opened again");
    world.assert_one_ticket_per_group("late tickets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_doubt_nothing_is_created_before_the_second_reading() {
    let world = World::new().await;
    world.expect(0, &["run", "--set", "plan.max_new_tickets=3"]).await;
    world.expect(0, &["state", "backup", "old.jsonl.gz"]).await;
    world.expect(0, &["state", "restore", "old.jsonl.gz"]).await;
    world.expect(0, &["run", "--set", "jira.create_settle=5m"]).await;
    assert_eq!(keys(&world).len(), 3);
    let status: Value = serde_json::from_str(&world.expect(0, &["status", "--json"]).await).unwrap();
    assert!(status["doubt"]["reason"].as_str().unwrap().contains("restored"), "{status}");
    let plan = world.expect(0, &["plan", "--set", "jira.create_settle=5m"]).await;
    assert!(plan.contains("nothing is created before Jira was read from end to end"), "{plan}");
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("trusted again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_state_is_kept_out_until_it_takes_over_and_the_first_one_then() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let before = keys(&world);
    let second = ["--set", "state.dir=second"];
    let refused = world.run(&["run", second[0], second[1]]).await;
    assert_eq!(refused.status.code(), Some(5), "{}", text(&refused.stderr));
    assert_eq!(keys(&world), before);
    world.expect(0, &["run", "--take-over", second[0], second[1]]).await;
    assert_eq!(keys(&world), before, "it found the tickets of the first one");
    let refused = world.run(&["run"]).await;
    assert_eq!(refused.status.code(), Some(5));
    assert!(text(&refused.stderr).contains("took it over from this one"), "{}", text(&refused.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_claim_the_project_nothing_is_written_and_the_way_out_is_told() {
    let world = World::new().await;
    world.sandbox.forbid(&User::bot(), Permission::AdministerProjects);
    let refused = world.run(&["run"]).await;
    let said = text(&refused.stderr);
    assert_ne!(refused.status.code(), Some(0));
    assert!(said.contains("ADMINISTER_PROJECTS") && said.contains("jira.lease = false"), "{said}");
    assert_eq!(keys(&world).len(), 0);
    let checked = world.run(&["check"]).await;
    assert!(text(&checked.stdout).contains("ADMINISTER_PROJECTS"), "{}", text(&checked.stdout));
    world.expect(0, &["run", "--set", "jira.lease=false"]).await;
    world.assert_one_ticket_per_group("without a claim").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_takes_effect_after_its_answer_was_lost_is_found_and_not_sent_again() {
    let world = World::new().await;
    world.sandbox.inject(Fault {
        nth: 2,
        matches: create(),
        effect: Effect::Late { reply: Reply::Close, due: Due::Released },
    });
    world.expect(6, &["run", "--set", "jira.create_settle=5m"]).await;
    // Still under way at Jira: it is not there, and not sent again.
    let before = keys(&world).len();
    world.expect(0, &["run", "--set", "jira.create_settle=5m"]).await;
    assert_eq!(keys(&world).len(), before);
    assert_eq!(world.sandbox.release_late().len(), 1);
    world.expect(0, &["run", "--set", "jira.create_settle=5m"]).await;
    world.assert_one_ticket_per_group("a late create").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_shows_nothing_doubles_nothing() {
    let world = World::new().await;
    world.sandbox.set_index(Index::Frozen);
    world.sandbox.inject(Fault { nth: 3, matches: create(), effect: Effect::CloseAfterCommit });
    world.expect(6, &["run"]).await;
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("a frozen index").await;
}

/// A ticket of a group, and the group.
async fn one_of(world: &World) -> (String, String) {
    let (group, record) = world.largest().await;
    (group, record["ticket"]["link"]["issue"]["key"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ticket_is_linked_told_and_closed_once() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (group, key) = one_of(&world).await;
    // As disputebot itself would have made it: by its account, with the mark.
    let twin = world.sandbox.person(&User::bot()).clone_issue(&key).unwrap();
    world.expect(0, &["run"]).await;
    let issue = |key: &str| world.sandbox.issues().into_iter().find(|issue| issue["key"] == key).unwrap();
    let closed = issue(&twin);
    assert_eq!(closed["fields"]["status"]["statusCategory"]["key"], "done");
    assert_eq!(closed["comments"].as_array().unwrap().len(), 1);
    assert_ne!(issue(&key)["fields"]["status"]["statusCategory"]["key"], "done", "its own ticket stays open");
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes);
    // Reopened by a person, it stays open.
    let reopen = json!({ "transition": { "id": "61" } });
    world.sandbox.person(&User::analyst()).transition(&twin, &reopen).unwrap();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "group {group}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticket_that_a_person_names_stays_the_ticket_although_an_older_one_is_there() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (group, older) = one_of(&world).await;
    let named = world.sandbox.person(&User::bot()).clone_issue(&older).unwrap();
    world.expect(0, &["ticket", "bind", &group, &named]).await;
    world.expect(0, &["run"]).await;
    let groups = world.groups().await;
    assert_eq!(groups[&group]["ticket"]["link"]["issue"]["key"], named.as_str());
    let is_done = |key: &str| {
        let issue = world.sandbox.issues().into_iter().find(|issue| issue["key"] == key).unwrap();
        issue["fields"]["status"]["statusCategory"]["key"] == "done"
    };
    assert!(is_done(&older) && !is_done(&named), "the other one is the second ticket now");
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticket_of_one_group_is_not_bound_to_another_one_by_a_key_that_it_got_since() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    world.sandbox.add_project("OTHER", "Where things go").unwrap();
    let groups = world.groups().await;
    let mut bound = groups.iter().filter(|(_, group)| group["ticket"]["link"]["issue"].is_object());
    let (first, other) = (bound.next().unwrap(), bound.next().unwrap().0);
    let key = first.1["ticket"]["link"]["issue"]["key"].as_str().unwrap();
    let moved = world.sandbox.person(&User::analyst()).move_issue(key, "OTHER").unwrap();
    let output = world.run(&["ticket", "bind", other, &moved]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("is the ticket of group"), "{said}");
    assert_eq!(world.groups().await[other]["ticket"], groups[other]["ticket"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_of_another_project_is_refused_and_one_that_was_renamed_is_not() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    world.sandbox.add_project("STAGE", "Where things are tried").unwrap();
    let (writes, issues) = (world.writes(), world.sandbox.issues().len());
    for arguments in [["run", "--set", "jira.project=STAGE"], ["plan", "--set", "jira.project=STAGE"]] {
        let output = world.run(&arguments).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("is of the project `DISP` of") && said.contains("--same-project"), "{said}");
    }
    assert_eq!((world.writes(), world.sandbox.issues().len()), (writes, issues));
    world.sandbox.rename_project("DISP", "DSPT").unwrap();
    world.expect(0, &["run", "--set", "jira.project=DSPT"]).await;
    assert_eq!((world.writes(), world.sandbox.issues().len()), (writes, issues));
}

/// What somebody else's account left is a person's; what the account before left is disputebot's own, once it is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_former_account_left_is_taken_for_disputebots_own_where_the_config_names_it() {
    let users = vec![User::bot(), User::analyst(), lead()];
    let world = World::with(Options { users, ..Options::default() }).await;
    // The state is lost below, and whose claim it was.
    world.write_config("lease = false\n");
    world.expect(0, &["run"]).await;
    let (_, key) = one_of(&world).await;
    let twin = world.sandbox.person(&User::bot()).clone_issue(&key).unwrap();
    let config = std::fs::read_to_string(world.path("disputebot.toml")).unwrap();
    let as_lead = config.replace(&User::bot().email, &lead().email);
    let run = async |config: &str| {
        std::fs::write(world.path("disputebot.toml"), config).unwrap();
        let mut command = world.command(&["run"]);
        command.env("DISPUTEBOT_JIRA_TOKEN", lead().token);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    };
    let is_done = |key: &str| world.issue(key)["fields"]["status"]["statusCategory"]["key"] == "done";
    run(&as_lead).await;
    assert!(!is_done(&twin), "a copy of whom nobody knows");
    let lists = || {
        let issue = world.issue(&key);
        issue["fields"]["attachment"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(lists(), 1);
    world.sandbox.allow(&lead(), Permission::DeleteAllAttachments);
    // A state that has not yet made up its mind about the copy, and a list that has to be written anew.
    std::fs::remove_dir_all(world.path("state")).unwrap();
    let mut rows = disputes();
    rows.truncate(rows.len() * 9 / 10);
    world.write_disputes(&rows);
    let named = format!("{as_lead}former_accounts = [\"{}\"]\n", User::bot().account_id);
    run(&named).await;
    run(&named).await;
    assert!(is_done(&twin) && !is_done(&key), "a second ticket of its own");
    assert_eq!(lists(), 1, "the list of the former account is replaced, and not joined by another one");
    let writes = world.writes();
    run(&named).await;
    assert_eq!(world.writes(), writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_a_person_makes_is_left_alone() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (_, key) = one_of(&world).await;
    let copy = world.sandbox.person(&User::analyst()).clone_issue(&key).unwrap();
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes);
    let plan = world.expect(0, &["plan"]).await;
    assert!(plan.contains(&format!("a person copied it to {copy}")), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_people_move_rename_hide_archive_or_delete_is_never_made_again() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let person = world.sandbox.person(&User::analyst());
    world.sandbox.add_project("OTHER", "Other work").unwrap();
    let all = keys(&world);
    let [moved, hidden, archived, deleted, ..] = all.as_slice() else { panic!("too few tickets: {all:?}") };
    let new_key = person.move_issue(moved, "OTHER").unwrap();
    person.hide(hidden).unwrap();
    person.archive(archived).unwrap();
    person.delete(deleted).unwrap();
    world.sandbox.rename_project("DISP", "DSPT").unwrap();
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes);
    let plan = world.expect(0, &["plan"]).await;
    assert_eq!(plan.matches("Jira does not show it").count(), 3, "{plan}");
    let groups = world.groups().await;
    let tickets: Vec<&str> =
        groups.values().filter_map(|group| group["ticket"]["link"]["issue"]["key"].as_str()).collect();
    assert!(tickets.contains(&new_key.as_str()), "the new key is known: {tickets:?}");
    // The way out for the one that is really gone.
    let gone = groups
        .values()
        .find(|group| group["ticket"]["link"]["issue"]["key"] == *deleted)
        .map(|group| group["group"]["id"].as_str().unwrap().to_owned());
    let gone = gone.unwrap();
    world.expect(0, &["ticket", "create", &gone]).await;
    world.expect(0, &["run"]).await;
    assert_eq!(world.issues_by_group()[&gone].len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_that_are_moved_to_another_project_as_soon_as_they_are_open_are_never_doubled() {
    // What an automation of Jira does where tickets of some kind belong into another project.
    for world in [World::new().await, World::data_center().await] {
        world.sandbox.add_project("OPS", "Operations").unwrap();
        for nth in 1..=5 {
            let deed = Deed::Move("OPS".to_owned());
            world.sandbox.expect_visit(Visit { nth, after: create(), deed }).unwrap();
        }
        world.sandbox.inject(Fault { nth: 3, matches: create(), effect: Effect::CloseAfterCommit });
        world.sandbox.set_index(Index::Frozen);
        world.expect(6, &["run"]).await;
        world.expect(0, &["run"]).await;
        let is_moved = |key: &&String| key.starts_with("OPS-");
        assert_eq!(keys(&world).iter().filter(is_moved).count(), 5, "{:?}", keys(&world));
        world.assert_one_ticket_per_group("with five that were moved, one of them unanswered").await;
        let mut rows = disputes();
        for row in &mut rows {
            "2027-01-31".clone_into(&mut row.due_at);
        }
        world.write_disputes(&rows);
        world.expect(0, &["run"]).await;
        let due = |issue: &Value| issue["fields"]["duedate"] == "2027-01-31";
        assert!(world.sandbox.issues().iter().all(due), "they are kept up to date where they are");
        // A state that is lost finds them by the numbers that they had.
        let before = keys(&world);
        fs::remove_dir_all(world.path("state")).unwrap();
        world.sandbox.refresh_index();
        world.expect(0, &["run", "--take-over"]).await;
        world.expect(0, &["run"]).await;
        assert_eq!(keys(&world), before);
        world.assert_one_ticket_per_group("after the state was lost").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_that_a_person_takes_off_are_put_back_once() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (group, key) = one_of(&world).await;
    let label = format!("dispute-group-{group}");
    let person = world.sandbox.person(&User::analyst());
    let marked = || {
        let issues = world.sandbox.issues();
        let issue = issues.iter().find(|issue| issue["key"] == key).unwrap();
        labels(issue).contains(&label.as_str())
    };
    person.remove_label(&key, &label).unwrap();
    world.expect(0, &["run"]).await;
    assert!(marked(), "put back once");
    person.remove_label(&key, &label).unwrap();
    world.expect(0, &["run"]).await;
    assert!(!marked(), "then it is respected");
    assert_eq!(keys(&world).len(), world.groups().await.len(), "and nothing is made again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_closed_as_a_duplicate_of_one_that_it_cannot_be_merged_into_says_so_once_and_stays_closed() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    // Of another program or client, so that their groups cannot become one.
    let groups = world.groups().await;
    let ticket = |group: &Value| group["ticket"]["link"]["issue"]["key"].as_str().unwrap().to_owned();
    let kind = |group: &Value| (group["group"]["program"].clone(), group["group"]["client"].clone());
    let (_, first) = &world.largest().await;
    let other = groups.values().find(|group| kind(group) != kind(first)).unwrap();
    let (closed, kept) = (ticket(first), ticket(other));
    world.sandbox.person(&User::analyst()).close_as_duplicate(&closed, &kept).unwrap();
    for _ in 0..2 {
        world.expect(0, &["run"]).await;
    }
    let said = world.said(&closed);
    let why = format!("as a duplicate of {kept}. Their disputes are not counted together: it is");
    assert_eq!(said.iter().filter(|text| text.contains(&why)).count(), 1, "{said:?}");
    assert_eq!(
        said.iter().filter(|text| text.contains("reopen the ticket to have it kept")).count(),
        1,
        "{said:?}"
    );
    assert_eq!(world.issue(&closed)["fields"]["status"]["statusCategory"]["key"], "done");
    let plan = world.expect(0, &["plan"]).await;
    assert!(plan.contains("a person closed it; it stays closed"), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archived_project_and_lost_permissions_are_told_and_not_stormed() {
    let world = World::new().await;
    world.sandbox.forbid(&User::bot(), Permission::Create);
    world.expect(6, &["run"]).await;
    let creates = world
        .sandbox
        .requests()
        .iter()
        .filter(|it| it.method == "POST" && it.path.ends_with("/issue"))
        .count();
    assert_eq!(creates, 3, "no more after three refusals");
    world.sandbox.allow(&User::bot(), Permission::Create);
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("the permission is back").await;
    world.sandbox.archive_project("DISP").unwrap();
    let (before, seen) = (keys(&world), world.sandbox.requests().len());
    put_off(&world, "2027-03-01");
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    let edits = asked(&world, seen, "PUT", &regex::Regex::new(r"/issue/\d+$").unwrap());
    assert_eq!(edits.len(), 3, "{said}");
    assert!(said.contains("not tried, because Jira refused the last 3 edits"), "{said}");
    world.sandbox.restore_project("DISP").unwrap();
    world.expect(0, &["run"]).await;
    assert_eq!(keys(&world), before);
}

/// Every row with another due date, so that each ticket is to be edited.
fn put_off(world: &World, due: &str) {
    let mut rows = disputes();
    for row in &mut rows {
        due.clone_into(&mut row.due_at);
    }
    world.write_disputes(&rows);
}

/// Requests of a method on paths with an end, since some number of them.
fn asked(world: &World, since: usize, method: &str, end: &regex::Regex) -> Vec<String> {
    let requests = world.sandbox.requests();
    let asked = requests[since..].iter().filter(|it| it.method == method && end.is_match(&it.path));
    asked.map(|it| it.path.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_three_writes_of_a_kind_that_are_forbidden_no_more_of_it_are_tried_in_a_run() {
    let pattern = |text: &str| regex::Regex::new(text).unwrap();
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let tickets = keys(&world).len();
        assert!(tickets > 6);

        put_off(&world, "2027-03-01");
        world.sandbox.forbid(&User::bot(), Permission::Edit);
        let seen = world.sandbox.requests().len();
        let output = world.run(&["run"]).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert_eq!(asked(&world, seen, "PUT", &pattern(r"/issue/\d+$")).len(), 3, "{said}");
        let told = format!("{} edits: not tried, because Jira refused the last 3 edits", tickets - 3);
        assert_eq!(said.matches("not tried, because").count(), 1, "{said}");
        assert!(said.contains(&told), "{said}");
        world.sandbox.allow(&User::bot(), Permission::Edit);
        world.expect(0, &["run"]).await;
        let issues = world.sandbox.issues();
        assert!(issues.iter().all(|issue| issue["fields"]["duedate"] == "2027-03-01"));

        let mut rows = disputes();
        for row in &mut rows {
            "resolved".clone_into(&mut row.status);
        }
        world.write_disputes(&rows);
        world.sandbox.forbid(&User::bot(), Permission::Comment);
        for nth in 1..=3 {
            let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/transitions".to_owned() };
            let body = json!({ "errorMessages": ["You may not do this."], "errors": {} }).to_string();
            let effect = Effect::Answer { status: 403, headers: Vec::new(), body };
            world.sandbox.inject(Fault { nth, matches, effect });
        }
        let seen = world.sandbox.requests().len();
        let output = world.run(&["run"]).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert_eq!(asked(&world, seen, "POST", &pattern("/comment$")).len(), 3, "{said}");
        assert_eq!(asked(&world, seen, "POST", &pattern("/transitions$")).len(), 3, "{said}");
        assert!(
            said.contains("refused the last 3 comments") && said.contains("last 3 transitions"),
            "{said}"
        );
        world.sandbox.allow(&User::bot(), Permission::Comment);
        world.expect(0, &["run"]).await;
        let is_done = |issue: &Value| issue["fields"]["status"]["statusCategory"]["key"] == "done";
        assert!(world.sandbox.issues().iter().all(is_done), "it is made up for");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_create_is_shown_and_a_person_decides() {
    let world = World::new().await;
    world.sandbox.inject(Fault { nth: 1, matches: create(), effect: Effect::CloseBeforeCommit });
    world.expect(6, &["run", "--set", "plan.max_new_tickets=2"]).await;
    // An issue that is found and is not there: nobody can tell whether ours is.
    let person = world.sandbox.person(&User::analyst());
    let unreadable = person.clone_issue("DISP-1").unwrap();
    world.sandbox.set_index(Index::Frozen);
    person.delete(&unreadable).unwrap();
    let hold = ["run", "--set", "jira.hold_after=0s", "--set", "plan.max_new_tickets=0"];
    world.expect(0, &hold).await;
    world.expect(0, &hold).await;
    let status = world.expect(0, &["status"]).await;
    assert!(status.contains("ticket bind") && status.contains("ticket create"), "{status}");
    let held: Value = serde_json::from_str(&world.expect(0, &["status", "--json"]).await).unwrap();
    let group = held["held"][0].as_str().unwrap().to_owned();
    // It turned up since: a person has to say what that is.
    let found = person.clone_issue("DISP-1").unwrap();
    person.edit(&found, &json!({ "fields": { "labels": [format!("dispute-group-{group}")] } })).unwrap();
    world.sandbox.set_index(Index::Immediate);
    let output = world.run(&["ticket", "create", &group[..8]]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(&format!("{found} has the label of group")), "{said}");
    person.remove_label(&found, &format!("dispute-group-{group}")).unwrap();
    world.expect(0, &["ticket", "create", &group[..8]]).await;
    world.expect(0, &["run"]).await;
    let held: Value = serde_json::from_str(&world.expect(0, &["status", "--json"]).await).unwrap();
    assert_eq!(held["held"], json!([]));
    let marked = |issue: &&Value| labels(issue).contains(&format!("dispute-group-{group}").as_str());
    let made = world.sandbox.issues();
    assert_eq!(made.iter().filter(marked).count(), 1, "the group that was held has one ticket");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_nothing_changed_nothing_is_written_and_hardly_anything_read() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let (writes, seen) = (world.writes(), world.sandbox.requests().len());
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes);
        // What is this, who am I, whose is the project, what is marked, what a new ticket would need (two); and one for
        // each hundred tickets.
        let read = read_since(&world, seen);
        assert_eq!(read.len(), 6 + keys(&world).len().div_ceil(100), "{read:?}");
    }
}

/// Calls of a run, as method and path.
fn read_since(world: &World, seen: usize) -> Vec<String> {
    world.sandbox.requests()[seen..].iter().map(|it| format!("{} {}", it.method, it.path)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_a_ticket_that_the_search_does_not_show_is_read_by_itself_and_no_other_one_is() {
    let world = World::data_center().await;
    world.expect(0, &["run"]).await;
    let gone = keys(&world)[0].clone();
    world.sandbox.person(&User::analyst()).delete(&gone).unwrap();
    let seen = world.sandbox.requests().len();
    world.expect(0, &["run"]).await;
    let read = read_since(&world, seen);
    let alone = read.iter().filter(|call| call.starts_with("GET") && call.contains("/issue/1")).count();
    assert_eq!(alone, 1, "the others are found by halves: {read:?}");
    assert!(!keys(&world).contains(&gone), "it is not made again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_a_search_that_is_behind_hides_no_words_of_a_person_and_invents_none() {
    let world = World::data_center().await;
    world.expect(0, &["run"]).await;
    world.sandbox.set_index(Index::Frozen);
    let (theirs, closed) = (keys(&world)[0].clone(), keys(&world)[1].clone());
    let edit = json!({ "fields": { "summary": "as I say" } });
    world.sandbox.person(&User::analyst()).edit(&theirs, &edit).unwrap();
    // Due dates are put off, so that each ticket is to be written; the search shows none of it.
    put_off(&world, "2027-04-01");
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&theirs)["fields"]["summary"], "as I say");
    assert_eq!(world.issue(&closed)["fields"]["duedate"], "2027-04-01");
    let writes = world.writes();
    let said = world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "what disputebot wrote itself is no change of a person's: {said}");
    world.assert_one_ticket_per_group("behind an index that stands still").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn comments_that_jira_does_not_show_at_once_are_read_once_and_again_when_there_may_be_new_ones() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let key = keys(&world)[0].clone();
    let say = |text: &str| world.sandbox.person(&User::analyst()).comment(&key, text).unwrap();
    (0..30).for_each(|number| say(&format!("remark {number}")));
    say("/disputebot status");
    let read_comments = async |what: &str| {
        let seen = world.sandbox.requests().len();
        world.expect(0, &["run"]).await;
        let read = read_since(&world, seen);
        let read = read.iter().filter(|call| call.starts_with("GET") && call.ends_with("/comment")).count();
        (what.to_owned(), read)
    };
    assert_eq!(read_comments("remarks and an order").await.1, 1);
    assert_eq!(world.said(&key).len(), 1, "the order behind thirty remarks is answered");
    assert_eq!(read_comments("the answer itself changed the ticket").await.1, 1);
    assert_eq!(read_comments("nothing is new").await.1, 0);
    say("/disputebot explain");
    assert_eq!(read_comments("another order").await.1, 1);
    assert_eq!(world.said(&key).len(), 2);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_the_daemon_in_five_seconds_while_jira_takes_thirty_to_answer() {
    for matches in [
        create(),
        Matches::Ending { method: "GET".to_owned(), suffix: "/myself".to_owned() },
        Matches::Ending { method: "POST".to_owned(), suffix: "/bulkfetch".to_owned() },
        claim(),
    ] {
        let world = World::new().await;
        let when = format!("{matches:?}");
        world.expect(0, &["run", "--set", "plan.max_new_tickets=1"]).await;
        world.sandbox.inject(Fault { nth: 1, matches, effect: Effect::HangBeforeCommit });
        let child = world.spawn(&["daemon", "--now"]);
        world.reached().await;
        let began = std::time::Instant::now();
        crate::crash::signal(child.id(), "TERM");
        let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{when}: {}", text(&output.stderr));
        assert!(began.elapsed().as_secs_f64() < 5.0, "{when}: {:?}", began.elapsed());
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group(&when).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_which_nobody_knows_what_became_delays_tickets_within_the_run_and_loses_none() {
    let world = World::new().await;
    world.expect(0, &["run", "--set", "plan.max_new_tickets=1"]).await;
    let sent = |it: &Recorded| it.method == "PUT" && it.path.ends_with(CLAIM);
    let opened = |it: &Recorded| it.method == "POST" && it.path.ends_with("/issue");
    let before = world.sandbox.requests().len();
    for nth in 1..=4 {
        let effect = Effect::AnswerAfterCommit { status: 503, headers: Vec::new(), body: "{}".to_owned() };
        world.sandbox.inject(Fault { nth, matches: claim(), effect });
    }
    world.expect(0, &["run", "--set", "jira.create_settle=2s"]).await;
    world.assert_one_ticket_per_group("after a claim without an answer").await;
    let requests = world.sandbox.requests_from(before);
    let claims = requests.iter().filter(|it| sent(it)).count();
    assert_eq!(claims, 6, "four without an answer, one that is waited with, and the anchor");
    let first = requests.iter().position(opened).unwrap();
    let earlier = requests[..first].iter().filter(|it| sent(it)).count();
    assert_eq!(earlier, 5, "no ticket is opened before the claim has its answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_claim_on_a_free_project_without_an_answer_jira_is_read_before_a_ticket_is_opened() {
    let world = World::new().await;
    let effect = Effect::AnswerAfterCommit { status: 503, headers: Vec::new(), body: "{}".to_owned() };
    world.sandbox.inject(Fault { nth: 1, matches: claim(), effect });
    let settle = ["--set", "jira.create_settle=2s"];
    let output = world.run(&[&["run"], &settle[..]].concat()).await;
    assert_eq!(keys(&world), Vec::<String>::new(), "another machine may have opened them");
    let said = text(&output.stderr);
    assert!(said.contains("free"), "{said}");
    while text(&world.run(&["status"]).await.stdout).contains("in doubt") {
        drop(world.run(&[&["run"], &settle[..]].concat()).await);
    }
    world.expect(0, &[&["run"], &settle[..]].concat()).await;
    world.assert_one_ticket_per_group("after a claim on a free project without an answer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_intent_is_sent_once_whatever_the_library_thinks_of_retries() {
    for effect in [
        Effect::CloseBeforeCommit,
        Effect::CloseAfterCommit,
        Effect::AnswerAfterCommit { status: 503, headers: Vec::new(), body: "{}".to_owned() },
        Effect::Answer {
            status: 307,
            headers: vec![("location".to_owned(), "/elsewhere".to_owned())],
            body: String::new(),
        },
    ] {
        let world = World::new().await;
        world.sandbox.inject(Fault { nth: 1, matches: create(), effect: effect.clone() });
        drop(world.run(&["run", "--set", "plan.max_new_tickets=1"]).await);
        let sent = world
            .sandbox
            .requests()
            .iter()
            .filter(|it| it.method == "POST" && it.path.ends_with("/issue"))
            .count();
        assert_eq!(sent, 1, "{effect:?}");
        assert!(world.sandbox.requests().iter().all(|it| !it.path.contains("elsewhere")), "{effect:?}");
    }
    assert!(!disputes().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_of_a_disputebot_that_works_for_another_project_are_left_alone() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let before = keys(&world);
    world.sandbox.add_project("OTHER", "Other work").unwrap();
    let person = world.sandbox.person(&User::analyst());
    // One of ours lies there, and one of theirs here.
    person.move_issue(&before[0], "OTHER").unwrap();
    let other = ["--set", "jira.project=OTHER", "--set", "state.dir=other"];
    world.expect(0, &[&["run"], &other[..], &["--set", "plan.max_new_tickets=2"]].concat()).await;
    let theirs: Vec<String> = keys(&world).into_iter().filter(|key| key.starts_with("OTHER-")).collect();
    assert_eq!(theirs.len(), 3, "{theirs:?}");
    let moved = person.move_issue(&theirs[2], "DISP").unwrap();
    let writes = world.writes();
    let output = world.run(&["run"]).await;
    assert!(text(&output.stderr).contains(&moved), "{}", text(&output.stderr));
    assert_eq!(world.writes(), writes);
    fs::remove_dir_all(world.path("state")).unwrap();
    world.expect(0, &["state", "rebuild", "--from", "jira"]).await;
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    let left = issues.iter().find(|issue| issue["key"] == *moved).unwrap();
    assert_ne!(left["fields"]["status"]["statusCategory"]["key"], "done");
    assert_eq!(left["comments"], json!([]));
    assert_eq!(issues.len(), before.len() + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_state_beside_tickets_that_it_does_not_know_doubts_itself_also_without_a_claim() {
    let world = World::new().await;
    world.write_config("lease = false\n");
    world.expect(0, &["run"]).await;
    let before = keys(&world);
    fs::remove_dir_all(world.path("state")).unwrap();
    world.expect(0, &["run"]).await;
    assert_eq!(keys(&world), before);
    world.assert_one_ticket_per_group("found again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_died_at_its_last_write_is_looked_after_once_and_not_for_ever() {
    let world = World::new().await;
    let calm = World::new().await;
    calm.expect(0, &["run"]).await;
    let last = calm.writes();
    world.sandbox.inject(Fault { nth: last, matches: Matches::Writes, effect: Effect::HangBeforeCommit });
    let mut child = world.spawn(&["run"]);
    world.reached().await;
    child.kill().unwrap();
    child.wait().unwrap();
    world.expect(0, &["run"]).await;
    let (writes, seen) = (world.writes(), world.sandbox.requests().len());
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes);
    assert_eq!(world.sandbox.requests().len() - seen, 7, "nothing is read again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_answer_is_lost_is_not_sent_again_while_the_account_sees_nothing_of_the_project() {
    for world in [World::new().await, World::data_center().await] {
        world.sandbox.inject(Fault { nth: 1, matches: create(), effect: Effect::CloseAfterCommit });
        world.expect(6, &["run"]).await;
        let before = keys(&world);
        world.sandbox.forbid(&User::bot(), Permission::Browse);
        for _ in 0..2 {
            let output = world.run(&["run"]).await;
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(5), "{said}");
            assert_eq!(keys(&world), before, "nothing is opened by one who sees nothing: {said}");
        }
        world.sandbox.allow(&User::bot(), Permission::Browse);
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group("sees again").await;
    }
}
