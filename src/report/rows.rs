//! Rows of the tables of the page, each number with where it stands in the JSON form.

use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Line, Links, Overruled, Stake, TicketKey, TicketLine, WeekLine, Weekly, chart,
    sentences::{CARDS, notes},
    words,
};
use crate::ticket::facts;

/// Most keys that are written out below one number; the JSON form has them all.
const KEYS: usize = 200;
/// Most lines of what people did, likewise.
const PEOPLE: usize = 40;

#[derive(Serialize)]
pub(super) struct Card {
    pub(super) name: &'static str,
    pub(super) at: &'static str,
    pub(super) value: String,
    pub(super) note_at: String,
    pub(super) note: String,
}

/// A number and the tickets that it was counted from.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Trail {
    pub(super) id: String,
    /// Where the number stands in the JSON form.
    pub(super) at: String,
    pub(super) keys_at: String,
    pub(super) name: String,
    pub(super) sign: &'static str,
    pub(super) count: String,
    pub(super) keys: Vec<Key>,
    pub(super) more: usize,
    pub(super) search: String,
    /// Where a reader finds the tickets: the search, where one can name them all, else the list below; of disputes that
    /// are in no group, what is said of those. Empty where there is nothing.
    pub(super) href: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Key {
    pub(super) key: String,
    pub(super) link: String,
}

#[derive(Serialize)]
pub(super) struct DeadlineRow {
    pub(super) day: String,
    pub(super) weekday: String,
    pub(super) programs: String,
    pub(super) trail: Trail,
    pub(super) exposed: String,
    pub(super) recoverable: String,
    pub(super) alone: usize,
}

#[derive(Serialize)]
pub(super) struct ProgramRow {
    pub(super) name: String,
    pub(super) disputes: String,
    pub(super) units: Vec<UnitRow>,
    pub(super) trail: Trail,
    pub(super) exposed: String,
    pub(super) recoverable: String,
    pub(super) exposed_width: f64,
    pub(super) recoverable_width: f64,
}

#[derive(Serialize)]
pub(super) struct UnitRow {
    pub(super) unit: String,
    pub(super) text: String,
    pub(super) href: String,
}

#[derive(Serialize)]
pub(super) struct TopRow {
    pub(super) key: Key,
    pub(super) group: String,
    pub(super) client: String,
    pub(super) cause: String,
    pub(super) who: String,
    pub(super) owner: String,
    pub(super) title: String,
    pub(super) disputes: String,
    pub(super) exposed: String,
    pub(super) recoverable: String,
    pub(super) due: String,
    pub(super) line: String,
    pub(super) end: Option<(String, String)>,
    pub(super) trend: String,
}

#[derive(Serialize)]
pub(super) struct KeyedRow {
    pub(super) key: Key,
    pub(super) client: String,
    pub(super) what: String,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) change: String,
    pub(super) why: String,
}

#[derive(Serialize)]
pub(super) struct PersonRow {
    pub(super) key: Key,
    pub(super) client: String,
    pub(super) what: String,
    pub(super) words: String,
    pub(super) new: bool,
}

#[derive(Serialize)]
pub(super) struct Breakdown {
    pub(super) id: &'static str,
    /// Its list in the JSON form.
    pub(super) list: &'static str,
    /// Where the whole stands there that shares are of.
    pub(super) all: &'static str,
    pub(super) title: &'static str,
    pub(super) class: &'static str,
    pub(super) counts_groups: bool,
    pub(super) rows: Vec<BreakdownRow>,
}

#[derive(Serialize)]
pub(super) struct BreakdownRow {
    pub(super) name: String,
    pub(super) groups: String,
    pub(super) disputes: String,
    pub(super) share: String,
    pub(super) exposed: String,
    pub(super) recoverable: String,
    pub(super) trail: Trail,
}

/// How the figures of a run that are no tickets' are told.
pub(super) const OF_RUN: &str = "#run";
/// Where those are told of that are in no group.
const ALONE: &str = "#alone";

pub(super) fn key(key: &str, links: &Links) -> Key {
    Key {
        key: if key.is_empty() { "no ticket yet".to_owned() } else { key.to_owned() },
        link: links.ticket(key),
    }
}

/// What a number is and where it stands.
pub(super) struct Named<'a> {
    pub(super) id: &'a str,
    pub(super) at: &'a str,
    pub(super) keys_at: &'a str,
    pub(super) name: &'a str,
    pub(super) sign: &'static str,
}

