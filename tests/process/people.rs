//! People win: what they write, close and mute stays so.

use disputebot::sandbox::{Effect, Fault, Matches, User};
use regex::Regex;
use serde_json::{Value, json};

use crate::world::{World, disputes};

/// A person who uses the REST API.
pub(crate) async fn person(world: &World, method: &str, path: &str, body: Value) {
    let user = User::analyst();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .request(method.parse().unwrap(), format!("{}{path}", world.sandbox.base_url()))
        .basic_auth(&user.email, Some(&user.token))
        .json(&body)
        .send()
        .await
        .unwrap();
    let status = response.status();
    assert!(status.is_success(), "{method} {path}: {status} {}", response.text().await.unwrap());
}

fn paragraph(text: &str) -> Value {
    json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] })
}

/// More units on every dispute, so that every ticket has something to say.
fn changed() -> Vec<disputebot::generate::Record> {
    let mut rows = disputes();
    for row in &mut rows {
        "2027-01-31".clone_into(&mut row.due_at);
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_outside_the_block_survive_and_the_block_goes_on() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let issue = world.sandbox.issues()[0].clone();
    let mut description = issue["fields"]["description"].clone();
    let content = description["content"].as_array_mut().unwrap();
    content.insert(0, paragraph("above, by a person"));
    content.push(paragraph("below, by a person"));
    let path = format!("/rest/api/3/issue/{}", issue["id"].as_str().unwrap());
    person(&world, "PUT", &path, json!({ "fields": { "description": description } })).await;
    world.write_disputes(&changed());
    world.expect(0, &["run"]).await;
    let now = world.sandbox.issues()[0]["fields"]["description"]["content"].as_array().unwrap().clone();
    assert_eq!(now.first(), Some(&paragraph("above, by a person")));
    assert_eq!(now.last(), Some(&paragraph("below, by a person")));
    let all = serde_json::to_string(&now).unwrap();
    assert!(all.contains("2027-01-31"), "the block is up to date: {all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_inside_the_block_survive_and_are_told_of_once() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let issue = world.sandbox.issues()[0].clone();
    let mut description = issue["fields"]["description"].clone();
    description["content"].as_array_mut().unwrap().insert(2, paragraph("inside, by a person"));
    let path = format!("/rest/api/3/issue/{}", issue["id"].as_str().unwrap());
    person(&world, "PUT", &path, json!({ "fields": { "description": description } })).await;
    let edited = world.sandbox.issues()[0]["fields"]["description"].clone();
    world.write_disputes(&changed());
    for _ in 0..2 {
        world.expect(0, &["run"]).await;
        let now = world.sandbox.issues()[0].clone();
        assert_eq!(now["fields"]["description"], edited);
        assert_eq!(now["comments"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_a_person_closed_or_muted_is_left() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    let (closed, muted) = (issues[0].clone(), issues[1].clone());
    let path = |issue: &Value| format!("/rest/api/3/issue/{}", issue["id"].as_str().unwrap());
    let ways: Value = {
        let user = User::analyst();
        let address = format!("{}{}/transitions", world.sandbox.base_url(), path(&closed));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client
            .get(address)
            .basic_auth(&user.email, Some(&user.token))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    let done = ways["transitions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|way| way["to"]["statusCategory"]["key"] == "done")
        .unwrap()["id"]
        .clone();
    let body = json!({ "transition": { "id": done }, "fields": { "resolution": { "name": "Won't Do" } } });
    person(&world, "POST", &format!("{}/transitions", path(&closed)), body).await;
    let body = json!({ "update": { "labels": [{ "add": "disputebot-ignore" }] } });
    person(&world, "PUT", &path(&muted), body).await;
    let muted = world.sandbox.issues()[1].clone();
    world.write_disputes(&changed());
    for _ in 0..2 {
        world.expect(0, &["run"]).await;
        let now = world.sandbox.issues();
        assert_eq!(now[0]["fields"]["status"]["name"], "Done");
        assert_eq!(now[0]["comments"].as_array().unwrap().len(), 1, "said once");
        assert_eq!(now[1], muted);
    }
}

/// As many disputes of the same kind as a group has.
fn come_again(world: &World, record: &Value) {
    let members = record["group"]["members"].as_array().unwrap();
    let mut rows = disputes();
    let own = rows.iter().filter(|row| members.iter().any(|id| *id == *row.dispute_id));
    let again = own.map(|row| disputebot::generate::Record {
        dispute_id: format!("{}-B", row.dispute_id),
        ..row.clone()
    });
    let again: Vec<_> = again.collect();
    rows.extend(again);
    world.write_disputes(&rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_will_not_do_is_quiet_for_its_disputes_and_told_once_when_as_many_come_again() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (_, record) = world.largest().await;
    let key = record["ticket"]["link"]["issue"]["key"].as_str().unwrap();
    let wont_do = json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Won't Do" } } });
    person(&world, "POST", &format!("/rest/api/3/issue/{key}/transitions"), wont_do).await;
    let said = || world.issue(key)["comments"].as_array().unwrap().len();
    for _ in 0..2 {
        world.expect(0, &["run"]).await;
        assert_eq!(said(), 1, "that it stays quiet is said once");
    }
    come_again(&world, &record);
    for _ in 0..2 {
        world.expect(0, &["run"]).await;
        let issue = world.issue(key);
        assert_eq!(issue["fields"]["status"]["statusCategory"]["key"], "done");
        assert_eq!(said(), 2, "what came since is said once: {issue}");
        let words = issue["comments"].to_string();
        assert!(
            words.contains("with the same cause") && words.contains("came since this ticket was closed"),
            "{words}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_a_ticket_decides_about_the_disputes_that_it_told_of_and_no_others() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (group, record) = world.largest().await;
    let key = record["ticket"]["link"]["issue"]["key"].as_str().unwrap();
    let wont_do = json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Won't Do" } } });
    person(&world, "POST", &format!("/rest/api/3/issue/{key}/transitions"), wont_do).await;
    come_again(&world, &record);
    // The run that hears of the decision is the one that finds the others.
    world.expect(0, &["run"]).await;
    let words = world.issue(key)["comments"].to_string();
    assert!(words.contains("came since this ticket was closed"), "{group}: {words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_that_would_part_nothing_or_into_too_many_parts_is_answered_and_not_made() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let mut rows = disputes();
    let (_, record) = world.largest().await;
    let key = record["ticket"]["link"]["issue"]["key"].as_str().unwrap();
    let members = record["group"]["members"].as_array().unwrap();
    let own: Vec<_> =
        rows.iter().filter(|row| members.iter().any(|id| *id == *row.dispute_id)).cloned().collect();
    // With the check digit of an NPI (ISO 7812 over the prefix 80840).
    let npi = |number: u32| {
        let digits = format!("80840{}", 100_000_000 + number);
        let doubled = digits.bytes().rev().enumerate().map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            value / 10 + value % 10
        });
        let check = (10 - doubled.sum::<u32>() % 10) % 10;
        format!("{}{check}", &digits[5..])
    };
    let joined = own.iter().cycle().zip(0..60).map(|(row, number)| disputebot::generate::Record {
        dispute_id: format!("{}-{number}", row.dispute_id),
        pharmacy_npi: npi(number),
        ..row.clone()
    });
    rows.extend(joined.collect::<Vec<_>>());
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let analyst = world.sandbox.person(&User::analyst());
    for order in ["split by pharmacy npi", "split by labeler"] {
        analyst.comment(key, &format!("/disputebot {order}")).unwrap();
    }
    world.expect(0, &["run"]).await;
    let words = world.issue(key)["comments"].to_string();
    assert!(words.contains("at most 50 parts can be kept apart"), "{words}");
    assert!(words.contains("its disputes do not differ in labeler"), "{words}");
    assert!(!words.contains("kept apart from the next run"), "{words}");
    let before = world.groups().await.len();
    world.expect(0, &["run"]).await;
    assert_eq!(world.groups().await.len(), before, "nothing was split");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_too_small_for_a_ticket_gets_one_when_its_deadline_is_near() {
    let world = World::new().await;
    world.write_config("[plan]\nmin_disputes = 1000\namount_alone = \"100000000\"\n");
    world.expect(0, &["run"]).await;
    let groups = world.groups().await;
    let has_none = |record: &Value| record["ticket"]["link"]["issue"].is_null();
    let first = |record: &Value| record["group"]["members"][0].to_string();
    let (id, record) = groups.iter().filter(|(_, it)| has_none(it)).min_by_key(|(_, it)| first(it)).unwrap();
    let before = world.sandbox.issues().len();
    let soon = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let soon = soon.saturating_add(jiff::ToSpan::days(5)).to_string();
    let members = record["group"]["members"].as_array().unwrap();
    let mut rows = disputes();
    for row in rows.iter_mut().filter(|row| members.iter().any(|id| *id == *row.dispute_id)) {
        row.due_at.clone_from(&soon);
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    assert_eq!(world.sandbox.issues().len(), before + 1);
    let issue = world.issues_by_group()[id][0].clone();
    assert_eq!(issue["fields"]["duedate"], soon);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_409_a_ticket_is_looked_at_before_it_is_edited_again_whether_or_not_the_edit_was_made() {
    let edits = Regex::new(r"/issue/\d+$").unwrap();
    for cloud in [true, false] {
        for after in [false, true] {
            let world = if cloud { World::new().await } else { World::data_center().await };
            world.expect(0, &["run"]).await;
            let seen = world.sandbox.requests().len();
            let (status, headers, body) = (409, Vec::new(), "another write came first".to_owned());
            let effect = if after {
                Effect::AnswerAfterCommit { status, headers, body }
            } else {
                Effect::Answer { status, headers, body }
            };
            let matches = Matches::Like { method: "PUT".to_owned(), path: edits.clone() };
            world.sandbox.inject(Fault { nth: 1, matches, effect });
            world.write_disputes(&changed());
            world.expect(0, &["run"]).await;
            let when = format!("cloud: {cloud}, after: {after}");
            for issue in world.sandbox.issues() {
                assert_eq!(issue["fields"]["duedate"], "2027-01-31", "{when}: {}", issue["key"]);
                assert_eq!(
                    issue["comments"].as_array().unwrap().len(),
                    0,
                    "{when}: nobody is taken for a person"
                );
            }
            let requests = world.sandbox.requests().split_off(seen);
            let refused = requests.iter().position(|it| it.status == Some(409)).unwrap();
            let id = requests[refused].path.rsplit('/').next().unwrap().to_owned();
            let looks = |it: &disputebot::sandbox::Recorded| {
                it.method == "GET" && it.path.ends_with(&id)
                    || it.path.ends_with("/bulkfetch") && it.body.to_string().contains(&id)
            };
            let next: Vec<_> = requests[refused + 1..]
                .iter()
                .filter(|it| looks(it) || it.method == "PUT" && it.path == requests[refused].path)
                .map(|it| it.method == "PUT")
                .collect();
            assert_eq!(next.first(), Some(&false), "{when}: it is looked at first");
            assert_eq!(next.iter().filter(|is_edit| **is_edit).count(), usize::from(!after), "{when}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_wrote_in_the_moment_of_an_edit_is_given_back_in_one_comment_on_both_products() {
    let path = Regex::new("/issue/[^/]+$").unwrap();
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let matches = Matches::Like { method: "PUT".to_owned(), path: path.clone() };
        world.sandbox.inject(Fault { nth: 1, matches, effect: Effect::UnnoticedEdit });
        world.write_disputes(&changed());
        world.expect(0, &["run"]).await;
        let is_theirs = |issue: &&Value| {
            issue["history"].as_array().unwrap().iter().any(|it| it.to_string().contains("Called them."))
        };
        let issue = world.sandbox.issues().into_iter().find(|issue| is_theirs(&issue)).unwrap();
        let key = issue["key"].as_str().unwrap();
        assert!(!issue["fields"]["description"].to_string().contains("Called them."), "it was overwritten");
        let of_loss = || {
            let said = world.said(key);
            said.into_iter().filter(|said| said.contains("took the place of theirs")).collect::<Vec<_>>()
        };
        assert_eq!(of_loss(), Vec::<String>::new(), "the history is read by the next run");
        for _ in 0..2 {
            world.expect(0, &["run"]).await;
            let said = of_loss();
            assert!(
                said.iter().any(|said| said.contains("the description") && said.contains("Called them.")),
                "{said:?}"
            );
            // Where the edit wrote no summary, theirs stands.
            let summary = issue["fields"]["summary"].as_str().unwrap();
            let is_lost = !summary.ends_with("(checked)");
            let told = said.iter().any(|said| said.contains("the summary") && said.contains("(checked)"));
            assert_eq!(told, is_lost, "{summary}: {said:?}");
            assert_eq!(said.len(), 1 + usize::from(is_lost), "each once: {said:?}");
        }
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes, "and then it is quiet");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_come_back_beside_the_labels_of_people_by_verbs_alone() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let issue = world.sandbox.issues()[0].clone();
        let (key, ours) = (issue["key"].as_str().unwrap(), issue["fields"]["labels"].clone());
        let person = world.sandbox.person(&User::analyst());
        person.edit(key, &json!({ "fields": { "labels": ["theirs", "and-more"] } })).unwrap();
        let seen = world.sandbox.requests().len();
        world.expect(0, &["run"]).await;
        let mut labels: Vec<Value> =
            world.sandbox.issues()[0]["fields"]["labels"].as_array().unwrap().clone();
        let mut wanted =
            [ours.as_array().unwrap().clone(), vec![json!("theirs"), json!("and-more")]].concat();
        for labels in [&mut labels, &mut wanted] {
            labels.sort_by_key(Value::to_string);
        }
        assert_eq!(labels, wanted);
        for request in world.sandbox.requests().split_off(seen).iter().filter(|it| it.method == "PUT") {
            assert!(request.body["fields"]["labels"].is_null(), "labels are never set: {}", request.body);
            let verbs = request.body["update"]["labels"].as_array().cloned().unwrap_or_default();
            assert!(verbs.iter().all(|verb| verb["add"].is_string()), "{}", request.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disputes_that_are_withdrawn_or_dismissed_end_as_others_do() {
    for ended in ["withdrawn", "dismissed"] {
        let world = World::new().await;
        world.expect(0, &["run"]).await;
        let (group, record) = world.largest().await;
        let members = record["group"]["members"].as_array().unwrap().clone();
        let mut rows = disputes();
        for row in rows.iter_mut().filter(|row| members.iter().any(|id| *id == *row.dispute_id)) {
            ended.clone_into(&mut row.status);
        }
        world.write_disputes(&rows);
        world.expect(0, &["run"]).await;
        let issue = world.issues_by_group()[&group][0].clone();
        assert_eq!(issue["fields"]["status"]["name"], "Done", "{ended}");
        let said = issue["comments"].to_string();
        assert!(said.contains("All disputes of this ticket are resolved or withdrawn"), "{ended}: {said}");
        assert!(!world.groups().await.contains_key(&group), "{ended}: it is over");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_a_ticket_whose_disputes_are_settled_decides_nothing_and_it_is_reopened_when_they_are_back()
 {
    for resolve in [true, false] {
        let world = World::new().await;
        world.write_config(&format!("[plan]\nresolve = {resolve}\n"));
        world.expect(0, &["run"]).await;
        let (group, record) = world.largest().await;
        let members = record["group"]["members"].as_array().unwrap().clone();
        let key = world.issues_by_group()[&group][0]["key"].as_str().unwrap().to_owned();
        let mut rows = disputes();
        for row in rows.iter_mut().filter(|row| members.iter().any(|id| *id == *row.dispute_id)) {
            "resolved".clone_into(&mut row.status);
        }
        world.write_disputes(&rows);
        let analyst = world.sandbox.person(&User::analyst());
        let done = json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Done" } } });
        analyst.transition(&key, &done).unwrap();
        assert_eq!(world.issue(&key)["fields"]["status"]["name"], "Done");
        let said = world.said(&key);
        world.expect(0, &["run"]).await;
        assert_eq!(world.said(&key), said, "there is nothing to say");

        world.write_disputes(&disputes());
        world.expect(0, &["run"]).await;
        assert_ne!(world.issue(&key)["fields"]["status"]["name"], "Done", "resolve = {resolve}");
        let said = world.said(&key).join(" ");
        assert!(said.contains("are open again") && !said.contains("was closed while"), "{said}");
        world.assert_one_ticket_per_group("returned").await;

        // The same again: each return is told.
        world.write_disputes(&rows);
        analyst.transition(&key, &done).unwrap();
        world.expect(0, &["run"]).await;
        world.write_disputes(&disputes());
        world.expect(0, &["run"]).await;
        assert_ne!(world.issue(&key)["fields"]["status"]["name"], "Done", "resolve = {resolve}, twice");
        let said = world.said(&key).join(" ");
        assert_eq!(said.matches("are open again").count(), 2, "{said}");
    }
}
