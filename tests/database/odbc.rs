//! ODBC, by the driver of PostgreSQL; compiled with the feature `odbc` only.

use std::net::TcpListener;

use disputebot::{
    dispute::{Field, Tables},
    source::{
        Batch, Completeness, Previous, Settings,
        database::{Database, Relation, Server, parse_address},
        load,
    },
};
use rust_decimal::Decimal;

use crate::{
    cut,
    missing::missing,
    server::{PASSWORD, Postgres},
};

const DRIVER: &str = "PostgreSQL Unicode";

/// A server that the driver of this machine speaks to; none, told by name, where either is not installed, and a failure
/// then where CI is set.
fn start() -> Option<Postgres> {
    let drivers = odbc_api::environment().unwrap().drivers().unwrap();
    if drivers.iter().any(|driver| driver.description == DRIVER) {
        return Postgres::start();
    }
    missing(&format!("not run: the driver `{DRIVER}` of ODBC is not here; install `odbc-postgresql`"));
    None
}

fn source(server: &Postgres, relation: Relation) -> Settings {
    source_at(server.port, "UseDeclareFetch=1;Fetch=500", server, relation)
}

fn source_at(port: u16, more: &str, server: &Postgres, relation: Relation) -> Settings {
    let address = format!("odbc:Driver={{{DRIVER}}};Server=127.0.0.1;Port={port};Database=claims;{more}");
    let (kind, host, port, name) = parse_address(&address).unwrap();
    assert_eq!(kind, Server::Odbc);
    let settings = server.source(relation);
    let database = Database { server: kind, host, port, name, ..settings.database.clone().unwrap() };
    Settings { database: Some(database), ..settings }
}

fn read(settings: &Settings) -> Batch {
    load(settings, &Tables::embedded(), &Previous::default(), &mut |_| {})
}

fn told(settings: &Settings) -> String {
    let batch = read(settings);
    let Completeness::Incomplete(reasons) = &batch.completeness else { panic!("it is complete") };
    let told = reasons[0].to_string();
    assert!(!format!("{reasons:?}").contains(PASSWORD), "{told}");
    told
}

#[test]
fn values_come_exactly_and_only_wanted_columns_are_asked_for() {
    let Some(server) = start() else { return };
    server.sql(
        "CREATE TABLE disputes (dispute_id int8, program text, manufacturer text, ndc text, amount_disputed numeric(38,10),
            due_at date, note text, ratio float8, blob bytea);
         INSERT INTO disputes VALUES
            (9007199254740993, 'mdrp', 'Example Pharma Ω', '12345-678-90', 123456789012345678.0123456789, '2026-11-30', E'two\\nlines', 0.1, 'x'),
            (2, '340b', 'Example Pharma A', '12345-678-90', NULL, NULL, NULL, NULL, NULL);
         INSERT INTO disputes SELECT n, 'mdrp', 'Example Pharma A', '12345-678-90', n / 100.0, NULL, NULL, NULL, NULL
            FROM generate_series(10, 5000) AS n;
         GRANT SELECT ON disputes TO reader",
    );
    let batch = read(&source(&server, Relation::Table("disputes".to_owned())));
    assert_eq!(batch.completeness, Completeness::Complete, "{:?}", batch.rejects);
    assert_eq!(batch.counts.open, 4_993);
    let of = |id: &str| batch.disputes.iter().find(|dispute| &*dispute.id == id).unwrap();
    let first = of("9007199254740993");
    assert_eq!(&*first.client, "Example Pharma Ω");
    assert_eq!(first.amount_disputed, Some("123456789012345678.0123456789".parse().unwrap()));
    assert_eq!(first.due_at.unwrap().to_string(), "2026-11-30");
    assert_eq!(first.note.as_deref(), Some("two\nlines"));
    assert_eq!((of("2").amount_disputed, of("1234").amount_disputed), (None, Some(Decimal::new(1234, 2))));
    let query = "SELECT dispute_id, program, manufacturer, ndc FROM disputes WHERE dispute_id = 2";
    assert_eq!(read(&source(&server, Relation::Query(query.to_owned()))).counts.open, 1);
}

#[test]
fn what_is_wrong_is_told_without_a_secret() {
    let Some(server) = start() else { return };
    server.sql("CREATE TABLE disputes (dispute_id text, program text, manufacturer text, ndc text, ratio float8); GRANT SELECT ON disputes TO reader");
    let good = source(&server, Relation::Table("disputes".to_owned()));
    let wrong = Settings { secret: Some("not it".to_owned().into()), ..good.clone() };
    let reason = told(&wrong);
    assert!(reason.contains("cannot be reached") || reason.contains("refuses access"), "{reason}");
    let gone = told(&source(&server, Relation::Table("gone".to_owned())));
    assert!(gone.contains("could not be read") && gone.contains("gone"), "{gone}");
    let mut float = good.clone();
    float.columns.insert(Field::AmountDisputed, "ratio".to_owned());
    assert!(told(&float).contains("column `ratio` has the type `float`"), "{}", told(&float));
    let write = told(&source(&server, Relation::Query("DELETE FROM disputes".to_owned())));
    assert!(write.contains("does not begin with `SELECT`"), "{write}");
    let raises = "SELECT 1/(length(program) - 4) AS dispute_id, program, manufacturer, ndc FROM disputes";
    server.sql("INSERT INTO disputes VALUES ('Jane Roe', 'mdrp', 'a', '12345067890', 1)");
    let computed = told(&source(&server, Relation::Query(raises.to_owned())));
    assert!(computed.contains("cannot compute a value (SQLSTATE"), "{computed}");
}

#[test]
fn a_server_that_is_down_or_breaks_off_leaves_the_source_incomplete() {
    let Some(server) = start() else { return };
    server.sql(
        "CREATE TABLE disputes (dispute_id text, program text, manufacturer text, ndc text);
         INSERT INTO disputes SELECT 'D-' || n, 'mdrp', 'Example Pharma A', '12345-678-90' FROM generate_series(1, 20000) AS n;
         GRANT SELECT ON disputes TO reader",
    );
    let table = Relation::Table("disputes".to_owned());
    // All rows at once: this version of the driver crashes, and we with it, when a connection ends between two parts.
    let at = |port: u16| source_at(port, "UseDeclareFetch=0", &server, table.clone());
    assert_eq!(read(&at(server.port)).counts.open, 20_000);
    let cut = told(&at(cut::after(600_000, server.port)));
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for told in [cut, told(&at(unused))] {
        assert!(told.starts_with("`odbc://127.0.0.1/claims/disputes` cannot be reached: "), "{told}");
    }
}

#[test]
fn rows_that_cannot_be_read_are_rejected_and_the_rest_is_read() {
    let Some(server) = start() else { return };
    server.sql(
        "CREATE TABLE disputes (dispute_id text, program text, manufacturer text, ndc text);
         INSERT INTO disputes SELECT 'D-' || n, 'mdrp', 'Example Pharma A',
            CASE WHEN n % 100 = 0 THEN 'poison' ELSE '12345-678-90' END FROM generate_series(1, 5000) AS n;
         GRANT SELECT ON disputes TO reader",
    );
    let batch = read(&source(&server, Relation::Table("disputes".to_owned())));
    assert_eq!(batch.completeness, Completeness::Complete);
    assert_eq!((batch.counts.rows, batch.counts.open, batch.counts.rejected), (5_000, 4_950, 50));
    assert_eq!(batch.rejects[0].line, 100);
}
