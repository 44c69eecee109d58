//! From the history to the figures of a week.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::RangeBounds,
    sync::Arc,
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{
    AHEAD_DAYS, Backlog, ChangeLine, Deadline, Flow, Line, ProgramLine, Resolution, SHOWN_WEEKS, Stake, Step,
    TicketFlow, TicketKey, TicketLine, TopGroup, Week, WeekLine, Weekly, forecast, quality, rounded, story,
    words,
};
use crate::{
    dispute::Program,
    group::{GroupId, Status},
    plan::Reason,
    state::{
        Done, GroupRecord, History, MoveKind, RunRecord, Snapshot, Spread, Sum, TicketWrite, UNKNOWN,
        age_band,
    },
    ticket::facts::Figures,
};

/// Most groups that are listed.
const TOP: usize = 15;
/// Most changes that are listed.
const CHANGES: usize = 12;

/// The figures of a week. `history` are the weeks up to it, `client` the only client it is about. `now` tells only
/// whether the week is over: deadlines are counted from the day after it, and within it from the day of its last run.
pub fn weekly(
    history: &History,
    week: Week,
    zone: &TimeZone,
    client: Option<&str>,
    now: Timestamp,
) -> Weekly {
    let at = Scene::new(history, week, zone, client);
    let ahead = at.ahead(now);
    let (now, before) = (at.snapshot(at.last), at.snapshot(at.last_before));
    let due = at.due_until(ahead.1);
    let open = at.ordered();
    let written: BTreeMap<&str, Vec<TicketKey>> = [
        ("opened", TicketWrite::Opened),
        ("updated", TicketWrite::Updated),
        ("closed", TicketWrite::Closed),
        ("reopened", TicketWrite::Reopened),
    ]
    .map(|(name, write)| (name, at.written(write).into_iter().map(|(key, _)| key).collect()))
    .into();
    let count = |what: &str| written.get(what).map_or(0, Vec::len);
    let tickets = TicketFlow {
        opened: count("opened"),
        updated: count("updated"),
        closed: count("closed"),
        reopened: count("reopened"),
    };
    let mut weekly = Weekly {
        week,
        days: week.days(),
        zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        client: client.map(words::client),
        story: Vec::new(),
        run: at.last.map(|run| run.id.clone()),
        runs: at.runs.len(),
        run_ids: at.runs.iter().map(|run| run.id.clone()).collect(),
        incomplete_runs: at.runs.iter().filter(|run| !run.incomplete.is_empty()).count(),
        tickets,
        written,
        flow: at.flow(),
        open_keys: open.iter().map(|(key, _)| key.clone()).collect(),
        weeks: at.weeks(),
        rows: at.last.filter(|_| client.is_none()).map(|run| run.rows),
        grouped: now.grouped,
        ungrouped: now.ungrouped,
        total: total(&now),
        total_before: at.last_before.map(|_| total(&before)),
        programs: programs(&now, &open),
        ahead,
        deadlines: at.deadlines(&now, &due, ahead),
        overdue: at.stake(&now, &due, ..ahead.0),
        ageing: now.ageing.clone().into_iter().collect(),
        ageing_keys: at.ageing_keys(&open),
        unit_keys: by_name(&open, |record| record.figures.units.keys().cloned().collect::<Vec<_>>()),
        resolution: at.resolution(),
        backlog: at.backlog(),
        top: at.top(),
        changes: at.changes(),
        opened: at.ticket_lines(TicketWrite::Opened),
        closed: at.ticket_lines(TicketWrite::Closed),
        overruled: at.overruled(),
        waiting: at.waiting(),
        clients: at.clients(&open),
        states: lines(&now.states, by_name(&open, |record| names(record, |spread| &spread.states))),
        entities: lines(&now.entities, by_name(&open, |record| names(record, |spread| &spread.entities))),
        causes: causes(&open),
        quality: quality::of(&at, &now, &before),
        corrections: at.corrections(&now, &before),
        held: at.last.filter(|_| client.is_none()).map(|run| run.held.clone()).unwrap_or_default(),
        failed: at.failed(),
    };
    weekly.story = story::story(&weekly);
    weekly
}

