//! What each page shows.

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
    fs,
};

use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Value, context, value::Serde};

use super::{
    Settings,
    view::{Filter, Order, STATUS_WORDS, TICKET_WORDS, View, link_word, status_word},
};
use crate::{
    apply::Decision,
    deliver,
    dispute::{Field, Program},
    group::{GroupId, Pending, Status},
    plan::{Asked, Link, RulingKind},
    report,
    state::{Done, GroupRecord, RunRecord},
    ticket::{facts, open_value, words},
};

/// Groups, runs, writes and past events on one page.
const ROWS: usize = 50;
/// Members on one page.
const MEMBERS: usize = 100;

/// What a page is made of.
pub(super) struct Maker<'a> {
    pub(super) view: &'a View,
    pub(super) settings: &'a Settings,
    pub(super) now: Timestamp,
}

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(pub(super) Vec<(String, String)>);

impl Query {
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// The page of a list; a page of the dashboard with several lists has a name for each.
    fn page(&self, list: &str) -> usize {
        self.get(list).parse().unwrap_or(1).max(1)
    }

    /// The same query for another page of a list.
    fn turned(&self, list: &str, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in self.0.iter().filter(|(key, value)| key != list && !value.is_empty()) {
            query.append_pair(key, value);
        }
        query.append_pair(list, &page.to_string());
        format!("?{}", query.finish())
    }
}

/// A part of a long list.
struct Part {
    from: usize,
    until: usize,
    value: Value,
}

fn part(all: usize, size: usize, query: &Query) -> Part {
    part_of("page", all, size, query)
}

fn part_of(list: &str, all: usize, size: usize, query: &Query) -> Part {
    let pages = all.div_ceil(size).max(1);
    let page = query.page(list).min(pages);
    let (from, until) = ((page - 1) * size, (page * size).min(all));
    let value = context! {
        page, pages, all,
        first => if all == 0 { 0 } else { from + 1 },
        last => until,
        previous => (page > 1).then(|| query.turned(list, page - 1)),
        next => (page < pages).then(|| query.turned(list, page + 1)),
    };
    Part { from, until, value }
}

