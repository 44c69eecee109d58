//! Rules of routing as the config gives them.

use std::collections::BTreeSet;

use disputebot::{
    config::{Needs, Settings},
    dispute::Program,
    plan::{ASSIGNEE, COMPONENTS, PARENT, Rule, SECURITY},
};

use crate::World;

fn settings(world: &World) -> Settings {
    Settings::read(&world.load().unwrap(), Needs::default()).unwrap().0
}

fn rules(text: &str) -> Vec<Rule> {
    settings(&World::with_file(text)).run.routes
}

fn told(text: &str) -> String {
    World::with_file(text).told(|reader| drop(Settings::take(reader, Needs::default())))
}

#[test]
fn rules_are_tried_in_the_order_of_the_file_and_the_one_without_a_name_last() {
    let found = rules(
        "[route]\nassignee = \"rest\"\n[routes.texas]\nstates = [\"tx\"]\nassignee = \"a\"\n[routes.alpha]\npriority = \
         \"Low\"\nmin_amount = \"100000\"\n",
    );
    let names: Vec<&str> = found.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["routes.texas", "routes.alpha", "route"]);
    assert_eq!(found[0].when.states, BTreeSet::from(["TX".to_owned()]));
    assert!(rules("").is_empty(), "without rules there is none");
}

#[test]
fn a_rule_can_say_everything_that_the_reference_has() {
    let found = rules(
        "[routes.all]\nprograms = [\"MDRP\"]\ncauses = [\"7\", \"10\"]\nclients = [\"Example Pharma A\"]\nstates = [\"TX\"]\n\
         entity_types = [\"dsh\"]\nmin_amount = 12.5\ndue_within_days = 14\nissue_type = \"Bug\"\ncomponents = [\"A\", \
         \"B; C\"]\nassignee = \"analyst@example.com\"\npriority = \"Highest\"\nsecurity_level = \"Team\"\nwatchers = \
         [\"lead@example.com\"]\nparent = \"DISP-1\"\n[routes.all.fields]\nTeam = \"West\"\n",
    );
    let Rule { when, then, .. } = &found[0];
    assert_eq!(when.programs, BTreeSet::from([Program::Mdrp]));
    assert_eq!(when.causes.len(), 2);
    assert_eq!(when.entity_types, BTreeSet::from(["DSH".to_owned()]));
    assert_eq!((when.min_amount, when.due_within_days), (Some("12.5".parse().unwrap()), Some(14)));
    let fields: Vec<(&str, &str)> =
        then.fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("Team", "West"),
            (ASSIGNEE, "analyst@example.com"),
            (COMPONENTS, "A; B\\; C"),
            (PARENT, "DISP-1"),
            (SECURITY, "Team")
        ]
    );
    assert_eq!((then.issue_type.as_deref(), then.priority.as_deref()), (Some("Bug"), Some("Highest")));
    assert_eq!(then.watchers, ["lead@example.com"]);
    let subject = disputebot::plan::Subject {
        program: Program::Mdrp,
        cause: "10",
        client: "Example Pharma A",
        states: vec![Some("TX")],
        entity_types: vec![Some("DSH")],
        amount: "12.5".parse().unwrap(),
        days_left: Some(14),
    };
    assert_eq!(disputebot::plan::route(&found, &subject), *then);
}

#[test]
fn every_layer_sets_keys_of_a_rule() {
    let world = World::with_file("[routes.texas]\nassignee = \"file\"\nparent = \"DISP-1\"\n")
        .variable("DISPUTEBOT_ROUTES_TEXAS_ASSIGNEE", "variable")
        .set("routes.texas.parent=DISP-2")
        .set("routes.other.priority=Low");
    let found = settings(&world).run.routes;
    assert_eq!(found[0].then.fields[ASSIGNEE], "variable");
    assert_eq!(found[0].then.fields[PARENT], "DISP-2");
    assert_eq!(found[1].name, "routes.other");
}

#[test]
fn a_rule_names_the_project_of_its_tickets_and_what_it_says_is_tried_there() {
    let world = World::with_file(
        "[jira]\nproject = \"DISP\"\n[routes.a]\nproject = \"OTHER\"\nassignee = \"a\"\n\
         [routes.b]\nproject = \"DISP\"\nassignee = \"b\"\n[route]\nassignee = \"c\"\n",
    );
    let found = settings(&world);
    let projects: Vec<Option<&str>> =
        found.run.routes.iter().map(|rule| rule.then.project.as_deref()).collect();
    assert_eq!(projects, [Some("OTHER"), Some("DISP"), None]);
    assert_eq!(found.delivery.links.projects, ["DISP", "OTHER"], "a report finds the open tickets of both");
    let said = told(
        "[jira]\nproject = \"DISP\"\n[routes.a]\nproject = \"OPS\"\nassignee = \"a\"\n[internal]\nproject = \"OPS\"\n",
    );
    assert!(
        said.contains("whoever sees those would see all clients"),
        "tickets of clients and of staff in one: {said}"
    );
    let said = told(
        "[jira]\nproject = \"DISP\"\nleft_projects = [\"TX\"]\n[routes.a]\nproject = \"TX\"\nassignee = \"a\"\n",
    );
    assert!(said.contains("a rule of routing opens tickets in `TX`"), "{said}");
    let said = told("[jira]\nproject = \"DISP\"\nleft_projects = [\"DISP\"]\n");
    assert!(said.contains("`DISP` is `jira.project`"), "{said}");
}

#[test]
fn every_mistake_in_a_rule_is_told_with_its_place() {
    let said = told(
        "[routes.a]\nassigne = \"x\"\n[routes.b]\nstates = [\"TX\"]\n[routes.c]\nprograms = [\"MDRB\"]\ncauses = [\"seven\"]\n\
         assignee = \"{{ client }}\"\n[routes.C]\nassignee = \"a\"\n[ticket]\npriority_high_loss = 10\npriority_highest_loss = 5\n",
    );
    for part in [
        "unknown key `routes.a.assigne` (line 2)",
        "`routes.b.states` cannot be `[\"TX\"]`: the rule says nothing of the tickets that it fits (line 4)",
        "`MDRB` is no program: `mdrp`",
        "`seven` is no number of the playbook",
        "it looks like a template, but only constants are taken here",
        "the name of a rule is lowercase letters",
        "it is below `ticket.priority_high_loss`",
    ] {
        assert!(said.contains(part), "`{part}` in {said}");
    }
}
