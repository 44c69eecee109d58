//! How fast a million disputes are read where they are, against the plain driver of each place that only reads them, and
//! the memory that each way takes at its peak above what it began with.
//!
//! `cargo bench --bench sources`; names after `--` choose some of `ndjson`, `parquet`, `s3`, `azure`, `google`, `postgres`,
//! `sqlserver` and, with `--features odbc`, `odbc`; `--rows N` reads fewer. The ways take turns, and the ratios are those of
//! the same turn. Fails at its end where a way takes more than 300 MiB above what it keeps: `source::load`, by which a run
//! reads, keeps every dispute, and the others none. Linux; a place that is missing is told, and is a
//! failure where it is named or `CI` is set.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    clippy::unnecessary_wraps,
    reason = "a benchmark prints, and stops where it cannot go on; some places are never missing"
)]

#[path = "../tests/shared/bucket.rs"]
mod bucket;
#[path = "../tests/shared/certificate.rs"]
mod certificate;
#[path = "../tests/shared/missing.rs"]
mod missing;
#[path = "../tests/shared/postgres.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod server;
#[path = "../tests/shared/tds.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod tds;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use disputebot::dispute::{Dispute, Tables, Text};
use disputebot::generate::{self, Plan, World};
use disputebot::source::database::{Database, Relation, Server, Tls};
use disputebot::source::{Batch, Previous, Settings, each, load, open_disputes};
use hmac::{Hmac, KeyInit, Mac};
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::Sha256;

const ROWS: usize = 1_000_000;
const TURNS: usize = 3;
/// Above the columns kept, which a stream keeps none of.
const MOST_MIB: f64 = 300.0;
/// How a process ends whose place is not here.
const MISSING: i32 = 3;
const PASSWORD: &str = "bench";

/// A way to read a source.
type Way<'w> = (&'static str, Box<dyn Fn() -> Outcome + 'w>);

/// The number of rows, and what is kept of them in MiB.
struct Outcome {
    rows: u64,
    kept: f64,
}

/// Nothing is kept.
impl From<u64> for Outcome {
    fn from(rows: u64) -> Self {
        Self { rows, kept: 0.0 }
    }
}

/// Reads a place with so many rows; whether each way kept to its memory. None where the place is missing.
type Bench = fn(usize) -> Option<bool>;

const PLACES: &[(&str, Bench)] = &[
    ("ndjson", ndjson),
    ("parquet", parquet),
    ("s3", s3),
    ("azure", azure),
    ("google", google),
    ("postgres", postgres),
    ("sqlserver", sqlserver),
    #[cfg(feature = "odbc")]
    ("odbc", odbc),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let rows = arguments.iter().position(|argument| argument == "--rows");
    let rows = rows.map_or(ROWS, |at| arguments[at + 1].parse().unwrap());
    let is_named = |name: &str| arguments.iter().any(|argument| argument == name);
    let is_any_named = PLACES.iter().any(|(name, _)| is_named(name));
    let chosen: Vec<_> = PLACES.iter().filter(|(name, _)| !is_any_named || is_named(name)).collect();
    if let [(name, bench)] = chosen[..] {
        let Some(is_within) = bench(rows) else {
            eprintln!("{name} cannot be read here");
            std::process::exit(MISSING);
        };
        assert!(is_within, "a way takes more than {MOST_MIB:.0} MiB above what it keeps");
        return;
    }
    println!(
        "| source | rows | way | rows/s, best | time against the driver, median of {TURNS} | kept, MiB | peak memory added above that, MiB |"
    );
    println!("| --- | ---: | --- | ---: | ---: | ---: | ---: |");
    // Each in a process of its own: what an allocator keeps of one reading would hide the next. Every place is read,
    // whatever becomes of the one before.
    let own = std::env::current_exe().unwrap();
    let failed: Vec<&str> = chosen
        .into_iter()
        .filter(|(name, _)| {
            let read = Command::new(&own).args([name, "--rows", &rows.to_string()]).status().unwrap();
            // Who names places wants to know of each of them.
            !(read.success() || read.code() == Some(MISSING) && !is_any_named)
        })
        .map(|(name, _)| *name)
        .collect();
    assert!(failed.is_empty(), "{} failed or cannot be read here", failed.join(", "));
}

