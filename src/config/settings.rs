//! From keys to the parameters of the stages: the one place where both are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use jiff::{SignedDuration, civil::Date, tz::TimeZone};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Layers, Problems, Reader, Warning, schema::joined, sources::sources};
use crate::{
    apply::{Policy, UNDER_WAY},
    cluster::{self, Embedding, Engine},
    deliver::{self, Chat, InJira, Mailer, Recipient, Target},
    dispute::Tables,
    group, jira, plan,
    report::{ChatForm, Links},
    run,
    schedule::Schedule,
    source,
    ticket::{EMBEDDED, Priorities, TemplateError, Templates, is_own_template, is_template},
    web::{self, Access, Heard, Proxy},
};

/// Most creates or edits that are under way at the same time: an allowed pace of 100 a second is used up where an
/// answer takes 160 ms, and Jira has other callers.
const AT_ONCE: usize = 16;

/// The key of hashes, in the folder of the state.
const KEY_FILE: &str = "local.key";

/// What was read of sources that are append-only, in the folder of the state.
const KEPT_FOLDER: &str = "read";

/// Everything that a command can need.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Parameters of a run.
    pub run: run::Params,
    /// How files are read that a command line names: the mapping of `[source]`.
    pub named_files: source::Settings,
    /// Jira; none where its keys are unset and the command does not need it.
    pub jira: Option<jira::Settings>,
    /// Where staff gets tickets about causes that several clients share; none where it gets none.
    pub internal: Option<Internal>,
    /// The tables of the field.
    pub tables: Tables,
    /// Ticket templates that replace embedded ones: name and text.
    pub templates: Vec<(String, String)>,
    /// Fields of tickets besides those that every ticket has: name and text, a constant or a template.
    pub fields: BTreeMap<String, String>,
    /// Folder of the state.
    pub state: PathBuf,
    /// Where reports go.
    pub delivery: deliver::Settings,
    /// Where the dashboard listens and whom it lets in; none where no address is set.
    pub dashboard: Option<(SocketAddr, Access)>,
    /// When the daemon runs.
    pub run_schedule: Schedule,
    /// When the daemon writes the report.
    pub report_schedule: Schedule,
    /// How the log is written.
    pub log: Log,
    /// Day on which the token of Jira ends.
    pub token_expires: Option<Date>,
    /// Where webhooks are taken; none where they are not.
    pub webhook: Option<Webhook>,
}

/// Where staff gets tickets about causes that several clients share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Internal {
    /// Key of the project.
    pub project: String,
    /// Name of the issue type.
    pub issue_type: String,
}

/// Where webhooks are taken.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// The secret that Jira signs with; the daemon takes no webhooks without it, and other commands do not need it.
    pub secret: Option<SecretString>,
    /// Shortest time between the end of a pass and the next one that a webhook asks for.
    pub min_interval: SignedDuration,
}

/// How the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// One JSON object per line, or text.
    pub json: bool,
    /// Least important level.
    pub level: String,
}

/// What a command needs to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// `source.paths`.
    pub source: bool,
    /// The keys of `[jira]`.
    pub jira: bool,
}

impl Settings {
    /// The ticket templates, with those of fields.
    pub fn compile(&self) -> Result<Templates, TemplateError> {
        let templates = Templates::new(&self.templates)?.with_fields(&self.fields)?;
        templates.try_out()?;
        Ok(templates)
    }

    /// Takes all settings out of the layers, or tells every problem at once.
    pub fn read(layers: &Layers, needs: Needs) -> Result<(Self, Vec<Warning>), Problems> {
        let mut reader = layers.reader();
        let settings = Self::take(&mut reader, needs);
        Ok((settings, reader.finish()?))
    }

