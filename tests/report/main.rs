//! The weekly report: its figures are those of the journal, and its forms show the same.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../shared/baits.rs"]
mod baits;
mod looks;
#[path = "../shared/quarter.rs"]
mod quarter;
mod small;
mod sums;
mod trace;
mod weeks;
mod zones;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fs,
};

use disputebot::{
    report::{self, ChatForm, Links, Room, Week, Weekly},
    state::{Change, History, State},
    ticket,
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::Value;

fn same(text: &str) -> String {
    text.to_owned()
}

fn week() -> Week {
    "2026-W47".parse().unwrap()
}

fn weekly(history: &History, client: Option<&str>) -> Weekly {
    report::weekly(history, week(), &TimeZone::UTC, client, later())
}

/// When every week of the history is over.
fn later() -> Timestamp {
    "2027-03-01T00:00:00Z".parse().unwrap()
}

fn links() -> Links {
    Links { site: Some("https://jira.example.com".to_owned()), projects: vec!["DISP".to_owned()] }
}

/// A state with the quarter in it, recorded as runs record it.
fn state() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut state = State::open(folder.path()).unwrap();
    let mut at: Option<Timestamp> = None;
    let mut together = Vec::new();
    for (when, change) in quarter::changes(&same) {
        if at.is_some_and(|at| at != when) {
            state.record(at.unwrap(), &together).unwrap();
            together.clear();
        }
        at = Some(when);
        together.push(change);
    }
    state.record(at.unwrap(), &together).unwrap();
    folder
}

/// The bodies of all records, as they lie on disk.
fn journal(folder: &tempfile::TempDir) -> Vec<(Timestamp, Value)> {
    let mut files: Vec<_> =
        fs::read_dir(folder.path().join("journal")).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut records = Vec::new();
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            records.push((line["at"].as_str().unwrap().parse().unwrap(), line["body"].clone()));
        }
    }
    records
}

/// The history of a week as its reader makes it, without the disk.
fn taken(changes: &[(Timestamp, Change)], week: Week) -> History {
    let mut history = History::of(week.bounds_of(report::WEEKS, &TimeZone::UTC));
    let (_, end) = week.bounds(&TimeZone::UTC);
    for (at, change) in changes.iter().filter(|(at, _)| *at < end) {
        history.take(*at, change.clone());
    }
    history
}

fn two_digits(amount: Decimal) -> Decimal {
    amount
        .round_sf_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
        .unwrap()
        .normalize()
}

