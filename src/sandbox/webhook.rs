//! Webhooks: what is told, to whom, and what goes wrong on the way.
//!
//! Each event becomes one delivery for each webhook that wants it, written at that moment. Deliveries wait until a
//! test lets them go ([`Sandbox::deliver_webhooks`]) or go by themselves ([`Sandbox::set_webhooks_flow`]). Mischief is
//! scripted or drawn from a seed. Only this machine is ever called.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::{Host, Url};

use super::Sandbox;
use super::chance::Chance;
use super::courier;
use super::dialect::Flavour;
use super::people::Refusal;
use super::view::{self, Extras, Selection};
use super::world::World;

/// Something that goes wrong with one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mischief {
    /// Nothing.
    None,
    /// It comes after all others, marked as secondary.
    Late,
    /// It comes twice, with one identifier.
    Doubled,
    /// It comes after the one that follows it.
    Reordered,
    /// It never comes.
    Dropped,
    /// Before it comes one that somebody else made up: of the same form, with a signature that is wrong.
    Forged,
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The same for each attempt and each copy.
    pub identifier: String,
    /// Such as `jira:issue_updated`.
    pub event: String,
    /// Counted from 1.
    pub attempt: u32,
    /// Whether it was made up.
    pub is_forged: bool,
    /// What the receiver answered; `None` if nothing came.
    pub status: Option<u16>,
}

/// A registered webhook.
pub(crate) struct Hook {
    pub(crate) url: Url,
    pub(crate) secret: Option<String>,
    /// Names of events; all if there is none.
    events: Vec<String>,
}

/// One thing to deliver.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) hook: usize,
    pub(crate) identifier: String,
    pub(crate) event: String,
    pub(crate) body: String,
    pub(crate) attempt: u32,
    pub(crate) is_forged: bool,
    pub(crate) is_late: bool,
    /// Lower ones go first.
    place: u64,
    /// Before this moment it does not go by itself.
    not_before: Option<Instant>,
}

/// All webhooks of a site and what waits for them.
#[derive(Default)]
pub(crate) struct Hooks {
    list: Vec<Hook>,
    outbox: Vec<Delivery>,
    script: VecDeque<Mischief>,
    chance: Option<(Chance, u8)>,
    flows: bool,
    made: u64,
}

/// Attempts after the first, of Cloud; Data Center makes none.
const RETRIES: u32 = 5;
/// Deliveries that wait at most; the oldest give way.
const WAITING: usize = 10_000;
/// How long a late and a reordered delivery and the first retry wait if they go by themselves.
const LATE: Duration = Duration::from_secs(2);
const AFTER_THE_NEXT: Duration = Duration::from_millis(300);
const FIRST_RETRY: Duration = Duration::from_secs(1);

impl Sandbox {
    /// Registers a webhook, as an administrator does: an address of this machine, a secret that signs, and the names
    /// of events (`jira:issue_created`, `jira:issue_updated`, `jira:issue_deleted`, `comment_created`,
    /// `comment_updated`, `comment_deleted`, `issue_property_set`, `issue_property_deleted`; all if none is named).
    pub fn add_webhook(&self, url: &str, secret: Option<&str>, events: &[&str]) -> Result<(), Refusal> {
        let refused = || Refusal::WebhookUrl { found: url.to_owned() };
        let parsed = Url::parse(url).map_err(|_| refused())?;
        if parsed.scheme() != "http" || !is_loopback(&parsed) {
            return Err(refused());
        }
        let hook = Hook {
            url: parsed,
            secret: secret.map(str::to_owned),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
        };
        self.shared.step(|world| world.hooks.list.push(hook));
        Ok(())
    }

    /// Says what happens to the next deliveries, one after another; what comes later goes well.
    pub fn script_webhooks(&self, mischief: &[Mischief]) {
        self.shared.step(|world| world.hooks.script.extend(mischief));
    }

