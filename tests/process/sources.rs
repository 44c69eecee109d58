//! Sources that break off, and several sources at once: what a run makes of them.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use disputebot::generate::{self, Record};
use serde_json::Value;

use crate::{
    bucket::stand_in,
    cut,
    server::{self, Postgres},
    tds::{Answer, Cell, Kind, Tds},
    world::{World, disputes, text},
};

/// Reads from elsewhere from now on; `lines` are keys of `[source]`.
fn read_from(world: &World, lines: &str, password: &str) {
    world.write_config("");
    fs::write(world.path("secret"), password).unwrap();
    let config = fs::read_to_string(world.path("disputebot.toml")).unwrap();
    let config = config.replace("paths = [\"disputes.csv\"]", &format!("{lines}\nsecret_file = \"secret\""));
    fs::write(world.path("disputebot.toml"), config).unwrap();
}

/// A run from a source that breaks off leaves every ticket as it is and says why, and one from the whole source has nothing
/// to do.
async fn assert_a_break_changes_nothing(
    world: &World,
    kind: &str,
    told: &str,
    sources: [&str; 2],
    password: &str,
) {
    let before = world.sandbox.issues();
    let [cut, whole] = sources;
    read_from(world, cut, password);
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{kind}: {said}");
    assert!(said.contains("the input is incomplete, so nothing is closed or shrunk"), "{kind}: {said}");
    assert!(said.contains(told) && !said.contains(password), "{kind}: {said}");
    assert!(world.sandbox.issues() == before, "{kind}: an incomplete run changed a ticket: {said}");
    read_from(world, whole, password);
    let said = world.expect(0, &["run"]).await;
    assert!(said.starts_with("everything is up to date"), "{kind}: {said}");
    assert!(world.sandbox.issues() == before, "{kind}: the whole source changes nothing either");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_breaks_off_half_way_closes_nothing_and_shrinks_nothing() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    assert!(!world.sandbox.issues().is_empty());
    let rows = disputes();
    let csv = fs::read(world.path("disputes.csv")).unwrap();

    let address = |endpoint: &str| {
        format!(
            "paths = [\"s3://bucket/*.csv\"]\nendpoint = \"{endpoint}\"\nregion = \"us-east-1\"\nuser = \"reader\""
        )
    };
    let (cut, _) = stand_in(vec![("a.csv", csv.clone())], csv.len() / 3);
    let (whole, _) = stand_in(vec![("a.csv", csv.clone())], usize::MAX);
    let sources = [&*address(&cut), &*address(&whole)];
    assert_a_break_changes_nothing(
        &world,
        "S3",
        "`s3://bucket/a.csv` cannot be reached",
        sources,
        "s3cr3t-canary",
    )
    .await;

    let key = "{\"disable_oauth\":true,\"client_email\":\"\",\"private_key\":\"s3cr3t-canary\",\"private_key_id\":\"\"}";
    let address = |endpoint: &str| format!("paths = [\"gs://bucket/*.csv\"]\nendpoint = \"{endpoint}\"");
    let (cut, _) = stand_in(vec![("a.csv", csv.clone())], csv.len() / 3);
    let (whole, _) = stand_in(vec![("a.csv", csv.clone())], usize::MAX);
    let sources = [&*address(&cut), &*address(&whole)];
    assert_a_break_changes_nothing(&world, "Google", "`gs://bucket/a.csv` cannot be reached", sources, key)
        .await;

    let table = table_of(&rows);
    let serve = |answer: Answer| {
        let server = Tds::start("reader", server::PASSWORD, move |sql| {
            let is_asked = sql.contains("disputes");
            is_asked.then(|| if sql.contains("TOP (0)") { answer.described() } else { answer.clone() })
        });
        let address = format!("database = \"sqlserver://127.0.0.1:{}/claims\"", server.port);
        format!("{address}\ntable = \"dbo.disputes\"\ntls = \"off\"\nuser = \"reader\"")
    };
    let sources = [&*serve(table.clone().cut_at(table.len() / 3)), &*serve(table)];
    assert_a_break_changes_nothing(&world, "SQL Server", "broke off after ", sources, server::PASSWORD).await;

    let Some(server) = Postgres::start() else { return };
    let columns = generate::HEADER.map(|name| format!("{name} text")).join(", ");
    server.sql(&format!("CREATE TABLE disputes ({columns}); GRANT SELECT ON disputes TO reader"));
    let file = world.path("disputes.csv");
    server.sql(&format!("\\copy disputes FROM '{}' WITH (FORMAT csv, HEADER)", file.display()));
    let address = |port: u16| {
        let address = format!("database = \"postgres://127.0.0.1:{port}/claims\"");
        format!("{address}\ntable = \"disputes\"\ntls = \"off\"\nuser = \"reader\"")
    };
    let sources = [&*address(cut::after(csv.len() / 2, server.port)), &*address(server.port)];
    assert_a_break_changes_nothing(&world, "PostgreSQL", "broke off after ", sources, server::PASSWORD).await;
    // Without any row there is nothing to plan at all: of a view whose column has another type, and of a server that is gone.
    let before = world.sandbox.issues();
    server.sql("ALTER TABLE disputes ALTER COLUMN amount_disputed TYPE float8 USING amount_disputed::float8");
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert!(
        output.status.code() == Some(4) && said.contains("column `amount_disputed` has the type `float8`"),
        "{said}"
    );
    assert!(world.sandbox.issues() == before, "{said}");
    drop(server);
    let output = world.run(&["run"]).await;
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    assert!(world.sandbox.issues() == before);
}

