//! Scores against published values, against values of scikit-learn, against their definitions, and against
//! what must not change them; the GROUP BY that an oracle chooses; the page and the command.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use disputebot::evaluate::{
    CauseFacts, Causes, Columns, EvaluateError, Evaluation, Found, GroupBy, KeyColumn, Scores, evaluate,
    found_by, found_by_family, group_by, html, key_scores,
};
use serde_json::Value;

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

/// Equal to as many digits as were published.
fn assert_published(name: &str, found: f64, published: f64, digits: i32) {
    let half = 0.5 * 10_f64.powi(-digits) + 1e-12;
    assert!((found - published).abs() <= half, "{name}: found {found}, published {published}");
}

/// Bagga and Baldwin 1998, the twelve mentions of their examples, each weighed alike. The second response
/// makes the worse mistake, which is what the measure was invented to tell.
#[test]
fn b_cubed_gives_the_figures_of_its_inventors() {
    let truth = labels("0 0 0 0 0 1 1 2 2 2 2 2");
    for (response, precision, f1) in
        [("0 0 0 0 0 1 1 1 1 1 1 1", 0.76, 0.865), ("0 0 0 0 0 1 1 0 0 0 0 0", 0.58, 0.737)]
    {
        let scores = scores_of(&labels(response), &truth);
        assert_published(response, scores.b_cubed.precision, precision, 2);
        assert_published(response, scores.b_cubed.recall, 1.0, 2);
        assert_published(response, scores.b_cubed.f1, f1, 3);
    }
}

/// Yeung and Ruzzo 2001, the worked example of their supplement.
#[test]
fn the_adjusted_rand_index_gives_the_worked_example_of_yeung_and_ruzzo() {
    let scores = scores_of(&labels("0 1 0 1 1 2 2 2 2 2"), &labels("0 0 1 1 1 1 2 2 2 2"));
    assert_published("adjusted rand", scores.adjusted_rand, 0.313, 3);
}

/// The example that the manual of scikit-learn carries through its scores of clusterings. Its adjusted mutual
/// information is left out here: the manual scales it by the larger entropy, not by their mean.
#[test]
fn scores_give_the_example_of_the_manual_of_scikit_learn() {
    let scores = scores_of(&labels("0 0 1 1 2 2"), &labels("0 0 0 1 1 1"));
    assert_published("adjusted rand", scores.adjusted_rand, 0.242, 3);
    assert_published("homogeneity", scores.homogeneity, 0.667, 3);
    assert_published("completeness", scores.completeness, 0.421, 3);
    assert_published("v-measure", scores.v_measure, 0.516, 3);
}

/// Rows with the label of `row`, this row included; all rows without a label are one class.
fn class_size(labels: &[Option<u32>], row: usize) -> f64 {
    labels.iter().filter(|label| **label == labels[row]).count() as f64
}

/// Mean over rows of the logarithm of how much likelier the row's group is within its cause.
fn mutual_by_definition(groups: &[Option<u32>], causes: &[Option<u32>]) -> f64 {
    let rows = groups.len() as f64;
    let both: Vec<(Option<u32>, Option<u32>)> = groups.iter().copied().zip(causes.iter().copied()).collect();
    (0..groups.len())
        .map(|row| {
            let common = both.iter().filter(|pair| **pair == both[row]).count() as f64;
            (rows * common / (class_size(groups, row) * class_size(causes, row))).ln() / rows
        })
        .sum()
}

fn entropy_by_definition(labels: &[Option<u32>]) -> f64 {
    let rows = labels.len() as f64;
    (0..labels.len()).map(|row| -(class_size(labels, row) / rows).ln() / rows).sum()
}

/// Every order of the labels, as often as it occurs among all permutations of the rows.
fn permutations(labels: &[Option<u32>]) -> Vec<Labels> {
    if labels.is_empty() {
        return vec![Labels::new()];
    }
    (0..labels.len())
        .flat_map(|first| {
            let mut rest = labels.to_vec();
            let label = rest.remove(first);
            permutations(&rest).into_iter().map(move |mut order| {
                order.push(label);
                order
            })
        })
        .collect()
}

#[test]
fn mutual_information_is_adjusted_by_its_mean_over_all_permutations() {
    for (groups, causes) in [
        ("0 0 1 1 2 2", "0 0 0 1 1 1"),
        ("0 0 1 1 - - 2", "0 0 1 - - 2 2"),
        ("0 1 0 1 0 1 -", "0 0 1 1 0 0 1"),
        ("- - 0 0 1 1", "0 0 0 - 1 -"),
    ] {
        let (groups, causes) = (labels(groups), labels(causes));
        let orders = permutations(&groups);
        let expected: f64 = orders.iter().map(|order| mutual_by_definition(order, &causes)).sum::<f64>()
            / orders.len() as f64;
        let mean = f64::midpoint(entropy_by_definition(&groups), entropy_by_definition(&causes));
        let adjusted = (mutual_by_definition(&groups, &causes) - expected) / (mean - expected);
        assert_near("adjusted", scores_of(&groups, &causes).adjusted_mutual_information, adjusted);
    }
}

