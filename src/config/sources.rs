//! The database of a source.

use std::fs;

use super::Reader;
use crate::source::database::{Database, Relation, Server, Tls, parse_address};

/// The database of a source, where it has one. `key` gives the full name of a key of that source.
pub(super) fn database(reader: &mut Reader<'_>, key: &dyn Fn(&str) -> String) -> Option<Database> {
    let address = reader.check(&key("database"), parse_address);
    let is_set = reader.optional_text(&key("database")).is_some();
    let (table, query) = (reader.optional_text(&key("table")), reader.optional_text(&key("query")));
    reader.exclusive(&key("table"), &key("query"));
    let tls =
        reader.one_of(&key("tls"), &[("verify", Tls::Verify), ("encrypt", Tls::Encrypt), ("off", Tls::Off)]);
    let authority = reader.optional_path(&key("ca_file")).and_then(|path| match fs::read(&path) {
        Ok(pem) => Some(pem),
        Err(error) => {
            reader.refuse(&key("ca_file"), format!("it cannot be read: {error}"));
            None
        }
    });
    let timeout = reader.duration(&key("timeout"));
    let relation = match (table, query) {
        (Some(table), None) => Relation::Table(table),
        (None, Some(query)) => Relation::Query(query),
        (None, None) => {
            if is_set {
                reader.require(&key("table"));
            }
            return None;
        }
        // Told as exclusive.
        (Some(_), Some(_)) => return None,
    };
    if !is_set {
        reader.require(&key("database"));
        return None;
    }
    let (server, host, port, name) = address?;
    let is_here = matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    if server == Server::SqlServer && tls == Tls::Off && !is_here {
        reader.refuse(
            &key("tls"),
            "SQL Server is read over encrypted connections only, but for one on this machine",
        );
    }
    Some(Database { server, host, port, name, relation, tls, authority, timeout })
}
