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
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::SqlServer => "sqlserver",
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

/// Server, host, port and name of the database in an address such as `postgres://db.example.com:5432/claims`. The
/// error is a reason in words, which never repeats the address: it may hold a password.
pub fn parse_address(text: &str) -> Result<(Server, String, u16, String), String> {
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
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quote("a.b", '"', '"'), "\"a\".\"b\"");
        assert_eq!(quote("a\"; drop table b; --", '"', '"'), "\"a\"\"; drop table b; --\"");
        assert_eq!(quote("a]b", '[', ']'), "[a]]b]");
    }
}
