//! The scores as one self-contained page: no script, no address outside, light and dark, fit for print.
//!
//! Plots are SVG with widths in percent and heights in pixels, so that their text keeps its size on a narrow
//! screen. Each has a title and a description for those who cannot see it, and a table with its figures.

use std::collections::BTreeMap;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

use super::{CauseScore, Causes, Evaluation, FOUND, Found, FoundInSizeClass, Scores, facts_of, thousands};

const TEMPLATE: &str = include_str!("../../templates/evaluate.html");

/// Most missed causes on the list.
const LISTED: usize = 30;

/// The page. `causes` gives the names and families of causes, where they are known.
pub fn html(evaluation: &Evaluation, causes: Option<&Causes>) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_template("evaluate.html", TEMPLATE)?;
    environment.get_template("evaluate.html")?.render(Serde(page(evaluation, causes)))
}

#[derive(Serialize)]
struct Page {
    headline: String,
    story: Vec<String>,
    /// Names of what is compared; the first is the grouping.
    engines: Vec<&'static str>,
    cards: Vec<Card>,
    figures: Vec<Figure>,
    by_size: Bars,
    by_family: Option<Bars>,
    scatter: Scatter,
    histogram: Histogram,
    reasons: String,
    missed: Vec<Missed>,
    all_missed: usize,
}

#[derive(Serialize)]
struct Card {
    name: &'static str,
    value: String,
    note: String,
}

/// One score of all engines.
#[derive(Serialize)]
struct Figure {
    name: &'static str,
    meaning: &'static str,
    values: Vec<Mark>,
}

#[derive(Serialize)]
struct Mark {
    text: String,
    /// Place on a line from 0 to 1, in percent.
    x: f64,
}

/// Shares of causes found, by class.
#[derive(Serialize)]
struct Bars {
    id: &'static str,
    class: &'static str,
    title: String,
    summary: String,
    rows: Vec<BarRow>,
    height: usize,
}

#[derive(Serialize)]
struct BarRow {
    name: String,
    y: usize,
    bars: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    y: usize,
    width: f64,
    count: String,
    share: String,
}

#[derive(Serialize)]
struct Scatter {
    summary: String,
    dots: Vec<Dot>,
    sizes: Vec<Tick>,
    overlaps: Vec<Tick>,
    found_y: f64,
    table: Vec<SizeRow>,
}

#[derive(Serialize)]
struct Dot {
    x: f64,
    y: f64,
    radius: f64,
    found: bool,
    title: String,
}

#[derive(Serialize)]
struct Tick {
    at: f64,
    label: String,
}

#[derive(Serialize)]
struct SizeRow {
    name: String,
    causes: String,
    found: String,
    ungrouped: String,
    median: String,
}

#[derive(Serialize)]
struct Histogram {
    summary: String,
    bins: Vec<Bin>,
    counts: Vec<Tick>,
    found_x: f64,
}

