//! Our block in a ticket's description: visibly delimited; everything outside it belongs to people.

use serde_json::{Value, json};

use super::adf;
use crate::group::GroupId;

const OPENING: &str = "▼ disputebot writes between these two lines; your own words are safe above and below";
const OPENING_MARK: &str = "▼ disputebot";
const CLOSING_MARK: &str = "▲ disputebot";

/// What a description holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Located {
    /// Our block, with what people wrote around it.
    Block {
        /// Nodes before the opening line.
        above: Vec<Value>,
        /// Our nodes, delimiters excluded.
        ours: Vec<Value>,
        /// Nodes after the closing line.
        below: Vec<Value>,
    },
    /// No block, or a damaged one: one delimiter is gone, or they are in the wrong order.
    Missing,
}

/// Finds our block in an ADF document.
pub fn locate(description: &Value) -> Located {
    let nodes = description.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let starts =
        |node: &Value, mark: &str| node["type"] == "paragraph" && adf::text_of(node).starts_with(mark);
    let Some(first) = nodes.iter().position(|node| starts(node, OPENING_MARK)) else {
        return Located::Missing;
    };
    let Some(length) = nodes[first + 1..].iter().position(|node| starts(node, CLOSING_MARK)) else {
        return Located::Missing;
    };
    let last = first + 1 + length;
    Located::Block {
        above: nodes[..first].to_vec(),
        ours: nodes[first + 1..last].to_vec(),
        below: nodes[last + 1..].to_vec(),
    }
}

/// A description with our nodes between the delimiters and people's nodes around them.
pub fn compose(group: &GroupId, above: &[Value], ours: &[Value], below: &[Value]) -> Value {
    let line = |text: String| json!({ "type": "paragraph", "content": [{ "type": "text", "text": text, "marks": [{ "type": "em" }] }] });
    let mut content = above.to_vec();
    content.push(line(OPENING.to_owned()));
    content.extend_from_slice(ours);
    content.push(line(format!("{CLOSING_MARK} · {}", group.label())));
    content.extend_from_slice(below);
    adf::document(&content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(text: &str) -> Value {
        json!({ "type": "paragraph", "content": [{ "type": "text", "text": text }] })
    }

    #[test]
    fn what_people_write_around_the_block_is_found_again() {
        let group = GroupId::from_bits(7);
        let whole = compose(&group, &[paragraph("mine")], &[paragraph("ours")], &[paragraph("also mine")]);
        let expected = Located::Block {
            above: vec![paragraph("mine")],
            ours: vec![paragraph("ours")],
            below: vec![paragraph("also mine")],
        };
        assert_eq!(locate(&whole), expected);
    }

    #[test]
    fn a_lost_delimiter_means_no_block() {
        let group = GroupId::from_bits(7);
        let mut whole = compose(&group, &[], &[paragraph("ours")], &[]);
        whole["content"].as_array_mut().unwrap().pop();
        assert_eq!(locate(&whole), Located::Missing);
    }

    #[test]
    fn the_digest_ignores_what_jira_adds_when_it_stores() {
        let ours = vec![json!({ "type": "table", "content": [] }), paragraph("x")];
        let stored = vec![
            json!({ "type": "table", "attrs": { "localId": "a", "layout": "default", "isNumberColumnEnabled": false }, "content": [] }),
            paragraph("x"),
        ];
        assert_eq!(adf::digest(&ours), adf::digest(&stored));
        assert_ne!(adf::digest(&ours), adf::digest(&[paragraph("y")]));
    }
}
