//! A dashboard over an invented quarter, in a process of its own, and what a browser would ask it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use disputebot::{
    plan::{Link, Moment, Ticket},
    sandbox::User,
    state::{Change, Ran, RunRecord, State},
};

use crate::quarter;

pub(crate) struct Pages {
    folder: tempfile::TempDir,
    address: String,
    child: Child,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names of headers are in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Pages {
    /// `more` is added to the config; a file `token` holds the words `open sesame`.
    pub(crate) fn start(text: &dyn Fn(&str) -> String, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(&folder.path().join("state")).unwrap();
        let mut all = quarter::changes(text);
        let at = all.last().unwrap().0;
        let group = all.iter().rev().find_map(|(_, change)| match change {
            Change::Group(record) => Some(record.group.id.clone()),
            _ => None,
        });
        let moment = Moment { at, boot: "boot".to_owned(), up_ms: 1, there: None };
        let link = Link::Held {
            attempts: 1,
            project: None,
            highest_number: 7,
            sent: moment,
            reason: text("nobody can tell"),
        };
        all.push((at, Change::Ticket(Ticket { link, ..Ticket::none(group.unwrap()) })));
        let mut together: Vec<Change> = Vec::new();
        let mut last = None;
        for (when, change) in all {
            if last.is_some_and(|last| last != when) {
                state.record(last.unwrap(), &std::mem::take(&mut together)).unwrap();
            }
            last = Some(when);
            together.push(change);
        }
        let ran = |schedule: &str, id: &str| {
            Change::Occurrence(Ran { schedule: schedule.to_owned(), id: text(id), at })
        };
        together.extend([
            ran("run 2026-11-22", "2026-11-22T06:00Z"),
            ran("report 2026-11-16", "2026-11-16T07:00Z"),
            ran("mail 2026-W46.0123456789abcdef", "sent lead@example.com"),
        ]);
        state.record(at, &together).unwrap();
        drop(state);
        let jira = if more.contains("[jira]") {
            ""
        } else {
            "[jira]\nurl = \"http://127.0.0.1:1\"\nproject = \"DISP\"\nuser = \"bot@example.com\"\n"
        };
        fs::write(folder.path().join("disputebot.toml"), format!("{jira}{more}")).unwrap();
        fs::write(folder.path().join("token"), "open sesame\n").unwrap();
        let mut child = command(&folder, &["dashboard", "--port", "0"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("http://").unwrap_or_default().to_owned();
        assert!(!address.is_empty(), "it says where it listens: {line}");
        Self { folder, address, child }
    }

    pub(crate) fn host(&self) -> String {
        self.address.clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(&self.folder, arguments)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, String)]) -> Answer {
        self.ask("GET", path, headers, "")
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, String)], form: &str) -> Answer {
        let kind = ("Content-Type", "application/x-www-form-urlencoded".to_owned());
        let headers: Vec<(&str, String)> = headers.iter().cloned().chain([kind]).collect();
        self.ask("POST", path, &headers, form)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, String)], body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.replace('\r', ""), body: body.to_owned() }
    }

    /// Makes the state forget which group has an issue.
    pub(crate) fn forget_ticket(&self, key: &str) {
        let mut state = State::open(&self.path("state")).unwrap();
        let of = state
            .known()
            .tickets
            .values()
            .find(|ticket| ticket.issue().is_some_and(|issue| issue.key == key));
        let Some(group) = of.map(|ticket| ticket.group.clone()) else { return };
        let at = jiff::Timestamp::now();
        state.record(at, &[Change::Ticket(Ticket::none(group))]).unwrap();
    }

    /// Records a run like the last one, and has the pages read it: they look every few seconds, and at once after an order.
    pub(crate) fn record_one_more_run(&self, change: impl FnOnce(&mut RunRecord)) {
        let mut state = State::open(&self.path("state")).unwrap();
        let mut run = state.known().runs.values().next_back().unwrap().clone();
        "9999".clone_into(&mut run.id);
        change(&mut run);
        state.record(run.at, &[Change::Run(Box::new(run))]).unwrap();
        let held = state.known().tickets.values().find(|ticket| matches!(ticket.link, Link::Held { .. }));
        let group = held.unwrap().group.clone();
        drop(state);
        let page = self.get("/held").body;
        let secret = page.split("name=\"secret\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let done = self.post(&format!("/held/{group}/create"), &[], &format!("secret={secret}"));
        assert_eq!(done.status, 303, "{}", done.body);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_disputebot"));
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("DISPUTEBOT_JIRA_TOKEN", User::bot().token)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}
