//! Disputes in a database: a table, a view or a query, read where they are.
//!
//! Reads row by row, so that memory does not grow with their number. PostgreSQL is read in one transaction that can write
//! nothing and sees one moment of the data; SQL Server has none that can only read, and shows what is committed while it
//! is read unless its snapshots are on (`READ_COMMITTED_SNAPSHOT`). Every value comes as the text that the server has for it: numbers keep their digits, instants
//! are in UTC. A column of a kind that is no single value is refused by name where it is wanted, and never guessed.
//!
//! A thread of its own with its own run time talks to the server; between it and the reader stands a short queue. Who
//! drops the reader stops the thread.
//!
//! No message holds a password: addresses with one are refused, and errors are told in words of ours with the code and
//! the message of the server.

#[cfg(feature = "odbc")]
mod odbc;
mod postgres;
mod relation;
mod sqlserver;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::batch::Reason;
use super::mapping::Wanted;
use super::table::{Opener, Table};
use super::table_rows::{MAX_FIELD_BYTES, RawRow};

pub use relation::{Relation, Server, parse_address};

/// Longest time that a connection may take, signing in included.
const CONNECT: Duration = Duration::from_secs(15);
/// How much longer than the server is waited for: its own message says more than ours.
const GRACE: Duration = Duration::from_secs(5);
/// Parts of the queue between the thread and the reader.
const QUEUE: usize = 4;
/// A part is full at so many rows, or at so many bytes.
const PART_ROWS: usize = 1000;
const PART_BYTES: usize = 256 << 10;

/// Where a database is and what is read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Who speaks there.
    pub server: Server,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// What is read.
    pub relation: Relation,
    /// How the connection is secured.
    pub tls: Tls,
    /// Certificates (PEM) of authorities that are trusted besides the usual ones.
    pub authority: Option<Vec<u8>>,
    /// Longest time that the server may take for a statement or for its next rows.
    pub timeout: Duration,
}

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Encrypted, and the server proves that it is the one that was named.
    Verify,
    /// Encrypted, with whoever answers.
    Encrypt,
    /// In the clear.
    Off,
}

impl Database {
    /// What people call it: its address and what is read, without any secret.
    pub(super) fn label(&self) -> PathBuf {
        let Self { server, host, port, name, relation, .. } = self;
        if *server == Server::Odbc {
            let name = relation::connection_name(name);
            return PathBuf::from(format!("{server}://{name}/{}", relation.short()));
        }
        PathBuf::from(format!("{server}://{host}:{port}/{name}/{}", relation.short()))
    }

    /// How it is opened. `wanted` are the columns that a mapping asks for.
    pub(super) fn opener(
        &self,
        user: Option<&str>,
        secret: Option<&SecretString>,
        wanted: Arc<Wanted>,
    ) -> Opener {
        let job =
            Job { database: self.clone(), user: user.map(str::to_owned), secret: secret.cloned(), wanted };
        Opener::new(move || Ok(Box::new(ServerTable::open(job.clone())?)))
    }
}

/// Everything that a thread needs.
#[derive(Debug, Clone)]
struct Job {
    database: Database,
    user: Option<String>,
    secret: Option<SecretString>,
    wanted: Arc<Wanted>,
}

impl Job {
    /// Whether a mapping asks for a column.
    fn wants(&self, column: &str) -> bool {
        self.wanted.has(column)
    }
}

/// Why a database could not be read, before it is known by which name it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fault {
    /// Nobody answers.
    Unreachable(String),
    /// It does not let us in, or not to that table.
    Refused(String),
    /// It answers, but there is something else than was expected.
    Wrong(String),
    /// The reader is gone.
    Stopped,
}

impl Fault {
    fn reason(self, path: &Path, rows: u64) -> Reason {
        let path = path.to_path_buf();
        match self {
            Self::Unreachable(problem) | Self::Refused(problem) | Self::Wrong(problem) if rows > 0 => {
                Reason::BrokeOff { path, rows, problem }
            }
            Self::Unreachable(problem) => Reason::Unreachable { path, problem },
            Self::Refused(problem) => Reason::Refused { path, problem },
            Self::Wrong(problem) => Reason::Unreadable { path, problem },
            Self::Stopped => Reason::Unreadable { path, problem: "reading was stopped".to_owned() },
        }
    }
}

/// A column that is wanted and of a kind that cannot be read.
fn refused_column(name: &str, kind: &str, hint: &str) -> Fault {
    Fault::Wrong(format!(
        "column `{name}` has the type `{kind}`, expected a text, a number, a date or a time{hint}"
    ))
}

/// Some rows in one piece of memory.
#[derive(Debug, Default)]
struct Part {
    text: String,
    ends: Vec<usize>,
    rows: usize,
}

enum Message {
    /// Something to know about the rows, before the columns.
    Remark(&'static str),
    Columns(Vec<String>),
    Rows(Part),
    End(Result<(), Fault>),
}

/// The side of the queue on which rows come in.
struct Out {
    sender: SyncSender<Message>,
    part: Part,
}

impl Out {
    fn remark(&self, text: &'static str) -> Result<(), Fault> {
        self.send(Message::Remark(text))
    }

    fn columns(&mut self, names: Vec<String>) -> Result<(), Fault> {
        self.send(Message::Columns(names))
    }

