//! From a text to the JSON that Jira takes, and from the JSON that Jira shows to the same text.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{Allowed, Field, Kind, Named, People, Unfit, closest};
use crate::{
    jira::Dialect,
    ticket::{
        document::{Block, Inline, plain_text},
        length, markup,
    },
};

/// Characters of a field of one line.
const LINE_CHARACTERS: usize = 255;
/// Characters (units of UTF-16) of a field of several lines, with its markup.
const TEXT_CHARACTERS: usize = 30_000;
/// How Jira writes a moment.
const MOMENT: &str = "%Y-%m-%dT%H:%M:%S%.3f%z";
/// Stands between a value and the one below it.
const BELOW: &str = " > ";

/// A text that a field takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Meant {
    /// The text in its canonical form, as [`Field::show`] gives it.
    pub text: String,
    /// What is sent to Jira.
    pub value: Value,
}

/// What the form of values depends on besides the field.
#[derive(Debug, Clone, Copy)]
pub struct Wording<'a> {
    /// Cloud or Data Center.
    pub dialect: Dialect,
    /// Accounts that were looked up.
    pub people: &'a People,
}

impl Field {
    /// What a text means for this field. The empty text empties it.
    pub fn mean(&self, text: &str, wording: Wording<'_>) -> Result<Meant, Unfit> {
        let text = text.trim();
        let many = matches!(self.kind, Kind::Choices(_) | Kind::People | Kind::Labels);
        if text.is_empty() {
            return Ok(Meant { text: String::new(), value: if many { json!([]) } else { Value::Null } });
        }
        match &self.kind {
            Kind::Line => {
                let line = fit(&text.split_whitespace().collect::<Vec<_>>().join(" "));
                Ok(Meant { value: json!(line), text: line })
            }
            Kind::Text => self.text(text, wording.dialect),
            Kind::Address => match url::Url::parse(text) {
                Ok(address) if matches!(address.scheme(), "http" | "https") && !text.contains(' ') => {
                    Ok(Meant { text: text.to_owned(), value: json!(text) })
                }
                _ => Err(self.unfit(text)),
            },
            Kind::Number => {
                let number = number(text).ok_or_else(|| self.unfit(text))?;
                // Jira keeps numbers as binary floats, too.
                let value = serde_json::from_str(&number.to_string()).map_err(|_| self.unfit(text))?;
                Ok(Meant { text: number.to_string(), value })
            }
            Kind::Day => {
                let day: Date = text.parse().map_err(|_| self.unfit(text))?;
                Ok(Meant { text: day.to_string(), value: json!(day.to_string()) })
            }
            Kind::Time => {
                let at = moment(text).ok_or_else(|| self.unfit(text))?;
                let written = at.to_zoned_datetime(TimeZone::UTC).strftime(MOMENT).to_string();
                Ok(Meant { text: at.to_string(), value: json!(written) })
            }
            Kind::Choice(named) => self.choice(text, *named),
            Kind::Choices(named) => {
                // One value may have the mark in its name.
                let whole = self.choice(text, *named);
                if let (Ok(one), false) = (&whole, self.allowed.is_empty()) {
                    return Ok(Meant { text: escaped(&one.text), value: json!([one.value]) });
                }
                several(text, |element| self.choice(element, *named))
            }
            Kind::Cascade => self.cascade(text),
            Kind::Person => self.person(text, wording),
            Kind::People => several(text, |element| self.person(element, wording)),
            Kind::Labels => several(text, |element| {
                if element.contains(char::is_whitespace) || element.chars().count() > LINE_CHARACTERS {
                    return Err(self.unfit(element));
                }
                Ok(Meant { text: element.to_owned(), value: json!(element) })
            }),
            Kind::Issue => {
                let key = text.to_uppercase();
                Ok(Meant { value: json!({ "key": key }), text: key })
            }
            Kind::Team => {
                let is_id = text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
                    && text.contains(|c: char| c.is_ascii_digit());
                if is_id {
                    Ok(Meant { text: text.to_owned(), value: json!(text) })
                } else {
                    Err(self.unfit(text))
                }
            }
            Kind::Other(_) => Err(self.unfit(text)),
        }
    }