#[test]
fn the_figures_are_those_of_the_journal() {
    let folder = state();
    let all = journal(&folder);
    let clients = [None, Some(quarter::CLIENTS[0]), Some(quarter::CLIENTS[1])];
    let changes = quarter::changes(&same);
    let histories: Vec<(Week, History)> = (0..20)
        .map(|place| {
            let week = Week::of(quarter::at(place), &TimeZone::UTC);
            let history = taken(&changes, week);
            if place == 19 {
                let bounds = week.bounds_of(report::WEEKS, &TimeZone::UTC);
                let read = History::read(folder.path(), bounds).unwrap();
                let same = History { head: read.head, ..history };
                assert!(read == same, "what is read is what was recorded");
                return (week, read);
            }
            (week, history)
        })
        .collect();
    for ((week, history), client) in
        histories.into_iter().flat_map(|of| clients.map(|client| (of.clone(), client)))
    {
        let (from, to) = week.bounds(&TimeZone::UTC);
        let found = report::weekly(&history, week, &TimeZone::UTC, client, later());
        // Once more from the lines on disk, by another way: states of groups on two evenings.
        let (mut before, mut after): (BTreeMap<String, Value>, BTreeMap<String, Value>) = Default::default();
        let (mut last_run, mut opened, mut closed) = (Value::Null, BTreeSet::new(), BTreeSet::new());
        let mut client_of: BTreeMap<String, String> = BTreeMap::new();
        for (at, body) in all.iter().filter(|(at, _)| *at < to).cloned() {
            match body["change"].as_str().unwrap() {
                "group" => {
                    let id = body["group"]["id"].as_str().unwrap().to_owned();
                    let of = body["group"]["client"].as_str().unwrap().to_owned();
                    client_of.insert(id.clone(), of.clone());
                    if client.is_none_or(|client| client == of) {
                        if at < from {
                            before.insert(id.clone(), body.clone());
                        }
                        after.insert(id, body);
                    }
                }
                "run" => {
                    if from <= at && at < to {
                        for done in body["done"].as_array().unwrap() {
                            let of = &client_of[done["group"].as_str().unwrap()];
                            let key = done["issue"]["key"].as_str().unwrap().to_owned();
                            if client.is_none_or(|client| client == of) && done["kind"] == "create" {
                                opened.insert(key.clone());
                            }
                            if client.is_none_or(|client| client == of) && done["closed"] == true {
                                closed.insert(key);
                            }
                        }
                    }
                    last_run = body;
                }
                _ => {}
            }
        }
        let state = |groups: &BTreeMap<String, Value>, id: &str| {
            groups.get(id).map(|body| body["group"]["status"]["state"].as_str().unwrap().to_owned())
        };
        let open = |groups: &BTreeMap<String, Value>| {
            groups.keys().filter(|id| state(groups, id).unwrap() == "active").count()
        };
        let moved = |was: Option<&str>, is: &str, split: Option<bool>| {
            after
                .iter()
                .filter(|(id, body)| {
                    state(&before, id).as_deref() == was
                        && state(&after, id).unwrap() == is
                        && split.is_none_or(|split| body["group"]["split_from"].is_string() == split)
                })
                .count()
        };
        let steps: BTreeMap<&str, usize> =
            found.flow.steps.iter().map(|step| (step.name, step.count)).collect();
        assert_eq!(found.flow.before, open(&before), "{client:?}");
        assert_eq!(found.flow.after, open(&after), "{client:?}");
        assert_eq!(steps["new"], moved(None, "active", Some(false)));
        assert_eq!(steps["split off"], moved(None, "active", Some(true)));
        assert_eq!(steps["reopened"], moved(Some("resolved"), "active", None));
        assert_eq!(steps["resolved"], moved(Some("active"), "resolved", None));
        assert_eq!(steps["merged"], moved(Some("active"), "merged", None));
        assert_eq!((found.tickets.opened, found.tickets.closed), (opened.len(), closed.len()));
        let keys: BTreeSet<String> = found.opened.iter().map(|line| line.key.clone()).collect();
        assert_eq!(keys, opened);

        let (mut disputes, mut exposed, mut recoverable) = (0, Decimal::ZERO, Decimal::ZERO);
        let mut units: BTreeMap<String, Decimal> = BTreeMap::new();
        let mut states: BTreeMap<String, u64> = BTreeMap::new();
        let mut due: BTreeMap<String, u64> = BTreeMap::new();
        for (name, snapshot) in last_run["clients"].as_object().unwrap() {
            if client.is_some_and(|client| client != name) {
                continue;
            }
            for figures in snapshot["programs"].as_object().unwrap().values() {
                disputes += figures["disputes"].as_u64().unwrap();
                exposed += figures["exposed"].as_str().unwrap().parse::<Decimal>().unwrap();
                recoverable += figures["recoverable"].as_str().unwrap().parse::<Decimal>().unwrap();
                for (unit, count) in figures["units"].as_object().unwrap() {
                    *units.entry(unit.clone()).or_default() +=
                        count.as_str().unwrap().parse::<Decimal>().unwrap();
                }
            }
            for (state, sum) in snapshot["states"].as_object().unwrap() {
                *states.entry(state.clone()).or_default() += sum["disputes"].as_u64().unwrap();
            }
            for one in snapshot["due"].as_array().unwrap() {
                let day = one["day"].as_str().unwrap().to_owned();
                let next = week.days().1.saturating_add(1.days());
                let end = next.saturating_add(14.days()).to_string();
                if (next.to_string().as_str()..end.as_str()).contains(&day.as_str()) {
                    *due.entry(day).or_default() += one["sum"]["disputes"].as_u64().unwrap();
                }
            }
        }
        assert_eq!(found.total.disputes as u64, disputes);
        assert_eq!(found.total.exposed, two_digits(exposed));
        assert_eq!(found.total.recoverable, two_digits(recoverable));
        assert_eq!(found.total.units, units);
        let shown: BTreeMap<String, u64> =
            found.states.iter().map(|line| (line.name.clone(), line.sum.disputes as u64)).collect();
        assert_eq!(shown, states);
        let shown: BTreeMap<String, u64> = found
            .deadlines
            .iter()
            .map(|deadline| (deadline.day.to_string(), deadline.stake.sum.disputes as u64))
            .collect();
        assert_eq!(shown, due);
    }
}

