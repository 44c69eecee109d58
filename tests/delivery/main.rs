//! Reports are sent once, whatever breaks, and only to whom they are for.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod chat;
#[path = "../common/contract.rs"]
mod contract;
mod jira;
#[path = "../common/judged.rs"]
mod judged;
#[path = "../shared/quarter.rs"]
mod quarter;
#[path = "../shared/sink.rs"]
mod sink;

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use disputebot::{
    report::{self, Week},
    state::{Change, History, State},
};
use jiff::tz::TimeZone;
use sink::{Mood, Sink};

struct World {
    folder: tempfile::TempDir,
    sink: Sink,
}

impl World {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sink = Sink::start();
        let mut state = State::open(&folder.path().join("state")).unwrap();
        let all = quarter::changes(&str::to_owned);
        let (first, last) = (all.first().unwrap().0, all.last().unwrap().0);
        // In two records: that of the last week, and all before it.
        for (at, last_week) in [(first, false), (last, true)] {
            let part: Vec<Change> = all
                .iter()
                .filter(|(when, _)| (*when == last) == last_week)
                .map(|(_, change)| change.clone())
                .collect();
            state.record(at, &part).unwrap();
        }
        drop(state);
        let config = format!(
            "[report.mail]\nserver = \"smtp://127.0.0.1:{}\"\nfrom = \"bot@example.com\"\n{more}",
            sink.port
        );
        fs::write(folder.path().join("disputebot.toml"), config).unwrap();
        Self { folder, sink }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disputebot"));
        command
            .args(["report", "--week", "2026-W47"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(code), "{}\n{said}", String::from_utf8_lossy(&stdout));
        said
    }
}

/// The value of a header, with its folded lines.
fn header(mail: &str, name: &str) -> String {
    let (head, _) = mail.split_once("\n\n").unwrap();
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let line = unfolded.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
}

/// The words of a mail: quoted-printable and base64 parts read.
fn words(mail: &str) -> String {
    let soft = mail.replace("=\n", "").replace("=3D", "=").replace("=E2=80=93", "–");
    let mut words = soft.clone();
    for part in soft.split("\n\n").filter(|part| part.len() > 300 && !part.contains(' ')) {
        let packed: String = part.lines().take_while(|line| !line.starts_with("--")).collect();
        let bytes = base64(&packed);
        words.push_str(&String::from_utf8_lossy(&bytes));
    }
    words
}

fn base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for sextet in text.bytes().filter_map(value) {
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xFF) as u8);
        }
    }
    bytes
}

#[test]
fn a_report_is_sent_once_to_each_recipient_and_a_client_gets_its_own_only() {
    let world = World::new(
        "to = [\"lead@example.com\"]\n[report.clients]\n\"Example Pharma B\" = \"b@example.com\"\n",
    );
    let said = world.expect(0, &["--send"]);
    assert!(said.contains("sent to lead@example.com") && said.contains("sent to b@example.com"), "{said}");
    let said = world.expect(0, &["--send"]);
    assert!(said.contains("lead@example.com has it already"), "{said}");
    let mails = world.sink.mails();
    assert_eq!(mails.len(), 2);
    let to = |address: &str| mails.iter().find(|mail| header(mail, "To").contains(address)).unwrap();
    let (all, client) = (to("lead@example.com"), to("b@example.com"));
    assert!(header(all, "Message-ID").starts_with("<2026-W47."), "{all}");
    assert_ne!(header(all, "Message-ID"), header(client, "Message-ID"));
    assert_eq!(header(all, "Auto-Submitted"), "auto-generated");
    assert!(header(all, "Content-Type").starts_with("multipart/mixed"));
    for form in [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "Content-ID: <flow>",
        "Content-Disposition: inline",
        "disputes-2026-W47.html",
    ] {
        assert!(all.contains(form), "{form}");
    }
    for name in ["flow", "ageing", "causes"] {
        assert!(all.contains(&format!("Content-ID: <{name}>")), "{name} is a part");
        let shown = format!("src=\"cid:{name}\"");
        assert!(words(all).contains(&shown), "{name} stands in the mail: {}", words(all));
    }
    assert_eq!(all.matches("Content-Type: image/png").count(), 3);
    assert!(words(all).contains("Example Pharma A") && words(all).contains("Example Pharma B"));
    let theirs = words(client);
    assert!(theirs.contains("Example Pharma B") && !theirs.contains("Example Pharma A"), "{theirs}");
    // In the folder as well: the page of all, and that of the client.
    let pages: Vec<String> = std::fs::read_dir(world.folder.path().join("reports"))
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert_eq!(pages.len(), 2);
    assert_eq!(pages.iter().filter(|page| page.contains("Example Pharma A")).count(), 1);
    assert!(pages.iter().all(|page| page.contains("Example Pharma B")));
}

