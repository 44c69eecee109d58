//! PostgreSQL: what it holds arrives whole, and whatever breaks leaves the source incomplete.

use std::{net::TcpListener, process::Command};

use disputebot::{
    dispute::{Field, Tables},
    source::{
        Batch, Completeness, Previous, Reason, Settings, database::Relation, database::Tls, each, load,
    },
};
use jiff::civil::date;
use rust_decimal::Decimal;

use crate::{
    cut,
    server::{PASSWORD, Postgres},
};

const COLUMNS: &str = "dispute_id text, program text, manufacturer text, ndc text";

fn read(settings: &Settings) -> Batch {
    load(settings, &Tables::embedded(), &Previous::default(), &mut |_| {})
}

fn table(name: &str) -> Relation {
    Relation::Table(name.to_owned())
}

fn query(text: &str) -> Relation {
    Relation::Query(text.to_owned())
}

/// The one reason why a source is incomplete, which tells no secret.
fn why(settings: &Settings) -> (Reason, Batch) {
    let batch = read(settings);
    let Completeness::Incomplete(reasons) = &batch.completeness else { panic!("it is complete") };
    let reasons: Vec<&Reason> = reasons.iter().filter(|reason| **reason != Reason::NoRows).collect();
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    let told = format!("{reason} {reason:?}");
    assert!(!told.contains(PASSWORD), "{told}");
    ((*reason).clone(), batch)
}

fn told(settings: &Settings) -> String {
    let (reason, _) = why(settings);
    let port = settings.database.as_ref().unwrap().port;
    reason.to_string().replace(&port.to_string(), "PORT")
}

