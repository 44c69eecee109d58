//! The two ways in which Jira stores rich text, behind one name.
//!
//! A description is handled as Jira shows it: an object (Atlassian's document format) on Cloud, a string
//! (wiki markup) on Data Center, null where it is empty. Its *nodes* are the top nodes of the document, or one
//! string of lines.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    adf,
    document::{Block, Inline, Task},
    wiki,
};

/// How rich text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Markup {
    /// Atlassian's document format: Cloud, REST API v3.
    #[default]
    Adf,
    /// Jira's wiki markup: Data Center, REST API v2.
    Wiki,
}

impl Markup {
    /// Blocks as nodes.
    pub fn nodes(self, blocks: &[Block]) -> Vec<Value> {
        match self {
            Self::Adf => adf::nodes(blocks),
            Self::Wiki => vec![Value::String(wiki::text(blocks))],
        }
    }

    /// A whole text from nodes.
    pub fn document(self, nodes: Vec<Value>) -> Value {
        match self {
            Self::Adf => adf::document(nodes),
            Self::Wiki => {
                let parts: Vec<&str> = nodes.iter().filter_map(Value::as_str).collect();
                Value::String(parts.join("\n"))
            }
        }
    }
}

/// Length of a text as Jira measures it at most, in characters (units of UTF-16).
///
/// How Cloud measures a document is not documented; the text of its JSON is never less than what counts.
pub fn length(text: &Value) -> usize {
    match text {
        Value::String(text) => text.encode_utf16().count(),
        document => document.to_string().encode_utf16().count(),
    }
}

/// Length of blocks in the longer of the two forms.
pub fn length_of(blocks: &[Block]) -> usize {
    [Markup::Adf, Markup::Wiki]
        .map(|markup| length(&markup.document(markup.nodes(blocks))))
        .into_iter()
        .max()
        .unwrap_or(0)
}

/// A digest of nodes that is the same before and after Jira has stored them, and whatever people ticked.
pub fn digest(nodes: &[Value]) -> String {
    if nodes.iter().any(Value::is_string) {
        let mut hash = Sha256::new();
        for text in nodes.iter().filter_map(Value::as_str) {
            hash.update(wiki::unticked(&wiki::normal(text)).as_bytes());
            hash.update(b"\n");
        }
        return hex::encode(hash.finalize());
    }
    adf::digest(nodes)
}

/// What people ticked and what not, of the checklists among nodes: by the words of each entry.
pub fn ticks(nodes: &[Value]) -> BTreeMap<String, bool> {
    let in_markup = nodes.iter().filter_map(Value::as_str).flat_map(wiki::ticks);
    in_markup.chain(adf::ticks(nodes)).collect()
}

/// Blocks in which what people ticked is ticked, and nothing else. An entry that is new is not.
pub fn with_ticks<'b>(mut blocks: Cow<'b, [Block]>, ticks: &BTreeMap<String, bool>) -> Cow<'b, [Block]> {
    if ticks.is_empty() {
        return blocks;
    }
    for block in blocks.to_mut() {
        if let Block::Tasks(tasks) = block {
            for task in tasks {
                task.done = ticks.get(&task.name()).copied().unwrap_or(task.done);
            }
        }
    }
    blocks
}

/// Blocks in which the entries that people ticked and that are wanted no more stand below the others, ticked as they were: what
/// was done is not forgotten because something else is to be done now.
pub fn with_done<'b>(mut blocks: Cow<'b, [Block]>, ticks: &BTreeMap<String, bool>) -> Cow<'b, [Block]> {
    if !ticks.values().any(|done| *done) {
        return blocks;
    }
    let tasks_of = |block: &Block| match block {
        Block::Tasks(tasks) => tasks.iter().map(Task::name).collect(),
        _ => Vec::new(),
    };
    let wanted: BTreeSet<String> = blocks.iter().flat_map(tasks_of).collect();
    let is_done = |(task, done): &(&String, &bool)| **done && !wanted.contains(*task);
    let done = ticks.iter().filter(is_done);
    let done: Vec<Task> =
        done.map(|(task, _)| Task { done: true, content: vec![Inline::plain(task.clone())] }).collect();
    if done.is_empty() {
        return blocks;
    }
    let all = blocks.to_mut();
    match all
        .iter_mut()
        .rev()
        .find_map(|block| if let Block::Tasks(tasks) = block { Some(tasks) } else { None })
    {
        Some(tasks) => tasks.extend(done),
        None => all.push(Block::Tasks(done)),
    }
    blocks
}

/// The words of nodes in the form of [`super::document::plain_text`], for people who compare.
pub fn plain_text(nodes: &[Value]) -> String {
    match nodes {
        [Value::String(_), ..] => nodes.iter().filter_map(Value::as_str).map(wiki::plain_text).collect(),
        _ => adf::plain_text(nodes),
    }
}
