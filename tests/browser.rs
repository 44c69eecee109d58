//! Pages as a person's browser shows them: the board and an issue of the sandbox, the weekly report, and the
//! page of scores.
//!
//! Needs Chromium. Where there is none, each test names what is missing and passes; with the environment
//! variable `CI` set it fails instead.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[path = "shared/driven.rs"]
mod driven;
#[path = "shared/missing.rs"]
mod missing;
#[path = "shared/pages.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod pages;
#[path = "shared/quarter.rs"]
mod quarter;

use disputebot::{
    evaluate::{self, CauseFacts, Causes, Evaluation},
    group::Status,
    report::{self, Links, Week},
    sandbox::{self, Options, Sandbox, User},
    state::{GroupRecord, Known},
};
use driven::Driven;
use jiff::tz::TimeZone;
use missing::missing;
use serde_json::{Value, json};

/// What a stranger could type into a summary or a description.
const HOSTILE: &str = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";
/// Names under which the browser is installed.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser with a profile of its own.
struct Browser {
    program: PathBuf,
    profile: tempfile::TempDir,
}

impl Browser {
    /// `None`, with a word on it, where no browser is installed.
    fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path)
            .flat_map(|folder| NAMES.map(|name| folder.join(name)))
            .find(|program| program.is_file());
        let Some(program) = program else {
            missing(&format!("not looked at in a browser: none of {} is on PATH", NAMES.join(", ")));
            return None;
        };
        Some(Self { program, profile: tempfile::tempdir().unwrap() })
    }

    /// The document after everything that would run has run.
    fn document(&self, address: &str) -> String {
        let output = self.run(&["--virtual-time-budget=2000", "--dump-dom", address]);
        assert!(output.contains("</html>"), "{address} gives a document: {output}");
        output
    }

    /// The same, with what the page makes the browser say to a developer: errors of scripts, refused styles.
    fn visit(&self, address: &str) -> (String, Vec<String>) {
        let (document, said) =
            self.output(&["--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", address]);
        assert!(document.contains("</html>"), "{address} gives a document: {document}");
        (document, said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect())
    }

    /// What the page makes the browser say.
    fn console(&self, address: &str) -> Vec<String> {
        self.visit(address).1
    }

    /// The same browser, worked by hand.
    fn driven(&self) -> Driven {
        Driven::start(&self.program, &self.arguments())
    }

    /// Serious findings of axe-core on a page in the light and in the dark, each with the elements it is about.
    fn findings(driven: &mut Driven, address: &str, axe: &str) -> Vec<String> {
        let checker = "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations.filter(v => \
            v.impact === 'serious' || v.impact === 'critical').map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html \
            + ' ' + n.failureSummary).join(' | '))))";
        let mut all = Vec::new();
        for look in ["light", "dark"] {
            driven.look(look);
            driven.open(address);
            assert!(
                driven.value_of(&format!("matchMedia('(prefers-color-scheme: {look})').matches")) == true
            );
            driven.value_of(&format!("{axe}; 0"));
            let found: Vec<String> = serde_json::from_str(&driven.text_of(checker)).unwrap();
            all.extend(found.into_iter().map(|one| format!("{look}: {one}")));
        }
        all
    }

    /// A picture of the page.
    fn picture(&self, address: &str) -> Vec<u8> {
        let file = self.profile.path().join("page.png");
        let screenshot = format!("--screenshot={}", file.display());
        self.run(&[&screenshot, "--window-size=1200,900", "--hide-scrollbars", address]);
        fs::read(file).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> String {
        self.output(arguments).0
    }

    fn arguments(&self) -> Vec<String> {
        let fixed = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            "--lang=en-US",
        ];
        let profile = format!("--user-data-dir={}", self.profile.path().join("profile").display());
        fixed.map(str::to_owned).into_iter().chain([profile]).collect()
    }

    fn output(&self, arguments: &[&str]) -> (String, String) {
        let output = Command::new(&self.program)
            .args(self.arguments())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The text of axe-core, which `.ci/run` fetches; `None`, with a word on it, where it is not there.
fn axe() -> Option<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let path = target.join("ci-tools/axe/node_modules/axe-core/axe.min.js");
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        missing("not looked at with axe-core: `.ci/run` fetches it");
    }
    text
}

/// A browser for the rest of the test, or the end of it.
macro_rules! browser_or_return {
    () => {
        match Browser::find() {
            Some(browser) => browser,
            None => return,
        }
    };
}

