//! Stores that break off, change, or let nobody in; and stand-ins for those that no test can have.

use super::*;
use crate::bucket::stand_in;
use crate::proxy::Proxy;

/// Settings that read what Google has; it answers at `endpoint`.
pub(crate) fn from_google(endpoint: String) -> Settings {
    let key = "{\"disable_oauth\":true,\"client_email\":\"\",\"private_key\":\"\",\"private_key_id\":\"\"}";
    Settings { endpoint: Some(endpoint), secret: Some(key.into()), ..Settings::default() }
}

#[test]
fn a_google_bucket_is_read_as_folders_are_from_where_it_answers() {
    let (endpoint, heard) = stand_in(objects(), usize::MAX);
    let base = from_google(endpoint);
    assert_reads(&base, "gs://bucket");
    let heads = heard.lock().unwrap().concat();
    assert!(heads.contains("GET /bucket/drops%2F2%2Ecsv%2Egz "), "{heads}");
    let told = |path: &str| missing(&read(&Settings { paths: vec![path.into()], ..base.clone() })).remove(0);
    assert_eq!(told("gs://gone/drops"), "`gs://gone/drops` does not exist");
    assert!(told("gs://locked/drops").starts_with("`gs://locked/drops` refuses access: "));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let down =
        Settings { paths: vec!["gs://bucket/drops".into()], ..from_google(format!("http://{nobody}")) };
    assert!(missing(&read(&down))[0].starts_with("`gs://bucket/drops` cannot be reached: "));
}

/// Replaces an object once it was listed and another one before it is being read.
fn assert_change_is_seen(base: &Settings, root: &str, store: &Arc<dyn ObjectStore>) {
    let put = |name: &str, ids: &[&str]| {
        run(async { store.put(&name.into(), csv(ids).into()).await }).unwrap();
    };
    put("changing/1.csv", &["D-1"]);
    put("changing/2.csv", &["D-2"]);
    let settings = Settings { paths: vec![format!("{root}/changing").into()], ..base.clone() };
    let mut is_changed = false;
    let batch = load(&settings, &Tables::embedded(), &Previous::default(), &mut |progress| {
        if !is_changed && progress.file.ends_with("1.csv") {
            is_changed = true;
            put("changing/2.csv", &["D-2", "D-3"]);
        }
    });
    assert_eq!(
        missing(&batch),
        [format!("`{root}/changing/2.csv` could not be read: it changed after it was listed")]
    );
    assert_eq!(ids(&batch), ["D-1"]);
    assert_eq!(ids(&read(&settings)), ["D-1", "D-2", "D-3"]);
}

#[test]
fn an_object_that_changes_between_listing_and_reading_is_incomplete() {
    if let Some(server) = moto() {
        let store = run(s3_bucket(&server));
        assert_change_is_seen(&from_s3(server.endpoint()), "s3://disputes", &store);
    }
    if let Some(server) = azurite() {
        let store = run(azure_container(&server));
        assert_change_is_seen(&from_azure(&server.endpoint()), "az://disputes", &store);
    }
}

#[test]
fn init_guesses_from_an_object_and_writes_where_it_is_without_the_secret() {
    let (endpoint, heard) = stand_in(objects(), usize::MAX);
    let folder = tempfile::tempdir().unwrap();
    let disputebot = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_disputebot"))
            .args(arguments)
            .current_dir(folder.path())
            .env_clear()
            .env("DISPUTEBOT_SOURCE_SECRET", "canary-9915")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        said.into_owned()
    };
    let endpoint_set = format!("source.endpoint={endpoint}");
    let sets = ["--set", &endpoint_set, "--set", "source.user=reader", "--set", "source.region=eu-central-1"];
    let said = disputebot(&[&["init", "--from", "s3://bucket/drops/1.csv"], &sets[..]].concat());
    assert!(said.contains("put the secret of the source into DISPUTEBOT_SOURCE_SECRET"), "{said}");
    assert!(heard.lock().unwrap().concat().to_lowercase().contains("credential=reader/"));
    let config = std::fs::read_to_string(folder.path().join("disputebot.toml")).unwrap();
    for line in [
        "paths = [\"s3://bucket/drops/1.csv\"]",
        &format!("endpoint = \"{endpoint}\""),
        "region = \"eu-central-1\"",
        "user = \"reader\"",
        "secret_file = \"\"",
    ] {
        assert!(config.lines().any(|one| one == line), "{line}");
    }
    assert!(!config.contains("canary-9915"));
    let said = disputebot(&["source", "preview"]);
    assert!(said.starts_with("2 rows, 0 rejected"), "{said}");
}