#[test]
fn what_came_and_went_adds_up_in_every_week_and_for_every_client() {
    let all = quarter::changes(&same);
    let mut checked = 0;
    for back in 0..20 {
        let week = Week::of(quarter::at(19 - back), &TimeZone::UTC);
        let bounds = week.bounds_of(report::WEEKS, &TimeZone::UTC);
        let mut history = History::of(bounds.clone());
        for (at, change) in all.iter().filter(|(at, _)| *at < *bounds.last().unwrap()) {
            history.take(*at, change.clone());
        }
        let mut of_clients = 0;
        for client in [Some(quarter::CLIENTS[0]), Some(quarter::CLIENTS[1]), None] {
            let report = report::weekly(&history, week, &TimeZone::UTC, client, later());
            let of = |adds: bool| {
                report
                    .flow
                    .steps
                    .iter()
                    .filter(|step| step.adds == adds)
                    .map(|step| step.count)
                    .sum::<usize>()
            };
            assert_eq!(report.flow.before + of(true), report.flow.after + of(false), "{week} {client:?}");
            for step in &report.flow.steps {
                assert_eq!(step.count, step.keys.len(), "{week} {}", step.name);
            }
            let last = report.weeks.last().unwrap();
            assert_eq!((last.came, last.went, last.open), (of(true), of(false), report.flow.after));
            for pair in report.weeks.windows(2) {
                assert_eq!(pair[0].open + pair[1].came, pair[1].open + pair[1].went, "{week}");
            }
            if client.is_some() {
                of_clients += report.flow.after;
            } else {
                assert_eq!(report.flow.after, of_clients, "{week}");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 60);
}

#[test]
fn the_page_is_as_it_was_looked_at() {
    let history = quarter::history(&same);
    let page = report::html(&weekly(&history, None), &history.head, &links()).unwrap();
    insta::assert_snapshot!("page", page);
    let client = Some(quarter::CLIENTS[1]);
    let text = report::markdown(&weekly(&history, client), &history.head, &links()).unwrap();
    insta::assert_snapshot!("markdown of one client", text);
    let page = report::html(&weekly(&history, client), &history.head, &links()).unwrap();
    insta::assert_snapshot!("page of one client", page);
    let mail = report::mail(&weekly(&history, None), &history.head, &links()).unwrap();
    insta::assert_snapshot!("mail", mail.html.as_str());
}

#[test]
fn a_report_of_one_client_holds_nothing_of_another() {
    let history = quarter::history(&same);
    let [one, other] = quarter::CLIENTS;
    let report = weekly(&history, Some(one));
    let mut theirs: Vec<String> = history
        .known
        .groups
        .values()
        .filter(|record| *record.group.client == *other)
        .map(|record| history.known.ticket(&record.group.id).issue().unwrap().key.clone())
        .collect();
    theirs.push(other.to_owned());
    let mail = report::mail(&report, &history.head, &links()).unwrap();
    let forms = [
        report::html(&report, &history.head, &links()).unwrap(),
        report::markdown(&report, &history.head, &links()).unwrap(),
        serde_json::to_string(&report).unwrap(),
        mail.subject,
        mail.text.as_str().to_owned(),
        mail.html.as_str().to_owned(),
    ];
    for form in forms {
        let words: BTreeSet<&str> =
            form.split(|letter: char| !letter.is_alphanumeric() && letter != '-').collect();
        for key in &theirs {
            assert!(!words.contains(key.as_str()) && !form.contains(other), "{key} in {form}");
        }
    }
}

#[test]
fn a_week_reads_the_same_whatever_was_recorded_after_it() {
    let folder = state();
    let early: Week = "2026-W40".parse().unwrap();
    let read = || {
        let history = History::read(folder.path(), early.bounds_of(report::WEEKS, &TimeZone::UTC)).unwrap();
        let report = report::weekly(&history, early, &TimeZone::UTC, None, later());
        report::html(&report, &history.head, &links()).unwrap()
    };
    let first = read();
    let mut state = State::open(folder.path()).unwrap();
    let (_, change) = quarter::changes(&same).into_iter().last().unwrap();
    state.record("2027-03-01T00:00:00Z".parse().unwrap(), &[change]).unwrap();
    assert_eq!(first, read());
}

#[test]
fn what_arrives_late_is_noted_with_how_much_it_is_at_least() {
    let history = quarter::history(&same);
    let told = weekly(&history, None).corrections;
    assert!(told.iter().any(|line| line.starts_with("At least ")), "{told:?}");
    assert!(
        told.contains(&"3 rows could not be read at the end of the week before; now it is 1.".to_owned())
    );
    let told = weekly(&history, Some(quarter::CLIENTS[0])).corrections;
    assert!(
        !told.iter().any(|line| line.contains("rows")),
        "rows that cannot be read have no client: {told:?}"
    );
}

#[test]
fn what_came_and_went_can_be_followed_to_its_tickets() {
    let history = quarter::history(&same);
    let report = weekly(&history, None);
    let page = report::html(&report, &history.head, &links()).unwrap();
    for step in report.flow.steps.iter().filter(|step| step.count > 0) {
        let id = format!("flow-{}", step.name.replace(' ', "-"));
        assert!(page.contains(&format!("href=\"#{id}\"")) && page.contains(&format!("id=\"{id}\"")), "{id}");
        let search = links().search(&step.keys);
        assert!(search.starts_with("https://jira.example.com/issues/?jql=issuekey+in+"), "{search}");
        assert!(
            page.contains(&search.replace('&', "&amp;").replace('/', "&#x2f;")) || page.contains(&search),
            "{id}"
        );
    }
}

#[test]
fn money_has_two_digits_in_every_form() {
    let history = quarter::history(&same);
    let report = weekly(&history, None);
    let json = serde_json::to_value(&report).unwrap();
    let mut amounts = Vec::new();
    amounts_in(&json, &mut amounts);
    assert!(amounts.len() > 50);
    for amount in amounts {
        let digits = amount.trim_start_matches('-').replace('.', "");
        assert!(digits.trim_start_matches('0').trim_end_matches('0').len() <= 2, "{amount}");
    }
}

fn amounts_in(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if matches!(name.as_str(), "exposed" | "recoverable") {
                    found.extend(field.as_str().map(str::to_owned));
                }
                amounts_in(field, found);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| amounts_in(one, found)),
        _ => {}
    }
}