impl Maker<'_> {
    fn zone(&self) -> &TimeZone {
        &self.settings.delivery.zone
    }

    pub(super) fn time(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone().clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn link(&self, key: &str) -> String {
        self.settings.delivery.links.ticket(key)
    }

    fn ticket(&self, id: &GroupId) -> Value {
        let key = self.view.key(id);
        context! { key, link => self.link(key) }
    }

    /// A group in a list.
    fn line(&self, record: &GroupRecord) -> Value {
        let id = &record.group.id;
        context! {
            id => id.as_str(),
            short => id.short(),
            ticket => self.ticket(id),
            standing => self.view.ticket_word(record),
            status => status_word(&record.group.status),
            client => &*open_value(Field::Manufacturer, &record.group.client),
            program => record.group.program.human_name(),
            cause => &*record.cause,
            who => &*record.who,
            owner => self.view.owner(id),
            title => record.title.as_str(),
            disputes => record.group.members.len(),
            exposed => record.figures.exposed.to_string(),
            recoverable => record.figures.recoverable.to_string(),
            due => record.figures.due.map(|due| due.to_string()).unwrap_or_default(),
            since => self.time(record.group.since),
        }
    }

    pub(super) fn overview(&self) -> Value {
        let known = &self.view.history.known;
        let open = self.view.find(&Filter { status: "active".to_owned(), ..Filter::default() }, Order::Money);
        let top: Vec<Value> =
            self.view.records(&open[..open.len().min(8)]).map(|record| self.line(record)).collect();
        context! {
            headline => self.view.headline.as_str(),
            weekly => &self.view.weekly,
            charts => &self.view.charts,
            top,
            last => known.runs.values().next_back().map(|run| self.run_line(run)),
            held => self.view.standing.get("held").copied().unwrap_or(0),
            doubt => known.doubt.as_ref().map(|doubt| doubt.reason.clone()),
            open_reports => deliver::open(known),
        }
    }

    pub(super) fn groups(&self, query: &Query) -> Value {
        let status = if query.get("status").is_empty() { "active" } else { query.get("status") };
        let filter = Filter {
            words: query.get("q").to_lowercase().split_whitespace().map(str::to_owned).collect(),
            client: query.get("client").to_owned(),
            program: query.get("program").to_owned(),
            status: status.to_owned(),
            ticket: query.get("ticket").to_owned(),
        };
        let order = Order::named(query.get("sort"));
        let found = self.view.find(&filter, order);
        let Part { from, until, value } = part(found.len(), ROWS, query);
        let rows: Vec<Value> =
            self.view.records(&found[from..until]).map(|record| self.line(record)).collect();
        let programs: Vec<Value> = self
            .view
            .programs
            .iter()
            .map(|name| {
                let words = Program::from_name(name).map_or(*name, Program::human_name);
                context! { name => *name, words }
            })
            .collect();
        let orders: Vec<Value> = Order::ALL
            .iter()
            .map(
                |(known, name, words)| context! { name => *name, words => *words, chosen => *known == order },
            )
            .collect();
        context! {
            rows, part => value, programs, orders, status,
            clients => self.view.clients.iter().cloned().collect::<Vec<String>>(),
            q => query.get("q"),
            client => query.get("client"),
            program => query.get("program"),
            ticket => query.get("ticket"),
            statuses => STATUS_WORDS,
            tickets => TICKET_WORDS,
            filtered => !filter.words.is_empty() || !filter.client.is_empty() || !filter.program.is_empty() || !filter.ticket.is_empty() || status != "active",
        }
    }

    /// The group with an id; none where there is none.
    pub(super) fn group(&self, id: &str, query: &Query) -> Option<Value> {
        let known = &self.view.history.known;
        let record = known.groups.get(&GroupId::parse(id)?)?;
        let (group, figures) = (&record.group, &record.figures);
        let units: Vec<Value> =
            figures.units.iter().map(|(unit, count)| context! { unit, count => count.to_string() }).collect();
        let rules: Vec<String> = group
            .patterns
            .iter()
            .map(|pattern| {
                let mut items = pattern.items();
                items.retain(|item| !record.coarse || !facts::is_telling(item.attribute));
                for item in &mut items {
                    if let Some(column) = facts::column_of(item.attribute) {
                        item.value = open_value(column, &item.value).as_ref().into();
                    }
                }
                words::items(&items)
            })
            .filter(|rule| !rule.is_empty())
            .collect();
        let mut family: Vec<Value> = Vec::new();
        let mut relate = |what: &str, id: &GroupId| {
            if let Some(other) = known.groups.get(id) {
                family.push(context! { what, group => self.line(other) });
            }
        };
        if let Some(parent) = &group.split_from {
            relate("split from", parent);
        }
        if let Status::Merged { into, .. } = &group.status {
            relate("merged into", into);
        }
        for other in known.groups.values() {
            if other.group.split_from.as_ref() == Some(&group.id) {
                relate("was split off it", &other.group.id);
            }
            if matches!(&other.group.status, Status::Merged { into, .. } if *into == group.id) {
                relate("was merged into it", &other.group.id);
            }
        }
        let pending: Vec<String> = group
            .pending
            .iter()
            .map(|pending| match pending {
                Pending::Split { members, seen } => {
                    format!(
                        "{} of its disputes look like a group of their own (seen {seen} times)",
                        members.len()
                    )
                }
                Pending::Merge { into, seen } => {
                    format!("it looks like part of the group {} (seen {seen} times)", into.short())
                }
            })
            .collect();
        let past = self.past(&group.id);
        let past_part = part_of("past", past.len(), ROWS, query);
        let past: Vec<Value> = past[past_part.from..past_part.until].iter().map(Past::value).collect();
        let held: Vec<String> = known
            .runs
            .values()
            .next_back()
            .into_iter()
            .flat_map(|run| &run.waiting)
            .filter(|one| one.group == group.id)
            .map(|one| report::held(&one.kind, &one.words))
            .collect();
        let Part { from, until, value } = part(group.members.len(), MEMBERS, query);
        let sought = query.get("dispute").trim();
        let series = self.view.history.series(&group.id);
        let most = series.iter().copied().max().unwrap_or(0).max(1);
        let step = 100.0 / series.len().saturating_sub(1).max(1) as f64;
        let corners: Vec<String> = series
            .iter()
            .enumerate()
            .map(|(place, size)| {
                format!("{:.2},{:.2}", place as f64 * step, 112.0 - 100.0 * *size as f64 / most as f64)
            })
            .collect();
        let weeks: Vec<Value> = self
            .view
            .history
            .bounds
            .iter()
            .zip(&series)
            .map(|(at, size)| context! { week => report::Week::of(*at, self.zone()).to_string(), size })
            .collect();
        let ticket = known.tickets.get(&group.id);
        let last = known.runs.values().next_back();
        let today = last.map_or(self.now, |run| run.at).to_zoned_datetime(self.zone().clone()).date();
        let charts = record.spread.as_deref().map(|it| report::group_charts(it, group.members.len(), today));
        let fit = record.spread.as_deref().and_then(|spread| spread.fit.as_ref()).map(|fit| {
            let nearest = fit.nearest.as_ref().and_then(|id| known.groups.get(id));
            context! {
                matching => fit.matching,
                found => fit.found,
                varying => &*fit.varying,
                nearest => nearest.map(|other| self.line(other)),
            }
        });
        let unlisted_runs =
            known.runs.values().filter(|run| run.unlisted_holds() + run.unlisted_untried() > 0);
        Some(context! {
            group => self.line(record),
            units, rules, family, pending, past, held,
            past_part => past_part.value,
            charts => Value::from(Serde(&charts)),
            fit,
            unlisted_runs => unlisted_runs.count(),
            without_amount => figures.without_amount,
            undated => figures.undated,
            due_then => figures.due_then,
            ended => match &group.status {
                Status::Active => None,
                Status::Resolved { at } | Status::Merged { at, .. } => Some(self.time(*at)),
            },
            members => group.members[from..until].iter().map(|member| masked(member)).collect::<Vec<_>>(),
            sought,
            has_it => group.members.iter().any(|member| member.eq_ignore_ascii_case(sought)),
            part => value,
            line => corners.join(" "),
            most, weeks,
            finding => course(&series),
            told => ticket.map(|ticket| ticket.told.iter().cloned().collect::<Vec<_>>()).unwrap_or_default(),
            closings => ticket.map_or(0, |ticket| ticket.closings),
        })
    }

    /// All that happened to a group and its ticket, the latest first: what runs wrote, what failed and what they held,
    /// what people ordered in comments, on the dashboard or by closing and linking.
    fn past(&self, id: &GroupId) -> Vec<Past> {
        let known = &self.view.history.known;
        let mut past: Vec<Past> = Vec::new();
        // Places of holds that the last run had, too: the same for weeks is one line.
        let mut open: Vec<usize> = Vec::new();
        for run in known.runs.values() {
            let of_run = |what: String, why: String| Past {
                at: run.at,
                when: self.time(run.at),
                run: run.id.clone(),
                who: "disputebot",
                what,
                why,
                runs: 1,
                until: String::new(),
            };
            let mut still: Vec<usize> = Vec::new();
            for (_, kind, words) in run.held_groups().filter(|(group, _, _)| *group == id) {
                let words = report::held(kind, words);
                let what = format!("held: {kind}");
                let same = |place: &usize| past[*place].what == what && past[*place].why == words;
                if let Some(place) = open.iter().copied().find(|place| same(place)) {
                    past[place].runs += 1;
                    past[place].until = self.time(run.at);
                    still.push(place);
                } else {
                    still.push(past.len());
                    past.push(of_run(what, words));
                }
            }
            open = still;
            for done in run.done.iter().filter(|done| done.group == *id) {
                past.push(of_run(what_was_done(done), why_it_was_done(done)));
            }
            for (_, kind, why) in run.untried.first.iter().filter(|(group, _, _)| group == id) {
                past.push(of_run(format!("{kind} not tried"), report::reason(why)));
            }
            for (_, kind, why) in run.failed.iter().filter(|(group, _, _)| group == id) {
                past.push(of_run(format!("{kind} failed"), report::foreign(why)));
            }
        }
        let by_people = |at: Timestamp, what: &str, why: String| Past {
            at,
            when: self.time(at),
            run: String::new(),
            who: "a person",
            what: what.to_owned(),
            why,
            runs: 1,
            until: String::new(),
        };
        for order in self.view.history.orders.iter().filter(|order| order.group == *id) {
            past.push(match &order.asked {
                Asked::Done(command) => by_people(order.at, "order in a comment", command.to_string()),
                // It repeats words of the comment.
                Asked::Failed { why, .. } => {
                    by_people(order.at, "order that could not be carried out", report::foreign(why))
                }
            });
        }
        let key = |group: &GroupId| match self.view.key(group) {
            "" => group.short().to_owned(),
            key => key.to_owned(),
        };
        for ruling in known.rulings.values() {
            let with = matches!(&ruling.kind, RulingKind::Together { with } if with == id);
            if ruling.group == *id || with {
                let taken_back = if ruling.lifted { "; taken back since" } else { "" };
                let words = format!("{}{taken_back}", report::ruling(ruling, &key));
                past.push(by_people(ruling.at, "decision", words));
            }
        }
        let trail = Decision::trail(id);
        let decided = known.schedules.range(trail.clone()..).take_while(|(name, _)| name.starts_with(&trail));
        for (_, ran) in decided {
            past.push(by_people(ran.at, "decision about a held ticket", ran.id.clone()));
        }
        past.sort_by_key(|one| Reverse(one.at));
        past
    }

    fn done(&self, done: &Done, at: &str, run: &str) -> Value {
        context! {
            at, run,
            what => what_was_done(done),
            why => why_it_was_done(done),
            failed => false,
            group => done.group.as_str(),
            short => done.group.short(),
            ticket => context! { key => done.issue.key.as_str(), link => self.link(&done.issue.key) },
        }
    }

    fn run_line(&self, run: &RunRecord) -> Value {
        let mut writes: BTreeMap<&str, usize> = BTreeMap::new();
        for done in &run.done {
            *writes.entry(if done.closed { "close" } else { done.kind.as_str() }).or_default() += 1;
        }
        context! {
            id => run.id.as_str(),
            at => self.time(run.at),
            rows => Value::from(Serde(run.rows)),
            groups => run.groups,
            writes => Value::from(Serde(writes)),
            done => run.done.len(),
            failed => run.failed.len(),
            held => run.held.values().sum::<usize>(),
            files => run.files.map(|(read, failed)| context! { read, failed }),
            complete => run.incomplete.is_empty(),
            incomplete => &run.incomplete,
        }
    }

    pub(super) fn runs(&self, query: &Query) -> Value {
        let runs: Vec<&RunRecord> = self.view.history.known.runs.values().rev().collect();
        let Part { from, until, value } = part(runs.len(), ROWS, query);
        let rows: Vec<Value> = runs[from..until].iter().map(|run| self.run_line(run)).collect();
        context! { rows, part => value }
    }

    pub(super) fn run(&self, id: &str, query: &Query) -> Option<Value> {
        let run = self.view.history.known.runs.get(id)?;
        let at = self.time(run.at);
        let groups = &self.view.history.known.groups;
        let title = |id: &GroupId| groups.get(id).map(|record| record.title.clone()).unwrap_or_default();
        let part = part_of("page", run.done.len(), ROWS, query);
        let writes: Vec<Value> = run.done[part.from..part.until]
            .iter()
            .map(|done| context! { write => self.done(done, &at, &run.id), title => title(&done.group) })
            .collect();
        let failed_part = part_of("failed", run.failed.len(), ROWS, query);
        let failed: Vec<Value> = run.failed[failed_part.from..failed_part.until]
            .iter()
            .map(|(group, kind, why)| {
                let why = report::foreign(why);
                context! { group => group.as_str(), short => group.short(), ticket => self.ticket(group), kind, why }
            })
            .collect();
        let untried_part = part_of("untried", run.untried.first.len(), ROWS, query);
        let untried: Vec<Value> = run.untried.first[untried_part.from..untried_part.until]
            .iter()
            .map(|(group, kind, why)| {
                context! { group => group.as_str(), short => group.short(), kind, why => report::reason(why) }
            })
            .collect();
        let all = run.held_groups().count();
        let held_part = part_of("held", all, ROWS, query);
        let waiting: Vec<Value> = run
            .held_groups()
            .skip(held_part.from)
            .take(held_part.until - held_part.from)
            .map(|(group, kind, words)| {
                let words = report::held(kind, words);
                context! {
                    group => group.as_str(), short => group.short(), ticket => self.ticket(group),
                    kind, words, title => title(group),
                }
            })
            .collect();
        Some(context! {
            run => self.run_line(run),
            writes, failed, untried, waiting,
            all_untried => run.untried.count,
            unlisted_untried => run.unlisted_untried(),
            untried_part => untried_part.value,
            part => part.value,
            failed_part => failed_part.value,
            held_part => held_part.value,
            unlisted_holds => run.unlisted_holds(),
            held => Value::from(Serde(&run.held)),
            events => Value::from(Serde(&run.events)),
            rejects => &run.rejects,
            unlisted_rejects => run.unlisted_rejects(),
        })
    }

    pub(super) fn sources(&self) -> Value {
        let runs: Vec<&RunRecord> = self.view.history.known.runs.values().rev().take(ROWS).collect();
        let rows: Vec<Value> = runs.iter().map(|run| self.run_line(run)).collect();
        let last = runs.first();
        context! {
            rows,
            last => last.map(|run| run.rejects.clone()).unwrap_or_default(),
            unlisted_rejects => last.map_or(0, |run| run.unlisted_rejects()),
            sources => Value::from(Serde(last.map(|run| run.sources.clone()).unwrap_or_default())),
        }
    }

    pub(super) fn held(&self, said: &str, refused: &str) -> Value {
        let known = &self.view.history.known;
        let rows: Vec<Value> = known
            .tickets
            .values()
            .filter_map(|ticket| {
                let (why, since) = match &ticket.link {
                    Link::Held { reason, sent, .. } => (report::foreign(reason), Some(self.time(sent.at))),
                    Link::Unknown { sent, .. } | Link::Intent { sent, .. } => (
                        "its create was sent, and the answer was lost; the next runs find out".to_owned(),
                        Some(self.time(sent.at)),
                    ),
                    Link::Parked { reason, .. } => {
                        (format!("Jira refused it: {}", report::foreign(reason)), None)
                    }
                    Link::Ready { .. } | Link::Bound { .. } => return None,
                };
                let record = known.groups.get(&ticket.group)?;
                let can = matches!(ticket.link, Link::Held { .. });
                let standing = link_word(Some(&ticket.link));
                Some(context! { group => self.line(record), why, since, can, standing })
            })
            .collect();
        context! { rows, said, refused, doubt => known.doubt.as_ref().map(|doubt| doubt.reason.clone()) }
    }

    pub(super) fn schedule(&self) -> Value {
        let ledger = &self.view.history.known.schedules;
        let rows: Vec<Value> =
            [("run", &self.settings.run_schedule), ("report", &self.settings.report_schedule)]
                .into_iter()
                .map(|(name, schedule)| {
                    let last = ledger
                        .values()
                        .filter(|ran| ran.schedule.split(' ').next() == Some(name))
                        .map(|ran| ran.at)
                        .max();
                    let mut next = Vec::new();
                    let mut after = self.now;
                    while let Some(occurrence) = schedule.next_after(after).filter(|_| next.len() < 5) {
                        after = occurrence.at;
                        next.push(self.time(occurrence.at));
                    }
                    context! {
                        name, next,
                        expression => schedule.expression(),
                        zone => schedule.zone(),
                        last => last.map(|at| self.time(at)),
                    }
                })
                .collect();
        let zone = self.zone().iana_name().unwrap_or("UTC");
        context! { rows, zone }
    }

    pub(super) fn reports(&self) -> Value {
        let mut files: Vec<String> = fs::read_dir(&self.settings.delivery.folder)
            .into_iter()
            .flatten()
            .filter_map(|file| file.ok()?.file_name().into_string().ok())
            .filter(|name| is_report(name))
            .collect();
        files.sort_unstable_by(|a, b| b.cmp(a));
        let known = &self.view.history.known;
        let sent: Vec<Value> = known
            .schedules
            .values()
            .filter(|ran| deliver::is_delivery(ran))
            .map(|ran| context! { at => self.time(ran.at), what => ran.id.as_str(), of => ran.schedule.as_str() })
            .collect();
        context! { files, sent, week => self.view.week.to_string() }
    }
}

