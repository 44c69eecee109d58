//! What goes wrong is said in words, with the right exit code, and nothing is written.

use disputebot::sandbox::{
    CustomField, Effect, Fault, FieldKind, Form, Language, Mandatory, Matches, Permission, User,
};

use serde_json::Value;

use crate::world::{World, disputes, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_end_with_5_and_say_what_to_do() {
    let world = World::new().await;
    let output = {
        let mut command = world.command(&["run"]);
        command.env("DISPUTEBOT_JIRA_TOKEN", "another-token");
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    assert_eq!(output.status.code(), Some(5));
    let said = text(&output.stderr);
    assert!(said.contains("Jira did not accept the credentials"), "{said}");
    assert!(said.contains("hint:"), "{said}");
    assert!(!said.contains("another-token"), "{said}");
    assert!(world.sandbox.issues().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_jira_ends_with_5_and_the_next_run_goes_on() {
    let world = World::new().await;
    let refused = Effect::Answer { status: 401, headers: Vec::new(), body: "{}".to_owned() };
    world.sandbox.inject(Fault { nth: 1, matches: Matches::Writes, effect: refused });
    let code = world.run(&["run"]).await.status.code();
    assert_eq!(code, Some(5));
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("after a refusal").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_ticket_does_not_stop_the_others() {
    let world = World::new().await;
    let body = r#"{"errorMessages":[],"errors":{"customfield_1":"Team is required."}}"#.to_owned();
    let refused = Effect::Answer { status: 400, headers: Vec::new(), body };
    world.sandbox.inject(Fault { nth: 2, matches: Matches::Writes, effect: refused });
    let output = world.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(6));
    let said = text(&output.stderr);
    assert!(said.contains("Team is required."), "{said}");
    let groups = world.groups().await.len();
    assert_eq!(world.sandbox.issues().len(), groups - 1);
    world.expect(0, &["run"]).await;
    world.assert_one_ticket_per_group("once it is mended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_input_ends_with_4() {
    let world = World::new().await;
    std::fs::remove_file(world.path("disputes.csv")).unwrap();
    let output = world.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(4));
    let said = text(&output.stderr);
    assert!(said.contains("disputes.csv"), "{said}");
    world.expect(4, &["check"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_mistakes_of_a_config_are_told_at_once_with_3() {
    let world = World::new().await;
    world.write_config("[plan]\nmax_new_ticket = 3\n[cluster]\nmin_group = 0\n[schedule]\nrun = \"* * *\"\n");
    let output = world.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    for part in [
        "has 3 problems",
        "plan.max_new_ticket",
        "did you mean `plan.max_new_tickets`",
        "cluster.min_group",
        "schedule.run",
    ] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_in_use_ends_with_7() {
    let world = World::new().await;
    let state = disputebot::state::State::open(&world.path("state")).unwrap();
    let output = world.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("is in use by another disputebot"));
    world.expect(0, &["status"]).await;
    drop(state);
    world.expect(0, &["run"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_names_what_would_fail_and_writes_nothing() {
    let world = World::new().await;
    let said = world.expect(0, &["check"]).await;
    assert!(!said.contains("FAIL"), "{said}");
    world.write_config("issue_type = \"Epic Tale\"\nresolution = \"Sorted\"\n");
    let said = world.expect(5, &["check"]).await;
    assert!(said.contains("no issue type `Epic Tale`"), "{said}");
    assert!(said.contains("no resolution `Sorted`"), "{said}");
    assert_eq!(world.writes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_names_each_permission_link_type_and_priority_that_is_missing() {
    for world in [World::new().await, World::data_center().await] {
        for (permission, name) in [
            (Permission::Create, "CREATE_ISSUES"),
            (Permission::Edit, "EDIT_ISSUES"),
            (Permission::Comment, "ADD_COMMENTS"),
            (Permission::Transition, "TRANSITION_ISSUES"),
            (Permission::Link, "LINK_ISSUES"),
            (Permission::Attach, "CREATE_ATTACHMENTS"),
            (Permission::DeleteOwnAttachments, "DELETE_OWN_ATTACHMENTS"),
            (Permission::Schedule, "SCHEDULE_ISSUES"),
            (Permission::Resolve, "RESOLVE_ISSUES"),
        ] {
            world.sandbox.forbid(&User::bot(), permission);
            let said = world.expect(5, &["check"]).await;
            world.sandbox.allow(&User::bot(), permission);
            assert!(said.contains(&format!("missing: {name} (to ")), "{name}: {said}");
        }
        // What only some settings need is asked for with them.
        let staff = [User::bot()];
        world.sandbox.add_security_level("DISP", "Staff only", &staff).unwrap();
        for (permission, name, setting) in [
            (Permission::Assign, "ASSIGN_ISSUES", "jira.fields.assignee=Example Analyst"),
            (Permission::ModifyReporter, "MODIFY_REPORTER", "jira.fields.reporter=Example Analyst"),
            (Permission::SetSecurity, "SET_ISSUE_SECURITY", "jira.fields.security=Staff only"),
        ] {
            world.sandbox.forbid(&User::bot(), permission);
            let without = world.expect(0, &["check"]).await;
            let said = text(&world.run(&["check", "--set", setting]).await.stdout);
            world.sandbox.allow(&User::bot(), permission);
            assert!(!without.contains(name), "{name}: {without}");
            assert!(said.contains(&format!("missing: {name} (to ")), "{name}: {said}");
        }
        world.sandbox.forbid(&User::bot(), Permission::Browse);
        let said = world.expect(5, &["check"]).await;
        assert!(said.contains("FAIL  jira.project"), "{said}");
        world.sandbox.allow(&User::bot(), Permission::Browse);
        let split = world.expect(5, &["check", "--set", "jira.link_type_split=Halves"]).await;
        assert!(
            split.contains("there is no link type `Halves`") && split.contains("(`jira.link_type_split`)"),
            "{split}"
        );
        let misspelt = ["check", "--set", "jira.transition_fields.Likely cuase=units"];
        let said = world.expect(5, &misspelt).await;
        assert!(said.contains("Jira has no field `Likely cuase`, so nothing fills it"), "{said}");
        let said =
            world.expect(0, &["check", "--set", "jira.transition_fields.Assignee=Example Analyst"]).await;
        assert!(said.contains("Jira has each of these fields"), "{said}");
        // Those of other projects are on the list of the site.
        world.sandbox.set_priorities("DISP", &["Highest", "Low"]).unwrap();
        let said = world.expect(3, &["check"]).await;
        assert!(said.contains("the project has no priority `Medium`; it has: Highest, Low"), "{said}");
        let output = world.run(&["run"]).await;
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("no priority `Medium`"), "{}", text(&output.stderr));
        assert_eq!(world.writes(), 0);
        world.expect(0, &["check", "--set", "ticket.priorities=Low,Low,Highest"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_command_line_ends_with_2() {
    let world = World::new().await;
    world.expect(2, &["rum"]).await;
    world.expect(2, &["report", "--week", "47"]).await;
    world.expect(0, &["completions", "bash"]).await;
    world.expect(0, &["--help"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_names_what_a_screen_lacks_and_what_can_be_set_at_create_only() {
    for world in [World::new().await, World::data_center().await] {
        let kind = FieldKind::Text;
        let field = CustomField { id: "customfield_10200".to_owned(), name: "Team".to_owned(), kind };
        world.sandbox.add_field("DISP", field).unwrap();
        world.sandbox.take_off("DISP", "customfield_10200", Form::Edit).unwrap();
        world.write_config("[jira.fields]\nTeam = \"Rebates\"\n");
        world.expect(0, &["run"]).await;
        let said = world.expect(0, &["check"]).await;
        let told =
            "`Team` (customfield_10200) is not on the edit screen: it is set at create and never after";
        assert!(said.contains(told), "{said}");
        world.sandbox.take_off("DISP", "duedate", Form::Edit).unwrap();
        let said = world.expect(5, &["check"]).await;
        assert!(said.contains("so updates would be refused: duedate; add them to the screen"), "{said}");
        assert!(!said.contains("creating would be refused"), "{said}");
        world.sandbox.take_off("DISP", "labels", Form::Create).unwrap();
        let said = world.expect(5, &["check"]).await;
        let told = "not on it, so creating would be refused: labels; add them to the screen";
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_ticket_gets_a_priority_none_is_missed_on_the_screens() {
    let world = World::new().await;
    let without = &["--set", "ticket.priorities="];
    world.expect(0, &[&["run"], &without[..]].concat()).await;
    for form in [Form::Create, Form::Edit] {
        world.sandbox.take_off("DISP", "priority", form).unwrap();
    }
    world.expect(0, &[&["check"], &without[..]].concat()).await;
    let said = world.expect(5, &["check"]).await;
    assert!(said.contains("creating would be refused: priority"), "{said}");
    assert!(said.contains("updates would be refused: priority"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_tickets_have_and_the_type_of_a_rule_has_not_is_named_by_check() {
    for world in [World::new().await, World::data_center().await] {
        world.sandbox.keep_field_to("DISP", "duedate", &["Task"]).unwrap();
        world.write_config("[routes.b]\nclients = [\"Example Pharma B\"]\nissue_type = \"Bug\"\n");
        let told = "the create screen of the type has no `duedate`, which tickets have";
        let said = world.expect(3, &["check"]).await;
        assert!(said.contains("routes.b.issue_type") && said.contains(told), "{said}");
        assert_eq!(world.writes(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_where_reports_cannot_go() {
    for world in [World::new().await, World::data_center().await] {
        world.sandbox.add_project("OPS", "Operations").unwrap();
        let check = async |code: i32, more: &[&str]| {
            let settings: Vec<String> = more.iter().map(|setting| format!("report.jira.{setting}")).collect();
            let mut arguments = vec!["check"];
            arguments.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
            world.expect(code, &arguments).await
        };
        for (settings, told) in [
            (&["issue_type=Epik"][..], "the project has no issue type `Epik`; it has: Task, Bug, Story"),
            (&["issue_type=Task", "project=NONE"], "NONE"),
            (&["issue=DISP-99"], "DISP-99 is not there, or the account may not see it"),
            (&["clients.Example Pharma B=DISP-98"], "DISP-98 is not there"),
        ] {
            let said = check(5, settings).await;
            assert!(said.contains("FAIL  report.jira.") && said.contains(told), "{settings:?}: {said}");
        }
        let ops = ["issue_type=Bug", "project=OPS"];
        assert!(check(0, &ops).await.contains("the account may put reports on OPS"));
        world.sandbox.require_field("OPS", "environment", Mandatory::Told).unwrap();
        let said = check(5, &ops).await;
        assert!(said.contains("it demands `Environment`, which nothing sets"), "{said}");
        world.expect(0, &["run"]).await;
        assert!(check(0, &["issue=DISP-1"]).await.contains("the account may put reports on DISP-1"));
        world.sandbox.forbid(&User::bot(), Permission::Comment);
        let said = check(5, &["issue=DISP-1"]).await;
        assert!(said.contains("the account lacks ADD_COMMENTS on DISP-1"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_the_security_levels_and_how_large_a_file_may_be() {
    for world in [World::new().await, World::data_center().await] {
        let staff = [User::bot()];
        world.sandbox.add_security_level("DISP", "Staff only", &staff).unwrap();
        world.sandbox.add_security_level("DISP", "Everybody", &staff).unwrap();
        world.sandbox.set_attachment_limit(Some(3 << 19));
        let said = world.expect(0, &["check"]).await;
        assert!(!said.contains("the account may set: "), "only where one is set: {said}");
        assert!(said.contains("up to 1.5 MiB each"), "{said}");
        world.write_config("[jira.fields]\nsecurity = \"Staff only\"\n");
        world.sandbox.set_attachment_limit(None);
        let said = world.expect(0, &["check"]).await;
        assert!(
            said.contains("the account may set: `Staff only`, `Everybody`; it must be in the one"),
            "{said}"
        );
        assert!(said.contains("switched off on this site, so no list of disputes can be attached"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_language_of_the_account_changes_no_name() {
    // Data Center speaks the language of the account whatever it is asked, so names in the config are of that language,
    // and what is sent is of none.
    for (world, names, resolution) in [
        (World::new().await, "ticket.priorities=Medium,High,Highest", "jira.resolution=Done"),
        (World::data_center().await, "ticket.priorities=Mittel,Hoch,Höchste", "jira.resolution=Fertig"),
    ] {
        world.sandbox.set_language(&User::bot(), Language::German);
        let set = &["--set", names, "--set", resolution];
        world.expect(0, &[&["check"], &set[..]].concat()).await;
        world.expect(0, &[&["run"], &set[..]].concat()).await;
        world.assert_one_ticket_per_group("with an account that reads German").await;
        let mut rows = disputes();
        for row in &mut rows {
            "2026-01-31".clone_into(&mut row.due_at);
            if row.manufacturer == "Example Pharma B" {
                "resolved".clone_into(&mut row.status);
            }
        }
        world.write_disputes(&rows);
        world.expect(0, &[&["run"], &set[..]].concat()).await;
        let closed = |issue: &&Value| issue["fields"]["resolution"]["name"] == "Done";
        assert!(world.sandbox.issues().iter().filter(closed).count() > 0, "settled tickets are closed");
        let writes = world.writes();
        world.expect(0, &[&["run"], &set[..]].concat()).await;
        assert_eq!(world.writes(), writes, "what is shown is what was written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_poisoned_row_in_a_hundred_stops_nothing_and_more_than_the_limit_stops_before_the_plan() {
    let world = World::new().await;
    let good = std::fs::read_to_string(world.path("disputes.csv")).unwrap();
    let rows = good.lines().count() - 1;
    let poisoned = rows.div_ceil(100);
    let columns = good.lines().next().unwrap().split(',').count();
    let bad: String = (0..poisoned)
        .map(|number| format!("D-bad-{number},medicade,Example,12345067890{}\n", ",".repeat(columns - 4)))
        .collect();
    std::fs::write(world.path("disputes.csv"), format!("{good}{bad}")).unwrap();
    let output = world.run(&["--set", "source.max_reject_rate=0.001", "run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    let expected = format!(
        "error: too many rows cannot be read: {poisoned} of {} rows are rejected, expected at most 0.1 %",
        rows + poisoned
    );
    assert!(said.contains(&expected) && said.contains("source preview"), "{said}");
    assert!(world.sandbox.issues().is_empty());
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("{} rows: ", rows + poisoned)), "{said}");
    assert!(said.contains(&format!("{poisoned} rejected")), "{said}");
    world.assert_one_ticket_per_group("beside poisoned rows").await;
}
