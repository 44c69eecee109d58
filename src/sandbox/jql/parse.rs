//! Text to query: words, then clauses by recursive descent. `NOT` disappears here, pushed into the operators.

use std::iter::Peekable;
use std::vec::IntoIter;

use super::JqlError;

/// A query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) clause: Clause,
    pub(super) order: Vec<Order>,
}

/// One field of ORDER BY.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) field: String,
    pub(super) falling: bool,
}

/// A condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clause {
    All(Vec<Clause>),
    Any(Vec<Clause>),
    Test(Test),
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    /// As written.
    pub(super) field: String,
    pub(super) operator: Operator,
    /// Exactly one unless the operator takes a list.
    pub(super) operands: Vec<Operand>,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand {
    Text(String),
    /// Its name, without parentheses.
    Function(String),
    Empty,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Is,
    IsNot,
    Equal,
    NotEqual,
    In,
    NotIn,
    Contains,
    ContainsNot,
    Before,
    BeforeOrAt,
    After,
    AfterOrAt,
}

/// Fields that one query may be ordered by (specification).
const ORDER_FIELDS: usize = 7;
/// Parentheses and NOTs inside each other; a guard for the stack.
const DEEPEST: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

/// `takes_unbounded` allows a query without a condition, which finds everything.
pub(super) fn parse(text: &str, takes_unbounded: bool) -> Result<Query, JqlError> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), depth: 0 };
    let is_unbounded = parser.tokens.peek().is_none() || parser.next_is_word("order");
    if is_unbounded && !takes_unbounded {
        return Err(JqlError::Refused(
            "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
                .to_owned(),
        ));
    }
    let clause = if is_unbounded { Clause::All(Vec::new()) } else { parser.any(false)? };
    let order = parser.order()?;
    match parser.tokens.next() {
        None => Ok(Query { clause, order }),
        Some(token) => Err(syntax(&format!("Expecting either 'OR' or 'AND' but got '{}'.", token.shown()))),
    }
}

struct Parser {
    tokens: Peekable<IntoIter<Token>>,
    depth: usize,
}

impl Parser {
    fn any(&mut self, negated: bool) -> Result<Clause, JqlError> {
        let mut clauses = vec![self.all(negated)?];
        while self.take_word("or") || self.take_sign("||") {
            clauses.push(self.all(negated)?);
        }
        // De Morgan: NOT (a OR b) is NOT a AND NOT b.
        Ok(if negated { Clause::all(clauses) } else { Clause::any(clauses) })
    }

    fn all(&mut self, negated: bool) -> Result<Clause, JqlError> {
        let mut clauses = vec![self.one(negated)?];
        while self.take_word("and") || self.take_sign("&&") {
            clauses.push(self.one(negated)?);
        }
        Ok(if negated { Clause::any(clauses) } else { Clause::all(clauses) })
    }

