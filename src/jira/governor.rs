//! How fast Jira may be asked, and until when not at all. Pure: decides; the time is handed in, and others wait.
//!
//! Three limits of Jira Cloud hold independently: a bucket of tokens for each method and endpoint, at most 20 writes
//! in 2 seconds and 100 in 30 to one issue, and hourly quotas. Data Center has one bucket for each user and describes
//! it in its headers. Keeping to them is cheaper than being refused, so a call waits here before it is sent; what is
//! refused nevertheless is read for its reason, and only what the reason names has to wait:
//!
//! | reason | waits |
//! | --- | --- |
//! | `jira-quota-global-based`, `jira-quota-tenant-based` | everything |
//! | `jira-burst-based` | calls to the same endpoint by the same method, and at half the pace after |
//! | `jira-per-issue-on-write` | writes to that issue |
//! | none, another one, a page of HTML; 503 with `Retry-After` | everything |
//!
//! A wait that Jira asked for is never cut short. It is believed for an hour at most, the longest that any quota of
//! Jira lasts: wrong values have been seen, and after an hour one call finds out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    client::Limits,
    told::{Tokens, Told},
};
use crate::plan::Part;

/// What is used of a published limit: calls that leave evenly arrive unevenly.
const SHARE: f64 = 0.96;
/// Longest time that Jira's word is taken for.
const BELIEVED: Duration = Duration::from_hours(1);
/// First wait where Jira names none; it doubles with each refusal in a row.
const UNTOLD: Duration = Duration::from_secs(2);
/// Most doublings of that wait.
const DOUBLINGS: u32 = 5;
/// Slowest pace after refusals, as a share of the published one.
const SLOWEST: f64 = 1.0 / 16.0;
/// How much of the pace comes back in a second without refusals.
const RECOVERY_PER_S: f64 = 0.02;
/// Share of a limit of which less is left where Jira calls it near.
const NEARNESS: f64 = 0.2;
/// How long an answer that says the limit is near slows its endpoint down.
const NEAR: Duration = Duration::from_secs(2);
/// Writes to one issue in some time: Jira's limits, with a little more time than they name.
const PER_ISSUE: [(usize, Duration); 2] =
    [(20, Duration::from_millis(2_200)), (100, Duration::from_secs(31))];
/// By how much an answer may be late; one that is later shows that the clock of Jira was set.
const LATE: SignedDuration = SignedDuration::from_mins(10);
/// How many issues are remembered before those that nothing was written to for long are forgotten.
const ISSUES: usize = 1_000;

/// A call that is about to be sent, or was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    /// Its method.
    pub(super) method: &'a str,
    /// Its path, without the context path of the site.
    pub(super) path: &'a str,
    /// Ids of the issues that it writes to.
    pub(super) writes_to: &'a [&'a str],
}

/// Whether a call may be sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    /// Now; it is counted.
    Go,
    /// Not before some time has passed; nothing is counted.
    Wait(Duration),
}

/// Everything waits, because Jira asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    /// Until when, by the clock that is handed in.
    pub(super) until: Duration,
    /// Why.
    pub(super) reason: String,
}

/// The state of all limits. Times are since any fixed moment, by a clock that nobody sets.
#[derive(Debug, Default)]
pub(super) struct Governor {
    limits: Limits,
    buckets: BTreeMap<String, Bucket>,
    issues: BTreeMap<String, Writes>,
    /// The bucket that Data Center told of.
    tokens: Option<(Tokens, Duration)>,
    /// What time it was by the clock of Jira, and when it said so.
    there: Option<(Timestamp, Duration)>,
    silence: Option<Silence>,
    /// Calls without an answer.
    under_way: u32,
    /// Whether more than one was under way since there was none.
    overlapped: bool,
    /// Refusals in a row without a word on how long to wait.
    untold: u32,
}

#[derive(Debug)]
struct Bucket {
    /// Calls per second that are published for it.
    rate: f64,
    /// Calls that may be sent at once.
    left: f64,
    at: Duration,
    /// Share of the rate that is used now.
    pace: f64,
    /// Until when the answers say that the limit is near.
    near: Duration,
    /// Share of the rate that is used until then.
    near_pace: f64,
    /// Until when it is shut.
    shut: Duration,
}