#[test]
fn what_looks_private_is_withheld_where_it_stands_and_refused_where_it_is_left() {
    let private = |text: &str| format!("{text}, call 555-010-1234");
    let history = quarter::history(&private);
    let report = weekly(&history, None);
    let page = report::html(&report, &history.head, &links()).unwrap();
    assert!(page.contains("withheld") && !page.contains("555-010-1234"));
    assert!(report::screened("page", page).is_ok());
    let refused = report::screened("page", "<p>call 555-010-1234</p>".to_owned()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the page looks like it holds a telephone number, so it is not given out"
    );
}

#[test]
fn days_and_long_numbers_in_words_that_nothing_is_known_of_are_withheld() {
    for private in ["1961-04-12", "987654321"] {
        let with = |text: &str| {
            let is_foreign = text.starts_with("Example Pharma")
                || ["Example Analyst", "Example Lead", "502 Bad Gateway"].contains(&text);
            if is_foreign { format!("{text} {private}") } else { text.to_owned() }
        };
        let history = quarter::history(&with);
        let report = weekly(&history, None);
        assert!(!report.failed.is_empty() && report.top.iter().any(|group| group.owner.is_some()));
        let forms = [
            report::html(&report, &history.head, &links()).unwrap(),
            report::markdown(&report, &history.head, &links()).unwrap(),
            serde_json::to_string(&report).unwrap(),
        ];
        for form in forms {
            let shown =
                form.split_once(private).map(|(before, _)| &before[before.len().saturating_sub(80)..]);
            assert_eq!(shown, None, "{private}");
            assert!(form.contains("withheld"));
        }
    }
}

