//! Webhooks: whether one is Jira's, is new, and is not about what disputebot did itself. Pure.
//!
//! A webhook is a hint that something changed, never news of what. Nothing in it is acted on: it may come late, twice,
//! out of order or not at all, so the next pass looks at Jira itself. That is also why what was seen is not kept over
//! a restart: a delivery that counts twice costs one look more, and looks are limited in number.

use std::collections::{HashSet, VecDeque};

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Sha256, Sha384, Sha512};

use super::site::Own;

/// Largest delivery that is read, in bytes.
pub const BODY_LIMIT: usize = 1 << 20;
/// Shortest secret that is taken, in bytes: whoever knows one delivery can try secrets without asking anybody.
pub const SECRET_LEAST: usize = 16;
/// How many identifiers are remembered.
const REMEMBERED: usize = 4_096;
/// Longest identifier that is remembered.
const IDENTIFIER_LIMIT: usize = 200;

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It has no signature: the webhook in Jira has no secret.
    #[error("it is not signed")]
    Unsigned,
    /// The method is none that is safe, or the header has another form.
    #[error("its signature has a form that is not known; expected `sha256=…`, `sha384=…` or `sha512=…`")]
    Form,
    /// Another secret, or another body.
    #[error("its signature is wrong")]
    Wrong,
}

/// Checks the signature over the raw bytes of a delivery, as the header `X-Hub-Signature` has it: a method and a
/// digest in hexadecimal. The comparison takes the same time wherever the digests differ.
pub fn verify(secret: &[u8], signature: Option<&str>, body: &[u8]) -> Result<(), Distrust> {
    let (method, digest) =
        signature.ok_or(Distrust::Unsigned)?.trim().split_once('=').ok_or(Distrust::Form)?;
    let digest = unhex(digest).ok_or(Distrust::Form)?;
    match method.to_ascii_lowercase().as_str() {
        "sha256" => compare::<Sha256>(secret, body, &digest),
        "sha384" => compare::<Sha384>(secret, body, &digest),
        "sha512" => compare::<Sha512>(secret, body, &digest),
        _ => Err(Distrust::Form),
    }
}