/// The index over all pairs of rows in the form that needs no contingency table.
fn adjusted_rand_by_definition(groups: &[Option<u32>], causes: &[Option<u32>]) -> f64 {
    let (mut both, mut group_only, mut cause_only, mut neither) = (0.0, 0.0, 0.0, 0.0);
    for one in 0..groups.len() {
        for two in one + 1..groups.len() {
            let alike = |labels: &[Option<u32>]| labels[one].is_some() && labels[one] == labels[two];
            *match (alike(groups), alike(causes)) {
                (true, true) => &mut both,
                (true, false) => &mut group_only,
                (false, true) => &mut cause_only,
                (false, false) => &mut neither,
            } += 1.0;
        }
    }
    2.0 * (both * neither - group_only * cause_only)
        / ((both + group_only) * (group_only + neither) + (both + cause_only) * (cause_only + neither))
}

#[test]
fn every_other_score_equals_its_definition() {
    let (formula_groups, formula_causes) = formula_labels();
    for (groups, causes) in [
        (formula_groups, formula_causes),
        (labels("0 0 0 1 1 1 2 2 - -"), labels("0 0 1 1 1 2 2 - - 0")),
        (labels("- - 0 0 1 1 1 -"), labels("0 0 0 - 1 - 1 -")),
    ] {
        let scores = scores_of(&groups, &causes);
        assert_near("rand", scores.adjusted_rand, adjusted_rand_by_definition(&groups, &causes));

        let mutual = mutual_by_definition(&groups, &causes);
        let (of_groups, of_causes) = (entropy_by_definition(&groups), entropy_by_definition(&causes));
        assert_near("homogeneity", scores.homogeneity, mutual / of_causes);
        assert_near("completeness", scores.completeness, mutual / of_groups);
        assert_near("v-measure", scores.v_measure, 2.0 * mutual / (of_groups + of_causes));

        let rows = || groups.iter().zip(&causes);
        let rightly = rows().filter(|(group, cause)| group.is_none() && cause.is_none()).count() as f64;
        let ungrouped = rows().filter(|(group, _)| group.is_none()).count() as f64;
        let causeless = rows().filter(|(_, cause)| cause.is_none()).count() as f64;
        assert_near("noise precision", scores.noise_precision, rightly / ungrouped);
        assert_near("noise recall", scores.noise_recall, rightly / causeless);

        let members = |labels: &[Option<u32>], label: u32| -> BTreeSet<usize> {
            (0..labels.len()).filter(|&row| labels[row] == Some(label)).collect()
        };
        let all = |labels: &[Option<u32>]| labels.iter().flatten().copied().collect::<BTreeSet<u32>>();
        let mut found = 0;
        for cause in all(&causes) {
            let of_cause = members(&causes, cause);
            let best = all(&groups)
                .into_iter()
                .map(|group| {
                    let of_group = members(&groups, group);
                    let common = of_cause.intersection(&of_group).count();
                    (common as f64 / of_cause.union(&of_group).count() as f64, common, of_group.len())
                })
                .max_by(|left, right| left.0.total_cmp(&right.0))
                .unwrap();
            let score = scores.causes.iter().find(|score| score.cause == format!("c{cause}")).unwrap();
            assert_near("jaccard", score.jaccard, best.0);
            assert_near("its parts", score.jaccard, {
                score.common as f64 / (score.size + score.group_size - score.common) as f64
            });
            found += usize::from(best.0 >= 0.5);
        }
        assert_eq!(scores.found, Found { found, causes: all(&causes).len() });
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

/// Disputes whose ten columns are spelled out, of two programs and two manufacturers.
struct Invented {
    ids: Vec<String>,
    sides: Vec<(&'static str, &'static str)>,
    values: Vec<[Option<String>; KeyColumn::ALL.len()]>,
}

impl Invented {
    /// `rows` disputes; a value is missing in a fortieth of the rows, at another place in each column.
    fn new(rows: usize) -> Self {
        let spread = |row: usize, column: usize| row * (2 * column + 7) * 2_654_435 % 1_000_003;
        let value = |row: usize, column: usize| {
            let values = [24, 12, 4, 5, 7, 2, 40, 90, 6, 3][column];
            // A package belongs to one product, and a product to one labeler.
            let number = if column < 3 { spread(row, 0) % 24 % values } else { spread(row, column) % values };
            (!(row + 3 * column).is_multiple_of(40)).then(|| format!("{number}"))
        };
        Self {
            ids: (0..rows).map(|row| format!("D{row}")).collect(),
            sides: (0..rows)
                .map(|row| (["mdrp", "340b"][spread(row, 11) % 2], ["A", "B"][spread(row, 12) % 2]))
                .collect(),
            values: (0..rows).map(|row| std::array::from_fn(|column| value(row, column))).collect(),
        }
    }

    fn columns(&self) -> Columns {
        let mut columns = Columns::default();
        for ((id, (program, manufacturer)), values) in self.ids.iter().zip(&self.sides).zip(&self.values) {
            columns.push(id, program, manufacturer, |column| values[column as usize].clone());
        }
        columns
    }

    /// The group of each dispute, by its values as text.
    fn groups(&self, key: &[KeyColumn], smallest: usize) -> Vec<Option<String>> {
        let name = |row: usize| {
            let values: Option<Vec<&str>> =
                key.iter().map(|&column| self.values[row][column as usize].as_deref()).collect();
            values.map(|values| format!("{:?} {values:?}", self.sides[row]))
        };
        let names: Vec<Option<String>> = (0..self.ids.len()).map(name).collect();
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        for name in names.iter().flatten() {
            *sizes.entry(name).or_default() += 1;
        }
        names.iter().map(|name| name.clone().filter(|name| sizes[name.as_str()] >= smallest)).collect()
    }

    fn lines<'a>(&'a self, names: &'a [Option<String>]) -> Vec<(&'a str, Option<&'a str>)> {
        self.ids.iter().map(String::as_str).zip(names.iter().map(Option::as_deref)).collect()
    }

    /// A truth that no key gives: causes of several shapes, some rows without any.
    fn tangled_truth(&self) -> Vec<Option<String>> {
        let by_two = self.groups(&[KeyColumn::State, KeyColumn::Payer], 4);
        let by_one = self.groups(&[KeyColumn::Product], 4);
        (0..self.ids.len())
            .map(|row| match row % 7 {
                0 => None,
                1..=4 => by_two[row].clone(),
                _ => by_one[row].clone(),
            })
            .collect()
    }
}

#[test]
fn the_oracle_picks_the_key_that_the_truth_was_made_from() {
    use KeyColumn::{DeliverySystem, Labeler, Ndc, Payer, Pharmacy, ReasonCodes, State};
    let invented = Invented::new(3_000);
    for key in [vec![Ndc], vec![Pharmacy], vec![State, Payer], vec![Labeler, DeliverySystem, ReasonCodes]] {
        let truth = invented.groups(&key, 4);
        let best = group_by(&invented.columns(), &invented.lines(&truth), 4).unwrap();
        assert_eq!(best.key, key.iter().map(|column| column.name()).collect::<Vec<_>>());
        assert_near("b-cubed", best.scores.b_cubed.f1, 1.0);
        assert_eq!(best.scores.found.found, best.scores.found.causes);
    }
}

#[test]
fn the_shortest_and_first_key_wins_among_equals() {
    let mut invented = Invented::new(800);
    // Every other column says the same as the labeler.
    for values in &mut invented.values {
        let labeler = values[KeyColumn::Labeler as usize].clone();
        values.fill(labeler);
    }
    let truth = invented.groups(&[KeyColumn::Labeler], 4);
    let best = group_by(&invented.columns(), &invented.lines(&truth), 4).unwrap();
    assert_eq!(best.key, ["ndc"]);
}

#[test]
fn b_cubed_of_every_key_is_that_of_the_full_evaluation_of_its_groups() {
    let invented = Invented::new(600);
    let truth = invented.tangled_truth();
    let truth = invented.lines(&truth);
    let scores = key_scores(&invented.columns(), &truth, 4).unwrap();
    assert_eq!(scores.len(), 10 + 45 + 120);
    let mut keys = BTreeSet::new();
    for score in &scores {
        let groups = invented.groups(&score.key, 4);
        let full = evaluate(&invented.lines(&groups), &truth).unwrap();
        assert_eq!(score.b_cubed, full.b_cubed, "{:?}", score.key);
        keys.insert(score.key.clone());
    }
    assert_eq!(keys.len(), scores.len());
    let best = group_by(&invented.columns(), &truth, 4).unwrap();
    let most = scores.iter().map(|score| score.b_cubed.f1).fold(0.0, f64::max);
    assert_near("the best", best.scores.b_cubed.f1, most);
}

#[test]
fn a_group_by_leaves_out_missing_values_and_small_groups_and_never_crosses_a_client_or_a_program() {
    let rows: [(&str, &str, Option<&str>); 6] = [
        ("mdrp", "A", Some("TX")),
        ("mdrp", "A", None),
        ("mdrp", "B", Some("TX")),
        ("340b", "A", Some("TX")),
        ("mdrp", "A", Some("OH")),
        ("mdrp", "A", Some("CA")),
    ];
    let sizes = [5, 6, 4, 4, 3, 4];
    let mut columns = Columns::default();
    let mut truth = Vec::new();
    for ((row, (program, manufacturer, state)), size) in rows.into_iter().enumerate().zip(sizes) {
        for number in 0..size {
            let id = format!("D{row}-{number}");
            columns.push(&id, program, manufacturer, |column| state.filter(|_| column == KeyColumn::State));
            // Missing states and the three rows of Ohio have no cause.
            truth.push((id, (row != 1 && row != 4).then(|| format!("c{row}"))));
        }
    }
    let best = group_by(&columns, &borrowed(&truth), 4).unwrap();
    let GroupBy { key, scores } = &best;
    assert_eq!((key.as_slice(), scores.groups), (["state"].as_slice(), 4));
    assert_near("b-cubed", scores.b_cubed.f1, 1.0);
    assert_near("noise precision", scores.noise_precision, 1.0);
    assert_near("noise recall", scores.noise_recall, 1.0);
}

#[test]
fn the_order_of_disputes_and_of_the_truth_does_not_change_the_oracle() {
    let mut invented = Invented::new(500);
    let names = invented.tangled_truth();
    let truth: Vec<(String, Option<String>)> = invented.ids.iter().cloned().zip(names).collect();
    let forwards = group_by(&invented.columns(), &borrowed(&truth), 4).unwrap();
    let backwards: Vec<_> = truth.iter().rev().cloned().collect();
    invented.ids.rotate_left(123);
    invented.sides.rotate_left(123);
    invented.values.rotate_left(123);
    let turned = group_by(&invented.columns(), &borrowed(&backwards), 4).unwrap();
    assert_eq!(forwards.key, turned.key);
    assert_eq!(figures(forwards.scores), figures(turned.scores));
}

#[test]
fn a_dispute_that_is_not_in_the_input_counts_as_ungrouped_by_every_key() {
    let mut columns = Columns::default();
    for id in ["D1", "D2", "D3", "D4"] {
        columns.push(id, "mdrp", "A", |_| Some("x"));
    }
    let truth = ["D1", "D2", "D3", "D4", "D5"].map(|id| (id, Some("c")));
    let best = group_by(&columns, &truth, 4).unwrap();
    assert_near("recall", best.scores.b_cubed.recall, (4.0 * 0.8 + 0.2) / 5.0);
    assert_near("precision", best.scores.b_cubed.precision, 1.0);
}

#[test]
fn disputes_that_the_truth_does_not_know_are_refused() {
    let mut columns = Columns::default();
    for id in ["D1", "D9", "D8"] {
        columns.push(id, "mdrp", "A", |_| Some("x"));
    }
    let refused = group_by(&columns, &[("D1", None)], 4).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "dispute `D9` is in the input, but the truth has no line for it (2 such disputes)"
    );
    columns.push("D1", "mdrp", "A", |_| Some("x"));
    let truth = ["D1", "D8", "D9"].map(|id| (id, None));
    let repeated = EvaluateError::Repeated { dispute: "D1".to_owned(), list: "disputes" };
    assert_eq!(group_by(&columns, &truth, 4), Err(repeated));
}