/// The week, what came before it, and whom it is about.
pub(super) struct Scene<'a> {
    pub(super) history: &'a History,
    week: Week,
    pub(super) zone: &'a TimeZone,
    pub(super) client: Option<&'a str>,
    /// Place of the week among those of the history.
    pub(super) place: usize,
    /// Runs in the week.
    pub(super) runs: Vec<&'a RunRecord>,
    /// The last run up to the end of the week.
    pub(super) last: Option<&'a RunRecord>,
    /// The last run before the week.
    pub(super) last_before: Option<&'a RunRecord>,
    /// The last run with sums of each week of the charts before this one: what drift is measured against.
    pub(super) reference: Vec<&'a RunRecord>,
}

impl<'a> Scene<'a> {
    fn new(history: &'a History, week: Week, zone: &'a TimeZone, client: Option<&'a str>) -> Self {
        let (from, to) = week.bounds(zone);
        let all = history.known.runs.values();
        let place = history.weeks().saturating_sub(1);
        let mut reference: BTreeMap<usize, &RunRecord> = BTreeMap::new();
        for run in all.clone().filter(|run| !run.clients.is_empty()) {
            let of = history.week_of(run.at).filter(|of| *of < place && place - of < SHOWN_WEEKS);
            reference.extend(of.map(|of| (of, run)));
        }
        Self {
            history,
            week,
            zone,
            client,
            place,
            runs: all.clone().filter(|run| from <= run.at && run.at < to).collect(),
            last: all.clone().rfind(|run| run.at < to),
            last_before: all.clone().rfind(|run| run.at < from),
            reference: reference.into_values().collect(),
        }
    }

    pub(super) fn is_shown(&self, client: &str) -> bool {
        self.client.is_none_or(|only| only == client)
    }