    /// The canonical text of what Jira shows; empty where the field is.
    pub fn show(&self, value: &Value, wording: Wording<'_>) -> String {
        match &self.kind {
            Kind::Line | Kind::Address => value.as_str().unwrap_or_default().trim().to_owned(),
            Kind::Text => match value {
                Value::String(_) => lines(&markup::plain_text(std::slice::from_ref(value))),
                document => {
                    lines(&markup::plain_text(document["content"].as_array().map_or(&[][..], Vec::as_slice)))
                }
            },
            Kind::Number => match value {
                Value::Number(shown) => {
                    number(&shown.to_string()).map_or_else(|| shown.to_string(), |number| number.to_string())
                }
                _ => String::new(),
            },
            Kind::Day => value.as_str().unwrap_or_default().to_owned(),
            Kind::Time => {
                let shown = value.as_str().unwrap_or_default();
                moment(shown).map_or_else(|| shown.to_owned(), |at| at.to_string())
            }
            Kind::Choice(named) => named.of(value),
            Kind::Choices(named) => all(value, |one| named.of(one)),
            Kind::Cascade => match (Named::Value.of(value), Named::Value.of(&value["child"])) {
                (parent, child) if child.is_empty() => parent,
                (parent, child) => format!("{parent}{BELOW}{child}"),
            },
            Kind::Person => person_shown(value, wording.people),
            Kind::People => all(value, |one| person_shown(one, wording.people)),
            Kind::Labels => all(value, |one| one.as_str().unwrap_or_default().to_owned()),
            Kind::Issue => value["key"].as_str().unwrap_or_default().to_owned(),
            Kind::Team => {
                let id = value.get("id").unwrap_or(value);
                id.as_str().map(str::to_owned).or_else(|| Some(id.as_i64()?.to_string())).unwrap_or_default()
            }
            Kind::Other(_) if value.is_null() => String::new(),
            Kind::Other(_) => value.to_string(),
        }
    }

    /// The text within some characters (units of UTF-16, with its markup), as descriptions and comments are: a field of
    /// several lines loses whole lines from its end, and says how many. Other fields are as they were.
    pub fn within(&self, text: &str, limit: usize) -> String {
        if self.kind != Kind::Text {
            return text.to_owned();
        }
        let short = length::within(&paragraphs(&lines(text)), limit.min(TEXT_CHARACTERS), "");
        lines(&plain_text(&short))
    }

    fn text(&self, text: &str, dialect: Dialect) -> Result<Meant, Unfit> {
        let text = lines(text);
        let paragraphs = paragraphs(&text);
        let markup = dialect.markup();
        let value = markup.document(markup.nodes(&paragraphs));
        let length = markup::length(&value);
        if length > TEXT_CHARACTERS {
            let found = format!("{length} characters with its markup, which are too many");
            return Err(Unfit { found, ..self.unfit(&text) });
        }
        Ok(Meant { text, value })
    }

    fn choice(&self, text: &str, named: Named) -> Result<Meant, Unfit> {
        if self.allowed.is_empty() {
            return Ok(Meant { text: text.to_owned(), value: json!({ (named.member()): text }) });
        }
        let found = one_of(text, &self.allowed).ok_or_else(|| self.not_allowed(text, &self.allowed))?;
        let value = if found.id.is_empty() {
            json!({ (named.member()): found.name })
        } else {
            json!({ "id": found.id })
        };
        Ok(Meant { text: found.name.clone(), value })
    }

    fn cascade(&self, text: &str) -> Result<Meant, Unfit> {
        let reference = |found: &Allowed| match found.id.as_str() {
            "" => json!({ "value": found.name }),
            id => json!({ "id": id }),
        };
        if let Some(parent) = one_of(text, &self.allowed) {
            return Ok(Meant { text: parent.name.clone(), value: reference(parent) });
        }
        for (place, _) in text.match_indices('>') {
            let (parent, child) = (text[..place].trim(), text[place + 1..].trim());
            let Some(parent) = one_of(parent, &self.allowed) else { continue };
            let child = one_of(child, &parent.below).ok_or_else(|| self.not_allowed(child, &parent.below))?;
            let mut value = reference(parent);
            value["child"] = reference(child);
            return Ok(Meant { text: format!("{}{BELOW}{}", parent.name, child.name), value });
        }
        Err(self.not_allowed(text.split('>').next().unwrap_or(text).trim(), &self.allowed))
    }