/// A sandbox with its own runtime, so that it answers while the test waits for the browser.
struct Site {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
}

impl Drop for Site {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.sandbox.leftovers(), Vec::<String>::new(), "left in the sandbox");
        }
    }
}

impl Site {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(sandbox::start(Options::default())).unwrap();
        Self { runtime, sandbox }
    }

    /// Opens an issue over HTTP and gives its key.
    fn open(&self, summary: &str, text: &str) -> String {
        let description = json!({ "type": "doc", "version": 1, "content": [
            { "type": "heading", "attrs": { "level": 2 }, "content": [{ "type": "text", "text": "How much" }] },
            { "type": "paragraph", "content": [
                { "type": "text", "text": text },
                { "type": "text", "text": " in bold", "marks": [{ "type": "strong" }] },
            ] },
        ] });
        let body = json!({ "fields": {
            "project": { "key": Options::default().project_key },
            "issuetype": { "name": "Task" },
            "summary": summary,
            "description": description,
            "labels": ["disputebot"],
        } });
        let bot = User::bot();
        let answer: Value = self.runtime.block_on(async {
            reqwest::Client::builder()
                .no_proxy()
                .build()
                .unwrap()
                .post(format!("{}/rest/api/3/issue", self.sandbox.base_url()))
                .basic_auth(bot.email, Some(bot.token))
                .json(&body)
                .send()
                .await
                .unwrap()
                .error_for_status()
                .unwrap()
                .json()
                .await
                .unwrap()
        });
        answer["key"].as_str().unwrap().to_owned()
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }
}

/// The page of a week in which every foreign text is what `text` makes of it.
fn report_of(text: &dyn Fn(&str) -> String) -> String {
    let week: Week = "2026-W47".parse().unwrap();
    let history = quarter::history(text);
    let weekly = report::weekly(&history, week, &TimeZone::UTC, None, jiff::Timestamp::MAX);
    let links = Links { site: Some("https://example.com".to_owned()), projects: vec!["DISP".to_owned()] };
    report::html(&weekly, &history.head, &links).unwrap()
}

fn written(page: &str, folder: &Path) -> String {
    let path = folder.join("report.html");
    fs::write(&path, page).unwrap();
    format!("file://{}", path.display())
}

/// The words of a page: what stands between its tags, outside of style sheets.
fn words(document: &str) -> String {
    let mut words = String::new();
    let mut rest = document;
    while let Some((before, after)) = rest.split_once('<') {
        words.push_str(before);
        words.push(' ');
        let end = if after.starts_with("style") { "</style>" } else { ">" };
        rest = after.split_once(end).map_or("", |(_, after)| after);
    }
    words.push_str(rest);
    let text = words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn assert_words(document: &str, expected: &[&str]) {
    let shown = words(document);
    for expected in expected {
        assert!(shown.contains(expected), "expected `{expected}` among: {shown}");
    }
}

/// What of a stranger's can run on a page, or has run.
fn danger(document: &str) -> Option<&'static str> {
    ["<title>owned", "<script", "<img"].into_iter().find(|sign| document.to_lowercase().contains(sign))
}

#[track_caller]
fn assert_inert(document: &str) {
    assert_eq!(danger(document), None, "{document}");
}

/// Width and height of a PNG, from its header.
#[track_caller]
fn size_of(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "a PNG");
    let number = |from: usize| u32::from_be_bytes(png[from..from + 4].try_into().unwrap());
    (number(16), number(20))
}

#[track_caller]
fn assert_painted(png: &[u8]) {
    assert_eq!(size_of(png), (1200, 900));
    // An empty page of this size has some 5 kB.
    assert!(png.len() > 15_000, "the page shows something: {} bytes", png.len());
}

#[test]
fn the_board_shows_tickets_by_status() {
    let browser = browser_or_return!();
    let site = Site::start();
    let key = site.open("Package size wrong on label file", "41 open disputes");
    let document = browser.document(&site.address("/"));
    assert_words(
        &document,
        &[
            "Disputes board 1 open 1 in all",
            "To Do 1 Package size wrong on label file 1 label",
            &key,
            "In Progress 0 No tickets",
            "Done 0 No tickets",
        ],
    );
    assert!(document.contains(&format!("href=\"/browse/{key}\"")), "{document}");
    assert_inert(&document);
    assert_painted(&browser.picture(&site.address("/")));
}

