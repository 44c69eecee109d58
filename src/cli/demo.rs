//! `disputebot demo`: the whole thing in half a minute, on synthetic disputes and a sandbox Jira.
//!
//! Three days: on the first, tickets are opened; within the week people work and the source changes; on the
//! last day a split and a merge that were seen the day before are confirmed. The passes are the real ones,
//! over real HTTP and with real state; only the clock is set.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{CliError, Exit, Ui, run::accounted, runtime, ui};
use crate::{
    config::{Layers, Needs, Place, Settings},
    daemon, deliver,
    dispute::Tables,
    generate::{self, Demo, Extract},
    group::{Event, Fate},
    jira::{self, Client, Credentials},
    plan::{Category, Hold, HoldReason, Reason, Write},
    report::{Links, Week, natural},
    run::{self, Pass},
    sandbox::{self, Options, Recorded, Sandbox, User},
    source,
    state::State,
    ticket::{Templates, facts},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Keeps the sandbox up afterwards, to look at its board
    #[arg(long)]
    serve: bool,
    /// Another seed tells the same story with other disputes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the extracts, the state and the report; replaced on every demo
    #[arg(long, default_value = "disputebot-demo", value_name = "DIR")]
    dir: PathBuf,
    /// Port of the sandbox on this machine; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// Marks a folder as ours to replace.
const MARK: &str = ".disputebot-demo";
/// The hour at which the passes of the demo run, UTC.
const HOUR: i8 = 6;

pub(super) fn execute(arguments: &Arguments, ui: &mut Ui) -> Result<Exit, CliError> {
    let folder = prepare(&arguments.dir)?;
    runtime()?.block_on(tour(arguments, &folder, ui))
}

async fn tour(arguments: &Arguments, folder: &Path, ui: &mut Ui) -> Result<Exit, CliError> {
    let address = (std::net::Ipv4Addr::LOCALHOST, arguments.port).into();
    let sandbox = sandbox::start(Options { address, ..Options::default() }).await?;
    let Demo { day1, day7, day8, .. } = generate::demo(arguments.seed);
    let mut stage = Stage::new(folder, &sandbox)?;

    ui.data(&format!(
        "disputebot demo\n  A sandbox Jira is up at {}. Everything below really happens in it:\n  \
         the disputes are synthetic, the passes, the tickets and the state are real.\n",
        sandbox.base_url()
    ))?;

    ui.data(&headline(&day1, "the first extract arrives"))?;
    let first = stage.pass(&day1, ui).await?;
    ui.data(&told(&first, &stage))?;
    ui.data(&score(&day1, &stage))?;

    let person = Person::new(&sandbox)?;
    ui.data("\nMeanwhile, people work in Jira\n")?;
    ui.data(&person.works(&first, &sandbox, &day1).await?)?;

    ui.data(&headline(&day7, "a week later: some disputes are settled, some are new, some were recoded"))?;
    let second = stage.pass(&day7, ui).await?;
    ui.data(&told(&second, &stage))?;

    ui.data(&headline(&day8, "the day after: what was seen once is seen again, and counts"))?;
    let third = stage.pass(&day8, ui).await?;
    ui.data(&told(&third, &stage))?;

    ui.data("\nThe same extract once more\n")?;
    let again = stage.pass(&day8, ui).await?;
    ui.data(&indented(&crate::plan::print(&again.plan, crate::plan::Detail::Lines)))?;

    let zone = TimeZone::UTC;
    let delivery = deliver::Settings {
        folder: folder.join("reports"),
        links: Links { site: Some(sandbox.base_url()), projects: vec![Options::default().project_key] },
        ..stage.settings.delivery.clone()
    };
    let mut reports = Vec::new();
    for day in [&day1, &day8] {
        let week = Week::of(at(day.date)?, &zone);
        let history = deliver::history(&stage.state_folder, week, &zone)?;
        let path = deliver::save(&delivery, &history, week, None)
            .map_err(|error| CliError::new(Exit::Bug, error))?;
        reports.push((week, path));
    }
    let quarter = Box::pin(quarter(folder, &day1, &delivery, ui)).await?;
    ui.data("\nTo look at\n")?;
    let mut places: Vec<Vec<String>> = reports
        .into_iter()
        .map(|(week, path)| vec![format!("  report of {week}"), path.display().to_string()])
        .collect();
    places.push(vec!["  report with a past".to_owned(), quarter.display().to_string()]);
    places.push(vec!["  extracts".to_owned(), folder.join("extracts").display().to_string()]);
    let requests = keep_requests(folder, &sandbox)?;
    places.push(vec!["  requests to Jira".to_owned(), requests.display().to_string()]);
    places.push(vec!["  journal".to_owned(), folder.join("state/journal").display().to_string()]);
    let served =
        if arguments.serve { sandbox.base_url() } else { "add --serve to keep the sandbox up".to_owned() };
    places.push(vec!["  board".to_owned(), served]);
    ui.data(&ui::table(&["", ""], &places, &[]).replacen('\n', "", 1))?;

    if arguments.serve {
        ui.say("\nthe sandbox stays up; Ctrl-C stops it");
        let stop = CancellationToken::new();
        let signals = daemon::stop_on_signals(stop.clone(), 0);
        stop.cancelled().await;
        signals.abort();
    }
    let unknown = sandbox.unknown_routes();
    sandbox.stop().await;
    if unknown.is_empty() {
        Ok(Exit::Done)
    } else {
        Err(CliError::new(Exit::Bug, format!("the sandbox does not know {}", unknown.join(", "))))
    }
}

/// Weeks of the past.
const PAST: i32 = 12;

/// Weekly passes over what had been opened until then, in a sandbox and a state of their own: a report with twelve
/// weeks behind it. Causes are settled one after the other, single disputes after six weeks.
async fn quarter(
    folder: &Path,
    day1: &Extract,
    delivery: &deliver::Settings,
    ui: &mut Ui,
) -> Result<PathBuf, CliError> {
    ui.data("\nTwelve weeks before, in a sandbox of their own\n")?;
    let sandbox = sandbox::start(Options::default()).await?;
    let folder = folder.join("quarter");
    fs::create_dir_all(folder.join("extracts"))?;
    let mut stage = Stage::new(&folder, &sandbox)?;
    let (mut opened, mut closed) = (0, 0);
    let last = day1.date.saturating_sub(jiff::Span::new().days(1));
    for back in (0..PAST).rev() {
        let date = last.saturating_sub(jiff::Span::new().weeks(back));
        let pass = stage.pass(&extract_of(day1, date, back), ui).await?;
        let done = pass.applied.iter().flat_map(|applied| &applied.done);
        opened += done.clone().filter(|done| done.kind == "create").count();
        closed += done.filter(|done| done.closed).count();
    }
    ui.data(&format!("  {PAST} passes: {opened} tickets opened, {closed} closed again\n"))?;
    let links = Links { site: Some(sandbox.base_url()), ..delivery.links.clone() };
    let delivery = deliver::Settings { folder: folder.join("reports"), links, ..delivery.clone() };
    let week = Week::of(at(last)?, &delivery.zone);
    let history = deliver::history(&stage.state_folder, week, &delivery.zone)?;
    let path =
        deliver::save(&delivery, &history, week, None).map_err(|error| CliError::new(Exit::Bug, error))?;
    keep_requests(&folder, &sandbox)?;
    sandbox.stop().await;
    Ok(path)
}

/// Writes every request that a sandbox got, one a line: what disputebot sends, to the last field.
fn keep_requests(folder: &Path, sandbox: &Sandbox) -> Result<PathBuf, CliError> {
    let line = |request: Recorded| {
        let Recorded { at, method, path, query, body, status, .. } = request;
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let request = json!({ "at": at, "method": method, "path": format!("{path}{query}"), "body": body, "status": status });
        format!("{request}\n")
    };
    let file = folder.join("requests.ndjson");
    let lines: String = sandbox.requests().into_iter().map(line).collect();
    fs::write(&file, lines).map_err(|error| {
        CliError::new(Exit::Usage, format!("could not write `{}`: {error}", file.display()))
    })?;
    Ok(file)
}

/// What the source had on an earlier day, `back` weeks ago.
fn extract_of(day1: &Extract, date: Date, back: i32) -> Extract {
    let text = date.to_string();
    let old = date.saturating_sub(jiff::Span::new().weeks(6)).to_string();
    let keeps = |row: &generate::Record, cause: Option<&str>| match cause {
        // Each third cause is settled, in a week that its name says.
        Some(cause) => {
            let sum = cause.bytes().map(i32::from).sum::<i32>();
            sum % 3 != 0 || sum / 3 % PAST < back
        }
        None => row.opened_at > old,
    };
    let (rows, truth) = day1
        .rows
        .iter()
        .zip(&day1.truth)
        .filter(|(row, cause)| row.opened_at <= text && keeps(row, cause.as_deref()))
        .map(|(row, cause)| (row.clone(), cause.clone()))
        .unzip();
    Extract { date, rows, truth }
}

/// An empty folder of ours. A folder that a demo did not make is never touched.
fn prepare(folder: &Path) -> Result<PathBuf, CliError> {
    let failed = |error: std::io::Error| {
        CliError::new(Exit::Usage, format!("could not use the folder `{}`: {error}", folder.display()))
    };
    if folder.exists() {
        let ours = folder.join(MARK).exists();
        let empty = fs::read_dir(folder).map_err(failed)?.next().is_none();
        if !ours && !empty {
            return Err(CliError::new(
                Exit::Usage,
                format!("`{}` holds something that is not of a demo", folder.display()),
            )
            .hint("choose another folder with `--dir`"));
        }
        for part in ["extracts", "state", "reports", "quarter"] {
            if folder.join(part).exists() {
                fs::remove_dir_all(folder.join(part)).map_err(failed)?;
            }
        }
    }
    fs::create_dir_all(folder.join("extracts")).map_err(failed)?;
    fs::write(folder.join(MARK), "made by disputebot demo, replaced by the next one\n").map_err(failed)?;
    Ok(folder.to_owned())
}

/// All that the passes share.
struct Stage {
    folder: PathBuf,
    state_folder: PathBuf,
    settings: Settings,
    tables: Tables,
    templates: Templates,
    client: Client,
    state: State,
    sandbox: Sandbox,
    clock: Mutex<Timestamp>,
}

impl Stage {
    fn new(folder: &Path, sandbox: &Sandbox) -> Result<Self, CliError> {
        let nowhere = Place { folder: folder.to_owned(), ..Place::default() };
        let layers = Layers::load(&nowhere, std::iter::empty::<(String, String)>(), &[])?;
        let (settings, _) = Settings::read(&layers, Needs::default())?;
        let bot = User::bot();
        let url =
            sandbox.base_url().parse().map_err(|error: url::ParseError| CliError::new(Exit::Bug, error))?;
        let credentials = Credentials::Basic { user: bot.email, token: SecretString::from(bot.token) };
        let project = Options::default().project_key;
        let client = Client::new(jira::Settings::new(url, credentials, project))?;
        let state_folder = folder.join("state");
        Ok(Self {
            folder: folder.to_owned(),
            state: State::open(&state_folder)?,
            state_folder,
            tables: settings.tables.clone(),
            templates: settings.compile()?,
            settings,
            client,
            sandbox: sandbox.clone(),
            clock: Mutex::new(Timestamp::UNIX_EPOCH),
        })
    }

    /// Writes the extract of a day and makes a pass over it.
    async fn pass(&mut self, extract: &Extract, ui: &mut Ui) -> Result<Pass, CliError> {
        let path = self.folder.join("extracts").join(format!("{}.csv", extract.date));
        write_extract(&path, extract).map_err(|error| CliError::new(Exit::Input, error))?;
        let now = at(extract.date)?;
        self.sandbox.set_clock(now);
        if let Ok(mut clock) = self.clock.lock() {
            *clock = now;
        }
        let mut params = self.settings.run.clone();
        params.sources = vec![source::Settings { paths: vec![path], ..self.settings.named_files.clone() }];
        // The tour names tickets, so they come in the order of the plan.
        params.apply.at_once = 1;
        let clock = &self.clock;
        let pass = run::pass(
            &params,
            &self.tables,
            &self.templates,
            &mut self.state,
            &self.client,
            &|| clock.lock().map_or(Timestamp::UNIX_EPOCH, |clock| *clock),
            &CancellationToken::new(),
            &mut |progress| ui.progress(progress),
        )
        .await?;
        ui.clear();
        match &pass.applied {
            Some(applied) if !applied.failed.is_empty() => {
                let whys: Vec<String> =
                    applied.failed.iter().map(|(_, failure)| failure.to_string()).collect();
                Err(CliError::new(Exit::Partial, whys.join("; ")))
            }
            _ => Ok(pass),
        }
    }
}

/// The instant of a day's pass.
fn at(date: Date) -> Result<Timestamp, CliError> {
    date.at(HOUR, 0, 0, 0)
        .to_zoned_datetime(TimeZone::UTC)
        .map(|zoned| zoned.timestamp())
        .map_err(|error| CliError::new(Exit::Bug, error))
}

fn write_extract(path: &Path, extract: &Extract) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_path(path)?;
    writer.write_record(generate::HEADER)?;
    for row in &extract.rows {
        writer.write_record(row.fields())?;
    }
    writer.flush()?;
    Ok(())
}

