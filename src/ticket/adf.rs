//! Atlassian Document Format: how Jira Cloud stores rich text.
//!
//! Source of the node rules: Atlassian's `full` JSON schema of `@atlaskit/adf-schema` 57. Only nodes of a
//! small safe subset are written; foreign text is only ever a text node.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::document::{Block, Inline, Marks, Task, sign};

/// The nodes of some blocks, to be put into a `doc`.
pub fn nodes(blocks: &[Block]) -> Vec<Value> {
    blocks.iter().map(node).collect()
}

/// A whole `doc` around some nodes.
pub fn document(content: Vec<Value>) -> Value {
    // Put in as it is: within `json!` it would be copied, node by node.
    let mut document = json!({ "type": "doc", "version": 1 });
    document["content"] = Value::Array(content);
    document
}

/// All text below a node, without any separator within a block.
pub fn text_of(node: &Value) -> String {
    let mut text = String::new();
    collect(node, &mut text);
    text
}

/// Whether the text below a node, as [`text_of`] has it, begins so.
pub fn text_starts_with(node: &Value, words: &str) -> bool {
    fn rest<'w>(node: &Value, words: &'w str) -> Option<&'w str> {
        let own = node.get("text").and_then(Value::as_str).unwrap_or_default();
        let mut left = words.strip_prefix(own).or_else(|| own.starts_with(words).then_some(""))?;
        for child in node.get("content").and_then(Value::as_array).into_iter().flatten() {
            left = rest(child, left)?;
        }
        Some(left)
    }
    rest(node, words) == Some("")
}

/// The words of nodes in the form of [`super::document::plain_text`], so that both can be compared by line.
pub fn plain_text(nodes: &[Value]) -> String {
    nodes.iter().map(|node| lines_of(node).into_iter().map(|line| line + "\n").collect::<String>()).collect()
}

/// What a comment says by itself, by line: what it quotes stands behind `> `, and blocks of code are none of its words. A link
/// that Jira shows as a card is its address.
pub fn said(nodes: &[Value]) -> String {
    fn inline(node: &Value, text: &mut String) {
        match node["type"].as_str().unwrap_or_default() {
            "hardBreak" => text.push('\n'),
            "inlineCard" => text.push_str(node["attrs"]["url"].as_str().unwrap_or_default()),
            "mention" => text.push_str(node["attrs"]["text"].as_str().unwrap_or_default()),
            _ => text.push_str(node["text"].as_str().unwrap_or_default()),
        }
        for child in node["content"].as_array().into_iter().flatten() {
            inline(child, text);
        }
    }
    let mut said = String::new();
    for node in nodes {
        match node["type"].as_str().unwrap_or_default() {
            "codeBlock" => {}
            "paragraph" | "heading" => {
                inline(node, &mut said);
                said.push('\n');
            }
            "blockCard" | "embedCard" => {
                said.push_str(node["attrs"]["url"].as_str().unwrap_or_default());
                said.push('\n');
            }
            _ => {
                said.extend(lines_of(node).into_iter().map(|line| line + "\n"));
            }
        }
    }
    said
}

fn lines_of(node: &Value) -> Vec<String> {
    let children = || node["content"].as_array().into_iter().flatten();
    match node["type"].as_str().unwrap_or_default() {
        "heading" => {
            let level = usize::try_from(node["attrs"]["level"].as_u64().unwrap_or(1)).unwrap_or(1);
            vec![format!("{} {}", "#".repeat(level), text_of(node))]
        }
        kind @ ("bulletList" | "orderedList") => children()
            .enumerate()
            .flat_map(|(position, entry)| {
                let inner = entry["content"].as_array().into_iter().flatten().flat_map(lines_of);
                let bullet =
                    if kind == "orderedList" { format!("{}. ", position + 1) } else { "- ".to_owned() };
                inner
                    .enumerate()
                    .map(
                        |(line, text)| {
                            if line == 0 { format!("{bullet}{text}") } else { format!("  {text}") }
                        },
                    )
                    .collect::<Vec<_>>()
            })
            .collect(),
        "taskList" => tasks(node).map(|(task, done)| format!("- {} {}", sign(done), text_of(task))).collect(),
        "table" => children()
            .map(|row| {
                let cells: Vec<String> =
                    row["content"].as_array().into_iter().flatten().map(text_of).collect();
                cells.join(" | ")
            })
            .collect(),
        "blockquote" => children().flat_map(lines_of).map(|line| format!("> {line}")).collect(),
        "rule" => vec!["---".to_owned()],
        _ => text_of(node).lines().map(str::to_owned).collect(),
    }
}

fn collect(node: &Value, text: &mut String) {
    if let Some(own) = node.get("text").and_then(Value::as_str) {
        text.push_str(own);
    }
    for child in node.get("content").and_then(Value::as_array).into_iter().flatten() {
        collect(child, text);
    }
}