#[test]
fn an_issue_shows_its_description_and_fields() {
    let browser = browser_or_return!();
    let site = Site::start();
    let key = site.open("Package size wrong on label file", "41 open disputes");
    let address = site.address(&format!("/browse/{key}"));
    let document = browser.document(&address);
    assert_words(
        &document,
        &[
            "Package size wrong on label file",
            "Description How much 41 open disputes in bold",
            "Comments 0 No comments",
            "Assignee Unassigned",
            "Labels disputebot",
        ],
    );
    assert!(document.contains("<strong> in bold</strong>"), "{document}");
    assert_inert(&document);
    assert_painted(&browser.picture(&address));
}

#[test]
fn hostile_text_is_shown_and_never_run() {
    let browser = browser_or_return!();
    let site = Site::start();
    let key = site.open(HOSTILE, HOSTILE);
    for path in ["/".to_owned(), format!("/browse/{key}")] {
        let document = browser.document(&site.address(&path));
        assert_words(&document, &[HOSTILE]);
        assert_inert(&document);
    }
}

#[test]
fn the_browser_would_run_a_script_and_the_checks_would_see_it() {
    let browser = browser_or_return!();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trap.html");
    fs::write(&path, format!("<!doctype html><html><body>{HOSTILE}</body></html>")).unwrap();
    let document = browser.document(&format!("file://{}", path.display()));
    assert_eq!(danger(&document), Some("<title>owned"), "{document}");
}

#[test]
fn a_report_shows_its_week_and_never_runs_a_name() {
    let browser = browser_or_return!();
    let folder = tempfile::tempdir().unwrap();
    let page = report_of(&|innocent| format!("{innocent} {HOSTILE}"));
    let address = written(&page, folder.path());
    let document = browser.document(&address);
    let client = format!("DISP-5 Example Pharma A {HOSTILE}");
    assert_words(&document, &["Disputes in week 2026-W47", "Monday 16 to Sunday 22 November 2026", &client]);
    assert!(document.contains("href=\"https://example.com/browse/DISP-5\""), "{document}");
    assert_inert(&document);
    assert_eq!(browser.console(&address), Vec::<String>::new());
    assert_painted(&browser.picture(&address));
}

#[test]
fn a_report_has_no_serious_fault_of_accessibility_in_the_light_or_in_the_dark() {
    let browser = browser_or_return!();
    let Some(axe) = axe() else { return };
    let (mut driven, folder) = (browser.driven(), tempfile::tempdir().unwrap());
    let mut of = |page: &str| Browser::findings(&mut driven, &written(page, folder.path()), &axe);
    assert_eq!(of(&report_of(&str::to_owned)), Vec::<String>::new());
    let pale = "<!doctype html><html lang=\"en\"><head><title>x</title><style>body { color: #000; background: #fff } \
                @media (prefers-color-scheme: dark) { body { color: #333; background: #000 } }</style></head>\
                <body><main><p>some words to read</p></main></body></html>";
    let found = of(pale);
    assert!(found.len() == 1 && found[0].starts_with("dark: color-contrast"), "it sees faults: {found:?}");
}

/// Every page of the dashboard, with one group and one run.
fn dashboard_paths(pages: &pages::Pages) -> Vec<String> {
    let groups = pages.get("/groups").body;
    let group = groups.split("href=\"/groups/").nth(1).unwrap().split('"').next().unwrap();
    // One that was split off another, has orders and decisions of people, and open disputes.
    let known = Known::read(&pages.path("state")).unwrap();
    let family =
        known.groups.values().find(|it| it.group.split_from.is_some() && !it.group.members.is_empty());
    let mut paths: Vec<String> =
        ["/", "/groups", "/runs", "/runs/0019", "/sources", "/held", "/schedule", "/reports"]
            .map(str::to_owned)
            .into();
    paths.push(format!("/groups/{group}"));
    paths.push(format!("/groups/{}", family.unwrap().group.id));
    paths
}

#[test]
fn the_dashboard_shows_its_pages_without_a_word_of_the_console() {
    let browser = browser_or_return!();
    let pages = pages::Pages::start(&|innocent| format!("{innocent} {HOSTILE}"), "");
    for path in dashboard_paths(&pages) {
        let address = format!("http://{}{path}", pages.host());
        let (document, said) = browser.visit(&address);
        assert_inert(&document);
        assert_eq!(said, Vec::<String>::new(), "{path}");
    }
    assert_painted(&browser.picture(&format!("http://{}/", pages.host())));
}

