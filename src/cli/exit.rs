//! How a command ends.

use std::process::ExitCode;

use super::output;
use crate::config::ConfigError;

/// The command line or the configuration is wrong (`EX_USAGE` of sysexits.h).
const BAD_USAGE: u8 = 64;
/// Something that was asked for did not work, or the answer is no.
const FAILED: u8 = 1;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong: exit code 64.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What was asked makes no sense: exit code 64.
    #[error("{0}")]
    Usage(String),
    /// It did not work: exit code 1.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// The command line could not be read, or asked for `--help` or `--version`.
#[derive(Debug)]
pub struct Usage(pub(super) clap::Error);

impl Usage {
    /// Prints what there is to say, and says how to end.
    pub fn tell(&self) -> ExitCode {
        let printed = self.0.print();
        let code = if self.0.use_stderr() { BAD_USAGE } else { 0 };
        ExitCode::from(if printed.is_err() { FAILED } else { code })
    }
}

/// Tells what went wrong, and with which code to end.
pub fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    for line in failure.to_string().lines() {
        output::complain(line);
    }
    match failure {
        Failure::Config(_) | Failure::Usage(_) => ExitCode::from(BAD_USAGE),
        Failure::Failed(_) => ExitCode::from(FAILED),
    }
}
