//! Journal and vault on real files: crashes between any two steps, damage of every kind, and what is said
//! about it. A crash is a copy of the directory taken while everything is open.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what fails here fails the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use disputebot::{
    dispute::Program,
    group::{Group, GroupId, Status},
    plan::{Closed, Issue, Link, Moment, Stray, StrayKind, Ticket, Written},
    state::{
        Change, Claimed, Done, Doubt, Entry, FORMAT, GroupRecord, Head, Journal, JournalError, Known, Ran,
        Record, Rows, RunRecord, State, StateError, Tree, Untried, Vault, Write, backup, journal, vault,
    },
    ticket::facts::Figures,
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

const NOVEMBER: &str = "2026-11-24T12:00:00Z";
const DECEMBER: &str = "2026-12-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entry(time: &str, number: u64) -> Entry<'static> {
    Entry { at: at(time), kind: "counted", body: json!({ "number": number, "text": "a \"quoted\" é\n" }) }
}

/// A journal with so many records, all in November.
fn journal_of(records: u64) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    let entries: Vec<_> = (1..=records).map(|number| entry(NOVEMBER, number)).collect();
    assert_eq!(journal.append_all(&entries).unwrap(), records);
    directory
}

fn november(directory: &Path) -> PathBuf {
    directory.join("2026-11.jsonl")
}

fn records(directory: &Path) -> Vec<Record> {
    let mut found = Vec::new();
    journal::read(directory, 1, |record| {
        found.push(record);
        Ok::<(), JournalError>(())
    })
    .unwrap();
    found
}

/// Line and record number of the damage.
fn damage(directory: &Path) -> (u64, u64) {
    match journal::verify(directory) {
        Err(JournalError::Damaged { line, seq, file, .. }) => {
            assert_eq!(file, november(directory));
            (line, seq)
        }
        other => panic!("expected damage, found {other:?}"),
    }
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copy_into(from, to.path());
    to
}

fn copy_into(from: &Path, to: &Path) {
    for found in fs::read_dir(from).unwrap() {
        let found = found.unwrap();
        let target = to.join(found.file_name());
        if found.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_into(&found.path(), &target);
        } else {
            fs::copy(found.path(), target).unwrap();
        }
    }
}

fn random(seed: u64) -> impl FnMut(usize) -> usize {
    println!("seed {seed:#x}");
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    }
}

// The journal.

#[test]
fn records_are_read_as_they_were_written_also_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    assert_eq!(journal.head(), Head::EMPTY);
    assert_eq!(journal.append(at(NOVEMBER), "first", &json!({"amount": 0.1, "big": 1e300})).unwrap(), 1);
    drop(journal);
    let mut journal = Journal::open(directory.path()).unwrap();
    assert_eq!(journal.append(at(NOVEMBER), "with \"quotes\"", &["a", "\u{1F600}\n"]).unwrap(), 2);

    let found = records(directory.path());
    assert_eq!(found[0].body, json!({"amount": 0.1, "big": 1e300}));
    assert_eq!((found[0].seq, found[0].at, found[0].kind.as_str()), (1, at(NOVEMBER), "first"));
    assert_eq!(found[1].kind, "with \"quotes\"");
    assert_eq!(found[1].body, json!(["a", "\u{1F600}\n"]));
    assert_eq!(found[1].prev, found[0].hash);
    assert_eq!(journal.head(), Head { seq: 2, hash: found[1].hash });
    let verified = journal::verify(directory.path()).unwrap();
    assert_eq!((verified.head, verified.torn), (journal.head(), None));
}

#[test]
fn each_month_has_its_file_and_a_clock_set_back_stays_in_the_newest() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.append_all(&[entry(NOVEMBER, 1), entry(DECEMBER, 2), entry(NOVEMBER, 3)]).unwrap();
    drop(journal);
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.append_all(&[entry(NOVEMBER, 4), entry("2027-01-01T00:00:00Z", 5)]).unwrap();
    let lines = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap().lines().count();
    assert_eq!(
        (lines("2026-11.jsonl"), lines("2026-12.jsonl"), lines("2027-01.jsonl")),
        (1, 3, 1),
        "records are in the order of the files"
    );
    assert_eq!(journal::verify(directory.path()).unwrap().head.seq, 5);
}

