//! Shows wiki markup as HTML, with the notation that Jira's renderer knows. Every text is escaped and links go to
//! web addresses only: what somebody put into a ticket stays text.

use crate::sandbox::adf::escape;

/// How far the end of a pair such as `*bold*` is looked for.
const FURTHEST: usize = 2_000;

/// HTML of a text in wiki markup.
pub(crate) fn html(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    blocks(&lines)
}

/// A block ends at the first mark of its name, so that none is inside of its like and the depth is bounded.
fn blocks(lines: &[&str]) -> String {
    let mut shown = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim();
        let special = block_at(lines, at);
        if special.is_some() || line.is_empty() {
            close_paragraph(&mut shown, &mut paragraph);
        } else {
            paragraph.push(line);
        }
        match special {
            Some((html, next)) => {
                shown.push_str(&html);
                at = next;
            }
            None => at += 1,
        }
    }
    close_paragraph(&mut shown, &mut paragraph);
    shown
}

fn close_paragraph(shown: &mut String, paragraph: &mut Vec<&str>) {
    if !paragraph.is_empty() {
        let lines: Vec<String> = paragraph.drain(..).map(inline).collect();
        shown.push_str(&format!("<p>{}</p>", lines.join("<br>")));
    }
}

/// The block that starts at a line, and the line after it; `None` for a line of a paragraph.
fn block_at(lines: &[&str], at: usize) -> Option<(String, usize)> {
    let line = lines[at].trim();
    if let Some((level, text)) = heading(line) {
        let tag = (level + 2).min(6);
        return Some((format!("<h{tag} class=\"level-{level}\">{}</h{tag}>", inline(text)), at + 1));
    }
    if line == "----" {
        return Some(("<hr>".to_owned(), at + 1));
    }
    if let Some(text) = line.strip_prefix("bq. ") {
        return Some((format!("<blockquote><p>{}</p></blockquote>", inline(text)), at + 1));
    }
    for name in ["code", "noformat", "quote", "panel"] {
        if let Some(found) = fenced(name, lines, at) {
            let Fenced { attributes, inner, next } = found;
            let title = title(attributes);
            let head = title.map_or_else(String::new, |title| format!("<p><b>{}</b></p>", escape(title)));
            let inner: Vec<&str> = inner.iter().map(String::as_str).collect();
            let html = match name {
                "code" | "noformat" => {
                    format!("{head}<pre><code>{}</code></pre>", escape(inner.join("\n").trim_matches('\n')))
                }
                "quote" => format!("<blockquote>{}</blockquote>", blocks(&inner)),
                _ => format!("<div class=\"panel\">{head}{}</div>", blocks(&inner)),
            };
            return Some((html, next));
        }
    }
    if list_marker(line).is_some() {
        let end = end_of(lines, at, |line| list_marker(line).is_some());
        return Some((list(&lines[at..end]), end));
    }
    if line.starts_with('|') {
        let end = end_of(lines, at, |line| line.starts_with('|'));
        let rows: String = lines[at..end].iter().map(|line| row(line.trim())).collect();
        let html = format!("<div class=\"scroll\" tabindex=\"0\"><table>{rows}</table></div>");
        return Some((html, end));
    }
    None
}

fn end_of(lines: &[&str], at: usize, belongs: impl Fn(&str) -> bool) -> usize {
    (at..lines.len()).find(|line| !belongs(lines[*line].trim())).unwrap_or(lines.len())
}

fn heading(line: &str) -> Option<(u8, &str)> {
    let rest = line.strip_prefix('h')?;
    let level = rest.bytes().next().filter(|digit| (b'1'..=b'6').contains(digit))? - b'0';
    Some((level, rest.get(1..)?.strip_prefix(". ")?))
}

struct Fenced<'a> {
    attributes: &'a str,
    inner: Vec<String>,
    next: usize,
}

/// A block such as `{code:java}` to `{code}`; without an end it is no block.
fn fenced<'a>(name: &str, lines: &[&'a str], at: usize) -> Option<Fenced<'a>> {
    let rest = lines[at].trim().strip_prefix('{')?.strip_prefix(name)?;
    let (attributes, rest) = rest.split_once('}')?;
    if !(attributes.is_empty() || attributes.starts_with(':')) {
        return None;
    }
    let end = format!("{{{name}}}");
    let mut inner = Vec::new();
    let mut current = rest;
    let mut line = at;
    loop {
        if let Some((before, _)) = current.split_once(end.as_str()) {
            inner.push(before.to_owned());
            return Some(Fenced { attributes, inner, next: line + 1 });
        }
        inner.push(current.to_owned());
        line += 1;
        current = lines.get(line)?;
    }
}

fn title(attributes: &str) -> Option<&str> {
    attributes.trim_start_matches(':').split('|').find_map(|word| word.strip_prefix("title="))
}

/// The marks in front of a line of a list, and the text after them.
fn list_marker(line: &str) -> Option<(&str, &str)> {
    let (marks, text) = line.split_once(' ')?;
    let is_list = !marks.is_empty()
        && marks.len() <= 10
        && (marks.chars().all(|c| matches!(c, '*' | '#')) || marks == "-");
    is_list.then_some((marks, text))
}

