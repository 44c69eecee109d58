//! One self-contained page: no script, no address outside, fit for print, light and dark.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    Line, Links, Overruled, Stake, Weekly,
    chart::{self, BacklogChart, Bars, Calendar, FlowChart, Map},
    story, words,
};
use crate::{state::Head, ticket::facts};

const TEMPLATES: [(&str, &str); 5] = [
    ("weekly.html", include_str!("../../templates/report/weekly.html")),
    ("charts.html", include_str!("../../templates/report/charts.html")),
    ("weekly.md", include_str!("../../templates/report/weekly.md")),
    ("mail.html", include_str!("../../templates/report/mail.html")),
    ("mail.txt", include_str!("../../templates/report/mail.txt")),
];

/// Most keys that are written out below one number; the JSON form has them all.
const KEYS: usize = 200;

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
    flow: FlowChart,
    calendar: Option<Calendar>,
    deadlines: Vec<DeadlineRow>,
    overdue: Option<Trail>,
    due: Option<Trail>,
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
    quality: Vec<QualityRow>,
    evidence: Vec<Trail>,
    open_search: String,
    head: String,
}

#[derive(Serialize)]
struct Card {
    name: &'static str,
    value: String,
    note: String,
}

/// A number and the tickets that it was counted from.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Trail {
    id: String,
    name: String,
    sign: &'static str,
    count: String,
    keys: Vec<Key>,
    more: usize,
    search: String,
}

#[derive(Debug, Clone, Serialize)]
struct Key {
    key: String,
    link: String,
}

#[derive(Serialize)]
struct DeadlineRow {
    day: String,
    weekday: String,
    programs: String,
    trail: Trail,
    exposed: String,
    recoverable: String,
    alone: usize,
}

#[derive(Serialize)]
struct ProgramRow {
    name: String,
    disputes: String,
    units: Vec<String>,
    exposed: String,
    recoverable: String,
    exposed_width: f64,
    recoverable_width: f64,
}

#[derive(Serialize)]
struct UnitRow {
    unit: String,
    count: String,
}

#[derive(Serialize)]
struct TopRow {
    key: Key,
    client: String,
    cause: String,
    who: String,
    owner: String,
    title: String,
    disputes: String,
    exposed: String,
    recoverable: String,
    due: String,
    line: String,
    end: Option<(String, String)>,
    trend: String,
}

#[derive(Serialize)]
struct KeyedRow {
    key: Key,
    client: String,
    what: String,
    before: String,
    after: String,
    change: String,
    why: String,
}

#[derive(Serialize)]
struct PersonRow {
    key: Key,
    client: String,
    what: String,
    words: String,
    new: bool,
}

#[derive(Serialize)]
struct Breakdown {
    id: &'static str,
    title: &'static str,
    class: &'static str,
    counts_groups: bool,
    rows: Vec<BreakdownRow>,
}

#[derive(Serialize)]
struct BreakdownRow {
    name: String,
    groups: String,
    disputes: String,
    share: String,
    exposed: String,
    recoverable: String,
    search: String,
}

#[derive(Serialize)]
struct QualityRow {
    question: &'static str,
    value: String,
    words: String,
}

pub(super) fn page<'a>(weekly: &'a Weekly, head: &Head, links: &Links) -> Page<'a> {
    let steps: Vec<Trail> = weekly
        .flow
        .steps
        .iter()
        .map(|step| {
            trail(
                &format!("flow-{}", step.name.replace(' ', "-")),
                step.name,
                if step.adds { "+" } else { "−" },
                step.count,
                &step.keys,
                links,
            )
        })
        .collect();
    let due = (!weekly.deadlines.is_empty()).then(|| {
        let mut keys: Vec<String> =
            weekly.deadlines.iter().flat_map(|deadline| deadline.stake.keys.iter().cloned()).collect();
        keys.sort_by_key(|key| words::natural(key));
        keys.dedup();
        trail(
            "due",
            "disputes due in the two weeks after",
            "",
            story::at_stake(weekly).disputes,
            &keys,
            links,
        )
    });
    let overdue = (weekly.overdue.sum.disputes > 0)
        .then(|| stake_trail("overdue", "disputes overdue and still open", &weekly.overdue, links));
    let opened_keys: Vec<String> = weekly.opened.iter().map(|line| line.key.clone()).collect();
    let closed_keys: Vec<String> = weekly.closed.iter().map(|line| line.key.clone()).collect();
    let resolution = trail(
        "resolution",
        "root causes resolved, by time to resolve",
        "",
        weekly.resolution.days.len(),
        &weekly.resolution.keys,
        links,
    );
    let mut evidence = steps.clone();
    evidence.push(trail("opened", "tickets opened", "", weekly.tickets.opened, &opened_keys, links));
    evidence.push(trail(
        "closed",
        "tickets closed by disputebot",
        "",
        weekly.tickets.closed,
        &closed_keys,
        links,
    ));
    evidence.extend(due.clone());
    evidence.extend(overdue.clone());
    evidence.push(resolution);
    evidence.retain(|trail| trail.count != "0");
    Page {
        weekly,
        headline: headline(weekly),
        period: period(weekly),
        cards: cards(weekly),
        came: facts::thousands(weekly.flow.before),
        flow_title: flow_title(weekly),
        steps,
        flow: chart::flow(weekly),
        calendar: chart::calendar(weekly),
        deadlines: deadlines(weekly, links),
        overdue,
        due,
        money_title: money_title(weekly),
        programs: programs(weekly),
        units: units(weekly),
        top_title: top_title(weekly),
        top: top(weekly, links),
        map: chart::map(weekly),
        causes: chart::causes(weekly),
        ageing: chart::ageing(weekly),
        resolution: resolution_words(weekly),
        backlog: chart::backlog(weekly),
        changes: changes(weekly, links),
        overruled: people(&weekly.overruled, links),
        waiting: people(&weekly.waiting, links),
        opened: tickets(&weekly.opened, links),
        closed: tickets(&weekly.closed, links),
        breakdowns: breakdowns(weekly, links),
        quality: quality(weekly),
        evidence,
        open_search: links.open(),
        head: format!("{} with hash {}", head.seq, head.hash),
    }
}

