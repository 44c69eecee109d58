//! Says whether a document is valid, or where and why it is not.
//!
//! Follows Atlassian's published JSON schema (`@atlaskit/adf-schema`, `full.json`) for the nodes that a program or a
//! person in the editor has reason to write. Extensions, layouts, synchronised blocks, placeholders, tasks of several
//! blocks, cards of a list of issues, and the marks that align, indent and size whole blocks are refused: what is
//! accepted here, the schema accepts. It is stricter than the schema in one more thing: the level of a heading is a whole
//! number. Whether a file that a document names is there is not looked at.

use serde_json::{Map, Value};

use super::rules::{
    Attributes, CAPTION, Check, Children, DOCUMENT_BLOCKS, INLINE, Marks, Rule, is_hex, rule_for,
};

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
    let Some(Rule { attributes, or, children, marks }) = rule_for(kind) else {
        return Err(format!("{path}.type: `{kind}` is not supported"));
    };
    check_own_marks(kind, node.get("marks"), marks, path)?;
    let told = check_attributes(kind, node.get("attrs"), attributes, path);
    let told = match or {
        Some(other) if told.is_err() => check_attributes(kind, node.get("attrs"), other, path).or(told),
        _ => told,
    };
    told?;

    let content_path = format!("{path}.content");
    let content = match node.get("content") {
        None => None,
        Some(Value::Array(content)) => Some(content),
        Some(_) => return Err(format!("{content_path}: expected a list")),
    };
    let keys: &[&str] = match (kind, &children) {
        ("mediaGroup", _) => &["type", "content"],
        (_, Children::None) => &["type", "attrs", "marks"],
        _ => &["type", "attrs", "marks", "content"],
    };
    match (children, content) {
        (Children::None, None) => only_keys(node, keys, path),
        (Children::None, Some(_)) => Err(format!("{content_path}: `{kind}` has no content")),
        (Children::Some(_), content) if content.is_none_or(Vec::is_empty) => {
            Err(format!("{content_path}: `{kind}` needs at least one node"))
        }
        (Children::Any(allowed) | Children::Some(allowed), Some(content)) => {
            only_keys(node, keys, path)?;
            check_children(content, allowed, &content_path, depth)
        }
        (Children::Inline, content) => {
            only_keys(node, keys, path)?;
            let allowed = if kind == "caption" { CAPTION } else { INLINE };
            check_children(content.map_or(&[][..], Vec::as_slice), allowed, &content_path, depth)
        }
        (Children::PlainText, content) => {
            only_keys(node, keys, path)?;
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
        // The schema looks at no other key of it.
        (Children::Captioned, content) => check_captioned(content, &content_path, depth),
        (Children::Any(_) | Children::Some(_), None) => {
            Err(format!("{content_path}: `{kind}` needs content"))
        }
    }
}

fn check_captioned(content: Option<&Vec<Value>>, path: &str, depth: usize) -> Result<(), String> {
    match content.map(Vec::as_slice) {
        Some([file]) => check_children(std::slice::from_ref(file), &["media"], path, depth),
        Some([file, caption]) => {
            check_children(std::slice::from_ref(file), &["media"], path, depth)?;
            check_children(std::slice::from_ref(caption), &["caption"], path, depth)
        }
        _ => Err(format!("{path}: `mediaSingle` needs a file, and may have a caption")),
    }
}

fn check_own_marks(kind: &str, found: Option<&Value>, allowed: Marks, path: &str) -> Result<(), String> {
    let marks = match (found, allowed) {
        (None, _) => return Ok(()),
        (Some(Value::Array(marks)), Marks::Empty) if marks.is_empty() => return Ok(()),
        (Some(Value::Array(marks)), Marks::Of(_)) => marks,
        (Some(_), Marks::None | Marks::Empty) => {
            return Err(format!("{path}.marks: `{kind}` takes no marks"));
        }
        (Some(_), Marks::Of(_)) => return Err(format!("{path}.marks: expected a list")),
    };
    let Marks::Of(allowed) = allowed else { return Ok(()) };
    for (position, mark) in marks.iter().enumerate() {
        let path = format!("{path}.marks[{position}]");
        match mark["type"].as_str().unwrap_or_default() {
            name if allowed.contains(&name) => check_mark(name, mark, &path)?,
            name => return Err(format!("{path}.type: `{kind}` takes no `{name}`")),
        }
    }
    Ok(())
}

