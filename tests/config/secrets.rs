//! Where a secret comes from, and that it is told to nobody.

use std::fs;

use secrecy::ExposeSecret;

use crate::{World, read_all, rows};

#[cfg(unix)]
fn secret_file(world: &World, bytes: &[u8], mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    let path = world.folder.path().join("token");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_secret_comes_from_the_environment_or_from_a_file() {
    let secret = |world: &World| {
        let layers = world.load().unwrap();
        let mut reader = layers.reader();
        let secret = reader.required_secret("jira.token").map(|secret| secret.expose_secret().to_owned());
        assert_eq!(reader.finish(), Ok(Vec::new()));
        secret
    };
    let by_file = World::with_file("jira.token_file = \"token\"\n");
    secret_file(&by_file, b"\n s3cr3t \r\n", 0o640);
    assert_eq!(secret(&by_file).as_deref(), Some("s3cr3t"));
    let by_variable = World::empty().variable("DISPUTEBOT_JIRA_TOKEN", " s3cr3t\n");
    assert_eq!(secret(&by_variable).as_deref(), Some("s3cr3t"));
    let unset = by_file.variable("DISPUTEBOT_JIRA_TOKEN", "");
    assert_eq!(secret(&unset).as_deref(), Some("s3cr3t"));
    assert!(World::empty().load().unwrap().reader().secret("jira.token").is_none());
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_everybody_can_read_is_a_warning() {
    let world = World::with_file("jira.token_file = \"token\"\n");
    secret_file(&world, b"s3cr3t", 0o644);
    insta::assert_snapshot!(world.told(read_all), @"
    ok
    warning: `jira.token_file` names `FOLDER/token`, which every user of this machine can read (mode 644); use `chmod 600`
    ");
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_cannot_be_used_is_told() {
    let with = |bytes: &[u8]| {
        let world = World::with_file("jira.token_file = \"token\"\n");
        secret_file(&world, bytes, 0o600);
        world.told(read_all)
    };
    insta::assert_snapshot!(World::with_file("jira.token_file = \"token\"\n").told(read_all), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.token_file` names `FOLDER/token`, which does not exist (line 1)
    ");
    insta::assert_snapshot!(with(b" \n"), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.token_file` names `FOLDER/token`, which is empty (line 1)
    ");
    insta::assert_snapshot!(with(b"s3cr3t\nX-Header: a\n"), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.token_file` names `FOLDER/token`, which holds more than one line of plain text (line 1)
    ");
    insta::assert_snapshot!(with(b"s3cr3t\xff"), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.token_file` names `FOLDER/token`, which is not UTF-8 text (line 1)
    ");
    insta::assert_snapshot!(with(&vec![b'x'; 70_000]), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.token_file` names `FOLDER/token`, which is too large for a secret (more than 64 KiB) (line 1)
    ");
}

#[test]
fn a_secret_in_the_config_file_or_on_the_command_line_is_refused() {
    insta::assert_snapshot!(World::with_file("[jira]\ntoken = \"s3cr3t\"\n").told(read_all), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.token` is a secret and must not be in a config file (line 2)

    hint: set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
    ");
    insta::assert_snapshot!(World::with_file("[jira.token]\nvalue = \"s3cr3t\"\n").told(read_all), @"
    error: could not load config `disputebot.toml`
      caused by: `jira.token` is a secret and must not be in a config file (line 1)

    hint: set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
    ");
    insta::assert_snapshot!(World::empty().set("jira.token=s3cr3t").told(read_all), @"
    error: `jira.token` is a secret and must not be on the command line, where other users of this machine can see it
      set by: `--set`

    hint: set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
    ");
    insta::assert_snapshot!(World::with_file("[jira]\ntokn = \"s3cr3t\"\n").told(read_all), @"
    error: could not load config `disputebot.toml`
      caused by: unknown key `jira.tokn` (line 2)

    hint: set `DISPUTEBOT_JIRA_TOKEN`, or name a file in `jira.token_file`
    ");
    let both = World::with_file("jira.token_file = \"token\"\n").variable("DISPUTEBOT_JIRA_TOKEN", "s3cr3t");
    both.write("token", "s3cr3t");
    insta::assert_snapshot!(both.told(read_all), @"
    error: `jira.token` and `jira.token_file` are both set; use one
      set by: environment variable `DISPUTEBOT_JIRA_TOKEN` and line 1 of `disputebot.toml`
    ");
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let world = World::with_file("jira.url = \"https://bot:s3cr3t@jira.example.com\"\n")
        .variable("DISPUTEBOT_JIRA_TOKEN", "s3cr3t")
        .set("source.paths=https://blob.example.com/a.csv?sig=s3cr3t,https://b:s3cr3t@example.com/")
        .set("jira.token=s3cr3t");
    let layers = world.load().unwrap();
    let told = world.told(|reader| {
        reader.refuse("jira.url", "user and password do not belong here");
        reader.refuse("source.paths", "no");
        reader.flag("jira.url");
    });
    let everything = format!("{layers:?}{:?}{told}{:?}", world.command_line, layers.show());
    assert!(!everything.contains("s3cr3t"), "{everything}");
    let token_row = rows(&layers).into_iter().find(|(key, _)| key == "jira.token");
    assert_eq!(token_row, Some(("jira.token".to_owned(), "(secret)".to_owned())));
}

#[test]
fn a_slip_of_one_character_beside_a_secret_does_not_tell_the_secret() {
    let text = "[jira]\nproject = \"DISP\"\ntoken = \"SECRETSECRET\"\nuser = \"analyst@example.com\"\n";
    let mut slips = Vec::new();
    for position in 0..text.len() {
        let (before, after) = text.split_at(position);
        slips.push(format!("{before}{}", &after[1..]));
        slips.extend("\"'=[]{}#.,\\\n\0é".chars().map(|slip| format!("{before}{slip}{after}")));
    }
    for slip in slips {
        let told = World::with_file(&slip).told(read_all);
        // Half of the secret is also too much: a slip can stand in the middle of it.
        assert!(!told.contains("SECRET"), "{slip}\n{told}");
        assert!(told != "ok\n" || slip.contains("#token"), "{slip}");
    }
}
