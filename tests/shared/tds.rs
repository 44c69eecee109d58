//! A server that speaks TDS 7.4 as SQL Server does, as far as one query needs it: prelogin, login, one table of typed
//! columns, errors, and an end in the middle. It is judged by the `tsql` of `FreeTDS`.
//!
//! Written after Microsoft's open specification (MS-TDS). `mssql-mock-tds` knows whole numbers and texts only, and needs
//! OpenSSL to be built.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

const PACKET: usize = 4096;

/// One value of a row.
#[derive(Clone, Copy)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Bit(bool),
    Text(&'static str),
    /// Digits and scale of the column.
    Decimal(i128),
    /// Ten thousandths.
    Money(i64),
    Float(f64),
    /// Days since 1 January of the year 1.
    Date(u32),
    /// Days, and units of the scale since midnight; with offset where the column has one.
    Time(u32, u64),
}

/// Kinds of columns.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Int,
    Bit,
    Text,
    Decimal { precision: u8, scale: u8 },
    Money,
    Float,
    Date,
    DateTime2 { scale: u8 },
    DateTimeOffset { scale: u8 },
    Binary,
}

/// What the server answers to one batch.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    tokens: Vec<u8>,
    /// The bytes of the tokens that describe the columns.
    head: usize,
    /// The connection ends after so many bytes of the tokens.
    cut: Option<usize>,
    /// Rows that are made while they are sent, in place of the end of the table.
    more: Option<(u64, Arc<Rows>)>,
}

/// The tokens of a row, by its number.
type Rows = dyn Fn(u64, &mut Vec<u8>) + Send + Sync;

/// Gives an answer to a batch; none to what is no query of the test.
type Answers = dyn Fn(&str) -> Option<Answer> + Send + Sync;

/// The server. It runs until the process ends.
pub(crate) struct Tds {
    pub(crate) port: u16,
    /// Every batch and every word of the transaction manager, in order.
    heard: Arc<Mutex<Vec<String>>>,
}

impl Tds {
    pub(crate) fn start(
        user: &'static str,
        password: &'static str,
        answers: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answers, ear): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&heard));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, ear) = (Arc::clone(&answers), Arc::clone(&ear));
                thread::spawn(move || serve(stream.unwrap(), user, password, &*answers, &ear));
            }
        });
        Self { port, heard }
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Answer {
    /// A table.
    pub(crate) fn table(columns: &[(&str, Kind)], rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        let mut tokens = vec![0x81];
        tokens.extend((columns.len() as u16).to_le_bytes());
        for (name, kind) in columns {
            tokens.extend([0, 0, 0, 0, 1, 0]);
            kind.describe(&mut tokens);
            short_text(&mut tokens, name);
        }
        let head = tokens.len();
        let mut count = 0_u64;
        for row in rows {
            tokens.push(0xD1);
            for (cell, (_, kind)) in row.iter().zip(columns) {
                kind.write(*cell, &mut tokens);
            }
            count += 1;
        }
        done(&mut tokens, 0x10, count);
        Self { tokens, head, cut: None, more: None }
    }

    /// The columns without rows; an error as it is.
    pub(crate) fn described(&self) -> Self {
        if self.head == 0 {
            return self.clone();
        }
        let mut tokens = self.tokens[..self.head].to_vec();
        done(&mut tokens, 0x10, 0);
        Self { tokens, head: self.head, cut: None, more: None }
    }

    /// The same with so many rows more, which are made while they are sent.
    pub(crate) fn then_rows<const N: usize>(
        mut self,
        columns: &[(&'static str, Kind); N],
        rows: u64,
        row: impl Fn(u64) -> Vec<Cell> + Send + Sync + 'static,
    ) -> Self {
        self.tokens.truncate(self.tokens.len() - 13);
        let kinds = columns.map(|(_, kind)| kind);
        let write = move |number, tokens: &mut Vec<u8>| {
            tokens.push(0xD1);
            for (cell, kind) in row(number).into_iter().zip(kinds) {
                kind.write(cell, tokens);
            }
        };
        self.more = Some((rows, Arc::new(write)));
        self
    }

    /// An error of the server.
    pub(crate) fn error(number: i32, class: u8, message: &str) -> Self {
        let mut tokens = Vec::new();
        error(&mut tokens, number, class, message);
        done(&mut tokens, 2, 0);
        Self { tokens, head: 0, cut: None, more: None }
    }

    /// The rows of a table, and then an error instead of its end.
    pub(crate) fn and_error(mut self, number: i32, class: u8, message: &str) -> Self {
        self.tokens.truncate(self.tokens.len() - 13);
        error(&mut self.tokens, number, class, message);
        done(&mut self.tokens, 2, 0);
        self
    }

    /// The same, and another table after it.
    pub(crate) fn and_table(mut self, other: &Self) -> Self {
        let end = self.tokens.len();
        // More follows.
        self.tokens[end - 12] |= 1;
        self.tokens.extend(&other.tokens);
        self
    }

    /// The same, ending after so many bytes.
    pub(crate) fn cut_at(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), ..self }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }
}

