//! Pages for people: a board and one page per issue. Read only, without script, every text escaped.

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::{Environment, Value, context};

use super::adf;
use super::call::{Answer, Content};
use super::custom::CustomField;
use super::project::Project;
use super::wiki;
use super::world::{Attachment, Change, Comment, FieldChange, Issue, Link, World};

const STYLE: &str = include_str!("../../templates/sandbox/style.css");

/// Renders pages from the templates that are part of the program.
pub(crate) struct Pages {
    templates: Environment<'static>,
}

impl Pages {
    pub(crate) fn new() -> Self {
        let mut templates = Environment::new();
        templates.set_loader(|name| Ok(source(name).map(str::to_owned)));
        Self { templates }
    }

    /// The page for any path outside of `/rest`.
    pub(crate) fn answer(&self, world: &World, method: &Method, path: &str) -> Answer {
        if method != Method::GET && method != Method::HEAD {
            return self.missing(world, StatusCode::METHOD_NOT_ALLOWED);
        }
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match segments.as_slice() {
            [""] => self.page(world, StatusCode::OK, "board.html", board(world)),
            ["sandbox.css"] => Answer { status: StatusCode::OK, content: Content::Css(STYLE) },
            ["browse", key] => match world.find(key).and_then(|id| world.issues.get(id)) {
                Some(issue) => {
                    let project = &world.projects[issue.project];
                    self.page_of(world, project, StatusCode::OK, "issue.html", issue_page(world, issue))
                }
                None => self.missing(world, StatusCode::NOT_FOUND),
            },
            ["attachment", id] => match find_attachment(world, id) {
                Some((_, attachment)) => download(attachment),
                None => self.missing(world, StatusCode::NOT_FOUND),
            },
            _ => self.missing(world, StatusCode::NOT_FOUND),
        }
    }

    pub(crate) fn missing(&self, world: &World, status: StatusCode) -> Answer {
        self.page(world, status, "missing.html", context! { status => status.as_u16() })
    }

    fn page(&self, world: &World, status: StatusCode, template: &str, page: Value) -> Answer {
        self.page_of(world, &world.projects[0], status, template, page)
    }

