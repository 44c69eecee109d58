//! Where files can be and how they can be written: Parquet, partitions, patterns, and columns in the words of others.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use disputebot::dispute::{Dispute, Field, Tables};
use disputebot::source::{
    Account, Batch, Completeness, Derived, Format, Previous, Settings, each, load, open_disputes,
};
use tempfile::TempDir;

const HEADER: &str = "dispute_id,program,manufacturer,ndc,status,amount_disputed";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/parquet").join(name)
}

fn of(path: impl Into<PathBuf>) -> Settings {
    Settings { paths: vec![path.into()], ..Settings::default() }
}

fn read(settings: &Settings) -> Batch {
    load(settings, &Tables::embedded(), &Previous::default(), &mut |_| {})
}

/// A folder with these files, each with rows of these ids.
fn folder(files: &[(&str, &[&str])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, ids) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let rows: Vec<String> =
            ids.iter().map(|id| format!("{id},mdrp,Example Pharma A,12345-678-90,open,10.00\n")).collect();
        fs::write(path, format!("{HEADER}\n{}", rows.concat())).unwrap();
    }
    folder
}

fn ids(batch: &Batch) -> Vec<&str> {
    batch.disputes.iter().map(|dispute| &*dispute.id).collect()
}

/// What is missing, without the path of the folder.
fn missing(folder: &Path, batch: &Batch) -> Vec<String> {
    let folder = format!("{}/", folder.display());
    let Completeness::Incomplete(reasons) = &batch.completeness else {
        return Vec::new();
    };
    reasons.iter().map(|reason| reason.to_string().replace(&folder, "")).collect()
}

/// The columns of the golden files, as far as they can differ.
fn shown(dispute: &Dispute) -> String {
    let Dispute { id, program, units_invoiced, units_disputed, amount_disputed, note, .. } = dispute;
    let Dispute { opened_at, due_at, resolved_at, .. } = dispute;
    format!(
        "{id} {program} {units_invoiced:?} {units_disputed:?} {amount_disputed:?} {opened_at:?} {due_at:?} {resolved_at:?} {note:?}"
    )
}

