//! Wiki markup to a document and back, as version 2 on Cloud does it on the server: plainly. Headings, lists, tables,
//! code and the common marks survive; all else keeps its text.

use serde_json::{Value, json};

/// A document that reads as the markup does: headings, and one paragraph for each run of lines.
pub(crate) fn to_document(markup: &str) -> Value {
    let mut blocks = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    for line in markup.lines().map(str::trim).chain([""]) {
        let heading =
            line.strip_prefix('h').and_then(|rest| rest.split_once(". ")).and_then(|(level, text)| {
                Some((level.parse::<u8>().ok().filter(|level| (1..=6).contains(level))?, text))
            });
        if (line.is_empty() || heading.is_some()) && !paragraph.is_empty() {
            let mut content = Vec::new();
            for (position, line) in paragraph.drain(..).enumerate() {
                if position > 0 {
                    content.push(json!({ "type": "hardBreak" }));
                }
                content.push(json!({ "type": "text", "text": line }));
            }
            blocks.push(json!({ "type": "paragraph", "content": content }));
        }
        match heading {
            Some((level, text)) => blocks.push(json!({
                "type": "heading", "attrs": { "level": level }, "content": [{ "type": "text", "text": text }] })),
            None if line.is_empty() => {}
            None => paragraph.push(line),
        }
    }
    json!({ "type": "doc", "version": 1, "content": blocks })
}

/// The markup of a document.
pub(crate) fn from_document(document: &Value) -> String {
    let blocks: Vec<String> = children(document).map(|node| block(node, "")).collect();
    blocks.join("\n\n")
}

fn block(node: &Value, marks: &str) -> String {
    let joined = |separator: &str| {
        let blocks: Vec<String> = children(node).map(|node| block(node, marks)).collect();
        blocks.join(separator)
    };
    match node["type"].as_str().unwrap_or_default() {
        "heading" => format!("h{}. {}", node["attrs"]["level"].as_u64().unwrap_or(1), line(node)),
        "bulletList" | "taskList" => list(node, &format!("{marks}*")),
        "orderedList" => list(node, &format!("{marks}#")),
        "codeBlock" => format!("{{noformat}}\n{}\n{{noformat}}", line(node)),
        "blockquote" => format!("{{quote}}\n{}\n{{quote}}", joined("\n\n")),
        "panel" => format!("{{panel}}\n{}\n{{panel}}", joined("\n\n")),
        "expand" | "nestedExpand" => {
            let title = node["attrs"]["title"].as_str().unwrap_or_default();
            format!("*{title}*\n\n{}", joined("\n\n"))
        }
        "rule" => "----".to_owned(),
        "table" => joined("\n"),
        "tableRow" => {
            let mut row = String::new();
            let mut mark = "|";
            for cell in children(node) {
                mark = if cell["type"] == "tableHeader" { "||" } else { "|" };
                let blocks: Vec<String> = children(cell).map(|node| block(node, marks)).collect();
                row.push_str(&format!("{mark}{}", blocks.join(" ").replace('\n', " ")));
            }
            row + mark
        }
        _ => line(node),
    }
}

fn list(node: &Value, marks: &str) -> String {
    let mut lines = Vec::new();
    for entry in children(node) {
        if entry["type"] == "taskItem" {
            lines.push(format!("{marks} {}", line(entry)));
        }
        for inner in children(entry).filter(|_| entry["type"] != "taskItem") {
            let text = block(inner, marks);
            let is_list = matches!(inner["type"].as_str(), Some("bulletList" | "orderedList" | "taskList"));
            lines.push(if is_list { text } else { format!("{marks} {}", text.replace('\n', " ")) });
        }
    }
    lines.join("\n")
}

fn line(node: &Value) -> String {
    children(node).map(inline).collect()
}

fn inline(node: &Value) -> String {
    let attribute = |name: &str| node["attrs"][name].as_str().unwrap_or_default();
    match node["type"].as_str().unwrap_or_default() {
        "text" => {
            let mut text = node["text"].as_str().unwrap_or_default().to_owned();
            for mark in node["marks"].as_array().into_iter().flatten() {
                text = match mark["type"].as_str().unwrap_or_default() {
                    "strong" => format!("*{text}*"),
                    "em" => format!("_{text}_"),
                    "code" => format!("{{{{{text}}}}}"),
                    "strike" => format!("-{text}-"),
                    "underline" => format!("+{text}+"),
                    "link" => format!("[{text}|{}]", mark["attrs"]["href"].as_str().unwrap_or_default()),
                    _ => text,
                };
            }
            text
        }
        "hardBreak" => "\n".to_owned(),
        "status" => attribute("text").to_owned(),
        "mention" => format!("[~accountid:{}]", attribute("id")),
        "date" => crate::sandbox::adf::day(attribute("timestamp")),
        "emoji" | "inlineCard" | "mediaInline" => crate::sandbox::adf::placeholder(node),
        _ => children(node).map(inline).collect(),
    }
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["content"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_a_document_and_comes_back() {
        let markup = "h2. Why\n\none\ntwo\n\nthree";
        let document = to_document(markup);
        assert_eq!(document["content"][0]["attrs"]["level"], 2);
        assert_eq!(document["content"][1]["content"][1], json!({ "type": "hardBreak" }));
        assert_eq!(crate::sandbox::adf::validate(&document), Ok(()));
        assert_eq!(from_document(&document), markup);
    }

    #[test]
    fn documents_keep_their_lists_tables_and_marks() {
        let text = |text: &str| json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] });
        let document = json!({ "type": "doc", "version": 1, "content": [
            { "type": "bulletList", "content": [{ "type": "listItem", "content": [text("a"),
                { "type": "orderedList", "content": [{ "type": "listItem", "content": [text("b")] }] }] }] },
            { "type": "table", "content": [
                { "type": "tableRow", "content": [{ "type": "tableHeader", "content": [text("H")] }] },
                { "type": "tableRow", "content": [{ "type": "tableCell", "content": [text("c")] }] }] },
            { "type": "paragraph", "content": [{ "type": "text", "text": "x", "marks": [
                { "type": "strong" }, { "type": "link", "attrs": { "href": "https://example.com" } }] }] },
        ]});
        assert_eq!(from_document(&document), "* a\n*# b\n\n||H||\n|c|\n\n[*x*|https://example.com]");
    }
}
