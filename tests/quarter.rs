//! A quarter of a year in daily runs over real HTTP: disputes come and are settled, people edit, close, merge, mute and
//! give orders, and on every third day the way to Jira is bad. What was promised about tickets is checked each day.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test tells its seed and what happened")]

#[path = "common/contract.rs"]
mod contract;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use disputebot::{
    apply::Clock,
    config::{Layers, Needs, Place, Settings},
    dispute::Tables,
    generate::{self, Plan as Disputes, World as Kind},
    group::Status,
    jira::{self, Client, Credentials},
    plan::{IGNORE_LABEL, Moment, Reason, Write},
    run::{self, Pass, RunError},
    sandbox::{self, Flavour, Options, Recorded, User},
    state::State,
    ticket::Templates,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const DAYS: i64 = 90;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A small source of chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A clock that stands still within a pass.
struct Still(Timestamp);

impl Clock for Still {
    fn moment(&self) -> Moment {
        Moment { at: self.0, boot: "one".to_owned(), up_ms: self.0.as_millisecond().unsigned_abs() }
    }
}

/// What people did, and what must therefore be so.
#[derive(Default)]
struct Promises {
    /// Summaries that people wrote, by issue.
    summaries: BTreeMap<String, String>,
    /// Words that people wrote into descriptions and comments, by issue.
    words: Vec<(String, String)>,
    /// Tickets that people closed, and did not open again.
    closed: BTreeSet<String>,
    /// Tickets that are to be left alone, as they were then.
    silent: BTreeMap<String, Value>,
}

struct House {
    folder: tempfile::TempDir,
    sandbox: contract::Judged,
    settings: Settings,
    state: State,
    now: Timestamp,
    promises: Promises,
    /// When disputebot moved each ticket.
    moves: BTreeMap<String, Vec<Timestamp>>,
    seen: usize,
}

impl House {
    async fn new(flavour: Flavour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = sandbox::start(Options { flavour, ..Options::default() }).await.unwrap();
        let sandbox = contract::Judged(sandbox);
        let config = "[source]\npaths = [\"disputes.csv\"]\n";
        fs::write(folder.path().join("disputebot.toml"), config).unwrap();
        let place = Place { folder: folder.path().to_owned(), ..Place::default() };
        let layers = Layers::load(&place, std::iter::empty::<(String, String)>(), &[]).unwrap();
        let (settings, _) = Settings::read(&layers, Needs::default()).unwrap();
        let state = State::open(&folder.path().join("state")).unwrap();
        // After every clock of the machines that run it: Jira's waits are told by those.
        let now = "2027-03-01T06:00:00Z".parse().unwrap();
        let (promises, moves, seen) = (Promises::default(), BTreeMap::new(), 0);
        Self { folder, sandbox, settings, state, now, promises, moves, seen }
    }

    fn write(&self, plan: &Disputes, day: i64) {
        let sample = generate::next_day(plan, u32::try_from(day).unwrap());
        let mut writer = csv::Writer::from_path(self.folder.path().join("disputes.csv")).unwrap();
        writer.write_record(generate::HEADER).unwrap();
        for row in &sample.rows {
            writer.write_record(row.fields()).unwrap();
        }
        writer.flush().unwrap();
    }

    /// A client of its own for each day, as each day has a process of its own. It waits for nothing: what Jira does not
    /// take today is left for tomorrow.
    fn client(&self) -> Client {
        let bot = User::bot();
        let credentials = match self.sandbox.flavour() {
            Flavour::Cloud => Credentials::Basic { user: bot.email, token: bot.token.into() },
            Flavour::DataCenter => Credentials::Bearer(bot.token.into()),
        };
        let jira = jira::Settings::new(self.sandbox.base_url().parse().unwrap(), credentials, "DISP");
        let longest_wait = std::time::Duration::from_millis(1);
        Client::new(jira::Settings { limits: jira::Limits::Told, longest_wait, ..jira }).unwrap()
    }

