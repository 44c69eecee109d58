//! Rules of routing on a Jira: tried before the first write, kept to, and given up where people take over.

use disputebot::sandbox::{CustomField, Deed, FieldKind, Flavour, Matches, Options, Permission, User, Visit};
use serde_json::{Value, json};

use crate::{
    people::person,
    world::{World, text},
};

pub(crate) fn lead() -> User {
    User {
        account_id: "sandbox:00000000-0000-4000-8000-0000000000c0".to_owned(),
        name: "lead".to_owned(),
        key: "JIRAUSER10102".to_owned(),
        display_name: "Example Lead".to_owned(),
        email: "lead@example.com".to_owned(),
        token: "not-a-secret-lead".to_owned(),
    }
}

/// A world with a lead, a component, a security level and the field of a team.
async fn world(flavour: Flavour) -> World {
    let users = vec![User::bot(), User::analyst(), lead()];
    let world = World::with(Options { flavour, users, ..Options::default() }).await;
    world.sandbox.add_component("DISP", "Rebates").unwrap();
    world.sandbox.add_security_level("DISP", "Rebate team", &[User::bot(), User::analyst(), lead()]).unwrap();
    let team = FieldKind::Select(["East", "West"].map(str::to_owned).to_vec());
    let team = CustomField { id: "customfield_10300".to_owned(), name: "Team".to_owned(), kind: team };
    world.sandbox.add_field("DISP", team).unwrap();
    world
}

fn configure(world: &World, routes: &str) {
    world.write_config(&format!("[ticket]\nfallback_assignee = \"Example Lead\"\n{routes}"));
}

const ROUTES: &str = r#"
[routes.b]
clients = ["Example Pharma B"]
assignee = "Example Analyst"
watchers = ["Example Lead"]
issue_type = "Bug"
priority = "Low"
[routes.b.fields]
Team = "West"
[route]
assignee = "Example Lead"
components = ["Rebates"]
security_level = "Rebate team"
"#;

/// The issues of one client and those of the others.
fn by_client(world: &World) -> (Vec<Value>, Vec<Value>) {
    let of_b = |issue: &Value| issue["fields"]["summary"].as_str().unwrap().contains("Example Pharma B");
    let (b, rest): (Vec<Value>, Vec<Value>) = world.sandbox.issues().into_iter().partition(of_b);
    assert!(!b.is_empty() && !rest.is_empty(), "both clients have tickets");
    (b, rest)
}

