//! The validator against the vendor's own schema: two verdicts on thousands of made and hostile documents.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::validate;
use crate::sandbox::chance::Chance;

/// What the sandbox knows; everything else of the schema it refuses.
const NODES: [&str; 33] = [
    "doc",
    "paragraph",
    "heading",
    "text",
    "hardBreak",
    "status",
    "date",
    "mention",
    "bulletList",
    "orderedList",
    "listItem",
    "taskList",
    "taskItem",
    "codeBlock",
    "blockquote",
    "rule",
    "panel",
    "table",
    "tableRow",
    "tableHeader",
    "tableCell",
    "expand",
    "emoji",
    "inlineCard",
    "mediaInline",
    "media",
    "mediaSingle",
    "mediaGroup",
    "caption",
    "blockCard",
    "embedCard",
    "decisionList",
    "decisionItem",
];
const MARKS: [&str; 10] = [
    "code",
    "strong",
    "em",
    "strike",
    "underline",
    "link",
    "textColor",
    "backgroundColor",
    "subsup",
    "annotation",
];
/// Marks that files may carry.
const ON_MEDIA: [&str; 3] = ["link", "annotation", "border"];
/// Nodes and marks that the schema has beside those, and what no schema has.
const FOREIGN: [&str; 10] = [
    "nestedExpand",
    "placeholder",
    "blockTaskItem",
    "border",
    "alignment",
    "breakout",
    "layoutSection",
    "extension",
    "iframe",
    "",
];

/// The vendor's schema where it lies beside the checkout.
fn schema() -> Option<jsonschema::Validator> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/jira/adf-full.schema.json");
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("not compared: there is no ../shared/jira/adf-full.schema.json beside the checkout");
        return None;
    };
    let schema = serde_json::from_str(&text).expect("a schema");
    Some(jsonschema::draft4::new(&schema).expect("a sound schema"))
}

struct Author {
    chance: Chance,
}