/// Something that happened to a group or its ticket.
struct Past {
    at: Timestamp,
    when: String,
    /// The run that it was in; empty where it was in none.
    run: String,
    who: &'static str,
    what: String,
    why: String,
    /// In how many runs after each other it was the same, and when last.
    runs: usize,
    until: String,
}

impl Past {
    fn value(&self) -> Value {
        let Self { at: _, when, run, who, what, why, runs, until } = self;
        context! { at => when, run, who => *who, what, why, runs, until }
    }
}

fn what_was_done(done: &Done) -> String {
    if done.closed { "close".to_owned() } else { done.kind.clone() }
}

fn why_it_was_done(done: &Done) -> String {
    let unknown = || "found in Jira, or written by an earlier build".to_owned();
    done.reason.as_ref().map_or_else(unknown, report::reason)
}

/// What a line of open disputes by week says: a sentence for its title.
fn course(series: &[usize]) -> String {
    let (Some(last), most) = (series.last(), series.iter().max().copied().unwrap_or(0)) else {
        return "No week is known yet".to_owned();
    };
    let known = &series[series.iter().position(|size| *size > 0).unwrap_or(0)..];
    let first = known.first().copied().unwrap_or(0);
    let weeks = match known.len() {
        1 => "this week".to_owned(),
        weeks => format!("in {weeks} weeks"),
    };
    let [first_words, last_words, most_words] = [first, *last, most].map(facts::thousands);
    match last.cmp(&first) {
        _ if most == 0 => "It had no open dispute in these weeks".to_owned(),
        _ if known.len() == 1 => format!("It was found this week with {last_words} open disputes"),
        _ if *last == 0 => {
            format!("All its disputes are settled or went elsewhere; at most {most_words} were open")
        }
        Ordering::Greater => format!("It grew from {first_words} to {last_words} open disputes {weeks}"),
        Ordering::Less => {
            format!("It fell from {first_words} to {last_words} open disputes {weeks}, at most {most_words}")
        }
        Ordering::Equal if most == *last && known.iter().all(|size| size == last) => {
            format!("It stayed at {last_words} open disputes {weeks}")
        }
        Ordering::Equal => format!("It is back at {last_words} open disputes {weeks}, at most {most_words}"),
    }
}