/// The bytes of all files below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { bytes_below(&path) } else { fs::read(path).unwrap() })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_day_of_care_in_the_path_of_a_drop_nothing_is_in_the_journal_or_kept() {
    const DAY: &str = "1931-07-19";
    let world = World::new().await;
    let drops = world.path(&format!("drops/service_date={DAY}"));
    fs::create_dir_all(&drops).unwrap();
    fs::rename(world.path("disputes.csv"), drops.join("a.csv")).unwrap();
    fs::write(drops.join("b.csv"), "dispute_id,program,manufacturer,ndc\nD-1,mdrp,\"cut").unwrap();
    // Long enough ago to be kept.
    let file = fs::File::options().write(true).open(drops.join("a.csv")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    let config = fs::read_to_string(world.path("disputebot.toml")).unwrap();
    let config = config.replace("paths = [\"disputes.csv\"]", "paths = [\"drops\"]\nappend_only = true");
    fs::write(world.path("disputebot.toml"), config).unwrap();
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("service_date=####-##-##/b.csv` ends in the middle"), "{said}");
    let state = bytes_below(&world.path("state"));
    let has = |text: &str| state.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("service_date=####-##-##/a.csv"), "the file is kept");
    assert!(has("service_date=####-##-##/b.csv"), "the journal says what is missing");
    assert!(!has(DAY), "a day of care is in the state");
}

