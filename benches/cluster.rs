//! What `disputebot cluster` costs, as ratios taken in one run: against parsing the same file, against a
//! scikit-learn script, against the bandwidth of memory, and against itself on ten times the rows.
//!
//! Every measured program is a process of its own under GNU `time`. Repetitions are interleaved, so that a
//! busy moment of the machine hits all programs alike; the table shows medians. `benches/README.md` explains
//! the columns.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its tables")]

use std::{
    env,
    ffi::OsStr,
    fmt::Write as _,
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use clap::Parser as _;
use disputebot::generate::{self, Plan, World};

/// Columns of the coded table, four bytes each: what one pass over all evidence has to read.
const CODED_COLUMNS: usize = 22;
/// Bytes of a row that a miner reads which counts 256 sets of two or three columns, three times in each of
/// four passes: nothing that reads as much can be faster than memory gives it.
const MINED_BYTES: f64 = 34_000.0;
/// Rows up to which the script takes minutes at most, with DBSCAN and with HDBSCAN.
const SCRIPT_ROWS: [usize; 2] = [100_000, 20_000];
/// Seconds and bytes that a size may take on two cores.
const GOALS: [(usize, f64, Option<u64>); 3] =
    [(100_000, 1.5, None), (1_000_000, 15.0, Some(1 << 30)), (10_000_000, 200.0, Some(4 << 30))];

#[derive(Debug, clap::Parser)]
#[command(about = "Measures what `disputebot cluster` costs, as ratios")]
struct Arguments {
    /// Numbers of rows, ascending
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 100_000, 1_000_000])]
    sizes: Vec<usize>,
    /// Adds 10,000,000 rows: 3 GB of disk, 4 GB of memory, many minutes
    #[arg(long)]
    large: bool,
    /// Repetitions up to 100,000 rows; larger sizes and the script at 100,000 run once
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Seed of the worlds
    #[arg(long, default_value_t = 901)]
    seed: u64,
    /// Leaves out the script
    #[arg(long)]
    no_script: bool,
    /// Algorithms of the script; `hdbscan` runs up to 20,000 rows, as it takes many minutes at 100,000
    #[arg(long, value_delimiter = ',', default_values = ["dbscan", "hdbscan"])]
    algorithms: Vec<String>,
    /// Runs as the program that only parses this file
    #[arg(long, hide = true)]
    parse: Option<PathBuf>,
    /// `cargo bench` adds it
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a process took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    wall_s: f64,
    cpu_s: f64,
    peak_bytes: u64,
}

/// Everything measured at one size.
struct Measured {
    rows: usize,
    file_bytes: u64,
    cluster: Cost,
    parse: Cost,
    floor_s: f64,
    script: Vec<(String, Cost, String)>,
    quality: String,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(path) = &arguments.parse {
        return parse(path);
    }
    ensure!(
        Command::new("time").arg("--version").output().is_ok_and(|output| output.status.success()),
        "GNU `time` is missing: install the package `time`"
    );
    let python = if arguments.no_script { None } else { python() };
    let mut sizes = arguments.sizes.clone();
    sizes.extend(arguments.large.then_some(10_000_000));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cluster");
    fs::create_dir_all(&folder)?;
    let mut measured = Vec::new();
    for rows in sizes {
        measured.push(measure(rows, &arguments, &folder, python.as_deref())?);
        eprintln!("{rows} rows: done");
    }
    fs::remove_dir_all(&folder)?;
    print!("{}", tables(&measured));
    Ok(())
}

