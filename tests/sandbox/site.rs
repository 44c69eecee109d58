//! What the site says of itself.

use disputebot::sandbox::{Language, User};
use reqwest::Method;
use serde_json::json;

use super::{World, strings};

#[tokio::test]
async fn the_site_describes_itself() {
    let world = World::new().await;
    let project = world.get("project/disp").await.json();
    assert_eq!((project["key"].as_str(), project["id"].as_str()), (Some("DISP"), Some("10000")));
    assert_eq!(world.get("project/NOPE").await.status, 404);
    let priorities = world.get("priority/search?projectId=10000&maxResults=2").await.json();
    assert_eq!(strings(&priorities["values"], "name"), ["Highest", "High"]);
    assert_eq!((&priorities["total"], &priorities["isLast"]), (&json!(5), &json!(false)));
    let resolutions = world.get("resolution/search").await.json();
    assert!(strings(&resolutions["values"], "name").contains(&"Won't Do".to_owned()));
    let categories = world.get("statuscategory").await.json();
    assert_eq!(strings(&categories, "key"), ["undefined", "new", "indeterminate", "done"]);
    let links = world.get("issueLinkType").await.json();
    assert!(strings(&links["issueLinkTypes"], "name").contains(&"Blocks".to_owned()));
    assert!(strings(&world.get("field").await.json(), "id").contains(&"labels".to_owned()));
    let files = world.get("attachment/meta").await.json();
    assert_eq!((&files["enabled"], files["uploadLimit"].is_u64()), (&json!(true), true));
}

#[tokio::test]
async fn permissions_must_be_named_and_nobody_administers() {
    let world = World::new().await;
    assert_eq!(world.get("mypermissions").await.status, 400);
    assert_eq!(world.get("mypermissions?permissions=FLY").await.status, 400);
    assert_eq!(world.get("mypermissions?permissions=EDIT_ISSUES&projectKey=NOPE").await.status, 404);
    let found = world.get("mypermissions?permissions=CREATE_ISSUES,ADMINISTER&projectKey=DISP").await.json();
    assert_eq!(found["permissions"]["CREATE_ISSUES"]["havePermission"], true);
    assert_eq!(found["permissions"]["ADMINISTER"]["havePermission"], false);
}

#[tokio::test]
async fn assignable_users_are_found_by_name_and_email_and_keep_their_email_hidden() {
    let world = World::new().await;
    assert_eq!(world.get("user/assignable/search?query=x").await.status, 400);
    for query in ["analyst@example.com", "example", "Analyst"] {
        let found = world.get(&format!("user/assignable/search?project=DISP&query={query}")).await.json();
        assert_eq!(strings(&found, "accountId"), [User::analyst().account_id], "{query}");
        assert_eq!(found[0].get("emailAddress"), None);
    }
    assert_eq!(
        world.get("user/assignable/search?project=DISP").await.json().as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn create_metadata_is_paged_and_names_what_is_required() {
    let world = World::new().await;
    let types = world.get("issue/createmeta/DISP/issuetypes?startAt=1&maxResults=1").await.json();
    assert_eq!((&types["total"], strings(&types["issueTypes"], "name")), (&json!(3), vec!["Bug".to_owned()]));

    let metadata = world.get("issue/createmeta/DISP/issuetypes/10001").await.json();
    let required: Vec<&str> = metadata["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter(|field| field["required"] == true && field["hasDefaultValue"] == false)
        .filter_map(|field| field["fieldId"].as_str())
        .collect();
    assert_eq!(required, ["summary", "issuetype", "project"]);
    assert_eq!(world.get("issue/createmeta/DISP/issuetypes/9").await.status, 404);
    assert_eq!(world.get("issue/createmeta/NOPE/issuetypes").await.status, 404);

    world.issue("edited", json!({})).await;
    let edit = world.get("issue/DISP-1/editmeta").await.json();
    assert_eq!(edit["fields"]["labels"]["operations"], json!(["add", "set", "remove"]));
    assert_eq!(edit["fields"].get("resolution"), None);
}

#[tokio::test]
async fn names_are_in_the_language_of_the_account_unless_another_is_asked_for_with_force() {
    let world = World::new().await;
    world.issue("a", json!({ "priority": { "name": "High" } })).await;
    world.sandbox.set_language(&User::bot(), Language::German);
    let read = async |headers: &[(&str, &str)]| {
        let mut request = world.signed(&User::bot(), Method::GET, "issue/DISP-1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let fields = world.send(request).await.json()["fields"].clone();
        [fields["priority"]["name"].clone(), fields["status"]["statusCategory"]["name"].clone()]
    };
    let (german, english) = (["Hoch", "Zu erledigen"], ["High", "To Do"]);
    assert_eq!(read(&[]).await, german);
    assert_eq!(read(&[("Accept-Language", "en-US")]).await, german, "it is ignored alone");
    let forced = ("X-Force-Accept-Language", "true");
    assert_eq!(read(&[("Accept-Language", "en-US"), forced]).await, english);
    assert_eq!(read(&[forced]).await, english, "the language of the site");
    assert_eq!(world.get("myself").await.json()["locale"], "de_DE");
    let other = world.send(world.signed(&User::analyst(), Method::GET, "priority")).await.json();
    assert_eq!(other[1]["name"], "High", "other accounts have their own");
    let asking = world.signed(&User::analyst(), Method::GET, "resolution");
    let asking = asking.header("Accept-Language", "de-DE").header(forced.0, forced.1);
    assert_eq!(world.send(asking).await.json()[0]["name"], "Fertig");
}
