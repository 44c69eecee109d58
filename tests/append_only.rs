//! Sources whose files are only ever added: each is read once, and nothing is lost by it.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use disputebot::config::{Layers, Needs, Place, Settings as Config};
use disputebot::dispute::{Dispute, Tables};
use disputebot::source::{self, Batch, Completeness, Previous, Settings, keeping, load, open_disputes};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::Digest as _;
use tempfile::TempDir;

const HEADER: &str = "dispute_id,program,manufacturer,ndc,status,units_disputed,note,claim_ref,service_date,transaction,unit_rebate_amount\n";

/// A folder with drops, a state and a config.
struct World(TempDir);

impl World {
    fn new() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        fs::create_dir(world.0.path().join("drops")).unwrap();
        fs::create_dir(world.0.path().join("state")).unwrap();
        world.config("");
        world
    }

    fn config(&self, more: &str) {
        let text =
            format!("[source]\npaths = [\"drops\"]\nappend_only = true\n{more}\n[state]\ndir = \"state\"\n");
        fs::write(self.0.path().join("disputebot.toml"), text).unwrap();
    }

    /// Writes a drop that has not been touched for a while.
    fn drop(&self, name: &str, rows: &[String]) {
        let path = self.0.path().join("drops").join(name);
        fs::write(&path, format!("{HEADER}{}", rows.concat())).unwrap();
        age(&path, 60);
    }

    fn settings(&self) -> Vec<Settings> {
        let place = Place { file: None, folder: self.0.path().to_owned() };
        let layers = Layers::load(&place, Vec::<(OsString, OsString)>::new(), &[]).unwrap();
        Config::read(&layers, Needs::default()).unwrap().0.run.sources
    }

    /// Reads as a run does.
    fn run(&self) -> Batch {
        let sources = keeping(&self.settings());
        let batch = load(&sources, &Tables::embedded(), &Previous::default(), &mut |_| {});
        let mut streamed = Vec::new();
        let mut sink = |dispute: &Dispute| streamed.push(dispute.clone());
        // Streaming reads what was just kept, and gives the same.
        let account =
            open_disputes(&sources, &Tables::embedded(), &Previous::default(), &mut |_| {}, &mut sink);
        assert_eq!((account.counts, &account.completeness), (batch.counts, &batch.completeness));
        batch
    }

    /// Reads as a plan does.
    fn plan(&self) -> Batch {
        load(&self.settings(), &Tables::embedded(), &Previous::default(), &mut |_| {})
    }

    fn kept(&self) -> Vec<std::path::PathBuf> {
        let Ok(entries) = fs::read_dir(self.0.path().join("state/read/source")) else { return Vec::new() };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

fn age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    // Whole seconds, so that it can be set again exactly.
    let since = then.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(since))
        .unwrap();
}

fn row(id: &str, claim: &str, transaction: &str) -> String {
    format!(
        "{id},mdrp,Example Pharma A,12345067890,open,10.50,\"a note, of Jane Doe\",{claim},2026-09-30,{transaction},7.654321\n"
    )
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.disputes.iter().map(|dispute| &*dispute.id).collect()
}

/// Puts other bytes into a file in such a way that its mark stays.
fn swap_behind_the_mark(path: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let text = fs::read_to_string(path).unwrap().replace(from, to);
    fs::write(path, text).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn a_file_is_read_once_and_a_new_or_changed_one_is_read() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "", "")]);
    assert_eq!(ids(&world.run()), ["D-1"]);
    let a = world.0.path().join("drops/a.csv");
    swap_behind_the_mark(&a, "D-1", "D-9");
    assert_eq!(ids(&world.run()), ["D-1"], "its mark is that of before");
    world.drop("b.csv", &[row("D-2", "", "")]);
    assert_eq!(ids(&world.run()), ["D-1", "D-2"]);
    age(&a, 30);
    assert_eq!(ids(&world.run()), ["D-2", "D-9"], "its mark is another");
}

/// Makes a file unreadable in such a way that its mark stays.
fn ruin_behind_the_mark(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    fs::write(path, vec![0; usize::try_from(metadata.len()).unwrap()]).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(metadata.modified().unwrap()).unwrap();
}

