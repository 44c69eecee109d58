//! Typed reading that collects what is wrong instead of stopping at it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    ops::{Bound, RangeBounds},
    path::PathBuf,
    time::Duration,
};

use jiff::SignedDuration;
use rust_decimal::Decimal;
use secrecy::SecretString;

use super::{
    Layers, Origin, Problems, Warning,
    file::secret_hint,
    problem::{Cause, Hint, Problem},
    schema::{Key, Kind, Schema, joined, variable_of},
    secret::read_secret_file,
    value::{Element, Value, split_list},
};

/// Takes values out of [`Layers`] and collects all problems.
///
/// Each value that is read is valid, or a problem is noted and the answer is the built-in default, so that reading
/// can go on. What was read counts only when [`Reader::finish`] returns `Ok`.
///
/// Blanks around a text do not count. The empty text and the empty list mean "unset". A text from the environment
/// or the command line is read as whatever type is asked for, lists at commas.
///
/// To ask for a key that [`DEFAULTS`](super::DEFAULTS) does not have is a bug of the caller, and panics.
#[must_use = "the problems are told by `finish`"]
pub struct Reader<'a> {
    layers: &'a Layers,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    read: BTreeSet<String>,
}

/// Why a value cannot be read as the type that was asked for.
enum Fault {
    /// It has another type; in words what was expected, and what to write.
    Type { expected: String, hint: Option<Hint> },
    /// It is beyond its bounds; the bounds in words.
    Bounds(String),
    /// An element of a list has another type.
    Element { element: usize, found: String, line: usize },
}

impl Fault {
    fn expected(expected: &str) -> Self {
        Self::Type { expected: expected.to_owned(), hint: None }
    }