/// The driver comes first. Whether each way of ours kept to its memory.
fn compare(source: &str, rows: usize, ways: &[Way<'_>]) -> bool {
    let turns: Vec<Vec<(f64, f64, f64)>> = (0..TURNS)
        .map(|_| {
            ways.iter()
                .map(|(name, way)| {
                    // The peak of the process starts anew.
                    std::fs::write("/proc/self/clear_refs", "5").unwrap();
                    let before = memory("VmRSS");
                    let start = Instant::now();
                    let outcome = black_box(way());
                    assert_eq!(outcome.rows, rows as u64, "{name}");
                    let added = memory("VmHWM") - before;
                    (start.elapsed().as_secs_f64(), outcome.kept, added - outcome.kept)
                })
                .collect()
        })
        .collect();
    let mut is_kept_to = true;
    for (index, (name, _)) in ways.iter().enumerate() {
        let best = turns.iter().map(|turn| turn[index].0).fold(f64::INFINITY, f64::min);
        let kept = turns.iter().map(|turn| turn[index].1).fold(0.0, f64::max);
        let peak = turns.iter().map(|turn| turn[index].2).fold(0.0, f64::max);
        let mut ratios: Vec<f64> = turns.iter().map(|turn| turn[index].0 / turn[0].0).collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "| {source} | {rows} | {name} | {:.0} | {:.2} | {kept:.0} | {peak:.0} |",
            rows as f64 / best,
            ratios[TURNS / 2]
        );
        is_kept_to &= index == 0 || peak <= MOST_MIB;
    }
    is_kept_to
}

/// What the disputes of a batch take, in MiB: themselves, and each of their texts once, with what stands before it. Less than
/// an allocator takes for it, so that what lies above is never told too small.
fn kept(batch: &Batch) -> f64 {
    const COUNTS: usize = 16;
    let mut seen: HashSet<*const u8> = HashSet::new();
    let mut bytes = 0;
    let mut add = |text: &Text| {
        if seen.insert(text.as_ptr()) {
            bytes += text.len() + COUNTS;
        }
    };
    for dispute in &batch.disputes {
        let Dispute { id, client, product_name, state, payer, covered_entity, status, .. } = dispute;
        let Dispute { note, claim_ref, source_url, reason_codes, .. } = dispute;
        [id, client, status].into_iter().for_each(&mut add);
        let optional = [product_name, state, payer, covered_entity, note, claim_ref, source_url];
        optional.into_iter().flatten().chain(reason_codes).for_each(&mut add);
    }
    batch.resolved.iter().for_each(&mut add);
    let codes: usize = batch.disputes.iter().map(|dispute| dispute.reason_codes.len()).sum();
    let flat =
        batch.disputes.len() * size_of::<Dispute>() + (codes + batch.resolved.len()) * size_of::<Text>();
    (bytes + flat) as f64 / f64::from(1 << 20)
}

/// A figure of this process, in MiB.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn ours(source: &Settings) -> [Way<'_>; 3] {
    let every = move || {
        let survey = each(source, &Tables::embedded(), &mut |_| {}, &mut |located| {
            black_box(located);
        });
        assert_eq!(survey.reasons, []);
        survey.rows.into()
    };
    let open = move || {
        let account =
            open_disputes(source, &Tables::embedded(), &Previous::default(), &mut |_| {}, &mut |dispute| {
                black_box(dispute);
            });
        assert!(account.completeness.is_complete(), "{:?}", account.completeness);
        account.counts.rows.into()
    };
    let whole = move || {
        let batch = load(source, &Tables::embedded(), &Previous::default(), &mut |_| {});
        assert!(batch.completeness.is_complete(), "{:?}", batch.completeness);
        Outcome { rows: batch.counts.rows, kept: kept(&batch) }
    };
    [
        ("source::each", Box::new(every)),
        ("source::open_disputes", Box::new(open)),
        ("source::load", Box::new(whole)),
    ]
}

fn with<'w>(name: &'static str, driver: impl Fn() -> u64 + 'w, ours: [Way<'w>; 3]) -> Vec<Way<'w>> {
    let driver: Way<'w> = (name, Box::new(move || driver().into()));
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