#[test]
fn compressed_files_parquet_and_the_files_of_archives_are_read_once_too() {
    let world = World::new();
    let drops = world.0.path().join("drops");
    let text = |ids: &[&str]| {
        let rows: Vec<String> = ids.iter().map(|id| row(id, "", "")).collect();
        format!("{HEADER}{}", rows.concat())
    };
    let mut packed = GzEncoder::new(File::create(drops.join("1.csv.gz")).unwrap(), Compression::fast());
    packed.write_all(text(&["D-11"]).as_bytes()).unwrap();
    packed.finish().unwrap();
    let archive = |names: &[(&str, &str)]| {
        let mut archive = zip::ZipWriter::new(File::create(drops.join("2.zip")).unwrap());
        for (name, text) in names {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        age(&drops.join("2.zip"), 60);
    };
    let (a, b, broken) = (text(&["D-21"]), text(&["D-22"]), text(&["D-23"]) + "D-24,mdrp,\"Ex");
    archive(&[("a/1.csv", &a), ("a.csv", &b), ("read.me", "no input")]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/parquet/plain.parquet");
    fs::copy(golden, drops.join("3.parquet")).unwrap();
    world.config("empty = [\"9999-12-31\"]");
    let all = ["1.csv.gz", "2.zip", "3.parquet"];
    for name in all {
        age(&drops.join(name), 60);
    }
    let first = world.run();
    assert_eq!(ids(&first), ["D-1", "D-11", "D-2", "D-21", "D-22", "D-3", "D-4"]);
    assert_eq!((&first.completeness, world.kept().len()), (&Completeness::Complete, 4));
    for name in all {
        ruin_behind_the_mark(&drops.join(name));
    }
    let second = world.run();
    assert_eq!(second, first, "nothing was opened, and all is counted as before");

    // A changed archive is read, and so is one of which not all was kept.
    archive(&[("a/1.csv", &a), ("a.csv", &broken)]);
    age(&drops.join("2.zip"), 30);
    for turn in 0..2 {
        let batch = world.run();
        assert_eq!(ids(&batch), ["D-1", "D-11", "D-2", "D-21", "D-23", "D-3", "D-4"], "turn {turn}");
        assert!(!batch.completeness.is_complete());
    }
    archive(&[("a/1.csv", &a)]);
    let batch = world.run();
    let Completeness::Incomplete(reasons) = batch.completeness else { panic!("a file of it is gone") };
    assert!(reasons[0].to_string().contains("2.zip/a.csv` was read before and is gone"), "{reasons:?}");
}

#[test]
fn what_is_kept_gives_the_same_batch_as_reading() {
    let world = World::new();
    let poisoned = "D-3,mdrp,Example Pharma A,98,open,1,,,,,\n".to_owned();
    let repeated = row("D-1", "C-1", "O");
    world.drop("a.csv", &[row("D-1", "C-1", "O"), repeated, poisoned, row("D-4", "", "")]);
    world.drop("b.csv", &[row("D-2", "C-1", "V"), row("D-5", "C-2", "O").replace("open", "resolved")]);
    let first = world.run();
    assert_eq!((first.counts.netted, first.rejects.len(), ids(&first)), (2, 1, vec!["D-4"]));
    assert_eq!((first.counts.repeated, first.counts.not_open, first.counts.rows), (1, 1, 6));
    assert_eq!(world.kept().len(), 2);
    let second = world.run();
    assert_eq!(second, first);
    world.drop("c.csv", &[row("D-6", "C-2", "V")]);
    let third = world.run();
    assert_eq!(ids(&third), ["D-4", "D-6"], "a file that is read meets those that are kept");
}

#[test]
fn lines_cancel_each_other_in_the_words_of_the_source_too() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "C-1", "O"), row("D-2", "C-1", "reversal"), row("D-3", "C-2", "O")]);
    assert_eq!(world.run().counts.netted, 0, "the word is unknown");
    world.config("[source.values.transaction]\nreversal = \"void\"");
    let batch = world.run();
    assert_eq!((batch.counts.netted, ids(&batch)), (2, vec!["D-3"]));
    world.config("[source.values.transaction]\nreversal = \"undo\"");
    let place = Place { file: None, folder: world.0.path().to_owned() };
    let layers = Layers::load(&place, Vec::<(OsString, OsString)>::new(), &[]).unwrap();
    let told = Config::read(&layers, Needs::default()).unwrap_err().to_string();
    assert!(told.contains("expected `original`, `replacement`, `void` or `back-out`"), "{told}");
}

