//! The command line: one file per command.
//!
//! Data goes to stdout, talk to stderr; every command that a script would call knows `--json`. Exit codes
//! are listed in [`Exit`].

mod check;
mod cluster;
mod completions;
mod daemon;
mod dashboard;
mod demo;
mod evaluate;
mod exit;
mod explain;
mod generate;
mod groups;
mod init;
mod internal;
mod log;
mod plan;
mod report;
mod run;
mod sandbox;
mod source;
mod state;
mod status;
mod ticket;
mod ui;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::{CliError, Exit};
pub(crate) use ui::Ui;

use crate::config::{Assignment, Layers, Needs, Place, Settings};

/// Finds the root causes that disputed drug-discount lines share and keeps one Jira ticket per cause.
#[derive(Debug, Parser)]
#[command(name = "disputebot", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
struct Common {
    /// Config file; by default ./disputebot.toml, where there is one
    #[arg(long, short, global = true, value_name = "FILE", env = "DISPUTEBOT_CONFIG")]
    config: Option<PathBuf>,
    /// Sets one key, such as `plan.max_new_tickets=20`; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Says nothing but errors and data
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows it all in half a minute: sandbox Jira, sample disputes, tickets, report
    Demo(demo::Arguments),
    /// Runs a local Jira to try disputebot against
    Sandbox(sandbox::Arguments),
    /// Writes a commented config, with all it can find out by itself
    Init(init::Arguments),
    /// Shows what a source holds as it is read: first rows, rejects, a profile of each column
    Source(source::Arguments),
    /// Tries sources, credentials, project, fields and permissions; writes nothing
    Check(check::Arguments),
    /// Shows what a run would write, like a diff; writes nothing
    Plan(plan::Arguments),
    /// Makes one pass: reads disputes, groups them, opens and updates tickets
    Run(run::Arguments),
    /// Makes a pass whenever the schedule says so, until it is stopped
    Daemon(daemon::Arguments),
    /// Serves pages that show what is known; without a daemon, or beside one
    Dashboard(dashboard::Arguments),
    /// Writes the report of a week
    Report(report::Arguments),
    /// Lists the groups and their tickets
    Groups(groups::Arguments),
    /// Says why a group is one, or where a dispute is and why
    Explain(explain::Arguments),
    /// Says how the last run went and what waits for a person
    Status(status::Arguments),
    /// Decides about the ticket of a group: which issue it is, or that a new one is opened
    Ticket(ticket::Arguments),
    /// Groups a file of disputes; needs neither Jira nor state
    Cluster(cluster::Arguments),
    /// Compares assignments with the truth
    Evaluate(evaluate::Arguments),
    /// Writes sample disputes with their truth
    Generate(generate::Arguments),
    /// Looks after the state: verify, rebuild, backup, restore, export, import
    State(state::Arguments),
    /// Prints the completions of a shell
    Completions(completions::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    execute(std::env::args_os()).into()
}

fn execute(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let Arguments { common, command } = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors; where nobody reads, nothing is lost.
            drop(error.print());
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let mut ui = Ui::new(common.quiet);
    match command.execute(&common, &mut ui) {
        Ok(exit) => exit,
        Err(error) => {
            ui.clear();
            ui.error(&error.to_string());
            error.exit
        }
    }
}

impl Command {
    fn execute(self, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
        match self {
            Self::Demo(arguments) => demo::execute(&arguments, ui),
            Self::Sandbox(arguments) => sandbox::execute(&arguments, ui),
            Self::Init(arguments) => init::execute(&arguments, common, ui),
            Self::Source(arguments) => source::execute(&arguments, common, ui),
            Self::Check(arguments) => check::execute(&arguments, common, ui),
            Self::Plan(arguments) => plan::execute(&arguments, common, ui),
            Self::Run(arguments) => run::execute(&arguments, common, ui),
            Self::Daemon(arguments) => daemon::execute(&arguments, common, ui),
            Self::Dashboard(arguments) => dashboard::execute(&arguments, common, ui),
            Self::Report(arguments) => report::execute(&arguments, common, ui),
            Self::Groups(arguments) => groups::execute(&arguments, common, ui),
            Self::Explain(arguments) => explain::execute(&arguments, common, ui),
            Self::Status(arguments) => status::execute(&arguments, common, ui),
            Self::Ticket(arguments) => ticket::execute(&arguments, common, ui),
            Self::Cluster(arguments) => cluster::execute(&arguments, common, ui),
            Self::Evaluate(arguments) => evaluate::execute(&arguments, common, ui),
            Self::Generate(arguments) => generate::execute(&arguments, ui),
            Self::State(arguments) => state::execute(&arguments, common, ui),
            Self::Completions(arguments) => {
                completions::execute(&arguments, &mut Arguments::command());
                Ok(Exit::Done)
            }
        }
    }
}

impl Common {
    fn layers(&self, more: &[Assignment]) -> Result<Layers, CliError> {
        let place = Place { file: self.config.clone(), ..Place::default() };
        let mut assignments: Vec<Assignment> = self.set.iter().map(|text| Assignment::set(text)).collect();
        assignments.extend_from_slice(more);
        Ok(Layers::load(&place, std::env::vars_os(), &assignments)?)
    }

    /// The settings, with warnings told; all problems at once otherwise.
    fn settings(&self, needs: Needs, more: &[Assignment], ui: &mut Ui) -> Result<Settings, CliError> {
        let (settings, warnings) = Settings::read(&self.layers(more)?, needs)?;
        for warning in warnings {
            ui.warn(&warning.to_string());
        }
        Ok(settings)
    }
}

/// A runtime for a command that speaks with Jira.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Bug, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