#[test]
fn the_dashboard_has_no_serious_fault_of_accessibility_in_the_light_or_in_the_dark() {
    let browser = browser_or_return!();
    let Some(axe) = axe() else { return };
    let (mut driven, pages) = (browser.driven(), pages::Pages::start(&str::to_owned, ""));
    let mut findings = |address: String| Browser::findings(&mut driven, &address, &axe);
    for path in dashboard_paths(&pages).into_iter().chain(["/groups/none".to_owned()]) {
        assert_eq!(findings(format!("http://{}{path}", pages.host())), Vec::<String>::new(), "{path}");
    }
    let locked = pages::Pages::start(&str::to_owned, TOKEN);
    assert_eq!(findings(format!("http://{}/login", locked.host())), Vec::<String>::new());
}

const TOKEN: &str = "[dashboard]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"token\"\n";

/// The groups of a page of the list, in its order, and how many the page says there are.
fn shown_groups(driven: &mut Driven) -> (Vec<String>, String) {
    let rows =
        "[...document.querySelectorAll('tbody th a')].map(a => a.getAttribute('href').split('/').pop())";
    let rows: Vec<String> = serde_json::from_value(driven.value_of(rows)).unwrap();
    (rows, driven.text_of("document.querySelector('nav.turn span').textContent"))
}

/// What the list shows of the groups that fit, by the figures of the journal: most money first.
fn expected_groups(pages: &pages::Pages, fits: impl Fn(&GroupRecord) -> bool) -> (Vec<String>, String) {
    let known = Known::read(&pages.path("state")).unwrap();
    let mut found: Vec<&GroupRecord> = known.groups.values().filter(|record| fits(record)).collect();
    found.sort_by_key(|record| std::cmp::Reverse(record.figures.exposed + record.figures.recoverable));
    let ids: Vec<String> = found.iter().map(|record| record.group.id.to_string()).collect();
    let said = format!("1 to {0} of {0} groups", ids.len());
    (ids, said)
}

