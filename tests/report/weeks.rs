//! The further figures of every week of the history, once more from the lines of the journal.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use disputebot::{
    dispute::Program,
    report::{self, TicketKey, Week},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{journal, later, quarter, same, state, taken, two_digits};

/// The lines of the journal up to an instant: the last of each group, all runs, and the keys of tickets.
pub(crate) struct Lines {
    pub(crate) groups: BTreeMap<String, Value>,
    pub(crate) runs: Vec<Value>,
    pub(crate) keys: BTreeMap<String, TicketKey>,
}

impl Lines {
    pub(crate) fn before(all: &[(Timestamp, Value)], end: Timestamp, client: Option<&str>) -> Self {
        let mut lines = Self { groups: BTreeMap::new(), runs: Vec::new(), keys: BTreeMap::new() };
        for (_, body) in all.iter().filter(|(at, _)| *at < end) {
            match body["change"].as_str().unwrap() {
                "group" => {
                    let of = text(&body["group"]["client"]);
                    if client.is_none_or(|client| client == of) {
                        lines.groups.insert(text(&body["group"]["id"]).to_owned(), body.clone());
                    }
                }
                "ticket" => {
                    let key = text(&body["link"]["issue"]["key"]).to_owned();
                    lines.keys.insert(text(&body["group"]).to_owned(), key.into());
                }
                "run" => lines.runs.push(body.clone()),
                _ => {}
            }
        }
        lines
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.groups.iter().filter(|(_, body)| body["group"]["status"]["state"] == "active")
    }

    pub(crate) fn size(&self, id: &str) -> usize {
        let body = self.groups.get(id).filter(|body| body["group"]["status"]["state"] == "active");
        body.map_or(0, |body| body["group"]["members"].as_array().unwrap().len())
    }

    /// Days that groups took which were settled between two instants, and are still.
    pub(crate) fn days_taken(&self, from: Timestamp, to: Timestamp) -> Vec<i64> {
        let mut days: Vec<i64> = self
            .groups
            .values()
            .filter(|body| body["group"]["status"]["state"] == "resolved")
            .map(|body| (at(&body["group"]["status"]["at"]), at(&body["group"]["since"])))
            .filter(|(end, _)| from <= *end && *end < to)
            .map(|(end, since)| end.duration_since(since).as_hours() / 24)
            .collect();
        days.sort_unstable();
        days
    }

    /// Tickets of the open groups that something holds for, as people count.
    fn keys_of(&self, holds: impl Fn(&Value) -> bool) -> Vec<TicketKey> {
        let mut keys: Vec<TicketKey> =
            self.open().filter(|(_, body)| holds(body)).map(|(id, _)| self.keys[id].clone()).collect();
        keys.sort_by_key(|key| key[5..].parse::<u32>().unwrap());
        keys
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn count(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

pub(crate) fn money(value: &Value) -> Decimal {
    text(value).parse().unwrap()
}

/// The sums of a run by client, of the client that is looked at.
pub(crate) fn snapshots<'a>(
    run: &'a Value,
    client: Option<&'a str>,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let all = run["clients"].as_object().unwrap();
    all.iter().filter(move |(name, _)| client.is_none_or(|client| client == *name))
}

/// Disputes by each name of one breakdown.
pub(crate) fn mix<'a>(
    runs: impl IntoIterator<Item = &'a Value>,
    client: Option<&'a str>,
    list: &str,
    number: &str,
) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for run in runs {
        for (_, snapshot) in snapshots(run, client) {
            for (name, value) in snapshot[list].as_object().unwrap() {
                let value = if number.is_empty() { value } else { &value[number] };
                *found.entry(name.clone()).or_insert(0) += count(value);
            }
        }
    }
    found
}

pub(crate) fn distance(now: &BTreeMap<String, usize>, then: &BTreeMap<String, usize>) -> f64 {
    let share = |of: &BTreeMap<String, usize>, name: &String| {
        of.get(name).copied().unwrap_or(0) as f64 / of.values().sum::<usize>() as f64
    };
    let names: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
    names.into_iter().map(|name| (share(now, name) - share(then, name)).abs()).sum::<f64>() / 2.0
}

pub(crate) fn at(value: &Value) -> Timestamp {
    text(value).parse().unwrap()
}

