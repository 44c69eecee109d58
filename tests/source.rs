//! What reading input promises: every row is accounted for, and every message says what to correct.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use disputebot::dispute::{Dispute, Doubt, Field, Program, Tables};
use disputebot::source::{
    Account, Batch, Completeness, Counts, Previous, Reason, Reject, Settings, Shared, SourceAccount, each,
    load, open_disputes,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tempfile::TempDir;

const HEADER: &str = "dispute_id,program,manufacturer,ndc,status,amount_disputed";

/// A folder with input files.
struct Input {
    folder: TempDir,
    settings: Settings,
}

impl Input {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { paths: vec![folder.path().to_path_buf()], ..Settings::default() };
        Self { folder, settings }
    }

    /// One file with these contents.
    fn of(name: &str, contents: impl AsRef<[u8]>) -> Self {
        Self::new().with(name, contents)
    }

    fn with(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), contents).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self) -> Batch {
        load(&self.settings, &Tables::embedded(), &Previous::default(), &mut |_| {})
    }

    /// The disputes that are handed on and not withdrawn, sorted by id, with the account.
    fn stream(&self) -> (Vec<Dispute>, Account) {
        let mut handed_on = Vec::new();
        let account = open_disputes(
            &self.settings,
            &Tables::embedded(),
            &Previous::default(),
            &mut |_| {},
            &mut |dispute| {
                handed_on.push(dispute.clone());
            },
        );
        let mut place = 0;
        handed_on.retain(|_| {
            place += 1;
            account.withdrawn.binary_search(&(place - 1)).is_err()
        });
        handed_on.sort_by(|a, b| a.id.cmp(&b.id));
        (handed_on, account)
    }
}

/// Streaming must say all that loading says.
fn assert_streams_alike(input: &Input, batch: &Batch) {
    let (disputes, account) = input.stream();
    assert_eq!(disputes, batch.disputes);
    let Account { withdrawn: _, rejects, warnings, counts, files, completeness, sources, shared } = account;
    assert_eq!((sources, shared), (batch.sources.clone(), batch.shared));
    assert_eq!(rejects, batch.rejects);
    assert_eq!(warnings, batch.warnings);
    assert_eq!((counts, files), (batch.counts, batch.files));
    assert_eq!(completeness, batch.completeness);
}

