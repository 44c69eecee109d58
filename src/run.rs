//! One pass, top to bottom: read, group, remember, plan, apply.
//!
//! A pass takes no hints and looks at everything each time; its `now` is taken once and handed down.

pub mod internal;
mod snapshot;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio_util::sync::CancellationToken;

use crate::{
    apply::{self, Applied, Clock, Memory, Policy, RecoverError, Recovered, Store, Tracker, Wanted},
    cluster::{self, Cluster, Embedding, Explanation, Table, TableBuilder},
    dispute::{self, Dispute, Tables, Text},
    group::{self, Event, Fate, Found, Group, GroupId, Pattern, Pending, Stake, Status},
    jira::Ready,
    plan::{self, Action, HoldReason, Plan, Standing},
    source::{self, Batch, Completeness, Reject},
    state::{
        Change, Done, GroupRecord, Holds, Known, Rows, RunRecord, Snapshot, SourceRecord, Spread, StateError,
        Untried, Waiting,
    },
    ticket::{
        self, Content, Course, Markup, Point, Priorities, TemplateError, Templates, Weight,
        facts::{self, Facts, Figures, Grain},
        list::List,
    },
};

/// Parameters of all stages.
#[derive(Debug, Clone)]
pub struct Params {
    /// Reading: the sources in the order in which they win, the last over all others.
    pub sources: Vec<source::Settings>,
    /// Clustering.
    pub cluster: cluster::Params,
    /// All disputes ever seen, by which it is known how often values occur ordinarily; none where there are none.
    pub reference: Option<source::Settings>,
    /// Word vectors by which notes are compared; none where their words are.
    pub embedding: Option<Arc<Embedding>>,
    /// Identity.
    pub group: group::Params,
    /// Planning.
    pub plan: plan::Params,
    /// Writing.
    pub apply: Policy,
    /// Priorities of tickets.
    pub priorities: Priorities,
    /// Rules of routing, the first of all first.
    pub routes: Vec<plan::Rule>,
    /// Most members listed in a ticket.
    pub max_members: usize,
    /// Fewer disputes than this are a small group, and fewer of a product make it a rare one; 0 is never.
    pub small_group: usize,
    /// Whether the list of all members is attached.
    pub attach_members: bool,
    /// How many clients share a cause that staff gets a ticket about; none where staff gets none.
    pub shared_by: Option<usize>,
    /// Zone in which days are counted.
    pub zone: TimeZone,
}

/// Why a pass could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No dispute could be read at all.
    #[error("no disputes could be read: {0}")]
    Input(String),
    /// Not all of the disputes ever seen could be read.
    #[error("what is ordinary cannot be known: {0}")]
    Reference(String),
    /// More rows of a source cannot be read than are allowed.
    #[error("too many rows cannot be read: {0}")]
    Rejects(String),
    /// A template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// It cannot be found out what is so.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A stage ended in a bug.
    #[error("a stage of the run ended unexpectedly: {0}")]
    Bug(String),
}

/// What is told while a pass goes on.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// Rows read so far.
    Reading(source::Progress<'a>),
    /// Disputes are being grouped.
    Grouping(usize),
    /// Tickets are being read from Jira.
    Observing(usize),
    /// Writes done, of how many.
    Applying(usize, usize),
}

/// All disputes ever seen.
#[derive(Debug)]
pub struct Reference {
    /// Those that could be read.
    pub table: Table,
    /// Rows read, those in `rejects` included.
    pub rows: u64,
    /// Rows that cannot be disputes: they count for nothing.
    pub rejects: Vec<Reject>,
}

/// Input and groups of one pass, before Jira is looked at.
#[derive(Debug)]
pub struct Surveyed {
    /// What was read.
    pub batch: Batch,
    /// Rows of the reference that cannot be disputes.
    pub reference_rejects: Vec<Reject>,
    /// The disputes in columns.
    pub table: Table,
    /// The groups of this run and how they came about.
    pub lineage: group::Lineage,
    /// Causes that several clients share: clusters whose members are groups.
    pub shared: Vec<Found>,
    /// Rows by what became of them.
    pub rows: Rows,
    /// Explanation of each active group that has members in the input.
    pub explanations: BTreeMap<GroupId, Explanation>,
    /// The nearest other group of each, of the same client and program.
    pub neighbours: BTreeMap<GroupId, GroupId>,
    /// What each group wants.
    pub standing: BTreeMap<GroupId, Standing>,
    /// The groups with what is shown of them.
    pub records: Vec<GroupRecord>,
    /// The open disputes in sums, by client.
    pub snapshots: BTreeMap<String, Snapshot>,
}

/// A pass that was made.
#[derive(Debug)]
pub struct Pass {
    /// Input and groups.
    pub surveyed: Surveyed,
    /// The plan.
    pub plan: Plan,
    /// What became of it; none where it was only made.
    pub applied: Option<Applied>,
    /// The record of the run; none where nothing was recorded.
    pub record: Option<RunRecord>,
    /// What was found out before.
    pub recovered: Recovered,
    /// What Jira would refuse, so that a run would write nothing.
    pub unready: Vec<String>,
}

impl Surveyed {
    /// What is wanted of the tickets.
    pub fn wanted(&self) -> Wanted<'_> {
        let complete = self.batch.completeness == Completeness::Complete;
        Wanted { complete, table: Some(&self.table), ..Wanted::of(&self.records, &self.standing) }
    }
}