fn days(found: &[disputebot::report::Line]) -> BTreeMap<String, usize> {
    found.iter().map(|line| (line.name.clone(), line.sum.disputes)).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one figure after the other")]
fn the_further_figures_of_every_week_are_those_of_the_journal() {
    let folder = state();
    let (all, changes) = (journal(&folder), quarter::changes(&same));
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for place in 0..20 {
        let week = Week::of(quarter::at(place), &TimeZone::UTC);
        let bounds = week.bounds_of(report::WEEKS, &TimeZone::UTC);
        let (from, to) = week.bounds(&TimeZone::UTC);
        let history = taken(&changes, week);
        for client in [None, Some(quarter::CLIENTS[0]), Some(quarter::CLIENTS[1])] {
            let found = report::weekly(&history, week, &TimeZone::UTC, client, later());
            let (is, was) = (Lines::before(&all, to, client), Lines::before(&all, from, client));
            let run = is.runs.last().unwrap();
            let of = format!("{week} {client:?}");

            // Stock: ages, types of entities, causes, clients, programs.
            let ages: BTreeMap<String, usize> = found.ageing.iter().cloned().collect();
            assert_eq!(ages, mix([run], client, "ageing", ""), "{of}");
            let mut entities = mix([run], client, "entities", "disputes");
            if let Some(none) = entities.remove("unknown") {
                entities.insert("not given".to_owned(), none);
            }
            assert_eq!(days(&found.entities), entities, "{of}");
            let (mut causes, mut groups): (BTreeMap<String, usize>, BTreeMap<String, usize>) =
                Default::default();
            for (_, body) in is.open() {
                *causes.entry(text(&body["cause"]).to_owned()).or_default() +=
                    count(&body["figures"]["disputes"]);
                *groups.entry(text(&body["group"]["client"]).to_owned()).or_default() += 1;
            }
            assert_eq!(days(&found.causes), causes, "{of}");
            let clients: BTreeMap<String, usize> =
                found.clients.iter().map(|line| (line.name.clone(), line.groups.unwrap())).collect();
            assert_eq!(clients, groups, "{of}");
            let programs: BTreeMap<String, usize> =
                found.programs.iter().map(|line| (line.program.clone(), line.figures.disputes)).collect();
            let expected = mix([run], client, "programs", "disputes");
            let expected: BTreeMap<String, usize> = expected
                .into_iter()
                .map(|(name, disputes)| {
                    (Program::from_name(&name).unwrap().human_name().to_owned(), disputes)
                })
                .collect();
            assert_eq!(programs, expected, "{of}");
            assert_eq!((found.grouped, found.ungrouped), {
                let sum = |what: &str| snapshots(run, client).map(|(_, it)| count(&it[what])).sum::<usize>();
                (sum("grouped"), sum("ungrouped"))
            });

            // Tickets behind them.
            assert_eq!(found.open_keys, is.keys_of(|_| true), "{of}");
            for line in &found.states {
                let has = |body: &Value| {
                    let states = body["spread"]["states"].as_array();
                    states.is_some_and(|all| all.iter().any(|pair| text(&pair[0]) == line.name))
                };
                assert_eq!(line.keys, is.keys_of(has), "{of} {}", line.name);
            }
            for line in &found.entities {
                let name = if line.name == "not given" { "unknown" } else { &line.name };
                let has = |body: &Value| {
                    let entities = body["spread"]["entities"].as_array();
                    entities.is_some_and(|all| all.iter().any(|pair| text(&pair[0]) == name))
                };
                assert_eq!(line.keys, is.keys_of(has), "{of} {}", line.name);
            }
            for line in &found.causes {
                let keys = is.keys_of(|body| text(&body["cause"]) == line.name);
                assert_eq!(line.keys, keys, "{of} {}", line.name);
            }
            for line in &found.clients {
                let keys = is.keys_of(|body| text(&body["group"]["client"]) == line.name);
                assert_eq!(line.keys, keys, "{of} {}", line.name);
            }
            for line in &found.programs {
                let named =
                    |body: &Value| Program::from_name(text(&body["group"]["program"])).unwrap().human_name();
                let keys = is.keys_of(|body| named(body) == line.program);
                assert_eq!(line.keys, keys, "{of} {}", line.program);
            }
            let units: BTreeSet<&String> = is
                .open()
                .flat_map(|(_, body)| body["figures"]["units"].as_object().unwrap().keys())
                .collect();
            assert!(found.unit_keys.keys().eq(units), "{of}");
            for (unit, keys) in &found.unit_keys {
                let has = |body: &Value| !body["figures"]["units"][unit.as_str()].is_null();
                assert_eq!(*keys, is.keys_of(has), "{of} {unit}");
            }

            // Tickets behind what came and what went.
            for step in &found.flow.steps {
                let fits = |id: &String, body: &Value| {
                    let before = was.groups.get(id).map(|body| text(&body["group"]["status"]["state"]));
                    let is_split = !body["group"]["split_from"].is_null();
                    match (before, text(&body["group"]["status"]["state"]), step.name) {
                        (None, _, "new") => !is_split,
                        (None, _, "split off") => is_split,
                        (Some("resolved" | "merged"), "active", "reopened") => true,
                        (None | Some("active"), now, name) => now == name,
                        _ => false,
                    }
                };
                let mut keys: Vec<TicketKey> = is
                    .groups
                    .iter()
                    .filter(|(id, body)| fits(id, body))
                    .map(|(id, _)| is.keys[id].clone())
                    .collect();
                keys.sort_by_key(|key| key[5..].parse::<u32>().unwrap());
                assert_eq!((step.count, &step.keys), (keys.len(), &keys), "{of} {}", step.name);
            }
            let this_week = found.weeks.last().unwrap();
            for (keys, adds) in [(&this_week.came_keys, true), (&this_week.went_keys, false)] {
                let of_steps: BTreeSet<&TicketKey> = found
                    .flow
                    .steps
                    .iter()
                    .filter(|step| step.adds == adds)
                    .flat_map(|step| &step.keys)
                    .collect();
                assert_eq!(keys.iter().collect::<BTreeSet<_>>(), of_steps, "{of}");
            }
            let today: Date = text(&run["at"])[..10].parse().unwrap();
            for (low, high, band) in [
                (0, 30, "0 to 30 days"),
                (31, 60, "31 to 60 days"),
                (61, 90, "61 to 90 days"),
                (91, 9_999, "over 90 days"),
            ] {
                let has = |body: &Value| {
                    let opened = body["spread"]["opened"].as_array();
                    opened.is_some_and(|all| {
                        all.iter().any(|pair| {
                            let age =
                                today.since(text(&pair[0]).parse::<Date>().unwrap()).unwrap().get_days();
                            low <= age && age <= high
                        })
                    })
                };
                assert_eq!(
                    found.ageing_keys.get(band).cloned().unwrap_or_default(),
                    is.keys_of(has),
                    "{of} {band}"
                );
            }

            // What was due before the two weeks.
            let next = week.days().1.saturating_add(1.days());
            let overdue: usize = snapshots(run, client)
                .flat_map(|(_, it)| it["due"].as_array().unwrap())
                .filter(|due| text(&due["day"]).parse::<Date>().unwrap() < next)
                .map(|due| count(&due["sum"]["disputes"]))
                .sum();
            assert_eq!(found.overdue.sum.disputes, overdue, "{of}");

            // How long what was resolved had taken.
            let days = is.days_taken(from, to);
            assert_eq!(found.resolution.days, days, "{of}");

            // The largest groups, and those that changed most.
            let worth =
                |body: &Value| money(&body["figures"]["exposed"]) + money(&body["figures"]["recoverable"]);
            let mut open: Vec<(&String, &Value)> = is.open().collect();
            open.sort_by_key(|(id, body)| {
                (
                    Reverse(worth(body)),
                    Reverse(body["group"]["members"].as_array().unwrap().len()),
                    (*id).clone(),
                )
            });
            let top: Vec<&str> = open.iter().take(15).map(|(id, _)| &*is.keys[*id]).collect();
            assert_eq!(found.top.iter().map(|group| group.key.as_str()).collect::<Vec<_>>(), top, "{of}");
            let first = open.first().map(|(_, body)| two_digits(money(&body["figures"]["exposed"])));
            assert_eq!(found.top.first().map(|group| group.figures.exposed), first, "{of}");
            let mut changes: Vec<(Reverse<usize>, &String, usize, usize)> = is
                .groups
                .keys()
                .map(|id| (id, was.size(id), is.size(id)))
                .filter(|(_, before, after)| before != after)
                .map(|(id, before, after)| (Reverse(before.abs_diff(after)), id, before, after))
                .collect();
            changes.sort();
            let expected: Vec<(&str, usize, usize)> = changes
                .iter()
                .take(12)
                .map(|(_, id, before, after)| (&*is.keys[*id], *before, *after))
                .collect();
            let shown: Vec<(&str, usize, usize)> = found
                .changes
                .iter()
                .map(|change| (change.key.as_str(), change.before, change.after))
                .collect();
            assert_eq!(shown, expected, "{of}");

            // Open disputes of each week, and the next one from the middle of the last eight changes.
            let total = |run: &Value| {
                snapshots(run, client)
                    .map(|(_, it)| count(&it["grouped"]) + count(&it["ungrouped"]))
                    .sum::<usize>()
            };
            let open: Vec<Option<usize>> = bounds
                .windows(2)
                .map(|pair| {
                    is.runs
                        .iter()
                        .rfind(|run| pair[0] <= at(&run["at"]) && at(&run["at"]) < pair[1])
                        .map(total)
                })
                .collect();
            assert_eq!(found.backlog.weeks.iter().map(|line| line.open).collect::<Vec<_>>(), open, "{of}");
            let mut steps: Vec<i64> = open[open.len() - 9..]
                .windows(2)
                .filter_map(|pair| Some(i64::try_from(pair[1]?).unwrap() - i64::try_from(pair[0]?).unwrap()))
                .collect();
            steps.sort_unstable();
            let middle = match steps.len() {
                0..3 => None,
                odd if odd % 2 == 1 => Some(steps[odd / 2]),
                even => Some(i64::midpoint(steps[even / 2 - 1], steps[even / 2])),
            };
            let next = middle.map(|step| usize::try_from(i64::try_from(total(run)).unwrap() + step).unwrap());
            assert_eq!(found.backlog.forecast.map(|forecast| forecast.open), next, "{of}");

            // The quality: rules, names that were kept, and how far each mix moved from the eleven weeks before.
            let fit =
                |what: &str| snapshots(run, client).map(|(_, it)| count(&it["rules"][what])).sum::<usize>();
            let rules = found.quality.rules;
            assert_eq!(
                (rules.matching, rules.found, rules.members),
                (fit("matching"), fit("found"), fit("members"))
            );
            let merged = was
                .open()
                .filter(|(id, _)| is.groups[*id]["group"]["status"]["state"] == "merged")
                .map(|(id, _)| was.keys[id].clone())
                .collect::<BTreeSet<_>>();
            assert_eq!(found.quality.ids_lost.iter().cloned().collect::<BTreeSet<_>>(), merged, "{of}");
            assert_eq!(found.quality.ids_kept.whole, was.open().count(), "{of}");
            let older: Vec<&Value> = was
                .runs
                .iter()
                .rev()
                .take(11)
                .filter(|run| client.is_none_or(|client| run["clients"].get(client).is_some()))
                .collect();
            for (name, list, number) in [
                ("programs", "programs", "disputes"),
                ("states", "states", "disputes"),
                ("ages", "ageing", ""),
                ("reason codes", "codes", ""),
                ("likely causes", "causes", ""),
            ] {
                let told =
                    found.quality.drift.iter().find(|drift| drift.of == name).map(|drift| drift.distance);
                let then = mix(older.iter().copied(), client, list, number);
                if let Some(told) = told {
                    let expected = distance(&mix([run], client, list, number), &then);
                    assert!((told - expected).abs() < 1e-9, "{of} {name}: {told} and {expected}");
                } else {
                    assert!(then.is_empty(), "{of} {name}");
                }
            }
            for (what, count) in [
                ("resolved", days.len()),
                ("merged", merged.len()),
                ("overdue", overdue),
                ("changes", shown.len()),
                ("forecasts", usize::from(next.is_some())),
                ("drift", found.quality.drift.len()),
            ] {
                *seen.entry(what).or_default() += count;
            }
            for step in &found.flow.steps {
                *seen.entry(step.name).or_default() += step.count;
            }
        }
    }
    assert!(
        seen.values().all(|count| *count > 0) && seen.len() == 9,
        "every figure was something once: {seen:?}"
    );
}