fn csv(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

fn row(id: &str) -> String {
    format!("{id},mdrp,Example Pharma A,12345-678-90,open,10.00")
}

fn gzip(contents: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.disputes.iter().map(|dispute| &*dispute.id).collect()
}

fn messages(batch: &Batch) -> Vec<String> {
    batch.rejects.iter().map(ToString::to_string).collect()
}

fn reasons(batch: &Batch) -> Vec<Reason> {
    match &batch.completeness {
        Completeness::Complete => Vec::new(),
        Completeness::Incomplete(reasons) => reasons.clone(),
    }
}

/// The reasons as text, with the folder taken out.
fn reason_texts(input: &Input, batch: &Batch) -> Vec<String> {
    let folder = format!("{}/", input.folder.path().display());
    reasons(batch).iter().map(|reason| reason.to_string().replace(&folder, "")).collect()
}

#[test]
fn a_good_file_is_complete_and_sorted_by_id() {
    let batch =
        Input::of("a.csv", csv(&[&row("D-2"), &row("D-1"), &row("D-3").replace("open", "closed")])).load();
    assert_eq!(ids(&batch), ["D-1", "D-2"]);
    assert_eq!(batch.resolved.iter().map(|id| &**id).collect::<Vec<_>>(), ["D-3"]);
    assert_eq!(batch.completeness, Completeness::Complete);
    assert_eq!(batch.counts, Counts { rows: 3, open: 2, not_open: 1, ..Counts::default() });
    assert_eq!(batch.files.read, 1);
    assert_eq!(batch.fingerprint.len(), 64);
}

#[test]
fn byte_order_mark_line_ends_and_quotes_make_no_difference() {
    let plain = Input::of("a.csv", csv(&[&row("D-1"), &row("D-2")])).load();
    let dressed = format!(
        "\u{feff} Dispute_ID ,PROGRAM,manufacturer,ndc,status,\"amount_disputed\"\r\n\r\n{}\r\n\"D-2\",mdrp,\"Example Pharma A\",12345067890,open,\"$10.0\"",
        row("D-1")
    );
    let dressed = Input::of("b.csv", dressed).load();
    assert_eq!(dressed.completeness, Completeness::Complete);
    assert_eq!((&dressed.disputes, &dressed.fingerprint), (&plain.disputes, &plain.fingerprint));
}

#[test]
fn every_layout_gives_the_same_batch() {
    let rows = [row("D-1"), row("D-2")];
    let text = csv(&[&rows[0], &rows[1]]);
    let json: String = ["D-1", "D-2"]
        .map(|id| {
            format!(
                r#"{{"Dispute_ID":"{id}","program":"mdrp","manufacturer":"Example Pharma A","ndc":12345067890,"status":"open","amount_disputed":10.00,"note":null,"other":[1]}}"#
            )
        })
        .join("\n\n");
    let expected = Input::of("a.csv", &text).load();
    for (name, contents) in [
        ("a.tsv", text.replace(',', "\t").into_bytes()),
        ("a.CSV.gz", gzip(text.as_bytes())),
        ("a.ndjson", json.clone().into_bytes()),
        ("a.jsonl.gz", gzip(format!("{json}\r\n").as_bytes())),
    ] {
        let batch = Input::of(name, contents).load();
        assert_eq!(reasons(&batch), [], "{name}");
        assert_eq!(batch.disputes, expected.disputes, "{name}");
        assert_eq!(batch.fingerprint, expected.fingerprint, "{name}");
    }
}

#[test]
fn columns_have_the_names_that_the_settings_give_them() {
    let mut input = Input::of(
        "a.csv",
        "Case No,Prog,Labeler,NDC 11,Disputed $,Disputed Units\n1,MEDICAID,Example Pharma A,12345067890,\"1,20\",3\n2,MEDICAID,Example Pharma A,12345067890,1.20,4\n",
    );
    input.settings.columns = [
        (Field::DisputeId, "Case No"),
        (Field::Program, "prog"),
        (Field::Manufacturer, "Labeler"),
        (Field::Ndc, "NDC 11"),
        (Field::AmountDisputed, "Disputed $"),
        (Field::Payer, "Plan"),
    ]
    .map(|(field, name)| (field, name.to_owned()))
    .into();
    input.settings.vocabulary.add_program("Medicaid", Program::Mdrp);
    let batch = input.load();
    assert_eq!(ids(&batch), ["2"]);
    assert_eq!(batch.disputes[0].units_disputed, None, "a column without its contract name is not read");
    assert_eq!(
        messages(&batch),
        [
            "line 2, column `Disputed $`: `1,20` is not an amount (commas only between groups of three digits, a dot \
          for decimals)"
        ]
    );
    assert_eq!(
        batch.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["column `Plan`: `Plan` is not a column of the file; it is read as empty"]
    );
}

#[test]
fn a_quoted_field_over_lines_is_one_field_and_lines_stay_right() {
    let text = "dispute_id,program,manufacturer,ndc,note\nD-1,mdrp,Example Pharma A,12345067890,\"first\nsecond \"\"x\"\"\"\nD-2,mdrp,Example Pharma A,1234567890,\n";
    let batch = Input::of("a.csv", text).load();
    assert_eq!(batch.disputes[0].note.as_deref(), Some("first\nsecond \"x\""));
    assert_eq!(batch.rejects[0].line, 4);
}

#[test]
fn a_wrong_row_is_rejected_with_everything_that_is_wrong_and_the_others_go_on() {
    let text = "dispute_id,program,manufacturer,ndc,opened_at,service_date,unit_rebate_amount\n\
                D-1,mdrp,Example Pharma A,12345067890,02/30/2026,,\n\
                D-2,medicade,,1234567890,2026-09-30,09/31/2026,1.2.3\n\
                D-3,mdrp,Example Pharma A\n\
                ,mdrp,Example Pharma A,12345067890,,,\n\
                D-5,mdrp,Example Pharma A,12345067890,2026-09-30,,\n";
    let batch = Input::of("a.csv", text).load();
    assert_eq!(ids(&batch), ["D-5"]);
    assert_eq!(
        messages(&batch),
        [
            "line 2, column `opened_at`: `02/30/2026` is not a date (February 2026 has 28 days)",
            "line 3, column `program`: `medicade` is not a program (`mdrp`, `340b`, `part_d_mdp`, `cgdp`, `mfp`, \
             `tricare`, `commercial`, or a configured alias); column `manufacturer`: expected the name of a \
             manufacturer, found nothing; column `ndc`: `1234567890` is not an unambiguous NDC (ten characters \
             without hyphens may be 01234-5678-90, 12345-0678-90 or 12345-6789-00; give 11 characters or \
             hyphens); column `service_date`: `##/##/####` is not a date (its month has no such day); column \
             `unit_rebate_amount`: `#.#.#` is not an amount (such as `1234.50`, `$1,234.50` or `(12.00)`)",
            "line 4: expected 7 fields, found 3 fields",
            "line 5, column `dispute_id`: expected a dispute id, found nothing",
        ]
    );
    let rejected_ids: Vec<Option<&str>> = batch.rejects.iter().map(|reject| reject.id.as_deref()).collect();
    assert_eq!(rejected_ids, [Some("D-1"), Some("D-2"), None, None]);
    assert_eq!(batch.completeness, Completeness::Complete);
}

#[test]
fn a_nul_byte_or_another_encoding_rejects_its_row_only() {
    let mut text = csv(&[&row("D-1"), &row("D-\u{0}2"), &row("D-3")]).into_bytes();
    text.extend_from_slice(b"D-4,mdrp,Example Caf\xe9,12345067890,open,1\n");
    let batch = Input::of("a.csv", text).load();
    assert_eq!(ids(&batch), ["D-1", "D-3"]);
    assert_eq!(
        messages(&batch),
        [
            "line 3, column `dispute_id`: `D-\\u{0}2` is not text without unseen characters (found U+0000)",
            "line 5, column `manufacturer`: expected text in UTF-8, found other bytes",
        ]
    );
}

#[test]
fn a_field_of_ten_megabytes_rejects_its_row_only() {
    let long = row("D-2").replace("Example Pharma A", &"x".repeat(10 << 20));
    let batch = Input::of("a.csv", csv(&[&row("D-1"), &long, &row("D-3")])).load();
    assert_eq!(ids(&batch), ["D-1", "D-3"]);
    assert_eq!(
        messages(&batch),
        ["line 3, column `manufacturer`: expected at most 65536 bytes, found more (is a quote left open?)"]
    );
    let json = format!("{{\"dispute_id\":\"{}\"}}\n", "x".repeat(10 << 20));
    let batch = Input::of("a.jsonl", json).load();
    assert_eq!(messages(&batch), ["line 1: expected a line of at most 1 MiB, found a longer one"]);
}

#[test]
fn a_json_line_that_is_no_flat_object_rejects_its_row_only() {
    let good =
        r#"{"dispute_id":"D-1","program":"mdrp","manufacturer":"Example Pharma A","ndc":"12345067890"}"#;
    let mut text = [
        good,
        "[1]",
        &good.replace("\"D-1\"", "{\"id\":1}"),
        &good.replace("{\"d", "{\"dispute_id\":\"D-9\",\"d"),
        &good.replace("D-1", "\\ud800"),
        "{\"dispute_id\": ",
        "",
    ]
    .join("\n")
    .into_bytes();
    text.extend_from_slice(b"{\"dispute_id\":\"D-7\",\"manufacturer\":\"Caf\xe9\"}\n");
    let batch = Input::of("a.ndjson", text).load();
    assert_eq!(ids(&batch), ["D-1"]);
    assert_eq!(
        messages(&batch),
        [
            "line 2: expected one JSON object, found something else (at character 0 of the line)",
            "line 3, column `dispute_id`: expected a text, a number or null, found an object or an array",
            "line 4, column `dispute_id`: expected one value, found two",
            "line 5, column `dispute_id`: expected a valid JSON text, found another",
            "line 6: expected one JSON object, found something else (at character 15 of the line)",
            "line 7, column `manufacturer`: expected text in UTF-8, found other bytes",
        ]
    );
}

#[test]
fn json_numbers_are_exact() {
    let text = r#"{"dispute_id":7,"program":"mdrp","manufacturer":"Example Pharma A","ndc":12345067890,"amount_disputed":12345678901234567890.12345678}"#;
    let batch = Input::of("a.jsonl", text).load();
    assert_eq!(ids(&batch), ["7"]);
    assert_eq!(batch.disputes[0].amount_disputed.unwrap().to_string(), "12345678901234567890.12345678");
}

#[test]
fn what_is_no_table_makes_the_input_incomplete() {
    let header = "dispute_id,program,manufacturer,ndc\n";
    for (name, contents, expected) in [
        ("a.csv", b"".to_vec(), "`a.csv` is empty"),
        ("a.csv", b"\n\n".to_vec(), "`a.csv` is empty"),
        ("a.csv", b"\xef\xbb\xbf".to_vec(), "`a.csv` is empty"),
        (
            "a.csv",
            b"PK\x03\x04rest".to_vec(),
            "`a.csv` is not a text file in UTF-8 (it looks like a zip archive or an Excel workbook)",
        ),
        (
            "a.csv",
            (0..=255).cycle().take(4000).collect(),
            "`a.csv` is not a text file in UTF-8 (it looks like binary data)",
        ),
        (
            "a.ndjson",
            b"\xff\xfe{\0}\0".to_vec(),
            "`a.ndjson` is not a text file in UTF-8 (it looks like UTF-16 text)",
        ),
        (
            "a.csv",
            b"dispute_id,Caf\xe9\n".to_vec(),
            "`a.csv` is not a text file in UTF-8 (it looks like binary data, or text in another encoding)",
        ),
        (
            "a.csv",
            header.replace(',', ";").into_bytes(),
            "`a.csv` is separated by semicolons, expected commas",
        ),
        ("a.csv", header.replace(',', "\t").into_bytes(), "`a.csv` is separated by tabs, expected commas"),
        (
            "a.tsv",
            header.replace(',', "|").into_bytes(),
            "`a.tsv` is separated by vertical bars, expected tabs",
        ),
        ("a.csv", header.replace("ndc", "NDC, ndc ").into_bytes(), "`a.csv` has the column `ndc` twice"),
        (
            "a.csv",
            b"Dispute ID,program,ndc code,x\n1,2,3,4\n".to_vec(),
            "`a.csv` lacks the required columns `dispute_id` (is it `Dispute ID`?), `manufacturer`, `ndc` (is it \
             `ndc code`?)",
        ),
        ("a.csv.gz", header.as_bytes().to_vec(), "`a.csv.gz` could not be read: it is not in gzip format"),
    ] {
        let input = Input::of(name, contents);
        let batch = input.load();
        assert_eq!(reason_texts(&input, &batch), [expected, "the input has no rows"]);
        assert_eq!((batch.files.read, batch.files.failed), (0, 1));
    }
}

#[test]
fn a_header_without_rows_makes_the_input_incomplete() {
    let batch = Input::of("a.csv", HEADER).load();
    assert_eq!(reasons(&batch), [Reason::NoRows]);
}

#[test]
fn a_missing_file_or_folder_makes_the_input_incomplete() {
    let mut input = Input::of("a.csv", csv(&[&row("D-1")])).with("notes.txt", "");
    fs::create_dir(input.path("empty")).unwrap();
    for name in ["gone.csv", "notes.txt", "empty"] {
        input.settings.paths.push(input.path(name));
    }
    let batch = input.load();
    assert_eq!(ids(&batch), ["D-1"]);
    assert_eq!(
        reason_texts(&input, &batch),
        [
            "`gone.csv` does not exist",
            "`notes.txt` is of no known kind (expected `.csv`, `.tsv`, `.ndjson` or `.jsonl`, or one of these with \
             `.gz`, `.parquet` or `.zip`; `.txt` and `.dat` where a layout says the positions of columns)",
            "folder `empty` holds no `.csv`, `.tsv`, `.ndjson`, `.jsonl`, `.parquet` or `.zip` file",
        ]
    );
}

#[test]
fn files_that_are_no_input_are_left_alone_and_counted() {
    let good = csv(&[&row("D-1")]);
    let input = Input::of("a.csv", &good)
        .with(".b.csv", "x")
        .with("c.csv.tmp", "x")
        .with("d.csv.part", "x")
        .with("readme.txt", "x");
    fs::create_dir(input.path("archive.csv")).unwrap();
    let batch = input.load();
    assert_eq!(batch.completeness, Completeness::Complete);
    assert_eq!((batch.files.read, batch.files.partial, batch.files.other), (1, 3, 1));
}

#[test]
fn a_cut_gzip_file_makes_the_input_incomplete_and_the_cut_row_is_counted() {
    let rows: Vec<String> = (0..20_000).map(|number| row(&format!("D-{number}"))).collect();
    let whole = gzip(csv(&rows.iter().map(String::as_str).collect::<Vec<_>>()).as_bytes());
    let batch = Input::of("a.csv.gz", &whole[..whole.len() / 2]).load();
    let [Reason::Truncated { line, .. }] = reasons(&batch)[..] else {
        panic!("expected a truncated file, found {:?}", batch.completeness);
    };
    assert!(batch.counts.open > 1000 && batch.counts.open < 20_000);
    assert!(batch.rejects.len() <= 1, "the row in which the file ends");
    assert_eq!(line, batch.counts.rows + 1);
    let without_checksum = Input::of("a.csv.gz", &whole[..whole.len() - 4]).load();
    assert!(matches!(reasons(&without_checksum)[..], [Reason::Truncated { .. }]));
    assert_eq!(without_checksum.counts.open, 20_000);
}

#[test]
fn an_open_quote_or_a_cut_json_line_makes_the_input_incomplete() {
    let text = csv(&[&row("D-1"), "D-2,mdrp,\"Example Pharma A,12345067890", &row("D-3")]);
    let json = "{\"dispute_id\":\"D-1\",\"program\":\"mdrp\",\"manufacturer\":\"Example Pharma A\",\"ndc\":\"12345067890\"}\n\n{\"dispute_id\":\"D-";
    for (name, contents) in [("a.csv", text.as_str()), ("a.jsonl", json)] {
        let input = Input::of(name, contents);
        let batch = input.load();
        assert_eq!(ids(&batch), ["D-1"]);
        assert_eq!(
            messages(&batch),
            ["line 3: expected a whole row, found the end of the file in its middle"]
        );
        assert_eq!(reason_texts(&input, &batch), [format!("`{name}` ends in the middle, at line 3")]);
    }
}

#[test]
fn a_large_drop_makes_the_input_incomplete() {
    let mut input = Input::of("a.csv", csv(&[&row("D-1"), &row("D-2")]));
    input.settings.max_drop = 0.3;
    let load_after =
        |previous: u64| load(&input.settings, &Tables::embedded(), &previous.into(), &mut |_| {});
    assert_eq!(reasons(&load_after(2)), []);
    let batch = load_after(3);
    assert_eq!(
        reason_texts(&input, &batch),
        ["the input has 2 rows, expected at least 3 (the previous input had 3)"]
    );
    assert_eq!(ids(&batch), ["D-1", "D-2"], "what is there is still read");
}

#[test]
fn equal_rows_of_a_file_are_one_dispute() {
    let same = row("D-1").replace("12345-678-90", "12345067890").replace("10.00", "$10");
    let batch = Input::of("a.csv", csv(&[&row("D-1"), &same, &row("D-1")])).load();
    assert_eq!(ids(&batch), ["D-1"]);
    assert_eq!(batch.counts, Counts { rows: 3, open: 1, repeated: 2, ..Counts::default() });
}

#[test]
fn different_rows_of_a_file_under_one_id_are_all_rejected() {
    let other = row("D-1").replace("10.00", "11.00");
    let batch = Input::of("a.csv", csv(&[&row("D-1"), &row("D-2"), &row("D-1"), &other, &row("D-1")])).load();
    assert_eq!(ids(&batch), ["D-2"]);
    assert_eq!(batch.counts, Counts { rows: 5, open: 1, rejected: 4, ..Counts::default() });
    assert_eq!(
        messages(&batch),
        [
            "line 2, column `dispute_id`: `D-1` is not a unique id (line 5 has it with other contents)",
            "line 4, column `dispute_id`: `D-1` is not a unique id (line 5 has it with other contents)",
            "line 5, column `dispute_id`: `D-1` is not a unique id (line 2 has it with other contents)",
            "line 6, column `dispute_id`: `D-1` is not a unique id (line 2 has it with other contents)",
        ]
    );
}

#[test]
fn a_later_file_supersedes_an_earlier_one() {
    let mut input = Input::of("2026-09-01.csv", csv(&[&row("D-1"), &row("D-2"), &row("D-3"), &row("D-3")]))
        .with(
            "2026-09-02.csv",
            csv(&[&row("D-1").replace("10.00", "12.00"), &row("D-2").replace("open", "won")]),
        );
    let batch = input.load();
    assert_eq!(ids(&batch), ["D-1", "D-3"]);
    assert_eq!(batch.disputes[0].amount_disputed.unwrap().to_string(), "12.00");
    assert_eq!(batch.resolved.iter().map(|id| &**id).collect::<Vec<_>>(), ["D-2"]);
    assert_eq!(
        batch.counts,
        Counts { rows: 6, open: 2, not_open: 1, repeated: 1, superseded: 2, rejected: 0, netted: 0 }
    );
    input.settings.paths = vec![input.path("2026-09-02.csv"), input.path("2026-09-01.csv")];
    let batch = input.load();
    assert_eq!(ids(&batch), ["D-1", "D-2", "D-3"], "the order of the paths decides before the names");
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let mut input = Input::of("a.csv", csv(&[&row("D-1")]));
    input.settings.paths.push(input.path("a.csv"));
    assert_eq!(input.load().counts, Counts { rows: 1, open: 1, ..Counts::default() });
}

#[test]
fn doubts_are_counted_by_column_and_kind() {
    let text = "dispute_id,program,manufacturer,ndc,state,reason_codes\n\
                D-1,mdrp,Example Pharma A,12345067890,ZZ,X|Z9\n\
                D-2,mdrp,Example Pharma A,12345067890,QQ,Z8;X\n\
                D-3,mdrp,Example Pharma A,12345067890,OH,X Z9\n";
    let batch = Input::of("a.csv", text).load();
    assert_eq!(batch.counts.open, 3);
    assert_eq!(
        batch.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "column `state`: 2 values, such as `QQ`: is not a known state",
            "column `reason_codes`: 3 values, such as `Z8 for mdrp`: is not in the current reason code list of its \
             program",
        ]
    );
    assert_eq!((batch.warnings[1].doubt, batch.warnings[1].line), (Doubt::ReasonCode, 2));
}