    /// From now on a delivery may meet any mischief, with this chance in a hundred, drawn from the seed; 0 ends it.
    pub fn set_webhook_chaos(&self, seed: u64, percent: u8) {
        self.shared.step(|world| {
            world.hooks.chance = (percent > 0).then(|| (Chance::new(seed), percent));
        });
    }

    /// Lets deliveries go by themselves, or keeps them until they are let go.
    pub fn set_webhooks_flow(&self, flows: bool) {
        self.shared.step(|world| world.hooks.flows = flows);
    }

    /// How many deliveries wait.
    pub fn waiting_webhooks(&self) -> usize {
        self.shared.step(|world| world.hooks.outbox.len())
    }

    /// Delivers everything that waits, late ones and retries too, without waiting between them, and tells each
    /// attempt.
    ///
    /// # Cancel safety
    /// A dropped call may have delivered some; the one under way is lost.
    pub async fn deliver_webhooks(&self) -> Vec<Delivered> {
        let mut delivered = Vec::new();
        while let Some(delivery) = self.shared.step(|world| world.hooks.take(None)) {
            delivered.push(courier::deliver(&self.shared, delivery).await);
        }
        delivered
    }
}

impl Hooks {
    pub(crate) fn hook(&self, position: usize) -> Option<&Hook> {
        self.list.get(position)
    }

    pub(crate) fn flows(&self) -> bool {
        self.flows
    }

    /// Differs once there is something new for whoever delivers by itself.
    pub(crate) fn mark(&self) -> (bool, u64) {
        (self.flows, self.made)
    }

    /// Mischief that was planned and met nothing.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Mischief> {
        self.script.iter().filter(|mischief| **mischief != Mischief::None)
    }

    /// The next delivery; with a time, only one that may go by itself by then.
    pub(crate) fn take(&mut self, by: Option<Instant>) -> Option<Delivery> {
        let next = self
            .outbox
            .iter()
            .enumerate()
            .filter(|(_, delivery)| by.is_none_or(|by| delivery.not_before.is_none_or(|moment| moment <= by)))
            .min_by_key(|(_, delivery)| (delivery.is_late, delivery.attempt, delivery.place))?;
        let position = next.0;
        Some(self.outbox.remove(position))
    }

    /// When the next one may go by itself; `None` if none waits.
    pub(crate) fn next_moment(&self) -> Option<Instant> {
        self.outbox.iter().map(|delivery| delivery.not_before.unwrap_or_else(Instant::now)).min()
    }

    /// Puts a delivery back whose attempt failed in a way that Jira tries again.
    pub(crate) fn retry(&mut self, delivery: Delivery, flavour: Flavour) {
        if flavour == Flavour::Cloud && delivery.attempt <= RETRIES && !delivery.is_forged {
            let wait = FIRST_RETRY * 2_u32.pow(delivery.attempt - 1);
            let not_before = Some(Instant::now() + wait);
            self.outbox.push(Delivery { attempt: delivery.attempt + 1, not_before, ..delivery });
        }
    }

    fn mischief(&mut self) -> Mischief {
        if let Some(mischief) = self.script.pop_front() {
            return mischief;
        }
        let Some((chance, percent)) = &mut self.chance else { return Mischief::None };
        if !chance.percent(*percent) {
            return Mischief::None;
        }
        [Mischief::Late, Mischief::Doubled, Mischief::Reordered, Mischief::Dropped, Mischief::Forged]
            [usize::try_from(chance.below(5)).unwrap_or_default()]
    }

    /// Puts one event into the outbox, for each webhook that wants it.
    fn post(&mut self, event: &str, payload: &Value) {
        for hook in 0..self.list.len() {
            let wanted = &self.list[hook].events;
            if !wanted.is_empty() && wanted.iter().all(|name| name != event) {
                continue;
            }
            let mischief = self.mischief();
            let delivery = self.delivery(hook, event, payload.to_string());
            match mischief {
                Mischief::None => self.outbox.push(delivery),
                Mischief::Late => {
                    let not_before = Some(Instant::now() + LATE);
                    self.outbox.push(Delivery { is_late: true, not_before, ..delivery });
                }
                Mischief::Doubled => self.outbox.extend([delivery.clone(), delivery]),
                // Places rise by ten: this one comes right after the next.
                Mischief::Reordered => {
                    let (place, not_before) = (delivery.place + 15, Some(Instant::now() + AFTER_THE_NEXT));
                    self.outbox.push(Delivery { place, not_before, ..delivery });
                }
                Mischief::Dropped => {}
                Mischief::Forged => {
                    let mut forged = payload.clone();
                    forged["user"]["displayName"] = json!("Somebody else");
                    let forged = self.delivery(hook, event, forged.to_string());
                    let place = delivery.place - 5;
                    self.outbox.push(Delivery { is_forged: true, place, ..forged });
                    self.outbox.push(delivery);
                }
            }
        }
        let too_many = self.outbox.len().saturating_sub(WAITING);
        self.outbox.drain(..too_many);
    }

    fn delivery(&mut self, hook: usize, event: &str, body: String) -> Delivery {
        self.made += 1;
        Delivery {
            hook,
            identifier: format!("00000000-0000-4000-8000-{:012x}", self.made),
            event: event.to_owned(),
            body,
            attempt: 1,
            is_forged: false,
            is_late: false,
            place: self.made * 10,
            not_before: None,
        }
    }
}

