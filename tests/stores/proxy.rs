//! Stands between a reader and a store: hears what is asked for, and can break off.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) struct Proxy {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Passes on to `port` of this machine, and after so many bytes from there nothing more, whoever asks.
    pub(crate) fn to(port: u16, most: Option<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (ear, left) = (Arc::clone(&heard), Arc::new(AtomicUsize::new(most.unwrap_or(usize::MAX))));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, left, ear) = (client.unwrap(), Arc::clone(&left), Arc::clone(&ear));
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (asking, asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass_questions(asking, asked, &ear));
                thread::spawn(move || pass_answers(server, client, &left));
            }
        });
        Self { port: own, heard }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The names of the objects that were asked for since the last call, sorted; listings are none. An archive is fetched
    /// to look into it and again to read it, which is told once.
    pub(crate) fn fetched(&self) -> Vec<String> {
        let lines = std::mem::take(&mut *self.heard.lock().unwrap());
        let targets = lines.iter().filter_map(|line| line.strip_prefix("GET ")?.split(' ').next());
        let objects = targets.filter(|target| !target.contains("list-type") && !target.contains("comp=list"));
        let name = |target: &str| {
            let path = target.split('?').next().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned()
        };
        let mut names: Vec<String> = objects.map(name).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What is asked for has no body, so that every line is one of a head.
fn pass_questions(mut from: TcpStream, mut to: TcpStream, heard: &Mutex<Vec<String>>) {
    let mut line = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                let text = String::from_utf8_lossy(&line).into_owned();
                if text.contains(" HTTP/1.1") {
                    heard.lock().unwrap().push(text);
                }
                line.clear();
            } else {
                line.push(*byte);
            }
        }
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn pass_answers(mut from: TcpStream, mut to: TcpStream, left: &AtomicUsize) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let before = left.load(Ordering::SeqCst);
        let passed = read.min(before);
        left.store(before - passed, Ordering::SeqCst);
        if to.write_all(&buffer[..passed]).is_err() || passed < read {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
