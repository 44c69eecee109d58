//! Rate limits: what a refusal looks like, and the limits of Jira Cloud if they are switched on.

use std::collections::{BTreeMap, VecDeque};

use axum::http::{Method, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::call::{Answer, Call};
use super::dialect::Flavour;
use super::fault::is_write;
use super::world::World;

/// A 429 in all its forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Whose limit was met.
    pub reason: Reason,
    /// Seconds until the next attempt may succeed.
    pub wait_s: u32,
    /// How the wait is told.
    pub told: Told,
    /// Whose headers come with it.
    pub family: Family,
    /// A page of HTML instead of JSON, as a gateway in front of Jira sends it.
    pub html: bool,
}

/// Whose limit was met: the value of `RateLimit-Reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Reason {
    /// The hourly points of all tenants of an app.
    #[serde(rename = "jira-quota-global-based")]
    GlobalQuota,
    /// The hourly points of this tenant.
    #[serde(rename = "jira-quota-tenant-based")]
    TenantQuota,
    /// Requests per second to one endpoint.
    #[serde(rename = "jira-burst-based")]
    Burst,
    /// Writes to one issue.
    #[serde(rename = "jira-per-issue-on-write")]
    PerIssue,
}

/// How `Retry-After` tells the wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// As a number.
    #[default]
    Seconds,
    /// As an HTTP date, by the sandbox's clock.
    Date,
    /// Not at all.
    Nothing,
}

/// Which headers come with a refusal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Those of Jira Cloud.
    #[default]
    Cloud,
    /// Those of Jira Data Center.
    DataCenter,
    /// `Retry-After` alone.
    Bare,
}

/// The limits that hold by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// 20 writes in 2 seconds and 100 in 30 seconds to one issue; Data Center has no such limit.
    pub per_issue: bool,
    /// Requests per second and endpoint: 100 for GET and POST, 50 for PUT and DELETE, 150 for reading an issue and
    /// counting, 200 for change logs. On Data Center: 50 requests at once for each account, and 10 more every second;
    /// every answer tells how many are left.
    pub burst: bool,
    /// Answers of Cloud tell what is left of the limits that are on, and whether that is less than a fifth.
    pub told: bool,
}

/// How much one issue of Cloud may hold; what is more is refused with 413. Data Center has no such limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Comments.
    pub comments: usize,
    /// Files.
    pub attachments: usize,
    /// Links to other issues.
    pub links: usize,
    /// Links to things outside of Jira.
    pub remote_links: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { comments: 5_000, attachments: 2_000, links: 2_000, remote_links: 2_000 }
    }
}

/// Refuses what would be too much for one issue, where there are `number` of a kind and `more` would come.
pub(crate) fn refuse_beyond(
    world: &World,
    kind: &str,
    cap: usize,
    number: usize,
    more: usize,
) -> Result<(), Answer> {
    if world.site.flavour == Flavour::DataCenter || number + more <= cap {
        return Ok(());
    }
    Err(Answer::message(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The issue has reached its limit of {cap} {kind}."),
    ))
}

/// What was used of the limits.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) limits: Limits,
    writes: BTreeMap<u64, VecDeque<Timestamp>>,
    /// Requests left and when that was counted, by method and path without ids.
    buckets: BTreeMap<String, (f64, Timestamp)>,
    /// Requests left of each account on Data Center, and when it got the last new ones.
    tokens: BTreeMap<String, (u32, Timestamp)>,
}

/// Writes to one issue, and the seconds in which no more are taken.
const PER_ISSUE: [(usize, i64); 2] = [(20, 2), (100, 30)];
/// The share of a limit below which Cloud says that it is near.
const NEAR: f64 = 0.2;
/// What Data Center gives each account: at once, and every so many seconds again.
const TOKENS: u32 = 50;
const NEW_TOKENS: u32 = 10;
const NEW_TOKENS_EVERY_S: u32 = 1;

impl RateLimit {
    /// A refusal as Jira Cloud words it.
    pub fn new(reason: Reason, wait_s: u32) -> Self {
        Self { reason, wait_s, told: Told::Seconds, family: Family::Cloud, html: false }
    }

    /// On Data Center a refusal has its headers and is a page of HTML, unless it was told to be bare.
    pub(crate) fn on(mut self, flavour: Flavour) -> Self {
        if flavour == Flavour::DataCenter && self.family == Family::Cloud {
            self.family = Family::DataCenter;
            self.html = true;
        }
        self
    }

