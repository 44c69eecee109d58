//! How fast disputes are read, against the `csv` crate that only splits the same bytes into fields.
//!
//! `cargo bench --bench read`; with `DISPUTEBOT_BENCH_LARGE` set also at a million rows. The ways take turns, and
//! the ratios are those of the same turn, so that a busy machine slows all of them.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use disputebot::dispute::Tables;
use disputebot::generate::{self, Plan, World};
use disputebot::source::{Previous, Settings, each, load, open_disputes};

const TURNS: usize = 5;

/// A way to read a file; gives the number of rows.
type Way = fn(&Path) -> u64;

const WAYS: [(&str, Way); 4] = [
    ("csv crate, StringRecord", split_only),
    ("source::each", read_each),
    ("source::open_disputes", read_open),
    ("source::load", read_whole),
];

fn main() {
    let folder = tempfile::tempdir().unwrap();
    println!("| rows | way | rows/s, best | time against the csv crate, median of {TURNS} |");
    println!("| ---: | --- | ---: | ---: |");
    let is_large = std::env::var_os("DISPUTEBOT_BENCH_LARGE").is_some();
    for rows in [Some(100_000), is_large.then_some(1_000_000)].into_iter().flatten() {
        let path = folder.path().join(format!("{rows}.csv"));
        write(&path, rows);
        let turns: Vec<[f64; WAYS.len()]> = (0..TURNS)
            .map(|_| {
                WAYS.map(|(name, way)| {
                    let start = Instant::now();
                    assert_eq!(black_box(way(&path)), rows as u64, "{name}");
                    start.elapsed().as_secs_f64()
                })
            })
            .collect();
        for (index, (name, _)) in WAYS.iter().enumerate() {
            let best = turns.iter().map(|turn| turn[index]).fold(f64::INFINITY, f64::min);
            let mut ratios: Vec<f64> = turns.iter().map(|turn| turn[index] / turn[0]).collect();
            ratios.sort_by(f64::total_cmp);
            println!("| {rows} | {name} | {:.0} | {:.2} |", rows as f64 / best, ratios[TURNS / 2]);
        }
    }
}

fn write(path: &Path, rows: usize) {
    let mut writer = csv::Writer::from_writer(BufWriter::new(File::create(path).unwrap()));
    writer.write_record(generate::HEADER).unwrap();
    for row in generate::stream(&Plan::new(World::Conjunctive, rows, 400, 5)) {
        writer.write_record(row.record.fields()).unwrap();
    }
    writer.flush().unwrap();
}

fn settings(path: &Path) -> Settings {
    Settings { paths: vec![path.to_path_buf()], ..Settings::default() }
}

fn split_only(path: &Path) -> u64 {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while reader.read_record(&mut record).unwrap() {
        black_box(&record);
        rows += 1;
    }
    rows
}

fn read_each(path: &Path) -> u64 {
    let survey = each(&settings(path), &Tables::embedded(), &mut |_| {}, &mut |located| {
        black_box(located);
    });
    survey.rows
}

fn read_open(path: &Path) -> u64 {
    let account = open_disputes(
        &settings(path),
        &Tables::embedded(),
        &Previous::default(),
        &mut |_| {},
        &mut |dispute| {
            black_box(dispute);
        },
    );
    account.counts.rows
}

fn read_whole(path: &Path) -> u64 {
    load(&settings(path), &Tables::embedded(), &Previous::default(), &mut |_| {}).counts.rows
}
