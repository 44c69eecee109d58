//! What a ticket says, and what it can never say.

#![expect(clippy::unwrap_used, reason = "clippy knows test functions only, not what they share")]

#[path = "shared/baits.rs"]
mod baits;

use baits::{Baits, hidden};
use disputebot::{
    cluster,
    dispute::{Dispute, Program, Tables, Text, UnitType},
    group::{Group, GroupId, Pattern, Status},
    plan::Mark,
    run::group_disputes,
    ticket::{
        self, Content, ContentError, Markup, Priorities, Templates, Weight, adf, document,
        facts::{self, Facts, Figures, Grain},
        length::TEXT_LIMIT,
    },
};
use rust_decimal::Decimal;
use serde_json::Value;

/// Values that stand in private columns and must never be seen again.
const CANARIES: [&str; 6] =
    ["Canary Note", "canary", "1987-03-21", "CLAIM-CANARY-7", "13.371337", "claim_ref"];

/// The day of the last change of a group.
fn today() -> jiff::civil::Date {
    "2026-08-01".parse().unwrap()
}

fn dispute(number: u32) -> Dispute {
    Dispute {
        id: format!("D-{number:03}").into(),
        program: Program::Mdrp,
        client: "Example Pharma A".into(),
        ndc: "00022-2127-95".parse().unwrap(),
        product_name: Some("Examplol 10 mg".into()),
        state: Some("TX".into()),
        payer: Some("Example Plan".into()),
        delivery_system: None,
        covered_entity: None,
        pharmacy_npi: None,
        period: Some("2026Q1".parse().unwrap()),
        service_date: Some("1987-03-21".parse().unwrap()),
        reason_codes: vec!["D".into()],
        units_invoiced: Some(Decimal::from(300)),
        units_disputed: Some(Decimal::from(100)),
        unit_type: Some(UnitType::Ml),
        unit_rebate_amount: Some("13.371337".parse().unwrap()),
        amount_disputed: Some("1337.13".parse().unwrap()),
        status: "open".into(),
        opened_at: Some("2026-05-01".parse().unwrap()),
        due_at: Some("2026-09-01".parse().unwrap()),
        resolved_at: None,
        note: Some(format!("Canary Note: patient wording {number}").into()),
        claim_ref: Some("CLAIM-CANARY-7".into()),
        source_url: None,
        transaction: None,
        anchors: disputebot::dispute::AnchorDays::default(),
        disputed_money: disputebot::dispute::DisputedMoney::Unpaid,
    }
}

/// A group of six disputes in a background of others, each changed.
fn world(change: &dyn Fn(&mut Dispute)) -> (Vec<Dispute>, Group) {
    let mut disputes: Vec<Dispute> = (0..6).map(dispute).collect();
    disputes.iter_mut().for_each(change);
    let members: Vec<Text> = disputes.iter().map(|dispute| dispute.id.clone()).collect();
    for number in 6..60 {
        let mut other = dispute(number);
        (other.program, other.client) = (disputes[0].program, disputes[0].client.clone());
        other.ndc = format!("00033-{:04}-01", 100 + number).parse().unwrap();
        other.state = Some(["AZ", "CA", "FL", "GA", "IL", "NY"][number as usize % 6].into());
        other.payer = Some(format!("Other Plan {number}").into());
        other.product_name = Some(format!("Other {number}").into());
        other.reason_codes = vec![["A", "B", "C"][number as usize % 3].into()];
        disputes.push(other);
    }
    let group = Group {
        id: GroupId::from_bits(7),
        program: disputes[0].program,
        client: disputes[0].client.clone(),
        patterns: Vec::new(),
        members,
        since: "2026-08-01T06:00:00Z".parse().unwrap(),
        split_from: None,
        status: Status::Active,
        pending: Vec::new(),
    };
    (disputes, group)
}

/// The facts of the group, as a run makes them; its rule is product, state, payer and code.
fn facts_of(change: &dyn Fn(&mut Dispute)) -> (Facts, Figures) {
    facts_beside(change, None)
}

/// The same with another group of the client, of the disputes from 30 on in one state.
fn facts_beside(change: &dyn Fn(&mut Dispute), beside: Option<&str>) -> (Facts, Figures) {
    facts_after(change, beside, "")
}

/// The same after a run in which the likely cause was called so.
fn facts_after(change: &dyn Fn(&mut Dispute), beside: Option<&str>, cause: &str) -> (Facts, Figures) {
    let (disputes, mut group) = world(change);
    let (table, _) = group_disputes(&disputes, &cluster::Params::default());
    let rows: Vec<usize> = (0..table.len()).filter(|row| group.members.contains(table.id(*row))).collect();
    let items = [
        cluster::Attribute::Package,
        cluster::Attribute::State,
        cluster::Attribute::Payer,
        cluster::Attribute::ReasonCodes,
    ]
    .into_iter()
    .filter(|attribute| {
        rows.iter().all(|row| table.value(*row, *attribute) == table.value(rows[0], *attribute))
    })
    .filter_map(|attribute| {
        Some(cluster::Item { attribute, value: table.value(rows[0], attribute)?.clone() })
    })
    .collect::<Vec<_>>();
    group.patterns = vec![Pattern::from_items(&items)];
    let found = cluster::Cluster {
        program: group.program,
        client: group.client.clone(),
        cause: 0,
        patterns: vec![items],
        rows,
    };
    let mut clusters = vec![found];
    let other = GroupId::from_bits(8 << 96);
    if let Some(state) = beside {
        let rows = (0..table.len()).filter(|row| {
            table.id(*row).as_ref() >= "D-030"
                && table.value(*row, cluster::Attribute::State).is_some_and(|value| **value == *state)
        });
        clusters.push(cluster::Cluster { rows: rows.collect(), ..clusters[0].clone() });
    }
    let nearest = beside.map(|_| &other);
    let explanation = cluster::explain(&table, &clusters).remove(0);
    let members: Vec<&Dispute> =
        disputes.iter().filter(|dispute| group.members.contains(&dispute.id)).collect();
    let facts =
        facts::facts(&group, &members, &table, &explanation, nearest, &Tables::embedded(), 4, cause, today());
    (facts, Figures::of(members))
}

/// A weight of money and disputes alone.
fn weight(figures: &Figures) -> Weight {
    let amount = figures.exposed + figures.recoverable;
    Weight { amount, disputes: figures.disputes, ..Weight::default() }
}

fn priorities() -> Priorities {
    Priorities {
        high_loss: Decimal::from(5_000),
        highest_loss: Decimal::from(50_000),
        high_age_days: Some(365),
        high_amount: Decimal::from(10_000),
        highest_amount: Decimal::from(100_000),
        names: ["Medium", "High", "Highest"].map(str::to_owned),
    }
}

fn content_of(change: &dyn Fn(&mut Dispute)) -> Result<Content, ContentError> {
    let (facts, figures) = facts_of(change);
    let templates = Templates::new(&[]).unwrap();
    ticket::content(&GroupId::from_bits(7), &facts, &weight(&figures), &templates, &priorities(), TEXT_LIMIT)
}

fn words_of(content: &Content) -> String {
    format!("{}\n{}", content.summary, document::plain_text(&content.block))
}

fn description(content: &Content) -> Value {
    ticket::block::compose(Markup::Adf, &GroupId::from_bits(7), &[], &adf::nodes(&content.block), &[])
}

