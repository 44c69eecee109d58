//! Our block in a ticket's description: visibly delimited; everything outside it belongs to people.

use serde_json::{Value, json};

use super::{adf, markup::Markup};
use crate::group::{GroupId, LABEL_PREFIX};

const OPENING: &str = "▼ disputebot writes between these two lines; your own words are safe above and below";
const OPENING_MARK: &str = "▼ disputebot";
const CLOSING_MARK: &str = "▲ disputebot";
/// Ends the closing line.
const HINT: &str = " · comment /disputebot help to see what you can tell it";

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
    let closing = format!("{CLOSING_MARK} · {}{HINT}", group.label());
    match markup {
        Markup::Adf => {
            let line = |text: &str| json!({ "type": "paragraph", "content": [{ "type": "text", "text": text, "marks": [{ "type": "em" }] }] });
            let mut content = above.to_vec();
            content.push(line(OPENING));
            content.extend_from_slice(ours);
            content.push(line(&closing));
            content.extend_from_slice(below);
            adf::document(content)
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
    let starts = |node: &Value, mark: &str| node["type"] == "paragraph" && adf::text_starts_with(node, mark);
    let Some(first) = nodes.iter().position(|node| starts(node, OPENING_MARK)) else {
        return Located::Missing;
    };
    let Some(length) = nodes[first + 1..].iter().position(|node| starts(node, CLOSING_MARK)) else {
        return Located::Missing;
    };
    let last = first + 1 + length;
    Located::Block {
        above: nodes[..first].iter().cloned().chain(behind(&nodes[first])).collect(),
        ours: nodes[first + 1..last].to_vec(),
        below: behind(&nodes[last]).into_iter().chain(nodes[last + 1..].iter().cloned()).collect(),
    }
}

/// How many bytes of a line that begins with a delimiter are ours: whatever else stands in it, a person wrote.
fn delimiter(line: &str) -> usize {
    let Some(behind) = line.strip_prefix(CLOSING_MARK) else {
        return if line.starts_with(OPENING) { OPENING.len() } else { OPENING_MARK.len() };
    };
    let label = behind.strip_prefix(" · ").and_then(|label| {
        let length = LABEL_PREFIX.len() + GroupId::from_bits(0).as_str().len();
        GroupId::parse(label.get(..length)?)?;
        Some(&label[length..])
    });
    let Some(rest) = label else { return CLOSING_MARK.len() };
    line.len() - rest.strip_prefix(HINT).unwrap_or(rest).len()
}

/// What a person wrote into the paragraph of a delimiter, as one of its own.
fn behind(paragraph: &Value) -> Option<Value> {
    let mut ours = delimiter(&adf::text_of(paragraph));
    let mut theirs = Vec::new();
    for node in paragraph["content"].as_array().into_iter().flatten() {
        let text = node["text"].as_str().unwrap_or_default();
        let cut = ours.min(text.len());
        ours -= cut;
        let rest = text.get(cut..).unwrap_or(text);
        let rest = if theirs.is_empty() { rest.trim_start() } else { rest };
        // A break at their beginning stands between our words and theirs.
        let is_between = node["type"] == "hardBreak" && theirs.is_empty();
        if node["type"] != "text" && !is_between {
            theirs.push(node.clone());
        } else if !rest.is_empty() {
            let mut node = node.clone();
            node["text"] = json!(rest);
            theirs.push(node);
        }
    }
    (!theirs.is_empty()).then(|| json!({ "type": "paragraph", "content": theirs }))
}

/// In markup, what people wrote is kept to the character, the ends of lines included.
fn in_markup(text: &str) -> Located {
    let starts = |line: &str, mark: &str| line.trim_start().trim_start_matches(['_', '*']).starts_with(mark);
    let (mut at, mut opening, mut closing) = (0, None, None);
    for line in text.split_inclusive('\n') {
        let end = at + line.trim_end_matches(['\n', '\r']).len();
        let places = || (at, at + delimiter_of_markup(&text[at..end]), end);
        match opening {
            None if starts(line, OPENING_MARK) => opening = Some(places()),
            Some(_) if closing.is_none() && starts(line, CLOSING_MARK) => closing = Some(places()),
            _ => {}
        }
        at += line.len();
    }
    let (Some(opening), Some(closing)) = (opening, closing) else { return Located::Missing };
    let part = |text: String| if text.is_empty() { Vec::new() } else { vec![Value::String(text)] };
    let ours = text[opening.2..closing.0].trim_matches(['\n', '\r']);
    let mut above = text[..opening.0].to_owned();
    let behind = text[opening.1..opening.2].trim();
    if !behind.is_empty() {
        above.push_str(behind);
        above.push_str("\n\n");
    }
    let below = match text[closing.1..closing.2].trim_start() {
        "" => text[closing.2..].to_owned(),
        _ => format!("\n\n{}", text[closing.1..].trim_start()),
    };
    Located::Block { above: part(above), ours: vec![Value::String(ours.to_owned())], below: part(below) }
}

/// The same in a line of markup, with what makes it slanted.
fn delimiter_of_markup(line: &str) -> usize {
    let slanted = line.trim_start();
    let words = slanted.trim_start_matches(['_', '*']);
    let slant = &slanted[..slanted.len() - words.len()];
    let behind = &words[delimiter(words)..];
    // A star that follows may begin a bold word of theirs.
    line.len() - behind.strip_prefix(slant).unwrap_or(behind).len()
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
    fn what_people_write_into_the_line_of_a_delimiter_is_theirs() {
        let group = GroupId::from_bits(7);
        let mention = json!({ "type": "mention", "attrs": { "id": "x", "text": "@Example Analyst" } });
        let whole = compose(Markup::Adf, &group, &[], &[paragraph("ours")], &[]);
        let mut edited = whole.clone();
        for place in [0, 2] {
            let inline = edited["content"][place]["content"].as_array_mut().unwrap();
            inline.extend([
                json!({ "type": "hardBreak" }),
                json!({ "type": "text", "text": " called TX, ask " }),
            ]);
            inline.push(mention.clone());
        }
        let theirs = vec![json!({ "type": "paragraph", "content": [
            { "type": "text", "text": "called TX, ask " }, mention,
        ] })];
        let expected =
            Located::Block { above: theirs.clone(), ours: vec![paragraph("ours")], below: theirs.clone() };
        assert_eq!(locate(&edited), expected);
        // In the middle of the words, and of a form that is not known any more.
        let mut edited = whole.clone();
        let text = whole["content"][0]["content"][0].clone();
        let halves = text["text"].as_str().unwrap().split_at("▼ disputebot writes".len());
        let half = |words: &str| json!({ "type": "text", "text": words });
        edited["content"][0]["content"] = json!([half(halves.0), mention, half(halves.1)]);
        let Located::Block { above, .. } = locate(&edited) else { panic!("the block is lost") };
        assert!(json!(above).to_string().contains("@Example Analyst"), "{above:?}");
        let mut edited = whole;
        edited["content"][0]["content"][0]["text"] = json!("▼ disputebot CALL ME");
        edited["content"][2]["content"][0]["text"] = json!("▲ disputebot · dispute-group- gone");
        let Located::Block { above, below, .. } = locate(&edited) else { panic!("the block is lost") };
        assert_eq!(
            [adf::plain_text(&above), adf::plain_text(&below)],
            ["CALL ME\n", "· dispute-group- gone\n"]
        );

        let Value::String(whole) =
            compose(Markup::Wiki, &group, &[], &[Value::String("ours".to_owned())], &[])
        else {
            panic!("markup is a string")
        };
        let edited: Vec<String> = whole
            .lines()
            .map(|line| if line.starts_with('_') { format!("{line} called TX") } else { line.to_owned() })
            .collect();
        let expected = Located::Block {
            above: vec![json!("called TX\n\n")],
            ours: vec![json!("ours")],
            below: vec![json!("\n\ncalled TX")],
        };
        assert_eq!(locate(&Value::String(edited.join("\n"))), expected);
        let bold = whole.replace("tell it_", "tell it_*TX*");
        let Located::Block { below, .. } = locate(&Value::String(bold)) else { panic!("the block is lost") };
        assert_eq!(below, [json!("\n\n*TX*")]);
        let within = whole.replace("tell it_", "tell it, or TX_");
        let Located::Block { below, .. } = locate(&Value::String(within)) else {
            panic!("the block is lost")
        };
        assert_eq!(below, [json!("\n\n, or TX_")]);
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
