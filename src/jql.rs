//! JQL, built from parts that are each quoted.

use std::fmt::Write as _;

/// A query. It is bounded to some projects, to some issues, or else to a mark of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Jql {
    clauses: String,
    order: &'static str,
}

impl Jql {
    /// Issues of a project.
    pub fn of_project(key: &str) -> Self {
        Self { clauses: equal("project", key), order: "id ASC" }
    }

    /// Issues of some projects; at least one.
    pub fn of_projects<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        let keys: Vec<&str> = keys.into_iter().collect();
        match keys.as_slice() {
            [key] => Self::of_project(key),
            keys => {
                let keys: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
                Self { clauses: format!("project in ({})", keys.join(", ")), order: "id ASC" }
            }
        }
    }

    /// Issues with a label of ours, wherever people moved them to.
    pub fn marked(label: &str) -> Self {
        Self { clauses: equal("labels", label), order: "id ASC" }
    }

    /// Issues by their keys.
    pub fn of_issues<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        let keys: Vec<String> = keys.into_iter().map(quoted).collect();
        Self { clauses: format!("issuekey in ({})", keys.join(", ")), order: "id ASC" }
    }

    /// Issues by their ids.
    pub fn of_ids(ids: impl IntoIterator<Item = u64>) -> Self {
        let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
        Self { clauses: format!("id in ({})", ids.join(", ")), order: "id ASC" }
    }

    /// Those that nobody is done with.
    pub fn not_done(mut self) -> Self {
        self.clauses.push_str(" AND statusCategory != Done");
        self
    }

    /// Those that have a label.
    pub fn labelled(mut self, label: &str) -> Self {
        self.clauses.push_str(" AND ");
        self.clauses.push_str(&equal("labels", label));
        self
    }

    /// Those in which something changed within some days, a comment too.
    pub fn touched_within(mut self, days: u32) -> Self {
        let _ = write!(self.clauses, " AND updated >= -{days}d");
        self
    }

    /// The newest first; otherwise the oldest.
    pub fn newest_first(self) -> Self {
        Self { order: "created DESC, id DESC", ..self }
    }

    /// For the server.
    pub fn text(&self) -> String {
        format!("{} ORDER BY {}", self.clauses, self.order)
    }

    /// For a person, whose Jira has an order of its own.
    pub fn unordered(&self) -> &str {
        &self.clauses
    }
}

fn equal(field: &str, value: &str) -> String {
    format!("{field} = {}", quoted(value))
}

/// A JQL string, whose only escape character is the backslash: Atlassian's "Advanced search reference", on
/// reserved characters. Within quotes no word is reserved.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_leave_a_jql_string() {
        assert_eq!(quoted(r#"a" OR project != "b\"#), r#""a\" OR project != \"b\\""#);
        assert_eq!(quoted("a\nb\u{7}"), r#""a\nb\u0007""#);
    }

    #[test]
    fn no_mixture_of_signs_leaves_a_jql_string() {
        let signs = ["\"", "\\", "'", "\n", "\u{0}", " OR ", "project", "(", ")", "\u{202e}", "~", "é"];
        for case in 0..signs.len().pow(4) {
            let text: String =
                (0..4).map(|place| signs[case / signs.len().pow(place) % signs.len()]).collect();
            let quoted = quoted(&text);
            let inner = quoted[1..quoted.len() - 1].replace("\\\\", "").replace("\\\"", "");
            assert!(
                !inner.contains('"') && !inner.ends_with('\\') && !inner.contains('\n'),
                "{text:?}: {quoted}"
            );
        }
    }

    #[test]
    fn a_query_is_bounded_to_a_project_or_to_a_mark() {
        assert_eq!(
            Jql::of_project("DISP").labelled("dbot-1").text(),
            r#"project = "DISP" AND labels = "dbot-1" ORDER BY id ASC"#
        );
        assert_eq!(
            Jql::of_projects(["DISP", "X) OR (Y"]).labelled("dbot-1").not_done().unordered(),
            r#"project in ("DISP", "X) OR (Y") AND labels = "dbot-1" AND statusCategory != Done"#
        );
        assert_eq!(Jql::of_projects(["DISP"]).text(), Jql::of_project("DISP").text());
        assert_eq!(Jql::marked("dbot-1").text(), r#"labels = "dbot-1" ORDER BY id ASC"#);
        assert_eq!(
            Jql::of_project("DISP").newest_first().text(),
            r#"project = "DISP" ORDER BY created DESC, id DESC"#
        );
        assert_eq!(
            Jql::of_issues(["DISP-1", "X) OR (Y"]).unordered(),
            r#"issuekey in ("DISP-1", "X) OR (Y")"#
        );
        assert_eq!(Jql::of_ids([10001, 10002]).unordered(), "id in (10001, 10002)");
        assert_eq!(
            Jql::of_project("DISP").labelled("a").not_done().unordered(),
            r#"project = "DISP" AND labels = "a" AND statusCategory != Done"#
        );
    }
}
