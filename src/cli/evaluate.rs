//! `disputebot evaluate`: assignments against the truth, beside the best GROUP BY.

use std::{
    borrow::Cow,
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use super::{CliError, Common, Exit, Ui, cluster::load, ui};
use crate::{
    config::Needs,
    dispute::Dispute,
    evaluate::{self, CauseFacts, Causes, Columns, Evaluation, Found, GroupBy, KeyColumn, Scores},
    run::Progress,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// CSV with the columns `dispute_id,group`, as `disputebot cluster` writes it
    #[arg(long, value_name = "FILE")]
    assignments: PathBuf,
    /// CSV with the columns `dispute_id,cause`, as `disputebot generate` writes it; an empty cause is noise
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Files or folders with the disputes; compares with the best GROUP BY, its key chosen by an oracle
    #[arg(long, value_name = "FILE")]
    disputes: Vec<PathBuf>,
    /// CSV with the columns `cause,name,family`, as `disputebot generate` writes it; by default `causes.csv`
    /// beside the truth, where there is one
    #[arg(long, value_name = "FILE")]
    causes: Option<PathBuf>,
    /// Prints the scores as JSON
    #[arg(long)]
    json: bool,
    /// Writes the scores as one self-contained page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let assignments = labels(&arguments.assignments, "group")?;
    let truth = labels(&arguments.truth, "cause")?;
    let truth = borrowed(&truth);
    let causes = match &arguments.causes {
        Some(path) => Some(causes(path)?),
        // Nobody asked for it, so a file of another kind is no error.
        None => causes(&arguments.truth.with_file_name("causes.csv")).ok(),
    };
    let refused = |error| CliError::new(Exit::Input, error);
    let scores = evaluate::evaluate(&borrowed(&assignments), &truth).map_err(refused)?;
    let best =
        if arguments.disputes.is_empty() { None } else { Some(group_by(arguments, &truth, common, ui)?) };
    let evaluation = Evaluation::new(scores, best, causes.as_ref());
    if let Some(path) = &arguments.html {
        let page =
            evaluate::html(&evaluation, causes.as_ref()).map_err(|error| CliError::new(Exit::Bug, error))?;
        fs::write(path, page).map_err(|error| {
            CliError::new(Exit::Input, format!("could not write `{}`: {error}", path.display()))
        })?;
    }
    if arguments.json {
        ui.json(&evaluation)?;
    } else {
        ui.data(&text(&evaluation))?;
    }
    Ok(Exit::Done)
}

/// The best GROUP BY of the disputes.
fn group_by(
    arguments: &Arguments,
    truth: &[(&str, Option<&str>)],
    common: &Common,
    ui: &mut Ui,
) -> Result<GroupBy, CliError> {
    let settings = common.settings(Needs::default(), &[], ui)?;
    let batch = load(&arguments.disputes, settings.named_files, &settings.tables, ui)?;
    ui.progress(Progress::Grouping(batch.disputes.len()));
    let mut columns = Columns::default();
    for dispute in &batch.disputes {
        columns.push(&dispute.id, dispute.program.as_str(), &dispute.client, |column| value(dispute, column));
    }
    evaluate::group_by(&columns, truth, settings.run.cluster.min_group)
        .map_err(|error| CliError::new(Exit::Input, error))
}

fn value(dispute: &Dispute, column: KeyColumn) -> Option<Cow<'_, str>> {
    match column {
        KeyColumn::Ndc => Some(Cow::Borrowed(dispute.ndc.digits())),
        KeyColumn::Product => Some(Cow::Borrowed(dispute.ndc.product())),
        KeyColumn::Labeler => Some(Cow::Borrowed(dispute.ndc.labeler())),
        KeyColumn::State => dispute.state.as_deref().map(Cow::Borrowed),
        KeyColumn::Payer => dispute.payer.as_deref().map(Cow::Borrowed),
        KeyColumn::DeliverySystem => dispute.delivery_system.map(|system| Cow::Borrowed(system.as_str())),
        KeyColumn::CoveredEntity => dispute.covered_entity.as_deref().map(Cow::Borrowed),
        KeyColumn::Pharmacy => dispute.pharmacy_npi.as_deref().map(Cow::Borrowed),
        KeyColumn::Period => dispute.period.map(|quarter| Cow::Owned(quarter.to_string())),
        KeyColumn::ReasonCodes => {
            let mut codes: Vec<&str> = dispute.reason_codes.iter().map(|code| &**code).collect();
            codes.sort_unstable();
            (!codes.is_empty()).then(|| Cow::Owned(codes.join("+")))
        }
    }
}

type Labels = Vec<(String, Option<String>)>;

fn labels(path: &Path, column: &str) -> Result<Labels, CliError> {
    let rows = read(path, ["dispute_id", column])?;
    Ok(rows.into_iter().map(|[id, label]| (id, Some(label).filter(|label| !label.is_empty()))).collect())
}

