//! Documents (Atlassian Document Format): what is valid, what the server adds, and how they read.

mod html;
#[cfg(test)]
mod judged;
mod rules;
mod validate;

pub(crate) use html::{escape, html};
pub(crate) use validate::validate;

use serde_json::{Value, json};

/// Gives every table, task list, task and expand an id of its own where it has none, as the real server does. A
/// client that compares what it wrote with what it reads must look past these.
pub(crate) fn add_local_ids(node: &mut Value, next: &mut impl FnMut() -> String) {
    let marked =
        matches!(node["type"].as_str(), Some("table" | "taskList" | "taskItem" | "expand" | "nestedExpand"));
    if marked && node["attrs"]["localId"].as_str().unwrap_or_default().is_empty() {
        if !node["attrs"].is_object() {
            node["attrs"] = json!({});
        }
        node["attrs"]["localId"] = Value::String(next());
    }
    if let Some(children) = node.get_mut("content").and_then(Value::as_array_mut) {
        for child in children {
            add_local_ids(child, next);
        }
    }
}

/// The text of a document: one line per block, cells of a row separated by ` | `.
pub(crate) fn text(document: &Value) -> String {
    let mut lines = Vec::new();
    collect_lines(document, &mut lines);
    lines.join("\n")
}

fn collect_lines(node: &Value, lines: &mut Vec<String>) {
    let children = || node["content"].as_array().into_iter().flatten();
    match node["type"].as_str().unwrap_or_default() {
        "paragraph" | "heading" | "codeBlock" | "taskItem" | "decisionItem" | "caption" => {
            lines.push(children().map(inline_text).collect());
        }
        "tableRow" => {
            let cells: Vec<String> = children().map(|cell| text(cell).replace('\n', " ")).collect();
            lines.push(cells.join(" | "));
        }
        "rule" => lines.push("----".to_owned()),
        "media" | "blockCard" | "embedCard" => lines.push(placeholder(node)),
        kind => {
            if matches!(kind, "expand" | "nestedExpand") {
                lines.push(node["attrs"]["title"].as_str().unwrap_or_default().to_owned());
            }
            for child in children() {
                collect_lines(child, lines);
            }
        }
    }
}

fn inline_text(node: &Value) -> String {
    let attribute = |name: &str| node["attrs"][name].as_str().unwrap_or_default().to_owned();
    match node["type"].as_str().unwrap_or_default() {
        "text" => node["text"].as_str().unwrap_or_default().to_owned(),
        "hardBreak" => "\n".to_owned(),
        "status" | "mention" => attribute("text"),
        "date" => day(&attribute("timestamp")),
        "emoji" | "inlineCard" | "mediaInline" => placeholder(node),
        _ => String::new(),
    }
}

/// What stands for a node that is shown by its name alone: an emoji, a card, a file.
pub(crate) fn placeholder(node: &Value) -> String {
    let names = ["text", "shortName", "alt", "url"].map(|name| node["attrs"][name].as_str());
    let name = names.into_iter().flatten().find(|name| !name.is_empty());
    match node["type"].as_str().unwrap_or_default() {
        "media" | "mediaInline" => {
            format!("[file{}]", name.map(|name| format!(" {name}")).unwrap_or_default())
        }
        _ => name.unwrap_or("[card]").to_owned(),
    }
}

/// The day of a date node, whose timestamp is in milliseconds; the timestamp itself if it is not a number.
pub(crate) fn day(timestamp: &str) -> String {
    timestamp
        .parse::<i64>()
        .ok()
        .and_then(|milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok())
        .map_or_else(|| timestamp.to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_expands_and_task_lists_get_ids_and_keep_those_they_have() {
        let mut document = json!({ "type": "doc", "version": 1, "content": [
            { "type": "expand", "content": [{ "type": "paragraph" }] },
            { "type": "table", "attrs": { "localId": "mine" }, "content": [] },
            { "type": "taskList", "attrs": { "localId": "" }, "content": [] },
        ]});
        let mut made = 0;
        add_local_ids(&mut document, &mut || {
            made += 1;
            format!("id-{made}")
        });
        assert_eq!(document["content"][0]["attrs"]["localId"], "id-1");
        assert_eq!(document["content"][0]["content"][0], json!({ "type": "paragraph" }));
        assert_eq!(document["content"][1]["attrs"]["localId"], "mine");
        assert_eq!(document["content"][2]["attrs"]["localId"], "id-2");
    }

    #[test]
    fn text_reads_a_document_line_by_line() {
        let cell = |text: &str| {
            json!({ "type": "tableCell", "content": [
                { "type": "paragraph", "content": [{ "type": "text", "text": text }] }] })
        };
        let document = json!({ "type": "doc", "version": 1, "content": [
            { "type": "paragraph", "content": [
                { "type": "text", "text": "Due " },
                { "type": "date", "attrs": { "timestamp": "1767225600000" } } ] },
            { "type": "rule" },
            { "type": "table", "content": [{ "type": "tableRow", "content": [cell("a"), cell("b")] }] },
        ]});
        assert_eq!(text(&document), "Due 2026-01-01\n----\na | b");
    }
}
