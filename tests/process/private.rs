//! A marked value in every column of the input, and every way out of the house searched for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::Path,
    sync::mpsc,
    thread,
};

use disputebot::{
    dispute::Field,
    generate::{HEADER, Record},
    sandbox::{CustomField, FieldKind, Flavour, Options, User},
};

use crate::{
    sink,
    world::{World, disputes, text},
};

/// Where values of a column may go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// To nobody; the mark that stands in all rows.
    Never(&'static str),
    /// Into tickets, lists and pages, and to those who run it; not into what is sent or told of all of them.
    Tickets,
    /// Also into titles, and so into reports, mails and chats.
    Titles,
    /// It is a word of a closed set, which can be no other.
    Word,
}

/// Each column is one of these; a new one has to be.
fn leaves(field: Field) -> Leaves {
    match field {
        Field::Note => Leaves::Never("kanarienote"),
        Field::ClaimRef => Leaves::Never("KANARIECLAIM"),
        Field::ServiceDate => Leaves::Never("1931-07-19"),
        Field::UnitRebateAmount => Leaves::Never("7.654321"),
        Field::SourceUrl => Leaves::Never("kanarieurl"),
        Field::AmountDisputed => Leaves::Never("1234.57"),
        Field::UnitsInvoiced => Leaves::Never("31415.926"),
        Field::OpenedAt => Leaves::Never("2019-02-11"),
        Field::ResolvedAt => Leaves::Never("2019-03-12"),
        Field::PostmarkedAt => Leaves::Never("2019-04-13"),
        Field::ReceivedAt => Leaves::Never("2019-05-14"),
        Field::RemittedAt => Leaves::Never("2019-06-15"),
        Field::DisputeId | Field::UnitsDisputed => Leaves::Tickets,
        Field::Manufacturer
        | Field::Ndc
        | Field::ProductName
        | Field::State
        | Field::Payer
        | Field::CoveredEntityId
        | Field::PharmacyNpi
        | Field::Period
        | Field::ReasonCodes
        | Field::DueAt => Leaves::Titles,
        Field::Program | Field::DeliverySystem | Field::UnitType | Field::Status | Field::Transaction => {
            Leaves::Word
        }
    }
}

/// Columns of days that sample rows do not have.
const ANCHORS: [Field; 3] = [Field::PostmarkedAt, Field::ReceivedAt, Field::RemittedAt];

fn marked() -> Vec<Record> {
    let mut rows = disputes();
    for (number, row) in rows.iter_mut().enumerate() {
        row.note = format!("kanarienote of a patient, wording {}", number % 3);
        row.claim_ref = format!("KANARIECLAIM-{number}");
        "1931-07-19".clone_into(&mut row.service_date);
        "7.654321".clone_into(&mut row.unit_rebate_amount);
        row.source_url = format!("https://example.com/kanarieurl/{number}");
        "1234.57".clone_into(&mut row.amount_disputed);
        "31415.926".clone_into(&mut row.units_invoiced);
        "2019-02-11".clone_into(&mut row.opened_at);
        "2019-03-12".clone_into(&mut row.resolved_at);
        "2027-08-23".clone_into(&mut row.due_at);
        // These may be shown.
        "27182.818".clone_into(&mut row.units_disputed);
        row.state = format!("STATEKANARIE {}", row.state);
        row.payer = format!("Payerkanarie {}", row.payer);
        row.product_name = format!("Productkanarie {}", row.product_name);
    }
    // One row that cannot be read: its error is a way out as well.
    let mut broken = rows[0].clone();
    "KANARIECLAIM-broken-id".clone_into(&mut broken.claim_ref);
    "D-BROKEN".clone_into(&mut broken.dispute_id);
    "98".clone_into(&mut broken.ndc);
    rows.push(broken);
    rows
}

/// What stands in a column that the contract does not know.
const STRANGER: &str = "Kanarienperson";

/// Whether any file below a folder has a text.
fn is_below(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return is_below(&path, text);
        }
        fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// The rows with the days from which clocks run and a column of their own, each marked.
fn write_marked(world: &World, rows: &[Record]) {
    let mark = |field: Field| match leaves(field) {
        Leaves::Never(mark) => mark,
        _ => panic!("{field} may leave"),
    };
    let mut writer = csv::Writer::from_path(world.path("disputes.csv")).unwrap();
    writer.write_record(HEADER.into_iter().chain(ANCHORS.map(Field::name)).chain(["patient_name"])).unwrap();
    for row in rows {
        writer.write_record(row.fields().into_iter().chain(ANCHORS.map(mark)).chain([STRANGER])).unwrap();
    }
    writer.flush().unwrap();
}

