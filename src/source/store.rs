//! Objects of Azure Blob Storage (`az://`), S3 (`s3://`) and Google Cloud Storage (`gs://`).
//!
//! Objects are listed once, and read as they were listed: one that changes meanwhile, or of which a part does not come,
//! is a reason, and never a shorter file. All that waits for the network happens on threads of this room, so that
//! whoever reads may block. No text of an error has the query of an address, which can hold a signature.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use secrecy::ExposeSecret;
use tokio::runtime::{Builder, Runtime};

use super::batch::Reason;
use super::bytes::{Raw, Told};
use super::{Settings, glob};

/// Parts of an object that wait for the reader.
const PARTS_AHEAD: usize = 8;
/// No part of an object comes for so long.
const SILENCE: Duration = Duration::from_mins(1);
const CONNECT: Duration = Duration::from_secs(10);
/// How long a call is tried again.
const PATIENCE: Duration = Duration::from_mins(1);
const TRIES: usize = 4;
/// The longest text of an error that is shown.
const SHOWN_CHARACTERS: usize = 240;

static RUNTIME: LazyLock<io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).thread_name("store").enable_all().build());

/// A store with a pattern, a folder or an object in it.
#[derive(Debug, Clone)]
pub(super) struct Address {
    kind: Kind,
    /// Such as `s3://bucket`.
    root: String,
    bucket: String,
    /// The account and the place where it answers, where the address has them.
    account: Option<String>,
    endpoint: Option<String>,
    /// Without the leading slash.
    pattern: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Azure,
    S3,
    Google,
}

/// One object, as it was listed.
#[derive(Debug, Clone)]
pub(super) struct Object {
    store: Arc<dyn ObjectStore>,
    /// The whole address.
    pub path: PathBuf,
    meta: ObjectMeta,
}

impl Address {
    /// The address behind a path; none where the path is one of this machine.
    pub(super) fn parse(path: &Path) -> Option<Self> {
        let (scheme, rest) = path.to_str()?.split_once("://")?;
        let kind = match scheme {
            "az" | "azure" | "abfs" | "abfss" => Kind::Azure,
            "s3" | "s3a" => Kind::S3,
            "gs" => Kind::Google,
            _ => return None,
        };
        let (place, pattern) = rest.split_once('/').unwrap_or((rest, ""));
        let root = format!("{scheme}://{place}");
        // As Spark and Hadoop write it: `abfss://container@account.dfs.core.windows.net/folder`.
        let (bucket, host) = match place.split_once('@') {
            Some((bucket, host)) if scheme.starts_with("abfs") => (bucket, Some(host)),
            _ => (place, None),
        };
        let account = host.map(|host| host.split('.').next().unwrap_or(host).to_owned());
        // Of the public cloud the account says where it is.
        let elsewhere = host.filter(|host| host.contains('.') && !host.ends_with(".dfs.core.windows.net"));
        Some(Self {
            kind,
            root,
            bucket: bucket.to_owned(),
            account,
            endpoint: elsewhere.map(|host| format!("https://{}", host.replacen(".dfs.", ".blob.", 1))),
            pattern: pattern.trim_end_matches('/').to_owned(),
        })
    }

    fn path(&self, key: &str) -> PathBuf {
        PathBuf::from(format!("{}/{key}", self.root))
    }

