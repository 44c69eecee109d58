//! SQL Server: what it sends arrives whole, and whatever breaks leaves the source incomplete.

use std::{
    io::Write,
    net::TcpListener,
    process::{Command, Stdio},
    time::Duration,
};

use disputebot::{
    dispute::{Field, Tables},
    source::{
        Batch, Completeness, Previous, Reason, Settings,
        database::{Database, Relation, Server, Tls},
        load,
    },
};
use jiff::civil::{Date, date};
use rust_decimal::Decimal;

use crate::{
    missing::missing,
    tds::{Answer, Cell, Kind, Reception, Secured, Tds},
};

const PASSWORD: &str = "pw-canary-7719";
const COLUMNS: [(&str, Kind); 4] =
    [("dispute_id", Kind::Int), ("program", Kind::Text), ("manufacturer", Kind::Text), ("ndc", Kind::Text)];

fn source(port: u16, relation: Relation) -> Settings {
    let database = Database {
        server: Server::SqlServer,
        host: "127.0.0.1".to_owned(),
        port,
        name: "claims".to_owned(),
        relation,
        tls: Tls::Off,
        authority: None,
        timeout: Duration::from_secs(30),
    };
    Settings {
        database: Some(database),
        user: Some("reader".to_owned()),
        secret: Some(PASSWORD.to_owned().into()),
        ..Settings::default()
    }
}

fn view(port: u16) -> Settings {
    source(port, Relation::Table("dbo.open_disputes".to_owned()))
}

fn read(settings: &Settings) -> Batch {
    load(settings, &Tables::embedded(), &Previous::default(), &mut |_| {})
}

/// The one reason why a source is incomplete, which tells no secret.
fn why(settings: &Settings) -> Reason {
    let batch = read(settings);
    let Completeness::Incomplete(reasons) = &batch.completeness else { panic!("it is complete") };
    let reasons: Vec<&Reason> = reasons.iter().filter(|reason| **reason != Reason::NoRows).collect();
    let [reason] = reasons.as_slice() else { panic!("{reasons:?}") };
    let told = format!("{reason} {reason:?}");
    assert!(!told.contains(PASSWORD), "{told}");
    (*reason).clone()
}

fn told(settings: &Settings) -> String {
    let port = settings.database.as_ref().unwrap().port;
    why(settings).to_string().replace(&port.to_string(), "PORT")
}

fn days(day: Date) -> u32 {
    u32::try_from(day.since(date(1, 1, 1)).unwrap().get_days()).unwrap()
}

fn plain(number: i64) -> Vec<Cell> {
    vec![Cell::Int(number), Cell::Text("mdrp"), Cell::Text("Example Pharma A"), Cell::Text("12345-678-90")]
}

/// One row of every kind of column, and one without values.
fn every_kind() -> Answer {
    let columns: Vec<(&str, Kind)> = COLUMNS
        .into_iter()
        .chain([
            ("amount_disputed", Kind::Money),
            ("units_disputed", Kind::Decimal { precision: 38, scale: 10 }),
            ("units_invoiced", Kind::Decimal { precision: 9, scale: 0 }),
            ("due_at", Kind::Date),
            ("resolved_at", Kind::DateTime2 { scale: 3 }),
            ("opened_at", Kind::DateTimeOffset { scale: 7 }),
            ("is_late", Kind::Bit),
            ("ratio", Kind::Float),
        ])
        .collect();
    let mut first = plain(-9_007_199_254_740_993);
    first[2] = Cell::Text("Example Pharma Ω");
    first.extend([
        Cell::Money(-12_345_678_901_234),
        Cell::Decimal(123_456_789_012_345_678_901_234_567),
        Cell::Decimal(-42),
        Cell::Date(days(date(2026, 11, 30))),
        Cell::Time(days(date(2026, 1, 2)), 86_399_999),
        // 1 November 03:30 in UTC, 31 October in its own zone.
        Cell::Time(days(date(2026, 11, 1)), 126_000_000_000),
        Cell::Bit(true),
        Cell::Float(0.5),
    ]);
    let mut second = plain(2);
    second.resize(columns.len(), Cell::Null);
    Answer::table(&columns, [first, second])
}

fn answering(answer: Answer) -> Tds {
    Tds::start("reader", PASSWORD, move |sql| answer_of(&answer, sql))
}

