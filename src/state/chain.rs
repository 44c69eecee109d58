//! The chain: how one record is spelled and how it is bound to the one before.
//!
//! Pure. The form is told in the documentation of [`super::journal`].

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// SHA-256 of a record; its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

/// The end of a chain: how far it goes and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last record; 0 when there is none.
    pub seq: u64,
    /// Its hash; zeros when there is none.
    pub hash: ChainHash,
}

impl FromStr for Head {
    type Err = String;

    /// Reads a head as [`fmt::Display`] writes it.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("expected a number and a hash, such as `812:9f…`, but found `{text}`");
        let (seq, hash) = text.split_once(':').ok_or_else(form)?;
        let seq = seq.parse().map_err(|_| form())?;
        Ok(Self { seq, hash: hash.parse().map_err(|error: NotAHash| error.to_string())? })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.seq, self.hash)
    }
}

/// One record, as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// When it happened. May go backwards, as clocks do.
    pub at: Timestamp,
    /// What happened; the caller's word.
    pub kind: String,
    /// The details.
    pub body: Value,
    /// The hash of the record before.
    pub prev: ChainHash,
    /// The hash of this one.
    pub hash: ChainHash,
}

impl Head {
    /// The head of a journal without records.
    pub const EMPTY: Self = Self { seq: 0, hash: ChainHash([0; 32]) };
}

impl fmt::Display for ChainHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ChainHash({self})")
    }
}

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected 64 lower-case hexadecimal digits, but found `{found}`")]
pub struct NotAHash {
    found: String,
}

impl FromStr for ChainHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut bytes = [0; 32];
        let is_lower = !text.bytes().any(|sign| sign.is_ascii_uppercase());
        let is_read = is_lower && hex::decode_to_slice(text, &mut bytes).is_ok();
        is_read.then_some(Self(bytes)).ok_or_else(|| NotAHash { found: text.to_owned() })
    }
}

impl Serialize for ChainHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn hash_of(head: Head, at: &str, kind: &str, body: &str) -> ChainHash {
    let seq = (head.seq + 1).to_be_bytes();
    let mut hasher = Sha256::new();
    for field in [head.hash.0.as_slice(), &seq, at.as_bytes(), kind.as_bytes(), body.as_bytes()] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field);
    }
    ChainHash(hasher.finalize().into())
}

/// A line up to its body. The body comes last, so that its text as written is what follows.
fn prefix_of(seq: u64, at: &str, kind: &str, prev: &str, hash: &str) -> String {
    let kind = Value::from(kind);
    format!(r#"{{"seq":{seq},"at":"{at}","kind":{kind},"prev":"{prev}","hash":"{hash}","body":"#)
}

/// The line that follows `head`, with its newline, and the head it makes.
pub(super) fn render(head: Head, at: Timestamp, kind: &str, body: &str) -> (String, Head) {
    let at = at.to_string();
    let next = Head { seq: head.seq + 1, hash: hash_of(head, &at, kind, body) };
    let mut line = prefix_of(next.seq, &at, kind, &head.hash.to_string(), &next.hash.to_string());
    line.push_str(body);
    line.push_str("}\n");
    (line, next)
}

/// The fields of a line before its body, as text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    seq: u64,
    at: String,
    kind: String,
    prev: String,
    hash: String,
}

/// A line that is proved to follow the chain.
pub(super) struct Line<'a> {
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) kind: String,
    pub(super) prev: ChainHash,
    pub(super) hash: ChainHash,
    /// As written.
    pub(super) body: &'a str,
    /// All of it, as written.
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    /// Proves that a line, without its newline, follows `head`; otherwise says what was expected and found.
    pub(super) fn check(head: Head, line: &'a [u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
        // No text before the body can hold this, since its quotes would be escaped. The body itself is long, and its hash says
        // whether it is what was written.
        let (fields, _) =
            text.split_once(r#","body":"#).ok_or("it is not a journal record (it has no body)")?;
        let Fields { seq, at, kind, prev, hash } = serde_json::from_str(&format!("{fields}}}"))
            .map_err(|source| format!("it is not a journal record ({source})"))?;
        if seq != head.seq + 1 {
            return Err(format!("it has the number `{seq}`"));
        }
        if prev.parse() != Ok(head.hash) {
            return Err(format!("it follows `{prev}`, but the record before is `{}`", head.hash));
        }
        // Compared as text: spaces, another order or an escape would not change the fields.
        let body = text
            .strip_prefix(prefix_of(seq, &at, &kind, &prev, &hash).as_str())
            .and_then(|rest| rest.strip_suffix('}'))
            .ok_or("it is spelled unlike disputebot spells records")?;
        let computed = hash_of(head, &at, &kind, body);
        if hash.parse() != Ok(computed) {
            return Err(format!("it says its hash is `{hash}`, but its content gives `{computed}`"));
        }
        let at = at.parse().map_err(|_| format!("`{at}` is not a time"))?;
        Ok(Self { seq, at, kind, prev: head.hash, hash: computed, body, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-11-24T12:00:00Z";

    #[test]
    fn the_hash_is_the_documented_one() {
        let (_, head) = render(Head::EMPTY, NOON.parse().unwrap(), "began", r#"{"n":1}"#);
        let mut input = Vec::new();
        for field in [&[0_u8; 32][..], &1_u64.to_be_bytes(), NOON.as_bytes(), b"began", br#"{"n":1}"#] {
            input.extend((field.len() as u64).to_be_bytes());
            input.extend(field);
        }
        assert_eq!(head.hash.0, <[u8; 32]>::from(Sha256::digest(&input)));
    }

    #[test]
    fn a_line_in_another_spelling_is_refused() {
        let (line, _) = render(Head::EMPTY, NOON.parse().unwrap(), "began", r#"{"n":1}"#);
        let line = line.trim_end();
        assert!(Line::check(Head::EMPTY, line.as_bytes()).is_ok());
        for (from, to) in [
            ("\"seq\":1", "\"seq\": 1"),
            ("began", "\\u0062egan"),
            ("1}}", "1}} "),
            ("1}}", "1 }}"),
            ("{\"n\"", " {\"n\""),
        ] {
            let spelled = line.replacen(from, to, 1);
            assert_ne!(spelled, line);
            assert!(Line::check(Head::EMPTY, spelled.as_bytes()).is_err(), "{spelled}");
        }
    }

    #[test]
    fn only_lower_case_hashes_are_read() {
        let hash = ChainHash(std::array::from_fn(|index| index as u8 * 7));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        for wrong in ["", "00", &hash.to_string().to_uppercase(), &"0".repeat(63), &"0".repeat(66)] {
            assert!(wrong.parse::<ChainHash>().is_err(), "{wrong}");
        }
    }
}
