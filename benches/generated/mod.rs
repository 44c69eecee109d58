//! Generated disputes as the product reads them, and their groups against the truth.

use std::collections::HashMap;

use disputebot::{
    cluster::{Cluster, Table},
    dispute::{Dispute, Field, Interner, Row, Tables, Text, Vocabulary, read},
    evaluate::{EvaluateError, Scores, evaluate},
    generate::{self, HEADER, Plan, Record},
};

/// Disputes with the cause of each, in the same order.
pub(crate) struct World {
    pub(crate) disputes: Vec<Dispute>,
    pub(crate) truth: Vec<(Text, Option<String>)>,
}

/// A row of the generator as the domain reads it.
struct Line<'a>(&'a Record);

impl Row for Line<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        let place = HEADER.iter().position(|name| *name == field.name())?;
        Some(self.0.fields()[place])
    }
}

/// The rows of the first day that can be read and are unresolved.
pub(crate) fn world(plan: &Plan) -> World {
    let (vocabulary, tables, mut interner) = (Vocabulary::default(), Tables::embedded(), Interner::default());
    let mut world = World { disputes: Vec::with_capacity(plan.rows), truth: Vec::with_capacity(plan.rows) };
    for row in generate::stream(plan).filter(|row| row.record.is_unresolved()) {
        if let Ok((mut dispute, _)) = read(&Line(&row.record), &vocabulary, &tables) {
            interner.share_texts_of(&mut dispute);
            world.truth.push((dispute.id.clone(), row.truth));
            world.disputes.push(dispute);
        }
    }
    world
}

/// Scores of the clusters of a world's disputes.
pub(crate) fn score(world: &World, table: &Table, clusters: &[Cluster]) -> Result<Scores, EvaluateError> {
    let mut groups: HashMap<&Text, String> = HashMap::new();
    for (index, cluster) in clusters.iter().enumerate() {
        groups.extend(cluster.rows.iter().map(|row| (table.id(*row), index.to_string())));
    }
    let assignments: Vec<(&str, Option<&str>)> =
        world.truth.iter().map(|(id, _)| (&**id, groups.get(id).map(String::as_str))).collect();
    let truth: Vec<(&str, Option<&str>)> =
        world.truth.iter().map(|(id, cause)| (&**id, cause.as_deref())).collect();
    evaluate(&assignments, &truth)
}