fn answer_of(answer: &Answer, sql: &str) -> Option<Answer> {
    let is_asked = sql.contains("open_disputes");
    is_asked.then(|| if sql.contains("TOP (0)") { answer.described() } else { answer.clone() })
}

#[test]
fn values_come_as_the_server_sent_them() {
    let server = answering(every_kind());
    let batch = read(&view(server.port));
    assert_eq!(batch.completeness, Completeness::Complete, "{:?}", batch.rejects);
    assert_eq!(batch.counts.open, 2);
    let first = &batch.disputes[0];
    assert_eq!((&*first.id, &*first.client), ("-9007199254740993", "Example Pharma Ω"));
    assert_eq!(first.amount_disputed, Some(Decimal::new(-12_345_678_901_234, 4)), "money is exact");
    assert_eq!(first.units_disputed, Some("12345678901234567.8901234567".parse().unwrap()));
    assert_eq!(first.units_invoiced, Some(Decimal::from(-42)));
    assert_eq!((first.due_at, first.resolved_at), (Some(date(2026, 11, 30)), Some(date(2026, 1, 2))));
    assert_eq!(first.opened_at, Some(date(2026, 11, 1)), "an instant is a day in UTC");
    let second = &batch.disputes[1];
    assert_eq!((second.amount_disputed, second.due_at, second.units_disputed), (None, None, None));
    let heard = server.heard();
    assert!(heard[0].contains("snapshot_isolation_state"));
    assert_eq!(
        heard[1..],
        [
            "begin",
            "SELECT TOP (0) * FROM [dbo].[open_disputes]",
            "SELECT [dispute_id], [program], [manufacturer], [ndc], [amount_disputed], [units_disputed], [units_invoiced], \
             [due_at], [resolved_at], [opened_at] FROM [dbo].[open_disputes]",
            "rollback"
        ],
        "only columns that are wanted are asked for"
    );
}

#[test]
fn what_cannot_be_exact_is_refused_by_name_where_it_is_wanted() {
    let server = answering(every_kind());
    let mut wants = view(server.port);
    wants.columns.insert(Field::AmountDisputed, "ratio".to_owned());
    let reason = told(&wants);
    assert!(
        reason.ends_with(
            "could not be read: column `ratio` has the type `floatn`, expected a text, a number, a date or a time; \
             cast it to `decimal` in a view or a query"
        ) || reason.contains("column `ratio` has the type `float8`"),
        "{reason}"
    );
    let columns: Vec<(&str, Kind)> = COLUMNS.into_iter().chain([("amount_disputed", Kind::Money)]).collect();
    let mut row = plain(1);
    row.push(Cell::Money(i64::MAX));
    let server = answering(Answer::table(&columns, [row]));
    let reason = told(&view(server.port));
    assert!(
        reason.contains("column `amount_disputed` holds an amount of type `money` that is too large"),
        "{reason}"
    );
    let columns: Vec<(&str, Kind)> = COLUMNS.into_iter().chain([("note", Kind::Binary)]).collect();
    let server = answering(Answer::table(&columns, []));
    assert!(told(&view(server.port)).contains("column `note` has the type `bigvarbin`"));
}

