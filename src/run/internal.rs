//! Tickets for staff: one for each cause that several clients share, in a project of its own.
//!
//! A ticket of a client shows that client alone. Here a cause is a group whose members are the groups of clients. It is
//! known in a state of its own and written by the same protocol, so what is promised of tickets is promised of these.
//! Nobody gives orders there: what people decide, they decide about the disputes of a client, on its ticket. Tickets are
//! not linked either, since a link would stand on the ticket of the client.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Begun, Deeds, Params, RunError, Surveyed, begin, course, end, happened, keep_pause, learn, mint,
    plan_params, settle, stakes,
};
use crate::{
    apply::{self, Applied, Clock, Memory, Recovered, Store, Tracker, Wanted},
    dispute::Text,
    group::{self, Group, GroupId, Lineage, Status},
    jira::Client,
    plan::{self, Plan, Standing},
    source::Completeness,
    state::{GroupRecord, Known, Rows, RunRecord, State},
    ticket::{
        ContentError, Part, Templates, Weight,
        facts::{Figures, Grain},
        shared_content,
    },
};

/// The folder of its state, in that of the tickets of clients.
pub const FOLDER: &str = "internal";

/// Where tickets for staff are written.
#[derive(Debug)]
pub struct Desk {
    /// Of their project.
    pub client: Client,
    /// What is known of them.
    pub state: State,
}

/// What was planned for staff, and what became of it.
#[derive(Debug)]
pub struct Internal {
    /// The plan.
    pub plan: Plan,
    /// What became of it; none where it was only made.
    pub applied: Option<Applied>,
    /// What was found out before.
    pub recovered: Recovered,
}

/// Causes that clients share, and what the ticket of each wants.
struct Overview {
    complete: bool,
    fingerprint: String,
    lineage: Lineage,
    records: Vec<GroupRecord>,
    standing: BTreeMap<GroupId, Standing>,
}

impl Overview {
    /// `clients` is what is known of the tickets of clients, `known` what is known here.
    fn of(
        params: &Params,
        surveyed: &Surveyed,
        clients: &Known,
        known: &Known,
        templates: &Templates,
        now: Timestamp,
    ) -> Result<Self, RunError> {
        let complete = surveyed.batch.completeness == Completeness::Complete;
        let fingerprint = surveyed.batch.fingerprint.clone();
        let parts: HashMap<&str, &GroupRecord> = surveyed
            .records
            .iter()
            .filter(|record| record.group.status == Status::Active)
            .map(|record| (record.group.id.as_str(), record))
            .collect();
        let lineage = inherit(params, surveyed, known, &parts, complete, now);
        let today = now.to_zoned_datetime(params.zone.clone()).date();
        let site = clients.home.as_ref().map(|home| home.site.as_str());
        let happened = happened(&lineage.events);
        let (mut records, mut standing) = (Vec::new(), BTreeMap::new());
        for group in &lineage.groups {
            let members: Vec<&GroupRecord> =
                group.members.iter().filter_map(|id| parts.get(&**id).copied()).collect();
            let mut figures = Figures::default();
            for member in &members {
                figures.join(&member.figures);
            }
            let stand = |member: &GroupRecord| surveyed.standing.get(&member.group.id);
            let none = Weight::default();
            let shown: Vec<Part<'_>> = members
                .iter()
                .map(|member| Part {
                    client: &member.group.client,
                    title: &member.title,
                    cause: &member.cause,
                    who: &member.who,
                    figures: &member.figures,
                    weight: stand(member).map_or(&none, |standing| &standing.weight),
                    grain: if member.coarse { Grain::Coarse } else { Grain::Fine },
                    ticket: clients.ticket(&member.group.id).issue().map(|issue| {
                        let address = site.map(|site| format!("{site}/browse/{}", issue.key));
                        (issue.key.clone(), address.unwrap_or_default())
                    }),
                })
                .collect();
            let course = course(known.tickets.get(&group.id), &figures, today);
            let content = if shown.is_empty() || group.status != Status::Active {
                None
            } else {
                let limit = known.text_limit();
                let (id, program) = (&group.id, group.program);
                match shared_content(id, program, &shown, course, templates, &params.priorities, limit) {
                    Ok(content) => Some(Ok(content)),
                    Err(ContentError::Template(error)) => return Err(error.into()),
                    Err(ContentError::Private(refusal)) => Some(Err(refusal.to_string())),
                }
            };
            let largest = members.iter().max_by_key(|member| member.figures.disputes);
            let before = known.groups.get(&group.id);
            let title = largest.map(|largest| &largest.title).or(before.map(|before| &before.title));
            let title = title.cloned().unwrap_or_default();
            let (moved, returned) = happened.get(&group.id).copied().unwrap_or_default();
            let weight = shown.iter().map(|part| part.weight).max().unwrap_or(&none);
            let weight = Weight { disputes: figures.disputes, ..weight.clone() };
            let absent = members.iter().filter_map(|member| stand(member)).map(|one| one.absent).sum();
            standing.insert(
                group.id.clone(),
                Standing {
                    content,
                    title: title.clone(),
                    fresh_amount: weight.amount,
                    days_left: None,
                    weight,
                    absent,
                    moved,
                    returned,
                    unfit: Vec::new(),
                },
            );
            let cause = largest.map(|largest| largest.cause.clone()).unwrap_or_default();
            let who = largest.map(|largest| largest.who.clone()).unwrap_or_default();
            let coarse = members.iter().any(|member| member.coarse);
            records.push(GroupRecord {
                group: group.clone(),
                title,
                cause,
                who,
                figures,
                coarse,
                due: Vec::new(),
                spread: None,
            });
        }
        Ok(Self { complete, fingerprint, lineage, records, standing })
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { complete: self.complete, ..Wanted::of(&self.records, &self.standing) }
    }