#[test]
fn no_message_shows_a_private_value() {
    let text = "dispute_id,program,manufacturer,ndc,service_date,note,claim_ref,unit_rebate_amount\n\
                D-1,mdrp,Example Pharma A,12345067890,7/44/1987,secret note\0,RX\0 7654321,98.7654.3\n";
    let batch = Input::of("a.csv", text).load();
    let shown = format!("{:?} {:?} {:?}", batch.rejects, messages(&batch), batch.warnings);
    assert_eq!(batch.rejects[0].problems.len(), 3, "{shown}");
    for private in ["1987", "44", "secret", "7654321", "98", "7654"] {
        assert!(!shown.contains(private), "{private} is in {shown}");
    }
}

#[test]
fn progress_ends_with_all_rows_and_all_bytes() {
    let input = Input::of("a.csv", csv(&[&row("D-1"), &row("D-2")])).with("b.csv", csv(&[&row("D-3")]));
    let mut last = None;
    let batch = load(&input.settings, &Tables::embedded(), &Previous::default(), &mut |progress| {
        assert!(progress.bytes <= progress.bytes_total);
        last = Some((
            progress.file_index,
            progress.files,
            progress.bytes == progress.bytes_total,
            progress.rows,
        ));
    });
    assert_eq!(last, Some((1, 2, true, batch.counts.rows)));
}

