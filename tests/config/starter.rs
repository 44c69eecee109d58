//! The file for a newcomer.

use std::collections::BTreeMap;

use disputebot::config::{DEFAULTS, Found, starter};

use crate::{World, read_all};

#[test]
fn the_starter_without_findings_is_the_reference() {
    assert_eq!(starter(&Found::default()), DEFAULTS);
}

#[test]
fn the_starter_loads_without_problems_and_holds_what_was_found() {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let found = Found {
        source: [("table".to_owned(), "\"claims.open\"".to_owned())].into(),
        layout: None,
        about_columns: Vec::new(),
        paths: vec!["exports/open \"disputes\".csv".to_owned(), "C:\\drop\\é\n.csv".to_owned()],
        columns: map(&[("ndc", "NDC 11"), ("dispute_id", "Dispute #"), ("payer", "a = [b]")]),
        programs: map(&[("Medicaid \"FFS\"", "mdrp"), ("340B.", "340b")]),
        statuses: map(&[("In Dispute", "formal_dispute")]),
        delivery_systems: map(&[("", "ffs"), ("[MCOU]", "mco")]),
        jira_url: Some("https://example.atlassian.net".to_owned()),
        jira_project: Some("DISP".to_owned()),
        jira_user: Some("analyst@example.com".to_owned()),
        zone: Some("America/New_York".to_owned()),
    };
    let written = starter(&found);
    let world = World::with_file(&written);
    let layers = world.load().unwrap();
    let mut reader = layers.reader();
    read_all(&mut reader);
    let read_back = Found {
        source: reader
            .optional_text("source.table")
            .map(|table| ("table".to_owned(), format!("{table:?}")))
            .into_iter()
            .collect(),
        layout: None,
        about_columns: Vec::new(),
        paths: reader.list("source.paths"),
        columns: reader.map("source.columns"),
        programs: reader.map("source.values.program"),
        statuses: reader.map("source.values.status"),
        delivery_systems: reader.map("source.values.delivery_system"),
        jira_url: reader.optional_text("jira.url"),
        jira_project: reader.optional_text("jira.project"),
        jira_user: reader.optional_text("jira.user"),
        zone: reader.optional_text("schedule.zone"),
    };
    assert_eq!(reader.text("report.zone"), "America/New_York");
    assert_eq!(reader.finish(), Ok(Vec::new()));
    assert_eq!(read_back, found);
    let comments =
        |text: &str| text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(comments(&written), comments(DEFAULTS));
}
