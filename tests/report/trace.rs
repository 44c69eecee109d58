//! Each number of the page leads to its tickets and is in the JSON form: the test walks the whole page.

use std::collections::{BTreeMap, BTreeSet};

use disputebot::report::{self, TicketKey, Weekly};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{links, quarter, same, weekly};

/// A text of the page with the elements around it, the innermost last.
struct Text {
    text: String,
    around: Vec<Element>,
}

#[derive(Clone)]
struct Element {
    name: String,
    attributes: String,
    /// Place in the order of opening: which element of that name it is.
    number: usize,
}

/// Elements whose numbers are no figures: days and weeks, keys and ids, and what stands in a chart, whose table is
/// looked at.
const APART: [&str; 6] = ["time", "code", "svg", "style", "title", "desc"];

impl Text {
    fn is_within(&self, name: &str) -> bool {
        self.around.iter().any(|element| element.name == name)
    }

    /// The path in the JSON form of the number that this is, or is part of.
    fn path(&self) -> Option<String> {
        let element = self.around.iter().rev().find(|element| element.name == "data")?;
        let (_, rest) = element.attributes.split_once("value=\"")?;
        Some(readable(rest.split('"').next()?))
    }
}

fn readable(text: &str) -> String {
    let mut text = text.to_owned();
    for (escaped, letter) in
        [("&#x2f;", "/"), ("&quot;", "\""), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
    {
        text = text.replace(escaped, letter);
    }
    text
}

/// All texts of a page.
fn texts(page: &str) -> Vec<Text> {
    const EMPTY: [&str; 9] = ["meta", "link", "br", "rect", "line", "circle", "polyline", "path", "!doctype"];
    let (mut found, mut around, mut number) = (Vec::new(), Vec::<Element>::new(), 0);
    let mut rest = page;
    while let Some((before, after)) = rest.split_once('<') {
        if !before.trim().is_empty() {
            found.push(Text { text: readable(before), around: around.clone() });
        }
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        let name: String = tag.trim_start_matches('/').chars().take_while(|it| !it.is_whitespace()).collect();
        if tag.starts_with('/') {
            let open = around.pop().unwrap();
            assert_eq!(open.name, name, "elements are nested");
        } else if !EMPTY.contains(&name.trim_end_matches('/')) && !tag.ends_with('/') {
            number += 1;
            around.push(Element { name, attributes: tag.to_owned(), number });
        }
    }
    found
}

/// The values at a path such as `.causes[9:][].sum.disputes`.
fn at<'a>(json: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut values = vec![json];
    let mut rest = path.trim();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, after) = inner.split_once(']').unwrap();
            rest = after;
            values = match (step.strip_suffix(':'), step.strip_prefix('"')) {
                _ if step.is_empty() => values.iter().flat_map(|value| value.as_array().unwrap()).collect(),
                (Some(from), _) => {
                    let from: usize = from.parse().unwrap();
                    // What follows is `[]`.
                    rest = rest.strip_prefix("[]").unwrap();
                    values.iter().flat_map(|value| &value.as_array().unwrap()[from..]).collect()
                }
                (_, Some(name)) => values.iter().map(|value| &value[name.trim_end_matches('"')]).collect(),
                _ => values.iter().map(|value| &value[step.parse::<usize>().unwrap()]).collect(),
            };
        } else {
            let inner = rest.strip_prefix('.').unwrap_or_else(|| panic!("a path: {path}"));
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            let name = &inner[..end];
            rest = &inner[end..];
            if !name.is_empty() {
                values = values.iter().map(|value| &value[name]).collect();
            }
        }
    }
    values
}

