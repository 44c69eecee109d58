//! A small world: a sandbox, a folder with config and disputes, and the binary.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use disputebot::{
    generate::{self, Plan, Record, World as Kind},
    sandbox::{self, Flavour, Options, User},
};
use serde_json::Value;

use super::{
    judged::{Judged, leak},
    sink::LIMIT,
};

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) sandbox: Judged,
    pub(crate) cloud: bool,
}

// What a test may find in no way out: `judged::leak` looks for it in all.
const NOTE: &str = "kanarienote";
const SERVICE_DATE: &str = "1931-07-19";
/// So far behind the point that no amount is another one for it.
const PRICE: &str = "00417593";

/// A few hundred disputes of two clients with a dozen causes.
pub(crate) fn disputes() -> Vec<Record> {
    let plan = Plan { clients: 2, ..Plan::new(Kind::Conjunctive, 300, 8, 5) };
    let mut rows = generate::generate(&plan).rows;
    for row in &mut rows {
        if !row.note.is_empty() {
            row.note = format!("{} {NOTE}", row.note);
        }
        SERVICE_DATE.clone_into(&mut row.service_date);
        if row.unit_rebate_amount.contains('.') {
            row.unit_rebate_amount.push_str(PRICE);
        }
    }
    let priced = rows.iter().filter(|row| row.unit_rebate_amount.ends_with(PRICE)).count();
    assert!(priced * 2 > rows.len(), "{priced} of {} prices are marked", rows.len());
    rows
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    /// The other product, below a context path, as it often is.
    pub(crate) async fn data_center() -> Self {
        let options =
            Options { flavour: Flavour::DataCenter, context_path: "/jira".to_owned(), ..Options::default() };
        Self::with(options).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let cloud = options.flavour == Flavour::Cloud;
        let sandbox = Judged(sandbox::start(options).await.unwrap());
        let world = Self { folder: tempfile::tempdir().unwrap(), sandbox, cloud };
        world.write_config("");
        world.write_disputes(&disputes());
        world
    }

    /// Config for the sandbox; `more` is added at the end.
    pub(crate) fn write_config(&self, more: &str) {
        // Without a user the token goes alone, as Data Center takes it.
        let user = if self.cloud { User::bot().email } else { String::new() };
        let text = format!(
            "[source]\npaths = [\"disputes.csv\"]\n[jira]\nurl = \"{}\"\nproject = \"DISP\"\nuser = \"{user}\"\ncreate_settle = \"0s\"\n{more}",
            self.sandbox.base_url(),
        );
        fs::write(self.path("disputebot.toml"), text).unwrap();
    }

    pub(crate) fn write_disputes(&self, rows: &[Record]) {
        let mut writer = csv::Writer::from_path(self.path("disputes.csv")).unwrap();
        writer.write_record(generate::HEADER).unwrap();
        for row in rows {
            writer.write_record(row.fields()).unwrap();
        }
        writer.flush().unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disputebot"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("DISPUTEBOT_JIRA_TOKEN", User::bot().token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        // Who looks at a source looks at what it has.
        let is_told = arguments[0] != "source";
        for said in [&output.stdout, &output.stderr].into_iter().filter(|_| is_told) {
            assert_eq!(leak(&text(said)), None, "a private value in what {arguments:?} says");
        }
        output
    }

    /// Runs the binary and expects an exit code; gives stdout.
    pub(crate) async fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\nstdout: {out}\nstderr: {err}");
        out
    }

    /// Waits until a fault that hangs holds a request up.
    pub(crate) async fn reached(&self) {
        tokio::time::timeout(LIMIT, self.sandbox.reached()).await.unwrap();
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Groups that the state knows: id and members.
    pub(crate) async fn groups(&self) -> BTreeMap<String, Value> {
        let groups: Value = serde_json::from_str(&self.expect(0, &["groups", "--json"]).await).unwrap();
        groups
            .as_array()
            .unwrap()
            .iter()
            .map(|group| (group["group"]["id"].as_str().unwrap().to_owned(), group.clone()))
            .collect()
    }

    /// The largest group, with its record: the same one in each run of a test, where ids are drawn anew.
    pub(crate) async fn largest(&self) -> (String, Value) {
        let size = |group: &Value| group["group"]["members"].as_array().unwrap().len();
        let first = |group: &Value| group["group"]["members"][0].to_string();
        let key = |group: &Value| (std::cmp::Reverse(size(group)), first(group));
        self.groups().await.into_iter().min_by_key(|(_, group)| key(group)).unwrap()
    }

    /// Issues of each group, by the group's label.
    pub(crate) fn issues_by_group(&self) -> BTreeMap<String, Vec<Value>> {
        let mut issues: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for issue in self.sandbox.issues() {
            let labels = issue["fields"]["labels"].as_array().unwrap().clone();
            let group = labels
                .iter()
                .find_map(|label| label.as_str()?.strip_prefix("dispute-group-"))
                .unwrap_or_else(|| panic!("an issue without its label: {issue}"));
            issues.entry(group.to_owned()).or_default().push(issue.clone());
        }
        issues
    }

    pub(crate) fn issue(&self, key: &str) -> Value {
        self.sandbox.issues().into_iter().find(|issue| issue["key"] == key).unwrap()
    }

    /// Words of the comments of disputebot, the oldest first.
    pub(crate) fn said(&self, key: &str) -> Vec<String> {
        let issue = self.issue(key);
        let comments = issue["comments"].as_array().unwrap();
        let ours =
            comments.iter().filter(|comment| comment["author"]["displayName"] == User::bot().display_name);
        ours.map(|comment| words(&comment["body"])).collect()
    }

    /// One ticket per group, none too many and none too few, and nothing asked that Jira does not know.
    pub(crate) async fn assert_one_ticket_per_group(&self, when: &str) {
        let groups = self.groups().await;
        let issues = self.issues_by_group();
        let doubled: Vec<&String> =
            issues.iter().filter(|(_, issues)| issues.len() != 1).map(|(group, _)| group).collect();
        assert!(doubled.is_empty(), "{when}: more than one ticket for {doubled:?}");
        let with: Vec<&String> = issues.keys().collect();
        let wanted: Vec<&String> = groups.keys().collect();
        assert_eq!(with, wanted, "{when}: tickets and groups differ");
        assert_eq!(self.sandbox.unknown_routes(), Vec::<String>::new(), "{when}");
    }

    /// Writes that the sandbox has seen so far.
    pub(crate) fn writes(&self) -> usize {
        self.sandbox
            .requests()
            .iter()
            .filter(|request| {
                request.method != "GET"
                    && !request.path.ends_with("/bulkfetch")
                    && !request.path.ends_with("/search/jql")
                    && !request.path.ends_with("/search")
            })
            .count()
    }
}

/// The words of a document, whichever form the server has for it.
pub(crate) fn words(document: &Value) -> String {
    document.as_str().map_or_else(|| disputebot::ticket::adf::text_of(document), str::to_owned)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