fn causes(path: &Path) -> Result<Causes, CliError> {
    let mut causes = Causes::new();
    for [cause, name, family] in read(path, ["cause", "name", "family"])? {
        if causes.insert(cause.clone(), CauseFacts { name, family }).is_some() {
            let what = format!("`{}`: cause `{cause}` occurs more than once, expected once", path.display());
            return Err(CliError::new(Exit::Input, what));
        }
    }
    Ok(causes)
}

/// The values of `columns` in each row.
fn read<const N: usize>(path: &Path, columns: [&str; N]) -> Result<Vec<[String; N]>, CliError> {
    let failed = |what: String| CliError::new(Exit::Input, format!("`{}`: {what}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(|error| failed(error.to_string()))?;
    let header = reader.headers().map_err(|error| failed(error.to_string()))?.clone();
    let places: HashMap<&str, usize> =
        header.iter().enumerate().map(|(place, name)| (name.trim(), place)).collect();
    let mut wanted = [0; N];
    for (place, name) in wanted.iter_mut().zip(columns) {
        *place = places.get(name).copied().ok_or_else(|| {
            let found = header.iter().collect::<Vec<_>>().join("`, `");
            failed(format!("expected a column `{name}`, found `{found}`"))
        })?;
    }
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|error| failed(error.to_string()))?;
            Ok(wanted.map(|place| record.get(place).unwrap_or_default().to_owned()))
        })
        .collect()
}

fn borrowed(labels: &Labels) -> Vec<(&str, Option<&str>)> {
    labels.iter().map(|(id, label)| (id.as_str(), label.as_deref())).collect()
}

fn text(evaluation: &Evaluation) -> String {
    let Evaluation { scores, found_by_family, group_by } = evaluation;
    let engines: Vec<&Scores> =
        std::iter::once(scores).chain(group_by.as_ref().map(|compared| &compared.best.scores)).collect();
    let figure = |name: &str, value: &dyn Fn(&Scores) -> f64| {
        std::iter::once(name.to_owned())
            .chain(engines.iter().map(|scores| format!("{:.3}", value(scores))))
            .collect::<Vec<_>>()
    };
    let counts = |name: &str, found: &[Found]| {
        std::iter::once(name.to_owned())
            .chain(found.iter().map(|found| format!("{} of {}", found.found, found.causes)))
            .collect::<Vec<_>>()
    };
    let found: Vec<Found> = engines.iter().map(|scores| scores.found).collect();
    let rows = vec![
        figure("B-cubed precision", &|scores| scores.b_cubed.precision),
        figure("B-cubed recall", &|scores| scores.b_cubed.recall),
        figure("B-cubed F1", &|scores| scores.b_cubed.f1),
        figure("adjusted Rand index", &|scores| scores.adjusted_rand),
        figure("adjusted mutual information", &|scores| scores.adjusted_mutual_information),
        figure("V-measure", &|scores| scores.v_measure),
        figure("noise precision", &|scores| scores.noise_precision),
        figure("noise recall", &|scores| scores.noise_recall),
        counts("causes found", &found),
    ];
    let title = format!("{} disputes, {} groups", scores.rows, scores.groups);
    let header = |first: &'static str, alone: &'static str| match group_by {
        Some(_) => vec![first, "GROUPS", "BEST GROUP BY"],
        None => vec![first, alone],
    };
    let mut names = header("", "");
    names[0] = &title;
    let mut text = ui::table(&names, &rows, &[1, 2]);
    if let Some(compared) = group_by {
        text.push_str(&format!(
            "best GROUP BY (key {}, within program and manufacturer), chosen by an oracle that knows the truth; {} groups\n",
            compared.best.key.join(", "),
            compared.best.scores.groups,
        ));
    }
    let sizes: Vec<Vec<String>> = scores
        .found_by_size
        .iter()
        .enumerate()
        .map(|(place, class)| {
            let found: Vec<Found> = engines.iter().map(|scores| scores.found_by_size[place].found).collect();
            counts(&class.label(), &found)
        })
        .collect();
    text.push_str(&format!("\n{}", ui::table(&header("CAUSES OF", "FOUND"), &sizes, &[1, 2])));
    if let Some(families) = found_by_family {
        let theirs = group_by.as_ref().and_then(|compared| compared.found_by_family.as_ref());
        let rows: Vec<Vec<String>> = families
            .iter()
            .map(|(family, found)| {
                let other = theirs.and_then(|theirs| theirs.get(family));
                let found: Vec<Found> = std::iter::once(found).chain(other).copied().collect();
                counts(&ui::clip(family, 40), &found)
            })
            .collect();
        text.push_str(&format!("\n{}", ui::table(&header("CAUSES OF THE FAMILY", "FOUND"), &rows, &[1, 2])));
    }
    text
}