fn headline(extract: &Extract, what: &str) -> String {
    let style = anstyle::Style::new().bold();
    format!("\n{style}{}{style:#}  {what}\n", extract.date.strftime("%A %-d %B %Y"))
}

/// What a pass did and why, in tables.
fn told(pass: &Pass, stage: &Stage) -> String {
    let mut text = format!("  {}\n", accounted(pass.surveyed.rows));
    let rejects = &pass.surveyed.batch.rejects;
    if !rejects.is_empty() {
        text.push_str(&format!("  {} rows could not be read, such as\n", rejects.len()));
        for reject in rejects.iter().take(3) {
            text.push_str(&format!("    {reject}\n"));
        }
    }
    text.push('\n');
    let rows: Vec<Vec<String>> = summary(pass, stage);
    text.push_str(&ui::table(&["  WRITES", "WHAT", "WHY"], &rows, &[0]));
    text.push_str(&largest(pass, stage));
    text.push_str(&events(pass));
    text.push_str(&holds(&pass.plan.holds));
    text
}

/// Writes of a plan by kind and reason.
fn summary(pass: &Pass, stage: &Stage) -> Vec<Vec<String>> {
    let mut counts: BTreeMap<(usize, &'static str, &'static str), Vec<String>> = BTreeMap::new();
    for action in &pass.plan.actions {
        let (order, what) = match &action.write {
            Write::Create { .. } => (0, "ticket opened"),
            Write::Update { .. } => (1, "ticket updated"),
            Write::Transition { to: Category::Done, .. } => (2, "ticket closed"),
            Write::Transition { .. } => (3, "ticket reopened"),
            Write::Comment { .. } | Write::Introduce { .. } => (4, "comment"),
            Write::Link { .. } | Write::LinkDuplicate { .. } => (5, "link"),
            Write::Attach { .. } => (6, "list attached"),
            Write::Detach { .. } => (7, "old list removed"),
            Write::Unlabel { .. } => (8, "label taken off"),
            Write::Watch { .. } => (9, "watcher added"),
        };
        let why = match &action.reason {
            Reason::NewGroup => "a group without a ticket",
            Reason::Costly => "a small group of much money",
            Reason::DeadlineNear { .. } => "a small group with a deadline near",
            Reason::DespiteRuling { .. } => "much came since a person decided",
            Reason::SplitFrom { .. } => "split from another group",
            Reason::CreateAgain => "an earlier create never arrived",
            Reason::Changed { .. } => "disputes joined or left, or figures changed",
            Reason::AllResolved => "all its disputes are settled",
            Reason::MergedInto { .. } => "merged into another group",
            Reason::MergedByPerson { .. } => "merged into another group by a person",
            Reason::LinkNotFollowed { .. } => "a person's link cannot be followed; said once",
            Reason::Returned | Reason::ReturnedLate { .. } => "its cause came back",
            Reason::Grew => "the group grew by much",
            Reason::CauseChanged => "another cause is the likely one now",
            Reason::PersonChanged { .. } => "a person changed what we would write",
            Reason::Overwritten { .. } => "a person's change met a write of ours",
            Reason::PersonClosed => "a person closed it; said once",
            Reason::NewsForClosed => "more came since a person closed it",
            Reason::Routed => "the rules of routing say so",
            Reason::Asked => "a person asked in a comment",
            Reason::NotAGroup => "a person said that it is no group",
            Reason::Duplicate { .. } => "a second ticket for one group",
        };
        let key = stage.state.known().ticket(&action.group).issue().map(|issue| issue.key.clone());
        counts.entry((order, what, why)).or_default().extend(key);
    }
    counts
        .into_iter()
        .map(|((_, what, why), mut keys)| {
            // Group ids are random: what followed them would look different each time.
            keys.sort_by_cached_key(|key| natural(key));
            let which = if keys.len() <= 3 { format!("{what}  {}", keys.join(" ")) } else { what.to_owned() };
            vec![format!("  {}", keys.len()), which, why.to_owned()]
        })
        .collect()
}