    /// Takes all settings out of a reader. They count only when [`Reader::finish`] returns `Ok`.
    pub fn take(reader: &mut Reader<'_>, needs: Needs) -> Self {
        let tables = super::tables::tables(reader);
        let (mut named_files, mut sources) = sources(reader, needs, &tables);
        let cluster = cluster::Params {
            engine: reader
                .one_of("cluster.engine", &[("patterns", Engine::Patterns), ("groupby", Engine::GroupBy)]),
            min_group: reader.integer("cluster.min_group", 2..),
            ..cluster::Params::default()
        };
        let reference = reader.paths("cluster.reference");
        let mut reference = (!reference.is_empty()).then(|| source::Settings {
            name: "cluster.reference".to_owned(),
            paths: reference,
            keep: None,
            ..named_files.clone()
        });
        let embedding = embedding(reader, needs);
        let group = group::Params {
            confirm_runs: reader.integer("group.confirm_runs", 1..=100),
            pattern_weight: cluster.min_group,
            return_within: signed(reader.duration("plan.reopen_within")),
            ..group::Params::default()
        };
        let fields = fields(reader);
        let (routes, routed) = super::routes::routes(reader);
        let elsewhere: Vec<String> = routed.elsewhere.keys().cloned().collect();
        let jira = jira(reader, needs, &fields, routed);
        let settle = signed(reader.duration("jira.create_settle"));
        let hold_after = signed(reader.duration("jira.hold_after"));
        settles(reader, jira.as_ref(), settle, hold_after);
        let plan = plan::Params {
            max_new_tickets: reader.integer("plan.max_new_tickets", 0..),
            min_disputes: reader.integer("plan.min_disputes", 1..),
            min_amount: reader.money("plan.min_amount"),
            amount_alone: reader.optional_money("plan.amount_alone"),
            due_within_days: Some(reader.integer("plan.due_within_days", 0..=3_650)).filter(|days| *days > 0),
            resolve: reader.flag("plan.resolve"),
            resolutions: resolutions(reader),
            split_link: reader.required_text("jira.link_type_split"),
            merge_link: reader.required_text("jira.link_type_merge"),
            settle,
            commanders: reader.list("ticket.commanders"),
            fixed_fields: BTreeSet::new(),
            manners: manners(reader),
        };
        let apply = Policy {
            settle,
            hold_after,
            lease: reader.flag("jira.lease"),
            takeover_after: reader.optional_duration("jira.takeover_after").map(signed),
            take_over: false,
            same_project: false,
            left_projects: left_projects(reader, &elsewhere),
            instance: String::new(),
            host: crate::apply::host_name(),
            at_once: AT_ONCE,
        };
        let priorities = priorities(reader);
        let templates = templates(reader);
        let max_members = reader.integer("ticket.max_members_listed", 0..);
        let small_group = reader.integer("ticket.small_group", 0..);
        let attach_members = reader.flag("ticket.attach_members");
        let zone = reader.check("report.zone", TimeZone::get).unwrap_or(TimeZone::UTC);
        let (run_schedule, report_schedule) = schedules(reader);
        let log = Log {
            json: reader.one_of("log.format", &[("text", false), ("json", true)]),
            level: reader
                .one_of("log.level", &["error", "warn", "info", "debug", "trace"].map(|l| (l, l.to_owned()))),
        };
        let token_expires = reader.check("jira.token_expires", str::parse::<Date>);
        let webhook = webhook(reader);
        let state = reader.path("state.dir");
        for source in sources.iter_mut().chain([&mut named_files]).chain(&mut reference) {
            source.key_file = Some(state.join(KEY_FILE));
            if let Some(keep) = &mut source.keep {
                keep.folder = state.join(KEPT_FOLDER).join(&keep.folder);
            }
        }
        let (internal, shared_by) = internal(reader, &elsewhere).unzip();
        let delivery = delivery(reader, zone.clone(), elsewhere);
        let dashboard = dashboard(reader);
        let run = run::Params {
            sources,
            cluster,
            reference,
            embedding,
            group,
            plan,
            apply,
            priorities,
            routes,
            max_members,
            small_group,
            attach_members,
            shared_by,
            zone,
        };
        Self {
            run,
            named_files,
            jira,
            internal,
            tables,
            templates,
            fields,
            state,
            delivery,
            dashboard,
            run_schedule,
            report_schedule,
            log,
            token_expires,
            webhook,
        }
    }
}

impl Settings {
    /// What the dashboard needs to know.
    pub fn web(&self, listen: SocketAddr, access: Access, heard: Option<Heard>) -> web::Settings {
        web::Settings {
            listen,
            access,
            state: self.state.clone(),
            delivery: self.delivery.clone(),
            run_schedule: self.run_schedule.clone(),
            report_schedule: self.report_schedule.clone(),
            heard,
        }
    }
}