/// Writes to one issue.
#[derive(Debug, Default)]
struct Writes {
    at: VecDeque<Duration>,
    /// Until when Jira takes none.
    shut: Duration,
}

impl Governor {
    /// Keeps to the published limits, or only to what it is told.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether a call may be sent now; it counts as sent where the answer is [`Decision::Go`].
    pub(super) fn decide(&mut self, now: Duration, ask: &Ask<'_>) -> Decision {
        let wait = self.wait(now, ask);
        if !wait.is_zero() {
            return Decision::Wait(wait);
        }
        self.under_way += 1;
        self.overlapped |= self.under_way > 1;
        if let Some((tokens, _)) = &mut self.tokens {
            tokens.left -= 1.0;
        }
        if !self.has_published_limits(ask) {
            return Decision::Go;
        }
        self.bucket(now, ask).left -= 1.0;
        for issue in ask.writes_to {
            self.issues.entry((*issue).to_owned()).or_default().at.push_back(now);
        }
        if self.issues.len() > ISSUES {
            let young = |writes: &Writes| {
                writes.shut > now
                    || writes.at.back().is_some_and(|last| now.saturating_sub(*last) < PER_ISSUE[1].1)
            };
            self.issues.retain(|_, writes| young(writes));
        }
        Decision::Go
    }

