//! Arithmetic over columns: `+ - * /`, parentheses, numbers and columns, as in `{units} / {package_size}`.
//!
//! Exact: a value is kept as a fraction until the end, so that a third times three is one. Only a quotient that no
//! decimal number can be is rounded, and that is told. There are no names, no functions and no conditions: what needs
//! them is a view of a database.

use rust_decimal::Decimal;

use super::header::fold;
use crate::dispute::{AmountKind, parse_amount, parse_overpunch};

/// Decimals of a quotient that has no end.
const DECIMALS: u32 = 9;
/// How deep parentheses may stand in each other.
const MOST_DEEP: usize = 32;

/// An expression, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Formula {
    text: String,
    root: Node,
    columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Number(Decimal),
    /// The place among the columns, and the implied decimals of signed overpunch, where it is written so.
    Column(usize, Option<u8>),
    Minus(Box<Node>),
    Both(Box<Node>, Sign, Box<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
    Times,
    By,
}

/// What a formula gives for one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A number, always with a decimal point, so that it is read as what it is.
    Number(String),
    /// As [`Outcome::Number`], rounded.
    Rounded(String),
    /// One of the columns is empty.
    Nothing,
    /// Something is divided by zero.
    ByZero,
    /// The column at this place is not what the text says.
    NoNumber(usize, String),
    /// More digits than can be held exactly.
    TooLong,
}

/// A fraction; the lower number is never zero.
#[derive(Debug, Clone, Copy)]
struct Fraction(Decimal, Decimal);

/// Why there is no value.
enum Fault {
    Nothing,
    ByZero,
    NoNumber(usize, String),
    TooLong,
}

impl Formula {
    /// Reads an expression; the error is what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text.trim(), columns: Vec::new(), deep: 0 };
        let root = reader.sum()?;
        if let Some(found) = reader.rest.chars().next() {
            return Err(format!("`{found}` is none of `+ - * / ( )`, a number or a column in braces"));
        }
        if reader.columns.is_empty() {
            return Err(
                "it names no column, such as `{units}`; a value for every row is a constant".to_owned()
            );
        }
        Ok(Self { text: text.trim().to_owned(), root, columns: reader.columns })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The columns that it is made of, folded, one for each time that one is named.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Its value; `value` is the text of a column by its place.
    pub(super) fn value<'t>(&self, value: &mut dyn FnMut(usize) -> &'t str) -> Outcome {
        let Fraction(over, under) = match evaluate(&self.root, value) {
            Ok(fraction) => fraction,
            Err(Fault::Nothing) => return Outcome::Nothing,
            Err(Fault::ByZero) => return Outcome::ByZero,
            Err(Fault::NoNumber(place, expected)) => return Outcome::NoNumber(place, expected),
            Err(Fault::TooLong) => return Outcome::TooLong,
        };
        let Some(quotient) = over.checked_div(under) else { return Outcome::TooLong };
        if exact_product(quotient, under) == Some(over) {
            return Outcome::Number(with_point(quotient));
        }
        Outcome::Rounded(with_point(quotient.round_dp(DECIMALS)))
    }
}

fn with_point(number: Decimal) -> String {
    let text = number.normalize().to_string();
    if text.contains('.') { text } else { format!("{text}.0") }
}

