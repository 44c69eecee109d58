//! Fields of the project: found by name, tried before the first write, set, kept up to date, and left to people.

use disputebot::sandbox::{
    CustomField, Effect, Fault, FieldKind, Flavour, Mandatory, Matches, Options, Sandbox, User,
};
use serde_json::{Value, json};

use crate::{
    people::person,
    world::{World, disputes, text},
};

const AMOUNT: &str = "customfield_10100";
const TEAM: &str = "customfield_10101";
const NOTE: &str = "customfield_10102";

fn field(id: &str, name: &str, kind: FieldKind) -> CustomField {
    CustomField { id: id.to_owned(), name: name.to_owned(), kind }
}

fn add_fields(sandbox: &Sandbox) {
    let options = ["Rebates", "Pricing"].map(str::to_owned).to_vec();
    for field in [
        field(AMOUNT, "Amount exposed", FieldKind::Text),
        field(TEAM, "Team", FieldKind::Select(options)),
        field(NOTE, "Audit note", FieldKind::Paragraph),
    ] {
        sandbox.add_field("DISP", field).unwrap();
    }
}

/// A world whose project has three fields, and a config that sets them.
async fn with_fields() -> World {
    let world = World::new().await;
    add_fields(&world.sandbox);
    world.write_config(CONFIG);
    world
}

const CONFIG: &str = "[jira.fields]\n\"amount exposed\" = \"{{ amount_number }}\"\nTeam = \"rebates\"\n\
                      \"Audit note\" = \"Made for {{ client }}\\n{color:red}*checked*\"\n";

fn words(value: &Value) -> String {
    disputebot::ticket::adf::text_of(value)
}

