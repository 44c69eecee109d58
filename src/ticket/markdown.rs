//! Markdown, as templates write it, to the document model; and the escaping of values put into a template.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::document::{Block, Inline, Marks, Task};

/// Makes a value inert in Markdown: every ASCII punctuation is escaped, control and bidirectional override
/// characters are dropped, line breaks become spaces.
pub(super) fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len() + value.len() / 4);
    for character in value.chars() {
        match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => escaped.push(' '),
            _ if hidden(character) => {}
            _ if character.is_ascii_punctuation() => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The same value for plain single-line text: nothing escaped, nothing hidden, one line.
pub fn flatten(value: &str) -> String {
    value
        .chars()
        .filter(|character| !hidden(*character) || matches!(character, '\n' | '\r' | '\t'))
        .map(
            |character| {
                if matches!(character, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}') {
                    ' '
                } else {
                    character
                }
            },
        )
        .collect()
}

fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Parses Markdown (with tables and checklists). Raw HTML becomes text.
pub fn parse(markdown: &str) -> Vec<Block> {
    let mut builder = Builder::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS) {
        builder.take(event);
    }
    builder.finish()
}

/// What is open while parsing.
#[derive(Debug)]
enum Open {
    Blocks(Vec<Block>),
    List { ordered: bool, entries: Vec<Vec<Block>>, ticks: Vec<Option<bool>> },
    Table { header: Vec<Vec<Inline>>, rows: Vec<Vec<Vec<Inline>>>, row: Vec<Vec<Inline>>, in_header: bool },
    Code(String),
}

#[derive(Debug)]
struct Builder {
    open: Vec<Open>,
    inlines: Vec<Inline>,
    marks: Vec<Marks>,
    /// Whether the entries that are open have a box, and whether it is ticked.
    ticks: Vec<Option<bool>>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            open: vec![Open::Blocks(Vec::new())],
            inlines: Vec::new(),
            marks: vec![Marks::default()],
            ticks: Vec::new(),
        }
    }
}

impl Builder {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text, false),
            Event::Code(text) => self.text(&text, true),
            Event::SoftBreak => self.text(" ", false),
            Event::HardBreak => self.inlines.push(Inline::Break),
            Event::Rule => self.push(Block::Rule),
            Event::TaskListMarker(done) => {
                if let Some(tick) = self.ticks.last_mut() {
                    *tick = Some(done);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, code: bool) {
        if let Some(Open::Code(verbatim)) = self.open.last_mut() {
            verbatim.push_str(text);
            return;
        }
        if text.is_empty() {
            return;
        }
        let mut marks = self.marks.last().cloned().unwrap_or_default();
        if code {
            marks = Marks { code: true, link: marks.link, ..Marks::default() };
        }
        if let Some(Inline::Text { text: before, marks: same }) = self.inlines.last_mut()
            && *same == marks
        {
            before.push_str(text);
            return;
        }
        self.inlines.push(Inline::Text { text: text.to_owned(), marks });
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::List(start) => {
                self.flush_paragraph();
                self.open.push(Open::List {
                    ordered: start.is_some(),
                    entries: Vec::new(),
                    ticks: Vec::new(),
                });
            }
            Tag::Item => {
                self.ticks.push(None);
                self.open.push(Open::Blocks(Vec::new()));
            }
            Tag::BlockQuote(_) => self.open.push(Open::Blocks(Vec::new())),
            Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_)) => {
                self.open.push(Open::Code(String::new()));
            }
            Tag::Table(_) => self.open.push(Open::Table {
                header: Vec::new(),
                rows: Vec::new(),
                row: Vec::new(),
                in_header: false,
            }),
            Tag::TableHead => {
                if let Some(Open::Table { in_header, .. }) = self.open.last_mut() {
                    *in_header = true;
                }
            }
            Tag::Strong => self.mark(|marks| marks.strong = true),
            Tag::Emphasis => self.mark(|marks| marks.emphasis = true),
            Tag::Link { dest_url, .. } => {
                // Only web addresses become links; anything else stays text.
                let target = (dest_url.starts_with("https://") || dest_url.starts_with("http://"))
                    .then(|| dest_url.to_string());
                self.mark(|marks| marks.link = target);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush_paragraph(),
            TagEnd::Heading(level) => {
                let inlines = std::mem::take(&mut self.inlines);
                self.push(Block::Heading(level_number(level), inlines));
            }
            TagEnd::Item => {
                self.flush_paragraph();
                let tick = self.ticks.pop().flatten();
                if let Some(Open::Blocks(blocks)) = self.open.pop()
                    && let Some(Open::List { entries, ticks, .. }) = self.open.last_mut()
                {
                    entries.push(blocks);
                    ticks.push(tick);
                }
            }
            TagEnd::List(_) => {
                if let Some(Open::List { ordered, entries, ticks }) = self.open.pop() {
                    let list = tasks(&entries, &ticks)
                        .unwrap_or_else(|| Block::List { ordered, entries: with_signs(entries, &ticks) });
                    self.push(list);
                }
            }
            TagEnd::BlockQuote(_) => {
                self.flush_paragraph();
                if let Some(Open::Blocks(blocks)) = self.open.pop() {
                    self.push(Block::Quote(blocks));
                }
            }
            TagEnd::CodeBlock => {
                if let Some(Open::Code(code)) = self.open.pop() {
                    self.push(Block::Code(code));
                }
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.inlines);
                if let Some(Open::Table { row, .. }) = self.open.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                if let Some(Open::Table { header, rows, row, in_header }) = self.open.last_mut() {
                    let cells = std::mem::take(row);
                    if std::mem::take(in_header) {
                        *header = cells;
                    } else {
                        rows.push(cells);
                    }
                }
            }
            TagEnd::Table => {
                if let Some(Open::Table { header, rows, .. }) = self.open.pop() {
                    self.push(Block::Table { header, rows });
                }
            }
            TagEnd::Strong | TagEnd::Emphasis | TagEnd::Link => {
                self.marks.pop();
            }
            _ => {}
        }
    }

    fn mark(&mut self, set: impl FnOnce(&mut Marks)) {
        let mut marks = self.marks.last().cloned().unwrap_or_default();
        set(&mut marks);
        self.marks.push(marks);
    }

    fn flush_paragraph(&mut self) {
        if !self.inlines.is_empty() {
            let inlines = std::mem::take(&mut self.inlines);
            self.push(Block::Paragraph(inlines));
        }
    }

    fn push(&mut self, block: Block) {
        if let Some(Open::Blocks(blocks)) = self.open.last_mut() {
            blocks.push(block);
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.flush_paragraph();
        match self.open.into_iter().next() {
            Some(Open::Blocks(blocks)) => blocks,
            _ => Vec::new(),
        }
    }
}

