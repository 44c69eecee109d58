//! Named layouts of files, lines of fixed width, and columns made of others, from a config file to disputes.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::process::{Command, Output};

use disputebot::config::{Layers, Needs, Place};
use disputebot::dispute::{Dispute, Field, LayoutKind, Program, Tables, Transaction};
use disputebot::source::{self, Account, Batch, Completeness, Previous, load, open_disputes};
use rust_decimal::Decimal;
use tempfile::TempDir;

/// A folder with a config file and files to read.
struct World(TempDir);

impl World {
    fn with(config: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("disputebot.toml"), config).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn layers(&self) -> Layers {
        let place = Place { file: None, folder: self.0.path().to_owned() };
        Layers::load(&place, Vec::<(OsString, OsString)>::new(), &[]).unwrap()
    }

    fn settings(&self) -> (Vec<source::Settings>, Tables) {
        let settings = disputebot::config::Settings::read(&self.layers(), Needs::default()).unwrap().0;
        (settings.run.sources, settings.tables)
    }

    /// What is wrong with the config.
    fn told(&self) -> String {
        let needs = Needs::default();
        disputebot::config::Settings::read(&self.layers(), needs).map(drop).unwrap_err().to_string()
    }

    fn read(&self) -> Batch {
        let (sources, tables) = self.settings();
        load(&sources, &tables, &Previous::default(), &mut |_| {})
    }

    fn stream(&self) -> (Vec<Dispute>, Account) {
        let (sources, tables) = self.settings();
        let mut seen = Vec::new();
        let mut sink = |dispute: &Dispute| seen.push(dispute.clone());
        let account = open_disputes(&sources, &tables, &Previous::default(), &mut |_| {}, &mut sink);
        seen.sort_by(|a, b| a.id.cmp(&b.id));
        (seen, account)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_disputebot"))
            .args(arguments)
            .env_clear()
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }
}

/// What a dispute has, column by column.
fn shown(dispute: &Dispute) -> String {
    let values = dispute.values().into_iter();
    let texts = values.filter_map(|(field, value)| Some(format!("{field}={}", value?)));
    texts.collect::<Vec<_>>().join(" ")
}

fn rejects(batch: &Batch) -> Vec<String> {
    batch.rejects.iter().map(ToString::to_string).collect()
}

fn reasons(batch: &Batch) -> Vec<String> {
    match &batch.completeness {
        Completeness::Complete => Vec::new(),
        Completeness::Incomplete(reasons) => reasons
            .iter()
            .map(|reason| {
                reason.to_string().rsplit_once('/').map_or(String::new(), |(_, end)| end.to_owned())
            })
            .collect(),
    }
}

/// A record of an invoice as the definitions of July 2021 have it.
fn r144(state: &str, ndc: (&str, &str, &str), units: &str) -> String {
    let (labeler, product, package) = ndc;
    format!(
        "FFSU{state}{labeler}{product}{package}32026EXAMPLE   00000012.345678{units:0>16}0000000001234.50"
    )
}

#[test]
fn an_invoice_of_fixed_width_is_read_by_the_name_of_its_layout() {
    let lines = format!(
        "{}00000012\r\n{}\n",
        r144("OH", ("12345", "0678", "90"), "100.500"),
        r144("GA", ("00093", "ab12", "01"), "-00000000007.000")
    );
    let config = "[source]\npaths = [\"invoice.txt\"]\nlayout = \"cms-r-144\"\n\
                  [source.values.manufacturer]\n\"12345\" = \"Example Pharma A\"\n";
    let world = World::with(config, &[("invoice.txt", &lines)]);
    let batch = world.read();
    assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]));
    insta::assert_snapshot!(batch.disputes.iter().map(shown).collect::<Vec<_>>().join("\n"), @"
    dispute_id=GA-32026-FFSU-00093ab1201 program=mdrp manufacturer=00093 ndc=00093-AB12-01 product_name=EXAMPLE state=GA delivery_system=ffs period=2026Q3 units_invoiced=-7.000 unit_rebate_amount=12.345678
    dispute_id=OH-32026-FFSU-12345067890 program=mdrp manufacturer=Example Pharma A ndc=12345-0678-90 product_name=EXAMPLE state=OH delivery_system=ffs period=2026Q3 units_invoiced=100.500 unit_rebate_amount=12.345678
    ");
    let (streamed, account) = world.stream();
    assert_eq!((streamed, account.counts), (batch.disputes, batch.counts));
}

