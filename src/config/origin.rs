//! Where a value comes from.

use std::{fmt, path::Path, sync::Arc};

/// The layer, and the place in it, that a value comes from.
///
/// The order is that of the layers: a later origin wins over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The default that is built in.
    Default,
    /// The config file.
    File {
        /// The file, as its name was given.
        path: Arc<Path>,
        /// Line in the file, counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Name of the variable, for example `DISPUTEBOT_JIRA_PROJECT`.
        variable: String,
    },
    /// The command line.
    CommandLine {
        /// The flag, for example `--set`.
        flag: String,
    },
}

impl Origin {
    /// The origin in the fewest words, for text that already names the config file.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::File { line, .. } => format!("line {line}"),
            Self::Default | Self::Environment { .. } | Self::CommandLine { .. } => self.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("built-in default"),
            Self::File { path, line } => write!(f, "line {line} of `{}`", path.display()),
            Self::Environment { variable } => write!(f, "environment variable `{variable}`"),
            Self::CommandLine { flag } => write!(f, "`{flag}`"),
        }
    }
}
