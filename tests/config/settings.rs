//! From keys to parameters: every key has an effect, and every wrong one is told.

use std::{fmt::Write, time::Duration};

use disputebot::{
    cluster::Engine,
    config::{Needs, Settings},
    dispute::{DeliverySystem, DisputedMoney, Field, Program},
    plan::Resolutions,
    source::database::{Relation, Server, Tls},
};
use jiff::SignedDuration;
use rust_decimal::Decimal;

use crate::World;

/// What a person sees when the settings are read.
fn told(world: &World, needs: Needs) -> String {
    let problems = world.load().and_then(|layers| Settings::read(&layers, needs).map(drop)).unwrap_err();
    let mut text = format!("error: {problems}\n");
    if let Some(hint) = problems.hint() {
        let _ = write!(text, "\nhint: {hint}\n");
    }
    text
}

#[test]
fn no_key_of_the_reference_is_without_effect() {
    let layers = World::empty().load().unwrap();
    let mut reader = layers.reader();
    let _settings = Settings::take(&mut reader, Needs::default());
    assert_eq!(reader.unread(), Vec::<&str>::new());
    assert_eq!(reader.finish(), Ok(Vec::new()));
}

#[test]
fn the_defaults_are_those_of_the_stages() {
    let layers = World::empty().load().unwrap();
    let (settings, warnings) = Settings::read(&layers, Needs::default()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.run.cluster, disputebot::cluster::Params::default());
    assert_eq!(settings.run.group, disputebot::group::Params::default());
    assert_eq!(settings.run.priorities.names, ["Medium", "High", "Highest"]);
    assert!(settings.jira.is_none());
    assert_eq!(
        (settings.run_schedule.expression(), settings.run_schedule.zone()),
        ("0 6 * * *", "UTC"),
        "the daemon runs at six"
    );
}