impl World {
    /// Tells the webhooks of something that happened to an issue; `more` goes beside what every payload has.
    pub(crate) fn emit(
        &mut self,
        event: &str,
        kind: &str,
        author: &str,
        issue: u64,
        more: Map<String, Value>,
    ) {
        if self.hooks.list.is_empty() {
            return;
        }
        let kept = std::mem::replace(&mut self.speech, self.site.payload_speech());
        let payload = self.payload(event, kind, author, issue, more);
        self.speech = kept;
        self.hooks.post(event, &payload);
    }

    /// The form is that of version 2: rich text is a string, and users have no email on Cloud.
    fn payload(&self, event: &str, kind: &str, author: &str, issue: u64, more: Map<String, Value>) -> Value {
        let mut payload = json!({ "timestamp": self.now().as_millisecond(), "webhookEvent": event });
        let is_comment = event.starts_with("comment_");
        let author = self.user(author).map_or(Value::Null, |user| view::user(self, user));
        let Some(issue) = self.issues.get(issue) else { return payload };
        if event.starts_with("jira:") {
            payload["issue_event_type_name"] = json!(kind);
            payload["user"] = author;
            let selection = Selection::all(self.site.flavour);
            payload["issue"] = view::issue(self, issue, &selection, &Extras::default());
        } else if !is_comment || self.site.flavour == Flavour::Cloud {
            // Data Center names no issue with a comment, and Cloud shows no more of it than this.
            let words = ["summary", "issuetype", "project", "status", "priority"].map(str::to_owned);
            let selection = Selection::parse(self.site.flavour, Some(&words), "");
            payload["issue"] = view::issue(self, issue, &selection, &Extras::default());
        }
        for (name, value) in more {
            payload[name] = value;
        }
        payload
    }

    /// Tells of a comment as it is now.
    pub(crate) fn emit_comment(&mut self, event: &str, author: &str, issue: u64, comment: u64) {
        let kept = std::mem::replace(&mut self.speech, self.site.payload_speech());
        let found =
            self.issues.get(issue).and_then(|issue| issue.comments.iter().find(|own| own.id == comment));
        let shown = found.map(|found| view::comment(self, found, false));
        self.speech = kept;
        let more = shown.map(|shown| ("comment".to_owned(), shown)).into_iter().collect();
        self.emit(event, "", author, issue, more);
    }
}

/// Whether an address is one of this machine, whatever the names of this machine say.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
