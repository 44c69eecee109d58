//! ODBC, by the driver of PostgreSQL; compiled with the feature `odbc` only.

use disputebot::{
    dispute::{Field, Tables},
    source::{
        Batch, Completeness, Previous, Settings,
        database::{Database, Relation, Server, parse_address},
        load,
    },
};
use rust_decimal::Decimal;

use crate::server::{PASSWORD, Postgres};

fn source(server: &Postgres, relation: Relation) -> Settings {
    let address = format!(
        "odbc:Driver={{PostgreSQL Unicode}};Server=127.0.0.1;Port={};Database=claims;UseDeclareFetch=1;Fetch=500",
        server.port
    );
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
    let Some(server) = Postgres::start() else { return };
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
    let Some(server) = Postgres::start() else { return };
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
