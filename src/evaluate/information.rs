//! Entropies, mutual information, and what of it chance alone would give.

use std::collections::BTreeMap;

use super::table::Table;

/// Mutual information of groups and causes, in nats. All rows without a group are one class, and so are all
/// rows without a cause.
#[derive(Debug)]
pub(super) struct Information {
    mutual: f64,
    expected: f64,
    of_groups: f64,
    of_causes: f64,
    group_classes: usize,
    cause_classes: usize,
}

impl Information {
    pub(super) fn of(table: &Table) -> Self {
        let groups = classes(&table.group_sizes, table.without_group);
        let causes = classes(&table.cause_sizes, table.without_cause);
        let of_groups = entropy(&groups, table.rows);
        let of_causes = entropy(&causes, table.rows);
        Self {
            mutual: mutual(table),
            expected: expected_mutual(&groups, &causes, table.rows),
            of_groups,
            of_causes,
            group_classes: groups.values().sum(),
            cause_classes: causes.values().sum(),
        }
    }

    /// Vinh, Epps and Bailey's AMI with the arithmetic mean of the entropies.
    pub(super) fn adjusted(&self) -> f64 {
        match (self.group_classes, self.cause_classes) {
            (0, 0) | (1, 1) => return 1.0,
            (1, _) | (_, 1) => return 0.0,
            _ => {}
        }
        let gain = away_from_zero(self.mutual - self.expected);
        // Bounded, since rounding may leave the quotient a last digit above 1.
        (gain / away_from_zero(f64::midpoint(self.of_groups, self.of_causes) - self.expected)).min(1.0)
    }

    /// Bounded as the adjusted one is.
    pub(super) fn homogeneity(&self) -> f64 {
        if self.of_causes > 0.0 { (self.mutual / self.of_causes).clamp(0.0, 1.0) } else { 1.0 }
    }

    /// Bounded as the adjusted one is.
    pub(super) fn completeness(&self) -> f64 {
        if self.of_groups > 0.0 { (self.mutual / self.of_groups).clamp(0.0, 1.0) } else { 1.0 }
    }
}

/// How many classes there are of each size.
type Classes = BTreeMap<usize, usize>;

fn classes(sizes: &[usize], without: usize) -> Classes {
    let mut classes = Classes::new();
    for &size in sizes.iter().chain([&without]).filter(|&&size| size > 0) {
        *classes.entry(size).or_default() += 1;
    }
    classes
}

fn entropy(classes: &Classes, rows: usize) -> f64 {
    let rows = rows as f64;
    let terms = classes.iter().map(|(&size, &count)| {
        let share = size as f64 / rows;
        -(count as f64) * share * share.ln()
    });
    // One class only has the entropy zero, not minus zero.
    terms.sum::<f64>().max(0.0)
}

fn mutual(table: &Table) -> f64 {
    let mut terms: Vec<(usize, usize, usize)> = Vec::with_capacity(table.cells.len());
    for cell in &table.cells {
        let (group, cause) = (cell.group as usize, cell.cause as usize);
        terms.push((cell.rows, table.group_sizes[group], table.cause_sizes[cause]));
    }
    for (&rows, &size) in table.causeless.iter().zip(&table.group_sizes) {
        terms.push((rows, size, table.without_cause));
    }
    for (&rows, &size) in table.groupless.iter().zip(&table.cause_sizes) {
        terms.push((rows, table.without_group, size));
    }
    terms.push((table.both_without, table.without_group, table.without_cause));
    terms.retain(|&(rows, _, _)| rows > 0);
    terms.sort_unstable();
    let all = table.rows as f64;
    terms
        .into_iter()
        .map(|(rows, group, cause)| information(rows as f64, group, cause, all))
        .sum::<f64>()
        .max(0.0)
}

/// What `rows` common rows of a group and a cause add to the mutual information.
fn information(rows: f64, group: usize, cause: usize, all: f64) -> f64 {
    rows / all * (all * rows / (group as f64 * cause as f64)).ln()
}

