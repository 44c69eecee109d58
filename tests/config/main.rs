//! The configuration as a whole: layers, origins, and every message as people see it.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions only, not what they share")]

mod layers;
mod messages;
mod routes;
mod secrets;
mod settings;
mod starter;

use std::{ffi::OsString, fs};

use disputebot::config::{Assignment, Layers, Place, Problems, Reader};
use tempfile::TempDir;

/// A folder with a config file, an environment and a command line.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) command_line: Vec<Assignment>,
}

impl World {
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new(), command_line: Vec::new() }
    }

    pub(crate) fn with_file(text: &str) -> Self {
        let world = Self::empty();
        world.write("disputebot.toml", text);
        world
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(crate) fn set(mut self, argument: &str) -> Self {
        self.command_line.push(Assignment::set(argument));
        self
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn place(&self) -> Place {
        Place { file: None, folder: self.folder.path().to_owned() }
    }

    pub(crate) fn load(&self) -> Result<Layers, Problems> {
        Layers::load(&self.place(), self.environment.clone(), &self.command_line)
    }

    /// Loads, reads with `read`, and gives what a person would see.
    pub(crate) fn told(&self, read: impl FnOnce(&mut Reader<'_>)) -> String {
        let outcome = self.load().and_then(|layers| {
            let mut reader = layers.reader();
            read(&mut reader);
            reader.finish()
        });
        let text = match outcome {
            Ok(warnings) => {
                warnings.iter().fold("ok\n".to_owned(), |text, warning| format!("{text}warning: {warning}\n"))
            }
            Err(problems) => {
                let hint = problems.hint().map_or_else(String::new, |hint| format!("\nhint: {hint}\n"));
                format!("error: {problems}\n{hint}")
            }
        };
        text.replace(&self.folder.path().display().to_string(), "FOLDER")
    }
}

/// Reads every key with the type that it has.
pub(crate) fn read_all(reader: &mut Reader<'_>) {
    reader.paths("source.paths");
    reader.text("source.layout");
    reader.flag("source.append_only");
    reader.ratio("source.max_drop", 0.0..=1.0);
    reader.ratio("source.max_reject_rate", 0.0..=1.0);
    reader.list("source.open_statuses");
    reader.optional_integer::<u32>("source.overpunch_decimals", 0..=9);
    for text in ["database", "table", "query", "user", "endpoint", "region"] {
        reader.text(&format!("source.{text}"));
    }
    reader.one_of("source.tls", &[("verify", 1), ("encrypt", 2), ("off", 3)]);
    reader.optional_path("source.ca_file");
    reader.duration("source.timeout");
    reader.optional_path("tables.dir");
    reader.secret("source.secret");
    reader.list("source.empty");
    for map in ["columns", "positions", "constants", "derived", "formats"] {
        reader.map(&format!("source.{map}"));
    }
    for map in [
        "program",
        "status",
        "delivery_system",
        "manufacturer",
        "state",
        "payer",
        "unit_type",
        "reason_codes",
        "transaction",
    ] {
        reader.map(&format!("source.values.{map}"));
    }
    reader.one_of("cluster.engine", &[("patterns", 1), ("groupby", 2)]);
    reader.integer::<usize>("cluster.min_group", 2..);
    reader.paths("cluster.reference");
    reader.optional_path("cluster.embedding");
    reader.integer::<u32>("group.confirm_runs", 1..=100);
    reader.integer::<usize>("plan.max_new_tickets", 0..);
    reader.integer::<usize>("plan.min_disputes", 1..);
    reader.money("plan.min_amount");
    reader.optional_money("plan.amount_alone");
    reader.integer::<i64>("plan.due_within_days", 0..);
    reader.flag("plan.resolve");
    for key in ["plan.reopen_within", "plan.reclose_after"] {
        reader.duration(key);
    }
    reader.integer::<usize>("plan.max_reopens", 1..);
    reader.integer::<usize>("ticket.small_group", 0..);
    reader.ratio("plan.comment_growth", 0.01..);
    reader.money("plan.comment_amount");
    reader.integer::<usize>("plan.comments_per_week", 0..);
    reader.optional_path("ticket.templates");
    reader.integer::<usize>("ticket.max_members_listed", 0..);
    reader.flag("ticket.attach_members");
    reader.list("ticket.commanders");
    reader.list("ticket.priorities");
    reader.money("ticket.priority_high_amount");
    reader.money("ticket.priority_highest_amount");
    reader.money("ticket.priority_high_loss");
    reader.money("ticket.priority_highest_loss");
    reader.optional_integer::<i64>("ticket.priority_high_age_days", 1..);
    for text in ["project", "issue_type", "assignee", "priority", "security_level", "parent"] {
        reader.optional_text(&format!("route.{text}"));
    }
    reader.optional_money("route.min_amount");
    for list in ["programs", "causes", "clients", "states", "entity_types", "components", "watchers"] {
        reader.list(&format!("route.{list}"));
    }
    reader.optional_integer::<i64>("route.due_within_days", 0..);
    reader.values("route.fields", |texts| texts.join("; "));
    reader.optional_text("ticket.fallback_assignee");
    reader.optional_text("internal.project");
    reader.optional_text("internal.issue_type");
    reader.integer::<usize>("internal.min_clients", 2..);
    for text in
        ["url", "cloud_id", "gateway_url", "project", "user", "resolution_merged", "resolution_no_group"]
    {
        reader.optional_text(&format!("jira.{text}"));
    }
    for text in ["issue_type", "resolution", "link_type_split", "link_type_merge"] {
        reader.required_text(&format!("jira.{text}"));
    }
    reader.secret("jira.token");
    reader.secret("webhook.secret");
    reader.optional_text("jira.token_expires");
    reader.duration("jira.timeout");
    reader.duration("jira.longest_wait");
    reader.optional_text("webhook.listen");
    reader.duration("webhook.min_interval");
    reader.duration("jira.create_settle");
    reader.duration("jira.hold_after");
    reader.flag("jira.lease");
    reader.list("jira.left_projects");
    reader.list("jira.former_accounts");
    reader.optional_duration("jira.takeover_after");
    reader.optional_path("jira.ca_file");
    for map in ["fields", "transition_fields"] {
        reader.values(&format!("jira.{map}"), |texts| texts.join("; "));
    }
    reader.path("state.dir");
    reader.path("report.dir");
    reader.map("report.clients");
    for text in ["server", "user", "from"] {
        reader.optional_text(&format!("report.mail.{text}"));
    }
    reader.secret("report.mail.password");
    reader.list("report.mail.to");
    for text in ["issue", "project", "issue_type"] {
        reader.optional_text(&format!("report.jira.{text}"));
    }
    reader.map("report.jira.clients");
    reader.required_text("report.chat.form");
    reader.secret("report.chat.url");
    for text in ["report.zone", "schedule.run", "schedule.report", "schedule.zone"] {
        reader.required_text(text);
    }
    reader.optional_text("dashboard.listen");
    reader.secret("dashboard.token");
    reader.optional_text("dashboard.user_header");
    reader.list("dashboard.proxies");
    reader.one_of("log.format", &[("text", 1), ("json", 2)]);
    reader.required_text("log.level");
}

pub(crate) fn rows(layers: &Layers) -> Vec<(String, String)> {
    layers.show().into_iter().map(|row| (row.key, row.value)).collect()
}