#[test]
fn whatever_is_wrong_leaves_the_source_incomplete_and_says_what_it_is() {
    let many = Answer::table(&COLUMNS, (0..20_000).map(plain));
    let server = answering(many.clone());
    let good = view(server.port);
    let batch = read(&good);
    assert_eq!((batch.counts.open, &batch.completeness), (20_000, &Completeness::Complete));

    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let reason = told(&view(unused));
    assert!(
        reason.starts_with("`sqlserver://127.0.0.1:PORT/claims/dbo.open_disputes` cannot be reached: "),
        "{reason}"
    );
    let wrong = Settings { secret: Some("not it".to_owned().into()), ..good.clone() };
    assert_eq!(
        told(&wrong),
        "`sqlserver://127.0.0.1:PORT/claims/dbo.open_disputes` refuses access: Login failed for user 'reader'. (error 18456)"
    );
    let error = |number, class, message| told(&view(answering(Answer::error(number, class, message)).port));
    assert_eq!(
        error(208, 16, "Invalid object name 'dbo.open_disputes'."),
        "`sqlserver://127.0.0.1:PORT/claims/dbo.open_disputes` could not be read: Invalid object name 'dbo.open_disputes'. (error 208)"
    );
    assert!(error(229, 14, "The SELECT permission was denied").contains("refuses access: "));
    assert!(
        error(40613, 17, "Database 'claims' is not currently available.").contains("cannot be reached: ")
    );
    let private =
        error(245, 16, "Conversion failed when converting the varchar value 'Jane Roe' to data type int.");
    assert!(private.ends_with("the query cannot compute a value (error 245)"), "{private}");

    // Rows before an error or a cut count, and are no proof of what is missing.
    let broken = answering(many.clone().and_error(1205, 13, "Transaction was deadlocked"));
    let Reason::BrokeOff { rows, problem, .. } = why(&view(broken.port)) else { panic!("no end was told") };
    assert_eq!((rows, problem.as_str()), (20_000, "Transaction was deadlocked (error 1205)"));
    for cut in [many.len() / 2, many.len() - 13, many.len() - 5] {
        let server = answering(many.clone().cut_at(cut));
        let Reason::BrokeOff { rows, .. } = why(&view(server.port)) else {
            panic!("the cut at {cut} was not seen")
        };
        assert!(0 < rows && rows <= 20_000, "{rows}");
    }
    let early = answering(many.cut_at(40));
    assert!(matches!(why(&view(early.port)), Reason::Unreachable { .. }));

    // A server that does not speak securely is not spoken to.
    let mut secure = good;
    secure.database.as_mut().unwrap().tls = Tls::Verify;
    let before = server.heard().len();
    let reason = told(&secure);
    assert!(reason.contains("refuses access") || reason.contains("cannot be reached"), "{reason}");
    assert_eq!(server.heard().len(), before, "no login was sent");
}

#[test]
fn a_query_that_could_end_its_transaction_is_not_sent_and_one_that_selects_is_sent_as_it_stands() {
    let server = answering(Answer::table(&COLUMNS, [plain(1), plain(2)]));
    let select = "WITH a AS (SELECT * FROM dbo.open_disputes) SELECT * FROM a -- ; COMMIT";
    let batch = read(&source(server.port, Relation::Query(select.to_owned())));
    assert_eq!((&batch.completeness, batch.counts.open), (&Completeness::Complete, 2));
    assert_eq!(server.heard()[1..], ["begin", select, "rollback"]);
    let before = server.heard().len();
    for query in [
        "SELECT * FROM open_disputes; COMMIT; DELETE FROM open_disputes",
        "SELECT * FROM open_disputes COMMIT TRANSACTION",
        "DELETE FROM open_disputes",
    ] {
        let reason = told(&source(server.port, Relation::Query(query.to_owned())));
        assert!(reason.contains("/claims/query` could not be read: the query "), "{reason}");
    }
    assert_eq!(server.heard().len(), before, "not even a login");
}

#[test]
fn a_query_gives_one_table_and_its_wanted_columns_are_readable() {
    let table = Answer::table(&COLUMNS, [plain(1)]);
    let query = Relation::Query("SELECT * FROM open_disputes".to_owned());
    let twice = answering(table.clone().and_table(&table));
    assert!(told(&source(twice.port, query.clone())).contains("the query gives more than one table"));
    let nothing = Tds::start("reader", PASSWORD, |_| None);
    assert!(told(&source(nothing.port, query.clone())).contains("the query gives no table"));
    let columns: Vec<(&str, Kind)> = COLUMNS.into_iter().chain([("amount_disputed", Kind::Float)]).collect();
    let float = answering(Answer::table(&columns, []));
    assert!(told(&source(float.port, query)).contains("column `amount_disputed` has the type `float"));
}

#[test]
fn rows_are_of_one_moment_where_the_database_allows_it_and_else_that_is_said() {
    let state = |snapshot: i64, committed: i64| {
        let table = Answer::table(&COLUMNS, [plain(1)]);
        let state = Answer::table(
            &[("snapshot", Kind::Int), ("committed", Kind::Int)],
            [vec![Cell::Int(snapshot), Cell::Int(committed)]],
        );
        let server = Tds::start("reader", PASSWORD, move |sql| {
            if sql.contains("snapshot_isolation_state") {
                Some(state.clone())
            } else {
                answer_of(&table, sql)
            }
        });
        let batch = read(&view(server.port));
        assert_eq!(batch.completeness, Completeness::Complete);
        let asks = server.heard().iter().any(|heard| heard == "SET TRANSACTION ISOLATION LEVEL SNAPSHOT");
        (asks, batch.sources[0].remarks.len())
    };
    assert_eq!(state(1, 0), (true, 0));
    assert_eq!(state(0, 1), (false, 0));
    assert_eq!(state(0, 0), (false, 1));
    let server = answering(Answer::table(&COLUMNS, [plain(1)]));
    let remarks = read(&view(server.port)).sources[0].remarks.concat();
    assert!(remarks.contains("its database has no snapshots"), "who may not know is told: {remarks}");
}

