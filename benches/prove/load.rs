//! Two thousand tickets against a Jira that keeps its limits: how much of what it allows is used, that nothing is sent
//! while it wants to be left alone, and how many requests it takes.
//!
//! Limits and clock are those of the sandbox, which counts by itself and shares no code with the client.
#![expect(clippy::expect_used, reason = "a world that cannot be made ends the proof")]

use disputebot::apply::{self, SystemClock, Wanted};
use disputebot::group::Group;
use disputebot::jira::{Client, Credentials, Settings};
use disputebot::sandbox::{
    self, Effect, Fault, Flavour, Limits, Matches, Options, RateLimit, Reason, Recorded, Sandbox, User,
};
use disputebot::state::State;
use disputebot::ticket::list::List;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use tokio_util::sync::CancellationToken;

use crate::rebuild::{cluster, params, policy, survey};
use crate::{Effort, Row, contract};

/// How long Jira wants to be left alone in the middle, in seconds.
const SILENCE_S: u32 = 3;
/// Least share of the allowed requests that is used.
const LEAST_SHARE: f64 = 0.9;
/// Turns in which the share may be reached.
const TURNS: usize = 3;
/// Most requests for each write that is needed.
const MOST_REQUESTS: f64 = 1.1;

pub(crate) fn prove(effort: Effort) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    // Edits are allowed at half the pace of creates, so that all of them would take another 40 seconds.
    let (edited, opened_slowly) = if effort == Effort::Long { (2_000, 500) } else { (700, 150) };
    let measure = |flavour, groups, edited| {
        // Whoever else uses the processor can only slow it down, so the best of some turns is what it can do.
        let mut measured = runtime.block_on(load(flavour, groups, edited));
        for _ in 1..TURNS {
            if measured.least_share() >= LEAST_SHARE || !measured.is_exact() {
                break;
            }
            let again = runtime.block_on(load(flavour, groups, edited));
            if !again.is_exact() || again.least_share() > measured.least_share() {
                measured = again;
            }
        }
        measured
    };
    let cloud = measure(Flavour::Cloud, 2_000, edited);
    let data_center = measure(Flavour::DataCenter, opened_slowly, 0);
    vec![
        cloud.row(&format!(
            "Cloud's limits: 2,000 tickets opened with their lists, {edited} of them edited and their lists replaced, one pause by quota"
        )),
        data_center.row(&format!("Data Center's limits: {opened_slowly} tickets opened with their lists, one pause")),
    ]
}

/// What a load came to.
struct Measured {
    tickets: usize,
    wanted: usize,
    failed: usize,
    /// Of the writes, the share that was used of what was allowed in their time: on Cloud creates, lists and edits; on Data Center all of them.
    shares: Vec<f64>,
    in_silence: usize,
    /// Refused requests beside the one that began the silence.
    refused: usize,
    requests: f64,
    /// Requests that break the vendor's contract.
    breaches: Vec<String>,
    seconds: f64,
}

impl Measured {
    fn row(&self, what: &str) -> Row {
        let Self { tickets, wanted: _, failed, shares, in_silence, refused, requests, breaches, seconds } =
            self;
        let breaches = if breaches.is_empty() { String::new() } else { format!("; breaches: {breaches:?}") };
        let shares: Vec<String> = shares.iter().map(|share| format!("{:.1} %", share * 100.0)).collect();
        Row {
            what: what.to_owned(),
            trials: 1,
            seeds: "-".to_owned(),
            found: format!(
                "{tickets} tickets, {failed} failed; {} of the allowed rate used (at least 90 %), {in_silence} requests in \
                 the pause, {refused} refused beside it, {requests:.3} requests a write (at most 1.1); {seconds:.0} s{breaches}",
                shares.join(", "),
            ),
            holds: self.is_exact() && self.least_share() >= LEAST_SHARE,
        }
    }