#[test]
fn an_invoice_of_2011_is_read_by_its_narrower_amounts() {
    // Twelve places for the rebate of a unit, fifteen for units, twelve for the rebate, eight for prescriptions.
    let amounts = ["00012.345678", "00000000100.500", "000001234.50", "00000007"].concat();
    let line = format!("MCOUTX1234506789032014EXAMPLE   {amounts}");
    let config = "[source]\npaths = [\"invoice.txt\"]\nlayout = \"cms-r-144-2011\"\n";
    let world = World::with(config, &[("invoice.txt", &format!("{line}\n"))]);
    let batch = world.read();
    assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]), "{line}");
    assert_eq!(
        shown(&batch.disputes[0]),
        "dispute_id=TX-32014-MCOU-12345067890 program=mdrp manufacturer=12345 ndc=12345-0678-90 product_name=EXAMPLE state=TX \
         delivery_system=mco period=2014Q3 units_invoiced=100.500 unit_rebate_amount=12.345678"
    );
    // By the positions of today its amounts would be others: it is no file of that layout.
    let today = config.replace("-2011", "");
    let batch = World::with(&today, &[("invoice.txt", &format!("{line}\n"))]).read();
    assert!(batch.disputes.is_empty() || shown(&batch.disputes[0]) != shown(&world.read().disputes[0]));
}

#[test]
fn the_same_invoice_with_a_header_is_read_whatever_its_names_look_like() {
    let csv = "Record ID,STATE,Labeler_Code,product code,PackageSize,Quarter Covered,URA,Units Reimbursed,Weather\n\
               MCOU,OH,12345,678,9,32026,0.5,100,fine\n";
    let json = "{\"record_id\":\"MCOU\",\"state_code\":\"OH\",\"LABELER CODE\":\"12345\",\"product_code\":\"678\",\
                \"package_size\":\"9\",\"period_covered\":\"32026\",\"unit_rebate_amount\":0.5,\"units_reimbursed\":100}\n";
    for (name, text) in [("a.csv", csv), ("a.jsonl", json)] {
        let config = format!("[source]\npaths = [\"{name}\"]\nlayout = \"cms-r-144\"\n");
        let batch = World::with(&config, &[(name, text)]).read();
        assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]), "{name}");
        assert_eq!(
            shown(&batch.disputes[0]),
            "dispute_id=OH-32026-MCOU-12345067809 program=mdrp manufacturer=12345 ndc=12345-0678-09 state=OH \
             delivery_system=mco period=2026Q3 units_invoiced=100 unit_rebate_amount=0.5",
            "{name}"
        );
    }
}

#[test]
fn what_a_source_says_itself_wins_over_its_layout_column_by_column() {
    let csv = "record_id,state,labeler,product_code,package_size,period,units,line,mfr\n\
               FFSU,OH,12345,678,90,32026,100,L-1,Example Pharma A\n";
    let config = "[source]\npaths = [\"a.csv\"]\nlayout = \"cms-r-144\"\n\
                  [source.columns]\ndispute_id = \"line\"\nmanufacturer = \"mfr\"\n\
                  [source.constants]\nprogram = \"commercial\"\n";
    let batch = World::with(config, &[("a.csv", csv)]).read();
    let dispute = &batch.disputes[0];
    assert_eq!(
        (&*dispute.id, dispute.program, &*dispute.client),
        ("L-1", Program::Commercial, "Example Pharma A")
    );
    assert_eq!(dispute.ndc.to_string(), "12345-0678-90", "the rest is of the layout");
}