/// Breaches of the rules of the document format, for the nodes that we write.
/// Source: Atlassian's `full` JSON schema of `@atlaskit/adf-schema`.
fn breaches(node: &Value, path: &str, found: &mut Vec<String>) {
    let kind = node["type"].as_str().unwrap_or("nothing");
    let path = format!("{path}/{kind}");
    let mut breach = |what: String| found.push(format!("{path}: {what}"));
    let inline: &[&str] = &["text", "hardBreak"];
    let in_cell: &[&str] =
        &["paragraph", "bulletList", "orderedList", "rule", "heading", "codeBlock", "blockquote"];
    let (children, at_least, attributes): (&[&str], usize, &[&str]) = match kind {
        "doc" => (
            &[
                "paragraph",
                "bulletList",
                "orderedList",
                "rule",
                "heading",
                "codeBlock",
                "blockquote",
                "table",
                "taskList",
            ],
            1,
            &[],
        ),
        "paragraph" => (inline, 0, &["localId"]),
        "heading" => (inline, 0, &["level", "localId"]),
        "bulletList" => (&["listItem"], 1, &["localId"]),
        "orderedList" => (&["listItem"], 1, &["order", "localId"]),
        "listItem" | "blockquote" => {
            (&["paragraph", "bulletList", "orderedList", "codeBlock"], 1, &["localId"])
        }
        "taskList" => (&["taskItem"], 1, &["localId"]),
        "taskItem" => (inline, 0, &["localId", "state"]),
        "codeBlock" => (&["text"], 0, &["language", "uniqueId", "localId"]),
        "table" => (&["tableRow"], 1, &["layout", "isNumberColumnEnabled", "width", "localId"]),
        "tableRow" => (&["tableHeader", "tableCell"], 1, &["localId"]),
        "tableHeader" | "tableCell" => {
            (in_cell, 1, &["colspan", "rowspan", "colwidth", "background", "localId"])
        }
        "text" | "hardBreak" | "rule" => (&[], 0, &["text", "localId"]),
        other => return breach(format!("`{other}` is no node that we write")),
    };
    let content = node["content"].as_array().map_or(&[][..], Vec::as_slice);
    if content.len() < at_least {
        breach(format!("expected at least {at_least} child, found {}", content.len()));
    }
    for (position, child) in content.iter().enumerate() {
        let child_kind = child["type"].as_str().unwrap_or("nothing");
        if !children.contains(&child_kind) {
            breach(format!("`{child_kind}` may not stand here"));
        }
        if kind == "listItem" && position == 0 && !["paragraph", "codeBlock"].contains(&child_kind) {
            breach(format!("begins with `{child_kind}`"));
        }
        if kind == "codeBlock" && child.get("marks").is_some() {
            breach("text in code has marks".to_owned());
        }
    }
    for key in node["attrs"].as_object().into_iter().flatten().map(|(key, _)| key) {
        if !attributes.contains(&key.as_str()) {
            breach(format!("unknown attribute `{key}`"));
        }
    }
    match kind {
        "doc" if node["version"] != 1 => breach("the version is not 1".to_owned()),
        "taskList" | "taskItem" if node["attrs"]["localId"].as_str().is_none_or(str::is_empty) => {
            breach("it has no id".to_owned());
        }
        "taskItem" if !["TODO", "DONE"].contains(&node["attrs"]["state"].as_str().unwrap_or_default()) => {
            breach("it is neither open nor done".to_owned());
        }
        "heading" if !(1..=6).contains(&node["attrs"]["level"].as_u64().unwrap_or(0)) => {
            breach("the level is not from 1 to 6".to_owned());
        }
        "text" => {
            let text = node["text"].as_str().unwrap_or_default();
            if text.is_empty() {
                breach("a text is never empty".to_owned());
            }
            if text.contains(|c: char| c.is_control() && c != '\n') {
                breach(format!("a control character in {text:?}"));
            }
            let marks: Vec<&str> = node["marks"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|mark| mark["type"].as_str().unwrap_or_default())
                .collect();
            for mark in &marks {
                if !["strong", "em", "code", "link"].contains(mark) {
                    breach(format!("unknown mark `{mark}`"));
                }
            }
            if marks.contains(&"code") && marks.iter().any(|mark| !["code", "link"].contains(mark)) {
                breach(format!("code together with {marks:?}"));
            }
        }
        "table" => {
            let widths: Vec<usize> =
                content.iter().map(|row| row["content"].as_array().map_or(0, Vec::len)).collect();
            if widths.windows(2).any(|pair| pair[0] != pair[1]) {
                breach(format!("rows of different widths: {widths:?}"));
            }
        }
        _ => {}
    }
    for child in content {
        breaches(child, &path, found);
    }
}

fn all_breaches(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    breaches(document, "", &mut found);
    found
}

/// The document without its words and ids: node types, marks and attributes.
fn shape(node: &Value) -> Value {
    match node {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| !["text", "localId"].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(values) => values.iter().map(shape).collect(),
        other => other.clone(),
    }
}

#[test]
fn a_ticket_is_a_valid_document() {
    let content = content_of(&|_| ()).unwrap();
    assert_eq!(all_breaches(&description(&content)), Vec::<String>::new());
    let empty = content_of(&|dispute| {
        dispute.product_name = None;
        dispute.state = None;
        dispute.payer = None;
        dispute.period = None;
        dispute.units_disputed = None;
        dispute.amount_disputed = None;
        dispute.due_at = None;
        dispute.opened_at = None;
        dispute.reason_codes.clear();
        dispute.note = None;
    });
    assert_eq!(all_breaches(&description(&empty.unwrap())), Vec::<String>::new());
}

#[test]
fn the_checker_of_documents_finds_what_is_wrong() {
    let wrong = serde_json::json!({ "type": "doc", "version": 1, "content": [
        { "type": "paragraph", "content": [{ "type": "text", "text": "" }] },
        { "type": "heading", "attrs": { "level": 7 }, "content": [] },
        { "type": "bulletList", "content": [] },
        { "type": "blockquote", "content": [{ "type": "heading", "attrs": { "level": 1 } }] },
        { "type": "paragraph", "content": [{ "type": "text", "text": "x", "marks": [{ "type": "code" }, { "type": "strong" }] }] },
        { "type": "table", "content": [
            { "type": "tableRow", "content": [{ "type": "tableCell", "content": [{ "type": "paragraph" }] }] },
            { "type": "tableRow", "content": [] },
        ] },
        { "type": "image" },
    ] });
    assert_eq!(all_breaches(&wrong).len(), 9, "{:#?}", all_breaches(&wrong));
}

#[test]
fn a_summary_is_one_line_of_under_255_characters() {
    for name in ["ä".repeat(10_000), "word ".repeat(2_000).trim().to_owned()] {
        let content = content_of(&|dispute| {
            dispute.client = name.as_str().into();
            dispute.payer = Some(name.as_str().into());
            dispute.product_name = Some(name.as_str().into());
        })
        .unwrap();
        let length = content.summary.chars().count();
        assert!((200..255).contains(&length), "{length} characters");
        assert!(content.summary.contains('…') && !content.summary.contains('\n'), "{}", content.summary);
        assert!(content.summary.ends_with(" · 6 disputes"), "{}", content.summary);
        assert_eq!(all_breaches(&description(&content)), Vec::<String>::new());
    }
}

#[test]
fn a_summary_that_just_fits_is_kept_whole() {
    let templates = Templates::new(&[("summary.txt".to_owned(), "{{ client }}".to_owned())]).unwrap();
    for (second, wanted) in [(53, 254), (54, 201)] {
        let name = format!("{} {}", "x".repeat(200), "y".repeat(second));
        let (facts, _) = facts_of(&|dispute| dispute.client = name.as_str().into());
        assert_eq!(templates.summary(&facts).unwrap().chars().count(), wanted);
    }
}

#[test]
fn of_a_long_summary_the_title_gives_way_first_and_client_and_count_stay() {
    let templates = Templates::new(&[]).unwrap();
    let facts = |title: &str, client: &str| {
        let sample = Facts::sample();
        Facts { title: title.to_owned(), client: client.to_owned(), ..sample }
    };
    let (long, emoji) = ("covered entity DSH990579, ".repeat(30), "😀".repeat(200));
    for title in [long.as_str(), &emoji] {
        let summary = templates.summary(&facts(title, "Example Pharma A")).unwrap();
        assert!(summary.encode_utf16().count() < 255, "{summary}");
        let kept = ["FFS carve-in NPI not excluded by state: ", "… · Example Pharma A · 1,234 disputes"];
        assert!(summary.starts_with(kept[0]) && summary.ends_with(kept[1]), "{summary}");
    }
    let summary = templates.summary(&facts(&long, &"Example Pharma ".repeat(30))).unwrap();
    assert!(summary.encode_utf16().count() < 255 && summary.ends_with(" · 1,234 disputes"), "{summary}");
    assert!(summary.contains("covered entity…") && summary.contains("Example Pharma"), "{summary}");
}