#[test]
fn parquet_of_every_compression_and_form_reads_alike_and_exact() {
    let mut all = Vec::new();
    for name in ["spark", "zstd", "gzip", "lz4", "plain"] {
        let settings =
            Settings { empty: vec!["9999-12-31".to_owned()], ..of(golden(&format!("{name}.parquet"))) };
        let batch = read(&settings);
        assert_eq!(missing(Path::new("/"), &batch), [""; 0], "{name}");
        assert_eq!(batch.rejects, [], "{name}");
        all.push(batch.disputes.iter().map(shown).collect::<Vec<_>>().join("\n"));
    }
    insta::assert_snapshot!(all[0], @r#"
    D-1 mdrp Some(100) Some(12.500) Some(1234.5600000000) Some(2026-09-30) Some(2026-12-31) None Some("Größe")
    D-2 mdrp None None None None None None None
    D-3 340b Some(-7) Some(-0.001) Some(-5.0000000000) Some(1999-12-31) Some(1970-01-01) None None
    D-4 mdrp Some(9007199254740993) Some(999999.999) Some(999999999999999999.0123456789) None Some(2099-12-31) None Some("two\nlines")
    "#);
    assert!(all.iter().all(|one| *one == all[0]), "{all:#?}");
}

#[test]
fn the_year_9999_of_spark_stays_that_year() {
    let batch = read(&of(golden("spark.parquet")));
    assert_eq!(
        batch.rejects.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 4, column `resolved_at`: `9999-12-31` is not a date (its year is from 1900 to 2099)"],
        "a reader of nanoseconds makes 1816 of it"
    );
}

#[test]
fn a_parquet_file_reads_alike_in_all_three_ways() {
    let settings = Settings { empty: vec!["9999-12-31".to_owned()], ..of(golden("spark.parquet")) };
    let batch = read(&settings);
    let mut streamed = Vec::new();
    let account: Account =
        open_disputes(&settings, &Tables::embedded(), &Previous::default(), &mut |_| {}, &mut |dispute| {
            streamed.push(dispute.clone());
        });
    assert_eq!(streamed, batch.disputes);
    assert_eq!((account.counts, account.completeness), (batch.counts, batch.completeness));
    let mut lines = Vec::new();
    each(&settings, &Tables::embedded(), &mut |_| {}, &mut |located| lines.push(located.line));
    assert_eq!(lines, [1, 2, 3, 4]);
}

#[test]
fn a_column_of_lists_is_refused_by_its_name_where_it_is_needed() {
    let mut settings = of(golden("plain.parquet"));
    assert_eq!(read(&settings).counts.rows, 4, "nobody asks for `claim_lines`");
    settings.columns.insert(Field::ClaimRef, "claim_lines".to_owned());
    let batch = read(&settings);
    assert_eq!(
        missing(golden("plain.parquet").parent().unwrap(), &batch),
        [
            "column `claim_lines` of `plain.parquet` holds lists, maps or structures, expected plain values",
            "the input has no rows"
        ]
    );
}

/// Writes a Parquet file with these rows of texts.
fn parquet_of(path: &Path, rows: &[[String; 4]]) {
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::{properties::WriterProperties, writer::SerializedFileWriter};

    let names = ["dispute_id", "program", "manufacturer", "ndc"];
    let columns = names.map(|name| format!("REQUIRED BYTE_ARRAY {name} (UTF8);")).concat();
    let schema = parquet::schema::parser::parse_message_type(&format!("message disputes {{ {columns} }}"));
    let properties = Arc::new(WriterProperties::builder().build());
    let file = fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema.unwrap()), properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for place in 0..names.len() {
        let texts: Vec<ByteArray> = rows.iter().map(|row| ByteArray::from(row[place].as_str())).collect();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn of_one_poisoned_row_in_a_hundred_the_others_are_read_and_the_counts_add_up_whatever_the_form() {
    let ndc = |number: usize| if number % 100 == 7 { "none" } else { "12345-678-90" };
    let rows: Vec<[String; 4]> = (0..2_000)
        .map(|number| [format!("D-{number}"), "mdrp".into(), "E".into(), ndc(number).into()])
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let csv: String = rows.iter().map(|row| row.join(",") + "\n").collect();
    fs::write(folder.path().join("a.csv"), format!("dispute_id,program,manufacturer,ndc\n{csv}")).unwrap();
    let object = |[id, program, client, ndc]: &[String; 4]| {
        let object =
            serde_json::json!({"dispute_id": id, "program": program, "manufacturer": client, "ndc": ndc});
        format!("{object}\n")
    };
    fs::write(folder.path().join("a.ndjson"), rows.iter().map(object).collect::<String>()).unwrap();
    parquet_of(&folder.path().join("a.parquet"), &rows);
    for name in ["a.csv", "a.ndjson", "a.parquet"] {
        let batch = read(&of(folder.path().join(name)));
        assert_eq!(batch.completeness, Completeness::Complete, "{name}");
        assert_eq!(
            (batch.counts.rows, batch.counts.open, batch.counts.rejected),
            (2_000, 1_980, 20),
            "{name}"
        );
        assert_eq!((batch.rejects.len(), batch.counts.accounted()), (20, 2_000), "{name}");
        assert!(batch.rejects.iter().all(|reject| reject.id.as_ref().unwrap().ends_with('7')), "{name}");
    }
}

/// Writes a Parquet file of one dispute whose amount has this type.
fn parquet_with_amount(path: &Path, id: &str, amount: &str, value: f64) {
    parquet_with(path, [id, &value.to_string()], amount, value);
}

fn parquet_with(path: &Path, [id, text]: [&str; 2], amount: &str, value: f64) {
    use parquet::column::writer::ColumnWriter;
    use parquet::data_type::ByteArray;
    use parquet::file::{properties::WriterProperties, writer::SerializedFileWriter};

    let texts = [("dispute_id", id), ("program", "mdrp"), ("manufacturer", "E"), ("ndc", "12345067890")];
    let columns = texts.map(|(name, _)| format!("REQUIRED BYTE_ARRAY {name} (UTF8);")).concat();
    let schema = format!("message disputes {{ {columns} REQUIRED {amount}; }}");
    let schema = parquet::schema::parser::parse_message_type(&schema).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let file = fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut texts = texts.iter().map(|(_, text)| *text).chain([text]);
    while let Some(mut column) = group.next_column().unwrap() {
        let written = match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                writer.write_batch(&[ByteArray::from(texts.next().unwrap())], None, None)
            }
            ColumnWriter::DoubleColumnWriter(writer) => writer.write_batch(&[value], None, None),
            ColumnWriter::FloatColumnWriter(writer) => writer.write_batch(&[value as f32], None, None),
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&[(value * 100.0) as i64], None, None)
            }
            _ => unreachable!("no such column"),
        };
        assert_eq!(written.unwrap(), 1);
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

const DOUBLE: &str = "DOUBLE amount_disputed";
const DECIMAL: &str = "INT64 amount_disputed (DECIMAL(18,2))";

