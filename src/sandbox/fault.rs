//! Faults: what can be made to go wrong, at which request, before or after the request took effect.

use std::time::Duration;

use axum::http::Method;
use regex::Regex;

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
        due.map(|position| self.faults.remove(position).effect)
    }
}

impl Matches {
    fn covers(&self, requested: &Method, requested_path: &str) -> bool {
        match self {
            Self::Writes => {
                let posted_read = ["/bulkfetch", "/search/jql", "/search/approximate-count", "/search"]
                    .iter()
                    .any(|end| requested_path.ends_with(end));
                requested == Method::PUT
                    || requested == Method::DELETE
                    || (requested == Method::POST && !posted_read)
            }
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