    /// The objects that the address stands for, sorted by name: one, those that match a pattern, or those directly in a
    /// folder and its partitions.
    pub(super) fn list(&self, settings: &Settings) -> Result<Vec<Object>, Reason> {
        let here = self.path(&self.pattern);
        let told = |error: &object_store::Error| reason(&here, error);
        let store = self.open(settings).map_err(|error| told(&error))?;
        let is_pattern = glob::is_pattern(&self.pattern);
        let prefix = if is_pattern { glob::fixed_part(&self.pattern) } else { &self.pattern };
        let key = Key::parse(prefix.trim_end_matches('/')).map_err(|error| told(&error.into()))?;
        let lister = Arc::clone(&store);
        let listed = run(move || async move {
            if !is_pattern && !key.as_ref().is_empty() {
                match lister.head(&key).await {
                    Ok(meta) => return Ok(vec![meta]),
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            let mut stream = lister.list(Some(&key).filter(|key| !key.as_ref().is_empty()));
            let mut found = Vec::new();
            while let Some(meta) = stream.next().await {
                found.push(meta?);
            }
            Ok(found)
        });
        let mut metas =
            listed.map_err(|problem| unreachable(&here, problem))?.map_err(|error| told(&error))?;
        let logs: BTreeSet<String> = metas
            .iter()
            .filter_map(|meta| Some(meta.location.as_ref().split_once("_delta_log/")?.0.to_owned()))
            .collect();
        metas.retain(|meta| self.stands_for(meta.location.as_ref()));
        if metas
            .iter()
            .any(|meta| logs.iter().any(|table| meta.location.as_ref().starts_with(table.as_str())))
        {
            return Err(Reason::TableWithLog { path: here, of: "Delta Lake".to_owned() });
        }
        metas.sort_by(|a, b| a.location.as_ref().cmp(b.location.as_ref()));
        let object = |meta: ObjectMeta| Object {
            store: Arc::clone(&store),
            path: self.path(meta.location.as_ref()),
            meta,
        };
        Ok(metas.into_iter().map(object).collect())
    }

    fn stands_for(&self, name: &str) -> bool {
        if glob::is_pattern(&self.pattern) {
            let below = name.strip_prefix(glob::fixed_part(&self.pattern)).unwrap_or(name);
            let is_aside = below
                .rsplit_once('/')
                .is_some_and(|(folders, _)| folders.split('/').any(|folder| folder.starts_with(['.', '_'])));
            return !is_aside && glob::matches(&self.pattern, name);
        }
        if name == self.pattern {
            return true;
        }
        let below = if self.pattern.is_empty() { Some(name) } else { name.strip_prefix(&self.pattern) };
        let below = below.map(|below| below.trim_start_matches('/'));
        below.is_some_and(|below| {
            let mut parts: Vec<&str> = below.split('/').collect();
            parts.pop();
            parts.iter().all(|part| part.contains('=') && !part.starts_with(['.', '_']))
        })
    }

    /// Where a source has a secret, credentials of the environment do not count, not even in part; without one the usual
    /// variables of each store are looked at, and what else the source says wins over them.
    fn open(&self, settings: &Settings) -> object_store::Result<Arc<dyn ObjectStore>> {
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_read_timeout(SILENCE)
            .with_connect_timeout(CONNECT)
            .with_allow_http(settings.endpoint.as_ref().is_some_and(|url| url.starts_with("http://")));
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() },
            max_retries: TRIES,
            retry_timeout: PATIENCE,
        };
        let secret = settings.secret.as_ref().map(|secret| secret.expose_secret().to_owned());
        let (user, endpoint) = (settings.user.clone(), settings.endpoint.clone());
        Ok(match self.kind {
            Kind::S3 => {
                let mut builder = if secret.is_some() {
                    // Half of the credentials of the environment would not fit those of the source.
                    let region =
                        ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| std::env::var(name).ok());
                    region.into_iter().fold(AmazonS3Builder::new(), AmazonS3Builder::with_region)
                } else {
                    AmazonS3Builder::from_env()
                };
                builder = builder.with_bucket_name(&self.bucket);
                if let Some(user) = user {
                    builder = builder.with_access_key_id(user);
                }
                if let Some(secret) = secret {
                    builder = builder.with_secret_access_key(secret);
                }
                if let Some(region) = &settings.region {
                    builder = builder.with_region(region);
                }
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                Arc::new(builder.with_client_options(options).with_retry(retry).build()?)
            }
            Kind::Azure => {
                let mut builder = if secret.is_some() {
                    let account = std::env::var("AZURE_STORAGE_ACCOUNT_NAME").ok();
                    account
                        .into_iter()
                        .fold(MicrosoftAzureBuilder::new(), MicrosoftAzureBuilder::with_account)
                } else {
                    MicrosoftAzureBuilder::from_env()
                };
                builder = builder.with_container_name(&self.bucket);
                if let Some(account) = user.or_else(|| self.account.clone()) {
                    builder = builder.with_account(account);
                }
                match secret {
                    Some(token) if token.contains("sig=") => {
                        let token = token.trim_start_matches('?').to_owned();
                        builder = builder.with_config(object_store::azure::AzureConfigKey::SasKey, token);
                    }
                    Some(key) => builder = builder.with_access_key(key),
                    None => {}
                }
                if let Some(endpoint) = endpoint.or_else(|| self.endpoint.clone()) {
                    builder = builder.with_endpoint(endpoint);
                }
                Arc::new(builder.with_client_options(options).with_retry(retry).build()?)
            }
            Kind::Google => {
                let mut builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(&self.bucket);
                if let Some(key) = secret {
                    builder = builder.with_service_account_key(key);
                }
                if let Some(endpoint) = endpoint {
                    builder = builder.with_base_url(&endpoint);
                }
                Arc::new(builder.with_client_options(options).with_retry(retry).build()?)
            }
        })
    }
}