#[test]
fn binary_floating_point_is_refused_by_name_where_it_is_wanted_and_read_where_its_rounding_is_stated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let mut settings = of(&path);
    let exact = "expected decimals, whole numbers or texts: cast the column where the file is written";
    parquet_with_amount(&path, "D-1", DOUBLE, 0.1 + 0.2);
    let double = format!(
        "column `amount_disputed` of `a.parquet` holds numbers of the type `double`, which are not exact, {exact}; an \
         amount may also have the format `rounded 2`"
    );
    assert_eq!(missing(folder.path(), &read(&settings))[0], double);

    settings
        .formats
        .insert(Field::AmountDisputed, Format::parse(Field::AmountDisputed, "rounded 2").unwrap());
    let batch = read(&settings);
    assert_eq!((missing(folder.path(), &batch), ids(&batch)), (vec![], vec!["D-1"]));
    assert_eq!(batch.disputes[0].amount_disputed.unwrap().to_string(), "0.30");
    // What something else is made of as well would stay as it is there.
    let mut also = settings.clone();
    also.derived.insert(Field::UnitsDisputed, Derived::parse("= {amount_disputed} / 2").unwrap());
    assert_eq!(missing(folder.path(), &read(&also))[0], double);
    parquet_with_amount(&path, "D-1", DOUBLE, 123_456_789_012_345.67);
    assert_eq!(
        read(&settings).rejects[0].to_string(),
        "line 1, column `amount_disputed`: `123456789012345.67` is not an amount written as `rounded 2`",
        "its cents are those of the binary number"
    );
    parquet_with_amount(&path, "D-1", "FLOAT amount_disputed", 0.5);
    assert_eq!(
        missing(folder.path(), &read(&settings))[0],
        format!(
            "column `amount_disputed` of `a.parquet` holds numbers of the type `float`, which are not exact, {exact}"
        )
    );
    parquet_with_amount(&path, "D-1", "DOUBLE weather", 0.5);
    assert_eq!(ids(&read(&of(&path))), ["D-1"], "nobody asks for it");
}

#[test]
fn a_type_that_changes_between_two_files_or_two_runs_leaves_the_source_incomplete_and_the_other_files_read() {
    let folder = tempfile::tempdir().unwrap();
    parquet_with_amount(&folder.path().join("1.parquet"), "D-1", DECIMAL, 12.34);
    parquet_with_amount(&folder.path().join("2.parquet"), "D-2", DECIMAL, 12.34);
    let settings = of(folder.path());
    let before = read(&settings);
    assert_eq!((missing(folder.path(), &before), ids(&before)), (vec![], vec!["D-1", "D-2"]));
    parquet_with_amount(&folder.path().join("2.parquet"), "D-2", DOUBLE, 12.34);
    let after = load(&settings, &Tables::embedded(), &Previous::from(before.counts.rows), &mut |_| {});
    let told = missing(folder.path(), &after);
    assert!(
        told[0].starts_with("column `amount_disputed` of `2.parquet` holds numbers of the type `double`")
    );
    assert_eq!((told.len(), ids(&after), after.files.failed), (1, vec!["D-1"], 1));
    // A text in place of a number is read as one, exactly, or its rows are refused.
    let as_text = |text| {
        let path = folder.path().join("2.parquet");
        parquet_with(&path, ["D-2", text], "BYTE_ARRAY amount_disputed (UTF8)", 0.0);
    };
    as_text("12.34");
    assert_eq!(read(&settings).disputes[1].amount_disputed, before.disputes[1].amount_disputed);
    as_text("about 12");
    let batch = read(&settings);
    assert_eq!((ids(&batch), batch.rejects.len(), batch.counts.rows), (vec!["D-1"], 1, 2));
}

#[test]
fn a_damaged_parquet_file_is_told_and_never_taken_for_less() {
    let whole = fs::read(golden("spark.parquet")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let settings = Settings { empty: vec!["9999-12-31".to_owned()], ..of(&path) };
    for length in (0..whole.len()).step_by(61) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(!read(&settings).completeness.is_complete(), "cut after {length} bytes");
    }
    let mut random = 88_172_645_463_325_252_u64;
    println!("seed {random}");
    for _ in 0..400 {
        let mut damaged = whole.clone();
        for _ in 0..3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            damaged[random as usize % whole.len()] = (random >> 40) as u8;
        }
        fs::write(&path, &damaged).unwrap();
        let batch = read(&settings);
        assert!(batch.counts.rows == 4 || !batch.completeness.is_complete(), "{:?}", batch.counts);
    }
}

