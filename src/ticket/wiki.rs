//! Jira's wiki markup: how Data Center stores rich text.
//!
//! Source of the rules: Jira's own page "Text Formatting Notation Help". Foreign text is only ever escaped text:
//! every character that could begin, end or divide something is preceded by a backslash, and a backslash, which
//! doubled would be a line break, becomes an entity.

use std::borrow::Cow;

use super::document::{Block, Inline, Marks, Task, sign};

/// Where a run of text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Lines of their own: a line break is a line break.
    Lines,
    /// One line, as in a list or a cell: a line break is the mark for one.
    Line,
}

/// The markup of some blocks, without line breaks around it.
pub fn text(blocks: &[Block]) -> String {
    let parts: Vec<String> = blocks.iter().map(block).filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(level, content) => format!("h{level}. {}", inlines(content, Place::Line)),
        Block::Paragraph(content) => inlines(content, Place::Lines),
        Block::List { ordered, entries } => {
            let mut lines = Vec::new();
            list(*ordered, entries, "", &mut lines);
            lines.join("\n")
        }
        Block::Tasks(tasks) => {
            let line = |task: &Task| format!("* {} {}", sign(task.done), inlines(&task.content, Place::Line));
            let lines = tasks.iter().map(line);
            lines.collect::<Vec<_>>().join("\n")
        }
        Block::Table { header, rows } => {
            let row = |cells: &[Vec<Inline>], bar: &str| {
                let cells: String = cells.iter().map(|content| cell(content) + bar).collect();
                format!("{bar}{cells}")
            };
            let rows = rows.iter().map(|cells| row(cells, "|"));
            std::iter::once(row(header, "||")).chain(rows).collect::<Vec<_>>().join("\n")
        }
        Block::Quote(inner) => format!("{{quote}}\n{}\n{{quote}}", text(inner)),
        Block::Code(code) if code.contains("{noformat") => {
            code.lines().map(escaped_line).collect::<Vec<_>>().join("\n")
        }
        Block::Code(code) => format!("{{noformat}}\n{}\n{{noformat}}", code.trim_end_matches('\n')),
        Block::Rule => "----".to_owned(),
    }
}

fn list(ordered: bool, entries: &[Vec<Block>], outer: &str, lines: &mut Vec<String>) {
    let bullets = format!("{outer}{}", if ordered { '#' } else { '*' });
    for entry in entries {
        let mut words = Vec::new();
        let mut nested = Vec::new();
        for block in entry {
            if let Block::List { ordered, entries } = block {
                list(*ordered, entries, &bullets, &mut nested);
            } else {
                words.extend(flat(block));
            }
        }
        lines.push(format!("{bullets} {}", words.join(r" \\ ")));
        lines.append(&mut nested);
    }
}

/// A block within a line.
fn flat(block: &Block) -> Vec<String> {
    match block {
        Block::Heading(_, content) | Block::Paragraph(content) => vec![inlines(content, Place::Line)],
        Block::List { entries, .. } => entries.iter().flatten().flat_map(flat).collect(),
        Block::Tasks(tasks) => tasks.iter().map(|task| inlines(&task.line(), Place::Line)).collect(),
        Block::Table { header, rows } => std::iter::once(header)
            .chain(rows)
            .map(|cells| cells.iter().map(|content| cell(content)).collect::<Vec<_>>().join(r" \| "))
            .collect(),
        Block::Quote(inner) => inner.iter().flat_map(flat).collect(),
        Block::Code(code) => code.lines().map(escaped_line).collect(),
        Block::Rule => Vec::new(),
    }
}

/// A cell is never empty: two bars would begin a header.
fn cell(content: &[Inline]) -> String {
    let text = inlines(content, Place::Line);
    if text.trim().is_empty() { " ".to_owned() } else { text }
}

fn escaped_line(line: &str) -> String {
    let mut out = String::new();
    escape(line, &mut out);
    out
}

fn inlines(content: &[Inline], place: Place) -> String {
    let mut out = String::new();
    for (position, inline) in content.iter().enumerate() {
        match inline {
            Inline::Break => out.push_str(match place {
                Place::Lines => "\n",
                Place::Line => r" \\ ",
            }),
            Inline::Text { text, marks } => {
                let next = content.get(position + 1).and_then(|next| match next {
                    Inline::Text { text, .. } => text.chars().next(),
                    Inline::Break => None,
                });
                run(text, marks, next, &mut out);
            }
        }
    }
    out
}

