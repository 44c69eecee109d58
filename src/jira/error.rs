//! What can go wrong with a call, and what a person can do.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

/// No Jira takes only texts that are shorter than this; characters.
const SHORTEST_TEXT: usize = 1_000;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JiraError {
    /// Method and path of the call; never holds credentials or a query.
    pub call: String,
    /// What went wrong.
    pub cause: Cause,
    /// What Jira said, as one line; empty where it said nothing.
    pub said: String,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The connection was never made, so Jira has not seen the call.
    Connect,
    /// The address is not one that credentials may be sent to.
    Address,
    /// No answer in time; Jira may have done what was asked.
    Timeout,
    /// The connection broke or the answer cannot be read; Jira may have done what was asked.
    Broken,
    /// 401: the credentials are not accepted.
    Credentials,
    /// 403: the account may not do this.
    Forbidden,
    /// 404: not there, or not visible to this account.
    NotFound,
    /// 429: too many calls. Jira has not done what was asked.
    Busy {
        /// How long Jira asks to wait.
        wait: Option<SignedDuration>,
    },
    /// Not sent, because Jira wants to be left alone for longer than a run waits.
    Paused {
        /// Until when.
        until: Timestamp,
    },
    /// An answer for nobody: Jira no longer knows who asks, and shows nothing instead of refusing.
    Anonymous,
    /// 409: another write came at the same time.
    Conflict,
    /// 400, 413, 422 and other 4xx: Jira refuses what was asked, or, where the code is not one of its own, seems to.
    Refused(u16),
    /// 3xx: the address is not that of the API.
    Redirected(u16),
    /// 5xx: Jira failed; it may have done what was asked.
    Server(u16),
}

impl JiraError {
    /// Whether the same call may succeed later without anyone changing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.cause,
            Cause::Connect
                | Cause::Timeout
                | Cause::Broken
                | Cause::Busy { .. }
                | Cause::Paused { .. }
                | Cause::Conflict
                | Cause::Server(_)
        )
    }

    /// Whether Jira provably has not done what was asked.
    pub fn is_unexecuted(&self) -> bool {
        match self.cause {
            Cause::Connect
            | Cause::Address
            | Cause::Credentials
            | Cause::Forbidden
            | Cause::NotFound
            | Cause::Busy { .. }
            | Cause::Paused { .. }
            | Cause::Redirected(_) => true,
            // Of others, such as those that gateways make up, nobody knows (RFC 9110, 15.5).
            Cause::Refused(code) => matches!(code, 400 | 405 | 406 | 410 | 411 | 413..=415 | 422 | 431),
            Cause::Timeout | Cause::Broken | Cause::Anonymous | Cause::Conflict | Cause::Server(_) => false,
        }
    }

    /// Whether every further call would fail the same way.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self.cause,
            Cause::Connect
                | Cause::Address
                | Cause::Credentials
                | Cause::Anonymous
                | Cause::Paused { .. }
                | Cause::Redirected(_)
        )
    }

    /// Whether Jira refused it for its limits alone: the same will do later, and nothing was done yet.
    pub fn is_busy(&self) -> bool {
        matches!(self.cause, Cause::Busy { .. })
    }

    /// Whether it is refused for want of a right, as the same on other tickets will be. Of an edit that the account may not
    /// make, Jira says that its fields are on no screen.
    pub fn is_of_rights(&self) -> bool {
        match self.cause {
            Cause::Forbidden => true,
            Cause::Refused(400) => self.said.contains("not on the appropriate screen"),
            _ => false,
        }
    }

    /// Whether a refusal is of a text that disputebot shortens, as far as it says of what it is.
    fn is_of_text(&self) -> bool {
        let fields: Vec<&str> = self.said.split('`').skip(1).step_by(2).collect();
        let is_text =
            |field: &&str| ["description", "comment"].iter().any(|text| field.eq_ignore_ascii_case(text));
        fields.is_empty() || fields.iter().any(is_text)
    }

    /// The longest text to write from now on, where a refusal says so or shows that it is less than was thought; `now` is
    /// what was thought.
    ///
    /// A limit that is not lower says that people's own words fill the field, or that it is another field: neither is a
    /// reason to write shorter texts on all tickets.
    pub fn shorter_text(&self, now: usize) -> Option<usize> {
        let told = self.too_long().filter(|_| self.is_of_text())?;
        let limit = told.unwrap_or(now / 2).max(SHORTEST_TEXT);
        (limit < now).then_some(limit)
    }

    /// Where Jira refuses a text for its length: the longest it takes, where it says so.
    ///
    /// Cloud names `CONTENT_LIMIT_EXCEEDED`, both say "exceeds the allowed limit of 32,767 characters".
    pub fn too_long(&self) -> Option<Option<usize>> {
        let said = self.said.to_lowercase();
        let is_length = ["allowed limit of", "content_limit_exceeded", "text is too long"]
            .iter()
            .any(|words| said.contains(words));
        let refused = matches!(self.cause, Cause::Refused(400 | 413 | 422));
        (refused && is_length).then(|| {
            let (_, number) = said.split_once("allowed limit of")?;
            let digits: String = number
                .trim_start()
                .chars()
                .take_while(|sign| sign.is_ascii_digit() || matches!(sign, ',' | '.' | '\u{a0}' | '\u{202f}'))
                .filter(char::is_ascii_digit)
                .collect();
            digits.parse().ok()
        })
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self.cause {
            Cause::Address => {
                Some("`jira.url` is the plain address of the site, such as `https://example.atlassian.net`")
            }
            Cause::Connect => Some(
                "check `jira.url`, the network and, behind a proxy, HTTPS_PROXY; a certificate of an authority of your own is \
                 named by `jira.ca_file`",
            ),
            Cause::Credentials | Cause::Anonymous => Some(
                "check that `jira.user` and the token belong together and that the token has not expired; a token with \
                 scopes, or of a service account, needs `jira.cloud_id = \"auto\"`",
            ),
            Cause::Forbidden => Some("`disputebot check` names the permissions that the account needs"),
            Cause::NotFound => Some("check `jira.project`, and that the account may browse it"),
            Cause::Redirected(_) => Some("set `jira.url` to the address that the browser ends up at"),
            Cause::Paused { .. } => Some(
                "the daemon goes on by itself after that; `jira.longest_wait` is how long a run waits for Jira",
            ),
            Cause::Timeout
            | Cause::Broken
            | Cause::Busy { .. }
            | Cause::Conflict
            | Cause::Refused(_)
            | Cause::Server(_) => None,
        }
    }
}