#[test]
fn a_pattern_finds_files_in_order_and_none_is_a_reason() {
    let folder = folder(&[
        ("drops/2026-11-02/b.csv", &["D-2"]),
        ("drops/2026-11-01/a.csv", &["D-1", "D-2"]),
        ("drops/2026-11-01/a.csv.tmp", &["D-9"]),
        ("drops/2026-11-01/read.me", &["D-9"]),
        ("drops/.trash/x.csv", &["D-9"]),
        ("drops/2025-01-01/old.csv", &["D-0"]),
    ]);
    let at = |pattern: &str| of(folder.path().join(pattern));
    let batch = read(&at("drops/2026-*/*"));
    assert_eq!((ids(&batch), batch.counts.superseded), (vec!["D-1", "D-2"], 1));
    assert_eq!((batch.files.read, batch.files.partial, batch.files.other), (2, 1, 1));
    assert_eq!(ids(&read(&at("drops/**/*.csv"))), ["D-0", "D-1", "D-2"]);
    assert_eq!(ids(&read(&at("**/old.csv"))), ["D-0"]);
    let batch = read(&at("drops/2027-*/*.csv"));
    assert_eq!(
        missing(folder.path(), &batch),
        ["no file matches `drops/2027-*/*.csv`", "the input has no rows"]
    );
}

#[test]
fn partitions_of_a_folder_are_read_and_are_columns() {
    let folder = folder(&[
        ("t/d=2026-11-01/state=OH/part-0.csv", &["D-1"]),
        ("t/d=2026-11-02/state=__HIVE_DEFAULT_PARTITION__/part-0.csv", &["D-2"]),
        ("t/_temporary/0/part-0.csv", &["D-8"]),
        ("t/other/part-0.csv", &["D-9"]),
        ("t/_SUCCESS", &[]),
    ]);
    let mut settings = of(folder.path().join("t"));
    settings.columns.insert(Field::OpenedAt, "d".to_owned());
    let batch = read(&settings);
    let seen: Vec<String> = batch
        .disputes
        .iter()
        .map(|dispute| {
            format!("{} {:?} {:?}", dispute.id, dispute.opened_at.unwrap(), dispute.state.as_deref())
        })
        .collect();
    assert_eq!(seen, ["D-1 2026-11-01 Some(\"OH\")", "D-2 2026-11-02 None"]);
    assert_eq!(batch.warnings, [], "a column of the path is not absent");
    for name in [
        "d=2026-11-03/state=TX/part-0.parquet",
        "d=2026-11-04/state=__HIVE_DEFAULT_PARTITION__/part-0.parquet",
    ] {
        let path = folder.path().join("p").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let id = format!("D-{}", &name[10..12]);
        parquet_of(&path, &[[id, "mdrp".into(), "E".into(), "12345067890".into()]]);
    }
    settings.paths = vec![folder.path().join("p")];
    let seen: Vec<_> = read(&settings)
        .disputes
        .iter()
        .map(|dispute| {
            format!("{} {:?} {:?}", dispute.id, dispute.opened_at.unwrap(), dispute.state.as_deref())
        })
        .collect();
    assert_eq!(seen, ["D-03 2026-11-03 Some(\"TX\")", "D-04 2026-11-04 None"]);
    settings.paths = vec![folder.path().join("t")];
    fs::create_dir_all(folder.path().join("t/_delta_log")).unwrap();
    let batch = read(&settings);
    assert_eq!(
        missing(folder.path(), &batch),
        [
            "folder `t` is a table of Delta Lake, whose log says which of its files count; expected files that all count",
            "the input has no rows"
        ]
    );
}

#[test]
fn an_address_that_is_not_read_or_holds_a_secret_is_told_without_what_follows_its_scheme() {
    for address in [
        "https://files.example.com/a.csv?sig=CANARY",
        "az://container/a.csv?sv=1&sig=CANARY",
        "s3://CANARY:CANARY@bucket/a.csv",
        "postgres://reader:CANARY@db.example.com/claims",
        "ftp://files.example.com/CANARY.csv",
    ] {
        let told = missing(Path::new("/"), &read(&of(address))).join("\n");
        assert!(told.contains("it is no address that is read here") && !told.contains("CANARY"), "{told}");
    }
}