#[test]
fn each_value_arrives_where_it_belongs() {
    let world = World::with_file(
        "[source]\npaths = [\"a.csv\"]\nmax_drop = 0.25\nopen_statuses = [\"live\"]\noverpunch_decimals = 2\n\
         [source.columns]\nndc = \"NDC11\"\n[source.values.program]\n\"Medicaid\" = \"mdrp\"\n\
         [source.values.status]\n\"In Dispute\" = \"live\"\n[source.values.delivery_system]\n\"MCOU\" = \"mco\"\n\
         [cluster]\nengine = \"groupby\"\nmin_group = 7\n[group]\nconfirm_runs = 3\n\
         [plan]\nmax_new_tickets = 9\nmin_disputes = 8\nmin_amount = \"12.50\"\namount_alone = \"75\"\ndue_within_days = 3\nresolve = false\n\
         [ticket]\nmax_members_listed = 3\npriorities = [\"P3\", \"P2\", \"P1\"]\npriority_high_amount = \"5\"\npriority_highest_amount = \"6\"\n\
         [jira]\nurl = \"https://jira.example.com\"\nproject = \"DISP\"\nissue_type = \"Bug\"\nuser = \"bot@example.com\"\n\
         timeout = \"7s\"\ncreate_settle = \"9m\"\nresolution = \"Fixed\"\nlink_type_split = \"Split\"\nlink_type_merge = \"Merge\"\n\
         [state]\ndir = \"memory\"\n[report]\ndir = \"weekly\"\nzone = \"America/New_York\"\n\
         [schedule]\nrun = \"15 5 * * *\"\nreport = \"0 8 * * TUE\"\nzone = \"America/Chicago\"\n\
         [log]\nformat = \"json\"\nlevel = \"warn\"\n",
    )
    .variable("DISPUTEBOT_JIRA_TOKEN", "s3cr3t");
    let layers = world.load().unwrap();
    let needs = Needs { source: true, jira: true };
    let (settings, _) = Settings::read(&layers, needs).unwrap();
    let folder = world.folder.path();
    let run = &settings.run;

    assert_eq!(run.sources[0].paths, [folder.join("a.csv")]);
    assert!((run.sources[0].max_drop - 0.25).abs() < f64::EPSILON);
    assert_eq!(run.sources[0].columns.get(&Field::Ndc).map(String::as_str), Some("NDC11"));
    let vocabulary = &run.sources[0].vocabulary;
    assert_eq!(vocabulary.program("medicaid"), Some(Program::Mdrp));
    assert_eq!(vocabulary.delivery_system("MCOU"), Some(DeliverySystem::Mco));
    assert!(vocabulary.is_open(&vocabulary.status("In Dispute")) && !vocabulary.is_open("open"));
    for field in [Field::UnitsInvoiced, Field::UnitsDisputed, Field::UnitRebateAmount, Field::AmountDisputed]
    {
        assert_eq!(vocabulary.implied_decimals(field), Some(2), "{field:?}");
    }

    assert_eq!((run.cluster.engine, run.cluster.min_group), (Engine::GroupBy, 7));
    assert_eq!((run.group.confirm_runs, run.group.pattern_weight), (3, 7));
    assert_eq!((run.plan.max_new_tickets, run.plan.min_disputes), (9, 8));
    assert_eq!((run.plan.min_amount, run.plan.resolve), (Decimal::new(1250, 2), false));
    assert_eq!((run.plan.amount_alone, run.plan.due_within_days), (Some(Decimal::from(75)), Some(3)));
    let fixed = Some("Fixed".to_owned());
    let (merged, no_group) = (fixed.clone(), fixed.clone());
    assert_eq!(
        run.plan.resolutions,
        Resolutions { settled: fixed, merged, no_group },
        "where nothing else is named"
    );
    assert_eq!((run.plan.split_link.as_str(), run.plan.merge_link.as_str()), ("Split", "Merge"));
    assert_eq!(run.plan.settle, SignedDuration::from_mins(9));
    assert_eq!(run.max_members, 3);
    assert_eq!(run.priorities.names, ["P3", "P2", "P1"]);
    assert_eq!(
        (run.priorities.high_amount, run.priorities.highest_amount),
        (Decimal::from(5), Decimal::from(6))
    );
    assert_eq!(run.zone.iana_name(), Some("America/New_York"));

    let jira = settings.jira.unwrap();
    assert_eq!(jira.url.as_str(), "https://jira.example.com/");
    assert_eq!((jira.project.as_str(), jira.issue_type.as_str()), ("DISP", "Bug"));
    assert_eq!(jira.timeout, Duration::from_secs(7));
    assert!(!format!("{:?}", jira.credentials).contains("s3cr3t"));

    assert_eq!((settings.state, settings.delivery.folder), (folder.join("memory"), folder.join("weekly")));
    assert_eq!(settings.run_schedule.expression(), "15 5 * * *");
    assert_eq!(settings.report_schedule.expression(), "0 8 * * TUE");
    assert_eq!(settings.report_schedule.zone(), "America/Chicago");
    assert!(settings.log.json && settings.log.level == "warn");
}

#[test]
fn an_authority_is_read_from_its_file_and_one_that_is_not_there_is_refused_by_its_key() {
    let world = World::with_file(
        "[jira]\nurl = \"https://jira.example.com\"\nproject = \"DISP\"\nuser = \"bot\"\nca_file = \"own.pem\"\n",
    )
    .variable("DISPUTEBOT_JIRA_TOKEN", "s3cr3t");
    let needs = || Needs { source: false, jira: true };
    let told = told(&world, needs());
    assert!(told.contains("`jira.ca_file` cannot be `own.pem`: it cannot be read"), "{told}");
    world.write("own.pem", "-----BEGIN CERTIFICATE-----\n");
    let (settings, _) = Settings::read(&world.load().unwrap(), needs()).unwrap();
    assert_eq!(settings.jira.unwrap().certificate.unwrap(), b"-----BEGIN CERTIFICATE-----\n");
}

#[test]
fn an_address_with_credentials_is_refused_with_the_place_for_them_and_without_telling_them() {
    for own in
        ["https://bot:s3cr3t@jira.example.com", "https://s3cr3t@jira.example.com", "http://:s3cr3t@localhost"]
    {
        let told = told(&World::with_file(&format!("[jira]\nurl = \"{own}\"\n")), Needs::default());
        assert!(told.contains("it holds credentials; use `jira.user` and `jira.token_file`"), "{told}");
        assert!(!told.contains("s3cr3t"), "{told}");
    }
}

