//! A quarter of a year in daily runs over real HTTP: disputes come and are settled, people edit, close, merge, mute and
//! give orders, and on every third day the way to Jira is bad. What was promised about tickets is checked each day.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test tells its seed and what happened")]

#[path = "common/contract.rs"]
mod contract;
#[path = "common/judged.rs"]
mod judged;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use disputebot::{
    apply::Clock,
    cluster::Attribute,
    config::{Layers, Needs, Place, Settings},
    dispute::{Tables, Text},
    generate::{self, Plan as Disputes, World as Kind},
    group::{GroupId, Status},
    jira::{self, Client},
    plan::{
        Action, Category, HoldReason, IGNORE_LABEL, Moment, Reason, Ruling, RulingKind, Write, answer_topic,
    },
    run::{self, Pass, Progress, RunError},
    sandbox::{self, Flavour, Options, Recorded, User},
    state::{Known, State},
    ticket::{Templates, adf},
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
        Moment {
            at: self.0,
            boot: "one".to_owned(),
            up_ms: self.0.as_millisecond().unsigned_abs(),
            there: None,
        }
    }
}

/// What people did, and what must therefore be so.
#[derive(Default)]
struct Promises {
    /// Summaries that people wrote, by issue.
    summaries: BTreeMap<String, String>,
    /// Tickets whose priority people set.
    priorities: BTreeSet<String>,
    /// Tickets whose due date people set.
    dues: BTreeSet<String>,
    /// Steps that people ticked, by issue.
    ticks: Vec<(String, String)>,
    /// Tickets that people opened again, and whether their disputes were settled or counted elsewhere then.
    reopened: BTreeMap<String, bool>,
    /// Words that people wrote into descriptions and comments, by issue.
    words: Vec<(String, String)>,
    /// Tickets that people closed, and did not open again.
    closed: BTreeSet<String>,
    /// Tickets that are to be left alone, as they were then.
    silent: BTreeMap<String, Value>,
    /// Tickets on which quiet was ordered, as they were then, and to when.
    quiet: BTreeMap<String, (Value, Option<Timestamp>)>,
    /// Summaries that are left to people by an order, by issue.
    released: BTreeMap<String, String>,
    /// Tickets whose summary was handed back, and is not written yet.
    taken: BTreeSet<String>,
    /// Tickets on which quiet has ended, and that were not brought up to date since.
    woken: BTreeSet<String>,
    /// Who people gave tickets to, by issue.
    assigned: BTreeMap<String, String>,
    /// Tickets that people work on, by their status.
    working: BTreeSet<String>,
}

impl Promises {
    /// A person closed a ticket.
    fn close(&mut self, id: &str) {
        self.closed.insert(id.to_owned());
        self.reopened.remove(id);
        self.working.remove(id);
    }
}

struct House {
    folder: tempfile::TempDir,
    sandbox: judged::Judged,
    settings: Settings,
    state: State,
    now: Timestamp,
    promises: Promises,
    /// When disputebot moved each ticket.
    moves: BTreeMap<String, Vec<Timestamp>>,
    seen: usize,
    /// Acts that people have not done yet in this round, so that each comes as often as the others.
    deck: Vec<u64>,
    /// Good runs since each ruling was made.
    settled: BTreeMap<String, usize>,
    /// How often each kind of promise was judged by what became of it.
    judged: BTreeMap<&'static str, usize>,
    /// The disputes of each list that was attached, by the id of the attachment: none is ever changed.
    lists: BTreeMap<String, BTreeSet<String>>,
    /// Everything that people decided so far.
    decided: BTreeSet<String>,
}

impl House {
    async fn new(flavour: Flavour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let users = vec![User::bot(), User::analyst(), lead()];
        let sandbox = sandbox::start(Options { flavour, users, ..Options::default() }).await.unwrap();
        let sandbox = judged::Judged(sandbox);
        // Those of one client go to another project.
        sandbox.add_project("TX", "Texas").unwrap();
        let user = match flavour {
            Flavour::Cloud => User::bot().email,
            Flavour::DataCenter => String::new(),
        };
        let config = format!(
            "[source]\npaths = [\"disputes.csv\"]\n[jira]\nurl = \"{}\"\nproject = \"DISP\"\nuser = \"{user}\"\n[routes.b]\n\
             clients = [\"Example Pharma B\"]\nproject = \"TX\"\nassignee = \"Example Lead\"\n[route]\nassignee = \"Example Analyst\"\n",
            sandbox.base_url()
        );
        fs::write(folder.path().join("disputebot.toml"), config).unwrap();
        let place = Place { folder: folder.path().to_owned(), ..Place::default() };
        let token = [("DISPUTEBOT_JIRA_TOKEN".to_owned(), User::bot().token)];
        let layers = Layers::load(&place, token, &[]).unwrap();
        let (settings, _) = Settings::read(&layers, Needs { jira: true, ..Needs::default() }).unwrap();
        let state = State::open(&folder.path().join("state")).unwrap();
        // After every clock of the machines that run it: Jira's waits are told by those.
        let now = "2027-03-01T06:00:00Z".parse().unwrap();
        let (promises, moves) = (Promises::default(), BTreeMap::new());
        let (seen, settled, judged) = (0, BTreeMap::new(), BTreeMap::new());
        let (deck, lists, decided) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Self {
            folder,
            sandbox,
            settings,
            state,
            now,
            promises,
            moves,
            seen,
            deck,
            settled,
            judged,
            lists,
            decided,
        }
    }

    fn write(&self, plan: &Disputes, day: i64) {
        let sample = generate::next_day(plan, u32::try_from(day).unwrap());
        self.write_rows(&sample.rows);
    }

    fn write_rows(&self, rows: &[generate::Record]) {
        let mut writer = csv::Writer::from_path(self.folder.path().join("disputes.csv")).unwrap();
        writer.write_record(generate::HEADER).unwrap();
        for row in rows {
            writer.write_record(row.fields()).unwrap();
        }
        writer.flush().unwrap();
    }

    /// The disputes of a day, all of them resolved.
    fn write_settled(&self, plan: &Disputes, day: i64) {
        let mut sample = generate::next_day(plan, u32::try_from(day).unwrap());
        for row in &mut sample.rows {
            "resolved".clone_into(&mut row.status);
        }
        self.write_rows(&sample.rows);
    }