/// The interpreter with pandas and scikit-learn, where there is one.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-python").join("bin/python");
    let python = env::var_os("BENCH_PYTHON").map_or(own, PathBuf::from);
    let works = Command::new(&python)
        .args(["-c", "import pandas, sklearn"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if works {
        return Some(python);
    }
    println!(
        "WITHOUT the scikit-learn script: `{}` does not run with pandas and scikit-learn; benches/README.md says \
         how to install them\n",
        python.display()
    );
    None
}

fn measure(
    rows: usize,
    arguments: &Arguments,
    folder: &Path,
    python: Option<&Path>,
) -> anyhow::Result<Measured> {
    let disputes = folder.join("disputes.csv");
    let truth = folder.join("truth.csv");
    write_world(rows, arguments.seed, &disputes, &truth)?;
    let ours = folder.join("ours.csv");
    let repeat = if rows <= 100_000 { arguments.repeat.max(1) } else { 1 };
    let mut costs = vec![Vec::new(); 2 + arguments.algorithms.len()];
    let mut floors = Vec::new();
    let columns: Vec<Vec<u32>> = vec![(0..rows as u32).collect(); CODED_COLUMNS];
    for repetition in 0..repeat {
        let bench = env::current_exe()?;
        costs[0].push(run(folder, bench.as_os_str(), &[OsStr::new("--parse"), disputes.as_os_str()])?);
        costs[1].push(run(
            folder,
            OsStr::new(env!("CARGO_BIN_EXE_disputebot")),
            &[
                OsStr::new("cluster"),
                OsStr::new("--input"),
                disputes.as_os_str(),
                OsStr::new("--assignments"),
                ours.as_os_str(),
            ],
        )?);
        floors.push(stream(&columns));
        let Some(python) = python.filter(|_| rows < SCRIPT_ROWS[0] || repetition == 0) else { continue };
        for (place, algorithm) in arguments.algorithms.iter().enumerate() {
            if rows > SCRIPT_ROWS[usize::from(algorithm == "hdbscan")] {
                continue;
            }
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/sklearn_baseline.py");
            costs[2 + place].push(run(
                folder,
                python.as_os_str(),
                &[
                    script.as_os_str(),
                    OsStr::new("--input"),
                    disputes.as_os_str(),
                    OsStr::new("--algorithm"),
                    OsStr::new(algorithm),
                    OsStr::new("--assignments"),
                    folder.join(format!("{algorithm}.csv")).as_os_str(),
                ],
            )?);
        }
    }
    let mut script = Vec::new();
    for (algorithm, costs) in arguments.algorithms.iter().zip(&costs[2..]) {
        if !costs.is_empty() {
            let quality = quality(&folder.join(format!("{algorithm}.csv")), &truth)?;
            script.push((algorithm.clone(), median(costs), quality));
        }
    }
    Ok(Measured {
        rows,
        file_bytes: fs::metadata(&disputes)?.len(),
        cluster: median(&costs[1]),
        parse: median(&costs[0]),
        floor_s: floors.iter().copied().fold(f64::INFINITY, f64::min),
        script,
        quality: quality(&ours, &truth)?,
    })
}

/// A world as `disputebot generate` writes it, without its next day.
fn write_world(rows: usize, seed: u64, disputes: &Path, truth: &Path) -> anyhow::Result<()> {
    // 60 causes in 10,000 rows, 400 in 100,000 and 3,000 in 1,000,000.
    let causes = match rows {
        1_000_000.. => rows * 3 / 1_000,
        100_000.. => rows / 250,
        _ => rows / 166,
    };
    let mut disputes = csv::Writer::from_path(disputes)?;
    let mut truth = csv::Writer::from_path(truth)?;
    disputes.write_record(generate::HEADER)?;
    truth.write_record(["dispute_id", "cause"])?;
    for row in generate::stream(&Plan::new(World::Tangled, rows, causes, seed)) {
        disputes.write_record(row.record.fields())?;
        truth.write_record([row.record.dispute_id.as_str(), row.truth.as_deref().unwrap_or_default()])?;
    }
    disputes.flush()?;
    truth.flush()?;
    Ok(())
}

/// Reads every field of a file and does nothing with it.
fn parse(path: &Path) -> anyhow::Result<()> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut record = csv::ByteRecord::new();
    let mut bytes = 0;
    while reader.read_byte_record(&mut record)? {
        bytes += record.iter().map(<[u8]>::len).sum::<usize>();
    }
    println!("{bytes} bytes in fields");
    Ok(())
}

/// Seconds of one core to read all columns once.
fn stream(columns: &[Vec<u32>]) -> f64 {
    let began = Instant::now();
    for column in columns {
        let sum = column.iter().fold(0_u32, |sum, code| sum.wrapping_add(*code));
        black_box(sum);
    }
    began.elapsed().as_secs_f64()
}

