//! How a command ends.

use std::process::ExitCode;

use super::output;
use crate::config::ConfigError;

/// The command line or the configuration is wrong (`EX_USAGE` of sysexits.h).
const BAD_USAGE: u8 = 64;
/// There is nothing where something is to be read from (`EX_NOINPUT`).
const NO_INPUT: u8 = 66;
/// It may work later (`EX_TEMPFAIL`).
const NOT_NOW: u8 = 75;
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
    /// What is to be read is not there: exit code 66.
    #[error("{0}")]
    Missing(String),
    /// Somebody else uses it: exit code 75.
    #[error("{0}")]
    InUse(String),
    /// It did not work: exit code 1.
    #[error("{}", told(.0))]
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

/// The error and its causes, without those that an outer one has already told.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Tells what went wrong, and with which code to end.
pub fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    let text = failure.to_string();
    match failure {
        // Each line begins with its place, so that editors can jump there.
        Failure::Config(_) => output::places(&text),
        _ => text.lines().for_each(output::complain),
    }
    match failure {
        Failure::Config(_) | Failure::Usage(_) => ExitCode::from(BAD_USAGE),
        Failure::Missing(_) => ExitCode::from(NO_INPUT),
        Failure::InUse(_) => ExitCode::from(NOT_NOW),
        Failure::Failed(_) => ExitCode::from(FAILED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context as _, anyhow};

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow!("in use").context("cannot listen: in use").context("no start");
        assert_eq!(told(&error), "no start: cannot listen: in use");
        let error = Err::<(), _>(anyhow!("refused")).context("no answer").unwrap_err();
        assert_eq!(Failure::from(error).to_string(), "no answer: refused");
    }
}