#[test]
fn each_hands_on_every_readable_row_in_order() {
    let input = Input::of("a.csv", csv(&[&row("D-2"), "bad", &row("D-1").replace("open", "won")]))
        .with("b.csv", csv(&[&row("D-2")]));
    let mut seen = Vec::new();
    let survey = each(&input.settings, &Tables::embedded(), &mut |_| {}, &mut |located| {
        let name = Path::new(&*located.file).file_name().unwrap().to_string_lossy().into_owned();
        seen.push((name, located.line, located.dispute.id.to_string()));
    });
    let expected = [("a.csv", 2, "D-2"), ("a.csv", 4, "D-1"), ("b.csv", 2, "D-2")];
    assert_eq!(seen, expected.map(|(name, line, id)| (name.to_owned(), line, id.to_owned())));
    assert_eq!((survey.rows, survey.rejects.len()), (4, 1));
}

#[test]
fn a_streamed_row_that_is_contradicted_further_down_is_withdrawn() {
    let other = row("D-1").replace("10.00", "11.00");
    let input = Input::of("a.csv", csv(&[&row("D-0"), &row("D-1"), &row("D-1"), &row("D-2"), &other]));
    let (disputes, account) = input.stream();
    assert_eq!(disputes.iter().map(|dispute| &*dispute.id).collect::<Vec<_>>(), ["D-0", "D-2"]);
    assert_eq!(account.withdrawn, [1]);
    assert_eq!(account.counts, Counts { rows: 5, open: 2, rejected: 3, ..Counts::default() });
    assert_streams_alike(&input, &input.load());
}