    fn or_instead(self, request: impl Into<String>) -> Self {
        match self {
            Self::Type { expected, .. } => Self::Type { expected, hint: Some(Hint::Instead(request.into())) },
            other => other,
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(layers: &'a Layers) -> Self {
        Self { layers, problems: layers.problems().to_vec(), warnings: Vec::new(), read: BTreeSet::new() }
    }

    /// A text, which may be empty.
    pub fn text(&mut self, key: &str) -> String {
        self.take(key, as_text).unwrap_or_default()
    }

    /// A text, or `None` if it is unset.
    pub fn optional_text(&mut self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    /// A text that must be set.
    pub fn required_text(&mut self, key: &str) -> String {
        self.require(key);
        self.text(key)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &str) -> bool {
        let read = |value: &Value| match value {
            Value::Flag(flag) => Ok(*flag),
            Value::Untyped(text) if text.trim() == "true" => Ok(true),
            Value::Untyped(text) if text.trim() == "false" => Ok(false),
            _ => Err(Fault::expected("`true` or `false`")),
        };
        self.take(key, read).unwrap_or_default()
    }

    /// A whole number within `range`.
    pub fn integer<T>(&mut self, key: &str, range: impl RangeBounds<T>) -> T
    where
        T: Copy + Default + Display + PartialOrd + TryFrom<i128>,
    {
        self.take(key, |value| whole(value, &range)).unwrap_or_default()
    }

    /// A whole number within `range`, or `None` if it is unset.
    pub fn optional_integer<T>(&mut self, key: &str, range: impl RangeBounds<T>) -> Option<T>
    where
        T: Copy + Default + Display + PartialOrd + TryFrom<i128>,
    {
        let read = |value: &Value| {
            if value.is_unset() { Ok(None) } else { whole(value, &range).map(Some) }
        };
        self.take(key, read).unwrap_or_default()
    }

    /// A finite number within `range`.
    pub fn ratio(&mut self, key: &str, range: impl RangeBounds<f64>) -> f64 {
        let expected = format!("a number such as `{}`", default_of(key));
        let read = |value: &Value| match value {
            Value::Number(text) | Value::Untyped(text) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => within(number, &range),
                _ => Err(Fault::expected(&expected)),
            },
            _ => Err(Fault::expected(&expected)),
        };
        self.take(key, read).unwrap_or_default()
    }

    /// An exact amount in US dollars, zero or more.
    pub fn money(&mut self, key: &str) -> Decimal {
        self.take(key, amount).unwrap_or_default()
    }

    /// The same, or `None` if it is unset.
    pub fn optional_money(&mut self, key: &str) -> Option<Decimal> {
        let read = |value: &Value| if value.is_unset() { Ok(None) } else { amount(value).map(Some) };
        self.take(key, read).unwrap_or_default()
    }

    /// A span of time of zero or more, written like `30s`, `5m` or `2h 30m`; a day is `24h`.
    pub fn duration(&mut self, key: &str) -> Duration {
        let expected = format!("a duration such as `{}`", default_of(key));
        self.take(key, |value: &Value| duration(value, &expected)).unwrap_or_default()
    }

    /// A time that is not negative, none where it is unset.
    pub fn optional_duration(&mut self, key: &str) -> Option<Duration> {
        let read = |value: &Value| {
            if value.is_unset() { Ok(None) } else { duration(value, "a duration such as `1h`").map(Some) }
        };
        self.take(key, read).unwrap_or_default()
    }

    /// A list of texts. An element may be empty if the list has others.
    pub fn list(&mut self, key: &str) -> Vec<String> {
        self.take(key, as_list).unwrap_or_default()
    }

    /// An open table: names and texts.
    pub fn map(&mut self, key: &str) -> BTreeMap<String, String> {
        self.mark_read(key);
        let mut map = BTreeMap::new();
        for (name, setting) in self.layers.entries(key) {
            match as_text(&setting.value) {
                Ok(text) => {
                    map.insert(name.clone(), text);
                }
                Err(fault) => {
                    let key = joined(key, name);
                    self.problems.push(problem(&key, &setting.value, setting.origin.clone(), fault));
                }
            }
        }
        map
    }

    /// An open table whose values are texts, numbers, flags or lists of these, as texts; a list has its elements joined
    /// by `join`.
    pub fn values(&mut self, key: &str, join: impl Fn(&[String]) -> String) -> BTreeMap<String, String> {
        self.mark_read(key);
        let mut map = BTreeMap::new();
        for (name, setting) in self.layers.entries(key) {
            let text = match &setting.value {
                Value::Number(_) | Value::Flag(_) | Value::Date(_) => Ok(setting.value.literal()),
                Value::List(elements) => {
                    let texts = elements.iter().enumerate().map(|(index, element)| match &element.value {
                        found @ (Value::List(_) | Value::Table) => Err(Fault::Element {
                            element: index + 1,
                            found: found.described(),
                            line: element.line,
                        }),
                        Value::Text(text) => Ok(text.clone()),
                        other => Ok(other.literal()),
                    });
                    texts.collect::<Result<Vec<_>, _>>().map(|texts| join(&texts))
                }
                other => as_text(other),
            };
            match text {
                Ok(text) => {
                    map.insert(name.clone(), text);
                }
                Err(fault) => {
                    let key = joined(key, name);
                    self.problems.push(problem(&key, &setting.value, setting.origin.clone(), fault));
                }
            }
        }
        map
    }

    /// A path that is always set. A relative one from the config file starts at the folder of that file, any other
    /// at the working directory.
    pub fn path(&mut self, key: &str) -> PathBuf {
        self.require(key);
        self.optional_path(key).unwrap_or_default()
    }

    /// The names beneath `[sources]` or `[routes]`, in the order in which they were first met.
    pub fn names(&self, tables: &str) -> &'a [String] {
        self.layers.names(tables)
    }

    /// A path as in [`Reader::path`], or `None` if it is unset.
    pub fn optional_path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.optional_text(key)?;
        Some(self.layers.resolve(&text, &self.layers.origin(key)))
    }

