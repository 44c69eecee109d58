//! Any database that has a driver for ODBC, through the driver manager of the system.
//!
//! One statement that selects, in a transaction that is rolled back, row by row and cell by cell. Values come as the text
//! that the driver makes of them: of decimals with every digit; of instants in the zone that the driver has. Some drivers
//! fetch all rows at once unless they are told otherwise, such as the one of PostgreSQL without `UseDeclareFetch=1`.
//!
//! All calls block, on a thread on which nothing else runs. A reader that leaves is noticed with the next part of the rows.

use odbc_api::{ConnectionOptions, Cursor, DataType, Error, ResultSetMetadata, environment};
use secrecy::ExposeSecret as _;

use super::relation::{quote, refuse_writing};
use super::{CONNECT, Fault, Job, Out, Relation, refused_column};

pub(super) fn read(job: &Job, out: &mut Out) -> Result<(), Fault> {
    let environment = environment().map_err(|error| fault(&error))?;
    let options = ConnectionOptions {
        login_timeout_sec: u32::try_from(CONNECT.as_secs()).ok(),
        ..ConnectionOptions::default()
    };
    let connection = environment
        .connect_with_connection_string(&connection_string(job), options)
        .map_err(|error| fault(&error))?;
    // Nothing is ever committed.
    connection.set_autocommit(false).map_err(|error| fault(&error))?;
    let limit = usize::try_from(job.database.timeout.as_secs()).ok();
    let select = |sql: &str| {
        let cursor = connection.execute(sql, (), limit).map_err(|error| fault(&error))?;
        cursor.ok_or_else(|| Fault::Wrong("the query gives no table".to_owned()))
    };
    let (sql, names) = match &job.database.relation {
        Relation::Query(query) => {
            refuse_writing(query).map_err(Fault::Wrong)?;
            (query.clone(), None)
        }
        // What nobody asked for is not sent.
        Relation::Table(table) => {
            let sign = connection.identifier_quote_char().ok().flatten().unwrap_or('"');
            let table = quote(table, sign, sign);
            let (names, _) = described(&mut select(&format!("SELECT * FROM {table} WHERE 1 = 0"))?, job)?;
            let picked: Vec<String> =
                names.iter().filter(|name| job.wants(name)).map(|name| quote_column(name, sign)).collect();
            let picked = if picked.is_empty() { "NULL".to_owned() } else { picked.join(", ") };
            (format!("SELECT {picked} FROM {table}"), Some(names))
        }
    };
    let mut cursor = select(&sql)?;
    let (columns, _) = described(&mut cursor, job)?;
    let names = names.unwrap_or_else(|| columns.clone());
    let place = |name: &String| {
        let place = columns.iter().position(|column| column == name)?;
        u16::try_from(place + 1).ok().filter(|_| job.wants(name))
    };
    let places: Vec<Option<u16>> = names.iter().map(place).collect();
    out.columns(names)?;
    let mut bytes = Vec::new();
    while let Some(mut row) = cursor.next_row().map_err(|error| fault(&error))? {
        for place in &places {
            let Some(place) = place else {
                out.cell("");
                continue;
            };
            bytes.clear();
            let is_there = row.get_text(*place, &mut bytes).map_err(|error| fault(&error))?;
            let text = if is_there { bytes.as_slice() } else { &[] };
            let text = std::str::from_utf8(text);
            out.cell(text.map_err(|_| Fault::Wrong("a value is no text in UTF-8".to_owned()))?);
        }
        out.end_row()?;
    }
    drop(cursor);
    // All rows are here; how the server takes the leave changes nothing.
    let _ = connection.rollback();
    Ok(())
}

