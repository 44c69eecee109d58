//! The commented config file that a newcomer starts from.

use std::collections::BTreeMap;

use super::{
    DEFAULTS,
    schema::joined,
    value::{toml_key, toml_text},
};

/// What could be found out without asking. What is empty or `None` keeps its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Files and folders with disputes; relative ones start at the folder of the config file.
    pub paths: Vec<String>,
    /// Other keys of `[source]`, by name, with their values in the notation of TOML.
    pub source: BTreeMap<String, String>,
    /// The named layout that the files are in.
    pub layout: Option<String>,
    /// Our name of a column and the name that the files have for it.
    pub columns: BTreeMap<String, String>,
    /// What must be said about the columns, a sentence a line; it stands above them.
    pub about_columns: Vec<String>,
    /// The files' word for a program and ours.
    pub programs: BTreeMap<String, String>,
    /// The files' word for a status and ours.
    pub statuses: BTreeMap<String, String>,
    /// The files' word for a delivery system and ours.
    pub delivery_systems: BTreeMap<String, String>,
    /// Address of Jira.
    pub jira_url: Option<String>,
    /// Key of the project.
    pub jira_project: Option<String>,
    /// E-mail address of the account, for Jira Cloud.
    pub jira_user: Option<String>,
    /// IANA name of the time zone, for the schedule and the report.
    pub zone: Option<String>,
}

/// Writes the config file: the commented reference of all keys with the values that were found filled in.
pub fn starter(found: &Found) -> String {
    let Found {
        paths,
        source,
        layout,
        columns,
        about_columns,
        programs,
        statuses,
        delivery_systems,
        jira_url,
        jira_project,
        jira_user,
        zone,
    } = found;
    let paths: Vec<_> = paths.iter().map(|path| toml_text(path)).collect();
    let text = |value: &Option<String>| value.as_deref().map(toml_text);
    let mut values = BTreeMap::from([
        ("source.paths", (!paths.is_empty()).then(|| format!("[{}]", paths.join(", ")))),
        ("source.layout", text(layout)),
        ("jira.url", text(jira_url)),
        ("jira.project", text(jira_project)),
        ("jira.user", text(jira_user)),
        ("report.zone", text(zone)),
        ("schedule.zone", text(zone)),
    ]);
    let of_source: Vec<(String, &String)> =
        source.iter().map(|(name, value)| (joined("source", name), value)).collect();
    values.extend(of_source.iter().map(|(key, value)| (key.as_str(), Some((*value).clone()))));
    let entries = BTreeMap::from([
        ("source.columns", columns),
        ("source.values.program", programs),
        ("source.values.status", statuses),
        ("source.values.delivery_system", delivery_systems),
    ]);
    let mut written = Vec::new();
    let mut table = "";
    for line in DEFAULTS.lines() {
        let header = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        table = header.unwrap_or(table);
        let name = line.split_once(" = ").filter(|_| !line.starts_with('#')).map(|(name, _)| name);
        let filled = name.and_then(|name| {
            let value = values.get(joined(table, name).as_str())?.as_ref()?;
            Some(format!("{name} = {value}"))
        });
        written.push(filled.unwrap_or_else(|| line.to_owned()));
        if header == Some("source.columns") {
            written.extend(about_columns.iter().map(|sentence| format!("# {sentence}")));
        }
        let entries = header.and_then(|header| entries.get(header)).into_iter().flat_map(|map| map.iter());
        written.extend(entries.map(|(name, value)| format!("{} = {}", toml_key(name), toml_text(value))));
    }
    written.push(String::new());
    written.join("\n")
}
