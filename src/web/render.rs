//! Templates of the pages. HTML is escaped everywhere, and every text goes through the privacy gate.

use minijinja::{
    AutoEscape, Environment, Error, HtmlEscape, Output, State, UndefinedBehavior, Value, context,
    escape_formatter, syntax::SyntaxConfig,
};

use crate::{report, ticket::facts};

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

/// What looks private is withheld where it stands, whatever page shows it; texts of macros have come through here
/// already. What a visitor typed is said back as it is: the filter `own`.
fn gated(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(report::open(text))),
        _ => escape_formatter(out, state, value),
    }
}

/// The templates, made once.
#[derive(Debug)]
pub(super) struct Renderer(Environment<'static>);

impl Renderer {
    pub(super) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(gated);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.add_filter("own", |text: String| Value::from_safe_string(HtmlEscape(&text).to_string()));
        environment.add_filter("thousands", |count: u64| {
            facts::thousands(usize::try_from(count).unwrap_or(usize::MAX))
        });
        environment.add_filter("dollars", |amount: String| {
            let text = facts::money_text(amount.parse().unwrap_or_default());
            text.strip_prefix("about ").map_or_else(|| "$0".to_owned(), str::to_owned)
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