#[test]
fn a_wait_after_which_jira_may_still_be_at_a_create_is_refused_but_for_a_sandbox_on_this_machine() {
    let told_of = |url: &str, waits: &str| {
        let text = format!("[jira]\nurl = \"{url}\"\nproject = \"DISP\"\n{waits}");
        let world = World::with_file(&text).variable("DISPUTEBOT_JIRA_TOKEN", "s3cr3t");
        Settings::read(&world.load().unwrap(), Needs { source: false, jira: true })
            .map(drop)
            .map_err(|problems| problems.to_string())
    };
    let jira = "https://jira.example.com";
    for waits in
        ["create_settle = \"0s\"", "create_settle = \"69s\"", "timeout = \"5m\"\ncreate_settle = \"5m\""]
    {
        let told = told_of(jira, waits).unwrap_err();
        assert!(told.contains("`jira.create_settle`") && told.contains("expected at least"), "{told}");
    }
    let told = told_of(jira, "hold_after = \"1m\"").unwrap_err();
    assert!(told.contains("expected at least `jira.create_settle`, which is 5m"), "{told}");
    for (url, waits) in [
        (jira, "create_settle = \"70s\""),
        ("http://localhost:8080", "create_settle = \"0s\""),
        ("http://127.0.0.1:8080", "create_settle = \"0s\""),
        ("http://[::1]:8080", "create_settle = \"0s\""),
    ] {
        assert_eq!(told_of(url, waits), Ok(()), "{url} {waits}");
    }
}

#[test]
fn webhooks_need_an_address_and_a_secret_that_nobody_guesses() {
    let with = |listen: &str, secret: &str| {
        let text = format!("[webhook]\nlisten = \"{listen}\"\nmin_interval = \"2m\"\n");
        World::with_file(&text).variable("DISPUTEBOT_WEBHOOK_SECRET", secret)
    };
    let good = with("127.0.0.1:8420", "sixteen letters!");
    let (settings, _) = Settings::read(&good.load().unwrap(), Needs::default()).unwrap();
    let webhook = settings.webhook.unwrap();
    assert_eq!(webhook.listen.to_string(), "127.0.0.1:8420");
    assert_eq!(webhook.min_interval, SignedDuration::from_mins(2));
    assert!(!format!("{webhook:?}").contains("sixteen"));
    for (listen, secret, why) in [
        ("127.0.0.1:8420", "fifteen letters", "shorter than 16 characters"),
        ("jira.example.com:8420", "sixteen letters!", "expected an IP address and a port"),
        ("8420", "sixteen letters!", "expected an IP address and a port"),
    ] {
        let told = told(&with(listen, secret), Needs::default());
        assert!(told.contains(why) && !told.contains("letters"), "{told}");
    }
}