#[test]
fn credentials_of_a_source_win_whole_over_those_of_the_environment() {
    let (endpoint, heard) = stand_in(vec![("a.csv", csv(&["D-1"]).into_bytes())], usize::MAX);
    let folder = tempfile::tempdir().unwrap();
    let preview = |more: &str, secret: Option<&str>| {
        let config = format!(
            "[source]\npaths = [\"s3://bucket/*.csv\"]\nendpoint = \"{endpoint}\"\nregion = \"eu-central-1\"\n{more}\n"
        );
        std::fs::write(folder.path().join("disputebot.toml"), config).unwrap();
        heard.lock().unwrap().clear();
        let mut command = Command::new(env!("CARGO_BIN_EXE_disputebot"));
        command
            .args(["source", "preview"])
            .current_dir(folder.path())
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "elsewhere")
            .env("AWS_SECRET_ACCESS_KEY", "canary-4471")
            .env("AWS_SESSION_TOKEN", "canary-4472");
        if let Some(secret) = secret {
            command.env("DISPUTEBOT_SOURCE_SECRET", secret);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with("1 rows, 0 rejected"), "{said} {}", String::from_utf8_lossy(&output.stderr));
        heard.lock().unwrap().concat().to_lowercase()
    };
    let own = preview("user = \"reader\"", Some("s3cr3t"));
    assert!(own.contains("credential=reader/") && !own.contains("x-amz-security-token"), "{own}");
    let environment = preview("", None);
    assert!(
        environment.contains("credential=elsewhere/") && environment.contains("canary-4472"),
        "{environment}"
    );
}

#[test]
fn an_object_that_breaks_off_is_incomplete_and_its_rows_before_that_count() {
    let ids: Vec<String> = (0..20_000).map(|number| format!("D-{number}")).collect();
    let contents = csv(&ids.iter().map(String::as_str).collect::<Vec<_>>()).into_bytes();
    let sent = contents.len() / 2;
    let (endpoint, _) = stand_in(vec![("a.csv", contents.clone())], sent);
    let batch = read(&Settings { paths: vec!["s3://bucket/*.csv".into()], ..from_s3(endpoint.clone()) });
    assert_broke_off(&batch, "s3://bucket/a.csv");
    let batch = read(&Settings { paths: vec!["gs://bucket/*.csv".into()], ..from_google(endpoint) });
    assert_broke_off(&batch, "gs://bucket/a.csv");

    let Some(server) = azurite() else { return };
    run(async {
        azure_container(&server).await.put(&"a.csv".into(), contents.into()).await.unwrap();
    });
    let cut = Proxy::to(server.port, Some(sent));
    let batch = read(&Settings { paths: vec!["az://disputes/*.csv".into()], ..from_azure(&cut.endpoint()) });
    assert_broke_off(&batch, "az://disputes/a.csv");
}

fn assert_broke_off(batch: &Batch, path: &str) {
    let told = missing(batch);
    assert!(told[0].starts_with(&format!("`{path}` cannot be reached: ")), "{told:?}");
    assert!((9_000..11_000).contains(&batch.counts.open), "{:?}", batch.counts);
    assert_eq!(batch.files.failed, 1);
}