#[test]
fn a_crash_between_sending_and_recording_sends_no_second_mail() {
    let world = World::new("to = [\"lead@example.com\"]\n");
    world.sink.be(Mood::Silent);
    let mut child = world.command(&["--send"]).spawn().unwrap();
    world.sink.wait();
    child.kill().unwrap();
    child.wait().unwrap();
    world.sink.be(Mood::Kind);
    for _ in 0..2 {
        let said = world.expect(6, &["--send"]);
        assert!(said.contains("it is not known whether lead@example.com got it"), "{said}");
    }
    assert_eq!(world.sink.mails().len(), 1);
    let status = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .arg("status")
        .current_dir(world.folder.path())
        .env_clear()
        .output()
        .unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("in-doubt lead@example.com"), "{status}");
    // A person decides, and the mail is known as the same.
    world.expect(0, &["--send", "--resend"]);
    let mails = world.sink.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
    world.expect(0, &["--send"]);
    assert_eq!(world.sink.mails().len(), 2);
}

#[test]
fn what_a_server_refuses_is_told_and_sent_later() {
    let world = World::new("to = [\"lead@example.com\"]\n");
    world.sink.be(Mood::Refusing);
    let said = world.expect(6, &["--send"]);
    assert!(said.contains("not sent to lead@example.com") && said.contains("no such person"), "{said}");
    world.sink.be(Mood::Kind);
    world.expect(0, &["--send"]);
    assert_eq!(world.sink.mails().len(), 1);
}

#[test]
fn a_server_that_is_down_leaves_nothing_in_doubt() {
    let world = World::new("to = [\"lead@example.com\"]\n");
    let said = world.expect(6, &["--send", "--set", "report.mail.server=smtp://127.0.0.1:1"]);
    assert!(said.contains("not sent to lead@example.com"), "{said}");
    world.expect(0, &["--send"]);
    assert_eq!(world.sink.mails().len(), 1);
}

#[test]
fn a_client_that_nobody_knows_is_told_with_those_that_are_known() {
    let world = World::new("");
    let said = world.expect(2, &["--client", "Example Pharma C"]);
    assert!(said.contains("known are `Example Pharma A`, `Example Pharma B`"), "{said}");
    let page = world.command(&["--client", "Example Pharma A"]).output().unwrap();
    let path = String::from_utf8(page.stdout).unwrap();
    let page = fs::read_to_string(world.folder.path().join(path.trim())).unwrap();
    assert!(page.contains("Example Pharma A only") && !page.contains("Example Pharma B"));
}

#[test]
fn the_json_of_the_command_is_the_form_that_the_page_is_checked_against() {
    let world = World::new("");
    let output = world.command(&["--json"]).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let week: Week = "2026-W47".parse().unwrap();
    let history =
        History::read(&world.folder.path().join("state"), week.bounds_of(report::WEEKS, &TimeZone::UTC))
            .unwrap();
    let weekly = report::weekly(&history, week, &TimeZone::UTC, None, jiff::Timestamp::now());
    let mut expected = serde_json::to_value(&weekly).unwrap();
    expected["sentences"] = serde_json::json!(report::sentences(&weekly));
    expected["journal"] = serde_json::json!(history.head);
    assert_eq!(said, expected);
}
