//! Identity across runs: told as histories of clusters, and as invariants of random histories.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "clippy knows test functions only, not what they share"
)]

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashSet},
};

use disputebot::{
    cluster::{Attribute, Item},
    dispute::{Program, Text},
    group::{
        Event, Fate, Found, Group, GroupId, Input, Lineage, Params, Pattern, Pending, Stake, Status, inherit,
    },
};
use jiff::{SignedDuration, Timestamp};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Groups over a sequence of runs, one day apart; ids are minted in order from 1.
struct History {
    params: Params,
    now: Timestamp,
    groups: Vec<Group>,
    /// What hangs on groups; on one that is not named, a ticket.
    stakes: BTreeMap<GroupId, Stake>,
    minted: u128,
}

/// A cluster in short: its pattern and its disputes by number.
type Cluster<'a> = (&'a str, &'a [u32]);

fn name(number: u32) -> Text {
    format!("D-{number:03}").into()
}

fn found(client: &str, (pattern, members): Cluster<'_>) -> Found {
    let mut members: Vec<Text> = members.iter().copied().map(name).collect();
    members.sort();
    let items = [Item { attribute: Attribute::Payer, value: pattern.into() }];
    Found {
        program: Program::Mdrp,
        client: client.into(),
        patterns: vec![Pattern::from_items(&items)],
        members,
    }
}

fn id(number: u128) -> GroupId {
    GroupId::from_bits(number)
}

fn known(number: u128, fate: Fate) -> Event {
    Event::Known { group: id(number), fate }
}

fn kept(number: u128, joined: usize, left: usize) -> Event {
    known(number, Fate::Kept { joined, left })
}

fn born(number: u128, split_from: Option<u128>) -> Event {
    Event::Born { group: id(number), split_from: split_from.map(id) }
}

impl History {
    fn new() -> Self {
        Self {
            params: Params::default(),
            now: "2026-08-01T06:00:00Z".parse().unwrap(),
            groups: Vec::new(),
            stakes: BTreeMap::new(),
            minted: 0,
        }
    }