#[test]
fn a_token_of_azures_directory_signs_in_and_a_wrong_one_does_not() {
    let table = Answer::table(&COLUMNS, [plain(1)]);
    let server = Tds::start("", PASSWORD, move |sql| answer_of(&table, sql));
    let mut settings = Settings { user: None, ..view(server.port) };
    let batch = read(&settings);
    assert_eq!((&batch.completeness, batch.counts.open), (&Completeness::Complete, 1));
    settings.secret = Some("another".to_owned().into());
    let reason = told(&settings);
    assert!(reason.contains("refuses access: Login failed"), "{reason}");
}

#[test]
fn a_reader_that_leaves_ends_its_query() {
    let many = Answer::table(&COLUMNS, (0..400_000).map(plain));
    let server = answering(many);
    let settings = view(server.port);
    let left = std::panic::catch_unwind(|| {
        disputebot::source::each(&settings, &Tables::embedded(), &mut |_| {}, &mut |_| panic!("it leaves"));
    });
    assert!(left.is_err());
    while !server.heard().iter().any(|heard| heard == "gone") {
        std::thread::yield_now();
    }
}

#[test]
fn errors_of_functions_of_the_database_tell_no_value() {
    let error = Answer::error(50_000, 16, "no claim of Jane Roe");
    let told = told(&view(answering(error).port));
    assert!(told.ends_with("the query cannot compute a value (error 50000)"), "{told}");
}