    /// A list of paths, each as in [`Reader::path`]. Empty elements are left out.
    pub fn paths(&mut self, key: &str) -> Vec<PathBuf> {
        let paths = self.list(key);
        let origin = self.layers.origin(key);
        paths.iter().filter(|path| !path.is_empty()).map(|path| self.layers.resolve(path, &origin)).collect()
    }

    /// The meaning of one of the allowed texts.
    ///
    /// # Panics
    ///
    /// `allowed` is empty, which is a bug of the caller.
    pub fn one_of<T: Clone>(&mut self, key: &str, allowed: &[(&str, T)]) -> T {
        assert!(!allowed.is_empty(), "`{key}` has at least one allowed value");
        let read = |value: &Value| {
            let text = as_text(value).ok();
            let found = allowed.iter().find(|(name, _)| Some(*name) == text.as_deref());
            found.map(|(_, meaning)| meaning.clone()).ok_or_else(|| {
                let names: Vec<_> = allowed.iter().map(|(name, _)| *name).collect();
                let closest = text.and_then(|text| closest_name(&text, &names));
                Fault::Type { expected: alternatives(&names), hint: closest.map(Hint::DidYouMean) }
            })
        };
        self.take(key, read).unwrap_or_else(|| allowed[0].1.clone())
    }