/// Mutual information that chance gives to classes of these sizes: the exact mean over all permutations,
/// where the common rows of two classes follow the hypergeometric distribution.
///
/// One evaluation per pair of sizes, not per pair of classes. The distribution is walked from its mode
/// outwards by the ratio of neighbouring probabilities, then divided by its sum: no factorial is needed, so
/// nothing overflows and no digits are lost to differences of large logarithms.
fn expected_mutual(groups: &Classes, causes: &Classes, rows: usize) -> f64 {
    let mut sum = 0.0;
    for (&group, &group_count) in groups {
        for (&cause, &cause_count) in causes {
            sum += group_count as f64 * cause_count as f64 * expected_of_pair(group, cause, rows);
        }
    }
    sum
}

fn expected_of_pair(group: usize, cause: usize, rows: usize) -> f64 {
    // Probabilities below this share of the largest one cannot change the sum.
    const NEGLIGIBLE: f64 = 1e-20;
    let all = rows as f64;
    let (low, high) = ((group + cause).saturating_sub(rows), group.min(cause));
    let mode = ((group as u128 + 1) * (cause as u128 + 1) / (rows as u128 + 2)) as usize;
    let mode = mode.clamp(low, high);
    // Probability of one common row more, over that of `common`.
    let rise = |common: usize| {
        let outside = (rows + common + 1) as f64 - (group + cause) as f64;
        (group - common) as f64 * (cause - common) as f64 / ((common + 1) as f64 * outside)
    };
    let (mut weights, mut sum) = (0.0, 0.0);
    let mut add = |common: usize, weight: f64| {
        weights += weight;
        if common > 0 {
            sum += weight * information(common as f64, group, cause, all);
        }
    };
    add(mode, 1.0);
    let mut weight = 1.0;
    for common in mode..high {
        weight *= rise(common);
        if weight < NEGLIGIBLE {
            break;
        }
        add(common + 1, weight);
    }
    weight = 1.0;
    for common in (low..mode).rev() {
        weight /= rise(common);
        if weight < NEGLIGIBLE {
            break;
        }
        add(common, weight);
    }
    sum / weights
}

/// Two sides that tell all rows apart leave nothing to scale with: full agreement then gives 1.
fn away_from_zero(value: f64) -> f64 {
    if value < 0.0 { value.min(-f64::EPSILON) } else { value.max(f64::EPSILON) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean over all permutations by its definition, with logarithms of factorials.
    fn by_definition(group: usize, cause: usize, rows: usize) -> f64 {
        let ln_factorial = |number: usize| (1..=number).map(|factor| (factor as f64).ln()).sum::<f64>();
        let ln_choose =
            |from: usize, some: usize| ln_factorial(from) - ln_factorial(some) - ln_factorial(from - some);
        ((group + cause).saturating_sub(rows).max(1)..=group.min(cause))
            .map(|common| {
                let probability = ln_choose(group, common) + ln_choose(rows - group, cause - common)
                    - ln_choose(rows, cause);
                probability.exp() * information(common as f64, group, cause, rows as f64)
            })
            .sum()
    }

    #[test]
    fn the_walk_from_the_mode_gives_the_mean_by_definition() {
        for (group, cause, rows) in
            [(1, 1, 1), (1, 1, 10), (2, 3, 5), (5, 5, 5), (30, 40, 60), (7, 900, 1_000), (500, 500, 2_000)]
        {
            let (walked, defined) = (expected_of_pair(group, cause, rows), by_definition(group, cause, rows));
            assert!((walked - defined).abs() < 1e-12, "{group} {cause} {rows}: {walked} {defined}");
        }
    }

    #[test]
    fn two_halves_of_four_rows_share_the_information_that_enumeration_gives() {
        // Two and two: of the six ways to choose two rows of four, one shares both, one shares none, four
        // share one row, where one row gives ln 1 = 0. The mean for one pair is 1/6 of 2/4 ln 2.
        let expected = 2.0_f64.ln() / 12.0;
        assert!((expected_of_pair(2, 2, 4) - expected).abs() < 1e-15);
    }
}