fn facts(of: &[(&str, &str)]) -> Causes {
    of.iter()
        .map(|(cause, family)| {
            let facts = CauseFacts { name: format!("name of {cause}"), family: (*family).to_owned() };
            ((*cause).to_owned(), facts)
        })
        .collect()
}

#[test]
fn families_add_up_to_all_causes() {
    let truth = [
        ("D1", Some("cause-001/A")),
        ("D2", Some("cause-001/B/C")),
        ("D3", Some("cause-002")),
        ("D4", Some("cause-003/A")),
        ("D5", None),
    ];
    let assignments = [("D1", Some("g1")), ("D3", Some("g3")), ("D4", Some("g4"))];
    let scores = evaluate(&assignments, &truth).unwrap();
    let causes = facts(&[("cause-001", "units"), ("cause-002", "payer"), ("cause-009", "feed")]);
    let families = found_by_family(&scores.causes, &causes);
    let expected = [
        ("not known", Found { found: 1, causes: 1 }),
        ("payer", Found { found: 1, causes: 1 }),
        ("units", Found { found: 1, causes: 2 }),
    ];
    assert_eq!(families, expected.map(|(family, found)| (family.to_owned(), found)).into());

    let sum = |count: fn(&Found) -> usize| families.values().map(count).sum::<usize>();
    let added = Found { found: sum(|found| found.found), causes: sum(|found| found.causes) };
    assert_eq!(added, scores.found);
}

