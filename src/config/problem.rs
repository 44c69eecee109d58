//! What can be wrong with a configuration, and how it is told.
//!
//! Every problem is one sentence that names the key, what was expected and what was found; where the value came
//! from and what to do stand beside it. No text in here repeats the value of a secret.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::Origin;

/// Everything that is wrong with a configuration; never empty.
///
/// Its text begins without `error:` and needs no more than that in front. The hint of a single problem is apart,
/// in [`Problems::hint`]; among several problems each has its own in its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    file: Option<Arc<Path>>,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub cause: Cause,
    /// Where the values come from that are wrong; empty where a value is missing.
    pub origins: Vec<Origin>,
    /// What to do about it.
    pub hint: Option<Hint>,
}

/// What is wrong with one value, one name or the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A key that does not exist; remove it or correct its name.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// The full key.
        key: String,
    },
    /// A table that does not exist; remove it or correct its name.
    #[error("unknown table `{table}`")]
    UnknownTable {
        /// The full name of the table.
        table: String,
    },
    /// A variable that looks like one of ours but is none; unset it or correct its name.
    #[error("unknown environment variable `{variable}`")]
    UnknownVariable {
        /// The name of the variable; its value may be a secret and is not kept.
        variable: String,
    },
    /// A value of another type than the key has.
    #[error("`{key}` expects {expected}, but found {found}")]
    WrongType {
        /// The full key.
        key: String,
        /// The type in words, with an example.
        expected: String,
        /// The value in words.
        found: String,
    },
    /// An element of a list that is no text.
    #[error("`{key}` expects a list of texts, but its element {element} is {found}")]
    WrongElement {
        /// The full key.
        key: String,
        /// Place in the list, counted from 1.
        element: usize,
        /// The element in words.
        found: String,
    },
    /// A number or an amount beyond its bounds.
    #[error("`{key}` must be {bounds}, but is {found}")]
    OutOfRange {
        /// The full key.
        key: String,
        /// The bounds in words.
        bounds: String,
        /// The value.
        found: String,
    },
    /// A value that is needed and not set in any layer.
    #[error("`{key}` is required")]
    Required {
        /// The full key.
        key: String,
    },
    /// Two values of which only one may be set.
    #[error("`{first}` and `{second}` are both set; use one")]
    Exclusive {
        /// One key.
        first: String,
        /// The other key.
        second: String,
    },
    /// A secret in a place where others can read it.
    #[error("`{key}` is a secret and must not be {place}")]
    ExposedSecret {
        /// The full key.
        key: String,
        /// The place in words.
        place: &'static str,
    },
    /// A file with a secret that cannot be used.
    #[error("`{key}` names `{path}`, {reason}", path = path.display())]
    SecretFile {
        /// The key that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// A value that the one who reads it refuses, with the reason.
    #[error("`{key}` cannot be `{value}`: {reason}")]
    Refused {
        /// The full key.
        key: String,
        /// The value.
        value: String,
        /// Why not, in the words of the one who reads it.
        reason: String,
    },
    /// A flag that is not followed by a key and a value.
    #[error("`{flag}` expects `key=value`, but found no `=`")]
    NoAssignment {
        /// The flag, for example `--set`.
        flag: String,
    },
    /// A variable whose value is no text.
    #[error("environment variable `{variable}` is not valid UTF-8")]
    NotUnicode {
        /// The name of the variable.
        variable: String,
    },
    /// The file is not TOML; nothing in it was read.
    #[error("not valid TOML: {found}")]
    Syntax {
        /// Column in the line, counted from 1 in characters.
        column: usize,
        /// What was expected and what was found.
        found: String,
    },
    /// The file could not be read.
    #[error("the file could not be read: {reason}")]
    Unreadable {
        /// Why not.
        reason: String,
    },
}

/// What to do about a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The name that was probably meant.
    DidYouMean(String),
    /// What to do instead, as a request.
    Instead(String),
    /// How to give the value that is missing. Told for a single problem only: in a list it would repeat itself.
    Give(String),
}

