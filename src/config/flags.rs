//! Flags, derived from the table, and the same keys as environment variables.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::key::{Key, Kind};
use super::origin::Origin;
use super::table::KEYS;
use super::values::preset_text;

const FILE: &str = "config.file";
/// Flags that `-h` shows; `--help` shows all.
const COMMON: [&str; 6] = [
    "storage.path",
    "web.listen_address",
    "otlp.grpc.listen_address",
    "otlp.http.listen_address",
    "log.level",
    "log.format",
];

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config.file`.
    pub file: Option<PathBuf>,
    pub(super) given: Vec<Given>,
}

/// The text given for a key by a flag or a variable.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) key: &'static Key,
    pub(super) text: String,
    pub(super) origin: Origin,
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new(FILE)
            .long(FILE)
            .value_name("path")
            .value_parser(clap::value_parser!(PathBuf))
            .help("The configuration file (YAML)")
            .help_heading("Configuration");
        let command = command.arg(file);
        KEYS.iter().filter(|key| key.kind.is_scalar()).map(flag).fold(command, Command::arg)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.file = matches.get_one::<PathBuf>(FILE).cloned();
        self.given = KEYS
            .iter()
            .filter(|key| key.kind.is_scalar())
            .filter_map(|key| {
                let text = matches.get_one::<String>(key.name)?.clone();
                Some(Given { key, text, origin: Origin::Flag(format!("--{}", key.flag())) })
            })
            .collect();
        Ok(())
    }
}

fn flag(key: &'static Key) -> Arg {
    let mut help = key.doc.replace('`', "");
    if let Some(preset) = preset_text(key) {
        help.push_str(&format!(" [default: {preset}]"));
    }
    let arg = Arg::new(key.name)
        .long(key.flag())
        .value_name(key.kind.shape())
        .action(ArgAction::Set)
        .help(help)
        .help_heading("Configuration")
        .hide_short_help(!COMMON.contains(&key.name));
    if matches!(key.kind, Kind::Switch) {
        // `--redaction.enabled=false`, and the bare flag for true.
        return arg.num_args(0..=1).require_equals(true).default_missing_value("true");
    }
    arg
}

/// What the environment says, and near misses: variables that nobody reads but that look meant.
///
/// Others that begin with `PHAROS_` are left alone: Kubernetes sets `PHAROS_PORT` and the like
/// for every service called `pharos`. An empty variable is one that is not set.
pub(super) fn from_environment(
    variables: &[(String, String)],
) -> (Option<PathBuf>, Vec<Given>, Vec<String>) {
    let (mut file, mut given, mut misses) = (None, Vec::new(), Vec::new());
    let known = |name: &str| KEYS.iter().find(|key| key.kind.is_scalar() && key.variable() == name);
    for (name, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
        if name == "PHAROS_CONFIG_FILE" {
            file = Some(PathBuf::from(text));
        } else if let Some(key) = known(name) {
            let origin = Origin::Variable(name.clone());
            given.push(Given { key, text: text.clone(), origin });
        } else if name.starts_with("PHAROS_") {
            let near = KEYS
                .iter()
                .filter(|key| key.kind.is_scalar())
                .map(Key::variable)
                .find(|variable| strsim::damerau_levenshtein(variable, name) <= 2);
            misses.extend(near.map(|near| format!("{name} is not read; did you mean {near}?")));
        }
    }
    (file, given, misses)
}
