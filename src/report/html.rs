//! One self-contained page: no script, no address outside, fit for print, light and dark.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use rust_decimal::Decimal;
use serde::Serialize;

use super::Weekly;
use crate::{
    state::Head,
    ticket::facts::{self, Figures},
};

const TEMPLATE: &str = include_str!("../../templates/report/weekly.html");

/// The page. `head` is the end of the journal: printed, it witnesses later how far the journal had come.
/// `browse` gives the address of a ticket, empty where it is not known.
pub fn html(
    weekly: &Weekly,
    head: &Head,
    browse: &dyn Fn(&str) -> String,
) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_template("weekly.html", TEMPLATE)?;
    environment.get_template("weekly.html")?.render(Serde(page(weekly, head, browse)))
}

#[derive(Serialize)]
struct Page {
    week: String,
    from: String,
    to: String,
    story: Vec<String>,
    cards: Vec<Card>,
    flow: Vec<Card>,
    accounted: Vec<Card>,
    programs: Vec<Program>,
    ageing: Vec<Bar>,
    top: Vec<Group>,
    opened: Vec<Line>,
    closed: Vec<Line>,
    held: Vec<Card>,
    failed: Vec<String>,
    head: String,
}

#[derive(Serialize)]
struct Card {
    name: String,
    value: String,
    note: String,
}

#[derive(Serialize)]
struct Program {
    name: String,
    disputes: String,
    units: Vec<String>,
    exposed: String,
    recoverable: String,
    exposed_width: u32,
    recoverable_width: u32,
}

#[derive(Serialize)]
struct Bar {
    name: String,
    value: String,
    width: u32,
}

#[derive(Serialize)]
struct Group {
    key: String,
    link: String,
    client: String,
    cause: String,
    who: String,
    title: String,
    disputes: String,
    money: String,
    due: String,
}

#[derive(Serialize)]
struct Line {
    key: String,
    link: String,
    client: String,
    what: String,
    disputes: String,
}

fn page(weekly: &Weekly, head: &Head, browse: &dyn Fn(&str) -> String) -> Page {
    let total = total(weekly);
    let card =
        |name: &str, value: String, note: &str| Card { name: name.to_owned(), value, note: note.to_owned() };
    let line = |line: &super::TicketLine| Line {
        key: line.key.clone(),
        link: browse(&line.key),
        client: line.client.clone(),
        what: line.what.clone(),
        disputes: facts::thousands(line.disputes),
    };
    Page {
        week: weekly.week.to_string(),
        from: weekly.days.0.clone(),
        to: weekly.days.1.clone(),
        story: story(weekly, &total),
        cards: vec![
            card("open disputes", facts::thousands(total.disputes), ""),
            card("open groups", facts::thousands(weekly.open_groups), "one ticket each"),
            card("money exposed", dollars(total.exposed), "unpaid until settled"),
            card("money recoverable", dollars(total.recoverable), "already paid"),
        ],
        flow: vec![
            card("opened", weekly.tickets.opened.to_string(), "tickets"),
            card("updated", weekly.tickets.updated.to_string(), "tickets"),
            card("closed", weekly.tickets.closed.to_string(), "tickets, by disputebot"),
            card("found", weekly.groups.found.to_string(), "groups, splits included"),
            card("split", weekly.groups.split.to_string(), "groups"),
            card("merged", weekly.groups.merged.to_string(), "groups"),
            card("resolved", weekly.groups.resolved.to_string(), "groups"),
            card("returned", weekly.groups.returned.to_string(), "groups"),
        ],
        accounted: weekly
            .rows
            .map(|rows| {
                [
                    ("rows read", rows.read),
                    ("in groups", rows.grouped),
                    ("ungrouped", rows.ungrouped),
                    ("settled", rows.not_open),
                    ("rejected", rows.rejected),
                    ("repeated", rows.repeated),
                    ("superseded", rows.superseded),
                ]
                .into_iter()
                .map(|(name, count)| {
                    card(name, facts::thousands(usize::try_from(count).unwrap_or(usize::MAX)), "")
                })
                .collect()
            })
            .unwrap_or_default(),
        programs: programs(weekly),
        ageing: ageing(weekly),
        top: weekly
            .top
            .iter()
            .map(|group| Group {
                key: group.key.clone(),
                link: if group.key.is_empty() { String::new() } else { browse(&group.key) },
                client: group.client.clone(),
                cause: group.cause.clone(),
                who: group.who.clone(),
                title: group.title.clone(),
                disputes: facts::thousands(group.figures.disputes),
                money: money(&group.figures),
                due: group.figures.due.map_or_else(|| "unknown".to_owned(), |due| due.to_string()),
            })
            .collect(),
        opened: weekly.opened.iter().map(line).collect(),
        closed: weekly.closed.iter().map(line).collect(),
        held: weekly.held.iter().map(|(kind, count)| card(kind, count.to_string(), "")).collect(),
        failed: weekly.failed.clone(),
        head: format!("{} with hash {}", head.seq, head.hash),
    }
}