    fn record(&self, plan: &Plan, applied: &Applied, now: Timestamp) -> RunRecord {
        let Deeds { events, moved, done, failed, untried, held, waiting, holds } =
            Deeds::of(&self.lineage, plan, applied);
        RunRecord {
            id: uuid::Uuid::now_v7().to_string(),
            at: now,
            fingerprint: self.fingerprint.clone(),
            incomplete: if self.complete {
                Vec::new()
            } else {
                vec!["that of the clients is not".to_owned()]
            },
            rows: Rows::default(),
            programs: BTreeMap::new(),
            ageing: BTreeMap::new(),
            groups: self.records.iter().filter(|record| record.group.status == Status::Active).count(),
            events,
            moved,
            done,
            failed,
            untried,
            held,
            waiting,
            holds,
            clients: BTreeMap::new(),
            rejects: Vec::new(),
            files: None,
            sources: Vec::new(),
            shared: (0, 0),
        }
    }
}

/// A member is there for as long as its group lives. Their own splits and merges were confirmed already.
fn inherit(
    params: &Params,
    surveyed: &Surveyed,
    known: &Known,
    parts: &HashMap<&str, &GroupRecord>,
    complete: bool,
    now: Timestamp,
) -> Lineage {
    let mut groups: Vec<Group> = known.groups.values().map(|record| record.group.clone()).collect();
    groups.sort_by(|a, b| (a.since, &a.members, &a.id).cmp(&(b.since, &b.members, &b.id)));
    let open: HashSet<Text> = parts.keys().map(|id| Text::from(*id)).collect();
    let last = known.last_complete().map(|run| run.fingerprint.as_str());
    let stakes = stakes(known, now);
    let input = group::Input {
        stakes: &stakes,
        known: &groups,
        found: &surveyed.shared,
        open: &open,
        complete,
        new_input: complete && last != Some(surveyed.batch.fingerprint.as_str()),
        now,
    };
    group::inherit(&input, &group::Params { confirm_runs: 1, ..params.group.clone() }, &mut mint)
}

/// The policy of plans here: whatever is shared earns its ticket.
fn policy(params: &Params) -> plan::Params {
    plan::Params {
        min_disputes: 0,
        min_amount: rust_decimal::Decimal::MIN,
        commanders: Vec::new(),
        ..params.plan.clone()
    }
}

/// A pass over what clients share, after the pass over their disputes; `clients` is what is known of their tickets.
#[expect(clippy::too_many_arguments, reason = "each is a stage's own; a bag of them would only hide that")]
pub async fn pass(
    params: &Params,
    surveyed: &Surveyed,
    clients: &Known,
    templates: &Templates,
    store: &mut impl Store,
    tracker: &impl Tracker,
    clock: &impl Clock,
    stop: &CancellationToken,
) -> Result<Internal, RunError> {
    apply::pause::resume(tracker, store.known(), clock);
    let passed = whole(params, surveyed, clients, templates, store, tracker, clock, stop).await;
    keep_pause(passed, store, tracker, clock)
}

#[expect(clippy::too_many_arguments, reason = "those of the pass")]
async fn whole(
    params: &Params,
    surveyed: &Surveyed,
    clients: &Known,
    templates: &Templates,
    store: &mut impl Store,
    tracker: &impl Tracker,
    clock: &impl Clock,
    stop: &CancellationToken,
) -> Result<Internal, RunError> {
    let Begun { policy: writing, recovered, ready } = begin(params, store, tracker, clock, stop).await?;
    let now = clock.moment().at;
    let mut overview = Overview::of(params, surveyed, clients, store.known(), templates, now)?;
    let ready = settle(&mut overview.standing, ready, tracker, store.known()).await?;
    let (plan, applied) = apply::reconcile(
        &Wanted { refused_creates: ready.refused_creates(), ..overview.wanted() },
        &plan_params(&policy(params), &ready),
        tracker,
        store,
        clock,
        &writing,
        stop,
        &mut |_, _, _| {},
    )
    .await?;
    let record = overview.record(&plan, &applied, now);
    end(record, &recovered, &applied, &writing, store, tracker, clock, stop).await?;
    Ok(Internal { plan, applied: Some(applied), recovered })
}

/// As [`pass`], without any write.
pub async fn plan_only(
    params: &Params,
    surveyed: &Surveyed,
    clients: &Known,
    templates: &Templates,
    known: Known,
    tracker: &impl Tracker,
    clock: &impl Clock,
) -> Result<Internal, RunError> {
    let mut memory = Memory::new(known);
    let recovered = apply::recover(tracker, &mut memory, clock, &params.apply, false).await?;
    let ready = learn(tracker, memory.known(), &recovered).await?;
    let now = clock.moment();
    let mut overview = Overview::of(params, surveyed, clients, memory.known(), templates, now.at)?;
    let ready = settle(&mut overview.standing, ready, tracker, memory.known()).await?;
    let plan_params = plan_params(&policy(params), &ready);
    let plan = apply::observe_and_plan(&overview.wanted(), &plan_params, tracker, &mut memory, &now).await?;
    Ok(Internal { plan, applied: None, recovered })
}
