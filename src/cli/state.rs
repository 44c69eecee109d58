//! `disputebot state`: verify, rebuild, export, import, backup, restore.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CliError, Common, Exit, Ui, plan::client_of, runtime};
use crate::{
    apply::{self, SystemClock},
    config::{Needs, Settings},
    run,
    state::{self, Change, Doubt, FORMAT, Known, State, StateError, Waits, backup},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Checks the journal's chain, every checksum, and that both stores say the same
    Verify {
        /// The end of the journal at an earlier time, as the last line of a report has it: tells an older copy
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<state::Head>,
        /// Prints what was found as JSON
        #[arg(long)]
        json: bool,
    },
    /// Makes the vault anew; the old one is kept aside
    Rebuild {
        /// What to make it from
        #[arg(long, value_enum, default_value_t = Origin::Journal)]
        from: Origin,
        /// Prints what was done as JSON
        #[arg(long)]
        json: bool,
    },
    /// Writes the journal to a file (.jsonl.gz) that `restore` reads; works beside a running daemon
    Backup {
        /// File to write
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Prints what was written as JSON
        #[arg(long)]
        json: bool,
    },
    /// Puts a backup in the place of the state; the old one is kept aside
    Restore {
        /// File to read
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Prints what was done as JSON
        #[arg(long)]
        json: bool,
    },
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Origin {
    /// The journal of this state
    Journal,
    /// The tickets in Jira: for when all else is lost. Takes the project over, and keeps what was there aside
    Jira,
}

pub(super) fn execute(arguments: &Arguments, common: &Common, ui: &mut Ui) -> Result<Exit, CliError> {
    if let What::Rebuild { from: Origin::Jira, json } = &arguments.what {
        let settings = common.settings(Needs { jira: true, ..Needs::default() }, &[], ui)?;
        rebuild_from_jira(settings, *json, ui)?;
        return Ok(Exit::Done);
    }
    let directory = common.settings(Needs::default(), &[], ui)?.state;
    match &arguments.what {
        What::Verify { head, json } => verify(&directory, *head, *json, ui)?,
        What::Rebuild { from: _, json } => rebuild_from_journal(&directory, *json, ui)?,
        What::Backup { file, json } => {
            let made = backup::backup(&directory, file)?;
            if *json {
                ui.json(&made)?;
            } else {
                ui.say(&format!("wrote {} records to `{}`", made.head.seq, file.display()));
            }
        }
        What::Restore { file, json } => {
            let made = backup::restore(&directory, file)?;
            if *json {
                ui.json(&made)?;
            } else {
                let kept = aside("the state that was there", made.aside.as_deref());
                ui.say(&format!("restored {} records from `{}`{kept}", made.head.seq, file.display()));
                ui.say(UNTIL_READ);
            }
        }
        What::Export { file } => {
            let known = Known::read(&directory)?;
            let text = export(&known)?;
            match file {
                None => ui.data(&text)?,
                Some(path) => {
                    state::replace_file(path, |out| out.write_all(text.as_bytes()))?;
                    ui.say(&format!("wrote {} groups to `{}`", known.groups.len(), path.display()));
                }
            }
        }
        What::Import { file } => {
            let mut changes = import(file)?;
            let mut state = State::open(&directory)?;
            if state.head().seq > 0 {
                return Err(CliError::new(
                    Exit::State,
                    format!("the state in `{}` is not empty", directory.display()),
                )
                .hint("import into a new folder: `--set state.dir=FOLDER`"));
            }
            let read = changes.len();
            let reason = "the state was imported from an export".to_owned();
            changes.push(Change::Doubt { doubt: Some(Doubt { reason, read: None }) });
            state.record(Timestamp::now(), &changes)?;
            ui.say(&format!("read {read} records into `{}`", directory.display()));
            ui.say(UNTIL_READ);
        }
    }
    Ok(Exit::Done)
}

const UNTIL_READ: &str = "no ticket is created until Jira was read from end to end twice";

fn verify(directory: &Path, head: Option<state::Head>, json: bool, ui: &mut Ui) -> Result<(), CliError> {
    let found = State::verify_since(directory, head.unwrap_or(state::Head::EMPTY))?;
    if json {
        return Ok(ui.json(&found)?);
    }
    Ok(ui.data(&format!(
        "the journal's {} records form one unbroken chain, and all {} values of the vault agree with it\n",
        found.head.seq, found.values
    ))?)
}

fn rebuild_from_journal(directory: &Path, json: bool, ui: &mut Ui) -> Result<(), CliError> {
    let rebuilt = State::rebuild(directory)?;
    if json {
        return Ok(ui.json(&rebuilt)?);
    }
    let kept = aside("the old one", rebuilt.aside.as_deref());
    ui.say(&format!("made the vault anew from {} records of the journal{kept}", rebuilt.records));
    if let Some(doubt) = rebuilt.doubt {
        ui.warn(&format!("{doubt}; {UNTIL_READ}"));
    }
    Ok(())
}

/// What a rebuild from Jira did.
#[derive(Serialize)]
struct FoundAgain {
    /// Tickets that were bound again.
    tickets: usize,
    /// Issues that carry our label and no mark of a group of ours.
    strange: Vec<String>,
    /// Where the state is that was there.
    aside: Option<PathBuf>,
    /// Whether a second reading is still to come.
    in_doubt: bool,
}

fn rebuild_from_jira(mut settings: Settings, json: bool, ui: &mut Ui) -> Result<(), CliError> {
    let client = client_of(&settings)?;
    let runtime = runtime()?;
    // Before anything is moved. A journal that cannot be read is what this is for; what Jira asks to wait for lies beside
    // it as well.
    let known = Known::read(&settings.state)
        .unwrap_or_else(|_| Known { waits: Waits::read(&settings.state), ..Known::default() });
    apply::pause::resume(&client, &known, &SystemClock);
    runtime.block_on(client.sign_in())?;
    let kept = backup::start_over(&settings.state, "the state was rebuilt from Jira")?;
    let mut state = State::open(&settings.state)?;
    let policy = &mut settings.run.apply;
    (policy.take_over, policy.instance) = (true, run::mint().to_string());
    let recovered = runtime.block_on(apply::recover(&client, &mut state, &SystemClock, policy, true))?;
    let found = FoundAgain {
        tickets: recovered.bound,
        strange: recovered.strange.clone(),
        aside: kept,
        in_doubt: state.known().doubt.is_some(),
    };
    if json {
        return Ok(ui.json(&found)?);
    }
    super::run::tell_recovered(&recovered, ui);
    let kept = aside("what was there", found.aside.as_deref());
    ui.say(&format!("made the state anew from {} tickets in Jira{kept}", found.tickets));
    if found.in_doubt {
        let minutes = settings.run.apply.quarantine().as_mins();
        ui.say(&format!(
            "{UNTIL_READ}; the second time is due in {minutes} minutes, by the next run or the daemon"
        ));
    }
    Ok(())
}

fn aside(what: &str, path: Option<&Path>) -> String {
    path.map(|path| format!("; {what} is in `{}`", path.display())).unwrap_or_default()
}

/// First line of an export.
#[derive(Serialize, Deserialize)]
struct Head {
    disputebot_state: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// How many lines follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    records: Option<usize>,
}

fn export(known: &Known) -> Result<String, CliError> {
    let failed = |error: serde_json::Error| CliError::new(Exit::Bug, error);
    let changes = known
        .groups
        .values()
        .cloned()
        .map(Change::Group)
        .chain(known.tickets.values().cloned().map(Change::Ticket))
        .chain(known.runs.values().cloned().map(|run| Change::Run(Box::new(run))))
        .chain(known.schedules.values().cloned().map(Change::Occurrence))
        .chain(known.strays.values().cloned().map(|stray| Change::Stray { stray }))
        .chain(known.rulings.values().cloned().map(|ruling| Change::Ruling { ruling }))
        .chain(known.filings.values().cloned().map(|filing| Change::Filing { filing }))
        .chain(known.projects.iter().cloned().map(|project| Change::Project { project }))
        .chain(known.home.clone().map(|home| Change::Home { home }))
        .chain(known.text_limit.map(|limit| Change::TextLimit { limit }))
        .chain(known.pause.clone().map(|pause| Change::Pause { pause: Some(pause) }))
        .chain((!known.not_before.is_empty()).then(|| Change::NotBefore { parts: known.not_before.clone() }))
        .chain(known.claim.clone().map(|claim| Change::Claim { claim: Some(claim) }))
        .chain(known.rival.clone().map(|rival| Change::Rival { rival: Some(rival) }))
        .chain(known.doubt.clone().map(|doubt| Change::Doubt { doubt: Some(doubt) }));
    let (mut text, mut records) = (String::new(), 0);
    for change in changes {
        text.push_str(&serde_json::to_string(&change).map_err(failed)?);
        text.push('\n');
        records += 1;
    }
    let version = Some(env!("CARGO_PKG_VERSION").to_owned());
    let head = Head { disputebot_state: FORMAT, version, records: Some(records) };
    Ok(serde_json::to_string(&head).map_err(failed)? + "\n" + &text)
}

fn import(path: &Path) -> Result<Vec<Change>, CliError> {
    let wrong = |line: usize, what: String| {
        CliError::new(
            Exit::State,
            format!("`{}` line {line} is not part of an export: {what}", path.display()),
        )
    };
    let mut lines = BufReader::new(File::open(path)?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let head: Head = serde_json::from_str(&first).map_err(|error| wrong(1, error.to_string()))?;
    if head.disputebot_state > FORMAT {
        let (found, version) = (head.disputebot_state, head.version);
        return Err(StateError::NewerFormat { found, supported: FORMAT, version }.into());
    }
    let changes: Vec<Change> = lines
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(&line?).map_err(|error| wrong(index + 2, error.to_string()))
        })
        .collect::<Result<_, CliError>>()?;
    match head.records {
        Some(expected) if expected != changes.len() => Err(CliError::new(
            Exit::State,
            format!("`{}` has {} records, but its first line says {expected}", path.display(), changes.len()),
        )),
        _ => Ok(changes),
    }
}
