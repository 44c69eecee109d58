//! Instructions of the hot steps, counted by valgrind, against the limits in `instructions.toml`.
//!
//! Seconds on shared machines say little; a count hardly varies. It varies a little because the hash maps of
//! the standard library are seeded at random, which moves their collisions, and more with another compiler.
//! Threads would only add waiting, so there is one.
//!
//! The bench runs itself under valgrind, each time one step further: what a step takes is the difference of
//! two runs, which leaves out what only makes the disputes.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its table")]

mod generated;

use std::{
    collections::BTreeMap,
    env, fs,
    hint::black_box,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use disputebot::{
    cluster::{Params, TableBuilder, cluster},
    generate::{Plan, World},
};

/// Steps after the disputes are made, in the order of a run.
const STEPS: [&str; 3] = ["table", "cluster", "score"];
/// What a step may take more than its limit: new compilers and the seeds of hash maps are within it, a loop
/// that does its work twice is not.
const ALLOWANCE: f64 = 1.1;
/// What stands above the limits.
const HEAD: &str = "# Instructions of each step for 5,000 disputes. More than a tenth above fails.\n\
                    # Renewed by `cargo bench --bench instructions -- --renew`.\n\n";

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = env::args().collect();
    if let Some(steps) = arguments.iter().find_map(|argument| argument.strip_prefix("--steps=")) {
        workload(steps.parse()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let counts = count()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.toml");
    if arguments.iter().any(|argument| argument == "--renew") {
        let lines: String =
            counts.iter().map(|(step, count)| format!("{step} = {}\n", grouped(*count))).collect();
        fs::write(&path, format!("{HEAD}{lines}"))?;
        println!("wrote {}\n{lines}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let limits: BTreeMap<String, u64> = toml::from_str(&fs::read_to_string(&path)?)?;
    let mut exit = ExitCode::SUCCESS;
    println!("| step | instructions | limit | |\n| --- | --- | --- | --- |");
    for (step, count) in counts {
        let limit =
            *limits.get(step).with_context(|| format!("instructions.toml has no limit for `{step}`"))?;
        let ratio = count as f64 / limit as f64;
        println!("| {step} | {} | {} | {:+.1} % |", grouped(count), grouped(limit), (ratio - 1.0) * 100.0);
        if ratio > ALLOWANCE {
            eprintln!(
                "`{step}` takes {ratio:.2} times its limit; make it cheaper, or renew the limit and say why"
            );
            exit = ExitCode::FAILURE;
        } else if ratio < 2.0 - ALLOWANCE {
            println!("`{step}` got much cheaper; renew its limit, so that it stays so");
        }
    }
    Ok(exit)
}

/// The first `steps` steps of a run over always the same disputes.
fn workload(steps: usize) -> anyhow::Result<()> {
    let world = generated::world(&Plan::new(World::Tangled, 5_000, 60, 901));
    let params = Params::default();
    if steps < 1 {
        black_box(world);
        return Ok(());
    }
    let mut builder = TableBuilder::new();
    for dispute in &world.disputes {
        builder.push(dispute);
    }
    let table = builder.finish(params.min_group);
    if steps < 2 {
        black_box(table);
        return Ok(());
    }
    let clusters = cluster(&table, &params);
    if steps < 3 {
        black_box(clusters);
        return Ok(());
    }
    black_box(generated::score(&world, &table, &clusters)?);
    Ok(())
}

/// Instructions of each step.
fn count() -> anyhow::Result<Vec<(&'static str, u64)>> {
    let mut before = instructions(0)?;
    let mut counts = Vec::new();
    for (done, step) in STEPS.into_iter().enumerate() {
        let after = instructions(done + 1)?;
        counts.push((step, after.saturating_sub(before)));
        before = after;
    }
    Ok(counts)
}

fn instructions(steps: usize) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .arg(format!("--steps={steps}"))
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .output()
        .context("valgrind cannot be run; install `valgrind`")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the workload failed under valgrind: {text}");
    let Some(line) = text.lines().find(|line| line.contains("refs:")) else {
        bail!("valgrind told no count: {text}");
    };
    let digits: String =
        line.rsplit(':').next().unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("valgrind told no count: {line}"))
}

/// `12_345_678`, as TOML and people read it.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