    async fn pass(&mut self) -> Result<Pass, RunError> {
        self.sandbox.set_clock(self.now);
        let (client, stop) = (self.client(), CancellationToken::new());
        run::pass(
            &self.settings.run,
            &Tables::embedded(),
            &Templates::new(&[]).unwrap(),
            &mut self.state,
            &client,
            &Still(self.now),
            &stop,
            &mut |_| {},
        )
        .await
    }

    fn issues(&self) -> Vec<Value> {
        self.sandbox.issues()
    }

    fn issue(&self, id: &str) -> Value {
        self.issues().into_iter().find(|issue| issue["id"] == id).unwrap()
    }

    /// What one person does to one open ticket.
    fn act(&mut self, chance: &mut Chance, day: i64) {
        let person = self.sandbox.person(&User::analyst());
        let open: Vec<Value> = self.issues().into_iter().filter(|issue| !is_done(issue)).collect();
        if open.len() < 2 {
            return;
        }
        let issue = &open[chance.below(open.len() as u64) as usize];
        let other = &open[chance.below(open.len() as u64) as usize];
        let id = issue["id"].as_str().unwrap().to_owned();
        let other_key = other["key"].as_str().unwrap();
        let word = format!("word-{day}-of-a-person");
        // One who may not do it is told so, and nothing is promised.
        let say = |text: &str| person.comment(&id, text).unwrap();
        match chance.below(15) {
            0 | 1 => {
                person.edit(&id, &json!({ "fields": { "summary": word } })).unwrap();
                self.promises.summaries.insert(id.clone(), word);
            }
            2 | 3 => {
                let mut description = issue["fields"]["description"].clone();
                match &mut description {
                    Value::String(text) => *text = format!("{word}\n\n{text}"),
                    document => document["content"].as_array_mut().unwrap().insert(
                        0,
                        json!({ "type": "paragraph", "content": [{ "type": "text", "text": word }] }),
                    ),
                }
                person.edit(&id, &json!({ "fields": { "description": description } })).unwrap();
                self.promises.words.push((id.clone(), word));
            }
            4 => {
                say(&word);
                self.promises.words.push((id.clone(), word));
            }
            5 => person.edit(&id, &json!({ "fields": { "priority": { "name": "Low" } } })).unwrap(),
            6 | 7 => {
                let body = json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Won't Do" } } });
                if person.transition(&id, &body).is_ok() {
                    self.promises.closed.insert(id.clone());
                }
            }
            8 => {
                if id != other["id"] && person.close_as_duplicate(&id, other_key).is_ok() {
                    self.promises.closed.insert(id.clone());
                }
            }
            9 => person.edit(&id, &json!({ "update": { "labels": [{ "add": IGNORE_LABEL }] } })).unwrap(),
            10 => say("/disputebot mute"),
            11 => say("/disputebot status"),
            12 => {
                say("/disputebot take summary");
                self.promises.summaries.remove(&id);
            }
            13 => say(&format!("/disputebot merge {other_key}")),
            _ => say("/disputebot not-a-group"),
        }
        // What is silenced is looked at from the next pass on, in which it may still be answered.
        let now = self.issue(&id);
        if now["fields"]["labels"].to_string().contains(IGNORE_LABEL) {
            // A person may change what disputebot may not.
            self.promises.silent.insert(id, ours(&now));
        }
    }

