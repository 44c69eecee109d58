//! The dashboard: pages, filters, orders, and who gets in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/pages.rs"]
mod pages;
#[path = "shared/quarter.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod quarter;

#[path = "common/contract.rs"]
mod contract;
#[path = "common/judged.rs"]
mod judged;

use std::{
    cell::Cell,
    cmp::Reverse,
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use disputebot::{
    group::{GroupId, Status},
    plan::{Link, Ticket},
    report::{self, Week},
    sandbox::{self, Options, User},
    state::{GroupRecord, History, Known},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use pages::{Answer, Pages};

const ALL: [&str; 10] = [
    "/",
    "/groups",
    "/groups?status=all&sort=due",
    "/runs",
    "/sources",
    "/held",
    "/schedule",
    "/reports",
    "/groups?page=2",
    "/runs?page=9",
];

fn same(text: &str) -> String {
    text.to_owned()
}

/// The secret that forms of a page hold.
fn secret(body: &str) -> String {
    let (_, rest) = body.split_once("name=\"secret\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// The id of the group whose ticket is held.
fn held(pages: &Pages) -> String {
    let known = Known::read(&pages.path("state")).unwrap();
    let ticket = known.tickets.values().find(|ticket| matches!(ticket.link, Link::Held { .. })).unwrap();
    ticket.group.to_string()
}

/// What people decided about a held ticket, in order.
fn decided(known: &Known, group: &str) -> Vec<String> {
    let trail = format!("decision {group} ");
    known
        .schedules
        .values()
        .filter(|ran| ran.schedule.starts_with(&trail))
        .map(|ran| ran.id.clone())
        .collect()
}

#[test]
fn every_page_loads_and_lets_nothing_but_our_style_be_loaded() {
    let pages = Pages::start(&same, "");
    let group = held(&pages);
    let run = "/runs/0019".to_owned();
    for path in ALL.into_iter().map(str::to_owned).chain([format!("/groups/{group}"), run]) {
        let Answer { status, head, body } = pages.get(&path);
        assert_eq!(status, 200, "{path}: {body}");
        assert!(
            head.lines().any(|line| line
                == "content-security-policy: default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                    frame-ancestors 'none'"),
            "{path}: {head}"
        );
        assert!(head.contains("x-content-type-options: nosniff") && head.contains("cache-control: no-store"));
        assert!(!body.contains("<script") && !body.contains(" style="), "{path}");
    }
    for (path, status) in
        [("/groups/none", 404), ("/runs/none", 404), ("/reports/..%2fdisputebot.toml", 404), ("/x", 404)]
    {
        assert_eq!(pages.get(path).status, status, "{path}");
    }
}

#[test]
fn groups_are_filtered_sorted_and_turned() {
    let pages = Pages::start(&same, "");
    let body = |path: &str| pages.get(path).body;
    let all = body("/groups?status=all");
    assert!(all.contains("1 to 50 of 52 groups") && all.contains("rel=\"next\""));
    let second = body("/groups?status=all&page=2");
    assert!(second.contains("51 to 52 of 52 groups"), "{second}");
    assert!(body("/groups?q=nothing+has+this").contains("No group fits."));
}

/// The groups of a list over all its pages, in its order.
fn listed(pages: &Pages, query: &str) -> Vec<GroupId> {
    let mut found = Vec::new();
    for page in 1.. {
        let body = pages.get(&format!("/groups?{query}&page={page}")).body;
        let rows = body.split("<th scope=\"row\" class=\"nowrap\"><a href=\"/groups/").skip(1);
        found.extend(rows.map(|row| GroupId::parse(row.split('"').next().unwrap()).unwrap()));
        if !body.contains("rel=\"next\"") {
            break;
        }
    }
    found
}

#[test]
fn each_field_of_the_filter_leaves_exactly_the_groups_that_fit_and_says_how_many() {
    type Fits<'a> = &'a dyn Fn(&GroupRecord) -> bool;

    let pages = Pages::start(&same, "");
    let known = Known::read(&pages.path("state")).unwrap();
    let key = |record: &GroupRecord| match known.tickets.get(&record.group.id).and_then(Ticket::issue) {
        Some(issue) => issue.key.clone(),
        None => String::new(),
    };
    let active = |record: &GroupRecord| record.group.status == Status::Active;
    let is_held = |record: &GroupRecord| matches!(known.ticket(&record.group.id).link, Link::Held { .. });
    let a = |record: &GroupRecord| *record.group.client == *quarter::CLIENTS[0];
    let questions: [(&str, Fits); 11] = [
        ("q=DISP-31&status=all", &|it| key(it) == "DISP-31"),
        ("q=npi+1234567893&status=all", &|it| it.title.contains("NPI 1234567893")),
        ("q=units+ndc+98001-1155", &|it| {
            active(it) && it.title.contains("98001-1155") && it.cause.contains("Units")
        }),
        ("q=labeler&status=all", &|it| it.who.contains("labeler")),
        ("client=Example+Pharma+A&status=all", &|it| a(it)),
        ("client=Nobody&status=all", &|_| false),
        ("program=340b&status=all", &|it| it.group.program.as_str() == "340b"),
        ("status=merged", &|it| matches!(it.group.status, Status::Merged { .. })),
        ("ticket=held&status=all", &|it| is_held(it)),
        ("ticket=open&status=all", &|it| !is_held(it)),
        ("q=duplicate&client=Example+Pharma+A&program=mdrp&status=active&ticket=open", &|it| {
            active(it) && a(it) && it.cause.contains("Duplicate") && it.group.program.as_str() == "mdrp"
        }),
    ];
    for (query, fits) in questions {
        let expected: BTreeSet<&GroupId> =
            known.groups.values().filter(|record| fits(record)).map(|record| &record.group.id).collect();
        let found = listed(&pages, query);
        assert_eq!(found.iter().collect::<BTreeSet<_>>(), expected, "{query}");
        assert_eq!(found.len(), expected.len(), "{query}: each once");
        assert!(expected.len() < known.groups.len(), "{query} leaves some out");
        let said = match expected.len() {
            0 => "No group fits.".to_owned(),
            some => format!(" of {some} groups"),
        };
        assert!(pages.get(&format!("/groups?{query}")).body.contains(&said), "{query}: {said}");
    }
}

#[test]
fn each_order_and_each_program_is_what_it_says() {
    let pages = Pages::start(&same, "");
    let known = Known::read(&pages.path("state")).unwrap();
    let sorted = |order: &str| -> Vec<GroupId> {
        let mut records: Vec<&GroupRecord> = known.groups.values().collect();
        match order {
            "money" => records.sort_by_key(|it| Reverse(it.figures.exposed + it.figures.recoverable)),
            "disputes" => records.sort_by_key(|it| Reverse(it.group.members.len())),
            "due" => records.sort_by_key(|it| it.figures.due.unwrap_or(Date::MAX)),
            "newest" => records.sort_by_key(|it| Reverse(it.group.since)),
            "client" => records.sort_by_key(|it| it.group.client.clone()),
            _ => records.sort_by_key(|it| it.cause.clone()),
        }
        records.into_iter().map(|record| record.group.id.clone()).collect()
    };
    for order in ["money", "disputes", "due", "newest", "client", "cause"] {
        assert_eq!(listed(&pages, &format!("status=all&sort={order}")), sorted(order), "{order}");
    }
    let mut seen = 0;
    for program in ["mdrp", "340b", "part_d_mdp", "mfp"] {
        let found = listed(&pages, &format!("status=all&program={program}"));
        assert!(found.iter().all(|id| known.groups[id].group.program.as_str() == program), "{program}");
        seen += found.len();
    }
    assert_eq!(seen, known.groups.len());
    for status in ["active", "resolved", "merged"] {
        let of = |record: &GroupRecord| match record.group.status {
            Status::Active => "active",
            Status::Resolved { .. } => "resolved",
            Status::Merged { .. } => "merged",
        };
        let expected = known.groups.values().filter(|record| of(record) == status).count();
        assert!(expected > 0);
        assert_eq!(listed(&pages, &format!("status={status}")).len(), expected, "{status}");
    }
}

/// The path of the page of the group that has a ticket.
fn page_of(pages: &Pages, key: &str) -> String {
    let known = Known::read(&pages.path("state")).unwrap();
    let has = |ticket: &&Ticket| ticket.issue().is_some_and(|issue| issue.key == key);
    format!("/groups/{}", known.tickets.values().find(has).unwrap().group)
}

#[track_caller]
fn assert_all(body: &str, expected: &[&str]) {
    for words in expected {
        assert!(body.contains(words), "expected `{words}` in {body}");
    }
}

#[test]
fn a_group_shows_its_rule_units_course_and_all_that_happened_to_it_with_reasons() {
    let pages = Pages::start(&same, "");
    let four = page_of(&pages, "DISP-4");
    let body = pages.get(&four).body;
    assert_all(
        &body,
        &[
            "<h1>Contract pharmacy dispense, not confirmed: pharmacy NPI 1234567893</h1>",
            "<li>OH, Example Plan</li>",
            "8,340 CAP",
            "1 of its disputes look like a group of their own (seen 1 times); waits for the next input.",
            "Said once on the ticket: changed:summary.",
            "<td>disputebot</td><td>create</td><td>a group without a ticket</td>",
            "<td>disputebot</td><td>update</td><td>3 disputes joined and 1 left</td>",
            "<td>a person</td><td>decision</td><td>a person said that its 4 disputes are no group</td>",
            "<td>a person</td><td>order in a comment</td><td>not-a-group</td>",
            "<td>a person</td><td>order that could not be carried out</td><td>there is no order `slep`</td>",
            "1 to 100 of 278 disputes",
            "<code>…-000</code>",
        ],
    );
    assert!(body.contains("<figcaption><h3>It grew from "), "the chart says what it finds");
    // 278 disputes of one state, opened 133 days before the last run.
    assert_all(
        &body,
        &[
            "<h3>All its disputes are of one state: OH</h3>",
            "<h3>100\u{a0}% of the open disputes are older than 60 days</h3>",
            "<tr><th scope=\"row\">over 90 days</th><td class=\"number\">278</td>",
            "The rule fits 305 open disputes of this client and program. 265 of them are in this group",
            "87\u{a0}% of what it fits, its precision",
            "so it finds 95\u{a0}%, its recall",
            "What varies: 3 products, 41 claims.",
            ">DISP-3</a>): Duplicate claim in the file, NM, 2026Q2.</p>",
            "In 1 run more was held or not tried than is recorded one by one",
        ],
    );
    assert_eq!(body.matches("<td>order in a comment</td>").count(), 1, "an answer is no further order");
    assert!(!body.contains("D-03-"), "no dispute has its whole id");
    let second = pages.get(&format!("{four}?page=2")).body;
    assert!(second.contains("101 to 200 of 278 disputes") && second.contains("rel=\"next\""));
    assert_all(
        &pages.get(&format!("{four}?dispute=d-03-001")).body,
        &["is one of the disputes of this group"],
    );
    assert_all(&pages.get(&format!("{four}?dispute=D-99-001")).body, &["is none of the open disputes"]);
}

#[test]
fn a_write_that_a_run_did_not_come_to_is_told_on_the_page_of_its_group() {
    let pages = Pages::start(&same, "");
    let body = pages.get(&page_of(&pages, "DISP-7")).body;
    assert_all(&body, &["<td>comment not tried</td><td>a person changed the summary; said once</td>"]);
}

#[test]
fn what_a_group_came_from_what_it_took_and_what_was_held_of_it_are_told() {
    let pages = Pages::start(&same, "");
    let body = |key: &str| pages.get(&page_of(&pages, key)).body;
    assert_all(&body("DISP-8"), &["merged into <a href=\"/groups/", ">DISP-7</a>)"]);
    assert_all(&body("DISP-7"), &["was merged into it <a href=\"/groups/", ">DISP-8</a>)"]);
    assert_all(&body("DISP-6"), &["split from <a href=\"/groups/", ">DISP-5</a>)"]);
    assert_all(&body("DISP-5"), &["was split off it <a href=\"/groups/", ">DISP-6</a>)"]);
    assert_all(
        &body("DISP-46"),
        &[
            "<td>held: too small</td><td>3 disputes are too few, or their money too little, for a ticket<small>so in 20 runs, to 2026-11-22 06:00</small></td>",
        ],
    );
    // A person closed it, which every run since has held; the last run says so at the top.
    assert_all(
        &body("DISP-1"),
        &["role=\"status\">a person closed it; it stays closed</p>", "<td>held: closed by a person</td>"],
    );
    assert_all(&body("DISP-32"), &["a person said that DISP-16 has the cause of DISP-32"]);
}

#[test]
fn a_run_shows_each_write_failure_reject_and_hold_with_its_group_and_reason_on_pages() {
    let pages = Pages::start(&same, "");
    let last = pages.get("/runs/0019").body;
    assert_all(
        &last,
        &[
            "<td>update</td><td>3 disputes joined and 1 left</td>",
            "<td>create</td><td>a group without a ticket</td>",
            "<td>close</td><td>all its disputes are settled</td>",
            "<td>update</td><td>502 Bad Gateway</td>",
            "disputes.csv, line 792, column `manufacturer`",
            "The next run plans 502 writes anew.",
            "<td>comment</td><td>a person changed the summary; said once</td>",
            "501 more were not recorded one by one.",
            "<td>too small</td><td>3 disputes are too few, or their money too little, for a ticket</td>",
            "<td>closed by a person</td><td>a person closed it; it stays closed</td>",
            "1 to 7 of 7 holds",
        ],
    );
    let known = Known::read(&pages.path("state")).unwrap();
    let run = &known.runs["0019"];
    assert_eq!(
        last.matches("<td>update</td>").count(),
        1 + run.done.iter().filter(|done| done.kind == "update").count()
    );
    assert_all(&pages.get("/runs/0009").body, &["so nothing was closed or shrunk: a file is missing"]);
    let first = pages.get("/runs/0000?held=9&page=9&failed=9").body;
    assert!(first.contains("of 7 holds"), "a page beyond the last is the last: {first}");
}

#[test]
fn the_schedule_tells_last_and_next_and_the_reports_what_was_sent() {
    let pages = Pages::start(&same, "");
    let schedule = pages.get("/schedule").body;
    assert_all(&schedule, &["<code>0 7 * * MON</code> in UTC", "<dd class=\"text\">2026-11-22 06:00</dd>"]);
    let next = schedule.split("Next occurrence</dt><dd class=\"text\">").skip(1);
    let next: Vec<jiff::civil::DateTime> =
        next.map(|rest| rest.split('<').next().unwrap().replace(' ', "T").parse().unwrap()).collect();
    let now = Timestamp::now().to_zoned_datetime(TimeZone::UTC).datetime();
    assert!(next.len() == 2 && next.iter().all(|at| *at >= now), "{next:?}");
    assert_eq!((next[1].weekday(), next[1].hour()), (jiff::civil::Weekday::Monday, 7));
    let reports = pages.get("/reports").body;
    assert_all(&reports, &["What was sent", "<td>sent lead@example.com</td>"]);
}

#[test]
fn the_overview_has_the_figures_of_the_report() {
    let pages = Pages::start(&same, "");
    let week: Week = "2026-W47".parse().unwrap();
    let history = History::read(&pages.path("state"), week.bounds_of(report::WEEKS, &TimeZone::UTC)).unwrap();
    let weekly = report::weekly(&history, week, &TimeZone::UTC, None, Timestamp::MAX);
    let body = pages.get("/").body;
    let thousands = |count: usize| disputebot::ticket::facts::thousands(count);
    assert_all(
        &body,
        &[
            "Week 2026-W47",
            &format!("<dt>Open disputes</dt><dd>{}</dd>", thousands(weekly.total.disputes)),
            &format!("<dt>Root causes</dt><dd>{}<small>{} at", weekly.flow.after, weekly.flow.before),
            &format!("{} writes, 1 failed, 5 held", history.known.runs["0019"].done.len()),
            "1 rejected",
            "1 ticket waits for a decision</a>",
        ],
    );
    let escaped = |text: &str| text.replace('&', "&amp;").replace('/', "&#x2f;").replace('\'', "&#x27;");
    for sentence in &weekly.story {
        assert!(body.contains(&escaped(sentence)), "{sentence}");
    }
    for group in &weekly.top[..8] {
        assert!(body.contains(&format!(">{}</a>", group.key)), "{}", group.key);
    }
}

/// What is left of a page once the time at which it was read and the weeks up to that are cut out.
fn lasting(body: &str) -> String {
    let (start, rest) = body.split_once("<footer>").unwrap();
    let end = rest.split_once("</footer>").unwrap().1;
    let body = format!("{start}<footer></footer>{end}");
    match body.split_once("<section aria-labelledby=\"h-size\">") {
        Some((start, rest)) => format!("{start}{}", rest.split_once("</section>").unwrap().1),
        None => body,
    }
}

#[test]
fn the_overview_and_the_page_of_a_group_are_as_they_were_looked_at() {
    let pages = Pages::start(&same, "");
    insta::assert_snapshot!("overview", lasting(&pages.get("/").body));
    let group = pages.get(&page_of(&pages, "DISP-4")).body;
    insta::assert_snapshot!("group", lasting(&group));
}

#[test]
fn the_name_that_a_trusted_proxy_gives_is_the_one_that_is_recorded() {
    let proxied = |from: &str| {
        format!("[dashboard]\nlisten = \"127.0.0.1:0\"\nuser_header = \"x-user\"\nproxies = [\"{from}\"]\n")
    };
    let pages = Pages::start(&same, &proxied("127.0.0.1"));
    let (lead, other) = (("X-User", "Example Lead".to_owned()), ("X-User", "Example Analyst".to_owned()));
    let refused = pages.get("/held");
    assert!(refused.status == 403 && refused.body.contains("Sign in at the proxy"), "{}", refused.body);
    let group = held(&pages);
    let secret = secret(&pages.get_with("/held", std::slice::from_ref(&lead)).body);
    let (path, form) = (format!("/held/{group}/create"), format!("secret={secret}"));
    assert_eq!(pages.post(&path, &[other], &form).status, 403, "a form is of whom it was shown to");
    assert_eq!(pages.post(&path, std::slice::from_ref(&lead), &form).status, 303);
    let known = Known::read(&pages.path("state")).unwrap();
    assert_eq!(decided(&known, &group), ["create by Example Lead on the dashboard"]);
    assert_all(
        &pages.get_with(&format!("/groups/{group}"), std::slice::from_ref(&lead)).body,
        &["<td>decision about a held ticket</td><td>create by Example Lead on the dashboard</td>"],
    );
    let elsewhere = Pages::start(&same, &proxied("127.0.0.2"));
    assert_eq!(
        elsewhere.get_with("/held", &[lead]).status,
        403,
        "not from an address that is none of the proxy's"
    );
}

#[test]
fn a_dashboard_that_can_no_longer_read_the_journal_is_not_ready_and_says_since_when() {
    let pages = Pages::start(&same, "");
    assert_eq!(pages.get("/readyz").status, 200);
    let journal = fs::read_dir(pages.path("state/journal")).unwrap();
    let lines = journal
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|it| it == "jsonl"));
    let file = lines.max().unwrap();
    let mut text = fs::read(&file).unwrap();
    // Not at its end, where a record that a crash cut short would stand.
    text[100] ^= 1;
    text.extend(b"{\"not\": \"a record\"}\n");
    fs::write(&file, text).unwrap();
    // It looks every few seconds.
    let (until, mut ready) = (Instant::now() + Duration::from_mins(1), 200);
    while ready == 200 && Instant::now() < until {
        ready = pages.get("/readyz").status;
    }
    assert_eq!(ready, 503);
    let page = pages.get("/");
    assert_eq!(page.status, 200, "what was known is still shown");
    assert_all(&page.body, &["The journal could not be read just now", "what is shown was so at"]);
    assert_eq!(pages.get("/healthz").status, 200, "it lives");
}

/// Texts of strangers, each of another kind and with its own number at its end: so who sees that sees the whole.
fn hostile_texts() -> Vec<String> {
    let tags = [
        "script", "img", "svg", "iframe", "body", "a", "math", "object", "style", "details", "video",
        "input", "x", "link", "meta", "form", "base", "embed", "audio", "marquee",
    ];
    let events = [
        "onerror=1",
        "onload=1",
        "src=javascript:1",
        "href=javascript:1",
        "onclick=1",
        "onfocus=1 autofocus",
        "ontoggle=1 open",
        "style=x",
        "srcdoc=1",
        "onmouseover=1",
        "data=1",
        "xlink:href=1",
        "formaction=1",
        "onanimationend=1",
        "onpointerdown=1",
        "content=1",
        "action=1",
        "onbegin=1",
        "onstart=1",
        "onplay=1",
        "oninput=1",
        "oncut=1",
        "onwheel=1",
        "ondrag=1",
        "onblur=1",
    ];
    // What could end the place where a text stands: an attribute, an element that holds text alone, a comment, a template.
    let ends = [
        "\">",
        "'>",
        "\"'><b>",
        " x=1 ",
        "\" onload=1 x=\"",
        "' onload=1 x='",
        "`>",
        "</title>",
        "</style>",
        "</script>",
        "</textarea>",
        "</option></select>",
        "</svg>",
        "-->",
        "]]>",
        "{{1337*7331}}",
        "{% raw %}",
        "{#",
        "&lt;&#60;&quot;>",
        "<!--",
    ];
    let mut texts = Vec::new();
    for end in ends {
        for tag in tags {
            for event in events {
                let number = texts.len();
                texts.push(format!("{end}<{tag} {event}>{{{{1337*7331}}}}</{tag}> t{number:05}t"));
            }
        }
    }
    texts
}

/// The tags of a page as a browser reads them (the tokenizer of the HTML standard, without the states that only scripts
/// and styles lead to: no page has any), each with the names of its attributes and with where it leads or loads from.
fn skeleton(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        rest = after;
        if let Some(comment) = rest.strip_prefix("!--") {
            tags.push("<!--".to_owned());
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic() || "/!?".contains(first)) {
            continue;
        }
        let is_end = |letter: char| letter.is_ascii_whitespace() || letter == '>';
        let name = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let mut tag = format!("<{}", name.trim_end_matches('/').to_ascii_lowercase());
        rest = &rest[name.len()..];
        loop {
            rest = rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == '/');
            if rest.is_empty() || rest.starts_with('>') {
                break;
            }
            let end = |letter: char| is_end(letter) || letter == '/';
            let name = &rest
                [..rest[1..].find(|letter| end(letter) || letter == '=').map_or(rest.len(), |at| at + 1)];
            rest = rest[name.len()..].trim_start_matches(|letter: char| letter.is_ascii_whitespace());
            let mut value = "";
            if let Some(after) = rest.strip_prefix('=') {
                rest = after.trim_start_matches(|letter: char| letter.is_ascii_whitespace());
                let quote = rest.chars().next().filter(|first| "\"'".contains(*first));
                let until = match quote {
                    Some(quote) => rest[1..].find(quote).map_or(rest.len(), |at| at + 1),
                    None => rest.find(is_end).unwrap_or(rest.len()),
                };
                value = &rest[usize::from(quote.is_some()).min(until)..until];
                rest = &rest[(until + usize::from(quote.is_some())).min(rest.len())..];
            }
            tag.push(' ');
            tag.push_str(&name.to_ascii_lowercase());
            if ["href", "src", "action"].contains(&name.to_ascii_lowercase().as_str()) {
                let leads = value.split(['?', '#']).next().unwrap_or_default();
                tag.push_str(&format!("={}", leads.split('/').take(2).collect::<Vec<_>>().join("/")));
            }
        }
        tags.push(tag);
    }
    tags
}