fn key(key: &str, links: &Links) -> Key {
    Key {
        key: if key.is_empty() { "no ticket yet".to_owned() } else { key.to_owned() },
        link: links.ticket(key),
    }
}

fn trail(id: &str, name: &str, sign: &'static str, count: usize, keys: &[String], links: &Links) -> Trail {
    Trail {
        id: id.to_owned(),
        name: name.to_owned(),
        sign,
        count: facts::thousands(count),
        keys: keys.iter().take(KEYS).map(|one| key(one, links)).collect(),
        more: keys.len().saturating_sub(KEYS),
        search: links.search(keys),
    }
}

fn stake_trail(id: &str, name: &str, stake: &Stake, links: &Links) -> Trail {
    trail(id, name, "", stake.sum.disputes, &stake.keys, links)
}

fn period(weekly: &Weekly) -> String {
    let (from, to) = weekly.days;
    let first = if from.month() == to.month() { from.strftime("%-d") } else { from.strftime("%-d %B") };
    format!("Monday {first} to Sunday {}", to.strftime("%-d %B %Y"))
}

/// What a reader sees first.
pub fn headline(weekly: &Weekly) -> String {
    if weekly.total.disputes == 0 {
        return "No dispute is open".to_owned();
    }
    let causes = words::count(weekly.flow.after, "root cause explains", "root causes explain");
    let part = words::percent(weekly.grouped, weekly.grouped + weekly.ungrouped);
    let stake = story::at_stake(weekly);
    let due = match (stake.disputes, (stake.exposed + stake.recoverable).is_zero()) {
        (0, _) => String::new(),
        (disputes, true) => format!("; {} due within two weeks", words::count(disputes, "is", "are")),
        (_, false) => {
            format!("; due within two weeks: {}", words::both(stake.exposed, stake.recoverable))
        }
    };
    format!(
        "{causes} {part} of {}{due}",
        words::count(weekly.total.disputes, "open dispute", "open disputes")
    )
}

fn cards(weekly: &Weekly) -> Vec<Card> {
    let before = weekly.total_before.as_ref();
    let change = |now: usize, before: Option<usize>| match before {
        None => String::new(),
        Some(before) if before == now => "as a week before".to_owned(),
        Some(before) if now > before => format!("{} more than a week before", facts::thousands(now - before)),
        Some(before) => format!("{} fewer than a week before", facts::thousands(before - now)),
    };
    let was = |amount: Option<Decimal>, what: &str| match amount {
        Some(amount) => format!("{what}; {} a week before", words::dollars(amount)),
        None => what.to_owned(),
    };
    vec![
        Card {
            name: "Open disputes",
            value: facts::thousands(weekly.total.disputes),
            note: change(weekly.total.disputes, before.map(|before| before.disputes)),
        },
        Card {
            name: "Root causes, one ticket each",
            value: facts::thousands(weekly.flow.after),
            note: change(weekly.flow.after, Some(weekly.flow.before)),
        },
        Card {
            name: "Exposed",
            value: words::dollars(weekly.total.exposed),
            note: was(before.map(|before| before.exposed), "not paid while in dispute"),
        },
        Card {
            name: "Recoverable",
            value: words::dollars(weekly.total.recoverable),
            note: was(before.map(|before| before.recoverable), "paid already"),
        },
    ]
}

