//! The ticket protocol in a simulated world: virtual time, a model of Jira that lags, loses answers and does
//! things late, a model disk that fails, and a process that dies at any step. `cargo bench --bench prove`
//! runs the same with many more seeds.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what fails here fails the test")]

mod harness;
mod model;

use harness::{Algorithm, Plot, Report};
use model::Fault;

/// Lives through some seeds and gives what was not clean, with its seed.
fn unclean(seeds: impl Iterator<Item = u64>, plot: impl Fn(u64) -> Plot) -> Vec<(u64, Report)> {
    seeds.map(|seed| (seed, plot(seed).live())).filter(|(_, report)| !report.is_clean()).collect()
}

#[test]
fn one_ticket_per_group_whatever_breaks() {
    let found = unclean(1..=150, |seed| Plot::rough(seed, Algorithm::Ours));
    println!("seeds 1 to 150");
    assert!(found.is_empty(), "{:#?}", &found[..found.len().min(3)]);
}

#[test]
fn every_step_may_fail_in_every_way() {
    let steps = Plot::calm(3, Vec::new()).live();
    assert!(steps.is_clean(), "{steps:?}");
    println!("{} steps", steps.steps);
    for step in 1..=steps.steps {
        for fault in [Fault::Crash, Fault::Error, Fault::LostAnswer, Fault::Full, Fault::Slow] {
            let report = Plot::calm(3, vec![(step, fault)]).live();
            assert!(report.is_clean(), "step {step}, {fault:?}: {report:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 77, 4_242] {
        let (one, two) =
            (Plot::rough(seed, Algorithm::Ours).live(), Plot::rough(seed, Algorithm::Ours).live());
        assert_eq!(one, two, "seed {seed}");
        assert_ne!(one.trace, Plot::rough(seed + 1, Algorithm::Ours).live().trace);
    }
}

#[test]
fn the_harness_fails_the_algorithms_of_others() {
    for algorithm in [Algorithm::Stateless, Algorithm::Remembered, Algorithm::IntentFirst] {
        let doubled = (1..=200).filter(|seed| Plot::rough(*seed, algorithm).live().doubled > 0).count();
        println!("{algorithm:?}: {doubled} of 200");
        assert!(doubled > 0, "{algorithm:?} did not double in 200 runs, so the harness shows nothing");
    }
}

#[test]
fn a_wait_that_is_shorter_than_jira_takes_is_found_out() {
    let short = |seed| Plot {
        settle: jiff::SignedDuration::from_secs(20),
        chances: model::Chances { very_slow: 100, ..model::Chances::ROUGH },
        ..Plot::rough(seed, Algorithm::Ours)
    };
    assert!((1..=200).any(|seed| short(seed).live().doubled > 0));
}

#[test]
fn a_second_machine_takes_over_without_a_second_ticket() {
    let found = unclean(1..=40, Plot::two);
    println!("seeds 1 to 40");
    assert!(found.is_empty(), "{:#?}", &found[..found.len().min(3)]);
}

#[test]
fn two_machines_that_do_not_claim_the_project_double_tickets() {
    let doubled =
        (1..=40).filter(|seed| Plot { lease: false, ..Plot::two(*seed) }.live().doubled > 0).count();
    assert!(doubled > 0, "the harness shows nothing");
}

#[test]
fn zz_debug() {
    let mut by: std::collections::BTreeMap<String, (u32, u32, Vec<u64>)> = Default::default();
    for seed in 1..=6000u64 {
        let plot = Plot::rough(seed, Algorithm::Ours);
        let key = format!("people {} copies {} clocks {}", plot.people, plot.old_copies, plot.clocks);
        let report = plot.live();
        let e = by.entry(key).or_default();
        e.0 += 1;
        if !report.is_clean() {
            e.1 += 1;
            e.2.push(seed);
        }
    }
    println!("{by:#?}");
    let mut bad = Vec::new();
    for seed in 1..=2000u64 {
        if !Plot::two(seed).live().is_clean() {
            bad.push(seed);
        }
    }
    println!("two {bad:?}");
}