/// Reads the input, groups it and says what each group wants. Touches neither Jira nor the state. Blocking.
///
/// # Panics
///
/// Where rows do not add up: a bug that must not reach a ticket.
pub fn survey(
    params: &Params,
    tables: &Tables,
    templates: &Templates,
    known: &Known,
    now: Timestamp,
    mint: &mut dyn FnMut() -> GroupId,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Surveyed, RunError> {
    let previous = previous(known);
    let reference = params
        .reference
        .as_ref()
        .map(|source| reference(source, params.embedding.clone(), params.cluster.min_group, tables, progress))
        .transpose()?;
    let batch =
        source::load(&params.sources, tables, &previous, &mut |seen| progress(Progress::Reading(seen)));
    progress(Progress::Grouping(batch.disputes.len()));
    let table = columns(&batch.disputes, &params.cluster, params.embedding.clone());
    let (links, overruled) = plan::links(known.rulings.values(), &table);
    let in_force = plan::in_force(known.rulings.values(), &overruled);
    for ruling in overruled {
        tracing::warn!(ticket = ruling.key, at = %ruling.at, "a later decision of people contradicts one on this ticket, which no longer binds");
    }
    let guidance =
        cluster::Guidance { links: Some(&links), reference: reference.as_ref().map(|it| &it.table) };
    let clusters = cluster::cluster_guided(&table, &params.cluster, guidance);
    let lineage = inherit(params, known, &in_force, &batch, &table, &clusters, now, mint);
    let shared = params.shared_by.map_or_else(Vec::new, |least| {
        let cause = |cluster: &Cluster| cluster.cause;
        let causes = clusters.iter().flat_map(|it| it.rows.iter().map(move |row| (*row, cause(it))));
        let cause_of: HashMap<&Text, usize> = causes.map(|(row, cause)| (table.id(row), cause)).collect();
        group::families(&lineage.groups, &cause_of, least)
    });

    let by_id: HashMap<&Text, &Dispute> =
        batch.disputes.iter().map(|dispute| (&dispute.id, dispute)).collect();
    let (explanations, neighbours) = explain(&table, &lineage.groups);
    let happened = happened(&lineage.events);
    let limit = known.text_limit();
    let today = now.to_zoned_datetime(params.zone.clone()).date();
    let spread = spread(&batch.disputes);
    let mut decisions = plan::decisions(&in_force, &lineage.groups);
    let quiet = plan::QuietDisputes::new(known.rulings.values());
    let mut standing = BTreeMap::new();
    let mut records = Vec::new();
    let mut grouped = 0;
    let members = |group: &Group| -> Vec<&Dispute> {
        group.members.iter().filter_map(|id| by_id.get(id).copied()).collect()
    };
    let coarse: HashSet<&GroupId> = lineage
        .groups
        .iter()
        .filter(|group| is_telling(&members(group), &spread, params.small_group))
        .map(|group| &group.id)
        .collect();
    let grain_of = |group: &GroupId| if coarse.contains(group) { Grain::Coarse } else { Grain::Fine };
    for group in &lineage.groups {
        let members = members(group);
        grouped += members.len() as u64;
        let (moved, returned) = happened.get(&group.id).copied().unwrap_or_default();
        let before = known.groups.get(&group.id);
        let mut record = GroupRecord {
            group: group.clone(),
            title: before.map(|before| before.title.clone()).unwrap_or_default(),
            cause: before.map(|before| before.cause.clone()).unwrap_or_default(),
            who: before.map(|before| before.who.clone()).unwrap_or_default(),
            figures: before.map(|before| before.figures.clone()).unwrap_or_default(),
            coarse: before.is_some_and(|before| before.coarse),
            due: before.map(|before| before.due.clone()).unwrap_or_default(),
            spread: before.and_then(|before| before.spread.clone()),
        };
        let absent = group.members.len() - members.len();
        let (mut content, mut weight, mut days_left) = (None, Weight::default(), None);
        if let Some(explanation) = explanations.get(&group.id) {
            let figures = Figures::of(members.iter().copied());
            let nearest = neighbours.get(&group.id);
            let (grain, beside) = (grain_of(&group.id), nearest.map_or(Grain::Fine, grain_of));
            record.coarse = grain == Grain::Coarse;
            let explanation = facts::discreet(explanation, grain, beside);
            let course = course(known.tickets.get(&group.id), &figures, today);
            let day = course.last().day;
            let figures = facts::as_of(figures, &members, day);
            let facts = facts::facts(
                group,
                &members,
                &table,
                &explanation,
                nearest,
                tables,
                params.max_members,
                &record.cause,
                day,
            );
            weight = Weight::of(&members, tables, day);
            let is_sure = params.plan.is_large(group.members.len(), weight.amount);
            if !is_sure || params.routes.iter().any(|rule| rule.when.due_within_days.is_some()) {
                days_left = ticket::days_left(&members, tables, today);
            }
            let decisions = decisions.remove(&group.id).unwrap_or_default();
            let facts = Facts { attached: params.attach_members, trend: course.words(), decisions, ..facts };
            let facts = facts.at(grain);
            let make = |facts: &Facts| {
                ticket::content(&group.id, facts, &weight, templates, &params.priorities, limit)
            };
            let made = match nearest.and_then(|nearest| address(known, nearest)) {
                Some(other) => naming(&facts, other, known.tickets.get(&group.id), make),
                None => make(&facts),
            };
            content = Some(match made {
                Ok(content) => {
                    let list = params.attach_members.then(|| List::of(&group.id, &members, grain));
                    let mut content = Content { list, grain, course: Some(course), ..content };
                    let subject = subject(group, &members, &facts.cause.id, &figures, days_left, tables);
                    plan::route(&params.routes, &subject).put_on(&mut content);
                    Ok(content)
                }
                Err(ticket::ContentError::Template(error)) => return Err(error.into()),
                Err(ticket::ContentError::Private(refusal)) => Err(refusal.to_string()),
            });
            // The headline also goes where the gate over tickets does not look: reports and lists.
            record.title = match facts.typed.gate("title", &facts.title, "") {
                Ok(()) => facts.title.clone(),
                Err(refusal) => ticket::withheld(refusal.kind),
            };
            record.cause = facts.cause.name.as_str().into();
            record.who = facts.cause.who.as_str().into();
            record.figures = figures;
            record.due = snapshot::due_of(&members);
            // By it a report names the ticket beside a state: of a coarse group it would tell the place.
            record.spread = (grain == Grain::Fine).then(|| {
                let fit = Some(snapshot::fit_of(&explanation, nearest));
                Box::new(Spread { fit, ..snapshot::spread_of(&members, tables) })
            });
        }
        if group.status != Status::Active {
            record.figures = Figures::default();
            record.due = Vec::new();
            record.spread = None;
        }
        let fresh = members.iter().filter(|member| !quiet.is_over(&member.id));
        standing.insert(
            group.id.clone(),
            Standing {
                content,
                title: record.title.clone(),
                weight,
                absent,
                moved,
                returned,
                unfit: Vec::new(),
                days_left,
                fresh_amount: fresh.filter_map(|member| member.amount_disputed).sum(),
            },
        );
        records.push(record);
    }
    let counts = batch.counts;
    let rows = Rows {
        read: counts.rows,
        grouped,
        ungrouped: counts.open - grouped,
        not_open: counts.not_open,
        repeated: counts.repeated,
        superseded: counts.superseded,
        rejected: counts.rejected,
        netted: counts.netted,
    };
    assert!(rows.add_up(), "every row is accounted for: {rows:?}");
    let snapshots = snapshot::of(&batch.disputes, &records, &explanations, tables, today);
    Ok(Surveyed {
        reference_rejects: reference.map(|it| it.rejects).unwrap_or_default(),
        batch,
        table,
        lineage,
        shared,
        rows,
        explanations,
        neighbours,
        standing,
        records,
        snapshots,
    })
}

/// Key and address of the ticket of a group that has one.
fn address<'k>(known: &'k Known, group: &GroupId) -> Option<(&'k str, String)> {
    let issue = known.tickets.get(group)?.issue()?;
    let home = known.home.as_ref()?;
    Some((&issue.key, format!("{}/browse/{}", home.site, issue.key)))
}