    /// A client of its own for each day, as each day has a process of its own. It waits for nothing: what Jira does not
    /// take today is left for tomorrow.
    fn client(&self) -> Client {
        let jira = self.settings.jira.clone().unwrap();
        let longest_wait = std::time::Duration::from_millis(1);
        Client::new(jira::Settings { limits: jira::Limits::Told, longest_wait, ..jira }).unwrap()
    }

    async fn pass(&mut self) -> Result<Pass, RunError> {
        self.pass_with(&mut |_| {}).await
    }

    /// A pass that tells of its progress.
    async fn pass_with(&mut self, progress: &mut (dyn FnMut(Progress<'_>) + Send)) -> Result<Pass, RunError> {
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
            progress,
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
        // Tickets of one client are merged, where there are two: others are not.
        let project = |issue: &Value| issue["fields"]["project"]["key"].clone();
        let mates: Vec<&Value> =
            open.iter().filter(|it| it["id"] != issue["id"] && project(it) == project(issue)).collect();
        let other = mates.get(chance.below(mates.len().max(1) as u64) as usize).map_or(issue, |it| *it);
        let id = issue["id"].as_str().unwrap().to_owned();
        let other_key = other["key"].as_str().unwrap();
        let word = format!("word-{day}-of-a-person");
        // One who may not do it is told so, and nothing is promised.
        let say = |text: &str| person.comment(&id, text).unwrap();
        if self.deck.is_empty() {
            self.deck = (0..29).collect();
        }
        let drawn = self.deck.swap_remove(chance.below(self.deck.len() as u64) as usize);
        match drawn {
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
            5 => {
                person.edit(&id, &json!({ "fields": { "priority": { "name": "Low" } } })).unwrap();
                self.promises.priorities.insert(id.clone());
            }
            24 => {
                person.edit(&id, &json!({ "fields": { "duedate": DUE } })).unwrap();
                self.promises.dues.insert(id.clone());
            }
            25..=27 => {
                let mut description = issue["fields"]["description"].clone();
                let Some(step) = tick(&mut description) else { return };
                person.edit(&id, &json!({ "fields": { "description": description } })).unwrap();
                self.promises.ticks.push((id.clone(), step));
            }
            28 => {
                // In the middle of what disputebot wrote, which is a person's from then on.
                let text = issue["fields"]["description"].to_string();
                let mine = text.replacen("How much", &word, 1);
                let mine: Value = serde_json::from_str(&mine).unwrap();
                if mine != issue["fields"]["description"] {
                    person.edit(&id, &json!({ "fields": { "description": mine } })).unwrap();
                    self.promises.words.push((id.clone(), word));
                }
            }
            20 => {
                // Where no ticket is closed yet, a later day it is.
                if !self.reopen(chance) {
                    self.deck.push(20);
                }
                return;
            }
            6 | 7 => {
                let body = json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Won't Do" } } });
                if person.transition(&id, &body).is_ok() {
                    self.promises.close(&id);
                }
            }
            8 => {
                if id != other["id"] && person.close_as_duplicate(&id, other_key).is_ok() {
                    self.promises.close(&id);
                }
            }
            23 => {
                if person.transition(&id, &json!({ "transition": { "id": "11" } })).is_ok() {
                    self.promises.working.insert(id.clone());
                }
            }
            9 => person.edit(&id, &json!({ "update": { "labels": [{ "add": IGNORE_LABEL }] } })).unwrap(),
            10 => {
                say("/disputebot mute");
                self.promises.quiet.insert(id.clone(), (Value::Null, None));
            }
            11 => {
                say("/disputebot snooze 9d");
                // The order is carried out in the next run, and lasts from then on.
                let end = self.now + DAY * 9;
                self.promises.quiet.insert(id.clone(), (Value::Null, Some(end)));
            }
            12 => {
                say("/disputebot unmute");
                if self.promises.quiet.remove(&id).is_some() {
                    self.promises.woken.insert(id.clone());
                }
            }
            21 | 22 => {
                let to = if chance.below(2) == 0 { User::analyst() } else { lead() };
                let field = match self.sandbox.flavour() {
                    Flavour::Cloud => json!({ "accountId": to.account_id }),
                    Flavour::DataCenter => json!({ "name": to.name }),
                };
                person.edit(&id, &json!({ "fields": { "assignee": field } })).unwrap();
                self.promises.assigned.insert(id.clone(), to.display_name);
            }
            13 => say("/disputebot status"),
            14 | 15 => {
                say("/disputebot take summary");
                self.promises.summaries.remove(&id);
                self.promises.released.remove(&id);
                self.promises.taken.insert(id.clone());
            }
            16 => {
                say("/disputebot release summary");
                self.promises.taken.remove(&id);
                let summary = issue["fields"]["summary"].as_str().unwrap().to_owned();
                self.promises.released.insert(id.clone(), summary);
            }
            17 => say(&format!("/disputebot merge {other_key}")),
            18 => say(&format!("/disputebot split by {}", Attribute::Period.name())),
            _ => say("/disputebot not-a-group"),
        }
        // What is silenced is looked at from now on: an order is heard before anything is planned.
        let now = self.issue(&id);
        if now["fields"]["labels"].to_string().contains(IGNORE_LABEL) {
            // A person may change what disputebot may not.
            self.promises.silent.insert(id.clone(), ours(&now));
        }
        if let Some((before, _)) = self.promises.quiet.get_mut(&id) {
            *before = ours(&now);
        }
        if let Some(summary) = self.promises.released.get_mut(&id) {
            now["fields"]["summary"].as_str().unwrap().clone_into(summary);
        }
        if now["fields"]["summary"].as_str().unwrap().starts_with("word-")
            && !self.promises.summaries.contains_key(&id)
        {
            // Handed back and not written yet.
            return;
        }
        self.promises.taken.retain(|taken| !self.promises.summaries.contains_key(taken));
    }

    /// A person opens a closed ticket again, where there is one.
    fn reopen(&mut self, chance: &mut Chance) -> bool {
        let silent = |issue: &&Value| {
            let id = issue["id"].as_str().unwrap();
            self.promises.silent.contains_key(id) || self.promises.quiet.contains_key(id)
        };
        let issues = self.issues();
        let done: Vec<&Value> = issues.iter().filter(|issue| is_done(issue) && !silent(issue)).collect();
        if done.is_empty() {
            return false;
        }
        let id = done[chance.below(done.len() as u64) as usize]["id"].as_str().unwrap().to_owned();
        let body = json!({ "transition": { "id": "61" } });
        if self.sandbox.person(&User::analyst()).transition(&id, &body).is_ok() {
            self.promises.closed.remove(&id);
            let is_over = self.status_of(&id).is_some_and(|status| status != Status::Active);
            self.promises.reopened.insert(id, is_over);
        }
        true
    }

    /// A ticket that a person has in hand stays as it is until its disputes are settled: no merge closes it.
    fn judge_working(&mut self, passed: Option<&Pass>, by_id: &BTreeMap<&str, &Value>, when: &str) {
        for id in self.promises.working.clone() {
            let issue = by_id[id.as_str()];
            if is_done(issue) {
                let closes = |action: &&Action| matches!(&action.write, Write::Transition { issue, to: Category::Done, .. } if issue.id == id);
                let why: Vec<&Reason> = passed
                    .into_iter()
                    .flat_map(|passed| passed.plan.actions.iter().filter(closes).map(|action| &action.reason))
                    .collect();
                // Or a person said so.
                let may = passed.is_none() || why == [&Reason::AllResolved] || why == [&Reason::NotAGroup];
                assert!(may, "{when}: {id} was worked on and is closed: {why:?}");
                self.promises.working.remove(&id);
                continue;
            }
            assert_eq!(issue["fields"]["status"]["name"], "In Progress", "{when}: {id} is worked on");
            *self.judged.entry("worked on").or_default() += 1;
        }
    }

    /// How the group of a ticket stands.
    fn status_of(&self, id: &str) -> Option<Status> {
        let known = self.state.known();
        let ticket = known.tickets.values().find(|it| it.issue().is_some_and(|own| own.id == id))?;
        Some(known.groups.get(&ticket.group)?.group.status.clone())
    }

    /// What people opened again stays open while there is nothing new to say of it; else only a run that gives a reason
    /// closes it.
    fn judge_reopened(&mut self, passed: Option<&Pass>, by_id: &BTreeMap<&str, &Value>, when: &str) {
        for (id, was_over) in self.promises.reopened.clone() {
            let is_over = self.status_of(&id).is_some_and(|status| status != Status::Active);
            if !is_done(by_id[id.as_str()]) {
                // Once its cause is back, that ends like any other.
                self.promises.reopened.insert(id, was_over && is_over);
                *self.judged.entry("reopen").or_default() += 1;
                continue;
            }
            assert!(!was_over || !is_over, "{when}: {id} was opened again by a person and is closed");
            let closes = |write: &Write| matches!(write, Write::Transition { issue, to: Category::Done, .. } if issue.id == id);
            let has_reason =
                passed.is_some_and(|it| it.plan.actions.iter().any(|action| closes(&action.write)));
            assert!(has_reason, "{when}: {id} was opened again by a person and is closed without a reason");
            self.promises.reopened.remove(&id);
        }
    }

    /// Every open ticket is with whom a person gave it to, else with whom the rules name for its client.
    fn judge_assignments(&mut self, issues: &[Value], when: &str) {
        for issue in issues {
            let id = issue["id"].as_str().unwrap();
            let known = self.state.known();
            let Some(ticket) = known.tickets.values().find(|it| it.issue().is_some_and(|own| own.id == id))
            else {
                continue;
            };
            let by_rule = match &*known.groups[&ticket.group].group.client {
                "Example Pharma B" => "Example Lead",
                "Example Pharma A" => "Example Analyst",
                other => panic!("{when}: `{other}` is no client"),
            };
            let by_person = self.promises.assigned.get(id);
            let wanted = by_person.map_or(by_rule, String::as_str);
            assert_eq!(issue["fields"]["assignee"]["displayName"], wanted, "{when}: {}", issue["key"]);
            let what = if by_person.is_some() { "assigned by a person" } else { "assigned by a rule" };
            *self.judged.entry(what).or_default() += 1;
        }
    }

    /// Where quiet has ended, the next good run brings the ticket up to date.
    fn judge_woken(&mut self, passed: &Pass, by_id: &BTreeMap<&str, &Value>, when: &str) {
        if has_failed(passed) {
            return;
        }
        for id in self.promises.woken.clone() {
            let (known, issue) = (self.state.known(), by_id[id.as_str()]);
            let Some(ticket) = known.tickets.values().find(|it| it.issue().is_some_and(|own| own.id == id))
            else {
                continue;
            };
            let wanted =
                passed.surveyed.standing.get(&ticket.group).and_then(|it| it.content.as_ref()?.as_ref().ok());
            let mut is_held = false;
            for hold in passed.plan.holds.iter().filter(|hold| hold.group == ticket.group) {
                match &hold.reason {
                    HoldReason::PersonChanged { .. } | HoldReason::Unconfirmed { .. } => {}
                    // It is carried out, and lasts, from the first run that hears of it.
                    HoldReason::Quiet { until } => {
                        assert!(
                            until.is_some_and(|end| self.now < end),
                            "{when}: {id} is quiet to {until:?}"
                        );
                        is_held = true;
                    }
                    _ => is_held = true,
                }
            }
            let is_ignored = passed
                .plan
                .holds
                .iter()
                .any(|hold| hold.group == ticket.group && matches!(hold.reason, HoldReason::Ignored));
            if is_ignored || is_done(issue) {
                // A person decided otherwise meanwhile: another ticket will show it.
                self.promises.woken.remove(&id);
                if !self.judged.contains_key("woken") && !self.deck.contains(&11) {
                    self.deck.push(11);
                }
                continue;
            }
            let Some(wanted) = wanted.filter(|_| !is_held) else { continue };
            if self.promises.dues.contains(&id) {
                // Its due date, by which it would be seen, is a person's.
                self.promises.woken.remove(&id);
                continue;
            }
            let due = wanted.due.map(|due| due.to_string());
            assert_eq!(issue["fields"]["duedate"].as_str(), due.as_deref(), "{when}: {id} is quiet no more");
            self.promises.woken.remove(&id);
            *self.judged.entry("woken").or_default() += 1;
        }
    }

    /// The one list that is attached to an open ticket has the disputes of its group and no others.
    async fn judge_attachments(&mut self, passed: &Pass, issues: &[Value], when: &str) {
        if has_failed(passed) {
            return;
        }
        for issue in issues.iter().filter(|issue| !is_done(issue)) {
            let id = issue["id"].as_str().unwrap();
            let known = self.state.known();
            let Some(ticket) = known.tickets.values().find(|it| it.issue().is_some_and(|own| own.id == id))
            else {
                continue;
            };
            let group = &known.groups[&ticket.group].group;
            let is_left = passed.plan.holds.iter().any(|hold| {
                let is_other = matches!(
                    hold.reason,
                    HoldReason::PersonChanged { .. }
                        | HoldReason::Unconfirmed { .. }
                        | HoldReason::Touched { .. }
                        | HoldReason::Spent { .. }
                );
                hold.group == ticket.group && !is_other
            });
            if is_left || group.status != Status::Active {
                continue;
            }
            let members: BTreeSet<String> = group.members.iter().map(ToString::to_string).collect();
            let files = issue["fields"]["attachment"].as_array().unwrap();
            assert_eq!(files.len(), 1, "{when}: lists on {}: {files:?}", issue["key"]);
            let file = files[0]["id"].as_str().unwrap().to_owned();
            if !self.lists.contains_key(&file) {
                let address = files[0]["content"].as_str().unwrap();
                let listed = listed(address, self.sandbox.flavour()).await;
                self.lists.insert(file.clone(), listed);
            }
            assert_eq!(self.lists[&file], members, "{when}: the list of {}", issue["key"]);
            *self.judged.entry("attached list").or_default() += 1;
        }
    }

    /// What people decided is never forgotten, and only what closed a ticket can be taken back, by opening it.
    fn judge_decided(&mut self, when: &str) {
        let rulings = &self.state.known().rulings;
        for id in &self.decided {
            assert!(rulings.contains_key(id), "{when}: `{id}` is forgotten");
        }
        for ruling in rulings.values() {
            let guides = matches!(ruling.kind, RulingKind::Together { .. } | RulingKind::Apart { .. });
            assert!(!(guides && ruling.lifted), "{when}: {ruling:?} was taken back by nobody");
        }
        self.decided.extend(rulings.keys().cloned());
    }

    /// No dispute is listed by two open tickets, in their text or in what they say to machines. One that disputebot may
    /// not write on keeps the list that it has.
    fn judge_lists(&mut self, passed: &Pass, issues: &[Value], when: &str) {
        if has_failed(passed) {
            return;
        }
        let table = &passed.surveyed.table;
        let all: BTreeSet<&str> = (0..table.len()).map(|row| &**table.id(row)).collect();
        let mut homes: BTreeMap<String, &str> = BTreeMap::new();
        for issue in issues.iter().filter(|issue| !is_done(issue)) {
            let id = issue["id"].as_str().unwrap();
            let known = self.state.known();
            let Some(ticket) = known.tickets.values().find(|it| it.issue().is_some_and(|own| own.id == id))
            else {
                continue;
            };
            let is_left = passed.plan.holds.iter().any(|hold| {
                let is_other = matches!(&hold.reason, HoldReason::PersonChanged { field } if field != "description")
                    || matches!(hold.reason, HoldReason::Unconfirmed { .. });
                hold.group == ticket.group && !is_other
            });
            if is_left || known.groups[&ticket.group].group.status != Status::Active {
                continue;
            }
            let text = match &issue["fields"]["description"] {
                Value::String(text) => text.replace('\\', ""),
                document => adf::text_of(document),
            };
            let mark = property(&issue["properties"]["disputebot"]);
            let listed: BTreeSet<String> = text
                .split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '-')
                .chain(mark["members"].as_array().unwrap().iter().filter_map(Value::as_str))
                .filter(|word| all.contains(word))
                .map(str::to_owned)
                .collect();
            assert!(!listed.is_empty(), "{when}: {} lists {listed:?}", issue["key"]);
            for member in listed {
                let before = homes.insert(member.clone(), id);
                assert_eq!(
                    before, None,
                    "{when}: {member} is on two open tickets, one of them {}",
                    issue["key"]
                );
            }
            *self.judged.entry("list").or_default() += 1;
        }
    }

    /// Everything that was promised, after a pass.
    async fn judge(&mut self, day: i64, passed: Option<&Pass>, seed: u64) {
        let when = format!("day {day}, SEED={seed}");
        let issues = self.issues();
        let by_id: BTreeMap<&str, &Value> =
            issues.iter().map(|issue| (issue["id"].as_str().unwrap(), issue)).collect();
        for (id, summary) in &self.promises.summaries {
            assert_eq!(by_id[id.as_str()]["fields"]["summary"], *summary, "{when}: a summary is gone");
        }
        for id in &self.promises.priorities {
            let shown = &by_id[id.as_str()]["fields"]["priority"]["name"];
            assert_eq!(shown, "Low", "{when}: a priority of {id} is gone");
            *self.judged.entry("priority").or_default() += 1;
        }
        for id in &self.promises.dues {
            let shown = &by_id[id.as_str()]["fields"]["duedate"];
            assert_eq!(shown, DUE, "{when}: a due date of {id} is gone");
            *self.judged.entry("due date").or_default() += 1;
        }
        for (id, step) in &self.promises.ticks {
            let shown = &by_id[id.as_str()]["fields"]["description"];
            assert!(is_ticked(shown, step), "{when}: `{step}` is not ticked on {id} any more: {shown}");
            *self.judged.entry("tick").or_default() += 1;
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
        let now = self.now;
        let Promises { quiet, woken, .. } = &mut self.promises;
        woken.extend(quiet.extract_if(.., |_, (_, end)| end.is_some_and(|end| now >= end)).map(|(id, _)| id));
        woken.retain(|id| !quiet.contains_key(id));
        for (id, (before, end)) in &self.promises.quiet {
            assert_eq!(ours(by_id[id.as_str()]), *before, "{when}: {id} was to be quiet to {end:?}");
            *self.judged.entry(if end.is_some() { "snooze" } else { "mute" }).or_default() += 1;
        }
        for (id, summary) in &self.promises.released {
            let shown = &by_id[id.as_str()]["fields"]["summary"];
            assert_eq!(shown, summary, "{when}: the summary of {id} was left to people");
            *self.judged.entry("release").or_default() += 1;
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
        let fresh = self.sandbox.requests_from(self.seen);
        self.seen += fresh.len();
        self.judge_moves(&fresh, &when);
        self.judge_mails(&fresh, &when);
        judge_reasons(passed, self.state.known(), &fresh, &when);
        self.judge_reopened(passed, &by_id, &when);
        self.judge_working(passed, &by_id, &when);
        if let Some(passed) = passed {
            self.judge_taken(passed, &by_id, &when);
            self.judge_rulings(passed, &by_id, &when);
            self.judge_lists(passed, &issues, &when);
            self.judge_woken(passed, &by_id, &when);
            self.judge_attachments(passed, &issues, &when).await;
        }
        self.judge_assignments(&issues, &when);
        self.judge_decided(&when);
    }

    /// A summary that was handed back is written by the next run that may write on its ticket.
    fn judge_taken(&mut self, passed: &Pass, by_id: &BTreeMap<&str, &Value>, when: &str) {
        if has_failed(passed) {
            return;
        }
        for id in self.promises.taken.clone() {
            let (known, issue) = (self.state.known(), by_id[id.as_str()]);
            let Some(ticket) = known.tickets.values().find(|it| it.issue().is_some_and(|own| own.id == id))
            else {
                continue;
            };
            let wanted =
                passed.surveyed.standing.get(&ticket.group).and_then(|it| it.content.as_ref()?.as_ref().ok());
            let is_held = passed.plan.holds.iter().any(|hold| {
                hold.group == ticket.group && !matches!(hold.reason, HoldReason::PersonChanged { .. })
            });
            let is_ignored = passed
                .plan
                .holds
                .iter()
                .any(|hold| hold.group == ticket.group && matches!(hold.reason, HoldReason::Ignored));
            if is_ignored || is_done(issue) {
                // A person decided otherwise meanwhile: another ticket will show it.
                self.promises.taken.remove(&id);
                if !self.judged.contains_key("take") && !self.deck.contains(&14) {
                    self.deck.push(14);
                }
                continue;
            }
            let Some(wanted) = wanted.filter(|_| !is_held) else { continue };
            assert_eq!(issue["fields"]["summary"], *wanted.summary, "{when}: {id} was handed back");
            self.promises.taken.remove(&id);
            *self.judged.entry("take").or_default() += 1;
        }
    }

    /// What people decided about disputes guides what they are counted with, and which tickets are opened.
    fn judge_rulings(&mut self, passed: &Pass, by_id: &BTreeMap<&str, &Value>, when: &str) {
        let known = self.state.known();
        let rulings: Vec<&Ruling> = known.rulings.values().filter(|ruling| !ruling.lifted).collect();
        // Of two that contradict each other the later one holds.
        let is_last = |ruling: &Ruling| {
            let shares = |other: &&&Ruling| {
                matches!(other.kind, RulingKind::Together { .. } | RulingKind::Apart { .. })
                    && other.at >= ruling.at
                    && other.id != ruling.id
                    && other.members.iter().any(|member| ruling.members.binary_search(member).is_ok())
            };
            rulings.iter().filter(shares).count() == 0
        };
        let group_of = |member: &Text| {
            let active = known.groups.values().filter(|it| it.group.status == Status::Active);
            active.map(|it| &it.group).find(|group| group.members.binary_search(member).is_ok())
        };
        // Most of the money came since.
        let is_much = |group: &GroupId| {
            let standing = &passed.surveyed.standing[group];
            let much = self.settings.run.plan.manners.comment_amount;
            standing.fresh_amount >= much
                && standing.fresh_amount + standing.fresh_amount > standing.weight.amount
        };
        let period_of: BTreeMap<&Text, Option<&Text>> = {
            let table = &passed.surveyed.table;
            (0..table.len()).map(|row| (table.id(row), table.value(row, Attribute::Period))).collect()
        };
        for ruling in rulings.iter().filter(|ruling| is_last(ruling)) {
            let good = self.settled.entry(ruling.id.clone()).or_default();
            *good += 1;
            // Closed as well: what people decided of disputes goes with them, whatever group they come to.
            if matches!(ruling.kind, RulingKind::Closed | RulingKind::NotAGroup) {
                let key = &ruling.key;
                for action in passed.plan.actions.iter().filter(|it| matches!(it.write, Write::Create { .. }))
                {
                    let members = &known.groups[&action.group].group.members;
                    let ruled = members.iter().filter(|it| ruling.members.binary_search(it).is_ok()).count();
                    assert!(
                        ruled * 2 < members.len() || is_much(&action.group),
                        "{when}: a ticket for what people closed or called no group ({key})"
                    );
                    // It never comes without a word.
                    let is_told = matches!(
                        action.reason,
                        Reason::DespiteRuling { .. } | Reason::SplitFrom { .. } | Reason::CreateAgain
                    );
                    assert!(ruled == 0 || is_told, "{when}: {:?} in spite of {key}", action.reason);
                }
            }
            let what = match &ruling.kind {
                RulingKind::Closed => "closed",
                RulingKind::NotAGroup => {
                    let own = known.ticket(&ruling.group);
                    let is_held = passed.plan.holds.iter().any(|hold| {
                        hold.group == ruling.group && !matches!(hold.reason, HoldReason::Ruled { .. })
                    });
                    let is_living = known.groups[&ruling.group].group.status == Status::Active;
                    let issue = own.issue().map(|issue| by_id[issue.id.as_str()]);
                    let covered = is_living && {
                        let members = &known.groups[&ruling.group].group.members;
                        members.iter().filter(|it| ruling.members.binary_search(it).is_ok()).count() * 2
                            >= members.len()
                            && !is_much(&ruling.group)
                    };
                    if let Some(issue) = issue.filter(|issue| {
                        *good > 2
                            && covered
                            && !is_held
                            && !has_failed(passed)
                            && !is_opened_for_once(issue, ruling)
                    }) {
                        assert!(is_done(issue), "{when}: {} is no group and is open", ruling.key);
                    }
                    "not a group"
                }
                RulingKind::Together { with } => {
                    let homes: BTreeSet<&GroupId> =
                        ruling.members.iter().filter_map(&group_of).map(|group| &group.id).collect();
                    // Where a split of before is still to be confirmed, it takes two inputs.
                    assert!(
                        *good <= 3 || homes.len() <= 1,
                        "{when}: {} was merged into {with}: {homes:?}",
                        ruling.key
                    );
                    "merge"
                }
                RulingKind::Apart { .. } => {
                    let mut by_group: BTreeMap<&GroupId, BTreeSet<Option<&Text>>> = BTreeMap::new();
                    for member in &ruling.members {
                        if let (Some(group), Some(period)) = (group_of(member), period_of.get(member)) {
                            by_group.entry(&group.id).or_default().insert(*period);
                        }
                    }
                    let mixed: Vec<_> = by_group.iter().filter(|(_, periods)| periods.len() > 1).collect();
                    assert!(
                        *good <= 4 || mixed.is_empty(),
                        "{when}: {} was split by quarter: {mixed:?}",
                        ruling.key
                    );
                    "split"
                }
            };
            if *good > 4 {
                *self.judged.entry(what).or_default() += 1;
            }
        }
    }

    /// Comments that nobody asked for keep to their budget.
    fn judge_comments(&mut self, issues: &[Value], when: &str) {
        let budget = self.settings.run.plan.manners.comments_per_week;
        for issue in issues {
            let comments = issue["comments"].as_array().unwrap();
            let unasked: Vec<Timestamp> = comments
                .iter()
                .filter(|comment| comment["author"]["displayName"] == User::bot().display_name)
                .filter(|comment| !topic(comment).starts_with(&answer_topic("")))
                .map(|comment| instant(comment["created"].as_str().unwrap()))
                .collect();
            *self.judged.entry("unasked comment").or_default() += unasked.len();
            for first in &unasked {
                let week = unasked
                    .iter()
                    .filter(|one| **one >= *first && one.duration_since(*first) < DAY * 7)
                    .count();
                assert!(week <= budget, "{when}: {} said {week} things in a week", issue["key"]);
            }
        }
    }

    /// An edit sends no mail. What does is rare: comments and moves, which are judged, tickets that are opened, and lists,
    /// which Jira takes in no silent way: one a run, or two where the first answer is lost.
    fn judge_mails(&mut self, fresh: &[Recorded], when: &str) {
        let bot = User::bot();
        let mut lists: BTreeMap<&str, usize> = BTreeMap::new();
        for request in fresh.iter().filter(|it| it.took_effect && it.who.as_ref() == Some(&bot.account_id)) {
            let (_, path) = request.path.split_once("/rest/api/").unwrap_or_default();
            let path = path.split_once('/').map_or("", |(_, path)| path);
            match (request.method.as_str(), path) {
                ("PUT", path) if path.starts_with("issue/") && path.matches('/').count() == 1 => {
                    let is_silent = request.query.contains("notifyUsers=false");
                    assert!(is_silent, "{when}: an edit of {path} sent mail");
                    *self.judged.entry("silent edit").or_default() += 1;
                }
                ("POST", path) if path.ends_with("/attachments") => {
                    let sent = lists.entry(path).or_default();
                    *sent += 1;
                    assert!(*sent <= 2, "{when}: {path} got {sent} lists in one run");
                }
                _ => {}
            }
        }
    }

    /// No ticket is moved too often.
    fn judge_moves(&mut self, fresh: &[Recorded], when: &str) {
        let bot = User::bot();
        for request in fresh {
            let by_bot = request.who.as_deref() == Some(bot.account_id.as_str());
            if by_bot
                && request.took_effect
                && request.method == "POST"
                && request.path.ends_with("/transitions")
            {
                let moves = self.moves.entry(request.path.clone()).or_default();
                moves.push(request.at);
                let month = moves.iter().filter(|one| request.at.duration_since(**one) < DAY * 30).count();
                let most = 2 * self.settings.run.plan.manners.max_reopens + 1;
                assert!(month <= most, "{when}: {} was moved {month} times in a month", request.path);
            }
        }
    }
}

/// Whether a ticket of what people called no group says that it is open for what came since, and for once.
fn is_opened_for_once(issue: &Value, ruling: &Ruling) -> bool {
    let comments = issue["comments"].as_array().unwrap();
    comments.iter().any(|comment| {
        comment["author"]["displayName"] == User::bot().display_name
            && instant(comment["created"].as_str().unwrap()) > ruling.at
            && comment["body"].to_string().contains("this once")
    })
}

/// The ids of the disputes in an attached list.
async fn listed(address: &str, flavour: Flavour) -> BTreeSet<String> {
    let (user, client) = (User::analyst(), reqwest::Client::builder().no_proxy().build().unwrap());
    let request = client.get(address);
    let request = match flavour {
        Flavour::Cloud => request.basic_auth(&user.email, Some(&user.token)),
        Flavour::DataCenter => request.bearer_auth(&user.token),
    };
    let text = request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let ids: Vec<String> = reader.records().map(|row| row.unwrap()[0].to_owned()).collect();
    let listed: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(listed.len(), ids.len(), "each once");
    listed
}

fn lead() -> User {
    User {
        account_id: "sandbox:00000000-0000-4000-8000-0000000000c0".to_owned(),
        name: "lead".to_owned(),
        key: "JIRAUSER10102".to_owned(),
        display_name: "Example Lead".to_owned(),
        email: "lead@example.com".to_owned(),
        token: "not-a-secret-lead".to_owned(),
    }
}

fn has_failed(passed: &Pass) -> bool {
    passed.applied.as_ref().is_none_or(|applied| !applied.failed.is_empty() || !applied.untried.is_empty())
}

/// Nothing was written that the plan did not give a reason for: each write of each kind, on the issue that it is for.
/// A run that ended before its plan may only claim the project and ask the index how fresh it is.
fn judge_reasons(passed: Option<&Pass>, known: &Known, fresh: &[Recorded], when: &str) {
    let actions = passed.map_or(&[][..], |passed| &passed.plan.actions);
    let has = |is: &dyn Fn(&Write) -> bool| actions.iter().any(|action| is(&action.write));
    let ticket = |group: &GroupId| known.ticket(group).issue().map(|issue| issue.id.clone());
    // For the ticket of its group.
    let on_own = |id: &str, is: &dyn Fn(&Write) -> bool| {
        actions.iter().any(|action| is(&action.write) && ticket(&action.group).as_deref() == Some(id))
    };
    let ends = |action: &Action| match &action.write {
        Write::Link { to, .. } => Some((ticket(&action.group)?, ticket(to)?)),
        Write::LinkDuplicate { issue, to, .. } => Some((issue.id.clone(), to.id.clone())),
        _ => None,
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let by_bot = fresh.iter().filter(|it| it.who.as_deref() == Some(User::bot().account_id.as_str()));
    for request in by_bot.filter(|it| it.method != "GET" && it.took_effect) {
        let path = request.path.split("/rest/api/").nth(1).unwrap_or_default();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let text = request.body.to_string();
        let (kind, is_planned) = match (request.method.as_str(), &parts[..]) {
            ("POST", ["search" | "jql", ..] | ["issue", "bulkfetch"])
            | ("PUT", ["project", _, "properties", _]) => continue,
            ("PUT", ["issue", _]) if text.contains("disputebot-fence") => continue,
            ("POST", ["issue"]) => {
                let labels = &request.body["fields"]["labels"];
                let is_its = |write: &Write| matches!(write, Write::Create { content, .. } if json!(content.labels) == *labels);
                ("create", has(&is_its))
            }
            ("PUT", ["issue", id]) => (
                "edit",
                has(&|write| match write {
                    Write::Update { issue, .. }
                    | Write::Unlabel { issue, .. }
                    | Write::Transition { issue, .. } => issue.id == **id,
                    _ => false,
                }),
            ),
            ("POST", ["issue", id, "comment"]) => (
                "comment",
                has(&|write| match write {
                    Write::Comment { issue, .. } | Write::Transition { issue, .. } => issue.id == **id,
                    _ => false,
                }) || on_own(id, &|write| matches!(write, Write::Introduce { .. })),
            ),
            ("POST", ["issue", id, "transitions"]) => {
                ("move", has(&|write| matches!(write, Write::Transition { issue, .. } if issue.id == **id)))
            }
            ("POST", ["issue", id, "attachments"]) => {
                ("attach", on_own(id, &|write| matches!(write, Write::Attach { .. })))
            }
            ("DELETE", ["attachment", id]) => {
                ("detach", has(&|write| matches!(write, Write::Detach { list, .. } if list.id == **id)))
            }
            ("POST", ["issueLink"]) => {
                let end = |name: &str| request.body[name]["id"].as_str().unwrap().to_owned();
                let made = (end("inwardIssue"), end("outwardIssue"));
                ("link", actions.iter().filter_map(ends).any(|planned| planned == made))
            }
            other => panic!("{when}: a write of no known kind: {other:?}"),
        };
        assert!(is_planned, "{when}: {kind} on {path} without a reason in the plan");
        *counts.entry(kind).or_default() += 1;
    }
    let planned = |is: &dyn Fn(&Write) -> bool| actions.iter().filter(|action| is(&action.write)).count();
    let moves = planned(&|write| matches!(write, Write::Transition { .. }));
    let most = [
        ("create", planned(&|write| matches!(write, Write::Create { .. }))),
        (
            "comment",
            moves + planned(&|write| matches!(write, Write::Comment { .. } | Write::Introduce { .. })),
        ),
        ("move", 8 * moves),
        ("attach", planned(&|write| matches!(write, Write::Attach { .. }))),
        // Idempotent writes may be sent again.
        (
            "edit",
            5 * (moves + planned(&|write| matches!(write, Write::Update { .. } | Write::Unlabel { .. }))),
        ),
        ("link", 5 * planned(&|write| matches!(write, Write::Link { .. } | Write::LinkDuplicate { .. }))),
    ];
    for (kind, most) in most {
        let count = counts.get(kind).copied().unwrap_or(0);
        assert!(count <= most, "{when}: {count} times {kind}, and {most} at most were planned");
    }
    for action in actions {
        let has_comment = matches!(action.write, Write::Comment { .. });
        assert!(has_comment || action.reason != Reason::Asked, "{when}: an answer is a comment");
    }
}

/// What a comment of disputebot's is about.
fn topic(comment: &Value) -> String {
    let ours = comment["properties"].as_array().unwrap().iter().find(|it| it["key"] == "disputebot");
    property(&ours.unwrap()["value"])["topic"].as_str().unwrap().to_owned()
}

/// The value of a property. Data Center is given it as text.
fn property(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| serde_json::from_str(text).unwrap())
}

/// Signs of a step that is to be done and of one that is done, in markup.
const SIGNS: [&str; 2] = ["* ☐ ", "* ☑ "];
/// A due date that people set.
const DUE: &str = "2028-02-29";

/// Ticks the first step of a description that is not ticked, and gives it as it stands there.
fn tick(description: &mut Value) -> Option<String> {
    if let Value::String(text) = description {
        let line = text.lines().find(|line| line.starts_with(SIGNS[0]))?.trim_end().to_owned();
        let step = line[SIGNS[0].len()..].to_owned();
        *text = text.replacen(&line, &format!("{}{step}", SIGNS[1]), 1);
        return Some(step);
    }
    let nodes = description["content"].as_array_mut()?.iter_mut();
    let items =
        nodes.filter(|node| node["type"] == "taskList").filter_map(|list| list["content"].as_array_mut());
    let item = items.flatten().find(|item| item["attrs"]["state"] == "TODO")?;
    item["attrs"]["state"] = json!("DONE");
    Some(words(item))
}

fn words(item: &Value) -> String {
    item["content"].as_array().into_iter().flatten().filter_map(|text| text["text"].as_str()).collect()
}

fn is_ticked(description: &Value, step: &str) -> bool {
    if let Value::String(text) = description {
        return text.lines().any(|line| line.trim_end() == format!("{}{step}", SIGNS[1]));
    }
    let nodes = description["content"].as_array().into_iter().flatten();
    let items = nodes.filter(|node| node["type"] == "taskList").filter_map(|list| list["content"].as_array());
    items.flatten().any(|item| item["attrs"]["state"] == "DONE" && words(item) == step)
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
    let asked: Option<u64> = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = asked.unwrap_or(311);
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
        house.judge(day, passed.as_ref(), seed).await;
    }
    for later in 1..=3 {
        house.now += SignedDuration::from_hours(2);
        let passed = house.pass().await.unwrap();
        house.judge(DAYS + later, Some(&passed), seed).await;
    }
    let last = house.pass().await.unwrap();
    let left: Vec<String> = last.plan.actions.iter().map(|action| format!("{:?}", action.reason)).collect();
    assert!(last.plan.is_empty(), "SEED={seed}: it does not come to rest: {left:?}");
    house.judge(DAYS + 4, Some(&last), seed).await;
    let tickets = house.issues().len();
    let closed = house.issues().iter().filter(|issue| is_done(issue)).count();
    println!(
        "{flavour:?}: {tickets} tickets, {closed} of them closed; {acts} acts of people; {written} writes planned; {broken} \
         runs in which something failed; {} requests",
        house.sandbox.requests().len()
    );
    println!("judged by their effects: {:?}", house.judged);
    if asked.is_some() {
        // Not every quarter has everything in it.
        return;
    }
    let is_there = |issue: &Value| issue["key"].as_str().is_some_and(|key| key.starts_with("TX-"));
    let there = house.issues().iter().filter(|issue| is_there(issue)).count();
    assert!(there > 0 && there < tickets, "SEED={seed}: {there} of {tickets} tickets in the second project");
    assert!(
        tickets >= 4 && closed >= 2 && broken >= 3 && written > 100,
        "a quarter in which little happened"
    );
    for what in [
        "mute",
        "snooze",
        "take",
        "release",
        "merge",
        "split",
        "not a group",
        "closed",
        "unasked comment",
        "priority",
        "reopen",
        "list",
        "attached list",
        "assigned by a rule",
        "assigned by a person",
        "woken",
        "worked on",
        "silent edit",
        "tick",
        "due date",
    ] {
        assert!(
            house.judged.contains_key(what),
            "SEED={seed}: `{what}` was never judged: {:?}",
            house.judged
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_on_jira_cloud_keeps_every_promise() {
    Box::pin(quarter(Flavour::Cloud)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quarter_on_data_center_keeps_every_promise() {
    Box::pin(quarter(Flavour::DataCenter)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_write_while_a_run_is_under_way_is_not_written_over() {
    for flavour in [Flavour::Cloud, Flavour::DataCenter] {
        let mut house = House::new(flavour).await;
        let plan = Disputes { clients: 2, churn: 0.2, ..Disputes::new(Kind::Conjunctive, 120, 6, 3) };
        house.write(&plan, 1);
        house.pass().await.unwrap();
        house.now += DAY;
        house.write(&plan, 2);
        let (sandbox, mut words) = (house.sandbox.clone(), BTreeMap::new());
        let mut meanwhile = |progress: Progress<'_>| {
            // After the first write of this run, people write into every ticket: above our text, and the summary.
            let Progress::Applying(1, _) = progress else { return };
            let person = sandbox.person(&User::analyst());
            for issue in sandbox.issues() {
                let id = issue["id"].as_str().unwrap().to_owned();
                let word = format!("word-{id}-of-a-person");
                let mut description = issue["fields"]["description"].clone();
                match &mut description {
                    Value::String(text) => *text = format!("{word}\n\n{text}"),
                    document => document["content"].as_array_mut().unwrap().insert(
                        0,
                        json!({ "type": "paragraph", "content": [{ "type": "text", "text": word }] }),
                    ),
                }
                let fields = json!({ "fields": { "summary": word, "description": description } });
                person.edit(&id, &fields).unwrap();
                words.insert(id, word);
            }
        };
        let passed = house.pass_with(&mut meanwhile).await.unwrap();
        let left = passed.applied.unwrap().failed;
        let is_update = |write: &Write| matches!(write, Write::Update { .. });
        let updates = passed.plan.actions.iter().filter(|action| is_update(&action.write)).count();
        assert!(updates > 2, "{flavour:?}: only {updates} updates");
        let before = usize::from(is_update(&passed.plan.actions[0].write));
        assert_eq!(
            left.len(),
            updates - before,
            "{flavour:?}: all after the first write are left for the next run"
        );
        assert!(left.iter().all(|(action, _)| is_update(&action.write)), "{flavour:?}: {left:?}");
        for when in ["in this run", "in the next one"] {
            for (id, word) in &words {
                let fields = &house.issue(id)["fields"];
                assert_eq!(fields["summary"], **word, "{flavour:?}: {when}");
                assert!(fields["description"].to_string().contains(word.as_str()), "{flavour:?}: {when}");
            }
            house.now += DAY;
            house.pass().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_on_a_ticket_that_was_closed_long_ago_is_answered() {
    for flavour in [Flavour::Cloud, Flavour::DataCenter] {
        let mut house = House::new(flavour).await;
        let plan = Disputes { clients: 1, ..Disputes::new(Kind::Conjunctive, 60, 3, 3) };
        house.write(&plan, 1);
        house.pass().await.unwrap();
        house.now += DAY;
        house.write_settled(&plan, 1);
        let passed = house.pass().await.unwrap();
        let tickets = house.issues();
        assert!(tickets.iter().all(is_done), "{flavour:?}: all is settled: {:?}", passed.plan);
        house.now += DAY * 100;
        house.pass().await.unwrap();
        let ticket = tickets[0]["id"].as_str().unwrap();
        let answers =
            |house: &House| house.issue(ticket)["comments"].to_string().matches("focusedCommentId").count();
        let before = answers(&house);
        house.sandbox.person(&User::analyst()).comment(ticket, "/disputebot status").unwrap();
        for _ in 0..2 {
            house.now += DAY;
            house.pass().await.unwrap();
            assert_eq!(answers(&house), before + 1, "{flavour:?}");
        }
        assert!(house.issues().iter().all(is_done), "{flavour:?}: it stays closed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_year_of_daily_runs_over_the_same_disputes_writes_nothing() {
    Box::pin(year(Flavour::Cloud)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_data_center_a_year_of_daily_runs_over_the_same_disputes_writes_nothing() {
    Box::pin(year(Flavour::DataCenter)).await;
}

async fn year(flavour: Flavour) {
    let mut house = House::new(flavour).await;
    let plan = Disputes { clients: 1, ..Disputes::new(Kind::Conjunctive, 24, 2, 3) };
    house.write(&plan, 1);
    let first = house.pass().await.unwrap();
    assert!(!first.plan.is_empty());
    for day in 1..=365 {
        house.now += DAY;
        let passed = house.pass().await.unwrap();
        assert!(passed.plan.is_empty(), "day {day}: {:?}", passed.plan.actions);
        if day == 1 {
            house.seen = house.sandbox.requests().len();
        }
    }
    judge_reasons(None, house.state.known(), &house.sandbox.requests_from(house.seen), "in a year");
    let writes = house.sandbox.requests_from(house.seen).into_iter().filter(|it| it.method == "PUT").count();
    assert_eq!(writes, 0, "not even the claim on the project");
}