/// Projects in which tickets were opened once and that are of no concern any more.
fn left_projects(reader: &mut Reader<'_>, elsewhere: &[String]) -> BTreeSet<String> {
    let left: BTreeSet<String> = reader.list("jira.left_projects").into_iter().collect();
    if let Some(project) = reader.optional_text("jira.project").filter(|project| left.contains(project)) {
        reader.refuse("jira.left_projects", format!("`{project}` is `jira.project`"));
    }
    if let Some(project) = elsewhere.iter().find(|project| left.contains(*project)) {
        reader.refuse("jira.left_projects", format!("a rule of routing opens tickets in `{project}`"));
    }
    left
}

/// The project of tickets for staff, and how many clients must share a cause for one.
fn internal(reader: &mut Reader<'_>, elsewhere: &[String]) -> Option<(Internal, usize)> {
    let least = reader.integer("internal.min_clients", 2..);
    let own_type = reader.optional_text("internal.issue_type");
    let project = reader.optional_text("internal.project")?;
    if reader.optional_text("jira.project").is_some_and(|own| own == project) || elsewhere.contains(&project)
    {
        let reason =
            "it is the project of the tickets of clients, where whoever sees those would see all clients";
        reader.refuse("internal.project", reason);
    }
    let issue_type = own_type.unwrap_or_else(|| reader.required_text("jira.issue_type"));
    Some((Internal { project, issue_type }, least))
}

/// Word vectors by which notes are compared. A large table takes seconds, so that only commands that group read it.
fn embedding(reader: &mut Reader<'_>, needs: Needs) -> Option<Arc<Embedding>> {
    let path = reader.optional_path("cluster.embedding").filter(|_| needs.source)?;
    let read = fs::read_to_string(&path).map_err(|error| format!("it cannot be read: {error}"));
    match read.and_then(|text| Embedding::parse(&text).map_err(|error| error.to_string())) {
        Ok(embedding) => Some(Arc::new(embedding)),
        Err(reason) => {
            reader.refuse("cluster.embedding", reason);
            None
        }
    }
}

fn manners(reader: &mut Reader<'_>) -> plan::Manners {
    let reclose_after = signed(reader.duration("plan.reclose_after"));
    if reclose_after > plan::REOPENINGS {
        reader.refuse("plan.reclose_after", "it is longer than 30 days (`720h`)");
    }
    plan::Manners {
        reclose_after,
        max_reopens: reader.integer("plan.max_reopens", 1..),
        comment_growth: reader.ratio("plan.comment_growth", 0.01..=1000.0),
        comment_amount: reader.money("plan.comment_amount"),
        comments_per_week: reader.integer("plan.comments_per_week", 0..),
    }
}

fn dashboard(reader: &mut Reader<'_>) -> Option<(SocketAddr, Access)> {
    let token = reader.secret("dashboard.token");
    let header = reader.optional_text("dashboard.user_header");
    let mut addresses: Vec<IpAddr> = Vec::new();
    for text in reader.list("dashboard.proxies") {
        match text.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => {
                reader.refuse("dashboard.proxies", format!("`{text}` is no address such as `10.0.0.2`"));
            }
        }
    }
    let Ok(listen) = reader.optional_text("dashboard.listen")?.parse::<SocketAddr>() else {
        reader.refuse("dashboard.listen", "expected an address and a port, such as `127.0.0.1:8088`");
        return None;
    };
    if header.is_some() && addresses.is_empty() {
        reader.require("dashboard.proxies");
    }
    let proxy = header.map(|header| Proxy { header, addresses });
    if token.is_none() && proxy.is_none() {
        if !listen.ip().is_loopback() {
            reader.refuse(
                "dashboard.listen",
                "others can reach it; set `dashboard.token_file`, or `dashboard.user_header` for a proxy that signs people in",
            );
        }
        return Some((listen, Access::ThisMachine));
    }
    Some((listen, Access::Known { token, proxy }))
}