/// The content that names the ticket of the nearest other group, unless that would be all there is to write: in the run
/// that opens both tickets neither has a key yet, and all of them would be written again the day after.
fn naming(
    facts: &Facts,
    other: (&str, String),
    ticket: Option<&plan::Ticket>,
    make: impl Fn(&Facts) -> Result<Content, ticket::ContentError>,
) -> Result<Content, ticket::ContentError> {
    let with_key = make(&facts.clone().beside(other))?;
    let written: Vec<&plan::Written> = ticket
        .into_iter()
        .flat_map(|ticket| ticket.written.iter().chain(ticket.writing.as_deref()))
        .collect();
    let is_there = |content: &Content| {
        [Markup::Adf, Markup::Wiki].into_iter().any(|markup| {
            let block = plan::written(content, markup).block;
            written.iter().any(|written| written.block == block)
        })
    };
    if written.is_empty() || is_there(&with_key) {
        return Ok(with_key);
    }
    let without = make(facts)?;
    Ok(if is_there(&without) { without } else { with_key })
}

/// What the rules of routing look at.
fn subject<'a>(
    group: &'a Group,
    members: &[&'a Dispute],
    cause: &'a str,
    figures: &Figures,
    days_left: Option<i64>,
    tables: &'a Tables,
) -> plan::Subject<'a> {
    let entity_type = |dispute: &&'a Dispute| {
        let id = dispute.covered_entity.as_deref()?;
        dispute::entity_type(id, &tables.covered_entity_types).map(|kind| kind.prefix.as_str())
    };
    plan::Subject {
        program: group.program,
        cause,
        client: &group.client,
        states: members.iter().map(|dispute| dispute.state.as_deref()).collect(),
        entity_types: members.iter().map(entity_type).collect(),
        amount: figures.exposed + figures.recoverable,
        days_left,
    }
}

/// Open disputes of each product.
fn spread(disputes: &[Dispute]) -> HashMap<&str, usize> {
    let mut spread: HashMap<&str, usize> = HashMap::new();
    for dispute in disputes {
        *spread.entry(dispute.ndc.product()).or_default() += 1;
    }
    spread
}

/// Whether a group is so small, and one of its products so rare, that an example could tell who somebody is.
fn is_telling(members: &[&Dispute], spread: &HashMap<&str, usize>, few: usize) -> bool {
    let is_rare = |dispute: &&Dispute| spread.get(dispute.ndc.product()).is_none_or(|count| *count < few);
    members.len() < few && members.iter().any(is_rare)
}

/// How large a group was over time, with today.
fn course(ticket: Option<&plan::Ticket>, figures: &Figures, today: Date) -> Course {
    let amount = facts::rounded(figures.exposed + figures.recoverable);
    let point = Point { day: today, disputes: figures.disputes, amount };
    let before = ticket.and_then(plan::Ticket::course);
    before.map_or_else(|| Course::new(point.clone()), |before| before.with(point.clone()))
}

/// What the last complete run read, source by source; what earlier builds recorded is of the one without a name.
fn previous(known: &Known) -> source::Previous {
    match known.last_complete() {
        None => source::Previous::default(),
        Some(run) if run.sources.is_empty() => run.rows.read.into(),
        Some(run) => {
            source::Previous(run.sources.iter().map(|source| (source.name.clone(), source.rows)).collect())
        }
    }
}

/// Columns and clusters of some disputes.
pub fn group_disputes(disputes: &[Dispute], params: &cluster::Params) -> (Table, Vec<Cluster>) {
    let table = columns(disputes, params, None);
    let clusters = cluster::cluster(&table, params);
    (table, clusters)
}

