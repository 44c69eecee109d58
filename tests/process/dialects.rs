//! The same runs against Data Center and through the gateway of Cloud: the same tickets, in the same words.

use std::collections::BTreeMap;

use disputebot::{
    generate::Record,
    sandbox::{Effect, Fault, Flavour, Matches, Options, User},
    state::Known,
};
use regex::Regex;
use serde_json::{Value, json};

use crate::{
    crash::killed_at,
    world::{World, disputes},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_center_gets_one_ticket_per_group_and_a_second_run_writes_nothing() {
    let world = World::data_center().await;
    world.expect(0, &["check"]).await;
    world.expect(10, &["plan", "--check"]).await;
    assert_eq!(world.writes(), 0, "neither a check nor a plan writes anything");
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("after the first run").await;
    let writes = world.writes();
    let said = world.expect(0, &["run"]).await;
    assert!(said.starts_with("everything is up to date"), "{said}");
    assert_eq!(world.writes(), writes);
    for issue in world.sandbox.issues() {
        assert!(issue["fields"]["description"].is_string(), "{issue}");
        assert_eq!(issue["fields"]["attachment"].as_array().map(Vec::len), Some(1), "{issue}");
    }
}

/// The words of each ticket's description and of its comments as a browser shows them, by summary.
async fn words(world: &World) -> BTreeMap<String, Vec<String>> {
    let tag = Regex::new("<[^>]*>").unwrap();
    // Groups are named by chance, and tickets opened in the order of these names.
    let id = Regex::new(r"\b(?:[0-9a-f]{32}|[0-9a-f]{8}|DISP-[0-9]+)\b").unwrap();
    let mut found = BTreeMap::new();
    for issue in world.sandbox.issues() {
        let address = format!("{}/browse/{}", world.sandbox.base_url(), issue["key"].as_str().unwrap());
        let page = reqwest::get(address).await.unwrap().text().await.unwrap();
        let description =
            page.split("id=\"description\"").nth(1).unwrap().split("</section>").next().unwrap();
        let comments = page.split("id=\"comments\"").nth(1).unwrap().split("</section>").next().unwrap();
        let comments = comments.split("class=\"document\"").skip(1);
        let said: String =
            comments.map(|it| format!(" SAID <div{}", it.split("</div>").next().unwrap())).collect();
        let both = format!("{description}{said}");
        let mut text = tag.replace_all(&both, " ").into_owned();
        for (entity, sign) in [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#x27;", "'"),
            ("&#x2f;", "/"),
            ("&#39;", "'"),
            ("&amp;", "&"),
        ] {
            text = text.replace(entity, sign);
        }
        let words = id.replace_all(&text, "#").split_whitespace().map(str::to_owned).collect();
        found.insert(issue["fields"]["summary"].as_str().unwrap().to_owned(), words);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_group_says_the_same_words_on_cloud_and_on_data_center() {
    // Values of foreign columns that would act in one of the two.
    let mut rows = disputes();
    for row in &mut rows {
        row.product_name =
            format!("{{color:red}}*{}* [a|http://example.com] h1. # &amp; -x- \\\\", row.product_name);
        row.payer = format!("!{}! ||x|| {{noformat}} ~y~ :) [~admin]", row.payer);
    }
    let (cloud, center) = (World::new().await, World::data_center().await);
    // One client's disputes are settled: its tickets are closed, and say so in a comment.
    let settled = rows[0].manufacturer.clone();
    let mut later = rows.clone();
    for row in later.iter_mut().filter(|row| row.manufacturer == settled) {
        row.status = "resolved".to_owned();
    }
    let mut said = Vec::new();
    for world in [&cloud, &center] {
        world.write_disputes(&rows);
        world.expect(0, &["run"]).await;
        world.write_disputes(&later);
        world.expect(0, &["run"]).await;
        said.push(words(world).await);
    }
    assert!(
        said[0].values().any(|words| words.contains(&"SAID".to_owned())),
        "there are comments to compare"
    );
    assert!(said[0].len() > 5 && said[0].values().any(|words| words.contains(&"[~admin]".to_owned())));
    for (summary, words) in &said[0] {
        assert_eq!(Some(words), said[1].get(summary), "{summary}");
    }
    assert_eq!(said[0].len(), said[1].len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_too_what_people_write_stays() {
    let world = World::data_center().await;
    world.expect(0, &["run"]).await;
    let issue = world.sandbox.issues()[0].clone();
    let key = issue["key"].as_str().unwrap();
    let description = issue["fields"]["description"].as_str().unwrap();
    let edited = format!("h1. Mine\r\n\r\n{}\r\n\r\n* also mine", description.replace('\n', "\r\n"));
    let person = world.sandbox.person(&User::analyst());
    person.edit(key, &json!({ "fields": { "summary": "mine", "description": edited } })).unwrap();
    let mut rows = disputes();
    for row in &mut rows {
        row.amount_disputed = format!("{}0", row.amount_disputed.trim_end_matches('0'));
        row.due_at = "2027-03-01".to_owned();
    }
    rows.truncate(rows.len() - 3);
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let after = world.sandbox.issues().into_iter().find(|issue| issue["key"] == key).unwrap();
    assert_eq!(after["fields"]["summary"], "mine");
    let text = after["fields"]["description"].as_str().unwrap();
    assert!(
        text.starts_with("h1. Mine\r\n\r\n_▼ disputebot") && text.ends_with("\r\n\r\n* also mine"),
        "{text}"
    );
    assert_ne!(text, edited, "the block was kept up to date");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_a_killed_run_never_doubles_a_ticket() {
    let all = {
        let world = World::data_center().await;
        world.expect(0, &["run"]).await;
        world.writes()
    };
    for nth in (1..=all).step_by(5) {
        killed_at(World::data_center().await, nth, Effect::HangAfterCommit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_a_lost_create_is_found_past_a_frozen_index() {
    let world = World::data_center().await;
    world.sandbox.set_index(disputebot::sandbox::Index::Frozen);
    let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
    world.sandbox.inject(Fault { nth: 2, matches, effect: Effect::CloseAfterCommit });
    world.expect(6, &["run"]).await;
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("after a lost answer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scoped_tokens_go_through_the_gateway_and_links_still_lead_to_the_site() {
    let world = World::with(Options { scoped_only: true, ..Options::default() }).await;
    let said = world.expect(5, &["check"]).await;
    assert!(said.contains("credentials") && said.contains("cloud_id"), "{said}");
    world.write_config(&format!("cloud_id = \"auto\"\ngateway_url = \"{}\"\n", world.sandbox.base_url()));
    world.expect(0, &["check"]).await;
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("through the gateway").await;
    let status = world.expect(0, &["report"]).await;
    assert!(!status.contains("/ex/jira/"), "{status}");
    for request in world.sandbox.requests() {
        assert!(!request.path.contains("tenant_info") || request.who.is_none(), "it is asked by nobody");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jira_that_says_it_is_data_center_is_spoken_to_as_one_whatever_its_name() {
    let world = World::with(Options { flavour: Flavour::DataCenter, ..Options::default() }).await;
    let said = world.expect(0, &["check"]).await;
    assert!(said.contains("Jira Data Center 10.3"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_jira_teaches_is_remembered_and_kept_to() {
    for (flavour, text_limit) in [(Flavour::Cloud, 8_000), (Flavour::DataCenter, 1_800)] {
        let options = Options { flavour, text_limit, ..Options::default() };
        let world = World::with(options).await;
        // The first refusal teaches it; what was not tried after three of them is tried in the next run.
        world.expect(6, &["run"]).await;
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group("within the limit").await;
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes, "{flavour:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_another_field_shortens_no_description() {
    for (field, said, learned) in [
        ("summary", "The summary exceeds the allowed limit of 2,550 characters.", None),
        (
            "customfield_10100",
            "The entered text is too long. It exceeds the allowed limit of 2,550 characters.",
            None,
        ),
        (
            "description",
            "The entered text is too long. It exceeds the allowed limit of 25,500 characters.",
            Some(25_500),
        ),
    ] {
        let world = World::new().await;
        let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
        let body = json!({ "errorMessages": [], "errors": { field: said } }).to_string();
        let effect = Effect::Answer { status: 400, headers: Vec::new(), body };
        world.sandbox.inject(Fault { nth: 1, matches, effect });
        world.expect(6, &["run", "--set", "plan.max_new_tickets=1"]).await;
        let known = Known::read(&world.path("state")).unwrap();
        assert_eq!(known.text_limit, learned, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comment_that_is_refused_for_its_length_teaches_the_limit_and_is_said_by_the_next_run() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let (id, record) = world.largest().await;
        let members = record["group"]["members"].as_array().unwrap().clone();
        let is_gone = |row: &Record| members.contains(&Value::from(row.dispute_id.as_str()));
        world.write_disputes(&disputes().into_iter().filter(|row| !is_gone(row)).collect::<Vec<_>>());
        let issue = world.issues_by_group()[&id][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/issue/{issue}/comment");
        let comments = || {
            let requests = world.sandbox.requests();
            requests.iter().filter(|it| it.path.ends_with(&path) && it.status == Some(201)).count()
        };
        let before = comments();
        let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/comment".to_owned() };
        let said = "The entered text is too long. It exceeds the allowed limit of 25,500 characters.";
        let body = json!({ "errorMessages": [], "errors": { "comment": said } }).to_string();
        world.sandbox.inject(Fault {
            nth: 1,
            matches,
            effect: Effect::Answer { status: 400, headers: Vec::new(), body },
        });
        world.expect(6, &["run"]).await;
        assert_eq!(Known::read(&world.path("state")).unwrap().text_limit, Some(25_500));
        assert_eq!(comments(), before);
        world.expect(0, &["run"]).await;
        assert_eq!(comments(), before + 1, "the closing summary");
        assert!(world.sandbox.unused_faults().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_that_are_switched_off_are_told_and_none_is_tried() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let uploads = || world.sandbox.requests().iter().filter(|it| it.path.ends_with("/attachments")).count();
    let before = uploads();
    assert!(before > 0);
    world.sandbox.set_attachment_limit(None);
    let said = world.expect(0, &["check"]).await;
    assert!(said.contains("switched off on this site, so no list of disputes can be attached"), "{said}");
    // One fewer, so that its list is another one.
    world.write_disputes(&disputes()[1..]);
    world.expect(0, &["run"]).await;
    assert_eq!(uploads(), before);
    world.sandbox.set_attachment_limit(Some(1 << 20));
    world.expect(0, &["run"]).await;
    assert!(uploads() > before, "they are made up for");
}

/// Name and text of each list on each issue, by key.
async fn lists(world: &World) -> BTreeMap<String, Vec<(String, String)>> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let bot = User::bot();
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for issue in world.sandbox.issues() {
        let own = found.entry(issue["key"].as_str().unwrap().to_owned()).or_default();
        for file in issue["fields"]["attachment"].as_array().into_iter().flatten() {
            let request = client.get(file["content"].as_str().unwrap());
            let request = match world.sandbox.flavour() {
                Flavour::Cloud => request.basic_auth(&bot.email, Some(&bot.token)),
                Flavour::DataCenter => request.bearer_auth(&bot.token),
            };
            let text = request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
            own.push((file["filename"].as_str().unwrap().to_owned(), text));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_a_ticket_is_replaced_by_the_newer_one_and_they_do_not_pile_up() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let before = lists(&world).await;
        assert!(before.values().all(|lists| lists.len() == 1), "{before:?}");
        let left = &disputes()[7..];
        world.write_disputes(left);
        world.expect(0, &["run"]).await;
        let after = lists(&world).await;
        assert!(after.values().all(|lists| lists.len() == 1), "{after:?}");
        let is_left = |id: &str| left.iter().any(|row| row.dispute_id == id);
        let mut replaced = 0;
        for (key, lists) in &after {
            let ids = |text: &str| -> Vec<String> {
                text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
            };
            let (was, is) = (&before[key][0], &lists[0]);
            assert!(ids(&is.1).iter().all(|id| is_left(id)), "{key}: {}", is.1);
            replaced += usize::from(was.0 != is.0);
            assert_eq!(was.0 == is.0, was.1 == is.1, "{key}: another text has another name, and only that");
        }
        assert!(replaced > 0);
    }
}

/// What was known of the older list must go with it, or it is taken for one that a person removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_comes_back_that_was_replaced_by_one_whose_answer_was_lost() {
    for world in [World::new().await, World::data_center().await] {
        world.expect(0, &["run"]).await;
        let before = lists(&world).await;
        world.write_disputes(&disputes()[7..]);
        for nth in 1..=2 {
            let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/attachments".to_owned() };
            world.sandbox.inject(Fault { nth, matches, effect: Effect::CloseAfterCommit });
        }
        let mut failed = 0;
        while world.run(&["run"]).await.status.code() != Some(0) {
            failed += 1;
            assert!(failed < 5, "it does not come to rest");
        }
        let replaced = lists(&world).await;
        assert!(replaced.values().all(|lists| lists.len() == 1), "{replaced:?}");
        assert_ne!(replaced, before);
        assert_eq!(world.sandbox.unused_faults().len(), 0);
        world.write_disputes(&disputes());
        world.expect(0, &["run"]).await;
        assert_eq!(lists(&world).await, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_larger_than_the_site_takes_says_how_many_rows_it_leaves_out() {
    const MOST: usize = 3_000;
    for world in [World::new().await, World::data_center().await] {
        world.sandbox.set_attachment_limit(Some(MOST));
        world.expect(0, &["run"]).await;
        let groups = world.groups().await;
        let members: BTreeMap<String, usize> = world
            .issues_by_group()
            .into_iter()
            .map(|(group, issues)| {
                let members = groups[&group]["group"]["members"].as_array().unwrap().len();
                (issues[0]["key"].as_str().unwrap().to_owned(), members)
            })
            .collect();
        let mut cut = 0;
        for (key, lists) in lists(&world).await {
            let [(_, text)] = &lists[..] else { panic!("{key}: {lists:?}") };
            assert!(text.len() <= MOST, "{key}: {} bytes", text.len());
            let rows: Vec<&str> = text.lines().skip(1).collect();
            let more = rows.last().unwrap().strip_prefix("and ").map(|it| it.split(' ').next().unwrap());
            let (told, more) = more.map_or((rows.len(), 0), |more| (rows.len() - 1, more.parse().unwrap()));
            assert_eq!(told + more, members[&key], "{key}: {text}");
            cut += usize::from(more > 0);
        }
        assert!(cut > 0, "one is too large");
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes, "the same list is not sent again");
    }
}