fn compare<D: EagerHash>(secret: &[u8], body: &[u8], digest: &[u8]) -> Result<(), Distrust>
where
    Hmac<D>: Mac + KeyInit,
{
    let mac = <Hmac<D> as KeyInit>::new_from_slice(secret).map_err(|_| Distrust::Wrong)?;
    mac.chain_update(body).verify_slice(digest).map_err(|_| Distrust::Wrong)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// What was delivered already.
#[derive(Debug, Default)]
pub struct Inbox {
    known: HashSet<String>,
    /// The same, oldest first.
    order: VecDeque<String>,
}

impl Inbox {
    /// Whether a delivery is seen for the first time. One without an identifier always is: better one look too
    /// many than one too few.
    pub fn is_new(&mut self, identifier: Option<&str>) -> bool {
        let Some(identifier) = identifier.filter(|it| !it.is_empty() && it.len() <= IDENTIFIER_LIMIT) else {
            return true;
        };
        if !self.known.insert(identifier.to_owned()) {
            return false;
        }
        self.order.push_back(identifier.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Whether a delivery tells of what an account did, which is then ours: its id on Cloud, its name or key on Data
/// Center. One that does not say who did it is nobody's.
pub fn is_of(account: &str, body: &[u8]) -> bool {
    let Ok(event) = serde_json::from_slice::<Value>(body) else { return false };
    // Of a comment, whoever wrote it last; otherwise whoever acted.
    let actors = [&event["user"], &event["comment"]["updateAuthor"]];
    let Some(actor) = actors.into_iter().find(|actor| actor.is_object()) else { return false };
    Own { account, former: &[] }.is(actor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &[u8] = b"It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello World!";
    const SHA256: &str = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";

    #[test]
    fn the_signature_that_the_vendor_publishes_is_taken() {
        assert_eq!(verify(SECRET, Some(&format!("sha256={SHA256}")), BODY), Ok(()));
        assert_eq!(verify(SECRET, Some(&format!("SHA256={}", SHA256.to_uppercase())), BODY), Ok(()));
    }

    #[test]
    fn the_method_is_the_one_that_the_header_names_and_no_weak_one() {
        let signed = |method: &str, digest: Vec<u8>| {
            verify(SECRET, Some(&format!("{method}={}", hex::encode(digest))), BODY)
        };
        let sha384 = Hmac::<Sha384>::new_from_slice(SECRET).unwrap().chain_update(BODY).finalize();
        let sha512 = Hmac::<Sha512>::new_from_slice(SECRET).unwrap().chain_update(BODY).finalize();
        let (sha384, sha512) = (sha384.into_bytes().to_vec(), sha512.into_bytes().to_vec());
        assert_eq!(signed("sha384", sha384), Ok(()));
        assert_eq!(signed("sha512", sha512.clone()), Ok(()));
        assert_eq!(signed("sha256", sha512), Err(Distrust::Wrong));
        for weak in ["sha1", "md5", "none", "plain", ""] {
            assert_eq!(signed(weak, vec![0; 20]), Err(Distrust::Form), "{weak}");
        }
    }

    #[test]
    fn nothing_else_is_taken() {
        assert_eq!(verify(SECRET, None, BODY), Err(Distrust::Unsigned));
        let wrong =
            |signature: &str, body: &[u8], secret: &[u8]| verify(secret, Some(signature), body).unwrap_err();
        let right = format!("sha256={SHA256}");
        assert_eq!(wrong(&right, b"Hello World?", SECRET), Distrust::Wrong);
        assert_eq!(wrong(&right, BODY, b"another secret of a length"), Distrust::Wrong);
        for position in 0..SHA256.len() {
            let mut other = SHA256.to_owned();
            let digit = if &SHA256[position..=position] == "0" { "1" } else { "0" };
            other.replace_range(position..=position, digit);
            assert_eq!(wrong(&format!("sha256={other}"), BODY, SECRET), Distrust::Wrong, "{position}");
        }
        assert_eq!(wrong(&right[..right.len() - 2], BODY, SECRET), Distrust::Wrong, "a part of it");
        assert_eq!(wrong("sha256=", BODY, SECRET), Distrust::Wrong);
        for form in ["", "sha256", SHA256, "sha256=abc", "sha256=zz", "sha256=é", "=", "sha256:a4"] {
            assert_eq!(wrong(form, BODY, SECRET), Distrust::Form, "{form}");
        }
    }

    #[test]
    fn a_delivery_counts_once_however_often_it_comes_and_the_memory_of_it_is_bounded() {
        let mut inbox = Inbox::default();
        assert!(inbox.is_new(Some("a")));
        assert!(!inbox.is_new(Some("a")));
        assert!(inbox.is_new(Some("b")));
        assert!(!inbox.is_new(Some("a")));
        assert!(inbox.is_new(None) && inbox.is_new(None) && inbox.is_new(Some("")));
        let long = "x".repeat(IDENTIFIER_LIMIT + 1);
        assert!(inbox.is_new(Some(&long)) && inbox.is_new(Some(&long)));
        for number in 0..3 * REMEMBERED {
            assert!(inbox.is_new(Some(&number.to_string())));
            assert!(inbox.known.len() <= REMEMBERED && inbox.order.len() == inbox.known.len());
        }
        assert!(inbox.is_new(Some("a")), "forgotten");
    }

    #[test]
    fn an_echo_is_told_by_who_acted_on_cloud_and_on_data_center() {
        let of = |event: Value| is_of("bot", event.to_string().as_bytes());
        assert!(of(json!({ "user": { "accountId": "bot" } })));
        assert!(of(json!({ "user": { "name": "bot", "key": "JIRAUSER10100" } })));
        assert!(of(json!({ "user": { "name": "robot", "key": "bot" } })));
        assert!(of(
            json!({ "comment": { "author": { "accountId": "ann" }, "updateAuthor": { "accountId": "bot" } } })
        ));
        assert!(!of(json!({ "user": { "accountId": "ann" } })));
        assert!(!of(
            json!({ "comment": { "author": { "accountId": "bot" }, "updateAuthor": { "accountId": "ann" } } })
        ));
        // What is about our ticket is not therefore ours.
        assert!(!of(
            json!({ "user": { "accountId": "ann" }, "issue": { "fields": { "creator": { "accountId": "bot" } } } })
        ));
        assert!(!of(json!({ "timestamp": 1 })));
        assert!(!is_of("", br#"{"user":{"accountId":""}}"#));
        assert!(!is_of("bot", b"bot"));
    }
}
