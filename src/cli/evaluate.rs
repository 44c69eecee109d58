//! `disputebot evaluate`: assignments against the truth.

use std::{collections::HashMap, path::PathBuf};

use super::{CliError, Exit, Ui, ui};
use crate::evaluate::{self, Scores};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// CSV with the columns `dispute_id,group`, as `disputebot cluster` writes it
    #[arg(long, value_name = "FILE")]
    assignments: PathBuf,
    /// CSV with the columns `dispute_id,cause`, as `disputebot generate` writes it; an empty cause is noise
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Prints the scores as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(arguments: &Arguments, ui: &mut Ui) -> Result<Exit, CliError> {
    let assignments = read(&arguments.assignments, "group")?;
    let truth = read(&arguments.truth, "cause")?;
    let scores = evaluate::evaluate(&borrowed(&assignments), &borrowed(&truth))
        .map_err(|error| CliError::new(Exit::Input, error))?;
    if arguments.json {
        ui.json(&scores)?;
    } else {
        ui.data(&text(&scores))?;
    }
    Ok(Exit::Done)
}

type Labels = Vec<(String, Option<String>)>;

fn read(path: &PathBuf, column: &str) -> Result<Labels, CliError> {
    let failed = |what: String| CliError::new(Exit::Input, format!("`{}`: {what}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(|error| failed(error.to_string()))?;
    let header = reader.headers().map_err(|error| failed(error.to_string()))?.clone();
    let places: HashMap<&str, usize> =
        header.iter().enumerate().map(|(place, name)| (name.trim(), place)).collect();
    let place = |name: &str| {
        places.get(name).copied().ok_or_else(|| {
            let found = header.iter().collect::<Vec<_>>().join("`, `");
            failed(format!("expected a column `{name}`, found `{found}`"))
        })
    };
    let (id, label) = (place("dispute_id")?, place(column)?);
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|error| failed(error.to_string()))?;
            let value = |place: usize| record.get(place).unwrap_or_default().to_owned();
            Ok((value(id), Some(value(label)).filter(|label| !label.is_empty())))
        })
        .collect()
}

fn borrowed(labels: &Labels) -> Vec<(&str, Option<&str>)> {
    labels.iter().map(|(id, label)| (id.as_str(), label.as_deref())).collect()
}

fn text(scores: &Scores) -> String {
    let row = |name: &str, value: f64| vec![name.to_owned(), format!("{value:.3}")];
    let rows = vec![
        row("B-cubed precision", scores.b_cubed.precision),
        row("B-cubed recall", scores.b_cubed.recall),
        row("B-cubed F1", scores.b_cubed.f1),
        row("adjusted Rand index", scores.adjusted_rand),
        row("adjusted mutual information", scores.adjusted_mutual_information),
        row("V-measure", scores.v_measure),
        row("noise precision", scores.noise_precision),
        row("noise recall", scores.noise_recall),
        vec!["causes found".to_owned(), format!("{} of {}", scores.found.found, scores.found.causes)],
    ];
    let sizes: Vec<Vec<String>> = scores
        .found_by_size
        .iter()
        .map(|class| {
            let size = if class.to == usize::MAX {
                format!("{} and more disputes", class.from)
            } else {
                format!("{} to {} disputes", class.from, class.to)
            };
            vec![size, format!("{} of {}", class.found.found, class.found.causes)]
        })
        .collect();
    format!(
        "{}\n{}",
        ui::table(&[&format!("{} disputes, {} groups", scores.rows, scores.groups), ""], &rows, &[1]),
        ui::table(&["CAUSES OF", "FOUND"], &sizes, &[1])
    )
}
