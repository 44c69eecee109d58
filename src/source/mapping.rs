//! From what stands in a source to the words of the contract: constants, values of the path, words that mean nothing,
//! other words, and other ways to write days and amounts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::batch::Problem;
use super::header::fold;
use super::{Derived, Format, Layout, Settings};
use crate::dispute::{Field, FieldError, quoted, shape};

/// One text for each column, by [`Field::index`].
pub(super) type ByField<T> = [T; Field::ALL.len()];

/// What Hive and Spark call the partition without a value.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The texts of columns that no row of a file holds: they stand in its path, as in `d=2026-11-01/part-0.parquet`.
pub(super) fn of_path(path: &Path, settings: &Settings) -> ByField<Option<String>> {
    let mut texts = std::array::from_fn(|_| None);
    let mut parts = path.components();
    parts.next_back();
    for part in parts {
        let Component::Normal(part) = part else { continue };
        let Some((name, value)) = part.to_str().and_then(|part| part.split_once('=')) else { continue };
        let (name, value) = (decoded(name), decoded(value));
        let name = fold(settings.layout.column(&name));
        for field in Field::ALL.into_iter().filter(|field| fold(settings.column(*field)) == name) {
            texts[field.index()] = Some(if value == NO_VALUE { String::new() } else { value.to_string() });
        }
    }
    texts
}

/// The path as it may be told and kept: values of partitions by their form, unless their column may be shown.
pub(super) fn shown(path: &Path, settings: &Settings) -> PathBuf {
    let may_be_shown = |name: &str| {
        let name = fold(settings.layout.column(&decoded(name)));
        let mut fields = Field::ALL.into_iter().filter(|field| fold(settings.column(*field)) == name);
        fields.next().is_some_and(|field| !field.is_private() && !fields.any(Field::is_private))
    };
    // By its text: the components of an address do not have both of its slashes.
    let text = path.to_string_lossy();
    let Some((folders, name)) = text.rsplit_once('/') else { return path.to_path_buf() };
    let folders = folders.split('/').map(|part| match part.split_once('=') {
        Some((name, value)) if !may_be_shown(name) => format!("{name}={}", shape(&decoded(value))).into(),
        _ => Cow::Borrowed(part),
    });
    format!("{}/{name}", folders.collect::<Vec<_>>().join("/")).into()
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

impl Settings {
    /// The columns that are looked at.
    pub(super) fn wanted(&self) -> Wanted {
        let of_derived = self.derived.values().flat_map(Derived::columns).map(str::to_owned);
        let of_layout = self.layout.skipped().map(|(column, _)| fold(column));
        let of_ours = Field::ALL.into_iter().map(|field| fold(self.column(field)));
        let (rounding, exact): (Vec<Field>, Vec<Field>) = Field::ALL
            .into_iter()
            .partition(|field| self.formats.get(field).is_some_and(super::Format::rounds));
        // A column that is looked at twice is rounded only once.
        let is_exact = |column: &String| {
            exact.iter().any(|field| fold(self.column(*field)) == *column)
                || self.derived.values().flat_map(Derived::columns).any(|part| part == column)
        };
        let rounded = rounding.into_iter().map(|field| fold(self.column(field)));
        let rounded = rounded.filter(|column| !is_exact(column)).collect();
        let folded = of_ours.chain(of_derived).chain(of_layout).collect();
        Wanted { folded, rounded, layout: self.layout.clone() }
    }
}

/// The columns of a source that are looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    folded: BTreeSet<String>,
    /// Those of which every value is rounded to so many decimals.
    rounded: BTreeSet<String>,
    layout: Layout,
}

impl Wanted {
    /// Whether a column, as the source calls it, is one of them.
    pub(super) fn has(&self, column: &str) -> bool {
        self.folded.contains(&fold(self.layout.column(column)))
    }

    /// Whether its values may be binary numbers, of which the mapping makes exact ones.
    pub(super) fn rounds(&self, column: &str) -> bool {
        self.rounded.contains(&fold(self.layout.column(column)))
    }
}

/// What is done to the texts of every row of a source.
pub(super) struct Mapping<'a> {
    constants: &'a BTreeMap<Field, String>,
    values: BTreeMap<Field, BTreeMap<String, &'a str>>,
    formats: &'a BTreeMap<Field, Format>,
    empty: BTreeSet<String>,
}