/// A checklist, where every entry has a box and one paragraph.
fn tasks(entries: &[Vec<Block>], ticks: &[Option<bool>]) -> Option<Block> {
    let task = |(entry, tick): (&Vec<Block>, &Option<bool>)| match (entry.as_slice(), tick) {
        ([Block::Paragraph(content)], Some(done)) => {
            let one_line = content.iter().map(|inline| match inline {
                Inline::Break => Inline::plain(" "),
                Inline::Text { .. } => inline.clone(),
            });
            Some(Task { done: *done, content: one_line.collect() })
        }
        _ => None,
    };
    entries.iter().zip(ticks).map(task).collect::<Option<Vec<Task>>>().map(Block::Tasks)
}

/// Any other list has its boxes as signs.
fn with_signs(mut entries: Vec<Vec<Block>>, ticks: &[Option<bool>]) -> Vec<Vec<Block>> {
    for (entry, tick) in entries.iter_mut().zip(ticks) {
        if let (Some(Block::Paragraph(content)), Some(done)) = (entry.first_mut(), tick) {
            *content = Task { done: *done, content: std::mem::take(content) }.line();
        }
    }
    entries
}

fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::document::plain_text;

    #[test]
    fn foreign_text_is_inert() {
        for hostile in [
            "**bold** <b>x</b> [a](http://x)",
            "# heading",
            "| a | b |",
            "1. one",
            "- x\n- y",
            "`code` ~~~",
            "\u{202e}abc",
        ] {
            let blocks = parse(&format!("Value: {}", escape(hostile)));
            let [Block::Paragraph(inlines)] = blocks.as_slice() else { panic!("{blocks:?}") };
            assert!(
                inlines
                    .iter()
                    .all(|inline| matches!(inline, Inline::Text { marks, .. } if *marks == Marks::default())),
                "{hostile}: {inlines:?}"
            );
        }
    }

    #[test]
    fn lists_tables_and_marks_keep_their_words() {
        let blocks =
            parse("## Head\n\nA **b** *c* `d`\n\n1. one\n2. two\n\n| x | y |\n|---|---|\n| 1 | 2\\|3 |\n");
        assert_eq!(plain_text(&blocks), "## Head\nA b c d\n1. one\n2. two\nx | y\n1 | 2|3\n");
    }

    #[test]
    fn a_list_of_boxes_is_a_checklist_and_one_with_other_entries_has_signs() {
        let task = |done, text: &str| Task { done, content: vec![Inline::plain(text)] };
        let blocks = parse(&format!("- [ ] ask\n- [x] {}\n", escape("[ ] **paid**")));
        assert_eq!(blocks, [Block::Tasks(vec![task(false, "ask"), task(true, "[ ] **paid**")])]);
        assert_eq!(plain_text(&blocks), "- ☐ ask\n- ☑ [ ] **paid**\n");
        assert_eq!(plain_text(&parse("1. [ ] ask\n2. look\n")), "1. ☐ ask\n2. look\n");
        let foreign = parse(&format!("- {}\n", escape("[x] done")));
        assert_eq!(plain_text(&foreign), "- [x] done\n", "a value brings no box");
    }

    #[test]
    fn a_link_to_anything_but_the_web_stays_text() {
        let blocks = parse("[x](javascript:alert(1))");
        assert_eq!(blocks, vec![Block::Paragraph(vec![Inline::plain("x")])]);
    }
}
