//! Rate limits, expiry, chaos, scripts of faults, and faults that never strike.

use disputebot::sandbox::{
    Caps, Effect, Family, Fault, Limits, Matches, RateLimit, Reason, Script, Told, User,
};
use reqwest::Method;
use serde_json::json;

use super::{Answer, World, document, time};

fn next(method: &str, suffix: &str, effect: Effect) -> Fault {
    let matches = Matches::Ending { method: method.to_owned(), suffix: suffix.to_owned() };
    Fault { nth: 1, matches, effect }
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("a readable header"))
}

#[tokio::test]
async fn a_rate_limit_tells_its_reason_and_its_wait_in_every_form() {
    let world = World::new().await;
    let refused = async |limit: RateLimit| {
        world.sandbox.inject(next("GET", "/myself", Effect::RateLimit(limit)));
        let answer = world.get("myself").await;
        assert_eq!(answer.status, 429);
        answer
    };
    for (reason, name) in [
        (Reason::GlobalQuota, "jira-quota-global-based"),
        (Reason::TenantQuota, "jira-quota-tenant-based"),
        (Reason::Burst, "jira-burst-based"),
        (Reason::PerIssue, "jira-per-issue-on-write"),
    ] {
        let answer = refused(RateLimit::new(reason, 7)).await;
        assert_eq!((header(&answer, "ratelimit-reason"), header(&answer, "retry-after")), (name, "7"));
        assert_eq!(header(&answer, "x-ratelimit-remaining"), "0");
        assert_eq!(header(&answer, "x-ratelimit-reset"), "2026-08-22T06:00:07Z");
        assert_eq!(header(&answer, "x-ratelimit-nearlimit"), "true");
        assert!(header(&answer, "beta-ratelimit").contains("t=7"));
        assert!(answer.json()["errorMessages"][0].is_string());
    }
    let dated = RateLimit { told: Told::Date, ..RateLimit::new(Reason::Burst, 90) };
    assert_eq!(header(&refused(dated).await, "retry-after"), "Sat, 22 Aug 2026 06:01:30 GMT");
    let elsewhere = RateLimit { family: Family::DataCenter, html: true, ..RateLimit::new(Reason::Burst, 3) };
    let elsewhere = refused(elsewhere).await;
    assert_eq!(header(&elsewhere, "content-type"), "text/html; charset=utf-8");
    assert!(elsewhere.text.starts_with('<'));
    assert_eq!(header(&elsewhere, "x-ratelimit-interval-seconds"), "1");
    assert_eq!(header(&elsewhere, "ratelimit-reason"), "");
    let bare = RateLimit { family: Family::Bare, told: Told::Nothing, ..RateLimit::new(Reason::Burst, 3) };
    let bare = refused(bare).await;
    assert_eq!((header(&bare, "retry-after"), header(&bare, "x-ratelimit-limit")), ("", ""));
    assert_eq!(world.get("myself").await.status, 200);
}

#[tokio::test]
async fn writes_to_one_issue_are_limited_in_two_seconds_and_in_thirty() {
    let world = World::new().await;
    world.issue("busy", json!({})).await;
    world.issue("other", json!({})).await;
    world.sandbox.set_limits(Limits { per_issue: true, burst: false, told: true });
    let write =
        async |number: usize, path: &str| world.put(&format!("{path}/properties/mark"), json!(number)).await;
    let mut written = 0;
    for second in [0, 2, 4, 6, 8] {
        world.sandbox.set_clock(time(&format!("2026-08-22T07:00:0{second}Z")));
        for _ in 0..20 {
            // An id and a key are the same issue.
            written += 1;
            let path = if written % 2 == 0 { "issue/10001" } else { "issue/DISP-1" };
            assert!(write(written, path).await.status < 300, "write {written}");
        }
        let refused = write(0, "issue/DISP-1").await;
        assert_eq!((refused.status, header(&refused, "ratelimit-reason")), (429, "jira-per-issue-on-write"));
        assert_eq!(header(&refused, "retry-after"), "2");
    }
    world.sandbox.set_clock(time("2026-08-22T07:00:10Z"));
    let refused = write(0, "issue/DISP-1").await;
    assert_eq!((refused.status, header(&refused, "retry-after")), (429, "20"), "a hundred in thirty seconds");
    assert_eq!(world.sandbox.issues()[0]["properties"]["mark"], 100, "a refused write leaves nothing");
    assert_eq!(write(1, "issue/DISP-2").await.status, 201, "another issue has its own limit");
    assert_eq!(world.get("issue/DISP-1").await.status, 200, "reads are not limited");
    world.sandbox.set_clock(time("2026-08-22T07:00:30Z"));
    assert_eq!(write(101, "issue/DISP-1").await.status, 200);
}