    /// A text in a notation of its own, such as an address or a cron expression: `parse` reads it, and its error is
    /// told as the reason. `None` if the text is unset or refused.
    pub fn check<T, E: Display>(&mut self, key: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.optional_text(key)?;
        match parse(&text) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.refuse(key, error);
                None
            }
        }
    }

    /// Notes that the value of a key, or of an entry such as `source.columns.ndc`, cannot be used, and why.
    pub fn refuse(&mut self, key: &str, reason: impl Display) {
        let value = self.layers.value(key).map_or_else(String::new, Value::bare);
        let cause = Cause::Refused { key: key.to_owned(), value, reason: reason.to_string() };
        self.problems.push(Problem::new(cause, [self.layers.origin(key)]));
    }

    /// Notes a missing value, if the key is unset.
    pub fn require(&mut self, key: &str) {
        if self.is_set(key) {
            return;
        }
        let hint = match Schema::built_in().key(key) {
            Some(_) => Hint::Give(format!(
                "set it in the config file, by `{}` or with `--set {key}=…`",
                variable_of(key)
            )),
            None => secret_hint(key),
        };
        self.problems.push(Problem::new(Cause::Required { key: key.to_owned() }, []).with_hint(hint));
    }

    /// Notes a problem if both keys are set.
    pub fn exclusive(&mut self, first: &str, second: &str) {
        if self.is_set(first) && self.is_set(second) {
            let origins = [first, second].map(|key| self.layers.origin(key));
            let cause = Cause::Exclusive { first: first.to_owned(), second: second.to_owned() };
            let origins = origins.into_iter().filter(|origin| *origin != Origin::Default);
            self.problems.push(Problem::new(cause, origins));
        }
    }

    /// A secret: from the environment, or from the file that the key `…_file` names, never from both. Blanks and
    /// line ends around it do not count. `None` if it is unset or cannot be read.
    pub fn secret(&mut self, key: &str) -> Option<SecretString> {
        let file_key = format!("{key}_file");
        self.exclusive(key, &file_key);
        let path = self.optional_path(&file_key);
        if let Some(secret) = self.layers.secret(key) {
            return Some(secret.clone());
        }
        let path = path?;
        match read_secret_file(&file_key, &path) {
            Ok((secret, warning)) => {
                self.warnings.extend(warning);
                Some(secret)
            }
            Err(reason) => {
                let origin = self.layers.origin(&file_key);
                let cause = Cause::SecretFile { key: file_key, path, reason };
                self.problems.push(Problem::new(cause, [origin]));
                None
            }
        }
    }

    /// A secret as in [`Reader::secret`] that must be set in one of the two ways.
    pub fn required_secret(&mut self, key: &str) -> Option<SecretString> {
        if !self.is_set(&format!("{key}_file")) {
            self.require(key);
        }
        self.secret(key)
    }

    /// The layers that this reads, for origins and paths.
    pub fn layers(&self) -> &'a Layers {
        self.layers
    }

    /// The known keys that were not read yet: a key that nobody reads is a default without effect.
    pub fn unread(&self) -> Vec<&'static str> {
        let keys = Schema::built_in().keys.iter().map(|key| key.name.as_str());
        keys.filter(|name| !self.read.contains(*name)).collect()
    }

    /// Ends the reading. Keys that were not read are compared with the type of their default.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with names and values, in all layers.
    pub fn finish(mut self) -> Result<Vec<Warning>, Problems> {
        for name in self.unread() {
            self.compare_with_default(name);
        }
        if self.problems.is_empty() {
            Ok(self.warnings)
        } else {
            Err(Problems::new(self.layers.shared_file(), self.problems))
        }
    }

    fn is_set(&self, key: &str) -> bool {
        self.layers.secret(key).is_some() || self.layers.value(key).is_some_and(|value| !value.is_unset())
    }

    /// Reads the value in force; after a fault the built-in default, if that can be read.
    fn take<T>(&mut self, key: &str, read: impl Fn(&Value) -> Result<T, Fault>) -> Option<T> {
        let known = self.mark_read(key);
        let value = self.layers.value(key)?;
        match read(value) {
            Ok(read) => Some(read),
            Err(fault) => {
                self.problems.push(problem(key, value, self.layers.origin(key), fault));
                known.and_then(|key| read(&key.default).ok())
            }
        }
    }

    fn mark_read(&mut self, key: &str) -> Option<&'static Key> {
        let known = Schema::built_in().key(key);
        assert!(known.is_some(), "`{key}` is a key of the built-in defaults");
        self.read.insert(key.to_owned());
        known
    }

    fn compare_with_default(&mut self, key: &'static str) {
        match Schema::built_in().key(key).map(|key| key.kind) {
            Some(Kind::Flag) => {
                self.flag(key);
            }
            Some(Kind::Whole) => {
                self.integer::<i128>(key, ..);
            }
            Some(Kind::Ratio) => {
                self.ratio(key, ..);
            }
            Some(Kind::List) => {
                self.list(key);
            }
            Some(Kind::Map) => {
                self.map(key);
            }
            // A text may stand for an amount or an optional number, which TOML can also write without quotes.
            Some(Kind::Text) if matches!(self.layers.value(key), Some(Value::Number(_))) => {}
            Some(Kind::Text) => {
                self.text(key);
            }
            None => {}
        }
    }
}

fn problem(key: &str, value: &Value, origin: Origin, fault: Fault) -> Problem {
    let key = key.to_owned();
    match fault {
        Fault::Type { expected, hint } => {
            let cause = Cause::WrongType { key, expected, found: value.described() };
            let problem = Problem::new(cause, [origin]);
            Problem { hint, ..problem }
        }
        Fault::Bounds(bounds) => {
            Problem::new(Cause::OutOfRange { key, bounds, found: value.bare() }, [origin])
        }
        Fault::Element { element, found, line } => {
            let origin = match origin {
                Origin::File { path, .. } => Origin::File { path, line },
                other => other,
            };
            Problem::new(Cause::WrongElement { key, element, found }, [origin])
        }
    }
}

fn as_text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::Text(text) | Value::Untyped(text) => Ok(text.trim().to_owned()),
        Value::Number(_) | Value::Flag(_) | Value::Date(_) => {
            Err(Fault::expected("a text").or_instead(format!("write it in quotes, `\"{}\"`", value.bare())))
        }
        Value::List(_) | Value::Table => Err(Fault::expected("a text")),
    }
}