/// Tickets whose disputes are not settled are closed like the others where nothing else is asked for.
fn resolutions(reader: &mut Reader<'_>) -> plan::Resolutions {
    let settled = reader.optional_text("jira.resolution");
    let mut own = |key: &str| reader.optional_text(key).or_else(|| settled.clone());
    let (merged, no_group) = (own("jira.resolution_merged"), own("jira.resolution_no_group"));
    plan::Resolutions { settled, merged, no_group }
}

/// Refuses waits after which Jira may still be at what was sent. A Jira on this machine is a sandbox, or one of a test.
fn settles(
    reader: &mut Reader<'_>,
    jira: Option<&jira::Settings>,
    settle: SignedDuration,
    hold_after: SignedDuration,
) {
    let Some(jira) = jira else { return };
    let least = signed(jira.timeout) + UNDER_WAY;
    let host = jira.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if settle < least && !is_here {
        reader.refuse(
            "jira.create_settle",
            format!(
                "expected at least {least:#}: `jira.timeout` and the {UNDER_WAY:#} for which a request may be on its way; Jira could \
                 still be at a create that is sent again"
            ),
        );
    }
    if hold_after < settle {
        reader.refuse(
            "jira.hold_after",
            format!("expected at least `jira.create_settle`, which is {settle:#}: nobody can tell earlier"),
        );
    }
}

/// Longer than any wait where it does not fit.
fn signed(duration: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// Texts for fields of tickets; a template may use the facts of a ticket and nothing else.
fn fields(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let fields = reader.values("jira.fields", jira::fields::join);
    for (name, text) in &fields {
        let one = BTreeMap::from([(name.clone(), text.clone())]);
        if let Err(error) = Templates::new(&[]).and_then(|templates| templates.with_fields(&one)) {
            reader.refuse(&joined("jira.fields", name), error.what);
        }
    }
    fields
}

/// What the screens of transitions are filled with: no facts are at hand there.
fn transition_fields(reader: &mut Reader<'_>) -> BTreeMap<String, String> {
    let fields = reader.values("jira.transition_fields", jira::fields::join);
    for (name, text) in &fields {
        if is_template(text) {
            let key = joined("jira.transition_fields", name);
            reader.refuse(&key, "it looks like a template, but only constants are taken here");
        }
    }
    fields
}

fn jira(
    reader: &mut Reader<'_>,
    needs: Needs,
    fields: &BTreeMap<String, String>,
    routed: jira::Routed,
) -> Option<jira::Settings> {
    if needs.jira {
        reader.require("jira.url");
        reader.require("jira.project");
    }
    let url = reader.check("jira.url", site);
    let project = reader.optional_text("jira.project");
    let user = reader.optional_text("jira.user");
    let token = if needs.jira { reader.required_secret("jira.token") } else { reader.secret("jira.token") };
    let issue_type = reader.required_text("jira.issue_type");
    let former_accounts = reader.list("jira.former_accounts");
    let timeout = reader.duration("jira.timeout");
    let longest_wait = reader.duration("jira.longest_wait");
    let certificate = reader.optional_path("jira.ca_file").and_then(|path| match fs::read(&path) {
        Ok(pem) => Some(pem),
        Err(error) => {
            reader.refuse("jira.ca_file", format!("it cannot be read: {error}"));
            None
        }
    });
    let gateway = match reader.optional_text("jira.cloud_id") {
        None => jira::Gateway::Off,
        Some(id) if id == "auto" => jira::Gateway::Ask,
        Some(id) if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            jira::Gateway::Site(id)
        }
        Some(_) => {
            reader.refuse("jira.cloud_id", "expected `auto`, or letters, digits and hyphens");
            jira::Gateway::Off
        }
    };
    let gateway_url = reader
        .optional_text("jira.gateway_url")
        .and_then(|text| site(&text).map_err(|problem| reader.refuse("jira.gateway_url", problem)).ok());
    let transition_fields = transition_fields(reader);
    let named = reader.list("ticket.priorities").into_iter().filter(|name| !name.is_empty());
    let priorities = named.map(|name| ("ticket.priorities".to_owned(), name)).collect();
    let token = token?;
    let credentials = match user {
        Some(user) => jira::Credentials::Basic { user, token },
        None => jira::Credentials::Bearer(token),
    };
    Some(jira::Settings {
        url: url?,
        credentials,
        project: project?,
        issue_type,
        former_accounts,
        duplicate_link: reader.required_text("jira.link_type_merge"),
        timeout,
        longest_wait,
        limits: jira::Limits::Published,
        certificate,
        gateway,
        gateway_url,
        fields: fields.clone(),
        transition_fields,
        routed,
        priorities,
    })
}

