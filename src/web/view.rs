//! What the pages show: the history, and lists that are sorted once for all who look.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::Timestamp;
use minijinja::{Value, value::Serde};

use crate::{
    apply::Decision,
    deliver,
    dispute::Field,
    group::{GroupId, Status},
    plan::Link,
    report::{self, Week, Weekly},
    state::{GroupRecord, History, StateError},
    ticket::Typed,
};

/// What is shown until the journal is read anew.
#[derive(Debug)]
pub(super) struct View {
    pub(super) history: History,
    /// Figures of the week, for templates.
    pub(super) weekly: Value,
    pub(super) headline: String,
    /// Charts of the week, for templates.
    pub(super) charts: Value,
    /// Clients, and the people who decided on a page or got a report: their names may stand on pages.
    pub(super) people: Typed,
    /// Names that groups can be filtered by.
    pub(super) clients: BTreeSet<String>,
    pub(super) programs: BTreeSet<&'static str>,
    /// Tickets by how they stand.
    pub(super) standing: BTreeMap<&'static str, usize>,
    /// Open groups.
    pub(super) active: usize,
    rows: Vec<Row>,
    /// Places of rows by each order.
    orders: Vec<Vec<u32>>,
    /// When the journal was read.
    pub(super) read: Timestamp,
    /// Its size then.
    pub(super) size: u64,
    pub(super) week: Week,
}

/// What a search looks at: all groups are gone through for every page of the list, so nothing is looked up for it.
#[derive(Debug)]
struct Row {
    id: GroupId,
    /// Everything that can be found, in lower case.
    text: String,
    /// Place among the clients.
    client: usize,
    program: &'static str,
    status: &'static str,
    ticket: &'static str,
}

/// An order of the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Money,
    Disputes,
    Due,
    Newest,
    Client,
    Cause,
}

impl Order {
    pub(super) const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Money, "money", "most money first"),
        (Self::Disputes, "disputes", "most disputes first"),
        (Self::Due, "due", "due first"),
        (Self::Newest, "newest", "newest first"),
        (Self::Client, "client", "by client"),
        (Self::Cause, "cause", "by cause"),
    ];

    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map_or(Self::Money, |(order, _, _)| order)
    }
}

/// Which groups are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Filter {
    /// Words that must all occur, in lower case.
    pub(super) words: Vec<String>,
    pub(super) client: String,
    pub(super) program: String,
    pub(super) status: String,
    pub(super) ticket: String,
}

impl View {
    /// Reads the journal. Blocking.
    pub(super) fn read(
        state: &Path,
        delivery: &deliver::Settings,
        now: Timestamp,
    ) -> Result<Self, StateError> {
        let size = size_of(state);
        let week = Week::of(now, &delivery.zone);
        let history = History::read(state, week.bounds_of(report::WEEKS, &delivery.zone))?;
        let weekly = last_week(state, delivery, &history, week, now)?;
        let records: Vec<&GroupRecord> = history.known.groups.values().collect();
        let clients: BTreeSet<String> =
            records.iter().map(|record| record.group.client.to_string()).collect();
        let place: BTreeMap<&str, usize> =
            clients.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let rows: Vec<Row> = records
            .iter()
            .map(|record| row(record, &history, place.get(&*record.group.client).copied().unwrap_or(0)))
            .collect();
        let orders = Order::ALL.iter().map(|(order, _, _)| sorted(&records, *order)).collect();
        let mut standing: BTreeMap<&'static str, usize> = BTreeMap::new();
        for ticket in history.known.tickets.values() {
            *standing.entry(link_word(Some(&ticket.link))).or_default() += 1;
        }
        let active = records.iter().filter(|record| record.group.status == Status::Active).count();
        let programs = records.iter().map(|record| record.group.program.as_str()).collect();
        Ok(Self {
            headline: report::headline(&weekly),
            charts: Value::from(Serde(report::charts(&weekly))),
            weekly: Value::from(Serde(weekly.without_long_lists())),
            people: people(&history, &clients),
            standing,
            active,
            clients,
            programs,
            rows,
            orders,
            read: now,
            size,
            week,
            history,
        })
    }

    /// Places of the groups that fit, in an order.
    pub(super) fn find(&self, filter: &Filter, order: Order) -> Vec<u32> {
        let Filter { words, client, program, status, ticket } = filter;
        let client_place = self.clients.iter().position(|name| name == client);
        if !client.is_empty() && client_place.is_none() {
            return Vec::new();
        }
        let fits = |row: &Row| {
            client_place.is_none_or(|place| place == row.client)
                && (program.is_empty() || program == row.program)
                && (status == "all" || status == row.status)
                && (ticket.is_empty() || ticket == row.ticket)
                && words.iter().all(|word| row.text.contains(word.as_str()))
        };
        let place = Order::ALL.iter().position(|(known, _, _)| *known == order).unwrap_or(0);
        self.orders[place].iter().copied().filter(|row| fits(&self.rows[*row as usize])).collect()
    }

