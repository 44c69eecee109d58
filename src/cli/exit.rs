//! Exit codes: a contract with scripts.

use std::{borrow::Cow, error::Error, fmt, process::ExitCode};

use super::log;
use crate::{
    apply::RecoverError,
    config::Problems,
    daemon::DaemonError,
    dispute::TableError,
    jira::JiraError,
    run::RunError,
    state::{JournalError, StateError},
    ticket::{self, TemplateError},
    web::WebError,
};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A bug in disputebot.
    Bug = 1,
    /// Wrong command line.
    Usage = 2,
    /// Wrong configuration.
    Config = 3,
    /// Input could not be read.
    Input = 4,
    /// Jira refused or could not be reached.
    Jira = 5,
    /// Some actions failed.
    Partial = 6,
    /// The state is in use or cannot be read.
    State = 7,
    /// Writes are pending (`plan --check`).
    Pending = 10,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that could not do what it was asked, with what a person can do.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// What failed; its sources are the causes.
    pub error: Box<dyn Error + Send + Sync>,
    /// What a person can do.
    pub hint: Option<String>,
}

impl CliError {
    /// An error with an exit code.
    pub fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { exit, error: error.into(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", open_error(&self.error.to_string()))?;
        let mut source = self.error.source();
        while let Some(cause) = source {
            write!(f, "\n  caused by: {}", open_error(&cause.to_string()))?;
            source = cause.source();
        }
        match &self.hint {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// A message without what only a patient has; days and numbers in it are those of the command line and of files.
fn open_error(text: &str) -> Cow<'_, str> {
    if ticket::screen(text).is_some() { log::open_line(text) } else { Cow::Borrowed(text) }
}

impl From<Problems> for CliError {
    fn from(problems: Problems) -> Self {
        let hint = problems.hint();
        Self { exit: Exit::Config, hint, error: problems.into() }
    }
}

impl From<JiraError> for CliError {
    fn from(error: JiraError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self { exit: Exit::Jira, hint, error: error.into() }
    }
}

impl From<StateError> for CliError {
    fn from(error: StateError) -> Self {
        let hint = match &error {
            StateError::InUse { .. } => Some("stop it first; `disputebot status` works beside it"),
            StateError::Damaged { .. } => {
                Some("`disputebot state rebuild` makes it anew from the journal; the old one is kept aside")
            }
            StateError::OpenTimeout { .. } => {
                Some("start it again: the next start sets the vault aside and makes it anew from the journal")
            }
            StateError::NewerFormat { .. } => Some("use the newer disputebot that wrote it"),
            StateError::CopiesFull { .. } => {
                Some("look why there are so many, then move away the copies that nobody needs")
            }
            StateError::Form { tree: "journal", .. } => {
                Some("a newer disputebot may have written it; use that one")
            }
            StateError::Journal(
                JournalError::Damaged { .. }
                | JournalError::UnexpectedFile { .. }
                | JournalError::Behind { .. }
                | JournalError::Diverged { .. },
            ) => Some(
                "`disputebot state restore FILE` brings back a backup; without one, `disputebot state rebuild --from \
                 jira` begins anew with the tickets that are there",
            ),
            StateError::Backup { .. } => Some("nothing was changed; take another backup"),
            _ => None,
        };
        Self { exit: Exit::State, hint: hint.map(str::to_owned), error: error.into() }
    }
}

impl From<TemplateError> for CliError {
    fn from(error: TemplateError) -> Self {
        Self::new(Exit::Config, error).hint("compare it with the built-in template of the same name")
    }
}

impl From<TableError> for CliError {
    fn from(error: TableError) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<RecoverError> for CliError {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Jira(error) => error.into(),
            RecoverError::State(error) => error.into(),
            ended @ (RecoverError::Stopped | RecoverError::HeldUp) => Self::new(Exit::Partial, ended),
            foreign @ RecoverError::Foreign { .. } => Self::new(Exit::Jira, foreign).hint(
                "stop one of the two; where the other one is gone for good, take over with `disputebot run --take-over`",
            ),
            elsewhere @ RecoverError::Elsewhere { .. } => Self::new(Exit::Config, elsewhere).hint(
                "give the other project a state of its own (`state.dir`); where it is the same one under another address \
                 or key, `disputebot run --same-project` says so once",
            ),
            unready @ RecoverError::Unready { .. } => {
                Self::new(Exit::Config, unready).hint("`disputebot check` shows all that was looked at")
            }
            blind @ RecoverError::Blind { .. } => Self::new(Exit::Jira, blind)
                .hint("give the account the permission to browse the project"),
        }
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Recover(error) => error.into(),
            RunError::State(error) => error.into(),
            RunError::Template(error) => error.into(),
            input @ RunError::Input(_) => {
                Self::new(Exit::Input, input).hint("`source.paths` says where disputes are read from")
            }
            reference @ RunError::Reference(_) => Self::new(Exit::Input, reference)
                .hint("mend the files of `cluster.reference` or `--reference`, or leave them out"),
            rejects @ RunError::Rejects(_) => Self::new(Exit::Input, rejects).hint(
                "`disputebot source preview` shows why; `source.max_reject_rate` says how many are allowed",
            ),
            bug @ RunError::Bug(_) => Self::new(Exit::Bug, bug),
        }
    }
}

impl From<DaemonError> for CliError {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::State(error) => error.into(),
            DaemonError::Dashboard(error) => error.into(),
            signals @ DaemonError::Signals(_) => Self::new(Exit::Bug, signals),
        }
    }
}

impl From<WebError> for CliError {
    fn from(error: WebError) -> Self {
        match error {
            WebError::State(error) => error.into(),
            listen @ WebError::Listen { .. } => Self::new(Exit::Config, listen)
                .hint("another program may use this port; `dashboard.listen` or `--port` chooses another"),
            ended @ WebError::Ended(_) => Self::new(Exit::Bug, ended),
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Input, error)
    }
}