    /// Adds a cell of the row that comes; the empty text is no value. Of one that is too long the beginning will do: it is
    /// refused all the same.
    fn cell(&mut self, text: &str) {
        self.part.text.push_str(&text[..text.floor_char_boundary(MAX_FIELD_BYTES + 4)]);
        self.part.ends.push(self.part.text.len());
    }

    /// Adds a cell that writes itself.
    fn cell_of(&mut self, value: impl fmt::Display) {
        use fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(self.part.text, "{value}");
        self.part.ends.push(self.part.text.len());
    }

    fn end_row(&mut self) -> Result<(), Fault> {
        self.part.rows += 1;
        if self.part.rows < PART_ROWS && self.part.text.len() < PART_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if self.part.rows == 0 {
            return Ok(());
        }
        let part = std::mem::take(&mut self.part);
        self.send(Message::Rows(part))
    }

    /// Waits for room in the queue. This blocks the thread, on which nothing else runs.
    fn send(&self, message: Message) -> Result<(), Fault> {
        self.sender.send(message).map_err(|_| Fault::Stopped)
    }
}

/// A table whose rows a thread brings.
struct ServerTable {
    path: PathBuf,
    columns: Vec<String>,
    remark: Option<&'static str>,
    /// None only while it is dropped.
    receiver: Option<Receiver<Message>>,
    part: Part,
    /// Rows of the part that were read, and cells.
    taken: usize,
    cells: usize,
    rows: u64,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl ServerTable {
    fn open(job: Job) -> Result<Self, Reason> {
        let path = job.database.label();
        let (sender, receiver) = sync_channel(QUEUE);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("database".to_owned())
            .spawn(move || talk(&job, sender, &stopped))
            .map_err(|error| Reason::Unreadable { path: path.clone(), problem: error.to_string() })?;
        let mut table = Self {
            path,
            columns: Vec::new(),
            remark: None,
            receiver: Some(receiver),
            part: Part::default(),
            taken: 0,
            cells: 0,
            rows: 0,
            stop,
            thread: Some(thread),
        };
        loop {
            match table.next() {
                Message::Remark(remark) => table.remark = Some(remark),
                Message::Columns(columns) => {
                    table.columns = columns;
                    return Ok(table);
                }
                Message::End(Err(fault)) => return Err(fault.reason(&table.path, 0)),
                Message::Rows(_) | Message::End(Ok(())) => return Err(ended().reason(&table.path, 0)),
            }
        }
    }

    fn next(&self) -> Message {
        let next = self.receiver.as_ref().and_then(|receiver| receiver.recv().ok());
        next.unwrap_or_else(|| Message::End(Err(ended())))
    }
}

/// A thread that says nothing any more has panicked.
fn ended() -> Fault {
    Fault::Wrong("the thread that reads it ended unexpectedly".to_owned())
}

impl Table for ServerTable {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self, row: &mut RawRow) -> Result<bool, Reason> {
        while self.taken == self.part.rows {
            match self.next() {
                Message::Rows(part) => (self.part, self.taken, self.cells) = (part, 0, 0),
                Message::Columns(_) | Message::Remark(_) => {}
                Message::End(Ok(())) => return Ok(false),
                Message::End(Err(fault)) => return Err(fault.reason(&self.path, self.rows)),
            }
        }
        self.rows += 1;
        row.begin(self.rows);
        let mut start = self.cells.checked_sub(1).map_or(0, |last| self.part.ends[last]);
        for end in &self.part.ends[self.cells..self.cells + self.columns.len()] {
            row.push(&self.part.text[start..*end]);
            start = *end;
        }
        self.cells += self.columns.len();
        self.taken += 1;
        Ok(true)
    }

    fn done(&self) -> u64 {
        self.rows
    }

    fn remark(&self) -> Option<&str> {
        self.remark
    }
}

impl Drop for ServerTable {
    fn drop(&mut self) {
        self.stop.cancel();
        // Whoever waits for room in the queue is woken by this.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            // Its panic has been told as the end of the table.
            let _ = thread.join();
        }
    }
}

/// The thread: one run time, one connection, one table.
fn talk(job: &Job, sender: SyncSender<Message>, stop: &CancellationToken) {
    let mut out = Out { sender, part: Part::default() };
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::Wrong(format!("no run time for it: {error}")))
        .and_then(|runtime| {
            let outcome = runtime.block_on(async {
                tokio::select! {
                    outcome = read(job, &mut out) => outcome,
                    () = stop.cancelled() => Err(Fault::Stopped),
                }
            });
            // The look-up of a name cannot be stopped, and nobody waits for it.
            runtime.shutdown_background();
            outcome
        });
    // What came before a fault counts.
    let outcome = out.flush().and(outcome);
    let _ = out.send(Message::End(outcome));
}

async fn read(job: &Job, out: &mut Out) -> Result<(), Fault> {
    match job.database.server {
        Server::Postgres => postgres::read(job, out).await,
        Server::SqlServer => Box::pin(sqlserver::read(job, out)).await,
        #[cfg(feature = "odbc")]
        Server::Odbc => odbc::read(job, out),
        // An address of that kind is refused by such a build.
        #[cfg(not(feature = "odbc"))]
        Server::Odbc => Err(Fault::Wrong("this build reads nothing through ODBC".to_owned())),
    }
}

/// Waits no longer than that.
async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Fault::Unreachable(format!("{what} took longer than {} s", limit.as_secs()))),
    }
}