impl Author {
    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let position = usize::try_from(self.chance.below(choices.len() as u64)).expect("a position");
        &choices[position]
    }

    /// A document that holds to the rules, mostly.
    fn document(&mut self) -> Value {
        let blocks = self.blocks(&DOCUMENT, 3, 0);
        json!({ "type": "doc", "version": 1, "content": blocks })
    }

    fn blocks(&mut self, kinds: &[&str], most: u64, least: u64) -> Vec<Value> {
        let count = least + self.chance.below(most);
        (0..count).map(|_| self.block(kinds)).collect()
    }

    fn block(&mut self, kinds: &[&str]) -> Value {
        let kind = *self.one_of(kinds);
        let content = match kind {
            "paragraph" | "heading" | "taskItem" | "decisionItem" => Some(self.inlines()),
            "codeBlock" => Some(vec![json!({ "type": "text", "text": "x" })]),
            "bulletList" | "orderedList" => Some(self.blocks(&["listItem"], 2, 1)),
            "listItem" => Some(self.blocks(&LIST, 2, 1)),
            "taskList" => Some(self.blocks(&["taskItem", "taskItem", "taskList"], 2, 1)),
            "table" => Some(self.blocks(&["tableRow"], 2, 1)),
            "tableRow" => Some(self.blocks(&["tableCell", "tableHeader"], 3, 0)),
            "tableCell" | "tableHeader" => Some(self.blocks(&CELL, 2, 1)),
            "panel" => Some(self.blocks(&PANEL, 2, 1)),
            "blockquote" => Some(self.blocks(&QUOTE, 2, 1)),
            "expand" => Some(self.blocks(&EXPAND, 2, 1)),
            "nestedExpand" => Some(self.blocks(&NESTED, 2, 1)),
            "mediaSingle" if self.chance.percent(50) => Some(self.blocks(&["media"], 1, 1)),
            "mediaSingle" => Some(vec![self.block(&["media"]), self.block(&["caption"])]),
            "mediaGroup" => Some(self.blocks(&["media"], 2, 1)),
            "caption" => Some(vec![json!({ "type": "text", "text": "z", "marks": self.marks() })]),
            "decisionList" => Some(self.blocks(&["decisionItem"], 2, 1)),
            _ => None,
        };
        let mut node = json!({ "type": kind });
        let attributes = self.attributes(kind);
        if !attributes.is_empty() || kind == "nestedExpand" {
            node["attrs"] = Value::Object(attributes);
        }
        if matches!(kind, "media" | "mediaSingle") && self.chance.percent(25) {
            node["marks"] = json!([{ "type": "link", "attrs": { "href": "https://example.com" } }]);
        }
        if let Some(content) = content {
            node["content"] = Value::Array(content);
        }
        node
    }

    fn inlines(&mut self) -> Vec<Value> {
        (0..self.chance.below(3))
            .map(|_| match self.chance.below(30) {
                0..4 => json!({ "type": "hardBreak" }),
                4..8 => {
                    let color = *self.one_of(&["red", "#00ff00", "grey"]);
                    json!({ "type": "status", "attrs": { "text": "LATE", "color": color } })
                }
                8..12 => {
                    let timestamp = *self.one_of(&["1767225600000", ""]);
                    json!({ "type": "date", "attrs": { "timestamp": timestamp } })
                }
                12..16 => json!({ "type": "mention", "attrs": { "id": "someone" } }),
                // Right by the schema, and more than the sandbox has a rule for.
                16 => json!({ "type": "placeholder", "attrs": { "text": "x" } }),
                17..20 => json!({ "type": "text", "text": "y" }),
                20..26 => self.block(&["emoji", "inlineCard", "mediaInline"]),
                _ => json!({ "type": "text", "text": "z", "marks": self.marks() }),
            })
            .collect()
    }

    fn marks(&mut self) -> Vec<Value> {
        (0..self.chance.below(3))
            .map(|_| match *self.one_of(&MARKS) {
                "link" => json!({ "type": "link", "attrs": { "href": "https://example.com" } }),
                kind @ ("textColor" | "backgroundColor") => {
                    let color = *self.one_of(&["#00ff00", "#00FF0", "red"]);
                    json!({ "type": kind, "attrs": { "color": color } })
                }
                "subsup" => {
                    json!({ "type": "subsup", "attrs": { "type": *self.one_of(&["sub", "sup", "x"]) } })
                }
                "annotation" => {
                    json!({ "type": "annotation", "attrs": { "id": "a", "annotationType": "inlineComment" } })
                }
                kind => json!({ "type": kind }),
            })
            .collect()
    }

    fn attributes(&mut self, kind: &str) -> Map<String, Value> {
        let mut attributes = Map::new();
        let mut add = |name: &str, value: Value| {
            attributes.insert(name.to_owned(), value);
        };
        match kind {
            "heading" => add("level", json!(1 + self.chance.below(6))),
            "panel" => add("panelType", json!(*self.one_of(&["info", "note", "custom", "loud"]))),
            "taskList" | "decisionList" => add("localId", json!("a")),
            "taskItem" => {
                add("localId", json!("b"));
                add("state", json!(*self.one_of(&["TODO", "DONE"])));
            }
            "decisionItem" => {
                add("localId", json!("b"));
                add("state", json!("DECIDED"));
            }
            "emoji" => add("shortName", json!(":wave:")),
            "inlineCard" | "blockCard" => {
                let name = *self.one_of(&["url", "url", "data"]);
                add(name, json!("x"));
            }
            "embedCard" => {
                add("url", json!("x"));
                add("layout", json!(*self.one_of(&["wide", "default"])));
            }
            "mediaInline" => {
                add("id", json!("1"));
                add("collection", json!(""));
            }
            "media" if self.chance.percent(50) => {
                add("type", json!(*self.one_of(&["file", "link", "external"])));
                add("id", json!("1"));
                add("collection", json!(""));
            }
            "media" => {
                add("type", json!("external"));
                add("url", json!("x"));
            }
            "mediaSingle" if self.chance.percent(50) => {
                add("layout", json!("center"));
                add("width", json!(*self.one_of(&[50, 200])));
                add("widthType", json!(*self.one_of(&["pixel", "percentage"])));
            }
            "mediaSingle" => add("layout", json!("center")),
            _ => {}
        }
        if self.chance.percent(25) {
            let name = *self.one_of(&ATTRIBUTES);
            let value = self.value();
            add(name, value);
        }
        attributes
    }

    fn value(&mut self) -> Value {
        let values = [
            json!("x"),
            json!(""),
            json!(2),
            json!(-1),
            json!(0.5),
            json!(true),
            json!(null),
            json!([1, 2]),
            json!({}),
            json!("default"),
            json!("top"),
            json!("center"),
        ];
        self.one_of(&values).clone()
    }

    /// Spoils one place of a document: the ways in which a program gets it wrong.
    fn spoil(&mut self, document: &mut Value) {
        let how = self.chance.below(8);
        let fits = |value: &Value| match how {
            0 => true,
            6 => value.is_array(),
            7 => value.get("content").is_some(),
            _ => value.get("type").is_some(),
        };
        let mut paths = Vec::new();
        collect(document, "", &mut paths);
        paths.retain(|path| document.pointer(path).is_some_and(fits));
        if paths.is_empty() {
            return;
        }
        let path = self.one_of(&paths).clone();
        let value = self.value();
        let kind = if self.chance.percent(50) { *self.one_of(&NODES) } else { *self.one_of(&FOREIGN) };
        let name = *self.one_of(&ATTRIBUTES);
        let key = *self.one_of(&["type", "content", "attrs", "marks", "text", "version"]);
        let Some(place) = document.pointer_mut(&path) else { return };
        match (how, place) {
            (0, place) => *place = value,
            (1, Value::Object(node)) => drop(node.remove(key)),
            (2, Value::Object(node)) => drop(node.insert("type".to_owned(), json!(kind))),
            (3, Value::Object(node)) => drop(node.insert(name.to_owned(), value)),
            (4, Value::Object(node)) => drop(node.insert(key.to_owned(), value)),
            (5, Value::Object(node)) => drop(node.insert("marks".to_owned(), json!([{ "type": kind }]))),
            (6, Value::Array(list)) => list.push(json!({ "type": kind })),
            (7, Value::Object(node)) => drop(node.insert("content".to_owned(), json!([]))),
            _ => {}
        }
    }
}

