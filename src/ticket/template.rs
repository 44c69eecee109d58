//! Templates: embedded, each overridable by a file of the same name, and those of fields. The only user of
//! minijinja for tickets.
//!
//! Strict: an unknown variable is an error. Values are made inert: in `.md` every value is escaped as
//! Markdown, in `.txt` it is one line of plain text. Data is never read as a template.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

use super::{
    document::Block,
    facts::{Cause, Facts},
    markdown,
    shared::SharedFacts,
};

const MARKDOWN: &str = "markdown";
const LINE: &str = "line";
/// Steps after which a template is stopped.
const FUEL: u64 = 200_000;
/// The longest summary, in units of UTF-16: under Jira's limit.
const SUMMARY_LIMIT: usize = 254;
/// What is left of each part of a summary that is shortened.
const LEAST_LEFT: usize = 24;

/// The embedded templates by name.
pub const EMBEDDED: [(&str, &str); 49] = [
    ("summary.txt", include_str!("../../templates/ticket/summary.txt")),
    ("description.md", include_str!("../../templates/ticket/description.md")),
    (SHARED_SUMMARY, include_str!("../../templates/ticket/shared-summary.txt")),
    (SHARED, include_str!("../../templates/ticket/shared.md")),
    ("cause-1.md", EXCLUSION),
    ("cause-2.md", EXCLUSION),
    ("cause-3.md", EXCLUSION),
    ("cause-4.md", EXCLUSION),
    ("cause-5.md", EXCLUSION),
    ("cause-6.md", EXCLUSION),
    ("cause-7.md", OURS),
    ("cause-8.md", EXCLUSION),
    ("cause-9.md", OURS),
    ("cause-10.md", UNITS),
    ("cause-11.md", UNITS),
    ("cause-12.md", PRODUCT),
    ("cause-13.md", UNITS),
    ("cause-14.md", UNITS),
    ("cause-15.md", TRANSFER),
    ("cause-16.md", TERMINATED),
    ("cause-17.md", PRODUCT),
    ("cause-18.md", PROGRAM),
    ("cause-19.md", PROGRAM),
    ("cause-20.md", PRICE),
    ("cause-21.md", PRICE),
    ("cause-22.md", PAIRS),
    ("cause-23.md", PAIRS),
    ("cause-24.md", PAIRS),
    ("cause-25.md", PAYMENT),
    ("cause-26.md", PAYMENT),
    ("cause-27.md", PRIVATE),
    ("cause-28.md", QUANTITY),
    ("cause-29.md", QUANTITY),
    ("cause-30.md", QUANTITY),
    ("cause-31.md", SUBSTITUTION),
    ("cause-32.md", IDENTITY),
    ("cause-33.md", PAIRS),
    ("cause-34.md", PRIVATE),
    ("cause-35.md", PRICE),
    ("cause-36.md", OVERLAP),
    ("cause-37.md", CONTRACT),
    ("cause-38.md", OVERLAP),
    ("cause-39.md", FEED),
    ("cause-40.md", FEED),
    ("cause-41.md", FEED),
    ("cause-42.md", IDENTITY),
    ("cause-43.md", CONTRACT),
    ("cause-44.md", PAIRS),
    ("cause-45.md", CONTRACT),
];