async fn routed(flavour: Flavour) {
    let world = world(flavour).await;
    configure(&world, ROUTES);
    let said = world.expect(0, &["check"]).await;
    for part in [
        "`Assignee` (assignee) will be `Example Analyst`",
        "`Components` (components) will be `Rebates`",
        "will be `Rebate team`",
        "`Team` (customfield_10300) will be `West`",
        "Example Lead watches",
    ] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
    world.expect(0, &["run"]).await;
    let (b, rest) = by_client(&world);
    for issue in &b {
        let fields = &issue["fields"];
        assert_eq!(fields["assignee"]["displayName"], "Example Analyst");
        assert_eq!(fields["issuetype"]["name"], "Bug");
        assert_eq!(fields["priority"]["name"], "Low");
        assert_eq!(fields["customfield_10300"]["value"], "West");
        assert_eq!(
            fields["components"][0]["name"], "Rebates",
            "what the first rule does not say, the next one does"
        );
        assert_eq!(fields["security"]["name"], "Rebate team");
    }
    for issue in &rest {
        let fields = &issue["fields"];
        assert_eq!(fields["assignee"]["displayName"], "Example Lead");
        assert_eq!(fields["issuetype"]["name"], "Task");
        assert!(fields["customfield_10300"].is_null());
    }
    let requests = world.sandbox.requests();
    let watched = requests.iter().filter(|it| it.method == "POST" && it.path.ends_with("/watchers")).count();
    assert_eq!(watched, b.len());
    let watches = |issue: &Value| issue["watchers"].to_string().contains("Example Lead");
    assert!(b.iter().all(watches) && !rest.iter().any(watches), "who watches is who was named");
    let writes = world.writes();
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("up to date"), "{said}");
    assert_eq!(world.writes(), writes, "a second run writes nothing");
    world.assert_one_ticket_per_group("routed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_go_where_the_first_rules_that_fit_send_them() {
    routed(Flavour::Cloud).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_tickets_go_where_the_same_rules_send_them() {
    routed(Flavour::DataCenter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_puts_its_tickets_below_a_parent_and_whoever_moves_one_elsewhere_is_not_fought() {
    let world = world(Flavour::Cloud).await;
    let parent = CustomField { id: "parent".to_owned(), name: "Parent".to_owned(), kind: FieldKind::Parent };
    world.sandbox.add_field("DISP", parent).unwrap();
    world.sandbox.add_project("OPS", "Operations").unwrap();
    for summary in ["Rebate disputes of this year", "Something else"] {
        let fields =
            json!({ "project": { "key": "OPS" }, "issuetype": { "name": "Task" }, "summary": summary });
        person(&world, "POST", "/rest/api/3/issue", json!({ "fields": fields })).await;
    }
    configure(&world, "[routes.b]\nclients = [\"Example Pharma B\"]\nparent = \"ops-1\"\n");
    let said = world.expect(0, &["check"]).await;
    assert!(said.contains("`Parent` (parent) will be `OPS-1`"), "{said}");
    world.expect(0, &["run"]).await;
    let of_project = |issue: &Value| issue["fields"]["project"]["key"] == "DISP";
    let by_client = || {
        let (b, rest) = by_client(&world);
        (b, rest.into_iter().filter(of_project).collect::<Vec<_>>())
    };
    let (b, rest) = by_client();
    assert!(b.iter().all(|issue| issue["fields"]["parent"]["key"] == "OPS-1"));
    assert!(rest.iter().all(|issue| issue["fields"]["parent"].is_null()));
    let writes = world.writes();
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("up to date"), "{said}");
    assert_eq!(world.writes(), writes, "a second run writes nothing");

    let moved = b[0]["id"].as_str().unwrap().to_owned();
    let elsewhere = json!({ "fields": { "parent": { "key": "OPS-2" } } });
    person(&world, "PUT", &format!("/rest/api/3/issue/{moved}"), elsewhere).await;
    configure(
        &world,
        "[routes.b]\nclients = [\"Example Pharma B\"]\nparent = \"OPS-1\"\npriority = \"Low\"\n",
    );
    world.expect(0, &["run"]).await;
    for issue in by_client().0 {
        let above = if issue["id"] == moved.as_str() { "OPS-2" } else { "OPS-1" };
        assert_eq!(issue["fields"]["parent"]["key"], above, "{}", issue["key"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_rules_route_only_tickets_that_nobody_has_touched() {
    let world = world(Flavour::Cloud).await;
    configure(&world, "[route]\nassignee = \"Example Analyst\"\n");
    world.expect(0, &["run"]).await;
    let touched = world.sandbox.issues()[0].clone();
    let path = format!("/rest/api/3/issue/{}", touched["id"].as_str().unwrap());
    let words = json!({ "body": { "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": "I look into it." }] },
    ] } });
    person(&world, "POST", &format!("{path}/comment"), words).await;
    configure(&world, "[route]\nassignee = \"Example Lead\"\n");
    let plan = world.expect(0, &["plan"]).await;
    assert!(plan.contains("people have its ticket in hand"), "{plan}");
    world.expect(0, &["run"]).await;
    for issue in world.sandbox.issues() {
        let who = if issue["id"] == touched["id"] { "Example Analyst" } else { "Example Lead" };
        assert_eq!(issue["fields"]["assignee"]["displayName"], who, "{}", issue["key"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_left_is_named_by_check_and_in_the_plan_and_the_fallback_gets_the_tickets() {
    let world = world(Flavour::Cloud).await;
    configure(&world, "[route]\nassignee = \"Example Analyst\"\nwatchers = [\"Example Analyst\"]\n");
    world.expect(0, &["run", "--set", "plan.max_new_tickets=2"]).await;
    world.sandbox.deactivate(&User::analyst());
    let said = world.expect(0, &["check"]).await;
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("route.")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(
        lines.iter().all(|line| line.starts_with("weak") && line.contains("Example Analyst"))
            && lines[0].contains("not assignable")
            && lines[0].contains("its tickets go to `Example Lead`"),
        "{said}"
    );
    let plan = world.expect(0, &["plan"]).await;
    assert!(plan.contains("not set: `Assignee` takes"), "{plan}");
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    assert!(issues.len() > 2);
    assert!(issues.iter().all(|issue| issue["fields"]["assignee"]["displayName"] == "Example Lead"));
    world.assert_one_ticket_per_group("with somebody gone").await;
    let report = world.expect(0, &["report", "--json"]).await;
    assert!(report.contains("not set: `Assignee` takes"), "and it is in the report: {report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_while_a_run_opens_tickets_is_told_and_the_next_run_gives_all_of_them_to_the_fallback() {
    for flavour in [Flavour::Cloud, Flavour::DataCenter] {
        let world = world(flavour).await;
        configure(&world, "[route]\nassignee = \"Example Analyst\"\n");
        let create = Matches::Ending { method: "POST".to_owned(), suffix: "/issue".to_owned() };
        world.sandbox.expect_visit(Visit { nth: 2, after: create, deed: Deed::Leave }).unwrap();
        let output = world.run(&["run"]).await;
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains("assignee"), "{said}");
        let opened: Vec<Value> = world.sandbox.issues();
        assert!(
            opened.iter().all(|issue| issue["fields"]["assignee"]["displayName"] == "Example Analyst"),
            "those of before"
        );
        let groups = world.groups().await.len();
        assert!(opened.len() >= 2 && opened.len() < groups, "{} of {groups}", opened.len());
        let plan = world.expect(0, &["plan"]).await;
        assert!(
            plan.contains("not set: `Assignee` takes") && plan.contains("its tickets go to `Example Lead`"),
            "{plan}"
        );
        world.expect(0, &["run"]).await;
        world.assert_one_ticket_per_group("with somebody gone in the middle").await;
        let issues = world.sandbox.issues();
        assert!(issues.iter().all(|issue| issue["fields"]["assignee"]["displayName"] == "Example Lead"));
        let report = world.expect(0, &["report", "--json"]).await;
        assert!(report.contains("not set: `Assignee` takes"), "{report}");
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes, "{flavour:?}: and that is all");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_jira_would_not_take_of_a_rule_is_told_before_any_write() {
    let world = world(Flavour::Cloud).await;
    configure(
        &world,
        "[routes.one]\nstates = [\"TX\"]\nissue_type = \"Epik\"\ncomponents = [\"Rebate\"]\n[route]\nsecurity_level = \
         \"Board\"\n[route.fields]\nTeam = \"South\"\n",
    );
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for part in [
        "`routes.one.issue_type`: the project has no issue type `Epik`; it has: Task, Bug, Story",
        "`routes.one.components`: `Components` takes some of its values with `;` between them, but found `Rebate`; did you \
         mean `Rebates`?",
        "`route.security_level`: ",
        "`route.fields.Team`: `Team` takes one of its values, but found `South`",
    ] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
    assert!(world.sandbox.issues().is_empty());
    world.expect(3, &["check"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_add_watchers_check_says_so_and_tickets_open_all_the_same() {
    let world = world(Flavour::Cloud).await;
    world.sandbox.forbid(&User::bot(), Permission::ManageWatchers);
    configure(&world, "[route]\nwatchers = [\"Example Lead\"]\n");
    let said = world.expect(5, &["check"]).await;
    assert!(said.contains("MANAGE_WATCHERS (to add watchers)"), "{said}");
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("without watchers").await;
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "it is not tried again each night");
}

/// Edits of the bot, each with whether it wished for no mails and its status.
fn edits(world: &World) -> Vec<(bool, u16)> {
    let requests = world.sandbox.requests();
    let edits = requests.iter().filter(|it| {
        let rest = it.path.rsplit("/issue/").next().unwrap_or_default();
        it.method == "PUT" && it.path.contains("/issue/") && !rest.contains('/')
    });
    edits.filter_map(|it| Some((it.query.contains("notifyUsers=false"), it.status?))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_send_no_mails_where_the_account_may_do_without() {
    let world = world(Flavour::DataCenter).await;
    configure(&world, "[route]\nassignee = \"Example Analyst\"\n");
    world.expect(0, &["run"]).await;
    assert_eq!(edits(&world), []);
    configure(&world, "[route]\nassignee = \"Example Lead\"\n");
    world.expect(0, &["run"]).await;
    assert!(
        !edits(&world).is_empty() && edits(&world).iter().all(|edit| *edit == (true, 204)),
        "{:?}",
        edits(&world)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_may_not_the_update_is_made_with_mails_and_the_wish_is_not_repeated() {
    let world = world(Flavour::DataCenter).await;
    // Without the right to administer the project it cannot be claimed either.
    let routes = |who: &str| configure(&world, &format!("[route]\nassignee = \"{who}\"\n"));
    let run = ["run", "--set", "jira.lease=false"];
    world.sandbox.forbid(&User::bot(), Permission::AdministerProjects);
    world.sandbox.forbid(&User::bot(), Permission::AdministerJira);
    routes("Example Analyst");
    world.expect(0, &run).await;
    routes("Example Lead");
    world.expect(0, &run).await;
    let edits = edits(&world);
    let issues = world.sandbox.issues();
    assert!(issues.iter().all(|issue| issue["fields"]["assignee"]["displayName"] == "Example Lead"));
    let loud = edits.iter().filter(|edit| **edit == (false, 204)).count();
    assert_eq!(loud, issues.len(), "{edits:?}");
    assert_eq!(edits[0], (true, 403), "{edits:?}");
    assert_eq!(edits.last(), Some(&(false, 204)), "the wish is not repeated: {edits:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_about_deadlines_counts_the_days_on_which_silence_loses_money_as_well() {
    let world = world(Flavour::Cloud).await;
    let today = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let mut rows = crate::world::disputes();
    for row in &mut rows {
        // Fifty days ago: under the discount programs of Part D ten of sixty are left, under Medicaid nothing is lost.
        row.due_at = today.saturating_sub(jiff::ToSpan::days(50)).to_string();
    }
    world.write_disputes(&rows);
    configure(
        &world,
        "[source.columns]\nreceived_at = \"due_at\"\ndue_at = \"resolved_at\"\n[routes.near]\ndue_within_days = 14\n\
         priority = \"Low\"\n",
    );
    world.expect(0, &["run"]).await;
    let (groups, issues) = (world.groups().await, world.issues_by_group());
    let mut near = 0;
    for (id, record) in &groups {
        let is_near = issues[id][0]["fields"]["priority"]["name"] == "Low";
        let has_clock = ["part_d_mdp", "cgdp"].iter().any(|it| record["group"]["program"] == *it);
        assert_eq!(is_near, has_clock, "{record}");
        near += usize::from(is_near);
    }
    assert!(near > 0 && near < groups.len(), "{near} of {}", groups.len());
}

/// An issue of each group with the rows of its disputes.
async fn with_rows(world: &World) -> Vec<(Value, Vec<disputebot::generate::Record>, String)> {
    let (groups, issues, rows) = (world.groups().await, world.issues_by_group(), crate::world::disputes());
    groups
        .iter()
        .map(|(id, record)| {
            let members = record["group"]["members"].as_array().unwrap();
            let own = rows.iter().filter(|row| members.iter().any(|id| *id == *row.dispute_id)).cloned();
            (issues[id][0].clone(), own.collect(), record["cause"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_condition_of_a_rule_holds_for_the_tickets_whose_disputes_meet_it() {
    let plain = world(Flavour::Cloud).await;
    plain.expect(0, &["run"]).await;
    let groups = with_rows(&plain).await;
    // Conditions that some groups meet and others do not, found among the disputes themselves.
    let money = |rows: &[disputebot::generate::Record]| -> f64 {
        rows.iter().filter_map(|row| row.amount_disputed.parse::<f64>().ok()).sum()
    };
    let mostly = |rows: &[disputebot::generate::Record],
                  is: &dyn Fn(&disputebot::generate::Record) -> bool| {
        rows.iter().filter(|row| is(row)).count() * 2 > rows.len()
    };
    let mut sums: Vec<f64> = groups.iter().map(|(_, rows, _)| money(rows)).collect();
    sums.sort_by(f64::total_cmp);
    let least = sums[sums.len() / 2].round();
    let all: Vec<&disputebot::generate::Record> = groups.iter().flat_map(|(_, rows, _)| rows).collect();
    let some_states: Vec<&str> = {
        let mut states: Vec<&str> = all.iter().map(|row| row.state.as_str()).collect();
        states.sort_unstable();
        states.dedup();
        states.retain(|state| groups.iter().any(|(_, rows, _)| mostly(rows, &|row| row.state == *state)));
        states.truncate(2);
        states
    };
    let tables = disputebot::dispute::Tables::embedded();
    // Of the same name in several programs all count; one of the named causes is enough.
    let named =
        tables.root_causes.iter().find(|it| groups.iter().any(|(_, _, cause)| *cause == it.cause)).unwrap();
    let causes: Vec<String> =
        tables.root_causes.iter().filter(|it| it.cause == named.cause).map(|it| it.id.to_string()).collect();
    let kind_of = |row: &disputebot::generate::Record| {
        let kinds = &tables.covered_entity_types;
        disputebot::dispute::entity_type(&row.covered_entity_id, kinds).map(|kind| kind.prefix.as_str())
    };
    let is_of = |kind: &str| {
        groups.iter().filter(|(_, rows, _)| mostly(rows, &|row| kind_of(row) == Some(kind))).count()
    };
    let kinds = tables.covered_entity_types.iter().map(|kind| kind.prefix.as_str());
    let kind = kinds.max_by_key(|kind| is_of(kind)).unwrap();
    let routes = format!(
        "[routes.state]\nstates = {some_states:?}\ncomponents = [\"Rebates\"]\n[routes.money]\nmin_amount = \"{least}\"\n\
         priority = \"Low\"\n[routes.entity]\nentity_types = [\"{kind}\"]\nassignee = \"Example Lead\"\n[routes.cause]\n\
         causes = {causes:?}\nissue_type = \"Bug\"\n[routes.due]\ndue_within_days = 400\n[routes.due.fields]\nTeam = \"East\"\n"
    );
    let world = world(Flavour::Cloud).await;
    configure(&world, &routes);
    let of_each = |first: usize, step: usize| -> Vec<&str> {
        let some = groups.iter().skip(first).step_by(step);
        some.flat_map(|(_, rows, _)| rows.iter().map(|row| row.dispute_id.as_str())).collect()
    };
    // What has passed is no deadline.
    let (far, past) = (of_each(0, 2), of_each(1, 4));
    let today = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let [within, later] = [400, 1_000].map(|days| today.saturating_add(jiff::ToSpan::days(days)).to_string());
    let mut rows = crate::world::disputes();
    for row in &mut rows {
        let is_far = far.contains(&row.dispute_id.as_str());
        let is_past = past.contains(&row.dispute_id.as_str());
        row.due_at = match (is_far, is_past) {
            (true, _) => later.clone(),
            (_, true) => "2020-01-31".to_owned(),
            _ => "2027-01-31".to_owned(),
        };
    }
    world.write_disputes(&rows);
    world.expect(0, &["run"]).await;
    let mut met = [0; 5];
    let groups = with_rows(&world).await;
    for (issue, rows, cause) in &groups {
        let fields = &issue["fields"];
        let wanted = [
            mostly(rows, &|row| some_states.contains(&row.state.as_str())),
            money(rows) >= least,
            mostly(rows, &|row| kind_of(row) == Some(kind)),
            tables.root_causes.iter().any(|it| it.cause == *cause && causes.contains(&it.id.to_string())),
            fields["duedate"].as_str().is_some_and(|due| (&*today.to_string()..=&*within).contains(&due)),
        ];
        let mut shown = [
            fields["components"][0]["name"] == "Rebates",
            fields["priority"]["name"] == "Low",
            fields["assignee"]["displayName"] == "Example Lead",
            fields["issuetype"]["name"] == "Bug",
            fields["customfield_10300"]["value"] == "East",
        ];
        // Money may be lost by a clock of the program before what the file says is due, as the ticket tells.
        let text = issue["fields"]["description"].to_string();
        if shown[4] && !wanted[4] {
            assert!(text.contains("is lost") || text.contains("accepted"), "{text}");
            shown[4] = wanted[4];
        }
        assert_eq!(shown, wanted, "{}, due {}: {routes}", issue["key"], fields["duedate"]);
        for (count, wanted) in met.iter_mut().zip(wanted) {
            *count += usize::from(wanted);
        }
    }
    assert_eq!(world.sandbox.issues().len(), plain.sandbox.issues().len(), "the same groups");
    assert!(met.iter().all(|count| *count > 0 && *count < groups.len()), "{met:?}: {routes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_jira_gives_a_new_ticket_to_has_not_touched_it() {
    for flavour in [Flavour::Cloud, Flavour::DataCenter] {
        let world = world(flavour).await;
        world.sandbox.assign_by_default("DISP", &User::analyst()).unwrap();
        configure(&world, "[route]\npriority = \"High\"\n");
        world.expect(0, &["run"]).await;
        let issues = world.sandbox.issues();
        assert!(issues.iter().all(|issue| issue["fields"]["assignee"]["displayName"] == "Example Analyst"));
        // One that a person then gave to somebody else is touched.
        let taken = issues[0]["key"].as_str().unwrap();
        let given = match flavour {
            Flavour::Cloud => json!({ "accountId": lead().account_id }),
            Flavour::DataCenter => json!({ "name": lead().name }),
        };
        let person = world.sandbox.person(&User::analyst());
        person.edit(taken, &json!({ "fields": { "assignee": given } })).unwrap();
        configure(&world, "[route]\npriority = \"Low\"\n");
        world.expect(0, &["run"]).await;
        for issue in world.sandbox.issues() {
            let is_routed = issue["fields"]["priority"]["name"] == "Low";
            assert_eq!(is_routed, issue["key"] != taken, "{flavour:?}: {}", issue["key"]);
        }
    }
}

/// Projects by group, of all tickets.
fn projects(world: &World) -> std::collections::BTreeMap<String, Vec<String>> {
    let project = |issue: &Value| issue["key"].as_str().unwrap().split('-').next().unwrap().to_owned();
    let by_group = world.issues_by_group().into_iter();
    by_group.map(|(group, issues)| (group, issues.iter().map(project).collect())).collect()
}

const ELSEWHERE: &str = r#"
[routes.b]
clients = ["Example Pharma B"]
project = "TX"
assignee = "Example Analyst"
components = ["Texas"]
[route]
assignee = "Example Lead"
"#;

async fn in_two_projects(flavour: Flavour) {
    let world = world(flavour).await;
    world.sandbox.add_project("TX", "Texas").unwrap();
    world.sandbox.add_component("TX", "Another").unwrap();
    configure(&world, ELSEWHERE);
    let said = world.expect(3, &["check"]).await;
    assert!(
        said.contains("routes.b.components") && said.contains("Texas"),
        "the project has no such part: {said}"
    );
    world.sandbox.add_component("TX", "Texas").unwrap();
    let said = world.expect(0, &["check"]).await;
    assert!(said.contains("permissions in TX") && said.contains("TX is “Texas”"), "{said}");
    assert!(!said.contains("lease in TX"), "no claim is made there: {said}");
    world.expect(0, &["run"]).await;
    let (b, rest) = by_client(&world);
    for (issues, project, assignee) in [(&b, "TX-", "Example Analyst"), (&rest, "DISP-", "Example Lead")] {
        for issue in issues {
            assert!(issue["key"].as_str().unwrap().starts_with(project), "{}", issue["key"]);
            assert_eq!(issue["fields"]["assignee"]["displayName"], assignee);
        }
    }
    assert!(b.iter().all(|issue| issue["fields"]["components"][0]["name"] == "Texas"));
    world.assert_one_ticket_per_group("both projects").await;
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "a second run writes nothing");

    let verified = world.expect(0, &["state", "verify"]).await;
    let exported = world.expect(0, &["state", "export"]).await;
    assert!(exported.contains("\"change\":\"project\",\"project\":\"TX\""), "{verified}");

    // Other rules: what is open stays where it is and follows them as far as its project can, whatever its key is now.
    let renamed = if flavour == Flavour::Cloud { "TEX" } else { "TX" };
    world.sandbox.rename_project("TX", renamed).unwrap();
    configure(&world, "[route]\nassignee = \"Example Lead\"\ncomponents = [\"Rebates\"]\n");
    let before = projects(&world);
    world.expect(0, &["run"]).await;
    assert_eq!(projects(&world), before);
    let (b, rest) = by_client(&world);
    assert!(b.iter().all(|issue| issue["fields"]["assignee"]["displayName"] == "Example Lead"));
    assert!(b.iter().all(|issue| issue["fields"]["components"][0]["name"] == "Texas"), "it has no other");
    assert!(rest.iter().all(|issue| issue["fields"]["components"][0]["name"] == "Rebates"));
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes, "and then all is quiet");

    // Everything is known again from Jira alone, also where no rule names the second project any more.
    std::fs::remove_dir_all(world.path("state")).unwrap();
    world.expect(0, &["run", "--take-over"]).await;
    assert_eq!(projects(&world), before, "nothing was opened again");
    world.assert_one_ticket_per_group("made anew from Jira").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_opens_tickets_in_another_project_once_and_they_are_found_there_again() {
    in_two_projects(Flavour::Cloud).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_a_rule_opens_tickets_in_another_project_once_and_they_are_found_there_again() {
    in_two_projects(Flavour::DataCenter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_another_project_keeps_its_tickets_back_and_no_others() {
    let world = world(Flavour::Cloud).await;
    configure(&world, ELSEWHERE);
    let said = world.expect(5, &["check"]).await;
    assert!(said.contains("jira.project in TX"), "{said}");
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("the project TX is not shown to this account"), "{said}");
    let opened = projects(&world);
    assert!(!opened.is_empty() && opened.values().all(|all| *all == ["DISP"]), "{opened:?}");
    // Once it is there, and another disputebot works in it as well, each cares for its own.
    world.sandbox.add_project("TX", "Texas").unwrap();
    world.sandbox.add_component("TX", "Texas").unwrap();
    world.expect(0, &["run", "--set", "jira.project=TX", "--set", "state.dir=other"]).await;
    world.expect(0, &["run"]).await;
    let writes = world.writes();
    world.expect(0, &["run", "--set", "jira.project=TX", "--set", "state.dir=other"]).await;
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes);
    let groups = world.groups().await;
    let own = projects(&world).into_iter().filter(|(group, _)| groups.contains_key(group));
    let own: Vec<Vec<String>> = own.map(|(_, projects)| projects).collect();
    assert!(
        own.iter().all(|projects| projects.len() == 1) && own.contains(&vec!["TX".to_owned()]),
        "{own:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_refuses_all_writes_keeps_no_other_project_from_being_cared_for() {
    let world = world(Flavour::Cloud).await;
    world.sandbox.add_project("TX", "Texas").unwrap();
    let routes = "[routes.b]\nclients = [\"Example Pharma B\"]\nproject = \"TX\"\n";
    world.write_config(routes);
    world.expect(0, &["run"]).await;
    world.sandbox.archive_project("TX").unwrap();
    let (_, before) = by_client(&world);
    let mut rows = crate::world::disputes();
    for row in &mut rows {
        "2027-02-01".clone_into(&mut row.due_at);
    }
    world.write_disputes(&rows);
    world.run(&["run"]).await;
    let (b, rest) = by_client(&world);
    let due = |issue: &Value| issue["fields"]["duedate"] == "2027-02-01";
    assert!(
        !b.iter().any(due) && rest.len() == before.len() && rest.iter().all(due),
        "those elsewhere are up to date"
    );
    world.sandbox.restore_project("TX").unwrap();
    world.expect(0, &["run"]).await;
    assert!(by_client(&world).0.iter().all(due));
    world.assert_one_ticket_per_group("restored").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_that_is_gone_for_good_keeps_a_lost_state_in_doubt_until_it_is_said_to_be_gone() {
    for flavour in [Flavour::Cloud, Flavour::DataCenter] {
        let world = world(flavour).await;
        world.sandbox.add_project("TX", "Texas").unwrap();
        configure(&world, "[routes.b]\nclients = [\"Example Pharma B\"]\nproject = \"TX\"\n");
        world.expect(0, &["run"]).await;
        let (b, rest) = by_client(&world);
        assert!(!b.is_empty() && b.iter().all(|issue| issue["key"].as_str().unwrap().starts_with("TX-")));
        world.sandbox.delete_project("TX").unwrap();
        configure(&world, "");
        std::fs::remove_dir_all(world.path("state")).unwrap();

        let output = world.run(&["run", "--take-over"]).await;
        let said = text(&output.stderr) + &text(&output.stdout);
        assert!(
            said.contains("does not show the project TX") && said.contains("jira.left_projects"),
            "{said}"
        );
        assert_eq!(world.sandbox.issues().len(), rest.len(), "nothing is opened in doubt: {said}");

        let left = ["run", "--take-over", "--set", "jira.left_projects=TX"];
        let said = world.expect(0, &left).await;
        world.assert_one_ticket_per_group(&said).await;
        assert_eq!(world.sandbox.issues().len(), rest.len() + b.len());
        assert!(
            projects(&world).values().all(|all| *all == ["DISP"]),
            "those that are gone are opened again"
        );
        let writes = world.writes();
        world.expect(0, &left).await;
        assert_eq!(world.writes(), writes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_priority_that_another_project_does_not_have_is_left_out_there_and_told() {
    let world = world(Flavour::Cloud).await;
    world.sandbox.add_project("TX", "Texas").unwrap();
    world.sandbox.set_priorities("TX", &["Highest", "High", "Medium"]).unwrap();
    let routes =
        "[routes.b]\nclients = [\"Example Pharma B\"]\nproject = \"TX\"\n[route]\npriority = \"Low\"\n";
    configure(&world, routes);
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("the project has no priority `Low`; it is left out"), "{said}");
    let (b, rest) = by_client(&world);
    assert!(rest.iter().all(|issue| issue["fields"]["priority"]["name"] == "Low"));
    assert!(!b.is_empty() && b.iter().all(|issue| issue["fields"]["priority"]["name"] != "Low"));
}