#[test]
fn a_second_journal_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _journal = Journal::open(directory.path()).unwrap();
    match Journal::open(directory.path()) {
        Err(JournalError::InUse { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn every_flipped_byte_is_found_and_named() {
    let directory = journal_of(200);
    let path = november(directory.path());
    let whole = fs::read(&path).unwrap();
    let mut random = random(0xF11B);
    let mut line = 1_u64;
    for index in 0..whole.len() {
        // The first lines, some in the middle and the last ones byte for byte, the others sampled.
        if matches!(line, 1..=2 | 100 | 199..=200) || random(40) == 0 {
            let mut flipped = whole.clone();
            flipped[index] ^= 1 << random(8);
            fs::write(&path, &flipped).unwrap();
            let (found_line, found_seq) = damage(directory.path());
            assert_eq!((found_line, found_seq), (line, line), "byte {index}");
        }
        line += u64::from(whole[index] == b'\n');
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(journal::verify(directory.path()).unwrap().head.seq, 200);
}

#[test]
fn removed_inserted_and_swapped_records_are_found_and_named() {
    let directory = journal_of(20);
    let path = november(directory.path());
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let write = |lines: &[&str]| fs::write(&path, lines.join("\n") + "\n").unwrap();

    let mut removed = lines.clone();
    removed.remove(6);
    write(&removed);
    assert_eq!(damage(directory.path()), (7, 7));

    let mut first_removed = lines.clone();
    first_removed.remove(0);
    write(&first_removed);
    assert_eq!(damage(directory.path()), (1, 1));

    let mut repeated = lines.clone();
    repeated.insert(6, lines[5]);
    write(&repeated);
    assert_eq!(damage(directory.path()), (7, 7));

    let mut swapped = lines.clone();
    swapped.swap(6, 7);
    write(&swapped);
    assert_eq!(damage(directory.path()), (7, 7));

    let other = tempfile::tempdir().unwrap();
    let mut forger = Journal::open(other.path()).unwrap();
    forger.append_all(&(1..=20).map(|number| entry(NOVEMBER, number + 1)).collect::<Vec<_>>()).unwrap();
    let forged = fs::read_to_string(november(other.path())).unwrap();
    let mut replaced = lines.clone();
    replaced[6] = forged.lines().nth(6).unwrap();
    write(&replaced);
    assert_eq!(damage(directory.path()), (7, 7));
    assert!(matches!(Journal::open(directory.path()), Err(JournalError::Damaged { .. })), "open checks too");
}

#[test]
fn removed_emptied_renamed_and_unknown_files_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    journal.append_all(&[entry(NOVEMBER, 1), entry(DECEMBER, 2), entry("2027-01-01T00:00:00Z", 3)]).unwrap();
    drop(journal);
    let path = |directory: &TempDir, name: &str| directory.path().join(name);
    let refused = |directory: &TempDir| match journal::verify(directory.path()) {
        Err(JournalError::Damaged { file, .. } | JournalError::UnexpectedFile { file }) => {
            file.file_name().unwrap().to_str().unwrap().to_owned()
        }
        other => panic!("expected damage, found {other:?}"),
    };

    let removed = copy(directory.path());
    fs::remove_file(path(&removed, "2026-12.jsonl")).unwrap();
    assert_eq!(refused(&removed), "2027-01.jsonl");

    let emptied = copy(directory.path());
    fs::write(path(&emptied, "2026-12.jsonl"), "").unwrap();
    assert_eq!(refused(&emptied), "2026-12.jsonl");

    let renamed = copy(directory.path());
    fs::rename(path(&renamed, "2027-01.jsonl"), path(&renamed, "2027-02.jsonl")).unwrap();
    assert_eq!(refused(&renamed), "2027-02.jsonl");

    let cut = copy(directory.path());
    let text = fs::read_to_string(path(&cut, "2026-12.jsonl")).unwrap();
    fs::write(path(&cut, "2026-12.jsonl"), &text[..text.len() - 20]).unwrap();
    assert_eq!(refused(&cut), "2026-12.jsonl");

    for name in ["2026-13.jsonl", "2026-1.jsonl", "copy of 2026-11.jsonl"] {
        let unknown = copy(directory.path());
        fs::write(path(&unknown, name), "").unwrap();
        assert_eq!(refused(&unknown), name);
    }
}

#[test]
fn a_line_cut_anywhere_by_a_crash_is_moved_aside_and_told() {
    let directory = journal_of(3);
    let whole = fs::read(november(directory.path())).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let head_of_two = {
        let two = copy(directory.path());
        fs::write(november(two.path()), &whole[..last]).unwrap();
        journal::verify(two.path()).unwrap().head
    };
    for cut in last + 1..whole.len() {
        let crashed = copy(directory.path());
        fs::write(november(crashed.path()), &whole[..cut]).unwrap();

        let seen = journal::verify(crashed.path()).unwrap();
        assert_eq!(seen.head, head_of_two);
        assert_eq!(seen.torn.unwrap().kept_in, None, "only looking changes nothing");

        let mut journal = Journal::open(crashed.path()).unwrap();
        assert_eq!(journal.head(), head_of_two);
        let torn = journal.torn().unwrap();
        assert_eq!(torn.size_bytes, (cut - last) as u64);
        assert_eq!(fs::read(torn.kept_in.as_ref().unwrap()).unwrap(), whole[last..cut]);
        assert_eq!(journal.append(at(NOVEMBER), "again", &json!({})).unwrap(), 3);
        drop(journal);
        let again = Journal::open(crashed.path()).unwrap();
        assert_eq!((again.head().seq, again.torn()), (3, None));
    }
}

#[test]
fn torn_lines_of_several_crashes_are_all_kept() {
    let directory = journal_of(1);
    let whole = fs::read(november(directory.path())).unwrap();
    for crash in 1..=3 {
        fs::write(november(directory.path()), [&whole[..], b"{\"seq\":2,\"at"].concat()).unwrap();
        let journal = Journal::open(directory.path()).unwrap();
        let kept = journal.torn().unwrap().kept_in.clone().unwrap();
        assert_eq!(kept.file_name().unwrap().to_str().unwrap(), format!("2026-11.jsonl.{crash}.torn"));
    }
}

#[test]
fn a_file_made_just_before_a_crash_is_no_damage() {
    let directory = journal_of(2);
    fs::write(directory.path().join("2026-12.jsonl"), "").unwrap();
    assert_eq!(journal::verify(directory.path()).unwrap().head.seq, 2);
    let mut journal = Journal::open(directory.path()).unwrap();
    assert_eq!(journal.append(at(NOVEMBER), "back in time", &json!({})).unwrap(), 3);
    assert_eq!(records(directory.path()).len(), 3);
    assert!(!directory.path().join("2026-12.jsonl").exists());
}

#[test]
fn a_journal_that_lost_its_end_or_is_another_one_is_found_by_a_known_head() {
    let directory = journal_of(5);
    let known = journal::verify(directory.path()).unwrap().head;
    let none = |_| -> Result<(), JournalError> { panic!("nothing may be replayed") };

    let text = fs::read_to_string(november(directory.path())).unwrap();
    let four: String = text.split_inclusive('\n').take(4).collect();
    fs::write(november(directory.path()), four).unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    let behind = journal.replay_after(known, none).unwrap_err();
    assert_eq!(behind.to_string(), "the journal ends at record `4`, but record `5` was written");

    let other = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(other.path()).unwrap();
    journal.append_all(&(1..=9).map(|number| entry(DECEMBER, number)).collect::<Vec<_>>()).unwrap();
    assert!(matches!(journal.replay_after(known, none), Err(JournalError::Diverged { seq: 5, .. })));
}

#[test]
fn replay_gives_exactly_what_came_after() {
    let directory = journal_of(5);
    let journal = Journal::open(directory.path()).unwrap();
    let all = records(directory.path());
    for known in 0..=5_usize {
        let head =
            all.get(known.wrapping_sub(1)).map_or(Head::EMPTY, |it| Head { seq: it.seq, hash: it.hash });
        let mut replayed = Vec::new();
        let count = journal
            .replay_after(head, |record| {
                replayed.push(record);
                Ok::<(), JournalError>(())
            })
            .unwrap();
        assert_eq!(replayed, all[known..]);
        assert_eq!(count, replayed.len() as u64);
    }
}

#[test]
fn a_journal_is_whole_in_a_copy_taken_after_any_append() {
    let directory = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(directory.path()).unwrap();
    for number in 1..=6 {
        let time = if number < 4 { NOVEMBER } else { DECEMBER };
        journal.append(at(time), "counted", &json!({ "number": number })).unwrap();
        let crashed = copy(directory.path());
        assert_eq!(Journal::open(crashed.path()).unwrap().head(), journal.head());
    }
}

// The vault.

fn head(seq: u64) -> Head {
    Head { seq, hash: format!("{seq:064x}").parse().unwrap() }
}

fn put(key: &str, value: &Value) -> Write {
    Write::put(Tree::Members, key, value).unwrap()
}

fn contents(vault: &Vault) -> Vec<(String, Value)> {
    vault.scan(Tree::Members).unwrap()
}

#[test]
fn values_are_read_as_they_were_committed_also_after_reopening() {
    let state = tempfile::tempdir().unwrap();
    let mut vault = Vault::open(state.path()).unwrap();
    assert_eq!((vault.applied(), contents(&vault)), (Head::EMPTY, vec![]));
    vault
        .commit(
            &[
                put("b", &json!({"n": 2})),
                put("a", &json!(1)),
                put("a/b", &json!(null)),
                put("ä", &json!("ä")),
            ],
            head(3),
        )
        .unwrap();
    vault.commit(&[Write::delete(Tree::Members, "b"), Write::delete(Tree::Groups, "none")], head(4)).unwrap();
    vault.commit(&[put("a", &json!(7)), put("a", &json!(8))], head(5)).unwrap();
    drop(vault);

    let vault = Vault::open(state.path()).unwrap();
    assert_eq!(vault.applied(), head(5));
    assert_eq!(
        contents(&vault),
        [("a".to_owned(), json!(8)), ("a/b".to_owned(), json!(null)), ("ä".to_owned(), json!("ä"))]
    );
    assert_eq!(vault.get::<i64>(Tree::Members, "a").unwrap(), Some(8));
    assert_eq!(vault.get::<i64>(Tree::Members, "b").unwrap(), None);
    assert_eq!(vault.get::<i64>(Tree::Groups, "a").unwrap(), None, "trees are apart");
    assert!(matches!(vault.get::<i64>(Tree::Members, "ä"), Err(StateError::Form { tree: "members", .. })));
    assert_eq!(vault.verify().unwrap(), vault::Checked { values: 3, rows: 3, applied: head(5) });
}

#[test]
fn a_second_vault_is_refused_and_told_by_whom() {
    let state = tempfile::tempdir().unwrap();
    let vault = Vault::open(state.path()).unwrap();
    let refused = Vault::open(state.path()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the state in `{}` is in use by another disputebot (process `{}`)",
            state.path().display(),
            std::process::id()
        )
    );
    assert!(matches!(Vault::start_over(state.path()), Err(StateError::InUse { .. })));
    drop(vault);
    assert!(Vault::open(state.path()).is_ok());
}

#[test]
fn keys_and_heads_that_break_a_rule_are_refused_and_change_nothing() {
    let state = tempfile::tempdir().unwrap();
    let mut vault = Vault::open(state.path()).unwrap();
    vault.commit(&[put("a", &json!(1))], head(2)).unwrap();
    for key in ["", "a\0b", &"k".repeat(vault::KEY_LIMIT + 1)] {
        let refused = vault.commit(&[put("b", &json!(1)), put(key, &json!(1))], head(3)).unwrap_err();
        assert!(matches!(refused, StateError::Key { .. }), "{refused}");
    }
    for (writes, seq) in [(vec![], 1), (vec![put("b", &json!(1))], 2)] {
        let refused = vault.commit(&writes, head(seq)).unwrap_err();
        assert!(matches!(refused, StateError::NotNewer { applied: 2, .. }), "{refused}");
    }
    vault.commit(&[], head(2)).unwrap();
    assert_eq!(contents(&vault), [("a".to_owned(), json!(1))]);
    vault.commit(&[put(&"k".repeat(vault::KEY_LIMIT), &json!(1))], head(3)).unwrap();
}

#[test]
fn a_crash_between_any_two_steps_loses_nothing_and_invents_nothing() {
    let state = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&state.path().join("journal")).unwrap();
    let mut vault = Vault::open(state.path()).unwrap();
    let mut model: BTreeMap<String, Value> = BTreeMap::new();
    let change = |number: u64| (format!("g-{}", number % 5), json!("x".repeat(number as usize * 700)));
    for number in 1..=12 {
        let (key, value) = change(number);
        journal.append(at(NOVEMBER), "changed", &json!({ "number": number })).unwrap();
        model.insert(key.clone(), value.clone());
        let between = copy(state.path());
        vault.commit(&[put(&key, &value)], journal.head()).unwrap();
        let after = copy(state.path());

        for (crashed, missing) in [(between, 1), (after, 0)] {
            let journal = Journal::open(&crashed.path().join("journal")).unwrap();
            let mut vault = Vault::open(crashed.path()).unwrap();
            let mut writes = Vec::new();
            let replayed = journal
                .replay_after(vault.applied(), |record| {
                    let (key, value) = change(record.body["number"].as_u64().unwrap());
                    writes.push(put(&key, &value));
                    Ok::<(), StateError>(())
                })
                .unwrap();
            assert_eq!(replayed, missing);
            vault.commit(&writes, journal.head()).unwrap();
            assert_eq!(contents(&vault), model.clone().into_iter().collect::<Vec<_>>());
            assert_eq!(vault.applied_seq(), number);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 8,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0xC4A2),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn values_of_any_size_replace_each_other_without_a_rest(
        sizes in proptest::collection::vec((0_usize..3, prop_oneof![0_usize..100, 3_900_usize..4_300, 0_usize..200_000]), 1..8)
    ) {
        let state = tempfile::tempdir().unwrap();
        let mut vault = Vault::open(state.path()).unwrap();
        let mut model: BTreeMap<String, Value> = BTreeMap::new();
        for (seq, (key, size)) in (1..).zip(sizes) {
            let key = format!("g-{key}");
            if size == 0 {
                model.remove(&key);
                vault.commit(&[Write::delete(Tree::Members, &key)], head(seq)).unwrap();
            } else {
                let value = json!("y".repeat(size));
                vault.commit(&[put(&key, &value)], head(seq)).unwrap();
                prop_assert_eq!(vault.get::<Value>(Tree::Members, &key).unwrap(), Some(value.clone()));
                model.insert(key, value);
            }
            let rows: usize = model.values().map(|value| value.to_string().len().div_ceil(4096)).sum();
            let checked = vault.verify().unwrap();
            prop_assert_eq!((checked.values, checked.rows), (model.len() as u64, rows as u64));
        }
        drop(vault);
        let vault = Vault::open(state.path()).unwrap();
        prop_assert_eq!(contents(&vault), model.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn much_and_long_data_is_one_commit_and_makes_sled_write_no_file_of_its_own() {
    let state = tempfile::tempdir().unwrap();
    let mut vault = Vault::open(state.path()).unwrap();
    for seq in 1..=3_u8 {
        let writes: Vec<_> = (0..40)
            .map(|number| {
                let key = format!("{number:0>width$}", width = vault::KEY_LIMIT);
                put(&key, &json!(char::from(b'a' + seq).to_string().repeat(150_000)))
            })
            .collect();
        vault.commit(&writes, head(seq.into())).unwrap();
    }
    drop(vault);
    let vault = Vault::open(state.path()).unwrap();
    assert_eq!(vault.verify().unwrap().values, 40);
    let found = contents(&vault);
    assert!(found.iter().all(|(_, value)| *value == json!("d".repeat(150_000))));
    drop(vault);
    assert_eq!(fs::read_dir(state.path().join("db/blobs")).unwrap().count(), 0);
}

fn state_of(values: u64) -> TempDir {
    let state = tempfile::tempdir().unwrap();
    let mut vault = Vault::open(state.path()).unwrap();
    for seq in 1..=values {
        vault.commit(&[put(&format!("g-{}", seq % 40), &json!({ "seq": seq }))], head(seq)).unwrap();
    }
    state
}

fn snapshots(state: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(state.join("db")).unwrap().map(|found| found.unwrap().path());
    names.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap.")).collect()
}

#[test]
fn a_half_written_or_a_missing_snapshot_costs_nothing() {
    let state = state_of(50);
    drop(Vault::open(state.path()).unwrap());
    assert!(!snapshots(state.path()).is_empty());
    fs::write(state.path().join("db/snap.00000000000012AB.generating"), b"half").unwrap();
    assert_eq!(contents(&Vault::open(state.path()).unwrap()).len(), 40);

    for snapshot in snapshots(state.path()) {
        fs::remove_file(snapshot).unwrap();
    }
    assert_eq!(contents(&Vault::open(state.path()).unwrap()).len(), 40);
    assert!(!state.path().join("db.damaged-1").exists());
}

#[test]
fn a_damaged_snapshot_is_copied_aside_and_made_again() {
    let state = state_of(50);
    drop(Vault::open(state.path()).unwrap());
    for snapshot in snapshots(state.path()) {
        let mut bytes = fs::read(&snapshot).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(&snapshot, bytes).unwrap();
    }
    let vault = Vault::open(state.path()).unwrap();
    assert_eq!((contents(&vault).len(), vault.applied()), (40, head(50)));
    assert!(state.path().join("db.damaged-1/db").exists());
}

/// After any damage the vault either says so, or is exactly what it was at the record it names, so that
/// the journal brings it up to date.
fn never_silent(damage_one: impl Fn(&Path, &mut dyn FnMut(usize) -> usize), trials: usize, seed: u64) {
    const COMMITS: u64 = 300;
    let value = |seq: u64| json!({ "seq": seq, "text": "z".repeat((seq as usize * 997) % 15_000) });
    let state = tempfile::tempdir().unwrap();
    let mut vault = Vault::open(state.path()).unwrap();
    for seq in 1..=COMMITS {
        vault.commit(&[put(&format!("g-{}", seq % 40), &value(seq))], head(seq)).unwrap();
    }
    drop(vault);
    drop(Vault::open(state.path()).unwrap());
    let mut random = random(seed);
    let (mut refused, mut older, mut whole) = (0, 0, 0);
    for trial in 0..trials {
        let damaged = copy(state.path());
        damage_one(&damaged.path().join("db/db"), &mut random);
        match Vault::open_within(damaged.path(), Duration::from_secs(5)) {
            Err(_) => refused += 1,
            Ok(vault) => {
                let applied = vault.applied_seq();
                *(if applied < COMMITS { &mut older } else { &mut whole }) += 1;
                let model: BTreeMap<String, Value> =
                    (1..=applied).map(|seq| (format!("g-{}", seq % 40), value(seq))).collect();
                assert_eq!(contents(&vault), model.into_iter().collect::<Vec<_>>(), "trial {trial}");
            }
        }
    }
    println!("{refused} refused, {older} older, {whole} whole");
    assert!(refused + older > 0, "some damage must hit live rows");
}

#[test]
fn flipped_bits_never_lose_or_change_a_value_silently() {
    let flip = |path: &Path, random: &mut dyn FnMut(usize) -> usize| {
        let mut bytes = fs::read(path).unwrap();
        let written: Vec<usize> = (0..bytes.len()).filter(|index| bytes[*index] != 0).collect();
        bytes[written[random(written.len())]] ^= 1 << random(8);
        fs::write(path, bytes).unwrap();
    };
    never_silent(flip, 60, 0xB17);
}

#[test]
fn a_truncated_log_never_loses_a_value_silently() {
    let truncate = |path: &Path, random: &mut dyn FnMut(usize) -> usize| {
        let bytes = fs::read(path).unwrap();
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        fs::write(path, &bytes[..random(used)]).unwrap();
    };
    never_silent(truncate, 25, 0x7C);
}

#[test]
fn starting_over_keeps_the_damaged_vault_and_begins_empty() {
    let state = state_of(3);
    for number in 1..=vault::COPIES_LIMIT {
        let (mut vault, kept) = Vault::start_over(state.path()).unwrap();
        assert_eq!(kept, Some(state.path().join(format!("db.damaged-{number}"))));
        assert_eq!((vault.applied(), contents(&vault)), (Head::EMPTY, vec![]));
        vault.commit(&[put("a", &json!(number))], head(1)).unwrap();
    }
    let refused = Vault::start_over(state.path()).unwrap_err();
    assert!(matches!(refused, StateError::CopiesFull { name: "db.damaged", limit: 3, .. }), "{refused}");
    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(Vault::start_over(fresh.path()).unwrap().1, None);
}

// The whole.

const LATER: &str = "2026-11-24T13:00:00Z";

fn group(number: u128, revision: u64) -> Change {
    let id = GroupId::from_bits(number);
    Change::Group(GroupRecord {
        group: Group {
            id,
            program: Program::Mdrp,
            client: "Client A".into(),
            patterns: Vec::new(),
            members: (0..3).map(|it| format!("D-{number}-{it}").as_str().into()).collect(),
            since: at(NOVEMBER),
            split_from: None,
            status: Status::Active,
            pending: Vec::new(),
        },
        title: format!("title {revision}"),
        cause: "duplicate discount".into(),
        who: "the pharmacy".into(),
        figures: Figures::default(),
        coarse: false,
        due: Vec::new(),
        spread: None,
    })
}

fn ticket(number: u128) -> Change {
    let mut ticket = Ticket::none(GroupId::from_bits(number));
    ticket.link = Link::Bound { issue: Issue { id: number.to_string(), key: format!("DISP-{number}") } };
    Change::Ticket(ticket)
}

/// A state of several commits, and what it knows.
fn whole_state() -> (TempDir, Known) {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    assert_eq!(state.healed(), None);
    for number in 1..=8 {
        let time = if number < 5 { NOVEMBER } else { LATER };
        state.record(at(time), &[group(number, 1), ticket(number)]).unwrap();
    }
    state.record(at(DECEMBER), &[group(3, 2)]).unwrap();
    let known = state.known().clone();
    assert_eq!((known.groups.len(), known.tickets.len(), &known.doubt), (8, 8, &None));
    (directory, known)
}

/// The same without the doubt.
fn trusted(known: &Known) -> Known {
    Known { doubt: None, ..known.clone() }
}

#[track_caller]
fn opens_healed(directory: &Path, truth: &Known, reason: &str) {
    let mut state = State::open(directory).unwrap();
    assert_eq!(&trusted(state.known()), truth);
    let doubt = state.known().doubt.clone().unwrap();
    assert!(doubt.reason.contains(reason) && doubt.read.is_none(), "{doubt:?}");
    assert!(state.healed().unwrap().contains(reason), "{:?}", state.healed());
    state.record(at(DECEMBER), &[group(9, 1)]).unwrap();
    drop(state);
    let again = State::open(directory).unwrap();
    assert_eq!(again.healed(), None, "it is told once");
    assert_eq!(again.known().doubt, Some(doubt), "it stands until Jira was read");
    assert_eq!(again.known().groups.len(), truth.groups.len() + 1);
    drop(again);
    State::verify(directory).unwrap();
}

/// Damages every row, so that no snapshot helps.
fn ruin_vault(directory: &Path) {
    let path = directory.join("db/db");
    let mut bytes = fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(512) {
        bytes[at] ^= 0x55;
    }
    fs::write(&path, bytes).unwrap();
    for snapshot in snapshots(directory) {
        fs::write(snapshot, b"ruined").unwrap();
    }
}

#[test]
fn a_damaged_vault_is_set_aside_and_made_anew_with_a_doubt() {
    let (directory, truth) = whole_state();
    drop(State::open(directory.path()).unwrap());
    // One row says something else, under a checksum that sled finds right.
    let store = sled_in(directory.path());
    let (key, row) = store.iter().next_back().unwrap().unwrap();
    let mut row = row.to_vec();
    *row.last_mut().unwrap() ^= 1;
    store.insert(key, row).unwrap();
    store.flush().unwrap();
    drop(store);
    assert!(
        matches!(State::verify(directory.path()), Err(StateError::Damaged { .. })),
        "verify heals nothing"
    );
    assert!(!directory.path().join("db.damaged-1").exists());
    opens_healed(directory.path(), &truth, "is damaged");
    assert!(directory.path().join("db.damaged-1/db").exists());
}

#[test]
fn a_missing_vault_is_made_anew_with_a_doubt() {
    let (directory, truth) = whole_state();
    fs::remove_dir_all(directory.path().join("db")).unwrap();
    opens_healed(directory.path(), &truth, "it is missing");
}

#[test]
fn a_vault_that_went_back_further_than_a_crash_takes_it_is_a_doubt() {
    let directory = tempfile::tempdir().unwrap();
    let mut state = State::open(directory.path()).unwrap();
    state.record(at(NOVEMBER), &[group(1, 1)]).unwrap();
    let crashed = copy(directory.path());
    state.record(at(LATER), &[group(2, 1), group(3, 1)]).unwrap();
    let truth = state.known().clone();
    let later = copy(directory.path());
    state.record(at(DECEMBER), &[group(1, 2)]).unwrap();
    let newest = state.known().clone();
    drop(state);
    let with_old_vault = |of: &Path| {
        let mixed = copy(of);
        fs::remove_dir_all(mixed.path().join("db")).unwrap();
        fs::create_dir(mixed.path().join("db")).unwrap();
        copy_into(&crashed.path().join("db"), &mixed.path().join("db"));
        mixed
    };
    let one_behind = with_old_vault(later.path());
    let state = State::open(one_behind.path()).unwrap();
    assert_eq!((state.known(), state.healed()), (&truth, None), "as a crash leaves it");
    let two_behind = with_old_vault(directory.path());
    opens_healed(two_behind.path(), &newest, "further apart than a crash leaves them");
}

/// The store as sled itself opens it. Who had it before may hold its lock for a moment after it is dropped.
fn sled_in(directory: &Path) -> sled::Db {
    loop {
        match sled::open(directory.join("db")) {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

#[test]
fn a_missing_file_of_sled_is_healed() {
    let (directory, truth) = whole_state();
    // disputebot's rows are too small for files of their own; sled makes one for a value that is not.
    let store = sled_in(directory.path());
    for number in 0..40_u8 {
        store.insert([number], vec![number; 90_000]).unwrap();
    }
    store.flush().unwrap();
    drop(store);
    drop(sled_in(directory.path()));
    let blobs: Vec<PathBuf> =
        fs::read_dir(directory.path().join("db/blobs")).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(!blobs.is_empty());
    for blob in blobs {
        let without = copy(directory.path());
        fs::remove_file(without.path().join("db/blobs").join(blob.file_name().unwrap())).unwrap();
        let state = State::open(without.path()).unwrap();
        assert_eq!(&trusted(state.known()), &truth);
        assert!(state.known().doubt.is_some() && state.healed().is_some());
    }
}

#[test]
fn a_vault_whose_opening_does_not_end_is_an_error_and_the_next_start_makes_it_anew() {
    let (directory, truth) = whole_state();
    let refused = State::open_within(directory.path(), Duration::ZERO).unwrap_err();
    assert!(matches!(refused, StateError::OpenTimeout { .. }), "{refused}");
    // The thread that was given up comes back in this case, and gives the lock back.
    while matches!(Vault::open(directory.path()), Err(StateError::InUse { .. })) {
        std::thread::yield_now();
    }
    assert!(matches!(State::verify(directory.path()), Err(StateError::Damaged { .. })));
    opens_healed(directory.path(), &truth, "opening it did not end the last time");
    assert!(directory.path().join("db.damaged-1").exists());
}

#[test]
fn no_more_than_three_damaged_vaults_are_kept_and_the_fourth_is_an_error() {
    let (directory, truth) = whole_state();
    for number in 1..=3 {
        fs::remove_dir_all(directory.path().join("db")).unwrap();
        fs::create_dir(directory.path().join("db")).unwrap();
        fs::write(directory.path().join("db.stuck"), "").unwrap();
        let state = State::open(directory.path()).unwrap();
        assert_eq!(trusted(state.known()), truth);
        assert!(directory.path().join(format!("db.damaged-{number}")).exists());
    }
    fs::write(directory.path().join("db.stuck"), "").unwrap();
    let records = journal::verify(&directory.path().join("journal")).unwrap().head;
    for _ in 0..2 {
        match State::open(directory.path()).unwrap_err() {
            StateError::CopiesFull { limit: 3, cause: Some(cause), .. } => {
                assert!(matches!(*cause, StateError::Damaged { .. }));
            }
            other => panic!("expected a refusal, found {other}"),
        }
    }
    assert_eq!(
        journal::verify(&directory.path().join("journal")).unwrap().head,
        records,
        "nor grows the journal"
    );
}

#[test]
fn a_damaged_or_shortened_journal_is_never_healed() {
    let (directory, _) = whole_state();
    let cut = copy(directory.path());
    fs::remove_file(cut.path().join("journal/2026-12.jsonl")).unwrap();
    let refused = State::open(cut.path()).unwrap_err();
    assert!(
        matches!(refused, StateError::Journal(JournalError::Behind { found: 16, expected: 17 })),
        "{refused}"
    );

    let flipped = copy(directory.path());
    let path = flipped.path().join("journal/2026-11.jsonl");
    fs::write(&path, fs::read_to_string(&path).unwrap().replacen("title 1", "title 7", 1)).unwrap();
    ruin_vault(flipped.path());
    let refused = State::open(flipped.path()).unwrap_err();
    assert!(matches!(refused, StateError::Journal(JournalError::Damaged { line: 1, .. })), "{refused}");

    let other = whole_state().0;
    let mixed = copy(directory.path());
    let mut state = State::open(other.path()).unwrap();
    state.record(at(DECEMBER), &[group(77, 1)]).unwrap();
    drop(state);
    fs::remove_dir_all(mixed.path().join("db")).unwrap();
    fs::create_dir(mixed.path().join("db")).unwrap();
    copy_into(&other.path().join("db"), &mixed.path().join("db"));
    assert!(matches!(State::open(mixed.path()), Err(StateError::Journal(JournalError::Behind { .. }))));
}

#[test]
fn rebuilding_doubts_only_where_the_old_vault_was_no_witness() {
    let (directory, truth) = whole_state();
    let rebuilt = State::rebuild(directory.path()).unwrap();
    assert_eq!((rebuilt.records, rebuilt.doubt), (17, None));
    assert_eq!(State::open(directory.path()).unwrap().known(), &truth);

    let cut = copy(directory.path());
    fs::remove_file(cut.path().join("journal/2026-12.jsonl")).unwrap();
    let rebuilt = State::rebuild(cut.path()).unwrap();
    let reason = "the journal ends at record `16`, but record `17` was written";
    assert!(rebuilt.doubt.unwrap().contains(reason));
    let state = State::open(cut.path()).unwrap();
    assert!(state.known().doubt.as_ref().unwrap().reason.contains(reason));
    assert_eq!(state.head().seq, 17, "the doubt is a record of its own");
}

#[test]
fn a_backup_made_beside_a_writer_restores_to_what_was_known_then_with_a_doubt() {
    let (directory, truth) = whole_state();
    let file = directory.path().join("backup.jsonl.gz");
    let mut writer = State::open(directory.path()).unwrap();
    let made = backup::backup(directory.path(), &file).unwrap();
    assert_eq!(made.head, writer.head());
    writer.record(at(DECEMBER), &[group(50, 1)]).unwrap();
    let newer = writer.known().clone();
    let refused = backup::restore(directory.path(), &file).unwrap_err();
    assert!(matches!(refused, StateError::InUse { .. }), "{refused}");
    drop(writer);

    let restored = backup::restore(directory.path(), &file).unwrap();
    assert_eq!(restored.head, made.head);
    let kept = restored.aside.unwrap();
    assert_eq!(kept, directory.path().join("before-restore-1"));
    assert_eq!(State::open(&kept).unwrap().known(), &newer, "what was replaced is a whole state");
    let state = State::open(directory.path()).unwrap();
    assert_eq!((&trusted(state.known()), state.healed()), (&truth, None));
    assert!(state.known().doubt.as_ref().unwrap().reason.contains("restored from a backup"));
    drop(state);
    State::verify(directory.path()).unwrap();

    let fresh = tempfile::tempdir().unwrap();
    assert_eq!(backup::restore(fresh.path(), &file).unwrap().aside, None);
    assert_eq!(trusted(State::open(fresh.path()).unwrap().known()), truth);
}

#[test]
fn a_file_that_is_not_a_whole_backup_is_refused_and_nothing_is_touched() {
    let (directory, truth) = whole_state();
    let file = directory.path().join("backup.jsonl.gz");
    backup::backup(directory.path(), &file).unwrap();
    let packed = fs::read(&file).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let without_last: String = text.split_inclusive('\n').take(17).collect();
    let without_first: String = text.split_inclusive('\n').skip(1).collect();
    let longer = format!("{text}{}", text.lines().last().unwrap());
    let mut broken: Vec<Vec<u8>> = vec![
        packed[..packed.len() - 1].to_vec(),
        packed[..packed.len() / 2].to_vec(),
        without_last.into_bytes(),
        without_first.into_bytes(),
        longer.into_bytes(),
        text.replacen("title 1", "title 7", 1).into_bytes(),
        text.trim_end().as_bytes().to_vec(),
        Vec::new(),
    ];
    let mut random = random(0xBAC);
    for _ in 0..40 {
        let mut flipped = packed.clone();
        // Not the first ten bytes: of gzip's own header some bits mean nothing.
        let index = 10 + random(flipped.len() - 10);
        flipped[index] ^= 1 << random(8);
        broken.push(flipped);
    }
    for (number, bytes) in broken.iter().enumerate() {
        fs::write(&file, bytes).unwrap();
        let refused = backup::restore(directory.path(), &file).unwrap_err();
        assert!(matches!(refused, StateError::Backup { .. }), "{number}: {refused}");
    }
    fs::remove_file(&file).unwrap();
    let state = State::open(directory.path()).unwrap();
    assert_eq!((state.known(), state.healed()), (&truth, None));
    drop(state);

    fs::write(&file, text).unwrap();
    backup::restore(directory.path(), &file).unwrap();
    assert_eq!(trusted(State::open(directory.path()).unwrap().known()), truth, "unpacked it is whole, too");
}

#[test]
fn a_restore_that_a_crash_cut_anywhere_is_either_not_begun_or_finished_by_the_next_start() {
    let (directory, truth) = whole_state();
    let file = directory.path().join("backup.jsonl.gz");
    backup::backup(directory.path(), &file).unwrap();
    let mut state = State::open(directory.path()).unwrap();
    state.record(at(DECEMBER), &[group(50, 1)]).unwrap();
    let newer = state.known().clone();
    drop(state);
    let restored = copy(directory.path());
    backup::restore(restored.path(), &file).unwrap();
    let new_journal = restored.path().join("journal");

    let begun = copy(directory.path());
    fs::create_dir(begun.path().join("restoring")).unwrap();
    copy_into(&new_journal, &begun.path().join("restoring"));
    assert_eq!(State::open(begun.path()).unwrap().known(), &newer);

    // The steps after the moment from which it counts.
    for step in 0..3 {
        let cut = copy(directory.path());
        fs::create_dir(cut.path().join("restored")).unwrap();
        copy_into(&new_journal, &cut.path().join("restored"));
        fs::create_dir(cut.path().join("before-restore-1")).unwrap();
        for part in ["db", "journal"].iter().take(step) {
            fs::rename(cut.path().join(part), cut.path().join("before-restore-1").join(part)).unwrap();
        }
        assert_eq!(trusted(&Known::read(cut.path()).unwrap()), truth, "step {step}");
        let state = State::open(cut.path()).unwrap();
        assert_eq!(trusted(state.known()), truth, "step {step}");
        assert!(state.known().doubt.is_some());
        drop(state);
        assert_eq!(State::open(&cut.path().join("before-restore-1")).unwrap().known(), &newer);
    }
}

#[test]
fn no_more_than_three_replaced_states_are_kept() {
    let (directory, _) = whole_state();
    let file = directory.path().join("backup.jsonl.gz");
    backup::backup(directory.path(), &file).unwrap();
    for _ in 0..3 {
        backup::restore(directory.path(), &file).unwrap();
    }
    let refused = backup::restore(directory.path(), &file).unwrap_err();
    assert!(matches!(refused, StateError::CopiesFull { name: "before-restore", .. }), "{refused}");
}

#[test]
fn a_newer_format_is_refused_with_the_version_to_install_before_anything_is_touched() {
    let (directory, truth) = whole_state();
    let file = directory.path().join("backup.jsonl");
    backup::backup(directory.path(), &file).unwrap();
    let (newest, newer) = (FORMAT, FORMAT + 1);
    let said = format!(
        "state has format `{newer}`, this build reads up to `{newest}`; use disputebot 9.1.0 or later"
    );
    let format = directory.path().join("format");
    let own = fs::read(&format).unwrap();
    fs::write(&format, format!(r#"{{"format":{newer},"version":"9.1.0","more":true}}"#)).unwrap();
    for refused in [
        State::open(directory.path()).map(drop),
        State::verify(directory.path()).map(drop),
        State::rebuild(directory.path()).map(drop),
        Known::read(directory.path()).map(drop),
        backup::backup(directory.path(), &directory.path().join("other")).map(drop),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), said);
    }
    fs::write(&format, own).unwrap();

    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(&file).unwrap()).read_to_string(&mut text).unwrap();
    let own = format!(r#""format":{newest},"version":"0.1.0""#);
    let later = text.replacen(&own, &format!(r#""format":{newer},"version":"9.1.0""#), 1);
    assert_ne!(later, text);
    fs::write(&file, later).unwrap();
    assert_eq!(backup::restore(directory.path(), &file).unwrap_err().to_string(), said);
    assert_eq!(State::open(directory.path()).unwrap().known(), &truth);

    // An older copy is a way back, also for an older build.
    fs::write(&file, text).unwrap();
    fs::write(&format, format!(r#"{{"format":{newer},"version":"9.1.0"}}"#)).unwrap();
    backup::restore(directory.path(), &file).unwrap();
    assert_eq!(trusted(State::open(directory.path()).unwrap().known()), truth);
}

// What is written when the disk takes no more.

/// Names the state that [`writes_until_refused`] fills; set in its own process only.
const FILL: &str = "DISPUTEBOT_TEST_FILL";

/// The program of the next test's processes.
#[test]
fn writes_until_refused() {
    let Some(directory) = std::env::var_os(FILL) else { return };
    let mut state = match State::open(Path::new(&directory)) {
        Ok(state) => state,
        Err(refused) => return println!("refused at open: {refused}"),
    };
    for revision in 1..5000 {
        match state.record(at(NOVEMBER), &[group(u128::from(revision % 7), revision)]) {
            Ok(()) => println!("acknowledged {revision}"),
            Err(refused) => {
                println!("refused: {refused}");
                break;
            }
        }
    }
    let late = state.record(at(NOVEMBER), &[group(99, 1)]);
    println!("late record taken: {}", late.is_ok());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_loses_nothing_acknowledged_takes_nothing_more_and_recovers() {
    // Blocks of 512 bytes that a file may have: none at all, less than sled needs to begin, and more.
    for blocks in [0, 1, 8, 100, 600, 1025, 1100, 1500] {
        let directory = tempfile::tempdir().unwrap();
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg("trap '' XFSZ; ulimit -f \"$0\"; exec \"$1\" --exact writes_until_refused --nocapture")
            .args([blocks.to_string().as_ref(), std::env::current_exe().unwrap().as_os_str()])
            .env(FILL, directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let number =
            |prefix| said.lines().rev().find_map(|line| line.strip_prefix(prefix)?.parse::<u64>().ok());
        assert!(said.contains("refused"), "{blocks}: {said}");
        assert!(!said.contains("late record taken: true"), "{blocks}: {said}");

        let mut state = State::open(directory.path()).unwrap();
        let found = |revision: u64| {
            state.known().groups.get(&GroupId::from_bits(u128::from(revision % 7))).map(|it| it.title.clone())
        };
        let last = number("acknowledged ").unwrap_or(0);
        for revision in (1..=last).rev().take(6) {
            assert_eq!(found(revision), Some(format!("title {revision}")), "{blocks}");
        }
        assert_eq!(state.known().doubt, None, "{blocks}: {:?}", state.healed());
        state.record(at(DECEMBER), &[group(1, 1)]).unwrap();
        drop(state);
        State::verify(directory.path()).unwrap();
    }
}

/// Names what [`copies_until_refused`] does, the state and the file; set in its own process only.
const COPY: &str = "DISPUTEBOT_TEST_COPY";

/// The program of the next test's processes.
#[test]
fn copies_until_refused() {
    let Ok(task) = std::env::var(COPY) else { return };
    let words: Vec<&str> = task.split('\n').collect();
    let [what, state, file] = words[..] else { panic!("{task}") };
    let (state, file) = (Path::new(state), Path::new(file));
    let done = if what == "backup" { backup::backup(state, file) } else { backup::restore(state, file) };
    match done {
        Ok(_) => println!("done"),
        Err(refused) => println!("refused: {refused}"),
    }
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_a_backup_keeps_the_one_before_and_a_restore_is_all_or_nothing() {
    let copies = |what: &str, blocks: u64, state: &Path, file: &Path| {
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg("trap '' XFSZ; ulimit -f \"$0\"; exec \"$1\" --exact copies_until_refused --nocapture")
            .args([blocks.to_string().as_ref(), std::env::current_exe().unwrap().as_os_str()])
            .env(COPY, format!("{what}\n{}\n{}", state.display(), file.display()))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let is_done = said.lines().any(|line| line == "done");
        assert_ne!(is_done, said.contains("refused: "), "{what} {blocks}: {said}");
        is_done
    };
    let (directory, _) = whole_state();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.jsonl.gz");
    backup::backup(directory.path(), &file).unwrap();
    let (before, was) = (fs::read(&file).unwrap(), trusted(State::open(directory.path()).unwrap().known()));
    let mut state = State::open(directory.path()).unwrap();
    // No two of them alike, so that a backup of it does not pack well and the journal of it is long.
    let mut random = random(7);
    let changes: Vec<Change> = (0..300)
        .map(|revision| group(1_000 + u128::from(revision) * 1_000_003 + random(1_000_000) as u128, revision))
        .collect();
    state.record(at(DECEMBER), &changes).unwrap();
    let now = state.known().clone();
    drop(state);
    let files = |path: &Path| fs::read_dir(path).unwrap().count();

    // Blocks of 512 bytes that a file may have.
    let mut ends = BTreeMap::from([(false, 0), (true, 0)]);
    for blocks in [0, 1, 2, 8, 20, 40, 1 << 20] {
        let is_done = copies("backup", blocks, directory.path(), &file);
        *ends.entry(is_done).or_default() += 1;
        assert_eq!(fs::read(&file).unwrap() == before, !is_done, "backup {blocks}");
        assert_eq!(files(folder.path()), 1, "backup {blocks}: a part of it was left behind");
        State::verify(directory.path()).unwrap();
    }
    assert!(ends.values().all(|count| *count > 0), "{ends:?}");

    fs::write(&file, &before).unwrap();
    let mut ends = BTreeMap::from([(false, 0), (true, 0)]);
    for blocks in [0, 1, 4, 8, 16, 64, 100, 600, 1_025, 1_100, 1 << 20] {
        let state = copy(directory.path());
        let is_done = copies("restore", blocks, state.path(), &file);
        let opened = State::open(state.path()).unwrap();
        let is_restored = trusted(opened.known()) == was;
        *ends.entry(is_restored).or_default() += 1;
        assert!(is_restored || opened.known() == &now, "restore {blocks}: neither this nor that");
        assert!(is_restored || !is_done, "restore {blocks}: it said that it was done");
        assert_eq!(opened.known().doubt.is_some(), is_restored, "restore {blocks}");
        drop(opened);
        State::verify(state.path()).unwrap();
        // With room again it is done.
        if !is_restored {
            backup::restore(state.path(), &file).unwrap();
            assert_eq!(trusted(State::open(state.path()).unwrap().known()), was, "restore {blocks}");
        }
    }
    assert!(ends.values().all(|count| *count > 0), "{ends:?}");
}

// What earlier versions wrote.

#[test]
fn a_state_of_format_1_is_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/state-1");
    let expected = fs::read_to_string(golden.join("export.jsonl")).unwrap();
    let directory = copy(&golden);
    assert_eq!(journal::verify(&directory.path().join("journal")).unwrap().head.seq, 16);
    let known = Known::read(directory.path()).unwrap();
    let told = all_changes(&known);
    let exported: Vec<Change> =
        expected.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told, exported);
    let mut state = State::open(directory.path()).unwrap();
    assert_eq!(trusted(state.known()), trusted(&known));
    state.record(at(DECEMBER), &[group(1, 1)]).unwrap();
    drop(state);
    State::verify(directory.path()).unwrap();
    let file = golden.join("backup.jsonl.gz");
    let fresh = tempfile::tempdir().unwrap();
    backup::restore(fresh.path(), &file).unwrap();
    assert_eq!(trusted(State::open(fresh.path()).unwrap().known()), trusted(&known));
}

fn all_changes(known: &Known) -> Vec<Change> {
    let mut told: Vec<Change> = known.groups.values().cloned().map(Change::Group).collect();
    told.extend(known.tickets.values().cloned().map(Change::Ticket));
    told.extend(known.runs.values().cloned().map(|run| Change::Run(Box::new(run))));
    told.extend(known.schedules.values().cloned().map(Change::Occurrence));
    told.extend(known.strays.values().cloned().map(|stray| Change::Stray { stray }));
    told.extend(known.claim.clone().map(|claim| Change::Claim { claim: Some(claim) }));
    told.extend(known.doubt.clone().map(|doubt| Change::Doubt { doubt: Some(doubt) }));
    told.extend(known.pause.clone().map(|pause| Change::Pause { pause: Some(pause) }));
    assert!(known.not_before.is_empty(), "told by no version that wrote a golden state");
    told
}

fn moment() -> Moment {
    Moment { at: at(LATER), boot: "b".repeat(36), up_ms: 123_456, there: None }
}

/// Writes the golden state of this version into the folder that the variable names; how `state-1` was made.
#[test]
fn writes_a_golden_state_where_asked() {
    let Some(golden) = std::env::var_os("DISPUTEBOT_TEST_GOLDEN").map(PathBuf::from) else { return };
    let id = GroupId::from_bits;
    let mut merged = group(2, 1);
    let mut split = group(3, 1);
    if let (Change::Group(merged), Change::Group(split)) = (&mut merged, &mut split) {
        merged.group.status = Status::Merged { at: at(NOVEMBER), into: id(1) };
        merged.group.members.clear();
        split.group.split_from = Some(id(1));
        split.group.patterns =
            vec![serde_json::from_value(json!([["reason", "A1"], ["state", "LA"]])).unwrap()];
        split.figures.exposed = "1234.56".parse().unwrap();
        split.figures.due = Some("2026-12-24".parse().unwrap());
    }
    let mut bound = ticket(1);
    if let Change::Ticket(bound) = &mut bound {
        bound.written = Some(Written { summary: "Ω · 3 disputes".to_owned(), ..Written::default() });
        bound.told.insert("split".to_owned());
        bound.saying.insert("merged".to_owned(), moment());
        bound.comments.insert("split".to_owned(), "10107".to_owned());
        bound.closed = Closed::ByUs;
        bound.closings = 1;
    }
    let linked = |number: u128, link: Link| {
        let mut ticket = Ticket::none(id(number));
        ticket.link = link;
        Change::Ticket(ticket)
    };
    let run = RunRecord {
        id: "019ab1c0-0000-7000-8000-000000000001".to_owned(),
        at: at(NOVEMBER),
        fingerprint: "f".repeat(64),
        incomplete: vec!["`disputes.csv` is cut off".to_owned()],
        rows: Rows { read: 9, grouped: 6, ungrouped: 2, rejected: 1, ..Rows::default() },
        programs: [("mdrp".to_owned(), Figures::default())].into(),
        ageing: [("0-30".to_owned(), 8)].into(),
        groups: 2,
        events: [("born".to_owned(), 2)].into(),
        moved: (1, 0),
        done: vec![Done {
            group: id(1),
            issue: Issue { id: "10001".to_owned(), key: "DISP-1".to_owned() },
            kind: "create".to_owned(),
            closed: false,
            reason: None,
        }],
        failed: vec![(id(3), "create".to_owned(), "400 Bad Request".to_owned())],
        untried: Untried::default(),
        held: [("limit".to_owned(), 1)].into(),
        waiting: Vec::new(),
        holds: Vec::new(),
        clients: BTreeMap::new(),
        rejects: Vec::new(),
        files: None,
        sources: Vec::new(),
        shared: (0, 0),
    };
    let mut state = State::open(&golden).unwrap();
    state.record(at(NOVEMBER), &[group(1, 1), merged, split]).unwrap();
    let links = [
        linked(1, Link::Ready { attempts: 1 }),
        linked(3, Link::Parked { attempts: 2, reason: "field `summary` is required".to_owned() }),
        linked(4, Link::Intent { attempts: 1, project: None, highest_number: 7, sent: moment() }),
        linked(
            5,
            Link::Unknown { attempts: 1, project: None, highest_number: 7, sent: moment(), fence: None },
        ),
        linked(
            6,
            Link::Held {
                attempts: 1,
                project: None,
                highest_number: 7,
                sent: moment(),
                reason: "blind".to_owned(),
            },
        ),
    ];
    state.record(at(LATER), &links).unwrap();
    state.record(at(LATER), &[bound, Change::Run(Box::new(run)), group(1, 2)]).unwrap();
    let ran = Ran { schedule: "run".to_owned(), id: "2026-12-01T06:00".to_owned(), at: at(DECEMBER) };
    let doubt = |doubt| Change::Doubt { doubt };
    let reason = "the vault was damaged".to_owned();
    state
        .record(
            at(DECEMBER),
            &[
                doubt(None),
                Change::Occurrence(ran),
                Change::Claim {
                    claim: Some(Claimed { instance: "a".repeat(32), epoch: 2, sent: None, was_free: false }),
                },
                Change::Stray {
                    stray: Stray {
                        issue: Issue { id: "10009".to_owned(), key: "DISP-9".to_owned() },
                        group: id(1),
                        kind: StrayKind::Duplicate,
                    },
                },
                doubt(Some(Doubt { reason, read: Some(moment()) })),
            ],
        )
        .unwrap();
    let mut export = json!({ "disputebot_state": 1 }).to_string() + "\n";
    for change in all_changes(state.known()) {
        export += &(serde_json::to_string(&change).unwrap() + "\n");
    }
    drop(state);
    fs::write(golden.join("export.jsonl"), export).unwrap();
    backup::backup(&golden, &golden.join("backup.jsonl.gz")).unwrap();
    fs::remove_dir_all(golden.join("db")).unwrap();
    for lock in ["lock", "journal/lock"] {
        fs::remove_file(golden.join(lock)).unwrap();
    }
}
