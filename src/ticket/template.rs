//! Templates: embedded, each overridable by a file of the same name, and those of fields. The only user of
//! minijinja for tickets.
//!
//! Strict: an unknown variable is an error. Values are made inert: in `.md` every value is escaped as
//! Markdown, in `.txt` it is one line of plain text. Data is never read as a template.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

use super::{document::Block, facts::Facts, markdown, shared::SharedFacts};

const MARKDOWN: &str = "markdown";
const LINE: &str = "line";
/// Steps after which a template is stopped.
const FUEL: u64 = 200_000;
/// Jira's limit on a summary, in characters.
const SUMMARY_LIMIT: usize = 255;

/// The embedded templates by name.
pub const EMBEDDED: [(&str, &str); 4] = [
    ("summary.txt", include_str!("../../templates/ticket/summary.txt")),
    ("description.md", include_str!("../../templates/ticket/description.md")),
    (SHARED_SUMMARY, include_str!("../../templates/ticket/shared-summary.txt")),
    (SHARED, include_str!("../../templates/ticket/shared.md")),
];

/// The templates of a ticket for staff about a cause that several clients share.
pub(super) const SHARED_SUMMARY: &str = "shared-summary.txt";
pub(super) const SHARED: &str = "shared.md";

/// Compiled templates.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Names of the fields that have a template.
    fields: Vec<String>,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("template `{name}`{line}: {what}")]
pub struct TemplateError {
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub what: String,
    line: String,
}

impl TemplateError {
    fn new(name: &str, error: &minijinja::Error) -> Self {
        let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
        let what = error
            .detail()
            .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
        Self { name: name.to_owned(), what, line }
    }

    fn unknown(name: &str, used: &str, known: &BTreeSet<String>) -> Self {
        let likeness = |known: &&String| strsim::jaro_winkler(used, known);
        let near = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Self { name: name.to_owned(), what: format!("there is no fact `{used}`{near}"), line: String::new() }
    }
}