#[test]
fn what_is_written_into_a_page_and_not_escaped_changes_its_skeleton() {
    let page =
        |text: &str| format!("<p class=\"x\" title=\"{text}\">{text}</p><a href=\"/groups/{text}\">x</a>");
    let innocent = skeleton(&page("a &lt;b&gt; &#x27;c&#x27; &quot;d&quot; x=1 {{ e }} --&gt;"));
    assert_eq!(innocent, ["<p class title", "</p", "<a href=/groups", "</a"]);
    for text in hostile_texts() {
        assert_ne!(skeleton(&page(&text)), innocent, "{text}");
    }
    let unquoted = |text: &str| skeleton(&format!("<p title={text}>"));
    assert_ne!(unquoted("x onload=1"), unquoted("x"));
    assert_ne!(skeleton("<a href='javascript:1'>"), skeleton("<a href='/groups/1'>"));
}

#[test]
fn ten_thousand_hostile_texts_are_inert_on_every_page() {
    // So many stand in one place, since few places are on pages in full.
    const TOGETHER: usize = 6;

    let texts = hostile_texts();
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), 10_000, "each is another one");
    let paths = |pages: &Pages| -> Vec<String> {
        let known = Known::read(&pages.path("state")).unwrap();
        let groups = known.groups.keys().map(|id| format!("/groups/{id}"));
        let runs = known.runs.keys().map(|id| format!("/runs/{id}"));
        ALL.into_iter().map(str::to_owned).chain(groups).chain(runs).collect()
    };
    // Each text is another one in both worlds, and names of clients stay the same from record to record.
    let named = |foreign: &dyn Fn(usize) -> String| {
        let next = Cell::new(0);
        let text = |text: &str| {
            let place = next.replace(next.get() + 1);
            let place = if text.starts_with("Example Pharma") { text.len() } else { place };
            format!("{text} {} s{place}", foreign(place))
        };
        Pages::start(&text, "")
    };
    let innocent = named(&|_| "innocent".to_owned());
    let wanted: Vec<Vec<String>> =
        paths(&innocent).iter().map(|path| skeleton(&innocent.get(path).body)).collect();
    let mut unseen: BTreeSet<usize> = (0..texts.len()).collect();
    let mut rounds = 0;
    while !unseen.is_empty() {
        rounds += 1;
        assert!(rounds < 30, "{} texts were never shown", unseen.len());
        let order: Vec<usize> = unseen.iter().copied().collect();
        // Others stand in each place in each round.
        let some = |place: usize| -> Vec<&str> {
            let first = (place + rounds * 7) * TOGETHER;
            (first..first + TOGETHER).map(|at| texts[order[at % order.len()]].as_str()).collect()
        };
        let pages = named(&|place| some(place).join(" "));
        for (path, wanted) in paths(&pages).iter().zip(&wanted) {
            let Answer { status, body, .. } = pages.get(path);
            assert_eq!(status, 200, "{path}: {body}");
            assert_eq!(skeleton(&body), *wanted, "{path}: {body}");
            assert!(
                !body.contains("9801547") && !body.contains("9,801,547"),
                "no text is a template: {path}"
            );
            for word in body.split(|letter: char| !letter.is_ascii_alphanumeric()) {
                let number = word.strip_prefix('t').and_then(|rest| rest.strip_suffix('t'));
                if let Some(number) = number.filter(|digits| digits.len() == 5) {
                    drop(number.parse().map(|number: usize| unseen.remove(&number)));
                }
            }
        }
    }
    let echoed = innocent.get("/held?said=%3Cscript%3E1%3C/script%3E&q=%22%3E%3Cimg%3E");
    assert!(!echoed.body.contains("<script") && !echoed.body.contains("<img"));
    let echoed = innocent.get("/groups?q=%22%3E%3Cscript%3E&client=%3Cimg%3E&sort=%3C&page=%3C");
    assert!(!echoed.body.contains("<script") && !echoed.body.contains("<img"));
}

