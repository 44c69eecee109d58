//! What the tables of the field promise: they fit each other, every row has its source, and no clock is guessed.
#![expect(clippy::unwrap_used, reason = "a failed preparation fails its test")]

use disputebot::dispute::{
    AnchorDays, Clocks, Deadline, Dispute, Field, Program, Row, Silence, TableTexts, Tables, Vocabulary,
    column_classes, read,
};
use disputebot::ticket::list;
use jiff::civil::{Date, date};

struct Sample<'a>(&'a [(Field, &'a str)]);

impl Row for Sample<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        let required = [
            (Field::DisputeId, "D-1"),
            (Field::Program, "mdrp"),
            (Field::Manufacturer, "Example Pharma A"),
            (Field::Ndc, "12345-678-90"),
        ];
        self.0.iter().chain(&required).find(|(name, _)| *name == field).map(|(_, text)| *text)
    }
}

fn dispute(fields: &[(Field, &str)]) -> Dispute {
    read(&Sample(fields), &Vocabulary::default(), &Tables::embedded()).unwrap().0
}

fn deadline<'a>(tables: &'a Tables, rules: &str, event: &str) -> &'a Deadline {
    tables.deadlines.iter().find(|row| row.rule_set == rules && row.event == event).unwrap()
}

/// When the deadline falls for a dispute with these columns.
fn due(rules: &str, event: &str, fields: &[(Field, &str)]) -> Option<Date> {
    let tables = Tables::embedded();
    Clocks::new(&tables).due(deadline(&tables, rules, event), &dispute(fields))
}

#[test]
fn the_built_in_tables_fit_each_other() {
    assert_eq!(Tables::embedded().contradictions(), Vec::<String>::new());
}

#[test]
fn every_row_of_every_table_has_its_source() {
    for place in 0..TableTexts::default().all_mut().len() {
        let mut texts = TableTexts::default();
        let built_in = *texts.all_mut()[place];
        let mut lines: Vec<Vec<&str>> =
            built_in.text.lines().map(|line| line.split('\t').collect()).collect();
        let column = lines[0].iter().position(|name| *name == "source");
        let column = column.unwrap_or_else(|| panic!("`{}` has no sources", built_in.name));
        assert!(lines.iter().all(|cells| !cells[column].trim().is_empty()), "{}", built_in.name);
        // A row that lacks one is refused where it is read, also in a table of the operator.
        lines[1][column] = " ";
        let lacking: Vec<String> = lines.iter().map(|cells| cells.join("\t") + "\n").collect();
        let lacking = lacking.concat();
        texts.all_mut()[place].text = &lacking;
        let told = Tables::parse(&texts).unwrap_err().to_string();
        let named = format!("table `{}`, line 2, column `source`: expected a value", built_in.name);
        assert!(told.starts_with(&named), "{told}");
    }
    assert!(column_classes().unwrap().iter().all(|row| !row.source.is_empty() && !row.reason.is_empty()));
}

#[test]
fn tables_that_do_not_fit_each_other_are_told() {
    let told = |name: &str, from: &str, to: &str| {
        let mut texts = TableTexts::default();
        let built_in = texts.all_mut().into_iter().find(|table| table.name == name).unwrap().text;
        assert!(built_in.contains(from), "{from}");
        let text = built_in.replacen(from, to, 1);
        let mut changed = TableTexts::default();
        changed.all_mut().into_iter().find(|table| table.name == name).unwrap().text = &text;
        Tables::parse(&changed).unwrap().contradictions().join("; ")
    };
    assert_eq!(
        told("deadlines.tsv", "invoice postmark\t38 days", "invoice postmork\t38 days"),
        "deadline `interest starts` of `MDRP` starts with an anchor that is not in the table of anchors"
    );
    assert_eq!(
        told("deadlines.tsv", "invoice postmark\t38 days", "invoice postmark\t38 business days"),
        "deadline `interest starts` of `MDRP` counts its days in two ways"
    );
    assert_eq!(
        told("dispute_codes.tsv", "CGDP\tD04\t", "CGDP\tD03\t"),
        "code `D03` stands twice in the list `Medicare CGDP`; code `D04` of the root cause 28 is in no list of its programs"
    );
    assert_eq!(
        told("programs.tsv", "tricare\t", "mfp\t"),
        "program `mfp` has 2 rows in the table of programs, expected 1; program `tricare` has 0 rows in the table of programs, expected 1"
    );
}

#[test]
fn interest_runs_from_day_38_after_the_postmark_and_from_nothing_else() {
    let starts = |fields: &[(Field, &str)]| due("MDRP", "interest starts", fields);
    assert_eq!(starts(&[(Field::PostmarkedAt, "2026-09-01")]), Some(date(2026, 10, 9)));
    assert_eq!(starts(&[(Field::ReceivedAt, "2026-09-01"), (Field::OpenedAt, "2026-09-01")]), None);
    let tables = Tables::embedded();
    assert_eq!(deadline(&tables, "MDRP", "interest starts").on_silence, Some(Silence::Interest));
}