impl Templates {
    /// The embedded templates, those in `overrides` (name and text) in their place.
    pub fn new(overrides: &[(String, String)]) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_auto_escape_callback(|name| {
            let is_document = ["description.md", SHARED].contains(&name)
                || is_own(name) && name.starts_with("description-");
            AutoEscape::Custom(if is_document { MARKDOWN } else { LINE }.into())
        });
        environment.set_formatter(|out, state, value| {
            let text =
                if value.is_none() || value.is_undefined() { String::new() } else { value.to_string() };
            let inert = if value.is_safe() {
                text
            } else if matches!(state.auto_escape(), AutoEscape::Custom(name) if name == MARKDOWN) {
                markdown::escape(&text)
            } else {
                markdown::flatten(&text)
            };
            out.write_str(&inert).map_err(minijinja::Error::from)
        });
        for (name, embedded) in EMBEDDED {
            let text = overrides
                .iter()
                .find(|(other, _)| other == name)
                .map_or(embedded.to_owned(), |(_, text)| text.clone());
            environment.add_template_owned(name, text).map_err(|error| TemplateError::new(name, &error))?;
        }
        for (name, text) in overrides.iter().filter(|(name, _)| is_own(name)) {
            environment
                .add_template_owned(name.clone(), text.clone())
                .map_err(|error| TemplateError::new(name, &error))?;
        }
        Ok(Self { environment, fields: Vec::new() })
    }

    /// With texts for fields of Jira, by name: a constant or a template over the same facts.
    pub fn with_fields(mut self, fields: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        for (field, text) in fields {
            let name = template_of(field);
            let wrong = |error: &minijinja::Error| TemplateError::new(&name, error);
            self.environment.add_template_owned(name.clone(), text.clone()).map_err(|error| wrong(&error))?;
            let template = self.environment.get_template(&name).map_err(|error| wrong(&error))?;
            let known = names_of(&serde_json::json!(Facts::blank()));
            for used in template.undeclared_variables(true) {
                let root = used.split('.').next().unwrap_or_default();
                if !known.contains(&used) && !FUNCTIONS.contains(&root) {
                    return Err(TemplateError::unknown(&name, &used, &known));
                }
            }
            template.render(Serde(Facts::blank())).map_err(|error| wrong(&error))?;
            self.fields.push(field.clone());
        }
        Ok(self)
    }

    /// Texts of the fields that have a template, by name.
    pub fn fields(&self, facts: &Facts) -> Result<BTreeMap<String, String>, TemplateError> {
        let text =
            |field: &String| Ok((field.clone(), self.render(&template_of(field), facts)?.trim().to_owned()));
        self.fields.iter().map(text).collect()
    }

    /// Tries every template with the facts of an invented group.
    pub fn try_out(&self) -> Result<(), TemplateError> {
        for (name, _) in self.environment.templates().filter(|(name, _)| !name.starts_with(&template_of("")))
        {
            if [SHARED, SHARED_SUMMARY].contains(&name) {
                self.render(name, &SharedFacts::sample())?;
            } else {
                self.render(name, &Facts::sample())?;
            }
        }
        self.fields(&Facts::sample()).map(drop)
    }

    /// Names of the templates of summary and description that a group's ticket has.
    pub(super) fn names(&self, facts: &Facts) -> [String; 2] {
        [self.of_cause("summary", "txt", facts), self.of_cause("description", "md", facts)]
    }

    /// The template of a cause where it has one, else that of all.
    fn of_cause(&self, stem: &str, ending: &str, facts: &Facts) -> String {
        let own = format!("{stem}-{}.{ending}", facts.cause.id);
        if self.environment.get_template(&own).is_ok() { own } else { format!("{stem}.{ending}") }
    }

    /// The summary: one line, never longer than Jira allows; what does not fit is left out at a word.
    pub fn summary(&self, facts: &Facts) -> Result<String, TemplateError> {
        let text = self.render(&self.of_cause("summary", "txt", facts), facts)?;
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(fit(&line))
    }

    /// Whether a field's text was made from facts, and is not what the operator wrote.
    pub(super) fn is_made(&self, field: &str, text: &str) -> bool {
        self.environment
            .get_template(&template_of(field))
            .is_ok_and(|template| template.source().trim() != text)
    }

    /// Our block of the description.
    pub fn description(&self, facts: &Facts) -> Result<Vec<Block>, TemplateError> {
        Ok(markdown::parse(&self.render(&self.of_cause("description", "md", facts), facts)?))
    }

    /// Summary and description of a ticket for staff.
    pub(super) fn shared(&self, facts: &SharedFacts) -> Result<(String, Vec<Block>), TemplateError> {
        let summary = self.render(SHARED_SUMMARY, facts)?;
        let line = summary.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok((fit(&line), markdown::parse(&self.render(SHARED, facts)?)))
    }

    fn render(&self, name: &str, facts: &impl Serialize) -> Result<String, TemplateError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(Serde(facts)))
            .map_err(|error| TemplateError::new(name, &error))
    }
}

/// Functions that every template has.
const FUNCTIONS: [&str; 4] = ["range", "dict", "namespace", "debug"];

fn template_of(field: &str) -> String {
    format!("jira.fields.{field}")
}

/// Whether a name is that of a template for one cause of the playbook: `description-7.md`, `summary-7.txt`.
pub fn is_own(name: &str) -> bool {
    let number = |rest: &str, ending: &str| {
        rest.strip_suffix(ending)
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    name.strip_prefix("description-").is_some_and(|rest| number(rest, ".md"))
        || name.strip_prefix("summary-").is_some_and(|rest| number(rest, ".txt"))
}

/// Whether a text for a field has anything that a template would do.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// Every name in a table, with those in the tables in it.
fn names_of(value: &serde_json::Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        names.extend(names_of(value).into_iter().map(|inner| format!("{name}.{inner}")));
        names.insert(name.clone());
    }
    names
}

fn fit(line: &str) -> String {
    if line.chars().count() <= SUMMARY_LIMIT {
        return line.to_owned();
    }
    let mut text = String::new();
    for word in line.split(' ') {
        if text.chars().count() + word.chars().count() + 2 > SUMMARY_LIMIT {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.push('…');
    text
}