#[test]
fn what_was_doubtful_in_a_kept_file_is_told_in_every_run() {
    let world = World::new();
    world.config("[source.columns]\nstate = \"Where\"");
    let lettered = row("D-2", "C-2", "").replace("12345067890", "1234506789A");
    world.drop("a.csv", &[row("D-1", "C-1", "sideways"), lettered, row("D-3", "C-3", "sideways")]);
    let first = world.run();
    let told: Vec<String> = first.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "column `ndc`: `12345-0678-9A` is an NDC with letters",
            "column `Where`: `Where` is not a column of the file; it is read as empty",
            "column `transaction`: 2 values, such as `sideways`: is not a known kind of transaction; it is left open",
        ]
    );
    world.drop("b.csv", &[row("D-4", "C-4", "upwards")]);
    let second = world.run();
    assert_eq!(world.kept().len(), 2);
    assert!(second.warnings[2].to_string().contains("3 values, such as `sideways`"), "{:?}", second.warnings);
    assert_eq!((second.warnings[2].line, &*second.warnings[2].file), (2, &*first.warnings[2].file));
    let again = world.plan();
    assert_eq!(again, second, "all of it comes from what was kept");
}

#[test]
fn nothing_of_a_patient_is_kept_and_claims_are_keyed_hashes() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "RX-7712345", "O")]);
    let batch = world.run();
    let dispute = &batch.disputes[0];
    assert_eq!((&dispute.note, dispute.service_date, dispute.unit_rebate_amount), (&None, None, None));
    assert_eq!(dispute.claim_ref.as_ref().unwrap().len(), 32);
    let mut looked = 0;
    for path in world.kept() {
        let bytes = fs::read(&path).unwrap();
        let body = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut text = String::from_utf8_lossy(&bytes[..body]).into_owned();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[body..]), &mut text).unwrap();
        assert!(text.contains("D-1") && text.contains(&**dispute.claim_ref.as_ref().unwrap()), "{text}");
        for private in ["Jane", "RX-7712345", "2026-09-30", "7.654321"] {
            assert!(!text.contains(private), "{private} in {text}");
        }
        looked += 1;
    }
    assert_eq!(looked, 1);
}

#[test]
fn what_a_path_says_of_a_patient_is_not_looked_at_either() {
    let world = World::new();
    let folder = world.0.path().join("drops/service_date=2026-09-30");
    fs::create_dir(&folder).unwrap();
    let text = "dispute_id,program,manufacturer,ndc,state\n\
                D-1,mdrp,Example Pharma A,12345067890,ZZ\nD-3,none,Example Pharma A,12345067890,OH\n";
    fs::write(folder.join("a.csv"), text).unwrap();
    age(&folder.join("a.csv"), 60);
    for turn in 0..2 {
        let batch = world.run();
        assert_eq!((batch.rejects.len(), batch.warnings.len()), (1, 1), "turn {turn}");
        let rejects = batch.rejects.iter().map(|reject| &reject.file);
        let told: Vec<_> = rejects.chain(batch.warnings.iter().map(|warning| &warning.file)).collect();
        assert!(told.iter().all(|file| file.ends_with("service_date=####-##-##/a.csv")), "{told:?}");
        assert_eq!((ids(&batch), batch.disputes[0].service_date), (vec!["D-1"], None), "turn {turn}");
    }
    assert_eq!(world.kept().len(), 1);
    world.drop("b.csv", &[row("D-2", "", "")]);
    fs::remove_file(folder.join("a.csv")).unwrap();
    let Completeness::Incomplete(reasons) = world.run().completeness else { panic!("a file of it is gone") };
    assert!(
        reasons[0].to_string().contains("/service_date=####-##-##/a.csv` was read before"),
        "{reasons:?}"
    );
    for path in world.kept() {
        let bytes = fs::read(&path).unwrap();
        let (head, name) = (String::from_utf8_lossy(&bytes), path.file_name().unwrap().to_string_lossy());
        assert!(!head.contains("2026-09-30") && !name.contains("2026"), "{head}");
        let unkeyed = sha2::Sha256::digest(folder.join("a.csv").to_str().unwrap());
        let unkeyed: String = unkeyed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!unkeyed.starts_with(&name[..8]), "a day can be guessed, and its hash tried");
    }
}

#[test]
fn a_file_whose_path_in_an_archive_tells_of_a_patient_is_read_each_time() {
    let world = World::new();
    let path = world.0.path().join("drops/2.zip");
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, id) in [("a.csv", "D-1"), ("service_date=2026-09-30/b.csv", "D-2")] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(format!("{HEADER}{}", row(id, "", "")).as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    age(&path, 60);
    for turn in 0..2 {
        let batch = world.run();
        assert_eq!((ids(&batch), world.kept().len()), (vec!["D-1", "D-2"], 1), "turn {turn}");
        assert!(batch.completeness.is_complete(), "turn {turn}");
    }
    let bytes = fs::read(&world.kept()[0]).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("a.csv"), "only the one that tells nothing");
}

