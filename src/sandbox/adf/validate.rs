//! Says whether a document is valid, or where and why it is not.
//!
//! Follows Atlassian's published JSON schema (`@atlaskit/adf-schema`, `full.json`) for the nodes that a program
//! has reason to write. Nodes, marks and attributes outside of that subset are refused, media among them:
//! what is accepted here, the schema accepts. It is stricter than the
//! schema in one more thing: the level of a heading is a whole number.

use serde_json::{Map, Value};

/// A rule for one kind of node.
struct Rule {
    /// Attributes that it may have, each with what its value must be.
    attributes: &'static [(&'static str, Check)],
    /// Attributes that it must have.
    required: &'static [&'static str],
    children: Children,
    /// Whether the schema lets it carry an (empty) list of marks.
    may_list_marks: bool,
}

/// What a node may contain.
enum Children {
    /// It has no `content`.
    None,
    /// Any number of inline nodes, or no `content` at all.
    Inline,
    /// Any number of text nodes without marks, or no `content` at all.
    PlainText,
    /// `content` with as many nodes as wished.
    Any(&'static [&'static str]),
    /// `content` with at least one node.
    Some(&'static [&'static str]),
}

/// What the value of an attribute must be.
#[derive(Clone, Copy)]
enum Check {
    Text,
    FilledText,
    Number,
    Level,
    NotNegative,
    Flag,
    Numbers,
    Color,
    OneOf(&'static [&'static str]),
}

const INLINE: &[&str] = &["text", "hardBreak", "status", "date", "mention"];
const LIST_BLOCKS: &[&str] = &["paragraph", "bulletList", "orderedList", "taskList", "codeBlock"];
const QUOTE_BLOCKS: &[&str] = &["paragraph", "bulletList", "orderedList", "codeBlock"];
const PANEL_BLOCKS: &[&str] =
    &["paragraph", "heading", "bulletList", "orderedList", "codeBlock", "taskList", "rule"];
const NESTED_EXPAND_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "rule",
    "panel",
    "blockquote",
];
const CELL_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "rule",
    "panel",
    "blockquote",
    "nestedExpand",
];
const EXPAND_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "rule",
    "panel",
    "blockquote",
    "nestedExpand",
    "table",
];
const DOCUMENT_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "rule",
    "panel",
    "blockquote",
    "table",
    "expand",
];

const LOCAL_ID: (&str, Check) = ("localId", Check::Text);
const TITLED: &[(&str, Check)] = &[("title", Check::Text), LOCAL_ID];
const CELL: &[(&str, Check)] = &[
    ("colspan", Check::Number),
    ("rowspan", Check::Number),
    ("colwidth", Check::Numbers),
    ("background", Check::Text),
    ("valign", Check::OneOf(&["top", "middle", "bottom"])),
    LOCAL_ID,
];

/// Nesting deeper than any real document; a guard for the stack.
const DEEPEST: usize = 64;

/// Checks a whole document; the error is `path: reason`.
pub(crate) fn validate(document: &Value) -> Result<(), String> {
    let Value::Object(object) = document else {
        return Err("document: expected an object with `type`, `version` and `content`".to_owned());
    };
    if object.get("type").and_then(Value::as_str) != Some("doc") {
        return Err("type: expected `doc`".to_owned());
    }
    if object.get("version").and_then(Value::as_u64) != Some(1) {
        return Err("version: expected 1".to_owned());
    }
    only_keys(object, &["type", "version", "content"], "document")?;
    let Some(Value::Array(children)) = object.get("content") else {
        return Err("content: expected a list".to_owned());
    };
    check_children(children, DOCUMENT_BLOCKS, "content", 0)
}

