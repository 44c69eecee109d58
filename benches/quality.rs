//! The quality gate: groups generated disputes of seeds that nothing was tuned on, and fails where a mean
//! lies below its bar. `benches/README.md` has the table; `--json` prints the figures as JSON. `--large` measures
//! 100,000 and 1,000,000 rows with all seeds, which takes long and has no bars: it is for people, not for CI.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its table")]

mod generated;

use std::{panic, process::ExitCode, thread, time::Instant};

use disputebot::{
    cluster::{Cluster, Engine, Params, Table, explain},
    evaluate::Scores,
    generate::{Plan, World},
    run::group_disputes,
};
use serde::Serialize;

use generated::{score, world};

/// No one looks at these worlds while choosing parameters, so what they show holds for worlds not seen. Where somebody
/// did, others take their place: 901 to 905 and 921 to 925 were looked at.
const HELD_OUT: [u64; 5] = [931, 932, 933, 934, 935];

/// A size, the seeds it is run with, and the bars for each world.
///
/// A bar lies just below what the default engine reaches. It catches a change that makes groups worse, and
/// leaves room for one that trades a thousandth for something else; raise it whenever the engine gets better.
const SIZES: [Size; 2] = [
    Size {
        rows: 10_000,
        causes: 60,
        seeds: &HELD_OUT,
        conjunctive: Bar { f1: 0.98, adjusted_rand: 0.985, found: 0.975, noise_recall: 0.97, rule: 0.975 },
        tangled: Bar { f1: 0.955, adjusted_rand: 0.97, found: 0.9, noise_recall: 0.96, rule: 0.965 },
    },
    // One seed: five would take minutes. With so many causes a single world says enough.
    Size {
        rows: 100_000,
        causes: 400,
        seeds: &[HELD_OUT[0]],
        conjunctive: Bar { f1: 0.96, adjusted_rand: 0.98, found: 0.91, noise_recall: 0.92, rule: 0.96 },
        tangled: Bar { f1: 0.945, adjusted_rand: 0.975, found: 0.84, noise_recall: 0.935, rule: 0.95 },
    },
];

/// What `--large` measures: rows and causes.
const LARGE: [(usize, usize); 2] = [(100_000, 400), (1_000_000, 3_000)];

/// What is to be reached for a size: rows, B-cubed F1, share of causes found, noise recall. In both worlds.
const GOALS: [(usize, f64, f64, f64); 3] =
    [(10_000, 0.96, 0.95, 0.95), (100_000, 0.94, 0.92, 0.95), (1_000_000, 0.9, 0.85, 0.95)];
/// Precision and recall of rules that are to be reached at any size.
const GOAL_OF_RULES: f64 = 0.95;

struct Size {
    rows: usize,
    causes: usize,
    seeds: &'static [u64],
    conjunctive: Bar,
    tangled: Bar,
}

impl Size {
    const WITHOUT_BARS: Self =
        Self { rows: 0, causes: 0, seeds: &[], conjunctive: Bar::NONE, tangled: Bar::NONE };
}

impl Bar {
    const NONE: Self = Self { f1: 0.0, adjusted_rand: 0.0, found: 0.0, noise_recall: 0.0, rule: 0.0 };
}

/// The lowest means that pass.
struct Bar {
    /// B-cubed F1: the score that the engine is built for.
    f1: f64,
    /// Adjusted Rand index: weighs pairs, so it falls where large groups are merged or torn.
    adjusted_rand: f64,
    /// Share of the causes with a group of their own: what a person reading tickets would miss.
    found: f64,
    /// Share of the rows without a cause that stay ungrouped: below it, tickets fill with strangers.
    noise_recall: f64,
    /// Precision and recall of the rules, the lower one: below it, tickets explain badly.
    rule: f64,
}

/// Means over the seeds, each between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
struct Means {
    precision: f64,
    recall: f64,
    f1: f64,
    adjusted_rand: f64,
    found: f64,
    noise_recall: f64,
    rule_precision: f64,
    rule_recall: f64,
}

