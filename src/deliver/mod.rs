//! Where reports go: a folder, mail, a chat, Jira.
//!
//! # Guarantees
//!
//! * The report of a week goes to a recipient once. That it is about to be sent is recorded before it is sent, and
//!   what became of it after that. Where a crash or a silent server leaves it open, it is not sent again by itself:
//!   it is told, and a person says so (`disputebot report --send --resend`).
//! * In Jira nobody has to say so: an issue and a comment can be looked for, and each is written at most once.
//! * A mail has a message id made of the week and the recipient, so that one sent again is known as the same.
//! * Mail goes over TLS, except to this very machine. Nothing leaves that the privacy gate has not let pass.
//! * A client's recipients get that client's report only.

mod chat;
mod jira;
mod mail;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sha2::{Digest as _, Sha256};

pub use chat::Chat;
pub use jira::Target;
pub use mail::{Mailer, Tls, address};

use crate::{
    apply::{Both, Clock},
    jira::Client,
    report::{self, Links, Mail, MailError, Private, WEEKS, Week},
    state::{Change, History, Known, Ran, State, StateError},
};

/// Where reports go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the pages.
    pub folder: PathBuf,
    /// Zone in which a week begins.
    pub zone: TimeZone,
    /// Where a reader can follow a number into Jira.
    pub links: Links,
    /// Mail; none where no server is set.
    pub mail: Option<Mailer>,
    /// Who gets what by mail.
    pub recipients: Vec<Recipient>,
    /// Chat; none where none is set.
    pub chat: Option<Chat>,
    /// Places in Jira.
    pub jira: Vec<InJira>,
    /// Longest time that Jira may still take for a write whose answer was lost.
    pub settle: SignedDuration,
}

/// A place in Jira that gets a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InJira {
    /// The client whose report it is; none for that of all clients.
    pub client: Option<String>,
    /// The place.
    pub target: Target,
}

impl Settings {
    /// Clients of whom somebody gets a report of their own.
    pub fn clients(&self) -> BTreeSet<&str> {
        let mailed = self.recipients.iter().filter_map(|recipient| recipient.client.as_deref());
        mailed.chain(self.jira.iter().filter_map(|place| place.client.as_deref())).collect()
    }
}

/// Who gets a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// The client whose report it is; none for that of all clients.
    pub client: Option<String>,
    /// The address.
    pub address: String,
}

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// To whom, in words.
    pub to: String,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was sent now.
    Sent,
    /// It was sent before.
    SentBefore,
    /// It provably did not arrive, and is tried again.
    Refused(String),
    /// Whether it arrived is not known; it is not sent again by itself.
    InDoubt,
    /// Whether it arrived is not known yet, for this reason; the next attempt looks.
    Unsettled(String),
}