/// Values of the rows that say something: a few letters or digits are found everywhere.
fn values(rows: &[Record], field: Field) -> BTreeSet<&str> {
    let place = HEADER.into_iter().position(|name| name == field.name()).unwrap();
    // Times have few digits in a row.
    let says = |value: &&str| {
        let (whole, part) = value.split_once('.').unwrap_or((value, ""));
        let is_number = whole.bytes().all(|sign| sign.is_ascii_digit());
        whole.len() >= if is_number { 9 } else { 5 } || whole.len() >= 5 && part.len() >= 3
    };
    rows.iter().map(|row| row.fields()[place]).filter(says).collect()
}

/// Every way out, by its name.
#[derive(Default)]
struct Ways(BTreeMap<String, String>);

impl Ways {
    fn add(&mut self, name: &str, text: impl Into<String>) {
        self.0.entry(name.to_owned()).or_default().push_str(&text.into());
    }

    /// Whether a column may leave by a way.
    fn may(field: Field, way: &str) -> bool {
        let of_all = ["reports", "mails", "chat", "report filed in Jira"].contains(&way);
        let of_none = way == "metrics" || way == "log of the daemon" || way.starts_with("stderr");
        match leaves(field) {
            // What the operator's own programs read has exact sums, and one of a single dispute is its amount.
            Leaves::Never(_) => match field {
                Field::AmountDisputed => way.contains("--json"),
                // Of which day how many are is what the state has of each group.
                Field::OpenedAt => way.contains("\"groups\", \"--json\""),
                _ => false,
            },
            Leaves::Tickets => !of_all && !of_none,
            // What is no state of the contract is quoted to those who can mend it, once it was looked at like all that leaves.
            Leaves::Titles => !of_none || field == Field::State && way != "metrics",
            Leaves::Word => true,
        }
    }

