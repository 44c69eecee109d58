//! What goes wrong, from a file: TOML tables, or a fault as a JSON object on each line.
//!
//! ```toml
//! [[fault]]
//! on = "POST /issue"            # a method and the end of a path
//! effect = "close-after-commit"
//!
//! [[fault]]
//! on = "writes"                 # all that may change something
//! nth = 3                       # the third of them (1 unless given) ...
//! times = 2                     # ... and the one after it (1 unless given)
//! effect = "rate-limit"
//! reason = "jira-burst-based"   # or jira-quota-global-based, jira-quota-tenant-based, jira-per-issue-on-write
//! wait_s = 5
//! told = "date"                 # or seconds, nothing
//! family = "data-center"        # or cloud, bare
//! html = true
//!
//! [[fault]]
//! on = "PUT ~/issue/[^/]+$"     # a method and a pattern
//! effect = "late"
//! reply = "answer"              # or hang, close
//! status = 504
//! after_s = 90                  # without it: only when a test releases it
//!
//! [index]                       # searches ...
//! lag_s = 30                    # ... are behind, and
//! flicker = 20                  # with this chance in a hundred leave out what an earlier one gave,
//! seed = 7                      # drawn from this (0 unless given)
//!
//! [[webhook]]                   # the next delivery, and so on in the order of the file
//! mischief = "doubled"          # or late, reordered, dropped, forged, none
//! times = 2
//!
//! [[webhook]]                   # all that come later
//! seed = 7
//! rate = 10                     # chance of any mischief in a hundred
//!
//! [[require]]                   # a validator of the workflow, which no metadata tells
//! field = "duedate"             # or an added field
//! project = "OPS"               # each one unless given
//!
//! [[field]]                     # what the metadata tells of a field of a project:
//! field = "environment"
//! project = "OPS"
//! issue_types = ["Bug"]         # which types have it (all unless given),
//! required = true               # whether it must be there (false unless given),
//! off = ["edit"]                # and which screens it was taken off: create, edit
//!
//! [[account]]
//! name = "disputebot"           # or analyst
//! language = "german"           # of its answers
//! lacks = ["ADD_COMMENTS"]      # permissions, as `mypermissions` names them
//! has = ["ADMINISTER"]          # those that nobody has by himself
//!
//! [site]
//! text_limit = 2000             # characters of a description or comment,
//! measure = "text"              # counted as people read it, or as json (the strictest)
//! scoped_only = true            # tokens count at the gateway alone
//!
//! [caps]                        # how much a ticket of Cloud takes
//! comments = 5                  # or attachments, links, remote_links, and of any site
//! attachment_bytes = 1000000    # how large one file may be
//!
//! [[person]]                    # comes right after a request took effect, to its issue
//! after = "POST /issue"         # as `on` of a fault; `nth` and `times` too
//! does = "move"                 # or rename (its project), hide, archive, delete, leave (the account is deactivated)
//! to = "OPS"                    # where `move` goes, and the key that `rename` gives
//! ```
//!
//! Effects: `hang-before-commit`, `hang-after-commit`, `close-before-commit`, `close-after-commit`, `answer` and
//! `answer-after-commit` (with `status`, `headers`, `body`), `late`, `rate-limit`, `conflict`, `unnoticed-edit`,
//! `expire-token`, `expire-pages`, `short-page`, `lose-page-token`.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use super::dialect::Measure;
use super::fault::{Due, Effect, Fault, Matches, Reply};
use super::index::Index;
use super::language::Language;
use super::limit::{Caps, Family, RateLimit, Reason, Told};
use super::people::{Mandatory, Refusal};
use super::project::Form;
use super::rights::Permission;
use super::site::ISSUE_TYPES;
use super::visit::{Deed, Visit};
use super::webhook::Mischief;
use super::{Sandbox, User};

