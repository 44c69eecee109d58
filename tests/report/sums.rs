//! Money, units, deadlines, forecasts, drift and reasons of every week, once more from the lines of the journal.

use std::collections::{BTreeMap, BTreeSet};

use disputebot::{
    dispute::Program,
    report::{self, Forecast, Line, TicketKey, Week, Weekly},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    journal, later, quarter, same, state, taken, two_digits,
    weeks::{Lines, at, count, distance, mix, money, snapshots, text},
};

/// One week of one client, or of all.
struct Scene<'a> {
    week: Week,
    client: Option<&'a str>,
    /// The lines up to the end of the week, and up to its start.
    is: Lines,
    was: Lines,
    bounds: Vec<Timestamp>,
}

/// Exposed, recoverable.
type Money = (Decimal, Decimal);

fn both(of: &Value) -> Money {
    (money(&of["exposed"]), money(&of["recoverable"]))
}

fn shown((exposed, recoverable): Money) -> Money {
    (two_digits(exposed), two_digits(recoverable))
}

fn added<'a>(all: impl IntoIterator<Item = &'a Value>) -> Money {
    all.into_iter().map(both).fold(Money::default(), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn money_of(lines: &[Line]) -> BTreeMap<String, Money> {
    lines.iter().map(|line| (line.name.clone(), (line.sum.exposed, line.sum.recoverable))).collect()
}

impl Scene<'_> {
    /// The last run up to the end of the week.
    fn run(&self) -> &Value {
        self.is.runs.last().unwrap()
    }

    fn snapshots(&self) -> Vec<&Value> {
        snapshots(self.run(), self.client).map(|(_, snapshot)| snapshot).collect()
    }

    fn runs_of(&self, place: usize) -> impl Iterator<Item = &Value> {
        let (from, to) = (self.bounds[place], self.bounds[place + 1]);
        self.is.runs.iter().filter(move |run| from <= at(&run["at"]) && at(&run["at"]) < to)
    }

    fn last_place(&self) -> usize {
        self.bounds.len() - 2
    }

    /// Writes of the week that are to be shown.
    fn done(&self) -> Vec<&Value> {
        let all = self.runs_of(self.last_place()).flat_map(|run| run["done"].as_array().unwrap());
        all.filter(|done| self.is.groups.contains_key(text(&done["group"]))).collect()
    }

    fn keys(&self, groups: impl IntoIterator<Item = String>) -> Vec<TicketKey> {
        let keys: BTreeSet<u32> =
            groups.into_iter().map(|id| self.is.keys[&id][5..].parse().unwrap()).collect();
        keys.into_iter().map(|number| format!("DISP-{number}").into()).collect()
    }

    /// What falls due on some days.
    fn due(&self, wanted: impl Fn(Date) -> bool) -> (usize, Money, Vec<TicketKey>, usize) {
        let all = self.snapshots().into_iter().flat_map(|it| it["due"].as_array().unwrap());
        let due: Vec<&Value> = all.filter(|due| wanted(text(&due["day"]).parse().unwrap())).collect();
        let has = |body: &Value| {
            let days = body["due"].as_array().into_iter().flatten();
            days.map(|day| text(day).parse().unwrap()).any(&wanted)
        };
        let groups = self.is.open().filter(|(_, body)| has(body)).map(|(id, _)| id.to_owned());
        (
            due.iter().map(|due| count(&due["sum"]["disputes"])).sum(),
            shown(added(due.iter().map(|due| &due["sum"]))),
            self.keys(groups),
            due.iter().map(|due| count(&due["alone"])).sum(),
        )
    }
}

fn programs(scene: &Scene<'_>, found: &Weekly) {
    for line in &found.programs {
        let named = |name: &str| Program::from_name(name).unwrap().human_name() == line.program;
        let figures: Vec<&Value> = scene
            .snapshots()
            .into_iter()
            .flat_map(|it| it["programs"].as_object().unwrap())
            .filter(|(name, _)| named(name))
            .map(|(_, figures)| figures)
            .collect();
        let mut units: BTreeMap<String, Decimal> = BTreeMap::new();
        for (unit, number) in figures.iter().flat_map(|it| it["units"].as_object().unwrap()) {
            *units.entry(unit.clone()).or_default() += money(number);
        }
        let (exposed, recoverable) = (line.figures.exposed, line.figures.recoverable);
        assert_eq!((exposed, recoverable), shown(added(figures)), "{}", line.program);
        assert_eq!(line.figures.units, units, "{}", line.program);
    }
}

fn breakdowns(scene: &Scene<'_>, found: &Weekly) {
    for (lines, list) in [(&found.states, "states"), (&found.entities, "entities")] {
        let mut sums: BTreeMap<String, Money> = BTreeMap::new();
        for (name, sum) in scene.snapshots().into_iter().flat_map(|it| it[list].as_object().unwrap()) {
            let name = if name == "unknown" { "not given" } else { name };
            let of = sums.entry(name.to_owned()).or_default();
            *of = (of.0 + both(sum).0, of.1 + both(sum).1);
        }
        let expected = sums.into_iter().map(|(name, sum)| (name, shown(sum))).collect();
        assert_eq!(money_of(lines), expected, "{list}");
    }
    let clients: BTreeMap<String, Money> = snapshots(scene.run(), scene.client)
        .map(|(name, it)| (name.clone(), shown(added(it["programs"].as_object().unwrap().values()))))
        .collect();
    assert_eq!(money_of(&found.clients), clients);
    let mut causes: BTreeMap<String, Money> = BTreeMap::new();
    for (_, body) in scene.is.open() {
        let (of, more) = (causes.entry(text(&body["cause"]).to_owned()).or_default(), both(&body["figures"]));
        *of = (of.0 + more.0, of.1 + more.1);
    }
    let causes = causes.into_iter().map(|(name, sum)| (name, shown(sum))).collect();
    assert_eq!(money_of(&found.causes), causes);
}

fn deadlines(scene: &Scene<'_>, found: &Weekly) -> usize {
    let stake = |of: &report::Stake| {
        (of.sum.disputes, (of.sum.exposed, of.sum.recoverable), of.keys.clone(), of.alone)
    };
    let first = scene.week.days().1.saturating_add(1.days());
    assert_eq!(stake(&found.overdue), scene.due(|day| day < first), "overdue");
    for deadline in &found.deadlines {
        assert_eq!(stake(&deadline.stake), scene.due(|day| day == deadline.day), "{}", deadline.day);
    }
    found.deadlines.iter().map(|deadline| deadline.stake.alone).sum()
}

fn writes(scene: &Scene<'_>, found: &Weekly) {
    let keys = |wanted: &dyn Fn(&Value) -> bool| -> BTreeSet<TicketKey> {
        let done = scene.done().into_iter().filter(|done| wanted(done));
        done.map(|done| text(&done["issue"]["key"]).into()).collect()
    };
    let updated = keys(&|done| done["kind"] == "update");
    let reopened = keys(&|done| done["kind"] == "transition" && done["closed"] == false);
    let of = |what: &str| found.written[what].iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!((of("updated"), of("reopened")), (updated, reopened));
    assert_eq!((found.tickets.updated, found.tickets.reopened), (of("updated").len(), of("reopened").len()));
    let rows = scene.client.is_none().then(|| scene.run()["rows"].clone());
    assert_eq!(found.rows.map(|rows| serde_json::to_value(rows).unwrap()), rows);
}

/// Of the eleven weeks before.
fn resolved_before(scene: &Scene<'_>, found: &Weekly) {
    let (from, to) = (scene.bounds[scene.last_place() - 11], scene.bounds[scene.last_place()]);
    assert_eq!(found.resolution.days_before, scene.is.days_taken(from, to));
}

fn backlog(scene: &Scene<'_>, found: &Weekly) {
    let places = 0..=scene.last_place();
    let of = |run: &Value, number: &dyn Fn(&Value) -> usize| {
        snapshots(run, scene.client).map(|(_, it)| number(it)).sum::<usize>()
    };
    let mut open: Vec<Option<i64>> = Vec::new();
    for (place, line) in places.zip(&found.backlog.weeks) {
        let run = scene.runs_of(place).last();
        let monday = line.week.days().0.to_string();
        let arrivals = run.map(|run| of(run, &|it| it["opened"].get(&monday).map_or(0, count)));
        assert_eq!(line.arrivals, arrivals, "{}", line.week);
        let all = run.map(|run| of(run, &|it| count(&it["grouped"]) + count(&it["ungrouped"])));
        open.push(all.map(|all| i64::try_from(all).unwrap()));
    }
    // The middle of the last eight changes, made anew for each week from those before it.
    let forecast = |place: usize| -> Option<i64> {
        let weeks = &open[place.saturating_sub(9)..place];
        let mut steps: Vec<i64> = weeks.windows(2).filter_map(|pair| Some(pair[1]? - pair[0]?)).collect();
        steps.sort_unstable();
        let (low, high) = (steps.get((steps.len().max(1) - 1) / 2)?, steps.get(steps.len() / 2)?);
        Some(weeks.last().copied()?? + i64::midpoint(*low, *high)).filter(|_| steps.len() > 2)
    };
    let wrong: Vec<(u64, u64)> = (1..open.len())
        .filter_map(|place| {
            let (is, said) = (open[place]?, forecast(place)?);
            Some((said.abs_diff(is), open[place - 1]?.abs_diff(is)))
        })
        .collect();
    let mean = |of: fn(&(u64, u64)) -> u64| {
        let sum = wrong.iter().map(of).sum::<u64>() as f64;
        (!wrong.is_empty()).then(|| (sum / wrong.len() as f64).round() as usize)
    };
    let expected = forecast(open.len()).map(|next| Forecast {
        open: usize::try_from(next).unwrap(),
        error: mean(|(own, _)| *own),
        error_of_no_change: mean(|(_, other)| *other),
        judged: wrong.len(),
    });
    assert_eq!(found.backlog.forecast, expected);
}

fn quality(scene: &Scene<'_>, found: &Weekly) {
    let quality = &found.quality;
    let sum = |run: &Value, path: &str| {
        snapshots(run, scene.client).map(|(_, it)| count(it.pointer(path).unwrap())).sum::<usize>()
    };
    for (share, run) in
        [(quality.grouped, Some(scene.run())), (quality.grouped_before, scene.was.runs.last())]
    {
        let (part, alone) = run.map_or((0, 0), |run| (sum(run, "/grouped"), sum(run, "/ungrouped")));
        assert_eq!((share.part, share.whole), (part, part + alone));
    }
    let by_code = serde_json::to_value(quality.by_code).unwrap();
    for path in ["/heaps", "/with_largest", "/disputes", "/best/matching", "/best/found", "/best/members"] {
        let expected = sum(scene.run(), &format!("/by_code{path}"));
        assert_eq!(count(by_code.pointer(path).unwrap()), expected, "{path}");
    }
    // The last run of each of the eleven weeks before.
    let older: Vec<&Value> = scene.was.runs.iter().rev().take(11).collect();
    let told = |of: &str| quality.drift.iter().find(|drift| drift.of == of).map(|drift| drift.distance);
    let entities = |runs: &[&Value]| mix(runs.iter().copied(), scene.client, "entities", "disputes");
    let makers = |runs: &[&Value]| {
        let mut mix: BTreeMap<String, usize> = BTreeMap::new();
        for (name, it) in runs.iter().flat_map(|run| snapshots(run, None)) {
            *mix.entry(name.clone()).or_default() += count(&it["grouped"]) + count(&it["ungrouped"]);
        }
        mix
    };
    let (now, then) = (entities(&[scene.run()]), entities(&older));
    let expected = (!then.is_empty()).then(|| distance(&now, &then));
    assert_near(told("types of covered entities"), expected);
    let expected = (scene.client.is_none() && !older.is_empty())
        .then(|| distance(&makers(&[scene.run()]), &makers(&older)));
    assert_near(told("manufacturers"), expected);
}

#[track_caller]
fn assert_near(told: Option<f64>, expected: Option<f64>) {
    let near = |(a, b): (f64, f64)| (a - b).abs() < 1e-9;
    assert!(
        told.is_some() == expected.is_some() && told.zip(expected).is_none_or(near),
        "{told:?} {expected:?}"
    );
}

fn top(scene: &Scene<'_>, found: &Weekly, all: &[(Timestamp, Value)]) {
    let ends: Vec<Lines> = scene.bounds[scene.bounds.len() - 12..]
        .iter()
        .map(|end| Lines::before(all, *end, scene.client))
        .collect();
    for group in &found.top {
        let (id, body) = scene.is.open().find(|(id, _)| *scene.is.keys[*id] == *group.key).unwrap();
        let figures = &body["figures"];
        assert_eq!((group.figures.exposed, group.figures.recoverable), shown(both(figures)), "{}", group.key);
        let units = figures["units"].as_object().unwrap();
        let units: BTreeMap<String, Decimal> =
            units.iter().map(|(unit, number)| (unit.clone(), money(number))).collect();
        assert_eq!(group.figures.units, units, "{}", group.key);
        let due = figures["due"].as_str().map(|day| day.parse::<Date>().unwrap());
        assert_eq!(group.figures.due, due, "{}", group.key);
        let words = [&group.cause, &group.who, &group.title].map(String::as_str);
        assert_eq!(words, [text(&body["cause"]), text(&body["who"]), text(&body["title"])]);
        assert_eq!(
            group.series,
            ends.iter().map(|lines| lines.size(id)).collect::<Vec<_>>(),
            "{}",
            group.key
        );
    }
}

/// Every reason that can be told for a change; a group of which several things became has one of them.
fn reasons(scene: &Scene<'_>, found: &Weekly) -> BTreeSet<String> {
    let status = |lines: &Lines, id: &str| {
        lines.groups.get(id).map_or("", |body| text(&body["group"]["status"]["state"])).to_owned()
    };
    let key = |id: &str| scene.is.keys.get(id).cloned().unwrap_or_else(|| id[..8].into());
    let mut told = BTreeSet::new();
    for change in &found.changes {
        let (id, body) = scene.is.groups.iter().find(|(id, _)| *key(id) == *change.key).unwrap();
        let mut can_be: BTreeSet<String> = BTreeSet::new();
        for (other, record) in &scene.is.groups {
            let is_new = !scene.was.groups.contains_key(other);
            let parent = text(&record["group"]["split_from"]);
            let merged = status(&scene.is, other) == "merged" && status(&scene.was, other) != "merged";
            let into = text(&record["group"]["status"]["into"]);
            if is_new && parent == id {
                can_be.insert(format!("{} was split off it", key(other)));
            }
            if is_new && other == id && !parent.is_empty() {
                can_be.insert(format!("split off {}", key(parent)));
            }
            if merged && into == id {
                can_be.insert(format!("{} was merged into it", key(other)));
            }
            if merged && other == id {
                can_be.insert(format!("merged into {}", key(into)));
            }
        }
        if can_be.is_empty() {
            let last = scene.done().into_iter().rfind(|done| text(&done["group"]) == id);
            let changed = last.map(|done| &done["reason"]).filter(|it| it["kind"] == "changed");
            can_be.insert(match (status(&scene.was, id).as_str(), text(&body["group"]["status"]["state"])) {
                ("", "active") => "a new root cause".to_owned(),
                ("resolved", "active") => "its cause came back".to_owned(),
                ("active", "resolved") => "all its disputes are settled".to_owned(),
                _ => match changed.map(|it| (count(&it["joined"]), count(&it["left"]))) {
                    Some((joined, left)) if joined > 0 && left > 0 => {
                        format!("in its last change {joined} joined and {left} left")
                    }
                    _ if change.after > change.before => "disputes joined".to_owned(),
                    _ => "disputes were settled or left".to_owned(),
                },
            });
        }
        assert!(can_be.contains(&change.why), "{}: `{}` of {can_be:?}", change.key, change.why);
        told.insert(
            change.why.split(" DISP-").next().unwrap().trim_start_matches(char::is_numeric).to_owned(),
        );
    }
    told
}

#[test]
fn money_units_deadlines_forecasts_and_reasons_of_every_week_are_those_of_the_journal() {
    let folder = state();
    let (all, changes) = (journal(&folder), quarter::changes(&same));
    let (mut alone, mut reopened, mut before, mut whys) = (0, 0, 0, BTreeSet::new());
    for place in 0..20 {
        let week = Week::of(quarter::at(place), &TimeZone::UTC);
        let history = taken(&changes, week);
        let (from, to) = week.bounds(&TimeZone::UTC);
        for client in [None, Some(quarter::CLIENTS[0]), Some(quarter::CLIENTS[1])] {
            let found = report::weekly(&history, week, &TimeZone::UTC, client, later());
            let (is, was) = (Lines::before(&all, to, client), Lines::before(&all, from, client));
            let bounds = week.bounds_of(report::WEEKS, &TimeZone::UTC);
            let scene = Scene { week, client, is, was, bounds };
            programs(&scene, &found);
            breakdowns(&scene, &found);
            alone += deadlines(&scene, &found);
            writes(&scene, &found);
            resolved_before(&scene, &found);
            backlog(&scene, &found);
            quality(&scene, &found);
            top(&scene, &found, &all);
            whys.extend(reasons(&scene, &found));
            reopened += found.tickets.reopened;
            before += found.resolution.days_before.len();
        }
    }
    assert!(alone > 0 && reopened > 0 && before > 0, "each was something once: {alone} {reopened} {before}");
    assert!(whys.len() > 6, "reasons of each kind were told: {whys:?}");
}