/// What people ticked and what not, of the checklists among nodes.
pub fn ticks(nodes: &[Value]) -> impl Iterator<Item = (String, bool)> {
    let lists = nodes.iter().filter(|node| node["type"] == "taskList");
    lists.flat_map(tasks).map(|(task, done)| (text_of(task), done))
}

fn tasks(list: &Value) -> impl Iterator<Item = (&Value, bool)> {
    let items = list["content"].as_array().into_iter().flatten();
    items.map(|task| (task, task["attrs"]["state"] == "DONE"))
}

/// A digest of nodes that is the same before and after Jira has stored them: Jira adds `localId` and empty
/// attributes, and may spell out defaults. And it is the same whatever is ticked: a tick is an answer to us.
pub fn digest(nodes: &[Value]) -> String {
    let mut hash = Sha256::new();
    let mut text = Vec::new();
    for node in nodes {
        text.clear();
        // Neither a buffer nor a value that was read from JSON gives an error.
        let _ = serde_json::to_writer(&mut text, &Normal(node));
        text.push(b'\n');
        hash.update(&text);
    }
    hex::encode(hash.finalize())
}

/// A node without what says nothing.
struct Normal<'a>(&'a Value);

impl Serialize for Normal<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => {
                let said = fields.iter().filter(|(key, value)| says_something(key, value));
                serializer.collect_map(said.map(|(key, value)| (key, Essential::of(key, value))))
            }
            Value::Array(values) => serializer.collect_seq(values.iter().map(Normal)),
            other => other.serialize(serializer),
        }
    }
}

/// The value of a field of a node.
enum Essential<'a> {
    Attributes(&'a Value),
    Other(Normal<'a>),
}

impl<'a> Essential<'a> {
    fn of(key: &str, value: &'a Value) -> Self {
        if key == "attrs" { Self::Attributes(value) } else { Self::Other(Normal(value)) }
    }
}

impl Serialize for Essential<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Attributes(attributes) => serializer.collect_map(essential(attributes)),
            Self::Other(node) => node.serialize(serializer),
        }
    }
}