fn flow_title(weekly: &Weekly) -> String {
    let (before, after) = (weekly.flow.before, weekly.flow.after);
    let by = words::count(after.abs_diff(before), "root cause", "root causes");
    match after.cmp(&before) {
        std::cmp::Ordering::Greater => format!("{by} more open than a week before"),
        std::cmp::Ordering::Less => format!("{by} fewer open than a week before"),
        std::cmp::Ordering::Equal => "As many root causes are open as a week before".to_owned(),
    }
}

fn deadlines(weekly: &Weekly, links: &Links) -> Vec<DeadlineRow> {
    weekly
        .deadlines
        .iter()
        .map(|deadline| {
            let id = format!("due-{}", deadline.day);
            DeadlineRow {
                day: deadline.day.strftime("%-d %B").to_string(),
                weekday: deadline.day.strftime("%A").to_string(),
                programs: deadline.programs.join(", "),
                trail: stake_trail(&id, "", &deadline.stake, links),
                exposed: words::dollars(deadline.stake.sum.exposed),
                recoverable: words::dollars(deadline.stake.sum.recoverable),
                alone: deadline.stake.alone,
            }
        })
        .collect()
}

fn money_title(weekly: &Weekly) -> String {
    let amount = |figures: &facts::Figures| figures.exposed + figures.recoverable;
    let most = weekly
        .programs
        .iter()
        .max_by(|a, b| amount(&a.figures).cmp(&amount(&b.figures)).then_with(|| b.program.cmp(&a.program)));
    most.filter(|most| !amount(&most.figures).is_zero()).map_or_else(
        || "No amount is given".to_owned(),
        |most| format!("Most money is in the program {}", most.program),
    )
}

fn programs(weekly: &Weekly) -> Vec<ProgramRow> {
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
        .map(|line| ProgramRow {
            name: line.program.clone(),
            disputes: facts::thousands(line.figures.disputes),
            units: line.figures.units.iter().map(|(unit, count)| facts::units_text(*count, unit)).collect(),
            exposed: words::dollars(line.figures.exposed),
            recoverable: words::dollars(line.figures.recoverable),
            exposed_width: width(line.figures.exposed),
            recoverable_width: width(line.figures.recoverable),
        })
        .collect()
}

fn units(weekly: &Weekly) -> Vec<UnitRow> {
    weekly
        .total
        .units
        .iter()
        .map(|(unit, count)| UnitRow {
            unit: if unit == "unknown" { "unit type not given".to_owned() } else { unit.clone() },
            count: facts::units_text(*count, "").trim().to_owned(),
        })
        .collect()
}

fn top_title(weekly: &Weekly) -> String {
    let Some(first) = weekly.top.first() else { return String::new() };
    let name = if first.key.is_empty() { &first.group } else { &first.key };
    format!("{name} is worth most: {}", words::both(first.figures.exposed, first.figures.recoverable))
}

