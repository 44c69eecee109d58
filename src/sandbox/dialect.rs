//! Which Jira this is, where it answers, and how one request speaks to it: the version and the address it came by
//! decide how rich text, people and addresses are written.

use super::call::decode_segment;
use serde::Deserialize;

/// Which of the two products the sandbox plays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flavour {
    /// Jira Cloud: versions 2 and 3, account ids, documents, search by token.
    #[default]
    Cloud,
    /// Jira Data Center 10.3: version 2, user names, wiki markup, search by offset.
    DataCenter,
}

/// How the characters of a document are counted. What Jira Cloud counts is not documented; wiki markup is counted
/// as it is, in UTF-16 units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The document as JSON text: the strictest of the plausible measures.
    #[default]
    Json,
    /// The text that people read.
    Text,
}

/// What is fixed about a site when it starts.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) flavour: Flavour,
    /// Scheme, host and port, such as `http://127.0.0.1:40123`.
    pub(crate) origin: String,
    /// Empty, or such as `/jira`.
    pub(crate) context: String,
    pub(crate) cloud_id: String,
    /// The site address takes nobody's token; the gateway does.
    pub(crate) scoped_only: bool,
    /// Characters of a rich text.
    pub(crate) text_limit: usize,
    pub(crate) measure: Measure,
}

/// How one request speaks.
#[derive(Debug, Clone)]
pub(crate) struct Speech {
    /// What `self` addresses start with, such as `http://127.0.0.1:40123/rest/api/3`.
    pub(crate) rest: String,
    /// Rich text is a string of wiki markup, not a document.
    pub(crate) is_wiki: bool,
    pub(crate) by_gateway: bool,
}

/// What a path leads to.
pub(crate) enum Place {
    /// An endpoint, by its segments after the version; one segment that no route has if there is no such version.
    Api { segments: Vec<String>, speech: Speech },
    /// A page for people, by its path inside of the context.
    Page(String),
    /// Outside of the context path.
    Outside,
}

impl Site {
    /// The address of the site, without a final slash.
    pub(crate) fn base(&self) -> String {
        format!("{}{}", self.origin, self.context)
    }

    /// The address of the gateway for scoped tokens.
    pub(crate) fn gateway(&self) -> String {
        format!("{}/ex/jira/{}", self.origin, self.cloud_id)
    }

    /// How the newest version at the site address speaks.
    pub(crate) fn speech(&self) -> Speech {
        self.speech_of(self.newest(), false)
    }

    /// How payloads of webhooks speak.
    pub(crate) fn payload_speech(&self) -> Speech {
        self.speech_of("2", false)
    }

    pub(crate) fn locate(&self, path: &str) -> Place {
        if self.flavour == Flavour::Cloud {
            if let Some(rest) = path.strip_prefix("/ex/jira/") {
                let (cloud_id, inner) = rest.split_once('/').unwrap_or((rest, ""));
                let inner = if cloud_id == self.cloud_id { inner } else { "" };
                return self.locate_api(&format!("/{inner}"), true);
            }
            if path == "/_edge/tenant_info" {
                return Place::Api { segments: vec!["tenant_info".to_owned()], speech: self.speech() };
            }
        }
        let Some(inside) = path.strip_prefix(self.context.as_str()) else { return Place::Outside };
        if inside == "/rest" || inside.starts_with("/rest/") {
            return self.locate_api(inside, false);
        }
        if self.flavour == Flavour::DataCenter
            && let Some(rest) = inside.strip_prefix("/secure/attachment/")
        {
            let id = rest.split('/').next().unwrap_or_default().to_owned();
            return Place::Api { segments: vec!["secure attachment".to_owned(), id], speech: self.speech() };
        }
        match inside {
            // Without the slash a relative address would leave the context.
            "" => Place::Page("/".to_owned()),
            inside if inside.starts_with('/') => Place::Page(inside.to_owned()),
            _ => Place::Outside,
        }
    }

    fn locate_api(&self, path: &str, by_gateway: bool) -> Place {
        let found = ["2", "3", "latest"].into_iter().find_map(|version| {
            let rest = path.strip_prefix("/rest/api/")?.strip_prefix(version)?.strip_prefix('/')?;
            let version = if version == "latest" { self.newest() } else { version };
            (version <= self.newest()).then_some((version, rest))
        });
        match found {
            Some((version, rest)) => Place::Api {
                segments: rest.trim_end_matches('/').split('/').map(decode_segment).collect(),
                speech: self.speech_of(version, by_gateway),
            },
            None => Place::Api {
                segments: vec![String::new()],
                speech: self.speech_of(self.newest(), by_gateway),
            },
        }
    }

    fn newest(&self) -> &'static str {
        match self.flavour {
            Flavour::Cloud => "3",
            Flavour::DataCenter => "2",
        }
    }

    fn speech_of(&self, version: &str, by_gateway: bool) -> Speech {
        let address = if by_gateway { self.gateway() } else { self.base() };
        Speech { rest: format!("{address}/rest/api/{version}"), is_wiki: version == "2", by_gateway }
    }
}

/// Whether a context path is one that Jira takes: empty, or `/` and a word.
pub(crate) fn is_context_path(path: &str) -> bool {
    path.is_empty()
        || path.strip_prefix('/').is_some_and(|word| {
            !word.is_empty()
                && !["rest", "ex", "_edge"].contains(&word)
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        })
}