/// All values are texts.
fn ndjson(rows: usize) -> Option<bool> {
    use serde_json::value::RawValue;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disputes.ndjson");
    let mut writer = BufWriter::new(File::create(&path).unwrap());
    for record in records(rows) {
        let object: HashMap<&str, &str> =
            generate::HEADER.into_iter().zip(record.fields()).filter(|(_, text)| !text.is_empty()).collect();
        serde_json::to_writer(&mut writer, &object).unwrap();
        writer.write_all(b"\n").unwrap();
    }
    writer.flush().unwrap();
    let driver = || {
        let mut input = BufReader::new(File::open(&path).unwrap());
        let (mut line, mut rows) = (String::new(), 0);
        while input.read_line(&mut line).unwrap() > 0 {
            black_box(serde_json::from_str::<HashMap<&str, &RawValue>>(&line).unwrap());
            line.clear();
            rows += 1;
        }
        rows
    };
    let source = Settings { paths: vec![path.clone()], ..Settings::default() };
    Some(compare("NDJSON", rows, &with("serde_json, each value as it stands", driver, ours(&source))))
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

fn parquet(rows: usize) -> Option<bool> {
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
    Some(compare("Parquet", rows, &with("parquet, column readers", driver, ours(&source))))
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

/// Starts a program of `target/ci-tools` on a free port and waits until it says `ready`.
fn start(program: &str, arguments: &dyn Fn(&str) -> Vec<String>, ready: &str) -> Option<(Program, u16)> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let path = target.join("ci-tools/judges").join(program);
    if !path.exists() {
        missing::missing(&format!(
            "not run: {program} is not below `target/ci-tools`; `.ci/run` installs it"
        ));
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // One stream for both, whichever it speaks on.
    let (reader, writer) = std::io::pipe().unwrap();
    let child = Command::new(path)
        .args(arguments(&port.to_string()))
        .stdin(Stdio::null())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    let program = Program(child);
    let mut lines = BufReader::new(reader).lines();
    while !lines.next().unwrap_or_else(|| panic!("the store ended")).unwrap().contains(ready) {}
    std::thread::spawn(move || lines.for_each(drop));
    Some((program, port))
}

/// Reads the object `disputes.csv` of a store against its plain driver.
fn compare_store(name: &str, rows: usize, store: &dyn ObjectStore, source: &Settings) -> bool {
    use futures_util::StreamExt;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
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
    compare(name, rows, &with("object_store, counting lines", driver, ours(source)))
}

fn csv_bytes(rows: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disputes.csv");
    csv(&path, rows);
    std::fs::read(&path).unwrap()
}

fn put(store: &dyn ObjectStore, contents: Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.put(&"disputes.csv".into(), contents.into())).unwrap();
}

fn s3(rows: usize) -> Option<bool> {
    use object_store::aws::AmazonS3Builder;

    let arguments = |port: &str| ["-H", "127.0.0.1", "-p", port].map(str::to_owned).to_vec();
    let (_server, port) = start("venv/bin/moto_server", &arguments, "Running on http")?;
    let endpoint = format!("http://127.0.0.1:{port}");
    let store = AmazonS3Builder::new()
        .with_endpoint(&endpoint)
        .with_allow_http(true)
        .with_bucket_name("disputes")
        .with_region("us-east-1")
        .with_access_key_id("reader")
        .with_secret_access_key(PASSWORD)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let made = reqwest::Client::new().put(format!("{endpoint}/disputes")).send().await.unwrap();
        assert!(made.status().is_success());
    });
    put(&store, csv_bytes(rows));
    let source = Settings {
        paths: vec![PathBuf::from("s3://disputes/disputes.csv")],
        endpoint: Some(endpoint),
        user: Some("reader".to_owned()),
        secret: Some(PASSWORD.to_owned().into()),
        region: Some("us-east-1".to_owned()),
        ..Settings::default()
    };
    Some(compare_store("S3 (moto), CSV", rows, &store, &source))
}

/// The account of every Azurite, published by its makers.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn azure(rows: usize) -> Option<bool> {
    use object_store::azure::MicrosoftAzureBuilder;

    let arguments = |port: &str| {
        let flags = ["--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence", "--silent"];
        let place = ["--blobHost", "127.0.0.1", "--blobPort", port];
        flags.into_iter().chain(place).map(str::to_owned).collect()
    };
    let (_server, port) = start("node_modules/.bin/azurite-blob", &arguments, "successfully listen")?;
    let endpoint = format!("http://127.0.0.1:{port}/{ACCOUNT}");
    make_container(&endpoint);
    let store = MicrosoftAzureBuilder::new()
        .with_endpoint(endpoint.clone())
        .with_allow_http(true)
        .with_account(ACCOUNT)
        .with_access_key(ACCOUNT_KEY)
        .with_container_name("disputes")
        .build()
        .unwrap();
    put(&store, csv_bytes(rows));
    let source = Settings {
        paths: vec![PathBuf::from("az://disputes/disputes.csv")],
        endpoint: Some(endpoint),
        user: Some(ACCOUNT.to_owned()),
        secret: Some(ACCOUNT_KEY.to_owned().into()),
        ..Settings::default()
    };
    Some(compare_store("Azure Blob Storage (Azurite), CSV", rows, &store, &source))
}