#[test]
fn statements_of_manufacturers_have_their_disputed_units_and_both_kinds_of_codes() {
    let rosi = "Labeler Name,Labeler Code,Period Covered,State,Product/Package Code,Product Name,FFS/MCO Record ID,\
                Unit Rebate Amount,Units Invoiced,Labeler Disputed Units,Adjm Code,Disp Code,Witheld Invoice Amount\n\
                Example Pharma A,12345,32026,OH,067890,EXAMPLE,FFSU,0.5,100,40,,N,20.00\n\
                Example Pharma A,12345,32026,OH,067891,EXAMPLE,FFSU,0.5,100,10,A,\"J;N\",5.00\n";
    let config = "[source]\npaths = [\"rosi.csv\"]\nlayout = \"cms-304\"\n";
    let batch = World::with(config, &[("rosi.csv", rosi)]).read();
    assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]));
    insta::assert_snapshot!(batch.disputes.iter().map(shown).collect::<Vec<_>>().join("\n"), @"
    dispute_id=OH-32026-FFSU-12345067890 program=mdrp manufacturer=Example Pharma A ndc=12345-0678-90 product_name=EXAMPLE state=OH delivery_system=ffs period=2026Q3 reason_codes=N units_invoiced=100 units_disputed=40 unit_rebate_amount=0.5 amount_disputed=20.00
    dispute_id=OH-32026-FFSU-12345067891 program=mdrp manufacturer=Example Pharma A ndc=12345-0678-91 product_name=EXAMPLE state=OH delivery_system=ffs period=2026Q3 reason_codes=A|J|N units_invoiced=100 units_disputed=10 unit_rebate_amount=0.5 amount_disputed=5.00
    ");
    let pqas = "labeler_name,labeler_code,period_covered,state,product_package_code,product_name,record_id,\
                Current Unit Rebate Amount,Current Units to Date,Current Units Disputed to Date,Adjm Code,Disp Code\n\
                Example Pharma A,12345,12024,OH,067890,EXAMPLE,MCOU,0.5,100,40,,X\n";
    let config = "[source]\npaths = [\"pqas.csv\"]\nlayout = \"cms-304a\"\n";
    let batch = World::with(config, &[("pqas.csv", pqas)]).read();
    insta::assert_snapshot!(batch.disputes.iter().map(shown).collect::<Vec<_>>().join("\n"), @"dispute_id=OH-12024-MCOU-12345067890 program=mdrp manufacturer=Example Pharma A ndc=12345-0678-90 product_name=EXAMPLE state=OH delivery_system=mco period=2024Q1 reason_codes=X units_invoiced=100 units_disputed=40 unit_rebate_amount=0.5");
}

/// A line of a claim as Georgia publishes it.
fn claim(icn: &str, kind: char, units: &str) -> String {
    format!("0016 {icn:<20} 0001 {kind} 20263 12345067890 {units} +000000012.50 +000000020.00 1234567893")
}

#[test]
fn claims_have_ids_that_tell_nothing_of_them_and_are_netted() {
    let lines = [
        claim("2226123456001", 'O', "+000000010.500"),
        claim("2226123456002", 'O', "+000000003.000"),
        claim("2226123456001", 'V', "-000000010.500"),
    ];
    let config =
        "[source]\npaths = [\"claims.dat\"]\nlayout = \"claim-level-detail\"\n[state]\ndir = \"state\"\n";
    let world = World::with(config, &[("claims.dat", &(lines.join("\n") + "\n"))]);
    fs::create_dir(world.0.path().join("state")).unwrap();
    let batch = world.read();
    assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]));
    let dispute = &batch.disputes[0];
    assert_eq!((batch.disputes.len(), batch.counts.netted), (1, 2));
    assert_eq!(dispute.id.len(), 32);
    assert!(!dispute.id.contains("2226123456"));
    assert_eq!(dispute.transaction, Some(Transaction::Original));
    assert_eq!(
        (dispute.units_invoiced.unwrap().to_string(), dispute.period.unwrap().to_string()),
        ("3.000".to_owned(), "2026Q3".to_owned())
    );
    let ids = |batch: &Batch| -> Vec<String> { batch.disputes.iter().map(|d| d.id.to_string()).collect() };
    assert_eq!(ids(&batch), ids(&world.read()), "the key stays, and so do the ids");
    fs::remove_file(world.0.path().join("state/local.key")).unwrap();
    assert_ne!(ids(&batch), ids(&world.read()), "another key gives other ids");
    fs::write(world.0.path().join("state/local.key"), "no key").unwrap();
    let batch = world.read();
    assert_eq!(
        reasons(&batch)[0],
        "local.key` could not be read: the key of hashes is needed: it is no key of 64 hexadecimal digits"
    );
    assert_eq!(batch.disputes, [], "nothing is read under another id");
}

