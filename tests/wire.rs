//! What goes over the wire, and what does not: credentials stay with the site they belong to and show nowhere, every
//! call ends, and every answer is bounded.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/contract.rs"]
mod contract;
#[path = "common/judged.rs"]
mod judged;
#[path = "shared/missing.rs"]
mod missing;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use disputebot::{
    dispute::Program,
    group::GroupId,
    jira::{
        Cause, Client, Credentials, Dialect, Found, Gateway, JiraError, Limits, Outcome, Paper, Settings,
    },
    plan::{Issue, Mark},
    sandbox::{self, Effect, Fault, Flavour, Matches, Options, Recorded, User},
    ticket::{
        Content, Typed,
        document::{Block, Inline},
        facts::Grain,
        list::List,
    },
};
use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use judged::Judged;
use missing::missing;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::Value;

const TOKEN: &str = "T0k3n-that-nobody-may-see";
const SIGNED_IN: &str = "X-AAccountId: bot\r\n";

/// What Jira Cloud says that it is.
const CLOUD: &str = r#"{"deploymentType":"Cloud","version":"1001"}"#;

/// A connection, in the open or not.
trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// A Jira that says what it is, and answers everything else as told.
struct Server {
    url: String,
    /// Heads of the requests.
    heads: Arc<Mutex<Vec<String>>>,
    /// All of each.
    requests: Arc<Mutex<Vec<Recorded>>>,
    flavour: Flavour,
}

impl Drop for Server {
    fn drop(&mut self) {
        if !thread::panicking() {
            let requests = self.requests.lock().unwrap();
            assert_eq!(contract::breaches(self.flavour, &requests), Vec::<String>::new());
        }
    }
}

impl Server {
    fn start(answer: impl Fn(&str, &mut dyn Stream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::of(CLOUD.to_owned(), answer)
    }

    fn of(
        site: String,
        answer: impl Fn(&str, &mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::on("http", |stream| Box::new(stream), site, answer)
    }

    /// The same, on connections that are made of those of the machine.
    fn on(
        scheme: &str,
        open: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
        site: String,
        answer: impl Fn(&str, &mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let open = Arc::new(open);
        let heads = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let flavour = if site.contains("Cloud") { Flavour::Cloud } else { Flavour::DataCenter };
        let (told, kept) = (Arc::clone(&heads), Arc::clone(&requests));
        let (answer, site) = (Arc::new(answer), Arc::new(site));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (told, kept) = (Arc::clone(&told), Arc::clone(&kept));
                let (answer, site, open) = (Arc::clone(&answer), Arc::clone(&site), Arc::clone(&open));
                thread::spawn(move || {
                    // A client that goes away is what is tested.
                    drop(serve(open(stream).as_mut(), (&told, &kept), &site, answer.as_ref()));
                });
            }
        });
        Self { url, heads, requests, flavour }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn client(&self) -> Client {
        client(&self.url, Duration::from_secs(20))
    }

    /// One that soon gives up.
    fn hasty_client(&self) -> Client {
        client(&self.url, Duration::from_millis(500))
    }
}

fn serve(
    stream: &mut dyn Stream,
    (told, kept): (&Mutex<Vec<String>>, &Mutex<Vec<Recorded>>),
    site: &str,
    answer: &dyn Fn(&str, &mut dyn Stream) -> io::Result<()>,
) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.to_lowercase().lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    told.lock().unwrap().push(head.clone());
    kept.lock().unwrap().push(recorded(&head, &body));
    let path = head.split(' ').nth(1).unwrap_or_default();
    // One that says nothing by itself is asked for everything.
    if path.ends_with("/serverInfo") && !site.is_empty() {
        return json(stream, SIGNED_IN, site);
    }
    answer(path, stream)
}

/// A request as the sandbox would have kept it.
fn recorded(head: &str, body: &[u8]) -> Recorded {
    let mut words = head.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let text = String::from_utf8_lossy(body);
    let body = match serde_json::from_slice(body) {
        Ok(body) => body,
        Err(_) if text.is_empty() => Value::Null,
        Err(_) if text.contains("name=\"file\"") => {
            serde_json::json!([{ "name": "file", "fileName": "a", "sizeBytes": text.len() }])
        }
        Err(_) => Value::from(text),
    };
    let (path, query) = (path.to_owned(), query.to_owned());
    Recorded {
        method,
        path,
        query,
        body,
        status: None,
        took_effect: false,
        who: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn json(stream: &mut dyn Stream, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}Connection: close\r\nContent-Length: \
         {length}\r\n\r\n{body}"
    )
}