    /// A call that was admitted has an answer, or never will.
    pub(super) fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.overlapped &= self.under_way > 0;
    }

    /// How long until a call may be sent, as far as is known now.
    pub(super) fn wait(&mut self, now: Duration, ask: &Ask<'_>) -> Duration {
        let silent = self.silence(now).map_or(Duration::ZERO, |silence| silence.until.saturating_sub(now));
        let tokens = self.tokens_wait(now);
        let published = self.has_published_limits(ask);
        let bucket = self.bucket(now, ask);
        let bucket = if published { bucket.wait(now) } else { bucket.shut.saturating_sub(now) };
        let of_issue = |issue: &&str| self.issues.get_mut(*issue).map(|writes| writes.wait(now));
        let issues = ask.writes_to.iter().filter_map(of_issue).max().unwrap_or_default();
        silent.max(tokens).max(bucket).max(issues)
    }

    /// What time it is by the clock of Jira, or somewhat before.
    pub(super) fn time(&self, now: Duration) -> Option<Timestamp> {
        let (at, heard) = self.there?;
        at.checked_add(now.saturating_sub(heard)).ok()
    }

    /// The silence that holds now.
    pub(super) fn silence(&self, now: Duration) -> Option<&Silence> {
        self.silence.as_ref().filter(|silence| silence.until > now)
    }

    /// Keeps silent for some time, as an earlier process was asked to.
    pub(super) fn keep_silent(&mut self, now: Duration, wait: Duration, reason: &str) {
        let until = now.saturating_add(wait.min(BELIEVED));
        if self.silence.as_ref().is_none_or(|silence| silence.until < until) {
            self.silence = Some(Silence { until, reason: reason.to_owned() });
        }
    }

    /// The parts that are shut now, and until when.
    pub(super) fn shut(&self, now: Duration) -> Vec<(Part, Duration)> {
        let buckets = self.buckets.iter().map(|(name, bucket)| (Part::Endpoint(name.clone()), bucket.shut));
        let issues = self.issues.iter().map(|(id, writes)| (Part::Issue(id.clone()), writes.shut));
        buckets.chain(issues).filter(|(_, until)| *until > now).collect()
    }

    /// Leaves a part alone for some time, as an earlier process was asked to.
    pub(super) fn keep_shut(&mut self, now: Duration, part: &Part, wait: Duration) {
        let until = now.saturating_add(wait.min(BELIEVED));
        let shut = match part {
            Part::Endpoint(name) => &mut self.bucket_named(now, name.clone()).shut,
            Part::Issue(id) => &mut self.issues.entry(id.clone()).or_default().shut,
        };
        *shut = until.max(*shut);
    }

    /// Learns from an answer, and says whether it asks for a wait. `chance`, from 0 to 1, keeps many clients from coming
    /// back all at once.
    pub(super) fn learn(
        &mut self,
        now: Duration,
        ask: &Ask<'_>,
        status: u16,
        told: &Told,
        chance: f64,
    ) -> bool {
        if let Some(told) = told.tokens {
            self.learn_tokens(now, told);
        }
        if let Some(at) = told.at {
            // An answer that was long on its way, or came out of a store, does not set the clock back.
            let known = self.time(now).filter(|known| *known > at && known.duration_since(at) < LATE);
            self.there = Some((known.unwrap_or(at), now));
        }
        let refused = status == 429 || (status == 503 && told.wait.is_some());
        if !refused {
            if status < 400 {
                self.untold = 0;
            }
            if told.near_limit && told.tokens.is_none() {
                let under_way = f64::from(self.under_way.saturating_sub(1));
                let bucket = self.bucket(now, ask);
                bucket.near = now + NEAR;
                // Others may use the same limit. Slower the less is left, so that all of it is used and no more.
                bucket.near_pace = told.left.map_or(0.5, |left| {
                    let left = left - under_way;
                    bucket.left = bucket.left.min(left);
                    (left / (bucket.rate * NEARNESS)).clamp(SLOWEST, 1.0)
                });
            }
            return false;
        }
        let wait = if let Some(wait) = told.wait {
            // Not shorter than asked for, or the next call is refused, too.
            wait.min(BELIEVED).mul_f64(1.0 + 0.3 * chance)
        } else {
            let wait = UNTOLD * 2u32.pow(self.untold.min(DOUBLINGS));
            self.untold = self.untold.saturating_add(1);
            wait.mul_f64(0.7 + 0.6 * chance)
        };
        let reason = told.reason.as_deref().filter(|_| status == 429);
        let is = |word: &str| reason.is_some_and(|reason| reason.contains(word));
        if is("per-issue") && !ask.writes_to.is_empty() {
            for issue in ask.writes_to {
                let writes = self.issues.entry((*issue).to_owned()).or_default();
                writes.shut = writes.shut.max(now + wait);
            }
        } else if is("burst") {
            let bucket = self.bucket(now, ask);
            bucket.shut = bucket.shut.max(now + wait);
            bucket.left = bucket.left.min(0.0);
            bucket.pace = (bucket.pace / 2.0).max(SLOWEST);
        } else {
            let reason = reason.map_or_else(|| format!("{status} without a reason"), str::to_owned);
            // A quota is of another hour, not of another second.
            let is_quota = reason.contains("quota");
            self.keep_silent(now, wait, &reason);
            if !is_quota {
                let bucket = self.bucket(now, ask);
                bucket.pace = (bucket.pace / 2.0).max(SLOWEST);
            }
        }
        true
    }

    /// Whether the limits that are published for Jira Cloud hold for a call; Data Center tells its own.
    fn has_published_limits(&self, ask: &Ask<'_>) -> bool {
        self.limits == Limits::Published && ask.path.starts_with("/rest/api/3/")
    }

    /// Jira's count is the truth: others may use the same account. But it does not know what is still under way, and
    /// of calls that overlapped, the answer that comes last may have been counted first.
    fn learn_tokens(&mut self, now: Duration, told: Tokens) {
        self.refill_tokens(now);
        let left = told.left - f64::from(self.under_way.saturating_sub(1));
        self.tokens = match self.tokens {
            Some((known, at)) if self.overlapped => Some((Tokens { left: left.min(known.left), ..told }, at)),
            _ => Some((Tokens { left, ..told }, now)),
        };
    }

    fn tokens_wait(&mut self, now: Duration) -> Duration {
        self.refill_tokens(now);
        let Some((tokens, at)) = self.tokens else { return Duration::ZERO };
        if tokens.left >= 1.0 { Duration::ZERO } else { (at + tokens.every).saturating_sub(now) }
    }

    fn refill_tokens(&mut self, now: Duration) {
        let Some((tokens, at)) = &mut self.tokens else { return };
        // It is filled in one go, and nobody says when; after a whole interval it certainly was.
        let fills = now.saturating_sub(*at).as_secs_f64() / tokens.every.as_secs_f64();
        if fills >= 1.0 {
            tokens.left = fills.floor().mul_add(tokens.fill, tokens.left).min(tokens.limit);
            // Not sooner than a whole interval after this, whatever the server counts from.
            *at = now;
        }
    }

    fn bucket(&mut self, now: Duration, ask: &Ask<'_>) -> &mut Bucket {
        self.bucket_named(now, family(ask))
    }

    fn bucket_named(&mut self, now: Duration, name: String) -> &mut Bucket {
        let rate = published_rate(&name) * SHARE;
        let fresh = || Bucket {
            rate,
            left: rate,
            at: now,
            pace: 1.0,
            near: Duration::ZERO,
            near_pace: 1.0,
            shut: Duration::ZERO,
        };
        let bucket = self.buckets.entry(name).or_insert_with(fresh);
        bucket.refill(now);
        bucket
    }
}