/// The most valuable tickets that were opened.
fn largest(pass: &Pass, stage: &Stage) -> String {
    const SHOWN: usize = 8;
    let opened: Vec<&crate::plan::Action> =
        pass.plan.actions.iter().filter(|action| matches!(action.write, Write::Create { .. })).collect();
    if opened.is_empty() {
        return String::new();
    }
    let known = stage.state.known();
    let rows: Vec<Vec<String>> = opened
        .iter()
        .take(SHOWN)
        .filter_map(|action| {
            let record = known.groups.get(&action.group)?;
            let money = record.figures.exposed + record.figures.recoverable;
            Some(vec![
                format!("  {}", known.ticket(&action.group).issue()?.key),
                facts::thousands(record.group.members.len()),
                facts::money_text(money),
                ui::clip(&record.cause, 40),
                ui::clip(&record.title, 62),
            ])
        })
        .collect();
    let more = opened.len().saturating_sub(SHOWN);
    let mut text = String::from("\n");
    text.push_str(&ui::table(
        &["  TICKET", "DISPUTES", "MONEY", "LIKELY CAUSE", "SHARED BY ITS DISPUTES"],
        &rows,
        &[1, 2],
    ));
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    text
}

/// What became of the groups.
fn events(pass: &Pass) -> String {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for event in &pass.surveyed.lineage.events {
        let name = match event {
            Event::Born { split_from: None, .. } => "new",
            Event::Born { .. } => "split off",
            Event::Known { fate: Fate::Kept { joined: 0, left: 0 }, .. } => "unchanged",
            Event::Known { fate: Fate::Kept { .. }, .. } => "kept, with disputes joined or left",
            Event::Known { fate: Fate::Returned, .. } => "returned",
            Event::Known { fate: Fate::MergedInto(_), .. } => "merged into another",
            Event::Known { fate: Fate::Resolved, .. } => "resolved",
            Event::Unconfirmed { .. } => "split or merge seen once, waiting",
        };
        *counts.entry(name).or_default() += 1;
    }
    let parts: Vec<String> = counts.into_iter().map(|(name, count)| format!("{count} {name}")).collect();
    format!("\n  groups: {}\n", parts.join(", "))
}