fn check_attributes(
    kind: &str,
    found: Option<&Value>,
    Attributes { known, required }: Attributes,
    path: &str,
) -> Result<(), String> {
    let is_optional = match kind {
        // Its one attribute is optional, the object that holds it is not.
        "nestedExpand" => false,
        "mediaSingle" => true,
        "mediaGroup" => return Ok(()),
        _ => required.is_empty(),
    };
    let attributes = match found {
        Some(Value::Object(attributes)) => attributes,
        None if is_optional => return Ok(()),
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
        match *kind {
            "code" | "link" | "annotation" => {}
            "strong" | "em" | "strike" | "underline" | "subsup" | "textColor" | "backgroundColor" => {
                if kinds.contains(&"code") {
                    return Err(format!(
                        "{path}: `code` goes together with `link` and `annotation` only, found `{kind}`"
                    ));
                }
            }
            _ => return Err(format!("{path}.type: `{kind}` is not supported")),
        }
        check_mark(kind, mark, &path)?;
    }
    Ok(())
}

/// A mark of a kind that may stand here.
fn check_mark(kind: &str, mark: &Value, path: &str) -> Result<(), String> {
    let Value::Object(mark) = mark else {
        return Err(format!("{path}: expected a mark"));
    };
    let attributes = match kind {
        "link" => Attributes {
            known: &[
                ("href", Check::Text),
                ("title", Check::Text),
                ("id", Check::Text),
                ("collection", Check::Text),
                ("occurrenceKey", Check::Text),
            ],
            required: &["href"],
        },
        "subsup" => Attributes { known: &[("type", Check::OneOf(&["sub", "sup"]))], required: &["type"] },
        "textColor" | "backgroundColor" => {
            Attributes { known: &[("color", Check::PlainColor)], required: &["color"] }
        }
        "annotation" => Attributes {
            known: &[("id", Check::Text), ("annotationType", Check::OneOf(&["inlineComment"]))],
            required: &["id", "annotationType"],
        },
        "border" => Attributes {
            known: &[("size", Check::Border), ("color", Check::Text)],
            required: &["size", "color"],
        },
        _ => return only_keys(mark, &["type"], path),
    };
    only_keys(mark, &["type", "attrs"], path)?;
    check_attributes(kind, mark.get("attrs"), attributes, path)?;
    match (kind, mark["attrs"]["color"].as_str()) {
        ("border", Some(color)) if !is_hex(color, &[6, 8]) => {
            Err(format!("{path}.attrs.color: expected #rrggbb or #rrggbbaa"))
        }
        _ => Ok(()),
    }
}

fn only_keys(node: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), String> {
    match node.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{path}.{key}: not known here")),
        None => Ok(()),
    }
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
            paragraph(&json!({ "type": "text", "text": "a", "marks": [
                { "type": "textColor", "attrs": { "color": "#ff0000" } },
                { "type": "subsup", "attrs": { "type": "sub" } }] })),
            paragraph(&json!({ "type": "emoji", "attrs": { "shortName": ":wave:", "text": "👋" } })),
            paragraph(&json!({ "type": "inlineCard", "attrs": { "url": "https://example.com" } })),
            paragraph(&json!({ "type": "mediaInline", "attrs": { "id": "1", "collection": "" } })),
            json!({ "type": "mediaSingle", "attrs": { "layout": "center", "width": 50 }, "content": [
                { "type": "media", "attrs": { "type": "file", "id": "1", "collection": "" } },
                { "type": "caption", "content": [{ "type": "text", "text": "the invoice" }] }] }),
            json!({ "type": "mediaSingle", "content": [
                { "type": "media", "attrs": { "type": "external", "url": "https://example.com/a.png" },
                  "marks": [{ "type": "border", "attrs": { "size": 1, "color": "#00000080" } }] }] }),
            json!({ "type": "mediaGroup", "content": [
                { "type": "media", "attrs": { "type": "file", "id": "1", "collection": "" } }] }),
            json!({ "type": "blockCard", "attrs": { "data": {} } }),
            json!({ "type": "embedCard", "attrs": { "url": "https://example.com", "layout": "wide" } }),
            json!({ "type": "decisionList", "attrs": { "localId": "a" }, "content": [
                { "type": "decisionItem", "attrs": { "localId": "b", "state": "DECIDED" } }] }),
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
            (json!({ "type": "mediaSingle", "attrs": { "layout": "center" } }), "content[0].content"),
            (
                json!({ "type": "mediaGroup", "content": [{ "type": "media", "attrs": { "type": "file" } }] }),
                "content[0].content[0].attrs.id",
            ),
            (
                paragraph(&json!({ "type": "text", "text": "a", "marks": [
                    { "type": "textColor", "attrs": { "color": "red" } }] })),
                "content[0].content[0].marks[0].attrs.color",
            ),
            (json!({ "type": "extension", "attrs": {} }), "content[0].type"),
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