#[test]
fn a_payment_that_falls_on_a_weekend_or_a_holiday_moves_to_the_next_business_day() {
    let pay = |received: &str| {
        due("MDP", "pay invoice", &[(Field::Program, "part_d_mdp"), (Field::ReceivedAt, received)])
    };
    assert_eq!(pay("2026-05-01"), Some(date(2026, 6, 8)), "a Monday stays");
    assert_eq!(pay("2026-04-29"), Some(date(2026, 6, 8)), "a Saturday moves");
    // 38 days after is Thanksgiving Day.
    assert_eq!(pay("2026-10-19"), Some(date(2026, 11, 27)));
    // 4 July 2026 is a Saturday: kept on Friday the 3rd, so that the next business day is Monday.
    assert_eq!(pay("2026-05-26"), Some(date(2026, 7, 6)));
    // Disputes are not moved: their rule says nothing of it.
    let file = [(Field::Program, "part_d_mdp"), (Field::ReceivedAt, "2026-05-05")];
    assert_eq!(due("MDP", "file dispute", &file), Some(date(2026, 7, 4)));
}

#[test]
fn federal_holidays_are_kept_on_the_nearest_weekday_and_since_their_year() {
    let tables = Tables::embedded();
    let clocks = Clocks::new(&tables);
    let free = |day: Date| !clocks.is_business_day(day);
    for day in [
        date(2026, 1, 1),
        date(2026, 1, 19),
        date(2026, 2, 16),
        date(2026, 5, 25),
        date(2026, 6, 19),
        date(2026, 7, 3),
        date(2026, 9, 7),
        date(2026, 10, 12),
        date(2026, 11, 11),
        date(2026, 11, 26),
        date(2026, 12, 25),
        // New Year's Day of 2028 is a Saturday.
        date(2027, 12, 31),
        // Christmas Day of 2022 was a Sunday.
        date(2022, 12, 26),
    ] {
        assert!(free(day), "{day}");
    }
    for day in [date(2026, 7, 6), date(2026, 11, 27), date(2019, 6, 19), date(2028, 1, 3)] {
        assert!(!free(day), "{day}");
    }
}

/// The built-in tables with some of their texts replaced.
fn overridden(changes: &[(&str, &str, &str)]) -> Tables {
    let mut texts = TableTexts::default();
    let changed: Vec<(&str, String)> = changes
        .iter()
        .map(|(name, from, to)| {
            let built_in = texts.all_mut().into_iter().find(|table| table.name == *name).unwrap().text;
            assert_eq!(built_in.matches(from).count(), 1, "{name}: {from}");
            (*name, built_in.replacen(from, to, 1))
        })
        .collect();
    for (name, text) in &changed {
        texts.all_mut().into_iter().find(|table| table.name == *name).unwrap().text = text;
    }
    let tables = Tables::parse(&texts).unwrap();
    assert_eq!(tables.contradictions(), Vec::<String>::new());
    tables
}

#[test]
fn business_days_are_counted_without_weekends_and_holidays() {
    // Nothing in the input tells of the notice that starts this clock; a table of the operator says where it stands.
    let tables = overridden(&[(
        "anchors.tsv",
        "notice or decision\t\tthe day of the notice",
        "notice or decision\treceived_at\tthe day of the notice",
    )]);
    let due = |received: &str| {
        let dispute = dispute(&[(Field::Program, "340b"), (Field::ReceivedAt, received)]);
        let deadline = deadline(&tables, "340B ADR", "response / reconsideration");
        Clocks::new(&tables).due(deadline, &dispute)
    };
    // Six weeks, and a day more for Juneteenth and for Independence Day, which is kept on Friday.
    assert_eq!(due("2026-06-01"), Some(date(2026, 7, 15)));
    // Six weeks without a holiday.
    assert_eq!(due("2026-03-02"), Some(date(2026, 4, 13)));
    assert_eq!(due("2026-02-28"), Some(date(2026, 4, 10)), "a Saturday counts as the Friday before it");
    assert_eq!(due("2026-11-25"), Some(date(2027, 1, 11)), "Thanksgiving, Christmas and New Year");
}