#[test]
fn an_order_needs_the_secret_of_a_page_of_ours_and_is_recorded() {
    let pages = Pages::start(&same, "");
    let group = held(&pages);
    let path = format!("/held/{group}/create");
    let secret = secret(&pages.get("/held").body);
    let host = pages.host();
    for (headers, form) in [
        (vec![], String::new()),
        (vec![], "secret=0000".to_owned()),
        (vec![("Origin", "http://evil.example.com".to_owned())], format!("secret={secret}")),
        (vec![("Origin", "null".to_owned())], format!("secret={secret}")),
    ] {
        assert_eq!(pages.post(&path, &headers, &form).status, 403, "{headers:?} {form}");
    }
    assert_eq!(held(&pages), group, "nothing was done");
    let done = pages.post(&path, &[("Origin", format!("http://{host}"))], &format!("secret={secret}"));
    assert_eq!(done.status, 303, "{}", done.body);
    let known = Known::read(&pages.path("state")).unwrap();
    let id = disputebot::group::GroupId::parse(&group).unwrap();
    assert!(matches!(known.ticket(&id).link, Link::Ready { .. }));
    let by = "create by somebody on this machine on the dashboard";
    assert_eq!(decided(&known, &group), [by]);
    assert!(pages.get("/held").body.contains("No ticket waits for a decision."));
    let again = pages.post(&path, &[], &format!("secret={secret}"));
    assert_eq!(again.status, 409);
    // What was not done is recorded as well, and takes nothing away from what was.
    let all = decided(&Known::read(&pages.path("state")).unwrap(), &group);
    assert!(all.len() == 2 && all[0] == by && all[1].starts_with(&format!("{by}, not done: ")), "{all:?}");
    let page = pages.get(&format!("/groups/{group}")).body;
    assert_eq!(page.matches("<td>decision about a held ticket</td>").count(), 2, "{page}");
    assert!(again.body.contains("waits for no decision"), "{}", again.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_ticket_is_bound_to_the_issue_that_a_person_names() {
    let sandbox = judged::Judged(sandbox::start(Options::default()).await.unwrap());
    let bot = User::bot();
    let issue: serde_json::Value = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .post(format!("{}/rest/api/3/issue", sandbox.base_url()))
        .basic_auth(&bot.email, Some(&bot.token))
        .json(&serde_json::json!({ "fields": {
            "project": { "key": "DISP" }, "issuetype": { "name": "Task" }, "summary": "found by a person",
        } }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = issue["key"].as_str().unwrap().to_owned();
    let url = sandbox.base_url();
    tokio::task::spawn_blocking(move || {
        let jira = format!("[jira]\nurl = \"{url}\"\nproject = \"DISP\"\nuser = \"{}\"\n", bot.email);
        // The invented history has tickets of the same keys; those of the sandbox begin anew.
        let pages = Pages::start(&same, &jira);
        let group = held(&pages);
        let secret = secret(&pages.get("/held").body);
        let path = format!("/held/{group}/bind");
        let wrong = pages.post(&path, &[], &format!("secret={secret}&key=%3Cb%3E"));
        assert!(wrong.status == 409 && wrong.body.contains("A key looks like DISP-7."), "{}", wrong.body);
        let missing = pages.post(&path, &[], &format!("secret={secret}&key=DISP-999"));
        assert!(missing.body.contains("Jira does not show"), "{}", missing.body);
        let taken = pages.post(&path, &[], &format!("secret={secret}&key=DISP-5"));
        assert!(taken.body.contains("is the ticket of group"), "{}", taken.body);
        pages.forget_ticket(&key);
        let bound = pages.post(&path, &[], &format!("secret={secret}&key={key}"));
        assert_eq!(bound.status, 303, "{}", bound.body);
        let known = Known::read(&pages.path("state")).unwrap();
        let id = disputebot::group::GroupId::parse(&group).unwrap();
        assert_eq!(known.ticket(&id).issue().unwrap().key, key);
        let all = decided(&known, &group);
        let [refused @ .., done] = all.as_slice() else { panic!("nothing was recorded") };
        assert!(done.starts_with(&format!("bind {key} by ")) && !done.contains("not done"), "{all:?}");
        assert!(refused.iter().all(|one| one.contains(", not done: ")), "{all:?}");
    })
    .await
    .unwrap();
}

#[test]
fn a_name_that_is_not_of_this_machine_is_refused() {
    let pages = Pages::start(&same, "");
    assert_eq!(pages.get_with("/", &[("Host", "evil.example.com".to_owned())]).status, 403);
    assert_eq!(pages.get_with("/metrics", &[("Host", "evil.example.com".to_owned())]).status, 403);
}

#[test]
fn with_a_token_nobody_gets_in_without_it() {
    let pages = Pages::start(&same, "[dashboard]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\n");
    let group = held(&pages);
    for path in ALL {
        let Answer { status, head, .. } = pages.get(path);
        assert!(status == 303 && head.contains("location: /login"), "{path}: {status}");
    }
    for path in ["/metrics", "/reports/disputes-2026-W47.html"] {
        let answer = pages.get(path);
        assert!(answer.status == 403 || answer.status == 303, "{path}");
        assert!(!answer.body.contains("Pharma") && !answer.body.contains("disputebot_"), "{path}");
    }
    assert_eq!(pages.post(&format!("/held/{group}/create"), &[], "secret=x").status, 403);
    assert_eq!((pages.get("/healthz").status, pages.get("/readyz").status), (200, 200));
    assert_eq!(pages.post("/login", &[], "token=wrong").status, 403);
    let open = pages.post("/login", &[], "token=open+sesame");
    assert_eq!(open.status, 303);
    let cookie = open.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let kept = ("Cookie", cookie.split(';').next().unwrap().to_owned());
    let page = pages.get_with("/held", std::slice::from_ref(&kept));
    assert_eq!(page.status, 200);
    let bearer = ("Authorization", "Bearer open sesame".to_owned());
    assert!(pages.get_with("/metrics", &[bearer]).body.contains("disputebot_groups_open"));
    let form = format!("secret={}", secret(&page.body));
    assert_eq!(pages.post("/logout", std::slice::from_ref(&kept), &form).status, 303);
    assert_eq!(pages.get_with("/held", &[kept]).status, 303);
}

#[test]
fn beyond_this_machine_a_token_or_a_proxy_is_demanded() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(["dashboard", "--set", "dashboard.listen=0.0.0.0:0"])
        .current_dir(folder.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("dashboard.token_file"), "{said}");
}

#[test]
fn metrics_have_closed_sets_of_labels_and_nothing_of_a_dispute() {
    let pages = Pages::start(&same, "");
    let metrics = pages.get("/metrics").body;
    let mut labels: Vec<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('{')?.1.split_once('='))
        .map(|(label, _)| label)
        .collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels, ["fate", "kind", "program", "state"], "{metrics}");
    let value = |name: &str| {
        let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(&format!("disputebot_{name} ")));
        lines.next().and_then(|value| value.parse::<i64>().ok())
    };
    assert_eq!(value("duplicates_total"), Some(0), "{metrics}");
    assert!(value("oldest_unknown_create_seconds") > Some(0), "{metrics}");
    assert_eq!(value("webhook_gap_seconds"), None, "none are taken");
    assert!(metrics.contains("disputebot_tickets{state=\"held\"} 1\n"), "{metrics}");
    assert!(!metrics.contains("Pharma") && !metrics.contains("DISP-"), "{metrics}");
    assert!(metrics.lines().count() < 120, "{metrics}");
}