/// Azurite wants that signed.
fn make_container(endpoint: &str) {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let text = format!(
        "PUT{}x-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/disputes\nrestype:container",
        "\n".repeat(12)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(ACCOUNT_KEY).unwrap()).unwrap();
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let made = reqwest::Client::new()
        .put(format!("{endpoint}/disputes?restype=container"))
        .header("x-ms-date", date)
        .header("x-ms-version", "2021-08-06")
        .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"))
        .header("content-length", "0");
    let status = runtime.block_on(made.send()).unwrap().status();
    assert!(status.is_success(), "{status}");
}

/// From our stand-in, which is in this process and holds the object from the beginning.
fn google(rows: usize) -> Option<bool> {
    use object_store::gcp::GoogleCloudStorageBuilder;

    let (endpoint, _) = bucket::stand_in(vec![("disputes.csv", csv_bytes(rows))], usize::MAX);
    let key = "{\"disable_oauth\":true,\"client_email\":\"\",\"private_key\":\"\",\"private_key_id\":\"\"}";
    let store = GoogleCloudStorageBuilder::new()
        .with_bucket_name("disputes")
        .with_service_account_key(key)
        .with_base_url(&endpoint)
        .with_client_options(object_store::ClientOptions::new().with_allow_http(true))
        .build()
        .unwrap();
    let source = Settings {
        paths: vec![PathBuf::from("gs://disputes/disputes.csv")],
        endpoint: Some(endpoint),
        secret: Some(key.to_owned().into()),
        ..Settings::default()
    };
    Some(compare_store("Google Cloud Storage (our stand-in), CSV", rows, &store, &source))
}

/// A server with the disputes in a table of texts.
fn filled_postgres(rows: usize) -> Option<server::Postgres> {
    let server = server::Postgres::start()?;
    let columns = generate::HEADER.map(|name| format!("{name} text")).join(", ");
    server.sql(&format!("CREATE TABLE disputes ({columns}); GRANT SELECT ON disputes TO reader"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disputes.csv");
    csv(&path, rows);
    server.sql(&format!("\\copy disputes FROM '{}' WITH (FORMAT csv, HEADER)", path.display()));
    Some(server)
}

fn postgres(rows: usize) -> Option<bool> {
    use futures_util::TryStreamExt;
    use sqlx::{Connection, Row};

    let server = filled_postgres(rows)?;
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
    Some(compare("PostgreSQL", rows, &with("sqlx, each value as text", driver, ours(&source))))
}

/// By the driver of PostgreSQL, which brings a thousand rows at a time.
#[cfg(feature = "odbc")]
fn odbc(rows: usize) -> Option<bool> {
    use disputebot::source::database::parse_address;
    use odbc_api::{ConnectionOptions, Cursor, ResultSetMetadata, environment};

    let server = filled_postgres(rows)?;
    let string = format!(
        "Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={};Database=claims;UseDeclareFetch=1;Fetch=1000",
        server.port
    );
    let signed_in = format!("{string};UID=reader;PWD={}", server::PASSWORD);
    let driver = || {
        let environment = environment().unwrap();
        let options = ConnectionOptions::default();
        let connection = environment.connect_with_connection_string(&signed_in, options).unwrap();
        connection.set_autocommit(false).unwrap();
        let mut cursor = connection.execute("SELECT * FROM disputes", (), None).unwrap().unwrap();
        let columns = u16::try_from(cursor.num_result_cols().unwrap()).unwrap();
        let (mut count, mut text) = (0, Vec::new());
        while let Some(mut row) = cursor.next_row().unwrap() {
            for place in 1..=columns {
                text.clear();
                black_box(row.get_text(place, &mut text).unwrap());
            }
            count += 1;
        }
        drop(cursor);
        connection.rollback().unwrap();
        count
    };
    let settings = server.source(Relation::Table("disputes".to_owned()));
    let (kind, host, port, name) = parse_address(&format!("odbc:{string}")).unwrap();
    let database = Database { server: kind, host, port, name, ..settings.database.clone().unwrap() };
    let source = Settings { database: Some(database), ..settings };
    Some(compare("ODBC (PostgreSQL)", rows, &with("odbc-api, each value as text", driver, ours(&source))))
}

/// A table of ten columns, which the server makes on the way.
fn sqlserver(rows: usize) -> Option<bool> {
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
    Some(compare("SQL Server (our responder)", rows, &with("tiberius, each value", driver, ours(&source))))
}