impl Named<'_> {
    /// The number with the tickets that it was counted from.
    pub(super) fn trail(self, count: usize, keys: &[TicketKey], links: &Links) -> Trail {
        let Self { id, at, keys_at, name, sign } = self;
        let search = links.search(keys);
        let href = match (count, keys.is_empty(), search.is_empty()) {
            (0, _, _) => String::new(),
            (_, true, _) => ALONE.to_owned(),
            (_, false, true) => format!("#{id}"),
            (_, false, false) => search.clone(),
        };
        Trail {
            id: id.to_owned(),
            at: at.to_owned(),
            keys_at: keys_at.to_owned(),
            name: name.to_owned(),
            sign,
            count: facts::thousands(count),
            keys: keys.iter().take(KEYS).map(|one| key(one, links)).collect(),
            more: keys.len().saturating_sub(KEYS),
            search,
            href,
        }
    }
}

/// The trail of one line of a list in the JSON form.
pub(super) fn line_trail(
    list: &str,
    place: usize,
    count_at: &str,
    name: &str,
    (count, keys): (usize, &[TicketKey]),
    links: &Links,
) -> Trail {
    let at = format!(".{list}[{place}]");
    let named = Named {
        id: &format!("{list}-{place}"),
        at: &format!("{at}.{count_at}"),
        keys_at: &format!("{at}.keys"),
        name,
        sign: "",
    };
    named.trail(count, keys, links)
}

/// What came and what went in each week of the chart.
pub(super) fn weeks(weekly: &Weekly, links: &Links) -> Vec<[Trail; 2]> {
    let trails = |(place, line): (usize, &WeekLine)| {
        let of = |what: &str, count: usize, keys: &[TicketKey]| {
            let named = Named {
                id: &format!("{what}-{}", line.week),
                at: &format!(".weeks[{place}].{what}"),
                keys_at: &format!(".weeks[{place}].{what}_keys"),
                name: &format!("{what} in {}", line.week),
                sign: "",
            };
            named.trail(count, keys, links)
        };
        [of("came", line.came, &line.came_keys), of("went", line.went, &line.went_keys)]
    };
    weekly.weeks.iter().enumerate().map(trails).collect()
}

/// Of each state its disputes.
pub(super) fn states(weekly: &Weekly, links: &Links) -> Vec<Trail> {
    let trail = |(place, line): (usize, &Line)| {
        let name = format!("disputes of the state {}", line.name);
        line_trail("states", place, "sum.disputes", &name, (line.sum.disputes, &line.keys), links)
    };
    weekly.states.iter().enumerate().map(trail).collect()
}

/// Of each bar of the causes its disputes; the last bar may stand for several.
pub(super) fn cause_bars(weekly: &Weekly, bars: usize, links: &Links) -> Vec<Trail> {
    let last = bars.saturating_sub(1);
    (0..bars)
        .map(|place| {
            let upto = if place == last { weekly.causes.len() } else { place + 1 };
            let lines = weekly.causes.get(place..upto).unwrap_or_default();
            if let [line] = lines {
                let sum = (line.sum.disputes, line.keys.as_slice());
                return line_trail("causes", place, "sum.disputes", &line.name, sum, links);
            }
            let mut keys: Vec<TicketKey> = lines.iter().flat_map(|line| line.keys.iter().cloned()).collect();
            keys.sort_by_cached_key(|key| words::natural(key));
            let named = Named {
                id: "causes-others",
                at: &format!("[.causes[{place}:][].sum.disputes] | add"),
                keys_at: &format!("[.causes[{place}:][].keys[]] | unique"),
                name: "disputes of all other causes",
                sign: "",
            };
            named.trail(lines.iter().map(|line| line.sum.disputes).sum(), &keys, links)
        })
        .collect()
}

/// Of each band of age its disputes.
pub(super) fn ages(weekly: &Weekly, links: &Links) -> Vec<Trail> {
    weekly
        .ageing
        .iter()
        .enumerate()
        .map(|(place, (band, count))| {
            let named = Named {
                id: &format!("ageing-{place}"),
                at: &format!(".ageing[{place}][1]"),
                keys_at: &format!(".ageing_keys[\"{band}\"]"),
                name: &format!("disputes aged {band}"),
                sign: "",
            };
            named.trail(*count, weekly.ageing_keys.get(band.as_str()).map_or(&[][..], Vec::as_slice), links)
        })
        .collect()
}