/// An evaluation of both engines by family, with all kinds of misses.
fn compared() -> (Evaluation, Causes) {
    let invented = Invented::new(900);
    let names: Vec<Option<String>> = invented
        .tangled_truth()
        .into_iter()
        .map(|name| name.map(|name| format!("cause-{:03}/{name}", name.len())))
        .collect();
    let truth = invented.lines(&names);
    let perfect = names.iter().flatten().min();
    let groups: Vec<Option<String>> = invented
        .groups(&[KeyColumn::Product], 20)
        .into_iter()
        .zip(&names)
        .map(|(group, name)| if name.as_ref() == perfect { perfect.cloned() } else { group })
        .collect();
    let scores = evaluate(&invented.lines(&groups), &truth).unwrap();
    let best = group_by(&invented.columns(), &truth, 4).unwrap();
    let labels: BTreeSet<&str> = names.iter().flatten().map(|name| &name[.."cause-000".len()]).collect();
    let causes = facts(
        &labels
            .iter()
            .map(|label| (*label, if label.ends_with('4') { "units" } else { "payer" }))
            .collect::<Vec<_>>(),
    );
    (Evaluation::new(scores, Some(best), Some(&causes)), causes)
}

/// The texts of the cells of a page, without tags.
fn cells(page: &str) -> BTreeSet<String> {
    page.split("<t")
        .filter_map(|cell| cell.split_once('>'))
        .map(|(_, text)| text.split('<').next().unwrap_or_default().trim().to_owned())
        .collect()
}