fn in_cents(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

#[test]
fn signed_overpunch_is_exact_for_every_sign_and_every_other_byte_is_refused_by_name() {
    let header =
        "P Number,Detail Ref Number,Contract No,Product Service ID,Reported Gap Discount,Dispute Reason Code";
    let signs = "{ABCDEFGHI}JKLMNOPQR";
    let mut csv = format!("{header}\n");
    for (place, sign) in signs.chars().enumerate() {
        csv += &format!("P1234,D{place:02},H1234,12345067890,10{sign},D01\n");
    }
    for (place, bad) in ["10S", "1M0", "M", "10m", "\u{ff}", "1 0M", "10MM"].iter().enumerate() {
        csv += &format!("P1234,X{place},H1234,12345067890,{bad},D01\n");
    }
    let config = "[source]\npaths = [\"data.csv\"]\nlayout = \"tpa\"\n";
    let batch = World::with(config, &[("data.csv", &csv)]).read();
    let amounts: BTreeSet<Decimal> = batch.disputes.iter().map(|d| d.amount_disputed.unwrap()).collect();
    let expected: Vec<Decimal> =
        (100..110).flat_map(|cents| [cents, -cents]).chain([-4]).map(in_cents).collect();
    assert_eq!(batch.disputes.len(), expected.len());
    assert_eq!(amounts, expected.into_iter().collect(), "a sign alone is a number of one digit");
    for Dispute { id, .. } in &batch.disputes {
        let is_hash = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_hash, "{id} tells the number of its claim");
    }
    let column = "`reported_gap_discount`: ";
    assert_eq!(batch.rejects.len(), 6);
    for reject in rejects(&batch) {
        assert!(
            reject.to_lowercase().contains("overpunch") && reject.contains("eported"),
            "{reject} {column}"
        );
    }
}

#[test]
fn a_file_of_an_administrator_of_fixed_width_needs_its_positions_and_nothing_else() {
    let detail = |id: &str, amount: &str| format!("DET  P1234 {id} H1234 12345067890 {amount} D01");
    let lines =
        ["TPAMH P1234 202603", &detail("D-000001", "0000010M"), &detail("D-000002", "0000010D"), "TPAMT 2"];
    let text = lines.join("\r\n") + "\r\n\u{1a}";
    let config = "[source]\npaths = [\"data.dat\"]\nlayout = \"tpa\"\n[source.positions]\nrecord_type = \"1-5\"\n\
                  p_number = \"6-10\"\ndetail_ref_number = \"12-19\"\ncontract_no = \"21-25\"\nproduct_service_id = \"27-37\"\n\
                  reported_gap_discount = \"39-46\"\ndispute_reason_code = \"48-50\"\n[source.constants]\nprogram = \"part_d_mdp\"\n";
    let batch = World::with(config, &[("data.dat", &text)]).read();
    assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]));
    let amounts: BTreeSet<Decimal> = batch.disputes.iter().map(|d| d.amount_disputed.unwrap()).collect();
    assert_eq!(amounts, [-104, 104].map(in_cents).into());
    assert!(
        batch.disputes.iter().all(|dispute| !dispute.id.contains("D-0000")),
        "no number of a claim is told"
    );
    assert_eq!(batch.counts.rows, 2, "heads and ends are no rows");
    let told: Vec<String> = batch.warnings.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|told| told.contains("2 values, such as `TPAMH`: is a record of another kind")),
        "{told:?}"
    );
}

#[test]
fn a_record_that_is_cut_is_refused_and_a_file_that_is_cut_is_incomplete() {
    let whole = r144("OH", ("12345", "0678", "90"), "100.500");
    let config = "[source]\npaths = [\"a.txt\"]\nlayout = \"cms-r-144\"\n";
    let read = |text: &str| World::with(config, &[("a.txt", text)]).read();
    let batch = read(&format!("{}\n{whole}\n", &whole[..60]));
    assert_eq!(
        rejects(&batch),
        ["line 1, column `units_reimbursed`: expected a line that reaches its end, found a shorter one"]
    );
    assert_eq!((reasons(&batch), batch.disputes.len()), (vec![], 1));
    let batch = read(&format!("{whole}\n{}", &whole[..60]));
    assert_eq!(reasons(&batch), ["a.txt` ends in the middle, at line 2"]);
    let batch = read(&format!("{}\n", &whole[..32]));
    assert_eq!(batch.disputes[0].units_invoiced, None, "stripped blanks are no cut");
}

#[test]
fn a_fixed_file_without_positions_is_of_no_known_kind() {
    let batch = World::with("[source]\npaths = [\"a.txt\"]\n", &[("a.txt", "x\n")]).read();
    assert!(
        reasons(&batch)[0].contains("`.txt` and `.dat` where a layout says the positions"),
        "{:?}",
        reasons(&batch)
    );
}