/// The address of a site: https, or http on this very machine; no credentials in it.
pub(super) fn site(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not an address: {error}"))?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds credentials; use `jira.user` and `jira.token_file`".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        _ => Err("it does not start with `https://`".to_owned()),
    }
}

/// Where webhooks are taken. One without a good secret would let anybody make passes.
fn webhook(reader: &mut Reader<'_>) -> Option<Webhook> {
    let listen = reader.check("webhook.listen", |text| {
        text.parse::<SocketAddr>().map_err(|_| "expected an IP address and a port, such as `127.0.0.1:8420`")
    });
    let min_interval = signed(reader.duration("webhook.min_interval"));
    let secret = reader.secret("webhook.secret");
    let least = jira::webhook::SECRET_LEAST;
    if secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < least) {
        let reason = format!("the secret is shorter than {least} characters; make a random one");
        reader.refuse("webhook.secret_file", reason);
        return None;
    }
    Some(Webhook { listen: listen?, secret, min_interval })
}

fn delivery(reader: &mut Reader<'_>, zone: TimeZone, elsewhere: Vec<String>) -> deliver::Settings {
    let links = Links {
        site: reader.optional_text("jira.url"),
        projects: reader.optional_text("jira.project").into_iter().chain(elsewhere).collect(),
    };
    let mut recipients: Vec<Recipient> = Vec::new();
    let mut invite =
        |reader: &mut Reader<'_>, key: &str, client: Option<&str>, text: &str| match deliver::address(text) {
            Ok(address) => {
                recipients
                    .push(Recipient { client: client.map(str::to_owned), address: address.to_string() });
            }
            Err(why) => reader.refuse(key, format!("of `{text}`, {why}")),
        };
    for text in reader.list("report.mail.to") {
        invite(reader, "report.mail.to", None, &text);
    }
    for (client, list) in reader.map("report.clients") {
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            invite(reader, &format!("report.clients.{client}"), Some(&client), text);
        }
    }
    deliver::Settings {
        folder: reader.path("report.dir"),
        zone,
        links,
        mail: mailer(reader),
        recipients,
        chat: chat(reader),
        jira: in_jira(reader),
        settle: signed(reader.duration("jira.create_settle")),
    }
}

/// Where reports go in Jira: for all clients one place, for each client an issue.
fn in_jira(reader: &mut Reader<'_>) -> Vec<InJira> {
    let (key, issue_type) =
        (reader.optional_text("report.jira.issue"), reader.optional_text("report.jira.issue_type"));
    let project =
        reader.optional_text("report.jira.project").or_else(|| reader.optional_text("jira.project"));
    let mut places = Vec::new();
    match (key, issue_type) {
        (Some(_), Some(_)) => {
            reader.refuse("report.jira.issue_type", "`report.jira.issue` is set as well; use one");
        }
        (Some(key), None) => places.extend(on_issue(reader, "report.jira.issue", None, &key)),
        (None, Some(issue_type)) => match project {
            Some(project) => {
                places.push(InJira { client: None, target: Target::Issue { project, issue_type } });
            }
            None => reader.require("report.jira.project"),
        },
        (None, None) => {}
    }
    for (client, key) in reader.map("report.jira.clients") {
        places.extend(on_issue(reader, &format!("report.jira.clients.{client}"), Some(client), &key));
    }
    if !places.is_empty() {
        reader.require("jira.url");
    }
    places
}

fn on_issue(reader: &mut Reader<'_>, setting: &str, client: Option<String>, key: &str) -> Option<InJira> {
    let parts = key.trim().rsplit_once('-').filter(|(project, number)| {
        project.starts_with(|first: char| first.is_ascii_uppercase())
            && project.chars().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_')
            && !number.is_empty()
            && number.chars().all(|it| it.is_ascii_digit())
    });
    if parts.is_none() {
        reader.refuse(setting, format!("expected the key of an issue, such as `DISP-7`, but found `{key}`"));
        return None;
    }
    Some(InJira { client, target: Target::Comment { key: key.trim().to_owned() } })
}

