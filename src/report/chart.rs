//! Figures to places on charts. Widths are in percent and heights in pixels, so that text keeps its size on a narrow
//! screen. Every chart has a title that says what it finds, and a table behind it says the same in numbers.
//!
//! No chart library does this: those of Rust draw for a canvas of fixed size and fixed colours, where text shrinks with the
//! picture, the dark look needs a second drawing, and a number has no place of its own to be followed from.

use std::collections::BTreeMap;

use jiff::{ToSpan, civil::Date};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::Serialize;

use super::{
    AHEAD_DAYS, Backlog, BacklogWeek, Line, SHOWN_WEEKS, Weekly, story,
    tiles::{SIZE, TILES},
    words,
};
use crate::{
    state::{Spread, UNKNOWN, age_band},
    ticket::facts,
};

/// The charts of a week, for templates that use the macros of `templates/report/charts.html`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Charts {
    flow: FlowChart,
    map: Option<Map>,
    calendar: Option<Calendar>,
    causes: Option<Bars>,
    ageing: Option<Bars>,
    backlog: Option<BacklogChart>,
}

/// The charts of a week.
pub fn charts(weekly: &Weekly) -> Charts {
    Charts {
        flow: flow(weekly),
        map: map(weekly),
        calendar: calendar(weekly),
        causes: causes(weekly),
        ageing: ageing(weekly),
        backlog: backlog(weekly),
    }
}

impl Charts {
    /// What the charts find, by name.
    pub(super) fn sentences(self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { flow, map, calendar, causes, ageing, backlog } = self;
        let bars = [causes, ageing].into_iter().flatten().map(|bars| (bars.id, bars.title));
        let map = map.into_iter().flat_map(|map| [("map", map.title), ("elsewhere", map.elsewhere)]);
        let calendar = calendar.map(|calendar| ("calendar", calendar.title));
        let backlog =
            backlog.into_iter().flat_map(|chart| [("backlog", chart.title), ("forecast", chart.note)]);
        bars.chain(map).chain(calendar).chain(backlog).chain([("weeks", flow.title)])
    }
}

/// The charts of one group, for templates that use the same macros.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupCharts {
    ageing: Option<Bars>,
    states: Option<Bars>,
}

/// The charts of a group from how its disputes are spread; `today` is the day of the run that counted them, `all` their
/// number.
pub fn group_charts(spread: &Spread, all: usize, today: Date) -> GroupCharts {
    let mut ages: BTreeMap<&str, usize> =
        [Some(0), Some(31), Some(61), Some(91), None].map(|days| (age_band(days), 0)).into();
    for (day, count) in &spread.opened {
        let days = today.since(*day).ok().map(|age| age.get_days());
        *ages.entry(age_band(days)).or_default() += *count as usize;
    }
    let dated: usize = ages.values().sum();
    *ages.entry(age_band(None)).or_default() += all.saturating_sub(dated);
    let ages: Vec<(String, usize)> = ages.into_iter().map(|(band, count)| (band.to_owned(), count)).collect();
    let mut states: Vec<(String, usize)> =
        spread.states.iter().map(|(state, count)| (state_name(state), *count as usize)).collect();
    states.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let title = match states.as_slice() {
        [(state, _)] => format!("All its disputes are of one state: {state}"),
        [(state, most), ..] => format!("{state} has {} of its disputes", words::percent(*most, all)),
        [] => String::new(),
    };
    if states.len() > CAUSES + 1 {
        let rest: Vec<(String, usize)> = states.drain(CAUSES..).collect();
        let count = rest.iter().map(|(_, count)| count).sum();
        states.push((format!("{} other states", rest.len()), count));
    }
    GroupCharts {
        ageing: bars(
            "ageing",
            "Since it was opened",
            old(&ages),
            "Bars for its open disputes by age.",
            &ages,
            None,
        ),
        states: bars("states", "State", title, "Bars for its open disputes by state.", &states, None),
    }
}

fn state_name(state: &str) -> String {
    if state == UNKNOWN { "not given".to_owned() } else { words::open_code(state) }
}

/// A line from 0 to a round number above all values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tick {
    pub(super) y: f64,
    pub(super) label: String,
}