#[test]
fn the_page_holds_the_numbers_of_the_json() {
    let (evaluation, causes) = compared();
    let page = html(&evaluation, Some(&causes)).unwrap();
    let json = serde_json::to_value(&evaluation).unwrap();
    let cells = cells(&page);
    let own = [
        "/b_cubed/precision",
        "/b_cubed/recall",
        "/b_cubed/f1",
        "/adjusted_rand",
        "/adjusted_mutual_information",
        "/v_measure",
        "/noise_precision",
        "/noise_recall",
    ];
    for engine in ["", "/group_by"] {
        for figure in own {
            let value = json.pointer(&format!("{engine}{figure}")).and_then(Value::as_f64).unwrap();
            assert!(cells.contains(&format!("{value:.3}")), "{engine}{figure}: {value}");
        }
        let families = json.pointer(&format!("{engine}/found_by_family")).and_then(Value::as_object).unwrap();
        let sizes = json.pointer(&format!("{engine}/found_by_size")).and_then(Value::as_array).unwrap();
        assert!(families.len() == 2 && sizes.len() > 1, "{families:?} {sizes:?}");
        for count in families.values().chain(sizes.iter().map(|class| &class["found"])) {
            let text = format!("{} of {}", count["found"], count["causes"]);
            assert!(cells.contains(&text), "{text}");
        }
    }
    let (found, all) = (&json["found"]["found"], &json["found"]["causes"]);
    let theirs = &json["group_by"]["found"]["found"];
    let headline =
        format!("<h1>The groups find {found} of {all} causes, the best GROUP BY finds {theirs}.</h1>");
    assert!(page.contains(&headline), "{headline}");
    let mut missed: Vec<&Value> = json["causes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|cause| cause["jaccard"].as_f64().unwrap() < 0.5)
        .collect();
    missed.sort_by_key(|cause| std::cmp::Reverse(cause["size"].as_u64()));
    assert!(missed.len() > 30, "{}", missed.len());
    for cause in &missed[..20] {
        for text in [cause["size"].to_string(), format!("{:.2}", cause["jaccard"].as_f64().unwrap())] {
            assert!(cells.contains(&text), "{text}");
        }
    }
}

#[test]
fn histogram_and_dots_hold_every_cause_once() {
    let (evaluation, causes) = compared();
    let page = html(&evaluation, Some(&causes)).unwrap();
    let all = evaluation.scores.found.causes;
    let rows = page
        .split("<th scope=\"row\">")
        .filter(|row| row.contains(" to below ") || row.starts_with("0.9 to 1.0"));
    let counted: usize = rows
        .map(|row| row.split("<td class=\"number\">").nth(1).unwrap().split('<').next().unwrap())
        .map(|count| count.replace(',', "").parse::<usize>().unwrap())
        .sum();
    assert_eq!(counted, all);
    let dots: usize = page
        .split("<circle class=\"dot")
        .skip(1)
        .map(|dot| dot.split("<title>").nth(1).unwrap())
        .map(|title| match title.split_once(" causes: ") {
            Some((count, _)) => count.replace(',', "").parse().unwrap(),
            None => 1,
        })
        .sum();
    assert_eq!(dots, all);
}

#[test]
fn the_page_runs_nothing_fetches_nothing_and_escapes_what_others_wrote() {
    let hostile = "<script>alert(1)</script>\" onload=\"x' & <img src=x>";
    let (label, group) = (format!("{hostile}/A"), format!("g{hostile}"));
    let ids: Vec<String> = (0..9).map(|row| format!("D{row}")).collect();
    let truth: Vec<_> = ids.iter().map(|id| (id.as_str(), Some(label.as_str()))).collect();
    let assignments: Vec<_> = ids.iter().take(3).map(|id| (id.as_str(), Some(group.as_str()))).collect();
    let facts = CauseFacts { name: format!("n{hostile}"), family: format!("f{hostile}") };
    // The part of the label before its first slash, which stands in the middle of a tag.
    let causes = Causes::from([("<script>alert(1)<".to_owned(), facts)]);
    let scores = evaluate(&assignments, &truth).unwrap();
    let page = html(&Evaluation::new(scores, None, Some(&causes)), Some(&causes)).unwrap();
    for start in ["", "g", "n", "f"] {
        assert!(page.contains(&format!("{start}&lt;script&gt;alert(1)&lt;")), "{start}: {page}");
    }
    let lower = page.to_lowercase();
    for never in ["<script", "<img", "onload=\"", "http:", "https:", "<link", "@import", "url(", "src="] {
        let escaped = lower.matches("&lt;img src=x&gt;").count();
        let found = lower.matches(never).count();
        assert_eq!(found, if never == "src=" { escaped } else { 0 }, "{never}");
    }
}

#[test]
fn the_page_of_one_engine_or_of_nothing_says_only_what_is_known() {
    let scores = evaluate(&[("D1", Some("g"))], &[("D1", Some("c"))]).unwrap();
    let page = html(&Evaluation::new(scores, None, None), None).unwrap();
    assert!(page.contains("<h1>The groups find 1 of 1 cause.</h1>"), "{page}");
    for absent in ["GROUP BY", "by family", "were missed"] {
        assert!(!page.contains(absent), "{absent}");
    }
    let nothing = evaluate(&[], &[]).unwrap();
    let page = html(&Evaluation::new(nothing, None, Some(&Causes::new())), None).unwrap();
    assert!(page.contains("<h1>The groups find 0 of 0 causes.</h1>"), "{page}");
    assert!(!page.contains("NaN") && !page.contains("inf%"), "{page}");
}

fn disputebot(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_disputebot"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

/// A folder with sample disputes and their groups by the engine `groupby`.
fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        ["generate", "--rows", "800", "--causes", "12", "--out", "."].as_slice(),
        &["cluster", "--input", "disputes.csv", "--engine", "groupby", "--assignments", "groups.csv"],
    ] {
        let output = disputebot(folder.path(), arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

const EVALUATE: [&str; 5] = ["evaluate", "--assignments", "groups.csv", "--truth", "truth.csv"];

fn json_of(folder: &Path, more: &[&str]) -> Value {
    let output = disputebot(folder, &[&EVALUATE, more, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn generate_writes_the_causes_of_each_day_with_their_families() {
    let folder = sample();
    for day in [".", "day2"] {
        let read = |name: &str| fs::read_to_string(folder.path().join(day).join(name)).unwrap();
        let causes = read("causes.csv");
        assert_eq!(causes.lines().next(), Some("cause,kind,name,family,program"));
        let known: BTreeSet<&str> =
            causes.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
        let labels: BTreeSet<String> = read("truth.csv")
            .lines()
            .skip(1)
            .filter_map(|line| Some(line.split_once(',')?.1.split_once('/')?.0.to_owned()))
            .collect();
        assert!(!labels.is_empty());
        assert!(labels.iter().all(|label| known.contains(label.as_str())), "{labels:?} {known:?}");
    }
}

#[test]
fn evaluate_compares_with_the_best_group_by_where_disputes_are_given() {
    let folder = sample();
    let alone = json_of(folder.path(), &[]);
    let with = json_of(folder.path(), &["--disputes", "disputes.csv"]);
    assert!(alone.get("group_by").is_none(), "{alone}");
    let f1 = |scores: &Value| scores["b_cubed"]["f1"].as_f64().unwrap();
    let best = &with["group_by"];
    assert!(f1(best) >= f1(&with), "no single key beats that of the oracle: {} {}", f1(best), f1(&with));
    let key = best["key"].as_array().unwrap();
    assert!((1..=3).contains(&key.len()), "{key:?}");
    let without = |mut value: Value| {
        value.as_object_mut().unwrap().remove("group_by");
        value
    };
    assert_eq!(without(with.clone()), alone, "our own figures stay as they are");

    let output = disputebot(folder.path(), &[&EVALUATE[..], &["--disputes", "disputes.csv"]].concat());
    let table = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = key.iter().map(|name| name.as_str().unwrap()).collect();
    assert!(table.contains(&format!("best GROUP BY (key {}, within program", names.join(", "))), "{table}");
    let line = table.lines().find(|line| line.starts_with("B-cubed F1")).unwrap();
    assert!(line.ends_with(&format!("{:.3}", f1(best))), "{line}");
}

#[test]
fn families_come_from_the_causes_beside_the_truth_unless_another_file_is_named() {
    let folder = sample();
    assert!(
        json_of(folder.path(), &[])["found_by_family"].as_object().is_some_and(|found| !found.is_empty())
    );
    fs::rename(folder.path().join("causes.csv"), folder.path().join("other.csv")).unwrap();
    assert!(json_of(folder.path(), &[]).get("found_by_family").is_none());
    assert!(json_of(folder.path(), &["--causes", "other.csv"]).get("found_by_family").is_some());
    fs::write(folder.path().join("causes.csv"), "no,such,columns\n").unwrap();
    let output = disputebot(folder.path(), &EVALUATE);
    assert!(output.status.success() && output.stderr.is_empty(), "nobody asked for that file: {output:?}");
}

#[test]
fn a_named_file_that_cannot_be_read_ends_with_code_4_and_one_line() {
    let folder = sample();
    fs::write(folder.path().join("twice.csv"), "cause,name,family\nc,n,f\nc,n,f\n").unwrap();
    for (more, said) in [
        (["--causes", "absent.csv"], "error: `absent.csv`: "),
        (
            ["--causes", "truth.csv"],
            "error: `truth.csv`: expected a column `name`, found `dispute_id`, `cause`",
        ),
        (["--causes", "twice.csv"], "error: `twice.csv`: cause `c` occurs more than once, expected once"),
        (["--html", "absent/page.html"], "error: could not write `absent/page.html`: "),
    ] {
        let output = disputebot(folder.path(), &[&EVALUATE[..], &more].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.lines().count()), (Some(4), 1), "{told}");
        assert!(told.starts_with(said), "{told}");
    }
    let output = disputebot(folder.path(), &[&EVALUATE[..], &["--disputes", "absent.csv"]].concat());
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

#[test]
fn the_page_is_written_beside_the_table() {
    let folder = sample();
    let more = ["--disputes", "disputes.csv", "--html", "page.html"];
    let output = disputebot(folder.path(), &[&EVALUATE[..], &more].concat());
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("CAUSES OF THE FAMILY"));
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    let found = &json_of(folder.path(), &[])["found"];
    assert!(page.contains(&format!("<h1>The groups find {} of {} causes", found["found"], found["causes"])));
    assert!(page.contains("Causes found by family"));
}

#[test]
fn every_line_of_the_table_is_a_figure_of_the_json() {
    let folder = sample();
    let more = ["--disputes", "disputes.csv"];
    let (json, output) =
        (json_of(folder.path(), &more), disputebot(folder.path(), &[&EVALUATE[..], &more].concat()));
    let table = String::from_utf8(output.stdout).unwrap();
    let ends = |name: &str, ours: String, theirs: String| {
        let line =
            table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {table}"));
        let told: Vec<&str> =
            line[name.len()..].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(told, [ours, theirs], "{line}");
    };
    let figures = [
        ("B-cubed precision", "/b_cubed/precision"),
        ("B-cubed recall", "/b_cubed/recall"),
        ("B-cubed F1", "/b_cubed/f1"),
        ("adjusted Rand index", "/adjusted_rand"),
        ("adjusted mutual information", "/adjusted_mutual_information"),
        ("V-measure", "/v_measure"),
        ("noise precision", "/noise_precision"),
        ("noise recall", "/noise_recall"),
    ];
    for (name, place) in figures {
        let figure = |scores: &Value| format!("{:.3}", scores.pointer(place).unwrap().as_f64().unwrap());
        ends(name, figure(&json), figure(&json["group_by"]));
    }
    let count = |found: &Value| format!("{} of {}", found["found"], found["causes"]);
    ends("causes found", count(&json["found"]), count(&json["group_by"]["found"]));
    for (place, class) in json["found_by_size"].as_array().unwrap().iter().enumerate() {
        let name = format!("{} to {} disputes", class["from"], class["to"]);
        if table.contains(&name) {
            ends(&name, count(&class["found"]), count(&json["group_by"]["found_by_size"][place]["found"]));
        }
    }
    for (family, found) in json["found_by_family"].as_object().unwrap() {
        ends(family, count(found), count(&json["group_by"]["found_by_family"][family]));
    }
    let lines = table.lines().filter(|line| line.contains(" of ") && !line.starts_with("CAUSES OF")).count();
    let classes = json["found_by_size"].as_array().unwrap().len();
    assert_eq!(lines, 1 + classes + json["found_by_family"].as_object().unwrap().len(), "{table}");
}

#[test]
fn the_tangled_world_is_another_one_of_the_same_size() {
    let folder = tempfile::tempdir().unwrap();
    let read = |world: &str| {
        let arguments = ["generate", "--rows", "300", "--causes", "6", "--world", world, "--out", world];
        assert!(disputebot(folder.path(), &arguments).status.success());
        fs::read_to_string(folder.path().join(world).join("disputes.csv")).unwrap()
    };
    let (tangled, conjunctive) = (read("tangled"), read("conjunctive"));
    assert_eq!((tangled.lines().count(), conjunctive.lines().count()), (301, 301));
    assert_ne!(tangled, conjunctive);
    let output = disputebot(folder.path(), &["generate", "--world", "flat", "--out", "."]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

/// Groups of `input`, as `cluster` writes them.
fn assigned(folder: &Path, input: &str, more: &[&str]) -> BTreeMap<String, String> {
    let arguments = ["cluster", "--input", input, "--assignments", "assigned.csv"];
    let output = disputebot(folder, &[&arguments[..], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = fs::read_to_string(folder.join("assigned.csv")).unwrap();
    let lines = written.lines().skip(1).map(|line| line.split_once(',').unwrap());
    lines.map(|(id, group)| (id.to_owned(), group.to_owned())).collect()
}

#[test]
fn rows_that_stand_twice_in_a_file_change_no_group() {
    let folder = sample();
    let once = fs::read_to_string(folder.path().join("disputes.csv")).unwrap();
    let mut twice = String::new();
    for (number, line) in once.lines().enumerate() {
        for _ in 0..if number > 0 && number % 10 == 0 { 2 } else { 1 } {
            twice.push_str(line);
            twice.push('\n');
        }
    }
    fs::write(folder.path().join("twice.csv"), twice).unwrap();
    let before = assigned(folder.path(), "disputes.csv", &[]);
    assert!(before.values().any(|group| !group.is_empty()));
    assert_eq!(assigned(folder.path(), "twice.csv", &[]), before);
}

#[test]
fn links_are_honoured_and_a_bad_one_is_told_with_its_place() {
    let folder = sample();
    let before = assigned(folder.path(), "disputes.csv", &[]);
    let mut members: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (id, group) in before.iter().filter(|(_, group)| !group.is_empty()) {
        members.entry(group).or_default().push(id);
    }
    let largest = members.values().max_by_key(|ids| ids.len()).unwrap();
    let links = format!("one,other,bond\n{},{},cannot\n", largest[0], largest[1]);
    fs::write(folder.path().join("links.csv"), links).unwrap();
    let after = assigned(folder.path(), "disputes.csv", &["--links", "links.csv"]);
    assert!(after[largest[0]] != after[largest[1]]);

    for (text, said) in [
        (
            "one,other,bond\nA,B,must\nA,C,may\n",
            "line 3, column `bond`: expected `must` or `cannot`, found `may`",
        ),
        ("one,other\nA,B\n", "expected a column `bond`, found `one`, `other`"),
        (
            "one,other,bond\nA,B,must\nB,A,cannot\n",
            "disputes `B` and `A` may not share a group, but other links put them into one",
        ),
    ] {
        fs::write(folder.path().join("links.csv"), text).unwrap();
        let arguments = ["cluster", "--input", "disputes.csv", "--links", "links.csv"];
        let output = disputebot(folder.path(), &arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            (output.status.code(), told.trim_end()),
            (Some(4), &*format!("error: `links.csv`: {said}"))
        );
    }
}

#[test]
fn a_reference_and_word_vectors_are_read_and_a_bad_line_is_told_with_its_place() {
    let folder = sample();
    let before = assigned(folder.path(), "disputes.csv", &[]);
    let with = assigned(folder.path(), "disputes.csv", &["--reference", "day2/disputes.csv"]);
    assert_eq!(with.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    fs::write(folder.path().join("words.vec"), "entity 1 0\nclaim 0 1\nnot 0.5 0.5\n").unwrap();
    let with = assigned(folder.path(), "disputes.csv", &["--embedding", "words.vec"]);
    assert_eq!(with.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());

    let mut reference = fs::read_to_string(folder.path().join("day2/disputes.csv")).unwrap();
    let rows = reference.lines().count() - 1;
    let second = reference.lines().nth(1).unwrap().split_once(',').unwrap().1.to_owned();
    reference.push_str(&format!(",{second}\n"));
    fs::write(folder.path().join("all.csv"), reference).unwrap();
    let asked = ["cluster", "--input", "disputes.csv", "--reference", "all.csv", "--json"];
    let output = disputebot(folder.path(), &asked);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("skipped 1 row of `all.csv`"), "{told}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["reference"], serde_json::json!({ "rows": rows + 1, "rejected": 1 }));

    let output =
        disputebot(folder.path(), &["cluster", "--input", "disputes.csv", "--reference", "gone.csv"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("what is ordinary cannot be known") && told.contains("gone.csv"), "{told}");

    fs::write(folder.path().join("words.vec"), "entity 1 0\nclaim 0 one\n").unwrap();
    let output =
        disputebot(folder.path(), &["cluster", "--input", "disputes.csv", "--embedding", "words.vec"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.starts_with("error: `words.vec`: ") && told.contains("line 2"), "{told}");
}