#[test]
fn claims_under_numbers_of_ncpdp_are_read_with_their_transactions() {
    let csv = "402-D2,407-D7,442-E7,600-28,401-D1,201-B1,403-D3,103-A3\n\
               0012345,12345067890,30.000,EA,20260930,1234567893,0,B1\n\
               0012345,12345067890,30.000,EA,20260930,1234567893,0,B2\n\
               0099999,12345067890,60.000,ML,20260930,1234567893,1,B1\n";
    let config =
        "[source]\npaths = [\"a.csv\"]\nlayout = \"ncpdp\"\n[source.constants]\nprogram = \"340b\"\n";
    let batch = World::with(config, &[("a.csv", csv)]).read();
    assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]));
    assert_eq!((batch.disputes.len(), batch.counts.netted), (1, 2), "a reversal cancels its billing");
    assert!(batch.disputes.iter().all(|dispute| dispute.id.len() == 32));
}

#[test]
fn under_numbers_of_ncpdp_a_reversal_or_a_new_billing_concerns_its_own_fill_at_its_own_pharmacy_alone() {
    let line = |rx: &str, day: &str, pharmacy: &str, fill: &str, kind: &str| {
        format!("{rx},12345067890,30.000,EA,{day},{pharmacy},{fill},{kind}\n")
    };
    let (first, refill) = (("20260901", "0"), ("20260930", "1"));
    let (one, other) = ("1234567893", "1987654328");
    let billed: String = [(first, one), (refill, one), (first, other), (refill, other)]
        .map(|((day, fill), pharmacy)| line("0012345", day, pharmacy, fill, "B1"))
        .concat();
    let config =
        "[source]\npaths = [\"a.csv\"]\nlayout = \"ncpdp\"\n[source.constants]\nprogram = \"340b\"\n";
    let left = |more: &str| {
        let csv = format!("402-D2,407-D7,442-E7,600-28,401-D1,201-B1,403-D3,103-A3\n{billed}{more}");
        let batch = World::with(config, &[("a.csv", &csv)]).read();
        assert_eq!((reasons(&batch), rejects(&batch)), (vec![], vec![]));
        let mut left: Vec<_> = batch
            .disputes
            .iter()
            .map(|dispute| {
                let day = dispute.service_date.unwrap().strftime("%Y%m%d").to_string();
                (day, dispute.pharmacy_npi.as_ref().unwrap().to_string(), dispute.transaction.unwrap())
            })
            .collect();
        left.sort();
        (left, batch.counts.netted)
    };
    let of = |(day, _): (&str, &str), pharmacy: &str, kind| (day.to_owned(), pharmacy.to_owned(), kind);
    let (original, replacement) = (Transaction::Original, Transaction::Replacement);
    assert_eq!(left("").1, 0);
    assert_eq!(
        // Zeros at the front of the number of a fill mean nothing.
        left(&line("0012345", "20260930", other, "01", "B2")),
        (vec![of(first, one, original), of(first, other, original), of(refill, one, original)], 2)
    );
    assert_eq!(
        left(&line("0012345", "20260901", one, "0", "B3")),
        (
            vec![
                of(first, one, replacement),
                of(first, other, original),
                of(refill, one, original),
                of(refill, other, original)
            ],
            1
        )
    );
    let nameless = line("", "20260901", one, "0", "B1") + &line("", "20260901", one, "0", "B2");
    assert_eq!(left(&nameless).1, 0, "without its number no claim is told from others");
}

