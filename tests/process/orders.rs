//! What people order in comments and decide by hand, over real HTTP.

use std::collections::{BTreeMap, BTreeSet};

use disputebot::sandbox::{Flavour, User};
use serde_json::{Value, json};

use crate::world::{World, disputes, words};

/// The first ticket and its group.
fn first(world: &World) -> (String, String) {
    let issues = world.issues_by_group();
    let (group, issues) = issues.iter().min_by_key(|(_, issues)| number(&issues[0])).unwrap();
    (issues[0]["key"].as_str().unwrap().to_owned(), group.clone())
}

fn number(issue: &Value) -> u64 {
    issue["id"].as_str().unwrap().parse().unwrap()
}

fn say(world: &World, key: &str, text: &str) {
    world.sandbox.person(&User::analyst()).comment(key, text).unwrap();
}

async fn quiet_run(world: &World, when: &str) {
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "{when}: nothing is written");
}

/// Disputes with other figures, so that every ticket would be updated.
fn changed() -> Vec<disputebot::generate::Record> {
    let mut rows = disputes();
    for row in &mut rows {
        "2027-03-01".clone_into(&mut row.due_at);
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_order_is_answered_once_in_place_on_both_products() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let (key, _) = first(&world);
        say(&world, &key, "/disputebot status");
        say(&world, &key, "hello\n/disputebot explain");
        say(&world, &key, "/disputebot dance");
        say(&world, &key, "/disputebot snooze for ever");
        say(&world, &key, "/disputebot snooze 123-45-6789");
        say(&world, &key, "nothing to do with it");
        world.expect(0, &["run"]).await;
        let said = world.said(&key);
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[0].contains("/disputebot status") && said[0].contains("disputes are open"), "{said:?}");
        assert!(said[1].contains("Why these belong together"), "{said:?}");
        assert!(
            said[2].contains("there is no order `dance`") || said[2].contains("there is no order"),
            "{said:?}"
        );
        assert!(said[2].contains("not-a-group"), "what can be ordered is listed: {said:?}");
        // Each begins with the order that it answers.
        let plain: Vec<String> = said.iter().map(|said| said.replace(['{', '}', '\\'], "")).collect();
        assert!(plain[2].starts_with("/disputebot dance"), "{plain:?}");
        assert!(plain[3].starts_with("/disputebot snooze for ever"), "{plain:?}");
        // Unless it looks private.
        assert!(plain[4].contains("This could not be done: it holds something"), "{plain:?}");
        assert!(!plain[4].contains("6789"), "{plain:?}");
        // Each leads to the comment that it answers, also where it may not repeat it.
        let comments = world.issue(&key)["comments"].as_array().unwrap().clone();
        let by = |user: &User| -> Vec<&Value> {
            let by = |comment: &&Value| comment["author"]["displayName"] == user.display_name.as_str();
            comments.iter().filter(by).collect()
        };
        let site = world.sandbox.base_url();
        for (order, answer) in by(&User::analyst()).into_iter().zip(by(&User::bot())) {
            let id = order["id"].as_str().unwrap();
            let address = format!("{}/browse/{key}?focusedCommentId={id}", site.trim_end_matches('/'));
            let rest = match world.sandbox.flavour() {
                Flavour::Cloud => "\"".to_owned(),
                Flavour::DataCenter => format!(
                    "&page=com.atlassian.jira.plugin.system.issuetabpanels:comment-tabpanel#comment-{id}]"
                ),
            };
            let body = answer["body"].to_string();
            assert!(body.contains(&(address + &rest)), "{id}: {body}");
        }
        quiet_run(&world, "after the answers").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snoozed_ticket_stays_as_it_is_until_it_is_woken() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (key, _) = first(&world);
    say(&world, &key, "/disputebot snooze 2w");
    world.expect(0, &["run"]).await;
    let before = world.issue(&key)["fields"]["duedate"].clone();
    world.write_disputes(&changed());
    let plan = world.expect(0, &["plan"]).await;
    assert!(plan.contains("a person ordered quiet until"), "{plan}");
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&key)["fields"]["duedate"], before);
    say(&world, &key, "/disputebot unmute");
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&key)["fields"]["duedate"], "2027-03-01");
    quiet_run(&world, "after waking").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_is_handed_back_by_an_order_and_left_by_another() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let (key, _) = first(&world);
        let person = world.sandbox.person(&User::analyst());
        let ours = world.issue(&key)["fields"].clone();
        let empty = match &ours["description"] {
            Value::String(_) => Value::String("gone".to_owned()),
            _ => json!({ "type": "doc", "version": 1, "content": [
                { "type": "paragraph", "content": [{ "type": "text", "text": "gone" }] }] }),
        };
        person.edit(&key, &json!({ "fields": { "summary": "mine", "description": empty } })).unwrap();
        world.expect(0, &["run"]).await;
        assert!(world.said(&key).iter().any(|said| said.contains("/disputebot take summary")));
        assert_eq!(world.issue(&key)["fields"]["summary"], "mine");
        say(&world, &key, "/disputebot take summary");
        say(&world, &key, "/disputebot take description");
        world.expect(0, &["run"]).await;
        let fields = world.issue(&key)["fields"].clone();
        assert_eq!(fields["summary"], ours["summary"]);
        let text = fields["description"].to_string();
        assert!(text.contains("gone") && text.contains("▼ disputebot"), "{text}");
        quiet_run(&world, "after the fields were taken").await;
        say(&world, &key, "/disputebot release due date");
        world.write_disputes(&changed());
        world.expect(0, &["run"]).await;
        assert_eq!(world.issue(&key)["fields"]["duedate"], ours["duedate"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_answered_is_not_carried_out_again_by_an_older_state_that_finds_the_ticket() {
    let world = World::new().await;
    // It knows all groups, and of most of them no ticket.
    world.expect(0, &["run", "--set", "plan.max_new_tickets=1"]).await;
    world.expect(0, &["state", "backup", "old.jsonl.gz"]).await;
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    let key = issues.iter().max_by_key(|issue| number(issue)).unwrap()["key"].as_str().unwrap().to_owned();
    say(&world, &key, "/disputebot take summary");
    let muted = issues.iter().max_by_key(|issue| number(issue) * u64::from(issue["key"] != key.as_str()));
    let muted = muted.unwrap()["key"].as_str().unwrap().to_owned();
    say(&world, &muted, "/disputebot mute");
    let taken = [key.as_str(), muted.as_str()];
    let left = issues.iter().filter(|issue| !taken.contains(&issue["key"].as_str().unwrap()));
    let snoozed = left.max_by_key(|issue| number(issue)).unwrap()["key"].as_str().unwrap().to_owned();
    say(&world, &snoozed, "/disputebot snooze 5d");
    world.expect(0, &["run"]).await;
    let person = world.sandbox.person(&User::analyst());
    person.edit(&key, &json!({ "fields": { "summary": "mine" } })).unwrap();
    world.expect(0, &["state", "restore", "old.jsonl.gz"]).await;
    // The first reading: it is still in doubt.
    world.expect(0, &["run", "--set", "jira.create_settle=5m"]).await;
    assert_eq!(world.issue(&key)["fields"]["summary"], "mine");
    let said = world.said(&key);
    assert_eq!(said.len(), 2, "the answer, and that the summary is theirs: {said:?}");
    // What it promised for good it still keeps.
    let before = world.issue(&muted)["fields"]["duedate"].clone();
    let slept = world.issue(&snoozed)["fields"]["duedate"].clone();
    world.write_disputes(&changed());
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&muted)["fields"]["duedate"], before, "it is muted");
    assert_eq!(world.issue(&snoozed)["fields"]["duedate"], slept, "it is snoozed");
    assert_ne!(world.issue(&key)["fields"]["duedate"], before, "and others are not");
    assert_eq!(world.said(&muted).len(), 1, "the answer, once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disputes_that_are_no_group_are_closed_and_stay_quiet() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (key, _) = first(&world);
    let tickets = world.sandbox.issues().len();
    say(&world, &key, "/disputebot not-a-group");
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&key)["fields"]["status"]["name"], "Done");
    quiet_run(&world, "after closing").await;
    world.write_disputes(&changed());
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&key)["fields"]["status"]["name"], "Done", "it is not reopened");
    assert_eq!(world.sandbox.issues().len(), tickets);
    // Opening it takes the decision back.
    let person = world.sandbox.person(&User::analyst());
    person.transition(&key, &json!({ "transition": { "id": "61" } })).unwrap();
    world.expect(0, &["run"]).await;
    assert_ne!(world.issue(&key)["fields"]["status"]["name"], "Done", "and it is not closed again");
    assert_eq!(world.issue(&key)["fields"]["duedate"], "2027-03-01");
}