pub(super) fn stake_trail(id: &str, at: &str, name: &str, stake: &Stake, links: &Links) -> Trail {
    let (count_at, keys_at) = (format!("{at}.sum.disputes"), format!("{at}.keys"));
    let named = Named { id, at: &count_at, keys_at: &keys_at, name, sign: "" };
    named.trail(stake.sum.disputes, &stake.keys, links)
}

pub(super) fn deadlines(weekly: &Weekly, links: &Links) -> Vec<DeadlineRow> {
    weekly
        .deadlines
        .iter()
        .enumerate()
        .map(|(place, deadline)| {
            let id = format!("due-{}", deadline.day);
            let at = format!(".deadlines[{place}].stake");
            DeadlineRow {
                day: deadline.day.strftime("%-d %B").to_string(),
                weekday: deadline.day.strftime("%A").to_string(),
                programs: deadline.programs.join(", "),
                trail: stake_trail(&id, &at, "", &deadline.stake, links),
                exposed: words::dollars(deadline.stake.sum.exposed),
                recoverable: words::dollars(deadline.stake.sum.recoverable),
                alone: deadline.stake.alone,
            }
        })
        .collect()
}

pub(super) fn programs(weekly: &Weekly, links: &Links) -> Vec<ProgramRow> {
    let most = weekly
        .programs
        .iter()
        .map(|line| line.figures.exposed.max(line.figures.recoverable))
        .max()
        .unwrap_or_default();
    let width = |amount: Decimal| {
        if most <= Decimal::ZERO || amount <= Decimal::ZERO {
            return 0.0;
        }
        let share: f64 = (amount / most).try_into().unwrap_or(0.0);
        ((share * 1000.0).round() / 10.0).max(1.0)
    };
    weekly
        .programs
        .iter()
        .enumerate()
        .map(|(place, line)| ProgramRow {
            name: line.program.clone(),
            disputes: facts::thousands(line.figures.disputes),
            units: line.figures.units.iter().map(|(unit, count)| unit_row(unit, *count, "")).collect(),
            trail: line_trail(
                "programs",
                place,
                "figures.disputes",
                &format!("disputes of the program {}", line.program),
                (line.figures.disputes, &line.keys),
                links,
            ),
            exposed: words::dollars(line.figures.exposed),
            recoverable: words::dollars(line.figures.recoverable),
            exposed_width: width(line.figures.exposed),
            recoverable_width: width(line.figures.recoverable),
        })
        .collect()
}

pub(super) fn units(weekly: &Weekly, trails: &[Trail]) -> Vec<UnitRow> {
    let units = weekly.total.units.iter().zip(trails);
    units.map(|((unit, count), trail)| unit_row(unit, *count, &trail.href)).collect()
}

/// Of each type of units the tickets.
pub(super) fn unit_trails(weekly: &Weekly, links: &Links) -> Vec<Trail> {
    weekly
        .total
        .units
        .keys()
        .enumerate()
        .map(|(place, unit)| {
            let keys_at = format!(".unit_keys[\"{unit}\"]");
            let named = Named {
                id: &format!("units-{place}"),
                at: &format!("{keys_at} | length"),
                keys_at: &keys_at,
                name: &format!("tickets with units of the type {unit}"),
                sign: "",
            };
            let keys = weekly.unit_keys.get(unit).map_or(&[][..], Vec::as_slice);
            named.trail(keys.len(), keys, links)
        })
        .collect()
}

fn unit_row(unit: &str, count: Decimal, href: &str) -> UnitRow {
    UnitRow { unit: unit.to_owned(), text: facts::units_text(count, unit), href: href.to_owned() }
}

pub(super) fn top(weekly: &Weekly, links: &Links) -> Vec<TopRow> {
    weekly
        .top
        .iter()
        .map(|group| {
            let line = chart::sparkline(&group.series);
            let end = line.rsplit(' ').next().and_then(|corner| corner.split_once(','));
            let numbers: Vec<String> = group.series.iter().copied().map(facts::thousands).collect();
            TopRow {
                key: key(&group.key, links),
                group: group.group.clone(),
                client: group.client.clone(),
                cause: group.cause.clone(),
                who: group.who.clone(),
                owner: words::owner(&group.key, group.owner.as_deref()),
                title: group.title.clone(),
                disputes: facts::thousands(group.figures.disputes),
                exposed: words::dollars(group.figures.exposed),
                recoverable: words::dollars(group.figures.recoverable),
                due: group.figures.due.map_or_else(|| "not given".to_owned(), |due| due.to_string()),
                end: end.map(|(x, y)| (x.to_owned(), y.to_owned())),
                trend: format!("open disputes by week: {}", numbers.join(", ")),
                line,
            }
        })
        .collect()
}

