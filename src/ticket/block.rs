//! Our block in a ticket's description: visibly delimited; everything outside it belongs to people.

use serde_json::{Value, json};

use super::{adf, markup::Markup};
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

/// Finds our block in a description as Jira shows it.
pub fn locate(description: &Value) -> Located {
    match description {
        Value::String(text) => in_markup(text),
        _ => in_document(description),
    }
}

/// A description with our nodes between the delimiters and people's nodes around them.
pub fn compose(markup: Markup, group: &GroupId, above: &[Value], ours: &[Value], below: &[Value]) -> Value {
    let closing = format!("{CLOSING_MARK} · {}", group.label());
    match markup {
        Markup::Adf => {
            let line = |text: &str| json!({ "type": "paragraph", "content": [{ "type": "text", "text": text, "marks": [{ "type": "em" }] }] });
            let mut content = above.to_vec();
            content.push(line(OPENING));
            content.extend_from_slice(ours);
            content.push(line(&closing));
            content.extend_from_slice(below);
            adf::document(&content)
        }
        Markup::Wiki => {
            let text =
                |nodes: &[Value]| nodes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
            let (above, ours, below) = (text(above), text(ours), text(below));
            Value::String(format!("{above}_{OPENING}_\n\n{ours}\n\n_{closing}_{below}"))
        }
    }
}

fn in_document(description: &Value) -> Located {
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

/// In markup, what people wrote is kept to the character, the ends of lines included.
fn in_markup(text: &str) -> Located {
    let starts = |line: &str, mark: &str| line.trim_start().trim_start_matches(['_', '*']).starts_with(mark);
    let (mut at, mut opening, mut closing) = (0, None, None);
    for line in text.split_inclusive('\n') {
        let whole = (at, at + line.trim_end_matches(['\n', '\r']).len());
        match opening {
            None if starts(line, OPENING_MARK) => opening = Some(whole),
            Some(_) if closing.is_none() && starts(line, CLOSING_MARK) => closing = Some(whole),
            _ => {}
        }
        at += line.len();
    }
    let (Some(opening), Some(closing)) = (opening, closing) else { return Located::Missing };
    let part = |from: usize, to: usize| match &text[from..to] {
        "" => Vec::new(),
        part => vec![Value::String(part.to_owned())],
    };
    let ours = text[opening.1..closing.0].trim_matches(['\n', '\r']);
    Located::Block {
        above: part(0, opening.0),
        ours: vec![Value::String(ours.to_owned())],
        below: part(closing.1, text.len()),
    }
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
        let whole = compose(
            Markup::Adf,
            &group,
            &[paragraph("mine")],
            &[paragraph("ours")],
            &[paragraph("also mine")],
        );
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
        let mut whole = compose(Markup::Adf, &group, &[], &[paragraph("ours")], &[]);
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

    #[test]
    fn in_markup_peoples_words_are_kept_to_the_character() {
        let group = GroupId::from_bits(7);
        let text = |text: &str| vec![Value::String(text.to_owned())];
        for (above, below) in [("", ""), ("mine\r\n\r\n", "\r\nalso mine "), ("h1. x\n", "\n\n")] {
            let nodes =
                |text: &str| if text.is_empty() { Vec::new() } else { vec![Value::String(text.to_owned())] };
            let (above, below) = (nodes(above), nodes(below));
            let whole = compose(Markup::Wiki, &group, &above, &text("*ours*"), &below);
            assert_eq!(locate(&whole), Located::Block { above, ours: text("*ours*"), below });
            let Value::String(stored) = &whole else { panic!("markup is a string") };
            // Jira's editor ends every line with two characters.
            let edited = Value::String(stored.replace("\r\n", "\n").replace('\n', "\r\n"));
            let Located::Block { ours, .. } = locate(&edited) else { panic!("the block is lost") };
            assert_eq!(crate::ticket::markup::digest(&ours), crate::ticket::markup::digest(&text("*ours*")));
        }
        assert_eq!(locate(&Value::String("▼ disputebot x\nwords".to_owned())), Located::Missing);
    }
}