fn rule_for(kind: &str) -> Option<Rule> {
    let rule =
        |attributes, required, children| Some(Rule { attributes, required, children, may_list_marks: false });
    let markable =
        |attributes, required, children| Some(Rule { attributes, required, children, may_list_marks: true });
    match kind {
        "paragraph" => markable(&[LOCAL_ID], &[], Children::Inline),
        "heading" => markable(&[("level", Check::Level), LOCAL_ID], &["level"], Children::Inline),
        "bulletList" => rule(&[LOCAL_ID], &[], Children::Some(&["listItem"])),
        "orderedList" => rule(&[("order", Check::NotNegative), LOCAL_ID], &[], Children::Some(&["listItem"])),
        "listItem" => rule(&[LOCAL_ID], &[], Children::Some(LIST_BLOCKS)),
        "taskList" => rule(&[LOCAL_ID], &["localId"], Children::Some(&["taskItem", "taskList"])),
        "taskItem" => rule(
            &[("state", Check::OneOf(&["TODO", "DONE"])), LOCAL_ID],
            &["localId", "state"],
            Children::Inline,
        ),
        "table" => markable(
            &[
                ("displayMode", Check::OneOf(&["default", "fixed"])),
                ("isNumberColumnEnabled", Check::Flag),
                (
                    "layout",
                    Check::OneOf(&["wide", "full-width", "center", "align-end", "align-start", "default"]),
                ),
                ("localId", Check::FilledText),
                ("width", Check::Number),
            ],
            &[],
            Children::Some(&["tableRow"]),
        ),
        "tableRow" => rule(&[LOCAL_ID], &[], Children::Any(&["tableCell", "tableHeader"])),
        "tableCell" | "tableHeader" => rule(CELL, &[], Children::Some(CELL_BLOCKS)),
        "panel" => rule(
            &[
                (
                    "panelType",
                    Check::OneOf(&["info", "note", "tip", "warning", "error", "success", "custom"]),
                ),
                ("panelIcon", Check::Text),
                ("panelIconId", Check::Text),
                ("panelIconText", Check::Text),
                ("panelColor", Check::Text),
                LOCAL_ID,
            ],
            &["panelType"],
            Children::Some(PANEL_BLOCKS),
        ),
        "expand" => markable(TITLED, &[], Children::Some(EXPAND_BLOCKS)),
        "nestedExpand" => rule(TITLED, &[], Children::Some(NESTED_EXPAND_BLOCKS)),
        "codeBlock" => markable(
            &[
                ("language", Check::Text),
                ("uniqueId", Check::Text),
                ("wrap", Check::Flag),
                ("hideLineNumbers", Check::Flag),
                LOCAL_ID,
            ],
            &[],
            Children::PlainText,
        ),
        "blockquote" => rule(&[LOCAL_ID], &[], Children::Some(QUOTE_BLOCKS)),
        "rule" => rule(&[LOCAL_ID], &[], Children::None),
        "hardBreak" => rule(&[("text", Check::OneOf(&["\n"])), LOCAL_ID], &[], Children::None),
        "status" => rule(
            &[("text", Check::FilledText), ("color", Check::Color), ("style", Check::Text), LOCAL_ID],
            &["text", "color"],
            Children::None,
        ),
        "date" => rule(&[("timestamp", Check::FilledText), LOCAL_ID], &["timestamp"], Children::None),
        "mention" => rule(
            &[
                ("id", Check::Text),
                ("text", Check::Text),
                ("accessLevel", Check::Text),
                ("userType", Check::OneOf(&["DEFAULT", "SPECIAL", "APP"])),
                LOCAL_ID,
            ],
            &["id"],
            Children::None,
        ),
        _ => None,
    }
}

fn check_children(
    children: &[Value],
    allowed: &'static [&'static str],
    path: &str,
    depth: usize,
) -> Result<(), String> {
    for (position, child) in children.iter().enumerate() {
        let path = format!("{path}[{position}]");
        let Value::Object(node) = child else {
            return Err(format!("{path}: expected a node"));
        };
        let kind = node.get("type").and_then(Value::as_str).unwrap_or_default();
        if !allowed.contains(&kind) {
            return Err(format!("{path}.type: expected one of `{}`, found `{kind}`", allowed.join("`, `")));
        }
        if kind == "text" {
            check_text(node, &path, true)?;
        } else {
            check_node(kind, node, &path, depth + 1)?;
        }
    }
    Ok(())
}