impl Object {
    /// What tells the contents of the object from other ones; none where the store has nothing for that.
    pub(super) fn mark(&self) -> Option<String> {
        let ObjectMeta { location: _, last_modified, size, e_tag, version } = &self.meta;
        let told = e_tag.as_ref().or(version.as_ref())?;
        Some(format!("{size} {} {told}", last_modified.timestamp_micros()))
    }

    /// The bytes as they come.
    pub(super) fn open(&self) -> Result<Raw, Reason> {
        let Self { store, path, meta } = self;
        let (sender, parts) = sync_channel(PARTS_AHEAD);
        let (store, meta) = (Arc::clone(store), meta.clone());
        let runtime = RUNTIME.as_ref().map_err(|error| unreachable(path, error.to_string()))?;
        runtime.spawn(async move {
            let options = GetOptions { if_match: meta.e_tag, ..GetOptions::default() };
            let mut stream = match store.get_opts(&meta.location, options).await {
                Ok(object) => object.into_stream(),
                Err(error) => {
                    // Whoever no longer listens needs no answer.
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            while let Some(part) = stream.next().await {
                let is_last = part.is_err();
                let sent = tokio::task::block_in_place(|| sender.send(part));
                if sent.is_err() || is_last {
                    return;
                }
            }
        });
        let size = self.meta.size;
        let input = Stream { path: path.clone(), parts, part: Bytes::new(), left: size };
        Ok(Raw { input: Box::new(input), bytes_total: size })
    }

    /// A copy in a file without a name, for what is not read from front to back.
    pub(super) fn copy(&self) -> Result<File, Reason> {
        let failed = |error: &io::Error| match Told::of(error) {
            Some(reason) => reason,
            None => super::files::unreadable(&self.path, error),
        };
        let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
        let mut input = self.open()?.input;
        io::copy(&mut input, &mut file).map_err(|error| failed(&error))?;
        file.flush().and_then(|()| file.seek(SeekFrom::Start(0))).map_err(|error| failed(&error))?;
        Ok(file)
    }
}

/// The parts of an object, in order; fewer bytes than were listed are an error.
struct Stream {
    path: PathBuf,
    parts: Receiver<object_store::Result<Bytes>>,
    part: Bytes,
    left: u64,
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match self.parts.recv() {
                Ok(Ok(part)) => self.part = part,
                Ok(Err(error)) => return Err(Told::error(reason(&self.path, &error))),
                Err(_) if self.left == 0 => return Ok(0),
                Err(_) => {
                    let problem = format!("{} bytes of it did not come", self.left);
                    return Err(Told::error(unreachable(&self.path, problem)));
                }
            }
        }
        let count = self.part.len().min(into.len());
        self.part.copy_to_slice(&mut into[..count]);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// Waits for an answer; the error is that there can be none.
fn run<T, F>(work: impl FnOnce() -> F) -> Result<T, String>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let runtime = RUNTIME.as_ref().map_err(ToString::to_string)?;
    let (sender, answer) = sync_channel(1);
    let work = work();
    runtime.spawn(async move {
        // The receiver waits.
        let _ = sender.send(work.await);
    });
    answer.recv().map_err(|_| "the call ended without an answer".to_owned())
}

fn unreachable(path: &Path, problem: String) -> Reason {
    Reason::Unreachable { path: path.to_path_buf(), problem }
}

fn reason(path: &Path, error: &object_store::Error) -> Reason {
    use object_store::Error;
    let path = path.to_path_buf();
    match error {
        Error::NotFound { .. } => Reason::Missing { path },
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            Reason::Refused { path, problem: shown(error) }
        }
        Error::Precondition { .. } | Error::NotModified { .. } => {
            Reason::Unreadable { path, problem: "it changed after it was listed".to_owned() }
        }
        _ => match causes(error) {
            // A listing of a bucket that is not there is no error of an object.
            text if NO_BUCKET.iter().any(|code| text.contains(code)) => Reason::Missing { path },
            _ => Reason::Unreachable { path, problem: shown(error) },
        },
    }
}