#[test]
fn a_person_who_types_chooses_and_clicks_gets_exactly_the_groups_that_fit() {
    let browser = browser_or_return!();
    let (mut driven, pages) = (browser.driven(), pages::Pages::start(&str::to_owned, ""));
    let units = |record: &GroupRecord| record.cause.to_lowercase().contains("units");
    driven.open(&format!("http://{}/groups", pages.host()));
    driven.click("input[name=q]");
    driven.write("uNiTs");
    driven.click("select[name=status]");
    driven.press("Enter");
    driven.led_to(|driven| driven.click("form.filter button"));
    let active = |record: &GroupRecord| units(record) && record.group.status == Status::Active;
    let expected = expected_groups(&pages, active);
    assert!(expected.0.len() > 3 && expected.0.len() < 20);
    assert_eq!(shown_groups(&mut driven), expected);
    let kept = driven.text_of("document.querySelector('input[name=q]').value");
    assert_eq!(kept, "uNiTs", "the form keeps what was asked for");

    // From the keyboard alone, with each of the lists of choices.
    driven.value_of("document.querySelector('input[name=q]').focus()");
    for (name, begins) in [("client", quarter::CLIENTS[1]), ("program", "340B"), ("status", "all")] {
        driven.press("Tab");
        assert_eq!(driven.focus(), format!("select {name}"));
        driven.write(begins);
    }
    let chosen = driven.text_of("document.querySelector('select[name=program]').value");
    assert_eq!(chosen, "340b");
    driven.led_to(|driven| {
        for at in ["select ticket", "select sort", "button Show"] {
            driven.press("Tab");
            assert_eq!(driven.focus(), at);
        }
        driven.press("Enter");
    });
    let theirs = |record: &GroupRecord| {
        units(record)
            && *record.group.client == *quarter::CLIENTS[1]
            && record.group.program.as_str() == chosen
    };
    let expected = expected_groups(&pages, theirs);
    assert!(!expected.0.is_empty());
    assert_eq!(shown_groups(&mut driven), expected);
    let query = driven.text_of("location.search");
    let asked: Vec<(String, String)> =
        url::form_urlencoded::parse(&query.as_bytes()[1..]).into_owned().collect();
    let pairs = [
        ("q", "uNiTs"),
        ("client", quarter::CLIENTS[1]),
        ("program", chosen.as_str()),
        ("status", "all"),
        ("ticket", ""),
        ("sort", "money"),
    ];
    assert_eq!(asked, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(
        !driven.text_of("document.body.textContent").contains("DISP-1 "),
        "one that does not fit is absent"
    );

    driven.led_to(|driven| driven.click("form.filter a"));
    assert_eq!(driven.text_of("location.pathname + location.search"), "/groups", "and back to all");
    assert_eq!(driven.said, Vec::<String>::new());
}

#[test]
fn the_keyboard_alone_leads_past_the_menu_through_the_filter_to_a_group() {
    let browser = browser_or_return!();
    let (mut driven, pages) = (browser.driven(), pages::Pages::start(&str::to_owned, ""));
    driven.open(&format!("http://{}/groups", pages.host()));
    driven.press("Tab");
    assert_eq!(driven.focus(), "a #main", "first of all the link past the menu");
    let seen =
        "(r => r.left >= 0 && r.top >= 0 && r.width > 40)(document.activeElement.getBoundingClientRect())";
    assert_eq!(driven.value_of(seen), true, "it is seen once it has the focus");
    driven.press("Enter");
    let mut passed = Vec::new();
    while !passed.last().is_some_and(|at: &String| at.starts_with("a /groups/")) {
        driven.press("Tab");
        passed.push(driven.focus());
        let outlined = driven.text_of("getComputedStyle(document.activeElement).outlineStyle");
        assert_ne!(outlined, "none", "where the focus is can be seen: {passed:?}");
        assert!(passed.len() < 20, "{passed:?}");
    }
    let fields =
        ["input q", "select client", "select program", "select status", "select ticket", "select sort"];
    assert_eq!(passed[..6], fields.map(str::to_owned), "no link of the menu in between");
    let (first, _) = shown_groups(&mut driven);
    driven.led_to(|driven| driven.press("Enter"));
    assert_eq!(driven.text_of("location.pathname"), format!("/groups/{}", first[0]));
    assert_eq!(driven.said, Vec::<String>::new());
}

#[test]
fn the_pages_behind_an_order_a_report_a_login_and_a_wrong_address_say_nothing_to_the_console() {
    let browser = browser_or_return!();
    let (mut driven, pages) = (browser.driven(), pages::Pages::start(&str::to_owned, ""));
    let at = |path: &str| format!("http://{}{path}", pages.host());
    driven.open(&at("/held"));
    driven.led_to(|driven| driven.click("form[action$='/create'] button"));
    assert_eq!(driven.text_of("location.pathname"), "/held");
    let body = "document.body.textContent";
    assert!(driven.text_of(body).contains("No ticket waits for a decision."));
    let written = pages.command(&["report", "--week", "2026-W47"]).output().unwrap();
    assert!(written.status.success());
    driven.open(&at("/reports"));
    driven.led_to(|driven| driven.click("ul.files a"));
    assert_eq!(driven.text_of("document.title"), "Disputes in week 2026-W47");
    assert_eq!(driven.value_of("document.styleSheets.length"), 1, "its own style is let through");
    assert_eq!(driven.said, Vec::<String>::new());
    driven.open(&at("/groups/none"));
    assert!(driven.text_of(body).contains("404") || driven.text_of(body).contains("no such"));
    // That the page itself was not found is all that is said.
    assert!(
        driven.said.iter().all(|said| said.contains("404")) && driven.said.len() < 2,
        "{:?}",
        driven.said
    );
    driven.said.clear();
    let locked = pages::Pages::start(&str::to_owned, TOKEN);
    driven.open(&format!("http://{}/groups", locked.host()));
    assert_eq!(driven.text_of("location.pathname"), "/login");
    driven.click("input[name=token]");
    driven.write("open sesame");
    driven.led_to(|driven| driven.press("Enter"));
    assert!(driven.text_of(body).contains("Sign out"));
    assert_eq!(driven.said, Vec::<String>::new());
}

/// Texts of strangers, each of another kind, that would rename the page if they ran.
fn payloads() -> Vec<String> {
    const RUN: &str = "document.title='owned'";
    let tags = [
        "script", "img", "svg", "iframe", "body", "a", "math", "object", "style", "details", "video",
        "input", "x", "link", "meta", "form", "base", "embed", "audio", "marquee",
    ];
    let ways = [
        "onerror",
        "onload",
        "onclick",
        "onfocus autofocus tabindex=0",
        "ontoggle open",
        "onmouseover",
        "onbegin",
        "onstart",
        "onplay autoplay",
        "oninput",
        "onanimationstart style=animation:x",
        "onpointerenter",
        "onpageshow",
        "onhashchange",
        "onmessage",
        "onresize",
        "onscroll",
        "onwheel",
        "onloadstart",
        "oncanplay",
        "src=javascript",
        "href=javascript",
        "srcdoc",
        "data=javascript",
        "xlink:href=javascript",
    ];
    let mut all = Vec::new();
    for tag in tags {
        for way in ways {
            let (name, more) = way.split_once(' ').unwrap_or((way, ""));
            let attribute = match name.split_once('=') {
                Some((name, _)) => format!("{name}=\"javascript:{RUN}\""),
                None if name == "srcdoc" => format!("srcdoc=\"<script>parent.{RUN}</script>\""),
                None => format!("{name}=\"{RUN}\" {more} src=x"),
            };
            let text = format!("'\"></title></style></textarea>--><{tag} {attribute}>{RUN}</{tag}>");
            // One blank at a time, as a page shows them.
            all.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    all
}

/// Each call gives an innocent text with the next of some texts behind it; names of clients stay the same.
fn rotating(all: &[String], from: usize) -> impl Fn(&str) -> String {
    let next = std::cell::Cell::new(from);
    move |innocent| {
        let place = if innocent.starts_with("Example Pharma") {
            innocent.len()
        } else {
            next.replace(next.get() + 1)
        };
        format!("{innocent} {}", all[place % all.len()])
    }
}

/// Attributes of the elements of a document that would run something.
fn running_attributes(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = document;
    while let Some((_, after)) = rest.split_once('<') {
        let (mut quoted, mut end) = (false, after.len());
        for (place, letter) in after.char_indices() {
            match letter {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    end = place;
                    break;
                }
                _ => {}
            }
        }
        let tag = &after[..end];
        // Outside of the values of its attributes.
        let bare: String = tag.split('"').step_by(2).collect::<Vec<_>>().join(" ");
        let named = bare.split_whitespace().any(|word| word.starts_with("on") && word.ends_with('='));
        let links = ["href=\"javascript", "src=\"javascript", "data=\"javascript", "srcdoc=\""];
        if named || links.iter().any(|link| tag.contains(link)) {
            found.push(tag.to_owned());
        }
        rest = &after[end..];
    }
    found
}

#[track_caller]
fn assert_nothing_runs(document: &str, place: &str) {
    assert_eq!(danger(document), None, "{place}: {document}");
    assert_eq!(running_attributes(document), Vec::<String>::new(), "{place}");
}

#[test]
fn of_five_hundred_hostile_texts_none_runs_on_the_report_or_on_any_page_of_the_dashboard() {
    let browser = browser_or_return!();
    let all = payloads();
    assert_eq!(all.len(), 500);
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 500, "each is another one");
    let folder = tempfile::tempdir().unwrap();
    let mut missing: Vec<&String> = all.iter().collect();
    for turn in 0..20 {
        if missing.is_empty() {
            break;
        }
        let page = report_of(&rotating(&all, turn * 53));
        let address = written(&page, folder.path());
        let document = browser.document(&address);
        assert_nothing_runs(&document, "the report");
        let shown = words(&document);
        missing.retain(|payload| !shown.contains(payload.as_str()));
    }
    assert_eq!(missing, Vec::<&String>::new(), "every text was shown on some report");
    let pages = pages::Pages::start(&rotating(&all, 0), "");
    for path in dashboard_paths(&pages).into_iter().chain(["/groups?status=all&page=2".to_owned()]) {
        let address = format!("http://{}{path}", pages.host());
        let (document, said) = browser.visit(&address);
        assert_nothing_runs(&document, &path);
        assert_eq!(said, Vec::<String>::new(), "{path}");
    }
    let trap = written(&format!("<!doctype html><html><body>{}</body></html>", all[25]), folder.path());
    let sprung = browser.document(&trap);
    assert!(
        danger(&sprung).is_some() && !running_attributes(&sprung).is_empty(),
        "the checks see one that runs"
    );
}

/// What print makes of a page, shown on the screen.
fn as_printed(page: &str) -> String {
    let checker = "const of = q => [...document.querySelectorAll(q)]; const p = document.createElement('pre'); p.id = 'print'; \
        p.textContent = JSON.stringify({closed: of('details').filter(d => d.scrollHeight <= d.firstElementChild.offsetHeight + 8) \
        .map(d => d.innerText), shown: of('nav, .skip, .filter, .top').filter(e => e.offsetHeight > 0).length, \
        details: of('details').length, wide: document.documentElement.scrollWidth - document.documentElement.clientWidth}); \
        document.body.appendChild(p);";
    page.replace("http-equiv=\"Content-Security-Policy\"", "name=\"policy\"")
        .replace("@media print", "@media all")
        .replace("</body>", &format!("<script>{checker}</script></body>"))
}

#[test]
fn printed_pages_show_what_is_folded_and_leave_out_what_is_for_clicking() {
    let browser = browser_or_return!();
    let folder = tempfile::tempdir().unwrap();
    let pages = pages::Pages::start(&str::to_owned, "");
    let style = format!("<style>{}</style>", pages.get("/style.css").body);
    let overview = pages.get("/").body.replace("<link rel=\"stylesheet\" href=\"/style.css\">", &style);
    for (name, page) in [("report", report_of(&str::to_owned)), ("overview", overview)] {
        let address = written(&as_printed(&page), folder.path());
        let shown = browser.document(&address);
        let (_, found) = shown.split_once("<pre id=\"print\">").unwrap();
        let found: Value =
            serde_json::from_str(&found.split_once("</pre>").unwrap().0.replace("&amp;", "&")).unwrap();
        assert!(found["details"].as_u64().unwrap() > 3, "{name}: {found}");
        assert_eq!(found["closed"], json!([]), "{name}");
        assert_eq!(found["shown"], 0, "{name}");
        let file = folder.path().join("page.pdf");
        let print = format!("--print-to-pdf={}", file.display());
        browser.run(&[&print, "--no-pdf-header-footer", &written(&page, folder.path())]);
        let pdf = fs::read(&file).unwrap();
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 30_000, "{name}: {} bytes", pdf.len());
    }
}

