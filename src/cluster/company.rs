//! What keeps a dispute company that is in no group: the two of its values that others share most beyond chance.

use super::{
    attribute::{Attribute, Item},
    partition::Partition,
    table::Table,
};

/// Two values of a dispute, and who has both.
#[derive(Debug, Clone, PartialEq)]
pub struct Company {
    /// The values.
    pub items: [Item; 2],
    /// The other disputes of the program that have both, by row of the table, ascending.
    pub others: Vec<usize>,
    /// Those of them that are of its client.
    pub of_client: usize,
    /// How many of the program would have both by chance, were the two independent.
    pub expected: f64,
}

/// The strongest company of a row by the Poisson log-likelihood ratio (Dunning 1993), among values that do not go together
/// by nature; none where no other dispute shares two of them more often than chance would have it.
pub fn company(table: &Table, row: usize) -> Option<Company> {
    let (_, rows) = table.partitions().iter().find(|(_, rows)| rows.contains(&row))?;
    let partition = Partition::new(table, rows.clone());
    let own = partition.row(row - rows.start);
    let counts: Vec<f64> = (0..Attribute::COUNT)
        .map(|attribute| {
            partition.columns[attribute].iter().filter(|code| **code == own[attribute]).count() as f64
        })
        .collect();
    let telling: Vec<usize> = Attribute::ALL
        .into_iter()
        .filter(|attribute| attribute.is_shown())
        .map(Attribute::index)
        .filter(|attribute| own[*attribute] != 0)
        .collect();
    let pairs = telling.iter().flat_map(|a| telling.iter().map(move |b| (*a, *b)));
    let pairs = pairs.filter(|(a, b)| a < b && !partition.are_kin(*a, *b));
    let evidence = pairs.filter_map(|(a, b)| {
        let (first, second) = (&partition.columns[a], &partition.columns[b]);
        let both = first.iter().zip(second.iter()).filter(|pair| (*pair.0, *pair.1) == (own[a], own[b]));
        let observed = both.count() as f64;
        let expected = counts[a] * counts[b] / partition.len() as f64;
        let evidence = observed * (observed / expected).ln() - (observed - expected);
        (observed >= 2.0 && observed > expected).then_some((evidence, expected, (a, b)))
    });
    let (_, expected, (a, b)) = evidence.max_by(|one, other| one.0.total_cmp(&other.0))?;
    let others: Vec<usize> = rows
        .clone()
        .filter(|other| {
            let cells = partition.row(other - rows.start);
            *other != row && (cells[a], cells[b]) == (own[a], own[b])
        })
        .collect();
    let item = |attribute: usize| {
        let attribute = Attribute::ALL[attribute];
        table.value(row, attribute).map(|value| Item { attribute, value: value.clone() })
    };
    let of_client = others.iter().filter(|other| table.client(**other) == table.client(row)).count();
    Some(Company { items: [item(a)?, item(b)?], others, of_client, expected })
}