    fn least_share(&self) -> f64 {
        self.shares.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Whether all that no clock decides is as it must be.
    fn is_exact(&self) -> bool {
        self.tickets == self.wanted
            && self.failed == 0
            && self.in_silence == 0
            && self.refused == 0
            && self.requests <= MOST_REQUESTS
            && self.breaches.is_empty()
    }
}

async fn load(flavour: Flavour, groups: usize, edited: usize) -> Measured {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = sandbox::start(Options { flavour, ..Options::default() }).await.expect("a sandbox");
    sandbox.set_limits(Limits { per_issue: true, burst: true, told: true });
    let path = Regex::new("/issue$").expect("a pattern");
    let quota = Effect::RateLimit(RateLimit::new(Reason::TenantQuota, SILENCE_S));
    sandbox.inject(Fault {
        nth: groups / 2,
        matches: Matches::Like { method: "POST".to_owned(), path },
        effect: quota,
    });
    let mut state = State::open(&folder.path().join("state")).expect("it opens");
    let mut failed = pass(&sandbox, flavour, &mut state, groups, 0).await;
    if edited > 0 {
        failed += pass(&sandbox, flavour, &mut state, groups, edited).await;
    }
    let requests = sandbox.requests();
    let is_create = |it: &&Recorded| it.method == "POST" && it.path.ends_with("/issue");
    let is_attach = |it: &&Recorded| it.method == "POST" && it.path.ends_with("/attachments");
    let is_edit = |it: &&Recorded| it.method == "PUT" && it.path.contains("/issue/");
    let moments = |of: &dyn Fn(&&Recorded) -> bool| -> Vec<Timestamp> {
        requests.iter().filter(|it| of(it)).map(|it| it.at).collect()
    };
    let began = requests.iter().find(|it| it.status == Some(429)).map(|it| it.at);
    let ends = began.map(|at| at + SignedDuration::from_secs(i64::from(SILENCE_S)));
    // What was under way when the pause was told could not know of it.
    let heard = began.map(|at| at + SignedDuration::from_millis(100));
    let after = |from, to| requests.iter().filter(|it| Some(it.at) > from && Some(it.at) < to).count();
    let under_way = policy("load").at_once - 1;
    let in_silence = after(heard, ends) + after(began, heard).saturating_sub(under_way);
    let silence = began.zip(ends);
    let shares = if flavour == Flavour::Cloud {
        // Each kind of call has a limit of its own. Lists come in two goes, of which the first is the long one.
        let mut attached = moments(&is_attach);
        attached.truncate(groups);
        let mut shares =
            vec![share(&moments(&is_create), silence, 100.0, 100.0), share(&attached, None, 100.0, 100.0)];
        if edited > 0 {
            shares.push(share(&moments(&is_edit), None, 50.0, 50.0));
        }
        shares
    } else {
        vec![share(&moments(&|it| is_create(it) || is_attach(it)), silence, 50.0, 10.0)]
    };
    let first = requests.first().map(|it| it.at).unwrap_or_default();
    let last = requests.last().map(|it| it.at).unwrap_or_default();
    Measured {
        tickets: sandbox.issues().len(),
        wanted: groups,
        failed,
        shares,
        in_silence,
        refused: requests.iter().filter(|it| it.status == Some(429)).count() - 1,
        // A ticket and its list; an edit, another list, and the older one removed.
        requests: requests.len() as f64 / (2 * groups + 3 * edited) as f64,
        breaches: contract::breaches(flavour, &requests),
        seconds: last.duration_since(first).as_secs_f64(),
    }
}

/// The share that some requests are of all that a bucket of tokens allows from the first of them to the last. It is
/// full at the beginning, and again after the silence, in which nothing is allowed.
fn share(sent: &[Timestamp], silence: Option<(Timestamp, Timestamp)>, at_once: f64, per_second: f64) -> f64 {
    let (Some(first), Some(last)) = (sent.first(), sent.last()) else { return 0.0 };
    let mut seconds = last.duration_since(*first).as_secs_f64();
    let mut allowed = at_once;
    if let Some((began, ends)) = silence {
        seconds -= ends.duration_since(began).as_secs_f64();
        allowed += at_once.min(per_second * f64::from(SILENCE_S));
    }
    sent.len() as f64 / per_second.mul_add(seconds, allowed)
}

/// The disputes of a group, as they are attached.
fn list(group: &Group) -> List {
    let mut text = String::from("dispute_id\r\n");
    for member in &group.members {
        text.push_str(member);
        text.push_str("\r\n");
    }
    let name = format!("disputes-{}-{}.csv", group.id.short(), group.members.len());
    List { name, text: text.into(), rows: group.members.len(), left_out: 0, withheld: Vec::new() }
}

/// One pass over some groups, of which the first ones have grown; gives how many writes failed or were not tried.
async fn pass(sandbox: &Sandbox, flavour: Flavour, state: &mut State, groups: usize, grown: usize) -> usize {
    let bot = User::bot();
    let credentials = match flavour {
        Flavour::Cloud => Credentials::Basic { user: bot.email, token: bot.token.into() },
        Flavour::DataCenter => Credentials::Bearer(bot.token.into()),
    };
    let url = sandbox.base_url().parse().expect("an address");
    let client = Client::new(Settings::new(url, credentials, "DISP")).expect("a client");
    let policy = policy("load");
    apply::recover(&client, state, &SystemClock, &policy, true).await.expect("Jira is read");
    let found: Vec<_> =
        (0..groups).map(|number| cluster(number, if number < grown { 11 } else { 10 })).collect();
    let (records, mut standing) = survey(state.known(), &found, &mut 0);
    for record in &records {
        if let Some(Ok(content)) = standing.get_mut(&record.group.id).and_then(|it| it.content.as_mut()) {
            content.list = Some(list(&record.group));
        }
    }
    let wanted = Wanted::of(&records, &standing);
    let stop = CancellationToken::new();
    let (_, applied) =
        apply::reconcile(&wanted, &params(), &client, state, &SystemClock, &policy, &stop, &mut |_, _, _| {})
            .await
            .expect("the state takes it");
    applied.failed.len() + applied.untried.len()
}