    fn one(&mut self, negated: bool) -> Result<Clause, JqlError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(syntax("The query is nested too deeply."));
        }
        let clause = if self.take_word("not") || self.take_sign("!") {
            self.one(!negated)
        } else if self.take_sign("(") {
            let clause = self.any(negated)?;
            self.expect(")")?;
            Ok(clause)
        } else {
            self.test().map(|test| Clause::Test(if negated { test.negated() } else { test }))
        };
        self.depth -= 1;
        clause
    }

    fn test(&mut self) -> Result<Test, JqlError> {
        let field = match self.tokens.next() {
            Some(Token::Word(word) | Token::Quoted(word)) => word,
            Some(Token::Sign(sign)) => {
                return Err(syntax(&format!("Expecting a field name but got '{sign}'.")));
            }
            None => return Err(syntax("Expecting a field name at the end of the query.")),
        };
        let operator = self.operator()?;
        let operands = match operator {
            Operator::In | Operator::NotIn => self.list()?,
            Operator::Is | Operator::IsNot => {
                let operand = self.operand()?;
                if operand != Operand::Empty {
                    return Err(syntax("The operator 'is' takes EMPTY or NULL only."));
                }
                vec![operand]
            }
            _ => vec![self.operand()?],
        };
        Ok(Test { field, operator, operands })
    }

    fn operator(&mut self) -> Result<Operator, JqlError> {
        match self.tokens.next() {
            Some(Token::Sign("=")) => Ok(Operator::Equal),
            Some(Token::Sign("!=")) => Ok(Operator::NotEqual),
            Some(Token::Sign("~")) => Ok(Operator::Contains),
            Some(Token::Sign("!~")) => Ok(Operator::ContainsNot),
            Some(Token::Sign("<")) => Ok(Operator::Before),
            Some(Token::Sign("<=")) => Ok(Operator::BeforeOrAt),
            Some(Token::Sign(">")) => Ok(Operator::After),
            Some(Token::Sign(">=")) => Ok(Operator::AfterOrAt),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("in") => Ok(Operator::In),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => {
                if self.take_word("in") {
                    Ok(Operator::NotIn)
                } else {
                    Err(syntax("Expecting 'IN' after 'NOT'."))
                }
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("is") => {
                Ok(if self.take_word("not") { Operator::IsNot } else { Operator::Is })
            }
            found => {
                let shown = found.map_or_else(|| "the end".to_owned(), |token| token.shown());
                Err(syntax(&format!(
                    "Expecting operator but got '{shown}'. The valid operators are '=', '!=', '<', '>', '<=', \
                     '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."
                )))
            }
        }
    }

    fn list(&mut self) -> Result<Vec<Operand>, JqlError> {
        self.expect("(")?;
        let mut operands = vec![self.operand()?];
        while self.take_sign(",") {
            operands.push(self.operand()?);
        }
        self.expect(")")?;
        Ok(operands)
    }

    fn operand(&mut self) -> Result<Operand, JqlError> {
        match self.tokens.next() {
            Some(Token::Quoted(text)) => Ok(Operand::Text(text)),
            Some(Token::Word(word)) => {
                if word.eq_ignore_ascii_case("empty") || word.eq_ignore_ascii_case("null") {
                    Ok(Operand::Empty)
                } else if is_reserved(&word) {
                    Err(syntax(&format!(
                        "'{word}' is a reserved word. Put it in quotes to use it as a value."
                    )))
                } else if self.take_sign("(") {
                    self.expect(")")?;
                    Ok(Operand::Function(word))
                } else {
                    Ok(Operand::Text(word))
                }
            }
            Some(Token::Sign(sign)) => {
                Err(syntax(&format!("Expecting either a value, list or function but got '{sign}'.")))
            }
            None => Err(syntax("Expecting either a value, list or function at the end of the query.")),
        }
    }

    fn order(&mut self) -> Result<Vec<Order>, JqlError> {
        let mut order = Vec::new();
        if !self.take_word("order") {
            return Ok(order);
        }
        if !self.take_word("by") {
            return Err(syntax("Expecting 'BY' after 'ORDER'."));
        }
        loop {
            let Some(Token::Word(field) | Token::Quoted(field)) = self.tokens.next() else {
                return Err(syntax("Expecting a field name after 'ORDER BY'."));
            };
            let falling = self.take_word("desc");
            if !falling {
                self.take_word("asc");
            }
            order.push(Order { field, falling });
            if !self.take_sign(",") {
                break;
            }
        }
        if order.len() > ORDER_FIELDS {
            return Err(JqlError::Refused(format!(
                "The maximum number of fields to order by is {ORDER_FIELDS}."
            )));
        }
        Ok(order)
    }

    fn next_is_word(&mut self, expected: &str) -> bool {
        matches!(self.tokens.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(expected))
    }

    fn take_word(&mut self, expected: &str) -> bool {
        let found = self.next_is_word(expected);
        if found {
            self.tokens.next();
        }
        found
    }

    fn take_sign(&mut self, expected: &'static str) -> bool {
        self.tokens.next_if_eq(&Token::Sign(expected)).is_some()
    }

    fn expect(&mut self, expected: &'static str) -> Result<(), JqlError> {
        if self.take_sign(expected) {
            return Ok(());
        }
        let found = self.tokens.peek().map_or_else(|| "the end".to_owned(), Token::shown);
        Err(syntax(&format!("Expecting '{expected}' but got '{found}'.")))
    }
}

impl Clause {
    fn all(mut clauses: Vec<Self>) -> Self {
        if clauses.len() == 1 { clauses.remove(0) } else { Self::All(clauses) }
    }

    fn any(mut clauses: Vec<Self>) -> Self {
        if clauses.len() == 1 { clauses.remove(0) } else { Self::Any(clauses) }
    }
}

impl Test {
    fn negated(mut self) -> Self {
        self.operator = match self.operator {
            Operator::Is => Operator::IsNot,
            Operator::IsNot => Operator::Is,
            Operator::Equal => Operator::NotEqual,
            Operator::NotEqual => Operator::Equal,
            Operator::In => Operator::NotIn,
            Operator::NotIn => Operator::In,
            Operator::Contains => Operator::ContainsNot,
            Operator::ContainsNot => Operator::Contains,
            Operator::Before => Operator::AfterOrAt,
            Operator::BeforeOrAt => Operator::After,
            Operator::After => Operator::BeforeOrAt,
            Operator::AfterOrAt => Operator::Before,
        };
        self
    }
}

impl Operator {
    /// As a query writes it.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Contains => "~",
            Self::ContainsNot => "!~",
            Self::Before => "<",
            Self::BeforeOrAt => "<=",
            Self::After => ">",
            Self::AfterOrAt => ">=",
        }
    }
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Word(text) | Self::Quoted(text) => text.clone(),
            Self::Sign(sign) => (*sign).to_owned(),
        }
    }
}