impl Bucket {
    fn refill(&mut self, now: Duration) {
        let passed_s = now.saturating_sub(self.at).as_secs_f64();
        self.left = passed_s.mul_add(self.rate_now(), self.left).min(self.rate);
        self.pace = passed_s.mul_add(RECOVERY_PER_S, self.pace).min(1.0);
        self.at = self.at.max(now);
    }

    fn rate_now(&self) -> f64 {
        let near = if self.near > self.at { self.near_pace } else { 1.0 };
        self.rate * self.pace * near
    }

    fn wait(&self, now: Duration) -> Duration {
        let shut = self.shut.saturating_sub(now);
        if self.left >= 1.0 {
            return shut;
        }
        // A nanosecond more, so that rounding does not ask for one more wait of nothing.
        let refill = Duration::from_secs_f64((1.0 - self.left) / self.rate_now()) + Duration::from_nanos(1);
        shut.max(refill)
    }
}

impl Writes {
    fn wait(&mut self, now: Duration) -> Duration {
        while self.at.front().is_some_and(|first| now.saturating_sub(*first) >= PER_ISSUE[1].1) {
            self.at.pop_front();
        }
        let windows = PER_ISSUE.iter().filter_map(|(most, window)| {
            // The write that must have left the window before the next one may enter it.
            let before = self.at.len().checked_sub(*most)?;
            Some((self.at[before] + *window).saturating_sub(now))
        });
        windows.chain([self.shut.saturating_sub(now)]).max().unwrap_or_default()
    }
}

/// The bucket of all searches for people.
const USER_SEARCH: &str = "user search";

/// Name of the bucket of a call.
fn family(ask: &Ask<'_>) -> String {
    let path = ask.path.split(['?', '#']).next().unwrap_or_default();
    // Behind `/rest/api/3/`; ids and keys are not told apart.
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .skip_while(|segment| *segment != "api")
        .skip(2)
        .map(|segment| if segment.contains(|c: char| c.is_ascii_digit()) { "_" } else { segment })
        .collect();
    match segments.as_slice() {
        ["user", .., "search"] | ["user", "search" | "picker", ..] | ["users", ..] => USER_SEARCH.to_owned(),
        _ => format!("{} {}", ask.method, segments.join("/")),
    }
}

