//! Who gets in, and whose write a write is.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::Access;

/// How long a sign-in holds.
const SESSION: SignedDuration = SignedDuration::from_hours(12);
/// Sessions that are kept; an older one ends where one more begins.
const SESSIONS: usize = 1_000;
/// Wrong tokens within a minute after which no more are looked at for the rest of it.
const WRONG_A_MINUTE: u32 = 20;
/// Name of the cookie.
const COOKIE: &str = "disputebot";

/// Somebody who got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visitor {
    /// Who it is, for the record.
    pub(super) name: String,
    /// What this visitor's forms must hold.
    pub(super) secret: String,
    /// Whether there is a session to end.
    pub(super) session: bool,
}

/// Why somebody does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// The name of the host is not of this machine.
    ForeignHost,
    /// Not signed in; a token would help.
    SignIn,
    /// Not signed in, and only the proxy can.
    Proxy,
}

/// The door.
#[derive(Debug)]
pub(super) struct Door {
    access: Access,
    /// Random for each process: what secrets of forms are made of.
    salt: String,
    sessions: Mutex<HashMap<String, Timestamp>>,
    wrong: Mutex<(i64, u32)>,
}

impl Door {
    pub(super) fn new(access: Access) -> Self {
        Self { access, salt: random(), sessions: Mutex::default(), wrong: Mutex::default() }
    }

    /// Who asks, where they may.
    pub(super) fn visitor(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
        now: Timestamp,
    ) -> Result<Visitor, Closed> {
        let Access::Known { token, proxy } = &self.access else {
            return if is_this_machine(headers) {
                Ok(self.visit("somebody on this machine", "this machine", false))
            } else {
                Err(Closed::ForeignHost)
            };
        };
        if let Some(proxy) = proxy
            && proxy.addresses.contains(&peer.ip().to_canonical())
            && let Some(name) = headers.get(&proxy.header).and_then(|name| name.to_str().ok())
            && !name.trim().is_empty()
        {
            let name: String = name.trim().chars().take(100).collect();
            return Ok(self.visit(&name, &name, false));
        }
        if token.is_none() {
            return Err(Closed::Proxy);
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(given) = bearer.and_then(|value| value.strip_prefix("Bearer "))
            && self.is_token(given, now)
        {
            return Ok(self.visit("who knows the token", "bearer", false));
        }
        match session(headers) {
            Some(session) if self.is_open(session, now) => {
                Ok(self.visit("who knows the token", session, true))
            }
            _ => Err(Closed::SignIn),
        }
    }

    fn visit(&self, name: &str, of: &str, session: bool) -> Visitor {
        Visitor { name: name.to_owned(), secret: digest(&[&self.salt, of]), session }
    }

    /// The cookie of a new session, where the token is right.
    pub(super) fn sign_in(&self, given: &str, encrypted: bool, now: Timestamp) -> Option<String> {
        if !self.is_token(given, now) {
            return None;
        }
        let session = random();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, until| *until > now);
        if sessions.len() >= SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, until)| **until).map(|(id, _)| id.clone())
        {
            sessions.remove(&oldest);
        }
        // A copy of the memory shows no session that could be used.
        sessions.insert(digest(&[&session]), now + SESSION);
        let secure = if encrypted { "; Secure" } else { "" };
        Some(format!(
            "{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
            SESSION.as_secs()
        ))
    }

    /// Ends a session; gives the cookie that says so.
    pub(super) fn sign_out(&self, headers: &HeaderMap) -> String {
        if let Some(session) = session(headers) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(&[session]));
        }
        format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    fn is_open(&self, session: &str, now: Timestamp) -> bool {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&digest(&[session])).is_some_and(|until| *until > now)
    }

    fn is_token(&self, given: &str, now: Timestamp) -> bool {
        let Access::Known { token: Some(token), .. } = &self.access else { return false };
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_second() / 60;
        if wrong.0 != minute {
            *wrong = (minute, 0);
        }
        if wrong.1 >= WRONG_A_MINUTE {
            return false;
        }
        // Digests are compared, so that time tells nothing of how much of it is right.
        let right = digest(&[&self.salt, given]) == digest(&[&self.salt, token.expose_secret()]);
        wrong.1 += u32::from(!right);
        right
    }
}

