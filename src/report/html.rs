//! One self-contained page: no script, no address outside, fit for print, light and dark.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Links, Weekly,
    chart::{self, BacklogChart, Bars, Calendar, FlowChart, Map},
    png,
    rows::{
        self, Breakdown, Card, DeadlineRow, KeyedRow, Named, PersonRow, ProgramRow, TopRow, Trail, UnitRow,
        stake_trail,
    },
    sentences::{self, Answer, headline},
    story, words,
};
use crate::{state::Head, ticket::facts};

/// The look of all pages; its first line names the colours.
const LOOK: &str = include_str!("../../templates/report/look.css");

const TEMPLATES: [(&str, &str); 7] = [
    ("weekly.html", include_str!("../../templates/report/weekly.html")),
    ("look.css", LOOK),
    ("charts.html", include_str!("../../templates/report/charts.html")),
    ("weekly.md", include_str!("../../templates/report/weekly.md")),
    ("mail.html", include_str!("../../templates/report/mail.html")),
    ("flow.html", "{% import \"charts.html\" as charts %}{{ charts.flow(flow) }}"),
    ("mail.txt", include_str!("../../templates/report/mail.txt")),
];

/// The page. `head` is the end of the journal: printed, it witnesses later how far the journal had come.
pub fn html(weekly: &Weekly, head: &Head, links: &Links) -> Result<String, minijinja::Error> {
    render("weekly.html", &page(weekly, head, links))
}

/// A template of the report with foreign text made inert: as HTML, or as Markdown that shows every character.
pub(super) fn render(name: &str, page: &Page<'_>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        // Our own five names, all in lower case.
        if name.rsplit('.').next() == Some("html") { AutoEscape::Html } else { AutoEscape::None }
    });
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment
        .add_filter("thousands", |count: u64| facts::thousands(usize::try_from(count).unwrap_or(usize::MAX)));
    environment.add_filter("dollars", |amount: String| words::dollars(amount.parse().unwrap_or_default()));
    environment.add_filter("units", |count: String, unit: String| {
        facts::units_text(count.parse().unwrap_or_default(), &unit)
    });
    environment
        .add_filter("sign", |amount: String| amount.parse::<Decimal>().is_ok_and(|amount| !amount.is_zero()));
    environment.add_filter("share", |part: u64, whole: u64| {
        let [part, whole] = [part, whole].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        words::percent(part, whole)
    });
    environment.add_filter("md", |text: String| super::markdown::escape(&text));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    environment.get_template(name)?.render(Serde(page))
}

/// All that the templates show.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    pub(super) weekly: &'a Weekly,
    pub(super) headline: String,
    period: String,
    cards: Vec<Card>,
    came: String,
    flow_title: String,
    steps: Vec<Trail>,
    pub(super) flow: FlowChart,
    calendar: Option<Calendar>,
    deadlines: Vec<DeadlineRow>,
    overdue: Option<Trail>,
    ticket_trails: BTreeMap<&'static str, Trail>,
    money_title: String,
    programs: Vec<ProgramRow>,
    units: Vec<UnitRow>,
    top_title: String,
    top: Vec<TopRow>,
    map: Option<Map>,
    causes: Option<Bars>,
    ageing: Option<Bars>,
    resolution: String,
    backlog: Option<BacklogChart>,
    changes: Vec<KeyedRow>,
    overruled: Vec<PersonRow>,
    waiting: Vec<PersonRow>,
    opened: Vec<KeyedRow>,
    closed: Vec<KeyedRow>,
    breakdowns: Vec<Breakdown>,
    quality: Vec<Answer>,
    evidence: Vec<Trail>,
    open_search: String,
    head: Head,
    /// Mails need their colours spelled out.
    pub(super) colour: BTreeMap<&'static str, &'static str>,
}