#[test]
fn the_whole_ticket_of_a_group_that_has_everything_stands_in_the_order_in_which_a_triager_asks() {
    let templates = Templates::new(&[]).unwrap();
    insta::assert_snapshot!(templates.summary(&Facts::sample()).unwrap(), @"FFS carve-in NPI not excluded by state: NDC 98001-1037-01, TX · Example Pharma A · 1,234 disputes");
    let block = templates.description(&Facts::sample()).unwrap();
    insta::assert_snapshot!(document::plain_text(&block), @"
    FFS carve-in NPI not excluded by state is the possible cause of 1,234 open disputes of Example Pharma A, about $41,000 unpaid, about $2,000 to be had back. To be fixed by state, due 2026-12-31 (2 disputes were due before that, the first on 2026-11-30). Next move: Send the page of that quarter. Why this cause: 90 % of the disputes have one of its usual codes.
    It could also be: another cause.
    ## How much
    Program | Medicaid Drug Rebate Program
    Open disputes | 1,234
    Units disputed | 1,234.5 ML; 20 EA
    Money exposed (unpaid until settled) | about $41,000
    Money recoverable (already paid) | about $2,000
    Last change | 2026-11-24: 1,234 disputes (about $43,000), 900 (about $30,000) a week before
    Disputes without an amount | 3
    ## By when
    The next due date in the source is 2026-12-31 (12 disputes; 4 without a date). 2 disputes were due before that, the first on 2026-11-30. After it: 2027-01-15 (3 disputes); 2027-03-31 (2 disputes).
    What happens | When | Counted from | Who must act | Next | If nobody acts
    state sends invoice | within 60 days of quarter end | quarter end | state | 2026-11-29 | –
    Clocks that run from a day that the source does not have:
    - interest starts (manufacturer; if nobody acts, interest runs): 38th day, counted from invoice postmark
    ## Why these belong together
    - NDC 98001-1037-01, TX
    - or reason code X
    95 % of the group fit this rule. Of all open disputes of Example Pharma A in this program that fit it, 98 % are in the group.
    Shared | Value | Share of the group | More often than elsewhere | Of all with it, here
    State | TX | 97 % | 12 times | 80 %
    What varies: 18 states.
    What people decided:
    - A person split DISP-3, so disputes that differ in state are kept apart.
    ## Before anyone is asked
    - Look up NPI and 340B id in the Medicaid Exclusion File of the quarter of service, and in OPAIS at that time: what holds today proves nothing about then.
    - The file is about fee-for-service claims. Where managed care paid, it proves nothing: the flag on the claim counts there.
    - A pharmacy may serve several covered entities: its NPI alone does not say whose drug it was.
    ## Next step
    - ☐ Send the page of that quarter.
    - ☐ Attach the documents that reason code X demands.
    ## Examples
     | Dispute | Product | State | Quarter | Codes | Units
    typical | D-0001 | Examplol 10 mg | TX | 2026Q2 | X | 100 ML
    ## Disputes
    D-0001, D-0002 and 1,232 more in the attached list
    Nearest other group: DISP-4; differs in state: TX here, NM there.
    ");
}

#[test]
fn the_due_dates_after_the_earliest_one_stand_on_the_ticket_so_that_the_next_one_is_there_when_that_has_passed()
 {
    let after = |days: u32, apart: i64| {
        let content = content_of(&|dispute: &mut Dispute| {
            let number: u32 =
                dispute.id.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
            let later = jiff::ToSpan::days(i64::from(number % days) * apart);
            dispute.due_at = Some(jiff::civil::date(2026, 9, 1).saturating_add(later));
        });
        let text = words_of(&content.unwrap());
        let told = text.lines().find(|line| line.contains("due date in the source is")).unwrap().to_owned();
        told.split_once("). ").map(|(_, after)| after.to_owned())
    };
    assert_eq!(after(1, 1), None);
    let told = after(3, 1).unwrap();
    assert!(told.starts_with("After it: 2026-09-02 (") && told.contains("; 2026-09-03 ("), "{told}");
    assert!(after(5, 1).unwrap().contains("; 2026-09-05 ("));
    // Many of them are told by month.
    let told = after(6, 1).unwrap();
    assert!(told.starts_with("After it: 2026-09 (") && !told.contains(';'), "{told}");
    let told = after(6, 31).unwrap();
    assert!(told.contains("; 2027-01 (") && told.contains("; later ("), "{told}");
}

#[test]
fn a_deadline_that_is_near_is_the_next_one_that_has_not_passed() {
    let tables = Tables::embedded();
    let left = |due: &[Option<&str>], today: &str| {
        let members: Vec<Dispute> = due
            .iter()
            .map(|due| Dispute {
                due_at: due.map(|due| due.parse().unwrap()),
                program: Program::Commercial,
                ..dispute(1)
            })
            .collect();
        ticket::days_left(&members.iter().collect::<Vec<_>>(), &tables, today.parse().unwrap())
    };
    let due = [Some("2026-08-01"), Some("2026-09-03"), None, Some("2026-09-02")];
    assert_eq!(left(&due, "2026-09-01"), Some(1));
    assert_eq!(left(&due, "2026-09-02"), Some(0));
    assert_eq!(left(&due, "2026-09-04"), None, "what has passed is no deadline");
    assert_eq!(left(&[None], "2026-09-01"), None);
}

#[test]
fn hostile_text_is_inert() {
    let plain = content_of(&|dispute| set_names(dispute, "Plain words")).unwrap();
    let plain_shape = shape(&description(&plain));
    for hostile in [
        "**bold** _em_ `code` ~~gone~~",
        "# heading\n\n- list\n\n1. one\n\n> quote",
        "| a | b |\n|---|---|\n| c | d |",
        "[click](https://example.com) ![x](https://example.com/x.png) <https://example.com>",
        "https://example.com/autolink",
        "<script>alert(1)</script><b>x</b><!-- c -->",
        "{{ client }} {% for x in members %}{{ x }}{% endfor %} {# c #}",
        "&lt;b&gt; &amp; &#x2a;",
        "\u{202e}reversed\u{202c} \u{2066}isolated\u{2069} \u{200f}\u{61c}mark",
        "nul\u{0}bell\u{7}escape\u{1b}[31m\u{85}\u{9b}",
        "line\u{2028}separator\u{2029}\r\nand\ttab",
        "▲ disputebot",
        "``` \n fenced \n ```",
        "\\*escaped\\* trailing\\",
        "    four blanks",
        "***",
        "---",
        "Example Corp Confidential||{code}{noformat}[~accountid:1] !x.png! h1. x",
    ] {
        let content = content_of(&|dispute| set_names(dispute, hostile)).unwrap();
        let document = description(&content);
        assert_eq!(all_breaches(&document), Vec::<String>::new(), "{hostile:?}");
        assert_eq!(shape(&document), plain_shape, "{hostile:?}");
        let text = adf::text_of(&document) + &content.summary;
        let bad = text.chars().find(|c| {
            c.is_control() || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        });
        assert_eq!(bad, None, "{hostile:?}");
        let kept: Vec<String> = hostile
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        for word in kept {
            assert!(text.contains(&word), "{hostile:?} lost `{word}`");
        }
    }
}

fn set_names(dispute: &mut Dispute, name: &str) {
    let name: Text = name.into();
    dispute.client = name.clone();
    dispute.payer = Some(name.clone());
    dispute.product_name = Some(name);
}

#[test]
fn private_columns_are_nowhere_in_the_content() {
    let content = content_of(&|_| ()).unwrap();
    let text = format!("{}\n{}\n{:?}", words_of(&content), description(&content), content);
    for canary in CANARIES {
        assert!(!text.contains(canary), "`{canary}` is in the ticket:\n{text}");
    }
    assert!(
        !text.contains("1337.13") && !text.contains("8022.78"),
        "exact money gives the rebate amount away"
    );
    assert!(text.contains("about $8,000") && text.contains("600 ML"), "{text}");
}

#[test]
fn what_looks_private_in_an_open_column_is_refused_with_field_template_and_column_and_without_its_value() {
    let product = "description (template `description.md`)";
    // The rule, and so the headline, names the payer.
    let payer = "summary (template `summary.txt`)";
    for (private, kind) in [
        ("SSN 123-45-6789", "a social security number"),
        ("call 555-010-1234", "a telephone number"),
        ("1EG4-TE5-MK73", "a Medicare beneficiary identifier"),
        ("someone@example.com", "a mail address"),
        ("Patient Example", "a person's name"),
        ("of March 21, 1950", "a full date"),
        ("member 123456789", "a long number"),
        ("rx# 1234567", "a prescription number"),
    ] {
        for (place, column) in [(product, "product_name"), (payer, "payer")] {
            let refused = content_of(&|dispute| {
                let target = if column == "payer" { &mut dispute.payer } else { &mut dispute.product_name };
                *target = Some(private.into());
            });
            let refused = refused.unwrap_err().to_string();
            assert_eq!(refused, format!("the {place} looks like it holds {kind} (column `{column}`)"));
        }
    }
}

#[test]
fn where_a_link_leads_to_is_looked_at_like_what_it_says() {
    let link = "{% for one in shares if one.attribute == 'Payer' %}[its plan](https://example.com/{{ one.value }}){% endfor %}";
    for text in [
        link.to_owned(),
        format!("- a\n\n  > {link}"),
        format!("- [ ] {link}"),
        format!("| a | {link} |\n|---|---|\n| b | c |"),
    ] {
        let (facts, figures) = facts_of(&|dispute| dispute.payer = Some("123456789".into()));
        let templates =
            [("summary.txt", "x"), ("description.md", &*text)].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let templates = Templates::new(&templates).unwrap();
        let (id, weight) = (GroupId::from_bits(7), weight(&figures));
        let content = ticket::content(&id, &facts, &weight, &templates, &priorities(), TEXT_LIMIT);
        assert_eq!(
            content.unwrap_err().to_string(),
            "the description (template `description.md`) looks like it holds a long number (column `payer`)",
            "{text}"
        );
    }
}

#[test]
fn a_value_that_is_not_shown_refuses_no_ticket() {
    // One of six has it, and is no example.
    let refused = content_of(&|dispute| {
        if &*dispute.id == "D-004" {
            dispute.product_name = Some("SSN 123-45-6789".into());
        }
    });
    let shown = refused.map(|content| words_of(&content)).unwrap_or_default();
    assert!(shown.contains("D-000") && !shown.contains("123-45-6789"), "{shown}");
}

#[test]
fn a_field_from_a_template_is_refused_by_its_own_name() {
    let (facts, figures) = facts_of(&|dispute| dispute.payer = Some("member 123456789".into()));
    let quiet = [("summary.txt", "x"), ("description.md", "x")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let fields = [("Root cause", "{{ title }}"), ("Asks", "rebates@example.com, 555-010-1234")];
    let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter().collect();
    let templates = Templates::new(&quiet).unwrap().with_fields(&fields).unwrap();
    let (id, weight) = (GroupId::from_bits(7), weight(&figures));
    let content = ticket::content(&id, &facts, &weight, &templates, &priorities(), TEXT_LIMIT);
    assert_eq!(
        content.unwrap_err().to_string(),
        "the field `Root cause` (template `jira.fields.Root cause`) looks like it holds a long number (column `payer`)"
    );
}

#[test]
fn days_and_long_numbers_of_typed_columns_refuse_nothing() {
    let content = content_of(&|dispute| {
        dispute.id = format!("2026-01-15-{:0>10}", dispute.id.trim_start_matches("D-")).as_str().into();
        dispute.client = "Dr. Example".into();
        dispute.product_name = Some("Examplazole Dr Capsules".into());
        dispute.pharmacy_npi = Some("1234567890".into());
        dispute.payer = Some("Patient Assistance Program".into());
        dispute.due_at = Some("2026-12-31".parse().unwrap());
    });
    let content = content.unwrap();
    let shown = words_of(&content);
    for value in ["2026-01-15-0000000", "Dr. Example", "Dr Capsules", "2026-12-31"] {
        assert!(shown.contains(value), "`{value}` in {shown}");
    }
}

#[test]
fn the_priority_follows_the_money_and_may_be_left_to_jira() {
    let priority = |amount: &str| {
        let amount = amount.parse().unwrap();
        content_of(&|dispute| dispute.amount_disputed = Some(amount)).unwrap().priority
    };
    // Six disputes each.
    assert_eq!(priority("1666.66").as_deref(), Some("Medium"));
    assert_eq!(priority("1666.67").as_deref(), Some("High"));
    assert_eq!(priority("16666.67").as_deref(), Some("Highest"));
    let (facts, figures) = facts_of(&|_| ());
    let none = Priorities { names: Default::default(), ..priorities() };
    let templates = Templates::new(&[]).unwrap();
    let content =
        ticket::content(&GroupId::from_bits(7), &facts, &weight(&figures), &templates, &none, TEXT_LIMIT)
            .unwrap();
    assert_eq!(content.priority, None);
}

/// The weight of three disputes of a program, each changed, as of 2026-06-01.
fn weight_of(program: Program, change: &dyn Fn(usize, &mut Dispute)) -> Weight {
    let mut disputes: Vec<Dispute> = (0..3).map(dispute).collect();
    for (place, dispute) in disputes.iter_mut().enumerate() {
        dispute.program = program;
        dispute.amount_disputed = Some(Decimal::from(100));
        change(place, dispute);
    }
    let members: Vec<&Dispute> = disputes.iter().collect();
    Weight::of(&members, &Tables::embedded(), "2026-06-01".parse().unwrap())
}

#[test]
fn what_is_lost_at_a_deadline_is_the_money_whose_right_ends_by_silence_and_has_not_ended_yet() {
    let loss = |program, change: &dyn Fn(usize, &mut Dispute)| weight_of(program, change).loss;
    // Under the discount program of Part D the right to dispute is lost 60 days after receipt.
    let received = |days: [&'static str; 3]| {
        move |place: usize, dispute: &mut Dispute| {
            dispute.anchors.received = Some(days[place].parse().unwrap());
            dispute.due_at = None;
        }
    };
    let days = ["2026-04-02", "2026-04-01", "2026-05-20"];
    assert_eq!(
        loss(Program::PartDMdp, &received(days)),
        Decimal::from(200),
        "60 days are over for one of them"
    );
    // Where the day of the clock is not known, the due date of the input stands for it.
    let due = |day: &'static str| {
        move |_: usize, dispute: &mut Dispute| dispute.due_at = Some(day.parse().unwrap())
    };
    assert_eq!(loss(Program::PartDMdp, &due("2026-06-01")), Decimal::from(300));
    assert_eq!(loss(Program::PartDMdp, &due("2026-05-31")), Decimal::ZERO);
    // Under Medicaid silence costs interest, not the money itself.
    assert_eq!(loss(Program::Mdrp, &due("2026-06-01")), Decimal::ZERO);
}

#[test]
fn silence_that_accepts_stands_first_on_a_ticket_of_340b_and_weighs() {
    let of_340b = |dispute: &mut Dispute| {
        dispute.program = Program::P340b;
        dispute.anchors.remitted = Some("2026-05-01".parse().unwrap());
    };
    let (facts, _) = facts_of(&of_340b);
    let clocks: Vec<String> = facts
        .clocks
        .iter()
        .map(|clock| format!("{} ({}): {}, else {}", clock.event, clock.owner, clock.due, clock.silence))
        .collect();
    assert_eq!(
        clocks,
        [
            "manufacturer answer or auto-ACCEPT (manufacturer): unknown, else it counts as accepted",
            "claim limit (covered entity or manufacturer): unknown, else the right is lost",
            "response / reconsideration (parties): unknown, else the right is lost",
            "ask for rebate (covered entity): unknown, else the right is lost",
        ],
        "no event of theirs is in the input, so that no day is guessed"
    );
    let text = words_of(&content_of(&of_340b).unwrap());
    assert!(text.contains("it counts as accepted"), "{text}");
    let loss = |day: &'static str| {
        let due = move |_: usize, dispute: &mut Dispute| dispute.due_at = Some(day.parse().unwrap());
        weight_of(Program::P340b, &due).loss
    };
    assert_eq!((loss("2026-06-01"), loss("2026-05-31")), (Decimal::from(300), Decimal::ZERO));
}