/// One row of the older kinds of columns, and one without values.
fn older_kinds() -> Answer {
    let columns = [
        ("dispute_id", Kind::Guid),
        ("program", Kind::Text),
        ("manufacturer", Kind::Greek),
        ("ndc", Kind::Text),
        ("amount_disputed", Kind::SmallMoney),
        ("opened_at", Kind::DateTime),
        ("due_at", Kind::SmallDateTime),
        ("note", Kind::LongText),
        ("payer", Kind::LongWideText),
    ];
    let since_1900 = |day: Date| u32::try_from(day.since(date(1900, 1, 1)).unwrap().get_days()).unwrap();
    let first = vec![
        Cell::Guid(*b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"),
        Cell::Text("mdrp"),
        // An omega in that code page.
        Cell::Bytes(b"Example Pharma \xd9"),
        Cell::Text("12345-678-90"),
        Cell::Money(-2_147_483_648),
        // The last moment of a day that this kind can tell.
        Cell::Time(since_1900(date(2026, 1, 2)), 86_399 * 300 + 299),
        Cell::Time(since_1900(date(2026, 11, 30)), 23 * 60 + 59),
        // What Latin 1 has and ASCII has not.
        Cell::Bytes(b"Gr\xf6\xdfe"),
        Cell::Bytes(b"P\0l\0a\0n\0 \0\xa9\x03"),
    ];
    let mut second = vec![Cell::Null; columns.len()];
    second[..4].clone_from_slice(&[
        Cell::Guid([7; 16]),
        Cell::Text("mdrp"),
        Cell::Bytes(b"Example Pharma A"),
        Cell::Text("12345-678-90"),
    ]);
    Answer::table(&columns, [first, second])
}

#[test]
fn the_older_kinds_of_columns_come_as_the_server_sent_them() {
    let server = answering(older_kinds());
    let batch = read(&view(server.port));
    assert_eq!(batch.completeness, Completeness::Complete, "{:?}", batch.rejects);
    let [first, second] = batch.disputes.as_slice() else { panic!("{:?}", batch.counts) };
    let texts = (&*first.id, &*first.client, first.note.as_deref(), first.payer.as_deref());
    let guid = "01234567-89ab-cdef-0123-456789abcdef";
    assert_eq!(texts, (guid, "Example Pharma Ω", Some("Größe"), Some("Plan Ω")));
    assert_eq!(first.amount_disputed, Some(Decimal::new(-2_147_483_648, 4)));
    assert_eq!((first.opened_at, first.due_at), (Some(date(2026, 1, 2)), Some(date(2026, 11, 30))));
    assert_eq!((second.amount_disputed, second.opened_at, second.note.as_deref()), (None, None, None));
    assert_eq!((second.due_at, second.payer.as_deref()), (None, None));
}

#[test]
fn rows_that_cannot_be_read_are_rejected_and_the_rest_is_read() {
    let row = |number: i64| {
        let mut row = plain(number);
        if number % 100 == 0 {
            row[3] = Cell::Text("poison");
        }
        row
    };
    let server = answering(Answer::table(&COLUMNS, (1..=5_000).map(row)));
    let batch = read(&view(server.port));
    assert_eq!(batch.completeness, Completeness::Complete);
    assert_eq!((batch.counts.rows, batch.counts.open, batch.counts.rejected), (5_000, 4_950, 50));
    assert_eq!(batch.rejects[0].to_string().split(':').next(), Some("line 100, column `ndc`"));
}

#[test]
fn a_server_that_falls_silent_is_left_when_its_time_is_over() {
    let many = Answer::table(&COLUMNS, (0..20_000).map(plain));
    let silent_at = |bytes| {
        let server = answering(many.clone().silent_at(bytes));
        let mut settings = view(server.port);
        settings.database.as_mut().unwrap().timeout = Duration::from_secs(1);
        std::thread::spawn(move || why(&settings))
    };
    let (never, half_way) = (silent_at(0), silent_at(many.len() / 2));
    let Reason::Unreachable { problem, .. } = never.join().unwrap() else { panic!("it answered") };
    assert_eq!(problem, "it did not answer in time; is `timeout` too short for this view?");
    let Reason::BrokeOff { rows, problem, .. } = half_way.join().unwrap() else { panic!("it ended") };
    assert_eq!(problem, "it did not answer in time; is `timeout` too short for this view?");
    assert!((1..20_000).contains(&rows), "{rows}");
}

#[test]
fn a_gateway_that_names_another_server_is_followed_but_not_for_ever() {
    let server = answering(Answer::table(&COLUMNS, [plain(1)]));
    let gateway = |host, port| {
        let reception = Reception {
            user: "reader",
            password: PASSWORD,
            route: Some((host, port)),
            ..Reception::default()
        };
        Tds::receiving(reception, |_| None)
    };
    let first = gateway("127.0.0.1", server.port);
    let batch = read(&view(first.port));
    assert_eq!((&batch.completeness, batch.counts.open), (&Completeness::Complete, 1));
    assert_eq!((first.heard().len(), server.heard().len()), (0, 5), "the gateway is asked for nothing");
    // Five gateways in a row are more than any cloud has.
    let mut last = server.port;
    for _ in 0..5 {
        last = gateway("127.0.0.1", last).port;
    }
    let reason = told(&view(last));
    assert!(
        reason.contains("cannot be reached: it names one server after the other in its place"),
        "{reason}"
    );
}

fn secured(secured: &Secured, answer: Answer) -> Tds {
    let reception = Reception {
        user: "reader",
        password: PASSWORD,
        secured: Some(secured.clone()),
        ..Reception::default()
    };
    Tds::receiving(reception, move |sql| answer_of(&answer, sql))
}

#[test]
fn a_token_of_azures_directory_signs_in_over_an_encrypted_connection() {
    let certificate = Secured::new();
    let reception = Reception {
        user: "",
        password: PASSWORD,
        secured: Some(certificate.clone()),
        ..Reception::default()
    };
    let table = Answer::table(&COLUMNS, [plain(1)]);
    let server = Tds::receiving(reception, move |sql| answer_of(&table, sql));
    let mut settings = Settings { user: None, ..view(server.port) };
    let database = settings.database.as_mut().unwrap();
    (database.tls, database.authority) = (Tls::Verify, Some(certificate.pem.clone()));
    let batch = read(&settings);
    assert_eq!((&batch.completeness, batch.counts.open), (&Completeness::Complete, 1));
    settings.secret = Some("another".to_owned().into());
    assert!(told(&settings).contains("refuses access: Login failed"));
    assert_eq!(
        server.heard().iter().filter(|heard| *heard == "secure").count(),
        1,
        "the one that was let in"
    );
}

#[test]
fn an_encrypted_connection_is_as_secure_as_the_settings_say() {
    let certificate = Secured::new();
    let server = secured(&certificate, Answer::table(&COLUMNS, (0..5_000).map(plain)));
    let with = |tls: Tls, authority: Option<Vec<u8>>, host: &str| {
        let mut settings = view(server.port);
        let database = settings.database.as_mut().unwrap();
        (database.tls, database.authority, database.host) = (tls, authority, host.to_owned());
        settings
    };
    let own = || Some(certificate.pem.clone());
    for settings in [with(Tls::Verify, own(), "127.0.0.1"), with(Tls::Encrypt, None, "127.0.0.1")] {
        let batch = read(&settings);
        assert_eq!((&batch.completeness, batch.counts.open), (&Completeness::Complete, 5_000));
    }
    let logins = || server.heard().iter().filter(|heard| *heard == "secure").count();
    assert_eq!(logins(), 2);
    // An authority that nobody knows, and the name of another host.
    for settings in [with(Tls::Verify, None, "127.0.0.1"), with(Tls::Verify, own(), "localhost")] {
        let reason = told(&settings);
        assert!(reason.contains("refuses access: no secure connection: "), "{reason}");
    }
    // In the clear it lets nobody in.
    let clear = why(&with(Tls::Off, None, "127.0.0.1"));
    assert!(matches!(clear, Reason::Unreachable { .. } | Reason::Refused { .. }), "{clear}");
    assert_eq!(logins(), 2, "no password was sent to a server that is not trusted");
    let wrong =
        Settings { secret: Some("not it".to_owned().into()), ..with(Tls::Verify, own(), "127.0.0.1") };
    assert!(told(&wrong).contains("refuses access: Login failed for user 'reader'. (error 18456)"));
}

/// What `tsql` shows of the table; none where it is not here.
fn by_free_tds(port: u16, more: &[(&str, &str)]) -> Option<Vec<String>> {
    if Command::new("tsql").arg("-C").stdout(Stdio::null()).status().is_err() {
        missing("not run: tsql is not here; install `freetds-bin`");
        return None;
    }
    let mut client = Command::new("tsql")
        .args(["-H", "127.0.0.1", "-p", &port.to_string(), "-U", "reader", "-P", PASSWORD])
        .args(["-o", "fq", "-t", "|"])
        .env("TDSVER", "7.4")
        .envs(more.iter().copied())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.take().unwrap().write_all(b"SELECT * FROM open_disputes\ngo\nexit\n").unwrap();
    let output = client.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let rows: Vec<String> = out.lines().filter(|line| line.contains('|')).map(str::to_owned).collect();
    assert!(!rows.is_empty(), "{out}\n{err}");
    Some(rows)
}

#[test]
fn free_tds_reads_the_same_from_our_server() {
    let server = answering(every_kind());
    let Some(rows) = by_free_tds(server.port, &[]) else { return };
    let expected = [
        "dispute_id|program|manufacturer|ndc|amount_disputed|units_disputed|units_invoiced|due_at|resolved_at|opened_at|is_late|ratio",
        "-9007199254740993|mdrp|Example Pharma Ω|12345-678-90|-1234567890.1234|12345678901234567.8901234567|-42|Nov 30 2026 12:00AM|\
         Jan  2 2026 11:59PM|Oct 31 2026 10:30PM|1|0.5",
        "2|mdrp|Example Pharma A|12345-678-90|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
    ];
    assert_eq!(rows, expected);
    let server = answering(older_kinds());
    let expected = [
        "dispute_id|program|manufacturer|ndc|amount_disputed|opened_at|due_at|note|payer",
        "01234567-89AB-CDEF-0123-456789ABCDEF|mdrp|Example Pharma Ω|12345-678-90|-214748.3648|Jan  2 2026 11:59PM|\
         Nov 30 2026 11:59PM|Größe|Plan Ω",
        "07070707-0707-0707-0707-070707070707|mdrp|Example Pharma A|12345-678-90|NULL|NULL|NULL|NULL|NULL",
    ];
    assert_eq!(by_free_tds(server.port, &[]).unwrap(), expected);

    // Encrypted, and over a gateway.
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("freetds.conf");
    std::fs::write(&config, "[global]\n\ttds version = 7.4\n\tencryption = require\n").unwrap();
    let config = config.display().to_string();
    let server = secured(&Secured::new(), Answer::table(&COLUMNS, [plain(1)]));
    let rows = by_free_tds(server.port, &[("FREETDSCONF", &config)]).unwrap();
    assert_eq!(rows[1], "1|mdrp|Example Pharma A|12345-678-90");
    assert!(server.heard().contains(&"secure".to_owned()));
}
