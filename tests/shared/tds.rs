//! A server that speaks TDS 7.4 as SQL Server does, as far as one query needs it: prelogin, encryption, login, routing to
//! another server, one table of typed columns, errors, and silence or an end in the middle. It is judged by the `tsql` of
//! `FreeTDS`.
//!
//! Written after Microsoft's open specification (MS-TDS). `mssql-mock-tds` knows whole numbers and texts only, and needs
//! OpenSSL to be built.

#[path = "tds_wire.rs"]
mod wire;

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

pub(crate) use wire::Secured;
use wire::Wire;

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
    /// Days, and units of the scale since midnight; with offset where the column has one. Days since 1900 and three
    /// hundredths of a second or minutes where the column is of the older kinds.
    Time(u32, u64),
    /// In the code page of the column.
    Bytes(&'static [u8]),
    Guid([u8; 16]),
}

/// Kinds of columns.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Int,
    Bit,
    Text,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Money,
    /// In four bytes.
    SmallMoney,
    Float,
    Date,
    DateTime,
    SmallDateTime,
    DateTime2 {
        scale: u8,
    },
    DateTimeOffset {
        scale: u8,
    },
    Binary,
    Guid,
    /// Greek, by the code page 1253.
    Greek,
    /// The older kind of long texts, in the code page 1252 and in UTF-16.
    LongText,
    LongWideText,
}

/// What the server answers to one batch.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    tokens: Vec<u8>,
    /// The bytes of the tokens that describe the columns.
    head: usize,
    /// After so many bytes of the tokens nothing more comes.
    cut: Option<usize>,
    /// Whether the connection stays open then.
    is_silent: bool,
    /// Rows that are made while they are sent, in place of the end of the table.
    more: Option<(u64, Arc<Rows>)>,
}

/// The tokens of a row, by its number.
type Rows = dyn Fn(u64, &mut Vec<u8>) + Send + Sync;

/// Gives an answer to a batch; none to what is no query of the test.
type Answers = dyn Fn(&str) -> Option<Answer> + Send + Sync;