#[test]
fn no_form_of_a_report_gives_out_what_looks_private() {
    let private = |text: &str| format!("{text}, call 555-010-1234");
    let history = quarter::history(&private);
    let client = private(quarter::CLIENTS[0]);
    let room = report::Room { text: 30_000, page: 10_000_000 };
    for client in [None, Some(client.as_str())] {
        let report = weekly(&history, client);
        let mail = report::mail(&report, &history.head, &links()).unwrap();
        let jira = report::for_jira(&report, &history.head, &links(), "x", room).unwrap();
        let forms = [
            ("page", report::html(&report, &history.head, &links()).unwrap()),
            ("Markdown", report::markdown(&report, &history.head, &links()).unwrap()),
            ("JSON", serde_json::to_string(&report).unwrap()),
            ("sentences", serde_json::to_string(&report::sentences(&report)).unwrap()),
            ("subject", mail.subject),
            ("text", mail.text.as_str().to_owned()),
            ("mail", mail.html.as_str().to_owned()),
            ("attached page", mail.page.as_str().to_owned()),
            ("Slack", report::chat(&report, ChatForm::Slack).unwrap().to_string()),
            ("Teams", report::chat(&report, ChatForm::Teams).unwrap().to_string()),
            ("summary", jira.summary),
            ("words in Jira", disputebot::ticket::document::plain_text(&jira.body)),
            ("page in Jira", jira.page.unwrap().as_str().to_owned()),
        ];
        for (form, text) in forms {
            assert!(!text.contains("555-010-1234"), "{form}: {text}");
        }
    }
}

#[test]
fn every_form_is_refused_where_something_private_is_left_in_it() {
    let history = quarter::history(&same);
    let mut report = weekly(&history, None);
    report.story[4] = "The group that changed most is that of Mrs. Example.".to_owned();
    let room = report::Room { text: 30_000, page: 10_000_000 };
    assert!(report::mail(&report, &history.head, &links()).is_err());
    assert!(
        report::chat(&report, ChatForm::Slack).is_err() && report::chat(&report, ChatForm::Teams).is_err()
    );
    assert!(report::for_jira(&report, &history.head, &links(), "x", room).is_err());
    for (form, text) in [
        ("page", report::html(&report, &history.head, &links()).unwrap()),
        ("text", report::markdown(&report, &history.head, &links()).unwrap()),
        ("JSON", serde_json::to_string(&report).unwrap()),
    ] {
        assert!(report::screened(form, text).is_err(), "{form}");
    }
}

#[test]
fn a_week_without_a_run_says_that_nothing_is_known() {
    let history = History::of(week().bounds_of(report::WEEKS, &TimeZone::UTC));
    let report = weekly(&history, None);
    assert_eq!(report.story, ["There was no run in this week, so nothing is known of it."]);
    let page = report::html(&report, &history.head, &Links::default()).unwrap();
    assert!(page.contains("No dispute is open"));
}

