//! Fields of every type: described, validated, shown back.

use disputebot::sandbox::{CustomField, FieldKind, Flavour, Form, Permission, User};
use reqwest::Method;
use serde_json::{Value, json};

use super::{World, document, new_fields, strings};

fn field(number: u32, name: &str, kind: FieldKind) -> CustomField {
    CustomField { id: format!("customfield_{number}"), name: name.to_owned(), kind }
}

fn options(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// One field of each kind.
fn zoo() -> Vec<CustomField> {
    vec![
        field(10_201, "Note", FieldKind::Text),
        field(10_202, "Story", FieldKind::Paragraph),
        field(10_203, "Amount exposed", FieldKind::Number),
        field(10_204, "Reply by", FieldKind::Date),
        field(10_205, "Seen at", FieldKind::DateTime),
        field(10_206, "Portal", FieldKind::Url),
        field(10_207, "Program", FieldKind::Select(options(&["340B", "Medicaid"]))),
        field(10_208, "Programs", FieldKind::MultiSelect(options(&["340B", "Medicaid", "Other"]))),
        field(
            10_209,
            "Cause",
            FieldKind::Cascade(vec![
                ("Data".to_owned(), options(&["NDC", "NPI"])),
                ("Contract".to_owned(), options(&["Price"])),
            ]),
        ),
        field(10_210, "Owner", FieldKind::User),
        field(10_211, "Readers", FieldKind::Users),
        field(10_212, "Tags", FieldKind::Labels),
        field(10_213, "Since", FieldKind::Version),
        field(10_214, "Seen in", FieldKind::Versions),
        field(10_215, "Related project", FieldKind::Project),
        CustomField { id: "parent".to_owned(), name: "Parent".to_owned(), kind: FieldKind::Parent },
    ]
}

fn equip(world: &World) {
    for field in zoo() {
        world.sandbox.add_field("DISP", field).expect("a field");
    }
    for version in ["2026 Q3", "2026 Q4"] {
        world.sandbox.add_version("DISP", version).expect("a version");
    }
    world.sandbox.add_component("DISP", "Wholesalers").expect("a component");
}

async fn metadata(world: &World, id: &str) -> Value {
    let path = "issue/createmeta/DISP/issuetypes/10001?maxResults=200";
    let page = world.get(path).await.json();
    let fields = page.get("fields").unwrap_or(&page["values"]).as_array().expect("fields").clone();
    fields.into_iter().find(|field| field["fieldId"] == id).unwrap_or(Value::Null)
}

#[tokio::test]
async fn every_type_has_the_schema_of_the_real_one() {
    let world = World::new().await;
    equip(&world);
    let mut told = Vec::new();
    for field in zoo() {
        let schema = metadata(&world, &field.id).await["schema"].clone();
        let maker =
            schema["custom"].as_str().or(schema["system"].as_str()).expect("a plugin, or Jira itself");
        let plugin = maker.rsplit(':').next().expect("a name");
        let items = schema["items"].as_str().map_or(String::new(), |items| format!(" of {items}"));
        told.push(format!("{}{items} {plugin}", schema["type"].as_str().expect("a type")));
    }
    assert_eq!(
        told,
        [
            "string textfield",
            "string textarea",
            "number float",
            "date datepicker",
            "datetime datetime",
            "string url",
            "option select",
            "array of option multiselect",
            "option-with-child cascadingselect",
            "user userpicker",
            "array of user multiuserpicker",
            "array of string labels",
            "version version",
            "array of version multiversion",
            "project project",
            "issuelink parent",
        ]
    );
    assert_eq!(metadata(&world, "components").await["schema"]["system"], "components");
    let cascade = metadata(&world, "customfield_10209").await;
    assert_eq!(strings(&cascade["allowedValues"], "value"), ["Data", "Contract"]);
    assert_eq!(strings(&cascade["allowedValues"][0]["children"], "value"), ["NDC", "NPI"]);
    assert_eq!(metadata(&world, "customfield_10208").await["operations"], json!(["add", "set", "remove"]));
    let edit = {
        world.issue("a", json!({})).await;
        world.get("issue/DISP-1/editmeta").await.json()
    };
    assert!(edit["fields"]["customfield_10212"]["autoCompleteUrl"].is_string());
}

#[tokio::test]
async fn right_values_are_kept_and_shown_as_the_real_one_shows_them() {
    for world in [World::new().await, World::data_center().await] {
        equip(&world);
        let is_cloud = world.get("serverInfo").await.json()["deploymentType"] == "Cloud";
        let user = |user: User| {
            if is_cloud { json!({ "accountId": user.account_id }) } else { json!({ "name": user.name }) }
        };
        let rich = if is_cloud { document("why") } else { json!("why") };
        let key = world
            .issue(
                "a",
                json!({
                    "customfield_10201": "one line", "customfield_10202": rich, "customfield_10203": 1204,
                    "customfield_10204": "2026-09-30", "customfield_10205": "2026-08-22T06:00:00.000+0200",
                    "customfield_10206": "https://example.com/a", "customfield_10207": { "value": "Medicaid" },
                    "customfield_10208": [{ "value": "340B" }, { "value": "Other" }],
                    "customfield_10209": { "value": "Data", "child": { "value": "NPI" } },
                    "customfield_10210": user(User::analyst()),
                    "customfield_10211": [user(User::analyst()), user(User::bot())],
                    "customfield_10212": ["a", "b", "a"], "customfield_10213": { "name": "2026 Q3" },
                    "customfield_10214": [{ "name": "2026 Q4" }], "customfield_10215": { "key": "DISP" },
                    "components": [{ "name": "Wholesalers" }], "fixVersions": [{ "name": "2026 Q3" }],
                }),
            )
            .await;
        let fields = world.get(&format!("issue/{key}")).await.json()["fields"].clone();
        assert_eq!(fields["customfield_10202"], rich);
        assert_eq!(fields["customfield_10203"].to_string(), "1204.0", "numbers come back with a fraction");
        assert_eq!(fields["customfield_10205"], "2026-08-22T04:00:00.000+0000");
        assert_eq!(fields["customfield_10207"]["value"], "Medicaid");
        assert_eq!(strings(&fields["customfield_10208"], "value"), ["340B", "Other"]);
        assert_eq!(fields["customfield_10209"]["child"]["value"], "NPI");
        assert_eq!(fields["customfield_10210"]["displayName"], "Example Analyst");
        assert_eq!(strings(&fields["customfield_10211"], "displayName"), ["Example Analyst", "disputebot"]);
        assert_eq!(fields["customfield_10212"], json!(["a", "b"]));
        assert_eq!(fields["customfield_10213"]["name"], "2026 Q3");
        assert_eq!(strings(&fields["customfield_10214"], "name"), ["2026 Q4"]);
        assert_eq!(fields["customfield_10215"]["key"], "DISP");
        assert_eq!(strings(&fields["components"], "name"), ["Wholesalers"]);
        assert_eq!(
            (&fields["versions"], &fields["customfield_10206"]),
            (&json!([]), &json!("https://example.com/a"))
        );

        let update = json!({
            "fields": { "customfield_10203": null, "customfield_10207": null },
            "update": {
                "customfield_10208": [{ "add": { "value": "Medicaid" } }, { "remove": { "value": "340B" } }],
                "customfield_10212": [{ "remove": "a" }, { "remove": "never" }],
                "components": [{ "set": [] }],
            },
        });
        assert_eq!(world.put(&format!("issue/{key}"), update).await.status, 204);
        let issue = world.get(&format!("issue/{key}?expand=changelog")).await.json();
        let fields = &issue["fields"];
        assert_eq!(
            (&fields["customfield_10203"], &fields["customfield_10207"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(strings(&fields["customfield_10208"], "value"), ["Other", "Medicaid"]);
        assert_eq!((&fields["customfield_10212"], &fields["components"]), (&json!(["b"]), &json!([])));
        let items = &issue["changelog"]["histories"][0]["items"];
        let told: Vec<(&str, &Value, &Value)> = items
            .as_array()
            .expect("items")
            .iter()
            .map(|item| (item["field"].as_str().expect("a name"), &item["fromString"], &item["toString"]))
            .collect();
        assert!(told.contains(&("Programs", &json!("340B, Other"), &json!("Other, Medicaid"))), "{told:?}");
        assert!(told.contains(&("Component", &json!("Wholesalers"), &Value::Null)), "{told:?}");
    }
}

#[tokio::test]
async fn wrong_values_are_refused_under_the_name_of_their_field() {
    let world = World::new().await;
    equip(&world);
    world.issue("a", json!({})).await;
    let stranger = json!({ "accountId": "nobody" });
    for (id, wrong) in [
        ("customfield_10201", vec![json!(1), json!("x".repeat(256)), json!({ "value": "x" })]),
        ("customfield_10202", vec![json!("plain"), json!({ "type": "doc" })]),
        ("customfield_10203", vec![json!("1204"), json!([1]), json!({})]),
        (
            "customfield_10204",
            vec![json!("30.09.2026"), json!("2026-02-30"), json!("2026-09-30T00:00:00.000Z")],
        ),
        ("customfield_10205", vec![json!("2026-08-22"), json!("2026-08-22T06:00:00Z"), json!(1)]),
        ("customfield_10206", vec![json!("example"), json!("javascript:alert(1)"), json!({})]),
        (
            "customfield_10207",
            vec![json!("Medicaid"), json!({ "value": "None" }), json!({ "id": "1" }), json!([])],
        ),
        (
            "customfield_10208",
            vec![json!({ "value": "340B" }), json!(["340B"]), json!([{ "value": "None" }])],
        ),
        (
            "customfield_10209",
            vec![
                json!({ "value": "NPI" }),
                json!({ "value": "Data", "child": { "value": "Price" } }),
                json!({ "value": "Data", "child": "NPI" }),
                json!("Data"),
            ],
        ),
        ("customfield_10210", vec![stranger.clone(), json!("analyst"), json!({ "name": "analyst" })]),
        ("customfield_10211", vec![stranger.clone(), json!([stranger])]),
        ("customfield_10212", vec![json!("a"), json!(["two words"]), json!([1])]),
        (
            "customfield_10213",
            vec![json!("2026 Q3"), json!({ "name": "2025" }), json!([{ "name": "2026 Q3" }])],
        ),
        ("customfield_10214", vec![json!({ "name": "2026 Q3" }), json!([{ "name": "2025" }])]),
        ("customfield_10215", vec![json!("DISP"), json!({ "key": "NOPE" })]),
        ("components", vec![json!(["Wholesalers"]), json!([{ "name": "Nobody" }])]),
        ("fixVersions", vec![json!([{ "id": "1" }])]),
        ("security", vec![json!({ "id": "1" })]),
    ] {
        for value in wrong {
            let answer = world.put("issue/DISP-1", json!({ "fields": { id: value } })).await;
            assert_eq!(answer.status, 400, "{id}: {value}");
            let errors = answer.json()["errors"].clone();
            assert_eq!(
                errors.as_object().map(|errors| errors.keys().collect::<Vec<_>>()),
                Some(vec![&id.to_owned()])
            );
        }
    }
    let issue = &world.sandbox.issues()[0];
    assert_eq!(issue["history"], json!([]));
}

#[tokio::test]
async fn a_security_level_hides_an_issue_from_all_but_its_members() {
    let world = World::new().await;
    assert_eq!(metadata(&world, "security").await, Value::Null);
    world.sandbox.add_security_level("DISP", "Everybody", &[User::bot(), User::analyst()]).expect("a level");
    world.sandbox.add_security_level("DISP", "People only", &[User::analyst()]).expect("a level");
    let levels = world.get("project/DISP/securitylevel").await.json();
    assert_eq!(strings(&levels["levels"], "name"), ["Everybody", "People only"]);
    assert_eq!(
        strings(&metadata(&world, "security").await["allowedValues"], "name"),
        ["Everybody", "People only"]
    );

    world.issue("seen", json!({ "security": { "name": "Everybody" } })).await;
    world.issue("lost", json!({ "security": { "id": levels["levels"][1]["id"] } })).await;
    assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["security"]["name"], "Everybody");
    assert_eq!(world.get("issue/DISP-2").await.status, 404, "its own maker is not in the level");
    assert_eq!(world.keys("project = DISP").await, ["DISP-1"]);
    let analyst = world.send(world.signed(&User::analyst(), Method::GET, "issue/DISP-2")).await;
    assert_eq!(analyst.status, 200);

    world.sandbox.forbid(&User::bot(), Permission::SetSecurity);
    assert_eq!(world.get("project/DISP/securitylevel").await.json(), json!({ "levels": [] }));
    assert_eq!(metadata(&world, "security").await, Value::Null);
    let body = json!({ "fields": new_fields("b", json!({ "security": { "name": "Everybody" } })) });
    assert!(world.post("issue", body).await.json()["errors"]["security"].is_string());
}

#[tokio::test]
async fn whoever_may_not_resolve_is_offered_no_way_that_resolves_and_the_reporter_is_on_no_screen_without_its_right()
 {
    for world in [World::new().await, World::data_center().await] {
        world.issue("a", json!({})).await;
        let names =
            async || strings(&world.get("issue/DISP-1/transitions").await.json()["transitions"], "name");
        let all = names().await;
        world.sandbox.forbid(&User::bot(), Permission::Resolve);
        let fewer = names().await;
        assert!(!fewer.is_empty() && fewer.len() < all.len(), "{fewer:?} of {all:?}");
        assert_eq!(metadata(&world, "fixVersions").await, Value::Null);
        assert!(metadata(&world, "reporter").await.is_object());
        world.sandbox.forbid(&User::bot(), Permission::ModifyReporter);
        assert_eq!(metadata(&world, "reporter").await, Value::Null);
        let key = if world.sandbox.flavour() == Flavour::Cloud { "accountId" } else { "name" };
        let body =
            json!({ "fields": new_fields("b", json!({ "reporter": { key: User::analyst().account_id } })) });
        assert!(world.post("issue", body).await.json()["errors"]["reporter"].is_string());
    }
}

#[tokio::test]
async fn a_project_takes_the_priorities_of_its_scheme_only() {
    let world = World::new().await;
    world.sandbox.set_priorities("DISP", &["Highest", "Low"]).expect("a project");
    world.sandbox.add_project("OTHER", "Other").expect("a project");
    let told = world.get("priority/search?projectId=10000").await.json();
    assert_eq!(strings(&told["values"], "name"), ["Highest", "Low"]);
    assert_eq!(strings(&metadata(&world, "priority").await["allowedValues"], "name"), ["Highest", "Low"]);
    let all = world.get("priority/search").await.json();
    assert_eq!(all["total"], 5);
    let body = json!({ "fields": new_fields("a", json!({ "priority": { "name": "High" } })) });
    assert_eq!(
        world.post("issue", body).await.json()["errors"]["priority"],
        "The priority selected is invalid."
    );
    world.issue("a", json!({})).await;
    let issue = world.get("issue/DISP-1").await.json();
    assert_eq!(issue["fields"]["priority"]["name"], "Highest");
}

#[tokio::test]
async fn who_left_or_may_not_be_assigned_is_refused_and_left_out() {
    for world in [World::new().await, World::data_center().await] {
        let is_cloud = world.get("serverInfo").await.json()["deploymentType"] == "Cloud";
        let named = |user: User| {
            if is_cloud { json!({ "accountId": user.account_id }) } else { json!({ "name": user.name }) }
        };
        world.issue("a", json!({})).await;
        assert_eq!(world.put("issue/DISP-1/assignee", named(User::analyst())).await.status, 204);
        let path = "user/assignable/search?project=DISP";
        let names = async || strings(&world.get(path).await.json(), "displayName");
        assert_eq!(names().await, ["disputebot", "Example Analyst"]);

        world.sandbox.forbid(&User::bot(), Permission::BeAssigned);
        assert_eq!(names().await, ["Example Analyst"]);
        assert_eq!(world.put("issue/DISP-1/assignee", named(User::bot())).await.status, 400);
        world.sandbox.deactivate(&User::analyst());
        assert_eq!(names().await, Vec::<String>::new());
        let fields = json!({ "fields": { "assignee": named(User::analyst()) } });
        let refused = world.put("issue/DISP-1", fields).await;
        assert!(
            refused.json()["errors"]["assignee"].as_str().expect("a text").contains("cannot be assigned")
        );
        assert_eq!(world.send(world.signed(&User::analyst(), Method::GET, "myself")).await.status, 401);
        let still = world.get("issue/DISP-1").await.json();
        assert_eq!(still["fields"]["assignee"]["active"], false);

        let member = if is_cloud { "accountId" } else { "name" };
        assert_eq!(world.put("issue/DISP-1/assignee", json!({ member: null })).await.status, 204);
        assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["assignee"], Value::Null);
        world.sandbox.forbid(&User::bot(), Permission::Assign);
        assert_eq!(world.put("issue/DISP-1/assignee", json!({ member: "-1" })).await.status, 403);
        assert_eq!(metadata(&world, "assignee").await, Value::Null);
    }
}

#[tokio::test]
async fn watchers_come_and_go() {
    for world in [World::new().await, World::data_center().await] {
        let is_cloud = world.get("serverInfo").await.json()["deploymentType"] == "Cloud";
        let analyst = if is_cloud { User::analyst().account_id } else { User::analyst().name };
        world.issue("a", json!({})).await;
        assert_eq!(world.post("issue/DISP-1/watchers", json!(analyst)).await.status, 204);
        let oneself = world.signed(&User::bot(), Method::POST, "issue/DISP-1/watchers");
        assert_eq!(world.send(oneself).await.status, 204);
        let told = world.get("issue/DISP-1/watchers").await.json();
        assert_eq!((&told["watchCount"], &told["isWatching"]), (&json!(2), &json!(true)));
        assert_eq!(strings(&told["watchers"], "displayName").len(), 2);
        assert_eq!(world.get("issue/DISP-1").await.json()["fields"]["watches"]["watchCount"], 2);

        world.sandbox.forbid(&User::bot(), Permission::ManageWatchers);
        let query = if is_cloud { "accountId" } else { "username" };
        let of = |name: &str| format!("issue/DISP-1/watchers?{query}={name}");
        assert_eq!(world.delete(&of(&analyst)).await.status, 403);
        let own = if is_cloud { User::bot().account_id } else { User::bot().name };
        assert_eq!(world.delete(&of(&own)).await.status, 204);
        assert_eq!(world.get("issue/DISP-1/watchers").await.json()["watchCount"], 1);
        assert_eq!(world.post("issue/DISP-1/watchers", json!("nobody")).await.status, 404);
    }
}

#[tokio::test]
async fn the_project_tells_its_versions_and_components() {
    let world = World::new().await;
    equip(&world);
    let project = world.get("project/DISP").await.json();
    assert_eq!(strings(&project["versions"], "name"), ["2026 Q3", "2026 Q4"]);
    assert_eq!(world.get("project/DISP/versions").await.json(), project["versions"]);
    assert_eq!(world.get("project/DISP/version").await.json()["total"], 2);
    assert_eq!(strings(&world.get("project/DISP/components").await.json(), "name"), ["Wholesalers"]);
    assert_eq!(world.get("project/DISP/component").await.json()["total"], 1);
}

#[tokio::test]
async fn many_issues_are_made_at_once_and_the_refused_are_told_by_position() {
    let world = World::new().await;
    let good = json!({ "fields": new_fields("a", json!({})) });
    let bad = json!({ "fields": new_fields("", json!({})) });
    let some = world.post("issue/bulk", json!({ "issueUpdates": [good, bad, good] })).await;
    assert_eq!(some.status, 201);
    assert_eq!(strings(&some.json()["issues"], "key"), ["DISP-1", "DISP-2"]);
    assert_eq!(some.json()["errors"][0]["failedElementNumber"], 1);
    assert!(some.json()["errors"][0]["elementErrors"]["errors"]["summary"].is_string());
    assert_eq!(world.post("issue/bulk", json!({ "issueUpdates": [bad] })).await.status, 400);
    assert_eq!(world.post("issue/bulk", json!({ "issueUpdates": vec![good; 51] })).await.status, 400);
    assert_eq!(world.sandbox.issues().len(), 2);
}

#[tokio::test]
async fn a_field_that_was_taken_off_a_screen_is_told_by_no_metadata_of_it_and_refused_there() {
    for (form, on_create, on_edit) in [(Form::Create, false, true), (Form::Edit, true, false)] {
        let world = World::new().await;
        world.issue("a", json!({})).await;
        world.sandbox.take_off("DISP", "duedate", form).expect("a project");
        let create = world.get("issue/createmeta/DISP/issuetypes/10001").await.json();
        let fields = create["fields"].as_array().expect("fields").clone();
        assert_eq!(fields.iter().any(|field| field["key"] == "duedate"), on_create, "{form:?}");
        let edit = world.get("issue/DISP-1/editmeta").await.json();
        assert_eq!(edit["fields"].get("duedate").is_some(), on_edit, "{form:?}");
        let due = json!({ "duedate": "2026-09-01" });
        let made = world.post("issue", json!({ "fields": new_fields("b", due.clone()) })).await;
        assert_eq!(made.status, if on_create { 201 } else { 400 }, "{form:?}");
        let edited = world.put("issue/DISP-1", json!({ "fields": due })).await;
        assert_eq!(edited.status, if on_edit { 204 } else { 400 }, "{form:?}");
    }
}