#[test]
fn tables_of_the_operator_move_a_due_date_and_change_what_a_code_means() {
    let due = |tables: &Tables, fields: &[(Field, &str)], rules: &str, event: &str| {
        Clocks::new(tables).due(deadline(tables, rules, event), &dispute(fields))
    };
    let built_in = Tables::embedded();
    let mdp = [(Field::Program, "part_d_mdp"), (Field::ReceivedAt, "2026-05-01")];
    let pay = |tables: &Tables| due(tables, &mdp, "MDP", "pay invoice");
    assert_eq!(pay(&built_in), Some(date(2026, 6, 8)));
    // A day more of holidays moves the roll, a longer term the day, another anchor the event.
    let holiday = overridden(&[(
        "federal_holidays.tsv",
        "holiday\tday\tsince\tsource\n",
        "holiday\tday\tsince\tsource\nFounders' Day\t8 June\t2020\tthe company's calendar\n",
    )]);
    assert_eq!(pay(&holiday), Some(date(2026, 6, 9)));
    let interest = [(Field::PostmarkedAt, "2026-09-01"), (Field::ReceivedAt, "2026-09-03")];
    let starts = |tables: &Tables| due(tables, &interest, "MDRP", "interest starts");
    assert_eq!(starts(&built_in), Some(date(2026, 10, 9)));
    let longer = overridden(&[("deadlines.tsv", "invoice postmark\t38 days", "invoice postmark\t40 days")]);
    assert_eq!(starts(&longer), Some(date(2026, 10, 11)));
    let anchor =
        overridden(&[("anchors.tsv", "invoice postmark\tpostmarked_at", "invoice postmark\treceived_at")]);
    assert_eq!(starts(&anchor), Some(date(2026, 10, 11)));
    // A code that the operator's list has is no doubtful one any more.
    let codes = overridden(&[(
        "dispute_codes.tsv",
        "program\tcode\tshort_description\tkind\tneeds_documentation\teffective\tfrom\tuntil\tconfidence\tsource\n",
        "program\tcode\tshort_description\tkind\tneeds_documentation\teffective\tfrom\tuntil\tconfidence\tsource\n\
         Commercial\tQQ\tof our contract\tdispute\tyes\tour contract\t2026-01-01\t\tconfirmed\tour contract\n",
    )]);
    let doubts = |tables: &Tables, opened: &str| {
        let fields = [(Field::Program, "commercial"), (Field::ReasonCodes, "QQ"), (Field::OpenedAt, opened)];
        read(&Sample(&fields), &Vocabulary::default(), tables).unwrap().1.len()
    };
    assert_eq!(
        (doubts(&built_in, "2026-05-01"), doubts(&codes, "2026-05-01"), doubts(&codes, "2025-05-01")),
        (1, 0, 1),
        "known since the day from which the list is used"
    );
}

#[test]
fn a_clock_that_starts_where_another_one_ends_needs_the_event_of_that_one() {
    let fields = [(Field::Program, "part_d_mdp"), (Field::ReceivedAt, "2026-01-01")];
    // 60 days to dispute, then 60 days from that deadline, whenever the dispute was filed.
    assert_eq!(due("MDP", "CMS determination", &fields), Some(date(2026, 5, 1)));
    assert_eq!(due("MDP", "CMS determination", &fields[..1]), None);
}

#[test]
fn remittance_and_quarter_end_start_clocks_and_silence_is_named() {
    let pay = [(Field::Program, "340b"), (Field::RemittedAt, "2026-01-31")];
    assert_eq!(due("340B Pay (Kalderos)", "file dispute (once per claim)", &pay), Some(date(2026, 4, 1)));
    assert_eq!(due("MDRP", "state sends invoice", &[(Field::Period, "2026Q3")]), Some(date(2026, 11, 29)));
    let tables = Tables::embedded();
    let accept = deadline(&tables, "340B Pay (Kalderos)", "manufacturer answer or auto-ACCEPT");
    assert_eq!(accept.on_silence, Some(Silence::Accepted));
    // No column says when the e-mail came, so its thirty days are unknown until the operator names one.
    let answer = [(Field::Program, "340b"), (Field::ReceivedAt, "2026-03-02")];
    let by = |tables: &Tables| {
        let accept = deadline(tables, "340B Pay (Kalderos)", "manufacturer answer or auto-ACCEPT");
        Clocks::new(tables).due(accept, &dispute(&answer))
    };
    assert_eq!(by(&tables), None);
    let received = overridden(&[("anchors.tsv", "\ne-mail\t\t", "\ne-mail\treceived_at\t")]);
    assert_eq!(by(&received), Some(date(2026, 4, 1)));
}

#[test]
fn no_day_is_counted_from_a_day_of_service() {
    let fields = [(Field::Program, "340b"), (Field::ServiceDate, "2026-01-31")];
    assert_eq!(due("340B Pay (Kalderos)", "ask for rebate", &fields), None);
    assert_eq!(due("340B rebate pilot", "submit claim", &fields), None);
}

#[test]
fn a_published_day_holds_for_its_quarter_only() {
    let tables = Tables::embedded();
    let days = |period: &str| {
        let dispute = dispute(&[(Field::Program, "tricare"), (Field::Period, period)]);
        Clocks::new(&tables).of(&dispute).into_iter().map(|face| face.due).collect::<Vec<_>>()
    };
    assert_eq!(days("1QCY26"), [Some(date(2026, 8, 20))]);
    assert_eq!(days("2029Q1"), []);
}

#[test]
fn a_dispute_without_any_anchor_has_no_known_day_but_published_ones() {
    let tables = Tables::embedded();
    for program in Program::ALL {
        let dispute = dispute(&[(Field::Program, program.as_str()), (Field::OpenedAt, "2026-01-01")]);
        assert_eq!(dispute.anchors, AnchorDays::default());
        for face in Clocks::new(&tables).of(&dispute) {
            assert_eq!(face.due, None, "{program}: {}", face.deadline.event);
        }
    }
}

#[test]
fn the_list_on_a_ticket_has_columns_that_are_classed_as_safe_only() {
    for column in list::COLUMNS {
        assert!(!column.is_private(), "{column}");
    }
}
