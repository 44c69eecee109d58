//! What people decide without an order: links, closings and labels, over real HTTP.

use std::collections::BTreeMap;

use disputebot::sandbox::User;
use serde_json::Value;

use crate::people::person;
use crate::world::{World, disputes, text, words};

/// Disputes of another day, so that each is another input.
fn day(number: u32) -> Vec<disputebot::generate::Record> {
    let mut rows = disputes();
    for row in &mut rows {
        row.due_at = format!("2027-03-{number:02}");
    }
    rows
}

fn description(world: &World, key: &str) -> String {
    words(&world.issue(key)["fields"]["description"])
}

/// Two groups of one client and program, with the keys of their tickets.
async fn pair(world: &World) -> [(String, String); 2] {
    let (groups, issues) = (world.groups().await, world.issues_by_group());
    let kind = |id: &str| (groups[id]["group"]["client"].clone(), groups[id]["group"]["program"].clone());
    let ids: Vec<&String> = groups.keys().collect();
    let both = ids.iter().flat_map(|one| ids.iter().map(move |other| [*one, *other]));
    let found = both.into_iter().find(|[one, other]| one != other && kind(one) == kind(other)).unwrap();
    found.map(|id| (id.clone(), issues[id][0]["key"].as_str().unwrap().to_owned()))
}

/// A person takes all links of a ticket away.
async fn unlink(world: &World, key: &str) {
    let links = world.issue(key)["fields"]["issuelinks"].as_array().unwrap().clone();
    assert!(!links.is_empty());
    for link in links {
        let path = format!("/rest/api/3/issueLink/{}", link["id"].as_str().unwrap());
        person(world, "DELETE", &path, Value::Null).await;
    }
}

