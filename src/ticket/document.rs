//! One document model for every dialect: what a ticket's text is made of.
//!
//! Text is held unescaped; each dialect makes it inert in its own way.

use serde::Serialize;

use crate::dispute::unseen;

/// A block of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A heading of level 1 to 6.
    Heading(u8, Vec<Inline>),
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A list; each entry is a sequence of blocks.
    List {
        /// Numbered or bulleted.
        ordered: bool,
        /// The entries.
        entries: Vec<Vec<Block>>,
    },
    /// A checklist: what people tick stays ticked.
    Tasks(Vec<Task>),
    /// A table: one header row, then rows of as many cells.
    Table {
        /// Header cells.
        header: Vec<Vec<Inline>>,
        /// Body rows.
        rows: Vec<Vec<Vec<Inline>>>,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// Verbatim text.
    Code(String),
    /// A horizontal rule.
    Rule,
}

/// An entry of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Task {
    /// Whether it is ticked.
    pub done: bool,
    /// What is to be done, on one line.
    pub content: Vec<Inline>,
}

impl Task {
    /// By what it is known again: its words.
    pub fn name(&self) -> String {
        words(&self.content)
    }

    /// What it looks like where there is no checklist: the sign and the words.
    pub fn line(&self) -> Vec<Inline> {
        let mut line = vec![Inline::plain(format!("{} ", sign(self.done)))];
        line.extend(self.content.iter().cloned());
        line
    }
}

/// The sign of a task.
pub fn sign(done: bool) -> char {
    if done { '☑' } else { '☐' }
}

/// A run of text within a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inline {
    /// Text with marks.
    Text {
        /// The text, never empty.
        text: String,
        /// How it is set.
        marks: Marks,
    },
    /// A line break within the block.
    Break,
}

/// How text is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Marks {
    /// Bold.
    pub strong: bool,
    /// Italic.
    pub emphasis: bool,
    /// Monospaced; excludes the others but links.
    pub code: bool,
    /// Target of a link.
    pub link: Option<String>,
}

impl Inline {
    /// Plain text, with blanks in place of characters that cannot be seen: comments repeat what stood on a ticket.
    pub fn plain(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if unseen(&text).is_some() {
            let seen = |sign: char| {
                if sign != '\n' && unseen(sign.encode_utf8(&mut [0; 4])).is_some() { ' ' } else { sign }
            };
            text = text.chars().map(seen).collect();
        }
        Self::Text { text, marks: Marks::default() }
    }
}

/// The words of a document without any setting, one line per block, cells joined by ` | `.
pub fn plain_text(blocks: &[Block]) -> String {
    let mut text = String::new();
    write_blocks(blocks, "", &mut text);
    text
}

fn write_blocks(blocks: &[Block], indent: &str, text: &mut String) {
    for block in blocks {
        match block {
            Block::Heading(level, inlines) => {
                text.push_str(indent);
                text.push_str(&"#".repeat(usize::from(*level)));
                text.push(' ');
                text.push_str(&words(inlines));
                text.push('\n');
            }
            Block::Paragraph(inlines) => {
                for line in words(inlines).lines() {
                    text.push_str(indent);
                    text.push_str(line);
                    text.push('\n');
                }
            }
            Block::List { ordered, entries } => {
                for (position, entry) in entries.iter().enumerate() {
                    let mut inner = String::new();
                    write_blocks(entry, "", &mut inner);
                    let bullet = if *ordered { format!("{}. ", position + 1) } else { "- ".to_owned() };
                    for (line_number, line) in inner.lines().enumerate() {
                        text.push_str(indent);
                        text.push_str(if line_number == 0 { &bullet } else { "  " });
                        text.push_str(line);
                        text.push('\n');
                    }
                }
            }
            Block::Tasks(tasks) => {
                for task in tasks {
                    text.push_str(&format!("{indent}- {} {}\n", sign(task.done), task.name()));
                }
            }
            Block::Table { header, rows } => {
                for row in std::iter::once(header).chain(rows) {
                    let cells: Vec<String> = row.iter().map(|cell| words(cell)).collect();
                    text.push_str(indent);
                    text.push_str(&cells.join(" | "));
                    text.push('\n');
                }
            }
            Block::Quote(inner) => write_blocks(inner, &format!("{indent}> "), text),
            Block::Code(code) => {
                for line in code.lines() {
                    text.push_str(indent);
                    text.push_str(line);
                    text.push('\n');
                }
            }
            Block::Rule => {
                text.push_str(indent);
                text.push_str("---\n");
            }
        }
    }
}

/// The targets of all links of a document, one per line.
pub fn targets(blocks: &[Block]) -> String {
    fn of(inlines: &[Inline]) -> String {
        let target = |inline: &Inline| match inline {
            Inline::Text { marks: Marks { link: Some(link), .. }, .. } => format!("{link}\n"),
            Inline::Text { .. } | Inline::Break => String::new(),
        };
        inlines.iter().map(target).collect()
    }
    let targets = |block: &Block| match block {
        Block::Heading(_, inlines) | Block::Paragraph(inlines) => of(inlines),
        Block::List { entries, .. } => entries.iter().map(|entry| self::targets(entry)).collect(),
        Block::Tasks(tasks) => tasks.iter().map(|task| of(&task.content)).collect(),
        Block::Table { header, rows } => {
            std::iter::once(header).chain(rows).flatten().map(|cell| of(cell)).collect()
        }
        Block::Quote(inner) => self::targets(inner),
        Block::Code(_) | Block::Rule => String::new(),
    };
    blocks.iter().map(targets).collect()
}

/// The words of some inlines.
pub fn words(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text { text, .. } => text.as_str(),
            Inline::Break => "\n",
        })
        .collect()
}