#[test]
fn a_mapping_turns_the_words_of_a_source_into_those_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Claim No,Maker,NDC11,Opened,Amount,Units,Why,St\n\
                D-1,EXPH,12345067890,30.09.2026,\"1.234,50\",0012500,Duplicate claim|X,Ohio\n\
                D-2,exph,12345067890,n/a,NULL,,x,OH\n\
                D-3,EXPH,12345067890,09/30/2026,\"1.234,50\",12.5,,\n";
    fs::write(folder.path().join("a.csv"), text).unwrap();
    let mut settings = of(folder.path().join("a.csv"));
    for (field, name) in [
        (Field::DisputeId, "claim no"),
        (Field::Manufacturer, "Maker"),
        (Field::Ndc, "NDC11"),
        (Field::OpenedAt, "Opened"),
        (Field::AmountDisputed, "Amount"),
        (Field::UnitsDisputed, "Units"),
        (Field::ReasonCodes, "Why"),
        (Field::State, "St"),
    ] {
        settings.columns.insert(field, name.to_owned());
    }
    settings.constants.insert(Field::Program, "mdrp".to_owned());
    settings.empty = vec!["N/A".to_owned(), "null".to_owned()];
    for (field, format) in [
        (Field::OpenedAt, "DD.MM.YYYY"),
        (Field::AmountDisputed, "1.234,56"),
        (Field::UnitsDisputed, "implied 3"),
    ] {
        settings.formats.insert(field, Format::parse(field, format).unwrap());
    }
    for (field, word, ours) in [
        (Field::Manufacturer, "exph", "Example Pharma A"),
        (Field::ReasonCodes, "duplicate claim", "N"),
        (Field::State, "Ohio", "OH"),
    ] {
        settings.values.entry(field).or_default().insert(word.to_owned(), ours.to_owned());
    }
    let batch = read(&settings);
    let seen: Vec<String> = batch
        .disputes
        .iter()
        .map(|dispute| {
            let Dispute { id, program, client, opened_at, amount_disputed, .. } = dispute;
            let Dispute { units_disputed, reason_codes, state, .. } = dispute;
            format!(
                "{id} {program} {client} {opened_at:?} {amount_disputed:?} {units_disputed:?} {} {state:?}",
                reason_codes.join(" ")
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "D-1 mdrp Example Pharma A Some(2026-09-30) Some(1234.50) Some(12.500) N X Some(\"OH\")",
            "D-2 mdrp Example Pharma A None None None X Some(\"OH\")",
        ]
    );
    assert_eq!(
        batch.rejects.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 4, column `Units`: `12.5` is not an amount written as `implied 3`; \
             column `Opened`: `09/30/2026` is not a date written as `DD.MM.YYYY`"]
    );
    assert_eq!(batch.rejects[0].id.as_deref(), Some("D-3"), "its dispute is still known to exist");
}

#[test]
fn a_format_shows_no_private_value() {
    let folder = tempfile::tempdir().unwrap();
    let text = "dispute_id,program,manufacturer,ndc,service_date\nD-1,mdrp,E,12345067890,1/2/2026\n";
    fs::write(folder.path().join("a.csv"), text).unwrap();
    let mut settings = of(folder.path().join("a.csv"));
    let format = Format::parse(Field::ServiceDate, "DD.MM.YYYY").unwrap();
    settings.formats.insert(Field::ServiceDate, format);
    assert_eq!(
        read(&settings).rejects[0].to_string(),
        "line 2, column `service_date`: `#/#/####` is not a date written as `DD.MM.YYYY`"
    );
}

#[test]
fn a_constant_counts_in_place_of_a_column_and_a_column_in_place_of_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let partition = folder.path().join("program=tricare/state=OH");
    fs::create_dir_all(&partition).unwrap();
    fs::write(partition.join("a.csv"), "dispute_id,manufacturer,ndc,state\nD-1,E,12345067890,TX\n").unwrap();
    let line = "{\"dispute_id\":\"D-2\",\"manufacturer\":\"E\",\"ndc\":\"12345067890\"}\n\
                {\"dispute_id\":\"D-3\",\"manufacturer\":\"E\",\"ndc\":\"12345067890\",\"state\":null}\n";
    fs::write(partition.join("b.jsonl"), line).unwrap();
    let mut settings = of(folder.path());
    let seen = |settings: &Settings| -> Vec<String> {
        let batch = read(settings);
        assert_eq!(batch.rejects, []);
        batch.disputes.iter().map(|d| format!("{} {} {:?}", d.id, d.program, d.state.as_deref())).collect()
    };
    assert_eq!(
        seen(&settings),
        ["D-1 tricare Some(\"TX\")", "D-2 tricare Some(\"OH\")", "D-3 tricare None"],
        "null is a value of its own"
    );
    settings.constants.insert(Field::Program, "mdrp".to_owned());
    settings.constants.insert(Field::State, "CA".to_owned());
    assert_eq!(seen(&settings), ["D-1 mdrp Some(\"CA\")", "D-2 mdrp Some(\"CA\")", "D-3 mdrp Some(\"CA\")"]);
}

