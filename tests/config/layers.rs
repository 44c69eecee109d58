//! Which value is in force, where it comes from, and as what it is read.

use std::{ffi::OsString, fmt::Write, fs, path::PathBuf, time::Duration};

use disputebot::config::{Assignment, Layers, Origin, Place, variable_of};
use rust_decimal::Decimal;

use crate::{World, read_all, rows};

#[test]
fn the_defaults_alone_are_a_valid_configuration_and_every_key_is_readable() {
    let layers = World::empty().load().unwrap();
    let mut reader = layers.reader();
    read_all(&mut reader);
    assert_eq!(reader.unread(), Vec::<&str>::new());
    assert_eq!(reader.finish(), Ok(Vec::new()));
    assert_eq!(layers.file(), None);
    assert!(layers.show().iter().all(|row| row.origin == Origin::Default));
}

#[test]
fn a_later_layer_wins_and_the_origin_tells_which() {
    let file = "[plan]\nmax_new_tickets = 1\nmin_disputes = 1\nmin_amount = 1\n";
    let layers = World::with_file(file)
        .variable("DISPUTEBOT_PLAN_MIN_DISPUTES", "2")
        .variable("DISPUTEBOT_PLAN_MIN_AMOUNT", "2")
        .set("plan.min_amount=3")
        .load()
        .unwrap();
    let mut reader = layers.reader();
    assert_eq!(reader.integer::<u32>("plan.max_new_tickets", ..), 1);
    assert_eq!(reader.integer::<u32>("plan.min_disputes", ..), 2);
    assert_eq!(reader.money("plan.min_amount"), Decimal::from(3));
    assert!(reader.flag("plan.resolve"));
    assert_eq!(reader.finish(), Ok(Vec::new()));
    let origins: Vec<_> = ["max_new_tickets", "min_disputes", "min_amount", "resolve"]
        .map(|key| layers.origin(&format!("plan.{key}")).to_string())
        .into();
    insta::assert_snapshot!(origins.join("\n"), @"
    line 2 of `disputebot.toml`
    environment variable `DISPUTEBOT_PLAN_MIN_DISPUTES`
    `--set`
    built-in default
    ");
}

#[test]
fn the_file_named_on_the_command_line_wins_over_the_variable_and_that_over_the_one_in_the_folder() {
    let world = World::with_file("jira.project = \"A\"\n").variable("DISPUTEBOT_CONFIG", "b.toml");
    world.write("b.toml", "jira.project = \"B\"\n");
    world.write("c.toml", "jira.project = \"C\"\n");
    let project = |environment: &[(OsString, OsString)], file: Option<PathBuf>| {
        let layers = Layers::load(&Place { file, ..world.place() }, environment.to_vec(), &[]).unwrap();
        layers.reader().text("jira.project")
    };
    assert_eq!(project(&[], None), "A");
    assert_eq!(project(&world.environment, None), "B");
    assert_eq!(project(&world.environment, Some("c.toml".into())), "C");
    let unset = [("DISPUTEBOT_CONFIG".into(), "".into())];
    assert_eq!(project(&unset, None), "A");
}

#[test]
fn entries_of_an_open_table_are_laid_over_each_other_one_by_one() {
    let file = "[source.columns]\nndc = \"NDC11\"\nstate = \"ST\"\npayer = \"Plan\"\n\n\
                [source.values.program]\n\"Medicaid. FFS\" = \"mdrp\"\n";
    let layers = World::with_file(file)
        .variable("DISPUTEBOT_SOURCE_COLUMNS", "state=State Code, period = Qtr")
        .set("source.columns.payer=Health Plan")
        .set("source.values.program.\"Part D\"=part_d_mdp")
        .load()
        .unwrap();
    let mut reader = layers.reader();
    let columns = [("ndc", "NDC11"), ("payer", "Health Plan"), ("period", "Qtr"), ("state", "State Code")];
    assert_eq!(reader.map("source.columns"), columns.map(|(name, value)| (name.into(), value.into())).into());
    let programs = [("Medicaid. FFS", "mdrp"), ("Part D", "part_d_mdp")];
    assert_eq!(
        reader.map("source.values.program"),
        programs.map(|(name, value)| (name.into(), value.into())).into()
    );
    assert_eq!(reader.finish(), Ok(Vec::new()));
    let shown = layers.show().into_iter().filter(|row| row.origin != Origin::Default).fold(
        String::new(),
        |mut text, row| {
            let origin = row.origin.to_string();
            writeln!(text, "{} = {}  # {origin}", row.key, row.value).unwrap();
            text
        },
    );
    insta::assert_snapshot!(shown, @r#"
    source.columns.ndc = "NDC11"  # line 2 of `disputebot.toml`
    source.columns.payer = "Health Plan"  # `--set`
    source.columns.period = "Qtr"  # environment variable `DISPUTEBOT_SOURCE_COLUMNS`
    source.columns.state = "State Code"  # environment variable `DISPUTEBOT_SOURCE_COLUMNS`
    source.values.program."Medicaid. FFS" = "mdrp"  # line 7 of `disputebot.toml`
    source.values.program."Part D" = "part_d_mdp"  # `--set`
    "#);
    assert_eq!(layers.origin("source.columns"), Origin::CommandLine { flag: "--set".to_owned() });
}

#[test]
fn every_key_can_be_set_by_its_environment_variable() {
    let defaults = World::empty().load().unwrap();
    let mut world = World::empty();
    for row in defaults.show() {
        let plain: toml::Value = format!("x = {}", row.value).parse::<toml::Table>().unwrap()["x"].clone();
        let text = match plain {
            toml::Value::String(text) => text,
            toml::Value::Array(parts) => {
                parts.iter().map(|part| part.as_str().unwrap()).collect::<Vec<_>>().join(",")
            }
            toml::Value::Table(_) => "some name=some value".to_owned(),
            other => other.to_string(),
        };
        world = world.variable(&variable_of(&row.key), &text);
    }
    let layers = world.load().unwrap();
    let mut reader = layers.reader();
    read_all(&mut reader);
    assert_eq!(reader.finish(), Ok(Vec::new()));
    for (default, row) in defaults.show().into_iter().zip(layers.show()) {
        let (key, value) = match default.value.as_str() {
            "{}" => (format!("{}.\"some name\"", default.key), "\"some value\""),
            value => (default.key.clone(), value),
        };
        assert_eq!((row.key, row.value.as_str()), (key, value));
        assert_eq!(row.origin, Origin::Environment { variable: variable_of(&default.key) });
    }
}

#[test]
fn a_relative_path_starts_at_the_folder_of_the_file_that_it_stands_in() {
    let world =
        World::empty().variable("DISPUTEBOT_REPORT_DIR", "reports").set("source.paths=a.csv,/srv/b.csv");
    fs::create_dir(world.folder.path().join("etc")).unwrap();
    world.write("etc/bot.toml", "state.dir = \"../state\"\nticket.templates = \"/srv/templates\"\n");
    let place = Place { file: Some("etc/bot.toml".into()), ..world.place() };
    let layers = Layers::load(&place, world.environment.clone(), &world.command_line).unwrap();
    let folder = world.folder.path();
    let mut reader = layers.reader();
    assert_eq!(reader.path("state.dir"), folder.join("etc/../state"));
    assert_eq!(reader.optional_path("ticket.templates"), Some("/srv/templates".into()));
    assert_eq!(reader.path("report.dir"), folder.join("reports"));
    assert_eq!(reader.paths("source.paths"), [folder.join("a.csv"), "/srv/b.csv".into()]);
    assert_eq!(reader.optional_path("jira.ca_file"), None);
}

#[test]
fn a_path_stays_as_short_as_it_was_given_when_the_working_directory_is_that_of_the_process() {
    let layers = Layers::load(&Place::default(), [("", "")], &[]).unwrap();
    assert_eq!(layers.reader().path("state.dir"), PathBuf::from("state"));
}

#[test]
fn values_are_read_as_what_they_mean() {
    let file = "source.overpunch_decimals = 2\nsource.max_drop = 1\nplan.min_amount = 0.10\n\
                jira.timeout = \"2h 30m\"\njira.project = \" DISP \"\ncluster.engine = \"groupby\"\n\
                ticket.priority_high_amount = \"1250.50\"\n";
    let layers = World::with_file(file)
        .variable("DISPUTEBOT_PLAN_RESOLVE", "false")
        .variable("DISPUTEBOT_JIRA_CREATE_SETTLE", "90s")
        .variable("DISPUTEBOT_SOURCE_OPEN_STATUSES", ",open, in review ")
        .load()
        .unwrap();
    let mut reader = layers.reader();
    assert_eq!(reader.optional_integer("source.overpunch_decimals", 0..=9), Some(2_u8));
    assert!((reader.ratio("source.max_drop", 0.0..=1.0) - 1.0).abs() < f64::EPSILON);
    assert_eq!(reader.money("plan.min_amount").to_string(), "0.10");
    assert_eq!(reader.money("ticket.priority_high_amount").to_string(), "1250.50");
    assert_eq!(reader.duration("jira.timeout"), Duration::from_mins(150));
    assert_eq!(reader.duration("jira.create_settle"), Duration::from_secs(90));
    assert_eq!(reader.text("jira.project"), "DISP");
    assert_eq!(reader.one_of("cluster.engine", &[("patterns", 'p'), ("groupby", 'g')]), 'g');
    assert!(!reader.flag("plan.resolve"));
    assert_eq!(reader.list("source.open_statuses"), ["", "open", "in review"]);
    assert_eq!(
        reader.check("schedule.run", |text| text.split(' ').map(str::len).next_back().ok_or("")),
        Some(1)
    );
    assert_eq!(reader.check("jira.url", |_| Err::<(), _>("never asked")), None);
    assert_eq!(reader.finish(), Ok(Vec::new()));
}

#[test]
fn a_flag_of_its_own_gives_a_list_without_splitting_at_commas() {
    let mut world = World::with_file("source.paths = [\"a.csv\"]\njira.project = \"A\"\n");
    world.command_line.push(Assignment::flags(
        "--input",
        "source.paths",
        &["/a,b.csv".to_owned(), "/c.csv".to_owned()],
    ));
    world.command_line.push(Assignment::flag("--project", "jira.project", "B"));
    let layers = world.load().unwrap();
    let mut reader = layers.reader();
    assert_eq!(reader.paths("source.paths"), [PathBuf::from("/a,b.csv"), "/c.csv".into()]);
    assert_eq!(reader.text("jira.project"), "B");
    assert_eq!(reader.finish(), Ok(Vec::new()));
    assert_eq!(layers.origin("source.paths").to_string(), "`--input`");
    let row = rows(&layers).into_iter().find(|(key, _)| key == "source.paths");
    assert_eq!(row.unwrap().1, r#"["/a,b.csv", "/c.csv"]"#);
}

#[test]
fn an_empty_value_in_a_later_layer_unsets_the_one_below() {
    let world = World::with_file("jira.project = \"DISP\"\nsource.paths = [\"a.csv\"]\n")
        .variable("DISPUTEBOT_JIRA_PROJECT", "")
        .set("source.paths=");
    let layers = world.load().unwrap();
    let mut reader = layers.reader();
    assert_eq!(reader.optional_text("jira.project"), None);
    assert_eq!(reader.list("source.paths"), Vec::<String>::new());
    assert_eq!(reader.finish(), Ok(Vec::new()));
}