#[test]
fn a_streamed_row_of_an_earlier_file_is_never_handed_on_before_the_later_one() {
    let input = Input::of("1.csv", csv(&[&row("D-1"), &row("D-2"), &row("D-2"), &row("D-3")]))
        .with("2.csv", csv(&[&row("D-1").replace("10.00", "12.00"), &row("D-2").replace("open", "won")]));
    let mut seen = Vec::new();
    let account = open_disputes(
        &input.settings,
        &Tables::embedded(),
        &Previous::default(),
        &mut |_| {},
        &mut |dispute| {
            seen.push((dispute.id.to_string(), dispute.amount_disputed.unwrap().to_string()));
        },
    );
    assert_eq!(seen, [("D-1".to_owned(), "12.00".to_owned()), ("D-3".to_owned(), "10.00".to_owned())]);
    assert_eq!(account.withdrawn, [] as [usize; 0]);
    assert_eq!(
        account.counts,
        Counts { rows: 6, open: 2, not_open: 1, repeated: 1, superseded: 2, rejected: 0, netted: 0 }
    );
    assert_streams_alike(&input, &input.load());
}

#[test]
fn streaming_says_what_loading_says_of_files_that_fail_and_values_that_are_doubtful() {
    let columns = "dispute_id,program,manufacturer,ndc,state,note";
    let rows = |first: usize, state: &str| -> String {
        (first..first + 3000)
            .map(|id| format!("D-{id},mdrp,Example Pharma A,12345067890,{state},\"over\ntwo lines\"\n"))
            .collect()
    };
    let mut input = Input::of("a.csv", format!("{columns}\n{}", rows(0, "ZZ")))
        .with("b.csv", format!("{columns}\n{}D-9,mdrp\n\"", rows(1500, "QQ")))
        .with("c.csv", "no table")
        .with(
            "d.jsonl",
            "{\"dispute_id\":\"D-1\",\"program\":\"mdrp\",\"manufacturer\":\"E\",\"ndc\":\"12345067890\"}\n{",
        );
    input.settings.paths.push(input.path("gone.csv"));
    let batch = input.load();
    assert_eq!(
        batch.counts,
        Counts { rows: 6004, open: 4500, superseded: 1501, rejected: 3, ..Counts::default() }
    );
    assert_eq!((batch.warnings[0].count, batch.warnings[0].line), (6000, 2));
    assert_eq!(
        batch.warnings[0].file.file_name().unwrap(),
        "a.csv",
        "the first is the first by file and line"
    );
    assert_eq!(
        reason_texts(&input, &batch),
        [
            "`gone.csv` does not exist",
            "`b.csv` ends in the middle, at line 6003",
            "`c.csv` lacks the required columns `dispute_id`, `program`, `manufacturer`, `ndc`",
            "`d.jsonl` ends in the middle, at line 2",
        ]
    );
    assert_streams_alike(&input, &batch);
}