impl Kind {
    fn describe(self, tokens: &mut Vec<u8>) {
        match self {
            Self::Int => tokens.extend([0x26, 8]),
            Self::Bit => tokens.extend([0x68, 1]),
            // With the collation SQL_Latin1_General_CP1_CI_AS.
            Self::Text => tokens.extend([0xE7, 0x40, 0x1F, 0x09, 0x04, 0xD0, 0x00, 0x34]),
            Self::Decimal { precision, scale } => tokens.extend([0x6A, 17, precision, scale]),
            Self::Money => tokens.extend([0x6E, 8]),
            Self::Float => tokens.extend([0x6D, 8]),
            Self::Date => tokens.push(0x28),
            Self::DateTime2 { scale } => tokens.extend([0x2A, scale]),
            Self::DateTimeOffset { scale } => tokens.extend([0x2B, scale]),
            Self::Binary => tokens.extend([0xA5, 0x40, 0x1F]),
        }
    }

    fn write(self, cell: Cell, tokens: &mut Vec<u8>) {
        let sized = |tokens: &mut Vec<u8>, bytes: &[u8]| {
            tokens.push(bytes.len() as u8);
            tokens.extend(bytes);
        };
        match (self, cell) {
            (Self::Text | Self::Binary, Cell::Null) => tokens.extend([0xFF, 0xFF]),
            (_, Cell::Null) => tokens.push(0),
            (Self::Int, Cell::Int(number)) => sized(tokens, &number.to_le_bytes()),
            (Self::Bit, Cell::Bit(bit)) => sized(tokens, &[u8::from(bit)]),
            (Self::Text, Cell::Text(text)) => {
                let bytes = wide(text);
                tokens.extend((bytes.len() as u16).to_le_bytes());
                tokens.extend(bytes);
            }
            (Self::Decimal { .. }, Cell::Decimal(value)) => {
                let mut bytes = vec![u8::from(value >= 0)];
                bytes.extend(value.unsigned_abs().to_le_bytes());
                sized(tokens, &bytes);
            }
            (Self::Money, Cell::Money(value)) => {
                let mut bytes = ((value >> 32) as i32).to_le_bytes().to_vec();
                bytes.extend((value as u32).to_le_bytes());
                sized(tokens, &bytes);
            }
            (Self::Float, Cell::Float(number)) => sized(tokens, &number.to_le_bytes()),
            (Self::Date, Cell::Date(days)) => sized(tokens, &days.to_le_bytes()[..3]),
            (Self::DateTime2 { scale } | Self::DateTimeOffset { scale }, Cell::Time(days, units)) => {
                let width = match scale {
                    0..=2 => 3,
                    3 | 4 => 4,
                    _ => 5,
                };
                let mut bytes = units.to_le_bytes()[..width].to_vec();
                bytes.extend(&days.to_le_bytes()[..3]);
                if matches!(self, Self::DateTimeOffset { .. }) {
                    // Five hours behind; the rest is in UTC.
                    bytes.extend((-300_i16).to_le_bytes());
                }
                sized(tokens, &bytes);
            }
            _ => panic!("a cell of another kind than its column"),
        }
    }
}