#[test]
fn a_report_is_shown_with_a_policy_of_its_own() {
    let pages = Pages::start(&same, "");
    let output = pages.command(&["report", "--week", "2026-W47"]).output().unwrap();
    assert!(output.status.success());
    assert!(pages.get("/reports").body.contains("/reports/disputes-2026-W47.html"));
    let Answer { status, head, body } = pages.get("/reports/disputes-2026-W47.html");
    assert_eq!(status, 200);
    assert!(head.contains("style-src 'unsafe-inline'") && !head.contains("script-src"), "{head}");
    assert!(body.contains("Disputes in week 2026-W47"));
    fs::write(pages.path("reports/secret.html"), "not a report").unwrap();
    assert_eq!(pages.get("/reports/secret.html").status, 404);
}

/// What a dashboard over texts that hold something shows on all of its pages.
fn shown_with(text: &dyn Fn(&str) -> String) -> Vec<(String, String)> {
    let pages = Pages::start(text, "");
    let known = Known::read(&pages.path("state")).unwrap();
    let groups = known.groups.keys().map(|id| format!("/groups/{id}"));
    let runs = known.runs.keys().map(|id| format!("/runs/{id}"));
    let paths = ALL.into_iter().map(str::to_owned).chain(groups).chain(runs);
    paths.map(|path| (path.clone(), pages.get(&path).body)).collect()
}