fn check_node(kind: &str, node: &Map<String, Value>, path: &str, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("{path}: nested deeper than {DEEPEST} levels"));
    }
    let Some(Rule { attributes, required, children, may_list_marks }) = rule_for(kind) else {
        return Err(format!("{path}.type: `{kind}` is not supported"));
    };

    match node.get("marks") {
        None => {}
        Some(Value::Array(marks)) if may_list_marks && marks.is_empty() => {}
        Some(_) => return Err(format!("{path}.marks: `{kind}` takes no marks")),
    }
    check_attributes(kind, node.get("attrs"), attributes, required, path)?;

    let content_path = format!("{path}.content");
    let content = match node.get("content") {
        None => None,
        Some(Value::Array(content)) => Some(content),
        Some(_) => return Err(format!("{content_path}: expected a list")),
    };
    match (children, content) {
        (Children::None, None) => only_keys(node, &["type", "attrs", "marks"], path),
        (Children::None, Some(_)) => Err(format!("{content_path}: `{kind}` has no content")),
        (Children::Some(_), content) if content.is_none_or(Vec::is_empty) => {
            Err(format!("{content_path}: `{kind}` needs at least one node"))
        }
        (Children::Any(allowed) | Children::Some(allowed), Some(content)) => {
            only_keys(node, &["type", "attrs", "marks", "content"], path)?;
            check_children(content, allowed, &content_path, depth)
        }
        (Children::Inline, content) => {
            only_keys(node, &["type", "attrs", "marks", "content"], path)?;
            check_children(content.map_or(&[][..], Vec::as_slice), INLINE, &content_path, depth)
        }
        (Children::PlainText, content) => {
            only_keys(node, &["type", "attrs", "marks", "content"], path)?;
            for (position, child) in content.into_iter().flatten().enumerate() {
                let path = format!("{content_path}[{position}]");
                match child {
                    Value::Object(node) if node.get("type").and_then(Value::as_str) == Some("text") => {
                        check_text(node, &path, false)?;
                    }
                    _ => return Err(format!("{path}: `{kind}` holds text only")),
                }
            }
            Ok(())
        }
        (Children::Any(_) | Children::Some(_), None) => {
            Err(format!("{content_path}: `{kind}` needs content"))
        }
    }
}

fn check_attributes(
    kind: &str,
    attributes: Option<&Value>,
    known: &'static [(&'static str, Check)],
    required: &'static [&'static str],
    path: &str,
) -> Result<(), String> {
    let none = Map::new();
    let attributes = match attributes {
        Some(Value::Object(attributes)) => attributes,
        // Of the nodes that need no attribute, only this one needs the object that holds them.
        None if required.is_empty() && kind != "nestedExpand" => &none,
        _ => return Err(format!("{path}.attrs: `{kind}` needs an object")),
    };
    for name in required {
        if !attributes.contains_key(*name) {
            return Err(format!("{path}.attrs.{name}: `{kind}` needs it"));
        }
    }
    for (name, value) in attributes {
        let Some((_, check)) = known.iter().find(|(known, _)| known == name) else {
            return Err(format!("{path}.attrs.{name}: `{kind}` has no such attribute"));
        };
        check.apply(value).map_err(|expected| format!("{path}.attrs.{name}: expected {expected}"))?;
    }
    Ok(())
}

fn check_text(node: &Map<String, Value>, path: &str, may_have_marks: bool) -> Result<(), String> {
    only_keys(node, &["type", "text", "marks"], path)?;
    if node.get("text").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(format!("{path}.text: expected a text of at least one character"));
    }
    let marks = match node.get("marks") {
        None => return Ok(()),
        Some(Value::Array(marks)) => marks,
        Some(_) => return Err(format!("{path}.marks: expected a list")),
    };
    if !may_have_marks && !marks.is_empty() {
        return Err(format!("{path}.marks: text in code takes no marks"));
    }
    let kinds: Vec<&str> = marks.iter().map(|mark| mark["type"].as_str().unwrap_or_default()).collect();
    for (position, (mark, kind)) in marks.iter().zip(&kinds).enumerate() {
        let path = format!("{path}.marks[{position}]");
        let Value::Object(mark) = mark else {
            return Err(format!("{path}: expected a mark"));
        };
        match *kind {
            "strong" | "em" | "strike" | "underline" if kinds.contains(&"code") => {
                return Err(format!("{path}: `code` goes together with `link` only, found `{kind}`"));
            }
            "code" | "strong" | "em" | "strike" | "underline" => only_keys(mark, &["type"], &path)?,
            "link" => check_link(mark, &path)?,
            _ => return Err(format!("{path}.type: `{kind}` is not supported")),
        }
    }
    Ok(())
}