#[tokio::test]
async fn bursts_are_limited_by_endpoint_and_method_when_switched_on() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    let refused = async |count: usize, path: &str| {
        let mut refused = 0;
        for _ in 0..count {
            let answer = world.get(path).await;
            if answer.status == 429 {
                assert_eq!(header(&answer, "ratelimit-reason"), "jira-burst-based");
                refused += 1;
            }
        }
        refused
    };
    assert_eq!(refused(110, "myself").await, 0, "off until it is switched on");
    world.sandbox.set_limits(Limits { per_issue: false, burst: true, told: true });
    assert_eq!(refused(110, "myself").await, 10);
    assert_eq!(refused(110, "issue/DISP-1").await, 0, "reading an issue has more room");
    world.sandbox.set_clock(time("2026-08-22T06:00:00.5Z"));
    assert_eq!(refused(60, "myself").await, 10, "half a second, half the room");
}

#[tokio::test]
async fn an_answer_of_cloud_tells_what_is_left_of_the_nearest_limit_and_when_it_is_near() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    assert_eq!(header(&world.get("myself").await, "x-ratelimit-limit"), "", "off until it is switched on");
    world.sandbox.set_limits(Limits { per_issue: true, burst: true, told: true });
    let told = |answer: &Answer| {
        ["limit", "remaining", "nearlimit"]
            .map(|name| header(answer, &format!("x-ratelimit-{name}")).to_owned())
    };
    for left in (0..100).rev() {
        let near = (left < 20).to_string();
        assert_eq!(told(&world.get("myself").await), ["100".to_owned(), left.to_string(), near]);
    }
    for left in (0..20).rev() {
        let answer = world.put("issue/DISP-1/properties/mark", json!(left)).await;
        let near = (left < 4).to_string();
        assert_eq!(told(&answer), ["20".to_owned(), left.to_string(), near], "writes to one issue are fewer");
    }
}

#[tokio::test]
async fn an_expired_token_makes_a_stranger_of_its_account() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    world.sandbox.inject(Fault { nth: 2, ..next("GET", "/issue/DISP-1", Effect::ExpireToken) });
    assert_eq!(world.get("issue/DISP-1").await.status, 200);
    let refused = world.get("issue/DISP-1").await;
    assert_eq!((refused.status, header(&refused, "x-aaccountid")), (401, ""));
    assert_eq!(world.post("issue/DISP-1/comment", json!({ "body": document("x") })).await.status, 401);
    let found = world.post("search/jql", json!({ "jql": "project = DISP" })).await;
    assert_eq!((found.status, found.json()), (200, json!({ "issues": [], "isLast": true })));
    let other = world.send(world.signed(&User::analyst(), Method::GET, "issue/DISP-1")).await;
    assert_eq!(other.status, 200, "other accounts are signed in");
    world.sandbox.reinstate(&User::bot());
    assert_eq!(world.get("issue/DISP-1").await.status, 200);
    world.sandbox.revoke(&User::bot());
    assert_eq!(world.get("myself").await.status, 401);
}