#[test]
fn every_built_in_layout_can_be_used_and_says_where_each_statement_is_from() {
    let tables = Tables::embedded();
    let names = source::layouts(&tables);
    assert_eq!(
        names,
        ["cms-r-144", "cms-r-144-2011", "cms-304", "cms-304a", "claim-level-detail", "tpa", "ncpdp"]
    );
    for name in names {
        let world = World::with(&format!("[source]\nlayout = \"{name}\"\n"), &[]);
        let (sources, _) = world.settings();
        let source = &sources[0];
        assert_eq!(source.layout.name, name);
        let rows: Vec<_> = tables.layouts.iter().filter(|row| row.layout == name).collect();
        assert_eq!(rows.iter().filter(|row| row.kind == LayoutKind::About).count(), 1, "{name}");
        let columns: Vec<String> =
            rows.iter().filter(|row| row.kind == LayoutKind::Column).map(|row| row.column.clone()).collect();
        let mut aliases: BTreeMap<String, &str> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.kind == LayoutKind::Column) {
            for alias in row.also.iter().chain([&row.column]) {
                let squeezed: String = alias.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
                let owner = aliases.insert(squeezed, &row.column);
                assert!(owner.is_none_or(|owner| owner == row.column), "{name}: {alias} is two columns");
            }
        }
        for (field, derived) in &source.derived {
            for column in derived.columns() {
                assert!(columns.iter().any(|known| known == column), "{name}: {field} is made of {column}");
            }
        }
        for field in Field::REQUIRED {
            let is_given = source.columns.contains_key(&field)
                || source.derived.contains_key(&field)
                || source.constants.contains_key(&field);
            assert!(is_given || (name == "ncpdp" && field == Field::Program), "{name} lacks {field}");
        }
    }
}

#[test]
fn a_layout_of_ones_own_takes_the_place_of_the_built_in_ones() {
    let table = "layout\tkind\tcolumn\talso\tfirst\tlast\tours\tform\tsource\n\
                 ours\tcolumn\tID\t\t1\t3\tdispute_id\t\tour own\n\
                 ours\tcolumn\tDRUG\t\t4\t14\tndc\t\tour own\n\
                 ours\tconstant\tmdrp\t\t\t\tprogram\t\tour own\n\
                 ours\tconstant\tExample Pharma A\t\t\t\tmanufacturer\t\tour own\n";
    let config = "[source]\npaths = [\"a.dat\"]\nlayout = \"ours\"\n[tables]\ndir = \"tables\"\n";
    let world = World::with(config, &[("a.dat", "D-112345067890\n")]);
    fs::create_dir(world.0.path().join("tables")).unwrap();
    fs::write(world.0.path().join("tables/layouts.tsv"), table).unwrap();
    assert_eq!(&*world.read().disputes[0].id, "D-1");
    let overlapping = table.replace("\t4\t14\t", "\t3\t13\t");
    fs::write(world.0.path().join("tables/layouts.tsv"), overlapping).unwrap();
    assert!(
        world.told().contains("columns `ID` and `DRUG` of the layout `ours` overlap"),
        "{}",
        world.told()
    );
}

#[test]
fn a_wrong_layout_position_or_mapping_is_told_with_what_is_right() {
    let told = |text: &str| World::with(text, &[]).told();
    assert!(
        told("[source]\nlayout = \"cms-r144\"\n")
            .contains("there is no layout `cms-r144` (known are `cms-r-144`, "),
    );
    assert!(
        told("[source.positions]\nunits = \"65-52\"\n")
            .contains("expected its first and last character, such as `52-65`")
    );
    for (mapping, words) in [
        (
            "[source.columns]\nclaim_ref = \"ICN\"\ndispute_id = \"icn\"\n",
            "`icn` is `claim_ref`, which is private (identifier)",
        ),
        (
            "[source.columns]\nclaim_ref = \"ICN\"\n[source.derived]\ndispute_id = \"{st}-{ICN}\"\n",
            "`icn` is `claim_ref`, which is private (identifier), and this column may be shown; an id can be made of it with `hash: {…}`",
        ),
        ("[source.derived]\npayer = \"{note}\"\n", "`note` is `note`, which is private (free text)"),
        ("[source.derived]\nperiod = \"{service_date:1-4}\"\n", "which is private (day)"),
        ("[source.derived]\namount_disputed = \"= {unit_rebate_amount}\"\n", "which is private (price)"),
        ("[source.derived]\nproduct_name = \"{unit_rebate_amount}\"\n", "which is private (price)"),
        (
            "[source.derived]\namount_disputed = \"= {a} * 2\"\n[source.formats]\namount_disputed = \"implied 2\"\n",
            "the column is computed, and has no other form",
        ),
    ] {
        assert!(told(mapping).contains(words), "{mapping}: {}", told(mapping));
    }
    let fine = "[source.columns]\nclaim_ref = \"ICN\"\n[source.derived]\nclaim_ref = \"{st}-{ICN}\"\n\
                dispute_id = \"hash: {ICN}\"\namount_disputed = \"= {units_disputed} * {unit_rebate_amount}\"\n";
    World::with(fine, &[]).settings();
}

