//! The ticket protocol in a simulated world, with many seeds. What is simulated, and what must be true, is in
//! `tests/simulation`.

#![expect(clippy::expect_used, reason = "a life that panics ends the proof")]

use crate::harness::{Algorithm, Plot, Projects, Report};
use crate::model::Fault;
use crate::{Effort, Row};

/// What many lives came to.
#[derive(Default)]
struct Sum {
    lives: u64,
    steps: u64,
    doubled: u64,
    lost: u64,
    broken: u64,
    first_bad: Option<String>,
}

impl Sum {
    fn add(&mut self, name: &str, report: &Report) {
        self.lives += report.lives;
        self.steps += report.steps;
        self.doubled += u64::from(report.doubled > 0);
        self.lost += u64::from(report.lost > 0);
        self.broken += u64::from(!report.violations.is_empty());
        if !report.is_clean() && self.first_bad.is_none() {
            self.first_bad = Some(format!("{name}: {report:?}"));
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.lives += other.lives;
        self.steps += other.steps;
        self.doubled += other.doubled;
        self.lost += other.lost;
        self.broken += other.broken;
        self.first_bad = self.first_bad.or(other.first_bad);
        self
    }

    fn is_clean(&self) -> bool {
        self.doubled + self.lost + self.broken == 0
    }

    fn found(&self) -> String {
        let Self { lives, steps, doubled, lost, broken, first_bad } = self;
        if let Some(bad) = first_bad {
            eprintln!("first bad: {bad}");
        }
        format!(
            "{doubled} doubled, {lost} lost, {broken} other promises broken; {lives} lives, {steps} steps"
        )
    }
}

/// Lives through all plots, on all cores.
fn all(plots: u64, plot: impl Fn(u64) -> Plot + Sync) -> Sum {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|worker| {
                let plot = &plot;
                scope.spawn(move || {
                    let mut sum = Sum::default();
                    for seed in (1 + worker..=plots).step_by(cores as usize) {
                        sum.add(&format!("seed {seed}"), &plot(seed).live());
                    }
                    sum
                })
            })
            .collect();
        let sums = workers.into_iter().map(|worker| worker.join().expect("a life comes to its end"));
        sums.fold(Sum::default(), Sum::join)
    })
}

/// Most seconds of work for 50,000 lives in rough weather.
const MOST_CPU_S: f64 = 120.0;

/// Seconds that the cores have worked for this process so far, 0 where the system does not tell (`proc_pid_stat(5)`: fields 14
/// and 15, in hundredths on Linux).
fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn seeds(count: u64) -> String {
    format!("1 to {count}")
}

/// One machine.
pub(crate) fn prove(effort: Effort) -> Vec<Row> {
    let (rough, stormy, routed, others) = match effort {
        Effort::Short => (50_000, 4_000, 2_000, 500),
        Effort::Long => (1_000_000, 200_000, 100_000, 5_000),
    };
    let mut rows = Vec::new();

    let measured = |plots: u64| {
        let before = cpu_s();
        let sum = all(plots, |seed| Plot::rough(seed, Algorithm::Ours));
        (sum, cpu_s() - before)
    };
    let (sum, mut spent) = measured(rough);
    let is_within = |spent: f64| spent <= MOST_CPU_S * rough as f64 / 50_000.0;
    if !is_within(spent) {
        // On a machine with other work the same instructions take longer; they do not do so twice.
        let part = rough / 10;
        spent = spent.min(measured(part).1 * 10.0);
    }
    rows.push(Row {
        what: "four groups, rough weather, three crashes; people, set clocks, other machines, old copies in some"
            .to_owned(),
        trials: rough,
        seeds: seeds(rough),
        found: format!("{}; {spent:.0} s of CPU (at most {MOST_CPU_S} for 50,000)", sum.found()),
        holds: sum.is_clean() && is_within(spent),
    });

    let sum = all(stormy, |seed| Plot::stormy(seed, Algorithm::Ours));
    rows.push(Row {
        what: "the same, and Jira asks for silence, people give orders, the process is killed while it waits"
            .to_owned(),
        trials: stormy,
        seeds: seeds(stormy),
        found: sum.found(),
        holds: sum.is_clean(),
    });

    let sum = all(routed, |seed| {
        let projects = if seed.is_multiple_of(2) { Projects::Two } else { Projects::TwoThenOne };
        Plot::stormy(seed, Algorithm::Ours).in_two(projects)
    });
    rows.push(Row {
        what: "the same, and rules send tickets to two projects, others every 20 minutes, in half of them to one in the \
               end; the second is hidden at times, and in some the state is lost and made anew from Jira"
            .to_owned(),
        trials: routed,
        seeds: seeds(routed),
        found: sum.found(),
        holds: sum.is_clean(),
    });

    let steps = Plot::calm(3, Vec::new()).live().steps;
    let faults = Fault::ALL;
    let trials = steps * faults.len() as u64;
    let sum = all(trials, |number| {
        let fault = faults[(number as usize - 1) % faults.len()];
        Plot::calm(3, vec![(1 + (number - 1) / faults.len() as u64, fault)])
    });
    rows.push(Row {
        what: "three groups, each step × crash, error, lost request, lost answer, full disk, slow".to_owned(),
        trials,
        seeds: "all".to_owned(),
        found: format!("{steps} steps of a run without faults; {}", sum.found()),
        holds: sum.is_clean(),
    });

    for (algorithm, name) in [
        (Algorithm::Stateless, "search, then create"),
        (Algorithm::Remembered, "search, create, remember"),
        (Algorithm::IntentFirst, "intent, search, create"),
        (Algorithm::IntentAndWait, "intent, wait 300 s, search, create"),
    ] {
        // The last one doubles about once in a thousand.
        let trials = if algorithm == Algorithm::IntentAndWait { others * 20 } else { others };
        let sum = all(trials, |seed| Plot::rough(seed, algorithm));
        let share = 100.0 * sum.doubled as f64 / trials as f64;
        rows.push(Row {
            what: format!("the same weather, what others do: {name}"),
            trials,
            seeds: seeds(trials),
            found: format!("{} doubled ({share:.2} %), as it must", sum.doubled),
            holds: sum.doubled > 0,
        });
    }
    rows
}

/// Two machines.
pub(crate) fn machines(effort: Effort) -> Vec<Row> {
    let two = match effort {
        Effort::Short => 1_000,
        Effort::Long => 50_000,
    };
    let sum = all(two, Plot::two);
    let mut rows = vec![Row {
        what: "two machines with states of their own, one dies, both sleep up to 300 s anywhere".to_owned(),
        trials: two,
        seeds: seeds(two),
        found: sum.found(),
        holds: sum.is_clean(),
    }];

    let sum = all(two, Plot::overtaken);
    rows.push(Row {
        what: "the same, and the one at work sleeps for an hour, is overtaken, and wakes in the middle of what it did"
            .to_owned(),
        trials: two,
        seeds: seeds(two),
        found: sum.found(),
        holds: sum.is_clean(),
    });
    rows
}
