//! Every message as people see it.

use std::fs;

use disputebot::config::{DEFAULTS, Origin, Reader};

use crate::{World, read_all};

#[test]
fn an_unknown_key_is_told_with_line_and_suggestion() {
    insta::assert_snapshot!(World::with_file("# mine\n[cluster]\nmin_point = 3\n").told(|_| ()), @"
    error: could not load config `disputebot.toml`
      caused by: unknown key `cluster.min_point` (line 3)

    hint: did you mean `cluster.min_group`?
    ");
    insta::assert_snapshot!(World::with_file("[clutser]\nmin_group = 3\nengine = \"x\"\n").told(|_| ()), @"
    error: could not load config `disputebot.toml`
      caused by: unknown table `clutser` (line 1)

    hint: did you mean `cluster`?
    ");
    insta::assert_snapshot!(World::with_file("[source.colums]\nndc = \"NDC11\"\n").told(|_| ()), @"
    error: could not load config `disputebot.toml`
      caused by: unknown table `source.colums` (line 1)

    hint: did you mean `source.columns`?
    ");
    insta::assert_snapshot!(World::with_file("max_new_tickets = 3\n").told(|_| ()), @"
    error: could not load config `disputebot.toml`
      caused by: unknown key `max_new_tickets` (line 1)

    hint: did you mean `plan.max_new_tickets`?
    ");
    insta::assert_snapshot!(World::with_file("weather = \"fine\"\n").told(|_| ()), @"
    error: could not load config `disputebot.toml`
      caused by: unknown key `weather` (line 1)
    ");
    insta::assert_snapshot!(World::empty().set("plan.max_new=5").told(|_| ()), @"
    error: unknown key `plan.max_new`
      set by: `--set`

    hint: did you mean `plan.max_new_tickets`?
    ");
    insta::assert_snapshot!(World::empty().set("plan=5").told(|_| ()), @"
    error: unknown key `plan`
      set by: `--set`
    ");
}

#[test]
fn an_unknown_variable_is_told_with_a_suggestion_and_without_its_value() {
    insta::assert_snapshot!(World::empty().variable("DISPUTEBOT_JIRA_TOKEN_", "s3cr3t").told(|_| ()), @"
    error: unknown environment variable `DISPUTEBOT_JIRA_TOKEN_`

    hint: did you mean `DISPUTEBOT_JIRA_TOKEN`?
    ");
    insta::assert_snapshot!(World::with_file("").variable("DISPUTEBOT_SOURCE_COLUMNS_NDC", "NDC11").told(|_| ()), @"
    error: unknown environment variable `DISPUTEBOT_SOURCE_COLUMNS_NDC`

    hint: give all entries in one variable: `DISPUTEBOT_SOURCE_COLUMNS=name=value,name=value`
    ");
    insta::assert_snapshot!(World::empty().variable("DISPUTEBOT_WEATHER", "fine").told(|_| ()), @"error: unknown environment variable `DISPUTEBOT_WEATHER`");
    let other = World::empty()
        .variable("DISPUTEBOT_LOG", "debug")
        .variable("DISPUTE_BOT", "x")
        .variable("PATH", "/bin");
    assert_eq!(other.told(read_all), "ok\n");
}

#[test]
fn variables_that_a_container_platform_sets_beside_a_service_are_not_ours() {
    let world = World::empty()
        .variable("DISPUTEBOT_SERVICE_HOST", "192.0.2.1")
        .variable("DISPUTEBOT_SERVICE_PORT_HTTP", "8080")
        .variable("DISPUTEBOT_PORT", "tcp://192.0.2.1:8080")
        .variable("DISPUTEBOT_WEB_PORT_8080_TCP_ADDR", "192.0.2.1");
    assert_eq!(world.told(read_all), "ok\n");
    insta::assert_snapshot!(World::empty().variable("DISPUTEBOT_REPORT", "reports").told(read_all), @"error: unknown environment variable `DISPUTEBOT_REPORT`");
    insta::assert_snapshot!(World::empty().variable("DISPUTEBOT_PORT", "8080").told(read_all), @"error: unknown environment variable `DISPUTEBOT_PORT`");
}

#[test]
fn a_wrong_type_is_told_with_what_was_expected_and_found_and_where_it_was_set() {
    let file = |line: &str| World::with_file(&format!("{line}\n")).told(read_all);
    insta::assert_snapshot!(World::empty().variable("DISPUTEBOT_JIRA_TIMEOUT", "1800").told(read_all), @"
    error: `jira.timeout` expects a duration such as `30s`, but found the number `1800`
      set by: environment variable `DISPUTEBOT_JIRA_TIMEOUT`
    ");
    insta::assert_snapshot!(World::with_file("").set("plan.resolve=yes").told(read_all), @"
    error: `plan.resolve` expects `true` or `false`, but found `yes`
      set by: `--set`
    ");
    insta::assert_snapshot!(World::empty().variable("DISPUTEBOT_CLUSTER_MIN_GROUP", "").told(read_all), @"
    error: `cluster.min_group` expects a whole number, but found nothing
      set by: environment variable `DISPUTEBOT_CLUSTER_MIN_GROUP`
    ");
    insta::assert_snapshot!(file("jira.timeout = 30"), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.timeout` expects a duration such as `30s`, but found the number `30` (line 1)
    ");
    insta::assert_snapshot!(file("jira.timeout = \"1d\""), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.timeout` expects a duration such as `30s`, but found the text `1d` (line 1)

    hint: write a day as `24h`
    ");
    insta::assert_snapshot!(file("jira.project = 2026-08-22"), @r#"
    error: could not load config `disputebot.toml`
      caused by: `jira.project` expects a text, but found the date `2026-08-22` (line 1)

    hint: write it in quotes, `"2026-08-22"`
    "#);
    insta::assert_snapshot!(file("cluster.min_group = 4.5"), @"
    error: could not load config `disputebot.toml`
      caused by: `cluster.min_group` expects a whole number, but found the number `4.5` (line 1)
    ");
    insta::assert_snapshot!(file("cluster.min_group = \"4\""), @"
    error: could not load config `disputebot.toml`
      caused by: `cluster.min_group` expects a whole number, but found the text `4` (line 1)

    hint: write it without quotes
    ");
    insta::assert_snapshot!(file("source.max_drop = \"half\""), @"
    error: could not load config `disputebot.toml`
      caused by: `source.max_drop` expects a number such as `0.5`, but found the text `half` (line 1)
    ");
    insta::assert_snapshot!(file("source.max_drop = nan"), @"
    error: could not load config `disputebot.toml`
      caused by: `source.max_drop` expects a number such as `0.5`, but found the number `nan` (line 1)
    ");
    insta::assert_snapshot!(file("plan.min_amount = \"$1,000\""), @"
    error: could not load config `disputebot.toml`
      caused by: `plan.min_amount` expects an amount such as `100000` or `1250.50`, but found the text `$1,000` (line 1)
    ");
    insta::assert_snapshot!(file("plan.resolve = 1"), @"
    error: could not load config `disputebot.toml`
      caused by: `plan.resolve` expects `true` or `false`, but found the number `1` (line 1)
    ");
    insta::assert_snapshot!(file("cluster.engine = \"pattern\""), @"
    error: could not load config `disputebot.toml`
      caused by: `cluster.engine` expects `patterns` or `groupby`, but found the text `pattern` (line 1)

    hint: did you mean `patterns`?
    ");
    insta::assert_snapshot!(file("source.paths = \"a.csv\""), @r#"
    error: could not load config `disputebot.toml`
      caused by: `source.paths` expects a list of texts, but found the text `a.csv` (line 1)

    hint: write `["a.csv"]`
    "#);
    insta::assert_snapshot!(file("source.paths = [\n  \"a.csv\",\n  7,\n]"), @"
    error: could not load config `disputebot.toml`
      caused by: `source.paths` expects a list of texts, but its element 2 is the number `7` (line 3)
    ");
    insta::assert_snapshot!(file("source.columns = [\"ndc\"]"), @"
    error: could not load config `disputebot.toml`
      caused by: `source.columns` expects a table `[source.columns]`, but found a list (line 1)
    ");
    insta::assert_snapshot!(file("[source.columns]\nunits.disputed = \"Units\""), @"
    error: could not load config `disputebot.toml`
      caused by: `source.columns.units` expects a text, but found a table (line 2)
    ");
    insta::assert_snapshot!(file("jira = \"https://jira.example.com\""), @"
    error: could not load config `disputebot.toml`
      caused by: `jira` expects a table `[jira]`, but found the text `https://jira.example.com` (line 1)
    ");
    insta::assert_snapshot!(file("[[jira]]\nproject = \"DISP\""), @"
    error: could not load config `disputebot.toml`
      caused by: `jira` expects a table `[jira]`, but found a list (line 1)
    ");
    insta::assert_snapshot!(file("[jira.url]\nhost = \"x\""), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.url` expects a text, but found a table (line 1)
    ");
    insta::assert_snapshot!(World::empty().set("source.columns=ndc").told(read_all), @"
    error: `source.columns` expects entries such as `name=value,name=value`, but found `ndc`
      set by: `--set`
    ");
    insta::assert_snapshot!(World::empty().set("jira.project").told(read_all), @"error: `--set` expects `key=value`, but found no `=`");
}

#[test]
fn a_value_beyond_its_bounds_is_told_with_the_bounds() {
    let file = |line: &str| World::with_file(&format!("{line}\n")).told(read_all);
    insta::assert_snapshot!(file("cluster.min_group = 0"), @"
    error: could not load config `disputebot.toml`
      caused by: `cluster.min_group` must be at least 2, but is 0 (line 1)
    ");
    insta::assert_snapshot!(file("cluster.min_group = -3"), @"
    error: could not load config `disputebot.toml`
      caused by: `cluster.min_group` must be at least 2, but is -3 (line 1)
    ");
    insta::assert_snapshot!(file("group.confirm_runs = 1000"), @"
    error: could not load config `disputebot.toml`
      caused by: `group.confirm_runs` must be between 1 and 100, but is 1000 (line 1)
    ");
    insta::assert_snapshot!(file("source.max_drop = 50"), @"
    error: could not load config `disputebot.toml`
      caused by: `source.max_drop` must be between 0 and 1, but is 50 (line 1)
    ");
    insta::assert_snapshot!(file("plan.min_amount = \"-1\""), @"
    error: could not load config `disputebot.toml`
      caused by: `plan.min_amount` must be at least 0, but is -1 (line 1)
    ");
    insta::assert_snapshot!(file("jira.timeout = \"-5s\""), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.timeout` must be at least 0s, but is -5s (line 1)
    ");
}

#[test]
fn a_missing_value_is_told_with_the_ways_to_give_it() {
    let read = |reader: &mut Reader<'_>| drop(reader.required_text("jira.project"));
    insta::assert_snapshot!(World::with_file("jira.project = \" \"\n").told(read), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.project` is required

    hint: set it in the config file, by `DISPUTEBOT_JIRA_PROJECT` or with `--set jira.project=…`
    ");
    insta::assert_snapshot!(World::empty().told(read), @"
    error: `jira.project` is required

    hint: set it in the config file, by `DISPUTEBOT_JIRA_PROJECT` or with `--set jira.project=…`
    ");
    insta::assert_snapshot!(World::empty().told(|reader| drop(reader.required_secret("jira.token"))), @"
    error: `jira.token` is required

    hint: set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
    ");
    insta::assert_snapshot!(World::with_file("state.dir = \"\"").told(|reader| drop(reader.path("state.dir"))), @"
    error: could not load config `disputebot.toml`
      caused by: `state.dir` is required

    hint: set it in the config file, by `DISPUTEBOT_STATE_DIR` or with `--set state.dir=…`
    ");
}

#[test]
fn a_refused_value_is_told_with_the_reason() {
    let read = |reader: &mut Reader<'_>| {
        reader.check("schedule.run", |text| {
            text.split(' ').nth(4).map(drop).ok_or("a cron expression has five to seven fields")
        });
        if reader.integer::<u32>("plan.min_disputes", ..) < reader.integer::<u32>("cluster.min_group", ..) {
            reader.refuse("plan.min_disputes", "`cluster.min_group` is larger");
        }
        for (ours, _) in reader.map("source.columns") {
            if ours == "ndc_code" {
                reader.refuse("source.columns.ndc_code", "there is no such column; did you mean `ndc`?");
            }
        }
    };
    let world = World::with_file("schedule.run = \"daily\"\n[source.columns]\nndc_code = \"NDC\"\n")
        .set("plan.min_disputes=3");
    insta::assert_snapshot!(world.told(read), @"
    error: config `disputebot.toml` has 3 problems
      `schedule.run` cannot be `daily`: a cron expression has five to seven fields (line 1)
      `source.columns.ndc_code` cannot be `NDC`: there is no such column; did you mean `ndc`? (line 3)
      `plan.min_disputes` cannot be `3`: `cluster.min_group` is larger (`--set`)
    ");
    insta::assert_snapshot!(World::empty().set("plan.min_disputes=3").told(read), @"
    error: `plan.min_disputes` cannot be `3`: `cluster.min_group` is larger
      set by: `--set`
    ");
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_layers_and_lines() {
    let file = "[plan]\nmax_new_tickets = -1\nresolve = \"yes\"\n\n[jira]\nprojct = \"DISP\"\ntoken = \"s3cr3t\"\n\
                token_file = \"token\"\n\n[cluster]\nmin_group = 0\n\n[weather]\nfine = true\n";
    let world = World::with_file(file)
        .variable("DISPUTEBOT_JIRA_TOKEN", "s3cr3t")
        .variable("DISPUTEBOT_JIRA_TIMEOUT", "1800")
        .variable("DISPUTEBOT_JIRA_PROJ", "s3cr3t")
        .set("log.format=jsn")
        .set("jira.token=s3cr3t")
        .set("oops");
    let told = world.told(|reader| {
        read_all(reader);
        read_all(reader);
        reader.required_text("jira.url");
        reader.required_text("jira.project");
    });
    insta::assert_snapshot!(told, @"
    error: config `disputebot.toml` has 14 problems
      `jira.url` is required
      `jira.project` is required
      `plan.max_new_tickets` must be at least 0, but is -1 (line 2)
      `plan.resolve` expects `true` or `false`, but found the text `yes` (line 3)
      unknown key `jira.projct` (line 6); did you mean `jira.project`?
      `jira.token` is a secret and must not be in a config file (line 7); set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
      `cluster.min_group` must be at least 2, but is 0 (line 11)
      unknown table `weather` (line 13)
      unknown environment variable `DISPUTEBOT_JIRA_PROJ`; did you mean `DISPUTEBOT_JIRA_PROJECT`?
      `jira.timeout` expects a duration such as `30s`, but found the number `1800` (environment variable `DISPUTEBOT_JIRA_TIMEOUT`)
      `jira.token` and `jira.token_file` are both set; use one (environment variable `DISPUTEBOT_JIRA_TOKEN`, line 8)
      `jira.token` is a secret and must not be on the command line, where other users of this machine can see it (`--set`); set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
      `--set` expects `key=value`, but found no `=`
      `log.format` expects `text` or `json`, but found `jsn` (`--set`); did you mean `json`?
    ");
    assert!(!told.contains("s3cr3t"));
    let without_file = World::empty().set("a=1").set("b=2");
    insta::assert_snapshot!(without_file.told(|_| ()), @"
    error: the config has 2 problems
      unknown key `a` (`--set`)
      unknown key `b` (`--set`)
    ");
}

#[test]
fn a_key_that_nobody_reads_is_compared_with_the_type_of_its_default() {
    let file = "[source]\nmax_drop = \"half\"\npaths = 1\noverpunch_decimals = 2\n[plan]\nresolve = 1\nmin_amount = 5\n\
                min_disputes = \"x\"\n[state]\ndir = true\n[source.columns]\nndc = 1\n";
    insta::assert_snapshot!(World::with_file(file).told(|_| ()), @r#"
    error: config `disputebot.toml` has 6 problems
      `source.max_drop` expects a number such as `0.5`, but found the text `half` (line 2)
      `source.paths` expects a list of texts, but found the number `1` (line 3)
      `plan.resolve` expects `true` or `false`, but found the number `1` (line 6)
      `plan.min_disputes` expects a whole number, but found the text `x` (line 8)
      `state.dir` expects a text, but found `true` (line 10); write it in quotes, `"true"`
      `source.columns.ndc` expects a text, but found the number `1` (line 12); write it in quotes, `"1"`
    "#);
}

#[test]
fn text_that_is_not_toml_is_told_with_line_column_and_what_was_found() {
    let file = |text: &str| World::with_file(text).told(read_all);
    insta::assert_snapshot!(file("[jira]\nurl = s3cr3t://x\n"), @"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: expected a text in quotes, but found a bare word (line 2, column 7)
    ");
    insta::assert_snapshot!(file("[jira]\nurl \"x\"\n"), @r#"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: expected `=` after the key, but found `"` (line 2, column 5)
    "#);
    insta::assert_snapshot!(file("[jira]\nurl\n"), @"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: expected `=` after the key, but found the end of the line (line 2, column 4)
    ");
    insta::assert_snapshot!(file("[jira]\nurl =\n"), @"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: expected a value, but found the end of the line (line 2, column 6)
    ");
    insta::assert_snapshot!(file("[jira]\nproject = \"é\" 's3cr3t'\n"), @"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: unexpected key or value, expected newline, `#`, but found `'` (line 2, column 15)
    ");
    insta::assert_snapshot!(file("[jira]\nproject = \"DISP\n"), @r#"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: expected `"` at the end of the text, but found the end of the line (line 2, column 16)
    "#);
    insta::assert_snapshot!(file("[jira]\nproject = \"A\"\nproject = \"B\"\n"), @"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: `project` is set a second time (line 3, column 1)
    ");
    insta::assert_snapshot!(file("[jira]\nca_file = \"C:\\certs\\s3cr3t.pem\"\n"), @r#"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: a `\` in double quotes is written `\\`, or the text stands in single quotes (line 2, column 15)
    "#);
    insta::assert_snapshot!(file("[source]\npaths = [\"a.csv\",\n[plan]\nresolve = true\n"), @"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: the list that begins here has no `]` at its end (line 2, column 9)
    ");
    insta::assert_snapshot!(file("[jira\nurl = \"x\"\n"), @"
    error: could not load config `disputebot.toml`
      caused by: not valid TOML: unclosed table, expected `]`, but found the end of the line (line 1, column 6)
    ");
    insta::assert_snapshot!(file("[plan]\nmin_disputes = 04\nresolve = \u{1}\n"), @"
    error: config `disputebot.toml` has 2 problems
      not valid TOML: unexpected leading zero, but found a bare number (line 2, column 16)
      not valid TOML: expected a text in quotes, but found the control character U+0001 (line 3, column 11)
    ");
    insta::assert_snapshot!(World::with_file("a = \nb =").set("jira.projct=A").told(|_| ()), @"
    error: config `disputebot.toml` has 3 problems
      not valid TOML: expected a value, but found the end of the line (line 1, column 5)
      not valid TOML: expected a value, but found the end of the file (line 2, column 4)
      unknown key `jira.projct` (`--set`); did you mean `jira.project`?
    ");
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let named = |name: &str, bytes: Option<&[u8]>| {
        let world = World::empty().variable("DISPUTEBOT_CONFIG", name);
        if let Some(bytes) = bytes {
            fs::write(world.folder.path().join(name), bytes).unwrap();
        }
        world.told(read_all)
    };
    insta::assert_snapshot!(named("missing.toml", None), @"
    error: could not load config `missing.toml`
      caused by: the file could not be read: there is no such file

    hint: `disputebot init` writes a config file
    ");
    insta::assert_snapshot!(named("latin1.toml", Some(b"[jira]\nproject = \"\xe9\"\n")), @"
    error: could not load config `latin1.toml`
      caused by: the file could not be read: it is not UTF-8 text, beginning at line 2
    ");
    assert_eq!(
        named("byte-order-mark.toml", Some("\u{feff}[plan]\r\nresolve = true\r\n".as_bytes())),
        "ok\n"
    );
    let folder = World::empty();
    fs::create_dir(folder.folder.path().join("disputebot.toml")).unwrap();
    insta::assert_snapshot!(folder.told(read_all), @"
    error: could not load config `disputebot.toml`
      caused by: the file could not be read: Is a directory (os error 21)
    ");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_told_without_its_value() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};

    let mut world = World::empty();
    world.environment.push(("DISPUTEBOT_JIRA_TOKEN".into(), OsString::from_vec(vec![b'a', 0xff])));
    world.environment.push((OsString::from_vec(vec![0xff]), "x".into()));
    insta::assert_snapshot!(world.told(read_all), @"error: environment variable `DISPUTEBOT_JIRA_TOKEN` is not valid UTF-8");
}

#[test]
fn every_problem_is_one_line_that_names_a_line_of_the_file_whatever_character_is_missing() {
    let bare: Vec<_> = DEFAULTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let text = bare.join("\n");
    let mut refused = 0;
    // Every other one: the file is parsed anew for each, and it grows.
    for position in (0..text.len()).step_by(2) {
        let slip = format!("{}{}", &text[..position], &text[position + 1..]);
        let world = World::with_file(&slip);
        let outcome = world.load().and_then(|layers| {
            let mut reader = layers.reader();
            read_all(&mut reader);
            reader.finish()
        });
        let Err(problems) = outcome else { continue };
        refused += 1;
        for problem in problems.iter() {
            assert!(!problem.text().contains('\n'), "{slip}\n{problems}");
            for origin in &problem.origins {
                let Origin::File { line, .. } = origin else { panic!("{origin}") };
                assert!((1..=slip.lines().count()).contains(line), "{slip}\n{problems}");
            }
        }
    }
    assert!(refused > text.len() / 4, "{refused} of {}", text.len() / 2);
}