pub(super) fn changes(weekly: &Weekly, links: &Links) -> Vec<KeyedRow> {
    weekly
        .changes
        .iter()
        .map(|change| KeyedRow {
            key: key(&change.key, links),
            client: change.client.clone(),
            what: change.what.clone(),
            before: facts::thousands(change.before),
            after: facts::thousands(change.after),
            change: if change.after >= change.before {
                format!("+{}", facts::thousands(change.after - change.before))
            } else {
                format!("−{}", facts::thousands(change.before - change.after))
            },
            why: change.why.clone(),
        })
        .collect()
}

pub(super) fn tickets(lines: &[TicketLine], links: &Links) -> Vec<KeyedRow> {
    lines
        .iter()
        .map(|line| KeyedRow {
            key: key(&line.key, links),
            client: line.client.clone(),
            what: line.what.clone(),
            before: String::new(),
            after: facts::thousands(line.disputes),
            change: String::new(),
            why: String::new(),
        })
        .collect()
}

pub(super) fn people(lines: &[Overruled], links: &Links) -> Vec<PersonRow> {
    lines
        .iter()
        .take(PEOPLE)
        .map(|line| PersonRow {
            key: key(&line.key, links),
            client: line.client.clone(),
            what: line.what.clone(),
            words: line.words.clone(),
            new: line.new,
        })
        .collect()
}

pub(super) fn breakdowns(weekly: &Weekly, links: &Links) -> Vec<Breakdown> {
    let all = weekly.total.disputes;
    let rows = |list: &str, lines: &[Line], all: usize| -> Vec<BreakdownRow> {
        let row = |(place, line): (usize, &Line)| BreakdownRow {
            name: line.name.clone(),
            groups: line.groups.map(facts::thousands).unwrap_or_default(),
            disputes: facts::thousands(line.sum.disputes),
            share: words::percent(line.sum.disputes, all),
            exposed: words::dollars(line.sum.exposed),
            recoverable: words::dollars(line.sum.recoverable),
            trail: line_trail(
                list,
                place,
                "sum.disputes",
                &format!("disputes of {}", line.name),
                (line.sum.disputes, &line.keys),
                links,
            ),
        };
        lines.iter().enumerate().map(row).collect()
    };
    let grouped: usize = weekly.causes.iter().map(|line| line.sum.disputes).sum();
    vec![
        Breakdown {
            id: "by-client",
            list: "clients",
            all: ".total.disputes",
            title: "By client",
            class: "Client",
            counts_groups: true,
            rows: rows("clients", &weekly.clients, all),
        },
        Breakdown {
            id: "by-cause",
            list: "causes",
            all: "[.causes[].sum.disputes] | add",
            title: "By likely cause",
            class: "Likely cause",
            counts_groups: true,
            rows: rows("causes", &weekly.causes, grouped),
        },
        Breakdown {
            id: "by-entity",
            list: "entities",
            all: ".total.disputes",
            title: "By type of the 340B covered entity",
            class: "Covered entity",
            counts_groups: false,
            rows: rows("entities", &weekly.entities, all),
        },
    ]
    .into_iter()
    .filter(|breakdown| !breakdown.rows.is_empty())
    .collect()
}

pub(super) fn cards(weekly: &Weekly) -> Vec<Card> {
    let names = ["Open disputes", "Root causes, one ticket each", "Exposed", "Recoverable"];
    let values = [
        (".total.disputes", facts::thousands(weekly.total.disputes)),
        (".flow.after", facts::thousands(weekly.flow.after)),
        (".total.exposed", words::dollars(weekly.total.exposed)),
        (".total.recoverable", words::dollars(weekly.total.recoverable)),
    ];
    names
        .into_iter()
        .zip(values)
        .zip(CARDS.into_iter().zip(notes(weekly)))
        .map(|((name, (at, value)), (note_name, note))| Card {
            name,
            at,
            value,
            note_at: format!(".sentences.note_{note_name}"),
            note,
        })
        .collect()
}