/// How a server receives whoever comes.
#[derive(Clone, Default)]
pub(crate) struct Reception {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    /// Encrypts, and lets nobody in who does not.
    pub(crate) secured: Option<Secured>,
    /// Host and port of another server in its place.
    pub(crate) route: Option<(&'static str, u16)>,
}

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
        Self::receiving(Reception { user, password, ..Reception::default() }, answers)
    }

    pub(crate) fn receiving(
        reception: Reception,
        answers: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (answers, ear): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&heard));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, ear, reception) = (Arc::clone(&answers), Arc::clone(&ear), reception.clone());
                thread::spawn(move || serve(Wire::Clear(stream.unwrap()), &reception, &*answers, &ear));
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
        Self { tokens, head, ..Self::default() }
    }

    /// The columns without rows; an error as it is.
    pub(crate) fn described(&self) -> Self {
        if self.head == 0 {
            return self.clone();
        }
        let mut tokens = self.tokens[..self.head].to_vec();
        done(&mut tokens, 0x10, 0);
        Self { tokens, head: self.head, ..Self::default() }
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
        Self { tokens, ..Self::default() }
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

    /// The same, with silence after so many bytes.
    pub(crate) fn silent_at(self, bytes: usize) -> Self {
        Self { cut: Some(bytes), is_silent: true, ..self }
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
            Self::SmallMoney => tokens.extend([0x6E, 4]),
            Self::Float => tokens.extend([0x6D, 8]),
            Self::DateTime => tokens.extend([0x6F, 8]),
            Self::SmallDateTime => tokens.extend([0x6F, 4]),
            Self::Guid => tokens.extend([0x24, 16]),
            // With the collation Greek_CI_AS, which has no number to sort by.
            Self::Greek => tokens.extend([0xA7, 0x40, 0x1F, 0x08, 0x04, 0xD0, 0x00, 0x00]),
            Self::LongText | Self::LongWideText => {
                tokens.push(if matches!(self, Self::LongText) { 0x23 } else { 0x63 });
                tokens.extend(0x7FFF_FFFF_u32.to_le_bytes());
                tokens.extend([0x09, 0x04, 0xD0, 0x00, 0x34]);
                // The name of the table, in one part.
                tokens.push(1);
                tokens.extend(4_u16.to_le_bytes());
                tokens.extend(wide("open"));
            }
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
            (Self::Text | Self::Binary | Self::Greek, Cell::Null) => tokens.extend([0xFF, 0xFF]),
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
            (Self::SmallMoney, Cell::Money(value)) => sized(tokens, &(value as i32).to_le_bytes()),
            (Self::DateTime, Cell::Time(days, ticks)) => {
                let mut bytes = days.to_le_bytes().to_vec();
                bytes.extend((ticks as u32).to_le_bytes());
                sized(tokens, &bytes);
            }
            (Self::SmallDateTime, Cell::Time(days, minutes)) => {
                let mut bytes = (days as u16).to_le_bytes().to_vec();
                bytes.extend((minutes as u16).to_le_bytes());
                sized(tokens, &bytes);
            }
            (Self::Guid, Cell::Guid(bits)) => {
                // Its first three parts stand the other way round.
                let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
                sized(tokens, &order.map(|place| bits[place]));
            }
            (Self::Greek, Cell::Bytes(bytes)) => {
                tokens.extend((bytes.len() as u16).to_le_bytes());
                tokens.extend(bytes);
            }
            (Self::LongText | Self::LongWideText, Cell::Bytes(bytes)) => {
                // A pointer to the text, and its time.
                tokens.push(16);
                tokens.extend([1; 16 + 8]);
                tokens.extend((bytes.len() as u32).to_le_bytes());
                tokens.extend(bytes);
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

fn serve(mut stream: Wire, reception: &Reception, answers: &Answers, heard: &Mutex<Vec<String>>) {
    let Reception { user, password, secured, route } = reception;
    let is_of = |body: &[u8]| credentials(body) == ((*user).to_owned(), (*password).to_owned());
    while let Some((kind, body)) = receive(&mut stream) {
        let mut answer = Answer::default();
        match kind {
            0x12 => {
                if send(&mut stream, &prelogin(secured.is_some()), true).is_err() {
                    return;
                }
                if let Some(secured) = secured {
                    let Some(encrypted) = stream.encrypted(secured) else { return };
                    stream = encrypted;
                }
                continue;
            }
            // A user without a name is one whose token counts.
            0x10 if if user.is_empty() {
                token(&body).as_deref() == Some(password)
            } else {
                is_of(&body)
            } =>
            {
                heard.lock().unwrap().extend(secured.iter().map(|_| "secure".to_owned()));
                answer.tokens = login(*route);
            }
            0x10 => {
                let message = format!("Login failed for user '{user}'.");
                answer = Answer::error(18456, 14, &message);
            }
            0x0E => {
                // [MS-TDS] 2.2.6.9: what is asked of the transaction.
                let asked = body[22];
                let told = [(5, "begin"), (7, "commit"), (8, "rollback")]
                    .into_iter()
                    .find(|(kind, _)| *kind == asked);
                heard.lock().unwrap().push(told.map_or("another request", |(_, told)| told).to_owned());
                answer.tokens = transaction(asked == 5);
            }
            0x01 => {
                let sql = unwide(&body[body[0] as usize..]);
                heard.lock().unwrap().push(sql.clone());
                answer = answers(&sql).unwrap_or_else(|| {
                    let mut tokens = Vec::new();
                    done(&mut tokens, 0, 0);
                    Answer { tokens, ..Answer::default() }
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
            if answer.is_silent {
                // Until the other side gives up.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            }
            stream.end();
            return;
        }
    }
}

/// One message, its packets put together.
fn receive(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
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

fn send(stream: &mut impl Write, tokens: &[u8], ends: bool) -> std::io::Result<()> {
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
fn stream_rows(stream: &mut impl Write, mut tokens: Vec<u8>, rows: u64, write: &Rows) -> std::io::Result<()> {
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

/// Version 16, encryption or none at all, no instance, no thread, no several results at a time.
fn prelogin(is_encrypted: bool) -> Vec<u8> {
    let encryption = if is_encrypted { &[1] } else { &[2] };
    let values: [(u8, &[u8]); 5] =
        [(0, &[16, 0, 0, 0, 0, 0]), (1, encryption), (2, &[0]), (3, &[]), (4, &[0])];
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

fn login(route: Option<(&str, u16)>) -> Vec<u8> {
    let mut tokens = Vec::new();
    if let Some((host, port)) = route {
        let mut place = vec![0];
        place.extend(port.to_le_bytes());
        place.extend((host.len() as u16).to_le_bytes());
        place.extend(wide(host));
        let mut change = vec![20];
        change.extend((place.len() as u16).to_le_bytes());
        change.extend(place);
        change.extend([0, 0]);
        tokens.push(0xE3);
        tokens.extend((change.len() as u16).to_le_bytes());
        tokens.extend(change);
    }
    tokens.push(0xE3);
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