fn says_something(key: &str, value: &Value) -> bool {
    match value {
        _ if key == "localId" => false,
        _ if key == "attrs" => essential(value).next().is_some(),
        Value::Null => false,
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => fields.iter().any(|(key, value)| says_something(key, value)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Attributes that carry meaning in the nodes we write.
fn essential(attributes: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let kept = ["level", "order", "href", "panelType", "title"];
    let is_kept = move |(key, value): &(&String, &Value)| {
        kept.contains(&key.as_str()) && !(*key == "order" && value.as_u64() == Some(1))
    };
    attributes.as_object().into_iter().flatten().filter(is_kept)
}

fn node(block: &Block) -> Value {
    match block {
        Block::Heading(level, content) => {
            json!({ "type": "heading", "attrs": { "level": level }, "content": inlines(content) })
        }
        Block::Paragraph(content) => paragraph(content),
        Block::List { ordered, entries } => json!({
            "type": if *ordered { "orderedList" } else { "bulletList" },
            "content": entries
                .iter()
                .map(|entry| json!({ "type": "listItem", "content": entry_content(entry) }))
                .collect::<Vec<_>>(),
        }),
        Block::Tasks(tasks) => task_list(tasks),
        Block::Table { header, rows } => {
            let row = |cells: &[Vec<Inline>], kind: &str| {
                json!({
                    "type": "tableRow",
                    "content": cells
                        .iter()
                        .map(|cell| json!({ "type": kind, "content": [paragraph(cell)] }))
                        .collect::<Vec<_>>(),
                })
            };
            let mut content = vec![row(header, "tableHeader")];
            content.extend(rows.iter().map(|cells| row(cells, "tableCell")));
            json!({ "type": "table", "content": content })
        }
        Block::Quote(inner) => json!({ "type": "blockquote", "content": nested(inner) }),
        Block::Code(code) => {
            let content = if code.is_empty() { json!([]) } else { json!([{ "type": "text", "text": code }]) };
            json!({ "type": "codeBlock", "content": content })
        }
        Block::Rule => json!({ "type": "rule" }),
    }
}

/// Within quotes and list items the schema allows paragraphs, lists and code only, and demands something; a
/// template may have more, of which the words are kept.
fn nested(blocks: &[Block]) -> Vec<Value> {
    let mut content: Vec<Value> = Vec::new();
    for block in blocks {
        match block {
            Block::Heading(_, inlines) => content.push(paragraph(inlines)),
            Block::Quote(inner) => content.extend(nested(inner)),
            Block::Table { header, rows } => {
                content.extend(std::iter::once(header).chain(rows).map(|cells| paragraph(&line(cells))));
            }
            Block::Rule => {}
            Block::Tasks(tasks) => {
                let entries = tasks.iter().map(|task| vec![Block::Paragraph(task.line())]).collect();
                content.push(node(&Block::List { ordered: false, entries }));
            }
            Block::Paragraph(_) | Block::List { .. } | Block::Code(_) => content.push(node(block)),
        }
    }
    if content.is_empty() {
        content.push(paragraph(&[]));
    }
    content
}

/// The schema demands ids; the same list has the same ones, so that an update changes nothing else.
fn task_list(tasks: &[Task]) -> Value {
    let names: String = tasks.iter().map(Task::name).collect();
    let list = crc32fast::hash(names.as_bytes());
    let items = tasks.iter().enumerate().map(|(position, task)| {
        let state = if task.done { "DONE" } else { "TODO" };
        let attributes = json!({ "localId": format!("{list:08x}-{position}"), "state": state });
        json!({ "type": "taskItem", "attrs": attributes, "content": inlines(&task.content) })
    });
    let items: Vec<Value> = items.collect();
    json!({ "type": "taskList", "attrs": { "localId": format!("{list:08x}") }, "content": items })
}

/// Cells of a table row as one line.
fn line(cells: &[Vec<Inline>]) -> Vec<Inline> {
    cells.join(&Inline::plain(" | "))
}

/// A list item starts with a paragraph by the schema.
fn entry_content(entry: &[Block]) -> Vec<Value> {
    let mut content = nested(entry);
    if content.first().is_some_and(|first| first["type"] != "paragraph") {
        content.insert(0, paragraph(&[]));
    }
    content
}

fn paragraph(content: &[Inline]) -> Value {
    json!({ "type": "paragraph", "content": inlines(content) })
}

fn inlines(content: &[Inline]) -> Vec<Value> {
    content
        .iter()
        .filter_map(|inline| match inline {
            Inline::Text { text, .. } if text.is_empty() => None,
            Inline::Text { text, marks } => {
                let marks = marks_of(marks);
                Some(if marks.is_empty() {
                    json!({ "type": "text", "text": text })
                } else {
                    json!({ "type": "text", "text": text, "marks": marks })
                })
            }
            Inline::Break => Some(json!({ "type": "hardBreak" })),
        })
        .collect()
}

fn marks_of(marks: &Marks) -> Vec<Value> {
    let Marks { strong, emphasis, code, link } = marks;
    let mut list = Vec::new();
    if *code {
        list.push(json!({ "type": "code" }));
    } else {
        if *strong {
            list.push(json!({ "type": "strong" }));
        }
        if *emphasis {
            list.push(json!({ "type": "em" }));
        }
    }
    if let Some(target) = link {
        list.push(json!({ "type": "link", "attrs": { "href": target } }));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::{document, parse_markdown};

    #[test]
    fn words_read_back_from_adf_are_those_of_the_document() {
        let blocks = parse_markdown(
            "## Head\n\nA **b** `c`\n\n- one\n- two\n\n- [ ] open **b**\n- [x] done\n\n1. first\n\n> - [ ] within\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n> said\n\n---\n",
        );
        assert_eq!(plain_text(&nodes(&blocks)), document::plain_text(&blocks));
    }

    /// Digests are kept: another form would make every ticket look as if people had written in it.
    #[test]
    fn the_digest_is_that_of_the_node_without_ids_empty_parts_and_attributes_of_no_meaning() {
        let stored = [json!({
            "type": "panel",
            "attrs": { "panelType": "info", "localId": "b", "panelColor": null },
            "localId": "a",
            "marks": [],
            "content": [
                { "type": "orderedList", "attrs": { "order": 1 }, "content": [{ "type": "text", "text": "é \"x\"" }, {}] },
                { "type": "orderedList", "attrs": { "order": 2 }, "meta": { "attrs": { "state": "DONE" }, "none": null } },
                { "type": "text", "text": "", "attrs": null, "bold": false },
            ],
        })];
        let normal = concat!(
            r#"{"attrs":{"panelType":"info"},"content":[{"content":[{"text":"é \"x\"","type":"text"},{}],"#,
            r#""type":"orderedList"},{"attrs":{"order":2},"type":"orderedList"},"#,
            r#"{"bold":false,"text":"","type":"text"}],"type":"panel"}"#,
            "\n",
        );
        assert_eq!(digest(&stored), hex::encode(Sha256::digest(normal)));
    }

    #[test]
    fn a_comment_says_its_lines_and_its_links_and_neither_its_quotes_nor_its_code() {
        let text = |text: &str| json!({ "type": "text", "text": text });
        let paragraph = |content: Value| json!({ "type": "paragraph", "content": content });
        let comment = [
            paragraph(json!([text("Thanks!"), { "type": "hardBreak" }, text("/disputebot merge "),
                { "type": "inlineCard", "attrs": { "url": "https://jira.example.com/browse/DISP-7" } }])),
            json!({ "type": "codeBlock", "content": [text("/disputebot mute")] }),
            json!({ "type": "blockquote", "content": [paragraph(json!([text("/disputebot mute")]))] }),
            paragraph(
                json!([{ "type": "mention", "attrs": { "id": "1", "text": "@someone" } }, text(" look")]),
            ),
        ];
        assert_eq!(
            said(&comment),
            "Thanks!\n/disputebot merge https://jira.example.com/browse/DISP-7\n> /disputebot mute\n@someone look\n"
        );
    }
}
