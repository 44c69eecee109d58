//! Microsoft SQL Server and Azure SQL: one statement in a transaction that is rolled back, row by row.
//!
//! All rows are of one moment where the database allows snapshots (`ALLOW_SNAPSHOT_ISOLATION`) or reads its own versions
//! (`READ_COMMITTED_SNAPSHOT`, which Azure SQL has on). Elsewhere that is said.
//!
//! The server has no transaction that can only read: a query that is not one statement that selects is refused, and the
//! account had better be one that can do nothing else. MONEY comes from the driver as a binary floating point number, which
//! tells ten thousandths apart up to 500 thousand million; beyond that it is refused.

use futures_util::TryStreamExt;
use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, ToSpan};
use rust_decimal::Decimal;
use secrecy::ExposeSecret;
use tiberius::{
    AuthMethod, Client, Column, ColumnData, ColumnType, Config, EncryptionLevel, QueryItem, error::Error,
};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::relation::{quote, refuse_writing};
use super::{CONNECT, Fault, Job, Out, Relation, Tls, refused_column, within};

/// Times that a server may name another one in its place; Azure's gateways do once.
const REDIRECTS: usize = 3;
/// Below 2^39 the binary numbers lie closer together than ten thousandths.
const MOST_MONEY: f64 = 5.0e11;
const NO_SNAPSHOTS: &str = "its database has no snapshots, so that rows which change while they are read can be missed or \
                            come twice; `ALLOW_SNAPSHOT_ISOLATION` or `READ_COMMITTED_SNAPSHOT` helps";

pub(super) async fn read(job: &Job, out: &mut Out) -> Result<(), Fault> {
    if let Relation::Query(query) = &job.database.relation {
        refuse_writing(query).map_err(Fault::Wrong)?;
    }
    let mut client = within(CONNECT, "connecting", Box::pin(connect(job))).await?;
    match moment(&mut client).await? {
        Moment::Snapshot => run(&mut client, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT").await?,
        Moment::Statement => {}
        Moment::Many => out.remark(NO_SNAPSHOTS)?,
    }
    let begun = async { client.begin_transaction().await.map_err(|error| fault(&error)) };
    within(CONNECT, "beginning to read", begun).await?;
    // The account may have been given a language of its own; values come in binary, so that nothing else matters.
    let (sql, names) = match &job.database.relation {
        Relation::Query(query) => (query.clone(), None),
        // What nobody asked for is not sent.
        Relation::Table(table) => {
            let table = quote(table, '[', ']');
            let names = described(&mut client, job, &format!("SELECT TOP (0) * FROM {table}")).await?;
            let picked: Vec<String> =
                names.iter().filter(|name| job.wants(name)).map(|name| bracketed(name)).collect();
            let picked = if picked.is_empty() { "NULL AS nothing".to_owned() } else { picked.join(", ") };
            (format!("SELECT {picked} FROM {table}"), Some(names))
        }
    };
    let mut rows = client.simple_query(sql).await.map_err(|error| fault(&error))?;
    // Of each column that is told, where its values are in a row and of what kind they are.
    let mut places: Vec<Option<(usize, ColumnType)>> = Vec::new();
    let mut is_described = false;
    // Each wait is limited by the driver.
    while let Some(next) = rows.try_next().await.map_err(|error| fault(&error))? {
        let row = match next {
            QueryItem::Row(row) => row,
            QueryItem::Metadata(_) if is_described => {
                return Err(Fault::Wrong("the query gives more than one table".to_owned()));
            }
            QueryItem::Metadata(metadata) => {
                is_described = true;
                refuse_unreadable(metadata.columns(), job)?;
                let columns = metadata.columns();
                let names = names
                    .clone()
                    .unwrap_or_else(|| columns.iter().map(|column| column.name().to_owned()).collect());
                let place = |name: &String| {
                    let place = columns.iter().position(|column| column.name() == name)?;
                    job.wants(name).then(|| (place, columns[place].column_type()))
                };
                places = names.iter().map(place).collect();
                out.columns(names)?;
                continue;
            }
        };
        let cells: Vec<_> = row.cells().collect();
        for place in &places {
            match place.and_then(|(place, kind)| Some((cells.get(place)?, kind))) {
                None => out.cell(""),
                Some(((column, value), kind)) => cell(out, column.name(), kind, value)?,
            }
        }
        out.end_row()?;
    }
    if !is_described {
        return Err(Fault::Wrong("the query gives no table".to_owned()));
    }
    drop(rows);
    // All rows are here; how the server takes the leave changes nothing.
    let _ = tokio::time::timeout(CONNECT, client.rollback_transaction()).await;
    let _ = tokio::time::timeout(CONNECT, client.close()).await;
    Ok(())
}

type Session = Client<Compat<TcpStream>>;

/// Of how many moments the rows of one statement are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// One, in a transaction that asks for it.
    Snapshot,
    /// One, in any statement.
    Statement,
    Many,
}

