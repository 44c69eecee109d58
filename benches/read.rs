//! How fast disputes are read, against the `csv` crate that only splits the same bytes into fields.
//!
//! `cargo bench --bench read`; with `DISPUTEBOT_BENCH_LARGE` set also at a million rows. The ways take turns, and
//! the ratios are those of the same turn, so that a busy machine slows all of them.
//!
//! With `DISPUTEBOT_BENCH_DATABASE` set instead a million rows of a PostgreSQL, against the driver that only reads them,
//! and the memory that each way takes at its peak above what it began with.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    reason = "a benchmark prints, and stops where it cannot go on"
)]

#[path = "../tests/shared/postgres.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod server;

use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use disputebot::dispute::Tables;
use disputebot::generate::{self, Plan, World};
use disputebot::source::database::Relation;
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
    if std::env::var_os("DISPUTEBOT_BENCH_DATABASE").is_some() {
        return databases();
    }
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

const DATABASE_ROWS: usize = 1_000_000;
const DATABASE_TURNS: usize = 3;

/// A way to read a database; gives the number of rows.
type DatabaseWay = fn(&Settings) -> u64;

const DATABASE_WAYS: [(&str, DatabaseWay); 3] = [
    ("sqlx, each value as text", drive_only),
    ("source::each", each_row),
    ("source::open_disputes", each_open),
];

fn databases() {
    let Some(server) = server::Postgres::start() else { return };
    let columns = generate::HEADER.map(|name| format!("{name} text")).join(", ");
    server.sql(&format!("CREATE TABLE disputes ({columns}); GRANT SELECT ON disputes TO reader"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disputes.csv");
    write(&path, DATABASE_ROWS);
    server.sql(&format!("\\copy disputes FROM '{}' WITH (FORMAT csv, HEADER)", path.display()));
    let source = server.source(Relation::Table("disputes".to_owned()));
    println!(
        "| rows | way | rows/s, best | time against the driver, median of {DATABASE_TURNS} | peak memory added, MiB |"
    );
    println!("| ---: | --- | ---: | ---: | ---: |");
    let turns: Vec<[(f64, f64); DATABASE_WAYS.len()]> = (0..DATABASE_TURNS)
        .map(|_| {
            DATABASE_WAYS.map(|(name, way)| {
                // The peak of the process starts anew.
                std::fs::write("/proc/self/clear_refs", "5").unwrap();
                let before = memory("VmRSS");
                let start = Instant::now();
                assert_eq!(black_box(way(&source)), DATABASE_ROWS as u64, "{name}");
                (start.elapsed().as_secs_f64(), memory("VmHWM") - before)
            })
        })
        .collect();
    for (index, (name, _)) in DATABASE_WAYS.iter().enumerate() {
        let best = turns.iter().map(|turn| turn[index].0).fold(f64::INFINITY, f64::min);
        let peak = turns.iter().map(|turn| turn[index].1).fold(0.0, f64::max);
        let mut ratios: Vec<f64> = turns.iter().map(|turn| turn[index].0 / turn[0].0).collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "| {DATABASE_ROWS} | {name} | {:.0} | {:.2} | {peak:.0} |",
            DATABASE_ROWS as f64 / best,
            ratios[DATABASE_TURNS / 2]
        );
    }
}

/// A figure of this process, in MiB.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn drive_only(source: &Settings) -> u64 {
    use futures_util::TryStreamExt;
    use sqlx::{Connection, Row};

    let port = source.database.as_ref().unwrap().port;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(port)
            .username("reader")
            .password(server::PASSWORD)
            .database("claims")
            .ssl_mode(sqlx::postgres::PgSslMode::Disable);
        let mut connection = sqlx::PgConnection::connect_with(&options).await.unwrap();
        let mut rows = sqlx::raw_sql("SELECT * FROM disputes").fetch(&mut connection);
        let mut count = 0;
        while let Some(row) = rows.try_next().await.unwrap() {
            for place in 0..row.len() {
                black_box(row.try_get_raw(place).unwrap().as_bytes().ok());
            }
            count += 1;
        }
        count
    })
}

fn each_row(source: &Settings) -> u64 {
    let survey = each(source, &Tables::embedded(), &mut |_| {}, &mut |located| {
        black_box(located);
    });
    survey.rows
}

fn each_open(source: &Settings) -> u64 {
    let account =
        open_disputes(source, &Tables::embedded(), &Previous::default(), &mut |_| {}, &mut |dispute| {
            black_box(dispute);
        });
    account.counts.rows
}