#[test]
fn a_clock_tells_its_next_day_as_of_the_last_change_and_where_all_have_passed_the_last_one() {
    let invoiced = |quarters: [&'static str; 2]| {
        let (facts, _) = facts_of(&|dispute| {
            let quarter = quarters[usize::from(&*dispute.id == "D-001")];
            dispute.period = (!quarter.is_empty()).then(|| quarter.parse().unwrap());
        });
        let found = facts.clocks.into_iter().find(|clock| clock.event == "state sends invoice");
        found.map(|clock| clock.due)
    };
    // The state has 60 days from the end of the quarter.
    assert_eq!(invoiced(["2026Q1", "2027Q2"]).as_deref(), Some("2027-08-29"));
    assert_eq!(invoiced(["", "2024Q3"]).as_deref(), Some("passed on 2024-11-29 where its day is known"));
    assert_eq!(invoiced(["2024Q1", "2024Q3"]), None, "nothing came of it, and nobody can act by it any more");
    // What the reader should have done is told however late it is: 30 days from receipt.
    let (facts, _) = facts_of(&|dispute| dispute.anchors.received = Some("2026-01-02".parse().unwrap()));
    let own = facts.clocks.into_iter().find(|clock| clock.event.starts_with("labeler sends ROSI")).unwrap();
    assert_eq!((own.due.as_str(), own.silence.as_str()), ("passed on 2026-02-01", "–"));
}