impl fmt::Display for JiraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, cause, said } = self;
        match cause {
            Cause::Connect => write!(f, "could not reach Jira for `{call}`")?,
            Cause::Address => write!(f, "Jira cannot be asked at this address")?,
            Cause::Timeout => write!(f, "Jira did not answer `{call}` in time")?,
            Cause::Broken => write!(f, "the answer to `{call}` broke off or cannot be read")?,
            Cause::Credentials => write!(f, "Jira did not accept the credentials: 401 on `{call}`")?,
            Cause::Forbidden => write!(f, "Jira forbids it: 403 on `{call}`")?,
            Cause::NotFound => write!(f, "not there or not visible: 404 on `{call}`")?,
            Cause::Busy { .. } => write!(f, "Jira asks for fewer calls: 429 on `{call}`")?,
            Cause::Paused { until } => {
                write!(f, "Jira asks to wait until {until}, so `{call}` was not sent")?;
            }
            Cause::Anonymous => write!(f, "Jira answered `{call}` as if nobody had signed in")?,
            Cause::Conflict => write!(f, "another write came at the same time: 409 on `{call}`")?,
            Cause::Refused(status) => write!(f, "Jira refuses it: {status} on `{call}`")?,
            Cause::Redirected(status) => write!(f, "Jira redirects: {status} on `{call}`")?,
            Cause::Server(status) => write!(f, "Jira failed: {status} on `{call}`")?,
        }
        if said.is_empty() { Ok(()) } else { write!(f, ": {said}") }
    }
}

impl std::error::Error for JiraError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_that_are_known_as_such_prove_that_nothing_was_done() {
        let is_unexecuted = |code| {
            JiraError { call: String::new(), cause: Cause::Refused(code), said: String::new() }
                .is_unexecuted()
        };
        let proven: Vec<u16> = (400..500).filter(|code| is_unexecuted(*code)).collect();
        assert_eq!(proven, [400, 405, 406, 410, 411, 413, 414, 415, 422, 431]);
    }

    #[test]
    fn a_refusal_for_length_says_how_long_a_text_may_be() {
        let refused = |said: &str| JiraError {
            call: "POST /rest/api/2/issue".to_owned(),
            cause: Cause::Refused(400),
            said: said.to_owned(),
        };
        let told =
            "`description`: The entered text is too long. It exceeds the allowed limit of 32,767 characters.";
        assert_eq!(refused(told).too_long(), Some(Some(32_767)));
        assert_eq!(refused(told).shorter_text(40_000), Some(32_767));
        assert_eq!(refused(told).shorter_text(32_767), None, "it is filled by others");
        let other = "`customfield_10042`: The entered text is too long. It exceeds the allowed limit of 255 characters.";
        assert_eq!(refused(other).too_long(), Some(Some(255)));
        assert_eq!(refused(other).shorter_text(40_000), None);
        assert_eq!(
            refused("The text is too long.").shorter_text(40_000),
            Some(20_000),
            "nothing else is known"
        );
        assert_eq!(refused("`comment`: CONTENT_LIMIT_EXCEEDED").shorter_text(40_000), Some(20_000));
        assert_eq!(refused("`comment`: CONTENT_LIMIT_EXCEEDED").shorter_text(1_500), Some(1_000));
        assert_eq!(refused("`summary`: You must specify a summary").too_long(), None);
    }
}
