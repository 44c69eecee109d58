//! The four layers, put on each other.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::SecretString;

use super::{
    Origin, Problems, Reader,
    file::{exposed_secret, hint_for, no_table_name, read_settings},
    problem::{Cause, Hint, Problem},
    schema::{
        CONFIG_VARIABLE, FAMILIES, Kind, Meaning, Names, Schema, VARIABLE_PREFIX, is_other_variable,
        is_service_link, is_table_name, joined, place_of,
    },
    value::{Element, Setting, Value, presentable, split_list},
};

/// The config file that is read when none is named, if it exists.
pub const FILE_NAME: &str = "disputebot.toml";

/// Where the config file is and where relative paths start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file named by `--config`. It wins over the variable `DISPUTEBOT_CONFIG`.
    pub file: Option<PathBuf>,
    /// The working directory; the empty path is that of the process, and keeps paths as short as they were given.
    pub folder: PathBuf,
}

/// One value from the command line.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    flag: String,
    /// `None` where the argument has no `=`.
    key: Option<String>,
    value: Value,
}

/// One line of the table that shows the configuration in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The full key.
    pub key: String,
    /// The value in the notation of TOML; a secret only as `(secret)`, an address without user and query.
    pub value: String,
    /// The layer that the value comes from.
    pub origin: Origin,
}

/// All values in force, each with its origin. Built by [`Layers::load`], read by a [`Reader`].
pub struct Layers {
    file: Option<Arc<Path>>,
    file_folder: PathBuf,
    working_folder: PathBuf,
    settings: BTreeMap<String, Setting>,
    entries: BTreeMap<String, BTreeMap<String, Setting>>,
    secrets: BTreeMap<String, (SecretString, Origin)>,
    /// Names of sources and of rules in the order in which they were first met.
    names: Names,
    problems: Vec<Problem>,
}

impl Assignment {
    /// The argument of `--set`: `key=value`, where a list is written with commas.
    pub fn set(argument: &str) -> Self {
        let flag = "--set".to_owned();
        // The name of an entry of an open table may hold blanks, but no `=`.
        match argument.split_once('=') {
            Some((key, value)) => {
                Self { flag, key: Some(key.trim().to_owned()), value: Value::Untyped(value.to_owned()) }
            }
            None => Self { flag, key: None, value: Value::Untyped(String::new()) },
        }
    }

    /// The value of a key that has a flag of its own, for example `--project` for `jira.project`.
    pub fn flag(flag: &str, key: &str, value: &str) -> Self {
        let value = Value::Untyped(value.to_owned());
        Self { flag: flag.to_owned(), key: Some(key.to_owned()), value }
    }

    /// All values of a list that has a flag of its own, for example `--input` for `source.paths`. A comma in a value
    /// stays a part of it.
    pub fn flags(flag: &str, key: &str, values: &[String]) -> Self {
        let element = |text: &String| Element { value: Value::Text(text.clone()), line: 0 };
        let value = Value::List(values.iter().map(element).collect());
        Self { flag: flag.to_owned(), key: Some(key.to_owned()), value }
    }
}

