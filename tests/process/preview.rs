//! What the ticket of a group would say, shown without Jira.

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_shown_in_every_form_by_group_key_or_dispute_and_nothing_is_written() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let asked = world.sandbox.requests().len();
    let issue = world.sandbox.issues()[0].clone();
    let (key, summary) = (issue["key"].as_str().unwrap(), issue["fields"]["summary"].as_str().unwrap());
    let text = world.expect(0, &["ticket", "preview", key]).await;
    assert!(text.starts_with(&format!("summary   {summary}\n")), "{text}");
    let order = [
        "Next move: ",
        "## How much",
        "Open disputes",
        "Units disputed",
        "Money ",
        "## By when",
        "## Why these",
        "fit this rule",
        "What varies: ",
        "## Next step",
        "## Examples",
        "## Disputes",
    ];
    let places: Vec<usize> = order.iter().map(|heading| text.find(heading).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    let adf = world.expect(0, &["ticket", "preview", key, "--format", "adf"]).await;
    let adf: serde_json::Value = serde_json::from_str(&adf).unwrap();
    assert_eq!((&adf["type"], &adf["version"]), (&"doc".into(), &1.into()));
    let wiki = world.expect(0, &["ticket", "preview", key, "--format", "wiki"]).await;
    assert!(wiki.contains("h2. How much"), "{wiki}");
    let html = world.expect(0, &["ticket", "preview", key, "--format", "html"]).await;
    assert!(html.starts_with("<!doctype html>") && html.contains("<h2>How much</h2>"), "{html}");

    // Each form has every word of the ticket, whatever stands between them.
    // The number of a step is the form's own.
    let number = |line: &str| line.trim_start_matches(|sign: char| sign.is_ascii_digit()).starts_with(". ");
    let said = text.split_once("\n\n").unwrap().1.lines();
    let said: Vec<&str> =
        said.map(|line| if number(line) { line.split_once(". ").unwrap().1 } else { line }).collect();
    let said = said.join("\n");
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|sign: char| !sign.is_alphanumeric());
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let has_all = |name: &str, form: &str| {
        let there: std::collections::BTreeSet<String> = words(form).into_iter().collect();
        let lacking: Vec<String> = words(&said).into_iter().filter(|word| !there.contains(word)).collect();
        assert!(lacking.is_empty(), "{name} lacks {lacking:?}");
    };
    for (name, form) in [("adf", adf.to_string()), ("wiki", wiki), ("html", html)] {
        has_all(name, &form);
    }

    let groups = world.groups().await;
    let (group, record) =
        groups.iter().find(|(group, _)| issue["fields"]["labels"].to_string().contains(*group)).unwrap();
    let dispute = record["group"]["members"][0].as_str().unwrap();
    for name in [&group[..8], dispute] {
        assert_eq!(world.expect(0, &["ticket", "preview", name]).await, text, "{name}");
    }
    let alone = ["--set", "state.dir=none", "ticket", "preview", dispute, "--input", "disputes.csv"];
    let alone = world.expect(0, &alone).await;
    assert!(alone.contains("## How much"), "without a state: {alone}");
    assert_eq!(world.sandbox.requests().len(), asked, "Jira is not asked");
    world.expect(2, &["ticket", "preview", "ffffffffffff"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_and_preview_know_a_group_by_the_same_names() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let (group, record) = world.largest().await;
    let key = record["ticket"]["link"]["issue"]["key"].as_str().unwrap().to_owned();
    let dispute = record["group"]["members"][0].as_str().unwrap().to_owned();
    for name in [&group[..8], &format!("dispute-group-{group}"), &key, &dispute] {
        let explained = world.expect(0, &["explain", name, "--json"]).await;
        let explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
        assert_eq!(explained["group"], *group, "explain {name}");
        let shown = world.expect(0, &["ticket", "preview", name]).await;
        assert!(shown.contains(&format!("dispute-group-{group}")), "preview {name}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn templates_of_the_operator_are_tried_by_check_those_of_single_causes_as_well() {
    let world = World::new().await;
    std::fs::create_dir(world.path("own")).unwrap();
    world.write_config("[ticket]\ntemplates = \"own\"\n");
    std::fs::write(world.path("own/summary.txt"), "{{ cause.name }} of {{ client }}").unwrap();
    std::fs::write(world.path("own/description-7.md"), "For {{ client }}:\n\n{{ cause.nam }}").unwrap();
    let said = world.expect(3, &["check"]).await;
    assert!(said.contains("template `description-7.md`, line 3"), "{said}");
    std::fs::write(world.path("own/description-7.md"), "For {{ client }}:\n\n{{ cause.name }}").unwrap();
    let said = world.expect(0, &["check"]).await;
    assert!(said.contains("2 of your own"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tries_templates_of_a_single_cause_with_that_cause_and_with_groups_that_lack_what_they_can_lack()
 {
    let world = World::new().await;
    std::fs::create_dir(world.path("own")).unwrap();
    world.write_config("[ticket]\ntemplates = \"own\"\n");
    for (name, text, place) in [
        ("cause-7.md", "{{ cause.nam }}", "template `cause-7.md`, line 1"),
        ("summary-7.txt", "of {{ clint }}", "template `summary-7.txt`, line 1"),
        // Only a ticket of that cause comes here.
        (
            "cause-10.md",
            "\n{% if cause.id == \"10\" %}{{ cause.ratio }}{% endif %}",
            "template `cause-10.md`, line 2",
        ),
        // A group may be the only one of its client, and have no due date that a clock is counted from.
        ("description.md", "Beside {{ neighbour.group }}", "template `description.md`, line 1"),
        ("description-3.md", "\n\n{{ clocks[0].due }}", "template `description-3.md`, line 3"),
    ] {
        std::fs::write(world.path(&format!("own/{name}")), text).unwrap();
        let said = world.expect(3, &["check"]).await;
        assert!(said.contains(place), "`{place}` in {said}");
        let output = world.run(&["run"]).await;
        assert_eq!(output.status.code(), Some(3), "and no run begins with it: {output:?}");
        std::fs::remove_file(world.path(&format!("own/{name}"))).unwrap();
    }
    assert!(world.sandbox.issues().is_empty());
    world.expect(0, &["check"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_of_the_operator_for_one_cause_is_on_its_tickets_alone_in_every_form_of_the_preview() {
    let world = World::new().await;
    std::fs::create_dir(world.path("own")).unwrap();
    world.write_config("[ticket]\ntemplates = \"own\"\n");
    world.expect(0, &["run"]).await;
    let mut by_cause: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for group in world.groups().await.keys() {
        let told = world.expect(0, &["explain", group, "--json"]).await;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let number = told["cause"]["id"].as_str().unwrap().to_owned();
        by_cause.entry(number).or_default().push(group.clone());
    }
    by_cause.remove("");
    assert!(by_cause.len() > 1, "{by_cause:?}");
    let (number, of_it) = by_cause.pop_first().unwrap();
    let cause = "## From our desk\n\nAsk **{{ cause.who }}** about *{{ client }}* first, by `desk 7`.\n";
    std::fs::write(world.path(&format!("own/cause-{number}.md")), cause).unwrap();
    std::fs::write(world.path(&format!("own/summary-{number}.txt")), "Desk: {{ cause.name }}").unwrap();
    let forms: [(&str, &[&str]); 4] = [
        ("text", &["summary   Desk: ", "## From our desk\n", "first, by desk 7"]),
        ("adf", &["\"text\": \"From our desk\"", "\"type\": \"strong\"", "\"type\": \"code\""]),
        ("wiki", &["h2. From our desk", "Ask *", "{{desk 7}}"]),
        ("html", &["<title>Desk: ", "<h2>From our desk</h2>", "<code>desk 7</code>"]),
    ];
    for (form, parts) in forms {
        for group in &of_it {
            let shown = world.expect(0, &["ticket", "preview", group, "--format", form]).await;
            for part in parts {
                assert!(shown.contains(part), "{form}: `{part}` in {shown}");
            }
        }
        for group in by_cause.values().flatten() {
            let shown = world.expect(0, &["ticket", "preview", group, "--format", form]).await;
            assert!(!shown.contains("From our desk") && !shown.contains("Desk: "), "{form}: {shown}");
        }
    }
    // And so it is on the tickets, from the next run on.
    world.expect(0, &["run"]).await;
    let issues = world.issues_by_group();
    for group in &of_it {
        let fields = &issues[group][0]["fields"];
        assert!(fields["summary"].as_str().unwrap().starts_with("Desk: "), "{fields}");
        assert!(fields["description"].to_string().contains("From our desk"), "{fields}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_tells_its_trend_money_to_be_had_back_and_disputes_without_an_amount() {
    let world = World::new().await;
    let without = |rows: &mut Vec<disputebot::generate::Record>| {
        for row in rows.iter_mut().step_by(3) {
            row.amount_disputed.clear();
        }
    };
    let mut rows = crate::world::disputes();
    without(&mut rows);
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let texts = |world: &World| -> Vec<String> {
        let text =
            |issue: serde_json::Value| disputebot::ticket::adf::text_of(&issue["fields"]["description"]);
        world.sandbox.issues().into_iter().map(text).collect()
    };
    for words in [
        "Money recoverable (already paid)about $",
        "Money exposed (unpaid until settled)about $",
        "Disputes without an amount",
    ] {
        assert!(texts(&world).iter().any(|text| text.contains(words)), "`{words}` is on no ticket");
    }
    assert!(!texts(&world).iter().any(|text| text.contains("Last change")), "nothing has changed yet");
    // A few are settled. On the same day the course has one point, so the change is told from the next day on; what is
    // counted without an amount follows at once.
    let (group, record) = world.largest().await;
    let member = record["group"]["members"][0].clone();
    let before = record["figures"]["disputes"].as_u64().unwrap();
    rows.retain(|row| *row.dispute_id != member);
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let issue = world.issues_by_group()[&group][0].clone();
    let text = disputebot::ticket::adf::text_of(&issue["fields"]["description"]);
    assert!(text.contains(&format!("Open disputes{}", before - 1)), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_input_has_no_rows_that_is_told_and_not_that_the_disputes_are_gone() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let key = world.sandbox.issues()[0]["key"].as_str().unwrap().to_owned();
    for command in [vec!["explain", &key], vec!["ticket", "preview", &key]] {
        let output = world.run(&[&command[..], &["--set", "source.paths=misspelt*.csv"]].concat()).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains("no file matches `") && said.contains("misspelt*.csv`"), "{said}");
    }
}