/// A zip archive of these files.
fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn rows_of(ids: &[&str]) -> String {
    let rows: Vec<String> =
        ids.iter().map(|id| format!("{id},mdrp,Example Pharma A,12345-678-90,open,10.00\n")).collect();
    format!("{HEADER}\n{}", rows.concat())
}

#[test]
fn the_files_of_a_zip_archive_are_read_as_they_stand_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drop.zip");
    let files = [
        ("b/state=OH/2.csv", rows_of(&["D-2", "D-3"])),
        ("a/1.csv", rows_of(&["D-1", "D-2"])),
        ("read.me", "no input".to_owned()),
        ("__MACOSX/a/1.csv", rows_of(&["D-9"])),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let whole = zipped(&files);
    fs::write(&path, &whole).unwrap();
    for settings in [of(folder.path()), of(&path)] {
        let batch = read(&settings);
        assert_eq!(missing(folder.path(), &batch), [""; 0]);
        assert_eq!((ids(&batch), batch.counts.superseded), (vec!["D-1", "D-2", "D-3"], 1));
        assert_eq!(
            batch.disputes[1].state.as_deref(),
            Some("OH"),
            "the later file counts, with its partition"
        );
        assert_eq!((batch.files.read, batch.files.other), (2, 2));
    }
    let at = whole.windows(4).position(|bytes| bytes == b"D-2,").unwrap_or(60);
    let mut damaged = whole.clone();
    damaged[at] ^= 0xff;
    for contents in [&damaged[..], &whole[..whole.len() - 30], b"PK no archive"] {
        fs::write(&path, contents).unwrap();
        assert!(!read(&of(&path)).completeness.is_complete());
    }
    fs::write(&path, zipped(&[("read.me", "x")])).unwrap();
    assert_eq!(
        missing(folder.path(), &read(&of(&path))),
        [
            "`drop.zip` could not be read: it holds no `.csv`, `.tsv`, `.ndjson` or `.jsonl` file",
            "the input has no rows"
        ]
    );
}