fn serve(mut stream: TcpStream, user: &str, password: &str, answers: &Answers, heard: &Mutex<Vec<String>>) {
    while let Some((kind, body)) = receive(&mut stream) {
        let mut answer = Answer::default();
        match kind {
            0x12 => answer.tokens = prelogin(),
            // A user without a name is one whose token counts.
            0x10 if user.is_empty() && token(&body).as_deref() == Some(password) => answer.tokens = login(),
            0x10 if credentials(&body) != (user.to_owned(), password.to_owned()) => {
                let message = format!("Login failed for user '{user}'.");
                answer = Answer::error(18456, 14, &message);
            }
            0x10 => answer.tokens = login(),
            0x0E => {
                let begins = body[22] == 5;
                heard.lock().unwrap().push(if begins { "begin" } else { "end" }.to_owned());
                answer.tokens = transaction(begins);
            }
            0x01 => {
                let sql = unwide(&body[body[0] as usize..]);
                heard.lock().unwrap().push(sql.clone());
                answer = answers(&sql).unwrap_or_else(|| {
                    let mut tokens = Vec::new();
                    done(&mut tokens, 0, 0);
                    Answer { tokens, head: 0, cut: None, more: None }
                });
            }
            // A signal to stop, or something that no test sends.
            _ => return,
        }
        if let Some((rows, write)) = answer.more.take() {
            if stream_rows(&mut stream, answer.tokens, rows, &*write).is_err() {
                heard.lock().unwrap().push("gone".to_owned());
                return;
            }
            continue;
        }
        let cut = answer.cut;
        if send(&mut stream, &answer.tokens[..cut.unwrap_or(answer.tokens.len())], cut.is_none()).is_err() {
            heard.lock().unwrap().push("gone".to_owned());
            return;
        }
        if cut.is_some() {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// One message, its packets put together.
fn receive(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut body = Vec::new();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).ok()?;
        let start = body.len();
        body.resize(start + usize::from(u16::from_be_bytes([header[2], header[3]])) - 8, 0);
        stream.read_exact(&mut body[start..]).ok()?;
        if header[1] & 1 == 1 {
            return Some((header[0], body));
        }
    }
}

fn send(stream: &mut TcpStream, tokens: &[u8], ends: bool) -> std::io::Result<()> {
    let mut parts = tokens.chunks(PACKET - 8).peekable();
    let mut number = 0_u8;
    while let Some(part) = parts.next() {
        number = number.wrapping_add(1);
        let status = u8::from(ends && parts.peek().is_none());
        let length = (part.len() as u16 + 8).to_be_bytes();
        stream.write_all(&[4, status, length[0], length[1], 0, 51, number, 0])?;
        stream.write_all(part)?;
    }
    stream.flush()
}

/// Sends rows as they are made; no packet but the last is smaller than others.
fn stream_rows(stream: &mut TcpStream, mut tokens: Vec<u8>, rows: u64, write: &Rows) -> std::io::Result<()> {
    const HELD: usize = 64 * (PACKET - 8);
    for number in 0..rows {
        write(number, &mut tokens);
        if tokens.len() >= HELD {
            let whole = tokens.len() / (PACKET - 8) * (PACKET - 8);
            send(stream, &tokens[..whole], false)?;
            tokens.drain(..whole);
        }
    }
    done(&mut tokens, 0x10, rows);
    send(stream, &tokens, true)
}

/// Version 16, no encryption, no instance, no thread, no several results at a time.
fn prelogin() -> Vec<u8> {
    let values: [(u8, &[u8]); 5] = [(0, &[16, 0, 0, 0, 0, 0]), (1, &[2]), (2, &[0]), (3, &[]), (4, &[0])];
    let (mut heads, mut data): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    for (option, value) in values {
        heads.push(option);
        heads.extend(((values.len() * 5 + 1 + data.len()) as u16).to_be_bytes());
        heads.extend((value.len() as u16).to_be_bytes());
        data.extend(value);
    }
    heads.push(0xFF);
    heads.extend(data);
    heads
}

fn login() -> Vec<u8> {
    let mut tokens = vec![0xE3];
    // The database in use.
    let mut change = vec![1];
    short_text(&mut change, "claims");
    short_text(&mut change, "master");
    tokens.extend((change.len() as u16).to_le_bytes());
    tokens.extend(change);
    let mut acknowledged = vec![1, 0x74, 0, 0, 4];
    short_text(&mut acknowledged, "Microsoft SQL Server");
    acknowledged.extend([16, 0, 0, 0]);
    tokens.push(0xAD);
    tokens.extend((acknowledged.len() as u16).to_le_bytes());
    tokens.extend(acknowledged);
    done(&mut tokens, 0, 0);
    tokens
}

fn transaction(begins: bool) -> Vec<u8> {
    let descriptor = [1, 0, 0, 0, 0, 0, 0, 0];
    let mut change = vec![if begins { 8 } else { 10 }];
    let (new, old): (&[u8], &[u8]) = if begins { (&descriptor, &[]) } else { (&[], &descriptor) };
    for part in [new, old] {
        change.push(part.len() as u8);
        change.extend(part);
    }
    let mut tokens = vec![0xE3];
    tokens.extend((change.len() as u16).to_le_bytes());
    tokens.extend(change);
    done(&mut tokens, 0, 0);
    tokens
}

/// User and password of a login.
fn credentials(body: &[u8]) -> (String, String) {
    let field = |at: usize| {
        let number = |at: usize| usize::from(u16::from_le_bytes([body[at], body[at + 1]]));
        body[number(at)..number(at) + 2 * number(at + 2)].to_vec()
    };
    let password: Vec<u8> = field(44).into_iter().map(|byte| (byte ^ 0xA5).rotate_left(4)).collect();
    (unwide(&field(40)), unwide(&password))
}

/// The token of a login through Azure's directory: in a feature of its own (2), behind the fixed part.
fn token(body: &[u8]) -> Option<String> {
    let number = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?) as usize);
    // The offset stands where the field of extensions points to.
    let pointer = usize::from(u16::from_le_bytes([*body.get(56)?, *body.get(57)?]));
    let mut at = number(pointer)?;
    while *body.get(at)? != 0xFF {
        let (feature, length) = (*body.get(at)?, number(at + 1)?);
        if feature == 2 {
            // One byte of options, the length of the token, the token.
            let size = number(at + 6)?;
            return Some(unwide(body.get(at + 10..at + 10 + size)?));
        }
        at += 5 + length;
    }
    None
}

fn error(tokens: &mut Vec<u8>, number: i32, class: u8, message: &str) {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, class]);
    body.extend((message.encode_utf16().count() as u16).to_le_bytes());
    body.extend(wide(message));
    short_text(&mut body, "server");
    short_text(&mut body, "");
    body.extend(1_u32.to_le_bytes());
    tokens.push(0xAA);
    tokens.extend((body.len() as u16).to_le_bytes());
    tokens.extend(body);
}

fn done(tokens: &mut Vec<u8>, status: u16, rows: u64) {
    tokens.push(0xFD);
    tokens.extend(status.to_le_bytes());
    tokens.extend(0xC1_u16.to_le_bytes());
    tokens.extend(rows.to_le_bytes());
}

fn short_text(tokens: &mut Vec<u8>, text: &str) {
    tokens.push(text.encode_utf16().count() as u8);
    tokens.extend(wide(text));
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn unwide(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}
