//! Webhooks make disputebot look sooner, and nothing else: whatever is lost, doubled, late, out of order or forged,
//! the tickets end as they would have without.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/contract.rs"]
mod contract;
#[path = "common/judged.rs"]
mod judged;

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use disputebot::{
    apply::Clock,
    config::{Layers, Needs, Place, Settings},
    daemon::{Looks, Wishes},
    dispute::Tables,
    generate::{self, Plan, Record, World as Kind},
    jira::{self, Client, Credentials, webhook::BODY_LIMIT},
    plan::Moment,
    run,
    sandbox::{self, Flavour, Options, Sandbox, User},
    state::State,
    ticket::Templates,
    web::{Heard, PATH, Webhooks},
};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use judged::Judged;
use regex::Regex;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "a secret that only tests know";

fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// The receiver, and who hears of its wishes.
struct Door {
    address: SocketAddr,
    wishes: Wishes,
    heard: Heard,
    http: reqwest::Client,
    stop: CancellationToken,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Door {
    async fn open(client: &Client) -> Self {
        let (wishes, stop) = (Wishes::default(), CancellationToken::new());
        let any = "127.0.0.1:0".parse().unwrap();
        let heard = Heard::since(Timestamp::UNIX_EPOCH);
        let webhooks =
            Webhooks::bind(any, SECRET.into(), client.clone(), wishes.clone(), heard.clone()).await.unwrap();
        let address = webhooks.address();
        tokio::spawn(webhooks.serve(stop.clone()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, wishes, heard, http, stop }
    }

    /// Whether Jira was heard within the last hour.
    fn has_heard(&self) -> bool {
        self.heard.gap(Timestamp::now()) < 3_600
    }

    async fn deliver(&self, delivery: &Delivery) -> StatusCode {
        let mut request =
            self.http.post(format!("http://{}{PATH}", self.address)).body(delivery.body.clone());
        if let Some(signature) = &delivery.signature {
            request = request.header("X-Hub-Signature", signature);
        }
        if let Some(id) = &delivery.id {
            request = request.header("X-Atlassian-Webhook-Identifier", id);
        }
        request.send().await.unwrap().status()
    }

    /// Whether somebody wished since the last look.
    async fn was_wished(&self) -> bool {
        tokio::time::timeout(Duration::ZERO, self.wishes.wished()).await.is_ok()
    }
}

#[derive(Debug, Clone)]
struct Delivery {
    id: Option<String>,
    signature: Option<String>,
    body: Vec<u8>,
}

impl Delivery {
    fn signed(id: &str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { id: Some(id.to_owned()), signature: Some(signature(SECRET, &body)), body }
    }
}

async fn signed_in() -> (Judged, Client) {
    let sandbox = Judged(sandbox::start(Options::default()).await.unwrap());
    let client = Client::new(jira_of(&sandbox)).unwrap();
    client.sign_in().await.unwrap();
    (sandbox, client)
}

fn jira_of(sandbox: &Sandbox) -> jira::Settings {
    let bot = User::bot();
    let credentials = match sandbox.flavour() {
        Flavour::Cloud => Credentials::Basic { user: bot.email, token: bot.token.into() },
        Flavour::DataCenter => Credentials::Bearer(bot.token.into()),
    };
    jira::Settings::new(sandbox.base_url().parse().unwrap(), credentials, "DISP")
}

/// What Jira tells of what somebody did; Data Center knows people by name and key.
fn by(user: &User) -> Value {
    json!({ "webhookEvent": "jira:issue_updated", "user": { "accountId": user.account_id } })
}

fn told_by(flavour: Flavour, user: &User) -> Value {
    match flavour {
        Flavour::Cloud => by(user),
        Flavour::DataCenter => {
            json!({ "webhookEvent": "jira:issue_updated", "user": { "name": user.name, "key": user.key } })
        }
    }
}

#[tokio::test]
async fn only_what_is_signed_new_and_not_our_own_wishes_for_a_look() {
    let (sandbox, client) = signed_in().await;
    let asked = sandbox.requests().len();
    let door = Door::open(&client).await;
    let good = Delivery::signed("1", &by(&User::analyst()));
    let mut others = vec![
        ("unsigned", Delivery { signature: None, ..good.clone() }, StatusCode::UNAUTHORIZED),
        (
            "by another secret",
            Delivery { signature: Some(signature("some other secret", &good.body)), ..good.clone() },
            StatusCode::UNAUTHORIZED,
        ),
        ("changed", Delivery { body: b"{}".to_vec(), ..good.clone() }, StatusCode::UNAUTHORIZED),
        ("our own", Delivery::signed("2", &by(&User::bot())), StatusCode::NO_CONTENT),
        (
            "too large",
            Delivery { body: vec![b' '; BODY_LIMIT + 1], ..good.clone() },
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ];
    for (what, delivery, status) in others.drain(..) {
        let was_heard = door.has_heard();
        assert_eq!(door.deliver(&delivery).await, status, "{what}");
        assert!(!door.was_wished().await, "{what}");
        assert_eq!(door.has_heard(), was_heard || status.is_success(), "{what}: what is forged is not Jira");
    }
    assert_eq!(
        door.deliver(&good).await,
        StatusCode::NO_CONTENT,
        "what was forged did not use up its identifier"
    );
    assert!(door.was_wished().await);
    assert_eq!(door.deliver(&good).await, StatusCode::NO_CONTENT, "Jira is told that it arrived");
    assert!(!door.was_wished().await, "the same once more");
    // The bytes are signed, not what they mean: order of members, blanks and escapes are Jira's own.
    let analyst = User::analyst().account_id;
    let odd = format!(
        "{{ \"webhookEvent\" : \"jira:issue_updated\",\n\t\"b\":\"\\u00e9\", \"user\":{{\"accountId\":\"{analyst}\"}}, \"a\":1.0 }}\n"
    );
    let signature = Some(signature(SECRET, odd.as_bytes()));
    let odd = Delivery { id: Some("odd".to_owned()), signature, body: odd.into_bytes() };
    assert_eq!(door.deliver(&odd).await, StatusCode::NO_CONTENT);
    assert!(door.was_wished().await);
    for number in 3..9 {
        door.deliver(&Delivery::signed(&number.to_string(), &by(&User::analyst()))).await;
    }
    assert!(door.was_wished().await && !door.was_wished().await, "many wishes are one");
    let url = |path: &str| format!("http://{}{path}", door.address);
    assert_eq!(door.http.get(url(PATH)).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(door.http.post(url("/")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert!(!door.was_wished().await);
    assert_eq!(sandbox.requests().len(), asked, "no delivery makes a call to Jira; the next pass looks");
}

#[tokio::test(start_paused = true)]
async fn clients_that_are_slow_or_silent_keep_no_place_for_long() {
    let client = Client::new(jira::Settings::new(
        "http://127.0.0.1:1".parse().unwrap(),
        Credentials::Bearer("token".into()),
        "DISP",
    ))
    .unwrap();
    let door = Door::open(&client).await;
    // A body that never comes.
    let mut slow = TcpStream::connect(door.address).await.unwrap();
    let head =
        format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nX-Hub-Signature: sha256=00\r\nContent-Length: 9\r\n\r\n");
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // More than there are places for, none of which says a word.
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(door.address).await.unwrap());
    }
    let delivery = Delivery::signed("1", &by(&User::analyst()));
    assert_eq!(door.deliver(&delivery).await, StatusCode::NO_CONTENT);
    assert!(door.was_wished().await);
    drop(silent);
}

/// A clock that is set by hand.
#[derive(Clone)]
struct Hand(Arc<watch::Sender<Timestamp>>);

impl Hand {
    fn set(&self, minute: i64) {
        let at = Timestamp::from_second(1_795_600_000 + minute * 60).unwrap();
        self.0.send_replace(at);
    }
}

impl Clock for Hand {
    fn moment(&self) -> Moment {
        let at = *self.0.borrow();
        Moment { at, boot: "one".to_owned(), up_ms: at.as_millisecond().unsigned_abs(), there: None }
    }
}

/// Everything that a pass needs, and a Jira.
struct House {
    folder: tempfile::TempDir,
    sandbox: Judged,
    settings: Settings,
    client: Client,
    state: State,
    clock: Hand,
    passes: usize,
}

impl House {
    async fn new(flavour: Flavour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { flavour, ..Options::default() };
        let sandbox = Judged(sandbox::start(options).await.unwrap());
        let config = "[source]\npaths = [\"disputes.csv\"]\n[jira]\ncreate_settle = \"0s\"\n";
        fs::write(folder.path().join("disputebot.toml"), config).unwrap();
        let place = Place { folder: folder.path().to_owned(), ..Place::default() };
        let layers = Layers::load(&place, std::iter::empty::<(String, String)>(), &[]).unwrap();
        let (settings, _) = Settings::read(&layers, Needs::default()).unwrap();
        let client = Client::new(jira_of(&sandbox)).unwrap();
        let state = State::open(&folder.path().join("state")).unwrap();
        let clock = Hand(Arc::new(watch::Sender::new(Timestamp::UNIX_EPOCH)));
        Self { folder, sandbox, settings, client, state, clock, passes: 0 }
    }

    fn write(&self, rows: &[Record]) {
        let mut writer = csv::Writer::from_path(self.folder.path().join("disputes.csv")).unwrap();
        writer.write_record(generate::HEADER).unwrap();
        for row in rows {
            writer.write_record(row.fields()).unwrap();
        }
        writer.flush().unwrap();
    }

    fn set(&self, minute: i64) {
        self.clock.set(minute);
        self.sandbox.set_clock(self.clock.moment().at);
    }

    async fn pass(&mut self) {
        let stop = CancellationToken::new();
        let passed = run::pass(
            &self.settings.run,
            &Tables::embedded(),
            &Templates::new(&[]).unwrap(),
            &mut self.state,
            &self.client,
            &self.clock,
            &stop,
            &mut |_| {},
        )
        .await
        .unwrap();
        assert!(passed.applied.unwrap().failed.is_empty());
        self.passes += 1;
    }

    /// Ids of the tickets in the order of what they are about.
    fn tickets(&self) -> Vec<String> {
        let mut issues = self.sandbox.issues();
        issues.sort_by_key(|issue| issue["fields"]["summary"].to_string());
        issues.iter().map(|issue| issue["id"].as_str().unwrap().to_owned()).collect()
    }

    /// What a person does to a ticket.
    fn act(&self, id: &str, number: usize, act: usize) {
        let person = self.sandbox.person(&User::analyst());
        let done = match act {
            0 => {
                person.edit(id, &json!({ "fields": { "summary": format!("{number}: looked into by hand") } }))
            }
            1 => person.edit(id, &json!({ "fields": { "priority": { "name": "Low" } } })),
            2 => person.remove_label(id, "disputebot"),
            3 => person.comment(id, "somebody looks into it"),
            4 => person.edit(id, &json!({ "update": { "labels": [{ "add": "disputebot-ignore" }] } })),
            _ => {
                let close =
                    json!({ "transition": { "id": "51" }, "fields": { "resolution": { "name": "Done" } } });
                person.transition(id, &close)
            }
        };
        done.unwrap();
    }

    /// All tickets, without what chance gave them: ids of groups, and the order in which keys were given out.
    fn end_state(&self) -> Vec<String> {
        let chance = Regex::new(
            r"dispute-group-[0-9a-f]+|DISP-\d+|\b[0-9a-f]{32}\b|\b[0-9a-f]{8}(-0000-4000-8000-[0-9a-f]{12})?\b",
        )
        .unwrap();
        let figures = Regex::new(r"[0-9][0-9,.]*").unwrap();
        let wanted = Regex::new("“[^”]*”").unwrap();
        // Each house is at another address.
        let text = |value: &Value| value.to_string().replace(&self.sandbox.base_url(), "");
        let mut tickets: Vec<String> = self
            .sandbox
            .issues()
            .iter()
            .map(|issue| {
                let fields = &issue["fields"];
                let labels: Vec<&Value> = fields["labels"].as_array().unwrap().iter().collect();
                let mut labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
                labels.sort();
                let comments: Vec<String> = issue["comments"]
                    .as_array()
                    .unwrap()
                    .iter()
                    // What came after a ticket was closed depends on what it told of then, and so on when it was read.
                    .filter(|comment| !text(&comment["body"]).contains("came since this ticket was closed"))
                    // A comment says how much it was, and what disputebot would have written, when it was written.
                    .map(|comment| figures.replace_all(&text(&comment["body"]), "#").into_owned())
                    .map(|comment| wanted.replace_all(&comment, "“…”").into_owned())
                    .collect();
                let whole = json!([
                    fields["summary"],
                    fields["status"]["name"],
                    fields["resolution"]["name"],
                    fields["priority"]["name"],
                    labels,
                    fields["description"],
                    comments,
                    issue["links"].as_array().map(Vec::len),
                ]);
                chance.replace_all(&text(&whole), "…").into_owned()
            })
            .collect();
        tickets.sort();
        tickets
    }
}

/// Numbers from a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % end as u64) as usize
    }
}

/// An afternoon of a house: extracts each hour, people in between. With a door, Jira tells of what happens, badly.
async fn live(seed: u64, rows: &[Record], house: &mut House, door: Option<&Door>) {
    let mut people = Chance(seed);
    let mut post = Chance(seed ^ 0x5eed);
    let mut on_the_way: Vec<(i64, Delivery)> = Vec::new();
    let (mut looks, mut told) = (Looks::default(), 0);
    let mut untouched: Vec<(usize, String)> = Vec::new();
    let flavour = house.sandbox.flavour();
    for minute in 0..=240 {
        house.set(minute);
        if minute % 60 == 0 {
            // Each hour some disputes are settled.
            house.write(&rows[..rows.len() - minute as usize / 6]);
            let began = house.clock.moment();
            house.pass().await;
            looks.looked(&began, house.clock.moment());
            if minute == 0 {
                untouched = house.tickets().into_iter().enumerate().collect();
            }
        } else if minute % 20 == 7 && !untouched.is_empty() {
            // Each ticket once: what a person did and undid between two looks, one of the houses could not know.
            let (number, id) = untouched.remove(people.below(untouched.len()));
            house.act(&id, number, people.below(6));
            if door.is_some() && post.below(10) >= 3 {
                let delivery =
                    Delivery::signed(&format!("{seed}-{minute}"), &told_by(flavour, &User::analyst()));
                let copies = if post.below(10) < 3 { 2 } else { 1 };
                for _ in 0..copies {
                    // Up to half an hour late, and so in any order.
                    on_the_way.push((minute + i64::try_from(post.below(30)).unwrap(), delivery.clone()));
                }
            }
        }
        let Some(door) = door else { continue };
        // Jira tells of our own writes, too.
        if std::mem::replace(&mut told, house.passes) != house.passes {
            for number in 0..10 {
                let id = format!("own-{}-{number}", house.passes);
                on_the_way.push((minute, Delivery::signed(&id, &told_by(flavour, &User::bot()))));
            }
        }
        if post.below(10) == 0 {
            let mut forged = Delivery::signed(&format!("forged-{minute}"), &by(&User::analyst()));
            forged.signature = Some(signature("a guess at the secret", &forged.body));
            on_the_way.push((minute, forged));
        }
        let (due, later) = on_the_way.into_iter().partition(|(at, _)| *at <= minute);
        on_the_way = later;
        let due: Vec<(i64, Delivery)> = due;
        for (_, delivery) in due.iter().rev() {
            door.deliver(delivery).await;
        }
        let moment = house.clock.moment();
        if door.was_wished().await {
            looks.wish(moment.clone());
        }
        if looks.due_in(&moment, SignedDuration::from_mins(1)).is_some_and(|wait| wait.is_zero()) {
            house.pass().await;
            looks.looked(&moment, house.clock.moment());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_deliveries_lost_doubled_late_reordered_and_forged_the_tickets_end_as_by_polling_alone() {
    let rows = generate::generate(&Plan { clients: 2, ..Plan::new(Kind::Conjunctive, 300, 8, 5) }).rows;
    for (seed, flavour) in [(1, Flavour::Cloud), (2, Flavour::Cloud), (3, Flavour::DataCenter)] {
        let mut polling = House::new(flavour).await;
        live(seed, &rows, &mut polling, None).await;
        let mut told = House::new(flavour).await;
        let door = Door::open(&told.client).await;
        live(seed, &rows, &mut told, Some(&door)).await;
        assert_eq!(polling.passes, 5);
        assert!((6..=16).contains(&told.passes), "seed {seed}: {} passes", told.passes);
        let (by_polling, by_both) = (polling.end_state(), told.end_state());
        assert!(by_polling.len() >= 6, "{by_polling:#?}");
        for (one, other) in by_polling.iter().zip(&by_both) {
            let differs = one.chars().zip(other.chars()).position(|(a, b)| a != b).unwrap_or_default();
            let part =
                |text: &str| text.chars().skip(differs.saturating_sub(80)).take(200).collect::<String>();
            assert_eq!(part(one), part(other), "seed {seed}");
        }
        assert_eq!(by_polling, by_both, "seed {seed}");
    }
}