/// How the stores call a bucket or container that does not exist.
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"];

/// The causes of an error on one line.
fn causes(error: &object_store::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts.join(": ")
}

/// The causes of an error on one line, without the queries of addresses.
fn shown(error: &object_store::Error) -> String {
    let text = causes(error);
    let mut shown = String::new();
    let mut is_query = false;
    for c in text.chars() {
        match c {
            '?' => {
                is_query = true;
                shown.push_str("?***");
            }
            _ if is_query && !c.is_whitespace() && !"\"'`)".contains(c) => {}
            _ => {
                is_query = false;
                shown.push(if c.is_control() { ' ' } else { c });
            }
        }
    }
    let mut shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = shown.char_indices().nth(SHOWN_CHARACTERS) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_what_is_directly_in_it_and_in_its_partitions() {
        let stands = |address: &str, name: &str| Address::parse(Path::new(address)).unwrap().stands_for(name);
        for (address, name, expected) in [
            ("s3://bucket/drops", "drops/a.csv", true),
            ("s3://bucket/drops/", "drops/a.csv", true),
            ("s3://bucket/drops", "drops/d=2026-11-01/a.csv", true),
            ("s3://bucket/drops", "drops/old/a.csv", false),
            ("s3://bucket/drops", "drops/_temporary/d=1/a.csv", false),
            ("s3://bucket/drops/a.csv", "drops/a.csv", true),
            ("s3://bucket", "a.csv", true),
            ("s3://bucket/drops/*.csv", "drops/a.csv", true),
            ("s3://bucket/drops/*.csv", "drops/x/a.csv", false),
        ] {
            assert_eq!(stands(address, name), expected, "{address} for {name}");
        }
        assert!(Address::parse(Path::new("drops/a.csv")).is_none());
    }

    #[test]
    fn the_address_that_spark_writes_names_container_account_and_cloud() {
        let of = |address: &str| {
            let Address { kind, bucket, account, endpoint, pattern, .. } =
                Address::parse(Path::new(address)).unwrap();
            assert_eq!(kind, Kind::Azure);
            format!("{bucket} {account:?} {endpoint:?} {pattern}")
        };
        assert_eq!(
            of("abfss://drops@acme.dfs.core.windows.net/a/*.csv"),
            "drops Some(\"acme\") None a/*.csv"
        );
        assert_eq!(
            of("abfss://drops@acme.dfs.core.chinacloudapi.cn/a"),
            "drops Some(\"acme\") Some(\"https://acme.blob.core.chinacloudapi.cn\") a"
        );
        assert_eq!(of("abfss://drops/a"), "drops None None a");
        assert_eq!(of("az://drops/a"), "drops None None a");
    }

    #[test]
    fn no_error_shows_the_query_of_an_address() {
        let source = "GET https://x.blob.core.windows.net/c/a.csv?sv=1&sig=SECRET failed\nagain".into();
        let error = object_store::Error::Generic { store: "x", source };
        let shown = shown(&error);
        assert!(shown.contains("a.csv?*** failed again") && !shown.contains("SECRET"), "{shown}");
    }
}