#[test]
fn all_wrong_values_are_told_at_once_each_with_its_origin() {
    let world = World::with_file(
        "[source.columns]\nndcc = \"NDC11\"\n[source.values.program]\n\"Medicaid\" = \"mdpr\"\n\
         [source.values.delivery_system]\n\"MCOU\" = \"managed\"\n\
         [ticket]\npriorities = [\"High\"]\npriority_high_amount = \"7\"\npriority_highest_amount = \"6\"\ntemplates = \"nowhere\"\n\
         [jira]\nurl = \"http://jira.example.com\"\n[report]\nzone = \"Mars/Olympus\"\n[schedule]\nrun = \"61 * * * *\"\n",
    )
    .variable("DISPUTEBOT_SCHEDULE_ZONE", "Moon/Tycho")
    .set("schedule.report=0 7 31 2 *")
    .set("log.level=loud");
    insta::assert_snapshot!(told(&world, Needs::default()), @r#"
    error: config `disputebot.toml` has 12 problems
      `source.columns.ndcc` cannot be `NDC11`: `ndcc` is none of our column names; did you mean `ndc`? (line 2)
      `source.values.program.Medicaid` cannot be `mdpr`: it is not a program; did you mean `mdrp`? (line 4)
      `source.values.delivery_system.MCOU` cannot be `managed`: expected `ffs` or `mco` (line 6)
      `ticket.priorities` cannot be `["High"]`: expected three names or none, found 1 (line 8)
      `ticket.priority_highest_amount` cannot be `6`: it is below `ticket.priority_high_amount` (line 10)
      `ticket.templates` cannot be `nowhere`: there is no such folder (line 11)
      `jira.url` cannot be `http://jira.example.com`: it does not start with `https://` (line 13)
      `report.zone` cannot be `Mars/Olympus`: failed to find time zone `Mars/Olympus` in time zone database (line 15)
      `schedule.run` cannot be `61 * * * *`: schedule `61 * * * *`, minute `61`: expected a number from 0 to 59 (line 17)
      `schedule.zone` cannot be `Moon/Tycho`: failed to find time zone `Moon/Tycho` in time zone database (environment variable `DISPUTEBOT_SCHEDULE_ZONE`)
      `schedule.report` cannot be `0 7 31 2 *`: schedule `0 7 31 2 *` never occurs: no month in it has such a day (`--set`)
      `log.level` expects `error`, `warn`, `info`, `debug` or `trace`, but found `loud` (`--set`)
    "#);
}

#[test]
fn fields_take_texts_numbers_and_lists_and_only_known_facts() {
    let world = World::with_file(
        "[jira]\nurl = \"https://jira.example.com\"\nproject = \"DISP\"\n\
         [jira.fields]\nTeam = \"Rebates\"\nPoints = 5\nAreas = [\"North; East\", \"South\"]\n\
         \"Amount exposed\" = \"{{ exposed_number }}\"\nWho = \"{% if cause.known %}{{ cause.who }}{% endif %}\"\n\
         [jira.transition_fields]\n\"Root cause\" = \"Pricing\"\n",
    )
    .variable("DISPUTEBOT_JIRA_TOKEN", "s3cr3t");
    let (settings, _) = Settings::read(&world.load().unwrap(), Needs { source: false, jira: true }).unwrap();
    assert!(settings.compile().is_ok());
    let jira = settings.jira.unwrap();
    let text = |name: &str| jira.fields.get(name).map(String::as_str);
    assert_eq!((text("Team"), text("Points")), (Some("Rebates"), Some("5")));
    assert_eq!(text("Areas"), Some("North\\; East; South"));
    assert_eq!(settings.fields, jira.fields);
    assert_eq!(jira.transition_fields["Root cause"], "Pricing");

    let wrong = World::with_file(
        "[jira.fields]\n\"Amount exposed\" = \"{{ exposd_number }}\"\nNote = \"{{ cause.nme }}\"\n\
         Broken = \"{% if client %}\"\nNever = \"{% if false %}{{ note }}{% endif %}\"\nDeep = [[\"a\"]]\n\
         [jira.transition_fields]\nWho = \"{{ cause.who }}\"\n",
    );
    insta::assert_snapshot!(told(&wrong, Needs::default()), @r#"
    error: config `disputebot.toml` has 6 problems
      `jira.fields."Amount exposed"` cannot be `{{ exposd_number }}`: there is no fact `exposd_number`; did you mean `exposed_number`? (line 2)
      `jira.fields.Note` cannot be `{{ cause.nme }}`: there is no fact `cause.nme`; did you mean `cause.name`? (line 3)
      `jira.fields.Broken` cannot be `{% if client %}`: syntax error: unexpected end of input, expected end of block (line 4)
      `jira.fields.Never` cannot be `{% if false %}{{ note }}{% endif %}`: there is no fact `note`; did you mean `undated`? (line 5)
      `jira.fields.Deep` expects a list of texts, but its element 1 is a list (line 6)
      `jira.transition_fields.Who` cannot be `{{ cause.who }}`: it looks like a template, but only constants are taken here (line 8)
    "#);
}

#[test]
fn what_a_command_needs_is_told_when_it_is_missing() {
    insta::assert_snapshot!(told(&World::empty(), Needs { source: true, jira: true }), @"
    error: the config has 4 problems
      `source.paths` is required
      `jira.url` is required
      `jira.project` is required
      `jira.token` is required; set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
    ");
    insta::assert_snapshot!(told(&World::empty(), Needs { source: true, jira: false }), @"
    error: `source.paths` is required

    hint: set it in the config file, by `DISPUTEBOT_SOURCE_PATHS` or with `--set source.paths=…`
    ");
}

#[test]
fn each_table_of_sources_is_a_source_of_its_own_in_the_order_of_the_file() {
    let world = World::with_file(
        "[source.columns]\nndc = \"NDC11\"\n\
         [sources.orders]\npaths = [\"a.csv\"]\nmax_drop = 0.1\nuser = \"reader\"\n\
         [sources.claims-2]\npaths = [\"s3://bucket/drops/*.csv\"]\n[sources.claims-2.values.program]\n\"Medicaid\" = \"mdrp\"\n",
    )
    .variable("DISPUTEBOT_SOURCES_CLAIMS_2_MAX_DROP", "0.25")
    .variable("DISPUTEBOT_SOURCES_CLAIMS_2_SECRET", "s3cr3t")
    .set("sources.orders.columns.ndc=NDC");
    let layers = world.load().unwrap();
    let (settings, _) = Settings::read(&layers, Needs { source: true, jira: false }).unwrap();
    let [orders, claims] = settings.run.sources.as_slice() else { panic!("two sources") };
    assert_eq!((orders.name.as_str(), claims.name.as_str()), ("orders", "claims-2"));
    assert_eq!(orders.paths, [world.folder.path().join("a.csv")]);
    assert_eq!(claims.paths, [std::path::PathBuf::from("s3://bucket/drops/*.csv")], "an address is no path");
    assert_eq!((orders.max_drop, claims.max_drop), (0.1, 0.25));
    assert_eq!(orders.columns.get(&Field::Ndc).map(String::as_str), Some("NDC"));
    assert_eq!((orders.user.as_deref(), orders.secret.is_some()), (Some("reader"), false));
    assert!(claims.secret.is_some() && claims.columns.is_empty());
    assert_eq!(claims.vocabulary.program("medicaid"), Some(Program::Mdrp));
    assert_eq!(orders.vocabulary.program("medicaid"), None);
    assert_eq!(
        settings.named_files.columns.len(),
        1,
        "files of the command line are read as `[source]` says"
    );
    let shown: Vec<String> = layers
        .show()
        .iter()
        .map(|shown| format!("{} = {} ({})", shown.key, shown.value, shown.origin))
        .collect();
    assert!(
        shown.contains(&"sources.orders.max_drop = 0.1 (line 5 of `disputebot.toml`)".to_owned()),
        "{shown:#?}"
    );
    assert!(shown.iter().any(|line| line.starts_with("sources.claims-2.secret = (secret)")), "{shown:#?}");
}

#[test]
fn what_is_wrong_with_one_source_is_told_with_its_name() {
    let world = World::with_file(
        "[sources.orders]\npaht = [\"a.csv\"]\nmax_drop = 2\n[sources.orders.colums]\nndc = \"N\"\n\
         [sources.Claims]\npaths = []\n[sources.empty]\nsecret = \"x\"\n",
    )
    .variable("DISPUTEBOT_SOURCES_NONE_MAX_DROP", "0.25");
    insta::assert_snapshot!(told(&world, Needs { source: true, jira: false }), @r"
    error: config `disputebot.toml` has 8 problems
      `sources.orders.paths` is required
      `sources.empty.paths` is required
      unknown key `sources.orders.paht` (line 2); did you mean `sources.orders.paths`?
      `sources.orders.max_drop` must be between 0 and 1, but is 2 (line 3)
      unknown table `sources.orders.colums` (line 4); did you mean `sources.orders.columns`?
      `sources` cannot be `Claims`: the name of a source is lowercase letters, digits, `_` and `-`, a letter first (line 6)
      `sources.empty.secret` is a secret and must not be in a config file (line 9); set `DISPUTEBOT_SOURCES_EMPTY_SECRET`, or name a file in `sources.empty.secret_file`
      unknown environment variable `DISPUTEBOT_SOURCES_NONE_MAX_DROP`; did you mean `DISPUTEBOT_SOURCE_MAX_DROP`?
    ");
}

#[test]
fn a_database_is_taken_from_its_keys_and_its_password_from_elsewhere() {
    let world = World::with_file(
        "[sources.orders]\ndatabase = \"postgres://db.example.com/claims\"\ntable = \"open.disputes\"\nuser = \"reader\"\n\
         timeout = \"90s\"\n[sources.store]\ndatabase = \"sqlserver://localhost/claims\"\nquery = \"SELECT 1\"\ntls = \"off\"\n",
    )
    .variable("DISPUTEBOT_SOURCES_ORDERS_SECRET", "s3cr3t");
    let (settings, _) = Settings::read(&world.load().unwrap(), Needs { source: true, jira: false }).unwrap();
    let [orders, store] = settings.run.sources.as_slice() else { panic!("two sources") };
    let database = orders.database.as_ref().unwrap();
    assert_eq!(
        (database.server, database.host.as_str(), database.port, database.name.as_str()),
        (Server::Postgres, "db.example.com", 5432, "claims")
    );
    assert_eq!(database.relation, Relation::Table("open.disputes".to_owned()));
    assert_eq!((database.tls, database.timeout), (Tls::Verify, Duration::from_secs(90)));
    assert_eq!((orders.user.as_deref(), orders.secret.is_some()), (Some("reader"), true));
    let database = store.database.as_ref().unwrap();
    assert_eq!((database.server, database.tls, database.port), (Server::SqlServer, Tls::Off, 1433));
    assert_eq!(database.relation, Relation::Query("SELECT 1".to_owned()));
}

#[test]
fn a_wrong_database_is_told_with_all_that_is_wrong_and_without_its_password() {
    let world = World::with_file(
        "[sources.a]\ndatabase = \"postgres://me:hunter2@db.example.com/claims\"\ntable = \"t\"\nquery = \"SELECT 1\"\n\
         [sources.b]\ndatabase = \"mysql://db.example.com/claims\"\n\
         [sources.c]\ntable = \"t\"\n\
         [sources.d]\ndatabase = \"sqlserver://db.example.com/claims\"\ntable = \"t\"\ntls = \"off\"\nca_file = \"none.pem\"\n",
    );
    let told = told(&world, Needs::default());
    assert!(!told.contains("hunter2"), "{told}");
    for part in [
        "`sources.a.database` cannot be `postgres://***@db.example.com/claims`: it holds credentials; use `user` and `secret_file`",
        "`sources.a.table` and `sources.a.query` are both set",
        "`sources.b.database` cannot be `mysql://db.example.com/claims`: expected an address that starts with `postgres://` or `sqlserver://`",
        "`sources.b.table` is required",
        "`sources.c.database` is required",
        "`sources.d.tls` cannot be `off`: SQL Server is read over encrypted connections only",
        "`sources.d.ca_file` cannot be `none.pem`: it cannot be read",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn a_folder_of_tables_takes_the_place_of_the_built_in_ones() {
    let world = World::with_file("tables.dir = \"ours\"\n");
    let paid = "program\tdisputed_money\tconfidence\tsource\n";
    let rows: String =
        Program::ALL.iter().map(|program| format!("{program}\tpaid\tsure\tour contract\n")).collect();
    world.write("ours/programs.tsv", &format!("{paid}{rows}"));
    let (settings, _) = Settings::read(&world.load().unwrap(), Needs::default()).unwrap();
    assert_eq!(settings.tables.disputed_money(Program::Mdrp), DisputedMoney::Paid);

    world.write("ours/programs.tsv", paid);
    world.write("ours/dedlines.tsv", "");
    let problems = told(&world, Needs::default());
    assert!(problems.contains("`dedlines.tsv` is none of our tables (programs.tsv, "), "{problems}");
    assert!(
        problems.contains("program `mdrp` has 0 rows in the table of programs, expected 1"),
        "{problems}"
    );
    world.write("ours/programs.tsv", "program\n");
    assert!(told(&world, Needs::default()).contains("table `programs.tsv` has no column `disputed_money`"));
}

#[test]
fn a_place_in_jira_for_the_report_is_one_of_two_and_an_issue_has_a_key() {
    let settings = |text: &str| {
        World::with_file(&format!("[jira]\nurl = \"https://jira.example.com\"\nproject = \"DISP\"\n{text}"))
    };
    for (text, said) in [
        (
            "[report.jira]\nissue = \"DISP-7\"\nissue_type = \"Task\"\n",
            "`report.jira.issue` is set as well; use one",
        ),
        (
            "[report.jira]\nissue = \"seven\"\n",
            "expected the key of an issue, such as `DISP-7`, but found `seven`",
        ),
        ("[report.jira.clients]\n\"Example Pharma A\" = \"DISP\"\n", "but found `DISP`"),
    ] {
        let told = told(&settings(text), Needs::default());
        assert!(told.contains(said), "{text}: {told}");
    }
    let lonely = World::with_file("[report.jira]\nissue_type = \"Task\"\n");
    assert!(told(&lonely, Needs::default()).contains("`report.jira.project` is required"));
    let lonely = World::with_file("[report.jira]\nissue = \"DISP-7\"\n");
    assert!(told(&lonely, Needs::default()).contains("`jira.url` is required"));
}

#[test]
fn two_sources_with_one_name_of_a_variable_are_refused() {
    let world = World::with_file("[sources.a-b]\npaths = [\"a.csv\"]\n[sources.a_b]\npaths = [\"b.csv\"]\n");
    let told = told(&world, Needs::default());
    assert!(
        told.contains("its variable `DISPUTEBOT_SOURCES_A_B_PATHS` would also be that of the source `a-b`"),
        "{told}"
    );
    let world = World::with_file("[sources.a-b]\npaths = [\"a.csv\"]\n[sources.a_c]\npaths = [\"b.csv\"]\n");
    assert!(world.load().and_then(|layers| Settings::read(&layers, Needs::default()).map(drop)).is_ok());
}

#[test]
fn what_a_source_keeps_stands_beside_the_state_under_its_name() {
    let world = World::with_file(
        "[sources.drops]\npaths = [\"a.csv\"]\nappend_only = true\n[sources.other]\npaths = [\"b.csv\"]\n[state]\ndir = \"here\"\n",
    );
    let layers = world.load().unwrap();
    let (settings, _) = Settings::read(&layers, Needs::default()).unwrap();
    let [drops, other] = settings.run.sources.as_slice() else { panic!("two sources") };
    let keep = drops.keep.as_ref().unwrap();
    assert!(keep.folder.ends_with("here/read/drops") && !keep.writes);
    assert_eq!(other.keep, None);
    assert!(drops.key_file.as_ref().unwrap().ends_with("here/local.key"));
}

#[test]
fn a_reference_and_word_vectors_are_taken_and_a_bad_line_of_the_vectors_is_told() {
    let world = World::with_file(
        "[source]\npaths = [\"a.csv\"]\n[cluster]\nreference = [\"all.csv\"]\nembedding = \"words.vec\"\n",
    );
    let path = world.folder.path().join("words.vec");
    let needs = Needs { source: true, ..Needs::default() };
    std::fs::write(&path, "entity 1 0\nclaim 0 one\n").unwrap();
    let said = told(&world, needs);
    assert!(said.contains("`cluster.embedding`") && said.contains("line 2"), "{said}");
    std::fs::remove_file(&path).unwrap();
    assert!(told(&world, needs).contains("it cannot be read"));
    std::fs::write(&path, "entity 1 0\nclaim 0 1\n").unwrap();
    let layers = world.load().unwrap();
    let (settings, _) = Settings::read(&layers, needs).unwrap();
    assert!(settings.run.embedding.is_some());
    let reference = settings.run.reference.unwrap();
    assert_eq!((reference.paths.len(), reference.keep), (1, None));
    assert!(
        Settings::read(&layers, Needs::default()).unwrap().0.run.embedding.is_none(),
        "only who groups reads it"
    );
}
