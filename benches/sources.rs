//! How fast a million disputes are read where they are, against the plain driver of each place that only reads them, and
//! the memory that each way takes at its peak above what it began with.
//!
//! `cargo bench --bench sources`; names after `--` choose some of `parquet`, `s3`, `postgres` and `sqlserver`, and `--rows N`
//! reads fewer. The ways take turns, and the ratios are those of the same turn. Fails where a way that streams takes more than
//! 300 MiB. Linux; a place that is missing is told.
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
#[path = "../tests/shared/tds.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod tds;

use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use disputebot::dispute::Tables;
use disputebot::generate::{self, Plan, World};
use disputebot::source::database::{Database, Relation, Server, Tls};
use disputebot::source::{Previous, Settings, each, open_disputes};

const ROWS: usize = 1_000_000;
const TURNS: usize = 3;
/// Above the columns kept, which a stream keeps none of.
const MOST_MIB: f64 = 300.0;
const PASSWORD: &str = "bench";

/// A way to read a source; gives the number of rows.
type Way<'w> = (&'static str, Box<dyn Fn() -> u64 + 'w>);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let rows = arguments.iter().position(|argument| argument == "--rows");
    let rows = rows.map_or(ROWS, |at| arguments[at + 1].parse().unwrap());
    let is_chosen = |name: &str| {
        let mut names = arguments
            .iter()
            .filter(|argument| ["parquet", "s3", "postgres", "sqlserver"].contains(&argument.as_str()))
            .peekable();
        names.peek().is_none() || names.any(|chosen| chosen == name)
    };
    println!(
        "| source | rows | way | rows/s, best | time against the driver, median of {TURNS} | peak memory added, MiB |"
    );
    println!("| --- | ---: | --- | ---: | ---: | ---: |");
    for (name, bench) in
        [("parquet", parquet as fn(usize)), ("s3", s3), ("postgres", postgres), ("sqlserver", sqlserver)]
    {
        if is_chosen(name) {
            bench(rows);
        }
    }
}

/// The driver comes first.
fn compare(source: &str, rows: usize, ways: &[Way<'_>]) {
    let turns: Vec<Vec<(f64, f64)>> = (0..TURNS)
        .map(|_| {
            ways.iter()
                .map(|(name, way)| {
                    // The peak of the process starts anew.
                    std::fs::write("/proc/self/clear_refs", "5").unwrap();
                    let before = memory("VmRSS");
                    let start = Instant::now();
                    assert_eq!(black_box(way()), rows as u64, "{name}");
                    (start.elapsed().as_secs_f64(), memory("VmHWM") - before)
                })
                .collect()
        })
        .collect();
    for (index, (name, _)) in ways.iter().enumerate() {
        let best = turns.iter().map(|turn| turn[index].0).fold(f64::INFINITY, f64::min);
        let peak = turns.iter().map(|turn| turn[index].1).fold(0.0, f64::max);
        let mut ratios: Vec<f64> = turns.iter().map(|turn| turn[index].0 / turn[0].0).collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "| {source} | {rows} | {name} | {:.0} | {:.2} | {peak:.0} |",
            rows as f64 / best,
            ratios[TURNS / 2]
        );
        assert!(index == 0 || peak <= MOST_MIB, "{name} takes {peak:.0} MiB, expected at most {MOST_MIB:.0}");
    }
}

/// A figure of this process, in MiB.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn ours(source: &Settings) -> [Way<'_>; 2] {
    let every = move || {
        let survey = each(source, &Tables::embedded(), &mut |_| {}, &mut |located| {
            black_box(located);
        });
        assert_eq!(survey.reasons, []);
        survey.rows
    };
    let open = move || {
        let account =
            open_disputes(source, &Tables::embedded(), &Previous::default(), &mut |_| {}, &mut |dispute| {
                black_box(dispute);
            });
        assert!(account.completeness.is_complete(), "{:?}", account.completeness);
        account.counts.rows
    };
    [("source::each", Box::new(every)), ("source::open_disputes", Box::new(open))]
}

