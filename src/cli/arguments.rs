//! What the command line may say.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::{Failure, StoreArguments, Usage, client};
use crate::build_info::VERSION;
use crate::config::Flags;
use crate::demo::DemoOptions;

const EXIT_CODES: &str = "\
Exit codes:
  0   success
  1   it did not work, or the answer is no
  64  the command line or the configuration is wrong

Every key of the configuration is also a flag and an environment variable:
storage.path, --storage.path, PHAROS_STORAGE_PATH. See docs/configuration.md.";

/// Observability for AI-agent platforms: understands, measures, keeps and ships agent telemetry.
#[derive(Debug, Parser)]
#[command(name = "pharos", version = VERSION, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true)]
struct Pharos {
    #[command(subcommand)]
    command: Command,
}

/// What one can ask of the binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service
    Serve(ServeArguments),
    /// Run the service with a simulated agent platform sending to it
    Demo(DemoArguments),
    /// Find every mistake of a configuration
    CheckConfig(CheckConfigArguments),
    /// Print the configuration in force, and where each value came from
    Config(Flags),
    /// Ask a running Pharos whether it is ready
    Healthcheck(HealthcheckArguments),
    /// Say what happened in one trace
    Investigate(InvestigateArguments),
    /// Show log records, newest first
    Logs(LogsArguments),
    /// Check or export a storage folder
    Store(StoreArguments),
    /// Print the version
    Version(VersionArguments),
}

/// `pharos serve`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct ServeArguments {
    /// The configuration's keys.
    #[command(flatten)]
    pub flags: Flags,
}

/// `pharos demo`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct DemoArguments {
    /// Agent runs a second at the busiest hour; a run is about fifteen spans
    #[arg(long, value_name = "number", default_value_t = 2.0, value_parser = rate)]
    pub rate: f64,
    /// How long to go on, for example 90s or 1h [default: until stopped]
    #[arg(long, value_name = "duration", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Equal seeds play equal runs
    #[arg(long, value_name = "number", default_value_t = 1)]
    pub seed: u64,
    /// Send to this OTLP/HTTP address instead of running the service here
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// A file that holds the API key to send with
    #[arg(long, value_name = "path")]
    pub api_key_file: Option<PathBuf>,
    /// The configuration's keys.
    #[command(flatten)]
    pub flags: Flags,
}

/// `pharos check-config`.
#[derive(Debug, Args)]
pub struct CheckConfigArguments {
    /// The configuration file [default: that of --config.file or PHAROS_CONFIG_FILE]
    pub file: Option<PathBuf>,
    /// The configuration's keys.
    #[command(flatten)]
    pub flags: Flags,
}

/// `pharos healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArguments {
    /// Where Pharos is [default: the configured web address]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// How long to wait for the answer
    #[arg(long, value_name = "duration", default_value = "3s", value_parser = duration)]
    pub timeout: Duration,
    /// The configuration's keys.
    #[command(flatten)]
    pub flags: Flags,
}

/// `pharos investigate`.
#[derive(Debug, Args)]
pub struct InvestigateArguments {
    /// The trace, as 32 hexadecimal digits
    pub trace_id: String,
    /// Where Pharos is [default: the configured web address]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// A file that holds the API key to ask with
    #[arg(long, value_name = "path")]
    pub api_key_file: Option<PathBuf>,
    /// Print the answer as it came
    #[arg(long)]
    pub json: bool,
    /// How long to wait for the answer
    #[arg(long, value_name = "duration", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
    /// The configuration's keys.
    #[command(flatten)]
    pub flags: Flags,
}