    /// Everything that was promised, after a pass.
    fn judge(&mut self, day: i64, passed: Option<&Pass>, seed: u64) {
        let when = format!("day {day}, SEED={seed}");
        let issues = self.issues();
        let by_id: BTreeMap<&str, &Value> =
            issues.iter().map(|issue| (issue["id"].as_str().unwrap(), issue)).collect();
        for (id, summary) in &self.promises.summaries {
            assert_eq!(by_id[id.as_str()]["fields"]["summary"], *summary, "{when}: a summary is gone");
        }
        for (id, word) in &self.promises.words {
            assert!(by_id[id.as_str()].to_string().contains(word), "{when}: `{word}` is gone");
        }
        for id in &self.promises.closed {
            assert!(is_done(by_id[id.as_str()]), "{when}: {id} was closed by a person and is open");
        }
        for (id, before) in &self.promises.silent {
            assert_eq!(ours(by_id[id.as_str()]), *before, "{when}: {id} was to be left alone");
        }
        let mut open: BTreeMap<String, usize> = BTreeMap::new();
        for issue in issues.iter().filter(|issue| !is_done(issue)) {
            let labels = issue["fields"]["labels"].as_array().unwrap();
            for label in labels.iter().filter_map(|label| label.as_str()?.strip_prefix("dispute-group-")) {
                *open.entry(label.to_owned()).or_default() += 1;
            }
        }
        let mut homes: BTreeSet<&str> = BTreeSet::new();
        for record in self.state.known().groups.values().filter(|it| it.group.status == Status::Active) {
            let count = open.get(record.group.id.as_str()).copied().unwrap_or(0);
            assert!(count <= 1, "{when}: {count} open tickets of the group {}", record.group.id);
            for member in &record.group.members {
                assert!(homes.insert(member), "{when}: {member} is in two groups");
            }
        }
        self.judge_comments(&issues, &when);
        let requests = self.sandbox.requests();
        let fresh = requests[self.seen..].to_vec();
        self.seen = requests.len();
        self.judge_moves(&fresh, &when);
        if let Some(passed) = passed {
            judge_reasons(passed, &fresh, &when);
        }
    }

    /// Comments that nobody asked for keep to their budget.
    fn judge_comments(&self, issues: &[Value], when: &str) {
        let budget = self.settings.run.plan.manners.comments_per_week;
        for issue in issues {
            let comments = issue["fields"]["comment"]["comments"].as_array().unwrap();
            let unasked: Vec<Timestamp> = comments
                .iter()
                .filter(|comment| comment["author"]["displayName"] == User::bot().display_name)
                .filter(|comment| {
                    let body = comment["body"].to_string();
                    !body.contains("/disputebot status")
                        && !body.contains("This could not be done")
                        && !["mute", "merge", "not-a-group"]
                            .iter()
                            .any(|order| body.contains(&format!("/disputebot {order}")))
                        && !body.contains("disputebot writes the summary again")
                })
                .map(|comment| instant(comment["created"].as_str().unwrap()))
                .collect();
            for first in &unasked {
                let week = unasked
                    .iter()
                    .filter(|one| **one >= *first && one.duration_since(*first) < DAY * 7)
                    .count();
                assert!(week <= budget, "{when}: {} said {week} things in a week", issue["key"]);
            }
        }
    }

