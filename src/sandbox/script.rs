//! Faults from a file: TOML tables `[[fault]]`, or one JSON object on each line.
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
//! ```
//!
//! Effects: `hang-before-commit`, `hang-after-commit`, `close-before-commit`, `close-after-commit`, `answer` and
//! `answer-after-commit` (with `status`, `headers`, `body`), `late`, `rate-limit`, `expire-token`,
//! `expire-pages`, `short-page`, `lose-page-token`.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use super::fault::{Due, Effect, Fault, Matches, Reply};
use super::limit::{Family, RateLimit, Reason, Told};

/// A script that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The text is not TOML with tables `[[fault]]`.
    #[error("a script of faults is TOML with tables `[[fault]]`, or one JSON object on each line")]
    Toml(#[from] Box<toml::de::Error>),
    /// A line is not a JSON object with the keys of a fault.
    #[error("line {line} is not a fault")]
    Json {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A fault says something that cannot be.
    #[error("fault {number} of the script: {problem}")]
    Fault {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    fault: Vec<Entry>,
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

impl Fault {
    /// Reads a script of faults; the module documentation of the sandbox and `disputebot sandbox --help` show one.
    pub fn script(text: &str) -> Result<Vec<Self>, ScriptError> {
        let entries = if text.trim_start().starts_with('{') {
            text.lines()
                .enumerate()
                .filter(|(_, line)| !line.trim().is_empty())
                .map(|(position, line)| {
                    serde_json::from_str(line)
                        .map_err(|source| ScriptError::Json { line: position + 1, source })
                })
                .collect::<Result<Vec<Entry>, _>>()?
        } else {
            toml::from_str::<Script>(text).map_err(Box::new)?.fault
        };
        let mut faults = Vec::new();
        for (position, entry) in entries.into_iter().enumerate() {
            let number = position + 1;
            let read = entry.faults().map_err(|problem| ScriptError::Fault { number, problem })?;
            faults.extend(read);
        }
        Ok(faults)
    }
}

impl Entry {
    /// One fault for each of the `times`.
    fn faults(&self) -> Result<Vec<Fault>, String> {
        let matches = matches(&self.on)?;
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
            Kind::ExpireToken => Effect::ExpireToken,
            Kind::ExpirePages => Effect::ExpirePages,
            Kind::ShortPage => Effect::ShortPage,
            Kind::LosePageToken => Effect::LosePageToken,
        })
    }
}

fn matches(on: &str) -> Result<Matches, String> {
    if on == "writes" {
        return Ok(Matches::Writes);
    }
    let (method, path) = on
        .split_once(' ')
        .filter(|(method, _)| ["GET", "POST", "PUT", "DELETE"].contains(method))
        .ok_or_else(|| {
            format!(
                "`on` is `writes`, or a method and the end of a path such as `POST /issue`, but found `{on}`"
            )
        })?;
    let method = method.to_owned();
    match path.strip_prefix('~') {
        Some(pattern) => {
            let path = Regex::new(pattern).map_err(|error| format!("`on` has no sound pattern: {error}"))?;
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
        let faults = Fault::script(&text).expect("a readable script");
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
    }

    #[test]
    fn lines_of_json_are_read_and_what_cannot_be_read_is_named() {
        let lines = "{\"on\": \"writes\", \"effect\": \"expire-token\"}\n\n{\"on\": \"GET /myself\", \"effect\": \"answer\", \"status\": 503, \"headers\": {\"Retry-After\": \"7\"}}\n";
        let faults = Fault::script(lines).expect("readable lines");
        let headers = vec![("Retry-After".to_owned(), "7".to_owned())];
        assert_eq!(faults[1].effect, Effect::Answer { status: 503, headers, body: String::new() });
        for (text, told) in [
            ("{\"on\": \"writes\"}", "line 1"),
            ("[[fault]]\non = \"writes\"\neffect = \"explode\"", "TOML"),
            ("[[fault]]\non = \"PATCH /issue\"\neffect = \"expire-token\"", "fault 1 of the script: `on`"),
            ("[[fault]]\non = \"PUT ~(\"\neffect = \"expire-token\"", "pattern"),
            ("[[fault]]\non = \"writes\"\neffect = \"answer\"", "needs a `status`"),
            ("[[fault]]\non = \"writes\"\neffect = \"answer\"\nstatus = 99", "`99`"),
        ] {
            let error = Fault::script(text).expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
