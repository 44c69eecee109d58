//! `disputebot generate`: sample disputes with their truth.

use std::{fs, io::BufWriter, path::PathBuf};

use super::{CliError, Exit, Ui};
use crate::generate::{self, CauseSummary, Plan, World};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Rows of the first day
    #[arg(long, default_value_t = 5_000)]
    rows: usize,
    /// Root causes of the first day, over all clients
    #[arg(long, default_value_t = 40)]
    causes: usize,
    /// Seed: the same one gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How causes show: as conjunctions of attributes, or tangled as in life
    #[arg(long, value_enum, default_value_t = WorldName::Conjunctive)]
    world: WorldName,
    /// Folder to write into: disputes.csv, truth.csv, causes.csv, and all again under day2
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WorldName {
    Conjunctive,
    Tangled,
}

pub(super) fn execute(arguments: &Arguments, ui: &mut Ui) -> Result<Exit, CliError> {
    let world = match arguments.world {
        WorldName::Conjunctive => World::Conjunctive,
        WorldName::Tangled => World::Tangled,
    };
    let plan = Plan::new(world, arguments.rows, arguments.causes, arguments.seed);
    for (day, folder) in [(0, arguments.out.clone()), (1, arguments.out.join("day2"))] {
        let failed = |error: &dyn std::fmt::Display| {
            CliError::new(Exit::Input, format!("could not write into `{}`: {error}", folder.display()))
        };
        fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let open = |name: &str| {
            let file = fs::File::create(folder.join(name)).map_err(|error| failed(&error))?;
            Ok::<_, CliError>(csv::Writer::from_writer(BufWriter::new(file)))
        };
        let (mut disputes, mut truth, mut causes) =
            (open("disputes.csv")?, open("truth.csv")?, open("causes.csv")?);
        let rows = generate::stream_day(&plan, day);
        causes
            .write_record(["cause", "kind", "name", "family", "program"])
            .map_err(|error| failed(&error))?;
        for cause in rows.causes() {
            let CauseSummary { label, kind, name, family, program } = cause;
            causes
                .write_record([label.as_str(), &kind.to_string(), name, family, program])
                .map_err(|error| failed(&error))?;
        }
        disputes.write_record(generate::HEADER).map_err(|error| failed(&error))?;
        truth.write_record(["dispute_id", "cause"]).map_err(|error| failed(&error))?;
        for row in rows {
            disputes.write_record(row.record.fields()).map_err(|error| failed(&error))?;
            if row.record.is_unresolved() {
                truth
                    .write_record([row.record.dispute_id.as_str(), row.truth.as_deref().unwrap_or("")])
                    .map_err(|error| failed(&error))?;
            }
        }
        disputes
            .flush()
            .and_then(|()| truth.flush())
            .and_then(|()| causes.flush())
            .map_err(|error| failed(&error))?;
    }
    ui.say(&format!(
        "wrote {} sample disputes with {} causes to `{}`, and the day after to `{}`",
        arguments.rows,
        arguments.causes,
        arguments.out.display(),
        arguments.out.join("day2").display(),
    ));
    Ok(Exit::Done)
}
