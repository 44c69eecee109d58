//! Columns put together from others, in one of three ways.
//!
//! * `{labeler:5}{product:4}{package:2}`: texts and columns one after another. A width fills a value up with zeros at
//!   its front, which is how codes lose and regain theirs; `{ndc:1-5}` is a part of a value. Nothing is computed, so that
//!   no digit can be lost.
//! * `= {units} / {package_size}`: arithmetic, exact; see [`compute`](super::compute).
//! * `hash: {claim}-{line}`: what stands there as a keyed hash. It tells equal from other and nothing else, so that an
//!   id can be made of a claim number without holding it.
//!
//! Where all columns of an expression are empty, so is what it gives, and also where one is that it cannot do without:
//! `{claim!}-{line}`.

use super::compute::{Formula, Outcome};
use super::header::fold;
use super::key::LocalKey;
use crate::dispute::Doubt;

/// A column put together from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived(Way);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Joined(Vec<Piece>),
    Hashed(Vec<Piece>),
    Computed(Formula),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Whether nothing is made without a value of it, too.
    Column {
        name: String,
        form: Form,
        is_needed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Filled up with zeros to so many characters.
    Width(usize),
    /// The characters from one to another, from 1.
    Part(usize, usize),
}

/// The widest that a value is filled up, and the last character of a part.
const MOST_CHARACTERS: usize = 64;

/// What an expression gives for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    pub text: String,
    /// What is doubtful about it.
    pub doubt: Option<Doubt>,
}

/// Why an expression gives nothing that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unmade {
    /// The column at this place is not what the text says.
    Column(usize, String),
    /// The result is not what the text says.
    Result(&'static str),
}

impl Derived {
    /// Reads the expression; the error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(formula) = text.trim_start().strip_prefix('=') {
            return Formula::parse(formula).map(Way::Computed).map(Self);
        }
        if let Some(text) = text.trim_start().strip_prefix("hash:") {
            return pieces(text.trim()).map(Way::Hashed).map(Self);
        }
        pieces(text).map(Way::Joined).map(Self)
    }

    /// The names of the columns that it is made of, folded.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let (pieces, columns) = match &self.0 {
            Way::Joined(pieces) | Way::Hashed(pieces) => (pieces.as_slice(), &[][..]),
            Way::Computed(formula) => (&[][..], formula.columns()),
        };
        let of_pieces = pieces.iter().filter_map(|piece| match piece {
            Piece::Column { name, .. } => Some(name.as_str()),
            Piece::Text(_) => None,
        });
        of_pieces.chain(columns.iter().map(String::as_str))
    }

    /// Whether it is arithmetic.
    pub fn is_computed(&self) -> bool {
        matches!(self.0, Way::Computed(_))
    }

    /// Whether it gives a keyed hash.
    pub fn is_hashed(&self) -> bool {
        matches!(self.0, Way::Hashed(_))
    }

    /// The arithmetic, as people wrote it; empty where there is none.
    pub(super) fn formula(&self) -> &str {
        match &self.0 {
            Way::Computed(formula) => formula.text(),
            Way::Joined(_) | Way::Hashed(_) => "",
        }
    }

    /// What it gives; `value` is the text of a column by its place among [`Derived::columns`].
    pub(super) fn make<'t>(
        &self,
        key: Option<&LocalKey>,
        mut value: impl FnMut(usize) -> &'t str,
    ) -> Result<Made, Unmade> {
        let plain = |text| Ok(Made { text, doubt: None });
        match &self.0 {
            Way::Joined(pieces) => plain(joined(pieces, value)),
            Way::Hashed(pieces) => {
                let text = joined(pieces, value);
                match key {
                    _ if text.is_empty() => plain(text),
                    Some(key) => plain(key.hash("id", &text)),
                    None => Err(Unmade::Result("a keyed hash (there is no local key)")),
                }
            }
            Way::Computed(formula) => {
                let doubtful = |text, doubt| Ok(Made { text, doubt: Some(doubt) });
                match formula.value(&mut value) {
                    Outcome::Number(text) => plain(text),
                    Outcome::Rounded(text) => doubtful(text, Doubt::Rounded),
                    Outcome::Nothing => plain(String::new()),
                    Outcome::ByZero => doubtful(String::new(), Doubt::DividedByZero),
                    Outcome::NoNumber(place, expected) => Err(Unmade::Column(place, expected)),
                    Outcome::TooLong => {
                        Err(Unmade::Result("an amount (at most 28 digits can be held exactly)"))
                    }
                }
            }
        }
    }
}

