//! The sandbox as people start it.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

use disputebot::sandbox::User;
use serde_json::{Value, json};

use crate::{crash::signal, running::blocking};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_plays_what_its_command_line_says_and_tells_at_its_end_what_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let faults = "[[fault]]\non = \"POST /issue\"\neffect = \"answer\"\nstatus = 503\n\
                  [[fault]]\non = \"POST /comment\"\neffect = \"close-before-commit\"\n\
                  [index]\nlag_s = 600\n[[webhook]]\nmischief = \"late\"\n\
                  [[require]]\nfield = \"duedate\"\nproject = \"OPS\"\n\
                  [[require]]\nfield = \"environment\"\nproject = \"DISP\"\n\
                  [[person]]\nafter = \"POST /issue\"\ndoes = \"move\"\nto = \"DISP\"\n\
                  [[person]]\nafter = \"POST /comment\"\ndoes = \"delete\"\n";
    fs::write(folder.path().join("faults.toml"), faults).unwrap();
    let options =
        "sandbox --port 0 --project DISP --project OPS --workflow plain --faults faults.toml --limits";
    let mut child = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(options.split(' '))
        .current_dir(folder.path())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    let base = said.split_whitespace().last().unwrap().to_owned();
    let (bot, http) = (User::bot(), reqwest::Client::new());
    let ask = |request: reqwest::RequestBuilder| {
        let request = request.basic_auth(&bot.email, Some(&bot.token));
        async {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
        }
    };
    let at = |path: &str| format!("{base}/rest/api/3/{path}");
    assert_eq!(ask(http.get(at("project/OPS"))).await.1["key"], "OPS");
    let mut fields =
        json!({ "project": { "key": "OPS" }, "issuetype": { "name": "Task" }, "summary": "a cause" });
    let create = |fields: &Value| http.post(at("issue")).json(&json!({ "fields": fields }));
    assert_eq!(ask(create(&fields)).await.0, 503, "the fault strikes once");
    let (status, refused) = ask(create(&fields)).await;
    assert_eq!((status, refused["errors"]["duedate"].as_str()), (400, Some("Due date is required.")));
    fields["duedate"] = json!("2027-01-31");
    let (status, made) = ask(create(&fields)).await;
    assert_eq!((status, made["key"].as_str()), (201, Some("OPS-1")));
    let (_, issue) = ask(http.get(at("issue/OPS-1"))).await;
    assert_eq!(issue["key"], "DISP-1", "somebody moved it at once");
    assert_eq!(issue["fields"]["status"]["name"], "Zu erledigen", "a workflow in German");
    let search = http.post(at("search/jql")).json(&json!({ "jql": "project = DISP" }));
    assert_eq!(ask(search).await.1["issues"], json!([]), "searches are behind");
    assert_eq!(ask(http.get(at("nothing"))).await.0, 404);
    signal(child.id(), "INT");
    let (code, said) = blocking(move || {
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (child.wait().unwrap().code(), said)
    })
    .await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("asked for, but unknown to the sandbox: GET /rest/api/3/nothing"), "{said}");
    for left in [
        "a fault never struck: close-before-commit on `POST /comment`, due at match 1",
        "no webhook met the mischief planned: Late",
        "a person never came: delete after `POST /comment`, due at match 1",
        "no new issue of `DISP` was refused for the lack of `environment`",
    ] {
        assert!(said.contains(left), "{left}: {said}");
    }
    assert!(!said.contains("`duedate`") && !said.contains("never came: move"), "{said}");
}