/// Came and went by week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FlowChart {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) height: f64,
    pub(super) base: f64,
    pub(super) columns: Vec<FlowColumn>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FlowColumn {
    pub(super) week: String,
    pub(super) short: String,
    /// Every other label is left out on narrow screens.
    pub(super) minor: bool,
    pub(super) x: f64,
    pub(super) middle: f64,
    pub(super) width: f64,
    pub(super) came: usize,
    pub(super) went: usize,
    pub(super) open: String,
    pub(super) up: f64,
    pub(super) down: f64,
    pub(super) now: bool,
}

const BAR_AREA: f64 = 84.0;

pub(super) fn flow(weekly: &Weekly) -> FlowChart {
    let most = weekly.weeks.iter().map(|line| line.came.max(line.went)).max().unwrap_or(0).max(1) as f64;
    let slot = 100.0 / weekly.weeks.len().max(1) as f64;
    let last = weekly.weeks.len().saturating_sub(1);
    let columns: Vec<FlowColumn> = weekly
        .weeks
        .iter()
        .enumerate()
        .map(|(place, line)| FlowColumn {
            week: line.week.to_string(),
            short: line.week.short(),
            minor: (last - place) % 2 == 1,
            x: round(place as f64 * slot + slot * 0.18),
            middle: round(place as f64 * slot + slot / 2.0),
            width: round(slot * 0.64),
            came: line.came,
            went: line.went,
            open: facts::thousands(line.open),
            up: bar(line.came as f64, most, BAR_AREA),
            down: bar(line.went as f64, most, BAR_AREA),
            now: place == last,
        })
        .collect();
    let (came, went) =
        weekly.weeks.iter().fold((0, 0), |(came, went), line| (came + line.came, went + line.went));
    let known = weekly.weeks.iter().filter(|line| line.came + line.went + line.open > 0).count();
    let span = if known <= 1 { "In this week".to_owned() } else { format!("In {known} weeks") };
    let verdict = match came.cmp(&went) {
        std::cmp::Ordering::Greater => "more causes came than went",
        std::cmp::Ordering::Less => "more causes went than came",
        std::cmp::Ordering::Equal => "as many causes came as went",
    };
    FlowChart {
        title: format!("{span} {verdict}: {} against {}", facts::thousands(came), facts::thousands(went)),
        summary: format!(
            "Columns for {} weeks: root causes that came above a line, those that went below it. This week {} came and {} went.",
            weekly.weeks.len(),
            weekly.weeks.last().map_or(0, |line| line.came),
            weekly.weeks.last().map_or(0, |line| line.went),
        ),
        height: 2.0 * BAR_AREA + 90.0,
        base: BAR_AREA + 22.0,
        columns,
    }
}

/// The map of tiles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Map {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) height: usize,
    pub(super) width: f64,
    pub(super) tiles: Vec<Tile>,
    pub(super) legend: Vec<String>,
    pub(super) elsewhere: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tile {
    pub(super) code: &'static str,
    pub(super) x: f64,
    pub(super) middle: f64,
    pub(super) y: usize,
    pub(super) count: String,
    pub(super) step: usize,
}

const TILE_HEIGHT: usize = 42;
/// Steps of shade; 0 is nothing.
const STEPS: usize = 5;