#[test]
fn rows_of_a_large_file_come_in_order_with_their_lines() {
    let mut text = format!("{HEADER}\n");
    let mut expected = Vec::new();
    let mut line = 2;
    for number in 0..20_000 {
        let id = format!("D-{number}");
        expected.push((line, id.clone()));
        if number % 7 == 0 {
            text.push_str(&row(&id).replace("Example Pharma A", "\"Example\nPharma\n\"\"A\"\"\""));
            expected.pop();
            line += 2;
        } else {
            text.push_str(&row(&id));
        }
        text.push_str(if number % 5 == 0 { "\r\n\r\n" } else { "\n" });
        line += if number % 5 == 0 { 2 } else { 1 };
    }
    let mut seen = Vec::new();
    let survey = each(&Input::of("a.csv", text).settings, &Tables::embedded(), &mut |_| {}, &mut |located| {
        seen.push((located.line, located.dispute.id.to_string()));
    });
    assert_eq!(seen, expected);
    assert_eq!((survey.rows, survey.rejects.len()), (20_000, 20_000_usize.div_ceil(7)));
    assert!(survey.rejects.is_sorted_by_key(|reject| reject.line));
}

#[test]
fn the_fingerprint_changes_with_any_content_of_an_open_dispute() {
    let of = |row: &str| Input::of("a.csv", csv(&[row])).load().fingerprint;
    let base = row("D-1");
    let prints: BTreeSet<String> = [
        base.clone(),
        base.replace("D-1", "D-2"),
        base.replace("Pharma A", "Pharma B"),
        base.replace("10.00", "10.01"),
        base.replace("10.00", ""),
        base.replace("open", "pre_dispute"),
        base.replace("open", "won"),
    ]
    .iter()
    .map(|row| of(row))
    .collect();
    assert_eq!(prints.len(), 7);
    assert_eq!(of(&base), of(&base.replace("10.00", "10")), "a number written otherwise is no change");
}

/// One random row: a small set of ids and contents, so that repeats, contradictions and rejects are frequent.
fn any_row() -> impl Strategy<Value = String> {
    let status = prop_oneof!["open", "won", ""];
    let amount = prop_oneof![4 => Just("1.00"), 1 => Just("2.00"), 1 => Just("1,2"), 1 => Just("$1")];
    let ndc = prop_oneof![9 => Just("12345-678-90"), 1 => Just("1234567890")];
    let tail = prop_oneof![9 => Just(""), 1 => Just(",extra")];
    (0..12_u8, status, amount, ndc, tail).prop_map(|(id, status, amount, ndc, tail)| {
        format!("D-{id},mdrp,Example Pharma A,{ndc},{status},{amount}{tail}")
    })
}

#[test]
fn every_row_is_accounted_for_and_the_order_of_rows_changes_nothing() {
    const SEED: [u8; 32] = [26; 32];
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 150, failure_persistence: None, ..Config::default() },
        TestRng::from_seed(RngAlgorithm::ChaCha, &SEED),
    );
    let files = prop::collection::vec(prop::collection::vec(any_row(), 1..25), 1..4);
    let shuffled = files.prop_flat_map(|files| {
        let other: Vec<_> = files.iter().map(|rows| Just(rows.clone()).prop_shuffle()).collect();
        (Just(files), other)
    });
    let write = |files: &[Vec<String>]| {
        files.iter().enumerate().fold(Input::new(), |input, (number, rows)| {
            input.with(&format!("{number}.csv"), format!("{HEADER}\n{}\n", rows.join("\n")))
        })
    };
    let load_files = |files: &[Vec<String>]| write(files).load();
    let stream_files = |files: &[Vec<String>]| write(files).stream();
    let outcome = runner.run(&shuffled, |(files, other)| {
        let batch = load_files(&files);
        prop_assert_eq!(batch.counts.rows, files.iter().map(|rows| rows.len() as u64).sum::<u64>());
        prop_assert_eq!(batch.counts.rows, batch.counts.accounted());
        let places: BTreeSet<(usize, u64)> =
            batch.rejects.iter().map(|reject| (reject.file_index, reject.line)).collect();
        prop_assert_eq!(places.len() as u64, batch.counts.rejected, "a row is rejected once");
        let again = load_files(&other);
        let (streamed, account) = stream_files(&files);
        prop_assert_eq!(&streamed, &batch.disputes);
        prop_assert_eq!(account.counts, batch.counts);
        let told = |rejects: &[Reject]| -> Vec<(usize, String)> {
            rejects.iter().map(|reject| (reject.file_index, reject.to_string())).collect()
        };
        prop_assert_eq!(told(&account.rejects), told(&batch.rejects));
        prop_assert_eq!(&again.disputes, &batch.disputes);
        prop_assert_eq!(&again.resolved, &batch.resolved);
        prop_assert_eq!(&again.fingerprint, &batch.fingerprint);
        prop_assert_eq!(again.counts, batch.counts);
        Ok(())
    });
    assert!(outcome.is_ok(), "seed {SEED:?}: {outcome:?}");
}