    /// Headers and body.
    pub(crate) fn answer(&self, now: Timestamp) -> (Vec<(String, String)>, String) {
        let Self { reason, wait_s, told, family, html } = self;
        let until =
            now.saturating_add(SignedDuration::from_secs(i64::from(*wait_s))).unwrap_or(Timestamp::MAX);
        let in_utc = |form| until.to_zoned_datetime(TimeZone::UTC).strftime(form).to_string();
        let (name, limit, window) = reason.policy();
        let mut headers: Vec<(&str, String)> = Vec::new();
        match told {
            Told::Seconds => headers.push(("Retry-After", wait_s.to_string())),
            Told::Date => headers.push(("Retry-After", in_utc("%a, %d %b %Y %H:%M:%S GMT"))),
            Told::Nothing => {}
        }
        match family {
            Family::Cloud => headers.extend([
                ("RateLimit-Reason", name.to_owned()),
                ("X-RateLimit-Limit", limit.to_string()),
                ("X-RateLimit-Remaining", "0".to_owned()),
                ("X-RateLimit-Reset", in_utc("%Y-%m-%dT%H:%M:%SZ")),
                ("X-RateLimit-NearLimit", "true".to_owned()),
                ("Beta-RateLimit", format!("\"{name}\";r=0;t={wait_s}")),
                ("Beta-RateLimit-Policy", format!("\"{name}\";q={limit};w={window}")),
            ]),
            Family::DataCenter => headers.extend([
                ("X-RateLimit-Limit", TOKENS.to_string()),
                ("X-RateLimit-Remaining", "0".to_owned()),
                ("X-RateLimit-Interval-Seconds", NEW_TOKENS_EVERY_S.to_string()),
                ("X-RateLimit-FillRate", NEW_TOKENS.to_string()),
            ]),
            Family::Bare => {}
        }
        let body = if *html {
            headers.push(("Content-Type", "text/html; charset=utf-8".to_owned()));
            "<!doctype html><title>429</title><h1>429 Too Many Requests</h1>".to_owned()
        } else {
            json!({ "errorMessages": ["Rate limit exceeded."], "errors": {} }).to_string()
        };
        (headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), body)
    }
}

impl Reason {
    /// Name, requests and seconds.
    fn policy(self) -> (&'static str, u32, u32) {
        match self {
            Self::GlobalQuota => ("jira-quota-global-based", 65_000, 3_600),
            Self::TenantQuota => ("jira-quota-tenant-based", 65_000, 3_600),
            Self::Burst => ("jira-burst-based", 100, 1),
            Self::PerIssue => ("jira-per-issue-on-write", 20, 2),
        }
    }
}

/// Counts a request, or refuses it and counts nothing.
pub(crate) fn count(world: &mut World, call: &Call) -> Option<RateLimit> {
    let now = world.now();
    let limits = world.used.limits;
    if world.site.flavour == Flavour::DataCenter {
        if limits.burst && !take_token(&mut world.used.tokens, call.account(), now) {
            return Some(RateLimit::new(Reason::Burst, NEW_TOKENS_EVERY_S));
        }
        return None;
    }
    if limits.burst && !take_from_bucket(&mut world.used.buckets, call, now) {
        return Some(RateLimit::new(Reason::Burst, 1));
    }
    if !limits.per_issue || !is_write(&call.method, &call.segments.join("/")) || call.segment(0) != "issue" {
        return None;
    }
    let writes = world.used.writes.entry(world.find(call.segment(1))?).or_default();
    writes.retain(|at| now.duration_since(*at) < SignedDuration::from_secs(30));
    for (allowed, seconds) in PER_ISSUE {
        let window = SignedDuration::from_secs(seconds);
        let mut recent = writes.iter().filter(|at| now.duration_since(**at) < window);
        let oldest = recent.next().copied();
        if let Some(oldest) = oldest
            && recent.count() + 1 >= allowed
        {
            let wait = window - now.duration_since(oldest);
            let wait_s =
                u32::try_from(wait.as_millis().max(0).cast_unsigned().div_ceil(1_000)).unwrap_or(u32::MAX);
            return Some(RateLimit::new(Reason::PerIssue, wait_s));
        }
    }
    writes.push_back(now);
    None
}