const DOCUMENT: [&str; 16] = [
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "taskList",
    "codeBlock",
    "blockquote",
    "rule",
    "panel",
    "table",
    "expand",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
    "embedCard",
    "decisionList",
];
const LIST: [&str; 6] = ["paragraph", "bulletList", "orderedList", "taskList", "codeBlock", "mediaSingle"];
const QUOTE: [&str; 6] = ["paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle", "mediaGroup"];
const PANEL: [&str; 11] = [
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "rule",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
    "decisionList",
];
const CELL: [&str; 12] = [
    "paragraph",
    "heading",
    "bulletList",
    "codeBlock",
    "rule",
    "panel",
    "blockquote",
    "nestedExpand",
    "mediaSingle",
    "blockCard",
    "embedCard",
    "decisionList",
];
const NESTED: [&str; 7] =
    ["paragraph", "heading", "rule", "panel", "blockquote", "mediaSingle", "decisionList"];
const EXPAND: [&str; 9] = [
    "paragraph",
    "heading",
    "table",
    "panel",
    "nestedExpand",
    "blockquote",
    "mediaGroup",
    "blockCard",
    "embedCard",
];
const ATTRIBUTES: [&str; 28] = [
    "localId",
    "title",
    "level",
    "order",
    "panelType",
    "panelColor",
    "panelIcon",
    "language",
    "uniqueId",
    "wrap",
    "layout",
    "width",
    "displayMode",
    "isNumberColumnEnabled",
    "colspan",
    "colwidth",
    "background",
    "valign",
    "state",
    "colour",
    "url",
    "data",
    "id",
    "type",
    "alt",
    "collection",
    "occurrenceKey",
    "widthType",
];

/// JSON pointers to everything in a value.
fn collect(value: &Value, path: &str, paths: &mut Vec<String>) {
    paths.push(path.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &format!("{path}/{name}"), paths);
            }
        }
        Value::Array(entries) => {
            for (position, entry) in entries.iter().enumerate() {
                collect(entry, &format!("{path}/{position}"), paths);
            }
        }
        _ => {}
    }
}

/// Whether a document holds only what the sandbox has a rule for.
fn is_known(node: &Value) -> bool {
    let kind = node["type"].as_str().unwrap_or_default();
    let marks = node["marks"].as_array().map_or(&[][..], Vec::as_slice);
    let of =
        |known: &[&str]| marks.iter().all(|mark| known.contains(&mark["type"].as_str().unwrap_or_default()));
    let known_marks = match kind {
        "text" => of(&MARKS),
        "media" | "mediaInline" | "mediaSingle" => of(&ON_MEDIA),
        _ => marks.is_empty(),
    };
    // The one rule that is stricter than the schema.
    let whole_level = kind != "heading" || node["attrs"]["level"].is_u64();
    (NODES.contains(&kind) || kind == "nestedExpand")
        && known_marks
        && whole_level
        && node["attrs"].get("datasource").is_none()
        && node["content"].as_array().into_iter().flatten().all(is_known)
}

#[test]
fn the_validator_and_the_vendors_schema_agree() {
    let Some(schema) = schema() else { return };
    let (mut right, mut wrong, mut beyond) = (0, 0, 0);
    for seed in 0..2_500 {
        let mut author = Author { chance: Chance::new(seed) };
        let mut document = author.document();
        for _ in 0..seed % 3 {
            author.spoil(&mut document);
        }
        let (ours, theirs) = (validate(&document), schema.is_valid(&document));
        let told = || {
            let fault = schema.validate(&document).err().map(|fault| fault.to_string());
            format!("seed {seed}: ours {ours:?}, theirs {fault:?}\n{document:#}")
        };
        match (ours.is_ok(), theirs) {
            (true, true) => right += 1,
            (false, false) => wrong += 1,
            (true, false) => panic!("accepted what the schema refuses: {}", told()),
            (false, true) => {
                assert!(!is_known(&document), "refused what the schema accepts: {}", told());
                beyond += 1;
            }
        }
    }
    assert!(right > 500 && wrong > 1_000 && beyond > 3, "{right} right, {wrong} wrong, {beyond} beyond");
}