#[test]
fn no_page_shows_what_looks_private() {
    for (private, withheld) in [
        ("SSN 123-45-6789", "a social security number"),
        ("1EG4-TE5-MK73", "a Medicare beneficiary identifier"),
        ("jane.doe@example.org", "a mail address"),
        ("call 555-010-1234", "a telephone number"),
        ("for Mrs. Miller", "a person&#x27;s name"),
        ("born 1950-03-21", "a date of birth"),
        ("Rx 1234567", "a prescription number"),
    ] {
        // A client may be called after a person, and a report goes to an address.
        let is_theirs = |text: &str| text.starts_with("Example Pharma") || text.starts_with("sent ");
        let text = |text: &str| if is_theirs(text) { text.to_owned() } else { format!("{text}, {private}") };
        let said = format!("(withheld: it looks like it holds {withheld})");
        let mut count = 0;
        for (path, body) in shown_with(&text) {
            assert!(!body.contains(private), "{path}: {private}: {body}");
            count += body.matches(&said).count();
        }
        assert!(count > 100, "it says so in its place: {count} times {said}");
    }
}

#[test]
fn words_of_others_show_neither_days_nor_long_numbers_and_our_own_do() {
    let foreign = ["502 Bad Gateway", "nobody can tell", "there is no order"];
    let all = shown_with(&|text: &str| {
        if foreign.iter().any(|start| text.starts_with(start)) {
            format!("{text} of 1950-03-21 about 123456789012")
        } else if text.starts_with("a person closed it; it stays closed") {
            format!("{text} until 1949-12-31")
        } else {
            text.to_owned()
        }
    });
    let (mut withheld, mut own) = (0, 0);
    for (path, body) in all {
        assert!(!body.contains("1950-03-21") && !body.contains("123456789012"), "{path}: {body}");
        withheld += body.matches("(withheld: it looks private)").count();
        own += body.matches("1949-12-31").count();
    }
    assert!(withheld > 4 && own > 0, "{withheld} withheld, {own} of our own");
}