fn mailer(reader: &mut Reader<'_>) -> Option<Mailer> {
    let (user, password) = (reader.optional_text("report.mail.user"), reader.secret("report.mail.password"));
    let from = reader.optional_text("report.mail.from");
    let server = reader.optional_text("report.mail.server")?;
    let Some(from) = from else {
        reader.require("report.mail.from");
        return None;
    };
    let from = match deliver::address(&from) {
        Ok(from) => from,
        Err(why) => {
            reader.refuse("report.mail.from", why);
            return None;
        }
    };
    match Mailer::new(&server, from, user.zip(password)) {
        Ok(mailer) => Some(mailer),
        Err(why) => {
            reader.refuse("report.mail.server", why);
            None
        }
    }
}

fn chat(reader: &mut Reader<'_>) -> Option<Chat> {
    let form = reader.one_of("report.chat.form", &[("slack", ChatForm::Slack), ("teams", ChatForm::Teams)]);
    let address = reader.secret("report.chat.url")?;
    match Chat::new(address, form) {
        Ok(chat) => Some(chat),
        Err(why) => {
            reader.refuse("report.chat.url_file", format!("the address in it cannot be used: {why}"));
            None
        }
    }
}

fn priorities(reader: &mut Reader<'_>) -> Priorities {
    let list = reader.list("ticket.priorities");
    let names: [String; 3] = match <[String; 3]>::try_from(list.clone()) {
        Ok(names) => names,
        Err(_) if list.is_empty() => Default::default(),
        Err(_) => {
            reader.refuse("ticket.priorities", format!("expected three names or none, found {}", list.len()));
            Default::default()
        }
    };
    let high_amount = reader.money("ticket.priority_high_amount");
    let highest_amount = reader.money("ticket.priority_highest_amount");
    if highest_amount < high_amount {
        reader.refuse("ticket.priority_highest_amount", "it is below `ticket.priority_high_amount`");
    }
    let high_loss = reader.money("ticket.priority_high_loss");
    let highest_loss = reader.money("ticket.priority_highest_loss");
    if highest_loss < high_loss {
        reader.refuse("ticket.priority_highest_loss", "it is below `ticket.priority_high_loss`");
    }
    let high_age_days = reader.optional_integer("ticket.priority_high_age_days", 1..=36_500);
    Priorities { high_loss, highest_loss, high_age_days, high_amount, highest_amount, names }
}

fn templates(reader: &mut Reader<'_>) -> Vec<(String, String)> {
    let Some(folder) = reader.optional_path("ticket.templates") else { return Vec::new() };
    if !folder.is_dir() {
        reader.refuse("ticket.templates", "there is no such folder");
        return Vec::new();
    }
    let mut texts = Vec::new();
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_ours(name))
        .collect();
    names.sort();
    for name in names {
        match fs::read_to_string(folder.join(&name)) {
            Ok(text) => texts.push((name, text)),
            Err(error) => reader.refuse("ticket.templates", format!("`{name}` cannot be read: {error}")),
        }
    }
    texts
}

fn is_ours(template: &str) -> bool {
    EMBEDDED.iter().any(|(name, _)| *name == template) || is_own_template(template)
}

fn schedules(reader: &mut Reader<'_>) -> (Schedule, Schedule) {
    let zone = match reader.check("schedule.zone", |zone| TimeZone::get(zone).map(|_| zone.to_owned())) {
        Some(zone) => zone,
        None => "UTC".to_owned(),
    };
    let mut schedule = |key: &str, fallback: &str| {
        reader
            .check(key, |expression| Schedule::parse(expression, &zone))
            .map_or_else(|| Schedule::parse(fallback, "UTC"), Ok)
    };
    let run = schedule("schedule.run", "0 6 * * *");
    let report = schedule("schedule.report", "0 7 * * MON");
    match (run, report) {
        (Ok(run), Ok(report)) => (run, report),
        // The fallbacks are constants that a test parses.
        (Err(error), _) | (_, Err(error)) => unreachable!("the default schedules are valid: {error}"),
    }
}

pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> &'a str {
    known
        .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)))
        .unwrap_or_default()
}