#[test]
fn a_plan_and_a_file_that_was_not_read_to_its_end_keep_nothing() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "", "")]);
    world.plan();
    assert_eq!(world.kept(), Vec::<std::path::PathBuf>::new());
    world.drop("b.csv", &[row("D-2", "", ""), "D-3,mdrp,\"Example".to_owned()]);
    let batch = world.run();
    assert!(!batch.completeness.is_complete());
    assert_eq!(world.kept().len(), 1, "only the whole one");
    fs::write(world.0.path().join("drops/c.csv"), format!("{HEADER}{}", row("D-4", "", ""))).unwrap();
    world.run();
    assert_eq!(world.kept().len(), 1, "a file that was written this moment may be written again");
}

#[test]
fn a_kept_file_that_is_damaged_cut_or_left_by_a_crash_is_as_if_it_were_not_there() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "", "")]);
    let whole = world.run();
    let path = world.kept()[0].clone();
    let bytes = fs::read(&path).unwrap();
    for end in (0..bytes.len()).step_by(7) {
        fs::write(&path, &bytes[..end]).unwrap();
        assert_eq!(world.plan().disputes, whole.disputes, "cut at {end}");
    }
    let mut seed = 7_u64;
    for _ in 0..200 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut damaged = bytes.clone();
        let at = (seed >> 33) as usize % damaged.len();
        damaged[at] ^= 1 << (seed % 8);
        fs::write(&path, &damaged).unwrap();
        let batch = world.plan();
        // A changed mark or path makes it another file's, or one that is gone: never other rows.
        assert_eq!(batch.disputes, whole.disputes, "bit flipped at {at}, seed {seed}");
    }
    fs::write(world.0.path().join("state/read/source/.tmpX1Y2Z3"), "half").unwrap();
    assert_eq!(world.run().disputes, whole.disputes);
    assert_eq!(world.kept(), [path], "what a crash left is cleared away");
}

#[test]
fn a_file_that_goes_makes_the_source_incomplete() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "", "")]);
    world.drop("b.csv", &[row("D-2", "", "")]);
    assert!(world.run().completeness.is_complete());
    fs::remove_file(world.0.path().join("drops/a.csv")).unwrap();
    let batch = world.run();
    let Completeness::Incomplete(reasons) = &batch.completeness else { panic!("it is complete") };
    assert!(
        reasons[0].to_string().ends_with(
            "a.csv` was read before and is gone, but the source is append-only; where files may go, it is not"
        ),
        "{reasons:?}"
    );
}

#[test]
fn another_mapping_or_another_key_reads_everything_anew() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "C-1", "O")]);
    let before = world.run();
    swap_behind_the_mark(&world.0.path().join("drops/a.csv"), "D-1", "D-9");
    assert_eq!(ids(&world.run()), ["D-1"]);
    world.config("[source.values.manufacturer]\n\"Example Pharma A\" = \"Example Pharma B\"");
    let batch = world.run();
    assert_eq!((ids(&batch), &*batch.disputes[0].client), (vec!["D-9"], "Example Pharma B"));
    fs::remove_file(world.0.path().join("state/local.key")).unwrap();
    let after = world.run();
    assert_ne!(after.disputes[0].claim_ref, before.disputes[0].claim_ref);
    assert_eq!(world.kept().len(), 1, "what was kept under the other key is gone");
}

#[test]
fn lines_of_one_claim_cancel_each_other_also_over_a_source_that_keeps_and_one_that_does_not() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "C-1", "O")]);
    fs::write(world.0.path().join("other.csv"), format!("{HEADER}{}", row("D-2", "C-1", "V"))).unwrap();
    world.config("[sources.other]\npaths = [\"other.csv\"]\n[sources.other.values.state]");
    for _ in 0..2 {
        let batch = world.run();
        assert_eq!((batch.counts.netted, ids(&batch)), (2, vec![]));
    }
}

#[test]
fn without_the_declaration_nothing_is_kept() {
    let world = World::new();
    world.drop("a.csv", &[row("D-1", "C-1", "O")]);
    let settings: Vec<Settings> =
        world.settings().into_iter().map(|settings| Settings { keep: None, ..settings }).collect();
    let batch = source::load(&keeping(&settings), &Tables::embedded(), &Previous::default(), &mut |_| {});
    assert_eq!(batch.disputes[0].claim_ref.as_deref(), Some("C-1"));
    assert_eq!(world.kept(), Vec::<std::path::PathBuf>::new());
}