fn settings(url: &str) -> Settings {
    let credentials = Credentials::Basic { user: "bot@example.com".to_owned(), token: TOKEN.into() };
    Settings::new(url.parse().unwrap(), credentials, "DISP")
}

fn client(url: &str, timeout: Duration) -> Client {
    Client::new(Settings { timeout, ..settings(url) }).unwrap()
}

fn issue() -> Issue {
    Issue { id: "10001".to_owned(), key: "DISP-1".to_owned() }
}

/// A call that is sent once, so that no test waits for others.
async fn comment(client: &Client) -> JiraError {
    let body = [Block::Paragraph(vec![Inline::plain("a word")])];
    match client.comment(&issue(), "topic", &body).await {
        Outcome::NotDone(error) | Outcome::Refused(error) | Outcome::Unknown(error) => error,
        Outcome::Done(id) => panic!("the comment has the id {id}"),
    }
}

/// All forms in which the token could be written.
fn assert_no_token(text: &str, place: &str) {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("bot@example.com:{TOKEN}"));
    for form in [TOKEN, basic.as_str(), &TOKEN.replace('-', "%2D")] {
        assert!(!text.contains(form), "{place} holds the token: {text}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_credentials_stay_where_they_belong() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start(|_, stream| json(stream, "", "{}"));
        let target = elsewhere.url.clone();
        let server = Server::start(move |path, stream| {
            write!(
                stream,
                "HTTP/1.1 {status} Elsewhere\r\nLocation: {target}{path}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
        });
        let client = server.client();
        for error in [client.sign_in().await.unwrap_err(), comment(&client).await] {
            assert_eq!(error.cause, Cause::Redirected(status));
            assert!(error.is_fatal(), "every further call would go the same way");
            assert_no_token(&format!("{error} {error:?} {:?}", error.hint()), "the error");
        }
        assert_eq!(elsewhere.heads(), Vec::<String>::new(), "{status}: somebody else was asked");
        assert!(server.heads().iter().all(|head| head.contains("uthorization: Basic ")));
    }
}

#[tokio::test]
async fn one_call_tells_which_jira_it_is_whatever_stands_before_it_says_to_others() {
    const DATA_CENTER: &str = r#"{"deploymentType":"Server","version":"10.3.1"}"#;
    for strange in [
        "HTTP/1.1 404 No\r\n",
        "HTTP/1.1 403 No\r\n",
        "HTTP/1.1 302 Sign in\r\nLocation: https://sso.example.com/\r\n",
        "HTTP/1.1 405 No\r\n",
        // A page to sign in, instead of an answer.
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n",
    ] {
        let server = Server::of(String::new(), move |path, stream| {
            if path.starts_with("/rest/api/2/serverInfo") {
                return json(stream, "", DATA_CENTER);
            }
            let page = if strange.contains("200") { "<html>Sign in</html>" } else { "" };
            let length = page.len();
            write!(stream, "{strange}Connection: close\r\nContent-Length: {length}\r\n\r\n{page}")
        });
        let client = server.client();
        assert_eq!(client.site().await.unwrap().dialect, Dialect::DataCenter, "{strange}");
        assert_eq!(server.heads().len(), 1, "{strange}");
    }
    // A site that has the third version alone.
    let server = Server::of(String::new(), |path, stream| {
        if path.starts_with("/rest/api/3/serverInfo") {
            return json(stream, "", r#"{"deploymentType":"Cloud","version":"1001.0.0"}"#);
        }
        write!(stream, "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    });
    assert_eq!(server.client().site().await.unwrap().dialect, Dialect::Cloud);
    assert_eq!(server.heads().len(), 2);
    // Credentials that are wrong are sent once: some sites lock an account after a few.
    let server = Server::of(String::new(), |_, stream| {
        write!(stream, "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    });
    assert_eq!(server.client().site().await.unwrap_err().cause, Cause::Credentials);
    assert_eq!(server.heads().len(), 1);
}

#[tokio::test]
async fn every_call_asks_for_english_and_one_through_the_gateway_for_its_site_with_the_token_alone() {
    let server = Server::start(|_, stream| json(stream, SIGNED_IN, r#"{"accountId":"bot"}"#));
    let gateway_url = Some(server.url.parse().unwrap());
    let gateway = Gateway::Site("0a1b-2c3d".to_owned());
    let settings = Settings {
        credentials: Credentials::Bearer(TOKEN.into()),
        gateway,
        gateway_url,
        ..settings("http://localhost:1")
    };
    let client = Client::new(settings).unwrap();
    client.sign_in().await.unwrap();
    let heads = server.heads();
    assert!(heads.len() >= 2);
    for head in heads {
        let head = head.to_lowercase();
        assert!(head.starts_with("get /ex/jira/0a1b-2c3d/rest/api/3/"), "{head}");
        assert!(head.contains(&format!("authorization: bearer {}", TOKEN.to_lowercase())), "{head}");
        assert!(
            head.contains("x-force-accept-language: true") && head.contains("accept-language: en-us"),
            "{head}"
        );
    }
    assert_no_token(&format!("{client:?}"), "a debug text");
}

fn content() -> Content {
    Content {
        summary: "a cause".to_owned(),
        block: vec![Block::Paragraph(vec![Inline::plain("a word")])],
        labels: vec!["disputebot".to_owned()],
        priority: None,
        due: None,
        fields: BTreeMap::new(),
        project: None,
        issue_type: None,
        watchers: Vec::new(),
        routed: BTreeSet::new(),
        cause: String::new(),
        course: None,
        list: None,
        grain: Grain::Fine,
        typed: Typed::default(),
    }
}

fn mark() -> Mark {
    Mark {
        group: GroupId::from_bits(7),
        program: Program::Mdrp,
        client: "Example Pharma A".into(),
        since: Timestamp::UNIX_EPOCH,
        split_from: None,
        patterns: Vec::new(),
        members: Vec::new(),
        of: 0,
        written: None,
    }
}

#[tokio::test]
async fn an_answer_to_a_create_says_whether_it_was_done_and_where_it_does_not_nobody_guesses() {
    // Jira's own words where it has any, and nothing where the answer is cut off.
    let answers: [(&str, &str); 24] = [
        ("201 Created", r#"{"id":"10001","key":"DISP-1"}"#),
        ("201 Created", r#"{"key":"DISP-1"}"#),
        ("201 Created", r#"{"id":"10001"}"#),
        ("201 Created", "<html>saved</html>"),
        ("200 OK", ""),
        ("204 No Content", ""),
        ("301 Elsewhere", ""),
        ("307 Elsewhere", ""),
        ("400 Bad", r#"{"errors":{"summary":"no"}}"#),
        ("401 No", ""),
        ("403 No", ""),
        ("404 No", ""),
        ("405 No", ""),
        ("408 Too slow", ""),
        ("409 Conflict", ""),
        ("413 Too large", ""),
        ("415 What", ""),
        ("422 Bad", ""),
        ("429 Busy", ""),
        ("500 Broken", ""),
        ("502 Broken", ""),
        ("503 Broken", ""),
        ("504 Broken", ""),
        ("cut", ""),
    ];
    let mut told = Vec::new();
    for (status, body) in answers {
        let server = Server::start(move |path, stream| {
            if path != "/rest/api/3/issue" || status == "cut" {
                return Ok(());
            }
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{SIGNED_IN}Connection: close\r\n\
                 Content-Length: {length}\r\n\r\n{body}"
            )
        });
        let outcome = match server.client().create(&content(), &mark()).await {
            Outcome::Done(issue) => format!("done, {} {}", issue.id, issue.key),
            Outcome::NotDone(_) => "not done".to_owned(),
            Outcome::Refused(_) => "refused".to_owned(),
            Outcome::Unknown(_) => "unknown".to_owned(),
        };
        let posts = server.heads().iter().filter(|head| head.starts_with("POST")).count();
        assert_eq!(posts, 1, "{status}: sent once");
        told.push(format!("{status} {body}: {outcome}"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    201 Created {"id":"10001","key":"DISP-1"}: done, 10001 DISP-1
    201 Created {"key":"DISP-1"}: unknown
    201 Created {"id":"10001"}: unknown
    201 Created <html>saved</html>: unknown
    200 OK : unknown
    204 No Content : unknown
    301 Elsewhere : refused
    307 Elsewhere : refused
    400 Bad {"errors":{"summary":"no"}}: refused
    401 No : refused
    403 No : refused
    404 No : refused
    405 No : refused
    408 Too slow : unknown
    409 Conflict : unknown
    413 Too large : refused
    415 What : refused
    422 Bad : refused
    429 Busy : not done
    500 Broken : unknown
    502 Broken : unknown
    503 Broken : unknown
    504 Broken : unknown
    cut : unknown
    "#);
}

#[tokio::test]
async fn a_create_that_nobody_listens_to_was_not_done() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = client(&format!("http://127.0.0.1:{port}"), Duration::from_secs(5));
    let outcome = client.create(&content(), &mark()).await;
    assert!(matches!(&outcome, Outcome::NotDone(error) if error.cause == Cause::Connect), "{outcome:?}");
}

#[test]
fn credentials_go_to_no_address_that_is_open_to_others_or_holds_some_itself() {
    let refused = |settings: Settings| {
        let error = Client::new(settings).map(drop).unwrap_err();
        assert_eq!(error.cause, Cause::Address);
        assert_no_token(&format!("{error} {error:?}"), "the error");
        error.to_string()
    };
    for open in
        ["http://jira.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1:8080", "ftp://localhost"]
    {
        assert!(refused(settings(open)).ends_with("it does not start with `https://`"), "{open}");
    }
    for own in ["https://bot:secret@jira.example.com", "https://bot@jira.example.com", "https://:s@localhost"]
    {
        let said = refused(settings(own));
        assert!(said.ends_with("it holds credentials") && !said.contains("secret"), "{said}");
    }
    let gateway_url = Some("http://gateway.example.com".parse().unwrap());
    let gateway = Settings { gateway: Gateway::Ask, gateway_url, ..settings("http://127.0.0.1:1") };
    refused(gateway);
    for good in [
        "https://jira.example.com",
        "https://jira.example.com/context",
        "http://localhost:8080",
        "http://[::1]:1",
    ] {
        Client::new(settings(good)).unwrap();
    }
}

/// A writer that keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_no_error_no_debug_text_and_no_address_has_the_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process: where a test beside this one comes to a place first with no subscriber,
    // tracing would take that place as never enabled for one that a single thread has.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = Server::start(|path, stream| match path.split('?').next().unwrap_or_default() {
        "/rest/api/3/myself" => json(stream, SIGNED_IN, r#"{"accountId":"bot"}"#),
        "/rest/api/3/search/jql" => {
            // What a careless proxy would send back.
            let body = format!(r#"{{"errorMessages":["no"],"token":"{TOKEN}"}}"#);
            let length = body.len();
            write!(stream, "HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        }
        _ => write!(stream, "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    });
    let client = server.client();
    client.sign_in().await.unwrap();
    let errors =
        [client.labelled("disputebot", &["DISP".to_owned()]).await.unwrap_err(), comment(&client).await];
    let mut said = format!("{client:?} {:?}", settings(&server.url));
    for error in errors {
        said.push_str(&format!(" {error} {error:?}"));
    }
    assert_no_token(&said, "a debug text or an error");
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        logged.contains("hyper") || logged.contains("reqwest"),
        "the log of the libraries is looked at: {logged}"
    );
    assert_no_token(&logged, "the log");
    for head in server.heads() {
        let (first, rest) = head.split_once("\r\n").unwrap();
        assert_no_token(first, "an address");
        let carrying = rest.lines().filter(|line| line.contains("Basic ")).count();
        assert_eq!(carrying, 1, "one header has the credentials");
    }
}

#[tokio::test]
async fn an_answer_to_nobody_is_an_error_and_not_an_empty_result() {
    let sandbox = Judged(sandbox::start(Options::default()).await.unwrap());
    let bot = User::bot();
    let credentials = Credentials::Basic { user: bot.email.clone(), token: bot.token.clone().into() };
    let client =
        Client::new(Settings::new(sandbox.base_url().parse().unwrap(), credentials, "DISP")).unwrap();
    client.sign_in().await.unwrap();
    assert_eq!(
        client.labelled("disputebot", &["DISP".to_owned()]).await,
        Ok(Found::default()),
        "nothing is there yet"
    );
    sandbox.revoke(&bot);
    for error in [
        client.labelled("disputebot", &["DISP".to_owned()]).await.unwrap_err(),
        client.labelled("disputebot", &[]).await.unwrap_err(),
        client.highest_number_of("DISP").await.unwrap_err(),
    ] {
        assert_eq!(error.cause, Cause::Anonymous, "{error}");
        assert!(error.is_fatal() && !error.is_retryable());
        assert!(error.hint().unwrap().contains("the token has not expired"));
    }
    assert_eq!(client.sign_in().await.unwrap_err().cause, Cause::Credentials, "a refusal is told apart");
    sandbox.reinstate(&bot);
    assert_eq!(client.labelled("disputebot", &["DISP".to_owned()]).await, Ok(Found::default()));
    // In the middle of everything.
    let matches = Matches::Ending { method: "POST".to_owned(), suffix: "/search/jql".to_owned() };
    sandbox.inject(Fault { nth: 1, matches, effect: Effect::ExpireToken });
    assert_eq!(client.highest_number_of("DISP").await.unwrap_err().cause, Cause::Anonymous);
    assert_eq!(sandbox.unknown_routes(), Vec::<String>::new());
}

/// Jira of Cloud or Data Center whose search gives these answers one after the other, and then the last one again and
/// again.
fn searched(kind: &str, answers: &'static [(u16, &'static str)]) -> Server {
    let site = format!(r#"{{"deploymentType":"{kind}","version":"10.3.0","versionNumbers":[10,3,0]}}"#);
    let asked = AtomicUsize::new(0);
    Server::of(site, move |_, stream| {
        let (status, body) = answers[asked.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1)];
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: \
             {length}\r\n\r\n{body}"
        )
    })
}

#[tokio::test]
async fn a_search_that_did_not_come_to_its_end_says_so_and_keeps_what_it_found() {
    for (kind, answers, ids, said) in [
        ("Cloud", &[(200, r#"{"issues":[{"id":"1"}],"isLast":true}"#)][..], &["1"][..], None),
        (
            "Cloud",
            &[
                (200, r#"{"issues":[{"id":"1"}],"nextPageToken":"a","isLast":false}"#),
                (200, r#"{"issues":[{"id":"2"}],"nextPageToken":"b","isLast":false}"#),
                (200, r#"{"issues":[{"id":"3"}],"nextPageToken":"a","isLast":false}"#),
            ],
            &["1", "2", "3"],
            Some("gives a page again"),
        ),
        (
            "Cloud",
            &[(200, r#"{"issues":[{"id":"1"}],"isLast":false}"#)],
            &["1"],
            Some("no way to its next page"),
        ),
        (
            "Cloud",
            &[
                (200, r#"{"issues":[{"id":"1"}],"warnings":["too much"],"nextPageToken":"a"}"#),
                (200, r#"{"issues":[{"id":"2"}],"isLast":true}"#),
            ],
            &["1", "2"],
            Some("may be incomplete: too much"),
        ),
        (
            "Cloud",
            &[
                (200, r#"{"issues":[{"id":"1"}],"nextPageToken":"a"}"#),
                (400, r#"{"errorMessages":["The provided next page token is invalid or expired."]}"#),
            ],
            &["1"],
            Some("ended before its last page"),
        ),
        ("Server", &[(200, r#"{"issues":[{"id":"1"}],"total":1}"#)], &["1"], None),
        (
            "Server",
            &[(200, r#"{"issues":[],"total":0,"warningMessages":["no such label"]}"#)],
            &[],
            Some("may be incomplete: no such label"),
        ),
        (
            "Server",
            &[(200, r#"{"issues":[{"id":"1"}],"total":3}"#), (200, r#"{"issues":[],"total":3}"#)],
            &["1"],
            Some("counts 3 issues and gives 1"),
        ),
    ] {
        let server = searched(kind, answers);
        let found = server.client().labelled("disputebot", &["DISP".to_owned()]).await.unwrap();
        assert_eq!(found.ids, ids, "{answers:?}");
        match (found.cut, said) {
            (Some(cut), Some(said)) => assert!(cut.contains(said), "{cut}"),
            (cut, said) => assert_eq!(cut.as_deref(), said, "{answers:?}"),
        }
        let asked = server.heads().iter().filter(|head| head.contains("/search")).count();
        assert_eq!(asked, answers.len(), "{answers:?}");
    }
}

#[tokio::test]
async fn a_search_that_is_refused_from_the_start_is_an_error_and_no_empty_result() {
    let server = searched("Cloud", &[(400, r#"{"errorMessages":["The query is too long."]}"#)]);
    let error = server.client().labelled("disputebot", &["DISP".to_owned()]).await.unwrap_err();
    assert_eq!(error.cause, Cause::Refused(400));
}

#[tokio::test]
async fn page_tokens_that_expire_in_the_middle_leave_a_search_cut() {
    let sandbox = Judged(sandbox::start(Options::default()).await.unwrap());
    let bot = User::bot();
    let credentials = Credentials::Basic { user: bot.email.clone(), token: bot.token.clone().into() };
    let client =
        Client::new(Settings::new(sandbox.base_url().parse().unwrap(), credentials, "DISP")).unwrap();
    let paper = |name| Paper { project: "DISP", issue_type: "Task", name, summary: "A report", body: &[] };
    for name in ["a", "b", "c", "d"] {
        assert!(matches!(client.file(&paper(name)).await, Outcome::Done(_)));
    }
    let found = async || client.labelled("disputebot-report", &["DISP".to_owned()]).await.unwrap();
    let whole = found().await;
    assert_eq!((whole.ids.len(), whole.cut), (4, None));
    let search = || Matches::Ending { method: "POST".to_owned(), suffix: "/search/jql".to_owned() };
    sandbox.inject(Fault { nth: 1, matches: search(), effect: Effect::ShortPage });
    sandbox.inject(Fault { nth: 2, matches: search(), effect: Effect::ExpirePages });
    let cut = found().await;
    assert_eq!(cut.ids, whole.ids[..2]);
    assert!(cut.cut.unwrap().contains("ended before its last page"));
    let again = found().await;
    assert_eq!((again.ids, again.cut), (whole.ids, None), "the next search begins anew");
}

#[tokio::test]
async fn a_search_whose_pages_never_end_is_left_cut() {
    let pages = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&pages);
    let server = Server::start(move |_, stream| {
        let page = asked.fetch_add(1, Ordering::Relaxed);
        json(stream, SIGNED_IN, &format!(r#"{{"issues":[],"nextPageToken":"t{page}","isLast":false}}"#))
    });
    let bot = Credentials::Bearer(TOKEN.into());
    let settings = Settings { limits: Limits::Told, credentials: bot, ..settings(&server.url) };
    let found = Client::new(settings).unwrap().labelled("disputebot", &["DISP".to_owned()]).await.unwrap();
    assert!(found.cut.unwrap().contains("does not end within"));
    assert!((100..=5_000).contains(&pages.load(Ordering::Relaxed)), "{pages:?}");
}

#[tokio::test]
async fn data_center_names_a_stranger_anonymous_and_a_gateway_that_names_nobody_is_believed() {
    let asked = Arc::new(AtomicUsize::new(0));
    for (signed_in, later, believed) in [
        ("X-AUSERNAME: bot\r\n", "X-AUSERNAME: bot\r\n", true),
        ("X-AUSERNAME: bot\r\n", "X-AUSERNAME: anonymous\r\n", false),
        ("X-AUSERNAME: bot\r\n", "", false),
        ("", "", true),
    ] {
        let asked = Arc::clone(&asked);
        let server = Server::start(move |path, stream| {
            asked.fetch_add(1, Ordering::Relaxed);
            if path.ends_with("/myself") {
                return json(stream, signed_in, r#"{"accountId":"bot"}"#);
            }
            json(stream, later, r#"{"issues":[]}"#)
        });
        let client = server.client();
        client.sign_in().await.unwrap();
        let found = client.labelled("disputebot", &["DISP".to_owned()]).await;
        assert_eq!(found.is_ok(), believed, "{signed_in:?} {later:?}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 8);
}

/// A proxy may have given it, and not Jira.
#[tokio::test]
async fn a_comment_or_a_list_whose_answer_names_none_is_of_unknown_fate() {
    for body in ["{}", "[]", "[{}]", "{\"id\":\"\"}"] {
        let server = Server::start(move |_, stream| {
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
        });
        let (name, text) = ("disputes-1.csv".to_owned(), "a".into());
        let list = List { name, text, rows: 1, left_out: 0, withheld: Vec::new() };
        for outcome in [
            server.client().comment(&issue(), "topic", &[]).await,
            server.client().attach(&issue(), &list).await,
        ] {
            let Outcome::Unknown(error) = outcome else { panic!("{body}: {outcome:?}") };
            assert_eq!((error.cause, &*error.said), (Cause::Broken, "the answer has no id"));
        }
    }
}

#[tokio::test]
async fn a_body_that_never_ends_in_time_is_given_up() {
    let server = Server::start(|_, stream| {
        write!(stream, "HTTP/1.1 201 Created\r\nContent-Length: 1000000\r\n\r\n")?;
        loop {
            stream.write_all(b" ")?;
            // The slow peer is what is tested: it has nothing to wait for.
            #[expect(clippy::disallowed_methods, reason = "a body that trickles")]
            thread::sleep(Duration::from_millis(20));
        }
    });
    let error = comment(&server.hasty_client()).await;
    assert!(matches!(error.cause, Cause::Broken | Cause::Timeout), "{error:?}");
    assert!(!error.is_unexecuted(), "it may have been done");
    let silent = Server::start(|_, stream| stream.read(&mut [0]).map(drop));
    assert_eq!(comment(&silent.hasty_client()).await.cause, Cause::Timeout);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end_however_small_it_was_packed() {
    let packed = {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..200 {
            encoder.write_all(&zeros).unwrap();
        }
        encoder.finish().unwrap()
    };
    assert!(packed.len() < 1 << 20);
    let bomb = Server::start(move |_, stream| {
        let length = packed.len();
        let head = "HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nConnection: close";
        write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n")?;
        stream.write_all(&packed)
    });
    let endless = Server::start(|_, stream| {
        write!(stream, "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n")?;
        loop {
            stream.write_all(&vec![b' '; 65_536])?;
        }
    });
    for server in [bomb, endless] {
        let error = comment(&client(&server.url, Duration::from_secs(20))).await;
        assert_eq!(error.said, "the answer is larger than 32 MiB");
        assert!(!error.is_unexecuted());
    }
}

#[tokio::test]
async fn an_error_as_a_page_of_html_says_nothing_and_breaks_nothing() {
    let server = Server::start(|_, stream| {
        let page = format!("<html><script>{TOKEN}</script></html>");
        let length = page.len();
        write!(
            stream,
            "HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{page}"
        )
    });
    let error = comment(&server.client()).await;
    assert_eq!((error.cause.clone(), error.said.as_str()), (Cause::Server(502), ""));
}

/// A certificate that no authority of the system knows, and its key, as files of a folder. None, told by name, where
/// OpenSSL is not installed; a failure then where CI is set.
fn unknown_certificate(folder: &Path) -> Option<Arc<ServerConfig>> {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "crt.pem"])
        .output();
    let Ok(made) = made else {
        missing("not run: OpenSSL is not here; install `openssl`");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let chain = vec![CertificateDer::from_pem_file(folder.join("crt.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Some(Arc::new(config))
}

#[tokio::test]
async fn a_site_with_a_certificate_of_an_authority_of_its_own_is_trusted_where_that_is_named_and_only_there()
{
    let folder = tempfile::tempdir().unwrap();
    let Some(config) = unknown_certificate(folder.path()) else { return };
    let open = move |stream| -> Box<dyn Stream> {
        Box::new(StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream))
    };
    let server = Server::on("https", open, CLOUD.to_owned(), |_, stream| {
        json(stream, SIGNED_IN, r#"{"accountId":"bot","displayName":"Bot"}"#)
    });
    let authority = fs::read(folder.path().join("crt.pem")).unwrap();
    let client = Client::new(Settings { certificate: Some(authority), ..settings(&server.url) }).unwrap();
    assert_eq!(client.sign_in().await.unwrap().id, "bot");
    let asked = server.heads().len();
    assert_eq!(asked, 2, "which Jira it is, and who asks");
    let stranger =
        Client::new(Settings { timeout: Duration::from_secs(10), ..settings(&server.url) }).unwrap();
    let error = stranger.sign_in().await.unwrap_err();
    assert_eq!(error.cause, Cause::Connect, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(error.hint().unwrap().contains("jira.ca_file"));
    assert_eq!(server.heads().len(), asked, "nothing was said to it");
}