/// Two sources with their own words and columns.
fn two_sources(input: &Input) -> [Settings; 2] {
    let of = |name: &str, file: &str| Settings {
        name: name.to_owned(),
        paths: vec![input.path(file)],
        ..Settings::default()
    };
    let mut second = of("claims", "b.csv");
    second.columns.insert(Field::DisputeId, "Claim".to_owned());
    second.vocabulary.add_status("Running", "open");
    [of("orders", "a.csv"), second]
}

#[test]
fn of_two_sources_with_the_same_dispute_the_later_one_counts_and_the_count_is_told() {
    let claims = csv(&[
        &row("D-2"),
        &row("D-3").replace("10.00", "12.00"),
        &row("D-4").replace("open", "Running"),
        &row("D-5"),
        &row("D-5").replace("10.00", "13.00"),
    ])
    .replace("dispute_id", "Claim");
    let orders = csv(&[
        &row("D-1"),
        &row("D-2"),
        &row("D-2"),
        &row("D-3"),
        &row("D-5"),
        &row("D-6").replace("open", "Running"),
    ]);
    let input = Input::of("a.csv", orders).with("b.csv", claims);
    let sources = two_sources(&input);
    let batch = load(&sources, &Tables::embedded(), &Previous::default(), &mut |_| {});
    assert_eq!(ids(&batch), ["D-1", "D-2", "D-3", "D-4"]);
    assert_eq!(batch.disputes[2].amount_disputed.unwrap().to_string(), "12.00", "the later source counts");
    assert_eq!(batch.shared, Shared { same: 2, different: 1 });
    let counts =
        Counts { rows: 11, open: 4, not_open: 1, repeated: 1, superseded: 3, rejected: 2, netted: 0 };
    assert_eq!(batch.counts, counts, "a word of one source means nothing in the other");
    let of = |name: &str, rows, rejected| SourceAccount {
        remarks: Vec::new(),
        name: name.to_owned(),
        rows,
        rejected,
        completeness: Completeness::Complete,
    };
    assert_eq!(batch.sources, [of("orders", 6, 0), of("claims", 5, 2)]);
    assert!(messages(&batch)[0].starts_with("line 5, column `Claim`: `D-5` is not a unique id"));

    let mut handed_on = Vec::new();
    let account =
        open_disputes(&sources, &Tables::embedded(), &Previous::default(), &mut |_| {}, &mut |dispute| {
            handed_on.push(dispute.clone());
        });
    assert_eq!(
        (account.counts, account.shared, &account.sources, &account.rejects),
        (batch.counts, batch.shared, &batch.sources, &batch.rejects)
    );
    let mut places = 0..;
    handed_on.retain(|_| !account.withdrawn.contains(&places.next().unwrap()));
    handed_on.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(handed_on, batch.disputes);

    let turned: Vec<Settings> = sources.into_iter().rev().collect();
    let batch = load(&turned, &Tables::embedded(), &Previous::default(), &mut |_| {});
    assert_eq!(ids(&batch), ["D-1", "D-2", "D-3", "D-4", "D-5"]);
    assert_eq!(batch.disputes[2].amount_disputed.unwrap().to_string(), "10.00");
}

#[test]
fn each_source_is_complete_by_itself_and_the_input_with_all_of_them() {
    let input = Input::of("a.csv", csv(&[&row("D-1"), &row("D-2")])).with("b.csv", "Claim,program\n");
    let sources = two_sources(&input);
    let texts = |previous: &[(&str, u64)]| {
        let previous = Previous(previous.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect());
        let batch = load(&sources, &Tables::embedded(), &previous, &mut |_| {});
        let whole: Vec<bool> = batch.sources.iter().map(|source| source.completeness.is_complete()).collect();
        (whole, reason_texts(&input, &batch))
    };
    let lacks = "source `claims`: `b.csv` lacks the required columns `manufacturer`, `ndc`";
    let none = "source `claims`: the input has no rows";
    assert_eq!(texts(&[]), (vec![true, false], vec![lacks.to_owned(), none.to_owned()]));
    let drop = "source `orders`: the input has 2 rows, expected at least 3 (the previous input had 5)";
    assert_eq!(texts(&[("orders", 5)]).1, [drop, lacks, none]);
    let gone = "the input has 2 rows, expected at least 26 (the previous input had 52)";
    assert_eq!(
        texts(&[("orders", 2), ("renamed", 50)]).1,
        [lacks, none, gone],
        "a source that is configured no more is missed by the sum"
    );
}

/// Lines of claims: id, kind, claim, units.
fn lines(rows: &[(&str, &str, &str, &str)]) -> Input {
    let mut text =
        "dispute_id,program,manufacturer,ndc,transaction,claim_ref,units_disputed,amount_disputed\n"
            .to_owned();
    for (id, kind, claim, units) in rows {
        text += &format!("{id},mdrp,Example Pharma A,12345-678-90,{kind},{claim},{units},\n");
    }
    Input::of("a.csv", text)
}