pub(super) fn map(weekly: &Weekly) -> Option<Map> {
    let counts: BTreeMap<&str, usize> =
        weekly.states.iter().map(|line| (line.name.as_str(), line.sum.disputes)).collect();
    let on_map: Vec<usize> = TILES.iter().filter_map(|(code, _, _)| counts.get(code).copied()).collect();
    let most = on_map.iter().copied().max().filter(|most| *most > 0)?;
    let limits = limits(most);
    let slot = 100.0 / SIZE.0 as f64;
    let tiles = TILES
        .iter()
        .map(|(code, x, y)| {
            let count = counts.get(code).copied().unwrap_or(0);
            Tile {
                code,
                x: round(*x as f64 * slot),
                middle: round((*x as f64 + 0.5) * slot - 0.3),
                y: y * TILE_HEIGHT,
                count: if count == 0 { String::new() } else { facts::thousands(count) },
                step: if count == 0 { 0 } else { 1 + limits.iter().filter(|limit| **limit < count).count() },
            }
        })
        .collect();
    let mut low = 1;
    let mut legend = vec!["none".to_owned()];
    for high in limits.iter().copied().chain([most]) {
        if high >= low {
            legend.push(if high == low {
                low.to_string()
            } else {
                format!("{low} to {}", facts::thousands(high))
            });
        }
        low = high + 1;
    }
    let ranked: Vec<&Line> =
        weekly.states.iter().filter(|line| TILES.iter().any(|(code, _, _)| *code == line.name)).collect();
    let all = weekly.total.disputes;
    let first: Vec<String> = ranked.iter().take(3).map(|line| line.name.clone()).collect();
    let share: usize = ranked.iter().take(3).map(|line| line.sum.disputes).sum();
    let off: usize = all.saturating_sub(on_map.iter().sum());
    Some(Map {
        title: format!("{} hold {} of the open disputes", words::list(&first), words::percent(share, all)),
        summary: format!(
            "A map of the United States with a tile for each state, darker with more open disputes, up to {} in {}.",
            facts::thousands(most),
            first.first().cloned().unwrap_or_default(),
        ),
        height: SIZE.1 * TILE_HEIGHT,
        width: round(slot - 0.6),
        tiles,
        legend,
        elsewhere: match off {
            0 => String::new(),
            off => format!("{} no state of the map.", words::count(off, "dispute names", "disputes name")),
        },
    })
}

/// Upper limits of all shades but the last, each about twice the one before: counts of states differ by orders.
fn limits(most: usize) -> Vec<usize> {
    let mut limits: Vec<usize> =
        (1..STEPS).map(|step| most >> (STEPS - step)).filter(|limit| *limit > 0).collect();
    limits.dedup();
    limits
}

/// Two weeks of deadlines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Calendar {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) height: usize,
    pub(super) days: Vec<CalendarDay>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct CalendarDay {
    pub(super) x: f64,
    pub(super) left: f64,
    pub(super) y: usize,
    pub(super) label: String,
    pub(super) disputes: String,
    pub(super) money: String,
    pub(super) step: usize,
}

const DAY_HEIGHT: usize = 76;

pub(super) fn calendar(weekly: &Weekly) -> Option<Calendar> {
    if weekly.deadlines.is_empty() {
        return None;
    }
    let money = |place: usize| {
        let sum = weekly.deadlines[place].stake.sum;
        sum.exposed + sum.recoverable
    };
    let most = (0..weekly.deadlines.len()).map(money).max().unwrap_or_default();
    let first = weekly.ahead.0;
    // Columns are weekdays, so two weeks that begin in the middle of one lie in three rows.
    let before = i64::from(first.weekday().to_monday_zero_offset());
    let rows = usize::try_from((before + AHEAD_DAYS + 6) / 7).unwrap_or(2);
    let slot = 100.0 / 7.0;
    let days = (0..AHEAD_DAYS)
        .map(|offset| {
            let day = first.saturating_add(offset.days());
            let place = weekly.deadlines.iter().position(|deadline| deadline.day == day);
            let (column, row) = ((before + offset) % 7, usize::try_from((before + offset) / 7).unwrap_or(0));
            let x = column as f64 * slot;
            let amount = place.map(money).unwrap_or_default();
            CalendarDay {
                x: round(x),
                left: round(x + 1.0),
                y: row * DAY_HEIGHT,
                label: if offset == 0 || day.day() == 1 {
                    day.strftime("%-d %b").to_string()
                } else {
                    day.day().to_string()
                },
                disputes: place.map_or_else(String::new, |place| {
                    facts::thousands(weekly.deadlines[place].stake.sum.disputes)
                }),
                money: place
                    .filter(|_| !amount.is_zero())
                    .map_or_else(String::new, |_| short_dollars(amount)),
                step: place.map_or(0, |_| shade(amount, most)),
            }
        })
        .collect();
    let worst = (0..weekly.deadlines.len()).max_by_key(|place| (money(*place), std::cmp::Reverse(*place)))?;
    let deadline = &weekly.deadlines[worst];
    let sum = deadline.stake.sum;
    let name = deadline.day.strftime("%A %-d %B").to_string();
    Some(Calendar {
        title: if most.is_zero() {
            format!(
                "{} due in the next two weeks",
                words::count(story::at_stake(weekly).disputes, "dispute is", "disputes are")
            )
        } else {
            format!("Most is at stake on {name}: {}", words::both(sum.exposed, sum.recoverable))
        },
        summary: format!(
            "A calendar of the next two weeks, from {} on; days with more money at stake are darker, {name} most.",
            words::day(first)
        ),
        height: 22 + rows * DAY_HEIGHT,
        days,
    })
}