#[test]
fn the_age_of_a_group_is_that_of_its_oldest_dispute() {
    let opened = |place: usize, dispute: &mut Dispute| {
        dispute.opened_at =
            ["2026-05-02", "2026-04-02", "2026-06-09"].get(place).map(|day| day.parse().unwrap());
    };
    assert_eq!(weight_of(Program::Mdrp, &opened).age_days, 60);
    assert_eq!(weight_of(Program::Mdrp, &|_, dispute| dispute.opened_at = None).age_days, 0);
}

#[test]
fn the_due_date_is_the_next_one_as_of_the_last_change_and_what_was_due_before_is_told() {
    let content = content_of(&|dispute| {
        let due = match &*dispute.id {
            "D-001" => "2025-12-01",
            "D-002" => "2026-01-31",
            "D-003" => "2026-08-30",
            _ => "2026-09-15",
        };
        dispute.due_at = Some(due.parse().unwrap());
    })
    .unwrap();
    assert_eq!(content.due, Some("2026-08-30".parse().unwrap()));
    let words = words_of(&content);
    let told = "The next due date in the source is 2026-08-30 (1 dispute). 2 disputes were due before that, the first on \
                2025-12-01. After it: 2026-09-15";
    assert!(words.contains(told), "{words}");
    let content = content_of(&|dispute| {
        let due = if &*dispute.id == "D-001" { "2025-12-01" } else { "2026-01-31" };
        dispute.due_at = Some(due.parse().unwrap());
    })
    .unwrap();
    assert_eq!(content.due, Some("2025-12-01".parse().unwrap()), "all have passed");
}

#[test]
fn a_summary_keeps_its_words_while_its_counts_change() {
    let (facts, _) = facts_of(&|_| ());
    let templates = Templates::new(&[]).unwrap();
    let words = |disputes: &str| {
        let facts = Facts { disputes: disputes.to_owned(), trend: "another".to_owned(), ..facts.clone() };
        let summary = templates.summary(&facts).unwrap();
        let count = format!("{disputes} disputes");
        assert!(summary.contains(&count), "{summary}");
        summary.replace(&count, "N disputes")
    };
    let first = words("6");
    assert!(["7", "12", "1,234"].into_iter().all(|disputes| words(disputes) == first));
    // Nor do disputes that join or leave without changing what all have in common.
    let (fewer, _) = facts_of(&|dispute| dispute.amount_disputed = Some("1.00".parse().unwrap()));
    assert_eq!(templates.summary(&fewer).unwrap(), templates.summary(&facts).unwrap());
}

#[test]
fn the_due_date_is_the_earliest_of_the_members() {
    let content = content_of(&|dispute| {
        if &*dispute.id == "D-003" {
            dispute.due_at = Some("2026-08-30".parse().unwrap());
        }
        if &*dispute.id == "D-004" {
            dispute.due_at = None;
        }
    })
    .unwrap();
    assert_eq!(content.due, Some("2026-08-30".parse().unwrap()));
    assert!(
        words_of(&content).contains("2026-08-30 (1 dispute; 1 without a date)"),
        "{}",
        words_of(&content)
    );
}

#[test]
fn exposed_and_recoverable_money_and_unit_types_are_never_added_up() {
    let (mut disputes, _) = world(&|_| ());
    disputes.truncate(4);
    disputes[0].disputed_money = disputebot::dispute::DisputedMoney::Paid;
    disputes[1].unit_type = Some(UnitType::Ea);
    disputes[2].unit_type = None;
    disputes[3].amount_disputed = None;
    let figures = Figures::of(&disputes);
    assert_eq!(
        (figures.recoverable, figures.exposed),
        ("1337.13".parse().unwrap(), "2674.26".parse().unwrap())
    );
    let units: Vec<String> = figures.units.iter().map(|(unit, count)| format!("{count} {unit}")).collect();
    assert_eq!(units, ["100 EA", "200 ML", "1 untyped"]);
    assert_eq!(figures.without_amount, 1);
}

#[test]
fn units_of_different_and_of_unknown_types_stay_apart_when_figures_are_joined_and_on_the_ticket() {
    let (disputes, _) = world(&|_| ());
    let of = |unit: Option<UnitType>, count: usize| {
        let disputes: Vec<Dispute> =
            disputes[..count].iter().map(|one| Dispute { unit_type: unit, ..one.clone() }).collect();
        Figures::of(&disputes)
    };
    let mut joined = of(Some(UnitType::Ml), 3);
    for other in [of(Some(UnitType::Ea), 2), of(None, 2), of(Some(UnitType::Ml), 1), of(None, 1)] {
        joined.join(&other);
    }
    let units: Vec<String> = joined.units.iter().map(|(unit, count)| format!("{count} {unit}")).collect();
    assert_eq!(
        units,
        ["200 EA", "400 ML", "3 untyped"],
        "untyped units may be of any type, so none are added"
    );
    let text = words_of(
        &content_of(&|dispute| {
            dispute.unit_type = match &*dispute.id {
                "D-000" | "D-001" => None,
                "D-002" => Some(UnitType::Ea),
                _ => Some(UnitType::Ml),
            };
        })
        .unwrap(),
    );
    assert!(text.contains("100 EA; 300 ML; 2 disputes with units of unknown type"), "{text}");
}