/// What an answer tells of the limits.
pub(crate) fn told(world: &World, call: &Call) -> Vec<(&'static str, String)> {
    match world.site.flavour {
        Flavour::Cloud if world.used.limits.told => told_by_cloud(world, call),
        Flavour::DataCenter if world.used.limits.burst => told_by_data_center(world, call),
        _ => Vec::new(),
    }
}

/// Of the limits that the request falls under, the one of which the smallest share is left.
fn told_by_cloud(world: &World, call: &Call) -> Vec<(&'static str, String)> {
    let Used { limits, writes, buckets, .. } = &world.used;
    let mut all = Vec::new();
    if limits.burst {
        let (name, limit) = bucket_of(call);
        all.push((limit, buckets.get(&name).map_or(limit, |(left, _)| left.floor())));
    }
    let is_write = call.segment(0) == "issue" && is_write(&call.method, &call.segments.join("/"));
    if limits.per_issue
        && is_write
        && let Some(writes) = world.find(call.segment(1)).and_then(|id| writes.get(&id))
    {
        for (allowed, seconds) in PER_ISSUE {
            let window = SignedDuration::from_secs(seconds);
            let recent = writes.iter().filter(|at| world.now().duration_since(**at) < window).count();
            all.push((allowed as f64, allowed.saturating_sub(recent) as f64));
        }
    }
    let share = |(limit, left): &(f64, f64)| left / limit;
    let Some((limit, left)) = all.into_iter().min_by(|one, other| share(one).total_cmp(&share(other))) else {
        return Vec::new();
    };
    vec![
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", left.to_string()),
        ("x-ratelimit-nearlimit", (left < limit * NEAR).to_string()),
    ]
}

fn told_by_data_center(world: &World, call: &Call) -> Vec<(&'static str, String)> {
    let left = world.used.tokens.get(call.account()).map_or(TOKENS, |(left, _)| *left);
    let wait_s = if left == 0 { NEW_TOKENS_EVERY_S } else { 0 };
    vec![
        ("x-ratelimit-limit", TOKENS.to_string()),
        ("x-ratelimit-remaining", left.to_string()),
        ("x-ratelimit-interval-seconds", NEW_TOKENS_EVERY_S.to_string()),
        ("x-ratelimit-fillrate", NEW_TOKENS.to_string()),
        ("retry-after", wait_s.to_string()),
    ]
}

fn take_token(tokens: &mut BTreeMap<String, (u32, Timestamp)>, account: &str, now: Timestamp) -> bool {
    let (left, filled) = tokens.entry(account.to_owned()).or_insert((TOKENS, now));
    let every = SignedDuration::from_secs(i64::from(NEW_TOKENS_EVERY_S));
    let times = now.duration_since(*filled).as_secs() / every.as_secs();
    if times > 0 {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        *left = NEW_TOKENS.saturating_mul(times).saturating_add(*left).min(TOKENS);
        // What is used late is not filled late.
        *filled = filled.saturating_add(every * i32::try_from(times).unwrap_or(i32::MAX)).unwrap_or(now);
    }
    let may = *left > 0;
    *left = left.saturating_sub(1);
    may
}

/// Name of the bucket of a request, and what it holds and gets back each second.
fn bucket_of(call: &Call) -> (String, f64) {
    let named = |segment: &String| {
        let is_id = segment.contains(|c: char| c.is_ascii_digit());
        if is_id { "_".to_owned() } else { segment.clone() }
    };
    let segments: Vec<String> = call.segments.iter().map(named).collect();
    let per_second = match (&call.method, segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice())
    {
        (&Method::GET, ["issue", "_"]) | (_, ["search", "approximate-count"]) => 150.0,
        (_, ["issue", "_", "changelog"]) => 200.0,
        (&Method::PUT | &Method::DELETE, _) => 50.0,
        _ => 100.0,
    };
    (format!("{} {}", call.method, segments.join("/")), per_second)
}

fn take_from_bucket(buckets: &mut BTreeMap<String, (f64, Timestamp)>, call: &Call, now: Timestamp) -> bool {
    let (name, per_second) = bucket_of(call);
    let bucket = buckets.entry(name).or_insert((per_second, now));
    let passed_s = now.duration_since(bucket.1).as_secs_f64().max(0.0);
    bucket.0 = passed_s.mul_add(per_second, bucket.0).min(per_second);
    bucket.1 = now;
    let may = bucket.0 >= 1.0;
    if may {
        bucket.0 -= 1.0;
    }
    may
}