#[test]
fn both_chats_get_the_sentences_and_none_of_their_own_marks() {
    let history = quarter::history(&|text| format!("{text} <!channel> *b*"));
    let report = weekly(&history, None);
    let slack = report::chat(&report, ChatForm::Slack).unwrap();
    let said = slack["text"].as_str().unwrap();
    assert_eq!(said.lines().count(), 1 + report.story.len());
    assert!(!said.contains("<!"), "{said}");
    let teams = report::chat(&report, ChatForm::Teams).unwrap();
    let card = &teams["attachments"][0]["content"];
    assert_eq!(card["body"].as_array().unwrap().len(), 1 + report.story.len());
    assert!(!card.to_string().contains(" *b*"), "{card}");
}

/// Elements of a page with the names of their attributes.
fn elements(html: &str) -> BTreeSet<String> {
    let element = |part: &str| {
        let tag = part.split('>').next().unwrap_or_default();
        let outside: String = tag.split('"').step_by(2).collect();
        outside.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    html.split('<').skip(1).map(element).collect()
}

/// Hostile texts in one name.
const AT_ONCE: usize = 6;

#[test]
fn ten_thousand_hostile_texts_are_inert_in_page_mail_chat_and_jira() {
    let forms = |history: &History| {
        let report = weekly(history, None);
        let page = report::html(&report, &history.head, &links()).unwrap();
        let room = Room { text: 32_000, page: u64::MAX };
        let mail = report::mail(&report, &history.head, &links()).unwrap();
        (page, mail, report::for_jira(&report, &history.head, &links(), "week", room).unwrap(), report)
    };
    let innocent = quarter::history(&same);
    let (page, mail, ..) = forms(&innocent);
    let (of_page, of_mail) = (elements(&page), elements(mail.html.as_str()));
    let baits = RefCell::new(baits::Baits::new());
    let seed = baits.borrow().seed;
    let (mut case, mut texts) = (0, 0);
    while texts < 10_000 {
        case += 1;
        // What several records have in common stays the same in all of them.
        let names: RefCell<BTreeMap<String, String>> = RefCell::default();
        let hostile = |text: &str| {
            let mut names = names.borrow_mut();
            let mut bait = || (0..AT_ONCE).map(|_| baits.borrow_mut().next()).collect::<Vec<_>>().join(" ");
            names.entry(text.to_owned()).or_insert_with(&mut bait).clone()
        };
        let history = quarter::history(&hostile);
        texts += names.borrow().len() * AT_ONCE;
        let (page, mail, filed, report) = forms(&history);
        let told = |what: &str| format!("SEED={seed}, case {case}, {what}");
        assert_eq!(&elements(&page) - &of_page, BTreeSet::new(), "{}", told("page"));
        assert_eq!(&elements(mail.html.as_str()) - &of_mail, BTreeSet::new(), "{}", told("mail"));
        let slack = report::chat(&report, ChatForm::Slack).unwrap()["text"].as_str().unwrap().to_owned();
        assert!(!slack.contains(['<', '>']), "{}: {slack}", told("chat"));
        let teams = report::chat(&report, ChatForm::Teams).unwrap().to_string();
        let words = ticket::document::plain_text(&filed.body);
        let wiki = ticket::wiki::text(&filed.body);
        assert_eq!(
            ticket::wiki::normal(&ticket::wiki::plain_text(&wiki)),
            ticket::wiki::normal(&words),
            "{}",
            told("wiki markup says other words")
        );
        let one_line = [&mail.subject, &filed.summary];
        assert!(one_line.iter().all(|line| !line.contains('\n')), "{}", told("one line"));
        let told_texts = [&mail.subject, &filed.summary, &slack, &teams, &words, &wiki, &page];
        for text in told_texts.into_iter().map(String::as_str).chain([mail.text.as_str(), mail.html.as_str()])
        {
            // Put there by the report, so that no reader makes a link of an address.
            let text = text.replace(":\u{200b}//", "://");
            assert_eq!(baits::hidden(&text), None, "{}: {text}", told("hidden signs"));
        }
    }
}