    /// One run on new and complete input; all disputes of clusters are open, and `open` besides.
    fn run(&mut self, clusters: &[Cluster<'_>], open: &[u32]) -> Vec<Event> {
        self.step(clusters, open, true, true)
    }

    fn step(
        &mut self,
        clusters: &[Cluster<'_>],
        open: &[u32],
        complete: bool,
        new_input: bool,
    ) -> Vec<Event> {
        let found: Vec<Found> = clusters.iter().map(|cluster| found("Example Pharma A", *cluster)).collect();
        let mut all: HashSet<Text> = open.iter().copied().map(name).collect();
        all.extend(found.iter().flat_map(|found| found.members.iter().cloned()));
        let lineage = self.inherit(&found, &all, complete, new_input);
        self.groups = lineage.groups;
        self.now += SignedDuration::from_hours(24);
        lineage.events
    }

    fn inherit(&mut self, found: &[Found], open: &HashSet<Text>, complete: bool, new_input: bool) -> Lineage {
        let minted = &mut self.minted;
        let mut mint = || {
            *minted += 1;
            id(*minted)
        };
        let known = &self.groups;
        let stake = |group: &Group| self.stakes.get(&group.id).copied().unwrap_or(Stake::Ticket);
        let stakes = &known.iter().map(|it| (it.id.clone(), stake(it))).collect();
        let input = Input { known, found, open, complete, new_input, stakes, now: self.now };
        inherit(&input, &self.params, &mut mint)
    }

    /// What hangs on the groups from now on, in turn by the order in which they were born.
    fn hang(&mut self, stakes: &[Stake]) {
        self.stakes = (1..=self.minted).map(id).zip(stakes.iter().copied().cycle()).collect();
    }

    fn group(&self, number: u128) -> &Group {
        self.groups.iter().find(|group| group.id == id(number)).unwrap()
    }

    fn members(&self, number: u128) -> Vec<u32> {
        self.group(number).members.iter().map(|member| member[2..].parse().unwrap()).collect()
    }
}

const FIRST: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8];

#[test]
fn a_cluster_without_a_past_is_born() {
    let mut history = History::new();
    let events = history.run(&[("x", &[1, 2, 3, 4]), ("y", &[5, 6, 7, 8])], &[9]);
    assert_eq!(events, [born(1, None), born(2, None)]);
    assert_eq!((history.members(1), history.members(2)), (vec![1, 2, 3, 4], vec![5, 6, 7, 8]));
}

#[test]
fn a_group_is_kept_by_its_members_though_its_pattern_changed() {
    let mut history = History::new();
    history.run(&[("x", FIRST)], &[]);
    assert_eq!(history.run(&[("z", &[3, 4, 5, 6, 7, 8, 9])], &[1]), [kept(1, 1, 1)]);
    assert_eq!(history.members(1), [1, 3, 4, 5, 6, 7, 8, 9], "1 is open and nobody else has it");
    assert_eq!(history.group(1).patterns, found("", ("z", &[])).patterns);
}

#[test]
fn a_group_is_kept_by_its_pattern_though_all_its_members_changed() {
    let mut history = History::new();
    history.run(&[("x", &[1, 2, 3, 4])], &[]);
    assert_eq!(history.run(&[("x", &[5, 6, 7, 8])], &[]), [kept(1, 4, 4)]);
}

#[test]
fn a_group_that_the_clusterer_no_longer_sees_lives_until_its_disputes_are_resolved() {
    let mut history = History::new();
    history.run(&[("x", &[1, 2, 3, 4])], &[]);
    assert_eq!(history.run(&[], &[1, 2, 3, 4]), [kept(1, 0, 0)]);
    assert_eq!(history.run(&[], &[4]), [kept(1, 0, 3)]);
    assert_eq!(history.run(&[], &[]), [known(1, Fate::Resolved)]);
    assert_eq!(history.run(&[], &[]), []);
}

#[test]
fn a_split_counts_when_it_was_seen_on_enough_different_inputs() {
    let mut history = History::new();
    history.params.confirm_runs = 3;
    history.run(&[("x", FIRST)], &[]);
    let parts: &[Cluster<'_>] = &[("x", &[1, 2, 3, 4, 5]), ("z", &[6, 7, 8])];
    let pending = |seen| Event::Unconfirmed {
        group: id(1),
        pending: Pending::Split { members: vec![name(6), name(7), name(8)], seen },
    };
    assert_eq!(history.run(parts, &[]), [kept(1, 0, 0), pending(1)]);
    assert_eq!(history.step(parts, &[], true, false), [kept(1, 0, 0), pending(1)], "no new evidence");
    assert_eq!(history.run(parts, &[]), [kept(1, 0, 0), pending(2)]);
    assert_eq!(history.members(1), FIRST, "until then people find the disputes where they were");
    assert_eq!(history.run(parts, &[]), [kept(1, 0, 3), born(2, Some(1))]);
    assert_eq!((history.members(1), history.members(2)), (vec![1, 2, 3, 4, 5], vec![6, 7, 8]));
    assert_eq!(history.group(2).split_from, Some(id(1)));
    assert_eq!(history.run(parts, &[]), [kept(1, 0, 0), kept(2, 0, 0)]);
}

#[test]
fn a_part_however_small_is_split_off_only_when_it_was_seen_twice_and_takes_nothing_from_others_meanwhile() {
    let mut history = History::new();
    let whole: Vec<u32> = (1..=40).collect();
    history.run(&[("x", &whole), ("y", &[41, 42, 43, 44, 45, 46, 47, 48])], &[]);
    // An eighth of one group, and a dispute of the other.
    let parts: &[Cluster<'_>] =
        &[("x", &whole[..35]), ("y", &[42, 43, 44, 45, 46, 47, 48]), ("z", &[36, 37, 38, 39, 40, 41])];
    history.run(parts, &[]);
    assert_eq!((history.members(1), history.groups.len()), (whole.clone(), 2));
    assert_eq!(history.members(2), [41, 42, 43, 44, 45, 46, 47, 48]);
    history.run(parts, &[]);
    assert_eq!(history.members(3), [36, 37, 38, 39, 40, 41]);
    assert_eq!(history.group(3).split_from, Some(id(1)));
}

#[test]
fn a_split_that_was_not_seen_again_is_forgotten() {
    let mut history = History::new();
    history.run(&[("x", FIRST)], &[]);
    let parts: &[Cluster<'_>] = &[("x", &[1, 2, 3, 4, 5]), ("z", &[6, 7, 8])];
    history.run(parts, &[]);
    history.run(&[("x", FIRST)], &[]);
    assert_eq!(history.group(1).pending, []);
    history.run(parts, &[]);
    assert_eq!(history.groups.len(), 1, "one sight is not two");
}

#[test]
fn a_merge_counts_when_it_was_seen_on_enough_different_inputs() {
    let mut history = History::new();
    history.run(&[("x", &[1, 2, 3, 4, 5]), ("y", &[6, 7, 8])], &[]);
    let whole: &[Cluster<'_>] = &[("x", FIRST)];
    let pending = Event::Unconfirmed { group: id(2), pending: Pending::Merge { into: id(1), seen: 1 } };
    assert_eq!(history.run(whole, &[]), [kept(1, 0, 0), kept(2, 0, 0), pending.clone()]);
    assert_eq!(history.step(whole, &[], true, false), [kept(1, 0, 0), kept(2, 0, 0), pending]);
    assert_eq!(history.members(2), [6, 7, 8]);
    assert_eq!(history.run(whole, &[]), [kept(1, 3, 0), known(2, Fate::MergedInto(id(1)))]);
    assert_eq!((history.members(1), history.members(2)), (FIRST.to_vec(), vec![]));
}

#[test]
fn of_groups_that_become_one_that_survives_on_whose_ticket_people_work() {
    const LATER: &[u32] = &[9, 10, 11, 12];
    const ALL: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let work = |number: u128| (id(number), Stake::Work);
    let decided = |number: u128| (id(number), Stake::Decided);
    let unknown = |number: u128| (id(number), Stake::Nothing);
    let unclear = |number: u128| (id(number), Stake::Unclear);
    let quiet = |number: u128| (id(number), Stake::Quiet);
    for (stakes, survivor, loser) in [
        (vec![], 1, 2),
        (vec![work(2)], 2, 1),
        (vec![work(1)], 1, 2),
        (vec![work(1), work(2)], 1, 2),
        // What a person closed is not where open disputes of others go.
        (vec![decided(1)], 2, 1),
        (vec![decided(1), decided(2)], 1, 2),
        (vec![decided(2), work(1)], 1, 2),
        (vec![decided(1), unknown(2)], 2, 1),
        // Nor where people want to hear nothing.
        (vec![quiet(1)], 2, 1),
        (vec![quiet(1), unclear(2)], 2, 1),
        // One that may be there is looked for, and the other one is there.
        (vec![unclear(1)], 2, 1),
        (vec![unclear(1), unclear(2)], 1, 2),
        (vec![unclear(1), work(2)], 2, 1),
    ] {
        let mut history = History::new();
        history.run(&[("x", FIRST), ("y", LATER)], &[]);
        history.stakes = stakes.into_iter().collect();
        history.run(&[("x", ALL)], &[]);
        let events = history.run(&[("x", ALL)], &[]);
        let stakes = &history.stakes;
        assert!(events.contains(&known(loser, Fate::MergedInto(id(survivor)))), "{stakes:?}: {events:?}");
        assert_eq!(history.members(survivor), ALL, "{stakes:?}");
    }
}

#[test]
fn a_group_without_a_ticket_ends_at_once_in_one_that_has_one_however_small_that_is() {
    const FEW: &[u32] = &[9, 10, 11];
    const ALL: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    let mut history = History::new();
    history.run(&[("x", FIRST), ("y", FEW)], &[]);
    history.stakes = [(id(1), Stake::Nothing)].into();
    let events = history.run(&[("x", ALL)], &[]);
    assert!(events.contains(&known(1, Fate::MergedInto(id(2)))), "{events:?}");
    assert_eq!(history.members(2), ALL);
}

#[test]
fn a_group_goes_with_its_disputes_however_much_else_shares_its_patterns() {
    let mut history = History::new();
    let items = |name: &str| [Item { attribute: Attribute::Payer, value: name.into() }];
    let patterns: Vec<Pattern> =
        ["a", "b", "c"].iter().map(|name| Pattern::from_items(&items(name))).collect();
    let cluster = |members: &[u32], patterns: &[Pattern]| Found {
        patterns: patterns.to_vec(),
        ..found("Example Pharma A", ("x", members))
    };
    let all = |found: &[Found]| found.iter().flat_map(|found| found.members.iter().cloned()).collect();
    let first = [cluster(&[1, 2, 3, 4, 5], &patterns)];
    history.groups = history.inherit(&first, &all(&first), true, true).groups;
    let second = [cluster(&[1, 2, 3, 4, 5], &[]), cluster(&[6, 7, 8, 9], &patterns)];
    history.groups = history.inherit(&second, &all(&second), true, true).groups;
    assert_eq!(history.members(1), [1, 2, 3, 4, 5]);
}

#[test]
fn a_group_of_which_a_part_alone_goes_to_another_takes_no_place_there_because_people_work_on_it() {
    const LATER: &[u32] = &[9, 10, 11, 12, 13];
    let mut history = History::new();
    history.run(&[("x", FIRST), ("y", LATER)], &[]);
    history.stakes = [(id(2), Stake::Work)].into();
    for _ in 0..3 {
        history.run(&[("x", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), ("y", &[12, 13])], &[]);
    }
    assert_eq!(history.members(2), [12, 13]);
    assert_eq!(history.members(1).len(), 11);
}

#[test]
fn a_merged_group_never_comes_back() {
    let mut history = History::new();
    history.params.confirm_runs = 1;
    history.run(&[("x", &[1, 2, 3, 4, 5]), ("y", &[6, 7, 8])], &[]);
    history.run(&[("x", FIRST)], &[]);
    assert!(matches!(history.group(2).status, Status::Merged { .. }));
    history.run(&[("x", &[1, 2, 3, 4, 5]), ("y", &[6, 7, 8])], &[]);
    history.run(&[], &[]);
    let events = history.run(&[("y", &[6, 7, 8])], &[]);
    assert!(matches!(history.group(2).status, Status::Merged { .. }), "{events:?}");
    assert_eq!(history.members(2), Vec::<u32>::new());
}

#[test]
fn a_resolved_group_returns_with_its_pattern_within_the_window() {
    for (days, returns) in [(1, true), (30, true), (31, false)] {
        let mut history = History::new();
        history.run(&[("x", &[1, 2, 3, 4])], &[]);
        let resolved_at = history.now;
        history.run(&[], &[]);
        history.now = resolved_at + SignedDuration::from_hours(24 * days);
        let events = history.run(&[("x", &[5, 6, 7, 8])], &[]);
        let wanted = if returns { known(1, Fate::Returned) } else { born(2, None) };
        assert_eq!(events, [wanted], "after {days} days");
        assert_eq!(history.members(if returns { 1 } else { 2 }), [5, 6, 7, 8]);
        assert_eq!(history.group(1).status == Status::Active, returns);
    }
}

#[test]
fn a_resolved_group_does_not_return_with_another_pattern() {
    let mut history = History::new();
    history.run(&[("x", &[1, 2, 3, 4])], &[]);
    history.run(&[], &[]);
    assert_eq!(history.run(&[("z", &[1, 2, 3, 4])], &[]), [born(2, None)]);
}

#[test]
fn a_pattern_of_another_client_is_another_group() {
    let mut history = History::new();
    history.run(&[("x", &[1, 2, 3, 4])], &[]);
    let other = [found("Example Pharma B", ("x", &[5, 6, 7, 8]))];
    let open = (1..=8).map(name).collect();
    let lineage = history.inherit(&other, &open, true, true);
    assert_eq!(lineage.events, [kept(1, 0, 0), born(2, None)]);
}

#[test]
fn incomplete_input_neither_shrinks_nor_ends_a_group() {
    let mut history = History::new();
    history.params.confirm_runs = 1;
    history.run(&[("x", &[1, 2, 3, 4, 5]), ("y", &[6, 7, 8])], &[]);
    assert_eq!(history.step(&[], &[], false, false), [kept(1, 0, 0), kept(2, 0, 0)]);
    assert_eq!(history.step(&[("x", &[1, 2])], &[], false, false), [kept(1, 0, 0), kept(2, 0, 0)]);
    let merge = Event::Unconfirmed { group: id(2), pending: Pending::Merge { into: id(1), seen: 1 } };
    assert_eq!(history.step(&[("x", FIRST)], &[], false, false), [kept(1, 0, 0), kept(2, 0, 0), merge]);
    assert_eq!(
        history.step(&[("x", &[1, 2, 3, 4, 5, 8]), ("y", &[6, 7])], &[], false, false),
        [kept(1, 0, 0), kept(2, 0, 0)],
        "not even one dispute moves"
    );
    assert_eq!(
        history.step(&[("x", &[1, 2, 3, 4, 5, 9])], &[], false, false),
        [kept(1, 0, 0), kept(2, 0, 0)],
        "nor does one join on the word of a part"
    );
    assert_eq!(history.members(2), [6, 7, 8]);
}

#[test]
fn incomplete_input_splits_nothing() {
    let mut history = History::new();
    history.params.confirm_runs = 1;
    history.run(&[("x", FIRST)], &[]);
    history.step(&[("x", &[1, 2, 3, 4, 5]), ("z", &[6, 7, 8])], &[], false, false);
    assert_eq!((history.groups.len(), history.members(1)), (1, FIRST.to_vec()));
}

#[test]
fn a_group_whose_open_disputes_went_to_several_others_is_merged_once_confirmed() {
    let mut history = History::new();
    let (b, c, d): (&[u32], &[u32], &[u32]) = (&[11, 12, 13, 14], &[21, 22, 23, 24], &[31, 32, 33, 34]);
    history.run(&[("a", &[1, 2, 3, 4, 5, 6, 7]), ("b", b), ("c", c), ("d", d)], &[]);
    let scattered: &[Cluster<'_>] =
        &[("b", &[11, 12, 13, 14, 1, 2]), ("c", &[21, 22, 23, 24, 3, 4, 5]), ("d", &[31, 32, 33, 34, 6, 7])];
    history.run(scattered, &[]);
    assert_eq!(history.members(1), [1, 2, 3, 4, 5, 6, 7]);
    let events = history.run(scattered, &[]);
    assert_eq!(events[0], known(1, Fate::MergedInto(id(3))), "to the one that took most");
    assert_eq!(history.members(3), [3, 4, 5, 21, 22, 23, 24]);
}

#[test]
fn a_group_keeps_its_open_disputes_where_others_claim_all_of_them_and_nothing_is_confirmed() {
    let mut history = History::new();
    history.run(&[("1", &[21, 23, 25]), ("2", &[3, 15, 37]), ("3", &[13, 19, 29])], &[]);
    // The pattern of the third is on the disputes of the second now, and the first has those of the third.
    let events = history.run(&[("1", &[13, 19, 21, 23, 25, 29]), ("3", &[3, 15, 37])], &[]);
    assert!(events.contains(&kept(3, 0, 0)), "{events:?}");
    assert_eq!((history.members(2), history.members(3)), (vec![3, 15, 37], vec![13, 19, 29]));
}

#[test]
fn of_two_groups_with_the_same_disputes_the_older_one_has_them_at_once_and_none_is_resolved() {
    for ids in [[1, 2], [2, 1]] {
        let mut history = History::new();
        history.run(&[("a", &[1, 2, 3, 4])], &[]);
        let older = Group { id: id(ids[0]), ..history.groups[0].clone() };
        let younger = Group { id: id(ids[1]), since: history.now, ..older.clone() };
        history.groups = vec![older, younger];
        history.groups.sort_by(|a, b| a.id.cmp(&b.id));
        history.minted = 2;
        history.run(&[("a", &[1, 2, 3, 4])], &[]);
        assert_eq!(history.members(ids[0]), [1, 2, 3, 4], "{ids:?}");
        let status = &history.group(ids[1]).status;
        assert!(matches!(status, Status::Merged { into, .. } if *into == id(ids[0])), "{ids:?}: {status:?}");
        assert_eq!(history.group(ids[0]).status, Status::Active, "{ids:?}");
    }
}

#[test]
fn the_older_group_survives_where_both_have_as_much() {
    let mut history = History::new();
    history.run(&[("x", &[1, 2, 3, 4])], &[]);
    history.run(&[("x", &[1, 2, 3, 4]), ("y", &[5, 6, 7, 8])], &[]);
    for _ in 0..2 {
        history.run(&[("z", FIRST)], &[]);
    }
    assert_eq!(history.group(1).status, Status::Active);
    assert!(matches!(&history.group(2).status, Status::Merged { into, .. } if *into == id(1)));
}

/// Where each of the disputes is in one run: `None` is resolved or not yet there, 0 is open without company,
/// the rest are clusters.
#[derive(Debug, Clone)]
struct Day {
    places: Vec<Option<u8>>,
    /// Whether the patterns are those of their clusters, or never seen before.
    lasting: bool,
    complete: bool,
    rotate: usize,
}

const DISPUTES: usize = 40;
const SMALLEST: usize = 3;
const CLIENTS: [&str; 2] = ["Example Pharma A", "Example Pharma B"];

/// What happens from one day to the next.
#[derive(Debug, Clone)]
enum Turn {
    Nothing,
    /// Some disputes go elsewhere.
    Scatter(Vec<(usize, Option<u8>)>),
    /// All disputes of one place go to another.
    Move(Option<u8>, Option<u8>),
    /// Every other pair of disputes of one place goes to another.
    Halve(u8, u8),
}

fn somewhere() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![1 => Just(None), 1 => Just(Some(0)), 6 => (1u8..=4).prop_map(Some)]
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => Just(Turn::Nothing),
        2 => vec((0..DISPUTES, somewhere()), 1..10).prop_map(Turn::Scatter),
        2 => (somewhere(), somewhere()).prop_map(|(from, to)| Turn::Move(from, to)),
        2 => (1u8..=4, 1u8..=4).prop_map(|(from, to)| Turn::Halve(from, to)),
        1 => (1u8..=4).prop_map(|from| Turn::Move(Some(from), None)),
        1 => (1u8..=4).prop_map(|to| Turn::Move(None, Some(to))),
    ]
}

/// Days of which each is much like the one before, so that groups live long enough to split and merge.
fn days() -> impl Strategy<Value = Vec<Day>> {
    let rest = (turn(), prop::bool::weighted(0.8), prop::bool::weighted(0.8), 0..8usize);
    (vec(somewhere(), DISPUTES), vec(rest, 2..10)).prop_map(|(mut places, turns)| {
        let mut days = vec![Day { places: places.clone(), lasting: true, complete: true, rotate: 0 }];
        for (turn, lasting, complete, rotate) in turns {
            match turn {
                Turn::Nothing => {}
                Turn::Scatter(moves) => {
                    for (dispute, place) in moves {
                        places[dispute] = place;
                    }
                }
                Turn::Move(from, to) => places.iter_mut().filter(|p| **p == from).for_each(|p| *p = to),
                Turn::Halve(from, to) => {
                    for (dispute, place) in places.iter_mut().enumerate() {
                        if *place == Some(from) && dispute % 4 < 2 {
                            *place = Some(to);
                        }
                    }
                }
            }
            days.push(Day { places: places.clone(), lasting, complete, rotate });
        }
        days
    })
}

/// What hangs on groups, for each of some days: tickets are opened, worked on and closed seldom enough for a merge to be
/// seen twice meanwhile.
fn stakes() -> impl Strategy<Value = Vec<Vec<Stake>>> {
    let drawn = prop::sample::select(vec![
        Stake::Nothing,
        Stake::Quiet,
        Stake::Unclear,
        Stake::Ticket,
        Stake::Work,
        Stake::Decided,
    ]);
    let drawn = vec(drawn, 7);
    let changes = vec(prop::option::weighted(0.3, drawn.clone()), 10);
    (drawn, changes).prop_map(|(first, changes)| {
        let mut days = vec![first];
        for change in changes {
            days.push(change.unwrap_or_else(|| days[days.len() - 1].clone()));
        }
        days
    })
}

/// The clusters of a day; even and odd disputes belong to different clients.
fn clusters(day: &Day, number: usize) -> (Vec<Found>, HashSet<Text>) {
    let mut members: BTreeMap<(u8, usize), Vec<u32>> = BTreeMap::new();
    let mut open = HashSet::new();
    for (dispute, place) in day.places.iter().enumerate() {
        let Some(place) = place else { continue };
        open.insert(name(dispute as u32));
        if *place > 0 {
            members.entry((*place, dispute % CLIENTS.len())).or_default().push(dispute as u32);
        }
    }
    let found = members
        .into_iter()
        .filter(|(_, members)| members.len() >= SMALLEST)
        .map(|((place, client), members)| {
            let pattern = if day.lasting { format!("place {place}") } else { format!("{number} {place}") };
            found(CLIENTS[client], (&pattern, &members))
        })
        .collect();
    (found, open)
}

/// Runs a property over random histories from a printed seed.
fn hold_for<S: Strategy>(
    seed: u8,
    cases: u32,
    histories: &S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    println!("seed {seed}");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(failure) = TestRunner::new_with_rng(config, rng).run(histories, property) {
        panic!("seed {seed}: {failure}");
    }
}

fn by_id(groups: &[Group]) -> BTreeMap<&GroupId, &Group> {
    groups.iter().map(|group| (&group.id, group)).collect()
}

/// What must be true after every run, whatever came before.
fn check_run(
    before: &[Group],
    lineage: &Lineage,
    day: &Day,
    found: &[Found],
    open: &HashSet<Text>,
) -> Result<(), TestCaseError> {
    let after = by_id(&lineage.groups);
    prop_assert_eq!(after.len(), lineage.groups.len(), "an id is used once");
    let mut homes: BTreeMap<&Text, &GroupId> = BTreeMap::new();
    for group in &lineage.groups {
        prop_assert!(group.members.is_sorted_by(|a, b| a < b), "sorted and without repeats: {:?}", group);
        prop_assert_eq!(group.status == Status::Active, !group.members.is_empty(), "{:?}", group);
        for member in &group.members {
            let number: usize = member[2..].parse().unwrap();
            prop_assert_eq!(
                &*group.client,
                CLIENTS[number % CLIENTS.len()],
                "a group never crosses a client"
            );
            prop_assert!(homes.insert(member, &group.id).is_none(), "{} is in two groups", member);
            prop_assert!(!day.complete || open.contains(member), "{} is settled", member);
        }
    }
    for member in found.iter().flat_map(|found| &found.members) {
        prop_assert!(
            !day.complete || homes.contains_key(member),
            "{} was found in a cluster and is in no group",
            member
        );
    }
    for old in before {
        let new = after[&old.id];
        prop_assert_eq!((&new.client, new.since, &new.split_from), (&old.client, old.since, &old.split_from));
        let fates: Vec<&Fate> = lineage
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Known { group, fate } if *group == old.id => Some(fate),
                _ => None,
            })
            .collect();
        match old.status {
            Status::Active => prop_assert_eq!(fates.len(), 1, "one fate: {:?}", fates),
            Status::Merged { .. } => prop_assert_eq!((new, fates.len()), (old, 0), "merged is for ever"),
            Status::Resolved { .. } => {
                prop_assert!(matches!(fates[..], [] | [Fate::Returned]), "{:?}", fates);
                prop_assert_eq!(fates.len() == 1, new.status == Status::Active);
            }
        }
        if old.status == Status::Active {
            let joined = new.members.iter().filter(|member| !old.members.contains(member)).count();
            let left = old.members.iter().filter(|member| !new.members.contains(member)).count();
            match fates[0] {
                Fate::Kept { joined: j, left: l } => prop_assert_eq!((*j, *l), (joined, left)),
                Fate::Resolved => {
                    let still = old.members.iter().find(|member| open.contains(*member));
                    prop_assert!(still.is_none(), "{:?} is open, so its group is not resolved", still);
                }
                Fate::MergedInto(into) => prop_assert_eq!(&after[into].status, &Status::Active),
                Fate::Returned => prop_assert!(false, "an active group does not return"),
            }
            prop_assert!(
                day.complete || (new.status == Status::Active && left == 0),
                "incomplete input took {} from {:?}",
                left,
                old
            );
        }
    }
    Ok(())
}

#[test]
fn the_invariants_hold_in_random_histories() {
    let shapes = (days(), 1u32..=3, stakes());
    let seen: RefCell<BTreeMap<String, usize>> = RefCell::default();
    hold_for(7, 600, &shapes, |(days, confirm_runs, stakes)| {
        let mut history = History::new();
        history.params.confirm_runs = confirm_runs;
        for (number, day) in days.iter().enumerate() {
            let (found, open) = clusters(day, number);
            let before = history.groups.clone();
            history.hang(&stakes[number]);
            let lineage = history.inherit(&found, &open, day.complete, day.complete);
            check_run(&before, &lineage, day, &found, &open)?;
            for event in &lineage.events {
                let mut seen = seen.borrow_mut();
                *seen.entry(word(event).to_owned()).or_default() += 1;
                if let Event::Known { group, fate: Fate::MergedInto(into) } = event {
                    for (word, group) in [("from", group), ("into", into)] {
                        *seen.entry(format!("{word} {:?}", history.stakes[group])).or_default() += 1;
                    }
                }
            }
            history.groups = lineage.groups;
            history.now += SignedDuration::from_hours(24 * 9);
        }
        Ok(())
    });
    let seen = seen.into_inner();
    println!("{seen:?}");
    let events = ["born", "split", "kept", "returned", "merged", "resolved", "unconfirmed"];
    let merges = ["Nothing", "Quiet", "Unclear", "Ticket", "Work", "Decided"]
        .iter()
        .flat_map(|stake| [format!("from {stake}"), format!("into {stake}")]);
    for event in events.map(str::to_owned).into_iter().chain(merges) {
        assert!(
            seen.get(&event).is_some_and(|count| *count >= 10),
            "`{event}` is too rare to prove anything: {seen:?}"
        );
    }
}

fn word(event: &Event) -> &'static str {
    match event {
        Event::Born { split_from: None, .. } => "born",
        Event::Born { .. } => "split",
        Event::Unconfirmed { .. } => "unconfirmed",
        Event::Known { fate, .. } => match fate {
            Fate::Kept { .. } => "kept",
            Fate::Returned => "returned",
            Fate::MergedInto(_) => "merged",
            Fate::Resolved => "resolved",
        },
    }
}

#[test]
fn the_same_input_twice_gives_no_event() {
    hold_for(11, 1_500, &(days(), stakes()), |(days, stakes)| {
        let mut history = History::new();
        for (number, day) in days.iter().enumerate() {
            let (found, open) = clusters(day, number);
            history.hang(&stakes[number]);
            history.groups = history.inherit(&found, &open, day.complete, day.complete).groups;
            let again = history.inherit(&found, &open, day.complete, false);
            prop_assert_eq!(&again.groups, &history.groups);
            for event in &again.events {
                let quiet = matches!(
                    event,
                    Event::Known { fate: Fate::Kept { joined: 0, left: 0 }, .. } | Event::Unconfirmed { .. }
                );
                prop_assert!(quiet, "{:?}", event);
            }
        }
        Ok(())
    });
}

#[test]
fn the_order_of_the_clusters_changes_nothing() {
    hold_for(13, 400, &(days(), stakes()), |(days, stakes)| {
        let mut history = History::new();
        for (number, day) in days.iter().enumerate() {
            let (mut found, open) = clusters(day, number);
            let before = history.groups.clone();
            history.hang(&stakes[number]);
            let lineage = history.inherit(&found, &open, day.complete, day.complete);
            let by = if found.is_empty() { 0 } else { day.rotate % found.len() };
            found.rotate_left(by);
            let turned = history.inherit(&found, &open, day.complete, day.complete);
            prop_assert_eq!(fates_and_births(&turned, &before), fates_and_births(&lineage, &before));
            history.groups = lineage.groups;
            history.now += SignedDuration::from_hours(24);
        }
        Ok(())
    });
}

#[test]
fn how_ids_sort_changes_nothing_where_the_known_groups_come_in_an_order_of_their_own() {
    let turned = |group: &GroupId| id(u128::MAX / 2 - u128::from_str_radix(group.as_str(), 16).unwrap());
    hold_for(17, 400, &days(), |days| {
        let (mut plain, mut other) = (History::new(), History::new());
        for (number, day) in days.iter().enumerate() {
            let (found, open) = clusters(day, number);
            let by_content = |a: &Group, b: &Group| {
                (a.since, &a.members, &a.patterns).cmp(&(b.since, &b.members, &b.patterns))
            };
            plain.groups.sort_by(by_content);
            other.groups.sort_by(by_content);
            plain.groups = plain.inherit(&found, &open, day.complete, day.complete).groups;
            let mut lineage = other.inherit(&found, &open, day.complete, day.complete);
            // The ids that are minted in a run sort the other way round among all.
            let known: BTreeSet<GroupId> = other.groups.iter().map(|group| group.id.clone()).collect();
            let renamed = |group: &mut GroupId| {
                if !known.contains(group) {
                    *group = turned(group);
                }
            };
            for group in &mut lineage.groups {
                renamed(&mut group.id);
                if let Status::Merged { into, .. } = &mut group.status {
                    renamed(into);
                }
                for pending in &mut group.pending {
                    if let Pending::Merge { into, .. } = pending {
                        renamed(into);
                    }
                }
                group.split_from.iter_mut().for_each(renamed);
            }
            other.groups = lineage.groups;
            let shown = |history: &History| -> BTreeSet<(Vec<Text>, bool)> {
                let living = |group: &Group| (group.members.clone(), group.split_from.is_some());
                history.groups.iter().filter(|it| it.status == Status::Active).map(living).collect()
            };
            prop_assert_eq!(shown(&plain), shown(&other));
            plain.now += SignedDuration::from_hours(24);
            other.now += SignedDuration::from_hours(24);
        }
        Ok(())
    });
}

/// Known groups as they are now, and births by their members, as their ids are drawn at random.
fn fates_and_births(lineage: &Lineage, before: &[Group]) -> (Vec<Group>, BTreeSet<Vec<Text>>) {
    let was = by_id(before);
    let (known, born): (Vec<Group>, Vec<Group>) =
        lineage.groups.iter().cloned().partition(|group| was.contains_key(&group.id));
    (known, born.into_iter().map(|group| group.members).collect())
}
