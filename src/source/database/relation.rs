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

/// Words that write, commit or run something else. Servers that take several statements at once take them without a sign
/// between them, so that the first word alone says nothing. All are reserved: a column of such a name stands in quotes.
const NOT_READING: [&str; 20] = [
    "ALTER", "BACKUP", "COMMIT", "CREATE", "DBCC", "DECLARE", "DELETE", "DENY", "DROP", "EXEC", "EXECUTE",
    "GRANT", "INSERT", "INTO", "KILL", "RESTORE", "REVOKE", "ROLLBACK", "TRUNCATE", "UPDATE",
];

/// What is wrong with a query for a server that has no transaction which only reads: it has to be one statement that
/// selects. What stands in quotes, brackets and comments is not looked at.
pub(super) fn refuse_writing(query: &str) -> Result<(), String> {
    let words = words(query)?;
    let mut words = words.iter().map(String::as_str).peekable();
    if !words.peek().is_some_and(|first| ["SELECT", "WITH"].contains(first)) {
        return Err("the query does not begin with `SELECT` or `WITH`".to_owned());
    }
    while let Some(word) = words.next() {
        let next = words.peek().copied().unwrap_or_default();
        if word == ";" && !next.is_empty() && next != ";" {
            return Err("the query holds more than one statement, expected one that selects".to_owned());
        }
        // A way to join is called so, too.
        let is_merge = word == "MERGE" && !["JOIN", "UNION"].contains(&next);
        if is_merge || NOT_READING.contains(&word) {
            return Err(format!(
                "the query holds `{word}`, expected one statement that selects; a column of that name stands in quotes"
            ));
        }
    }
    Ok(())
}

/// The words of a query in capital letters, and its semicolons.
fn words(query: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '\'' | '"' | '`' => Some(first),
            '[' => Some(']'),
            _ => None,
        };
        let is_of_word = |c: char| c.is_alphanumeric() || "_@#$".contains(c);
        if let Some(close) = close {
            // A doubled sign begins anew at once, which comes to the same.
            let end = rest[1..].find(close).ok_or(format!("the query has a `{first}` without its end"))?;
            rest = &rest[end + 2..];
        } else if rest.starts_with("--") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = after_comment(rest).ok_or("the query has a comment without its end")?;
        } else if is_of_word(first) {
            let end = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
            words.push(rest[..end].to_uppercase());
            rest = &rest[end..];
        } else {
            if first == ';' {
                words.push(";".to_owned());
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(words)
}

/// What follows a comment, in which others may stand.
fn after_comment(text: &str) -> Option<&str> {
    let mut depth = 0;
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let (open, close) = (rest.find("/*"), rest.find("*/")?);
        match open {
            Some(open) if open < close => (depth, at) = (depth + 1, at + open + 2),
            _ => (depth, at) = (depth - 1, at + close + 2),
        }
        if depth == 0 {
            return text.get(at..);
        }
    }
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
    fn a_query_that_does_more_than_select_is_refused_and_quotes_and_comments_say_nothing() {
        for query in [
            "SELECT * FROM dbo.disputes",
            "  with open_ones AS (SELECT 1 AS a) SELECT a FROM open_ones;  ",
            "(SELECT 1)",
            "-- DELETE is not meant\nSELECT 'it''s; COMMIT' AS [delete], \"update\" FROM t /* DROP /* twice */ INTO */",
            "SELECT a FROM b INNER MERGE JOIN c ON b.id = c.id OPTION (MERGE UNION)",
            "SELECT updated_at, @commit, committed FROM t",
        ] {
            assert_eq!(refuse_writing(query), Ok(()), "{query}");
        }
        let more = "the query holds more than one statement, expected one that selects";
        let holds = |word: &str| {
            format!(
                "the query holds `{word}`, expected one statement that selects; a column of that name stands in quotes"
            )
        };
        let first = "the query does not begin with `SELECT` or `WITH`";
        for (query, expected) in [
            ("SELECT 1; COMMIT; DELETE FROM dbo.disputes", more.to_owned()),
            ("SELECT 1 COMMIT DELETE FROM dbo.disputes", holds("COMMIT")),
            ("SELECT 1\ncommit", holds("COMMIT")),
            ("SELECT * INTO copy FROM dbo.disputes", holds("INTO")),
            ("WITH x AS (SELECT 1 AS a) UPDATE dbo.disputes SET a = 1", holds("UPDATE")),
            ("SELECT 1 EXEC sp_configure", holds("EXEC")),
            ("SELECT 1 MERGE t USING u ON 1 = 1", holds("MERGE")),
            ("SELECT '1' /* ' */ DROP TABLE t -- '", holds("DROP")),
            ("EXEC sp_who", first.to_owned()),
            ("", first.to_owned()),
            ("SELECT 'one", "the query has a `'` without its end".to_owned()),
            ("SELECT 1 /* /* */", "the query has a comment without its end".to_owned()),
        ] {
            assert_eq!(refuse_writing(query), Err(expected), "{query}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(quote("a.b", '"', '"'), "\"a\".\"b\"");
        assert_eq!(quote("a\"; drop table b; --", '"', '"'), "\"a\"\"; drop table b; --\"");
        assert_eq!(quote("a]b", '[', ']'), "[a]]b]");
    }
}