/// Runs a program under `time`. Its peak memory is then its own: a process starts with the peak of the one
/// that started it, and `time` is small.
fn run(folder: &Path, program: &OsStr, arguments: &[&OsStr]) -> anyhow::Result<Cost> {
    let figures = folder.join("time.txt");
    let began = Instant::now();
    let output = Command::new("time")
        .args(["--format", "%U %S %M", "--output"])
        .arg(&figures)
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    let wall_s = began.elapsed().as_secs_f64();
    let shown = program.display();
    if !output.status.success() {
        bail!("`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = fs::read_to_string(&figures)?;
    let mut words = text.split_whitespace();
    let mut figure = || {
        let word = words.next().unwrap_or_default();
        word.parse::<f64>().with_context(|| format!("`time` wrote `{word}` for a number"))
    };
    let cpu_s = figure()? + figure()?;
    Ok(Cost { wall_s, cpu_s, peak_bytes: figure()? as u64 * 1024 })
}

/// Each figure's median, the upper one of an even number.
fn median(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Cost {
        wall_s: middle(|cost| cost.wall_s),
        cpu_s: middle(|cost| cost.cpu_s),
        peak_bytes: middle(|cost| cost.peak_bytes as f64) as u64,
    }
}

/// B-cubed F1 and causes found, as `disputebot evaluate` says.
fn quality(assignments: &Path, truth: &Path) -> anyhow::Result<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(["evaluate", "--json", "--assignments"])
        .arg(assignments)
        .arg("--truth")
        .arg(truth)
        .output()?;
    ensure!(output.status.success(), "evaluate failed: {}", String::from_utf8_lossy(&output.stderr));
    let scores: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let f1 = scores["b_cubed"]["f1"].as_f64().context("the scores have no F1")?;
    let found = &scores["found"];
    Ok(format!("{f1:.3} | {} of {}", found["found"], found["causes"]))
}

fn tables(measured: &[Measured]) -> String {
    let mut text = String::from(
        "| rows | program | wall s | CPU s | peak MB | cluster is faster | by CPU | smaller | B-cubed F1 | causes found |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Measured { rows, cluster, parse, script, quality, .. } in measured {
        let mut line = |program: &str, cost: &Cost, quality: &str| {
            let times = |theirs: f64, ours: f64| format!("{:.2} ×", theirs / ours.max(1e-9));
            let _ = writeln!(
                text,
                "| {rows} | {program} | {:.2} | {:.2} | {:.0} | {} | {} | {} | {quality} |",
                cost.wall_s,
                cost.cpu_s,
                cost.peak_bytes as f64 / 1e6,
                times(cost.wall_s, cluster.wall_s),
                times(cost.cpu_s, cluster.cpu_s),
                times(cost.peak_bytes as f64, cluster.peak_bytes as f64),
            );
        };
        line("`disputebot cluster`", cluster, quality);
        line("parse only", parse, "- | -");
        for (algorithm, cost, quality) in script {
            line(&format!("scikit-learn, {algorithm}"), cost, quality);
        }
    }
    text += &format!(
        "\n| rows | file MB | cluster / parse, CPU | one pass over {CODED_COLUMNS} columns, ms | GB/s | cluster / pass, CPU | cluster / 34 KB a row, CPU |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for Measured { rows, file_bytes, cluster, parse, floor_s, .. } in measured {
        let bytes_per_s = (*rows * CODED_COLUMNS * 4) as f64 / floor_s;
        let _ = writeln!(
            text,
            "| {rows} | {:.0} | {:.1} | {:.2} | {:.1} | {:.0} | {:.2} |",
            *file_bytes as f64 / 1e6,
            cluster.cpu_s / parse.cpu_s.max(0.01),
            floor_s * 1e3,
            bytes_per_s / 1e9,
            cluster.cpu_s / floor_s,
            cluster.cpu_s / (*rows as f64 * MINED_BYTES / bytes_per_s),
        );
    }
    text += "\n| from | to | wall | CPU | n log n | exponent, wall | CPU | n log n | peak memory |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (a, b) in measured.iter().zip(measured.iter().skip(1)) {
        let (n, m) = (a.rows as f64, b.rows as f64);
        let allowed = m * m.ln() / (n * n.ln());
        let wall = b.cluster.wall_s / a.cluster.wall_s;
        let cpu = b.cluster.cpu_s / a.cluster.cpu_s.max(0.01);
        let exponent = |grown: f64| grown.ln() / (m / n).ln();
        let _ = writeln!(
            text,
            "| {} | {} | {wall:.1} × | {cpu:.1} × | {allowed:.1} × | {:.2} | {:.2} | {:.2} | {:.1} × |",
            a.rows,
            b.rows,
            exponent(wall),
            exponent(cpu),
            exponent(allowed),
            b.cluster.peak_bytes as f64 / a.cluster.peak_bytes as f64,
        );
    }
    if !measured.iter().any(|measured| GOALS.iter().any(|(rows, ..)| *rows == measured.rows)) {
        return text;
    }
    text += "\n| rows | wall s | goal | peak MiB | goal | |\n| --- | --- | --- | --- | --- | --- |\n";
    for (rows, seconds, bytes) in GOALS {
        let Some(Measured { cluster, .. }) = measured.iter().find(|measured| measured.rows == rows) else {
            continue;
        };
        let reached = cluster.wall_s <= seconds && bytes.is_none_or(|bytes| cluster.peak_bytes <= bytes);
        let _ = writeln!(
            text,
            "| {rows} | {:.2} | {seconds} | {} | {} | {} |",
            cluster.wall_s,
            cluster.peak_bytes >> 20,
            bytes.map_or("-".to_owned(), |bytes| (bytes >> 20).to_string()),
            if reached { "reached" } else { "missed" },
        );
    }
    text
}