fn list(lines: &[&str]) -> String {
    let mut shown = String::new();
    let mut open: Vec<&str> = Vec::new();
    for line in lines {
        let Some((marks, text)) = list_marker(line.trim()) else { continue };
        let wanted: Vec<&str> = marks.chars().map(|c| if c == '#' { "ol" } else { "ul" }).collect();
        let kept = open.iter().zip(&wanted).take_while(|(left, right)| left == right).count();
        while open.len() > kept {
            shown.push_str("</li>");
            shown.push_str(&format!("</{}>", open.pop().unwrap_or("ul")));
        }
        if open.len() == wanted.len() {
            shown.push_str("</li><li>");
        }
        while open.len() < wanted.len() {
            shown.push_str(&format!("<{}><li>", wanted[open.len()]));
            open.push(wanted[open.len()]);
        }
        shown.push_str(&inline(text));
    }
    while let Some(tag) = open.pop() {
        shown.push_str(&format!("</li></{tag}>"));
    }
    shown
}

/// One line of a table; a `|` inside of a link, of code or after a backslash ends no cell.
fn row(line: &str) -> String {
    let mut cells = String::new();
    let mut rest = line;
    while let Some(after) = rest.strip_prefix('|') {
        let (tag, after) = after.strip_prefix('|').map_or(("td", after), |after| ("th", after));
        if after.trim().is_empty() {
            break;
        }
        let end = end_of_cell(after);
        cells.push_str(&format!("<{tag}>{}</{tag}>", inline(after[..end].trim())));
        rest = &after[end..];
    }
    format!("<tr>{cells}</tr>")
}

fn end_of_cell(text: &str) -> usize {
    let mut escaped = false;
    let mut in_link = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_link = text[at..].contains(']'),
            ']' => in_link = false,
            '|' if !in_link => return at,
            _ => {}
        }
    }
    text.len()
}

fn inline(text: &str) -> String {
    let mut shown = String::new();
    let mut before = ' ';
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (html, length) =
            inline_at(rest, c, before).unwrap_or_else(|| (escape(c.encode_utf8(&mut [0; 4])), c.len_utf8()));
        shown.push_str(&html);
        before = rest[..length].chars().next_back().unwrap_or(' ');
        rest = &rest[length..];
    }
    shown
}

/// What starts here besides plain text, and how many bytes it takes.
fn inline_at(rest: &str, c: char, before: char) -> Option<(String, usize)> {
    match c {
        '\\' if rest.starts_with("\\\\") => Some(("<br>".to_owned(), 2)),
        '\\' => {
            let next = rest[1..].chars().next().filter(char::is_ascii_punctuation)?;
            Some((escape(next.encode_utf8(&mut [0; 4])), 1 + next.len_utf8()))
        }
        '&' => entity(rest).map(|(sign, length)| (escape(sign.encode_utf8(&mut [0; 4])), length)),
        '{' if rest.starts_with("{{") => {
            let end = near(&rest[2..], "}}")?;
            Some((format!("<code>{}</code>", escape(&unescaped(&rest[2..2 + end]))), end + 4))
        }
        '{' => {
            let end = near(rest, "}")?;
            let is_color = rest[1..end] == *"color" || rest[1..end].starts_with("color:");
            is_color.then(|| (String::new(), end + 1))
        }
        '[' => {
            let end = near(rest, "]").filter(|end| *end > 1)?;
            Some((link(&rest[1..end]), end + 1))
        }
        '!' => {
            let end = near(&rest[1..], "!").filter(|end| *end > 0)?;
            let name = rest[1..=end].split('|').next().unwrap_or_default();
            let is_name = !name.contains(char::is_whitespace) && name.contains('.');
            is_name.then(|| (format!("<span class=\"quiet\">{}</span>", escape(name)), end + 2))
        }
        'h' if rest.starts_with("http://") || rest.starts_with("https://") => {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '|' | ']' | '[' | '{' | '}' | '"' | '<'))
                .unwrap_or(rest.len());
            let address = rest[..end].trim_end_matches(['.', ',', ')', ';', ':', '!', '?']);
            Some((anchor(address, &escape(address)), address.len()))
        }
        '*' | '_' | '+' | '-' | '^' | '~' if !before.is_alphanumeric() && before != c => {
            let inner = &rest[1..];
            let end = end_of_pair(inner, c)?;
            let tag = match c {
                '*' => "strong",
                '_' => "em",
                '+' => "u",
                '-' => "s",
                '^' => "sup",
                _ => "sub",
            };
            Some((format!("<{tag}>{}</{tag}>", inline(&inner[..end])), end + 2))
        }
        _ => None,
    }
}

/// Where a text is found, if that is not too far.
fn near(text: &str, wanted: &str) -> Option<usize> {
    text.find(wanted).filter(|at| *at <= FURTHEST)
}

