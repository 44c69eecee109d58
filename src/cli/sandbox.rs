//! `disputebot sandbox`: a local Jira to try disputebot against.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::{CliError, Exit, Ui, runtime};
use crate::{
    daemon,
    sandbox::{self, Flavour, Index, Limits, Options, Refusal, SandboxError, Script, User, Workflow},
};

/// What is behind the options, for those who try out more than the demo.
const MORE: &str = "\
It plays versions 3 and 2 of Jira Cloud, or version 2 of Jira Data Center 10.3, for what a ticket bot needs: issues,
search, workflow, comments, links, files, properties, metadata. Two accounts are there, `disputebot` and `analyst`;
their tokens are `not-a-secret-bot` and `not-a-secret-analyst`. Cloud takes email and token, and at the gateway
(`/ex/jira/` and the id told at `/_edge/tenant_info`) the token alone; Data Center takes name and token, or the token
alone. The board is at `/`, a ticket at `/browse/KEY`. At the end it tells which lines of a file of faults came to
nothing, and what was asked for that it does not have.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = MORE)]
pub(super) struct Arguments {
    /// Port on this machine; 0 takes a free one
    #[arg(long, default_value_t = 8099)]
    port: u16,
    /// Key of a project; may be repeated, and the first one gets the tickets of clients
    #[arg(long, default_value = "DISP", value_name = "KEY")]
    project: Vec<String>,
    /// Workflow of its projects
    ///
    /// standard     four statuses; closing asks for a resolution, from everywhere
    /// plain        in German, without a screen
    /// demanding    in Japanese; done demands a resolution
    /// two-steps    in German; done is two steps away, the second with a screen
    /// dead-end     in German; nothing leads to done
    /// loops        done is three steps away, past a loop
    /// decoy        transitions named "Done" lead nowhere
    /// asking       in German; the screen before done demands a field of its own
    /// conditional  in Japanese; done is there for assigned issues only
    /// two-ends     two statuses are done
    #[arg(long, value_name = "SHAPE", default_value = "standard", value_parser = workflow, verbatim_doc_comment)]
    workflow: Workflow,
    /// Which Jira it plays
    #[arg(long, value_enum, default_value_t = Kind::Cloud)]
    flavour: Kind,
    /// Answers below a path, as many a Data Center does
    #[arg(long, value_name = "PATH", default_value = "")]
    context_path: String,
    /// What goes wrong, from a file; `--help` shows one
    ///
    /// TOML with a table for each fault, or the same keys as a JSON object on each line:
    ///
    ///   [[fault]]
    ///   on = "POST /issue"     # method and end of path, `METHOD ~PATTERN`, or `writes`
    ///   nth = 1                # which of the matching requests, and
    ///   times = 1              # how many from there on
    ///   effect = "close-after-commit"
    ///
    /// Effects, and the keys that go with them:
    ///
    ///   hang-before-commit, hang-after-commit, close-before-commit, close-after-commit
    ///   answer, answer-after-commit
    ///                  status, headers, body
    ///   late           reply (close, hang, or answer with a status), `after_s`
    ///   rate-limit     `wait_s`, html (true or false)
    ///                  reason (jira-burst-based, jira-per-issue-on-write,
    ///                          jira-quota-tenant-based, jira-quota-global-based)
    ///                  told (seconds, date, nothing)
    ///                  family (cloud, data-center, bare)
    ///   conflict       another account changes the issue first, and the answer is 409
    ///   unnoticed-edit the same, and nobody is told
    ///   expire-token, expire-pages, short-page, lose-page-token
    ///
    /// More tables of the TOML:
    ///
    ///   [index]                # searches are behind, and forget
    ///   `lag_s = 30`
    ///   flicker = 20           # in percent, drawn from the
    ///   seed = 7
    ///   [[webhook]]            # the next delivery; `times` for more of them
    ///   mischief = "doubled"   # late, doubled, reordered, dropped, forged, none
    ///   [[webhook]]            # all later ones
    ///   seed = 7
    ///   rate = 10              # in percent
    ///   [[require]]            # a field without which no ticket is made, told by no metadata
    ///   field = "duedate"
    ///   project = "OPS"        # each one unless given
    ///   [[field]]              # what the metadata tells of a field
    ///   field = "environment"
    ///   project = "OPS"
    ///   `issue_types = ["Bug"]`  # all unless given
    ///   required = true
    ///   `off = ["edit"]`       # screens without it
    ///   [[account]]
    ///   name = "disputebot"    # or analyst
    ///   language = "german"
    ///   `lacks = ["ADD_COMMENTS"]`
    ///   `has = ["ADMINISTER"]`
    ///   [site]
    ///   `text_limit = 2000`      # of descriptions and comments,
    ///   measure = "text"       # as read, or as json
    ///   `scoped_only = true`     # tokens count at the gateway alone
    ///   [caps]                 # of a ticket: comments, attachments, links, `remote_links`
    ///   comments = 5
    ///   `attachment_bytes = 1000000`
    ///   [[person]]             # the analyst comes right after a request took effect
    ///   after = "POST /issue"  # as `on`; nth and times as above
    ///   does = "move"          # move, rename (its project), hide, archive, delete, leave
    ///   to = "OPS"             # where `move` goes, the key that `rename` gives
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    faults: Option<PathBuf>,
    /// Random faults: the same seed tells the same story; RATE is in percent, 10 unless given
    #[arg(long, value_name = "SEED[:RATE]", value_parser = chaos)]
    chaos: Option<(u64, u8)>,
    /// Searches are behind by this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    index_lag: u64,
    /// Tells an address of this machine what happens, as a webhook of Jira does
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Signs what the webhook tells
    #[arg(long, value_name = "SECRET", requires = "webhook")]
    webhook_secret: Option<String>,
    /// Refuses bursts, and on Cloud too many writes to one ticket, as Jira does
    #[arg(long)]
    limits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Version 3, documents, account ids
    Cloud,
    /// Version 2, wiki markup, user names
    DataCenter,
}