/// The same disputes as a table of texts.
fn table_of(rows: &[Record]) -> Answer {
    let columns: Vec<(&str, Kind)> = generate::HEADER.iter().map(|name| (*name, Kind::Text)).collect();
    // The server of the test lives as long as the process.
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let cell = |text: &str| if text.is_empty() { Cell::Null } else { Cell::Text(leak(text)) };
    Answer::table(&columns, rows.iter().map(|row| row.fields().iter().map(|text| cell(text)).collect()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_dispute_in_two_sources_the_later_one_counts_and_the_run_and_the_report_say_how_often() {
    let world = World::new().await;
    let rows = disputes();
    let mut later: Vec<Record> = rows[..20].to_vec();
    later[3].status = "resolved".to_owned();
    later[5].amount_disputed = "123.45".to_owned();
    world.write_disputes(&later);
    fs::rename(world.path("disputes.csv"), world.path("later.csv")).unwrap();
    world.write_disputes(&rows);
    let sources = "[sources.first]\npaths = [\"disputes.csv\"]\n[sources.second]\npaths = [\"later.csv\"]";
    with_sources(&world, sources);
    let output = world.run(&["run", "--json"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let told =
        "20 disputes are in more than one source, 2 of them with other contents; the later source counts";
    assert!(said.contains(told), "{said}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &answer["run"];
    assert_eq!(run["shared"], serde_json::json!([18, 2]), "{run}");
    assert_eq!((&run["rows"]["superseded"], &run["rows"]["not_open"]), (&20.into(), &1.into()));
    let page = world.expect(0, &["report"]).await;
    let page = fs::read_to_string(world.path(page.trim())).unwrap();
    assert!(page.contains(told) && !page.contains("replaced by a later file"), "{page}");
}

/// A config with these sources in place of the one.
fn with_sources(world: &World, sources: &str) {
    world.write_config("");
    let config = fs::read_to_string(world.path("disputebot.toml")).unwrap();
    let config = config.replace("[source]\npaths = [\"disputes.csv\"]", sources);
    fs::write(world.path("disputebot.toml"), config).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_a_claim_that_cancel_each_other_are_counted_in_the_run_and_its_record() {
    let world = World::new().await;
    let line = |id: &str, claim: &str, transaction: &str| {
        format!("{id},mdrp,Example Pharma A,12345067890,{claim},{transaction},10\n")
    };
    let lines = [
        line("C-1", "RX-1", "original"),
        line("C-2", "RX-1", "void"),
        line("C-3", "RX-2", "original"),
        line("C-4", "RX-2", "replacement"),
        line("C-5", "RX-3", "original"),
    ];
    let header = "dispute_id,program,manufacturer,ndc,claim_ref,transaction,units_disputed\n";
    fs::write(world.path("claims.csv"), header.to_owned() + &lines.concat()).unwrap();
    with_sources(
        &world,
        "[sources.all]\npaths = [\"disputes.csv\"]\n[sources.claims]\npaths = [\"claims.csv\"]",
    );
    let said = world.run(&["run"]).await;
    let said = text(&said.stdout) + &text(&said.stderr);
    assert!(said.contains("3 cancelled by other lines of their claim"), "{said}");
    let answer: Value = serde_json::from_str(&world.expect(0, &["run", "--json"]).await).unwrap();
    let rows = &answer["run"]["rows"];
    assert_eq!((&rows["netted"], &rows["read"]), (&3.into(), &(disputes().len() + 5).into()), "{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_source_has_its_own_share_of_rejects_and_the_one_that_exceeds_it_is_named() {
    let world = World::new().await;
    let row = |number: usize| {
        let program = if number.is_multiple_of(4) { "medicade" } else { "mdrp" };
        format!("P-{number},{program},Example Pharma A,12345067890\n")
    };
    let rows: String = (0..40).map(row).collect();
    fs::write(world.path("poor.csv"), format!("dispute_id,program,manufacturer,ndc\n{rows}")).unwrap();
    let sources = |limit: &str| {
        format!(
            "[sources.good]\npaths = [\"disputes.csv\"]\nmax_reject_rate = 0.0\n\
             [sources.poor]\npaths = [\"poor.csv\"]\nmax_reject_rate = {limit}"
        )
    };
    with_sources(&world, &sources("0.2"));
    let output = world.run(&["run"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    let expected =
        "too many rows cannot be read: 10 of 40 rows of source `poor` are rejected, expected at most 20 %";
    assert!(said.contains(expected), "{said}");
    assert!(world.sandbox.issues().is_empty(), "it stops before the plan");
    with_sources(&world, &sources("0.25"));
    world.expect(0, &["run"]).await;
    assert!(!world.sandbox.issues().is_empty());
}