fn joined<'t>(pieces: &[Piece], mut value: impl FnMut(usize) -> &'t str) -> String {
    let mut text = String::new();
    let mut is_empty = true;
    let mut place = 0;
    for piece in pieces {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Column { form, is_needed, .. } => {
                let value = value(place).trim();
                place += 1;
                if *is_needed && value.is_empty() {
                    return String::new();
                }
                is_empty &= value.is_empty();
                match *form {
                    Form::Width(_) if value.is_empty() => {}
                    Form::Width(width) => {
                        text.extend(std::iter::repeat_n('0', width.saturating_sub(value.chars().count())));
                        text.push_str(value);
                    }
                    Form::Part(first, last) => text.extend(value.chars().take(last).skip(first - 1)),
                }
            }
        }
    }
    if is_empty { String::new() } else { text }
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (plain, after) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.to_owned()));
        }
        rest = match after.strip_prefix('{') {
            Some(after) => {
                let Some((column, after)) = after.split_once('}') else {
                    return Err("a `{` has no `}`".to_owned());
                };
                pieces.push(column_piece(column)?);
                after
            }
            None if after.is_empty() => after,
            None => return Err("a `}` has no `{`".to_owned()),
        };
    }
    if pieces.iter().any(|piece| matches!(piece, Piece::Column { .. })) {
        Ok(pieces)
    } else {
        Err("it names no column, such as `{labeler}`; a value for every row is a constant".to_owned())
    }
}

fn column_piece(column: &str) -> Result<Piece, String> {
    let (name, form) = match column.rsplit_once(':') {
        Some((name, form)) => (name, form_of(form.trim())?),
        None => (column, Form::Width(0)),
    };
    let needed = name.trim_end().strip_suffix('!');
    let (name, is_needed) = (needed.unwrap_or(name), needed.is_some());
    if name.trim().is_empty() {
        return Err("`{}` names no column".to_owned());
    }
    Ok(Piece::Column { name: fold(name), form, is_needed })
}

fn form_of(text: &str) -> Result<Form, String> {
    if let Some((first, last)) = text.split_once('-') {
        return match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if (1..=last).contains(&first) && last <= MOST_CHARACTERS => {
                Ok(Form::Part(first, last))
            }
            _ => Err(format!("`{text}` is no part such as `1-5`, up to character {MOST_CHARACTERS}")),
        };
    }
    match text.parse() {
        Ok(width) if width <= MOST_CHARACTERS => Ok(Form::Width(width)),
        _ => Err(format!("`{text}` is no width from 0 to {MOST_CHARACTERS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expression: &str, values: &[&str]) -> String {
        Derived::parse(expression).unwrap().make(None, |place| values[place]).unwrap().text
    }

    #[test]
    fn columns_stand_one_after_another_with_their_zeros() {
        assert_eq!(of("{labeler:5}{product:4}{package:2}", &["123", "45", " 6 "]), "00123004506");
        assert_eq!(of("{st}-{id}", &["OH", "7"]), "OH-7");
        assert_eq!(of("{st}-{id}", &["", "7"]), "-7");
        assert_eq!(of("{st}-{id}", &["", " "]), "", "of nothing comes nothing");
        assert_eq!(of("{id!}-{st}", &["", "OH"]), "", "half of it would be that of others");
        assert_eq!(of("{id!:3}-{st}", &["7", ""]), "007-");
        assert_eq!(of("{ndc:1-5}", &["12345678901"]), "12345");
        assert_eq!(of("{ndc:10-11}x", &["123456789"]), "x", "what is not there is not there");
    }

    #[test]
    fn an_expression_that_is_none_is_refused() {
        let refused = |text| Derived::parse(text).unwrap_err();
        assert_eq!(refused("{labeler"), "a `{` has no `}`");
        assert_eq!(refused("labeler}"), "a `}` has no `{`");
        assert_eq!(refused("{labeler:x}"), "`x` is no width from 0 to 64");
        assert_eq!(refused("{labeler:5-1}"), "`5-1` is no part such as `1-5`, up to character 64");
        assert_eq!(refused("{ }"), "`{}` names no column");
        assert_eq!(
            refused("mdrp"),
            "it names no column, such as `{labeler}`; a value for every row is a constant"
        );
    }

    #[test]
    fn a_hash_tells_equal_from_other_and_holds_nothing_of_the_value() {
        let derived = Derived::parse("hash: {claim}-{line}").unwrap();
        let (one, two) = (LocalKey::from([1; 32]), LocalKey::from([2; 32]));
        let of = |key: &LocalKey, values: [&str; 2]| {
            derived.make(Some(key), |place| match place {
                0 => values[0].to_owned().leak(),
                _ => values[1].to_owned().leak(),
            })
        };
        let text = |key, values| of(key, values).unwrap().text;
        let hash = text(&one, ["2226123456", "1"]);
        assert_eq!(hash.len(), 32);
        assert_eq!(hash, text(&one, [" 2226123456", "1 "]));
        assert_ne!(hash, text(&one, ["2226123456", "2"]));
        assert_ne!(hash, text(&two, ["2226123456", "1"]), "another key gives other hashes");
        assert!(!hash.contains("2226123456"));
        assert_eq!(text(&one, ["", ""]), "");
        assert!(derived.make(None, |_| "1").is_err(), "without a key there is none");
    }
}