#[tokio::test]
async fn page_tokens_expire_after_a_week_or_when_told() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    world.issue("b", json!({})).await;
    let first = async || {
        let body = json!({ "jql": "project = DISP", "maxResults": 1 });
        world.post("search/jql", body).await.json()["nextPageToken"].clone()
    };
    let second = async |token: &serde_json::Value| {
        let body = json!({ "jql": "project = DISP", "maxResults": 1, "nextPageToken": token });
        world.post("search/jql", body).await.status
    };
    let token = first().await;
    world.sandbox.set_clock(time("2026-08-29T05:59:59Z"));
    assert_eq!(second(&token).await, 200);
    world.sandbox.set_clock(time("2026-08-29T06:00:00Z"));
    assert_eq!(second(&token).await, 400);
    let token = first().await;
    assert_eq!(second(&token).await, 200);
    world.sandbox.inject(next("POST", "/search/jql", Effect::ExpirePages));
    assert_eq!(second(&token).await, 400);
    let token = first().await;
    assert_eq!(second(&token).await, 200);
}

#[tokio::test]
async fn a_script_is_met_in_its_order_and_what_never_struck_is_told() {
    let world = World::new().await;
    let script = r#"
        [[fault]]
        on = "POST /issue"
        times = 2
        effect = "answer"
        status = 503

        [[fault]]
        on = "POST ~/issue/[^/]+/comment$"
        effect = "answer-after-commit"
        status = 502
        body = "<html>"
        headers = { Content-Type = "text/html" }

        [[fault]]
        on = "GET /myself"
        nth = 3
        effect = "rate-limit"
    "#;
    world.sandbox.play(Script::read(script).expect("a readable script")).expect("a script that can be");
    let body = json!({ "fields": super::new_fields("a", json!({})) });
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(world.post("issue", body.clone()).await.status);
    }
    assert_eq!(told, [503, 503, 201]);
    let lost = world.post("issue/DISP-1/comment", json!({ "body": document("x") })).await;
    assert_eq!((lost.status, header(&lost, "content-type")), (502, "text/html"));
    assert_eq!(world.sandbox.issues()[0]["comments"].as_array().map(Vec::len), Some(1));
    world.get("myself").await;
    let unused: Vec<String> = world.sandbox.unused_faults().iter().map(ToString::to_string).collect();
    assert_eq!(unused, ["rate-limit on `GET /myself`, due at match 2"]);
}