fn top(weekly: &Weekly, links: &Links) -> Vec<TopRow> {
    weekly
        .top
        .iter()
        .map(|group| {
            let line = chart::sparkline(&group.series);
            let end = line.rsplit(' ').next().and_then(|corner| corner.split_once(','));
            let numbers: Vec<String> = group.series.iter().copied().map(facts::thousands).collect();
            TopRow {
                key: key(&group.key, links),
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

fn resolution_words(weekly: &Weekly) -> String {
    let sentence = |days: &[i64], when: &str| {
        let (Some(median), Some(slow)) = (words::median(days), days.get(days.len() * 9 / 10)) else {
            return format!("No root cause was resolved {when}.");
        };
        let count = words::count(days.len(), "root cause was", "root causes were");
        if days.len() == 1 {
            return format!(
                "{count} resolved {when}, after {}.",
                words::count(story::days_of(median), "day", "days")
            );
        }
        format!(
            "{count} resolved {when}: half within {}, nine of ten within {}.",
            words::count(story::days_of(median), "day", "days"),
            words::count(story::days_of(*slow), "day", "days"),
        )
    };
    format!(
        "{} {}",
        sentence(&weekly.resolution.days, "this week"),
        sentence(&weekly.resolution.days_before, "in the eleven weeks before")
    )
}

fn changes(weekly: &Weekly, links: &Links) -> Vec<KeyedRow> {
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

fn tickets(lines: &[super::TicketLine], links: &Links) -> Vec<KeyedRow> {
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

fn people(lines: &[Overruled], links: &Links) -> Vec<PersonRow> {
    lines
        .iter()
        .map(|line| PersonRow {
            key: key(&line.key, links),
            client: line.client.clone(),
            what: line.what.clone(),
            words: line.words.clone(),
            new: line.new,
        })
        .collect()
}

fn breakdowns(weekly: &Weekly, links: &Links) -> Vec<Breakdown> {
    let all = weekly.total.disputes;
    let rows = |lines: &[Line], all: usize| -> Vec<BreakdownRow> {
        let row = |line: &Line| BreakdownRow {
            name: line.name.clone(),
            groups: line.groups.map(facts::thousands).unwrap_or_default(),
            disputes: facts::thousands(line.sum.disputes),
            share: words::percent(line.sum.disputes, all),
            exposed: words::dollars(line.sum.exposed),
            recoverable: words::dollars(line.sum.recoverable),
            search: links.search(&line.keys),
        };
        lines.iter().map(row).collect()
    };
    let grouped: usize = weekly.causes.iter().map(|line| line.sum.disputes).sum();
    vec![
        Breakdown {
            id: "by-client",
            title: "By client",
            class: "Client",
            counts_groups: true,
            rows: rows(&weekly.clients, all),
        },
        Breakdown {
            id: "by-cause",
            title: "By likely cause",
            class: "Likely cause",
            counts_groups: true,
            rows: rows(&weekly.causes, grouped),
        },
        Breakdown {
            id: "by-entity",
            title: "By type of the 340B covered entity",
            class: "Covered entity",
            counts_groups: false,
            rows: rows(&weekly.entities, all),
        },
    ]
    .into_iter()
    .filter(|breakdown| !breakdown.rows.is_empty())
    .collect()
}

fn quality(weekly: &Weekly) -> Vec<QualityRow> {
    let quality = &weekly.quality;
    let mut rows = vec![
        QualityRow {
            question: "How much is explained?",
            value: words::percent(quality.grouped.part, quality.grouped.whole),
            words: format!(
                "{} of {} share a cause with others; the rest stand alone and are never forced into a group. A week before: {}.",
                facts::thousands(quality.grouped.part),
                words::count(quality.grouped.whole, "open dispute", "open disputes"),
                words::percent(quality.grouped_before.part, quality.grouped_before.whole),
            ),
        },
        QualityRow {
            question: "Are the rules right?",
            value: words::percent(quality.rules.found, quality.rules.matching),
            words: format!(
                "Of {} that fit the rule of a group, {} are in it (precision). The rules find {} of all {} in groups (recall).",
                words::count(quality.rules.matching, "dispute", "disputes"),
                facts::thousands(quality.rules.found),
                words::percent(quality.rules.found, quality.rules.members),
                facts::thousands(quality.rules.members),
            ),
        },
        QualityRow {
            question: "Do groups stay themselves?",
            value: words::percent(quality.ids_kept.part, quality.ids_kept.whole),
            words: format!(
                "{} of {} that were open a week before kept their name and ticket, or were settled under it; the others were merged.",
                facts::thousands(quality.ids_kept.part),
                words::count(quality.ids_kept.whole, "group", "groups"),
            ),
        },
        QualityRow {
            question: "Do triagers agree?",
            value: words::percent(quality.agreed.part, quality.agreed.whole),
            words: if quality.disagreed.is_empty() {
                format!(
                    "Of {}, people closed, muted or merged none against disputebot.",
                    words::count(quality.agreed.whole, "open ticket", "open tickets")
                )
            } else {
                let parts: Vec<String> = quality
                    .disagreed
                    .iter()
                    .map(|(kind, count)| {
                        let kind = if kind == "ignored" { "muted by a person" } else { kind };
                        format!("{} {kind}", facts::thousands(*count))
                    })
                    .collect();
                format!(
                    "Of {}, people left all but {} as they are.",
                    words::count(quality.agreed.whole, "open ticket", "open tickets"),
                    words::list(&parts)
                )
            },
        },
        QualityRow {
            question: "Is it better than sorting by reason code?",
            value: words::percent(quality.by_code.with_largest, quality.by_code.disputes),
            words: format!(
                "Sorted by reason code alone, the same disputes lie in {}; {} lie with the largest cause of their heap, and the others would wait for somebody who cannot help them. This compares with disputebot's own groups; `disputebot evaluate` compares with known causes.",
                words::count(quality.by_code.heaps, "heap", "heaps"),
                words::percent(quality.by_code.with_largest, quality.by_code.disputes),
            ),
        },
    ];
    if let Some(day) = &quality.reference {
        let most = quality.drift.iter().max_by(|a, b| a.distance.total_cmp(&b.distance));
        let parts: Vec<String> = quality
            .drift
            .iter()
            .map(|drift| {
                let gained =
                    drift.gained.as_ref().map(|name| format!(" (most gained: {name})")).unwrap_or_default();
                format!("{} {:.0} %{gained}", drift.of, drift.distance * 100.0)
            })
            .collect();
        rows.push(QualityRow {
            question: "Has the mix of disputes moved?",
            value: most.map_or_else(String::new, |most| format!("{:.0} %", most.distance * 100.0)),
            words: format!(
                "Share of the disputes that would have to be others for today's mix to look like that of {day}: {}. Above 20 % it is worth asking what changed at the source.",
                words::list(&parts)
            ),
        });
    }
    rows
}