/// Two groups of one client and program, which may be merged.
fn two_alike(groups: &BTreeMap<String, Value>) -> (&String, &String) {
    let of = |field: &str, id: &str| groups[id]["group"][field].clone();
    groups
        .keys()
        .flat_map(|one| groups.keys().map(move |other| (one, other)))
        .find(|(one, other)| {
            one != other
                && of("client", one) == of("client", other)
                && of("program", one) == of("program", other)
        })
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_somebody_works_on_or_has_is_merged_and_stays_open() {
    for works in [true, false] {
        let world = World::new().await;
        world.expect(0, &["run"]).await;
        let groups = world.groups().await;
        let issues = world.issues_by_group();
        let (from, into) = two_alike(&groups);
        let key = |id: &str| issues[id][0]["key"].as_str().unwrap().to_owned();
        let (loser, survivor) = (key(from), key(into));
        let analyst = world.sandbox.person(&User::analyst());
        if works {
            analyst.transition(&loser, &json!({ "transition": { "id": "11" } })).unwrap();
        } else {
            let to = json!({ "fields": { "assignee": { "accountId": User::analyst().account_id } } });
            analyst.edit(&loser, &to).unwrap();
        }
        let status = world.issue(&loser)["fields"]["status"].clone();
        say(&world, &loser, &format!("/disputebot merge {survivor}"));
        for _ in 0..3 {
            world.expect(0, &["run"]).await;
        }
        let after = world.groups().await;
        assert!(!after.contains_key(from) && after.contains_key(into), "its disputes are with the other one");
        let left = world.issue(&loser);
        assert_eq!(left["fields"]["status"], status, "works: {works}");
        assert!(left["fields"]["issuelinks"].to_string().contains(&survivor), "{left}");
        let told = world.said(&loser).iter().filter(|said| said.contains("merged this ticket into")).count();
        assert_eq!(told, 1, "{:?}", world.said(&loser));
        let plan = world.expect(0, &["plan"]).await;
        assert!(plan.contains(&loser) && plan.contains("a person works on"), "{plan}");
        quiet_run(&world, "and nobody is asked twice").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_merged_into_another_by_an_order_and_its_disputes_are_counted_there() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let groups = world.groups().await;
    let issues = world.issues_by_group();
    let (from, into) = two_alike(&groups);
    let key = |id: &str| issues[id][0]["key"].as_str().unwrap().to_owned();
    let members =
        |groups: &BTreeMap<String, Value>, id: &str| groups[id]["group"]["members"].as_array().unwrap().len();
    let all = members(&groups, from) + members(&groups, into);
    say(&world, &key(from), &format!("/disputebot merge {}", key(into)));
    world.expect(0, &["run"]).await;
    world.expect(0, &["run"]).await;
    let after = world.groups().await;
    assert_eq!(members(&after, into), all);
    assert!(!after.contains_key(from), "it is over");
    let closed = world.issue(&key(from));
    assert_eq!(closed["fields"]["status"]["name"], "Done");
    assert!(closed["fields"]["issuelinks"].to_string().contains(&key(into)), "{closed}");
    assert_eq!(world.sandbox.issues().len(), groups.len(), "no ticket was opened for it");
    quiet_run(&world, "after the merge").await;
    // An order that cannot be carried out says why.
    say(&world, &key(into), &format!("/disputebot merge {}", key(into)));
    world.expect(0, &["run"]).await;
    let said = world.said(&key(into));
    assert!(said.iter().any(|said| said.contains("is this ticket")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_give_orders_is_told_so_once_and_nothing_is_done() {
    for (named, words) in [
        ("\"somebody-else\"", "only people whom `ticket.commanders` names give orders here"),
        ("", "nobody gives orders here, and this is said once; where several clients share a cause"),
    ] {
        no_orders(named, words).await;
    }
}

async fn no_orders(named: &str, words: &str) {
    let world = World::new().await;
    world.write_config(&format!("[ticket]\ncommanders = [{named}]\n"));
    world.expect(0, &["run"]).await;
    let (key, _) = first(&world);
    say(&world, &key, "/disputebot mute");
    world.expect(0, &["run"]).await;
    let said = world.said(&key);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains(words), "{said:?}");
    say(&world, &key, "/disputebot mute");
    quiet_run(&world, "it was said once").await;
    world.write_disputes(&changed());
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&key)["fields"]["duedate"], "2027-03-01", "it is not muted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_writes_into_a_field_after_it_was_ordered_to_be_taken_is_given_back() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let (key, _) = first(&world);
        let person = world.sandbox.person(&User::analyst());
        let write = |text: &str| person.edit(&key, &json!({ "fields": { "summary": text } })).unwrap();
        let ours = world.issue(&key)["fields"]["summary"].clone();
        write("first");
        world.expect(0, &["run"]).await;
        say(&world, &key, "/disputebot take summary");
        write("ask the plant in Example Town");
        for _ in 0..3 {
            world.expect(0, &["run"]).await;
        }
        assert_eq!(world.issue(&key)["fields"]["summary"], ours);
        let said = world.said(&key);
        let given_back: Vec<&String> =
            said.iter().filter(|it| it.contains("took the place of theirs")).collect();
        assert_eq!(given_back.len(), 1, "{said:?}");
        assert!(given_back[0].contains("ask the plant in Example Town"), "{given_back:?}");
        assert!(!given_back[0].contains("first"), "that was handed back: {given_back:?}");
        quiet_run(&world, "once").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_of_which_nothing_would_come_because_a_ticket_is_left_alone_says_so() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (groups, issues) = (world.groups().await, world.issues_by_group());
    let kind = |id: &str| (groups[id]["group"]["client"].clone(), groups[id]["group"]["program"].clone());
    let (key, own) = first(&world);
    let other = groups.keys().find(|id| **id != own && kind(id) == kind(&own)).unwrap();
    let other = issues[other][0]["key"].as_str().unwrap().to_owned();
    let label = |verb: &str| {
        let change = serde_json::json!({ "update": { "labels": [{ verb: "disputebot-ignore" }] } });
        world.sandbox.person(&User::analyst()).edit(&other, &change).unwrap();
    };
    let answers = async |key: &str, orders: &[&str]| {
        let before = world.said(key).len();
        for order in orders {
            say(&world, key, &format!("/disputebot {order}"));
        }
        world.expect(0, &["run"]).await;
        world.said(key).split_off(before)
    };
    let open = || {
        let is_open =
            |issue: &&serde_json::Value| issue["fields"]["status"]["statusCategory"]["key"] != "done";
        world.sandbox.issues().iter().filter(is_open).count()
    };
    let before = open();
    say(&world, &other, "/disputebot mute");
    world.expect(0, &["run"]).await;
    let merge = format!("merge {other}");
    let said = answers(&key, &[&merge]).await;
    assert!(
        said[0].contains(&format!("{other} is muted or snoozed; order `/disputebot unmute` there first")),
        "{said:?}"
    );
    let said =
        answers(&other, &["not-a-group", "take summary", "split by state", &format!("merge {key}")]).await;
    assert_eq!(said.len(), 4);
    let words = "this ticket is muted or snoozed; order `/disputebot unmute` first";
    assert!(said.iter().all(|said| said.contains(words)), "{said:?}");

    label("add");
    let said = answers(&other, &["unmute"]).await;
    assert!(
        said[0].contains("this ticket has the label `disputebot-ignore`, so it is left alone"),
        "{said:?}"
    );
    label("remove");
    assert!(answers(&other, &["unmute"]).await[0].contains("up to date again"));
    label("add");
    let said = answers(&key, &[&merge]).await;
    assert!(
        said[0].contains(&format!("{other} has the label `disputebot-ignore`, so it is left alone")),
        "{said:?}"
    );
    assert_eq!(open(), before, "nothing was merged or closed");
    label("remove");
    assert!(answers(&key, &[&merge]).await[0].contains("are counted on"));
    world.expect(0, &["run"]).await;
    assert_eq!(open(), before - 1, "once it is not left alone any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_order_has_its_own_answer_and_each_that_fails_says_why() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (groups, issues) = (world.groups().await, world.issues_by_group());
    let kind = |id: &str| (groups[id]["group"]["client"].clone(), groups[id]["group"]["program"].clone());
    let key_of = |id: &str| issues[id][0]["key"].as_str().unwrap().to_owned();
    let (key, own) = first(&world);
    let foreign = groups.keys().find(|id| kind(id) != kind(&own)).unwrap();
    // Another group ends.
    let over = groups.keys().find(|id| **id != own && *id != foreign && kind(id) == kind(&own)).unwrap();
    let members = groups[over]["group"]["members"].as_array().unwrap().clone();
    let mut rows = changed();
    for row in rows.iter_mut().filter(|row| members.iter().any(|id| *id == *row.dispute_id)) {
        "resolved".clone_into(&mut row.status);
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let (foreign, over) = (key_of(foreign), key_of(over));
    let orders = [
        ("mute", "disputebot is quiet on this ticket from now on".to_owned()),
        ("not-a-group", "this ticket is muted or snoozed; order `/disputebot unmute` first".to_owned()),
        ("take summary", "this ticket is muted or snoozed; order `/disputebot unmute` first".to_owned()),
        ("unmute", "disputebot keeps this ticket up to date again".to_owned()),
        ("help", "/disputebot unmute: not quiet any more".to_owned()),
        ("split by state", "Each part that is a cause by itself gets a ticket of its own then".to_owned()),
        (
            "take colour",
            "disputebot writes no field `colour`; it writes summary, description, priority, due date"
                .to_owned(),
        ),
        ("merge OTHER-1", "OTHER-1 is not a ticket of disputebot's".to_owned()),
        (&format!("merge {foreign}"), format!("{foreign} is of another client or program")),
        (&format!("merge {over}"), format!("the group of {over} is over")),
    ];
    let before = world.said(&key).len();
    for (order, _) in &orders {
        say(&world, &key, &format!("/disputebot {order}"));
    }
    let said_on_over = world.said(&over).len();
    say(&world, &over, "/disputebot not-a-group");
    world.expect(0, &["run"]).await;
    let said = world.said(&key).split_off(before);
    assert_eq!(said.len(), orders.len(), "{said:?}");
    for (order, words) in &orders {
        let answer = said.iter().find(|said| said.starts_with(&format!("/disputebot {order}")));
        assert!(answer.is_some_and(|answer| answer.contains(words)), "`{order}`: {said:?}");
    }
    let said = world.said(&over).split_off(said_on_over);
    assert!(said.len() == 1 && said[0].contains("the group of this ticket is over"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disputes_that_a_person_splits_are_on_tickets_of_their_own_and_the_rest_leaves() {
    for world in [World::new().await, World::data_center().await] {
        world.write_config("[plan]\nmin_disputes = 1\n");
        world.expect(0, &["run"]).await;
        let states: BTreeMap<String, String> =
            disputes().into_iter().map(|row| (row.dispute_id, row.state)).collect();
        let state_of = |members: &Value| -> BTreeSet<String> {
            members.as_array().unwrap().iter().map(|id| states[id.as_str().unwrap()].clone()).collect()
        };
        let groups = world.groups().await;
        let (group, record) =
            groups.iter().max_by_key(|(_, record)| state_of(&record["group"]["members"]).len()).unwrap();
        let ruled = record["group"]["members"].as_array().unwrap().clone();
        assert!(state_of(&record["group"]["members"]).len() > 3, "it is spread");
        let key = world.issues_by_group()[group][0]["key"].as_str().unwrap().to_owned();
        // A person has the ticket in hand, and stays with it.
        let analyst = world.sandbox.person(&User::analyst());
        analyst.transition(&key, &json!({ "transition": { "id": "11" } })).unwrap();
        let status = world.issue(&key)["fields"]["status"]["name"].clone();
        say(&world, &key, "/disputebot split by state");
        for day in 1..=4 {
            let mut rows = disputes();
            for row in &mut rows {
                row.due_at = format!("2027-04-{day:02}");
            }
            world.write_disputes(&rows);
            world.expect(0, &["run"]).await;
            // The first run hears it, the second one does it: a person need not see it twice.
            let groups = world.groups().await;
            for (id, record) in groups.iter().filter(|_| day > 1) {
                let members = record["group"]["members"].as_array().unwrap();
                let of_it = Value::Array(members.iter().filter(|id| ruled.contains(id)).cloned().collect());
                assert!(state_of(&of_it).len() <= 1, "{id} still mixes {:?}", state_of(&of_it));
            }
        }
        let (after, issues) = (world.groups().await, world.issues_by_group());
        // The lineage is on the tickets of both sides, once each.
        let is_part = |record: &Value| record["group"]["split_from"].as_str() == Some(group);
        let parts: Vec<&String> = after.iter().filter(|(_, it)| is_part(it)).map(|(id, _)| id).collect();
        assert!(!parts.is_empty(), "no part became a group of its own");
        let parent = world.issue(&key);
        for part in &parts {
            let child = issues[*part][0]["key"].as_str().unwrap().to_owned();
            let count = |key: &str, words: &str| {
                // Data Center escapes what would be markup.
                world.said(key).iter().filter(|said| said.replace('\\', "").contains(words)).count()
            };
            let ordered =
                format!("A person ordered on {key} that its disputes that differ in state are kept apart");
            assert_eq!(count(&child, &ordered), 1, "{:?}", world.said(&child));
            assert!(parent["fields"]["issuelinks"].to_string().contains(&child), "{parent}");
            let shown = words(&issues[*part][0]["fields"]["description"]).replace('\\', "");
            assert!(
                shown.contains(&format!(
                    "A person split {key}, so those of its disputes at that time that differ in state"
                )),
                "{shown}"
            );
        }
        let told = world.said(&key);
        let told = told
            .iter()
            .filter(|it| it.contains("A person ordered that disputes of this ticket that"))
            .count();
        assert_eq!(told, parts.len(), "{:?}", world.said(&key));
        assert_eq!(parent["fields"]["status"]["name"], status, "it stays with whoever works on it");
        assert!(!after[group]["group"]["members"].as_array().unwrap().is_empty(), "and is not emptied");
        world.assert_one_ticket_per_group("after the split").await;
        quiet_run(&world, "after the split").await;

        // What was ordered outlives the state: Jira tells it.
        let open = |world: &World| -> BTreeSet<String> {
            let issues = world.sandbox.issues();
            let open = issues.iter().filter(|it| it["fields"]["status"]["statusCategory"]["key"] != "done");
            open.map(|it| it["key"].as_str().unwrap().to_owned()).collect()
        };
        let before = open(&world);
        let ids = |record: &Value| record["group"]["members"].as_array().unwrap().clone();
        let grouped: Vec<Value> = world.groups().await.values().flat_map(ids).collect();
        std::fs::remove_dir_all(world.path("state")).unwrap();
        if world.cloud {
            // Also where one input is enough for a merge: the order is heard after the groups are made.
            world.write_config("[plan]\nmin_disputes = 1\n[group]\nconfirm_runs = 1\n");
        }
        world.expect(0, &["state", "rebuild", "--from", "jira"]).await;
        for _ in 0..4 {
            world.expect(0, &["run"]).await;
        }
        assert_eq!(open(&world), before, "no part is merged back");
        for (id, record) in world.groups().await {
            let members = ids(&record).into_iter();
            let of_it =
                Value::Array(members.filter(|id| ruled.contains(id) && grouped.contains(id)).collect());
            assert!(state_of(&of_it).len() <= 1, "{id} mixes {:?} again", state_of(&of_it));
        }
        world.assert_one_ticket_per_group("after the loss").await;
    }
}
