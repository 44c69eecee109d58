//! A document as HTML, to look at it before it is in Jira. Text is inert; only links of the web lead anywhere.

use super::document::{Block, Inline, Marks, sign};

/// A page of its own, without script.
pub fn page(title: &str, blocks: &[Block]) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title><style>body{{font:15px/1.5 \
         system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}table{{border-collapse:collapse}}\
         th,td{{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}}</style></head><body>\n<h1>{}</h1>\n{}</body></html>\n",
        escape(title),
        escape(title),
        text(blocks)
    )
}

/// The blocks as HTML.
pub fn text(blocks: &[Block]) -> String {
    let mut out = String::new();
    for block in blocks {
        write(block, &mut out);
    }
    out
}

fn write(block: &Block, out: &mut String) {
    let tagged = |tag: &str, inner: &str| format!("<{tag}>{inner}</{tag}>\n");
    let html = match block {
        Block::Heading(level, inlines) => tagged(&format!("h{}", (*level).clamp(1, 6)), &inline(inlines)),
        Block::Paragraph(inlines) => tagged("p", &inline(inlines)),
        Block::List { ordered, entries } => {
            let entries: String = entries.iter().map(|entry| tagged("li", &text(entry))).collect();
            tagged(if *ordered { "ol" } else { "ul" }, &entries)
        }
        Block::Tasks(tasks) => {
            let entries: String = tasks
                .iter()
                .map(|task| tagged("li", &format!("{} {}", sign(task.done), inline(&task.content))))
                .collect();
            format!("<ul style=\"list-style:none;padding-left:0\">\n{entries}</ul>\n")
        }
        Block::Table { header, rows } => {
            let row = |cells: &[Vec<Inline>], tag: &str| {
                let cells: String =
                    cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", inline(cell))).collect();
                tagged("tr", &cells)
            };
            let body: String = rows.iter().map(|cells| row(cells, "td")).collect();
            tagged("table", &(row(header, "th") + &body))
        }
        Block::Quote(inner) => tagged("blockquote", &text(inner)),
        Block::Code(code) => tagged("pre", &escape(code)),
        Block::Rule => "<hr>\n".to_owned(),
    };
    out.push_str(&html);
}

fn inline(inlines: &[Inline]) -> String {
    inlines
        .iter()
        .map(|inline| match inline {
            Inline::Text { text, marks } => marked(text, marks),
            Inline::Break => "<br>".to_owned(),
        })
        .collect()
}

fn marked(text: &str, marks: &Marks) -> String {
    let mut html = escape(text);
    for (set, tag) in [(marks.code, "code"), (marks.emphasis, "em"), (marks.strong, "strong")] {
        if set {
            html = format!("<{tag}>{html}</{tag}>");
        }
    }
    match &marks.link {
        Some(link) if link.starts_with("https://") || link.starts_with("http://") => {
            format!("<a href=\"{}\">{html}</a>", escape(link))
        }
        _ => html,
    }
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::parse_markdown;

    #[test]
    fn every_kind_of_block_is_written_and_text_is_inert() {
        let blocks = parse_markdown(
            "# a & b\n\n**bold** `<b>` [there](https://example.com/?a=1&b=2) [not](javascript:alert)\n\n1. one\n\n- [ ] two\n- [x] three\n\n| h |\n|---|\n| c |\n\n> said\n\n***\n",
        );
        insta::assert_snapshot!(text(&blocks), @r#"
        <h1>a &amp; b</h1>
        <p><strong>bold</strong> <code>&lt;b&gt;</code> <a href="https://example.com/?a=1&amp;b=2">there</a> not</p>
        <ol><li><p>one</p>
        </li>
        </ol>
        <ul style="list-style:none;padding-left:0">
        <li>☐ two</li>
        <li>☑ three</li>
        </ul>
        <table><tr><th>h</th></tr>
        <tr><td>c</td></tr>
        </table>
        <blockquote><p>said</p>
        </blockquote>
        <hr>
        "#);
        assert!(!page("<script>", &[]).contains("<script>"));
    }
}