/// Something that works, but should be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A file with a secret that every user of the machine can read; make it readable by its owner alone.
    #[error(
        "`{key}` names `{path}`, which every user of this machine can read (mode {mode:03o}); use `chmod 600`",
        path = path.display()
    )]
    SecretReadableByAll {
        /// The key that names the file.
        key: String,
        /// The file.
        path: PathBuf,
        /// The permission bits of the file.
        mode: u32,
    },
}

impl Problem {
    pub(crate) fn new(cause: Cause, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { cause, origins: origins.into_iter().collect(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The sentence of the problem, without origin and hint.
    pub fn text(&self) -> String {
        self.cause.to_string()
    }

    /// The origins in brackets, where they add something to the sentence.
    fn place(&self) -> String {
        if self.names_its_origin() || self.origins.is_empty() {
            return String::new();
        }
        let mut places: Vec<_> = self.origins.iter().map(Origin::brief).collect();
        if let Cause::Syntax { column, .. } = &self.cause {
            places.push(format!("column {column}"));
        }
        format!(" ({})", places.join(", "))
    }

    fn names_its_origin(&self) -> bool {
        matches!(
            self.cause,
            Cause::UnknownVariable { .. } | Cause::NotUnicode { .. } | Cause::NoAssignment { .. }
        )
    }

    /// Whether the config file is to blame: something in it, or something that is not in it.
    fn is_about_the_file(&self) -> bool {
        self.origins.first().is_none_or(|origin| matches!(origin, Origin::File { .. }))
    }

    fn in_a_list(&self) -> String {
        let hint = match &self.hint {
            Some(hint @ (Hint::DidYouMean(_) | Hint::Instead(_))) => format!("; {hint}"),
            Some(Hint::Give(_)) | None => String::new(),
        };
        format!("{}{}{hint}", self.cause, self.place())
    }
}

impl Problems {
    /// Takes all that was found, in the order of the layers and of the lines in the file.
    pub(crate) fn new(file: Option<Arc<Path>>, mut problems: Vec<Problem>) -> Self {
        // Missing values have no origin and come first; equal origins keep the order in which they were found.
        problems.sort_by(|a, b| a.origins.first().cmp(&b.origins.first()));
        let mut once: Vec<Problem> = Vec::with_capacity(problems.len());
        for problem in problems {
            if !once.contains(&problem) {
                once.push(problem);
            }
        }
        Self { file, problems: once }
    }

    /// The problems: what is missing first, then by line of the file, environment variable and flag.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// The config file that was read, as its name was given.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What to do, if there is a single problem with an answer.
    pub fn hint(&self) -> Option<String> {
        match self.problems.as_slice() {
            [only] => only.hint.as_ref().map(ToString::to_string),
            _ => None,
        }
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.problems.as_slice() {
            return match (&self.file, only.origins.first()) {
                (Some(file), _) if only.is_about_the_file() => {
                    write!(
                        f,
                        "could not load config `{}`\n  caused by: {}{}",
                        file.display(),
                        only.cause,
                        only.place()
                    )
                }
                (_, Some(_)) if !only.names_its_origin() => {
                    let origins: Vec<_> = only.origins.iter().map(ToString::to_string).collect();
                    write!(f, "{}\n  set by: {}", only.cause, origins.join(" and "))
                }
                _ => write!(f, "{}", only.cause),
            };
        }
        match &self.file {
            Some(file) => write!(f, "config `{}`", file.display())?,
            None => f.write_str("the config")?,
        }
        write!(f, " has {} problems", self.problems.len())?;
        for problem in &self.problems {
            write!(f, "\n  {}", problem.in_a_list())?;
        }
        Ok(())
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DidYouMean(name) => write!(f, "did you mean `{name}`?"),
            Self::Instead(request) | Self::Give(request) => f.write_str(request),
        }
    }
}