/// What an expression gives: paths, sums, lengths, differences and shares, as jq would write them.
fn evaluated(json: &Value, expression: &str) -> Value {
    if let Some((part, whole)) = expression.split_once(" / ") {
        let [part, whole] = [part, whole].map(|of| evaluated(json, of).as_u64().unwrap() as usize);
        return json!({ "part": part, "whole": whole });
    }
    if let Some((list, less)) = expression.split_once(" | length - ") {
        return json!(
            evaluated(json, &format!("{list} | length")).as_u64().unwrap() - less.parse::<u64>().unwrap()
        );
    }
    if let Some((left, right)) = expression.split_once(" - ") {
        let [left, right] = [left, right].map(|of| evaluated(json, of).as_i64());
        return left.zip(right).map_or(Value::Null, |(left, right)| json!({ "difference": left - right }));
    }
    if let Some(list) = expression.strip_suffix(" | add") {
        let list = list.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
        return json!(at(json, list).iter().map(|value| value.as_u64().unwrap()).sum::<u64>());
    }
    if let Some(list) = expression.strip_suffix(" | length") {
        if let Some(list) = list.strip_suffix(" | unique") {
            let list = list.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
            let mut keys: Vec<&str> = at(json, list).iter().map(|key| key.as_str().unwrap()).collect();
            keys.sort_unstable();
            keys.dedup();
            return json!(keys.len());
        }
        return json!(at(json, list)[0].as_array().unwrap().len());
    }
    at(json, expression)[0].clone()
}

/// Whether a text of the page shows a value of the JSON form.
fn shows(text: &str, path: &str, value: &Value) -> bool {
    let digits = |text: &str| text.replace([',', '$', '+', '−', '-'], "");
    match value {
        Value::Null => !text.contains(|letter: char| letter.is_ascii_digit()),
        Value::Number(number) => digits(text) == number.to_string(),
        Value::Object(fields) if fields.contains_key("whole") => {
            let [part, whole] = ["part", "whole"].map(|name| fields[name].as_u64().unwrap() as f64);
            let shown = text.replace("under 1", "0").replace("over 99", "100").replace(" %", "");
            whole == 0.0 || (shown.parse::<f64>().unwrap() - part / whole * 100.0).abs() <= 1.0
        }
        Value::Object(fields) => {
            digits(text) == fields["difference"].as_i64().unwrap().unsigned_abs().to_string()
        }
        Value::String(said) if path.contains(".units[") => {
            let (count, _) = text.split_once(' ').unwrap();
            count.replace(',', "").parse::<Decimal>().unwrap() == said.parse::<Decimal>().unwrap()
        }
        Value::String(said) if text.starts_with('$') || text.starts_with('−') => {
            let shown: Decimal = digits(text).parse().unwrap();
            shown == said.parse::<Decimal>().unwrap().abs()
        }
        Value::String(said) => text == said.split_whitespace().collect::<Vec<_>>().join(" "),
        _ => false,
    }
}

fn answer(report: &Weekly, head: &disputebot::state::Head) -> Value {
    let mut json = serde_json::to_value(report).unwrap();
    json["sentences"] = json!(report::sentences(report));
    json["journal"] = json!(head);
    json
}