    fn person(&self, text: &str, wording: Wording<'_>) -> Result<Meant, Unfit> {
        let found = |why: &str| Unfit { found: format!("`{text}`: {why}"), ..self.unfit(text) };
        let person = match wording.people.get(text) {
            Some(Ok(person)) => person,
            Some(Err(why)) => return Err(found(why)),
            None => return Err(found("an account that was not looked up")),
        };
        let value = match wording.dialect {
            Dialect::Cloud => json!({ "accountId": person.id }),
            Dialect::DataCenter => json!({ "name": person.id }),
        };
        Ok(Meant { text: wording.people.text(&person.id, &person.name), value })
    }

    fn unfit(&self, text: &str) -> Unfit {
        let shown: String = text.chars().take(80).collect();
        Unfit {
            field: self.name.clone(),
            expected: self.kind.words(),
            found: format!("`{shown}`"),
            near: None,
            allowed: Vec::new(),
        }
    }

    fn not_allowed(&self, text: &str, allowed: &[Allowed]) -> Unfit {
        let names: Vec<String> = allowed.iter().map(|one| one.name.clone()).collect();
        let near = closest(text, names.iter().map(String::as_str)).map(str::to_owned);
        Unfit { near, allowed: names, ..self.unfit(text) }
    }
}

impl Named {
    fn member(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Name => "name",
            Self::Key => "key",
        }
    }

    fn of(self, value: &Value) -> String {
        value[self.member()].as_str().unwrap_or_default().to_owned()
    }
}

/// Several values, each once, in the order of their texts: Jira keeps no order of its own.
fn several(text: &str, one: impl Fn(&str) -> Result<Meant, Unfit>) -> Result<Meant, Unfit> {
    let mut meant = elements(text).iter().map(|element| one(element)).collect::<Result<Vec<_>, _>>()?;
    meant.sort_by(|a, b| a.text.cmp(&b.text));
    meant.dedup_by(|a, b| a.text == b.text);
    let texts: Vec<String> = meant.iter().map(|one| one.text.clone()).collect();
    Ok(Meant { text: join(&texts), value: meant.into_iter().map(|one| one.value).collect() })
}

/// The value that a text names: exactly, or else in any case.
fn one_of<'a>(text: &str, allowed: &'a [Allowed]) -> Option<&'a Allowed> {
    let names = |one: &Allowed| [Some(one.name.clone()), one.alias.clone()].into_iter().flatten().collect();
    let is = |one: &&Allowed, same: &dyn Fn(&str) -> bool| {
        let names: Vec<String> = names(one);
        names.iter().any(|name| same(name.trim()))
    };
    let folded = text.to_lowercase();
    allowed
        .iter()
        .find(|one| is(one, &|name| name == text))
        .or_else(|| allowed.iter().find(|one| is(one, &|name| name.to_lowercase() == folded)))
}

/// The parts of a list: `a; b`, where `\;` is a semicolon within one.
pub fn elements(text: &str) -> Vec<String> {
    let mut elements = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, elements.last_mut()) {
            ('\\', Some(last)) if characters.peek() == Some(&';') => {
                characters.next();
                last.push(';');
            }
            (';', _) => elements.push(String::new()),
            (other, Some(last)) => last.push(other),
            (_, None) => {}
        }
    }
    elements.iter().map(|element| element.trim().to_owned()).filter(|element| !element.is_empty()).collect()
}

/// The list as one text.
pub fn join(texts: &[String]) -> String {
    texts.iter().map(|text| escaped(text)).collect::<Vec<_>>().join("; ")
}

fn escaped(text: &str) -> String {
    text.replace(';', "\\;")
}