/// Columns of all disputes ever seen, open or not, without keeping them.
///
/// # Errors
///
/// Where not all of them can be read: what is ordinary would look like a cause, and open tickets.
pub fn reference(
    source: &source::Settings,
    embedding: Option<Arc<Embedding>>,
    min_group: usize,
    tables: &Tables,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Reference, RunError> {
    let mut builder = TableBuilder::new().with_embedding(embedding);
    let mut seen = |seen: source::Progress<'_>| progress(Progress::Reading(seen));
    let survey = source::each(source, tables, &mut seen, &mut |located| builder.push(&located.dispute));
    if !survey.reasons.is_empty() {
        let reasons: Vec<String> = survey.reasons.iter().map(ToString::to_string).collect();
        return Err(RunError::Reference(reasons.join("; ")));
    }
    Ok(Reference { table: builder.finish(min_group), rows: survey.rows, rejects: survey.rejects })
}

fn columns(disputes: &[Dispute], params: &cluster::Params, embedding: Option<Arc<Embedding>>) -> Table {
    let mut builder = TableBuilder::new().with_embedding(embedding);
    for dispute in disputes {
        builder.push(dispute);
    }
    builder.finish(params.min_group)
}

/// A whole pass without any write: neither Jira nor the state is changed.
pub async fn plan_only(
    params: &Params,
    tables: &Tables,
    templates: &Templates,
    state: &Path,
    tracker: &impl Tracker,
    clock: &impl Clock,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Pass, RunError> {
    let mut memory = Memory::new(Known::read(state)?);
    apply::pause::resume(tracker, memory.known(), clock);
    let recovered = apply::recover(tracker, &mut memory, clock, &params.apply, false).await?;
    let ready = learn(tracker, memory.known(), &recovered).await?;
    let now = clock.moment();
    let mut surveyed = survey(params, tables, templates, memory.known(), now.at, &mut mint, progress)?;
    refuse_unreadable(&surveyed.batch, &params.sources)?;
    let ready = settle(&mut surveyed.standing, ready, tracker, memory.known()).await?;
    progress(Progress::Observing(memory.known().tickets.len()));
    let plan_params = plan_params(&params.plan, &ready);
    let wanted = Wanted { elsewhere: &recovered.elsewhere, unread: &recovered.unread, ..surveyed.wanted() };
    let plan = apply::observe_and_plan(&wanted, &plan_params, tracker, &mut memory, &now).await?;
    let mut unready = ready.refusals().to_vec();
    if apply::opens_at_home(&plan, &tracker.home().project) {
        unready.extend_from_slice(ready.refused_creates());
    }
    Ok(Pass { surveyed, plan, applied: None, record: None, recovered, unready })
}

/// A whole pass.
///
/// The run is recorded after its last write; where it wrote anything, the head of the journal is anchored in
/// Jira after that. A time for which Jira wants to be left alone is kept to, also one that an earlier process was
/// told of.
#[expect(clippy::too_many_arguments, reason = "each is a stage's own; a bag of them would only hide that")]
pub async fn pass(
    params: &Params,
    tables: &Tables,
    templates: &Templates,
    store: &mut impl Store,
    tracker: &impl Tracker,
    clock: &impl Clock,
    stop: &CancellationToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Pass, RunError> {
    apply::pause::resume(tracker, store.known(), clock);
    let passed = whole(params, tables, templates, store, tracker, clock, stop, progress).await;
    keep_pause(passed, store, tracker, clock)
}

/// Keeps for later how long Jira wants to be left alone. Nothing more is recorded after an error of the state.
fn keep_pause<T>(
    passed: Result<T, RunError>,
    store: &mut impl Store,
    tracker: &impl Tracker,
    clock: &impl Clock,
) -> Result<T, RunError> {
    if !matches!(passed, Err(RunError::State(_) | RunError::Recover(RecoverError::State(_)))) {
        apply::pause::close(tracker, store, clock)?;
    }
    passed
}

#[expect(clippy::too_many_arguments, reason = "those of the pass")]
async fn whole(
    params: &Params,
    tables: &Tables,
    templates: &Templates,
    store: &mut impl Store,
    tracker: &impl Tracker,
    clock: &impl Clock,
    stop: &CancellationToken,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Pass, RunError> {
    let Begun { policy, recovered, ready } = begin(params, store, tracker, clock, stop).await?;
    let adopted = adopted(store.known());
    // What is read may be kept; a plan keeps nothing.
    let params = &Params { sources: source::keeping(&params.sources), ..params.clone() };
    let now = clock.moment().at;
    let mut surveyed = survey(params, tables, templates, store.known(), now, &mut mint, progress)?;
    refuse_unreadable(&surveyed.batch, &params.sources)?;
    let ready = settle(&mut surveyed.standing, ready, tracker, store.known()).await?;
    progress(Progress::Observing(store.known().tickets.len()));
    let (plan, applied) = apply::reconcile(
        &Wanted {
            refused_creates: ready.refused_creates(),
            elsewhere: &recovered.elsewhere,
            unread: &recovered.unread,
            ..surveyed.wanted()
        },
        &plan_params(&params.plan, &ready),
        tracker,
        store,
        clock,
        &policy,
        stop,
        &mut |done, total, _: &Action| progress(Progress::Applying(done, total)),
    )
    .await?;
    let mut record = record(&surveyed, &plan, &applied, now);
    record.done.extend(adopted);
    end(record.clone(), &recovered, &applied, &policy, store, tracker, clock, stop).await?;
    Ok(Pass { surveyed, plan, applied: Some(applied), record: Some(record), recovered, unready: Vec::new() })
}

/// What a pass may begin with.
struct Begun {
    policy: Policy,
    recovered: Recovered,
    ready: Arc<Ready>,
}

/// Finds out what was left open and whether the project takes tickets.
async fn begin(
    params: &Params,
    store: &mut impl Store,
    tracker: &impl Tracker,
    clock: &impl Clock,
    stop: &CancellationToken,
) -> Result<Begun, RunError> {
    let policy = Policy { instance: mint().to_string(), ..params.apply.clone() };
    let recovered = tokio::select! {
        recovered = apply::recover(tracker, store, clock, &policy, true) => recovered?,
        () = stop.cancelled() => return Err(RecoverError::Stopped.into()),
    };
    let ready = tokio::select! {
        ready = learn(tracker, store.known(), &recovered) => ready?,
        () = stop.cancelled() => return Err(RecoverError::Stopped.into()),
    };
    if !ready.refusals().is_empty() {
        return Err(RecoverError::Unready { problems: ready.refusals().to_vec() }.into());
    }
    Ok(Begun { policy, recovered, ready })
}

/// Records a pass, and anchors the head of the journal in Jira where it wrote anything.
#[expect(clippy::too_many_arguments, reason = "those of the pass")]
async fn end(
    record: RunRecord,
    recovered: &Recovered,
    applied: &Applied,
    policy: &Policy,
    store: &mut impl Store,
    tracker: &impl Tracker,
    clock: &impl Clock,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    store.record(clock.moment().at, &[Change::Run(Box::new(record))])?;
    let wrote = recovered.unclean || !applied.done.is_empty() || !applied.failed.is_empty();
    if wrote
        && !stop.is_cancelled()
        && let Err(error) = apply::anchor(tracker, store, clock, policy, &recovered.unread).await?
    {
        // The next run finds the claim as it was when tickets were opened, and looks at them again.
        tracing::warn!(error = %error, "the head of the journal could not be anchored in Jira");
    }
    Ok(())
}

/// What the fields of the projects demand and take.
async fn learn(
    tracker: &impl Tracker,
    known: &Known,
    recovered: &Recovered,
) -> Result<Arc<Ready>, RecoverError> {
    Ok(tracker.learn_fields(&known.examples(), &recovered.elsewhere).await?)
}

/// Brings the texts of fields into the form in which Jira shows them, and notes what it would not take.
async fn settle(
    standing: &mut BTreeMap<GroupId, Standing>,
    mut ready: Arc<Ready>,
    tracker: &impl Tracker,
    known: &Known,
) -> Result<Arc<Ready>, RecoverError> {
    let limit = known.text_limit();
    let issue_of = |group: &GroupId| known.tickets.get(group).and_then(plan::Ticket::issue);
    let contents = standing
        .iter()
        .filter_map(|(group, standing)| Some((standing.content.as_ref()?.as_ref().ok()?, issue_of(group))));
    let people = ready.unknown_people(contents);
    if !people.is_empty() {
        ready = tracker.look_up(people).await?;
    }
    for (group, standing) in standing {
        if let Some(Ok(content)) = &mut standing.content {
            standing.unfit = ready.settle(content, issue_of(group), limit);
        }
    }
    Ok(ready)
}

fn plan_params(params: &plan::Params, ready: &Ready) -> plan::Params {
    plan::Params { fixed_fields: ready.fixed().clone(), ..params.clone() }
}

/// Tickets that a run opened without coming to its end, or without learning of it: they count as opened in
/// this one.
fn adopted(known: &Known) -> Vec<Done> {
    let counted: HashSet<&GroupId> = known
        .runs
        .values()
        .flat_map(|run| &run.done)
        .filter(|done| done.kind == "create")
        .map(|done| &done.group)
        .collect();
    known
        .tickets
        .values()
        // One that was found in Jira for a state that did not know it was opened long ago.
        .filter(|ticket| !counted.contains(&ticket.group) && !ticket.look_first)
        .filter_map(|ticket| {
            let issue = ticket.issue()?.clone();
            Some(Done {
                group: ticket.group.clone(),
                issue,
                kind: "create".to_owned(),
                closed: false,
                reason: None,
            })
        })
        .collect()
}

/// A fresh group id: 128 random bits.
pub fn mint() -> GroupId {
    GroupId::from_bits(uuid::Uuid::new_v4().as_u128())
}

fn refuse_unreadable(batch: &Batch, sources: &[source::Settings]) -> Result<(), RunError> {
    if let Completeness::Incomplete(reasons) = &batch.completeness
        && batch.counts.rows == 0
    {
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        return Err(RunError::Input(reasons.join("; ")));
    }
    let too_many = batch.sources.iter().zip(sources).filter_map(|(account, settings)| {
        let source::SourceAccount { name, rows, rejected, .. } = account;
        let limit = settings.max_reject_rate;
        (*rejected as f64 > *rows as f64 * limit).then(|| {
            let of = if name.is_empty() { String::new() } else { format!(" of source `{name}`") };
            format!("{rejected} of {rows} rows{of} are rejected, expected at most {} %", limit * 100.0)
        })
    });
    let too_many: Vec<String> = too_many.collect();
    if too_many.is_empty() { Ok(()) } else { Err(RunError::Rejects(too_many.join("; "))) }
}

#[expect(clippy::too_many_arguments, reason = "each is another thing that a run knows")]
fn inherit(
    params: &Params,
    known: &Known,
    in_force: &[&plan::Ruling],
    batch: &Batch,
    table: &Table,
    clusters: &[Cluster],
    now: Timestamp,
    mint: &mut dyn FnMut() -> GroupId,
) -> group::Lineage {
    let found: Vec<Found> = clusters
        .iter()
        .map(|cluster| Found {
            program: cluster.program,
            client: cluster.client.clone(),
            patterns: cluster.patterns.iter().map(|items| Pattern::from_items(items)).collect(),
            members: {
                let mut members: Vec<Text> = cluster.rows.iter().map(|row| table.id(*row).clone()).collect();
                members.sort();
                members
            },
        })
        .collect();
    let complete = batch.completeness == Completeness::Complete;
    let last = known.last_complete().map(|run| run.fingerprint.as_str());
    let mut rules = params.group.clone();
    if last.is_none() {
        // A state that was made anew from Jira hears in its first run what people ordered there: a merge before that would
        // undo a split.
        rules.confirm_runs = rules.confirm_runs.max(2);
    }
    let mut groups: Vec<Group> = known.groups.values().map(|record| record.group.clone()).collect();
    let merged = merge_by_ruling(&mut groups, in_force, now);
    // By content, not by id: where two groups could inherit alike, chance must not decide.
    groups.sort_by(|a, b| {
        (a.since, &a.members, &a.patterns, &a.id).cmp(&(b.since, &b.members, &b.patterns, &b.id))
    });
    // A row that cannot be read today is still there; where its id cannot be read either, it may be any
    // dispute that is neither here nor settled.
    let mut open: HashSet<Text> = batch.disputes.iter().map(|dispute| dispute.id.clone()).collect();
    open.extend(batch.rejects.iter().filter_map(|reject| reject.id.clone()));
    if batch.rejects.iter().any(|reject| reject.id.is_none()) {
        let settled = |id: &Text| batch.resolved.binary_search(id).is_ok();
        open.extend(groups.iter().flat_map(|group| &group.members).filter(|id| !settled(id)).cloned());
    }
    let stakes = stakes(known, now);
    let mut inherited = |groups: &[Group]| {
        let input = group::Input {
            stakes: &stakes,
            known: groups,
            found: &found,
            open: &open,
            complete,
            new_input: complete && last != Some(batch.fingerprint.as_str()),
            now,
        };
        group::inherit(&input, &rules, mint)
    };
    let mut lineage = match Apart::of(&found, table, in_force).filter(|_| complete) {
        None => inherited(&groups),
        Some(apart) => {
            let mut lineage = inherited(&groups);
            // What is still together, or came together only now, is parted in the same run.
            if part_by_ruling(&mut groups, &lineage.groups, &apart, rules.confirm_runs) {
                lineage = inherited(&groups);
            }
            leave_by_ruling(&mut lineage.groups, &apart);
            lineage
        }
    };
    lineage.events.extend(merged);
    lineage
}

/// What hangs on the ids of groups, as of the last look.
fn stakes(known: &Known, now: Timestamp) -> BTreeMap<GroupId, Stake> {
    let decided: BTreeSet<&GroupId> =
        known.rulings.values().filter(|ruling| ruling.is_quiet()).map(|ruling| &ruling.group).collect();
    let stake = |ticket: &plan::Ticket| {
        if ticket.may_exist() && decided.contains(&ticket.group) {
            return Stake::Decided;
        }
        let is_quiet = ticket.issue().is_some() && ticket.wants_quiet(now);
        if is_quiet { Stake::Quiet } else { ticket.stake() }
    };
    known.tickets.values().map(|ticket| (ticket.group.clone(), stake(ticket))).collect()
}

/// Groups that a person put together: the one of the ticket that was ordered away ends in the other, at once.
fn merge_by_ruling(groups: &mut [Group], in_force: &[&plan::Ruling], now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    for ruling in in_force {
        let plan::RulingKind::Together { with } = &ruling.kind else { continue };
        let living = |groups: &[Group], id: &GroupId| {
            groups.iter().position(|group| group.id == *id && group.status == Status::Active)
        };
        let (Some(from), Some(into)) = (living(groups, &ruling.group), living(groups, with)) else {
            continue;
        };
        let members = std::mem::take(&mut groups[from].members);
        groups[from].status = Status::Merged { at: now, into: with.clone() };
        groups[from].pending.clear();
        groups[into].members.extend(members);
        groups[into].members.sort();
        groups[into].members.dedup();
        let fate = Fate::MergedInto(with.clone());
        events.push(Event::Known { group: ruling.group.clone(), fate });
    }
    events
}

/// A part of a group that holds disputes which a person wants kept apart is split off without waiting to be seen again
/// (`confirmed` times): a person has seen it. Which disputes a group has is asked of `shown`; false where no group there
/// holds what should be apart.
fn part_by_ruling(groups: &mut [Group], shown: &[Group], apart: &Apart<'_>, confirmed: u32) -> bool {
    let is_mixed = |group: &&Group| group.status == Status::Active && !apart.strangers(group).is_empty();
    let mixed: HashMap<&GroupId, &Group> =
        shown.iter().filter(is_mixed).map(|group| (&group.id, group)).collect();
    for known in groups.iter_mut() {
        let Some(group) = mixed.get(&known.id) else { continue };
        // Either side may keep the id, so that either may be the part.
        let is_part = |found: &&Found| {
            let of_group = || found.members.iter().filter(|it| group.members.binary_search(it).is_ok());
            of_group().count() * 2 >= found.members.len()
                && of_group().any(|member| apart.ruled.contains(member))
        };
        let parted = apart.clusters.iter().filter(is_part);
        let parts: Vec<Pending> =
            parted.map(|found| Pending::Split { members: found.members.clone(), seen: confirmed }).collect();
        // What a person ordered comes before what was only seen.
        known.pending.splice(0..0, parts);
    }
    !mixed.is_empty()
}

/// Disputes that a person wants kept apart leave a group that holds them only because nothing else does: what is too small
/// for a group of its own would otherwise stay where it is for ever.
fn leave_by_ruling(groups: &mut [Group], apart: &Apart<'_>) {
    for group in groups.iter_mut().filter(|group| group.status == Status::Active) {
        let strangers = apart.strangers(group).into_iter();
        let leaves: HashSet<Text> = strangers.filter(|it| !apart.found.contains(it)).cloned().collect();
        group.members.retain(|member| !leaves.contains(member));
    }
}

/// What people want kept apart, and where it was found.
struct Apart<'a> {
    in_force: &'a [&'a plan::Ruling],
    table: &'a Table,
    row_of: HashMap<&'a Text, usize>,
    /// The disputes that were ordered apart.
    ruled: HashSet<&'a Text>,
    clusters: &'a [Found],
    /// The disputes of all clusters.
    found: HashSet<&'a Text>,
}

impl<'a> Apart<'a> {
    /// None where nobody wants anything apart.
    fn of(clusters: &'a [Found], table: &'a Table, in_force: &'a [&'a plan::Ruling]) -> Option<Self> {
        let parts = |ruling: &&plan::Ruling| matches!(ruling.kind, plan::RulingKind::Apart { .. });
        let ruled: HashSet<&Text> =
            in_force.iter().copied().filter(parts).flat_map(|ruling| &ruling.members).collect();
        let row_of = || (0..table.len()).map(|row| (table.id(row), row)).collect();
        let found = || clusters.iter().flat_map(|found| &found.members).collect();
        (!ruled.is_empty()).then(|| Self {
            in_force,
            table,
            row_of: row_of(),
            ruled,
            clusters,
            found: found(),
        })
    }

    fn strangers<'g>(&self, group: &'g Group) -> HashSet<&'g Text> {
        plan::strangers(group, self.in_force, self.table, &self.row_of, &self.found)
    }
}