#[test]
fn a_client_that_is_called_after_a_person_and_whoever_gets_a_report_are_named() {
    let all = shown_with(&|text: &str| text.replace("Example Pharma", "Dr. Example Pharma"));
    let count = |words: &str| all.iter().map(|(_, body)| body.matches(words).count()).sum::<usize>();
    assert!(count("Dr. Example Pharma A") > 50);
    assert!(count("sent lead@example.com") > 0);
    assert_eq!(count("(withheld"), 0);
}

#[test]
fn each_source_of_the_last_run_says_whether_it_is_complete_and_every_row_is_accounted_for() {
    let pages = Pages::start(&same, "");
    let sources = pages.get("/sources").body;
    assert!(sources.contains("<th scope=\"row\">claims</th><td>complete</td>"), "{sources}");
    assert!(sources.contains("Cancelled by others") && sources.contains("a file is missing"), "{sources}");
    pages.record_one_more_run(|run| {
        run.sources[0].is_complete = false;
        run.rows.rejected = 61;
    });
    let sources = pages.get("/sources").body;
    assert!(sources.contains("<th scope=\"row\">claims</th><td>incomplete</td>"), "{sources}");
    let more = "and 60 more; <code>disputebot source preview --rejects 61</code> lists all";
    assert!(sources.contains(more) && pages.get("/runs/9999").body.contains(more), "{sources}");
}

#[test]
fn what_is_recorded_while_it_serves_is_shown() {
    let pages = Pages::start(&same, "");
    let before = pages.get("/runs").body;
    assert!(before.contains("of 20 runs"), "{before}");
    pages.record_one_more_run(|_| {});
    assert!(pages.get("/runs").body.contains("of 21 runs"));
}
