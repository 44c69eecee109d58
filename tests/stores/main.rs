//! Object stores: Azurite for Azure Blob Storage, moto for S3, and a server of our own that breaks off.
//!
//! `.ci/run` installs both below `target/ci-tools`. Where one is missing its test says so and leaves out the rest; with
//! `CI` set it fails.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed preparation fails its test")]

mod broken;
#[path = "../shared/bucket.rs"]
mod bucket;
mod kept;
#[path = "../shared/missing.rs"]
mod missing;
mod proxy;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use disputebot::dispute::{Field, Tables};
use disputebot::source::{Batch, Completeness, Previous, Settings, load, open_disputes};
use flate2::Compression;
use flate2::write::GzEncoder;
use hmac::{Hmac, KeyInit, Mac};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::Sha256;

/// The account of every Azurite, published by its makers.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A server that ends with its test.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a program of `target/ci-tools` on a free port and waits until it says `ready`.
    fn start(name: &str, program: &str, arguments: &dyn Fn(u16) -> Vec<String>, ready: &str) -> Option<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let program = target.join("ci-tools/judges").join(program);
        if !program.exists() {
            missing::missing(&format!(
                "not run: {name} is not below `target/ci-tools`; `.ci/run` installs it"
            ));
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // One stream for both, whichever it speaks on.
        let (reader, writer) = std::io::pipe().unwrap();
        let child = Command::new(&program)
            .args(arguments(port))
            .stdin(Stdio::null())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        let server = Self { child, port };
        let mut lines = BufReader::new(reader).lines();
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains(ready)) {
            let line = lines.next().unwrap_or_else(|| panic!("{name} ended: {said:#?}"));
            said.push(line.unwrap());
        }
        std::thread::spawn(move || lines.for_each(drop));
        Some(server)
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn moto() -> Option<Server> {
    let arguments = |port: u16| ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).to_vec();
    Server::start("moto", "venv/bin/moto_server", &arguments, "Running on http")
}

fn azurite() -> Option<Server> {
    let arguments = |port: u16| {
        let flags = ["--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence", "--silent"];
        let mut arguments: Vec<String> = flags.map(str::to_owned).to_vec();
        arguments.extend(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()].map(str::to_owned));
        arguments
    };
    Server::start("Azurite", "node_modules/.bin/azurite-blob", &arguments, "successfully listen")
}

fn csv(ids: &[&str]) -> String {
    let rows: Vec<String> =
        ids.iter().map(|id| format!("{id},mdrp,Example Pharma A,12345-678-90,open,10.00\n")).collect();
    format!("dispute_id,program,manufacturer,ndc,status,amount_disputed\n{}", rows.concat())
}

