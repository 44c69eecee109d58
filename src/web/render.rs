//! Templates of the pages. HTML is escaped everywhere; nothing is ever marked as safe.
//!
//! The gate of the pages is where a value is printed: what looks like a number or a birth of a patient is withheld in its
//! place, and the rest of the page is shown. Names and addresses are those of the people who work with the pages;
//! values of the input columns that may hold others have passed their column before.

use minijinja::{
    AutoEscape, Environment, UndefinedBehavior, Value, context, escape_formatter, syntax::SyntaxConfig,
};

use crate::{
    dispute::{Shape, finds, plain},
    report,
    ticket::{facts, flatten, withheld},
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
            let shown =
                text.map(|text| private(text).map_or_else(|| flatten(text), |it| withheld(it.as_str())));
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

    /// A page: what all pages show, and what this one does.
    pub(super) fn page(&self, name: &str, site: &Value, page: &Value) -> Result<String, minijinja::Error> {
        self.0.get_template(name)?.render(context! { site, page })
    }
}

/// What a printed value looks like that no page has a reason to show.
fn private(value: &str) -> Option<Shape> {
    let never = [Shape::SocialSecurity, Shape::Beneficiary, Shape::Birth, Shape::Prescription];
    finds(&plain(value)).into_iter().map(|find| find.shape).find(|shape| never.contains(shape))
}