/// Explains every active group that has members in the input; also says which of them is nearest to which.
fn explain(table: &Table, groups: &[Group]) -> (BTreeMap<GroupId, Explanation>, BTreeMap<GroupId, GroupId>) {
    let row_of: HashMap<&Text, usize> = (0..table.len()).map(|row| (table.id(row), row)).collect();
    let (ids, clusters): (Vec<&GroupId>, Vec<Cluster>) = groups
        .iter()
        .filter(|group| group.status == Status::Active)
        .filter_map(|group| {
            let rows = sorted(group.members.iter().filter_map(|id| row_of.get(id).copied()));
            let patterns = group.patterns.iter().map(Pattern::items).collect();
            (!rows.is_empty()).then(|| {
                let client = group.client.clone();
                (&group.id, Cluster { program: group.program, client, cause: 0, patterns, rows })
            })
        })
        .unzip();
    let explained = cluster::explain(table, &clusters);
    let neighbours = ids
        .iter()
        .zip(&explained)
        .filter_map(|(id, explanation)| {
            let neighbour = explanation.neighbour.as_ref()?;
            Some(((*id).clone(), ids[neighbour.cluster].clone()))
        })
        .collect();
    (ids.into_iter().cloned().zip(explained).collect(), neighbours)
}

fn sorted(rows: impl Iterator<Item = usize>) -> Vec<usize> {
    rows.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What happened to groups that were known: disputes that joined and left, and whether it returned.
fn happened(events: &[Event]) -> HashMap<&GroupId, ((usize, usize), bool)> {
    // Of several the first counts.
    events
        .iter()
        .rev()
        .filter_map(|event| match event {
            Event::Known { group, fate: Fate::Kept { joined, left } } => {
                Some((group, ((*joined, *left), false)))
            }
            Event::Known { group, fate: Fate::Returned } => Some((group, ((0, 0), true))),
            _ => None,
        })
        .collect()
}

/// The record of a survey that was neither planned nor applied.
pub fn record_of(surveyed: &Surveyed, now: Timestamp) -> RunRecord {
    let plan = Plan { at: now, complete: true, actions: Vec::new(), holds: Vec::new(), kept: 0 };
    record(surveyed, &plan, &Applied::default(), now)
}

fn record(surveyed: &Surveyed, plan: &Plan, applied: &Applied, now: Timestamp) -> RunRecord {
    let mut programs: BTreeMap<String, Figures> = BTreeMap::new();
    let mut ageing: BTreeMap<String, usize> = snapshot::no_ages();
    for snapshot in surveyed.snapshots.values() {
        for (program, figures) in &snapshot.programs {
            programs.entry(program.clone()).or_default().join(figures);
        }
        for (band, count) in &snapshot.ageing {
            *ageing.entry(band.clone()).or_default() += count;
        }
    }
    let Deeds { events, moved, done, failed, untried, held, waiting, holds } =
        Deeds::of(&surveyed.lineage, plan, applied);
    RunRecord {
        id: uuid::Uuid::now_v7().to_string(),
        at: now,
        fingerprint: surveyed.batch.fingerprint.clone(),
        incomplete: match &surveyed.batch.completeness {
            Completeness::Complete => Vec::new(),
            Completeness::Incomplete(reasons) => reasons.iter().map(ToString::to_string).collect(),
        },
        rows: surveyed.rows,
        programs,
        ageing,
        groups: surveyed.records.iter().filter(|record| record.group.status == Status::Active).count(),
        events,
        moved,
        done,
        failed,
        untried,
        held,
        waiting,
        holds,
        clients: surveyed.snapshots.clone(),
        rejects: surveyed.batch.rejects.iter().take(RunRecord::REJECTS).map(reject_words).collect(),
        files: Some((surveyed.batch.files.read, surveyed.batch.files.failed)),
        sources: surveyed.batch.sources.iter().map(source_record).collect(),
        shared: (surveyed.batch.shared.same, surveyed.batch.shared.different),
    }
}

/// What happened to groups and tickets in a run.
struct Deeds {
    events: BTreeMap<String, usize>,
    moved: (usize, usize),
    done: Vec<Done>,
    failed: Vec<(GroupId, String, String)>,
    untried: Untried,
    held: BTreeMap<String, usize>,
    waiting: Vec<Waiting>,
    holds: Vec<Holds>,
}

impl Deeds {
    fn of(lineage: &group::Lineage, plan: &Plan, applied: &Applied) -> Self {
        let mut events: BTreeMap<String, usize> = BTreeMap::new();
        let (mut joined, mut left) = (0, 0);
        for event in &lineage.events {
            let name = match event {
                Event::Born { split_from: None, .. } => "born",
                Event::Born { .. } => "split",
                Event::Known { fate: Fate::Kept { joined: j, left: l }, .. } => {
                    joined += j;
                    left += l;
                    "kept"
                }
                Event::Known { fate: Fate::Returned, .. } => "returned",
                Event::Known { fate: Fate::MergedInto(_), .. } => "merged",
                Event::Known { fate: Fate::Resolved, .. } => "resolved",
                Event::Unconfirmed { .. } => "unconfirmed",
            };
            *events.entry(name.to_owned()).or_default() += 1;
        }
        let mut held: BTreeMap<String, usize> = BTreeMap::new();
        for hold in &plan.holds {
            *held.entry(hold.reason.kind().to_owned()).or_default() += 1;
        }
        let failed = applied.failed.iter().map(|(action, failure)| {
            (action.group.clone(), action.write.kind().to_owned(), failure.to_string())
        });
        let first = applied.untried.iter().take(RunRecord::UNTRIED);
        let first = first.map(|it| (it.group.clone(), it.write.kind().to_owned(), it.reason.clone()));
        Self {
            events,
            moved: (joined, left),
            done: applied.done.clone(),
            failed: failed.collect(),
            untried: Untried { count: applied.untried.len(), first: first.collect() },
            held,
            waiting: plan.holds.iter().filter_map(waiting).take(RunRecord::WAITING).collect(),
            holds: holds(&plan.holds),
        }
    }
}

fn source_record(source: &source::SourceAccount) -> SourceRecord {
    let source::SourceAccount { name, rows, rejected, completeness, remarks: _ } = source;
    SourceRecord {
        name: name.clone(),
        rows: *rows,
        rejected: *rejected,
        is_complete: completeness.is_complete(),
    }
}

/// File, line and what is wrong; a text that looks private is withheld. Values in it are quoted by their form where
/// they look so; what is left are names of files and columns.
fn reject_words(reject: &source::Reject) -> String {
    let file = reject.file.file_name().unwrap_or_default().to_string_lossy();
    let words = format!("{file}, {reject}");
    match ticket::screen(&words) {
        None => words,
        Some(find) => format!("{file}, line {}: withheld, it looks like it holds {}", reject.line, find.kind),
    }
}

/// What is held and waits for nobody, by reason. A first run may hold a hundred thousand groups as too small; those of
/// rare kinds come first, so that they are not the ones left out.
fn holds(all: &[plan::Hold]) -> Vec<Holds> {
    let mut kinds: BTreeMap<&'static str, BTreeMap<String, Vec<GroupId>>> = BTreeMap::new();
    for hold in all.iter().filter(|hold| waiting(hold).is_none()) {
        let of_kind = kinds.entry(hold.reason.kind()).or_default();
        of_kind.entry(hold.reason.words()).or_default().push(hold.group.clone());
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, reasons)| reasons.values().map(Vec::len).sum::<usize>());
    let mut room = RunRecord::HOLDS;
    let mut kept = Vec::new();
    for (kind, reasons) in kinds {
        for (words, mut groups) in reasons {
            groups.truncate(room);
            room -= groups.len();
            if !groups.is_empty() {
                kept.push(Holds { kind: kind.to_owned(), words, groups });
            }
        }
    }
    kept
}