fn objects() -> Vec<(&'static str, Vec<u8>)> {
    let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
    zipped.write_all(csv(&["D-2", "D-3"]).as_bytes()).unwrap();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("inside.csv", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(csv(&["D-6"]).as_bytes()).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/parquet/plain.parquet");
    vec![
        ("drops/1.csv", csv(&["D-1", "D-2"]).into_bytes()),
        ("drops/2.csv.gz", zipped.finish().unwrap()),
        ("drops/3.csv.tmp", b"half".to_vec()),
        ("drops/d=2026-11-01/4.csv", csv(&["D-4"]).into_bytes()),
        ("drops/deep/er/5.csv", csv(&["D-5"]).into_bytes()),
        ("drops/6.zip", archive.finish().unwrap().into_inner()),
        ("lake/part-0.parquet", std::fs::read(golden).unwrap()),
        ("lake/_SUCCESS", Vec::new()),
        ("logged/_delta_log/0.json", b"{}".to_vec()),
        ("logged/part-0.csv", csv(&["D-7"]).into_bytes()),
    ]
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn fill(store: Arc<dyn ObjectStore>) {
    for (name, contents) in objects() {
        store.put(&name.into(), contents.into()).await.unwrap();
    }
}

fn read(settings: &Settings) -> Batch {
    load(settings, &Tables::embedded(), &Previous::default(), &mut |_| {})
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.disputes.iter().map(|dispute| &*dispute.id).collect()
}

fn missing(batch: &Batch) -> Vec<String> {
    match &batch.completeness {
        Completeness::Complete => Vec::new(),
        Completeness::Incomplete(reasons) => reasons.iter().map(ToString::to_string).collect(),
    }
}

/// What must hold of every store that [`fill`] filled; `root` is such as `s3://bucket`.
fn assert_reads(base: &Settings, root: &str) {
    let of = |path: &str| {
        let mut settings = Settings { paths: vec![PathBuf::from(format!("{root}/{path}"))], ..base.clone() };
        settings.columns.insert(Field::OpenedAt, "d".to_owned());
        settings
    };
    let batch = read(&of("drops"));
    assert_eq!(missing(&batch), [""; 0]);
    assert_eq!(ids(&batch), ["D-1", "D-2", "D-3", "D-4", "D-6"], "directly in the folder and in partitions");
    assert_eq!((batch.counts.superseded, batch.files.partial), (1, 1));
    assert_eq!(batch.disputes[3].opened_at.unwrap().to_string(), "2026-11-01");
    let mut streamed = Vec::new();
    let account =
        open_disputes(&of("drops"), &Tables::embedded(), &Previous::default(), &mut |_| {}, &mut |d| {
            streamed.push(d.id.to_string());
        });
    streamed.sort();
    assert_eq!((streamed.len(), account.counts), (5, batch.counts));

    assert_eq!(ids(&read(&of("drops/**/*.csv"))), ["D-1", "D-2", "D-4", "D-5"]);
    assert_eq!(ids(&read(&of("drops/1.csv"))), ["D-1", "D-2"]);
    let mut lake = of("lake/*.parquet");
    lake.empty = vec!["9999-12-31".to_owned()];
    lake.columns.clear();
    assert_eq!(ids(&read(&lake)), ["D-1", "D-2", "D-3", "D-4"]);
    for logged in ["logged", "logged/*.csv", "logged/**/*.csv"] {
        let batch = read(&of(logged));
        assert_eq!(batch.counts.rows, 0, "{logged}: which files count only the log tells");
        assert!(missing(&batch)[0].contains("is a table of Delta Lake"), "{:?}", missing(&batch));
    }
    assert_eq!(
        missing(&read(&of("nothing/*.csv"))),
        [format!("no file matches `{root}/nothing/*.csv`"), "the input has no rows".to_owned()]
    );
}

/// Settings that read what a server of S3 has; it answers at `endpoint`.
fn from_s3(endpoint: String) -> Settings {
    Settings {
        endpoint: Some(endpoint),
        user: Some("reader".to_owned()),
        secret: Some("s3cr3t".into()),
        region: Some("us-east-1".to_owned()),
        ..Settings::default()
    }
}

/// The bucket `disputes`, made.
async fn s3_bucket(server: &Server) -> Arc<dyn ObjectStore> {
    let put = reqwest::Client::new().put(format!("{}/disputes", server.endpoint())).send().await.unwrap();
    assert!(put.status().is_success());
    let builder = AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_allow_http(true)
        .with_bucket_name("disputes")
        .with_region("us-east-1")
        .with_access_key_id("reader")
        .with_secret_access_key("s3cr3t");
    Arc::new(builder.build().unwrap())
}

#[test]
fn an_s3_bucket_is_read_as_folders_are() {
    let Some(server) = moto() else { return };
    let base = from_s3(server.endpoint());
    run(async { fill(s3_bucket(&server).await).await });
    assert_reads(&base, "s3://disputes");
    let gone = read(&Settings { paths: vec!["s3://gone/drops".into()], ..base.clone() });
    assert_eq!(missing(&gone)[0], "`s3://gone/drops` does not exist");
    // From here on it lets nobody in whom it does not know.
    run(async {
        let locked = reqwest::Client::new().post(format!("{}/moto-api/reset-auth", server.endpoint()));
        assert!(locked.body("0").send().await.unwrap().status().is_success());
    });
    let settings = Settings { paths: vec!["s3://disputes/drops".into()], ..base };
    let told = missing(&read(&settings));
    assert!(told[0].starts_with("`s3://disputes/drops` refuses access: "), "{told:?}");
    assert!(!told[0].contains("s3cr3t"), "{told:?}");
    drop(server);
    let told = missing(&read(&settings));
    assert!(told[0].starts_with("`s3://disputes/drops` cannot be reached: "), "{told:?}");
}

/// Makes a container; Azurite wants that signed.
async fn make_container(server: &Server, name: &str) {
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let text = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(ACCOUNT_KEY).unwrap()).unwrap();
    mac.update(text.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let answer = reqwest::Client::new()
        .put(format!("{}/{ACCOUNT}/{name}?restype=container", server.endpoint()))
        .header("x-ms-date", date)
        .header("x-ms-version", "2021-08-06")
        .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"))
        .header("content-length", "0")
        .send()
        .await
        .unwrap();
    let status = answer.status();
    assert!(status.is_success(), "{status} {}", answer.text().await.unwrap());
}

/// Settings that read what Azurite has; it answers at `endpoint`.
fn from_azure(endpoint: &str) -> Settings {
    Settings {
        endpoint: Some(format!("{endpoint}/{ACCOUNT}")),
        user: Some(ACCOUNT.to_owned()),
        secret: Some(ACCOUNT_KEY.into()),
        ..Settings::default()
    }
}

/// The container `disputes`, made.
async fn azure_container(server: &Server) -> Arc<dyn ObjectStore> {
    make_container(server, "disputes").await;
    let builder = MicrosoftAzureBuilder::new()
        .with_endpoint(format!("{}/{ACCOUNT}", server.endpoint()))
        .with_allow_http(true)
        .with_account(ACCOUNT)
        .with_access_key(ACCOUNT_KEY)
        .with_container_name("disputes");
    Arc::new(builder.build().unwrap())
}

#[test]
fn an_azure_container_is_read_as_folders_are() {
    let Some(server) = azurite() else { return };
    let base = from_azure(&server.endpoint());
    run(async { fill(azure_container(&server).await).await });
    assert_reads(&base, "az://disputes");
    let settings = Settings { paths: vec!["az://disputes/drops".into()], ..base.clone() };
    let wrong = Settings { secret: Some(STANDARD.encode("another key").into()), ..settings.clone() };
    let told = missing(&read(&wrong));
    assert!(told[0].starts_with("`az://disputes/drops` refuses access: "), "{told:?}");
    assert!(!told[0].contains(&STANDARD.encode("another key")), "{told:?}");
    let gone = read(&Settings { paths: vec!["az://gone/drops".into()], ..base });
    assert_eq!(missing(&gone)[0], "`az://gone/drops` does not exist");
    drop(server);
    let told = missing(&read(&settings));
    assert!(told[0].starts_with("`az://disputes/drops` cannot be reached: "), "{told:?}");
    assert!(!told[0].contains(ACCOUNT_KEY), "{told:?}");
}
