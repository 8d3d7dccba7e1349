//! The command line: what one can ask of the binary, and how it answers.
//!
//! Data goes to stdout, everything else to stderr, so that output can be piped. The exit code is
//! 0 for success, 1 for a failure and 64 for a wrong command line or configuration; `store` has
//! two more.

mod arguments;
mod check_config;
mod client;
mod demo;
mod exit;
mod healthcheck;
mod investigate;
mod logs;
mod output;
mod stop;
mod store;
mod story;
mod version;

pub use arguments::{Command, DemoArguments, ServeArguments, parse};
pub use demo::{introduce_demo, load_demo};
pub use exit::{Failure, Usage, exit_code};
pub use stop::StopSignals;
pub use store::StoreArguments;

use crate::config::{self, Loaded};

/// Runs a command that does its work and ends. `serve` and `demo` are the service's own life and
/// belong to `main`.
///
/// # Errors
///
/// What the command failed at, with the exit code that goes with it.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::CheckConfig(arguments) => check_config::run(arguments),
        Command::Config(flags) => output::data(&load(flags)?.effective),
        Command::Healthcheck(arguments) => healthcheck::run(arguments),
        Command::Investigate(arguments) => investigate::run(arguments),
        Command::Logs(arguments) => logs::run(arguments),
        Command::Store(arguments) => store::run(arguments),
        Command::Version(arguments) => version::run(arguments),
        Command::Serve(_) | Command::Demo(_) => {
            Err(anyhow::anyhow!("this command is not run from here").into())
        }
    }
}

/// The configuration as the flags, the environment and the file say.
///
/// # Errors
///
/// All mistakes in it.
pub fn load(flags: &config::Flags) -> Result<Loaded, config::ConfigError> {
    // A variable that is not UTF-8 cannot be one of ours; `std::env::vars` would panic on it.
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("PHAROS_"))
        .collect();
    config::load(flags, &variables)
}