pub(super) fn page<'a>(weekly: &'a Weekly, head: &Head, links: &Links) -> Page<'a> {
    let steps: Vec<Trail> = weekly
        .flow
        .steps
        .iter()
        .enumerate()
        .map(|(place, step)| {
            let at = format!(".flow.steps[{place}]");
            let named = Named {
                id: &format!("flow-{}", step.name.replace(' ', "-")),
                at: &format!("{at}.count"),
                keys_at: &format!("{at}.keys"),
                name: step.name,
                sign: if step.adds { "+" } else { "−" },
            };
            named.trail(step.count, &step.keys, links)
        })
        .collect();
    let overdue = (weekly.overdue.sum.disputes > 0).then(|| {
        stake_trail("overdue", ".overdue", "disputes overdue and still open", &weekly.overdue, links)
    });
    let tickets: BTreeMap<&'static str, Trail> =
        weekly.written.iter().map(|(what, keys)| (*what, written(what, keys, links))).collect();
    let resolved = Named {
        id: "resolution",
        at: ".resolution.days | length",
        keys_at: ".resolution.keys",
        name: "root causes resolved, by time to resolve",
        sign: "",
    };
    let mut evidence = steps.clone();
    evidence.extend(tickets.values().cloned());
    evidence.extend(due(weekly, links));
    evidence.extend(overdue.clone());
    evidence.push(resolved.trail(weekly.resolution.days.len(), &weekly.resolution.keys, links));
    evidence.retain(|trail| trail.count != "0");
    Page {
        weekly,
        headline: headline(weekly),
        period: period(weekly),
        cards: rows::cards(weekly),
        came: facts::thousands(weekly.flow.before),
        flow_title: sentences::flow_title(weekly),
        steps,
        flow: chart::flow(weekly),
        calendar: chart::calendar(weekly),
        deadlines: rows::deadlines(weekly, links),
        overdue,
        ticket_trails: tickets,
        money_title: sentences::money_title(weekly),
        programs: rows::programs(weekly, links),
        units: rows::units(weekly),
        top_title: sentences::top_title(weekly),
        top: rows::top(weekly, links),
        map: chart::map(weekly),
        causes: chart::causes(weekly),
        ageing: chart::ageing(weekly),
        resolution: sentences::resolution(weekly),
        backlog: chart::backlog(weekly),
        changes: rows::changes(weekly, links),
        overruled: rows::people(&weekly.overruled, links),
        waiting: rows::people(&weekly.waiting, links),
        opened: rows::tickets(&weekly.opened, links),
        closed: rows::tickets(&weekly.closed, links),
        breakdowns: rows::breakdowns(weekly, links),
        quality: sentences::quality(weekly),
        evidence,
        open_search: links.open(),
        head: *head,
        colour: colours(),
    }
}

/// The tickets to which one thing was done.
fn written(what: &str, keys: &[String], links: &Links) -> Trail {
    let named = Named {
        id: &format!("tickets-{what}"),
        at: &format!(".tickets.{what}"),
        keys_at: &format!(".written.{what}"),
        name: &format!("tickets {what} by disputebot"),
        sign: "",
    };
    named.trail(keys.len(), keys, links)
}

/// All that is due in the next two weeks.
fn due(weekly: &Weekly, links: &Links) -> Option<Trail> {
    if weekly.deadlines.is_empty() {
        return None;
    }
    let mut keys: Vec<String> =
        weekly.deadlines.iter().flat_map(|deadline| deadline.stake.keys.iter().cloned()).collect();
    keys.sort_by_key(|key| words::natural(key));
    keys.dedup();
    let named = Named {
        id: "due",
        at: "[.deadlines[].stake.sum.disputes] | add",
        keys_at: "[.deadlines[].stake.keys[]] | unique",
        name: "disputes due in the next two weeks",
        sign: "",
    };
    Some(named.trail(story::at_stake(weekly).disputes, &keys, links))
}

fn period(weekly: &Weekly) -> String {
    let (from, to) = weekly.days;
    let first = if from.month() == to.month() { from.strftime("%-d") } else { from.strftime("%-d %B") };
    format!("Monday {first} to Sunday {}", to.strftime("%-d %B %Y"))
}

/// The chart of the flow as a picture of some size in pixels of the page.
pub(super) fn flow_picture(page: &Page<'_>, size: (u32, u32)) -> Result<Vec<u8>, minijinja::Error> {
    let figure = render("flow.html", page)?;
    let svg = figure.split_once("<svg").and_then(|(_, rest)| rest.split_once("</svg>"));
    Ok(png::drawn(svg.map_or("", |(svg, _)| svg), size, &page.colour))
}

/// The colours of the light look, by name.
fn colours() -> BTreeMap<&'static str, &'static str> {
    let first = LOOK.lines().next().unwrap_or_default();
    first
        .split(['{', ';', '}'])
        .filter_map(|rule| rule.trim().strip_prefix("--")?.split_once(": "))
        .filter(|(_, colour)| colour.starts_with('#'))
        .collect()
}