/// The connection string with what signs in. In braces only a closing one has a meaning; they stand where they are needed
/// alone, since the driver of PostgreSQL takes them for a part of the name of a user.
fn connection_string(job: &Job) -> String {
    let mut text = job.database.name.trim_end_matches(';').to_owned();
    let is_plain = |value: &str| value.chars().all(|c| c.is_alphanumeric() || "_-.@\\".contains(c));
    let braced = |value: &str| match value {
        plain if is_plain(plain) => plain.to_owned(),
        other => format!("{{{}}}", other.replace('}', "}}")),
    };
    if let Some(user) = &job.user {
        text.push_str(&format!(";UID={}", braced(user)));
    }
    if let Some(secret) = &job.secret {
        text.push_str(&format!(";PWD={}", braced(secret.expose_secret())));
    }
    text
}

fn quote_column(name: &str, sign: char) -> String {
    format!("{sign}{}{sign}", name.replace(sign, &format!("{sign}{sign}")))
}

/// The names of the columns, of which those that are wanted can be read, and their kinds.
fn described(cursor: &mut impl ResultSetMetadata, job: &Job) -> Result<(Vec<String>, Vec<DataType>), Fault> {
    let count = cursor.num_result_cols().map_err(|error| fault(&error))?;
    let (mut names, mut kinds) = (Vec::new(), Vec::new());
    for place in 1..=u16::try_from(count).unwrap_or_default() {
        let name = cursor.col_name(place).map_err(|error| fault(&error))?;
        let kind = cursor.col_data_type(place).map_err(|error| fault(&error))?;
        if job.wants(&name) {
            let (found, hint) = match kind {
                DataType::Float { .. } | DataType::Real | DataType::Double => {
                    ("float", "; cast it to `decimal` in a view or a query")
                }
                DataType::Binary { .. } | DataType::Varbinary { .. } | DataType::LongVarbinary { .. } => {
                    ("binary", "")
                }
                _ => ("", ""),
            };
            if !found.is_empty() {
                return Err(refused_column(&name, found, hint));
            }
        }
        names.push(name);
        kinds.push(kind);
    }
    Ok((names, kinds))
}

/// What an error of a driver means. Only messages of kinds that name no values are told.
fn fault(error: &Error) -> Fault {
    let Error::Diagnostics { record, .. } = error else {
        return Fault::Wrong("the driver manager of ODBC does not answer as expected".to_owned());
    };
    let state = record.state.as_str();
    let text = record.to_string();
    let message = text.split_once("Message: ").map_or(text.as_str(), |(_, message)| message);
    let told = format!("{} (SQLSTATE {state})", message.split_whitespace().collect::<Vec<_>>().join(" "));
    match state {
        _ if state.starts_with("28") => Fault::Refused(told),
        _ if state.starts_with("08") || state.starts_with("HYT") => Fault::Unreachable(told),
        _ if ["IM", "42", "3D", "HYC", "S0"].iter().any(|class| state.starts_with(class)) => {
            Fault::Wrong(told)
        }
        _ => Fault::Wrong(format!("the query cannot compute a value (SQLSTATE {state})")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::source::database::{Database, Server, Tls};
    use crate::source::mapping::Wanted;

    #[test]
    fn what_signs_in_cannot_leave_its_place_in_the_connection_string() {
        let string = |user: &str, secret: &str| {
            let database = Database {
                server: Server::Odbc,
                host: String::new(),
                port: 0,
                name: "DSN=claims;".to_owned(),
                relation: Relation::Table("disputes".to_owned()),
                tls: Tls::Verify,
                authority: None,
                timeout: Duration::from_secs(1),
            };
            connection_string(&Job {
                database,
                user: Some(user.to_owned()),
                secret: Some(secret.to_owned().into()),
                wanted: Arc::new(Wanted::default()),
            })
        };
        assert_eq!(
            string("CORP\\reader@example.com", "a-b_c.1"),
            "DSN=claims;UID=CORP\\reader@example.com;PWD=a-b_c.1"
        );
        assert_eq!(string("me;DSN=other", "p}w;x={y}"), "DSN=claims;UID={me;DSN=other};PWD={p}}w;x={y}}}");
    }
}