fn check_link(mark: &Map<String, Value>, path: &str) -> Result<(), String> {
    only_keys(mark, &["type", "attrs"], path)?;
    let known: &'static [(&'static str, Check)] = &[
        ("href", Check::Text),
        ("title", Check::Text),
        ("id", Check::Text),
        ("collection", Check::Text),
        ("occurrenceKey", Check::Text),
    ];
    check_attributes("link", mark.get("attrs"), known, &["href"], path)
}

fn only_keys(node: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), String> {
    match node.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{path}.{key}: not known here")),
        None => Ok(()),
    }
}

impl Check {
    /// The error is what was expected.
    fn apply(self, value: &Value) -> Result<(), String> {
        let (holds, expected) = match self {
            Self::Text => (value.is_string(), "a text"),
            Self::FilledText => {
                (value.as_str().is_some_and(|text| !text.is_empty()), "a text that is not empty")
            }
            Self::Number => (value.is_number(), "a number"),
            Self::Level => {
                (value.as_u64().is_some_and(|level| (1..=6).contains(&level)), "a level from 1 to 6")
            }
            Self::NotNegative => {
                (value.as_f64().is_some_and(|number| number >= 0.0), "a number of 0 or more")
            }
            Self::Flag => (value.is_boolean(), "true or false"),
            Self::Numbers => (
                value.as_array().is_some_and(|numbers| numbers.iter().all(Value::is_number)),
                "a list of numbers",
            ),
            Self::Color => {
                (value.as_str().is_some_and(is_color), "neutral, purple, blue, red, yellow, green or #rrggbb")
            }
            Self::OneOf(names) => {
                if value.as_str().is_some_and(|text| names.contains(&text)) {
                    return Ok(());
                }
                return Err(format!("one of {names:?}"));
            }
        };
        if holds { Ok(()) } else { Err(expected.to_owned()) }
    }
}

