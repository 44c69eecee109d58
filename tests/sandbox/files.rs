//! Attachments from upload to deletion.

use disputebot::sandbox::{Permission, User};
use reqwest::Method;
use serde_json::json;

use super::{World, strings};

#[tokio::test]
async fn the_limit_is_a_setting_that_the_server_tells_and_keeps() {
    let world = World::new().await;
    world.issue("a", json!({})).await;
    assert_eq!(
        world.get("attachment/meta").await.json(),
        json!({ "enabled": true, "uploadLimit": 10_485_760 })
    );
    world.sandbox.set_attachment_limit(Some(1_000));
    assert_eq!(world.get("attachment/meta").await.json()["uploadLimit"], 1_000);
    assert_eq!(world.attach(&User::bot(), "DISP-1", "a.csv", vec![b'x'; 1_000]).await.status, 200);
    assert_eq!(world.attach(&User::bot(), "DISP-1", "b.csv", vec![b'x'; 1_001]).await.status, 413);
    assert_eq!(world.attach(&User::bot(), "DISP-1", "c.csv", vec![b'x'; 2_000_000]).await.status, 413);
    world.sandbox.set_attachment_limit(None);
    assert_eq!(world.get("attachment/meta").await.json()["enabled"], false);
    assert_eq!(world.attach(&User::bot(), "DISP-1", "d.csv", b"x".to_vec()).await.status, 404);
    let issue = &world.sandbox.issues()[0];
    assert_eq!(strings(&issue["attachments"], "filename"), ["a.csv"]);
}

#[tokio::test]
async fn ones_own_files_may_be_deleted_and_those_of_others_with_permission_only() {
    for world in [World::new().await, World::data_center().await] {
        world.issue("a", json!({})).await;
        let mut ids = Vec::new();
        for user in [User::bot(), User::analyst()] {
            let added = world.attach(&user, "DISP-1", "members.csv", b"x".to_vec()).await.json();
            ids.push(added[0]["id"].as_str().expect("an id").to_owned());
        }
        let (own, other) = (format!("attachment/{}", ids[0]), format!("attachment/{}", ids[1]));
        let read = world.get(&own).await.json();
        assert_eq!((&read["filename"], &read["size"]), (&json!("members.csv"), &json!(1)));

        world.sandbox.forbid(&User::bot(), Permission::DeleteOwnAttachments);
        assert_eq!(world.delete(&own).await.status, 403);
        world.sandbox.allow(&User::bot(), Permission::DeleteOwnAttachments);
        assert_eq!(world.delete(&own).await.status, 204);
        assert_eq!((world.get(&own).await.status, world.delete(&own).await.status), (404, 404));
        assert_eq!(world.delete(&other).await.status, 403);
        world.sandbox.allow(&User::bot(), Permission::DeleteAllAttachments);
        assert_eq!(world.delete(&other).await.status, 204);
        let issue = &world.sandbox.issues()[0];
        assert_eq!(issue["fields"]["attachment"], json!([]));
        let last = issue["history"].as_array().and_then(|history| history.last()).expect("a history");
        assert_eq!(last["items"][0]["field"], "Attachment");
        assert_eq!((&last["items"][0]["from"], &last["items"][0]["to"]), (&json!(ids[1]), &json!(null)));
        let told = world.get("mypermissions?permissions=DELETE_ALL_ATTACHMENTS").await.json();
        assert_eq!(told["permissions"]["DELETE_ALL_ATTACHMENTS"]["havePermission"], true);
        assert_eq!(world.send(world.request(Method::GET, "/rest/api/2/attachment/1")).await.status, 401);
    }
}