#[test]
fn values_come_as_the_server_has_them() {
    let Some(server) = Postgres::start() else { return };
    server.sql(
        "ALTER DATABASE claims SET timezone = 'America/New_York'; ALTER DATABASE claims SET datestyle = 'German';
         CREATE TYPE state AS ENUM ('OH', 'TX'); CREATE DOMAIN money_exact AS numeric(38,10);
         CREATE SCHEMA claims;
         CREATE TABLE claims.\"Open Ones\" (dispute_id int8, program varchar(10), manufacturer text, ndc char(13), state state,
            amount_disputed money_exact, units_disputed numeric, opened_at timestamptz, due_at date, resolved_at timestamp,
            note text, payload jsonb, tags text[], ratio float8);
         INSERT INTO claims.\"Open Ones\" VALUES
            (1, 'mdrp', 'Example Pharma Ω', '12345-678-90 ', 'OH', 12345678901234567.0123456789, 0.10, '2026-10-31 23:30:00-04',
             '2026-11-30', '2026-01-02 03:04:05', E'two\\nlines', '{}', '{a,b}', 0.1),
            (2, '340b', '', '12345-678-90', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
            (3, '340b', 'Example Pharma', '12345-678-90', NULL, 'NaN', NULL, NULL, 'infinity', NULL, NULL, NULL, NULL, NULL),
            (4, '340b', 'Example Pharma', '12345-678-90', NULL, -0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
         GRANT USAGE ON SCHEMA claims TO reader; GRANT SELECT ON claims.\"Open Ones\" TO reader;",
    );
    let batch = read(&server.source(table("claims.Open Ones")));
    assert_eq!(batch.completeness, Completeness::Complete);
    assert_eq!((batch.counts.rows, batch.counts.open, batch.counts.rejected), (4, 2, 2));
    let first = &batch.disputes[0];
    assert_eq!((&*first.id, &*first.client, first.ndc.digits()), ("1", "Example Pharma Ω", "12345067890"));
    assert_eq!(first.amount_disputed, Some("12345678901234567.0123456789".parse::<Decimal>().unwrap()));
    assert_eq!(first.units_disputed, Some(Decimal::new(10, 2)));
    assert_eq!(first.state.as_deref(), Some("OH"));
    assert_eq!(
        first.opened_at,
        Some(date(2026, 11, 1)),
        "an instant is a day in UTC, whatever the zone of the session"
    );
    assert_eq!((first.due_at, first.resolved_at), (Some(date(2026, 11, 30)), Some(date(2026, 1, 2))));
    assert_eq!(first.note.as_deref(), Some("two\nlines"));
    assert_eq!(batch.disputes[1].amount_disputed, Some(Decimal::new(-5, 1)));
    let rejects: Vec<String> = batch.rejects.iter().map(ToString::to_string).collect();
    assert_eq!(
        rejects,
        [
            "line 2, column `manufacturer`: expected the name of a manufacturer, found nothing",
            "line 3, column `amount_disputed`: `NaN` is not an amount (such as `1234.50`, `$1,234.50` or `(12.00)`); \
             column `due_at`: `infinity` is not a date (such as `2026-09-30`, `09/30/2026` or `20260930`)",
        ]
    );

    // A mapping decides which columns are wanted, and only those must be of a kind that can be read.
    for (column, kind) in [("payload", "jsonb"), ("tags", "text[]"), ("ratio", "float8")] {
        let mut source = server.source(table("claims.Open Ones"));
        source.columns.insert(Field::Payer, column.to_owned());
        let reason = told(&source);
        assert!(
            reason.contains(&format!("column `{column}` has the type `{kind}`, expected a text")),
            "{reason}"
        );
    }
    let named =
        "SELECT dispute_id AS id, program, manufacturer, ndc FROM claims.\"Open Ones\" WHERE dispute_id = 4;";
    let mut source = server.source(query(named));
    source.columns.insert(Field::DisputeId, "ID".to_owned());
    assert_eq!(read(&source).counts.open, 1);
}

#[test]
fn whatever_is_wrong_leaves_the_source_incomplete_and_says_what_it_is() {
    let Some(server) = Postgres::start() else { return };
    server.sql(&format!(
        "CREATE TABLE disputes ({COLUMNS}); INSERT INTO disputes SELECT 'D-' || n, 'mdrp', 'Example Pharma A', '12345-678-90'
            FROM generate_series(1, 20000) n;
         CREATE TABLE secret ({COLUMNS}); CREATE TABLE empty ({COLUMNS});
         CREATE FUNCTION dirty() RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO disputes VALUES ('X'); RETURN 'x'; END $$;
         GRANT SELECT, INSERT ON disputes TO reader; GRANT SELECT ON empty TO reader;"
    ));
    let good = server.source(table("disputes"));
    let batch = read(&good);
    assert_eq!((batch.counts.open, &batch.completeness), (20_000, &Completeness::Complete));

    let mut down = good.clone();
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    down.database.as_mut().unwrap().port = unused;
    let reason = told(&down);
    assert!(
        reason.starts_with("`postgres://127.0.0.1:PORT/claims/disputes` cannot be reached: "),
        "{reason}"
    );

    let wrong = Settings { secret: Some("not it".to_owned().into()), ..good.clone() };
    assert_eq!(
        told(&wrong),
        "`postgres://127.0.0.1:PORT/claims/disputes` refuses access: password authentication failed for user \"reader\" (SQLSTATE 28P01)"
    );
    let mut elsewhere = good.clone();
    elsewhere.database.as_mut().unwrap().name = "clams".to_owned();
    assert!(
        told(&elsewhere).ends_with("could not be read: database \"clams\" does not exist (SQLSTATE 3D000)")
    );
    let of = |relation| told(&server.source(relation));
    assert_eq!(
        of(table("open_disputes")),
        "`postgres://127.0.0.1:PORT/claims/open_disputes` could not be read: relation \"open_disputes\" does not exist (SQLSTATE 42P01)"
    );
    assert!(of(table("secret")).contains("refuses access: permission denied for table secret"));
    assert!(of(query("SELECT FROM WHERE")).contains("syntax error"));
    assert!(
        of(query("SELECT 1/0 AS dispute_id, 'a' AS program, 'b' AS manufacturer, 'c' AS ndc"))
            .ends_with("the query cannot compute a value (SQLSTATE 22012)")
    );
    assert!(
        of(query("SELECT dispute_id, program, manufacturer, ndc FROM disputes; DROP TABLE disputes"))
            .contains("cannot insert multiple commands")
    );
    assert!(
        of(query("SELECT dirty() AS dispute_id, 'a' AS program, 'b' AS manufacturer, 'c' AS ndc"))
            .contains("read-only transaction")
    );
    assert!(of(query("DELETE FROM disputes RETURNING *")).contains("syntax error"));
    assert_eq!(read(&good).counts.open, 20_000, "nothing was written");

    // A table without rows is no error of the database.
    let nothing = read(&server.source(table("empty")));
    assert_eq!(nothing.completeness, Completeness::Incomplete(vec![Reason::NoRows]));

    // The rows before the cut count, and are no proof of what is missing.
    for bytes in [400_000, 700_000] {
        let mut cut_off = good.clone();
        cut_off.database.as_mut().unwrap().port = cut::after(bytes, server.port);
        let (reason, batch) = why(&cut_off);
        let Reason::BrokeOff { rows, .. } = reason else { panic!("{reason}") };
        assert!(0 < rows && rows < 20_000, "{rows}");
        assert_eq!(batch.counts.rows, rows);
    }
    let mut cut_early = good.clone();
    cut_early.database.as_mut().unwrap().port = cut::after(100, server.port);
    assert!(matches!(why(&cut_early).0, Reason::Unreachable { .. }));

    // One row in a hundred is wrong: the others are read, and the counts add up.
    server.sql("UPDATE disputes SET ndc = 'none' WHERE dispute_id LIKE '%00'");
    let batch = read(&good);
    assert_eq!((batch.counts.open, batch.counts.rejected), (19_800, 200));
    assert_eq!(batch.counts.rows, batch.counts.accounted());

    // A wanted column becomes one that is not exact.
    server.sql("ALTER TABLE disputes ADD COLUMN amount_disputed numeric(12,2) DEFAULT 0.10");
    let batch = read(&good);
    assert_eq!(
        (&batch.completeness, batch.disputes[0].amount_disputed),
        (&Completeness::Complete, Some(Decimal::new(10, 2)))
    );
    server.sql("ALTER TABLE disputes ALTER COLUMN amount_disputed TYPE float8");
    let (reason, batch) = why(&good);
    assert!(
        reason.to_string().contains("column `amount_disputed` has the type `float8`, expected"),
        "{reason}"
    );
    assert_eq!(batch.counts.rows, 0, "none of its rows is taken for what it is not");
}

#[test]
fn a_slow_view_ends_by_its_timeout_and_a_reader_that_leaves_ends_its_query() {
    let Some(server) = Postgres::start() else { return };
    let slow = "SELECT 'D-' || n AS dispute_id, 'mdrp' AS program, 'A' AS manufacturer, \
                '12345-678-90' || left(pg_sleep(20)::text, 0) AS ndc FROM generate_series(1, 1000) n";
    let mut source = server.source(query(slow));
    source.database.as_mut().unwrap().timeout = std::time::Duration::from_millis(300);
    let reason = told(&source);
    assert!(
        reason.contains("statement timeout (SQLSTATE 57014); is `timeout` too short for this view?"),
        "{reason}"
    );

    // Required columns are missing, so nothing is read of a query that would take hours.
    let source = server.source(query("SELECT pg_sleep(20)::text AS a FROM generate_series(1, 1000)"));
    assert!(matches!(why(&source).0, Reason::HeaderLacks { .. }));
}

#[test]
fn a_connection_is_as_secure_as_the_settings_say() {
    let Some(server) = Postgres::start() else { return };
    server.sql(&format!(
        "CREATE TABLE disputes ({COLUMNS}); INSERT INTO disputes VALUES ('D-1', 'mdrp', 'A', '12345-678-90');
         GRANT SELECT ON disputes TO reader;
         CREATE EXTENSION sslinfo; CREATE VIEW secured AS SELECT * FROM disputes WHERE ssl_is_used();
         GRANT SELECT ON secured TO reader;"
    ));
    let with = |tls, authority: Option<Vec<u8>>| {
        let mut source = server.source(table("secured"));
        let database = source.database.as_mut().unwrap();
        (database.tls, database.authority) = (tls, authority);
        source
    };
    assert_eq!(read(&with(Tls::Off, None)).counts.open, 0, "in the clear");
    for source in [with(Tls::Encrypt, None), with(Tls::Verify, Some(server.certificate()))] {
        let batch = read(&source);
        assert_eq!((batch.counts.open, batch.completeness), (1, Completeness::Complete));
    }
    let stranger = told(&with(Tls::Verify, None));
    assert!(stranger.contains("refuses access: no secure connection"), "{stranger}");
    let mut other_name = with(Tls::Verify, Some(server.certificate()));
    other_name.database.as_mut().unwrap().host = "localhost".to_owned();
    let other_name = told(&other_name);
    assert!(other_name.contains("no secure connection"), "{other_name}");
}

#[test]
fn a_reader_that_leaves_ends_its_query_on_the_server() {
    let Some(server) = Postgres::start() else { return };
    // Rows enough for the reader to begin, and then a server that computes for ten minutes.
    let settings = server.source(query(
        "SELECT n::text AS dispute_id, 'mdrp' AS program, 'Example Pharma A' AS manufacturer, '12345067890' AS ndc \
         FROM generate_series(1, 60000) AS n \
         UNION ALL SELECT pg_sleep(600)::text, 'mdrp', 'Example Pharma A', '12345067890'",
    ));
    let left = std::panic::catch_unwind(|| {
        each(&settings, &Tables::embedded(), &mut |_| {}, &mut |_| panic!("it leaves"));
    });
    assert!(left.is_err());
    let at_work =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'disputebot' AND state = 'active'";
    let began = std::time::Instant::now();
    while server.value(at_work) != "0" {
        assert!(began.elapsed().as_secs() < 60, "the query goes on");
    }
}

#[test]
fn errors_of_functions_of_the_database_tell_no_value() {
    let Some(server) = Postgres::start() else { return };
    server.sql(&format!(
        "CREATE TABLE disputes ({COLUMNS}); INSERT INTO disputes VALUES ('D-1', 'mdrp', 'Jane Roe', '12345067890');
         CREATE FUNCTION check_it(text) RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no claim of %', $1; END $$;
         CREATE VIEW open_disputes AS
            SELECT dispute_id, program, check_it(manufacturer) AS manufacturer, ndc FROM disputes;
         GRANT SELECT ON open_disputes TO reader"
    ));
    let told = told(&server.source(table("open_disputes")));
    assert!(told.ends_with("the query cannot compute a value (SQLSTATE P0001)"), "{told}");
}

#[test]
fn a_cell_that_is_too_long_is_refused_and_the_rest_is_read() {
    let Some(server) = Postgres::start() else { return };
    let batch = read(&server.source(query(
        "SELECT n::text AS dispute_id, 'mdrp' AS program, 'Example Pharma A' AS manufacturer, '12345067890' AS ndc, \
         repeat('x', CASE n WHEN 2 THEN 10000000 ELSE 10 END) AS note FROM generate_series(1, 3) AS n",
    )));
    assert_eq!((batch.counts.open, batch.counts.rejected, batch.completeness.is_complete()), (2, 1, true));
    let told = batch.rejects[0].to_string();
    assert!(told.starts_with("line 2, column `note`: expected at most 65536 bytes"), "{told}");
}

#[test]
fn init_guesses_from_a_table_and_preview_shows_it_as_mapped() {
    let Some(server) = Postgres::start() else { return };
    server.sql(
        "CREATE SCHEMA claims; CREATE TABLE claims.open_ones (dispute_no int8, lob text, mfr text, ndc11 text, opened timestamptz,
            note text, weather text);
         INSERT INTO claims.open_ones VALUES (1, 'mdrp', 'Example Pharma A', '12345067890', '2026-11-01 00:30+00', 'call Ms Doe', 'fair'),
            (2, 'medicade', 'Example Pharma A', '12345067890', NULL, NULL, NULL);
         GRANT USAGE ON SCHEMA claims TO reader; GRANT SELECT ON claims.open_ones TO reader",
    );
    let folder = tempfile::tempdir().unwrap();
    let disputebot = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_disputebot"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("DISPUTEBOT_SOURCE_SECRET", PASSWORD)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (said.into_owned(), output.status.code())
    };
    let address = format!("postgres://127.0.0.1:{}/claims", server.port);
    let sets = ["--set", "source.user=reader", "--set", "source.tls=off"];
    let from = ["init", "--from", &address, "--table", "claims.open_ones"];
    let (said, code) = disputebot(&[&from[..], &sets[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let config = std::fs::read_to_string(folder.path().join("disputebot.toml")).unwrap();
    for line in [
        &format!("database = \"{address}\""),
        "table = \"claims.open_ones\"",
        "user = \"reader\"",
        "tls = \"off\"",
        "# Not recognised, and not read: weather",
        "dispute_id = \"dispute_no\"",
        "opened_at = \"opened\"",
    ] {
        assert!(config.lines().any(|one| one == line), "{line}\n{config}");
    }
    assert!(!config.contains(PASSWORD) && !said.contains(PASSWORD));
    let (said, code) = disputebot(&["source", "preview"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("2 rows, 1 rejected"), "{said}");
    assert!(said.contains("2026-11-01") && said.contains("aaaa aa aaa") && !said.contains("Doe"), "{said}");
    assert!(said.contains("\nnot read, by the first 2 rows of ") && said.contains("\nweather "), "{said}");
    assert!(said.contains("`medicade` is not a program"), "{said}");
    let (said, code) = disputebot(&[&["init", "--from", &address, "--out", "b.toml"], &sets[..]].concat());
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("source.table"), "{said}");
}