#[test]
fn computed_columns_are_exact_and_what_cannot_be_is_counted() {
    let csv = "dispute_id,program,manufacturer,ndc,units,size,state\n\
               D-1,mdrp,Example Pharma A,12345067890,300,100,OH\n\
               D-2,mdrp,Example Pharma A,12345067890,100,3,OH\n\
               D-3,mdrp,Example Pharma A,12345067890,100,0,OH\n\
               D-4,mdrp,Example Pharma A,12345067890,,3,OH\n\
               D-5,mdrp,Example Pharma A,12345067890,Jane Doe,3,OH\n";
    let config = "[source]\npaths = [\"a.csv\"]\n[source.derived]\nunits_disputed = \"= {units} / {size}\"\n";
    let world = World::with(config, &[("a.csv", csv)]);
    let batch = world.read();
    let units: Vec<Option<String>> =
        batch.disputes.iter().map(|d| d.units_disputed.map(|units| units.normalize().to_string())).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(units, [text("3"), text("33.333333333"), None, None]);
    assert_eq!(
        rejects(&batch),
        [
            "line 6, column `units`: expected an amount (such as `1234.50`, `$1,234.50` or `(12.00)`), found something else"
        ],
        "no value of a column is shown of which nothing is known"
    );
    let told: Vec<String> = batch.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "column `units_disputed`: `{units} / {size}` is divided by zero; it is left open",
            "column `units_disputed`: `{units} / {size}` has no end as a decimal number; it is rounded to nine decimals"
        ]
    );
    let jsonl: String = csv
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            format!(
                "{{\"dispute_id\":\"{}\",\"program\":\"mdrp\",\"manufacturer\":\"{}\",\"ndc\":\"{}\",\"units\":\"{}\",\"size\":{},\"state\":\"OH\"}}\n",
                cells[0], cells[2], cells[3], cells[4], cells[5]
            )
        })
        .collect();
    let other = World::with(&config.replace("a.csv", "a.jsonl"), &[("a.jsonl", &jsonl)]).read();
    assert_eq!(other.disputes, batch.disputes);
    assert_eq!(other.rejects.len(), 1);
}

#[test]
fn preview_and_init_know_layouts() {
    let line = r144("OH", ("12345", "0678", "90"), "100.500") + "\n";
    let config = "[source]\npaths = [\"a.txt\"]\nlayout = \"cms-r-144\"\n";
    let world = World::with(
        config,
        &[("a.txt", &line), ("claims.dat", &(claim("2226123456001", 'O', "+000000010.500") + "\n"))],
    );
    let output = world.run(&["source", "preview"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("layout `cms-r-144`\n1 rows, 0 rejected\n") && text.contains("units_reimbursed"),
        "{text}"
    );
    assert!(!text.contains("12.345678"), "a price is shown by its form: {text}");
    let init = |from: &str| {
        let output = world.run(&["init", "--from", from, "--out", "-"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(init("a.txt").contains("\nlayout = \"cms-r-144\"\n"));
    assert!(init("claims.dat").contains("\nlayout = \"claim-level-detail\"\n"));
    fs::write(
        world.0.path().join("rosi.csv"),
        "Labeler Name,Labeler Code,Period Covered,State,Product/Package Code,Units Invoiced,Labeler Disputed Units,Disp Code,Stage,Weather\n",
    )
    .unwrap();
    let text = init("rosi.csv");
    assert!(
        text.contains("\nlayout = \"cms-304\"\n") && text.contains("\nstatus = \"Stage\"\n"),
        "what the layout lacks is guessed"
    );
    assert!(text.contains("# Not recognised, and not read: Weather\n"));
}

#[test]
fn a_file_without_a_header_gives_no_value_to_the_config() {
    for (name, row) in [
        ("a.csv", "D-77123,mdrp,Example Pharma Q,12345-678-90,open,Jane Doe\n"),
        ("b.csv", "Jane Doe,Springfield\n"),
        ("c.tsv", "Jane Doe\t2026-09-30\n"),
    ] {
        let world = World::with("", &[(name, row)]);
        let output = world.run(&["init", "--from", name, "--out", "-"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("does not look like a header"), "{text}");
        for value in ["77123", "Pharma Q", "12345-678-90", "Jane", "Springfield", "2026-09-30"] {
            // The commented reference has examples of its own.
            assert!(
                !text
                    .lines()
                    .any(|line| line.contains(value) && !disputebot::config::DEFAULTS.contains(line)),
                "{value}"
            );
        }
    }
}
