//! Columns put together from others: texts and columns one after another, as in `{labeler:5}{product:4}{package:2}`.
//!
//! Nothing is computed, so that no digit can be lost. A width fills a value up with zeros at its front, which is how
//! codes lose and regain theirs. Where all columns of an expression are empty, so is what it gives.

use super::header::fold;

/// A column put together from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Derived {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column { name: String, width: usize },
}

/// The widest that a value is filled up.
const MOST_ZEROS: usize = 64;

impl Derived {
    /// Reads the expression; the error is what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
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
            Ok(Self { pieces })
        } else {
            Err("it names no column, such as `{labeler}`; a value for every row is a constant".to_owned())
        }
    }

    /// The names of the columns that it is made of.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Column { name, .. } => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// What it gives; `value` is the text of a column by its place among [`Derived::columns`].
    pub(super) fn text<'t>(&self, mut value: impl FnMut(usize) -> &'t str) -> String {
        let mut text = String::new();
        let mut is_empty = true;
        let mut place = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Column { width, .. } => {
                    let value = value(place).trim();
                    place += 1;
                    if !value.is_empty() {
                        is_empty = false;
                        text.extend(std::iter::repeat_n('0', width.saturating_sub(value.chars().count())));
                        text.push_str(value);
                    }
                }
            }
        }
        if is_empty { String::new() } else { text }
    }
}

fn column_piece(column: &str) -> Result<Piece, String> {
    let (name, width) = match column.rsplit_once(':') {
        Some((name, width)) => match width.trim().parse() {
            Ok(width) if width <= MOST_ZEROS => (name, width),
            _ => return Err(format!("`{width}` is no width from 0 to {MOST_ZEROS}")),
        },
        None => (column, 0),
    };
    if name.trim().is_empty() {
        return Err("`{}` names no column".to_owned());
    }
    Ok(Piece::Column { name: fold(name), width })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expression: &str, values: &[&str]) -> String {
        Derived::parse(expression).unwrap().text(|place| values[place])
    }

    #[test]
    fn columns_stand_one_after_another_with_their_zeros() {
        assert_eq!(of("{labeler:5}{product:4}{package:2}", &["123", "45", " 6 "]), "00123004506");
        assert_eq!(of("{st}-{id}", &["OH", "7"]), "OH-7");
        assert_eq!(of("{st}-{id}", &["", "7"]), "-7");
        assert_eq!(of("{st}-{id}", &["", " "]), "", "of nothing comes nothing");
    }

    #[test]
    fn an_expression_that_is_none_is_refused() {
        let refused = |text| Derived::parse(text).unwrap_err();
        assert_eq!(refused("{labeler"), "a `{` has no `}`");
        assert_eq!(refused("labeler}"), "a `}` has no `{`");
        assert_eq!(refused("{labeler:x}"), "`x` is no width from 0 to 64");
        assert_eq!(refused("{ }"), "`{}` names no column");
        assert_eq!(
            refused("mdrp"),
            "it names no column, such as `{labeler}`; a value for every row is a constant"
        );
    }
}