fn shade(amount: Decimal, most: Decimal) -> usize {
    if most <= Decimal::ZERO {
        return 1;
    }
    let share = (amount / most).to_f64().unwrap_or(0.0);
    1 + [0.1, 0.25, 0.5, 0.75].iter().filter(|limit| share > **limit).count()
}

/// `$1.2M`: short enough for a day of a calendar.
pub(super) fn short_dollars(amount: Decimal) -> String {
    let rounded = super::rounded(amount);
    for (size, letter) in [(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")] {
        if rounded.abs() >= Decimal::from(size) {
            return format!("${}{letter}", (rounded / Decimal::from(size)).normalize()).replace("$-", "−$");
        }
    }
    format!("${}", rounded.round()).replace("$-", "−$")
}

/// Bars with a name and a number each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bars {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) class: &'static str,
    pub(super) unit: &'static str,
    /// Where its title stands in the JSON form of the report; empty where it stands in none.
    pub(super) said_at: String,
    pub(super) height: usize,
    pub(super) rows: Vec<Bar>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Bar {
    pub(super) name: String,
    /// Where the number stands in the JSON form.
    pub(super) at: String,
    pub(super) value: String,
    /// Where the share is made from.
    pub(super) share_at: String,
    pub(super) share: String,
    pub(super) width: f64,
    pub(super) y: usize,
}

const BAR_ROW: usize = 44;

fn bars(
    id: &'static str,
    class: &'static str,
    title: String,
    summary: &str,
    values: &[(String, usize)],
    places: Option<Places<'_>>,
) -> Option<Bars> {
    let most = values.iter().map(|(_, value)| *value).max().filter(|most| *most > 0)? as f64;
    let all: usize = values.iter().map(|(_, value)| value).sum();
    let rows = values
        .iter()
        .enumerate()
        .map(|(place, (name, value))| Bar {
            name: name.clone(),
            at: places.as_ref().map(|places| (places.of)(place)).unwrap_or_default(),
            value: facts::thousands(*value),
            share_at: places
                .as_ref()
                .map(|places| format!("{} / {}", (places.of)(place), places.all))
                .unwrap_or_default(),
            share: words::percent(*value, all),
            width: bar(*value as f64, most, 72.0),
            y: place * BAR_ROW,
        })
        .collect::<Vec<_>>();
    let height = rows.len() * BAR_ROW;
    let said_at = places.map(|_| format!(".sentences.{id}")).unwrap_or_default();
    Some(Bars { id, title, summary: summary.to_owned(), class, unit: "disputes", said_at, height, rows })
}

/// Where numbers of bars stand in the JSON form of the report: that of each bar, and of the whole.
struct Places<'a> {
    of: &'a dyn Fn(usize) -> String,
    all: &'a str,
}

/// What bars of ages find.
fn old(ages: &[(String, usize)]) -> String {
    let is_old = |name: &str| name.starts_with("61") || name.starts_with("over");
    let old: usize = ages.iter().filter(|(name, _)| is_old(name)).map(|(_, count)| count).sum();
    let all: usize = ages.iter().map(|(_, count)| count).sum();
    match old {
        0 => "No open dispute is older than 60 days".to_owned(),
        _ => format!("{} of the open disputes are older than 60 days", words::percent(old, all)),
    }
}

pub(super) fn ageing(weekly: &Weekly) -> Option<Bars> {
    let summary = "Bars for the open disputes by age.";
    let places = Places { of: &|place| format!(".ageing[{place}][1]"), all: "[.ageing[][1]] | add" };
    bars("ageing", "Since it was opened", old(&weekly.ageing), summary, &weekly.ageing, Some(places))
}

/// Causes that have a bar of their own.
const CAUSES: usize = 9;

