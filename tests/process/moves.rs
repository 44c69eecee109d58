//! Tickets go where they should be over any workflow; where none leads there, that is said once.

use disputebot::sandbox::{
    CustomField, Effect, Fault, FieldKind, Matches, Permission, RateLimit, Reason, User, Workflow,
};
use serde_json::Value;

use crate::world::{World, disputes, text};

/// A world with its tickets, in a project of some workflow.
async fn with_workflow(workflow: Workflow) -> World {
    let world = World::new().await;
    world.sandbox.set_workflow("DISP", workflow).unwrap();
    world.expect(0, &["run"]).await;
    world
}

/// All disputes are settled.
fn settle(world: &World) {
    let mut rows = disputes();
    for row in &mut rows {
        "resolved".clone_into(&mut row.status);
    }
    world.write_disputes(&rows);
}

fn statuses(world: &World) -> Vec<String> {
    let mut names: Vec<String> = world
        .sandbox
        .issues()
        .iter()
        .map(|issue| issue["fields"]["status"]["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn labelled(world: &World, label: &str) -> usize {
    let has = |issue: &&Value| issue["fields"]["labels"].as_array().unwrap().iter().any(|it| it == label);
    world.sandbox.issues().iter().filter(has).count()
}

/// Comments of all tickets that hold some words.
fn told(world: &World, words: &str) -> usize {
    let issues = world.sandbox.issues();
    let comments = issues.iter().flat_map(|issue| issue["comments"].as_array().unwrap());
    comments.filter(|comment| disputebot::ticket::adf::text_of(&comment["body"]).contains(words)).count()
}

fn moves(world: &World) -> usize {
    let requests = world.sandbox.requests();
    requests.iter().filter(|it| it.method == "POST" && it.path.ends_with("/transitions")).count()
}

fn moving() -> Matches {
    Matches::Ending { method: "POST".to_owned(), suffix: "/transitions".to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tickets_are_closed_and_reopened_in_any_language_over_any_number_of_steps() {
    for (workflow, done, back) in [
        (Workflow::Standard, "Done", "To Do"),
        (Workflow::Plain, "Fertig", "Zu erledigen"),
        (Workflow::Demanding, "完了", "未着手"),
        (Workflow::TwoSteps, "Geschlossen", "In Prüfung"),
        (Workflow::Loops, "Settled", "Triage"),
        (Workflow::Decoy, "Filed away", "Open"),
        (Workflow::TwoEnds, "Rejected", "Received"),
    ] {
        let world = with_workflow(workflow).await;
        settle(&world);
        world.expect(0, &["run"]).await;
        assert_eq!(statuses(&world), [done], "{workflow:?}");
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes, "{workflow:?}");
        world.write_disputes(&disputes());
        world.expect(0, &["run"]).await;
        assert_eq!(statuses(&world), [back], "{workflow:?}");
        assert_eq!((labelled(&world, "disputebot-done"), told(&world, "but cannot")), (0, 0), "{workflow:?}");
        world.assert_one_ticket_per_group("after a way there and back").await;
    }
}

/// The ticket is half way then, in a status that nobody chose for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_whose_second_step_jira_puts_off_is_gone_to_its_end_and_each_step_of_it_once() {
    // Where the run waits for it, and where it ends and leaves it to the next one.
    for (longest, code) in [("9s", 0), ("1s", 6)] {
        let world = with_workflow(Workflow::TwoSteps).await;
        settle(&world);
        let steps = format!("/issue/{}/transitions", world.sandbox.issues()[0]["id"].as_str().unwrap());
        let matches = Matches::Ending { method: "POST".to_owned(), suffix: steps.clone() };
        let effect = Effect::RateLimit(RateLimit::new(Reason::PerIssue, 3));
        world.sandbox.inject(Fault { nth: 2, matches, effect });
        let went = || {
            let requests = world.sandbox.requests();
            let sent = requests.iter().filter(|it| it.method == "POST" && it.path.ends_with(&steps));
            sent.map(|it| it.status.unwrap()).collect::<Vec<u16>>()
        };
        world.expect(code, &["run", "--set", &format!("jira.longest_wait={longest}")]).await;
        if code != 0 {
            assert_eq!((went(), statuses(&world).len()), (vec![204, 429], 2), "it is half way");
            world.expect(0, &["run"]).await;
        }
        assert_eq!((went(), statuses(&world)), (vec![204, 429, 204], vec!["Geschlossen".to_owned()]));
        let writes = world.writes();
        world.expect(0, &["run"]).await;
        assert_eq!(world.writes(), writes);
    }
}

/// It was on its way when the answer was lost, and it never arrived.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_that_never_came_is_none_of_disputebots_when_a_person_closes_the_ticket_later() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    settle(&world);
    world.sandbox.inject(Fault { nth: 1, matches: moving(), effect: Effect::CloseBeforeCommit });
    world.expect(6, &["run"]).await;
    let is_done = |issue: &Value| issue["fields"]["status"]["statusCategory"]["key"] == "done";
    let left = world.sandbox.issues().into_iter().find(|issue| !is_done(issue)).unwrap();
    let key = left["key"].as_str().unwrap();
    world.write_disputes(&disputes());
    world.expect(0, &["run"]).await;
    let close =
        serde_json::json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Done" } } });
    world.sandbox.person(&User::analyst()).transition(key, &close).unwrap();
    assert!(is_done(&world.issue(key)));
    world.expect(0, &["run"]).await;
    assert!(is_done(&world.issue(key)), "a person's close stays");
    let said = world.said(key).join("\n");
    assert!(said.contains("will not reopen it"), "{said}");
}

/// The field that the screen before done demands in [`Workflow::Asking`].
fn asked(issue: &Value) -> &Value {
    &issue["fields"]["customfield_10099"]["value"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_screen_before_done_demands_comes_from_the_config_and_a_persons_value_stays() {
    let world = with_workflow(Workflow::Asking).await;
    let tickets = world.sandbox.issues().len();
    let theirs = world.sandbox.issues()[0]["key"].as_str().unwrap().to_owned();
    let value = serde_json::json!({ "fields": { "customfield_10099": { "value": "Vertrag" } } });
    world.sandbox.person(&User::analyst()).edit(&theirs, &value).unwrap();
    world.write_config("[jira.transition_fields]\nUrsache = \"Daten\"\n");
    settle(&world);
    world.expect(0, &["run"]).await;
    assert_eq!(
        (statuses(&world), labelled(&world, "disputebot-done")),
        (vec!["Abgeschlossen".to_owned()], 0)
    );
    assert!(tickets > 1);
    for issue in world.sandbox.issues() {
        let own = if issue["key"] == theirs.as_str() { "Vertrag" } else { "Daten" };
        assert_eq!(asked(&issue), own, "{}", issue["key"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_fills_what_the_screen_before_done_demands_a_label_and_a_comment_name_it() {
    let world = with_workflow(Workflow::Asking).await;
    let tickets = world.sandbox.issues().len();
    settle(&world);
    world.expect(0, &["run"]).await;
    assert_eq!(labelled(&world, "disputebot-done"), tickets);
    assert!(!statuses(&world).contains(&"Abgeschlossen".to_owned()));
    assert!(told(&world, "Ursache") > 0, "a comment names the field");
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("it has the label `disputebot-done` instead"), "{said}");
    // The ways out of its status are those of before: what was lacking lies a step further on.
    world.write_config("[jira.transition_fields]\nUrsache = \"Daten\"\n");
    world.expect(0, &["run"]).await;
    assert_eq!(
        (statuses(&world), labelled(&world, "disputebot-done")),
        (vec!["Abgeschlossen".to_owned()], 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_that_is_there_for_assigned_tickets_only_is_used_as_soon_as_it_is_there() {
    let world = with_workflow(Workflow::Conditional).await;
    let tickets = world.sandbox.issues().len();
    let assigned = world.sandbox.issues()[0]["key"].as_str().unwrap().to_owned();
    let analyst =
        serde_json::json!({ "fields": { "assignee": { "accountId": User::analyst().account_id } } });
    let person = world.sandbox.person(&User::analyst());
    person.edit(&assigned, &analyst).unwrap();
    settle(&world);
    world.expect(0, &["run"]).await;
    world.expect(0, &["run"]).await;
    assert_eq!(world.issue(&assigned)["fields"]["status"]["name"], "終了");
    assert_eq!(labelled(&world, "disputebot-done"), tickets - 1);
    for issue in world.sandbox.issues() {
        person.edit(issue["key"].as_str().unwrap(), &analyst).unwrap();
    }
    world.expect(0, &["run"]).await;
    assert_eq!((statuses(&world), labelled(&world, "disputebot-done")), (vec!["終了".to_owned()], 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_where_the_workflow_leads_no_ticket_to_done() {
    let world = with_workflow(Workflow::DeadEnd).await;
    settle(&world);
    world.expect(0, &["run"]).await;
    let said = world.run(&["check"]).await;
    let said = text(&said.stdout);
    assert!(said.contains(" cannot be closed from `") && said.contains("stands in its place"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resolution_that_a_screen_does_not_take_is_told_with_what_it_takes() {
    let world = with_workflow(Workflow::Demanding).await;
    world.write_config("resolution = \"Erledigt\"\n");
    settle(&world);
    world.expect(0, &["run"]).await;
    let tickets = world.sandbox.issues().len();
    assert_eq!(labelled(&world, "disputebot-done"), tickets);
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("found `Erledigt` (allowed: `Done`"), "{said}");
    world.write_config("resolution = \"Done\"\n");
    world.expect(0, &["run"]).await;
    assert_eq!(statuses(&world), ["完了"], "once it is mended, the way is used");
    assert_eq!(labelled(&world, "disputebot-done"), 0, "and the label goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_transition_leads_to_done_a_label_and_one_comment_say_so() {
    let world = with_workflow(Workflow::DeadEnd).await;
    let tickets = world.sandbox.issues().len();
    let before = statuses(&world);
    settle(&world);
    let output = world.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(labelled(&world, "disputebot-done"), tickets);
    assert_eq!(told(&world, "but cannot: the workflow leads only to `Wartet`"), tickets);
    assert_eq!(statuses(&world), before, "each stands where it stood");
    assert_eq!(moves(&world), 2, "one ticket looked for a way, the others learned from it");
    let writes = world.writes();
    for _ in 0..2 {
        let said = world.expect(0, &["run"]).await;
        assert!(said.contains("it has the label `disputebot-done` instead"), "{said}");
    }
    assert_eq!(world.writes(), writes, "it is said once");

    world.sandbox.set_workflow("DISP", Workflow::Standard).unwrap();
    world.expect(0, &["run"]).await;
    assert_eq!(statuses(&world), ["Done"], "as soon as there is a way, it is used");
    assert_eq!(labelled(&world, "disputebot-done"), 0);
    let writes = world.writes();
    world.expect(0, &["run"]).await;
    assert_eq!(world.writes(), writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_a_workflow_that_look_private_are_not_repeated_where_no_way_is_told() {
    for name in ["Closed 1950-03-21", "Closed 123456789012", "Closed by Dr. Example"] {
        let world = with_workflow(Workflow::DeadEnd).await;
        settle(&world);
        let way = serde_json::json!({ "transitions": [{
            "id": "7",
            "name": "Close",
            "hasScreen": true,
            "to": { "id": "3", "name": name, "statusCategory": { "key": "done" } },
            "fields": { "customfield_10777": {
                "required": true, "hasDefaultValue": false, "name": "Chart", "key": "customfield_10777",
                "schema": { "type": "string", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield" },
                "operations": ["set"],
            } },
        }] });
        let tickets = world.sandbox.issues().len();
        for nth in 1..=tickets {
            let matches = Matches::Ending { method: "GET".to_owned(), suffix: "/transitions".to_owned() };
            let headers = vec![("x-aaccountid".to_owned(), User::bot().account_id)];
            let effect = Effect::Answer { status: 200, headers, body: way.to_string() };
            world.sandbox.inject(Fault { nth, matches, effect });
        }
        world.expect(0, &["run"]).await;
        assert_eq!(labelled(&world, "disputebot-done"), tickets, "{name}");
        let withheld = "but cannot: (withheld: it looks like it holds";
        assert_eq!(told(&world, withheld), tickets, "{name}");
        assert_eq!(told(&world, name), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_label_goes_when_the_cause_is_back() {
    let world = with_workflow(Workflow::DeadEnd).await;
    world.write_config("[plan]\nreclose_after = \"0s\"\n");
    let tickets = world.sandbox.issues().len();
    settle(&world);
    world.expect(0, &["run"]).await;
    world.write_disputes(&disputes());
    world.expect(0, &["run"]).await;
    assert_eq!(labelled(&world, "disputebot-done"), 0);
    assert_eq!(told(&world, "so the label disputebot-done is taken off."), tickets);
    settle(&world);
    world.expect(0, &["run"]).await;
    assert_eq!(labelled(&world, "disputebot-done"), tickets);
    assert_eq!(told(&world, "but cannot"), 2 * tickets, "and it is said again when it is so again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_may_not_move_tickets_says_so_and_moves_them_once_it_may() {
    let world = with_workflow(Workflow::Standard).await;
    world.sandbox.forbid(&User::bot(), Permission::Transition);
    settle(&world);
    world.expect(0, &["run"]).await;
    let said = world.expect(0, &["run"]).await;
    assert!(said.contains("TRANSITION_ISSUES"), "{said}");
    world.sandbox.allow(&User::bot(), Permission::Transition);
    world.expect(0, &["run"]).await;
    assert_eq!(statuses(&world), ["Done"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_broke_off_in_the_middle_goes_on_in_the_next_run() {
    let clean = with_workflow(Workflow::TwoSteps).await;
    settle(&clean);
    clean.expect(0, &["run"]).await;
    for effect in [Effect::CloseAfterCommit, Effect::CloseBeforeCommit] {
        let world = with_workflow(Workflow::TwoSteps).await;
        settle(&world);
        for nth in [1, 3] {
            world.sandbox.inject(Fault { nth, matches: moving(), effect: effect.clone() });
        }
        let code = world.run(&["run"]).await.status.code();
        assert_eq!(code, Some(6), "{effect:?}");
        world.expect(0, &["run"]).await;
        assert_eq!(statuses(&world), ["Geschlossen"], "{effect:?}");
        assert_eq!(
            told(&world, "settled") + told(&world, "resolved"),
            told(&clean, "settled") + told(&clean, "resolved")
        );
        assert!(world.sandbox.unused_faults().is_empty(), "{effect:?}");
        assert!(world.issues_by_group().values().all(|issues| issues.len() == 1), "{effect:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_move_names_its_field_and_does_not_stop_the_others() {
    let world = with_workflow(Workflow::Standard).await;
    world
        .sandbox
        .add_field(
            "DISP",
            CustomField {
                id: "customfield_10100".to_owned(),
                name: "Root cause".to_owned(),
                kind: FieldKind::Text,
            },
        )
        .unwrap();
    settle(&world);
    let body = r#"{"errorMessages":[],"errors":{"customfield_10100":"Please say why."}}"#.to_owned();
    let refused = Effect::Answer { status: 400, headers: Vec::new(), body };
    world.sandbox.inject(Fault { nth: 1, matches: moving(), effect: refused });
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("`Root cause` (customfield_10100): Please say why."), "{said}");
    assert!(said.contains("set `jira.transition_fields.\"Root cause\"`"), "{said}");
    let done = world.sandbox.issues().iter().filter(|it| it["fields"]["status"]["name"] == "Done").count();
    assert_eq!(done, world.sandbox.issues().len() - 1);
}
