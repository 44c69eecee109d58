//! What is read of a database, and the address by which it is reached.

use std::fmt;

use url::Url;

/// Who speaks at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// Microsoft SQL Server, or Azure SQL.
    SqlServer,
    /// Whatever has a driver for ODBC.
    Odbc,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::SqlServer => "sqlserver",
            Self::Odbc => "odbc",
        })
    }
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// A table or a view, by its name, with its schema before a dot where it needs one.
    Table(String),
    /// One statement that selects.
    Query(String),
}

impl Relation {
    /// A few words without secrets: a query may hold anything.
    pub(super) fn short(&self) -> &str {
        match self {
            Self::Table(name) => name,
            Self::Query(_) => "query",
        }
    }
}

/// A name in SQL, with both of its parts in quotes.
pub(super) fn quote(name: &str, open: char, close: char) -> String {
    let parts = name.split('.').map(|part| {
        let part = part.replace(close, &format!("{close}{close}"));
        format!("{open}{part}{close}")
    });
    parts.collect::<Vec<_>>().join(".")
}

/// A connection string of ODBC such as `DSN=claims`, as the name of the database.
fn parse_connection(text: &str) -> Result<(Server, String, u16, String), String> {
    const SECRETS: [&str; 8] =
        ["pwd", "password", "uid", "user", "username", "user id", "token", "accesstoken"];
    if !cfg!(feature = "odbc") {
        return Err("this build reads nothing through ODBC; build it with the feature `odbc`".to_owned());
    }
    let keys = || text.split(';').filter_map(|part| Some(part.split_once('=')?.0.trim().to_lowercase()));
    if keys().any(|key| SECRETS.contains(&key.as_str())) {
        return Err("it holds credentials; use `user` and `secret_file`".to_owned());
    }
    if !keys().any(|key| key == "dsn" || key == "driver") {
        return Err(
            "expected a connection string with `DSN=` or `Driver=`, such as `odbc:DSN=claims`".to_owned()
        );
    }
    Ok((Server::Odbc, String::new(), 0, text.to_owned()))
}

/// What people call a database behind a connection string: nothing of it but the names.
pub(super) fn connection_name(text: &str) -> String {
    let value = |wanted: &str| {
        let mut parts = text.split(';').filter_map(|part| part.split_once('='));
        parts
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim().to_owned())
    };
    let names: Vec<String> = ["DSN", "Server", "Database"].into_iter().filter_map(value).collect();
    if names.is_empty() { "database".to_owned() } else { names.join("/") }
}

/// Server, host, port and name of the database in an address such as `postgres://db.example.com:5432/claims`. The
/// error is a reason in words, which never repeats the address: it may hold a password.
pub fn parse_address(text: &str) -> Result<(Server, String, u16, String), String> {
    if let Some(connection) = text.strip_prefix("odbc:") {
        return parse_connection(connection);
    }
    let url = Url::parse(text).map_err(|error| format!("it is no address: {error}"))?;
    let (server, port) = match url.scheme() {
        "postgres" | "postgresql" => (Server::Postgres, 5432),
        "sqlserver" | "mssql" => (Server::SqlServer, 1433),
        _ => return Err("expected an address that starts with `postgres://` or `sqlserver://`".to_owned()),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds credentials; use `user` and `secret_file`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(
            "nothing may follow the name of the database; `tls`, `ca_file` and `timeout` are keys".to_owned()
        );
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = url.path().trim_start_matches('/');
    if name.is_empty() || name.contains(['/', '%']) {
        return Err(
            "expected the name of one database after the host, such as `postgres://host/claims`".to_owned()
        );
    }
    Ok((server, host, url.port().unwrap_or(port), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let read = |text| {
            parse_address(text).map(|(server, host, port, name)| format!("{server} {host} {port} {name}"))
        };
        assert_eq!(read("postgres://db.example.com/claims").unwrap(), "postgres db.example.com 5432 claims");
        assert_eq!(read("mssql://db.example.com/claims").unwrap(), "sqlserver db.example.com 1433 claims");
        assert_eq!(read("postgresql://[::1]:5433/claims").unwrap(), "postgres ::1 5433 claims");
    }

    #[test]
    fn an_address_with_a_secret_or_an_unknown_part_is_refused_without_being_repeated() {
        for text in [
            "postgres://me:hunter2@db.example.com/claims",
            "postgres://hunter2@db.example.com/claims",
            "postgres://db.example.com/claims?password=hunter2",
            "postgres://db.example.com/",
            "mysql://hunter2@db.example.com/claims",
            "hunter2",
        ] {
            let told = parse_address(text).unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_connection_string_with_credentials_is_refused_and_its_name_is_short() {
        let told = parse_address("odbc:DSN=claims;PWD=hunter2").unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
        if cfg!(feature = "odbc") {
            assert!(told.contains("credentials"), "{told}");
            assert_eq!(parse_address("odbc:DSN=claims").unwrap().3, "DSN=claims");
            assert!(parse_address("odbc:claims").is_err());
        } else {
            assert!(told.contains("feature `odbc`"), "{told}");
        }
        assert_eq!(
            connection_name("Driver={X};Server=db.example.com;Database=claims;Extra=1"),
            "db.example.com/claims"
        );
        assert_eq!(connection_name("Driver={X}"), "database");
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quote("a.b", '"', '"'), "\"a\".\"b\"");
        assert_eq!(quote("a\"; drop table b; --", '"', '"'), "\"a\"\"; drop table b; --\"");
        assert_eq!(quote("a]b", '[', ']'), "[a]]b]");
    }
}