/// What a person did or has to do about a hold; none where it passes by itself.
fn waiting(hold: &plan::Hold) -> Option<Waiting> {
    let overruled = match &hold.reason {
        HoldReason::PersonChanged { .. }
        | HoldReason::Touched { .. }
        | HoldReason::PersonClosed
        | HoldReason::Ruled { .. }
        | HoldReason::Quiet { .. }
        | HoldReason::Ignored
        | HoldReason::PersonWorking { .. }
        | HoldReason::MergedByPerson { .. }
        | HoldReason::Cloned { .. } => true,
        HoldReason::NotVisible
        | HoldReason::Undecided { .. }
        | HoldReason::Refused { .. }
        | HoldReason::Unfit { .. }
        | HoldReason::NoWay { .. }
        | HoldReason::Private { .. } => false,
        HoldReason::Cap { .. }
        | HoldReason::Small { .. }
        | HoldReason::Incomplete { .. }
        | HoldReason::Unconfirmed { .. }
        | HoldReason::NotRead
        | HoldReason::OutcomeUnknown { .. }
        | HoldReason::Doubt { .. }
        | HoldReason::Flapping { .. }
        | HoldReason::Spent { .. }
        | HoldReason::ResolveOff => return None,
    };
    let (kind, words) = (hold.reason.kind().to_owned(), hold.reason.words());
    Some(Waiting { group: hold.group.clone(), kind, words, overruled })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_of_quiet_lowers_what_hangs_on_a_ticket_for_as_long_as_it_holds() {
        let id = GroupId::from_bits(7);
        let now = Timestamp::UNIX_EPOCH;
        let stake = |worked_on: bool, quiet: Option<plan::Quiet>, is_bound: bool| {
            let mut ticket = plan::Ticket { worked_on, ..plan::Ticket::none(id.clone()) };
            if is_bound {
                ticket.bind(plan::Issue { id: "10001".to_owned(), key: "DISP-1".to_owned() });
                ticket.worked_on = worked_on;
            }
            ticket.orders = Some(Box::new(plan::Orders { quiet, ..plan::Orders::default() }));
            let known = Known { tickets: BTreeMap::from([(id.clone(), ticket)]), ..Known::default() };
            stakes(&known, now)[&id]
        };
        let until = |seconds: i64| Some(plan::Quiet::Until(Timestamp::from_second(seconds).unwrap()));
        assert_eq!(stake(false, None, true), Stake::Ticket);
        assert_eq!(stake(false, Some(plan::Quiet::Muted), true), Stake::Quiet);
        assert_eq!(stake(true, until(1), true), Stake::Quiet, "also where people work on it");
        assert_eq!(stake(true, until(-1), true), Stake::Work, "once that is over");
        assert_eq!(stake(false, Some(plan::Quiet::Muted), false), Stake::Nothing, "there is no ticket");
    }
}
