//! One self-contained page: no script, no address outside, fit for print, light and dark.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Links, TicketKey, Weekly,
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

const TEMPLATES: [(&str, &str); 9] = [
    ("weekly.html", include_str!("../../templates/report/weekly.html")),
    ("look.css", LOOK),
    ("charts.html", include_str!("../../templates/report/charts.html")),
    ("weekly.md", include_str!("../../templates/report/weekly.md")),
    ("mail.html", include_str!("../../templates/report/mail.html")),
    ("flow.html", "{% import \"charts.html\" as charts %}{{ charts.flow(flow) }}"),
    ("ageing.html", "{% import \"charts.html\" as charts %}{{ charts.bars(ageing, \"\") }}"),
    ("causes.html", "{% import \"charts.html\" as charts %}{{ charts.bars(causes, \"\") }}"),
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
    /// Where each sentence of the story has its figures.
    story_links: Vec<&'static str>,
    pub(super) flow: FlowChart,
    weeks: Vec<[Trail; 2]>,
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
    states: Vec<Trail>,
    causes: Option<Bars>,
    cause_trails: Vec<Trail>,
    ageing: Option<Bars>,
    age_trails: Vec<Trail>,
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
    open: Trail,
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
    evidence.extend(quality_trails(weekly, links));
    evidence.retain(|trail| trail.count != "0");
    let (weeks, states, age_trails) =
        (rows::weeks(weekly, links), rows::states(weekly, links), rows::ages(weekly, links));
    let (programs, breakdowns) = (rows::programs(weekly, links), rows::breakdowns(weekly, links));
    let causes = chart::causes(weekly);
    let bars = causes.as_ref().map_or(0, |bars| bars.rows.len());
    let (cause_trails, unit_trails) =
        (rows::cause_bars(weekly, bars, links), rows::unit_trails(weekly, links));
    // What a search can name needs no list of its own.
    let own = weeks.iter().flatten().chain(&states).chain(&age_trails).chain(&unit_trails);
    let own = own
        .chain(programs.iter().map(|row| &row.trail))
        .chain(breakdowns.iter().flat_map(|breakdown| &breakdown.rows).map(|row| &row.trail))
        .chain(cause_trails.iter().filter(|trail| trail.id == "causes-others"));
    evidence.extend(own.filter(|trail| trail.href.starts_with('#') && !trail.keys.is_empty()).cloned());
    Page {
        weekly,
        headline: headline(weekly),
        period: period(weekly),
        cards: rows::cards(weekly),
        came: facts::thousands(weekly.flow.before),
        flow_title: sentences::flow_title(weekly),
        steps,
        story_links: story_links(weekly),
        flow: chart::flow(weekly),
        weeks,
        calendar: chart::calendar(weekly),
        deadlines: rows::deadlines(weekly, links),
        overdue,
        ticket_trails: tickets,
        money_title: sentences::money_title(weekly),
        programs,
        units: rows::units(weekly, &unit_trails),
        top_title: sentences::top_title(weekly),
        top: rows::top(weekly, links),
        map: chart::map(weekly),
        states,
        causes,
        cause_trails,
        ageing: chart::ageing(weekly),
        age_trails,
        resolution: sentences::resolution(weekly),
        backlog: chart::backlog(weekly),
        changes: rows::changes(weekly, links),
        overruled: rows::people(&weekly.overruled, links),
        waiting: rows::people(&weekly.waiting, links),
        opened: rows::tickets(&weekly.opened, links),
        closed: rows::tickets(&weekly.closed, links),
        breakdowns,
        quality: sentences::quality(weekly),
        evidence,
        open: open(weekly, links),
        // A search for all open tickets would show those of other clients, too.
        open_search: if weekly.client.is_none() {
            links.open(&weekly.open_keys)
        } else {
            links.search(&weekly.open_keys)
        },
        head: *head,
        colour: colours(),
    }
}

/// All open groups.
fn open(weekly: &Weekly, links: &Links) -> Trail {
    let named = Named {
        id: "open",
        at: ".flow.after",
        keys_at: ".open_keys",
        name: "root causes open at the end of the week",
        sign: "",
    };
    named.trail(weekly.flow.after, &weekly.open_keys, links)
}

/// Tickets behind what is said about the quality.
fn quality_trails(weekly: &Weekly, links: &Links) -> [Trail; 2] {
    let of = |id: &str, at: &str, name: &str, keys: &[TicketKey]| {
        let named = Named { id, at: &format!("{at} | length"), keys_at: at, name, sign: "" };
        named.trail(keys.len(), keys, links)
    };
    [
        of(
            "ids",
            ".quality.ids_lost",
            "groups whose disputes are mostly under another name now",
            &weekly.quality.ids_lost,
        ),
        of(
            "disagreed",
            ".quality.disagreed_keys",
            "open tickets that people decided otherwise about",
            &weekly.quality.disagreed_keys,
        ),
    ]
}

/// The sections of the figures of each sentence, as far as they are on the page.
fn story_links(weekly: &Weekly) -> Vec<&'static str> {
    if weekly.runs == 0 {
        return vec!["#h-rows"].into_iter().filter(|_| weekly.run.is_some()).collect();
    }
    let due = !weekly.deadlines.is_empty() || weekly.overdue.sum.disputes > 0;
    vec![
        "#h-flow",
        "#h-flow",
        if due { "#h-due" } else { "#run" },
        if weekly.programs.is_empty() { "#run" } else { "#h-money" },
        if weekly.changes.is_empty() { "#h-trust" } else { "#h-changes" },
    ]
}

/// The tickets to which one thing was done.
fn written(what: &str, keys: &[TicketKey], links: &Links) -> Trail {
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
    let mut keys: Vec<TicketKey> =
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

/// Width of the picture of the flow in pixels of the mail, and of pictures of bars, beside which words stand.
const PICTURE_WIDTHS: (u32, u32) = (600, 220);
/// Height of the flow without the words below it.
const FLOW_HEIGHT: u32 = 200;

/// The charts of bars alone as pictures, by name.
pub(super) fn pictures(page: &Page<'_>) -> Result<Vec<(&'static str, Vec<u8>)>, minijinja::Error> {
    let height = |bars: &Bars| u32::try_from(bars.height).unwrap_or(FLOW_HEIGHT);
    let (wide, narrow) = PICTURE_WIDTHS;
    let flow = Some(("flow", "flow.html", (wide, FLOW_HEIGHT)));
    let ageing = page.ageing.as_ref().map(|bars| ("ageing", "ageing.html", (narrow, height(bars))));
    let causes = page.causes.as_ref().map(|bars| ("causes", "causes.html", (narrow, height(bars))));
    [flow, ageing, causes]
        .into_iter()
        .flatten()
        .map(|(name, template, size)| {
            let figure = render(template, page)?;
            let svg = figure.split_once("<svg").and_then(|(_, rest)| rest.split_once("</svg>"));
            Ok((name, png::drawn(svg.map_or("", |(svg, _)| svg), size, &page.colour)))
        })
        .collect()
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