impl Layers {
    /// Puts the config file, the environment and the command line on the built-in defaults.
    ///
    /// Only the variables that begin with `DISPUTEBOT_` are looked at. What is wrong with single names and values
    /// does not stop here: it is kept, and [`Reader::finish`] tells it together with what the reader finds.
    ///
    /// # Errors
    ///
    /// The file that was named cannot be read, or is not TOML. Then everything that is wrong with names in the other
    /// layers is told too, and nothing else can be known.
    pub fn load<N, V>(
        place: &Place,
        environment: impl IntoIterator<Item = (N, V)>,
        command_line: &[Assignment],
    ) -> Result<Self, Problems>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = of_ours(environment);
        let mut layers = Self::empty(&place.folder);
        let file_was_read = layers.add_file(place, variables.get(CONFIG_VARIABLE));
        layers.add_others(variables, command_line);
        if file_was_read { Ok(layers) } else { Err(Problems::new(layers.file, layers.problems)) }
    }

    /// As [`Layers::load`] without any file, for who is about to write one.
    pub fn without_file<N, V>(
        environment: impl IntoIterator<Item = (N, V)>,
        command_line: &[Assignment],
    ) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let mut layers = Self::empty(Path::new(""));
        layers.add_others(of_ours(environment), command_line);
        layers
    }

    fn empty(folder: &Path) -> Self {
        Self {
            file: None,
            file_folder: folder.to_path_buf(),
            working_folder: folder.to_path_buf(),
            settings: BTreeMap::new(),
            entries: BTreeMap::new(),
            secrets: BTreeMap::new(),
            names: Names::new(),
            problems: Vec::new(),
        }
    }

    fn add_others(&mut self, variables: BTreeMap<String, OsString>, command_line: &[Assignment]) {
        for (variable, value) in variables {
            self.add_variable(variable, value);
        }
        for assignment in command_line {
            self.add_assignment(assignment);
        }
    }

    /// A reader that takes values and collects what is wrong with them.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(self)
    }

    /// The config file that was read, as its name was given.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where the value of a key, of an entry such as `source.columns.ndc` or of a secret comes from. For an open
    /// table it is the latest layer that has an entry; for an unknown key the built-in default.
    pub fn origin(&self, key: &str) -> Origin {
        if let Some((map, entry)) = Schema::built_in().entry(key) {
            let setting = self.entries.get(map).and_then(|entries| entries.get(entry));
            return setting.map_or(Origin::Default, |setting| setting.origin.clone());
        }
        let of_entries =
            self.entries.get(key).and_then(|map| map.values().map(|setting| &setting.origin).max());
        let of_secret = self.secrets.get(key).map(|(_, origin)| origin);
        let of_key = self.settings.get(key).map(|setting| &setting.origin);
        of_key.or(of_secret).or(of_entries).cloned().unwrap_or(Origin::Default)
    }

    /// Every key with the value in force, in the order of the reference; each entry of an open table by itself.
    pub fn show(&self) -> Vec<Shown> {
        let schema = Schema::built_in();
        let mut keys: Vec<(String, Kind)> =
            schema.keys.iter().map(|key| (key.name.clone(), key.kind)).collect();
        for (tables, table) in FAMILIES {
            let own = self.names(tables).iter().flat_map(|name| {
                schema.of_table(table).map(move |(key, part)| (format!("{tables}.{name}.{part}"), key.kind))
            });
            let is_of_table =
                |(key, _): &(String, Kind)| key.strip_prefix(table).is_some_and(|key| key.starts_with('.'));
            let place = keys.iter().rposition(is_of_table).map_or(0, |last| last + 1);
            keys.splice(place..place, own);
        }
        let mut rows = Vec::new();
        for (key, kind) in keys {
            let entries = self.entries.get(&key).filter(|entries| !entries.is_empty());
            if let Some(entries) = entries {
                rows.extend(entries.iter().map(|(name, setting)| Shown {
                    key: joined(&key, name),
                    value: setting.value.literal(),
                    origin: setting.origin.clone(),
                }));
                continue;
            }
            let value = self.value(&key).map_or_else(String::new, |value| shown(value, kind));
            let origin = self.origin(&key);
            rows.push(Shown { key, value, origin });
        }
        for (key, (_, origin)) in &self.secrets {
            let row = Shown { key: key.clone(), value: "(secret)".to_owned(), origin: origin.clone() };
            let file_row = rows.iter().position(|row| row.key.strip_suffix("_file") == Some(key.as_str()));
            rows.insert(file_row.unwrap_or(rows.len()), row);
        }
        rows
    }

    /// The value in force of a key or of an entry of an open table.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        let schema = Schema::built_in();
        if let Some((map, entry)) = schema.entry(key) {
            return self.entries.get(map)?.get(entry).map(|setting| &setting.value);
        }
        let set = self.settings.get(key).map(|setting| &setting.value);
        set.or_else(|| schema.key(key).map(|key| &key.default))
    }

    /// The entries in force of an open table.
    pub(crate) fn entries(&self, map: &str) -> impl Iterator<Item = (&String, &Setting)> {
        self.entries.get(map).into_iter().flatten()
    }

    /// The names in a table of tables, in the order in which they were first met.
    pub(crate) fn names(&self, tables: &str) -> &[String] {
        self.names.get(tables).map_or(&[][..], Vec::as_slice)
    }

    /// A secret from the environment.
    pub(crate) fn secret(&self, key: &str) -> Option<&SecretString> {
        self.secrets.get(key).map(|(secret, _)| secret)
    }

    /// What was found wrong while the layers were put together.
    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The config file for the header of [`Problems`].
    pub(crate) fn shared_file(&self) -> Option<Arc<Path>> {
        self.file.clone()
    }

    /// A path in a value, from the folder where relative paths of its layer start; an address stays what it is.
    pub(crate) fn resolve(&self, path: &str, origin: &Origin) -> PathBuf {
        if path.contains("://") {
            return PathBuf::from(path);
        }
        match origin {
            Origin::File { .. } => self.file_folder.join(path),
            Origin::Default | Origin::Environment { .. } | Origin::CommandLine { .. } => {
                self.working_folder.join(path)
            }
        }
    }

    /// Whether the file, if there is one, could be used.
    fn add_file(&mut self, place: &Place, variable: Option<&OsString>) -> bool {
        let by_variable = variable.filter(|path| !path.is_empty()).map(PathBuf::from);
        let (path, must_exist) = match (&place.file, by_variable) {
            (Some(path), _) => (path.clone(), true),
            (None, Some(path)) => (path, true),
            (None, None) => (PathBuf::from(FILE_NAME), false),
        };
        let full = place.folder.join(&path);
        let bytes = match fs::read(&full) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => return true,
            outcome => outcome,
        };
        let file: Arc<Path> = path.into();
        self.file = Some(Arc::clone(&file));
        full.parent().unwrap_or(&place.folder).clone_into(&mut self.file_folder);
        let unreadable = |reason: String| Problem::new(Cause::Unreadable { reason }, []);
        let found = match bytes.map(String::from_utf8) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let hint = Hint::Instead("`disputebot init` writes a config file".to_owned());
                Err(vec![unreadable("there is no such file".to_owned()).with_hint(hint)])
            }
            Err(error) => Err(vec![unreadable(error.to_string())]),
            Ok(Err(error)) => {
                let good = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count();
                Err(vec![unreadable(format!("it is not UTF-8 text, beginning at line {line}"))])
            }
            Ok(Ok(document)) => read_settings(&file, &document),
        };
        match found {
            Ok(found) => {
                self.settings = found.settings;
                self.entries = found.entries;
                self.names = found.names;
                self.problems.extend(found.problems);
                true
            }
            Err(problems) => {
                self.problems.extend(problems);
                false
            }
        }
    }

    fn add_variable(&mut self, variable: String, value: OsString) {
        if is_other_variable(&variable) {
            return;
        }
        let schema = Schema::built_in();
        let Some(key) = schema.of_variable(&variable, &self.names) else {
            if is_service_link(&variable, &value.to_string_lossy()) {
                return;
            }
            let hint = match (schema.map_of_variable(&variable), schema.closest_variable(&variable)) {
                (Some(map), _) => Some(Hint::Instead(format!(
                    "give all entries in one variable: `{map}=name=value,name=value`"
                ))),
                (None, closest) => closest.map(Hint::DidYouMean),
            };
            let origin = Origin::Environment { variable: variable.clone() };
            let mut problem = Problem::new(Cause::UnknownVariable { variable }, [origin]);
            problem.hint = hint;
            self.problems.push(problem);
            return;
        };
        let origin = Origin::Environment { variable: variable.clone() };
        let Ok(value) = value.into_string() else {
            self.problems.push(Problem::new(Cause::NotUnicode { variable }, [origin]));
            return;
        };
        if matches!(schema.meaning(&key), Meaning::Secret) {
            if !value.trim().is_empty() {
                self.secrets.insert(key, (SecretString::from(value.trim()), origin));
            }
            return;
        }
        self.add_untyped(&key, value, origin);
    }

    fn add_assignment(&mut self, assignment: &Assignment) {
        let schema = Schema::built_in();
        let Assignment { flag, key, value } = assignment;
        let origin = Origin::CommandLine { flag: flag.clone() };
        let Some(key) = key else {
            self.problems.push(Problem::new(Cause::NoAssignment { flag: flag.clone() }, [origin]));
            return;
        };
        if let Some((tables, name)) = place_of(key) {
            if !is_table_name(name) {
                return self.problems.push(no_table_name(tables, name, origin));
            }
            let names = self.names.entry(tables).or_default();
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if let Some((map, entry)) = schema.entry(key) {
            let setting = Setting { value: value.clone(), origin };
            self.entries.entry(map.to_owned()).or_default().insert(entry.to_owned(), setting);
            return;
        }
        match schema.meaning(key) {
            Meaning::Key(_) => match value {
                Value::Untyped(text) => self.add_untyped(key, text.clone(), origin),
                typed => {
                    self.settings.insert(key.clone(), Setting { value: typed.clone(), origin });
                }
            },
            Meaning::Secret => {
                let place = "on the command line, where other users of this machine can see it";
                self.problems.push(exposed_secret(key, place, origin));
            }
            Meaning::Table | Meaning::Unknown => {
                let cause = Cause::UnknownKey { key: presentable(key) };
                let mut problem = Problem::new(cause, [origin]);
                problem.hint =
                    schema.closest_key(key).filter(|closest| closest != key).as_deref().map(hint_for);
                self.problems.push(problem);
            }
        }
    }

    /// Sets a key from a text whose type is not known yet; the text of an open table is a list of `name=value`.
    fn add_untyped(&mut self, key: &str, text: String, origin: Origin) {
        if Schema::built_in().key(key).is_none_or(|key| key.kind != Kind::Map) {
            self.settings.insert(key.to_owned(), Setting { value: Value::Untyped(text), origin });
            return;
        }
        for part in split_list(&text) {
            if let Some((name, value)) = part.split_once('=') {
                let setting =
                    Setting { value: Value::Untyped(value.trim().to_owned()), origin: origin.clone() };
                self.entries.entry(key.to_owned()).or_default().insert(name.trim().to_owned(), setting);
            } else {
                let cause = Cause::WrongType {
                    key: key.to_owned(),
                    expected: "entries such as `name=value,name=value`".to_owned(),
                    found: Value::Untyped(part.to_owned()).described(),
                };
                self.problems.push(Problem::new(cause, [origin.clone()]));
            }
        }
    }
}