#[tokio::test]
async fn a_script_makes_searches_forget_and_lag_refuses_what_no_metadata_told_and_sends_people() {
    let world = World::new().await;
    world.sandbox.add_project("OPS", "Operations").expect("a new project");
    let script = r#"
        [index]
        lag_s = 30
        flicker = 100

        [[require]]
        field = "duedate"
        project = "DISP"

        [[require]]
        field = "environment"
        project = "OPS"

        [[person]]
        after = "POST /issue"
        does = "move"
        to = "OPS"

        [[person]]
        after = "POST /issue"
        nth = 2
        does = "hide"

        [[person]]
        after = "PUT ~/issue/[^/]+$"
        does = "archive"

        [[person]]
        after = "POST ~/comment$"
        does = "delete"
        times = 2

        [[webhook]]
        mischief = "late"
    "#;
    world.sandbox.play(Script::read(script).expect("a readable script")).expect("a script that can be");
    let body = |more| json!({ "fields": super::new_fields("a", more) });
    let refused = world.post("issue", body(json!({}))).await;
    assert_eq!(
        (refused.status, &refused.json()["errors"]["duedate"]),
        (400, &json!("Due date is required."))
    );
    let metadata = world.get("issue/createmeta/DISP/issuetypes/10001").await.json();
    let fields = metadata["fields"].as_array().expect("fields").clone();
    let due = fields.iter().find(|field| field["key"] == "duedate").expect("the field");
    assert_eq!(due["required"], false, "only the refusal tells");

    let due = json!({ "duedate": "2026-09-01" });
    world.issue("moves", due.clone()).await;
    assert_eq!(world.get("issue/DISP-1").await.json()["key"], "OPS-1", "a refused create counts for nobody");
    world.issue("is hidden", due.clone()).await;
    assert_eq!(world.get("issue/DISP-2").await.status, 404);
    world.issue("is archived", due.clone()).await;
    assert_eq!(world.put("issue/DISP-3", json!({ "fields": { "summary": "x" } })).await.status, 204);
    assert_eq!(world.get("issue/DISP-3").await.status, 404);
    world.issue("is deleted", due.clone()).await;
    assert_eq!(world.post("issue/DISP-4/comment", json!({ "body": document("x") })).await.status, 201);
    assert_eq!(world.sandbox.issues().len(), 3);

    world.issue("is found late, and forgotten", due).await;
    assert_eq!(world.keys("project = DISP").await, Vec::<String>::new());
    world.sandbox.set_clock(time("2026-08-22T06:00:31Z"));
    assert_eq!(world.keys("project = DISP").await, ["DISP-5"]);
    assert_eq!(world.keys("project = DISP").await, Vec::<String>::new());
    let left = world.sandbox.leftovers();
    assert_eq!(
        left,
        [
            "no webhook met the mischief planned: Late",
            "a person never came: delete after `POST ~/comment$`, due at match 1",
            "no new issue of `OPS` was refused for the lack of `environment`",
        ]
    );
    let nowhere = "[[person]]\nafter = \"POST /issue\"\ndoes = \"move\"\nto = \"NONE\"";
    assert!(world.sandbox.play(Script::read(nowhere).expect("a readable script")).is_err());
}

#[tokio::test]
async fn a_script_says_which_types_have_a_field_what_an_account_may_do_and_how_much_a_ticket_takes() {
    let world = World::new().await;
    let script = r#"
        [[field]]
        field = "environment"
        project = "DISP"
        issue_types = ["Bug"]
        required = true

        [[field]]
        field = "duedate"
        project = "DISP"
        off = ["edit"]

        [site]
        text_limit = 20
        measure = "text"

        [[account]]
        name = "disputebot"
        language = "german"
        lacks = ["LINK_ISSUES"]
        has = ["ADMINISTER"]

        [caps]
        comments = 1
        attachment_bytes = 4

        [[person]]
        after = "GET ~/issue/DISP-1$"
        does = "rename"
        to = "NEWKEY"
    "#;
    world.sandbox.play(Script::read(script).expect("a readable script")).expect("a script that can be");
    let types = world.get("issue/createmeta/DISP/issuetypes").await.json();
    for kind in types["issueTypes"].as_array().expect("types") {
        let id = kind["id"].as_str().expect("an id");
        let fields = world.get(&format!("issue/createmeta/DISP/issuetypes/{id}")).await.json();
        let fields = fields["fields"].as_array().expect("fields").clone();
        let told = fields.iter().find(|field| field["key"] == "environment").map(|field| &field["required"]);
        assert_eq!(told, (kind["name"] == "Bug").then_some(&json!(true)), "{}", kind["name"]);
    }
    let granted = world.get("mypermissions?permissions=LINK_ISSUES,ADMINISTER").await.json();
    let have = |key: &str| granted["permissions"][key]["havePermission"].clone();
    assert_eq!((have("LINK_ISSUES"), have("ADMINISTER")), (json!(false), json!(true)));
    world.issue("a", json!({})).await;
    assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["priority"]["name"], "Mittel");
    let comment = || world.post("issue/DISP-1/comment", json!({ "body": document("x") }));
    assert_eq!((comment().await.status, comment().await.status), (201, 413));
    let long =
        world.put("issue/DISP-1", json!({ "fields": { "description": document(&"x".repeat(21)) } })).await;
    assert!(long.status == 400 && long.text.contains("allowed limit of 20"), "{}", long.text);
    let due = world.put("issue/DISP-1", json!({ "fields": { "duedate": "2026-09-01" } })).await;
    assert!(due.status == 400 && due.text.contains("not on the appropriate screen"), "{}", due.text);
    let bot = User::bot();
    let file = async |bytes: &[u8]| world.attach(&bot, "DISP-1", "a.csv", bytes.to_vec()).await.status;
    assert_eq!((file(b"four").await, file(b"fiver").await), (200, 413));

    assert_eq!(
        world.get("issue/DISP-1").await.json()["key"],
        "NEWKEY-1",
        "its project was renamed meanwhile"
    );

    let nobody = "[[account]]\nname = \"nobody\"";
    let refused =
        world.sandbox.play(Script::read(nobody).expect("a readable script")).expect_err("no account");
    assert_eq!(refused.to_string(), "there is no account `nobody` in the sandbox");
}