    /// No ticket is moved too often.
    fn judge_moves(&mut self, fresh: &[Recorded], when: &str) {
        let bot = User::bot();
        for request in fresh {
            let by_bot = request.who.as_deref() == Some(bot.account_id.as_str());
            let done = request.status.is_some_and(|status| status < 300);
            if by_bot && done && request.method == "POST" && request.path.ends_with("/transitions") {
                let moves = self.moves.entry(request.path.clone()).or_default();
                moves.push(request.at);
                let month = moves.iter().filter(|one| request.at.duration_since(**one) < DAY * 30).count();
                let most = 2 * self.settings.run.plan.manners.max_reopens + 1;
                assert!(month <= most, "{when}: {} was moved {month} times in a month", request.path);
            }
        }
    }
}

/// Nothing was written that the plan did not give a reason for.
fn judge_reasons(passed: &Pass, fresh: &[Recorded], when: &str) {
    let done = |method: &str, end: &str| {
        fresh
            .iter()
            .filter(|it| it.method == method && it.path.ends_with(end))
            .filter(|it| it.who.as_deref() == Some(User::bot().account_id.as_str()))
            .filter(|it| it.status.is_some_and(|status| status < 300))
            .count()
    };
    let planned =
        |is: &dyn Fn(&Write) -> bool| passed.plan.actions.iter().filter(|action| is(&action.write)).count();
    let creates = planned(&|write| matches!(write, Write::Create { .. }));
    let comments = planned(&|write| matches!(write, Write::Comment { .. }));
    let moves = planned(&|write| matches!(write, Write::Transition { .. }));
    assert!(done("POST", "/issue") <= creates, "{when}: more tickets than planned");
    assert!(done("POST", "/comment") <= comments + moves, "{when}: more comments than planned");
    assert!(done("POST", "/transitions") <= 8 * moves, "{when}: more moves than planned");
    for action in &passed.plan.actions {
        let has_comment = matches!(action.write, Write::Comment { .. });
        assert!(has_comment || action.reason != Reason::Asked, "{when}: an answer is a comment");
    }
}

fn is_done(issue: &Value) -> bool {
    issue["fields"]["status"]["statusCategory"]["key"] == "done"
}

/// Fields that disputebot writes.
fn ours(issue: &Value) -> Value {
    let fields = &issue["fields"];
    json!([
        fields["summary"],
        fields["description"],
        fields["duedate"],
        fields["priority"]["name"],
        fields["status"]["name"]
    ])
}

/// Jira writes its zone without a colon.
fn instant(text: &str) -> Timestamp {
    text.replace("+0000", "Z").parse().unwrap_or_else(|_| panic!("`{text}` is no instant"))
}

async fn quarter(flavour: Flavour) {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_126);
    println!("SEED={seed}");
    let mut chance = Chance(seed);
    let mut house = House::new(flavour).await;
    let plan =
        Disputes { clients: 2, churn: 0.03, noise: 0.1, ..Disputes::new(Kind::Conjunctive, 90, 5, seed) };
    let (mut broken, mut acts, mut written) = (0, 0, 0);
    for day in 1..=DAYS {
        house.now += DAY;
        house.sandbox.set_clock(house.now - SignedDuration::from_hours(1));
        house.write(&plan, day);
        if day > 2 && chance.below(10) < 6 {
            house.act(&mut chance, day);
            acts += 1;
        }
        let bad = day % 3 == 0;
        house.sandbox.set_chaos(seed ^ day.unsigned_abs(), if bad { 6 } else { 0 });
        let passed = house.pass().await;
        house.sandbox.set_chaos(0, 0);
        if let Err(error) = &passed {
            assert!(bad, "day {day}, SEED={seed}: a run on a good day failed: {error}");
        }
        let passed = passed.ok();
        broken +=
            usize::from(passed.as_ref().is_none_or(|passed| {
                passed.applied.as_ref().is_none_or(|applied| !applied.failed.is_empty())
            }));
        written += passed.as_ref().map_or(0, |passed| passed.plan.actions.len());
        house.judge(day, passed.as_ref(), seed);
    }
    for _ in 0..3 {
        house.now += SignedDuration::from_hours(2);
        house.pass().await.unwrap();
    }
    let last = house.pass().await.unwrap();
    let left: Vec<String> = last.plan.actions.iter().map(|action| format!("{:?}", action.reason)).collect();
    assert!(last.plan.is_empty(), "SEED={seed}: it does not come to rest: {left:?}");
    house.judge(DAYS + 1, Some(&last), seed);
    let tickets = house.issues().len();
    let closed = house.issues().iter().filter(|issue| is_done(issue)).count();
    println!(
        "{flavour:?}: {tickets} tickets, {closed} of them closed; {acts} acts of people; {written} writes planned; {broken} \
         runs in which something failed; {} requests",
        house.sandbox.requests().len()
    );
    assert!(
        tickets >= 4 && closed >= 2 && broken >= 3 && written > 100,
        "a quarter in which little happened"
    );
    assert_eq!(house.sandbox.unknown_routes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_on_jira_cloud_keeps_every_promise() {
    Box::pin(quarter(Flavour::Cloud)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_on_data_center_keeps_every_promise() {
    Box::pin(quarter(Flavour::DataCenter)).await;
}