/// The variables of ours.
fn of_ours<N, V>(environment: impl IntoIterator<Item = (N, V)>) -> BTreeMap<String, OsString>
where
    N: Into<OsString>,
    V: Into<OsString>,
{
    environment
        .into_iter()
        .filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into())))
        .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
        .collect()
}

/// The value of a key of a kind, as TOML would write it.
fn shown(value: &Value, kind: Kind) -> String {
    match (value, kind) {
        (Value::Untyped(text), Kind::List) => {
            let parts: Vec<_> =
                split_list(text).iter().map(|part| Value::Untyped((*part).to_owned()).literal()).collect();
            format!("[{}]", parts.join(", "))
        }
        (Value::Untyped(text), Kind::Flag | Kind::Whole | Kind::Ratio) => presentable(text.trim()),
        (Value::Untyped(text), Kind::Text) => Value::Untyped(text.trim().to_owned()).literal(),
        (value, _) => value.literal(),
    }
}

/// Shows names and origins; values only as [`Layers::show`] does.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("file", &self.file)
            .field("shown", &self.show())
            .finish_non_exhaustive()
    }
}

/// Leaves the value out: a secret can be here before it is refused.
impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment").field("flag", &self.flag).field("key", &self.key).finish_non_exhaustive()
    }
}