/// What to look at before anybody is asked, for the causes of one kind. `description.md` takes it in.
const CONTRACT: &str = include_str!("../../templates/ticket/cause/contract.md");
const EXCLUSION: &str = include_str!("../../templates/ticket/cause/exclusion.md");
const FEED: &str = include_str!("../../templates/ticket/cause/feed.md");
const IDENTITY: &str = include_str!("../../templates/ticket/cause/identity.md");
const OURS: &str = include_str!("../../templates/ticket/cause/ours.md");
const OVERLAP: &str = include_str!("../../templates/ticket/cause/overlap.md");
const PAIRS: &str = include_str!("../../templates/ticket/cause/pairs.md");
const PAYMENT: &str = include_str!("../../templates/ticket/cause/payment.md");
const PRICE: &str = include_str!("../../templates/ticket/cause/price.md");
const PRIVATE: &str = include_str!("../../templates/ticket/cause/private.md");
const PRODUCT: &str = include_str!("../../templates/ticket/cause/product.md");
const PROGRAM: &str = include_str!("../../templates/ticket/cause/program.md");
const QUANTITY: &str = include_str!("../../templates/ticket/cause/quantity.md");
const SUBSTITUTION: &str = include_str!("../../templates/ticket/cause/substitution.md");
const TERMINATED: &str = include_str!("../../templates/ticket/cause/terminated.md");
const TRANSFER: &str = include_str!("../../templates/ticket/cause/transfer.md");
const UNITS: &str = include_str!("../../templates/ticket/cause/units.md");

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
                || is_own(name) && name.strip_suffix(".md").is_some();
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

    /// Tries every template with the facts of two invented groups, of which one has everything that a group can have and
    /// the other one nothing that a group can lack; that of a single cause with that cause.
    pub fn try_out(&self) -> Result<(), TemplateError> {
        for (name, _) in self.environment.templates().filter(|(name, _)| !name.starts_with(&template_of("")))
        {
            if [SHARED, SHARED_SUMMARY].contains(&name) {
                self.render(name, &SharedFacts::sample())?;
                continue;
            }
            for mut facts in [Facts::sample(), Facts::least()] {
                if let Some(number) = number_of(name) {
                    facts.cause = Cause { id: number.to_owned(), ..Facts::sample().cause };
                }
                self.render(name, &facts)?;
            }
        }
        self.fields(&Facts::sample())?;
        self.fields(&Facts::least()).map(drop)
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

    /// The summary: one line, never longer than Jira allows. Where it would be, the title gives way first, then the name
    /// of the cause and the client; what still does not fit is left out at a word.
    pub fn summary(&self, facts: &Facts) -> Result<String, TemplateError> {
        let template = self.of_cause("summary", "txt", facts);
        let line = |facts: &Facts| {
            let text = self.render(&template, facts)?;
            Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let whole = line(facts)?;
        if length(&whole) <= SUMMARY_LIMIT {
            return Ok(whole);
        }
        let (mut shorter, mut text) = (facts.clone(), whole);
        let parts: [fn(&mut Facts) -> &mut String; 3] =
            [|facts| &mut facts.title, |facts| &mut facts.cause.name, |facts| &mut facts.client];
        for part in parts {
            let over = length(&text).saturating_sub(SUMMARY_LIMIT);
            let part = part(&mut shorter);
            *part = shortened(part, length(part).saturating_sub(over).max(LEAST_LEFT));
            text = line(&shorter)?;
        }
        Ok(shortened(&text, SUMMARY_LIMIT))
    }

    /// What a template says by itself: words of the operator and not of the input, such as whom to ask.
    pub(super) fn source(&self, name: &str) -> String {
        self.environment.get_template(name).map_or_else(|_| String::new(), |it| it.source().to_owned())
    }

    /// What a description says by itself, with what it takes in for the cause.
    pub(super) fn source_of_description(&self, name: &str, facts: &Facts) -> String {
        self.source(name) + "\n" + &self.source(&format!("cause-{}.md", facts.cause.id))
    }

    /// Our block of the description.
    pub fn description(&self, facts: &Facts) -> Result<Vec<Block>, TemplateError> {
        Ok(markdown::parse(&self.render(&self.of_cause("description", "md", facts), facts)?))
    }

    /// Summary and description of a ticket for staff.
    pub(super) fn shared(&self, facts: &SharedFacts) -> Result<(String, Vec<Block>), TemplateError> {
        let line = |facts: &SharedFacts| {
            let text = self.render(SHARED_SUMMARY, facts)?;
            Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let mut summary = line(facts)?;
        let over = length(&summary).saturating_sub(SUMMARY_LIMIT);
        if over > 0 {
            let title = shortened(&facts.title, length(&facts.title).saturating_sub(over).max(LEAST_LEFT));
            summary = shortened(&line(&SharedFacts { title, ..facts.clone() })?, SUMMARY_LIMIT);
        }
        Ok((summary, markdown::parse(&self.render(SHARED, facts)?)))
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

pub(super) fn template_of(field: &str) -> String {
    format!("jira.fields.{field}")
}

/// Whether a name is that of a template for one cause of the playbook: `cause-7.md` within the description of all,
/// `description-7.md` and `summary-7.txt` in place of that of all.
pub fn is_own(name: &str) -> bool {
    number_of(name).is_some()
}

/// The number of the cause that a template is for, where it is for one.
fn number_of(name: &str) -> Option<&str> {
    [("description-", ".md"), ("cause-", ".md"), ("summary-", ".txt")].into_iter().find_map(|(start, end)| {
        let digits = name.strip_prefix(start)?.strip_suffix(end)?;
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
    })
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

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A text within so much room; what does not fit is left out at a word, or within one where it is very long.
pub fn shortened(text: &str, room: usize) -> String {
    if length(text) <= room {
        return text.to_owned();
    }
    let mut taken = 0;
    let within = |sign: &char| {
        taken += sign.len_utf16();
        taken < room
    };
    let cut: String = text.chars().take_while(within).collect();
    let at_word = cut.rfind(' ').filter(|at| *at * 2 > cut.len()).map_or(cut.as_str(), |at| &cut[..at]);
    format!("{}…", at_word.trim_end())
}