fn as_list(value: &Value) -> Result<Vec<String>, Fault> {
    let text_of = |(index, Element { value, line }): (usize, &Element)| match value {
        Value::Text(text) => Ok(text.clone()),
        other => Err(Fault::Element { element: index + 1, found: other.described(), line: *line }),
    };
    match value {
        Value::List(elements) => elements.iter().enumerate().map(text_of).collect(),
        Value::Untyped(text) => Ok(split_list(text).into_iter().map(ToOwned::to_owned).collect()),
        Value::Text(_) => {
            Err(Fault::expected("a list of texts").or_instead(format!("write `[{}]`", value.literal())))
        }
        _ => Err(Fault::expected("a list of texts")),
    }
}

fn duration(value: &Value, expected: &str) -> Result<Duration, Fault> {
    match value {
        Value::Text(text) | Value::Untyped(text) => {
            let signed: SignedDuration = text.trim().parse().map_err(|_| {
                let fault = Fault::expected(expected);
                let in_days = text.trim().ends_with(['d', 'w']);
                if in_days { fault.or_instead("write a day as `24h`") } else { fault }
            })?;
            Duration::try_from(signed).map_err(|_| Fault::Bounds("at least 0s".to_owned()))
        }
        _ => Err(Fault::expected(expected)),
    }
}

fn whole<T>(value: &Value, range: &impl RangeBounds<T>) -> Result<T, Fault>
where
    T: Copy + Display + PartialOrd + TryFrom<i128>,
{
    let wrong_type = || match value {
        Value::Text(text) if text.parse::<i128>().is_ok() => {
            Fault::expected("a whole number").or_instead("write it without quotes")
        }
        _ => Fault::expected("a whole number"),
    };
    let (Value::Number(text) | Value::Untyped(text)) = value else { return Err(wrong_type()) };
    let number: i128 = text.trim().parse().map_err(|_| wrong_type())?;
    let number = T::try_from(number).map_err(|_| Fault::Bounds(bounds_in_words(range)))?;
    within(number, range)
}

fn amount(value: &Value) -> Result<Decimal, Fault> {
    match value {
        Value::Number(text) | Value::Untyped(text) | Value::Text(text) => {
            let amount = Decimal::from_str_exact(text.trim())
                .map_err(|_| Fault::expected("an amount such as `100000` or `1250.50`"))?;
            within(amount, &(Decimal::ZERO..))
        }
        _ => Err(Fault::expected("an amount such as `100000` or `1250.50`")),
    }
}

fn within<T: Display + PartialOrd>(value: T, range: &impl RangeBounds<T>) -> Result<T, Fault> {
    if range.contains(&value) { Ok(value) } else { Err(Fault::Bounds(bounds_in_words(range))) }
}

fn bounds_in_words<T: Display>(range: &impl RangeBounds<T>) -> String {
    if let (Bound::Included(lower), Bound::Included(upper)) = (range.start_bound(), range.end_bound()) {
        return format!("between {lower} and {upper}");
    }
    let lower = match range.start_bound() {
        Bound::Included(bound) => Some(format!("at least {bound}")),
        Bound::Excluded(bound) => Some(format!("more than {bound}")),
        Bound::Unbounded => None,
    };
    let upper = match range.end_bound() {
        Bound::Included(bound) => Some(format!("at most {bound}")),
        Bound::Excluded(bound) => Some(format!("less than {bound}")),
        Bound::Unbounded => None,
    };
    match (lower, upper) {
        (Some(lower), Some(upper)) => format!("{lower} and {upper}"),
        (Some(bound), None) | (None, Some(bound)) => bound,
        (None, None) => "a number of usual size".to_owned(),
    }
}

fn default_of(key: &str) -> String {
    Schema::built_in().key(key).map_or_else(String::new, |key| key.default.bare())
}

/// `a`, `b` or `c`.
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn closest_name(text: &str, names: &[&str]) -> Option<String> {
    let text = text.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&text, name);
    let closest = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(closest) >= 0.8).then(|| (*closest).to_owned())
}
