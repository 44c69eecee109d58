//! What Jira told a call to wait for, on disk before the call waits.
//!
//! A pass that reads cannot record: its state is in use. So this is a file of its own, which the next record of such
//! a time makes needless. Losing it loses nothing but one call that is refused.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Known, StateError, durable::replace_file};
use crate::plan::{NotBefore, Pause};

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
    /// What was noted in a state's folder; nothing where that cannot be read.
    pub fn read(directory: &Path) -> Self {
        std::fs::read(file(directory))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Notes them in a state's folder; they are on disk when this returns. Nothing is noted where there is no state.
    pub fn write(&self, directory: &Path) -> Result<(), StateError> {
        if !directory.is_dir() {
            return Ok(());
        }
        let path = file(directory);
        replace_file(&path, |out| Ok(serde_json::to_writer(out, self)?))
            .map_err(StateError::io("write", &path))
    }

    /// Takes what ends later than what is known.
    pub fn join(&mut self, other: Self) {
        later(&mut self.pause, &mut self.parts, other);
    }

    pub(super) fn tell(self, known: &mut Known) {
        later(&mut known.pause, &mut known.not_before, self);
    }

    pub(super) fn forget(directory: &Path) {
        // One that stays holds times that are over, or that the state knows as well.
        drop(std::fs::remove_file(file(directory)));
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

fn later(pause: &mut Option<Pause>, parts: &mut Vec<NotBefore>, other: Waits) {
    if let Some(news) = other.pause
        && pause.as_ref().is_none_or(|known| known.until < news.until)
    {
        *pause = Some(news);
    }
    for news in other.parts {
        match parts.iter_mut().find(|known| known.part == news.part) {
            Some(known) if known.pause.until >= news.pause.until => {}
            Some(known) => *known = news,
            None => parts.push(news),
        }
    }
}
