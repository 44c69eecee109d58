//! A mail server of our own that keeps what it gets, and fails where it is told to.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

/// Longest time that a test waits for what it knows will happen.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It takes every mail.
    Kind,
    /// It takes a mail and never says so.
    Silent,
    /// It takes no recipient.
    Refusing,
}

pub(crate) struct Sink {
    pub(crate) port: u16,
    mood: Arc<Mutex<Mood>>,
    mails: Arc<Mutex<Vec<String>>>,
    taken: Receiver<()>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mood, mails) = (Arc::new(Mutex::new(Mood::Kind)), Arc::new(Mutex::new(Vec::new())));
        let (sender, taken) = channel();
        let (its_mood, its_mails) = (Arc::clone(&mood), Arc::clone(&mails));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (mood, mails, sender) = (Arc::clone(&its_mood), Arc::clone(&its_mails), sender.clone());
                thread::spawn(move || drop(serve(&stream, &mood, &mails, &sender)));
            }
        });
        Self { port, mood, mails, taken }
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Mails that were taken, as sent.
    pub(crate) fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    /// Waits until one more mail was taken.
    pub(crate) fn wait(&self) {
        self.taken.recv_timeout(LIMIT).unwrap();
    }
}

fn serve(
    stream: &TcpStream,
    mood: &Mutex<Mood>,
    mails: &Mutex<Vec<String>>,
    sender: &Sender<()>,
) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let mut say = |text: &str| out.write_all(format!("{text}\r\n").as_bytes());
    say("220 sink ESMTP")?;
    while let Some(line) = lines.next() {
        let line = line?;
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say("250-sink\r\n250 8BITMIME")?,
            "RCPT" if *mood.lock().unwrap() == Mood::Refusing => say("550 no such person")?,
            "HELO" | "MAIL" | "NOOP" | "RSET" | "RCPT" => say("250 ok")?,
            "DATA" => {
                say("354 go on")?;
                let mut mail = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.push('\n');
                }
                mails.lock().unwrap().push(mail);
                let _nobody_waits = sender.send(());
                if *mood.lock().unwrap() == Mood::Silent {
                    // Until the other side goes away.
                    for line in lines.by_ref() {
                        line?;
                    }
                    return Ok(());
                }
                say("250 taken")?;
            }
            "QUIT" => {
                say("221 bye")?;
                return Ok(());
            }
            _ => say("500 what?")?,
        }
    }
    Ok(())
}
