//! What the ticket of a group would say, shown without Jira.

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_shown_in_every_form_by_group_key_or_dispute_and_nothing_is_written() {
    let world = World::new().await;
    world.expect(0, &["run"]).await;
    let asked = world.sandbox.requests().len();
    let issue = world.sandbox.issues()[0].clone();
    let (key, summary) = (issue["key"].as_str().unwrap(), issue["fields"]["summary"].as_str().unwrap());
    let text = world.expect(0, &["ticket", "preview", key]).await;
    assert!(text.starts_with(&format!("summary   {summary}\n")), "{text}");
    let order = ["## How much", "## By when", "## Why these", "## Next step", "## Examples", "## Disputes"];
    let places: Vec<usize> = order.iter().map(|heading| text.find(heading).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    let adf = world.expect(0, &["ticket", "preview", key, "--format", "adf"]).await;
    let adf: serde_json::Value = serde_json::from_str(&adf).unwrap();
    assert_eq!((&adf["type"], &adf["version"]), (&"doc".into(), &1.into()));
    let wiki = world.expect(0, &["ticket", "preview", key, "--format", "wiki"]).await;
    assert!(wiki.contains("h2. How much"), "{wiki}");
    let html = world.expect(0, &["ticket", "preview", key, "--format", "html"]).await;
    assert!(html.starts_with("<!doctype html>") && html.contains("<h2>How much</h2>"), "{html}");

    let groups = world.groups().await;
    let (group, record) =
        groups.iter().find(|(group, _)| issue["fields"]["labels"].to_string().contains(*group)).unwrap();
    let dispute = record["group"]["members"][0].as_str().unwrap();
    for name in [&group[..8], dispute] {
        assert_eq!(world.expect(0, &["ticket", "preview", name]).await, text, "{name}");
    }
    let alone = ["--set", "state.dir=none", "ticket", "preview", dispute, "--input", "disputes.csv"];
    let alone = world.expect(0, &alone).await;
    assert!(alone.contains("## How much"), "without a state: {alone}");
    assert_eq!(world.sandbox.requests().len(), asked, "Jira is not asked");
    world.expect(2, &["ticket", "preview", "ffffffffffff"]).await;
}