#[test]
fn lines_of_a_claim_that_cancel_each_other_are_netted_and_counted() {
    let input = lines(&[
        // Paid and taken back.
        ("A1", "O", "A", "10"),
        ("A2", "V", "A", "-10"),
        // Paid, backed out, replaced: the replacement is in dispute.
        ("B1", "original", "B", "10"),
        ("B2", "back-out", "B", "-10.0"),
        ("B3", "replacement", "B", "30"),
        // A replacement takes the place of its original also without a back-out.
        ("C1", "O", "C", "5"),
        ("C2", "A", "C", "6"),
        // Half a pair, and a reversal of another size, stay.
        ("D1", "V", "D", "-7"),
        ("E1", "O", "E", "10"),
        ("E2", "V", "E", "-9"),
        // Neither claim nor kind: nothing to cancel.
        ("F1", "O", "", "1"),
        ("F2", "", "F", "1"),
        ("F3", "V", "", "-1"),
        // Replaced, and the replacement taken back.
        ("G1", "O", "G", "3"),
        ("G2", "A", "G", "4"),
        ("G3", "B", "G", "-3"),
        ("G4", "V", "G", "-4"),
    ]);
    let batch = input.load();
    assert_eq!(ids(&batch), ["B3", "C2", "D1", "E1", "E2", "F1", "F2", "F3"]);
    assert_eq!((batch.counts.rows, batch.counts.netted), (17, 9));
    let resolved: Vec<&str> = batch.resolved.iter().map(|id| &**id).collect();
    assert_eq!(resolved, ["A1", "A2", "B1", "B2", "C1", "G1", "G2", "G3", "G4"]);
    assert_streams_alike(&input, &batch);
}

#[test]
fn of_two_replacements_of_one_claim_the_last_counts_where_their_days_say_which_that_is() {
    let net = |days: [&str; 3]| {
        let header = "dispute_id,program,manufacturer,ndc,transaction,claim_ref,units_disputed,opened_at\n";
        let rows = [("A1", "O", "10"), ("A2", "A", "20"), ("A3", "A", "30")].iter().zip(days);
        let rows: String = rows
            .map(|((id, kind, units), day)| {
                format!("{id},mdrp,Example Pharma A,12345-678-90,{kind},A,{units},{day}\n")
            })
            .collect();
        let input = Input::of("a.csv", format!("{header}{rows}"));
        let batch = input.load();
        assert_streams_alike(&input, &batch);
        ids(&batch).join(" ")
    };
    assert_eq!(net(["2026-01-01", "2026-02-01", "2026-03-01"]), "A3");
    assert_eq!(net(["2026-01-01", "2026-03-01", "2026-02-01"]), "A2");
    assert_eq!(
        net(["", "2026-02-01", "2026-02-01"]),
        "A2 A3",
        "which is the last nobody knows: none is lost"
    );
    assert_eq!(net(["", "2026-02-01", ""]), "A2 A3");
}

#[test]
fn claims_are_netted_within_a_product_and_in_any_order_of_rows() {
    let rows = [("A1", "O", "A", "1"), ("A2", "O", "A", "1"), ("A3", "V", "A", "-1"), ("A4", "A", "A", "2")];
    for turn in 0..rows.len() {
        let mut turned = rows;
        turned.rotate_left(turn);
        let batch = lines(&turned).load();
        assert_eq!((ids(&batch), batch.counts.netted), (vec!["A4"], 3), "{turned:?}");
    }
    let header = "dispute_id,program,manufacturer,ndc,transaction,claim_ref\n";
    let other = format!(
        "{header}A1,mdrp,A,12345-678-90,O,A\nA2,mdrp,A,12345-678-91,V,A\nA3,mdrp,B,12345-678-90,V,A\n"
    );
    assert_eq!(Input::of("a.csv", other).load().counts.netted, 0);
}

#[test]
fn a_line_that_is_settled_or_contradicted_cancels_nothing() {
    let header = "dispute_id,program,manufacturer,ndc,transaction,claim_ref,status,payer\n";
    let row = |id: &str, kind: &str, claim: &str, more: &str| {
        format!("{id},mdrp,A,12345-678-90,{kind},{claim},{more}\n")
    };
    let text = header.to_owned()
        + &row("A1", "O", "A", "open,")
        + &row("A2", "V", "A", "closed,")
        + &row("B1", "O", "B", "open,")
        + &row("B2", "V", "B", "open,x")
        + &row("B2", "V", "B", "open,y");
    let input = Input::of("a.csv", text);
    let batch = input.load();
    assert_eq!((ids(&batch), batch.counts.netted, batch.counts.rejected), (vec!["A1", "B1"], 0, 2));
    assert_streams_alike(&input, &batch);
}

#[test]
fn a_file_of_wrong_rows_is_broken_off_and_what_was_read_of_it_is_accounted_for() {
    let wrong = "D-1,mdrp\n".repeat(250_000);
    let input =
        Input::of("a.csv", format!("{HEADER}\n{wrong}")).with("b.csv", csv(&[&row("D-2"), "D-3,mdrp"]));
    let batch = input.load();
    assert_eq!(ids(&batch), ["D-2"], "a file with fewer is read");
    let broken = |name: &str| Reason::Rejected { path: input.path(name), most: 100_000 };
    assert_eq!(reasons(&batch), [broken("a.csv")]);
    assert_eq!(batch.counts.rows, batch.counts.accounted());
    let rejected = batch.rejects.len();
    assert!((100_000..200_000).contains(&rejected), "{rejected} are held");
    let (disputes, account) = input.stream();
    assert_eq!((disputes, account.counts.rows), (batch.disputes, account.counts.accounted()));
}
