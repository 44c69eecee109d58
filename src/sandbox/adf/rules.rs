//! What each kind of node may have: attributes, children, marks.

use serde_json::Value;

/// A rule for one kind of node.
pub(super) struct Rule {
    pub(super) attributes: Attributes,
    /// Other attributes that it may have instead.
    pub(super) or: Option<Attributes>,
    pub(super) children: Children,
    pub(super) marks: Marks,
}

/// The attributes of a node.
#[derive(Clone, Copy)]
pub(super) struct Attributes {
    /// Those that it may have, each with what its value must be.
    pub(super) known: &'static [(&'static str, Check)],
    /// Those that it must have.
    pub(super) required: &'static [&'static str],
}

/// What marks a node may carry that is no text.
#[derive(Clone, Copy)]
pub(super) enum Marks {
    None,
    /// A list of them, which is empty.
    Empty,
    /// Some of these.
    Of(&'static [&'static str]),
}

/// What a node may contain.
pub(super) enum Children {
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
    /// A file, and a caption below it where there is one.
    Captioned,
}

/// What the value of an attribute must be.
#[derive(Clone, Copy)]
pub(super) enum Check {
    Text,
    FilledText,
    Number,
    Level,
    NotNegative,
    Flag,
    Numbers,
    Color,
    PlainColor,
    Percent,
    Border,
    Anything,
    OneOf(&'static [&'static str]),
}

pub(super) const INLINE: &[&str] =
    &["text", "hardBreak", "status", "date", "mention", "emoji", "inlineCard", "mediaInline"];
pub(super) const CAPTION: &[&str] =
    &["text", "hardBreak", "status", "date", "mention", "emoji", "inlineCard"];
const LIST_BLOCKS: &[&str] =
    &["paragraph", "bulletList", "orderedList", "taskList", "codeBlock", "mediaSingle"];
const QUOTE_BLOCKS: &[&str] =
    &["paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle", "mediaGroup"];
const PANEL_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "decisionList",
    "rule",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
];
const NESTED_EXPAND_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "decisionList",
    "rule",
    "panel",
    "blockquote",
    "mediaSingle",
    "mediaGroup",
];
const CELL_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "decisionList",
    "rule",
    "panel",
    "blockquote",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
    "embedCard",
    "nestedExpand",
];
const EXPAND_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "decisionList",
    "rule",
    "panel",
    "blockquote",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
    "embedCard",
    "nestedExpand",
    "table",
];
pub(super) const DOCUMENT_BLOCKS: &[&str] = &[
    "paragraph",
    "heading",
    "bulletList",
    "orderedList",
    "codeBlock",
    "taskList",
    "decisionList",
    "rule",
    "panel",
    "blockquote",
    "mediaSingle",
    "mediaGroup",
    "blockCard",
    "embedCard",
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

const CARD_LAYOUTS: Check =
    Check::OneOf(&["wide", "full-width", "center", "wrap-right", "wrap-left", "align-end", "align-start"]);
const BY_ADDRESS: Attributes = Attributes { known: &[("url", Check::Text), LOCAL_ID], required: &["url"] };
const BY_DATA: Attributes = Attributes { known: &[("data", Check::Anything), LOCAL_ID], required: &["data"] };
const ON_MEDIA: Marks = Marks::Of(&["link", "annotation", "border"]);

pub(super) fn rule_for(kind: &str) -> Option<Rule> {
    let with = |known, required, children, marks| {
        Some(Rule { attributes: Attributes { known, required }, or: None, children, marks })
    };
    let rule = |known, required, children| with(known, required, children, Marks::None);
    let markable = |known, required, children| with(known, required, children, Marks::Empty);
    let either =
        |attributes, other, children, marks| Some(Rule { attributes, or: Some(other), children, marks });
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
        "emoji" => rule(
            &[("shortName", Check::Text), ("id", Check::Text), ("text", Check::Text), LOCAL_ID],
            &["shortName"],
            Children::None,
        ),
        "inlineCard" | "blockCard" => either(BY_ADDRESS, BY_DATA, Children::None, Marks::None),
        "embedCard" => rule(
            &[
                ("url", Check::Text),
                ("layout", CARD_LAYOUTS),
                ("width", Check::Percent),
                ("originalHeight", Check::Number),
                ("originalWidth", Check::Number),
                LOCAL_ID,
            ],
            &["url", "layout"],
            Children::None,
        ),
        "media" => either(
            Attributes {
                known: &[
                    ("type", Check::OneOf(&["link", "file"])),
                    ("id", Check::FilledText),
                    ("collection", Check::Text),
                    ("alt", Check::Text),
                    ("occurrenceKey", Check::FilledText),
                    ("width", Check::Number),
                    ("height", Check::Number),
                    LOCAL_ID,
                ],
                required: &["type", "id", "collection"],
            },
            Attributes {
                known: &[
                    ("type", Check::OneOf(&["external"])),
                    ("url", Check::Text),
                    ("alt", Check::Text),
                    ("width", Check::Number),
                    ("height", Check::Number),
                    LOCAL_ID,
                ],
                required: &["type", "url"],
            },
            Children::None,
            ON_MEDIA,
        ),
        "mediaInline" => with(
            &[
                ("type", Check::OneOf(&["link", "file", "image"])),
                ("id", Check::FilledText),
                ("collection", Check::Text),
                ("alt", Check::Text),
                ("occurrenceKey", Check::FilledText),
                ("width", Check::Number),
                ("height", Check::Number),
                ("data", Check::Anything),
                LOCAL_ID,
            ],
            &["id", "collection"],
            Children::None,
            ON_MEDIA,
        ),
        "mediaSingle" => either(
            Attributes {
                known: &[
                    ("layout", CARD_LAYOUTS),
                    ("width", Check::Percent),
                    ("widthType", Check::OneOf(&["percentage"])),
                    LOCAL_ID,
                ],
                required: &["layout"],
            },
            Attributes {
                known: &[
                    ("layout", CARD_LAYOUTS),
                    ("width", Check::NotNegative),
                    ("widthType", Check::OneOf(&["pixel"])),
                    LOCAL_ID,
                ],
                required: &["layout", "width", "widthType"],
            },
            Children::Captioned,
            Marks::Of(&["link"]),
        ),
        "mediaGroup" => rule(&[], &[], Children::Some(&["media"])),
        "caption" => rule(&[LOCAL_ID], &[], Children::Inline),
        "decisionList" => rule(&[LOCAL_ID], &["localId"], Children::Some(&["decisionItem"])),
        "decisionItem" => rule(&[("state", Check::Text), LOCAL_ID], &["localId", "state"], Children::Inline),
        _ => None,
    }
}

impl Check {
    /// The error is what was expected.
    pub(super) fn apply(self, value: &Value) -> Result<(), String> {
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
            Self::PlainColor => (value.as_str().is_some_and(|text| is_hex(text, &[6])), "#rrggbb"),
            Self::Percent => {
                let is_within = value.as_f64().is_some_and(|number| (0.0..=100.0).contains(&number));
                (is_within, "a number from 0 to 100")
            }
            Self::Border => {
                let is_within = value.as_f64().is_some_and(|number| (1.0..=3.0).contains(&number));
                (is_within, "a number from 1 to 3")
            }
            Self::Anything => (true, "anything"),
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
    matches!(text, "neutral" | "purple" | "blue" | "red" | "yellow" | "green") || is_hex(text, &[6])
}

pub(super) fn is_hex(text: &str, lengths: &[usize]) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        lengths.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}