/// Words that have a meaning of their own and are values in quotes only.
fn is_reserved(word: &str) -> bool {
    ["and", "or", "not", "in", "is", "order", "by"].iter().any(|found| word.eq_ignore_ascii_case(found))
}

fn syntax(text: &str) -> JqlError {
    JqlError::Refused(format!("Error in the JQL Query: {text}"))
}

fn tokens(text: &str) -> Result<Vec<Token>, JqlError> {
    const SIGNS: [&str; 14] = ["!=", "!~", "<=", ">=", "&&", "||", "=", "~", "<", ">", "(", ")", ",", "!"];
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else if first == '"' || first == '\'' {
            let (quoted, after) = quoted(rest, first)?;
            tokens.push(Token::Quoted(quoted));
            rest = after;
        } else {
            let end =
                rest.find(|c: char| c.is_whitespace() || "=!<>~(),\"'|&;".contains(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(syntax(&format!("The character '{first}' is a reserved JQL character.")));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// Reads a quoted text and returns it with what follows it. A backslash takes the next quote or backslash literally.
fn quoted(text: &str, quote: char) -> Result<(String, &str), JqlError> {
    let mut read = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((position, c)) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\'' | '\\'))) => read.push(escaped),
                Some((_, 'n')) => read.push('\n'),
                Some((_, 't')) => read.push('\t'),
                found => {
                    let shown = found.map_or_else(String::new, |(_, c)| c.to_string());
                    return Err(syntax(&format!("'\\{shown}' is an illegal JQL escape sequence.")));
                }
            },
            c if c == quote => return Ok((read, &text[position + c.len_utf8()..])),
            c => read.push(c),
        }
    }
    Err(syntax(&format!("The quoted string {text} has not been completed.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(field: &str, operator: Operator, operands: &[&str]) -> Clause {
        let operands = operands.iter().map(|text| Operand::Text((*text).to_owned())).collect();
        Clause::Test(Test { field: field.to_owned(), operator, operands })
    }

    fn clause(text: &str) -> Clause {
        parse(text, false).expect("a readable query").clause
    }

    fn refusal(text: &str) -> String {
        match parse(text, false) {
            Err(JqlError::Refused(told)) => told,
            other => panic!("expected a refusal, found {other:?}"),
        }
    }

    #[test]
    fn and_binds_closer_than_or() {
        assert_eq!(
            clause("a = 1 OR b = 2 and c = 3"),
            Clause::Any(vec![
                test("a", Operator::Equal, &["1"]),
                Clause::All(vec![test("b", Operator::Equal, &["2"]), test("c", Operator::Equal, &["3"]),]),
            ])
        );
    }

    #[test]
    fn not_is_pushed_into_the_operators() {
        assert_eq!(
            clause("NOT (labels in (a, b) OR due < 2026-01-01)"),
            Clause::All(vec![
                test("labels", Operator::NotIn, &["a", "b"]),
                test("due", Operator::AfterOrAt, &["2026-01-01"]),
            ])
        );
        assert_eq!(clause("not not a != 1"), test("a", Operator::NotEqual, &["1"]));
    }

    #[test]
    fn quotes_and_escapes_are_read() {
        assert_eq!(
            clause(r#"summary ~ "say \"hi\" \\ 'x'""#),
            test("summary", Operator::Contains, &["say \"hi\" \\ 'x'"])
        );
        assert!(refusal("summary ~ \"open").contains("not been completed"));
        assert!(refusal(r#"summary ~ "a\q""#).contains("illegal JQL escape"));
    }

    #[test]
    fn a_query_without_a_condition_is_refused() {
        for text in ["", "   ", "ORDER BY created"] {
            assert!(refusal(text).starts_with("Unbounded"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, named) in [
            ("project", "the end"),
            ("project = ", "at the end"),
            ("project = DISP labels = a", "'labels'"),
            ("project in DISP", "'('"),
            ("(project = DISP", "')'"),
            ("project = and", "'and' is a reserved word"),
            ("project = DISP order created", "'BY'"),
            ("labels is a", "EMPTY"),
        ] {
            assert!(refusal(text).contains(named), "{text}: {}", refusal(text));
        }
    }

    #[test]
    fn order_takes_seven_fields_and_no_more() {
        let query = parse("a = 1 order by b desc, c ASC, d", false).expect("a readable query");
        let falling: Vec<bool> = query.order.iter().map(|order| order.falling).collect();
        assert_eq!(falling, [true, false, false]);
        assert!(refusal("a = 1 order by a,b,c,d,e,f,g,h").contains('7'));
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = format!("{}a = 1{}", "(".repeat(60), ")".repeat(60));
        assert!(refusal(&deep).contains("nested"));
    }
}