#[test]
fn documents_are_demanded_by_the_lists_of_the_days_on_which_the_disputes_were_opened() {
    let documents = |code: &str, days: [&str; 2]| {
        let (facts, _) = facts_of(&|dispute| {
            dispute.reason_codes = vec![code.into()];
            let day = days[usize::from(dispute.id.ends_with('1'))];
            dispute.opened_at = (!day.is_empty()).then(|| day.parse().unwrap());
        });
        facts.cause.documents
    };
    let needed = |code: &str| {
        let words = match code {
            "N" => "terminated NDC: shelf life ended more than one year before the dispense date",
            _ => "converted NDC",
        };
        vec![format!("the documents that reason code {code} demands ({words})")]
    };
    assert_eq!(documents("N", ["2026-05-01", "2026-05-01"]), needed("N"));
    assert_eq!(documents("N", ["", ""]), needed("N"), "without a day the current list counts");
    assert_eq!(
        documents("N", ["2009-05-01", "2009-05-01"]),
        [""; 0],
        "the lists before 2011 ask for nothing under N"
    );
    assert_eq!(documents("N", ["2009-05-01", "2026-05-01"]), needed("N"), "some were opened later");
    assert_eq!(documents("H", ["2026-05-01", "2026-05-01"]), [""; 0]);
    assert_eq!(
        documents("H", ["2009-05-01", "2009-05-01"]),
        needed("H"),
        "one of the lists before 2011 asked for them"
    );
}

#[test]
fn the_words_of_a_reason_code_are_ours_also_where_they_look_like_a_date() {
    let text = words_of(
        &content_of(&|dispute| {
            dispute.program = Program::Cgdp;
            dispute.reason_codes = vec!["D10".into()];
        })
        .unwrap(),
    );
    assert!(text.contains("that reason code D10 demands (service date before 1 Jan 2011)"), "{text}");
}

#[test]
fn the_members_are_listed_up_to_the_limit_and_the_rest_is_counted() {
    let text = words_of(&content_of(&|_| ()).unwrap());
    assert!(text.contains("D-000, D-001, D-002, D-003 and 2 more: disputebot explain 00000000"), "{text}");
}

#[test]
fn a_template_of_the_operator_replaces_the_embedded_one_of_its_name_only() {
    let (facts, _) = facts_of(&|_| ());
    let own = [("description.md".to_owned(), "## {{ client }}\n\n{{ disputes }} disputes".to_owned())];
    let templates = Templates::new(&own).unwrap();
    assert_eq!(
        document::plain_text(&templates.description(&facts).unwrap()),
        "## Example Pharma A\n6 disputes\n"
    );
    assert_eq!(templates.summary(&facts).unwrap(), Templates::new(&[]).unwrap().summary(&facts).unwrap());
}

#[test]
fn a_template_with_an_unknown_variable_is_an_error_that_names_template_and_line() {
    let (facts, _) = facts_of(&|_| ());
    let own = |name: &str, text: &str| Templates::new(&[(name.to_owned(), text.to_owned())]);
    let error = own("description.md", "one\n\n{{ clinet }}\n").unwrap().description(&facts).unwrap_err();
    insta::assert_snapshot!(error, @"template `description.md`, line 3: undefined value: `clinet` is undefined");
    let error = own("summary.txt", "{{ cause.nam }}").unwrap().summary(&facts).unwrap_err();
    insta::assert_snapshot!(error, @"template `summary.txt`, line 1: undefined value: `cause.nam` is undefined");
    let error = own("description.md", "one\n{% if client %}\ntwo").unwrap_err();
    insta::assert_snapshot!(error, @"template `description.md`, line 3: syntax error: unexpected end of input, expected end of block");
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let (facts, _) = facts_of(&|_| ());
    let text =
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}".to_owned();
    let templates = Templates::new(&[("description.md".to_owned(), text)]).unwrap();
    let error = templates.description(&facts).unwrap_err().to_string();
    assert!(error.starts_with("template `description.md`"), "{error}");
}

#[test]
fn a_template_of_the_operator_still_makes_a_valid_document() {
    let (facts, _) = facts_of(&|_| ());
    let text = "> # quoted\n> > deeper\n\n- # heading\n- | a | b |\n  |---|---|\n  | c | d |\n-\n\n***\n\n**`both`** ~~x~~\n";
    let templates = Templates::new(&[("description.md".to_owned(), text.to_owned())]).unwrap();
    let nodes = adf::nodes(&templates.description(&facts).unwrap());
    assert_eq!(all_breaches(&adf::document(nodes)), Vec::<String>::new());
}

#[test]
fn the_nearest_group_is_named_with_what_tells_it_apart() {
    let (facts, _) = facts_beside(&|_| (), Some("AZ"));
    let text = document::plain_text(&Templates::new(&[]).unwrap().description(&facts).unwrap());
    let wanted = "Nearest other group: 00000008; differs in product family: Examplol of labeler 00022 here, Other of \
                  labeler 00033 there.";
    assert!(text.contains(wanted), "{text}");
}

#[test]
fn three_different_examples_are_shown() {
    let (facts, _) = facts_of(&|dispute| {
        if &*dispute.id == "D-004" {
            dispute.amount_disputed = Some("99999".parse().unwrap());
            dispute.opened_at = Some("2026-07-01".parse().unwrap());
        }
        if &*dispute.id == "D-002" {
            dispute.amount_disputed = Some("8888".parse().unwrap());
        }
    });
    let shown: Vec<(&str, &str)> =
        facts.exemplars.iter().map(|one| (one.why.as_str(), one.dispute.as_str())).collect();
    assert_eq!(shown, [("typical", "D-000"), ("largest, newest", "D-004"), ("next largest", "D-002")]);
}

#[test]
fn a_cause_is_likely_only_where_it_leads_clearly_and_much_speaks_for_it() {
    let cause = |note: &str, code: &str| {
        let (facts, _) = facts_of(&|dispute| {
            let number: u32 = dispute.id[2..].parse().unwrap();
            dispute.reason_codes = if number < 4 { vec![code.into()] } else { Vec::new() };
            dispute.note = (number < 3).then(|| note.into());
        });
        let evidence = facts.cause.evidence;
        (facts.cause.name, facts.cause.confidence, evidence)
    };
    let (_, confidence, evidence) = cause("UOM conversion, each vs mL", "D");
    assert_eq!(confidence, "likely");
    assert_eq!(evidence, "67 % of the disputes have one of its usual codes, 50 % have a note in its words");
    // Two in three have a code that is no other cause's: too little by itself.
    let (_, confidence, evidence) = cause("nothing to say", "L");
    assert_eq!(
        (confidence.as_str(), evidence.as_str()),
        ("possible", "67 % of the disputes have one of its usual codes")
    );
}

#[test]
fn a_likely_cause_stays_while_another_one_fits_hardly_better() {
    let cause = |others: u32, before: &str| {
        let code = |dispute: &mut Dispute| {
            let is_other = dispute.id[2..].parse::<u32>().unwrap() < others;
            (dispute.reason_codes, dispute.note) = (vec![if is_other { "P" } else { "D" }.into()], None);
        };
        facts_after(&code, None, before).0.cause.name
    };
    let [units, decimal] =
        ["Unit of measure ML vs EA (vial, kit, syringe)", "Decimal shift or rounding of package"];
    // D is a code of both, P of the first one only.
    assert_eq!([0, 1, 2].map(|others| cause(others, "")), [units; 3]);
    assert_eq!([0, 1, 2].map(|others| cause(others, decimal)), [decimal, decimal, units]);
    assert_eq!(cause(0, "a cause that is in no playbook"), units);
    assert_eq!(cause(6, decimal), units, "what does not fit at all does not stay");
}

#[test]
fn a_rule_says_in_how_many_states_it_holds_and_what_it_is_not_about() {
    let states = ["AZ", "CA", "FL", "GA", "IL", "NY"];
    let text = |narrow: bool| {
        let (facts, _) = facts_of(&|dispute| {
            let number: usize = dispute.id[2..].parse().unwrap();
            dispute.state = Some(states[if narrow { number % 3 } else { number % 6 }].into());
            dispute.payer = None;
            dispute.pharmacy_npi = Some(format!("{}", 1_000_000_000 + number % 5).into());
        });
        (facts.title, facts.varying)
    };
    assert_eq!(
        text(false),
        (
            "NDC 00022-2127-95 in all states, reason code D".to_owned(),
            "6 states, 5 pharmacies: not state or pharmacy specific".to_owned()
        )
    );
    assert_eq!(text(true).0, "NDC 00022-2127-95 in 3 states, reason code D");
}