/// `pharos logs`.
#[derive(Debug, Default, Args)]
pub struct LogsArguments {
    /// Where Pharos is [default: the configured web address]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// A file that holds the API key to ask with
    #[arg(long, value_name = "path")]
    pub api_key_file: Option<PathBuf>,
    /// Only records of this trace, as 32 hexadecimal digits
    #[arg(long, value_name = "id")]
    pub trace_id: Option<String>,
    /// Only records of this service
    #[arg(long, value_name = "name")]
    pub service: Option<String>,
    /// Only records at least this severe: trace, debug, info, warn, error, fatal, or 1 to 24
    #[arg(long, value_name = "name")]
    pub severity: Option<String>,
    /// Only records in whose body, event name or attributes this text stands
    #[arg(long, value_name = "text")]
    pub text: Option<String>,
    /// Only records from this time on, as RFC 3339 or a Unix time
    #[arg(long, value_name = "time")]
    pub from: Option<String>,
    /// Only records up to this time
    #[arg(long, value_name = "time")]
    pub to: Option<String>,
    /// The most records to show
    #[arg(long, value_name = "number", default_value_t = 100, value_parser = count)]
    pub limit: usize,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
    /// How long to wait for each answer
    #[arg(long, value_name = "duration", default_value = "30s", value_parser = duration)]
    pub timeout: Duration,
    /// The configuration's keys.
    #[command(flatten)]
    pub flags: Flags,
}

/// `pharos version`.
#[derive(Debug, Args)]
pub struct VersionArguments {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

impl DemoArguments {
    /// What the fleet is to do. The endpoint is `--to`, else empty until the service has bound.
    ///
    /// # Errors
    ///
    /// A key that cannot be read, an address that is none.
    pub fn fleet(&self) -> Result<DemoOptions, Failure> {
        let to = self.to.as_deref().map(crate::config::read_url).transpose();
        let key = client::api_key(self.api_key_file.as_deref())?;
        Ok(DemoOptions {
            rate: self.rate,
            duration: self.duration,
            seed: self.seed,
            endpoint: to
                .map_err(|what| Failure::Usage(format!("--to: {what}")))?
                .unwrap_or_default(),
            api_key: key.map(|key| key.expose().to_owned()),
        })
    }
}

/// Reads a command line, the name of the program first.
///
/// # Errors
///
/// A wrong command line, and also `--help` and `--version`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    Pharos::try_parse_from(arguments).map(|pharos| pharos.command).map_err(Usage)
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::read_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "is not a duration such as 30s or 1h".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "is not a number from 1".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let most = crate::limits::DEMO_RUNS_PER_SECOND;
    let rate: f64 = text.parse().map_err(|_| "is not a number".to_owned())?;
    if rate > 0.0 && rate <= most {
        return Ok(rate);
    }
    Err(format!("is not above 0 and at most {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, Usage> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Pharos::command().debug_assert();
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "pharos",
            "pharos dance",
            "pharos serve --storage.pth x",
            "pharos serve extra",
            "pharos demo --rate 0",
            "pharos demo --rate nan",
            "pharos demo --rate 1000000",
            "pharos demo --duration 5",
            "pharos investigate",
            "pharos healthcheck --timeout 0s",
            "pharos logs --limit 0",
            "pharos logs --limit many",
            "pharos logs extra",
            "pharos store",
            "pharos store verify --from 1",
            "pharos store export --signal metrics",
            "pharos store export --from yesterday",
            "pharos store export --trace-id 12",
            "pharos serve --log.level info --log.level debug",
        ] {
            let usage = read(line).expect_err(line);
            assert!(usage.0.use_stderr(), "{line} is a mistake");
        }
    }

    #[test]
    fn demo_takes_its_own_flags_and_those_of_the_configuration() {
        let line = "pharos demo --rate 5.5 --duration 1m30s --seed 7 --storage.path /tmp/x";
        let Ok(Command::Demo(demo)) = read(line) else { panic!("{line}") };
        assert_eq!((demo.rate, demo.seed), (5.5, 7));
        assert_eq!(demo.duration, Some(Duration::from_secs(90)));
        let loaded = crate::config::load(&demo.flags, &[]).unwrap();
        assert_eq!(loaded.config.storage.path, PathBuf::from("/tmp/x"));
    }

    #[test]
    fn help_names_every_exit_code_and_every_flag() {
        let usage = read("pharos serve --help").unwrap_err();
        assert!(!usage.0.use_stderr());
        let help = usage.0.to_string();
        for word in ["Exit codes", "64", "--auth.allow-public-without-auth", "--config.file"] {
            assert!(help.contains(word), "{word} in {help}");
        }
    }
}