fn all(values: &Value, show: impl Fn(&Value) -> String) -> String {
    let mut texts: Vec<String> = values.as_array().into_iter().flatten().map(show).collect();
    texts.sort();
    texts.dedup();
    join(&texts)
}

fn person_shown(value: &Value, people: &People) -> String {
    let Some(id) = value["accountId"].as_str().or(value["name"].as_str()) else { return String::new() };
    people.text(id, value["displayName"].as_str().unwrap_or(id))
}

fn number(text: &str) -> Option<Decimal> {
    let number = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(text)).ok()?;
    Some(number.normalize())
}

/// A moment as people write it, as Jira does, or the first of a day.
fn moment(text: &str) -> Option<Timestamp> {
    let at = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok())
        .or_else(|| {
            text.parse::<Date>().ok()?.to_zoned_datetime(TimeZone::UTC).ok().map(|day| day.timestamp())
        })?;
    // Jira keeps no more than that.
    Timestamp::from_millisecond(at.as_millisecond()).ok()
}

fn paragraphs(text: &str) -> Vec<Block> {
    text.lines().map(|line| Block::Paragraph(vec![Inline::plain(line)])).collect()
}

/// Lines without blanks around them and without empty ones: a document has paragraphs instead.
fn lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A line of at most [`LINE_CHARACTERS`]; what does not fit is left out at a word.
fn fit(line: &str) -> String {
    if line.chars().count() <= LINE_CHARACTERS {
        return line.to_owned();
    }
    let short: String = line.chars().take(LINE_CHARACTERS - 1).collect();
    let whole = short.rsplit_once(' ').map_or(short.as_str(), |(words, _)| words);
    format!("{whole}…")
}

#[cfg(test)]
mod tests {
    use super::super::{Catalog, Person};
    use super::*;

    fn people() -> People {
        let mut people = People::default();
        let person = |id: &str, name: &str| Ok(Person { id: id.to_owned(), name: name.to_owned() });
        people.insert("analyst@example.com", person("acc-1", "Example Analyst"));
        people.insert("Example Lead", person("acc-2", "Example Lead"));
        people.insert("gone@example.com", Err("an account that is deactivated".to_owned()));
        people
    }

    fn field(schema: &Value, allowed: &Value) -> Field {
        let catalog = Catalog::read(&json!({ "fields": [{
            "fieldId": "customfield_1", "name": "Example", "schema": schema, "allowedValues": allowed,
        }] }));
        catalog.by_id("customfield_1").unwrap().clone()
    }

    fn custom(kind: &str, name: &str) -> Value {
        json!({ "type": kind, "custom": format!("com.atlassian.jira.plugin.system.customfieldtypes:{name}") })
    }

    fn array(items: &str) -> Value {
        json!({ "type": "array", "items": items })
    }

    fn options() -> Value {
        json!([
            { "id": "1", "value": "Low" },
            { "id": "2", "value": "High" },
            { "id": "3", "value": "Odd; even" },
            { "id": "4", "value": "Old", "disabled": true },
        ])
    }

    fn cascade() -> Value {
        json!([
            { "id": "1", "value": "Rebates", "children": [{ "id": "11", "value": "Medicaid" }, { "id": "12", "value": "340B > 12" }] },
            { "id": "2", "value": "Sales > 1" },
        ])
    }

    fn named() -> Value {
        json!([{ "id": "7", "name": "One" }, { "id": "8", "name": "Two" }, { "id": "9", "name": "Past", "archived": true }])
    }

    fn projects() -> Value {
        json!([{ "id": "10", "key": "DISP", "name": "Disputes" }])
    }

