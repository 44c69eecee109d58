//! A chat gets the sentences once, whatever its webhook answers.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use serde_json::Value;

use crate::World;

/// What the webhook answers.
#[derive(Clone)]
enum Answer {
    /// A status and further lines of the head.
    Status(&'static str, String),
    /// It closes the connection without a word.
    Nothing,
    /// It says nothing and keeps the connection.
    Silence,
}

struct Hook {
    address: String,
    answer: Arc<Mutex<Answer>>,
    bodies: Receiver<String>,
}

impl Hook {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(answer));
        let (sender, bodies) = channel();
        let its = Arc::clone(&answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, sender) = (its.lock().unwrap().clone(), sender.clone());
                thread::spawn(move || take(stream, answer, &sender));
            }
        });
        Self { address, answer, bodies }
    }

    fn be(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// What arrived until now.
    fn bodies(&self) -> Vec<Value> {
        self.bodies.try_iter().map(|body| serde_json::from_str(&body).unwrap()).collect()
    }
}

fn kind() -> Answer {
    Answer::Status("200 OK", String::new())
}

fn take(mut stream: TcpStream, answer: Answer, sender: &Sender<String>) {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
            let lines = head.to_lowercase();
            let length = lines.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            length.is_some_and(|length: usize| body.len() >= length)
        });
        if let Some((_, body)) = whole {
            sender.send(body.to_owned()).unwrap();
            match answer {
                Answer::Status(status, more) => {
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n{more}\r\nok"
                    );
                    stream.write_all(head.as_bytes()).unwrap();
                }
                Answer::Nothing => {}
                // Until the other side goes away.
                Answer::Silence => while stream.read(&mut buffer).is_ok_and(|read| read > 0) {},
            }
            return;
        }
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
}

/// A world with a chat, and the arguments that send to it alone.
fn chat(hook: &Hook, form: &str) -> (World, Vec<String>) {
    let world = World::new("");
    fs::write(world.folder.path().join("hook"), &hook.address).unwrap();
    let set = |value: &str| ["--set".to_owned(), value.to_owned()];
    let arguments = ["--send".to_owned()]
        .into_iter()
        .chain(set("report.chat.url_file=hook"))
        .chain(set(&format!("report.chat.form={form}")))
        .chain(set("report.mail.server="));
    (world, arguments.collect())
}

fn send(world: &World, arguments: &[String], code: i32) -> String {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.expect(code, &arguments)
}

#[test]
fn both_kinds_of_chat_get_the_five_sentences_once() {
    for form in ["slack", "teams"] {
        let hook = Hook::start(kind());
        let (world, arguments) = chat(&hook, form);
        let said = send(&world, &arguments, 0);
        assert!(said.contains("sent to the chat") && !said.contains(&hook.address), "{said}");
        let said = send(&world, &arguments, 0);
        assert!(said.contains("the chat has it already"), "{said}");
        let bodies = hook.bodies();
        assert_eq!(bodies.len(), 1, "{form}");
        let sentences = match form {
            "slack" => bodies[0]["text"].as_str().unwrap().lines().count(),
            _ => bodies[0]["attachments"][0]["content"]["body"].as_array().unwrap().len(),
        };
        assert_eq!(sentences, 6, "{form}: a title and five sentences: {bodies:?}");
    }
}

#[test]
fn a_chat_that_refuses_is_asked_again_and_a_redirect_is_not_followed() {
    let other = Hook::start(kind());
    for (status, more) in [
        ("404 Not Found", String::new()),
        ("429 Too Many Requests", String::new()),
        ("302 Found", format!("Location: {}\r\n", other.address)),
    ] {
        let hook = Hook::start(Answer::Status(status, more));
        let (world, arguments) = chat(&hook, "slack");
        let said = send(&world, &arguments, 6);
        assert!(said.contains(&format!("not sent to the chat: the chat answered {status}")), "{said}");
        hook.be(kind());
        send(&world, &arguments, 0);
        send(&world, &arguments, 0);
        assert_eq!(hook.bodies().len(), 2, "{status}: refused once, taken once");
    }
    assert_eq!(other.bodies(), Vec::<Value>::new(), "what was meant for one place goes to no other");
}

#[test]
fn a_chat_that_fails_or_breaks_off_may_have_it_so_a_person_decides() {
    for answer in [Answer::Status("502 Bad Gateway", String::new()), Answer::Nothing] {
        let hook = Hook::start(answer);
        let (world, mut arguments) = chat(&hook, "slack");
        for _ in 0..2 {
            let said = send(&world, &arguments, 6);
            assert!(said.contains("it is not known whether the chat got it"), "{said}");
        }
        assert_eq!(hook.bodies().len(), 1, "not sent again by itself");
        hook.be(kind());
        arguments.push("--resend".to_owned());
        send(&world, &arguments, 0);
        send(&world, &arguments, 0);
        assert_eq!(hook.bodies().len(), 1, "sent once more, as ordered");
    }
}

#[test]
fn a_crash_between_sending_and_recording_sends_no_second_message() {
    let hook = Hook::start(Answer::Silence);
    let (world, mut arguments) = chat(&hook, "teams");
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = world.command(&words).spawn().unwrap();
    hook.bodies.recv_timeout(crate::sink::LIMIT).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    hook.be(kind());
    let said = send(&world, &arguments, 6);
    assert!(said.contains("it is not known whether the chat got it"), "{said}");
    assert_eq!(hook.bodies().len(), 0);
    arguments.push("--resend".to_owned());
    send(&world, &arguments, 0);
    assert_eq!(hook.bodies().len(), 1);
}
