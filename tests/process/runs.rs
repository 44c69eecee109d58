//! Ordinary runs: tickets, the empty second plan, incomplete input, the report.

use std::collections::BTreeSet;

use disputebot::generate;
use serde_json::Value;

use crate::world::{World, disputes, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_opens_one_ticket_per_group_and_a_second_one_writes_nothing() {
    let world = World::new().await;
    world.expect(10, &["plan", "--check"]).await;
    assert_eq!(world.writes(), 0, "a plan writes nothing");
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("after the first run").await;
    let writes = world.writes();
    let said = world.expect(0, &["run"]).await;
    assert!(said.starts_with("everything is up to date"), "{said}");
    assert_eq!(world.writes(), writes);
    world.expect(0, &["plan", "--check"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_accounted_for() {
    let world = World::new().await;
    let mut rows = disputes();
    rows[3].ndc = "9800110001".to_owned();
    rows[5].service_date = "02/30/2026".to_owned();
    let repeated = rows[7].clone();
    rows.push(repeated);
    world.write_disputes(&rows);
    let answer: serde_json::Value = serde_json::from_str(&world.expect(0, &["run", "--json"]).await).unwrap();
    let count = |name: &str| answer["run"]["rows"][name].as_u64().unwrap();
    let sum: u64 = ["grouped", "ungrouped", "not_open", "repeated", "superseded", "rejected", "netted"]
        .iter()
        .map(|name| count(name))
        .sum();
    assert_eq!(count("read"), rows.len() as u64);
    assert_eq!(sum, rows.len() as u64, "{answer}");
    assert_eq!((count("rejected"), count("repeated")), (2, 1));
    let preview = world.expect(0, &["source", "preview", "--rejects", "1"]).await;
    assert!(preview.contains("and 1 more; `--rejects 2` shows all"), "{preview}");
    let preview = world.expect(0, &["source", "preview", "--rejects", "2"]).await;
    assert_eq!(preview.matches("\nrejected: ").count(), 2, "{preview}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incomplete_input_closes_nothing_and_shrinks_nothing() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let before = world.sandbox.issues();
    let rows = disputes();
    world.write_disputes(&rows[..rows.len() / 4]);
    let output = world.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(0));
    let said = crate::world::text(&output.stderr);
    assert!(said.contains("the input is incomplete, so nothing is closed or shrunk"), "{said}");
    assert!(world.sandbox.issues() == before, "an incomplete run changed a ticket: {said}");
    world.write_disputes(&rows);
    let said = world.expect(0, &["run"]).await;
    assert!(world.sandbox.issues() == before, "the complete input changes nothing either: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_of_settled_groups_are_closed_with_a_word() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let groups = world.groups().await;
    let (group, record) =
        groups.iter().min_by_key(|(_, record)| record["group"]["members"].as_array().unwrap().len()).unwrap();
    let members: Vec<&str> = record["group"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member.as_str().unwrap())
        .collect();
    let mut rows = disputes();
    for row in &mut rows {
        if members.contains(&row.dispute_id.as_str()) {
            row.status = "resolved".to_owned();
            row.resolved_at = "2026-11-15".to_owned();
        }
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let issue = &world.issues_by_group()[group][0];
    assert_eq!(issue["fields"]["status"]["name"], "Done");
    assert_eq!(issue["fields"]["resolution"]["name"], "Done");
    assert_eq!(issue["comments"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cap_holds_the_rest_and_says_so() {
    let world = World::new().await;
    let said = world.expect(0, &["run", "--set", "plan.max_new_tickets=2"]).await;
    assert!(said.contains("the limit of 2 new tickets per run is reached"), "{said}");
    assert_eq!(world.sandbox.issues().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_of_the_week_is_one_file_that_stays_the_same() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let path = world.expect(0, &["report"]).await;
    let page = std::fs::read(path.trim()).or_else(|_| std::fs::read(world.path(path.trim()))).unwrap();
    world.expect(0, &["report"]).await;
    let again = std::fs::read(path.trim()).or_else(|_| std::fs::read(world.path(path.trim()))).unwrap();
    assert_eq!(page, again);
    let page = String::from_utf8(page).unwrap();
    assert!(!page.contains("<script"), "no script");
    let figures: serde_json::Value =
        serde_json::from_str(&world.expect(0, &["report", "--json"]).await).unwrap();
    assert_eq!(figures["tickets"]["opened"], world.sandbox.issues().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_tells_of_groups_members_and_loners() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let groups = world.groups().await;
    // The largest one has other groups near it.
    let largest = groups.iter().max_by_key(|(_, record)| record["group"]["members"].as_array().map(Vec::len));
    let (group, record) = largest.unwrap();
    let said = world.expect(0, &["explain", &group[..8]]).await;
    let order = [
        "Why these belong together",
        "it finds",
        "What varies",
        "Examples",
        "Cause and next move",
        "to be fixed by",
        "Nearest other group",
        "Disputes",
    ];
    let places: Vec<Option<usize>> = order.iter().map(|part| said.find(part)).collect();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}\n{said}");
    let member = record["group"]["members"][0].as_str().unwrap();
    let said = world.expect(0, &["explain", member]).await;
    assert!(said.contains(&group[..8]) && said.contains(&format!("Why {member} is in it")), "{said}");
    let told: serde_json::Value =
        serde_json::from_str(&world.expect(0, &["explain", member, "--json"]).await).unwrap();
    for key in ["rule", "shared", "varying", "exemplars", "members", "has"] {
        assert!(told[key].as_array().is_some_and(|list| !list.is_empty()), "{key}: {told}");
    }
    assert!(told["precision"].as_f64().unwrap() > 0.5 && told["recall"].as_f64().unwrap() > 0.5, "{told}");
    assert!(told["cause"]["who"].is_string() && told["neighbour"]["group"].is_string(), "{told}");
    let grouped: Vec<&str> = groups
        .values()
        .flat_map(|record| record["group"]["members"].as_array().unwrap())
        .map(|member| member.as_str().unwrap())
        .collect();
    let rows = disputes();
    let (mut near, mut reasons) = (None, BTreeSet::new());
    for alone in rows.iter().filter(|row| !grouped.contains(&row.dispute_id.as_str())) {
        let said = world.expect(0, &["explain", &alone.dispute_id]).await;
        assert!(said.contains("is in no group") && said.contains("OTHERS WITH IT"), "{said}");
        let reason = said.lines().next().unwrap().split_once("is in no group: ").unwrap().1;
        assert!(reason.ends_with('.'), "{reason}");
        reasons.insert(reason.to_owned());
        if said.contains("The groups nearest to it") {
            near = Some((&alone.dispute_id, said));
            if reasons.len() > 2 {
                break;
            }
        }
    }
    assert!(reasons.len() > 2, "each has a reason of its own: {reasons:?}");
    let (alone, said) = near.unwrap();
    assert!(said.contains("it has ") && said.contains("it differs: "), "{said}");
    let told: serde_json::Value =
        serde_json::from_str(&world.expect(0, &["explain", alone, "--json"]).await).unwrap();
    assert!(told["nearest"][0]["lacks"].is_array() && told["values"][0]["others"].is_number(), "{told}");
    assert_eq!(told["company"]["min_group"], 4, "{told}");
    world.expect(4, &["explain", "no-such-thing"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_reads_back_into_an_empty_state() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let export = world.expect(0, &["state", "export"]).await;
    std::fs::write(world.path("export.jsonl"), &export).unwrap();
    world.expect(0, &["--set", "state.dir=other", "state", "import", "export.jsonl"]).await;
    let imported = world.expect(0, &["--set", "state.dir=other", "state", "export"]).await;
    let (records, doubt) = imported.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(records.split_once('\n').unwrap().1, export.trim_end().split_once('\n').unwrap().1);
    assert!(doubt.contains("the state was imported from an export"), "{doubt}");
    world.expect(7, &["--set", "state.dir=other", "state", "import", "export.jsonl"]).await;
    world.expect(0, &["state", "rebuild"]).await;
    assert_eq!(world.expect(0, &["state", "export"]).await, export);
    world.expect(0, &["state", "verify"]).await;
    let cut: String = export.split_inclusive('\n').take(3).collect();
    std::fs::write(world.path("cut.jsonl"), cut).unwrap();
    world.expect(7, &["--set", "state.dir=third", "state", "import", "cut.jsonl"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_restores_and_a_damaged_journal_names_the_ways_out() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let export = world.expect(0, &["state", "export"]).await;
    let made: serde_json::Value =
        serde_json::from_str(&world.expect(0, &["state", "backup", "b.jsonl.gz", "--json"]).await).unwrap();
    let found: serde_json::Value =
        serde_json::from_str(&world.expect(0, &["state", "verify", "--json"]).await).unwrap();
    assert_eq!(made["head"], found["head"]);
    let head = format!("{}:{}", found["head"]["seq"], found["head"]["hash"].as_str().unwrap());
    world.expect(0, &["report"]).await;
    let page = std::fs::read_dir(world.path("reports")).unwrap().next().unwrap().unwrap().path();
    assert!(std::fs::read_to_string(page).unwrap().contains(&format!("state verify --head {head}")));
    world.expect(0, &["state", "verify", "--head", &head]).await;
    world.expect(2, &["state", "verify", "--head", "812"]).await;
    // A copy of the folder from before, which no command of ours made.
    std::fs::rename(world.path("state"), world.path("later")).unwrap();
    world.write_disputes(&crate::world::disputes()[..1]);
    world.expect(0, &["run", "--set", "jira.project=DISP", "--take-over"]).await;
    let output = world.run(&["state", "verify", "--head", &head]).await;
    let said = crate::world::text(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("it is an older copy, or records were taken from it"), "{said}");
    std::fs::remove_dir_all(world.path("state")).unwrap();
    std::fs::rename(world.path("later"), world.path("state")).unwrap();
    world.write_disputes(&crate::world::disputes());

    let journal = std::fs::read_dir(world.path("state/journal")).unwrap().map(|it| it.unwrap().path());
    for month in journal.filter(|path| path.extension().is_some_and(|it| it == "jsonl")) {
        let text = std::fs::read_to_string(&month).unwrap();
        std::fs::write(&month, text.replacen("\"seq\":1,", "\"seq\":9,", 1)).unwrap();
    }
    for command in [&["run"][..], &["state", "verify"], &["state", "rebuild"]] {
        let output = world.run(command).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(7), "{said}");
        assert!(said.contains("state restore FILE") && said.contains("state rebuild --from jira"), "{said}");
    }
    let tickets = world.sandbox.issues().len();
    let said = world.expect(0, &["state", "rebuild", "--from", "jira", "--json"]).await;
    let rebuilt: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(rebuilt["tickets"], tickets, "{said}");
    world.expect(0, &["run"]).await;
    world.expect(0, &["state", "verify"]).await;
    assert_eq!(world.sandbox.issues().len(), tickets, "all are found again, none is opened");
    world.expect(0, &["state", "restore", "b.jsonl.gz"]).await;
    let restored = world.expect(0, &["state", "export"]).await;
    let (records, doubt) = restored.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(records.split_once('\n').unwrap().1, export.trim_end().split_once('\n').unwrap().1);
    assert!(doubt.contains("restored from a backup"), "{doubt}");
    world.expect(0, &["state", "verify"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_damaged_vault_every_command_tells_it_or_stands_on_the_journal_and_no_ticket_doubles() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let tickets = world.sandbox.issues().len();
    let before = world.expect(0, &["state", "export"]).await;
    let files = files_below(&world.path("state"));
    let vault: Vec<_> = files.iter().filter(|path| !path.starts_with(world.path("state/journal"))).collect();
    let large = vault.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let whole = std::fs::read(large).unwrap();
    for damage in 0..4 {
        let mut bytes = whole.clone();
        match damage {
            0 => bytes.truncate(whole.len() / 2),
            1 => bytes.fill(0),
            2 => bytes[whole.len() / 3..].fill(0xff),
            _ => bytes.clear(),
        }
        std::fs::write(large, &bytes).unwrap();
        let output = world.run(&["run"]).await;
        let said = text(&output.stderr);
        let code = output.status.code();
        assert!(code == Some(0) || code == Some(7), "damage {damage}: {code:?} {said}");
        assert!(!said.contains("panicked"), "damage {damage}: {said}");
        if code == Some(7) {
            assert!(said.contains("state rebuild --from journal"), "damage {damage}: {said}");
            world.expect(0, &["state", "rebuild", "--from", "journal"]).await;
        }
        world.expect(0, &["run"]).await;
        assert_eq!(world.sandbox.issues().len(), tickets, "damage {damage}");
        world.assert_one_ticket_per_group(&format!("after damage {damage}")).await;
        let groups = |export: &str| export.lines().filter(|line| line.contains("\"ticket\"")).count();
        assert_eq!(groups(&world.expect(0, &["state", "export"]).await), groups(&before), "damage {damage}");
    }
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_keeps_no_claim_no_day_of_service_no_note_and_no_unit_rebate_amount() {
    let world = World::new().await;
    let mut rows = disputes();
    for (number, row) in rows.iter_mut().enumerate() {
        row.claim_ref = format!("CLAIMCANARY{number}");
        row.note = format!("{} patientcanary{number}", row.note);
        row.service_date = format!("1987-{:02}-{:02}", number % 12 + 1, number % 28 + 1);
        row.unit_rebate_amount = format!("13.37{number:04}");
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let (files, mut found) = (files_below(&world.path("state")), Vec::new());
    for path in &files {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).to_lowercase();
        // Sums of money have two decimals and may well end in 13.37.
        let canaries = ["claimcanary", "patientcanary", "1987-", "13.370"];
        found.extend(canaries.into_iter().filter(|canary| text.contains(canary)));
    }
    assert!(files.len() > 2, "the state was looked at");
    assert_eq!(found, Vec::<&str>::new());
}

/// The disputes of each group that the state knows.
async fn groups_of(world: &World) -> Vec<Vec<String>> {
    let ids = |group: &Value| -> Vec<String> {
        let members = group["group"]["members"].as_array().unwrap().iter();
        members.map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    world.groups().await.values().map(ids).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_all_disputes_ever_seen_show_is_no_cause_and_without_them_nothing_is_planned() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let largest = groups_of(&world).await.into_iter().max_by_key(Vec::len).unwrap();
    let mut rows = disputes();
    rows.retain(|row| largest.contains(&row.dispute_id));
    let copies = (0..200).flat_map(|copy| {
        rows.iter().map(move |row| generate::Record {
            dispute_id: format!("E-{copy}-{}", row.dispute_id),
            ..row.clone()
        })
    });
    let copies: Vec<generate::Record> = copies.collect();

    let world = World::new().await;
    world.write_config("[cluster]\nreference = [\"all.csv\"]\n");
    let said = text(&world.run(&["run"]).await.stderr);
    assert!(said.contains("what is ordinary cannot be known") && said.contains("all.csv"), "{said}");
    assert_eq!(world.sandbox.issues(), Vec::<Value>::new());
    let said = world.expect(4, &["check"]).await;
    assert!(said.contains("FAIL") && said.contains("source of cluster.reference"), "{said}");

    let unread = generate::Record { dispute_id: String::new(), ..copies[0].clone() };
    world.write_disputes(&copies.iter().cloned().chain([unread]).collect::<Vec<_>>());
    std::fs::rename(world.path("disputes.csv"), world.path("all.csv")).unwrap();
    world.write_disputes(&disputes());
    let said = world.expect(0, &["check"]).await;
    let line = said.lines().find(|line| line.contains("source of cluster.reference")).unwrap();
    assert!(line.contains(&format!("{} disputes, 1 row rejected, such as ", copies.len())), "{line}");
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("skipped 1 row of") && said.contains("all.csv"), "{said}");
    let groups = groups_of(&world).await;
    let shared = |group: &Vec<String>| group.iter().filter(|id| largest.contains(id)).count();
    assert!(groups.iter().all(|group| shared(group) * 2 < largest.len()), "so it is always");
    assert!(groups.len() > 1, "and the others are found as before");
}
