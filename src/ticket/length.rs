//! Keeping a text within what Jira takes: whole rows are left out, and how many is said. Nothing is cut.

use super::{
    document::{Block, Inline},
    markup,
};

/// The longest text that is written where nothing else is known, in characters (units of UTF-16). Jira's own
/// limit is 32,767 by default; how Cloud measures a document is not documented, so there is room.
pub const TEXT_LIMIT: usize = 30_000;

/// The blocks within some characters: rows of tables and lists are left out from their ends, the longest one
/// first, then whole blocks from the end. `elsewhere` says where the rest is: ` in the attached list`.
pub fn within(blocks: &[Block], limit: usize, elsewhere: &str) -> Vec<Block> {
    if markup::length_of(blocks) <= limit {
        return blocks.to_vec();
    }
    let mut cut = Cut { blocks: blocks.to_vec(), rows: vec![0; blocks.len()], parts: 0, elsewhere };
    loop {
        let text = cut.text();
        if markup::length_of(&text) <= limit || !cut.shorten() {
            return text;
        }
    }
}

/// Blocks, and what was left out of them.
struct Cut<'a> {
    blocks: Vec<Block>,
    /// Rows left out of each block.
    rows: Vec<usize>,
    /// Blocks left out at the end.
    parts: usize,
    elsewhere: &'a str,
}

impl Cut<'_> {
    /// Leaves out a quarter of the rows of the block that has most to say; false where nothing is left.
    fn shorten(&mut self) -> bool {
        let with_rows = self.blocks.iter().enumerate().filter(|(_, block)| rows_of(block) > 0);
        let longest = with_rows.max_by_key(|(_, block)| markup::length_of(std::slice::from_ref(block)));
        if let Some((position, _)) = longest {
            let block = &mut self.blocks[position];
            let out = rows_of(block).div_ceil(4);
            match block {
                Block::Table { rows, .. } => rows.truncate(rows.len() - out),
                Block::List { entries, .. } => entries.truncate(entries.len() - out),
                Block::Tasks(tasks) => tasks.truncate(tasks.len() - out),
                _ => {}
            }
            self.rows[position] += out;
            return true;
        }
        self.rows.pop();
        self.parts += 1;
        self.blocks.pop().is_some()
    }

    fn text(&self) -> Vec<Block> {
        let mut text = Vec::new();
        for (block, out) in self.blocks.iter().zip(&self.rows) {
            if rows_of(block) > 0 || *out == 0 {
                text.push(block.clone());
            }
            if *out > 0 {
                text.push(say(*out, "row", self.elsewhere));
            }
        }
        if self.parts > 0 {
            text.push(say(self.parts, "part", self.elsewhere));
        }
        text
    }
}

fn rows_of(block: &Block) -> usize {
    match block {
        Block::Table { rows, .. } => rows.len(),
        Block::List { entries, .. } => entries.len(),
        Block::Tasks(tasks) => tasks.len(),
        _ => 0,
    }
}

fn say(count: usize, what: &str, elsewhere: &str) -> Block {
    let s = if count == 1 { "" } else { "s" };
    Block::Paragraph(vec![Inline::plain(format!(
        "{count} more {what}{s}{elsewhere}: Jira takes no longer text here."
    ))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::{document::plain_text, parse_markdown};

    fn table(rows: usize) -> Vec<Block> {
        let rows: String = (0..rows).map(|row| format!("| row {row} | 👩‍⚕️ e\u{301} \\| |\n")).collect();
        parse_markdown(&format!("Words.\n\n| a | b |\n|---|---|\n{rows}\n- one\n- two\n\nMore words.\n"))
    }

    #[test]
    fn whole_rows_are_left_out_and_counted() {
        let whole = table(400);
        assert_eq!(within(&whole, usize::MAX, ""), whole);
        let short = within(&whole, 10_000, " in the attached list");
        assert!(markup::length_of(&short) <= 10_000);
        let words = plain_text(&short);
        let shown = words.lines().filter(|line| line.starts_with("row ")).count();
        let said = format!("{} more rows in the attached list: Jira takes no longer text here.", 400 - shown);
        assert!(
            words.contains(&said) && words.contains("- two\n") && words.ends_with("More words.\n"),
            "{words}"
        );
    }

    #[test]
    fn a_text_without_rows_loses_whole_parts_from_its_end() {
        let whole = parse_markdown(&format!("First.\n\n{}\n", "long ".repeat(2_000)));
        let short = within(&whole, 1_000, "");
        assert_eq!(plain_text(&short), "First.\n1 more part: Jira takes no longer text here.\n");
        assert!(markup::length_of(&within(&whole, 10, "")) < 200, "what is left says that nothing is");
    }
}