/// A script that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The text is not TOML with the tables of a script.
    #[error(
        "a script is TOML with tables `[[fault]]`, `[index]`, `[[webhook]]`, `[[require]]`, `[[field]]`, `[[account]]`, \
         `[site]`, `[caps]` and `[[person]]`, or a fault as a JSON object on each line"
    )]
    Toml(#[from] Box<toml::de::Error>),
    /// A line is not a JSON object with the keys of a fault.
    #[error("line {line} is not a fault")]
    Json {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A table says something that cannot be.
    #[error("{table} {number} of the script: {problem}")]
    Table {
        /// Its name.
        table: &'static str,
        /// Counted from 1, among those of this name.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a sandbox is told to do wrong; [`Sandbox::play`] takes it.
#[derive(Debug, Clone, Default)]
pub struct Script {
    faults: Vec<Fault>,
    lag: Option<Duration>,
    /// Seed and chance in a hundred.
    flicker: Option<(u64, u8)>,
    mischief: Vec<Mischief>,
    /// Seed and chance in a hundred.
    webhook_chaos: Option<(u64, u8)>,
    required: Vec<Require>,
    fields: Vec<Field>,
    accounts: Vec<Account>,
    site: Manners,
    caps: Ceilings,
    visits: Vec<Visit>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tables {
    fault: Vec<Entry>,
    index: Option<Searches>,
    webhook: Vec<Delivery>,
    require: Vec<Require>,
    field: Vec<Field>,
    account: Vec<Account>,
    site: Manners,
    caps: Ceilings,
    person: Vec<Someone>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Searches {
    lag_s: Option<u64>,
    flicker: Option<u8>,
    #[serde(default)]
    seed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    mischief: Option<Mischief>,
    #[serde(default = "one")]
    times: usize,
    seed: Option<u64>,
    rate: Option<u8>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Require {
    field: String,
    project: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    #[serde(rename = "field")]
    id: String,
    project: String,
    issue_types: Option<Vec<String>>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    off: Vec<Form>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    name: String,
    language: Option<Language>,
    #[serde(default)]
    lacks: Vec<String>,
    #[serde(default)]
    has: Vec<String>,
}

/// What is not named stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Manners {
    text_limit: Option<usize>,
    measure: Option<Measure>,
    scoped_only: Option<bool>,
}

/// Those that are not named stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Ceilings {
    comments: Option<usize>,
    attachments: Option<usize>,
    links: Option<usize>,
    remote_links: Option<usize>,
    attachment_bytes: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Someone {
    after: String,
    #[serde(default = "one")]
    nth: usize,
    #[serde(default = "one")]
    times: usize,
    does: Doing,
    to: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Doing {
    Move,
    Rename,
    Hide,
    Archive,
    Delete,
    Leave,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    on: String,
    #[serde(default = "one")]
    nth: usize,
    #[serde(default = "one")]
    times: usize,
    effect: Kind,
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    reply: Option<ReplyKind>,
    after_s: Option<u64>,
    reason: Option<Reason>,
    wait_s: Option<u32>,
    #[serde(default)]
    told: Told,
    #[serde(default)]
    family: Family,
    #[serde(default)]
    html: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    HangBeforeCommit,
    HangAfterCommit,
    CloseBeforeCommit,
    CloseAfterCommit,
    Answer,
    AnswerAfterCommit,
    Late,
    RateLimit,
    Conflict,
    UnnoticedEdit,
    ExpireToken,
    ExpirePages,
    ShortPage,
    LosePageToken,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReplyKind {
    Hang,
    Close,
    Answer,
}

fn one() -> usize {
    1
}

impl Script {
    /// Reads a script; `disputebot sandbox --help` shows one.
    pub fn read(text: &str) -> Result<Self, ScriptError> {
        if !text.trim_start().starts_with('{') {
            return Self::of(toml::from_str(text).map_err(Box::new)?);
        }
        let fault = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(position, line)| {
                serde_json::from_str(line).map_err(|source| ScriptError::Json { line: position + 1, source })
            })
            .collect::<Result<Vec<Entry>, _>>()?;
        Self::of(Tables { fault, ..Tables::default() })
    }

    fn of(tables: Tables) -> Result<Self, ScriptError> {
        let Tables { fault, index, webhook, require, field, account, site, caps, person } = tables;
        let mut script = Self { required: require, site, caps, ..Self::default() };
        script.fields = each("field", &field, |field| Ok([field.sound()?]))?;
        script.accounts = each("account", &account, |account| Ok([account.sound()?]))?;
        script.faults = each("fault", &fault, Entry::faults)?;
        script.visits = each("person", &person, Someone::visits)?;
        let told = each("webhook", &webhook, |delivery| Ok([delivery.told()?]))?;
        for told in told {
            match told {
                Happens::Next(mischief) => script.mischief.extend(mischief),
                Happens::Later(seed, rate) => script.webhook_chaos = Some((seed, rate)),
            }
        }
        if let Some(Searches { lag_s, flicker, seed }) = index {
            script.lag = lag_s.map(Duration::from_secs);
            let percent = flicker.map(|chance| percent("flicker", chance)).transpose();
            let percent =
                percent.map_err(|problem| ScriptError::Table { table: "index", number: 1, problem })?;
            script.flicker = percent.map(|percent| (seed, percent));
        }
        Ok(script)
    }
}

/// Reads each table of a name; the first that says something that cannot be is named.
fn each<E, T, L: IntoIterator<Item = T>>(
    table: &'static str,
    entries: &[E],
    read: impl Fn(&E) -> Result<L, String>,
) -> Result<Vec<T>, ScriptError> {
    let mut all = Vec::new();
    for (position, entry) in entries.iter().enumerate() {
        let number = position + 1;
        all.extend(read(entry).map_err(|problem| ScriptError::Table { table, number, problem })?);
    }
    Ok(all)
}

fn percent(key: &str, chance: u8) -> Result<u8, String> {
    if chance <= 100 { Ok(chance) } else { Err(format!("`{key}` is from 0 to 100, but found `{chance}`")) }
}

impl Sandbox {
    /// Does all that a script says; what of it came to nothing is among the [`Self::leftovers`].
    pub fn play(&self, script: Script) -> Result<(), Refusal> {
        let Script {
            faults,
            lag,
            flicker,
            mischief,
            webhook_chaos,
            required,
            fields,
            accounts,
            site,
            caps,
            visits,
        } = script;
        for Require { field, project } in required {
            self.plan_requirement(project.as_deref(), &field)?;
        }
        for field in &fields {
            field.take_effect(self)?;
        }
        for account in &accounts {
            account.take_effect(self)?;
        }
        site.take_effect(self);
        caps.take_effect(self);
        for visit in visits {
            self.expect_visit(visit)?;
        }
        for fault in faults {
            self.inject(fault);
        }
        if let Some(lag) = lag {
            self.set_index(Index::Behind(lag));
        }
        if let Some((seed, percent)) = flicker {
            self.set_index_flicker(seed, percent);
        }
        self.script_webhooks(&mischief);
        if let Some((seed, percent)) = webhook_chaos {
            self.set_webhook_chaos(seed, percent);
        }
        Ok(())
    }
}

/// What a table says of deliveries.
enum Happens {
    Next(Vec<Mischief>),
    Later(u64, u8),
}

impl Delivery {
    fn told(&self) -> Result<Happens, String> {
        match (self.mischief, self.seed, self.rate) {
            (Some(mischief), None, None) => Ok(Happens::Next(vec![mischief; self.times])),
            (None, Some(seed), Some(rate)) => Ok(Happens::Later(seed, percent("rate", rate)?)),
            _ => Err("a webhook has either `mischief`, or `seed` and `rate`".to_owned()),
        }
    }
}

impl Field {
    fn sound(&self) -> Result<Self, String> {
        let types = self.issue_types.iter().flatten();
        match types.into_iter().find(|name| ISSUE_TYPES.iter().all(|known| known.name != *name)) {
            Some(found) => Err(format!(
                "`issue_types` are of {}, but found `{found}`",
                ISSUE_TYPES.each_ref().map(|known| format!("`{}`", known.name)).join(", ")
            )),
            None => Ok(self.clone()),
        }
    }

    fn take_effect(&self, sandbox: &Sandbox) -> Result<(), Refusal> {
        if let Some(types) = &self.issue_types {
            let types: Vec<&str> = types.iter().map(String::as_str).collect();
            sandbox.keep_field_to(&self.project, &self.id, &types)?;
        }
        if self.required {
            sandbox.require_field(&self.project, &self.id, Mandatory::Told)?;
        }
        for form in &self.off {
            sandbox.take_off(&self.project, &self.id, *form)?;
        }
        Ok(())
    }
}

impl Account {
    fn sound(&self) -> Result<Self, String> {
        match self.lacks.iter().chain(&self.has).find(|key| Permission::named(key).is_none()) {
            Some(found) => {
                Err(format!("`lacks` and `has` hold permissions such as `ADD_COMMENTS`, but found `{found}`"))
            }
            None => Ok(self.clone()),
        }
    }

    fn take_effect(&self, sandbox: &Sandbox) -> Result<(), Refusal> {
        let user: User = sandbox.account(&self.name)?;
        if let Some(language) = self.language {
            sandbox.set_language(&user, language);
        }
        for permission in self.lacks.iter().filter_map(|key| Permission::named(key)) {
            sandbox.forbid(&user, permission);
        }
        for permission in self.has.iter().filter_map(|key| Permission::named(key)) {
            sandbox.allow(&user, permission);
        }
        Ok(())
    }
}

impl Manners {
    fn take_effect(self, sandbox: &Sandbox) {
        sandbox.shared.step(|world| {
            let site = &mut world.site;
            site.text_limit = self.text_limit.unwrap_or(site.text_limit);
            site.measure = self.measure.unwrap_or(site.measure);
            site.scoped_only = self.scoped_only.unwrap_or(site.scoped_only);
        });
    }
}

impl Ceilings {
    fn take_effect(self, sandbox: &Sandbox) {
        sandbox.shared.step(|world| {
            let known = world.caps;
            world.caps = Caps {
                comments: self.comments.unwrap_or(known.comments),
                attachments: self.attachments.unwrap_or(known.attachments),
                links: self.links.unwrap_or(known.links),
                remote_links: self.remote_links.unwrap_or(known.remote_links),
            };
        });
        if self.attachment_bytes.is_some() {
            sandbox.set_attachment_limit(self.attachment_bytes);
        }
    }
}

impl Someone {
    /// One visit for each of the `times`.
    fn visits(&self) -> Result<Vec<Visit>, String> {
        let after = matches("after", &self.after)?;
        let deed = match (self.does, &self.to) {
            (Doing::Move, Some(to)) => Deed::Move(to.clone()),
            (Doing::Rename, Some(to)) => Deed::Rename(to.clone()),
            (Doing::Move | Doing::Rename, None) => {
                return Err(
                    "who moves an issue or renames its project needs `to`, the key of a project".to_owned()
                );
            }
            (_, Some(to)) => return Err(format!("`to` goes with `move` and `rename`, but found `{to}`")),
            (Doing::Hide, None) => Deed::Hide,
            (Doing::Archive, None) => Deed::Archive,
            (Doing::Delete, None) => Deed::Delete,
            (Doing::Leave, None) => Deed::Leave,
        };
        let nth = |later| self.nth.max(1) + later;
        Ok((0..self.times)
            .map(|later| Visit { nth: nth(later), after: after.clone(), deed: deed.clone() })
            .collect())
    }
}

impl Entry {
    /// One fault for each of the `times`.
    fn faults(&self) -> Result<Vec<Fault>, String> {
        let matches = matches("on", &self.on)?;
        let effect = self.effect()?;
        Ok((0..self.times)
            .map(|later| Fault {
                nth: self.nth.max(1) + later,
                matches: matches.clone(),
                effect: effect.clone(),
            })
            .collect())
    }

    fn effect(&self) -> Result<Effect, String> {
        let status = || match self.status {
            Some(status @ 200..=599) => Ok(status),
            Some(status) => Err(format!("`status` is from 200 to 599, but found `{status}`")),
            None => Err("an answer needs a `status`".to_owned()),
        };
        let headers = || self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let body = || self.body.clone();
        Ok(match self.effect {
            Kind::HangBeforeCommit => Effect::HangBeforeCommit,
            Kind::HangAfterCommit => Effect::HangAfterCommit,
            Kind::CloseBeforeCommit => Effect::CloseBeforeCommit,
            Kind::CloseAfterCommit => Effect::CloseAfterCommit,
            Kind::Answer => Effect::Answer { status: status()?, headers: headers(), body: body() },
            Kind::AnswerAfterCommit => {
                Effect::AnswerAfterCommit { status: status()?, headers: headers(), body: body() }
            }
            Kind::Late => Effect::Late {
                reply: match self.reply.unwrap_or(ReplyKind::Close) {
                    ReplyKind::Hang => Reply::Hang,
                    ReplyKind::Close => Reply::Close,
                    ReplyKind::Answer => {
                        Reply::Answer { status: status()?, headers: headers(), body: body() }
                    }
                },
                due: self.after_s.map_or(Due::Released, |after| Due::After(Duration::from_secs(after))),
            },
            Kind::RateLimit => Effect::RateLimit(RateLimit {
                reason: self.reason.unwrap_or(Reason::Burst),
                wait_s: self.wait_s.unwrap_or(1),
                told: self.told,
                family: self.family,
                html: self.html,
            }),
            Kind::Conflict => Effect::Conflict,
            Kind::UnnoticedEdit => Effect::UnnoticedEdit,
            Kind::ExpireToken => Effect::ExpireToken,
            Kind::ExpirePages => Effect::ExpirePages,
            Kind::ShortPage => Effect::ShortPage,
            Kind::LosePageToken => Effect::LosePageToken,
        })
    }
}

fn matches(key: &str, on: &str) -> Result<Matches, String> {
    if on == "writes" {
        return Ok(Matches::Writes);
    }
    let (method, path) = on
        .split_once(' ')
        .filter(|(method, _)| ["GET", "POST", "PUT", "DELETE"].contains(method))
        .ok_or_else(|| {
            format!(
                "`{key}` is `writes`, or a method and the end of a path such as `POST /issue`, but found `{on}`"
            )
        })?;
    let method = method.to_owned();
    match path.strip_prefix('~') {
        Some(pattern) => {
            let path =
                Regex::new(pattern).map_err(|error| format!("`{key}` has no sound pattern: {error}"))?;
            Ok(Matches::Like { method, path })
        }
        None => Ok(Matches::Ending { method, suffix: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_of_the_documentation_is_read() {
        let text: String = include_str!("script.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start()))
            .collect();
        let script = Script::read(&text).expect("a readable script");
        let faults = script.faults;
        let places: Vec<usize> = faults.iter().map(|fault| fault.nth).collect();
        assert_eq!(places, [1, 3, 4, 1]);
        assert_eq!(faults[0].effect, Effect::CloseAfterCommit);
        let limit = RateLimit {
            reason: Reason::Burst,
            wait_s: 5,
            told: Told::Date,
            family: Family::DataCenter,
            html: true,
        };
        assert_eq!(faults[2].effect, Effect::RateLimit(limit));
        let reply = Reply::Answer { status: 504, headers: Vec::new(), body: String::new() };
        assert_eq!(faults[3].effect, Effect::Late { reply, due: Due::After(Duration::from_secs(90)) });
        assert_eq!((script.lag, script.flicker), (Some(Duration::from_secs(30)), Some((7, 20))));
        assert_eq!((script.mischief, script.webhook_chaos), (vec![Mischief::Doubled; 2], Some((7, 10))));
        assert_eq!(script.required[0].field, "duedate");
        assert_eq!((&*script.fields[0].id, script.fields[0].required), ("environment", true));
        assert_eq!(script.fields[0].off, [Form::Edit]);
        let site = Manners { text_limit: Some(2_000), measure: Some(Measure::Text), scoped_only: Some(true) };
        assert_eq!(script.site, site);
        assert_eq!(script.accounts[0].language, Some(Language::German));
        assert_eq!(
            script.caps,
            Ceilings { comments: Some(5), attachment_bytes: Some(1_000_000), ..Ceilings::default() }
        );
        assert_eq!(script.visits[0].deed, Deed::Move("OPS".to_owned()));
    }

    #[test]
    fn lines_of_json_are_read_and_what_cannot_be_read_is_named() {
        let lines = "{\"on\": \"writes\", \"effect\": \"expire-token\"}\n\n{\"on\": \"GET /myself\", \"effect\": \"answer\", \"status\": 503, \"headers\": {\"Retry-After\": \"7\"}}\n";
        let faults = Script::read(lines).expect("readable lines").faults;
        let headers = vec![("Retry-After".to_owned(), "7".to_owned())];
        assert_eq!(faults[1].effect, Effect::Answer { status: 503, headers, body: String::new() });
        for (text, told) in [
            ("{\"on\": \"writes\"}", "line 1"),
            ("[[fault]]\non = \"writes\"\neffect = \"explode\"", "TOML"),
            ("[[fault]]\non = \"PATCH /issue\"\neffect = \"expire-token\"", "fault 1 of the script: `on`"),
            ("[[fault]]\non = \"PUT ~(\"\neffect = \"expire-token\"", "pattern"),
            ("[[fault]]\non = \"writes\"\neffect = \"answer\"", "needs a `status`"),
            ("[[fault]]\non = \"writes\"\neffect = \"answer\"\nstatus = 99", "`99`"),
            ("[index]\nflicker = 101", "index 1 of the script: `flicker`"),
            ("[[webhook]]\nseed = 1", "webhook 1 of the script: a webhook has either"),
            ("[[webhook]]\nseed = 1\nrate = 200", "`200`"),
            ("[[person]]\nafter = \"POST /issue\"\ndoes = \"move\"", "needs `to`"),
            ("[[person]]\nafter = \"issue\"\ndoes = \"hide\"", "person 1 of the script: `after`"),
            (
                "[[person]]\nafter = \"POST /issue\"\ndoes = \"hide\"\nto = \"OPS\"",
                "`to` goes with `move` and `rename`",
            ),
            ("[[require]]\nfields = \"duedate\"", "TOML"),
            (
                "[[field]]\nfield = \"duedate\"\nproject = \"OPS\"\nissue_types = [\"Bgu\"]",
                "field 1 of the script: `issue_types` are of",
            ),
            ("[[account]]\nname = \"analyst\"\nlacks = [\"COMMENT\"]", "found `COMMENT`"),
            ("[caps]\ncomment = 5", "TOML"),
        ] {
            let error = Script::read(text).expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