/// The end of the id of a dispute, at most half of it. Who has an id before them knows it again by that, and can have
/// the page look for it; a page that is shown around, or left open, gives none away.
fn masked(id: &str) -> String {
    const SHOWN: usize = 4;
    let length = id.chars().count();
    let end: String = id.chars().skip(length - SHOWN.min(length / 2)).collect();
    format!("…{end}")
}

/// Whether a name is that of a report: no other file of the folder is ever given out.
pub(super) fn is_report(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    name.strip_prefix("disputes-")
        .and_then(|rest| rest.strip_suffix(".html"))
        .is_some_and(|middle| !middle.is_empty() && middle.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_are_given_out() {
        for open in ["disputes-2026-W47.html", "disputes-2026-W47-example-pharma-a-1f2e3d.html"] {
            assert!(is_report(open), "{open}");
        }
        for other in [
            "../disputes-2026-W47.html",
            "disputes-.html",
            "disputes-a/../b.html",
            ".disputes-x.html.part",
            "x.html",
        ] {
            assert!(!is_report(other), "{other}");
        }
    }

    #[test]
    fn the_chart_of_a_group_says_what_it_finds() {
        for (series, found) in [
            (&[][..], "No week is known yet"),
            (&[0, 0], "It had no open dispute in these weeks"),
            (&[0, 7], "It was found this week with 7 open disputes"),
            (&[0, 3, 1_200], "It grew from 3 to 1,200 open disputes in 2 weeks"),
            (&[9, 12, 4], "It fell from 9 to 4 open disputes in 3 weeks, at most 12"),
            (&[5, 5], "It stayed at 5 open disputes in 2 weeks"),
            (&[5, 8, 5], "It is back at 5 open disputes in 3 weeks, at most 8"),
            (&[5, 0], "All its disputes are settled or went elsewhere; at most 5 were open"),
        ] {
            assert_eq!(course(series), found);
        }
    }

    #[test]
    fn of_a_dispute_the_end_is_shown_and_never_more_than_half() {
        for (id, shown) in
            [("D-2026-000123", "…0123"), ("D-01", "…01"), ("7", "…"), ("", "…"), ("äöüß", "…üß")]
        {
            assert_eq!(masked(id), shown);
        }
    }

    #[test]
    fn a_page_beyond_the_last_is_the_last() {
        let query = |page: &str| {
            Query(vec![("page".to_owned(), page.to_owned()), ("q".to_owned(), "a b".to_owned())])
        };
        let third = part(101, 50, &query("9"));
        assert_eq!((third.from, third.until), (100, 101));
        assert_eq!(part(0, 50, &query("x")).until, 0);
        assert_eq!(query("1").turned("page", 2), "?q=a+b&page=2");
    }
}