fn total(weekly: &Weekly) -> Figures {
    let mut total = Figures::default();
    for line in &weekly.programs {
        total.disputes += line.figures.disputes;
        total.exposed += line.figures.exposed;
        total.recoverable += line.figures.recoverable;
    }
    total
}

/// The week in sentences, made from the figures alone.
fn story(weekly: &Weekly, total: &Figures) -> Vec<String> {
    if weekly.runs == 0 {
        return vec!["There was no run in this week, so nothing is known of it.".to_owned()];
    }
    let plural = |count: usize, one: &str, many: &str| {
        format!("{} {}", facts::thousands(count), if count == 1 { one } else { many })
    };
    let mut story = vec![
        format!(
            "{} are open in {}; {} of money is exposed and {} is recoverable.",
            plural(total.disputes, "dispute", "disputes"),
            plural(weekly.open_groups, "group", "groups"),
            dollars(total.exposed),
            dollars(total.recoverable),
        ),
        format!(
            "{} opened, {} updated and {} closed.",
            plural(weekly.tickets.opened, "ticket was", "tickets were"),
            weekly.tickets.updated,
            weekly.tickets.closed,
        ),
    ];
    if let Some(group) = weekly.top.first() {
        let ticket = if group.key.is_empty() { String::new() } else { format!(" ({})", group.key) };
        story.push(format!(
            "The largest group{ticket} holds {} of {}: {}; next move: {}.",
            plural(group.figures.disputes, "dispute", "disputes"),
            group.client,
            group.title,
            group.who,
        ));
    }
    if let Some(rows) = weekly.rows {
        let open = (rows.grouped + rows.ungrouped).max(1);
        story.push(format!(
            "{:.0} % of the open disputes share a cause with others; {} stand alone.",
            rows.grouped as f64 / open as f64 * 100.0,
            facts::thousands(usize::try_from(rows.ungrouped).unwrap_or(usize::MAX)),
        ));
    }
    story.push(if weekly.incomplete_runs > 0 {
        format!(
            "In {} of {} the input was incomplete, and nothing was closed or shrunk there.",
            weekly.incomplete_runs,
            plural(weekly.runs, "run", "runs"),
        )
    } else if weekly.failed.is_empty() {
        format!("All of the week's {} ended well.", plural(weekly.runs, "run", "runs"))
    } else {
        format!("{} failed; they are listed below.", plural(weekly.failed.len(), "write", "writes"))
    });
    story
}

fn programs(weekly: &Weekly) -> Vec<Program> {
    let most = weekly
        .programs
        .iter()
        .map(|line| line.figures.exposed.max(line.figures.recoverable))
        .max()
        .unwrap_or_default();
    weekly
        .programs
        .iter()
        .map(|line| Program {
            name: line.program.clone(),
            disputes: facts::thousands(line.figures.disputes),
            units: line.figures.units.iter().map(|(unit, count)| facts::units_text(*count, unit)).collect(),
            exposed: dollars(line.figures.exposed),
            recoverable: dollars(line.figures.recoverable),
            exposed_width: width(line.figures.exposed, most),
            recoverable_width: width(line.figures.recoverable, most),
        })
        .collect()
}

fn ageing(weekly: &Weekly) -> Vec<Bar> {
    let most = weekly.ageing.iter().map(|(_, count)| *count).max().unwrap_or(0);
    weekly
        .ageing
        .iter()
        .map(|(name, count)| Bar {
            name: name.clone(),
            value: facts::thousands(*count),
            width: width(Decimal::from(*count), Decimal::from(most)),
        })
        .collect()
}

/// Part of the longest bar in thousandths.
fn width(value: Decimal, most: Decimal) -> u32 {
    if most <= Decimal::ZERO || value <= Decimal::ZERO {
        return 0;
    }
    u32::try_from((value * Decimal::from(1000) / most).round()).unwrap_or(0).clamp(4, 1000)
}

/// Whole dollars.
fn dollars(amount: Decimal) -> String {
    let text = facts::units_text(amount.round(), "");
    format!("${}", text.trim()).replace("$−", "−$")
}

/// Money of a group, rounded as on its ticket.
fn money(figures: &Figures) -> String {
    let parts: Vec<String> = [(figures.exposed, "exposed"), (figures.recoverable, "recoverable")]
        .into_iter()
        .filter(|(amount, _)| !amount.is_zero())
        .map(|(amount, kind)| format!("{} {kind}", facts::money_text(amount)))
        .collect();
    if parts.is_empty() { "not given".to_owned() } else { parts.join(", ") }
}