    fn judge(&self, rows: &[Record]) {
        let mut found = Vec::new();
        for field in Field::ALL {
            let marks = match leaves(field) {
                Leaves::Never(mark) => BTreeSet::from([mark]),
                Leaves::Word => continue,
                Leaves::Tickets | Leaves::Titles => values(rows, field),
            };
            assert!(!marks.is_empty(), "nothing to look for of `{}`", field.name());
            for (way, text) in self.0.iter().filter(|(way, _)| !Self::may(field, way)) {
                found.extend(marks.iter().filter_map(|mark| leak(field.name(), way, text, mark)));
            }
        }
        found.extend(self.0.iter().filter_map(|(way, text)| leak("patient_name", way, text, STRANGER)));
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// What stands before a value in a text that should not have it.
fn leak(column: &str, way: &str, text: &str, value: &str) -> Option<String> {
    let at = text.find(value)?;
    let around: String = text[..at].chars().rev().take(80).collect();
    let around: String = around.chars().rev().collect();
    Some(format!("`{column}` leaves by {way}: …{around}▶{value}"))
}

async fn get(client: &reqwest::Client, address: &str) -> String {
    let bot = User::bot();
    let answer = client.get(address).basic_auth(bot.email, Some(bot.token)).send().await.unwrap();
    answer.text().await.unwrap()
}

/// Runs everything that says anything over some rows, and gathers what it says.
async fn everything(world: &World, rows: &[Record], ways: &mut Ways, client: &reqwest::Client) {
    write_marked(world, rows);
    world.sandbox.add_project("OPS", "Operations").unwrap();
    for arguments in [
        &["check"][..],
        &["plan", "--full"],
        &["plan", "--json"],
        &["run", "--json"],
        &["groups", "--json"],
        &["groups"],
        &["status"],
        &["report", "--format", "markdown"],
        &["report", "--json"],
        &["report"],
        &["report", "--send"],
        &["cluster", "--input", "disputes.csv"],
        &["state", "verify"],
    ] {
        let output = world.run(arguments).await;
        ways.add(&format!("stdout of {arguments:?}"), text(&output.stdout));
        ways.add(&format!("stderr and log of {arguments:?}"), text(&output.stderr));
    }
    // People ask and undo: comments of every kind.
    let issues = world.sandbox.issues();
    assert!(issues.len() > 3, "there are tickets");
    let person = world.sandbox.person(&User::analyst());
    for (number, issue) in issues.iter().enumerate() {
        let key = issue["key"].as_str().unwrap();
        let order = ["status", "explain", "dance", "split by payer", "help"][number % 5];
        person.comment(key, &format!("/disputebot {order}")).unwrap();
        let format = ["text", "adf", "wiki", "html"][number % 4];
        let shown = text(&world.run(&["ticket", "preview", key, "--format", format]).await.stdout);
        ways.add(&format!("preview as {format}"), shown);
        ways.add("explanations", text(&world.run(&["explain", key]).await.stdout));
    }
    write_marked(world, &rows[..200]);
    ways.add("log of the daemon", daemon(world).await);
    for request in world.sandbox.requests() {
        let body = request.body.to_string();
        let is_report = body.contains("Disputes in week") || body.contains("disputebot-report");
        let way = if is_report { "report filed in Jira" } else { "requests to Jira" };
        ways.add(way, format!("{} {} {body}\n", request.path, request.query));
    }
    for issue in world.sandbox.issues() {
        ways.add("tickets and comments", issue.to_string());
        for file in issue["fields"]["attachment"].as_array().into_iter().flatten() {
            ways.add("attachments", get(client, file["content"].as_str().unwrap()).await);
        }
    }
    for page in fs::read_dir(world.path("reports")).unwrap() {
        ways.add("reports", fs::read_to_string(page.unwrap().path()).unwrap());
    }
    dashboard(world, client, ways, "/groups").await;
}

/// A field of a template that shows what a template can.
const FIELD: &str = "{{ title }}; {{ varying }}; {{ cause.name }}; {{ client }}; {% for it in shares %}{{ it.value }} {% endfor %}\
                     {% for it in exemplars %}{{ it.dispute }} {{ it.product }} {{ it.state }} {{ it.codes }} {% endfor %}";

fn note(world: &World) {
    let kind = FieldKind::Paragraph;
    let field = CustomField { id: "customfield_10102".to_owned(), name: "Audit note".to_owned(), kind };
    world.sandbox.add_field("DISP", field).unwrap();
}

/// Config by which every way out is open.
fn all_open(port: u16) -> String {
    format!(
        "[jira.fields]\n\"Audit note\" = \"{FIELD}\"\n[route]\npriority = \"Low\"\n[log]\nlevel = \"trace\"\n[report.mail]\nserver = \"smtp://127.0.0.1:{port}\"\nfrom = \
         \"bot@example.com\"\nto = [\"lead@example.com\"]\n[report.chat]\nurl_file = \"hook\"\n[report.jira]\n\
         issue_type = \"Task\"\n[report.jira.clients]\n\"Example Pharma A\" = \"DISP-1\"\n[report.clients]\n\
         \"Example Pharma A\" = \"a@example.com\"\n[internal]\nproject = \"OPS\"\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_marked_value_in_every_column_only_the_open_columns_leave_by_any_way() {
    let sink = sink::Sink::start();
    let (mut ways, client) = (Ways::default(), reqwest::Client::builder().no_proxy().build().unwrap());
    let (hook, chat) = chat();
    let rows = marked();
    for flavour in [Flavour::Cloud, Flavour::DataCenter] {
        let world = World::with(Options { flavour, ..Options::default() }).await;
        note(&world);
        world.write_config(&all_open(sink.port));
        fs::write(world.path("hook"), &hook).unwrap();
        everything(&world, &rows, &mut ways, &client).await;
        let state = world.path("state");
        assert!(is_below(&state, "DISP-1"), "what the state has can be found in it");
        assert!(!is_below(&state, STRANGER), "the state has a column that nobody knows");
    }
    ways.add("mails", sink.mails().concat().replace("=\n", ""));
    let said: Vec<String> = chat.try_iter().collect();
    assert_eq!(said.len(), 2, "one message of each product");
    ways.add("chat", said.concat());
    ways.judge(&rows);
    let open = |way: &str, value: &str| assert!(ways.0[way].contains(value), "{way} has no `{value}`");
    open("attachments", "Payerkanarie");
    open("attachments", "Productkanarie");
    open("attachments", "STATEKANARIE");
    open("attachments", "27182.818");
    open("tickets and comments", "Productkanarie");
    let in_field = ways.0["tickets and comments"].matches("customfield_10102").count();
    assert!(in_field > 0, "no ticket has the field of a template");
    open("requests to Jira", "dispute-group-");
    open("report filed in Jira", "Disputes in week");
    open("log of the daemon", "run finished");
    open("pages of the dashboard", "DISP-1");
    open("metrics", "disputebot");
    open("mails", "Example");
    open("chat", "Disputes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_private_in_an_open_column_leaves_by_no_way_and_the_plan_says_where_it_stands() {
    const PRIVATE: &str = "123-45-6789";
    let sink = sink::Sink::start();
    let (mut ways, client) = (Ways::default(), reqwest::Client::builder().no_proxy().build().unwrap());
    let (hook, chat) = chat();
    let mut rows = disputes();
    // In every open column of some, so that it is in rules, in examples and in lists; most groups have none.
    let ndc = rows[0].ndc.clone();
    for (number, row) in rows.iter_mut().enumerate() {
        let column = match number % 40 {
            _ if row.ndc == ndc => &mut row.product_name,
            0 => &mut row.payer,
            1 => &mut row.state,
            2 => &mut row.covered_entity_id,
            3 => &mut row.pharmacy_npi,
            4 => &mut row.reason_codes,
            5 => &mut row.status,
            6 => &mut row.unit_type,
            7 => &mut row.due_at,
            8 => &mut row.delivery_system,
            _ => continue,
        };
        PRIVATE.clone_into(column);
    }
    rows[9].dispute_id = format!("D {PRIVATE}");
    let world = World::new().await;
    note(&world);
    world.write_config(&all_open(sink.port));
    fs::write(world.path("hook"), &hook).unwrap();
    everything(&world, &rows, &mut ways, &client).await;
    ways.add("mails", sink.mails().concat().replace("=\n", ""));
    ways.add("chat", chat.try_iter().collect::<String>());
    let leaks: Vec<String> = ways
        .0
        .iter()
        // What the operator's own programs read is what the state has.
        .filter(|(way, _)| {
            !["groups", "run"].map(|it| format!("stdout of [\"{it}\", \"--json\"]")).contains(way)
        })
        .filter_map(|(way, text)| leak("an open column", way, text, PRIVATE))
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    let plan = &ways.0["stdout of [\"plan\", \"--full\"]"];
    for told in [
        "not sent: the description (template `description.md`) looks like it holds a social security number (column \
         `product_name`)",
        "of column `pharmacy_npi` in the attached list, because it looks like it holds a social security number",
    ] {
        assert!(plan.contains(told), "the plan does not say “{told}”: {plan}");
    }
}

/// A chat: the address of its webhook, and what comes there.
fn chat() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, bodies) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                let text = String::from_utf8_lossy(&seen).into_owned();
                let length = |head: &str| {
                    let head = head.to_lowercase();
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
                };
                if let Some((head, body)) = text.split_once("\r\n\r\n")
                    && length(head).is_some_and(|length| body.len() >= length)
                {
                    drop(sender.send(body.to_owned()));
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                    stream.write_all(answer).unwrap();
                    break;
                }
                let read = stream.read(&mut buffer).unwrap();
                seen.extend_from_slice(&buffer[..read]);
            }
        }
    });
    (address, bodies)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_of_a_client_shows_no_other_client_and_none_of_its_disputes() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let mut of_client: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for group in world.groups().await.values() {
        let members = group["group"]["members"].as_array().unwrap().iter();
        let members = members.map(|member| member.as_str().unwrap().to_owned());
        of_client.entry(group["group"]["client"].as_str().unwrap().to_owned()).or_default().extend(members);
    }
    assert_eq!(of_client.len(), 2);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for issue in world.sandbox.issues() {
        let summary = issue["fields"]["summary"].as_str().unwrap();
        let own = of_client.keys().find(|name| summary.contains(name.as_str())).unwrap();
        let mut text = issue.to_string();
        for file in issue["fields"]["attachment"].as_array().into_iter().flatten() {
            text.push_str(&get(&client, file["content"].as_str().unwrap()).await);
        }
        let is_part = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
        let words: BTreeSet<&str> = text.split(|sign| !is_part(sign)).collect();
        assert!(of_client[own].iter().any(|id| words.contains(id.as_str())), "{summary}: it lists its own");
        for (other, disputes) in of_client.iter().filter(|(other, _)| *other != own) {
            assert!(!text.contains(other.as_str()), "{summary}: {other} is named");
            let named: Vec<&String> = disputes.iter().filter(|id| words.contains(id.as_str())).collect();
            assert!(named.is_empty(), "{summary}: disputes of {other}: {named:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_group_about_a_rare_product_shows_neither_place_nor_time_nor_units() {
    let world = World::new().await;
    let mut rows = disputes();
    let (like, npi, entity, payer) = (rows[0].clone(), "1234567893", "DSH450123", "Vermont Example Plan");
    for number in 0..6 {
        rows.push(Record {
            dispute_id: format!("D-RARE-{number}"),
            ndc: "98765-4321-01".to_owned(),
            product_name: "Rarexample 5 mg".to_owned(),
            state: "VT".to_owned(),
            pharmacy_npi: npi.to_owned(),
            covered_entity_id: entity.to_owned(),
            payer: payer.to_owned(),
            due_at: "2027-01-29".to_owned(),
            period: "2026Q1".to_owned(),
            units_invoiced: "31400".to_owned(),
            units_disputed: "31337".to_owned(),
            ..like.clone()
        });
    }
    world.write_disputes(&rows);
    let telling = ["VT", npi, "2026Q1", "31,337", "31337"];
    let small = world.expect(0, &["ticket", "preview", "D-RARE-0"]).await;
    assert!(
        small.contains("Rarexample") && small.contains("D-RARE-3") && small.contains("| 2026 |"),
        "{small}"
    );
    for value in telling.into_iter().chain([entity, payer]) {
        // How much of them there is together is the point of a ticket; six times 31,337 tells of none.
        assert!(!small.contains(value), "`{value}` in {small}");
    }
    let open = world.expect(0, &["--set", "ticket.small_group=0", "ticket", "preview", "D-RARE-0"]).await;
    assert!(
        ["VT", npi, "2026Q1", "31,337", payer].iter().all(|value| open.contains(value)),
        "it would be there: {open}"
    );
    world.expect(0, &["run"]).await;
    let issues = world.sandbox.issues();
    let issue = issues.iter().find(|issue| issue.to_string().contains("Rarexample")).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let list = get(&client, issue["fields"]["attachment"][0]["content"].as_str().unwrap()).await;
    assert_eq!(list.matches("D-RARE-").count(), 6, "{list}");
    let key = issue["key"].as_str().unwrap();
    let property = format!("{}/rest/api/3/issue/{key}/properties/disputebot", world.sandbox.base_url());
    let property = get(&client, &property).await;
    assert!(property.contains("D-RARE-3"), "{property}");
    let mut pages = Ways::default();
    let mut labels = issue["fields"]["labels"].as_array().unwrap().iter().filter_map(|label| label.as_str());
    let group = labels.find_map(|label| label.strip_prefix("dispute-group-")).unwrap();
    dashboard(&world, &client, &mut pages, &format!("/groups/{group}")).await;
    let pages = &pages.0["pages of the dashboard"];
    // The page that the walk began with.
    let own = pages.split("<!doctype html>").nth(1).unwrap();
    assert!(own.contains("h-members") && own.contains(key), "{own}");
    for value in telling.into_iter().chain([entity, payer]) {
        for (way, text) in [("list", &list), ("property", &property), ("page", &own.to_owned())] {
            assert!(!text.contains(value), "`{value}` in the {way}: {text}");
        }
        assert!(!issue.to_string().contains(value), "`{value}` in {issue}");
    }
    // The day by which somebody must act is what the ticket is for; of each dispute it is not told.
    assert!(!list.contains("2027-01-29") && issue["fields"]["duedate"] == "2027-01-29", "{list}");
}

/// What a daemon tells of one pass, at its most talkative.
async fn daemon(world: &World) -> String {
    let mut child = world.spawn(&["--set", "source.max_drop=1", "daemon", "--now"]);
    let mut log = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    tokio::task::spawn_blocking(move || {
        for line in lines.by_ref().map_while(Result::ok) {
            log.push_str(&line);
            log.push('\n');
            if line.contains("run finished") {
                break;
            }
        }
        drop(child.kill());
        drop(child.wait());
        log
    })
    .await
    .unwrap()
}

/// A page and every one that can be reached from it or from the first, as far as it goes, and the metrics.
async fn dashboard(world: &World, client: &reqwest::Client, ways: &mut Ways, first: &str) {
    let mut child = world.spawn(&["dashboard", "--port", "0"]);
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim().to_owned();
    let (mut open, mut seen) = (vec!["/".to_owned(), first.to_owned()], BTreeSet::new());
    while let Some(path) = open.pop() {
        if seen.len() >= 60 || !seen.insert(path.clone()) {
            continue;
        }
        let page = client.get(format!("{address}{path}")).send().await.unwrap().text().await.unwrap();
        for link in page.split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap_or_default().replace("&amp;", "&");
            if link.starts_with('/') && !link.starts_with("//") {
                open.push(link);
            }
        }
        ways.add("pages of the dashboard", page);
    }
    let metrics = client.get(format!("{address}/metrics")).send().await.unwrap().text().await.unwrap();
    ways.add("metrics", metrics);
    drop(child.kill());
    drop(child.wait());
}
