//! Templates of the pages. HTML is escaped everywhere; nothing is ever marked as safe.
//!
//! The gate of the pages is that of tickets, comments and reports, and stands where a value is printed: what looks like
//! something of a person is withheld in its place, and the rest of the page is shown. What may look so all the same is
//! told with the page: clients, whose column lets them, and the people who work with the pages and get the reports.

use minijinja::{
    AutoEscape, Environment, State, UndefinedBehavior, Value, context, escape_formatter,
    syntax::SyntaxConfig, value::Object,
};

use crate::{
    report,
    ticket::{Typed, facts, flatten, screen, withheld},
};

/// The only thing beside pages that is served: the look of the report, and what only the dashboard has.
pub(super) const STYLE: &str =
    concat!(include_str!("../../templates/report/look.css"), include_str!("../../templates/web/style.css"));

const TEMPLATES: [(&str, &str); 13] = [
    ("layout.html", include_str!("../../templates/web/layout.html")),
    ("parts.html", include_str!("../../templates/web/parts.html")),
    ("charts.html", include_str!("../../templates/report/charts.html")),
    ("overview.html", include_str!("../../templates/web/overview.html")),
    ("groups.html", include_str!("../../templates/web/groups.html")),
    ("group.html", include_str!("../../templates/web/group.html")),
    ("runs.html", include_str!("../../templates/web/runs.html")),
    ("run.html", include_str!("../../templates/web/run.html")),
    ("sources.html", include_str!("../../templates/web/sources.html")),
    ("held.html", include_str!("../../templates/web/held.html")),
    ("schedule.html", include_str!("../../templates/web/schedule.html")),
    ("reports.html", include_str!("../../templates/web/reports.html")),
    ("message.html", include_str!("../../templates/web/message.html")),
];

/// The templates, made once.
#[derive(Debug)]
pub(super) struct Renderer(Environment<'static>);

impl Renderer {
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_formatter(|out, state, value| {
            // What is safe was printed by a template before.
            let text = value.as_str().filter(|_| !value.is_safe());
            let shown = text.map(|text| private(text, state).map_or_else(|| flatten(text), withheld));
            escape_formatter(out, state, &shown.map_or_else(|| value.clone(), Value::from))
        });
        environment.add_filter("thousands", |count: u64| {
            facts::thousands(usize::try_from(count).unwrap_or(usize::MAX))
        });
        environment.add_filter("dollars", |amount: String| {
            let text = facts::money_text(amount.parse().unwrap_or_default());
            text.strip_prefix("about ").map_or_else(|| "$0".to_owned(), str::to_owned)
        });
        environment.add_filter("share", |part: u64, whole: u64| {
            let [part, whole] = [part, whole].map(|count| usize::try_from(count).unwrap_or(usize::MAX));
            report::percent(part, whole)
        });
        environment.add_filter("units", |count: String, unit: String| {
            facts::units_text(count.parse().unwrap_or_default(), &unit)
        });
        for (name, text) in TEMPLATES {
            #[expect(clippy::expect_used, reason = "the templates are constants; a test renders each")]
            environment.add_template(name, text).expect("an embedded template is well formed");
        }
        Self(environment)
    }

    /// A page: what all pages show, and what this one does. `typed` may stand on it.
    pub(super) fn page(
        &self,
        name: &str,
        site: &Value,
        page: &Value,
        typed: &Typed,
    ) -> Result<String, minijinja::Error> {
        // A macro sees nothing of the page but what all templates see.
        let mut environment = self.0.clone();
        environment.add_global(PASSED, Value::from_object(Passed(typed.clone())));
        environment.get_template(name)?.render(context! { site, page })
    }
}

/// What may stand on a page, among the names that templates know.
const PASSED: &str = "passed";

#[derive(Debug)]
struct Passed(Typed);

impl Object for Passed {}

/// What a printed value looks like that may not stand on its page.
fn private(value: &str, state: &State<'_, '_>) -> Option<&'static str> {
    let passed = state.lookup(PASSED);
    match passed.as_ref().and_then(|passed| passed.downcast_object_ref::<Passed>()) {
        Some(Passed(typed)) => typed.gate_answer("page", value).err().map(|refusal| refusal.kind),
        None => screen(value).map(|find| find.kind),
    }
}
