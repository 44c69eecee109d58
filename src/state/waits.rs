//! What Jira told a call to wait for, on disk as soon as it is heard.
//!
//! A pass that reads cannot record, since its state is in use, nor one whose other writes are still under way. So this is a
//! file of its own, beside the state and no part of it: what is in it is kept to and proves nothing else. Losing it loses
//! nothing but one call that is refused.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{StateError, backup, durable::replace_file};
use crate::plan::{Moment, NotBefore, Pause};

const FILE: &str = "waits.json";

/// Times for which Jira, or a part of it, wants to be left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// Of all of it.
    pub pause: Option<Pause>,
    /// Of parts.
    pub parts: Vec<NotBefore>,
}

impl Waits {
    /// What was noted in a state's folder; nothing where that cannot be read or is damaged.
    pub fn read(directory: &Path) -> Self {
        let noted = std::fs::read_to_string(file(directory)).ok();
        let whole = noted.as_deref().and_then(|noted| {
            let (sum, waits) = noted.split_once('\n')?;
            (sum == sum_of(waits)).then(|| serde_json::from_str(waits).ok())?
        });
        whole.unwrap_or_default()
    }

    /// Notes them in a state's folder; they are on disk when this returns. Nothing is noted where there is no state.
    pub fn write(&self, directory: &Path) -> Result<(), StateError> {
        if !backup::journal_of(directory).exists() {
            return Ok(());
        }
        let path = file(directory);
        let waits = serde_json::to_string(self).unwrap_or_default();
        replace_file(&path, |out| write!(out, "{}\n{waits}", sum_of(&waits)))
            .map_err(StateError::io("write", &path))
    }

    /// What is not over, and of what was noted twice that which lasts longer.
    #[must_use]
    pub fn with(self, other: Self, now: &Moment) -> Self {
        let lasting = |pause: &Pause| pause.left(now).is_positive();
        let pauses = self.pause.into_iter().chain(other.pause).filter(lasting);
        let mut parts: Vec<NotBefore> = Vec::new();
        for news in self.parts.into_iter().chain(other.parts).filter(|part| lasting(&part.pause)) {
            match parts.iter_mut().find(|known| known.part == news.part) {
                Some(known) if known.pause.left(now) >= news.pause.left(now) => {}
                Some(known) => *known = news,
                None => parts.push(news),
            }
        }
        // Of equals the first: what is noted already is not noted again.
        let pause = pauses.reduce(|one, other| if other.left(now) > one.left(now) { other } else { one });
        Self { pause, parts }
    }
}

fn sum_of(waits: &str) -> String {
    format!("{:08x}", crc32fast::hash(waits.as_bytes()))
}

fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    #[test]
    fn what_is_damaged_is_nothing_to_wait_for_whatever_bit_of_it_it_is() {
        let folder = tempfile::tempdir().unwrap();
        drop(State::open(folder.path()).unwrap());
        let now = Moment::by_wall("2026-11-28T06:00:00Z".parse().unwrap());
        let pause =
            Pause { until: "2026-11-28T07:00:00Z".parse().unwrap(), reason: "quota".to_owned(), noted: now };
        let waits = Waits { pause: Some(pause), parts: Vec::new() };
        waits.write(folder.path()).unwrap();
        assert_eq!(Waits::read(folder.path()), waits);
        let whole = std::fs::read(file(folder.path())).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(file(folder.path()), &damaged).unwrap();
            assert_eq!(Waits::read(folder.path()), Waits::default(), "bit {bit}");
        }
    }
}