fn with<'w>(driver: Way<'w>, ours: [Way<'w>; 2]) -> Vec<Way<'w>> {
    std::iter::once(driver).chain(ours).collect()
}

fn records(rows: usize) -> impl Iterator<Item = generate::Record> {
    generate::stream(&Plan::new(World::Conjunctive, rows, 400, 5)).map(|row| row.record)
}

fn csv(path: &Path, rows: usize) {
    let mut writer = csv::Writer::from_writer(BufWriter::new(File::create(path).unwrap()));
    writer.write_record(generate::HEADER).unwrap();
    for record in records(rows) {
        writer.write_record(record.fields()).unwrap();
    }
    writer.flush().unwrap();
}

/// Texts, snappy, in groups of a hundred thousand rows, as Spark writes them by default.
fn write_parquet(path: &Path, rows: usize) {
    use parquet::basic::Compression;
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::{properties::WriterProperties, writer::SerializedFileWriter};

    let columns = generate::HEADER.map(|name| format!("REQUIRED BYTE_ARRAY {name} (UTF8);")).join(" ");
    let schema =
        parquet::schema::parser::parse_message_type(&format!("message disputes {{ {columns} }}")).unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).unwrap();
    let mut records = records(rows).peekable();
    while records.peek().is_some() {
        let mut cells: Vec<Vec<ByteArray>> = vec![Vec::new(); generate::HEADER.len()];
        for record in records.by_ref().take(100_000) {
            for (cells, field) in cells.iter_mut().zip(record.fields()) {
                cells.push(ByteArray::from(field));
            }
        }
        let mut group = writer.next_row_group().unwrap();
        for cells in &cells {
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<ByteArrayType>().write_batch(cells, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn parquet(rows: usize) {
    use parquet::column::reader::ColumnReader;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disputes.parquet");
    write_parquet(&path, rows);
    let driver = || {
        let file = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let mut rows = 0;
        for group in 0..file.num_row_groups() {
            let group = file.get_row_group(group).unwrap();
            rows += group.metadata().num_rows() as u64;
            for column in 0..group.num_columns() {
                let ColumnReader::ByteArrayColumnReader(mut reader) =
                    group.get_column_reader(column).unwrap()
                else {
                    panic!("all columns are texts")
                };
                let mut values = Vec::new();
                loop {
                    values.clear();
                    let (records, _, _) = reader.read_records(1024, None, None, &mut values).unwrap();
                    if records == 0 {
                        break;
                    }
                    black_box(&values);
                }
            }
        }
        rows
    };
    let source = Settings { paths: vec![path.clone()], ..Settings::default() };
    compare("Parquet", rows, &with(("parquet, column readers", Box::new(driver)), ours(&source)));
}

/// A program that ends with its bench.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn moto() -> Option<(Program, u16)> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let program = target.join("ci-tools/judges/venv/bin/moto_server");
    if !program.exists() {
        eprintln!("moto is missing below `target/ci-tools`; `.ci/run` installs it");
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = Command::new(program)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while !lines.next().unwrap_or_else(|| panic!("moto ended")).unwrap().contains("Running on http") {}
    std::thread::spawn(move || lines.for_each(drop));
    Some((Program(child), port))
}

fn s3(rows: usize) {
    use futures_util::StreamExt;
    use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3Builder};

    let Some((_server, port)) = moto() else { return };
    let endpoint = format!("http://127.0.0.1:{port}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disputes.csv");
    csv(&path, rows);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(
        AmazonS3Builder::new()
            .with_endpoint(&endpoint)
            .with_allow_http(true)
            .with_bucket_name("disputes")
            .with_region("us-east-1")
            .with_access_key_id("reader")
            .with_secret_access_key(PASSWORD)
            .build()
            .unwrap(),
    );
    runtime.block_on(async {
        let made = reqwest::Client::new().put(format!("{endpoint}/disputes")).send().await.unwrap();
        assert!(made.status().is_success());
        store.put(&"disputes.csv".into(), std::fs::read(&path).unwrap().into()).await.unwrap();
    });
    let driver = || {
        runtime.block_on(async {
            let mut stream = store.get(&"disputes.csv".into()).await.unwrap().into_stream();
            let mut lines = 0;
            while let Some(part) = stream.next().await {
                lines += part.unwrap().iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            }
            // The header is none.
            lines - 1
        })
    };
    let source = Settings {
        paths: vec![PathBuf::from("s3://disputes/disputes.csv")],
        endpoint: Some(endpoint.clone()),
        user: Some("reader".to_owned()),
        secret: Some(PASSWORD.to_owned().into()),
        region: Some("us-east-1".to_owned()),
        ..Settings::default()
    };
    compare("S3 (moto), CSV", rows, &with(("object_store, counting lines", Box::new(driver)), ours(&source)));
}

fn postgres(rows: usize) {
    use futures_util::TryStreamExt;
    use sqlx::{Connection, Row};

    let Some(server) = server::Postgres::start() else { return };
    let columns = generate::HEADER.map(|name| format!("{name} text")).join(", ");
    server.sql(&format!("CREATE TABLE disputes ({columns}); GRANT SELECT ON disputes TO reader"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disputes.csv");
    csv(&path, rows);
    server.sql(&format!("\\copy disputes FROM '{}' WITH (FORMAT csv, HEADER)", path.display()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let driver = || {
        runtime.block_on(async {
            let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
                .host("127.0.0.1")
                .port(server.port)
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
    };
    let source = server.source(Relation::Table("disputes".to_owned()));
    compare("PostgreSQL", rows, &with(("sqlx, each value as text", Box::new(driver)), ours(&source)));
}

/// A table of ten columns, which the server makes on the way.
fn sqlserver(rows: usize) {
    use futures_util::TryStreamExt;
    use tds::{Answer, Cell, Kind, Tds};
    use tiberius::{AuthMethod, Client, Config, EncryptionLevel, QueryItem};
    use tokio_util::compat::TokioAsyncWriteCompatExt;

    const COLUMNS: [(&str, Kind); 10] = [
        ("dispute_id", Kind::Int),
        ("program", Kind::Text),
        ("manufacturer", Kind::Text),
        ("ndc", Kind::Text),
        ("state", Kind::Text),
        ("reason_codes", Kind::Text),
        ("amount_disputed", Kind::Decimal { precision: 19, scale: 4 }),
        ("units_disputed", Kind::Decimal { precision: 38, scale: 3 }),
        ("opened_at", Kind::Date),
        ("status", Kind::Text),
    ];
    let row = |number: u64| {
        let text = |texts: &[&'static str]| Cell::Text(texts[number as usize % texts.len()]);
        vec![
            Cell::Int(number.cast_signed()),
            Cell::Text("mdrp"),
            text(&["Example Pharma A", "Example Pharma B", "Example Pharma C"]),
            text(&["12345-678-90", "12345-0679-01", "00093-7146-56", "00093-7147-56"]),
            text(&["OH", "TX", "GA", "CA", "NY"]),
            text(&["N", "X", "J", "D|Q"]),
            Cell::Decimal(i128::from(number % 1_000_000) * 37),
            Cell::Decimal(i128::from(number % 5_000) * 1_000),
            Cell::Date(739_000 + (number % 300) as u32),
            Cell::Text("open"),
        ]
    };
    let server = Tds::start("reader", PASSWORD, move |sql| {
        let table = Answer::table(&COLUMNS, []);
        let is_whole = sql.contains("FROM") && sql.contains("disputes") && !sql.contains("TOP (0)");
        if is_whole {
            Some(table.then_rows(&COLUMNS, rows as u64, row))
        } else {
            sql.contains("disputes").then_some(table)
        }
    });
    let port = server.port;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let driver = || {
        runtime.block_on(async {
            let mut config = Config::new();
            config.host("127.0.0.1");
            config.port(port);
            config.encryption(EncryptionLevel::NotSupported);
            config.authentication(AuthMethod::sql_server("reader", PASSWORD));
            let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let mut client = Box::pin(Client::connect(config, stream.compat_write())).await.unwrap();
            let mut items = client.simple_query("SELECT * FROM disputes").await.unwrap();
            let mut count = 0;
            while let Some(item) = items.try_next().await.unwrap() {
                if let QueryItem::Row(row) = item {
                    for cell in row.cells() {
                        black_box(cell);
                    }
                    count += 1;
                }
            }
            count
        })
    };
    let database = Database {
        server: Server::SqlServer,
        host: "127.0.0.1".to_owned(),
        port,
        name: "claims".to_owned(),
        relation: Relation::Table("disputes".to_owned()),
        tls: Tls::Off,
        authority: None,
        timeout: Duration::from_mins(5),
    };
    let source = Settings {
        database: Some(database),
        user: Some("reader".to_owned()),
        secret: Some(PASSWORD.to_owned().into()),
        ..Settings::default()
    };
    let driver: Way<'_> = ("tiberius, each value", Box::new(driver));
    compare("SQL Server (our responder)", rows, &with(driver, ours(&source)));
}