pub(super) fn causes(weekly: &Weekly) -> Option<Bars> {
    let mut values: Vec<(String, usize)> =
        weekly.causes.iter().map(|line| (line.name.clone(), line.sum.disputes)).collect();
    let all: usize = values.iter().map(|(_, count)| count).sum();
    let (name, most) = values.first().cloned()?;
    let is_cut = values.len() > CAUSES + 1;
    if is_cut {
        let rest: usize = values.drain(CAUSES..).map(|(_, count)| count).sum();
        values.push(("all other causes".to_owned(), rest));
    }
    let title = format!("“{name}” explains {} of the disputes in groups", words::percent(most, all));
    let summary = "Bars for the disputes in groups by likely cause.";
    let at = |place| match place {
        CAUSES if is_cut => format!("[.causes[{CAUSES}:][].sum.disputes] | add"),
        place => format!(".causes[{place}].sum.disputes"),
    };
    let places = Places { of: &at, all: "[.causes[].sum.disputes] | add" };
    bars("causes", "Likely cause", title, summary, &values, Some(places))
}

/// Open disputes and arrivals by week, with the forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct BacklogChart {
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) note: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) weeks: Vec<BacklogPoint>,
    /// Corners of the line of open disputes, in percent and pixels.
    pub(super) line: String,
    pub(super) next: Option<NextPoint>,
    pub(super) bottom: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct BacklogPoint {
    /// Its place among the weeks of the JSON form.
    pub(super) place: usize,
    pub(super) week: String,
    pub(super) run: Option<String>,
    pub(super) short: String,
    pub(super) minor: bool,
    pub(super) x: f64,
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) open: String,
    pub(super) arrivals: String,
    pub(super) forecast: String,
    pub(super) error: String,
    pub(super) y: Option<f64>,
    pub(super) column: f64,
    pub(super) forecast_y: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct NextPoint {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) label: String,
}

const TOP: f64 = 18.0;
const BOTTOM: f64 = 210.0;

pub(super) fn backlog(weekly: &Weekly) -> Option<BacklogChart> {
    let Backlog { weeks, forecast } = &weekly.backlog;
    let shown: &[BacklogWeek] = &weeks[weeks.len().saturating_sub(SHOWN_WEEKS)..];
    let open: Vec<usize> = shown.iter().filter_map(|week| week.open).collect();
    let (first, last) = (*open.first()?, *open.last()?);
    let margin = forecast.and_then(|forecast| forecast.error).unwrap_or(0);
    let highest = shown
        .iter()
        .flat_map(|week| [week.open, week.arrivals, week.forecast])
        .chain([forecast.map(|forecast| forecast.open + margin)])
        .flatten()
        .max()
        .unwrap_or(1);
    let (top, ticks) = scale(highest);
    let y = |value: usize| round(BOTTOM - (BOTTOM - TOP) * value as f64 / top);
    let slot = 100.0 / (shown.len() + 1) as f64;
    let latest = shown.len().saturating_sub(1);
    let older = weeks.len() - shown.len();
    let points: Vec<BacklogPoint> = shown
        .iter()
        .enumerate()
        .map(|(place, week)| BacklogPoint {
            place: older + place,
            week: week.week.to_string(),
            run: week.run.clone(),
            short: week.week.short(),
            minor: (latest - place) % 2 == 1,
            x: round((place as f64 + 0.5) * slot),
            left: round((place as f64 + 0.5) * slot - slot * 0.22),
            width: round(slot * 0.44),
            open: week.open.map_or_else(|| "no run".to_owned(), facts::thousands),
            arrivals: week.arrivals.map_or_else(|| "–".to_owned(), facts::thousands),
            forecast: week.forecast.map_or_else(|| "–".to_owned(), facts::thousands),
            error: week
                .forecast
                .zip(week.open)
                .map_or_else(|| "–".to_owned(), |(expected, open)| facts::thousands(expected.abs_diff(open))),
            y: week.open.map(y),
            column: round(BOTTOM - week.arrivals.map_or(BOTTOM, y)),
            forecast_y: week.forecast.map(y),
        })
        .collect();
    let line: Vec<String> =
        points.iter().filter_map(|point| Some(format!("{},{}", point.x, point.y?))).collect();
    let change = match last.cmp(&first) {
        std::cmp::Ordering::Greater => {
            format!("grew from {} to {}", facts::thousands(first), facts::thousands(last))
        }
        std::cmp::Ordering::Less => {
            format!("fell from {} to {}", facts::thousands(first), facts::thousands(last))
        }
        std::cmp::Ordering::Equal => format!("stayed at {}", facts::thousands(last)),
    };
    Some(BacklogChart {
        title: if open.len() == 1 {
            format!("{} open at the end of the first week", words::count(last, "dispute is", "disputes are"))
        } else {
            format!("The backlog {change} disputes in {} weeks", open.len())
        },
        summary: "A line for the open disputes at the end of each week, columns for the disputes opened in it, and hollow dots for what was forecast.".to_owned(),
        note: note(weekly),
        ticks: ticks
            .into_iter()
            .map(|value| Tick { y: y(value), label: facts::thousands(value) })
            .collect(),
        next: forecast.map(|forecast| NextPoint {
            x: round((shown.len() as f64 + 0.5) * slot),
            y: y(forecast.open),
            high: y(forecast.open + margin),
            low: y(forecast.open.saturating_sub(margin)),
            label: facts::thousands(forecast.open),
        }),
        weeks: points,
        line: line.join(" "),
        bottom: BOTTOM,
    })
}