#[tokio::test]
async fn chaos_is_the_same_for_the_same_seed_and_ends() {
    let story = async |seed: u64| {
        let world = World::new().await;
        world.sandbox.set_chaos(seed, 50);
        for number in 0..40 {
            let body = json!({ "fields": super::new_fields(&number.to_string(), json!({})) });
            // A lost answer is an error here, and is recorded as one there.
            let _ = world.signed(&User::bot(), Method::POST, "issue").json(&body).send().await;
            let _ = world.signed(&User::bot(), Method::GET, "myself").send().await;
        }
        world.sandbox.set_chaos(seed, 0);
        let seen: Vec<Option<u16>> = world.sandbox.requests().iter().map(|found| found.status).collect();
        assert_eq!(world.get("myself").await.status, 200, "seed {seed}");
        (seen, world.sandbox.issues().len(), world.sandbox.late_writes())
    };
    let seed = 11;
    let told = story(seed).await;
    assert_eq!(told, story(seed).await, "seed {seed}");
    assert_ne!(told, story(seed + 1).await, "seed {seed}");
    let (seen, made, late) = told;
    for status in [Some(201), Some(200), Some(429), Some(503), None] {
        assert!(seen.contains(&status), "seed {seed}: no {status:?} in {seen:?}");
    }
    let acknowledged = seen.iter().filter(|status| **status == Some(201)).count();
    assert!(made > acknowledged && late > 0, "seed {seed}: {made} made, {acknowledged} told, {late} late");
}

#[tokio::test]
async fn an_issue_of_cloud_holds_so_much_and_no_more() {
    let caps = Caps { comments: 1, attachments: 1, links: 1, remote_links: 1 };
    for (world, refused) in [(World::new().await, 413), (World::data_center().await, 0)] {
        world.sandbox.set_caps(caps);
        for summary in ["a", "b", "c"] {
            world.issue(summary, json!({})).await;
        }
        let is_cloud = refused == 413;
        let body = if is_cloud { document("x") } else { json!("x") };
        let comment = async || world.post("issue/DISP-1/comment", json!({ "body": body })).await.status;
        let file = async || world.attach(&User::bot(), "DISP-1", "a", b"x".to_vec()).await.status;
        let link = async |to: &str| {
            let body = json!({ "type": { "name": "Relates" }, "inwardIssue": { "key": "DISP-1" },
                               "outwardIssue": { "key": to } });
            world.post("issueLink", body).await.status
        };
        let remote = async |id: &str| {
            let object = json!({ "url": "https://example.com/", "title": "a" });
            world.post("issue/DISP-1/remotelink", json!({ "globalId": id, "object": object })).await.status
        };
        let first = [comment().await, file().await, link("DISP-2").await, remote("g").await];
        let second = [comment().await, file().await, link("DISP-3").await, remote("h").await];
        assert!(first.iter().all(|status| *status < 300), "{first:?}");
        if is_cloud {
            assert_eq!(second, [413; 4]);
            assert_eq!(remote("g").await, 200, "what is there already may be replaced");
        } else {
            assert!(second.iter().all(|status| *status < 300), "{second:?}");
        }
    }
}