    /// Groups at some places.
    pub(super) fn records(&self, places: &[u32]) -> impl Iterator<Item = &GroupRecord> {
        let groups = &self.history.known.groups;
        places.iter().filter_map(|place| groups.get(&self.rows[*place as usize].id))
    }

    /// How the ticket of a group stands, in a word.
    pub(super) fn ticket_word(&self, record: &GroupRecord) -> &'static str {
        link_word(self.history.known.tickets.get(&record.group.id).map(|ticket| &ticket.link))
    }

    /// Who the ticket of a group is assigned to, in words.
    pub(super) fn owner(&self, id: &GroupId) -> String {
        let ticket = self.history.known.tickets.get(id);
        report::owner(self.key(id), ticket.and_then(|ticket| ticket.assignee.as_deref()))
    }

    /// Key of the ticket; empty where there is none.
    pub(super) fn key(&self, id: &GroupId) -> &str {
        let issue = self.history.known.tickets.get(id).and_then(|ticket| ticket.issue());
        issue.map_or("", |issue| issue.key.as_str())
    }
}

fn people(history: &History, clients: &BTreeSet<String>) -> Typed {
    let mut people = Typed::default();
    for client in clients {
        people.value(Field::Manufacturer, client);
    }
    for ran in
        history.known.schedules.values().filter(|ran| deliver::is_delivery(ran) || Decision::is_one(ran))
    {
        // What follows are words of Jira.
        let own = ran.id.split_once(Decision::NOT_DONE).map_or(&*ran.id, |(own, _)| own);
        people.person(own);
    }
    people
}

/// The figures of this week; where it had no run yet, of the last week that had one.
fn last_week(
    state: &Path,
    delivery: &deliver::Settings,
    history: &History,
    week: Week,
    now: Timestamp,
) -> Result<Weekly, StateError> {
    let weekly = report::weekly(history, week, &delivery.zone, None, now);
    let last = history.known.runs.values().next_back().map(|run| Week::of(run.at, &delivery.zone));
    match last.filter(|last| weekly.runs == 0 && *last < week) {
        Some(last) => {
            let history = deliver::history(state, last, &delivery.zone)?;
            Ok(report::weekly(&history, last, &delivery.zone, None, now))
        }
        None => Ok(weekly),
    }
}

/// How a ticket can stand; also the values of a label of the metrics.
pub(super) const TICKET_WORDS: [&str; 5] = ["open", "none", "unknown", "held", "refused"];

pub(super) fn link_word(link: Option<&Link>) -> &'static str {
    match link {
        Some(Link::Bound { .. }) => "open",
        Some(Link::Ready { .. }) | None => "none",
        Some(Link::Intent { .. } | Link::Unknown { .. }) => "unknown",
        Some(Link::Held { .. }) => "held",
        Some(Link::Parked { .. }) => "refused",
    }
}

pub(super) const STATUS_WORDS: [&str; 3] = ["active", "resolved", "merged"];

pub(super) fn status_word(status: &Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Resolved { .. } => "resolved",
        Status::Merged { .. } => "merged",
    }
}

fn row(record: &GroupRecord, history: &History, client: usize) -> Row {
    let id = record.group.id.clone();
    let ticket = history.known.tickets.get(&id);
    let issue = ticket.and_then(|ticket| ticket.issue());
    let key = issue.map_or("", |issue| issue.key.as_str());
    let text = format!("{id} {key} {} {} {} {}", record.group.client, record.cause, record.who, record.title);
    Row {
        id,
        text: text.to_lowercase(),
        client,
        program: record.group.program.as_str(),
        status: status_word(&record.group.status),
        ticket: link_word(ticket.map(|ticket| &ticket.link)),
    }
}

fn sorted(records: &[&GroupRecord], order: Order) -> Vec<u32> {
    let mut places: Vec<u32> = (0..records.len()).filter_map(|place| u32::try_from(place).ok()).collect();
    let record = |place: &u32| records[*place as usize];
    let money = |place: &u32| record(place).figures.exposed + record(place).figures.recoverable;
    // Stable, so that equals stay in the order of their ids.
    match order {
        Order::Money => places.sort_by_cached_key(|place| Reverse(money(place))),
        Order::Disputes => places.sort_by_key(|place| Reverse(record(place).group.members.len())),
        Order::Due => places.sort_by_key(|place| {
            let due = record(place).figures.due;
            (due.is_none(), due)
        }),
        Order::Newest => places.sort_by_key(|place| Reverse(record(place).group.since)),
        Order::Client => places.sort_by(|a, b| record(a).group.client.cmp(&record(b).group.client)),
        Order::Cause => places.sort_by(|a, b| record(a).cause.cmp(&record(b).cause)),
    }
    places
}

/// Bytes of the journal: it only grows.
pub(super) fn size_of(state: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(state.join("journal")) else { return 0 };
    files.filter_map(|file| file.ok()?.metadata().ok()).map(|metadata| metadata.len()).sum()
}
