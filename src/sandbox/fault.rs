//! Faults: what can be made to go wrong, at which request, before or after the request took effect.

use std::fmt;
use std::time::Duration;

use axum::http::Method;
use regex::Regex;

use super::chance::Chance;
use super::limit::{RateLimit, Reason};

/// One thing that goes wrong once, at the `nth` request that matches after it was injected.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which of the matching requests, counted from 1. 0 strikes at the first as well.
    pub nth: usize,
    /// Which requests count.
    pub matches: Matches,
    /// What happens to that request.
    pub effect: Effect,
}

/// Which requests a fault counts. Paths are compared as sent, with `/rest/api/3`, without the query.
#[derive(Debug, Clone)]
pub enum Matches {
    /// Every request that may change something: POST, PUT and DELETE, save the searches and bulk reads that
    /// are posted.
    Writes,
    /// One method on paths that end so.
    Ending {
        /// Upper case.
        method: String,
        /// End of the path, such as `/comment`.
        suffix: String,
    },
    /// One method on paths that a pattern finds.
    Like {
        /// Upper case.
        method: String,
        /// Searched in the path; anchor it where that matters.
        path: Regex,
    },
}

/// What a fault does. "Before" leaves everything as it was; "after" keeps the effect and takes the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is done, and no answer comes until the client goes away.
    HangBeforeCommit,
    /// It is done, and no answer comes until the client goes away.
    HangAfterCommit,
    /// Nothing is done, and the connection closes without an answer.
    CloseBeforeCommit,
    /// It is done, and the connection closes without an answer.
    CloseAfterCommit,
    /// Nothing is done, and the answer is a 429.
    RateLimit(RateLimit),
    /// A person's edit of the same issue comes first: it gets the label `edited-first`, and the answer is a 409.
    Conflict,
    /// A person's edit of the same issue comes right before, and neither of the two is told: the summary gets
    /// ` (checked)` at its end, the description the paragraph `Called them.` at its beginning.
    UnnoticedEdit,
    /// From this request on the token of its caller is not accepted: 401, or an empty answer where strangers get
    /// one.
    ExpireToken,
    /// The page tokens given so far have expired; the request itself is served.
    ExpirePages,
    /// The search that is struck gives half of the issues that its page has room for.
    ShortPage,
    /// The search that is struck leaves out the token of the next page, though there is one.
    LosePageToken,
    /// Nothing is done yet: it is done later, whatever the client then believes.
    Late {
        /// What the client gets meanwhile.
        reply: Reply,
        /// When it is done.
        due: Due,
    },
    /// Nothing is done, and this is the answer.
    Answer {
        /// HTTP status, 200 to 599.
        status: u16,
        /// Names and values; `content-type` is `application/json` unless given here.
        headers: Vec<(String, String)>,
        /// Sent as it is.
        body: String,
    },
    /// It is done, and this is the answer.
    AnswerAfterCommit {
        /// HTTP status, 200 to 599.
        status: u16,
        /// Names and values; `content-type` is `application/json` unless given here.
        headers: Vec<(String, String)>,
        /// Sent as it is.
        body: String,
    },
}

/// What a client gets whose write takes effect later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// No answer until the client goes away.
    Hang,
    /// The connection closes without an answer.
    Close,
    /// This answer, such as the 504 of a gateway that did not want to wait.
    Answer {
        /// HTTP status, 200 to 599.
        status: u16,
        /// Names and values; `content-type` is `application/json` unless given here.
        headers: Vec<(String, String)>,
        /// Sent as it is.
        body: String,
    },
}

/// When a late write takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// When the sandbox is told to release it.
    Released,
    /// After this time by the sandbox's clock, just before the next request or look at the sandbox.
    After(Duration),
}

/// The faults still to come.
#[derive(Debug, Default)]
pub(crate) struct Armed {
    faults: Vec<Fault>,
    chaos: Option<(Chance, u8)>,
}

impl Armed {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Counts one request. All faults that match count it, and the first of them that is due strikes.
    pub(crate) fn strike(&mut self, method: &Method, path: &str) -> Option<Effect> {
        let mut due = None;
        for (position, fault) in self.faults.iter_mut().enumerate() {
            if fault.matches.covers(method, path) {
                fault.nth = fault.nth.saturating_sub(1);
                if fault.nth == 0 && due.is_none() {
                    due = Some(position);
                }
            }
        }
        let told = due.map(|position| self.faults.remove(position).effect);
        let Some((chance, percent)) = self.chaos.as_mut() else { return told };
        // Drawn for every request, so that a fault of the script does not shift the story.
        let drawn = chance.percent(*percent).then(|| chaotic(chance, is_write(method, path)));
        told.or(drawn)
    }

    /// From now on every request may meet a fault, with this chance in a hundred.
    pub(crate) fn chaos(&mut self, seed: u64, percent: u8) {
        self.chaos = (percent > 0).then(|| (Chance::new(seed), percent));
    }

    pub(crate) fn unused(&self) -> Vec<Fault> {
        self.faults.clone()
    }
}