/// A run with its marks. Marks hold only at the edges of words, and not with a blank inside.
fn run(text: &str, marks: &Marks, next: Option<char>, out: &mut String) {
    let inner = text.trim();
    let Marks { strong, emphasis, code, link } = marks;
    if inner.is_empty() || !(*strong || *emphasis || *code || link.is_some()) {
        return escape(text, out);
    }
    let (before, after) = text.split_once(inner).unwrap_or_default();
    out.push_str(before);
    let within_word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    let tight = (before.is_empty() && within_word(out.chars().next_back()))
        || (after.is_empty() && within_word(next));
    let mut closing = Vec::new();
    if let Some(target) = link {
        out.push('[');
        closing.push(format!("|{}]", address(target)));
    }
    let mut mark = |sign: &str, out: &mut String| {
        let sign = if tight { format!("{{{sign}}}") } else { sign.to_owned() };
        out.push_str(&sign);
        closing.push(sign);
    };
    if !code {
        if *strong {
            mark("*", out);
        }
        if *emphasis {
            mark("_", out);
        }
    }
    if *code {
        out.push_str("{{");
        closing.push("}}".to_owned());
    }
    escape(inner, out);
    out.extend(closing.iter().rev().map(String::as_str));
    out.push_str(after);
}

/// An address within a link: what would end it is written in percents.
fn address(target: &str) -> String {
    target
        .chars()
        .map(|character| match character {
            '|' => "%7C".to_owned(),
            ']' => "%5D".to_owned(),
            '[' => "%5B".to_owned(),
            '{' => "%7B".to_owned(),
            '}' => "%7D".to_owned(),
            '\\' => "%5C".to_owned(),
            _ if character.is_whitespace() || character.is_control() => "%20".to_owned(),
            _ => character.to_string(),
        })
        .collect()
}

