//! A daemon of a test, its log, and the address that it listens on.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
};

use crate::{crash::signal, judged::leak, sink::LIMIT};

/// A daemon and its log. One that is dropped is killed.
pub(crate) struct Running {
    child: Child,
    log: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.env("NO_COLOR", "1").spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = channel();
        thread::spawn(move || lines.map(Result::unwrap).try_for_each(|line| sender.send(line)));
        Self { child, log }
    }

    /// The same, once it has said some words; gives the address in their line.
    pub(crate) async fn listening(command: Command, words: &'static str) -> (Self, String) {
        let mut daemon = Self::start(command);
        blocking(move || {
            let line = daemon.until(words);
            let address = line.split("address=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
            (daemon, address)
        })
        .await
    }

    /// Reads the log until a line holds some words; gives the line.
    pub(crate) fn until(&mut self, wanted: &str) -> String {
        let mut seen = String::new();
        let why = loop {
            let line = match self.log.recv_timeout(LIMIT) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => break "stood still",
                Err(RecvTimeoutError::Disconnected) => break "ended",
            };
            assert_eq!(leak(&line), None, "a private value in a log");
            if line.contains(wanted) {
                return line;
            }
            seen.push_str(&line);
            seen.push('\n');
        };
        panic!("the log {why} without `{wanted}`: {seen}");
    }

    /// Ends it by a signal, in peace; gives the rest of its log.
    pub(crate) fn end(mut self, name: &str) -> Vec<String> {
        signal(self.child.id(), name);
        let rest = self.log.iter().collect();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{name}: {rest:?}");
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