/// What the database allows; what it does not tell counts as nothing.
async fn moment(client: &mut Session) -> Result<Moment, Fault> {
    const STATE: &str = "SELECT CAST(snapshot_isolation_state AS bigint), CAST(is_read_committed_snapshot_on AS bigint) \
                         FROM sys.databases WHERE database_id = DB_ID()";
    let answer = async {
        let rows = match client.simple_query(STATE).await {
            Ok(rows) => rows.into_first_result().await,
            Err(error) => Err(error),
        };
        match rows {
            Ok(rows) => Ok(rows),
            // Not allowed to know.
            Err(Error::Server(_)) => Ok(Vec::new()),
            Err(error) => Err(fault(&error)),
        }
    };
    let rows = within(CONNECT, "asking for snapshots", answer).await?;
    let number = |place| rows.first().and_then(|row| row.try_get::<i64, _>(place).ok().flatten());
    Ok(match (number(0), number(1)) {
        (Some(1), _) => Moment::Snapshot,
        (_, Some(1)) => Moment::Statement,
        _ => Moment::Many,
    })
}

async fn run(client: &mut Session, sql: &str) -> Result<(), Fault> {
    let done = async {
        let answer = client.simple_query(sql.to_owned()).await.map_err(|error| fault(&error))?;
        answer.into_results().await.map(drop).map_err(|error| fault(&error))
    };
    within(CONNECT, "beginning to read", done).await
}

/// The columns of a table, of which those that are wanted can be read.
async fn described(client: &mut Session, job: &Job, sql: &str) -> Result<Vec<String>, Fault> {
    let mut rows = client.simple_query(sql.to_owned()).await.map_err(|error| fault(&error))?;
    let mut names = None;
    while let Some(next) = rows.try_next().await.map_err(|error| fault(&error))? {
        if let (QueryItem::Metadata(metadata), None) = (next, &names) {
            refuse_unreadable(metadata.columns(), job)?;
            names = Some(metadata.columns().iter().map(|column| column.name().to_owned()).collect());
        }
    }
    names.ok_or_else(|| Fault::Wrong("it gives no table".to_owned()))
}

fn refuse_unreadable(columns: &[Column], job: &Job) -> Result<(), Fault> {
    for column in columns.iter().filter(|column| job.wants(column.name())) {
        let kind = column.column_type();
        if !is_readable(kind) {
            let hint = match kind {
                ColumnType::Float4 | ColumnType::Float8 | ColumnType::Floatn => {
                    "; cast it to `decimal` in a view or a query"
                }
                _ => "",
            };
            return Err(refused_column(column.name(), &format!("{kind:?}").to_lowercase(), hint));
        }
    }
    Ok(())
}