/// Where the second of two marks stands: after a letter, and not before one.
fn end_of_pair(inner: &str, mark: char) -> Option<usize> {
    if inner.starts_with(|c: char| c.is_whitespace() || c == mark) {
        return None;
    }
    let mut before = '\\';
    for (at, c) in inner.char_indices().take(FURTHEST) {
        let after = inner[at + c.len_utf8()..].chars().next().unwrap_or(' ');
        if c == mark && !before.is_whitespace() && before != '\\' && !after.is_alphanumeric() {
            return Some(at);
        }
        before = c;
    }
    None
}

fn link(inner: &str) -> String {
    if let Some(name) = inner.strip_prefix('~') {
        return format!("<span class=\"mention\">@{}</span>", escape(name));
    }
    let (text, target) = match inner.split_once('|') {
        Some((text, rest)) => (Some(text), rest.split('|').next().unwrap_or_default()),
        None => (None, inner),
    };
    let shown = text.map_or_else(|| escape(target.trim_start_matches('^')), inline);
    anchor(target, &shown)
}

fn anchor(address: &str, shown: &str) -> String {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| address.starts_with(scheme)) {
        format!("<a href=\"{}\" rel=\"noopener noreferrer\">{shown}</a>", escape(address))
    } else {
        shown.to_owned()
    }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = rest[c.len_utf8()..].chars().next().filter(char::is_ascii_punctuation);
        let (sign, length) = match (c, next) {
            ('\\', Some(next)) => (next, 1 + next.len_utf8()),
            ('&', _) => entity(rest).unwrap_or((c, 1)),
            _ => (c, c.len_utf8()),
        };
        plain.push(sign);
        rest = &rest[length..];
    }
    plain
}

/// The sign that an entity at the start of a text stands for, and how many bytes it takes.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.find(';').filter(|end| (2..10).contains(end))?;
    let name = &text[1..end];
    let sign = match (name.strip_prefix("#x"), name.strip_prefix('#')) {
        (Some(hex), _) => char::from_u32(u32::from_str_radix(hex, 16).ok()?)?,
        (None, Some(digits)) => char::from_u32(digits.parse().ok()?)?,
        (None, None) => match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "bsol" => '\\',
            _ => return None,
        },
    };
    Some((sign, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notation_is_shown() {
        for (text, shown) in [
            ("h2. Why", "<h4 class=\"level-2\">Why</h4>"),
            ("one\ntwo\n\nthree", "<p>one<br>two</p><p>three</p>"),
            (
                "*bold* _em_ {{co*de}} -gone- 5*3*2",
                "<p><strong>bold</strong> <em>em</em> <code>co*de</code> <s>gone</s> 5*3*2</p>",
            ),
            ("* a\n** b\n* c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
            ("# a\n* b", "<ol><li>a</li></ol><ul><li>b</li></ul>"),
            (
                "||A||B||\n|a\\|1|[x|https://example.com/?a=1&b=2]|",
                "<div class=\"scroll\" tabindex=\"0\"><table><tr><th>A</th><th>B</th></tr><tr><td>a|1</td><td>\
                 <a href=\"https://example.com/?a=1&amp;b=2\" rel=\"noopener noreferrer\">x</a></td></tr></table></div>",
            ),
            ("{noformat}\n*a*\n{noformat}\nb", "<pre><code>*a*</code></pre><p>b</p>"),
            (
                "{panel:title=T|bgColor=#fff}\nh1. x\n{panel}",
                "<div class=\"panel\"><p><b>T</b></p><h3 class=\"level-1\">x</h3></div>",
            ),
            ("{color:red}late{color} [~analyst]", "<p>late <span class=\"mention\">@analyst</span></p>"),
            (
                "a&#92;&#x5c; &amp; {{&#92;}} &#42;b&#42; &none;",
                "<p>a\\\\ &amp; <code>\\</code> *b* &amp;none;</p>",
            ),
            ("----", "<hr>"),
            ("a\\\\b \\*not\\*", "<p>a<br>b *not*</p>"),
            ("{code}never closed", "<p>{code}never closed</p>"),
            (
                "see https://example.com/a.",
                "<p>see <a href=\"https://example.com/a\" rel=\"noopener noreferrer\">https://example.com/a</a>.</p>",
            ),
        ] {
            assert_eq!(html(text), shown, "{text}");
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "<script>alert('x')</script>\"&";
        for text in [
            hostile.to_owned(),
            format!("h1. {hostile}"),
            format!("{{panel:title={hostile}}}\n{hostile}\n{{panel}}"),
            format!("{{code:title={hostile}}}{hostile}{{code}}"),
            format!("[{hostile}|javascript:{hostile}] [~{hostile}] !{hostile}.png! {{{{{hostile}}}}}"),
            format!("|{hostile}|[a|https://example.com/{hostile}]|"),
        ] {
            let shown = html(&text);
            assert!(!shown.contains("<script") && !shown.contains("href=\"javascript"), "{shown}");
            assert!(!shown.contains("example.com/<") && !shown.contains("x')"), "{shown}");
        }
    }

    #[test]
    fn long_rows_of_marks_end() {
        for mark in ["*", "_", "[", "{", "!", "|", "\\", "h1. ", "{quote}", "{panel}\n", "* "] {
            let text = mark.repeat(5_000);
            assert!(html(&text).len() < 40 * text.len() + 100, "{mark}");
        }
    }
}