fn members(groups: &BTreeMap<String, Value>, id: &str) -> usize {
    groups.get(id).map_or(0, |group| group["group"]["members"].as_array().unwrap().len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_link_by_a_person_keeps_the_disputes_of_both_together_and_both_tickets_say_so() {
    for (world, closes) in [(World::new().await, false), (World::data_center().await, true)] {
        world.expect(0, &["run"]).await;
        let [(from, loser), (into, survivor)] = pair(&world).await;
        let before = world.groups().await;
        let all = members(&before, &from) + members(&before, &into);
        let person = world.sandbox.person(&User::analyst());
        if closes {
            person.close_as_duplicate(&loser, &survivor).unwrap();
        } else {
            person.link_as_duplicate(&loser, &survivor).unwrap();
        }
        // Two inputs that show two causes would part them again, were it not for what the person said.
        for number in 1..=4 {
            world.write_disputes(&day(number));
            world.expect(0, &["run"]).await;
        }
        let after = world.groups().await;
        assert_eq!((members(&after, &from), members(&after, &into)), (0, all), "closed: {closes}");
        assert_eq!(world.issue(&loser)["fields"]["status"]["name"], "Done");
        let merged = |words: &str| format!("A person merged {words}");
        let here = world.said(&loser);
        assert_eq!(
            here.iter().filter(|it| it.contains(&merged(&format!("this ticket into {survivor}")))).count(),
            1,
            "{here:?}"
        );
        let there = world.said(&survivor);
        assert_eq!(
            there.iter().filter(|it| it.contains(&merged(&format!("{loser} into this ticket")))).count(),
            1,
            "{there:?}"
        );
        let shown = description(&world, &survivor);
        assert!(shown.contains(&merged(&format!("{loser} with another ticket"))), "{shown}");
        assert_eq!(world.sandbox.issues().len(), before.len(), "no ticket was opened for it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_that_a_person_made_by_a_link_is_taken_back_by_taking_the_link_away() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let [(_, loser), (_, survivor)] = pair(&world).await;
    let analyst = world.sandbox.person(&User::analyst());
    analyst.link_as_duplicate(&loser, &survivor).unwrap();
    let told = format!("A person merged {loser} with another ticket");
    for number in 1..=2 {
        world.write_disputes(&day(number));
        world.expect(0, &["run"]).await;
    }
    assert!(description(&world, &survivor).contains(&told));
    unlink(&world, &loser).await;
    // The two inputs on which they are two causes part them again.
    for number in 3..=6 {
        world.write_disputes(&day(number));
        world.expect(0, &["run"]).await;
    }
    let shown = description(&world, &survivor);
    assert!(!shown.contains(&told), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_link_to_a_ticket_that_a_person_closed_merges_nothing_into_it() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let [(from, loser), (_, closed)] = pair(&world).await;
    let analyst = world.sandbox.person(&User::analyst());
    let wont_do = serde_json::json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Won't Do" } } });
    analyst.transition(&closed, &wont_do).unwrap();
    world.expect(0, &["run"]).await;
    analyst.link_as_duplicate(&loser, &closed).unwrap();
    for number in 1..=2 {
        world.write_disputes(&day(number));
        world.expect(0, &["run"]).await;
    }
    assert!(members(&world.groups().await, &from) > 0, "its disputes stay where they are open");
    let said = world.said(&loser);
    let why =
        format!("as a duplicate of {closed}. Their disputes are not counted together: a person closed it.");
    assert_eq!(said.iter().filter(|text| text.contains(&why)).count(), 1, "{said:?}");
    assert_ne!(world.issue(&loser)["fields"]["status"]["statusCategory"]["key"], "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_hands_a_field_back_and_is_gone_once_it_is_written() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let key = world.sandbox.issues()[0]["key"].as_str().unwrap().to_owned();
        let ours = world.issue(&key)["fields"]["summary"].clone();
        let person = world.sandbox.person(&User::analyst());
        let label = |name: &str| serde_json::json!({ "update": { "labels": [{ "add": name }] } });
        person.edit(&key, &serde_json::json!({ "fields": { "summary": "mine" } })).unwrap();
        person.edit(&key, &label("by-a-person")).unwrap();
        world.expect(0, &["run"]).await;
        let told = world.said(&key);
        assert!(told[0].contains("disputebot-take-summary"), "{told:?}");
        assert_eq!(world.issue(&key)["fields"]["summary"], "mine");
        person.edit(&key, &label("disputebot-take-summary")).unwrap();
        world.expect(0, &["run"]).await;
        let fields = world.issue(&key)["fields"].clone();
        let labels = fields["labels"].to_string();
        assert_eq!(fields["summary"], ours);
        assert!(!labels.contains("disputebot-take") && labels.contains("by-a-person"), "{labels}");
        // Once more it is a person's, and that is said once more.
        person.edit(&key, &serde_json::json!({ "fields": { "summary": "mine again" } })).unwrap();
        for _ in 0..2 {
            world.expect(0, &["run"]).await;
            assert_eq!(world.issue(&key)["fields"]["summary"], "mine again");
            assert_eq!(world.said(&key).len(), told.len() + 1);
        }
        let plan = text(&world.run(&["plan"]).await.stdout);
        assert!(plan.contains("a person changed the summary; it is theirs"), "{plan}");
        // What somebody writes after the label is not lost.
        person.edit(&key, &label("disputebot-take-summary")).unwrap();
        person.edit(&key, &serde_json::json!({ "fields": { "summary": "call the plant first" } })).unwrap();
        for _ in 0..3 {
            world.expect(0, &["run"]).await;
        }
        assert_eq!(world.issue(&key)["fields"]["summary"], ours);
        let given_back = world.said(&key);
        let given_back = given_back.iter().filter(|it| it.contains("took the place of theirs"));
        let given_back: Vec<&String> = given_back.collect();
        assert!(given_back.len() == 1 && given_back[0].contains("call the plant first"), "{given_back:?}");
        assert!(!given_back[0].contains("mine"), "that was handed back: {given_back:?}");
    }
}