#[test]
fn each_number_of_the_page_is_in_the_json_form_and_leads_to_tickets() {
    let history = quarter::history(&same);
    for client in [None, Some(quarter::CLIENTS[0])] {
        let report = weekly(&history, client);
        let page = report::html(&report, &history.head, &links()).unwrap();
        let json = answer(&report, &history.head);
        let all = texts(&page);
        // Which elements hold a link into Jira, to a list below, or the name of the run.
        let mut linked: BTreeSet<usize> = BTreeSet::new();
        for text in &all {
            let leads = |element: &Element| {
                element.name == "a"
                    && (is_in_jira(&element.attributes) || element.attributes.contains("href=\"#"))
            };
            if text.around.iter().any(leads) || text.is_within("code") {
                linked.extend(text.around.iter().map(|element| element.number));
            }
        }
        let (mut counts, mut faults): (BTreeMap<&str, usize>, Vec<String>) = Default::default();
        for text in &all {
            let said = text.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let has_number = said.contains(|letter: char| letter.is_ascii_digit());
            let is_a_legend = text.around.iter().any(|it| it.attributes.contains("class=\"legend\""));
            if !text.is_within("main") || is_a_legend || APART.iter().any(|name| text.is_within(name)) {
                continue;
            }
            let Some(path) = text.path() else {
                let is_a_key = text.is_within("a") && said.starts_with("DISP-");
                let is_a_name = text.is_within("th") || text.is_within("dt");
                let is_apart =
                    is_a_key || is_a_name || NAMES_WITH_DIGITS.iter().any(|name| said.contains(name));
                if has_number && !is_apart {
                    faults.push(format!("a number without a path: `{said}`"));
                }
                continue;
            };
            let value = evaluated(&json, &path);
            if !shows(&said, &path, &value) {
                faults.push(format!("the page says `{said}`, and {path} is {value}"));
            }
            if has_number {
                // A figure leads somewhere from its own line: row, item, paragraph, heading or card. A sentence is made
                // of many, and may do so from the figure or section that shows them.
                let lines: &[&str] = if is_a_sentence(&path) {
                    &["p", "div", "figure", "section", "header"]
                } else {
                    &["tr", "li", "p", "h3", "div", "details"]
                };
                let mut around = text.around.iter().rev().filter(|it| lines.contains(&it.name.as_str()));
                let leads = if is_a_sentence(&path) {
                    around.any(|element| linked.contains(&element.number))
                } else {
                    // A heading with an id is where a figure leads to: its list follows.
                    around.next().is_some_and(|it| {
                        linked.contains(&it.number) || it.name == "h3" && it.attributes.contains("id=")
                    })
                };
                let is_nothing = value == 0;
                let is_apart = text.is_within("footer") || text.is_within("header");
                if !leads && !is_nothing && !is_apart {
                    faults.push(format!("`{said}` ({path}) leads nowhere"));
                }
                *counts
                    .entry(if value.is_string() { "sentences and amounts" } else { "counts" })
                    .or_default() += 1;
            }
        }
        for text in &all {
            for element in text.around.iter().filter(|element| element.name == "a") {
                let (_, rest) = element.attributes.split_once("href=\"").unwrap();
                let target = readable(rest.split('"').next().unwrap());
                if let Some(id) = target.strip_prefix('#')
                    && !page.contains(&format!("id=\"{id}\""))
                {
                    faults.push(format!("`{}` leads to #{id}, which is not there", text.text));
                }
            }
        }
        assert_eq!(faults, Vec::<String>::new(), "{client:?}");
        assert!(counts["counts"] > 150 && counts["sentences and amounts"] > 100, "{counts:?}");
    }
}

fn is_in_jira(attributes: &str) -> bool {
    attributes.contains("jira.example.com")
}

/// Whether a path is that of a text rather than of a figure.
fn is_a_sentence(path: &str) -> bool {
    let texts = [".sentences.", ".story[", ".corrections[", ".failed["];
    texts.iter().any(|text| path.starts_with(text)) && !path.ends_with("_value")
}

/// The keys of each search of a page.
fn searches(page: &str) -> Vec<String> {
    let page = readable(page);
    let found = page.split("/issues/?jql=").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    found
        .map(|query| {
            url::form_urlencoded::parse(format!("q={query}").as_bytes()).next().unwrap().1.into_owned()
        })
        .collect()
}

#[test]
fn every_search_of_a_clients_report_names_tickets_of_that_client_alone() {
    let history = quarter::history(&same);
    for client in quarter::CLIENTS {
        let report = weekly(&history, Some(client));
        let own: BTreeSet<String> = history
            .known
            .groups
            .values()
            .filter(|record| *record.group.client == *client)
            .map(|record| history.known.ticket(&record.group.id).issue().unwrap().key.clone())
            .collect();
        let page = report::html(&report, &history.head, &links()).unwrap();
        let found = searches(&page);
        assert!(found.len() > 20, "{found:?}");
        for jql in found {
            let keys = jql.strip_prefix("issuekey in (").and_then(|rest| rest.strip_suffix(')'));
            let keys = keys.unwrap_or_else(|| panic!("{client}: a search that names no tickets: {jql}"));
            for key in keys.split(", ").map(|key| key.trim_matches('"')) {
                assert!(own.contains(key), "{client}: {key} in {jql}");
            }
        }
    }
    let page = report::html(&weekly(&history, None), &history.head, &links()).unwrap();
    assert!(
        searches(&page).iter().any(|jql| jql.starts_with("project = \"DISP\" AND labels = \"disputebot\""))
    );
}

