//! A browser that a test works as a person does: with keys and the mouse, by the protocol of its developer tools.
//!
//! Over a pipe, so that no port and no further library is needed: a message is JSON with a NUL behind it.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// How long any answer may take: far more than it does on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// One page of it.
pub(crate) struct Driven {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Value,
    asked: u64,
    /// What came while something else was waited for.
    events: VecDeque<Value>,
    /// What pages made the browser say to a developer.
    pub(crate) said: Vec<String>,
}

impl Driven {
    pub(crate) fn start(program: &Path, arguments: &[String]) -> Self {
        // The browser reads from descriptor 3 and writes to 4; a shell can put ours there.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null", "sh"])
            .arg(program)
            .args(arguments)
            .args(["--remote-debugging-pipe", "about:blank"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let (sender, from) = mpsc::channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while reader.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
                message.clear();
            }
        });
        let (session, events, said) = (Value::Null, VecDeque::new(), Vec::new());
        let mut driven = Self { child, to, from, session, asked: 0, events, said };
        let target = driven.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        driven.session = driven.ask("Target.attachToTarget", attach)["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log"] {
            driven.ask(&format!("{domain}.enable"), json!({}));
        }
        driven
    }

    /// A command of the protocol and its answer.
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method });
        message["params"] = parameters;
        if self.session.is_string() {
            message["sessionId"] = self.session.clone();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let message = self.next(method);
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn next(&mut self, waiting_for: &str) -> Value {
        let message = self.from.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {waiting_for} came"));
        let told = match message["method"].as_str() {
            Some("Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded") => {
                message["params"].to_string()
            }
            _ => return message,
        };
        self.said.push(told);
        message
    }

    /// Does something that leads to another page, and waits until that is there.
    pub(crate) fn led_to(&mut self, act: impl FnOnce(&mut Self)) {
        self.events.clear();
        act(self);
        loop {
            let event = self.events.pop_front();
            let event = event.unwrap_or_else(|| self.next("page"));
            if event["method"] == "Page.loadEventFired" {
                return;
            }
        }
    }

    pub(crate) fn open(&mut self, address: &str) {
        self.led_to(|driven| {
            let answer = driven.ask("Page.navigate", json!({ "url": address }));
            assert!(answer["errorText"].is_null(), "{address}: {answer}");
        });
    }

    /// What an expression comes to on the page.
    pub(crate) fn value_of(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    pub(crate) fn text_of(&mut self, expression: &str) -> String {
        self.value_of(expression).as_str().unwrap_or_default().to_owned()
    }

    /// A click into the middle of the first element that fits a selector.
    pub(crate) fn click(&mut self, selector: &str) {
        let place = self.value_of(&format!(
            "(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})(document.querySelector({selector:?}))"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let button =
                json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", button);
        }
    }

    /// A key that is no letter, as `Tab`.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            other => panic!("the key {other} is not known here"),
        };
        let of = |kind: &str| json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
        self.ask("Input.dispatchKeyEvent", of(if text.is_empty() { "rawKeyDown" } else { "keyDown" }));
        self.ask(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// Text, letter by letter, into what has the focus; a list of choices goes to the choice that begins so.
    pub(crate) fn write(&mut self, text: &str) {
        for letter in text.chars() {
            let letter = letter.to_string();
            self.ask("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": letter, "text": letter }));
            self.ask("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": letter }));
        }
    }

    /// What has the focus: its name, and what it says or leads to.
    pub(crate) fn focus(&mut self) -> String {
        self.text_of(
            "(e => [e.tagName.toLowerCase(), e.name || e.getAttribute('href') || e.getAttribute('aria-label') \
             || e.textContent.trim()].join(' '))(document.activeElement)",
        )
    }

    /// As a person who likes it dark or light would see the next pages.
    pub(crate) fn look(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features }));
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