#[test]
fn the_ticket_of_a_small_world_reads_like_this() {
    insta::assert_snapshot!(words_of(&content_of(&|_| ()).unwrap()), @"
    Unit of measure ML vs EA (vial, kit, syringe): NDC 00022-2127-95, TX, Example Plan, reason code D · Example Pharma A · 6 disputes
    Unit of measure ML vs EA (vial, kit, syringe) is the possible cause of 6 open disputes of Example Pharma A, about $8,000 unpaid. To be fixed by state + labeler, due 2026-09-01. Next move: Compare the unit type in the CMS product file. Why this cause: 100 % of the disputes have one of its usual codes.
    It could also be: HCPCS billing units invoiced as NDC units; Decimal shift or rounding of package.
    ## How much
    Program | Medicaid Drug Rebate Program
    Open disputes | 6
    Units disputed | 600 ML
    Money exposed (unpaid until settled) | about $8,000
    ## By when
    The earliest due date in the source is 2026-09-01 (6 disputes).
    Clocks that run from a day that the source does not have:
    - interest starts (manufacturer; if nobody acts, interest runs): 38th day, counted from invoice POSTMARK (not receipt; a link e-mail is not a postmark)
    - labeler sends ROSI and pays undisputed units (manufacturer): 30 days from receipt, counted from invoice receipt
    ## Why these belong together
    - NDC 00022-2127-95, TX, Example Plan, reason code D
    100 % of the group fit this rule. Of all open disputes of Example Pharma A in this program that fit it, 100 % are in the group.
    Shared | Value | Share of the group | More often than elsewhere | Of all with it, here
    NDC | 00022-2127-95 | 100 % | 10 times | 100 %
    Product family | Examplol of labeler 00022 | 100 % | 10 times | 100 %
    State | TX | 100 % | 10 times | 100 %
    Payer | Example Plan | 100 % | 10 times | 100 %
    Reason code | D | 100 % | 10 times | 100 %
    ## Before anyone is asked
    - Divide the units invoiced by the units accepted, for each of the examples below. One ratio for all of them is one conversion to agree on, not a question for each line.
    - The same ratio in nearly all states points at the label or at the CMS product file, and to the DRP; in one state or in the system of one pharmacy, at a conversion there. A ratio of 10, 100 or 1,000 is a decimal point; a number of billing units per package is a HCPCS crosswalk.
    ## Next step
    - ☐ Compare the unit type in the CMS product file.
    - ☐ Agree on a conversion factor.
    - ☐ Ask the DRP where many states have it.
    ## Examples
     | Dispute | Product | State | Quarter | Codes | Units
    typical, largest, newest | D-000 | Examplol 10 mg | TX | 2026Q1 | D | 100 ML
    next largest | D-001 | Examplol 10 mg | TX | 2026Q1 | D | 100 ML
    next largest | D-002 | Examplol 10 mg | TX | 2026Q1 | D | 100 ML
    ## Disputes
    D-000, D-001, D-002, D-003 and 2 more: disputebot explain 00000000 lists them all
    ");
}

#[test]
fn a_hundred_thousand_members_fit_into_what_jira_takes_and_are_all_counted() {
    let (mut facts, figures) = facts_of(&|_| {});
    facts.all = 100_000;
    facts.attached = true;
    for member in ["D-1", "👩‍⚕️🏴‍☠️", "e\u{301}e\u{301}e\u{301}", "{code}|*_-\\"] {
        facts.members = (0..100_000).map(|number| format!("{member}-{number}")).collect();
        let templates = Templates::new(&[]).unwrap();
        let id = GroupId::from_bits(7);
        for limit in [TEXT_LIMIT, 20_000] {
            let content =
                ticket::content(&id, &facts, &weight(&figures), &templates, &priorities(), limit).unwrap();
            let words = document::plain_text(&content.block);
            let listed = words.lines().last().unwrap().split(", ").count();
            assert!(listed > 5, "{listed}");
            assert!(words.ends_with(&format!(
                " and {} more in the attached list\n",
                facts::thousands(100_000 - listed)
            )));
            for markup in [Markup::Adf, Markup::Wiki] {
                let whole = ticket::block::compose(markup, &id, &[], &markup.nodes(&content.block), &[]);
                assert!(ticket::markup::length(&whole) <= limit, "{markup:?}");
            }
            let document = adf::document(adf::nodes(&content.block));
            assert_eq!(all_breaches(&document), Vec::<String>::new());
        }
    }
}

#[test]
fn a_template_of_one_cause_is_for_tickets_of_that_cause_alone() {
    let (mut facts, _) = facts_of(&|_| ());
    let own = [("description-7.md".to_owned(), "Only {{ client }}".to_owned())];
    let templates = Templates::new(&own).unwrap();
    facts.cause.id = "7".to_owned();
    assert_eq!(
        document::plain_text(&templates.description(&facts).unwrap()),
        format!("Only {}\n", facts.client)
    );
    facts.cause.id = "8".to_owned();
    assert!(document::plain_text(&templates.description(&facts).unwrap()).contains("By when"));
}

#[test]
fn what_to_look_at_first_is_that_of_the_cause_and_may_be_the_operators() {
    let (mut facts, _) = facts_of(&|_| ());
    let mut words = |own: &[(String, String)], cause: &str| {
        facts.cause.id = cause.to_owned();
        document::plain_text(&Templates::new(own).unwrap().description(&facts).unwrap())
    };
    let built_in = words(&[], "7");
    assert!(built_in.contains("## Before anyone is asked\n- This cause is on the own side"), "{built_in}");
    assert!(words(&[], "10").contains("- Divide the units invoiced"));
    assert!(!words(&[], "").contains("Before anyone"), "no cause");
    let tables = Tables::embedded();
    for cause in &tables.root_causes {
        let text = words(&[], &cause.id.to_string());
        let first = text
            .split_once("## Before anyone is asked\n")
            .map(|(_, rest)| rest.split("## Next step").next().unwrap());
        let hints = first.map_or(0, |first| first.lines().filter(|line| line.starts_with("- ")).count());
        assert!(hints >= 2, "cause {}: {text}", cause.id);
    }

    let own = [("cause-7.md".to_owned(), "Call us, not {{ client }}.".to_owned())];
    let text = words(&own, "7");
    assert!(text.contains("Call us, not Example Pharma A.\n## Next step"), "{text}");
    assert!(words(&own, "9").contains("- This cause is on the own side"));
}

#[test]
fn templates_are_tried_with_an_invented_group_that_has_everything() {
    assert!(Templates::new(&[]).unwrap().try_out().is_ok());
    let tried = |name: &str, text: &str| {
        Templates::new(&[(name.to_owned(), text.to_owned())]).unwrap().try_out().unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        tried("description.md", "{% for clock in clocks %}{{ clock.evnt }}{% endfor %}"),
        @"template `description.md`, line 1: undefined value: `clock.evnt` is undefined"
    );
    insta::assert_snapshot!(
        tried("summary-12.txt", "{{ clinet }}"),
        @"template `summary-12.txt`, line 1: undefined value: `clinet` is undefined"
    );
    insta::assert_snapshot!(
        tried("cause-12.md", "Ask {{ clinet }}"),
        @"template `cause-12.md`, line 1: undefined value: `clinet` is undefined"
    );
}

/// Hostile values in one ticket.
const VALUES: usize = 25;

#[test]
fn ten_thousand_hostile_values_are_inert_in_every_form() {
    let mut baits = Baits::new();
    let seed = baits.seed;
    let fields = [("Root cause".to_owned(), "{{ title }} of {{ client }}".to_owned())].into();
    let templates = Templates::new(&[]).unwrap().with_fields(&fields).unwrap();
    let (base, figures) = facts_of(&|dispute| set_names(dispute, "Plainwords"));
    let make = |values: &[String]| {
        let mut facts = base.clone();
        let mut values = values.iter().cycle().cloned();
        let mut next = || values.next().unwrap_or_default();
        (facts.client, facts.title, facts.varying) = (next(), next(), next());
        facts.rule.alternatives = vec![next(), next()];
        for share in &mut facts.shares {
            share.value = next();
        }
        for exemplar in &mut facts.exemplars {
            (exemplar.product, exemplar.dispute) = (next(), next());
        }
        facts.members = (0..VALUES).map(|_| next()).collect();
        facts.all = facts.members.len();
        facts.typed = ticket::Typed::default();
        ticket::content(
            &GroupId::from_bits(7),
            &facts,
            &weight(&figures),
            &templates,
            &priorities(),
            TEXT_LIMIT,
        )
    };
    let plain = make(&["Plainwords".to_owned()]).unwrap();
    let plain_shape = shape(&description(&plain));
    let plain_tags = tags(&ticket::html::text(&plain.block));
    let plainly = staff(&vec!["Plainwords".to_owned(); VALUES], &figures);
    let (staff_shape, staff_tags) =
        (shape(&description(&plainly)), tags(&ticket::html::text(&plainly.block)));
    for case in 0..10_000 / VALUES {
        let values: Vec<String> = (0..VALUES).map(|_| baits.next()).collect();
        let told = |what: &str| format!("SEED={seed}, case {case}, {what}: {values:?}");
        let content = make(&values).unwrap_or_else(|error| panic!("{}: {error}", told("no ticket")));
        let document = description(&content);
        assert_eq!(all_breaches(&document), Vec::<String>::new(), "{}", told("ADF"));
        assert_eq!(shape(&document), plain_shape, "{}", told("ADF"));
        assert_eq!(tags(&ticket::html::text(&content.block)), plain_tags, "{}", told("HTML"));
        let words = document::plain_text(&content.block);
        let wiki = ticket::wiki::text(&content.block);
        assert_eq!(
            ticket::wiki::normal(&ticket::wiki::plain_text(&wiki)),
            ticket::wiki::normal(&words),
            "{}",
            told("wiki markup says other words")
        );
        // Comments repeat what people wrote and what stood there, as words in paragraphs and lists.
        let comment = |values: &[String]| {
            let words = |value: &String| vec![document::Inline::plain(value.clone())];
            vec![
                document::Block::Paragraph(words(&values[0])),
                document::Block::List {
                    ordered: false,
                    entries: values[1..4]
                        .iter()
                        .map(|value| vec![document::Block::Paragraph(words(value))])
                        .collect(),
                },
            ]
        };
        let (said, plainly) = (comment(&values), comment(&["a", "b", "c", "d"].map(str::to_owned)));
        let as_document = |blocks: &[document::Block]| adf::document(adf::nodes(blocks));
        assert_eq!(all_breaches(&as_document(&said)), Vec::<String>::new(), "{}", told("comment"));
        assert_eq!(shape(&as_document(&said)), shape(&as_document(&plainly)), "{}", told("comment"));
        // In a list an entry is one line.
        let in_a_row =
            |text: &str| ticket::wiki::normal(text).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            in_a_row(&ticket::wiki::plain_text(&ticket::wiki::text(&said))),
            in_a_row(&document::plain_text(&said)),
            "{}",
            told("comment in wiki markup says other words")
        );
        let field = &content.fields["Root cause"];
        for text in [&words, &content.summary, &wiki, field] {
            assert_eq!(hidden(text), None, "{}", told("hidden characters"));
        }
        for text in [&content.summary, field] {
            assert!(!text.contains('\n'), "{}", told("summary or field"));
        }
        // Staff see the clients and rules of several groups beside each other.
        let staff = staff(&values, &figures);
        let document = description(&staff);
        assert_eq!(all_breaches(&document), Vec::<String>::new(), "{}", told("staff's ADF"));
        assert_eq!(shape(&document), staff_shape, "{}", told("staff's ADF"));
        assert_eq!(tags(&ticket::html::text(&staff.block)), staff_tags, "{}", told("staff's HTML"));
        let staff_words = document::plain_text(&staff.block);
        assert_eq!(
            ticket::wiki::normal(&ticket::wiki::plain_text(&ticket::wiki::text(&staff.block))),
            ticket::wiki::normal(&staff_words),
            "{}",
            told("wiki markup of staff's ticket says other words")
        );
        for text in [&staff_words, &staff.summary] {
            assert_eq!(hidden(text), None, "{}", told("hidden characters"));
        }
        assert!(!staff.summary.contains('\n'), "{}", told("staff's summary"));
        let mark = mark_of(&values);
        let json = serde_json::to_string(&mark).unwrap();
        assert!(json.len() < 32_768, "{}", told("property"));
        assert_eq!(serde_json::from_str::<Mark>(&json).unwrap(), mark, "{}", told("property"));
        let disputes: Vec<Dispute> = values
            .iter()
            .map(|value| {
                let text: Text = value.as_str().into();
                Dispute {
                    id: text.clone(),
                    product_name: Some(text.clone()),
                    state: Some(text.clone()),
                    payer: Some(text.clone()),
                    covered_entity: Some(text.clone()),
                    pharmacy_npi: Some(text.clone()),
                    reason_codes: vec![text],
                    ..dispute(1)
                }
            })
            .collect();
        let members: Vec<&Dispute> = disputes.iter().collect();
        let list = ticket::list::List::of(&GroupId::from_bits(7), &members, Grain::Fine);
        let mut cells = csv::Reader::from_reader(list.text.trim_start_matches('\u{feff}').as_bytes());
        let rows: Vec<csv::StringRecord> = cells.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), VALUES, "{}", told("list"));
        for row in rows {
            assert_eq!(row.len(), ticket::list::COLUMNS.len(), "{}", told("list"));
            for cell in &row {
                let is_formula = cell.trim_start().starts_with(['=', '+', '-', '@']);
                assert!(!is_formula && hidden(cell).is_none(), "{}", told("a formula"));
            }
        }
    }
}

