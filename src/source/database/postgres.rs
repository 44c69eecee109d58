//! PostgreSQL: a cursor in a read-only transaction, whose rows come in the text that the server writes.
//!
//! The text protocol has every value exactly: `numeric` with all of its digits, and with the settings of the
//! transaction dates in ISO form and instants in UTC.

use std::time::Duration;

use futures_util::TryStreamExt;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgSslMode, PgTypeInfo, PgTypeKind};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection, Executor, Row, SqlSafeStr, Statement, TypeInfo,
    ValueRef,
};

use super::relation::quote;
use super::{CONNECT, Fault, GRACE, Job, Out, Relation, Tls, refused_column, within};

/// Rows that the cursor moves by. Each is handed on as it comes; the number only spares round trips.
const FETCH: usize = 5000;

/// A reader that leaves is noticed while the server computes, where it can do that: since version 14, on most systems.
const NOTICE_GONE: &str = "DO $$ BEGIN PERFORM set_config('client_connection_check_interval', '1s', true); \
                           EXCEPTION WHEN OTHERS THEN NULL; END $$";

/// Kinds of columns with one value that is written as people would.
const KINDS: [&str; 16] = [
    "BOOL",
    "INT2",
    "INT4",
    "INT8",
    "OID",
    "NUMERIC",
    "TEXT",
    "VARCHAR",
    "CHAR",
    "\"CHAR\"",
    "NAME",
    "UUID",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "citext",
];

pub(super) async fn read(job: &Job, out: &mut Out) -> Result<(), Fault> {
    let database = &job.database;
    let limit = database.timeout + GRACE;
    let mut connection = within(CONNECT, "connecting", connect(job)).await?;
    within(limit, "beginning to read", begin(&mut connection, database.timeout)).await?;
    let (whole, names, picked) =
        within(limit, "describing the columns", describe(&mut connection, job)).await?;
    out.columns(names.clone())?;
    let sql = match &database.relation {
        Relation::Query(_) => whole,
        // What nobody asked for is not sent.
        Relation::Table(table) => {
            let columns =
                picked.iter().map(|place| quote_column(&names[*place])).collect::<Vec<_>>().join(", ");
            let columns = if columns.is_empty() { "NULL".to_owned() } else { columns };
            format!("SELECT {columns} FROM {}", quote(table, '"', '"'))
        }
    };
    // By the extended protocol, which takes one statement only: whatever the query holds, it cannot leave the
    // transaction that writes nothing.
    let declare = format!("DECLARE disputebot_rows NO SCROLL CURSOR FOR {sql}");
    let declared = async {
        let query = sqlx::query(AssertSqlSafe(declare)).persistent(false);
        query.execute(&mut connection).await.map(drop).map_err(|error| fault(&error))
    };
    within(limit, "opening the cursor", declared).await?;
    let places = places(&names, &picked, matches!(database.relation, Relation::Query(_)));
    while fetch(&mut connection, &places, out, limit).await? == FETCH {}
    // All rows are here; how the server takes the leave changes nothing.
    let _ = tokio::time::timeout(GRACE, connection.close()).await;
    Ok(())
}

async fn connect(job: &Job) -> Result<PgConnection, Fault> {
    let database = &job.database;
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&database.host)
        .port(database.port)
        .database(&database.name)
        .application_name("disputebot")
        .ssl_mode(match database.tls {
            Tls::Verify => PgSslMode::VerifyFull,
            Tls::Encrypt => PgSslMode::Require,
            Tls::Off => PgSslMode::Disable,
        })
        .disable_statement_logging();
    if let Some(user) = &job.user {
        options = options.username(user);
    }
    if let Some(secret) = &job.secret {
        options = options.password(secret.expose_secret());
    }
    if let (Some(pem), Tls::Verify) = (&database.authority, database.tls) {
        options = options.ssl_root_cert_from_pem(pem.clone());
    }
    options.connect().await.map_err(|error| fault(&error))
}

/// One moment of the data, no writes, and one way to write each value.
async fn begin(connection: &mut PgConnection, timeout: Duration) -> Result<(), Fault> {
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
         SET LOCAL statement_timeout = {}; \
         SET LOCAL TIME ZONE 'UTC'; \
         SET LOCAL DateStyle = 'ISO, YMD'; \
         SET LOCAL cursor_tuple_fraction = 1; \
         {NOTICE_GONE}",
        timeout.as_millis().clamp(1, 2_147_483_647)
    );
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop).map_err(|error| fault(&error))
}

