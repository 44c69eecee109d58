//! Shows a document as HTML. Every text is escaped and links go to web addresses only, so that hostile text
//! stays text.

use serde_json::Value;

use super::{day, placeholder};

/// HTML of a valid document; nodes it does not know are shown by their content.
pub(crate) fn html(document: &Value) -> String {
    block(document)
}

fn block(node: &Value) -> String {
    let attribute = |name: &str| node["attrs"][name].as_str().unwrap_or_default();
    let number = |name: &str| node["attrs"][name].as_u64().unwrap_or(1);
    match node["type"].as_str().unwrap_or_default() {
        "paragraph" | "caption" => element("p", "", node),
        "heading" => {
            // The page has its own h1 and h2: headings of the document go below them.
            let level = number("level").clamp(1, 6);
            element(&format!("h{}", (level + 2).min(6)), &format!(" class=\"level-{level}\""), node)
        }
        "bulletList" | "decisionList" => element("ul", "", node),
        "orderedList" => element("ol", &format!(" start=\"{}\"", number("order")), node),
        "listItem" | "decisionItem" => element("li", "", node),
        "taskList" => element("ul", " class=\"tasks\"", node),
        "taskItem" => {
            let (class, sign) =
                if attribute("state") == "DONE" { ("task done", '☑') } else { ("task", '☐') };
            format!("<li class=\"{class}\"><span class=\"tick\">{sign}</span> {}</li>", children(node))
        }
        "table" => {
            format!("<div class=\"scroll\" tabindex=\"0\">{}</div>", element("table", "", node))
        }
        "tableRow" => element("tr", "", node),
        kind @ ("tableHeader" | "tableCell") => {
            let tag = if kind == "tableHeader" { "th" } else { "td" };
            let spans = format!(" colspan=\"{}\" rowspan=\"{}\"", number("colspan"), number("rowspan"));
            element(tag, &spans, node)
        }
        "panel" => {
            element("div", &format!(" class=\"panel panel-{}\"", escape(attribute("panelType"))), node)
        }
        "expand" | "nestedExpand" => {
            let title = Some(attribute("title")).filter(|title| !title.is_empty()).unwrap_or("More");
            format!("<details><summary>{}</summary>{}</details>", escape(title), children(node))
        }
        "codeBlock" => format!("<pre><code>{}</code></pre>", children(node)),
        "blockquote" => element("blockquote", "", node),
        "rule" => "<hr>".to_owned(),
        "text" => text(node),
        "hardBreak" => "<br>".to_owned(),
        "status" => {
            let color = Some(attribute("color")).filter(|color| !color.starts_with('#'));
            let color = escape(color.unwrap_or("neutral"));
            format!("<span class=\"lozenge lozenge-{color}\">{}</span>", escape(attribute("text")))
        }
        "date" => format!("<time>{}</time>", escape(&day(attribute("timestamp")))),
        "mention" => {
            let name = Some(attribute("text")).filter(|name| !name.is_empty()).unwrap_or(attribute("id"));
            format!("<span class=\"mention\">@{}</span>", escape(name.trim_start_matches('@')))
        }
        "emoji" | "inlineCard" | "mediaInline" => escape(&placeholder(node)),
        "media" | "blockCard" | "embedCard" => format!("<p>{}</p>", escape(&placeholder(node))),
        _ => children(node),
    }
}

/// `attributes` is HTML already and starts with a space.
fn element(tag: &str, attributes: &str, node: &Value) -> String {
    format!("<{tag}{attributes}>{}</{tag}>", children(node))
}

fn children(node: &Value) -> String {
    node["content"].as_array().into_iter().flatten().map(block).collect()
}

fn text(node: &Value) -> String {
    let mut shown = escape(node["text"].as_str().unwrap_or_default());
    for mark in node["marks"].as_array().into_iter().flatten() {
        shown = match mark["type"].as_str().unwrap_or_default() {
            "strong" => format!("<strong>{shown}</strong>"),
            "em" => format!("<em>{shown}</em>"),
            "code" => format!("<code>{shown}</code>"),
            "strike" => format!("<s>{shown}</s>"),
            "underline" => format!("<u>{shown}</u>"),
            "link" => {
                let address = mark["attrs"]["href"].as_str().unwrap_or_default();
                if ["http://", "https://", "mailto:"].iter().any(|scheme| address.starts_with(scheme)) {
                    format!("<a href=\"{}\" rel=\"noopener noreferrer\">{shown}</a>", escape(address))
                } else {
                    shown
                }
            }
            _ => shown,
        };
    }
    shown
}

/// Text for HTML, inside and outside of quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inline(node: &Value) -> String {
        html(&json!({ "type": "doc", "version": 1, "content": [{ "type": "paragraph", "content": [node] }] }))
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "<script>alert('x')</script>\"&";
        let shown = inline(&json!({ "type": "text", "text": hostile }));
        assert_eq!(shown, "<p>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;</p>");
        for node in [
            json!({ "type": "status", "attrs": { "text": hostile, "color": hostile } }),
            json!({ "type": "mention", "attrs": { "id": hostile, "text": hostile } }),
            json!({ "type": "date", "attrs": { "timestamp": hostile } }),
            json!({ "type": "emoji", "attrs": { "shortName": hostile } }),
            json!({ "type": "inlineCard", "attrs": { "url": hostile } }),
            json!({ "type": "media", "attrs": { "type": "external", "url": hostile, "alt": hostile } }),
            json!({ "type": "expand", "attrs": { "title": hostile } }),
            json!({ "type": "panel", "attrs": { "panelType": hostile } }),
        ] {
            let shown = inline(&node);
            assert!(!shown.contains("<script") && !shown.contains("x')"), "{shown}");
        }
    }

    #[test]
    fn what_is_not_shown_has_a_plain_word_in_its_place() {
        for (node, shown) in [
            (json!({ "type": "emoji", "attrs": { "shortName": ":wave:", "text": "👋" } }), "👋"),
            (
                json!({ "type": "inlineCard", "attrs": { "url": "https://example.com" } }),
                "https://example.com",
            ),
            (json!({ "type": "inlineCard", "attrs": { "data": {} } }), "[card]"),
            (json!({ "type": "mediaInline", "attrs": { "id": "1", "collection": "" } }), "[file]"),
            (
                json!({ "type": "media", "attrs": { "type": "file", "id": "1", "alt": "scan" } }),
                "<p>[file scan]</p>",
            ),
        ] {
            assert_eq!(inline(&node), format!("<p>{shown}</p>"));
        }
    }

    #[test]
    fn only_web_addresses_become_links() {
        let link = |href: &str| {
            inline(&json!({ "type": "text", "text": "a", "marks": [
                { "type": "link", "attrs": { "href": href } }] }))
        };
        assert_eq!(
            link("https://example.com/?a=1&b=\""),
            "<p><a href=\"https://example.com/?a=1&amp;b=&quot;\" rel=\"noopener noreferrer\">a</a></p>"
        );
        assert_eq!(link("javascript:alert(1)"), "<p>a</p>");
        assert_eq!(link("data:text/html,x"), "<p>a</p>");
    }
}