fn bracketed(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

async fn connect(job: &Job) -> Result<Session, Fault> {
    let database = &job.database;
    let (mut host, mut port) = (database.host.clone(), database.port);
    for _ in 0..REDIRECTS {
        let mut config = Config::new();
        config.host(&host);
        config.port(port);
        config.database(&database.name);
        config.application_name("disputebot");
        // The name of this machine is nobody's business.
        config.client_name("disputebot");
        config.readonly(true);
        config.command_timeout(Some(database.timeout));
        config.handshake_timeout(Some(CONNECT));
        match database.tls {
            Tls::Verify => {
                config.encryption(EncryptionLevel::Required);
                if let Some(pem) = &database.authority {
                    config.trust_cert_ca_bundle(pem.clone());
                }
            }
            Tls::Encrypt => {
                config.encryption(EncryptionLevel::Required);
                config.trust_cert();
            }
            Tls::Off => config.encryption(EncryptionLevel::NotSupported),
        }
        match (&job.user, &job.secret) {
            (Some(user), secret) => {
                let password = secret.as_ref().map_or("", |secret| secret.expose_secret());
                config.authentication(AuthMethod::sql_server(user, password));
            }
            // A secret alone is a token of Azure's directory.
            (None, Some(token)) => config.authentication(AuthMethod::aad_token(token.expose_secret())),
            (None, None) => return Err(Fault::Refused("neither `user` nor a token is set".to_owned())),
        }
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| Fault::Unreachable(error.to_string()))?;
        let _ = stream.set_nodelay(true);
        match Box::pin(Client::connect(config, stream.compat_write())).await {
            Ok(client) => return Ok(client),
            Err(Error::Routing { host: other, port: its }) => (host, port) = (other, its),
            Err(error) => return Err(fault(&error)),
        }
    }
    Err(Fault::Unreachable("it names one server after the other in its place".to_owned()))
}

/// Kinds of columns with one value that is written as people would.
fn is_readable(kind: ColumnType) -> bool {
    use ColumnType as C;
    matches!(
        kind,
        C::Null
            | C::Bit
            | C::Bitn
            | C::Int1
            | C::Int2
            | C::Int4
            | C::Int8
            | C::Intn
            | C::Money
            | C::Money4
            | C::Decimaln
            | C::Numericn
            | C::Guid
            | C::Datetime
            | C::Datetime4
            | C::Datetimen
            | C::Daten
            | C::Datetime2
            | C::DatetimeOffsetn
            | C::BigVarChar
            | C::BigChar
            | C::NVarchar
            | C::NChar
            | C::Text
            | C::NText
    )
}

fn cell(out: &mut Out, column: &str, kind: ColumnType, value: &ColumnData<'_>) -> Result<(), Fault> {
    use ColumnData as D;
    match value {
        D::U8(Some(number)) => out.cell_of(number),
        D::I16(Some(number)) => out.cell_of(number),
        D::I32(Some(number)) => out.cell_of(number),
        D::I64(Some(number)) => out.cell_of(number),
        D::Bit(Some(bit)) => out.cell_of(bit),
        D::String(Some(text)) => out.cell(text),
        D::Guid(Some(id)) => out.cell_of(id),
        D::Numeric(Some(number)) => out.cell_of(Digits { value: number.value(), scale: number.scale() }),
        D::F64(Some(number)) if matches!(kind, ColumnType::Money | ColumnType::Money4) => {
            out.cell_of(money(*number).ok_or_else(|| {
                Fault::Wrong(format!(
                    "column `{column}` holds an amount of type `money` that is too large to be exact; cast it to \
                     `decimal(19,4)` in a view or a query"
                ))
            })?);
        }
        D::Date(Some(day)) => out.cell_of(instant(column, day_since(1, day.days()), 0)?.date()),
        D::DateTime2(Some(time)) => out.cell_of(of_datetime2(column, *time)?),
        // The driver hands the instant on in UTC, as it is on the wire.
        D::DateTimeOffset(Some(time)) => out.cell_of(of_datetime2(column, time.datetime2())?),
        D::DateTime(Some(time)) => {
            let nanos = i64::from(time.seconds_fragments()) * 1_000_000_000 / 300;
            let day = u32::try_from(time.days()).ok().and_then(|days| day_since(1900, days));
            out.cell_of(instant(column, day, nanos)?);
        }
        D::SmallDateTime(Some(time)) => {
            let nanos = i64::from(time.seconds_fragments()) * 60_000_000_000;
            out.cell_of(instant(column, day_since(1900, u32::from(time.days())), nanos)?);
        }
        D::F32(Some(_)) | D::F64(Some(_)) | D::Binary(Some(_)) | D::Xml(Some(_)) | D::Time(Some(_)) => {
            return Err(refused_column(column, &format!("{kind:?}").to_lowercase(), ""));
        }
        // No value.
        _ => out.cell(""),
    }
    Ok(())
}

/// A decimal number by its digits: the server has up to 38 of them.
struct Digits {
    value: i128,
    scale: u8,
}

impl std::fmt::Display for Digits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scale = usize::from(self.scale);
        let sign = if self.value < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.value.unsigned_abs(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        if part.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{part}") }
    }
}

