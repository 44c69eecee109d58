//! The `disputebot` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    disputebot::cli::main()
}