fn is_color(text: &str) -> bool {
    matches!(text, "neutral" | "purple" | "blue" | "red" | "yellow" | "green")
        || text
            .strip_prefix('#')
            .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(block: &Value) -> Result<(), String> {
        validate(&json!({ "type": "doc", "version": 1, "content": [block] }))
    }

    fn paragraph(inline: &Value) -> Value {
        json!({ "type": "paragraph", "content": [inline] })
    }

    #[test]
    fn the_whole_subset_is_accepted() {
        let text = paragraph(&json!({ "type": "text", "text": "x" }));
        let cells = [
            json!({ "type": "tableHeader", "attrs": { "colspan": 2, "background": "#eeeeee" }, "content": [text] }),
            json!({ "type": "tableCell", "content": [
                { "type": "nestedExpand", "attrs": { "title": "more" }, "content": [text] }] }),
        ];
        for block in [
            json!({ "type": "heading", "attrs": { "level": 6 }, "content": [{ "type": "hardBreak" }] }),
            json!({ "type": "bulletList", "content": [{ "type": "listItem", "content": [text,
                { "type": "orderedList", "attrs": { "order": 3 }, "content": [
                    { "type": "listItem", "content": [text] }] }] }] }),
            json!({ "type": "table", "attrs": { "layout": "default" }, "content": [
                { "type": "tableRow", "content": cells }] }),
            json!({ "type": "panel", "attrs": { "panelType": "warning" }, "content": [text] }),
            json!({ "type": "expand", "attrs": { "title": "all" }, "content": [
                { "type": "panel", "attrs": { "panelType": "info" }, "content": [text] }] }),
            json!({ "type": "codeBlock", "attrs": { "language": "json" }, "content": [
                { "type": "text", "text": "{}" }] }),
            json!({ "type": "taskList", "attrs": { "localId": "a" }, "content": [
                { "type": "taskItem", "attrs": { "localId": "b", "state": "TODO" }, "content": [
                    { "type": "text", "text": "call" }] }] }),
            json!({ "type": "blockquote", "content": [text] }),
            json!({ "type": "rule" }),
            json!({ "type": "paragraph" }),
            paragraph(&json!({ "type": "status", "attrs": { "text": "LATE", "color": "red" } })),
            paragraph(&json!({ "type": "date", "attrs": { "timestamp": "1767225600000" } })),
            paragraph(&json!({ "type": "mention", "attrs": { "id": "someone" } })),
            paragraph(&json!({ "type": "text", "text": "a", "marks": [
                { "type": "code" }, { "type": "link", "attrs": { "href": "https://example.com" } }] })),
        ] {
            assert_eq!(check(&block), Ok(()), "{block}");
        }
    }

    #[test]
    fn faults_are_told_with_their_path() {
        let cases = [
            (json!({ "type": "heading", "attrs": { "level": 7 } }), "content[0].attrs.level"),
            (json!({ "type": "heading" }), "content[0].attrs"),
            (paragraph(&json!({ "type": "text", "text": "" })), "content[0].content[0].text"),
            (
                paragraph(&json!({ "type": "text", "text": "a", "marks": [
                    { "type": "strong" }, { "type": "code" }] })),
                "content[0].content[0].marks[0]",
            ),
            (json!({ "type": "mediaSingle", "attrs": { "layout": "center" } }), "content[0].type"),
            (json!({ "type": "bulletList", "content": [] }), "content[0].content"),
            (
                json!({ "type": "panel", "attrs": { "panelType": "info" }, "content": [
                    { "type": "table", "content": [] }] }),
                "content[0].content[0].type",
            ),
            (json!({ "type": "paragraph", "text": "a" }), "content[0].text"),
            (json!({ "type": "paragraph", "attrs": { "colour": "red" } }), "content[0].attrs.colour"),
            (json!({ "type": "paragraph", "marks": [{ "type": "indentation" }] }), "content[0].marks"),
            (
                paragraph(&json!({ "type": "status", "attrs": { "text": "", "color": "red" } })),
                "content[0].content[0].attrs.text",
            ),
            (
                json!({ "type": "nestedExpand", "attrs": {}, "content": [{ "type": "paragraph" }] }),
                "content[0].type",
            ),
            (
                json!({ "type": "codeBlock", "content": [{ "type": "text", "text": "a", "marks": [
                    { "type": "em" }] }] }),
                "content[0].content[0].marks",
            ),
        ];
        for (block, path) in cases {
            let told = check(&block).expect_err("a fault");
            assert!(told.starts_with(&format!("{path}:")), "{told}");
        }
    }

    #[test]
    fn a_document_is_version_1_and_has_content() {
        for (document, path) in [
            (json!("plain"), "document:"),
            (json!({ "type": "doc", "content": [] }), "version:"),
            (json!({ "type": "doc", "version": 2, "content": [] }), "version:"),
            (json!({ "type": "doc", "version": 1 }), "content:"),
            (json!({ "type": "doc", "version": 1, "content": [], "attrs": {} }), "document.attrs:"),
        ] {
            assert!(validate(&document).expect_err("a fault").starts_with(path));
        }
        assert_eq!(validate(&json!({ "type": "doc", "version": 1, "content": [] })), Ok(()));
    }

    #[test]
    fn nesting_has_an_end() {
        let mut list = json!({ "type": "bulletList", "content": [
            { "type": "listItem", "content": [{ "type": "paragraph" }] }] });
        for _ in 0..40 {
            list = json!({ "type": "bulletList", "content": [{ "type": "listItem", "content": [list] }] });
        }
        assert!(check(&list).expect_err("a fault").contains("nested deeper"));
    }
}