#[test]
fn the_browser_would_tell_of_a_style_that_the_policy_refuses() {
    let browser = browser_or_return!();
    let folder = tempfile::tempdir().unwrap();
    let page = "<!doctype html><html><head><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\"></head>\
                <body style=\"color:red\">x</body></html>";
    assert!(!browser.console(&written(page, folder.path())).is_empty());
}

#[test]
fn the_report_of_the_demo_shows_its_tickets() {
    let browser = browser_or_return!();
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(["demo", "--dir", "demo"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let file = folder.path().join("demo/reports/disputes-2026-W46.html");
    let address = format!("file://{}", file.display());
    let document = browser.document(&address);
    assert_words(
        &document,
        &[
            "Disputes in week 2026-W46",
            "The root causes with most money",
            "DISP-1",
            "Example Pharma A",
            "Medicaid Drug Rebate Program",
        ],
    );
    assert!(document.contains("/browse/DISP-1\""), "tickets are links: {document}");
    assert_inert(&document);
    assert_painted(&browser.picture(&address));
}

#[test]
fn the_page_of_scores_shows_its_plots_and_never_runs_a_label() {
    let browser = browser_or_return!();
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<String> = (0..40).map(|row| format!("D{row}")).collect();
    let truth: Vec<_> = ids.iter().map(|id| (id.as_str(), Some(HOSTILE))).collect();
    let assignments: Vec<_> = ids.iter().take(11).map(|id| (id.as_str(), Some(HOSTILE))).collect();
    let scores = evaluate::evaluate(&assignments, &truth).unwrap();
    let cause = HOSTILE.split('/').next().unwrap().to_owned();
    let facts = CauseFacts { name: HOSTILE.to_owned(), family: HOSTILE.to_owned() };
    let causes = Causes::from([(cause, facts)]);
    let page = evaluate::html(&Evaluation::new(scores, None, Some(&causes)), Some(&causes)).unwrap();
    let path = folder.path().join("page.html");
    fs::write(&path, page).unwrap();
    let address = format!("file://{}", path.display());
    let document = browser.document(&address);
    let missed = format!("{HOSTILE} {HOSTILE} {HOSTILE} 40 {HOSTILE} holds 11 of them and nothing else 0.28");
    assert_words(
        &document,
        &["The groups find 0 of 1 cause.", "30 to 99 disputes 0 % 0 of 1", "Jaccard index 0.28", &missed],
    );
    assert_inert(&document);
    assert_painted(&browser.picture(&address));
}