/// The ticket for staff of a cause that clients with such names and rules share.
fn staff(values: &[String], figures: &Figures) -> Content {
    let clients: Vec<Text> = values.iter().map(|value| value.as_str().into()).collect();
    let weight = weight(figures);
    let parts: Vec<ticket::Part<'_>> = clients
        .iter()
        .zip(values.iter().rev())
        .map(|(client, title)| ticket::Part {
            client,
            title,
            cause: "Unit of measure ML vs EA",
            who: "labeler",
            figures,
            weight: &weight,
            grain: Grain::Fine,
            ticket: Some(("DISP-7".to_owned(), "https://jira.example/browse/DISP-7".to_owned())),
        })
        .collect();
    let point = ticket::Point { day: "2026-11-01".parse().unwrap(), disputes: 3, amount: Decimal::from(100) };
    ticket::shared_content(
        &GroupId::from_bits(7),
        Program::Mdrp,
        &parts,
        ticket::Course::new(point),
        &Templates::new(&[]).unwrap(),
        &priorities(),
        TEXT_LIMIT,
    )
    .unwrap()
}

/// The mark of a group whose every text is one of the values.
fn mark_of(values: &[String]) -> Mark {
    let item =
        |value: &String| cluster::Item { attribute: cluster::Attribute::Payer, value: value.as_str().into() };
    let (_, group) = world(&|_| ());
    let group = Group {
        client: values[0].as_str().into(),
        patterns: values.iter().map(|value| Pattern::from_items(&[item(value)])).collect(),
        members: values.iter().map(|value| value.as_str().into()).collect(),
        ..group
    };
    Mark::of(&group, Grain::Fine)
}

/// The tags of a page in their order, without words.
fn tags(html: &str) -> Vec<String> {
    html.split('<').skip(1).map(|part| part.split('>').next().unwrap_or_default().to_owned()).collect()
}