/// Writes text so that Jira shows exactly that text.
fn escape(text: &str, out: &mut String) {
    let characters: Vec<char> = text.chars().collect();
    for (position, &character) in characters.iter().enumerate() {
        let before = if position == 0 { out.chars().next_back() } else { Some(characters[position - 1]) };
        let after = characters.get(position + 1).copied();
        match character {
            '\\' => out.push_str("&#92;"),
            '\n' | '\r' => out.push(' '),
            _ if acts(character, before, after, out) => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
}

/// Whether a character could be more than itself here.
fn acts(character: char, before: Option<char>, after: Option<char>, line: &str) -> bool {
    let word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    match character {
        '{' | '}' | '[' | ']' | '|' | '!' | '*' | '_' | '^' | '~' | '+' | '?' => true,
        // Struck out, a dash, a rule or a list; within a word it is a hyphen.
        '-' => !(word(before) && word(after)),
        // A list or an anchor at the start; else a number sign.
        '#' => !word(before) || !word(after),
        // Smileys and signs such as `:)`, `;)`, `(y)`, `(/)`, and addresses that would become links.
        ':' => {
            after.is_some_and(|after| matches!(after, ')' | '(' | '-' | '|' | '/' | 'D' | 'P' | 'p'))
                || line.ends_with("mailto")
        }
        ';' => after.is_some_and(|after| matches!(after, ')' | '-')),
        '(' => after.is_some_and(|after| {
            matches!(after, 'y' | 'n' | 'i' | 'o' | 'x' | 'f' | '/' | '!' | '+' | '-' | '?' | '*')
        }),
        // An entity that Jira would show as its character.
        '&' => after.is_some_and(|after| after == '#' || after.is_ascii_alphabetic()),
        // `h1.` and `bq.` at the start of a line.
        '.' => {
            let start = line.rsplit('\n').next().unwrap_or_default().trim_start();
            let heading = start
                .strip_prefix('h')
                .is_some_and(|level| matches!(level, "1" | "2" | "3" | "4" | "5" | "6"));
            heading || start == "bq"
        }
        _ => false,
    }
}

/// The same text however it was stored: Jira's editor ends lines with two characters.
pub fn normal(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// The signs by which people tick on Data Center, which has no checklists: those of the text, and the one of Jira's
/// own list of signs.
const TICKED: [&str; 5] = ["☑", "✓", "✔", "✅", "(/)"];

/// A line of a checklist: whether it is ticked, and its markup.
fn task(line: &str) -> Option<(bool, &str)> {
    let entry = line.trim().strip_prefix("* ")?.trim_start();
    let done = TICKED.iter().find_map(|sign| entry.strip_prefix(sign)).map(|rest| (true, rest));
    let (done, rest) = done.or_else(|| entry.strip_prefix('☐').map(|rest| (false, rest)))?;
    Some((done, rest.strip_prefix(' ')?.trim()))
}

/// What people ticked and what not, of the checklists in a text.
pub fn ticks(text: &str) -> impl Iterator<Item = (String, bool)> {
    text.lines().filter_map(task).map(|(done, rest)| (words(rest), done))
}

/// The text with nothing ticked, so that a tick is no change to the words.
pub fn unticked(text: &str) -> String {
    let lines = text.lines().map(|line| match task(line) {
        Some((_, rest)) => Cow::Owned(format!("* {} {rest}", sign(false))),
        None => Cow::Borrowed(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What a comment says by itself: without what it quotes and without code. A macro without its end is none.
pub fn said(markup: &str) -> String {
    let mut said = String::new();
    let mut rest = markup;
    while let Some((at, name)) =
        ["quote", "code", "noformat"].into_iter().filter_map(|name| Some((opening(rest, name)?, name))).min()
    {
        let after = at + rest[at..].find('}').map_or(1, |end| end + 1);
        let end = format!("{{{name}}}");
        said.push_str(&rest[..at]);
        if let Some(closing) = rest[after..].find(&end) {
            said.push('\n');
            rest = &rest[after + closing + end.len()..];
        } else {
            said.push_str(&rest[at..after]);
            rest = &rest[after..];
        }
    }
    said.push_str(rest);
    said.lines().filter(|line| !line.trim_start().starts_with("bq. ")).flat_map(|line| [line, "\n"]).collect()
}

/// Where a macro such as `{code}` or `{code:java}` begins.
fn opening(text: &str, name: &str) -> Option<usize> {
    let mut places = text.match_indices('{').map(|(at, _)| at);
    places.find(|at| {
        let rest = text[at + 1..].strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('}') || rest.starts_with(':') && rest.contains('}'))
    })
}

/// The words of markup as it is written here, in the form of [`super::document::plain_text`].
pub fn plain_text(markup: &str) -> String {
    let mut out = String::new();
    let (mut quoted, mut verbatim) = (false, false);
    let mut numbers: Vec<usize> = Vec::new();
    for line in markup.lines() {
        let line = line.trim_end();
        let bullets = line.chars().take_while(|sign| matches!(sign, '*' | '#')).count();
        let is_entry = bullets > 0 && line[bullets..].starts_with(' ');
        if !is_entry {
            numbers.clear();
        }
        let text = match line {
            "{noformat}" => {
                verbatim = !verbatim;
                continue;
            }
            _ if verbatim => line.to_owned(),
            "" => continue,
            "{quote}" => {
                quoted = !quoted;
                continue;
            }
            "----" => "---".to_owned(),
            _ if is_entry => {
                numbers.truncate(bullets);
                numbers.resize(bullets, 0);
                numbers[bullets - 1] += 1;
                let bullet = if line[..bullets].ends_with('#') {
                    format!("{}. ", numbers[bullets - 1])
                } else {
                    "- ".to_owned()
                };
                let indent = "  ".repeat(bullets - 1);
                let entry = words(line[bullets..].trim_start());
                format!("{indent}{bullet}{}", entry.replace('\n', &format!("\n{indent}  ")))
            }
            _ => match line.strip_prefix('h').and_then(|rest| rest.split_once(". ")) {
                Some((level, rest)) if matches!(level, "1" | "2" | "3" | "4" | "5" | "6") => {
                    format!("{} {}", "#".repeat(level.parse().unwrap_or(1)), words(rest))
                }
                _ if line.starts_with('|') => row(line).join(" | "),
                _ => words(line),
            },
        };
        for line in text.lines() {
            out.push_str(if quoted { "> " } else { "" });
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The cells of a row.
fn row(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut in_link = false;
    let mut characters = line.trim_matches('|').chars().peekable();
    while let Some(character) = characters.next() {
        let cell = cells.last_mut();
        match (character, cell) {
            ('\\', Some(cell)) => {
                cell.push('\\');
                cell.extend(characters.next());
            }
            ('|', _) if !in_link => {
                characters.next_if_eq(&'|');
                cells.push(String::new());
            }
            (_, Some(cell)) => {
                match character {
                    '[' => in_link = true,
                    ']' => in_link = false,
                    _ => {}
                }
                cell.push(character);
            }
            (_, None) => {}
        }
    }
    cells.iter().map(|cell| if cell == " " { String::new() } else { words(cell) }).collect()
}

/// A line without its signs.
fn words(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some(tail) = rest.strip_prefix(r" \\ ") {
            out.push('\n');
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("&#92;") {
            out.push('\\');
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix('\\') {
            let literal = tail.chars().next().unwrap_or('\\');
            out.push(literal);
            rest = &tail[literal.len_utf8().min(tail.len())..];
        } else if let Some(tail) =
            ["{*}", "{_}", "{{", "}}", "*", "_", "["].iter().find_map(|sign| rest.strip_prefix(sign))
        {
            rest = tail;
        } else if character == '|' {
            rest = rest.split_once(']').map_or("", |(_, tail)| tail);
        } else {
            out.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::{document, parse_markdown};

    fn plain(text: &str) -> Vec<Block> {
        vec![Block::Paragraph(vec![Inline::plain(text)])]
    }

    #[test]
    fn words_read_back_from_markup_are_those_of_the_document() {
        let blocks = parse_markdown(
            "## Head\n\nA **b** `c` [d](https://example.com/x)\n\n- one\n- **two**\n    - three\n- four\n\n- [ ] open\n- [x] **done**\n\n1. first\n1. second\n\n> - [ ] within\n\n\
             | x | y |\n|---|---|\n| 1 | |\n| NDC 00022-2127 | a\\|b |\n\n> said\n\n---\n\n```\n{x} *y*\n```\n",
        );
        assert_eq!(plain_text(&text(&blocks)), document::plain_text(&blocks));
    }

    #[test]
    fn what_the_field_writes_stays_readable() {
        for same in
            ["NDC 00022-2127-95, TX, 2026Q3", "about $1,700,000 (60 % of it)", "covered entity DSH450123"]
        {
            assert_eq!(text(&plain(same)), same);
        }
    }

    #[test]
    fn every_sign_of_the_markup_is_escaped_in_foreign_text() {
        for (foreign, inert) in [
            ("*b* _i_ ??c?? -d- +e+ ^f^ ~g~", r"\*b\* \_i\_ \?\?c\?\? \-d\- \+e\+ \^f\^ \~g\~"),
            ("{code}x{code} {{m}}", r"\{code\}x\{code\} \{\{m\}\}"),
            ("[~someone] [a|http://b] !pic.png!", r"\[\~someone\] \[a\|http\://b\] \!pic.png\!"),
            ("||h|| |c|", r"\|\|h\|\| \|c\|"),
            ("h1. big", r"h1\. big"),
            ("bq. said", r"bq\. said"),
            ("# one", r"\# one"),
            ("- one", r"\- one"),
            ("a -- b --- c ----", r"a \-\- b \-\-\- c \-\-\-\-"),
            (r"a\\b \{", r"a&#92;&#92;b &#92;\{"),
            (":) ;) (y) (/) &#42; &amp;", r"\:) \;) \(y) \(/) \&\#42; \&amp;"),
            ("mailto:a", r"mailto\:a"),
        ] {
            let blocks = plain(foreign);
            assert_eq!(text(&blocks), inert);
            assert_eq!(plain_text(&text(&blocks)), format!("{foreign}\n"));
        }
    }

    #[test]
    fn marks_at_the_edge_of_a_word_are_tight_and_blanks_stay_outside() {
        let strong = |text: &str| Inline::Text {
            text: text.to_owned(),
            marks: Marks { strong: true, ..Marks::default() },
        };
        let line = |content: Vec<Inline>| text(&[Block::Paragraph(content)]);
        assert_eq!(line(vec![strong("a"), Inline::plain(" b")]), "*a* b");
        assert_eq!(line(vec![strong("a"), Inline::plain("b")]), "{*}a{*}b");
        assert_eq!(line(vec![Inline::plain("x"), strong(" a ")]), "x *a* ");
    }

    #[test]
    fn jiras_editor_changes_line_ends_only() {
        assert_eq!(normal("\r\na \r\n\r\nb\r\n"), "a\n\nb");
    }

    #[test]
    fn what_a_comment_quotes_or_shows_as_code_it_does_not_say() {
        for (markup, said_) in [
            ("one\n{quote}\n/disputebot mute\n{quote}\ntwo", "one\n\n\ntwo\n"),
            ("{quote}/disputebot mute{quote}why?", "\nwhy?\n"),
            ("{code:java}\n/disputebot mute\n{code}", "\n"),
            ("{noformat}a{noformat}b{quote}c{quote}d", "\nb\nd\n"),
            ("bq. /disputebot mute\nno", "no\n"),
            ("{quote}no end\n/disputebot mute", "{quote}no end\n/disputebot mute\n"),
            ("{ {x} {codes} {code:open", "{ {x} {codes} {code:open\n"),
        ] {
            assert_eq!(said(markup), said_, "{markup}");
        }
    }
}