/// Chance of a fault in a hundred requests unless it is given.
const CHAOS_PERCENT: u8 = 10;

fn chaos(text: &str) -> Result<(u64, u8), String> {
    let (seed, rate) = text.split_once(':').unwrap_or((text, ""));
    let seed = seed.parse().map_err(|_| format!("a seed is a whole number, but found `{seed}`"))?;
    let percent = match rate {
        "" => Some(CHAOS_PERCENT),
        rate => rate.parse().ok().filter(|percent| *percent <= 100),
    };
    Ok((seed, percent.ok_or_else(|| format!("a rate is from 0 to 100, but found `{rate}`"))?))
}

fn workflow(text: &str) -> Result<Workflow, String> {
    let names = || Workflow::ALL.map(Workflow::name).join(", ");
    Workflow::ALL
        .into_iter()
        .find(|shape| shape.name() == text)
        .ok_or_else(|| format!("expected one of {}", names()))
}

pub(super) fn execute(arguments: &Arguments, ui: &mut Ui) -> Result<Exit, CliError> {
    // There is at least the one that is set unless another one is given.
    let (own, others) =
        arguments.project.split_first().ok_or_else(|| CliError::new(Exit::Bug, "no project"))?;
    let options = Options {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
        project_key: own.clone(),
        index: match arguments.index_lag {
            0 => Index::Immediate,
            seconds => Index::Behind(Duration::from_secs(seconds)),
        },
        flavour: match arguments.flavour {
            Kind::Cloud => Flavour::Cloud,
            Kind::DataCenter => Flavour::DataCenter,
        },
        context_path: arguments.context_path.clone(),
        ..Options::default()
    };
    let script = arguments.faults.as_deref().map(read_script).transpose()?;
    runtime()?.block_on(async {
        let sandbox = sandbox::start(options).await?;
        let refused = |error: Refusal| CliError::new(Exit::Usage, error);
        for other in others {
            sandbox.add_project(other, other).map_err(refused)?;
        }
        for project in &arguments.project {
            sandbox.set_workflow(project, arguments.workflow).map_err(refused)?;
        }
        if let Some(script) = script {
            sandbox.play(script).map_err(refused)?;
        }
        if let Some((seed, percent)) = arguments.chaos {
            sandbox.set_chaos(seed, percent);
        }
        sandbox.set_limits(Limits {
            per_issue: arguments.limits,
            burst: arguments.limits,
            told: arguments.limits,
        });
        if let Some(url) = &arguments.webhook {
            sandbox
                .add_webhook(url, arguments.webhook_secret.as_deref(), &[])
                .map_err(|error| CliError::new(Exit::Usage, error))?;
            sandbox.set_webhooks_flow(true);
        }
        let bot = User::bot();
        ui.say("a sandbox Jira is up; it keeps everything in memory and forgets it at the end");
        ui.data(&format!(
            "board      {base}\n\nin disputebot.toml\n  [jira]\n  url = \"{base}\"\n  project = \"{project}\"\n  user = \"{user}\"\n\n\
             in the environment\n  DISPUTEBOT_JIRA_TOKEN={token}\n",
            base = sandbox.base_url(),
            project = own,
            user = if arguments.flavour == Kind::Cloud { bot.email } else { bot.name },
            token = bot.token,
        ))?;
        ui.say("Ctrl-C stops it");
        let stop = CancellationToken::new();
        let signals = daemon::stop_on_signals(stop.clone(), 0);
        stop.cancelled().await;
        signals.abort();
        for line in sandbox.leftovers() {
            ui.warn(&line);
        }
        sandbox.stop().await;
        Ok(Exit::Done)
    })
}

fn read_script(path: &Path) -> Result<Script, CliError> {
    let about = || format!("could not read the faults in `{}`", path.display());
    let text =
        fs::read_to_string(path).with_context(about).map_err(|error| CliError::new(Exit::Config, error))?;
    Script::read(&text)
        .with_context(about)
        .map_err(|error| CliError::new(Exit::Config, error).hint("`disputebot sandbox --help` shows a fault"))
}

impl From<SandboxError> for CliError {
    fn from(error: SandboxError) -> Self {
        let is_taken = matches!(error, SandboxError::Listen { .. });
        let told = Self::new(if is_taken { Exit::Jira } else { Exit::Usage }, error);
        if is_taken { told.hint("another port: `--port 0` takes a free one") } else { told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_goes_by_its_name() {
        for shape in Workflow::ALL {
            assert_eq!(workflow(shape.name()), Ok(shape));
        }
        assert!(workflow("Standard").is_err_and(|told| told.contains("dead-end")));
    }

    #[test]
    fn chaos_is_a_seed_and_perhaps_a_rate() {
        assert_eq!(chaos("7"), Ok((7, CHAOS_PERCENT)));
        assert_eq!(chaos("7:25"), Ok((7, 25)));
        for wrong in ["", "x", "7:101", "7:-1", ":5"] {
            assert!(chaos(wrong).is_err(), "{wrong}");
        }
    }
}