    fn page_of(
        &self,
        world: &World,
        project: &Project,
        status: StatusCode,
        template: &str,
        page: Value,
    ) -> Answer {
        let site = context! {
            project_key => &project.key,
            project_name => &project.name,
            rest => &world.speech.rest,
            // Checked at the start to be a slash and a word, and the engine would escape the slash.
            context => Value::from_safe_string(world.site.context.clone()),
        };
        let rendered =
            self.templates.get_template(template).and_then(|found| found.render(context! { site, page }));
        match rendered {
            Ok(html) => Answer { status, content: Content::Html(html) },
            Err(error) => Answer::message(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

/// A file as a download: nothing that somebody uploaded is ever shown as a page of this server.
pub(crate) fn download(attachment: &Attachment) -> Answer {
    Answer {
        status: StatusCode::OK,
        content: Content::File {
            name: attachment.name.clone(),
            media_type: attachment.media_type.clone(),
            bytes: attachment.bytes.clone(),
        },
    }
}

/// Finds a file, and the issue that it hangs on, by the id in a path.
pub(crate) fn find_attachment<'a>(world: &'a World, id: &str) -> Option<(&'a Issue, &'a Attachment)> {
    world
        .issues
        .values()
        .flat_map(|issue| issue.attachments.iter().map(move |attachment| (issue, attachment)))
        .find(|(_, attachment)| attachment.id.to_string() == id)
}

fn source(name: &str) -> Option<&'static str> {
    match name {
        "layout.html" => Some(include_str!("../../templates/sandbox/layout.html")),
        "parts.html" => Some(include_str!("../../templates/sandbox/parts.html")),
        "board.html" => Some(include_str!("../../templates/sandbox/board.html")),
        "issue.html" => Some(include_str!("../../templates/sandbox/issue.html")),
        "missing.html" => Some(include_str!("../../templates/sandbox/missing.html")),
        _ => None,
    }
}

fn board(world: &World) -> Value {
    let columns: Vec<Value> = world
        .statuses()
        .into_iter()
        .map(|status| {
            let mut issues: Vec<&Issue> =
                on_board(world).filter(|issue| issue.fields.status == status).collect();
            // The ids of priorities rise as the urgency falls.
            issues.sort_by_key(|issue| (issue.fields.priority.id, issue.id));
            let cards: Vec<Value> = issues.iter().map(|issue| card(world, issue)).collect();
            context! { name => status.name, category => status.category.key, cards }
        })
        .collect();
    let total = on_board(world).count();
    let done = on_board(world).filter(|issue| issue.fields.status.category.key == "done").count();
    context! { columns, total, open => total - done }
}

/// A board is for everybody in the project: what is archived is gone from it, what is hidden stays.
fn on_board(world: &World) -> impl Iterator<Item = &Issue> {
    world.issues.values().filter(|issue| !issue.archived)
}

fn card(world: &World, issue: &Issue) -> Value {
    let fields = &issue.fields;
    context! {
        key => &issue.key,
        issue_type => fields.issue_type.name,
        summary => &fields.summary,
        priority => fields.priority.name,
        label_count => fields.labels.len(),
        comment_count => issue.comments.len(),
        due => fields.due.map(|due| due.to_string()),
        overdue => is_overdue(world, issue),
        assignee => fields.assignee.as_ref().map(|account| person(world, account)),
        resolution => fields.resolution.map(|resolution| resolution.name),
    }
}

fn issue_page(world: &World, issue: &Issue) -> Value {
    let fields = &issue.fields;
    let properties: Vec<Value> =
        issue.properties.iter().map(|(key, value)| context! { key, value => format!("{value:#}") }).collect();
    let links: Vec<Value> =
        world.links.iter().filter_map(|link| link_seen_from(world, link, issue)).collect();
    let files: Vec<Value> = issue.attachments.iter().map(|file| file_row(world, file)).collect();
    let comments: Vec<Value> = issue.comments.iter().map(|comment| comment_shown(world, comment)).collect();
    let history: Vec<Value> = issue.history.iter().rev().map(|change| change_shown(world, change)).collect();
    context! {
        id => issue.id,
        key => &issue.key,
        issue_type => fields.issue_type.name,
        summary => &fields.summary,
        status => fields.status.name,
        category => fields.status.category.key,
        resolution => fields.resolution.map(|resolution| resolution.name),
        priority => fields.priority.name,
        labels => &fields.labels,
        due => fields.due.map(|due| due.to_string()),
        overdue => is_overdue(world, issue),
        assignee => fields.assignee.as_ref().map(|account| person(world, account)),
        reporter => person(world, &fields.reporter),
        creator => person(world, &issue.creator),
        created => shown(issue.created),
        updated => shown(issue.updated),
        resolved => issue.resolved.map(shown),
        description => fields.description.as_ref().map(shown_text),
        environment => fields.environment.as_ref().map(shown_text),
        more => more_fields(world, issue),
        properties,
        links,
        files,
        comments,
        history,
    }
}

/// Components, versions, the security level and the fields that an administrator added, as far as they are filled.
fn more_fields(world: &World, issue: &Issue) -> Vec<Value> {
    let project = &world.projects[issue.project];
    let filled = |field: &CustomField| {
        let kept = issue.fields.custom.get(&field.id)?;
        let value = if field.is_rich() {
            shown_text(kept)
        } else {
            Value::from(in_words(&field.show(world, project, kept)))
        };
        Some(context! { name => &field.name, value })
    };
    project.custom_fields.iter().filter_map(filled).collect()
}

/// What a person reads of the value of a field.
fn in_words(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(object) => {
            let names = ["displayName", "value", "name", "key"];
            let own = names.iter().find_map(|name| object.get(*name)?.as_str()).unwrap_or_default();
            match object.get("child") {
                Some(child) => format!("{own} › {}", in_words(child)),
                None => own.to_owned(),
            }
        }
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A rich text as HTML that its renderer has escaped.
fn shown_text(text: &serde_json::Value) -> Value {
    Value::from_safe_string(match text.as_str() {
        Some(markup) => wiki::html(markup),
        None => adf::html(text),
    })
}

fn link_seen_from(world: &World, link: &Link, issue: &Issue) -> Option<Value> {
    let (text, other) = if link.from == issue.id {
        (link.kind.outward, link.to)
    } else if link.to == issue.id {
        (link.kind.inward, link.from)
    } else {
        return None;
    };
    let other = world.issues.get(other)?;
    Some(context! {
        text,
        key => &other.key,
        summary => &other.fields.summary,
        status => other.fields.status.name,
        category => other.fields.status.category.key,
    })
}

fn file_row(world: &World, file: &Attachment) -> Value {
    context! {
        id => file.id,
        name => &file.name,
        size => size_shown(file.bytes.len()),
        author => world.name_of(&file.author),
        created => shown(file.created),
    }
}

fn comment_shown(world: &World, comment: &Comment) -> Value {
    let properties: Vec<Value> = comment
        .properties
        .iter()
        .map(|(key, value)| context! { key, value => format!("{value:#}") })
        .collect();
    context! {
        id => comment.id,
        author => person(world, &comment.author),
        created => shown(comment.created),
        edited => (comment.updated != comment.created).then(|| shown(comment.updated)),
        editor => (comment.update_author != comment.author).then(|| world.name_of(&comment.update_author)),
        body => shown_text(&comment.body),
        properties,
    }
}

fn change_shown(world: &World, change: &Change) -> Value {
    let fields: Vec<Value> = change
        .fields
        .iter()
        .map(|FieldChange { field, from: _, from_text, to: _, to_text }| {
            let long = [from_text, to_text].into_iter().flatten().any(|text| text.len() > 120);
            context! { field, from => from_text, to => to_text, long }
        })
        .collect();
    context! { author => person(world, &change.author), created => shown(change.created), fields }
}

fn person(world: &World, account_id: &str) -> Value {
    let name = world.name_of(account_id);
    let initials: String = name
        .split_whitespace()
        .filter_map(|word| word.chars().next())
        .take(2)
        .flat_map(char::to_uppercase)
        .collect();
    // A stable colour of its own for each account, of the six that the style sheet has.
    let hue = world.users.iter().position(|user| user.account_id == account_id).unwrap_or_default() % 6;
    context! { name, initials, hue }
}

/// Whether an open issue is past its due date, in UTC.
fn is_overdue(world: &World, issue: &Issue) -> bool {
    let today = world.now().to_zoned_datetime(TimeZone::UTC).date();
    issue.fields.status.category.key != "done" && issue.fields.due.is_some_and(|due| due < today)
}

fn shown(time: Timestamp) -> String {
    time.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn size_shown(bytes: usize) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} kB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_sound() {
        let pages = Pages::new();
        for name in ["layout.html", "parts.html", "board.html", "issue.html", "missing.html"] {
            pages.templates.get_template(name).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(size_shown(1_023), "1023 B");
        assert_eq!(size_shown(1_536), "1.5 kB");
        assert_eq!(size_shown(10 * 1_048_576), "10.0 MB");
    }
}