    /// Schema, allowed values, a text, the JSON that is sent, the JSON that Jira shows then, and the canonical
    /// text of both.
    fn every_type() -> Vec<(Value, Value, &'static str, Value, Value, &'static str)> {
        let none = Value::Null;
        let day = "2026-08-31";
        vec![
            (
                custom("string", "textfield"),
                none.clone(),
                " a  line ",
                json!("a line"),
                json!("a line"),
                "a line",
            ),
            (
                custom("string", "url"),
                none.clone(),
                "https://example.com/a?b=c",
                json!("https://example.com/a?b=c"),
                json!("https://example.com/a?b=c"),
                "https://example.com/a?b=c",
            ),
            (
                custom("string", "textarea"),
                none.clone(),
                "first *line*\n\n second",
                json!({ "type": "doc", "version": 1, "content": [
                    { "type": "paragraph", "content": [{ "type": "text", "text": "first *line*" }] },
                    { "type": "paragraph", "content": [{ "type": "text", "text": "second" }] },
                ] }),
                json!({ "type": "doc", "version": 1, "content": [
                    { "type": "paragraph", "attrs": { "localId": "x" }, "content": [{ "type": "text", "text": "first *line*" }] },
                    { "type": "paragraph", "content": [{ "type": "text", "text": "second" }] },
                ] }),
                "first *line*\nsecond",
            ),
            (custom("number", "float"), none.clone(), "41000.50", json!(41000.5), json!(41000.5), "41000.5"),
            (custom("number", "float"), none.clone(), "41000", json!(41000), json!(41000.0), "41000"),
            (custom("date", "datepicker"), none.clone(), day, json!(day), json!(day), day),
            (
                custom("datetime", "datetime"),
                none.clone(),
                "2026-08-31T09:30:00+02:00",
                json!("2026-08-31T07:30:00.000+0000"),
                json!("2026-08-31T03:30:00.000-0400"),
                "2026-08-31T07:30:00Z",
            ),
            (
                custom("option", "select"),
                options(),
                "high",
                json!({ "id": "2" }),
                json!({ "id": "2", "value": "High" }),
                "High",
            ),
            (
                array("option"),
                options(),
                "Low; high; low",
                json!([{ "id": "2" }, { "id": "1" }]),
                json!([{ "id": "1", "value": "Low" }, { "id": "2", "value": "High" }]),
                "High; Low",
            ),
            (
                array("option"),
                options(),
                "Odd; even",
                json!([{ "id": "3" }]),
                json!([{ "id": "3", "value": "Odd; even" }]),
                "Odd\\; even",
            ),
            (
                custom("option-with-child", "cascadingselect"),
                cascade(),
                "rebates>340b > 12",
                json!({ "id": "1", "child": { "id": "12" } }),
                json!({ "id": "1", "value": "Rebates", "child": { "id": "12", "value": "340B > 12" } }),
                "Rebates > 340B > 12",
            ),
            (
                custom("option-with-child", "cascadingselect"),
                cascade(),
                "Sales > 1",
                json!({ "id": "2" }),
                json!({ "id": "2", "value": "Sales > 1" }),
                "Sales > 1",
            ),
            (
                json!({ "type": "user" }),
                none.clone(),
                "Analyst@example.com",
                json!({ "accountId": "acc-1" }),
                json!({ "accountId": "acc-1", "displayName": "Example Analyst" }),
                "Example Analyst",
            ),
            (
                array("user"),
                none.clone(),
                "Example Lead; analyst@example.com",
                json!([{ "accountId": "acc-1" }, { "accountId": "acc-2" }]),
                json!([{ "accountId": "acc-2", "displayName": "Example Lead" }, { "accountId": "acc-1", "displayName": "Example Analyst" }]),
                "Example Analyst; Example Lead",
            ),
            (array("string"), none.clone(), "b; a; b", json!(["a", "b"]), json!(["b", "a"]), "a; b"),
            (
                json!({ "type": "team", "custom": "com.atlassian.jira.plugin.system.customfieldtypes:atlassian-team" }),
                none.clone(),
                " 36885b3c-1bf0-4f85 ",
                json!("36885b3c-1bf0-4f85"),
                json!({ "id": "36885b3c-1bf0-4f85", "name": "Example Rebates", "title": "Example Rebates" }),
                "36885b3c-1bf0-4f85",
            ),
            (
                json!({ "type": "any", "custom": "com.atlassian.teams:rm-teams-custom-field-team" }),
                none.clone(),
                "12",
                json!("12"),
                json!({ "id": 12, "title": "Example Rebates" }),
                "12",
            ),
            (
                json!({ "type": "version" }),
                named(),
                "two",
                json!({ "id": "8" }),
                json!({ "id": "8", "name": "Two" }),
                "Two",
            ),
            (
                array("version"),
                named(),
                "Two;One",
                json!([{ "id": "7" }, { "id": "8" }]),
                json!([{ "name": "Two" }, { "name": "One" }]),
                "One; Two",
            ),
            (
                json!({ "type": "component" }),
                named(),
                "One",
                json!({ "id": "7" }),
                json!({ "name": "One" }),
                "One",
            ),
            (array("component"), named(), "One", json!([{ "id": "7" }]), json!([{ "name": "One" }]), "One"),
            (
                json!({ "type": "priority" }),
                named(),
                "One",
                json!({ "id": "7" }),
                json!({ "name": "One" }),
                "One",
            ),
            (
                json!({ "type": "resolution" }),
                named(),
                "One",
                json!({ "id": "7" }),
                json!({ "name": "One" }),
                "One",
            ),
            (
                json!({ "type": "securitylevel" }),
                named(),
                "one",
                json!({ "id": "7" }),
                json!({ "name": "One" }),
                "One",
            ),
            (
                json!({ "type": "group" }),
                none.clone(),
                "analysts",
                json!({ "name": "analysts" }),
                json!({ "name": "analysts" }),
                "analysts",
            ),
            (
                json!({ "type": "project" }),
                projects(),
                "disputes",
                json!({ "id": "10" }),
                json!({ "key": "DISP" }),
                "DISP",
            ),
            (
                json!({ "type": "issuelink" }),
                none,
                "disp-7",
                json!({ "key": "DISP-7" }),
                json!({ "id": "1", "key": "DISP-7" }),
                "DISP-7",
            ),
        ]
    }