    /// The group, where it is one to be shown.
    pub(super) fn group(&self, id: &GroupId) -> Option<&'a GroupRecord> {
        self.history.known.groups.get(id).filter(|record| self.is_shown(&record.group.client))
    }

    /// Groups to be shown that are open at the end.
    pub(super) fn open(&self) -> impl Iterator<Item = &'a GroupRecord> {
        self.history
            .known
            .groups
            .values()
            .filter(|record| record.group.status == Status::Active && self.is_shown(&record.group.client))
    }

    /// Ticket of a group; its first digits where it has none.
    pub(super) fn key(&self, id: &GroupId) -> TicketKey {
        let issue = self.history.known.tickets.get(id).and_then(|ticket| ticket.issue());
        issue.map_or_else(|| id.short(), |issue| &issue.key).into()
    }

    pub(super) fn is_in_week(&self, at: Timestamp) -> bool {
        let (from, to) = self.week.bounds(self.zone);
        from <= at && at < to
    }

    pub(super) fn keys<'g>(&self, ids: impl IntoIterator<Item = &'g GroupId>) -> Vec<TicketKey> {
        let mut keys: Vec<TicketKey> = ids.into_iter().map(|id| self.key(id)).collect();
        keys.sort_by_cached_key(|key| words::natural(key));
        keys.dedup();
        keys
    }

    /// The sums of a run. A run of an earlier build has those of its programs and ages alone, of all clients.
    pub(super) fn snapshot(&self, run: Option<&RunRecord>) -> Snapshot {
        let Some(run) = run else { return Snapshot::default() };
        let mut all = Snapshot::default();
        for (client, snapshot) in &run.clients {
            if self.is_shown(client) {
                all += snapshot;
            }
        }
        if run.clients.is_empty() && self.client.is_none() {
            all.programs = run.programs.clone();
            all.ageing = run.ageing.clone();
            all.grouped = usize::try_from(run.rows.grouped).unwrap_or(usize::MAX);
            all.ungrouped = usize::try_from(run.rows.ungrouped).unwrap_or(usize::MAX);
        }
        all
    }

    /// Moves of a week that are to be shown.
    pub(super) fn moves(&self, week: usize) -> impl Iterator<Item = (MoveKind, &'a GroupId)> {
        self.history
            .moves
            .iter()
            .filter(move |one| one.week == week)
            .filter(|one| self.group(&one.group).is_some())
            .map(|one| (one.kind, &one.group))
    }

    /// Open groups with their tickets, in the order of those.
    fn ordered(&self) -> Vec<(TicketKey, &'a GroupRecord)> {
        let mut open: Vec<(TicketKey, &GroupRecord)> =
            self.open().map(|record| (self.key(&record.group.id), record)).collect();
        open.sort_by_cached_key(|(key, _)| words::natural(key));
        open
    }

    fn flow(&self) -> Flow {
        let mut by_kind: BTreeMap<MoveKind, Vec<&GroupId>> = BTreeMap::new();
        for (kind, group) in self.moves(self.place) {
            by_kind.entry(kind).or_default().push(group);
        }
        let steps: Vec<Step> = words::MOVES
            .into_iter()
            .map(|(kind, name)| {
                let groups = by_kind.remove(&kind).unwrap_or_default();
                Step { name, adds: words::adds(kind), count: groups.len(), keys: self.keys(groups) }
            })
            .collect();
        let after = self.open().count();
        let of = |adds: bool| steps.iter().filter(move |step| step.adds == adds).map(|step| step.count);
        let before = (after + of(false).sum::<usize>()).saturating_sub(of(true).sum());
        Flow { before, steps, after }
    }

    fn weeks(&self) -> Vec<WeekLine> {
        let mut open = self.open().count();
        let mut lines = Vec::new();
        let shown = SHOWN_WEEKS.min(self.history.weeks());
        let mut moved = vec![(Vec::new(), Vec::new()); self.history.weeks()];
        for one in &self.history.moves {
            if self.group(&one.group).is_some()
                && let Some((came, went)) = moved.get_mut(one.week)
            {
                (if words::adds(one.kind) { came } else { went }).push(&one.group);
            }
        }
        let older = self.history.weeks().saturating_sub(shown);
        for (place, (came_ids, went_ids)) in moved.into_iter().enumerate().skip(older).rev() {
            let week = Week::of(self.history.bounds[place], self.zone);
            let (came, went) = (came_ids.len(), went_ids.len());
            let (came_keys, went_keys) = (self.keys(came_ids), self.keys(went_ids));
            lines.push(WeekLine { week, came, went, open, came_keys, went_keys });
            open = (open + went).saturating_sub(came);
        }
        lines.reverse();
        lines
    }

    fn done(&self) -> impl Iterator<Item = (&'a Done, &'a GroupRecord)> {
        let runs: Vec<&'a RunRecord> = self.runs.clone();
        let known = &self.history.known.groups;
        let client = self.client;
        runs.into_iter().flat_map(|run| &run.done).filter_map(move |done| {
            let record = known.get(&done.group)?;
            client.is_none_or(|only| *only == *record.group.client).then_some((done, record))
        })
    }

    /// Tickets to which something was done in the week, with their groups, in the order of their keys.
    fn written(&self, wanted: TicketWrite) -> Vec<(TicketKey, &'a GroupRecord)> {
        let known = self.history.writes.iter().filter(|(_, write)| *write == wanted);
        let mut written: Vec<(TicketKey, &GroupRecord)> =
            known.filter_map(|(id, _)| Some((self.key(id), self.group(id)?))).collect();
        written.sort_by_cached_key(|(key, _)| words::natural(key));
        written.dedup_by(|one, other| one.0 == other.0);
        written
    }

    fn ticket_lines(&self, wanted: TicketWrite) -> Vec<TicketLine> {
        let line = |(key, record): (TicketKey, &GroupRecord)| TicketLine {
            key: key.to_string(),
            client: words::client(&record.group.client),
            what: what(record),
            disputes: record.group.members.len(),
        };
        self.written(wanted).into_iter().map(line).collect()
    }

    /// Groups with a dispute that is due, by its day, up to a last one.
    fn due_until(&self, last: Date) -> BTreeMap<Date, Vec<&GroupId>> {
        let mut due: BTreeMap<Date, Vec<&GroupId>> = BTreeMap::new();
        for record in self.open() {
            for day in record.due.iter().take_while(|day| **day <= last) {
                due.entry(*day).or_default().push(&record.group.id);
            }
        }
        due
    }

    fn stake(
        &self,
        snapshot: &Snapshot,
        due: &BTreeMap<Date, Vec<&GroupId>>,
        days: impl RangeBounds<Date> + Clone,
    ) -> Stake {
        let (mut sum, mut alone) = (Sum::default(), 0);
        for due in snapshot.due.iter().filter(|due| days.contains(&due.day)) {
            sum += due.sum;
            alone += due.alone;
        }
        let groups: BTreeSet<&GroupId> =
            due.range(days.clone()).flat_map(|(_, groups)| groups).copied().collect();
        Stake { sum: rounded_sum(sum), keys: self.keys(groups), alone }
    }

    /// First and last day of the two weeks whose deadlines are told. What is due on the day of a run is not overdue
    /// yet; of a week that is over, its Sunday is past for everybody who reads of it.
    fn ahead(&self, now: Timestamp) -> (Date, Date) {
        let ((monday, sunday), (_, end)) = (self.week.days(), self.week.bounds(self.zone));
        let first = if now < end {
            let run = self.last.map(|run| run.at.to_zoned_datetime(self.zone.clone()).date());
            run.map_or(monday, |day| day.clamp(monday, sunday))
        } else {
            sunday.saturating_add(1.days())
        };
        (first, first.saturating_add((AHEAD_DAYS - 1).days()))
    }

    fn deadlines(
        &self,
        snapshot: &Snapshot,
        due: &BTreeMap<Date, Vec<&GroupId>>,
        (first, last): (Date, Date),
    ) -> Vec<Deadline> {
        let days: BTreeSet<Date> =
            snapshot.due.iter().map(|due| due.day).filter(|day| first <= *day && *day <= last).collect();
        days.into_iter()
            .map(|day| {
                let programs: BTreeSet<&str> = snapshot
                    .due
                    .iter()
                    .filter(|due| due.day == day)
                    .map(|due| due.program.as_str())
                    .collect();
                Deadline {
                    day,
                    stake: self.stake(snapshot, due, day..=day),
                    programs: programs.into_iter().map(words::short_program).collect(),
                }
            })
            .collect()
    }

    fn resolution(&self) -> Resolution {
        let oldest = (self.place + 1).saturating_sub(SHOWN_WEEKS);
        let (mut now, mut before) = (BTreeMap::new(), BTreeMap::new());
        for one in
            self.history.moves.iter().filter(|one| one.kind == MoveKind::Resolved && one.week >= oldest)
        {
            let Some(record) = self.group(&one.group) else { continue };
            if let Status::Resolved { at } = record.group.status {
                let days = at.duration_since(record.group.since).as_hours() / 24;
                let of = if one.week == self.place { &mut now } else { &mut before };
                of.insert(&one.group, days);
            }
        }
        let sorted = |days: &BTreeMap<&GroupId, i64>| {
            let mut days: Vec<i64> = days.values().copied().collect();
            days.sort_unstable();
            days
        };
        Resolution { days: sorted(&now), days_before: sorted(&before), keys: self.keys(now.into_keys()) }
    }

    /// Open disputes at the end of each week and disputes opened in it, as its last run saw them.
    fn backlog(&self) -> Backlog {
        let mut last: HashMap<usize, &RunRecord> = HashMap::new();
        for run in self.history.known.runs.values() {
            if let Some(week) = self.history.week_of(run.at) {
                last.insert(week, run);
            }
        }
        let weeks: Vec<(Week, Option<usize>, Option<usize>)> = (0..self.history.weeks())
            .map(|place| {
                let week = Week::of(self.history.bounds[place], self.zone);
                let Some(run) = last.get(&place) else { return (week, None, None) };
                let snapshot = self.snapshot(Some(run));
                let arrivals = (!run.clients.is_empty())
                    .then(|| snapshot.opened.get(&week.days().0).copied().unwrap_or(0));
                (week, Some(snapshot.grouped + snapshot.ungrouped), arrivals)
            })
            .collect();
        let mut backlog = forecast::backlog(&weeks);
        for (place, week) in backlog.weeks.iter_mut().enumerate() {
            week.run = last.get(&place).map(|run| run.id.clone());
        }
        backlog
    }

    /// Tickets of groups with disputes of each age, as the last run saw them.
    fn ageing_keys(&self, open: &[(TicketKey, &'a GroupRecord)]) -> BTreeMap<&'static str, Vec<TicketKey>> {
        let Some(run) = self.last else { return BTreeMap::new() };
        let today = run.at.to_zoned_datetime(self.zone.clone()).date();
        by_name(open, |GroupRecord { group, spread, .. }| {
            let Some(spread) = spread else { return Vec::new() };
            let age = |day: Date| today.since(day).ok().map(|age| age.get_days());
            let mut bands: Vec<&'static str> =
                spread.opened.iter().map(|(day, _)| age_band(age(*day))).collect();
            let dated: u32 = spread.opened.iter().map(|(_, count)| count).sum();
            if (dated as usize) < group.members.len() {
                bands.push(age_band(None));
            }
            bands.sort_unstable();
            bands.dedup();
            bands
        })
    }

    fn top(&self) -> Vec<TopGroup> {
        let by_amount = |record: &'a GroupRecord| {
            let amount = record.figures.exposed + record.figures.recoverable;
            (Reverse((amount, record.group.members.len())), &record.group.id, record)
        };
        let mut first: Vec<_> = self.open().map(by_amount).collect();
        let order =
            |one: &(_, &GroupId, _), other: &(_, &GroupId, _)| (one.0, one.1).cmp(&(other.0, other.1));
        if first.len() > TOP {
            first.select_nth_unstable_by(TOP, order);
            first.truncate(TOP);
        }
        first.sort_unstable_by(order);
        first
            .into_iter()
            .map(|(_, _, record)| {
                let id = &record.group.id;
                let ticket = self.history.known.tickets.get(id);
                let issue = ticket.and_then(|ticket| ticket.issue());
                let mut series = self.history.series(id);
                let older = series.len().saturating_sub(SHOWN_WEEKS);
                series.drain(..older);
                TopGroup {
                    group: id.short().to_owned(),
                    key: issue.map(|issue| issue.key.clone()).unwrap_or_default(),
                    client: words::client(&record.group.client),
                    cause: words::open(&record.cause),
                    who: words::open(&record.who),
                    owner: ticket.and_then(|ticket| ticket.assignee.as_deref()).map(words::foreign),
                    title: words::open(&record.title),
                    figures: rounded_figures(&record.figures),
                    series,
                }
            })
            .collect()
    }

    fn changes(&self) -> Vec<ChangeLine> {
        let moves: HashMap<&GroupId, MoveKind> =
            self.moves(self.place).map(|(kind, group)| (group, kind)).collect();
        // What became of one group is why another one changed.
        let mut because: HashMap<&GroupId, String> = HashMap::new();
        for (kind, id) in self.moves(self.place) {
            let Some(record) = self.group(id) else { continue };
            match (kind, &record.group.split_from, &record.group.status) {
                (MoveKind::Split, Some(parent), _) => {
                    because.insert(parent, format!("{} was split off it", self.key(id)));
                    because.insert(id, format!("split off {}", self.key(parent)));
                }
                (MoveKind::Merged, _, Status::Merged { into, .. }) => {
                    because.insert(into, format!("{} was merged into it", self.key(id)));
                    because.insert(id, format!("merged into {}", self.key(into)));
                }
                _ => {}
            }
        }
        let mut reasons: HashMap<&GroupId, &Reason> = HashMap::new();
        for (done, _) in self.done() {
            if let Some(reason) = &done.reason {
                reasons.insert(&done.group, reason);
            }
        }
        let mut changed: Vec<(usize, &GroupRecord, usize, usize)> = self
            .history
            .sizes
            .keys()
            .filter_map(|id| self.group(id))
            .filter_map(|record| {
                let series = self.history.series(&record.group.id);
                let after = series.last().copied().unwrap_or(0);
                let before = match self.place.checked_sub(1) {
                    Some(place) => series.get(place).copied().unwrap_or(0),
                    None => self.history.sizes.get(&record.group.id).map_or(0, |sizes| sizes.before),
                };
                (before != after).then_some((before.abs_diff(after), record, before, after))
            })
            .collect();
        changed.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.group.id.cmp(&b.1.group.id)));
        changed
            .into_iter()
            .take(CHANGES)
            .map(|(_, record, before, after)| {
                let id = &record.group.id;
                let why = because.get(id).cloned().unwrap_or_else(|| {
                    words::why(moves.get(id).copied(), reasons.get(id).copied(), before, after)
                });
                ChangeLine {
                    key: self.key(id).to_string(),
                    client: words::client(&record.group.client),
                    what: what(record),
                    before,
                    after,
                    why,
                }
            })
            .collect()
    }

    fn clients(&self, open: &[(TicketKey, &'a GroupRecord)]) -> Vec<Line> {
        let mut groups = by_name(open, |record| [&*record.group.client]);
        let Some(run) = self.last else { return Vec::new() };
        let mut found: Vec<Line> = run
            .clients
            .iter()
            .filter(|(client, _)| self.is_shown(client))
            .map(|(client, snapshot)| {
                let total = total(snapshot);
                let keys = groups.remove(client.as_str()).unwrap_or_default();
                Line {
                    name: words::client(client),
                    sum: Sum {
                        disputes: total.disputes,
                        exposed: total.exposed,
                        recoverable: total.recoverable,
                    },
                    groups: Some(keys.len()),
                    keys,
                }
            })
            .collect();
        by_size(&mut found);
        found
    }
}

/// Tickets of groups by each name that a group has, in their order.
fn by_name<'a, N: Ord, I: IntoIterator<Item = N>>(
    open: &[(TicketKey, &'a GroupRecord)],
    names: impl Fn(&'a GroupRecord) -> I,
) -> BTreeMap<N, Vec<TicketKey>> {
    let mut found: BTreeMap<N, Vec<TicketKey>> = BTreeMap::new();
    for (key, record) in open {
        for name in names(record) {
            found.entry(name).or_default().push(key.clone());
        }
    }
    found
}

fn names<'a>(
    record: &'a GroupRecord,
    part: impl Fn(&'a Spread) -> &'a [(Arc<str>, u32)],
) -> impl Iterator<Item = &'a str> {
    let counts = record.spread.as_deref().map(part).unwrap_or_default();
    counts.iter().map(|(name, _)| &**name)
}

fn causes(open: &[(TicketKey, &GroupRecord)]) -> Vec<Line> {
    let mut causes: BTreeMap<&str, (Sum, Vec<TicketKey>)> = BTreeMap::new();
    for (key, record) in open {
        let (sum, keys) = causes.entry(&record.cause).or_default();
        *sum += Sum {
            disputes: record.figures.disputes,
            exposed: record.figures.exposed,
            recoverable: record.figures.recoverable,
        };
        keys.push(key.clone());
    }
    let mut found: Vec<Line> = causes
        .into_iter()
        .map(|(name, (sum, keys))| Line {
            name: words::open(name),
            sum: rounded_sum(sum),
            groups: Some(keys.len()),
            keys,
        })
        .collect();
    by_size(&mut found);
    found
}

fn programs(snapshot: &Snapshot, open: &[(TicketKey, &GroupRecord)]) -> Vec<ProgramLine> {
    let mut groups = by_name(open, |record| [record.group.program.as_str()]);
    snapshot
        .programs
        .iter()
        .map(|(program, figures)| ProgramLine {
            program: program_name(program),
            figures: rounded_figures(figures),
            keys: groups.remove(program.as_str()).unwrap_or_default(),
        })
        .collect()
}

pub(super) fn what(record: &GroupRecord) -> String {
    format!("{}: {}", words::open(&record.cause), words::open(&record.title))
}

fn total(snapshot: &Snapshot) -> Figures {
    let mut total = Figures::default();
    for figures in snapshot.programs.values() {
        total.join(figures);
    }
    rounded_figures(&total)
}

fn program_name(program: &str) -> String {
    Program::from_name(program).map_or_else(|| program.to_owned(), |known| known.human_name().to_owned())
}

fn lines(sums: &BTreeMap<String, Sum>, mut groups: BTreeMap<&str, Vec<TicketKey>>) -> Vec<Line> {
    let mut found: Vec<Line> = sums
        .iter()
        .map(|(name, sum)| Line {
            name: if name == UNKNOWN { "not given".to_owned() } else { words::open_code(name) },
            sum: rounded_sum(*sum),
            groups: None,
            keys: groups.remove(name.as_str()).unwrap_or_default(),
        })
        .collect();
    by_size(&mut found);
    found
}

fn by_size(lines: &mut [Line]) {
    lines.sort_by(|a, b| b.sum.disputes.cmp(&a.sum.disputes).then_with(|| a.name.cmp(&b.name)));
}

fn rounded_sum(sum: Sum) -> Sum {
    Sum { exposed: rounded(sum.exposed), recoverable: rounded(sum.recoverable), ..sum }
}

fn rounded_figures(figures: &Figures) -> Figures {
    Figures {
        exposed: rounded(figures.exposed),
        recoverable: rounded(figures.recoverable),
        ..figures.clone()
    }
}