impl<'a> Mapping<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let folded = |words: &'a BTreeMap<String, String>| {
            words.iter().map(|(word, text)| (fold(word), text.as_str())).collect()
        };
        Self {
            constants: &settings.constants,
            values: settings.values.iter().map(|(field, words)| (*field, folded(words))).collect(),
            formats: &settings.formats,
            empty: settings.empty.iter().map(|word| fold(word)).collect(),
        }
    }

    /// Whether every text stays as it is.
    pub(super) fn is_plain(&self) -> bool {
        let Self { constants, values, formats, empty } = self;
        constants.is_empty() && values.is_empty() && formats.is_empty() && empty.is_empty()
    }

    /// The texts of a row in the words of the contract, or what is wrong with them; `column` is the name of a column in
    /// the source.
    pub(super) fn apply<'t, 'n>(
        &'t self,
        texts: &ByField<Option<&'t str>>,
        column: impl Fn(Field) -> &'n str,
    ) -> Result<ByField<Option<Cow<'t, str>>>, Vec<Problem>> {
        let mut mapped: ByField<Option<Cow<'t, str>>> = texts.map(|text| text.map(Cow::Borrowed));
        if !self.empty.is_empty() {
            for text in &mut mapped {
                *text = text.take().filter(|text| !self.empty.contains(&*fold(text)));
            }
        }
        for (field, words) in &self.values {
            if let Some(text) = &mut mapped[field.index()] {
                if let Some(known) = words.get(&fold(text)) {
                    *text = Cow::Borrowed(known);
                } else if *field == Field::ReasonCodes && text.contains(['|', ';']) {
                    *text = Cow::Owned(each_code(text, words));
                }
            }
        }
        let mut problems = Vec::new();
        for (field, format) in self.formats {
            let Some(text) = &mut mapped[field.index()] else { continue };
            match format.rewrite(text).map(Cow::into_owned) {
                Ok(rewritten) => *text = Cow::Owned(rewritten),
                Err(expected) => {
                    let found = field.quoted(text);
                    let error = FieldError { field: *field, found, expected };
                    problems.push(Problem::of_field(error, &quoted(column(*field))));
                }
            }
        }
        for (field, text) in self.constants {
            mapped[field.index()] = Some(Cow::Borrowed(text));
        }
        if problems.is_empty() { Ok(mapped) } else { Err(problems) }
    }
}

/// A list of codes with each code that has another word replaced.
fn each_code(text: &str, words: &BTreeMap<String, &str>) -> String {
    let codes = text.split(['|', ';']).map(|code| words.get(&fold(code)).copied().unwrap_or(code));
    codes.collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_of_the_path_is_a_column() {
        let mut settings = Settings::default();
        settings.columns.insert(Field::OpenedAt, "d".to_owned());
        let of = |path: &str| {
            let texts = of_path(Path::new(path), &settings);
            Field::ALL
                .into_iter()
                .filter_map(|field| Some(format!("{field}={}", texts[field.index()].as_ref()?)))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of("/drops/d=2026-11-01/State=OH/part-0.parquet"),
            ["state=OH", "opened_at=2026-11-01"],
            "in any letter case, by the name that the source has"
        );
        assert_eq!(of("payer=A%20%26%20B/state=__HIVE_DEFAULT_PARTITION__/a.csv"), ["state=", "payer=A & B"]);
        assert_eq!(of("drops/state=OH.csv"), [""; 0], "the name of the file is no partition");
    }

    #[test]
    fn a_partition_is_told_by_its_form_unless_its_column_may_be_shown() {
        let mut settings = Settings::default();
        settings.columns.insert(Field::OpenedAt, "d".to_owned());
        let of = |path: &str| shown(Path::new(path), &settings).to_str().unwrap().to_owned();
        assert_eq!(
            of("/drops/d=2026-11-01/Service_Date=2026-09-30/patient=Jane%20Doe/state=OH/a=b.csv"),
            "/drops/d=2026-11-01/Service_Date=####-##-##/patient=aaaa aaa/state=OH/a=b.csv"
        );
        for plain in ["a.csv", "/a.csv", "./drops/a.csv", "s3://bucket/a.csv"] {
            assert_eq!(of(plain), plain);
        }
    }
}