    #[test]
    fn every_schema_type_is_written_and_shown_as_the_same_text() {
        let people = people();
        let wording = Wording { dialect: Dialect::Cloud, people: &people };
        for (schema, allowed, text, sent, shown, canonical) in every_type() {
            let field = field(&schema, &allowed);
            let meant = field.mean(text, wording).unwrap_or_else(|unfit| panic!("{schema}: {unfit}"));
            assert_eq!(meant, Meant { text: canonical.to_owned(), value: sent }, "{schema}");
            assert_eq!(field.show(&shown, wording), canonical, "{schema}");
            let again = field.mean(canonical, wording).map(|meant| meant.text);
            assert_eq!(again.as_deref(), Ok(canonical), "{schema}: canonical texts stay");
        }
    }

    #[test]
    fn the_empty_text_empties_a_field_of_every_type_and_an_empty_field_shows_it() {
        let people = people();
        let wording = Wording { dialect: Dialect::Cloud, people: &people };
        for (schema, allowed, ..) in every_type() {
            let list = schema["type"] == "array";
            let field = field(&schema, &allowed);
            let meant = field.mean("  ", wording).unwrap();
            let empty = if list { json!([]) } else { Value::Null };
            assert_eq!(meant, Meant { text: String::new(), value: empty.clone() }, "{schema}");
            assert_eq!(field.show(&empty, wording), "", "{schema}");
            assert_eq!(field.show(&Value::Null, wording), "", "{schema}");
        }
    }

    #[test]
    fn data_center_has_user_names_and_markup() {
        let people = people();
        let wording = Wording { dialect: Dialect::DataCenter, people: &people };
        let user = field(&json!({ "type": "user" }), &Value::Null);
        let meant = user.mean("Example Lead", wording).unwrap();
        assert_eq!(meant.value, json!({ "name": "acc-2" }));
        let shown = json!({ "name": "acc-2", "key": "JIRAUSER1", "displayName": "Example Lead" });
        assert_eq!(user.show(&shown, wording), meant.text);

        let text = field(&custom("string", "textarea"), &Value::Null);
        let meant = text.mean("{color:red} [a|b]\n!x!", wording).unwrap();
        assert_eq!(meant.text, "{color:red} [a|b]\n!x!");
        assert_eq!(text.show(&meant.value, wording), meant.text);
        assert_ne!(meant.value, json!(meant.text), "markup of others is inert");
    }