/// Any fault that ends by itself: nothing that hangs, so that a client with a long time limit gets on.
fn chaotic(chance: &mut Chance, is_write: bool) -> Effect {
    let unavailable = || (503, Vec::new(), "upstream connect error".to_owned());
    let conflict = || (409, Vec::new(), "another write came first".to_owned());
    match chance.below(if is_write { 9 } else { 3 }) {
        0 => Effect::CloseBeforeCommit,
        1 => {
            let (status, headers, body) = unavailable();
            Effect::Answer { status, headers, body }
        }
        2 => Effect::RateLimit(RateLimit::new(Reason::Burst, 1)),
        3 => Effect::CloseAfterCommit,
        4 => {
            let (status, headers, body) = unavailable();
            Effect::AnswerAfterCommit { status, headers, body }
        }
        5 => {
            let (status, headers, body) = conflict();
            Effect::Answer { status, headers, body }
        }
        6 => {
            let (status, headers, body) = conflict();
            Effect::AnswerAfterCommit { status, headers, body }
        }
        _ => {
            Effect::Late { reply: Reply::Close, due: Due::After(Duration::from_secs(1 + chance.below(120))) }
        }
    }
}

/// Whether a request may change something.
pub(crate) fn is_write(method: &Method, path: &str) -> bool {
    let is_posted_read = ["/bulkfetch", "/search/jql", "/search/approximate-count", "/search", "/jql/parse"]
        .iter()
        .any(|end| path.ends_with(end));
    method == Method::PUT || method == Method::DELETE || (method == Method::POST && !is_posted_read)
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nth, matches, effect } = self;
        let effect = match effect {
            Effect::HangBeforeCommit => "hang-before-commit".to_owned(),
            Effect::HangAfterCommit => "hang-after-commit".to_owned(),
            Effect::CloseBeforeCommit => "close-before-commit".to_owned(),
            Effect::CloseAfterCommit => "close-after-commit".to_owned(),
            Effect::RateLimit(_) => "rate-limit".to_owned(),
            Effect::Conflict => "conflict".to_owned(),
            Effect::UnnoticedEdit => "unnoticed-edit".to_owned(),
            Effect::ExpireToken => "expire-token".to_owned(),
            Effect::ExpirePages => "expire-pages".to_owned(),
            Effect::ShortPage => "short-page".to_owned(),
            Effect::LosePageToken => "lose-page-token".to_owned(),
            Effect::Late { .. } => "late".to_owned(),
            Effect::Answer { status, .. } => format!("answer {status}"),
            Effect::AnswerAfterCommit { status, .. } => format!("answer-after-commit {status}"),
        };
        write!(formatter, "{effect} on `{matches}`, due at match {}", (*nth).max(1))
    }
}

impl fmt::Display for Matches {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Writes => write!(formatter, "writes"),
            Self::Ending { method, suffix } => write!(formatter, "{method} {suffix}"),
            Self::Like { method, path } => write!(formatter, "{method} ~{path}"),
        }
    }
}

impl Matches {
    pub(crate) fn covers(&self, requested: &Method, requested_path: &str) -> bool {
        match self {
            Self::Writes => is_write(requested, requested_path),
            Self::Ending { method, suffix } => {
                requested.as_str() == method.as_str() && requested_path.ends_with(suffix.as_str())
            }
            Self::Like { method, path } => {
                requested.as_str() == method.as_str() && path.is_match(requested_path)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(nth: usize, matches: Matches) -> Fault {
        Fault { nth, matches, effect: Effect::CloseBeforeCommit }
    }

    #[test]
    fn strikes_once_and_at_the_nth_match_only() {
        let mut armed = Armed::default();
        armed.add(close(2, Matches::Writes));
        let hits: Vec<bool> = ["/issue", "/issue", "/issue"]
            .iter()
            .map(|path| armed.strike(&Method::POST, path).is_some())
            .collect();
        assert_eq!(hits, [false, true, false]);
    }

    #[test]
    fn a_posted_search_is_no_write() {
        let mut armed = Armed::default();
        armed.add(close(1, Matches::Writes));
        assert!(armed.strike(&Method::GET, "/rest/api/3/myself").is_none());
        assert!(armed.strike(&Method::POST, "/rest/api/3/search/jql").is_none());
        assert!(armed.strike(&Method::POST, "/rest/api/3/issue/bulkfetch").is_none());
        assert!(armed.strike(&Method::POST, "/rest/api/3/jql/parse").is_none());
        assert!(armed.strike(&Method::DELETE, "/rest/api/3/issue/10001").is_some());
    }

    #[test]
    fn method_and_path_must_both_match() {
        let mut armed = Armed::default();
        armed.add(close(1, Matches::Ending { method: "POST".to_owned(), suffix: "/comment".to_owned() }));
        armed.add(close(
            1,
            Matches::Like {
                method: "PUT".to_owned(),
                path: Regex::new(r"/issue/\d+$").expect("a sound pattern"),
            },
        ));
        assert!(armed.strike(&Method::GET, "/rest/api/3/issue/10001/comment").is_none());
        assert!(armed.strike(&Method::PUT, "/rest/api/3/issue/DISP-1").is_none());
        assert!(armed.strike(&Method::PUT, "/rest/api/3/issue/10001").is_some());
        assert!(armed.strike(&Method::POST, "/rest/api/3/issue/10001/comment").is_some());
    }

    #[test]
    fn faults_due_at_one_request_strike_one_after_another() {
        let mut armed = Armed::default();
        armed.add(close(1, Matches::Writes));
        armed.add(close(1, Matches::Writes));
        let hits = (0..3).filter(|_| armed.strike(&Method::PUT, "/rest/api/3/issue/10001").is_some()).count();
        assert_eq!(hits, 2);
    }
}