fn preview(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(["source", "preview"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (text, output.status.code())
}

#[test]
fn a_preview_shows_rows_rejects_and_columns_and_nothing_private() {
    let folder = tempfile::tempdir().unwrap();
    let text = "dispute_id,program,Maker,ndc,service_date,note,payer,extra,unit_rebate_amount\n\
                D-1,mdrp,Example Pharma A,12345067890,2026-01-02,call Ms Doe,Plan A,1,12.34\n\
                D-2,mdrp,Example Pharma A,12345067890,2026-01-03,,Patient Smith,2,\n\
                D-3,medicade,Example Pharma A,12345067890,01/02,,,3,\n\
                D-4,340b,Example Pharma B,12345067890,,,Plan A,4,\n";
    fs::write(folder.path().join("a.csv"), text).unwrap();
    let config = "[sources.claims]\npaths = [\"a.csv\"]\n[sources.claims.columns]\nmanufacturer = \"Maker\"\n\
                  [sources.other]\npaths = [\"gone.csv\"]\n";
    fs::write(folder.path().join("disputebot.toml"), config).unwrap();
    let (text, code) = preview(folder.path(), &["--rows", "2"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(text, @r"
    source `claims`
    4 rows, 1 rejected

    COLUMN              IN THE SOURCE  FILLED  DISTINCT  EXAMPLES
    dispute_id                              3         3  D-1, D-2, D-4
    program                                 3         2  mdrp, 340b
    manufacturer        Maker               3         2  Example Pharma A, Example Pharma B
    ndc                                     3         1  12345-0678-90
    payer                                   3         2  Plan A, aaaaaaa aaaaa
    service_date                            2         2  ####-##-##
    unit_rebate_amount                      1         1  ##.##
    note                                    1         1  aaaa aa aaa

    dispute_id  program  manufacturer      ndc            payer          service_date  unit_rebate_amount  note
    D-1         mdrp     Example Pharma A  12345-0678-90  Plan A         ####-##-##    ##.##               aaaa aa aaa
    D-2         mdrp     Example Pharma A  12345-0678-90  aaaaaaa aaaaa  ####-##-##

    rejected: a.csv, line 4, column `program`: `medicade` is not a program (`mdrp`, `340b`, `part_d_mdp`, `cgdp`, `mfp`, `tricare`, `commercial`, or a configured alias); column `service_date`: `##/##` is not a date (such as `2026-09-30`, `09/30/2026` or `20260930`)

    not read, by the first 4 rows of `a.csv`
    IN THE SOURCE  FILLED  DISTINCT  SHAPES
    extra               4         4  #

    source `other`
    0 rows, 0 rejected
    incomplete: source `other`: `gone.csv` does not exist
    ");
    let (json, _) = preview(folder.path(), &["--source", "claims", "--json"]);
    for private in ["2026-01-02", "Doe", "Smith", "12.34"] {
        assert!(!json.contains(private) && !text.contains(private), "{private}: {json}");
    }
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["rows"], &json[0]["rejected"]), (&4.into(), &1.into()));
    let (text, code) = preview(folder.path(), &["--source", "none"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("there is no source `none`"), "{text}");
}

#[test]
fn a_preview_shows_what_stands_in_a_file_whose_columns_are_not_mapped_yet() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Case,Maker,Drug Code,Remark,Blank\nC-1,Example Pharma A,12345-0678-90,call Ms Doe,\n\
                C-2,Example Pharma B,12345-0678-90,,\n";
    fs::write(folder.path().join("a.csv"), text).unwrap();
    fs::write(folder.path().join("disputebot.toml"), "[source]\npaths = [\"a.csv\"]\n").unwrap();
    let (text, code) = preview(folder.path(), &[]);
    assert_eq!(code, Some(4), "no row can be read: {text}");
    let (said, table) = text.split_once("as they stand, by the first 2 rows of `a.csv`\n").unwrap();
    assert!(said.contains("incomplete: ") && said.contains("`dispute_id`"), "{said}");
    insta::assert_snapshot!(table, @r"
    IN THE SOURCE  FILLED  DISTINCT  SHAPES
    Case                2         2  a-#
    Maker               2         2  aaaaaaa aaaaaa a
    Drug Code           2         1  #####-####-##
    Remark              1         1  aaaa aa aaa
    Blank               0         0
    ");
}

#[test]
fn a_preview_shows_nothing_of_a_file_without_a_header_but_its_shape() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "77,Doe,1961-01-02\n78,Smith,1962-01-02\n").unwrap();
    fs::write(folder.path().join("disputebot.toml"), "[source]\npaths = [\"a.csv\"]\n").unwrap();
    for arguments in [&[][..], &["--json"]] {
        let (text, _) = preview(folder.path(), arguments);
        assert!(text.contains("####-##-##"), "{text}");
        for private in ["77", "Doe", "1961", "78", "Smith", "1962"] {
            assert!(!text.contains(private), "{private}: {text}");
        }
    }
}

#[test]
fn a_column_that_is_named_by_a_number_makes_no_row_of_a_header() {
    let folder = tempfile::tempdir().unwrap();
    let text = "dispute_id,program,manufacturer,ndc,2026\nD-1,mdrp,Example Pharma A,12345067890,x\n";
    fs::write(folder.path().join("a.csv"), text).unwrap();
    fs::write(folder.path().join("disputebot.toml"), "[source]\npaths = [\"a.csv\"]\n").unwrap();
    let (json, _) = preview(folder.path(), &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["unused"], serde_json::json!(["2026"]));
}

#[test]
fn a_preview_knows_which_keys_of_objects_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let row = r#""program":"mdrp","manufacturer":"Example Pharma A","ndc":"12345067890""#;
    let lines = format!(
        "{{\"dispute_id\":\"D-1\",{row},\"queue\":7}}\n{{\"dispute_id\":\"D-2\",{row},\"tags\":[\"a\"],\"queue\":null}}\n"
    );
    fs::write(folder.path().join("a.ndjson"), lines).unwrap();
    fs::write(folder.path().join("disputebot.toml"), "[source]\npaths = [\"a.ndjson\"]\n").unwrap();
    let (json, code) = preview(folder.path(), &["--json"]);
    assert_eq!(code, Some(0), "{json}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["unused"], serde_json::json!(["queue", "tags"]));
    let column = |name: &str, shape: &str| serde_json::json!({"column": name, "filled": 1, "distinct": 1, "shapes": [shape]});
    assert_eq!(
        json[0]["sample"]["columns"],
        serde_json::json!([column("queue", "#"), column("tags", "[\"a\"]")])
    );
}

#[test]
fn init_guesses_the_columns_of_a_file_and_the_config_that_it_writes_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Dispute No,Mfr,NDC-11,St,Weather\nD-1,Example Pharma A,12345067890,OH,fair\n";
    fs::write(folder.path().join("export.csv"), text).unwrap();
    let init = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(["init", "--from", "export.csv"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(init.status.code(), Some(0), "{}", String::from_utf8_lossy(&init.stderr));
    let config = fs::read_to_string(folder.path().join("disputebot.toml")).unwrap();
    let (_, columns) = config.split_once("[source.columns]\n").unwrap();
    let (columns, _) = columns.split_once("\n\n").unwrap();
    assert_eq!(
        columns,
        "# Guessed from the names of the columns: please confirm each.\n\
         # Not recognised, and not read: Weather\n\
         # Not found, but required, here or in [source.constants]: program\n\
         dispute_id = \"Dispute No\"\nmanufacturer = \"Mfr\"\nndc = \"NDC-11\"\nstate = \"St\""
    );
    let (text, code) = preview(folder.path(), &["--set", "source.constants.program=mdrp"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("1 rows, 0 rejected"), "{text}");
}

#[test]
fn init_and_preview_look_into_parquet_and_tell_more_than_ten_thousand_values_as_many() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden("plain.parquet"), folder.path().join("export.parquet")).unwrap();
    let init = Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(["init", "--from", "export.parquet"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(init.status.code(), Some(0), "{}", String::from_utf8_lossy(&init.stderr));
    let config = fs::read_to_string(folder.path().join("disputebot.toml")).unwrap();
    assert!(config.contains("paths = [\"export.parquet\"]\n"), "{config}");
    assert!(config.contains("# Not recognised, and not read: "), "{config}");
    let (text, code) = preview(folder.path(), &["--set", "source.empty=9999-12-31"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("4 rows, 0 rejected"), "{text}");
    assert!(
        text.contains("-5.0000000000")
            && text.contains("\nnot read, by the first 4 rows of `export.parquet`\n"),
        "{text}"
    );
    assert!(!text.contains("Größe"), "a note shows its form only: {text}");

    let numbers: Vec<String> = (0..10_001).map(|number| format!("D-{number}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    fs::write(folder.path().join("many.csv"), rows_of(&numbers)).unwrap();
    fs::write(folder.path().join("most.csv"), rows_of(&numbers[..10_000])).unwrap();
    let distinct = |file: &str| {
        let (text, _) = preview(folder.path(), &["--set", &format!("source.paths={file}"), "--rows", "1"]);
        let line = text.lines().find(|line| line.starts_with("dispute_id")).unwrap().to_owned();
        line.split("  ").filter(|part| !part.is_empty()).nth(2).unwrap().trim().to_owned()
    };
    assert_eq!((distinct("most.csv").as_str(), distinct("many.csv").as_str()), ("10000", "over 10000"));
}

#[test]
fn a_column_in_parts_is_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let header = "st,line,manufacturer,labeler,product,package";
    fs::write(folder.path().join("a.csv"), format!("{header}\nOH,7,E,123,4567,8\nTX,8,E,,,\n")).unwrap();
    let line = "{\"st\":\"OH\",\"line\":9,\"manufacturer\":\"E\",\"Labeler\":123,\"product\":\"4567\",\"package\":8}\n";
    fs::write(folder.path().join("b.jsonl"), line).unwrap();
    let mut settings = of(folder.path());
    settings.constants.insert(Field::Program, "mdrp".to_owned());
    for (field, expression) in
        [(Field::DisputeId, "{st}-{line}"), (Field::Ndc, "{labeler:5}{product:4}{package:2}")]
    {
        settings.derived.insert(field, Derived::parse(expression).unwrap());
    }
    let batch = read(&settings);
    let seen: Vec<String> = batch.disputes.iter().map(|d| format!("{} {}", d.id, d.ndc)).collect();
    assert_eq!(seen, ["OH-7 00123-4567-08", "OH-9 00123-4567-08"]);
    assert_eq!(
        batch.rejects.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 3, column `ndc`: expected an NDC, found nothing"]
    );
    settings.derived.insert(Field::State, Derived::parse("{stt}").unwrap());
    let told = missing(folder.path(), &read(&settings));
    assert_eq!(told, ["`a.csv` lacks the required column `stt` (is it `st`?)"]);
}

#[test]
fn however_many_archives_there_are_one_is_open_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..60 {
        let file = fs::File::create(folder.path().join(format!("{number:02}.zip"))).unwrap();
        let mut archive = zip::ZipWriter::new(file);
        for part in ["a.csv", "b.csv"] {
            archive.start_file(part, zip::write::SimpleFileOptions::default()).unwrap();
            let row = format!("{HEADER}\nD-{number}-{part},mdrp,Example Pharma A,12345-678-90,open,10.00\n");
            archive.write_all(row.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
    }
    let open = || fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or_default();
    let (before, mut most) = (open(), 0);
    let batch =
        load(&of(folder.path()), &Tables::embedded(), &Previous::default(), &mut |_| most = most.max(open()));
    assert_eq!((batch.counts.open, missing(folder.path(), &batch).len()), (120, 0));
    assert!(most <= before + 4, "{most} files were open, {before} before");
}