/// How many calls per second are published for a bucket.
fn published_rate(family: &str) -> f64 {
    match family.split_once(' ').unwrap_or_default() {
        // One limit of the tenant, whose size is not published.
        _ if family == USER_SEARCH => 10.0,
        ("GET", "issue/_") | (_, "search/approximate-count") => 150.0,
        (_, "issue/_/changelog") => 200.0,
        ("PUT" | "DELETE", _) => 50.0,
        _ => 100.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: Ask<'_> = Ask { method: "POST", path: "/rest/api/3/issue", writes_to: &[] };
    const EDIT: Ask<'_> = Ask { method: "PUT", path: "/rest/api/3/issue/10001", writes_to: &["10001"] };
    const OTHER: Ask<'_> = Ask { method: "PUT", path: "/rest/api/3/issue/10002", writes_to: &["10002"] };
    const COMMENT: Ask<'_> =
        Ask { method: "POST", path: "/rest/api/3/issue/10001/comment", writes_to: &["10001"] };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn refusal(reason: &str, wait_s: Option<u64>) -> Told {
        Told {
            wait: wait_s.map(Duration::from_secs),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            ..Told::default()
        }
    }

    /// Sends as fast as the governor lets it until an end, and gives the moments.
    fn flood(governor: &mut Governor, ask: &Ask<'_>, mut now: Duration, end: Duration) -> Vec<Duration> {
        let mut sent = Vec::new();
        while now < end {
            match governor.decide(now, ask) {
                Decision::Go => sent.push(now),
                Decision::Wait(wait) => {
                    assert!(!wait.is_zero());
                    now += wait;
                }
            }
        }
        sent
    }

    /// A bucket as the vendor describes it; false where a call is refused.
    fn admits(sent: &[Duration], rate: f64) -> bool {
        let (mut left, mut at) = (rate, Duration::ZERO);
        sent.iter().all(|moment| {
            left = moment.saturating_sub(at).as_secs_f64().mul_add(rate, left).min(rate) - 1.0;
            at = *moment;
            left >= 0.0
        })
    }

    #[test]
    fn each_endpoint_and_method_gets_nine_tenths_of_its_limit_and_never_more_than_all_of_it() {
        for (ask, rate) in [
            (CREATE, 100.0),
            (Ask { method: "DELETE", path: "/rest/api/3/issue/10001", writes_to: &[] }, 50.0),
            (Ask { writes_to: &[], ..EDIT }, 50.0),
            (Ask { method: "GET", path: "/rest/api/3/issue/10001", writes_to: &[] }, 150.0),
            (Ask { method: "GET", path: "/rest/api/3/issue/DISP-1", writes_to: &[] }, 150.0),
            (Ask { method: "POST", path: "/rest/api/3/search/approximate-count", writes_to: &[] }, 150.0),
            (Ask { method: "GET", path: "/rest/api/3/issue/10001/changelog", writes_to: &[] }, 200.0),
            (Ask { method: "POST", path: "/rest/api/3/search/jql", writes_to: &[] }, 100.0),
        ] {
            let sent = flood(&mut Governor::default(), &ask, Duration::ZERO, ms(60_000));
            assert!(admits(&sent, rate), "{ask:?}");
            assert!(sent.len() as f64 >= 0.9 * (rate + 60.0 * rate), "{ask:?}: {}", sent.len());
        }
    }

    #[test]
    fn user_searches_share_a_bucket_that_nothing_else_uses() {
        let mut governor = Governor::default();
        let users = Ask { method: "GET", path: "/rest/api/3/user/assignable/search", writes_to: &[] };
        let others = Ask { path: "/rest/api/3/user/search", ..users };
        flood(&mut governor, &users, Duration::ZERO, ms(10));
        assert_ne!(governor.wait(ms(10), &others), Duration::ZERO);
        for free in [CREATE, EDIT, Ask { path: "/rest/api/3/myself", ..users }] {
            assert_eq!(governor.wait(ms(10), &free), Duration::ZERO, "{free:?}");
        }
        governor.learn(ms(10), &others, 429, &refusal("jira-burst-based", Some(60)), 0.0);
        assert!(governor.wait(ms(10), &users) >= ms(60_000));
        assert_eq!(governor.wait(ms(10), &CREATE), Duration::ZERO);
    }

    #[test]
    fn one_issue_takes_twenty_writes_in_two_seconds_and_a_hundred_in_thirty_and_others_go_on() {
        let mut governor = Governor::default();
        // Edits and comments are writes to the same issue.
        let mut now = Duration::ZERO;
        let mut sent = Vec::new();
        while now < ms(120_000) {
            match governor.decide(now, if sent.len() % 2 == 0 { &EDIT } else { &COMMENT }) {
                Decision::Go => sent.push(now),
                Decision::Wait(wait) => now += wait,
            }
        }
        for (most, window) in [(20, ms(2_000)), (100, ms(30_000))] {
            let crowded =
                sent.windows(most + 1).find(|writes| writes[most].saturating_sub(writes[0]) < window);
            assert_eq!(crowded, None);
        }
        assert!(sent.len() >= 360, "{} in two minutes, of 400 that are allowed", sent.len());
        assert_eq!(governor.wait(sent[sent.len() - 1], &OTHER), Duration::ZERO);
    }

    #[test]
    fn each_reason_stops_what_it_names_and_nothing_else() {
        let free = |reason: &str| {
            let mut governor = Governor::default();
            governor.learn(ms(0), &EDIT, 429, &refusal(reason, Some(7)), 0.0);
            let comment_to_another =
                Ask { path: "/rest/api/3/issue/10002/comment", writes_to: &["10002"], ..COMMENT };
            [EDIT, OTHER, COMMENT, comment_to_another].map(|ask| {
                let wait = governor.wait(ms(0), &ask);
                assert!(wait.is_zero() || wait >= ms(7_000), "{reason} {ask:?} {wait:?}");
                wait.is_zero()
            })
        };
        // The same issue by the same method; another issue; another method; another of both.
        assert_eq!(free("jira-quota-global-based"), [false, false, false, false]);
        assert_eq!(free("jira-quota-tenant-based"), [false, false, false, false]);
        assert_eq!(free("jira-burst-based"), [false, false, true, true]);
        assert_eq!(free("jira-per-issue-on-write"), [false, true, false, true]);
        assert_eq!(free(""), [false, false, false, false]);
        assert_eq!(free("something-new"), [false, false, false, false]);
    }

    #[test]
    fn a_wait_that_was_asked_for_is_never_cut_short_and_chance_only_makes_it_longer() {
        for (chance, wait) in [(0.0, ms(10_000)), (0.5, ms(11_500)), (1.0, ms(13_000))] {
            let mut governor = Governor::default();
            governor.learn(ms(0), &EDIT, 429, &refusal("jira-quota-tenant-based", Some(10)), chance);
            assert_eq!(governor.wait(ms(0), &CREATE), wait);
            assert_eq!(governor.decide(wait, &CREATE), Decision::Go);
        }
        // A wait of our own may be cut short by chance.
        for (chance, wait) in [(0.0, ms(1_400)), (0.5, ms(2_000)), (1.0, ms(2_600))] {
            let mut governor = Governor::default();
            governor.learn(ms(0), &EDIT, 429, &refusal("", None), chance);
            assert_eq!(governor.wait(ms(0), &CREATE), wait);
        }
    }

    #[test]
    fn refusals_in_a_row_without_a_word_wait_twice_as_long_each_time() {
        let mut governor = Governor::default();
        let mut now = Duration::ZERO;
        let mut waits = Vec::new();
        for _ in 0..8 {
            governor.learn(now, &CREATE, 429, &refusal("", None), 0.5);
            let wait = governor.silence(now).unwrap().until.saturating_sub(now);
            waits.push(wait.as_secs());
            now += wait;
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 64, 64]);
        governor.learn(now, &CREATE, 201, &Told::default(), 0.5);
        governor.learn(now, &CREATE, 429, &refusal("", None), 0.5);
        assert_eq!(
            governor.silence(now).unwrap().until.saturating_sub(now),
            ms(2_000),
            "a success begins anew"
        );
    }

    #[test]
    fn a_wait_is_believed_for_an_hour_and_a_shorter_one_does_not_shorten_a_longer_one() {
        let mut governor = Governor::default();
        governor.learn(ms(0), &CREATE, 429, &refusal("jira-quota-global-based", Some(999_999)), 0.0);
        assert_eq!(governor.silence(ms(0)).unwrap().until, BELIEVED);
        governor.learn(ms(0), &CREATE, 429, &refusal("", Some(1)), 0.0);
        let silence = governor.silence(ms(0)).unwrap();
        assert_eq!((silence.until, silence.reason.as_str()), (BELIEVED, "jira-quota-global-based"));
        assert_eq!(governor.silence(BELIEVED), None);
        governor.keep_silent(BELIEVED, ms(5_000), "as before");
        assert_eq!(governor.wait(BELIEVED, &CREATE), ms(5_000));
    }

    #[test]
    fn a_503_that_names_a_wait_stops_everything_and_one_that_does_not_stops_nothing() {
        let mut governor = Governor::default();
        governor.learn(ms(0), &EDIT, 503, &Told::default(), 0.0);
        assert_eq!(governor.wait(ms(0), &EDIT), Duration::ZERO);
        governor.learn(ms(0), &EDIT, 503, &refusal("jira-burst-based", Some(3)), 0.0);
        assert_eq!(governor.wait(ms(0), &CREATE), ms(3_000));
    }

    #[test]
    fn what_is_shut_is_told_by_part_and_another_process_keeps_to_it() {
        let mut governor = Governor::new(Limits::Published);
        governor.learn(ms(0), &CREATE, 429, &refusal("jira-burst-based", Some(60)), 0.0);
        governor.learn(ms(0), &EDIT, 429, &refusal("jira-per-issue-on-write", Some(30)), 0.0);
        let parts = [
            (Part::Endpoint("POST issue".to_owned()), ms(60_000)),
            (Part::Issue("10001".to_owned()), ms(30_000)),
        ];
        assert_eq!(governor.shut(ms(0)), parts);
        assert_eq!(governor.shut(ms(30_000)), parts[..1]);
        let mut other = Governor::new(Limits::Published);
        for (part, until) in &parts {
            other.keep_shut(ms(5_000), part, until.saturating_sub(ms(10_000)));
            // A shorter word from before takes nothing back.
            other.keep_shut(ms(5_000), part, ms(1));
        }
        let wait = |governor: &mut Governor, ask| governor.wait(ms(5_000), ask);
        assert_eq!(wait(&mut other, &CREATE), ms(50_000));
        assert_eq!(wait(&mut other, &EDIT), ms(20_000));
        assert_eq!(wait(&mut other, &COMMENT), ms(20_000));
        assert_eq!(wait(&mut other, &OTHER), ms(0));
    }

    #[test]
    fn after_a_burst_was_refused_the_pace_is_halved_and_comes_back() {
        let mut governor = Governor::default();
        flood(&mut governor, &CREATE, Duration::ZERO, ms(10_000));
        governor.learn(ms(10_000), &CREATE, 429, &refusal("jira-burst-based", Some(1)), 0.0);
        let sent = flood(&mut governor, &CREATE, ms(10_000), ms(80_000));
        let in_second = |second: u64| {
            let of = ms(second * 1_000)..ms(second * 1_000 + 1_000);
            sent.iter().filter(|moment| of.contains(moment)).count()
        };
        assert_eq!(in_second(10), 0, "shut");
        assert!((40..60).contains(&in_second(12)), "{}", in_second(12));
        assert!((95..=100).contains(&in_second(79)), "{}", in_second(79));
        for _ in 0..20 {
            governor.learn(ms(80_000), &CREATE, 429, &refusal("jira-burst-based", Some(0)), 0.0);
        }
        let slow = flood(&mut governor, &CREATE, ms(80_000), ms(82_000)).len();
        assert!((10..20).contains(&slow), "never slower than a sixteenth, and soon faster: {slow}");
    }

    #[test]
    fn an_answer_that_says_the_limit_is_near_slows_down_before_anything_is_refused() {
        let mut governor = Governor::default();
        flood(&mut governor, &CREATE, Duration::ZERO, ms(2_000));
        let near = Told { near_limit: true, ..Told::default() };
        governor.learn(ms(2_000), &CREATE, 201, &near, 0.0);
        let sent = flood(&mut governor, &CREATE, ms(2_000), ms(4_000)).len();
        assert!((90..=100).contains(&sent), "{sent}");
        let sent = flood(&mut governor, &CREATE, ms(4_000), ms(6_000)).len();
        assert!((185..=195).contains(&sent), "{sent}");
    }

    #[test]
    fn where_others_use_the_same_limit_what_jira_says_is_left_is_used_and_not_overdrawn() {
        let (limit, others_per_s) = (100.0_f64, 60.0_f64);
        let mut governor = Governor::default();
        let (mut left, mut at) = (limit, Duration::ZERO);
        let (mut now, mut sent) = (Duration::ZERO, 0);
        while now < ms(60_000) {
            match governor.decide(now, &CREATE) {
                Decision::Wait(wait) => now += wait,
                Decision::Go => {
                    now += ms(3);
                    left =
                        now.saturating_sub(at).as_secs_f64().mul_add(limit - others_per_s, left).min(limit);
                    at = now;
                    assert!(left >= 1.0, "overdrawn at {now:?}");
                    left -= 1.0;
                    sent += 1;
                    let near_limit = left < limit / 5.0;
                    let told = Told { left: Some(left.floor()), near_limit, ..Told::default() };
                    governor.learn(now, &CREATE, 201, &told, 0.5);
                    governor.ended();
                }
            }
        }
        assert!(sent >= 2_300, "{sent} of 2,500");
    }

    #[test]
    fn the_bucket_of_data_center_is_used_up_and_not_overdrawn() {
        let ask = Ask { method: "POST", path: "/rest/api/2/issue", writes_to: &[] };
        // The server: filled with ten each second, at a moment that the client does not know.
        let (limit, fill) = (20.0_f64, 10.0_f64);
        for phase in [0, 1, 250, 500, 999] {
            let mut governor = Governor::default();
            let (mut left, mut filled) = (limit, 0u64);
            let (mut now, mut sent) = (Duration::ZERO, 0);
            while now < ms(60_000) {
                match governor.decide(now, &ask) {
                    Decision::Wait(wait) => now += wait,
                    Decision::Go => {
                        now += ms(3);
                        let fills = (now + ms(phase)).as_secs();
                        left = ((fills - filled) as f64).mul_add(fill, left).min(limit);
                        filled = fills;
                        assert!(left >= 1.0, "overdrawn at {now:?}, phase {phase}");
                        left -= 1.0;
                        sent += 1;
                        let tokens = Tokens { limit, left, every: ms(1_000), fill };
                        let told = Told { tokens: Some(tokens), ..Told::default() };
                        governor.learn(now, &ask, 201, &told, 0.5);
                        governor.ended();
                    }
                }
            }
            assert!(sent >= 558, "{sent} of 620, phase {phase}");
        }
    }

    #[test]
    fn calls_that_are_under_way_are_taken_off_what_data_center_says_is_left() {
        let mut governor = Governor::default();
        let ask = Ask { method: "GET", path: "/rest/api/2/issue/10001", writes_to: &[] };
        for _ in 0..8 {
            assert_eq!(governor.decide(ms(0), &ask), Decision::Go);
        }
        let tokens = |left| Told {
            tokens: Some(Tokens { limit: 50.0, left, every: ms(1_000), fill: 10.0 }),
            ..Told::default()
        };
        // The first of eight is answered; the other seven may not have been counted yet.
        governor.learn(ms(10), &ask, 200, &tokens(9.0), 0.5);
        governor.ended();
        assert_eq!(
            (governor.decide(ms(10), &ask), governor.decide(ms(10), &ask)),
            (Decision::Go, Decision::Go)
        );
        assert_eq!(governor.decide(ms(10), &ask), Decision::Wait(ms(1_000)));
        // Nobody answers: what is filled in goes to those that wait for their answers first.
        governor.learn(ms(20), &ask, 200, &tokens(0.0), 0.5);
        governor.ended();
        assert_eq!(governor.wait(ms(1_020), &ask), Duration::ZERO);
        for _ in 0..2 {
            assert_eq!(governor.decide(ms(1_020), &ask), Decision::Go);
        }
        assert_ne!(governor.decide(ms(1_020), &ask), Decision::Go);
    }

    #[test]
    fn of_calls_that_overlapped_an_early_count_that_comes_late_is_not_believed() {
        let mut governor = Governor::default();
        let ask = Ask { method: "GET", path: "/rest/api/2/issue/10001", writes_to: &[] };
        for _ in 0..8 {
            assert_eq!(governor.decide(ms(0), &ask), Decision::Go);
        }
        // Counted as the third, the eighth, …, the first; answered in this order.
        for counted in [3.0, 8.0, 5.0, 7.0, 6.0, 4.0, 2.0, 1.0] {
            let tokens = Tokens { limit: 50.0, left: 10.0 - counted, every: ms(1_000), fill: 10.0 };
            governor.learn(ms(10), &ask, 200, &Told { tokens: Some(tokens), ..Told::default() }, 0.5);
            governor.ended();
        }
        let mut more = 0;
        while governor.decide(ms(10), &ask) == Decision::Go {
            more += 1;
        }
        assert!(more <= 2, "two were left, {more} are sent");
    }

    #[test]
    fn the_time_there_goes_on_between_answers_and_is_not_set_back_by_one_that_was_late() {
        let mut governor = Governor::new(Limits::Told);
        assert_eq!(governor.time(ms(0)), None);
        let noon: Timestamp = "2026-11-25T12:00:00Z".parse().unwrap();
        let after = |s| noon + SignedDuration::from_secs(s);
        for (now_s, told_s, is_s) in [
            (10, Some(0), 0),
            (70, None, 60),
            (80, Some(65), 70),
            (90, Some(200), 200),
            (100, Some(-7_200), -7_200),
        ] {
            let now = Duration::from_secs(now_s);
            let told = Told { at: told_s.map(after), ..Told::default() };
            governor.learn(now, &CREATE, 200, &told, 0.5);
            assert_eq!(governor.time(now), Some(after(is_s)), "after {now_s} s");
        }
    }
}