/// Whether a form was shown to this visitor, and sent from a page of ours.
pub(super) fn is_own(visitor: &Visitor, given: &str, headers: &HeaderMap) -> bool {
    let text = |name: &header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let same_origin = text(&header::ORIGIN).is_none_or(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some() && host == text(&header::HOST)
    });
    same_origin && !given.is_empty() && digest(&[given]) == digest(&[&visitor.secret])
}

fn is_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

fn session(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn random() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use secrecy::SecretString;

    use super::*;
    use crate::web::Proxy;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn peer(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 4)
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn on_loopback_only_names_of_this_machine_get_in() {
        let door = Door::new(Access::ThisMachine);
        let host = |host| door.visitor(&headers(&[("host", host)]), peer("127.0.0.1"), NOW);
        for own in ["localhost:8080", "127.0.0.1", "[::1]:8080"] {
            assert!(host(own).is_ok(), "{own}");
        }
        for foreign in ["evil.example.com", "localhost.example.com", "127.0.0.1.example.com"] {
            assert_eq!(host(foreign), Err(Closed::ForeignHost), "{foreign}");
        }
    }

    #[test]
    fn a_session_is_had_for_the_right_token_and_ends() {
        let door = Door::new(Access::Known { token: Some(SecretString::from("open sesame")), proxy: None });
        assert_eq!(door.sign_in("open", false, NOW), None);
        let cookie = door.sign_in("open sesame", true, NOW).unwrap();
        assert!(cookie.contains("HttpOnly; SameSite=Strict") && cookie.ends_with("; Secure"));
        let kept = headers(&[("cookie", cookie.split(';').next().unwrap())]);
        assert!(door.visitor(&kept, peer("10.0.0.1"), NOW).is_ok());
        assert_eq!(door.visitor(&kept, peer("10.0.0.1"), NOW + SESSION), Err(Closed::SignIn));
        door.sign_out(&kept);
        assert_eq!(door.visitor(&kept, peer("10.0.0.1"), NOW), Err(Closed::SignIn));
    }

    #[test]
    fn guessing_is_stopped_for_the_rest_of_the_minute() {
        let door = Door::new(Access::Known { token: Some(SecretString::from("right")), proxy: None });
        for _ in 0..WRONG_A_MINUTE {
            assert_eq!(door.sign_in("wrong", false, NOW), None);
        }
        assert_eq!(door.sign_in("right", false, NOW), None);
        assert!(door.sign_in("right", false, NOW + SignedDuration::from_secs(60)).is_some());
    }

    #[test]
    fn the_header_of_a_proxy_is_believed_from_the_proxy_alone() {
        let proxy = Proxy { header: "x-user".to_owned(), addresses: vec!["10.0.0.2".parse().unwrap()] };
        let door = Door::new(Access::Known { token: None, proxy: Some(proxy) });
        let said = headers(&[("x-user", "lead")]);
        assert_eq!(door.visitor(&said, peer("10.0.0.2"), NOW).unwrap().name, "lead");
        assert_eq!(door.visitor(&said, peer("10.0.0.3"), NOW), Err(Closed::Proxy));
        assert_eq!(door.visitor(&headers(&[]), peer("10.0.0.2"), NOW), Err(Closed::Proxy));
    }

    #[test]
    fn a_form_of_another_page_or_person_is_not_taken() {
        let door = Door::new(Access::ThisMachine);
        let host = ("host", "localhost:80");
        let visitor = door.visitor(&headers(&[host]), peer("127.0.0.1"), NOW).unwrap();
        let secret = visitor.secret.clone();
        assert!(is_own(&visitor, &secret, &headers(&[host, ("origin", "http://localhost:80")])));
        assert!(!is_own(&visitor, &secret, &headers(&[host, ("origin", "http://evil.example.com")])));
        assert!(!is_own(&visitor, &secret, &headers(&[host, ("origin", "null")])));
        assert!(!is_own(&visitor, "", &headers(&[host])));
        assert!(!is_own(&visitor, &digest(&["another"]), &headers(&[host])));
    }
}