/// Why a report was not made, kept or sent.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The history cannot be read, or the delivery not recorded.
    #[error(transparent)]
    State(#[from] StateError),
    /// The page cannot be made.
    #[error("the page could not be made")]
    Page(#[from] minijinja::Error),
    /// The mail cannot be made.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The text looks private.
    #[error(transparent)]
    Private(#[from] Private),
    /// The file cannot be written.
    #[error("`{}` could not be written", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// The history that a report of a week is made of. Blocking.
pub fn history(state: &Path, week: Week, zone: &TimeZone) -> Result<History, StateError> {
    History::read_weeks(state, week.bounds_of(WEEKS, zone))
}

/// Clients that the history knows.
pub fn clients(history: &History) -> BTreeSet<String> {
    let groups = history.known.groups.values().map(|record| record.group.client.to_string());
    groups.chain(history.known.runs.values().flat_map(|run| run.clients.keys().cloned())).collect()
}

/// Writes the page of a week into the folder, replacing an earlier one in one step.
pub fn save(
    settings: &Settings,
    history: &History,
    week: Week,
    client: Option<&str>,
) -> Result<PathBuf, DeliverError> {
    let weekly = report::weekly(history, week, &settings.zone, client, Timestamp::now());
    let page = report::screened("page", report::html(&weekly, &history.head, &settings.links)?)?;
    let name = file_name(week, client);
    let (path, unfinished) = (settings.folder.join(&name), settings.folder.join(format!(".{name}.part")));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| DeliverError::Unwritten { path, source }
    };
    fs::create_dir_all(&settings.folder).map_err(failed(&settings.folder))?;
    fs::write(&unfinished, page.as_str()).map_err(failed(&unfinished))?;
    fs::rename(&unfinished, &path).map_err(failed(&path))?;
    Ok(path)
}

/// Name of a page in the folder.
fn file_name(week: Week, client: Option<&str>) -> String {
    let Some(client) = client else { return format!("disputes-{week}.html") };
    let plain: String = client
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    // Two names may look alike without their marks.
    format!("disputes-{week}-{plain}-{}.html", &digits(client)[..6])
}

/// Sends the report of a week to all who did not get it yet. `jira` is who brings it there, where a place is set;
/// `resend` sends again what is in doubt.
pub async fn send(
    settings: &Settings,
    history: &History,
    week: Week,
    state: &mut State,
    jira: Option<(&Client, &impl Clock)>,
    resend: bool,
) -> Result<Vec<Delivery>, DeliverError> {
    // One for all places: around midnight they must not differ.
    let now = Timestamp::now();
    let mut deliveries = Vec::new();
    if let Some(mailer) = &settings.mail {
        let mut made: Option<(&Option<String>, Mail)> = None;
        for Recipient { client, address } in recipients(settings) {
            let id = report::message_id(week, client.as_deref(), address);
            let place = format!("mail {id}");
            let fate = if let Some(fate) = before(state, &place, address, resend)? {
                fate
            } else {
                let mail = if let Some((_, mail)) = made.take().filter(|(of, _)| *of == client) {
                    mail
                } else {
                    let weekly = report::weekly(history, week, &settings.zone, client.as_deref(), now);
                    report::mail(&weekly, &history.head, &settings.links)?
                };
                let fate = post(mailer, &mail, &id, &place, address, state).await?;
                made = Some((client, mail));
                fate
            };
            deliveries.push(Delivery { to: address.clone(), fate });
        }
    }
    if let Some(chat) = &settings.chat {
        let (place, to) = (format!("chat {week}"), "the chat".to_owned());
        let fate = if let Some(fate) = before(state, &place, &to, resend)? {
            fate
        } else {
            let weekly = report::weekly(history, week, &settings.zone, None, now);
            let message = report::chat(&weekly, chat.form)?;
            intend(state, &place, &to)?;
            record(state, &place, &to, chat.send(&message).await)?
        };
        deliveries.push(Delivery { to, fate });
    }
    if let Some((client, clock)) = jira {
        let places: BTreeSet<&InJira> = settings.jira.iter().collect();
        let is_bereft = jira::is_bereft(state.known());
        let clock = &Both { here: clock, there: client };
        let mut filer = jira::Filer { client, clock, state, settle: settings.settle, resend, is_bereft };
        for InJira { client, target } in places {
            let place = target.place();
            let name = report::message_id(week, client.as_deref(), &place);
            let make = |room| {
                let weekly = report::weekly(history, week, &settings.zone, client.as_deref(), now);
                Ok(report::for_jira(&weekly, &history.head, &settings.links, &name, room)?)
            };
            let fate = filer.bring(&name, target, make).await?;
            deliveries.push(Delivery { to: format!("Jira ({place})"), fate });
        }
    }
    Ok(deliveries)
}

async fn post(
    mailer: &Mailer,
    mail: &Mail,
    id: &str,
    place: &str,
    to: &str,
    state: &mut State,
) -> Result<Fate, StateError> {
    let message = match mailer.message(mail, id, to) {
        Ok(message) => message,
        Err(refused) => return record(state, place, to, Fate::Refused(refused)),
    };
    // A server that cannot be reached leaves nothing in doubt.
    if let Err(refused) = mailer.reach().await {
        return record(state, place, to, Fate::Refused(refused));
    }
    intend(state, place, to)?;
    record(state, place, to, mailer.send(message).await)
}

/// Everybody once, in a fixed order.
fn recipients(settings: &Settings) -> BTreeSet<&Recipient> {
    settings.recipients.iter().collect()
}

/// What became of it earlier; none where it is to be sent now.
fn before(state: &mut State, place: &str, to: &str, resend: bool) -> Result<Option<Fate>, StateError> {
    let word = state.known().schedules.get(place).map(|ran| first_word(&ran.id).to_owned());
    match word.as_deref() {
        Some(SENT) => Ok(Some(Fate::SentBefore)),
        Some(INTENDED | IN_DOUBT) if !resend => Ok(Some(record(state, place, to, Fate::InDoubt)?)),
        _ => Ok(None),
    }
}

const INTENDED: &str = "intended";
const SENT: &str = "sent";
const REFUSED: &str = "refused";
const IN_DOUBT: &str = "in-doubt";
const UNSETTLED: &str = "unsettled";

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn intend(state: &mut State, place: &str, to: &str) -> Result<(), StateError> {
    note(state, place, format!("{INTENDED} {to}"))
}

fn record(state: &mut State, place: &str, to: &str, fate: Fate) -> Result<Fate, StateError> {
    let id = match &fate {
        Fate::Sent | Fate::SentBefore => format!("{SENT} {to}"),
        Fate::Refused(why) => format!("{REFUSED} {to}: {why}"),
        Fate::InDoubt => format!("{IN_DOUBT} {to}"),
        Fate::Unsettled(why) => format!("{UNSETTLED} {to}: {why}"),
    };
    // The same again is no news: a server that is down for a day must not fill the journal.
    if state.known().schedules.get(place).is_none_or(|ran| ran.id != id) {
        note(state, place, id)?;
    }
    Ok(fate)
}

fn note(state: &mut State, place: &str, id: String) -> Result<(), StateError> {
    let now = Timestamp::now();
    state.record(now, &[Change::Occurrence(Ran { schedule: place.to_owned(), id, at: now })])
}

/// Whether an occurrence is a delivery.
pub fn is_delivery(ran: &Ran) -> bool {
    matches!(first_word(&ran.schedule), "mail" | "chat" | "jira")
}

/// Deliveries that a person should know of: what they are, and how they stand.
pub fn open(known: &Known) -> Vec<String> {
    known
        .schedules
        .values()
        .filter(|ran| is_delivery(ran))
        .filter(|ran| first_word(&ran.id) != SENT)
        .map(|ran| format!("{}: {}", ran.schedule, ran.id))
        .collect()
}

/// Whether the report of a week is refused or unsettled somewhere: a next attempt may bring it there.
pub fn is_unfinished(known: &Known, week: Week) -> bool {
    let week = week.to_string();
    known.schedules.values().filter(|ran| is_delivery(ran)).any(|ran| {
        let of_week = ran.schedule.split(' ').nth(1).is_some_and(|name| name.starts_with(&week));
        of_week && matches!(first_word(&ran.id), REFUSED | UNSETTLED)
    })
}

fn digits(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_client_has_a_safe_name_of_its_own() {
        let week: Week = "2026-W47".parse().unwrap();
        assert_eq!(file_name(week, None), "disputes-2026-W47.html");
        let (one, other) = (file_name(week, Some("../a b")), file_name(week, Some("../a-b")));
        assert!(one.starts_with("disputes-2026-W47----a-b-") && !one.contains('/'), "{one}");
        assert_ne!(one, other);
    }
}