fn evaluate<'t>(node: &Node, value: &mut dyn FnMut(usize) -> &'t str) -> Result<Fraction, Fault> {
    let long = |number: Option<Decimal>| number.ok_or(Fault::TooLong);
    match node {
        Node::Number(number) => Ok(Fraction(*number, Decimal::ONE)),
        Node::Column(place, overpunch) => {
            let text = value(*place).trim();
            if text.is_empty() {
                return Err(Fault::Nothing);
            }
            let number = match overpunch {
                Some(decimals) => parse_overpunch(text, *decimals, AmountKind::Money),
                None => parse_amount(text, AmountKind::Money),
            };
            let number = number.map_err(|error| Fault::NoNumber(*place, error.to_string()))?;
            Ok(Fraction(number, Decimal::ONE))
        }
        Node::Minus(node) => {
            let Fraction(over, under) = evaluate(node, value)?;
            Ok(Fraction(-over, under))
        }
        Node::Both(left, sign, right) => {
            let (Fraction(a, b), Fraction(c, d)) = (evaluate(left, value)?, evaluate(right, value)?);
            let product = |one: Decimal, other: Decimal| long(exact_product(one, other));
            Ok(match sign {
                Sign::Times => Fraction(product(a, c)?, product(b, d)?),
                Sign::By if c.is_zero() => return Err(Fault::ByZero),
                Sign::By => Fraction(product(a, d)?, product(b, c)?),
                Sign::Plus | Sign::Minus => {
                    let (left, right) = (product(a, d)?, product(c, b)?);
                    let sum =
                        if *sign == Sign::Plus { exact_sum(left, right) } else { exact_sum(left, -right) };
                    Fraction(long(sum)?, product(b, d)?)
                }
            })
        }
    }
}

/// None where the product has more digits than can be held: the library would round it.
fn exact_product(one: Decimal, other: Decimal) -> Option<Decimal> {
    let (one, other) = (one.normalize(), other.normalize());
    let product = one.checked_mul(other)?;
    (product.is_zero() || product.scale() == one.scale() + other.scale()).then_some(product)
}

fn exact_sum(one: Decimal, other: Decimal) -> Option<Decimal> {
    let (one, other) = (one.normalize(), other.normalize());
    let sum = one.checked_add(other)?;
    (sum.is_zero() || sum.scale() == one.scale().max(other.scale())).then_some(sum)
}

struct Reader<'t> {
    rest: &'t str,
    columns: Vec<String>,
    deep: usize,
}