/// The statement, its columns, and the places of those that are wanted.
async fn describe(
    connection: &mut PgConnection,
    job: &Job,
) -> Result<(String, Vec<String>, Vec<usize>), Fault> {
    let sql = match &job.database.relation {
        Relation::Table(name) => format!("SELECT * FROM {}", quote(name, '"', '"')),
        Relation::Query(query) => query.clone(),
    };
    let statement =
        connection.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await.map_err(|error| fault(&error))?;
    let mut picked = Vec::new();
    for (place, column) in statement.columns().iter().enumerate() {
        if !job.wants(column.name()) {
            continue;
        }
        let kind = column.type_info();
        if !is_readable(kind) {
            let hint = match kind.name() {
                "FLOAT4" | "FLOAT8" | "MONEY" => "; cast it to `numeric` in a view or a query",
                _ => "",
            };
            return Err(refused_column(column.name(), &kind.name().to_lowercase(), hint));
        }
        picked.push(place);
    }
    let names = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    Ok((sql, names, picked))
}

fn is_readable(kind: &PgTypeInfo) -> bool {
    match kind.kind() {
        PgTypeKind::Simple => KINDS.contains(&kind.name()),
        PgTypeKind::Enum(_) => true,
        PgTypeKind::Domain(inner) => is_readable(inner),
        _ => false,
    }
}

fn quote_column(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// For each column of the table where it is in a row of the cursor.
fn places(names: &[String], picked: &[usize], is_whole: bool) -> Vec<Option<usize>> {
    let mut places = vec![None; names.len()];
    for (in_row, place) in picked.iter().enumerate() {
        places[*place] = Some(if is_whole { *place } else { in_row });
    }
    places
}

/// Hands on the next rows; how many there were.
async fn fetch(
    connection: &mut PgConnection,
    places: &[Option<usize>],
    out: &mut Out,
    limit: Duration,
) -> Result<usize, Fault> {
    let sql = format!("FETCH FORWARD {FETCH} FROM disputebot_rows");
    let mut rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch(connection);
    let mut count = 0;
    loop {
        let next = async { rows.try_next().await.map_err(|error| fault(&error)) };
        let Some(row) = within(limit, "waiting for the next rows", next).await? else { return Ok(count) };
        count += 1;
        for place in places {
            let Some(place) = place else {
                out.cell("");
                continue;
            };
            let value = row.try_get_raw(*place).map_err(|error| fault(&error))?;
            if value.is_null() {
                out.cell("");
            } else {
                out.cell(value.as_str().map_err(|_| Fault::Wrong("a value is no text in UTF-8".to_owned()))?);
            }
        }
        out.end_row()?;
    }
}

/// What an error of the driver means. Only its code and its message are told: details and hints may quote values.
fn fault(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => of_server(error),
            None => Fault::Wrong(error.message().to_owned()),
        },
        // What TLS does not accept, a certificate above all.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Fault::Refused(format!("no secure connection: {error}"))
        }
        sqlx::Error::Io(error) => Fault::Unreachable(error.to_string()),
        sqlx::Error::Tls(error) => Fault::Refused(format!("no secure connection: {error}")),
        other => Fault::Unreachable(other.to_string()),
    }
}

fn of_server(error: &PgDatabaseError) -> Fault {
    let code = error.code();
    let told = format!("{} (SQLSTATE {code})", error.message());
    match code {
        _ if code.starts_with("28") => Fault::Refused(told),
        "42501" => Fault::Refused(told),
        "57014" => Fault::Wrong(format!("{told}; is `timeout` too short for this view?")),
        // The server is starting, stopping, or has no place left.
        _ if code.starts_with("57P") || code.starts_with("53") || code.starts_with("08") => {
            Fault::Unreachable(told)
        }
        // Messages that name tables, columns, databases and what the server cannot do. All others may quote a value, above
        // all those that functions of a database raise themselves.
        _ if ["3D", "42", "0A", "25", "40", "54", "58"].iter().any(|class| code.starts_with(class)) => {
            Fault::Wrong(told)
        }
        _ => Fault::Wrong(format!("the query cannot compute a value (SQLSTATE {code})")),
    }
}