#[test]
fn the_search_for_all_open_tickets_finds_those_of_projects_that_no_rule_names_any_more() {
    let found = |keys: &[&str]| {
        let keys: Vec<report::TicketKey> = keys.iter().map(|key| (*key).into()).collect();
        searches(&format!("{}\"", links().open(&keys))).remove(0)
    };
    let of =
        |projects: &str| format!("project {projects} AND labels = \"disputebot\" AND statusCategory != Done");
    assert_eq!(found(&["DISP-1", "0123abcd"]), of("= \"DISP\""));
    assert_eq!(found(&["DISP-1", "OLD-7", "A-B-3", "OLD-8"]), of("in (\"DISP\", \"OLD\", \"A-B\")"));
}

#[test]
fn whatever_a_project_or_a_ticket_is_called_it_stays_within_its_quotes() {
    let links = report::Links { projects: vec!["X\" OR project != \"".to_owned()], ..links() };
    let query = |address: &str| searches(&format!("{address}\"")).remove(0);
    assert_eq!(
        query(&links.open(&[])),
        r#"project = "X\" OR project != \"" AND labels = "disputebot" AND statusCategory != Done"#
    );
    let keys = ["DISP-1", "A) OR (B-1"].map(TicketKey::from);
    assert_eq!(query(&links.search(&keys)), r#"issuekey in ("DISP-1", "A) OR (B-1")"#);
}

#[test]
fn where_no_search_can_name_all_tickets_a_list_on_the_page_does_and_the_json_form_has_them_all() {
    let history = quarter::history(&same);
    let report = weekly(&history, None);
    // Without a site there is no search at all.
    let page = report::html(&report, &history.head, &report::Links::default()).unwrap();
    for (place, line) in report.states.iter().enumerate().filter(|(_, line)| !line.keys.is_empty()) {
        assert!(page.contains(&format!("<a href=\"#states-{place}\">")), "{}", line.name);
        let (_, list) = page.split_once(&format!("<h3 id=\"states-{place}\">")).unwrap();
        let list = list.split("</p>").next().unwrap();
        for key in &line.keys {
            assert!(list.contains(&**key), "{key} of {}", line.name);
        }
    }
    for list in ["programs-0", "clients-0", "causes-0", "ageing-3", "units-0", "entities-0", "came-2026-W47"]
    {
        assert!(
            page.contains(&format!("id=\"{list}\"")) && page.contains(&format!("href=\"#{list}\"")),
            "{list}"
        );
    }
}

/// Words of the field that stand beside figures and have digits in them.
const NAMES_WITH_DIGITS: [&str; 6] =
    ["340B", "rounded to two digits", "Figures of stock", "first digits", "Blue, up", "Last run"];

#[test]
fn the_walk_would_see_a_number_that_is_wrong_and_one_that_leads_nowhere() {
    let json = json!({ "a": [{ "b": 3 }, { "b": 4 }], "money": "41000", "c": { "too small": 7 } });
    assert!(shows("7", "", &evaluated(&json, "[.a[].b] | add")));
    assert!(!shows("8", "", &evaluated(&json, "[.a[].b] | add")));
    assert!(shows("4", "", &evaluated(&json, "[.a[1:][].b] | add")));
    assert!(
        shows("$41,000", "", &evaluated(&json, ".money"))
            && !shows("$42,000", "", &evaluated(&json, ".money"))
    );
    assert!(shows("43 %", "", &evaluated(&json, ".a[0].b / [.a[].b] | add")));
    assert!(shows("+1", "", &evaluated(&json, ".a[1].b - .a[0].b")));
    assert!(
        shows("7", "", &evaluated(&json, ".c[\"too small\"]"))
            && shows("2", "", &evaluated(&json, ".a | length"))
    );
    let texts = texts("<p>5 <a href=\"x\">six</a><data value=\".a[&quot;b&quot;]\">7</data></p>");
    assert_eq!(texts.len(), 3);
    assert_eq!(texts[2].path().as_deref(), Some(".a[\"b\"]"));
    let report = weekly(&quarter::history(&same), None);
    assert!(serde_json::to_value(&report).unwrap()["run"].is_string());
}