fn posts(world: &World) -> usize {
    let requests = world.sandbox.requests();
    requests.iter().filter(|it| it.method == "POST" && it.path.ends_with("/issue")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configured_fields_are_set_and_a_second_run_writes_nothing() {
    let world = with_fields().await;
    let said = world.expect(0, &["check"]).await;
    assert!(said.contains("`Amount exposed` (customfield_10100) takes a line of text"), "{said}");
    assert!(said.contains("`Team` (customfield_10101) will be `Rebates`"), "{said}");
    let plan = world.expect(0, &["plan", "--full"]).await;
    assert!(plan.contains("+ Team  Rebates"), "{plan}");
    world.expect(0, &["run"]).await;
    for issue in world.sandbox.issues() {
        let fields = &issue["fields"];
        let amount: u64 = fields[AMOUNT].as_str().unwrap().parse().unwrap();
        let digits = amount.to_string();
        assert!(digits.trim_end_matches('0').len() <= 2, "two significant digits leave, not {digits}");
        assert_eq!(fields[TEAM]["value"], "Rebates");
        assert!(words(&fields[NOTE]).contains("{color:red}*checked*"), "{}", fields[NOTE]);
    }
    let writes = world.writes();
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("up to date"), "{said}");
    assert_eq!(world.writes(), writes);
    world.assert_one_ticket_per_group("with fields").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_jira_teaches_holds_for_fields_of_several_lines_too() {
    for (flavour, text_limit) in [(Flavour::Cloud, 8_000), (Flavour::DataCenter, 2_000)] {
        let world = World::with(Options { flavour, text_limit, ..Options::default() }).await;
        add_fields(&world.sandbox);
        let note: String = (0..150).map(|line| format!("Line {line} of a very long note.\\n")).collect();
        world.write_config(&format!("[jira.fields]\n\"Audit note\" = \"{note}\"\n"));
        let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
        let said = format!("The text is too long. It exceeds the allowed limit of {text_limit} characters.");
        let body = json!({ "errorMessages": [], "errors": { "description": said } }).to_string();
        let effect = Effect::Answer { status: 400, headers: Vec::new(), body };
        world.sandbox.inject(Fault { nth: 1, matches, effect });
        world.expect(6, &["run", "--set", "plan.max_new_tickets=1"]).await;
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group("within the limit").await;
        for issue in world.sandbox.issues() {
            let note = match &issue["fields"][NOTE] {
                Value::String(text) => text.clone(),
                document => words(document),
            };
            assert!(note.contains("Line 15 of a very long note."), "{note}");
            assert!(note.contains("more parts: Jira takes no longer text here."), "{note}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_follows_its_figure_and_one_that_a_person_changed_stays_theirs() {
    let world = with_fields().await;
    world.expect(0, &["run"]).await;
    let first = world.sandbox.issues()[0].clone();
    let path = format!("/rest/api/3/issue/{}", first["id"].as_str().unwrap());
    person(&world, "PUT", &path, json!({ "fields": { TEAM: { "value": "Pricing" } } })).await;
    let mut rows = disputes();
    for row in &mut rows {
        row.amount_disputed = format!("{}9", row.amount_disputed.split('.').next().unwrap_or_default());
    }
    world.write_disputes(&rows);
    world.write_config(&CONFIG.replace("rebates", "Pricing"));
    world.expect(0, &["run"]).await;
    let writes = world.writes();
    let after = world.sandbox.issues()[0].clone();
    assert_ne!(first["fields"][AMOUNT], after["fields"][AMOUNT]);
    assert_eq!(after["fields"][TEAM]["value"], "Pricing");
    world.write_config(CONFIG);
    world.expect(0, &["run"]).await;
    let teams: Vec<Value> =
        world.sandbox.issues().iter().map(|issue| issue["fields"][TEAM]["value"].clone()).collect();
    let others = teams[1..].iter().all(|team| team == "Rebates");
    assert!(
        others && teams[0] == "Pricing",
        "it stays theirs, though it was what was wanted for a day: {teams:?}"
    );
    assert!(world.writes() > writes);
    person(&world, "PUT", &path, json!({ "fields": { TEAM: null } })).await;
    for _ in 0..2 {
        let said = world.expect(0, &["run"]).await;
        assert!(said.contains("a person changed the Team"), "{said}");
        let issue = world.sandbox.issues()[0].clone();
        assert_eq!(issue["fields"][TEAM], Value::Null);
        let comments = issue["comments"].as_array().unwrap();
        let told = comments.iter().filter(|comment| words(&comment["body"]).contains("Team")).count();
        assert_eq!(told, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_required_field_is_named_before_any_ticket_is_opened() {
    let world = World::new().await;
    add_fields(&world.sandbox);
    world.sandbox.require_field("DISP", TEAM, Mandatory::Told).unwrap();
    let said = world.expect(3, &["check"]).await;
    let wanted = "`Team` is demanded and nothing sets it; set `jira.fields.\"Team\"`";
    assert!(said.replace('\n', " ").contains("`Team` is demanded"), "{said}");
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(wanted) && said.contains("`Rebates`, `Pricing`"), "{said}");
    assert_eq!(posts(&world), 0, "nothing was even tried");
    let output = world.run(&["plan"]).await;
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains(wanted), "{}", text(&output.stderr));
    world.write_config("[jira.fields]\nTeam = \"Pricing\"\n");
    world.expect(0, &["check"]).await;
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("once it is set").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_demand_stops_new_tickets_and_not_the_care_for_old_ones() {
    let world = World::new().await;
    add_fields(&world.sandbox);
    world.expect(0, &["run"]).await;
    world.sandbox.require_field("DISP", TEAM, Mandatory::Told).unwrap();
    let mut rows = disputes();
    for row in &mut rows {
        "2027-01-31".clone_into(&mut row.due_at);
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    assert!(world.sandbox.issues().iter().all(|issue| issue["fields"]["duedate"] == "2027-01-31"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_validator_knows_is_told_by_the_name_of_its_field() {
    let world = World::new().await;
    add_fields(&world.sandbox);
    world.sandbox.require_field("DISP", TEAM, Mandatory::Untold).unwrap();
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("`Team` (customfield_10101)"), "{said}");
    assert!(said.contains("set `jira.fields.\"Team\"`"), "{said}");
    assert!(posts(&world) <= 3, "three refusals in a row are enough");
    assert!(world.sandbox.issues().is_empty());
    world.write_config("[jira.fields]\nTeam = \"Pricing\"\n");
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("once it is set").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_wrong_with_the_fields_is_told_at_once() {
    let world = World::new().await;
    add_fields(&world.sandbox);
    world.sandbox.add_field("DISP", field("customfield_10103", "team", FieldKind::Text)).unwrap();
    world.sandbox.add_field("DISP", field("customfield_10104", "Twin", FieldKind::Text)).unwrap();
    world.sandbox.add_field("DISP", field("customfield_10105", "Twin", FieldKind::Text)).unwrap();
    world.write_config(
        "[jira.fields]\nTeam = \"Rebate\"\nTwin = \"x\"\n\"Amount expsed\" = \"1\"\nPriority = \"High\"\n\
         Assignee = \"nobody@example.com\"\n",
    );
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for part in [
        "`Team` takes one of its values, but found `Rebate`; did you mean `Rebates`?",
        "2 fields are called `Twin`: use one of the ids `customfield_10104`, `customfield_10105`",
        "there is no field `Amount expsed`; did you mean `Amount exposed`?",
        "`Priority` is set by `ticket.priorities`",
        "`nobody@example.com`: no account that can be assigned in the project",
    ] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
    assert_eq!(posts(&world), 0);
    let found = world.expect(3, &["check", "--json"]).await;
    let found: Vec<Value> = serde_json::from_str(&found).unwrap();
    let bad = found.iter().filter(|finding| finding["verdict"] == "bad").count();
    assert_eq!(bad, 5, "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_found_by_its_mail_address_and_compared_by_its_id() {
    let world = World::new().await;
    world.write_config(&format!("[jira.fields]\nAssignee = \"{}\"\n", User::analyst().email));
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    assert!(!issues.is_empty());
    let assigned = User::analyst().account_id;
    assert!(issues.iter().all(|issue| issue["fields"]["assignee"]["accountId"] == assigned.as_str()));
    let writes = world.writes();
    world.write_config(&format!("[jira.fields]\nAssignee = \"{}\"\n", User::analyst().display_name));
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "the same account by another name");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_center_takes_the_same_config() {
    let world = World::with(Options { flavour: Flavour::DataCenter, ..Options::default() }).await;
    add_fields(&world.sandbox);
    let config = format!("{CONFIG}Assignee = \"{}\"\n", User::analyst().display_name);
    world.write_config(&config);
    let file = world.path("disputebot.toml");
    let cloud = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, cloud.replace(&User::bot().email, &User::bot().name)).unwrap();
    world.expect(0, &["check"]).await;
    world.expect(0, &["run"]).await;
    for issue in world.sandbox.issues() {
        let fields = &issue["fields"];
        assert_eq!(fields[TEAM]["value"], "Rebates");
        assert_eq!(fields["assignee"]["name"], User::analyst().name.as_str());
        let note = fields[NOTE].as_str().unwrap();
        assert!(!note.contains("{color:red}*"), "markup is inert: {note}");
    }
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    let after: Vec<String> =
        world.sandbox.requests().iter().map(|it| format!("{} {}", it.method, it.path)).collect();
    assert_eq!(world.writes(), writes, "{:?}", after.iter().rev().take(20).collect::<Vec<_>>());
    world.assert_one_ticket_per_group("on Data Center").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_every_kind_is_written_and_read_back_unchanged() {
    every_kind(Flavour::Cloud).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_a_field_of_every_kind_is_written_and_read_back_unchanged() {
    every_kind(Flavour::DataCenter).await;
}

async fn every_kind(flavour: Flavour) {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let kinds = [
        ("Number", FieldKind::Number, "41000.5"),
        ("Day", FieldKind::Date, "2026-12-01"),
        ("Time", FieldKind::DateTime, "2026-12-01T09:00:00+02:00"),
        ("Link", FieldKind::Url, "https://example.com/disputes"),
        ("One", FieldKind::Select(texts(&["A", "B"])), "b"),
        ("Some", FieldKind::MultiSelect(texts(&["A", "B", "C; D"])), "b; C\\\\; D"),
        ("Below", FieldKind::Cascade(vec![("P".to_owned(), texts(&["x", "y"]))]), "P > y"),
        ("Owner", FieldKind::User, "Example Analyst"),
        ("Watching", FieldKind::Users, "disputebot; Example Analyst"),
        ("Marks", FieldKind::Labels, "two; one"),
        ("Belongs to", FieldKind::Project, "DISP"),
        ("Since", FieldKind::Version, "2026 q3"),
        ("Seen in", FieldKind::Versions, "2026 Q4; 2026 Q3"),
        (
            "Crew",
            FieldKind::Team(vec![("36885b3c-1bf0".to_owned(), "Example Rebates".to_owned())]),
            "36885b3c-1bf0",
        ),
    ];
    let of_projects = [("components", "Wholesalers"), ("fixVersions", "2026 Q4"), ("security", "Staff only")];
    let world = World::with(Options { flavour, ..Options::default() }).await;
    for version in ["2026 Q3", "2026 Q4"] {
        world.sandbox.add_version("DISP", version).unwrap();
    }
    world.sandbox.add_component("DISP", "Wholesalers").unwrap();
    world.sandbox.add_security_level("DISP", "Staff only", &[User::bot()]).unwrap();
    let mut config = "[jira.fields]\n".to_owned();
    for (id, text) in of_projects {
        config.push_str(&format!("{id} = \"{text}\"\n"));
    }
    for (number, (name, kind, text)) in kinds.iter().enumerate() {
        let id = format!("customfield_{}", 10_200 + number);
        world.sandbox.add_field("DISP", field(&id, name, kind.clone())).unwrap();
        config.push_str(&format!("\"{name}\" = \"{text}\"\n"));
    }
    world.write_config(&config);
    if flavour == Flavour::DataCenter {
        let file = world.path("disputebot.toml");
        let cloud = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, cloud.replace(&User::bot().email, &User::bot().name)).unwrap();
    }
    world.expect(0, &["check"]).await;
    world.expect(0, &["run"]).await;
    let issue = world.sandbox.issues()[0].clone();
    for number in 0..kinds.len() {
        let value = &issue["fields"][format!("customfield_{}", 10_200 + number)];
        assert!(!value.is_null() && *value != json!([]), "{flavour:?}: {}", kinds[number].0);
    }
    let named = |value: &Value| value["name"].as_str().map(str::to_owned);
    for (id, text) in of_projects {
        let value = &issue["fields"][id];
        let first = value.as_array().map_or(value, |values| &values[0]);
        assert_eq!(named(first).as_deref(), Some(text), "{flavour:?}: {id}: {value}");
    }
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "{flavour:?}: what is read back is what was meant");
    world.assert_one_ticket_per_group("with fields of every kind").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_issue_type_demands_is_neither_told_nor_in_the_way() {
    for flavour in [Flavour::Cloud, Flavour::DataCenter] {
        let world = World::with(Options { flavour, ..Options::default() }).await;
        add_fields(&world.sandbox);
        for (field, types) in [(NOTE, &["Bug", "Story"][..]), (AMOUNT, &["Story"]), (TEAM, &["Task"])] {
            world.sandbox.keep_field_to("DISP", field, types).unwrap();
        }
        world.sandbox.require_field("DISP", NOTE, Mandatory::Told).unwrap();
        world.sandbox.require_field("DISP", AMOUNT, Mandatory::Untold).unwrap();
        world.write_config("[jira.fields]\nTeam = \"rebates\"\n");
        let said = world.expect(0, &["check"]).await;
        assert!(!said.contains("Audit note") && !said.contains("Amount"), "{said}");
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group("with demands of other types").await;
        world.write_config("issue_type = \"Bug\"\n[jira.fields]\nTeam = \"rebates\"\n");
        let said = world.expect(3, &["check"]).await;
        assert!(said.contains("`Audit note` is demanded") && !said.contains("Amount"), "{said}");
        assert!(said.contains("no field `Team`"), "{said}");
    }
}
