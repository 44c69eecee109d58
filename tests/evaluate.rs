//! Scores against values of scikit-learn, against their definitions, and against what must not change them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use disputebot::evaluate::{EvaluateError, Found, Scores, evaluate, found_by};

/// Labels as numbers; none: ungrouped, or without a cause.
type Labels = Vec<Option<u32>>;

fn labels(text: &str) -> Labels {
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

fn scores_of(groups: &[Option<u32>], causes: &[Option<u32>]) -> Scores {
    scores_in_order(groups, causes, &(0..groups.len()).collect::<Vec<_>>())
}

/// Scores with the rows of the assignments in another order.
fn scores_in_order(groups: &[Option<u32>], causes: &[Option<u32>], order: &[usize]) -> Scores {
    let ids: Vec<String> = (0..groups.len()).map(|row| format!("D{row}")).collect();
    let name = |prefix: &str, labels: &[Option<u32>]| -> Vec<Option<String>> {
        labels.iter().map(|label| label.map(|label| format!("{prefix}{label}"))).collect()
    };
    let (group_names, cause_names) = (name("g", groups), name("c", causes));
    let line = |row: usize, names: &'_ [Option<String>]| (ids[row].clone(), names[row].clone());
    let assignments: Vec<_> = order.iter().map(|&row| line(row, &group_names)).collect();
    let truth: Vec<_> = order.iter().rev().map(|&row| line(row, &cause_names)).collect();
    match evaluate(&borrowed(&assignments), &borrowed(&truth)) {
        Ok(scores) => scores,
        Err(error) => unreachable!("both lists have the same ids once: {error}"),
    }
}

fn borrowed(lines: &[(String, Option<String>)]) -> Vec<(&str, Option<&str>)> {
    lines.iter().map(|(dispute, label)| (dispute.as_str(), label.as_deref())).collect()
}

/// 2,000 rows with 47 and 37 classes by whole-number formulas, the same as in the script that asked
/// scikit-learn.
fn formula_labels() -> (Labels, Labels) {
    (0..2_000_u32)
        .map(|row| {
            let x = (row * row * 7 + row * 13) % 1009;
            let cause = (!x.is_multiple_of(5)).then(|| (x * x) % 97 * (x % 3) % 41);
            let y = (row * 31 + x * 17) % 1013;
            let group = if y % 10 < 7 { cause } else { Some((y * y) % 53) };
            (group.filter(|_| !y.is_multiple_of(11)), cause)
        })
        .unzip()
}

fn assert_near(name: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{name}: found {found}, expected {expected}");
}

/// Values of scikit-learn 1.9.1: `adjusted_rand_score` on labels where each row without a label has one of
/// its own, `adjusted_mutual_info_score` and `homogeneity_completeness_v_measure` on labels where all rows
/// without a label have one in common.
#[test]
fn scores_equal_those_of_scikit_learn() {
    let (formula_groups, formula_causes) = formula_labels();
    let sets: [(&str, Labels, Labels, [f64; 5]); 7] = [
        ("full agreement", labels("0 0 1 1"), labels("0 0 1 1"), [1.0, 1.0, 1.0, 1.0, 1.0]),
        (
            "the example of its manual",
            labels("0 0 1 2"),
            labels("0 0 1 1"),
            [0.571_428_571_428_571_4, 0.571_428_571_428_571_5, 1.0, 0.666_666_666_666_666_6, 0.8],
        ),
        (
            "ten rows with noise",
            labels("0 0 0 1 1 1 2 2 - -"),
            labels("0 0 1 1 1 2 2 - - 0"),
            [
                0.154_135_338_345_864_65,
                0.111_803_290_388_700_8,
                0.517_503_126_101_537_7,
                0.517_503_126_101_537_7,
                0.517_503_126_101_537_7,
            ],
        ),
        (
            "all in one group",
            labels("0 0 0 0 0 0 0 0 0 0 0 0"),
            labels("0 0 0 0 0 0 1 1 1 1 - -"),
            [0.0, 0.0, 0.0, 1.0, 0.0],
        ),
        ("nothing grouped", labels("- - - - - -"), labels("0 0 0 0 - -"), [0.0, 0.0, 0.0, 1.0, 0.0]),
        (
            "worse than chance",
            labels("0 1 0 1 0 1 0 1"),
            labels("0 0 1 1 0 0 1 1"),
            [-0.166_666_666_666_666_66, -0.129_744_726_425_105_82, 0.0, 0.0, 0.0],
        ),
        (
            "2,000 rows",
            formula_groups,
            formula_causes,
            [
                0.550_870_962_828_527_9,
                0.512_412_375_595_750_4,
                0.606_989_806_264_904_5,
                0.535_157_225_331_118_1,
                0.568_814_647_394_527_9,
            ],
        ),
    ];
    for (name, groups, causes, [rand, mutual, homogeneity, completeness, v_measure]) in sets {
        let scores = scores_of(&groups, &causes);
        assert_near(name, scores.adjusted_rand, rand);
        assert_near(name, scores.adjusted_mutual_information, mutual);
        assert_near(name, scores.homogeneity, homogeneity);
        assert_near(name, scores.completeness, completeness);
        assert_near(name, scores.v_measure, v_measure);
    }
}

/// Mean over rows of the share of the row's group that has its cause, and of its cause that is in its group.
fn b_cubed_by_definition(groups: &[Option<u32>], causes: &[Option<u32>]) -> (f64, f64) {
    let alike = |labels: &[Option<u32>], one: usize, two: usize| {
        one == two || (labels[one].is_some() && labels[one] == labels[two])
    };
    let rows = groups.len();
    let (mut precision, mut recall) = (0.0, 0.0);
    for row in 0..rows {
        let of = |labels: &[Option<u32>]| (0..rows).filter(|&other| alike(labels, row, other)).count() as f64;
        let both =
            (0..rows).filter(|&other| alike(groups, row, other) && alike(causes, row, other)).count() as f64;
        precision += both / of(groups);
        recall += both / of(causes);
    }
    (precision / rows as f64, recall / rows as f64)
}

#[test]
fn b_cubed_equals_its_definition_with_ungrouped_rows_alone() {
    let (groups, causes) = formula_labels();
    for (groups, causes) in [
        (groups, causes),
        (labels("0 0 0 1 1 1 2 2 - -"), labels("0 0 1 1 1 2 2 - - 0")),
        (labels("- - -"), labels("0 0 0")),
        (labels("0 0 0"), labels("- - -")),
    ] {
        let (precision, recall) = b_cubed_by_definition(&groups, &causes);
        let scores = scores_of(&groups, &causes);
        assert_near("precision", scores.b_cubed.precision, precision);
        assert_near("recall", scores.b_cubed.recall, recall);
        assert_near("f1", scores.b_cubed.f1, 2.0 * precision * recall / (precision + recall));
    }
}

#[test]
fn b_cubed_of_a_hand_worked_example() {
    // Group 0 holds two rows of cause 0 and one of cause 1; the other row of cause 1 is ungrouped.
    let scores = scores_of(&labels("0 0 0 -"), &labels("0 0 1 1"));
    assert_near("precision", scores.b_cubed.precision, (2.0 / 3.0 + 2.0 / 3.0 + 1.0 / 3.0 + 1.0) / 4.0);
    assert_near("recall", scores.b_cubed.recall, (1.0 + 1.0 + 0.5 + 0.5) / 4.0);
}

#[test]
fn noise_scores_are_about_rows_without_a_group_and_without_a_cause() {
    let scores = scores_of(&labels("- - - 0 0 0"), &labels("- - 0 0 0 -"));
    assert_near("precision", scores.noise_precision, 2.0 / 3.0);
    assert_near("recall", scores.noise_recall, 2.0 / 3.0);
    let nothing_to_find = scores_of(&labels("0 0"), &labels("0 0"));
    assert_near("precision", nothing_to_find.noise_precision, 1.0);
    assert_near("recall", nothing_to_find.noise_recall, 1.0);
}

#[test]
fn a_cause_is_found_from_a_jaccard_index_of_one_half_on() {
    // Cause 0: four rows, two of them in group 0 and none else: 2/4. Cause 1: five rows, two in group 1.
    let scores = scores_of(&labels("0 0 - - 1 1 - - -"), &labels("0 0 0 0 1 1 1 1 1"));
    assert_eq!(scores.found, Found { found: 1, causes: 2 });
    let best: Vec<(&str, usize, Option<&str>, f64)> = scores
        .causes
        .iter()
        .map(|cause| (cause.cause.as_str(), cause.size, cause.group.as_deref(), cause.jaccard))
        .collect();
    assert_eq!(best, [("c0", 4, Some("g0"), 0.5), ("c1", 5, Some("g1"), 0.4)]);
    let by_name = found_by(&scores.causes, |cause| cause.cause.clone());
    assert_eq!(by_name["c1"], Found { found: 0, causes: 1 });
}

#[test]
fn found_causes_are_counted_by_size() {
    let sizes = [2, 4, 9, 10, 29, 30, 99, 100, 999, 1_000, 4_000];
    let causes: Labels = sizes.iter().zip(0..).flat_map(|(&size, cause)| vec![Some(cause); size]).collect();
    // Every second cause is grouped as it is, the others are not grouped.
    let groups: Labels = causes.iter().map(|cause| cause.filter(|cause| cause % 2 == 0)).collect();
    let scores = scores_of(&groups, &causes);
    let classes: Vec<(usize, usize, usize, usize)> = scores
        .found_by_size
        .iter()
        .map(|class| (class.from, class.to, class.found.found, class.found.causes))
        .collect();
    assert_eq!(
        classes,
        [
            (1, 3, 1, 1),
            (4, 9, 1, 2),
            (10, 29, 1, 2),
            (30, 99, 1, 2),
            (100, 999, 1, 2),
            (1_000, usize::MAX, 1, 2)
        ]
    );
    assert_eq!(scores.found, Found { found: 6, causes: 11 });
}

/// Everything but the names in the list of causes, where sums must agree to the last bit.
fn figures(scores: Scores) -> (Scores, BTreeMap<usize, Vec<u64>>) {
    let mut by_size: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for cause in &scores.causes {
        by_size.entry(cause.size).or_default().push(cause.jaccard.to_bits());
    }
    for jaccards in by_size.values_mut() {
        jaccards.sort_unstable();
    }
    (Scores { causes: Vec::new(), ..scores }, by_size)
}

#[test]
fn names_of_groups_and_causes_change_nothing() {
    let (groups, causes) = formula_labels();
    let renamed = |labels: &[Option<u32>], factor: u32| -> Labels {
        labels.iter().map(|label| label.map(|label| (label * factor + 5) % 1_009)).collect()
    };
    assert_eq!(
        figures(scores_of(&groups, &causes)),
        figures(scores_of(&renamed(&groups, 641), &renamed(&causes, 87)))
    );
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let (groups, causes) = formula_labels();
    let order: Vec<usize> = (0..groups.len()).map(|row| row * 1_237 % groups.len()).collect();
    assert_eq!(scores_of(&groups, &causes), scores_in_order(&groups, &causes, &order));
}

#[test]
fn swapping_groups_and_causes_swaps_precision_with_recall() {
    let (groups, causes) = formula_labels();
    let (one, two) = (scores_of(&groups, &causes), scores_of(&causes, &groups));
    assert_near("b-cubed", one.b_cubed.precision, two.b_cubed.recall);
    assert_near("noise", one.noise_precision, two.noise_recall);
    assert_near("homogeneity", one.homogeneity, two.completeness);
    assert_near("rand", one.adjusted_rand, two.adjusted_rand);
    assert_near("mutual", one.adjusted_mutual_information, two.adjusted_mutual_information);
}

#[test]
fn no_rows_and_lonely_rows_are_full_agreement() {
    for labels in [Labels::new(), labels("0"), labels("0 1 2 3"), labels("- - -")] {
        let scores = scores_of(&labels, &labels);
        assert_near("rand", scores.adjusted_rand, 1.0);
        assert_near("mutual", scores.adjusted_mutual_information, 1.0);
        assert_near("b-cubed", scores.b_cubed.f1, 1.0);
        assert_near("v-measure", scores.v_measure, 1.0);
    }
}

#[test]
fn a_dispute_without_an_assignment_counts_as_ungrouped() {
    let truth = [("D1", Some("c")), ("D2", Some("c"))];
    let left_out = evaluate(&[("D1", Some("g"))], &truth).unwrap();
    let ungrouped = evaluate(&[("D1", Some("g")), ("D2", None)], &truth).unwrap();
    assert_eq!((left_out.unassigned, ungrouped.unassigned), (1, 0));
    assert_eq!(Scores { unassigned: 0, ..left_out }, ungrouped);
}

#[test]
fn repeated_and_unknown_disputes_are_refused() {
    let truth = [("D1", None), ("D2", None)];
    let repeated = |list| Err(EvaluateError::Repeated { dispute: "D1".to_owned(), list });
    assert_eq!(evaluate(&[("D1", None), ("D1", Some("g"))], &truth), repeated("assignments"));
    assert_eq!(evaluate(&[], &[("D1", None), ("D1", None)]), repeated("truth"));
    let unknown = evaluate(&[("D9", None), ("D1", None), ("D8", None)], &truth);
    assert_eq!(unknown, Err(EvaluateError::Unknown { dispute: "D9".to_owned(), count: 2 }));
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "dispute `D9` has an assignment, but the truth has no line for it (2 such disputes)"
    );
}

/// Not a benchmark: a guard against work that grows with the square of rows, groups or sizes.
#[test]
fn three_hundred_thousand_rows_take_seconds_not_minutes() {
    let causes: Labels = (0..300_000_u64).map(|row| Some((row * row % 3_001) as u32)).collect();
    let groups: Labels = (0..300_000_u64)
        .map(|row| (row % 5 != 0).then_some((row * row % 3_001 / if row % 7 == 0 { 2 } else { 1 }) as u32))
        .collect();
    let started = Instant::now();
    let scores = scores_of(&groups, &causes);
    assert_eq!(scores.rows, 300_000);
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
}
