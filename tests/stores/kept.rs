//! Stores whose objects are only ever added: each is fetched once.

use std::sync::Mutex;

use disputebot::source::Keep;
use object_store::ObjectStoreExt as _;

use super::*;
use crate::proxy::Proxy;

/// What must hold of a store that is reached over `proxy`; `root` is such as `s3://bucket`.
fn assert_keeps(base: &Settings, root: &str, store: &Arc<dyn ObjectStore>, proxy: &Proxy) {
    let put = |name: &str, contents: Vec<u8>| {
        run(async { store.put(&name.into(), contents.into()).await }).unwrap()
    };
    for (name, contents) in objects() {
        // In one folder, whatever else there is of them.
        let name = name.rsplit('/').next().unwrap_or(name);
        if !name.contains("json") && name != "part-0.csv" {
            put(&format!("pile/{name}"), contents);
        }
    }
    let state = tempfile::tempdir().unwrap();
    let settings = Settings {
        paths: vec![format!("{root}/pile").into()],
        keep: Some(Keep { folder: state.path().join("read"), writes: true }),
        key_file: Some(state.path().join("local.key")),
        empty: vec!["9999-12-31".to_owned()],
        ..base.clone()
    };
    let all = ["1.csv", "2.csv.gz", "4.csv", "5.csv", "6.zip", "part-0.parquet"];
    let first = read(&settings);
    assert_eq!((missing(&first), proxy.fetched()), (vec![], all.map(str::to_owned).to_vec()));
    assert_eq!(ids(&first), ["D-1", "D-2", "D-3", "D-4", "D-5", "D-6"]);
    assert_eq!((read(&settings), proxy.fetched()), (first, vec![]), "nothing is fetched again");

    put("pile/1.csv", csv(&["D-1", "D-8"]).into_bytes());
    put("pile/7.csv", csv(&["D-7"]).into_bytes());
    let second = read(&settings);
    assert_eq!((missing(&second), proxy.fetched()), (vec![], vec!["1.csv".to_owned(), "7.csv".to_owned()]));
    assert_eq!(ids(&second), ["D-1", "D-2", "D-3", "D-4", "D-5", "D-6", "D-7", "D-8"]);

    run(async { store.delete(&"pile/7.csv".into()).await }).unwrap();
    let third = read(&settings);
    let gone = format!(
        "`{root}/pile/7.csv` was read before and is gone, but the source is append-only; where files may go, it is not"
    );
    assert_eq!((missing(&third), proxy.fetched()), (vec![gone], vec![]));
}

#[test]
fn of_an_s3_bucket_only_new_and_changed_objects_are_fetched() {
    let Some(server) = moto() else { return };
    let proxy = Proxy::to(server.port, None);
    assert_keeps(&from_s3(proxy.endpoint()), "s3://disputes", &run(s3_bucket(&server)), &proxy);
}

#[test]
fn of_an_azure_container_only_new_and_changed_objects_are_fetched() {
    let Some(server) = azurite() else { return };
    let proxy = Proxy::to(server.port, None);
    assert_keeps(&from_azure(&proxy.endpoint()), "az://disputes", &run(azure_container(&server)), &proxy);
}

#[test]
fn of_a_google_bucket_only_new_and_changed_objects_are_fetched() {
    let objects = [("pile/1.csv", csv(&["D-1"])), ("pile/2.csv", csv(&["D-2"]))];
    let objects = objects.map(|(name, contents)| (name, contents.into_bytes().into()));
    let objects = Arc::new(Mutex::new(bucket::Objects::from(objects)));
    let (endpoint, heard) = bucket::changing(Arc::clone(&objects), usize::MAX);
    let state = tempfile::tempdir().unwrap();
    let settings = Settings {
        paths: vec!["gs://bucket/pile".into()],
        keep: Some(Keep { folder: state.path().join("read"), writes: true }),
        key_file: Some(state.path().join("local.key")),
        ..broken::from_google(endpoint)
    };
    let read_now = || {
        let batch = read(&settings);
        let heads = std::mem::take(&mut *heard.lock().unwrap());
        let fetched = ["1", "2", "3"].map(|name| {
            heads
                .iter()
                .filter(|head| head.starts_with("GET ") && head.contains(&format!("{name}%2Ecsv")))
                .count()
        });
        (ids(&batch).join(" "), missing(&batch), fetched)
    };
    let whole = |ids: &str, fetched| (ids.to_owned(), Vec::new(), fetched);
    assert_eq!(read_now(), whole("D-1 D-2", [1, 1, 0]));
    assert_eq!(read_now(), whole("D-1 D-2", [0, 0, 0]));
    // Of the same size and time: its tag tells.
    objects.lock().unwrap().insert("pile/1.csv", csv(&["D-8"]).into_bytes().into());
    objects.lock().unwrap().insert("pile/3.csv", csv(&["D-3"]).into_bytes().into());
    assert_eq!(read_now(), whole("D-2 D-3 D-8", [1, 0, 1]));
    objects.lock().unwrap().remove("pile/3.csv");
    let (_, missing, fetched) = read_now();
    assert!(missing[0].starts_with("`gs://bucket/pile/3.csv` was read before and is gone"), "{missing:?}");
    assert_eq!(fetched, [0, 0, 0]);
}
