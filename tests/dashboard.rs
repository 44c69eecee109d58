//! The dashboard: pages, filters, orders, and who gets in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared/pages.rs"]
mod pages;
#[path = "shared/quarter.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod quarter;

#[path = "common/contract.rs"]
mod contract;

use std::{
    cell::Cell,
    fs,
    process::{Command, Stdio},
};

use disputebot::{
    plan::Link,
    sandbox::{self, Options, User},
    state::Known,
};
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

#[test]
fn every_page_loads_and_lets_nothing_but_our_style_be_loaded() {
    let pages = Pages::start(&same, "");
    let group = held(&pages);
    let run = "/runs/0019".to_owned();
    for path in ALL.into_iter().map(str::to_owned).chain([format!("/groups/{group}"), run]) {
        let Answer { status, head, body } = pages.get(&path);
        assert_eq!(status, 200, "{path}: {body}");
        assert!(
            head.contains("content-security-policy: default-src 'none'; style-src 'self'"),
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
    let one = body("/groups?q=disp-5+units&status=all");
    assert!(one.contains("1 to 1 of 1 groups") || one.contains("No group fits"), "{one}");
    let theirs = body("/groups?client=Example+Pharma+A");
    assert!(
        theirs.contains("<small>Example Pharma A</small>")
            && !theirs.contains("<small>Example Pharma B</small>")
    );
    let waiting = body("/groups?ticket=held&status=all");
    assert!(waiting.contains("1 to 1 of 1 groups"), "{waiting}");
    assert!(body("/groups?q=nothing+has+this").contains("No group fits."));
    let by_client = body("/groups?sort=client&status=all");
    let (first, last) =
        (by_client.find("Example Pharma A</small>"), by_client.find("Example Pharma B</small>"));
    assert!(first < last, "sorted by client");
}

#[test]
fn five_hundred_hostile_texts_are_inert_on_every_page() {
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
    let payloads: Vec<String> = tags
        .iter()
        .flat_map(|tag| {
            events.iter().map(move |event| format!("\"'><{tag} {event}>{{{{1337*7331}}}}</{tag}>"))
        })
        .collect();
    assert_eq!(payloads.len(), 500);
    let next = Cell::new(0);
    let hostile = |text: &str| {
        // Names of clients must stay the same from record to record.
        let place = if text.starts_with("Example Pharma") { text.len() } else { next.get() };
        next.set((next.get() + 1) % payloads.len());
        format!("{text} {}", payloads[place])
    };
    let pages = Pages::start(&hostile, "");
    let mut shown = 0;
    let known = Known::read(&pages.path("state")).unwrap();
    let groups = known.groups.keys().map(|id| format!("/groups/{id}"));
    let runs = known.runs.keys().map(|id| format!("/runs/{id}"));
    for path in ALL.into_iter().map(str::to_owned).chain(groups).chain(runs) {
        let Answer { status, body, .. } = pages.get(&path);
        assert_eq!(status, 200, "{path}: {body}");
        for payload in &payloads {
            assert!(!body.contains(payload.as_str()), "{path}: {payload}");
        }
        assert!(!body.contains("9801547") && !body.contains("9,801,547"), "no text is a template: {path}");
        shown += body.matches("&lt;").count();
    }
    assert!(shown > 1_000, "they are shown: {shown}");
    let echoed = pages.get("/held?said=%3Cscript%3E1%3C/script%3E&q=%22%3E%3Cimg%3E");
    assert!(!echoed.body.contains("<script") && !echoed.body.contains("<img"));
    let echoed = pages.get("/groups?q=%22%3E%3Cscript%3E&client=%3Cimg%3E&sort=%3C&page=%3C");
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
    let told = &known.schedules[&format!("decision {group}")];
    assert_eq!(told.id, "create by somebody on this machine on the dashboard");
    assert!(pages.get("/held").body.contains("No ticket waits for a decision."));
    let again = pages.post(&path, &[], &format!("secret={secret}"));
    assert_eq!(again.status, 409);
    assert!(again.body.contains("waits for no decision"), "{}", again.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_ticket_is_bound_to_the_issue_that_a_person_names() {
    let sandbox = contract::Judged(sandbox::start(Options::default()).await.unwrap());
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
        assert!(known.schedules[&format!("decision {group}")].id.starts_with(&format!("bind {key} by ")));
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

#[test]
fn each_source_of_the_last_run_says_whether_it_is_complete_and_every_row_is_accounted_for() {
    let pages = Pages::start(&same, "");
    let sources = pages.get("/sources").body;
    assert!(sources.contains("<th scope=\"row\">claims</th><td>complete</td>"), "{sources}");
    assert!(sources.contains("Cancelled by others") && sources.contains("a file is missing"), "{sources}");
}

#[test]
fn what_is_recorded_while_it_serves_is_shown() {
    let pages = Pages::start(&same, "");
    let before = pages.get("/runs").body;
    assert!(before.contains("of 20 runs"), "{before}");
    pages.record_one_more_run();
    // It looks every few seconds, and at once after an order.
    let secret = secret(&pages.get("/held").body);
    let done = pages.post(&format!("/held/{}/create", held(&pages)), &[], &format!("secret={secret}"));
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(pages.get("/runs").body.contains("of 21 runs"));
}
