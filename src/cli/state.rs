//! `disputebot state`: export, import, verify, rebuild.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CliError, Common, Exit, Ui};
use crate::{
    config::Needs,
    state::{Change, Known, State},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Writes all that is known as JSON lines; works beside a running daemon
    Export {
        /// File to write; stdout where none is given
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Reads an export into an empty state
    Import {
        /// File to read
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Checks the journal's chain, every checksum, and that both stores say the same
    Verify,
    /// Makes the vault anew from the journal; the old one is kept aside
    Rebuild,
}

/// First line of an export.
#[derive(Serialize, Deserialize)]
struct Head {
    disputebot_state: u32,
}

const FORMAT: u32 = 1;

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    let directory = common.settings(Needs::default(), &[], ui)?.state;
    match &arguments.what {
        What::Export { file } => {
            let known = Known::read(&directory)?;
            let text = export(&known)?;
            match file {
                None => ui.data(&text)?,
                Some(path) => {
                    let mut out = File::create(path)?;
                    out.write_all(text.as_bytes())?;
                    out.sync_all()?;
                    ui.say(&format!("wrote {} groups to `{}`", known.groups.len(), path.display()));
                }
            }
        }
        What::Import { file } => {
            let changes = import(file)?;
            let mut state = State::open(&directory)?;
            if state.head().seq > 0 {
                return Err(CliError::new(
                    Exit::State,
                    format!("the state in `{}` is not empty", directory.display()),
                )
                .hint("import into a new folder: `--set state.dir=FOLDER`"));
            }
            state.record(Timestamp::now(), &changes)?;
            ui.say(&format!("read {} records into `{}`", changes.len(), directory.display()));
        }
        What::Verify => {
            let (records, values) = State::verify(&directory)?;
            ui.data(&format!("the journal's {records} records form one unbroken chain, and all {values} values of the vault agree with it\n"))?;
        }
        What::Rebuild => {
            let (records, aside) = State::rebuild(&directory)?;
            let kept =
                aside.map(|path| format!("; the old one is in `{}`", path.display())).unwrap_or_default();
            ui.say(&format!("made the vault anew from {records} records of the journal{kept}"));
        }
    }
    Ok(Exit::Done)
}

fn export(known: &Known) -> Result<String, CliError> {
    let failed = |error: serde_json::Error| CliError::new(Exit::Bug, error);
    let mut text = serde_json::to_string(&Head { disputebot_state: FORMAT }).map_err(failed)? + "\n";
    let changes = known
        .groups
        .values()
        .cloned()
        .map(Change::Group)
        .chain(known.tickets.values().cloned().map(Change::Ticket))
        .chain(known.runs.values().cloned().map(|run| Change::Run(Box::new(run))))
        .chain(known.schedules.values().cloned().map(Change::Occurrence))
        .chain(known.strays.values().cloned().map(|stray| Change::Stray { stray }))
        .chain(known.claim.clone().map(|claim| Change::Claim { claim: Some(claim) }))
        .chain(known.doubt.clone().map(|doubt| Change::Doubt { doubt: Some(doubt) }));
    for change in changes {
        text.push_str(&serde_json::to_string(&change).map_err(failed)?);
        text.push('\n');
    }
    Ok(text)
}

fn import(path: &PathBuf) -> Result<Vec<Change>, CliError> {
    let wrong = |line: usize, what: String| {
        CliError::new(
            Exit::State,
            format!("`{}` line {line} is not part of an export: {what}", path.display()),
        )
    };
    let mut lines = BufReader::new(File::open(path)?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let head: Head = serde_json::from_str(&first).map_err(|error| wrong(1, error.to_string()))?;
    if head.disputebot_state != FORMAT {
        let found = head.disputebot_state;
        return Err(wrong(1, format!("it has format {found}, this build reads {FORMAT}")));
    }
    lines
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(&line?).map_err(|error| wrong(index + 2, error.to_string()))
        })
        .collect()
}
