//! `disputebot completions`: for bash, zsh, fish, elvish and PowerShell.

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn execute(arguments: &Arguments, command: &mut clap::Command) {
    let mut out = Vec::new();
    clap_complete::generate(arguments.shell, command, "disputebot", &mut out);
    // A reader that has gone away wants nothing more.
    drop(std::io::Write::write_all(&mut std::io::stdout(), &out));
}