impl Means {
    fn values(&self) -> [f64; 8] {
        let Self { precision, recall, f1, adjusted_rand, found, noise_recall, rule_precision, rule_recall } =
            *self;
        [precision, recall, f1, adjusted_rand, found, noise_recall, rule_precision, rule_recall]
    }

    fn of(runs: &[Self]) -> Self {
        let mut sums = [0.0; 8];
        for run in runs {
            for (sum, value) in sums.iter_mut().zip(run.values()) {
                *sum += value / runs.len() as f64;
            }
        }
        let [precision, recall, f1, adjusted_rand, found, noise_recall, rule_precision, rule_recall] = sums;
        Self { precision, recall, f1, adjusted_rand, found, noise_recall, rule_precision, rule_recall }
    }
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Line {
    world: &'static str,
    rows: usize,
    causes: usize,
    seeds: &'static [u64],
    engine: &'static str,
    #[serde(flatten)]
    means: Means,
    /// Causes found and all causes, summed over the seeds.
    causes_found: (usize, usize),
    /// What is below its bar.
    below: Vec<String>,
    /// What is to be reached, beside what was.
    goals: Vec<Goal>,
}

/// A figure that is to be reached.
#[derive(Debug, Serialize)]
struct Goal {
    what: &'static str,
    least: f64,
    reached: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let json = std::env::args().any(|argument| argument == "--json");
    let large = std::env::args().any(|argument| argument == "--large");
    let sizes: Vec<Size> = if large {
        LARGE.map(|(rows, causes)| Size { rows, causes, seeds: &HELD_OUT, ..Size::WITHOUT_BARS }).into()
    } else {
        SIZES.into()
    };
    let sizes = &sizes;
    // Each world on a thread of its own: the gate takes half as long.
    let measured = thread::scope(|scope| {
        [World::Conjunctive, World::Tangled]
            .map(|world| {
                scope.spawn(move || {
                    sizes.iter().map(|size| measure(size, world)).collect::<anyhow::Result<_>>()
                })
            })
            .map(|thread| thread.join().unwrap_or_else(|cause| panic::resume_unwind(cause)))
    });
    let mut lines = Vec::new();
    for world in measured {
        let pairs: Vec<[Line; 2]> = world?;
        lines.extend(pairs.into_iter().flatten());
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    } else {
        print_table(&lines);
        print_goals(&lines);
        println!("\n{:.0} s in all", began.elapsed().as_secs_f64());
    }
    let below: Vec<&String> = lines.iter().flat_map(|line| &line.below).collect();
    for what in &below {
        eprintln!("below the bar: {what}");
    }
    Ok(if below.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The default engine, which has to reach the bar, and the baseline beside it.
fn measure(size: &Size, kind: World) -> anyhow::Result<[Line; 2]> {
    let (name, bar) = match kind {
        World::Conjunctive => ("conjunctive", &size.conjunctive),
        World::Tangled => ("tangled", &size.tangled),
    };
    let engines = [Params::default(), Params { engine: Engine::GroupBy, ..Params::default() }];
    let mut lines = engines.each_ref().map(|params| Line {
        world: name,
        rows: size.rows,
        causes: size.causes,
        seeds: size.seeds,
        engine: if params.engine == Engine::GroupBy { "groupby" } else { "default" },
        means: Means::default(),
        causes_found: (0, 0),
        below: Vec::new(),
        goals: Vec::new(),
    });
    let mut runs = [Vec::new(), Vec::new()];
    for seed in size.seeds {
        let world = world(&Plan::new(kind, size.rows, size.causes, *seed));
        for ((params, line), runs) in engines.iter().zip(&mut lines).zip(&mut runs) {
            let (table, clusters) = group_disputes(&world.disputes, params);
            let scores = score(&world, &table, &clusters)?;
            line.causes_found.0 += scores.found.found;
            line.causes_found.1 += scores.found.causes;
            runs.push(means(&scores, rules(&table, &clusters)));
        }
    }
    for (line, runs) in lines.iter_mut().zip(&runs) {
        line.means = Means::of(runs);
    }
    lines[0].below = below(&lines[0], bar);
    lines[0].goals = goals(&lines[0]);
    Ok(lines)
}

fn means(scores: &Scores, (rule_precision, rule_recall): (f64, f64)) -> Means {
    Means {
        precision: scores.b_cubed.precision,
        recall: scores.b_cubed.recall,
        f1: scores.b_cubed.f1,
        adjusted_rand: scores.adjusted_rand,
        found: scores.found.found as f64 / scores.found.causes.max(1) as f64,
        noise_recall: scores.noise_recall,
        rule_precision,
        rule_recall,
    }
}

/// Mean precision and recall of the clusters' rules, as tickets would tell them.
fn rules(table: &Table, clusters: &[Cluster]) -> (f64, f64) {
    let (mut precision, mut recall) = (0.0, 0.0);
    for explanation in explain(table, clusters) {
        precision += explanation.rule.precision / clusters.len() as f64;
        recall += explanation.rule.recall / clusters.len() as f64;
    }
    (precision, recall)
}

fn below(line: &Line, bar: &Bar) -> Vec<String> {
    let Bar { f1, adjusted_rand, found, noise_recall, rule } = *bar;
    let means = &line.means;
    [
        ("B-cubed F1", means.f1, f1),
        ("adjusted Rand index", means.adjusted_rand, adjusted_rand),
        ("share of causes found", means.found, found),
        ("noise recall", means.noise_recall, noise_recall),
        ("precision of rules", means.rule_precision, rule),
        ("recall of rules", means.rule_recall, rule),
    ]
    .iter()
    .filter(|(_, value, bar)| value < bar)
    .map(|(what, value, bar)| {
        format!("{} world, {} rows: {what} is {value:.4}, expected at least {bar}", line.world, line.rows)
    })
    .collect()
}

fn goals(line: &Line) -> Vec<Goal> {
    let Some((_, f1, found, noise_recall)) = GOALS.iter().find(|(rows, ..)| *rows == line.rows) else {
        return Vec::new();
    };
    let means = &line.means;
    [
        ("F1", means.f1, *f1),
        ("causes found", means.found, *found),
        ("noise recall", means.noise_recall, *noise_recall),
        ("rule P", means.rule_precision, GOAL_OF_RULES),
        ("rule R", means.rule_recall, GOAL_OF_RULES),
    ]
    .map(|(what, value, goal)| Goal { what, least: goal, reached: value >= goal })
    .into()
}

fn print_goals(lines: &[Line]) {
    println!("\n| world | rows | F1 | causes found | noise recall | rule P | rule R |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for line in lines.iter().filter(|line| !line.goals.is_empty()) {
        let Means { f1, found, noise_recall, rule_precision, rule_recall, .. } = line.means;
        let cells: Vec<String> = line
            .goals
            .iter()
            .zip([f1, found, noise_recall, rule_precision, rule_recall])
            .map(|(Goal { least, reached, .. }, value)| {
                format!("{value:.3}, goal {least:.2} {}", if *reached { "reached" } else { "missed" })
            })
            .collect();
        println!("| {} | {} × {} | {} |", line.world, line.seeds.len(), line.rows, cells.join(" | "));
    }
}

fn print_table(lines: &[Line]) {
    println!(
        "| world | rows | engine | B-cubed P | R | F1 | ARI | causes found | noise recall | rule P | rule R |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for line in lines {
        let Means { precision, recall, f1, adjusted_rand, noise_recall, rule_precision, rule_recall, .. } =
            line.means;
        let (found, causes) = line.causes_found;
        println!(
            "| {} | {} × {} | {} | {precision:.3} | {recall:.3} | {f1:.3} | {adjusted_rand:.3} | {found} of {causes} | {noise_recall:.3} | {rule_precision:.3} | {rule_recall:.3} |",
            line.world,
            line.seeds.len(),
            line.rows,
            line.engine,
        );
    }
}