    #[test]
    fn a_field_of_several_lines_loses_whole_lines_and_says_how_many() {
        let text: Vec<String> =
            (1..=100).map(|number| format!("line {number}, which has some length")).collect();
        let (whole, people) = (text.join("\n"), People::default());
        let area = field(&custom("string", "textarea"), &Value::Null);
        assert_eq!(area.within(&whole, 30_000), whole);
        let short = area.within(&whole, 1_000);
        let (kept, said) = short.rsplit_once('\n').unwrap();
        let count = kept.lines().count();
        assert!(count > 5 && whole.starts_with(&format!("{kept}\n")), "{short}");
        assert_eq!(said, format!("{} more parts: Jira takes no longer text here.", 100 - count));
        for dialect in [Dialect::Cloud, Dialect::DataCenter] {
            let wording = Wording { dialect, people: &people };
            assert_eq!(area.mean(&short, wording).unwrap().text, short);
        }
        let line = field(&custom("string", "textfield"), &Value::Null);
        assert_eq!(line.within(&whole, 100), whole, "a line has a limit of its own");
    }

    #[test]
    fn a_text_that_does_not_fit_is_told_with_field_type_and_allowed_values() {
        let people = people();
        let wording = Wording { dialect: Dialect::Cloud, people: &people };
        let said = |schema: Value, allowed: Value, text: &str| {
            field(&schema, &allowed).mean(text, wording).unwrap_err().to_string()
        };
        let all = [
            said(custom("option", "select"), options(), "Hihg"),
            said(custom("option", "select"), options(), "Old"),
            said(array("option"), options(), "Low; Middle"),
            said(custom("option-with-child", "cascadingselect"), cascade(), "Rebates > Medicad"),
            said(custom("number", "float"), Value::Null, "about $41,000"),
            said(custom("date", "datepicker"), Value::Null, "31.08.2026"),
            said(custom("datetime", "datetime"), Value::Null, "noon"),
            said(custom("string", "url"), Value::Null, "example.com"),
            said(array("string"), Value::Null, "two words"),
            said(json!({ "type": "user" }), Value::Null, "gone@example.com"),
            said(json!({ "type": "any" }), Value::Null, "x"),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        `Example` takes one of its values, but found `Hihg`; did you mean `High`? (allowed: `Low`, `High`, `Odd; even`)
        `Example` takes one of its values, but found `Old` (allowed: `Low`, `High`, `Odd; even`)
        `Example` takes some of its values with `;` between them, but found `Middle` (allowed: `Low`, `High`, `Odd; even`)
        `Example` takes one of its values and one below it, such as `Parent > Child`, but found `Medicad`; did you mean `Medicaid`? (allowed: `Medicaid`, `340B > 12`)
        `Example` takes a number such as `12.5`, but found `about $41,000`
        `Example` takes a day such as `2026-08-31`, but found `31.08.2026`
        `Example` takes a day and time such as `2026-08-31T09:00:00Z`, but found `noon`
        `Example` takes a web address such as `https://example.com`, but found `example.com`
        `Example` takes labels without blanks, with `;` between them, but found `two words`
        `Example` takes the name or mail address of an account, but found `gone@example.com`: an account that is deactivated
        `Example` takes something that cannot be written from a text (any), but found `x`
        ");
    }

    #[test]
    fn a_long_line_ends_at_a_word() {
        let people = People::default();
        let wording = Wording { dialect: Dialect::Cloud, people: &people };
        let line = field(&custom("string", "textfield"), &Value::Null);
        let meant = line.mean(&"word ".repeat(100), wording).unwrap();
        assert!(meant.text.chars().count() <= LINE_CHARACTERS && meant.text.ends_with("word…"));
        assert_eq!(line.show(&meant.value, wording), meant.text);
    }

    #[test]
    fn lists_are_read_with_and_without_semicolons_in_their_parts() {
        assert_eq!(elements("a; b;;c "), ["a", "b", "c"]);
        assert_eq!(elements(r"a\; b; c"), ["a; b", "c"]);
        assert_eq!(elements(&join(&["x;y".to_owned(), "z".to_owned()])), ["x;y", "z"]);
    }
}