#[derive(Serialize)]
struct Bin {
    from: String,
    to: String,
    x: f64,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Column {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    count: String,
}

#[derive(Serialize)]
struct Missed {
    cause: String,
    name: String,
    family: String,
    size: String,
    group: String,
    holds: String,
    jaccard: String,
    width: f64,
}

/// The part of the width that bars can fill; figures stand right of it.
const BAR_WIDTH: f64 = 58.0;
/// Pixels from the top to the highest and the lowest value of a plot with axes.
const TOP: f64 = 30.0;
const BOTTOM: f64 = 290.0;
const BINS: usize = 10;

fn page(evaluation: &Evaluation, causes: Option<&Causes>) -> Page {
    let Evaluation { scores, found_by_family, group_by } = evaluation;
    let other = group_by.as_ref().map(|compared| &compared.best.scores);
    let all: Vec<&Scores> = std::iter::once(scores).chain(other).collect();
    let mut missed: Vec<&CauseScore> = scores.causes.iter().filter(|cause| cause.jaccard < FOUND).collect();
    missed.sort_by(|left, right| right.size.cmp(&left.size).then_with(|| left.cause.cmp(&right.cause)));
    let families = found_by_family.as_ref().map(|own| {
        let theirs = group_by.as_ref().and_then(|compared| compared.found_by_family.as_ref());
        bars("family", "Cause family", "Causes found by family", &all, &family_rows(own, theirs))
    });
    Page {
        headline: headline(scores, other),
        story: story(evaluation),
        engines: if other.is_some() { vec!["groups", "best GROUP BY"] } else { vec!["groups"] },
        cards: cards(&all),
        figures: figures(&all),
        by_size: bars("size", "Cause size", "Causes found by size", &all, &size_rows(&all)),
        by_family: families,
        scatter: scatter(scores),
        histogram: histogram(&all),
        reasons: reasons(&missed),
        missed: missed.iter().take(LISTED).map(|cause| missed_cause(cause, causes)).collect(),
        all_missed: missed.len(),
    }
}

fn headline(scores: &Scores, other: Option<&Scores>) -> String {
    let Found { found, causes } = scores.found;
    let own = format!("The groups find {} of {}", thousands(found), plural(causes, "cause", "causes"));
    match other {
        Some(other) => format!("{own}, the best GROUP BY finds {}.", thousands(other.found.found)),
        None => format!("{own}."),
    }
}

fn story(evaluation: &Evaluation) -> Vec<String> {
    let Evaluation { scores, found_by_family, group_by } = evaluation;
    let f1 = scores.b_cubed.f1;
    let mut story = vec![
        "A cause is found where one group is at least half of what is in either of the two: where their Jaccard \
         index is 0.5 or more."
            .to_owned(),
    ];
    match group_by {
        Some(compared) => {
            let best = &compared.best;
            let theirs = best.scores.b_cubed.f1;
            let verdict = if f1 > theirs {
                format!("better by {:.3}", f1 - theirs)
            } else if f1 < theirs {
                format!("worse by {:.3}", theirs - f1)
            } else {
                "the same".to_owned()
            };
            story.push(format!(
                "B-cubed F1, which weighs every dispute alike, is {f1:.3} against {theirs:.3}: {verdict}."
            ));
            story.push(format!(
                "The GROUP BY is by {} within program and manufacturer. An oracle that knows the truth chose this key \
                 of up to three columns for the best B-cubed F1; real disputes have no such oracle.",
                and_list(&best.key),
            ));
        }
        None => story.push(format!("B-cubed F1, which weighs every dispute alike, is {f1:.3}.")),
    }
    let weakest = found_by_family
        .iter()
        .flatten()
        .filter(|(_, found)| found.found < found.causes)
        .min_by(|(_, left), (_, right)| share(**left).total_cmp(&share(**right)));
    if let Some((family, found)) = weakest {
        story.push(format!(
            "Least is found in the family “{family}”: {} of {}.",
            thousands(found.found),
            thousands(found.causes)
        ));
    }
    story
}

fn cards(all: &[&Scores]) -> Vec<Card> {
    let against = |value: &dyn Fn(&Scores) -> String| {
        all.get(1).map_or_else(String::new, |other| format!("{} by the best GROUP BY", value(other)))
    };
    let card =
        |name, value: &dyn Fn(&Scores) -> String| Card { name, value: value(all[0]), note: against(value) };
    vec![
        Card {
            name: "disputes",
            value: thousands(all[0].rows),
            note: match all[0].unassigned {
                0 => format!("with {} and noise", plural(all[0].found.causes, "cause", "causes")),
                some => format!("{} without an assignment", thousands(some)),
            },
        },
        card("groups", &|scores| thousands(scores.groups)),
        card("causes found", &|scores| percent(share(scores.found))),
        card("B-cubed F1", &|scores| format!("{:.3}", scores.b_cubed.f1)),
    ]
}

fn figures(all: &[&Scores]) -> Vec<Figure> {
    let figure = |name, meaning, value: &dyn Fn(&Scores) -> f64| Figure {
        name,
        meaning,
        values: all
            .iter()
            .map(|scores| {
                let value = value(scores);
                Mark { text: format!("{value:.3}"), x: round(value.clamp(0.0, 1.0) * 100.0) }
            })
            .collect(),
    };
    vec![
        figure("B-cubed precision", "of what was put together, the share that belongs together", &|scores| {
            scores.b_cubed.precision
        }),
        figure("B-cubed recall", "of what belongs together, the share that was put together", &|scores| {
            scores.b_cubed.recall
        }),
        figure("B-cubed F1", "harmonic mean of both", &|scores| scores.b_cubed.f1),
        figure("adjusted Rand index", "agreement about pairs of disputes; 0 is chance", &|scores| {
            scores.adjusted_rand
        }),
        figure(
            "adjusted mutual information",
            "what groups tell of causes and causes of groups; 0 is chance",
            &|scores| scores.adjusted_mutual_information,
        ),
        figure("V-measure", "harmonic mean of homogeneity and completeness", &|scores| scores.v_measure),
        figure("noise precision", "of the ungrouped disputes, the share without a cause", &|scores| {
            scores.noise_precision
        }),
        figure("noise recall", "of the disputes without a cause, the share left ungrouped", &|scores| {
            scores.noise_recall
        }),
    ]
}

type ClassRow = (String, Vec<Found>);

fn size_rows(all: &[&Scores]) -> Vec<ClassRow> {
    // The truth alone says which classes there are, so they are the same for all engines.
    let row = |(place, class): (usize, &FoundInSizeClass)| {
        (class.label(), all.iter().map(|scores| scores.found_by_size[place].found).collect())
    };
    all[0].found_by_size.iter().enumerate().map(row).collect()
}

fn family_rows(own: &BTreeMap<String, Found>, theirs: Option<&BTreeMap<String, Found>>) -> Vec<ClassRow> {
    let mut rows: Vec<ClassRow> = own
        .iter()
        .map(|(family, &found)| {
            let other = theirs.map(|theirs| theirs.get(family).copied().unwrap_or_default());
            (family.clone(), std::iter::once(found).chain(other).collect())
        })
        .collect();
    rows.sort_by(|(_, left), (_, right)| right[0].causes.cmp(&left[0].causes));
    rows
}

fn bars(id: &'static str, class: &'static str, title: &str, all: &[&Scores], rows: &[ClassRow]) -> Bars {
    const LABEL: usize = 22;
    const BAR: usize = 16;
    const GAP: usize = 14;
    let pitch = LABEL + BAR * all.len() + GAP;
    let summary = rows.iter().map(|(name, found)| {
        let shares: Vec<String> = found.iter().map(|found| percent(share(*found))).collect();
        format!("{name}: {}", shares.join(" against "))
    });
    Bars {
        id,
        class,
        title: title.to_owned(),
        summary: format!("{}.", summary.collect::<Vec<_>>().join("; ")),
        rows: rows
            .iter()
            .enumerate()
            .map(|(place, (name, found))| BarRow {
                name: name.clone(),
                y: place * pitch + 14,
                bars: found
                    .iter()
                    .enumerate()
                    .map(|(engine, &found)| Bar {
                        y: place * pitch + LABEL + engine * BAR,
                        width: round(share(found) * BAR_WIDTH),
                        count: format!("{} of {}", thousands(found.found), thousands(found.causes)),
                        share: percent(share(found)),
                    })
                    .collect(),
            })
            .collect(),
        height: (rows.len() * pitch).max(1),
    }
}

fn scatter(scores: &Scores) -> Scatter {
    let sizes = || scores.causes.iter().map(|cause| cause.size);
    // Room for the dots at both ends.
    let (low, high) =
        ((sizes().min().unwrap_or(1) as f64).ln() - 0.15, (sizes().max().unwrap_or(1) as f64).ln() + 0.15);
    let x = |size: usize| round(((size as f64).ln() - low) / (high - low) * 100.0);
    // Causes alike in both are one larger dot, which keeps the page small where there are many.
    let mut alike: BTreeMap<(usize, u64), Vec<&CauseScore>> = BTreeMap::new();
    for cause in &scores.causes {
        alike.entry((cause.size, cause.jaccard.to_bits())).or_default().push(cause);
    }
    let dots = alike
        .values()
        .map(|causes| {
            let first = causes[0];
            let which = if causes.len() == 1 {
                format!("{}: ", first.cause)
            } else {
                format!("{} causes: ", thousands(causes.len()))
            };
            Dot {
                x: x(first.size),
                y: height_of(first.jaccard),
                radius: round((2.0 + 2.0 * (causes.len() as f64).sqrt()).min(12.0)),
                found: first.jaccard >= FOUND,
                title: format!(
                    "{which}{}, Jaccard index {:.2}",
                    plural(first.size, "dispute", "disputes"),
                    first.jaccard
                ),
            }
        })
        .collect();
    let steps = (0..9).flat_map(|power: u32| [10_usize.pow(power), 3 * 10_usize.pow(power)]);
    let ticks = steps
        .filter(|&size| (low..=high).contains(&(size as f64).ln()))
        .map(|size| Tick { at: x(size), label: thousands(size) });
    Scatter {
        summary: format!(
            "Each dot is a cause; the {} above the line at 0.5 are found, the {} below it are missed.",
            thousands(scores.found.found),
            thousands(scores.found.causes - scores.found.found),
        ),
        dots,
        sizes: ticks.collect(),
        overlaps: [0.0, 0.25, 0.5, 0.75, 1.0]
            .map(|value| Tick { at: height_of(value), label: format!("{value}") })
            .into(),
        found_y: height_of(FOUND),
        table: scores.found_by_size.iter().map(|class| size_row(class, &scores.causes)).collect(),
    }
}

fn size_row(class: &FoundInSizeClass, causes: &[CauseScore]) -> SizeRow {
    let mut jaccards: Vec<f64> = causes
        .iter()
        .filter(|cause| (class.from..=class.to).contains(&cause.size))
        .map(|cause| cause.jaccard)
        .collect();
    jaccards.sort_by(f64::total_cmp);
    let (low, high) = (jaccards.get((jaccards.len().max(1) - 1) / 2), jaccards.get(jaccards.len() / 2));
    SizeRow {
        name: class.label(),
        causes: thousands(class.found.causes),
        found: thousands(class.found.found),
        ungrouped: thousands(jaccards.iter().filter(|&&jaccard| jaccard <= 0.0).count()),
        median: low
            .zip(high)
            .map_or_else(String::new, |(low, high)| format!("{:.2}", f64::midpoint(*low, *high))),
    }
}

fn histogram(all: &[&Scores]) -> Histogram {
    let counts: Vec<[usize; BINS]> = all
        .iter()
        .map(|scores| {
            let mut counts = [0; BINS];
            for cause in &scores.causes {
                counts[((cause.jaccard * BINS as f64) as usize).min(BINS - 1)] += 1;
            }
            counts
        })
        .collect();
    let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
    let step = nice_step(most);
    let top = most.div_ceil(step) * step;
    let y = |count: usize| round(BOTTOM - count as f64 / top as f64 * (BOTTOM - TOP));
    let bin_width = 100.0 / BINS as f64;
    let width = 0.8 * bin_width / all.len() as f64;
    let edge = |bin: usize| bin as f64 / BINS as f64;
    let bins = (0..BINS).map(|bin| Bin {
        from: format!("{:.1}", edge(bin)),
        to: format!("{:.1}", edge(bin + 1)),
        x: round(bin as f64 * bin_width),
        columns: counts
            .iter()
            .enumerate()
            .map(|(engine, counts)| Column {
                x: round((bin as f64 + 0.1) * bin_width + engine as f64 * width),
                y: y(counts[bin]),
                width: round(width),
                height: round(BOTTOM - y(counts[bin])),
                count: thousands(counts[bin]),
            })
            .collect(),
    });
    let full = |counts: &[usize; BINS]| counts[BINS - 1];
    Histogram {
        summary: format!(
            "{} of the groups' causes have a Jaccard index of 0.9 or more, {} one below 0.1.",
            thousands(full(&counts[0])),
            thousands(counts[0][0]),
        ),
        bins: bins.collect(),
        counts: (0..=top / step)
            .map(|tick| Tick { at: y(tick * step), label: thousands(tick * step) })
            .collect(),
        found_x: round(FOUND * 100.0),
    }
}

/// A step of 1, 2 or 5 times a power of ten that gives at most five ticks.
fn nice_step(most: usize) -> usize {
    (0..18)
        .flat_map(|power: u32| [1, 2, 5].map(|digit| digit * 10_usize.pow(power)))
        .find(|step| most.div_ceil(*step) <= 5)
        .unwrap_or(most)
}

/// Why causes were missed, in words.
fn reasons(missed: &[&CauseScore]) -> String {
    let (mut ungrouped, mut mixed, mut partly) = (0, 0, 0);
    for cause in missed {
        if cause.group.is_none() {
            ungrouped += 1;
        } else if cause.common * 2 < cause.group_size {
            mixed += 1;
        } else {
            partly += 1;
        }
    }
    format!(
        "Of {} missed, {} no dispute in any group; of {} the best group holds mostly other disputes; of {} the best \
         group is mostly theirs but too small a part of them.",
        plural(missed.len(), "cause", "causes"),
        match ungrouped {
            1 => "1 has".to_owned(),
            many => format!("{} have", thousands(many)),
        },
        thousands(mixed),
        thousands(partly),
    )
}

fn missed_cause(cause: &CauseScore, causes: Option<&Causes>) -> Missed {
    let facts = causes.and_then(|causes| facts_of(causes, &cause.cause));
    let others = cause.group_size - cause.common;
    Missed {
        cause: cause.cause.clone(),
        name: facts.map_or_else(String::new, |facts| facts.name.clone()),
        family: facts.map_or_else(String::new, |facts| facts.family.clone()),
        size: thousands(cause.size),
        group: cause.group.clone().unwrap_or_default(),
        holds: match (&cause.group, others) {
            (None, _) => "all its disputes are ungrouped".to_owned(),
            (Some(_), 0) => format!("holds {} of them and nothing else", thousands(cause.common)),
            (Some(_), _) => {
                format!("holds {} of them and {}", thousands(cause.common), plural(others, "other", "others"))
            }
        },
        jaccard: format!("{:.2}", cause.jaccard),
        width: round(cause.jaccard * 100.0),
    }
}

/// Pixels from the top for a value between 0 and 1.
fn height_of(value: f64) -> f64 {
    round(BOTTOM - value * (BOTTOM - TOP))
}

fn share(found: Found) -> f64 {
    super::share(found.found as f64, found.causes as f64)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// `state`, `state and payer`, `ndc, state and payer`.
fn and_list(names: &[&str]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        names => names.concat(),
    }
}

/// Hundredths are enough for a place on a screen.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