fn note(weekly: &Weekly) -> String {
    let Some(forecast) = weekly.backlog.forecast else {
        return "A forecast is made from the fourth week on.".to_owned();
    };
    let expected = format!("Next week about {} open disputes are expected", facts::thousands(forecast.open));
    match (forecast.error, forecast.error_of_no_change) {
        (Some(error), Some(other)) => format!(
            "{expected}, give or take {}: by so much this forecast (the last count plus the middle of the last weekly changes) was wrong on average over {}. Expecting no change would have been wrong by {}.",
            facts::thousands(error),
            words::count(forecast.judged, "week", "weeks"),
            facts::thousands(other),
        ),
        _ => format!("{expected}; how wrong such a forecast is will be known from next week on."),
    }
}

/// A round number above the highest value, and the lines up to it.
fn scale(highest: usize) -> (f64, Vec<usize>) {
    let highest = highest.max(1);
    let rough = highest.div_ceil(4).max(1);
    let magnitude = 10_usize.pow(rough.ilog10());
    let step = [1, 2, 5, 10]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let count = highest.div_ceil(step);
    ((count * step) as f64, (0..=count).map(|line| line * step).collect())
}

/// A line of a few numbers, in a box of 100 by 24.
pub(super) fn sparkline(series: &[usize]) -> String {
    let most = series.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = if series.len() > 1 { 96.0 / (series.len() - 1) as f64 } else { 0.0 };
    let corners: Vec<String> = series
        .iter()
        .enumerate()
        .map(|(place, value)| {
            format!("{},{}", round(2.0 + place as f64 * step), round(22.0 - 20.0 * *value as f64 / most))
        })
        .collect();
    corners.join(" ")
}

/// Length of a bar; what is not nothing can be seen.
fn bar(value: f64, most: f64, area: f64) -> f64 {
    if value <= 0.0 { 0.0 } else { round((value / most * area).max(area / 80.0)) }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_a_round_number_above_all_values() {
        for (highest, top) in [(1, 1.0), (7, 8.0), (41, 60.0), (3_833, 4_000.0), (4_001, 6_000.0)] {
            let (found, ticks) = scale(highest);
            assert!((found - top).abs() < 1e-9, "{highest}: {found}");
            assert!(ticks.len() <= 6, "{ticks:?}");
        }
    }

    #[test]
    fn shades_of_a_map_cover_all_counts_without_a_gap() {
        for most in [1, 2, 3, 5, 17, 420] {
            let limits = limits(most);
            assert!(
                limits.windows(2).all(|pair| pair[0] < pair[1])
                    && limits.last().is_none_or(|last| *last < most)
            );
        }
    }

    #[test]
    fn money_on_a_calendar_is_short() {
        let text = |amount: &str| short_dollars(amount.parse().unwrap());
        assert_eq!(
            [text("1234567"), text("41250"), text("999"), text("-52000"), text("0")],
            ["$1.2M", "$41k", "$1k", "−$52k", "$0"]
        );
    }
}