impl Reader<'_> {
    fn sum(&mut self) -> Result<Node, String> {
        let mut node = self.product()?;
        while let Some(sign) = self.sign(&[('+', Sign::Plus), ('-', Sign::Minus)]) {
            node = Node::Both(Box::new(node), sign, Box::new(self.product()?));
        }
        Ok(node)
    }

    fn product(&mut self) -> Result<Node, String> {
        let mut node = self.single()?;
        while let Some(sign) = self.sign(&[('*', Sign::Times), ('/', Sign::By)]) {
            node = Node::Both(Box::new(node), sign, Box::new(self.single()?));
        }
        Ok(node)
    }

    fn sign(&mut self, signs: &[(char, Sign)]) -> Option<Sign> {
        self.rest = self.rest.trim_start();
        let (sign, meaning) = signs.iter().find(|(sign, _)| self.rest.starts_with(*sign))?;
        self.rest = &self.rest[sign.len_utf8()..];
        Some(*meaning)
    }

    fn single(&mut self) -> Result<Node, String> {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            self.deepen()?;
            let node = self.sum()?;
            self.deep -= 1;
            self.rest =
                self.rest.trim_start().strip_prefix(')').ok_or_else(|| "a `(` has no `)`".to_owned())?;
            return Ok(node);
        }
        if let Some(rest) = self.rest.strip_prefix('-') {
            self.rest = rest;
            self.deepen()?;
            let node = self.single()?;
            self.deep -= 1;
            return Ok(Node::Minus(Box::new(node)));
        }
        if let Some(rest) = self.rest.strip_prefix('{') {
            let (column, after) = rest.split_once('}').ok_or_else(|| "a `{` has no `}`".to_owned())?;
            self.rest = after;
            return self.column(column);
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (number, after) = self.rest.split_at(end);
        let number = Decimal::from_str_exact(number)
            .map_err(|_| "a number or a column in braces is missing".to_owned())?;
        self.rest = after;
        Ok(Node::Number(number))
    }

    fn deepen(&mut self) -> Result<(), String> {
        self.deep += 1;
        if self.deep > MOST_DEEP { Err("its parentheses are too deep".to_owned()) } else { Ok(()) }
    }

    fn column(&mut self, column: &str) -> Result<Node, String> {
        let (name, overpunch) = match column.rsplit_once(':') {
            None => (column, None),
            Some((name, form)) => {
                let decimals = form.trim().strip_prefix("overpunch ").and_then(|number| number.parse().ok());
                let decimals = decimals.filter(|decimals| *decimals <= 9);
                let refused = || format!("`{}` is no form of a number, expected `overpunch 2`", form.trim());
                (name, Some(decimals.ok_or_else(refused)?))
            }
        };
        if name.trim().is_empty() {
            return Err("`{}` names no column".to_owned());
        }
        self.columns.push(fold(name));
        Ok(Node::Column(self.columns.len() - 1, overpunch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(formula: &str, values: &[&str]) -> Outcome {
        Formula::parse(formula).unwrap().value(&mut |place| values[place])
    }

    fn number(text: &str) -> Outcome {
        Outcome::Number(text.to_owned())
    }

    #[test]
    fn numbers_are_computed_exactly_and_in_the_usual_order() {
        for (formula, values, expected) in [
            ("{units} / {package}", &["300", "100"][..], "3.0"),
            ("{a} + {b} * 2", &["0.1", "0.2"], "0.5"),
            ("({a} + {b}) * 2", &["0.1", "0.2"], "0.6"),
            ("{a} - {b} - {c}", &["10", "3", "2"], "5.0"),
            ("{a} / {b} * {b}", &["1", "3", "3"], "1.0"),
            ("-{a} * -2", &["1.5"], "3.0"),
            ("-({a} - 1)", &["(3.00)"], "4.0"),
            ("{a:overpunch 2} / 2", &["1234E"], "61.725"),
            ("{a} * 1", &["$1,234.50"], "1234.5"),
            ("{a} - {a}", &["12345678901234567890.12345678", "12345678901234567890.12345678"], "0.0"),
        ] {
            assert_eq!(of(formula, values), number(expected), "{formula}");
        }
    }

    #[test]
    fn what_cannot_be_computed_is_told_apart() {
        assert_eq!(of("{a} / {b}", &["1", "0.00"]), Outcome::ByZero);
        assert_eq!(of("{a} / ({b} - {b})", &["1", "7", "7"]), Outcome::ByZero);
        assert_eq!(of("{a} / {b}", &["", "0"]), Outcome::Nothing, "of nothing comes nothing");
        assert_eq!(of("{a} / 3", &["100"]), Outcome::Rounded("33.333333333".to_owned()));
        assert!(matches!(of("{a} + {b}", &["1", "x"]), Outcome::NoNumber(1, _)));
        let long = "1234567890123456789012345678";
        assert_eq!(of("{a} * {a}", &[long, long]), Outcome::TooLong);
        assert_eq!(
            of("{a} * 0.1", &["0.1234567890123456789012345678"]),
            Outcome::TooLong,
            "no digit is lost"
        );
    }

    #[test]
    fn what_is_no_formula_is_refused_by_what_is_wrong() {
        let refused = |text: &str| Formula::parse(text).unwrap_err();
        assert_eq!(refused("{a} /"), "a number or a column in braces is missing");
        assert_eq!(refused("({a}"), "a `(` has no `)`");
        assert_eq!(refused("{a"), "a `{` has no `}`");
        assert_eq!(refused("{a} % 2"), "`%` is none of `+ - * / ( )`, a number or a column in braces");
        assert_eq!(
            refused("1 + 2"),
            "it names no column, such as `{units}`; a value for every row is a constant"
        );
        assert_eq!(refused("{a:implied 2}"), "`implied 2` is no form of a number, expected `overpunch 2`");
        assert_eq!(refused("{ } + 1"), "`{}` names no column");
        assert_eq!(refused(&format!("{}{{a}}", "(".repeat(40))), "its parentheses are too deep");
    }
}