fn holds(holds: &[Hold]) -> String {
    let mut text = String::new();
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut holds: Vec<&Hold> = holds.iter().collect();
    holds.sort_by_cached_key(|hold| hold.key.as_deref().map(natural));
    for hold in holds {
        let count = counts.entry(hold.reason.kind()).or_default();
        *count += 1;
        if *count <= 3 && !matches!(hold.reason, HoldReason::Small { .. } | HoldReason::Cap { .. }) {
            let key = hold.key.as_deref().unwrap_or("-");
            text.push_str(&format!("  held  {key:<9}{}\n", hold.reason.words()));
        }
    }
    for (kind, count) in counts {
        if count > 3 || kind.starts_with("over") || kind.starts_with("too") {
            text.push_str(&format!("  held  {count} {kind}\n"));
        }
    }
    text
}

/// How well the groups of a day fit the truth, which only synthetic disputes have.
fn score(extract: &Extract, stage: &Stage) -> String {
    let truth: Vec<(&str, Option<&str>)> = extract
        .rows
        .iter()
        .zip(&extract.truth)
        .filter(|(row, _)| row.is_unresolved())
        .map(|(row, cause)| (row.dispute_id.as_str(), cause.as_deref()))
        .collect();
    let known = stage.state.known();
    let assignments: Vec<(&str, Option<&str>)> = known
        .groups
        .values()
        .flat_map(|record| {
            record.group.members.iter().map(|member| (&**member, Some(record.group.id.as_str())))
        })
        .collect();
    match crate::evaluate::evaluate(&assignments, &truth) {
        Ok(scores) => format!(
            "  these disputes have a known truth: {} of {} causes found, B-cubed F1 {:.2}\n",
            scores.found.found, scores.found.causes, scores.b_cubed.f1
        ),
        Err(_) => String::new(),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// A person who works in Jira.
struct Person {
    http: reqwest::Client,
    base: String,
    user: User,
}

impl Person {
    fn new(sandbox: &Sandbox) -> Result<Self, CliError> {
        let http =
            reqwest::Client::builder().no_proxy().build().map_err(|error| CliError::new(Exit::Bug, error))?;
        Ok(Self { http, base: sandbox.base_url(), user: User::analyst() })
    }

    /// Writes into one ticket and closes another, two days after they were opened.
    async fn works(&self, first: &Pass, sandbox: &Sandbox, day: &Extract) -> Result<String, CliError> {
        let when = day.date.saturating_add(jiff::Span::new().days(2));
        if let Ok(zoned) = when.at(14, 30, 0, 0).to_zoned_datetime(TimeZone::UTC) {
            sandbox.set_clock(zoned.timestamp());
        }
        let opened: Vec<crate::plan::Issue> = first
            .applied
            .iter()
            .flat_map(|applied| &applied.done)
            .filter(|done| done.kind == "create")
            .map(|done| done.issue.clone())
            .collect();
        let (Some(edited), Some(closed)) = (opened.first(), opened.get(4)) else { return Ok(String::new()) };

        let issue = self.get(&format!("/rest/api/3/issue/{}", edited.id)).await?;
        let mut description = issue["fields"]["description"].clone();
        let words = json!({ "type": "paragraph", "content": [{ "type": "text",
            "text": "Asked the state's rebate unit for the claim detail; answer promised for Friday." }] });
        if let Some(content) = description["content"].as_array_mut() {
            content.insert(0, words);
        }
        let body = json!({ "fields": { "description": description, "summary": "Call with the state on Friday: wrong units" } });
        self.send(reqwest::Method::PUT, &format!("/rest/api/3/issue/{}", edited.id), &body).await?;

        let path = format!("/rest/api/3/issue/{}/transitions", closed.id);
        let ways = self.get(&path).await?;
        let done = ways["transitions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|way| way["to"]["statusCategory"]["key"] == "done")
            .and_then(|way| way["id"].as_str())
            .ok_or_else(|| CliError::new(Exit::Bug, "the sandbox has no way to done"))?;
        self.send(
            reqwest::Method::POST,
            &path,
            &json!({ "transition": { "id": done }, "fields": { "resolution": { "name": "Won't Do" } } }),
        )
        .await?;
        Ok(format!(
            "  {} gets a new summary and a note above disputebot's block, by {who}\n  {} is closed by {who}, with disputes still open\n",
            edited.key,
            closed.key,
            who = self.user.display_name,
        ))
    }

    async fn get(&self, path: &str) -> Result<Value, CliError> {
        let request = self.http.get(format!("{}{path}", self.base));
        self.answer(request).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: &Value) -> Result<Value, CliError> {
        let request = self.http.request(method, format!("{}{path}", self.base)).json(body);
        self.answer(request).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, CliError> {
        let failed = |error: reqwest::Error| CliError::new(Exit::Jira, error);
        let response = request
            .basic_auth(&self.user.email, Some(&self.user.token))
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?;
        let bytes = response.bytes().await.map_err(failed)?;
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}
