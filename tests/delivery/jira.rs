//! A report in Jira: written at most once, whatever breaks, and never taken for the ticket of a group.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicI64, Ordering},
};

use disputebot::{
    apply,
    deliver::{self, Delivery, Fate, InJira, Target},
    group::GroupId,
    jira::{self, Client, Credentials, Limits},
    plan::{Issue, Link, Ticket},
    report::{Links, Week},
    sandbox::{self, Due, Effect, Fault, Flavour, Index, Matches, Options, Reply, User},
    state::{Change, History, Known, State},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::{judged::Judged, quarter};

const SETTLE: SignedDuration = SignedDuration::from_secs(60);

/// A sandbox, a state, and a clock that the test sets.
struct World {
    folder: tempfile::TempDir,
    sandbox: Judged,
    now: AtomicI64,
    history: History,
    settings: deliver::Settings,
}

impl World {
    async fn with(options: Options, places: &[(Option<&str>, Target)]) -> Self {
        let sandbox = Judged(sandbox::start(options).await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let places = places
            .iter()
            .map(|(client, target)| InJira { client: client.map(str::to_owned), target: target.clone() });
        let settings = deliver::Settings {
            folder: folder.path().join("reports"),
            zone: TimeZone::UTC,
            links: Links { site: Some(sandbox.base_url()), projects: vec!["DISP".to_owned()] },
            mail: None,
            recipients: Vec::new(),
            chat: None,
            jira: places.collect(),
            settle: SETTLE,
        };
        let now = AtomicI64::new(1_795_500_000);
        let history = quarter::history(&str::to_owned);
        Self { folder, sandbox, now, history, settings }
    }

    async fn new(target: Target) -> Self {
        Self::with(Options::default(), &[(None, target)]).await
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    fn client(&self) -> Client {
        let (url, bot) = (self.sandbox.base_url().parse().unwrap(), User::bot());
        let credentials = match self.sandbox.flavour() {
            Flavour::Cloud => Credentials::Basic { user: bot.email, token: bot.token.into() },
            Flavour::DataCenter => Credentials::Bearer(bot.token.into()),
        };
        let settings = jira::Settings {
            timeout: std::time::Duration::from_millis(400),
            limits: Limits::Told,
            ..jira::Settings::new(url, credentials, "DISP")
        };
        Client::new(settings).unwrap()
    }

    /// One attempt of a process that starts anew: what it knows is what lies on disk.
    async fn send(&self, resend: bool) -> Vec<Fate> {
        let clock = || Timestamp::from_second(self.now.load(Ordering::Relaxed)).unwrap();
        let week: Week = "2026-W47".parse().unwrap();
        let mut state = State::open(&self.path()).unwrap();
        let client = self.client();
        let jira = Some((&client, &clock));
        let sent =
            deliver::send(&self.settings, &self.history, week, &mut state, jira, resend).await.unwrap();
        sent.into_iter().map(|Delivery { fate, .. }| fate).collect()
    }

    async fn one(&self) -> Fate {
        let [fate] = <[Fate; 1]>::try_from(self.send(false).await).unwrap();
        fate
    }

    fn pass(&self, time: SignedDuration) {
        self.now.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    /// Opens an issue as a person would.
    async fn open(&self) -> String {
        let analyst = User::analyst();
        let body = json!({ "fields": {
            "project": { "key": "DISP" }, "issuetype": { "name": "Task" }, "summary": "Weekly reports",
        } });
        let issue: Value = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(format!("{}/rest/api/2/issue", self.sandbox.base_url()))
            .basic_auth(self.name_of(&analyst), Some(&analyst.token))
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        issue["key"].as_str().unwrap().to_owned()
    }

    fn name_of(&self, user: &User) -> String {
        match self.sandbox.flavour() {
            Flavour::Cloud => user.email.clone(),
            Flavour::DataCenter => user.name.clone(),
        }
    }

    /// Issues, comments and pages of reports, however many there are.
    fn there(&self) -> (usize, usize, usize) {
        let (mut reports, mut comments, mut pages) = (0, 0, 0);
        for issue in self.sandbox.issues() {
            reports += usize::from(!issue["properties"]["disputebot-report"].is_null());
            comments += issue["comments"].as_array().unwrap().len();
            let files = issue["attachments"].as_array().unwrap().iter();
            pages += files.filter(|file| file["filename"].as_str().unwrap().starts_with("report-")).count();
        }
        (reports, comments, pages)
    }
}

fn each_week() -> Target {
    Target::Issue { project: "DISP".to_owned(), issue_type: "Task".to_owned() }
}

fn flavours() -> [Options; 2] {
    let data_center =
        Options { flavour: Flavour::DataCenter, context_path: "/jira".to_owned(), ..Options::default() };
    [Options::default(), data_center]
}

fn fault(suffix: &str, effect: Effect) -> Fault {
    let matches = Matches::Ending { method: "POST".to_owned(), suffix: suffix.to_owned() };
    Fault { nth: 1, matches, effect }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_an_issue_of_its_own_with_the_page_attached_in_both_products() {
    for options in flavours() {
        let world = World::with(options, &[(None, each_week())]).await;
        assert_eq!(world.one().await, Fate::Sent);
        assert_eq!(world.one().await, Fate::SentBefore);
        let issues = world.sandbox.issues();
        let [issue] = issues.as_slice() else { panic!("one issue: {issues:?}") };
        let fields = &issue["fields"];
        assert!(fields["summary"].as_str().unwrap().starts_with("Disputes in week 2026-W47: "), "{fields}");
        let labels: Vec<&str> =
            fields["labels"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(labels.contains(&"disputebot-report"), "{labels:?}");
        assert!(!labels.contains(&"disputebot"), "that is the label of tickets: {labels:?}");
        let words = fields["description"].to_string();
        for part in ["What came and what went", "Deadlines of the next two weeks", "attached page", "DISP-5"]
        {
            assert!(words.contains(part), "{part} in {words}");
        }
        assert_eq!(world.there(), (1, 0, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_a_comment_with_the_page_attached_and_a_client_has_an_issue_of_its_own() {
    for options in flavours() {
        let key = |number: u32| Target::Comment { key: format!("DISP-{number}") };
        let client = quarter::CLIENTS[1];
        let world = World::with(options, &[(None, key(1)), (Some(client), key(2))]).await;
        assert_eq!((world.open().await, world.open().await), ("DISP-1".to_owned(), "DISP-2".to_owned()));
        assert_eq!(world.send(false).await, [Fate::Sent, Fate::Sent]);
        assert_eq!(world.send(false).await, [Fate::SentBefore, Fate::SentBefore]);
        assert_eq!(world.there(), (0, 2, 2));
        let issues = world.sandbox.issues();
        let all = issues[0]["comments"].to_string();
        assert!(all.contains("Example Pharma A") && all.contains("Example Pharma B"), "{all}");
        let theirs = issues[1]["comments"].to_string();
        assert!(theirs.contains("Example Pharma B") && !theirs.contains("Example Pharma A"), "{theirs}");
    }
}

/// What becomes of a report where one write meets a fault: its fate at once, after the wait, and what is there.
async fn broken(target: Target, suffix: &str, effect: Effect) -> (Fate, Fate, (usize, usize, usize)) {
    let mut world = World::new(target.clone()).await;
    // What the report says does not matter here, and a short one is made faster.
    world.history = History::of(world.history.bounds.clone());
    if matches!(target, Target::Comment { .. }) {
        world.open().await;
    }
    world.sandbox.inject(fault(suffix, effect));
    let first = world.one().await;
    let second = world.one().await;
    world.sandbox.release_late();
    world.pass(SETTLE);
    let mut last = world.one().await;
    while last != Fate::SentBefore {
        assert_eq!(last, Fate::Sent, "{suffix}");
        last = world.one().await;
    }
    (first, second, world.there())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_between_sending_and_recording_writes_nothing_twice() {
    let comment = || Target::Comment { key: "DISP-1".to_owned() };
    let late = || Effect::Late { reply: Reply::Close, due: Due::Released };
    for (target, suffix, there) in [
        (each_week(), "/issue", (1, 0, 1)),
        (each_week(), "/attachments", (1, 0, 1)),
        (comment(), "/comment", (0, 1, 1)),
        (comment(), "/attachments", (0, 1, 1)),
    ] {
        // It arrived, though nobody said so: it is found.
        for effect in [Effect::CloseAfterCommit, Effect::HangAfterCommit] {
            let (first, second, found) = broken(target.clone(), suffix, effect.clone()).await;
            assert!(matches!(first, Fate::Unsettled(_)), "{suffix} {effect:?}: {first:?}");
            assert_eq!((second, found), (Fate::Sent, there), "{suffix} {effect:?}");
        }
        // It did not arrive, or not yet: nothing is sent again before it is certain.
        for effect in [Effect::CloseBeforeCommit, late()] {
            let (first, second, found) = broken(target.clone(), suffix, effect.clone()).await;
            assert!(matches!(first, Fate::Unsettled(_)), "{suffix} {effect:?}: {first:?}");
            assert!(matches!(second, Fate::Unsettled(_)), "{suffix} {effect:?}: {second:?}");
            assert_eq!(found, there, "{suffix} {effect:?}");
        }
        let refused = Effect::Answer { status: 400, headers: Vec::new(), body: "{}".to_owned() };
        let (first, second, found) = broken(target, suffix, refused).await;
        assert!(matches!(first, Fate::Refused(_)), "{first:?}");
        assert_eq!((second, found), (Fate::Sent, there), "a refusal is known to have done nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_create_is_found_past_a_search_that_is_behind() {
    let world =
        World::with(Options { index: Index::Frozen, ..Options::default() }, &[(None, each_week())]).await;
    world.sandbox.inject(fault("/issue", Effect::CloseAfterCommit));
    assert!(matches!(world.one().await, Fate::Unsettled(_)));
    assert_eq!(world.one().await, Fate::Sent);
    assert_eq!(world.there(), (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_lost_or_old_files_no_report_again() {
    let on_issue = Target::Comment { key: "DISP-1".to_owned() };
    // What the search has not seen yet is read past it, for each place.
    let both = [(None, each_week()), (Some("Example Pharma B"), each_week())];
    for (places, index) in [
        (&both[..1], Index::Immediate),
        (&both[..], Index::Frozen),
        (&[(None, on_issue)][..], Index::Immediate),
    ] {
        let world = World::with(Options { index, ..Options::default() }, places).await;
        world.open().await;
        drop(State::open(&world.path()).unwrap());
        let old = world.folder.path().join("old");
        copy(&world.path(), &old);
        let sent = vec![Fate::Sent; places.len()];
        assert_eq!(world.send(false).await, sent);
        let there = world.there();
        for lost in [false, true] {
            fs::remove_dir_all(world.path()).unwrap();
            if !lost {
                copy(&old, &world.path());
            }
            assert_eq!(world.send(false).await, sent, "what is there is found: {places:?}");
            assert_eq!(world.there(), there, "{places:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_no_ticket_to_a_sweep_or_to_a_reading_of_the_whole_project() {
    let world = World::new(each_week()).await;
    assert_eq!(world.one().await, Fate::Sent);
    let before = world.sandbox.issues();
    let clock = || Timestamp::from_second(world.now.load(Ordering::Relaxed)).unwrap();
    let policy = apply::Policy {
        settle: SignedDuration::ZERO,
        hold_after: SETTLE,
        lease: false,
        takeover_after: None,
        take_over: false,
        same_project: false,
        left_projects: std::collections::BTreeSet::new(),
        instance: "one".to_owned(),
        host: "here".to_owned(),
        at_once: 1,
    };
    let mut state = State::open(&world.path()).unwrap();
    for doubt in [None, Some("a copy was restored".to_owned())] {
        let doubt = doubt.map(|reason| disputebot::state::Doubt { reason, read: None });
        state.record(clock(), &[Change::Doubt { doubt }]).unwrap();
        let found = apply::recover(&world.client(), &mut state, &clock, &policy, true).await.unwrap();
        assert_eq!(found, apply::Recovered::default());
    }
    let Known { groups, tickets, strays, doubt, .. } = state.known();
    assert!(groups.is_empty() && tickets.is_empty() && strays.is_empty() && doubt.is_none());
    assert_eq!(world.sandbox.issues(), before, "nothing was written to it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ticket_of_a_group_gets_no_report() {
    let world = World::new(Target::Comment { key: "DISP-1".to_owned() }).await;
    world.open().await;
    let id = world.sandbox.issues()[0]["id"].as_str().unwrap().to_owned();
    let link = Link::Bound { issue: Issue { id, key: "DISP-1".to_owned() } };
    let mut state = State::open(&world.path()).unwrap();
    let ticket = Ticket { link, ..Ticket::none(GroupId::from_bits(7)) };
    state.record(Timestamp::now(), &[Change::Ticket(ticket)]).unwrap();
    drop(state);
    let Fate::Refused(why) = world.one().await else { panic!("it is refused") };
    assert!(why.contains("`DISP-1` is the ticket of group 00000000"), "{why}");
    assert_eq!(world.there(), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_attachments_are_taken_the_words_go_alone() {
    let world = World::new(each_week()).await;
    world.sandbox.set_attachment_limit(None);
    assert_eq!(world.one().await, Fate::Sent);
    assert_eq!(world.one().await, Fate::SentBefore);
    assert_eq!(world.there(), (1, 0, 0));
    let words = world.sandbox.issues()[0]["fields"]["description"].to_string();
    assert!(!words.contains("attached") && words.contains("folder of reports"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_too_long_for_jira_is_shortened_by_sections() {
    let options = Options { text_limit: 6_000, ..Options::default() };
    let world = World::with(options, &[(None, each_week())]).await;
    let mut fates = Vec::new();
    for _ in 0..6 {
        fates.push(world.one().await);
    }
    assert!(matches!(fates[0], Fate::Refused(_)), "the limit is learned from a refusal: {fates:?}");
    assert_eq!(fates.last(), Some(&Fate::SentBefore), "{fates:?}");
    let words = world.sandbox.issues()[0]["fields"]["description"].to_string();
    assert!(words.contains("Further sections would not fit here"), "{words}");
}