/// The amount that the server had: the ten thousandth of which the driver makes this very number.
#[expect(clippy::float_cmp, reason = "the same division of the same number gives the same bits")]
fn money(number: f64) -> Option<Decimal> {
    if number.is_nan() || number.abs() > MOST_MONEY {
        return None;
    }
    // The product may be off by one; the division that is tried is the driver's own.
    let near = (number * 1e4).round() as i64;
    let exact = (near - 1..=near + 1).find(|wire| *wire as f64 / 1e4 == number)?;
    Some(Decimal::new(exact, 4))
}

fn of_datetime2(column: &str, time: tiberius::time::DateTime2) -> Result<DateTime, Fault> {
    let of_day = time.time();
    let scale = 9_u32.checked_sub(u32::from(of_day.scale()));
    let nanos =
        scale.and_then(|scale| i64::try_from(of_day.increments()).ok()?.checked_mul(10_i64.pow(scale)));
    instant(column, nanos.and_then(|_| day_since(1, time.date().days())), nanos.unwrap_or_default())
}

fn day_since(year: i16, days: u32) -> Option<Date> {
    Date::new(year, 1, 1).ok()?.checked_add(i64::from(days).days()).ok()
}

fn instant(column: &str, day: Option<Date>, nanos: i64) -> Result<DateTime, Fault> {
    day.and_then(|day| {
        day.to_datetime(jiff::civil::Time::midnight()).checked_add(SignedDuration::from_nanos(nanos)).ok()
    })
    .ok_or_else(|| Fault::Wrong(format!("column `{column}` holds a time that is none")))
}

/// What an error of the driver means, in words that quote no value.
fn fault(error: &Error) -> Fault {
    match error {
        Error::Server(error) => {
            let told = format!("{} (error {})", error.message(), error.code());
            match error.code() {
                // Signing in, the database, rights.
                18452 | 18456 | 18470 | 18486..=18488 | 4060 | 40615 | 229 | 230 | 916 => {
                    Fault::Refused(told)
                }
                // Paused, moving or without resources.
                40197 | 40501 | 40613 | 49918..=49920 | 10928 | 10929 | 6005 => Fault::Unreachable(told),
                // Messages that name tables, columns and what the server lacks. All others may quote a value, above all
                // those that functions of a database make themselves.
                102 | 156 | 195 | 207 | 208 | 911 | 1205 | 1222 | 3952 | 3960 | 4104 | 4121 | 4122 | 4413 => {
                    Fault::Wrong(told)
                }
                code => Fault::Wrong(format!("the query cannot compute a value (error {code})")),
            }
        }
        Error::Io { kind: std::io::ErrorKind::TimedOut, .. } => {
            Fault::Unreachable("it did not answer in time; is `timeout` too short for this view?".to_owned())
        }
        Error::Io { message, .. } => Fault::Unreachable(message.clone()),
        Error::Tls(message) => {
            // The rest is advice on how to program the driver.
            let first = message.split(". ").next().unwrap_or_default();
            Fault::Refused(format!("no secure connection: {first}"))
        }
        other => Fault::Unreachable(format!("it does not speak as expected: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_all_of_their_digits() {
        let text = |value, scale| Digits { value, scale }.to_string();
        assert_eq!(text(12_345, 2), "123.45");
        assert_eq!(text(-5, 10), "-0.0000000005");
        assert_eq!(text(0, 4), "0.0000");
        assert_eq!(text(7, 0), "7");
        assert_eq!(
            text(99_999_999_999_999_999_999_999_999_999_999_999_999, 38),
            "0.99999999999999999999999999999999999999"
        );
    }

    #[test]
    fn money_is_exact_up_to_its_limit_and_refused_beyond() {
        let mut seed = 7_u64;
        for _ in 0..100_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let wire = seed.cast_signed() % 5_000_000_000_000_000;
            // What the driver makes of the number on the wire.
            assert_eq!(money(wire as f64 / 1e4), Some(Decimal::new(wire, 4)), "{wire}");
        }
        assert_eq!(money(922_337_203_685_477.6), None);
        assert_eq!(money(-5.1e11), None);
        assert_eq!(money(f64::NAN), None);
    }
}
